//! M5: closing days, after what still speaks against it has been seen.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Deserialize;

use super::super::Shared;
use super::super::markets::field;
use super::super::pages::frame::Frame;
use super::super::pages::html;
use super::super::problem::{Answer, told};
use super::{Board, day_of, done, may, open};
use crate::app::access::{Actor, Right};
use crate::app::close_day::CloseDay;
use crate::app::daily_report::DayWords;
use crate::app::error::AppError;
use crate::app::reconcile_view::{bank_at_close, signed, signed_in_english, verdict};
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::{DailyReport, Figure};
use crate::domain::ids::MarketCode;
use crate::domain::language::Language;
use crate::domain::reconciliation::SignState;

/// Days of the list of closed ones.
const LISTED: i64 = 14;

struct Check {
    good: bool,
    told: String,
    link: Option<(String, &'static str)>,
}

#[derive(Template)]
#[template(path = "board_close.html")]
struct Page {
    frame: Frame,
    board: Board,
    may_close: bool,
    /// The day that is closed next, as people write it and as programs do; none when all are.
    next: Option<(String, String)>,
    ended: bool,
    checks: Vec<Check>,
    amount: String,
    words: String,
    payments: String,
    closed: Vec<[String; 5]>,
}

pub(in crate::web) async fn page(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
) -> Answer {
    let page = async {
        let (market, code, board) = open(&web, &code, "close").await?;
        let (today, language) = (day_of(&web, &market), frame.language());
        let next = web.app.open_date(&code).await?.filter(|date| *date <= today);
        let mut checks = Vec::new();
        let (mut amount, mut words, mut payments) = (String::new(), String::new(), String::new());
        if let Some(date) = next {
            let report = web.app.daily_report(&code, date).await?;
            let told = DayWords::of(&report, language);
            checks = checklist(&web, &code, &report, language).await?;
            (amount, words, payments) = (told.amount, report.amount_in_words, told.payments);
        }
        let mut closed = Vec::new();
        for back in 0..LISTED {
            let date = today.plus_days(-back);
            if let Some(signed) = web.app.day_close(&code, date).await? {
                let close = signed.close;
                closed.push([
                    date.vietnamese(),
                    date.to_string(),
                    close.amount.with_unit(),
                    close.merkle_root.to_string().chars().take(12).collect(),
                    close.bank.as_ref().map(|bank| bank_at_close(bank, language)).unwrap_or_default(),
                ]);
            }
        }
        html(&Page {
            frame,
            board,
            may_close: may(&actor, Right::CloseDays),
            ended: next.is_some_and(|date| date < today),
            next: next.map(|date| (date.vietnamese(), date.to_string())),
            checks,
            amount,
            words,
            payments,
            closed,
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

/// What a person looks at before the day is closed: nothing of it forbids the close.
async fn checklist(
    web: &Shared,
    code: &MarketCode,
    report: &DailyReport,
    language: Language,
) -> Result<Vec<Check>, AppError> {
    let say = |vi: &'static str, en: &'static str| language.of(vi, en);
    let mut checks = Vec::new();
    let date = report.business_date;
    let waiting = report.unmatched_total;
    let todo = || Some((format!("/markets/{code}/todo"), say("xem", "look")));
    checks.push(Check {
        good: true,
        told: say(
            "Cộng theo sạp, theo giờ và số dư các tài khoản khớp nhau",
            "Sums by stall, by hour and the accounts' balances agree",
        )
        .to_owned(),
        link: Some((format!("/markets/{code}/days/{date}"), say("xem báo cáo", "see the report"))),
    });
    checks.push(Check {
        good: waiting.count == 0,
        told: counted(say("Chưa rõ sạp", "Stall not known"), waiting, language),
        link: todo().filter(|_| waiting.count > 0),
    });
    let held = report.quarantined;
    checks.push(Check {
        good: held.count == 0,
        told: counted(say("Bị giữ lại", "Held back"), held, language),
        link: todo().filter(|_| held.count > 0),
    });
    let bank = &report.reconciliation;
    checks.push(Check {
        good: bank.agrees() && bank.state == SignState::Signed,
        told: match language {
            Language::Vietnamese => format!("{} {}", verdict(bank).0, signed(bank)),
            Language::English => format!("{} {}", verdict(bank).1, signed_in_english(bank)),
        },
        link: Some((format!("/markets/{code}/reconciliation/{date}"), say("đối soát", "reconcile"))),
    });
    let silent: Vec<String> =
        web.app.silent_now(Some(code)).await?.into_iter().map(|one| one.source.to_string()).collect();
    checks.push(Check {
        good: silent.is_empty(),
        told: if silent.is_empty() {
            say("Không nguồn nào im lâu hơn thường lệ", "No source is silent for longer than usual").to_owned()
        } else {
            format!("{}: {}", say("Nguồn im lâu hơn thường lệ", "Silent for longer than usual"), silent.join(", "))
        },
        link: None,
    });
    Ok(checks)
}

fn counted(what: &str, figure: Figure, language: Language) -> String {
    format!("{what}: {} {}, {}", figure.count, language.of("khoản", "items"), figure.amount.with_unit())
}

#[derive(Deserialize)]
pub(in crate::web) struct CloseForm {
    date: String,
    #[serde(default)]
    seen: String,
    #[serde(default)]
    early: String,
}

pub(in crate::web) async fn close(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(code): Path<String>,
    Form(form): Form<CloseForm>,
) -> Answer {
    let closed = async {
        let (_, code, _) = open(&web, &code, "close").await?;
        let date: BusinessDate = field("date", &form.date)?;
        let seen: &str = if form.seen == "yes" { "yes" } else { "" };
        // The browser demands it; a form without it comes from elsewhere.
        let _: std::num::NonZeroUsize = field("seen", &seen.len().to_string())?;
        let asked = CloseDay { market: code.clone(), date, early: form.early == "yes", actor: actor.name().to_owned() };
        web.app.close_day(asked).await?;
        Ok(done(&format!("/markets/{code}/close")))
    };
    closed.await.map_err(told(&headers, "/markets"))
}
