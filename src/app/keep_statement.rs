//! Handing in a bank's statement: the file is kept with its hash, and of its lines those that no
//! file before it told of. All of it or nothing; the same file a second time changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::App;
use super::banks::find_bank;
use super::error::{AppError, ErrorKind, Message};
use super::ids::IdSource;
use super::note;
use super::read_statement::{notes_json, read_statement};
use super::statement_contradiction::contradicts;
use super::statement_dates::{Accounts, Lines, covers, dates, extents, span};
use crate::domain::account::{AccountNumber, BankAccount, BankBin, SettledAccount};
use crate::domain::audit::Action;
use crate::domain::banks;
use crate::domain::calendar::BusinessDate;
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketCode, MarketId};
use crate::domain::language::Language;
use crate::domain::money::Dong;
use crate::domain::reconciliation::{BankLine, Standing, StatementId};
use crate::domain::settlement::Direction;
use crate::domain::statement::{BookedAt, Note, StatementFile, StatementLine};
use crate::ledger::reconcile::merge::{self, Contradiction, Extent, Fate, KnownLine, LineKey, NewLine};
use crate::store::engine::Transaction;
use crate::store::error::StoreError;
use crate::store::routing::Directory;
use crate::store::statements::{self, Day, Kept, Part};
use crate::store::{head, statement_lines};

/// Longest file name that is kept, in characters.
const FILE_NAME_MAX: usize = 200;
/// How often a file is kept again after another process was faster.
const ATTEMPTS: u32 = 3;

/// A file to hand in.
#[derive(Debug, Clone)]
pub struct HandIn {
    /// The market whose accounts it is about.
    pub market: MarketCode,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its name, for people.
    pub file_name: String,
    /// The text of a layout, for a bank that is not known.
    pub map: Option<String>,
    /// The bank, where its accounts' numbers do not decide: BIN, code or name.
    pub bank: Option<String>,
    /// It holds every line of each of its dates, though it does not say so.
    pub whole: bool,
    /// Who hands it in.
    pub actor: String,
}

/// A file that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandedIn {
    /// Its name.
    pub id: StatementId,
    /// The market had this very file.
    pub already: bool,
}

/// A file that was read, with the accounts it is about.
struct Reading {
    file: StatementFile,
    /// The accounts of this market, by the place of their statements.
    accounts: Accounts,
    today: BusinessDate,
    whole: bool,
}

impl App {
    /// Keeps a statement.
    ///
    /// # Errors
    /// `not_found` for the market, what the file breaks, `account_not_listed`, `ambiguous_bank`,
    /// `statement_contradicts` where it and an earlier file cannot both be right.
    pub async fn keep_statement(&self, new: HandIn) -> Result<HandedIn, AppError> {
        let market = self.market(&new.market).await?;
        let hash = Hash(Sha256::digest(&new.bytes).into());
        if let Some(already) = self.kept_by_hash(market.id, hash).await? {
            return Ok(HandedIn { id: already.id, already: true });
        }
        let mut bytes = new.bytes;
        let byte_count = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let map = new.map.map(Arc::<str>::from);
        let id = self.ids.statement(market.id)?;
        for _ in 0..ATTEMPTS {
            let (read, described) = (std::mem::take(&mut bytes), map.clone());
            // Seconds of work for the largest files, which must not hold up webhooks.
            let work = tokio::task::spawn_blocking(move || (read_statement(&read, described.as_deref()), read));
            let (file, read) = work.await.map_err(AppError::internal)?;
            let file = file?;
            bytes = read;
            let directory = self.directory.refresh(&self.store).await?;
            let accounts = self.accounts_of(&directory, &market.code, market.id, &file, new.bank.as_deref()).await?;
            let kept = Kept {
                id,
                sha256: hash,
                file_name: shown_name(&new.file_name),
                format: file.format.clone(),
                byte_count,
                notes: notes_json(&file)?,
                uploaded_at: self.now(),
                uploaded_by: new.actor.clone(),
            };
            let reading = Reading { file, accounts, today: self.today(), whole: new.whole };
            let mut transaction = self.store.begin_write().await?;
            transaction.be_frugal()?;
            head::take(&mut transaction, market.id).await?;
            match write(&mut transaction, market.id, &kept, &mut bytes, reading).await {
                Ok(()) => {
                    let said = note::Note::of(Action::StatementTaken, kept.id).named(&kept.uploaded_by);
                    self.commit_noted(transaction, market.id, [said]).await?;
                    return Ok(HandedIn { id: kept.id, already: false });
                }
                Err(Failed::Store(StoreError::UniqueViolation)) => {
                    transaction.rollback().await?;
                    if let Some(already) = self.kept_by_hash(market.id, hash).await? {
                        return Ok(HandedIn { id: already.id, already: true });
                    }
                }
                Err(failed) => {
                    transaction.rollback().await?;
                    return Err(failed.told());
                }
            }
        }
        Err(StoreError::Contended { attempts: ATTEMPTS }.into())
    }

    async fn kept_by_hash(&self, market: MarketId, hash: Hash) -> Result<Option<Kept>, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let kept = statements::by_hash(&mut transaction, market, hash).await?;
        transaction.rollback().await?;
        Ok(kept)
    }

    /// Finds the accounts of the market that a file is about.
    async fn accounts_of(
        &self,
        directory: &Directory,
        code: &MarketCode,
        market: MarketId,
        file: &StatementFile,
        bank: Option<&str>,
    ) -> Result<Accounts, AppError> {
        let wanted = bank.map(find_bank).transpose()?.map(|(bin, _)| bin);
        let lost_zeros = file.notes.iter().any(|note| matches!(note, Note::AccountIsNumber(_)));
        let mut found = Vec::new();
        for (place, statement) in file.statements.iter().enumerate() {
            let number = listed_number(directory, market, &statement.account, lost_zeros);
            match settled(directory, market, &number, wanted.as_ref(), &file.format)? {
                Some((settled, bin)) => found.push((place, settled, Some(bin))),
                // The real account behind virtual ones is listed nowhere; the book knows it by its money.
                None if self.has_money_on(market, &number).await? => {
                    found.push((place, SettledAccount::of_number(&number), None));
                }
                None => {}
            }
        }
        if found.is_empty() {
            let tails: Vec<String> =
                file.statements.iter().take(5).map(|one| format!("…{}", one.account.last_four())).collect();
            let tails = tails.join(", ");
            let message = Message::new(
                format!("Sao kê của tài khoản {tails}, không phải tài khoản nhận tiền nào của chợ {code}."),
                format!("The statement is of account {tails}, which is no receiving account of market {code}."),
            );
            return Err(AppError::new(ErrorKind::Invalid, "account_not_listed", message));
        }
        Ok(found)
    }

    async fn has_money_on(&self, market: MarketId, number: &AccountNumber) -> Result<bool, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let known = statement_lines::bank_account_known(&mut transaction, market, number).await?;
        transaction.rollback().await?;
        Ok(known)
    }
}

impl IdSource {
    /// Returns a name for a statement of a market.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn statement(&self, market: MarketId) -> Result<StatementId, AppError> {
        Ok(StatementId::new(market, self.uuid()?))
    }
}

fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !c.is_control()).take(FILE_NAME_MAX).collect()
}

/// Spreadsheets drop the zeros in front of a number: then the one account that has them is meant.
fn listed_number(directory: &Directory, market: MarketId, number: &AccountNumber, lost_zeros: bool) -> AccountNumber {
    let listed =
        |number: &AccountNumber| directory.routes.get(number).into_iter().flatten().any(|route| route.market == market);
    if !lost_zeros || listed(number) {
        return number.clone();
    }
    let mut same = directory
        .routes
        .keys()
        .filter(|other| other.as_str().trim_start_matches('0') == number.as_str() && listed(other));
    match (same.next(), same.next()) {
        (Some(only), None) => only.clone(),
        _ => number.clone(),
    }
}

/// Finds the bank of an account and the key under which its money settles.
fn settled(
    directory: &Directory,
    market: MarketId,
    number: &AccountNumber,
    wanted: Option<&BankBin>,
    format: &str,
) -> Result<Option<(SettledAccount, BankBin)>, AppError> {
    let routes = || directory.routes.get(number).into_iter().flatten();
    let everywhere: BTreeSet<&BankBin> = routes().map(|route| &route.bin).collect();
    let here: BTreeSet<&BankBin> = routes().filter(|route| route.market == market).map(|route| &route.bin).collect();
    let hinted = || banks::matches_hint(format).and_then(|bank| here.iter().find(|bin| bin.as_str() == bank.bin));
    let bin = match (wanted, here.len()) {
        (Some(wanted), _) => here.get(wanted).copied(),
        (None, 0) => None,
        (None, 1) => here.first().copied(),
        (None, _) => match hinted() {
            Some(bin) => Some(*bin),
            None => return Err(ambiguous(number, &here)),
        },
    };
    let Some(bin) = bin else { return Ok(None) };
    let key = if everywhere.len() > 1 {
        SettledAccount::shared(&BankAccount { bin: bin.clone(), number: number.clone() })
    } else {
        SettledAccount::of_number(number)
    };
    Ok(Some((key, bin.clone())))
}

fn ambiguous(number: &AccountNumber, banks: &BTreeSet<&BankBin>) -> AppError {
    let name = |bin: &&&BankBin| banks::by_bin(bin.as_str()).map_or(bin.as_str(), |bank| bank.short_name).to_owned();
    let (names, tail) = (banks.iter().map(|bin| name(&bin)).collect::<Vec<_>>().join(", "), number.last_four());
    let message = Message::new(
        format!("Số tài khoản …{tail} có ở nhiều ngân hàng ({names}): hãy nói rõ ngân hàng bằng bin."),
        format!("Account …{tail} exists at several banks ({names}): say which with bin."),
    );
    AppError::field("bin", "ambiguous_bank", message)
}

/// Why a file was not kept.
enum Failed {
    Store(StoreError),
    App(AppError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failed {
    fn told(self) -> AppError {
        match self {
            Self::Store(error) => error.into(),
            Self::App(error) => error,
        }
    }
}

/// Writes a file. Its bytes are given away as soon as it is known to be new, its lines as they are written: the
/// largest file is not in memory twice.
async fn write(
    transaction: &mut Transaction,
    market: MarketId,
    kept: &Kept,
    raw: &mut Vec<u8>,
    mut reading: Reading,
) -> Result<(), Failed> {
    statements::add(transaction, market, kept).await?;
    statements::add_file(transaction, market, kept.id, &std::mem::take(raw)).await?;
    let parts: Vec<Part> = reading.accounts.iter().filter_map(|account| part(&reading, account)).collect();
    statements::add_parts(transaction, market, kept.id, &parts).await?;
    let mut next = statement_lines::next(transaction, market).await?;
    let extents = extents(&reading.accounts, &reading.file.statements).map_err(Failed::App)?;
    let mut days = Vec::new();
    let (accounts, format, today, whole) = (&reading.accounts, &reading.file.format, reading.today, reading.whole);
    for ((date, settled), mut lines) in dates(&extents, accounts, &mut reading.file.statements) {
        let covers = covers(&extents, format, (today, whole), date, &settled);
        let mut merging = Merging { transaction: &mut *transaction, market, id: kept.id };
        days.push(merging.date(date, &settled, covers, &mut lines, &mut next).await?);
    }
    drop(reading);
    statements::add_days(transaction, market, kept.id, &days).await?;
    Ok(())
}

fn part(reading: &Reading, (place, settled, bin): &(usize, SettledAccount, Option<BankBin>)) -> Option<Part> {
    let statement = reading.file.statements.get(*place)?;
    let (from, to) = span(statement).unwrap_or((reading.today, reading.today));
    Some(Part {
        settled: settled.clone(),
        bin: bin.as_ref().map(|bin| bin.as_str().to_owned()),
        opening: statement.opening,
        closing: statement.closing,
        from,
        to,
        proof: statement.proof.as_str().to_owned(),
        lines: i64::try_from(statement.lines.len()).unwrap_or(i64::MAX),
        credits: statement.total(Direction::Credit).unwrap_or(Dong::ZERO),
        debits: statement.total(Direction::Debit).unwrap_or(Dong::ZERO),
    })
}

/// Merging one file into the lines that are known.
struct Merging<'a> {
    transaction: &'a mut Transaction,
    market: MarketId,
    id: StatementId,
}

impl Merging<'_> {
    async fn date(
        &mut self,
        date: BusinessDate,
        settled: &SettledAccount,
        (whole, covered): (bool, bool),
        lines: &mut Lines<'_>,
        next: &mut i64,
    ) -> Result<Day, Failed> {
        let known = statement_lines::to_merge(self.transaction, self.market, settled, date).await?;
        let before = statements::covered(self.transaction, self.market, date, date).await?;
        let whole_before = before.iter().any(|day| day.settled == *settled && day.whole);
        let fates = match fates(&known, lines, Extent { whole, whole_before }) {
            Ok(fates) => fates,
            Err(contradiction) => return Err(self.contradicts(&contradiction, lines, date).await?),
        };
        drop(known);
        let (mut added, mut balances) = (Vec::new(), Vec::new());
        let last_at = lines.iter().filter_map(|(_, line)| instant(line)).max();
        for ((_, line), fate) in lines.iter_mut().zip(&fates) {
            let standing = match fate {
                Fate::Known(_) | Fate::Repeats => continue,
                Fate::Completes(number) => {
                    balances.extend(line.balance.map(|balance| (*number, balance)));
                    continue;
                }
                Fate::New => Standing::Counted,
                Fate::Doubtful => Standing::Doubtful,
            };
            let place = line.place.in_words(Language::English);
            added.push((bank_line(line, *next, settled, standing), place));
            *next = next.saturating_add(1);
            if added.len() == statement_lines::WRITTEN_TOGETHER {
                statement_lines::add(self.transaction, self.market, self.id, &added).await?;
                added.clear();
            }
        }
        statement_lines::add(self.transaction, self.market, self.id, &added).await?;
        statement_lines::complete(self.transaction, self.market, &balances).await?;
        if whole {
            statement_lines::settle(self.transaction, self.market, settled, date).await?;
        }
        let count = |wanted: fn(&Fate) -> bool| i64::try_from(fates.iter().filter(|fate| wanted(fate)).count());
        Ok(Day {
            settled: settled.clone(),
            date,
            whole,
            covered,
            last_at,
            lines: i64::try_from(lines.len()).unwrap_or(i64::MAX),
            added: count(|fate| *fate == Fate::New).unwrap_or(i64::MAX),
            known: count(|fate| matches!(fate, Fate::Known(_) | Fate::Completes(_) | Fate::Repeats))
                .unwrap_or(i64::MAX),
            doubtful: count(|fate| *fate == Fate::Doubtful).unwrap_or(i64::MAX),
        })
    }

    /// Says which of two files that both cover a date has a line that the other lacks.
    async fn contradicts(
        &mut self,
        contradiction: &Contradiction,
        lines: &Lines<'_>,
        date: BusinessDate,
    ) -> Result<Failed, StoreError> {
        let known = match contradiction {
            Contradiction::Lacks(number) => statement_lines::find(self.transaction, self.market, *number).await?,
            Contradiction::Adds(_) => None,
        };
        Ok(Failed::App(contradicts(contradiction, known.as_ref(), lines, date)))
    }
}

fn fates(known: &[KnownLine], lines: &Lines<'_>, extent: Extent) -> Result<Vec<Fate>, Contradiction> {
    let same = |one: &(usize, &mut StatementLine), other: &(usize, &mut StatementLine)| one.0 == other.0;
    let sizes: Vec<usize> = lines.chunk_by(same).map(<[_]>::len).collect();
    // Where nothing is known everything is new: of the busiest date no second list is made.
    if known.is_empty() && !extent.whole_before && sizes.len() < 2 {
        return Ok(vec![Fate::New; lines.len()]);
    }
    let new: Vec<NewLine> = lines.iter().map(|(_, line)| new_line(line)).collect();
    let mut rest = new.as_slice();
    let parts: Vec<&[NewLine]> = sizes.into_iter().filter_map(|size| rest.split_off(..size)).collect();
    merge::merge_parts(known, &parts, extent)
}

fn instant(line: &StatementLine) -> Option<jiff::Timestamp> {
    match line.booked_at {
        BookedAt::At(at) => Some(at),
        BookedAt::On(_) => None,
    }
}

fn new_line(line: &StatementLine) -> NewLine {
    let key = LineKey { direction: line.direction, amount: line.amount, reference: line.reference() };
    NewLine { key, balance: line.balance }
}

/// Makes a line of the book of one of the file, which gives its texts away.
fn bank_line(line: &mut StatementLine, number: i64, settled: &SettledAccount, standing: Standing) -> BankLine {
    let (reference, texts) = (line.reference(), std::mem::take(&mut line.texts));
    let texts = texts.read();
    BankLine {
        number,
        settled: settled.clone(),
        booked_on: line.booked_at.date(),
        booked_at: instant(line),
        reference,
        bank_ref: texts.bank_ref.to_owned(),
        direction: line.direction,
        amount: line.amount,
        balance: line.balance,
        memo: texts.memo.to_owned(),
        payer_ref: texts.payer_ref.to_owned(),
        counterparty: texts.counterparty.to_owned(),
        standing,
    }
}
