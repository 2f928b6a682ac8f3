//! `kill -9` of the serving process at random moments, under load and while it starts.

use std::time::{Duration, Instant};

use super::audit::audit;
use super::load::Load;
use super::site::Site;
use super::{dice, on_both, times};
use crate::world::NOON;

/// Kills of one book; then a new one, so that verifying does not grow longer and longer.
const KILLS_A_BOOK: usize = 12;

on_both!(a_killed_process_loses_nothing_acked_and_leaves_nothing_half_written, |site| {
    let mut rng = dice(&site.name);
    let (mut kills, mut under_way, mut unanswered, mut slowest) = (0, 0, 0, Duration::ZERO);
    for book in 0..times(3) {
        let site = &another_book(site, book);
        site.found();
        let load = Load::start(8, "k", &mut rng);
        for _ in 0..KILLS_A_BOOK {
            // One in four does not live to listen: it is killed while it opens and migrates.
            if rng.u8(..4) == 0 {
                let starting = site.spawn(&[], &site.url, NOON);
                std::thread::sleep(Duration::from_micros(rng.u64(..60_000)));
                starting.kill();
            }
            let since = Instant::now();
            let server = site.serve();
            slowest = slowest.max(since.elapsed());
            load.point(&[&server.ingest]);
            load.flow(rng.u64(1..60));
            std::thread::sleep(Duration::from_micros(rng.u64(..20_000)));
            under_way += usize::from(load.sent.in_flight() > 0);
            server.kill();
            load.point(&[]);
            kills += 1;
            unanswered += audit(site, &load.sent).unanswered;
        }
        let server = site.serve();
        load.point(&[&server.ingest]);
        load.flow(20);
        let broken = load.sent.broken();
        let sent = load.stop();
        server.kill();
        let seen = audit(site, &sent);
        assert!(broken > 0, "no sender noticed that its server was killed");
        eprintln!("{}: book {book}: {} booked, {broken} requests broken", site.name, seen.booked);
    }
    eprintln!(
        "{}: {kills} kills, {under_way} with requests under way, {unanswered} bookings whose answer was lost, \
         slowest start {slowest:?}",
        site.name
    );
    assert!(unanswered > 0, "no kill came between COMMIT and answer");
    assert!(under_way * 2 > kills, "most kills must meet requests under way: {under_way} of {kills}");
});

fn another_book(site: &Site, number: usize) -> Site {
    let name = format!("{}#{number}", site.name);
    if site.is_sqlite() { Site::sqlite(&name) } else { Site::postgres(&name).unwrap() }
}
