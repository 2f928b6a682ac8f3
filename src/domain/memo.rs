//! The memo code: printed in the QR, found again in what banks deliver (DESIGN §6).
//!
//! `SC`, five symbols of the stall's number in base 31, and a check symbol: 8 characters. 31 is
//! prime, so every single wrong symbol and every swap of two is caught. Building and finding stand
//! in one file, so that they stay inverse.

use std::fmt;
use std::str::FromStr;

use super::ids::{IdError, StallNumber};
use super::text;

/// Digits 0–30: no 0 O 1 I L, which people and banks confuse.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// Weights of the six symbols behind `SC`; the weighted sum is 0 modulo 31.
const WEIGHTS: [i64; 6] = [6, 5, 4, 3, 2, 1];
const BASE: i64 = 31;
const PREFIX: &str = "SC";
/// Characters of a whole code.
const LENGTH: usize = 8;
/// Longest delivered text that is searched; banks cut theirs at about 210 characters.
const SEARCHED: usize = 2_000;

/// A stall's memo code, for example `SC22EV9H`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoCode(StallNumber);

/// Which of the stalls that are allowed a memo names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// None of them.
    None,
    /// Exactly one.
    One(StallNumber),
    /// Two or more.
    Ambiguous,
}

impl MemoCode {
    /// Returns the code of a stall.
    #[must_use]
    pub fn of(stall: StallNumber) -> Self {
        Self(stall)
    }

    /// Returns the stall whose code it is.
    #[must_use]
    pub fn stall(self) -> StallNumber {
        self.0
    }

    fn symbols(self) -> [i64; 6] {
        let mut symbols = [0; 6];
        let mut rest = self.0.get();
        for symbol in symbols.iter_mut().take(5).rev() {
            *symbol = rest.rem_euclid(BASE);
            rest = rest.div_euclid(BASE);
        }
        let sum: i64 = symbols.iter().zip(WEIGHTS).take(5).map(|(s, w)| s.saturating_mul(w)).sum();
        symbols[5] = sum.saturating_neg().rem_euclid(BASE);
        symbols
    }

    /// Reads six symbols; `None` when one is no symbol, the check fails or no stall has the number.
    fn from_symbols(text: &[u8]) -> Option<Self> {
        let mut number = 0_i64;
        let mut sum = 0_i64;
        for (position, (byte, weight)) in text.iter().zip(WEIGHTS).enumerate() {
            let value = ALPHABET.iter().position(|symbol| symbol == byte)?;
            let value = i64::try_from(value).ok()?;
            sum = sum.saturating_add(value.saturating_mul(weight));
            if position < 5 {
                number = number.saturating_mul(BASE).saturating_add(value);
            }
        }
        if text.len() == WEIGHTS.len() && sum.rem_euclid(BASE) == 0 {
            StallNumber::new(number).ok().map(Self)
        } else {
            None
        }
    }
}

impl fmt::Display for MemoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for symbol in self.symbols() {
            let symbol = usize::try_from(symbol).ok().and_then(|index| ALPHABET.get(index)).copied();
            write!(f, "{}", char::from(symbol.unwrap_or(b'2')))?;
        }
        Ok(())
    }
}

impl FromStr for MemoCode {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.strip_prefix(PREFIX).and_then(|rest| Self::from_symbols(rest.as_bytes())).ok_or_else(|| IdError {
            what: "memo code",
            text: text.chars().take(60).collect(),
            rule: "SC, five symbols and their check symbol",
        })
    }
}

/// Finds the codes whose check symbol holds, each once, in the order in which they stand: whole
/// words first, and only without one at every position of the text without its blanks and signs.
#[must_use]
pub fn find_codes(delivered: &str) -> Vec<MemoCode> {
    search(delivered, |_| true)
}

/// Tells which of the stalls that `allowed` accepts a delivered memo names.
#[must_use]
pub fn choose(delivered: &str, allowed: impl Fn(StallNumber) -> bool) -> Choice {
    match search(delivered, allowed).as_slice() {
        [] => Choice::None,
        [code] => Choice::One(code.stall()),
        [..] => Choice::Ambiguous,
    }
}

fn search(delivered: &str, allowed: impl Fn(StallNumber) -> bool) -> Vec<MemoCode> {
    let end = delivered.char_indices().nth(SEARCHED).map(|(end, _)| end);
    let cut = end.and_then(|end| delivered.get(..end)).unwrap_or(delivered);
    let mut plain = text::without_marks(cut);
    plain.make_ascii_uppercase();
    let words = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() == LENGTH);
    let found = distinct(words.filter_map(|word| word.parse().ok()), &allowed);
    if !found.is_empty() {
        return found;
    }
    // Each line of what the bank delivered stands alone: the end of one is not the start of a code.
    let codes = plain.lines().flat_map(|line| {
        let squeezed: Vec<u8> = line.bytes().filter(u8::is_ascii_alphanumeric).collect();
        squeezed.windows(LENGTH).filter_map(|window| std::str::from_utf8(window).ok()?.parse().ok()).collect::<Vec<_>>()
    });
    distinct(codes, &allowed)
}

fn distinct(codes: impl Iterator<Item = MemoCode>, allowed: &impl Fn(StallNumber) -> bool) -> Vec<MemoCode> {
    let mut found = Vec::new();
    for code in codes {
        if allowed(code.stall()) && !found.contains(&code) {
            found.push(code);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(number: i64) -> String {
        MemoCode::of(StallNumber::new(number).expect("a stall number")).to_string()
    }

    #[test]
    fn the_published_examples_hold() {
        assert_eq!([1, 31, 12_345, 987_654].map(code), ["SC22223Y", "SC22232X", "SC22EV9H", "SC346RU9"]);
    }

    #[test]
    fn every_wrong_symbol_and_every_swap_is_caught() {
        for number in [1, 31, 12_345, 987_654, StallNumber::MAX] {
            let right = code(number);
            let symbols: Vec<char> = right.chars().collect();
            for place in 2..8 {
                for wrong in ALPHABET.iter().map(|b| char::from(*b)).filter(|c| *c != symbols[place]) {
                    let mut changed = symbols.clone();
                    changed[place] = wrong;
                    assert!(changed.iter().collect::<String>().parse::<MemoCode>().is_err());
                }
                for other in (place + 1)..8 {
                    let mut swapped = symbols.clone();
                    swapped.swap(place, other);
                    let swapped: String = swapped.iter().collect();
                    assert!(swapped == right || swapped.parse::<MemoCode>().is_err(), "{swapped}");
                }
            }
        }
    }
}
