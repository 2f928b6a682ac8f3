//! Checking a proof or an export without the book, as whoever received it does.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::daily_report::to_json;
use super::error::{AppError, ErrorKind, Message};
use crate::domain::calendar::{BusinessDate, Cutoff};
use crate::domain::daily_report::{Figure, HourFigures, LedgerRange, ReportedMarket, SourceFigures};
use crate::domain::ids::{SourceId, SourceName, StallNumber};
use crate::domain::inbox::Outcome;
use crate::domain::posting::PostingKind;
use crate::evidence::check::{self, Export};
use crate::ledger::daily_report::{DateTotal, DayTotals, StallDayTotal, StallKind, StallOnDate, draw_up};
use crate::ledger::seal::close::DayClose;
use crate::ledger::seal::key::PublicKey;
use crate::ledger::seal::proof::{self, Flaw, Proof};
use crate::ledger::totals::TotalsKind;

/// Largest proof, in bytes: a posting's line with the longest reason, and its path.
const PROOF_MAX: u64 = 1 << 20;
/// What a zip file begins with.
const ZIP: &[u8] = b"PK\x03\x04";
/// The figures of a daily report that postings and items alone decide. The rest of it is names,
/// what another moment or month knows, and what is not a figure.
const FIGURES: [&str; 12] = [
    "business_date",
    "payments",
    "amount",
    "reversed",
    "suspense",
    "late",
    "opening",
    "closing",
    "stalls",
    "hours",
    "categories",
    "sources",
];

/// What sound evidence shows.
#[derive(Debug)]
pub enum Verified {
    /// One posting of one closed date.
    Proof(Box<proof::Shown>),
    /// A month of a market.
    Export {
        /// The market and month, as the export says them.
        market: String,
        /// The month.
        month: String,
        /// Postings in it.
        postings: i64,
        /// Links of the chain in it.
        batches: i64,
        /// The closes in it.
        closes: Vec<DayClose>,
        /// How many daily reports were drawn up again and agree.
        reports: usize,
        /// The fingerprint of the key that signed the last close.
        fingerprint: Option<String>,
    },
}

/// Checks a proof or an export against the public key that the reader trusts.
///
/// # Errors
/// `evidence_unreadable` when the file is neither; `evidence_false` with the exact flaw when it is
/// not what the key's market sealed.
pub fn verify_evidence(path: &Path, trusted: &PublicKey) -> Result<Verified, AppError> {
    let begins = begin(path).map_err(|error| cannot_read(path, &error.to_string()))?;
    if begins == ZIP {
        let export = check::export(|| std::fs::File::open(path), trusted).map_err(|flaw| refuse(path, &flaw))?;
        let reports = check_reports(&export).map_err(|flaw| refuse(path, &flaw))?;
        return Ok(Verified::Export {
            market: export.market.to_string(),
            month: export.manifest.month,
            postings: export.postings,
            batches: export.batches,
            closes: export.closes.into_iter().map(|closed| closed.close).collect(),
            reports,
            fingerprint: export.fingerprint,
        });
    }
    let bytes = small(path).map_err(|error| cannot_read(path, &error.to_string()))?;
    let proof: Proof = serde_json::from_slice(&bytes).map_err(|error| cannot_read(path, &error.to_string()))?;
    let shown = proof::check(&proof, trusted).map_err(|flaw| refuse(path, &flaw))?;
    Ok(Verified::Proof(Box::new(shown)))
}

fn begin(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(4).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn small(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(PROOF_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cannot_read(path: &Path, why: &str) -> AppError {
    let path = path.display();
    let vi = format!("{path} không phải bằng chứng hay bản xuất của Sổ Chợ: {why}.");
    let en = format!("{path} is no proof and no export of Sổ Chợ: {why}.");
    AppError::new(ErrorKind::Invalid, "evidence_unreadable", Message::new(vi, en))
}

fn refuse(path: &Path, flaw: &Flaw) -> AppError {
    let path = path.display();
    let vi = format!("{path} KHÔNG khớp với những gì đã khóa sổ: {flaw}.");
    let en = format!("{path} is NOT what was sealed: {flaw}.");
    AppError::new(ErrorKind::Integrity, "evidence_false", Message::new(vi, en))
}

/// Draws every daily report up again from the month's postings and items, and compares its figures.
fn check_reports(export: &Export) -> Result<usize, Flaw> {
    for closed in &export.closes {
        let date = closed.close.business_date;
        let differs = |what: String| Flaw::Differs(format!("reports/{date}.json: {what}"));
        let text = export.reports.get(&date).ok_or_else(|| differs("it is missing".to_owned()))?;
        let said: Value = serde_json::from_str(text).map_err(|error| differs(error.to_string()))?;
        let report = draw_up(day_totals(export, &closed.close), |_| String::new(), Timestamp::UNIX_EPOCH)
            .map_err(|error| differs(error.to_string()))?;
        let derived: Value = to_json(&report)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .ok_or_else(|| differs("it cannot be drawn up again".to_owned()))?;
        for figure in FIGURES {
            let (said, derived) = (said.get(figure).map(nameless), derived.get(figure).map(nameless));
            if said != derived {
                let shown = |value: Option<Value>| value.unwrap_or_default();
                let (said, derived) = (shown(said), shown(derived));
                return Err(differs(format!("{figure} is {said}, the postings give {derived}")));
            }
        }
    }
    Ok(export.closes.len())
}

/// Takes vendors' names out: they are no figure, and who held a stall is not in the journal.
fn nameless(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(nameless).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "vendor")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Lays the month's sums out as the book keeps them for one date.
fn day_totals(export: &Export, close: &DayClose) -> DayTotals {
    let date = close.business_date;
    let deltas = &export.deltas;
    let stall_days = deltas.stall_days.iter().filter(|((of, ..), _)| *of == date);
    let dates = deltas.dates.iter().filter(|((of, ..), _)| *of == date);
    let hours = deltas.hours.iter().filter(|((of, _), _)| *of == date);
    let kinds = export.kinds.iter().filter(|((of, _), _)| *of == date);
    let at = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    DayTotals {
        market: ReportedMarket {
            code: export.market.clone(),
            name: export.manifest.name.clone(),
            ward: None,
            cutoff: Cutoff::default(),
            demo: export.manifest.demo,
        },
        business_date: date,
        open_date: date.next(),
        seal: None,
        stall_days: stall_days
            .map(|((_, stall, kind), day)| StallDayTotal {
                stall: *stall,
                kind: stall_kind(*kind),
                figure: Figure { count: day.tally.count, amount: day.tally.amount },
                first_at: at(day.first_at),
                last_at: at(day.last_at),
            })
            .collect(),
        stalls: stalls(export),
        hours: hours
            .map(|((_, hour), tally)| HourFigures {
                hour: Some(*hour).filter(|hour| *hour >= 0),
                payments: tally.count,
                amount: tally.amount,
            })
            .collect(),
        dates: dates
            .map(|((_, event_date, kind, late), (count, sides))| DateTotal {
                event_date: *event_date,
                kind: *kind,
                late: *late,
                count: *count,
                sides: crate::domain::daily_report::SideSums { debits: sides.debits, credits: sides.credits },
            })
            .collect(),
        moved_out: Figure::default(),
        before: close.opening,
        up_to: close.closing,
        after: crate::domain::daily_report::SideSums::default(),
        balances: close.closing,
        journal: Some(kinds.map(|((_, kind), figure)| (*kind, *figure)).collect::<BTreeMap<PostingKind, Figure>>()),
        unmatched: Vec::new(),
        unmatched_total: Figure::default(),
        quarantined: Figure::default(),
        sources: sources(export, date),
        previous: Figure::default(),
        same_weekday: Figure::default(),
        ledger: LedgerRange { first_seq: close.first_seq, last_seq: close.last_seq, hash: String::new() },
    }
}

fn stall_kind(kind: TotalsKind) -> StallKind {
    match kind {
        TotalsKind::Of(PostingKind::Settle) => StallKind::Settle,
        TotalsKind::Of(PostingKind::Assign) => StallKind::Assign,
        TotalsKind::Of(PostingKind::Reversal) => StallKind::Reversal,
        TotalsKind::Of(PostingKind::CashChange | PostingKind::Exclusion | PostingKind::Refund)
        | TotalsKind::AdjustmentReversal => StallKind::Adjustment,
    }
}

fn stalls(export: &Export) -> Vec<StallOnDate> {
    let known = export.manifest.stalls.iter();
    known
        .filter_map(|stall| {
            let (code, category) = (stall.code.clone(), stall.category.clone());
            Some(StallOnDate { number: StallNumber::new(stall.number).ok()?, code, category, vendor: None })
        })
        .collect()
}

fn sources(export: &Export, date: BusinessDate) -> Vec<SourceFigures> {
    let known = export.manifest.sources.iter();
    let names: HashMap<SourceId, SourceName> =
        known.filter_map(|source| Some((SourceId::new(source.number), source.name.parse().ok()?))).collect();
    let mut found: BTreeMap<SourceName, SourceFigures> = BTreeMap::new();
    for ((of, source, outcome), (tally, last_at)) in &export.deltas.sources {
        let Some(name) = names.get(source).filter(|_| *of == date) else { continue };
        let last_at = Timestamp::from_microsecond(*last_at).unwrap_or_default();
        let figures = found.entry(name.clone()).or_insert_with(|| SourceFigures {
            source: name.clone(),
            settlements: 0,
            amount: crate::domain::money::Dong::ZERO,
            duplicates: 0,
            quarantined: 0,
            last_at,
        });
        figures.last_at = figures.last_at.max(last_at);
        match outcome {
            Outcome::Recorded | Outcome::Suspense => {
                figures.settlements = figures.settlements.saturating_add(tally.count);
                figures.amount = figures.amount.checked_add(tally.amount).unwrap_or(figures.amount);
            }
            Outcome::Duplicate => figures.duplicates = tally.count,
            Outcome::Quarantined => figures.quarantined = tally.count,
            Outcome::Ignored | Outcome::Rejected | Outcome::Stale | Outcome::Dismissed | Outcome::Received => {}
        }
    }
    found.into_values().collect()
}
