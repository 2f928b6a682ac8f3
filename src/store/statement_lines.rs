//! The lines that the files of an account agree on, each once.

use std::collections::BTreeMap;

use super::engine::{Column, Row, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use super::{micros, optional_instant};
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, Seq};
use crate::domain::money::Dong;
use crate::domain::reconciliation::{BankLine, Standing, StatementId};
use crate::domain::settlement::{BankRef, Direction};

/// Lines that are written at once.
const WRITTEN_TOGETHER: usize = 2_000;
/// Lines that one question may give: two of the largest files.
const LINES_MAX: i64 = 1_000_000;

macro_rules! line_sql {
    ($rest:literal) => {
        concat!(
            "SELECT l.line, l.settled_account, l.booked_on, l.booked_at, l.reference, l.bank_ref, l.direction, l.amount, \
             l.balance, l.memo, l.payer_ref, l.counterparty, l.standing FROM statement_lines l ",
            $rest
        )
    };
}

/// Returns the number that the market's next line gets. The fence must have been taken.
pub(crate) async fn next(transaction: &mut Transaction, market: MarketId) -> Result<i64> {
    const SQL: &str = "SELECT COALESCE(MAX(line), 0) + 1 AS next FROM statement_lines WHERE market_id = $1";
    let row = transaction.row(SQL, binds![market.get()]).await?;
    row.ok_or_else(|| StoreError::Inconsistent("no next line".to_owned()))?.int("next")
}

/// Reads an account's lines of some dates, or all accounts', in the order of their numbers.
pub(crate) async fn of_days(
    transaction: &mut Transaction,
    market: MarketId,
    account: Option<&SettledAccount>,
    (from, to): (BusinessDate, BusinessDate),
) -> Result<Vec<BankLine>> {
    const SQL: &str = line_sql!(
        "WHERE l.market_id = $1 AND l.booked_on >= $2 AND l.booked_on <= $3 \
         AND (CAST($4 AS TEXT) IS NULL OR l.settled_account = $4) ORDER BY l.line LIMIT $5"
    );
    let account = account.map(SettledAccount::as_str);
    let values = binds![market.get(), from.to_string(), to.to_string(), account, LINES_MAX];
    transaction.rows(SQL, values).await?.iter().map(line).collect()
}

/// Reads one line.
pub(crate) async fn find(transaction: &mut Transaction, market: MarketId, number: i64) -> Result<Option<BankLine>> {
    const SQL: &str = line_sql!("WHERE l.market_id = $1 AND l.line = $2");
    transaction.row(SQL, binds![market.get(), number]).await?.as_ref().map(line).transpose()
}

fn line(row: &Row) -> Result<BankLine> {
    let credit = row.text("direction")? == Direction::Credit.as_str();
    Ok(BankLine {
        number: row.int("line")?,
        settled: SettledAccount::from_stored(row.text("settled_account")?),
        booked_on: row.parse("booked_on")?,
        booked_at: optional_instant(row.optional_int("booked_at")?)?,
        reference: row.optional_text("reference")?.map(BankRef::from_stored),
        bank_ref: row.text("bank_ref")?,
        direction: if credit { Direction::Credit } else { Direction::Debit },
        amount: Dong::new(row.int("amount")?),
        balance: row.optional_int("balance")?.map(Dong::new),
        memo: row.text("memo")?,
        payer_ref: row.text("payer_ref")?,
        counterparty: row.text("counterparty")?,
        standing: row.parse("standing")?,
    })
}

/// Adds lines that a file brought; each with its place in that file.
pub(crate) async fn add(
    transaction: &mut Transaction,
    market: MarketId,
    id: StatementId,
    lines: &[(BankLine, String)],
) -> Result<()> {
    const SQL: &str = "INSERT INTO statement_lines (market_id, line, statement_id, place, settled_account, booked_on, \
        booked_at, reference, bank_ref, direction, amount, balance, memo, payer_ref, counterparty, standing) \
        SELECT h.market_id, u.line, $2, u.place, u.settled_account, u.booked_on, u.booked_at, u.reference, u.bank_ref, \
        u.direction, u.amount, u.balance, u.memo, u.payer_ref, u.counterparty, u.standing \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    let uuid = id.uuid();
    for part in lines.chunks(WRITTEN_TOGETHER) {
        let lines = || part.iter().map(|(line, _)| line);
        let rows = Rows::new()
            .with("line", Column::ints(lines().map(|line| line.number)))
            .with("place", Column::texts(part.iter().map(|(_, place)| place.as_str())))
            .with("settled_account", Column::texts(lines().map(|line| line.settled.as_str())))
            .with("booked_on", Column::texts(lines().map(|line| line.booked_on.to_string())))
            .with("booked_at", Column::ints(lines().map(|line| line.booked_at.map(micros))))
            .with("reference", Column::optional_texts(lines().map(|line| line.reference.as_ref().map(BankRef::as_str))))
            .with("bank_ref", Column::texts(lines().map(|line| line.bank_ref.as_str())))
            .with("direction", Column::texts(lines().map(|line| line.direction.as_str())))
            .with("amount", Column::ints(lines().map(|line| line.amount.whole())))
            .with("balance", Column::ints(lines().map(|line| line.balance.map(Dong::whole))))
            .with("memo", Column::texts(lines().map(|line| line.memo.as_str())))
            .with("payer_ref", Column::texts(lines().map(|line| line.payer_ref.as_str())))
            .with("counterparty", Column::texts(lines().map(|line| line.counterparty.as_str())))
            .with("standing", Column::texts(lines().map(|line| line.standing.as_str())));
        let values = binds![market.get(), uuid.as_bytes().as_slice(), rows];
        transaction.execute_exactly(part.len(), SQL, values).await?;
    }
    Ok(())
}

/// Writes the balances of lines that were known without one.
pub(crate) async fn complete(transaction: &mut Transaction, market: MarketId, balances: &[(i64, Dong)]) -> Result<()> {
    const SQL: &str = "UPDATE statement_lines SET balance = u.balance FROM {rows} \
        WHERE statement_lines.market_id = $1 AND statement_lines.line = u.line AND statement_lines.balance IS NULL";
    for part in balances.chunks(WRITTEN_TOGETHER) {
        let rows = Rows::new()
            .with("line", Column::ints(part.iter().map(|(line, _)| *line)))
            .with("balance", Column::ints(part.iter().map(|(_, balance)| balance.whole())));
        transaction.execute_exactly(part.len(), SQL, binds![market.get(), rows]).await?;
    }
    Ok(())
}

/// Settles what was doubtful on a date that a file covers wholly.
pub(crate) async fn settle(
    transaction: &mut Transaction,
    market: MarketId,
    account: &SettledAccount,
    date: BusinessDate,
) -> Result<()> {
    const SQL: &str = "UPDATE statement_lines SET standing = 'settled' WHERE market_id = $1 AND booked_on = $2 \
        AND settled_account = $3 AND standing = 'doubtful'";
    transaction.execute(SQL, binds![market.get(), date.to_string(), account.as_str()]).await.map(|_| ())
}

/// Counts a doubtful line because a person says that it is a line of its own; `false` when it is not
/// doubtful.
pub(crate) async fn accept(
    transaction: &mut Transaction,
    market: MarketId,
    number: i64,
    actor: &str,
    why: &str,
) -> Result<bool> {
    const SQL: &str = "UPDATE statement_lines SET standing = $3, accepted_by = $4, accepted_why = $5 \
        WHERE market_id = $1 AND line = $2 AND standing = $6";
    let (counted, doubtful) = (Standing::Counted.as_str(), Standing::Doubtful.as_str());
    let values = binds![market.get(), number, counted, actor, why, doubtful];
    Ok(transaction.execute(SQL, values).await? == 1)
}

/// Reads the refunds that were recorded of the lines of some dates, undone ones too.
pub(crate) async fn refunds(
    transaction: &mut Transaction,
    market: MarketId,
    (from, to): (BusinessDate, BusinessDate),
) -> Result<BTreeMap<i64, Vec<Seq>>> {
    const SQL: &str = "SELECT f.line, f.seq FROM statement_refunds f JOIN statement_lines l \
        ON l.market_id = f.market_id AND l.line = f.line WHERE f.market_id = $1 AND l.booked_on >= $2 \
        AND l.booked_on <= $3 ORDER BY f.line, f.seq LIMIT $4";
    let values = binds![market.get(), from.to_string(), to.to_string(), LINES_MAX];
    let mut refunds: BTreeMap<i64, Vec<Seq>> = BTreeMap::new();
    for row in transaction.rows(SQL, values).await? {
        refunds.entry(row.int("line")?).or_default().push(Seq::new(row.int("seq")?));
    }
    Ok(refunds)
}

/// Tells whether the market's book knows a bank account by its money.
pub(crate) async fn bank_account_known(
    transaction: &mut Transaction,
    market: MarketId,
    number: &crate::domain::account::AccountNumber,
) -> Result<bool> {
    const SQL: &str = "SELECT account FROM balances WHERE market_id = $1 AND account = $2";
    let account = format!("bank:{number}");
    Ok(transaction.row(SQL, binds![market.get(), account]).await?.is_some())
}
