//! Copying a book row by row between two databases of any engine: every table of the schema, in the
//! order of its primary key, a bounded number of rows at a time.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Told;
use crate::store::engine::schema::{Kind, Table, TableColumn};
use crate::store::engine::{Column, Row, Rows, Transaction, Value, binds};
use crate::store::error::Result;

/// Most rows read and written by one statement.
const ROWS_MAX: i64 = 1_000;
/// Fewest rows, however large they are.
const ROWS_MIN: i64 = 16;
/// Bytes of text and bodies that one statement aims at: what is in memory at a time is a few of it.
const BYTES_AIM: usize = 2 * 1024 * 1024;

/// Copies all rows of all tables; returns how many. Rows that the migrations put into the target
/// are replaced by the source's; otherwise the target's tables are empty.
pub(super) async fn everything(
    source: &mut Transaction,
    target: &mut Transaction,
    tables: &[Table],
    told: Told<'_>,
) -> Result<u64> {
    let mut copied = 0;
    for table in tables {
        let statements = Statements::of(table);
        let (mut after, mut limit) = (Vec::new(), ROWS_MAX);
        loop {
            let first = after.is_empty();
            let mut values = std::mem::take(&mut after);
            values.push(Value::from(limit));
            let text = if first { &statements.first } else { &statements.next };
            let rows = source.rows(text.clone(), values).await?;
            let Some(last) = rows.last() else { break };
            after = key_of(last, table)?;
            let full = i64::try_from(rows.len()) == Ok(limit);
            let (batch, bytes) = columns_of(&rows, &table.columns)?;
            let count = rows.len();
            drop(rows);
            target.execute_exactly(count, statements.insert.clone(), binds![batch]).await?;
            copied += u64::try_from(count).unwrap_or(0);
            told(copied);
            if !full {
                break;
            }
            limit = next_limit(bytes, count);
        }
    }
    Ok(copied)
}

/// Returns how many rows to take next, after `count` rows of `bytes`.
fn next_limit(bytes: usize, count: usize) -> i64 {
    let a_row = bytes.checked_div(count).unwrap_or(0).max(1);
    i64::try_from(BYTES_AIM / a_row).unwrap_or(ROWS_MAX).clamp(ROWS_MIN, ROWS_MAX)
}

/// The three statements of a table.
struct Statements {
    first: String,
    next: String,
    insert: String,
}

impl Statements {
    fn of(table: &Table) -> Self {
        let name = quoted(&table.name);
        let columns = list(&table.columns, |column| quoted(&column.name));
        let key = list(&table.key, |column| quoted(&column.name));
        let width = table.key.len();
        let places = (1..=width).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
        let first = format!("SELECT {columns} FROM {name} ORDER BY {key} LIMIT $1");
        let next =
            format!("SELECT {columns} FROM {name} WHERE ({key}) > ({places}) ORDER BY {key} LIMIT ${}", width + 1);
        let read = list(&table.columns, |column| format!("u.{}", quoted(&column.name)));
        let mut insert = format!("INSERT INTO {name} ({columns}) SELECT {read} FROM {{rows}} WHERE 1 = 1");
        if table.seeded > 0 {
            let rest = table.columns.iter().filter(|column| table.key.iter().all(|key| key.name != column.name));
            let set = list(rest, |column| format!("{0} = excluded.{0}", quoted(&column.name)));
            // Writing to a String cannot fail.
            let _ = match set.as_str() {
                "" => write!(insert, " ON CONFLICT ({key}) DO NOTHING"),
                _ => write!(insert, " ON CONFLICT ({key}) DO UPDATE SET {set}"),
            };
        }
        Self { first, next, insert }
    }
}

/// Returns a name as SQL takes it whatever the word; on both engines.
pub(in crate::store) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn list<'a>(columns: impl IntoIterator<Item = &'a TableColumn>, write: impl Fn(&TableColumn) -> String) -> String {
    columns.into_iter().map(write).collect::<Vec<_>>().join(", ")
}

fn key_of(row: &Row, table: &Table) -> Result<Vec<Value<'static>>> {
    table
        .key
        .iter()
        .map(|column| {
            Ok(match column.kind {
                Kind::Int => Value::Int(row.optional_int(&column.name)?),
                Kind::Text => Value::Text(row.optional_text(&column.name)?.map(Cow::Owned)),
                Kind::Bytes => Value::Bytes(row.optional_bytes(&column.name)?.map(Cow::Owned)),
            })
        })
        .collect()
}

/// Turns rows into a batch under quoted names, and tells how many bytes of text it holds.
pub(in crate::store) fn columns_of(rows: &[Row], columns: &[TableColumn]) -> Result<(Rows<'static>, usize)> {
    let (mut batch, mut bytes) = (Rows::new(), 0);
    for column in columns {
        let name = column.name.as_str();
        let values = match column.kind {
            Kind::Int => Column::Ints(rows.iter().map(|row| row.optional_int(name)).collect::<Result<_>>()?),
            Kind::Text => {
                let read = |row: &Row| Ok(row.optional_text(name)?.map(Cow::Owned));
                let texts: Vec<Option<Cow<'static, str>>> = rows.iter().map(read).collect::<Result<_>>()?;
                bytes += texts.iter().flatten().map(|text| text.len()).sum::<usize>();
                Column::Texts(texts)
            }
            Kind::Bytes => {
                let read = |row: &Row| Ok(row.optional_bytes(name)?.map(Cow::Owned));
                let values: Vec<Option<Cow<'static, [u8]>>> = rows.iter().map(read).collect::<Result<_>>()?;
                bytes += values.iter().flatten().map(|bytes| bytes.len()).sum::<usize>();
                Column::Bytes(values)
            }
        };
        batch = batch.with(quoted(name), values);
    }
    Ok((batch, bytes))
}
