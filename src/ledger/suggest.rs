//! Which stall a payment was perhaps meant for. A suggestion and its reason, for a person to decide:
//! nothing is ever booked by it.

use crate::domain::memo;
use crate::domain::registration::RegisteredStall;
use crate::domain::text::{code_key, search_term};

/// Most suggestions for one payment.
const MOST: usize = 3;
/// Shortest name that is looked for, in characters: shorter ones are words of any text.
const NAME_MIN: usize = 6;

/// Why a stall is suggested, the surest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clue {
    /// The text holds the stall's own code with its check symbol.
    MemoCode,
    /// The text holds the stall's code as a word.
    StallCode(String),
    /// The text holds the vendor's name.
    VendorName(String),
    /// The text holds the last four of the stall's account.
    AccountTail(String),
}

/// A stall that a payment was perhaps meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The stall's code.
    pub stall: String,
    /// Why.
    pub clue: Clue,
}

/// Returns the stalls that a transfer's text points to, the surest first.
#[must_use]
pub fn suggest(text: &str, stalls: &[RegisteredStall]) -> Vec<Suggestion> {
    let words: Vec<String> =
        text.split(|c: char| !c.is_alphanumeric()).map(code_key).filter(|word| !word.is_empty()).collect();
    let plain = format!(" {} ", search_term(text));
    let codes: Vec<_> = memo::find_codes(text).into_iter().map(memo::MemoCode::stall).collect();
    let clue = |stall: &RegisteredStall| {
        if codes.contains(&stall.number) {
            return Some(Clue::MemoCode);
        }
        let key = stall.code.key();
        // One letter or figure alone is no code.
        let is_code = key.chars().count() > 1 && words.contains(&key);
        if is_code {
            return Some(Clue::StallCode(stall.code.to_string()));
        }
        let name = stall.vendor.as_ref().map(|(_, name)| search_term(name.as_str()));
        if let Some(name) = name.filter(|name| name.chars().count() >= NAME_MIN && plain.contains(&format!(" {name} ")))
        {
            return Some(Clue::VendorName(name));
        }
        let tail = stall.account.as_ref().map(|account| account.account.number.last_four().to_owned())?;
        words.contains(&code_key(&tail)).then_some(Clue::AccountTail(tail))
    };
    let mut found: Vec<Suggestion> = stalls
        .iter()
        .filter_map(|stall| clue(stall).map(|clue| Suggestion { stall: stall.code.to_string(), clue }))
        .collect();
    found.sort_by(|one, other| one.clue.cmp(&other.clue).then_with(|| one.stall.cmp(&other.stall)));
    found.truncate(MOST);
    found
}
