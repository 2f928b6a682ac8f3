//! ISO 20022 statements (camt.053) and credit-debit notifications (camt.054), versions 02 to 10,
//! whatever the namespace's prefix. Read as a stream: of an entry only what is needed is kept.
//! camt.052 reports an unfinished day and is refused.

use jiff::civil::Date;
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

use super::camt_entry::{Entry, amount, direction, moment};
use super::limits::{DEPTH_MAX, LINES_MAX, STATEMENTS_MAX};
use super::proof::{Directions, Draft, Movement, StatedAmount, join, settle};
use super::refusal::{Limit, Refusal, Rule, Wanted};
use super::xml::{append, attribute, broken, shown};
use crate::domain::money::Dong;
use crate::domain::settlement::Direction;
use crate::domain::statement::{Note, Place, Proof, Statement, StatementFile};

/// What every camt namespace begins with.
const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:";
/// The versions whose elements are known.
const VERSIONS: [&str; 9] = ["02", "03", "04", "05", "06", "07", "08", "09", "10"];

/// Tells whether bytes begin as XML does.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    let mut head = bytes
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0 | 0xEF | 0xBB | 0xBF | 0xFE | 0xFF));
    head.next() == Some(b'<')
}

/// Reads a message.
///
/// # Errors
/// A document type, another message, a field that is not as the standard says, sums that do not
/// agree; with the line.
pub(super) fn read(text: &str) -> Result<StatementFile, Refusal> {
    let mut reader = NsReader::from_str(text);
    let mut message = Message::new();
    let mut lines = Lines { text, counted: 0, line: 1 };
    loop {
        let before = reader.buffer_position();
        let (namespace, event) =
            reader.read_resolved_event().map_err(|error| Refusal::at(&lines.place(before), broken(&error)))?;
        let place = |lines: &mut Lines<'_>| lines.place(before);
        match &event {
            Event::Start(element) => {
                let known = message.knows(&namespace, element).map_err(|rule| Refusal::at(&place(&mut lines), rule))?;
                if known {
                    message.start(element, || lines.place(before))?;
                } else {
                    let end = element.to_end().into_owned();
                    reader
                        .read_to_end(end.name())
                        .map_err(|error| Refusal::at(&lines.place(before), broken(&error)))?;
                }
            }
            Event::Empty(element) => {
                let known = message.knows(&namespace, element).map_err(|rule| Refusal::at(&place(&mut lines), rule))?;
                if known {
                    message.start(element, || lines.place(before))?;
                    message.end(|| lines.place(before))?;
                }
            }
            Event::End(_) => message.end(|| lines.place(before))?,
            Event::Eof => break,
            Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::DocType(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_) => {
                append(&event, &mut message.text).map_err(|rule| Refusal::at(&place(&mut lines), rule))?;
            }
        }
    }
    message.finish()
}

/// Finds the line of a place in the text, going forward only.
struct Lines<'t> {
    text: &'t str,
    counted: usize,
    line: usize,
}

impl Lines<'_> {
    fn place(&mut self, position: u64) -> Place {
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(self.text.len());
        let passed = self.text.as_bytes().get(self.counted..position).unwrap_or_default();
        self.line = self.line.saturating_add(line_feeds(passed));
        self.counted = self.counted.max(position);
        Place::line(self.line)
    }
}

/// Counts line feeds.
fn line_feeds(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count().saturating_sub(1)
}

/// A message as it streams by.
struct Message {
    /// The namespace of `Document`; elements of others are skipped.
    namespace: Option<String>,
    /// `camt.053.001.08`.
    name: String,
    /// The names of the open elements, joined by `/`, from the account's part on.
    path: String,
    depth: usize,
    /// Whether the open element has had no child yet.
    leaf: bool,
    text: String,
    currency: String,
    account: Option<Account>,
    drafts: Vec<Draft>,
    /// Announced and pending entries, left out.
    not_booked: usize,
    lines: usize,
    notes: Vec<Note>,
}

/// One account's part of a message.
#[derive(Default)]
struct Account {
    number: String,
    iban: String,
    place: Option<Place>,
    from: Option<Date>,
    to: Option<Date>,
    balance: Option<Balance>,
    opening: Option<StatedAmount>,
    previous: Option<StatedAmount>,
    closing: Option<StatedAmount>,
    entry: Option<Entry>,
    movements: Vec<Movement>,
}

/// A balance while it is read.
struct Balance {
    place: Place,
    kind: String,
    amount: Dong,
    direction: Option<Direction>,
}

impl Message {
    fn new() -> Self {
        Self {
            namespace: None,
            name: String::new(),
            path: String::new(),
            depth: 0,
            leaf: false,
            text: String::new(),
            currency: String::new(),
            account: None,
            drafts: Vec::new(),
            not_booked: 0,
            lines: 0,
            notes: Vec::new(),
        }
    }

    /// Tells whether an element belongs to the message; `Document` names the message.
    fn knows(&mut self, namespace: &ResolveResult<'_>, element: &BytesStart<'_>) -> Result<bool, Rule> {
        let uri = match namespace {
            ResolveResult::Bound(uri) => uri.0,
            ResolveResult::Unbound => "",
            ResolveResult::Unknown(prefix) => {
                return Err(Rule::Not(Wanted::Intact, format!("prefix {}", shown(prefix))));
            }
        };
        if let Some(own) = &self.namespace {
            return Ok(own == uri);
        }
        // An envelope around the document is passed by; a page of a web site is no message.
        if element.local_name().as_ref() != "Document" {
            return if element.local_name().as_ref().eq_ignore_ascii_case("html") {
                Err(Rule::NotAStatement)
            } else {
                Ok(true)
            };
        }
        let name = uri.strip_prefix(NAMESPACE).unwrap_or(uri);
        let mut parts = name.split('.');
        match (parts.next(), parts.next()) {
            (Some("camt"), Some("053" | "054")) => {}
            _ if uri.is_empty() => {}
            _ => return Err(Rule::Not(Wanted::BookedMessage, shown(name))),
        }
        if !parts.next_back().is_some_and(|version| VERSIONS.contains(&version)) {
            self.notes.push(Note::UnknownVersion(shown(name)));
        }
        self.name = if name.is_empty() { "camt".to_owned() } else { shown(name) };
        self.namespace = Some(uri.to_owned());
        Ok(true)
    }

    fn start(&mut self, element: &BytesStart<'_>, place: impl FnOnce() -> Place) -> Result<(), Refusal> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH_MAX {
            let most = u64::try_from(DEPTH_MAX).unwrap_or(u64::MAX);
            return Err(Refusal::at(&place(), Rule::Limit(Limit::Depth, most)));
        }
        self.leaf = true;
        self.text.clear();
        let local = element.local_name();
        let name = local.as_ref();
        let Some(account) = &mut self.account else {
            match name {
                "Stmt" | "Ntfctn" if self.namespace.is_some() => {
                    self.path = String::new();
                    self.depth = 1;
                    self.account = Some(Account { place: Some(place()), ..Account::default() });
                }
                "BkToCstmrAcctRpt" => {
                    return Err(Refusal::whole(Rule::Not(Wanted::BookedMessage, "camt.052".to_owned())));
                }
                _ => {}
            }
            return Ok(());
        };
        self.path.push('/');
        self.path.push_str(name);
        if name == "Amt" {
            self.currency = attribute(element, "Ccy")?;
        }
        match self.path.as_str() {
            "/Bal" => {
                account.balance =
                    Some(Balance { place: place(), kind: String::new(), amount: Dong::ZERO, direction: None });
            }
            "/Ntry" => account.entry = Some(Entry::new(place())),
            "/Ntry/NtryDtls/TxDtls" => {
                self.lines = self.lines.saturating_add(1);
                if let Some(entry) = &mut account.entry {
                    entry.parts.push(super::camt_entry::Part::default());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, place: impl FnOnce() -> Place) -> Result<(), Refusal> {
        self.depth = self.depth.saturating_sub(1);
        let leaf = std::mem::replace(&mut self.leaf, false);
        let Some(account) = &mut self.account else { return Ok(()) };
        if self.path.is_empty() {
            let account = self.account.take().unwrap_or_default();
            if self.drafts.len() >= STATEMENTS_MAX {
                let most = u64::try_from(STATEMENTS_MAX).unwrap_or(u64::MAX);
                return Err(Refusal::at(&place(), Rule::Limit(Limit::Statements, most)));
            }
            self.drafts.push(account.draft()?);
            return Ok(());
        }
        let text = self.text.trim();
        if leaf && !text.is_empty() {
            account.take(&self.path, text, &self.currency, place)?;
        }
        match self.path.as_str() {
            "/Bal" => account.keep_balance(),
            "/Ntry" => {
                if let Some(entry) = account.entry.take() {
                    self.lines = self.lines.saturating_add(1);
                    if self.lines > LINES_MAX {
                        let most = u64::try_from(LINES_MAX).unwrap_or(u64::MAX);
                        return Err(Refusal::at(&entry.place, Rule::Limit(Limit::Lines, most)));
                    }
                    if !entry.book(&mut account.movements, &mut self.notes)? {
                        self.not_booked = self.not_booked.saturating_add(1);
                    }
                }
            }
            _ => {}
        }
        let parent = self.path.rfind('/').unwrap_or(0);
        self.path.truncate(parent);
        self.text.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<StatementFile, Refusal> {
        if self.namespace.is_none() {
            return Err(Refusal::whole(Rule::NotAStatement));
        }
        if self.drafts.is_empty() || self.account.is_some() {
            let missing = "Stmt or Ntfctn is missing or not closed".to_owned();
            return Err(Refusal::whole(Rule::Not(Wanted::Field, missing)));
        }
        if self.not_booked > 0 {
            self.notes.push(Note::NotBooked { count: self.not_booked });
        }
        let mut statements: Vec<Statement> = Vec::new();
        for draft in self.drafts {
            statements.push(settle(draft, &mut self.notes)?);
        }
        let statements = join(statements, &mut self.notes);
        if statements.iter().any(|statement| statement.proof == Proof::Unproven) {
            self.notes.push(Note::Unproven);
        }
        Ok(StatementFile { format: self.name, statements, notes: self.notes })
    }
}

impl Account {
    /// Takes a field's text.
    fn take(&mut self, path: &str, text: &str, currency: &str, place: impl FnOnce() -> Place) -> Result<(), Refusal> {
        match path {
            "/Acct/Id/Othr/Id" => text.clone_into(&mut self.number),
            "/Acct/Id/IBAN" => text.clone_into(&mut self.iban),
            "/Acct/Ccy" if text != "VND" => {
                return Err(Refusal::at(&place(), Rule::Not(Wanted::Dong, shown(text))));
            }
            "/FrToDt/FrDtTm" | "/FrToDt/FrDt" => self.from = moment(text).map(|at| at.0),
            "/FrToDt/ToDtTm" | "/FrToDt/ToDt" => self.to = moment(text).map(|at| at.0),
            _ => {
                if let Some(balance) = &mut self.balance {
                    return balance.take(path, text, currency, place);
                }
                if let (Some(entry), Some(field)) = (&mut self.entry, path.strip_prefix("/Ntry/")) {
                    return entry.take(field, text, currency, place);
                }
            }
        }
        Ok(())
    }

    fn keep_balance(&mut self) {
        let Some(balance) = self.balance.take() else { return };
        let amount = match balance.direction {
            Some(Direction::Debit) => balance.amount.checked_neg().unwrap_or(balance.amount),
            Some(Direction::Credit) | None => balance.amount,
        };
        let stated = Some(StatedAmount { amount, place: balance.place });
        match balance.kind.as_str() {
            "OPBD" => self.opening = stated,
            // The closing balance of the day before stands where some banks give no opening one.
            "PRCD" => self.previous = stated,
            "CLBD" => self.closing = stated,
            _ => {}
        }
    }

    fn draft(self) -> Result<Draft, Refusal> {
        let place = self.place.unwrap_or_else(|| Place::line(1));
        let number = if self.number.is_empty() { self.iban } else { self.number };
        if number.is_empty() {
            return Err(Refusal::at(&place, Rule::AccountMissing));
        }
        let account = number.replace([' ', '-', '.'], "");
        let account = account.parse().map_err(|_| Refusal::at(&place, Rule::Not(Wanted::Account, shown(&number))))?;
        Ok(Draft {
            account,
            opening: self.opening.or(self.previous),
            closing: self.closing,
            period: self.from.zip(self.to).filter(|(from, to)| from <= to),
            directions: Directions::Stated,
            movements: self.movements,
        })
    }
}

impl Balance {
    fn take(&mut self, path: &str, text: &str, currency: &str, place: impl FnOnce() -> Place) -> Result<(), Refusal> {
        match path {
            "/Bal/Tp/CdOrPrtry/Cd" | "/Bal/Tp/CdOrPrtry/Prtry" => text.clone_into(&mut self.kind),
            "/Bal/Amt" => self.amount = amount(text, currency).map_err(|rule| Refusal::at(&place(), rule))?,
            "/Bal/CdtDbtInd" => self.direction = Some(direction(text).map_err(|rule| Refusal::at(&place(), rule))?),
            _ => {}
        }
        Ok(())
    }
}
