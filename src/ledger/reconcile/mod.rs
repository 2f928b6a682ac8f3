//! The bank's lines against the book, as pure functions.
//!
//! | step | where |
//! |---|---|
//! | lines of a new file × the lines that are known → which are new | `merge` |
//! | lines × credits → pairs, with the reason for each | `pairing`, `parts`, `times`, `runs` |
//! | pairs and what is left → findings, and each account's date | `findings` |

pub mod digest;
pub mod findings;
pub mod merge;
pub mod pairing;
mod parts;
mod runs;
mod times;
