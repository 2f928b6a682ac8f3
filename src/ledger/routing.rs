//! Which market a settlement belongs to: by its account and the event's time, never by its memo
//! (DESIGN §4.9–10).

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::facts::{EventMoment, Precision};
use crate::domain::account::{AccountNumber, BankAccount, BankBin, SettledAccount};
use crate::domain::banks;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, SourceId};
use crate::domain::inbox::reason;
use crate::domain::settlement::{EventTime, Settlement};

/// How far ahead of our clock a bank's time may be before ours takes its place (DESIGN §4.14).
pub const FUTURE_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// One period in which an account belongs to a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRoute {
    /// The bank.
    pub bin: BankBin,
    /// The market.
    pub market: MarketId,
    /// From this instant on.
    pub from: Timestamp,
    /// Up to this instant, exclusive.
    pub to: Option<Timestamp>,
}

/// What a source may report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// The source.
    pub source: SourceId,
    /// The market it is bound to; [`MarketId::INSTALLATION`] when none.
    pub market: MarketId,
    /// Every receiving account of its market.
    pub every_account: bool,
    /// The accounts on its list.
    pub accounts: BTreeSet<AccountNumber>,
}

/// All periods of the accounts that matter here, by number.
pub type Routes = HashMap<AccountNumber, Vec<AccountRoute>>;

/// Where a settlement goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// The market that judges it.
    pub market: MarketId,
    /// The listed account it was addressed to, or why there is none.
    pub account: Result<BankAccount, &'static str>,
    /// The key of the real account it settled on.
    pub settled: SettledAccount,
}

/// Returns when an event happened for the book, given when we record it.
///
/// A claim more than ten minutes ahead of us is not believed: the time of recording takes its
/// place and the claim is kept.
#[must_use]
pub fn moment(event_time: EventTime, recorded_at: Timestamp) -> EventMoment {
    let latest = recorded_at.checked_add(FUTURE_TOLERANCE).unwrap_or(recorded_at);
    let recorded = |claimed| EventMoment {
        at: Some(recorded_at),
        precision: Precision::Recorded,
        claimed,
        event_date: BusinessDate::of_calendar(recorded_at),
    };
    match event_time {
        EventTime::At(at) if at <= latest => EventMoment {
            at: Some(at),
            precision: Precision::Second,
            claimed: None,
            event_date: BusinessDate::of_calendar(at),
        },
        EventTime::At(at) => recorded(Some(at)),
        EventTime::On(date) if date <= BusinessDate::of_calendar(latest) => {
            EventMoment { at: None, precision: Precision::Day, claimed: None, event_date: date }
        }
        EventTime::On(date) => recorded(Some(date.starts_at())),
        EventTime::Missing => recorded(None),
    }
}

/// Routes one settlement.
///
/// The addressed account decides, then the settled one. A number that several banks share is
/// decided by the provider's bank name. What is not listed, or not on the source's list, is for
/// the source's market (else the reserved one) to quarantine.
#[must_use]
pub fn route(settlement: &Settlement, allowance: &Allowance, routes: &Routes, recorded_at: Timestamp) -> Routed {
    let moment = moment(settlement.event_time, recorded_at);
    // A day without an hour counts as its end: a binding made during the day already holds.
    let at = moment.at.unwrap_or_else(|| moment.event_date.next().starts_at());
    let hint = settlement.bank_hint.as_deref();
    let settled = settled_key(&settlement.settled, hint, routes, at);
    let mut failure = reason::UNLISTED_ACCOUNT;
    for number in settlement.addressed.iter().chain([&settlement.settled]) {
        match listed(number, hint, routes, at) {
            Listed::One(route) if allows(allowance, number, route.market) => {
                let account = BankAccount { bin: route.bin.clone(), number: number.clone() };
                return Routed { market: route.market, account: Ok(account), settled };
            }
            Listed::Ambiguous => failure = reason::AMBIGUOUS_BANK,
            Listed::One(_) | Listed::None => {}
        }
    }
    Routed { market: allowance.market, account: Err(failure), settled }
}

fn allows(allowance: &Allowance, number: &AccountNumber, market: MarketId) -> bool {
    allowance.accounts.contains(number) || (allowance.every_account && allowance.market == market)
}

enum Listed<'a> {
    None,
    One(&'a AccountRoute),
    Ambiguous,
}

fn listed<'a>(number: &AccountNumber, hint: Option<&str>, routes: &'a Routes, at: Timestamp) -> Listed<'a> {
    let valid = |route: &&AccountRoute| route.from <= at && route.to.is_none_or(|to| at < to);
    let here: Vec<&AccountRoute> = routes.get(number).into_iter().flatten().filter(valid).collect();
    match here.as_slice() {
        [] => Listed::None,
        [one] => Listed::One(one),
        [..] => {
            let bank = hint.and_then(banks::matches_hint);
            let named = bank.and_then(|bank| here.iter().copied().find(|route| route.bin.as_str() == bank.bin));
            named.map_or(Listed::Ambiguous, Listed::One)
        }
    }
}

/// Returns the key of the settled account: its number alone, unless several listed banks use it.
fn settled_key(number: &AccountNumber, hint: Option<&str>, routes: &Routes, at: Timestamp) -> SettledAccount {
    let banks: BTreeSet<&BankBin> = routes.get(number).into_iter().flatten().map(|route| &route.bin).collect();
    match (banks.len(), listed(number, hint, routes, at)) {
        (2.., Listed::One(route)) => {
            SettledAccount::shared(&BankAccount { bin: route.bin.clone(), number: number.clone() })
        }
        _ => SettledAccount::of_number(number),
    }
}
