//! Reading what is compared: the dates of a scope, some at a time with the dates beside them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::error::AppError;
use super::reconcile::{Scope, no_statement};
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, StallNumber};
use crate::domain::memo::{self, Choice};
use crate::domain::reconciliation::Coverage;
use crate::domain::registration::Market;
use crate::domain::settlement::Direction;
use crate::ledger::reconcile::findings::AccountFacts;
use crate::ledger::reconcile::pairing::evidence;
use crate::store::engine::Transaction;
use crate::store::statement_lines::Gist;
use crate::store::{reconciliation, statement_lines, statements};

/// Lines of statements that are compared together, unless a single date has more: about ten megabytes.
const COMPARED_TOGETHER: i64 = 20_000;

/// The accounts and dates of a scope; no accounts: all of them. Each date with about how many lines it has.
pub(super) struct Asked {
    pub(super) accounts: Option<BTreeSet<SettledAccount>>,
    pub(super) dates: BTreeMap<BusinessDate, i64>,
}

/// Finds the accounts and dates of a scope.
pub(super) async fn asked(transaction: &mut Transaction, market: &Market, scope: &Scope) -> Result<Asked, AppError> {
    let (id, only) = match scope {
        Scope::Date(date) => return Ok(Asked { accounts: None, dates: BTreeMap::from([(*date, 0)]) }),
        Scope::Statement(id, only) => (*id, *only),
    };
    if statements::find(transaction, market.id, id).await?.is_none() {
        return Err(no_statement(id));
    }
    let days = statements::days_of(transaction, market.id, id).await?;
    let accounts = days.iter().map(|day| day.settled.clone()).collect();
    let mut dates = BTreeMap::new();
    match only {
        Some(date) => drop(dates.insert(date, 0)),
        None => {
            for day in days {
                let lines = dates.entry(day.date).or_insert(0_i64);
                *lines = lines.saturating_add(day.lines);
            }
        }
    }
    Ok(Asked { accounts: Some(accounts), dates })
}

/// Returns the dates in groups: dates that follow one another, as many as have about so many lines.
pub(super) fn chunks(dates: &BTreeMap<BusinessDate, i64>) -> Vec<Vec<BusinessDate>> {
    let mut chunks: Vec<Vec<BusinessDate>> = Vec::new();
    let mut lines = 0_i64;
    for (date, more) in dates {
        lines = lines.saturating_add(*more);
        match chunks.last_mut() {
            Some(chunk) if chunk.last() == Some(&date.previous()) && lines <= COMPARED_TOGETHER => chunk.push(*date),
            _ => {
                chunks.push(vec![*date]);
                lines = *more;
            }
        }
    }
    chunks
}

/// Dates apart from the others that are read for what senders told of them and the book holds elsewhere: a
/// clock that was set back stands on one date and hears of one other, or of two about midnight.
const TOLD_DATES_MAX: usize = 8;

type Known = BTreeMap<SettledAccount, AccountFacts>;

/// Reads everything that is known of some dates and the dates beside them: banks and providers differ
/// about midnight. What a sender told of a date that is none of these, and was not believed, may be a line
/// of that date: such dates are read too.
pub(super) async fn read(
    transaction: &mut Transaction,
    market: MarketId,
    only: Option<&BTreeSet<SettledAccount>>,
    dates: &[BusinessDate],
    stalls: &HashSet<StallNumber>,
) -> Result<Known, AppError> {
    let gist = |direction: Direction, memo: &str| match direction {
        Direction::Credit => match memo::choose(memo, |stall| stalls.contains(&stall)) {
            Choice::One(stall) => (Some(stall), evidence(memo)),
            Choice::None | Choice::Ambiguous => (None, evidence(memo)),
        },
        Direction::Debit => (None, Box::default()),
    };
    let mut known = Known::new();
    let (Some(first), Some(last)) = (dates.first(), dates.last()) else { return Ok(known) };
    let span = (first.previous(), last.next());
    let one = only.and_then(|accounts| accounts.first().filter(|_| accounts.len() == 1));
    take_span(transaction, market, one, span, &gist, &mut known).await?;
    let told = known.values().flat_map(|facts| &facts.credits).filter(|credit| dates.contains(&credit.date));
    let elsewhere: BTreeSet<BusinessDate> = told
        .filter_map(|credit| credit.claimed().map(BusinessDate::of_calendar))
        .filter(|date| *date < span.0 || *date > span.1)
        .collect();
    for date in elsewhere.into_iter().take(TOLD_DATES_MAX) {
        take_span(transaction, market, one, (date, date), &gist, &mut known).await?;
    }
    known.retain(|account, _| only.is_none_or(|accounts| accounts.contains(account)));
    for facts in known.values_mut() {
        facts.lines.sort_unstable_by_key(|line| line.number);
        // One that was told of for one span may stand in the book in another.
        facts.credits.sort_unstable_by_key(|credit| credit.item);
        facts.credits.dedup_by_key(|credit| credit.item);
    }
    for (account, reports) in reconciliation::reports(transaction, market, span).await? {
        if only.is_none_or(|accounts| accounts.contains(&account)) {
            known.entry(account).or_default().reports = reports;
        }
    }
    let refunds = statement_lines::refunds(transaction, market, span).await?;
    for facts in known.values_mut().filter(|_| !refunds.is_empty()) {
        for number in facts.lines.iter().map(|line| line.number) {
            for refund in refunds.get(&number).into_iter().flatten() {
                if reconciliation::is_live(transaction, market, *refund).await? {
                    facts.refunds.insert(number, *refund);
                }
            }
        }
    }
    Ok(known)
}

async fn take_span(
    transaction: &mut Transaction,
    market: MarketId,
    account: Option<&SettledAccount>,
    span: (BusinessDate, BusinessDate),
    gist: &(dyn Fn(Direction, &str) -> Gist + Sync),
    known: &mut Known,
) -> Result<(), AppError> {
    for day in statements::covered(transaction, market, span.0, span.1).await? {
        let coverage = if day.covered { Coverage::Day } else { Coverage::Part(day.last_at) };
        known.entry(day.settled).or_default().coverage.insert(day.date, coverage);
    }
    for (account, lines) in statement_lines::to_compare(transaction, market, account, span, gist).await? {
        put(&mut known.entry(account).or_default().lines, lines);
    }
    for (account, credits) in reconciliation::credits(transaction, market, account, span).await? {
        put(&mut known.entry(account).or_default().credits, credits);
    }
    Ok(())
}

/// Adds to a list without another copy of it where it is empty.
fn put<T>(list: &mut Vec<T>, more: Vec<T>) {
    if list.is_empty() {
        *list = more;
    } else {
        list.extend(more);
    }
}
