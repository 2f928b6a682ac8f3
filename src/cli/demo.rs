//! `socho demo`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use super::Context;
use super::output::{Exit, Failure, line};
use super::serve::{BIND_DEFAULT, Listen, address, serve};
use crate::app::App;
use crate::app::clock::SystemClock;
use crate::app::close_day::CloseDay;
use crate::app::demo::{DemoMarket, DemoPlan, DemoRequest};
use crate::app::demo_people::DemoLogin;
use crate::app::error::AppError;
use crate::app::pair_device::IssuedCode;
use crate::web::Door;

/// Where the demonstration's book is unless `--db` says otherwise.
const DB_DEFAULT: &str = "sqlite:socho-demo.db";
/// Pause between two live payments of the whole city, on average.
const PAUSE_MS: u64 = 250;

/// Makes twelve markets with names, goods and a month of payments, then lets payments arrive over
/// HTTP until it is stopped. A book that holds markets already is served as it is.
#[derive(Debug, Args)]
#[command(after_help = "Example: socho demo --markets 3 --days 7")]
pub(super) struct Demo {
    /// Markets
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=12))]
    markets: u16,
    /// Stalls of each market
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u16).range(1..=2000))]
    stalls: u16,
    /// Past days
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(0..=400))]
    days: u16,
    /// The same seed gives the same city
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Where it is served
    #[arg(long, default_value = BIND_DEFAULT)]
    bind: String,
    /// Make the city and stop
    #[arg(long)]
    no_serve: bool,
}

pub(super) async fn run(context: &Context, command: Demo) -> Result<Exit, Failure> {
    let logs = super::logs::start(context, None)?;
    let ended = run_logged(context, command).await;
    logs.finish().await;
    ended
}

async fn run_logged(context: &Context, command: Demo) -> Result<Exit, Failure> {
    let bind = address(&command.bind)?;
    let app = Arc::new(context.open_with(Arc::new(SystemClock), DB_DEFAULT).await?);
    let plan = DemoPlan {
        markets: usize::from(command.markets),
        stalls: usize::from(command.stalls),
        days: i64::from(command.days),
        seed: command.seed,
    };
    let (city, sample) = if app.markets().await?.is_empty() {
        build(&app, plan).await?
    } else {
        line("The book holds markets already: it is served as it is, without live traffic.");
        (Vec::new(), None)
    };
    if command.no_serve {
        seal(&app, &city).await?;
        app.close().await;
        return Ok(Exit::Ok);
    }
    let traffic = Arc::clone(&app);
    let seed = command.seed;
    let people = People { logins: app.demo_people(seed).await?, phone: app.demo_phone().await? };
    let door = Door { loopback: bind.ip().is_loopback(), public_url: None };
    serve(app, None, Listen { bind, ingest: None, figures: None, door, tls: None }, move |address| {
        announce(address, &city, sample.as_ref(), &people);
        if !city.is_empty() {
            let (book, markets) = (Arc::clone(&traffic), city.clone());
            tokio::spawn(live(traffic, city, address, seed));
            // Behind the first page: it need not wait for the past to be sealed.
            tokio::spawn(async move {
                if let Err(error) = seal(&book, &markets).await {
                    tracing::warn!(%error, "demo.seal");
                }
            });
        }
    })
    .await
}

async fn build(app: &Arc<App>, plan: DemoPlan) -> Result<(Vec<DemoMarket>, Option<DemoRequest>), Failure> {
    let style = ProgressStyle::with_template("{msg:24} {bar:40} {pos}/{len} {elapsed}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = |length: usize, message: &'static str| {
        ProgressBar::new(u64::try_from(length).unwrap_or(0)).with_style(style.clone()).with_message(message)
    };
    let markets = bar(plan.markets, "markets and stalls");
    let city = app.demo_city(plan, || markets.inc(1)).await?;
    markets.finish();
    let days = usize::try_from(plan.days).unwrap_or(0);
    let payments = bar(plan.markets * days * 800, "payments");
    // Markets side by side: one is thought up while another is written.
    let mut tasks = JoinSet::new();
    for market in city.clone() {
        let (app, payments) = (Arc::clone(app), payments.clone());
        tasks.spawn(async move {
            app.demo_history(&market, plan, |count| payments.inc(u64::try_from(count).unwrap_or(0))).await
        });
    }
    let mut booked = 0;
    while let Some(done) = tasks.join_next().await {
        booked += done.map_err(AppError::internal)??;
    }
    payments.finish();
    let sample = app.demo_curl(&city, plan.seed).await?;
    line(format!("{} markets, {booked} payments booked (demonstration data, seed {})", city.len(), plan.seed));
    Ok((city, sample))
}

/// Closes the past but for yesterday, as a board would have.
async fn seal(app: &App, city: &[DemoMarket]) -> Result<(), AppError> {
    for market in city {
        let date = app.today().plus_days(-2);
        app.close_day(CloseDay { market: market.code.clone(), date, early: false, actor: "demo".to_owned() }).await?;
    }
    Ok(())
}

/// Who may log in, and the phone that may be paired.
struct People {
    logins: Vec<DemoLogin>,
    phone: Option<IssuedCode>,
}

fn announce(address: SocketAddr, city: &[DemoMarket], sample: Option<&DemoRequest>, people: &People) {
    line(format!("Open    http://{address}/"));
    if let Some(market) = city.first() {
        line(format!("Market  http://{address}/markets/{}", market.code));
        line(format!("Print   http://{address}/markets/{}/print?layout=a6", market.code));
    }
    if let Some(DemoRequest { source, request }) = sample {
        let headers: Vec<String> =
            request.headers.iter().map(|(name, value)| format!("-H '{name}: {value}'")).collect();
        line(format!("Post    curl {} -d '{}' http://{address}/v1/ingest/{source}", headers.join(" "), request.body));
    }
    for DemoLogin { role, market, name, password } in &people.logins {
        let of = market.as_ref().map(|market| format!(" of {market}")).unwrap_or_default();
        line(format!("Login   {name}  {password}  ({role}{of})"));
    }
    if let Some(phone) = &people.phone {
        line(format!("Phone   http://{address}{}  (vendor of stall {}; one use)", phone.path(), phone.stall));
    }
    line("Stop    Ctrl+C");
}

/// Lets payments arrive as a bank's sender would post them: signed, over HTTP.
async fn live(app: Arc<App>, city: Vec<DemoMarket>, address: SocketAddr, seed: u64) {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut rng = fastrand::Rng::with_seed(seed);
    loop {
        tokio::time::sleep(Duration::from_millis(rng.u64(0..PAUSE_MS * 2))).await;
        let Some(payment) = app.demo_payment(&city, &mut rng) else { return };
        let mut request = Request::post(format!("http://{address}/v1/ingest/{}", payment.source));
        for (name, value) in &payment.request.headers {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(Full::new(Bytes::from(payment.request.body))) else { return };
        match client.request(request).await {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => tracing::warn!(status = response.status().as_u16(), "demo.payment"),
            // The server is stopping.
            Err(_) => return,
        }
    }
}
