//! The forms of people's, keys', statements' and comparisons' answers, as the document shows them.
//! `tests/it/contract.rs` holds real answers against them.
#![expect(
    dead_code,
    reason = "these types are shown and never made: the answers are written elsewhere, under these names"
)]

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// Somebody who may log in.
#[derive(ToSchema)]
pub(super) struct User {
    #[schema(example = "usr_019ab2c4-5d6e-7f80-91a2-b3c4d5e6f708")]
    id: String,
    name: String,
    full_name: String,
    /// `manager`, `city`, `auditor` or `admin`.
    role: String,
    market: Option<String>,
    second_factor: bool,
    must_change_password: bool,
    created_by: String,
    created_at: String,
    last_login_at: Option<String>,
    disabled_at: Option<String>,
}

/// A user who was added.
#[derive(ToSchema)]
pub(super) struct UserAdded {
    user: User,
    /// Told this once; it has to be changed at the first login.
    first_password: Option<String>,
}

/// What became of a change of a user.
#[derive(ToSchema)]
pub(super) struct UserChanged {
    name: String,
    /// Told this once, where a password was made.
    first_password: Option<String>,
}

/// A program's key, without the key.
#[derive(ToSchema)]
pub(super) struct MachineKey {
    #[schema(example = "key_019ab2c4-5d6e-7f80-91a2-b3c4d5e6f708")]
    id: String,
    /// The first characters, by which a person knows it again.
    prefix: String,
    name: String,
    role: String,
    rights: Vec<String>,
    market: Option<String>,
    created_at: String,
    created_by: String,
    expires_at: Option<String>,
    /// To five minutes.
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

/// A key that was made.
#[derive(ToSchema)]
pub(super) struct MachineKeyAdded {
    key: MachineKey,
    /// What goes behind `Authorization: Bearer`; told this once.
    #[schema(example = "sc_…")]
    secret: String,
}

/// How many, and what they come to.
#[derive(ToSchema)]
pub(super) struct Figure {
    count: i64,
    /// Whole đồng.
    amount: i64,
}

/// What to look at before a day is closed.
#[derive(ToSchema)]
pub(super) struct Checklist {
    /// Whether nothing speaks against it.
    clear: bool,
    currency: String,
    /// Money whose stall is not known.
    unmatched: Figure,
    /// Items that wait for a person.
    held: Figure,
    reconciliation: String,
    agrees: bool,
    difference: i64,
    verdict: String,
    silent: Vec<SilentSource>,
}

/// A source that has been quieter than it usually is.
#[derive(ToSchema)]
pub(super) struct SilentSource {
    source: String,
    minutes: i64,
    missed: i64,
}

/// Bank against book.
#[derive(ToSchema)]
pub(super) struct BankAgainstBook {
    market: String,
    currency: String,
    statement: Option<String>,
    date: Option<String>,
    agrees: bool,
    bank: Figure,
    book: Figure,
    difference: i64,
    covered_accounts: i64,
    uncovered_accounts: i64,
    uncovered: Figure,
    /// Figures by class: `matched`, `missing_in_book`, …
    buckets: BTreeMap<String, Figure>,
    /// Names exactly these figures; shown again when they are signed for.
    digest: String,
    days: Vec<AccountDay>,
    /// Who signed for which date.
    signatures: BTreeMap<String, ReconciliationSignature>,
    entries: Vec<ReconciliationEntry>,
    listed_of_each_class: i64,
    /// Whether more entries follow; in a page asked for by `limit` or `after`.
    has_more: Option<bool>,
    /// What `after` takes for the next page.
    next: Option<String>,
}

/// One account on one date.
#[derive(ToSchema)]
pub(super) struct AccountDay {
    account: String,
    date: String,
    coverage: String,
    bank: Figure,
    book: Figure,
    difference: i64,
    other_date: i64,
    doubtful: i64,
}

/// That somebody signed for a date.
#[derive(ToSchema)]
pub(super) struct ReconciliationSignature {
    id: String,
    signed_by: String,
    signed_at: String,
    note: String,
    difference: i64,
    /// Whether the figures are still those that were signed for.
    current: bool,
}

/// One finding.
#[derive(ToSchema)]
pub(super) struct ReconciliationEntry {
    class: String,
    reason: String,
    account: String,
    date: String,
    at: Option<String>,
    bank_ref: Option<String>,
    bank: i64,
    book: i64,
    lines: Vec<i64>,
    postings: Vec<String>,
    items: Vec<String>,
    memo_masked: String,
}

/// What was booked of a statement, and how bank and book stand afterwards.
#[derive(ToSchema)]
pub(super) struct Booking {
    /// The first thousand of them.
    lines: Vec<BookedLine>,
    lines_total: i64,
    booked: Figure,
    reconciliation: BankAgainstBook,
}

/// One line that was booked.
#[derive(ToSchema)]
pub(super) struct BookedLine {
    line: i64,
    account: String,
    date: String,
    amount: i64,
    bank_ref: Option<String>,
    /// None of a dry run.
    outcome: Option<String>,
    reason: Option<String>,
    posting: Option<String>,
    item: Option<String>,
}

/// A statement that a bank wrote.
#[derive(ToSchema)]
pub(super) struct Statement {
    id: String,
    market: String,
    currency: String,
    file_name: String,
    format: String,
    sha256: String,
    bytes: i64,
    uploaded_at: String,
    uploaded_by: String,
    /// Lines that no statement before it had.
    added: i64,
    known: i64,
    doubtful: i64,
    statements: Vec<StatementPart>,
    days: Vec<StatementDay>,
    /// What was noticed while the file was read.
    #[schema(value_type = Vec<Object>)]
    notes: Vec<serde_json::Value>,
    /// Whether the same file was there already; in the answer to handing it in alone.
    #[schema(required = false)]
    already_known: Option<bool>,
}

/// One account in a statement, proven by its balances.
#[derive(ToSchema)]
pub(super) struct StatementPart {
    account: String,
    bin: Option<String>,
    opening: Option<i64>,
    closing: Option<i64>,
    from: String,
    to: String,
    proof: String,
    lines: i64,
    credits: i64,
    debits: i64,
}

/// One account on one date of a statement.
#[derive(ToSchema)]
pub(super) struct StatementDay {
    account: String,
    date: String,
    /// `day` where the statement covers all of it, else `part`.
    coverage: String,
    lines: i64,
    added: i64,
    known: i64,
    doubtful: i64,
}

/// A line that was accepted as it is.
#[derive(ToSchema)]
pub(super) struct AcceptedLine {
    line: i64,
    standing: String,
}

/// Markets side by side, sums alone.
#[derive(ToSchema)]
pub(super) struct Comparison {
    from: String,
    to: String,
    /// `closed` or `provisional`.
    standing: String,
    currency: String,
    time_zone: String,
    drawn_up_at: String,
    /// Stalls that have to be behind a figure for it to be told.
    stalls_min: i64,
    markets: Vec<ComparedMarket>,
    /// Left out where it would tell a figure that is hidden.
    total: Option<ComparedTotal>,
}

/// One market of a comparison.
#[derive(ToSchema)]
pub(super) struct ComparedMarket {
    code: String,
    name: String,
    ward: Option<String>,
    demo: bool,
    registered_stalls: i64,
    open_date: String,
    /// Whether too few stalls are behind its figures.
    suppressed: bool,
    figures: Option<ComparedFigures>,
    previous: Option<ComparedFigures>,
    /// Left out with the figures.
    measures: Option<ComparedMeasures>,
}

/// What markets are compared by beside sums.
#[derive(ToSchema)]
pub(super) struct ComparedMeasures {
    /// To two digits, downwards; of closed days whose payments were counted by amount.
    median_amount: Option<i64>,
    /// 0 to 23.
    peak_hour: Option<i64>,
    /// Seconds within which 95 of 100 payments were known; as with the median.
    delay_p95_s: Option<i64>,
    /// Stalls whose code in use was printed and read back.
    cards_checked: i64,
}

/// A market's figures in a span.
#[derive(ToSchema)]
pub(super) struct ComparedFigures {
    payments: i64,
    amount: i64,
    active_stalls: i64,
    days: i64,
}

/// All markets together.
#[derive(ToSchema)]
pub(super) struct ComparedTotal {
    payments: i64,
    amount: i64,
}
