//! Verifying the books: everything that was derived is derived again from the journal.

use std::path::Path;

use super::backup::defect_error;
use super::error::{AppError, ErrorKind, Message};
use super::progress::{Listener, Progress, Step, unheard};
use super::{App, no_market};
use crate::domain::audit::AuditPoint;
use crate::domain::ids::{MarketCode, MarketId};
use crate::store::{Store, audit, backup, verify};

/// What was found in one market.
#[derive(Debug, Clone)]
pub struct MarketFindings {
    /// The market's code; `-` for the installation's own inbox.
    pub market: String,
    /// Postings in its journal.
    pub postings: i64,
    /// Items in its inbox.
    pub items: i64,
    /// Links of its chain.
    pub batches: i64,
    /// Texts that were removed because their time was over.
    pub redacted: i64,
    /// What differs, exactly; empty when the books agree.
    pub differences: Vec<String>,
    /// The lowest posting that differs, or the first one of the lowest batch whose hash does.
    pub lowest: Option<String>,
}

impl App {
    /// Verifies one market, or all of them and the installation's own inbox. May run while serving.
    ///
    /// # Errors
    /// `not_found` for the market; whatever the store meets. A difference is no error but a finding.
    pub async fn verify(&self, only: Option<&MarketCode>) -> Result<Vec<MarketFindings>, AppError> {
        self.verify_heard(only, &[], &unheard).await
    }

    /// As [`Self::verify`], against heads of the audit log that were kept elsewhere, and tells how far it is.
    ///
    /// # Errors
    /// As [`Self::verify`]; `audit_head_elsewhere` for a head of a market that is not verified.
    pub async fn verify_heard(
        &self,
        only: Option<&MarketCode>,
        known: &[AuditPoint],
        listener: Listener<'_>,
    ) -> Result<Vec<MarketFindings>, AppError> {
        let markets: Vec<(MarketId, String)> = if let Some(code) = only {
            vec![(self.market(code).await?.id, code.to_string())]
        } else {
            let all = self.markets().await?.into_iter().map(|market| (market.id, market.code.to_string()));
            std::iter::once((MarketId::INSTALLATION, "-".to_owned())).chain(all).collect()
        };
        verify_against(&self.store, &markets, known, listener).await
    }
}

/// Verifies markets, and that their audit logs go on from where they are known to have been.
async fn verify_against(
    store: &Store,
    markets: &[(MarketId, String)],
    known: &[AuditPoint],
    listener: Listener<'_>,
) -> Result<Vec<MarketFindings>, AppError> {
    if let Some(other) = known.iter().find(|point| !markets.iter().any(|(_, name)| name == point.place())) {
        let place = other.place();
        let message = Message::new(
            format!("Điểm nhật ký {other} thuộc về chợ {place}, chợ này không được kiểm lần này."),
            format!("The audit log's head {other} is of market {place}, which is not verified here."),
        );
        return Err(AppError::field("audit_head", "audit_head_elsewhere", message));
    }
    let mut findings = verify_store(store, markets, listener).await?;
    let mut transaction = store.begin_read().await?;
    for point in known {
        let Some((id, _)) = markets.iter().find(|(_, name)| name == point.place()) else { continue };
        let there = audit::hash_at(&mut transaction, *id, point.seq).await?;
        let difference = match there {
            Some(hash) if hash == point.hash.0 => continue,
            Some(_) => {
                format!("audit_log: row {} is not the one that was known, with the hash {}", point.seq, point.hash)
            }
            None => format!("audit_log: row {}, which was known, is not there any more", point.seq),
        };
        let of_market = findings.iter_mut().filter(|found| found.market == point.place());
        of_market.for_each(|found| found.differences.push(difference.clone()));
    }
    transaction.rollback().await?;
    Ok(findings)
}

/// Tells whether a book's file is a backup that nobody has served yet: [`verify_backup`] reads it as it
/// lies, where opening it as a book would turn it into one.
#[must_use]
pub fn is_backup(path: &Path) -> bool {
    backup::is_at_rest(path)
}

/// Verifies one market of a backup, or all of them, and leaves the file as it is to the byte.
///
/// # Errors
/// `backup_damaged` and `not_a_backup` about the file; `backup_older` when its schema is another
/// program's before this one; `not_found` for the market; whatever the store meets.
pub async fn verify_backup(
    path: &Path,
    only: Option<&MarketCode>,
    known: &[AuditPoint],
    listener: Listener<'_>,
) -> Result<Vec<MarketFindings>, AppError> {
    backup::refuse_foreign(path).await?;
    let copy = backup::open(path).await?.map_err(|defect| defect_error(path, &defect))?;
    let findings = verify_copy(&copy, path, (only, known), listener).await;
    copy.close().await;
    findings
}

async fn verify_copy(
    copy: &Store,
    path: &Path,
    (only, known): (Option<&MarketCode>, &[AuditPoint]),
    listener: Listener<'_>,
) -> Result<Vec<MarketFindings>, AppError> {
    if !backup::is_current(copy).await? {
        let path = path.display();
        let message = Message::new(
            format!("Bản sao lưu {path} có lược đồ cũ hơn. Hãy phục hồi nó bằng socho restore: sổ mới được kiểm luôn."),
            format!("The backup {path} has an older schema. Restore it with socho restore, which verifies the book."),
        );
        return Err(AppError::new(ErrorKind::Conflict, "backup_older", message));
    }
    let mut markets = backup::listed(&backup::heads(copy).await?);
    if let Some(code) = only {
        markets.retain(|(_, name)| name == code.as_str());
        if markets.is_empty() {
            return Err(no_market(code));
        }
    }
    verify_against(copy, &markets, known, listener).await
}

/// Verifies markets of any store.
pub(super) async fn verify_store(
    store: &Store,
    markets: &[(MarketId, String)],
    listener: Listener<'_>,
) -> Result<Vec<MarketFindings>, AppError> {
    let scanner = store.scanner().await?;
    let findings = verify_each(&scanner, markets, listener).await;
    scanner.end_scan().await;
    findings
}

async fn verify_each(
    store: &Store,
    markets: &[(MarketId, String)],
    listener: Listener<'_>,
) -> Result<Vec<MarketFindings>, AppError> {
    let total = u64::try_from(verify::postings(store, markets.iter().map(|(id, _)| *id)).await?).unwrap_or(0);
    let mut findings = Vec::with_capacity(markets.len());
    let mut before = 0;
    for (id, market) in markets {
        let told = |postings: i64| {
            let done = u64::try_from(before + postings).unwrap_or(0);
            listener(Progress { step: Step::Verify, done, total });
        };
        let found = verify::market(store, *id, &told).await?;
        before += found.postings;
        let verify::Findings { postings, items, batches, redacted, differences, lowest, .. } = found;
        let lowest = lowest.map(|seq| format!("{market}-{seq}"));
        findings.push(MarketFindings {
            market: market.clone(),
            postings,
            items,
            batches,
            redacted,
            differences,
            lowest,
        });
    }
    Ok(findings)
}
