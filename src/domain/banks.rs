//! The banks of Viet Nam that take VietQR transfers: a bundled table, found by BIN, code or name.
//!
//! The table (`banks.tsv`) was made from what VietQR's public packages agree on; its last column
//! carries other codes and newer names.

use std::sync::LazyLock;

use super::text;

const TABLE: &str = include_str!("banks.tsv");

/// One bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bank {
    /// Its six-digit identification number at NAPAS.
    pub bin: &'static str,
    /// Its short code, for example `VCB`.
    pub code: &'static str,
    /// The name people know, for example `Vietcombank`.
    pub short_name: &'static str,
    /// The registered name.
    pub full_name: &'static str,
    /// Folded spellings under which it is found.
    keys: Vec<String>,
}

static BANKS: LazyLock<Vec<Bank>> = LazyLock::new(|| TABLE.lines().filter_map(read).collect());

fn read(line: &'static str) -> Option<Bank> {
    if line.starts_with('#') {
        return None;
    }
    let mut columns = line.split('\t');
    let (bin, code, short_name, full_name) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
    let note = columns.nth(2).unwrap_or_default();
    let aliases = note.split(';').filter_map(|part| {
        let part = part.trim();
        let name = part.strip_prefix("npm code ").or_else(|| part.strip_prefix("renamed "))?;
        name.split('(').next()
    });
    let keys = [code, short_name, full_name].into_iter().chain(aliases).map(fold).collect();
    Some(Bank { bin, code, short_name, full_name, keys })
}

fn fold(text: &str) -> String {
    text::without_marks(text).to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Returns all banks, in the order of their BINs.
#[must_use]
pub fn all() -> &'static [Bank] {
    &BANKS
}

/// Returns the bank with this BIN.
#[must_use]
pub fn by_bin(bin: &str) -> Option<&'static Bank> {
    BANKS.iter().find(|bank| bank.bin == bin)
}

/// Returns how people call the bank with this BIN; the BIN itself when the list does not know it.
#[must_use]
pub fn shown_name(bin: &str) -> String {
    by_bin(bin).map_or_else(|| bin.to_owned(), |bank| bank.short_name.to_owned())
}

/// Finds banks by BIN, code or name, with or without marks: an exact match alone, else every bank
/// one of whose spellings contains the text.
#[must_use]
pub fn find(typed: &str) -> Vec<&'static Bank> {
    let wanted = fold(typed);
    if wanted.is_empty() {
        return Vec::new();
    }
    let exact: Vec<_> = BANKS.iter().filter(|bank| bank.bin == wanted || bank.keys.contains(&wanted)).collect();
    if !exact.is_empty() {
        return exact;
    }
    BANKS.iter().filter(|bank| bank.keys.iter().any(|key| key.contains(&wanted))).collect()
}

/// Returns the one bank that a provider's name or code for it means.
#[must_use]
pub fn matches_hint(hint: &str) -> Option<&'static Bank> {
    match find(hint).as_slice() {
        [one] => Some(one),
        [..] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_read() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(all().len(), lines);
        assert!(all().iter().all(|bank| bank.bin.len() == 6 && bank.bin.bytes().all(|b| b.is_ascii_digit())));
    }

    #[test]
    fn a_bank_is_found_by_bin_code_name_and_without_marks() {
        for typed in
            ["970436", "VCB", "vietcombank", "Vietcombank", "Ngân hàng TMCP Ngoại Thương Việt Nam", "ngoai thuong"]
        {
            assert_eq!(matches_hint(typed).map(|bank| bank.bin), Some("970436"), "{typed}");
        }
        for typed in ["MBBank", "MB", "MBB", "Quân đội"] {
            assert_eq!(matches_hint(typed).map(|bank| bank.bin), Some("970422"), "{typed}");
        }
        assert_eq!(matches_hint("Vikki Bank").map(|bank| bank.bin), Some("970406"));
        assert!(find("").is_empty());
    }
}
