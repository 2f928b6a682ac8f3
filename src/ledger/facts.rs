//! What the writer read before a batch is judged: everything a decision may depend on.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::account::{AccountKind, BankAccount, SettledAccount};
use crate::domain::calendar::{BusinessDate, Cutoff};
use crate::domain::ids::{MarketId, Seq, SourceId, StallNumber};
use crate::domain::inbox::Outcome;
use crate::domain::money::Dong;
use crate::domain::posting::{PostingKind, Transfer};
use crate::domain::settlement::{BankRef, Settlement};

/// The head of one market's journal, as read at the start of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Moves with every write that the fence guards.
    pub version: i64,
    /// The journal's last number; 0 before the first posting.
    pub last_seq: i64,
    /// The inbox's last number; 0 before the first item.
    pub last_item: i64,
    /// The last batch's number; 0 before the first batch.
    pub last_batch: i64,
    /// The last batch's hash; zeros before the first batch.
    pub last_hash: Vec<u8>,
    /// The first date that is not closed.
    pub open_date: BusinessDate,
    /// The version of the reference tables at the same moment.
    pub reference_version: i64,
}

/// How exactly the event's time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// To the second, by the bank.
    Second,
    /// The calendar day only.
    Day,
    /// The bank's claim was missing or impossible: the time of recording stands in.
    Recorded,
}

impl Precision {
    /// Returns the word the store keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Day => "day",
            Self::Recorded => "none",
        }
    }
}

/// When an event happened, for the book (DESIGN §4.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventMoment {
    /// The instant; `None` when only the day is known.
    pub at: Option<Timestamp>,
    /// How exactly it is known.
    pub precision: Precision,
    /// What the bank claimed, when that was not believed.
    pub claimed: Option<Timestamp>,
    /// The bank's calendar date, UTC+7.
    pub event_date: BusinessDate,
}

/// A credit that holds an identity, or an earlier row that decides about one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its number in the market's inbox.
    pub item: i64,
    /// The item that posted the money: itself, or the earlier one it was paired with.
    pub credit: i64,
    /// Who reported it.
    pub source: SourceId,
    /// The sender's name for it, when it had one.
    pub event_id: Option<Arc<str>>,
    /// The real account it settled on.
    pub settled: SettledAccount,
    /// How much.
    pub amount: Dong,
    /// When, with how much precision.
    pub at: Option<Timestamp>,
    /// What the bank claimed, when that was not believed.
    pub claimed: Option<Timestamp>,
    /// The bank's calendar date.
    pub event_date: BusinessDate,
    /// The bank's reference.
    pub reference: Option<BankRef>,
    /// Which occurrence of that reference it is, from 0.
    pub occurrence: i64,
    /// The stall its memo names.
    pub memo_code: Option<StallNumber>,
    /// What became of it.
    pub outcome: Outcome,
    /// The posting made of it, by itself or when it was resolved.
    pub posting: Option<Seq>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// A stall's claim on an account, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StallBinding {
    /// The stall.
    pub stall: StallNumber,
    /// From this instant on.
    pub from: Timestamp,
    /// Up to this instant, exclusive.
    pub to: Option<Timestamp>,
    /// Whether it gets what no memo code decides.
    pub is_default: bool,
}

/// A receiving account of this market and whom it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBinding {
    /// Direct, virtual or collecting.
    pub kind: AccountKind,
    /// Its stalls, dated.
    pub stalls: Vec<StallBinding>,
}

/// The market's bindings; they change only past the fence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    /// Its receiving accounts.
    pub accounts: HashMap<BankAccount, AccountBinding>,
    /// All its stalls.
    pub stalls: HashSet<StallNumber>,
    /// Its cut-offs by the date from which each holds.
    pub cutoffs: BTreeMap<BusinessDate, Cutoff>,
}

impl Bindings {
    /// Returns the cut-off in force on a date.
    #[must_use]
    pub fn cutoff_on(&self, date: BusinessDate) -> Cutoff {
        self.cutoffs.range(..=date).next_back().map(|(_, cutoff)| *cutoff).unwrap_or_default()
    }

    /// Returns the book day of an instant under the cut-off of its calendar date.
    #[must_use]
    pub fn business_date(&self, instant: Timestamp) -> BusinessDate {
        BusinessDate::of(instant, self.cutoff_on(BusinessDate::of_calendar(instant)))
    }
}

/// A posting that a correction names or that rests on one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPosting {
    /// Its journal number.
    pub seq: Seq,
    /// Why it was made.
    pub kind: PostingKind,
    /// Its sides and amount.
    pub transfer: Transfer,
    /// The posting it corrects or rests on.
    pub concerns: Option<Seq>,
    /// When the money it stands for arrived, when that is known to the second.
    pub event_at: Option<Timestamp>,
}

/// A held item that a decision names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldItem {
    /// Its number in this market's inbox.
    pub item: i64,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why it is held.
    pub reason: Option<String>,
    /// Whether it was resolved already.
    pub resolved: bool,
    /// The movement it reports, when it is one.
    pub settlement: Option<Settlement>,
    /// Who reported it.
    pub source: SourceId,
    /// The real account it settled on.
    pub settled: Option<SettledAccount>,
    /// Whether it holds its event id.
    pub claims_event: bool,
    /// Whether it holds its reference.
    pub claims_reference: bool,
    /// The credit it was paired with, when it was held as a possible duplicate.
    pub paired_with: Option<i64>,
}

/// Everything one batch of one market is judged by.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The market.
    pub market: MarketId,
    /// The head as read.
    pub head: Head,
    /// The time of recording, one for the whole batch.
    pub recorded_at: Timestamp,
    /// Who is bound to what.
    pub bindings: Arc<Bindings>,
    /// Several sources report to this market: one's credit may be another's.
    pub several: bool,
    /// Identity (a): the holders of the batch's event ids, by source.
    pub events: HashMap<SourceId, HashMap<Arc<str>, Arc<Claim>>>,
    /// Identity (b): the holders of the batch's references, by account and the bank's date.
    pub references: HashMap<(SettledAccount, BusinessDate, BankRef), Vec<Arc<Claim>>>,
    /// Identity (c): posted credits of the batch's accounts and amounts, the day before to the day after.
    pub credits: HashMap<(SettledAccount, Dong), Vec<Arc<Claim>>>,
    /// Credits, with the sources whose report has been recognised as it.
    pub pairings: HashSet<(i64, SourceId)>,
    /// Sources whose references another source has confirmed in this market.
    pub agreeing: HashSet<SourceId>,
    /// Accounts' dates of which a statement holds every line.
    pub whole_days: HashSet<(SettledAccount, BusinessDate)>,
    /// Refunds that were recorded of the lines which corrections name.
    pub refunds: HashMap<i64, Vec<Seq>>,
    /// Postings that corrections name, whatever rests on them, and the postings those rest on.
    pub postings: BTreeMap<Seq, KnownPosting>,
    /// Items that decisions name.
    pub held: HashMap<i64, HeldItem>,
}

impl Facts {
    /// Tells whether a posting still has effect: it was not reversed, or its reversal was.
    #[must_use]
    pub fn is_live(&self, seq: Seq) -> bool {
        let reversal =
            self.postings.values().find(|p| p.kind == PostingKind::Reversal && p.concerns == Some(seq)).map(|p| p.seq);
        match reversal {
            // A reversal is always later than what it reverses, so this ends.
            Some(reversal) if reversal > seq => !self.is_live(reversal),
            Some(_) | None => true,
        }
    }

    /// Returns what a chain of reversals began with: the posting itself when it is no reversal.
    #[must_use]
    pub fn root<'a>(&'a self, posting: &'a KnownPosting) -> &'a KnownPosting {
        let earlier = posting.concerns.filter(|seq| posting.kind == PostingKind::Reversal && *seq < posting.seq);
        match earlier.and_then(|seq| self.postings.get(&seq)) {
            Some(reversed) => self.root(reversed),
            None => posting,
        }
    }
}
