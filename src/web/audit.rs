//! The audit log: a page with a filter for people, a list for programs.

use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::login::private;
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, told};
use crate::app::access::Actor;
use crate::app::audit_log::{AuditPage, AuditQuery, AuditShown, NO_MARKET, audit_json};
use crate::app::audit_words::{actor_words, changes};
use crate::app::error::AppError;
use crate::domain::audit::Action;
use crate::domain::calendar::{BusinessDate, vietnam_time};

/// The header that says where the logs end, `TAN:123:<hash>` each: whoever keeps it can ask later whether
/// anything before it was changed (`socho verify --audit-head`).
const HEADS: &str = "socho-audit-heads";
/// Entries on one page.
const PAGE_ROWS: i64 = 50;

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct AuditParameters {
    market: Option<String>,
    actor: Option<String>,
    action: Option<String>,
    object: Option<String>,
    from: Option<String>,
    to: Option<String>,
    after: Option<String>,
    limit: Option<i64>,
}

impl AuditParameters {
    fn query(&self) -> AuditQuery {
        AuditQuery {
            market: self.market.clone(),
            actor: self.actor.clone(),
            action: self.action.clone(),
            object: self.object.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            after: self.after.clone(),
            limit: self.limit,
        }
    }

    /// Returns the address of the page behind this one.
    fn next(&self, after: &str) -> String {
        let mut address = form_urlencoded::Serializer::new(String::new());
        let given = [
            ("market", &self.market),
            ("actor", &self.actor),
            ("action", &self.action),
            ("object", &self.object),
            ("from", &self.from),
            ("to", &self.to),
        ];
        for (name, value) in given {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                address.append_pair(name, value);
            }
        }
        format!("/audit?{}", address.append_pair("after", after).finish())
    }
}

/// `GET /v1/audit`.
pub(super) async fn list(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Query(query): Query<AuditParameters>,
) -> Answer {
    let page = web.app.audit_log(&actor, &query.query()).await.map_err(told(&headers, "/v1/audit"))?;
    let data: Vec<_> = page.rows.iter().map(audit_json).collect();
    let answer = Json(json!({ "data": data, "has_more": page.next.is_some(), "next": page.next }));
    let heads: Vec<String> = page.heads.iter().map(ToString::to_string).collect();
    if heads.is_empty() {
        return Ok(answer.into_response());
    }
    Ok(([(HEADS, heads.join(", "))], answer).into_response())
}

/// An entry on the page.
struct Line {
    time: String,
    date: String,
    actor: String,
    role: String,
    place: String,
    what: String,
    object: String,
    changes: Vec<(String, String, String)>,
    reason: Option<String>,
    request: Option<String>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    lines: Vec<Line>,
    markets: Vec<(String, String)>,
    /// Whether the reader sees every market.
    everywhere: bool,
    actions: Vec<(&'static str, String)>,
    asked: Asked,
    message: Option<String>,
    next: Option<String>,
}

/// What the filter says.
struct Asked {
    market: String,
    actor: String,
    action: String,
    object: String,
    from: String,
    to: String,
}

/// `GET /audit`.
pub(super) async fn page(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Query(query): Query<AuditParameters>,
) -> Answer {
    let page = async {
        let mut wanted = query.query();
        wanted.limit = Some(PAGE_ROWS);
        let (found, message) = match web.app.audit_log(&actor, &wanted).await {
            Ok(found) => (found, None),
            Err(error) if error.kind.is_the_askers() => {
                let told = frame.say(&error.message.vi, &error.message.en).to_owned();
                (AuditPage { rows: Vec::new(), next: None, heads: Vec::new() }, Some(told))
            }
            Err(error) => return Err(error),
        };
        let markets = web.app.markets_for(&actor).await?;
        let given = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut actions: Vec<(&'static str, String)> = Action::ALL
            .iter()
            .map(|action| {
                let (vi, en) = action.in_words();
                (action.as_str(), frame.say(vi, en).to_owned())
            })
            .collect();
        actions.sort_by_cached_key(|(_, words)| crate::domain::text::search_key(words));
        let page = Page {
            lines: found.rows.iter().map(|shown| line(&frame, shown)).collect(),
            markets: markets.into_iter().map(|market| (market.code.to_string(), market.name.to_string())).collect(),
            everywhere: actor.market().is_none(),
            actions,
            asked: Asked {
                market: given(&query.market),
                actor: given(&query.actor),
                action: given(&query.action),
                object: given(&query.object),
                from: given(&query.from),
                to: given(&query.to),
            },
            message,
            next: found.next.map(|after| query.next(&after)),
            frame,
        };
        let mut response = html(&page)?;
        private(&mut response);
        Ok::<_, AppError>(response)
    };
    page.await.map_err(told(&headers, "/audit"))
}

fn line(frame: &Frame, shown: &AuditShown) -> Line {
    let entry = &shown.row.entry;
    let (vi, en) = entry.action.in_words();
    let role = actor_words(shown);
    let change = |change: crate::app::audit_words::Change| {
        (frame.say(&change.name.vi, &change.name.en).to_owned(), change.before, change.after)
    };
    let place = shown.market.as_ref().map_or(NO_MARKET.to_owned(), ToString::to_string);
    Line {
        time: vietnam_time(entry.recorded_at),
        date: BusinessDate::of_calendar(entry.recorded_at).vietnamese(),
        actor: entry.actor.clone(),
        role: frame.say(&role.vi, &role.en).to_owned(),
        place: format!("{place}/{}", shown.row.seq),
        what: frame.say(vi, en).to_owned(),
        object: entry.object.clone(),
        changes: changes(shown).into_iter().map(change).collect(),
        reason: entry.reason.clone(),
        request: entry.request_id.clone(),
    }
}
