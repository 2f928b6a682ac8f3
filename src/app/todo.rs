//! What waits for a person of a market's board: money without a stall, with suggestions, and held items;
//! and how two people decide about a large sum.

use jiff::Timestamp;

use super::App;
use super::access::{Actor, Role};
use super::correct::checked_reason;
use super::error::{AppError, ErrorKind, Message};
use super::journal::find_stall;
use super::note::Note;
use super::resolve::Choices;
use crate::domain::audit::Action;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{ItemName, MarketCode, PostingName};
use crate::domain::inbox::Outcome;
use crate::domain::money::Dong;
use crate::ledger::suggest::{Clue, Suggestion, suggest};
use crate::store::postings;
use crate::store::todo::{self, Proposal};

/// How far back money without a stall is listed, in days.
const DAYS: i64 = 90;
/// Most held items on one list.
const HELD_MAX: i64 = 200;
/// Above so many đồng a sum is given to a stall by two people.
const TWO_PEOPLE_ABOVE_DONG: i64 = 2_000_000;

/// Returns the sum above which two people decide.
#[must_use]
pub fn two_people_above() -> Dong {
    Dong::new(TWO_PEOPLE_ABOVE_DONG)
}
/// A settlement whose stall is not known.
#[derive(Debug, Clone)]
pub struct WaitingMoney {
    /// Its name in the journal.
    pub posting: PostingName,
    /// How much.
    pub amount: Dong,
    /// When it arrived, when that is known to the second.
    pub event_at: Option<Timestamp>,
    /// The book day.
    pub business_date: BusinessDate,
    /// The transfer's text as the actor may read it.
    pub memo: String,
    /// Stalls it was perhaps meant for, the surest first: code and reason.
    pub suggestions: Vec<(String, Message)>,
    /// Whether two people decide.
    pub needs_two: bool,
    /// What somebody proposed: stall, reason, who, when.
    pub proposed: Option<Proposed>,
}

/// What somebody proposed.
#[derive(Debug, Clone)]
pub struct Proposed {
    /// The stall.
    pub stall: String,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// An item that was not booked and waits for a decision.
#[derive(Debug, Clone)]
pub struct HeldMoney {
    /// Its name.
    pub item: String,
    /// What it is: quarantined, stale, rejected.
    pub outcome: Outcome,
    /// Why it is held.
    pub reason: String,
    /// How much, when that could be read.
    pub amount: Option<Dong>,
    /// The account's last four characters, when one could be read.
    pub account_tail: String,
    /// Who reported it.
    pub source: String,
    /// When it came.
    pub recorded_at: Timestamp,
    /// What can be done with it.
    pub choices: Choices,
}

/// What waits for a market's board.
#[derive(Debug, Clone)]
pub struct Todo {
    /// Money without a stall.
    pub waiting: Vec<WaitingMoney>,
    /// Items held.
    pub held: Vec<HeldMoney>,
}

/// What became of an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assigned {
    /// It was posted.
    Posted(PostingName),
    /// It waits for a second person.
    Proposed,
}

impl App {
    /// Returns what waits for the board of a market.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn todo(&self, code: &MarketCode, actor: &Actor) -> Result<Todo, AppError> {
        let market = self.market(code).await?;
        let stalls = self.stalls(code, None).await?;
        let since = self.today().plus_days(-DAYS);
        let mut transaction = self.store.begin_read().await?;
        let waiting = todo::waiting(&mut transaction, market.id, since).await?;
        let proposals = todo::proposals(&mut transaction, market.id).await?;
        let mut held = Vec::new();
        for outcome in [Outcome::Quarantined, Outcome::Stale, Outcome::Rejected] {
            for row in postings::held(&mut transaction, market.id, outcome, 0, HELD_MAX).await? {
                if row.resolved {
                    continue;
                }
                let item =
                    ItemName { market: row.market, item: row.item, recorded_at_ms: row.recorded_at.as_millisecond() };
                held.push(HeldMoney {
                    item: item.to_string(),
                    outcome,
                    reason: row.reason.clone().unwrap_or_default(),
                    amount: row.amount,
                    account_tail: tail(row.account.as_deref().unwrap_or_default()),
                    source: row.source.clone(),
                    recorded_at: row.recorded_at,
                    choices: Choices::of(outcome, row.reason.as_deref().unwrap_or_default()),
                });
            }
        }
        transaction.rollback().await?;
        let waiting = waiting
            .into_iter()
            .map(|money| {
                let stall_of = |wish: &Proposal| stalls.iter().find(|stall| stall.number == wish.stall);
                let proposed = proposals.iter().find(|wish| wish.seq == money.seq).map(|wish| Proposed {
                    stall: stall_of(wish).map(|stall| stall.code.to_string()).unwrap_or_default(),
                    reason: wish.reason.clone(),
                    by: wish.by.clone(),
                    at: wish.at,
                });
                WaitingMoney {
                    posting: PostingName { market: code.clone(), seq: money.seq },
                    amount: money.amount,
                    event_at: money.event_at,
                    business_date: money.business_date,
                    suggestions: suggest(&money.memo, &stalls).iter().map(in_words).collect(),
                    memo: actor.shown_text(None, &money.memo),
                    needs_two: money.amount > two_people_above(),
                    proposed,
                }
            })
            .collect();
        Ok(Todo { waiting, held })
    }

    /// Gives a settlement in suspense to a stall. Above [`two_people_above`] the first person's word is a
    /// proposal, and it is posted when another person names the same stall. Whoever holds the database
    /// file needs nobody.
    ///
    /// # Errors
    /// As [`App::assign`]; `second_person_needed` when the same person asks twice; `stall_differs` when
    /// the second names another stall than the first.
    pub async fn assign_by(
        &self,
        posting: &PostingName,
        actor: &Actor,
        reason: &str,
        stall: &str,
    ) -> Result<Assigned, AppError> {
        let market = self.market(&posting.market).await?;
        let amount = self.posting_amount(posting).await?;
        if amount <= two_people_above() || actor.role() == Role::Operator {
            return Ok(Assigned::Posted(self.assign(posting, actor.name(), reason, stall).await?));
        }
        let reason = checked_reason(reason)?;
        let stalls = self.stalls(&posting.market, None).await?;
        let found = find_stall(&stalls, stall)?;
        let mut transaction = self.store.begin_write().await?;
        let wishes = todo::proposals(&mut transaction, market.id).await?;
        let Some(first) = wishes.into_iter().find(|wish| wish.seq == posting.seq) else {
            let (by, at) = (actor.name().to_owned(), self.now());
            let wish = Proposal { seq: posting.seq, stall: found.number, reason, by, at };
            todo::propose(&mut transaction, market.id, &wish).await?;
            let note = Note::of(Action::AssignmentProposed, posting).at_stall(found.number);
            self.commit_noted(transaction, market.id, [note.by(actor).because(&wish.reason)]).await?;
            return Ok(Assigned::Proposed);
        };
        transaction.rollback().await?;
        if first.by == actor.name() {
            let limit = two_people_above().with_unit();
            let message = Message::new(
                format!("Khoản trên {limit} cần người thứ hai xác nhận; {} đã đề nghị rồi.", first.by),
                format!("Above {limit} a second person confirms; {} has proposed it already.", first.by),
            );
            return Err(AppError::new(ErrorKind::Conflict, "second_person_needed", message));
        }
        if first.stall != found.number {
            let message = Message::new(
                format!("{} đề nghị sạp khác. Rút đề nghị đó trước rồi đề nghị lại.", first.by),
                format!("{} proposed another stall. Withdraw that first.", first.by),
            );
            return Err(AppError::new(ErrorKind::Conflict, "stall_differs", message));
        }
        let both: String = format!("{reason} (đề nghị: {}: {})", first.by, first.reason)
            .chars()
            .take(super::correct::REASON_MAX)
            .collect();
        let made = self.assign(posting, actor.name(), &both, stall).await?;
        self.withdraw_proposal(posting).await?;
        Ok(Assigned::Posted(made))
    }

    /// Forgets what was proposed about a settlement.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn withdraw_proposal(&self, posting: &PostingName) -> Result<(), AppError> {
        let market = self.market(&posting.market).await?;
        let mut transaction = self.store.begin_write().await?;
        todo::withdraw(&mut transaction, market.id, posting.seq).await?;
        self.commit_noted(transaction, market.id, [Note::of(Action::ProposalWithdrawn, posting)]).await
    }

    async fn posting_amount(&self, name: &PostingName) -> Result<Dong, AppError> {
        let market = self.market(&name.market).await?;
        let mut transaction = self.store.begin_read().await?;
        let found = postings::find(&mut transaction, market.id, name.seq).await?;
        transaction.rollback().await?;
        found.map(|posting| posting.transfer.amount).ok_or_else(|| {
            let (vi, en) = (format!("Không có bút toán {name}."), format!("There is no posting {name}."));
            AppError::not_found(Message::new(vi, en))
        })
    }
}

/// Returns the last four characters of an account's number.
fn tail(account: &str) -> String {
    let number = account.split('@').next().unwrap_or_default();
    let skipped = number.chars().count().saturating_sub(4);
    number.chars().skip(skipped).collect()
}

fn in_words(suggestion: &Suggestion) -> (String, Message) {
    let why = match &suggestion.clue {
        Clue::MemoCode => Message::new("nội dung có mã của sạp", "the text holds the stall's code"),
        Clue::StallCode(code) => Message::new(format!("nội dung có “{code}”"), format!("the text holds “{code}”")),
        Clue::VendorName(_) => Message::new("nội dung có tên tiểu thương", "the text holds the vendor's name"),
        Clue::AccountTail(tail) => {
            Message::new(format!("khớp 4 số cuối TK …{tail}"), format!("the account's last four, …{tail}"))
        }
    };
    (suggestion.stall.clone(), why)
}
