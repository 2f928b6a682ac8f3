//! The audit log's chain, derived again: every row as it lies there, its place and its hash, and the
//! head that says where the log ends. Read in slices; the last one's transaction reads the head too, for
//! the log only grows.

use super::Findings;
use crate::domain::ids::MarketId;
use crate::ledger::audit_chain::AuditFields;
use crate::store::Store;
use crate::store::engine::{InOrder, Transaction, binds};
use crate::store::error::Result;

/// Rows that one statement reads.
const SLICE: i64 = 4_096;

/// Where the reading is.
struct Walk {
    market: MarketId,
    /// The last row's place; before the first, where it has to begin.
    seq: i64,
    hash: Vec<u8>,
    begun: bool,
}

/// Derives a market's audit log again.
pub(super) async fn chain(store: &Store, market: MarketId, findings: &mut Findings) -> Result<()> {
    let mut walk = Walk { market, seq: 0, hash: vec![0; 32], begun: false };
    loop {
        let mut transaction = store.begin_read().await?;
        let done = walk.slice(&mut transaction, findings).await;
        transaction.rollback().await?;
        match done {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return findings.take(Err(error)),
        }
    }
}

impl Walk {
    /// Reads a slice; `false` when the log ended with it and its head was compared.
    async fn slice(&mut self, transaction: &mut Transaction, findings: &mut Findings) -> Result<bool> {
        const SQL: &str = "SELECT seq, recorded_at, actor_kind, actor, role, action, object_kind, object, stall_number, \
            value_before, value_after, reason, request_id, hash FROM audit_log \
            WHERE market_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        // A row before the first is one too many, and has to be seen.
        let behind = if self.begun { self.seq } else { i64::MIN };
        self.begun = true;
        let rows = transaction.rows(SQL, binds![self.market.get(), behind, SLICE]).await?;
        for row in &rows {
            self.row(&mut row.in_order(), findings)?;
        }
        if i64::try_from(rows.len()) == Ok(SLICE) {
            return Ok(true);
        }
        self.head(transaction, findings).await?;
        Ok(false)
    }

    fn row(&mut self, row: &mut InOrder<'_>, findings: &mut Findings) -> Result<()> {
        let fields = AuditFields {
            market: self.market.get(),
            seq: row.int()?,
            recorded_at: row.int()?,
            actor_kind: row.text()?,
            actor: row.text()?,
            role: row.text()?,
            action: row.text()?,
            object_kind: row.text()?,
            object: row.text()?,
            stall: row.optional_int()?,
            before: row.optional_text()?,
            after: row.optional_text()?,
            reason: row.optional_text()?,
            request_id: row.optional_text()?,
        };
        let kept = row.bytes()?;
        let (seq, expected) = (fields.seq, self.seq.saturating_add(1));
        if seq != expected {
            findings.differ(format!("audit_log: row {seq} stands where row {expected} has to"));
        } else if fields.hash(&self.hash) != *kept {
            findings.differ(format!("audit_log: row {seq} does not give its hash"));
        }
        (self.seq, self.hash) = (seq, kept.to_vec());
        Ok(())
    }

    async fn head(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        const SQL: &str = "SELECT last_seq, last_hash FROM audit_head WHERE market_id = $1";
        let head = transaction.row(SQL, binds![self.market.get()]).await?;
        let (last, hash) = match head {
            Some(row) => (row.int("last_seq")?, row.bytes("last_hash")?),
            None => (0, vec![0; 32]),
        };
        if last != self.seq {
            findings.differ(format!("audit_head: last_seq is {last}, the log has {}", self.seq));
        } else if hash != self.hash {
            findings.differ(format!("audit_head: last_hash is not the hash of row {last}"));
        }
        Ok(())
    }
}
