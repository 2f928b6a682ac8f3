//! The oracle: one market's book as plain maps and vectors, written from DESIGN §4 and from nothing
//! else. It knows no batch, no hash and no table. Time is minutes since midnight of
//! 2026-11-20 in Vietnam.

use std::collections::{BTreeMap, BTreeSet};

use socho::domain::calendar::BusinessDate;

pub(super) const DAY: i64 = 24 * 60;
/// The market's cut-off: its book day begins at four.
pub(super) const CUTOFF: i64 = 4 * 60;

/// Why a person decided as she did.
pub(super) const DECIDED: &str = "đã hỏi chị";

/// What a sender reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) source: usize,
    pub(super) event: String,
    pub(super) account: String,
    pub(super) amount: i64,
    pub(super) at: i64,
    pub(super) reference: Option<String>,
    /// The stall whose code stands in the memo.
    pub(super) memo: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    report: Report,
    outcome: &'static str,
    reason: Option<&'static str>,
    posting: Option<usize>,
    earlier: Option<usize>,
    resolves: Option<usize>,
    claims_event: bool,
    claims_reference: bool,
    memo_code: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Posting {
    pub(super) kind: &'static str,
    pub(super) debit: String,
    pub(super) credit: String,
    pub(super) amount: i64,
    business_date: i64,
    event_date: i64,
    late: bool,
    item: Option<usize>,
    pub(super) concerns: Option<usize>,
}

#[derive(Debug, Clone)]
struct Account {
    collecting: bool,
    /// The first is its default.
    stalls: Vec<i64>,
}

/// A refusal's stable code.
pub(super) type Refusal = &'static str;

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) open_date: i64,
    accounts: BTreeMap<String, Account>,
    stalls: BTreeMap<String, i64>,
    /// Numbered from 1, as in the book.
    pub(super) items: Vec<Item>,
    pub(super) postings: Vec<Posting>,
    pairings: BTreeSet<(usize, usize)>,
    agreeing: BTreeSet<usize>,
}

fn name_of(day: i64) -> String {
    "2026-11-20".parse::<BusinessDate>().unwrap().plus_days(day).to_string()
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

impl Item {
    /// As the comparison reads it from the inbox.
    pub(super) fn row(&self) -> String {
        let Self { outcome, reason, posting, earlier, resolves, memo_code, .. } = self;
        let claims = (i64::from(self.claims_event), i64::from(self.claims_reference));
        let numbers = [text(*posting), text(*earlier), text(*resolves)].join("|");
        format!("{outcome}|{}|{numbers}|{}|{}|{}", text(*reason), claims.0, claims.1, text(*memo_code))
    }

    /// The item whose money it is.
    fn credit(&self, number: usize) -> usize {
        if self.outcome == "duplicate" { self.earlier.unwrap() } else { number }
    }
}

impl Posting {
    /// As the comparison reads it from the journal.
    pub(super) fn row(&self) -> String {
        let Self { kind, debit, credit, amount, late, item, concerns, .. } = self;
        let dates = (name_of(self.business_date), name_of(self.event_date));
        let rest = [text(*item), text(*concerns)].join("|");
        format!("{kind}|{debit}|{credit}|{amount}|{}|{}|{}|{rest}", dates.0, dates.1, i64::from(*late))
    }
}

impl Model {
    pub(super) fn new(now: i64) -> Self {
        Self {
            now,
            // Long before everything: nothing is closed.
            open_date: -10_000,
            accounts: BTreeMap::new(),
            stalls: BTreeMap::new(),
            items: Vec::new(),
            postings: Vec::new(),
            pairings: BTreeSet::new(),
            agreeing: BTreeSet::new(),
        }
    }

    pub(super) fn business_day(minute: i64) -> i64 {
        (minute - CUTOFF).div_euclid(DAY)
    }

    pub(super) fn stall_number(&self, code: &str) -> Option<i64> {
        self.stalls.get(code).copied()
    }

    /// Registers a stall and its account; what waited for the account is judged now.
    pub(super) fn register(&mut self, stall: Option<&str>, account: &str, collecting: bool) {
        let known = self.accounts.contains_key(account);
        let entry = self.accounts.entry(account.to_owned()).or_insert(Account { collecting, stalls: Vec::new() });
        if let Some(code) = stall {
            let next = i64::try_from(self.stalls.len()).unwrap() + 1;
            let number = *self.stalls.entry(code.to_owned()).or_insert(next);
            if !entry.stalls.contains(&number) {
                entry.stalls.push(number);
            }
        }
        if known {
            return;
        }
        let resolved: BTreeSet<usize> = self.items.iter().filter_map(|item| item.resolves).collect();
        let waiting = (1..).zip(&self.items).filter(|(number, item)| {
            item.reason == Some("unlisted_account") && item.report.account == account && !resolved.contains(number)
        });
        let waiting: Vec<(usize, Report)> = waiting.map(|(number, item)| (number, item.report.clone())).collect();
        for (number, report) in waiting {
            self.judge(report, Some(number));
        }
    }

    /// Takes a report; the outcome, the reason and the posting that the sender is told.
    pub(super) fn settle(&mut self, mut report: Report) -> (&'static str, Option<usize>) {
        if report.at > self.now + 10 {
            report.at = self.now;
        }
        self.judge(report, None);
        let item = self.items.last().unwrap();
        (item.outcome, item.posting)
    }

    fn judge(&mut self, report: Report, resolves: Option<usize>) {
        let number = self.items.len() + 1;
        let mut item = Item {
            outcome: "quarantined",
            reason: Some("unlisted_account"),
            posting: None,
            earlier: None,
            resolves,
            claims_event: false,
            claims_reference: false,
            memo_code: None,
            report,
        };
        if let Some(account) = self.accounts.get(&item.report.account) {
            item.memo_code = item.report.memo.filter(|stall| self.stalls.values().any(|known| known == stall));
            let destination = Self::destination(account, item.memo_code);
            let report = item.report.clone();
            if let Some((reason, earlier)) = self.seen_before(&report, item.memo_code) {
                self.known(&mut item, reason, earlier);
            } else {
                (item.claims_event, item.claims_reference) = (true, item.report.reference.is_some());
                self.book(&mut item, number, destination);
            }
        }
        self.items.push(item);
    }

    fn destination(account: &Account, code: Option<i64>) -> Option<i64> {
        match account.stalls.as_slice() {
            _ if account.collecting => code,
            [only] => Some(*only),
            several => code.filter(|code| several.contains(code)).or(several.first().copied()),
        }
    }

    fn book(&mut self, item: &mut Item, number: usize, stall: Option<i64>) {
        let natural = Self::business_day(item.report.at);
        (item.outcome, item.reason) = if stall.is_some() { ("recorded", None) } else { ("suspense", Some("no_code")) };
        self.postings.push(Posting {
            kind: "settle",
            debit: format!("bank:{}", item.report.account),
            credit: stall.map_or("suspense".to_owned(), |stall| format!("stall:{stall}")),
            amount: item.report.amount,
            business_date: natural.max(self.open_date),
            event_date: item.report.at.div_euclid(DAY),
            late: natural < self.open_date,
            item: Some(number),
            concerns: None,
        });
        item.posting = Some(self.postings.len());
    }

    /// Identities (a), (b) and (c), in this order.
    fn seen_before(&self, report: &Report, memo_code: Option<i64>) -> Option<(&'static str, usize)> {
        let claims = || (1..).zip(&self.items);
        let same_event = |item: &Item| item.report.source == report.source && item.report.event == report.event;
        if let Some((earlier, item)) = claims().find(|(_, item)| item.claims_event && same_event(item)) {
            let same = item.report.account == report.account && item.report.amount == report.amount;
            return Some((if same { "same_event" } else { "conflict" }, earlier));
        }
        let day = report.at.div_euclid(DAY);
        let holders: Vec<(usize, &Item)> = claims()
            .filter(|(_, item)| item.claims_reference && item.report.reference == report.reference)
            .filter(|(_, item)| item.report.account == report.account && item.report.at.div_euclid(DAY) == day)
            .collect();
        let here = |number: usize, item: &Item| {
            item.report.source == report.source || self.pairings.contains(&(item.credit(number), report.source))
        };
        if let Some((first, _)) = holders.first() {
            let fits = |(number, item): &&(usize, &Item)| item.report.amount == report.amount && !here(*number, item);
            let elsewhere = holders.iter().find(fits);
            return Some(match (elsewhere, holders.iter().find(|(number, item)| here(*number, item))) {
                (Some((earlier, _)), _) => ("same_reference", *earlier),
                (None, Some((earlier, _))) => ("reused_reference", *earlier),
                (None, None) => ("reference_conflict", *first),
            });
        }
        claims()
            .filter(|(_, item)| ["recorded", "suspense"].contains(&item.outcome))
            .filter(|(_, item)| item.report.account == report.account && item.report.amount == report.amount)
            .filter(|(_, item)| item.report.source != report.source)
            .filter(|(number, _)| !self.pairings.contains(&(*number, report.source)))
            .filter(|(_, item)| !self.is_other_money(report, &item.report))
            .map(|(number, item)| ((item.report.at - report.at).abs(), number, item))
            .filter(|(apart, ..)| *apart <= 10)
            .map(|(apart, number, item)| {
                let agrees = memo_code.is_some() && memo_code == item.memo_code
                    || report.reference.is_some() && report.reference == item.report.reference;
                let contradicts = memo_code.is_some() && item.memo_code.is_some() && memo_code != item.memo_code;
                (apart, !agrees, contradicts, number)
            })
            .min()
            .map(|(_, differs, _, number)| (if differs { "possible_duplicate" } else { "paired" }, number))
    }

    /// Between sources whose references agree, another reference of one shape is other money.
    fn is_other_money(&self, report: &Report, other: &Report) -> bool {
        let letters = |text: &str| text.chars().take_while(|c| c.is_alphabetic()).collect::<String>();
        let (Some(one), Some(two)) = (&report.reference, &other.reference) else { return false };
        let shape = letters(one) == letters(two) && one.len().abs_diff(two.len()) <= 2;
        one != two && shape && self.agreeing.contains(&report.source) && self.agreeing.contains(&other.source)
    }

    fn known(&mut self, item: &mut Item, reason: &'static str, earlier: usize) {
        let before = &self.items[earlier - 1];
        let booked = self.items.iter().find(|item| item.resolves == Some(earlier)).and_then(|item| item.posting);
        let (credit, source, posting) = (before.credit(earlier), before.report.source, before.posting.or(booked));
        item.earlier = Some(earlier);
        item.reason = Some(if reason == "reference_conflict" { "conflict" } else { reason });
        item.claims_event = !["same_event", "conflict"].contains(&reason);
        if ["same_event", "same_reference", "paired"].contains(&reason) {
            (item.outcome, item.posting) = ("duplicate", posting);
        }
        if ["paired", "possible_duplicate"].contains(&reason) {
            item.claims_reference = item.report.reference.is_some();
        }
        if ["same_reference", "paired", "possible_duplicate"].contains(&reason) {
            self.pairings.insert((credit, item.report.source));
        }
        if reason == "same_reference" {
            self.agreeing.extend([source, item.report.source]);
        }
    }

    /// Held items, decided or not.
    pub(super) fn held(&self) -> Vec<usize> {
        let held = (1..).zip(&self.items).filter(|(_, item)| item.outcome == "quarantined");
        held.map(|(number, _)| number).collect()
    }

    /// A person decides about a held item: it is money of its own, or none of ours.
    pub(super) fn resolve(&mut self, number: usize, books: bool) -> Result<Option<usize>, Refusal> {
        let held = self.items[number - 1].clone();
        let reason = held.reason.unwrap();
        if books && reason == "unlisted_account" && !self.accounts.contains_key(&held.report.account) {
            return Err("account_not_listed");
        }
        if books && !["possible_duplicate", "reused_reference"].contains(&reason) {
            return Err("never_booked");
        }
        if self.items.iter().any(|item| item.resolves == Some(number)) {
            return Err("already_resolved");
        }
        let mut item = Item {
            outcome: "dismissed",
            reason: None,
            posting: None,
            earlier: None,
            resolves: Some(number),
            claims_event: false,
            claims_reference: false,
            memo_code: None,
            report: held.report.clone(),
        };
        if books {
            let account = &self.accounts[&held.report.account];
            item.memo_code = held.report.memo.filter(|stall| self.stalls.values().any(|known| known == stall));
            let stall = Self::destination(account, item.memo_code);
            item.earlier = Some(number);
            item.claims_reference = held.report.reference.is_some() && !held.claims_reference;
            if reason == "possible_duplicate" {
                self.pairings.remove(&(held.earlier.unwrap(), held.report.source));
            }
            let place = self.items.len() + 1;
            self.book(&mut item, place, stall);
        }
        // The person's own words stand where a reason would.
        item.reason = Some(DECIDED);
        let posting = item.posting;
        self.items.push(item);
        Ok(posting)
    }

    fn is_live(&self, seq: usize) -> bool {
        let reversal = (1..).zip(&self.postings).find(|(_, p)| p.kind == "reversal" && p.concerns == Some(seq));
        reversal.is_none_or(|(by, _)| !self.is_live(by))
    }

    fn root(&self, seq: usize) -> usize {
        let posting = &self.postings[seq - 1];
        if posting.kind == "reversal" { self.root(posting.concerns.unwrap()) } else { seq }
    }

    fn resting_on(&self, seq: usize) -> impl Iterator<Item = (usize, &Posting)> {
        (1..).zip(&self.postings).filter(move |(_, posting)| posting.concerns == Some(seq))
    }

    fn named(&self, seq: usize) -> Result<&Posting, Refusal> {
        seq.checked_sub(1).and_then(|place| self.postings.get(place)).ok_or("not_found")
    }

    fn left(&self, seq: usize) -> i64 {
        let adjusts = |(by, p): &(usize, &Posting)| ["cash_change", "exclusion"].contains(&p.kind) && self.is_live(*by);
        self.postings[seq - 1].amount - self.resting_on(seq).filter(adjusts).map(|(_, p)| p.amount).sum::<i64>()
    }

    fn is_assigned(&self, seq: usize) -> bool {
        self.resting_on(seq).any(|(by, posting)| posting.kind == "assign" && self.is_live(by))
    }

    fn correct(&mut self, kind: &'static str, concerns: usize, sides: (String, String), amount: i64) -> usize {
        let day = Self::business_day(self.now).max(self.open_date);
        let (debit, credit) = sides;
        let (late, item, concerns) = (false, None, Some(concerns));
        let posting =
            Posting { kind, debit, credit, amount, business_date: day, event_date: day, late, item, concerns };
        self.postings.push(posting);
        self.postings.len()
    }

    pub(super) fn reverse(&mut self, seq: usize) -> Result<usize, Refusal> {
        let posting = self.named(seq)?.clone();
        if self.resting_on(seq).any(|(_, p)| p.kind == "reversal") {
            return Err("already_reversed");
        }
        if self.resting_on(seq).any(|(by, _)| self.is_live(by)) {
            return Err("rested_on");
        }
        let root = self.postings[self.root(seq) - 1].clone();
        if root.concerns.is_some_and(|base| !self.is_live(base)) {
            return Err("posting_not_live");
        }
        if let (Some(base), true) = (root.concerns, posting.debit != root.debit) {
            if root.kind == "assign" && self.is_assigned(base) {
                return Err("not_in_suspense");
            }
            if root.kind != "assign" && root.amount > self.left(base) {
                return Err("more_than_left");
            }
        }
        Ok(self.correct("reversal", seq, (posting.credit, posting.debit), posting.amount))
    }

    pub(super) fn assign(&mut self, seq: usize, stall: &str) -> Result<usize, Refusal> {
        let stall = self.stall_number(stall).ok_or("not_found")?;
        let posting = self.named(seq)?.clone();
        if posting.kind != "settle" || posting.credit != "suspense" {
            return Err("not_in_suspense");
        }
        if !self.is_live(seq) {
            return Err("posting_not_live");
        }
        if self.is_assigned(seq) {
            return Err("not_in_suspense");
        }
        Ok(self.correct("assign", seq, ("suspense".to_owned(), format!("stall:{stall}")), posting.amount))
    }

    pub(super) fn adjust(&mut self, kind: &'static str, seq: usize, amount: i64) -> Result<usize, Refusal> {
        let posting = self.named(seq)?.clone();
        let stall = posting.credit.strip_prefix("stall:").filter(|_| ["settle", "assign"].contains(&posting.kind));
        let stall = stall.ok_or("not_at_stall")?;
        if !self.is_live(seq) {
            return Err("posting_not_live");
        }
        if amount > self.left(seq) {
            return Err("more_than_left");
        }
        let account = if kind == "cash_change" { "cash-change" } else { "excluded" };
        Ok(self.correct(kind, seq, (posting.credit.clone(), format!("{account}:{stall}")), amount))
    }

    /// Closes a date and all before it.
    pub(super) fn close(&mut self, day: i64) -> Result<(), Refusal> {
        if day < self.open_date {
            return Err("day_closed");
        }
        if day > Self::business_day(self.now) {
            return Err("day_not_begun");
        }
        self.open_date = day + 1;
        Ok(())
    }
}
