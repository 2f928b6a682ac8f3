//! Bodies that are forms: SePay's dashboard offers them beside JSON. Only how the fields are
//! written differs, so they are read into the same object, every value a text.
//!
//! The body itself tells which it is, for a kept body that is judged again has no headers.

use serde_json::Value;

use super::body::Object;

/// Fields that a form may have; real ones have a dozen.
const FIELDS_MAX: usize = 64;

/// Reads a form, `a=1&b=2` or multipart; `None` when the body is neither.
pub(super) fn object(body: &[u8]) -> Option<Object> {
    let fields = if body.starts_with(b"--") {
        multipart(std::str::from_utf8(body).ok()?)?
    } else if body.first().is_some_and(u8::is_ascii_alphabetic) && body.contains(&b'=') {
        body.trim_ascii_end().split(|byte| *byte == b'&').map(pair).collect::<Option<Vec<_>>>()?
    } else {
        return None;
    };
    if fields.is_empty() || fields.len() > FIELDS_MAX {
        return None;
    }
    // What JSON writes as null has no value in a form, or that word.
    let value = |text: String| if text == "null" { Value::Null } else { Value::String(text) };
    Some(fields.into_iter().map(|(name, text)| (name, value(text))).collect())
}

fn pair(written: &[u8]) -> Option<(String, String)> {
    let mut halves = written.splitn(2, |byte| *byte == b'=');
    Some((decoded(halves.next()?)?, decoded(halves.next()?)?))
}

/// Undoes `+` and `%20`.
fn decoded(written: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = behind;
            }
            plain => bytes.push(*plain),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Reads the parts between the boundary that the first line names (RFC 7578).
fn multipart(body: &str) -> Option<Vec<(String, String)>> {
    let (boundary, _) = body.split_once("\r\n")?;
    let (parts, _) = body.strip_prefix(boundary)?.rsplit_once(&format!("\r\n{boundary}--"))?;
    parts.split(&format!("\r\n{boundary}")).map(part).collect()
}

fn part(written: &str) -> Option<(String, String)> {
    let (head, value) = written.strip_prefix("\r\n")?.split_once("\r\n\r\n")?;
    let (_, name) = head.split_once("name=\"")?;
    let (name, _) = name.split_once('"')?;
    Some((name.to_owned(), value.to_owned()))
}
