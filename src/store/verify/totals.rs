//! Kept totals against what the journal gives. They are read some thousand rows at a time and each is
//! looked up in what was derived; what is left there is missing.

use std::collections::BTreeMap;

use super::{Findings, Walk};
use crate::domain::ids::{SourceId, StallNumber};
use crate::ledger::totals::{Sides, StallDay, Tally};
use crate::store::engine::{Row, Transaction, Value, binds};
use crate::store::error::Result;

/// Rows read at a time.
const CHUNK: i64 = 2_000;

/// A kept table: its first and its following rows, by how many columns of its key are bound.
struct Kept {
    name: &'static str,
    sql: &'static str,
    /// The key before the first row.
    start: Vec<Value<'static>>,
}

impl Walk {
    /// Compares the kept totals.
    pub(super) async fn totals(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        self.balances(transaction, findings).await?;
        self.stall_days(transaction, findings).await?;
        self.hours(transaction, findings).await?;
        self.dates(transaction, findings).await?;
        self.sources(transaction, findings).await?;
        self.heard(transaction, findings).await?;
        self.agreeing(transaction, findings).await
    }

    async fn balances(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        let kept = Kept {
            name: "balances",
            sql: "SELECT account AS k1, debits, credits FROM balances WHERE market_id = $1 AND account > $2 \
                ORDER BY account LIMIT $3",
            start: binds![""],
        };
        let derived = self.deltas.balances.iter().map(|(account, sides)| (account.to_string(), figures_of(*sides)));
        let read = |r: &Row| Ok((r.text("k1")?, vec![Some(r.int("debits")?), Some(r.int("credits")?)]));
        self.compare(transaction, kept, derived.collect(), (read, |key: &String| binds![key.clone()]), findings).await
    }

    async fn stall_days(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        let kept = Kept {
            name: "daily_totals",
            sql: "SELECT business_date AS k1, stall_number AS k2, kind AS k3, count, amount, first_at, last_at \
                FROM daily_totals WHERE market_id = $1 AND (business_date, stall_number, kind) > ($2, $3, $4) \
                ORDER BY business_date, stall_number, kind LIMIT $5",
            start: binds!["", i64::MIN, ""],
        };
        let derived = self.deltas.stall_days.iter().map(|((date, stall, kind), day)| {
            let StallDay { tally, first_at, last_at } = *day;
            let stall = stall.map_or(0, StallNumber::get);
            let figures = vec![Some(tally.count), Some(tally.amount.whole()), first_at, last_at];
            ((date.to_string(), stall, kind.as_str().to_owned()), figures)
        });
        let read = |r: &Row| {
            let key = (r.text("k1")?, r.int("k2")?, r.text("k3")?);
            let first_and_last = [r.optional_int("first_at")?, r.optional_int("last_at")?];
            Ok((key, [&[Some(r.int("count")?), Some(r.int("amount")?)], &first_and_last[..]].concat()))
        };
        let after = |key: &(String, i64, String)| binds![key.0.clone(), key.1, key.2.clone()];
        self.compare(transaction, kept, derived.collect(), (read, after), findings).await
    }

    async fn hours(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        let kept = Kept {
            name: "hourly_totals",
            sql: "SELECT business_date AS k1, hour AS k2, count, amount FROM hourly_totals \
                WHERE market_id = $1 AND (business_date, hour) > ($2, $3) ORDER BY business_date, hour LIMIT $4",
            start: binds!["", i64::MIN],
        };
        let derived =
            self.deltas.hours.iter().map(|((date, hour), tally)| ((date.to_string(), *hour), tallied(*tally)));
        let read = |r: &Row| Ok(((r.text("k1")?, r.int("k2")?), vec![Some(r.int("count")?), Some(r.int("amount")?)]));
        let after = |key: &(String, i64)| binds![key.0.clone(), key.1];
        self.compare(transaction, kept, derived.collect(), (read, after), findings).await
    }

    async fn dates(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        let kept = Kept {
            name: "date_totals",
            sql: "SELECT business_date AS k1, event_date AS k2, kind AS k3, late AS k4, count, debits, credits \
                FROM date_totals WHERE market_id = $1 AND (business_date, event_date, kind, late) > ($2, $3, $4, $5) \
                ORDER BY business_date, event_date, kind, late LIMIT $6",
            start: binds!["", "", "", i64::MIN],
        };
        let derived = self.deltas.dates.iter().map(|((date, event, kind, late), (count, sides))| {
            let key = (date.to_string(), event.to_string(), kind.to_string(), i64::from(*late));
            (key, [&[Some(*count)], figures_of(*sides).as_slice()].concat())
        });
        let read = |r: &Row| {
            let key = (r.text("k1")?, r.text("k2")?, r.text("k3")?, r.int("k4")?);
            Ok((key, vec![Some(r.int("count")?), Some(r.int("debits")?), Some(r.int("credits")?)]))
        };
        let after = |key: &(String, String, String, i64)| binds![key.0.clone(), key.1.clone(), key.2.clone(), key.3];
        self.compare(transaction, kept, derived.collect(), (read, after), findings).await
    }

    async fn sources(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        let kept = Kept {
            name: "source_totals",
            sql: "SELECT business_date AS k1, source_id AS k2, outcome AS k3, count, amount, last_at FROM source_totals \
                WHERE market_id = $1 AND (business_date, source_id, outcome) > ($2, $3, $4) \
                ORDER BY business_date, source_id, outcome LIMIT $5",
            start: binds!["", i64::MIN, ""],
        };
        let derived = self.deltas.sources.iter().map(|((date, source, outcome), (tally, last_at))| {
            let key = (date.to_string(), SourceId::get(*source), outcome.to_string());
            (key, [tallied(*tally).as_slice(), &[Some(*last_at)]].concat())
        });
        let read = |r: &Row| {
            let key = (r.text("k1")?, r.int("k2")?, r.text("k3")?);
            Ok((key, vec![Some(r.int("count")?), Some(r.int("amount")?), Some(r.int("last_at")?)]))
        };
        let after = |key: &(String, i64, String)| binds![key.0.clone(), key.1, key.2.clone()];
        self.compare(transaction, kept, derived.collect(), (read, after), findings).await
    }

    async fn heard(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        let kept = Kept {
            name: "source_hours",
            sql: "SELECT source_id AS k1, heard_on AS k2, hour AS k3, count, last_at FROM source_hours \
                WHERE market_id = $1 AND (source_id, heard_on, hour) > ($2, $3, $4) \
                ORDER BY source_id, heard_on, hour LIMIT $5",
            start: binds![i64::MIN, "", i64::MIN],
        };
        let derived = self.deltas.heard.iter().map(|((source, date, hour), (count, last_at))| {
            ((source.get(), date.to_string(), *hour), vec![Some(*count), Some(*last_at)])
        });
        let read = |r: &Row| {
            let key = (r.int("k1")?, r.text("k2")?, r.int("k3")?);
            Ok((key, vec![Some(r.int("count")?), Some(r.int("last_at")?)]))
        };
        let after = |key: &(i64, String, i64)| binds![key.0, key.1.clone(), key.2];
        self.compare(transaction, kept, derived.collect(), (read, after), findings).await
    }

    async fn agreeing(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        let kept = Kept {
            name: "reference_agreements",
            sql: "SELECT source_id AS k1 FROM reference_agreements WHERE market_id = $1 AND source_id > $2 \
                ORDER BY source_id LIMIT $3",
            start: binds![i64::MIN],
        };
        let derived = self.pairings.agreeing().iter().map(|source| (*source, Vec::new()));
        let read = |r: &Row| Ok((r.int("k1")?, Vec::new()));
        self.compare(transaction, kept, derived.collect(), (read, |key: &i64| binds![*key]), findings).await
    }

    /// Reads a table and compares it row by row with what was derived.
    async fn compare<K: Key>(
        &self,
        transaction: &mut Transaction,
        kept: Kept,
        mut derived: BTreeMap<K, Figures>,
        (read, after): (impl Fn(&Row) -> Result<(K, Figures)>, impl Fn(&K) -> Vec<Value<'static>>),
        findings: &mut Findings,
    ) -> Result<()> {
        let (table, mut start) = (kept.name, kept.start);
        loop {
            let mut values = binds![self.market.get()];
            values.append(&mut start);
            values.push(Value::from(CHUNK));
            let rows = transaction.rows(kept.sql, values).await?;
            for row in &rows {
                let (key, found) = read(row)?;
                start = after(&key);
                match derived.remove(&key) {
                    None => {
                        let (key, found) = (key.shown(), shown(&found));
                        findings.differ(format!("{table} {key}: {found}, the journal gives nothing"));
                    }
                    Some(figures) if figures != found => {
                        let (key, found, figures) = (key.shown(), shown(&found), shown(&figures));
                        findings.differ(format!("{table} {key}: {found}, the journal gives {figures}"));
                    }
                    Some(_) => {}
                }
            }
            if start.is_empty() {
                break;
            }
        }
        for (key, figures) in derived {
            let (key, figures) = (key.shown(), shown(&figures));
            findings.differ(format!("{table} {key}: missing, the journal gives {figures}"));
        }
        Ok(())
    }
}

type Figures = Vec<Option<i64>>;

fn tallied(tally: Tally) -> Figures {
    vec![Some(tally.count), Some(tally.amount.whole())]
}

fn figures_of(sides: Sides) -> Figures {
    vec![Some(sides.debits.whole()), Some(sides.credits.whole())]
}

fn shown(values: &[Option<i64>]) -> String {
    values.iter().map(|value| value.map_or("-".to_owned(), |value| value.to_string())).collect::<Vec<_>>().join("/")
}

/// A kept row's key, as differences name it.
trait Key: Ord {
    fn shown(&self) -> String;
}

impl Key for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

impl Key for i64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Key for (String, i64) {
    fn shown(&self) -> String {
        format!("{}/{}", self.0, self.1)
    }
}

impl Key for (i64, String, i64) {
    fn shown(&self) -> String {
        format!("{}/{}/{}", self.0, self.1, self.2)
    }
}

impl Key for (String, i64, String) {
    fn shown(&self) -> String {
        format!("{}/{}/{}", self.0, self.1, self.2)
    }
}

impl Key for (String, String, String, i64) {
    fn shown(&self) -> String {
        format!("{}/{}/{}/{}", self.0, self.1, self.2, self.3)
    }
}
