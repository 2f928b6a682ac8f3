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
/// Bytes of a piece that are read at a time: files that were kept whole are one piece.
const PART_BYTES: i64 = 4 << 20;

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
    const SQL: &str = "SELECT k.statement_id, s.sha256, s.byte_count \
        FROM (SELECT statement_id FROM statements WHERE market_id = $1 AND statement_id > $2 \
            UNION SELECT statement_id FROM statement_files WHERE market_id = $1 AND statement_id > $2) k \
        LEFT JOIN statements s ON s.market_id = $1 AND s.statement_id = k.statement_id \
        ORDER BY k.statement_id LIMIT $3";
    let rows = transaction.rows(SQL, binds![market.get(), last.clone(), CHUNK]).await?;
    for row in &rows {
        *last = row.bytes("statement_id")?;
        let name = name(last);
        let Some(hash) = row.optional_bytes("sha256")? else {
            findings.differ(format!("statement_files {name}: no statement has this file"));
            continue;
        };
        let Some(file) = read(transaction, market, last).await? else {
            findings.differ(format!("statements {name}: its file is missing"));
            continue;
        };
        if row.optional_int("byte_count")? != Some(file.length) {
            let length = file.length;
            findings.differ(format!("statements {name}: byte_count is not the length of its file, {length}"));
        }
        if !file.in_order {
            findings.differ(format!("statement_files {name}: its pieces are not numbered from 1"));
        }
        if hash != file.hash {
            findings.differ(format!("statements {name}: sha256 is not the hash of its file"));
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

/// A file as its pieces make it.
struct Read {
    length: i64,
    hash: Vec<u8>,
    /// Its pieces are numbered 1, 2, 3 …
    in_order: bool,
}

async fn read(transaction: &mut Transaction, market: MarketId, id: &[u8]) -> Result<Option<Read>> {
    const NEXT: &str = "SELECT piece, CAST(LENGTH(raw) AS BIGINT) AS length FROM statement_files \
        WHERE market_id = $1 AND statement_id = $2 AND piece > $3 ORDER BY piece LIMIT 1";
    const PART: &str = "SELECT SUBSTR(raw, CAST($4 AS INTEGER), CAST($5 AS INTEGER)) AS part FROM statement_files \
        WHERE market_id = $1 AND statement_id = $2 AND piece = $3";
    let mut hash = Sha256::new();
    let (mut piece, mut count, mut length, mut in_order) = (i64::MIN, 0_i64, 0_i64, true);
    while let Some(row) = transaction.row(NEXT, binds![market.get(), id, piece]).await? {
        piece = row.int("piece")?;
        count = count.saturating_add(1);
        in_order &= piece == count;
        let (size, mut from) = (row.int("length")?, 1_i64);
        length = length.saturating_add(size);
        while from <= size {
            let row = transaction.row(PART, binds![market.get(), id, piece, from, PART_BYTES]).await?;
            let row = row.ok_or_else(|| StoreError::Inconsistent(format!("statement_files {}: gone", name(id))))?;
            hash.update(row.bytes("part")?);
            from = from.saturating_add(PART_BYTES);
        }
    }
    Ok((count > 0).then(|| Read { length, hash: hash.finalize().to_vec(), in_order }))
}
