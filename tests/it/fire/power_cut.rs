//! The power is cut: XFS on a loop device is shut down mid-writing without its log, then mounted
//! again. Whatever the disk was not made to keep is gone, as it is on a machine without power.

use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Executor as _, Row as _};

use super::audit::audit_of;
use super::disks::Disk;
use super::load::Load;
use super::site::Site;
use super::{dice, times, wait};

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    let Some(disk) = Disk::xfs("power cut") else { return };
    let site = Site::sqlite_in("power cut", &disk.path);
    let mut rng = dice(&site.name);
    site.found();
    let mut sent = None;
    for cut in 0..times(5) {
        let server = site.serve();
        let load = Load::carry_on(sent.take().unwrap_or_default(), 8, &format!("x{cut}"), &mut rng);
        load.point(&[&server.ingest]);
        load.flow(rng.u64(10..80));
        std::thread::sleep(Duration::from_micros(rng.u64(..20_000)));
        let (before, under_way) = (load.sent.unavailable() + load.sent.broken(), load.sent.in_flight());
        // What is owed: a machine without power acknowledges nothing, while this kernel may still call
        // a sync done that meets the cut half-way.
        let owed = load.sent.snapshot();
        disk.cut();
        load.until("a sender that notices", || load.sent.unavailable() + load.sent.broken() > before);
        load.point(&[]);
        server.kill();
        let all = load.stop();
        disk.restore();
        let seen = audit_of(&site, &owed, &all);
        let meanwhile = all.forget_acks_after(&owed);
        eprintln!(
            "{}: cut {cut} with {under_way} under way: {} booked, none lost; {meanwhile} acked while it went",
            site.name, seen.booked
        );
        assert!(under_way > 0, "nothing was under way when the power went");
        sent = Some(all);
    }
}

/// The negative control: the same cut takes what `synchronous=NORMAL` acknowledged. It shows that
/// the test above could fail. The product has no way to be opened so; these are rows of the test's
/// own, committed one by one through the same driver in the same journal mode.
#[test]
fn the_same_power_cut_takes_what_was_only_written_and_not_synced() {
    let Some(disk) = Disk::xfs("power cut, NORMAL") else { return };
    let mut lost = 0;
    for cut in 0..6 {
        let file = disk.path.join(format!("normal-{cut}.db"));
        let options = |synchronous| {
            let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
            options.journal_mode(SqliteJournalMode::Wal).synchronous(synchronous)
        };
        let acked = wait(async {
            let mut book = options(SqliteSynchronous::Normal).connect().await.unwrap();
            book.execute("CREATE TABLE acked (n INTEGER PRIMARY KEY, bytes BLOB)").await.unwrap();
            let (mut acked, since) = (0_i64, Instant::now());
            while since.elapsed() < Duration::from_millis(700) {
                book.execute("INSERT INTO acked (bytes) VALUES (randomblob(300))").await.unwrap();
                acked += 1;
            }
            disk.cut();
            acked
        });
        disk.restore();
        let found = wait(async {
            let mut book = options(SqliteSynchronous::Full).connect().await.unwrap();
            let table = book.fetch_one("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'acked'").await.unwrap();
            if table.get::<i64, _>(0) == 0 {
                return 0;
            }
            book.fetch_one("SELECT COUNT(*) FROM acked").await.unwrap().get::<i64, _>(0)
        });
        eprintln!("power cut, NORMAL: {acked} acked, {found} found");
        lost += acked - found;
        if lost > 0 {
            break;
        }
    }
    assert!(lost > 0, "six power cuts took nothing: the cut cuts nothing, and the test beside this one shows nothing");
}
