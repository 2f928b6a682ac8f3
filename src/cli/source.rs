//! `socho source`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Context;
use super::output::{Exit, Failure, line, read_input, table, to_stdout};
use super::trigger::{Conform, conform};
use crate::app::App;
use crate::app::explain_source::REQUEST_MAX;
use crate::app::manage_sources::{AddSource, SourceShown, TOLERANCE_DEFAULT_S};
use crate::domain::account::AccountNumber;
use crate::domain::ids::{MarketCode, SourceName};
use crate::domain::settlement::Dialect;
use crate::domain::source_network::Network;

/// Largest secret file, in bytes.
const SECRET_FILE_MAX: u64 = 4_096;

#[derive(Debug, Subcommand)]
pub(super) enum Source {
    /// Add a sender of settlements
    #[command(
        after_help = "Example: socho source add --name sepay1 --dialect sepay-hmac --secret-file secret.txt --market TAN"
    )]
    Add(Add),
    /// Put accounts on a source's list, or take them off
    #[command(after_help = "Example: socho source accounts sepay1 add 0071000888888")]
    Accounts {
        /// The source
        name: SourceName,
        /// add or remove
        change: Change,
        /// The account numbers
        #[arg(required = true, value_delimiter = ',')]
        accounts: Vec<AccountNumber>,
    },
    /// Put networks on the list that a source may send from, or take them off; with none it may from anywhere
    #[command(after_help = "Example: socho source addresses sepay1 add 203.0.113.0/24,2001:db8::/32")]
    Addresses {
        /// The source
        name: SourceName,
        /// add or remove
        change: Change,
        /// Networks, IPv4 or IPv6
        #[arg(required = true, value_delimiter = ',')]
        networks: Vec<Network>,
    },
    /// Put a new secret in force; the one before it stays good for a while
    #[command(after_help = "Example: socho source rotate sepay1 --secret-file new.txt --overlap-hours 24")]
    Rotate {
        /// The source
        name: SourceName,
        /// The file that holds the new secret, - for standard input
        #[arg(long)]
        secret_file: String,
        /// Hours for which the previous secret is still taken
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(i64).range(0..=720))]
        overlap_hours: i64,
    },
    /// List the sources
    #[command(after_help = "Example: socho source list --json")]
    List,
    /// Say why a request that was written down is refused: secret, clock, changed body, dialect
    #[command(
        after_help = "The file holds the request line (or none), header lines, a blank line and the body's very bytes.\n\nExample: socho source explain sepay1 request.txt"
    )]
    Explain {
        /// The source
        name: SourceName,
        /// The file that holds the request, - for standard input
        request: String,
    },
    /// Run the checks that a new provider has to pass, against a server in test mode
    Conform(Conform),
    /// Sign a sample request and run it through our own authentication; stores nothing
    #[command(after_help = "Example: socho source test sepay1")]
    Test {
        /// The source
        name: SourceName,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Its name, part of its address /v1/ingest/NAME
    #[arg(long)]
    name: SourceName,
    /// How it speaks
    #[arg(long)]
    dialect: Dialect,
    /// The file that holds its secret, - for standard input
    #[arg(long)]
    secret_file: String,
    /// The accounts it may report; none with --market means all of that market
    #[arg(long, value_delimiter = ',')]
    accounts: Vec<AccountNumber>,
    /// The market it is bound to
    #[arg(long)]
    market: Option<MarketCode>,
    /// utc, or local-as-utc for a sender that writes Vietnam's time as if it were UTC
    #[arg(long, default_value = "utc")]
    time: Time,
    /// Seconds that a signed time may be off, both ways
    #[arg(long, default_value_t = TOLERANCE_DEFAULT_S)]
    tolerance: i64,
    /// Networks it may send from, IPv4 or IPv6; anywhere when none is named
    #[arg(long, value_delimiter = ',', value_name = "NETWORK")]
    from: Vec<Network>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Time {
    Utc,
    LocalAsUtc,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Change {
    Add,
    Remove,
}

pub(super) async fn run(context: &Context, command: Source) -> Result<Exit, Failure> {
    let app = match command {
        Source::Add(_) => context.open_or_make().await?,
        Source::Accounts { .. }
        | Source::Addresses { .. }
        | Source::Rotate { .. }
        | Source::List
        | Source::Explain { .. }
        | Source::Conform(_)
        | Source::Test { .. } => context.open().await?,
    };
    match command {
        Source::Add(add) => {
            let new = AddSource {
                name: add.name,
                dialect: add.dialect,
                secret: secret(&add.secret_file)?,
                accounts: add.accounts,
                market: add.market,
                local_as_utc: matches!(add.time, Time::LocalAsUtc),
                tolerance_s: add.tolerance,
                networks: add.from,
            };
            print(context, &app.add_source(new).await?);
        }
        Source::Accounts { name, change, accounts } => {
            let shown = match change {
                Change::Add => app.change_source_accounts(&name, &accounts, &[]).await?,
                Change::Remove => app.change_source_accounts(&name, &[], &accounts).await?,
            };
            print(context, &shown);
        }
        Source::Addresses { name, change, networks } => {
            let shown = match change {
                Change::Add => app.change_source_addresses(&name, &networks, &[]).await?,
                Change::Remove => app.change_source_addresses(&name, &[], &networks).await?,
            };
            print(context, &shown);
        }
        Source::Rotate { name, secret_file, overlap_hours } => {
            let overlap = SignedDuration::from_hours(overlap_hours);
            print(context, &app.rotate_source(&name, &secret(&secret_file)?, overlap).await?);
        }
        Source::List => list(context, &app.sources().await?),
        Source::Explain { name, request } => return explain(context, &app, &name, &request).await,
        Source::Conform(command) => {
            let exit = conform(context, &app, command).await?;
            app.close().await;
            return Ok(exit);
        }
        Source::Test { name } => {
            let body = app.test_source(&name).await?;
            if context.json {
                line(json!({"source": name.as_str(), "ok": true, "body": body}).to_string());
            } else {
                line(format!("{name}: OK\n{body}"));
            }
        }
    }
    app.close().await;
    Ok(Exit::Ok)
}

fn list(context: &Context, sources: &[SourceShown]) {
    if context.json {
        line(json!({"data": sources.iter().map(show).collect::<Vec<_>>(), "has_more": false}).to_string());
    } else {
        let heads =
            context.lang.heads(["Nguồn", "Kiểu", "Chợ", "Tài khoản"], ["Source", "Dialect", "Market", "Accounts"]);
        to_stdout(&table(&heads, sources.iter().map(row).collect()));
    }
}

async fn explain(context: &Context, app: &App, name: &SourceName, request: &str) -> Result<Exit, Failure> {
    let explained = app.explain_request(name, &read_input(request, REQUEST_MAX)?).await?;
    app.close().await;
    let said = context.lang.choose(&explained.message);
    if context.json {
        line(json!({"source": name.as_str(), "cause": explained.cause, "explanation": said}).to_string());
    } else {
        line(format!("{name}: {said}"));
    }
    Ok(if explained.cause == "taken" { Exit::Ok } else { Exit::Refused })
}

/// Reads a secret from a file; the line end that editors add is not part of it.
fn secret(path: &str) -> Result<String, Failure> {
    let bytes = read_input(path, SECRET_FILE_MAX)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::new(Exit::Refused, "Tệp khóa bí mật không phải UTF-8.", "The secret file is not UTF-8.")
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn print(context: &Context, source: &SourceShown) {
    if context.json {
        line(show(source).to_string());
    } else {
        line(row(source).join("  "));
    }
}

fn row(source: &SourceShown) -> Vec<String> {
    let market = source.market.as_ref().map(ToString::to_string).unwrap_or_default();
    let accounts = if source.every_account { "*".to_owned() } else { source.accounts.len().to_string() };
    vec![source.name.to_string(), source.dialect.to_string(), market, accounts]
}

fn show(source: &SourceShown) -> Value {
    crate::app::manage_sources::source_json(source)
}
