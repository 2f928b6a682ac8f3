//! What a book's schema has still to take: told before anything is changed.

use super::OpenOptions;
use super::error::{AppError, ErrorKind, Message};

pub use crate::store::Pending;

/// How far a book's schema is, and what this program would do to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationPlan {
    /// The newest migration that was applied; `None` where there is no book yet.
    pub found: Option<i64>,
    /// The newest one this program has.
    pub known: i64,
    /// What is to be applied, in order.
    pub pending: Vec<Pending>,
}

/// Tells what opening a book would do to its schema. Looks, and changes nothing.
///
/// # Errors
/// `newer_schema`, and whatever the database meets.
pub async fn plan(options: &OpenOptions) -> Result<MigrationPlan, AppError> {
    let schema = options.schema().await?;
    if let Some(found) = schema.found.filter(|found| *found > schema.known) {
        return Err(crate::store::error::StoreError::NewerSchema { found, known: schema.known }.into());
    }
    Ok(MigrationPlan { found: schema.found, known: schema.known, pending: OpenOptions::pending(schema.found) })
}

/// Refuses a book that opening would change.
///
/// # Errors
/// `old_schema`, and as [`plan`].
pub async fn refuse_older(options: &OpenOptions) -> Result<(), AppError> {
    let plan = plan(options).await?;
    if plan.pending.is_empty() {
        return Ok(());
    }
    let (count, known) = (plan.pending.len(), plan.known);
    let found = plan.found.map_or_else(|| "-".to_owned(), |found| found.to_string());
    let message = Message::new(
        format!(
            "Lược đồ của sổ là {found}, phần mềm này cần {known} (còn {count} bước). Xem trước: socho migrate plan; sao lưu rồi chạy: socho migrate apply."
        ),
        format!(
            "The book's schema is {found}, this program needs {known} ({count} steps). Look first: socho migrate plan; back up, then: socho migrate apply."
        ),
    );
    Err(AppError::new(ErrorKind::Configuration, "old_schema", message))
}
