//! Exports: a month of a market's book as a zip file that anybody checks without our database.
//!
//! | file | what it holds |
//! |---|---|
//! | `manifest.json` | market, month, when it was made, what its numbers for sources and stalls mean |
//! | `journal.jsonl`, `journal.csv` | the postings, a line each, as they are hashed; and for a spreadsheet |
//! | `items.jsonl` | what sources reported and what became of it, without the texts that people wrote |
//! | `batches.jsonl` | the links of the hash chain over both |
//! | `closes/DATE.json`, `.sig` | each close's statement as it was signed, and the signature |
//! | `keys.json`, `keys/N.pem` | the market's public keys with their endorsements; and for `openssl` |
//! | `reports/DATE.json` | the daily reports of the closed dates |
//! | `SHA256SUMS`, `README.txt` | the sum of every other file; how to check all of it by hand |
//!
//! Pure: bytes in, bytes out. `app` reads the book and hands it over line by line.

pub mod archive;
pub mod check;
pub mod item;
pub mod link;
pub mod manifest;

/// Postings, one line each.
pub const JOURNAL: &str = "journal.jsonl";
/// Judged items, one line each.
pub const ITEMS: &str = "items.jsonl";
/// Links of the chain, one line each.
pub const BATCHES: &str = "batches.jsonl";
/// The market's keys.
pub const KEYS: &str = "keys.json";
/// What the numbers mean.
pub const MANIFEST: &str = "manifest.json";
/// The sum of every other file, as `sha256sum -c` reads it.
pub const SUMS: &str = "SHA256SUMS";
/// How to check by hand.
pub const README: &str = "README.txt";
/// Text of [`README`]; where the audit log ended when the export was made follows it.
pub const README_TEXT: &str = include_str!("README.txt");
