//! Corrections, and `verify` against every table: clean books pass, one changed value is found.

use socho::app::resolve::ResolveAction;
use socho::domain::inbox::Outcome;
use socho::domain::settlement::Dialect;

use crate::world::{World, settlement, story};

const ACCOUNTS: [&str; 2] = ["0071000888888", "0123456789"];

async fn a_busy_day(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", ACCOUNTS[0]).await;
    world.stall("TAN", "A2", "Anh Tư", ACCOUNTS[1]).await;
    for name in ["one", "two"] {
        world.source(name, Dialect::GenericHmac, &ACCOUNTS, Some("TAN")).await;
    }
    for id in 0..6 {
        let sale = settlement(ACCOUNTS[id % 2], &format!("a{id}"), 10_000, "2026-11-24T08:00:00+07:00");
        world.send("one", Dialect::GenericHmac, &sale).await;
    }
    let same = settlement(ACCOUNTS[0], "a0", 10_000, "2026-11-24T08:00:00+07:00");
    world.send("one", Dialect::GenericHmac, &same).await;
    world.send("two", Dialect::GenericHmac, &same).await;
    let doubtful = settlement(ACCOUNTS[1], "XYZ9", 10_000, "2026-11-24T08:05:00+07:00");
    world.send("two", Dialect::GenericHmac, &doubtful).await;
    let unlisted = settlement("0999", "u1", 5_000, "2026-11-24T08:05:00+07:00");
    world.send("two", Dialect::GenericHmac, &unlisted).await;
}

async fn differences(world: &World) -> Vec<String> {
    world.app.verify(None).await.unwrap().into_iter().flat_map(|market| market.differences).collect()
}

story!(clean_books_verify_after_corrections_and_decisions, |world| {
    a_busy_day(&world).await;
    let name = |seq: i64| format!("TAN-{seq}").parse().unwrap();
    let reversal = world.app.reverse(&name(1), "op", "nhầm").await.unwrap();
    assert_eq!(reversal, name(7));
    assert_eq!(world.app.reverse(&name(1), "op", "nhầm").await.unwrap_err().code, "already_reversed");
    world.app.reverse(&reversal, "op", "đúng rồi").await.unwrap();
    world.app.cash_change(&name(2), "op", "thối lại", socho::domain::money::Dong::new(4_000)).await.unwrap();
    assert_eq!(world.app.reverse(&name(2), "op", "x").await.unwrap_err().code, "rested_on");
    let more = world.app.exclude(&name(2), "op", "nợ", socho::domain::money::Dong::new(6_001)).await;
    assert_eq!(more.unwrap_err().code, "more_than_left");
    let reasonless = world.app.reverse(&name(2), "op", " ").await.unwrap_err();
    assert_eq!(reasonless.fields[0].code, "reason_missing");

    let held = world.app.held_items(Outcome::Quarantined, Some(&"TAN".parse().unwrap()), None).await.unwrap();
    let doubtful = held.data.iter().find(|item| item["reason"] == "possible_duplicate").expect("held");
    let id: socho::domain::ids::ItemName = doubtful["id"].as_str().unwrap().parse().unwrap();
    let booked = world.app.resolve(id, "op", "hai lần mua", ResolveAction::Book).await.unwrap();
    assert_eq!(booked[0].outcome, Outcome::Recorded);
    let again = world.app.resolve(id, "op", "hai lần mua", ResolveAction::Book).await;
    assert_eq!(again.unwrap_err().code, "already_resolved");
    assert_eq!(differences(&world).await, Vec::<String>::new());
    let report = world.app.daily_report(&"TAN".parse().unwrap(), "2026-11-24".parse().unwrap()).await.unwrap();
    assert_eq!(report.amount.whole(), 70_000);
});

story!(one_changed_value_in_any_table_is_found, |world| {
    a_busy_day(&world).await;
    assert_eq!(differences(&world).await, Vec::<String>::new());
    for (table, column, key) in [
        ("postings", "amount", "seq = 2"),
        ("postings", "recorded_at", "seq = 3"),
        ("inbox", "occurrence", "item = 4"),
        ("inbox", "recorded_at", "item = 4"),
        ("inbox", "part", "item = 7"),
        ("batches", "recorded_at", "batch_no = 1"),
        ("balances", "credits", "account = 'stall:1'"),
        ("daily_totals", "amount", "stall_number = 1"),
        ("hourly_totals", "count", "hour = 8"),
        ("date_totals", "debits", "kind = 'settle'"),
        ("source_totals", "count", "outcome = 'recorded'"),
        ("pairings", "item", "source_id = 2 AND credit_item = 1"),
        ("market_head", "last_seq", "market_id = 1"),
    ] {
        unguarded(&world, table, &format!("UPDATE {table} SET {column} = {column} + 1 WHERE market_id = 1 AND {key}"))
            .await;
        let found = differences(&world).await;
        assert!(!found.is_empty(), "{table}.{column}");
        unguarded(&world, table, &format!("UPDATE {table} SET {column} = {column} - 1 WHERE market_id = 1 AND {key}"))
            .await;
        assert_eq!(differences(&world).await, Vec::<String>::new(), "{table}.{column}");
    }
    unguarded(&world, "inbox_texts", "UPDATE inbox_texts SET memo = 'x' WHERE market_id = 1 AND item = 1").await;
    assert!(differences(&world).await[0].contains("item 1"));
});

/// Changes a row as someone would who owns the database: with the guards taken away.
async fn unguarded(world: &World, table: &str, sql: &str) {
    let sqlite = world.url.starts_with("sqlite");
    let guarded = ["postings", "inbox", "batches"].contains(&table);
    if guarded && sqlite {
        world.execute(&format!("DROP TRIGGER IF EXISTS {table}_no_update")).await.unwrap();
    }
    if guarded && !sqlite {
        world.execute(&format!("ALTER TABLE {table} DISABLE TRIGGER USER")).await.unwrap();
    }
    assert_eq!(world.execute(sql).await.unwrap(), 1, "{sql}");
}
