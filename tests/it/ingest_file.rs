//! A file of bodies goes in many to a commit, and still each body on its own.

use socho::app::receive_settlement::ReplyStatus;
use socho::bank;
use socho::domain::inbox::Outcome;
use socho::domain::settlement::Dialect;

use crate::world::{NOON, secret_of, settlement, story};

/// Bodies for one stall, numbered from 1.
fn bodies(count: i64) -> Vec<String> {
    let body = |number: i64| {
        let paid = settlement("0071000888888", &number.to_string(), 1_000 * number, NOON);
        bank::sign(Dialect::SepayHmac, secret_of(Dialect::SepayHmac), &paid, NOON.parse().unwrap()).unwrap().body
    };
    (1..=count).map(body).collect()
}

story!(a_file_is_booked_in_its_order_and_a_bad_line_is_refused_alone, |world| {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", "0071000888888").await;
    world.source("sepay1", Dialect::SepayHmac, &[], Some("TAN")).await;
    // More than are booked together, with an unreadable line and a repeated one on the way.
    let mut lines = bodies(1_300);
    lines.insert(700, "not JSON".to_owned());
    lines.insert(900, lines[0].clone());
    let file = lines.join("\n");
    let mut heard = Vec::new();
    let source = "sepay1".parse().unwrap();
    world.app.ingest_file(&source, file.as_bytes(), |number, reply| heard.push((number, reply))).await.unwrap();
    assert_eq!(heard.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=1_302).collect::<Vec<_>>());
    let (refused, taken): (Vec<_>, Vec<_>) =
        heard.into_iter().partition(|(_, reply)| reply.status == ReplyStatus::Unreadable);
    assert_eq!(refused.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [701]);
    assert!(taken.iter().all(|(_, reply)| reply.status == ReplyStatus::Accepted && reply.items.len() == 1));
    let (again, first): (Vec<_>, Vec<_>) =
        taken.iter().partition(|(_, reply)| reply.items[0].outcome == Outcome::Duplicate);
    assert_eq!(again.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [901]);
    assert_eq!(again[0].1.items[0].posting.as_deref(), Some("TAN-1"));
    let names: Vec<_> = first.iter().map(|(_, reply)| reply.items[0].posting.clone().unwrap()).collect();
    assert_eq!(names, (1..=1_300).map(|seq| format!("TAN-{seq}")).collect::<Vec<_>>());
    let in_order = world.int("SELECT COUNT(*) FROM postings WHERE market_id > 0 AND amount = 1000 * seq").await;
    assert_eq!(in_order, 1_300);
    assert_eq!(world.int("SELECT COUNT(*) FROM inbox WHERE outcome = 'rejected'").await, 1);
    assert!(world.int("SELECT COUNT(*) FROM batches WHERE market_id > 0").await <= 5);
});

story!(a_file_that_is_one_json_value_is_one_body, |world| {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", "0071000888888").await;
    world.source("sepay1", Dialect::SepayHmac, &[], Some("TAN")).await;
    let value: serde_json::Value = serde_json::from_str(&bodies(1)[0]).unwrap();
    let file = serde_json::to_string_pretty(&value).unwrap();
    let mut heard = 0;
    world
        .app
        .ingest_file(&"sepay1".parse().unwrap(), file.as_bytes(), |_, reply| {
            assert_eq!(reply.status, ReplyStatus::Accepted);
            heard += 1;
        })
        .await
        .unwrap();
    assert_eq!((heard, world.int("SELECT COUNT(*) FROM postings").await), (1, 1));
});
