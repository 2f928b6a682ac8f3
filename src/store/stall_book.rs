//! One stall's own book: what her phone shows, what she says about it, and what she takes away.

use uuid::Uuid;

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::{instant, micros, optional_instant, postings};
use crate::domain::account::BankAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, Seq, StallNumber};
use crate::domain::registration::{RegisteredAccount, StallCode};
use crate::domain::stall_book::{CashLine, DayTotal, Dispute};
use crate::domain::text::Name;
use crate::ledger::batch::Posting;

/// Days of one book: a leap year.
const DAYS_MAX: i64 = 366;
/// Totals of one book: a row for each day and kind.
const TOTALS_MAX: i64 = DAYS_MAX * 8;
/// Lines of cash of one book.
const CASH_MAX: i64 = 5_000;

/// A stall with who sells there and the account that its code pays into.
#[derive(Debug, Clone)]
pub(crate) struct StallRow {
    pub(crate) number: StallNumber,
    pub(crate) code: StallCode,
    pub(crate) category: String,
    pub(crate) vendor: Option<(Name, BusinessDate)>,
    pub(crate) account: Option<RegisteredAccount>,
}

/// Reads a stall by the key of its code, with its tenant on a date.
pub(crate) async fn stall(
    transaction: &mut Transaction,
    market: MarketId,
    key: &str,
    on: BusinessDate,
) -> Result<Option<StallRow>> {
    const STALL: &str = "SELECT s.stall_number, s.code, s.category, t.valid_from, v.name FROM stalls s \
        LEFT JOIN tenancies t ON t.market_id = s.market_id AND t.stall_number = s.stall_number \
        AND t.valid_from <= $3 AND (t.valid_to IS NULL OR t.valid_to > $3) \
        LEFT JOIN vendors v ON v.market_id = t.market_id AND v.vendor_id = t.vendor_id \
        WHERE s.market_id = $1 AND s.code_key = $2";
    const ACCOUNT: &str = "SELECT r.number, r.bin, r.holder_name, r.kind FROM account_stalls a \
        JOIN receiving_accounts r ON r.market_id = a.market_id AND r.number = a.number AND r.bin = a.bin \
        WHERE a.market_id = $1 AND a.stall_number = $2 AND a.valid_to IS NULL \
        ORDER BY a.valid_from, r.number, r.bin LIMIT 1";
    let Some(row) = transaction.row(STALL, binds![market.get(), key, on.to_string()]).await? else { return Ok(None) };
    let number = super::bindings::stall(row.int("stall_number")?)?;
    let vendor = match row.optional_text("name")? {
        Some(_) => Some((row.parse("name")?, row.parse("valid_from")?)),
        None => None,
    };
    let account = transaction.row(ACCOUNT, binds![market.get(), number.get()]).await?;
    let account = account.map(|row| -> Result<RegisteredAccount> {
        let account = BankAccount { bin: row.parse("bin")?, number: row.parse("number")? };
        Ok(RegisteredAccount { account, kind: row.parse("kind")?, holder: row.text("holder_name")?, vendor: None })
    });
    let account = account.transpose()?;
    Ok(Some(StallRow { number, code: row.parse("code")?, category: row.text("category")?, vendor, account }))
}

/// Which days of a stall's book are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) stall: StallNumber,
    pub(crate) from: BusinessDate,
    pub(crate) to: BusinessDate,
}

/// Reads a stall's totals by day and kind.
pub(crate) async fn totals(transaction: &mut Transaction, market: MarketId, span: Span) -> Result<Vec<DayTotal>> {
    const SQL: &str = "SELECT business_date, kind, count, amount FROM daily_totals WHERE market_id = $1 \
        AND business_date >= $2 AND business_date <= $3 AND stall_number = $4 ORDER BY business_date, kind LIMIT $5";
    let (from, to) = (span.from.to_string(), span.to.to_string());
    let rows = transaction.rows(SQL, binds![market.get(), from, to, span.stall.get(), TOTALS_MAX]).await?;
    rows.iter()
        .map(|row| {
            let kind = row.text("kind")?;
            let is_money = matches!(kind.as_str(), "settle" | "assign" | "reversal");
            let (count, amount) = (row.int("count")?, crate::domain::money::Dong::new(row.int("amount")?));
            Ok(DayTotal { date: row.parse("business_date")?, is_money, count, amount })
        })
        .collect()
}

/// Reads a stall's postings of some days with who paid, newest first, at most `limit` of them.
pub(crate) async fn entries(
    transaction: &mut Transaction,
    market: MarketId,
    span: Span,
    limit: i64,
) -> Result<Vec<(Posting, String)>> {
    const SQL: &str = "SELECT p.seq, p.kind, p.debit_account, p.credit_account, p.amount, p.business_date, p.event_date, \
        p.event_at, p.recorded_at, p.late, p.stall_number, p.item, p.concerns, p.reason, p.actor, \
        COALESCE(t.payer, '') AS payer FROM postings p \
        LEFT JOIN inbox_texts t ON t.market_id = p.market_id AND t.item = p.item \
        WHERE p.market_id = $1 AND p.business_date >= $2 AND p.business_date <= $3 AND p.stall_number = $4 \
        ORDER BY p.business_date DESC, p.seq DESC LIMIT $5";
    let (from, to) = (span.from.to_string(), span.to.to_string());
    let rows = transaction.rows(SQL, binds![market.get(), from, to, span.stall.get(), limit]).await?;
    rows.iter().map(|row| Ok((postings::posting(row)?, row.text("payer")?))).collect()
}

/// Reads when the dates of a span were closed, for those that were.
pub(crate) async fn closes(
    transaction: &mut Transaction,
    market: MarketId,
    span: Span,
) -> Result<Vec<(BusinessDate, jiff::Timestamp)>> {
    const SQL: &str = "SELECT business_date, closed_at FROM day_closes WHERE market_id = $1 AND business_date >= $2 \
        AND business_date <= $3 ORDER BY business_date LIMIT $4";
    let values = binds![market.get(), span.from.to_string(), span.to.to_string(), DAYS_MAX];
    let rows = transaction.rows(SQL, values).await?;
    rows.iter().map(|row| Ok((row.parse("business_date")?, instant(row.int("closed_at")?)?))).collect()
}

/// Writes a dispute; `false` when there is one about this posting already.
pub(crate) async fn raise(transaction: &mut Transaction, market: MarketId, new: &Dispute) -> Result<bool> {
    const SQL: &str = "INSERT INTO disputes (market_id, seq, stall_number, reason, note, raised_at, raised_by) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (market_id, seq) DO NOTHING";
    let (reason, note, by) = (new.reason.as_str(), new.note.as_str(), new.raised_by.as_str());
    let values = binds![market.get(), new.seq.get(), new.stall.get(), reason, note, micros(new.raised_at), by];
    Ok(transaction.execute(SQL, values).await? == 1)
}

/// Reads the disputes of a market that nobody answered yet, oldest posting first, each with the
/// stall's code and the posting.
pub(crate) async fn open_disputes(
    transaction: &mut Transaction,
    market: MarketId,
    after: i64,
    limit: i64,
) -> Result<Vec<(Dispute, String, Posting)>> {
    const SQL: &str = "SELECT d.seq, d.stall_number, d.reason, d.note, d.raised_at, d.raised_by, d.answer, \
        d.answered_at, d.answered_by, s.code FROM disputes d \
        JOIN stalls s ON s.market_id = d.market_id AND s.stall_number = d.stall_number \
        WHERE d.market_id = $1 AND d.answered_at IS NULL AND d.seq > $2 ORDER BY d.seq LIMIT $3";
    let mut found = Vec::new();
    for row in transaction.rows(SQL, binds![market.get(), after, limit]).await? {
        let dispute = dispute(&row)?;
        let posting = postings::find(transaction, market, dispute.seq).await?;
        let missing = || StoreError::Inconsistent(format!("a dispute about posting {}", dispute.seq.get()));
        let posting = posting.ok_or_else(missing)?;
        found.push((dispute, row.text("code")?, posting));
    }
    Ok(found)
}

/// Reads a stall's disputes about postings between two numbers.
pub(crate) async fn stall_disputes(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    between: (Seq, Seq),
) -> Result<Vec<Dispute>> {
    const SQL: &str = "SELECT seq, stall_number, reason, note, raised_at, raised_by, answer, answered_at, answered_by \
        FROM disputes WHERE market_id = $1 AND seq >= $2 AND seq <= $3 AND stall_number = $4 ORDER BY seq LIMIT $5";
    let values = binds![market.get(), between.0.get(), between.1.get(), stall.get(), CASH_MAX];
    transaction.rows(SQL, values).await?.iter().map(dispute).collect()
}

/// Answers a dispute; `false` when it is not there or answered already.
pub(crate) async fn answer(
    transaction: &mut Transaction,
    market: MarketId,
    seq: Seq,
    answer: (&str, &str, jiff::Timestamp),
) -> Result<bool> {
    const SQL: &str = "UPDATE disputes SET answer = $3, answered_by = $4, answered_at = $5 \
        WHERE market_id = $1 AND seq = $2 AND answered_at IS NULL";
    let (text, by, at) = answer;
    Ok(transaction.execute(SQL, binds![market.get(), seq.get(), text, by, micros(at)]).await? == 1)
}

fn dispute(row: &Row) -> Result<Dispute> {
    Ok(Dispute {
        seq: Seq::new(row.int("seq")?),
        stall: super::bindings::stall(row.int("stall_number")?)?,
        reason: row.parse("reason")?,
        note: row.text("note")?,
        raised_at: instant(row.int("raised_at")?)?,
        raised_by: row.text("raised_by")?,
        answer: row.optional_text("answer")?,
        answered_at: optional_instant(row.optional_int("answered_at")?)?,
        answered_by: row.optional_text("answered_by")?,
    })
}

/// Writes a line of cash.
pub(crate) async fn write_cash(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    line: &CashLine,
) -> Result<()> {
    const SQL: &str = "INSERT INTO cash_lines (market_id, stall_number, line_id, business_date, amount, note, \
        recorded_at, recorded_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let (id, date) = (line.id.as_bytes().to_vec(), line.date.to_string());
    let (note, by) = (line.note.as_str(), line.recorded_by.as_str());
    let values = binds![market.get(), stall.get(), id, date, line.amount.whole(), note, micros(line.recorded_at), by];
    transaction.execute_exactly(1, SQL, values).await
}

/// Marks a line of cash as withdrawn; `false` when it is not there or withdrawn already.
pub(crate) async fn withdraw_cash(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    line: Uuid,
    by: (&str, jiff::Timestamp),
) -> Result<bool> {
    const SQL: &str = "UPDATE cash_lines SET withdrawn_by = $4, withdrawn_at = $5 WHERE market_id = $1 \
        AND stall_number = $2 AND line_id = $3 AND withdrawn_at IS NULL";
    let values = binds![market.get(), stall.get(), line.as_bytes().to_vec(), by.0, micros(by.1)];
    Ok(transaction.execute(SQL, values).await? == 1)
}

/// Reads the lines of cash of some days, withdrawn ones too.
pub(crate) async fn cash(transaction: &mut Transaction, market: MarketId, span: Span) -> Result<Vec<CashLine>> {
    const SQL: &str = "SELECT line_id, business_date, amount, note, recorded_at, recorded_by, withdrawn_at \
        FROM cash_lines WHERE market_id = $1 AND stall_number = $2 AND business_date >= $3 AND business_date <= $4 \
        ORDER BY business_date, line_id LIMIT $5";
    let (from, to) = (span.from.to_string(), span.to.to_string());
    let rows = transaction.rows(SQL, binds![market.get(), span.stall.get(), from, to, CASH_MAX]).await?;
    rows.iter()
        .map(|row| {
            let id = row.bytes("line_id")?;
            Ok(CashLine {
                id: Uuid::from_slice(&id).map_err(|error| StoreError::Inconsistent(error.to_string()))?,
                date: row.parse("business_date")?,
                amount: crate::domain::money::Dong::new(row.int("amount")?),
                note: row.text("note")?,
                recorded_at: instant(row.int("recorded_at")?)?,
                recorded_by: row.text("recorded_by")?,
                withdrawn_at: optional_instant(row.optional_int("withdrawn_at")?)?,
            })
        })
        .collect()
}
