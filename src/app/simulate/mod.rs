//! A provider and its bank, invented: what `socho simulate` drives against a server that knows
//! nothing of it. The same seed is the same day. Pure: the time and the seed come in.
//!
//! | what | where |
//! |---|---|
//! | the day's true payments, as the bank has them | here |
//! | when each provider tries again, and when it gives up | `schedule` |
//! | the bank's statements at the end of the day | `paper` |

pub mod paper;
pub mod schedule;

use jiff::{SignedDuration, Timestamp};

use crate::bank;
use crate::domain::account::AccountNumber;
use crate::domain::calendar::BusinessDate;
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Dialect, Direction, EventId, EventTime, Settlement};

pub use crate::bank::SignedRequest;

/// Hour at which the first payment may come.
const OPENS: i64 = 6;
/// Seconds in which payments come.
const SELLING_S: i64 = 5 * 3_600;
/// What things cost, in thousands.
const PRICES: [i64; 10] = [10, 15, 20, 20, 20, 25, 35, 50, 100, 250];

/// A stall as the provider's payers see it.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its code.
    pub stall: String,
    /// The account its QR pays into.
    pub account: AccountNumber,
    /// Its memo code.
    pub memo_code: String,
    /// Its account is shared by stalls: only the memo code tells them apart.
    pub shared: bool,
}

/// A payment as the bank has it.
#[derive(Debug, Clone)]
pub struct Payment {
    /// As the provider reports it.
    pub settlement: Settlement,
    /// When it happened.
    pub at: Timestamp,
    /// The stall it is for, by its place in the list; none when nobody can know.
    pub stall: Option<usize>,
    /// The reference on the statement: not always the provider's spelling.
    pub bank_ref: String,
}

/// What the day is like.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// The date.
    pub date: BusinessDate,
    /// Payments into stalls' accounts.
    pub payments: usize,
    /// The same seed is the same day.
    pub seed: u64,
}

/// Invents the day's movements, in the order in which they happened. Money out stands among them.
#[must_use]
pub fn payments(day: Day, places: &[Place]) -> Vec<Payment> {
    let mut rng = fastrand::Rng::with_seed(day.seed);
    let start = day.date.starts_at().checked_add(SignedDuration::from_hours(OPENS)).unwrap_or_default();
    let mut seconds: Vec<i64> = (0..day.payments).map(|_| rng.i64(0..SELLING_S)).collect();
    seconds.sort_unstable();
    let mut payments = Vec::with_capacity(seconds.len());
    for (number, second) in seconds.into_iter().enumerate() {
        let at = start.checked_add(SignedDuration::from_secs(second)).unwrap_or(start);
        if let Some(payment) = payment(&mut rng, day.seed, number, at, places) {
            payments.push(payment);
        }
    }
    payments
}

fn payment(rng: &mut fastrand::Rng, seed: u64, number: usize, at: Timestamp, places: &[Place]) -> Option<Payment> {
    let index = rng.usize(..places.len().max(1));
    let place = places.get(index)?;
    let out = rng.u8(..100) < 3;
    let amount = amount(rng);
    let named = rng.u8(..100) < 75;
    let code = &place.memo_code;
    let memo = match (out, named, rng.u8(..4)) {
        (true, ..) => "rut tien mat".to_owned(),
        (_, false, _) => "chuyen tien mua hang".to_owned(),
        (_, true, 0) => format!("QR {code} mua rau"),
        (_, true, 1) => format!("NGUYEN THI LAN chuyen khoan-{code}"),
        (_, true, 2) => format!("CT DEN:{} {} tien ca", code.get(..4)?, code.get(4..)?),
        (_, true, _) => code.clone(),
    };
    let reference = format!("FT26{seed:05}{number:06}", seed = seed % 100_000);
    let bank_ref = match rng.u8(..20) {
        0..12 => reference.clone(),
        12..15 => format!("{}\\BNK", reference.to_lowercase()),
        15..18 => format!("MBVCB.{}", 3_000_000_000_u64.saturating_add(rng.u64(..999_999_999))),
        _ => String::new(),
    };
    let settlement = Settlement {
        event_id: EventId::Given(format!("{}{number:06}", seed % 100_000 + 100_000).into()),
        direction: if out { Direction::Debit } else { Direction::Credit },
        amount,
        settled: place.account.clone(),
        addressed: None,
        bank_hint: None,
        reference: BankRef::normalise(&reference),
        event_time: EventTime::At(at),
        memo,
        payer: String::new(),
    };
    let stall = (named || !place.shared).then_some(index);
    Some(Payment { settlement, at, stall: stall.filter(|_| !out), bank_ref })
}

/// Prices repeat; some payers pay short, and now and then "200" for 200,000.
fn amount(rng: &mut fastrand::Rng) -> Dong {
    let price = rng.choice(PRICES).unwrap_or(20).saturating_mul(1_000);
    Dong::new(match rng.u8(..40) {
        0 | 1 => price.saturating_sub(5_000).max(1_000),
        2 => price / 1_000,
        3 => price.saturating_add(rng.i64(1..20).saturating_mul(500)),
        _ => price,
    })
}

/// Writes a payment as the provider sends it, signed at `now`; `None` where the dialect cannot.
#[must_use]
pub fn sign(dialect: Dialect, secret: &str, payment: &Payment, now: Timestamp) -> Option<SignedRequest> {
    bank::sign(dialect, secret, &payment.settlement, now)
}
