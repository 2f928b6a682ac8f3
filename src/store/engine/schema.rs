//! The tables of a book as the migrations make them, asked of a database in memory. What copies
//! whole books takes its list from here, so that it cannot fall behind a migration.

use std::collections::BTreeSet;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::open::{migration_error, migrations};
use crate::store::error::{Result, StoreError};

/// What a column holds; both engines have these three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whole numbers.
    Int,
    /// Texts.
    Text,
    /// Bytes.
    Bytes,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// A table of the book.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// All columns, in the order of the migration.
    pub(crate) columns: Vec<TableColumn>,
    /// The primary key's columns, in its order.
    pub(crate) key: Vec<TableColumn>,
    /// Rows that the migrations themselves put there.
    pub(crate) seeded: i64,
}

/// Returns the book's tables, those that others point to first.
///
/// # Errors
/// [`StoreError::Inconsistent`] when a table has a column of another type or no primary key.
pub(crate) async fn tables() -> Result<Vec<Table>> {
    const NAMES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
        AND name NOT LIKE '\\_sqlx%' ESCAPE '\\' ORDER BY name";
    const PARENTS: &str = "SELECT DISTINCT \"table\" AS parent FROM pragma_foreign_key_list($1) WHERE \"table\" <> $1";
    let options = SqliteConnectOptions::new().in_memory(true).disable_statement_logging();
    let mut memory = SqliteConnection::connect_with(&options).await?;
    migrations(false).run_direct(None, &mut memory, false).await.map_err(migration_error)?;
    let mut waiting = Vec::new();
    for row in sqlx::query(NAMES).fetch_all(&mut memory).await? {
        let name: String = row.try_get("name")?;
        let parents = sqlx::query(PARENTS).bind(name.clone()).fetch_all(&mut memory).await?;
        let parents: Vec<String> = parents.iter().map(|row| row.try_get("parent")).collect::<sqlx::Result<_>>()?;
        waiting.push((table(&mut memory, name).await?, parents));
    }
    memory.close().await?;
    let (mut done, mut ordered) = (BTreeSet::new(), Vec::with_capacity(waiting.len()));
    while !waiting.is_empty() {
        let (ready, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, parents)| parents.iter().all(|parent| done.contains(parent)));
        if ready.is_empty() {
            return Err(StoreError::Inconsistent("the schema's foreign keys go in a circle".to_owned()));
        }
        done.extend(ready.iter().map(|(table, _)| table.name.clone()));
        ordered.extend(ready.into_iter().map(|(table, _)| table));
        waiting = rest;
    }
    Ok(ordered)
}

async fn table(memory: &mut SqliteConnection, name: String) -> Result<Table> {
    const COLUMNS: &str = "SELECT name, type AS kind, pk FROM pragma_table_info($1) ORDER BY cid";
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    for row in sqlx::query(COLUMNS).bind(name.clone()).fetch_all(&mut *memory).await? {
        let kind = match row.try_get::<&str, _>("kind")? {
            "INTEGER" => Kind::Int,
            "TEXT" => Kind::Text,
            "BLOB" => Kind::Bytes,
            other => return Err(StoreError::Inconsistent(format!("table {name} has a column of type {other}"))),
        };
        let column = TableColumn { name: row.try_get("name")?, kind };
        if let place @ 1.. = row.try_get::<i64, _>("pk")? {
            key.push((place, column.clone()));
        }
        columns.push(column);
    }
    if key.is_empty() {
        return Err(StoreError::Inconsistent(format!("table {name} has no primary key")));
    }
    key.sort_by_key(|(place, _)| *place);
    let count = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM \"{name}\""));
    let seeded = sqlx::query_scalar(count).fetch_one(memory).await?;
    Ok(Table { name, columns, key: key.into_iter().map(|(_, column)| column).collect(), seeded })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_column_of_the_checked_in_schema_is_known_with_its_type_and_key() {
        let mut lines = Vec::new();
        for table in tables().await.expect("the migrations run") {
            for column in &table.columns {
                let kind = match column.kind {
                    Kind::Int => "int",
                    Kind::Text => "text",
                    Kind::Bytes => "bytes",
                };
                let place = table.key.iter().position(|key| key.name == column.name);
                let key = place.map_or(String::new(), |place| format!(" key {}", place + 1));
                lines.push(format!("{}.{} {kind}{key}", table.name, column.name));
            }
        }
        lines.sort();
        let snapshot = include_str!("../../../tests/it/snapshots/it__schema_parity__schema.snap");
        let (_, schema) = snapshot.split_once("\n---\n").expect("a snapshot has a head");
        let mut expected: Vec<String> = schema.lines().map(|line| line.replace(" not null", "")).collect();
        expected.sort();
        assert_eq!(lines, expected);
    }

    #[tokio::test]
    async fn a_table_comes_after_those_it_points_to() {
        let tables = tables().await.expect("the migrations run");
        let place = |name: &str| tables.iter().position(|table| table.name == name);
        assert!(place("vendors") < place("tenancies") && place("receiving_accounts") < place("account_stalls"));
    }
}
