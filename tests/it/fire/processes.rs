//! Several processes on one book: the fence holds, whoever is killed, paused or late.
//!
//! Each process runs with a clock of its own, so that `batches.recorded_at` tells who wrote what.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use super::audit::{Reader, audit};
use super::disks::works;
use super::load::Load;
use super::site::{MARKETS, Server, Site};
use super::{dice, on_both, skipped, times, wait};

const CLOCKS: [&str; 3] = ["2026-11-24T08:20:00+07:00", "2026-11-24T08:20:01+07:00", "2026-11-24T08:20:02+07:00"];

/// Batches of other processes that wait at a fence.
const WAITING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
    AND wait_event_type = 'Lock' AND query LIKE 'UPDATE market_head%'";

fn addresses(servers: &[Server]) -> Vec<&str> {
    servers.iter().map(|server| server.ingest.as_str()).collect()
}

/// How often another process wrote than the one before, in the order of the journal.
fn handovers(site: &Site) -> i64 {
    const SQL: &str = "SELECT COUNT(*) FROM batches a JOIN batches b ON b.market_id = a.market_id \
        AND b.batch_no = a.batch_no + 1 WHERE a.recorded_at <> b.recorded_at";
    wait(async { Reader::open(&site.url).await.int(SQL).await })
}

on_both!(three_processes_on_one_book_keep_one_journal_while_they_are_killed_in_turn, |site| {
    let mut rng = dice(&site.name);
    site.found();
    let mut servers: Vec<Server> = CLOCKS.iter().map(|clock| site.serve_at(clock)).collect();
    let load = Load::start(12, "p", &mut rng);
    load.point(&addresses(&servers));
    load.flow(50);
    for _ in 0..times(6) {
        let (victim, since) = (rng.usize(..servers.len()), handovers(site));
        load.flow(rng.u64(1..60));
        servers.remove(victim).kill();
        load.point(&addresses(&servers));
        load.flow(20);
        servers.insert(victim, site.serve_at(CLOCKS[victim]));
        load.point(&addresses(&servers));
        load.until("several processes taking turns", || handovers(site) > since + 5);
        audit(site, &load.sent);
    }
    let broken = load.sent.broken();
    let sent = load.stop();
    drop(servers);
    let seen = audit(site, &sent);
    eprintln!("{}: {} booked, {} handovers, {broken} requests broken", site.name, seen.booked, handovers(site));
    assert!(broken > 0, "no sender noticed that its server was killed");
});

on_both!(a_paused_process_wakes_late_and_cannot_write_over_its_successor, |site| {
    let mut rng = dice(&site.name);
    site.found();
    let named = if site.is_sqlite() { site.url.clone() } else { format!("{}?application_name=paused", site.url) };
    let (paused, successor) = (site.spawn(&[], &named, CLOCKS[0]).ready().unwrap(), site.serve_at(CLOCKS[1]));
    let mut reader = wait(Reader::open(&site.url));
    let load = Load::start(8, "s", &mut rng);
    let (mut before, mut holding, mut waited, mut tries) = (0, 0, 0, 0);
    for round in 0..times(6) {
        load.point(&[&paused.ingest, &successor.ingest]);
        load.flow(rng.u64(5..40));
        std::thread::sleep(Duration::from_micros(rng.u64(..5_000)));
        paused.signal("STOP");
        // Again until it sleeps where it could do harm; now before its fence, now behind it.
        let place = if round % 3 == 0 { Sleep::HoldingTheFence } else { Sleep::BeforeTheFence };
        let mut sleep = Sleep::Outside;
        while !site.is_sqlite() && sleep != place {
            paused.signal("CONT");
            std::thread::sleep(Duration::from_micros(rng.u64(..5_000)));
            paused.signal("STOP");
            sleep = sleep_of(&mut reader);
            if sleep == place {
                // Not when the server had still to take in what it was sent before the pause.
                std::thread::sleep(Duration::from_millis(50));
                sleep = sleep_of(&mut reader);
            }
            tries += 1;
            assert!(tries < 1_000, "the process is never caught where it could do harm");
        }
        before += usize::from(sleep == Sleep::BeforeTheFence);
        holding += usize::from(sleep == Sleep::HoldingTheFence);
        load.point(&[&successor.ingest]);
        let (acked, unavailable) = (load.sent.acked(), load.sent.unavailable());
        let mut behind = false;
        if site.is_sqlite() {
            // Whoever sleeps with the file's write lock keeps it: its successor says so and waits.
            load.until("booked, or told to wait", || {
                load.sent.acked() > acked + 20 || load.sent.unavailable() > unavailable
            });
        } else {
            let booked = MARKETS.map(|(market, _)| load.sent.acked_in(market));
            load.until("the successor going on in every market", || {
                // A fast server frees the fence before anybody has to be told 503.
                behind = behind || sleep == Sleep::HoldingTheFence && wait(reader.int(WAITING)) > 0;
                MARKETS.iter().zip(booked).all(|((market, _), booked)| load.sent.acked_in(market) > booked + 10)
            });
        }
        waited += usize::from(behind || load.sent.unavailable() > unavailable);
        paused.signal("CONT");
        load.flow(20);
        audit(site, &load.sent);
    }
    load.point(&[&paused.ingest]);
    load.flow(20);
    let sent = load.stop();
    audit(site, &sent);
    eprintln!("{}: asleep {before} times before a fence, {holding} behind one; {waited} made others wait", site.name);
    assert!(site.is_sqlite() || waited > 0, "a fence that was held kept nobody waiting");
    assert!(handovers(site) > 5, "only one of the two ever wrote");
});

/// How a paused process sleeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sleep {
    /// Outside of any transaction.
    Outside,
    /// In a transaction that has read, and has not passed the fence.
    BeforeTheFence,
    /// In a transaction that has passed a fence, and holds it locked.
    HoldingTheFence,
}

/// Looks how the process sleeps that calls itself `paused`.
fn sleep_of(reader: &mut Reader) -> Sleep {
    // Whoever changed a row has a transaction's number; one that came to a fence and lost it has none.
    const SQL: &str = "SELECT CAST(COALESCE(MAX(CASE WHEN a.backend_xid IS NULL THEN 0 ELSE 1 END), -1) AS BIGINT) \
        FROM pg_stat_activity a WHERE a.datname = current_database() AND a.state = 'idle in transaction' \
        AND a.application_name = 'paused'";
    // The server may be answering it still.
    std::thread::sleep(Duration::from_millis(5));
    match wait(reader.int(SQL)) {
        -1 => Sleep::Outside,
        0 => Sleep::BeforeTheFence,
        _ => Sleep::HoldingTheFence,
    }
}

/// The race itself, without chance: batches wait at the fence while another process closes the day.
/// They were judged for a date that is closed when they get through: they must be judged again.
#[test]
fn a_batch_that_waited_at_the_fence_while_the_day_was_closed_is_judged_again() {
    let Some(site) = Site::postgres("fence") else { return };
    let mut rng = dice(&site.name);
    site.found();
    let server = site.serve();
    let load = Load::start(8, "f", &mut rng);
    load.point(&[&server.ingest]);
    for date in ["2026-11-25", "2026-11-26", "2026-11-27"] {
        load.flow(10);
        wait(close_under_a_waiting_batch(&site, date));
    }
    load.flow(10);
    let sent = load.stop();
    // These closes left no seal behind, and verify would miss it.
    let unsealed = "UPDATE market_head SET open_date = '1970-01-01' WHERE market_id > 0";
    wait(async { Reader::open(&site.url).await.execute(unsealed).await }).unwrap();
    audit(&site, &sent);
}

/// Holds every market's fence until a batch waits for one, opens another date behind its back as a
/// close would, and lets go.
async fn close_under_a_waiting_batch(site: &Site, open_date: &str) {
    const LATE: &str = "SELECT COUNT(*) FROM postings WHERE late = 1";
    let mut holder = Reader::open(&site.url).await;
    let mut looker = Reader::open(&site.url).await;
    let late_before = looker.int(LATE).await;
    holder.execute("BEGIN").await.unwrap();
    holder.execute("SELECT 1 FROM market_head ORDER BY market_id FOR UPDATE").await.unwrap();
    let since = Instant::now();
    while looker.int(WAITING).await == 0 {
        assert!(since.elapsed() < Duration::from_secs(4), "nobody came to the fence");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let close = format!("UPDATE market_head SET version = version + 1, open_date = '{open_date}' WHERE market_id > 0");
    holder.execute(&close).await.unwrap();
    let closed = "CREATE TEMPORARY TABLE closed AS SELECT market_id, last_batch FROM market_head";
    holder.execute(closed).await.unwrap();
    holder.execute("COMMIT").await.unwrap();
    let since = Instant::now();
    // Not any batch: one that came back may hold nothing but what is known already.
    while looker.int(LATE).await == late_before {
        assert!(since.elapsed() < Duration::from_secs(20), "nothing came late: what lost the fence never came back");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let slipped = format!(
        "SELECT COUNT(*) FROM postings p JOIN closed c ON c.market_id = p.market_id \
         WHERE p.batch_no > c.last_batch AND p.business_date < '{open_date}'"
    );
    assert_eq!(holder.int(&slipped).await, 0, "postings slipped into a closed date");
    holder.execute("DROP TABLE closed").await.unwrap();
}

on_both!(a_process_out_of_file_handles_loses_nothing_and_comes_back, |site| {
    let mut rng = dice(&site.name);
    site.found();
    if !works(Command::new("prlimit").arg("-V")) {
        return skipped(&site.name, "prlimit is not installed (package util-linux)");
    }
    let mut server = site.spawn(&["prlimit", "--nofile=56"], &site.url, CLOCKS[0]).ready().unwrap();
    let load = Load::start(4, "n", &mut rng);
    load.point(&[&server.ingest]);
    for _ in 0..times(2) {
        load.flow(20);
        let crowd: Vec<_> = (0..100).map(|_| TcpStream::connect(&server.ingest).unwrap()).collect();
        // The crowd has taken every handle when the newest of it is not even read from.
        let mut last = crowd.last().unwrap();
        last.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        last.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        assert!(last.read(&mut [0; 16]).is_err(), "there were handles for everybody");
        drop(crowd);
        load.flow(20);
        audit(site, &load.sent);
    }
    let sent = load.stop();
    assert!(server.ended().is_none(), "the process gave up: {}", site.log());
    audit(site, &sent);
});
