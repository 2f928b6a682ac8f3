//! XML without its dangers: no document type, so no entities but the five of the standard and
//! characters by number; a limit on depth and on each text.

use quick_xml::events::{BytesRef, BytesStart, Event};

use super::limits::CELL_CHARS_MAX;
use super::refusal::{Limit, Refusal, Rule, Wanted};

/// A limit met while bytes were read for a parser that knows only I/O errors.
#[derive(Debug)]
pub(super) struct LimitMet(pub(super) Limit, pub(super) u64);

impl std::fmt::Display for LimitMet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "limit of {}", self.1)
    }
}

impl std::error::Error for LimitMet {}

/// Turns a parser's error into the rule that is broken.
pub(super) fn broken(error: &quick_xml::Error) -> Rule {
    if let quick_xml::Error::Io(io) = error
        && let Some(LimitMet(limit, most)) = io.get_ref().and_then(|inner| inner.downcast_ref::<LimitMet>())
    {
        return Rule::Limit(*limit, *most);
    }
    Rule::Not(Wanted::Intact, shown(&error.to_string()))
}

/// Returns the head of a text that others wrote, for a message.
pub(super) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// Adds an event's characters to a text.
///
/// # Errors
/// A document type, an entity that is not of the standard, a text beyond its limit.
pub(super) fn append(event: &Event<'_>, out: &mut String) -> Result<(), Rule> {
    match event {
        Event::Text(text) => out.push_str(&text.xml10_content()),
        Event::CData(text) => out.push_str(&text.xml10_content()),
        Event::GeneralRef(entity) => out.push(character(entity)?),
        Event::DocType(_) => return Err(Rule::Doctype),
        Event::Start(_)
        | Event::End(_)
        | Event::Empty(_)
        | Event::Comment(_)
        | Event::Decl(_)
        | Event::PI(_)
        | Event::Eof => {}
    }
    let most = CELL_CHARS_MAX.saturating_mul(4);
    if out.len() > most {
        return Err(Rule::Limit(Limit::CellChars, u64::try_from(CELL_CHARS_MAX).unwrap_or(u64::MAX)));
    }
    Ok(())
}

fn character(entity: &BytesRef<'_>) -> Result<char, Rule> {
    let unknown = || Rule::Not(Wanted::Intact, format!("&{};", shown(entity)));
    if entity.is_char_ref() {
        let found = entity.resolve_char_ref().ok().flatten();
        return found.filter(|c| *c != '\0').ok_or_else(unknown);
    }
    let known = quick_xml::escape::resolve_xml_entity(entity);
    known.and_then(|text| text.chars().next()).ok_or_else(unknown)
}

/// Returns an attribute's value by its local name; empty when it is not there.
///
/// # Errors
/// When the attributes are no XML.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Result<String, Refusal> {
    let wrong = |error: String| Refusal::whole(Rule::Not(Wanted::Intact, shown(&error)));
    for found in element.attributes().with_checks(false) {
        let found = found.map_err(|error| wrong(error.to_string()))?;
        if found.key.local_name().as_ref() == name {
            let value =
                found.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|error| wrong(error.to_string()))?;
            return Ok(value.into_owned());
        }
    }
    Ok(String::new())
}
