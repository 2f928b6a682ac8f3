//! The judgement of one batch: facts and work in, rows and outcomes out. Pure.
//!
//! Works are judged in order, and each sees what the ones before it in the batch decided.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::batch::{Batch, ItemText, JudgedRow, Pairing, Posting};
use super::corrections::NewPosting;
use super::destination::{self, Destination};
use super::facts::{Claim, EventMoment, Facts, HeldItem, KnownPosting, Precision};
use super::identity::{self, Candidate, Known, Verdict};
use super::routing::{self, Routed};
use super::totals::{Deltas, TotalsOverflow};
use super::work::{
    Compared, Content, Correction, CorrectionAction, Decision, Done, Incoming, IncomingItem, JudgedItem, Resolution,
    RuleBroken, Work,
};
use super::{chain, corrections};
use crate::domain::account::{BankAccount, SettledAccount};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{DeliveryId, Seq, SourceId};
use crate::domain::inbox::{Outcome, reason};
use crate::domain::ledger_account::LedgerAccount;
use crate::domain::posting::{PostingKind, Transfer};
use crate::domain::settlement::{EventId, EventTime, NotMoney, Settlement};

/// A judged batch and what became of each piece of work, in the order given.
#[derive(Debug, Clone)]
pub struct Judged<'w> {
    /// What to write.
    pub batch: Batch<'w>,
    /// What to answer.
    pub done: Vec<Done>,
}

/// Judges a batch.
///
/// # Errors
/// [`TotalsOverflow`] when a folded total leaves the range of an `i64`; nothing is decided then.
pub fn judge(facts: Facts, works: &[Work]) -> Result<Judged<'_>, TotalsOverflow> {
    let mut bench = Bench::new(facts);
    let mut done = Vec::with_capacity(works.len());
    for work in works {
        done.push(match work {
            Work::Deliver(incoming) => bench.deliver(incoming)?,
            Work::Correct(correction) => match corrections::decide(&bench.facts, correction) {
                Ok(decided) => Done::Posted(bench.correct(correction, decided)?),
                Err(rule) => Done::Refused(rule),
            },
            Work::Resolve(resolution) => bench.resolve(resolution)?,
        });
    }
    Ok(Judged { batch: bench.finish(), done })
}

struct Bench<'w> {
    facts: Facts,
    batch: Batch<'w>,
}

impl<'w> Bench<'w> {
    fn new(facts: Facts) -> Self {
        let batch = Batch {
            market: facts.market,
            number: facts.head.last_batch.saturating_add(1),
            recorded_at: facts.recorded_at,
            postings: Vec::new(),
            items: Vec::new(),
            texts: Vec::new(),
            pairings: Vec::new(),
            released: Vec::new(),
            agreeing: BTreeSet::new(),
            refunds: Vec::new(),
            deltas: Deltas::default(),
            previous_hash: facts.head.last_hash.clone(),
            next_head: facts.head.clone(),
        };
        Self { facts, batch }
    }

    fn finish(mut self) -> Batch<'w> {
        if !self.batch.is_empty() {
            self.batch.next_head.last_batch = self.batch.number;
            self.batch.next_head.last_hash = chain::hash(&self.batch).to_vec();
        }
        self.batch
    }

    fn correct(&mut self, correction: &Correction, decided: NewPosting) -> Result<Seq, TotalsOverflow> {
        let seq = self.post(decided)?;
        if let CorrectionAction::Refund { line, .. } = correction.action {
            self.batch.refunds.push((line, seq));
            self.facts.refunds.entry(line).or_default().push(seq);
        }
        Ok(seq)
    }

    fn deliver(&mut self, incoming: &'w Incoming) -> Result<Done, TotalsOverflow> {
        if incoming.reference_version != self.facts.head.reference_version {
            return Ok(Done::RouteAgain);
        }
        for held in incoming.items.iter().filter_map(|item| item.resolves) {
            if let Err(rule) = self.open_held(held) {
                return Ok(Done::Refused(rule));
            }
        }
        let items: Result<Vec<_>, _> = incoming.items.iter().map(|item| self.item(incoming, item)).collect();
        Ok(Done::Judged(items?))
    }

    fn item(&mut self, incoming: &Incoming, item: &'w IncomingItem) -> Result<JudgedItem, TotalsOverflow> {
        let mut row = self.blank_row(incoming.source, incoming.delivery, item);
        match &item.content {
            Content::Credit { settlement, routed } => {
                let text = ItemText::of(row.item, item, Some(settlement));
                self.credit(row, text, (settlement, routed), item.compared.as_ref())
            }
            Content::Ignored { why, settlement } => {
                row.outcome = Outcome::Ignored;
                row.reason = Some(why.as_str().to_owned());
                if let Some(settlement) = settlement {
                    self.describe(&mut row, settlement);
                    self.contradicted_debit(&mut row, *why);
                }
                let text = ItemText::of(row.item, item, settlement.as_ref());
                self.file(row, text)
            }
            Content::Kept { outcome, why } => {
                row.outcome = *outcome;
                row.reason.clone_from(why);
                let text = ItemText::of(row.item, item, None);
                self.file(row, text)
            }
        }
    }

    /// An event id that was a credit and comes back as a debit is a conflict, not a debit.
    fn contradicted_debit(&self, row: &mut JudgedRow, why: NotMoney) {
        let earlier = row.event_id.as_ref().and_then(|id| self.facts.events.get(&row.source)?.get(id));
        if let (NotMoney::Debit, Some(earlier)) = (why, earlier) {
            row.outcome = Outcome::Quarantined;
            row.reason = Some(reason::CONFLICT.to_owned());
            row.earlier_item = Some(earlier.item);
        }
    }

    fn credit(
        &mut self,
        mut row: JudgedRow,
        text: ItemText<'w>,
        (settlement, routed): (&Settlement, &Routed),
        compared: Option<&Compared>,
    ) -> Result<JudgedItem, TotalsOverflow> {
        row.settled = Some(routed.settled.clone());
        self.describe(&mut row, settlement);
        let account = match &routed.account {
            Ok(account) if routed.market == self.facts.market => account,
            Ok(_) => return self.hold(row, text, reason::UNLISTED_ACCOUNT),
            Err(why) => return self.hold(row, text, why),
        };
        let destination = self.destination(account, settlement, row.moment);
        row.memo_code = destination.memo_code;
        let candidate = Candidate {
            source: row.source,
            event_id: &settlement.event_id,
            settled: &routed.settled,
            amount: settlement.amount,
            reference: settlement.reference.as_ref(),
            moment: row.moment,
            memo_code: row.memo_code,
            compared,
        };
        match identity::examine(&self.facts, &candidate) {
            Verdict::New => {
                row.claims_event = row.event_id.is_some();
                row.claims_reference = row.reference.is_some();
                self.book(row, text, settlement, destination)
            }
            Verdict::Known(known) => self.known(row, text, &known),
        }
    }

    fn destination(&self, account: &BankAccount, settlement: &Settlement, moment: EventMoment) -> Destination {
        // A day without an hour counts as its end: a binding made during the day already holds.
        let at = moment.at.unwrap_or_else(|| moment.event_date.next().starts_at());
        destination::find(&self.facts.bindings, account, &settlement.memo, at)
    }

    fn hold(&mut self, mut row: JudgedRow, text: ItemText<'w>, why: &str) -> Result<JudgedItem, TotalsOverflow> {
        row.outcome = Outcome::Quarantined;
        row.reason = Some(why.to_owned());
        self.file(row, text)
    }

    fn known(&mut self, mut row: JudgedRow, text: ItemText<'w>, known: &Known) -> Result<JudgedItem, TotalsOverflow> {
        row.outcome = if known.same_money { Outcome::Duplicate } else { Outcome::Quarantined };
        row.reason = Some(known.reason.to_owned());
        row.posting = known.earlier.posting.filter(|_| known.same_money);
        row.earlier_item = Some(known.earlier.item);
        row.claims_event = known.claims_event;
        row.claims_reference = known.claims_reference;
        if known.paired {
            let pairing = Pairing { credit: known.earlier.credit, source: row.source, item: row.item };
            self.batch.pairings.push(pairing);
            self.facts.pairings.insert((pairing.credit, pairing.source));
            if known.reason == reason::SAME_REFERENCE {
                for source in [row.source, known.earlier.source] {
                    if self.facts.agreeing.insert(source) {
                        self.batch.agreeing.insert(source);
                    }
                }
            }
        }
        // As it will be read again: a duplicate is the earlier one's money, a held item is its own until
        // a person decides.
        self.remember(&row, (row.outcome == Outcome::Duplicate).then_some(known.earlier.item));
        self.file(row, text)
    }

    /// Posts a credit to its stall or to suspense.
    fn book(
        &mut self,
        mut row: JudgedRow,
        text: ItemText<'w>,
        settlement: &Settlement,
        destination: Destination,
    ) -> Result<JudgedItem, TotalsOverflow> {
        let credit = match destination.stall {
            Ok(stall) => {
                row.outcome = Outcome::Recorded;
                LedgerAccount::Stall(stall)
            }
            Err(why) => {
                row.outcome = Outcome::Suspense;
                row.reason.get_or_insert_with(|| why.to_owned());
                LedgerAccount::Suspense
            }
        };
        let settled = row.settled.clone().unwrap_or_else(|| SettledAccount::of_number(&settlement.settled));
        let seq = self.post(NewPosting {
            kind: PostingKind::Settle,
            transfer: Transfer { debit: LedgerAccount::Bank(settled), credit, amount: settlement.amount },
            moment: row.moment,
            natural_date: self.natural_date(row.moment),
            item: Some(row.item),
            concerns: None,
            reason: (row.source == SourceId::STATEMENT).then(|| reason::FROM_STATEMENT.to_owned()),
            actor: row.actor.clone(),
        })?;
        row.posting = Some(seq);
        self.remember(&row, None);
        self.file(row, text)
    }

    /// Lets the rest of the batch meet this credit.
    fn remember(&mut self, row: &JudgedRow, credit: Option<i64>) {
        let (Some(settled), Some(amount)) = (row.settled.clone(), row.amount) else { return };
        let claim = Arc::new(Claim {
            item: row.item,
            credit: credit.unwrap_or(row.item),
            source: row.source,
            event_id: row.event_id.clone(),
            settled: settled.clone(),
            amount,
            at: row.moment.at,
            claimed: row.moment.claimed,
            event_date: row.moment.event_date,
            reference: row.reference.clone(),
            occurrence: row.occurrence,
            memo_code: row.memo_code,
            outcome: row.outcome,
            posting: row.posting,
            recorded_at: self.facts.recorded_at,
        });
        if let (true, Some(id)) = (row.claims_event, row.event_id.clone()) {
            self.facts.events.entry(row.source).or_default().insert(id, Arc::clone(&claim));
        }
        if let (true, Some(reference)) = (row.claims_reference, row.reference.clone()) {
            let key = (settled.clone(), row.moment.event_date, reference);
            self.facts.references.entry(key).or_insert_with(|| Vec::with_capacity(1)).push(Arc::clone(&claim));
        }
        if self.facts.several && matches!(row.outcome, Outcome::Recorded | Outcome::Suspense) {
            self.facts.credits.entry((settled, amount)).or_default().push(claim);
        }
    }

    fn resolve(&mut self, resolution: &Resolution) -> Result<Done, TotalsOverflow> {
        // Every rule is checked before the row gets its number: inbox numbers have no gap.
        let held = match self.resolvable(resolution) {
            Ok(held) => held,
            Err(rule) => return Ok(Done::Refused(rule)),
        };
        let item = IncomingItem {
            part: 0,
            content: Content::Kept { outcome: Outcome::Dismissed, why: None },
            salt: resolution.salt,
            raw: None,
            resolves: Some(resolution.item),
            actor: Some(resolution.actor.clone()),
            compared: None,
        };
        let mut row = self.blank_row(held.source, resolution.delivery, &item);
        row.reason = Some(resolution.reason.clone());
        row.outcome = Outcome::Dismissed;
        if let Some(settlement) = &held.settlement {
            self.describe(&mut row, settlement);
            row.settled.clone_from(&held.settled);
        }
        let booked = match (&resolution.decision, &held.settlement) {
            (Decision::Book { account }, Some(settlement)) => Some((account, settlement)),
            (Decision::Book { .. } | Decision::Dismiss, _) => None,
        };
        let (memo, payer) = booked.map_or_else(Default::default, |(_, said)| (said.memo.clone(), said.payer.clone()));
        let text =
            ItemText { item: row.item, salt: resolution.salt, raw: None, memo: memo.into(), payer: payer.into() };
        let judged = match booked {
            Some((account, settlement)) => self.book_held(row, text, (&held, settlement), account)?,
            None => self.file(row, text)?,
        };
        Ok(Done::Judged(vec![judged]))
    }

    fn resolvable(&mut self, resolution: &Resolution) -> Result<HeldItem, RuleBroken> {
        if let (Decision::Book { account }, Some(held)) = (&resolution.decision, self.facts.held.get(&resolution.item))
        {
            let why = held.reason.clone().unwrap_or_default();
            let bookable = [reason::POSSIBLE_DUPLICATE, reason::REUSED_REFERENCE].contains(&why.as_str());
            if !bookable || held.settlement.is_none() {
                return Err(RuleBroken::NeverBooked(why));
            }
            if !self.facts.bindings.accounts.contains_key(account) {
                return Err(RuleBroken::not_listed(&account.number));
            }
        }
        self.open_held(resolution.item)
    }

    fn book_held(
        &mut self,
        mut row: JudgedRow,
        text: ItemText<'w>,
        (held, settlement): (&HeldItem, &Settlement),
        account: &BankAccount,
    ) -> Result<JudgedItem, TotalsOverflow> {
        row.earlier_item = Some(held.item);
        // The held row may hold the reference already; otherwise this one takes the next occurrence.
        row.claims_reference = row.reference.is_some() && !held.claims_reference;
        if let (true, Some(settled), Some(reference)) =
            (row.claims_reference, row.settled.clone(), row.reference.clone())
        {
            let key = (settled, row.moment.event_date, reference);
            let last = self.facts.references.get(&key).into_iter().flatten().map(|claim| claim.occurrence).max();
            row.occurrence = last.map_or(0, |last| last.saturating_add(1));
        }
        if let Some(credit) = held.paired_with {
            let released = Pairing { credit, source: held.source, item: held.item };
            self.facts.pairings.remove(&(credit, held.source));
            self.batch.released.push(released);
        }
        let destination = self.destination(account, settlement, row.moment);
        row.memo_code = destination.memo_code;
        self.book(row, text, settlement, destination)
    }

    fn open_held(&mut self, item: i64) -> Result<HeldItem, RuleBroken> {
        let held = self.facts.held.get_mut(&item).ok_or(RuleBroken::NoSuchItem(item))?;
        if held.resolved {
            return Err(RuleBroken::AlreadyResolved(item));
        }
        if !held.outcome.is_held() {
            return Err(RuleBroken::NoSuchItem(item));
        }
        held.resolved = true;
        Ok(held.clone())
    }

    /// Returns a row that has its number and nothing else yet. It must be filed.
    fn blank_row(&mut self, source: SourceId, delivery: DeliveryId, item: &IncomingItem) -> JudgedRow {
        let number = self.batch.next_head.last_item.saturating_add(1);
        self.batch.next_head.last_item = number;
        let moment = routing::moment(EventTime::Missing, self.facts.recorded_at);
        JudgedRow {
            item: number,
            delivery,
            part: item.part,
            source,
            event_id: None,
            event_id_weak: false,
            direction: None,
            settled: None,
            addressed: None,
            bank_hint: None,
            amount: None,
            reference: None,
            occurrence: 0,
            moment,
            business_date: self.book_date(self.natural_date(moment)),
            memo_code: None,
            outcome: Outcome::Rejected,
            reason: None,
            actor: item.actor.clone(),
            posting: None,
            earlier_item: None,
            resolves: item.resolves,
            claims_event: false,
            claims_reference: false,
            commitment: [0; 32],
        }
    }

    /// Fills in what the settlement says.
    fn describe(&self, row: &mut JudgedRow, settlement: &Settlement) {
        (row.event_id, row.event_id_weak) = match &settlement.event_id {
            EventId::Given(id) => (Some(Arc::clone(id)), false),
            EventId::Weak(id) => (Some(Arc::clone(id)), true),
            EventId::ByReference => (None, false),
        };
        row.direction = Some(settlement.direction);
        row.settled.get_or_insert_with(|| SettledAccount::of_number(&settlement.settled));
        row.addressed.clone_from(&settlement.addressed);
        row.bank_hint.clone_from(&settlement.bank_hint);
        row.amount = Some(settlement.amount);
        row.reference.clone_from(&settlement.reference);
        row.moment = routing::moment(settlement.event_time, self.facts.recorded_at);
        row.business_date = self.book_date(self.natural_date(row.moment));
    }

    /// Returns the book day that the cut-off alone gives; a day without an hour is not shifted.
    fn natural_date(&self, moment: EventMoment) -> BusinessDate {
        match (moment.precision, moment.at) {
            (Precision::Day, _) | (_, None) => moment.event_date,
            (Precision::Second | Precision::Recorded, Some(at)) => self.facts.bindings.business_date(at),
        }
    }

    /// Returns the book day something counts on: its own, or the open one when that is closed.
    fn book_date(&self, natural: BusinessDate) -> BusinessDate {
        natural.max(self.facts.head.open_date)
    }

    fn post(&mut self, new: NewPosting) -> Result<Seq, TotalsOverflow> {
        let seq = Seq::new(self.batch.next_head.last_seq.saturating_add(1));
        let business_date = self.book_date(new.natural_date);
        let settles = new.kind == PostingKind::Settle;
        let posting = Posting {
            seq,
            kind: new.kind,
            business_date,
            event_date: if settles { new.moment.event_date } else { business_date },
            event_at: new.moment.at,
            recorded_at: self.facts.recorded_at,
            late: settles && business_date > new.natural_date,
            stall: new.transfer.credit.stall().or_else(|| new.transfer.debit.stall()),
            item: new.item,
            concerns: new.concerns,
            reason: new.reason,
            actor: new.actor,
            transfer: new.transfer,
        };
        let known = KnownPosting {
            seq,
            kind: posting.kind,
            transfer: posting.transfer.clone(),
            concerns: posting.concerns,
            event_at: posting.event_at,
        };
        self.batch.deltas.add_posting(&posting, self.facts.root(&known))?;
        self.facts.postings.insert(seq, known);
        self.batch.next_head.last_seq = seq.get();
        self.batch.postings.push(posting);
        Ok(seq)
    }

    /// Files a finished row with its texts and their commitment.
    fn file(&mut self, mut row: JudgedRow, text: ItemText<'w>) -> Result<JudgedItem, TotalsOverflow> {
        row.commitment = chain::commitment(&text);
        let judged =
            JudgedItem { item: row.item, outcome: row.outcome, reason: row.reason.clone(), posting: row.posting };
        self.batch.deltas.add_item(&row, self.facts.recorded_at.as_microsecond())?;
        self.batch.texts.push(text);
        self.batch.items.push(row);
        Ok(judged)
    }
}
