//! Time: instants, the market's book day, and the clock that everything else is handed.
//!
//! Vietnam has kept UTC+7 without daylight saving since 1975, so one fixed offset serves. Instants
//! are [`jiff::Timestamp`]; they are stored as whole microseconds since 1970-01-01T00:00Z.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, ToSpan};
use thiserror::Error;

/// Vietnam's offset from UTC.
pub const VIETNAM: Offset = Offset::constant(7);

/// Tells the time. The only way any code learns it, so that tests and `--clock` can set it.
pub trait Clock: Send + Sync {
    /// Returns the present instant.
    fn now(&self) -> Timestamp;
}

/// Why a text is not a date or a cut-off.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// Not a date `YYYY-MM-DD` of the calendar between 1970 and 9998.
    #[error("date {0:?} is not a calendar date written YYYY-MM-DD")]
    Date(String),
    /// Not a time of day `HH:MM` from 00:00 to 23:59.
    #[error("cut-off {0:?} is not a time of day written HH:MM")]
    Cutoff(String),
}

/// A day of the market's book. Ordered; written `2026-11-24`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusinessDate(Date);

impl BusinessDate {
    /// The first date of a market's book before anything was closed: nothing can be late for it.
    pub const BEGINNING: Self = Self(jiff::civil::date(1970, 1, 1));

    /// The last date that can be written.
    pub const END: Self = Self(jiff::civil::date(9998, 12, 31));

    /// Returns the bank's calendar date (UTC+7) of an instant; this is also `event_date`.
    #[must_use]
    pub fn of_calendar(instant: Timestamp) -> Self {
        Self(VIETNAM.to_datetime(instant).date())
    }

    /// Returns the book day of an instant: the calendar date of `instant − cutoff` (DESIGN §4.14).
    #[must_use]
    pub fn of(instant: Timestamp, cutoff: Cutoff) -> Self {
        let shift = SignedDuration::from_mins(i64::from(cutoff.minutes));
        Self::of_calendar(instant.checked_sub(shift).unwrap_or(instant))
    }

    /// Wraps a calendar date.
    #[must_use]
    pub fn from_date(date: Date) -> Self {
        Self(date)
    }

    /// Returns the calendar date.
    #[must_use]
    pub fn date(self) -> Date {
        self.0
    }

    /// Returns the next day.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus_days(1)
    }

    /// Returns the day before.
    #[must_use]
    pub fn previous(self) -> Self {
        self.plus_days(-1)
    }

    /// Returns the date `days` later (earlier when negative), stopping at the calendar's ends.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.days()))
    }

    /// Returns the instant at which this calendar date begins in Vietnam.
    #[must_use]
    pub fn starts_at(self) -> Timestamp {
        VIETNAM.to_timestamp(self.0.at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Returns the date as Vietnamese readers write it: `24/11/2026`.
    #[must_use]
    pub fn vietnamese(self) -> String {
        format!("{:02}/{:02}/{:04}", self.0.day(), self.0.month(), self.0.year())
    }
}

/// A date as it is written: `2026-11-22`. Held in place, for every settlement is written with several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateText([u8; 10]);

impl DateText {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<BusinessDate> for DateText {
    fn from(date: BusinessDate) -> Self {
        // Digit by digit: a settlement writes eight dates, and the general way was 3 % of it.
        let digit = |number: i16, place: i16| char::from_digit(u32::try_from(number / place % 10).unwrap_or(0), 10);
        let (year, month, day) = (date.0.year(), i16::from(date.0.month()), i16::from(date.0.day()));
        let dash = Some('-');
        let digits = [
            digit(year, 1_000),
            digit(year, 100),
            digit(year, 10),
            digit(year, 1),
            dash,
            digit(month, 10),
            digit(month, 1),
            dash,
            digit(day, 10),
            digit(day, 1),
        ];
        let mut text = [b'0'; 10];
        for (place, digit) in text.iter_mut().zip(digits) {
            *place = digit.and_then(|digit| u8::try_from(digit).ok()).unwrap_or(b'0');
        }
        Self(text)
    }
}

impl fmt::Display for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(DateText::from(*self).as_str())
    }
}

impl fmt::Debug for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for BusinessDate {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let wrong = || CalendarError::Date(text.chars().take(40).collect());
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        if !shape {
            return Err(wrong());
        }
        let date: Date = text.parse().map_err(|_| wrong())?;
        if (1970..=9998).contains(&date.year()) { Ok(Self(date)) } else { Err(wrong()) }
    }
}

/// The time of day at which a market's book day breaks, 00:00 by default. Money that arrives
/// before it belongs to the day before, so that a wholesale night is not cut in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cutoff {
    minutes: u16,
}

impl Cutoff {
    /// Returns the cut-off `minutes` after midnight, 0 ..= 1439.
    ///
    /// # Errors
    /// When `minutes` is outside a day.
    pub fn from_minutes(minutes: i64) -> Result<Self, CalendarError> {
        u16::try_from(minutes)
            .ok()
            .filter(|m| *m < 24 * 60)
            .map(|minutes| Self { minutes })
            .ok_or_else(|| CalendarError::Cutoff(minutes.to_string()))
    }

    /// Returns the minutes after midnight.
    #[must_use]
    pub fn minutes(self) -> i64 {
        i64::from(self.minutes)
    }
}

impl fmt::Display for Cutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl FromStr for Cutoff {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let wrong = || CalendarError::Cutoff(text.chars().take(20).collect());
        let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
        let two_digits = |part: &str| {
            let plain = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| part.parse::<u16>().ok()).flatten().ok_or_else(wrong)
        };
        let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
        if hour < 24 && minute < 60 { Ok(Self { minutes: hour * 60 + minute }) } else { Err(wrong()) }
    }
}

/// Returns the hour of the day in Vietnam, 0 ..= 23.
#[must_use]
pub fn vietnam_hour(instant: Timestamp) -> i64 {
    i64::from(VIETNAM.to_datetime(instant).hour())
}

/// Returns the instant in RFC 3339 with Vietnam's offset: `2026-11-24T08:18:11+07:00`; fractions
/// of a second are written only when they are not zero.
#[must_use]
pub fn rfc3339(instant: Timestamp) -> String {
    instant.display_with_offset(VIETNAM).to_string()
}

/// Returns the time of day in Vietnam, `08:18`.
#[must_use]
pub fn vietnam_time(instant: Timestamp) -> String {
    let local = VIETNAM.to_datetime(instant);
    format!("{:02}:{:02}", local.hour(), local.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an RFC 3339 instant")
    }

    #[test]
    fn a_payment_before_the_cutoff_belongs_to_the_day_before() {
        let cutoff: Cutoff = "04:00".parse().expect("a cut-off");
        assert_eq!(BusinessDate::of(at("2026-11-24T03:59:59+07:00"), cutoff).to_string(), "2026-11-23");
        assert_eq!(BusinessDate::of(at("2026-11-24T04:00:00+07:00"), cutoff).to_string(), "2026-11-24");
        assert_eq!(BusinessDate::of(at("2026-11-30T17:00:00Z"), Cutoff::default()).to_string(), "2026-12-01");
    }

    #[test]
    fn instants_are_written_with_vietnams_offset() {
        assert_eq!(rfc3339(at("2026-11-24T01:18:11Z")), "2026-11-24T08:18:11+07:00");
        assert_eq!(rfc3339(at("2026-11-24T01:18:11.5Z")), "2026-11-24T08:18:11.5+07:00");
    }

    #[test]
    fn dates_have_one_spelling() {
        assert!("2026-2-3".parse::<BusinessDate>().is_err());
        assert!("2026-02-30".parse::<BusinessDate>().is_err());
        assert!("20260203".parse::<BusinessDate>().is_err());
        assert!("2026-02-03".parse::<BusinessDate>().is_ok());
    }
}
