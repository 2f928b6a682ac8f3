//! The journal as a file, sent while it is written: see `app::journal_file`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::Shared;
use super::markets::field;
use super::periods::{PeriodQuery, asked};
use super::problem::{Answer, told};
use crate::app::journal_file::{JournalForm, journal_form};

/// Pieces between the reading and the connection: a slow reader makes the reading wait.
const WAITING_MAX: usize = 2;
/// How many postings the file will hold, for whoever wants to show how far it is.
const POSTINGS: &str = "socho-postings";

type Piece = Result<Bytes, std::io::Error>;

/// `GET /v1/markets/{code}/journal/{file}`.
pub(super) async fn file(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, file)): Path<(String, String)>,
    Query(query): Query<PeriodQuery>,
) -> Answer {
    let begun = async {
        let (market, form) = (field("code", &code)?, journal_form(&file)?);
        let period = asked(&query, web.app.today())?;
        let begun = web.app.journal_file(&market, period, form).await?;
        let name = format!("{code}-{}-{}-{file}", period.first(), period.last());
        web.app.note_download(Some(&market), &name).await?;
        Ok((begun, form, name))
    };
    let instance = format!("/v1/markets/{code}/journal/{file}");
    let (mut begun, form, name) = begun.await.map_err(told(&headers, &instance))?;
    let (postings, (sender, receiver)) = (begun.postings, mpsc::channel(WAITING_MAX));
    let app = Arc::clone(&web.app);
    tokio::spawn(async move {
        loop {
            let piece = match app.journal_piece(&mut begun).await {
                Ok(Some(piece)) => Ok(Bytes::from(piece)),
                Ok(None) => return,
                // A connection that breaks off is the only way left to say that the file is not whole.
                Err(error) => Err(std::io::Error::other(error.message.en)),
            };
            let broken = piece.is_err();
            if sender.send(piece).await.is_err() || broken {
                return;
            }
        }
    });
    Ok(answer(form, &name, postings, Pieces(receiver)))
}

fn answer(form: JournalForm, name: &str, postings: i64, pieces: Pieces) -> Response {
    let kind = match form {
        JournalForm::Csv => "text/csv; charset=utf-8",
        JournalForm::JsonLines => "application/jsonl",
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    let named = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    let mut response = (named, Body::new(pieces)).into_response();
    response.headers_mut().insert(POSTINGS, HeaderValue::from(postings));
    response
}

/// A body that is written while it is sent.
struct Pieces(mpsc::Receiver<Piece>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
