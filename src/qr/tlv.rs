//! EMVCo objects: `ID(2 digits) LEN(2 digits, 01..99) VALUE`, templates holding the same inside.

use std::fmt::Write as _;

use super::payload::{QrError, QrRule};

/// One object, and where its ID stands in the whole payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Object<'a> {
    pub(super) id: &'a str,
    pub(super) value: &'a str,
    /// Byte offset of the object's ID.
    pub(super) at: usize,
}

impl Object<'_> {
    /// Byte offset of the object's value.
    pub(super) fn value_at(&self) -> usize {
        self.at + 4
    }
}

/// Splits a text of ASCII into its objects; `base` is where the text stands in the payload.
///
/// # Errors
/// The offset and the rule: a broken ID or length, a value that runs past the end, an ID twice.
pub(super) fn split(text: &str, base: usize) -> Result<Vec<Object<'_>>, QrError> {
    let mut objects: Vec<Object<'_>> = Vec::new();
    let mut position = 0;
    while position < text.len() {
        let at = base + position;
        let head = text.get(position..position + 4).ok_or(QrError { offset: at, rule: QrRule::Truncated })?;
        let (id, length) = head.split_at(2);
        if !id.bytes().chain(length.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(QrError { offset: at, rule: QrRule::NotAnObject });
        }
        let length: usize = length.parse().map_err(|_| QrError { offset: at + 2, rule: QrRule::NotAnObject })?;
        if length == 0 {
            return Err(QrError { offset: at + 2, rule: QrRule::EmptyValue });
        }
        let value = text.get(position + 4..position + 4 + length);
        let value = value.ok_or(QrError { offset: at + 2, rule: QrRule::Overrun })?;
        if objects.iter().any(|object| object.id == id) {
            return Err(QrError { offset: at, rule: QrRule::Duplicate });
        }
        objects.push(Object { id, value, at });
        position += 4 + length;
    }
    Ok(objects)
}

/// Appends an object; an empty value is left out altogether.
pub(super) fn push(payload: &mut String, id: &str, value: &str) {
    if !value.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(payload, "{id}{:02}{value}", value.len());
    }
}
