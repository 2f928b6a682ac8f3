//! Amounts in words and memo codes, for the command line and pages.

pub use crate::domain::memo::{MemoCode, find_codes};
pub use crate::domain::words::{Voice, in_words, in_words_for_papers};
