//! The forms of answers, as the document shows them. The answers themselves are written by `app` and
//! `report`; `tests/it/contract.rs` holds every real answer against these, field by field, so that
//! neither can change alone.
#![expect(
    dead_code,
    clippy::struct_field_names,
    reason = "these types are shown and never made: the answers are written elsewhere, under these names"
)]

use serde_json::Value;
use utoipa::ToSchema;

/// An error (RFC 9457). `code` is stable; `type` leads to a page that explains it.
#[derive(ToSchema)]
pub(super) struct Problem {
    #[schema(example = "/problems/not_found")]
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    instance: String,
    #[schema(example = "not_found")]
    code: String,
    /// The request's id, as in `x-request-id`.
    request_id: String,
    errors: Vec<FieldProblem>,
}

/// One rule that one field breaks.
#[derive(ToSchema)]
pub(super) struct FieldProblem {
    #[schema(example = "#/amount")]
    pointer: String,
    code: String,
    detail: String,
}

/// A market.
#[derive(ToSchema)]
pub(super) struct Market {
    #[schema(example = "TAN")]
    code: String,
    name: String,
    ward: Option<String>,
    /// When its book day begins.
    #[schema(example = "00:00")]
    cutoff: String,
    demo: bool,
    /// Where its office is called.
    office_phone: Option<String>,
}

/// A stall in a list.
#[derive(ToSchema)]
pub(super) struct Stall {
    stall: String,
    stall_number: i64,
    category: String,
    vendor: Option<String>,
    vendor_id: Option<String>,
    /// What its QR code carries in the memo.
    #[schema(example = "SC22EV9H")]
    memo_code: String,
    bin: Option<String>,
    account_last_four: Option<String>,
    kind: Option<String>,
}

/// A registration.
#[derive(ToSchema)]
pub(super) struct Registered {
    market: String,
    stall: Option<String>,
    stall_number: Option<i64>,
    category: Option<String>,
    vendor: Option<String>,
    vendor_id: Option<String>,
    bin: String,
    account: String,
    holder: String,
    kind: String,
    memo_code: Option<String>,
    qr_payload: Option<String>,
    already_registered: bool,
    links: Option<Links>,
}

/// Where its pictures are.
#[derive(ToSchema)]
pub(super) struct Links {
    qr_svg: String,
    qr_png: String,
}

/// What an import found or did.
#[derive(ToSchema)]
pub(super) struct Import {
    rows: u64,
    dry_run: bool,
    registered: u64,
    errors: Vec<ImportError>,
}

/// A cell that breaks a rule.
#[derive(ToSchema)]
pub(super) struct ImportError {
    line: u64,
    column: String,
    code: String,
    message: String,
    message_vi: String,
}

/// A posting: one balanced fact of the journal.
#[derive(ToSchema)]
pub(super) struct Posting {
    #[schema(example = "TAN-123")]
    posting: String,
    seq: i64,
    kind: String,
    debit: String,
    credit: String,
    /// Whole đồng.
    amount: i64,
    currency: String,
    stall: Option<String>,
    business_date: String,
    event_date: String,
    event_at: Option<String>,
    recorded_at: String,
    late: bool,
    /// Whether a statement of the bank told of it first.
    from_statement: bool,
    concerns: Option<String>,
    reason: Option<String>,
    actor: Option<String>,
}

/// A proof that a posting lies in a closed day; `socho verify` and `openssl` check it.
#[derive(ToSchema)]
pub(super) struct Proof {
    format: String,
    posting: String,
    leaf: String,
    index: u64,
    path: Vec<String>,
    close: String,
    signature: String,
    keys: Vec<PublishedKey>,
}

/// A key as it is announced and endorsed.
#[derive(ToSchema)]
pub(super) struct PublishedKey {
    statement: String,
    endorsement: String,
}

/// An item that waits for a person.
#[derive(ToSchema)]
pub(super) struct HeldItem {
    id: String,
    market: Option<String>,
    source: String,
    outcome: String,
    reason: Option<String>,
    amount: Option<i64>,
    currency: String,
    account: Option<String>,
    bank_ref: Option<String>,
    event_at: Option<String>,
    recorded_at: String,
    resolved: bool,
}

/// What became of an item.
#[derive(ToSchema)]
pub(super) struct Resolved {
    data: Vec<ResolvedItem>,
}

/// One item that was judged again.
#[derive(ToSchema)]
pub(super) struct ResolvedItem {
    id: String,
    outcome: String,
    reason: Option<String>,
    posting: Option<String>,
}

/// A source, without its secrets.
#[derive(ToSchema)]
pub(super) struct Source {
    name: String,
    dialect: String,
    market: Option<String>,
    every_account: bool,
    accounts: Vec<String>,
    time: String,
    tolerance_s: i64,
    /// The networks it may send from; anywhere when there are none.
    addresses: Vec<String>,
    secret_since: Option<String>,
    /// When that secret signed last, to the minute.
    secret_used_at: Option<String>,
    previous_secret_until: Option<String>,
    /// When the secret before it signed last: once it no longer does, nobody needs it.
    previous_secret_used_at: Option<String>,
    ingest_path: String,
    clock_alarm_s: Option<i64>,
    /// Set where it is quieter than it usually is at this hour of the week; in the list alone.
    #[schema(required = false)]
    silent: Option<Silence>,
}

/// A request that a source sent.
#[derive(ToSchema)]
pub(super) struct Delivery {
    #[schema(example = "dlv_019ab2c4-5d6e-7f80-91a2-b3c4d5e6f708")]
    id: String,
    at: String,
    /// The client's address; none for what was judged again here.
    address: Option<String>,
    path: String,
    bytes: u64,
    #[schema(example = "recorded")]
    outcome: String,
    status: u16,
    ms: u64,
    item_count: u64,
    /// The first ten.
    items: Vec<ResolvedItem>,
    /// Why it was refused, in a stable word: `wrong_secret`, `body_changed`, `clock_skew`, …
    cause: Option<String>,
    replays: Option<String>,
    replayed_by: Option<String>,
}

/// A request with everything that is known of it.
#[derive(ToSchema)]
pub(super) struct DeliveryDetail {
    #[schema(inline)]
    delivery: Delivery,
    steps: Vec<DeliveryStep>,
    /// Why it was refused and what to do, in the caller's language.
    explanation: Option<String>,
    /// Names and values; a value that could open something is `…`. Of refused requests alone.
    headers: Vec<DeliveryHeader>,
    /// The body as text, for those who may see it.
    body: Option<String>,
    /// Whether that is all of it.
    body_complete: bool,
    /// A command that sends it again, signed anew with `$SECRET`.
    curl: Option<String>,
}

/// One step of a request's way.
#[derive(ToSchema)]
pub(super) struct DeliveryStep {
    /// `address`, `path`, `headers`, `signature`, `time`, `body`, `judged`.
    step: String,
    /// `passed`, `failed` or `not_reached`.
    state: String,
    says: String,
}

/// One header.
#[derive(ToSchema)]
pub(super) struct DeliveryHeader {
    name: String,
    value: String,
}

/// What became of a request that was judged again.
#[derive(ToSchema)]
pub(super) struct Replayed {
    /// The new entry of the log.
    id: String,
    replays: String,
    data: Vec<ResolvedItem>,
}

/// How long a source has been quiet.
#[derive(ToSchema)]
pub(super) struct Silence {
    since: String,
    minutes: i64,
    missed: i64,
}

/// A market's balances.
#[derive(ToSchema)]
pub(super) struct Balances {
    market: String,
    as_of_seq: Option<i64>,
    as_of_date: Option<String>,
    provisional: bool,
    journal_seq: i64,
    currency: String,
    debits: i64,
    credits: i64,
    accounts: Vec<Balance>,
}

/// One account of the ledger.
#[derive(ToSchema)]
pub(super) struct Balance {
    account: String,
    debits: i64,
    credits: i64,
}

/// What a close sealed, one entry a date.
#[derive(ToSchema)]
pub(super) struct Closed {
    closed: Vec<Close>,
}

/// A close: its figures and the signed text.
#[derive(ToSchema)]
pub(super) struct Close {
    market: String,
    business_date: String,
    status: String,
    closed_at: String,
    closed_by: String,
    early: bool,
    currency: String,
    /// None for the city where fewer than five stalls are behind it.
    payments: Option<i64>,
    /// None for the city where fewer than five stalls are behind it.
    amount: Option<i64>,
    /// None for the city, as everything that tells of single postings or of running sums.
    weak: Option<i64>,
    postings: Option<i64>,
    first_seq: Option<i64>,
    last_seq: Option<i64>,
    journal_seq: Option<i64>,
    merkle_root: String,
    previous: String,
    hash: String,
    key: i64,
    /// What was signed, letter for letter; none for the city.
    statement: Option<String>,
    signature: String,
    /// Whether the sums are not shown because fewer than five stalls are behind them; for the city alone.
    #[schema(required = false)]
    suppressed: Option<bool>,
    /// How bank and book stood when the day was closed.
    bank: Option<super::report::SealedBank>,
    /// Postings whose items had no identity of the bank's; in the answer to a close alone.
    #[schema(required = false)]
    weak_postings: Option<Vec<String>>,
    /// How bank and book stand; in the answer to a close alone.
    #[schema(required = false)]
    reconciliation: Option<CloseReconciliation>,
}

/// How bank and book stood when the day was closed.
#[derive(ToSchema)]
pub(super) struct CloseReconciliation {
    status: String,
    agrees: bool,
    difference: i64,
    verdict: String,
    signed_by: Option<String>,
}

/// Public keys, as a JSON Web Key Set.
#[derive(ToSchema)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

/// One public key of a market.
#[derive(ToSchema)]
pub(super) struct Key {
    kty: String,
    crv: String,
    r#use: String,
    alg: String,
    kid: String,
    x: String,
    market: String,
    number: i64,
    created_at: String,
    public_key: String,
    pem: String,
    published: PublishedKey,
}

/// A phone of a stall.
#[derive(ToSchema)]
pub(super) struct Device {
    id: String,
    name: String,
    /// Whether it is the one that asks.
    this: bool,
    hides_totals: bool,
    paired_at: String,
    last_seen_at: String,
}

/// What a vendor says is not right.
#[derive(ToSchema)]
pub(super) struct Dispute {
    posting: String,
    stall: String,
    amount: i64,
    currency: String,
    reason: String,
    note: String,
    raised_at: String,
    raised_by: String,
}

/// A code that pairs one phone, once.
#[derive(ToSchema)]
pub(super) struct PairingCode {
    code: String,
    path: String,
    stall: String,
    expires_at: String,
    revoked_devices: u64,
}

/// An entry of the audit log: who did, saw or took away what, when and why.
#[derive(ToSchema)]
pub(super) struct AuditEntry {
    /// None for what concerns no market.
    market: Option<String>,
    /// Its place in the market's log, from 1 without a gap.
    seq: i64,
    at: String,
    /// `user`, `phone`, `key`, `operator` or `nobody`.
    actor_kind: String,
    actor: String,
    role: String,
    #[schema(example = "posting.reversed")]
    action: String,
    object_kind: String,
    #[schema(example = "TAN-123")]
    object: String,
    stall_number: Option<i64>,
    /// What stood there before; account numbers are masked.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
    reason: Option<String>,
    request_id: Option<String>,
    /// SHA-256 over the entry before and every field of this one.
    hash: String,
}

/// The program.
#[derive(ToSchema)]
pub(super) struct Version {
    name: String,
    version: String,
    engine: String,
    test_mode: bool,
    now: Option<String>,
}

/// What a webhook's sender gets where its dialect has no words of its own.
#[derive(ToSchema)]
pub(super) struct Receipt {
    /// `recorded`, `duplicate`, `ignored`, `suspense` or `quarantined`.
    status: Option<String>,
    posting: Option<String>,
    success: Option<bool>,
}

/// The body of a webhook, in the dialect of its source.
#[derive(ToSchema)]
#[schema(value_type = Object)]
pub(super) struct Webhook(Value);
