//! `socho amount`.

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, line, read_input};
use crate::app::words::{Voice, in_words, no_amount};
use crate::domain::money::Dong;

/// Largest list of amounts, in bytes.
const LIST_MAX: u64 = 64 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Amount {
    /// Print an amount in words; - reads one a line
    #[command(after_help = "Example: socho amount words 250000 --voice bac", allow_negative_numbers = true)]
    Words {
        /// The amount in whole đồng, or - for standard input
        #[arg(allow_hyphen_values = true)]
        amount: String,
        /// nam: ngàn, lẻ; bac: nghìn, linh
        #[arg(long, default_value = "nam")]
        voice: VoiceName,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum VoiceName {
    Bac,
    Nam,
}

pub(super) fn run(context: &Context, command: Amount) -> Result<Exit, Failure> {
    let Amount::Words { amount, voice } = command;
    let voice = match voice {
        VoiceName::Bac => Voice::North,
        VoiceName::Nam => Voice::South,
    };
    let amounts = if amount == "-" { super::qr::lines(&read_input("-", LIST_MAX)?) } else { vec![amount] };
    let mut exit = Exit::Ok;
    for text in amounts {
        match text.trim().parse::<Dong>() {
            Ok(amount) => {
                let words = in_words(amount, voice);
                line(if context.json { json!({"amount": amount.whole(), "words": words}).to_string() } else { words });
            }
            Err(error) => {
                exit = Exit::Refused;
                super::output::to_stderr(&format!("socho: {}\n", context.lang.choose(&no_amount(&error))));
            }
        }
    }
    Ok(exit)
}
