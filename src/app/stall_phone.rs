//! What a vendor's phone shows: her stall, her code, today and the last payment.

use super::error::{AppError, Message};
use super::{App, no_market};
use crate::domain::account::BankAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketCode, StallNumber};
use crate::domain::memo::MemoCode;
use crate::domain::money::Dong;
use crate::domain::posting::PostingKind;
use crate::domain::registration::{Market, RegisteredAccount, StallCode};
use crate::domain::stall_book::BookEntry;
use crate::domain::text::{Name, code_key};
use crate::qr::payload::{Service, VietQr};
use crate::store::engine::Transaction;
use crate::store::stall_book::{self, Span};
use crate::store::{head, markets};

/// Entries that are looked through for the day's last payment: corrections may follow it.
const LAST_MAX: i64 = 20;

/// A stall as its own phones see it.
#[derive(Debug, Clone)]
pub struct Stand {
    /// The market.
    pub market: Market,
    /// The stall's number.
    pub number: StallNumber,
    /// Its printed code.
    pub code: StallCode,
    /// What is sold there.
    pub category: String,
    /// Who sells there now.
    pub vendor: Option<Name>,
    /// Since when: what came before is a former tenant's, and not hers to see.
    pub since: BusinessDate,
    /// The account its code pays into.
    pub account: Option<RegisteredAccount>,
}

impl Stand {
    /// Returns the memo that its code carries.
    #[must_use]
    pub fn memo(&self) -> String {
        MemoCode::of(self.number).to_string()
    }

    /// Returns its code's content, with an amount or without; none while there is no account.
    ///
    /// # Errors
    /// `amount_out_of_range`.
    pub fn payload(&self, amount: Option<Dong>) -> Result<Option<String>, AppError> {
        let Some(RegisteredAccount { account: BankAccount { bin, number }, .. }) = &self.account else {
            return Ok(None);
        };
        let code = VietQr::new(bin.clone(), number.as_str(), Service::ToAccount, amount, Some(&self.memo()))
            .map_err(|error| AppError::field("amount", "amount_out_of_range", super::qr_codes::unmade(&error)))?;
        Ok(Some(code.to_string()))
    }
}

/// A stall's first page, all of one moment.
#[derive(Debug, Clone)]
pub struct PhoneHome {
    /// The stall.
    pub stand: Stand,
    /// The book day that money is booked on now.
    pub date: BusinessDate,
    /// Today's payments.
    pub payments: i64,
    /// What they came to.
    pub amount: Dong,
    /// Today's last payment.
    pub last: Option<BookEntry>,
    /// The last posting that these figures know; listening goes on from there.
    pub cursor: i64,
}

impl App {
    /// Returns a stall as its phones see it.
    ///
    /// # Errors
    /// `not_found` for market or stall.
    pub async fn stand(&self, market: &MarketCode, stall: &str) -> Result<Stand, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let stand = self.stand_in(&mut transaction, market, stall).await;
        transaction.rollback().await?;
        stand
    }

    /// Reads a stall in a transaction that goes on.
    pub(super) async fn stand_in(
        &self,
        transaction: &mut Transaction,
        market: &MarketCode,
        stall: &str,
    ) -> Result<Stand, AppError> {
        let market = markets::find(transaction, market, self.today()).await?.ok_or_else(|| no_market(market))?;
        let today = self.book_day(&market);
        let found = stall_book::stall(transaction, market.id, &code_key(stall), today).await?;
        let row = found.ok_or_else(|| {
            let shown: String = stall.chars().take(30).collect();
            AppError::not_found(Message::new(format!("Không có sạp {shown}."), format!("There is no stall {shown}.")))
        })?;
        // An empty stall has nobody who may look back.
        let (vendor, since) = row.vendor.map_or((None, today), |(name, since)| (Some(name), since));
        let (number, code, category, account) = (row.number, row.code, row.category, row.account);
        Ok(Stand { market, number, code, category, vendor, since, account })
    }

    /// Returns what a stall's first page shows.
    ///
    /// # Errors
    /// `not_found` for market or stall.
    pub async fn phone_home(&self, market: &MarketCode, stall: &str) -> Result<PhoneHome, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let home = self.phone_home_in(&mut transaction, market, stall).await;
        transaction.rollback().await?;
        home
    }

    async fn phone_home_in(
        &self,
        transaction: &mut Transaction,
        market: &MarketCode,
        stall: &str,
    ) -> Result<PhoneHome, AppError> {
        let stand = self.stand_in(transaction, market, stall).await?;
        let head = head::read(transaction, stand.market.id).await?.ok_or_else(|| no_market(market))?;
        // After an early close, money goes to the next day already.
        let date = self.book_day(&stand.market).max(head.open_date);
        let span = Span { stall: stand.number, from: date, to: date };
        let totals = stall_book::totals(transaction, stand.market.id, span).await?;
        let money = || totals.iter().filter(|total| total.is_money);
        let amount: Option<Dong> = money().map(|total| total.amount).sum();
        let amount = amount.ok_or_else(|| AppError::internal("a day's total exceeds what can be counted"))?;
        let entries = stall_book::entries(transaction, stand.market.id, span, LAST_MAX).await?;
        let arrived = |kind| matches!(kind, PostingKind::Settle | PostingKind::Assign);
        let last = entries.iter().find(|(entry, _)| arrived(entry.kind) && entry.effect().whole() > 0);
        let last = last.map(|(posting, payer)| super::stall_book::entry(&stand.market.code, posting, payer));
        let payments = money().map(|total| total.count).sum();
        Ok(PhoneHome { date, payments, amount, last, cursor: head.last_seq, stand })
    }
}
