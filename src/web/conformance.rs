//! What a source's last deliveries fulfil, for the engineer at the other end.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderMap;

use super::Shared;
use super::account::moment;
use super::login::private;
use super::markets::field;
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, told};
use super::visitor::own_address;
use crate::app::access::Actor;
use crate::app::conformance::{Requirement, Standing};
use crate::domain::ids::SourceName;

/// A requirement on the page.
struct Line {
    mark: &'static str,
    class: &'static str,
    standing: &'static str,
    says: String,
    /// What to do; empty where it is fulfilled.
    advice: String,
    /// The request that tells it: its name and when it came.
    seen: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "conformance.html")]
struct Page {
    frame: Frame,
    name: String,
    dialect: &'static str,
    base: String,
    process: u32,
    lines: Vec<Line>,
    fulfilled: usize,
}

/// `GET /sources/{name}/conformance`.
pub(super) async fn page(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer {
    let page = async {
        let name: SourceName = field("name", &name)?;
        let source = web.app.source_for(&actor, &name).await?;
        let stand = web.app.fulfilled(&actor, &name).await?;
        let page = Page {
            name: name.to_string(),
            dialect: source.dialect.as_str(),
            base: own_address(&web, &headers),
            process: std::process::id(),
            fulfilled: stand.iter().filter(|one| matches!(one.standing, Standing::Fulfilled(_))).count(),
            lines: stand.iter().map(|one| line(&frame, one)).collect(),
            frame,
        };
        let mut response = html(&page)?;
        private(&mut response);
        Ok(response)
    };
    page.await.map_err(told(&headers, "/sources"))
}

fn line(frame: &Frame, one: &Requirement) -> Line {
    let (mark, class, standing, heard) = match &one.standing {
        Standing::Fulfilled(heard) => ("✓", "good", frame.say("đạt", "fulfilled"), Some(heard)),
        Standing::Missed(heard) => ("✗", "bad", frame.say("chưa đạt", "missed"), Some(heard)),
        Standing::NotSeen => ("·", "quiet", frame.say("chưa thấy", "not seen yet"), None),
    };
    let advice = match &one.standing {
        Standing::Fulfilled(_) => "",
        Standing::Missed(_) | Standing::NotSeen => frame.say(&one.advice.vi, &one.advice.en),
    };
    Line {
        mark,
        class,
        standing,
        says: frame.say(&one.says.vi, &one.says.en).to_owned(),
        advice: advice.to_owned(),
        seen: heard.map(|heard| (heard.id.to_string(), moment(heard.at))),
    }
}
