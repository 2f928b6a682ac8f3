//! One neutral grid: what a workbook and a file of separated values have in common. Its readers hand
//! over one row at a time, so that a long file is never whole in memory as cells.

use jiff::civil::DateTime;

use super::refusal::Refusal;
use crate::domain::statement::Place;

/// What one cell holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Cell {
    /// Nothing, or white space.
    #[default]
    Empty,
    /// A text.
    Text(String),
    /// A number cell of a workbook, in its own digits and never through a float.
    Number(String),
    /// A date cell of a workbook.
    Moment {
        /// The date and time of day.
        at: DateTime,
        /// Whether its time of day is not midnight.
        timed: bool,
    },
    /// A formula whose value the file does not hold.
    Formula,
}

impl Cell {
    /// Wraps a text; white space alone is nothing.
    pub(crate) fn text(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() { Self::Empty } else { Self::Text(text.to_owned()) }
    }

    /// Tells whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::Empty
    }

    /// Returns the cell's text, or its number's digits.
    pub(crate) fn as_text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Empty | Self::Moment { .. } | Self::Formula => "",
        }
    }
}

/// A row with its place.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) place: Place,
    pub(crate) cells: Vec<Cell>,
    /// Whether a bare number may be a day counted from 30/12/1899; in a workbook that counts from 1904 it would be
    /// another date.
    pub(crate) bare_days: bool,
}

impl Row {
    /// Returns a cell by its index, from 0; beyond the end is nothing.
    pub(crate) fn cell(&self, index: usize) -> &Cell {
        const EMPTY: &Cell = &Cell::Empty;
        self.cells.get(index).unwrap_or(EMPTY)
    }

    /// Returns the place of a cell by its index, from 0.
    pub(crate) fn place_of(&self, index: usize) -> Place {
        self.place.at_column(index.saturating_add(1))
    }

    /// Tells whether all cells are empty.
    pub(crate) fn is_blank(&self) -> bool {
        self.cells.iter().all(Cell::is_empty)
    }
}

/// Takes the rows of a grid in order.
pub(crate) type Sink<'a> = dyn FnMut(Row) -> Result<(), Refusal> + 'a;
