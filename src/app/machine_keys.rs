//! Keys of machines: what a program shows in `Authorization: Bearer sc_…`. Each has a role, some of
//! that role's rights and perhaps a market; it is shown once.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::App;
use super::access::{Actor, Place, Right, Scope, Via};
use super::error::{AppError, Message};
use super::login::Known;
use super::note::Note;
use super::tokens::{hash, token};
use crate::domain::audit::Action;
use crate::domain::calendar::rfc3339;
use crate::domain::identity::{KEY_PREFIX, KeyId};
use crate::domain::ids::{MarketCode, MarketId};
use crate::domain::rights::{RIGHTS, Role};
use crate::domain::text::Name;
use crate::store::api_keys::{self, KeyRow};

/// Characters of a key by which a person knows it again.
const PREFIX_SHOWN: usize = 9;
/// How old a key's last use must be before it is written down again.
const TOUCHED_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is for.
    pub name: Name,
    /// The role whose rights it may have.
    pub role: Role,
    /// The rights it has; all of the role's that a program can use when empty.
    pub rights: Vec<Right>,
    /// The market it is bound to.
    pub market: Option<MarketCode>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A key as lists show it.
#[derive(Debug, Clone)]
pub struct KeyShown {
    /// The identifier.
    pub id: KeyId,
    /// Its first characters.
    pub prefix: String,
    /// What it is for.
    pub name: String,
    /// The role whose rights it may have.
    pub role: Role,
    /// The rights it has.
    pub rights: Vec<Right>,
    /// The market it is bound to.
    pub market: Option<MarketCode>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to five minutes.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub ended_at: Option<Timestamp>,
}

impl From<KeyRow> for KeyShown {
    fn from(key: KeyRow) -> Self {
        Self {
            id: key.id,
            prefix: key.prefix,
            name: key.name,
            role: key.role,
            rights: key.rights,
            market: key.market.map(|(_, code)| code),
            created_at: key.created_at,
            created_by: key.created_by,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            ended_at: key.ended_at,
        }
    }
}

/// Returns a key as the API shows it.
#[must_use]
pub fn key_json(key: &KeyShown) -> Value {
    let rights: Vec<&str> = key.rights.iter().map(|right| right.as_str()).collect();
    json!({
        "id": key.id.to_string(), "prefix": key.prefix, "name": key.name, "role": key.role.as_str(), "rights": rights,
        "market": key.market.as_ref().map(MarketCode::as_str), "created_at": rfc3339(key.created_at),
        "created_by": key.created_by, "expires_at": key.expires_at.map(rfc3339),
        "last_used_at": key.last_used_at.map(rfc3339), "revoked_at": key.ended_at.map(rfc3339),
    })
}

/// Returns the rights of a role that a program can use: no account, no pages of a phone.
#[must_use]
pub fn rights_of(role: Role) -> Vec<Right> {
    let people = |right: &Right| matches!(right, Right::UseAccount | Right::ReadHome | Right::UseStall);
    RIGHTS.iter().copied().filter(|right| right.is_held_by(role) && !people(right)).collect()
}

impl App {
    /// Makes a key. Returns it with what the program shows, which is told this once.
    ///
    /// # Errors
    /// `forbidden`, `market_missing`, `right_not_of_role`, `not_found` for the market.
    pub async fn add_machine_key(&self, actor: &Actor, new: NewKey) -> Result<(KeyShown, String), AppError> {
        Self::admit(actor, Right::ManageKeys, &Place::Installation)?;
        let market = match &new.market {
            Some(code) => Some((self.market(code).await?.id, code.clone())),
            None if new.role == Role::Manager => {
                let message = Message::new(
                    "Khóa của ban quản lý cần một chợ (--market).",
                    "A manager's key needs a market (--market).",
                );
                return Err(AppError::field("market", "market_missing", message));
            }
            None => None,
        };
        let held = rights_of(new.role);
        if let Some(right) = new.rights.iter().find(|right| !held.contains(right)) {
            let message = Message::new(
                format!("Vai trò {} không có quyền {right}.", new.role),
                format!("The role {} does not have the right {right}.", new.role),
            );
            return Err(AppError::field("rights", "right_not_of_role", message));
        }
        let secret = format!("{KEY_PREFIX}{}", token(&self.ids.salt()?));
        let key = KeyRow {
            id: KeyId(self.ids.uuid()?),
            prefix: secret.chars().take(PREFIX_SHOWN).collect(),
            name: new.name.to_string(),
            role: new.role,
            rights: if new.rights.is_empty() { held } else { new.rights },
            market,
            created_at: self.clock.now(),
            created_by: actor.name.clone(),
            expires_at: new.expires_at,
            last_used_at: None,
            ended_at: None,
        };
        let mut transaction = self.store.begin_write().await?;
        api_keys::add(&mut transaction, &key, &hash(&secret)).await?;
        let rights: Vec<&str> = key.rights.iter().map(|right| right.as_str()).collect();
        let made = json!({
            "name": key.name, "prefix": key.prefix, "role": key.role.as_str(), "rights": rights,
            "market": key.market.as_ref().map(|(_, code)| code.as_str()), "expires_at": key.expires_at.map(rfc3339),
        });
        let place = key.market.as_ref().map_or(MarketId::INSTALLATION, |(id, _)| *id);
        self.commit_noted(transaction, place, [Note::of(Action::KeyMade, key.id).by(actor).after(made)]).await?;
        Ok((key.into(), secret))
    }

    /// Returns all keys, the newest first.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn machine_keys(&self, actor: &Actor) -> Result<Vec<KeyShown>, AppError> {
        Self::admit(actor, Right::ManageKeys, &Place::Installation)?;
        let mut transaction = self.store.begin_read().await?;
        let found = api_keys::all(&mut transaction).await?;
        transaction.rollback().await?;
        Ok(found.into_iter().map(KeyShown::from).collect())
    }

    /// Ends a key at once.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn end_machine_key(&self, actor: &Actor, id: KeyId) -> Result<(), AppError> {
        Self::admit(actor, Right::ManageKeys, &Place::Installation)?;
        let mut transaction = self.store.begin_write().await?;
        if !api_keys::end(&mut transaction, id, self.clock.now(), &actor.name).await? {
            let (vi, en) = (format!("Không có khóa {id} đang dùng."), format!("There is no live key {id}."));
            return Err(AppError::not_found(Message::new(vi, en)));
        }
        let note = Note::of(Action::KeyEnded, id).by(actor);
        self.commit_noted(transaction, MarketId::INSTALLATION, [note]).await?;
        Ok(())
    }

    /// Returns which program is behind a key; nobody when it is unknown, revoked or over.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn who_has_key(&self, key: &str) -> Result<Option<Known>, AppError> {
        if !key.starts_with(KEY_PREFIX) {
            return Ok(None);
        }
        let now = self.clock.now();
        let mut transaction = self.store.begin_read().await?;
        let found = api_keys::live(&mut transaction, &hash(key), now).await?;
        transaction.rollback().await?;
        let Some(key) = found else { return Ok(None) };
        if key.last_used_at.is_none_or(|last| now.duration_since(last) >= TOUCHED_EVERY) {
            let mut transaction = self.store.begin_write().await?;
            api_keys::touch(&mut transaction, key.id, now).await?;
            transaction.commit().await?;
        }
        let scope = match key.market {
            Some((id, code)) => Scope::Market { id, code },
            None => Scope::Everywhere,
        };
        let (name, via) = (format!("key:{}", key.name), Via::Key(key.id));
        let actor = Actor { name, role: key.role, scope, via, limits: Some(key.rights) };
        Ok(Some(Known { actor, full_name: key.name, must_change: false }))
    }
}
