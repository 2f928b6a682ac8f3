//! Reading a day's figures: one read transaction, kept totals, no scan of the journal.

use std::collections::{BTreeMap, HashMap};

use super::bindings::stall;
use super::engine::{Transaction, binds};
use super::error::Result;
use super::optional_instant;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, Seq, StallNumber};
use crate::domain::money::Dong;
use crate::ledger::daily_report::{DayFacts, SourceDay, Unmatched, mask_memo};
use crate::ledger::totals::{Sides, Tally};

/// Most stalls, and most unmatched payments, of one report.
const LIMIT: i64 = 200_000;
/// Unmatched payments that a report lists; the queue page has them all.
const UNMATCHED_LIMIT: i64 = 500;

/// Reads the figures that the cross-checks compare.
pub(crate) async fn day(transaction: &mut Transaction, market: MarketId, date: BusinessDate) -> Result<DayFacts> {
    const STALLS: &str = "SELECT stall_number, kind, count, amount, first_at, last_at FROM daily_totals \
        WHERE market_id = $1 AND business_date = $2 ORDER BY stall_number, kind LIMIT $3";
    const HOURS: &str = "SELECT hour, count, amount FROM hourly_totals WHERE market_id = $1 AND business_date = $2 \
        ORDER BY hour LIMIT 25";
    let mut facts = DayFacts::default();
    for row in transaction.rows(STALLS, binds![market.get(), date.to_string(), LIMIT]).await? {
        let number = row.int("stall_number")?;
        let place = if number == 0 { None } else { Some(stall(number)?) };
        let (kind, count, amount) = (row.text("kind")?, row.int("count")?, Dong::new(row.int("amount")?));
        match (kind.as_str(), place) {
            ("settle" | "assign" | "reversal", _) => {
                let money = facts.money.entry(place).or_default();
                money.amount = plus(money.amount, amount);
                if kind != "reversal" {
                    money.payments += count;
                    let first = optional_instant(row.optional_int("first_at")?)?;
                    let last = optional_instant(row.optional_int("last_at")?)?;
                    money.first_at = [money.first_at, first].into_iter().flatten().min();
                    money.last_at = money.last_at.max(last);
                }
                if kind == "settle" {
                    money.settlements += count;
                }
            }
            (_, Some(stall)) => {
                let adjusted = facts.adjusted.entry(stall).or_default();
                *adjusted = plus(*adjusted, amount);
            }
            (_, None) => {}
        }
    }
    for row in transaction.rows(HOURS, binds![market.get(), date.to_string()]).await? {
        let tally = Tally { count: row.int("count")?, amount: Dong::new(row.int("amount")?) };
        facts.hours.insert(row.int("hour")?, tally);
    }
    dates(transaction, market, date, &mut facts).await?;
    reversals(transaction, market, date, &mut facts).await?;
    Ok(facts)
}

async fn dates(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
    facts: &mut DayFacts,
) -> Result<()> {
    const DAY: &str = "SELECT event_date, kind, late, count, debits, credits FROM date_totals \
        WHERE market_id = $1 AND business_date = $2 ORDER BY event_date, kind, late LIMIT 10000";
    const OUT: &str = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count, \
        CAST(COALESCE(SUM(debits), 0) AS BIGINT) AS amount FROM date_totals \
        WHERE market_id = $1 AND event_date = $2 AND business_date <> $2 AND kind = 'settle'";
    const BEFORE: &str = "SELECT CAST(COALESCE(SUM(debits), 0) AS BIGINT) AS debits, \
        CAST(COALESCE(SUM(credits), 0) AS BIGINT) AS credits FROM date_totals \
        WHERE market_id = $1 AND business_date < $2";
    const UP_TO: &str = "SELECT CAST(COALESCE(SUM(debits), 0) AS BIGINT) AS debits, \
        CAST(COALESCE(SUM(credits), 0) AS BIGINT) AS credits FROM date_totals \
        WHERE market_id = $1 AND business_date <= $2";
    for row in transaction.rows(DAY, binds![market.get(), date.to_string()]).await? {
        let (count, debits) = (row.int("count")?, Dong::new(row.int("debits")?));
        facts.movement.debits = plus(facts.movement.debits, debits);
        facts.movement.credits = plus(facts.movement.credits, Dong::new(row.int("credits")?));
        if row.text("kind")? == "settle" {
            add(&mut facts.settled, count, debits);
            if row.flag("late")? {
                add(&mut facts.late, count, debits);
            }
            if row.text("event_date")? != date.to_string() {
                add(&mut facts.moved_in, count, debits);
            }
        }
    }
    if let Some(row) = transaction.row(OUT, binds![market.get(), date.to_string()]).await? {
        facts.moved_out = Tally { count: row.int("count")?, amount: Dong::new(row.int("amount")?) };
    }
    for (sql, sides) in [(BEFORE, &mut facts.opening), (UP_TO, &mut facts.closing)] {
        if let Some(row) = transaction.row(sql, binds![market.get(), date.to_string()]).await? {
            *sides = Sides { debits: Dong::new(row.int("debits")?), credits: Dong::new(row.int("credits")?) };
        }
    }
    Ok(())
}

/// Reversals of the day, from the journal itself: they are few. What a reversal does to the bank's
/// side decides its sign; one that leaves the bank alone (of an assignment) counts nothing.
async fn reversals(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
    facts: &mut DayFacts,
) -> Result<()> {
    const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS count, CAST(COALESCE(SUM(CASE \
        WHEN r.credit_account LIKE 'bank:%' AND r.debit_account NOT LIKE 'refunded:%' THEN -r.amount \
        WHEN r.debit_account LIKE 'bank:%' AND r.credit_account NOT LIKE 'refunded:%' THEN r.amount \
        ELSE 0 END), 0) AS BIGINT) AS amount FROM postings r \
        WHERE r.market_id = $1 AND r.business_date = $2 AND r.kind = 'reversal'";
    if let Some(row) = transaction.row(SQL, binds![market.get(), date.to_string()]).await? {
        facts.reversed = Tally { count: row.int("count")?, amount: Dong::new(row.int("amount")?) };
    }
    Ok(())
}

fn add(tally: &mut Tally, count: i64, amount: Dong) {
    tally.count = tally.count.saturating_add(count);
    tally.amount = plus(tally.amount, amount);
}

/// Sums of one market's day stay far below the range; should one not, the cross-checks tell.
fn plus(one: Dong, other: Dong) -> Dong {
    one.checked_add(other).unwrap_or(Dong::new(i64::MAX))
}

/// Reads codes, vendors and goods of a market's stalls, as of a date.
pub(crate) async fn stall_names(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
) -> Result<HashMap<StallNumber, (String, String, String)>> {
    const SQL: &str = "SELECT s.stall_number, s.code, s.category, COALESCE(v.name, '') AS vendor FROM stalls s \
        LEFT JOIN tenancies t ON t.market_id = s.market_id AND t.stall_number = s.stall_number \
        AND t.valid_from <= $2 AND (t.valid_to IS NULL OR t.valid_to > $2) \
        LEFT JOIN vendors v ON v.market_id = t.market_id AND v.vendor_id = t.vendor_id \
        WHERE s.market_id = $1 ORDER BY s.stall_number LIMIT $3";
    let mut names = HashMap::new();
    for row in transaction.rows(SQL, binds![market.get(), date.to_string(), LIMIT]).await? {
        names.insert(stall(row.int("stall_number")?)?, (row.text("code")?, row.text("vendor")?, row.text("category")?));
    }
    Ok(names)
}

/// Reads the day's settlements that still lie in suspense.
pub(crate) async fn unmatched(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
) -> Result<Vec<Unmatched>> {
    const SQL: &str = "SELECT p.seq, p.amount, p.event_at, COALESCE(t.memo, '') AS memo FROM postings p \
        LEFT JOIN inbox_texts t ON t.market_id = p.market_id AND t.item = p.item \
        WHERE p.market_id = $1 AND p.business_date = $2 AND p.credit_account = 'suspense' AND p.kind = 'settle' \
        AND NOT EXISTS (SELECT 1 FROM postings a WHERE a.market_id = p.market_id AND a.concerns = p.seq \
            AND a.kind IN ('assign', 'reversal') AND NOT EXISTS (SELECT 1 FROM postings r \
                WHERE r.market_id = a.market_id AND r.concerns = a.seq AND r.kind = 'reversal')) \
        ORDER BY p.seq LIMIT $3";
    let rows = transaction.rows(SQL, binds![market.get(), date.to_string(), UNMATCHED_LIMIT]).await?;
    rows.iter()
        .map(|row| {
            Ok(Unmatched {
                posting: Seq::new(row.int("seq")?),
                amount: Dong::new(row.int("amount")?),
                event_at: optional_instant(row.optional_int("event_at")?)?,
                memo_masked: mask_memo(&row.text("memo")?),
            })
        })
        .collect()
}

/// Reads what each source reported for the day.
pub(crate) async fn sources(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
) -> Result<Vec<SourceDay>> {
    const SQL: &str = "SELECT s.name, t.outcome, t.count, t.last_at FROM source_totals t \
        JOIN sources s ON s.source_id = t.source_id WHERE t.market_id = $1 AND t.business_date = $2 \
        ORDER BY s.name, t.outcome LIMIT 10000";
    let mut days: BTreeMap<String, SourceDay> = BTreeMap::new();
    for row in transaction.rows(SQL, binds![market.get(), date.to_string()]).await? {
        let day = days.entry(row.text("name")?).or_insert(SourceDay {
            source: row.parse("name")?,
            settlements: 0,
            duplicates: 0,
            quarantined: 0,
            last_at: None,
        });
        let count = row.int("count")?;
        match row.text("outcome")?.as_str() {
            "recorded" | "suspense" => day.settlements += count,
            "duplicate" => day.duplicates += count,
            "quarantined" => day.quarantined += count,
            _ => {}
        }
        day.last_at = day.last_at.max(Some(super::instant(row.int("last_at")?)?));
    }
    Ok(days.into_values().collect())
}

/// Reads what is held of the day and not decided yet.
pub(crate) async fn quarantined(transaction: &mut Transaction, market: MarketId, date: BusinessDate) -> Result<Tally> {
    const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS count, CAST(COALESCE(SUM(i.amount), 0) AS BIGINT) AS amount \
        FROM inbox i WHERE i.market_id = $1 AND i.business_date = $2 AND i.outcome = 'quarantined' \
        AND NOT EXISTS (SELECT 1 FROM inbox r WHERE r.market_id = i.market_id AND r.resolves = i.item)";
    let row = transaction.row(SQL, binds![market.get(), date.to_string()]).await?;
    row.map_or(Ok(Tally::default()), |row| {
        Ok(Tally { count: row.int("count")?, amount: Dong::new(row.int("amount")?) })
    })
}

/// Reads the first and last journal number of the day; `None` without a posting.
pub(crate) async fn range(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
) -> Result<Option<(Seq, Seq)>> {
    const SQL: &str = "SELECT MIN(seq) AS first, MAX(seq) AS last FROM postings \
        WHERE market_id = $1 AND business_date = $2";
    let row = transaction.row(SQL, binds![market.get(), date.to_string()]).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(row.optional_int("first")?.zip(row.optional_int("last")?).map(|(first, last)| (Seq::new(first), Seq::new(last))))
}

/// Reads payments and amount of several days, for comparison.
pub(crate) async fn sums(transaction: &mut Transaction, market: MarketId, date: BusinessDate) -> Result<Tally> {
    const SQL: &str = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count, \
        CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS amount FROM hourly_totals \
        WHERE market_id = $1 AND business_date = $2";
    let row = transaction.row(SQL, binds![market.get(), date.to_string()]).await?;
    row.map_or(Ok(Tally::default()), |row| {
        Ok(Tally { count: row.int("count")?, amount: Dong::new(row.int("amount")?) })
    })
}

/// One market's line on the home page.
#[derive(Debug, Clone)]
pub(crate) struct MarketDay {
    pub(crate) market: MarketId,
    pub(crate) tally: Tally,
    pub(crate) active_stalls: i64,
}

/// Reads every market's payments, amount and active stalls of a date.
pub(crate) async fn overview(transaction: &mut Transaction, date: BusinessDate) -> Result<Vec<MarketDay>> {
    // From the markets into each one's own day, so that no engine reads the other days.
    const SQL: &str = "SELECT d.market_id, CAST(SUM(CASE WHEN d.kind = 'settle' THEN d.count ELSE 0 END) AS BIGINT) AS payments, \
        CAST(SUM(CASE WHEN d.kind IN ('settle', 'assign', 'reversal') THEN d.amount ELSE 0 END) AS BIGINT) AS amount, \
        CAST(COUNT(DISTINCT CASE WHEN d.stall_number > 0 AND d.kind = 'settle' THEN d.stall_number END) AS BIGINT) AS active \
        FROM markets m CROSS JOIN daily_totals d WHERE d.market_id = m.market_id AND m.market_id > 0 \
        AND d.business_date = $1 GROUP BY d.market_id ORDER BY d.market_id LIMIT 20000";
    let rows = transaction.rows(SQL, binds![date.to_string()]).await?;
    rows.iter()
        .map(|row| {
            let market = MarketId::new(row.int("market_id")?);
            Ok(MarketDay {
                market: market.map_err(|error| super::error::StoreError::Inconsistent(error.to_string()))?,
                tally: Tally { count: row.int("payments")?, amount: Dong::new(row.int("amount")?) },
                active_stalls: row.int("active")?,
            })
        })
        .collect()
}
