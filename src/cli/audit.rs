//! `socho audit`.

use clap::{Args, Subcommand, ValueEnum};

use super::Context;
use super::output::{Exit, Failure, line, table, to_stdout};
use crate::app::access::Actor;
use crate::app::audit_log::{AuditQuery, AuditShown, CSV_HEAD, NO_MARKET, audit_csv, audit_json};
use crate::app::audit_words::{actor_words, changes};
use crate::app::error::AppError;
use crate::domain::audit::Action;
use crate::domain::calendar::{BusinessDate, vietnam_time};

/// Bytes of a file that are gathered before they are written.
const BUFFER: usize = 1 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Show entries, the newest first
    #[command(
        after_help = "What was done is one word of a closed list; --actions prints it.\n\nExample: socho audit list --market TAN --action posting.reversed --from 2026-11-01"
    )]
    List {
        #[command(flatten)]
        filter: Filter,
        /// Entries to show, 1 to 200
        #[arg(long, default_value_t = 50)]
        limit: i64,
        /// Where the list before ended: its `next`
        #[arg(long)]
        after: Option<String>,
        /// Print every action's word and what it means, and nothing else
        #[arg(long)]
        actions: bool,
    },
    /// Print where each log ends, to keep on paper or on another machine
    #[command(
        after_help = "Whoever rewrites the whole log, hashes and all, cannot rewrite what is kept elsewhere. Later:\nsocho verify --audit-head TAN:1204:9c1f…\n\nExample: socho audit head --market TAN"
    )]
    Head {
        /// One market; `-` for what concerns no market
        #[arg(long, allow_hyphen_values = true)]
        market: Option<String>,
    },
    /// Write every entry, market by market in the order of the chain
    #[command(
        after_help = "`socho verify` checks the chain; the file carries each entry's hash.\n\nExample: socho audit export --format csv -o audit.csv"
    )]
    Export {
        #[command(flatten)]
        filter: Filter,
        /// One JSON object a line, or CSV
        #[arg(long, value_enum, default_value_t = Format::Jsonl)]
        format: Format,
        /// The file to write; it must not be there yet. Without it the entries are printed
        #[arg(short, long)]
        output: Option<String>,
    },
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values.
    Csv,
}

#[derive(Debug, Args)]
pub(super) struct Filter {
    /// One market; `-` for what concerns no market
    #[arg(long, allow_hyphen_values = true)]
    market: Option<String>,
    /// Who: a user's name, `key:…`, `phone:…`, `operator`
    #[arg(long)]
    actor: Option<String>,
    /// What was done, for example `login.failed`
    #[arg(long)]
    action: Option<String>,
    /// To what: a stall's code, a posting, a user's name
    #[arg(long)]
    object: Option<String>,
    /// From this date or RFC 3339 instant on
    #[arg(long)]
    from: Option<String>,
    /// Up to and with this date, or before this instant
    #[arg(long)]
    to: Option<String>,
}

impl Filter {
    fn query(self) -> AuditQuery {
        let Self { market, actor, action, object, from, to } = self;
        AuditQuery { market, actor, action, object, from, to, after: None, limit: None }
    }
}

pub(super) async fn run(context: &Context, command: Audit) -> Result<Exit, Failure> {
    match command {
        Audit::List { actions: true, .. } => print_actions(context),
        Audit::List { filter, limit, after, actions: false } => {
            let query = AuditQuery { limit: Some(limit), after, ..filter.query() };
            let app = context.open().await?;
            let page = app.audit_log(&Actor::operator(), &query).await;
            app.close().await;
            let page = page?;
            if context.json {
                let data: Vec<_> = page.rows.iter().map(audit_json).collect();
                let shown = serde_json::json!({"data": data, "has_more": page.next.is_some(), "next": page.next});
                line(shown.to_string());
            } else {
                let heads = context
                    .lang
                    .heads(["Chợ", "Lúc", "Ai", "Đã làm", "Thay đổi"], ["Market", "When", "Who", "Did", "Changes"]);
                to_stdout(&table(&heads, page.rows.iter().map(|shown| row(context, shown)).collect()));
                if let Some(next) = page.next {
                    line(format!("--after {next}"));
                }
            }
        }
        Audit::Head { market } => {
            let app = context.open().await?;
            let heads = app.audit_heads(&Actor::operator(), market.as_deref()).await;
            app.close().await;
            let heads: Vec<String> = heads?.iter().map(ToString::to_string).collect();
            if context.json {
                line(serde_json::json!({"data": heads, "has_more": false}).to_string());
            } else {
                heads.into_iter().for_each(line);
            }
        }
        Audit::Export { filter, format, output } => export(context, filter.query(), format, output).await?,
    }
    Ok(Exit::Ok)
}

fn print_actions(context: &Context) {
    let said = |action: &Action| {
        let (vi, en) = action.in_words();
        let words = context.lang.choose(&crate::app::error::Message::new(vi, en)).to_owned();
        vec![action.as_str().to_owned(), action.object().as_str().to_owned(), words]
    };
    if context.json {
        let shown = |action: &Action| {
            let (vi, en) = action.in_words();
            serde_json::json!({"action": action.as_str(), "object_kind": action.object().as_str(), "vi": vi, "en": en})
        };
        let data: Vec<_> = Action::ALL.iter().map(shown).collect();
        return line(serde_json::json!({"data": data, "has_more": false}).to_string());
    }
    let heads = context.lang.heads(["Từ", "Với", "Nghĩa"], ["Word", "To", "Meaning"]);
    to_stdout(&table(&heads, Action::ALL.iter().map(said).collect()));
}

fn row(context: &Context, shown: &AuditShown) -> Vec<String> {
    let entry = &shown.row.entry;
    let (vi, en) = entry.action.in_words();
    let what = context.lang.choose(&crate::app::error::Message::new(vi, en)).to_owned();
    let role = actor_words(shown);
    let mut said: Vec<String> = changes(shown)
        .into_iter()
        .map(|change| {
            let name = context.lang.choose(&change.name).to_owned();
            let arrow = if change.before.is_empty() { String::new() } else { format!("{} → ", change.before) };
            format!("{name}: {arrow}{}", change.after)
        })
        .collect();
    said.extend(entry.reason.clone());
    vec![
        shown.market.as_ref().map_or(NO_MARKET.to_owned(), ToString::to_string),
        format!("{} {}", BusinessDate::of_calendar(entry.recorded_at), vietnam_time(entry.recorded_at)),
        format!("{} ({})", entry.actor, context.lang.choose(&role)),
        format!("{what} {}", entry.object),
        said.join("; "),
    ]
}

/// Where entries go: standard output, or a file.
struct Sink {
    file: Option<(String, std::fs::File)>,
    buffer: String,
}

impl Sink {
    fn take(&mut self, text: &str) -> Result<(), AppError> {
        self.buffer.push_str(text);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), AppError> {
        use std::io::Write as _;
        let text = std::mem::take(&mut self.buffer);
        match &mut self.file {
            None => to_stdout(&text),
            Some((path, file)) => file.write_all(text.as_bytes()).map_err(|error| {
                let vi = format!("Không ghi được {path}: {error}.");
                let message = crate::app::error::Message::new(vi, format!("Cannot write {path}: {error}."));
                AppError::new(crate::app::error::ErrorKind::Invalid, "export_file", message)
            })?,
        }
        Ok(())
    }
}

async fn export(context: &Context, query: AuditQuery, format: Format, output: Option<String>) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let app = context.open().await?;
    let file = output.map(|path| {
        // It tells who did what: its owner's alone.
        let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        made.map(|file| (path.clone(), file)).map_err(|error| {
            let vi = format!("Không tạo được {path}: {error}. Chọn tên khác bằng -o.");
            Failure::new(Exit::Refused, vi, format!("Cannot create {path}: {error}. Choose another name with -o."))
        })
    });
    let mut sink = Sink { file: file.transpose()?, buffer: String::new() };
    if format == Format::Csv {
        sink.take(CSV_HEAD)?;
    }
    let written = app
        .export_audit(&Actor::operator(), &query, |shown| {
            let text = match format {
                Format::Csv => audit_csv(shown)?,
                Format::Jsonl => format!("{}\n", audit_json(shown)),
            };
            sink.take(&text)
        })
        .await;
    app.close().await;
    written?;
    Ok(sink.flush()?)
}
