//! Storms of deliveries: a thousand copies at once, everything repeated, shuffled and days late,
//! two providers interleaved, clocks set back and forward.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use jiff::SignedDuration;
use serde_json::Value;
use socho::domain::inbox::Outcome;
use socho::domain::settlement::{BankRef, Dialect, EventId, Settlement};

use super::audit::{Reader, broken_properties};
use super::load::{Answer, Line, Payment, Sent};
use super::{dice, on_both, times, wait};
use crate::world::{NOON, World, settlement, story};

const CONNECTIONS: usize = 64;
const COPIES: usize = 16;

on_both!(a_thousand_copies_of_one_event_on_sixty_four_connections_make_one_posting, |site| {
    let mut rng = dice(&site.name);
    site.found();
    let server = site.serve();
    for event in 0..times(2) {
        let payment = Payment::random(format!("storm-{event}"), &mut rng);
        let (sent, start) = (Arc::new(Sent::default()), Arc::new(Barrier::new(CONNECTIONS)));
        let storm: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (payment, sent, start) = (payment.clone(), Arc::clone(&sent), Arc::clone(&start));
                let mut line = Line::open(&server.ingest).unwrap();
                std::thread::spawn(move || {
                    start.wait();
                    let told = |answer: Answer| {
                        assert!(sent.answered(&payment, &answer), "{} {}", answer.status, answer.body);
                        serde_json::from_str::<Value>(&answer.body).unwrap()["status"].as_str().unwrap().to_owned()
                    };
                    (0..COPIES).map(|_| told(payment.send(&mut line).unwrap())).collect::<Vec<String>>()
                })
            })
            .collect();
        let outcomes: Vec<String> = storm.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(sent.violations(), Vec::<String>::new());
        assert_eq!(outcomes.len(), CONNECTIONS * COPIES);
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == "recorded").count(), 1);
        let count = format!("SELECT COUNT(*) FROM postings WHERE amount = {}", payment.amount);
        assert_eq!(wait(async { Reader::open(&site.url).await.int(&count).await }), 1);
    }
    drop(server);
    wait(async {
        let mut reader = Reader::open(&site.url).await;
        assert_eq!(broken_properties(&mut reader).await, Vec::<String>::new());
    });
    site.verify().unwrap();
});

/// One true payment, as both providers report it.
fn reports(number: usize, rng: &mut fastrand::Rng) -> [(&'static str, Dialect, Settlement); 2] {
    let account = ACCOUNTS[number % ACCOUNTS.len()];
    let at = format!("2026-11-{:02}T{:02}:{:02}:00+07:00", rng.u8(21..=23), rng.u8(0..24), rng.u8(0..60));
    // Amounts differ, so that the payments are independent of each other in whatever order they come.
    let mut first =
        settlement(account, &format!("{}", 1_000 + number), 1_000 * (1 + i64::try_from(number).unwrap()), &at);
    first.reference = BankRef::normalise(&format!("FT2632{number:05}"));
    let second = Settlement { event_id: EventId::Given(format!("{}", 900_000 + number).into()), ..first.clone() };
    [("sepay", Dialect::SepayHmac, first), ("casso", Dialect::CassoV1, second)]
}

const ACCOUNTS: [&str; 3] = ["0071000888888", "0123456789", "0987654321"];
const PAYMENTS: usize = 30;

async fn two_providers(world: &World) {
    world.market("TAN", "04:00").await;
    for (stall, account) in ["A1", "A2", "A3"].iter().zip(ACCOUNTS) {
        world.stall("TAN", stall, &format!("Chị {stall}"), account).await;
    }
    world.source("sepay", Dialect::SepayHmac, &ACCOUNTS, None).await;
    world.source("casso", Dialect::CassoV1, &ACCOUNTS, None).await;
}

/// Everything that may not depend on the order in which reports came.
async fn figures(world: &World) -> Vec<(String, i64)> {
    const SQL: [&str; 4] = [
        "SELECT account || ' debits', debits FROM balances WHERE market_id = 1 ORDER BY 1",
        "SELECT account || ' credits', credits FROM balances WHERE market_id = 1 ORDER BY 1",
        "SELECT business_date || ' ' || CAST(stall_number AS TEXT) || ' ' || kind, amount FROM daily_totals \
         WHERE market_id = 1 ORDER BY 1",
        "SELECT business_date || ' ' || CAST(hour AS TEXT), amount FROM hourly_totals WHERE market_id = 1 ORDER BY 1",
    ];
    let mut reader = Reader::open(&world.url).await;
    let mut figures = Vec::new();
    for sql in SQL {
        figures.extend(reader.texts(sql).await);
    }
    assert_eq!(broken_properties(&mut reader).await, Vec::<String>::new());
    figures
}

story!(reports_of_two_providers_shuffled_repeated_and_days_late_give_the_same_figures, |world| {
    let mut rng = dice("two providers");
    let payments: Vec<_> = (0..PAYMENTS).map(|number| reports(number, &mut rng)).collect();
    let mut expected: Option<Vec<(String, i64)>> = None;
    for round in 0..times(3) {
        let world =
            if world.url.starts_with("sqlite") { World::sqlite().await } else { World::postgres().await.unwrap() };
        two_providers(&world).await;
        // Each report comes one to three times; the first order is the natural one, the others are shuffled.
        let mut deliveries: Vec<_> = payments.iter().flatten().flat_map(|r| vec![r; rng.usize(1..=3)]).collect();
        if round > 0 {
            rng.shuffle(&mut deliveries);
        }
        let mut recorded = 0;
        for (source, dialect, settlement) in deliveries {
            // Any time from the last payment on, forward and back: only the events' own times count.
            let late = SignedDuration::from_mins(rng.i64(0..5 * 24 * 60));
            world.clock.set("2026-11-24T00:20:00+07:00".parse::<jiff::Timestamp>().unwrap().checked_add(late).unwrap());
            let reply = world.send(source, *dialect, settlement).await;
            let outcome = reply.items[0].outcome;
            assert!([Outcome::Recorded, Outcome::Duplicate].contains(&outcome), "{settlement:?}: {reply:?}");
            recorded += usize::from(outcome == Outcome::Recorded);
        }
        assert_eq!(recorded, PAYMENTS);
        let figures = figures(&world).await;
        assert_eq!(*expected.get_or_insert_with(|| figures.clone()), figures, "round {round}");
        let found = world.app.verify(None).await.unwrap();
        assert!(found.iter().all(|market| market.differences.is_empty()), "{found:?}");
    }
});

story!(a_clock_set_back_and_forward_neither_loses_nor_doubles, |world| {
    let mut rng = dice("clock");
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", ACCOUNTS[0]).await;
    world.source("bank", Dialect::GenericHmac, &ACCOUNTS[..1], None).await;
    let noon: jiff::Timestamp = NOON.parse().unwrap();
    let days = [-400, -1, 0, 0, 1, 400];
    let (mut named, mut beyond) = (BTreeSet::new(), 0);
    for number in 0..times(60) {
        let now = noon.checked_add(SignedDuration::from_hours(24 * days[rng.usize(..days.len())])).unwrap();
        world.clock.set(now.checked_add(SignedDuration::from_secs(rng.i64(-3_600..3_600))).unwrap());
        // Half of them are events of our future, where the clock was set back: the claim is kept, the
        // time of recording takes its place, and the event is the same event when it comes again.
        let sent = settlement(ACCOUNTS[0], &format!("c{number}"), 1_000, NOON);
        beyond += i64::from(noon.duration_since(world.app.now()) > SignedDuration::from_mins(10));
        let first = world.send("bank", Dialect::GenericHmac, &sent).await;
        assert_eq!(first.items[0].outcome, Outcome::Recorded, "{first:?}");
        world.clock.set(noon.checked_add(SignedDuration::from_hours(rng.i64(-9_000..9_000))).unwrap());
        let again = world.send("bank", Dialect::GenericHmac, &sent).await;
        assert_eq!((again.items[0].outcome, &again.items[0].posting), (Outcome::Duplicate, &first.items[0].posting));
        named.insert(first.items[0].posting.clone().unwrap());
    }
    assert_eq!(named.len(), times(60));
    assert!(beyond > 0, "the clock was never behind an event");
    assert_eq!(
        world.int("SELECT COUNT(*) FROM inbox WHERE claimed_at IS NOT NULL AND outcome = 'recorded'").await,
        beyond
    );
    let mut reader = Reader::open(&world.url).await;
    assert_eq!(broken_properties(&mut reader).await, Vec::<String>::new());
});
