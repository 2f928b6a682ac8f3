//! What stands above, between and below the movements: the account, its balances, the currency, the
//! dates covered, sums.

use jiff::civil::Date;

use super::dates;
use super::figures::{self, Figure};
use super::grid::{Cell, Row};
use super::layout::{Layout, Phrase};
use super::refusal::{Refusal, Rule, Wanted};
use super::xml::shown;
use crate::domain::statement::Place;

/// Fewest digits of an account number in a statement's head.
const ACCOUNT_DIGITS_MIN: usize = 5;

/// An amount beside a label, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) figure: Figure,
    pub(super) place: Place,
    /// As written, for a message.
    pub(super) text: String,
}

/// An account number beside its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatedAccount {
    pub(super) number: String,
    pub(super) place: Place,
    /// Whether it is a number cell, which has lost leading zeros if it had any.
    pub(super) is_number: bool,
}

/// What one row says beside its labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) account: Option<StatedAccount>,
    pub(super) opening: Option<Stated>,
    pub(super) closing: Option<Stated>,
    pub(super) period: Option<(Date, Date)>,
}

/// Reads a row's labels and what stands beside them.
///
/// # Errors
/// Another currency than the đồng.
pub(super) fn read(row: &Row, layout: &Layout) -> Result<Said, Refusal> {
    let mut said = Said::default();
    let labels = &layout.labels;
    for (index, cell) in row.cells.iter().enumerate() {
        let Cell::Text(text) = cell else { continue };
        // A long text is a notice or a memo; labels are short.
        if text.chars().count() > 200 {
            continue;
        }
        for segment in text.split(['\n', ';', '|']) {
            let phrase = Phrase::new(segment);
            if phrase.is_empty() {
                continue;
            }
            if said.account.is_none() && phrase.any(&labels.account) && !phrase.any(&labels.not_account) {
                said.account = account(row, index, segment);
            }
            if said.opening.is_none() && phrase.any(&labels.opening) {
                said.opening = amount(row, index, segment, layout);
            }
            if said.closing.is_none() && phrase.any(&labels.closing) {
                said.closing = amount(row, index, segment, layout);
            }
            if phrase.any(&labels.currency) {
                currency(row, index, segment)?;
            }
            if said.period.is_none() && phrase.any(&labels.period) {
                said.period = period(row, layout);
            }
        }
    }
    Ok(said)
}

/// Tells whether a text begins a row of sums or of a balance, which is no movement.
pub(super) fn is_label(text: &str, layout: &Layout) -> bool {
    let phrase = Phrase::new(text);
    let labels = &layout.labels;
    phrase.any(&labels.total) || phrase.any(&labels.opening) || phrase.any(&labels.closing)
}

/// Tells whether a text begins a row of sums.
pub(super) fn is_total(text: &str, layout: &Layout) -> bool {
    Phrase::new(text).any(&layout.labels.total)
}

/// Returns what stands behind a label's colon.
fn behind(segment: &str) -> &str {
    segment.rsplit_once(':').map_or("", |(_, value)| value.trim())
}

fn account(row: &Row, index: usize, segment: &str) -> Option<StatedAccount> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count() >= ACCOUNT_DIGITS_MIN;
    let inside = if segment.contains(':') { behind(segment) } else { segment };
    if let Some(number) = number_in(inside).filter(|number| digits(number)) {
        return Some(StatedAccount { number, place: row.place_of(index), is_number: false });
    }
    let next = row.cells.iter().enumerate().skip(index.saturating_add(1)).find(|(_, cell)| !cell.is_empty())?;
    let number = number_in(next.1.as_text()).filter(|number| digits(number))?;
    Some(StatedAccount { number, place: row.place_of(next.0), is_number: matches!(next.1, Cell::Number(_)) })
}

/// Returns the account number in a text: all of it when it is digits with blanks, dots or dashes
/// between them, else its first word with enough digits.
fn number_in(text: &str) -> Option<String> {
    let grouped = |c: char| c.is_ascii_digit() || c.is_whitespace() || matches!(c, '.' | '-');
    if text.chars().all(grouped) {
        return Some(text.chars().filter(char::is_ascii_digit).collect());
    }
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.chars().filter(char::is_ascii_digit).count() >= ACCOUNT_DIGITS_MIN);
    words.map(str::to_owned).next()
}

fn amount(row: &Row, index: usize, segment: &str, layout: &Layout) -> Option<Stated> {
    let stated = |text: &str, place: Place| {
        let figure = figures::read(text).ok().flatten()?;
        Some(Stated { figure, place, text: text.to_owned() })
    };
    if let Some(inside) = stated(behind(segment), row.place_of(index)) {
        return Some(inside);
    }
    for (next, cell) in row.cells.iter().enumerate().skip(index.saturating_add(1)) {
        let text = cell.as_text();
        if let Some(found) = stated(text, row.place_of(next)) {
            return Some(found);
        }
        // Another label's amount is not this one's.
        if matches!(cell, Cell::Text(text) if is_label(text, layout)) {
            return None;
        }
    }
    None
}

fn currency(row: &Row, index: usize, segment: &str) -> Result<(), Refusal> {
    let inside = behind(segment);
    let (value, place) = if inside.is_empty() {
        let next = row.cells.iter().enumerate().skip(index.saturating_add(1)).find(|(_, cell)| !cell.is_empty());
        let Some((next, cell)) = next else { return Ok(()) };
        (cell.as_text(), row.place_of(next))
    } else {
        (inside, row.place_of(index))
    };
    let code = value.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    let foreign = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) && code != "VND";
    if foreign { Err(Refusal::at(&place, Rule::Not(Wanted::Dong, shown(code)))) } else { Ok(()) }
}

/// Returns the two dates of a row, when there are exactly two in order.
fn period(row: &Row, layout: &Layout) -> Option<(Date, Date)> {
    let mut found = Vec::new();
    for cell in &row.cells {
        match cell {
            Cell::Moment { at, .. } => found.push(at.date()),
            Cell::Text(text) => {
                let words = text.split(|c: char| c.is_whitespace() || matches!(c, ':' | ',' | ';' | '(' | ')'));
                found.extend(words.filter_map(|word| dates::read_date(word, layout.date_order)));
            }
            Cell::Empty | Cell::Number(_) | Cell::Formula => {}
        }
    }
    match found.as_slice() {
        [from, to] if from <= to => Some((*from, *to)),
        _ => None,
    }
}
