//! Users: adding them, shutting them out, their passwords and sessions.
//!
//! An administrator manages everybody; a manager the board of the own market, whose members are
//! managers too. Whoever is outside that is not found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::App;
use super::access::{Actor, Place, Right, Via};
use super::error::{AppError, ErrorKind, Message};
use super::note::{Note, home_of};
use crate::domain::audit::Action;
use crate::domain::calendar::rfc3339;
use crate::domain::identity::{Password, PasswordError, SessionId, UserId, UserName};
use crate::domain::ids::{MarketCode, MarketId};
use crate::domain::rights::Role;
use crate::domain::text::Name;
use crate::store::error::StoreError;
use crate::store::users::UserRow;
use crate::store::{login_attempts, sessions, users};

/// Symbols of a password that the program makes: none that is mistaken for another.
const SYMBOLS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";

/// A user to add.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name at login.
    pub name: UserName,
    /// The person's name.
    pub full_name: Name,
    /// The role.
    pub role: Role,
    /// A manager's market.
    pub market: Option<MarketCode>,
    /// The first password; one is made when not given.
    pub password: Option<String>,
    /// Whether the first password opens nothing but the choice of another.
    pub must_change: bool,
}

/// A user as lists show them.
#[derive(Debug, Clone)]
pub struct UserShown {
    /// The identifier.
    pub id: UserId,
    /// The name at login.
    pub name: UserName,
    /// The person's name.
    pub full_name: String,
    /// The role.
    pub role: Role,
    /// A manager's market.
    pub market: Option<MarketCode>,
    /// Whether a second factor is asked for.
    pub second_factor: bool,
    /// Whether another password must be chosen at the next login.
    pub must_change: bool,
    /// Who added them.
    pub created_by: String,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they logged in last.
    pub last_login_at: Option<Timestamp>,
    /// Since when they are shut out.
    pub disabled_at: Option<Timestamp>,
}

/// A live session as lists show it.
#[derive(Debug, Clone)]
pub struct SessionShown {
    /// The identifier.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub own: bool,
    /// The client's address when it began.
    pub address: String,
    /// What the browser called itself.
    pub agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, to five minutes.
    pub last_seen_at: Timestamp,
}

impl From<UserRow> for UserShown {
    fn from(user: UserRow) -> Self {
        Self {
            id: user.id,
            name: user.name,
            full_name: user.full_name,
            role: user.role,
            market: user.market.map(|(_, code)| code),
            second_factor: user.totp.since.is_some(),
            must_change: user.must_change,
            created_by: user.created_by,
            created_at: user.created_at,
            last_login_at: user.last_login_at,
            disabled_at: user.disabled_at,
        }
    }
}

/// Returns a user as the API shows them.
#[must_use]
pub fn user_json(user: &UserShown) -> Value {
    json!({
        "id": user.id.to_string(), "name": user.name.as_str(), "full_name": user.full_name,
        "role": user.role.as_str(), "market": user.market.as_ref().map(MarketCode::as_str),
        "second_factor": user.second_factor, "must_change_password": user.must_change,
        "created_by": user.created_by, "created_at": rfc3339(user.created_at),
        "last_login_at": user.last_login_at.map(rfc3339), "disabled_at": user.disabled_at.map(rfc3339),
    })
}

/// Takes a password that shall be set, or says what is wrong with it.
pub(super) fn chosen(text: &str, user: &UserName) -> Result<Password, AppError> {
    Password::chosen(text, user).map_err(|error| {
        let vi = match error {
            PasswordError::TooShort => "Mật khẩu cần ít nhất 10 ký tự. Một câu ngắn dễ nhớ là tốt nhất.",
            PasswordError::TooLong => "Mật khẩu dài nhất 200 ký tự.",
            PasswordError::Guessable => "Mật khẩu này ai cũng đoán ra trước tiên. Hãy chọn một câu của riêng mình.",
        };
        let en = match error {
            PasswordError::TooShort => "A password needs at least 10 characters. A short sentence is best.",
            PasswordError::TooLong => "A password has at most 200 characters.",
            PasswordError::Guessable => "This password is guessed first. Choose a sentence of your own.",
        };
        AppError::field("password", "password_weak", Message::new(vi, en))
    })
}

impl App {
    /// Adds a user. Returns them with the password that was made, which is shown once and never
    /// again; none when the caller chose it.
    ///
    /// # Errors
    /// `forbidden`, `user_exists`, `market_missing`, `market_not_wanted`, `password_weak`,
    /// `not_found` for the market.
    pub async fn add_user(&self, actor: &Actor, new: NewUser) -> Result<(UserShown, Option<String>), AppError> {
        let place = match (&new.market, new.role) {
            (Some(market), Role::Manager) => Place::Market(market.clone()),
            _ => Place::Installation,
        };
        Self::admit(actor, Right::ManageUsers, &place)?;
        let market = self.market_of(new.role, new.market.as_ref()).await?;
        let made = match &new.password {
            Some(_) => None,
            None => Some(self.random_password()?),
        };
        let password = match (&new.password, &made) {
            (Some(given), _) => chosen(given, &new.name)?,
            (None, made) => Password::typed(made.as_deref().unwrap_or_default()),
        };
        let user = UserRow {
            id: UserId(self.ids.uuid()?),
            name: new.name,
            full_name: new.full_name.to_string(),
            role: new.role,
            market,
            password_hash: self.passwords.hash(password, self.ids.salt()?).await?,
            must_change: new.must_change,
            totp: users::Totp::default(),
            created_at: self.clock.now(),
            created_by: actor.name.clone(),
            last_login_at: None,
            disabled_at: None,
        };
        let mut transaction = self.store.begin_write().await?;
        match users::add(&mut transaction, &user).await {
            Ok(()) => {
                let note = Note::of(Action::UserAdded, &user.name).by(actor).after(standing(user.role, code_of(&user)));
                self.commit_noted(transaction, home_of(&user), [note]).await?;
            }
            Err(StoreError::UniqueViolation) => return Err(taken(&user.name)),
            Err(error) => return Err(error.into()),
        }
        Ok((user.into(), made))
    }

    /// Returns the users whom an actor manages, by name.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn users(&self, actor: &Actor) -> Result<Vec<UserShown>, AppError> {
        Self::admit(actor, Right::ManageUsers, &Place::Own)?;
        let mut transaction = self.store.begin_read().await?;
        let found = users::all(&mut transaction, actor.market_id()).await?;
        transaction.rollback().await?;
        Ok(found.into_iter().map(UserShown::from).collect())
    }

    /// Shuts a user out at once, or lets them in again.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `own_account`.
    pub async fn set_user_disabled(&self, actor: &Actor, name: &UserName, disabled: bool) -> Result<(), AppError> {
        let user = self.managed_user(actor, name).await?;
        not_oneself(actor, &user)?;
        let now = self.clock.now();
        let mut transaction = self.store.begin_write().await?;
        users::set_disabled(&mut transaction, user.id, disabled.then_some(now)).await?;
        if disabled {
            sessions::end_all(&mut transaction, user.id, now, &actor.name).await?;
        }
        let action = if disabled { Action::UserDisabled } else { Action::UserEnabled };
        self.commit_noted(transaction, home_of(&user), [Note::of(action, &user.name).by(actor)]).await?;
        Ok(())
    }

    /// Gives a user another role.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `own_account`, `market_missing`, `market_not_wanted`.
    pub async fn set_user_role(
        &self,
        actor: &Actor,
        name: &UserName,
        role: Role,
        market: Option<&MarketCode>,
    ) -> Result<(), AppError> {
        Self::admit(actor, Right::ManageUsers, &Place::Installation)?;
        let user = self.managed_user(actor, name).await?;
        not_oneself(actor, &user)?;
        let market = self.market_of(role, market).await?;
        let mut transaction = self.store.begin_write().await?;
        users::set_role(&mut transaction, user.id, role, market.as_ref().map(|(id, _)| *id)).await?;
        let note = Note::of(Action::UserRoleChanged, &user.name)
            .by(actor)
            .before(standing(user.role, code_of(&user)))
            .after(standing(role, market.as_ref().map(|(_, code)| code)));
        self.commit_noted(transaction, MarketId::INSTALLATION, [note]).await?;
        Ok(())
    }

    /// Gives a user a new first password, ends their sessions and forgets failed attempts. Returns the
    /// password that was made; none when the caller chose it.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `password_weak`.
    pub async fn reset_password(
        &self,
        actor: &Actor,
        name: &UserName,
        given: Option<&str>,
    ) -> Result<Option<String>, AppError> {
        let user = self.managed_user(actor, name).await?;
        let made = match given {
            Some(_) => None,
            None => Some(self.random_password()?),
        };
        let password = match (given, &made) {
            (Some(given), _) => chosen(given, &user.name)?,
            (None, made) => Password::typed(made.as_deref().unwrap_or_default()),
        };
        let kept = self.passwords.hash(password, self.ids.salt()?).await?;
        let now = self.clock.now();
        let mut transaction = self.store.begin_write().await?;
        users::set_password(&mut transaction, user.id, &kept, true, now).await?;
        sessions::end_all(&mut transaction, user.id, now, &actor.name).await?;
        login_attempts::forget(&mut transaction, &format!("user:{}", user.name)).await?;
        let note = Note::of(Action::PasswordReset, &user.name).by(actor);
        self.commit_noted(transaction, home_of(&user), [note]).await?;
        Ok(made)
    }

    /// Returns a user's live sessions, the newest first; one's own when no name is given.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn sessions(&self, actor: &Actor, name: Option<&UserName>) -> Result<Vec<SessionShown>, AppError> {
        let user = match name {
            Some(name) => self.managed_user(actor, name).await?,
            None => self.user_of(actor).await?,
        };
        let mut transaction = self.store.begin_read().await?;
        let found = sessions::of_user(&mut transaction, user.id, self.clock.now()).await?;
        transaction.rollback().await?;
        let own = |id| matches!(actor.via, Via::Session { session, .. } if session == id);
        let shown = found.into_iter().map(|session| SessionShown {
            id: session.id,
            own: own(session.id),
            address: session.address,
            agent: session.agent,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
        });
        Ok(shown.collect())
    }

    /// Ends a session of a user, or of one's own when no name is given; all of them without an
    /// identifier. Returns how many ended.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn end_sessions(
        &self,
        actor: &Actor,
        name: Option<&UserName>,
        session: Option<SessionId>,
    ) -> Result<u64, AppError> {
        let user = match name {
            Some(name) => self.managed_user(actor, name).await?,
            None => self.user_of(actor).await?,
        };
        let now = self.clock.now();
        let mut transaction = self.store.begin_write().await?;
        let ended = match session {
            None => sessions::end_all(&mut transaction, user.id, now, &actor.name).await?,
            Some(id) if sessions::end(&mut transaction, user.id, id, now, &actor.name).await? => 1,
            Some(id) => {
                let (vi, en) = (format!("Không có phiên {id}."), format!("There is no session {id}."));
                return Err(AppError::not_found(Message::new(vi, en)));
            }
        };
        let note = Note::of(Action::SessionsEnded, &user.name).by(actor).after(json!({ "sessions": ended }));
        self.commit_noted(transaction, home_of(&user), [note]).await?;
        Ok(ended)
    }

    /// Finds a user whom the actor manages; whoever else there is, is not found.
    pub(super) async fn managed_user(&self, actor: &Actor, name: &UserName) -> Result<UserRow, AppError> {
        Self::admit(actor, Right::ManageUsers, &Place::Own)?;
        let mut transaction = self.store.begin_read().await?;
        let found = users::find(&mut transaction, name).await?;
        transaction.rollback().await?;
        let mine = |user: &UserRow| match actor.market_id() {
            None => true,
            Some(own) => user.role == Role::Manager && user.market.as_ref().is_some_and(|(id, _)| *id == own),
        };
        found.filter(mine).ok_or_else(|| {
            let (vi, en) = (format!("Không có người dùng {name}."), format!("There is no user {name}."));
            AppError::not_found(Message::new(vi, en))
        })
    }

    /// Finds the market that a role needs; a manager's alone has one.
    async fn market_of(
        &self,
        role: Role,
        market: Option<&MarketCode>,
    ) -> Result<Option<(crate::domain::ids::MarketId, MarketCode)>, AppError> {
        match (role, market) {
            (Role::Manager, Some(code)) => Ok(Some((self.market(code).await?.id, code.clone()))),
            (Role::Manager, None) => {
                let message =
                    Message::new("Ban quản lý cần một chợ (--market).", "A manager needs a market (--market).");
                Err(AppError::field("market", "market_missing", message))
            }
            (_, None) => Ok(None),
            (_, Some(_)) => {
                let message = Message::new(
                    "Chỉ ban quản lý gắn với một chợ; vai trò này thấy mọi chợ.",
                    "A manager alone is bound to a market; this role sees them all.",
                );
                Err(AppError::field("market", "market_not_wanted", message))
            }
        }
    }

    /// Makes a password of twelve symbols, 60 bits: to be typed once.
    pub(super) fn random_password(&self) -> Result<String, AppError> {
        let random = self.ids.salt()?;
        let symbol = |byte: &u8| char::from(SYMBOLS.get(usize::from(byte & 31)).copied().unwrap_or(b'2'));
        let symbols: Vec<char> = random.iter().take(12).map(symbol).collect();
        Ok(symbols.chunks(4).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
    }
}

/// Returns what the log says of a user's role.
fn standing(role: Role, market: Option<&MarketCode>) -> Value {
    json!({ "role": role.as_str(), "market": market.map(MarketCode::as_str) })
}

fn code_of(user: &UserRow) -> Option<&MarketCode> {
    user.market.as_ref().map(|(_, code)| code)
}

fn not_oneself(actor: &Actor, user: &UserRow) -> Result<(), AppError> {
    if !matches!(actor.via, Via::Session { user: own, .. } if own == user.id) {
        return Ok(());
    }
    let message = Message::new(
        "Không tự khóa hoặc đổi vai trò của chính mình; hãy nhờ người khác.",
        "Nobody shuts themselves out or changes their own role; ask somebody else.",
    );
    Err(AppError::new(ErrorKind::Conflict, "own_account", message))
}

fn taken(name: &UserName) -> AppError {
    let message = Message::new(
        format!("Tên {name} đã có người dùng. Hãy chọn tên khác."),
        format!("The name {name} is taken. Choose another."),
    );
    AppError::new(ErrorKind::Conflict, "user_exists", message)
}
