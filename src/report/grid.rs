//! A table of figures before it has a form: the same rows become a sheet of a workbook, a table on
//! paper, CSV or a table of a page, so that none of them can say something else.

use jiff::Timestamp;

use super::wording::{NOTHING, count, span};
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::language::Language;
use crate::domain::money::Dong;

/// What a cell holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number of things.
    Count(i64),
    /// Đồng.
    Money(Dong),
    /// A date.
    Date(BusinessDate),
    /// A time of day in Vietnam.
    Time(Timestamp),
    /// Parts of a thousand, shown as a per cent.
    Share(i64),
    /// A length of time, in seconds.
    Span(i64),
    /// Nothing that is known.
    Unknown,
    /// Something that is known and not told: fewer than five stalls are behind it.
    Hidden,
}

/// What stands where fewer than five stalls are behind a figure.
pub const HIDDEN: &str = "< 5 sạp";

impl Cell {
    /// Returns words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Returns the cell as people read it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) if text.is_empty() => NOTHING.to_owned(),
            Self::Text(text) => text.clone(),
            Self::Count(number) => count(*number),
            Self::Money(amount) => amount.grouped(),
            Self::Date(date) => date.vietnamese(),
            Self::Time(at) => vietnam_time(*at),
            Self::Share(thousandths) => {
                let sign = if *thousandths < 0 { "-" } else { "" };
                let absolute = thousandths.saturating_abs();
                format!("{sign}{},{}\u{a0}%", absolute / 10, absolute % 10)
            }
            Self::Span(seconds) => span(*seconds, Language::Vietnamese),
            Self::Unknown => NOTHING.to_owned(),
            Self::Hidden => HIDDEN.to_owned(),
        }
    }

    /// Returns the cell as programs read it: plain digits, ISO dates, nothing where nothing is told.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Money(amount) => amount.whole().to_string(),
            Self::Date(date) => date.to_string(),
            Self::Time(at) => vietnam_time(*at),
            Self::Count(number) | Self::Share(number) | Self::Span(number) => number.to_string(),
            Self::Unknown | Self::Hidden => String::new(),
        }
    }

    /// Tells whether it stands on the right, as figures do.
    #[must_use]
    pub fn is_figure(&self) -> bool {
        !matches!(self, Self::Text(_))
    }

    /// Returns the number that a sum adds up.
    #[must_use]
    pub fn summed(&self) -> Option<i64> {
        match self {
            Self::Count(number) => Some(*number),
            Self::Money(amount) => Some(amount.whole()),
            Self::Text(_)
            | Self::Date(_)
            | Self::Time(_)
            | Self::Share(_)
            | Self::Span(_)
            | Self::Unknown
            | Self::Hidden => None,
        }
    }
}

/// A table of figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// Its name: at most 31 characters, as a workbook's sheets have.
    pub name: String,
    /// The heads of its columns.
    pub heads: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
    /// Columns that are summed up, from 0; none for a table without a last line.
    pub summed: Vec<usize>,
}

impl Grid {
    /// Returns a table.
    #[must_use]
    pub fn new(name: &str, heads: &[&str], rows: Vec<Vec<Cell>>, summed: &[usize]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Self { name: name.to_owned(), heads, rows, summed: summed.to_vec() }
    }

    /// Returns the last line: the sums, and words before them. Nothing when nothing is summed, and
    /// when a hidden cell could be told from the sum.
    #[must_use]
    pub fn sums(&self) -> Option<Vec<Cell>> {
        let hides = self.rows.iter().flatten().any(|cell| *cell == Cell::Hidden);
        if self.summed.is_empty() || self.rows.is_empty() || hides {
            return None;
        }
        let cell = |column: usize| {
            if !self.summed.contains(&column) {
                return if column == 0 { Cell::text("Cộng") } else { Cell::text("") };
            }
            let cells = || self.rows.iter().filter_map(|row| row.get(column));
            let sum = cells().filter_map(Cell::summed).fold(0_i64, i64::saturating_add);
            let money = cells().any(|cell| matches!(cell, Cell::Money(_)));
            if money { Cell::Money(Dong::new(sum)) } else { Cell::Count(sum) }
        };
        Some((0..self.heads.len()).map(cell).collect())
    }

    /// Tells whether a column holds figures.
    #[must_use]
    pub fn is_figures(&self, column: usize) -> bool {
        self.rows.iter().filter_map(|row| row.get(column)).any(Cell::is_figure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_rows_and_hidden_cells_have_none() {
        let row = |name: &str, amount| vec![Cell::text(name), Cell::Money(Dong::new(amount)), Cell::Count(2)];
        let mut grid = Grid::new("Theo sạp", &["Sạp", "Số tiền", "Lượt"], vec![row("A1", 5), row("A2", 7)], &[1, 2]);
        assert_eq!(grid.sums(), Some(vec![Cell::text("Cộng"), Cell::Money(Dong::new(12)), Cell::Count(4)]));
        assert!(grid.is_figures(1) && !grid.is_figures(0));
        grid.rows.push(vec![Cell::text("A3"), Cell::Hidden, Cell::Hidden]);
        assert_eq!(grid.sums(), None);
    }

    #[test]
    fn cells_are_shown_to_people_and_written_for_programs() {
        let spans = [Cell::Span(5), Cell::Span(300), Cell::Span(777_600)];
        assert_eq!(spans.each_ref().map(Cell::shown), ["5\u{a0}giây", "5\u{a0}phút", "9\u{a0}ngày"]);
        assert_eq!(spans.each_ref().map(Cell::plain), ["5", "300", "777600"]);
        let shown = [Cell::Money(Dong::new(-1_250_000)), Cell::Share(-125), Cell::text(""), Cell::Hidden];
        assert_eq!(shown.each_ref().map(Cell::shown), ["-1.250.000", "-12,5\u{a0}%", "–", "< 5 sạp"]);
        assert_eq!(shown.each_ref().map(Cell::plain), ["-1250000", "-125", "", ""]);
    }
}
