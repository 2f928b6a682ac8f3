//! A market's bindings as the judge needs them: who is bound to which account, since when.

use std::collections::HashMap;

use super::engine::{Transaction, binds};
use super::error::Result;
use super::{instant, optional_instant};
use crate::domain::account::BankAccount;
use crate::domain::calendar::Cutoff;
use crate::domain::ids::{MarketId, StallNumber};
use crate::ledger::facts::{AccountBinding, Bindings, StallBinding};

/// Most accounts, stalls and bindings of one market that are read; a market has some hundreds.
const LIMIT: i64 = 200_000;

/// Reads all bindings of a market. They change only past the fence, so a reader may keep them for
/// as long as the head's version is its own.
pub(crate) async fn load(transaction: &mut Transaction, market: MarketId) -> Result<Bindings> {
    const ACCOUNTS: &str = "SELECT number, bin, kind FROM receiving_accounts WHERE market_id = $1 \
        ORDER BY number, bin LIMIT $2";
    const BOUND: &str = "SELECT number, bin, stall_number, valid_from, valid_to, is_default FROM account_stalls \
        WHERE market_id = $1 ORDER BY number, bin, stall_number, valid_from LIMIT $2";
    const STALLS: &str = "SELECT stall_number FROM stalls WHERE market_id = $1 ORDER BY stall_number LIMIT $2";
    const CUTOFFS: &str =
        "SELECT from_date, minutes FROM market_cutoffs WHERE market_id = $1 ORDER BY from_date LIMIT $2";
    let mut accounts: HashMap<BankAccount, AccountBinding> = HashMap::new();
    for row in transaction.rows(ACCOUNTS, binds![market.get(), LIMIT]).await? {
        let account = BankAccount { bin: row.parse("bin")?, number: row.parse("number")? };
        accounts.insert(account, AccountBinding { kind: row.parse("kind")?, stalls: Vec::new() });
    }
    for row in transaction.rows(BOUND, binds![market.get(), LIMIT]).await? {
        let account = BankAccount { bin: row.parse("bin")?, number: row.parse("number")? };
        if let Some(binding) = accounts.get_mut(&account) {
            binding.stalls.push(StallBinding {
                stall: stall(row.int("stall_number")?)?,
                from: instant(row.int("valid_from")?)?,
                to: optional_instant(row.optional_int("valid_to")?)?,
                is_default: row.flag("is_default")?,
            });
        }
    }
    let mut bindings = Bindings { accounts, ..Bindings::default() };
    for row in transaction.rows(STALLS, binds![market.get(), LIMIT]).await? {
        bindings.stalls.insert(stall(row.int("stall_number")?)?);
    }
    for row in transaction.rows(CUTOFFS, binds![market.get(), LIMIT]).await? {
        bindings.cutoffs.insert(row.parse("from_date")?, cutoff(row.int("minutes")?)?);
    }
    Ok(bindings)
}

/// Reads a stall number as it is stored.
pub(crate) fn stall(number: i64) -> Result<StallNumber> {
    StallNumber::new(number).map_err(|error| super::error::StoreError::Inconsistent(error.to_string()))
}

fn cutoff(minutes: i64) -> Result<Cutoff> {
    Cutoff::from_minutes(minutes).map_err(|error| super::error::StoreError::Inconsistent(error.to_string()))
}
