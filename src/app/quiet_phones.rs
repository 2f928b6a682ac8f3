//! Stalls at work whose paired phones hear nothing now: what a board walks over to see.
//!
//! This process knows who listens to it and nothing more: not what another process serves, nor whether
//! a phone that listens was turned down. So it is said of stalls that took money lately alone, and as
//! what it is: nobody listens here.

use super::App;
use super::error::AppError;
use crate::domain::ids::MarketCode;
use crate::domain::registration::StallCode;
use crate::store::devices;

/// Days within which a stall that took money counts as at work.
pub const AT_WORK_DAYS: i64 = 7;

impl App {
    /// Returns the stalls of a market that have a paired phone, took money in the last
    /// [`AT_WORK_DAYS`] days, and that no phone listens to in this process; by code.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn quiet_phones(&self, code: &MarketCode) -> Result<Vec<StallCode>, AppError> {
        let market = self.market(code).await?;
        let since = self.book_day(&market).plus_days(1_i64.saturating_sub(AT_WORK_DAYS));
        let mut transaction = self.store.begin_read().await?;
        let paired = devices::at_work(&mut transaction, market.id, since, self.today()).await?;
        transaction.rollback().await?;
        let heard = self.rooms.listened_to(market.id);
        Ok(paired.into_iter().filter(|(number, _)| !heard.contains(number)).map(|(_, code)| code).collect())
    }
}
