//! `socho memo`.

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, line, read_input};
use crate::app::words::{MemoCode, find_codes};
use crate::domain::ids::StallNumber;

/// Largest list of memos, in bytes.
const LIST_MAX: u64 = 64 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Memo {
    /// Print the memo code of a stall number
    #[command(after_help = "Example: socho memo code 12345")]
    Code {
        /// The stall's number in the installation
        number: i64,
    },
    /// Find the codes in delivered memos, one memo a line; the check symbol alone decides
    #[command(after_help = "Example: echo 'MBVCB.1.SC22EV9H.CT tu' | socho memo match -")]
    Match {
        /// - for standard input
        #[arg(default_value = "-")]
        input: String,
    },
}

pub(super) fn run(context: &Context, command: Memo) -> Result<Exit, Failure> {
    match command {
        Memo::Code { number } => {
            let stall = StallNumber::new(number).map_err(|error| {
                Failure::new(Exit::Refused, format!("Số sạp phải từ 1 đến {}.", StallNumber::MAX), format!("{error}."))
            })?;
            let code = MemoCode::of(stall).to_string();
            line(if context.json { json!({"stall_number": number, "code": code}).to_string() } else { code });
        }
        Memo::Match { input } => {
            for memo in super::qr::lines(&read_input(&input, LIST_MAX)?) {
                let codes: Vec<String> = find_codes(&memo).iter().map(ToString::to_string).collect();
                line(json!({"codes": codes}).to_string());
            }
        }
    }
    Ok(Exit::Ok)
}
