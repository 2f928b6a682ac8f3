//! `socho report`.

use clap::{Args, Subcommand, ValueEnum};

use super::Context;
use super::output::{Exit, Failure, Lang, bytes_to_stdout, table, write_output};
use crate::app::App;
use crate::app::daily_report::{PageForm, to_table};
use crate::app::error::AppError;
use crate::app::period_report::{
    FileForm, Grid, Period, Standing, comparison_file, comparison_grid, day_file, measures_grid, no_period,
    period_file, period_grids, period_of, standing_of,
};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketCode;
use crate::domain::language::Language;

#[derive(Debug, Subcommand)]
pub(super) enum Report {
    /// A market's day: totals, stalls, hours, unmatched money, sources
    #[command(after_help = "Example: socho report day --market TAN --date 2026-11-24 --format pdf -o tan.pdf")]
    Day(Day),
    /// A market's month, reporting month (15 to 14) or any days: totals by day, stall and category
    #[command(after_help = "Example: socho report month --market TAN --month 2026-11 --format xlsx -o tan.xlsx")]
    Month(Month),
    /// Markets side by side: sums of five stalls and more alone
    #[command(after_help = "Example: socho report compare --from 2026-11-01 --to 2026-11-24 --format csv")]
    Compare(Compare),
}

#[derive(Debug, Args)]
pub(super) struct Day {
    /// The market
    #[arg(long)]
    market: MarketCode,
    /// The book day, YYYY-MM-DD; the market's present one when not given
    #[arg(long)]
    date: Option<BusinessDate>,
    #[command(flatten)]
    file: File,
}

#[derive(Debug, Args)]
pub(super) struct Month {
    /// The market
    #[arg(long)]
    market: MarketCode,
    #[command(flatten)]
    days: Days,
    #[command(flatten)]
    file: File,
}

#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Markets, 2 to 12; all when none is given
    #[arg(long = "market", value_delimiter = ',')]
    markets: Vec<MarketCode>,
    /// Figures of days that are still open, instead of closed ones; never both together
    #[arg(long)]
    provisional: bool,
    #[command(flatten)]
    days: Days,
    #[command(flatten)]
    file: File,
}

/// Which days.
#[derive(Debug, Args)]
struct Days {
    /// A calendar month, YYYY-MM; the present one when nothing is given
    #[arg(long, conflicts_with_all = ["reporting", "from", "to"])]
    month: Option<String>,
    /// The boards' month, YYYY-MM: from the 15th of the month before to the 14th
    #[arg(long, conflicts_with_all = ["from", "to"])]
    reporting: Option<String>,
    /// The first day, YYYY-MM-DD
    #[arg(long, requires = "to")]
    from: Option<BusinessDate>,
    /// The last day, YYYY-MM-DD
    #[arg(long, requires = "from")]
    to: Option<BusinessDate>,
}

impl Days {
    fn period(&self, today: BusinessDate) -> Result<Period, AppError> {
        match (&self.month, &self.reporting, self.from, self.to) {
            (Some(month), ..) => Period::month(month).map_err(|error| no_period("month", &error)),
            (None, Some(month), ..) => Period::reporting(month).map_err(|error| no_period("reporting", &error)),
            (None, None, Some(from), Some(to)) => period_of(from, to),
            (None, None, ..) => Ok(Period::month_of(today)),
        }
    }
}

/// How it is written, and where to.
#[derive(Debug, Args)]
struct File {
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
enum Format {
    Table,
    Json,
    Csv,
    Xlsx,
    Pdf,
}

impl File {
    /// Returns the form of a file; none for a table on the terminal.
    fn form(&self, context: &Context) -> Option<FileForm> {
        match self.format {
            Format::Table if !context.json => None,
            Format::Table | Format::Json => Some(FileForm::Json),
            Format::Csv => Some(FileForm::Csv),
            Format::Xlsx => Some(FileForm::Xlsx),
            Format::Pdf => Some(FileForm::Pdf(if self.official { PageForm::Official } else { PageForm::House })),
        }
    }

    /// Tells the audit log that figures are taken away; a table on the terminal is only looked at.
    async fn note(&self, context: &Context, app: &App, market: Option<&MarketCode>, of: String) -> Result<(), Failure> {
        let Some(form) = self.form(context) else { return Ok(()) };
        Ok(app.note_download(market, &format!("{of}.{}", form.ending())).await?)
    }

    fn write(&self, mut bytes: Vec<u8>) -> Result<(), Failure> {
        if bytes.first() == Some(&b'{') {
            bytes.push(b'\n');
        }
        match &self.output {
            Some(path) => write_output(path, &bytes)?,
            None => bytes_to_stdout(&bytes),
        }
        Ok(())
    }
}

pub(super) async fn run(context: &Context, command: Report) -> Result<Exit, Failure> {
    let app = context.open().await?;
    match command {
        Report::Day(day) => {
            let date = match day.date {
                Some(date) => date,
                None => app.book_day(&app.market(&day.market).await?),
            };
            let report = app.daily_report(&day.market, date).await?;
            day.file.note(context, &app, Some(&day.market), format!("{}-{date}", day.market)).await?;
            day.file.write(match day.file.form(context) {
                Some(form) => day_file(&report, form)?,
                None => to_table(&report, language()).into_bytes(),
            })?;
        }
        Report::Month(month) => {
            let report = app.period_report(&month.market, month.days.period(app.today())?).await?;
            let (first, last) = (report.period.first(), report.period.last());
            let file = format!("{}-{first}-{last}", month.market);
            month.file.note(context, &app, Some(&month.market), file).await?;
            let named = format!("{} · {} · {}", report.market.name, report.period, standing_of(&report, language()));
            month.file.write(match month.file.form(context) {
                Some(form) => period_file(&report, form)?,
                None => text(&named, &period_grids(&report)).into_bytes(),
            })?;
        }
        Report::Compare(compare) => {
            let standing = if compare.provisional { Standing::Provisional } else { Standing::Closed };
            let compared = app.compare(compare.days.period(app.today())?, standing, &compare.markets).await?;
            let file = format!("compare-{}-{}", compared.period.first(), compared.period.last());
            compare.file.note(context, &app, None, file).await?;
            let named = format!("{} · {}", compared.period, standing.as_str());
            compare.file.write(match compare.file.form(context) {
                Some(form) => comparison_file(&compared, form)?,
                None => text(&named, &[comparison_grid(&compared), measures_grid(&compared)]).into_bytes(),
            })?;
        }
    }
    app.close().await;
    Ok(Exit::Ok)
}

/// Lays tables of figures out for a terminal.
fn text(named: &str, grids: &[Grid]) -> String {
    let mut out = format!("{named}\n");
    for grid in grids.iter().filter(|grid| !grid.rows.is_empty()) {
        let heads: Vec<&str> = grid.heads.iter().map(String::as_str).collect();
        let shown = |cells: &Vec<crate::app::period_report::Cell>| {
            cells.iter().map(crate::app::period_report::Cell::shown).collect()
        };
        let mut rows: Vec<Vec<String>> = grid.rows.iter().map(shown).collect();
        rows.extend(grid.sums().map(|sums| shown(&sums)));
        out = format!("{out}\n{}\n{}", grid.name, table(&heads, rows));
    }
    out
}

fn language() -> Language {
    match Lang::from_environment() {
        Lang::Vi => Language::Vietnamese,
        Lang::En => Language::English,
    }
}
