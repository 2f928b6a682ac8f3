//! `socho device`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, Lang, line, table, to_stdout};
use crate::app::App;
use crate::app::access::Actor;
use crate::app::pair_device::{CodeFor, device_json};
use crate::domain::calendar::{BusinessDate, rfc3339, vietnam_time};
use crate::domain::identity::DeviceId;
use crate::domain::ids::MarketCode;

#[derive(Debug, Subcommand)]
pub(super) enum Device {
    /// List the phones of a stall
    #[command(after_help = "Example: socho device list --market TAN --stall B12")]
    List(Stall),
    /// Make a one-time code that pairs a phone with a stall; the unused one before it ends
    #[command(
        after_help = "The code stands on the stall's pairing card; the phone opens /pair/CODE. For a card that was\nlost, --revoke-devices ends every phone that is paired too.\n\nExample: socho device pair --market TAN --stall B12"
    )]
    Pair {
        #[command(flatten)]
        stall: Stall,
        /// End every phone that is paired too
        #[arg(long)]
        revoke_devices: bool,
    },
    /// End a phone of a stall at once
    #[command(after_help = "Example: socho device revoke --market TAN --stall B12 dev_0192…")]
    Revoke {
        #[command(flatten)]
        stall: Stall,
        /// The phone, `dev_…`
        device: DeviceId,
    },
}

#[derive(Debug, Args)]
pub(super) struct Stall {
    /// The market
    #[arg(long)]
    market: MarketCode,
    /// The stall
    #[arg(long)]
    stall: String,
}

pub(super) async fn run(context: &Context, command: Device) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let done = act(context, &app, command).await;
    app.close().await;
    done.map(|()| Exit::Ok)
}

async fn act(context: &Context, app: &App, command: Device) -> Result<(), Failure> {
    let actor = Actor::operator();
    match command {
        Device::List(Stall { market, stall }) => {
            let devices = app.devices(&actor, &market, &stall).await?;
            if context.json {
                let data: Vec<_> = devices.iter().map(device_json).collect();
                line(json!({"data": data, "has_more": false}).to_string());
                return Ok(());
            }
            let heads = context
                .lang
                .heads(["Máy", "Tên", "Ghép lúc", "Dùng lần cuối"], ["Phone", "Name", "Paired", "Last used"]);
            let moment = |at| format!("{} {}", BusinessDate::of_calendar(at), vietnam_time(at));
            let rows = devices.into_iter().map(|device| {
                vec![device.id.to_string(), device.name, moment(device.created_at), moment(device.last_seen_at)]
            });
            to_stdout(&table(&heads, rows.collect()));
        }
        Device::Pair { stall: Stall { market, stall }, revoke_devices } => {
            let card = CodeFor::Card { ends_devices: revoke_devices };
            let issued = app.issue_pairing_code(&actor, &market, &stall, card).await?;
            if context.json {
                let shown = json!({
                    "code": issued.code.to_string(), "path": issued.path(), "stall": issued.stall.as_str(),
                    "expires_at": rfc3339(issued.expires_at), "revoked_devices": issued.ended_devices,
                });
                line(shown.to_string());
                return Ok(());
            }
            let until = BusinessDate::of_calendar(issued.expires_at);
            line(match context.lang {
                Lang::Vi => {
                    format!("Mã ghép máy sạp {}: {} (mở /pair/…; một máy, đến {until})", issued.stall, issued.code)
                }
                Lang::En => format!(
                    "pairing code of stall {}: {} (open /pair/…; one phone, until {until})",
                    issued.stall, issued.code
                ),
            });
        }
        Device::Revoke { stall: Stall { market, stall }, device } => {
            app.end_device(&actor, &market, &stall, device).await?;
            line(match context.lang {
                Lang::Vi => format!("Đã gỡ máy {device}."),
                Lang::En => format!("phone {device} ended"),
            });
        }
    }
    Ok(())
}
