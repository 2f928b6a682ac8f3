//! Corrections: full reversals, assignments out of suspense, and what a stall's money was not.
//! Never a change of what is written (DESIGN §4.2–3).

use super::facts::{EventMoment, Facts, KnownPosting, Precision};
use super::work::{Correction, CorrectionAction, RuleBroken};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{Seq, StallNumber};
use crate::domain::ledger_account::LedgerAccount;
use crate::domain::money::Dong;
use crate::domain::posting::{PostingKind, Transfer};

/// A posting that is decided but not numbered yet.
#[derive(Debug, Clone)]
pub(super) struct NewPosting {
    pub(super) kind: PostingKind,
    pub(super) transfer: Transfer,
    pub(super) moment: EventMoment,
    pub(super) natural_date: BusinessDate,
    pub(super) item: Option<i64>,
    pub(super) concerns: Option<Seq>,
    pub(super) reason: Option<String>,
    pub(super) actor: Option<String>,
}

/// Decides about one correction.
///
/// # Errors
/// The rule that refuses it; nothing changes then.
pub(super) fn decide(facts: &Facts, correction: &Correction) -> Result<NewPosting, RuleBroken> {
    let named = correction.action.posting();
    let posting = facts.postings.get(&named).ok_or(RuleBroken::NoSuchPosting(named))?;
    let (kind, transfer, event_at) = match correction.action {
        CorrectionAction::Reverse { .. } => reverse(facts, posting)?,
        CorrectionAction::Assign { stall, .. } => assign(facts, posting, stall)?,
        CorrectionAction::CashChange { amount, .. } => {
            adjust(facts, posting, amount, PostingKind::CashChange, LedgerAccount::CashChange)?
        }
        CorrectionAction::Exclude { amount, .. } => {
            adjust(facts, posting, amount, PostingKind::Exclusion, LedgerAccount::Excluded)?
        }
        CorrectionAction::Refund { line, amount, .. } => refund(facts, posting, line, amount)?,
    };
    Ok(NewPosting {
        kind,
        transfer,
        moment: EventMoment {
            at: event_at,
            precision: Precision::Recorded,
            claimed: None,
            event_date: BusinessDate::of_calendar(facts.recorded_at),
        },
        // A correction belongs to the day on which it is made.
        natural_date: facts.bindings.business_date(facts.recorded_at),
        item: None,
        concerns: Some(named),
        reason: Some(correction.reason.clone()),
        actor: Some(correction.actor.clone()),
    })
}

type Decided = (PostingKind, Transfer, Option<jiff::Timestamp>);

fn reverse(facts: &Facts, posting: &KnownPosting) -> Result<Decided, RuleBroken> {
    let about = || facts.postings.values().filter(|p| p.concerns == Some(posting.seq));
    if let Some(by) = about().find(|p| p.kind == PostingKind::Reversal) {
        return Err(RuleBroken::AlreadyReversed { posting: posting.seq, by: by.seq });
    }
    if let Some(by) = about().find(|p| facts.is_live(p.seq)) {
        return Err(RuleBroken::RestedOn { posting: posting.seq, by: by.seq });
    }
    // What rests on a reversed posting cannot come back to life without it, nor the posting
    // without what it rests on.
    if let Some(base) = facts.root(posting).concerns
        && !facts.is_live(base)
    {
        return Err(RuleBroken::NotLive(base));
    }
    restored_assignment(facts, posting)?;
    Ok((PostingKind::Reversal, posting.transfer.reversed(), None))
}

/// Restoring an assignment (reversing its reversal) needs a settlement that lies in suspense now.
fn restored_assignment(facts: &Facts, posting: &KnownPosting) -> Result<(), RuleBroken> {
    let root = facts.root(posting);
    let restores = posting.transfer.debit != root.transfer.debit;
    match root.concerns {
        Some(settlement) if restores && root.kind == PostingKind::Assign => not_assigned(facts, settlement),
        Some(settled) if restores => {
            let left = left_of(facts, settled)?;
            if root.transfer.amount <= left {
                Ok(())
            } else {
                Err(RuleBroken::MoreThanLeft { posting: settled, asked: root.transfer.amount, left })
            }
        }
        Some(_) | None => Ok(()),
    }
}

fn not_assigned(facts: &Facts, settlement: Seq) -> Result<(), RuleBroken> {
    let live_assignment = facts
        .postings
        .values()
        .any(|p| p.kind == PostingKind::Assign && p.concerns == Some(settlement) && facts.is_live(p.seq));
    if live_assignment { Err(RuleBroken::NotInSuspense(settlement)) } else { Ok(()) }
}

fn assign(facts: &Facts, posting: &KnownPosting, stall: StallNumber) -> Result<Decided, RuleBroken> {
    if posting.kind != PostingKind::Settle || posting.transfer.credit != LedgerAccount::Suspense {
        return Err(RuleBroken::NotInSuspense(posting.seq));
    }
    if !facts.is_live(posting.seq) {
        return Err(RuleBroken::NotLive(posting.seq));
    }
    not_assigned(facts, posting.seq)?;
    if !facts.bindings.stalls.contains(&stall) {
        return Err(RuleBroken::NoSuchStall(stall));
    }
    let transfer = Transfer {
        debit: LedgerAccount::Suspense,
        credit: LedgerAccount::Stall(stall),
        amount: posting.transfer.amount,
    };
    Ok((PostingKind::Assign, transfer, posting.event_at))
}

fn adjust(
    facts: &Facts,
    posting: &KnownPosting,
    amount: Dong,
    kind: PostingKind,
    account: fn(StallNumber) -> LedgerAccount,
) -> Result<Decided, RuleBroken> {
    let brings_money = matches!(posting.kind, PostingKind::Settle | PostingKind::Assign);
    let stall = posting.transfer.credit.stall().filter(|_| brings_money);
    let stall = stall.ok_or(RuleBroken::NotAtStall(posting.seq))?;
    if !facts.is_live(posting.seq) {
        return Err(RuleBroken::NotLive(posting.seq));
    }
    let left = left_of(facts, posting.seq)?;
    if amount <= Dong::ZERO || amount > left {
        return Err(RuleBroken::MoreThanLeft { posting: posting.seq, asked: amount, left });
    }
    Ok((kind, Transfer { debit: LedgerAccount::Stall(stall), credit: account(stall), amount }, None))
}

/// The bank paid back what a line says: out of the account of the settlement that brought it.
fn refund(facts: &Facts, posting: &KnownPosting, line: i64, amount: Dong) -> Result<Decided, RuleBroken> {
    let recorded = facts.refunds.get(&line).into_iter().flatten().find(|seq| facts.is_live(**seq));
    if let Some(by) = recorded {
        return Err(RuleBroken::AlreadyRefunded { line, by: *by });
    }
    let (kind, adjusted, event_at) = adjust(facts, posting, amount, PostingKind::Refund, LedgerAccount::Refunded)?;
    let settlement = match posting.kind {
        PostingKind::Assign => posting.concerns.and_then(|seq| facts.postings.get(&seq)),
        PostingKind::Settle
        | PostingKind::Reversal
        | PostingKind::CashChange
        | PostingKind::Exclusion
        | PostingKind::Refund => Some(posting),
    };
    let bank = settlement.map(|settlement| settlement.transfer.debit.clone());
    let bank = bank.ok_or(RuleBroken::NotAtStall(posting.seq))?;
    Ok((kind, Transfer { debit: adjusted.credit, credit: bank, amount: adjusted.amount }, event_at))
}

/// Returns what is left of a posting after the live adjustments that rest on it.
fn left_of(facts: &Facts, seq: Seq) -> Result<Dong, RuleBroken> {
    let posting = facts.postings.get(&seq).ok_or(RuleBroken::NoSuchPosting(seq))?;
    let adjusts = |p: &&KnownPosting| {
        matches!(p.kind, PostingKind::CashChange | PostingKind::Exclusion | PostingKind::Refund)
            && p.concerns == Some(seq)
            && facts.is_live(p.seq)
    };
    let taken: Option<Dong> = facts.postings.values().filter(adjusts).map(|p| p.transfer.amount).sum();
    Ok(taken.and_then(|taken| posting.transfer.amount.checked_sub(taken)).unwrap_or(Dong::ZERO))
}
