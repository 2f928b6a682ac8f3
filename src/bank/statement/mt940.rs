//! MT940, the statement of SWIFT: tags at the start of lines, a decimal comma, dates of two-digit
//! years, entry dates without one. Several statements may follow one another, and the pages of one
//! carry intermediate balances.

use jiff::civil::Date;

use super::limits::{CELL_CHARS_MAX, LINES_MAX, STATEMENTS_MAX};
use super::movement::one_line;
use super::proof::{Directions, Draft, Movement, StatedAmount, join, settle};
use super::refusal::{Limit, Refusal, Rule, Wanted};
use super::xml::shown;
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Direction};
use crate::domain::statement::{LineTexts, Note, Place, Proof, StatementFile, Texts};

/// The tags that may stand in a statement; other text of their shape is part of a memo.
const TAGS: [&str; 17] =
    ["20", "21", "25", "25P", "28", "28C", "60F", "60M", "61", "86", "62F", "62M", "64", "65", "13D", "34F", "NS"];

/// Tells whether a text begins as MT940 does.
pub(super) fn looks_like(text: &str) -> bool {
    let head = text.trim_start();
    head.starts_with(":20:") || (head.starts_with("{1:") && head.contains("{4:"))
}

/// A field: its tag, its text with its line feeds, and its line.
struct Field<'t> {
    tag: &'t str,
    text: String,
    place: Place,
}

/// Reads statements.
///
/// # Errors
/// A field that is not as the standard says, balances that do not agree; with the line.
pub(super) fn read(text: &str) -> Result<StatementFile, Refusal> {
    let mut notes = Vec::new();
    let mut statements = Vec::new();
    let mut page = Page::default();
    let mut lines = 0_usize;
    for field in fields(text)? {
        if field.tag == "20" && page.account.is_some() {
            let before = std::mem::take(&mut page);
            statements.push(settle(before.draft(&field.place)?, &mut notes)?);
        }
        if field.tag == "61" {
            lines = lines.saturating_add(1);
        }
        if lines > LINES_MAX || statements.len() > STATEMENTS_MAX {
            let (limit, most) =
                if lines > LINES_MAX { (Limit::Lines, LINES_MAX) } else { (Limit::Statements, STATEMENTS_MAX) };
            return Err(Refusal::at(&field.place, Rule::Limit(limit, u64::try_from(most).unwrap_or(u64::MAX))));
        }
        page.take(&field)?;
    }
    let end = Place::line(text.lines().count().max(1));
    statements.push(settle(page.draft(&end)?, &mut notes)?);
    let statements = join(statements, &mut notes);
    if statements.iter().any(|statement| statement.proof == Proof::Unproven) {
        notes.push(Note::Unproven);
    }
    Ok(StatementFile { format: "MT940".to_owned(), statements, notes })
}

/// Splits a text into fields. Blocks of the transport (`{1:…}{2:…}{4:`) are passed by.
fn fields(text: &str) -> Result<Vec<Field<'_>>, Refusal> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(text.lines()) {
        let mut line = line.trim_end();
        if line.starts_with("{1:") || line.starts_with("{2:") || line.starts_with("{4:") {
            open = false;
            line = line.split_once("{4:").map_or("", |(_, rest)| rest);
        }
        if line == "-" || line.starts_with("-}") {
            open = false;
            continue;
        }
        let tagged = line.strip_prefix(':').and_then(|rest| rest.split_once(':')).filter(|(tag, _)| TAGS.contains(tag));
        if let Some((tag, value)) = tagged {
            fields.push(Field { tag, text: value.to_owned(), place: Place::line(number) });
            open = true;
            continue;
        }
        match fields.last_mut() {
            Some(field) if open => {
                field.text.push('\n');
                field.text.push_str(line);
                if field.text.len() > CELL_CHARS_MAX {
                    let most = u64::try_from(CELL_CHARS_MAX).unwrap_or(u64::MAX);
                    return Err(Refusal::at(&Place::line(number), Rule::Limit(Limit::CellChars, most)));
                }
            }
            _ if line.trim().is_empty() => {}
            _ => return Err(wrong(&Place::line(number), "a line outside a field", line)),
        }
    }
    Ok(fields)
}

fn wrong(place: &Place, what: &str, text: &str) -> Refusal {
    Refusal::at(place, Rule::Not(Wanted::Field, format!("{what}: {}", shown(text))))
}

/// One message: a statement, or a page of one.
#[derive(Default)]
struct Page {
    account: Option<(String, Place)>,
    opening: Option<(Date, StatedAmount)>,
    closing: Option<(Date, StatedAmount)>,
    movements: Vec<Movement>,
    /// Whether the last field was a line, so that `:86:` tells of it.
    after_line: bool,
}

impl Page {
    fn take(&mut self, field: &Field<'_>) -> Result<(), Refusal> {
        let after_line = std::mem::replace(&mut self.after_line, false);
        match field.tag {
            "25" | "25P" => {
                let number = field.text.lines().next().unwrap_or_default();
                self.account = Some((number.to_owned(), field.place.clone()));
            }
            // Several pages in one message: the first opening and the last closing count.
            "60F" | "60M" => {
                let opening = balance(field)?;
                match &self.closing {
                    Some((_, closing)) if closing.amount != opening.1.amount => {
                        return Err(wrong(
                            &field.place,
                            "the page does not begin where the one before ended",
                            &field.text,
                        ));
                    }
                    _ => {}
                }
                self.opening = self.opening.take().or(Some(opening));
            }
            "62F" | "62M" => self.closing = Some(balance(field)?),
            "61" => {
                let movement = line(field)?;
                self.movements.push(movement);
                self.after_line = true;
            }
            "86" if after_line => {
                if let Some(movement) = self.movements.last_mut() {
                    let memo = one_line(&field.text);
                    movement.texts = LineTexts::new(Texts { memo: &memo, ..movement.texts.read() });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn draft(self, end: &Place) -> Result<Draft, Refusal> {
        let missing = |what: &str| Refusal::at(end, Rule::Not(Wanted::Field, format!("{what} is missing")));
        let (text, place) = self.account.ok_or_else(|| missing(":25:"))?;
        let (from, opening) = self.opening.ok_or_else(|| missing(":60F:"))?;
        let (to, closing) = self.closing.ok_or_else(|| missing(":62F:"))?;
        // Some banks write BIC/account, and some the currency behind it.
        let number = text.rsplit('/').next().unwrap_or_default().replace([' ', '-', '.'], "");
        let number = number.strip_suffix("VND").unwrap_or(&number);
        let account = number.parse().map_err(|_| Refusal::at(&place, Rule::Not(Wanted::Account, shown(&text))))?;
        Ok(Draft {
            account,
            opening: Some(opening),
            closing: Some(closing),
            period: (from <= to).then_some((from, to)),
            directions: Directions::Stated,
            movements: self.movements,
        })
    }
}

/// Reads `C260601VND8000000,`.
fn balance(field: &Field<'_>) -> Result<(Date, StatedAmount), Refusal> {
    let text = field.text.trim();
    let refuse = || wrong(&field.place, "balance", text);
    let (mark, rest) = text.split_at_checked(1).ok_or_else(refuse)?;
    let (date, rest) = rest.split_at_checked(6).ok_or_else(refuse)?;
    let (currency, rest) = rest.split_at_checked(3).ok_or_else(refuse)?;
    if currency != "VND" {
        return Err(Refusal::at(&field.place, Rule::Not(Wanted::Dong, shown(currency))));
    }
    let size = amount(rest).ok_or_else(refuse)?;
    let amount = match mark {
        "C" => size,
        "D" => size.checked_neg().ok_or_else(refuse)?,
        _ => return Err(refuse()),
    };
    let date = short_date(date).ok_or_else(refuse)?;
    Ok((date, StatedAmount { amount, place: field.place.clone() }))
}

/// Reads `YYMMDD`; these statements are of this century.
fn short_date(text: &str) -> Option<Date> {
    if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (text.get(..2)?, text.get(2..4)?, text.get(4..)?);
    Date::new(year.parse::<i16>().ok()?.checked_add(2000)?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Reads an amount with its decimal comma; decimals are zeros, for the đồng has none.
fn amount(text: &str) -> Option<Dong> {
    let (whole, fraction) = text.split_once(',').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 15
        || !digits(whole)
        || fraction.len() > 3
        || fraction.bytes().any(|b| b != b'0')
    {
        return None;
    }
    whole.parse().ok()
}

/// Reads a statement line: value date, entry date, mark, amount, kind, references, and what may
/// stand on a second line.
fn line(field: &Field<'_>) -> Result<Movement, Refusal> {
    let mut lines = field.text.lines();
    let head = lines.next().unwrap_or_default().trim();
    let more: Vec<&str> = lines.collect();
    let refuse = || wrong(&field.place, ":61:", head);
    let (value, rest) = head.split_at_checked(6).ok_or_else(refuse)?;
    let value_date = short_date(value).ok_or_else(refuse)?;
    let entry = rest.get(..4).filter(|entry| entry.bytes().all(|b| b.is_ascii_digit()));
    let rest = if entry.is_some() { rest.get(4..).unwrap_or_default() } else { rest };
    let date = match entry {
        Some(entry) => entry_date(value_date, entry).ok_or_else(refuse)?,
        None => value_date,
    };
    // RC takes a credit back and is money out; RD takes a debit back and is money in.
    let (direction, rest) =
        [("RC", Direction::Debit), ("RD", Direction::Credit), ("C", Direction::Credit), ("D", Direction::Debit)]
            .into_iter()
            .find_map(|(mark, direction)| rest.strip_prefix(mark).map(|rest| (direction, rest)))
            .ok_or_else(refuse)?;
    // The third letter of the currency may stand before the amount: D for VND.
    let rest = rest.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',').ok_or_else(refuse)?;
    let (digits, rest) = rest.split_at_checked(end).ok_or_else(refuse)?;
    let size = amount(digits).ok_or_else(|| Refusal::at(&field.place, Rule::Not(Wanted::Amount, shown(digits))))?;
    let kind = rest.get(..4).ok_or_else(refuse)?;
    if !kind.starts_with(['N', 'S', 'F']) {
        return Err(refuse());
    }
    let references = rest.get(4..).unwrap_or_default();
    let (payer, bank) = references.split_once("//").unwrap_or((references, ""));
    let known = |text: &str| BankRef::normalise(text).map(|_| one_line(text)).unwrap_or_default();
    let payer_ref = known(payer);
    let bank_ref = if known(bank).is_empty() { payer_ref.clone() } else { known(bank) };
    let (outward, inward) = match direction {
        Direction::Credit => (Dong::ZERO, size),
        Direction::Debit => (size, Dong::ZERO),
    };
    let texts = LineTexts::new(Texts {
        bank_ref: &bank_ref,
        memo: &one_line(&more.join(" ")),
        payer_ref: &payer_ref,
        counterparty: "",
    });
    Ok(Movement { place: field.place.clone(), date, time: None, texts, outward, inward, balance: None })
}

/// Gives an entry date its year: the one that puts it within six months of the value date.
fn entry_date(value: Date, entry: &str) -> Option<Date> {
    let (month, day): (i8, i8) = (entry.get(..2)?.parse().ok()?, entry.get(2..)?.parse().ok()?);
    let year = value.year();
    let mut nearest: Option<(i32, Date)> = None;
    for year in [year.checked_sub(1)?, year, year.checked_add(1)?] {
        // 29 February is a date of some of the three years only.
        let Ok(date) = Date::new(year, month, day) else { continue };
        let apart = value.until(date).ok()?.get_days().abs();
        if nearest.is_none_or(|(least, _)| apart < least) {
            nearest = Some((apart, date));
        }
    }
    nearest.map(|(_, date)| date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn entry_dates_find_their_year() {
        assert_eq!(entry_date(date(2025, 12, 31), "0101"), Some(date(2026, 1, 1)));
        assert_eq!(entry_date(date(2026, 1, 2), "1231"), Some(date(2025, 12, 31)));
        assert_eq!(entry_date(date(2026, 6, 1), "0531"), Some(date(2026, 5, 31)));
        assert_eq!(entry_date(date(2027, 3, 1), "0229"), Some(date(2028, 2, 29)));
        assert_eq!(entry_date(date(2026, 6, 1), "1301"), None);
    }
}
