//! A bank's statement in: a file's bytes become statements that add up to the đồng, or a refusal
//! that says where and why not. Pure; called by `app` alone.
//!
//! | step | where |
//! |---|---|
//! | tell the format by its first bytes | `bank/file`, here |
//! | bytes → text, XLSX and CSV → rows | `bank/file` |
//! | rows → movements, in a bank's layout | `layout` and its files, `header`, `labels`, `table`, `movement`, `dates`, `figures` |
//! | camt, MT940 → movements | `camt`, `camt_entry`, `mt940` |
//! | movements → a statement that is proven | `proof` |
//!
//! # How to add a bank
//! A file in `layouts/` with its header words, a line in `layout::FILES`, and a sample with its
//! answers in `fixtures/statements/`.

mod camt;
mod camt_entry;
mod dates;
mod figures;
mod header;
mod labels;
mod layout;
mod movement;
mod mt940;
mod proof;
mod table;

use super::file::{Kind, decode, grid, kind, separated, workbook, xml};
use crate::domain::statement::{Note, StatementFile};
use grid::Row;
use layout::Layout;
use limits::FILE_BYTES_MAX;
use refusal::{Limit, Refusal, Rule};
use table::TableReader;
use workbook::Sheets;

pub use super::file::{limits, refusal};

/// Reads a bank's file. `map` is the text of a layout that a person described, for a bank that is
/// not known; messages (camt, MT940) need none.
///
/// # Errors
/// Where the file breaks which rule; nothing of a refused file is returned.
pub fn read(bytes: &[u8], map: Option<&str>) -> Result<StatementFile, Refusal> {
    if bytes.len() > FILE_BYTES_MAX {
        let most = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
        return Err(Refusal::whole(Rule::Limit(Limit::FileBytes, most)));
    }
    let kind = kind(bytes)?;
    let layouts = || match map {
        Some(text) => layout::described(text).map(|layout| vec![layout]),
        None => layout::known(),
    };
    match kind {
        Kind::Workbook => read_workbook(bytes, layouts()?),
        Kind::Text if camt::looks_like(bytes) => camt::read(&decode::decode_xml(bytes)?.text),
        Kind::Text => {
            let decoded = decode::decode(bytes)?;
            if mt940::looks_like(&decoded.text) {
                return mt940::read(&decoded.text);
            }
            read_separated(&decoded, layouts()?)
        }
    }
}

fn read_workbook(bytes: &[u8], layouts: Vec<Layout>) -> Result<StatementFile, Refusal> {
    let mut reader = TableReader::new(layouts);
    let mut old_font = false;
    let rows = workbook::read(bytes, Sheets::All, &mut |row| {
        old_font |= row.place.line <= limits::TITLE_ROWS_MAX && table::old_font(&row);
        reader.push(&row)
    });
    let read = rows.and_then(|()| reader.finish());
    let (format, statements, notes) = read.map_err(|refusal| hint(refusal, old_font.then_some(Rule::OldFont)))?;
    Ok(joined(format, statements, notes))
}

fn read_separated(decoded: &decode::Decoded<'_>, layouts: Vec<Layout>) -> Result<StatementFile, Refusal> {
    let known = layouts.clone();
    let columns = move |row: &Row| table::header_columns(row, &known);
    let mut reader = TableReader::new(layouts);
    let mut old_font = false;
    let rows = separated::read(&decoded.text, &columns, &mut |row| {
        old_font |= row.place.line <= limits::TITLE_ROWS_MAX && table::old_font(&row);
        reader.push(&row)
    });
    let read = rows.and_then(|()| reader.finish());
    let likely = if old_font { Some(Rule::OldFont) } else { decoded.windows_1258.then_some(Rule::Encoding) };
    let (format, statements, mut notes) = read.map_err(|refusal| hint(refusal, likely))?;
    if decoded.windows_1258 {
        notes.push(Note::Windows1258);
    }
    Ok(joined(format, statements, notes))
}

/// A header whose words cannot be read was not missing.
fn hint(refusal: Refusal, likely: Option<Rule>) -> Refusal {
    match (&refusal.rule, likely) {
        (Rule::HeaderMissing, Some(rule)) => Refusal { rule, ..refusal },
        _ => refusal,
    }
}

fn joined(format: String, statements: Vec<crate::domain::statement::Statement>, mut notes: Vec<Note>) -> StatementFile {
    let statements = proof::join(statements, &mut notes);
    StatementFile { format, statements, notes }
}
