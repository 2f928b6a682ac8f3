//! `socho verify`.

use clap::Args;
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, line};
use super::progress::Bar;
use crate::app::verify_books::MarketFindings;
use crate::domain::ids::MarketCode;

/// Reads the whole journal and compares everything that was derived from it.
#[derive(Debug, Args)]
#[command(after_help = "Example: socho verify --market TAN")]
pub(super) struct Verify {
    /// One market alone; all of them when not given
    #[arg(long)]
    market: Option<MarketCode>,
}

pub(super) async fn run(context: &Context, command: Verify) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let bar = Bar::new(context.lang);
    let findings = app.verify_heard(command.market.as_ref(), &|progress| bar.show(progress)).await;
    bar.clear();
    let findings = findings?;
    let clean = findings.iter().all(|market| market.differences.is_empty());
    if context.json {
        let markets: Vec<_> = findings
            .iter()
            .map(|market| {
                json!({"market": market.market, "postings": market.postings, "items": market.items,
                    "batches": market.batches, "ok": market.differences.is_empty(), "differences": market.differences})
            })
            .collect();
        line(json!({"ok": clean, "markets": markets}).to_string());
    } else {
        print_findings(&findings);
    }
    app.close().await;
    Ok(if clean { Exit::Ok } else { Exit::Integrity })
}

/// Prints one line a market, and what differs below it.
pub(super) fn print_findings(findings: &[MarketFindings]) {
    for market in findings {
        let status = if market.differences.is_empty() { "ok" } else { "DIFFERS" };
        line(format!(
            "{}: {status}, {} postings, {} items, {} batches",
            market.market, market.postings, market.items, market.batches
        ));
        if let Some(lowest) = &market.lowest {
            line(format!("  the lowest posting concerned is {lowest}"));
        }
        for difference in &market.differences {
            line(format!("  {difference}"));
        }
    }
}
