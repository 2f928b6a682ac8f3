//! Amounts as banks write them. A separator's meaning is never guessed: each text either can mean
//! one thing only, or waits for proof from the rest of the file.

use crate::domain::money::Dong;

/// What a text says, and how sure its separators are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figure {
    /// The amount, with its sign.
    pub(super) value: Dong,
    /// What its separators show.
    pub(super) grouping: Grouping,
}

/// What a text shows about the file's separators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouping {
    /// No separator, or one that is neither a dot nor a comma.
    Silent,
    /// This separator groups thousands: it stands twice, or beside the other one, or before three
    /// digits that cannot be a fraction because the đồng has none.
    Certain(char),
    /// It may group thousands or start a fraction of zeros: `144.000`.
    Open(char),
}

/// Reads an amount: signs before, behind or as parentheses; `VND`, `đ` and blanks around it; groups
/// of three; a fraction of zeros. An empty text or a dash is nothing: `Ok(None)`.
///
/// # Errors
/// `Err(())` when the text is no amount of whole đồng.
pub(super) fn read(text: &str) -> Result<Option<Figure>, ()> {
    let mut rest = text.trim();
    let mut negative = false;
    for unit in ["VND", "VNĐ", "vnd", "vnđ", "đồng", "đ", "₫"] {
        rest = rest.strip_suffix(unit).unwrap_or(rest).trim_end();
        rest = rest.strip_prefix(unit).unwrap_or(rest).trim_start();
    }
    if matches!(rest, "" | "-" | "--" | "–" | "—") {
        return Ok(None);
    }
    if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (rest, negative) = (inner.trim(), true);
    } else if let Some(inner) = rest.strip_prefix(['-', '\u{2212}']).or_else(|| rest.strip_suffix(['-', '\u{2212}'])) {
        (rest, negative) = (inner.trim(), true);
    } else if let Some(inner) = rest.strip_prefix('+') {
        rest = inner.trim();
    }
    let (digits, grouping) = ungroup(rest)?;
    let value: Dong = format!("{}{digits}", if negative { "-" } else { "" }).parse().map_err(|_| ())?;
    Ok(Some(Figure { value, grouping }))
}

/// Returns the whole digits of an unsigned number, and what its separators show.
fn ungroup(text: &str) -> Result<(String, Grouping), ()> {
    let is_separator = |c: char| matches!(c, '.' | ',' | '\'' | '’') || c.is_whitespace();
    if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(|c| c.is_ascii_digit() || is_separator(c)) {
        return Err(());
    }
    let Some((head, tail)) = text.rsplit_once(is_separator) else { return Ok((text.to_owned(), Grouping::Silent)) };
    let last = text.get(head.len()..).and_then(|rest| rest.chars().next()).ok_or(())?;
    let other = head.chars().find(|c| is_separator(*c) && *c != last);
    let fraction =
        matches!(last, '.' | ',') && !head.contains(last) && (other.is_some() || matches!(tail.len(), 1 | 2));
    if fraction {
        if tail.is_empty() || tail.len() > 5 || tail.bytes().any(|b| b != b'0') {
            return Err(());
        }
        let (digits, _) = groups(head, other)?;
        // A fraction's sign also says what groups: the other of the two.
        let thousands = if last == '.' { ',' } else { '.' };
        return Ok((digits, Grouping::Certain(thousands)));
    }
    let (digits, count) = groups(text, Some(last))?;
    let grouping = match last {
        '.' | ',' if count > 1 || tail != "000" => Grouping::Certain(last),
        '.' | ',' => Grouping::Open(last),
        _ => Grouping::Silent,
    };
    Ok((digits, grouping))
}

/// Joins groups of three digits; returns how many separators there were.
fn groups(text: &str, separator: Option<char>) -> Result<(String, usize), ()> {
    let Some(separator) = separator else {
        return if text.bytes().all(|b| b.is_ascii_digit()) { Ok((text.to_owned(), 0)) } else { Err(()) };
    };
    let mut parts = text.split(separator);
    let first = parts.next().unwrap_or_default();
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !matches!(first.len(), 1..=3) || !plain(first) {
        return Err(());
    }
    let mut digits = first.to_owned();
    let mut count = 0_usize;
    for part in parts {
        if part.len() != 3 || !plain(part) {
            return Err(());
        }
        digits.push_str(part);
        count = count.saturating_add(1);
    }
    Ok((digits, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Option<(i64, Grouping)>, ()> {
        read(text).map(|figure| figure.map(|figure| (figure.value.whole(), figure.grouping)))
    }

    #[test]
    fn each_text_means_one_thing_or_says_that_it_is_open() {
        for (text, value, grouping) in [
            ("35000", 35_000, Grouping::Silent),
            ("1,250,000", 1_250_000, Grouping::Certain(',')),
            ("1.250.000", 1_250_000, Grouping::Certain('.')),
            ("16,000.00", 16_000, Grouping::Certain(',')),
            ("16.000,00", 16_000, Grouping::Certain('.')),
            ("1,250.000", 1_250, Grouping::Certain(',')),
            ("0.00", 0, Grouping::Certain(',')),
            ("1250000,00", 1_250_000, Grouping::Certain('.')),
            ("144.000", 144_000, Grouping::Open('.')),
            ("144,000", 144_000, Grouping::Open(',')),
            ("4.430", 4_430, Grouping::Certain('.')),
            ("1 250 000 VND", 1_250_000, Grouping::Silent),
            ("1\u{a0}250\u{a0}000 ₫", 1_250_000, Grouping::Silent),
            ("-9,000", -9_000, Grouping::Open(',')),
            ("(1,100)", -1_100, Grouping::Certain(',')),
            ("50000-", -50_000, Grouping::Silent),
            ("+ 5", 5, Grouping::Silent),
        ] {
            assert_eq!(of(text), Ok(Some((value, grouping))), "{text}");
        }
        assert_eq!(of(" - "), Ok(None));
        for bad in [
            "1,25",
            "1.5",
            "12.34.56",
            "1,2345",
            "1.250,50",
            "abc",
            "1e3",
            "--5",
            "1..000",
            ".5",
            "5.",
            "01/06/2026",
            "1,000.000.000,5",
            "٣",
        ] {
            assert_eq!(of(bad), Err(()), "{bad}");
        }
    }
}
