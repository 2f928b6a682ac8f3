//! Tables over any number of pages: heads repeated, rows whole, columns as wide as what is in them.

use super::flow::{Flow, base};
use super::lines::{Type, at_most};
use super::paper::{Align, Ink, Kind, Look, Part};
use crate::domain::drawing::{Area, Length, Spot};

/// Most lines of one cell; what is longer is cut with an ellipsis.
const CELL_LINES_MAX: usize = 6;
/// White on both sides of a cell.
const PADDING: Length = Length::um(1_200);
/// White above and below a cell's lines.
const ROW_PADDING: Length = Length::um(700);
/// The least width of a column of text.
const TEXT_WIDTH_MIN: Length = Length::mm(22);
/// White below a table.
const AFTER: Length = Length::mm(2);
/// Rows of a table that stay with what is signed behind it.
const LAST_ROWS: usize = 2;
/// The smallest type of a table, in tenths of a point.
const SMALLEST: i64 = 60;

/// How wide a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// As wide as its widest cell: figures, which are never broken.
    Natural,
    /// A share of what the others leave: words, which are.
    Share(i64),
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub head: String,
    /// The side on which its cells stand.
    pub align: Align,
    /// How wide it is.
    pub width: Width,
}

impl Column {
    /// Returns a column of figures.
    #[must_use]
    pub fn figures(head: &str) -> Self {
        Self { head: head.to_owned(), align: Align::Right, width: Width::Natural }
    }

    /// Returns a column of short codes, never broken.
    #[must_use]
    pub fn code(head: &str) -> Self {
        Self { head: head.to_owned(), align: Align::Left, width: Width::Natural }
    }

    /// Returns a column of words.
    #[must_use]
    pub fn words(head: &str, share: i64) -> Self {
        Self { head: head.to_owned(), align: Align::Left, width: Width::Share(share) }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its cells, one for each column.
    pub cells: Vec<String>,
    /// Whether it sums the others up.
    pub sum: bool,
}

impl Row {
    /// Returns a row among others.
    #[must_use]
    pub fn of(cells: Vec<String>) -> Self {
        Self { cells, sum: false }
    }

    /// Returns a row that sums the others up.
    #[must_use]
    pub fn sum(cells: Vec<String>) -> Self {
        Self { cells, sum: true }
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it tells, for those who do not see it.
    pub summary: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A table whose columns have been measured.
struct Set<'t> {
    table: &'t Table,
    plain: Type,
    bold: Type,
    widths: Vec<Length>,
}

/// What a row's cells are drawn as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Head,
    /// The head once more, on a later page.
    HeadAgain,
    Plain,
    Sum,
}

impl Flow {
    /// Writes a table.
    pub fn table(&mut self, table: &Table) {
        let set = self.set(table);
        let node = self.paper.node(Kind::Table(table.summary.clone()), None);
        let head: Vec<String> = table.columns.iter().map(|column| column.head.clone()).collect();
        let head_lines = set.lines(&head, Role::Head);
        let head_height = height(&head_lines, set.bold);
        self.keep(head_height + set.plain.leading() * 3);
        self.row(&set, &head_lines, Role::Head, node);
        let rows: Vec<(Role, Vec<Vec<String>>)> = table
            .rows
            .iter()
            .map(|row| if row.sum { Role::Sum } else { Role::Plain })
            .zip(&table.rows)
            .map(|(role, row)| (role, set.lines(&row.cells, role)))
            .collect();
        let behind = std::mem::take(&mut self.behind);
        let last = rows.len().saturating_sub(LAST_ROWS);
        for (place, (role, lines)) in rows.iter().enumerate() {
            let needed = if place == last && place > 0 && behind > Length::ZERO {
                rows.iter().skip(last).map(|(_, lines)| height(lines, set.plain)).sum::<Length>() + AFTER + behind
            } else {
                height(lines, set.plain)
            };
            if self.y + needed > self.form.sheet.height - self.form.bottom {
                self.turn();
                self.row(&set, &head_lines, Role::HeadAgain, node);
            }
            self.row(&set, lines, *role, node);
        }
        self.gap(AFTER);
    }

    fn row(&mut self, set: &Set<'_>, cells: &[Vec<String>], role: Role, table: super::paper::Node) {
        let kind = set.kind(role);
        let row_height = height(cells, kind);
        let top = self.y;
        let width: Length = set.widths.iter().copied().sum();
        let ground = Area { x: self.form.left, y: top, width, height: row_height };
        if role != Role::Plain {
            self.paper.fill(ground, Ink::GROUND, Part::Ornament);
        }
        let row = (role != Role::HeadAgain).then(|| self.paper.node(Kind::Row, Some(table)));
        let mut x = self.form.left;
        for ((column, lines), width) in set.table.columns.iter().zip(cells).zip(&set.widths) {
            let cell = if role == Role::Head { Kind::ColumnHead } else { Kind::Cell };
            let part = row.map_or(Part::Ornament, |row| Part::Of(self.paper.node(cell, Some(row))));
            let at = match column.align {
                Align::Left => x + PADDING,
                Align::Middle => x + width.scaled(1, 2),
                Align::Right => x + *width - PADDING,
            };
            let mut y = top + ROW_PADDING + base(kind);
            for line in lines {
                // A cell without a text is a cell still, to those who hear the table.
                let line = if line.is_empty() { "\u{a0}" } else { line };
                self.paper.write(Spot::at(at, y), line, Look::of(kind).aligned(column.align), part);
                y = y + kind.leading();
            }
            x = x + *width;
        }
        let heavy = matches!(role, Role::Head | Role::HeadAgain);
        let line = Area { y: top + row_height, height: Length::um(if heavy { 300 } else { 120 }), ..ground };
        self.paper.fill(line, if heavy { Ink::BLACK } else { Ink::LINE }, Part::Ornament);
        self.y = top + row_height;
    }

    /// Measures a table: as large as it may be, smaller when its figures ask for it.
    fn set<'t>(&self, table: &'t Table) -> Set<'t> {
        let room = self.room();
        let mut size = self.form.table_size;
        loop {
            let plain = Type::new(self.form.face(0), size);
            let bold = Type::new(self.form.face(1), size);
            for heads in [Heads::InOneLine, Heads::Broken] {
                let natural = natural(table, plain, bold, heads);
                let needed: Length = natural.iter().copied().sum();
                if needed <= room || (size <= SMALLEST && heads == Heads::Broken) {
                    return Set { table, plain, bold, widths: shared_out(table, &natural, room) };
                }
            }
            size -= 5;
        }
    }
}

/// How heads are measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heads {
    /// Whole.
    InOneLine,
    /// Word by word.
    Broken,
}

/// Returns the least width of each column.
fn natural(table: &Table, plain: Type, bold: Type, heads: Heads) -> Vec<Length> {
    let column = |(place, column): (usize, &Column)| {
        let word = |word: &str| bold.line(word).width(bold.size);
        let head = match heads {
            Heads::InOneLine => word(&column.head),
            Heads::Broken => column.head.split_whitespace().map(word).max().unwrap_or_default(),
        };
        let widest = match column.width {
            Width::Share(_) => TEXT_WIDTH_MIN,
            Width::Natural => {
                let cell = |row: &Row| {
                    let kind = if row.sum { bold } else { plain };
                    row.cells.get(place).map_or(Length::ZERO, |text| kind.line(text).width(kind.size))
                };
                table.rows.iter().map(cell).max().unwrap_or_default()
            }
        };
        head.max(widest) + PADDING * 2 + Length::um(50)
    };
    table.columns.iter().enumerate().map(column).collect()
}

/// Gives what is left to the columns of words; takes from all alike when there is too little.
fn shared_out(table: &Table, natural: &[Length], room: Length) -> Vec<Length> {
    let needed: Length = natural.iter().copied().sum();
    if needed > room {
        return natural.iter().map(|width| width.scaled(room.micrometres(), needed.micrometres())).collect();
    }
    let share = |column: &Column| if let Width::Share(share) = column.width { share.max(0) } else { 0 };
    let shares: i64 = table.columns.iter().map(share).sum();
    let left = room - needed;
    let widened = |(column, width): (&Column, &Length)| *width + left.scaled(share(column), shares);
    table.columns.iter().zip(natural).map(widened).collect()
}

impl Set<'_> {
    fn kind(&self, role: Role) -> Type {
        if role == Role::Plain { self.plain } else { self.bold }
    }

    fn lines(&self, cells: &[String], role: Role) -> Vec<Vec<String>> {
        let kind = self.kind(role);
        let cell = |(text, width): (&String, &Length)| at_most(CELL_LINES_MAX, text, kind, *width - PADDING * 2);
        cells.iter().zip(&self.widths).map(cell).collect()
    }
}

fn height(cells: &[Vec<String>], kind: Type) -> Length {
    let lines = cells.iter().map(Vec::len).max().unwrap_or(1);
    kind.leading() * i64::try_from(lines).unwrap_or(1) + ROW_PADDING * 2
}
