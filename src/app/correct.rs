//! Corrections of the journal by people: reversals, assignments, cash handed back, exclusions.

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::note::Note;
use super::words::no_amount;
use crate::domain::audit::Action;
use crate::domain::ids::{MarketCode, PostingName, Seq};
use crate::domain::ledger_account::LedgerAccount;
use crate::domain::money::Dong;
use crate::domain::posting::PostingKind;
use crate::domain::reconciliation::BankLine;
use crate::domain::settlement::Direction;
use crate::ledger::batch::Posting;
use crate::ledger::work::{Correction, CorrectionAction, Done, RuleBroken, Work};
use crate::store::{postings, statement_lines};

/// Longest reason that is kept, in characters.
pub const REASON_MAX: usize = 500;

impl App {
    /// Makes a correction of a posting of the named market; `action` names the posting by its
    /// journal number. The audit log tells of it right after: the market's writer has a transaction of
    /// its own, in which the journal keeps actor and reason too.
    ///
    /// # Errors
    /// `reason_missing`, `not_found`, or the rule that refuses it.
    pub async fn correct(
        &self,
        posting: &PostingName,
        actor: &str,
        reason: &str,
        action: impl FnOnce(Seq) -> CorrectionAction,
    ) -> Result<PostingName, AppError> {
        let market = self.market(&posting.market).await?;
        let (reason, action) = (checked_reason(reason)?, action(posting.seq));
        let (done, said) = told(&action);
        let note = Note::of(done, posting).named(actor).because(&reason);
        let correction = Correction { actor: actor.to_owned(), reason, action };
        match self.writer.submit(market.id, vec![Work::Correct(correction)]).await?.pop() {
            Some(Done::Posted(seq)) => {
                let made = PostingName { market: market.code, seq };
                let mut transaction = self.store.begin_read().await?;
                let stall = postings::find(&mut transaction, market.id, seq).await?.and_then(|posting| posting.stall);
                transaction.rollback().await?;
                let mut said = said;
                said.insert("posting".to_owned(), made.to_string().into());
                self.note_done(market.id, note.at_stall(stall).after(said.into())).await;
                Ok(made)
            }
            Some(Done::Refused(rule)) => Err(refused_in(Some(&market.code), &rule)),
            Some(Done::Judged(_) | Done::RouteAgain) | None => {
                Err(AppError::internal("a correction without an outcome"))
            }
        }
    }
}

/// Returns what the audit log says of a correction.
fn told(action: &CorrectionAction) -> (Action, serde_json::Map<String, serde_json::Value>) {
    let mut said = serde_json::Map::new();
    let mut amount = |amount: &Dong| said.insert("amount".to_owned(), amount.whole().into());
    let done = match action {
        CorrectionAction::Reverse { .. } => Action::PostingReversed,
        CorrectionAction::Assign { .. } => Action::PostingAssigned,
        CorrectionAction::CashChange { amount: part, .. } => {
            amount(part);
            Action::CashChangeRecorded
        }
        CorrectionAction::Exclude { amount: part, .. } => {
            amount(part);
            Action::PostingExcluded
        }
        CorrectionAction::Refund { amount: part, .. } => {
            amount(part);
            Action::PostingRefunded
        }
    };
    (done, said)
}

/// Returns the reason, trimmed; nobody corrects without one.
pub(crate) fn checked_reason(reason: &str) -> Result<String, AppError> {
    let reason = reason.trim();
    if (1..=REASON_MAX).contains(&reason.chars().count()) && !reason.contains('\0') {
        return Ok(reason.to_owned());
    }
    let message = Message::new(
        format!("Cần ghi lý do, từ 1 đến {REASON_MAX} ký tự."),
        format!("A reason of 1 to {REASON_MAX} characters is needed."),
    );
    Err(AppError::field("reason", "reason_missing", message))
}

/// Says which rule refuses a decision.
pub(crate) fn refused(rule: &RuleBroken) -> AppError {
    refused_in(None, rule)
}

/// Says which rule refuses a correction, and calls postings by their names in `market`.
fn refused_in(market: Option<&MarketCode>, rule: &RuleBroken) -> AppError {
    let name = |seq: &Seq| {
        let named = market.map(|market| PostingName { market: market.clone(), seq: *seq }.to_string());
        named.unwrap_or_else(|| seq.get().to_string())
    };
    let (kind, code, vi, en) = match rule {
        RuleBroken::NoSuchPosting(seq) => {
            let seq = name(seq);
            let (vi, en) = (format!("Không có bút toán {seq}."), format!("There is no posting {seq}."));
            (ErrorKind::NotFound, "not_found", vi, en)
        }
        RuleBroken::NotLive(seq) => {
            let seq = name(seq);
            let (vi, en) = (format!("Bút toán {seq} đã bị đảo."), format!("Posting {seq} has been reversed."));
            (ErrorKind::Conflict, "posting_not_live", vi, en)
        }
        RuleBroken::AlreadyReversed { posting, by } => {
            let (posting, by) = (name(posting), name(by));
            let vi = format!("Bút toán {posting} đã được đảo bởi bút toán {by}.");
            (ErrorKind::Conflict, "already_reversed", vi, format!("Posting {posting} was reversed by {by}."))
        }
        RuleBroken::RestedOn { posting, by } => {
            let (posting, by) = (name(posting), name(by));
            let vi = format!("Bút toán {by} đang dựa trên bút toán {posting}: hãy đảo {by} trước.");
            (ErrorKind::Conflict, "rested_on", vi, format!("Posting {by} rests on {posting}: reverse {by} first."))
        }
        RuleBroken::NotInSuspense(seq) => {
            let seq = name(seq);
            let vi = format!("Bút toán {seq} không nằm trong tài khoản chờ xử lý.");
            (ErrorKind::Conflict, "not_in_suspense", vi, format!("Posting {seq} does not lie in suspense."))
        }
        RuleBroken::NotAtStall(seq) => {
            let seq = name(seq);
            let vi = format!("Bút toán {seq} chưa đưa tiền về sạp nào.");
            (ErrorKind::Conflict, "not_at_stall", vi, format!("Posting {seq} brought no money to a stall."))
        }
        RuleBroken::NoSuchStall(stall) => {
            let stall = stall.get();
            let vi = format!("Sạp số {stall} không thuộc chợ này.");
            (ErrorKind::NotFound, "not_found", vi, format!("Stall number {stall} is not of this market."))
        }
        RuleBroken::MoreThanLeft { asked, left, .. } => {
            let vi = format!("Số tiền {} lớn hơn phần còn lại {}.", asked.with_unit(), left.with_unit());
            let en = format!("{asked} đồng is more than the {left} đồng left.");
            (ErrorKind::Invalid, "more_than_left", vi, en)
        }
        RuleBroken::AlreadyRefunded { line, by } => already_refunded(*line, &name(by)),
        RuleBroken::NoSuchItem(item) => {
            let vi = format!("Không có mục {item} đang chờ xử lý.");
            (ErrorKind::NotFound, "not_found", vi, format!("There is no held item {item}."))
        }
        RuleBroken::AlreadyResolved(item) => {
            let vi = format!("Mục {item} đã được xử lý.");
            (ErrorKind::Conflict, "already_resolved", vi, format!("Item {item} was resolved already."))
        }
        RuleBroken::NeverBooked(why) => {
            let vi = format!("Mục bị giữ vì {why:?} không bao giờ được ghi sổ; chỉ có thể bỏ qua.");
            (ErrorKind::Conflict, "never_booked", vi, format!("An item held for {why:?} is never booked; dismiss it."))
        }
        RuleBroken::NotListed(tail) => {
            let vi = format!("Tài khoản …{tail} chưa đăng ký ở chợ này.");
            (
                ErrorKind::Conflict,
                "account_not_listed",
                vi,
                format!("Account …{tail} is not registered in this market."),
            )
        }
    };
    AppError::new(kind, code, Message::new(vi, en))
}

fn already_refunded(line: i64, by: &str) -> (ErrorKind, &'static str, String, String) {
    let vi = format!("Dòng sao kê số {line} đã được ghi hoàn tiền bởi bút toán {by}.");
    (ErrorKind::Conflict, "already_refunded", vi, format!("Line number {line} is recorded as a refund by {by}."))
}

/// Returns the part of a payment that a person names, when a payment can have such a part.
fn part(amount: Dong) -> Result<Dong, AppError> {
    amount.settlement().map_err(|error| AppError::field("amount", "amount_out_of_range", no_amount(&error)))
}

/// Checks that a debit line can be the refund of a settlement.
fn pairs(debit: &BankLine, settlement: &Posting) -> Result<(), AppError> {
    let refuse = |code, vi: String, en: String| Err(AppError::new(ErrorKind::Conflict, code, Message::new(vi, en)));
    let line = debit.number;
    if debit.direction != Direction::Debit {
        return refuse(
            "not_a_debit",
            format!("Dòng sao kê số {line} là tiền vào."),
            format!("Line number {line} is money in."),
        );
    }
    if settlement.transfer.debit != LedgerAccount::Bank(debit.settled.clone()) {
        let vi = format!("Dòng sao kê số {line} thuộc tài khoản khác với khoản tiền vào.");
        return refuse("other_account", vi, format!("Line number {line} is of another account than the payment."));
    }
    if debit.booked_on < settlement.event_date {
        let vi = format!("Dòng sao kê số {line} có trước khoản tiền vào.");
        return refuse("refund_before_payment", vi, format!("Line number {line} is earlier than the payment."));
    }
    Ok(())
}

impl App {
    /// Reverses a posting in full.
    ///
    /// # Errors
    /// As [`App::correct`].
    pub async fn reverse(&self, posting: &PostingName, actor: &str, reason: &str) -> Result<PostingName, AppError> {
        self.correct(posting, actor, reason, |posting| CorrectionAction::Reverse { posting }).await
    }

    /// Moves a settlement out of suspense to its stall.
    ///
    /// # Errors
    /// As [`App::correct`]; `not_found` for the stall.
    pub async fn assign(
        &self,
        posting: &PostingName,
        actor: &str,
        reason: &str,
        stall: &str,
    ) -> Result<PostingName, AppError> {
        let stalls = self.stalls(&posting.market, None).await?;
        let stall = super::journal::find_stall(&stalls, stall)?.number;
        self.correct(posting, actor, reason, |posting| CorrectionAction::Assign { posting, stall }).await
    }

    /// Records that part of a payment was handed back in cash.
    ///
    /// # Errors
    /// As [`App::correct`].
    pub async fn cash_change(
        &self,
        posting: &PostingName,
        actor: &str,
        reason: &str,
        amount: Dong,
    ) -> Result<PostingName, AppError> {
        let amount = part(amount)?;
        self.correct(posting, actor, reason, |posting| CorrectionAction::CashChange { posting, amount }).await
    }

    /// Records that a vendor gave money back in her own bank's app: the debit line of a statement that
    /// says so, and the earlier credit of the same account that it undoes.
    ///
    /// # Errors
    /// As [`App::correct`]; `not_found` for the line, `not_a_debit`, `other_account`,
    /// `refund_before_payment`, `already_refunded`, `more_than_left`.
    pub async fn refund(
        &self,
        posting: &PostingName,
        actor: &str,
        reason: &str,
        line: i64,
    ) -> Result<PostingName, AppError> {
        let market = self.market(&posting.market).await?;
        let mut transaction = self.store.begin_read().await?;
        let debit = statement_lines::find(&mut transaction, market.id, line).await?;
        let named = postings::find(&mut transaction, market.id, posting.seq).await?;
        let settlement = match named {
            Some(Posting { kind: PostingKind::Assign, concerns: Some(settlement), .. }) => {
                postings::find(&mut transaction, market.id, settlement).await?
            }
            other => other,
        };
        transaction.rollback().await?;
        let debit = debit.ok_or_else(|| {
            let (vi, en) = (format!("Không có dòng sao kê số {line}."), format!("There is no line number {line}."));
            AppError::not_found(Message::new(vi, en))
        })?;
        let settlement = settlement.ok_or_else(|| refused(&RuleBroken::NoSuchPosting(posting.seq)))?;
        pairs(&debit, &settlement)?;
        let amount = debit.amount;
        self.correct(posting, actor, reason, |posting| CorrectionAction::Refund { posting, line, amount }).await
    }

    /// Records that part of a payment was not a sale.
    ///
    /// # Errors
    /// As [`App::correct`].
    pub async fn exclude(
        &self,
        posting: &PostingName,
        actor: &str,
        reason: &str,
        amount: Dong,
    ) -> Result<PostingName, AppError> {
        let amount = part(amount)?;
        self.correct(posting, actor, reason, |posting| CorrectionAction::Exclude { posting, amount }).await
    }
}
