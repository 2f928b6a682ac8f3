//! The proof that a posting lies in a closed date's book.

use super::App;
use super::error::{AppError, ErrorKind, Message};
use crate::domain::calendar::BusinessDate;
use crate::domain::hash::Hash;
use crate::domain::ids::{PostingName, Seq};
use crate::domain::registration::Market;
use crate::ledger::seal::proof::{self, Place, Proof};
use crate::ledger::seal::{leaf, merkle};
use crate::store::engine::Transaction;
use crate::store::error::StoreError;
use crate::store::postings::{self, Filter};
use crate::store::{closes, keys};

/// Postings read at a time; of each, 32 bytes stay.
const CHUNK: i64 = 2_000;

impl App {
    /// Makes the proof of a posting whose date is closed.
    ///
    /// # Errors
    /// `not_found`; `day_open` while its date is not closed; `inconsistent` when the journal is not
    /// what was sealed.
    pub async fn prove(&self, name: &PostingName) -> Result<Proof, AppError> {
        let market = self.market(&name.market).await?;
        let mut transaction = self.store.begin_read().await?;
        let posting = postings::find(&mut transaction, market.id, name.seq).await?.ok_or_else(|| {
            let (vi, en) = (format!("Không có bút toán {name}."), format!("There is no posting {name}."));
            AppError::not_found(Message::new(vi, en))
        })?;
        let date = posting.business_date;
        let closed = closes::find(&mut transaction, market.id, date).await?.ok_or_else(|| {
            let vi = format!(
                "Ngày {} của chợ {} chưa khóa sổ nên chưa có gì để chứng. Hãy khóa sổ trước.",
                date.vietnamese(),
                market.code
            );
            let en = format!("{date} is still open in market {}: nothing is sealed yet. Close it first.", market.code);
            AppError::new(ErrorKind::Conflict, "day_open", Message::new(vi, en))
        })?;
        let leaves = leaves(&mut transaction, &market, date).await?;
        let keys = keys::all(&mut transaction, market.id).await?;
        transaction.rollback().await?;
        let line = leaf::line(&market.code, &posting).map_err(AppError::internal)?;
        let index = leaves.iter().position(|(seq, _)| *seq == name.seq);
        let hashes: Vec<Hash> = leaves.into_iter().map(|(_, hash)| hash).collect();
        let place = index.map(|index| Place { line: &line, index, leaves: &hashes });
        let proof = place.and_then(|place| proof::make(&name.to_string(), place, &closed, &keys));
        let sound = proof.filter(|proof| {
            // What is handed out has been checked the way the reader will.
            keys.first().is_some_and(|key| proof::check(proof, &key.public).is_ok())
        });
        sound.ok_or_else(|| {
            let what = format!("the postings of {} on {date} are not those that were sealed", market.code);
            StoreError::Inconsistent(what).into()
        })
    }
}

/// Reads a date's postings and hashes their lines, in journal order.
async fn leaves(
    transaction: &mut Transaction,
    market: &Market,
    date: BusinessDate,
) -> Result<Vec<(Seq, Hash)>, AppError> {
    let mut leaves: Vec<(Seq, Hash)> = Vec::new();
    loop {
        let after = leaves.last().map_or(0, |(seq, _)| seq.get());
        let filter = Filter { date: Some(date), stall: None, after, limit: CHUNK };
        let found = postings::list(transaction, market.id, filter).await?;
        if found.is_empty() {
            return Ok(leaves);
        }
        for posting in found {
            let line = leaf::line(&market.code, &posting).map_err(AppError::internal)?;
            leaves.push((posting.seq, merkle::leaf(line.as_bytes())));
        }
    }
}
