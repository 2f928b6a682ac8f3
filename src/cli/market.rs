//! `socho market`.

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, line, table, to_stdout};
use crate::app::add_market::AddMarket;
use crate::app::change_market::{self, MarketChange};
use crate::domain::calendar::{BusinessDate, Cutoff};
use crate::domain::ids::MarketCode;
use crate::domain::registration::Market as Registered;
use crate::domain::text::Name;

#[derive(Debug, Subcommand)]
pub(super) enum Market {
    /// Add a market
    #[command(after_help = "Example: socho market add --code TAN --name \"Chợ Tân An\" --ward \"Ninh Kiều\"")]
    Add {
        /// Its code, for ever: 2 to 8 letters or digits
        #[arg(long)]
        code: MarketCode,
        /// Its name
        #[arg(long)]
        name: Name,
        /// The ward it lies in
        #[arg(long)]
        ward: Option<String>,
        /// The time at which its book day breaks
        #[arg(long, default_value = "00:00")]
        cutoff: Cutoff,
    },
    /// Change a market's name at once, its ward or its cut-off from a date on
    #[command(after_help = "Example: socho market change --code TAN --cutoff 04:00 --from 2026-12-01")]
    Change {
        /// The market
        #[arg(long)]
        code: MarketCode,
        /// Its new name
        #[arg(long)]
        name: Option<Name>,
        /// The ward it lies in from then on
        #[arg(long)]
        ward: Option<String>,
        /// The time at which its book day breaks from then on
        #[arg(long)]
        cutoff: Option<Cutoff>,
        /// What vendors' phones call, at once; "" takes the number away
        #[arg(long)]
        office_phone: Option<String>,
        /// The first date of ward and cut-off; tomorrow when not given
        #[arg(long)]
        from: Option<BusinessDate>,
    },
    /// List the markets
    #[command(after_help = "Example: socho market list --json")]
    List,
}

pub(super) async fn run(context: &Context, command: Market) -> Result<Exit, Failure> {
    let app = match command {
        Market::Add { .. } => context.open_or_make().await?,
        Market::Change { .. } | Market::List => context.open().await?,
    };
    match command {
        Market::Add { code, name, ward, cutoff } => {
            say(context, &app.add_market(AddMarket { code, name, ward, cutoff, demo: false }).await?);
        }
        Market::Change { code, name, ward, cutoff, office_phone, from } => {
            let office_phone = office_phone.as_deref().map(change_market::office_phone).transpose()?;
            let change = MarketChange { name, ward, cutoff, office_phone, from };
            say(context, &app.change_market(&code, change).await?);
        }
        Market::List => {
            let markets = app.markets().await?;
            if context.json {
                line(json!({"data": markets.iter().map(show).collect::<Vec<_>>(), "has_more": false}).to_string());
            } else {
                let rows = markets.iter().map(|market| {
                    let ward = market.ward.clone().unwrap_or_default();
                    vec![market.code.to_string(), market.name.to_string(), ward, market.cutoff.to_string()]
                });
                to_stdout(&table(
                    &context.lang.heads(["Mã", "Chợ", "Phường/xã", "Giờ chốt"], ["Code", "Market", "Ward", "Cut-off"]),
                    rows.collect(),
                ));
            }
        }
    }
    app.close().await;
    Ok(Exit::Ok)
}

fn say(context: &Context, market: &Registered) {
    if context.json {
        line(show(market).to_string());
    } else {
        line(format!("{} {} ({})", market.code, market.name, market.cutoff));
    }
}

fn show(market: &Registered) -> serde_json::Value {
    json!({
        "code": market.code.as_str(), "name": market.name.as_str(), "ward": market.ward,
        "cutoff": market.cutoff.to_string(), "demo": market.demo,
        "office_phone": market.office_phone.as_ref().map(ToString::to_string),
    })
}
