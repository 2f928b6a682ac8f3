//! `GET /v1/stream`: news of a stall or a market as server-sent events (WHATWG HTML §9.2).
//!
//! A task for each listener frames what `app::listen` hands it; between it and the connection lie a
//! few events at most. A connection that takes nothing for [`SLOW`] is given up.

use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::app::error::{AppError, Message};
use crate::app::listen::{Listener, News};

/// How often something is sent although nothing happened: a phone that hears nothing for longer
/// knows that its connection is dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a connection may take nothing before it is given up.
const SLOW: Duration = Duration::from_secs(20);
/// Events between a listener and its connection.
const WAITING_MAX: usize = 8;
/// How long one stream lasts before whoever listens is asked to come back, and is asked who they are:
/// an end in another process is heard within seconds (`app::listen`), a change of rights by then.
const LIFETIME: Duration = Duration::from_mins(10);
/// How long a phone waits before it comes back, in milliseconds, give or take 30 %: not all at once
/// after a restart.
const RETRY_MS: u64 = 3_000;

/// Reads where a listener goes on: the header that a browser sends by itself, else `?after=`.
pub(super) fn after(headers: &HeaderMap, query: Option<&str>) -> Result<Option<i64>, AppError> {
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let Some(text) = header.or(query).filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = text.parse::<i64>().ok().filter(|number| *number >= 0);
    number.map(Some).ok_or_else(|| {
        let message = Message::new(
            "after là số thứ tự của bút toán nghe được cuối cùng.",
            "after is the number of the last posting heard.",
        );
        AppError::field("after", "after_invalid", message)
    })
}

/// Answers with the listener's news for as long as both sides stay.
pub(super) fn answer(listener: Listener) -> Response {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::spawn(speak(listener, sender));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies of one widespread make hold answers back otherwise.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::new(Stream(receiver))).into_response()
}

async fn speak(mut listener: Listener, sender: mpsc::Sender<Bytes>) {
    let spread = RETRY_MS * 3 / 10;
    let retry = RETRY_MS - spread + fastrand::u64(0..=2 * spread);
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.reset();
    let end = Instant::now() + LIFETIME + Duration::from_millis(retry * 10);
    let mut text = format!("retry: {retry}\n\n");
    loop {
        if !matches!(timeout(SLOW, sender.send(Bytes::from(std::mem::take(&mut text)))).await, Ok(Ok(()))) {
            return;
        }
        tokio::select! {
            news = listener.next() => match news {
                Some(news) => write(&mut text, &news),
                None => return,
            },
            _ = beat.tick() => {
                if let Some(seq) = listener.knows_all_up_to() {
                    let _ = writeln!(text, "id: {seq}");
                }
                text.push_str(": listening\n\n");
            }
            () = tokio::time::sleep_until(end) => return,
            () = sender.closed() => return,
        }
    }
}

fn write(text: &mut String, news: &News) {
    // Writing to a String cannot fail.
    if let Some(seq) = news.seq {
        let _ = writeln!(text, "id: {seq}");
    }
    let _ = write!(text, "event: {}\ndata: {}\n\n", news.kind.as_str(), news.text);
}

/// An answer's body that is written while it is sent.
struct Stream(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
