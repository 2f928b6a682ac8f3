//! SQLite's disk fails: it fills up, writes and syncs fail, another process holds the file. Never an
//! acknowledgement without durability; reading goes on; writing comes back.

use std::process::Command;
use std::time::{Duration, Instant};

use super::audit::{Reader, audit, audit_of};
use super::disks::{Disk, size, works};
use super::load::{Line, Load};
use super::site::{BINARY, Server, Site};
use super::{dice, skipped, times, wait};
use crate::world::NOON;

/// Reads the journal through the door, as a page would.
fn is_read(server: &Server) -> bool {
    let answer = Line::open(&server.everything).unwrap().get("/v1/markets/TAN/postings").unwrap();
    answer.status == 200 && answer.body.contains("TAN-1")
}

#[test]
fn a_full_disk_refuses_money_shows_what_it_has_and_goes_on_when_there_is_room() {
    // Room for the log of all rounds: under load it is never folded in before it has 128 MiB.
    let Some(disk) = Disk::small("full disk", 24 * times(1)) else { return };
    let site = Site::sqlite_in("full disk", &disk.path);
    let mut rng = dice(&site.name);
    site.found();
    let mut server = site.serve();
    let load = Load::start(8, "f", &mut rng);
    load.point(&[&server.ingest]);
    for _ in 0..times(3) {
        load.flow(rng.u64(10..60));
        let refused = load.sent.unavailable();
        let ballast = disk.fill();
        load.until("503 while the disk is full", || load.sent.unavailable() > refused + 20);
        assert!(is_read(&server), "what is written can be read on a full disk");
        std::fs::remove_file(ballast).unwrap();
        load.flow(20);
        audit(&site, &load.sent);
    }
    let sent = load.stop();
    assert!(server.ended().is_none(), "the process gave up: {}", site.log());
    server.kill();
    let seen = audit(&site, &sent);
    eprintln!("{}: {} booked, {} answers 503", site.name, seen.booked, sent.unavailable());
}

/// Runs the command beside the serving process; its exit code and everything it said.
fn command(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(BINARY);
    let output = command.args(arguments).env_remove("SOCHO_LANG").env_remove("SOCHO_DB").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_full_disk_leaves_a_close_undone_and_a_backup_unmade_and_says_so() {
    let Some(disk) = Disk::small("full disk, close", 24) else { return };
    let site = Site::sqlite_in("full disk, close", &disk.path);
    let mut rng = dice(&site.name);
    site.found();
    let keys = site.folder.join("keys").display().to_string();
    let (code, said) = command(&["key", "init", "--db", &site.url, "--market", "TAN", "--keys", &keys]);
    assert_eq!(code, 0, "{said}");
    let server = site.serve();
    let load = Load::start(4, "z", &mut rng);
    load.point(&[&server.ingest]);
    load.flow(40);
    let sent = load.stop();
    let ballast = disk.fill();
    let close = ["close", "--db", &site.url, "--market", "TAN", "--date", "2026-11-24", "--yes", "--keys", &keys];
    let (code, said) = command(&close);
    assert!(code == 4 && said.contains("disk that holds the book is full"), "{code} {said}");
    let copy = disk.path.join("copy.db").display().to_string();
    let backup = ["backup", "--db", &site.url, "--to", &copy];
    let (code, said) = command(&backup);
    assert!(code == 4 && said.contains("there is no backup") && said.contains(&copy), "{code} {said}");
    let left = std::fs::read_dir(&disk.path).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("copy")).collect();
    assert!(left.is_empty(), "{left:?} was left behind");
    assert!(is_read(&server), "what is written can be read on a full disk");
    std::fs::remove_file(ballast).unwrap();
    audit(&site, &sent);
    for again in [&close[..], &backup[..]] {
        let (code, said) = command(again);
        assert_eq!(code, 0, "{said}");
    }
    assert_eq!(command(&["verify", "--db", &format!("sqlite:{copy}")]).0, 0);
    server.kill();
    site.verify().unwrap();
}

#[test]
fn a_small_disk_is_filled_by_the_book_and_never_by_its_log() {
    let Some(disk) = Disk::small("own log", 16) else { return };
    let site = Site::sqlite_in("own log", &disk.path);
    let mut rng = dice(&site.name);
    site.found();
    let server = site.serve();
    let load = Load::start(8, "l", &mut rng);
    load.point(&[&server.ingest]);
    let (book, log) = (disk.path.join("book.db"), disk.path.join("book.db-wal"));
    // At least 500 commits of sixteen pages: twice the disk, were the log only folded in at 128 MiB.
    for _ in 0..40 {
        load.flow(100);
    }
    let sent = load.stop();
    assert_eq!(sent.unavailable(), 0, "refused with room on the disk");
    server.kill();
    let seen = audit(&site, &sent);
    eprintln!("{}: {} booked, log {} beside {}", site.name, seen.booked, size(&log), size(&book));
}

/// What libfiu makes fail. SQLite syncs by one of the two, as it was built: never both, never none.
/// A write cut short is no failure: it is finished.
const FAULTS: [&str; 4] =
    ["posix/io/sync/fdatasync", "posix/io/sync/fsync", "posix/io/rw/pwrite", "posix/io/rw/pwrite/reduce"];
/// How likely each call fails, in turn: always, which outlasts the program's two attempts to open
/// the file anew, so that it must end; often; now and then.
const PROBABILITIES: [&str; 3] = ["1", "0.2", "0.02"];

#[test]
fn failing_writes_and_syncs_are_never_acknowledged() {
    if !works(Command::new("fiu-run").args(["-x", "true"])) {
        return skipped("failing writes", "fiu-run is not installed (package fiu-utils)");
    }
    let site = Site::sqlite("failing writes");
    let mut rng = dice(&site.name);
    site.found();
    let control = site.folder.join("fiu").display().to_string();
    let start = || site.spawn(&["fiu-run", "-x", "-f", &control], &site.url, NOON).ready();
    let mut server = start().unwrap_or_else(|| panic!("{}", site.log()));
    let load = Load::start(8, "i", &mut rng);
    let (mut ended, mut felt) = (0, [0_u64; FAULTS.len()]);
    for round in 0..times(3) * FAULTS.len() {
        let fault = FAULTS[round % FAULTS.len()];
        let order = |order: String| {
            let pid = server.pid().to_string();
            works(Command::new("fiu-ctrl").args(["-f", &control, "-c", &order, &pid]))
        };
        load.point(&[&server.ingest]);
        load.flow(rng.u64(5..30));
        let troubles = || load.sent.unavailable() + load.sent.broken();
        let before = troubles();
        let probability = PROBABILITIES[round / FAULTS.len() % PROBABILITIES.len()];
        assert!(order(format!("enable_random name={fault},probability={probability}")), "no fiu-ctrl");
        let always = probability == "1";
        std::thread::sleep(Duration::from_millis(if always { 400 } else { rng.u64(20..400) }));
        // A busy machine may not have written anything in that time.
        let since = Instant::now();
        while always && troubles() == before && since.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(20));
        }
        // A process that has ended takes no more orders.
        order(format!("disable name={fault}"));
        felt[round % FAULTS.len()] += troubles() - before;
        if !is_alive(&mut server, &load) {
            ended += 1;
            load.point(&[]);
            server.kill();
            server = start().unwrap_or_else(|| panic!("{}", site.log()));
        }
        load.point(&[&server.ingest]);
        load.flow(10);
        audit(&site, &load.sent);
    }
    let sent = load.stop();
    server.kill();
    let seen = audit(&site, &sent);
    eprintln!("{}: {} booked, troubles by fault {felt:?}, ended {ended} times", site.name, seen.booked);
    assert!(felt[0] + felt[1] > 0 && felt[2] > 0, "a fault was never felt: {felt:?}");
    assert!(ended > 0, "nothing could be written for good and the process went on as if it could");
}

/// Tells whether it still takes money within a while, or has ended meanwhile.
fn is_alive(server: &mut Server, load: &Load) -> bool {
    let goal = load.sent.acked() + 3;
    for _ in 0..3_000 {
        if load.sent.acked() >= goal {
            return true;
        }
        if server.ended().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{}: neither ended nor recovered: {}", server.ingest, load.figures());
}

#[test]
fn a_write_lock_held_by_another_process_ends_in_503_and_is_outlived() {
    let site = Site::sqlite("write lock");
    let mut rng = dice(&site.name);
    site.found();
    let server = site.serve();
    let load = Load::start(8, "w", &mut rng);
    load.point(&[&server.ingest]);
    load.flow(20);
    let refused = load.sent.unavailable();
    let mut holder = wait(Reader::open(&site.url));
    while wait(holder.execute("BEGIN IMMEDIATE")).is_err() {}
    let acked = load.sent.acked();
    load.until("503 while the lock is held", || load.sent.unavailable() > refused);
    // At most what was on its way to its senders when the lock was taken.
    assert!(load.sent.acked() <= acked + 8, "something was acknowledged past the lock");
    assert!(is_read(&server), "reading waits for no writer");
    wait(holder.execute("ROLLBACK")).unwrap();
    load.flow(20);
    let sent = load.stop();
    audit(&site, &sent);
}

#[test]
fn a_copy_made_mid_write_opens_and_holds_everything_acknowledged_before_it() {
    let site = Site::sqlite("copy");
    let mut rng = dice(&site.name);
    site.found();
    let server = site.serve();
    let load = Load::start(8, "c", &mut rng);
    load.point(&[&server.ingest]);
    for _ in 0..times(6) {
        load.flow(rng.u64(5..40));
        let copy = Site::sqlite("copy of");
        let (book, copied) = (site.folder.join("book.db"), copy.folder.join("book.db"));
        let log = (site.folder.join("book.db-wal"), copy.folder.join("book.db-wal"));
        // The file first: no checkpoint comes while money flows, so the log holds all that is newer.
        let known = load.sent.snapshot();
        std::fs::copy(book, copied).unwrap();
        std::fs::copy(&log.0, &log.1).unwrap();
        assert!(size(&log.1) > 0, "the log was empty: nothing was being written");
        load.flow(1);
        let seen = audit_of(&copy, &known, &load.sent);
        let all = wait(async { Reader::open(&site.url).await.int("SELECT COUNT(*) FROM postings").await });
        assert!(usize::try_from(all).unwrap() > seen.booked, "the copy was not made mid-write: nothing came after it");
    }
    let sent = load.stop();
    audit(&site, &sent);
}
