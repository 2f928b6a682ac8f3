//! Lists and details narrowed to what an actor may see: what pages and API show.

use serde_json::Value;

use super::App;
use super::access::Actor;
use super::error::{AppError, ErrorKind, Message};
use super::journal::Page;
use super::listen::{Listen, Listener};
use super::manage_sources::SourceShown;
use super::note::Note;
use crate::domain::audit::Action;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::MarketOverview;
use crate::domain::ids::{MarketCode, PostingName};
use crate::domain::inbox::Outcome;
use crate::domain::registration::Market;
use crate::ledger::seal::proof::Proof;
use crate::store::postings;

impl App {
    /// Returns the markets in an actor's scope, by code.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn markets_for(&self, actor: &Actor) -> Result<Vec<Market>, AppError> {
        let mut markets = self.markets().await?;
        markets.retain(|market| actor.market().is_none_or(|own| *own == market.code));
        Ok(markets)
    }

    /// Returns the running day of each market in an actor's scope.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn overview_for(&self, actor: &Actor) -> Result<Vec<MarketOverview>, AppError> {
        let mut markets = self.overview(None).await?;
        markets.retain(|market| actor.market().is_none_or(|own| *own == market.code));
        Ok(markets)
    }

    /// Returns the sources that report for an actor's scope: those bound to the one market, or all.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn sources_for(&self, actor: &Actor) -> Result<Vec<SourceShown>, AppError> {
        let mut sources = self.sources().await?;
        sources.retain(|source| actor.market().is_none_or(|own| source.market.as_ref() == Some(own)));
        Ok(sources)
    }

    /// Returns held items of the markets in an actor's scope, as [`App::held_items_after`] does.
    ///
    /// # Errors
    /// The same; `forbidden` for another market than the actor's own.
    pub async fn held_items_for(
        &self,
        actor: &Actor,
        outcome: Outcome,
        market: Option<&MarketCode>,
        after: Option<&str>,
        limit: Option<i64>,
    ) -> Result<Page, AppError> {
        let market = match (actor.market(), market) {
            (None, wanted) => wanted,
            (Some(own), Some(wanted)) if own != wanted => {
                let message = Message::new(
                    format!("{} chỉ làm việc được với chợ {own}.", actor.name()),
                    format!("{} works with market {own} alone.", actor.name()),
                );
                return Err(AppError::new(ErrorKind::Forbidden, "forbidden", message));
            }
            (Some(own), _) => Some(own),
        };
        self.held_items_after(outcome, market, after, limit).await
    }

    /// Returns a posting, to a phone only if it concerns its stall.
    ///
    /// # Errors
    /// `not_found`, for another stall's posting too: which numbers there are is no phone's business.
    pub async fn posting_for(&self, actor: &Actor, name: &PostingName) -> Result<Value, AppError> {
        self.of_own_stall(actor, name).await?;
        let posting = self.posting(name).await?;
        self.note_posting(actor, name).await?;
        Ok(posting)
    }

    /// Returns a posting's proof, to a phone only if it concerns its stall.
    ///
    /// # Errors
    /// As [`App::prove`], and `not_found` for another stall's posting.
    pub async fn prove_for(&self, actor: &Actor, name: &PostingName) -> Result<Proof, AppError> {
        self.of_own_stall(actor, name).await?;
        let proof = self.prove(name).await?;
        self.note_posting(actor, name).await?;
        Ok(proof)
    }

    /// Returns postings as [`App::postings`] does, to a phone those of its stall.
    ///
    /// # Errors
    /// The same.
    pub async fn postings_for(
        &self,
        actor: &Actor,
        market: &MarketCode,
        (date, stall): (Option<BusinessDate>, Option<&str>),
        (after, limit): (Option<&str>, Option<i64>),
    ) -> Result<Page, AppError> {
        let stall = actor.stall().map_or(stall, |own| Some(own.code.as_str()));
        let page = self.postings(market, date, stall, after, limit).await?;
        if actor.stall().is_some() {
            return Ok(page);
        }
        let id = self.market(market).await?.id;
        let view = match stall {
            Some(typed) => {
                let stalls = self.stalls(market, None).await?;
                let found = super::journal::find_stall(&stalls, typed)?;
                Note::of(Action::PostingsViewed, &found.code).at_stall(found.number)
            }
            None => Note::of(Action::JournalViewed, market),
        };
        self.note_view(actor, id, view).await?;
        Ok(page)
    }

    /// Listens as [`App::listen`] does; the board's listening at one stall is written down. `stall` is
    /// the stall's code.
    ///
    /// # Errors
    /// The same.
    pub async fn listen_for(&self, actor: &Actor, wanted: Listen<'_>, stall: &str) -> Result<Listener, AppError> {
        if let Some(number) = wanted.stall {
            let id = self.market(wanted.market).await?.id;
            self.note_view(actor, id, Note::of(Action::StreamHeard, stall).at_stall(number)).await?;
        }
        self.listen_by(actor.via, wanted).await
    }

    /// Writes down that somebody looked at one posting.
    async fn note_posting(&self, actor: &Actor, name: &PostingName) -> Result<(), AppError> {
        if actor.stall().is_some() {
            return Ok(());
        }
        let market = self.market(&name.market).await?.id;
        let mut transaction = self.store.begin_read().await?;
        let found = postings::find(&mut transaction, market, name.seq).await?;
        transaction.rollback().await?;
        let stall = found.and_then(|posting| posting.stall);
        self.note_view(actor, market, Note::of(Action::PostingViewed, name).at_stall(stall)).await
    }

    async fn of_own_stall(&self, actor: &Actor, name: &PostingName) -> Result<(), AppError> {
        let Some(own) = actor.stall() else { return Ok(()) };
        let mut transaction = self.store.begin_read().await?;
        let found = postings::find(&mut transaction, own.market_id, name.seq).await?;
        transaction.rollback().await?;
        if own.market == name.market && found.is_some_and(|posting| posting.stall == Some(own.stall)) {
            return Ok(());
        }
        let (vi, en) = (format!("Không có bút toán {name}."), format!("There is no posting {name}."));
        Err(AppError::not_found(Message::new(vi, en)))
    }
}
