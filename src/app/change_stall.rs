//! Changing a stall: what is sold there, its vendor's name, the end of an account and of her tenancy.

use serde_json::json;

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::journal::find_stall;
use super::labels::label;
use super::note::{Note, masked_account};
use super::stall_sheet::account_to_end;
use crate::domain::account::BankAccount;
use crate::domain::audit::Action;
use crate::domain::ids::MarketCode;
use crate::domain::registration::{Market, RegisteredStall};
use crate::domain::text::Name;
use crate::store::error::StoreError;
use crate::store::head::{self, FENCE_ATTEMPTS};
use crate::store::register;
use crate::store::stall_sheet;

/// What is to change; what is not given stays.
#[derive(Debug, Clone, Default)]
pub struct StallChange {
    /// What is sold there.
    pub category: Option<String>,
    /// The vendor's name, corrected. Another person is another tenancy, never another name.
    pub vendor_name: Option<Name>,
    /// Ends that an account brings the stall money, from now on: its number, or the identifier that the
    /// stall's sheet names. Another account of the stall has to be there; its card is made anew by it.
    pub end_account: Option<String>,
    /// Ends the tenancy: the vendor's last day was yesterday, and money that her accounts receive
    /// from now on is not this stall's. The stall can then be registered for the next vendor.
    pub end_tenancy: bool,
}

impl App {
    /// Changes a stall and returns it as it stands afterwards.
    ///
    /// # Errors
    /// `not_found`; `nothing_to_change`; `no_tenancy`; `last_account`; `tenancy_began_today`; `label_invalid`
    /// for the category.
    pub async fn change_stall(
        &self,
        code: &MarketCode,
        stall: &str,
        change: StallChange,
    ) -> Result<RegisteredStall, AppError> {
        let change = checked(change)?;
        let market = self.market(code).await?;
        let stalls = self.stalls(code, None).await?;
        let found = find_stall(&stalls, stall)?;
        if found.vendor.is_none() && (change.end_tenancy || change.vendor_name.is_some()) {
            let message = Message::new(
                format!("Sạp {} hiện không có ai đứng tên.", found.code),
                format!("Nobody holds stall {} now.", found.code),
            );
            return Err(AppError::new(ErrorKind::Conflict, "no_tenancy", message));
        }
        for _ in 0..FENCE_ATTEMPTS {
            // Read anew for each try: another may have ended an account meanwhile.
            let ends = match &change.end_account {
                None => None,
                Some(meant) => {
                    let sheet = self.stall_sheet(code, found.code.as_str()).await?;
                    Some(account_to_end(&sheet, meant)?.account.clone())
                }
            };
            if self.try_change(&market, found, (&change, ends.as_ref())).await? {
                let stalls = self.stalls(code, None).await?;
                return find_stall(&stalls, stall).cloned();
            }
        }
        Err(StoreError::Contended { attempts: FENCE_ATTEMPTS }.into())
    }

    /// One try past the fence; `false` when it was lost.
    async fn try_change(
        &self,
        market: &Market,
        found: &RegisteredStall,
        (change, ends): (&StallChange, Option<&BankAccount>),
    ) -> Result<bool, AppError> {
        let (stall, vendor) = (found.number, found.vendor.as_ref().map(|(id, _)| *id));
        let mut transaction = self.store.begin_write().await?;
        let head = head::take(&mut transaction, market.id).await?.ok_or_else(|| super::no_market(&market.code))?;
        if !head::pass(&mut transaction, market.id, head.version).await? {
            transaction.rollback().await?;
            return Ok(false);
        }
        if let Some(category) = &change.category {
            register::set_category(&mut transaction, market.id, stall, category).await?;
        }
        if let (Some(vendor), Some(name)) = (vendor, &change.vendor_name) {
            register::rename_vendor(&mut transaction, market.id, vendor, name).await?;
        }
        let (today, now) = (self.today(), self.clock.now());
        if let Some(account) = ends
            && !stall_sheet::end_account(&mut transaction, market.id, (stall, account), now).await?
        {
            transaction.rollback().await?;
            return Ok(false);
        }
        if change.end_tenancy && !register::end_tenancy(&mut transaction, market.id, stall, today, now).await? {
            transaction.rollback().await?;
            let (vi, en) = (
                "Hợp đồng của sạp này bắt đầu hôm nay; sớm nhất là ngày mai mới kết thúc được.",
                "This stall's tenancy began today; it can end tomorrow at the earliest.",
            );
            return Err(AppError::new(ErrorKind::Conflict, "tenancy_began_today", Message::new(vi, en)));
        }
        let notes = notes(found, change, ends);
        self.commit_noted(transaction, market.id, notes).await?;
        if change.end_tenancy {
            self.rooms.hang_up(market.id, stall);
        }
        Ok(true)
    }
}

/// Returns what the audit log says of a change.
fn notes(found: &RegisteredStall, change: &StallChange, ends: Option<&BankAccount>) -> Vec<Note> {
    let vendor = found.vendor.as_ref().map(|(_, name)| name.as_str());
    let of = |action| Note::of(action, &found.code).at_stall(found.number);
    let mut notes = Vec::new();
    if change.category.is_some() || change.vendor_name.is_some() {
        let before = json!({ "category": found.category, "vendor": vendor });
        let after = json!({
            "category": change.category.as_ref().unwrap_or(&found.category),
            "vendor": change.vendor_name.as_ref().map(Name::as_str).or(vendor),
        });
        notes.push(of(Action::StallChanged).before(before).after(after));
    }
    if let Some(account) = ends {
        notes.push(of(Action::AccountEnded).before(json!({ "account": masked_account(account) })));
    }
    if change.end_tenancy {
        notes.push(of(Action::TenancyEnded).before(json!({ "vendor": vendor })));
    }
    notes
}

fn checked(change: StallChange) -> Result<StallChange, AppError> {
    if change.category.is_none() && change.vendor_name.is_none() && change.end_account.is_none() && !change.end_tenancy
    {
        let (vi, en) = ("Không có gì để đổi.", "There is nothing to change.");
        return Err(AppError::field("body", "nothing_to_change", Message::new(vi, en)));
    }
    let category = change.category.map(|category| label("category", &category)).transpose()?;
    Ok(StallChange { category, ..change })
}
