//! One entry of a camt message: what is booked of it, and its parts when it is a batch.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use super::movement::one_line;
use super::proof::Movement;
use super::refusal::{Refusal, Rule, Sum, SumKind, Wanted};
use super::xml::shown;
use crate::domain::calendar::VIETNAM;
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Direction};
use crate::domain::statement::{LineTexts, Note, Place, Texts};

/// An entry (`Ntry`) while it is read.
pub(super) struct Entry {
    pub(super) place: Place,
    amount: Option<Dong>,
    direction: Option<Direction>,
    status: String,
    booked: Option<(Date, Option<Time>)>,
    valued: Option<(Date, Option<Time>)>,
    reference: String,
    more: String,
    charges: Dong,
    /// The details (`TxDtls`), several in a batch.
    pub(super) parts: Vec<Part>,
}

/// One of an entry's details.
#[derive(Default)]
pub(super) struct Part {
    amount: Option<Dong>,
    /// `AmtDtls/TxAmt`, where version 02 has the amount.
    detail_amount: Option<Dong>,
    direction: Option<Direction>,
    bank_ref: String,
    end_to_end: String,
    other_ref: String,
    memo: String,
    structured: String,
    more: String,
    charges: Dong,
    debtor: String,
    creditor: String,
}

/// Reads an amount with its currency: decimals are zeros, for the đồng has none.
pub(super) fn amount(text: &str, currency: &str) -> Result<Dong, Rule> {
    if currency != "VND" {
        return Err(Rule::Not(Wanted::Dong, shown(currency)));
    }
    let wrong = || Rule::Not(Wanted::Amount, shown(text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.len() > 5 || fraction.bytes().any(|b| b != b'0') || whole.starts_with('-') {
        return Err(wrong());
    }
    whole.parse().map_err(|_| wrong())
}

/// Reads a direction.
pub(super) fn direction(text: &str) -> Result<Direction, Rule> {
    match text {
        "CRDT" => Ok(Direction::Credit),
        "DBIT" => Ok(Direction::Debit),
        _ => Err(Rule::Not(Wanted::Field, format!("CdtDbtInd {}", shown(text)))),
    }
}

/// Reads a date, or a date and time; a time without a zone is Vietnam's.
pub(super) fn moment(text: &str) -> Option<(Date, Option<Time>)> {
    let local = if text.contains('T') {
        let zoned = text.get(10..).is_some_and(|time| time.contains(['Z', '+', '-']));
        let at: DateTime =
            if zoned { VIETNAM.to_datetime(text.parse::<Timestamp>().ok()?) } else { text.parse().ok()? };
        let time = Time::new(at.hour(), at.minute(), at.second(), 0).ok()?;
        (at.date(), Some(time))
    } else {
        // An xs:date may carry a zone, which says nothing of the bank's calendar day.
        (text.get(..10)?.parse().ok()?, None)
    };
    (1990..=2199).contains(&local.0.year()).then_some(local)
}

impl Entry {
    /// Begins an entry.
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            amount: None,
            direction: None,
            status: String::new(),
            booked: None,
            valued: None,
            reference: String::new(),
            more: String::new(),
            charges: Dong::ZERO,
            parts: Vec::new(),
        }
    }

    /// Takes a field by its path inside the entry.
    ///
    /// # Errors
    /// When the field is not as the standard says.
    pub(super) fn take(
        &mut self,
        field: &str,
        text: &str,
        currency: &str,
        place: impl FnOnce() -> Place,
    ) -> Result<(), Refusal> {
        let taken = self.take_rule(field, text, currency);
        taken.map_err(|rule| Refusal::at(&place(), rule))
    }

    fn take_rule(&mut self, field: &str, text: &str, currency: &str) -> Result<(), Rule> {
        let date = || moment(text).map(Some).ok_or_else(|| Rule::Not(Wanted::Date, shown(text)));
        match field {
            "Amt" => self.amount = Some(amount(text, currency)?),
            "CdtDbtInd" => self.direction = Some(direction(text)?),
            // Version 02 has the code itself, later ones have it one element deeper.
            "Sts" | "Sts/Cd" | "Sts/Prtry" => text.clone_into(&mut self.status),
            "BookgDt/Dt" | "BookgDt/DtTm" => self.booked = date()?,
            "ValDt/Dt" | "ValDt/DtTm" => self.valued = date()?,
            "AcctSvcrRef" => text.clone_into(&mut self.reference),
            "AddtlNtryInf" => text.clone_into(&mut self.more),
            _ if is_charge(field) => self.charges = charge(self.charges, text, currency)?,
            _ => {
                if let (Some(part), Some(field)) = (self.parts.last_mut(), field.strip_prefix("NtryDtls/TxDtls/")) {
                    part.take(field, text, currency)?;
                }
            }
        }
        Ok(())
    }

    /// Adds the entry's movements; `false` when it is pending or only announced.
    ///
    /// # Errors
    /// A field that is missing, or parts that do not make the entry.
    pub(super) fn book(self, movements: &mut Vec<Movement>, notes: &mut Vec<Note>) -> Result<bool, Refusal> {
        let missing = |field: &str| Refusal::at(&self.place, Rule::Not(Wanted::Field, format!("{field} is missing")));
        match self.status.as_str() {
            "BOOK" => {}
            "" => return Err(missing("Ntry/Sts")),
            _ => return Ok(false),
        }
        let amount = self.amount.ok_or_else(|| missing("Ntry/Amt"))?;
        let direction = self.direction.ok_or_else(|| missing("Ntry/CdtDbtInd"))?;
        let date = self.booked.or(self.valued).ok_or_else(|| missing("Ntry/BookgDt"))?;
        let nothing = Part::default();
        let amounts: Option<Vec<Dong>> = self.parts.iter().map(|part| part.amount.or(part.detail_amount)).collect();
        match (self.parts.as_slice(), amounts) {
            ([], _) => movements.push(self.movement(&nothing, amount, direction, date)),
            ([part], _) => {
                self.check_single(part, amount)?;
                movements.push(self.movement(part, amount, direction, date));
            }
            (parts, Some(amounts)) => {
                let pairs = parts.iter().zip(amounts);
                self.check_batch(pairs.clone(), amount, direction)?;
                movements.extend(
                    pairs.map(|(part, amount)| self.movement(part, amount, part.direction.unwrap_or(direction), date)),
                );
            }
            (parts, None) => {
                notes.push(Note::UndividedBatch(self.place.clone()));
                let memos: Vec<&str> = parts.iter().map(|part| part.memo.as_str()).filter(|m| !m.is_empty()).collect();
                let whole = Part { memo: memos.join(" "), ..Part::default() };
                movements.push(self.movement(&whole, amount, direction, date));
            }
        }
        Ok(true)
    }

    /// A single part may differ from its entry by the charges that the message names.
    fn check_single(&self, part: &Part, amount: Dong) -> Result<(), Refusal> {
        let Some(found) = part.amount.filter(|found| *found != amount) else { return Ok(()) };
        let charges = part.charges.max(self.charges);
        let explained = charges != Dong::ZERO
            && (found.checked_sub(charges) == Some(amount) || found.checked_add(charges) == Some(amount));
        if explained { Ok(()) } else { Err(self.unequal(amount, found)) }
    }

    fn check_batch<'p>(
        &self,
        parts: impl Iterator<Item = (&'p Part, Dong)>,
        amount: Dong,
        direction: Direction,
    ) -> Result<(), Refusal> {
        let mut sum = Dong::ZERO;
        for (part, part_amount) in parts {
            let same = part.direction.unwrap_or(direction) == direction;
            let next = if same { sum.checked_add(part_amount) } else { sum.checked_sub(part_amount) };
            sum = next.ok_or_else(|| Refusal::at(&self.place, Rule::Overflow))?;
        }
        if sum == amount { Ok(()) } else { Err(self.unequal(amount, sum)) }
    }

    fn unequal(&self, expected: Dong, found: Dong) -> Refusal {
        Refusal::at(&self.place, Rule::Sum(Sum { what: SumKind::Batch, expected, found }))
    }

    fn movement(&self, part: &Part, amount: Dong, direction: Direction, date: (Date, Option<Time>)) -> Movement {
        let batch = self.parts.len() > 1;
        let entry_first = if batch { "" } else { self.reference.as_str() };
        let references = [&part.bank_ref, entry_first, &part.other_ref, &part.end_to_end, &self.reference];
        let memos = [&part.memo, &part.structured, &part.more, &self.more];
        let (outward, inward) = match direction {
            Direction::Credit => (Dong::ZERO, amount),
            Direction::Debit => (amount, Dong::ZERO),
        };
        // The other side of a credit is who paid, of a debit who was paid; a reversal keeps both.
        let sides = match direction {
            Direction::Credit => [&part.debtor, &part.creditor],
            Direction::Debit => [&part.creditor, &part.debtor],
        };
        let first =
            |texts: &[&str]| texts.iter().map(|text| one_line(text)).find(|text| !text.is_empty()).unwrap_or_default();
        let reference = references.iter().find(|text| BankRef::normalise(text).is_some());
        let texts = LineTexts::new(Texts {
            bank_ref: &reference.map(|text| one_line(text)).unwrap_or_default(),
            memo: &first(&memos.map(String::as_str)),
            payer_ref: &BankRef::normalise(&part.end_to_end).map(|_| one_line(&part.end_to_end)).unwrap_or_default(),
            counterparty: &first(&sides.map(String::as_str)),
        });
        Movement { place: self.place.clone(), date: date.0, time: date.1, texts, outward, inward, balance: None }
    }
}

impl Part {
    fn take(&mut self, field: &str, text: &str, currency: &str) -> Result<(), Rule> {
        let join = |texts: &mut String, glue: &str| {
            if !texts.is_empty() {
                texts.push_str(glue);
            }
            texts.push_str(text);
        };
        match field {
            "Amt" => self.amount = Some(amount(text, currency)?),
            "AmtDtls/TxAmt/Amt" if currency == "VND" => self.detail_amount = Some(amount(text, currency)?),
            "CdtDbtInd" => self.direction = Some(direction(text)?),
            "Refs/AcctSvcrRef" => text.clone_into(&mut self.bank_ref),
            "Refs/EndToEndId" => text.clone_into(&mut self.end_to_end),
            "Refs/TxId" | "Refs/InstrId" | "Refs/UETR" if BankRef::normalise(&self.other_ref).is_none() => {
                text.clone_into(&mut self.other_ref);
            }
            "RmtInf/Ustrd" => join(&mut self.memo, " "),
            "RmtInf/Strd/CdtrRefInf/Ref" | "RmtInf/Strd/AddtlRmtInf" => join(&mut self.structured, " "),
            "AddtlTxInf" => text.clone_into(&mut self.more),
            "RltdPties/Dbtr/Nm"
            | "RltdPties/Dbtr/Pty/Nm"
            | "RltdPties/DbtrAcct/Id/Othr/Id"
            | "RltdPties/DbtrAcct/Id/IBAN" => join(&mut self.debtor, " · "),
            "RltdPties/Cdtr/Nm"
            | "RltdPties/Cdtr/Pty/Nm"
            | "RltdPties/CdtrAcct/Id/Othr/Id"
            | "RltdPties/CdtrAcct/Id/IBAN" => join(&mut self.creditor, " · "),
            _ if is_charge(field) => self.charges = charge(self.charges, text, currency)?,
            _ => {}
        }
        Ok(())
    }
}

/// The single charges; their total stands beside them and is not added again.
fn is_charge(field: &str) -> bool {
    matches!(field, "Chrgs/Amt" | "Chrgs/Rcrd/Amt")
}

fn charge(sum: Dong, text: &str, currency: &str) -> Result<Dong, Rule> {
    if currency == "VND" { sum.checked_add(amount(text, currency)?).ok_or(Rule::Overflow) } else { Ok(sum) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn times_are_vietnams_whatever_their_zone() {
        let expected = Some((date(2026, 6, 2), Some(time(0, 30, 0, 0))));
        for text in
            ["2026-06-02T00:30:00+07:00", "2026-06-01T17:30:00Z", "2026-06-02T00:30:00", "2026-06-02T00:30:00.123"]
        {
            assert_eq!(moment(text), expected, "{text}");
        }
        assert_eq!(moment("2026-06-02+07:00"), Some((date(2026, 6, 2), None)));
        assert_eq!(moment("2026-6-2"), None);
    }
}
