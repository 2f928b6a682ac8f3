//! Times as other people write them. Vietnamese banks write local time without a zone: UTC+7.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde_json::Value;

use crate::domain::calendar::{BusinessDate, VIETNAM};
use crate::domain::settlement::EventTime;

/// Reads `YYYY-MM-DD HH:MM:SS` (a `T` or no seconds are taken too) or `YYYY-MM-DD` alone.
///
/// # Errors
/// A sentence with the rule. A missing or empty time is no error: the time of recording stands in.
pub(super) fn local(field: &str, value: Option<&Value>) -> Result<EventTime, String> {
    let Some(text) = text(field, value)? else { return Ok(EventTime::Missing) };
    let wrong = || format!("{field} {:?} is not a time written YYYY-MM-DD HH:MM:SS", shown(text));
    if text.len() == 10 {
        let date: BusinessDate = text.parse().map_err(|_| wrong())?;
        return Ok(EventTime::On(date));
    }
    if text.contains('Z') || text.get(10..).is_some_and(|rest| rest.contains(['+', '-'])) {
        return instant(field, value);
    }
    let normal = text.replacen(' ', "T", 1);
    let civil: DateTime = normal.parse().map_err(|_| wrong())?;
    within(civil.date()).ok_or_else(wrong)?;
    VIETNAM.to_timestamp(civil).map(EventTime::At).map_err(|_| wrong())
}

/// Reads an RFC 3339 instant with its offset.
///
/// # Errors
/// A sentence with the rule. A missing or empty time is no error.
pub(super) fn instant(field: &str, value: Option<&Value>) -> Result<EventTime, String> {
    let Some(text) = text(field, value)? else { return Ok(EventTime::Missing) };
    let wrong = || format!("{field} {:?} is not an RFC 3339 time with its offset", shown(text));
    let at: Timestamp = text.parse().map_err(|_| wrong())?;
    within(VIETNAM.to_datetime(at).date()).ok_or_else(wrong)?;
    Ok(EventTime::At(whole_micros(at)))
}

/// Reads seconds (10 digits) or milliseconds (13 digits) since 1970, as a number or as digits.
///
/// # Errors
/// A sentence with the rule. A missing or empty time is no error.
pub(super) fn epoch(field: &str, value: Option<&Value>) -> Result<EventTime, String> {
    let digits = match value {
        None | Some(Value::Null) => return Ok(EventTime::Missing),
        Some(Value::Number(number)) => super::amount::whole_text(number.as_str()).unwrap_or_default(),
        Some(Value::String(text)) if text.is_empty() => return Ok(EventTime::Missing),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => String::new(),
    };
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    let at = match (plain, digits.len(), digits.parse::<i64>()) {
        (true, 10, Ok(seconds)) => Timestamp::from_second(seconds).ok(),
        (true, 13, Ok(millis)) => Timestamp::from_millisecond(millis).ok(),
        _ => None,
    };
    at.map(EventTime::At).ok_or_else(|| format!("{field} is not 10 digits of seconds or 13 of milliseconds since 1970"))
}

fn text<'a>(field: &str, value: Option<&'a Value>) -> Result<Option<&'a str>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim())),
        Some(Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            Err(format!("{field} must be a text"))
        }
    }
}

fn within(date: Date) -> Option<()> {
    (1970..=9998).contains(&date.year()).then_some(())
}

/// The store keeps microseconds; finer digits would not come back as they went in.
fn whole_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}
