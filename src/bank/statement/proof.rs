//! The proof that a statement is whole: each balance follows from the line before, and opening
//! balance and lines make the closing balance. The same sums decide what a header leaves open: which
//! sign money out has, whether debit and credit are named from the bank's side or the holder's,
//! whether the oldest line stands first or last.

use jiff::civil::{Date, Time};

use super::layout::DebitSign;
use super::refusal::{Refusal, Rule, Sum, SumKind, Suspicion, Wanted};
use crate::domain::account::AccountNumber;
use crate::domain::calendar::{BusinessDate, VIETNAM};
use crate::domain::money::Dong;
use crate::domain::settlement::Direction;
use crate::domain::statement::{BookedAt, LineTexts, Note, Place, Proof, Statement, StatementLine};

/// A movement as its row says it, before its direction is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Movement {
    pub(super) place: Place,
    pub(super) date: Date,
    pub(super) time: Option<Time>,
    pub(super) texts: LineTexts,
    /// What stands under money out, fees and tax added, with the file's own sign.
    pub(super) outward: Dong,
    /// What stands under money in.
    pub(super) inward: Dong,
    pub(super) balance: Option<Dong>,
}

/// An amount that the file states, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatedAmount {
    pub(super) amount: Dong,
    pub(super) place: Place,
}

/// A statement before its proof.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) account: AccountNumber,
    pub(super) opening: Option<StatedAmount>,
    pub(super) closing: Option<StatedAmount>,
    pub(super) period: Option<(Date, Date)>,
    pub(super) directions: Directions,
    pub(super) movements: Vec<Movement>,
}

/// Who says which way money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directions {
    /// Each entry of a message says it; nothing is left to decide.
    Stated,
    /// A table's columns, whose sign and side the balances decide.
    Columns(DebitSign),
}

/// How the columns and rows are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    /// Money out stands below zero.
    negative_out: bool,
    /// Debit and credit are named from the holder's side.
    swapped: bool,
    /// The newest row stands first.
    newest_first: bool,
}

/// Where a chain of balances breaks.
#[derive(Debug, Clone, Copy)]
struct Break {
    /// The movement, by index; `None` is the closing balance.
    index: Option<usize>,
    expected: Dong,
    found: Dong,
}

/// What following the balances gave.
struct Chain {
    opening: Option<Dong>,
    closing: Option<Dong>,
    proof: Proof,
    breaks: Vec<Break>,
}

/// Proves a draft and makes it a statement.
///
/// # Errors
/// The first line that breaks, with what it should say; a sum beyond an amount's range; an amount
/// beyond that of a settlement.
pub(super) fn settle(draft: Draft, notes: &mut Vec<Note>) -> Result<Statement, Refusal> {
    let mut best: Option<(Reading, Chain)> = None;
    for reading in readings(&draft) {
        let chain = follow(&draft, reading)?;
        let fewer = best.as_ref().is_none_or(|(_, best)| chain.breaks.len() < best.breaks.len());
        if fewer {
            let whole = chain.breaks.is_empty();
            best = Some((reading, chain));
            if whole {
                break;
            }
        }
    }
    let Some((reading, chain)) = best else { return Err(Refusal::whole(Rule::Overflow)) };
    if let Some(first) = chain.breaks.first() {
        return Err(refuse(&draft, reading, first));
    }
    let mut note = |note: Note| {
        if !notes.contains(&note) {
            notes.push(note);
        }
    };
    if reading.swapped {
        note(Note::ColumnsSwapped);
    }
    if reading.newest_first {
        note(Note::NewestFirst);
    }
    let lines = lines(draft.movements, reading)?;
    let date = BusinessDate::from_date;
    Ok(Statement {
        account: draft.account,
        opening: chain.opening,
        closing: chain.closing,
        period: draft.period.map(|(from, to)| (date(from), date(to))),
        proof: chain.proof,
        lines,
    })
}

/// Returns the readings in the order in which they are believed.
fn readings(draft: &Draft) -> Vec<Reading> {
    let first = Reading { negative_out: false, swapped: false, newest_first: false };
    let Directions::Columns(debit_sign) = draft.directions else { return vec![first] };
    let below = draft.movements.iter().filter(|movement| movement.outward < Dong::ZERO).count();
    let above = draft.movements.iter().filter(|movement| movement.outward > Dong::ZERO).count();
    let signs: &[bool] = match (debit_sign, below, above) {
        (_, 0, 0) | (DebitSign::Either, 0, _) => &[false],
        (DebitSign::Either, _, 0) => &[true],
        (DebitSign::Either | DebitSign::Positive, _, _) => &[false, true],
        (DebitSign::Negative, _, _) => &[true, false],
    };
    let mut readings = Vec::new();
    for (swapped, newest_first) in [(false, false), (false, true), (true, false), (true, true)] {
        for negative_out in signs {
            readings.push(Reading { negative_out: *negative_out, swapped, newest_first });
        }
    }
    readings
}

/// Returns what a movement takes out and brings in, both by the holder's purse.
fn flows(movement: &Movement, reading: Reading) -> Option<(Dong, Dong)> {
    let out = if reading.negative_out { movement.outward.checked_neg()? } else { movement.outward };
    Some(if reading.swapped { (movement.inward, out) } else { (out, movement.inward) })
}

fn follow(draft: &Draft, reading: Reading) -> Result<Chain, Refusal> {
    let overflow = |place: &Place| Refusal::at(place, Rule::Overflow);
    let stated = draft.opening.as_ref().map(|opening| opening.amount);
    let (mut opening, mut running) = (stated, stated);
    let (mut unknown, mut balances) = (Dong::ZERO, 0_usize);
    let mut breaks = Vec::new();
    let count = draft.movements.len();
    for step in 0..count {
        let index = if reading.newest_first { count.saturating_sub(step).saturating_sub(1) } else { step };
        let Some(movement) = draft.movements.get(index) else { continue };
        let wrong = || overflow(&movement.place);
        let (out, into) = flows(movement, reading).ok_or_else(wrong)?;
        let net = into.checked_sub(out).ok_or_else(wrong)?;
        unknown = unknown.checked_add(net).ok_or_else(wrong)?;
        let expected = match running {
            Some(before) => Some(before.checked_add(net).ok_or_else(wrong)?),
            None => None,
        };
        match (expected, movement.balance) {
            (Some(expected), Some(found)) => {
                balances = balances.saturating_add(1);
                if expected != found {
                    breaks.push(Break { index: Some(index), expected, found });
                }
                running = Some(found);
            }
            (None, Some(found)) => {
                opening = Some(found.checked_sub(unknown).ok_or_else(wrong)?);
                running = Some(found);
            }
            (expected, None) => running = expected,
        }
    }
    if let (Some(closing), Some(running)) = (&draft.closing, running)
        && closing.amount != running
    {
        breaks.push(Break { index: None, expected: running, found: closing.amount });
    }
    let closing = running.or(draft.closing.as_ref().map(|closing| closing.amount));
    let proof = match (balances, stated, &draft.closing) {
        (1.., _, _) => Proof::RunningBalance,
        (_, Some(_), Some(_)) => Proof::Balances,
        _ => Proof::Unproven,
    };
    Ok(Chain { opening, closing, proof, breaks })
}

fn refuse(draft: &Draft, reading: Reading, broken: &Break) -> Refusal {
    let Break { index, expected, found } = *broken;
    let sum = |what| Rule::Sum(Sum { what, expected, found });
    let Some(index) = index else {
        let rule = sum(SumKind::Closing);
        return match &draft.closing {
            Some(closing) => Refusal::at(&closing.place, rule),
            None => Refusal::whole(rule),
        };
    };
    let neighbour = |ahead: bool| {
        let index = if ahead == reading.newest_first { index.checked_sub(1) } else { index.checked_add(1) };
        index.and_then(|index| draft.movements.get(index))
    };
    let Some(here) = draft.movements.get(index) else { return Refusal::whole(sum(SumKind::Closing)) };
    let repeated =
        neighbour(false).is_some_and(|before| Movement { place: here.place.clone(), ..before.clone() } == *here);
    let goes_on = neighbour(true).is_some_and(|next| {
        let net = flows(next, reading).and_then(|(out, into)| into.checked_sub(out));
        next.balance.is_some() && net.and_then(|net| expected.checked_add(net)) == next.balance
    });
    let suspicion = match (repeated, goes_on) {
        (true, _) => Suspicion::Repeated,
        (false, true) => Suspicion::BalanceChanged,
        (false, false) => Suspicion::ChangedOrMissing,
    };
    Refusal::at(&here.place, sum(SumKind::Running(suspicion)))
}

/// Makes lines of all movements, each in the place of its movement: the largest file is not in memory twice.
fn lines(movements: Vec<Movement>, reading: Reading) -> Result<Vec<StatementLine>, Refusal> {
    let apart = if movements.iter().any(has_both) { apart(movements, reading)? } else { movements };
    let moves = |movement: &Movement| movement.outward != Dong::ZERO || movement.inward != Dong::ZERO;
    apart.into_iter().filter(moves).map(|movement| line(movement, reading)).collect()
}

fn has_both(movement: &Movement) -> bool {
    movement.outward != Dong::ZERO && movement.inward != Dong::ZERO
}

/// Makes two movements of each row that has both directions: money in, and a fee behind it.
fn apart(movements: Vec<Movement>, reading: Reading) -> Result<Vec<Movement>, Refusal> {
    let mut apart = Vec::with_capacity(movements.len().saturating_add(1));
    for movement in movements {
        if !has_both(&movement) {
            apart.push(movement);
            continue;
        }
        let (out, _) = flows(&movement, reading).ok_or_else(|| Refusal::at(&movement.place, Rule::Overflow))?;
        let between = match movement.balance {
            Some(balance) => {
                Some(balance.checked_add(out).ok_or_else(|| Refusal::at(&movement.place, Rule::Overflow))?)
            }
            None => None,
        };
        let (into, out) = if reading.swapped {
            (Movement { inward: Dong::ZERO, ..movement.clone() }, Movement { outward: Dong::ZERO, ..movement })
        } else {
            (Movement { outward: Dong::ZERO, ..movement.clone() }, Movement { inward: Dong::ZERO, ..movement })
        };
        apart.extend([Movement { balance: between, ..into }, out]);
    }
    Ok(apart)
}

/// Makes a line of a movement that goes one way.
fn line(movement: Movement, reading: Reading) -> Result<StatementLine, Refusal> {
    let wrong = |movement: &Movement| Refusal::at(&movement.place, Rule::Overflow);
    let (out, into) = flows(&movement, reading).ok_or_else(|| wrong(&movement))?;
    let (credit, amount) = if out == Dong::ZERO { (true, into) } else { (false, out) };
    // An amount below zero in its column takes the other direction: banks cancel in red.
    let positive = amount > Dong::ZERO;
    let size = if positive { amount } else { amount.checked_neg().ok_or_else(|| wrong(&movement))? };
    let amount =
        size.settlement().map_err(|_| Refusal::at(&movement.place, Rule::Not(Wanted::Amount, size.to_string())))?;
    Ok(StatementLine {
        place: movement.place,
        direction: if credit == positive { Direction::Credit } else { Direction::Debit },
        amount,
        booked_at: booked_at(movement.date, movement.time),
        balance: movement.balance,
        texts: movement.texts,
    })
}

/// Returns a local date and time of Vietnam as the book keeps it.
fn booked_at(date: Date, time: Option<Time>) -> BookedAt {
    let instant = time.and_then(|time| VIETNAM.to_timestamp(date.to_datetime(time)).ok());
    instant.map_or(BookedAt::On(BusinessDate::from_date(date)), BookedAt::At)
}

/// Joins statements of one account that follow one another: pages, and days in a row. Where the
/// balances do not meet they stay apart, and a note says so.
pub(super) fn join(statements: Vec<Statement>, notes: &mut Vec<Note>) -> Vec<Statement> {
    let mut joined: Vec<Statement> = Vec::new();
    for next in statements {
        let before = joined.iter_mut().rev().find(|before| before.account == next.account);
        let Some(before) = before else {
            joined.push(next);
            continue;
        };
        match (before.closing, next.opening) {
            (Some(closing), Some(opening)) if closing == opening => {
                before.closing = next.closing;
                before.proof = before.proof.max(next.proof);
                before.period = match (before.period, next.period) {
                    (Some((from, _)), Some((_, to))) => Some((from, to)),
                    (one, other) => one.or(other),
                };
                before.lines.extend(next.lines);
            }
            (None, None) => before.lines.extend(next.lines),
            (closing, opening) => {
                if let (Some(closing), Some(opening)) = (closing, opening) {
                    notes.push(Note::Gap { closing, opening });
                }
                joined.push(next);
            }
        }
    }
    joined
}
