//! The HTTP server: extract, call `app`, answer with a page or JSON. No rule and no SQL.

pub mod access;
mod account;
mod audit;
mod board;
mod city;
mod close_page;
mod conformance;
pub mod day_page;
mod deliveries;
mod disputes;
mod docs;
mod events;
mod feeds;
mod health;
pub mod idempotency;
mod ingest;
mod journal;
mod journal_file;
mod language;
mod login;
mod markets;
mod metrics;
mod openapi;
mod paced;
mod pages;
mod pairing;
mod people;
mod periods;
mod problem;
mod problems;
mod reports;
mod seal;
mod server;
mod sheets;
mod source_pages;
mod sources;
mod stall;
mod stall_phones;
mod statement_pages;
mod statements;
pub mod tls;
#[cfg(feature = "otlp")]
mod traces;
mod visitor;
mod watch;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, patch, post};

use crate::app::App;
use crate::app::clock::SetClock;
use crate::domain::calendar::rfc3339;

pub use openapi::text as openapi;
pub use server::{Limits, Listening, ServeError, Server};
pub use visitor::Door;

/// Largest webhook body, in bytes.
pub const INGEST_BODY_MAX: usize = 256 * 1024;
/// Largest body of the API, in bytes: a list of vendors.
pub const API_BODY_MAX: usize = 8 * 1024 * 1024;

/// Largest statement that is handed in, in bytes, with the form around it.
pub const STATEMENT_BODY_MAX: usize = crate::app::read_statement::FILE_BYTES_MAX + 64 * 1024;

/// What every handler shares.
pub struct Web {
    app: Arc<App>,
    /// The clock that `--test-mode` lets people move.
    test_clock: Option<Arc<SetClock>>,
    throttle: ingest::Throttle,
    door: Door,
    /// What forms carry that whoever sits at this machine sends unasked.
    form_token: String,
}

impl Web {
    /// Returns what the handlers share.
    #[must_use]
    pub fn new(app: Arc<App>, test_clock: Option<Arc<SetClock>>, door: Door) -> Arc<Self> {
        // Without randomness there is no token, and a form that needs it is refused.
        let form_token = app.form_secret().unwrap_or_default();
        Arc::new(Self { app, test_clock, throttle: ingest::Throttle::default(), door, form_token })
    }

    /// Returns what every page says in test mode: the second at which this program believes to be.
    fn test_now(&self) -> Option<String> {
        let now = self.app.now();
        let second = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
        self.test_clock.as_ref().map(|_| rfc3339(second))
    }
}

type Shared = Arc<Web>;

/// Everything, for `--bind`. What each route asks for stands in `access::ROUTES`, a row for each.
pub fn everything(web: Shared) -> Router {
    Router::new()
        .merge(api())
        .merge(pages())
        .merge(phone())
        .merge(documents())
        .merge(open_routes())
        .fallback(problem::no_such_page)
        .layer(from_fn_with_state(Arc::clone(&web), idempotency::once))
        .layer(from_fn_with_state(Arc::clone(&web), access::door))
        .layer(from_fn_with_state(Arc::clone(&web), problem::frame))
        .with_state(web)
}

/// What programs call.
fn api() -> Router<Shared> {
    Router::new()
        .route("/v1/markets", get(markets::list).post(markets::add))
        .route("/v1/markets/{code}", get(markets::one).patch(markets::change))
        .route("/v1/markets/{code}/stalls", get(markets::stalls).post(markets::register))
        .route("/v1/markets/{code}/stalls/import", post(markets::import))
        .route("/v1/markets/{code}/stalls/{stall}", patch(markets::change_stall))
        .route("/v1/markets/{code}/stalls/{stall}/{file}", get(markets::qr))
        .route("/v1/markets/{code}/qr-sheet.pdf", get(sheets::pdf))
        .route("/v1/markets/{code}/stalls/{stall}/devices", get(pairing::list))
        .route("/v1/markets/{code}/stalls/{stall}/devices/{device}", delete(pairing::revoke).patch(pairing::rename))
        .route("/v1/markets/{code}/stalls/{stall}/pairing-codes", post(pairing::issue))
        .route("/v1/markets/{code}/postings", get(journal::list))
        .route("/v1/markets/{code}/days/{date}", get(reports::json))
        .route("/v1/markets/{code}/days/{date}/close", get(seal::one).post(seal::close))
        .route("/v1/markets/{code}/days/{date}/{file}", get(reports::file))
        .route("/v1/markets/{code}/periods/{file}", get(periods::period))
        .route("/v1/markets/{code}/journal/{file}", get(journal_file::file))
        .route("/v1/markets/{code}/vendors/{file}", get(periods::vendors))
        .route("/v1/reports/compare", get(periods::compare))
        .route("/v1/reports/{file}", get(periods::compare_file))
        .route("/v1/markets/{code}/balances", get(seal::balances))
        .route("/v1/users", get(people::list).post(people::create))
        .route("/v1/users/{user}/{action}", post(people::change))
        .route("/v1/keys", get(people::keys).post(people::add_key))
        .route("/v1/keys/{key}", delete(people::end_key))
        .route("/v1/markets/{code}/days/{date}/checklist", get(statements::checklist))
        .route("/v1/markets/{code}/statements", get(statements::list).post(statements::upload).layer(files()))
        .route("/v1/markets/{code}/statement-lines/{line}/accept", post(statements::accept))
        .route("/v1/markets/{code}/statement-lines/{line}/repeat", post(statements::repeat))
        .route("/v1/markets/{code}/reconciliation", get(statements::of_date))
        .route("/v1/markets/{code}/reconciliation/{date}/book", post(statements::book_date))
        .route("/v1/markets/{code}/reconciliation/{date}/sign", post(statements::sign))
        .route("/v1/statements/{id}", get(statements::one))
        .route("/v1/statements/{id}/reconciliation", get(statements::of_statement))
        .route("/v1/statements/{id}/book", post(statements::book_statement))
        .route("/v1/postings/{id}", get(journal::one))
        .route("/v1/postings/{id}/proof", get(seal::proof))
        .route("/v1/postings/{id}/{action}", post(journal::correct))
        .route("/v1/postings/{id}/dispute/answer", post(disputes::answer))
        .route("/v1/markets/{code}/disputes", get(disputes::list))
        .route("/v1/inbox", get(journal::inbox))
        .route("/v1/inbox/{id}/resolve", post(journal::resolve))
        .route("/v1/stream", get(stall::listen))
        .route("/v1/audit", get(audit::list))
        .route("/v1/events", get(events::list))
        .route("/v1/feeds/days", get(feeds::days))
        .route("/v1/feeds/dictionary", get(feeds::words))
        .route("/v1/feeds/catalog", get(feeds::catalogue))
        .route("/v1/markets/{code}/webhooks", get(webhooks::list).post(webhooks::add))
        .route("/v1/markets/{code}/webhooks/{webhook}", get(webhooks::one).delete(webhooks::remove))
        .route("/v1/markets/{code}/webhooks/{webhook}/rotate", post(webhooks::rotate))
        .route("/v1/markets/{code}/webhooks/{webhook}/replay", post(webhooks::replay))
        .route("/v1/markets/{code}/webhooks/{webhook}/test", post(webhooks::test))
        .route("/v1/sources", get(sources::list).post(sources::add))
        .route("/v1/sources/{name}/rotate", post(sources::rotate))
        .route("/v1/sources/{name}/addresses", post(sources::addresses))
        .route("/v1/sources/{name}/deliveries", get(deliveries::list))
        .route("/v1/sources/{name}/deliveries/{delivery}", get(deliveries::one))
        .route("/v1/sources/{name}/deliveries/{delivery}/replay", post(deliveries::replay))
        .layer(DefaultBodyLimit::max(API_BODY_MAX))
}

/// What people open: the board, the city, and everybody's login.
fn pages() -> Router<Shared> {
    Router::new()
        .route("/", get(pages::home))
        .route("/markets/{code}", get(board::overview::page))
        .route("/markets/{code}/stalls", get(board::stalls::list))
        .route("/markets/{code}/stalls/new", get(board::stalls::new).post(board::stalls::add))
        .route("/markets/{code}/stalls/import", get(board::stalls::import).post(board::stalls::upload))
        .route("/markets/{code}/stalls/{stall}", get(board::stall::page).post(board::stall::change))
        .route("/markets/{code}/todo", get(board::todo::page).post(board::todo::decide))
        .route("/markets/{code}/close", get(board::close::page).post(board::close::close))
        .route("/markets/{code}/reports", get(board::reports::page))
        .route("/markets/{code}/days/{date}", get(reports::page))
        .route("/markets/{code}/days/{date}/close", get(close_page::page))
        .route("/markets/{code}/days/{date}/close/{file}", get(close_page::file))
        .route("/markets/{code}/statements", get(statement_pages::list).post(statement_pages::upload).layer(files()))
        .route("/markets/{code}/statements/{id}", get(statement_pages::of_statement))
        .route("/markets/{code}/statements/{id}/book", post(statement_pages::book_statement))
        .route("/markets/{code}/statement-lines/{line}", post(statement_pages::decide_line))
        .route("/markets/{code}/reconciliation/{date}", get(statement_pages::of_date))
        .route("/markets/{code}/reconciliation/{date}/book", post(statement_pages::book_date))
        .route("/markets/{code}/reconciliation/{date}/sign", post(statement_pages::sign))
        .route("/markets/{code}/stalls/{stall}/phones", get(stall_phones::page).post(stall_phones::card))
        .route("/markets/{code}/stalls/{stall}/phones/remove", post(stall_phones::remove))
        .route("/sources", get(source_pages::list))
        .route("/sources/{name}", get(source_pages::one))
        .route("/sources/{name}/conformance", get(conformance::page))
        .route("/sources/{name}/deliveries/{delivery}", get(source_pages::delivery))
        .route("/sources/{name}/deliveries/{delivery}/replay", post(source_pages::replay))
        .route("/audit", get(audit::page))
        .route("/users", get(people::page).post(people::add))
        .route("/users/{user}/{action}", post(people::act))
        .route("/markets/{code}/disputes", get(disputes::page).post(disputes::answer_form))
        .route("/markets/{code}/print", get(board::print::page).post(board::print::begin))
        .route("/markets/{code}/print/{job}", get(board::print::job))
        .route("/markets/{code}/print/{job}/cards.pdf", get(board::print::file))
        .route("/markets/{code}/office-phone", post(board::overview::office_phone))
        .route("/city", get(city::markets))
        .route("/city/compare", get(city::compare))
        .route("/city/funnel", get(city::funnel))
        .route("/city/hours", get(city::hours))
        .route("/city/closes", get(city::closes))
        .route("/login", get(login::page).post(login::log_in))
        .route("/login/code", get(account::code_page).post(account::finish))
        .route("/logout", post(login::log_out))
        .route("/language", post(language::choose))
        .route("/account", get(account::page))
        .route("/account/sessions/end", post(account::end_session))
        .route("/account/second-factor", post(account::begin_second_factor))
        .route("/account/second-factor/confirm", post(account::confirm_second_factor))
        .route("/account/second-factor/drop", post(account::drop_second_factor))
        .route("/pair", get(pairing::ask).post(pairing::typed))
        .route("/pair/{pairing}", get(pairing::offer).post(pairing::confirm))
        .route("/account/password", get(login::password_page).post(login::change_password))
        .route("/static/socho.css", get(pages::stylesheet))
        .route("/static/report.css", get(reports::stylesheet))
        .route("/version", get(health::version))
        .route("/metrics", get(metrics::here_alone))
        .route("/.well-known/socho-keys.json", get(seal::keys))
        .route("/test/clock", post(health::set_clock))
        .layer(DefaultBodyLimit::max(API_BODY_MAX))
}

/// The vendor's phone.
fn phone() -> Router<Shared> {
    Router::new()
        .route("/stall", get(stall::home))
        .route("/stall/book", get(stall::book))
        .route("/stall/{file}", get(stall::revenue_book))
        .route("/stall/cash", post(stall::cash))
        .route("/stall/cash/withdraw", post(stall::withdraw_cash))
        .route("/stall/dispute", get(stall::dispute_form).post(stall::dispute))
        .route("/stall/settings", get(stall::settings).post(stall::keep_settings))
        .route("/stall/phones", post(stall::add_phone))
        .route("/stall/phones/remove", post(stall::remove_phone))
        .route("/stall/opened", get(stall::opened))
        .route("/stall/privacy", get(stall::privacy))
        .route("/stall/manifest.json", get(stall::manifest))
        .route("/stall/worker.js", get(stall::worker))
        .route("/static/phone/{hash}/{file}", get(stall::file))
}

/// A statement's file is larger than any other body; a form around it adds little.
fn files() -> DefaultBodyLimit {
    DefaultBodyLimit::max(STATEMENT_BODY_MAX)
}

/// What the API says of itself.
fn documents() -> Router<Shared> {
    Router::new()
        .route("/openapi.json", get(openapi::json))
        .route("/docs", get(docs::page))
        .route("/docs/{file}", get(docs::file))
        .route("/problems", get(problems::all))
        .route("/problems/{code}", get(problems::one))
}

/// Webhooks and health alone, for `--ingest-bind`: any address.
pub fn ingest_only(web: Shared) -> Router {
    open_routes()
        .fallback(problem::no_such_page)
        .layer(from_fn_with_state(Arc::clone(&web), problem::frame))
        .with_state(web)
}

/// Figures and health alone, for `--metrics-bind`: an address of the operator's own network.
pub fn figures_only(web: Shared) -> Router {
    Router::new()
        .route("/metrics", get(metrics::figures))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .fallback(problem::no_such_page)
        .layer(from_fn_with_state(Arc::clone(&web), problem::frame))
        .with_state(web)
}

/// Webhooks answered but not booked, behind the same frame: what `socho bench` calls the ceiling.
/// Nothing else serves it.
pub fn ceiling(web: Shared) -> Router {
    Router::new()
        .route("/v1/ingest/{source}", post(ingest::answer_only))
        .route("/v1/ingest/{source}/{*rest}", post(ingest::answer_only))
        .layer(DefaultBodyLimit::max(INGEST_BODY_MAX))
        .fallback(problem::no_such_page)
        .layer(from_fn_with_state(Arc::clone(&web), problem::frame))
        .with_state(web)
}

fn open_routes() -> Router<Shared> {
    Router::new()
        .route("/v1/ingest/{source}", post(ingest::receive))
        .route("/v1/ingest/{source}/", post(ingest::receive))
        .route("/v1/ingest/{source}/{*rest}", post(ingest::receive))
        .layer(DefaultBodyLimit::max(INGEST_BODY_MAX))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
}
