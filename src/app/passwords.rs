//! Passwords, hashed slowly on purpose: argon2id with the parameters of OWASP's cheat sheet (19 MiB,
//! two passes, one lane), on threads that may block, and only a few at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::{AppError, ErrorKind, Message};
use crate::domain::identity::Password;

/// Passwords that are hashed at one time: 19 MiB and a processor each.
const AT_ONCE: usize = 2;
/// How long one waits for its turn before the caller hears "busy".
const PATIENCE: Duration = Duration::from_secs(10);
/// What a password of nobody is compared with, so that a name that is not there costs the same: the
/// hash of 32 random bytes that were thrown away.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29jaG8gbm9ib2R5IQ$CxHMy3Uv/SEc6SqCxmYC4wq4duqn78qysI5axN2BJ/w";

/// Hashes and compares passwords.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// Returns what is kept of a password.
    pub(crate) async fn hash(&self, password: Password, salt: [u8; 32]) -> Result<String, AppError> {
        let _turn = self.turn().await?;
        let hashed = tokio::task::spawn_blocking(move || {
            let salt = salt.first_chunk::<16>().copied().unwrap_or_default();
            Argon2::default().hash_password_with_salt(password.bytes(), &salt).map(|hash| hash.to_string())
        });
        hashed.await.map_err(AppError::internal)?.map_err(|error| AppError::internal(error.to_string()))
    }

    /// Tells whether a password is the one that was hashed; with no hash, after the same time, that
    /// it is not.
    pub(crate) async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool, AppError> {
        let _turn = self.turn().await?;
        let verified = tokio::task::spawn_blocking(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
            Argon2::default().verify_password(password.bytes(), hash.as_str()).is_ok() && known
        });
        verified.await.map_err(AppError::internal)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, AppError> {
        let busy = || {
            let message = Message::new(
                "Nhiều người đang đăng nhập cùng lúc. Hãy thử lại sau ít giây.",
                "Many people are logging in at once. Try again in a few seconds.",
            );
            AppError::new(ErrorKind::Unavailable, "login_busy", message)
        };
        match tokio::time::timeout(PATIENCE, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_found_again_and_nobodys_costs_as_much() {
        let passwords = Passwords::default();
        let hash = passwords.hash(Password::typed("cá lóc nướng trui"), [7; 32]).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(Password::typed("cá lóc nướng trui"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(Password::typed("cá lóc nướng trùi"), Some(hash)).await.unwrap());
        assert!(!passwords.verify(Password::typed("x"), None).await.unwrap());
        // The same parameters and a hash that can be read: else comparing would end early.
        let nobody = argon2::PasswordHash::new(NOBODY).unwrap();
        let read = argon2::Params::try_from(&nobody).unwrap();
        assert_eq!((read.m_cost(), read.t_cost(), read.p_cost()), (19_456, 2, 1));
        assert_eq!(nobody.hash.unwrap().as_bytes().len(), 32);
    }
}
