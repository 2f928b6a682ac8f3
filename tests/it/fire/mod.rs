//! The ledger under fire: processes killed, databases cut off, disks full and failing, senders that
//! repeat themselves; and after each fault the same questions, put with plain SQL by [`audit`]: is
//! every acknowledged settlement in the journal exactly once, is nothing half-written, does every
//! derived figure still follow from the journal, does `socho verify` agree.
//!
//! | file | what is broken | what must hold |
//! |---|---|---|
//! | `kill` | the serving process, by SIGKILL, at random moments and during start | acked = booked, verify clean |
//! | `each_call` | the serving process, before each system call of one posting | the same |
//! | `database_faults` | PostgreSQL: sessions ended, server stopped, network cut, late or silent, locks held, no connection left | 503, then recovery without a person |
//! | `disk_faults` | SQLite: full disk, failing writes and syncs, a lock held, a copy made mid-write | no ack without durability |
//! | `power_cut` | the machine: XFS shut down mid-writing | nothing acked is lost, and with `NORMAL` something is |
//! | `processes` | several processes on one book, killed, paused, out of file handles | the fence holds |
//! | `delivery` | senders: a thousand copies, shuffled, days late, two providers; clocks set | one posting, one answer |
//! | `oracle` | nothing: random commands, and bursts in one batch, against a `model` of plain maps | the same outcomes, rows and figures on both engines |
//! | `chain` | one column after the other, by who owns the database | the hash gives it away |
//!
//! `site` places books and runs processes, `load` sends, `audit` asks; `postgres`, `proxy` and
//! `disks` are a server, a network and disks of the tests' own.
//!
//! `SOCHO_FIRE` multiplies the counts: 1 by default, for every build; 10 gives hundreds of kills
//! for each engine, 100 a night's. Every test prints its seed; `SOCHO_SEED` replays one.
//!
//! Every fault test also shows that it was not idle: settlements were being acknowledged when the
//! fault came, and the fault was felt. What needs root or a tool that is missing says "skipped".

mod audit;
mod chain;
mod database_faults;
mod delivery;
mod disk_faults;
mod disks;
mod each_call;
mod kill;
mod load;
mod model;
mod oracle;
mod postgres;
mod power_cut;
mod processes;
mod proxy;
mod site;

use std::sync::LazyLock;

use tokio::runtime::Runtime;

/// Tells one story, of threads and processes and not of tasks, on both engines.
macro_rules! on_both {
    ($(#[$meta:meta])* $name:ident, |$site:ident| $body:block) => {
        $(#[$meta])*
        mod $name {
            use super::*;

            fn tell($site: &$crate::fire::site::Site) $body

            #[test]
            fn sqlite() {
                tell(&$crate::fire::site::Site::sqlite(stringify!($name)));
            }

            #[test]
            fn postgres() {
                if let Some(site) = $crate::fire::site::Site::postgres(stringify!($name)) {
                    tell(&site);
                }
            }
        }
    };
}
pub(crate) use on_both;

/// How often a random experiment is repeated: `base`, or a multiple of it by `SOCHO_FIRE`.
pub(crate) fn times(base: usize) -> usize {
    let factor: usize = std::env::var("SOCHO_FIRE").ok().and_then(|factor| factor.parse().ok()).unwrap_or(1);
    base * factor.max(1)
}

/// Returns the dice of one test and prints how to throw them again.
pub(crate) fn dice(test: &str) -> fastrand::Rng {
    let seed = std::env::var("SOCHO_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("{test}: SOCHO_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// Says that a test could not run here, and why.
pub(crate) fn skipped(test: &str, why: &str) {
    eprintln!("skipped: {test}: {why}");
}

/// Waits for a future where a test is made of threads. One runtime for all, so that a connection
/// opened in one call may be used in the next.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
    RUNTIME.block_on(future)
}
