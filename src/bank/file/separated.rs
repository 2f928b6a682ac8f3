//! Files of separated values: comma, semicolon, tab or bar, whichever makes a header; values in
//! quotes may hold separators and line feeds.

use super::grid::{Cell, Row, Sink};
use super::limits::{CELL_CHARS_MAX, COLUMNS_MAX, ROWS_MAX, TITLE_ROWS_MAX};
use super::refusal::{Limit, Refusal, Rule, Wanted};
use super::xml::shown;
use crate::domain::statement::Place;

/// The separators that are tried.
const SEPARATORS: [u8; 4] = [b';', b'\t', b',', b'|'];

/// Reads a file's rows in order. `header_columns` tells how many columns of a header it knows in a
/// row; the separator that makes the best header is the file's.
///
/// # Errors
/// A limit with its line and column, or what `sink` refuses.
pub(crate) fn read(text: &str, header_columns: &dyn Fn(&Row) -> usize, sink: &mut Sink<'_>) -> Result<(), Refusal> {
    // Spreadsheets write the separator into a first line of its own.
    let (said, body, skipped) = match text.strip_prefix("sep=") {
        Some(rest) => {
            let (line, body) = rest.split_once('\n').unwrap_or((rest, ""));
            (line.bytes().next(), body, 1)
        }
        None => (None, text, 0),
    };
    let separator = match said.filter(|said| SEPARATORS.contains(said)) {
        Some(said) => said,
        None => best_separator(body, header_columns),
    };
    rows(body, separator, skipped, usize::MAX, sink)
}

fn best_separator(text: &str, header_columns: &dyn Fn(&Row) -> usize) -> u8 {
    let mut best = (0, b',');
    for separator in SEPARATORS {
        let mut columns = 0;
        rows(text, separator, 0, TITLE_ROWS_MAX, &mut |row| {
            columns = columns.max(header_columns(&row));
            Ok(())
        })
        // What the wrong separator makes too wide or too long is no fault of the file.
        .unwrap_or_default();
        if columns > best.0 {
            best = (columns, separator);
        }
    }
    best.1
}

fn rows(text: &str, separator: u8, skipped: usize, most: usize, sink: &mut Sink<'_>) -> Result<(), Refusal> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut count = 0_usize;
    while count < most {
        let before = usize::try_from(reader.position().line()).unwrap_or(0).saturating_add(skipped);
        let wrong =
            |error: csv::Error| Refusal::at(&Place::line(before), Rule::Not(Wanted::Intact, shown(&error.to_string())));
        if !reader.read_record(&mut record).map_err(wrong)? {
            break;
        }
        let place = Place::line(record.position().map_or(0, |at| line_of(text, at)).saturating_add(skipped));
        count = count.saturating_add(1);
        if count > ROWS_MAX {
            return Err(Refusal::at(&place, Rule::Limit(Limit::Rows, u64::try_from(ROWS_MAX).unwrap_or(u64::MAX))));
        }
        sink(Row { cells: cells(&record, &place)?, place, bare_days: true })?;
    }
    Ok(())
}

/// Returns the line of a record. The reader's own position may lie before the line end of the record
/// above it, and before blank lines.
fn line_of(text: &str, position: &csv::Position) -> usize {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let ends = text.as_bytes().get(start..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let passed = ends.filter(|byte| **byte == b'\n').fold(0_usize, |passed, _| passed.saturating_add(1));
    usize::try_from(position.line()).unwrap_or(0).saturating_add(passed)
}

fn cells(record: &csv::StringRecord, place: &Place) -> Result<Vec<Cell>, Refusal> {
    let mut cells = Vec::with_capacity(record.len().min(COLUMNS_MAX));
    for (index, field) in record.iter().enumerate() {
        let place = || place.at_column(index.saturating_add(1));
        if field.len() > CELL_CHARS_MAX && field.chars().count() > CELL_CHARS_MAX {
            let most = u64::try_from(CELL_CHARS_MAX).unwrap_or(u64::MAX);
            return Err(Refusal::at(&place(), Rule::Limit(Limit::CellChars, most)));
        }
        let cell = Cell::text(field);
        if index < COLUMNS_MAX {
            cells.push(cell);
        } else if !cell.is_empty() {
            let most = u64::try_from(COLUMNS_MAX).unwrap_or(u64::MAX);
            return Err(Refusal::at(&place(), Rule::Limit(Limit::Columns, most)));
        }
    }
    Ok(cells)
}
