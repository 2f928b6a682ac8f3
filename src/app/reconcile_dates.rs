//! Reading what is compared: the dates of a scope, some at a time with the dates beside them.

use std::collections::{BTreeMap, BTreeSet};

use super::error::AppError;
use super::reconcile::{Scope, no_statement};
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketId;
use crate::domain::reconciliation::Coverage;
use crate::domain::registration::Market;
use crate::ledger::reconcile::findings::AccountFacts;
use crate::store::engine::Transaction;
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

/// Reads everything that is known of some dates and the dates beside them: banks and providers differ
/// about midnight.
pub(super) async fn read(
    transaction: &mut Transaction,
    market: MarketId,
    only: Option<&BTreeSet<SettledAccount>>,
    dates: &[BusinessDate],
) -> Result<BTreeMap<SettledAccount, AccountFacts>, AppError> {
    let mut known: BTreeMap<SettledAccount, AccountFacts> = BTreeMap::new();
    let (Some(first), Some(last)) = (dates.first(), dates.last()) else { return Ok(known) };
    let span = (first.previous(), last.next());
    let one = only.and_then(|accounts| accounts.first().filter(|_| accounts.len() == 1));
    let wanted = |account: &SettledAccount| only.is_none_or(|accounts| accounts.contains(account));
    for day in statements::covered(transaction, market, span.0, span.1).await? {
        let coverage = if day.covered { Coverage::Day } else { Coverage::Part(day.last_at) };
        known.entry(day.settled).or_default().coverage.insert(day.date, coverage);
    }
    for (account, lines) in statement_lines::to_compare(transaction, market, one, span).await? {
        known.entry(account).or_default().lines = lines;
    }
    for (account, credits) in reconciliation::credits(transaction, market, one, span).await? {
        known.entry(account).or_default().credits = credits;
    }
    for (account, reports) in reconciliation::reports(transaction, market, span).await? {
        known.entry(account).or_default().reports = reports;
    }
    known.retain(|account, _| wanted(account));
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
