//! `socho close`.

use std::io::{IsTerminal as _, Write as _};

use clap::Args;
use serde_json::{Value, json};

use super::Context;
use super::output::{Exit, Failure, Lang, line, to_stderr};
use crate::app::App;
use crate::app::close_day::{CloseDay, ClosedDay};
use crate::app::reconcile_view::verdict;
use crate::app::seal_view::close_json;
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::daily_report::DailyReport;
use crate::domain::ids::MarketCode;

/// Seals a date: figures, journal and a root over its postings, signed by the market's key.
#[derive(Debug, Args)]
#[command(
    after_help = "Every open date before it is closed too. A closed date is never reopened: money that\ncomes for it later goes to the open date, tagged late.\n\nExample: socho close --market TAN --date 2026-11-23 --yes"
)]
pub(super) struct Close {
    /// The market
    #[arg(long)]
    market: MarketCode,
    /// The date, YYYY-MM-DD
    #[arg(long)]
    date: BusinessDate,
    /// Close it without asking
    #[arg(long)]
    yes: bool,
    /// Close it although it has not ended
    #[arg(long)]
    early: bool,
}

pub(super) async fn run(context: &Context, command: Close) -> Result<Exit, Failure> {
    let app = context.open().await?;
    if !command.yes && !confirmed(&app, &command, context.lang).await? {
        app.close().await;
        return Ok(Exit::Refused);
    }
    let Close { market, date, early, .. } = command;
    let closed = app.close_day(CloseDay { market, date, early, actor: "operator".to_owned() }).await?;
    app.close().await;
    if context.json {
        let data: Vec<Value> = closed.iter().map(close_json).collect();
        line(json!({"closed": data}).to_string());
    } else {
        for day in &closed {
            print(day, context.lang);
        }
    }
    Ok(Exit::Ok)
}

/// Shows what would be sealed and asks; nobody can be asked where there is no terminal.
async fn confirmed(app: &App, command: &Close, lang: Lang) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        let vi = "Khóa sổ là vĩnh viễn. Không có màn hình để hỏi lại: thêm --yes.";
        return Err(Failure::new(Exit::Usage, vi, "Closing is for ever, and there is no terminal to ask: give --yes."));
    }
    let report = app.daily_report(&command.market, command.date).await?;
    to_stderr(&question(&report, lang));
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    // Whatever cannot be read is no consent.
    let _ = std::io::stdin().read_line(&mut answer);
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "c" | "co" | "có"))
}

fn question(report: &DailyReport, lang: Lang) -> String {
    let (name, payments, amount) = (&report.market.name, report.payments, report.amount.with_unit());
    let (unmatched, held) = (report.unmatched_total.count, report.quarantined.count);
    match lang {
        Lang::Vi => format!(
            "{name}, ngày {}: {payments} khoản, {amount}.\n  Chưa rõ sạp: {unmatched}. Chờ người xử lý: {held}.\nKhóa sổ? Không mở lại được. [c/K] ",
            report.business_date.vietnamese()
        ),
        Lang::En => format!(
            "{name}, {}: {payments} payments, {amount}.\n  Without a stall: {unmatched}. Waiting for a person: {held}.\nClose the day? It cannot be reopened. [y/N] ",
            report.business_date
        ),
    }
}

fn print(day: &ClosedDay, lang: Lang) {
    let close = &day.signed.close;
    let (payments, amount, root) = (close.payments, close.amount.with_unit(), close.merkle_root);
    let (vi, en) = if close.early { (" (SỚM)", " (EARLY)") } else { ("", "") };
    let at = rfc3339(close.closed_at);
    line(match lang {
        Lang::Vi => format!(
            "Đã khóa sổ {} ngày {} lúc {at}{vi}: {payments} khoản, {amount}, gốc {root}",
            close.market,
            close.business_date.vietnamese()
        ),
        Lang::En => format!(
            "closed {} for {} at {at}{en}: {payments} payments, {amount}, root {root}",
            close.market, close.business_date
        ),
    });
    let (vi, en) = verdict(&day.reconciliation);
    line(format!("  {}", if lang == Lang::Vi { vi } else { en }));
    if !day.weak.is_empty() {
        let names: Vec<String> = day.weak.iter().map(ToString::to_string).collect();
        let names = names.join(", ");
        line(match lang {
            Lang::Vi => format!("  {} khoản không có mã của bên gửi, nên xem lại: {names}", close.weak),
            Lang::En => format!("  {} without an identity of the sender's, worth a look: {names}", close.weak),
        });
    }
}
