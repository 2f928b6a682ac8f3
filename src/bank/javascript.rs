//! Values as JavaScript writes them: two senders sign a text that their language made of the body,
//! not the bytes that arrive.

use std::fmt::Write as _;

use serde_json::Value;

/// How the sender's language writes JSON: the published samples differ beyond plain ASCII.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// `JSON.stringify`: UTF-8 and `/` as they are.
    JavaScript,
    /// PHP's `json_encode`: both escaped.
    Php,
}

/// Writes a value compactly, keys sorted, numbers as JavaScript prints them.
pub(super) fn stringify(value: &Value, form: Form) -> String {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort_by(|one, other| one.encode_utf16().cmp(other.encode_utf16()));
            let fields = keys.iter().filter_map(|key| {
                object.get(*key).map(|value| format!("{}:{}", quoted(key, form), stringify(value, form)))
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(|value| stringify(value, form)).collect::<Vec<_>>().join(","))
        }
        Value::String(text) => quoted(text, form),
        Value::Number(written) => number(written.as_str()).unwrap_or_else(|| "null".to_owned()),
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

fn quoted(text: &str, form: Form) -> String {
    let plain = Value::String(text.to_owned()).to_string();
    match form {
        Form::JavaScript => plain,
        Form::Php => plain.chars().fold(String::new(), |mut out, character| {
            match character {
                '/' => out.push_str("\\/"),
                ascii if ascii.is_ascii() => out.push(ascii),
                other => {
                    let mut units = [0_u16; 2];
                    for unit in other.encode_utf16(&mut units) {
                        // Writing to a String cannot fail.
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
            }
            out
        }),
    }
}

/// Writes a JSON number's text as JavaScript prints the number it reads (ECMA-262,
/// `Number::toString`): `16775000.50` as `16775000.5`, `9007199254740993` as `9007199254740992`,
/// `1e21` as `1e+21`. `None` beyond the largest number, which JavaScript reads as infinite.
///
/// Only for what was signed: no amount is ever read through a float.
pub(super) fn number(text: &str) -> Option<String> {
    let value: f64 = text.parse().ok()?;
    if !value.is_finite() {
        return None;
    }
    if value == 0.0 {
        return Some("0".to_owned());
    }
    // Rust writes the shortest digits that read back to the same number, as JavaScript does.
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e')?;
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().ok()?;
    let (count, point) = (i32::try_from(digits.len()).ok()?, exponent.checked_add(1)?);
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    Some(match point {
        1..=21 if count <= point => format!("{sign}{digits}{}", zeros(point.checked_sub(count)?)),
        1..=21 => {
            let (whole, fraction) = digits.split_at_checked(usize::try_from(point).ok()?)?;
            format!("{sign}{whole}.{fraction}")
        }
        -5..=0 => format!("{sign}0.{}{digits}", zeros(point.checked_neg()?)),
        _ => format!("{sign}{mantissa}e{exponent:+}"),
    })
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_written_as_node_writes_them() {
        for (text, node) in [
            ("35000", "35000"),
            ("35000.00", "35000"),
            ("16775000.50", "16775000.5"),
            ("0.10", "0.1"),
            ("3.5e4", "35000"),
            ("-0.0", "0"),
            ("-12.50", "-12.5"),
            ("9007199254740993", "9007199254740992"),
            ("123456789012345678901", "123456789012345680000"),
            ("1e21", "1e+21"),
            ("1.25e22", "1.25e+22"),
            ("0.000001", "0.000001"),
            ("1e-7", "1e-7"),
            ("5e-324", "5e-324"),
        ] {
            assert_eq!(number(text).as_deref(), Some(node), "{text}");
        }
        assert_eq!(number("1e400"), None);
    }
}
