//! Changing a market: its name, its office's telephone number, and from a date on its ward and the time its book day breaks.

use serde_json::json;

use super::App;
use super::error::{AppError, Message};
use super::labels::label;
use super::note::Note;
use crate::domain::audit::Action;
use crate::domain::calendar::{BusinessDate, Cutoff};
use crate::domain::ids::MarketCode;
use crate::domain::registration::{Market, OfficePhone, OfficePhoneError};
use crate::domain::text::Name;
use crate::store::error::StoreError;
use crate::store::head::{self, FENCE_ATTEMPTS};
use crate::store::markets;

/// Reads a telephone number of an office; an empty text takes it away.
///
/// # Errors
/// `office_phone_invalid`.
pub fn office_phone(text: &str) -> Result<Option<OfficePhone>, AppError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: OfficePhoneError| {
        let vi = "Số điện thoại gồm 3 đến 15 chữ số, được có dấu cách, chấm, gạch và dấu + ở đầu.";
        AppError::field("office_phone", "office_phone_invalid", Message::new(vi, format!("{error}.")))
    })
}

/// What is to change; what is not given stays.
#[derive(Debug, Clone, Default)]
pub struct MarketChange {
    /// Another name, at once and for all dates.
    pub name: Option<Name>,
    /// Another ward, from [`MarketChange::from`] on.
    pub ward: Option<String>,
    /// Another cut-off, from [`MarketChange::from`] on.
    pub cutoff: Option<Cutoff>,
    /// Another telephone number of the office, at once; none within it takes the number away.
    pub office_phone: Option<Option<OfficePhone>>,
    /// The first date of ward and cut-off; tomorrow when not given.
    pub from: Option<BusinessDate>,
}

impl App {
    /// Changes a market and returns it as it will be on the date of the change.
    ///
    /// # Errors
    /// `not_found`; `nothing_to_change`; `cutoff_not_ahead` when the cut-off would change a date
    /// that has begun or is closed (DESIGN §4.14: cut-offs change only from a future open date).
    pub async fn change_market(&self, code: &MarketCode, change: MarketChange) -> Result<Market, AppError> {
        let MarketChange { name, ward, cutoff, office_phone, from } = change;
        if name.is_none() && ward.is_none() && cutoff.is_none() && office_phone.is_none() {
            let (vi, en) = ("Không có gì để đổi.", "There is nothing to change.");
            return Err(AppError::field("body", "nothing_to_change", Message::new(vi, en)));
        }
        let ward = ward.map(|ward| label("ward", &ward)).transpose()?;
        let market = self.market(code).await?;
        let from = from.unwrap_or_else(|| self.today().next());
        if let Some(cutoff) = cutoff {
            self.change_cutoff(&market, from, cutoff).await?;
        }
        if name.is_some() || ward.is_some() || office_phone.is_some() {
            let mut transaction = self.store.begin_write().await?;
            if let Some(name) = &name {
                markets::rename(&mut transaction, market.id, name).await?;
            }
            if let Some(ward) = &ward {
                markets::set_place(&mut transaction, market.id, from, ward).await?;
            }
            if let Some(phone) = &office_phone {
                markets::set_office_phone(&mut transaction, market.id, phone.as_ref()).await?;
            }
            head::touch_reference(&mut transaction).await?;
            let dialled = |phone: &Option<OfficePhone>| phone.as_ref().map(ToString::to_string);
            let before = json!({
                "name": market.name.as_str(), "ward": market.ward, "office_phone": dialled(&market.office_phone),
            });
            let after = json!({
                "name": name.as_ref().map(Name::as_str), "ward": ward, "from": from.to_string(),
                "office_phone": office_phone.as_ref().map(dialled),
            });
            let note = Note::of(Action::MarketChanged, code).before(before).after(after);
            self.commit_noted(transaction, market.id, [note]).await?;
            self.directory.refresh(&self.store).await?;
        }
        let mut transaction = self.store.begin_read().await?;
        let changed = markets::find(&mut transaction, code, from).await?;
        transaction.rollback().await?;
        changed.ok_or_else(|| super::no_market(code))
    }

    async fn change_cutoff(&self, market: &Market, from: BusinessDate, cutoff: Cutoff) -> Result<(), AppError> {
        for _ in 0..FENCE_ATTEMPTS {
            let mut transaction = self.store.begin_write().await?;
            let head = head::take(&mut transaction, market.id).await?.ok_or_else(|| super::no_market(&market.code))?;
            if from <= self.today() || from < head.open_date {
                transaction.rollback().await?;
                let message = Message::new(
                    format!("Giờ chốt chỉ đổi được từ một ngày chưa tới và chưa khóa sổ; {from} không được."),
                    format!("A cut-off changes only from a date that is ahead and open; {from} is not."),
                );
                return Err(AppError::field("from", "cutoff_not_ahead", message));
            }
            if head::pass(&mut transaction, market.id, head.version).await? {
                markets::set_cutoff(&mut transaction, market.id, from, cutoff).await?;
                let before = json!({ "cutoff": market.cutoff.to_string() });
                let after = json!({ "cutoff": cutoff.to_string(), "from": from.to_string() });
                let note = Note::of(Action::MarketChanged, &market.code).before(before).after(after);
                self.commit_noted(transaction, market.id, [note]).await?;
                return Ok(());
            }
            transaction.rollback().await?;
        }
        Err(StoreError::Contended { attempts: FENCE_ATTEMPTS }.into())
    }
}
