//! M6: money without a stall, with suggestions and their reasons; held items; corrections.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use serde::Deserialize;

use super::super::Shared;
use super::super::markets::field;
use super::super::pages::frame::Frame;
use super::super::pages::html;
use super::super::problem::{Answer, told};
use super::{Board, done, may, open};
use crate::app::access::{Actor, Right};
use crate::app::error::{AppError, ErrorKind, Message};
use crate::app::resolve::ResolveAction;
use crate::app::todo::{Assigned, HeldMoney, WaitingMoney, two_people_above};
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::ids::{ItemName, MarketCode, PostingName};
use crate::domain::language::Language;
use crate::domain::money::Dong;

struct Waiting {
    posting: String,
    amount: String,
    at: String,
    memo: String,
    suggestions: Vec<(String, String)>,
    best: String,
    reason: String,
    needs_two: bool,
    proposed: Option<[String; 3]>,
    by_me: bool,
}

struct Held {
    item: String,
    why: String,
    amount: String,
    tail: String,
    source: String,
    at: String,
    may_book: bool,
    may_judge_again: bool,
}

#[derive(Template)]
#[template(path = "board_todo.html")]
struct Page {
    frame: Frame,
    board: Board,
    told: Option<&'static str>,
    may_correct: bool,
    limit: String,
    waiting: Vec<Waiting>,
    held: Vec<Held>,
}

#[derive(Deserialize)]
pub(in crate::web) struct TodoQuery {
    done: Option<String>,
}

pub(in crate::web) async fn page(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<TodoQuery>,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "todo").await?;
        let todo = web.app.todo(&code, &actor).await?;
        let language = frame.language();
        let told = match query.done.as_deref() {
            Some("posted") => Some(language.of("Đã ghi vào sổ.", "Booked.")),
            Some("proposed") => Some(language.of(
                "Đã đề nghị. Khoản này ghi sổ khi người thứ hai xác nhận.",
                "Proposed. It is booked when a second person confirms it.",
            )),
            Some("withdrawn") => Some(language.of("Đã rút đề nghị.", "Withdrawn.")),
            Some("resolved") => Some(language.of("Đã quyết định xong.", "Decided.")),
            _ => None,
        };
        html(&Page {
            board,
            told,
            may_correct: may(&actor, Right::CorrectJournal),
            limit: two_people_above().with_unit(),
            waiting: todo.waiting.iter().map(|money| waiting(money, actor.name(), language)).collect(),
            held: todo.held.iter().map(|money| held(money, language)).collect(),
            frame,
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

fn waiting(money: &WaitingMoney, me: &str, language: Language) -> Waiting {
    let suggestions: Vec<(String, String)> = money
        .suggestions
        .iter()
        .map(|(stall, why)| (stall.clone(), language.of(&why.vi, &why.en).to_owned()))
        .collect();
    let best = money.proposed.as_ref().map(|wish| wish.stall.clone());
    let best = best.or_else(|| suggestions.first().map(|(stall, _)| stall.clone())).unwrap_or_default();
    Waiting {
        posting: money.posting.to_string(),
        amount: money.amount.with_unit(),
        at: match money.event_at {
            Some(at) => format!("{} {}", vietnam_time(at), BusinessDate::of_calendar(at).vietnamese()),
            None => money.business_date.vietnamese(),
        },
        memo: if money.memo.is_empty() {
            language.of("(không có nội dung)", "(no text)").to_owned()
        } else {
            money.memo.clone()
        },
        reason: suggestions.first().map(|(_, why)| why.clone()).unwrap_or_default(),
        suggestions,
        best,
        needs_two: money.needs_two,
        by_me: money.proposed.as_ref().is_some_and(|wish| wish.by == me),
        proposed: money.proposed.as_ref().map(|wish| [wish.by.clone(), wish.stall.clone(), wish.reason.clone()]),
    }
}

fn held(money: &HeldMoney, language: Language) -> Held {
    let say = |vi: &'static str, en: &'static str| language.of(vi, en);
    let why = match money.reason.as_str() {
        "unlisted_account" => say("tài khoản chưa đăng ký ở chợ nào", "no market has this account"),
        "possible_duplicate" => say("có thể là khoản đã ghi rồi", "perhaps booked already"),
        "reused_reference" => {
            say("trùng mã giao dịch nhưng là thông báo khác", "a reference used before, in another report")
        }
        "conflict" => say("trùng mã nhưng khác số tiền", "the same reference with another amount"),
        "stale" => say("chữ ký đúng nhưng giờ đã cũ", "rightly signed, at an old time"),
        "" => say("cần người xem", "a person has to look"),
        other => other,
    };
    Held {
        may_book: money.choices.book,
        may_judge_again: money.choices.judge_again,
        item: money.item.clone(),
        why: why.to_owned(),
        amount: money.amount.map_or_else(|| "–".to_owned(), Dong::with_unit),
        tail: money.account_tail.clone(),
        source: money.source.clone(),
        at: format!(
            "{} {}",
            vietnam_time(money.recorded_at),
            BusinessDate::of_calendar(money.recorded_at).vietnamese()
        ),
    }
}

/// One decision of the page.
#[derive(Deserialize)]
pub(in crate::web) struct Decision {
    action: String,
    #[serde(default)]
    posting: String,
    #[serde(default)]
    item: String,
    #[serde(default)]
    stall: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    amount: String,
}

pub(in crate::web) async fn decide(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(code): Path<String>,
    Form(form): Form<Decision>,
) -> Answer {
    let decided = async {
        let (_, code, _) = open(&web, &code, "todo").await?;
        let posting = || of_market(field::<PostingName>("posting", form.posting.trim())?, &code);
        let amount = || field::<Dong>("amount", &form.amount.replace(['.', ' '], ""));
        let told = match form.action.as_str() {
            "assign" => match web.app.assign_by(&posting()?, &actor, &form.reason, &form.stall).await? {
                Assigned::Posted(_) => "posted",
                Assigned::Proposed => "proposed",
            },
            "withdraw" => {
                web.app.withdraw_proposal(&posting()?).await?;
                "withdrawn"
            }
            "reverse" => {
                web.app.reverse(&posting()?, actor.name(), &form.reason).await?;
                "posted"
            }
            "cash_change" => {
                web.app.cash_change(&posting()?, actor.name(), &form.reason, amount()?).await?;
                "posted"
            }
            "exclude" => {
                web.app.exclude(&posting()?, actor.name(), &form.reason, amount()?).await?;
                "posted"
            }
            action => {
                let action = match action {
                    "book" => ResolveAction::Book,
                    "judge_again" => ResolveAction::JudgeAgain,
                    _ => ResolveAction::Dismiss,
                };
                let item: ItemName = field("item", &form.item)?;
                if item.market != web.app.market(&code).await?.id {
                    return Err(elsewhere(&code));
                }
                web.app.resolve(item, actor.name(), &form.reason, action).await?;
                "resolved"
            }
        };
        Ok(done(&format!("/markets/{code}/todo?done={told}")))
    };
    decided.await.map_err(told(&headers, "/markets"))
}

/// A page of one market decides about that market's money alone.
fn of_market(posting: PostingName, code: &MarketCode) -> Result<PostingName, AppError> {
    if posting.market == *code { Ok(posting) } else { Err(elsewhere(code)) }
}

fn elsewhere(code: &MarketCode) -> AppError {
    let message =
        Message::new(format!("Đó không phải là khoản của chợ {code}."), format!("That is not market {code}'s."));
    AppError::new(ErrorKind::Forbidden, "forbidden", message)
}
