//! Texts that are missing against the records that say so.
//!
//! Records are read twice: before the journal, and at the moment in which it ended. What is missing must
//! be recorded by then; what was recorded before must be missing. So texts may go while a book is verified.

use super::Findings;
use crate::domain::hash::Hash;
use crate::domain::ids::MarketId;
use crate::ledger::redaction::Ranges;
use crate::store::engine::Transaction;
use crate::store::error::Result;
use crate::store::redactions;

/// Reads a market's records and follows their chain; returns which texts they say are gone.
pub(super) async fn read(transaction: &mut Transaction, market: MarketId, findings: &mut Findings) -> Result<Ranges> {
    let (mut previous, mut ranges) = (Hash([0; 32]), Vec::new());
    for (number, (record, hash)) in (1..).zip(redactions::all(transaction, market).await?) {
        if record.number != number {
            findings.differ(format!("redactions: record {number} is missing, {} follows", record.number));
        }
        if record.previous != previous {
            findings.differ(format!("redactions: record {number} does not follow the one before it"));
        }
        if record.hash() != hash {
            findings.differ(format!("redactions: record {number} was changed: its hash is another"));
        }
        previous = hash;
        ranges.push((record.first, record.last));
    }
    Ok(Ranges::of(ranges))
}

/// Compares what is missing with what the records say.
pub(super) fn compare(missing: &Ranges, at_start: &Ranges, at_end: &Ranges, findings: &mut Findings) {
    if let Some(item) = missing.first_outside(at_end) {
        findings.differ(format!("item {item}: its text is missing without a redaction"));
    }
    if let Some(item) = at_start.first_outside(missing) {
        findings.differ(format!("item {item}: its text is there, though a redaction says that it is gone"));
    }
    findings.redacted = missing.count();
}
