//! What the daily report and the home page read: kept totals, and of the journal and the inbox only
//! the rows of the date, by index. The figures that are checked against each other come from
//! statements and tables of their own.

use std::collections::BTreeMap;

use super::Store;
use super::engine::{Column, Row, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use super::{head, instant, markets, optional_instant};
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::{
    DailyReport, DaySeal, Figure, HourFigures, LedgerRange, ReportedMarket, SideSums, SourceFigures, Unmatched,
};
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketCode, MarketId, Seq, StallNumber};
use crate::domain::inbox::Outcome;
use crate::domain::masking;
use crate::domain::money::Dong;
use crate::domain::posting::PostingKind;
use crate::domain::registration::Market;
use crate::ledger::daily_report::{DateTotal, DayTotals, StallDayTotal, StallKind, StallOnDate, still_in_suspense};
use crate::ledger::seal::close;

/// Rows of one list of a report: far above any market's stalls, hours, kinds or sources. A list cut
/// short would not pass the report's checks.
const ROWS_MAX: i64 = 50_000;
/// Postings of one date up to which a report adds the journal itself up and compares: about 50 ms
/// on SQLite, and twenty times the busiest market met. Above it, `verify` does.
const JOURNAL_SUM_MAX: i64 = 50_000;
/// How deep reversals of reversals are followed; the rules allow three.
const REVERSAL_DEPTH: usize = 8;

/// A market and a date: what every statement here asks for.
#[derive(Clone, Copy)]
struct Day {
    market: MarketId,
    date: BusinessDate,
}

impl Day {
    fn binds(self) -> Vec<super::engine::Value<'static>> {
        binds![self.market.get(), self.date.to_string()]
    }
}

impl Store {
    /// Reads everything a day's report is made of, at one moment; `None` when there is no such
    /// market.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or [`StoreError::Inconsistent`] for what cannot be decoded.
    pub async fn day_totals(&self, code: &MarketCode, date: BusinessDate) -> Result<Option<DayTotals>> {
        let mut transaction = self.begin_read().await?;
        let totals = match markets::find(&mut transaction, code, date).await? {
            Some(market) => Some(read(&mut transaction, market, date).await?),
            None => None,
        };
        transaction.rollback().await?;
        Ok(totals)
    }
}

/// Reads everything a day's report is made of within the caller's transaction.
pub(crate) async fn read(transaction: &mut Transaction, market: Market, date: BusinessDate) -> Result<DayTotals> {
    let day = Day { market: market.id, date };
    let head = head::read(transaction, day.market)
        .await?
        .ok_or_else(|| StoreError::Inconsistent(format!("market {} has no head", market.code)))?;
    let stall_days = stall_days(transaction, day).await?;
    let dates = dates(transaction, day).await?;
    let (unmatched, unmatched_total) = unmatched(transaction, day, &stall_days).await?;
    let (previous, same_weekday) = other_days(transaction, day).await?;
    let hash = Hash::from_slice(&head.last_hash)
        .map_err(|error| StoreError::Inconsistent(format!("market_head.last_hash: {error}")))?
        .to_string();
    Ok(DayTotals {
        market: ReportedMarket {
            code: market.code,
            name: market.name.to_string(),
            ward: market.ward,
            cutoff: market.cutoff,
            demo: market.demo,
        },
        business_date: day.date,
        open_date: head.open_date,
        seal: seal(transaction, day).await?,
        stalls: stalls(transaction, day.market, day.date).await?,
        hours: hours(transaction, day).await?,
        moved_out: moved_out(transaction, day).await?,
        before: sides(transaction, BEFORE, day).await?,
        up_to: sides(transaction, UP_TO, day).await?,
        after: sides(transaction, AFTER, day).await?,
        balances: balances(transaction, day).await?,
        journal: journal(transaction, day, &dates).await?,
        quarantined: quarantined(transaction, day).await?,
        sources: sources(transaction, day).await?,
        ledger: ledger_range(transaction, day, hash).await?,
        stall_days,
        dates,
        unmatched,
        unmatched_total,
        previous,
        same_weekday,
    })
}

/// A close covers every date up to its own: the first one at or after the date closed it.
async fn seal(transaction: &mut Transaction, day: Day) -> Result<Option<DaySeal>> {
    const SQL: &str = "SELECT closed_at, closed_by, early, hash, merkle_root, key_no, statement FROM day_closes \
        WHERE market_id = $1 AND business_date >= $2 ORDER BY business_date LIMIT 1";
    let Some(row) = transaction.row(SQL, day.binds()).await? else { return Ok(None) };
    let hash = |column| {
        Hash::from_slice(&row.bytes(column)?)
            .map_err(|error| StoreError::Inconsistent(format!("day_closes.{column}: {error}")))
    };
    let said = close::read(&row.text("statement")?);
    let said = said.map_err(|error| StoreError::Inconsistent(format!("day_closes: {error}")))?;
    Ok(Some(DaySeal {
        bank: said.bank.filter(|_| said.business_date == day.date),
        closed_at: instant(row.int("closed_at")?)?,
        closed_by: row.text("closed_by")?,
        early: row.flag("early")?,
        hash: hash("hash")?,
        merkle_root: hash("merkle_root")?,
        key: row.int("key_no")?,
    }))
}

async fn stall_days(transaction: &mut Transaction, day: Day) -> Result<Vec<StallDayTotal>> {
    const SQL: &str = "SELECT stall_number, kind, count, amount, first_at, last_at FROM daily_totals \
        WHERE market_id = $1 AND business_date = $2 ORDER BY stall_number, kind LIMIT $3";
    let rows = transaction.rows(SQL, binds![day.market.get(), day.date.to_string(), ROWS_MAX]).await?;
    rows.iter()
        .map(|row| {
            let stall = row.int("stall_number")?;
            Ok(StallDayTotal {
                stall: if stall == 0 { None } else { Some(stall_number(stall)?) },
                kind: stall_kind(&row.text("kind")?)?,
                figure: figure(row)?,
                first_at: optional_instant(row.optional_int("first_at")?)?,
                last_at: optional_instant(row.optional_int("last_at")?)?,
            })
        })
        .collect()
}

pub(super) fn stall_kind(text: &str) -> Result<StallKind> {
    match text {
        "settle" => Ok(StallKind::Settle),
        "assign" => Ok(StallKind::Assign),
        "reversal" => Ok(StallKind::Reversal),
        "cash_change" | "exclusion" | "refund" | "adjustment_reversal" => Ok(StallKind::Adjustment),
        other => Err(StoreError::Inconsistent(format!("daily_totals: unknown kind {other:?}"))),
    }
}

/// Reads all stalls with who held them on the date; tenancies end on the day before `valid_to`.
pub(super) async fn stalls(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
) -> Result<Vec<StallOnDate>> {
    const SQL: &str = "SELECT s.stall_number, s.code, s.category, v.name AS vendor FROM stalls s \
        LEFT JOIN tenancies t ON t.market_id = s.market_id AND t.stall_number = s.stall_number \
            AND t.valid_from <= $2 AND (t.valid_to IS NULL OR t.valid_to > $2) \
        LEFT JOIN vendors v ON v.market_id = t.market_id AND v.vendor_id = t.vendor_id \
        WHERE s.market_id = $1 ORDER BY s.sort_key, s.stall_number LIMIT $3";
    let rows = transaction.rows(SQL, binds![market.get(), date.to_string(), ROWS_MAX]).await?;
    let mut stalls = Vec::with_capacity(rows.len());
    for row in &rows {
        stalls.push(StallOnDate {
            number: stall_number(row.int("stall_number")?)?,
            code: row.text("code")?,
            category: row.text("category")?,
            vendor: row.optional_text("vendor")?,
        });
    }
    // Two tenancies of one stall on one date would be a fault; the stall is still one.
    stalls.dedup_by_key(|stall| stall.number);
    Ok(stalls)
}

async fn hours(transaction: &mut Transaction, day: Day) -> Result<Vec<HourFigures>> {
    const SQL: &str = "SELECT hour, count, amount FROM hourly_totals WHERE market_id = $1 AND business_date = $2 \
        ORDER BY hour";
    transaction.rows(SQL, day.binds()).await?.iter().map(hour).collect()
}

/// Reads an hour's figures; the store keeps −1 where no hour is known.
pub(super) fn hour(row: &Row) -> Result<HourFigures> {
    let Figure { count: payments, amount } = figure(row)?;
    Ok(HourFigures { hour: Some(row.int("hour")?).filter(|hour| *hour >= 0), payments, amount })
}

async fn dates(transaction: &mut Transaction, day: Day) -> Result<Vec<DateTotal>> {
    const SQL: &str = "SELECT event_date, kind, late, count, debits, credits FROM date_totals \
        WHERE market_id = $1 AND business_date = $2 ORDER BY event_date, kind, late LIMIT $3";
    let rows = transaction.rows(SQL, binds![day.market.get(), day.date.to_string(), ROWS_MAX]).await?;
    rows.iter()
        .map(|row| {
            Ok(DateTotal {
                event_date: row.parse("event_date")?,
                kind: row.parse("kind")?,
                late: row.flag("late")?,
                count: row.int("count")?,
                sides: side_sums(row)?,
            })
        })
        .collect()
}

async fn moved_out(transaction: &mut Transaction, day: Day) -> Result<Figure> {
    const SQL: &str = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count, \
        CAST(COALESCE(SUM(credits), 0) AS BIGINT) AS amount FROM date_totals \
        WHERE market_id = $1 AND event_date = $2 AND business_date <> $2 AND kind = 'settle'";
    transaction.row(SQL, day.binds()).await?.as_ref().map_or_else(|| Ok(Figure::default()), figure)
}

const BEFORE: &str = "SELECT CAST(COALESCE(SUM(debits), 0) AS BIGINT) AS debits, \
    CAST(COALESCE(SUM(credits), 0) AS BIGINT) AS credits FROM date_totals WHERE market_id = $1 AND business_date < $2";
const UP_TO: &str = "SELECT CAST(COALESCE(SUM(debits), 0) AS BIGINT) AS debits, \
    CAST(COALESCE(SUM(credits), 0) AS BIGINT) AS credits FROM date_totals WHERE market_id = $1 AND business_date <= $2";
const AFTER: &str = "SELECT CAST(COALESCE(SUM(debits), 0) AS BIGINT) AS debits, \
    CAST(COALESCE(SUM(credits), 0) AS BIGINT) AS credits FROM date_totals WHERE market_id = $1 AND business_date > $2";

async fn sides(transaction: &mut Transaction, sql: &'static str, day: Day) -> Result<SideSums> {
    transaction.row(sql, day.binds()).await?.as_ref().map_or_else(|| Ok(SideSums::default()), side_sums)
}

async fn balances(transaction: &mut Transaction, day: Day) -> Result<SideSums> {
    const SQL: &str = "SELECT CAST(COALESCE(SUM(debits), 0) AS BIGINT) AS debits, \
        CAST(COALESCE(SUM(credits), 0) AS BIGINT) AS credits FROM balances WHERE market_id = $1";
    let row = transaction.row(SQL, binds![day.market.get()]).await?;
    row.as_ref().map_or_else(|| Ok(SideSums::default()), side_sums)
}

/// Adds the date's postings up by kind, unless there are too many for a report.
async fn journal(
    transaction: &mut Transaction,
    day: Day,
    dates: &[DateTotal],
) -> Result<Option<BTreeMap<PostingKind, Figure>>> {
    const SQL: &str = "SELECT kind, COUNT(*) AS count, CAST(SUM(amount) AS BIGINT) AS amount FROM postings \
        WHERE market_id = $1 AND business_date = $2 GROUP BY kind ORDER BY kind";
    if dates.iter().map(|total| total.count).sum::<i64>() > JOURNAL_SUM_MAX {
        return Ok(None);
    }
    let rows = transaction.rows(SQL, day.binds()).await?;
    rows.iter().map(|row| Ok((row.parse("kind")?, figure(row)?))).collect::<Result<_>>().map(Some)
}

async fn ledger_range(transaction: &mut Transaction, day: Day, hash: String) -> Result<LedgerRange> {
    const FIRST: &str = "SELECT seq FROM postings WHERE market_id = $1 AND business_date = $2 ORDER BY seq LIMIT 1";
    const LAST: &str = "SELECT seq FROM postings WHERE market_id = $1 AND business_date = $2 ORDER BY seq DESC LIMIT 1";
    let seq = |row: Option<Row>| row.map(|row| row.int("seq").map(Seq::new)).transpose();
    Ok(LedgerRange {
        first_seq: seq(transaction.row(FIRST, day.binds()).await?)?,
        last_seq: seq(transaction.row(LAST, day.binds()).await?)?,
        hash,
    })
}

/// Reads which of the date's settlements lie in suspense still. The date's postings are looked
/// through only when some went there.
async fn unmatched(
    transaction: &mut Transaction,
    day: Day,
    stall_days: &[StallDayTotal],
) -> Result<(Vec<Unmatched>, Figure)> {
    const SQL: &str = "SELECT p.seq, p.amount, p.event_at, p.event_date, t.memo FROM postings p \
        LEFT JOIN inbox_texts t ON t.market_id = p.market_id AND t.item = p.item \
        WHERE p.market_id = $1 AND p.business_date = $2 AND p.kind = 'settle' AND p.credit_account = 'suspense' \
        ORDER BY p.seq LIMIT $3";
    if !stall_days.iter().any(|day| day.stall.is_none() && day.kind == StallKind::Settle) {
        return Ok((Vec::new(), Figure::default()));
    }
    let rows = transaction.rows(SQL, binds![day.market.get(), day.date.to_string(), ROWS_MAX]).await?;
    let mut settled = Vec::with_capacity(rows.len());
    for row in &rows {
        settled.push(Unmatched {
            seq: Seq::new(row.int("seq")?),
            amount: Dong::new(row.int("amount")?),
            event_at: optional_instant(row.optional_int("event_at")?)?,
            event_date: row.parse("event_date")?,
            // The first line is the transfer's own text; what the provider adds repeats it.
            memo_masked: row.optional_text("memo")?.map(|memo| masking::memo(memo.lines().next().unwrap_or_default())),
        });
    }
    let seqs: Vec<Seq> = settled.iter().map(|posting| posting.seq).collect();
    let waiting = still_in_suspense(&seqs, &concerning(transaction, day.market, &seqs).await?);
    settled.retain(|posting| waiting.contains(&posting.seq));
    let sum: Option<Dong> = settled.iter().map(|posting| posting.amount).sum();
    let amount = sum.ok_or_else(|| StoreError::Inconsistent("suspense exceeds what an account can hold".to_owned()))?;
    let all = Figure { count: i64::try_from(settled.len()).unwrap_or(i64::MAX), amount };
    settled.truncate(DailyReport::UNMATCHED_MAX);
    Ok((settled, all))
}

/// Reads what concerns these postings, what concerns those, and so on; one statement a step.
pub(super) async fn concerning(
    transaction: &mut Transaction,
    market: MarketId,
    postings: &[Seq],
) -> Result<Vec<(Seq, PostingKind, Seq)>> {
    const SQL: &str = "SELECT p.seq, p.kind, p.concerns FROM {rows} JOIN postings p ON p.concerns = u.seq \
        WHERE p.market_id = $1 AND p.concerns IS NOT NULL ORDER BY p.seq";
    let mut found = Vec::new();
    let mut asked = postings.to_vec();
    for _ in 0..REVERSAL_DEPTH {
        if asked.is_empty() {
            break;
        }
        let rows = Rows::new().with("seq", Column::ints(asked.iter().map(|seq| seq.get())));
        let answer = transaction.rows(SQL, binds![market.get(), rows]).await?;
        asked.clear();
        for row in &answer {
            let seq = Seq::new(row.int("seq")?);
            asked.push(seq);
            found.push((seq, row.parse("kind")?, Seq::new(row.int("concerns")?)));
        }
    }
    Ok(found)
}

async fn quarantined(transaction: &mut Transaction, day: Day) -> Result<Figure> {
    // The wider condition repeats the partial index's own, so that SQLite may use it.
    const SQL: &str = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(i.amount), 0) AS BIGINT) AS amount FROM inbox i \
        WHERE i.market_id = $1 AND i.business_date = $2 \
        AND (i.outcome = 'quarantined' OR i.outcome = 'stale' OR i.outcome = 'rejected') AND i.outcome = 'quarantined' AND NOT EXISTS (SELECT 1 FROM inbox r \
            WHERE r.market_id = i.market_id AND r.resolves = i.item)";
    transaction.row(SQL, day.binds()).await?.as_ref().map_or_else(|| Ok(Figure::default()), figure)
}

async fn sources(transaction: &mut Transaction, day: Day) -> Result<Vec<SourceFigures>> {
    const SQL: &str = "SELECT s.name, t.outcome, t.count, t.amount, t.last_at FROM source_totals t \
        JOIN sources s ON s.source_id = t.source_id WHERE t.market_id = $1 AND t.business_date = $2 \
        ORDER BY s.name, t.outcome LIMIT $3";
    let rows = transaction.rows(SQL, binds![day.market.get(), day.date.to_string(), ROWS_MAX]).await?;
    let mut sources: Vec<SourceFigures> = Vec::new();
    for row in &rows {
        let (source, last_at) = (row.parse("name")?, instant(row.int("last_at")?)?);
        if sources.last().is_none_or(|last| last.source != source) {
            let (settlements, duplicates, quarantined) = (0, 0, 0);
            let amount = Dong::ZERO;
            sources.push(SourceFigures { source, settlements, amount, duplicates, quarantined, last_at });
        }
        if let Some(figures) = sources.last_mut() {
            add_outcome(figures, row.parse("outcome")?, figure(row)?)?;
            figures.last_at = figures.last_at.max(last_at);
        }
    }
    Ok(sources)
}

fn add_outcome(figures: &mut SourceFigures, outcome: Outcome, figure: Figure) -> Result<()> {
    match outcome {
        Outcome::Recorded | Outcome::Suspense => {
            figures.settlements = figures.settlements.saturating_add(figure.count);
            figures.amount = figures.amount.checked_add(figure.amount).ok_or_else(|| {
                StoreError::Inconsistent(format!("source {} exceeds what an account can hold", figures.source))
            })?;
        }
        Outcome::Duplicate => figures.duplicates = figure.count,
        Outcome::Quarantined => figures.quarantined = figure.count,
        Outcome::Ignored | Outcome::Rejected | Outcome::Stale | Outcome::Dismissed | Outcome::Received => {}
    }
    Ok(())
}

/// Reads the day before and the same weekday one week earlier.
async fn other_days(transaction: &mut Transaction, day: Day) -> Result<(Figure, Figure)> {
    const SQL: &str = "SELECT business_date, CAST(SUM(count) AS BIGINT) AS count, \
        CAST(SUM(amount) AS BIGINT) AS amount FROM hourly_totals \
        WHERE market_id = $1 AND business_date IN ($2, $3) GROUP BY business_date ORDER BY business_date";
    let (previous, week_ago) = (day.date.previous(), day.date.plus_days(-7));
    let values = binds![day.market.get(), previous.to_string(), week_ago.to_string()];
    let mut figures = (Figure::default(), Figure::default());
    for row in &transaction.rows(SQL, values).await? {
        if row.parse::<BusinessDate>("business_date")? == previous {
            figures.0 = figure(row)?;
        } else {
            figures.1 = figure(row)?;
        }
    }
    Ok(figures)
}

/// Reads `count` and `amount`.
pub(super) fn figure(row: &Row) -> Result<Figure> {
    Ok(Figure { count: row.int("count")?, amount: Dong::new(row.int("amount")?) })
}

fn side_sums(row: &Row) -> Result<SideSums> {
    Ok(SideSums { debits: Dong::new(row.int("debits")?), credits: Dong::new(row.int("credits")?) })
}

fn stall_number(number: i64) -> Result<StallNumber> {
    StallNumber::new(number).map_err(|error| StoreError::Inconsistent(error.to_string()))
}
