//! The credits that are listed for pairing: every listed row is looked up in the inbox, and each
//! listed date has as many rows as the journal has credits of it. Rows that are right, different and
//! as many are all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Findings, Walk};
use crate::domain::calendar::BusinessDate;
use crate::domain::inbox::Outcome;
use crate::domain::posting::PostingKind;
use crate::store::Store;
use crate::store::engine::{Row, Transaction, binds};
use crate::store::error::Result;
use crate::store::pairing;

/// Rows looked at by one statement.
const CHUNK: i64 = 2_000;
/// Dates of one market: more than any book has.
const DATES_MAX: i64 = 100_000;

/// A row's key.
type Key = (String, String, i64, i64);

impl Walk {
    /// Compares, at the journal's end, how many credits each date has.
    pub(super) async fn listed_dates(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        const SQL: &str = "SELECT event_date, CAST(COUNT(*) AS BIGINT) AS count FROM pairing_credits \
            WHERE market_id = $1 GROUP BY event_date ORDER BY event_date LIMIT $2";
        let mut derived: BTreeMap<BusinessDate, i64> = BTreeMap::new();
        for ((_, event_date, kind, _), (count, _)) in &self.deltas.dates {
            if *kind == PostingKind::Settle {
                *derived.entry(*event_date).or_default() += count;
            }
        }
        let mut kept: BTreeMap<BusinessDate, i64> = BTreeMap::new();
        for row in transaction.rows(SQL, binds![self.market.get(), DATES_MAX]).await? {
            kept.insert(row.parse("event_date")?, row.int("count")?);
        }
        let listed: BTreeSet<BusinessDate> = pairing::dates(transaction, self.market).await?.into_iter().collect();
        for date in listed.iter().chain(kept.keys()).collect::<BTreeSet<_>>() {
            let there = kept.get(date).copied().unwrap_or(0);
            let wanted = derived.get(date).copied().filter(|_| listed.contains(date)).unwrap_or(0);
            if there != wanted {
                findings.differ(format!("pairing_credits {date}: {there} rows, the journal gives {wanted}"));
            }
        }
        Ok(())
    }

    /// Looks every listed row up in the inbox, in slices.
    pub(super) async fn listed_rows(&self, store: &Store, findings: &mut Findings) -> Result<()> {
        let mut last: Key = (String::new(), String::new(), i64::MIN, i64::MIN);
        loop {
            let mut transaction = store.begin_read().await?;
            let found = self.listed_slice(&mut transaction, &mut last, findings).await;
            transaction.rollback().await?;
            match found {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return findings.take(Err(error)),
            }
        }
    }

    async fn listed_slice(
        &self,
        transaction: &mut Transaction,
        last: &mut Key,
        findings: &mut Findings,
    ) -> Result<bool> {
        const SQL: &str = "SELECT c.event_date, c.settled_account, c.amount, c.item, i.event_date AS found_date, \
            i.settled_account AS found_account, i.amount AS found_amount, i.outcome, i.posting_seq \
            FROM pairing_credits c LEFT JOIN inbox i ON i.market_id = c.market_id AND i.item = c.item \
            WHERE c.market_id = $1 AND (c.event_date, c.settled_account, c.amount, c.item) > ($2, $3, $4, $5) \
            ORDER BY c.event_date, c.settled_account, c.amount, c.item LIMIT $6";
        let (date, account, amount, item) = last.clone();
        let rows = transaction.rows(SQL, binds![self.market.get(), date, account, amount, item, CHUNK]).await?;
        for row in &rows {
            let key = (row.text("event_date")?, row.text("settled_account")?, row.int("amount")?, row.int("item")?);
            if !is_credit(row, &key)? {
                let (date, account, amount, item) = &key;
                findings
                    .differ(format!("pairing_credits {date}/{account}/{amount}/{item}: the inbox has no such credit"));
            }
            *last = key;
        }
        Ok(i64::try_from(rows.len()) == Ok(CHUNK))
    }
}

/// Tells whether the row's item is the credit that the row names.
fn is_credit(row: &Row, (date, account, amount, _): &Key) -> Result<bool> {
    let outcome = row.optional_text("outcome")?.unwrap_or_default();
    Ok(row.optional_text("found_date")?.as_ref() == Some(date)
        && row.optional_text("found_account")?.as_ref() == Some(account)
        && row.optional_int("found_amount")? == Some(*amount)
        && row.optional_int("posting_seq")?.is_some()
        && (outcome == Outcome::Recorded.as_str() || outcome == Outcome::Suspense.as_str()))
}
