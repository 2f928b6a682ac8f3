//! `socho report`.

use clap::{Args, Subcommand, ValueEnum};

use super::Context;
use super::output::{Exit, Failure, table, to_stdout};
use crate::app::daily_report::{DailyReport, time_cell};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketCode;

#[derive(Debug, Subcommand)]
pub(super) enum Report {
    /// A market's day: totals, stalls, hours, unmatched money, sources
    #[command(after_help = "Example: socho report day --market TAN --date 2026-11-24 --format csv -o tan.csv")]
    Day(Day),
}

#[derive(Debug, Args)]
pub(super) struct Day {
    /// The market
    #[arg(long)]
    market: MarketCode,
    /// The book day, YYYY-MM-DD; today when not given
    #[arg(long)]
    date: Option<BusinessDate>,
    /// How to write it
    #[arg(long, default_value = "table")]
    format: Format,
    /// A file to write instead of standard output
    #[arg(short, long)]
    output: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Table,
    Json,
    Csv,
}

pub(super) async fn run(context: &Context, command: Report) -> Result<Exit, Failure> {
    let Report::Day(day) = command;
    let app = context.open().await?;
    let report = app.daily_report(&day.market, day.date.unwrap_or_else(|| app.today())).await?;
    let bytes = match day.format {
        Format::Json => format!("{}\n", report.to_json()).into_bytes(),
        Format::Csv => report.to_csv()?,
        Format::Table if context.json => format!("{}\n", report.to_json()).into_bytes(),
        Format::Table => text(&report).into_bytes(),
    };
    match &day.output {
        None => to_stdout(&String::from_utf8_lossy(&bytes)),
        Some(path) => std::fs::write(path, bytes).map_err(|error| {
            let vi = format!("Không ghi được {path}: {error}.");
            Failure::new(Exit::Refused, vi, format!("Cannot write {path}: {error}."))
        })?,
    }
    app.close().await;
    Ok(Exit::Ok)
}

fn text(report: &DailyReport) -> String {
    let status = if report.closed { "đã khóa sổ" } else { "tạm tính" };
    let mut text = format!(
        "{} ({}) · ngày {} · {status} · giờ chốt {} · Asia/Ho_Chi_Minh\n",
        report.market.name,
        report.market.code,
        report.date.vietnamese(),
        report.market.cutoff
    );
    for (label, value) in report.headline() {
        text.push_str(&format!("{label}: {value}\n"));
    }
    let rows = report.stalls.iter().map(|line| {
        vec![
            line.stall.clone(),
            line.vendor.clone(),
            line.payments.to_string(),
            line.amount.grouped(),
            line.adjusted.grouped(),
            line.net.grouped(),
            time_cell(line.first_at),
            time_cell(line.last_at),
        ]
    });
    let head = ["Sạp", "Người bán", "Lượt", "Thu", "Điều chỉnh", "Còn lại", "Đầu", "Cuối"];
    text.push_str(&table(&head, rows.collect()));
    let hours =
        report.hour_rows().into_iter().map(|(hour, count, amount)| vec![hour, count.to_string(), amount.grouped()]);
    text.push_str(&table(&["Giờ", "Lượt", "Thu"], hours.collect()));
    text
}
