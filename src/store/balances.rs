//! Balances at a point in time, without adding the journal up from its beginning.
//!
//! | as of | nearest kept | what is added |
//! |---|---|---|
//! | a journal number | `balance_steps` at or before it | the postings between: [`STEP`] and one batch at most |
//! | a closed date | `day_balances` up to it | nothing |
//! | an open date | `day_balances` of the last closed one | the postings of the open dates up to it |

use std::collections::BTreeMap;

use super::engine::{Column, Row, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, Seq};
use crate::domain::ledger_account::LedgerAccount;
use crate::domain::money::Dong;
use crate::domain::posting::Transfer;
use crate::ledger::batch::{Batch, Posting};
use crate::ledger::totals::Sides;

/// Postings between two steps: a step costs one row for each account that moved, adding up the
/// postings between two takes about ten milliseconds.
pub(crate) const STEP: i64 = 8_192;
/// Accounts of one market that are read at once.
const ACCOUNTS_MAX: i64 = 1_000_000;

/// Debits and credits by account.
pub(crate) type Balances = BTreeMap<LedgerAccount, Sides>;

/// Keeps the balances as they stand after a batch that passes a multiple of [`STEP`]. Belongs after
/// the batch's own additions to `balances`.
pub(crate) async fn keep_step(transaction: &mut Transaction, batch: &Batch<'_>) -> Result<()> {
    // A balance only grows, so the last step of an account that did not move since has the same.
    const SQL: &str = "INSERT INTO balance_steps (market_id, account, seq, debits, credits) \
        SELECT b.market_id, b.account, CAST($2 AS BIGINT), b.debits, b.credits FROM balances b WHERE b.market_id = $1 \
        AND (COALESCE((SELECT s.debits FROM balance_steps s WHERE s.market_id = b.market_id \
            AND s.account = b.account ORDER BY s.seq DESC LIMIT 1), 0) <> b.debits \
        OR COALESCE((SELECT s.credits FROM balance_steps s WHERE s.market_id = b.market_id \
            AND s.account = b.account ORDER BY s.seq DESC LIMIT 1), 0) <> b.credits)";
    let last = batch.next_head.last_seq;
    let first = last - i64::try_from(batch.postings.len()).unwrap_or(i64::MAX);
    if passes_step(first, last) {
        transaction.execute(SQL, binds![batch.market.get(), last]).await?;
    }
    Ok(())
}

/// Tells whether a batch that took the journal from `before` to `last` keeps a step at `last`.
pub(crate) fn passes_step(before: i64, last: i64) -> bool {
    before.div_euclid(STEP) < last.div_euclid(STEP)
}

/// Reads all balances after posting `seq`.
pub(crate) async fn after_posting(transaction: &mut Transaction, market: MarketId, seq: Seq) -> Result<Balances> {
    const NEAREST: &str = "SELECT seq FROM balance_steps WHERE market_id = $1 AND seq <= $2 ORDER BY seq DESC LIMIT 1";
    const KEPT: &str = "SELECT b.account, \
        (SELECT s.debits FROM balance_steps s WHERE s.market_id = b.market_id AND s.account = b.account \
            AND s.seq <= $2 ORDER BY s.seq DESC LIMIT 1) AS debits, \
        (SELECT s.credits FROM balance_steps s WHERE s.market_id = b.market_id AND s.account = b.account \
            AND s.seq <= $2 ORDER BY s.seq DESC LIMIT 1) AS credits \
        FROM balances b WHERE b.market_id = $1 ORDER BY b.account LIMIT $3";
    const SINCE: &str = "SELECT account, CAST(SUM(debits) AS BIGINT) AS debits, CAST(SUM(credits) AS BIGINT) AS credits \
        FROM (SELECT p.debit_account AS account, p.amount AS debits, 0 AS credits FROM postings p \
            WHERE p.market_id = $1 AND p.seq > $2 AND p.seq <= $3 UNION ALL \
            SELECT p.credit_account AS account, 0 AS debits, p.amount AS credits FROM postings p \
            WHERE p.market_id = $1 AND p.seq > $2 AND p.seq <= $3) m GROUP BY account ORDER BY account";
    let nearest = transaction.row(NEAREST, binds![market.get(), seq.get()]).await?;
    let mut balances = Balances::new();
    let step = match nearest {
        None => 0,
        Some(row) => {
            let kept = transaction.rows(KEPT, binds![market.get(), seq.get(), ACCOUNTS_MAX]).await?;
            add(&mut balances, &kept)?;
            row.int("seq")?
        }
    };
    let since = transaction.rows(SINCE, binds![market.get(), step, seq.get()]).await?;
    add(&mut balances, &since)?;
    Ok(balances)
}

/// Reads all balances of postings up to and with a business date; `open_date` is the first that is
/// not closed.
pub(crate) async fn up_to_date(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
    open_date: BusinessDate,
) -> Result<Balances> {
    const KEPT: &str = "SELECT b.account, \
        (SELECT d.debits FROM day_balances d WHERE d.market_id = b.market_id AND d.account = b.account \
            AND d.business_date <= $2 ORDER BY d.business_date DESC LIMIT 1) AS debits, \
        (SELECT d.credits FROM day_balances d WHERE d.market_id = b.market_id AND d.account = b.account \
            AND d.business_date <= $2 ORDER BY d.business_date DESC LIMIT 1) AS credits \
        FROM balances b WHERE b.market_id = $1 ORDER BY b.account LIMIT $3";
    const SINCE: &str = "SELECT account, CAST(SUM(debits) AS BIGINT) AS debits, CAST(SUM(credits) AS BIGINT) AS credits \
        FROM (SELECT p.debit_account AS account, p.amount AS debits, 0 AS credits FROM postings p \
            WHERE p.market_id = $1 AND p.business_date >= $2 AND p.business_date <= $3 UNION ALL \
            SELECT p.credit_account AS account, 0 AS debits, p.amount AS credits FROM postings p \
            WHERE p.market_id = $1 AND p.business_date >= $2 AND p.business_date <= $3) m \
        GROUP BY account ORDER BY account";
    let mut balances = Balances::new();
    let kept = transaction.rows(KEPT, binds![market.get(), date.to_string(), ACCOUNTS_MAX]).await?;
    add(&mut balances, &kept)?;
    if date >= open_date {
        let values = binds![market.get(), open_date.to_string(), date.to_string()];
        add(&mut balances, &transaction.rows(SINCE, values).await?)?;
    }
    Ok(balances)
}

/// Keeps what a closed date's movements come to, on top of each account's last closed date.
pub(crate) async fn keep_date(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
    moved: &Balances,
) -> Result<()> {
    const BEFORE: &str = "SELECT u.account, \
        (SELECT d.debits FROM day_balances d WHERE d.market_id = $1 AND d.account = u.account \
            AND d.business_date < $2 ORDER BY d.business_date DESC LIMIT 1) AS debits, \
        (SELECT d.credits FROM day_balances d WHERE d.market_id = $1 AND d.account = u.account \
            AND d.business_date < $2 ORDER BY d.business_date DESC LIMIT 1) AS credits \
        FROM {rows} ORDER BY u.account";
    const SQL: &str = "INSERT INTO day_balances (market_id, account, business_date, debits, credits) \
        SELECT h.market_id, u.account, $2, u.debits, u.credits FROM market_head h CROSS JOIN {rows} \
        WHERE h.market_id = $1";
    if moved.is_empty() {
        return Ok(());
    }
    let names = || Column::texts(moved.keys().map(ToString::to_string));
    let values = binds![market.get(), date.to_string(), Rows::new().with("account", names())];
    let mut balances = moved.clone();
    add(&mut balances, &transaction.rows(BEFORE, values).await?)?;
    let rows = Rows::new()
        .with("account", names())
        .with("debits", Column::ints(balances.values().map(|sides| sides.debits.whole())))
        .with("credits", Column::ints(balances.values().map(|sides| sides.credits.whole())));
    transaction.execute_exactly(moved.len(), SQL, binds![market.get(), date.to_string(), rows]).await
}

/// Adds a posting's two entries.
pub(crate) fn move_by(balances: &mut Balances, posting: &Posting) -> Result<()> {
    let Transfer { debit, credit, amount } = &posting.transfer;
    let debited = balances.entry(debit.clone()).or_default();
    debited.debits = debited.debits.checked_add(*amount).ok_or_else(|| too_much(debit))?;
    let credited = balances.entry(credit.clone()).or_default();
    credited.credits = credited.credits.checked_add(*amount).ok_or_else(|| too_much(credit))?;
    Ok(())
}

fn too_much(account: &LedgerAccount) -> StoreError {
    StoreError::Inconsistent(format!("the balance of {account} exceeds what an account can hold"))
}

fn add(balances: &mut Balances, rows: &[Row]) -> Result<()> {
    for row in rows {
        let account: LedgerAccount = row.parse("account")?;
        let read = |column| row.optional_int(column).map(|amount| Dong::new(amount.unwrap_or_default()));
        let (debits, credits) = (read("debits")?, read("credits")?);
        if debits == Dong::ZERO && credits == Dong::ZERO {
            continue;
        }
        let sides = balances.entry(account.clone()).or_default();
        sides.debits = sides.debits.checked_add(debits).ok_or_else(|| too_much(&account))?;
        sides.credits = sides.credits.checked_add(credits).ok_or_else(|| too_much(&account))?;
    }
    Ok(())
}
