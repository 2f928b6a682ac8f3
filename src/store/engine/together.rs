//! Several writes of one transaction, sent as one statement.
//!
//! A batch writes to ten tables. One after the other they are ten round trips on PostgreSQL, which a market's
//! money waits for one by one. None of them reads what another writes, so there they become the data-modifying
//! parts of one query; each is still checked to have touched the rows it must. A cluster takes no INSERT into
//! such a part, and SQLite has no trips to save: there they are sent as they stand.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::lane::LaneTransaction;
use super::value::{Rows, Value};
use super::{Transaction, bind_columns, bind_values, in_time, split_rows};
use crate::store::error::{Result, StoreError};

/// A write that depends on no other one of its company, and the number of rows that it must touch.
pub(crate) struct Write<'a> {
    expected: usize,
    sql: &'static str,
    values: Vec<Value<'a>>,
}

impl<'a> Write<'a> {
    /// Returns a write of a whole batch: one row for each of `rows`, which is bound behind `values`; none when
    /// there are no rows.
    pub(crate) fn each(sql: &'static str, mut values: Vec<Value<'a>>, rows: Rows<'a>) -> Option<Self> {
        let expected = rows.len();
        values.push(Value::Rows(rows));
        (expected > 0).then_some(Self { expected, sql, values })
    }

    /// Returns a write of one row.
    pub(crate) fn one(sql: &'static str, values: Vec<Value<'a>>) -> Self {
        Self { expected: 1, sql, values }
    }
}

impl Transaction {
    /// Runs writes that do not depend on one another. Each must touch the rows that it says.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] when one touched another number.
    pub(crate) async fn execute_together(&mut self, writes: Vec<Write<'_>>) -> Result<()> {
        if let Self::Lane(transaction) = self
            && transaction.takes_writes_together()
            && !writes.is_empty()
        {
            return as_one_query(transaction, writes).await;
        }
        for Write { expected, sql, values } in writes {
            self.execute_exactly(expected, sql, values).await?;
        }
        Ok(())
    }
}

async fn as_one_query(transaction: &mut LaneTransaction, writes: Vec<Write<'_>>) -> Result<()> {
    let (mut parts, mut counts) = (String::from("WITH "), String::from("SELECT "));
    let (mut bound, mut expected, mut before) = (Vec::with_capacity(writes.len()), Vec::new(), 0);
    for (number, write) in writes.into_iter().enumerate() {
        let (values, rows) = split_rows(write.values);
        let (source, columns) = rows.unwrap_or_default().into_postgres(values.len().saturating_add(1));
        let comma = if number == 0 { "" } else { ", " };
        let text = write.sql.replace("{rows}", &source);
        // Writing to a String cannot fail.
        let _ = write!(parts, "{comma}w{number} AS ({} RETURNING 1)", renumbered(&text, before));
        let _ = write!(counts, "{comma}(SELECT COUNT(*) FROM w{number})");
        before += values.len() + columns.len();
        expected.push((write.expected, write.sql));
        bound.push((values, columns));
    }
    let text = format!("{parts} {counts}");
    tracing::trace!(target: super::STATEMENTS, sql = %text);
    let query = bound.into_iter().fold(sqlx::query(AssertSqlSafe(text)), |query, (values, columns)| {
        bind_columns(bind_values(query, values), columns)
    });
    let connection = transaction.connection()?;
    let row = in_time(async { Ok::<_, StoreError>(query.fetch_one(connection).await?) }).await?;
    for (place, (expected, sql)) in expected.into_iter().enumerate() {
        let touched: i64 = sqlx::Row::try_get(&row, place)?;
        if i64::try_from(expected) != Ok(touched) {
            return Err(StoreError::Inconsistent(format!(
                "a statement touched {touched} rows instead of {expected}: {sql}"
            )));
        }
    }
    Ok(())
}

/// Returns a statement whose values are numbered behind so many others: `$2` becomes `$9` behind seven.
fn renumbered(sql: &str, before: usize) -> String {
    let mut parts = sql.split('$');
    let mut text = String::with_capacity(sql.len().saturating_add(64));
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at_checked(end).unwrap_or((part, ""));
        let number = number.parse::<usize>().unwrap_or_default().saturating_add(before);
        let _ = write!(text, "${number}{rest}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::renumbered;

    #[test]
    fn values_are_numbered_behind_those_of_the_writes_before() {
        assert_eq!(
            renumbered("INSERT INTO t (a, b) SELECT $1, $12 WHERE c = $2", 7),
            "INSERT INTO t (a, b) SELECT $8, $19 WHERE c = $9"
        );
        assert_eq!(renumbered("unnest($3::BIGINT[],$4::TEXT[])", 0), "unnest($3::BIGINT[],$4::TEXT[])");
        assert_eq!(renumbered("DELETE FROM t", 3), "DELETE FROM t");
    }
}
