//! Decisions about held items, and offering what waits once its account is listed.

use std::sync::Arc;

use super::App;
use super::book_missing::allowance;
use super::correct::{checked_reason, refused};
use super::error::{AppError, ErrorKind, Message};
use super::note::Note;
use super::receive_settlement::ItemAnswer;
use crate::bank::{self, Request};
use crate::domain::account::{AccountNumber, BankAccount};
use crate::domain::audit::Action;
use crate::domain::ids::{DeliveryId, ItemName, MarketId, SourceId};
use crate::domain::inbox::{Outcome, reason};
use crate::ledger::facts::HeldItem;
use crate::ledger::routing::{self, Allowance, Routed};
use crate::ledger::work::{Content, Decision, Done, IncomingItem, Resolution, Work};
use crate::store::routing::{Directory, Sender};
use crate::store::{held, waiting};

/// Who acts when the program offers waiting items by itself.
const PROGRAM: &str = "socho";

/// What a person decides about a held item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveAction {
    /// It is money of its own: book it.
    Book,
    /// Judge it again by the normal path: its account has been listed, or its time was stale.
    JudgeAgain,
    /// Close it without a posting.
    Dismiss,
}

impl App {
    /// Resolves a held item. The audit log tells of it right after: the market's writer has a
    /// transaction of its own.
    ///
    /// # Errors
    /// `not_found`, `already_resolved`, `never_booked`, `reason_missing`.
    pub async fn resolve(
        &self,
        item: ItemName,
        actor: &str,
        why: &str,
        action: ResolveAction,
    ) -> Result<Vec<ItemAnswer>, AppError> {
        let reason = checked_reason(why)?;
        let done = match action {
            ResolveAction::Book => Action::ItemBooked,
            ResolveAction::JudgeAgain => Action::ItemJudgedAgain,
            ResolveAction::Dismiss => Action::ItemDismissed,
        };
        let note = Note::of(done, item).named(actor).because(&reason);
        let answers = self.resolve_item(item, actor, reason, action).await?;
        let outcomes: Vec<&str> = answers.iter().map(|answer| answer.outcome.as_str()).collect();
        let note = note.after(serde_json::json!({ "outcomes": outcomes }));
        self.note_done(item.market, note).await;
        Ok(answers)
    }

    async fn resolve_item(
        &self,
        item: ItemName,
        actor: &str,
        reason: String,
        action: ResolveAction,
    ) -> Result<Vec<ItemAnswer>, AppError> {
        let directory = self.directory.refresh(&self.store).await?;
        let (held, raw) = self.held(item).await?;
        let sender = directory.senders.values().find(|sender| sender.allowance.source == held.source).cloned();
        match action {
            ResolveAction::Dismiss => self.decide(&directory, item, Decision::Dismiss, actor, reason).await,
            ResolveAction::Book => {
                // What a statement told of has no sender: any receiving account of the market may be meant.
                let allowance = match sender.as_deref() {
                    Some(sender) => Some(sender.allowance.clone()),
                    None => (held.source == SourceId::STATEMENT).then(|| allowance(item.market)),
                };
                let routed = allowance.and_then(|allowance| self.routed(&directory, &allowance, &held));
                match routed.map(|routed| routed.account) {
                    Some(Ok(account)) => self.decide(&directory, item, Decision::Book { account }, actor, reason).await,
                    _ => Err(not_listed()),
                }
            }
            ResolveAction::JudgeAgain => {
                let sender = sender.ok_or_else(not_listed)?;
                self.judge_again(&directory, &sender, item, &held, raw, actor).await
            }
        }
    }

    async fn held(&self, item: ItemName) -> Result<(HeldItem, Option<Vec<u8>>), AppError> {
        let mut transaction = self.store.begin_read().await?;
        let held = held::find(&mut transaction, item.market, item.item).await?;
        let raw = held::raw(&mut transaction, item.market, item.item).await?;
        transaction.rollback().await?;
        match held {
            Some(held) => Ok((held, raw)),
            None => Err(refused(&crate::ledger::work::RuleBroken::NoSuchItem(item.item))),
        }
    }

    fn routed(&self, directory: &Directory, allowance: &Allowance, held: &HeldItem) -> Option<Routed> {
        let settlement = held.settlement.as_ref()?;
        Some(routing::route(settlement, allowance, &directory.routes, self.clock.now()))
    }

    async fn decide(
        &self,
        directory: &Directory,
        item: ItemName,
        decision: Decision,
        actor: &str,
        reason: String,
    ) -> Result<Vec<ItemAnswer>, AppError> {
        let resolution = Resolution {
            item: item.item,
            actor: actor.to_owned(),
            reason,
            decision,
            salt: self.ids.salt()?,
            delivery: DeliveryId(self.ids.uuid()?),
        };
        match self.writer.submit(item.market, vec![Work::Resolve(resolution)]).await?.pop() {
            Some(Done::Judged(judged)) => {
                Ok(judged.iter().map(|judged| self.answer_item(directory, item.market, judged)).collect())
            }
            Some(Done::Refused(rule)) => Err(refused(&rule)),
            Some(Done::Posted(_) | Done::RouteAgain) | None => Err(AppError::internal("a decision without an outcome")),
        }
    }

    /// Judges a held item by the normal path. In its own market the new row settles the old one in
    /// the same transaction; elsewhere the money is booked first and the old row closed after: a
    /// crash between the two is answered by identity when it is offered again.
    async fn judge_again(
        &self,
        directory: &Arc<Directory>,
        sender: &Arc<Sender>,
        item: ItemName,
        held: &HeldItem,
        raw: Option<Vec<u8>>,
        actor: &str,
    ) -> Result<Vec<ItemAnswer>, AppError> {
        if held.resolved {
            return Err(refused(&crate::ledger::work::RuleBroken::AlreadyResolved(item.item)));
        }
        let Some(settlement) = held.settlement.clone().filter(|_| held.outcome == Outcome::Quarantined) else {
            return self.judge_body(directory, sender, item, held, raw, actor).await;
        };
        if held.reason.as_deref() == Some(reason::CONFLICT) {
            return Err(refused(&crate::ledger::work::RuleBroken::NeverBooked(reason::CONFLICT.to_owned())));
        }
        let routed = routing::route(&settlement, &sender.allowance, &directory.routes, self.clock.now());
        if routed.account.is_err() {
            return Err(not_listed());
        }
        let market = routed.market;
        let again = IncomingItem {
            part: 1,
            content: Content::Credit { settlement, routed },
            salt: self.ids.salt()?,
            raw: None,
            resolves: (market == item.market).then_some(item.item),
            actor: Some(actor.to_owned()),
            compared: None,
        };
        let delivery = DeliveryId(self.ids.uuid()?);
        let judged = self.deliver(sender, directory, delivery, market, vec![again]).await?;
        let judged =
            judged.ok_or_else(|| AppError::from(crate::store::error::StoreError::Contended { attempts: 1 }))?;
        if market != item.market {
            let why = reason::JUDGED_ELSEWHERE.to_owned();
            self.decide(directory, item, Decision::Dismiss, actor, why).await?;
        }
        Ok(judged)
    }

    /// Judges a body that was kept whole because its signed time was off.
    async fn judge_body(
        &self,
        directory: &Arc<Directory>,
        sender: &Arc<Sender>,
        item: ItemName,
        held: &HeldItem,
        raw: Option<Vec<u8>>,
        actor: &str,
    ) -> Result<Vec<ItemAnswer>, AppError> {
        let body = raw.filter(|_| held.outcome == Outcome::Stale);
        let body =
            body.ok_or_else(|| refused(&crate::ledger::work::RuleBroken::NeverBooked(held.outcome.to_string())))?;
        let headers = Vec::new();
        let request = Request { sub_path: "", headers: &headers, body: &body };
        let items = bank::read(sender.dialect, sender.local_as_utc, &request).map_err(|refusal| {
            let why = super::manage_sources::refusal_text(&refusal);
            let message = Message::new(format!("Không đọc được: {why}."), format!("Cannot be read: {why}."));
            AppError::new(ErrorKind::Invalid, "validation_failed", message)
        })?;
        let judged = self.judge_items(sender, Arc::clone(directory), items, body).await?;
        self.decide(directory, item, Decision::Dismiss, actor, "judged again".to_owned()).await?;
        Ok(judged)
    }

    /// Offers what waits for accounts that have just been listed, each with its own event time.
    pub(crate) async fn offer_waiting(&self, accounts: &[BankAccount]) -> Result<(), AppError> {
        let numbers: Vec<AccountNumber> = accounts.iter().map(|account| account.number.clone()).collect();
        self.offer_waiting_numbers(&numbers).await
    }

    /// As [`App::offer_waiting`], by account number.
    pub(crate) async fn offer_waiting_numbers(&self, numbers: &[AccountNumber]) -> Result<(), AppError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let directory = self.directory.refresh(&self.store).await?;
        let mut homes: Vec<MarketId> = directory.senders.values().map(|sender| sender.allowance.market).collect();
        homes.push(MarketId::INSTALLATION);
        homes.sort_unstable();
        homes.dedup();
        for market in homes {
            for item in waiting::for_accounts(&self.store, market, numbers).await? {
                let name = ItemName { market, item, recorded_at_ms: 0 };
                let (held, raw) = self.held(name).await?;
                let sender = directory.senders.values().find(|sender| sender.allowance.source == held.source);
                let Some(sender) = sender else { continue };
                let listed =
                    self.routed(&directory, &sender.allowance, &held).is_some_and(|routed| routed.account.is_ok());
                if listed && !held.resolved {
                    self.judge_again(&directory, sender, name, &held, raw, PROGRAM).await?;
                }
            }
        }
        Ok(())
    }
}

fn not_listed() -> AppError {
    let message = Message::new(
        "Tài khoản chưa được đăng ký, hoặc nguồn chưa được phép báo tài khoản này.",
        "The account is not registered, or the source may not report it.",
    );
    AppError::new(ErrorKind::Conflict, "account_not_listed", message)
}
