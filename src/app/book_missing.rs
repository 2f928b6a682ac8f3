//! Booking what only the bank's statement tells of: each missing line becomes a settlement of the
//! source `bank-statement` and goes the way of every settlement, through the market's writer and
//! `ledger::judge`. So nothing is booked twice, whoever reports it before, meanwhile or after; a run
//! that was cut short goes on where it stopped.

use std::collections::BTreeSet;

use super::App;
use super::error::AppError;
use super::note::Note;
use super::receive_settlement::ItemAnswer;
use super::reconcile::{Reconciliation, Scope};
use crate::domain::account::AccountNumber;
use crate::domain::audit::Action;
use crate::domain::daily_report::Figure;
use crate::domain::ids::{DeliveryId, MarketCode, MarketId, SourceId};
use crate::domain::inbox::Outcome;
use crate::domain::reconciliation::BankLine;
use crate::domain::settlement::{Direction, EventId, EventTime, Settlement};
use crate::ledger::routing::{self, Allowance};
use crate::ledger::work::{Compared, Content, Done, Incoming, IncomingItem, Work};
use crate::store::error::StoreError;
use crate::store::routing::Directory;
use crate::store::statement_lines;

/// Lines that are booked in one commit.
const TOGETHER: usize = 256;
/// How often lines are routed again because the reference tables moved meanwhile.
const ROUTE_ATTEMPTS: u32 = 5;

/// What became of one missing line.
#[derive(Debug, Clone)]
pub struct Booked {
    /// The line.
    pub line: BankLine,
    /// What became of it; none in a dry run.
    pub answer: Option<ItemAnswer>,
}

/// Lines that an answer lists; the figure counts all of them.
pub const LISTED_MAX: usize = 1_000;

/// What booking did.
#[derive(Debug, Clone)]
pub struct Booking {
    /// The first missing lines, at most [`LISTED_MAX`], in their order.
    pub lines: Vec<Booked>,
    /// How many there were.
    pub total: usize,
    /// How many lines were booked and what they come to; of a dry run, what would be.
    pub booked: Figure,
    /// Bank and book afterwards.
    pub after: Reconciliation,
}

/// What statements may report in a market: every account it receives money on.
pub(crate) fn allowance(market: MarketId) -> Allowance {
    Allowance { source: SourceId::STATEMENT, market, every_account: true, accounts: BTreeSet::new() }
}

impl App {
    /// Books the missing lines of a scope, or only tells which they are. The audit log tells of it right
    /// after: the market's writer has transactions of its own.
    ///
    /// # Errors
    /// As [`App::reconcile`]; when the book cannot be written now, what was booked before stands and
    /// another run goes on.
    pub async fn book_missing(
        &self,
        market: &MarketCode,
        scope: Scope,
        actor: &str,
        dry_run: bool,
    ) -> Result<Booking, AppError> {
        let before = self.reconcile(market, scope.clone()).await?;
        let (id, total) = (before.market.id, before.missing.len());
        if dry_run {
            let first = before.missing.get(..LISTED_MAX.min(total)).unwrap_or_default();
            let lines = self.lines_of(id, first).await?.into_iter().map(|line| Booked { line, answer: None }).collect();
            return Ok(Booking { lines, total, booked: before.bookable, after: before });
        }
        let compared = before.compared();
        let (mut lines, mut booked) = (Vec::new(), Figure::default());
        for part in before.missing.chunks(TOGETHER) {
            let part = self.lines_of(id, part).await?;
            let answers = self.book_lines(id, &part, &compared, actor).await?;
            for (line, answer) in part.into_iter().zip(answers) {
                if matches!(answer.outcome, Outcome::Recorded | Outcome::Suspense) {
                    booked.count = booked.count.saturating_add(1);
                    booked.amount = booked.amount.checked_add(line.amount).unwrap_or(booked.amount);
                }
                if lines.len() < LISTED_MAX {
                    lines.push(Booked { line, answer: Some(answer) });
                }
            }
        }
        if total > 0 {
            let object = match &scope {
                Scope::Date(date) => date.to_string(),
                Scope::Statement(id, _) => id.to_string(),
            };
            let said = serde_json::json!({ "lines": total });
            let note = Note::of(Action::StatementBooked, object).named(actor).after(said);
            self.note_done(id, note).await;
        }
        Ok(Booking { lines, total, booked, after: self.reconcile(market, scope).await? })
    }

    async fn lines_of(&self, market: MarketId, numbers: &[i64]) -> Result<Vec<BankLine>, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let lines = statement_lines::of_numbers(&mut transaction, market, numbers).await?;
        transaction.rollback().await?;
        Ok(lines)
    }

    async fn book_lines(
        &self,
        market: MarketId,
        lines: &[BankLine],
        compared: &Compared,
        actor: &str,
    ) -> Result<Vec<ItemAnswer>, AppError> {
        let delivery = DeliveryId(self.ids.uuid()?);
        for _ in 0..ROUTE_ATTEMPTS {
            let directory = self.directory.refresh(&self.store).await?;
            let mut items = Vec::with_capacity(lines.len());
            for (part, line) in (1_i64..).zip(lines) {
                let content = self.content(&directory, market, line)?;
                let (salt, actor) = (self.ids.salt()?, Some(actor.to_owned()));
                let compared = Some(compared.clone());
                items.push(IncomingItem { part, content, salt, raw: None, resolves: None, actor, compared });
            }
            let source = SourceId::STATEMENT;
            let work = Work::Deliver(Incoming { delivery, source, reference_version: directory.version, items });
            match self.writer.submit(market, vec![work]).await?.pop() {
                Some(Done::Judged(judged)) => {
                    return Ok(judged.iter().map(|item| self.answer_item(&directory, market, item)).collect());
                }
                Some(Done::RouteAgain) => {}
                Some(Done::Refused(rule)) => return Err(super::correct::refused(&rule)),
                Some(Done::Posted(_)) | None => return Err(AppError::internal("a line without an outcome")),
            }
        }
        Err(StoreError::Contended { attempts: ROUTE_ATTEMPTS }.into())
    }

    fn content(&self, directory: &Directory, market: MarketId, line: &BankLine) -> Result<Content, AppError> {
        let (number, bin) = match line.settled.as_str().split_once('@') {
            Some((number, bin)) => (number, Some(bin.into())),
            None => (line.settled.as_str(), None),
        };
        let settlement = Settlement {
            event_id: EventId::Given(line.event_id().into()),
            direction: Direction::Credit,
            amount: line.amount,
            settled: number.parse::<AccountNumber>().map_err(AppError::internal)?,
            addressed: None,
            bank_hint: bin,
            reference: line.reference.clone(),
            event_time: line.booked_at.map_or(EventTime::On(line.booked_on), EventTime::At),
            memo: line.whole_memo(),
            payer: line.counterparty.clone(),
        };
        let routed = routing::route(&settlement, &allowance(market), &directory.routes, self.now());
        Ok(Content::Credit { settlement, routed })
    }
}
