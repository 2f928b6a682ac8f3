//! Checking an export with nothing but the market's public key: the sums of its files, the hash
//! chain over postings and items, the root, figures and signature of every close.
//!
//! The journal is read line by line: what stays in memory grows with dates, stalls and accounts, not
//! with postings. Nothing in the file is trusted, least of all its sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Seek};

use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::link;
use super::manifest::{FORMAT, Manifest};
use super::{BATCHES, ITEMS, JOURNAL, KEYS, MANIFEST, SUMS, item};
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::Figure;
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketCode, MarketId};
use crate::domain::posting::PostingKind;
use crate::ledger::batch::{Batch, JudgedRow, Posting};
use crate::ledger::chain::{self, Link};
use crate::ledger::facts::Head;
use crate::ledger::seal::close::SignedClose;
use crate::ledger::seal::figures::{self, DayFigures};
use crate::ledger::seal::key::{MarketKey, PublicKey};
use crate::ledger::seal::proof::{self, Flaw, PublishedKey};
use crate::ledger::seal::{leaf, merkle};
use crate::ledger::totals::{Deltas, root_by_accounts};

/// Most files of an export: two for each day, and a dozen.
const FILES_MAX: usize = 200;
/// Largest of the small files, in bytes: a report with ten thousand stalls.
const SMALL_MAX: u64 = 16 << 20;
/// Largest file of lines, in bytes once unpacked: a hundred million postings. Stops a zip bomb.
const LINES_MAX: u64 = 64 << 30;
/// Longest line, in bytes.
const LINE_MAX: u64 = 1 << 20;
/// Most postings or items of one batch.
const BATCH_MAX: i64 = 1_000_000;

/// An export that is what the market sealed.
#[derive(Debug)]
pub struct Export {
    /// What it says about itself.
    pub manifest: Manifest,
    /// The market.
    pub market: MarketCode,
    /// The month's closes, in order.
    pub closes: Vec<SignedClose>,
    /// The fingerprint of the key that signed the last of them.
    pub fingerprint: Option<String>,
    /// What the month's postings and items add up to.
    pub deltas: Deltas,
    /// The month's postings by date and kind.
    pub kinds: BTreeMap<(BusinessDate, PostingKind), Figure>,
    /// The daily reports that lie in it, by date, as text.
    pub reports: BTreeMap<BusinessDate, String>,
    /// All postings in it; some at its edges may be of other months.
    pub postings: i64,
    /// All links of the chain in it.
    pub batches: i64,
}

fn unreadable(what: &str, error: &dyn std::fmt::Display) -> Flaw {
    Flaw::Unreadable(format!("{what}: {error}"))
}

/// Checks an export; `open` opens its bytes, several times over.
///
/// # Errors
/// [`Flaw`]: the first thing that is wrong.
pub fn export<R: Read + Seek>(open: impl Fn() -> io::Result<R>, trusted: &PublicKey) -> Result<Export, Flaw> {
    let mut archive = archive(&open)?;
    sums(&mut archive)?;
    let manifest: Manifest = json(&mut archive, MANIFEST)?;
    if manifest.format != FORMAT {
        return Err(Flaw::Unreadable(format!("it is no {FORMAT}")));
    }
    let market: MarketCode = manifest.market.parse().map_err(|error| unreadable(MANIFEST, &error))?;
    let published: Vec<PublishedKey> = json(&mut archive, KEYS)?;
    let keys = published.iter().map(|key| proof::key_of(&market, key)).collect::<Result<Vec<_>, _>>()?;
    let (closes, reports) = dated(&mut archive, &manifest, &market)?;
    let fingerprint = check_signatures(&closes, &keys, trusted)?;
    let mut walk = Walk::new(&manifest, market.clone(), &closes)?;
    walk.batches(&open)?;
    walk.check_closes(&closes)?;
    let Walk { deltas, kinds, postings, batches, .. } = walk;
    Ok(Export { manifest, market, closes, fingerprint, deltas, kinds, reports, postings, batches })
}

fn archive<R: Read + Seek>(open: impl Fn() -> io::Result<R>) -> Result<ZipArchive<R>, Flaw> {
    let reader = open().map_err(|error| unreadable("the file", &error))?;
    let archive = ZipArchive::new(reader).map_err(|error| unreadable("the zip file", &error))?;
    if archive.len() > FILES_MAX {
        return Err(Flaw::Unreadable(format!("it holds {} files, more than {FILES_MAX}", archive.len())));
    }
    Ok(archive)
}

fn small<R: Read + Seek>(archive: &mut ZipArchive<R>, name: &str) -> Result<Vec<u8>, Flaw> {
    let entry = archive.by_name(name).map_err(|error| unreadable(name, &error))?;
    let mut bytes = Vec::new();
    entry.take(SMALL_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| unreadable(name, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > SMALL_MAX) {
        return Err(Flaw::Unreadable(format!("{name}: larger than {SMALL_MAX} bytes")));
    }
    Ok(bytes)
}

fn text<R: Read + Seek>(archive: &mut ZipArchive<R>, name: &str) -> Result<String, Flaw> {
    String::from_utf8(small(archive, name)?).map_err(|error| unreadable(name, &error))
}

fn json<R: Read + Seek, T: serde::de::DeserializeOwned>(archive: &mut ZipArchive<R>, name: &str) -> Result<T, Flaw> {
    serde_json::from_slice(&small(archive, name)?).map_err(|error| unreadable(name, &error))
}

/// Every file but the list itself has the sum that the list says, and none is missing.
fn sums<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Result<(), Flaw> {
    let list = text(archive, SUMS)?;
    let mut listed = BTreeMap::new();
    for line in list.lines() {
        let (sum, name) = line.split_once("  ").ok_or_else(|| unreadable(SUMS, &format!("line {line:?}")))?;
        let sum: Hash = sum.parse().map_err(|error| unreadable(SUMS, &error))?;
        listed.insert(name.to_owned(), sum);
    }
    let unlisted = names(archive)?.into_iter().find(|name| name != SUMS && !listed.contains_key(name));
    if let Some(name) = unlisted {
        return Err(Flaw::Differs(format!("{name} is not listed in {SUMS}")));
    }
    for (name, sum) in listed {
        let entry = archive.by_name(&name).map_err(|error| unreadable(&name, &error))?;
        if hash_of(entry.take(LINES_MAX)).map_err(|error| unreadable(&name, &error))? != sum {
            return Err(Flaw::Differs(format!("{name} is not the file whose sum {SUMS} lists")));
        }
    }
    Ok(())
}

fn names<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<BTreeSet<String>, Flaw> {
    let name = |name: zip::result::ZipResult<std::borrow::Cow<'_, str>>| name.map(std::borrow::Cow::into_owned);
    archive.file_names().map(name).collect::<Result<_, _>>().map_err(|error| unreadable("a file's name", &error))
}

fn hash_of(mut reader: impl Read) -> io::Result<Hash> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = reader.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        sum.update(bytes);
    }
    Ok(Hash(sum.finalize().into()))
}

type Dated = (Vec<SignedClose>, BTreeMap<BusinessDate, String>);

/// Reads the files that are named by a date: closes with their signatures, and reports.
fn dated<R: Read + Seek>(archive: &mut ZipArchive<R>, manifest: &Manifest, market: &MarketCode) -> Result<Dated, Flaw> {
    let (mut closes, mut reports) = (Vec::new(), BTreeMap::new());
    for name in names(archive)? {
        let Some((folder, rest)) = name.split_once('/') else { continue };
        let Some(date) = rest.strip_suffix(".json") else { continue };
        let date: BusinessDate = date.parse().map_err(|error| unreadable(&name, &error))?;
        match folder {
            "closes" => {
                let signature = small(archive, &format!("closes/{date}.sig"))?;
                let signed = proof::signed(&text(archive, &name)?, &proof::base64(&signature))?;
                let of = (&signed.close.market, signed.close.business_date);
                if of != (market, date) || !is_in(date, &manifest.month) {
                    return Err(Flaw::Mixed(format!("{name} is the close of {} on {}", of.0, of.1)));
                }
                closes.push(signed);
            }
            "reports" => {
                reports.insert(date, text(archive, &name)?);
            }
            _ => {}
        }
    }
    Ok((closes, reports))
}

/// Tells whether a date is of a month written `2026-11`.
fn is_in(date: BusinessDate, month: &str) -> bool {
    date.to_string().strip_prefix(month).is_some_and(|rest| rest.starts_with('-'))
}

fn check_signatures(closes: &[SignedClose], keys: &[MarketKey], trusted: &PublicKey) -> Result<Option<String>, Flaw> {
    let mut signer = None;
    let mut before: Option<&SignedClose> = None;
    for closed in closes {
        signer = Some(proof::check_signature(closed, keys, trusted)?.fingerprint());
        let date = closed.close.business_date;
        if before
            .is_some_and(|before| before.close.business_date.next() != date || before.hash != closed.close.previous)
        {
            return Err(Flaw::Differs(format!("the close of {date} does not follow on the one before it")));
        }
        before = Some(closed);
    }
    Ok(signer)
}

/// What the journal has given so far.
struct Walk {
    market: MarketCode,
    market_id: MarketId,
    month: String,
    sealed: BTreeSet<BusinessDate>,
    /// The chain's ends that closes name, and where they were met.
    ends: BTreeMap<Hash, Option<i64>>,
    opening: crate::domain::daily_report::SideSums,
    trees: BTreeMap<BusinessDate, merkle::Growing>,
    weak: BTreeMap<BusinessDate, i64>,
    deltas: Deltas,
    kinds: BTreeMap<(BusinessDate, PostingKind), Figure>,
    postings: i64,
    batches: i64,
}

impl Walk {
    fn new(manifest: &Manifest, market: MarketCode, closes: &[SignedClose]) -> Result<Self, Flaw> {
        Ok(Self {
            market,
            market_id: MarketId::new(manifest.market_id).map_err(|error| unreadable(MANIFEST, &error))?,
            month: manifest.month.clone(),
            sealed: closes.iter().map(|closed| closed.close.business_date).collect(),
            ends: closes.iter().map(|closed| (closed.close.journal_hash, None)).collect(),
            opening: closes.first().map(|first| first.close.opening).unwrap_or_default(),
            trees: BTreeMap::new(),
            weak: BTreeMap::new(),
            deltas: Deltas::default(),
            kinds: BTreeMap::new(),
            postings: 0,
            batches: 0,
        })
    }

    fn batches<R: Read + Seek>(&mut self, open: &impl Fn() -> io::Result<R>) -> Result<(), Flaw> {
        let (mut links, mut journal, mut items) = (archive(open)?, archive(open)?, archive(open)?);
        let mut links = Lines::of(BATCHES, &mut links)?;
        let mut journal = Lines::of(JOURNAL, &mut journal)?;
        let mut items = Lines::of(ITEMS, &mut items)?;
        let mut before: Option<Link> = None;
        while let Some(line) = links.next()? {
            let link = link::read(&line).map_err(|error| links.flaw(&error))?;
            let follows = before.as_ref().is_none_or(|before| {
                before.number.checked_add(1) == Some(link.number)
                    && before.first_seq.checked_add(before.postings) == Some(link.first_seq)
                    && before.first_item.checked_add(before.items) == Some(link.first_item)
                    && before.hash == link.previous
            });
            let sizes = (0..=BATCH_MAX).contains(&link.postings) && (0..=BATCH_MAX).contains(&link.items);
            if !follows || !sizes {
                return Err(links.flaw(&"it does not follow on the batch before it"));
            }
            if before.is_none() {
                self.met(link.previous, link.first_seq.saturating_sub(1));
            }
            self.batch(&link, &mut journal, &mut items)?;
            self.met(link.hash, link.first_seq.saturating_add(link.postings).saturating_sub(1));
            self.batches = self.batches.saturating_add(1);
            before = Some(link);
        }
        for lines in [&mut journal, &mut items] {
            if lines.next()?.is_some() {
                return Err(lines.flaw(&"no batch covers it"));
            }
        }
        Ok(())
    }

    fn met(&mut self, hash: Hash, seq: i64) {
        if let Some(met) = self.ends.get_mut(&hash) {
            *met = Some(seq);
        }
    }

    fn batch(&mut self, link: &Link, journal: &mut Lines<'_>, items: &mut Lines<'_>) -> Result<(), Flaw> {
        let (mut batch, mut weak) = (empty_batch(self.market_id, link), BTreeSet::new());
        for expected in (link.first_item..).take(usize::try_from(link.items).unwrap_or_default()) {
            let row = item::read(&items.expect()?).map_err(|error| items.flaw(&error))?;
            if row.item != expected {
                return Err(items.flaw(&format!("item {expected} is missing")));
            }
            if row.event_id_weak {
                weak.insert(row.item);
            }
            self.item(&row, link)?;
            batch.items.push(row);
        }
        for expected in (link.first_seq..).take(usize::try_from(link.postings).unwrap_or_default()) {
            let text = journal.expect()?;
            let (market, posting) = leaf::read(&text).map_err(|error| journal.flaw(&error))?;
            if posting.seq.get() != expected || market != self.market {
                return Err(journal.flaw(&format!("posting {}-{expected} is missing", self.market)));
            }
            self.posting(&text, &posting, posting.item.is_some_and(|item| weak.contains(&item)))?;
            batch.postings.push(posting);
        }
        if Hash(chain::hash(&batch)) == link.hash {
            Ok(())
        } else {
            let (number, last) = (link.number, link.first_seq.saturating_add(link.postings).saturating_sub(1));
            let first = link.first_seq;
            Err(Flaw::Differs(format!("batch {number} (postings {first} to {last}): its lines do not give its hash")))
        }
    }

    fn item(&mut self, row: &JudgedRow, link: &Link) -> Result<(), Flaw> {
        if !is_in(row.business_date, &self.month) {
            return Ok(());
        }
        let added = self.deltas.add_item(row, link.recorded_at.as_microsecond());
        added.map_err(|error| Flaw::Differs(error.to_string()))
    }

    fn posting(&mut self, line: &str, posting: &Posting, weak: bool) -> Result<(), Flaw> {
        self.postings = self.postings.saturating_add(1);
        let date = posting.business_date;
        if !is_in(date, &self.month) {
            return Ok(());
        }
        let too_much = |error: &dyn std::fmt::Display| Flaw::Differs(error.to_string());
        self.deltas.add_posting(posting, &root_by_accounts(posting)).map_err(|error| too_much(&error))?;
        let kind = self.kinds.entry((date, posting.kind)).or_default();
        kind.count = kind.count.saturating_add(1);
        let sum = kind.amount.checked_add(posting.transfer.amount);
        kind.amount = sum.ok_or_else(|| too_much(&"a sum exceeds what an account can hold"))?;
        if self.sealed.contains(&date) {
            self.trees.entry(date).or_default().push(merkle::leaf(line.as_bytes()));
            if weak && posting.kind == PostingKind::Settle {
                let count = self.weak.entry(date).or_default();
                *count = count.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Root, place in the chain and figures of every close.
    fn check_closes(&self, closes: &[SignedClose]) -> Result<(), Flaw> {
        let derived = figures::by_date(&self.deltas, self.opening).map_err(|error| Flaw::Differs(error.to_string()))?;
        let empty = merkle::Growing::default();
        let mut before = DayFigures { closing: self.opening, ..DayFigures::default() };
        for closed in closes {
            let said = &closed.close;
            let date = said.business_date;
            let tree = self.trees.get(&date).unwrap_or(&empty);
            if (tree.root(), i64::try_from(tree.size())) != (said.merkle_root, Ok(said.postings)) {
                let (size, root) = (tree.size(), said.merkle_root);
                let what = format!("{date}: {size} postings do not give the root {root} of {}", said.postings);
                return Err(Flaw::Differs(what));
            }
            let nothing_yet = said.journal_hash == Hash::ZERO && said.journal_seq.get() == 0;
            if !nothing_yet && self.ends.get(&said.journal_hash) != Some(&Some(said.journal_seq.get())) {
                return Err(Flaw::Differs(format!("{date}: the chain does not pass the hash that its close names")));
            }
            let day = derived.get(&date).copied().unwrap_or_else(|| before.quiet_after());
            let weak = self.weak.get(&date).copied().unwrap_or_default();
            if (day, weak) != (DayFigures::said(said), said.weak) {
                let said = DayFigures::said(said);
                return Err(Flaw::Differs(format!("{date}: the close states {said:?}, its postings give {day:?}")));
            }
            before = day;
        }
        Ok(())
    }
}

fn empty_batch(market: MarketId, link: &Link) -> Batch<'static> {
    Batch {
        market,
        number: link.number,
        recorded_at: link.recorded_at,
        postings: Vec::new(),
        items: Vec::new(),
        texts: Vec::new(),
        pairings: Vec::new(),
        released: Vec::new(),
        agreeing: BTreeSet::new(),
        refunds: Vec::new(),
        deltas: Deltas::default(),
        previous_hash: link.previous.0.to_vec(),
        next_head: Head {
            version: 0,
            last_seq: 0,
            last_item: 0,
            last_batch: 0,
            last_hash: Vec::new(),
            open_date: BusinessDate::BEGINNING,
            reference_version: 0,
        },
    }
}

/// A file of lines, read one by one.
struct Lines<'a> {
    name: &'static str,
    number: u64,
    reader: BufReader<Box<dyn Read + 'a>>,
}

impl<'a> Lines<'a> {
    fn of<R: Read + Seek>(name: &'static str, archive: &'a mut ZipArchive<R>) -> Result<Self, Flaw> {
        let entry = archive.by_name(name).map_err(|error| unreadable(name, &error))?;
        Ok(Self { name, number: 0, reader: BufReader::new(Box::new(entry.take(LINES_MAX))) })
    }

    fn next(&mut self) -> Result<Option<String>, Flaw> {
        let mut line = Vec::new();
        let limit = LINE_MAX.saturating_add(1);
        let read = Read::by_ref(&mut self.reader).take(limit).read_until(b'\n', &mut line);
        read.map_err(|error| unreadable(self.name, &error))?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        let Some(b'\n') = line.pop() else { return Err(self.flaw(&"it has no end, or is too long")) };
        String::from_utf8(line).map(Some).map_err(|error| self.flaw(&error))
    }

    fn expect(&mut self) -> Result<String, Flaw> {
        self.next()?.ok_or_else(|| self.flaw(&"the file ends before its batches do"))
    }

    fn flaw(&self, what: &dyn std::fmt::Display) -> Flaw {
        Flaw::Differs(format!("{} line {}: {what}", self.name, self.number))
    }
}
