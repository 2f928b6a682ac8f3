//! `socho key api`: keys of machines.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, Lang, line, table, to_stdout};
use crate::app::App;
use crate::app::access::{Actor, Right, Role};
use crate::app::machine_keys::{KeyShown, NewKey, key_json, rights_of};
use crate::domain::calendar::BusinessDate;
use crate::domain::identity::KeyId;
use crate::domain::ids::MarketCode;
use crate::domain::text::Name;

#[derive(Debug, Subcommand)]
pub(super) enum MachineKey {
    /// Make a key for a program; it is shown this once
    #[command(
        after_help = "The program sends Authorization: Bearer sc_…. Without --right the key has every right of its role.\n\nExample: socho key api add --name accounting --role auditor --right journal.read --right days.read"
    )]
    Add(Add),
    /// List keys: what each may do, and when it was used last
    #[command(after_help = "Example: socho key api list --json")]
    List,
    /// List the rights that a key of a role can have
    #[command(after_help = "Example: socho key api rights --role manager")]
    Rights {
        /// The role: manager, city, auditor or admin
        #[arg(long)]
        role: Role,
    },
    /// End a key at once
    #[command(after_help = "Example: socho key api revoke key_0192…")]
    Revoke {
        /// The key, `key_…`
        key: KeyId,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// What it is for
    #[arg(long)]
    name: Name,
    /// The role whose rights it may have: manager, city, auditor or admin
    #[arg(long)]
    role: Role,
    /// A right of it; again for each
    #[arg(long = "right")]
    rights: Vec<Right>,
    /// The market it is bound to; a manager's key must be
    #[arg(long)]
    market: Option<MarketCode>,
    /// When it ends by itself, RFC 3339
    #[arg(long)]
    expires_at: Option<Timestamp>,
}

pub(super) async fn run(context: &Context, command: MachineKey) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let done = act(context, &app, command).await;
    app.close().await;
    done.map(|()| Exit::Ok)
}

async fn act(context: &Context, app: &App, command: MachineKey) -> Result<(), Failure> {
    let actor = Actor::operator();
    match command {
        MachineKey::Add(Add { name, role, rights, market, expires_at }) => {
            let new = NewKey { name, role, rights, market, expires_at };
            let (key, secret) = app.add_machine_key(&actor, new).await?;
            if context.json {
                line(json!({"key": key_json(&key), "secret": secret}).to_string());
                return Ok(());
            }
            line(match context.lang {
                Lang::Vi => format!("{}: {secret} (chỉ hiện lần này)", key.id),
                Lang::En => format!("{}: {secret} (shown this once)", key.id),
            });
        }
        MachineKey::List => list(context, &app.machine_keys(&actor).await?),
        MachineKey::Rights { role } => {
            let rights: Vec<&str> = rights_of(role).into_iter().map(Right::as_str).collect();
            line(if context.json {
                json!({"role": role.as_str(), "rights": rights}).to_string()
            } else {
                rights.join("\n")
            });
        }
        MachineKey::Revoke { key } => {
            app.end_machine_key(&actor, key).await?;
            line(match context.lang {
                Lang::Vi => format!("Đã thu hồi {key}."),
                Lang::En => format!("{key} ended"),
            });
        }
    }
    Ok(())
}

fn list(context: &Context, keys: &[KeyShown]) {
    if context.json {
        line(json!({"data": keys.iter().map(key_json).collect::<Vec<_>>(), "has_more": false}).to_string());
        return;
    }
    let heads = context.lang.heads(
        ["Khóa", "Bắt đầu", "Tên", "Vai trò", "Chợ", "Dùng lần cuối", "Trạng thái"],
        ["Key", "Begins", "Name", "Role", "Market", "Last used", "State"],
    );
    let day = |at| BusinessDate::of_calendar(at).to_string();
    let rows = keys.iter().map(|key| {
        let [ended] = context.lang.heads(["đã thu hồi"], ["ended"]);
        vec![
            key.id.to_string(),
            format!("{}…", key.prefix),
            key.name.clone(),
            key.role.to_string(),
            key.market.as_ref().map(ToString::to_string).unwrap_or_default(),
            key.last_used_at.map(day).unwrap_or_default(),
            if key.ended_at.is_some() { ended.to_owned() } else { String::new() },
        ]
    });
    to_stdout(&table(&heads, rows.collect()));
}
