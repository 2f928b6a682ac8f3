//! The statement that closes one date: its figures, the journal's state, the root of its postings
//! and the statement before it. The market's key signs exactly the bytes of its text.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::daily_report::{DailyReport, Figure, SideSums};
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketCode, Seq};
use crate::domain::money::Dong;
use crate::domain::sealed_bank::SealedBank;

/// The version of the statement; a new form gets a new number. What was signed under an earlier one is
/// read and written as it was, letter for letter.
const VERSION: u8 = 2;
/// The version that said nothing of the bank.
const VERSION_WITHOUT_BANK: u8 = 1;

/// Most dates that one database transaction closes, so that whoever waits for the market's head
/// waits a second at the most; a market left open for longer closes in steps.
pub const DATES_MAX: usize = 31;

/// What a close says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayClose {
    /// The market.
    pub market: MarketCode,
    /// The date that is closed.
    pub business_date: BusinessDate,
    /// When.
    pub closed_at: Timestamp,
    /// By whom.
    pub closed_by: String,
    /// Before the date had ended.
    pub early: bool,
    /// Settle postings.
    pub payments: i64,
    /// Settle + reversal, signed.
    pub amount: Dong,
    /// Reversals, signed.
    pub reversed: Figure,
    /// The net movement of suspense, signed.
    pub suspense: Figure,
    /// Settle postings whose own date was closed already.
    pub late: Figure,
    /// Settlements without any identity of their sender's: known by a hash of their bytes alone.
    pub weak: i64,
    /// Bank and book by the bank's date at that moment; none in closes from before they said so.
    pub bank: Option<SealedBank>,
    /// Both sides of all postings of earlier dates.
    pub opening: SideSums,
    /// Both sides of all postings up to this date.
    pub closing: SideSums,
    /// The date's postings: leaves of the tree.
    pub postings: i64,
    /// The first of them; postings of other dates may lie between first and last.
    pub first_seq: Option<Seq>,
    /// The last of them.
    pub last_seq: Option<Seq>,
    /// The journal's last number when the date was closed: later ones are of later dates.
    pub journal_seq: Seq,
    /// The hash chain's end at that moment.
    pub journal_hash: Hash,
    /// The root of the date's postings.
    pub merkle_root: Hash,
    /// The hash of the statement before this one; zeros for a market's first.
    pub previous: Hash,
    /// The number of the key that signs.
    pub key: i64,
}

/// What a close says that the daily report does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealing {
    /// When.
    pub closed_at: Timestamp,
    /// By whom.
    pub closed_by: String,
    /// Before the date had ended.
    pub early: bool,
    /// Settlements known by a hash of their bytes alone.
    pub weak: i64,
    /// Bank and book by the bank's date.
    pub bank: SealedBank,
    /// The date's postings.
    pub postings: i64,
    /// The journal's last number.
    pub journal_seq: Seq,
    /// The hash chain's end.
    pub journal_hash: Hash,
    /// The root of the date's postings.
    pub merkle_root: Hash,
    /// The hash of the statement before.
    pub previous: Hash,
    /// The number of the key that signs.
    pub key: i64,
}

impl DayClose {
    /// Returns the close of the date whose report was drawn up: both say the same figures.
    #[must_use]
    pub fn of(report: &DailyReport, sealing: Sealing) -> Self {
        let Sealing { closed_at, closed_by, early, weak, bank, postings, .. } = sealing;
        Self {
            market: report.market.code.clone(),
            business_date: report.business_date,
            closed_at,
            closed_by,
            early,
            payments: report.payments,
            amount: report.amount,
            reversed: report.reversed,
            suspense: report.suspense,
            late: report.late,
            weak,
            bank: Some(bank),
            opening: report.opening,
            closing: report.closing,
            postings,
            first_seq: report.ledger.first_seq,
            last_seq: report.ledger.last_seq,
            journal_seq: sealing.journal_seq,
            journal_hash: sealing.journal_hash,
            merkle_root: sealing.merkle_root,
            previous: sealing.previous,
            key: sealing.key,
        }
    }
}

/// Why a text is not a close's statement.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not the statement of a close: {0}")]
pub struct StatementError(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    v: u8,
    market: String,
    business_date: String,
    closed_at: String,
    closed_by: String,
    early: bool,
    currency: String,
    payments: i64,
    amount: i64,
    reversed: Sum,
    suspense: Sum,
    late: Sum,
    weak: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bank: Option<Reconciled>,
    opening: Sides,
    closing: Sides,
    postings: i64,
    first_seq: Option<i64>,
    last_seq: Option<i64>,
    journal_seq: i64,
    journal_hash: String,
    merkle_root: String,
    previous: String,
    key: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reconciled {
    status: String,
    accounts: i64,
    uncovered: i64,
    bank: Sum,
    book: Sum,
    difference: i64,
    open: i64,
    doubtful: i64,
    signed_by: Option<String>,
    signed_at: Option<String>,
}

impl From<&SealedBank> for Reconciled {
    fn from(sealed: &SealedBank) -> Self {
        Self {
            status: sealed.state.as_str().to_owned(),
            accounts: sealed.accounts,
            uncovered: sealed.uncovered,
            bank: sealed.bank.into(),
            book: sealed.book.into(),
            difference: sealed.difference.whole(),
            open: sealed.open,
            doubtful: sealed.doubtful,
            signed_by: sealed.signed_by.clone(),
            signed_at: sealed.signed_at.map(rfc3339),
        }
    }
}

impl Reconciled {
    fn read(self) -> Result<SealedBank, StatementError> {
        Ok(SealedBank {
            state: self.status.parse().map_err(wrong)?,
            accounts: self.accounts,
            uncovered: self.uncovered,
            bank: self.bank.into(),
            book: self.book.into(),
            difference: Dong::new(self.difference),
            open: self.open,
            doubtful: self.doubtful,
            signed_by: self.signed_by,
            signed_at: self.signed_at.map(|at| at.parse()).transpose().map_err(wrong)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sum {
    count: i64,
    amount: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sides {
    debits: i64,
    credits: i64,
}

impl From<Figure> for Sum {
    fn from(figure: Figure) -> Self {
        Self { count: figure.count, amount: figure.amount.whole() }
    }
}

impl From<Sum> for Figure {
    fn from(sum: Sum) -> Self {
        Self { count: sum.count, amount: Dong::new(sum.amount) }
    }
}

impl From<SideSums> for Sides {
    fn from(sides: SideSums) -> Self {
        Self { debits: sides.debits.whole(), credits: sides.credits.whole() }
    }
}

impl From<Sides> for SideSums {
    fn from(sides: Sides) -> Self {
        Self { debits: Dong::new(sides.debits), credits: Dong::new(sides.credits) }
    }
}

/// Writes a close as the text that is signed: one line, without a line end.
///
/// # Errors
/// [`StatementError`] when it cannot be written as JSON, which no close causes.
pub fn statement(close: &DayClose) -> Result<String, StatementError> {
    serde_json::to_string(&Text {
        v: if close.bank.is_some() { VERSION } else { VERSION_WITHOUT_BANK },
        market: close.market.to_string(),
        business_date: close.business_date.to_string(),
        closed_at: rfc3339(close.closed_at),
        closed_by: close.closed_by.clone(),
        early: close.early,
        currency: "VND".to_owned(),
        payments: close.payments,
        amount: close.amount.whole(),
        reversed: close.reversed.into(),
        suspense: close.suspense.into(),
        late: close.late.into(),
        weak: close.weak,
        bank: close.bank.as_ref().map(Reconciled::from),
        opening: close.opening.into(),
        closing: close.closing.into(),
        postings: close.postings,
        first_seq: close.first_seq.map(Seq::get),
        last_seq: close.last_seq.map(Seq::get),
        journal_seq: close.journal_seq.get(),
        journal_hash: close.journal_hash.to_string(),
        merkle_root: close.merkle_root.to_string(),
        previous: close.previous.to_string(),
        key: close.key,
    })
    .map_err(wrong)
}

/// Reads a close's statement.
///
/// # Errors
/// [`StatementError`] when it is not exactly the text that [`statement`] writes for some close.
pub fn read(text: &str) -> Result<DayClose, StatementError> {
    let read: Text = serde_json::from_str(text).map_err(wrong)?;
    if ![VERSION_WITHOUT_BANK, VERSION].contains(&read.v) {
        return Err(StatementError(format!("version {} is not known", read.v)));
    }
    let close = DayClose {
        market: read.market.parse().map_err(wrong)?,
        business_date: read.business_date.parse().map_err(wrong)?,
        closed_at: read.closed_at.parse().map_err(wrong)?,
        closed_by: read.closed_by,
        early: read.early,
        payments: read.payments,
        amount: Dong::new(read.amount),
        reversed: read.reversed.into(),
        suspense: read.suspense.into(),
        late: read.late.into(),
        weak: read.weak,
        bank: read.bank.map(Reconciled::read).transpose()?,
        opening: read.opening.into(),
        closing: read.closing.into(),
        postings: read.postings,
        first_seq: read.first_seq.map(Seq::new),
        last_seq: read.last_seq.map(Seq::new),
        journal_seq: Seq::new(read.journal_seq),
        journal_hash: read.journal_hash.parse().map_err(wrong)?,
        merkle_root: read.merkle_root.parse().map_err(wrong)?,
        previous: read.previous.parse().map_err(wrong)?,
        key: read.key,
    };
    if statement(&close)? == text {
        Ok(close)
    } else {
        Err(StatementError("it is spelled otherwise than the text that was signed".to_owned()))
    }
}

/// Returns the hash by which the next close names this one.
#[must_use]
pub fn hash(statement: &str) -> Hash {
    Hash(Sha256::digest(statement.as_bytes()).into())
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn wrong(error: impl ToString) -> StatementError {
    StatementError(error.to_string())
}

/// A close as it is kept and published: the text, and the key's signature over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedClose {
    /// What it says, read from the text.
    pub close: DayClose,
    /// The text that was signed.
    pub statement: String,
    /// Its hash.
    pub hash: Hash,
    /// The Ed25519 signature, 64 bytes.
    pub signature: Vec<u8>,
}

/// Why a date cannot be closed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloseRefused {
    /// It is closed already.
    #[error("{0} is closed already")]
    Closed(BusinessDate),
    /// It has not begun.
    #[error("{0} has not begun")]
    NotBegun(BusinessDate),
    /// It has not ended, and nobody said that it may be closed early.
    #[error("{date} ends at {ends_at}")]
    NotEnded {
        /// The date.
        date: BusinessDate,
        /// When it ends.
        ends_at: Timestamp,
    },
}

/// What decides whether a date may be closed.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The date.
    pub date: BusinessDate,
    /// The first date that is not closed.
    pub open_date: BusinessDate,
    /// The first date with a posting, when nothing was closed yet.
    pub first_used: Option<BusinessDate>,
    /// The market's present book day.
    pub today: BusinessDate,
    /// When the date ends.
    pub ends_at: Timestamp,
    /// It may be closed before it has ended.
    pub early: bool,
}

/// Returns the dates that closing `asked.date` closes, in order: all that are open up to it, the
/// first [`DATES_MAX`] of them. A market's first close begins with its first date that has a posting.
///
/// # Errors
/// [`CloseRefused`].
pub fn dates(asked: &Asked) -> Result<Vec<BusinessDate>, CloseRefused> {
    let Asked { date, open_date, first_used, today, ends_at, early } = *asked;
    if date < open_date {
        return Err(CloseRefused::Closed(date));
    }
    if date > today {
        return Err(CloseRefused::NotBegun(date));
    }
    if date == today && !early {
        return Err(CloseRefused::NotEnded { date, ends_at });
    }
    let first_ever = open_date == BusinessDate::BEGINNING;
    let from = if first_ever { first_used.map_or(date, |first| first.min(date)) } else { open_date };
    let up_to = |next: &BusinessDate| *next <= date;
    Ok(std::iter::successors(Some(from), |next| Some(next.next())).take_while(up_to).take(DATES_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reconciliation::SignState;

    /// A close as it was signed before closes said anything of the bank.
    const OLD: &str = concat!(
        r#"{"v":1,"market":"TAN","business_date":"2026-11-23","closed_at":"2026-11-24T07:00:00+07:00","#,
        r#""closed_by":"chi-hai","early":false,"currency":"VND","payments":4,"amount":40000,"#,
        r#""reversed":{"count":0,"amount":0},"suspense":{"count":0,"amount":0},"late":{"count":0,"amount":0},"weak":0,"#,
        r#""opening":{"debits":0,"credits":0},"closing":{"debits":40000,"credits":40000},"postings":4,"first_seq":1,"#,
        r#""last_seq":4,"journal_seq":4,"journal_hash":"0101010101010101010101010101010101010101010101010101010101010101","#,
        r#""merkle_root":"0202020202020202020202020202020202020202020202020202020202020202","#,
        r#""previous":"0000000000000000000000000000000000000000000000000000000000000000","key":1}"#
    );

    #[test]
    fn a_close_of_the_first_version_is_read_and_written_letter_for_letter() {
        let old = read(OLD).unwrap();
        assert_eq!((old.bank.as_ref(), statement(&old).unwrap().as_str()), (None, OLD));
        let bank = SealedBank {
            state: SignState::Signed,
            accounts: 1,
            uncovered: 2,
            bank: Figure { count: 4, amount: Dong::new(40_000) },
            book: Figure { count: 3, amount: Dong::new(39_000) },
            difference: Dong::new(1_000),
            open: 1,
            doubtful: 0,
            signed_by: Some("lan".to_owned()),
            signed_at: "2026-11-24T06:00:00Z".parse().ok(),
        };
        let new = DayClose { bank: Some(bank), ..old };
        let text = statement(&new).unwrap();
        assert!(
            text.starts_with(r#"{"v":2,"#) && text.contains(r#""bank":{"status":"signed","accounts":1,"#),
            "{text}"
        );
        assert_eq!(read(&text), Ok(new));
        // Neither version can be passed off as the other.
        for wrong in [
            text.replacen("\"v\":2", "\"v\":1", 1),
            OLD.replacen("\"v\":1", "\"v\":2", 1),
            OLD.replacen("\"v\":1", "\"v\":3", 1),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }

    fn asked(date: &str, open_date: &str, first_used: Option<&str>) -> Asked {
        Asked {
            date: date.parse().unwrap(),
            open_date: open_date.parse().unwrap(),
            first_used: first_used.map(|date| date.parse().unwrap()),
            today: "2026-11-24".parse().unwrap(),
            ends_at: "2026-11-25T00:00:00+07:00".parse().unwrap(),
            early: false,
        }
    }

    fn closed(asked: &Asked) -> Vec<String> {
        dates(asked).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn closing_a_date_closes_every_open_date_before_it() {
        assert_eq!(closed(&asked("2026-11-23", "2026-11-21", None)), ["2026-11-21", "2026-11-22", "2026-11-23"]);
        assert_eq!(closed(&asked("2026-11-23", "1970-01-01", Some("2026-11-22"))), ["2026-11-22", "2026-11-23"]);
        assert_eq!(closed(&asked("2026-11-23", "1970-01-01", Some("2026-11-24"))), ["2026-11-23"]);
        assert_eq!(closed(&asked("2026-11-23", "1970-01-01", None)), ["2026-11-23"]);
    }

    #[test]
    fn a_date_that_is_closed_or_has_not_ended_is_refused() {
        assert!(matches!(dates(&asked("2026-11-20", "2026-11-21", None)), Err(CloseRefused::Closed(_))));
        assert!(matches!(dates(&asked("2026-11-24", "2026-11-21", None)), Err(CloseRefused::NotEnded { .. })));
        assert!(matches!(dates(&asked("2026-11-25", "2026-11-21", None)), Err(CloseRefused::NotBegun(_))));
        let early = Asked { early: true, ..asked("2026-11-24", "2026-11-24", None) };
        assert_eq!(closed(&early), ["2026-11-24"]);
        let long = closed(&asked("2026-11-23", "2024-01-01", None));
        assert_eq!((long.len(), long[30].as_str()), (DATES_MAX, "2024-01-31"));
    }
}
