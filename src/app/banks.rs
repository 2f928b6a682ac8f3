//! Banks, as people name them.

use super::error::{AppError, Message};
use crate::domain::account::BankBin;
use crate::domain::banks::{self, Bank};

/// Finds the one bank that a BIN, code or name means, with or without marks.
///
/// # Errors
/// `unknown_bank` or `ambiguous_bank`, naming the candidates.
pub fn find_bank(typed: &str) -> Result<(BankBin, &'static Bank), AppError> {
    let found = banks::find(typed);
    let shown: String = typed.chars().take(40).collect();
    match found.as_slice() {
        [bank] => {
            let bin = bank.bin.parse().map_err(|error: crate::domain::ids::IdError| AppError::internal(error))?;
            Ok((bin, bank))
        }
        [] => Err(AppError::field(
            "bin",
            "unknown_bank",
            Message::new(
                format!(
                    "Không có ngân hàng nào là {shown:?}. Nhập mã BIN 6 số, mã hoặc tên ngân hàng, ví dụ 970436, VCB."
                ),
                format!(
                    "No bank is called {shown:?}. Give its BIN of 6 digits, code or name, for example 970436 or VCB."
                ),
            ),
        )),
        several => {
            let names: Vec<&str> = several.iter().take(6).map(|bank| bank.short_name).collect();
            Err(AppError::field(
                "bin",
                "ambiguous_bank",
                Message::new(
                    format!("{shown:?} có thể là {}. Hãy nhập mã BIN.", names.join(", ")),
                    format!("{shown:?} may mean {}. Give the BIN.", names.join(", ")),
                ),
            ))
        }
    }
}
