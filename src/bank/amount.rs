//! Amounts as other people write them, read from their text and never through a float.

use serde_json::Value;

use crate::domain::money::{Dong, SETTLEMENT_MAX};

/// Longest number that is looked at; a longer one is no amount of money.
const NUMBER_MAX: usize = 40;

/// Reads a JSON amount: an integer, a whole number written with a fraction or an exponent
/// (`35000.00`, `3.5e4`), or a string of digits with an optional fraction of zeros.
///
/// # Errors
/// A sentence with the rule when it is anything else: a fraction, separators, a boolean, beyond
/// 2⁵³ (above which senders' own numbers are not exact).
pub(super) fn read(value: &Value) -> Result<Dong, String> {
    let text = match value {
        Value::Number(number) => whole_text(number.as_str())?,
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err("amount must be a whole number of đồng".to_owned());
        }
    };
    let amount: Dong = text.parse().map_err(|error: crate::domain::money::DongError| error.to_string())?;
    if amount.whole().unsigned_abs() > (1 << 53) { Err("amount is beyond 2^53".to_owned()) } else { Ok(amount) }
}

/// Reads an amount of money in: 1 ..= 10¹² đồng.
///
/// # Errors
/// As [`read`], and when it is out of that range.
pub(super) fn credit(value: &Value) -> Result<Dong, String> {
    read(value)?.settlement().map_err(|error| error.to_string())
}

/// Writes a JSON number's text without its exponent and without a fraction of zeros; what is not
/// whole is refused.
pub(super) fn whole_text(number: &str) -> Result<String, String> {
    let shown: String = number.chars().take(NUMBER_MAX).collect();
    let refuse = || format!("amount {shown} is not a whole number of đồng");
    if number.len() > NUMBER_MAX {
        return Err(refuse());
    }
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.trim_start_matches('+').parse::<i32>().map_err(|_| refuse())?)
        }
        None => (number, 0),
    };
    let (sign, unsigned) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).map_err(|_| refuse())?.checked_add(exponent).ok_or_else(refuse)?;
    if digits.bytes().all(|b| b == b'0') {
        return Ok("0".to_owned());
    }
    let point = usize::try_from(point).map_err(|_| refuse())?;
    if point > NUMBER_MAX {
        return Err(refuse());
    }
    let padded = format!("{digits:0<point$}");
    let (integer, rest) = padded.split_at_checked(point).ok_or_else(refuse)?;
    if rest.bytes().any(|b| b != b'0') {
        return Err(refuse());
    }
    let integer = integer.trim_start_matches('0');
    Ok(format!("{sign}{}", if integer.is_empty() { "0" } else { integer }))
}

/// The bound that messages quote.
pub const MAX: i64 = SETTLEMENT_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<i64, String> {
        credit(&serde_json::from_str(json).expect("JSON")).map(Dong::whole)
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        for json in ["35000", "35000.0", "35000.00", "3.5e4", "3.5E+4", "350000e-1", "\"35000\"", "\"35000.00\""] {
            assert_eq!(of(json), Ok(35_000), "{json}");
        }
        assert_eq!(of("1000000000000"), Ok(1_000_000_000_000));
    }

    #[test]
    fn everything_that_would_be_a_guess_is_refused() {
        for json in [
            "35000.5",
            "0",
            "-35000",
            "\"35.000\"",
            "\"35,000\"",
            "\"\"",
            "\" 5\"",
            "true",
            "null",
            "[]",
            "1e400",
            "1e-400",
            "1e2147483647",
            "9007199254740993",
            "1000000000001",
            "\"NaN\"",
            "\"1e3\"",
            "0.5",
        ] {
            assert!(of(json).is_err(), "{json}");
        }
    }
}
