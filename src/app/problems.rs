//! The catalogue of problems: what each stable code means and what to do, in both languages. A code
//! without an entry here does not pass the tests.

use super::error::Message;

/// The entries: code, Vietnamese, English, parted by tabs, in the order of their codes.
const ENTRIES: &str = include_str!("problems.tsv");

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemEntry {
    /// The stable code.
    pub code: &'static str,
    /// What it means, and what to do.
    pub meaning: Message,
}

/// Returns all entries, by code.
#[must_use]
pub fn catalogue() -> Vec<ProblemEntry> {
    let entry = |line: &'static str| {
        let mut columns = line.split('\t');
        let (code, vi, en) = (columns.next()?, columns.next()?, columns.next()?);
        Some(ProblemEntry { code, meaning: Message::new(vi, en) })
    };
    ENTRIES.lines().filter_map(entry).collect()
}
