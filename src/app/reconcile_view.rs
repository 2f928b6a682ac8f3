//! A reconciliation as JSON for programs, and in words for people.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::book_missing::{Booked, Booking};
use super::reconcile::{Reconciliation, Scope};
use crate::domain::calendar::{BusinessDate, rfc3339, vietnam_time};
use crate::domain::daily_report::Figure;
use crate::domain::ids::{ItemName, PostingName};
use crate::domain::masking;
use crate::domain::money::Dong;
use crate::domain::reconciliation::{AccountDay, Class, DayReconciliation, Entry, SignState, Signature, Why};

/// Findings that one answer lists of each class; the figures count all of them.
pub const ENTRIES_MAX: usize = 1_000;

impl Reconciliation {
    /// Returns it as the API shows it; `matched` lists the agreeing pairs too.
    #[must_use]
    pub fn to_json(&self, matched: bool) -> Value {
        let (bank, book, difference) = self.sums();
        let (covered, uncovered, uncovered_money) = self.coverage();
        let buckets: BTreeMap<&str, Value> =
            Class::ALL.iter().map(|class| (class.as_str(), figure_json(self.figure(*class)))).collect();
        let (statement, date) = match &self.scope {
            Scope::Date(date) => (None, Some(date.to_string())),
            Scope::Statement(id, date) => (Some(id.to_string()), date.map(|date| date.to_string())),
        };
        let signatures: BTreeMap<String, Value> = self
            .signatures
            .iter()
            .map(|(date, signature)| (date.to_string(), self.signature_json(signature)))
            .collect();
        json!({
            "market": self.market.code.as_str(), "currency": "VND", "statement": statement, "date": date,
            "agrees": self.differences() == 0 && covered > 0, "bank": figure_json(bank), "book": figure_json(book),
            "difference": difference.whole(), "covered_accounts": covered, "uncovered_accounts": uncovered,
            "uncovered": figure_json(uncovered_money), "buckets": buckets, "digest": self.digest.to_string(),
            "days": self.days.iter().map(day_json).collect::<Vec<_>>(), "signatures": signatures,
            "entries": self.shown(matched).map(|entry| self.entry_json(entry)).collect::<Vec<_>>(),
            "listed_of_each_class": ENTRIES_MAX, "has_more": self.next.is_some(), "next": self.next,
        })
    }

    /// Returns the findings that are listed, with the pairs that agree or without.
    pub fn shown(&self, matched: bool) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| matched || entry.class != Class::Matched)
    }

    fn signature_json(&self, signature: &Signature) -> Value {
        json!({
            "id": signature.id.to_string(), "signed_by": signature.signed_by,
            "signed_at": rfc3339(signature.signed_at), "note": signature.note,
            "difference": signature.difference.whole(), "current": signature.is_of(self.digest),
        })
    }

    fn entry_json(&self, entry: &Entry) -> Value {
        let posting = |seq| PostingName { market: self.market.code.clone(), seq }.to_string();
        let item = |item: &i64| {
            let at = entry.at.map_or(0, jiff::Timestamp::as_millisecond);
            ItemName { market: self.market.id, item: *item, recorded_at_ms: at }.to_string()
        };
        json!({
            "class": entry.class.as_str(), "reason": entry.why.as_str(), "account": entry.settled.as_str(),
            "date": entry.date.to_string(), "at": entry.at.map(rfc3339), "bank_ref": entry.reference,
            "bank": entry.bank.whole(), "book": entry.book.whole(), "lines": entry.lines,
            "postings": entry.postings.iter().map(|seq| posting(*seq)).collect::<Vec<_>>(),
            "items": entry.items.iter().map(item).collect::<Vec<_>>(), "memo_masked": masking::memo(&entry.memo),
        })
    }
}

fn figure_json(figure: Figure) -> Value {
    json!({"count": figure.count, "amount": figure.amount.whole()})
}

fn day_json(day: &AccountDay) -> Value {
    json!({
        "account": day.settled.as_str(), "date": day.date.to_string(), "coverage": day.coverage.as_str(),
        "bank": figure_json(day.bank), "book": figure_json(day.book), "difference": day.difference.whole(),
        "other_date": day.other_date.whole(), "doubtful": day.doubtful,
    })
}

impl Booking {
    /// Returns what was booked as the API shows it, with bank and book afterwards.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let line = |booked: &Booked| {
            let answer = booked.answer.as_ref();
            json!({
                "line": booked.line.number, "account": booked.line.settled.as_str(),
                "date": booked.line.booked_on.to_string(), "amount": booked.line.amount.whole(),
                "bank_ref": booked.line.bank_ref, "outcome": answer.map(|answer| answer.outcome.as_str()),
                "reason": answer.and_then(|answer| answer.reason.as_deref()),
                "posting": answer.and_then(|answer| answer.posting.as_deref()),
                "item": answer.map(|answer| answer.item.as_str()),
            })
        };
        json!({
            "lines": self.lines.iter().map(line).collect::<Vec<_>>(), "lines_total": self.total,
            "booked": figure_json(self.booked), "reconciliation": self.after.to_json(false),
        })
    }

    /// Returns bank and book afterwards, the agreeing pairs too, with what was booked beside.
    #[must_use]
    pub fn after_json(&self) -> Value {
        let mut shown = self.after.to_json(true);
        if let (Some(fields), Some(lines)) = (shown.as_object_mut(), self.to_json().get_mut("lines")) {
            fields.insert("booked".to_owned(), figure_json(self.booked));
            fields.insert("booked_lines".to_owned(), lines.take());
        }
        shown
    }
}

pub use crate::report::wording::bank_at_close;

/// Returns bank and book in one sentence, in Vietnamese and in English.
#[must_use]
pub fn verdict(day: &DayReconciliation) -> (String, String) {
    let money = |amount: Dong| amount.with_unit();
    if day.covered == 0 {
        return ("Chưa có sao kê ngân hàng.".to_owned(), "No bank statement yet.".to_owned());
    }
    if day.agrees() {
        let (vi, en) = (money(day.bank.amount), money(day.book.amount));
        return (format!("Ngân hàng = sổ = {vi}, lệch 0 ₫."), format!("Bank = book = {en}, difference 0."));
    }
    let (bank, book, difference) = (money(day.bank.amount), money(day.book.amount), money(day.difference));
    let (here, there, other) = (day.missing_here, day.missing_there, day.amount_differs);
    let (mut vi, mut en) = (
        format!(
            "Ngân hàng {bank}, sổ {book}, lệch {difference}: thiếu {} khoản ({}), thừa {} khoản ({}), lệch tiền {} khoản ({})",
            here.count,
            money(here.amount),
            there.count,
            money(there.amount),
            other.count,
            money(other.amount)
        ),
        format!(
            "Bank {bank}, book {book}, difference {difference}: {} missing here ({}), {} missing there ({}), {} with another amount ({})",
            here.count,
            money(here.amount),
            there.count,
            money(there.amount),
            other.count,
            money(other.amount)
        ),
    );
    for (amount, told_vi, told_en) in [
        (day.other_date, "hai bên ghi khác ngày", "on another date at the bank than in the book"),
        (day.beyond(), "ngoài phần sao kê đã có", "beyond what the statement covers so far"),
    ] {
        if amount != Dong::ZERO {
            vi = format!("{vi}, {told_vi} ({})", money(amount));
            en = format!("{en}, {told_en} ({})", money(amount));
        }
    }
    (format!("{vi}."), format!("{en}."))
}

/// Says in Vietnamese who signed the day's reconciliation; empty while there is nothing to sign.
#[must_use]
pub fn signed(day: &DayReconciliation) -> String {
    let moment = |at| format!("{} ngày {}", vietnam_time(at), BusinessDate::of_calendar(at).vietnamese());
    match (&day.signature, day.state) {
        (Some(signature), SignState::Changed) => {
            format!("{} đã ký lúc {}; số liệu có thay đổi sau đó.", signature.signed_by, moment(signature.signed_at))
        }
        (Some(signature), _) => {
            let note = if signature.note.is_empty() { String::new() } else { format!(" Ghi chú: {}", signature.note) };
            format!("{} đã ký đối soát lúc {}.{note}", signature.signed_by, moment(signature.signed_at))
        }
        (None, SignState::NoStatement) => String::new(),
        (None, _) => "Chưa ký đối soát.".to_owned(),
    }
}

/// Says in English what [`signed`] says in Vietnamese.
#[must_use]
pub fn signed_in_english(day: &DayReconciliation) -> String {
    let moment = |at| format!("{} {}", BusinessDate::of_calendar(at), vietnam_time(at));
    match (&day.signature, day.state) {
        (Some(signature), SignState::Changed) => {
            format!("{} signed at {}; figures changed since.", signature.signed_by, moment(signature.signed_at))
        }
        (Some(signature), _) => {
            let note = if signature.note.is_empty() { String::new() } else { format!(" Note: {}", signature.note) };
            format!("{} signed the reconciliation at {}.{note}", signature.signed_by, moment(signature.signed_at))
        }
        (None, SignState::NoStatement) => String::new(),
        (None, _) => "The reconciliation is not signed.".to_owned(),
    }
}

/// Returns a class in words: Vietnamese, English.
#[must_use]
pub fn class_words(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Matched => ("Khớp", "Matched"),
        Class::MissingHere => ("Thiếu: ngân hàng có, sổ không", "Missing here: the bank has it, the book does not"),
        Class::MissingThere => ("Thừa: sổ có, ngân hàng không", "Missing there: the book has it, the bank does not"),
        Class::AmountDiffers => ("Lệch tiền", "Amount differs"),
        Class::IgnoredDebit => ("Tiền ra", "Money out"),
        Class::DuplicateReport => ("Báo trùng, không ghi", "Reported again, not booked"),
    }
}

/// Returns a reason in words: Vietnamese, English.
#[must_use]
pub fn why_words(why: Why) -> (&'static str, &'static str) {
    match why {
        Why::BookedFromStatement => ("ghi từ chính dòng sao kê này", "booked from this line"),
        Why::Reference => ("cùng mã giao dịch", "same reference"),
        Why::ReferenceNextDate => ("cùng mã giao dịch, lệch một ngày", "same reference, one date apart"),
        Why::ReferenceClaimed => {
            ("cùng mã giao dịch, đúng ngày nguồn báo", "same reference, on the date its sender told")
        }
        Why::ReferencePart => ("mã giao dịch viết khác", "reference spelt otherwise"),
        Why::AmountTimeCode => ("cùng số tiền, giờ và mã sạp", "same amount, time and memo code"),
        Why::AmountTime => ("cùng số tiền, giờ gần nhau", "same amount, close in time"),
        Why::AmountDateCode => ("cùng số tiền, ngày và mã sạp", "same amount, date and memo code"),
        Why::AmountDate => ("cùng số tiền, cùng ngày", "same amount and date"),
        Why::AmountClaimed => ("cùng số tiền, đúng giờ nguồn báo", "same amount, at the time its sender told"),
        Why::AmountNextDate => ("cùng số tiền, ngân hàng ghi sang ngày sau", "same amount, booked on the next date"),
        Why::Sum => ("cộng nhiều khoản", "sum of several"),
        Why::NotReported => ("không nguồn nào báo", "nobody reported it"),
        Why::Held => ("đã báo, đang chờ người xử lý", "reported, waits for a person"),
        Why::Reversed => ("đã ghi rồi bị đảo", "booked and reversed since"),
        Why::NotOnStatement => ("sao kê không có", "not on the statement"),
        Why::ClaimedElsewhere => (
            "nguồn báo ngày khác, chưa có sao kê ngày ấy",
            "its sender told another date, which no statement covers yet",
        ),
        Why::Debit => ("tiền ra, không ghi", "money out, not booked"),
        Why::Refunded => ("đã ghi hoàn tiền", "recorded as a refund"),
        Why::Repeated => ("đã có trong sổ", "in the book already"),
    }
}
