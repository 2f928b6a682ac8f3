//! Identifiers and salts: version-7 UUIDs from the clock's time and the system's randomness.

use std::sync::Arc;

use uuid::{Builder, Uuid};

use super::error::AppError;
use crate::domain::calendar::Clock;

/// Makes identifiers and salts.
#[derive(Clone)]
pub struct IdSource {
    clock: Arc<dyn Clock>,
}

impl IdSource {
    /// Returns a source that dates its identifiers by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// Returns a new version-7 UUID.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn uuid(&self) -> Result<Uuid, AppError> {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let random: [u8; 10] = random()?;
        Ok(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Returns a new 32-byte salt.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn salt(&self) -> Result<[u8; 32], AppError> {
        random()
    }
}

fn random<const N: usize>() -> Result<[u8; N], AppError> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|error| AppError::internal(format!("no randomness: {error}")))?;
    Ok(bytes)
}
