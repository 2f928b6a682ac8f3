//! `socho privacy`.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, Lang, line};
use crate::app::App;
use crate::app::access::Actor;
use crate::app::privacy::{MONTHS_DEFAULT, Purged, before_of};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketCode;

#[derive(Debug, Subcommand)]
pub(super) enum Privacy {
    /// Remove texts about payers whose time is over; amounts, references and the chain stay
    #[command(
        after_help = "Runs in small steps while the book is served; each is recorded and chained, and socho verify stays clean. Texts of open days and of items that wait for a person stay.\n\nExample: socho privacy purge --dry-run\nExample: socho privacy purge --before 2024-11-01"
    )]
    Purge {
        /// Texts recorded before this date go; by the setting `retention_months` when not given
        #[arg(long)]
        before: Option<BusinessDate>,
        /// One market alone; all of them when not given
        #[arg(long)]
        market: Option<MarketCode>,
        /// Only count
        #[arg(long)]
        dry_run: bool,
    },
    /// Write all that is held about a stall and its vendors, for the person concerned
    #[command(after_help = "Example: socho privacy access --market TAN --stall B12 -o B12.json")]
    Access {
        /// The market
        #[arg(long)]
        market: MarketCode,
        /// The stall
        #[arg(long)]
        stall: String,
        /// The file to make, - for standard output
        #[arg(short, long)]
        output: String,
    },
}

pub(super) async fn run(context: &Context, command: Privacy) -> Result<Exit, Failure> {
    let months = context.retention_months()?;
    let app = context.open().await?;
    let done = act(context, &app, months, command).await;
    app.close().await;
    done.map(|()| Exit::Ok)
}

async fn act(context: &Context, app: &App, months: i64, command: Privacy) -> Result<(), Failure> {
    match command {
        Privacy::Purge { before, market, dry_run } => {
            let before = before.unwrap_or_else(|| before_of(app.today(), months));
            let operator = Actor::operator();
            let purged = app.purge_texts(market.as_ref(), before, operator.name(), dry_run).await?;
            show(context, before, dry_run, &purged);
        }
        Privacy::Access { market, stall, output } => {
            let told = app.subject_access(&market, &stall).await?;
            let text = format!("{told:#}\n");
            if output == "-" {
                super::output::to_stdout(&text);
                return Ok(());
            }
            // Personal data: nobody but its owner reads the file.
            let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&output);
            made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
                let vi = format!("Không tạo được {output}: {error}.");
                Failure::new(Exit::Refused, vi, format!("Cannot make {output}: {error}."))
            })?;
            line(output);
        }
    }
    Ok(())
}

fn show(context: &Context, before: BusinessDate, dry_run: bool, purged: &[Purged]) {
    if context.json {
        let data: Vec<_> = purged.iter().map(Purged::to_json).collect();
        line(json!({"before": before.to_string(), "dry_run": dry_run, "data": data, "has_more": false}).to_string());
        return;
    }
    for one in purged {
        let market = one.market.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let (texts, kept, day) = (one.texts, one.kept, before.vietnamese());
        line(match (context.lang, dry_run) {
            (Lang::Vi, true) => {
                format!("{market}: {texts} nội dung trước ngày {day} sẽ xóa, {kept} giữ lại vì đang chờ xử lý")
            }
            (Lang::Vi, false) => {
                format!("{market}: đã xóa {texts} nội dung trước ngày {day}, {kept} giữ lại vì đang chờ xử lý")
            }
            (Lang::En, true) => {
                format!("{market}: {texts} texts from before {before} would go, {kept} stay for a person to decide")
            }
            (Lang::En, false) => {
                format!("{market}: {texts} texts from before {before} removed, {kept} stay for a person to decide")
            }
        });
    }
}

impl Context {
    /// Returns for how many months texts about payers are kept: environment, file, two years.
    fn retention_months(&self) -> Result<i64, Failure> {
        let said = std::env::var("SOCHO_RETENTION_MONTHS").ok().or_else(|| self.config.retention_months.clone());
        said.as_deref().map_or(Ok(MONTHS_DEFAULT), months_of)
    }
}

/// Reads for how many months texts are kept.
pub(super) fn months_of(text: &str) -> Result<i64, Failure> {
    text.parse().ok().filter(|months| (3..=120).contains(months)).ok_or_else(|| {
        let vi = format!("retention_months {text} không đúng: cần số tháng từ 3 đến 120.");
        Failure::new(Exit::Configuration, vi, format!("retention_months {text} is not valid: 3 to 120 months."))
    })
}
