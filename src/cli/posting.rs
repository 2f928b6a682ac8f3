//! `socho posting`: one posting, and the corrections that people make of it.

use clap::{Args, Subcommand};

use super::Context;
use super::output::{Exit, Failure, Lang, line};
use crate::domain::ids::PostingName;
use crate::domain::money::Dong;

/// Who acts on the command line.
const ACTOR: &str = "operator";

#[derive(Debug, Subcommand)]
pub(super) enum Posting {
    /// Show a posting
    #[command(after_help = "Example: socho posting show TAN-123")]
    Show {
        /// The posting
        posting: PostingName,
    },
    /// Reverse a posting in full
    #[command(after_help = "Example: socho posting reverse TAN-123 --reason 'nhầm sạp'")]
    Reverse(Correction),
    /// Move a settlement out of suspense to its stall
    #[command(after_help = "Example: socho posting assign TAN-123 --stall B12 --reason 'chị Hoa nhận'")]
    Assign {
        #[command(flatten)]
        correction: Correction,
        /// The stall
        #[arg(long)]
        stall: String,
    },
    /// Record that part of a payment was handed back in cash
    #[command(after_help = "Example: socho posting cash-change TAN-123 --amount 20000 --reason 'khách trả dư'")]
    CashChange(Part),
    /// Record that part of a payment was not a sale
    #[command(after_help = "Example: socho posting exclude TAN-123 --amount 500000 --reason 'em trai trả nợ'")]
    Exclude(Part),
    /// Record that a debit line of a statement gave the money back
    #[command(after_help = "Example: socho posting refund TAN-123 --line 57 --reason 'khách trả hàng'")]
    Refund {
        #[command(flatten)]
        correction: Correction,
        /// The debit line's number, as socho reconcile shows it
        #[arg(long)]
        line: i64,
    },
}

#[derive(Debug, Args)]
pub(super) struct Correction {
    /// The posting
    posting: PostingName,
    /// Why
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
pub(super) struct Part {
    #[command(flatten)]
    correction: Correction,
    /// How much, in whole đồng
    #[arg(long)]
    amount: Dong,
}

pub(super) async fn run(context: &Context, command: Posting) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let made = match command {
        Posting::Show { posting } => Ok(posting),
        Posting::Reverse(c) => app.reverse(&c.posting, ACTOR, &c.reason).await,
        Posting::Assign { correction: c, stall } => app.assign(&c.posting, ACTOR, &c.reason, &stall).await,
        Posting::CashChange(Part { correction: c, amount }) => {
            app.cash_change(&c.posting, ACTOR, &c.reason, amount).await
        }
        Posting::Exclude(Part { correction: c, amount }) => app.exclude(&c.posting, ACTOR, &c.reason, amount).await,
        Posting::Refund { correction: c, line } => app.refund(&c.posting, ACTOR, &c.reason, line).await,
    };
    let shown = match &made {
        Ok(posting) => app.posting(posting).await,
        Err(_) => Ok(serde_json::Value::Null),
    };
    app.close().await;
    let (made, shown) = (made?, shown?);
    if context.json {
        line(shown.to_string());
        return Ok(Exit::Ok);
    }
    let text = |field: &str| shown.get(field).and_then(serde_json::Value::as_str).unwrap_or("-").to_owned();
    let (kind, debit, credit) = (text("kind"), text("debit"), text("credit"));
    let amount = Dong::new(shown.get("amount").and_then(serde_json::Value::as_i64).unwrap_or_default()).with_unit();
    let (date, reason) = (text("business_date"), text("reason"));
    line(match context.lang {
        Lang::Vi => format!("{made} {kind} {date}: Nợ {debit}, Có {credit}, {amount}. Lý do: {reason}"),
        Lang::En => format!("{made} {kind} {date}: debit {debit}, credit {credit}, {amount}. Reason: {reason}"),
    });
    Ok(Exit::Ok)
}
