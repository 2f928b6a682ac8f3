//! Decisions about held items, and offering what waits once its account is listed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::App;
use super::book_missing::allowance;
use super::correct::{checked_reason, refused};
use super::error::{AppError, ErrorKind, Message};
use super::note::Note;
use super::receive_settlement::ItemAnswer;
use super::reconcile::Scope;
use crate::bank::{self, Request};
use crate::domain::account::{AccountNumber, BankAccount};
use crate::domain::audit::Action;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{DeliveryId, ItemName, MarketId, SourceId};
use crate::domain::inbox::{Outcome, reason};
use crate::domain::settlement::{EventTime, Settlement};
use crate::ledger::facts::HeldItem;
use crate::ledger::routing::{self, Allowance, Routed};
use crate::ledger::work::{Compared, Content, Decision, Done, IncomingItem, Resolution, Work};
use crate::store::routing::{Directory, Sender};
use crate::store::{held, waiting};

/// Who acts when the program offers waiting items by itself.
const PROGRAM: &str = "socho";

/// What a person decides about a held item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveAction {
    /// It is money of its own: book it.
    Book,
    /// Judge it again by the normal path: its account has been listed, or its time was stale. What is held
    /// because of its identity is for a person to book or to dismiss: no rule can say more than it did.
    JudgeAgain,
    /// Close it without a posting.
    Dismiss,
}

/// What can be done with a held item, besides dismissing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choices {
    /// A person may say that it is money of its own.
    pub book: bool,
    /// The normal path may judge it again.
    pub judge_again: bool,
}

impl Choices {
    /// Returns the choices that why it is held leaves.
    #[must_use]
    pub fn of(outcome: Outcome, why: &str) -> Self {
        let by_identity = [reason::POSSIBLE_DUPLICATE, reason::REUSED_REFERENCE].contains(&why);
        let quarantined = outcome == Outcome::Quarantined;
        Self {
            book: quarantined && by_identity,
            judge_again: outcome == Outcome::Stale || (quarantined && !by_identity && why != reason::CONFLICT),
        }
    }
}

impl App {
    /// Resolves a held item. The audit log tells of it right after: the market's writer has a
    /// transaction of its own.
    ///
    /// # Errors
    /// `not_found`, `already_resolved`, `never_booked`, `person_decides`, `account_not_listed`, `reason_missing`.
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
        match action {
            ResolveAction::Dismiss => self.decide(&directory, item, Decision::Dismiss, actor, reason).await,
            ResolveAction::Book => match self.routed(&directory, item.market, &held).map(|routed| routed.account) {
                Some(Ok(account)) => self.decide(&directory, item, Decision::Book { account }, actor, reason).await,
                _ => Err(not_listed()),
            },
            ResolveAction::JudgeAgain => self.judge_again(&directory, item, &held, raw, actor).await,
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

    /// Routes a held item as its source may report now.
    fn routed(&self, directory: &Directory, market: MarketId, held: &HeldItem) -> Option<Routed> {
        let settlement = held.settlement.as_ref()?;
        let allowance = allowance_of(directory, market, held.source)?;
        Some(routing::route(settlement, &allowance, &directory.routes, self.clock.now()))
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
        item: ItemName,
        held: &HeldItem,
        raw: Option<Vec<u8>>,
        actor: &str,
    ) -> Result<Vec<ItemAnswer>, AppError> {
        if held.resolved {
            return Err(refused(&crate::ledger::work::RuleBroken::AlreadyResolved(item.item)));
        }
        let Some(settlement) = held.settlement.clone().filter(|_| held.outcome == Outcome::Quarantined) else {
            let sender = directory.senders.values().find(|sender| sender.allowance.source == held.source);
            return self.judge_body(directory, sender.ok_or_else(not_listed)?, item, held, raw, actor).await;
        };
        match held.reason.as_deref() {
            Some(reason::CONFLICT) => {
                return Err(refused(&crate::ledger::work::RuleBroken::NeverBooked(reason::CONFLICT.to_owned())));
            }
            // It holds its own event: judged again it would be a duplicate of itself, and gone.
            Some(reason::POSSIBLE_DUPLICATE | reason::REUSED_REFERENCE) => return Err(for_a_person()),
            _ => {}
        }
        let routed = self.routed(directory, item.market, held).filter(|routed| routed.account.is_ok());
        let routed = routed.ok_or_else(not_listed)?;
        let market = routed.market;
        let again = IncomingItem {
            part: 1,
            compared: self.compared_again(directory, market, held, &settlement).await?,
            content: Content::Credit { settlement, routed },
            salt: self.ids.salt()?,
            raw: None,
            resolves: (market == item.market).then_some(item.item),
            actor: Some(actor.to_owned()),
        };
        let delivery = DeliveryId(self.ids.uuid()?);
        let judged = self.deliver(held.source, directory, delivery, market, vec![again]).await?;
        let judged =
            judged.ok_or_else(|| AppError::from(crate::store::error::StoreError::Contended { attempts: 1 }))?;
        if market != item.market {
            let why = reason::JUDGED_ELSEWHERE.to_owned();
            self.decide(directory, item, Decision::Dismiss, actor, why).await?;
        }
        Ok(judged)
    }

    /// A statement's line is compared with the book as it is now, as when it was first booked; a
    /// source's report is not.
    async fn compared_again(
        &self,
        directory: &Directory,
        market: MarketId,
        held: &HeldItem,
        settlement: &Settlement,
    ) -> Result<Option<Compared>, AppError> {
        let date = match settlement.event_time {
            EventTime::At(at) => BusinessDate::of_calendar(at),
            EventTime::On(date) => date,
            EventTime::Missing => return Ok(None),
        };
        match directory.markets.get(&market).filter(|_| held.source == SourceId::STATEMENT) {
            Some(code) => Ok(Some(self.reconcile(code, Scope::Date(date)).await?.compared())),
            None => Ok(None),
        }
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
        let senders = directory.senders.values().map(|sender| sender.allowance.market);
        // What a statement told of waits in the market of the statement, which may have no source of its own.
        let routes = numbers.iter().filter_map(|number| directory.routes.get(number)).flatten();
        let homes: BTreeSet<MarketId> =
            senders.chain(routes.map(|route| route.market)).chain([MarketId::INSTALLATION]).collect();
        for market in homes {
            for item in waiting::for_accounts(&self.store, market, numbers).await? {
                let name = ItemName { market, item, recorded_at_ms: 0 };
                let (held, raw) = self.held(name).await?;
                let listed = self.routed(&directory, market, &held).is_some_and(|routed| routed.account.is_ok());
                if listed && !held.resolved {
                    self.judge_again(&directory, name, &held, raw, PROGRAM).await?;
                }
            }
        }
        Ok(())
    }
}

/// Returns what a source may report now; of a statement's lines any receiving account of their market.
fn allowance_of(directory: &Directory, market: MarketId, source: SourceId) -> Option<Allowance> {
    if source == SourceId::STATEMENT {
        return Some(allowance(market));
    }
    let sender = directory.senders.values().find(|sender| sender.allowance.source == source)?;
    Some(sender.allowance.clone())
}

fn for_a_person() -> AppError {
    let message = Message::new(
        "Khoản này có thể trùng với khoản đã ghi: chỉ người xem mới quyết được. Hãy chọn ghi sổ hoặc bỏ qua.",
        "This may be money that is booked already: judging again cannot tell. Book it or dismiss it.",
    );
    AppError::new(ErrorKind::Conflict, "person_decides", message)
}

fn not_listed() -> AppError {
    let message = Message::new(
        "Tài khoản chưa được đăng ký, hoặc nguồn chưa được phép báo tài khoản này.",
        "The account is not registered, or the source may not report it.",
    );
    AppError::new(ErrorKind::Conflict, "account_not_listed", message)
}
