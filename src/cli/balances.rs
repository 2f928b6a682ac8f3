//! `socho balances`.

use clap::Args;

use super::Context;
use super::output::{Exit, Failure, Lang, line, table, to_stdout};
use crate::app::balances::AsOf;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketCode, Seq};

/// A market's trial balance, now or at a point in time.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --seq and --date: as they are now. Debits and credits are totals since the book began.\n\nExample: socho balances --market TAN --date 2026-11-23"
)]
pub(super) struct Balances {
    /// The market
    #[arg(long)]
    market: MarketCode,
    /// After the posting with this number; 0 is before the first
    #[arg(long, conflicts_with = "date")]
    seq: Option<i64>,
    /// At the end of this business date, YYYY-MM-DD
    #[arg(long)]
    date: Option<BusinessDate>,
}

pub(super) async fn run(context: &Context, command: Balances) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let as_of = match (command.seq, command.date) {
        (Some(seq), _) => AsOf::Posting(Seq::new(seq)),
        (None, Some(date)) => AsOf::Date(date),
        (None, None) => AsOf::Now,
    };
    let found = app.balances(&command.market, as_of).await?;
    app.close().await;
    if context.json {
        line(found.to_json().to_string());
        return Ok(Exit::Ok);
    }
    let (head, total) = match context.lang {
        Lang::Vi => (["Tài khoản", "Nợ", "Có"], "Cộng"),
        Lang::En => (["Account", "Debits", "Credits"], "Total"),
    };
    let shown = |name: String, debits: crate::domain::money::Dong, credits: crate::domain::money::Dong| {
        vec![name, debits.grouped(), credits.grouped()]
    };
    let mut rows: Vec<_> =
        found.accounts.iter().map(|(name, sides)| shown(name.clone(), sides.debits, sides.credits)).collect();
    rows.push(shown(total.to_owned(), found.totals.debits, found.totals.credits));
    to_stdout(&table(&head, rows));
    Ok(Exit::Ok)
}
