//! Who listens to a stall hears its money once each, in order, through dead zones, restarts and other
//! processes; and nothing of its neighbour's.

use std::time::Duration;

use serde_json::Value;
use socho::app::App;
use socho::app::access::{Actor, Role};
use socho::app::close_day::CloseDay;
use socho::app::listen::{Listen, Listener, News, NewsKind};
use socho::domain::calendar::BusinessDate;
use socho::domain::ids::StallNumber;
use socho::domain::settlement::Dialect;

use crate::stall_book::{AT, MINE, NEIGHBOUR, market, pay};
use crate::visitors::{PASSWORD, Site, phone, user};
use crate::world::{settlement, story};

/// After this a listener that hears nothing has lost something, and the test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// The next news; none when the stream has ended.
async fn next(listener: &mut Listener) -> Option<News> {
    tokio::time::timeout(PATIENCE, listener.next()).await.expect("something is heard, or the stream ends")
}

async fn listen(app: &App, stall: Option<i64>, after: Option<i64>) -> Listener {
    let market = "TAN".parse().unwrap();
    let stall = stall.map(|number| StallNumber::new(number).unwrap());
    app.listen(Listen { market: &market, stall, after, since: BusinessDate::BEGINNING }).await.unwrap()
}

/// The next news that is a payment: its number, kind and amount.
async fn money(listener: &mut Listener) -> (i64, String, i64) {
    loop {
        let news = next(listener).await.expect("the stream goes on");
        if news.kind == NewsKind::Payment {
            let told = json(&news);
            return (news.seq.unwrap(), told["kind"].as_str().unwrap().to_owned(), told["amount"].as_i64().unwrap());
        }
    }
}

fn json(news: &News) -> Value {
    serde_json::from_str(&news.text).unwrap()
}

fn settled(seq: i64, amount: i64) -> (i64, String, i64) {
    (seq, "settle".to_owned(), amount)
}

story!(a_stall_hears_its_own_money_and_nothing_of_its_neighbours, |world| {
    market(&world).await;
    let mut mine = listen(&world.app, Some(1), None).await;
    let mut all = listen(&world.app, None, None).await;
    pay(&world, NEIGHBOUR, "1", 9_000).await;
    pay(&world, MINE, "2", 50_000).await;
    assert_eq!(money(&mut mine).await, settled(2, 50_000));
    assert_eq!(money(&mut all).await, settled(1, 9_000));
    assert_eq!(money(&mut all).await, settled(2, 50_000));
});

story!(what_was_missed_in_a_dead_zone_is_told_once_and_in_order, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 10_000).await;
    let mut before = listen(&world.app, Some(1), Some(0)).await;
    assert_eq!(money(&mut before).await, settled(1, 10_000));
    drop(before);
    pay(&world, MINE, "2", 20_000).await;
    pay(&world, NEIGHBOUR, "3", 7_000).await;
    pay(&world, MINE, "4", 30_000).await;
    let mut back = listen(&world.app, Some(1), Some(1)).await;
    pay(&world, MINE, "5", 40_000).await;
    for expected in [settled(2, 20_000), settled(4, 30_000), settled(5, 40_000)] {
        assert_eq!(money(&mut back).await, expected);
    }
});

story!(payments_that_arrive_while_a_phone_sits_down_are_neither_lost_nor_told_twice, |world| {
    market(&world).await;
    let rounds = 12;
    for round in 0..rounds {
        let id = format!("r{round}");
        let settled_now = settlement(MINE, &id, 1_000 + round, AT);
        let payment = world.send("g1", Dialect::GenericHmac, &settled_now);
        let (mut listener, _) = tokio::join!(listen(&world.app, Some(1), Some(0)), payment);
        for seq in 1..=round + 1 {
            assert_eq!(money(&mut listener).await, settled(seq, 999 + seq), "round {round}");
        }
    }
});

story!(what_another_process_books_is_heard_too, |world| {
    market(&world).await;
    let other = world.second().await;
    let mut heard = listen(&other, Some(1), None).await;
    pay(&world, MINE, "1", 15_000).await;
    assert_eq!(money(&mut heard).await, settled(1, 15_000));
    other.close().await;
    assert!(next(&mut heard).await.is_none(), "a process that stops ends its streams");
});

story!(a_restart_goes_on_where_the_phone_stopped, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 10_000).await;
    let mut heard = listen(&world.app, Some(1), Some(0)).await;
    assert_eq!(money(&mut heard).await, settled(1, 10_000));
    pay(&world, MINE, "2", 20_000).await;
    drop(heard);
    let restarted = world.second().await;
    let mut back = listen(&restarted, Some(1), Some(1)).await;
    assert_eq!(money(&mut back).await, settled(2, 20_000));
});

story!(a_reversal_takes_the_money_away_again, |world| {
    market(&world).await;
    let mut mine = listen(&world.app, Some(1), None).await;
    pay(&world, MINE, "1", 50_000).await;
    world.app.reverse(&"TAN-1".parse().unwrap(), "Trưởng ban", "khách chuyển nhầm").await.unwrap();
    assert_eq!(money(&mut mine).await, settled(1, 50_000));
    assert_eq!(money(&mut mine).await, (2, "reversal".to_owned(), -50_000));
});

story!(a_close_is_news_of_the_day, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 50_000).await;
    let mut mine = listen(&world.app, Some(1), None).await;
    let standing = next(&mut mine).await.unwrap();
    assert_eq!((standing.kind, standing.seq), (NewsKind::Day, Some(1)));
    world.set_clock("2026-11-25T09:00:00+07:00");
    let date = "2026-11-24".parse().unwrap();
    let close = CloseDay { market: "TAN".parse().unwrap(), date, early: false, actor: "Trưởng ban".to_owned() };
    world.app.close_day(close).await.unwrap();
    let news = next(&mut mine).await.unwrap();
    assert_eq!((news.kind, json(&news)["open_date"].as_str()), (NewsKind::Day, Some("2026-11-25")));
});

story!(a_phone_that_knows_more_than_the_book_reads_it_anew, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 50_000).await;
    let mut mine = listen(&world.app, Some(1), Some(99)).await;
    let news = next(&mut mine).await.unwrap();
    assert_eq!((news.kind, news.seq), (NewsKind::Resync, Some(1)));
    pay(&world, MINE, "2", 60_000).await;
    assert_eq!(money(&mut mine).await, settled(2, 60_000));
});

story!(days_before_a_tenancy_are_not_told, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 50_000).await;
    let market = "TAN".parse().unwrap();
    let since = "2026-11-25".parse().unwrap();
    let wanted = Listen { market: &market, stall: Some(StallNumber::FIRST), after: Some(0), since };
    let mut mine = world.app.listen(wanted).await.unwrap();
    world.set_clock("2026-11-25T09:00:00+07:00");
    world.send("g1", Dialect::GenericHmac, &settlement(MINE, "2", 60_000, "2026-11-25T08:50:00+07:00")).await;
    assert_eq!(money(&mut mine).await, settled(2, 60_000));
});

story!(three_thousand_phones_cost_one_read_a_commit, |world| {
    const PHONES: usize = 3_000;
    const PAYMENTS: i64 = 20;
    market(&world).await;
    let before = resident_kib();
    let mut phones = Vec::new();
    for _ in 0..PHONES {
        phones.push(listen(&world.app, Some(1), None).await);
    }
    let seated = resident_kib();
    let (reads_before, mut tasks) = (world.app.listening_reads(), tokio::task::JoinSet::new());
    for mut phone in phones {
        tasks.spawn(async move {
            let mut heard = Vec::new();
            for id in 1..=PAYMENTS {
                assert_eq!(money(&mut phone).await, settled(id, 1_000 + id));
                heard.push(std::time::Instant::now());
            }
            heard
        });
    }
    let mut sent = Vec::new();
    for id in 1..=PAYMENTS {
        sent.push(std::time::Instant::now());
        pay(&world, MINE, &format!("p{id}"), 1_000 + id).await;
    }
    let mut waits = Vec::new();
    while let Some(heard) = tasks.join_next().await {
        waits.extend(heard.unwrap().into_iter().zip(&sent).map(|(heard, sent)| heard - *sent));
    }
    waits.sort();
    let (half, most) = (waits[waits.len() / 2], waits[waits.len() * 99 / 100]);
    let (reads, each) = (world.app.listening_reads() - reads_before, seated.saturating_sub(before) * 1024 / 3_000);
    eprintln!("{PHONES} phones: {half:?} median, {most:?} p99, {reads} reads, {each} bytes a phone");
    assert_eq!(waits.len(), PHONES * sent.len());
    // A room also looks once a second for what other processes wrote.
    assert!(reads < 1_000, "{reads} reads for {PHONES} phones and {PAYMENTS} commits");
});

/// Returns the memory that this process holds, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0)
}

story!(who_falls_behind_is_cut_off_and_loses_nothing, |world| {
    market(&world).await;
    let mut slow = listen(&world.app, Some(1), None).await;
    let mut quick = listen(&world.app, Some(1), None).await;
    for id in 1..=60 {
        pay(&world, MINE, &format!("p{id}"), 1_000 + id).await;
        assert_eq!(money(&mut quick).await, settled(id, 1_000 + id));
    }
    // The day's standing was waiting before the payments came; behind it, too many did.
    assert_eq!(next(&mut slow).await.map(|news| news.kind), Some(NewsKind::Day));
    assert!(next(&mut slow).await.is_none());
    let mut back = listen(&world.app, Some(1), Some(0)).await;
    for id in 1..=60 {
        assert_eq!(money(&mut back).await, settled(id, 1_000 + id));
    }
});

story!(who_was_taken_off_in_another_process_hears_nothing_that_comes_after, |world| {
    market(&world).await;
    let site = Site::of(&world);
    let mut hers = phone(&world, &site, "TAN", "B12", "Máy của Hoa").await;
    let other = world.second().await;
    let mut heard = listen(&other, Some(1), None).await;
    let mut neighbour = listen(&other, Some(2), None).await;
    pay(&world, MINE, "1", 15_000).await;
    assert_eq!(money(&mut heard).await, settled(1, 15_000));
    let code = "TAN".parse().unwrap();
    let device = world.app.devices(&Actor::operator(), &code, "B12").await.unwrap()[0].id;
    world.app.end_device(&Actor::operator(), &code, "B12", device).await.unwrap();
    pay(&world, MINE, "2", 20_000).await;
    pay(&world, NEIGHBOUR, "3", 9_000).await;
    assert!(next(&mut heard).await.is_none(), "the stream ends before the money is told");
    assert_eq!(money(&mut neighbour).await, settled(3, 9_000), "the neighbour hears on");
    assert_eq!(hers.get("/v1/stream?market=TAN&stall=B12&after=1").await.status, 401);
    other.close().await;
});

story!(a_login_or_key_that_was_ended_in_another_process_hears_nothing_that_comes_after, |world| {
    market(&world).await;
    user(&world, "an", Role::Admin, None).await;
    let site = Site::of(&world);
    let mut an = site.visitor();
    an.log_in("an", PASSWORD).await;
    let key = an.json("POST", "/v1/keys", r#"{"name":"loa","role":"manager","market":"TAN"}"#).await;
    let (secret, id) =
        (key.json()["secret"].as_str().unwrap().to_owned(), key.json()["key"]["id"].as_str().unwrap().to_owned());
    let mut people = Vec::new();
    for name in ["lan", "hai"] {
        user(&world, name, Role::Manager, Some("TAN")).await;
        let mut person = site.visitor();
        person.log_in(name, PASSWORD).await;
        people.push(person.cookies["__Host-socho-session"].clone());
    }
    // They listen to another process than the one that ends them.
    let other = world.second().await;
    let market: socho::domain::ids::MarketCode = "TAN".parse().unwrap();
    let mut listeners = Vec::new();
    for known in [
        other.who_has_session(&people[0]).await.unwrap().unwrap(),
        other.who_has_session(&people[1]).await.unwrap().unwrap(),
        other.who_has_key(&secret).await.unwrap().unwrap(),
    ] {
        let wanted = Listen { market: &market, stall: None, after: None, since: BusinessDate::BEGINNING };
        listeners.push(other.listen_for(&known.actor, wanted, "").await.unwrap());
    }
    let mut phone = listen(&other, Some(1), None).await;
    pay(&world, MINE, "1", 15_000).await;
    for listener in &mut listeners {
        assert_eq!(money(listener).await, settled(1, 15_000));
    }
    assert_eq!(money(&mut phone).await, settled(1, 15_000));
    let ended = an.json("POST", "/v1/users/lan/sessions", "{}").await;
    assert!(ended.status < 300, "{}", ended.body);
    assert!(an.json("DELETE", &format!("/v1/keys/{id}"), "").await.status < 300);
    pay(&world, MINE, "2", 20_000).await;
    let (mut key, mut hai, mut lan) = (listeners.pop().unwrap(), listeners.pop().unwrap(), listeners.pop().unwrap());
    assert!(next(&mut lan).await.is_none(), "the login ends before the money is told");
    assert!(next(&mut key).await.is_none(), "so does the key");
    assert_eq!(money(&mut hai).await, settled(2, 20_000), "whoever still may hears on");
    assert_eq!(money(&mut phone).await, settled(2, 20_000));
    let off = an.json("POST", "/v1/users/hai/disable", "{}").await;
    assert!(off.status < 300, "{}", off.body);
    assert!(next(&mut hai).await.is_none(), "and whoever is disabled does not, without any money coming");
    other.close().await;
});

story!(who_paid_is_told_by_the_last_four_digits_alone, |world| {
    market(&world).await;
    let mut mine = listen(&world.app, Some(1), None).await;
    for (id, payer) in [("1", "NGUYEN VAN ANH 0912000456789"), ("2", "NGUYEN VAN ANH"), ("3", "")] {
        let mut sale = settlement(MINE, id, 50_000, AT);
        sale.payer = payer.to_owned();
        world.send("g1", Dialect::GenericHmac, &sale).await;
    }
    let mut back = listen(&world.app, Some(1), Some(0)).await;
    for listener in [&mut mine, &mut back] {
        let mut told = Vec::new();
        while told.len() < 3 {
            let news = next(listener).await.unwrap();
            if news.kind == NewsKind::Payment {
                assert!(!news.text.contains("NGUYEN") && !news.text.contains("0912"), "{}", news.text);
                told.push(json(&news)["payer_last_four"].clone());
            }
        }
        assert_eq!(told, [Value::from("6789"), Value::Null, Value::Null]);
    }
});

story!(a_stall_at_work_whose_phones_do_not_listen_is_named_until_they_do, |world| {
    market(&world).await;
    let (site, code) = (Site::of(&world), "TAN".parse().unwrap());
    phone(&world, &site, "TAN", "B12", "Máy của Hoa").await;
    phone(&world, &site, "TAN", "B13", "Máy của Tư").await;
    assert!(world.app.quiet_phones(&code).await.unwrap().is_empty(), "nobody is at work yet");
    pay(&world, MINE, "1", 15_000).await;
    let quiet = world.app.quiet_phones(&code).await.unwrap();
    assert_eq!(quiet.iter().map(ToString::to_string).collect::<Vec<_>>(), ["B12"]);
    let listener = listen(&world.app, Some(1), None).await;
    assert!(world.app.quiet_phones(&code).await.unwrap().is_empty());
    drop(listener);
    world.set_clock("2026-11-30T08:00:00+07:00");
    assert_eq!(world.app.quiet_phones(&code).await.unwrap().len(), 1, "six days later it still is at work");
    world.set_clock("2026-12-01T08:00:00+07:00");
    assert!(world.app.quiet_phones(&code).await.unwrap().is_empty());
});
