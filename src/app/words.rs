//! Amounts in words and memo codes, for the command line and pages.

pub use crate::domain::memo::{MemoCode, find_codes};
pub use crate::domain::words::{Voice, in_words, in_words_for_papers};

use super::error::Message;
use crate::domain::money::DongError;

/// Says in both languages why a text is no amount.
#[must_use]
pub fn no_amount(error: &DongError) -> Message {
    let vi = match error {
        DongError::NotANumber(text) => {
            format!("Số tiền {text:?} không phải số đồng viết liền (không dấu ngăn, không đơn vị).")
        }
        DongError::Fraction(text) => format!("Số tiền {text} có phần lẻ; đồng không có phần lẻ."),
        DongError::OutOfRange { amount, min, max } => {
            format!("Số tiền {amount} nằm ngoài khoảng {min} đến {max} đồng.")
        }
    };
    Message::new(vi, format!("{error}."))
}
