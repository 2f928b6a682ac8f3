//! A vendor's own book: her days and entries, what she disputes, the cash she writes down, and the
//! revenue book she takes away. What was before her tenancy is not hers to see.

use std::collections::BTreeMap;

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::note::Note;
use super::stall_phone::Stand;
use crate::domain::audit::Action;
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::ids::{MarketCode, PostingName, Seq};
use crate::domain::money::Dong;
use crate::domain::stall_book::{BookDay, BookEntry, CashLine, Dispute, DisputeReason, NOTE_MAX, RevenueBook};
use crate::ledger::batch::Posting;
use crate::report::pdf::write;
use crate::report::revenue_book::{self, BookError};
use crate::store::engine::Transaction;
use crate::store::postings;
use crate::store::stall_book::{self, Span};

/// Entries on one page; the file has them all.
pub const ENTRIES_MAX: i64 = 500;
/// Entries of one file.
const FILE_MAX: i64 = 100_000;
/// Longest span of one book, in days.
pub const DAYS_MAX: i64 = 366;

/// A stretch of a stall's book.
#[derive(Debug, Clone)]
pub struct StallBook {
    /// The stall.
    pub stand: Stand,
    /// Days that have anything on them or are closed, in order.
    pub days: Vec<BookDay>,
    /// Their entries, newest first, at most [`ENTRIES_MAX`].
    pub entries: Vec<BookEntry>,
    /// Whether there are more entries than that.
    pub more: bool,
    /// Disputes about these entries.
    pub disputes: Vec<Dispute>,
    /// Cash she wrote down.
    pub cash: Vec<CashLine>,
}

impl StallBook {
    /// Returns the sums of all days, dated by the last; `None` beyond what can be counted.
    #[must_use]
    pub fn sums(&self) -> Option<BookDay> {
        let date = self.days.last().map_or(self.stand.since, |day| day.date);
        sums(date, &self.days)
    }
}

/// Returns a revenue book as a workbook.
///
/// # Errors
/// `inconsistent` when its days do not add up to its entries.
pub fn to_xlsx(book: &RevenueBook) -> Result<Vec<u8>, AppError> {
    revenue_book::xlsx(book).map_err(unwritten)
}

/// Returns a revenue book as PDF.
///
/// # Errors
/// `inconsistent` when its days do not add up to its entries.
pub fn to_pdf(book: &RevenueBook) -> Result<Vec<u8>, AppError> {
    write::pdf(&revenue_book::paper(book).map_err(unwritten)?).map_err(AppError::internal)
}

fn unwritten(error: BookError) -> AppError {
    match error {
        BookError::Differs { .. } => {
            let (vi, en) = (format!("Sổ tự mâu thuẫn: {error}."), format!("The book contradicts itself: {error}."));
            AppError::new(ErrorKind::Integrity, "inconsistent", Message::new(vi, en))
        }
        BookError::Workbook(_) | BookError::Overflow => AppError::internal(error),
    }
}

/// A dispute that waits for the office's answer.
#[derive(Debug, Clone)]
pub struct OpenDispute {
    /// The posting.
    pub posting: PostingName,
    /// The stall's code.
    pub stall: String,
    /// What the posting did to the stall.
    pub amount: Dong,
    /// What she says.
    pub dispute: Dispute,
}

/// Returns a dispute as the API shows it.
#[must_use]
pub fn dispute_json(open: &OpenDispute) -> serde_json::Value {
    let dispute = &open.dispute;
    serde_json::json!({
        "posting": open.posting.to_string(), "stall": open.stall, "amount": open.amount.whole(), "currency": "VND",
        "reason": dispute.reason.as_str(), "note": dispute.note, "raised_at": rfc3339(dispute.raised_at),
        "raised_by": dispute.raised_by,
    })
}

/// Adds days up.
fn sums(date: BusinessDate, days: &[BookDay]) -> Option<BookDay> {
    let mut all = BookDay::empty(date);
    for day in days {
        all.payments = all.payments.saturating_add(day.payments);
        all.amount = all.amount.checked_add(day.amount)?;
        all.adjusted = all.adjusted.checked_add(day.adjusted)?;
        all.cash = all.cash.checked_add(day.cash)?;
    }
    Some(all)
}

/// Writes a posting as an entry of a stall's book.
pub(super) fn entry(market: &MarketCode, posting: &Posting, payer: &str) -> BookEntry {
    let name = |seq: Seq| PostingName { market: market.clone(), seq };
    BookEntry {
        posting: name(posting.seq),
        kind: posting.kind,
        amount: posting.effect(),
        date: posting.business_date,
        event_date: posting.event_date,
        event_at: posting.event_at,
        late: posting.late,
        reason: posting.reason.clone(),
        concerns: posting.concerns.map(name),
        payer: payer.to_owned(),
    }
}

impl App {
    /// Returns a stretch of a stall's book, from its tenant's first day on. Entries are read of one day
    /// alone: those of a month are in the file.
    ///
    /// # Errors
    /// `not_found` for market or stall; `span_too_long`.
    pub async fn stall_book(
        &self,
        market: &MarketCode,
        stall: &str,
        (from, to): (BusinessDate, BusinessDate),
    ) -> Result<StallBook, AppError> {
        if from.plus_days(DAYS_MAX) < to {
            let vi = format!("Mỗi lần xem tối đa {DAYS_MAX} ngày.");
            let message = Message::new(vi, format!("At most {DAYS_MAX} days are shown at once."));
            return Err(AppError::field("to", "span_too_long", message));
        }
        let mut transaction = self.store.begin_read().await?;
        let limit = if from == to { ENTRIES_MAX } else { 0 };
        let book = self.stall_book_in(&mut transaction, market, stall, (from, to), limit).await;
        transaction.rollback().await?;
        book
    }

    async fn stall_book_in(
        &self,
        transaction: &mut Transaction,
        market: &MarketCode,
        stall: &str,
        (from, to): (BusinessDate, BusinessDate),
        limit: i64,
    ) -> Result<StallBook, AppError> {
        let stand = self.stand_in(transaction, market, stall).await?;
        let (id, span) = (stand.market.id, Span { stall: stand.number, from: from.max(stand.since), to });
        let totals = stall_book::totals(transaction, id, span).await?;
        let mut found = match limit {
            0 => Vec::new(),
            limit => stall_book::entries(transaction, id, span, limit.saturating_add(1)).await?,
        };
        let more = i64::try_from(found.len()).is_ok_and(|count| count > limit);
        if more {
            found.pop();
        }
        let closes = stall_book::closes(transaction, id, span).await?;
        let cash = stall_book::cash(transaction, id, span).await?;
        let numbers = || found.iter().map(|(posting, _)| posting.seq);
        let disputes = match (numbers().min(), numbers().max()) {
            (Some(first), Some(last)) => {
                stall_book::stall_disputes(transaction, id, stand.number, (first, last)).await?
            }
            _ => Vec::new(),
        };
        let entries = found.iter().map(|(posting, payer)| entry(&stand.market.code, posting, payer)).collect();
        let overflow = || AppError::internal("a day's total exceeds what can be counted");
        let days = fold(&totals, &closes, &cash).ok_or_else(overflow)?;
        Ok(StallBook { stand, days, entries, more, disputes, cash })
    }

    /// Returns one entry of a stall's book.
    ///
    /// # Errors
    /// `not_found` when the posting is not her stall's.
    pub async fn stall_entry(
        &self,
        (market, stall): (&MarketCode, &str),
        posting: &PostingName,
    ) -> Result<BookEntry, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let found = self.hers(&mut transaction, (market, stall), posting).await;
        transaction.rollback().await?;
        found.map(|(stand, found)| entry(&stand.market.code, &found, ""))
    }

    /// Finds a posting of a stall since its tenant came.
    async fn hers(
        &self,
        transaction: &mut Transaction,
        (market, stall): (&MarketCode, &str),
        posting: &PostingName,
    ) -> Result<(Stand, Posting), AppError> {
        let stand = self.stand_in(transaction, market, stall).await?;
        let found = if posting.market == stand.market.code {
            postings::find(transaction, stand.market.id, posting.seq).await?
        } else {
            None
        };
        let hers = found.filter(|found| found.stall == Some(stand.number) && found.business_date >= stand.since);
        hers.map(|found| (stand, found)).ok_or_else(|| not_hers(posting))
    }

    /// Records that a vendor thinks a payment is not right. Nothing in the book changes.
    ///
    /// # Errors
    /// `not_found` when the posting is not her stall's; `already_disputed`.
    pub async fn dispute(
        &self,
        (market, stall): (&MarketCode, &str),
        posting: &PostingName,
        (reason, note): (DisputeReason, &str),
        by: &str,
    ) -> Result<(), AppError> {
        let note = checked_note(note)?;
        let mut transaction = self.store.begin_write().await?;
        let done = async {
            let (stand, found) = self.hers(&mut transaction, (market, stall), posting).await?;
            let (seq, raised_at) = (found.seq, self.clock.now());
            let dispute = Dispute {
                seq,
                stall: stand.number,
                reason,
                note,
                raised_at,
                raised_by: by.to_owned(),
                answer: None,
                answered_at: None,
                answered_by: None,
            };
            if stall_book::raise(&mut transaction, stand.market.id, &dispute).await? {
                let said = serde_json::json!({ "reason": reason.as_str() });
                let note = Note::of(Action::DisputeRaised, posting).at_stall(stand.number).named(by).after(said);
                return Ok((stand.market.id, note));
            }
            let (vi, en) = ("Khoản này đã được báo rồi.", "This payment has been reported already.");
            Err(AppError::new(ErrorKind::Conflict, "already_disputed", Message::new(vi, en)))
        };
        match done.await {
            Ok((market, note)) => self.commit_noted(transaction, market, [note]).await,
            Err(error) => {
                transaction.rollback().await?;
                Err(error)
            }
        }
    }

    /// Returns a market's disputes that wait for an answer, oldest posting first, and what to pass as
    /// `after` for the next page.
    ///
    /// # Errors
    /// `not_found` for the market, a bad limit or cursor.
    pub async fn open_disputes(
        &self,
        market: &MarketCode,
        after: Option<&str>,
        limit: Option<i64>,
    ) -> Result<(Vec<OpenDispute>, Option<String>), AppError> {
        let (limit, after) = (super::journal::list_limit(limit)?, super::journal::list_after(after)?);
        let market = self.market(market).await?;
        let mut transaction = self.store.begin_read().await?;
        let found = stall_book::open_disputes(&mut transaction, market.id, after, limit.saturating_add(1)).await?;
        transaction.rollback().await?;
        let more = i64::try_from(found.len()).is_ok_and(|count| count > limit);
        let open = found.into_iter().map(|(dispute, stall, posting)| {
            let name = PostingName { market: market.code.clone(), seq: dispute.seq };
            OpenDispute { posting: name, stall, amount: posting.effect(), dispute }
        });
        let open: Vec<OpenDispute> = open.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
        let next = open.last().filter(|_| more).map(|last| format!("s{}", last.posting.seq.get()));
        Ok((open, next))
    }

    /// Answers a dispute; what must change in the book is a correction of its own.
    ///
    /// # Errors
    /// `not_found` when there is none that waits; a missing answer.
    pub async fn answer_dispute(&self, posting: &PostingName, answer: &str, by: &str) -> Result<(), AppError> {
        let answer = checked_note(answer)?;
        if answer.is_empty() {
            let message = Message::new("Hãy viết câu trả lời.", "Write an answer.");
            return Err(AppError::field("answer", "missing", message));
        }
        let market = self.market(&posting.market).await?;
        let mut transaction = self.store.begin_write().await?;
        let told = (answer.as_str(), by, self.clock.now());
        let answered = stall_book::answer(&mut transaction, market.id, posting.seq, told).await?;
        let concerned = postings::find(&mut transaction, market.id, posting.seq).await?;
        let stall = concerned.and_then(|found| found.stall);
        let note = || Note::of(Action::DisputeAnswered, posting).at_stall(stall).named(by);
        self.commit_noted(transaction, market.id, answered.then(note)).await?;
        if answered { Ok(()) } else { Err(no_dispute(posting)) }
    }

    /// Answers a dispute of one market, as [`App::answer_dispute`] does.
    ///
    /// # Errors
    /// The same; `not_found` for another market's posting.
    pub async fn answer_dispute_of(
        &self,
        market: &MarketCode,
        posting: &PostingName,
        answer: &str,
        by: &str,
    ) -> Result<(), AppError> {
        if posting.market != *market {
            return Err(no_dispute(posting));
        }
        self.answer_dispute(posting, answer, by).await
    }

    /// Writes down cash in a vendor's own book.
    ///
    /// # Errors
    /// `not_found` for market or stall; a bad amount; a day outside her tenancy or in the future.
    pub async fn write_cash(
        &self,
        (market, stall): (&MarketCode, &str),
        (date, amount): (BusinessDate, Dong),
        note: &str,
        by: &str,
    ) -> Result<(), AppError> {
        let amount = amount.settlement().map_err(|error| {
            let vi = "Số tiền từ 1 đến 1.000.000.000.000 đồng.";
            AppError::field("amount", "amount_out_of_range", Message::new(vi, format!("{error}.")))
        })?;
        let note = checked_note(note)?;
        let id = self.ids.uuid()?;
        let stand = self.stand(market, stall).await?;
        if date < stand.since || date > self.book_day(&stand.market) {
            let vi = "Ngày phải từ lúc chị thuê sạp đến hôm nay.";
            let message = Message::new(vi, "The day must lie between your first day at the stall and today.");
            return Err(AppError::field("date", "date_out_of_range", message));
        }
        let (recorded_at, recorded_by) = (self.clock.now(), by.to_owned());
        let line = CashLine { id, date, amount, note, recorded_at, recorded_by, withdrawn_at: None };
        let mut transaction = self.store.begin_write().await?;
        stall_book::write_cash(&mut transaction, stand.market.id, stand.number, &line).await?;
        let said = serde_json::json!({ "date": date.to_string(), "amount": amount.whole() });
        let note = Note::of(Action::CashWritten, &stand.code).at_stall(stand.number).named(by).after(said);
        self.commit_noted(transaction, stand.market.id, [note]).await
    }

    /// Takes back a line of cash; it stays to be seen.
    ///
    /// # Errors
    /// `not_found` when her book has no such line.
    pub async fn withdraw_cash(
        &self,
        (market, stall): (&MarketCode, &str),
        line: &str,
        by: &str,
    ) -> Result<(), AppError> {
        let missing = || AppError::not_found(Message::new("Sổ không có dòng này.", "The book has no such line."));
        let line: uuid::Uuid = line.parse().map_err(|_| missing())?;
        let stand = self.stand(market, stall).await?;
        let mut transaction = self.store.begin_write().await?;
        let told = (by, self.clock.now());
        let done = stall_book::withdraw_cash(&mut transaction, stand.market.id, stand.number, line, told).await?;
        let note = || Note::of(Action::CashWithdrawn, &stand.code).at_stall(stand.number).named(by);
        self.commit_noted(transaction, stand.market.id, done.then(note)).await?;
        if done { Ok(()) } else { Err(missing()) }
    }

    /// Draws up a vendor's revenue book.
    ///
    /// # Errors
    /// `not_found` for market or stall; `span_too_long`; `book_too_long` beyond what one file holds.
    pub async fn revenue_book(
        &self,
        market: &MarketCode,
        stall: &str,
        (from, to): (BusinessDate, BusinessDate),
    ) -> Result<RevenueBook, AppError> {
        if from.plus_days(DAYS_MAX) < to {
            let vi = format!("Mỗi sổ tối đa {DAYS_MAX} ngày.");
            let message = Message::new(vi, format!("A book holds at most {DAYS_MAX} days."));
            return Err(AppError::field("to", "span_too_long", message));
        }
        let mut transaction = self.store.begin_read().await?;
        let book = self.stall_book_in(&mut transaction, market, stall, (from, to), FILE_MAX).await;
        transaction.rollback().await?;
        let mut book = book?;
        if book.more {
            let message = Message::new(
                "Sổ quá dài cho một tệp; hãy chọn ít ngày hơn.",
                "Too long for one file; choose fewer days.",
            );
            return Err(AppError::field("to", "book_too_long", message));
        }
        book.entries.reverse();
        let stand = book.stand;
        let ward = stand.market.ward.as_ref().map(|ward| format!(", {ward}")).unwrap_or_default();
        Ok(RevenueBook {
            vendor: stand.vendor.map(|name| name.to_string()).unwrap_or_default(),
            place: format!("{}{ward}", stand.market.name),
            market: stand.market.code.to_string(),
            stall: stand.code.to_string(),
            category: stand.category,
            from: from.max(stand.since),
            to,
            days: book.days,
            entries: book.entries,
            cash: book.cash,
            drawn_up_at: self.clock.now(),
            demo: stand.market.demo,
        })
    }
}

fn not_hers(posting: &PostingName) -> AppError {
    let (vi, en) = (format!("Sổ của sạp không có khoản {posting}."), format!("The stall's book has no {posting}."));
    AppError::not_found(Message::new(vi, en))
}

fn no_dispute(posting: &PostingName) -> AppError {
    let (vi, en) =
        (format!("Không có gì chờ trả lời về {posting}."), format!("Nothing about {posting} waits for an answer."));
    AppError::not_found(Message::new(vi, en))
}

fn checked_note(note: &str) -> Result<String, AppError> {
    let note: String = note.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if note.chars().count() > NOTE_MAX {
        let vi = format!("Ghi chú dài nhất {NOTE_MAX} ký tự.");
        let message = Message::new(vi, format!("A note has at most {NOTE_MAX} characters."));
        return Err(AppError::field("note", "too_long", message));
    }
    Ok(note)
}

/// Puts what is known of each day together.
fn fold(
    totals: &[crate::domain::stall_book::DayTotal],
    closes: &[(BusinessDate, jiff::Timestamp)],
    cash: &[CashLine],
) -> Option<Vec<BookDay>> {
    let mut days: BTreeMap<BusinessDate, BookDay> = BTreeMap::new();
    for total in totals {
        let day = days.entry(total.date).or_insert_with(|| BookDay::empty(total.date));
        if total.is_money {
            day.payments = day.payments.saturating_add(total.count);
            day.amount = day.amount.checked_add(total.amount)?;
        } else {
            day.adjusted = day.adjusted.checked_add(total.amount)?;
        }
    }
    for line in cash.iter().filter(|line| line.withdrawn_at.is_none()) {
        let day = days.entry(line.date).or_insert_with(|| BookDay::empty(line.date));
        day.cash = day.cash.checked_add(line.amount)?;
    }
    for (date, closed_at) in closes {
        days.entry(*date).or_insert_with(|| BookDay::empty(*date)).closed_at = Some(*closed_at);
    }
    Some(days.into_values().collect())
}
