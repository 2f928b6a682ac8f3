//! `socho doctor`.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, line, table, to_stdout};
use crate::app::clock::SystemClock;
use crate::app::doctor::{Finding, Practice, examine};

/// Looks at clock, disk, schema, files, sources and unclosed days; exit 1 and what to do otherwise.
#[derive(Debug, Args)]
#[command(
    after_help = "Looks and changes nothing: an older schema is told of, not migrated.\n\nExample: socho doctor --db sqlite:socho.db"
)]
pub(super) struct Doctor {}

pub(super) async fn run(context: &Context, _: Doctor) -> Result<Exit, Failure> {
    let config = &context.config;
    let mut binds = Vec::new();
    for (name, filed) in
        [("bind", &config.bind), ("ingest_bind", &config.ingest_bind), ("metrics_bind", &config.metrics_bind)]
    {
        let given = std::env::var(format!("SOCHO_{}", name.to_uppercase())).ok().or_else(|| filed.clone());
        if let Some(address) = given {
            binds.push((name, super::serve::address(&address)?));
        }
    }
    let practice = Practice { options: context.options(super::book::DEFAULT), keyring: context.keyring(), binds };
    let findings = examine(practice, Arc::new(SystemClock)).await?;
    let bad = findings.iter().filter(|finding| !finding.good).count();
    if context.json {
        let shown = |finding: &Finding| {
            let advice = finding.advice.as_ref().map(|advice| context.lang.choose(advice));
            json!({"check": finding.check, "good": finding.good, "seen": context.lang.choose(&finding.seen), "advice": advice})
        };
        let data: Vec<_> = findings.iter().map(shown).collect();
        line(json!({"data": data, "has_more": false, "findings": bad}).to_string());
    } else {
        let row = |finding: &Finding| {
            let advice = finding.advice.as_ref().map(|advice| format!("\n→ {}", context.lang.choose(advice)));
            let seen = context.lang.choose(&finding.seen);
            let mark = if finding.good { "✓" } else { "✗" };
            vec![mark.to_owned(), finding.check.to_owned(), format!("{seen}{}", advice.unwrap_or_default())]
        };
        let heads = context.lang.heads(["", "Kiểm tra", "Thấy gì"], ["", "Check", "Seen"]);
        to_stdout(&table(&heads, findings.iter().map(row).collect()));
    }
    Ok(if bad == 0 { Exit::Ok } else { Exit::Refused })
}
