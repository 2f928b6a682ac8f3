//! Logs: to standard error, a line an event, as text or JSON. What is written is chosen where it
//! happens: no secret, body, query, person or account is ever a field.

use std::sync::OnceLock;

use super::Context;
use super::output::{Exit, Failure, to_stderr};

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
}

impl Format {
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => {
                let vi = format!("Dạng nhật ký {text:?} không có; chọn text hoặc json.");
                Err(Failure::new(
                    Exit::Configuration,
                    vi,
                    format!("There is no log format {text:?}; choose text or json."),
                ))
            }
        }
    }
}

/// Reads a level.
pub(super) fn level(text: &str) -> Result<tracing::Level, Failure> {
    text.parse().map_err(|_| {
        let vi = format!("Mức nhật ký {text:?} không có; chọn error, warn, info, debug hoặc trace.");
        let en = format!("There is no log level {text:?}; choose error, warn, info, debug or trace.");
        Failure::new(Exit::Configuration, vi, en)
    })
}

/// The form that was chosen at start.
static CHOSEN: OnceLock<Format> = OnceLock::new();

/// Tells whoever started the program something, in the form of the log: a line that is no JSON among
/// lines that are would be lost to whoever collects them.
pub(super) fn notice(text: &str) {
    match CHOSEN.get() {
        Some(Format::Json) => tracing::warn!(notice = text, "cli.notice"),
        Some(Format::Text) | None => to_stderr(&format!("socho: {text}\n")),
    }
}

/// Starts logging as the flag, the environment (`SOCHO_LOG`, `SOCHO_LOG_FORMAT`) or the file says.
pub(super) fn start(context: &Context, format: Option<&str>) -> Result<(), Failure> {
    let wanted = std::env::var("SOCHO_LOG").ok().or_else(|| context.config.log.clone());
    let level = wanted.as_deref().map_or(Ok(tracing::Level::INFO), level)?;
    let format = format.or(context.config.log_format.as_deref()).map_or(Ok(Format::Text), Format::read)?;
    // Only the first call of a process counts, as below.
    let _ = CHOSEN.set(format);
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    // Only the first call of a process counts; tests may call twice.
    let _ = match format {
        Format::Text => lines.try_init(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
    Ok(())
}
