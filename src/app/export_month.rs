//! Exporting a month of a market's book for whoever wants to check it without us: see `evidence`.

use std::io::{Seek, Write};

use jiff::Timestamp;

use super::App;
use super::daily_report::to_json;
use super::error::{AppError, ErrorKind, Message};
use super::note::Note;
use super::progress::{Listener, Progress, Step};
use crate::domain::audit::{Action, AuditPoint};
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::ids::{MarketCode, Seq, StallNumber};
use crate::domain::registration::Market;
use crate::evidence::archive::Archive;
use crate::evidence::manifest::{FORMAT, Manifest, Source, Stall};
use crate::evidence::{BATCHES, ITEMS, JOURNAL, KEYS, MANIFEST, README, README_TEXT, item, link};
use crate::ledger::batch::Posting;
use crate::ledger::chain::Link;
use crate::ledger::seal::close::SignedClose;
use crate::ledger::seal::leaf;
use crate::ledger::seal::proof::PublishedKey;
use crate::store::engine::Transaction;
use crate::store::{audit, closes, export, keys};

/// Most closes of a month.
const CLOSES_MAX: i64 = 31;

/// A calendar month, written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    first: BusinessDate,
}

impl std::str::FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let first = format!("{text}-01").parse().map_err(|_| format!("{text:?} is not a month written 2026-11"))?;
        Ok(Self { first })
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = self.first.to_string();
        // Once: in January what is left ends like that too.
        f.write_str(first.strip_suffix("-01").unwrap_or(&first))
    }
}

impl Month {
    fn last(self) -> BusinessDate {
        BusinessDate::from_date(self.first.date().last_of_month())
    }
}

/// What was exported.
#[derive(Debug, Clone)]
pub struct Exported {
    /// Postings in the file.
    pub postings: i64,
    /// Links of the chain in the file.
    pub batches: i64,
    /// Closed dates of the month.
    pub closed: usize,
}

/// The part of the chain that is exported, and where each list begins and ends.
struct Part {
    first: Link,
    last: Link,
}

impl App {
    /// Writes the export of a month.
    ///
    /// # Errors
    /// `not_found` for the market; `nothing_to_export`; `export_file` when the file cannot be
    /// written; whatever the store meets.
    pub async fn export_month<W: Write + Seek + Send>(
        &self,
        code: &MarketCode,
        month: Month,
        to: W,
        progress: Listener<'_>,
    ) -> Result<Exported, AppError> {
        let market = self.market(code).await?;
        let mut archive = Archive::new(to);
        let mut transaction = self.store.begin_read().await?;
        let (before, end) = (month.first.previous(), month.last());
        let sealed = closes::between(&mut transaction, market.id, before, end, CLOSES_MAX).await?;
        let ends = sealed.last().map(|last| last.close.journal_hash);
        let range = export::range(&mut transaction, market.id, (month.first, end), ends).await?;
        let part = match range {
            Some((first, last)) => part(&mut transaction, &market, first, last).await?,
            None => None,
        };
        if part.is_none() && sealed.is_empty() {
            let vi = format!("Chợ {code} không có bút toán nào trong tháng {month}.");
            let en = format!("Market {code} has no posting in {month}.");
            return Err(AppError::new(ErrorKind::NotFound, "nothing_to_export", Message::new(vi, en)));
        }
        self.head(&mut transaction, &mut archive, &market, month).await?;
        let (postings, batches) = lines(&mut transaction, &mut archive, &market, part.as_ref(), progress).await?;
        transaction.rollback().await?;
        for closed in &sealed {
            self.closed_day(&mut archive, code, closed).await?;
        }
        let mut file = archive.finish().map_err(|error| cannot_write(&error))?;
        file.flush().map_err(|error| cannot_write(&error))?;
        self.note_apart(market.id, [Note::of(Action::BookExported, month)]).await?;
        Ok(Exported { postings, batches, closed: sealed.len() })
    }

    /// Writes what explains the rest: read-me, manifest, keys.
    async fn head<W: Write + Seek + Send>(
        &self,
        transaction: &mut Transaction,
        archive: &mut Archive<W>,
        market: &Market,
        month: Month,
    ) -> Result<(), AppError> {
        let stalls = self.stalls(&market.code, None).await?;
        let sources = export::sources(transaction, market.id).await?;
        let made_at = Timestamp::from_second(self.now().as_second()).unwrap_or_default();
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            market: market.code.to_string(),
            market_id: market.id.get(),
            name: market.name.to_string(),
            demo: market.demo,
            month: month.to_string(),
            made_at: rfc3339(made_at),
            stalls: stalls
                .into_iter()
                .map(|stall| Stall {
                    number: stall.number.get(),
                    code: stall.code.to_string(),
                    category: stall.category,
                })
                .collect(),
            sources: sources
                .into_iter()
                .map(|(number, name)| Source { number: number.get(), name: name.to_string() })
                .collect(),
        };
        let keys = keys::all(transaction, market.id).await?;
        let published: Vec<PublishedKey> = keys.iter().map(PublishedKey::of).collect();
        let json = |value: serde_json::Result<String>| value.map_err(AppError::internal);
        let log = audit::heads(transaction, &[market.id]).await?;
        let logged = |(_, seq, hash)| {
            let point = AuditPoint { market: Some(market.code.clone()), seq, hash };
            format!(
                "\nThe market's audit log when this was made / Nhật ký kiểm toán của chợ khi xuất\n   {point}\nWith the book / Với sổ:   socho verify --audit-head {point}\n"
            )
        };
        let readme = format!("{README_TEXT}{}", log.into_iter().map(logged).collect::<String>());
        let mut write = |name: &str, text: &str| archive.entry(name, text.as_bytes()).map_err(|e| cannot_write(&e));
        write(README, &readme)?;
        write(MANIFEST, &json(serde_json::to_string_pretty(&manifest))?)?;
        write(KEYS, &json(serde_json::to_string_pretty(&published))?)?;
        keys.iter().try_for_each(|key| write(&format!("keys/{}.pem", key.number), &key.public.to_pem()))
    }

    async fn closed_day<W: Write + Seek + Send>(
        &self,
        archive: &mut Archive<W>,
        code: &MarketCode,
        closed: &SignedClose,
    ) -> Result<(), AppError> {
        let date = closed.close.business_date;
        let report = to_json(&self.daily_report(code, date).await?)?;
        for (name, bytes) in [
            (format!("closes/{date}.json"), closed.statement.as_bytes()),
            (format!("closes/{date}.sig"), closed.signature.as_slice()),
            (format!("reports/{date}.json"), report.as_bytes()),
        ] {
            archive.entry(&name, bytes).map_err(|error| cannot_write(&error))?;
        }
        Ok(())
    }
}

async fn part(transaction: &mut Transaction, market: &Market, first: i64, last: i64) -> Result<Option<Part>, AppError> {
    let first = export::link(transaction, market.id, first).await?;
    let last = export::link(transaction, market.id, last).await?;
    Ok(first.zip(last).map(|(first, last)| Part { first, last }))
}

/// A month on its way from the book into the file.
struct Transfer<'a, W: Write + Seek> {
    transaction: &'a mut Transaction,
    archive: &'a mut Archive<W>,
    market: &'a Market,
}

impl<W: Write + Seek + Send> Transfer<'_, W> {
    /// Writes the postings after `after` up to `up_to`, each as `line` spells it.
    async fn journal(
        &mut self,
        (after, up_to): (i64, i64),
        line: impl Fn(&Posting) -> Result<String, AppError> + Send,
        written: impl Fn(i64) + Send + Sync,
    ) -> Result<(), AppError> {
        let mut last = after;
        loop {
            let found = export::journal(self.transaction, self.market.id, last, up_to).await?;
            let Some(newest) = found.last() else { return Ok(()) };
            last = newest.seq.get();
            for posting in &found {
                self.line(&line(posting)?)?;
            }
            written(last - after);
        }
    }

    async fn items(&mut self, (after, up_to): (i64, i64)) -> Result<(), AppError> {
        let mut last = after;
        loop {
            let found = export::items(self.transaction, self.market.id, last, up_to).await?;
            let Some(newest) = found.last() else { return Ok(()) };
            last = newest.item;
            for row in &found {
                self.line(&item::line(row).map_err(AppError::internal)?)?;
            }
        }
    }

    async fn links(&mut self, (after, up_to): (i64, i64)) -> Result<(), AppError> {
        let mut last = after;
        loop {
            let found = export::links(self.transaction, self.market.id, last, up_to).await?;
            let Some(newest) = found.last() else { return Ok(()) };
            last = newest.number;
            for found in &found {
                self.line(&link::line(found).map_err(AppError::internal)?)?;
            }
        }
    }

    fn begin(&mut self, name: &str) -> Result<(), AppError> {
        self.archive.begin(name).map_err(|error| cannot_write(&error))
    }

    fn line(&mut self, line: &str) -> Result<(), AppError> {
        self.archive.line(line).map_err(|error| cannot_write(&error))
    }
}

/// Writes the journal twice, for machines and for people, the items, and the links over both.
async fn lines<W: Write + Seek + Send>(
    transaction: &mut Transaction,
    archive: &mut Archive<W>,
    market: &Market,
    part: Option<&Part>,
    progress: Listener<'_>,
) -> Result<(i64, i64), AppError> {
    let nothing = ((0, 0), (0, 0), (0, 0));
    let (seqs, items, batches) = part.map_or(nothing, |Part { first, last }| {
        (
            (first.first_seq - 1, last.first_seq + last.postings - 1),
            (first.first_item - 1, last.first_item + last.items - 1),
            (first.number - 1, last.number),
        )
    });
    let postings = seqs.1 - seqs.0;
    let total = postings.unsigned_abs().saturating_mul(2);
    let written = |done: i64| progress(Progress { step: Step::Export, done: done.unsigned_abs(), total });
    let mut transfer = Transfer { transaction, archive, market };
    transfer.begin(JOURNAL)?;
    let leaf = |posting: &Posting| leaf::line(&market.code, posting).map_err(AppError::internal);
    transfer.journal(seqs, leaf, written).await?;
    transfer.begin("journal.csv")?;
    transfer.line(CSV_HEAD)?;
    transfer.journal(seqs, csv_line, |done| written(postings + done)).await?;
    transfer.begin(ITEMS)?;
    transfer.items(items).await?;
    transfer.begin(BATCHES)?;
    transfer.links(batches).await?;
    Ok((postings, batches.1 - batches.0))
}

/// The heads of the journal as comma-separated values.
pub(super) const CSV_HEAD: &str = "seq,kind,debit,credit,amount,business_date,event_date,event_at,recorded_at,late,stall,item,\
    concerns,reason,actor";

/// Writes a posting as a line of CSV; a person's words that a spreadsheet would run are defused.
pub(super) fn csv_line(posting: &Posting) -> Result<String, AppError> {
    let number = |value: Option<i64>| value.map(|number| number.to_string()).unwrap_or_default();
    let words = |text: &Option<String>| crate::report::csv::defused(text.as_deref().unwrap_or_default());
    let fields = [
        posting.seq.get().to_string(),
        posting.kind.as_str().to_owned(),
        posting.transfer.debit.to_string(),
        posting.transfer.credit.to_string(),
        posting.transfer.amount.whole().to_string(),
        posting.business_date.to_string(),
        posting.event_date.to_string(),
        posting.event_at.map(rfc3339).unwrap_or_default(),
        rfc3339(posting.recorded_at),
        i64::from(posting.late).to_string(),
        number(posting.stall.map(StallNumber::get)),
        number(posting.item),
        number(posting.concerns.map(Seq::get)),
        words(&posting.reason),
        words(&posting.actor),
    ];
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(&fields).map_err(AppError::internal)?;
    let bytes = writer.into_inner().map_err(|error| AppError::internal(error.to_string()))?;
    let mut line = String::from_utf8(bytes).map_err(AppError::internal)?;
    line.truncate(line.trim_end_matches('\n').len());
    Ok(line)
}

fn cannot_write(error: &std::io::Error) -> AppError {
    let vi = format!("Không ghi được tệp xuất: {error}.");
    AppError::new(ErrorKind::Invalid, "export_file", Message::new(vi, format!("Cannot write the export: {error}.")))
}
