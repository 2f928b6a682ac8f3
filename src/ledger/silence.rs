//! Whether a source has fallen silent, by its own usual rate for that hour of the week: how many
//! reports it would have sent since its last one. Whole numbers: thousandths of a report.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::calendar::{BusinessDate, vietnam_hour};

/// Weeks that a usual rate is the mean of.
pub const WEEKS: i64 = 8;
/// Thousandths of reports that must have failed to come: five at the usual rate; by chance none of
/// five comes once in a hundred and fifty times.
pub const MISSED_MIN: i64 = 5_000;
/// Longest silence that is added up hour by hour.
const HOURS_MAX: usize = 48;
/// Shortest silence that is one.
const SHORTEST: SignedDuration = SignedDuration::from_mins(10);

/// What was heard of a source, by date and hour in Vietnam.
pub type Heard = BTreeMap<(BusinessDate, i64), i64>;

/// A silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// The last that was heard.
    pub since: Timestamp,
    /// Reports that would usually have come since, in thousandths.
    pub missed_milli: i64,
}

/// Judges a source at a moment; `first` is the date on which it was first heard of.
#[must_use]
pub fn judge(heard: &Heard, first: BusinessDate, last_at: Timestamp, now: Timestamp) -> Option<Silence> {
    if now.duration_since(last_at) < SHORTEST {
        return None;
    }
    let mut missed = 0_i64;
    let mut from = last_at;
    for _ in 0..HOURS_MAX {
        if from >= now {
            break;
        }
        let (date, hour) = (BusinessDate::of_calendar(from), vietnam_hour(from));
        let start = date.starts_at().checked_add(SignedDuration::from_hours(hour)).unwrap_or(from);
        let end = start.checked_add(SignedDuration::from_hours(1)).unwrap_or(now).min(now);
        let seconds = end.duration_since(from).as_secs();
        let part = usual_milli(heard, first, date, hour).saturating_mul(seconds).checked_div(3_600).unwrap_or(0);
        missed = missed.saturating_add(part);
        from = end;
    }
    (missed >= MISSED_MIN).then_some(Silence { since: last_at, missed_milli: missed })
}

/// Returns the mean of the same hour in the weeks before, in thousandths; 0 while there is no such week.
#[must_use]
pub fn usual_milli(heard: &Heard, first: BusinessDate, date: BusinessDate, hour: i64) -> i64 {
    let weeks = (1..=WEEKS).map(|week| date.plus_days(week.saturating_mul(-7))).filter(|earlier| *earlier >= first);
    let (mut count, mut sum) = (0_i64, 0_i64);
    for earlier in weeks {
        count = count.saturating_add(1);
        sum = sum.saturating_add(heard.get(&(earlier, hour)).copied().unwrap_or(0));
    }
    sum.saturating_mul(1_000).checked_div(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_busy_hour_makes_a_short_silence_loud_and_a_quiet_night_does_not() {
        let date = |text: &str| text.parse::<BusinessDate>().expect("a date");
        let mut heard = Heard::new();
        for day in ["2026-11-10", "2026-11-17"] {
            heard.insert((date(day), 8), 60);
            heard.insert((date(day), 2), 1);
        }
        let first = date("2026-11-10");
        let last = at("2026-11-24T08:00:00+07:00");
        assert_eq!(judge(&heard, first, last, at("2026-11-24T08:04:00+07:00")), None);
        let silence = judge(&heard, first, last, at("2026-11-24T08:30:00+07:00")).expect("silence");
        assert_eq!((silence.since, silence.missed_milli), (last, 30_000));
        let night = at("2026-11-24T01:00:00+07:00");
        assert_eq!(judge(&heard, first, night, at("2026-11-24T05:00:00+07:00")), None);
        assert_eq!(judge(&heard, date("2026-11-24"), last, at("2026-11-24T12:00:00+07:00")), None, "no week before");
    }
}
