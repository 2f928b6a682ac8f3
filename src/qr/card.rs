//! What stands on a printed card besides the code.

use sha2::{Digest as _, Sha256};

/// Returns the check tag: four symbols that depend on every character of the payload and on the
/// card's version. A sticker pasted over the card carries another code, so its tag does not fit,
/// and the tag on our list tells which card is the real one.
#[must_use]
pub fn check_tag(payload: &str, version: i64) -> String {
    const SYMBOLS: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
    let digest = Sha256::digest(format!("socho card\n{version}\n{payload}"));
    digest
        .iter()
        .take(4)
        .filter_map(|byte| SYMBOLS.get(usize::from(*byte) % SYMBOLS.len()).copied())
        .map(char::from)
        .collect()
}
