//! A connection to PostgreSQL that a market's lane keeps between its batches.
//!
//! The pool asks a connection whether it lives before it lends it out and twice after it comes back, and
//! lends them out in turn: three round trips a batch beside the six of the batch itself, and as many
//! plan caches as connections. A lane that has hardly rested knows its connection lives; should it not, its
//! BEGIN says so before anything is at stake.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Executor as _, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::open::ACQUIRE_TIMEOUT;
use super::{Engine, Transaction, in_time};
use crate::store::error::Result;

/// Of the pool's connections, so many may be kept by lanes at a time: the rest serves pages, reports and
/// the lanes of further markets.
pub(super) const KEPT_BY_LANES: usize = 12;

type Slot = Arc<Mutex<Option<PoolConnection<Postgres>>>>;

/// A server's pool, and who may keep connections of it.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(super) pool: PgPool,
    seats: Arc<Semaphore>,
    /// It is no cluster: several writes may be parts of one query.
    together: bool,
}

impl Server {
    /// Asks the server what it is, and takes its pool.
    pub(super) async fn of(pool: PgPool) -> sqlx::Result<Self> {
        const CLUSTER: &str = "SELECT COUNT(*) FROM pg_extension WHERE extname = 'citus'";
        let clusters: i64 = sqlx::query_scalar(CLUSTER).fetch_one(&pool).await?;
        Ok(Self { pool, seats: Arc::new(Semaphore::new(KEPT_BY_LANES)), together: clusters == 0 })
    }
}

/// What one lane keeps. Dropped, the connection goes back to the pool.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    seat: Option<OwnedSemaphorePermit>,
    slot: Slot,
}

impl Lane {
    /// Gives back what is kept: nothing is written for a while.
    pub(crate) fn rest(&mut self) {
        drop(taken(&self.slot));
        self.seat = None;
    }
}

fn taken(slot: &Slot) -> Option<PoolConnection<Postgres>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Engine {
    /// As [`Engine::begin_write`], on the connection that the lane keeps where it may keep one.
    pub(crate) async fn begin_on(&self, lane: &mut Lane) -> Result<Transaction> {
        let Self::Postgres(server) = self else { return self.begin_write().await };
        if lane.seat.is_none() {
            lane.seat = Arc::clone(&server.seats).try_acquire_owned().ok();
        }
        if lane.seat.is_none() {
            return self.begin_write().await;
        }
        if let Some(kept) = taken(&lane.slot) {
            let mut transaction = LaneTransaction::of(kept, &lane.slot, server.together);
            // It may have died since: then another takes its place, which the pool has asked.
            if let Ok(Ok(())) = tokio::time::timeout(ACQUIRE_TIMEOUT, transaction.begin()).await {
                return Ok(Transaction::Lane(transaction));
            }
        }
        let mut transaction = LaneTransaction::of(in_time(server.pool.acquire()).await?, &lane.slot, server.together);
        in_time(transaction.begin()).await?;
        Ok(Transaction::Lane(transaction))
    }
}

/// A transaction on a lane's connection. Unless it is ended with [`Self::commit`] or [`Self::rollback`] and the
/// server says that it was, the connection is closed: nobody knows what state it is in.
pub(crate) struct LaneTransaction {
    connection: Option<PoolConnection<Postgres>>,
    slot: Slot,
    together: bool,
}

impl LaneTransaction {
    fn of(connection: PoolConnection<Postgres>, slot: &Slot, together: bool) -> Self {
        Self { connection: Some(connection), slot: Arc::clone(slot), together }
    }

    /// Tells whether several writes may be parts of one query here.
    pub(super) fn takes_writes_together(&self) -> bool {
        self.together
    }

    /// Returns the connection.
    pub(super) fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    async fn begin(&mut self) -> sqlx::Result<()> {
        self.run("BEGIN").await
    }

    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        self.run("COMMIT").await?;
        self.keep();
        Ok(())
    }

    pub(super) async fn rollback(mut self) -> sqlx::Result<()> {
        self.run("ROLLBACK").await?;
        self.keep();
        Ok(())
    }

    async fn run(&mut self, sql: &'static str) -> sqlx::Result<()> {
        self.connection()?.execute(sql).await.map(|_| ())
    }

    fn keep(&mut self) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = self.connection.take();
    }
}

impl Drop for LaneTransaction {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
    }
}
