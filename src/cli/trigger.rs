//! `socho trigger` and `socho source conform`: deliveries that we sign ourselves, sent to a running server
//! or through the program's own door, each with its answer.

use std::time::Duration;

use clap::Args;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Context;
use super::output::{Exit, Failure, line, to_stderr};
use crate::app::App;
use crate::app::error::{AppError, Message};
use crate::app::trigger::{Answered, Attempt, COUNT_MAX, Trigger};
use crate::domain::account::AccountNumber;
use crate::domain::ids::SourceName;
use crate::domain::money::Dong;

/// How long a server may take over one delivery.
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest answer that is read, in bytes.
const ANSWER_MAX: usize = 64 << 10;

/// Signs payments as a source's sender does and sends them, to see whether they arrive. They are booked
/// only in a book of test data: on a server in test mode, or on an account of a demonstration market.
/// Anywhere else each is checked by our own authentication and books nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: socho trigger sepay1 --account 0071000888888 --amount 35000 --url http://127.0.0.1:8080\nRefusals: socho trigger sepay1 --account 0071000888888 --amount 35000 --bad-signature"
)]
pub(super) struct Deliver {
    /// The source
    source: SourceName,
    /// The account that money arrives on
    #[arg(long)]
    account: AccountNumber,
    /// How much, in whole đồng
    #[arg(long)]
    amount: i64,
    /// What the payer wrote
    #[arg(long, default_value = "SOCHO TEST")]
    memo: String,
    /// A running server in test mode; without it the program's own door is used
    #[arg(long)]
    url: Option<String>,
    /// How many payments
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(COUNT_MAX)))]
    count: u16,
    /// Send each twice
    #[arg(long)]
    duplicate: bool,
    /// Sign with another secret
    #[arg(long)]
    bad_signature: bool,
    /// Sign with a time so far behind: 7m, 1h; ahead of it with a minus
    #[arg(long, default_value = "0s", allow_hyphen_values = true)]
    skew: SignedDuration,
}

/// Runs the checks that a provider has to pass, each with the answer it has to get. Needs a server in
/// test mode, or an account of a demonstration market.
#[derive(Debug, Args)]
#[command(after_help = "Example: socho source conform sepay1 --account 0071000888888 --url http://127.0.0.1:8080")]
pub(super) struct Conform {
    /// The source
    name: SourceName,
    /// A registered account that the source may report
    #[arg(long)]
    account: AccountNumber,
    /// A running server in test mode; without it the program's own door is used
    #[arg(long)]
    url: Option<String>,
}

/// Where deliveries go.
enum Way {
    /// To a server.
    Server(Server),
    /// Through the program's own door, into the book.
    Book,
    /// Nowhere: each is checked alone.
    CheckAlone,
}

pub(super) async fn run(context: &Context, command: Deliver) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let trigger = Trigger {
        source: command.source,
        account: command.account,
        amount: Dong::new(command.amount),
        memo: command.memo,
        count: command.count,
        duplicate: command.duplicate,
        bad_signature: command.bad_signature,
        skew: command.skew,
    };
    let (way, now) = way(&app, &trigger.source, &trigger.account, command.url.as_deref()).await?;
    if matches!(way, Way::CheckAlone) {
        let told = Message::new(
            "Không gửi và không ghi sổ: đây là sổ thật, tiền bịa không được vào. Chỉ kiểm tra chữ ký và nội dung. Để ghi thử: socho serve --test-mode, hoặc dùng chợ demo.",
            "Nothing is sent and nothing booked: this is a real book, and made-up money has no place in it. Signature and body are checked alone. To book: socho serve --test-mode, or a demonstration market.",
        );
        to_stderr(&format!("{}\n", context.lang.choose(&told)));
    }
    let attempts = app.prepare_trigger(&trigger, now).await?;
    let good = send_all(context, &app, &way, &attempts).await?;
    app.close().await;
    Ok(if good { Exit::Ok } else { Exit::Refused })
}

pub(super) async fn conform(context: &Context, app: &App, command: Conform) -> Result<Exit, Failure> {
    let (way, now) = way(app, &command.name, &command.account, command.url.as_deref()).await?;
    if matches!(way, Way::CheckAlone) {
        return Err(Failure::new(
            Exit::Refused,
            "Bài kiểm tra này ghi tiền bịa vào sổ, nên chỉ chạy với máy chủ ở chế độ thử (socho serve --test-mode, --url) hoặc tài khoản của chợ demo.",
            "These checks book made-up money, so that they run only against a server in test mode (socho serve --test-mode, --url) or on an account of a demonstration market.",
        ));
    }
    let mut checks = app.conformance(&command.name, &command.account, now).await?;
    // The limit of a body is the server's.
    checks.retain(|check| check.expected != Answered::TooLarge || matches!(way, Way::Server(_)));
    let good = send_all(context, app, &way, &checks).await?;
    Ok(if good { Exit::Ok } else { Exit::Refused })
}

/// Finds out where deliveries may go, and the time by which they are signed.
async fn way(
    app: &App,
    source: &SourceName,
    account: &AccountNumber,
    url: Option<&str>,
) -> Result<(Way, Timestamp), Failure> {
    let test_data = app.is_test_data(source, account).await?;
    let Some(url) = url else {
        return Ok((if test_data { Way::Book } else { Way::CheckAlone }, app.now()));
    };
    let server = Server::at(url);
    let version = server.version().await?;
    let clock = version.get("now").and_then(Value::as_str).and_then(|now| now.parse().ok());
    let now = clock.unwrap_or_else(|| app.now());
    let test_mode = version.get("test_mode").and_then(Value::as_bool).unwrap_or(false);
    Ok((if test_mode || test_data { Way::Server(server) } else { Way::CheckAlone }, now))
}

/// Sends deliveries one after another and prints each; tells whether each was answered as it has to be.
async fn send_all(context: &Context, app: &App, way: &Way, attempts: &[Attempt]) -> Result<bool, Failure> {
    let mut all_good = true;
    for (number, attempt) in (1_u32..).zip(attempts) {
        let (answered, told) = match way {
            Way::Server(server) => server.deliver(attempt).await?,
            Way::Book => {
                let reply = app.receive_settlement(attempt.request.clone()).await?;
                let items = reply.items.iter();
                let items = items.map(|i| format!("{} {}", i.outcome, i.posting.as_deref().unwrap_or_default()));
                let items = items.collect::<Vec<_>>().join(", ");
                let refused = context.lang.choose(&reply.message).to_owned();
                (Answered::from(reply.status), if items.is_empty() { refused } else { items.trim().to_owned() })
            }
            Way::CheckAlone => {
                let reply = app.check_attempt(attempt)?;
                (Answered::from(reply.status), context.lang.choose(&reply.message).to_owned())
            }
        };
        let good = answered == attempt.expected;
        all_good &= good;
        show(context, number, attempt, answered, &told, !matches!(way, Way::CheckAlone));
    }
    Ok(all_good)
}

fn show(context: &Context, number: u32, attempt: &Attempt, answered: Answered, told: &str, sent: bool) {
    let good = answered == attempt.expected;
    if context.json {
        let shown = json!({
            "number": number, "check": attempt.name, "sent": sent, "answered": answered.as_str(),
            "expected": attempt.expected.as_str(), "ok": good, "answer": told,
            "body": String::from_utf8_lossy(&attempt.request.body).chars().take(2_000).collect::<String>(),
        });
        line(shown.to_string());
    } else {
        let mark = if good { '✓' } else { '✗' };
        line(format!("{mark} {number}. {}: {} {told}", context.lang.choose(&attempt.says), answered.as_str()));
    }
}

/// A running server.
struct Server {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Server {
    fn at(url: &str) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        Self { url, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn version(&self) -> Result<Value, Failure> {
        let request = Request::get(format!("{}/version", self.url)).body(Full::default());
        let request = request.map_err(|_| self.no_address())?;
        let (_, body) = self.send(request).await?;
        serde_json::from_str(&body).map_err(|_| self.no_address())
    }

    async fn deliver(&self, attempt: &Attempt) -> Result<(Answered, String), Failure> {
        let sent = &attempt.request;
        let mut request = Request::post(format!("{}/v1/ingest/{}{}", self.url, sent.source, sent.sub_path));
        request = request.header("content-type", "application/json");
        for (name, value) in &sent.headers {
            request = request.header(name, value.as_slice());
        }
        let request = request.body(Full::new(Bytes::from(sent.body.clone()))).map_err(AppError::internal)?;
        let (status, body) = self.send(request).await?;
        let answered = match status {
            200 => Answered::Taken,
            401 => Answered::Unauthenticated,
            400 => Answered::Unreadable,
            413 => Answered::TooLarge,
            _ => Answered::Otherwise,
        };
        Ok((answered, format!("HTTP {status} {}", body.trim())))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(u16, String), Failure> {
        let answered = async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await.ok()?.to_bytes();
            Some((status, String::from_utf8_lossy(&body).into_owned()))
        };
        let answered = tokio::time::timeout(PATIENCE, answered).await.ok().flatten();
        let url = &self.url;
        answered.ok_or_else(|| {
            let vi = format!("Máy chủ {url} không trả lời.");
            Failure::new(Exit::Unreachable, vi, format!("The server at {url} does not answer."))
        })
    }

    fn no_address(&self) -> Failure {
        let url = &self.url;
        let vi = format!("{url} không phải địa chỉ của máy chủ Sổ Chợ, dạng http://127.0.0.1:8080.");
        Failure::new(Exit::Usage, vi, format!("{url} is no Sổ Chợ server's address like http://127.0.0.1:8080."))
    }
}
