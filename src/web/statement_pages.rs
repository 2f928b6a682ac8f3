//! Statements and reconciliations as pages: upload, the three buckets thiếu / thừa / lệch tiền with
//! what is behind each, booking from the statement, signing. No script.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect};
use jiff::Timestamp;
use serde::Deserialize;

use super::Shared;
use super::board::{Board, open};
use super::markets::field;
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, told};
use super::statements::{UploadQuery, hand_in};
use crate::app::access::{Actor, Right};
use crate::app::error::AppError;
use crate::app::reconcile::{Reconciliation, Scope};
use crate::app::reconcile_view::{class_words, verdict, why_words};
use crate::app::statement_view::{LineDecision, StatementShown};
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::ids::{MarketCode, PostingName};
use crate::domain::language::Language;
use crate::domain::masking;
use crate::domain::money::Dong;
use crate::domain::reconciliation::{AccountDay, BankLine, Class, Coverage, Entry, SignState, StatementId, Why};
use crate::domain::settlement::Direction;

/// Findings that a page lists of each class.
const SHOWN_MAX: usize = 300;

/// A statement's line on the list.
struct Filed {
    id: String,
    name: String,
    format: String,
    uploaded: String,
    by: String,
    span: String,
    added: i64,
    known: i64,
    doubtful: i64,
}

#[derive(Template)]
#[template(path = "statements.html")]
struct Statements {
    frame: Frame,
    /// Whether who looks may change anything.
    writes: bool,
    board: Board,
    filed: Vec<Filed>,
    /// Where the list goes on.
    next: Option<String>,
    silent: Vec<(String, i64)>,
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    after: Option<String>,
}

pub(super) async fn list(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<ListQuery>,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "statements").await?;
        let (statements, next) = web.app.statements(&code, query.after.as_deref(), None).await?;
        let silent = web.app.silent_now(Some(&code)).await?;
        let language = frame.language();
        html(&Statements {
            frame,
            writes: actor.has(Right::WriteStatements),
            board,
            filed: statements.iter().map(|statement| filed(statement, language)).collect(),
            next,
            silent: silent.into_iter().map(|one| (one.source.to_string(), one.minutes)).collect(),
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

fn filed(statement: &StatementShown, language: Language) -> Filed {
    let (at, by) = statement.uploaded();
    let (added, known, doubtful) = statement.counts();
    Filed {
        id: statement.id().to_string(),
        name: statement.file_name().to_owned(),
        format: statement.format().to_owned(),
        uploaded: moment(at, language),
        by: by.to_owned(),
        span: statement.span().map(span).unwrap_or_default(),
        added,
        known,
        doubtful,
    }
}

fn moment(at: Timestamp, language: Language) -> String {
    format!("{}{}{}", vietnam_time(at), language.of(" ngày ", ", "), BusinessDate::of_calendar(at).vietnamese())
}

fn span((from, to): (BusinessDate, BusinessDate)) -> String {
    if from == to { from.vietnamese() } else { format!("{} – {}", from.vietnamese(), to.vietnamese()) }
}

pub(super) async fn upload(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(code): Path<String>,
    request: Request,
) -> Answer {
    let kept = async {
        let code: MarketCode = field("code", &code)?;
        let kept =
            web.app.keep_statement(hand_in(code.clone(), UploadQuery::default(), request, &actor).await?).await?;
        let known = if kept.already { "?known=true" } else { "" };
        Ok(format!("/markets/{code}/statements/{}{known}", kept.id))
    };
    Ok(Redirect::to(&kept.await.map_err(told(&headers, "/markets"))?).into_response())
}

/// A line that may repeat a known one.
struct DoubtfulLine {
    line: i64,
    amount: String,
    when: String,
    account: String,
    memo: String,
}

/// One account's date.
struct Day {
    account: String,
    date: String,
    coverage: &'static str,
    bank: String,
    book: String,
    difference: String,
    /// Of the difference, what the two have on different dates.
    other_date: Option<String>,
    differs: bool,
}

/// One finding.
struct Finding {
    when: String,
    bank: String,
    book: String,
    account: String,
    reference: String,
    memo: String,
    postings: Vec<String>,
    why: &'static str,
    held: bool,
    lines: String,
}

/// One class of findings.
struct Bucket {
    key: &'static str,
    title: &'static str,
    count: i64,
    amount: String,
    findings: Vec<Finding>,
    more: i64,
    /// Shown unfolded: a person has to look.
    open: bool,
}

#[derive(Template)]
#[template(path = "reconciliation.html")]
#[expect(clippy::struct_excessive_bools, reason = "a page's parts are there or not, each by itself")]
struct Page {
    frame: Frame,
    /// Whether who looks may change anything.
    writes: bool,
    board: Board,
    title: String,
    known: bool,
    booked: Option<String>,
    notes: Vec<String>,
    verdict: String,
    agrees: bool,
    covered: usize,
    uncovered: usize,
    uncovered_money: String,
    doubtful: i64,
    doubtful_lines: Vec<DoubtfulLine>,
    bank: String,
    book: String,
    difference: String,
    tiles: Vec<[String; 4]>,
    days: Vec<Day>,
    buckets: Vec<Bucket>,
    bookable: i64,
    bookable_amount: String,
    book_action: String,
    /// Only a date is signed for.
    sign_action: Option<String>,
    digest: String,
    signed: Option<String>,
    changed: bool,
    date_links: Vec<[String; 2]>,
}

#[derive(Deserialize)]
pub(super) struct PageQuery {
    #[serde(default)]
    known: bool,
    booked: Option<String>,
}

pub(super) async fn of_statement(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path((code, id)): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "statements").await?;
        let id: StatementId = field("statement", &id)?;
        // In this market alone: another's statement is not found here.
        let found = web.app.reconcile(&code, Scope::Statement(id, None)).await?;
        let shown = web.app.statement(id).await?;
        let mut page = page(frame, board, &actor, &found, &query);
        page.doubtful_lines = doubtful(&web, &found).await?;
        let language = page.frame.language();
        let head = page.frame.say("Sao kê", "Statement");
        page.title = format!("{head} {} {}", shown.format(), shown.span().map(span).unwrap_or_default());
        page.notes = shown.notes(language);
        page.book_action = format!("/markets/{code}/statements/{id}/book");
        html(&page)
    };
    page.await.map_err(told(&headers, "/markets"))
}

pub(super) async fn of_date(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "statements").await?;
        let date: BusinessDate = field("date", &date)?;
        let found = web.app.reconcile(&code, Scope::Date(date)).await?;
        let mut page = page(frame, board, &actor, &found, &query);
        page.doubtful_lines = doubtful(&web, &found).await?;
        let language = page.frame.language();
        page.title = format!("{} {}", language.of("Đối soát ngày", "Reconciliation of"), date.vietnamese());
        page.book_action = format!("/markets/{code}/reconciliation/{date}/book");
        page.sign_action = Some(format!("/markets/{code}/reconciliation/{date}/sign"));
        let day = found.of_day(date);
        page.changed = day.state == SignState::Changed;
        page.signed = day.signature.map(|signature| {
            let note = if signature.note.is_empty() { String::new() } else { format!(" – {}", signature.note) };
            let (at, difference) = (moment(signature.signed_at, language), signature.difference.with_unit());
            let (signed, differs) = (language.of("ký lúc", "signed at"), language.of("lệch", "difference"));
            format!("{} {signed} {at}, {differs} {difference}{note}", signature.signed_by)
        });
        html(&page)
    };
    page.await.map_err(told(&headers, "/markets"))
}

async fn doubtful(web: &Shared, found: &Reconciliation) -> Result<Vec<DoubtfulLine>, AppError> {
    if found.whole().doubtful == 0 {
        return Ok(Vec::new());
    }
    let lines = web.app.doubtful_lines(&found.market.code, &found.scope).await?;
    let shown = |line: &BankLine| {
        let time = line.booked_at.map(|at| format!("{} ", vietnam_time(at))).unwrap_or_default();
        let sign = if line.direction == Direction::Debit { "−" } else { "" };
        DoubtfulLine {
            line: line.number,
            amount: format!("{sign}{}", line.amount.with_unit()),
            when: format!("{time}{}", line.booked_on.vietnamese()),
            account: tail(line.settled.as_str()),
            memo: masking::memo(&line.memo),
        }
    };
    Ok(lines.iter().map(shown).collect())
}

fn page(frame: Frame, board: Board, actor: &Actor, found: &Reconciliation, query: &PageQuery) -> Page {
    let day = found.whole();
    let language = frame.language();
    let code = found.market.code.to_string();
    let mut dates: Vec<BusinessDate> = found.days.iter().map(|day| day.date).collect();
    dates.sort_unstable();
    dates.dedup();
    let link = |date: &BusinessDate| [date.vietnamese(), format!("/markets/{code}/reconciliation/{date}")];
    let (said_vi, said_en) = verdict(&day);
    let buckets = Class::ALL.iter().map(|class| bucket(found, *class, language)).filter(|bucket| bucket.count > 0);
    Page {
        writes: actor.has(Right::WriteStatements),
        board,
        title: String::new(),
        known: query.known,
        booked: query.booked.clone(),
        notes: Vec::new(),
        verdict: match language {
            Language::Vietnamese => said_vi,
            Language::English => said_en,
        },
        agrees: day.agrees(),
        covered: day.covered,
        uncovered: day.uncovered,
        uncovered_money: day.uncovered_money.amount.with_unit(),
        doubtful: day.doubtful,
        doubtful_lines: Vec::new(),
        bank: day.bank.amount.with_unit(),
        book: day.book.amount.with_unit(),
        difference: day.difference.with_unit(),
        tiles: tiles(found, language),
        days: found.days.iter().map(|day| account_day(day, language)).collect(),
        buckets: buckets.collect(),
        bookable: found.bookable.count,
        bookable_amount: found.bookable.amount.with_unit(),
        book_action: String::new(),
        sign_action: None,
        digest: found.digest.to_string(),
        signed: None,
        changed: false,
        date_links: dates.iter().map(link).collect(),
        frame,
    }
}

/// The classes that a person looks at first: name, count, sum, what it means.
fn tiles(found: &Reconciliation, language: Language) -> Vec<[String; 4]> {
    let tile = |class: Class, [name, hint]: [&str; 2], [name_en, hint_en]: [&str; 2]| {
        let (figure, name, hint) = (found.figure(class), language.of(name, name_en), language.of(hint, hint_en));
        [name.to_owned(), figure.count.to_string(), figure.amount.with_unit(), hint.to_owned()]
    };
    vec![
        tile(Class::MissingHere, ["Thiếu", "ngân hàng có, sổ không"], ["Missing here", "at the bank, not in the book"]),
        tile(
            Class::MissingThere,
            ["Thừa", "sổ có, ngân hàng không"],
            ["Missing there", "in the book, not at the bank"],
        ),
        tile(Class::AmountDiffers, ["Lệch tiền", "hai bên khác số tiền"], ["Amount differs", "both have it"]),
        tile(Class::Matched, ["Khớp", "hai bên như nhau"], ["Matched", "both agree"]),
    ]
}

fn account_day(day: &AccountDay, language: Language) -> Day {
    let covered = day.coverage != Coverage::None;
    Day {
        account: tail(day.settled.as_str()),
        date: day.date.vietnamese(),
        coverage: match day.coverage {
            Coverage::Day => language.of("cả ngày", "whole day"),
            Coverage::Part(_) => language.of("một phần", "a part"),
            Coverage::None => language.of("chưa có sao kê", "no statement yet"),
        },
        bank: if covered { day.bank.amount.grouped() } else { "–".to_owned() },
        book: day.book.amount.grouped(),
        difference: if covered { day.difference.grouped() } else { "–".to_owned() },
        other_date: (covered && day.other_date != Dong::ZERO).then(|| day.other_date.grouped()),
        differs: covered && day.difference != Dong::ZERO,
    }
}

/// Shows the last four characters of an account's number.
fn tail(account: &str) -> String {
    let number = account.split('@').next().unwrap_or(account);
    format!("…{}", number.get(number.len().saturating_sub(4)..).unwrap_or(number))
}

fn bucket(found: &Reconciliation, class: Class, language: Language) -> Bucket {
    let figure = found.figure(class);
    let entries = found.entries.iter().filter(|entry| entry.class == class);
    let told = |entry| finding(&found.market.code, entry, language);
    let findings: Vec<Finding> = entries.take(SHOWN_MAX).map(told).collect();
    let (vi, en) = class_words(class);
    let shown = i64::try_from(findings.len()).unwrap_or(i64::MAX);
    Bucket {
        key: class.as_str(),
        title: language.of(vi, en),
        count: figure.count,
        amount: figure.amount.with_unit(),
        more: figure.count.saturating_sub(shown),
        findings,
        open: class.is_difference(),
    }
}

fn finding(market: &MarketCode, entry: &Entry, language: Language) -> Finding {
    let time = entry.at.map(|at| format!("{} ", vietnam_time(at))).unwrap_or_default();
    let money = |amount: Dong| if amount == Dong::ZERO { "–".to_owned() } else { amount.grouped() };
    let lines: Vec<String> = entry.lines.iter().map(ToString::to_string).collect();
    let (vi, en) = why_words(entry.why);
    Finding {
        when: format!("{time}{}", entry.date.vietnamese()),
        bank: money(entry.bank),
        book: money(entry.book),
        account: tail(entry.settled.as_str()),
        reference: entry.reference.clone(),
        memo: masking::memo(entry.memo.lines().next().unwrap_or_default()),
        postings: entry
            .postings
            .iter()
            .map(|seq| PostingName { market: market.clone(), seq: *seq }.to_string())
            .collect(),
        why: language.of(vi, en),
        held: entry.why == Why::Held,
        lines: lines.join(", "),
    }
}

pub(super) async fn book_statement(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, id)): Path<(String, String)>,
) -> Answer {
    let booked = async {
        let (market, statement): (MarketCode, StatementId) = (field("code", &code)?, field("statement", &id)?);
        let booking = web.app.book_missing(&market, Scope::Statement(statement, None), actor.name(), false).await?;
        Ok(booking.booked.count)
    };
    let count = booked.await.map_err(told(&headers, "/markets"))?;
    Ok(Redirect::to(&format!("/markets/{code}/statements/{id}?booked={count}")).into_response())
}

pub(super) async fn book_date(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
) -> Answer {
    let booked = async {
        let (market, day) = (field("code", &code)?, field("date", &date)?);
        Ok(web.app.book_missing(&market, Scope::Date(day), actor.name(), false).await?.booked.count)
    };
    let count = booked.await.map_err(told(&headers, "/markets"))?;
    Ok(Redirect::to(&format!("/markets/{code}/reconciliation/{date}?booked={count}")).into_response())
}

#[derive(Deserialize)]
pub(super) struct SignForm {
    #[serde(default)]
    note: String,
    digest: Option<String>,
}

pub(super) async fn sign(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
    Form(form): Form<SignForm>,
) -> Answer {
    let signed = async {
        let (market, day) = (field("code", &code)?, field("date", &date)?);
        web.app.sign_reconciliation(&market, day, actor.name(), &form.note, form.digest.as_deref()).await
    };
    signed.await.map_err(told(&headers, "/markets"))?;
    Ok(Redirect::to(&format!("/markets/{code}/reconciliation/{date}")).into_response())
}

#[derive(Deserialize)]
pub(super) struct LineForm {
    #[serde(default)]
    action: String,
    #[serde(default)]
    reason: String,
}

pub(super) async fn decide_line(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, line)): Path<(String, i64)>,
    Form(form): Form<LineForm>,
) -> Answer {
    let decided = async {
        let market: MarketCode = field("code", &code)?;
        let decision = if form.action == "accept" { LineDecision::Accept } else { LineDecision::Repeat };
        web.app.decide_line(&market, line, decision, actor.name(), &form.reason).await
    };
    let date = decided.await.map_err(told(&headers, "/markets"))?;
    Ok(Redirect::to(&format!("/markets/{code}/reconciliation/{date}")).into_response())
}
