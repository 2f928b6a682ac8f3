//! People of the demonstration: one login for each role, with passwords that anybody can guess. They
//! are made in a book of demonstration markets alone.

use super::App;
use super::access::{Actor, Role};
use super::error::{AppError, ErrorKind};
use super::manage_users::NewUser;
use super::pair_device::{CodeFor, IssuedCode};
use crate::domain::ids::MarketCode;
use crate::domain::rights::GIVEN;

/// A login of the demonstration.
#[derive(Debug, Clone)]
pub struct DemoLogin {
    /// The role.
    pub role: Role,
    /// A manager's market.
    pub market: Option<MarketCode>,
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl App {
    /// Makes a pairing code of the first stall that has a vendor, for a phone to try; none where the
    /// book holds more than demonstration markets.
    ///
    /// # Errors
    /// When the book cannot be written.
    pub async fn demo_phone(&self) -> Result<Option<IssuedCode>, AppError> {
        let markets = self.markets().await?;
        let Some(first) = markets.first().filter(|_| markets.iter().all(|market| market.demo)) else {
            return Ok(None);
        };
        let stalls = self.stalls(&first.code, None).await?;
        let Some(stall) = stalls.iter().find(|stall| stall.vendor.is_some()) else { return Ok(None) };
        let card = CodeFor::Card { ends_devices: false };
        self.issue_pairing_code(&Actor::operator(), &first.code, stall.code.as_str(), card).await.map(Some)
    }

    /// Makes a login for each role, the manager's for the first market, where the book holds nothing
    /// but demonstration markets. Logins that are there already are told again.
    ///
    /// # Errors
    /// When the book cannot be written.
    pub async fn demo_people(&self, seed: u64) -> Result<Vec<DemoLogin>, AppError> {
        let markets = self.markets().await?;
        let Some(first) = markets.first().filter(|_| markets.iter().all(|market| market.demo)) else {
            return Ok(Vec::new());
        };
        let mut logins = Vec::new();
        for role in GIVEN {
            let name = if role == Role::Manager {
                format!("manager.{}", first.code.as_str().to_lowercase())
            } else {
                role.to_string()
            };
            let market = (role == Role::Manager).then(|| first.code.clone());
            let login = DemoLogin { role, market, password: format!("demo-{role}-{seed}-cantho"), name };
            let internal = |error: crate::domain::ids::IdError| AppError::internal(error);
            let full_name = format!("{} (minh họa)", super::access::role_name(role).vi);
            let new = NewUser {
                name: login.name.parse().map_err(internal)?,
                full_name: full_name
                    .parse()
                    .map_err(|error: crate::domain::text::NameError| AppError::internal(error))?,
                role,
                market: login.market.clone(),
                password: Some(login.password.clone()),
                must_change: false,
            };
            match self.add_user(&Actor::operator(), new).await {
                Ok(_) => logins.push(login),
                Err(error) if error.kind == ErrorKind::Conflict => logins.push(login),
                Err(error) => return Err(error),
            }
        }
        Ok(logins)
    }
}
