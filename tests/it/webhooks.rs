//! Events delivered to other programs: each posting at least once and in order, whatever their server
//! does; signed so that other code agrees; never to an address that must not be called.

mod listener;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::Value;
use socho::app::App;
use socho::app::access::Role;
use socho::app::webhooks::{Addresses, Names, Pace, SystemNames, WebhookState};
use socho::domain::identity::WebhookId;
use socho::domain::networks::{Network, Reach, special};
use socho::domain::settlement::Dialect;

use crate::visitors::{PASSWORD, Site, user};
use crate::world::{World, send, settlement, story};
use listener::{Answer, Receiver, Taken};

const ACCOUNT: &str = "0071000888888";

/// As patient as a test may be: nothing here waits for a time that is asserted.
fn pace() -> Pace {
    Pace { answer: Duration::from_millis(400), lease: Duration::from_secs(3), look: Duration::from_millis(20) }
}

/// The same book in a process that delivers to this machine.
async fn deliverer(world: &World) -> Arc<App> {
    Arc::new(world.alike().await.with_webhooks(Reach::default().with_this_machine(), Arc::new(SystemNames), pace()))
}

async fn market(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.source("bank", Dialect::GenericHmac, &[], Some("TAN")).await;
}

async fn pay(app: &App, from: i64, count: i64) {
    for number in from..from + count {
        let paid = settlement(ACCOUNT, &format!("p{number}"), 1_000 + number, "2026-11-24T08:00:00+07:00");
        send(app, "bank", Dialect::GenericHmac, &paid).await;
    }
}

async fn subscribed(app: &App, receiver: &Receiver) -> (WebhookId, String) {
    let url = receiver.url().parse().unwrap();
    let (shown, secret) = app.add_webhook(&"TAN".parse().unwrap(), url, Some("0"), "op").await.unwrap();
    (shown.id, secret)
}

/// Looks again until it is so; a test that waits in vain is ended by its runner.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..3_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

async fn shown(app: &App, id: WebhookId) -> Value {
    app.webhook(&"TAN".parse().unwrap(), id).await.unwrap().to_json()
}

async fn delivered_up_to(app: &App, id: WebhookId, seq: i64) {
    until("delivered", async || shown(app, id).await["delivered_seq"] == seq).await;
}

/// Every posting is there, first in order, and what comes again says the same to the letter.
fn whole_and_in_order(taken: &[Taken], count: usize) {
    let mut first: Vec<&Taken> = Vec::new();
    for one in taken {
        match first.iter().find(|known| known.id == one.id) {
            Some(known) => assert_eq!(known.body, one.body),
            None => first.push(one),
        }
    }
    let ids: Vec<String> = first.iter().map(|one| one.id.clone()).collect();
    let expected: Vec<String> = (1..=count).map(|seq| format!("TAN-{seq}")).collect();
    assert_eq!(ids, expected);
}

story!(every_posting_arrives_in_order_while_the_receiver_fails_hangs_redirects_and_restarts, |world| {
    market(&world).await;
    let app = deliverer(&world).await;
    let mut receiver = Receiver::start().await;
    let (id, secret) = subscribed(&app, &receiver).await;
    let delivering = tokio::spawn(Arc::clone(&app).deliver_webhooks());
    pay(&world.app, 1, 3).await;
    delivered_up_to(&app, id, 3).await;
    let mut next = 4;
    for (answer, outcome) in [
        (Answer::Status(500), "refused"),
        (Answer::Status(302), "redirected"),
        (Answer::Hang, "timed_out"),
        (Answer::HangUp, "broken"),
        (Answer::Nonsense, "broken"),
    ] {
        receiver.answer(answer);
        pay(&world.app, next, 2).await;
        until(outcome, async || shown(&app, id).await["attempts"][0]["outcome"] == outcome).await;
        let failing = shown(&app, id).await;
        assert_eq!((&failing["state"], &failing["delivered_seq"]), (&"retrying".into(), &(next - 1).into()));
        receiver.answer(Answer::Status(204));
        world.clock.set(world.app.now() + SignedDuration::from_mins(2));
        delivered_up_to(&app, id, next + 1).await;
        next += 2;
    }
    receiver.restart(async || pay(&world.app, next, 2).await).await;
    until("unreachable or delivered", async || {
        world.clock.set(world.app.now() + SignedDuration::from_mins(2));
        shown(&app, id).await["delivered_seq"] == next + 1
    })
    .await;
    let healthy = shown(&app, id).await;
    assert_eq!((&healthy["state"], &healthy["failures"]), (&"active".into(), &0.into()));
    let taken = receiver.taken();
    whole_and_in_order(&taken, usize::try_from(next + 1).unwrap());
    assert_eq!(receiver.redirected(), 0, "a redirect leads nowhere");
    for one in &taken {
        assert!(one.is_signed_with(&secret), "{one:?}");
        assert_eq!(
            (one.kind.as_str(), one.id.as_str()),
            ("application/cloudevents+json", one.json()["id"].as_str().unwrap())
        );
    }
    app.close().await;
    delivering.await.unwrap();
});

story!(a_sender_that_dies_and_another_that_takes_over_pass_nothing_over, |world| {
    market(&world).await;
    let receiver = Receiver::start().await;
    let (one, other) = (deliverer(&world).await, deliverer(&world).await);
    let (id, _) = subscribed(&one, &receiver).await;
    pay(&world.app, 1, 40).await;
    receiver.answer(Answer::HangAfter(7));
    let dying = tokio::spawn(Arc::clone(&one).deliver_webhooks());
    until("the eighth is on its way", async || receiver.asked() >= 8).await;
    // Killed between sending and writing down: nothing of it is told to anybody.
    dying.abort();
    let _ = dying.await;
    receiver.answer(Answer::Status(200));
    let living = tokio::spawn(Arc::clone(&other).deliver_webhooks());
    pay(&world.app, 41, 5).await;
    delivered_up_to(&other, id, 45).await;
    whole_and_in_order(&receiver.taken(), 45);
    other.close().await;
    living.await.unwrap();
});

story!(two_that_deliver_at_once_do_not_both_send, |world| {
    market(&world).await;
    let receiver = Receiver::start().await;
    let apps = [deliverer(&world).await, deliverer(&world).await];
    let (id, _) = subscribed(&apps[0], &receiver).await;
    let delivering: Vec<_> = apps.iter().map(|app| tokio::spawn(Arc::clone(app).deliver_webhooks())).collect();
    for round in 0..10 {
        pay(&world.app, 1 + round * 5, 5).await;
    }
    delivered_up_to(&apps[0], id, 50).await;
    let taken = receiver.taken();
    whole_and_in_order(&taken, 50);
    assert_eq!(taken.len(), 50, "each once: neither died");
    for (app, task) in apps.iter().zip(delivering) {
        app.close().await;
        task.await.unwrap();
    }
});

story!(gone_ends_it_a_replay_begins_anew_and_both_secrets_sign_for_a_while, |world| {
    market(&world).await;
    let app = deliverer(&world).await;
    let receiver = Receiver::start().await;
    let (id, old) = subscribed(&app, &receiver).await;
    let tan = "TAN".parse().unwrap();
    let delivering = tokio::spawn(Arc::clone(&app).deliver_webhooks());
    receiver.answer(Answer::Status(410));
    pay(&world.app, 1, 3).await;
    until("disabled", async || shown(&app, id).await["state"] == "disabled").await;
    assert_eq!(shown(&app, id).await["disabled_reason"], "gone");
    receiver.answer(Answer::Status(200));
    let (_, new) = app.rotate_webhook(&tan, id, SignedDuration::from_hours(1)).await.unwrap();
    app.replay_webhook(&tan, id, None).await.unwrap();
    delivered_up_to(&app, id, 3).await;
    let taken = receiver.taken();
    assert!(taken.iter().skip(1).all(|one| one.is_signed_with(&old) && one.is_signed_with(&new)));
    world.clock.set(world.app.now() + SignedDuration::from_hours(2));
    app.replay_webhook(&tan, id, Some("TAN-1")).await.unwrap();
    delivered_up_to(&app, id, 3).await;
    let again: Vec<Taken> = receiver.taken().split_off(taken.len());
    assert_eq!(again.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["TAN-2", "TAN-3"]);
    assert!(again.iter().all(|one| one.is_signed_with(&new) && !one.is_signed_with(&old)));
    assert!(app.replay_webhook(&tan, id, Some("4")).await.is_err(), "behind the end");
    let tried = app.test_webhook(&tan, id).await.unwrap();
    assert!(tried.delivered && receiver.taken().last().unwrap().json()["type"] == "vn.socho.webhook.test");
    app.remove_webhook(&tan, id).await.unwrap();
    assert_eq!(app.remove_webhook(&tan, id).await.unwrap_err().code, "not_found");
    app.close().await;
    delivering.await.unwrap();
});

story!(after_a_day_of_failures_a_subscription_is_failing_and_says_since_when, |world| {
    market(&world).await;
    let app = deliverer(&world).await;
    let receiver = Receiver::start().await;
    let (id, _) = subscribed(&app, &receiver).await;
    receiver.answer(Answer::Status(503));
    let delivering = tokio::spawn(Arc::clone(&app).deliver_webhooks());
    pay(&world.app, 1, 1).await;
    let began = world.app.now();
    for hour in 0..26 {
        let before = if hour == 0 { 0 } else { receiver.asked() };
        world.clock.set(began + SignedDuration::from_mins(hour * 75));
        until("tried again", async || receiver.asked() > before).await;
    }
    until("written down", async || shown(&app, id).await["failures"].as_i64() > Some(20)).await;
    let webhook = app.webhook(&"TAN".parse().unwrap(), id).await.unwrap();
    assert_eq!(webhook.state, WebhookState::Failing);
    assert_eq!(webhook.to_json()["failing_since"], "2026-11-24T08:20:00+07:00");
    let figures = app.metrics().await.unwrap();
    assert!(
        figures.contains("socho_webhook_subscriptions_failing 1") && figures.contains("socho_webhook_lag_postings 1")
    );
    // The list of tries is bounded, the newest first.
    let attempts = webhook.to_json()["attempts"].as_array().unwrap().len();
    assert!((20..=50).contains(&attempts), "{attempts}");
    app.close().await;
    delivering.await.unwrap();
});

/// A name that stands for one address when it is first asked for, and for another afterwards.
struct Rebinding(AtomicUsize, [&'static str; 2]);

impl Names for Rebinding {
    fn addresses<'a>(&'a self, _: &'a str) -> Addresses<'a> {
        let asked = self.0.fetch_add(1, Ordering::SeqCst);
        let address: IpAddr = self.1[asked.min(1)].parse().unwrap();
        Box::pin(async move { Ok(vec![address]) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_of_the_inside_is_never_called_not_even_by_a_name_that_changes() {
    let world = World::sqlite().await;
    market(&world).await;
    let tan = "TAN".parse().unwrap();
    for url in [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/",
        "https://10.0.0.1/",
        "https://0.0.0.0/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://100.64.0.1/",
        "https://localhost/",
        "http://example.com./",
        "https://2130706433/",
        "https://0x7f.1/",
    ] {
        let refused = world.app.add_webhook(&tan, url.parse().unwrap(), None, "op").await;
        // A name that nobody knows here may be subscribed; what it stands for is checked at each call.
        let Err(error) = refused else {
            assert!(url.starts_with("http://example.com"), "{url} was taken");
            continue;
        };
        assert_eq!(error.fields[0].code, "webhook_address_refused", "{url}");
    }
    let receiver = Receiver::start().await;
    for (answers, outcome) in [(["1.1.1.1", "127.0.0.1"], "address_refused"), (["10.0.0.7", "1.1.1.1"], "")] {
        let names = Arc::new(Rebinding(AtomicUsize::new(0), answers));
        let app = world.alike().await.with_webhooks(Reach::default(), names, pace());
        let url = format!("https://rebind.example:{}/", receiver.port()).parse().unwrap();
        let added = app.add_webhook(&tan, url, None, "op").await;
        if outcome.is_empty() {
            assert_eq!(added.err().unwrap().fields[0].code, "webhook_address_refused");
        } else {
            let tried = app.test_webhook(&tan, added.unwrap().0.id).await.unwrap();
            assert_eq!((tried.delivered, tried.outcome), (false, outcome), "{}", tried.detail);
        }
        app.close().await;
    }
    assert_eq!(receiver.asked(), 0);
    // Metadata and neighbours stay closed even to an operator who names everything.
    let everything: Reach = "0.0.0.0/0,::/0".parse().unwrap();
    for address in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "fd00:ec2::254"] {
        assert!(everything.check(address.parse().unwrap()).is_err(), "{address}");
    }
    assert!(everything.check("10.0.0.1".parse().unwrap()).is_ok());
    let named: Reach = "10.20.0.0/16, 192.168.7.9".parse().unwrap();
    for (address, open) in [("10.20.3.4", true), ("10.21.0.1", false), ("192.168.7.9", true), ("192.168.7.8", false)] {
        assert_eq!(named.check(address.parse().unwrap()).is_ok(), open, "{address}");
    }
    for wrong in ["10.0.0.0/33", "::/129", "10.0.0/8", "x", "10.0.0.0/-1", "10.0.0.0/"] {
        assert!(wrong.parse::<Network>().is_err(), "{wrong}");
    }
}

proptest! {
    /// What the standard library calls private is refused, in each form that carries it.
    #[test]
    fn no_form_of_an_inside_address_passes_for_a_public_one(bits in any::<u32>(), six in any::<u128>(), near in 0_u32..64) {
        let inside = [0x0A00_0000, 0x7F00_0000, 0xA9FE_A9FE, 0xAC10_0000, 0xC0A8_0000, 0x6440_0000, 0xE000_0000, 0];
        let four = std::net::Ipv4Addr::from_bits(inside.get(bits as usize % 16).map_or(bits, |base| base | near));
        let is_inside = four.is_private() || four.is_loopback() || four.is_link_local() || four.is_multicast()
            || four.is_broadcast() || four.is_documentation() || four.octets()[0] == 0
            || (four.octets()[0] == 100 && four.octets()[1] & 0xC0 == 64) || four.octets()[0] >= 240;
        let refused = special(four.into()).is_some();
        prop_assert!(!is_inside || refused, "{}", four);
        let nat64 = std::net::Ipv6Addr::from_bits((0x0064_ff9b_u128 << 96) | u128::from(four.to_bits()));
        for form in [four.to_ipv6_mapped(), nat64] {
            prop_assert_eq!(special(form.into()).is_some(), refused, "{}", form);
        }
        let segments = four.octets();
        let six_to_four = std::net::Ipv6Addr::new(0x2002, u16::from_be_bytes([segments[0], segments[1]]),
            u16::from_be_bytes([segments[2], segments[3]]), 0, 0, 0, 0, 1);
        prop_assert!(special(six_to_four.into()).is_some());
        // Of IPv6 nothing outside 2000::/3 is public but what carries a public address of IPv4.
        let six = std::net::Ipv6Addr::from_bits(six);
        let carries = six.to_ipv4_mapped().is_some() || six.to_bits() >> 32 == 0x0064_ff9b_u128 << 64;
        if !carries && six.segments()[0] & 0xE000 != 0x2000 {
            prop_assert!(special(six.into()).is_some(), "{}", six);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_adds_lists_replays_and_removes_for_the_administrator_alone() {
    let world = World::sqlite().await;
    market(&world).await;
    user(&world, "sang", Role::Admin, None).await;
    let mut sang = Site::of(&world).visitor();
    assert_eq!(sang.log_in("sang", PASSWORD).await.status, 303);
    let body = r#"{"url":"https://192.168.1.5/hook"}"#;
    let refused = sang.json("POST", "/v1/markets/TAN/webhooks", body).await;
    assert_eq!((refused.status, refused.json()["errors"][0]["pointer"].as_str()), (422, Some("#/url")));
    let made = sang.json("POST", "/v1/markets/TAN/webhooks", r#"{"url":"https://1.1.1.1/hook"}"#).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let (id, secret) = (made.json()["webhook"]["id"].clone(), made.json()["secret"].clone());
    let listed = sang.get("/v1/markets/TAN/webhooks").await;
    assert_eq!(listed.json()["data"][0]["id"], id);
    assert!(!listed.body.contains(secret.as_str().unwrap()), "a secret is told once");
    let path = format!("/v1/markets/TAN/webhooks/{}", id.as_str().unwrap());
    assert_eq!(sang.json("POST", &format!("{path}/replay"), r#"{"after":"9"}"#).await.status, 422);
    assert_eq!(sang.json("POST", &format!("{path}/replay"), "{}").await.json()["state"], "active");
    assert_ne!(sang.json("POST", &format!("{path}/rotate"), "{}").await.json()["secret"], secret);
    assert_eq!(sang.json("DELETE", &path, "").await.status, 204);
    assert_eq!(sang.get(&path).await.status, 404);
}
