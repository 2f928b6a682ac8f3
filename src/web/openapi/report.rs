//! The daily report's form, as the document shows it; held against real reports like all answers.
#![expect(dead_code, reason = "these types are shown and never made: the report is written by `report::json`")]

use utoipa::ToSchema;

use super::answers::Market;

/// A market's day. The figures are checked against one another before they are shown.
#[derive(ToSchema)]
pub(super) struct DailyReport {
    market: Market,
    business_date: String,
    /// `open` or `closed`.
    status: String,
    closed_at: Option<String>,
    seal: Option<Seal>,
    drawn_up_at: String,
    time_zone: String,
    currency: String,
    payments: i64,
    amount: i64,
    amount_in_words: String,
    reversed: Sum,
    suspense: Sum,
    late: Sum,
    late_of: Vec<Late>,
    from_statement: Sum,
    quarantined: Sum,
    moved: Moved,
    opening: Sides,
    closing: Sides,
    registered_stalls: i64,
    active_stalls: i64,
    stalls: Vec<StallLine>,
    hours: Vec<HourLine>,
    categories: Vec<CategoryLine>,
    unmatched: Vec<Unmatched>,
    unmatched_total: Sum,
    sources: Vec<SourceLine>,
    versus: Versus,
    ledger: LedgerRange,
    reconciliation: Reconciliation,
}

/// Bank and book by the bank's date.
#[derive(ToSchema)]
pub(super) struct Reconciliation {
    status: String,
    agrees: bool,
    bank: Sum,
    book: Sum,
    difference: i64,
    missing_here: Sum,
    missing_there: Sum,
    amount_differs: Sum,
    covered_accounts: u64,
    uncovered_accounts: u64,
    uncovered: Sum,
    doubtful: i64,
    signed_by: Option<String>,
    signed_at: Option<String>,
    note: Option<String>,
    id: Option<String>,
}

/// A count and its sum in đồng.
#[derive(ToSchema)]
pub(super) struct Sum {
    count: i64,
    amount: i64,
}

/// The close that sealed the day.
#[derive(ToSchema)]
pub(super) struct Seal {
    closed_by: String,
    early: bool,
    hash: String,
    merkle_root: String,
    key: i64,
    bank: Option<SealedBank>,
}

/// How bank and book stood when the day was closed, by the bank's date.
#[derive(ToSchema)]
pub(super) struct SealedBank {
    status: String,
    agrees: bool,
    accounts: i64,
    uncovered_accounts: i64,
    bank: Sum,
    book: Sum,
    difference: i64,
    open: i64,
    doubtful: i64,
    signed_by: Option<String>,
    signed_at: Option<String>,
}

/// Money that came for an earlier, closed day.
#[derive(ToSchema)]
pub(super) struct Late {
    event_date: String,
    count: i64,
    amount: i64,
}

/// Money whose bank day is another than its book day.
#[derive(ToSchema)]
pub(super) struct Moved {
    r#in: Sum,
    out: Sum,
}

/// Debits and credits.
#[derive(ToSchema)]
pub(super) struct Sides {
    debits: i64,
    credits: i64,
}

/// A stall's day.
#[derive(ToSchema)]
pub(super) struct StallLine {
    stall: String,
    vendor: Option<String>,
    category: Option<String>,
    payments: i64,
    amount: i64,
    adjusted: i64,
    net: i64,
    first_at: Option<String>,
    last_at: Option<String>,
}

/// An hour's sales; the hour is null where the bank gave a date alone.
#[derive(ToSchema)]
pub(super) struct HourLine {
    hour: Option<i64>,
    payments: i64,
    amount: i64,
}

/// A category's day.
#[derive(ToSchema)]
pub(super) struct CategoryLine {
    category: Option<String>,
    stalls: i64,
    payments: i64,
    amount: i64,
    adjusted: i64,
    net: i64,
}

/// Money that waits for its stall.
#[derive(ToSchema)]
pub(super) struct Unmatched {
    posting: String,
    amount: i64,
    event_at: Option<String>,
    event_date: String,
    memo_masked: Option<String>,
}

/// What a source reported that day.
#[derive(ToSchema)]
pub(super) struct SourceLine {
    source: String,
    settlements: i64,
    amount: i64,
    duplicates: i64,
    quarantined: i64,
    last_at: String,
}

/// The day beside others.
#[derive(ToSchema)]
pub(super) struct Versus {
    previous_day: OtherDay,
    same_weekday: OtherDay,
}

/// Another day and the difference.
#[derive(ToSchema)]
pub(super) struct OtherDay {
    business_date: String,
    payments: i64,
    amount: i64,
    payments_difference: i64,
    amount_difference: i64,
}

/// The journal's part that the day lies in.
#[derive(ToSchema)]
pub(super) struct LedgerRange {
    first_seq: Option<i64>,
    last_seq: Option<i64>,
    hash: String,
}
