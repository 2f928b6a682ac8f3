//! All that the register knows of one stall, as its board sees it.

use jiff::Timestamp;
use uuid::Uuid;

use super::error::{AppError, ErrorKind, Message};
use super::{App, no_market};
use crate::domain::account::{AccountKind, BankAccount};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketCode, MarketId, StallNumber};
use crate::domain::registration::StallCode;
use crate::domain::text::{Name, code_key};
use crate::store::engine::Transaction;
use crate::store::{markets, stall_book, stall_sheet};

/// An account of a stall.
#[derive(Debug, Clone)]
pub struct StallAccount {
    /// Its identifier, which tells nothing of its number.
    pub id: Uuid,
    /// The account.
    pub account: BankAccount,
    /// The holder's name as bank apps show it.
    pub holder: String,
    /// Whose account it is.
    pub kind: AccountKind,
    /// Since when it brings the stall money; none for all of its past.
    pub from: Option<Timestamp>,
    /// Until when it did.
    pub to: Option<Timestamp>,
    /// Whether the stall gets what no memo code decides, where the account serves several.
    pub is_default: bool,
    /// Whether the stall's card pays into it.
    pub on_card: bool,
    /// Other stalls that it serves.
    pub shared_with: Vec<String>,
}

/// Who held a stall.
#[derive(Debug, Clone)]
pub struct Tenancy {
    /// The vendor's name as it is now.
    pub vendor: Name,
    /// The first day; none for one that was there before the book.
    pub first: Option<BusinessDate>,
    /// The last day; none while it goes on.
    pub last: Option<BusinessDate>,
}

/// A stall with everything beside it.
#[derive(Debug, Clone)]
pub struct StallSheet {
    /// Its number in the installation.
    pub number: StallNumber,
    /// Its printed code.
    pub code: StallCode,
    /// What is sold there.
    pub category: String,
    /// Who sells there now.
    pub vendor: Option<Name>,
    /// The version of its newest code; 0 before the first.
    pub card_version: i64,
    /// Its accounts, live ones first.
    pub accounts: Vec<StallAccount>,
    /// Who held it, newest first.
    pub tenancies: Vec<Tenancy>,
    /// What else its vendor holds.
    pub other_stalls: Vec<String>,
}

impl StallSheet {
    /// Returns the accounts that bring it money now.
    pub fn live(&self) -> impl Iterator<Item = &StallAccount> {
        self.accounts.iter().filter(|account| account.to.is_none())
    }
}

impl App {
    /// Returns all that the register knows of a stall.
    ///
    /// # Errors
    /// `not_found` for market or stall.
    pub async fn stall_sheet(&self, market: &MarketCode, stall: &str) -> Result<StallSheet, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let sheet = self.stall_sheet_in(&mut transaction, market, stall).await;
        transaction.rollback().await?;
        sheet
    }

    async fn stall_sheet_in(
        &self,
        transaction: &mut Transaction,
        code: &MarketCode,
        stall: &str,
    ) -> Result<StallSheet, AppError> {
        let market = markets::find(transaction, code, self.today()).await?.ok_or_else(|| no_market(code))?;
        let today = self.today();
        let row = stall_book::stall(transaction, market.id, &code_key(stall), today).await?;
        let row = row.ok_or_else(|| {
            let shown: String = stall.chars().take(30).collect();
            AppError::not_found(Message::new(format!("Không có sạp {shown}."), format!("There is no stall {shown}.")))
        })?;
        let card = stall_sheet::newest_code(transaction, market.id, row.number).await?;
        let accounts = accounts(transaction, market.id, row.number, card.as_ref().map(|(_, account)| account)).await?;
        let tenancies = stall_sheet::tenancies(transaction, market.id, row.number).await?;
        let tenancy = |(vendor, from, to): (Name, BusinessDate, Option<BusinessDate>)| Tenancy {
            vendor,
            first: Some(from).filter(|from| *from != BusinessDate::BEGINNING),
            last: to.map(BusinessDate::previous),
        };
        Ok(StallSheet {
            number: row.number,
            code: row.code,
            category: row.category,
            vendor: row.vendor.map(|(name, _)| name),
            card_version: card.map_or(0, |(version, _)| version),
            accounts,
            tenancies: tenancies.into_iter().map(tenancy).collect(),
            other_stalls: stall_sheet::others(transaction, market.id, row.number, today).await?,
        })
    }
}

async fn accounts(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    on_card: Option<&BankAccount>,
) -> Result<Vec<StallAccount>, AppError> {
    let rows = stall_sheet::accounts(transaction, market, stall).await?;
    let shared = stall_sheet::shared(transaction, market, stall).await?;
    let live = |account: &BankAccount| rows.iter().any(|row| row.to.is_none() && row.account == *account);
    // A card that pays into an account of the past is made anew when it is next printed.
    let first = || rows.iter().find(|row| row.to.is_none()).map(|row| row.account.clone());
    let card = on_card.filter(|account| live(account)).cloned().or_else(first);
    let account = |row: stall_sheet::AccountRow| StallAccount {
        id: row.id,
        on_card: row.to.is_none() && card.as_ref() == Some(&row.account),
        shared_with: if row.to.is_none() {
            shared.iter().filter(|(account, _)| *account == row.account).map(|(_, code)| code.clone()).collect()
        } else {
            Vec::new()
        },
        account: row.account,
        holder: row.holder,
        kind: row.kind,
        from: Some(row.from).filter(|from| *from > Timestamp::UNIX_EPOCH),
        to: row.to,
        is_default: row.is_default,
    };
    Ok(rows.clone().into_iter().map(account).collect())
}

/// Finds the live account of a stall that is meant by its identifier or its number, and refuses to
/// leave the stall without any.
pub(super) fn account_to_end<'s>(sheet: &'s StallSheet, meant: &str) -> Result<&'s StallAccount, AppError> {
    let meant = meant.trim();
    let is_meant =
        |one: &&StallAccount| one.id.to_string() == meant || one.account.number.as_str().eq_ignore_ascii_case(meant);
    let mut found = sheet.live().filter(is_meant);
    let (Some(account), None) = (found.next(), found.next()) else {
        let message = Message::new(
            format!("Sạp {} không có đúng một tài khoản như thế.", sheet.code),
            format!("Stall {} does not have exactly one such account.", sheet.code),
        );
        return Err(AppError::not_found(message));
    };
    if sheet.live().count() < 2 {
        let message = Message::new(
            format!("Đây là tài khoản cuối cùng của sạp {}. Hãy thêm tài khoản mới trước.", sheet.code),
            format!("This is the last account of stall {}. Add the new one first.", sheet.code),
        );
        return Err(AppError::new(ErrorKind::Conflict, "last_account", message));
    }
    Ok(account)
}
