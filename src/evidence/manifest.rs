//! What an export says about itself: whose it is, and what the numbers in it mean.

use serde::{Deserialize, Serialize};

/// What a manifest says it is.
pub const FORMAT: &str = "socho-export-v1";

/// An export's own description. It is not signed: names are for people, and what figures rest on
/// is in the signed closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The market's code.
    pub market: String,
    /// The market's number, which the hash chain covers.
    pub market_id: i64,
    /// The market's name.
    pub name: String,
    /// Demonstration data: no real money behind the figures.
    pub demo: bool,
    /// The month, `2026-11`.
    pub month: String,
    /// When the export was made, RFC 3339.
    pub made_at: String,
    /// The market's stalls.
    pub stalls: Vec<Stall>,
    /// The sources that reported.
    pub sources: Vec<Source>,
}

/// A stall of the market when the export was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// Its number, as in `stall:12`.
    pub number: i64,
    /// Its printed code.
    pub code: String,
    /// What it sells; empty when nobody said.
    pub category: String,
}

/// A source of settlements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its number, as in `items.jsonl`.
    pub number: i64,
    /// Its name.
    pub name: String,
}
