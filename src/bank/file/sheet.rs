//! The rows of one sheet, as they stream by: only cached values are read, formulas are never
//! computed, and a formula without a value is told apart from an empty cell.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use quick_xml::events::{BytesStart, Event};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::decode::nfc;
use super::grid::{Cell, Row, Sink};
use super::limits::{COLUMNS_MAX, ROWS_MAX};
use super::package::Part;
use super::refusal::{Limit, Refusal, Rule, Wanted};
use super::workbook::{Book, Shows, rich_text, unexpected_end};
use super::xml::{append, attribute, broken, shown};
use crate::domain::statement::Place;

/// Reads a sheet's rows in their order.
///
/// # Errors
/// A damaged sheet, a limit with its row and column, or what `sink` refuses.
pub(crate) fn read(part: &mut Part<'_>, book: &Book, title: Arc<str>, sink: &mut Sink<'_>) -> Result<(), Refusal> {
    let place = Place { sheet: Some(title), line: 0, column: None };
    let mut row = Row { place, cells: Vec::new(), bare_days: !book.from_1904 };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = part.read_event_into(&mut buffer).map_err(|error| Refusal::at(&row.place, broken(&error)))?;
        match &event {
            Event::Start(element) => match element.local_name().as_ref() {
                "row" => row.place.line = next_line(element, &row)?,
                "c" => read_cell(part, element, book, &mut row)?,
                _ => {}
            },
            Event::Empty(element) => match element.local_name().as_ref() {
                "row" => row.place.line = next_line(element, &row)?,
                "c" => {
                    let column = column_of(element, &row)?;
                    put(&mut row, column, Cell::Empty)?;
                }
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                "row" => {
                    let cells = std::mem::take(&mut row.cells);
                    sink(Row { place: row.place.clone(), cells, bare_days: row.bare_days })?;
                }
                "sheetData" => return Ok(()),
                _ => {}
            },
            Event::DocType(_) => return Err(Refusal::whole(Rule::Doctype)),
            Event::Eof => return Ok(()),
            Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

/// Returns a row's number: as it says, else one more than the row before.
fn next_line(element: &BytesStart<'_>, row: &Row) -> Result<usize, Refusal> {
    let said = attribute(element, "r")?;
    let line = if said.is_empty() { Some(row.place.line.saturating_add(1)) } else { said.parse().ok() };
    let line = line
        .filter(|line| *line > row.place.line)
        .ok_or_else(|| Refusal::at(&row.place, Rule::Not(Wanted::Intact, format!("row {}", shown(&said)))))?;
    if line > ROWS_MAX {
        let most = u64::try_from(ROWS_MAX).unwrap_or(u64::MAX);
        return Err(Refusal::at(&Place { line, ..row.place.clone() }, Rule::Limit(Limit::Rows, most)));
    }
    Ok(line)
}

/// Returns a cell's column from 0: as it says, else one more than the cell before.
fn column_of(element: &BytesStart<'_>, row: &Row) -> Result<usize, Refusal> {
    let said = attribute(element, "r")?;
    if said.is_empty() {
        return Ok(row.cells.len());
    }
    let wrong = || Refusal::at(&row.place, Rule::Not(Wanted::Intact, format!("cell {}", shown(&said))));
    let mut column = 0_usize;
    for letter in said.bytes().take_while(u8::is_ascii_alphabetic) {
        let digit = usize::from(letter.to_ascii_uppercase().saturating_sub(b'A')).saturating_add(1);
        column = column.checked_mul(26).and_then(|column| column.checked_add(digit)).ok_or_else(wrong)?;
    }
    column.checked_sub(1).ok_or_else(wrong)
}

fn put(row: &mut Row, column: usize, cell: Cell) -> Result<(), Refusal> {
    if cell.is_empty() {
        return Ok(());
    }
    if column >= COLUMNS_MAX {
        let most = u64::try_from(COLUMNS_MAX).unwrap_or(u64::MAX);
        return Err(Refusal::at(&row.place_of(column), Rule::Limit(Limit::Columns, most)));
    }
    if row.cells.len() <= column {
        row.cells.resize(column.saturating_add(1), Cell::Empty);
    }
    if let Some(place) = row.cells.get_mut(column) {
        *place = cell;
    }
    Ok(())
}

fn read_cell(part: &mut Part<'_>, element: &BytesStart<'_>, book: &Book, row: &mut Row) -> Result<(), Refusal> {
    let (kind, style) = (attribute(element, "t")?, attribute(element, "s")?);
    let column = column_of(element, row)?;
    let place = row.place_of(column);
    let at = |refusal: Refusal| Refusal::at(&place, refusal.rule);
    let (mut value, mut inside, mut formula) = (String::new(), false, false);
    let mut inline = None;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = part.read_event_into(&mut buffer).map_err(|error| Refusal::at(&place, broken(&error)))?;
        match &event {
            Event::Start(element) => match element.local_name().as_ref() {
                "v" => inside = true,
                "f" => formula = true,
                "is" => inline = Some(rich_text(part, "is").map_err(at)?),
                _ => {}
            },
            Event::Empty(element) if element.local_name().as_ref() == "f" => formula = true,
            Event::End(element) => match element.local_name().as_ref() {
                "v" => inside = false,
                "c" => break,
                _ => {}
            },
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) if inside => {
                append(&event, &mut value).map_err(|rule| Refusal::at(&place, rule))?;
            }
            Event::DocType(_) => return Err(Refusal::whole(Rule::Doctype)),
            Event::Eof => return Err(Refusal::at(&place, broken(&quick_xml::Error::Io(unexpected_end())))),
            Event::Empty(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_) => {}
        }
    }
    let cell = match inline {
        Some(text) => Cell::text(&nfc(text)),
        None if formula && value.trim().is_empty() => Cell::Formula,
        None => value_of(&value, &kind, &style, book, &place)?,
    };
    put(row, column, cell)
}

/// Reads a cell's value by its type (ECMA-376 part 1, 18.18.11).
fn value_of(value: &str, kind: &str, style: &str, book: &Book, place: &Place) -> Result<Cell, Refusal> {
    let wrong = || Refusal::at(place, Rule::Not(Wanted::Intact, shown(value)));
    let value = value.trim();
    if value.is_empty() {
        return Ok(Cell::Empty);
    }
    match kind {
        "s" => {
            let text = value.parse::<usize>().ok().and_then(|index| book.strings.get(index)).ok_or_else(wrong)?;
            Ok(Cell::text(&nfc(text.to_string())))
        }
        "" | "n" => {
            let shows = style.parse::<usize>().ok().and_then(|style| book.styles.get(style));
            match shows {
                Some(Shows::Date) => moment(value, book.from_1904).ok_or_else(wrong),
                Some(Shows::Number) | None => Ok(Cell::Number(digits(value).ok_or_else(wrong)?)),
            }
        }
        "d" => {
            let at: DateTime = value.trim_end_matches('Z').parse().map_err(|_| wrong())?;
            Ok(Cell::Moment { at, timed: at.time() != jiff::civil::Time::midnight() })
        }
        // Booleans and errors are no part of a statement; they stay visible as their text.
        _ => Ok(Cell::text(&nfc(value.to_owned()))),
    }
}

/// Returns a number's plain digits: `5.5E4` is `55000`. Excel itself keeps fifteen digits; what is
/// beyond them in the text is the noise of binary fractions.
fn digits(value: &str) -> Option<String> {
    let number = match Decimal::from_str_exact(value) {
        Ok(number) => number,
        Err(_) => Decimal::from_scientific(value).ok()?,
    };
    Some(number.normalize().to_string())
}

/// Reads a day number with its fraction of a day, to the second.
fn moment(value: &str, from_1904: bool) -> Option<Cell> {
    const DAY_SECONDS: i64 = 86_400;
    let number = Decimal::from_str_exact(value).or_else(|_| Decimal::from_scientific(value)).ok()?;
    let seconds = number.checked_mul(Decimal::from(DAY_SECONDS))?.round().to_i64()?;
    // Day 60 of 1900 never was; banks write dates of this century, so days count from 30/12/1899.
    let start = if from_1904 { date(1904, 1, 1) } else { date(1899, 12, 30) }.at(0, 0, 0, 0);
    let at = start.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    // A time of day alone stands on day 0.
    Some(Cell::Moment { at, timed: seconds % DAY_SECONDS != 0 || seconds < DAY_SECONDS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_days_their_seconds() {
        assert_eq!(digits("5.5E4").as_deref(), Some("55000"));
        assert_eq!(digits("77000500").as_deref(), Some("77000500"));
        assert_eq!(digits("1.25").as_deref(), Some("1.25"));
        assert_eq!(digits("NaN"), None);
        let at = date(2026, 6, 1).at(4, 6, 16, 0);
        assert_eq!(moment("46174.17101851852", false), Some(Cell::Moment { at, timed: true }));
        assert_eq!(moment("44712.17101851852", true), Some(Cell::Moment { at, timed: true }));
    }
}
