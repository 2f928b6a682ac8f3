//! `socho report`.

use clap::{Args, Subcommand, ValueEnum};

use super::Context;
use super::output::{Exit, Failure, Lang, bytes_to_stdout, write_output};
use crate::app::daily_report::{PageForm, to_csv, to_json, to_pdf, to_table};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketCode;
use crate::domain::language::Language;

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
    /// The book day, YYYY-MM-DD; the market's present one when not given
    #[arg(long)]
    date: Option<BusinessDate>,
    /// How to write it
    #[arg(long, default_value = "table")]
    format: Format,
    /// A file to write instead of standard output
    #[arg(short, long)]
    output: Option<String>,
    /// The page form of official papers (NĐ 30/2020/NĐ-CP), for PDF
    #[arg(long)]
    official: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Table,
    Json,
    Csv,
    Pdf,
}

pub(super) async fn run(context: &Context, command: Report) -> Result<Exit, Failure> {
    let Report::Day(day) = command;
    let app = context.open().await?;
    let date = match day.date {
        Some(date) => date,
        None => app.book_day(&app.market(&day.market).await?),
    };
    let report = app.daily_report(&day.market, date).await?;
    let bytes = match day.format {
        Format::Csv => to_csv(&report)?.into_bytes(),
        Format::Pdf => to_pdf(&report, if day.official { PageForm::Official } else { PageForm::House })?,
        Format::Table if !context.json => to_table(&report, language()).into_bytes(),
        Format::Json | Format::Table => format!("{}\n", to_json(&report)?).into_bytes(),
    };
    match &day.output {
        None => bytes_to_stdout(&bytes),
        Some(path) => write_output(path, &bytes)?,
    }
    app.close().await;
    Ok(Exit::Ok)
}

fn language() -> Language {
    match Lang::from_environment() {
        Lang::Vi => Language::Vietnamese,
        Lang::En => Language::English,
    }
}
