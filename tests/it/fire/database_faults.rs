//! PostgreSQL fails in every way it knows: the program answers 503 while it does, loses nothing it
//! acknowledged, and comes back without a person.

use std::sync::Arc;
use std::time::{Duration, Instant};

use socho::domain::inbox::Outcome;
use socho::domain::settlement::Dialect;

use super::audit::{Reader, audit};
use super::load::Load;
use super::postgres::PgServer;
use super::proxy::{Proxy, Weather};
use super::site::Site;
use super::{dice, times, wait};
use crate::world::{NOON, World, settlement};

#[test]
fn sessions_ended_amid_transactions_lose_nothing() {
    const END: &str = "SELECT COUNT(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL) ended";
    let Some(site) = Site::postgres("sessions ended") else { return };
    let mut rng = dice(&site.name);
    site.found();
    let server = site.serve();
    let load = Load::start(8, "t", &mut rng);
    load.point(&[&server.ingest]);
    load.flow(20);
    let mut ended = 0;
    for _ in 0..times(30) {
        load.flow(rng.u64(1..10));
        std::thread::sleep(Duration::from_micros(rng.u64(..10_000)));
        ended += wait(async { Reader::open(&site.url).await.int(END).await });
    }
    load.flow(20);
    let felt = load.sent.unavailable();
    let sent = load.stop();
    let seen = audit(&site, &sent);
    eprintln!("{}: {ended} transactions ended, {felt} answers 503, {} booked", site.name, seen.booked);
    assert!(ended > 10 && felt > 0, "{ended} transactions ended, {felt} answers 503");
}

#[test]
fn a_server_stopped_at_once_and_started_again_is_served_again() {
    let mut rng = dice("server stopped");
    let Some(server) = PgServer::start("server stopped", 100, &mut rng) else { return };
    let site = Site::postgres_at("server stopped", server.database("fire"));
    site.found();
    let socho = site.serve();
    let load = Load::start(8, "d", &mut rng);
    load.point(&[&socho.ingest]);
    for _ in 0..times(3) {
        load.flow(rng.u64(10..60));
        let refused = load.sent.unavailable();
        server.stop_at_once();
        load.until("503 while the server is away", || load.sent.unavailable() > refused + 8);
        let acked = load.sent.acked();
        std::thread::sleep(Duration::from_millis(rng.u64(..500)));
        assert_eq!(load.sent.acked(), acked, "something was acknowledged without a database");
        server.resume();
        load.flow(20);
        audit(&site, &load.sent);
    }
    let sent = load.stop();
    audit(&site, &sent);
}

/// A book behind a network of the test's own.
fn behind_proxy(test: &str) -> Option<(Site, Proxy, String)> {
    let site = Site::postgres(test)?;
    let (server, database) = site.url.rsplit_once('/').unwrap();
    let (login, port) = server.rsplit_once(':').unwrap();
    let proxy = Proxy::before(port.parse().unwrap());
    let url = format!("{login}:{}/{database}", proxy.port);
    site.found();
    Some((site, proxy, url))
}

#[test]
fn a_connection_cut_around_its_commit_is_looked_up_and_answered() {
    let Some((site, proxy, url)) = behind_proxy("commit cut") else { return };
    let mut rng = dice(&site.name);
    let server = site.spawn(&[], &url, NOON).ready().unwrap();
    let load = Load::start(8, "c", &mut rng);
    load.point(&[&server.ingest]);
    load.flow(20);
    for _ in 0..times(20) {
        load.flow(rng.u64(1..10));
        proxy.set(if rng.bool() { Weather::DropAnswer } else { Weather::DropCommit });
        load.until("a COMMIT to cut", || proxy.weather() == Weather::Fair);
    }
    load.flow(20);
    let (cuts, felt) = (proxy.cuts(), load.sent.unavailable());
    let sent = load.stop();
    let seen = audit(&site, &sent);
    eprintln!("{}: {cuts} cuts, {felt} answers 503, {} booked", site.name, seen.booked);
    assert_eq!(cuts, u64::try_from(times(20)).unwrap());
}

#[test]
fn a_network_that_holds_bytes_back_delivers_them_too_late_to_do_harm() {
    let Some((site, proxy, url)) = behind_proxy("network late") else { return };
    let mut rng = dice(&site.name);
    let (behind, direct) = (site.spawn(&[], &url, NOON).ready().unwrap(), site.serve());
    let load = Load::start(8, "l", &mut rng);
    for _ in 0..times(3) {
        load.point(&[&behind.ingest]);
        load.flow(rng.u64(5..30));
        let touched = proxy.touched();
        proxy.set(Weather::Late);
        load.until("bytes held back", || proxy.touched() > touched);
        // Another process takes over, whatever the first one left locked; then the late bytes arrive.
        load.point(&[&direct.ingest]);
        load.flow(30);
        proxy.set(Weather::Fair);
        load.point(&[&behind.ingest, &direct.ingest]);
        load.flow(30);
        audit(&site, &load.sent);
    }
    let sent = load.stop();
    audit(&site, &sent);
}

#[test]
fn a_network_gone_silent_is_given_up_and_found_again() {
    let Some((site, proxy, url)) = behind_proxy("network silent") else { return };
    let mut rng = dice(&site.name);
    let server = site.spawn(&[], &url, NOON).ready().unwrap();
    let load = Load::start(8, "n", &mut rng);
    load.point(&[&server.ingest]);
    for _ in 0..times(1) {
        load.flow(rng.u64(10..40));
        let (touched, refused) = (proxy.touched(), load.sent.unavailable());
        proxy.set(Weather::Silent);
        load.until("bytes swallowed", || proxy.touched() > touched);
        load.until("503 while the network is silent", || load.sent.unavailable() > refused + 8);
        proxy.set(Weather::Fair);
        load.flow(30);
        audit(&site, &load.sent);
    }
    let sent = load.stop();
    audit(&site, &sent);
}

#[test]
fn a_lock_held_by_another_session_ends_in_503_and_is_outlived() {
    let Some(site) = Site::postgres("lock held") else { return };
    let mut rng = dice(&site.name);
    site.found();
    let server = site.serve();
    let load = Load::start(8, "h", &mut rng);
    load.point(&[&server.ingest]);
    for lock in ["LOCK TABLE market_head IN EXCLUSIVE MODE", "LOCK TABLE postings IN ACCESS EXCLUSIVE MODE"] {
        load.flow(20);
        let refused = load.sent.unavailable();
        let mut holder = wait(Reader::open(&site.url));
        wait(holder.execute("BEGIN")).unwrap();
        wait(holder.execute(lock)).unwrap();
        let (acked, since) = (load.sent.acked(), Instant::now());
        load.until("503 while the lock is held", || load.sent.unavailable() > refused);
        eprintln!("{}: told to try again after {:?}", site.name, since.elapsed());
        // At most what was on its way to its senders when the lock was taken.
        assert!(load.sent.acked() <= acked + 8, "something was acknowledged past the lock");
        wait(holder.execute("ROLLBACK")).unwrap();
        load.flow(20);
    }
    let sent = load.stop();
    audit(&site, &sent);
}

#[test]
fn a_server_without_a_free_connection_is_waited_for() {
    const END: &str = "SELECT COUNT(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'hog') ended";
    let mut rng = dice("no connection left");
    let Some(server) = PgServer::start("no connection left", 20, &mut rng) else { return };
    let site = Site::postgres_at("no connection left", server.database("fire"));
    site.found();
    let socho = site.serve();
    let load = Load::start(8, "m", &mut rng);
    load.point(&[&socho.ingest]);
    load.flow(20);
    let mut refused = load.sent.unavailable();
    let hog = format!("{}?application_name=hog", site.url);
    let mut hogs = vec![wait(Reader::open(&hog))];
    let since = Instant::now();
    // The program's own connections are ended until none is left that it could take.
    while load.sent.unavailable() < refused + 20 {
        assert!(since.elapsed() < Duration::from_mins(1), "connections never ran out: {}", load.figures());
        let ended = wait(hogs[0].int(END));
        for _ in 0..ended.max(1) {
            hogs.extend(wait(Reader::try_open(&hog)));
        }
        if hogs.len() <= 10 {
            // Refused because its transaction was ended, not yet for want of a connection.
            refused = load.sent.unavailable();
        }
    }
    assert!(hogs.len() > 10, "only {} connections were taken", hogs.len());
    drop(hogs);
    load.flow(30);
    let sent = load.stop();
    audit(&site, &sent);
}

#[tokio::test]
async fn a_session_ended_while_its_market_rests_for_a_moment_is_noticed_by_nobody() {
    const END: &str = "SELECT COUNT(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()) ended";
    let Some(world) = World::postgres().await else { return };
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", "0071000888888").await;
    world.source("one", Dialect::GenericHmac, &[], Some("TAN")).await;
    for round in 0..5 {
        for id in [2 * round, 2 * round + 1] {
            let paid = settlement("0071000888888", &id.to_string(), 20_000, NOON);
            let reply = world.send("one", Dialect::GenericHmac, &paid).await;
            assert_eq!(reply.items[0].outcome, Outcome::Recorded, "{id}: {reply:?}");
        }
        assert!(world.int(END).await > 0, "no session to end");
    }
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 10);
}

/// Of the pool's connections only some may stay with lanes: more markets than connections are served.
#[tokio::test]
async fn more_busy_markets_than_connections_are_all_served() {
    const MARKETS: usize = 40;
    let Some(world) = World::postgres().await else { return };
    for market in 0..MARKETS {
        let (code, account) = (format!("M{market}"), format!("00710008{market:05}"));
        world.market(&code, "00:00").await;
        world.stall(&code, "A1", "Chị Ba", &account).await;
        world.source(&format!("s{market}"), Dialect::GenericHmac, &[], Some(&code)).await;
    }
    for round in 0..3 {
        let sent = (0..MARKETS).map(|market| {
            let (app, account) = (Arc::clone(&world.app), format!("00710008{market:05}"));
            tokio::spawn(async move {
                let paid = settlement(&account, &format!("{round}"), 20_000, NOON);
                crate::world::send(&app, &format!("s{market}"), Dialect::GenericHmac, &paid).await
            })
        });
        for sent in sent.collect::<Vec<_>>() {
            let reply = sent.await.unwrap();
            assert_eq!(reply.items[0].outcome, Outcome::Recorded, "{round}: {reply:?}");
        }
    }
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 120);
}
