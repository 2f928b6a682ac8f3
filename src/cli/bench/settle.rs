//! Settlements over HTTP beside the ceiling: the same server and load, with the book and without.
//!
//! The kinds of load take turns, a slice each, so that a machine that slows down for a while slows
//! all of them alike.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::client::{Place, Slice, send};
use crate::app::bench::book::BenchBook;
use crate::app::bench::figures::{Measured, per_second};
use crate::app::bench::load::{Portion, Spread};
use crate::app::bench::machine::processor_time;
use crate::app::error::AppError;
use crate::web::{self, Door, Server, Web};

/// Requests that the ceiling's first slice sends for each connection, to learn its rate.
const FIRST_SLICE: u64 = 40;
/// Least requests of a slice for each connection: fewer would measure the ends alone.
const LEAST: u64 = 20;
/// Most requests of a slice; they are made before it begins and held in memory.
const MOST: u64 = 400_000;

/// How long and how often each load runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Turns that each load gets.
    pub(super) rounds: u32,
    /// How long a slice takes, about.
    pub(super) slice: Duration,
    /// Requests of a slice, where they are given instead.
    pub(super) count: Option<u64>,
    /// Where the load comes from.
    pub(super) place: Place,
}

/// What one number of connections gave.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// Answers without the book.
    pub(super) ceiling: Measured,
    /// Settlements that were booked.
    pub(super) settled: BTreeMap<Spread, Measured>,
}

/// Both servers of one book.
struct Servers {
    book: SocketAddr,
    ceiling: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Servers {
    async fn start(book: &BenchBook) -> Result<Self, AppError> {
        let web = Web::new(Arc::clone(&book.app), None, Door::default());
        let (stop, stopped) = watch::channel(false);
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let bind = |router| async move { Server::bind(anywhere, router).await.map_err(AppError::internal) };
        let (settling, at) = bind(web::ingest_only(Arc::clone(&web))).await?;
        let (ceiling, ceiling_at) = bind(web::ceiling(web)).await?;
        let tasks = vec![tokio::spawn(settling.run(stopped.clone())), tokio::spawn(ceiling.run(stopped))];
        Ok(Self { book: at.0, ceiling: ceiling_at.0, stop, tasks })
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            // A server that panicked has nothing in flight any more.
            let _ = task.await;
        }
    }
}

/// Measures each number of connections on one book; `progress` hears what begins.
pub(super) async fn measure(
    book: &BenchBook,
    connections: &[usize],
    pace: Pace,
    mut progress: impl FnMut(&str),
) -> Result<BTreeMap<usize, Level>, AppError> {
    let servers = Servers::start(book).await?;
    let mut load = Load { book, servers: &servers, pace, next: 0, rates: BTreeMap::new() };
    let mut levels = BTreeMap::new();
    for connections in connections {
        progress(&format!("{} · {connections} connections", book.app.engine()));
        levels.insert(*connections, load.level(*connections).await?);
    }
    servers.stop().await;
    Ok(levels)
}

struct Load<'a> {
    book: &'a BenchBook,
    servers: &'a Servers,
    pace: Pace,
    /// The number of the next payment that is booked.
    next: u64,
    /// What each load gave lately, in requests a second.
    rates: BTreeMap<Option<Spread>, u64>,
}

impl Load<'_> {
    async fn level(&mut self, connections: usize) -> Result<Level, AppError> {
        let mut level = Level::default();
        self.rates.clear();
        for _ in 0..self.pace.rounds {
            level.ceiling.add(self.ceiling(connections).await?);
            for spread in [Spread::Spread, Spread::Hot] {
                level.settled.entry(spread).or_default().add(self.settle(connections, spread).await?);
            }
        }
        Ok(level)
    }

    async fn ceiling(&mut self, connections: usize) -> Result<Measured, AppError> {
        let portion = Portion { first: 0, count: self.count(connections, None), spread: Spread::Spread };
        self.slice(self.servers.ceiling, portion, connections, None).await
    }

    async fn settle(&mut self, connections: usize, spread: Spread) -> Result<Measured, AppError> {
        let portion = Portion { first: self.next, count: self.count(connections, Some(spread)), spread };
        self.next += portion.count;
        let before = self.book.last_batch().await?;
        let mut measured = self.slice(self.servers.book, portion, connections, Some(spread)).await?;
        let after = self.book.last_batch().await?;
        for size in self.book.batches(before, after).await? {
            *measured.batches.entry(size.items).or_default() += size.batches;
        }
        Ok(measured)
    }

    async fn slice(
        &mut self,
        address: SocketAddr,
        portion: Portion,
        connections: usize,
        kind: Option<Spread>,
    ) -> Result<Measured, AppError> {
        let slice = Slice { address, target: self.book.target.clone(), portion, connections };
        let before = processor_time();
        let mut measured = send(slice, self.pace.place).await?;
        measured.cpu = processor_time().saturating_sub(before);
        self.rates.insert(kind, per_second(measured.acked, measured.elapsed));
        Ok(measured)
    }

    /// Returns how many requests will take about a slice's time.
    fn count(&self, connections: usize, kind: Option<Spread>) -> u64 {
        let connections = u64::try_from(connections).unwrap_or(1);
        if let Some(count) = self.pace.count {
            return count;
        }
        let Some(rate) = self.rates.get(&kind) else { return connections * FIRST_SLICE };
        let millis = u64::try_from(self.pace.slice.as_millis()).unwrap_or(1_000);
        (rate * millis / 1_000).clamp(connections * LEAST, MOST)
    }
}
