//! Reading a bank's table row by row: the head above it, the header, the movements, and the rows
//! that are none. Several accounts may stand one under another or on sheets of their own.

use super::grid::{Cell, Row};
use super::header::{self, Header};
use super::labels::{self, Said, Stated, StatedAccount};
use super::layout::{BlankDate, DateOrder, Layout, Phrase};
use super::limits::{LINES_MAX, STATEMENTS_MAX, TITLE_ROWS_MAX};
use super::movement::{self, Separators};
use super::proof::{Directions, Draft, Movement, StatedAmount, settle};
use super::refusal::{Limit, Refusal, Rule, Sum, SumKind, Wanted};
use super::xml::shown;
use crate::domain::account::AccountNumber;
use crate::domain::money::Dong;
use crate::domain::settlement::Direction;
use crate::domain::statement::{Note, Proof, Statement};

/// Reads rows into statements.
pub(super) struct TableReader {
    /// The layouts that may be meant; the last one holds the words of all.
    layouts: Vec<Layout>,
    head: Head,
    table: Option<Table>,
    /// The header and layout of the table before, for an account whose table has none of its own.
    last: Option<(Header, usize)>,
    lines: usize,
    statements: Vec<Statement>,
    notes: Vec<Note>,
}

/// What stands above a table.
#[derive(Debug, Default)]
struct Head {
    rows: usize,
    account: Option<StatedAccount>,
    opening: Option<Stated>,
    closing: Option<Stated>,
    period: Option<(jiff::civil::Date, jiff::civil::Date)>,
    /// The layouts whose bank is named, by index.
    banks: Vec<usize>,
}

/// A table under its header.
struct Table {
    header: Header,
    layout: usize,
    movements: Vec<Movement>,
    last_date: Option<jiff::civil::Date>,
    separators: Separators,
    /// The file's own sums of the debit and credit columns, after the last movement.
    totals: Option<(Option<Stated>, Option<Stated>)>,
    sums: (Dong, Dong),
}

impl TableReader {
    /// Begins with the layouts that may be meant.
    pub(super) fn new(layouts: Vec<Layout>) -> Self {
        Self {
            layouts,
            head: Head::default(),
            table: None,
            last: None,
            lines: 0,
            statements: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// The rule that it breaks, with its place.
    pub(super) fn push(&mut self, row: &Row) -> Result<(), Refusal> {
        if row.is_blank() {
            return Ok(());
        }
        if self
            .table
            .as_ref()
            .is_some_and(|table| table.movements.last().is_some_and(|last| last.place.sheet != row.place.sheet))
        {
            self.finish_table()?;
        }
        match self.table.take() {
            None => self.head_row(row),
            Some(mut table) => {
                let next = self.table_row(&mut table, row);
                self.table = Some(table);
                match next? {
                    Next::Same => Ok(()),
                    Next::NewAccount => {
                        self.finish_table()?;
                        self.head_row(row)
                    }
                }
            }
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When no table was found, or the last one does not add up.
    pub(super) fn finish(mut self) -> Result<(String, Vec<Statement>, Vec<Note>), Refusal> {
        self.finish_table()?;
        if self.statements.is_empty() {
            return Err(Refusal::whole(Rule::HeaderMissing));
        }
        let layout = self.last.and_then(|(_, layout)| self.layouts.get(layout));
        let name = layout.map(|layout| layout.name.clone()).unwrap_or_default();
        Ok((name, self.statements, self.notes))
    }

    fn general(&self) -> Result<&Layout, Refusal> {
        self.layouts.last().ok_or_else(|| Refusal::whole(Rule::HeaderMissing))
    }

    fn head_row(&mut self, row: &Row) -> Result<(), Refusal> {
        if let Some((header, layout)) = self.choose(row) {
            return self.open_table(header, layout);
        }
        if let Some((header, layout)) = self.last.clone()
            && self.head.account.is_some()
            && self.layouts.get(layout).is_some_and(|layout| movement::is_one(row, &header, layout))
        {
            self.open_table(header, layout)?;
            return self.push(row);
        }
        self.head.rows = self.head.rows.saturating_add(1);
        if self.statements.is_empty() && self.head.rows > TITLE_ROWS_MAX {
            return Err(Refusal::at(&row.place, Rule::HeaderMissing));
        }
        let said = labels::read(row, self.general()?)?;
        for cell in &row.cells {
            let phrase = Phrase::new(cell.as_text());
            let named = self.layouts.iter().enumerate().filter(|(_, layout)| phrase.any(&layout.bank));
            self.head.banks.extend(named.map(|(index, _)| index));
        }
        self.head.take(said);
        Ok(())
    }

    fn open_table(&mut self, header: Header, layout: usize) -> Result<(), Refusal> {
        if self.statements.len() >= STATEMENTS_MAX {
            let most = u64::try_from(STATEMENTS_MAX).unwrap_or(u64::MAX);
            return Err(Refusal::whole(Rule::Limit(Limit::Statements, most)));
        }
        self.last = Some((header.clone(), layout));
        self.table = Some(Table {
            header,
            layout,
            movements: Vec::new(),
            last_date: None,
            separators: Separators::default(),
            totals: None,
            sums: (Dong::ZERO, Dong::ZERO),
        });
        Ok(())
    }

    /// Returns a header and its layout: of the bank that the head names, else of the one bank whose
    /// own words the whole header is made of, else of the words that any bank may use.
    fn choose(&self, row: &Row) -> Option<(Header, usize)> {
        if !may_be_header(row) {
            return None;
        }
        let general = self.layouts.len().checked_sub(1)?;
        let read = |index: usize| self.layouts.get(index).and_then(|layout| header::read(row, layout));
        for bank in &self.head.banks {
            if let Some(header) = read(*bank) {
                return Some((header, *bank));
            }
        }
        let mut fitting: Vec<(usize, usize)> = Vec::new();
        for (index, layout) in self.layouts.iter().enumerate().take(general) {
            let own = header::own_words(row, layout);
            if read(index).is_some_and(|header| header.known == own) {
                fitting.push((own, index));
            }
        }
        fitting.sort_unstable_by(|one, other| other.cmp(one));
        let best = match fitting.as_slice() {
            [(first, index), (second, _), ..] if first > second => Some(*index),
            [(_, index)] => Some(*index),
            _ => None,
        };
        best.and_then(|index| read(index).map(|header| (header, index)))
            .or_else(|| read(general).map(|header| (header, general)))
    }

    fn table_row(&mut self, table: &mut Table, row: &Row) -> Result<Next, Refusal> {
        let layout = self.layouts.get(table.layout).ok_or_else(|| Refusal::whole(Rule::HeaderMissing))?;
        let header = &table.header;
        let dated = self.dated(row, header, layout);
        // The way of nearly every row; labels cost more to look for.
        if let Some(date) = &dated
            && (movement::has_entry(row, header) || movement::has_reference(row, header, date))
        {
            return self.take_movement(table, row, date);
        }
        let has_amount = movement::has_amount(row, header);
        let has_balance = header.balance.is_some_and(|balance| !row.cell(balance).is_empty());
        let label = movement::label_of(row, header);
        let labelled = label.is_some_and(|label| labels::is_label(label, layout));
        if let Some(date) = &dated
            && has_balance
            && !labelled
        {
            return self.take_movement(table, row, date);
        }
        if labelled {
            self.head.take(labels::read(row, layout)?);
            if label.is_some_and(|label| labels::is_total(label, layout)) {
                table.totals = Some(movement::totals(row, header));
            }
            return Ok(Next::Same);
        }
        let outside = movement::outside_texts(row, header);
        let said = labels::read(&outside, layout)?;
        if said.account.is_some() && !has_amount {
            return Ok(Next::NewAccount);
        }
        if header::read(row, layout).is_some() || movement::is_numbering(row) {
            return Ok(Next::Same);
        }
        if has_amount {
            let repeats = layout.blank_date == BlankDate::Repeats && row.cell(header.date).is_empty();
            return match table.last_date {
                Some(date) if repeats => self.take_movement(table, row, &(date, None, String::new())),
                _ => Err(movement::no_date(row, header)),
            };
        }
        if !movement::continues_memo(row, header, &mut table.movements) {
            self.head.take(said);
        }
        Ok(Next::Same)
    }

    /// Returns a row's date. A year of two digits is one where the file names its period in four, and the date
    /// lies in it.
    fn dated(&self, row: &Row, header: &Header, layout: &Layout) -> Option<movement::Dated> {
        let short = || {
            let (from, to) = self.head.period.filter(|_| layout.date_order == DateOrder::DayFirst)?;
            let read = movement::date_of(row, header, DateOrder::ShortYear);
            read.filter(|(date, ..)| from <= *date && *date <= to)
        };
        movement::date_of(row, header, layout.date_order).or_else(short)
    }

    fn take_movement(&mut self, table: &mut Table, row: &Row, date: &movement::Dated) -> Result<Next, Refusal> {
        self.lines = self.lines.saturating_add(1);
        if self.lines > LINES_MAX {
            let most = u64::try_from(LINES_MAX).unwrap_or(u64::MAX);
            return Err(Refusal::at(&row.place, Rule::Limit(Limit::Lines, most)));
        }
        let (movement, columns) = movement::read(row, &table.header, date, &mut table.separators)?;
        let overflow = || Refusal::at(&row.place, Rule::Overflow);
        table.sums.0 = table.sums.0.checked_add(columns.0).ok_or_else(overflow)?;
        table.sums.1 = table.sums.1.checked_add(columns.1).ok_or_else(overflow)?;
        table.last_date = Some(date.0);
        table.totals = None;
        table.movements.push(movement);
        Ok(Next::Same)
    }

    /// Proves the table that is open, if there is one, and begins a new head.
    fn finish_table(&mut self) -> Result<(), Refusal> {
        let head = std::mem::take(&mut self.head);
        let Some(mut table) = self.table.take() else { return Ok(()) };
        let layout = self.layouts.get(table.layout).ok_or_else(|| Refusal::whole(Rule::HeaderMissing))?;
        let account = account_of(&head, layout)?;
        if let Some(stated) = &head.account
            && stated.is_number
        {
            self.notes.push(Note::AccountIsNumber(stated.place.clone()));
        }
        for stated in [&head.opening, &head.closing].into_iter().flatten() {
            table.separators.see(stated.figure, &stated.place, &stated.text);
        }
        let general = self.layouts.len() > 1 && table.layout.saturating_add(1) == self.layouts.len();
        if general && !self.notes.contains(&Note::GeneralLayout) {
            self.notes.push(Note::GeneralLayout);
        }
        let amount = |stated: Stated| StatedAmount { amount: stated.figure.value, place: stated.place };
        let draft = Draft {
            account,
            opening: head.opening.map(amount),
            closing: head.closing.map(amount),
            period: head.period,
            directions: Directions::Columns(layout.debit_sign),
            movements: std::mem::take(&mut table.movements),
        };
        let mut statement = settle(draft, &mut self.notes)?;
        check_totals(&table, &mut statement, &mut self.notes)?;
        table.separators.finish(statement.proof, layout.thousands)?;
        if statement.proof == Proof::Unproven && !self.notes.contains(&Note::Unproven) {
            self.notes.push(Note::Unproven);
        }
        self.statements.push(statement);
        Ok(())
    }
}

/// Compares the file's own sums with those of its columns: the only proof where there are no
/// balances, a note where balances prove the lines.
fn check_totals(table: &Table, statement: &mut Statement, notes: &mut Vec<Note>) -> Result<(), Refusal> {
    let Some((debit, credit)) = &table.totals else { return Ok(()) };
    let sized = |amount: Dong| if amount < Dong::ZERO { amount.checked_neg().unwrap_or(amount) } else { amount };
    let mut agreed = 0_usize;
    for (direction, stated, lines) in
        [(Direction::Debit, debit, table.sums.0), (Direction::Credit, credit, table.sums.1)]
    {
        let Some(stated) = stated else { continue };
        let (found, expected) = (sized(stated.figure.value), sized(lines));
        if found == expected {
            agreed = agreed.saturating_add(1);
        } else if statement.proof == Proof::Unproven {
            let sum = Sum { what: SumKind::Total(direction), expected, found };
            return Err(Refusal::at(&stated.place, Rule::Sum(sum)));
        } else {
            notes.push(Note::TotalsDiffer { direction, stated: found, lines: expected });
        }
    }
    if statement.proof == Proof::Unproven && agreed == 2 {
        statement.proof = Proof::Totals;
    }
    Ok(())
}

/// What a row of a table leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The table goes on.
    Same,
    /// The row begins another account.
    NewAccount,
}

impl Head {
    /// Keeps what a row says; the first opening balance and the last closing balance count.
    fn take(&mut self, said: Said) {
        self.account = self.account.take().or(said.account);
        self.opening = self.opening.take().or(said.opening);
        self.closing = said.closing.or(self.closing.take());
        self.period = self.period.or(said.period);
    }
}

fn account_of(head: &Head, layout: &Layout) -> Result<AccountNumber, Refusal> {
    match (&head.account, &layout.account) {
        (Some(stated), _) => stated
            .number
            .parse()
            .map_err(|_| Refusal::at(&stated.place, Rule::Not(Wanted::Account, shown(&stated.number)))),
        (None, Some(given)) => given.parse().map_err(|_| Refusal::whole(Rule::Not(Wanted::Account, shown(given)))),
        (None, None) => Err(Refusal::whole(Rule::AccountMissing)),
    }
}

/// Tells how many columns a row has as a header, in the words of any bank or else of one.
pub(super) fn header_columns(row: &Row, layouts: &[Layout]) -> usize {
    if !may_be_header(row) {
        return 0;
    }
    let known = |layout: &Layout| header::read(row, layout).map(|header| header.known);
    layouts.iter().rev().find_map(known).unwrap_or(0)
}

/// Tells whether a row has three cells of words without a digit, as every header has.
fn may_be_header(row: &Row) -> bool {
    let words = row.cells.iter().filter(|cell| match cell {
        Cell::Text(text) => !text.contains(|c: char| c.is_ascii_digit()),
        Cell::Empty | Cell::Number(_) | Cell::Moment { .. } | Cell::Formula => false,
    });
    words.count() >= 3
}

/// Tells whether any text of a row shows a font from before Unicode.
pub(super) fn old_font(row: &Row) -> bool {
    row.cells.iter().any(|cell| matches!(cell, Cell::Text(text) if crate::bank::file::decode::has_old_font(text)))
}
