//! Reading a bank's statement file, without the book: what it holds, proven to the đồng, or a
//! designed refusal.

use super::error::{AppError, ErrorKind, Message};
use crate::bank::statement;
use crate::bank::statement::refusal::Refusal;
use crate::domain::language::Language;
use crate::domain::statement::StatementFile;

pub use crate::bank::statement::limits::{FILE_BYTES_MAX, MAP_BYTES_MAX};

/// Reads a statement's bytes; `map` is the text of a layout for a bank that is not known.
///
/// # Errors
/// [`ErrorKind::Invalid`] with the place, the rule and what to do; a refused file gives no lines.
pub fn read_statement(bytes: &[u8], map: Option<&str>) -> Result<StatementFile, AppError> {
    statement::read(bytes, map).map_err(|refusal| refused(&refusal))
}

fn refused(refusal: &Refusal) -> AppError {
    let message = Message::new(refusal.in_words(Language::Vietnamese), refusal.in_words(Language::English));
    AppError::new(ErrorKind::Invalid, refusal.code(), message)
}

/// Returns the file as JSON, the form that the API sends too.
///
/// # Errors
/// A fault of this program when it cannot be written.
pub fn to_json(file: &StatementFile) -> Result<String, AppError> {
    crate::report::statement::json(file).map_err(AppError::internal)
}

/// Returns what a person should know of the file, as a JSON list.
///
/// # Errors
/// A fault of this program when it cannot be written.
pub(crate) fn notes_json(file: &StatementFile) -> Result<String, AppError> {
    crate::report::statement::notes(file).map_err(AppError::internal)
}

/// Returns the file as tables for people; memos are masked.
#[must_use]
pub fn to_table(file: &StatementFile, language: Language) -> String {
    crate::report::statement::table(file, language)
}
