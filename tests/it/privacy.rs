//! Texts about payers go when their time is over, and the book stays whole; a vendor is told what is held.

use socho::app::App;
use socho::app::access::Role;
use socho::app::close_day::CloseDay;
use socho::app::privacy::Purged;
use socho::app::resolve::ResolveAction;
use socho::domain::inbox::Outcome;
use socho::domain::settlement::Dialect;

use crate::visitors::{PASSWORD, Site, phone, user};
use crate::world::{World, settlement, story};

const ACCOUNT: &str = "0071000888888";

async fn pay(world: &World, id: &str, account: &str, at: &str) {
    world.set_clock(at);
    let mut paid = settlement(account, id, 35_000, at);
    paid.payer = "LE VAN TAM".to_owned();
    paid.memo = format!("LE VAN TAM mua rau {id}");
    world.send("bank", Dialect::GenericHmac, &paid).await;
}

/// Three payments of a closed day of August, one of a day that is open, one held and never decided, one
/// of today.
async fn book(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.stall("TAN", "B13", "Trần Văn Ba", "0123456789").await;
    world.source("bank", Dialect::GenericHmac, &[], Some("TAN")).await;
    for id in ["a", "b"] {
        pay(world, id, ACCOUNT, &format!("2026-08-20T08:0{}:00+07:00", id.len())).await;
    }
    pay(world, "held", "0999", "2026-08-20T09:00:00+07:00").await;
    pay(world, "c", ACCOUNT, "2026-08-20T10:00:00+07:00").await;
    pay(world, "open", ACCOUNT, "2026-08-22T08:00:00+07:00").await;
    pay(world, "now", ACCOUNT, "2026-11-24T08:00:00+07:00").await;
    let (market, date) = ("TAN".parse().unwrap(), "2026-08-20".parse().unwrap());
    world.app.close_day(CloseDay { market, date, early: false, actor: "op".to_owned() }).await.unwrap();
}

async fn purge(app: &App, before: &str, trial: bool) -> (i64, i64) {
    let tan = "TAN".parse().unwrap();
    let purged = app.purge_texts(Some(&tan), before.parse().unwrap(), "lan", trial).await.unwrap();
    assert_eq!(purged.len(), 1);
    let Purged { market, texts, kept } = &purged[0];
    assert_eq!(market.as_ref(), Some(&tan));
    (*texts, *kept)
}

/// What `verify` says of the market: how many texts are gone, and what differs.
async fn verified(world: &World) -> (i64, Vec<String>) {
    let mut findings = world.app.verify(Some(&"TAN".parse().unwrap())).await.unwrap();
    let one = findings.remove(0);
    (one.redacted, one.differences)
}

story!(texts_about_payers_go_on_record_and_everything_else_stays, |world| {
    book(&world).await;
    let sums = "SELECT CAST(SUM(amount) AS BIGINT) FROM postings WHERE market_id = 1";
    let before = (
        world.int(sums).await,
        world.int("SELECT COUNT(*) FROM inbox WHERE item <= 6 AND reference IS NOT NULL").await,
    );
    let texts = "SELECT COUNT(*) FROM inbox_texts WHERE market_id = 1";
    assert_eq!(world.int(texts).await, 6);
    assert_eq!(purge(&world.app, "2026-09-20", true).await, (3, 1), "a trial counts");
    assert_eq!((world.int(texts).await, verified(&world).await), (6, (0, Vec::new())));
    assert_eq!(purge(&world.app, "2026-09-20", false).await, (3, 1));
    assert_eq!((world.int(texts).await, verified(&world).await), (3, (3, Vec::new())));
    let names = "SELECT COUNT(*) FROM inbox_texts WHERE market_id = 1 AND memo LIKE '%mua rau a%'";
    assert_eq!(world.int(names).await, 0);
    assert_eq!(purge(&world.app, "2026-09-20", false).await, (0, 1), "nothing twice");
    // Two runs of numbers: the held item between them keeps its text until somebody has decided.
    assert_eq!(world.int("SELECT COUNT(*) FROM redactions WHERE market_id = 1").await, 2);
    let held = world.app.held_items(Outcome::Quarantined, Some(&"TAN".parse().unwrap()), None).await.unwrap();
    let item = held.data[0]["id"].as_str().unwrap().parse().unwrap();
    world.app.resolve(item, "lan", "không phải tiền chợ", ResolveAction::Dismiss).await.unwrap();
    assert_eq!(purge(&world.app, "2026-09-20", false).await, (1, 0));
    assert_eq!(verified(&world).await, (4, Vec::new()));
    assert_eq!(
        before,
        (
            world.int(sums).await,
            world.int("SELECT COUNT(*) FROM inbox WHERE item <= 6 AND reference IS NOT NULL").await
        )
    );
    let young = world.app.purge_texts(None, "2026-11-01".parse().unwrap(), "lan", false).await.unwrap_err();
    assert_eq!(young.fields[0].code, "purge_too_young");
    // The report of a day whose texts are gone is the report it was.
    let report = world.app.daily_report(&"TAN".parse().unwrap(), "2026-08-20".parse().unwrap()).await.unwrap();
    assert_eq!((report.payments, report.amount.whole()), (3, 105_000));
});

story!(a_record_that_is_changed_or_a_text_that_goes_without_one_is_found, |world| {
    book(&world).await;
    purge(&world.app, "2026-09-20", false).await;
    for refused in ["UPDATE redactions SET actor = 'x'", "DELETE FROM redactions"] {
        assert!(world.execute(refused).await.is_err(), "{refused}");
    }
    let unguarded = if world.url.starts_with("sqlite:") {
        vec!["DROP TRIGGER redactions_no_update", "DROP TRIGGER redactions_no_delete"]
    } else {
        vec!["ALTER TABLE redactions DISABLE TRIGGER ALL"]
    };
    for sql in unguarded {
        world.execute(sql).await.unwrap();
    }
    for column in ["market_id", "redaction_no", "first_item", "last_item", "recorded_before", "recorded_at"] {
        for (sign, back) in [("+ 4", "- 4"), ("- 4", "+ 4")] {
            let change = format!("UPDATE redactions SET {column} = {column} {sign} WHERE first_item = 1");
            if column == "first_item" {
                continue;
            }
            assert_eq!(world.execute(&change).await, Ok(1), "{change}");
            assert!(!verified(&world).await.1.is_empty(), "{change}");
            world.execute(&change.replace(sign, back)).await.unwrap();
        }
    }
    for (change, back) in [
        ("first_item = 2 WHERE first_item = 1", "first_item = 1 WHERE first_item = 2"),
        ("actor = 'lam' WHERE first_item = 1", "actor = 'lan' WHERE first_item = 1"),
    ] {
        world.execute(&format!("UPDATE redactions SET {change}")).await.unwrap();
        assert!(!verified(&world).await.1.is_empty(), "{change}");
        world.execute(&format!("UPDATE redactions SET {back}")).await.unwrap();
    }
    for column in ["previous_hash", "hash"] {
        let copy =
            format!("UPDATE redactions SET {column} = (SELECT hash FROM batches WHERE market_id = 1 AND batch_no = 1)");
        let kept = world.int("SELECT COUNT(*) FROM redactions").await;
        world.execute(&format!("CREATE TABLE kept_{column} AS SELECT * FROM redactions")).await.unwrap();
        assert_eq!(world.execute(&copy).await, Ok(u64::try_from(kept).unwrap()));
        assert!(!verified(&world).await.1.is_empty(), "{column}");
        world.execute("DELETE FROM redactions").await.unwrap();
        assert!(verified(&world).await.1.iter().any(|what| what.contains("without a redaction")));
        world.execute(&format!("INSERT INTO redactions SELECT * FROM kept_{column}")).await.unwrap();
        world.execute(&format!("DROP TABLE kept_{column}")).await.unwrap();
    }
    assert_eq!(verified(&world).await, (3, Vec::new()), "as it was");
    world.execute("DELETE FROM inbox_texts WHERE market_id = 1 AND item = 6").await.unwrap();
    let (_, differences) = verified(&world).await;
    assert_eq!(differences, ["item 6: its text is missing without a redaction"]);
});

story!(a_vendor_is_told_all_that_is_held_about_her_and_nothing_of_others, |world| {
    book(&world).await;
    pay(&world, "other", "0123456789", "2026-11-24T08:10:00+07:00").await;
    phone(&world, &Site::of(&world), "TAN", "B12", "Máy Hoa").await;
    let told = world.app.subject_access(&"TAN".parse().unwrap(), "b-12").await.unwrap();
    assert_eq!(told["about"]["stall"], "B12");
    assert_eq!(told["tenancies"][0]["vendor"], "Nguyễn Thị Hoa");
    assert_eq!((&told["accounts"][0]["account"], &told["phones"][0]["name"]), (&ACCOUNT.into(), &"Máy Hoa".into()));
    let postings = told["postings"].as_array().unwrap();
    assert_eq!(postings.len(), 5);
    assert_eq!(postings[0]["memo"], "LE VAN TAM mua rau a");
    assert!(!told.to_string().contains("mua rau other") && !told.to_string().contains("Trần Văn Ba"));
    purge(&world.app, "2026-09-20", false).await;
    let told = world.app.subject_access(&"TAN".parse().unwrap(), "B12").await.unwrap();
    assert!(told["postings"][0]["memo"].is_null() && told["postings"][0]["amount"] == 35_000);
    assert_eq!(world.app.subject_access(&"TAN".parse().unwrap(), "Z9").await.unwrap_err().code, "not_found");
});

story!(a_vendors_file_says_who_read_her_book_and_the_log_says_who_wrote_the_file_and_what_went, |world| {
    book(&world).await;
    user(&world, "lan", Role::Manager, Some("TAN")).await;
    let mut lan = Site::of(&world).visitor();
    lan.log_in("lan", PASSWORD).await;
    for stall in ["B12", "B13"] {
        let page = lan.get(&format!("/v1/markets/TAN/postings?stall={stall}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
    }
    purge(&world.app, "2026-09-20", true).await;
    assert_eq!(world.int("SELECT COUNT(*) FROM audit_log WHERE action = 'texts.purged'").await, 0, "only counted");
    let (gone, _) = purge(&world.app, "2026-09-20", false).await;
    let noted = "SELECT COUNT(*) FROM audit_log WHERE market_id = 1 AND action = 'texts.purged' AND actor = 'lan' \
        AND object = 'TAN' AND value_after LIKE ";
    assert_eq!(world.int(&format!("{noted} '%\"texts\":{gone}}}'")).await, 1);
    let told = world.app.subject_access(&"TAN".parse().unwrap(), "B12").await.unwrap();
    let opened: Vec<(&str, &str)> = told["opened_by"].as_array().unwrap().iter().map(said).collect();
    assert_eq!(opened.first(), Some(&("operator", "subject.told")), "{opened:?}");
    assert_eq!(opened.iter().filter(|one| **one == ("lan", "postings.viewed")).count(), 1, "{opened:?}");
    assert_eq!(told["opened_by"][0]["role"]["vi"], "người vận hành");
    assert!(verified(&world).await.1.is_empty());
});

fn said(row: &serde_json::Value) -> (&str, &str) {
    (row["name"].as_str().unwrap(), row["action"].as_str().unwrap())
}
