//! Which money is it, and have we seen it (DESIGN §4.12).
//!
//! | | identity | same source | another source |
//! |---|---|---|---|
//! | (a) | source and event id | duplicate, or conflict | – |
//! | (b) | settled account, bank's date, reference | reused reference | duplicate, or conflict |
//! | (c) | settled account, amount, ±10 minutes (±1 day without a time) | never: two equal sales are normal | paired one to one |
//!
//! (c) exists because the same money often has other references elsewhere. It does not apply
//! between two sources whose references have been confirmed by (b) in this market when both items
//! carry references of one shape: there another reference is other money, and equal prices paid
//! within ten minutes are a market's normal morning.
//!
//! A statement is one more source. Where it holds every line of a date, (c) leaves no doubt: a report
//! of that date is one of its lines. A line that was compared with the book before it is booked
//! pairs with nothing that was found to be other money.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::facts::{Claim, EventMoment, Facts, Precision};
use super::routing::FUTURE_TOLERANCE;
use super::work::Compared;
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{SourceId, StallNumber};
use crate::domain::inbox::reason;
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, EventId};

/// How far apart two banks' times for the same money may be when both know the second.
pub const PAIRING_WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// What decides about a credit's identity.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Who reports it.
    pub source: SourceId,
    /// The sender's name for it.
    pub event_id: &'a EventId,
    /// The real account.
    pub settled: &'a SettledAccount,
    /// How much.
    pub amount: Dong,
    /// The bank's reference.
    pub reference: Option<&'a BankRef>,
    /// When.
    pub moment: EventMoment,
    /// The stall its memo names.
    pub memo_code: Option<StallNumber>,
    /// What reconciling has compared it with already.
    pub compared: Option<&'a Compared>,
}

/// What the identities say about a credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not seen before: book it, and it holds its identities.
    New,
    /// Seen before.
    Known(Box<Known>),
}

/// A credit that meets an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts that the inbox keeps as they are")]
pub struct Known {
    /// The earlier one.
    pub earlier: Arc<Claim>,
    /// The same money (`duplicate`), or for a person to decide (`quarantined`).
    pub same_money: bool,
    /// Why; one of [`reason`]'s words.
    pub reason: &'static str,
    /// It is one more source's report of that credit.
    pub paired: bool,
    /// It holds its own event id from now on, so that its retry is known.
    pub claims_event: bool,
    /// It holds its own reference from now on.
    pub claims_reference: bool,
}

/// Examines a credit against what is known.
#[must_use]
pub fn examine(facts: &Facts, candidate: &Candidate<'_>) -> Verdict {
    if let Some(earlier) = candidate.event_id.text().and_then(|id| facts.events.get(&candidate.source)?.get(id)) {
        let same_money = earlier.settled == *candidate.settled && earlier.amount == candidate.amount;
        return Verdict::Known(Box::new(Known {
            earlier: Arc::clone(earlier),
            same_money,
            reason: if same_money { reason::SAME_EVENT } else { reason::CONFLICT },
            paired: false,
            claims_event: false,
            claims_reference: false,
        }));
    }
    let holders = candidate.reference.and_then(|reference| {
        let key = (candidate.settled.clone(), candidate.moment.event_date, reference.clone());
        facts.references.get(&key)
    });
    match holders {
        Some(holders) if !holders.is_empty() => by_reference(facts, candidate, holders),
        Some(_) | None => by_pairing(facts, candidate),
    }
}

fn by_reference(facts: &Facts, candidate: &Candidate<'_>, holders: &[Arc<Claim>]) -> Verdict {
    let reported_here = |claim: &&Arc<Claim>| {
        claim.source == candidate.source || facts.pairings.contains(&(claim.credit, candidate.source))
    };
    let same_amount = |claim: &&Arc<Claim>| claim.amount == candidate.amount;
    let known = |earlier: &Arc<Claim>, same_money, reason, paired| {
        Verdict::Known(Box::new(Known {
            earlier: Arc::clone(earlier),
            same_money,
            reason,
            paired,
            claims_event: candidate.event_id.text().is_some(),
            claims_reference: false,
        }))
    };
    let elsewhere = holders.iter().find(|claim| same_amount(claim) && !reported_here(claim));
    if let Some(earlier) = elsewhere {
        return known(earlier, true, reason::SAME_REFERENCE, true);
    }
    let here = holders.iter().filter(reported_here);
    match (candidate.event_id, here.clone().find(same_amount), here.clone().next(), holders.first()) {
        // Such a source has no other name for an event: the reference is its identity.
        (EventId::ByReference, Some(earlier), _, _) => known(earlier, true, reason::SAME_REFERENCE, false),
        (EventId::Given(_) | EventId::Weak(_), _, Some(earlier), _) => {
            known(earlier, false, reason::REUSED_REFERENCE, false)
        }
        (_, _, _, Some(earlier)) => known(earlier, false, reason::CONFLICT, false),
        (_, _, _, None) => Verdict::New,
    }
}

fn by_pairing(facts: &Facts, candidate: &Candidate<'_>) -> Verdict {
    let credits = facts.credits.get(&(candidate.settled.clone(), candidate.amount));
    let nearest = credits
        .into_iter()
        .flatten()
        .filter(|credit| credit.source != candidate.source)
        .filter(|credit| !facts.pairings.contains(&(credit.credit, candidate.source)))
        .filter(|credit| !is_other_money(facts, candidate, credit))
        .filter(|credit| !candidate.compared.is_some_and(|compared| compared.rules_out(credit.item)))
        .filter(|credit| !came_later(candidate, credit))
        .filter_map(|credit| Some((apart(candidate, credit)?, credit)))
        .min_by_key(|(apart, credit)| (*apart, !alike(candidate, credit), contradict(candidate, credit), credit.item));
    let Some((_, earlier)) = nearest else { return Verdict::New };
    let same_money = alike(candidate, earlier) || on_whole_day(facts, candidate, earlier);
    Verdict::Known(Box::new(Known {
        earlier: Arc::clone(earlier),
        same_money,
        reason: if same_money { reason::PAIRED } else { reason::POSSIBLE_DUPLICATE },
        paired: true,
        claims_event: candidate.event_id.text().is_some(),
        claims_reference: candidate.reference.is_some(),
    }))
}

/// Tells whether reference or memo code agrees.
fn alike(candidate: &Candidate<'_>, credit: &Claim) -> bool {
    let same_reference = candidate.reference.is_some() && candidate.reference == credit.reference.as_ref();
    let same_code = candidate.memo_code.is_some() && candidate.memo_code == credit.memo_code;
    same_reference || same_code
}

/// Tells whether the two name different stalls. Where only dates are known, many are equally near.
fn contradict(candidate: &Candidate<'_>, credit: &Claim) -> bool {
    candidate.memo_code.zip(credit.memo_code).is_some_and(|(one, other)| one != other)
}

/// Tells whether a statement that holds every line of the date leaves no other choice: what a source
/// reports for that date is one of its lines, and each line is paired with one report of a source.
fn on_whole_day(facts: &Facts, candidate: &Candidate<'_>, earlier: &Claim) -> bool {
    let of_statement = candidate.source == SourceId::STATEMENT || earlier.source == SourceId::STATEMENT;
    let date = candidate.moment.event_date;
    let same_date = earlier.event_date == date || earlier.claimed.map(BusinessDate::of_calendar) == Some(date);
    of_statement
        && same_date
        && !contradict(candidate, earlier)
        && facts.whole_days.contains(&(candidate.settled.clone(), date))
}

/// A statement tells of no money that came after it was handed in.
fn came_later(candidate: &Candidate<'_>, credit: &Claim) -> bool {
    let known_at = credit.recorded_at.checked_add(FUTURE_TOLERANCE).unwrap_or(credit.recorded_at);
    let second = candidate.moment.precision == Precision::Second;
    credit.source == SourceId::STATEMENT && second && candidate.moment.at.is_some_and(|at| at > known_at)
}

/// Tells whether the references alone say that a credit is other money.
fn is_other_money(facts: &Facts, candidate: &Candidate<'_>, credit: &Claim) -> bool {
    let confirmed = facts.agreeing.contains(&candidate.source) && facts.agreeing.contains(&credit.source);
    match (candidate.reference, &credit.reference) {
        (Some(one), Some(other)) => confirmed && one != other && same_shape(one.as_str(), other.as_str()),
        (Some(_) | None, _) => false,
    }
}

/// One shape: the same letters in front and nearly the same length, `FT26328100200` and `FT263281003`.
pub(super) fn same_shape(one: &str, other: &str) -> bool {
    let letters = |text: &str| text.chars().take_while(|c| c.is_alphabetic()).collect::<String>();
    letters(one) == letters(other) && one.len().abs_diff(other.len()) <= 2
}

/// Returns how far apart two reports' events are at the least: by the times that stand in the book, and by
/// those that were not believed. A clock set back takes the day's payments for the future, while the sender
/// was right; a sender in the wrong time zone claims the future, while the clock was right.
fn apart(candidate: &Candidate<'_>, credit: &Claim) -> Option<SignedDuration> {
    let moment = candidate.moment;
    let times = |at: Option<Timestamp>, date: BusinessDate, claimed: Option<Timestamp>| {
        let claimed = claimed.map(|at| (Some(at), BusinessDate::of_calendar(at)));
        [Some((at, date)), claimed].into_iter().flatten()
    };
    let pairs = times(credit.at, credit.event_date, credit.claimed)
        .flat_map(|one| times(moment.at, moment.event_date, moment.claimed).map(move |other| (one, other)));
    pairs.filter_map(|(one, other)| distance(one, other)).min()
}

/// Returns how far apart two events are, or `None` when they are too far to be the same money.
fn distance(
    (one, one_date): (Option<Timestamp>, BusinessDate),
    (other, other_date): (Option<Timestamp>, BusinessDate),
) -> Option<SignedDuration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.duration_since(other).abs()).filter(|apart| *apart <= PAIRING_WINDOW),
        _ if one_date == other_date => Some(SignedDuration::ZERO),
        _ if one_date.next() == other_date || other_date.next() == one_date => Some(SignedDuration::from_hours(24)),
        _ => None,
    }
}
