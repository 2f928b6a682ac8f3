//! `socho simulate`: a provider as a process of its own, that signs, posts, tries again, gives up and
//! sends twice, and its bank, that has the last word. Hours pass in seconds: the server's clock is
//! set (`serve --test-mode`).

mod door;
mod provider;

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Context;
use super::output::{Exit, Failure, Lang, line};
use crate::app::error::AppError;
use crate::app::simulate::paper::Layout;
use crate::app::simulate::{Day, Place};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketCode, SourceName};
use crate::domain::money::Dong;
use crate::domain::settlement::Dialect;
use door::{Door, Server};
use provider::Provider;

/// Secret of the provider that the simulation invents.
const SECRET: &str = "whsec_c2ltdWxhdGlvbi1vZi1hLXByb3ZpZGVyLTAxMjM0NTY=";

/// Plays a provider and its bank against a server: retries by its true schedule, an outage, repeats,
/// other orders, short payments, the day's statement at the end. Prints truth and report, and exits 1
/// when they differ by one đồng.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: socho simulate --outage 40m --seed 7\nAgainst a server: socho serve --test-mode & socho simulate --url http://127.0.0.1:8080 --outage 40m"
)]
pub(super) struct Simulate {
    /// How long the server cannot be reached, from eight in the morning on: 40m, 2h, 0
    #[arg(long, default_value = "40m", value_parser = span)]
    outage: SignedDuration,
    /// The same seed is the same day
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Payments of the day
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    payments: u16,
    /// Stalls; half of them share one collecting account
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(2..=500))]
    stalls: u16,
    /// How the provider speaks
    #[arg(long, default_value = "sepay-hmac")]
    dialect: Dialect,
    /// How the bank writes its statements: csv, mt940 or camt053
    #[arg(long, default_value = "csv")]
    layout: Layout,
    /// The date that is played
    #[arg(long, default_value = "2026-11-24")]
    date: BusinessDate,
    /// A running server in test mode; without it one is started on a book that is thrown away
    #[arg(long)]
    url: Option<String>,
    /// The market that is paid; made when it is missing
    #[arg(long)]
    market: Option<MarketCode>,
    /// The provider's source; made when it is missing
    #[arg(long)]
    source: Option<SourceName>,
    /// The file with the source's secret
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// Where the statements are written too
    #[arg(long, value_name = "FOLDER")]
    statements: Option<PathBuf>,
}

fn span(text: &str) -> Result<SignedDuration, String> {
    let wrong = || "minutes or hours, for example 40m or 2h".to_owned();
    if text == "0" {
        return Ok(SignedDuration::ZERO);
    }
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    match (unit, number) {
        ("m", 0..=1_440) => Ok(SignedDuration::from_mins(number)),
        ("h", 0..=24) => Ok(SignedDuration::from_hours(number)),
        _ => Err(wrong()),
    }
}

pub(super) async fn run(context: &Context, command: Simulate) -> Result<Exit, Failure> {
    let secret = match &command.secret_file {
        Some(path) => {
            let bytes = super::output::read_input(path, 4_096)?;
            String::from_utf8_lossy(&bytes).trim().to_owned()
        }
        None if command.dialect == Dialect::VietqrVn => format!("simulation:{SECRET}"),
        None => SECRET.to_owned(),
    };
    let mut server = match &command.url {
        Some(url) => Server::elsewhere(url)?,
        None => Server::start(context.db.as_deref(), command.date)?,
    };
    let market = command.market.as_ref().map_or_else(|| format!("SIM{}", command.seed % 10_000), ToString::to_string);
    let source = command.source.as_ref().map_or_else(|| format!("sim-{}", command.seed), ToString::to_string);
    let played = play(&mut server, &command, &market, &source, secret).await;
    server.stop();
    let outcome = played?;
    if context.json {
        line(outcome.to_string());
    } else {
        show(&outcome, context.lang);
    }
    Ok(if outcome.get("equal").and_then(Value::as_bool) == Some(true) { Exit::Ok } else { Exit::Refused })
}

async fn play(
    server: &mut Server,
    command: &Simulate,
    market: &str,
    source: &str,
    secret: String,
) -> Result<Value, Failure> {
    let door = Door::of(server);
    door.ready().await?;
    door.set_clock(command.date.starts_at()).await?;
    let places = set_up(&door, command, market, source, &secret).await?;
    let before = report(&door, market, command.date).await?;
    if amount_of(&before) != 0 {
        let vi = format!("Chợ {market} đã có tiền ngày {}: chọn --market hoặc --seed khác.", command.date);
        let en = format!("Market {market} has money on {} already: choose another --market or --seed.", command.date);
        return Err(Failure::new(Exit::Refused, vi, en));
    }
    let day = Day { date: command.date, payments: usize::from(command.payments), seed: command.seed };
    let mut provider = Provider::new(&door, day, command.dialect, source, secret, &places);
    provider.sell(server, command.outage).await?;
    let evening = command.date.next().starts_at().checked_add(SignedDuration::from_hours(6)).unwrap_or_default();
    door.set_clock(evening).await?;
    let missed = reconcile(&door, command, market, &provider).await?;
    // What the provider sends again by hand, or still tries, is known by now.
    provider.send_again(evening).await?;
    let report = report(&door, market, command.date).await?;
    let again = door.get(&format!("/v1/markets/{market}/reconciliation?date={}", command.date)).await?;
    let truth = provider.truth();
    let stalls = stalls(&places, &truth, &report);
    let (true_amount, reported) = (truth.amount, amount_of(&report));
    let difference = again.get("difference").and_then(Value::as_i64);
    let held = report.get("quarantined").and_then(|held| held.get("count")).and_then(Value::as_i64);
    let equal = true_amount == reported && stalls.is_empty() && difference == Some(0);
    Ok(json!({
        "seed": command.seed, "dialect": command.dialect.as_str(), "market": market, "date": command.date.to_string(),
        "currency": "VND", "payments": truth.count, "attempts": provider.attempts, "given_up": provider.given_up,
        "sent_twice": provider.sent_twice, "from_statement": missed, "truth": true_amount, "report": reported,
        "suspense": truth.suspense, "bank_less_book": difference, "held": held, "differing_stalls": stalls,
        "difference": reported.saturating_sub(true_amount), "equal": equal,
    }))
}

/// Makes market, stalls and source where they are missing.
async fn set_up(
    door: &Door,
    command: &Simulate,
    market: &str,
    source: &str,
    secret: &str,
) -> Result<Vec<Place>, Failure> {
    let new = json!({"code": market, "name": format!("Chợ mô phỏng {market}")});
    door.post_json("/v1/markets", &new, &[201, 409]).await?;
    let number = |stall: u16| format!("97{:06}{stall:04}", command.seed % 1_000_000);
    let mut places = Vec::new();
    for stall in 0..command.stalls {
        let shared = stall < command.stalls / 2;
        let account = if shared { number(0) } else { number(stall) };
        let kind = if shared { "collecting" } else { "direct" };
        let code = format!("M{}", stall.saturating_add(1));
        let new = json!({
            "stall": code, "vendor": format!("Tiểu thương {code}"), "category": "Mô phỏng", "bin": "970436",
            "account": account, "kind": kind,
        });
        let made = door.post_json(&format!("/v1/markets/{market}/stalls"), &new, &[200, 201]).await?;
        let memo_code = made.get("memo_code").and_then(Value::as_str).unwrap_or_default().to_owned();
        let account = account.parse().map_err(AppError::internal)?;
        places.push(Place { stall: code, account, memo_code, shared });
    }
    let new = json!({"name": source, "dialect": command.dialect.as_str(), "secret": secret, "market": market});
    door.post_json("/v1/sources", &new, &[201, 409]).await?;
    Ok(places)
}

/// Hands the bank's statements in and books what only they tell of.
async fn reconcile(door: &Door, command: &Simulate, market: &str, provider: &Provider<'_>) -> Result<Value, Failure> {
    for (account, text) in provider.statements(command.layout) {
        let name = format!("{account}.{}", command.layout.extension());
        if let Some(folder) = &command.statements {
            super::output::write_output(&folder.join(&name).display().to_string(), text.as_bytes())?;
        }
        door.post_bytes(&format!("/v1/markets/{market}/statements?file_name={name}"), text.into_bytes()).await?;
    }
    let path = format!("/v1/markets/{market}/reconciliation/{}/book", command.date);
    let booked = door.post_json(&path, &json!({}), &[200]).await?;
    Ok(booked.get("booked").cloned().unwrap_or_default())
}

async fn report(door: &Door, market: &str, date: BusinessDate) -> Result<Value, Failure> {
    door.get(&format!("/v1/markets/{market}/days/{date}")).await
}

fn amount_of(report: &Value) -> i64 {
    report.get("amount").and_then(Value::as_i64).unwrap_or_default()
}

/// Returns the stalls whose report is not the truth.
fn stalls(places: &[Place], truth: &provider::Truth, report: &Value) -> Vec<Value> {
    let reported = |code: &str| {
        let stalls = report.get("stalls").and_then(Value::as_array).cloned().unwrap_or_default();
        let found = stalls.iter().find(|stall| stall.get("stall").and_then(Value::as_str) == Some(code)).cloned();
        found.and_then(|stall| stall.get("amount").and_then(Value::as_i64)).unwrap_or_default()
    };
    let mut differing = Vec::new();
    for (place, amount) in places.iter().zip(&truth.stalls) {
        let found = reported(&place.stall);
        if found != *amount {
            differing.push(json!({"stall": place.stall, "truth": amount, "report": found}));
        }
    }
    differing
}

fn show(outcome: &Value, lang: Lang) {
    let number = |field: &str| outcome.get(field).and_then(Value::as_i64).unwrap_or_default();
    let money = |field: &str| Dong::new(number(field)).with_unit();
    let missed = outcome.get("from_statement").cloned().unwrap_or_default();
    let missed_count = missed.get("count").and_then(Value::as_i64).unwrap_or_default();
    let missed_amount = Dong::new(missed.get("amount").and_then(Value::as_i64).unwrap_or_default()).with_unit();
    let equal = outcome.get("equal").and_then(Value::as_bool) == Some(true);
    let (payments, attempts, given_up, twice) =
        (number("payments"), number("attempts"), number("given_up"), number("sent_twice"));
    let (truth, report, difference) = (money("truth"), money("report"), money("difference"));
    line(match lang {
        Lang::Vi => format!(
            "{payments} khoản tiền vào; nhà cung cấp gửi {attempts} lần, {twice} lần trùng, bỏ cuộc {given_up} khoản.\nSao kê tìm ra {missed_count} khoản ({missed_amount}).\nSự thật  {truth}\nBáo cáo  {report}\nLệch     {difference} {}",
            if equal { "✓ khớp đến từng đồng" } else { "≠ KHÔNG KHỚP" }
        ),
        Lang::En => format!(
            "{payments} payments; the provider sent {attempts} times, {twice} of them twice, and gave up on {given_up}.\nThe statement found {missed_count} ({missed_amount}).\nTruth      {truth}\nReport     {report}\nDifference {difference} {}",
            if equal { "✓ equal to the đồng" } else { "≠ NOT EQUAL" }
        ),
    });
}
