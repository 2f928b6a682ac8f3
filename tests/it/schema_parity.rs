//! Both engines have the same tables, columns and keys, and every key of market data begins with
//! the market: that is what lets the same statements run on a cluster.

use sqlx::{Connection as _, Row as _};

use crate::world::World;

/// Installation-wide tables: their keys need no market.
const REFERENCE: [&str; 12] = [
    "installation",
    "markets",
    "account_routes",
    "stall_numbers",
    "sources",
    "source_accounts",
    "users",
    "recovery_codes",
    "sessions",
    "api_keys",
    "login_attempts",
    "_sqlx_migrations",
];

async fn sqlite_schema(url: &str) -> Vec<String> {
    let path = url.strip_prefix("sqlite:").unwrap();
    let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
    let sql = "SELECT m.name || '.' || c.name || ' ' || CASE c.type WHEN 'INTEGER' THEN 'int' WHEN 'TEXT' THEN 'text' \
        ELSE 'bytes' END || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN ' not null' ELSE '' END || \
        CASE WHEN c.pk > 0 THEN ' key ' || c.pk ELSE '' END AS line \
        FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' \
        AND m.name NOT LIKE '_sqlx%' ORDER BY 1";
    let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get("line")).collect()
}

async fn postgres_schema(url: &str) -> Vec<String> {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let sql = "SELECT c.table_name || '.' || c.column_name || ' ' || CASE c.data_type WHEN 'bigint' THEN 'int' \
        WHEN 'text' THEN 'text' ELSE 'bytes' END || CASE c.is_nullable WHEN 'NO' THEN ' not null' ELSE '' END || \
        COALESCE((SELECT ' key ' || array_position(i.indkey::int2[], a.attnum) + 1 FROM pg_index i \
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = c.column_name \
            WHERE i.indrelid = c.table_name::regclass AND i.indisprimary AND a.attnum = ANY(i.indkey)), '') AS line \
        FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '\\_sqlx%' ORDER BY 1";
    let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get("line")).collect()
}

#[tokio::test]
async fn both_engines_have_the_tables_of_the_checked_in_snapshot() {
    let sqlite = World::sqlite().await;
    let mut schema = sqlite_schema(&sqlite.url).await;
    schema.sort();
    insta::assert_snapshot!("schema", schema.join("\n"));
    if let Some(postgres) = World::postgres().await {
        let mut other = postgres_schema(&postgres.url).await;
        other.sort();
        assert_eq!(other.join("\n"), schema.join("\n"));
    }
}

#[tokio::test]
async fn every_key_of_market_data_begins_with_the_market() {
    let world = World::sqlite().await;
    let path = world.url.strip_prefix("sqlite:").unwrap().to_owned();
    let mut connection = sqlx::SqliteConnection::connect(&path).await.unwrap();
    let sql = "SELECT m.name AS name, il.name AS idx, (SELECT x.name FROM pragma_index_info(il.name) x WHERE x.seqno = 0) AS first \
        FROM sqlite_master m JOIN pragma_index_list(m.name) il WHERE m.type = 'table' ORDER BY 1, 2";
    let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
    assert!(rows.len() > 20);
    for row in rows {
        let (table, index, first): (String, String, String) = (row.get("name"), row.get("idx"), row.get("first"));
        assert!(first == "market_id" || REFERENCE.contains(&table.as_str()), "{table}: {index} begins with {first}");
    }
}
