//! `socho bench`: everything side by side in one run on one machine, so that only ratios are quoted.

mod client;
mod compare;
mod settle;
mod show;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Context;
use super::output::{Exit, Failure, line, to_stderr, to_stdout};
use crate::app::bench::book::{BenchBook, Bytes, Folder, Place};
use crate::app::bench::bulk::{self, Bulk};
use crate::app::bench::growth::{self, AtSize};
use crate::app::bench::listening::{self, Listened};
use crate::app::bench::machine::{Fsync, Machine, fsync_rate};
use crate::app::error::AppError;
use settle::{Level, Pace};

/// How long the disk's confirmations are counted.
const FSYNC_FOR: Duration = Duration::from_secs(1);
/// Payments that every listening phone hears.
const HEARD: u64 = 100;
/// How long a slice of load takes, about.
const SLICE: Duration = Duration::from_secs(1);

/// Measures this program on this machine: settlements over HTTP beside the same server without a
/// book, a hot stall beside many, bulk beside the engine's own insert. Makes books of its own and
/// removes them.
#[derive(Debug, Args)]
#[command(after_help = "Example: socho bench --quick --json")]
pub(super) struct Bench {
    /// SQLite alone, 64 and 256 connections, no book of a million: within 50 seconds
    #[arg(long)]
    quick: bool,
    /// A PostgreSQL server to measure too; the login needs CREATEDB, its own database is not touched
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// The folder for the books, on a real disk (default /var/tmp)
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where the load comes from
    #[arg(long, value_enum, default_value = "inside")]
    client: client::Place,
    /// Numbers of connections (default 1,16,64,256)
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=4096))]
    connections: Vec<u16>,
    /// Seconds that each load runs at each number of connections (default 5; 2 with --quick)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: Option<u32>,
    /// Requests that each load sends, instead of a time
    #[arg(long, conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..=400_000))]
    requests: Option<u64>,
    /// Phones of one stall that listen
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    phones: u64,
    /// Settlements of the bulk file (default 200000; 20000 with --quick)
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=2_000_000))]
    bulk: Option<u64>,
    /// Sizes at which the report is timed (default 10000,1000000; 10000 with --quick)
    #[arg(long, value_delimiter = ',')]
    sizes: Vec<u64>,
    /// Time the report, the bulk rate and verify at ten million postings too: about an hour and 15 GB
    #[arg(long, conflicts_with_all = ["quick", "sizes"])]
    large: bool,
    /// Send one slice that is described on standard input
    #[arg(long, hide = true)]
    as_client: bool,
}

/// What one engine gave.
struct EngineFigures {
    levels: BTreeMap<usize, Level>,
    bulk: Bulk,
    bytes: Bytes,
    acked: u64,
    booked: u64,
}

/// What the whole run gave.
struct Figures {
    machine: Machine,
    fsync: Fsync,
    sqlite: EngineFigures,
    postgres: Option<EngineFigures>,
    growth: Vec<AtSize>,
    listened: Listened,
    acked: u64,
    booked: u64,
}

pub(super) async fn run(context: &Context, command: Bench) -> Result<Exit, Failure> {
    if command.as_client {
        let told = tokio::task::spawn_blocking(client::serve_a_process).await.map_err(AppError::internal)??;
        line(told);
        return Ok(Exit::Ok);
    }
    let parent = command.dir.clone().unwrap_or_else(default_folder);
    let folder = Folder::below(&parent)?;
    let figures = measure(&command, &folder).await?;
    to_stdout(&show::json(&figures)?);
    if !context.json {
        to_stdout(&show::tables(&figures, context.lang));
    }
    if figures.acked == figures.booked {
        return Ok(Exit::Ok);
    }
    let (acked, booked) = (figures.acked, figures.booked);
    Err(Failure::new(
        Exit::Integrity,
        format!("Đã xác nhận {acked} khoản nhưng sổ có {booked}: sổ không giữ lời."),
        format!("{acked} settlements were acknowledged but the journal holds {booked}: a promise was broken."),
    ))
}

async fn measure(command: &Bench, folder: &Folder) -> Result<Figures, AppError> {
    let machine = Machine::describe(folder.path());
    progress("fsync");
    let fsync = fsync_rate(folder.path(), FSYNC_FOR)?;
    let sqlite = engine(command, folder, Place::Sqlite(folder)).await?;
    let postgres = match &command.postgres {
        Some(url) => Some(engine(command, folder, Place::Postgres(url)).await?),
        None => None,
    };
    let (listened, booked_for_phones) = listen(command, folder).await?;
    let (growth, grown_acked, grown_booked) = grow(command, folder).await?;
    let of = |figures: &Option<EngineFigures>| figures.as_ref().map_or((0, 0), |f| (f.acked, f.booked));
    Ok(Figures {
        acked: sqlite.acked + of(&postgres).0 + listened.payments + grown_acked,
        booked: sqlite.booked + of(&postgres).1 + booked_for_phones + grown_booked,
        machine,
        fsync,
        sqlite,
        postgres,
        growth,
        listened,
    })
}

async fn engine(command: &Bench, folder: &Folder, place: Place<'_>) -> Result<EngineFigures, AppError> {
    let book = BenchBook::make(place.clone()).await?;
    let settled = settle(command, &book).await;
    // Whatever came of it, the book goes.
    book.close().await?;
    let (levels, booked) = settled?;
    let acked: u64 = levels.values().flat_map(|level| level.settled.values()).map(|measured| measured.acked).sum();
    // A book of its own: what it takes on disk is divided by what it holds.
    let book = BenchBook::make(place).await?;
    let taken = bulk(command, &book, folder).await;
    book.close().await?;
    let (bulk, bytes, booked_in_bulk) = taken?;
    Ok(EngineFigures { levels, bytes, acked: acked + bulk.acked, booked: booked + booked_in_bulk, bulk })
}

async fn settle(command: &Bench, book: &BenchBook) -> Result<(BTreeMap<usize, Level>, u64), AppError> {
    let levels = settle::measure(book, &command.connections(), command.pace(), progress).await?;
    Ok((levels, book.booked().await?))
}

async fn bulk(command: &Bench, book: &BenchBook, folder: &Folder) -> Result<(Bulk, Bytes, u64), AppError> {
    let empty = book.bytes().await?;
    progress(&format!("{} · bulk", book.app.engine()));
    let count = command.bulk.unwrap_or(if command.quick { 20_000 } else { 200_000 });
    let (bulk, bytes) = bulk::measure(book, folder, count).await?;
    let bytes =
        Bytes { journal: bytes.journal.saturating_sub(empty.journal), inbox: bytes.inbox.saturating_sub(empty.inbox) };
    Ok((bulk, bytes, book.booked().await?))
}

async fn listen(command: &Bench, folder: &Folder) -> Result<(Listened, u64), AppError> {
    progress(&format!("sqlite · {} phones", command.phones));
    let payments = command.requests.map_or(HEARD, |requests| requests.min(HEARD));
    let book = BenchBook::make(Place::Sqlite(folder)).await?;
    let listened = listening::measure(&book, command.phones, payments).await;
    let booked = book.booked().await;
    book.close().await?;
    Ok((listened?, booked?))
}

async fn grow(command: &Bench, folder: &Folder) -> Result<(Vec<AtSize>, u64, u64), AppError> {
    let default: &[u64] = match (command.quick, command.large) {
        (true, _) => &[10_000],
        (false, false) => &[10_000, 1_000_000],
        (false, true) => &[10_000, 1_000_000, 10_000_000],
    };
    let sizes = if command.sizes.is_empty() { default.to_vec() } else { command.sizes.clone() };
    let book = BenchBook::make(Place::Sqlite(folder)).await?;
    let grown = growth::measure(&book, &sizes, |size| progress(&format!("sqlite · {size} postings"))).await;
    let booked = book.booked().await;
    book.close().await?;
    let (figures, acked) = grown?;
    Ok((figures, acked, booked?))
}

impl Bench {
    fn connections(&self) -> Vec<usize> {
        let default: &[u16] = if self.quick { &[64, 256] } else { &[1, 16, 64, 256] };
        let chosen = if self.connections.is_empty() { default } else { &self.connections };
        chosen.iter().map(|connections| usize::from(*connections)).collect()
    }

    fn pace(&self) -> Pace {
        let seconds = self.seconds.unwrap_or(if self.quick { 2 } else { 5 });
        Pace {
            // The first slice of each load is short: it only learns the rate.
            rounds: if self.requests.is_some() { 1 } else { seconds + 1 },
            slice: SLICE,
            count: self.requests,
            place: self.client,
        }
    }
}

/// Not the folder for temporary files, which may lie in memory: there nothing is durable.
fn default_folder() -> PathBuf {
    let lasting = PathBuf::from("/var/tmp");
    if lasting.is_dir() { lasting } else { std::env::temp_dir() }
}

/// Says on standard error what begins: a run takes minutes, and whoever waits wants to know for what.
fn progress(what: &str) {
    to_stderr(&format!("bench: {what}\n"));
}
