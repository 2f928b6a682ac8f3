//! Balances of a market at a point in time: after any posting, or up to any business date.

use serde_json::{Value, json};

use super::error::{AppError, Message};
use super::{App, no_market};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketCode, Seq};
use crate::domain::money::Dong;
use crate::ledger::totals::Sides;
use crate::store::error::StoreError;
use crate::store::{balances, head};

/// The point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// As things are now.
    Now,
    /// After this posting of the journal.
    Posting(Seq),
    /// All postings of business dates up to and with this one, whenever they were recorded.
    Date(BusinessDate),
}

/// A market's trial balance.
#[derive(Debug, Clone)]
pub struct TrialBalance {
    /// The market's code.
    pub market: MarketCode,
    /// The point in time.
    pub as_of: AsOf,
    /// The journal's last number when it was read.
    pub journal_seq: Seq,
    /// Whether a later posting can still change it: an open date.
    pub provisional: bool,
    /// By account: its debits and credits.
    pub accounts: Vec<(String, Sides)>,
    /// Σ of the accounts: both sides are equal.
    pub totals: Sides,
}

impl App {
    /// Returns a market's balances.
    ///
    /// # Errors
    /// `not_found` for the market; `seq_out_of_range` for a posting that is not there; `inconsistent`
    /// when debits and credits differ.
    pub async fn balances(&self, code: &MarketCode, as_of: AsOf) -> Result<TrialBalance, AppError> {
        let market = self.market(code).await?;
        let mut transaction = self.store.begin_read().await?;
        let head = head::read(&mut transaction, market.id).await?.ok_or_else(|| no_market(code))?;
        let found = match as_of {
            AsOf::Now => balances::after_posting(&mut transaction, market.id, Seq::new(head.last_seq)).await?,
            AsOf::Posting(seq) if (0..=head.last_seq).contains(&seq.get()) => {
                balances::after_posting(&mut transaction, market.id, seq).await?
            }
            AsOf::Posting(seq) => return Err(out_of_range(code, seq, head.last_seq)),
            AsOf::Date(date) => balances::up_to_date(&mut transaction, market.id, date, head.open_date).await?,
        };
        transaction.rollback().await?;
        let sum = |side: fn(&Sides) -> Dong| found.values().map(side).sum::<Option<Dong>>();
        let (Some(debits), Some(credits)) = (sum(|sides| sides.debits), sum(|sides| sides.credits)) else {
            return Err(StoreError::Inconsistent("the balances exceed what an account can hold".to_owned()).into());
        };
        if debits != credits {
            let what = format!("{code}: the accounts' debits come to {debits}, their credits to {credits}");
            return Err(StoreError::Inconsistent(what).into());
        }
        Ok(TrialBalance {
            market: market.code,
            as_of,
            journal_seq: Seq::new(head.last_seq),
            provisional: matches!(as_of, AsOf::Date(date) if date >= head.open_date),
            accounts: found.into_iter().map(|(account, sides)| (account.to_string(), sides)).collect(),
            totals: Sides { debits, credits },
        })
    }
}

impl TrialBalance {
    /// Returns the trial balance as the API shows it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (seq, date) = match self.as_of {
            AsOf::Now => (Some(self.journal_seq.get()), None),
            AsOf::Posting(seq) => (Some(seq.get()), None),
            AsOf::Date(date) => (None, Some(date.to_string())),
        };
        let accounts: Vec<Value> = self
            .accounts
            .iter()
            .map(|(account, sides)| json!({"account": account, "debits": sides.debits.whole(), "credits": sides.credits.whole()}))
            .collect();
        json!({
            "market": self.market.as_str(), "as_of_seq": seq, "as_of_date": date, "provisional": self.provisional,
            "journal_seq": self.journal_seq.get(), "currency": "VND",
            "debits": self.totals.debits.whole(), "credits": self.totals.credits.whole(), "accounts": accounts,
        })
    }
}

fn out_of_range(market: &MarketCode, seq: Seq, last: i64) -> AppError {
    let seq = seq.get();
    let vi = format!("Nhật ký chợ {market} có bút toán từ 1 đến {last}, không có {seq}.");
    let en = format!("The journal of {market} has postings 1 to {last}, not {seq}.");
    AppError::field("seq", "seq_out_of_range", Message::new(vi, en))
}
