//! `socho migrate`.

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::book::DEFAULT;
use super::output::{Exit, Failure, Lang, line};
use crate::app::migrate::{MigrationPlan, plan};

#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// Show what opening the book would do to its schema, and change nothing; exit 1 when there is something
    #[command(after_help = "Example: socho migrate plan --db postgres://localhost/socho")]
    Plan,
    /// Bring the schema up to date now; back up first
    #[command(
        after_help = "serve does the same at start, unless it is given --no-migrate.\n\nExample: socho migrate apply --db sqlite:socho.db"
    )]
    Apply,
}

pub(super) async fn run(context: &Context, command: Migrate) -> Result<Exit, Failure> {
    let planned = plan(&context.options(DEFAULT)).await?;
    let applies = matches!(command, Migrate::Apply);
    if applies && !planned.pending.is_empty() {
        context.open_or_make().await?.close().await;
    }
    show(context, &planned, applies);
    Ok(if applies || planned.pending.is_empty() { Exit::Ok } else { Exit::Refused })
}

fn show(context: &Context, plan: &MigrationPlan, applied: bool) {
    if context.json {
        let steps: Vec<_> =
            plan.pending.iter().map(|one| json!({"number": one.number, "name": one.name, "does": one.does})).collect();
        line(json!({"found": plan.found, "known": plan.known, "applied": applied, "data": steps}).to_string());
        return;
    }
    let found = plan.found.map_or_else(|| "-".to_owned(), |found| found.to_string());
    let (known, count) = (plan.known, plan.pending.len());
    for one in &plan.pending {
        line(format!("{:04} {}: {}", one.number, one.name, one.does));
    }
    line(match (context.lang, applied && count > 0, count) {
        (Lang::Vi, _, 0) => format!("Lược đồ {found} đã mới nhất."),
        (Lang::En, _, 0) => format!("Schema {found} is up to date."),
        (Lang::Vi, true, _) => format!("Đã nâng lược đồ từ {found} lên {known}."),
        (Lang::En, true, _) => format!("Schema brought from {found} to {known}."),
        (Lang::Vi, false, _) => {
            format!("Lược đồ {found}, sẽ lên {known}: {count} bước. Sao lưu rồi chạy socho migrate apply.")
        }
        (Lang::En, false, _) => {
            format!("Schema {found} would become {known}: {count} steps. Back up, then run socho migrate apply.")
        }
    });
}
