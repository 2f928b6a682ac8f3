//! The lines that the files of an account agree on, each once.

use std::collections::BTreeMap;

use super::engine::{Column, Row, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use super::{micros, optional_instant};
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, Seq, StallNumber};
use crate::domain::money::Dong;
use crate::domain::reconciliation::{BankLine, Standing, StatementId, whole_memo};
use crate::domain::settlement::{BankRef, Direction};
use crate::ledger::reconcile::merge::{KnownLine, LineKey};
use crate::ledger::reconcile::pairing::Line;

/// Lines that are written at once.
pub(crate) const WRITTEN_TOGETHER: usize = 2_000;
/// Lines that are read at once: some megabytes of either engine's answer.
const READ_TOGETHER: i64 = 4_000;
/// Refunds that one question may give.
const REFUNDS_MAX: i64 = 100_000;

macro_rules! line_sql {
    ($from:literal) => {
        concat!(
            "SELECT l.line, l.settled_account, l.booked_on, l.booked_at, l.reference, l.bank_ref, l.direction, l.amount, \
             l.balance, l.memo, l.payer_ref, l.counterparty, l.standing FROM ",
            $from
        )
    };
}

/// Returns the number that the market's next line gets. The fence must have been taken.
pub(crate) async fn next(transaction: &mut Transaction, market: MarketId) -> Result<i64> {
    const SQL: &str = "SELECT COALESCE(MAX(line), 0) + 1 AS next FROM statement_lines WHERE market_id = $1";
    let row = transaction.row(SQL, binds![market.get()]).await?;
    row.ok_or_else(|| StoreError::Inconsistent("no next line".to_owned()))?.int("next")
}

/// Reads an account's lines of some dates, or all accounts', as far as comparing needs them: by
/// account, in the order of their numbers. A page at a time, so that no answer is whole in memory; of its
/// texts each line keeps what `gist` makes of them.
pub(crate) async fn to_compare(
    transaction: &mut Transaction,
    market: MarketId,
    account: Option<&SettledAccount>,
    (from, to): (BusinessDate, BusinessDate),
    gist: &(dyn Fn(Direction, &str) -> Gist + Sync),
) -> Result<BTreeMap<SettledAccount, Vec<Line>>> {
    const SQL: &str = "SELECT l.booked_on, l.settled_account, l.line, l.booked_at, l.reference, l.direction, l.amount, \
        l.standing, l.memo, l.payer_ref FROM statement_lines l WHERE l.market_id = $1 AND l.booked_on >= $2 \
        AND l.booked_on <= $3 AND (CAST($4 AS TEXT) IS NULL OR l.settled_account = $4) \
        AND (l.booked_on, l.settled_account, l.line) > ($2, $5, $6) \
        ORDER BY l.booked_on, l.settled_account, l.line LIMIT $7";
    let only = account.map(SettledAccount::as_str);
    let mut found: BTreeMap<SettledAccount, Vec<Line>> = BTreeMap::new();
    let mut last = (from.to_string(), String::new(), i64::MIN);
    let mut account_before = SettledAccount::from_stored(String::new());
    loop {
        let (date, settled, number) = last.clone();
        let values = binds![market.get(), date, to.to_string(), only, settled, number, READ_TOGETHER];
        let rows = transaction.rows(SQL, values).await?;
        let Some(end) = rows.last() else { break };
        last = (end.text("booked_on")?, end.text("settled_account")?, end.int("line")?);
        for row in &rows {
            let (settled, line) = comparable(row, gist)?;
            if account_before.as_str() != settled {
                account_before = SettledAccount::from_stored(settled.to_owned());
            }
            found.entry(account_before.clone()).or_default().push(line);
        }
        if i64::try_from(rows.len()) != Ok(READ_TOGETHER) {
            break;
        }
    }
    for lines in found.values_mut() {
        lines.sort_unstable_by_key(|line| line.number);
    }
    Ok(found)
}

/// What comparing needs of a line's texts: the stall that they name, and what may be a part of a reference.
pub(crate) type Gist = (Option<StallNumber>, Box<str>);

fn comparable<'r>(row: &'r Row, gist: &dyn Fn(Direction, &str) -> Gist) -> Result<(&'r str, Line)> {
    let mut row = row.in_order();
    let date = row.text()?.parse().map_err(wrong)?;
    let settled = row.text()?;
    let (number, at) = (row.int()?, optional_instant(row.optional_int()?)?);
    let reference = row.optional_text()?.map(|reference| BankRef::from_stored(reference.to_owned()));
    let (direction, amount) = (direction(row.text()?), Dong::new(row.int()?));
    let standing = row.text()?.parse().map_err(wrong)?;
    let (memo, payer_ref) = (row.text()?, row.text()?);
    let (code, memo) = gist(direction, &whole_memo(memo, payer_ref));
    Ok((settled, Line { number, direction, standing, amount, reference, at, date, code, memo }))
}

fn wrong(error: impl std::fmt::Display) -> StoreError {
    StoreError::Inconsistent(format!("statement_lines: {error}"))
}

fn direction(word: &str) -> Direction {
    if word == Direction::Credit.as_str() { Direction::Credit } else { Direction::Debit }
}

/// Reads an account's lines of one date, as far as merging needs them, in the order of their numbers.
pub(crate) async fn to_merge(
    transaction: &mut Transaction,
    market: MarketId,
    account: &SettledAccount,
    date: BusinessDate,
) -> Result<Vec<KnownLine>> {
    const SQL: &str = "SELECT l.line, l.reference, l.direction, l.amount, l.standing, l.balance FROM statement_lines l \
        WHERE l.market_id = $1 AND l.booked_on = $2 AND l.settled_account = $3 AND l.line > $4 ORDER BY l.line LIMIT $5";
    let mut known: Vec<KnownLine> = Vec::new();
    loop {
        let after = known.last().map_or(i64::MIN, |line| line.number);
        let values = binds![market.get(), date.to_string(), account.as_str(), after, READ_TOGETHER];
        let rows = transaction.rows(SQL, values).await?;
        for row in &rows {
            let mut row = row.in_order();
            let number = row.int()?;
            let reference = row.optional_text()?.map(|reference| BankRef::from_stored(reference.to_owned()));
            let key = LineKey { reference, direction: direction(row.text()?), amount: Dong::new(row.int()?) };
            let standing = row.text()?.parse().map_err(wrong)?;
            known.push(KnownLine { number, key, balance: row.optional_int()?.map(Dong::new), standing });
        }
        if i64::try_from(rows.len()) != Ok(READ_TOGETHER) {
            return Ok(known);
        }
    }
}

/// Reads lines by their numbers, in the order of these.
pub(crate) async fn of_numbers(
    transaction: &mut Transaction,
    market: MarketId,
    numbers: &[i64],
) -> Result<Vec<BankLine>> {
    const SQL: &str =
        line_sql!("{rows} CROSS JOIN statement_lines l WHERE l.market_id = $1 AND l.line = u.line ORDER BY l.line");
    let mut found = Vec::with_capacity(numbers.len());
    for part in numbers.chunks(WRITTEN_TOGETHER) {
        let rows = Rows::new().with("line", Column::ints(part.iter().copied()));
        for row in transaction.rows(SQL, binds![market.get(), rows]).await? {
            found.push(line(&row)?);
        }
    }
    Ok(found)
}

/// Reads the lines of some dates that may repeat known ones and wait for a person, by number.
pub(crate) async fn doubtful(
    transaction: &mut Transaction,
    market: MarketId,
    (from, to): (BusinessDate, BusinessDate),
    limit: i64,
) -> Result<Vec<BankLine>> {
    const SQL: &str = line_sql!(
        "statement_lines l WHERE l.market_id = $1 AND l.booked_on >= $2 AND l.booked_on <= $3 \
         AND l.standing = 'doubtful' ORDER BY l.line LIMIT $4"
    );
    let values = binds![market.get(), from.to_string(), to.to_string(), limit];
    transaction.rows(SQL, values).await?.iter().map(line).collect()
}

/// Reads one line.
pub(crate) async fn find(transaction: &mut Transaction, market: MarketId, number: i64) -> Result<Option<BankLine>> {
    const SQL: &str = line_sql!("statement_lines l WHERE l.market_id = $1 AND l.line = $2");
    transaction.row(SQL, binds![market.get(), number]).await?.as_ref().map(line).transpose()
}

fn line(row: &Row) -> Result<BankLine> {
    Ok(BankLine {
        number: row.int("line")?,
        settled: SettledAccount::from_stored(row.text("settled_account")?),
        booked_on: row.parse("booked_on")?,
        booked_at: optional_instant(row.optional_int("booked_at")?)?,
        reference: row.optional_text("reference")?.map(BankRef::from_stored),
        bank_ref: row.text("bank_ref")?,
        direction: direction(&row.text("direction")?),
        amount: Dong::new(row.int("amount")?),
        balance: row.optional_int("balance")?.map(Dong::new),
        memo: row.text("memo")?,
        payer_ref: row.text("payer_ref")?,
        counterparty: row.text("counterparty")?,
        standing: row.parse("standing")?,
    })
}

/// Adds lines that a file brought, at most [`WRITTEN_TOGETHER`]; each with its place in that file.
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
    if lines.is_empty() {
        return Ok(());
    }
    let uuid = id.uuid();
    let told = || lines.iter().map(|(line, _)| line);
    let rows = Rows::new()
        .with("line", Column::ints(told().map(|line| line.number)))
        .with("place", Column::texts(lines.iter().map(|(_, place)| place.as_str())))
        .with("settled_account", Column::texts(told().map(|line| line.settled.as_str())))
        .with("booked_on", Column::texts(told().map(|line| line.booked_on.to_string())))
        .with("booked_at", Column::ints(told().map(|line| line.booked_at.map(micros))))
        .with("reference", Column::optional_texts(told().map(|line| line.reference.as_ref().map(BankRef::as_str))))
        .with("bank_ref", Column::texts(told().map(|line| line.bank_ref.as_str())))
        .with("direction", Column::texts(told().map(|line| line.direction.as_str())))
        .with("amount", Column::ints(told().map(|line| line.amount.whole())))
        .with("balance", Column::ints(told().map(|line| line.balance.map(Dong::whole))))
        .with("memo", Column::texts(told().map(|line| line.memo.as_str())))
        .with("payer_ref", Column::texts(told().map(|line| line.payer_ref.as_str())))
        .with("counterparty", Column::texts(told().map(|line| line.counterparty.as_str())))
        .with("standing", Column::texts(told().map(|line| line.standing.as_str())));
    let values = binds![market.get(), uuid.as_bytes().as_slice(), rows];
    transaction.execute_exactly(lines.len(), SQL, values).await
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

/// Writes what a person says of a doubtful line, with name and reason; `false` when it is not doubtful.
pub(crate) async fn decide(
    transaction: &mut Transaction,
    market: MarketId,
    number: i64,
    standing: Standing,
    (actor, why): (&str, &str),
) -> Result<bool> {
    const SQL: &str = "UPDATE statement_lines SET standing = $3, accepted_by = $4, accepted_why = $5 \
        WHERE market_id = $1 AND line = $2 AND standing = 'doubtful'";
    let values = binds![market.get(), number, standing.as_str(), actor, why];
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
    let values = binds![market.get(), from.to_string(), to.to_string(), REFUNDS_MAX];
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
