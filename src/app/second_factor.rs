//! A second factor at login: codes of an app on the person's phone (RFC 6238), and recovery codes for
//! when that phone is gone.

use totp_rs::{Builder, Secret};

use super::App;
use super::access::{Actor, Place, Right};
use super::error::{AppError, ErrorKind, Message};
use super::login::{From, LoggedIn, Subject, logged_in};
use super::note::{Note, home_of};
use super::tokens::hash;
use crate::domain::audit::Action;
use crate::domain::identity::{Password, UserName};
use crate::store::secrets::user_place;
use crate::store::sessions::{self, Stage};
use crate::store::users::{self, UserRow};
use crate::store::{login_attempts, second_factors};

/// Recovery codes that are made at once.
const RECOVERY_CODES: usize = 8;
/// Bytes of a secret: as many as the hash has (RFC 4226 §4).
const SECRET_BYTES: usize = 20;

/// A secret for a person's phone: shown until a code proves that the phone has it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What the app reads from the QR code.
    pub uri: String,
    /// The same to type: groups of four.
    pub typed: String,
}

impl App {
    /// Tells whether the actor's login asks for a second factor.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn has_second_factor(&self, actor: &Actor) -> Result<bool, AppError> {
        Ok(self.user_of(actor).await?.totp.since.is_some())
    }

    /// Makes a secret for the actor's phone. It is not asked for before a code of it came back.
    ///
    /// # Errors
    /// `forbidden`, `second_factor_on`.
    pub async fn begin_second_factor(&self, actor: &Actor) -> Result<Offer, AppError> {
        let user = self.user_of(actor).await?;
        if user.totp.since.is_some() {
            let message = Message::new("Xác thực hai bước đã bật.", "The second factor is on already.");
            return Err(AppError::new(ErrorKind::Conflict, "second_factor_on", message));
        }
        let random = self.ids.salt()?;
        let bytes = random.get(..SECRET_BYTES).unwrap_or_default().to_vec();
        let mut transaction = self.store.begin_write().await?;
        let sealed = self.seal(&mut transaction, &user_place(user.id), &bytes).await?;
        second_factors::set(&mut transaction, user.id, Some(sealed.as_bytes()), None).await?;
        transaction.commit().await?;
        let secret = Secret::from(bytes).to_base32();
        let groups: Vec<&str> = secret.as_bytes().chunks(4).filter_map(|part| std::str::from_utf8(part).ok()).collect();
        Ok(Offer {
            uri: format!("otpauth://totp/So%20Cho:{}?secret={secret}&issuer=So%20Cho", user.name),
            typed: groups.join(" "),
        })
    }

    /// Turns the second factor on once a code shows that the phone has the secret. Returns recovery
    /// codes, which are told this once.
    ///
    /// # Errors
    /// `forbidden`, `code_wrong`, `too_many_attempts`.
    pub async fn confirm_second_factor(&self, actor: &Actor, code: &str) -> Result<Vec<String>, AppError> {
        let user = self.user_of(actor).await?;
        let subject = Subject::browser(user.id);
        self.count_attempt(std::slice::from_ref(&subject)).await?;
        let step = self.step_of(&user, code)?.ok_or_else(wrong)?;
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| self.random_password()).collect::<Result<_, _>>()?;
        let hashes: Vec<[u8; 32]> = codes.iter().map(hash).collect();
        let now = self.clock.now();
        let mut transaction = self.store.begin_write().await?;
        second_factors::set(&mut transaction, user.id, user.totp.secret.as_deref(), Some(now)).await?;
        if !second_factors::take_step(&mut transaction, user.id, step).await? {
            return Err(wrong());
        }
        second_factors::set_recovery(&mut transaction, user.id, &hashes).await?;
        login_attempts::forget(&mut transaction, subject.name()).await?;
        let note = Note::of(Action::SecondFactorOn, &user.name).by(actor);
        self.commit_noted(transaction, home_of(&user), [note]).await?;
        Ok(codes)
    }

    /// Takes the actor's own second factor away.
    ///
    /// # Errors
    /// `forbidden`, `password_wrong`, `too_many_attempts`.
    pub async fn drop_second_factor(&self, actor: &Actor, password: Password) -> Result<(), AppError> {
        let user = self.user_of(actor).await?;
        let subject = Subject::browser(user.id);
        self.count_attempt(std::slice::from_ref(&subject)).await?;
        if !self.passwords.verify(password, Some(user.password_hash.clone())).await? {
            let message = Message::new("Mật khẩu không đúng.", "The password is wrong.");
            return Err(AppError::field("password", "password_wrong", message));
        }
        self.without_second_factor(actor, &user, Some(&subject)).await
    }

    /// Takes a user's second factor away, whose phone and recovery codes are lost.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn reset_second_factor(&self, actor: &Actor, name: &UserName) -> Result<(), AppError> {
        Self::admit(actor, Right::ManageUsers, &Place::Own)?;
        let user = self.managed_user(actor, name).await?;
        self.without_second_factor(actor, &user, None).await
    }

    async fn without_second_factor(
        &self,
        actor: &Actor,
        user: &UserRow,
        counted: Option<&Subject>,
    ) -> Result<(), AppError> {
        let mut transaction = self.store.begin_write().await?;
        second_factors::set(&mut transaction, user.id, None, None).await?;
        second_factors::set_recovery(&mut transaction, user.id, &[]).await?;
        if let Some(subject) = counted {
            login_attempts::forget(&mut transaction, subject.name()).await?;
        }
        let note = Note::of(Action::SecondFactorOff, &user.name).by(actor);
        self.commit_noted(transaction, home_of(user), [note]).await?;
        Ok(())
    }

    /// Finishes a login that waits for its second factor, with a code of the phone or a recovery code.
    /// The session goes on under another token.
    ///
    /// # Errors
    /// `login_over` when the password was too long ago, `code_wrong`, `too_many_attempts`.
    pub async fn finish_login(&self, token: &str, code: &str, from: &From) -> Result<LoggedIn, AppError> {
        let now = self.clock.now();
        let mut transaction = self.store.begin_read().await?;
        let found = sessions::live(&mut transaction, &hash(token), now).await?;
        transaction.rollback().await?;
        let waiting = found.filter(|(session, _)| session.stage == Stage::SecondFactor);
        let Some((session, user)) = waiting else { return Err(over()) };
        let subject = Subject::browser(user.id);
        let blocked = self.count_attempt(std::slice::from_ref(&subject)).await?;
        let step = self.step_of(&user, code)?;
        let (made, row, hashes) = self.new_session(&user, from, Stage::Open)?;
        let mut transaction = self.store.begin_write().await?;
        let good = match step {
            Some(step) => second_factors::take_step(&mut transaction, user.id, step).await?,
            None => second_factors::take_recovery(&mut transaction, user.id, &hash(spelt(code)), now).await?,
        };
        if !good || !sessions::end(&mut transaction, user.id, session.id, now, user.name.as_str()).await? {
            transaction.rollback().await?;
            self.note_failure(Some(&user), from, blocked).await?;
            return Err(wrong());
        }
        sessions::add(&mut transaction, &row, &hashes).await?;
        users::logged_in(&mut transaction, user.id, now).await?;
        login_attempts::forget(&mut transaction, subject.name()).await?;
        self.commit_noted(transaction, home_of(&user), [logged_in(&user, from)]).await?;
        Ok(made)
    }

    /// Returns the time step whose code this is; none when it is not one of the last, this or the next.
    fn step_of(&self, user: &UserRow, code: &str) -> Result<Option<i64>, AppError> {
        let Some(kept) = &user.totp.secret else { return Ok(None) };
        let secret = self.unseal(&user_place(user.id), &String::from_utf8_lossy(kept))?;
        let totp = Builder::new().with_secret(secret).build().map_err(|error| AppError::internal(error.to_string()))?;
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let seconds = u64::try_from(self.clock.now().as_second()).unwrap_or(0);
        let step = totp.check(&digits, seconds).and_then(|step| i64::try_from(step).ok());
        Ok(step.filter(|step| *step > user.totp.step))
    }
}

/// Returns a recovery code as it was made, however it is typed.
fn spelt(code: &str) -> String {
    let symbols: Vec<char> = code.to_lowercase().chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    symbols.chunks(4).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

fn wrong() -> AppError {
    let message = Message::new(
        "Mã không đúng hoặc đã dùng. Hãy gõ mã đang hiện trên điện thoại, hoặc một mã dự phòng.",
        "The code is wrong or was used. Type the one that the phone shows now, or a recovery code.",
    );
    AppError::field("code", "code_wrong", message)
}

fn over() -> AppError {
    let message = Message::new("Đã quá lâu. Hãy đăng nhập lại từ đầu.", "That took too long. Log in from the start.");
    AppError::new(ErrorKind::Unauthenticated, "login_over", message)
}
