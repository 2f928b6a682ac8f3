//! Periods that people report on: calendar months, weeks, the boards' month from the 15th to the 14th
//! (Thông tư 01/2020/TT-VPCP), and any other range of days.

use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use thiserror::Error;

use super::calendar::BusinessDate;
use super::language::Language;

/// Longest range, in days: two years and a leap day.
pub const DAYS_MAX: i64 = 731;

/// Why something is not a period.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PeriodError {
    /// It ends before it begins.
    #[error("the period ends before it begins")]
    Backwards,
    /// Longer than [`DAYS_MAX`] days.
    #[error("the period has more than {DAYS_MAX} days")]
    TooLong,
    /// Not a month written `2026-11`.
    #[error("{0:?} is not a month written 2026-11")]
    Month(String),
}

/// Some days, the first and the last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    first: BusinessDate,
    last: BusinessDate,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Month,
    Reporting,
    Week,
    Range,
}

impl Period {
    /// Returns the days from the first to the last.
    ///
    /// # Errors
    /// [`PeriodError::Backwards`], [`PeriodError::TooLong`].
    pub fn range(first: BusinessDate, last: BusinessDate) -> Result<Self, PeriodError> {
        if last < first {
            return Err(PeriodError::Backwards);
        }
        let period = Self { first, last, kind: Kind::Range };
        if period.days() > DAYS_MAX { Err(PeriodError::TooLong) } else { Ok(period) }
    }

    /// Reads a calendar month, `2026-11`.
    ///
    /// # Errors
    /// [`PeriodError::Month`].
    pub fn month(text: &str) -> Result<Self, PeriodError> {
        let first = first_of(text)?;
        Ok(Self::month_of(first))
    }

    /// Returns the calendar month of a day.
    #[must_use]
    pub fn month_of(day: BusinessDate) -> Self {
        let first = BusinessDate::from_date(day.date().first_of_month());
        Self { first, last: BusinessDate::from_date(day.date().last_of_month()), kind: Kind::Month }
    }

    /// Reads the boards' month, `2026-11`: from 15 October to 14 November.
    ///
    /// # Errors
    /// [`PeriodError::Month`].
    pub fn reporting(text: &str) -> Result<Self, PeriodError> {
        Ok(Self::reporting_before(first_of(text)?.date()))
    }

    fn reporting_before(month: Date) -> Self {
        let first = month.first_of_month().saturating_sub(1.month()).saturating_add(14.days());
        let last = month.first_of_month().saturating_add(13.days());
        Self { first: BusinessDate::from_date(first), last: BusinessDate::from_date(last), kind: Kind::Reporting }
    }

    /// Returns the week from Monday in which a day lies.
    #[must_use]
    pub fn week_of(day: BusinessDate) -> Self {
        let since = i64::from(day.date().weekday().since(Weekday::Monday));
        let first = day.plus_days(-since);
        Self { first, last: first.plus_days(6), kind: Kind::Week }
    }

    /// Returns the first day.
    #[must_use]
    pub fn first(self) -> BusinessDate {
        self.first
    }

    /// Returns the last day.
    #[must_use]
    pub fn last(self) -> BusinessDate {
        self.last
    }

    /// Returns how many days it has.
    #[must_use]
    pub fn days(self) -> i64 {
        let span = self.last.date().since(self.first.date());
        span.map_or(0, |span| i64::from(span.get_days())).saturating_add(1)
    }

    /// Returns its days, in order.
    pub fn each(self) -> impl Iterator<Item = BusinessDate> {
        (0..self.days()).map(move |day| self.first.plus_days(day))
    }

    /// Returns the period before it: the month before a month, else as many days.
    #[must_use]
    pub fn previous(self) -> Self {
        let before = self.first.previous();
        match self.kind {
            Kind::Month => Self::month_of(before),
            Kind::Reporting => {
                // The month in which its own last day lies, less one.
                Self::reporting_before(self.last.date().first_of_month().saturating_sub(1.month()))
            }
            Kind::Week => Self::week_of(before),
            Kind::Range => Self { first: self.first.plus_days(-self.days()), last: before, kind: Kind::Range },
        }
    }

    /// Names it in a language.
    #[must_use]
    pub fn named(self, language: Language) -> String {
        let (first, last) = (self.first.vietnamese(), self.last.vietnamese());
        let month = |date: BusinessDate| format!("{:02}/{}", date.date().month(), date.date().year());
        match (language, self.kind) {
            (Language::Vietnamese, _) => self.vietnamese(),
            (Language::English, Kind::Month) => month(self.first),
            (Language::English, Kind::Reporting) => {
                format!("reporting period {} ({first} – {last})", month(self.last))
            }
            (Language::English, Kind::Week) => format!("week {first} – {last}"),
            (Language::English, Kind::Range) if self.first == self.last => first,
            (Language::English, Kind::Range) => format!("{first} to {last}"),
        }
    }

    /// Names it as Vietnamese papers do.
    #[must_use]
    pub fn vietnamese(self) -> String {
        let (first, last) = (self.first.vietnamese(), self.last.vietnamese());
        let month = |date: BusinessDate| format!("{:02}/{}", date.date().month(), date.date().year());
        match self.kind {
            Kind::Month => format!("tháng {}", month(self.first)),
            Kind::Reporting => format!("kỳ báo cáo tháng {} ({first} – {last})", month(self.last)),
            Kind::Week => format!("tuần {first} – {last}"),
            Kind::Range if self.first == self.last => format!("ngày {first}"),
            Kind::Range => format!("từ {first} đến {last}"),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

fn first_of(text: &str) -> Result<BusinessDate, PeriodError> {
    let wrong = || PeriodError::Month(text.chars().take(20).collect());
    if text.len() != 7 {
        return Err(wrong());
    }
    format!("{text}-01").parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> BusinessDate {
        text.parse().unwrap()
    }

    #[test]
    fn each_kind_of_period_knows_the_one_before() {
        let month = Period::month("2026-03").unwrap();
        assert_eq!((month.to_string(), month.days()), ("2026-03-01..2026-03-31".to_owned(), 31));
        assert_eq!(month.previous().to_string(), "2026-02-01..2026-02-28");
        let reporting = Period::reporting("2026-01").unwrap();
        assert_eq!(reporting.to_string(), "2025-12-15..2026-01-14");
        assert_eq!(reporting.previous().to_string(), "2025-11-15..2025-12-14");
        let week = Period::week_of(day("2026-11-25"));
        assert_eq!(week.to_string(), "2026-11-23..2026-11-29");
        assert_eq!(week.previous().to_string(), "2026-11-16..2026-11-22");
        let range = Period::range(day("2026-11-10"), day("2026-11-12")).unwrap();
        assert_eq!(range.previous().to_string(), "2026-11-07..2026-11-09");
        assert_eq!(range.each().count(), 3);
    }

    #[test]
    fn what_is_no_period_is_refused() {
        assert_eq!(Period::range(day("2026-11-10"), day("2026-11-09")), Err(PeriodError::Backwards));
        assert_eq!(Period::range(day("2020-01-01"), day("2026-01-01")), Err(PeriodError::TooLong));
        for text in ["2026-13", "2026-1", "", "november"] {
            assert!(Period::month(text).is_err(), "{text}");
        }
    }
}
