//! `socho webhook`.

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, Lang, line, table, to_stdout};
use crate::app::App;
use crate::app::access::Actor;
use crate::app::error::AppError;
use crate::app::webhooks::WebhookShown;
use crate::domain::identity::WebhookId;
use crate::domain::ids::MarketCode;
use crate::domain::webhook::WebhookUrl;

#[derive(Debug, Subcommand)]
pub(super) enum Webhook {
    /// Deliver a market's postings to an address, as signed events; the secret is shown this once
    #[command(
        after_help = "Events are CloudEvents 1.0, signed as Standard Webhooks: check webhook-signature with the secret. Private networks are named in the setting webhook_networks.\n\nExample: socho webhook add --market TAN --url https://example.vn/socho"
    )]
    Add {
        /// The market
        #[arg(long)]
        market: MarketCode,
        /// Where events go: https://…
        #[arg(long)]
        url: WebhookUrl,
        /// Begin behind this posting, 0 for the first; from now on when not given
        #[arg(long)]
        after: Option<String>,
    },
    /// List a market's webhooks: how each stands, and what its last try came to
    #[command(after_help = "Example: socho webhook list --market TAN")]
    List {
        /// The market
        #[arg(long)]
        market: MarketCode,
    },
    /// Show one webhook with its last tries
    #[command(after_help = "Example: socho webhook show --market TAN whk_0192…")]
    Show(One),
    /// End a webhook
    #[command(after_help = "Example: socho webhook remove --market TAN whk_0192…")]
    Remove(One),
    /// Put a new secret in force; events are signed with the one before too for a while
    #[command(after_help = "Example: socho webhook rotate --market TAN whk_0192… --overlap-hours 24")]
    Rotate {
        #[command(flatten)]
        one: One,
        /// Hours for which the previous secret signs too
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(i64).range(0..=720))]
        overlap_hours: i64,
    },
    /// Deliver again what comes behind a posting; a disabled webhook begins again
    #[command(after_help = "Example: socho webhook replay --market TAN whk_0192… --after TAN-100")]
    Replay {
        #[command(flatten)]
        one: One,
        /// Behind this posting, 0 for the first; where it stands when not given
        #[arg(long)]
        after: Option<String>,
    },
    /// Send one event that is no posting, now, and say what came of it; exit 1 when it was not taken
    #[command(after_help = "Example: socho webhook test --market TAN whk_0192…")]
    Test(One),
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The market
    #[arg(long)]
    market: MarketCode,
    /// The webhook, `whk_…`
    webhook: WebhookId,
}

pub(super) async fn run(context: &Context, command: Webhook) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let done = act(context, &app, command).await;
    app.close().await;
    done
}

async fn act(context: &Context, app: &App, command: Webhook) -> Result<Exit, Failure> {
    match command {
        Webhook::Add { market, url, after } => {
            let operator = Actor::operator();
            let added = app.add_webhook(&market, url, after.as_deref(), operator.name()).await;
            told_once(context, added)?;
        }
        Webhook::List { market } => list(context, &app.webhooks(&market).await?),
        Webhook::Show(One { market, webhook }) => {
            let shown = app.webhook(&market, webhook).await?;
            if context.json {
                line(shown.to_json().to_string());
            } else {
                list(context, std::slice::from_ref(&shown));
                tries(context, &shown);
            }
        }
        Webhook::Remove(One { market, webhook }) => {
            app.remove_webhook(&market, webhook).await?;
            line(match context.lang {
                Lang::Vi => format!("Đã bỏ {webhook}."),
                Lang::En => format!("{webhook} ended"),
            });
        }
        Webhook::Rotate { one, overlap_hours } => {
            let overlap = SignedDuration::from_hours(overlap_hours);
            told_once(context, app.rotate_webhook(&one.market, one.webhook, overlap).await)?;
        }
        Webhook::Replay { one, after } => {
            let shown = app.replay_webhook(&one.market, one.webhook, after.as_deref()).await?;
            if context.json {
                line(shown.to_json().to_string());
            } else {
                list(context, &[shown]);
            }
        }
        Webhook::Test(One { market, webhook }) => {
            let tried = app.test_webhook(&market, webhook).await?;
            if context.json {
                line(tried.to_json().to_string());
            } else {
                line(format!("{}: {} ({}, {} ms)", tried.event, tried.outcome, tried.detail, tried.took_ms));
            }
            return Ok(if tried.delivered { Exit::Ok } else { Exit::Refused });
        }
    }
    Ok(Exit::Ok)
}

fn told_once(context: &Context, made: Result<(WebhookShown, String), AppError>) -> Result<(), Failure> {
    let (webhook, secret) = made?;
    if context.json {
        line(json!({"webhook": webhook.to_json(), "secret": secret}).to_string());
        return Ok(());
    }
    line(match context.lang {
        Lang::Vi => format!("{}: {secret} (chỉ hiện lần này)", webhook.id),
        Lang::En => format!("{}: {secret} (shown this once)", webhook.id),
    });
    Ok(())
}

fn list(context: &Context, webhooks: &[WebhookShown]) {
    if context.json {
        let data: Vec<_> = webhooks.iter().map(WebhookShown::to_json).collect();
        line(json!({"data": data, "has_more": false}).to_string());
        return;
    }
    let heads = context.lang.heads(
        ["Nơi nhận", "Địa chỉ", "Trạng thái", "Chưa gửi", "Lần gửi cuối"],
        ["Webhook", "Address", "State", "Lag", "Last try"],
    );
    let row = |webhook: &WebhookShown| {
        let (state, lag) = (webhook.state.as_str().to_owned(), webhook.lag.to_string());
        vec![webhook.id.to_string(), webhook.url.clone(), state, lag, webhook.last_tried()]
    };
    to_stdout(&table(&heads, webhooks.iter().map(row).collect()));
}

fn tries(context: &Context, webhook: &WebhookShown) {
    let heads = context
        .lang
        .heads(["Từ", "Đến", "Lúc", "Kết quả", "Chi tiết", "ms"], ["First", "Last", "At", "Outcome", "Detail", "ms"]);
    let shown = webhook.to_json();
    let attempts = shown.get("attempts").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let cell = |attempt: &serde_json::Value, name: &str| match attempt.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let row = |attempt: &serde_json::Value| {
        ["first", "last", "at", "outcome", "detail", "took_ms"].map(|name| cell(attempt, name)).to_vec()
    };
    to_stdout(&table(&heads, attempts.iter().map(row).collect()));
}
