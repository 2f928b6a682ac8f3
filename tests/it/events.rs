//! The journal as events for other programs: in order, without a gap, nothing of who paid.

use serde_json::Value;
use socho::app::access::{Actor, Role};
use socho::app::events::EventsWanted;
use socho::domain::settlement::Dialect;

use crate::visitors::{PASSWORD, Site, user};
use crate::world::{World, settlement, story};

const ACCOUNT: &str = "0071000888888";

async fn market(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.source("bank", Dialect::GenericHmac, &[], Some("TAN")).await;
}

async fn pay(world: &World, id: &str, account: &str) {
    let mut paid = settlement(account, id, 35_000, "2026-11-24T08:00:00+07:00");
    paid.payer = "LE VAN TAM".to_owned();
    paid.memo = "LE VAN TAM mua rau".to_owned();
    world.send("bank", Dialect::GenericHmac, &paid).await;
}

async fn asked(world: &World, after: Option<&str>, limit: i64, wait_s: i64) -> Value {
    let wanted = EventsWanted {
        market: Some("TAN".parse().unwrap()),
        after: after.map(str::to_owned),
        limit: Some(limit),
        wait_s: Some(wait_s),
    };
    world.app.events(&Actor::operator(), wanted).await.unwrap().to_json()
}

story!(events_come_in_the_journals_order_without_a_gap_and_say_nothing_of_who_paid, |world| {
    market(&world).await;
    for id in ["a", "b", "c"] {
        pay(&world, id, ACCOUNT).await;
    }
    // A virtual account whose stall nobody knows would need one; a correction has none either.
    world.app.reverse(&"TAN-2".parse().unwrap(), "lan", "LE VAN TAM đòi lại").await.unwrap();
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = asked(&world, after.as_deref(), 3, 0).await;
        seen.extend(page["data"].as_array().unwrap().clone());
        after = Some(page["next"].as_str().unwrap().to_owned());
        assert_eq!(page["last_seq"], 4);
        if page["has_more"] == false {
            break;
        }
    }
    for (number, event) in (1..).zip(&seen) {
        assert_eq!((&event["specversion"], &event["source"]), (&Value::from("1.0"), &Value::from("/v1/markets/TAN")));
        assert_eq!(event["id"], format!("TAN-{number}"));
        assert_eq!(event["sequence"], format!("{number:019}"));
        assert_eq!(event["subject"], "stalls/B12");
        assert_eq!((&event["data"]["seq"], &event["data"]["amount"]), (&Value::from(number), &Value::from(35_000)));
        assert!(!event.to_string().contains("TAM") && !event.to_string().contains(ACCOUNT), "{event}");
    }
    assert_eq!(seen.len(), 4);
    assert_eq!((&seen[0]["type"], &seen[0]["data"]["effect"]), (&"vn.socho.posting.settled".into(), &35_000.into()));
    assert_eq!(
        (&seen[3]["type"], &seen[3]["data"]["effect"]),
        (&"vn.socho.posting.reversed".into(), &(-35_000).into())
    );
    assert_eq!(seen[3]["data"]["concerns"], "TAN-2");
    // The same event again, by name or number, is the same to the letter.
    for after in ["TAN-3", "3"] {
        assert_eq!(asked(&world, Some(after), 10, 0).await["data"][0], seen[3]);
    }
    let end = asked(&world, Some("4"), 10, 0).await;
    assert_eq!((end["data"].as_array().unwrap().len(), &end["next"]), (0, &"4".into()));
});

story!(several_who_wait_all_hear_of_the_next_posting, |world| {
    market(&world).await;
    pay(&world, "a", ACCOUNT).await;
    let waiting = || asked(&world, Some("1"), 10, 30);
    let later = async {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        pay(&world, "b", ACCOUNT).await;
    };
    let (one, other, ()) = tokio::join!(waiting(), waiting(), later);
    assert_eq!((&one["data"][0]["id"], &other["data"][0]["id"]), (&"TAN-2".into(), &"TAN-2".into()));
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_read_a_market_hears_of_it_and_wrong_questions_are_told() {
    let world = World::sqlite().await;
    market(&world).await;
    world.market("CKE", "00:00").await;
    pay(&world, "a", ACCOUNT).await;
    user(&world, "lan", Role::Manager, Some("TAN")).await;
    user(&world, "thu", Role::City, None).await;
    let site = Site::of(&world);
    let (mut lan, mut thu) = (site.visitor(), site.visitor());
    for (visitor, name) in [(&mut lan, "lan"), (&mut thu, "thu")] {
        assert_eq!(visitor.log_in(name, PASSWORD).await.status, 303);
    }
    assert_eq!(lan.get("/v1/events").await.json()["data"][0]["id"], "TAN-1");
    assert_eq!(lan.get("/v1/events?market=CKE").await.code(), "forbidden");
    assert_eq!(thu.get("/v1/events?market=TAN").await.code(), "forbidden");
    for (query, field) in [
        ("after=CKE-1", "#/after"),
        ("after=x", "#/after"),
        ("limit=0", "#/limit"),
        ("wait=31", "#/wait"),
        ("wait=-1", "#/wait"),
    ] {
        let told = lan.get(&format!("/v1/events?{query}")).await;
        assert_eq!((told.status, told.json()["errors"][0]["pointer"].as_str()), (422, Some(field)), "{query}");
    }
    let batch = lan.send("GET", "/v1/events", &[("accept", "application/cloudevents-batch+json")], "").await;
    assert_eq!(batch.headers["content-type"], "application/cloudevents-batch+json");
    assert_eq!((batch.headers["socho-next"].to_str().unwrap(), batch.json().as_array().unwrap().len()), ("1", 1));
}
