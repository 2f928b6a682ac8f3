//! Identifiers and salts: version-7 UUIDs from the clock's time and the system's randomness.

use std::cell::RefCell;
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

/// Random bytes that are fetched from the system at once, for some forty salts: each fetch is a
/// call into the kernel.
const FETCHED: usize = 1_536;

/// Bytes fetched and not used yet.
struct Fetched {
    bytes: [u8; FETCHED],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Fetched> = const { RefCell::new(Fetched { bytes: [0; FETCHED], used: FETCHED }) };
}

fn random<const N: usize>() -> Result<[u8; N], AppError> {
    const { assert!(N <= FETCHED, "one fetch must be enough") };
    POOL.with_borrow_mut(|pool| {
        if pool.used.saturating_add(N) > FETCHED {
            getrandom::fill(&mut pool.bytes).map_err(|error| AppError::internal(format!("no randomness: {error}")))?;
            pool.used = 0;
        }
        let mut bytes = [0_u8; N];
        if let Some(next) = pool.bytes.get_mut(pool.used..pool.used.saturating_add(N)) {
            bytes.copy_from_slice(next);
            // Nothing that was given out stays behind.
            next.fill(0);
        }
        pool.used = pool.used.saturating_add(N);
        Ok(bytes)
    })
}
