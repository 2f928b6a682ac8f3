//! What is bound to a statement: single values, and batches of rows as columns.
//!
//! A batch is set-based on both engines: one statement writes or looks up all of its rows. The
//! statement's text says `{rows}` where the rows come from; the two engines' forms stand side by
//! side in [`Rows::source`].

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::domain::calendar::{BusinessDate, DateText};

/// One value bound to `$n`; text and bytes may be borrowed from what is written.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// A whole number: money, counts, flags, instants in microseconds.
    Int(Option<i64>),
    /// Text, dates included.
    Text(Option<Cow<'a, str>>),
    /// Bytes: hashes, salts, UUIDs.
    Bytes(Option<Cow<'a, [u8]>>),
    /// A batch: stands for `{rows}` and takes one `$n` per column on PostgreSQL, one on SQLite.
    Rows(Rows<'a>),
}

macro_rules! value_from {
    ($($from:ty => $make:expr),* $(,)?) => {
        $(impl<'a> From<$from> for Value<'a> { fn from(value: $from) -> Self { $make(value) } })*
    };
}

value_from! {
    i64 => |v| Value::Int(Some(v)),
    Option<i64> => Value::Int,
    bool => |v| Value::Int(Some(i64::from(v))),
    String => |v: String| Value::Text(Some(v.into())),
    Option<String> => |v: Option<String>| Value::Text(v.map(Cow::Owned)),
    &'a str => |v: &'a str| Value::Text(Some(v.into())),
    Option<&'a str> => |v: Option<&'a str>| Value::Text(v.map(Cow::Borrowed)),
    Vec<u8> => |v: Vec<u8>| Value::Bytes(Some(v.into())),
    &'a [u8] => |v: &'a [u8]| Value::Bytes(Some(v.into())),
    Option<Vec<u8>> => |v: Option<Vec<u8>>| Value::Bytes(v.map(Cow::Owned)),
    Rows<'a> => Value::Rows,
}

/// Builds the list of values for `$1`, `$2`, …
macro_rules! binds {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::engine::Value::from($value)),*] };
}
pub(crate) use binds;

/// One column of a batch, all of one type.
#[derive(Debug, Clone)]
pub(crate) enum Column<'a> {
    /// Whole numbers.
    Ints(Vec<Option<i64>>),
    /// Texts.
    Texts(Vec<Option<Cow<'a, str>>>),
    /// Dates, as text.
    Dates(Vec<DateText>),
    /// Bytes.
    Bytes(Vec<Option<Cow<'a, [u8]>>>),
}

impl<'a> Column<'a> {
    /// Collects a column of whole numbers.
    pub(crate) fn ints<T: Into<Option<i64>>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::Ints(values.into_iter().map(Into::into).collect())
    }

    /// Collects a column of texts.
    pub(crate) fn texts<T: Into<Cow<'a, str>>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::Texts(values.into_iter().map(|v| Some(v.into())).collect())
    }

    /// Collects a column of texts that may be missing.
    pub(crate) fn optional_texts<T: Into<Cow<'a, str>>>(values: impl IntoIterator<Item = Option<T>>) -> Self {
        Self::Texts(values.into_iter().map(|v| v.map(Into::into)).collect())
    }

    /// Collects a column of dates.
    pub(crate) fn dates(values: impl IntoIterator<Item = BusinessDate>) -> Self {
        Self::Dates(values.into_iter().map(Into::into).collect())
    }

    /// Collects a column of bytes.
    pub(crate) fn bytes<T: Into<Cow<'a, [u8]>>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::Bytes(values.into_iter().map(|v| Some(v.into())).collect())
    }

    /// Collects a column of bytes that may be missing.
    pub(crate) fn optional_bytes<T: Into<Cow<'a, [u8]>>>(values: impl IntoIterator<Item = Option<T>>) -> Self {
        Self::Bytes(values.into_iter().map(|v| v.map(Into::into)).collect())
    }

    /// Tells whether every row has the same value.
    pub(crate) fn is_constant(&self) -> bool {
        fn same<T: PartialEq>(values: &[T]) -> bool {
            values.split_first().is_none_or(|(first, rest)| rest.iter().all(|value| value == first))
        }
        match self {
            Self::Ints(values) => same(values),
            Self::Texts(values) => same(values),
            Self::Dates(values) => same(values),
            Self::Bytes(values) => same(values),
        }
    }

    /// Returns the value of every row when they all have the same one.
    fn constant(&self) -> Option<Value<'a>> {
        fn same<T: PartialEq + Clone>(values: &[T]) -> Option<T> {
            let (first, rest) = values.split_first()?;
            rest.iter().all(|value| value == first).then(|| first.clone())
        }
        match self {
            Self::Ints(values) => same(values).map(Value::Int),
            Self::Texts(values) => same(values).map(Value::Text),
            Self::Dates(values) => same(values).map(|date| Value::Text(Some(date.as_str().to_owned().into()))),
            Self::Bytes(values) => same(values).map(Value::Bytes),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Ints(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Dates(values) => values.len(),
            Self::Bytes(values) => values.len(),
        }
    }
}

/// How a query begins that looks something up for each row of its batch.
pub(super) const BEGINS_WITH_ROWS: &str = "FROM {rows} CROSS JOIN ";

/// A batch of rows, held as named columns of equal length.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows<'a> {
    columns: Vec<(Cow<'static, str>, Column<'a>)>,
}

impl<'a> Rows<'a> {
    /// Returns a batch without a column yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a column under the name by which the statement reads it from `u`.
    #[must_use]
    pub(crate) fn with(mut self, name: impl Into<Cow<'static, str>>, column: Column<'a>) -> Self {
        self.columns.push((name.into(), column));
        self
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Returns where a column stands, from 0.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(known, _)| *known == name)
    }

    /// Returns the columns in order.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column<'a>> {
        self.columns.iter().map(|(_, column)| column)
    }

    /// Returns what `{rows}` stands for where a statement is run once for each row: the columns of
    /// that one row, numbered from `first` on.
    pub(crate) fn one_row(&self, first: usize) -> String {
        let names = (first..).zip(&self.columns).map(|(parameter, (name, _))| format!("${parameter} AS {name}"));
        format!("(SELECT {}) AS u", names.collect::<Vec<_>>().join(", "))
    }

    /// Returns the text that `{rows}` stands for, a row source named `u` whose binds are numbered
    /// from `first` on, and those binds in order. The other engine's form: [`Rows::into_sqlite`].
    ///
    /// The engines truly differ here. PostgreSQL plans well over typed arrays and badly over one
    /// JSON parameter; SQLite has no arrays and reads JSON natively.
    pub(crate) fn into_postgres(self, first: usize) -> (String, Vec<Column<'a>>) {
        let (mut arrays, mut names, mut columns) = (String::new(), String::new(), Vec::new());
        for (parameter, (name, column)) in (first..).zip(self.columns) {
            let comma = if columns.is_empty() { "" } else { ", " };
            let array = match column {
                Column::Ints(_) => "BIGINT[]",
                Column::Texts(_) | Column::Dates(_) => "TEXT[]",
                Column::Bytes(_) => "BYTEA[]",
            };
            // Writing to a String cannot fail.
            let _ = write!(arrays, "{comma}${parameter}::{array}");
            let _ = write!(names, "{comma}{name}");
            columns.push(column);
        }
        (format!("unnest({arrays}) AS u({names})"), columns)
    }

    /// As [`Rows::into_postgres`], for SQLite: one JSON array of the columns that vary. It walks a
    /// row's JSON once for each column it reads, so a column that is the same in every row is
    /// bound as a single value instead; a batch of one row needs no JSON at all.
    pub(crate) fn into_sqlite(self, first: usize) -> (String, Vec<Value<'a>>) {
        let length = self.len();
        let (mut text, mut binds, mut varying) = (String::from("(SELECT "), Vec::new(), Vec::new());
        for (index, (name, column)) in self.columns.into_iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let place = varying.len();
            let _ = match (column.constant(), &column) {
                (Some(value), _) => {
                    let written = write!(text, "{comma}${} AS {name}", first.saturating_add(binds.len()));
                    binds.push(value);
                    written
                }
                (None, Column::Bytes(_)) => {
                    varying.push(column);
                    write!(text, "{comma}unhex(value ->> {place}) AS {name}")
                }
                (None, Column::Ints(_) | Column::Texts(_) | Column::Dates(_)) => {
                    varying.push(column);
                    write!(text, "{comma}value ->> {place} AS {name}")
                }
            };
        }
        if length != 1 {
            let _ = write!(text, " FROM jsonb_each(${})", first.saturating_add(binds.len()));
            binds.push(Value::Text(Some(to_json(length, &varying).into())));
        }
        text.push_str(") AS u");
        (text, binds)
    }
}

/// Returns a query that begins with its batch as PostgreSQL must be asked it: the look-up of one row
/// beside the batch. As a plain join the planner may turn the two round and read the market's whole
/// inbox for every batch, and it does so wherever it has no figures about the market yet: a new book, or
/// a new market in an old one. The look-up's own `ORDER BY` keeps it from being folded into a join.
/// A statement of another form stays as it is.
pub(super) fn lateral(sql: &'static str) -> Cow<'static, str> {
    match sql.split_once(BEGINS_WITH_ROWS).filter(|(_, after)| after.contains(" ORDER BY ")) {
        Some((before, after)) => {
            format!("SELECT found.* FROM {{rows}} CROSS JOIN LATERAL ({before}FROM {after}) AS found").into()
        }
        None => Cow::Borrowed(sql),
    }
}

/// Returns columns as one JSON array of rows.
fn to_json(length: usize, columns: &[Column<'_>]) -> String {
    let mut json = String::with_capacity(length.saturating_mul(columns.len()).saturating_mul(16));
    json.push('[');
    for row in 0..length {
        json.push_str(if row == 0 { "[" } else { ",[" });
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            push_json(&mut json, column, row);
        }
        json.push(']');
    }
    json.push(']');
    json
}

fn push_json(json: &mut String, column: &Column<'_>, row: usize) {
    match column {
        Column::Ints(values) => match values.get(row) {
            Some(Some(number)) => {
                let _ = write!(json, "{number}");
            }
            Some(None) | None => json.push_str("null"),
        },
        Column::Texts(values) => match values.get(row) {
            Some(Some(text)) => push_json_text(json, text),
            Some(None) | None => json.push_str("null"),
        },
        Column::Dates(values) => match values.get(row) {
            Some(date) => push_json_text(json, date.as_str()),
            None => json.push_str("null"),
        },
        Column::Bytes(values) => match values.get(row) {
            Some(Some(bytes)) => {
                json.push('"');
                for byte in bytes.iter() {
                    json.push(hex_digit(byte >> 4));
                    json.push(hex_digit(byte & 0x0f));
                }
                json.push('"');
            }
            Some(None) | None => json.push_str("null"),
        },
    }
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or_default()
}

fn push_json_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}
