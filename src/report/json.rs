//! The daily report as JSON: the one form that the API and the command line both send.
//!
//! Money is an integer number of đồng; instants are RFC 3339 with +07:00; names are those of the
//! published contract. `reversed.amount` and `suspense.amount` are signed, and
//! `ledger.hash` is SHA-256 of the market's last batch when the report was drawn up.

use serde::Serialize;

use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::daily_report::{Comparison, DailyReport, DaySeal, Figure, SideSums};
use crate::domain::ids::{PostingName, Seq};
use crate::domain::reconciliation::DayReconciliation;
use crate::domain::sealed_bank::SealedBank;

/// The only currency there is (ISO 4217, no minor unit).
const CURRENCY: &str = "VND";
/// The zone of every time in a report; Vietnam keeps UTC+7 all year.
const TIME_ZONE: &str = "Asia/Ho_Chi_Minh";

#[derive(Serialize)]
struct Day<'a> {
    market: Market<'a>,
    business_date: String,
    status: &'static str,
    closed_at: Option<String>,
    seal: Option<Seal<'a>>,
    drawn_up_at: String,
    time_zone: &'static str,
    currency: &'static str,
    payments: i64,
    amount: i64,
    amount_in_words: &'a str,
    reversed: Sum,
    suspense: Sum,
    late: Sum,
    late_of: Vec<Late>,
    quarantined: Sum,
    from_statement: Sum,
    moved: Moved,
    opening: Sides,
    closing: Sides,
    registered_stalls: i64,
    active_stalls: usize,
    stalls: Vec<StallLine<'a>>,
    hours: Vec<HourLine>,
    categories: Vec<CategoryLine<'a>>,
    unmatched: Vec<Unmatched<'a>>,
    unmatched_total: Sum,
    sources: Vec<SourceLine<'a>>,
    versus: Versus,
    ledger: Ledger<'a>,
    reconciliation: Reconciliation<'a>,
}

#[derive(Serialize)]
struct Market<'a> {
    code: &'a str,
    name: &'a str,
    ward: Option<&'a str>,
    cutoff: String,
    demo: bool,
}

#[derive(Serialize)]
struct Sum {
    count: i64,
    amount: i64,
}

#[derive(Serialize)]
struct Seal<'a> {
    closed_by: &'a str,
    early: bool,
    hash: String,
    merkle_root: String,
    key: i64,
    /// None in closes from before they said anything of the bank.
    bank: Option<SealedBankJson<'a>>,
}

#[derive(Serialize)]
struct SealedBankJson<'a> {
    status: &'static str,
    agrees: bool,
    accounts: i64,
    uncovered_accounts: i64,
    bank: Sum,
    book: Sum,
    difference: i64,
    open: i64,
    doubtful: i64,
    signed_by: Option<&'a str>,
    signed_at: Option<String>,
}

#[derive(Serialize)]
struct Late {
    event_date: String,
    count: i64,
    amount: i64,
}

#[derive(Serialize)]
struct Moved {
    #[serde(rename = "in")]
    into: Sum,
    out: Sum,
}

#[derive(Serialize)]
struct Sides {
    debits: i64,
    credits: i64,
}

#[derive(Serialize)]
struct StallLine<'a> {
    stall: &'a str,
    vendor: Option<&'a str>,
    category: Option<&'a str>,
    payments: i64,
    amount: i64,
    adjusted: i64,
    net: i64,
    first_at: Option<String>,
    last_at: Option<String>,
}

#[derive(Serialize)]
struct HourLine {
    hour: Option<i64>,
    payments: i64,
    amount: i64,
}

#[derive(Serialize)]
struct CategoryLine<'a> {
    category: Option<&'a str>,
    stalls: i64,
    payments: i64,
    amount: i64,
    adjusted: i64,
    net: i64,
}

#[derive(Serialize)]
struct Unmatched<'a> {
    posting: String,
    amount: i64,
    event_at: Option<String>,
    event_date: String,
    memo_masked: Option<&'a str>,
}

#[derive(Serialize)]
struct SourceLine<'a> {
    source: &'a str,
    settlements: i64,
    amount: i64,
    duplicates: i64,
    quarantined: i64,
    last_at: String,
}

#[derive(Serialize)]
struct Versus {
    previous_day: OtherDay,
    same_weekday: OtherDay,
}

#[derive(Serialize)]
struct OtherDay {
    business_date: String,
    payments: i64,
    amount: i64,
    payments_difference: i64,
    amount_difference: i64,
}

#[derive(Serialize)]
struct Reconciliation<'a> {
    status: &'static str,
    agrees: bool,
    bank: Sum,
    book: Sum,
    difference: i64,
    missing_here: Sum,
    missing_there: Sum,
    amount_differs: Sum,
    covered_accounts: usize,
    uncovered_accounts: usize,
    uncovered: Sum,
    doubtful: i64,
    signed_by: Option<&'a str>,
    signed_at: Option<String>,
    note: Option<&'a str>,
    id: Option<String>,
}

#[derive(Serialize)]
struct Ledger<'a> {
    first_seq: Option<i64>,
    last_seq: Option<i64>,
    hash: &'a str,
}

/// Returns the report as one line of JSON.
///
/// # Errors
/// Whatever the serialiser meets; nothing in a report makes it fail.
pub fn daily(report: &DailyReport) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Day {
        market: Market {
            code: report.market.code.as_str(),
            name: &report.market.name,
            ward: report.market.ward.as_deref(),
            cutoff: report.market.cutoff.to_string(),
            demo: report.market.demo,
        },
        business_date: report.business_date.to_string(),
        status: report.status.as_str(),
        closed_at: report.seal.as_ref().map(|seal| rfc3339(seal.closed_at)),
        seal: report.seal.as_ref().map(seal),
        drawn_up_at: rfc3339(report.drawn_up_at),
        time_zone: TIME_ZONE,
        currency: CURRENCY,
        payments: report.payments,
        amount: report.amount.whole(),
        amount_in_words: &report.amount_in_words,
        reversed: sum(report.reversed),
        suspense: sum(report.suspense),
        late: sum(report.late),
        late_of: report.late_by_day.iter().map(late).collect(),
        quarantined: sum(report.quarantined),
        from_statement: sum(report.from_statement()),
        moved: Moved { into: sum(report.moved_in), out: sum(report.moved_out) },
        opening: sides(report.opening),
        closing: sides(report.closing),
        registered_stalls: report.registered_stalls,
        active_stalls: report.active_stalls(),
        stalls: stalls(report),
        hours: hours(report),
        categories: categories(report),
        unmatched: unmatched(report),
        unmatched_total: sum(report.unmatched_total),
        sources: sources(report),
        versus: Versus { previous_day: other_day(report.previous), same_weekday: other_day(report.same_weekday) },
        ledger: Ledger {
            first_seq: report.ledger.first_seq.map(Seq::get),
            last_seq: report.ledger.last_seq.map(Seq::get),
            hash: &report.ledger.hash,
        },
        reconciliation: reconciliation(&report.reconciliation),
    })
}

fn reconciliation(day: &DayReconciliation) -> Reconciliation<'_> {
    let signature = day.signature.as_ref();
    Reconciliation {
        status: day.state.as_str(),
        agrees: day.agrees(),
        bank: sum(day.bank),
        book: sum(day.book),
        difference: day.difference.whole(),
        missing_here: sum(day.missing_here),
        missing_there: sum(day.missing_there),
        amount_differs: sum(day.amount_differs),
        covered_accounts: day.covered,
        uncovered_accounts: day.uncovered,
        uncovered: sum(day.uncovered_money),
        doubtful: day.doubtful,
        signed_by: signature.map(|signature| signature.signed_by.as_str()),
        signed_at: signature.map(|signature| rfc3339(signature.signed_at)),
        note: signature.map(|signature| signature.note.as_str()),
        id: signature.map(|signature| signature.id.to_string()),
    }
}

fn seal(seal: &DaySeal) -> Seal<'_> {
    Seal {
        closed_by: &seal.closed_by,
        early: seal.early,
        hash: seal.hash.to_string(),
        merkle_root: seal.merkle_root.to_string(),
        key: seal.key,
        bank: seal.bank.as_ref().map(sealed_bank),
    }
}

fn sealed_bank(sealed: &SealedBank) -> SealedBankJson<'_> {
    SealedBankJson {
        status: sealed.state.as_str(),
        agrees: sealed.agrees(),
        accounts: sealed.accounts,
        uncovered_accounts: sealed.uncovered,
        bank: sum(sealed.bank),
        book: sum(sealed.book),
        difference: sealed.difference.whole(),
        open: sealed.open,
        doubtful: sealed.doubtful,
        signed_by: sealed.signed_by.as_deref(),
        signed_at: sealed.signed_at.map(rfc3339),
    }
}

/// Returns how bank and book stood at a close, as reports and closes show it.
///
/// # Errors
/// When serde cannot write it, which it always can.
pub fn sealed_bank_json(sealed: &SealedBank) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(sealed_bank(sealed))
}

fn late((day, figure): &(BusinessDate, Figure)) -> Late {
    Late { event_date: day.to_string(), count: figure.count, amount: figure.amount.whole() }
}

fn stalls(report: &DailyReport) -> Vec<StallLine<'_>> {
    let stalls = report.stalls.iter().map(|stall| StallLine {
        stall: &stall.code,
        vendor: stall.vendor.as_deref(),
        category: said(&stall.category),
        payments: stall.payments,
        amount: stall.amount.whole(),
        adjusted: stall.adjusted.whole(),
        net: stall.net.whole(),
        first_at: stall.first_at.map(rfc3339),
        last_at: stall.last_at.map(rfc3339),
    });
    stalls.collect()
}

fn hours(report: &DailyReport) -> Vec<HourLine> {
    let hours = report.hours.iter();
    hours.map(|hour| HourLine { hour: hour.hour, payments: hour.payments, amount: hour.amount.whole() }).collect()
}

fn categories(report: &DailyReport) -> Vec<CategoryLine<'_>> {
    let categories = report.categories.iter().map(|category| CategoryLine {
        category: said(&category.category),
        stalls: category.stalls,
        payments: category.payments,
        amount: category.amount.whole(),
        adjusted: category.adjusted.whole(),
        net: category.net.whole(),
    });
    categories.collect()
}

fn unmatched(report: &DailyReport) -> Vec<Unmatched<'_>> {
    let unmatched = report.unmatched.iter().map(|posting| Unmatched {
        posting: PostingName { market: report.market.code.clone(), seq: posting.seq }.to_string(),
        amount: posting.amount.whole(),
        event_at: posting.event_at.map(rfc3339),
        event_date: posting.event_date.to_string(),
        memo_masked: posting.memo_masked.as_deref(),
    });
    unmatched.collect()
}

fn sources(report: &DailyReport) -> Vec<SourceLine<'_>> {
    let sources = report.sources.iter().map(|source| SourceLine {
        source: source.source.as_str(),
        settlements: source.settlements,
        amount: source.amount.whole(),
        duplicates: source.duplicates,
        quarantined: source.quarantined,
        last_at: rfc3339(source.last_at),
    });
    sources.collect()
}

fn other_day(other: Comparison) -> OtherDay {
    OtherDay {
        business_date: other.business_date.to_string(),
        payments: other.figure.count,
        amount: other.figure.amount.whole(),
        payments_difference: other.difference.count,
        amount_difference: other.difference.amount.whole(),
    }
}

fn sum(figure: Figure) -> Sum {
    Sum { count: figure.count, amount: figure.amount.whole() }
}

fn sides(sums: SideSums) -> Sides {
    Sides { debits: sums.debits.whole(), credits: sums.credits.whole() }
}

/// What nobody said is `null`, not an empty text.
fn said(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
