//! Cards for printing.

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use serde::Deserialize;

use super::Shared;
use super::markets::field;
use super::problem::{Answer, told};
use super::reports::download;
use crate::app::access::Actor;
use crate::app::error::AppError;
use crate::app::print_sheet::{PrintOrder, layout};
use crate::app::progress::unheard;

#[derive(Deserialize)]
pub(super) struct SheetQuery {
    layout: Option<String>,
    /// Codes of stalls, with commas between them.
    stalls: Option<String>,
}

/// Reads codes of stalls with commas between them.
pub(super) fn stalls_in(typed: &str) -> Vec<String> {
    typed.split(',').map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned).collect()
}

/// Cards of stalls as PDF, every code read back; the print is kept in the list of prints.
pub(super) async fn pdf(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<SheetQuery>,
) -> Answer {
    let made = async {
        let wanted = query.stalls.as_deref().unwrap_or_default();
        let layout = layout(query.layout.as_deref().unwrap_or("a6"))?;
        let order = PrintOrder {
            market: field("code", &code)?,
            stalls: stalls_in(wanted),
            layout,
            actor: actor.name().to_owned(),
        };
        let ready = web.app.ready_print(order).await?;
        // Seconds of work, which must not hold up webhooks.
        let drawing = tokio::task::spawn_blocking(move || ready.draw(&unheard).map(|drawn| (ready, drawn)));
        let (ready, drawn) = drawing.await.map_err(AppError::internal)??;
        web.app.log_print(&ready).await?;
        Ok(download("application/pdf", &format!("{code}-qr-{}.pdf", layout.as_str()), drawn.pdf))
    };
    made.await.map_err(told(&headers, &format!("/v1/markets/{code}/qr-sheet.pdf")))
}
