//! Logging in and out: passwords, sessions, and how guessing is kept slow.
//!
//! # How guessing is kept slow
//! A failed login counts against its address and its user; a browser that the user has logged in with
//! before counts by itself alone. So a stranger who guesses at somebody's password slows other strangers
//! down, and never the person at their own browser. After a few free attempts each failure doubles the
//! wait, up to a limit, and a quiet hour forgets it: nobody is locked out for ever.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::App;
use super::access::{Actor, Scope, Via};
use super::error::{AppError, ErrorKind, Message};
use super::note::{Note, home_of};
use super::tokens::{self, hash, token};
use crate::domain::audit::Action;
use crate::domain::calendar::rfc3339;
use crate::domain::identity::{Password, SessionId, UserId, UserName};
use crate::domain::ids::MarketId;
use crate::domain::rights::Role;
use crate::store::error::StoreError;
use crate::store::sessions::{SessionHashes, SessionRow, Stage};
use crate::store::users::UserRow;
use crate::store::{login_attempts, sessions, users};

/// How long a session lives without being used: a shift.
const IDLE: SignedDuration = SignedDuration::from_hours(12);
/// How long a session lives at most.
pub const SESSION_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a browser is remembered after its session.
pub const BROWSER_MAX: SignedDuration = SignedDuration::from_hours(180 * 24);
/// How long the second factor is waited for.
const SECOND_FACTOR: SignedDuration = SignedDuration::from_mins(5);
/// How old a session's last use must be before it is written down again.
const TOUCHED_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// How long a failure is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
/// Characters of a browser's name that are kept.
const AGENT_MAX: usize = 160;

/// A login that is tried.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name as typed.
    pub name: String,
    /// The password as typed.
    pub password: Password,
    /// Where it comes from.
    pub from: From,
}

/// Where a login comes from.
#[derive(Debug, Clone, Default)]
pub struct From {
    /// The client's address.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// What the browser kept of an earlier login.
    pub browser: Option<String>,
}

/// A login that was good: what the browser keeps, and what comes next.
#[derive(Clone)]
pub struct LoggedIn {
    /// The session's token.
    pub token: String,
    /// What the browser keeps when the session has ended.
    pub browser: String,
    /// What comes next.
    pub next: Next,
}

/// What comes after a good password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Work.
    Work,
    /// Another password must be chosen first.
    ChangePassword,
    /// The second factor.
    SecondFactor,
}

/// Returns what a form carries to show that our own page sent it, made from a cookie's secret.
#[must_use]
pub fn form_token(secret: &str) -> String {
    tokens::form(secret)
}

/// Somebody who is known, as pages show them.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who it is.
    pub actor: Actor,
    /// What a person or a phone is called.
    pub full_name: String,
    /// Whether another password must be chosen before anything else.
    pub must_change: bool,
}

/// What failed logins are counted by: its name, the free attempts, and the longest wait in seconds.
pub(super) struct Subject {
    name: String,
    free: i64,
    wait_max_s: i64,
}

impl Subject {
    fn user(name: &str) -> Self {
        let name: String = name.trim().to_ascii_lowercase().chars().take(40).collect();
        Self { name: format!("user:{name}"), free: 5, wait_max_s: 60 }
    }

    /// Returns what a user's own attempts are counted by.
    pub(super) fn browser(user: UserId) -> Self {
        Self { name: format!("browser:{}", user.0.simple()), free: 10, wait_max_s: 60 }
    }

    fn address(address: &str) -> Self {
        Self { name: format!("address:{}", network(address)), free: 20, wait_max_s: 900 }
    }

    /// Returns the subject's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns how long the next attempt has to wait after this many failures.
    fn wait(&self, failures: i64) -> SignedDuration {
        let beyond = u32::try_from(failures.saturating_sub(self.free)).unwrap_or(0);
        let seconds = if beyond == 0 { 0 } else { 1_i64.checked_shl(beyond.min(40)).unwrap_or(i64::MAX) };
        SignedDuration::from_secs(seconds.min(self.wait_max_s))
    }
}

/// Returns what an address is counted by: of IPv6 the /64 that a household is given.
fn network(address: &str) -> String {
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
            Some(ip) => ip.to_string(),
            None => ip
                .segments()
                .first_chunk::<4>()
                .map(|[a, b, c, d]| format!("{a:x}:{b:x}:{c:x}:{d:x}"))
                .unwrap_or_default(),
        },
        Ok(std::net::IpAddr::V4(ip)) => ip.to_string(),
        Err(_) => address.chars().take(64).collect(),
    }
}

impl App {
    /// Logs a person in. A name that is not there, a wrong password and a user who was shut out
    /// cannot be told apart, in words or in time.
    ///
    /// # Errors
    /// `login_failed`, `too_many_attempts`, `login_busy`.
    pub async fn log_in(&self, login: Login) -> Result<LoggedIn, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let user = match login.name.parse::<UserName>() {
            Ok(name) => users::find(&mut transaction, &name).await?,
            Err(_) => None,
        };
        let user = user.filter(|user| user.disabled_at.is_none());
        let browser_of = match &login.from.browser {
            Some(browser) => sessions::user_of_browser(&mut transaction, &hash(browser)).await?,
            None => None,
        };
        transaction.rollback().await?;
        let known = user.as_ref().filter(|user| browser_of == Some(user.id));
        let subjects = match known {
            Some(user) => vec![Subject::browser(user.id)],
            None => vec![Subject::user(&login.name), Subject::address(&login.from.address)],
        };
        let blocked = self.count_attempt(&subjects).await?;
        let kept = user.as_ref().map(|user| user.password_hash.clone());
        let good = self.passwords.verify(login.password, kept).await?;
        if !good {
            self.note_failure(user.as_ref(), &login.from, blocked).await?;
        }
        let Some(user) = user.filter(|_| good) else { return Err(failed()) };
        self.begin_session(&user, &login.from, &subjects).await
    }

    /// Writes down that a login failed. A name that is not there is not kept: people type their password
    /// into the wrong field.
    pub(super) async fn note_failure(
        &self,
        user: Option<&UserRow>,
        from: &From,
        blocked_until: Option<Timestamp>,
    ) -> Result<(), AppError> {
        let name = user.map_or("-", |user| user.name.as_str());
        let place = user.map_or(MarketId::INSTALLATION, home_of);
        let failed = Note::of(Action::LoginFailed, name).after(json!({ "address": from.address }));
        let locked = blocked_until.map(|until| {
            Note::of(Action::LoginLocked, name).after(json!({ "address": from.address, "until": rfc3339(until) }))
        });
        self.note_apart(place, std::iter::once(failed).chain(locked)).await
    }

    /// Counts an attempt against its subjects before it is judged, so that many at once gain nothing.
    /// Returns until when the next one has to wait, if it has to.
    pub(super) async fn count_attempt(&self, subjects: &[Subject]) -> Result<Option<Timestamp>, AppError> {
        let now = self.clock.now();
        let since = now.checked_sub(REMEMBERED).unwrap_or(now);
        let mut blocked = None;
        let mut transaction = self.store.begin_write().await?;
        for subject in subjects {
            let failures = login_attempts::count(&mut transaction, &subject.name, since, now).await?;
            if failures.blocked_until > now {
                // An attempt that is not judged does not lengthen the wait either.
                transaction.rollback().await?;
                return Err(too_often(now, failures.blocked_until));
            }
            let until = now.checked_add(subject.wait(failures.count)).unwrap_or(now);
            if until > now {
                login_attempts::block(&mut transaction, &subject.name, until).await?;
                blocked = blocked.max(Some(until));
            }
        }
        transaction.commit().await?;
        Ok(blocked)
    }

    /// Makes a session, always under a new token: one that somebody planted before is worth nothing.
    async fn begin_session(&self, user: &UserRow, from: &From, counted: &[Subject]) -> Result<LoggedIn, AppError> {
        let stage = if user.totp.since.is_some() { Stage::SecondFactor } else { Stage::Open };
        let (made, row, hashes) = self.new_session(user, from, stage)?;
        let now = self.clock.now();
        let mut transaction = self.store.begin_write().await?;
        for subject in counted {
            if subject.name.starts_with("address:") {
                login_attempts::uncount(&mut transaction, &subject.name).await?;
            } else {
                login_attempts::forget(&mut transaction, &subject.name).await?;
            }
        }
        let long_ago = now.checked_sub(BROWSER_MAX).unwrap_or(now);
        sessions::prune(&mut transaction, long_ago).await?;
        login_attempts::prune(&mut transaction, now.checked_sub(REMEMBERED).unwrap_or(now)).await?;
        sessions::add(&mut transaction, &row, &hashes).await?;
        let open = row.stage == Stage::Open;
        if open {
            users::logged_in(&mut transaction, user.id, now).await?;
        }
        self.commit_noted(transaction, home_of(user), open.then(|| logged_in(user, from))).await?;
        tracing::info!(user = %user.name, session = %row.id, "login.begin");
        Ok(made)
    }

    pub(super) fn new_session(
        &self,
        user: &UserRow,
        from: &From,
        stage: Stage,
    ) -> Result<(LoggedIn, SessionRow, SessionHashes), AppError> {
        let now = self.clock.now();
        let (secret, browser) = (token(&self.ids.salt()?), token(&self.ids.salt()?));
        let hashes = SessionHashes { token: hash(&secret), browser: hash(&browser) };
        let (lives, next) = match stage {
            Stage::SecondFactor => (SECOND_FACTOR, Next::SecondFactor),
            Stage::Open if user.must_change => (IDLE, Next::ChangePassword),
            Stage::Open => (IDLE, Next::Work),
        };
        let row = SessionRow {
            id: SessionId(self.ids.uuid()?),
            user: user.id,
            stage,
            created_at: now,
            last_seen_at: now,
            expires_at: now.checked_add(lives).map_err(AppError::internal)?,
            address: from.address.chars().take(64).collect(),
            agent: from.agent.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect(),
        };
        Ok((LoggedIn { token: secret, browser, next }, row, hashes))
    }

    /// Returns who is behind a session's token, as they are at this moment: a role that was changed
    /// and a user who was shut out count at once. Nobody when it is unknown, ended or over.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn who_has_session(&self, token: &str) -> Result<Option<Known>, AppError> {
        let now = self.clock.now();
        let mut transaction = self.store.begin_read().await?;
        let found = sessions::live(&mut transaction, &hash(token), now).await?;
        transaction.rollback().await?;
        let Some((session, user)) = found.filter(|(session, _)| session.stage == Stage::Open) else { return Ok(None) };
        if now.duration_since(session.last_seen_at) >= TOUCHED_EVERY {
            let end = session.created_at.checked_add(SESSION_MAX).map_err(AppError::internal)?;
            let until = now.checked_add(IDLE).map_err(AppError::internal)?.min(end);
            let mut transaction = self.store.begin_write().await?;
            sessions::touch(&mut transaction, session.id, now, until).await?;
            transaction.commit().await?;
        }
        let actor = actor_of(&user, session.id)?;
        Ok(Some(Known { actor, full_name: user.full_name, must_change: user.must_change }))
    }

    /// Returns a random secret for a cookie that only protects a form.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn form_secret(&self) -> Result<String, AppError> {
        Ok(token(&self.ids.salt()?))
    }

    /// Ends the actor's own session.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn log_out(&self, actor: &Actor) -> Result<(), AppError> {
        let Via::Session { user, session } = actor.via else { return Ok(()) };
        let mut transaction = self.store.begin_write().await?;
        sessions::end(&mut transaction, user, session, self.clock.now(), &actor.name).await?;
        let place = actor.market_id().unwrap_or(MarketId::INSTALLATION);
        self.commit_noted(transaction, place, [Note::of(Action::Logout, actor.name()).by(actor)]).await?;
        Ok(())
    }

    /// Changes the actor's own password. Every session of theirs ends, this one goes on under a new
    /// token.
    ///
    /// # Errors
    /// `login_failed` for the old one, `too_many_attempts`, `password_weak`, `password_same`.
    pub async fn change_password(
        &self,
        actor: &Actor,
        old: Password,
        new: &str,
        from: &From,
    ) -> Result<LoggedIn, AppError> {
        let user = self.user_of(actor).await?;
        let subjects = [Subject::browser(user.id)];
        self.count_attempt(&subjects).await?;
        if !self.passwords.verify(old.clone(), Some(user.password_hash.clone())).await? {
            let message = Message::new("Mật khẩu đang dùng không đúng.", "The present password is wrong.");
            return Err(AppError::field("old", "password_wrong", message));
        }
        let chosen = super::manage_users::chosen(new, &user.name)?;
        if chosen == old {
            let message = Message::new("Mật khẩu mới phải khác mật khẩu cũ.", "The new password must differ.");
            return Err(AppError::field("new", "password_same", message));
        }
        let kept = self.passwords.hash(chosen, self.ids.salt()?).await?;
        let now = self.clock.now();
        let user = UserRow { must_change: false, ..user };
        let (made, row, hashes) = self.new_session(&user, from, Stage::Open)?;
        let mut transaction = self.store.begin_write().await?;
        users::set_password(&mut transaction, user.id, &kept, false, now).await?;
        sessions::end_all(&mut transaction, user.id, now, &actor.name).await?;
        sessions::add(&mut transaction, &row, &hashes).await?;
        for subject in &subjects {
            login_attempts::forget(&mut transaction, &subject.name).await?;
        }
        let note = Note::of(Action::PasswordChanged, &user.name).by(actor);
        self.commit_noted(transaction, home_of(&user), [note]).await?;
        Ok(made)
    }

    /// Returns the person that an actor is.
    pub(crate) async fn user_of(&self, actor: &Actor) -> Result<UserRow, AppError> {
        let nobody = || {
            let message = Message::new("Việc này cần đăng nhập bằng tên.", "This needs a person who is logged in.");
            AppError::new(ErrorKind::Forbidden, "forbidden", message)
        };
        let Via::Session { user, .. } = actor.via else { return Err(nobody()) };
        let mut transaction = self.store.begin_read().await?;
        let found = users::by_id(&mut transaction, user).await?;
        transaction.rollback().await?;
        found.ok_or_else(nobody)
    }

    /// Tells whether nobody can log in yet, because no user and no key was ever made. `serve` then
    /// takes whoever sits at this machine for the operator.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn is_unattended(&self) -> Result<bool, AppError> {
        if self.attended.initialized() {
            return Ok(false);
        }
        let mut transaction = self.store.begin_read().await?;
        let any = users::any(&mut transaction).await?;
        transaction.rollback().await?;
        if any {
            // It never goes back: a user is shut out, not removed.
            let _ = self.attended.set(());
        }
        Ok(!any)
    }
}

/// Returns the actor that a user is in a session.
fn actor_of(user: &UserRow, session: SessionId) -> Result<Actor, AppError> {
    let scope = match (user.role, &user.market) {
        (Role::Manager, Some((id, code))) => Scope::Market { id: *id, code: code.clone() },
        // A manager of no market must not become one of all.
        (Role::Manager | Role::Vendor | Role::Operator, _) => {
            return Err(StoreError::Inconsistent(format!("users: {} has no market", user.name)).into());
        }
        (Role::City | Role::Auditor | Role::Admin, _) => Scope::Everywhere,
    };
    let via = Via::Session { user: user.id, session };
    Ok(Actor { name: user.name.to_string(), role: user.role, scope, via, limits: None })
}

/// Returns what the log says of a login that was good.
pub(super) fn logged_in(user: &UserRow, from: &From) -> Note {
    Note::of(Action::LoginOk, &user.name).by_user(user).after(json!({ "address": from.address }))
}

fn failed() -> AppError {
    let message = Message::new("Tên hoặc mật khẩu không đúng.", "The name or the password is wrong.");
    AppError::new(ErrorKind::Unauthenticated, "login_failed", message)
}

fn too_often(now: Timestamp, until: Timestamp) -> AppError {
    let wait_s = u32::try_from(until.duration_since(now).as_secs()).unwrap_or(0).saturating_add(1);
    let message = Message::new(
        format!("Thử sai quá nhiều lần. Hãy đợi {wait_s} giây rồi thử lại."),
        format!("Too many failed attempts. Wait {wait_s} seconds, then try again."),
    );
    AppError::new(ErrorKind::TooOften { wait_s }, "too_many_attempts", message)
}
