//! Stalls and registrations as the API and the cards show them.

use super::App;
use super::error::{AppError, Message};
use super::register::Registered;
use crate::domain::account::BankAccount;
use crate::domain::ids::{IdError, MarketCode};
use crate::domain::memo::MemoCode;
use crate::domain::registration::RegisteredStall;
use crate::domain::text::person_sort_key;
use crate::qr::payload::{Service, VietQr};

/// Returns the holder's name as bank apps show it: as given, else the vendor's without marks.
#[must_use]
pub fn holder(given: Option<&str>, vendor: &crate::domain::text::Name) -> String {
    let given = given.map(str::trim).filter(|given| !given.is_empty());
    crate::domain::text::bank_form(given.unwrap_or(vendor.as_str()))
}

/// Returns a stall as the API shows it: of its account only the last four characters.
#[must_use]
pub fn stall_json(stall: &RegisteredStall) -> serde_json::Value {
    let account = stall.account.as_ref();
    serde_json::json!({
        "stall": stall.code.as_str(), "stall_number": stall.number.get(), "category": stall.category,
        "vendor": stall.vendor.as_ref().map(|(_, name)| name.as_str()),
        "vendor_id": stall.vendor.as_ref().map(|(id, _)| id.to_string()),
        "memo_code": MemoCode::of(stall.number).to_string(),
        "bin": account.map(|a| a.account.bin.as_str()),
        "account_last_four": account.map(|a| a.account.number.last_four()),
        "kind": account.map(|a| a.kind.as_str()),
    })
}

/// Returns the answer to a registration.
#[must_use]
pub fn registered_json(market: &MarketCode, registered: &Registered) -> serde_json::Value {
    let stall = registered.stall.as_ref();
    let account = &registered.account;
    serde_json::json!({
        "market": market.as_str(), "stall": stall.map(|stall| stall.code.as_str()),
        "stall_number": stall.map(|stall| stall.number.get()), "category": stall.map(|stall| stall.category.as_str()),
        "vendor": stall.and_then(|stall| stall.vendor.as_ref()).map(|(_, name)| name.as_str()),
        "vendor_id": stall.and_then(|stall| stall.vendor.as_ref()).map(|(id, _)| id.to_string()),
        "bin": account.account.bin.as_str(), "account": account.account.number.as_str(), "holder": account.holder,
        "kind": account.kind.as_str(), "memo_code": registered.memo_code.map(|code| code.to_string()),
        "qr_payload": registered.qr_payload, "already_registered": registered.already,
        "links": stall.map(|stall| serde_json::json!({
            "qr_svg": format!("/v1/markets/{market}/stalls/{}/qr.svg", stall.code),
            "qr_png": format!("/v1/markets/{market}/stalls/{}/qr.png", stall.code),
        })),
    })
}

/// The order in which stalls are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StallOrder {
    /// By code, `A2` before `A10`.
    #[default]
    Code,
    /// By the vendor's given name, as Vietnamese lists of people are; stalls without a vendor last.
    Name,
}

impl std::str::FromStr for StallOrder {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text {
            "code" => Ok(Self::Code),
            "name" => Ok(Self::Name),
            _ => Err(IdError { what: "order", text: text.chars().take(60).collect(), rule: "code or name" }),
        }
    }
}

impl App {
    /// Returns a market's stalls as [`App::stalls`] does, in this order.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn stalls_in(
        &self,
        market: &MarketCode,
        search: Option<&str>,
        order: StallOrder,
    ) -> Result<Vec<RegisteredStall>, AppError> {
        let mut stalls = self.stalls(market, search).await?;
        if order == StallOrder::Name {
            let key = |stall: &RegisteredStall| stall.vendor.as_ref().map(|(_, name)| person_sort_key(name.as_str()));
            stalls.sort_by_cached_key(|stall| (stall.vendor.is_none(), key(stall)));
        }
        Ok(stalls)
    }

    /// Returns the payload of a stall's code: static, or dynamic with an amount.
    ///
    /// # Errors
    /// `not_found` for market or stall; `amount_out_of_range`.
    pub async fn stall_payload(
        &self,
        market: &MarketCode,
        stall: &str,
        amount: Option<crate::domain::money::Dong>,
    ) -> Result<String, AppError> {
        let stalls = self.stalls(market, None).await?;
        let stall = super::journal::find_stall(&stalls, stall)?;
        let account = stall.account.as_ref().ok_or_else(|| {
            let (vi, en) = ("Sạp chưa có tài khoản nhận tiền.", "The stall has no receiving account yet.");
            AppError::not_found(Message::new(vi, en))
        })?;
        let memo = MemoCode::of(stall.number).to_string();
        let BankAccount { bin, number } = account.account.clone();
        let code = VietQr::new(bin, number.as_str(), Service::ToAccount, amount, Some(&memo))
            .map_err(|error| AppError::field("amount", "amount_out_of_range", super::qr_codes::unmade(&error)))?;
        Ok(code.to_string())
    }
}
