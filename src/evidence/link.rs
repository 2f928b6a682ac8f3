//! A link of the hash chain as a line of JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::hash::HashError;
use crate::ledger::chain::Link;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    batch: i64,
    first_seq: i64,
    postings: i64,
    first_item: i64,
    items: i64,
    recorded_at_us: i64,
    previous: String,
    hash: String,
}

/// Writes a link as its line, without a line end.
///
/// # Errors
/// When it cannot be written as JSON, which no link causes.
pub fn line(link: &Link) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Line {
        batch: link.number,
        first_seq: link.first_seq,
        postings: link.postings,
        first_item: link.first_item,
        items: link.items,
        recorded_at_us: link.recorded_at.as_microsecond(),
        previous: link.previous.to_string(),
        hash: link.hash.to_string(),
    })
}

/// Reads a link's line.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Link, String> {
    let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let hash = |text: &str| text.parse().map_err(|error: HashError| error.to_string());
    Ok(Link {
        number: line.batch,
        first_seq: line.first_seq,
        postings: line.postings,
        first_item: line.first_item,
        items: line.items,
        recorded_at: Timestamp::from_microsecond(line.recorded_at_us).map_err(|error| error.to_string())?,
        previous: hash(&line.previous)?,
        hash: hash(&line.hash)?,
    })
}
