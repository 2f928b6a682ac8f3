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

/// What was started: lines to standard error, and traces where somebody wants them.
#[derive(Default)]
pub(super) struct Started {
    #[cfg(feature = "otlp")]
    exporting: Option<super::traces::Exporting>,
}

impl Started {
    /// Sends the traces that wait, as the last thing that a program does.
    #[cfg(feature = "otlp")]
    pub(super) async fn finish(self) {
        if let Some(exporting) = self.exporting {
            exporting.finish().await;
        }
    }

    /// Nothing waits in a program without traces.
    #[cfg(not(feature = "otlp"))]
    pub(super) fn finish(self) -> std::future::Ready<()> {
        let Self {} = self;
        std::future::ready(())
    }
}

/// Starts logging as the flag, the environment (`SOCHO_LOG`, `SOCHO_LOG_FORMAT`) or the file says, and
/// traces where they say so.
pub(super) fn start(context: &Context, format: Option<&str>) -> Result<Started, Failure> {
    let wanted = std::env::var("SOCHO_LOG").ok().or_else(|| context.config.log.clone());
    let level = wanted.as_deref().map_or(Ok(tracing::Level::INFO), level)?;
    let format = format.or(context.config.log_format.as_deref()).map_or(Ok(Format::Text), Format::read)?;
    // Only the first call of a process counts, as below.
    let _ = CHOSEN.set(format);
    let traces = super::traces::Settings::of(context)?;
    #[cfg(feature = "otlp")]
    if let Some(settings) = &traces {
        return start_tracing(settings, level, format);
    }
    drop(traces);
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    // Only the first call of a process counts; tests may call twice.
    let _ = match format {
        Format::Text => lines.try_init(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
    Ok(Started::default())
}

/// Starts both: each span goes either to the collector or before the log's lines.
#[cfg(feature = "otlp")]
fn start_tracing(
    settings: &super::traces::Settings,
    level: tracing::Level,
    format: Format,
) -> Result<Started, Failure> {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    use tracing_subscriber::{Layer as _, fmt, registry};

    let (spans, exporting) = super::traces::layer(settings)?;
    let ours = Targets::new().with_default(level).with_target(crate::app::TRACES, LevelFilter::OFF);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let all = registry().with(spans);
    // Only the first call of a process counts; tests may call twice.
    let _ = match format {
        Format::Text => all.with(lines.with_filter(ours)).try_init(),
        Format::Json => all.with(lines.json().flatten_event(true).with_span_list(false).with_filter(ours)).try_init(),
    };
    Ok(Started { exporting: Some(exporting) })
}
