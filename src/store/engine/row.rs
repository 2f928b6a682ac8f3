//! Rows of an answer, from either engine and from SQLite's writing connection, read alike.

use std::sync::Arc;

use rusqlite::types::Value as Cell;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _};

use crate::store::error::{Result, StoreError};

/// One row of an answer, read by column name.
pub(crate) enum Row {
    /// From a reader of SQLite.
    Sqlite(SqliteRow),
    /// From SQLite's writing connection.
    File(FileRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self::Postgres(row)
    }
}

macro_rules! row_reader {
    ($($(#[$doc:meta])* $name:ident -> $type:ty;)*) => {
        $($(#[$doc])*
        pub(crate) fn $name(&self, column: &str) -> Result<$type> {
            match self {
                Self::Sqlite(row) => row.try_get(column).map_err(CellError::from),
                Self::File(row) => row.get(column),
                Self::Postgres(row) => row.try_get(column).map_err(CellError::from),
            }
            .map_err(|CellError(error)| StoreError::Inconsistent(format!("column {column}: {error}")))
        })*
    };
}

impl Row {
    row_reader! {
        /// Reads a whole number.
        int -> i64;
        /// Reads a whole number that may be missing.
        optional_int -> Option<i64>;
        /// Reads a text.
        text -> String;
        /// Reads a text that may be missing.
        optional_text -> Option<String>;
        /// Reads bytes.
        bytes -> Vec<u8>;
        /// Reads bytes that may be missing.
        optional_bytes -> Option<Vec<u8>>;
    }

    /// Reads the columns one after another, in the order in which the statement names them: for
    /// millions of rows, without looking a name up for each.
    pub(crate) fn in_order(&self) -> InOrder<'_> {
        InOrder { row: self, next: 0 }
    }

    /// Reads a flag kept as 0 or 1.
    pub(crate) fn flag(&self, column: &str) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    /// Reads a text and turns it into a domain type.
    pub(crate) fn parse<T: std::str::FromStr>(&self, column: &str) -> Result<T>
    where
        T::Err: std::fmt::Display,
    {
        self.text(column)?.parse().map_err(|error| StoreError::Inconsistent(format!("column {column}: {error}")))
    }
}

/// A row's columns, one after another. Texts and bytes are borrowed from the row.
pub(crate) struct InOrder<'r> {
    row: &'r Row,
    next: usize,
}

macro_rules! order_reader {
    ($($(#[$doc:meta])* $name:ident -> $type:ty;)*) => {
        $($(#[$doc])*
        pub(crate) fn $name(&mut self) -> Result<$type> {
            let place = self.next;
            self.next = place.saturating_add(1);
            match self.row {
                Row::Sqlite(row) => row.try_get(place).map_err(CellError::from),
                Row::File(row) => row.at(place),
                Row::Postgres(row) => row.try_get(place).map_err(CellError::from),
            }
            .map_err(|CellError(error)| StoreError::Inconsistent(format!("column {}: {error}", self.row.name_of(place))))
        })*
    };
}

impl<'r> InOrder<'r> {
    order_reader! {
        /// Reads a whole number.
        int -> i64;
        /// Reads a whole number that may be missing.
        optional_int -> Option<i64>;
        /// Reads a text.
        text -> &'r str;
        /// Reads a text that may be missing.
        optional_text -> Option<&'r str>;
        /// Reads bytes.
        bytes -> &'r [u8];
        /// Reads bytes that may be missing.
        optional_bytes -> Option<&'r [u8]>;
    }

    /// Reads a flag, which is 0 or 1 and nothing else.
    pub(crate) fn flag(&mut self) -> Result<bool> {
        match self.int()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(StoreError::Inconsistent(format!("a flag is {other}"))),
        }
    }
}

impl Row {
    fn name_of(&self, place: usize) -> &str {
        match self {
            Self::Sqlite(row) => row.columns().get(place).map_or("?", |column| column.name()),
            Self::File(row) => row.names.get(place).map_or("?", String::as_str),
            Self::Postgres(row) => row.columns().get(place).map_or("?", |column| column.name()),
        }
    }
}

/// Why a column cannot be read.
struct CellError(String);

impl From<sqlx::Error> for CellError {
    fn from(error: sqlx::Error) -> Self {
        Self(error.to_string())
    }
}

/// A row of SQLite's writing connection.
pub(crate) struct FileRow {
    names: Arc<[String]>,
    cells: Vec<Cell>,
}

impl FileRow {
    /// Returns a row of these cells, under these names.
    pub(super) fn new(names: Arc<[String]>, cells: Vec<Cell>) -> Self {
        Self { names, cells }
    }

    /// Reads the column at a place, from 0.
    fn at<'r, T: FromCellRef<'r>>(&'r self, place: usize) -> std::result::Result<T, CellError> {
        let cell = self.cells.get(place).ok_or_else(|| CellError("no such column".to_owned()))?;
        T::from_cell_ref(cell).ok_or_else(|| CellError(format!("not of the type that is read: {:?}", cell.data_type())))
    }

    /// Reads a column.
    fn get<T: FromCell>(&self, column: &str) -> std::result::Result<T, CellError> {
        let found = self.names.iter().zip(&self.cells).find(|(name, _)| *name == column);
        let (_, cell) = found.ok_or_else(|| CellError("no such column".to_owned()))?;
        T::from_cell(cell).ok_or_else(|| CellError(format!("not of the type that is read: {:?}", cell.data_type())))
    }
}

/// What a column can be read as.
trait FromCell: Sized {
    fn from_cell(cell: &Cell) -> Option<Self>;
}

impl FromCell for i64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Integer(number) = cell { Some(*number) } else { None }
    }
}

impl FromCell for String {
    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Text(text) = cell { Some(text.clone()) } else { None }
    }
}

impl FromCell for Vec<u8> {
    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Blob(bytes) = cell { Some(bytes.clone()) } else { None }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: &Cell) -> Option<Self> {
        if matches!(cell, Cell::Null) { Some(None) } else { T::from_cell(cell).map(Some) }
    }
}

/// What a column can be read as without copying it.
trait FromCellRef<'r>: Sized {
    fn from_cell_ref(cell: &'r Cell) -> Option<Self>;
}

impl FromCellRef<'_> for i64 {
    fn from_cell_ref(cell: &Cell) -> Option<Self> {
        Self::from_cell(cell)
    }
}

impl<'r> FromCellRef<'r> for &'r str {
    fn from_cell_ref(cell: &'r Cell) -> Option<Self> {
        if let Cell::Text(text) = cell { Some(text) } else { None }
    }
}

impl<'r> FromCellRef<'r> for &'r [u8] {
    fn from_cell_ref(cell: &'r Cell) -> Option<Self> {
        if let Cell::Blob(bytes) = cell { Some(bytes) } else { None }
    }
}

impl<'r, T: FromCellRef<'r>> FromCellRef<'r> for Option<T> {
    fn from_cell_ref(cell: &'r Cell) -> Option<Self> {
        if matches!(cell, Cell::Null) { Some(None) } else { T::from_cell_ref(cell).map(Some) }
    }
}
