//! Logs: to standard error, a line an event, as text or JSON. What is written is chosen where it
//! happens: no secret, body, query, person or account is ever a field.

use super::Context;
use super::output::{Exit, Failure};

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

/// Starts logging as the flag, the environment (`SOCHO_LOG`, `SOCHO_LOG_FORMAT`) or the file says.
pub(super) fn start(context: &Context, format: Option<&str>) -> Result<(), Failure> {
    let wanted = std::env::var("SOCHO_LOG").ok().or_else(|| context.config.log.clone());
    let level = wanted.as_deref().map_or(Ok(tracing::Level::INFO), level)?;
    let format = format.or(context.config.log_format.as_deref()).map_or(Ok(Format::Text), Format::read)?;
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    // Only the first call of a process counts; tests may call twice.
    let _ = match format {
        Format::Text => lines.try_init(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
    Ok(())
}
