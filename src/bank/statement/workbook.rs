//! The parts of an XLSX workbook around its sheets: which sheets there are, shared strings, and
//! which styles show a number as a date. The sheets' rows are read by `sheet.rs`.
//!
//! Numbers are kept as the digits that the file holds: no amount passes through a float, and no
//! dense table is made of what a sheet says of its own size.

use quick_xml::events::{BytesStart, Event};

use super::grid::Sink;
use super::limits::{CELL_CHARS_MAX, SHEETS_MAX};
use super::package::{Keeping, Package, Part};
use super::refusal::{Limit, Refusal, Rule};
use super::sheet;
use super::xml::{append, attribute, broken};

/// What the cells of every sheet refer to.
pub(super) struct Book {
    /// The shared strings, by their index.
    pub(super) strings: Vec<String>,
    /// How each style shows a number, by its index.
    pub(super) styles: Vec<Shows>,
    /// Whether days count from 1904.
    pub(super) from_1904: bool,
}

/// How a style shows a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// As a number.
    Number,
    /// As a date, with or without the time of day.
    Date,
}

/// Reads every sheet of a workbook, row by row.
///
/// # Errors
/// When it is no workbook, is damaged, meets a limit, or when `sink` refuses a row.
pub(super) fn read(bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Refusal> {
    let mut package = Package::open(bytes)?;
    let main = main_part(&mut package)?;
    let (folder, name) = main.rsplit_once('/').unwrap_or(("", main.as_str()));
    let Some((sheets, from_1904)) = package.part(&main, Keeping::Kept, sheets)? else {
        return Err(Refusal::whole(Rule::NotAStatement));
    };
    let rels = package.part(&format!("{folder}/_rels/{name}.rels"), Keeping::Kept, relations)?.unwrap_or_default();
    let find = |kind: &str| rels.iter().find(|rel| rel.kind.ends_with(kind)).map(|rel| absolute(folder, &rel.target));
    let strings = match find("/sharedStrings") {
        Some(path) => package.part(&path, Keeping::Kept, strings)?.unwrap_or_default(),
        None => Vec::new(),
    };
    let styles = match find("/styles") {
        Some(path) => package.part(&path, Keeping::Kept, styles)?.unwrap_or_default(),
        None => Vec::new(),
    };
    let book = Book { strings, styles, from_1904 };
    for (title, id) in sheets {
        let Some(rel) = rels.iter().find(|rel| rel.id == id && rel.kind.ends_with("/worksheet")) else { continue };
        let path = absolute(folder, &rel.target);
        package.part(&path, Keeping::Streams, |part| sheet::read(part, &book, title.as_str().into(), sink))?;
    }
    Ok(())
}

/// One line of a relationships part.
struct Relation {
    id: String,
    kind: String,
    target: String,
}

fn absolute(folder: &str, target: &str) -> String {
    match target.strip_prefix('/') {
        Some(rooted) => rooted.to_owned(),
        None => format!("{folder}/{}", target.trim_start_matches("./")),
    }
}

fn main_part(package: &mut Package<'_>) -> Result<String, Refusal> {
    let rels = package.part("_rels/.rels", Keeping::Kept, relations)?.unwrap_or_default();
    let main = rels.iter().find(|rel| rel.kind.ends_with("/officeDocument"));
    Ok(main.map_or_else(|| "xl/workbook.xml".to_owned(), |rel| absolute("", &rel.target).trim_matches('/').to_owned()))
}

/// Calls `take` with every start of an element, its local name, and the part to read on from.
fn each_element(
    part: &mut Part<'_>,
    mut take: impl FnMut(&str, &BytesStart<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = part.read_event_into(&mut buffer).map_err(|error| Refusal::whole(broken(&error)))?;
        match &event {
            Event::Start(element) | Event::Empty(element) => take(element.local_name().as_ref(), element)?,
            Event::DocType(_) => return Err(Refusal::whole(Rule::Doctype)),
            Event::Eof => return Ok(()),
            Event::End(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

fn relations(part: &mut Part<'_>) -> Result<Vec<Relation>, Refusal> {
    let mut found = Vec::new();
    each_element(part, |name, element| {
        if name == "Relationship" {
            let (id, kind) = (attribute(element, "Id")?, attribute(element, "Type")?);
            let external = attribute(element, "TargetMode")? == "External";
            if !external {
                found.push(Relation { id, kind, target: attribute(element, "Target")? });
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// Returns the sheets' titles with their relationship, and whether days count from 1904.
fn sheets(part: &mut Part<'_>) -> Result<(Vec<(String, String)>, bool), Refusal> {
    let mut found = Vec::new();
    let mut from_1904 = false;
    each_element(part, |name, element| {
        match name {
            "sheet" => found.push((attribute(element, "name")?, attribute(element, "id")?)),
            "workbookPr" => from_1904 = matches!(attribute(element, "date1904")?.as_str(), "1" | "true"),
            _ => {}
        }
        if found.len() > SHEETS_MAX {
            let most = u64::try_from(SHEETS_MAX).unwrap_or(u64::MAX);
            return Err(Refusal::whole(Rule::Limit(Limit::Sheets, most)));
        }
        Ok(())
    })?;
    Ok((found, from_1904))
}

/// Reads the shared strings. What the part says of their number is not believed.
fn strings(part: &mut Part<'_>) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = part.read_event_into(&mut buffer).map_err(|error| Refusal::whole(broken(&error)))?;
        match &event {
            Event::Start(element) if element.local_name().as_ref() == "si" => found.push(rich_text(part, "si")?),
            Event::Empty(element) if element.local_name().as_ref() == "si" => found.push(String::new()),
            Event::DocType(_) => return Err(Refusal::whole(Rule::Doctype)),
            Event::Eof => return Ok(found),
            Event::Start(_)
            | Event::Empty(_)
            | Event::End(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

/// Joins the texts of a string up to its end; readings of Asian script (`rPh`) are no text of it.
pub(super) fn rich_text(part: &mut Part<'_>, end: &str) -> Result<String, Refusal> {
    let (mut text, mut inside, mut phonetic) = (String::new(), false, false);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = part.read_event_into(&mut buffer).map_err(|error| Refusal::whole(broken(&error)))?;
        match &event {
            Event::Start(element) => match element.local_name().as_ref() {
                "t" => inside = !phonetic,
                "rPh" => phonetic = true,
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                "t" => inside = false,
                "rPh" => phonetic = false,
                name if name == end => break,
                _ => {}
            },
            Event::Eof => return Err(Refusal::whole(broken(&quick_xml::Error::Io(unexpected_end())))),
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) if inside => {
                append(&event, &mut text).map_err(Refusal::whole)?;
            }
            Event::DocType(_) => return Err(Refusal::whole(Rule::Doctype)),
            Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Empty(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_) => {}
        }
    }
    if text.chars().count() > CELL_CHARS_MAX {
        let most = u64::try_from(CELL_CHARS_MAX).unwrap_or(u64::MAX);
        return Err(Refusal::whole(Rule::Limit(Limit::CellChars, most)));
    }
    Ok(text)
}

/// The error of a part that ends inside an element.
pub(super) fn unexpected_end() -> std::sync::Arc<std::io::Error> {
    std::sync::Arc::new(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
}

fn styles(part: &mut Part<'_>) -> Result<Vec<Shows>, Refusal> {
    let mut formats: Vec<(String, Shows)> = Vec::new();
    let mut found = Vec::new();
    let mut in_cells = false;
    each_element(part, |name, element| {
        match name {
            "numFmt" => {
                formats.push((attribute(element, "numFmtId")?, shows(&attribute(element, "formatCode")?)));
            }
            "cellXfs" => in_cells = true,
            "cellStyleXfs" | "cellStyles" | "dxfs" => in_cells = false,
            "xf" if in_cells => {
                let id = attribute(element, "numFmtId")?;
                let own = formats.iter().find(|(known, _)| *known == id).map(|(_, shows)| *shows);
                // ECMA-376 part 1, 18.8.30: these numbers are dates and times in every program.
                let built_in = match id.parse::<u32>() {
                    Ok(14..=22 | 27..=36 | 45..=47 | 50..=58) => Shows::Date,
                    Ok(_) | Err(_) => Shows::Number,
                };
                found.push(own.unwrap_or(built_in));
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// Tells by a format's code whether it shows dates: letters of dates outside quotes and brackets.
fn shows(code: &str) -> Shows {
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    for character in code.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' | '_' | '*' => escaped = true,
            '"' => quoted = !quoted,
            '[' => bracketed = true,
            ']' => bracketed = false,
            'd' | 'D' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' if !quoted && !bracketed => return Shows::Date,
            // The first section rules positive numbers, and dates are positive.
            ';' if !quoted => return Shows::Number,
            _ => {}
        }
    }
    Shows::Number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_formats_are_told_from_number_formats() {
        for date in ["dd/mm/yyyy", "yyyy-mm-dd h:mm:ss", "[$-42A]dd\\-mm", "hh:mm", "[h]:mm:ss"] {
            assert_eq!(shows(date), Shows::Date, "{date}");
        }
        for number in ["#,##0", "0.00", "General", "#,##0 \"đồng\"", "#,##0\\ \"VND\"", "[Red]#,##0;dd", "@"] {
            assert_eq!(shows(number), Shows::Number, "{number}");
        }
    }
}
