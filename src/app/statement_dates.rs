//! Which dates a statement is about, which of them it covers, and its lines by date and account.

use std::collections::BTreeMap;

use super::error::{AppError, ErrorKind, Message};
use crate::domain::account::{BankBin, SettledAccount};
use crate::domain::calendar::BusinessDate;
use crate::domain::statement::{Statement, StatementLine};

/// Dates that one file may say it covers: ten years.
const DATES_MAX: usize = 3_660;

/// The accounts of a market that a file is about, by the place of their statements.
pub(super) type Accounts = Vec<(usize, SettledAccount, Option<BankBin>)>;

/// The dates that a statement is about: those it names, and those of its lines.
pub(super) fn span(statement: &Statement) -> Option<(BusinessDate, BusinessDate)> {
    let dates = || statement.lines.iter().map(|line| line.booked_at.date());
    let named = statement.period.into_iter().flat_map(|(from, to)| [from, to]);
    let all: Vec<BusinessDate> = named.chain(dates()).collect();
    all.iter().min().copied().zip(all.iter().max().copied())
}

/// Lines of one date, each with the place of its statement in the file.
pub(super) type Lines<'a> = Vec<(usize, &'a mut StatementLine)>;

/// The dates that a statement of an account is about, and those that it names as its own.
pub(super) struct Span {
    settled: SettledAccount,
    dates: (BusinessDate, BusinessDate),
    named: Option<(BusinessDate, BusinessDate)>,
}

/// Finds what the statements of a file are about.
pub(super) fn extents(accounts: &Accounts, statements: &[Statement]) -> Result<Vec<Span>, AppError> {
    let mut extents = Vec::new();
    for (place, settled, _) in accounts {
        let Some(statement) = statements.get(*place) else { continue };
        let Some((from, to)) = span(statement) else { continue };
        if from.plus_days(i64::try_from(DATES_MAX).unwrap_or(i64::MAX)) <= to {
            let message = Message::new(
                format!("Sao kê từ {from} đến {to} dài hơn {DATES_MAX} ngày."),
                format!("The statement from {from} to {to} is longer than {DATES_MAX} days."),
            );
            return Err(AppError::new(ErrorKind::Invalid, "period_too_long", message));
        }
        extents.push(Span { settled: settled.clone(), dates: (from, to), named: statement.period });
    }
    Ok(extents)
}

/// Groups the lines by date and account; a date without a line is one that has none.
pub(super) fn dates<'a>(
    extents: &[Span],
    accounts: &Accounts,
    statements: &'a mut [Statement],
) -> BTreeMap<(BusinessDate, SettledAccount), Lines<'a>> {
    let mut dates: BTreeMap<(BusinessDate, SettledAccount), Lines<'a>> = BTreeMap::new();
    for Span { settled, dates: (from, to), .. } in extents {
        for date in std::iter::successors(Some(*from), |date| Some(date.next())).take_while(|date| date <= to) {
            dates.entry((date, settled.clone())).or_default();
        }
    }
    for (place, statement) in statements.iter_mut().enumerate() {
        let Some((_, settled, _)) = accounts.iter().find(|(mine, ..)| *mine == place) else { continue };
        for line in &mut statement.lines {
            dates.entry((line.booked_at.date(), settled.clone())).or_default().push((place, line));
        }
    }
    dates
}

/// Tells whether a file says that it covers a date wholly, and whether it covers it at all. A date
/// that has not ended is never covered; a notice (camt.054) tells of single movements.
pub(super) fn covers(
    extents: &[Span],
    format: &str,
    (today, said_whole): (BusinessDate, bool),
    date: BusinessDate,
    settled: &SettledAccount,
) -> (bool, bool) {
    if date >= today || (format.starts_with("camt.054") && !said_whole) {
        return (false, false);
    }
    let mine = || extents.iter().filter(|extent| extent.settled == *settled);
    let within = |(from, to): (BusinessDate, BusinessDate)| from <= date && date <= to;
    let named = mine().any(|extent| extent.named.is_some_and(within));
    // Between two dates that it holds lines of, a file without a period has all dates.
    let between = mine().any(|extent| extent.dates.0 < date && date < extent.dates.1);
    let touched = mine().any(|extent| within(extent.dates));
    let whole = named || between || (said_whole && touched);
    (whole, whole || touched)
}
