//! The delivery log whichever process heard a request and whichever is asked: two on one book, a restart,
//! age, a flood; and a delivery that touched several markets.

use std::sync::Arc;

use serde_json::Value;
use socho::app::App;
use socho::app::access::Actor;
use socho::app::deliveries::steps;
use socho::app::delivery_log::Heard;
use socho::app::receive_settlement::Inbound;
use socho::domain::inbox::Outcome;
use socho::domain::settlement::Dialect;

use crate::world::{World, inbound, settlement, story};

const ACCOUNT: &str = "0071000888888";
const HERE: &str = "https://cho.example";

async fn a_book(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.source("bank", Dialect::GenericHmac, &[], Some("TAN")).await;
}

fn sale(world: &World, id: &str) -> Inbound {
    let sold = settlement(ACCOUNT, id, 35_000, "2026-11-24T08:00:00+07:00");
    inbound(world.app.now(), "bank", Dialect::GenericHmac, &sold)
}

async fn log(app: &App, source: &str) -> Vec<Arc<Heard>> {
    app.deliveries(&Actor::operator(), &source.parse().unwrap(), None).await.unwrap()
}

fn told(log: &[Arc<Heard>]) -> Vec<(String, &'static str)> {
    log.iter().map(|heard| (heard.id.to_string(), heard.outcome())).collect()
}

story!(every_process_on_a_book_tells_of_every_request_and_so_does_one_that_was_restarted, |world| {
    a_book(&world).await;
    let other = world.second().await;
    let name = "bank".parse().unwrap();
    let good = sale(&world, "a");
    world.app.receive_settlement(Inbound { address: "203.0.113.7".parse().ok(), ..good.clone() }).await.unwrap();
    world.set_clock("2026-11-24T08:20:01+07:00");
    let mut changed = good.clone();
    changed.body.push(b'\n');
    other.receive_settlement(changed.clone()).await.unwrap();
    world.set_clock("2026-11-24T08:20:02+07:00");
    other.receive_settlement(sale(&world, "b")).await.unwrap();
    for app in [&world.app, &other] {
        app.write_heard().await.unwrap();
        // A second writing adds nothing.
        app.write_heard().await.unwrap();
    }
    let here = log(&world.app, "bank").await;
    let outcomes: Vec<&str> = here.iter().map(|heard| heard.outcome()).collect();
    assert_eq!(outcomes, ["recorded", "unauthenticated", "recorded"]);
    assert_eq!(told(&here), told(&log(&other, "bank").await));
    assert_eq!(here[2].address, "203.0.113.7".parse().ok());

    // What the other refused is shown here step by step, with its cause and its body.
    let refused = world.app.delivery(&Actor::operator(), &name, here[1].id, HERE).await.unwrap();
    assert_eq!(refused.body.as_deref(), Some(changed.body.as_slice()));
    let evidence = refused.heard.evidence.as_ref().unwrap();
    assert_eq!(evidence.cause.as_ref().unwrap().cause, "body_changed");
    assert!(evidence.headers.iter().any(|(name, _)| name == "x-signature"), "{evidence:?}");
    assert_eq!(steps(&refused.heard).iter().filter(|step| step.passed.as_str() == "failed").count(), 1);
    // What this one took is judged again by the other, and this one tells who had that done.
    let (again, reply) = other.replay_delivery(&Actor::operator(), &name, here[2].id).await.unwrap();
    assert_eq!(reply.items[0].outcome, Outcome::Duplicate);
    other.write_heard().await.unwrap();
    let newest = log(&world.app, "bank").await.remove(0);
    assert_eq!((newest.id, newest.replays.as_ref().unwrap().0), (again, here[2].id));
    // Conformance is read off the same log.
    let mended = world.app.fulfilled(&Actor::operator(), &name).await.unwrap();
    assert!(mended.iter().any(|one| one.name == "repeated"), "{mended:?}");

    let before = told(&log(&world.app, "bank").await);
    other.close().await;
    world.app.close().await;
    let restarted = world.second().await;
    assert_eq!(told(&log(&restarted, "bank").await), before);
    assert_eq!(restarted.delivery(&Actor::operator(), &name, here[2].id, HERE).await.unwrap().body, Some(good.body));
    // After a week nobody is told any more, and a purge leaves nothing of it.
    world.set_clock("2026-12-02T08:20:00+07:00");
    assert!(log(&restarted, "bank").await.is_empty());
    restarted.purge_texts(None, "2026-09-01".parse().unwrap(), "op", false).await.unwrap();
    assert_eq!(world.int("SELECT COUNT(*) FROM heard_requests").await, 0);
    let findings = restarted.verify(None).await.unwrap();
    assert!(findings.iter().all(|found| found.differences.is_empty()), "{findings:?}");
});

story!(requests_are_written_down_without_anybody_asking_and_a_flood_stays_within_its_room, |world| {
    a_book(&world).await;
    let other = world.second().await;
    // The second comes while the writer rests from the first.
    for (id, known) in [("a", 1), ("c", 2)] {
        world.app.receive_settlement(sale(&world, id)).await.unwrap();
        while log(&other, "bank").await.len() < known {
            tokio::task::yield_now().await;
        }
    }

    let mut forged = sale(&world, "b");
    forged.headers = vec![("X-Signature".to_owned(), b"sha256=00".to_vec())];
    forged.body = vec![b'x'; 16 << 10];
    for second in 10..50 {
        world.set_clock(&format!("2026-11-24T08:20:{second}+07:00"));
        for _ in 0..12 {
            world.app.receive_settlement(forged.clone()).await.unwrap();
        }
        world.app.write_heard().await.unwrap();
    }
    assert!(world.int("SELECT COUNT(*) FROM heard_requests WHERE taken = 0").await <= 200);
    assert!(world.int("SELECT CAST(SUM(LENGTH(body)) AS BIGINT) FROM heard_requests").await <= 512 << 10);
    assert_eq!(world.int("SELECT COUNT(*) FROM heard_requests WHERE taken = 1").await, 2);
    let listed = log(&other, "bank").await;
    assert_eq!(listed[0].at.to_string(), "2026-11-24T01:20:49Z", "the newest is there");
    assert_eq!(listed.iter().filter(|heard| heard.is_taken()).count(), 2);
});

story!(a_delivery_for_several_markets_is_shown_whole_and_judged_again_whole, |world| {
    a_book(&world).await;
    world.market("CKH", "00:00").await;
    world.stall("CKH", "C1", "Anh Năm", "0555").await;
    world.source("city", Dialect::CassoV1, &[ACCOUNT, "0555", "0666"], None).await;
    let body = r#"{"error":0,"data":[
        {"id":1,"tid":"A","amount":1000,"when":"2026-11-24 08:00:00","bank_sub_acc_id":"0071000888888"},
        {"id":2,"tid":"B","amount":2000,"when":"2026-11-24 08:00:00","bank_sub_acc_id":"0555"},
        {"id":3,"tid":"C","amount":3000,"when":"2026-11-24 08:00:00","bank_sub_acc_id":"0666"}]}"#;
    let sample = settlement("0555", "1", 1, "2026-11-24T08:00:00+07:00");
    let mut sent = inbound(world.app.now(), "city", Dialect::CassoV1, &sample);
    sent.body = body.as_bytes().to_vec();
    world.app.receive_settlement(sent).await.unwrap();
    world.app.write_heard().await.unwrap();
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 2);
    // The third account is no stall's: its item waits for a person, each time.
    let other = world.second().await;
    let name = "city".parse().unwrap();
    for app in [&world.app, &other] {
        let heard = log(app, "city").await.remove(0);
        assert_eq!(heard.item_count, 3);
        let shown = app.delivery(&Actor::operator(), &name, heard.id, HERE).await.unwrap();
        assert_eq!(shown.body.as_deref(), Some(body.as_bytes()));
        assert!(shown.complete && shown.command.is_some_and(|command| command.contains("/v1/ingest/city")));
        let (_, reply) = app.replay_delivery(&Actor::operator(), &name, heard.id).await.unwrap();
        assert_eq!(reply.items.len(), 3);
        let became = |outcome| reply.items.iter().filter(|item| item.outcome == outcome).count();
        assert_eq!((became(Outcome::Duplicate), became(Outcome::Quarantined)), (2, 1), "{reply:?}");
    }
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 2);
    // A replay is shown with the same body, and can be judged again itself.
    other.write_heard().await.unwrap();
    let newest = log(&world.app, "city").await.remove(0);
    let shown = world.app.delivery(&Actor::operator(), &name, newest.id, HERE).await.unwrap();
    assert_eq!(shown.body.as_deref(), Some(body.as_bytes()));
    let _: Value = serde_json::from_slice(&shown.body.unwrap()).unwrap();
});
