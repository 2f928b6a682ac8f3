//! Money arrives: each acknowledged settlement is in the journal exactly once, on both engines.

use std::collections::HashSet;

use serde_json::Value;
use socho::app::close_day::CloseDay;
use socho::app::manage_sources::AddSource;
use socho::app::receive_settlement::{Inbound, Reply, ReplyStatus};
use socho::domain::inbox::Outcome;
use socho::domain::settlement::{Dialect, EventTime};

use crate::world::{World, inbound, registration, send, settlement, story};

const ACCOUNTS: [&str; 3] = ["0071000888888", "0123456789", "V5CHO0001234567"];

async fn sample_market(world: &World) {
    world.market("TAN", "00:00").await;
    for (stall, account) in ["A1", "A2", "A3"].iter().zip(ACCOUNTS) {
        world.stall("TAN", stall, &format!("Chị {stall}"), account).await;
    }
}

fn samples() -> Vec<Value> {
    serde_json::from_str(include_str!("../../fixtures/webhooks.json")).unwrap()
}

/// Adds one source for each provider; a provider's second secret is rotated in, so that both live.
async fn sample_sources(world: &World, samples: &[Value]) {
    let mut known: HashSet<(String, String)> = HashSet::new();
    for sample in samples {
        let name = sample["provider"].as_str().unwrap().to_owned();
        let secret = sample["secret"].as_str().unwrap().to_owned();
        let first = !known.iter().any(|(other, _)| *other == name);
        if !known.insert((name.clone(), secret.clone())) {
            continue;
        }
        if first {
            let new = AddSource {
                name: name.parse().unwrap(),
                dialect: name.parse().unwrap(),
                secret,
                accounts: ACCOUNTS.iter().map(|account| account.parse().unwrap()).collect(),
                market: None,
                local_as_utc: false,
                tolerance_s: 300,
                networks: Vec::new(),
            };
            world.app.add_source(new).await.unwrap();
        } else {
            let day = jiff::SignedDuration::from_hours(24);
            world.app.rotate_source(&name.parse().unwrap(), &secret, day).await.unwrap();
        }
    }
}

async fn post(world: &World, sample: &Value, token: &mut String) -> Reply {
    let now = jiff::Timestamp::from_second(sample["now"].as_i64().unwrap()).unwrap();
    world.clock.set(now);
    let headers = sample["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().replace("{{token}}", token).into_bytes()));
    let inbound = Inbound {
        source: sample["provider"].as_str().unwrap().to_owned(),
        sub_path: sample["path"].as_str().unwrap_or_default().to_owned(),
        address: None,
        headers: headers.collect(),
        body: sample["body"].as_str().unwrap().as_bytes().to_vec(),
    };
    let reply = world.app.receive_settlement(inbound).await.unwrap();
    if let Some(issued) = reply.body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok())
        && let Some(issued) = issued["access_token"].as_str()
    {
        *token = issued.to_owned();
    }
    reply
}

async fn post_all(world: &World, samples: &[Value]) {
    let mut token = String::new();
    for sample in samples {
        let reply = post(world, sample, &mut token).await;
        let expected = match sample["expect"].as_str().unwrap() {
            "accept" | "ignore" => vec![ReplyStatus::Accepted],
            "bad_request" => vec![ReplyStatus::Unreadable],
            _ => vec![ReplyStatus::Unauthenticated, ReplyStatus::Stale],
        };
        assert!(expected.contains(&reply.status), "{}/{}: {reply:?}", sample["provider"], sample["name"]);
    }
}

story!(a_database_for_each_provider_holds_sixty_postings, |world| {
    // Each provider gets a market of its own accounts in its own book: the totals add up.
    let (mut postings, mut amount) = (0, 0);
    let samples = samples();
    for dialect in Dialect::ALL {
        let world =
            if world.url.starts_with("sqlite") { World::sqlite().await } else { World::postgres().await.unwrap() };
        let mine: Vec<Value> = samples.iter().filter(|s| s["provider"] == dialect.as_str()).cloned().collect();
        sample_market(&world).await;
        sample_sources(&world, &mine).await;
        post_all(&world, &mine).await;
        postings += world.int("SELECT COUNT(*) FROM postings").await;
        amount += world.int("SELECT CAST(SUM(amount) AS BIGINT) FROM postings").await;
    }
    assert_eq!((postings, amount), (60, 4_501_715_991));
});

story!(all_nine_sources_in_one_market_give_twenty_postings, |world| {
    let samples = samples();
    sample_market(&world).await;
    sample_sources(&world, &samples).await;
    post_all(&world, &samples).await;
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 20);
    assert_eq!(world.int("SELECT CAST(SUM(amount) AS BIGINT) FROM postings").await, 500_618_999);
});

story!(a_second_delivery_of_the_same_webhook_changes_nothing, |world| {
    sample_market(&world).await;
    world.source("sepay1", Dialect::SepayHmac, &ACCOUNTS, None).await;
    let sent = settlement(ACCOUNTS[0], "1", 35_000, "2026-11-24T08:18:11+07:00");
    let first = world.send("sepay1", Dialect::SepayHmac, &sent).await;
    let second = world.send("sepay1", Dialect::SepayHmac, &sent).await;
    assert_eq!(first.items[0].outcome, Outcome::Recorded);
    assert_eq!(second.items[0].outcome, Outcome::Duplicate);
    assert_eq!((first.items[0].posting.as_deref(), second.items[0].posting.as_deref()), (Some("TAN-1"), Some("TAN-1")));
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 1);
});

story!(sixty_four_senders_of_the_same_events_at_once_book_each_once, |world| {
    sample_market(&world).await;
    world.source("generic", Dialect::GenericHmac, &ACCOUNTS, None).await;
    let second = world.second().await;
    let mut tasks = Vec::new();
    for copy in 0..8 {
        for event in 0..40 {
            let app = if copy % 2 == 0 { std::sync::Arc::clone(&world.app) } else { std::sync::Arc::clone(&second) };
            let account = ACCOUNTS[event % 2];
            let sent = settlement(account, &event.to_string(), 1_000, "2026-11-24T08:00:00+07:00");
            tasks.push(tokio::spawn(async move { send(&app, "generic", Dialect::GenericHmac, &sent).await }));
        }
    }
    let mut acked = HashSet::new();
    for task in tasks {
        let reply = task.await.unwrap();
        acked.insert(reply.items[0].posting.clone().expect("recorded or duplicate"));
    }
    assert_eq!(acked.len(), 40);
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 40);
    assert_eq!(world.int("SELECT last_seq FROM market_head WHERE market_id = 1").await, 40);
    assert_eq!(
        world.int("SELECT CAST(SUM(credits) AS BIGINT) FROM balances WHERE account LIKE 'stall:%'").await,
        40_000
    );
});

story!(the_same_event_with_another_amount_is_a_conflict_and_never_booked, |world| {
    sample_market(&world).await;
    world.source("generic", Dialect::GenericHmac, &ACCOUNTS, None).await;
    let sent = settlement(ACCOUNTS[0], "1", 35_000, "2026-11-24T08:18:11+07:00");
    world.send("generic", Dialect::GenericHmac, &sent).await;
    let other = settlement(ACCOUNTS[0], "1", 36_000, "2026-11-24T08:18:11+07:00");
    let reply = world.send("generic", Dialect::GenericHmac, &other).await;
    assert_eq!((reply.status, reply.items[0].outcome), (ReplyStatus::Accepted, Outcome::Quarantined));
    assert_eq!(reply.items[0].reason.as_deref(), Some("conflict"));
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 1);
});

story!(a_second_source_pairs_one_to_one_and_equal_sales_stay_two, |world| {
    sample_market(&world).await;
    for name in ["one", "two"] {
        world.source(name, Dialect::GenericHmac, &ACCOUNTS, None).await;
    }
    let sale = |id: &str, memo: &str, at: &str| {
        let mut sale = settlement(ACCOUNTS[0], id, 20_000, at);
        sale.memo = memo.to_owned();
        sale
    };
    let code = "SC22223Y";
    for id in ["a1", "a2"] {
        let reply = world.send("one", Dialect::GenericHmac, &sale(id, code, "2026-11-24T08:00:00+07:00")).await;
        assert_eq!(reply.items[0].outcome, Outcome::Recorded);
    }
    for id in ["b1", "b2"] {
        let reply = world.send("two", Dialect::GenericHmac, &sale(id, code, "2026-11-24T08:04:00+07:00")).await;
        assert_eq!(reply.items[0].outcome, Outcome::Duplicate, "{reply:?}");
    }
    // A third report of the second source pairs with nothing that is left: it is money of its own.
    let third = world.send("two", Dialect::GenericHmac, &sale("b3", code, "2026-11-24T08:04:00+07:00")).await;
    assert_eq!(third.items[0].outcome, Outcome::Recorded);
    // Its retry is the same event, not the same reference once more.
    let retry = world.send("two", Dialect::GenericHmac, &sale("b1", code, "2026-11-24T08:04:00+07:00")).await;
    assert_eq!(retry.items[0].outcome, Outcome::Duplicate);
    // Without a code that agrees a person decides.
    world.send("one", Dialect::GenericHmac, &sale("a9", "", "2026-11-24T07:00:00+07:00")).await;
    let doubtful = world.send("two", Dialect::GenericHmac, &sale("b9", "", "2026-11-24T07:09:00+07:00")).await;
    assert_eq!(doubtful.items[0].reason.as_deref(), Some("possible_duplicate"));
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 4);
});

story!(a_vendors_two_stalls_share_an_account_and_the_memo_code_decides, |world| {
    sample_market(&world).await;
    let second = world.stall("TAN", "A9", "Chị A1", ACCOUNTS[0]).await;
    world.source("generic", Dialect::GenericHmac, &ACCOUNTS, None).await;
    let mut sent = settlement(ACCOUNTS[0], "1", 1_000, "2026-11-24T08:00:00+07:00");
    sent.memo = format!("MBVCB.1.{}.CT tu", second.memo_code.unwrap());
    world.send("generic", Dialect::GenericHmac, &sent).await;
    let plain = settlement(ACCOUNTS[0], "2", 1_000, "2026-11-24T08:00:00+07:00");
    world.send("generic", Dialect::GenericHmac, &plain).await;
    let number = second.stall.unwrap().number.get();
    let of = |stall: i64| format!("SELECT COUNT(*) FROM postings WHERE stall_number = {stall}");
    assert_eq!(world.int(&of(number)).await, 1);
    assert_eq!(world.int(&of(1)).await, 1, "what no code decides goes to the account's first stall");
});

story!(an_account_listed_later_gets_what_waited_for_it, |world| {
    sample_market(&world).await;
    world.source("generic", Dialect::GenericHmac, &["0999"], Some("TAN")).await;
    let sent = settlement("0999", "1", 5_000, "2026-11-24T08:00:00+07:00");
    let reply = world.send("generic", Dialect::GenericHmac, &sent).await;
    assert_eq!(reply.items[0].reason.as_deref(), Some("unlisted_account"));
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 0);
    world.stall("TAN", "B1", "Chị Tư", "0999").await;
    assert_eq!(world.int("SELECT COUNT(*) FROM postings WHERE business_date = '2026-11-24'").await, 1);
    assert_eq!(world.int("SELECT COUNT(*) FROM inbox WHERE resolves = 1").await, 1);
    let again = world.send("generic", Dialect::GenericHmac, &sent).await;
    assert_eq!(again.items[0].outcome, Outcome::Duplicate);
});

story!(a_day_without_an_hour_and_a_future_time_are_flagged_not_guessed, |world| {
    world.market("TAN", "04:00").await;
    world.stall("TAN", "A1", "Chị Ba", ACCOUNTS[0]).await;
    world.source("generic", Dialect::CassoV1, &ACCOUNTS, None).await;
    let mut day = settlement(ACCOUNTS[0], "1", 1_000, "2026-11-24T00:00:00+07:00");
    day.event_time = EventTime::On("2026-11-24".parse().unwrap());
    world.send("generic", Dialect::CassoV1, &day).await;
    let future = settlement(ACCOUNTS[0], "2", 1_000, "2026-11-25T00:00:00+07:00");
    world.send("generic", Dialect::CassoV1, &future).await;
    let night = settlement(ACCOUNTS[0], "3", 1_000, "2026-11-24T03:59:59+07:00");
    world.send("generic", Dialect::CassoV1, &night).await;
    assert_eq!(world.int("SELECT COUNT(*) FROM postings WHERE business_date = '2026-11-24'").await, 2);
    assert_eq!(world.int("SELECT COUNT(*) FROM postings WHERE business_date = '2026-11-23'").await, 1);
    assert_eq!(world.int("SELECT COUNT(*) FROM hourly_totals WHERE hour = -1").await, 1);
    assert_eq!(
        world.int("SELECT COUNT(*) FROM inbox WHERE event_precision = 'none' AND claimed_at IS NOT NULL").await,
        1
    );
});

story!(the_journal_refuses_every_change_of_a_row, |world| {
    sample_market(&world).await;
    world.source("generic", Dialect::GenericHmac, &ACCOUNTS, None).await;
    world
        .send("generic", Dialect::GenericHmac, &settlement(ACCOUNTS[0], "1", 1_000, "2026-11-24T08:00:00+07:00"))
        .await;
    for table in ["postings", "inbox", "batches"] {
        for sql in [format!("UPDATE {table} SET market_id = market_id"), format!("DELETE FROM {table}")] {
            let refused = world.execute(&sql).await.expect_err(&sql);
            assert!(refused.contains("append-only"), "{refused}");
        }
    }
    if world.url.starts_with("postgres") {
        for sql in ["UPDATE postings SET amount = 1", "DELETE FROM inbox", "TRUNCATE batches"] {
            let refused = world.execute(&format!("SET ROLE socho_serve; {sql}")).await.expect_err(sql);
            assert!(refused.contains("permission denied"), "{refused}");
        }
        assert!(world.app.journal_guarded_by_roles());
    }
});

story!(a_delivery_for_two_markets_books_each_item_in_its_own, |world| {
    sample_market(&world).await;
    world.market("CKH", "00:00").await;
    world.stall("CKH", "C1", "Anh Năm", "0555").await;
    world.source("casso", Dialect::CassoV1, &["0071000888888", "0555"], None).await;
    let body = r#"{"error":0,"data":[
        {"id":1,"tid":"A","amount":1000,"when":"2026-11-24 08:00:00","bank_sub_acc_id":"0071000888888"},
        {"id":2,"tid":"B","amount":2000,"when":"2026-11-24 08:00:00","bank_sub_acc_id":"0555"},
        {"id":3,"tid":"C","amount":3000,"when":"2026-11-24 08:00:00","bank_sub_acc_id":"0777"}]}"#;
    let sample = settlement("0555", "1", 1, "2026-11-24T08:00:00+07:00");
    let mut inbound = inbound(world.app.now(), "casso", Dialect::CassoV1, &sample);
    inbound.body = body.as_bytes().to_vec();
    let reply = world.app.receive_settlement(inbound.clone()).await.unwrap();
    let outcomes: Vec<Outcome> = reply.items.iter().map(|item| item.outcome).collect();
    assert!(
        outcomes.contains(&Outcome::Quarantined) && outcomes.iter().filter(|o| **o == Outcome::Recorded).count() == 2
    );
    world.app.receive_settlement(inbound).await.unwrap();
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 2);
    assert_eq!(world.int("SELECT COUNT(*) FROM deliveries WHERE state = 'judged'").await, 2);
});

story!(an_account_is_refused_to_another_vendor_and_another_market, |world| {
    sample_market(&world).await;
    world.market("CKH", "00:00").await;
    let code = |text: &str| text.parse().unwrap();
    let other = world.app.register(&code("TAN"), registration("B7", "Anh Bảy", ACCOUNTS[0])).await.unwrap_err();
    assert_eq!(other.code, "account_bound_elsewhere");
    assert!(other.message.en.contains("Chị A1") && other.message.en.contains("A1"), "{other}");
    let market = world.app.register(&code("CKH"), registration("B7", "Chị A1", ACCOUNTS[0])).await.unwrap_err();
    assert!(market.message.en.contains("TAN"), "{market}");
    let taken = world.app.register(&code("TAN"), registration("a-1", "Anh Bảy", "0888")).await.unwrap_err();
    assert_eq!(taken.code, "stall_taken");
    let again = world.stall("TAN", "A1", "Chị A1", ACCOUNTS[0]).await;
    assert!(again.already);
    let both = [registration("D1", "Chị D", "0881"), registration("D2", "Anh D", "0881")];
    assert!(world.app.register_all(&code("TAN"), &both).await.is_err());
    assert_eq!(world.int("SELECT COUNT(*) FROM stalls").await, 3, "all or nothing");
});

story!(three_stale_deliveries_in_a_row_raise_a_clock_alarm_that_one_in_time_ends, |world| {
    sample_market(&world).await;
    world.source("hmac", Dialect::SepayHmac, &ACCOUNTS, None).await;
    let name = "hmac".parse().unwrap();
    let signed_at = world.app.now();
    let send = |at: &'static str, id: &'static str| {
        let paid = settlement(ACCOUNTS[0], id, 1_000, "2026-11-24T08:00:00+07:00");
        let delivery = inbound(signed_at, "hmac", Dialect::SepayHmac, &paid);
        world.set_clock(at);
        world.app.receive_settlement(delivery)
    };
    for (id, alarm) in [("1", None), ("2", None), ("3", Some(-600)), ("4", Some(-600))] {
        let reply = send("2026-11-24T08:30:00+07:00", id).await.unwrap();
        assert_eq!(reply.status, ReplyStatus::Stale);
        assert_eq!(world.app.source(&name).await.unwrap().clock_alarm_s, alarm, "{id}");
    }
    assert_eq!(send("2026-11-24T08:20:00+07:00", "5").await.unwrap().status, ReplyStatus::Accepted);
    assert_eq!(world.app.source(&name).await.unwrap().clock_alarm_s, None);
    send("2026-11-24T08:30:00+07:00", "6").await.unwrap();
    assert_eq!(world.app.source(&name).await.unwrap().clock_alarm_s, None);
});

story!(a_payment_taken_for_the_future_by_a_clock_set_back_is_known_when_another_source_tells_of_it, |world| {
    world.market("TAN", "00:00").await;
    let account = "0071000888888";
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", account).await;
    for source in ["one", "two"] {
        world.source(source, Dialect::GenericHmac, &[account], Some("TAN")).await;
    }
    // The server believes that it is twenty past eight; the payment came at three in the afternoon.
    let first = settlement(account, "a1", 35_000, "2026-11-24T15:00:00+07:00");
    assert_eq!(world.send("one", Dialect::GenericHmac, &first).await.items[0].outcome, Outcome::Recorded);
    assert_eq!(world.int("SELECT COUNT(*) FROM inbox WHERE claimed_at > event_at").await, 1);
    world.set_clock("2026-11-24T15:05:00+07:00");
    let again = settlement(account, "b1", 35_000, "2026-11-24T15:01:00+07:00");
    assert_eq!(world.send("two", Dialect::GenericHmac, &again).await.items[0].outcome, Outcome::Quarantined);
    // What came at another time is other money, as before.
    let other = settlement(account, "b2", 35_000, "2026-11-24T14:30:00+07:00");
    assert_eq!(world.send("two", Dialect::GenericHmac, &other).await.items[0].outcome, Outcome::Recorded);
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 2);
});

// A busy lane remembers its market's head and asks nothing before it judges. What another process changed
// meanwhile must be met at the fence: an account that it listed, for another market at that, and a day it closed.
story!(what_another_process_changed_is_met_by_a_lane_that_remembers_its_head, |world| {
    let (here, there) = ("0071000111111", "0071000222222");
    world.market("TAN", "00:00").await;
    world.market("CKH", "00:00").await;
    world.stall("TAN", "A1", "Chị A1", here).await;
    world.source("sms", Dialect::GenericHmac, &[here, there], Some("TAN")).await;
    let paid = |account: &str, id: &str| settlement(account, id, 35_000, "2026-11-24T08:00:00+07:00");
    // Two batches with nobody else between them, and a lane takes it that it is alone.
    let alone = async |ids: [&str; 2]| {
        for id in ids {
            let reply = world.send("sms", Dialect::GenericHmac, &paid(here, id)).await;
            assert_eq!(reply.items[0].outcome, Outcome::Recorded);
        }
    };
    alone(["a1", "a2"]).await;
    let other = world.second().await;
    other.register(&"CKH".parse().unwrap(), registration("B7", "Anh Bảy", there)).await.unwrap();
    let reply = world.send("sms", Dialect::GenericHmac, &paid(there, "b1")).await;
    assert_eq!(reply.items[0].outcome, Outcome::Recorded, "held as an account that nobody listed");
    assert!(reply.items[0].posting.as_deref().is_some_and(|posting| posting.starts_with("CKH")), "{reply:?}");
    alone(["a3", "a4"]).await;
    let (market, date) = ("TAN".parse().unwrap(), "2026-11-24".parse().unwrap());
    other.close_day(CloseDay { market, date, early: true, actor: "an".to_owned() }).await.unwrap();
    let reply = world.send("sms", Dialect::GenericHmac, &paid(here, "a5")).await;
    assert_eq!(reply.items[0].outcome, Outcome::Recorded);
    assert_eq!(world.int("SELECT COUNT(*) FROM postings WHERE business_date = '2026-11-25' AND late = 1").await, 1);
});
