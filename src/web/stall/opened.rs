//! Who opened her book: the office's people, day by day.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;

use super::her::Her;
use super::look::Look;
use super::texts::Texts;
use super::{Around, html};
use crate::app::error::{AppError, Message};
use crate::app::who_opened::Opened;
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::web::Shared;
use crate::web::problem::{Answer, told};

/// Somebody on the page.
struct Line {
    time: String,
    who: String,
    what: String,
    times: Option<usize>,
}

#[derive(Template)]
#[template(path = "stall/opened.html")]
struct Page {
    around: Around,
    stall: String,
    days: Vec<(String, Vec<Line>)>,
}

/// `GET /stall/opened`.
pub(in crate::web) async fn opened(State(web): State<Shared>, headers: HeaderMap, her: Her) -> Answer {
    let page = async {
        let look = Look::of(&headers);
        let opened = web.app.who_opened(&her.actor).await?;
        let days = by_day(&opened, look.texts, web.app.today());
        html(&headers, &Page { around: Around::of(&web, look, ""), stall: her.stall.clone(), days })
    };
    page.await.map_err(|error: AppError| told(&headers, "/stall/opened")(error))
}

fn by_day(opened: &[Opened], t: &Texts, today: BusinessDate) -> Vec<(String, Vec<Line>)> {
    let say = |message: &Message| if t.lang == "en" { message.en.clone() } else { message.vi.clone() };
    let mut days: Vec<(BusinessDate, Vec<Line>)> = Vec::new();
    for one in opened {
        let line = Line {
            time: vietnam_time(one.at),
            who: format!("{} – {}", capital(&say(&one.role)), one.name),
            what: say(&one.what),
            times: (one.times > 1).then_some(one.times),
        };
        match days.last_mut().filter(|(date, _)| *date == one.date) {
            Some((_, lines)) => lines.push(line),
            None => days.push((one.date, vec![line])),
        }
    }
    let named = |date: BusinessDate| {
        if date == today {
            t.today.to_owned()
        } else if date == today.previous() {
            t.yesterday.to_owned()
        } else {
            format!("{} {}", t.day, date.vietnamese())
        }
    };
    days.into_iter().map(|(date, lines)| (named(date), lines)).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
