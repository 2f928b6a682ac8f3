//! What goes to standard output and standard error, the language, and the exit codes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use crate::app::error::{AppError, ErrorKind, Message};

/// Exit codes (API.md §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Ok = 0,
    /// A finding, or input that was refused.
    Refused = 1,
    /// The command was called wrongly.
    Usage = 2,
    /// The configuration is wrong.
    Configuration = 3,
    /// Something that is needed cannot be reached.
    Unreachable = 4,
    /// The book does not agree with itself.
    Integrity = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::Configuration => 3,
            Exit::Unreachable => 4,
            Exit::Integrity => 5,
        })
    }
}

/// The language of messages: Vietnamese with `SOCHO_LANG=vi`, else English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    /// Vietnamese.
    Vi,
    /// English.
    En,
}

impl Lang {
    pub(super) fn from_environment() -> Self {
        if std::env::var("SOCHO_LANG").is_ok_and(|lang| lang.starts_with("vi")) { Self::Vi } else { Self::En }
    }

    pub(super) fn choose(self, message: &Message) -> &str {
        match self {
            Self::Vi => &message.vi,
            Self::En => &message.en,
        }
    }

    /// Returns the heads of a table's columns.
    pub(super) fn heads<const N: usize>(self, vi: [&'static str; N], en: [&'static str; N]) -> [&'static str; N] {
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: Message,
    details: Vec<(String, Message)>,
}

impl Failure {
    pub(super) fn new(exit: Exit, vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { exit, message: Message::new(vi, en), details: Vec::new() }
    }

    /// Returns the same, with what is wrong in each place.
    pub(super) fn with_details(self, details: Vec<(String, Message)>) -> Self {
        Self { details, ..self }
    }

    pub(super) fn print(&self, lang: Lang) {
        let mut text = format!("socho: {}\n", lang.choose(&self.message));
        for (field, message) in &self.details {
            if *message != self.message {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "  {field}: {}", lang.choose(message));
            }
        }
        to_stderr(&text);
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        let exit = match error.kind {
            ErrorKind::Invalid
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Unauthenticated
            | ErrorKind::Forbidden
            | ErrorKind::TooOften { .. } => Exit::Refused,
            ErrorKind::Configuration => Exit::Configuration,
            ErrorKind::Unavailable | ErrorKind::Internal => Exit::Unreachable,
            ErrorKind::Integrity => Exit::Integrity,
        };
        let mut message = error.message;
        if let Some(cause) = error.cause.filter(|_| matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Internal))
        {
            let cause = innermost(cause.as_ref());
            message = Message::new(format!("{} ({cause})", message.vi), format!("{} ({cause})", message.en));
        }
        let details = error.fields.into_iter().map(|field| (field.field, field.message)).collect();
        Self { exit, message, details }
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// Writes data. A reader that has gone away (`| head`) is no failure.
pub(super) fn to_stdout(text: &str) {
    bytes_to_stdout(text.as_bytes());
}

/// Writes data that may be no text.
pub(super) fn bytes_to_stdout(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Writes a file that the user named.
pub(super) fn write_output(path: &str, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| {
        let vi = format!("Không ghi được {path}: {error}.");
        Failure::new(Exit::Refused, vi, format!("Cannot write {path}: {error}."))
    })
}

/// Writes data and a line end.
pub(super) fn line(text: impl AsRef<str>) {
    to_stdout(&format!("{}\n", text.as_ref()));
}

/// Writes progress and messages.
pub(super) fn to_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Lays rows out as a table with a head, for people.
pub(super) fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(head.iter().map(ToString::to_string).collect::<Vec<_>>());
    table.add_rows(rows);
    format!("{table}\n")
}

/// Reads standard input or a file whole, up to a limit.
pub(super) fn read_input(path: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let cannot = |error: std::io::Error| {
        Failure::new(Exit::Refused, format!("Không đọc được {path}: {error}."), format!("Cannot read {path}: {error}."))
    };
    let mut bytes = Vec::new();
    let read = if path == "-" {
        std::io::stdin().lock().take(limit.saturating_add(1)).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
    };
    read.map_err(cannot)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        let vi = format!("{path} lớn hơn giới hạn {limit} byte.");
        return Err(Failure::new(Exit::Refused, vi, format!("{path} is larger than the limit of {limit} bytes.")));
    }
    Ok(bytes)
}
