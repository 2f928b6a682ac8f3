//! Random tokens as people and browsers carry them, and the hashes that are kept of them.
//!
//! 256 random bits need no slow hash: nobody can try them all, and a fast one finds its row by key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Writes random bytes as a token of 43 letters, digits, `-` and `_`.
pub(super) fn token(random: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}

/// Returns what is kept of a token.
pub(super) fn hash(token: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(token.as_ref()).into()
}

/// Returns what a form carries to show that our own page sent it: whoever knows the secret of a
/// cookie can make it, and nobody can tell the secret from it.
pub(super) fn form(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(hash(format!("socho form {secret}")))
}
