//! `Idempotency-Key`: a request that is sent again is answered the same and done once; what a crash in
//! between leaves, and what nobody but the same caller with the same request is ever told.

use std::collections::BTreeSet;
use std::sync::Arc;

use socho::app::App;
use socho::app::access::{Actor, Place, Role};
use socho::app::idempotency::{ANSWER_MAX, Begun, KeptAnswer, Keyed, Ticket, Twice};
use socho::domain::settlement::Dialect;
use socho::web::access::ROUTES;
use socho::web::idempotency::{KEYED, NOT_KEYED};
use socho::web::{self, Door, Web};

use crate::visitors::{PASSWORD, Seen, Site, Visitor, user};
use crate::world::{World, settlement, story};

const ACCOUNT: &str = "0071000888888";
const CASH: &str = "/v1/postings/TAN-1/cash-change";
const FIVE: &str = r#"{"amount":5000,"reason":"thối tiền"}"#;

/// A book with two postings, and somebody who may correct them.
async fn a_book(world: &World) -> Visitor {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.source("bank", Dialect::GenericHmac, &[], Some("TAN")).await;
    for id in ["a", "b"] {
        world.send("bank", Dialect::GenericHmac, &settlement(ACCOUNT, id, 35_000, "2026-11-24T08:00:00+07:00")).await;
    }
    user(world, "sang", Role::Admin, None).await;
    logged_in(&Site::of(world), "sang").await
}

async fn logged_in(site: &Site, name: &str) -> Visitor {
    let mut visitor = site.visitor();
    assert_eq!(visitor.log_in(name, PASSWORD).await.status, 303);
    visitor
}

async fn keyed(visitor: &mut Visitor, key: &str, path: &str, body: &str) -> Seen {
    let headers = [("content-type", "application/json"), ("origin", "https://cho.example"), ("idempotency-key", key)];
    visitor.send("POST", path, &headers, body).await
}

fn replayed(seen: &Seen) -> bool {
    seen.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

async fn postings(world: &World) -> i64 {
    world.int("SELECT COUNT(*) FROM postings").await
}

/// Claims a key as a request of the operator does, and goes no further: what a crash leaves.
async fn claimed(app: &App, route: &'static str, twice: Twice, key: &str, body: &str) -> Ticket {
    let parts = [b"/x".as_slice(), b"", body.as_bytes()];
    let place = Place::Market("TAN".parse().unwrap());
    let keyed = Keyed { actor: &Actor::operator(), place: &place, route, key: key.parse().unwrap(), parts, twice };
    match app.begin_keyed(keyed).await.unwrap() {
        Begun::Run(ticket) => ticket,
        Begun::Answered(answer) => panic!("{answer:?}"),
    }
}

async fn code_of(app: &App, route: &'static str, twice: Twice, key: &str, body: &str) -> &'static str {
    let parts = [b"/x".as_slice(), b"", body.as_bytes()];
    let place = Place::Market("TAN".parse().unwrap());
    let keyed = Keyed { actor: &Actor::operator(), place: &place, route, key: key.parse().unwrap(), parts, twice };
    match app.begin_keyed(keyed).await {
        Ok(Begun::Run(_)) => "runs",
        Ok(Begun::Answered(_)) => "answered",
        Err(error) => error.code,
    }
}

story!(a_request_sent_again_under_its_key_is_answered_the_same_and_done_once, |world| {
    let mut admin = a_book(&world).await;
    let first = keyed(&mut admin, "k-1", CASH, FIVE).await;
    assert!(first.status == 201 && !replayed(&first), "{} {}", first.status, first.body);
    let before = postings(&world).await;
    // Bare and in quotes it is the same key.
    for key in ["k-1", "\"k-1\""] {
        let again = keyed(&mut admin, key, CASH, FIVE).await;
        assert_eq!((again.status, &again.body, replayed(&again)), (201, &first.body, true));
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    }
    assert_eq!(postings(&world).await, before);
    // Another body, and another posting of the same route, are other requests.
    for (path, body) in [(CASH, FIVE.replace("5000", "5001").as_str()), ("/v1/postings/TAN-2/cash-change", FIVE)] {
        let other = keyed(&mut admin, "k-1", path, body).await;
        assert_eq!((other.status, other.code().as_str()), (422, "idempotency_mismatch"), "{path} {body}");
        assert!(!replayed(&other));
    }
    // Without a key, and under another one, it is done again.
    for (key, done) in [("k-2", 1), ("k-3", 2)] {
        assert_eq!(keyed(&mut admin, key, CASH, FIVE).await.status, 201);
        assert_eq!(postings(&world).await, before + done);
    }
    // A refusal is an answer too, and is told with this request's own id.
    let refused = keyed(&mut admin, "k-4", CASH, r#"{"amount":99000,"reason":"x"}"#).await;
    let again = keyed(&mut admin, "k-4", CASH, r#"{"amount":99000,"reason":"x"}"#).await;
    assert_eq!((refused.status, again.status, replayed(&again)), (422, 422, true), "{}", again.body);
    assert_eq!(refused.code(), again.code());
    assert_ne!(refused.json()["request_id"], again.json()["request_id"]);
    assert_eq!(again.json()["request_id"].as_str().unwrap(), again.headers["x-request-id"].to_str().unwrap());
});

story!(a_key_of_one_is_nothing_to_another, |world| {
    let mut admin = a_book(&world).await;
    user(&world, "lan", Role::Manager, Some("TAN")).await;
    let mut manager = logged_in(&Site::of(&world), "lan").await;
    let mine = keyed(&mut admin, "shared", CASH, FIVE).await;
    let hers = keyed(&mut manager, "shared", CASH, FIVE).await;
    assert!(hers.status == 201 && !replayed(&hers) && hers.body != mine.body, "{}", hers.body);
    // She logs in anew and still is herself.
    let mut again = logged_in(&Site::of(&world), "lan").await;
    let same = keyed(&mut again, "shared", CASH, FIVE).await;
    assert!(replayed(&same) && same.body == hers.body);
    // Whoever may not do it is told nothing of what it was answered.
    user(&world, "kim", Role::Auditor, None).await;
    let mut auditor = logged_in(&Site::of(&world), "kim").await;
    assert_eq!(keyed(&mut auditor, "shared", CASH, FIVE).await.status, 403);
    assert_eq!(keyed(&mut Site::of(&world).visitor(), "shared", CASH, FIVE).await.status, 401);
});

story!(two_processes_do_it_once_between_them, |world| {
    a_book(&world).await;
    let other = world.second().await;
    let door = || Door { loopback: false, public_url: Some("https://cho.example".to_owned()) };
    let sites = [&world.app, &other].map(|app| Site::serving(web::everything(Web::new(Arc::clone(app), None, door()))));
    let mut visitors = Vec::new();
    for number in 0..8 {
        visitors.push(logged_in(&sites[number % 2], "sang").await);
    }
    let before = postings(&world).await;
    let all = visitors.into_iter().map(|mut visitor| {
        tokio::spawn(async move {
            let seen = keyed(&mut visitor, "once", CASH, FIVE).await;
            (seen.status, replayed(&seen), seen.body)
        })
    });
    let mut done = Vec::new();
    for one in all {
        done.push(one.await.unwrap());
    }
    assert_eq!(postings(&world).await, before + 1, "{done:?}");
    let carried_out = done.iter().filter(|(status, replayed, _)| *status == 201 && !replayed).count();
    assert_eq!(carried_out, 1, "{done:?}");
    for (status, _, body) in &done {
        assert!(*status == 201 || *status == 409 && body.contains("idempotency_in_flight"), "{status} {body}");
    }
    let mut late = logged_in(&sites[1], "sang").await;
    assert!(replayed(&keyed(&mut late, "once", CASH, FIVE).await));
});

story!(what_broke_off_is_done_again_only_where_it_cannot_be_there_twice, |world| {
    a_book(&world).await;
    let app = &world.app;
    let (safe, unsafe_) = ("/v1/markets/{code}/stalls", "/v1/postings/{id}/{action}");
    claimed(app, safe, Twice::Harmless, "k", "b").await;
    claimed(app, unsafe_, Twice::Doubles, "k", "b").await;
    for (route, twice) in [(safe, Twice::Harmless), (unsafe_, Twice::Doubles)] {
        assert_eq!(code_of(app, route, twice, "k", "b").await, "idempotency_in_flight");
        assert_eq!(code_of(app, route, twice, "k", "other").await, "idempotency_mismatch");
    }
    world.set_clock("2026-11-24T08:26:00+07:00");
    assert_eq!(code_of(app, safe, Twice::Harmless, "k", "b").await, "runs");
    assert_eq!(code_of(app, safe, Twice::Harmless, "k", "b").await, "idempotency_in_flight", "taken over by one");
    assert_eq!(code_of(app, unsafe_, Twice::Doubles, "k", "b").await, "idempotency_unknown");
    assert_eq!(code_of(app, unsafe_, Twice::Doubles, "new", "b").await, "runs");
});

story!(a_crash_between_the_fact_and_its_answer_leaves_one_fact, |world| {
    let mut admin = a_book(&world).await;
    let stall = r#"{"stall":"B13","vendor":"Trần Văn Ba","bin":"970436","account":"0072"}"#;
    let path = "/v1/markets/TAN/stalls";
    let first = keyed(&mut admin, "s", path, stall).await;
    assert_eq!(first.status, 201, "{}", first.body);
    // As if the answer had never been written.
    let forget = "UPDATE idempotency_keys SET status = NULL, content_type = NULL, answer = NULL";
    assert_eq!(world.execute(forget).await, Ok(1));
    assert_eq!(keyed(&mut admin, "s", path, stall).await.code(), "idempotency_in_flight");
    world.set_clock("2026-11-24T08:26:00+07:00");
    let again = keyed(&mut admin, "s", path, stall).await;
    assert!(again.status == 200 && again.json()["already_registered"] == true, "{}", again.body);
    assert_eq!(world.int("SELECT COUNT(*) FROM stalls").await, 2);
    // Cash that was handed back is not handed back again.
    let (before, cash) = (postings(&world).await, keyed(&mut admin, "c", CASH, FIVE).await);
    assert_eq!(cash.status, 201);
    world.execute(forget).await.unwrap();
    world.set_clock("2026-11-24T08:40:00+07:00");
    let unknown = keyed(&mut admin, "c", CASH, FIVE).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (409, "idempotency_unknown"));
    assert_eq!(postings(&world).await, before + 1);
});

story!(a_fault_of_ours_is_not_kept_and_an_answer_too_long_is_said_to_be_so, |world| {
    a_book(&world).await;
    let app = &world.app;
    let answer = |status, length| KeptAnswer { status, content_type: None, body: vec![b'x'; length] };
    for (twice, expected) in [(Twice::Harmless, "runs"), (Twice::Doubles, "idempotency_unknown")] {
        let route = if twice == Twice::Harmless { "/v1/markets" } else { "/v1/postings/{id}/{action}" };
        let ticket = claimed(app, route, twice, "fault", "b").await;
        app.end_keyed(&ticket, &answer(503, 3)).await.unwrap();
        assert_eq!(code_of(app, route, twice, "fault", "b").await, expected);
        let ticket = claimed(app, route, twice, "long", "b").await;
        app.end_keyed(&ticket, &answer(201, ANSWER_MAX + 1)).await.unwrap();
        assert_eq!(code_of(app, route, twice, "long", "b").await, "idempotency_answer_too_large");
        let ticket = claimed(app, route, twice, "fits", "b").await;
        app.end_keyed(&ticket, &answer(201, ANSWER_MAX)).await.unwrap();
        assert_eq!(code_of(app, route, twice, "fits", "b").await, "answered");
    }
    // Whoever was taken over for dead answers too late to be kept.
    let late = claimed(app, "/v1/markets", Twice::Harmless, "late", "b").await;
    world.set_clock("2026-11-24T08:26:00+07:00");
    let second = claimed(app, "/v1/markets", Twice::Harmless, "late", "b").await;
    app.end_keyed(&second, &answer(201, 1)).await.unwrap();
    app.end_keyed(&late, &answer(409, 2)).await.unwrap();
    assert_eq!(world.int("SELECT status FROM idempotency_keys WHERE idempotency_key = 'late'").await, 201);
});

story!(keys_go_after_a_day_a_few_at_a_time, |world| {
    a_book(&world).await;
    for number in 0..70 {
        let ticket = claimed(&world.app, "/v1/markets", Twice::Harmless, &format!("k{number}"), "b").await;
        let answer = KeptAnswer { status: 201, content_type: None, body: Vec::new() };
        world.app.end_keyed(&ticket, &answer).await.unwrap();
    }
    let rows = "SELECT COUNT(*) FROM idempotency_keys";
    world.set_clock("2026-11-25T10:20:00+07:00");
    assert_eq!(code_of(&world.app, "/v1/markets", Twice::Harmless, "k69", "b").await, "answered");
    assert_eq!(world.int(rows).await, 70);
    world.set_clock("2026-11-25T10:21:00+07:00");
    assert_eq!(code_of(&world.app, "/v1/markets", Twice::Harmless, "k69", "another").await, "runs");
    assert!(world.int(rows).await < 10);
    assert_eq!(code_of(&world.app, "/v1/markets", Twice::Harmless, "k0", "another").await, "runs");
    assert_eq!(world.int(rows).await, 2);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_none_is_refused_with_its_rule_and_webhooks_read_none() {
    let world = World::sqlite().await;
    let mut admin = a_book(&world).await;
    for key in ["", "a b", "a,b", &"k".repeat(129)] {
        let seen = keyed(&mut admin, key, CASH, FIVE).await;
        assert_eq!((seen.status, seen.code().as_str()), (400, "idempotency_key_invalid"), "{key:?}");
        assert!(seen.json()["detail"].as_str().unwrap().contains("128"), "{}", seen.body);
    }
    let twice = admin.clone().with_header("idempotency-key", "other");
    assert_eq!(keyed(&mut twice.clone(), "one", CASH, FIVE).await.code(), "idempotency_key_invalid");
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(socho::web::API_BODY_MAX));
    let seen = keyed(&mut admin, "large", "/v1/markets", &large).await;
    assert_eq!((seen.status, seen.code().as_str()), (413, "body_too_large"));
    // Each of these two is another settlement under one key, and the source's signature alone counts.
    let mut sender = Site::of(&world).visitor().with_header("idempotency-key", "same");
    for id in ["x1", "x2"] {
        let sale = settlement(ACCOUNT, id, 1_000, "2026-11-24T08:10:00+07:00");
        let sent = crate::world::inbound(world.app.now(), "bank", Dialect::GenericHmac, &sale);
        let headers: Vec<(String, String)> =
            sent.headers.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let seen = sender.send("POST", "/v1/ingest/bank", &headers, &String::from_utf8(sent.body).unwrap()).await;
        assert!(seen.status == 200 && seen.body.contains("recorded") && !replayed(&seen), "{}", seen.body);
    }
}

#[test]
fn every_post_of_the_api_reads_the_key_or_says_why_not() {
    let document: serde_json::Value = serde_json::from_str(&socho::web::openapi()).unwrap();
    let keyed: BTreeSet<&str> = KEYED.iter().map(|(route, ..)| *route).collect();
    let not: BTreeSet<&str> = NOT_KEYED.iter().map(|(route, _)| *route).collect();
    assert!(keyed.is_disjoint(&not) && keyed.len() == KEYED.len() && not.len() == NOT_KEYED.len());
    for (method, route, _) in ROUTES.iter().filter(|(method, route, _)| *method == "POST" && route.starts_with("/v1/"))
    {
        assert!(keyed.contains(route) || not.contains(route), "{method} {route}: list it in src/web/idempotency.rs");
        let parameters = &document["paths"][route.replace("{*", "{")]["post"]["parameters"];
        let named = |one: &serde_json::Value| one["name"] == "Idempotency-Key";
        let documented = parameters.as_array().is_some_and(|all| all.iter().any(named));
        assert_eq!(documented, keyed.contains(route), "{route}");
    }
    for route in keyed.union(&not) {
        assert!(ROUTES.iter().any(|(method, path, _)| *method == "POST" && path == route), "{route} is no route");
    }
}
