//! `socho serve`.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::Context;
use super::output::{Exit, Failure, Lang, line};
use crate::app::App;
use crate::app::clock::{SetClock, SystemClock};
use crate::app::migrate::refuse_older;
use crate::app::webhooks::{Pace, SystemNames};
use crate::domain::calendar::Clock;
use crate::web::tls::Tls;
use crate::web::{self, Door, ServeError, Server, Web};

#[derive(Debug, Args)]
#[command(after_help = "Example: socho serve --db sqlite:socho.db --bind 127.0.0.1:8080 --ingest-bind 0.0.0.0:8081")]
pub(super) struct Serve {
    /// Where pages, API and webhooks are served: any address; people log in
    #[arg(long, env = "SOCHO_BIND")]
    bind: Option<String>,
    /// The address under which people reach the pages, behind a proxy with TLS
    #[arg(long, env = "SOCHO_PUBLIC_URL")]
    public_url: Option<String>,
    /// Where webhooks and health alone are served: any address
    #[arg(long, env = "SOCHO_INGEST_BIND")]
    ingest_bind: Option<String>,
    /// Where figures (Prometheus) and health alone are served: an address of your own network
    #[arg(long, env = "SOCHO_METRICS_BIND")]
    metrics_bind: Option<String>,
    /// A certificate (PEM, with those above it) to serve TLS with; read again when it changes or at SIGHUP
    #[arg(long, env = "SOCHO_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, env = "SOCHO_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Refuse a book whose schema is older instead of bringing it up to date
    #[arg(long)]
    no_migrate: bool,
    /// How lines of the log look: text or json (`SOCHO_LOG` sets the level)
    #[arg(long, env = "SOCHO_LOG_FORMAT")]
    log_format: Option<String>,
    /// Allow a clock that stands still and can be moved; every page says so
    #[arg(long)]
    test_mode: bool,
    /// The instant at which the clock stands, RFC 3339
    #[arg(long, requires = "test_mode")]
    clock: Option<Timestamp>,
}

/// Where `serve` listens when nothing says otherwise.
pub(super) const BIND_DEFAULT: &str = "127.0.0.1:8080";

pub(super) async fn run(context: &Context, command: Serve) -> Result<Exit, Failure> {
    let logs = super::logs::start(context, command.log_format.as_deref())?;
    let ended = run_logged(context, command).await;
    logs.finish().await;
    ended
}

async fn run_logged(context: &Context, command: Serve) -> Result<Exit, Failure> {
    let bind = command.bind.or_else(|| context.config.bind.clone()).unwrap_or_else(|| BIND_DEFAULT.to_owned());
    let bind = address(&bind)?;
    let ingest = command.ingest_bind.or_else(|| context.config.ingest_bind.clone());
    let ingest = ingest.as_deref().map(address).transpose()?;
    let figures = command.metrics_bind.or_else(|| context.config.metrics_bind.clone());
    let figures = figures.as_deref().map(address).transpose()?;
    let test_clock = command.test_mode.then(|| Arc::new(command.clock.map_or_else(SetClock::running, SetClock::at)));
    let clock: Arc<dyn Clock> = match &test_clock {
        Some(clock) => Arc::clone(clock) as _,
        None => Arc::new(SystemClock),
    };
    let public_url = command.public_url.or_else(|| context.config.public_url.clone());
    let public_url = public_url.map(|url| public(&url)).transpose()?;
    let tls = tls_of(context, command.tls_cert, command.tls_key, public_url.as_deref())?;
    if command.no_migrate {
        refuse_older(&context.options(super::book::DEFAULT)).await?;
    }
    let app = context.open_with(clock, super::book::DEFAULT).await?;
    let app = Arc::new(if command.test_mode {
        // A receiver on this machine is what one tries webhooks with.
        app.with_webhooks(context.reach()?.with_this_machine(), Arc::new(SystemNames), Pace::default())
    } else {
        app
    });
    app.check_secrets().await?;
    if !app.journal_guarded_by_roles() {
        super::logs::notice(
            "this login may not use the role socho_serve: only triggers guard the journal; give --migrate-db",
        );
    }
    let door = Door { loopback: bind.ip().is_loopback(), public_url };
    tell_of_door(context, &app, bind, &door, test_clock.is_some()).await?;
    let listen = Listen { bind, ingest, figures, door, tls };
    serve(app, test_clock, listen, |_| ()).await
}

/// Says at start who is let in how, where that is more than "whoever logs in".
async fn tell_of_door(
    context: &Context,
    app: &App,
    bind: SocketAddr,
    door: &Door,
    test_mode: bool,
) -> Result<(), Failure> {
    let nobody_yet = app.is_unattended().await?;
    let tell = |vi: &str, en: &str| super::logs::notice(if context.lang == Lang::Vi { vi } else { en });
    if door.loopback && test_mode {
        tell(
            "chế độ thử: yêu cầu không đăng nhập từ chính máy này được coi là của người vận hành",
            "test mode: requests without credentials from this machine are the operator's",
        );
    } else if door.loopback && nobody_yet {
        tell(
            "chưa có người dùng: ai ngồi ở máy này cũng là người vận hành, máy khác bị từ chối. Tạo người đầu tiên: socho user add --role admin --name … --full-name …",
            "no user yet: whoever sits at this machine is the operator, others are refused. Make the first one: socho user add --role admin --name … --full-name …",
        );
    } else if nobody_yet {
        tell(
            "chưa có người dùng: không ai mở được trang nào. Tạo người đầu tiên: socho user add --role admin --name … --full-name …",
            "no user yet: nobody can open a page. Make the first one: socho user add --role admin --name … --full-name …",
        );
    }
    if !door.loopback && door.public_url.as_deref().is_none_or(|url| !url.starts_with("https://")) {
        tell(
            &format!(
                "{bind} không có TLS: trình duyệt chỉ giữ đăng nhập qua https://. Hãy đặt proxy TLS phía trước và chạy với --public-url https://…"
            ),
            &format!(
                "{bind} has no TLS: browsers keep a login over https:// alone. Put a proxy with TLS in front and give --public-url https://…"
            ),
        );
    }
    Ok(())
}

/// Reads the certificate that is served with. Pages are then reached by https alone, and browsers keep a
/// login only for an address that says so.
fn tls_of(
    context: &Context,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    public_url: Option<&str>,
) -> Result<Option<Arc<Tls>>, Failure> {
    let filed = |value: &Option<String>| value.as_ref().map(PathBuf::from);
    let certificate = certificate.or_else(|| filed(&context.config.tls_cert));
    let key = key.or_else(|| filed(&context.config.tls_key));
    let refuse = |vi: &str, en: &str| Err(Failure::new(Exit::Configuration, vi, en));
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) if public_url.is_none_or(|url| !url.starts_with("https://")) => refuse(
            "Có --tls-cert thì cần --public-url https://…: địa chỉ mà mọi người mở trang.",
            "With --tls-cert, --public-url https://… is needed: the address under which people open the pages.",
        ),
        (Some(certificate), Some(key)) => Tls::load(&certificate, &key).map(Some).map_err(|error| {
            let vi = format!("Không dùng được chứng thư TLS {error}.");
            Failure::new(Exit::Configuration, vi, format!("The TLS certificate cannot be used: {error}."))
        }),
        _ => refuse("Cần cả --tls-cert và --tls-key.", "Both --tls-cert and --tls-key are needed."),
    }
}

/// Reads the address under which people reach the pages.
pub(super) fn public(url: &str) -> Result<String, Failure> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.trim_end_matches('/')).filter(|host| {
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    });
    let scheme = if url.starts_with("https://") { "https" } else { "http" };
    host.map(|host| format!("{scheme}://{host}")).ok_or_else(|| {
        let vi = format!("--public-url {url} không đúng; ví dụ https://cho.example.vn, không có đường dẫn.");
        let en = format!("--public-url {url} is not valid; for example https://cho.example.vn, without a path.");
        Failure::new(Exit::Configuration, vi, en)
    })
}

/// Where a server listens, and who is let in there.
pub(super) struct Listen {
    /// Everything.
    pub(super) bind: SocketAddr,
    /// Webhooks and health alone.
    pub(super) ingest: Option<SocketAddr>,
    /// Figures and health alone.
    pub(super) figures: Option<SocketAddr>,
    /// Who is let in to everything.
    pub(super) door: Door,
    /// The certificate, on all of them.
    pub(super) tls: Option<Arc<Tls>>,
}

/// Serves until the process is told to stop or the book fails.
pub(super) async fn serve(
    app: Arc<App>,
    test_clock: Option<Arc<SetClock>>,
    listen: Listen,
    started: impl FnOnce(SocketAddr),
) -> Result<Exit, Failure> {
    let Listen { bind, ingest, figures, door, tls } = listen;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let web = Web::new(Arc::clone(&app), test_clock, door);
    let (stop, stopped) = watch::channel(false);
    // Heard from now on: whoever reads the address may stop us at once.
    let told_to_stop = told_to_stop();
    let hang_up = hang_up(tls.is_some());
    let (server, listening) = Server::bind(bind, web::everything(Arc::clone(&web))).await.map_err(|e| busy(&e))?;
    line(format!("listening {scheme}://{}", listening.0));
    let mut servers = vec![tokio::spawn(server.with_tls(tls.clone()).run(stopped.clone()))];
    let more = [(ingest, web::ingest_only(Arc::clone(&web)), "ingest"), (figures, web::figures_only(web), "metrics")];
    for (address, router, name) in more {
        let Some(address) = address else { continue };
        let (server, listening) = Server::bind(address, router).await.map_err(|e| busy(&e))?;
        line(format!("listening {name} {scheme}://{}", listening.0));
        servers.push(tokio::spawn(server.with_tls(tls.clone()).run(stopped.clone())));
    }
    let watching = tokio::spawn(Arc::clone(&app).watch_sources(stopped));
    let fresh = match tls {
        Some(tls) => tokio::spawn(tls.keep_fresh(hang_up)),
        None => tokio::spawn(nothing_to_read_again(hang_up)),
    };
    let deliveries = tokio::spawn(Arc::clone(&app).deliver_webhooks());
    started(listening.0);
    let mut failure = app.failure();
    let failed = tokio::select! {
        () = told_to_stop => false,
        _ = failure.wait_for(|failed| *failed) => true,
    };
    stop.send_replace(true);
    // Phones would listen on for ever; they come back to whoever serves next.
    app.stop_listening();
    for server in servers {
        // A server that panicked has nothing in flight any more.
        let _ = server.await;
    }
    let _ = watching.await;
    fresh.abort();
    // Each writes down how far it came.
    let _ = deliveries.await;
    app.close().await;
    if failed {
        let vi = "Tệp cơ sở dữ liệu hỏng và không mở lại được. Hãy kiểm tra đĩa rồi chạy socho verify.";
        return Err(Failure::new(
            Exit::Refused,
            vi,
            "The database file failed and could not be opened again. Check the disk, then run socho verify.",
        ));
    }
    Ok(Exit::Ok)
}

/// Catches SIGHUP at once: uncaught it ends the process, and a reload that came too early or to a server
/// without a certificate must not. In a terminal that closes, a server without one ends as any program.
fn hang_up(has_certificate: bool) -> Option<Signal> {
    let caught = has_certificate || !std::io::stdin().is_terminal();
    caught.then(|| signal(SignalKind::hangup()).ok()).flatten()
}

async fn nothing_to_read_again(hang_up: Option<Signal>) {
    let Some(mut hang_up) = hang_up else { return };
    while hang_up.recv().await.is_some() {
        tracing::info!("cli.serve.nothing_to_read_again");
    }
}

/// Catches the signals at once and returns what waits for one of them.
fn told_to_stop() -> impl Future<Output = ()> {
    async fn heard(signal: Option<Signal>) {
        match signal {
            Some(mut signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
    let (terminate, interrupt) = (signal(SignalKind::terminate()).ok(), signal(SignalKind::interrupt()).ok());
    async move {
        tokio::select! {
            () = heard(terminate) => {}
            () = heard(interrupt) => {}
        }
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, Failure> {
    let text = text.replacen("localhost:", "127.0.0.1:", 1);
    text.parse().map_err(|_| {
        let vi = format!("Địa chỉ {text} không đúng; ví dụ 127.0.0.1:8080.");
        Failure::new(Exit::Configuration, vi, format!("Address {text} is not valid; for example 127.0.0.1:8080."))
    })
}

fn busy(error: &ServeError) -> Failure {
    let ServeError::Listen { address, source } = error;
    let vi = format!(
        "Không mở được cổng {address}: {source}. Đổi --bind hoặc --ingest-bind, hoặc tắt chương trình đang dùng cổng đó."
    );
    let en =
        format!("Cannot listen on {address}: {source}. Choose another --bind or --ingest-bind, or stop what uses it.");
    Failure::new(Exit::Configuration, vi, en)
}
