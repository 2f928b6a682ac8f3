//! What can be done with the book: one use case, one file, one function on [`App`] with its input
//! and outcome types. No HTTP word and no SQL text. Every read and write is scoped by market here.

pub mod clock;
pub mod error;
pub mod ids;

use std::sync::Arc;

use crate::domain::calendar::Clock;
use crate::store::{OpenOptions, Store};
use error::AppError;
use ids::IdSource;

/// The running program: the book, the time and the source of identifiers.
pub struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: IdSource,
}

impl App {
    /// Opens the book and migrates it.
    ///
    /// # Errors
    /// When the address is bad, the file cannot be made, the server cannot be reached or the
    /// schema is newer than this program.
    pub async fn open(options: OpenOptions, clock: Arc<dyn Clock>) -> Result<Self, AppError> {
        let store = Arc::new(Store::open(options).await?);
        Ok(Self { store, ids: IdSource::new(Arc::clone(&clock)), clock })
    }
}
