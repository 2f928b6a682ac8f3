//! One row of a table as a movement: its date, reference, texts and amounts, each with the place
//! and the rule when it is not what it should be.

use jiff::civil::{Date, Time};

use super::dates;
use super::figures::{self, Figure, Grouping};
use super::grid::{Cell, Row};
use super::header::{Header, Money};
use super::labels::Stated;
use super::layout::{DateOrder, Layout, Thousands};
use super::limits::MEMO_CHARS_MAX;
use super::proof::Movement;
use super::refusal::{Refusal, Rule, Wanted};
use super::xml::shown;
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Direction};
use crate::domain::statement::{LineTexts, Place, Proof, Texts};
use crate::domain::text::search_term;

/// Digits that a number cell holds without loss.
const EXACT_DIGITS: usize = 15;

/// A row's date and time, and what stands behind them in the same cell.
pub(super) type Dated = (Date, Option<Time>, String);

/// Tells whether a row is a movement under this header.
pub(super) fn is_one(row: &Row, header: &Header, layout: &Layout) -> bool {
    date_of(row, header, layout.date_order).is_some() && has_amount(row, header)
}

/// Returns a row's booking date, with the time of day from wherever the row has it.
pub(super) fn date_of(row: &Row, header: &Header, order: DateOrder) -> Option<Dated> {
    let (date, time, rest) = cell_date(row, header.date, order)?;
    if time.is_some() {
        return Some((date, time, rest));
    }
    let apart = header.time.and_then(|time| match row.cell(time) {
        Cell::Text(text) => dates::read_time(text).or_else(|| dates::read(text, order).and_then(|at| at.1)),
        Cell::Moment { at, .. } => Some(at.time()),
        Cell::Empty | Cell::Number(_) | Cell::Formula => None,
    });
    let other = || {
        let others = header.other_dates.iter().filter_map(|other| cell_date(row, *other, order));
        others.filter(|other| other.0 == date).find_map(|other| other.1)
    };
    Some((date, apart.or_else(other), rest))
}

fn cell_date(row: &Row, column: usize, order: DateOrder) -> Option<Dated> {
    let bare = |text: &str| {
        let day = dates::digits(text).or_else(|| dates::day_number(text).filter(|_| row.bare_days));
        day.map(|(date, time)| (date, time, String::new()))
    };
    match row.cell(column) {
        Cell::Moment { at, timed } => Some((at.date(), timed.then(|| at.time()), String::new())),
        Cell::Text(text) => {
            let read = dates::read(text, order).map(|(date, time, rest)| (date, time, rest.to_owned()));
            read.or_else(|| bare(text))
        }
        Cell::Number(digits) => bare(digits),
        Cell::Empty | Cell::Formula => None,
    }
}

fn money_columns(header: &Header) -> [Option<usize>; 4] {
    match header.money {
        Money::Apart { debit, credit } => [Some(debit), Some(credit), header.fee, header.tax],
        Money::Together { amount, .. } => [Some(amount), None, header.fee, header.tax],
    }
}

/// Tells whether an amount's column holds an amount.
pub(super) fn has_amount(row: &Row, header: &Header) -> bool {
    let mut columns = money_columns(header).into_iter().flatten();
    columns.any(|column| match row.cell(column) {
        Cell::Empty => false,
        Cell::Text(text) => matches!(figures::read(text), Ok(Some(_))),
        Cell::Number(_) | Cell::Moment { .. } | Cell::Formula => true,
    })
}

/// Tells whether an amount's column holds anything, so that a dated row must be a movement.
pub(super) fn has_entry(row: &Row, header: &Header) -> bool {
    let mut columns = money_columns(header).into_iter().flatten();
    columns.any(|column| match row.cell(column) {
        Cell::Empty => false,
        Cell::Text(text) => figures::read(text) != Ok(None),
        Cell::Number(_) | Cell::Moment { .. } | Cell::Formula => true,
    })
}

/// Tells whether a dated row names a reference, so that it must have an amount.
pub(super) fn has_reference(row: &Row, header: &Header, date: &Dated) -> bool {
    match header.reference {
        Some(reference) if reference == header.date => BankRef::normalise(&date.2).is_some(),
        Some(reference) => BankRef::normalise(row.cell(reference).as_text()).is_some(),
        None => false,
    }
}

fn is_text_column(index: usize, header: &Header) -> bool {
    header.memo == Some(index) || header.counterparty.contains(&index)
}

/// Returns the text that would name a row of sums: the first that is no memo and no counterparty;
/// these only where the row has neither reference nor number, for a memo may begin with the same
/// words.
pub(super) fn label_of<'r>(row: &'r Row, header: &Header) -> Option<&'r str> {
    let texts = || {
        row.cells.iter().enumerate().filter_map(|(index, cell)| match cell {
            Cell::Text(text) if figures::read(text).is_err() => Some((index, text.as_str())),
            Cell::Text(_) | Cell::Empty | Cell::Number(_) | Cell::Moment { .. } | Cell::Formula => None,
        })
    };
    let bare = |column: Option<usize>| column.is_none_or(|column| row.cell(column).is_empty());
    let outside = texts().find(|(index, _)| !is_text_column(*index, header));
    let any = || texts().next().filter(|_| bare(header.reference) && bare(header.serial));
    outside.or_else(any).map(|(_, text)| text)
}

/// Returns the row without memo and counterparty, whose words are no labels.
pub(super) fn outside_texts(row: &Row, header: &Header) -> Row {
    let cells = row.cells.iter().enumerate();
    let kept = cells.map(|(index, cell)| if is_text_column(index, header) { Cell::Empty } else { cell.clone() });
    Row { place: row.place.clone(), cells: kept.collect(), bare_days: row.bare_days }
}

/// Tells whether a row under the header only numbers the columns: `(1) (2) (3)`.
pub(super) fn is_numbering(row: &Row) -> bool {
    let texts: Vec<&str> = row.cells.iter().filter(|cell| !cell.is_empty()).map(Cell::as_text).collect();
    let number = |text: &str| text.trim_matches(['(', ')', '[', ']']).parse::<usize>().ok();
    let numbers: Option<Vec<usize>> = texts.iter().map(|text| number(text)).collect();
    numbers.is_some_and(|numbers| numbers.len() >= 3 && numbers.iter().zip(1..).all(|(found, wanted)| *found == wanted))
}

/// Returns the refusal of a row that has an amount but no date.
pub(super) fn no_date(row: &Row, header: &Header) -> Refusal {
    let place = row.place_of(header.date);
    match row.cell(header.date) {
        Cell::Empty => Refusal::at(&place, Rule::DateMissing),
        Cell::Formula => Refusal::at(&place, Rule::FormulaWithoutValue),
        cell @ (Cell::Text(_) | Cell::Number(_) | Cell::Moment { .. }) => {
            Refusal::at(&place, Rule::Not(Wanted::Date, shown(cell.as_text())))
        }
    }
}

/// Adds a row that holds nothing but memo to the movement right above it.
pub(super) fn continues_memo(row: &Row, header: &Header, movements: &mut [Movement]) -> bool {
    // What stands alone in the first column is a notice.
    let Some(memo) = header.memo.filter(|memo| *memo > 0) else { return false };
    let alone = row.cells.iter().enumerate().all(|(index, cell)| index == memo || cell.is_empty());
    let Some(above) = movements.last_mut() else { return false };
    let follows = above.place.line < row.place.line && row.place.line.saturating_sub(above.place.line) <= 5;
    if !alone || !follows {
        return false;
    }
    let texts = above.texts.read();
    let memo = one_line(&format!("{} {}", texts.memo, row.cell(memo).as_text()));
    above.texts = LineTexts::new(Texts { memo: &memo, ..texts });
    true
}

/// Returns what a row of sums says of the debit and credit columns; what is no amount is nothing.
pub(super) fn totals(row: &Row, header: &Header) -> (Option<Stated>, Option<Stated>) {
    let Money::Apart { debit, credit } = header.money else { return (None, None) };
    let stated = |index: usize| {
        let text = row.cell(index).as_text();
        let figure = figures::read(text).ok().flatten()?;
        Some(Stated { figure, place: row.place_of(index), text: text.to_owned() })
    };
    (stated(debit), stated(credit))
}

/// Reads a movement, and what its debit and credit columns hold for the file's own sums.
///
/// # Errors
/// The cell and the rule that it breaks.
pub(super) fn read(
    row: &Row,
    header: &Header,
    date: &Dated,
    separators: &mut Separators,
) -> Result<(Movement, (Dong, Dong)), Refusal> {
    let mut amount = |column: Option<usize>| match column {
        Some(column) => amount_in(row, column, separators),
        None => Ok(None),
    };
    let (fee, tax) = (amount(header.fee)?.unwrap_or(Dong::ZERO), amount(header.tax)?.unwrap_or(Dong::ZERO));
    let balance = amount(header.balance)?;
    let (debit, credit) = match header.money {
        Money::Apart { debit, credit } => {
            (amount(Some(debit))?.unwrap_or(Dong::ZERO), amount(Some(credit))?.unwrap_or(Dong::ZERO))
        }
        Money::Together { amount: column, direction } => {
            let both = amount(Some(column))?.unwrap_or(Dong::ZERO);
            directed(row, column, direction, both)?
        }
    };
    let overflow = || Refusal::at(&row.place, Rule::Overflow);
    let outward = debit.checked_add(fee).and_then(|sum| sum.checked_add(tax)).ok_or_else(overflow)?;
    if outward == Dong::ZERO && credit == Dong::ZERO && balance.is_none() {
        return Err(Refusal::at(&row.place, Rule::AmountMissing));
    }
    let text = |column: usize| text_of(row.cell(column));
    let counterparty: Vec<String> = header.counterparty.iter().map(|c| text(*c)).filter(|c| !c.is_empty()).collect();
    let texts = LineTexts::new(Texts {
        bank_ref: &reference(row, header, date)?,
        memo: &one_line(&header.memo.map(text).unwrap_or_default()),
        payer_ref: "",
        counterparty: &one_line(&counterparty.join(" · ")),
    });
    let movement =
        Movement { place: row.place.clone(), date: date.0, time: date.1, texts, outward, inward: credit, balance };
    Ok((movement, (debit, credit)))
}

fn amount_in(row: &Row, column: usize, separators: &mut Separators) -> Result<Option<Dong>, Refusal> {
    let place = || row.place_of(column);
    let wrong = |text: &str| Refusal::at(&place(), Rule::Not(Wanted::Amount, shown(text)));
    match row.cell(column) {
        Cell::Empty => Ok(None),
        Cell::Formula => Err(Refusal::at(&place(), Rule::FormulaWithoutValue)),
        Cell::Moment { at, .. } => Err(wrong(&at.to_string())),
        Cell::Number(digits) => digits.parse().map(Some).map_err(|_| wrong(digits)),
        Cell::Text(text) => {
            let figure = figures::read(text).map_err(|()| wrong(text))?;
            if let Some(figure) = figure {
                separators.see(figure, &place(), text);
            }
            Ok(figure.map(|figure| figure.value))
        }
    }
}

/// Tells an amount's direction by the word beside it, else by its sign.
fn directed(row: &Row, column: usize, direction: Option<usize>, amount: Dong) -> Result<(Dong, Dong), Refusal> {
    let sized = if amount < Dong::ZERO { amount.checked_neg().unwrap_or(amount) } else { amount };
    let by_sign = if amount < Dong::ZERO { Direction::Debit } else { Direction::Credit };
    let word = direction.map(|column| text_of(row.cell(column))).unwrap_or_default();
    let told = match (word.as_str(), search_term(&word).as_str()) {
        ("+", _) | (_, "c" | "cr" | "co" | "credit" | "ghi co" | "in" | "vao" | "tien vao" | "co credit") => {
            Direction::Credit
        }
        ("-", _) | (_, "d" | "dr" | "no" | "debit" | "ghi no" | "out" | "ra" | "tien ra" | "no debit") => {
            Direction::Debit
        }
        (_, "") => by_sign,
        _ => {
            let place = row.place_of(direction.unwrap_or(column));
            return Err(Refusal::at(&place, Rule::Not(Wanted::DirectionWord, shown(&word))));
        }
    };
    Ok(match told {
        Direction::Credit => (Dong::ZERO, sized),
        Direction::Debit => (sized, Dong::ZERO),
    })
}

/// Returns the reference; a number cell must hold all its digits.
fn reference(row: &Row, header: &Header, date: &Dated) -> Result<String, Refusal> {
    let Some(column) = header.reference else { return Ok(String::new()) };
    let refuse = |text: &str| Refusal::at(&row.place_of(column), Rule::Not(Wanted::Reference, shown(text)));
    let text = if column == header.date {
        one_line(&date.2)
    } else {
        match row.cell(column) {
            Cell::Empty => String::new(),
            Cell::Text(text) => one_line(text),
            Cell::Number(digits) if digits.len() <= EXACT_DIGITS && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.clone()
            }
            Cell::Number(digits) => return Err(refuse(digits)),
            Cell::Moment { at, .. } => return Err(refuse(&at.to_string())),
            Cell::Formula => return Err(Refusal::at(&row.place_of(column), Rule::FormulaWithoutValue)),
        }
    };
    if text.chars().count() > BankRef::MAX_LEN { Err(refuse(&text)) } else { Ok(text) }
}

fn text_of(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) | Cell::Number(text) => text.clone(),
        Cell::Moment { at, .. } => at.to_string(),
        Cell::Empty | Cell::Formula => String::new(),
    }
}

/// Returns a text on one line, runs of white space made one blank, up to the kept length; what no
/// page can show is dropped.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(MEMO_CHARS_MAX).collect()
}

/// What the texts of a table show about its separators, and which of them wait for proof.
#[derive(Debug, Clone, Default)]
pub(super) struct Separators {
    dot: bool,
    comma: bool,
    open_dot: Option<(Place, String)>,
    open_comma: Option<(Place, String)>,
}

impl Separators {
    /// Takes note of one text.
    pub(super) fn see(&mut self, figure: Figure, place: &Place, text: &str) {
        let waits = || Some((place.clone(), shown(text)));
        match figure.grouping {
            Grouping::Certain('.') => self.dot = true,
            Grouping::Certain(_) => self.comma = true,
            Grouping::Open('.') if self.open_dot.is_none() => self.open_dot = waits(),
            Grouping::Open(',') if self.open_comma.is_none() => self.open_comma = waits(),
            Grouping::Open(_) | Grouping::Silent => {}
        }
    }

    /// Decides what waits: by texts that can mean one thing only, by what the layout says, or
    /// because the balances hold with this reading.
    ///
    /// # Errors
    /// The first text of which nothing tells what its separator means.
    pub(super) fn finish(&self, proof: Proof, told: Option<Thousands>) -> Result<(), Refusal> {
        let proven = matches!(proof, Proof::RunningBalance | Proof::Balances);
        for (open, this, other, separator) in
            [(&self.open_dot, self.dot, self.comma, '.'), (&self.open_comma, self.comma, self.dot, ',')]
        {
            let decided = match told.map(Thousands::separator) {
                Some(told) => told == separator,
                None => proven || (this && !other),
            };
            if let Some((place, text)) = open
                && !decided
            {
                return Err(Refusal::at(place, Rule::Not(Wanted::ClearSeparator, text.clone())));
            }
        }
        Ok(())
    }
}
