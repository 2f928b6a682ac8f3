//! The seal on a closed date, and how anybody checks it without our database.
//!
//! | step | file | what it gives |
//! |---|---|---|
//! | a posting becomes one line of JSON | `leaf` | the bytes that are hashed, the same in every export |
//! | the date's lines become a tree | `merkle` | one root (RFC 6962 §2.1), a path from any posting to it |
//! | root and figures become a statement | `close` | the bytes that are signed, chained to the close before |
//! | the market's key signs the statement | `key` | Ed25519 (RFC 8032); keys endorse their successors |
//! | line, path, statement, signature | `proof` | evidence for one posting, checked offline |
//!
//! Everything that is hashed or signed is text that a person can read and feed to `sha256sum` and
//! `openssl`: there is no second, binary form.

pub mod close;
pub mod figures;
pub mod key;
pub mod leaf;
pub mod merkle;
pub mod proof;
