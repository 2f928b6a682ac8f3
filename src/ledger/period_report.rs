//! A period's figures and their cross-checks, markets beside each other, and what the city may see of
//! them: no figure of fewer than five stalls, and none that tells one by a difference or a sum.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::civil::Weekday;

use super::daily_report::{
    Check, DayTotals, Imbalance, ReportError, StallDayTotal, StallKind, StallOnDate, categories_of, total,
};
use super::spread::{Measure, Spread, reached};
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::{DayStatus, Figure, ReportedMarket, StallFigures};
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketCode, MarketId, StallNumber};
use crate::domain::money::Dong;
use crate::domain::period::Period;
use crate::domain::period_report::{
    ComparedMarket, MarketComparison, MarketSums, Measures, PeriodDay, PeriodReport, PeriodStall, STALLS_MIN, Standing,
};

/// Days without a payment after which a stall counts as dormant.
pub const DORMANT_DAYS: i64 = 30;
/// Days within which a stall with a payment counts as active.
pub const ACTIVE_DAYS: i64 = 7;

type Result<T> = std::result::Result<T, ReportError>;

/// Everything a period's report is made of, read at one moment.
#[derive(Debug, Clone)]
pub struct PeriodTotals {
    /// The market.
    pub market: ReportedMarket,
    /// The first date that is not closed.
    pub open_date: BusinessDate,
    /// Each date's payments and amount (`hourly_totals`).
    pub days: Vec<(BusinessDate, Figure)>,
    /// The period's payments (`date_totals`).
    pub settled: i64,
    /// Each date's stalls with a payment.
    pub active: Vec<(BusinessDate, i64)>,
    /// What postings of each kind did to each stall (`daily_totals`).
    pub stall_days: Vec<StallDayTotal>,
    /// Days with a payment of each stall.
    pub stall_active: Vec<(StallNumber, i64)>,
    /// The period before.
    pub previous: Figure,
    /// All the market's stalls, in the order of their codes.
    pub stalls: Vec<StallOnDate>,
    /// The last close of the period.
    pub last_close: Option<(BusinessDate, Hash)>,
}

/// Makes a period's report, or says which figures contradict each other.
///
/// # Errors
/// [`ReportError`]; the first check that fails is named.
pub fn draw_up(
    totals: PeriodTotals,
    period: Period,
    words: impl Fn(Dong) -> String,
    drawn_up_at: Timestamp,
) -> Result<PeriodReport> {
    let sum = total(totals.days.iter().map(|(_, figure)| *figure))?;
    let suspense = total(totals.stall_days.iter().filter(|day| day.stall.is_none()).map(|day| day.figure))?;
    let figures = DayTotals::stall_figures(&totals.stall_days, &totals.stalls)?;
    check(&totals, &figures, suspense, sum)?;
    let closed = |date: &BusinessDate| *date < totals.open_date;
    let by_date: HashMap<BusinessDate, Figure> = totals.days.iter().copied().collect();
    let active: HashMap<BusinessDate, i64> = totals.active.iter().copied().collect();
    let days_of: HashMap<StallNumber, i64> = totals.stall_active.iter().copied().collect();
    let day = |date: BusinessDate| PeriodDay {
        date,
        status: if closed(&date) { DayStatus::Closed } else { DayStatus::Open },
        figure: by_date.get(&date).copied().unwrap_or_default(),
        active_stalls: active.get(&date).copied().unwrap_or(0),
    };
    let stall = |stall: &StallFigures| PeriodStall {
        number: stall.number,
        code: stall.code.clone(),
        vendor: stall.vendor.clone(),
        category: stall.category.clone(),
        days: days_of.get(&stall.number).copied().unwrap_or(0),
        payments: stall.payments,
        amount: stall.amount,
        adjusted: stall.adjusted,
        net: stall.net,
    };
    Ok(PeriodReport {
        period,
        drawn_up_at,
        amount_in_words: words(sum.amount),
        closed: total(totals.days.iter().filter(|(date, _)| closed(date)).map(|(_, figure)| *figure))?,
        total: sum,
        suspense,
        previous: totals.previous,
        days: period.each().map(day).collect(),
        stalls: figures.iter().map(stall).collect(),
        categories: categories_of(&figures)?,
        registered_stalls: i64::try_from(totals.stalls.len()).unwrap_or(i64::MAX),
        last_close: totals.last_close,
        market: totals.market,
    })
}

/// Three tables that are written apart must agree on the period.
fn check(totals: &PeriodTotals, stalls: &[StallFigures], suspense: Figure, sum: Figure) -> Result<()> {
    let by_stall = total(stalls.iter().map(|stall| Figure { count: stall.payments, amount: stall.amount }))?;
    let found = by_stall.amount.checked_add(suspense.amount).ok_or(ReportError::Overflow)?;
    equal(Check::Stalls, found.whole(), sum.amount.whole())?;
    equal(Check::PaymentsByHour, sum.count, totals.settled)?;
    let settles = totals.stall_days.iter().filter(|day| day.kind == StallKind::Settle);
    equal(Check::PaymentsByStall, total(settles.map(|day| day.figure))?.count, totals.settled)
}

fn equal(check: Check, found: i64, expected: i64) -> Result<()> {
    let difference = found.saturating_sub(expected);
    if difference == 0 { Ok(()) } else { Err(ReportError::Imbalance(Imbalance { check, found, expected, difference })) }
}

/// Counts that markets are compared by, as they are read for a period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counted {
    /// How settlements of closed dates spread.
    pub spread: Spread,
    /// Payments of closed dates by hour.
    pub closed_hours: BTreeMap<i64, i64>,
    /// Payments of open dates by hour.
    pub open_hours: BTreeMap<i64, i64>,
    /// Stalls whose newest code was printed, each print read back before it was released.
    pub cards: i64,
}

impl Counted {
    /// Returns what is told of a market whose figures are told.
    fn measures(&self, standing: Standing, sums: MarketSums) -> Measures {
        let hours = if standing == Standing::Closed { &self.closed_hours } else { &self.open_hours };
        let busiest = hours
            .iter()
            .filter(|(_, count)| **count > 0)
            .max_by_key(|(hour, count)| (**count, std::cmp::Reverse(**hour)));
        let (amounts, delays) = (self.spread.of(Measure::Amount), self.spread.of(Measure::Delay));
        let counted = amounts.values().copied().fold(0_i64, i64::saturating_add);
        // A part of the dates would be told as the whole period.
        let whole = standing == Standing::Closed && counted == sums.figure.count;
        Measures {
            median: reached(amounts, 1, 2).filter(|_| whole).map(Dong::new),
            delay_s: reached(delays, 95, 100).filter(|_| whole),
            peak_hour: busiest.map(|(hour, _)| *hour),
            cards: self.cards,
        }
    }
}

/// A market's sums as they are read: of this period and of the one before.
#[derive(Debug, Clone)]
pub struct ComparedRow {
    /// Its number.
    pub id: MarketId,
    /// Its code.
    pub code: MarketCode,
    /// Its name.
    pub name: String,
    /// The ward it lay in on the period's last day.
    pub ward: Option<String>,
    /// Demonstration data.
    pub demo: bool,
    /// The first date that is not closed.
    pub open_date: BusinessDate,
    /// Stalls registered.
    pub registered_stalls: i64,
    /// Closed days.
    pub closed: [MarketSums; 2],
    /// Open days.
    pub provisional: [MarketSums; 2],
    /// What else it is compared by.
    pub counted: Counted,
}

/// Puts markets beside each other. What fewer than five stalls are behind is left out, the period
/// before with it, and the total when it would tell what was left out.
///
/// # Errors
/// [`ReportError::Overflow`].
pub fn compare(
    rows: Vec<ComparedRow>,
    period: Period,
    standing: Standing,
    drawn_up_at: Timestamp,
) -> Result<MarketComparison> {
    let sums_of = |row: &ComparedRow| match standing {
        Standing::Closed => row.closed,
        Standing::Provisional => row.provisional,
    };
    let all = total(rows.iter().map(|row| sums_of(row)[0].figure))?;
    let hidden: i64 =
        rows.iter().map(|row| sums_of(row)[0]).filter(|sums| !sums.is_open_to_others()).map(|s| s.active_stalls).sum();
    let any_hidden = rows.iter().any(|row| !sums_of(row)[0].is_open_to_others());
    let markets = rows
        .into_iter()
        .map(|row| {
            let [now, before] = sums_of(&row);
            let sums = Some(now).filter(|sums| sums.is_open_to_others());
            ComparedMarket {
                // A difference of a figure that is shown and one that is not would tell the latter.
                previous: Some(before).filter(|before| sums.is_some() && before.is_open_to_others()),
                measures: sums.map(|sums| row.counted.measures(standing, sums)),
                sums,
                code: row.code,
                name: row.name,
                ward: row.ward,
                demo: row.demo,
                registered_stalls: row.registered_stalls,
                open_date: row.open_date,
            }
        })
        .collect();
    let total = (!any_hidden || hidden >= STALLS_MIN).then_some(all);
    Ok(MarketComparison { period, standing, drawn_up_at, markets, total })
}

/// How far a stall has come.
#[derive(Debug, Clone)]
pub struct StallStep {
    /// What it sells.
    pub category: String,
    /// Its card was printed.
    pub printed: bool,
    /// It has had a payment.
    pub paid: bool,
    /// Its last date with a payment within [`DORMANT_DAYS`].
    pub last_date: Option<BusinessDate>,
}

/// Stalls at each step: registered, printed, with a first payment, active, dormant.
pub type Steps = [i64; 5];

/// Counts stalls by step, for all and by category. A category of fewer than five stalls is put
/// together with the others of its kind, and left out when they are too few even then.
#[must_use]
pub fn funnel(stalls: &[StallStep], today: BusinessDate) -> (Steps, Vec<(Option<String>, Steps)>) {
    let active_since = today.plus_days(1 - ACTIVE_DAYS);
    let count = |steps: &mut Steps, stall: &StallStep| {
        let active = stall.last_date.is_some_and(|date| date >= active_since);
        let dormant = stall.paid && stall.last_date.is_none();
        for (step, reached) in steps.iter_mut().zip([true, stall.printed, stall.paid, active, dormant]) {
            *step = step.saturating_add(i64::from(reached));
        }
    };
    let mut all = Steps::default();
    let mut by_category: BTreeMap<&str, Steps> = BTreeMap::new();
    for stall in stalls {
        count(&mut all, stall);
        count(by_category.entry(&stall.category).or_default(), stall);
    }
    let (mut shown, mut few) = (Vec::new(), Steps::default());
    for (category, steps) in by_category {
        if steps[0] >= STALLS_MIN {
            shown.push((Some(category.to_owned()), steps));
        } else {
            for (sum, step) in few.iter_mut().zip(steps) {
                *sum = sum.saturating_add(step);
            }
        }
    }
    if few[0] >= STALLS_MIN {
        shown.push((None, few));
    }
    (all, shown)
}

/// A date's hour of all markets.
#[derive(Debug, Clone, Copy)]
pub struct DateHour {
    /// The date.
    pub date: BusinessDate,
    /// The hour, 0 ..= 23.
    pub hour: i64,
    /// Payments and amount.
    pub figure: Figure,
    /// At least so many stalls are behind it.
    pub stalls: i64,
}

/// Payments of a weekday's hour in all weeks together; `None` when fewer than five stalls may be behind
/// it, and no entry when there was none.
#[must_use]
pub fn weekday_hours(hours: &[DateHour]) -> BTreeMap<(i8, i64), Option<Figure>> {
    let mut cells: BTreeMap<(i8, i64), (Figure, i64)> = BTreeMap::new();
    for hour in hours {
        let weekday: Weekday = hour.date.date().weekday();
        let cell = cells.entry((weekday.to_monday_zero_offset(), hour.hour)).or_default();
        cell.0.count = cell.0.count.saturating_add(hour.figure.count);
        cell.0.amount = cell.0.amount.checked_add(hour.figure.amount).unwrap_or(cell.0.amount);
        // The stalls of the busiest date are stalls of all dates together.
        cell.1 = cell.1.max(hour.stalls);
    }
    let told = |(figure, stalls): (Figure, i64)| (stalls >= STALLS_MIN).then_some(figure);
    cells.into_iter().filter(|(_, (figure, _))| figure.count != 0).map(|(place, cell)| (place, told(cell))).collect()
}

/// Tells which markets' codes are asked for twice or are not there.
#[must_use]
pub fn unknown<'c>(asked: &'c [MarketCode], known: &[ComparedRow]) -> Option<&'c MarketCode> {
    let known: BTreeSet<&MarketCode> = known.iter().map(|row| &row.code).collect();
    asked.iter().find(|code| !known.contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(count: i64, amount: i64, active_stalls: i64) -> MarketSums {
        MarketSums { figure: Figure { count, amount: Dong::new(amount) }, active_stalls, days: 1 }
    }

    fn row(code: &str, now: MarketSums, before: MarketSums) -> ComparedRow {
        ComparedRow {
            id: MarketId::new(1).unwrap(),
            code: code.parse().unwrap(),
            name: format!("Chợ {code}"),
            ward: None,
            demo: false,
            open_date: "2026-11-25".parse().unwrap(),
            registered_stalls: 300,
            closed: [now, before],
            provisional: [MarketSums::default(); 2],
            counted: Counted::default(),
        }
    }

    fn compared(rows: Vec<ComparedRow>) -> MarketComparison {
        let period = Period::month("2026-11").unwrap();
        compare(rows, period, Standing::Closed, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_market_of_four_stalls_is_hidden_and_so_is_what_would_tell_it() {
        let shown = compared(vec![
            row("AAA", sums(90, 900, 50), sums(80, 800, 40)),
            row("BBB", sums(9, 90, 4), sums(80, 800, 40)),
            row("CCC", sums(70, 700, 30), sums(3, 30, 2)),
        ]);
        let of = |place: usize| (shown.markets[place].sums.is_some(), shown.markets[place].previous.is_some());
        assert_eq!([of(0), of(1), of(2)], [(true, true), (false, false), (true, false)]);
        assert_eq!(shown.total, None, "the total less the others is the hidden one");
    }

    #[test]
    fn the_total_is_shown_when_enough_stalls_are_hidden_in_it_together() {
        let hidden = || row("AAA", sums(9, 90, 3), MarketSums::default());
        let shown = compared(vec![hidden(), hidden(), row("CCC", sums(70, 700, 30), MarketSums::default())]);
        assert_eq!(shown.total.map(|total| total.count), Some(88));
        let nothing = compared(vec![row("AAA", MarketSums::default(), MarketSums::default())]);
        assert!(nothing.markets[0].sums.is_some(), "nothing tells nothing");
    }

    #[test]
    fn a_weekdays_hour_is_hidden_unless_five_stalls_are_surely_behind_it() {
        let hour = |date: &str, hour, count, stalls| DateHour {
            date: date.parse().unwrap(),
            hour,
            figure: Figure { count, amount: Dong::new(count * 10) },
            stalls,
        };
        let cells = weekday_hours(&[
            hour("2026-11-23", 6, 10, 5),
            hour("2026-11-16", 6, 7, 2),
            hour("2026-11-23", 3, 40, 4),
            hour("2026-11-16", 3, 40, 4),
            hour("2026-11-24", 3, 0, 0),
        ]);
        assert_eq!(cells.len(), 2);
        assert_eq!(cells[&(0, 6)].map(|figure| figure.count), Some(17));
        assert_eq!(cells[&(0, 3)], None, "four stalls on each of two Mondays may be the same four");
    }

    #[test]
    fn small_categories_are_told_together_or_not_at_all() {
        let today: BusinessDate = "2026-11-25".parse().unwrap();
        let step = |category: &str, printed, paid, last: Option<&str>| StallStep {
            category: category.to_owned(),
            printed,
            paid,
            last_date: last.map(|date| date.parse().unwrap()),
        };
        let mut stalls: Vec<StallStep> = (0..5).map(|_| step("Cá", true, true, Some("2026-11-20"))).collect();
        stalls.push(step("Rau", true, true, None));
        stalls.push(step("Vải", false, false, None));
        let (all, shown) = funnel(&stalls, today);
        assert_eq!(all, [7, 6, 6, 5, 1]);
        assert_eq!(shown, [(Some("Cá".to_owned()), [5, 5, 5, 5, 0])], "two others would be told");
    }
}
