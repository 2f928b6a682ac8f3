//! Signed requests as a bank's sender posts them, numbered so that no two of a run are the same
//! payment. A separate load process makes the same from the same [`Target`].

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::bank::{self, SignedRequest};
use crate::domain::calendar::BusinessDate;
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Dialect, Direction, EventId, EventTime, Settlement};

/// Whom the load pays, through whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// The source it is posted to.
    pub source: String,
    /// The source's secret.
    pub secret: String,
    /// Each stall's account and memo code.
    pub stalls: Vec<(String, String)>,
}

/// Which stalls are paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Spread {
    /// All of them, at random.
    Spread,
    /// One alone.
    Hot,
}

impl Spread {
    /// Returns its name in the figures.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::Hot => "hot",
        }
    }
}

/// Requests to make: the payments numbered `first` and on.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Portion {
    /// The first payment's number; no two portions of a run overlap.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Which stalls are paid.
    pub spread: Spread,
}

/// Payments of one day in a book that grows: three hundred stalls, thirty-odd payments each. Ten million are
/// three years of it.
pub const PAYMENTS_A_DAY: u64 = 10_000;

/// The dialect the load speaks: signed time, HMAC over the raw body, a wide body.
pub const DIALECT: Dialect = Dialect::SepayHmac;

/// Returns the portion's requests, paid and signed at `now`.
#[must_use]
pub fn requests(target: &Target, portion: Portion, now: Timestamp) -> Vec<SignedRequest> {
    let at = EventTime::At(Timestamp::from_second(now.as_second()).unwrap_or(now));
    numbers(portion)
        .filter_map(|number| bank::sign(DIALECT, &target.secret, &payment(target, number, portion.spread, at)?, now))
        .collect()
}

/// Returns the past day on which the payment of a number falls, where `total` fill one day after
/// another up to yesterday.
#[must_use]
pub fn past_day(number: u64, total: u64, now: Timestamp) -> BusinessDate {
    let back = total.saturating_sub(number.saturating_add(1)) / PAYMENTS_A_DAY;
    BusinessDate::of_calendar(now).plus_days(-1 - i64::try_from(back).unwrap_or(0))
}

/// Returns the bodies of a portion whose payments fill one past day after another.
#[must_use]
pub fn past_bodies(target: &Target, portion: Portion, total: u64, now: Timestamp) -> Vec<String> {
    numbers(portion)
        .filter_map(|number| {
            // From six in the morning on, as a market sells.
            let second = 6 * 3_600 + i64::try_from(number * 29 % (9 * 3_600)).unwrap_or(0);
            let at = past_day(number, total, now).starts_at().checked_add(SignedDuration::from_secs(second)).ok()?;
            let payment = payment(target, number, portion.spread, EventTime::At(at))?;
            bank::sign(DIALECT, &target.secret, &payment, now).map(|request| request.body)
        })
        .collect()
}

fn numbers(portion: Portion) -> impl Iterator<Item = u64> {
    portion.first..portion.first.saturating_add(portion.count)
}

/// Returns the payment of a number: the same number is the same payment everywhere.
fn payment(target: &Target, number: u64, spread: Spread, event_time: EventTime) -> Option<Settlement> {
    let mut rng = fastrand::Rng::with_seed(number);
    let (account, code) = match spread {
        Spread::Hot => target.stalls.first()?,
        Spread::Spread => rng.choice(&target.stalls)?,
    };
    Some(Settlement {
        event_id: EventId::Given((92_000_000 + number).to_string().into()),
        direction: Direction::Credit,
        amount: Dong::new(rng.i64(5..900) * 1_000),
        settled: account.parse().ok()?,
        addressed: None,
        bank_hint: Some("Vietcombank".into()),
        reference: BankRef::normalise(&format!("FT26329{number:09}")),
        event_time,
        memo: format!("MBVCB.{number}.{code}.CT tu 0071000{:06} NGUYEN VAN A", rng.u32(0..1_000_000)),
        payer: String::new(),
    })
}
