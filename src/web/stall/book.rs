//! Her book: days and entries, disputes, cash, and the revenue book she takes away.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::her::Her;
use super::look::Look;
use super::texts::Texts;
use super::{Around, html, time, typed_amount};
use crate::app::error::{AppError, ErrorKind, Message};
use crate::app::stall_book::{StallBook, to_pdf, to_xlsx};
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::ids::PostingName;
use crate::domain::money::Dong;
use crate::domain::posting::PostingKind;
use crate::domain::registration::OfficePhone;
use crate::domain::stall_book::{BookDay, BookEntry, DisputeReason, RevenueBook};
use crate::domain::text::code_key;
use crate::web::Shared;
use crate::web::markets::field;
use crate::web::problem::{Answer, told};

/// Months that her book offers: what must be kept for a tax year and the one before.
const MONTHS: i16 = 24;

struct Day {
    iso: String,
    date: String,
    closed: bool,
    payments: i64,
    net: String,
}

struct Entry {
    posting: String,
    time: String,
    what: &'static str,
    payer: String,
    note: Option<String>,
    dispute: Option<String>,
    amount: String,
}

struct Cash {
    id: String,
    date: String,
    amount: String,
    note: String,
    withdrawn: bool,
}

#[derive(Template)]
#[template(path = "stall/book.html")]
struct Page {
    around: Around,
    stall: String,
    market: String,
    shown: &'static str,
    heading: String,
    seal: Option<String>,
    sealed: bool,
    told: &'static str,
    hides_totals: bool,
    month: String,
    months: Vec<(String, String)>,
    payments: i64,
    amount: String,
    adjusted: String,
    net: String,
    cash: Option<String>,
    days: Vec<Day>,
    entries: Vec<Entry>,
    more: bool,
    cash_lines: Vec<Cash>,
    downloads: Vec<(String, &'static str)>,
    today_iso: String,
    token: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct BookQuery {
    show: Option<String>,
    day: Option<String>,
    month: Option<String>,
    told: Option<String>,
}

/// What of the book is shown, from a first to a last day.
struct Stretch {
    shown: &'static str,
    from: BusinessDate,
    to: BusinessDate,
}

impl Stretch {
    fn of(query: &BookQuery, today: BusinessDate) -> Result<Self, AppError> {
        let one = |shown, date| Self { shown, from: date, to: date };
        Ok(match query.show.as_deref() {
            Some("yesterday") => one("yesterday", today.previous()),
            Some("week") => Self { shown: "week", from: today.plus_days(-6), to: today },
            Some("month") => {
                let first = match &query.month {
                    Some(month) => field("date", &format!("{month}-01"))?,
                    None => BusinessDate::from_date(today.date().first_of_month()),
                };
                Self { shown: "month", from: first, to: BusinessDate::from_date(first.date().last_of_month()) }
            }
            Some("day") => one("day", field("date", query.day.as_deref().unwrap_or_default())?),
            _ => one("today", today),
        })
    }

    fn heading(&self, t: &Texts) -> String {
        match self.shown {
            "month" => format!("{} {:02}/{:04}", t.month, self.from.date().month(), self.from.date().year()),
            "week" => format!("{} – {}", self.from.vietnamese(), self.to.vietnamese()),
            _ => format!("{} {}", t.day, self.from.vietnamese()),
        }
    }
}

/// `GET /stall/book`.
pub(in crate::web) async fn book(
    State(web): State<Shared>,
    headers: HeaderMap,
    her: Her,
    Query(query): Query<BookQuery>,
) -> Answer {
    let page = async {
        let look = Look::of(&headers);
        let home = web.app.phone_home(&her.market, &her.stall).await?;
        let stretch = Stretch::of(&query, home.date)?;
        let book = web.app.stall_book(&her.market, &her.stall, (stretch.from, stretch.to)).await?;
        html(&headers, &page(&web, &her, look, (&query, &stretch), &book, home.date)?)
    };
    page.await.map_err(told(&headers, "/stall/book"))
}

fn page(
    web: &Shared,
    her: &Her,
    look: Look,
    (query, stretch): (&BookQuery, &Stretch),
    book: &StallBook,
    today: BusinessDate,
) -> Result<Page, AppError> {
    let t = look.texts;
    let sums = book.sums().ok_or_else(|| AppError::internal("sums exceed what can be counted"))?;
    let net = |day: &BookDay| day.net().map_or_else(|| "–".to_owned(), Dong::with_unit);
    let several = stretch.from != stretch.to;
    let closed_at = book.days.first().and_then(|day| day.closed_at).filter(|_| !several);
    let seal = closed_at.map_or_else(|| t.open.to_owned(), |at| format!("{} {}", t.closed, vietnam_time(at)));
    let day = |day: &BookDay| Day {
        iso: day.date.to_string(),
        date: day.date.vietnamese(),
        closed: day.closed_at.is_some(),
        payments: day.payments,
        net: if her.hides_totals { "•••".to_owned() } else { net(day) },
    };
    let link = |kind| format!("/stall/revenue-book.{kind}?from={}&to={}", stretch.from, stretch.to);
    let told = match query.told.as_deref() {
        Some("sent") => "sent",
        Some("saved") => "saved",
        _ => "",
    };
    Ok(Page {
        around: Around::of(web, look, "book"),
        stall: book.stand.code.to_string(),
        market: book.stand.market.name.to_string(),
        shown: stretch.shown,
        heading: stretch.heading(t),
        seal: (!several).then_some(seal),
        sealed: closed_at.is_some(),
        told,
        hides_totals: her.hides_totals,
        month: stretch.from.to_string().chars().take(7).collect(),
        months: months(today),
        payments: sums.payments,
        amount: sums.amount.with_unit(),
        adjusted: sums.adjusted.with_unit(),
        net: net(&sums),
        cash: (!book.cash.is_empty()).then(|| sums.cash.with_unit()),
        days: if several { book.days.iter().rev().map(day).collect() } else { Vec::new() },
        entries: if several { Vec::new() } else { book.entries.iter().map(|one| entry(one, book, look)).collect() },
        more: book.more,
        cash_lines: cash_lines(book),
        downloads: vec![(link("xlsx"), t.download_excel), (link("pdf"), t.download_pdf)],
        today_iso: today.to_string(),
        token: her.token(),
    })
}

fn months(today: BusinessDate) -> Vec<(String, String)> {
    let mut first = today.date().first_of_month();
    let mut months = Vec::new();
    for _ in 0..MONTHS {
        months.push((
            format!("{:04}-{:02}", first.year(), first.month()),
            format!("{:02}/{:04}", first.month(), first.year()),
        ));
        first = BusinessDate::from_date(first).previous().date().first_of_month();
    }
    months
}

/// Says what an entry is.
fn what(kind: PostingKind, t: &Texts) -> &'static str {
    match kind {
        PostingKind::Settle => t.kind_settle,
        PostingKind::Assign => t.kind_assign,
        PostingKind::Reversal => t.kind_reversal,
        PostingKind::CashChange => t.kind_cash_change,
        PostingKind::Exclusion => t.kind_exclusion,
        PostingKind::Refund => t.kind_refund,
    }
}

fn entry(entry: &BookEntry, book: &StallBook, look: Look) -> Entry {
    let t = look.texts;
    let dispute = book.disputes.iter().find(|dispute| dispute.seq == entry.posting.seq);
    let dispute = dispute.map(|dispute| match &dispute.answer {
        Some(answer) => format!("{}: {answer}", t.answered),
        None => t.disputed.to_owned(),
    });
    let late = entry.late.then(|| format!("{} {}", t.late_of, entry.event_date.vietnamese()));
    let concerns = entry.concerns.as_ref().map(ToString::to_string);
    let note: Vec<String> = [late, concerns, entry.reason.clone()].into_iter().flatten().collect();
    Entry {
        posting: entry.posting.to_string(),
        time: time(entry, look),
        what: what(entry.kind, t),
        payer: entry.payer.clone(),
        note: (!note.is_empty()).then(|| note.join(" · ")),
        dispute,
        amount: entry.amount.with_unit(),
    }
}

fn cash_lines(book: &StallBook) -> Vec<Cash> {
    let line = |line: &crate::domain::stall_book::CashLine| Cash {
        id: line.id.to_string(),
        date: line.date.vietnamese(),
        amount: line.amount.with_unit(),
        note: line.note.clone(),
        withdrawn: line.withdrawn_at.is_some(),
    };
    book.cash.iter().map(line).collect()
}

#[derive(Template)]
#[template(path = "stall/dispute.html")]
struct DisputePage {
    around: Around,
    posting: String,
    amount: String,
    when: String,
    office: Option<OfficePhone>,
    reasons: [(&'static str, &'static str); 5],
    token: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct DisputeQuery {
    posting: String,
}

/// `GET /stall/dispute`: asks what is not right.
pub(in crate::web) async fn dispute_form(
    State(web): State<Shared>,
    headers: HeaderMap,
    her: Her,
    Query(query): Query<DisputeQuery>,
) -> Answer {
    let page = async {
        let look = Look::of(&headers);
        let t = look.texts;
        let name: PostingName = field("posting", &query.posting)?;
        let stand = web.app.stand(&her.market, &her.stall).await?;
        let found = web.app.stall_entry((&her.market, &her.stall), &name).await?;
        let named = |reason: DisputeReason| match reason {
            DisputeReason::NotMine => t.dispute_not_mine,
            DisputeReason::NotSales => t.dispute_not_sales,
            DisputeReason::CashChange => t.dispute_cash_change,
            DisputeReason::Amount => t.dispute_amount,
            DisputeReason::Other => t.dispute_other,
        };
        html(
            &headers,
            &DisputePage {
                around: Around::of(&web, look, ""),
                posting: name.to_string(),
                amount: found.amount.with_unit(),
                office: stand.market.office_phone,
                when: format!("{} {}", found.date.vietnamese(), time(&found, look)),
                reasons: DisputeReason::ALL.map(|reason| (reason.as_str(), named(reason))),
                token: her.token(),
            },
        )
    };
    page.await.map_err(told(&headers, "/stall/dispute"))
}

fn see(place: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

#[derive(Deserialize)]
pub(in crate::web) struct NewDispute {
    posting: String,
    reason: String,
    note: Option<String>,
}

/// `POST /stall/dispute`.
pub(in crate::web) async fn dispute(
    State(web): State<Shared>,
    headers: HeaderMap,
    her: Her,
    Form(new): Form<NewDispute>,
) -> Answer {
    let done = async {
        let posting: PostingName = field("posting", &new.posting)?;
        let told = (field("reason", &new.reason)?, new.note.as_deref().unwrap_or_default());
        web.app.dispute((&her.market, &her.stall), &posting, told, &her.by).await?;
        let date = web.app.stall_entry((&her.market, &her.stall), &posting).await?.date;
        Ok(see(&format!("/stall/book?show=day&day={date}&told=sent")))
    };
    done.await.map_err(told(&headers, "/stall/dispute"))
}

#[derive(Deserialize)]
pub(in crate::web) struct NewCash {
    date: String,
    amount: String,
    note: Option<String>,
}

/// `POST /stall/cash`: a line of cash in her own book.
pub(in crate::web) async fn cash(
    State(web): State<Shared>,
    headers: HeaderMap,
    her: Her,
    Form(new): Form<NewCash>,
) -> Answer {
    let done = async {
        let date: BusinessDate = field("date", &new.date)?;
        let line = (date, typed_amount(&new.amount)?);
        web.app.write_cash((&her.market, &her.stall), line, new.note.as_deref().unwrap_or_default(), &her.by).await?;
        Ok(see(&format!("/stall/book?show=day&day={date}&told=saved")))
    };
    done.await.map_err(told(&headers, "/stall/cash"))
}

#[derive(Deserialize)]
pub(in crate::web) struct WithdrawnCash {
    line: String,
}

/// `POST /stall/cash/withdraw`: takes a line of cash back; it stays to be seen.
pub(in crate::web) async fn withdraw_cash(
    State(web): State<Shared>,
    headers: HeaderMap,
    her: Her,
    Form(old): Form<WithdrawnCash>,
) -> Answer {
    let done = web.app.withdraw_cash((&her.market, &her.stall), &old.line, &her.by).await;
    done.map(|()| see("/stall/book?show=week&told=saved")).map_err(told(&headers, "/stall/cash/withdraw"))
}

#[derive(Deserialize)]
pub(in crate::web) struct FileQuery {
    from: String,
    to: String,
}

/// `GET /stall/{file}`: her revenue book, `revenue-book.xlsx` or `.pdf`.
pub(in crate::web) async fn revenue_book(
    State(web): State<Shared>,
    headers: HeaderMap,
    her: Her,
    Path(file): Path<String>,
    Query(query): Query<FileQuery>,
) -> Answer {
    type Write = fn(&RevenueBook) -> Result<Vec<u8>, AppError>;
    let made = async {
        let (kind, media_type, write): (_, _, Write) = match file.as_str() {
            "revenue-book.xlsx" => {
                ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", to_xlsx)
            }
            "revenue-book.pdf" => ("pdf", "application/pdf", to_pdf),
            _ => return Err(AppError::not_found(Message::new("Địa chỉ này không có.", "There is no such address."))),
        };
        if her.hides_totals {
            let (vi, en) = ("Máy này không được xem tổng tiền.", "This phone may not see totals.");
            return Err(AppError::new(ErrorKind::Forbidden, "forbidden", Message::new(vi, en)));
        }
        let (from, to): (BusinessDate, BusinessDate) = (field("from", &query.from)?, field("date", &query.to)?);
        let book = web.app.revenue_book(&her.market, &her.stall, (from, to)).await?;
        let name = format!("so-doanh-thu-{}-{}-{}.{kind}", book.market, code_key(&book.stall), book.to);
        // A large book takes a while to write, which must not hold up webhooks.
        let bytes = tokio::task::spawn_blocking(move || write(&book)).await.map_err(AppError::internal)??;
        web.app.note_download(Some(&her.market), &name).await?;
        let place = format!("attachment; filename=\"{name}\"");
        let named = [(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, place)];
        Ok((named, bytes).into_response())
    };
    made.await.map_err(told(&headers, "/stall/revenue-book"))
}
