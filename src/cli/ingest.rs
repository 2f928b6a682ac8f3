//! `socho ingest`: bodies from a file, on the webhook's own path.

use clap::Args;
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, line, read_input};
use crate::app::receive_settlement::{Reply, ReplyStatus};
use crate::domain::ids::SourceName;

/// Largest file of bodies, in bytes.
const FILE_MAX: u64 = 256 << 20;

/// Reads bodies, one a line (or the whole file when it is one JSON value), and takes each as if the
/// source had posted it. Whoever may run this on the book's machine needs no signature.
#[derive(Debug, Args)]
#[command(after_help = "Example: socho ingest --source sepay1 missed.jsonl")]
pub(super) struct Ingest {
    /// The source
    #[arg(long)]
    source: SourceName,
    /// The file, - for standard input
    file: String,
}

pub(super) async fn run(context: &Context, command: Ingest) -> Result<Exit, Failure> {
    let bytes = read_input(&command.file, FILE_MAX)?;
    let app = context.open().await?;
    app.source(&command.source).await?;
    let mut refused = false;
    app.ingest_file(&command.source, &bytes, |number, reply| {
        refused |= reply.status != ReplyStatus::Accepted;
        show(context, number, &reply);
    })
    .await?;
    app.close().await;
    Ok(if refused { Exit::Refused } else { Exit::Ok })
}

fn show(context: &Context, number: usize, reply: &Reply) {
    let ok = reply.status == ReplyStatus::Accepted;
    if context.json {
        let items: Vec<_> = reply
            .items
            .iter()
            .map(|item| {
                json!({"item": item.item, "status": item.outcome.as_str(), "reason": item.reason, "posting": item.posting})
            })
            .collect();
        let error = (!ok).then_some(&reply.message.en);
        line(json!({"line": number, "ok": ok, "items": items, "error": error}).to_string());
    } else if ok {
        for item in &reply.items {
            line(format!("{number}: {} {}", item.outcome, item.posting.as_deref().unwrap_or_default()));
        }
    } else {
        line(format!("{number}: {}", context.lang.choose(&reply.message)));
    }
}
