//! Short texts that people type and pages show beside names: a ward, a category, a holder.

use super::error::{AppError, FieldError, Message};
use crate::domain::registration::Registration;
use crate::domain::text::{NAME_MAX, Name};

/// Longest ward or category, in characters.
pub const LABEL_MAX: usize = 80;

/// Brings a label into its one spelling, as names have it; blank is none.
///
/// # Errors
/// `label_invalid`, under the field's name, when it is too long or holds what no name holds.
pub(crate) fn label(field: &str, text: &str) -> Result<String, AppError> {
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    match Name::new(text) {
        Ok(label) if label.as_str().chars().count() <= LABEL_MAX => Ok(label.to_string()),
        Ok(_) | Err(_) => Err(refused(field, LABEL_MAX)),
    }
}

/// Returns registrations whose categories have one spelling and whose holders are no longer than
/// names.
///
/// # Errors
/// `label_invalid`, naming every bad row as `rows/N/field`.
pub(crate) fn registrations(new: &[Registration]) -> Result<Vec<Registration>, AppError> {
    let mut bad: Vec<FieldError> = Vec::new();
    let mut checked = Vec::with_capacity(new.len());
    for (row, registration) in new.iter().enumerate() {
        let category = label(&format!("rows/{row}/category"), &registration.category);
        let category = category.unwrap_or_else(|error| {
            bad.extend(error.fields);
            String::new()
        });
        if registration.holder.chars().count() > NAME_MAX {
            bad.extend(refused(&format!("rows/{row}/holder"), NAME_MAX).fields);
        }
        checked.push(Registration { category, ..registration.clone() });
    }
    match bad.first().cloned() {
        None => Ok(checked),
        Some(first) => Err(AppError { fields: bad, ..AppError::field(first.field, first.code, first.message) }),
    }
}

fn refused(field: &str, most: usize) -> AppError {
    let message = Message::new(
        format!("Dài tối đa {most} ký tự, không có ký tự điều khiển hay ký tự ẩn."),
        format!("At most {most} characters fit, without control or invisible ones."),
    );
    AppError::field(field, "label_invalid", message)
}
