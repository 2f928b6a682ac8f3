//! Closing a market's dates: the seal of DESIGN §4.15–16.
//!
//! One database transaction closes up to a month of dates: it moves the fence first, so that whoever
//! judged by the older open date loses the race and judges again, then draws up each date's report,
//! hashes its postings, compares them with the bank's lines of the date, signs the statement and keeps
//! the balances. A date whose figures do not agree is not sealed; one that differs from the bank, or has
//! no statement yet, is, and the statement says so.

use jiff::Timestamp;

use super::App;
use super::daily_report::refusal;
use super::error::{AppError, ErrorKind, Message};
use super::note::Note;
use super::reconcile::day_reconciliation;
use crate::domain::audit::Action;
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketCode, PostingName, Seq};
use crate::domain::reconciliation::DayReconciliation;
use crate::domain::registration::Market;
use crate::domain::sealed_bank::SealedBank;
use crate::ledger::daily_report::draw_up;
use crate::ledger::facts::Head;
use crate::ledger::seal::close::{self, Asked, CloseRefused, DayClose, Sealing, SignedClose};
use crate::ledger::seal::key::{MarketKey, PrivateKey};
use crate::ledger::seal::{leaf, merkle};
use crate::ledger::spread::Spread;
use crate::store::engine::Transaction;
use crate::store::error::StoreError;
use crate::store::head::{self, FENCE_ATTEMPTS};
use crate::store::postings::{self, Filter};
use crate::store::{balances, bindings, closes, markets, reports, spreads};

/// Postings read at a time while a date is hashed.
const CHUNK: i64 = 2_000;

/// A date to close.
#[derive(Debug, Clone)]
pub struct CloseDay {
    /// The market.
    pub market: MarketCode,
    /// The date; every open date before it is closed too.
    pub date: BusinessDate,
    /// It may be closed although it has not ended.
    pub early: bool,
    /// Who closes it.
    pub actor: String,
}

/// A date that was closed.
#[derive(Debug, Clone)]
pub struct ClosedDay {
    /// The signed close.
    pub signed: SignedClose,
    /// Settlements known by a hash of their bytes alone: somebody should look at them.
    pub weak: Vec<PostingName>,
    /// Bank and book by the bank's date, as they stood when it was closed.
    pub reconciliation: DayReconciliation,
}

/// The key and the person of one closing.
struct Signer {
    key: MarketKey,
    private: PrivateKey,
    closed_at: Timestamp,
    actor: String,
}

impl App {
    /// Closes a date of a market and every open date before it; returns the closes in order.
    ///
    /// # Errors
    /// `day_closed` with who closed it when, `day_not_begun`, `day_not_ended`, `report_imbalance`
    /// when the figures contradict each other, or what keeps the market's key from signing.
    pub async fn close_day(&self, asked: CloseDay) -> Result<Vec<ClosedDay>, AppError> {
        let market = self.market(&asked.market).await?;
        let (key, private) = self.signing_key(&market).await?;
        // To the second, as statements and people write it.
        let closed_at = Timestamp::from_second(self.now().as_second()).unwrap_or_default();
        let signer = Signer { key, private, closed_at, actor: asked.actor.clone() };
        let mut closed: Vec<ClosedDay> = Vec::new();
        while closed.last().is_none_or(|last| last.signed.close.business_date < asked.date) {
            closed.extend(self.close_some(&market, &asked, &signer).await?);
        }
        Ok(closed)
    }

    /// Returns the signed close of a date; `None` while it is open.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn day_close(&self, code: &MarketCode, date: BusinessDate) -> Result<Option<SignedClose>, AppError> {
        let market = self.market(code).await?;
        let mut transaction = self.store.begin_read().await?;
        let found = closes::find(&mut transaction, market.id, date).await?;
        transaction.rollback().await?;
        Ok(found)
    }

    /// Closes the first open dates up to the one asked for, in one transaction.
    async fn close_some(&self, market: &Market, asked: &CloseDay, signer: &Signer) -> Result<Vec<ClosedDay>, AppError> {
        for _ in 0..FENCE_ATTEMPTS {
            let mut transaction = self.store.begin_write().await?;
            let Some(closed) = self.try_close(&mut transaction, market, asked, signer).await? else {
                transaction.rollback().await?;
                continue;
            };
            let note = |day: &ClosedDay| {
                let close = &day.signed.close;
                let said = serde_json::json!({
                    "payments": close.payments, "amount": close.amount.whole(), "early": close.early, "key": close.key,
                    "hash": day.signed.hash.to_string(),
                });
                Note::of(Action::DayClosed, close.business_date).named(&signer.actor).after(said)
            };
            let noted = self.note(&mut transaction, market.id, closed.iter().map(note)).await?;
            let closed = match transaction.commit().await {
                Ok(()) => {
                    self.store.commits().ring(market.id);
                    closed
                }
                Err(error) => self.resolve_unknown(market, closed, error).await?,
            };
            self.tell_of_noted(&noted);
            return Ok(closed);
        }
        Err(StoreError::Contended { attempts: FENCE_ATTEMPTS }.into())
    }

    /// COMMIT was sent and not answered: whether the last close is there tells.
    async fn resolve_unknown(
        &self,
        market: &Market,
        closed: Vec<ClosedDay>,
        error: StoreError,
    ) -> Result<Vec<ClosedDay>, AppError> {
        let Some(last) = closed.last() else { return Err(error.into()) };
        let found = self.day_close(&market.code, last.signed.close.business_date).await?;
        if found.is_some_and(|found| found.hash == last.signed.hash) { Ok(closed) } else { Err(error.into()) }
    }

    /// `None` when the fence was lost.
    async fn try_close(
        &self,
        transaction: &mut Transaction,
        market: &Market,
        asked: &CloseDay,
        signer: &Signer,
    ) -> Result<Option<Vec<ClosedDay>>, AppError> {
        let head = head::take(transaction, market.id).await?.ok_or_else(|| super::no_market(&market.code))?;
        let cutoffs = bindings::load(transaction, market.id).await?;
        let next = asked.date.next();
        let cutoff = jiff::SignedDuration::from_mins(cutoffs.cutoff_on(next).minutes());
        let question = Asked {
            date: asked.date,
            open_date: head.open_date,
            first_used: closes::first_used(transaction, market.id).await?,
            today: cutoffs.business_date(self.now()),
            ends_at: next.starts_at().checked_add(cutoff).unwrap_or_else(|_| next.starts_at()),
            early: asked.early,
        };
        let dates = match close::dates(&question) {
            Ok(dates) => dates,
            Err(refused) => {
                let earlier = closes::find(transaction, market.id, asked.date).await?;
                return Err(refuse(&market.code, &refused, earlier.as_ref()));
            }
        };
        let Some(last) = dates.last() else { return Ok(Some(Vec::new())) };
        if !head::open_from(transaction, market.id, head.version, last.next()).await? {
            return Ok(None);
        }
        let before = closes::last(transaction, market.id).await?;
        let mut previous = before.map_or(Hash::ZERO, |closed| closed.hash);
        let mut closed = Vec::with_capacity(dates.len());
        let closing = Closing { market, head: &head, today: question.today, signer };
        for date in dates {
            let day = closing.seal(transaction, date, previous).await?;
            previous = day.signed.hash;
            closed.push(day);
        }
        Ok(Some(closed))
    }
}

/// One closing: what all of its dates share.
struct Closing<'a> {
    market: &'a Market,
    head: &'a Head,
    today: BusinessDate,
    signer: &'a Signer,
}

impl Closing<'_> {
    /// Draws up, hashes, signs and writes one date's close.
    async fn seal(
        &self,
        transaction: &mut Transaction,
        date: BusinessDate,
        previous: Hash,
    ) -> Result<ClosedDay, AppError> {
        let Self { market, head, today, signer } = self;
        let there = markets::find(transaction, &market.code, date).await?.unwrap_or_else(|| (*market).clone());
        let totals = reports::read(transaction, there, date).await?;
        let report =
            draw_up(totals, |_| String::new(), signer.closed_at).map_err(|error| refusal(&market.code, date, error))?;
        let tree = hash_date(transaction, market, date).await?;
        let (weak, weak_count) = closes::weak(transaction, market.id, date).await?;
        let reconciliation = day_reconciliation(transaction, market, date).await?;
        let close = DayClose::of(
            &report,
            Sealing {
                closed_at: signer.closed_at,
                closed_by: signer.actor.clone(),
                early: date >= *today,
                weak: weak_count,
                bank: SealedBank::of(&reconciliation),
                postings: i64::try_from(tree.size()).unwrap_or(i64::MAX),
                journal_seq: Seq::new(head.last_seq),
                journal_hash: Hash::from_slice(&head.last_hash).map_err(AppError::internal)?,
                merkle_root: tree.root(),
                previous,
                key: signer.key.number,
            },
        );
        let statement = close::statement(&close).map_err(AppError::internal)?;
        let signature = signer.private.sign(statement.as_bytes()).to_vec();
        let signed = SignedClose { close, hash: close::hash(&statement), statement, signature };
        closes::add(transaction, market.id, &signed).await?;
        let name = |seq| PostingName { market: market.code.clone(), seq };
        let weak = weak.into_iter().map(name).collect();
        Ok(ClosedDay { signed, weak, reconciliation })
    }
}

/// Hashes a date's postings in journal order, and keeps the balances that they lead to and how they spread.
async fn hash_date(
    transaction: &mut Transaction,
    market: &Market,
    date: BusinessDate,
) -> Result<merkle::Growing, AppError> {
    let (mut tree, mut moved, mut after) = (merkle::Growing::default(), balances::Balances::new(), 0);
    let mut spread = Spread::default();
    loop {
        let filter = Filter { date: Some(date), stall: None, after, limit: CHUNK };
        let found = postings::list(transaction, market.id, filter).await?;
        let Some(last) = found.last() else { break };
        after = last.seq.get();
        for posting in &found {
            let line = leaf::line(&market.code, posting).map_err(AppError::internal)?;
            tree.push(merkle::leaf(line.as_bytes()));
            balances::move_by(&mut moved, posting)?;
            spread.add(posting);
        }
    }
    balances::keep_date(transaction, market.id, date, &moved).await?;
    spreads::keep(transaction, market.id, date, &spread.finished()).await?;
    Ok(tree)
}

fn refuse(market: &MarketCode, refused: &CloseRefused, earlier: Option<&SignedClose>) -> AppError {
    let (code, message) = match refused {
        CloseRefused::Closed(date) => {
            let (vi, en) = match earlier.map(|earlier| &earlier.close) {
                Some(earlier) => {
                    let (at, by) = (rfc3339(earlier.closed_at), &earlier.closed_by);
                    (format!(" lúc {at} bởi {by}"), format!(" at {at} by {by}"))
                }
                None => (String::new(), String::new()),
            };
            let vi = format!(
                "Chợ {market} đã khóa sổ ngày {}{vi}. Sổ đã khóa không mở lại; điều chỉnh ghi vào ngày đang mở.",
                date.vietnamese()
            );
            let en = format!(
                "Market {market} was closed for {date}{en}. A closed date is never reopened; corrections go to the open date."
            );
            ("day_closed", Message::new(vi, en))
        }
        CloseRefused::NotBegun(date) => {
            let vi = format!("Ngày {} của chợ {market} chưa bắt đầu.", date.vietnamese());
            ("day_not_begun", Message::new(vi, format!("{date} has not begun in market {market}.")))
        }
        CloseRefused::NotEnded { date, ends_at } => {
            let at = rfc3339(*ends_at);
            let vi = format!(
                "Ngày {} của chợ {market} kết thúc lúc {at}. Muốn khóa sớm phải nói rõ (--early); tiền về sau đó ghi vào ngày kế tiếp.",
                date.vietnamese()
            );
            let en = format!(
                "{date} ends at {at} in market {market}. To close it early say so (--early); money that comes later goes to the next date."
            );
            ("day_not_ended", Message::new(vi, en))
        }
    };
    AppError::new(ErrorKind::Conflict, code, message)
}
