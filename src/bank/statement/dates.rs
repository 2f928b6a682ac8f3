//! Dates and times as banks write them: day first, the year in four digits, the month as a number or by
//! its English name, the time beside it or on a second line. A year of two digits is read only where a
//! layout says that it is one.

use jiff::civil::{Date, Time};

use super::layout::DateOrder;

/// A date, its time of day when it has one, and what stands behind both.
pub(super) type Dated<'t> = (Date, Option<Time>, &'t str);

/// Reads a date at the start of a text: `01/06/2026`, `01-06-2026 08:15:02`, `2026-06-01T08:15`,
/// `08:15 01/06/2026`. `None` when there is none; a year of two digits would be a guess.
pub(super) fn read(text: &str, order: DateOrder) -> Option<Dated<'_>> {
    let text = text.trim();
    let (first, rest) = word(text);
    if let Some((date, time)) = first.split_once('T')
        && let (Some(date), Some(time)) = (read_date(date, order), read_time(time))
    {
        return Some((date, Some(time), rest));
    }
    if let Some(time) = read_time(first) {
        let (second, rest) = word(rest);
        return read_date(second, order).map(|date| (date, Some(time), rest));
    }
    let (date, rest) = match read_date(first, order) {
        Some(date) => (date, rest),
        None => spelt(first, rest, order)?,
    };
    let (second, after) = word(rest);
    // `01/06/2026 lúc 08:15`.
    let (second, after) = if matches!(second, "lúc" | "luc" | "at") { word(after) } else { (second, after) };
    match read_time(second) {
        None => Some((date, None, rest)),
        Some(time) => {
            let (half, beyond) = word(after);
            match half.to_uppercase().as_str() {
                "PM" | "CH" => Some((date, Some(afternoon(time)?), beyond)),
                "AM" | "SA" => Some((date, Some(morning(time)?), beyond)),
                _ => Some((date, Some(time), after)),
            }
        }
    }
}

/// Months as English programs shorten them.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads `01 Jun 2026`, of which the first word is taken already.
fn spelt<'t>(day: &str, rest: &'t str, order: DateOrder) -> Option<(Date, &'t str)> {
    let (month, rest) = word(rest);
    let (year, rest) = word(rest);
    read_date(&format!("{day}-{month}-{year}"), order).filter(|_| month.len() == 3).map(|date| (date, rest))
}

/// Reads a date without separators, with or without its time: `20260601`, `01062026`, `20260601081502`. Years of this
/// century alone: no such date can be read both ways, for its month would be 20.
pub(super) fn digits(text: &str) -> Option<(Date, Option<Time>)> {
    let text = text.trim();
    let (day, time) = match text.len() {
        8 => (text, None),
        14 | 15 => text.split_at_checked(8).map(|(day, time)| (day, Some(time.trim_start())))?,
        17 => text.split_once(' ').filter(|(day, _)| day.len() == 8).map(|(day, time)| (day, Some(time)))?,
        _ => return None,
    };
    let number = |from: usize, to: usize| -> Option<i16> {
        let digits = day.get(from..to).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse().ok()
    };
    let date = |(year, month, day): (Option<i16>, Option<i16>, Option<i16>)| {
        let year = year.filter(|year| (2_000..=2_099).contains(year))?;
        Date::new(year, i8::try_from(month?).ok()?, i8::try_from(day?).ok()?).ok()
    };
    let found = date((number(0, 4), number(4, 6), number(6, 8)));
    let found = found.or_else(|| date((number(4, 8), number(2, 4), number(0, 2))))?;
    let time = match time {
        None => None,
        Some(time) if time.len() == 6 && time.is_ascii() => {
            let (hour, rest) = time.split_at(2);
            let (minute, second) = rest.split_at(2);
            Some(read_time(&format!("{hour}:{minute}:{second}"))?)
        }
        Some(time) => Some(read_time(time)?),
    };
    Some((found, time))
}

/// Days from 30/12/1899 to the first and the last day of this century, as spreadsheets count.
const DAY_NUMBERS: std::ops::RangeInclusive<i64> = 36_526..=73_050;

/// Reads a day as spreadsheets count it, where its cell shows it as a plain number: `46174`, `46174.25`.
pub(super) fn day_number(text: &str) -> Option<(Date, Option<Time>)> {
    let (day, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let plain = day.len() == 5 && part.len() <= 15 && day.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit());
    let day = day.parse().ok().filter(|day| plain && DAY_NUMBERS.contains(day))?;
    // A fraction of a day to the second: fifteen digits times 86,400 fit well.
    let scale = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part: i128 = if part.is_empty() { 0 } else { part.parse().ok()? };
    let seconds = part.checked_mul(86_400)?.checked_add(scale.checked_div(2)?)?.checked_div(scale)?;
    let start = jiff::civil::date(1899, 12, 30).at(0, 0, 0, 0);
    let days = start.checked_add(jiff::SignedDuration::from_hours(24_i64.checked_mul(day)?)).ok()?;
    let at = days.checked_add(jiff::SignedDuration::from_secs(i64::try_from(seconds).ok()?)).ok()?;
    Some((at.date(), (seconds % 86_400 != 0).then(|| at.time())))
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.find(char::is_whitespace).map_or((text, ""), |end| {
        let (word, rest) = text.split_at(end);
        (word, rest.trim_start())
    })
}

fn afternoon(time: Time) -> Option<Time> {
    match time.hour() {
        12 => Some(time),
        hour @ 1..=11 => Time::new(hour.saturating_add(12), time.minute(), time.second(), 0).ok(),
        _ => None,
    }
}

fn morning(time: Time) -> Option<Time> {
    match time.hour() {
        12 => Time::new(0, time.minute(), time.second(), 0).ok(),
        0..=11 => Some(time),
        _ => None,
    }
}

/// Reads a date alone.
pub(super) fn read_date(text: &str, order: DateOrder) -> Option<Date> {
    let separator = text.chars().find(|c| matches!(c, '/' | '-' | '.'))?;
    let parts: Vec<&str> = text.split(separator).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    let digits = |part: &str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
    let named = MONTHS.iter().position(|name| second.eq_ignore_ascii_case(name));
    if !digits(first) || !(digits(second) || named.is_some()) || !digits(third) {
        return None;
    }
    let (year, month, day) = match (first.len(), third.len(), order) {
        (4, 1 | 2, _) => (first, second, third),
        (1 | 2, 4, DateOrder::MonthFirst) if named.is_none() => (third, first, second),
        (1 | 2, 4, _) | (1 | 2, 2, DateOrder::ShortYear) => (third, second, first),
        _ => return None,
    };
    let century = if year.len() == 2 { 2_000 } else { 0 };
    let year = year.parse::<i16>().ok()?.checked_add(century)?;
    let month = match named {
        Some(place) => i8::try_from(place.saturating_add(1)).ok()?,
        None => month.parse().ok()?,
    };
    let date = Date::new(year, month, day.parse().ok()?).ok()?;
    (1990..=2199).contains(&date.year()).then_some(date)
}

/// Reads a time of day alone: `08:15`, `08:15:02`, `8h15`.
pub(super) fn read_time(text: &str) -> Option<Time> {
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    let mut parts = text.split([':', 'h']);
    let mut next = || {
        let part = parts.next()?;
        (matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<i8>().ok())?
    };
    let (hour, minute) = (next()?, next()?);
    let second = if text.matches([':', 'h']).count() == 2 { next()? } else { 0 };
    if parts.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn dates_without_separators_and_day_numbers_mean_one_thing_or_nothing() {
        let day = jiff::civil::date(2026, 6, 1);
        let time = jiff::civil::time;
        for (text, at) in [
            ("20260601", None),
            ("01062026", None),
            ("20260601081502", Some(time(8, 15, 2, 0))),
            ("01062026 08:15:02", Some(time(8, 15, 2, 0))),
            ("20260601 081502", Some(time(8, 15, 2, 0))),
        ] {
            assert_eq!(digits(text), Some((day, at)), "{text}");
        }
        for bad in ["20261301", "32062026", "19990601", "2026060", "00012026", "20260601 99:99:99", "٢٠٢٦٠٦٠١"]
        {
            assert_eq!(digits(bad), None, "{bad}");
        }
        assert_eq!(day_number("46174"), Some((day, None)));
        assert_eq!(day_number("46174.29517361111"), Some((day, Some(time(7, 5, 3, 0)))));
        assert_eq!(day_number("46173.9999999"), Some((day, None)), "a second that rounds up to midnight");
        for bad in ["35000", "4617", "461740", "46,174", "46174,5", "-46174", "", "."] {
            assert_eq!(day_number(bad), None, "{bad}");
        }
        let order = DateOrder::DayFirst;
        assert_eq!(read("01 Jun 2026 08:15", order), Some((day, Some(time(8, 15, 0, 0)), "")));
        assert_eq!(read("01/06/2026 lúc 08:15 FT1", order), Some((day, Some(time(8, 15, 0, 0)), "FT1")));
        assert_eq!(read("01 06 2026", order), None);
    }

    #[test]
    fn dates_are_read_as_banks_write_them() {
        let (day, at) = (date(2026, 6, 1), time(8, 15, 2, 0));
        let short = time(8, 15, 0, 0);
        let read = |text| read(text, DateOrder::DayFirst);
        assert_eq!(read("01/06/2026"), Some((day, None, "")));
        assert_eq!(read("1-6-2026 08:15:02"), Some((day, Some(at), "")));
        assert_eq!(read("01/06/2026\n08:15:02"), Some((day, Some(at), "")));
        assert_eq!(read("2026-06-01T08:15"), Some((day, Some(short), "")));
        assert_eq!(read("08:15 01.06.2026"), Some((day, Some(short), "")));
        assert_eq!(read("01/06/2026 08:15:02 PM"), Some((day, Some(time(20, 15, 2, 0)), "")));
        assert_eq!(read("01/06/2026\n5278.69271"), Some((day, None, "5278.69271")));
        for bad in ["", "01/06/26", "32/01/2026", "01/13/2026", "2026", "Tổng", "5278.69271", "1.000.000", "١/٦/٢٠٢٦"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read_date("06/01/2026", DateOrder::MonthFirst), Some(day));
        for (text, order) in [
            ("01-Jun-2026", DateOrder::DayFirst),
            ("01-JUN-2026", DateOrder::MonthFirst),
            ("1-Jun-26", DateOrder::ShortYear),
            ("01/06/26", DateOrder::ShortYear),
            ("2026-Jun-01", DateOrder::DayFirst),
        ] {
            assert_eq!(read_date(text, order), Some(day), "{text}");
        }
        for (bad, order) in [("1-Jun-26", DateOrder::DayFirst), ("1-Juni-2026", DateOrder::DayFirst)] {
            assert_eq!(read_date(bad, order), None, "{bad}");
        }
    }
}
