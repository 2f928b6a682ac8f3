//! P7: the chain covers every field. Each column of the journal, of the inbox and of the batches is
//! changed alone, one after the other, by someone who owns the database; it is the hash that must
//! give each change away, whatever else notices it too.

use socho::domain::settlement::{BankRef, Dialect};

use super::audit::Reader;
use crate::world::{World, settlement, story};

/// The columns that the chain covers; what it does not: `market_id` and `batch_no`, which say which
/// batch a row belongs to, and texts, which it covers by `commitment`.
const COLUMNS: [(&str, &str, &[&str]); 2] = [
    (
        "postings",
        "seq = 2",
        &[
            "kind",
            "debit_account",
            "credit_account",
            "amount",
            "business_date",
            "event_date",
            "event_at",
            "late",
            "stall_number",
            "item",
            "concerns",
            "reason",
            "actor",
        ],
    ),
    (
        "inbox",
        "item = 2",
        &[
            "delivery_id",
            "part",
            "source_id",
            "event_id",
            "event_id_weak",
            "direction",
            "settled_account",
            "addressed",
            "bank_hint",
            "amount",
            "reference",
            "occurrence",
            "event_at",
            "event_precision",
            "claimed_at",
            "event_date",
            "business_date",
            "memo_code",
            "outcome",
            "reason",
            "actor",
            "posting_seq",
            "earlier_item",
            "resolves",
            "claims_event",
            "claims_reference",
            "commitment",
        ],
    ),
];

/// Another value that the column takes: of its kind, and not the one that is there.
fn other(column: &str) -> String {
    match column {
        "kind" => "'assign'".to_owned(),
        "debit_account" => "'bank:0999'".to_owned(),
        "credit_account" => "'stall:77'".to_owned(),
        "direction" => "'debit'".to_owned(),
        "event_precision" => "'day'".to_owned(),
        "outcome" => "'suspense'".to_owned(),
        "business_date" | "event_date" => "'2026-11-23'".to_owned(),
        "late" | "event_id_weak" | "claims_event" | "claims_reference" => format!("1 - {column}"),
        "amount" | "part" | "source_id" | "occurrence" | "stall_number" | "item" | "concerns" | "event_at"
        | "claimed_at" | "memo_code" | "posting_seq" | "earlier_item" | "resolves" => {
            format!("COALESCE({column}, 40) + 1")
        }
        "commitment" => "(SELECT b.hash FROM batches b WHERE b.market_id = 1 AND b.batch_no = 1)".to_owned(),
        "delivery_id" => "(SELECT i.delivery_id FROM inbox i WHERE i.market_id = 1 AND i.item = 1)".to_owned(),
        _ => "'another'".to_owned(),
    }
}

story!(every_field_of_the_journal_and_the_inbox_is_covered_by_the_chain, |world| {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", "0071000888888").await;
    world.source("one", Dialect::GenericHmac, &["0071000888888"], Some("TAN")).await;
    for number in 1..=3 {
        let mut sale = settlement("0071000888888", &format!("c{number}"), 10_000, "2026-11-24T08:00:00+07:00");
        sale.reference = BankRef::normalise(&format!("FT{number}"));
        world.send("one", Dialect::GenericHmac, &sale).await;
    }
    let mut reader = Reader::open(&world.url).await;
    unguard(&mut reader, &world).await;
    let (mut before, mut checked) = (differences(&world).await, 0);
    assert_eq!(before, Vec::<String>::new());
    for (table, row, columns) in COLUMNS {
        covers_the_schema(&mut reader, &world, table, columns).await;
        for column in columns {
            let place = format!("market_id = 1 AND {row}");
            reader
                .execute(&format!("CREATE TEMPORARY TABLE kept AS SELECT {column} AS was FROM {table} WHERE {place}"))
                .await
                .unwrap();
            reader.execute(&format!("UPDATE {table} SET {column} = {} WHERE {place}", other(column))).await.unwrap();
            let found = differences(&world).await;
            let given_away = found.iter().any(|what| what.contains("do not give the recorded hash"));
            assert!(given_away, "{table}.{column} was changed and no hash noticed: {found:?}");
            reader
                .execute(&format!("UPDATE {table} SET {column} = (SELECT was FROM kept) WHERE {place}"))
                .await
                .unwrap();
            reader.execute("DROP TABLE kept").await.unwrap();
            checked += 1;
        }
        before = differences(&world).await;
        assert_eq!(before, Vec::<String>::new(), "{table} is as it was");
    }
    assert_eq!(checked, 40);
});

async fn differences(world: &World) -> Vec<String> {
    world.app.verify(None).await.unwrap().into_iter().flat_map(|market| market.differences).collect()
}

/// Takes the guards of the journal away, as the owner of a database can.
async fn unguard(reader: &mut Reader, world: &World) {
    for table in ["postings", "inbox"] {
        let sql = if world.url.starts_with("sqlite") {
            format!("DROP TRIGGER IF EXISTS {table}_no_update")
        } else {
            format!("ALTER TABLE {table} DISABLE TRIGGER USER")
        };
        reader.execute(&sql).await.unwrap();
    }
}

/// A column that somebody adds is not forgotten here.
async fn covers_the_schema(reader: &mut Reader, world: &World, table: &str, columns: &[&str]) {
    let sql = if world.url.starts_with("sqlite") {
        format!("SELECT name, 1 FROM pragma_table_info('{table}')")
    } else {
        format!("SELECT column_name::text, 1::bigint FROM information_schema.columns WHERE table_name = '{table}'")
    };
    let all = reader.texts(&sql).await;
    assert!(all.len() > 10);
    let key = ["market_id", "seq", "item", "batch_no", "recorded_at"];
    let missing: Vec<_> =
        all.iter().filter(|(name, _)| !columns.contains(&name.as_str()) && !key.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "{table}: does the chain cover {missing:?}?");
}
