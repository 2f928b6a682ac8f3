//! Adding a market.

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::labels::label;
use super::note::Note;
use crate::domain::audit::Action;
use crate::domain::calendar::Cutoff;
use crate::domain::ids::{MarketCode, MarketId};
use crate::domain::registration::Market;
use crate::domain::text::Name;
use crate::store::error::StoreError;
use crate::store::{markets, micros};

/// A market to add.
#[derive(Debug, Clone)]
pub struct AddMarket {
    /// Its code, for ever.
    pub code: MarketCode,
    /// Its name.
    pub name: Name,
    /// The ward it lies in.
    pub ward: Option<String>,
    /// When its book day breaks.
    pub cutoff: Cutoff,
    /// Whether it is demonstration data.
    pub demo: bool,
}

impl App {
    /// Adds a market: nothing posted, every date open. The audit log tells of it right after: a market
    /// comes to be in two transactions of the store.
    ///
    /// # Errors
    /// `market_exists` when the code is taken; `label_invalid` for the ward.
    pub async fn add_market(&self, new: AddMarket) -> Result<Market, AppError> {
        let AddMarket { code, name, ward, cutoff, demo } = new;
        let ward = ward.map(|ward| label("ward", &ward)).transpose()?.filter(|ward| !ward.is_empty());
        let mut market = Market { id: MarketId::INSTALLATION, code, name, ward, cutoff, demo };
        match markets::add(&self.store, &market, micros(self.clock.now())).await {
            Ok(id) => {
                market.id = id;
                let said = serde_json::json!({ "name": market.name.as_str(), "ward": market.ward });
                self.note_apart(id, [Note::of(Action::MarketAdded, &market.code).after(said)]).await?;
                self.directory.refresh(&self.store).await?;
                Ok(market)
            }
            Err(StoreError::UniqueViolation) => Err(AppError::new(
                ErrorKind::Conflict,
                "market_exists",
                Message::new(
                    format!("Mã chợ {} đã có. Mã không bao giờ đổi; hãy chọn mã khác.", market.code),
                    format!("Market {} exists already. Codes never change; choose another.", market.code),
                ),
            )),
            Err(error) => Err(error.into()),
        }
    }
}
