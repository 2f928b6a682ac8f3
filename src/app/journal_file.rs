//! A market's journal of a period as a file that is written while it is sent: a page of postings at a
//! time, each read in a transaction of its own, so that a slow reader holds nothing open. What is added
//! meanwhile is not in it.

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::export_month::{CSV_HEAD, csv_line};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketCode;
use crate::domain::period::Period;
use crate::domain::registration::Market;
use crate::ledger::batch::Posting;
use crate::ledger::seal::leaf;
use crate::store::postings::{self, Filter};
use crate::store::{head, periods};

/// Postings that are read at once.
const PAGE: i64 = 2_000;

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalForm {
    /// Comma-separated values, with heads.
    Csv,
    /// A line of JSON for each posting, as a close signs it.
    JsonLines,
}

/// A file on its way.
#[derive(Debug)]
pub struct JournalFile {
    market: Market,
    form: JournalForm,
    dates: Vec<BusinessDate>,
    after: i64,
    last: i64,
    begun: bool,
    /// How many postings there are when it begins.
    pub postings: i64,
}

impl App {
    /// Begins a file of a market's journal, by book day and then by number.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn journal_file(
        &self,
        code: &MarketCode,
        period: Period,
        form: JournalForm,
    ) -> Result<JournalFile, AppError> {
        let market = self.market(code).await?;
        let mut transaction = self.store.begin_read().await?;
        let head = head::read(&mut transaction, market.id).await?;
        let postings = periods::postings(&mut transaction, market.id, period).await?;
        transaction.rollback().await?;
        let last = head.map_or(0, |head| head.last_seq);
        let mut dates: Vec<BusinessDate> = period.each().collect();
        dates.reverse();
        Ok(JournalFile { market, form, dates, after: 0, last, begun: false, postings })
    }

    /// Returns the next piece of a file; none at its end.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn journal_piece(&self, file: &mut JournalFile) -> Result<Option<Vec<u8>>, AppError> {
        let mut piece = String::new();
        if !file.begun && file.form == JournalForm::Csv {
            piece.push_str(CSV_HEAD);
            piece.push('\n');
        }
        file.begun = true;
        while let Some(date) = file.dates.last().copied() {
            let filter = Filter { date: Some(date), stall: None, after: file.after, limit: PAGE };
            let mut transaction = self.store.begin_read().await?;
            let found = postings::list(&mut transaction, file.market.id, filter).await?;
            transaction.rollback().await?;
            for posting in found.iter().filter(|posting| posting.seq.get() <= file.last) {
                piece.push_str(&line(&file.market.code, posting, file.form)?);
                piece.push('\n');
            }
            match found.last() {
                Some(newest) if i64::try_from(found.len()) == Ok(PAGE) => file.after = newest.seq.get(),
                _ => {
                    file.dates.pop();
                    file.after = 0;
                }
            }
            if !piece.is_empty() {
                return Ok(Some(piece.into_bytes()));
            }
        }
        Ok(Some(piece.into_bytes()).filter(|piece| !piece.is_empty()))
    }
}

fn line(market: &MarketCode, posting: &Posting, form: JournalForm) -> Result<String, AppError> {
    match form {
        JournalForm::Csv => csv_line(posting),
        JournalForm::JsonLines => leaf::line(market, posting).map_err(AppError::internal),
    }
}

/// Reads the form from a file's name.
///
/// # Errors
/// `not_found`.
pub fn journal_form(file: &str) -> Result<JournalForm, AppError> {
    match file {
        "journal.csv" => Ok(JournalForm::Csv),
        "journal.jsonl" => Ok(JournalForm::JsonLines),
        _ => {
            let message =
                Message::new("Chỉ có journal.csv và journal.jsonl.", "There are journal.csv and journal.jsonl.");
            Err(AppError::new(ErrorKind::NotFound, "not_found", message))
        }
    }
}
