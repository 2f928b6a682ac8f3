//! `socho export`.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, Lang, line};
use super::progress::Bar;
use crate::app::export_month::Month;
use crate::domain::ids::MarketCode;

/// A month of a market's book as a zip file that anybody can check.
#[derive(Debug, Args)]
#[command(
    after_help = "The file holds the journal, what sources reported, the signed closes and how to check all of it\nby hand; no names of payers and no memos. An existing file is not overwritten.\n\nExample: socho export --market TAN --month 2026-11 -o tan-2026-11.zip"
)]
pub(super) struct Export {
    /// The market
    #[arg(long)]
    market: MarketCode,
    /// The month, YYYY-MM
    #[arg(long)]
    month: Month,
    /// The file to write (default MARKET-MONTH.zip)
    #[arg(short, long)]
    output: Option<String>,
}

pub(super) async fn run(context: &Context, command: Export) -> Result<Exit, Failure> {
    let path = command.output.unwrap_or_else(|| format!("{}-{}.zip", command.market, command.month));
    let app = context.open().await?;
    let file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path).map_err(|error| {
        let vi = format!("Không tạo được {path}: {error}. Chọn tên khác bằng -o.");
        Failure::new(Exit::Refused, vi, format!("Cannot create {path}: {error}. Choose another name with -o."))
    })?;
    let bar = Bar::new(context.lang);
    let exported = app
        .export_month(&command.market, command.month, std::io::BufWriter::new(file), &|progress| {
            bar.show(progress);
        })
        .await;
    bar.clear();
    app.close().await;
    if exported.is_err() {
        // Half a file must not pass for an export.
        let _ = std::fs::remove_file(Path::new(&path));
    }
    let exported = exported?;
    let (postings, closed) = (exported.postings, exported.closed);
    if context.json {
        line(
            json!({"file": path, "postings": postings, "batches": exported.batches, "closed_days": closed}).to_string(),
        );
        return Ok(Exit::Ok);
    }
    line(match context.lang {
        Lang::Vi => format!("Đã xuất {path}: {postings} bút toán, {closed} ngày đã khóa sổ."),
        Lang::En => format!("wrote {path}: {postings} postings, {closed} closed days"),
    });
    Ok(Exit::Ok)
}
