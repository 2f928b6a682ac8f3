//! A market's signing keys: making the first, replacing it, publishing them all.

use jiff::Timestamp;

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::keyring::Keyring;
use super::note::Note;
use crate::domain::audit::Action;
use crate::domain::ids::MarketCode;
use crate::domain::registration::Market;
use crate::ledger::seal::key::{self, MarketKey, PrivateKey};
use crate::store::error::StoreError;
use crate::store::keys;

/// A market's keys as they are published.
#[derive(Debug, Clone)]
pub struct MarketKeys {
    /// The market's code.
    pub market: MarketCode,
    /// Its keys, in order; the last one signs.
    pub keys: Vec<MarketKey>,
}

impl App {
    /// Makes a market's first signing key.
    ///
    /// # Errors
    /// `key_exists` when it has one; `signing_key_file` when it cannot be written.
    pub async fn init_key(&self, code: &MarketCode) -> Result<MarketKey, AppError> {
        let market = self.market(code).await?;
        match self.keys_of(&market).await?.pop() {
            Some(key) => Err(exists(code, &key)),
            None => Ok(self.add_key(&market, None).await?.0),
        }
    }

    /// Makes a market's next key, endorsed by the present one, whose file is then removed.
    ///
    /// # Errors
    /// `key_missing` when there is none yet; whatever keeps the present one from signing.
    pub async fn rotate_key(&self, code: &MarketCode) -> Result<MarketKey, AppError> {
        let market = self.market(code).await?;
        let Some(present) = self.keys_of(&market).await?.pop() else {
            let vi = format!("Chợ {code} chưa có khóa. Hãy chạy: socho key init --market {code}.");
            let en = format!("Market {code} has no key yet. Run: socho key init --market {code}.");
            return Err(AppError::new(ErrorKind::Conflict, "key_missing", Message::new(vi, en)));
        };
        let private = self.keyring.private(code, &present.public)?;
        let (next, _) = self.add_key(&market, Some((&present, &private))).await?;
        self.keyring.forget(code, &present.public);
        Ok(next)
    }

    /// Returns the keys of one market or of all, for whoever wants to check what they signed.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn published_keys(&self, only: Option<&MarketCode>) -> Result<Vec<MarketKeys>, AppError> {
        let markets = match only {
            Some(code) => vec![self.market(code).await?],
            None => self.markets().await?,
        };
        let mut published = Vec::with_capacity(markets.len());
        for market in markets {
            published.push(MarketKeys { keys: self.keys_of(&market).await?, market: market.code });
        }
        Ok(published)
    }

    /// Returns the key that signs for a market, and makes the first one when there is none: a day
    /// must not stay open for want of a command.
    pub(crate) async fn signing_key(&self, market: &Market) -> Result<(MarketKey, PrivateKey), AppError> {
        if self.keys_of(market).await?.is_empty() {
            match self.add_key(market, None).await {
                // Another closer made it at the same moment: that one signs.
                Err(error) if error.code == "key_exists" => {}
                made => return made,
            }
        }
        let key = self.keys_of(market).await?.pop().ok_or_else(|| AppError::internal("a market's key is gone"))?;
        let private = self.keyring.private(&market.code, &key.public)?;
        Ok((key, private))
    }

    pub(crate) async fn keys_of(&self, market: &Market) -> Result<Vec<MarketKey>, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let keys = keys::all(&mut transaction, market.id).await?;
        transaction.rollback().await?;
        Ok(keys)
    }

    /// Keeps a new private key, then publishes its public half, endorsed by `present` or itself. A
    /// crash between the two leaves a file that nothing refers to.
    async fn add_key(
        &self,
        market: &Market,
        present: Option<(&MarketKey, &PrivateKey)>,
    ) -> Result<(MarketKey, PrivateKey), AppError> {
        let given = Keyring::given(&market.code)?.filter(|key| present.is_none_or(|(p, _)| p.public != key.public()));
        let private = if let Some(given) = given {
            given
        } else {
            let made = PrivateKey::from_seed(&self.ids.salt()?);
            self.keyring.keep(&market.code, &made)?;
            made
        };
        let number = present.map_or(0, |(present, _)| present.number).saturating_add(1);
        // To the second, so that the announcement's text and the stored instant agree.
        let created_at = Timestamp::from_second(self.now().as_second()).unwrap_or_default();
        let statement =
            key::announcement(&market.code, number, &private.public(), created_at).map_err(AppError::internal)?;
        let endorsement = present.map_or(&private, |(_, endorser)| endorser).sign(statement.as_bytes()).to_vec();
        let key = MarketKey { number, public: private.public(), created_at, statement, endorsement };
        let mut transaction = self.store.begin_write().await?;
        match keys::add(&mut transaction, market.id, &key).await {
            Ok(()) => {
                let action = if present.is_some() { Action::SigningKeyRotated } else { Action::SigningKeyMade };
                let said = serde_json::json!({ "number": number, "fingerprint": key.public.fingerprint() });
                let note = Note::of(action, format!("{}/{number}", market.code)).after(said);
                self.commit_noted(transaction, market.id, [note]).await?;
            }
            Err(StoreError::UniqueViolation) => {
                transaction.rollback().await?;
                self.keyring.forget(&market.code, &key.public);
                return Err(exists(&market.code, &key));
            }
            Err(error) => return Err(error.into()),
        }
        Ok((key, private))
    }
}

fn exists(code: &MarketCode, key: &MarketKey) -> AppError {
    let number = key.number;
    let vi = format!("Chợ {code} đã có khóa số {number}. Muốn thay khóa: socho key rotate --market {code}.");
    let en = format!("Market {code} has key {number} already. To replace it: socho key rotate --market {code}.");
    AppError::new(ErrorKind::Conflict, "key_exists", Message::new(vi, en))
}
