//! The files of banks as they were handed in: each is read again, piece by piece, and must have the
//! length and the hash that its row states. A row without a file and a file without a row are named.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Findings;
use crate::domain::ids::MarketId;
use crate::domain::reconciliation::StatementId;
use crate::store::Store;
use crate::store::engine::{Transaction, binds};
use crate::store::error::{Result, StoreError};

/// Files named by one statement.
const CHUNK: i64 = 500;
/// Bytes of a file that are read at a time.
const PIECE_BYTES: i64 = 4 << 20;

/// Looks at every file of a market, in slices.
pub(super) async fn files(store: &Store, market: MarketId, findings: &mut Findings) -> Result<()> {
    let mut last = Vec::new();
    loop {
        let mut transaction = store.begin_read().await?;
        let found = slice(&mut transaction, market, &mut last, findings).await;
        transaction.rollback().await?;
        match found {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return findings.take(Err(error)),
        }
    }
}

async fn slice(
    transaction: &mut Transaction,
    market: MarketId,
    last: &mut Vec<u8>,
    findings: &mut Findings,
) -> Result<bool> {
    const SQL: &str = "SELECT k.statement_id, s.sha256, s.byte_count, CAST(LENGTH(f.raw) AS BIGINT) AS length \
        FROM (SELECT statement_id FROM statements WHERE market_id = $1 AND statement_id > $2 \
            UNION SELECT statement_id FROM statement_files WHERE market_id = $1 AND statement_id > $2) k \
        LEFT JOIN statements s ON s.market_id = $1 AND s.statement_id = k.statement_id \
        LEFT JOIN statement_files f ON f.market_id = $1 AND f.statement_id = k.statement_id \
        ORDER BY k.statement_id LIMIT $3";
    let rows = transaction.rows(SQL, binds![market.get(), last.clone(), CHUNK]).await?;
    for row in &rows {
        *last = row.bytes("statement_id")?;
        let name = name(last);
        let (hash, length) = (row.optional_bytes("sha256")?, row.optional_int("length")?);
        match (hash, length) {
            (None, _) => findings.differ(format!("statement_files {name}: no statement has this file")),
            (Some(_), None) => findings.differ(format!("statements {name}: its file is missing")),
            (Some(hash), Some(length)) => {
                if row.optional_int("byte_count")? != Some(length) {
                    findings.differ(format!("statements {name}: byte_count is not the length of its file, {length}"));
                }
                let found = hash_of(transaction, market, last, length).await?;
                if hash != found {
                    findings.differ(format!("statements {name}: sha256 is not the hash of its file"));
                }
            }
        }
    }
    Ok(i64::try_from(rows.len()) == Ok(CHUNK))
}

/// Names a statement as people and programs do; what is no UUID any more by its bytes.
fn name(id: &[u8]) -> String {
    match Uuid::from_slice(id) {
        Ok(uuid) => StatementId::from_stored(uuid).to_string(),
        Err(_) => format!("{id:02x?}"),
    }
}

async fn hash_of(transaction: &mut Transaction, market: MarketId, id: &[u8], length: i64) -> Result<Vec<u8>> {
    const SQL: &str = "SELECT SUBSTR(raw, CAST($3 AS INTEGER), CAST($4 AS INTEGER)) AS piece FROM statement_files \
        WHERE market_id = $1 AND statement_id = $2";
    let mut hash = Sha256::new();
    let mut from = 1_i64;
    while from <= length {
        let row = transaction.row(SQL, binds![market.get(), id, from, PIECE_BYTES]).await?;
        let row = row.ok_or_else(|| StoreError::Inconsistent(format!("statement_files {}: gone", name(id))))?;
        hash.update(row.bytes("piece")?);
        from = from.saturating_add(PIECE_BYTES);
    }
    Ok(hash.finalize().to_vec())
}
