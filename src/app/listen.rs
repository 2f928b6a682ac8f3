//! News of a market's book as it is written: what phones and screens hear.
//!
//! Each market that somebody listens to has one room. After a commit the room reads what was added,
//! once for all its listeners, and hands it to the desks concerned: one desk for each stall listened
//! to, one for the whole market. Other processes' commits are found by looking every [`LOOK`].
//!
//! Nothing is kept for a listener: who comes back says what was heard last and is told the rest
//! from the journal, after a dead zone and after a restart of this program alike. Whoever is too
//! slow to take what is handed out is cut off and comes back the same way.
//!
//! Whoever listens by a login or a machine's key is cut off, too, once that does not hold any more, in
//! whatever process it was ended: the room asks before it tells anything.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::{broadcast, watch};

use super::App;
use super::access::Via;
use super::error::{AppError, ErrorKind, Message};
use super::standing::{Standing, Standings, Stay, ended};
use crate::domain::calendar::{BusinessDate, Clock, rfc3339};
use crate::domain::ids::{MarketCode, MarketId, PostingName, Seq, StallNumber};
use crate::domain::masking;
use crate::ledger::batch::Posting;
use crate::store::Store;
use crate::store::commits::rung;
use crate::store::postings::{self, Filter};

/// How often a room looks for what other processes wrote.
const LOOK: Duration = Duration::from_secs(1);
/// By how much clocks of two processes may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);
/// News that a listener may fall behind by before it is cut off.
const DESK_LENGTH: usize = 32;
/// Postings of a stall that are told one by one to who comes back; behind more, the phone reads its
/// book anew.
const CATCH_UP_MAX: i64 = 500;
/// Postings of the market that are looked through for who comes back.
const GAP_MAX: i64 = 50_000;
/// Listeners of one process: a connection each.
const LISTENERS_MAX: usize = 10_000;

/// What kind of news it is; the word stands in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewsKind {
    /// A posting: money that arrived, or a correction of it.
    Payment,
    /// Which date the book stands at.
    Day,
    /// Too much was missed: read the book anew.
    Resync,
}

impl NewsKind {
    /// Returns the event's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Day => "day",
            Self::Resync => "resync",
        }
    }
}

/// One piece of news.
#[derive(Debug, Clone)]
pub struct News {
    /// Its kind.
    pub kind: NewsKind,
    /// Up to which posting a listener knows everything once it has heard this; none when it says
    /// nothing about that.
    pub seq: Option<i64>,
    /// What happened, as JSON on one line.
    pub text: Arc<str>,
    date: BusinessDate,
}

/// Up to where a room has read.
#[derive(Debug, Clone, Copy)]
struct Place {
    seq: i64,
    open_date: BusinessDate,
    /// When a phone of the market last ended, in whatever process.
    last_ended: Option<Timestamp>,
}

/// The listeners of one market.
#[derive(Debug)]
struct Room {
    market: MarketId,
    code: MarketCode,
    place: watch::Sender<Option<Place>>,
    desks: Mutex<HashMap<Option<StallNumber>, broadcast::Sender<News>>>,
    listeners: AtomicUsize,
    standings: Standings,
    stalls: Mutex<HashMap<StallNumber, Arc<str>>>,
}

/// All rooms of this process.
#[derive(Clone)]
pub(crate) struct Rooms(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    rooms: Mutex<HashMap<MarketId, Arc<Room>>>,
    closing: watch::Sender<bool>,
    reads: AtomicU64,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rooms {
    pub(crate) fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        let (rooms, reads) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Inner { store, clock, rooms, closing: watch::Sender::new(false), reads }))
    }

    /// Enters a market's room, which opens for its first listener.
    fn enter(&self, market: MarketId, code: &MarketCode) -> Result<Arc<Room>, AppError> {
        let mut rooms = held(&self.0.rooms);
        let present: usize = rooms.values().map(|room| room.listeners.load(Ordering::SeqCst)).sum();
        if present >= LISTENERS_MAX {
            return Err(AppError::new(
                ErrorKind::Unavailable,
                "too_many_listeners",
                Message::new(
                    "Có quá nhiều máy đang nghe. Hãy thử lại sau ít giây.",
                    "Too many devices are listening. Try again in a few seconds.",
                ),
            ));
        }
        let room = rooms.entry(market).or_insert_with(|| {
            let room = Arc::new(Room {
                market,
                code: code.clone(),
                place: watch::Sender::new(None),
                desks: Mutex::default(),
                listeners: AtomicUsize::new(0),
                standings: Standings::default(),
                stalls: Mutex::default(),
            });
            tokio::spawn(Arc::clone(&self.0).attend(Arc::clone(&room)));
            room
        });
        room.listeners.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::clone(room))
    }

    /// Ends the news of a stall's listeners: whoever may still listen comes back at once.
    pub(crate) fn hang_up(&self, market: MarketId, stall: StallNumber) {
        let room = held(&self.0.rooms).get(&market).map(Arc::clone);
        if let Some(room) = room {
            held(&room.desks).remove(&Some(stall));
        }
    }

    /// Returns what turns true when the process stops.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.subscribe()
    }

    /// Returns the stalls of a market that somebody listens to in this process.
    pub(crate) fn listened_to(&self, market: MarketId) -> HashSet<StallNumber> {
        let room = held(&self.0.rooms).get(&market).map(Arc::clone);
        let Some(room) = room else { return HashSet::new() };
        let desks = held(&room.desks);
        let heard = desks.iter().filter(|(_, desk)| desk.receiver_count() > 0);
        heard.filter_map(|(stall, _)| *stall).collect()
    }

    /// Ends every listener's news: the process stops.
    pub(crate) fn close(&self) {
        self.0.closing.send_replace(true);
    }
}

impl Inner {
    /// Reads for a room until nobody is in it.
    async fn attend(self: Arc<Self>, room: Arc<Room>) {
        let mut bell = self.store.commits().bell(room.market);
        let mut closing = self.closing.subscribe();
        loop {
            match self.advance(&room).await {
                Ok(true) => continue,
                Ok(false) => {}
                // The next look tries again; listeners hear nothing wrong meanwhile.
                Err(error) => tracing::warn!(code = error.code, cause = ?error.cause, "app.listen.advance"),
            }
            if self.leave_empty(&room) {
                return;
            }
            tokio::select! {
                () = rung(&mut bell) => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
        }
    }

    fn leave_empty(&self, room: &Arc<Room>) -> bool {
        let mut rooms = held(&self.rooms);
        let empty = room.listeners.load(Ordering::SeqCst) == 0;
        if empty {
            rooms.remove(&room.market);
        }
        empty
    }

    /// Reads once and hands out what is new; tells whether there may be more.
    async fn advance(&self, room: &Room) -> Result<bool, AppError> {
        let place = *room.place.borrow();
        self.reads.fetch_add(1, Ordering::Relaxed);
        // A room that has just opened begins at the end.
        let read = self.store.tail(room.market, place.map_or(i64::MAX, |place| place.seq)).await?;
        let tail = read.ok_or_else(|| AppError::internal("a market is listened to that is not there"))?;
        let last_ended = tail.last_ended;
        let Some(Place { seq, open_date, last_ended: known }) = place else {
            room.place.send_replace(Some(Place { seq: tail.last_seq, open_date: tail.open_date, last_ended }));
            return Ok(false);
        };
        if last_ended != known {
            // Before anything is told: money that came after a phone was taken off is not told to it.
            self.hang_up_ended(room, last_ended).await?;
        }
        room.standings.end_fallen(&self.store, self.clock.now()).await?;
        for (posting, payer) in &tail.postings {
            let news = self.news(room, posting, payer).await?;
            room.tell(posting.stall, &news);
        }
        if tail.open_date > open_date {
            room.tell_all(&day_news(tail.open_date));
        }
        let reached = tail.postings.last().map_or(seq, |(last, _)| last.seq.get());
        room.place.send_replace(Some(Place { seq: reached, open_date: tail.open_date, last_ended }));
        Ok(reached < tail.last_seq)
    }

    /// Ends the news of stalls that had a phone taken off lately: whoever may still listen comes back.
    async fn hang_up_ended(&self, room: &Room, last: Option<Timestamp>) -> Result<(), AppError> {
        // Clocks of processes differ: one that lags behind wrote an instant before the last.
        let Some(since) = last.and_then(|last| last.checked_sub(CLOCKS_DIFFER).ok()) else { return Ok(()) };
        let ended = self.store.stalls_with_ended_phones(room.market, since).await?;
        let mut desks = held(&room.desks);
        for stall in ended {
            desks.remove(&Some(stall));
        }
        Ok(())
    }

    async fn news(&self, room: &Room, posting: &Posting, payer: &str) -> Result<News, AppError> {
        let stall = match posting.stall {
            Some(number) => self.stall_code(room, number).await?,
            None => None,
        };
        let text = payment_json((&room.code, stall.as_deref()), posting, payer, self.clock.now()).into();
        Ok(News { kind: NewsKind::Payment, seq: Some(posting.seq.get()), text, date: posting.business_date })
    }

    async fn stall_code(&self, room: &Room, number: StallNumber) -> Result<Option<Arc<str>>, AppError> {
        if let Some(code) = held(&room.stalls).get(&number) {
            return Ok(Some(Arc::clone(code)));
        }
        let code: Option<Arc<str>> = self.store.stall_code(room.market, number).await?.map(Into::into);
        if let Some(code) = &code {
            held(&room.stalls).insert(number, Arc::clone(code));
        }
        Ok(code)
    }
}

impl Room {
    fn sit_down(&self, stall: Option<StallNumber>) -> broadcast::Receiver<News> {
        held(&self.desks).entry(stall).or_insert_with(|| broadcast::Sender::new(DESK_LENGTH)).subscribe()
    }

    fn tell(&self, stall: Option<StallNumber>, news: &News) {
        let desks = held(&self.desks);
        let concerned = stall.and_then(|stall| desks.get(&Some(stall)));
        for desk in concerned.into_iter().chain(desks.get(&None)) {
            // Nobody at the desk any more is no matter.
            let _ = desk.send(news.clone());
        }
    }

    fn tell_all(&self, news: &News) {
        for desk in held(&self.desks).values() {
            let _ = desk.send(news.clone());
        }
    }
}

/// One who listens, to a stall or to a whole market.
pub struct Listener {
    room: Arc<Room>,
    stall: Option<StallNumber>,
    since: BusinessDate,
    desk: broadcast::Receiver<News>,
    waiting: VecDeque<News>,
    told: i64,
    closing: watch::Receiver<bool>,
    stay: Option<Stay>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("stall", &self.stall).field("told", &self.told).finish_non_exhaustive()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.room.listeners.fetch_sub(1, Ordering::SeqCst);
        if let Some(stay) = &self.stay {
            self.room.standings.leave(stay);
        }
        let mut desks = held(&self.room.desks);
        // This listener's own place is still counted.
        if desks.get(&self.stall).is_some_and(|desk| desk.receiver_count() <= 1) {
            desks.remove(&self.stall);
        }
    }
}

impl Listener {
    /// Waits for the next news; none when the listener fell too far behind, when what it listens by has
    /// ended, or when the process stops. May be given up while waiting without losing anything.
    pub async fn next(&mut self) -> Option<News> {
        loop {
            if self.stay.as_ref().is_some_and(Stay::has_ended) {
                return None;
            }
            let mut news = if let Some(news) = self.waiting.pop_front() {
                news
            } else {
                tokio::select! {
                    // An end is heard before news that came after it.
                    biased;
                    () = ended(&mut self.stay) => return None,
                    news = self.desk.recv() => news.ok()?,
                    _ = self.closing.wait_for(|closing| *closing) => return None,
                }
            };
            let known = news.kind == NewsKind::Payment && news.seq.is_some_and(|seq| seq <= self.told);
            if let Some(seq) = news.seq {
                self.told = self.told.max(seq);
                news.seq = Some(self.told);
            }
            if !known && news.date >= self.since {
                return Some(news);
            }
        }
    }

    /// Returns up to which posting this listener knows everything, when nothing waits for it: a
    /// quiet stall in a busy market need not look through the whole day after a dead zone.
    #[must_use]
    pub fn knows_all_up_to(&self) -> Option<i64> {
        // The room hands out before it moves its place, so what lies behind the place is read first.
        let place = (*self.room.place.borrow())?;
        let idle = self.waiting.is_empty() && self.desk.is_empty();
        idle.then_some(place.seq.max(self.told))
    }
}

/// Whom to listen to.
#[derive(Debug, Clone)]
pub struct Listen<'a> {
    /// The market.
    pub market: &'a MarketCode,
    /// The stall; the whole market when there is none.
    pub stall: Option<StallNumber>,
    /// The last posting that was heard; none to begin now.
    pub after: Option<i64>,
    /// Book days before this are not told: they are a former tenant's.
    pub since: BusinessDate,
}

impl App {
    /// Begins to listen, with what was missed since `after` first.
    ///
    /// # Errors
    /// `not_found` for the market, `too_many_listeners`, and whatever the store meets.
    pub async fn listen(&self, wanted: Listen<'_>) -> Result<Listener, AppError> {
        let market = self.market(wanted.market).await?;
        let room = self.rooms.enter(market.id, &market.code)?;
        let desk = room.sit_down(wanted.stall);
        let mut ready = room.place.subscribe();
        let closing = self.rooms.0.closing.subscribe();
        let (stall, since) = (wanted.stall, wanted.since);
        let mut listener =
            Listener { room, stall, since, desk, waiting: VecDeque::new(), told: 0, closing, stay: None };
        // Seated first, then read: what comes between lies at the desk and in the journal, and is told once.
        let place = tokio::select! {
            place = ready.wait_for(Option::is_some) => place.ok().and_then(|place| *place),
            _ = listener.closing.wait_for(|closing| *closing) => None,
        };
        let Some(place) = place else { return Ok(listener) };
        match wanted.after {
            None => listener.told = place.seq,
            Some(after) => self.catch_up(&mut listener, after, place).await?,
        }
        let standing = News { seq: Some(place.seq), ..day_news(place.open_date) };
        listener.waiting.push_back(standing);
        Ok(listener)
    }

    /// Begins to listen as [`App::listen`] does, by what the actor is known by: the news ends within
    /// [`LOOK`] of its end, in whatever process that was.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn listen_by(&self, via: Via, wanted: Listen<'_>) -> Result<Listener, AppError> {
        let mut listener = self.listen(wanted).await?;
        listener.stay = Standing::of(via).map(|standing| listener.room.standings.join(standing));
        Ok(listener)
    }

    /// Returns how often the rooms have read so far: once a commit at most, whoever listens.
    #[must_use]
    pub fn listening_reads(&self) -> u64 {
        self.rooms.0.reads.load(Ordering::Relaxed)
    }

    /// Ends all listening, so that a server can stop.
    pub fn stop_listening(&self) {
        self.rooms.close();
    }

    async fn catch_up(&self, listener: &mut Listener, after: i64, place: Place) -> Result<(), AppError> {
        let gap = place.seq.saturating_sub(after);
        let mut missed = Vec::new();
        if (0..=GAP_MAX).contains(&gap) {
            let limit = CATCH_UP_MAX.saturating_add(1);
            let filter = Filter { date: None, stall: listener.stall, after, limit };
            let mut transaction = self.store.begin_read().await?;
            missed = postings::list(&mut transaction, listener.room.market, filter).await?;
            transaction.rollback().await?;
        }
        let too_many = i64::try_from(missed.len()).is_ok_and(|count| count > CATCH_UP_MAX);
        if too_many || !(0..=GAP_MAX).contains(&gap) {
            let text = json!({ "after": after, "last_seq": place.seq }).to_string().into();
            let date = BusinessDate::END;
            listener.waiting.push_back(News { kind: NewsKind::Resync, seq: Some(place.seq), text, date });
            return Ok(());
        }
        listener.told = after;
        let items: Vec<i64> = missed.iter().filter_map(|posting| posting.item).collect();
        let payers = self.store.payers(listener.room.market, &items).await?;
        for posting in &missed {
            let payer = posting.item.and_then(|item| payers.get(&item)).map_or("", String::as_str);
            listener.waiting.push_back(self.rooms.0.news(&listener.room, posting, payer).await?);
        }
        Ok(())
    }
}

fn day_news(open_date: BusinessDate) -> News {
    let text = json!({ "open_date": open_date.to_string(), "closed_to": open_date.previous().to_string() });
    // Everybody may know which date is open.
    News { kind: NewsKind::Day, seq: None, text: text.to_string().into(), date: BusinessDate::END }
}

fn payment_json(
    (market, stall): (&MarketCode, Option<&str>),
    posting: &Posting,
    payer: &str,
    now: Timestamp,
) -> String {
    let name = |seq: Seq| PostingName { market: market.clone(), seq }.to_string();
    // The bank's word for the time, when it has one: money that was told late is not new.
    let happened = posting.event_at.unwrap_or(posting.recorded_at);
    let age = now.duration_since(happened).as_secs().max(0);
    json!({
        "posting": name(posting.seq), "kind": posting.kind.as_str(), "stall": stall,
        "amount": posting.effect().whole(), "currency": "VND", "business_date": posting.business_date.to_string(),
        "event_at": posting.event_at.map(rfc3339), "recorded_at": rfc3339(posting.recorded_at), "age_s": age,
        "late": posting.late, "concerns": posting.concerns.map(name), "payer_last_four": masking::last_four(payer),
    })
    .to_string()
}
