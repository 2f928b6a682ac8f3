//! Kept totals against what the journal gives.

use std::collections::BTreeMap;

use super::{Findings, Walk};
use crate::store::engine::{Row, Transaction, binds};
use crate::store::error::Result;

impl Walk {
    pub(super) async fn totals(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        const BALANCES: &str =
            "SELECT account AS k, debits AS a, credits AS b FROM balances WHERE market_id = $1 ORDER BY 1";
        const DAYS: &str = "SELECT business_date, stall_number, kind, count, amount, first_at, last_at FROM daily_totals \
            WHERE market_id = $1 ORDER BY business_date, stall_number, kind";
        const HOURS: &str =
            "SELECT business_date, hour, count, amount FROM hourly_totals WHERE market_id = $1 ORDER BY 1, 2";
        let d = &self.deltas;
        let market = self.market.get();
        let rows = transaction.rows(BALANCES, binds![market]).await?;
        let kept = collect(&rows, |r| Ok((r.text("k")?, figures(&[Some(r.int("a")?), Some(r.int("b")?)]))))?;
        let derived = d
            .balances
            .iter()
            .map(|(k, s)| (k.to_string(), figures(&[Some(s.debits.whole()), Some(s.credits.whole())])));
        compare("balances", &kept, &derived.collect(), findings);

        let rows = transaction.rows(DAYS, binds![market]).await?;
        let kept = collect(&rows, |r| {
            let key = format!("{}/{}/{}", r.text("business_date")?, r.int("stall_number")?, r.text("kind")?);
            Ok((
                key,
                figures(&[
                    Some(r.int("count")?),
                    Some(r.int("amount")?),
                    r.optional_int("first_at")?,
                    r.optional_int("last_at")?,
                ]),
            ))
        })?;
        let derived = d.stall_days.iter().map(|((date, stall, kind), day)| {
            let key = format!("{date}/{}/{}", stall.map_or(0, crate::domain::ids::StallNumber::get), kind.as_str());
            (key, figures(&[Some(day.tally.count), Some(day.tally.amount.whole()), day.first_at, day.last_at]))
        });
        compare("daily_totals", &kept, &derived.collect(), findings);

        let rows = transaction.rows(HOURS, binds![market]).await?;
        let kept = collect(&rows, |r| {
            Ok((
                format!("{}/{}", r.text("business_date")?, r.int("hour")?),
                figures(&[Some(r.int("count")?), Some(r.int("amount")?)]),
            ))
        })?;
        let derived = d
            .hours
            .iter()
            .map(|((date, hour), t)| (format!("{date}/{hour}"), figures(&[Some(t.count), Some(t.amount.whole())])));
        compare("hourly_totals", &kept, &derived.collect(), findings);
        self.more_totals(transaction, findings).await
    }

    /// The totals by both dates and by source, and what was recognised as the same money.
    async fn more_totals(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        const DATES: &str = "SELECT business_date, event_date, kind, late, count, debits, credits FROM date_totals \
            WHERE market_id = $1 ORDER BY 1, 2, 3, 4";
        const SOURCES: &str = "SELECT business_date, source_id, outcome, count, amount, last_at FROM source_totals \
            WHERE market_id = $1 ORDER BY 1, 2, 3";
        const PAIRINGS: &str = "SELECT credit_item, source_id, item FROM pairings WHERE market_id = $1 ORDER BY 1, 2";
        const AGREEING: &str = "SELECT source_id FROM reference_agreements WHERE market_id = $1 ORDER BY 1";
        let d = &self.deltas;
        let market = self.market.get();
        let rows = transaction.rows(DATES, binds![market]).await?;
        let kept = collect(&rows, |r| {
            let key = format!(
                "{}/{}/{}/{}",
                r.text("business_date")?,
                r.text("event_date")?,
                r.text("kind")?,
                r.int("late")?
            );
            Ok((key, figures(&[Some(r.int("count")?), Some(r.int("debits")?), Some(r.int("credits")?)])))
        })?;
        let derived = d.dates.iter().map(|((date, event, kind, late), (count, sides))| {
            let key = format!("{date}/{event}/{kind}/{}", i64::from(*late));
            (key, figures(&[Some(*count), Some(sides.debits.whole()), Some(sides.credits.whole())]))
        });
        compare("date_totals", &kept, &derived.collect(), findings);

        let rows = transaction.rows(SOURCES, binds![market]).await?;
        let kept = collect(&rows, |r| {
            let key = format!("{}/{}/{}", r.text("business_date")?, r.int("source_id")?, r.text("outcome")?);
            Ok((key, figures(&[Some(r.int("count")?), Some(r.int("amount")?), Some(r.int("last_at")?)])))
        })?;
        let derived = d.sources.iter().map(|((date, source, outcome), (tally, last_at))| {
            let key = format!("{date}/{}/{outcome}", source.get());
            (key, figures(&[Some(tally.count), Some(tally.amount.whole()), Some(*last_at)]))
        });
        compare("source_totals", &kept, &derived.collect(), findings);

        let rows = transaction.rows(PAIRINGS, binds![market]).await?;
        let kept = collect(&rows, |r| {
            Ok((format!("{}/{}", r.int("credit_item")?, r.int("source_id")?), figures(&[Some(r.int("item")?)])))
        })?;
        let derived = self
            .pairings
            .iter()
            .map(|((credit, source), item)| (format!("{credit}/{source}"), figures(&[Some(*item)])));
        compare("pairings", &kept, &derived.collect(), findings);

        let rows = transaction.rows(AGREEING, binds![market]).await?;
        let kept = collect(&rows, |r| Ok((r.int("source_id")?.to_string(), String::new())))?;
        let derived = self.agreeing.iter().map(|source| (source.to_string(), String::new()));
        compare("reference_agreements", &kept, &derived.collect(), findings);
        Ok(())
    }
}

type Figures = BTreeMap<String, String>;

fn figures(values: &[Option<i64>]) -> String {
    values.iter().map(|value| value.map_or("-".to_owned(), |value| value.to_string())).collect::<Vec<_>>().join("/")
}

fn collect(rows: &[Row], read: impl Fn(&Row) -> Result<(String, String)>) -> Result<Figures> {
    rows.iter().map(read).collect()
}

fn compare(table: &str, kept: &Figures, derived: &Figures, findings: &mut Findings) {
    for (key, figure) in derived {
        match kept.get(key) {
            None => findings.differ(format!("{table} {key}: missing, the journal gives {figure}")),
            Some(found) if found != figure => {
                findings.differ(format!("{table} {key}: {found}, the journal gives {figure}"));
            }
            Some(_) => {}
        }
    }
    for (key, found) in kept.iter().filter(|(key, _)| !derived.contains_key(*key)) {
        findings.differ(format!("{table} {key}: {found}, the journal gives nothing"));
    }
}
