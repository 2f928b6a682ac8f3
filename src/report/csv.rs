//! The daily report as CSV (RFC 4180): one table with one header, so that a spreadsheet filters it
//! by `record` and a program reads it by name.
//!
//! UTF-8 with a byte order mark, because Excel in Vietnam reads marks wrongly without one; commas,
//! CRLF, a dot nowhere: numbers are plain digits, so that no separator can be guessed wrongly.
//! Texts that a spreadsheet would run as a formula get an apostrophe in front.
//!
//! | record | code | name |
//! |---|---|---|
//! | `total` `reversed` `suspense` `late` `quarantined` `moved_in` `moved_out` `unmatched` | – | – |
//! | `stall` | stall code | vendor; `category` is filled |
//! | `hour` | 0 … 23, or empty where no hour is known | – |
//! | `category` | – | – ; `category` is filled |
//! | `unmatched_posting` | posting | masked memo |
//! | `source` | source | – |

use csv::{Terminator, WriterBuilder};
use jiff::Timestamp;

use super::grid::{Cell, Grid};
use crate::domain::calendar::rfc3339;
use crate::domain::daily_report::{DailyReport, Figure};
use crate::domain::ids::PostingName;
use crate::domain::money::Dong;

/// What makes Excel read the file as UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

const HEADER: [&str; 13] = [
    "record",
    "market",
    "business_date",
    "status",
    "code",
    "name",
    "category",
    "payments",
    "amount",
    "adjusted",
    "net",
    "first_at",
    "last_at",
];

/// One line behind the three columns that are the same on all.
#[derive(Default)]
struct Line<'a> {
    record: &'static str,
    code: &'a str,
    name: &'a str,
    category: &'a str,
    figure: Figure,
    adjusted: Option<Dong>,
    net: Option<Dong>,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
}

/// Returns the report as a CSV file.
///
/// # Errors
/// Whatever the writer meets; nothing in a report makes it fail.
pub fn daily(report: &DailyReport) -> Result<String, csv::Error> {
    let mut file = Csv { report, writer: WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new()) };
    file.writer.write_record(HEADER)?;
    file.sums()?;
    file.stalls()?;
    file.hours_and_categories()?;
    file.postings_and_sources()?;
    let bytes = file.writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    // Everything written was text.
    Ok(format!("{BYTE_ORDER_MARK}{}", String::from_utf8_lossy(&bytes)))
}

struct Csv<'a> {
    report: &'a DailyReport,
    writer: csv::Writer<Vec<u8>>,
}

impl Csv<'_> {
    fn sums(&mut self) -> Result<(), csv::Error> {
        let report = self.report;
        let total = Figure { count: report.payments, amount: report.amount };
        for (record, figure) in [
            ("total", total),
            ("reversed", report.reversed),
            ("suspense", report.suspense),
            ("late", report.late),
            ("quarantined", report.quarantined),
            ("moved_in", report.moved_in),
            ("moved_out", report.moved_out),
            ("unmatched", report.unmatched_total),
        ] {
            let name = if record == "total" { report.market.name.as_str() } else { "" };
            self.line(&Line { record, name, figure, ..Line::default() })?;
        }
        Ok(())
    }

    fn stalls(&mut self) -> Result<(), csv::Error> {
        for stall in &self.report.stalls {
            self.line(&Line {
                record: "stall",
                code: &stall.code,
                name: stall.vendor.as_deref().unwrap_or_default(),
                category: &stall.category,
                figure: Figure { count: stall.payments, amount: stall.amount },
                adjusted: Some(stall.adjusted),
                net: Some(stall.net),
                first_at: stall.first_at,
                last_at: stall.last_at,
            })?;
        }
        Ok(())
    }

    fn hours_and_categories(&mut self) -> Result<(), csv::Error> {
        for hour in &self.report.hours {
            let code = hour.hour.map(|hour| hour.to_string()).unwrap_or_default();
            let figure = Figure { count: hour.payments, amount: hour.amount };
            self.line(&Line { record: "hour", code: &code, figure, ..Line::default() })?;
        }
        for category in &self.report.categories {
            self.line(&Line {
                record: "category",
                category: &category.category,
                figure: Figure { count: category.payments, amount: category.amount },
                adjusted: Some(category.adjusted),
                net: Some(category.net),
                ..Line::default()
            })?;
        }
        Ok(())
    }

    fn postings_and_sources(&mut self) -> Result<(), csv::Error> {
        for posting in &self.report.unmatched {
            let code = PostingName { market: self.report.market.code.clone(), seq: posting.seq }.to_string();
            self.line(&Line {
                record: "unmatched_posting",
                code: &code,
                name: posting.memo_masked.as_deref().unwrap_or_default(),
                figure: Figure { count: 1, amount: posting.amount },
                first_at: posting.event_at,
                last_at: posting.event_at,
                ..Line::default()
            })?;
        }
        for source in &self.report.sources {
            self.line(&Line {
                record: "source",
                code: source.source.as_str(),
                figure: Figure { count: source.settlements, amount: source.amount },
                last_at: Some(source.last_at),
                ..Line::default()
            })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), csv::Error> {
        let money = |amount: Option<Dong>| amount.map(|amount| amount.to_string()).unwrap_or_default();
        let time = |at: Option<Timestamp>| at.map(rfc3339).unwrap_or_default();
        self.writer.write_record([
            line.record.to_owned(),
            self.report.market.code.to_string(),
            self.report.business_date.to_string(),
            self.report.status.as_str().to_owned(),
            defused(line.code),
            defused(line.name),
            defused(line.category),
            line.figure.count.to_string(),
            line.figure.amount.to_string(),
            money(line.adjusted),
            money(line.net),
            time(line.first_at),
            time(line.last_at),
        ])
    }
}

/// Returns a table of figures as a CSV file of the same form: one head, plain digits, ISO dates.
///
/// # Errors
/// Whatever the writer meets; nothing in a table makes it fail.
pub fn grid(grid: &Grid) -> Result<String, csv::Error> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(&grid.heads)?;
    for row in &grid.rows {
        let cell = |cell: &Cell| if cell.is_figure() { cell.plain() } else { defused(&cell.plain()) };
        writer.write_record(row.iter().map(cell))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(format!("{BYTE_ORDER_MARK}{}", String::from_utf8_lossy(&bytes)))
}

/// Returns a text that no spreadsheet runs as a formula (DESIGN §7): a name typed as `=HYPERLINK(…)`
/// must not act on the manager's machine.
#[must_use]
pub fn defused(text: &str) -> String {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if runs { format!("'{text}") } else { text.to_owned() }
}
