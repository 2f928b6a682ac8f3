//! Random commands against the real store and against [`Model`], step by step; after each step the
//! whole journal and inbox are compared, and everything derived is counted with plain SQL and by
//! `verify`. A failing sequence is shortened before it is shown.

use std::future::poll_fn;
use std::task::Poll;

use jiff::{SignedDuration, Timestamp};
use socho::app::close_day::CloseDay;
use socho::app::error::{AppError, ErrorKind};
use socho::app::receive_settlement::{Reply, ReplyStatus};
use socho::app::resolve::ResolveAction;
use socho::domain::account::{AccountKind, BankAccount};
use socho::domain::calendar::BusinessDate;
use socho::domain::ids::{ItemName, MarketCode, MarketId, PostingName, StallNumber};
use socho::domain::memo::MemoCode;
use socho::domain::money::Dong;
use socho::domain::registration::Registration;
use socho::domain::settlement::{BankRef, Dialect, Settlement};

use super::audit::{Reader, broken_properties};
use super::model::{DAY, DECIDED, Model, Report};
use super::{dice, times};
use crate::world::{World, inbound, send, settlement, story};

const SOURCES: [&str; 2] = ["one", "two"];
/// (stall, vendor, account): the first two stand from the start. The third gives an account a second
/// stall, the fourth is an account that has been reported before it is listed, the last has no stall.
const REGISTRATIONS: [(Option<&str>, &str, &str); 5] = [
    (Some("A1"), "Chị Ba", "0071000001"),
    (None, "Ban quản lý", "0071000002"),
    (Some("A2"), "Chị Ba", "0071000001"),
    (Some("B1"), "Anh Tư", "0071000003"),
    (Some("B2"), "Anh Tư", "0071000003"),
];
const COLLECTING: &str = "0071000002";
const STEPS: usize = 50;

#[derive(Debug, Clone)]
enum Command {
    Register(usize),
    Settle {
        source: usize,
        account: usize,
        amount: i64,
        ago: i64,
        reference: Option<usize>,
        memo: Option<i64>,
    },
    /// An earlier report, byte for byte.
    Again(usize),
    /// An earlier report's event with another amount.
    Conflict(usize),
    /// An earlier report's money as the other source tells it, with or without its reference.
    Elsewhere {
        nth: usize,
        reference: bool,
        apart: i64,
    },
    /// Another event of the same source under an earlier report's reference.
    Reused(usize),
    /// A settlement whose signature does not fit.
    Forged,
    Reverse(usize),
    Assign(usize, usize),
    Adjust(&'static str, usize, i64),
    /// A decision about a held item: book it, or dismiss it.
    Resolve(usize, bool),
    Close(i64),
    Wait(i64),
    Restart,
}

fn command(rng: &mut fastrand::Rng) -> Command {
    let nth = rng.usize(..1_000);
    match rng.u8(..100) {
        0..40 => Command::Settle {
            source: rng.usize(..2),
            account: rng.usize(..3),
            amount: rng.i64(1..=2) * 10_000,
            // Up to twenty minutes ahead of us, more than is believed, and days ago.
            ago: if rng.u8(..8) == 0 { rng.i64(0..3 * DAY) } else { rng.i64(-20..30) },
            reference: Some(rng.usize(..500)).filter(|_| rng.u8(..4) > 0),
            memo: Some(rng.i64(1..=5)).filter(|_| rng.bool()),
        },
        40..45 => Command::Again(nth),
        45..48 => Command::Conflict(nth),
        48..58 => Command::Elsewhere { nth, reference: rng.bool(), apart: rng.i64(-3..=3) },
        58..60 => Command::Reused(nth),
        60..61 => Command::Forged,
        61..66 => Command::Resolve(nth, rng.u8(..3) > 0),
        66..73 => Command::Reverse(nth),
        73..79 => Command::Assign(nth, rng.usize(..REGISTRATIONS.len())),
        79..87 => Command::Adjust(if rng.bool() { "cash_change" } else { "exclusion" }, nth, rng.i64(1..=12) * 1_000),
        87..91 => Command::Close(rng.i64(-4..=1)),
        91..95 => Command::Wait(rng.i64(1..DAY)),
        95..98 => Command::Register(rng.usize(2..REGISTRATIONS.len())),
        _ => Command::Restart,
    }
}

fn market() -> MarketCode {
    "TAN".parse().unwrap()
}

fn instant(minute: i64) -> Timestamp {
    let midnight: Timestamp = "2026-11-20T00:00:00+07:00".parse().unwrap();
    midnight.checked_add(SignedDuration::from_mins(minute)).unwrap()
}

fn posting(seq: usize) -> PostingName {
    format!("TAN-{seq}").parse().unwrap()
}

/// The real book and the model, side by side.
struct Pair {
    world: World,
    model: Model,
    sent: Vec<Report>,
    /// Commands that the model refused, and that changed nothing.
    refused: usize,
}

impl Pair {
    async fn new(world: World) -> Self {
        let start = 4 * DAY + 8 * 60 + 20;
        world.clock.set(instant(start));
        world.market("TAN", "04:00").await;
        world.app.init_key(&market()).await.unwrap();
        for source in SOURCES {
            world.source(source, Dialect::GenericHmac, &[], Some("TAN")).await;
        }
        let mut pair = Self { world, model: Model::new(start), sent: Vec::new(), refused: 0 };
        for which in 0..2 {
            pair.register(which).await.unwrap();
        }
        pair
    }

    async fn register(&mut self, which: usize) -> Result<(), String> {
        let (stall, vendor, account) = REGISTRATIONS[which];
        let kind = if account == COLLECTING { AccountKind::Collecting } else { AccountKind::Direct };
        let registration = Registration {
            stall: stall.map(|stall| stall.parse().unwrap()),
            vendor: vendor.parse().unwrap(),
            category: String::new(),
            account: BankAccount { bin: "970436".parse().unwrap(), number: account.parse().unwrap() },
            kind,
            holder: String::new(),
        };
        self.model.register(stall, account, kind == AccountKind::Collecting);
        let registered = Box::pin(self.world.app.register(&market(), registration)).await;
        registered.map(|_| ()).map_err(|error| error.to_string())
    }

    async fn step(&mut self, command: &Command) -> Result<(), String> {
        if let Some(report) = self.report(command) {
            let reply = self.world.send(SOURCES[report.source], Dialect::GenericHmac, &Self::settlement(&report)).await;
            return self.answered(report, &reply);
        }
        let seq = |nth: &usize| 1 + nth % (self.model.postings.len() + 1);
        match command {
            Command::Register(which) => return self.register(*which).await,
            Command::Settle { .. }
            | Command::Again(_)
            | Command::Conflict(_)
            | Command::Elsewhere { .. }
            | Command::Reused(_) => {}
            Command::Forged => return self.forge().await,
            Command::Reverse(nth) => {
                let seq = seq(nth);
                let made = self.world.app.reverse(&posting(seq), "op", "nhầm").await;
                return self.corrected(made, |model| model.reverse(seq));
            }
            Command::Assign(nth, which) => {
                let (seq, stall) = (seq(nth), REGISTRATIONS[*which].0.unwrap_or("Z9"));
                let made = self.world.app.assign(&posting(seq), "op", "của sạp này", stall).await;
                return self.corrected(made, |model| model.assign(seq, stall));
            }
            Command::Adjust(kind, nth, amount) => {
                let (seq, dong) = (seq(nth), Dong::new(*amount));
                let made = if *kind == "cash_change" {
                    self.world.app.cash_change(&posting(seq), "op", "thối lại", dong).await
                } else {
                    self.world.app.exclude(&posting(seq), "op", "trả nợ", dong).await
                };
                return self.corrected(made, |model| model.adjust(kind, seq, *amount));
            }
            Command::Resolve(nth, books) => return self.resolve(*nth, *books).await,
            Command::Close(days) => return self.close(Model::business_day(self.model.now) + days).await,
            Command::Wait(minutes) => {
                self.model.now += minutes;
                self.world.clock.set(instant(self.model.now));
            }
            Command::Restart => {
                self.world.app.close().await;
                self.world.app = self.world.second().await;
            }
        }
        Ok(())
    }

    /// What a sender says by a command; nothing when it is none of a sender's.
    fn report(&self, command: &Command) -> Option<Report> {
        let earlier = |nth: &usize| self.sent.get(nth % self.sent.len().max(1)).cloned();
        let event = format!("e{}", self.sent.len());
        Some(match command {
            Command::Settle { source, account, amount, ago, reference, memo } => {
                let account = ["0071000001", COLLECTING, "0071000003"][*account].to_owned();
                let prefix = if *source == 1 && *memo == Some(1) { "TX" } else { "FT" };
                let reference = reference.map(|number| format!("{prefix}{number:05}"));
                let at = self.model.now - ago;
                let (source, amount, memo) = (*source, *amount, *memo);
                Report { source, event, account, amount, at, reference, memo }
            }
            Command::Again(nth) => earlier(nth)?,
            Command::Conflict(nth) => {
                let report = earlier(nth)?;
                Report { amount: report.amount + 1_000, ..report }
            }
            Command::Elsewhere { nth, reference, apart } => {
                let report = earlier(nth)?;
                let kept = report.reference.clone().filter(|_| *reference);
                let (source, at) = (1 - report.source, report.at + apart);
                Report { source, event, at, reference: kept, ..report }
            }
            Command::Reused(nth) => Report { event, ..earlier(nth)? },
            _ => return None,
        })
    }

    fn settlement(report: &Report) -> Settlement {
        let at = instant(report.at).to_string();
        let mut settlement = settlement(&report.account, &report.event, report.amount, &at);
        settlement.reference = report.reference.as_deref().and_then(BankRef::normalise);
        if let Some(stall) = report.memo {
            settlement.memo = format!("CT {} tien rau", MemoCode::of(StallNumber::new(stall).unwrap()));
        }
        settlement
    }

    /// Compares what a sender hears with what the model says.
    fn answered(&mut self, report: Report, reply: &Reply) -> Result<(), String> {
        self.sent.push(report.clone());
        let told = self.model.settle(report);
        let heard = (reply.items[0].outcome.as_str(), reply.items[0].posting.clone());
        let expected = (told.0, told.1.map(|seq| format!("TAN-{seq}")));
        if heard == expected { Ok(()) } else { Err(format!("answered {heard:?}, the model says {expected:?}")) }
    }

    async fn forge(&mut self) -> Result<(), String> {
        let sale = settlement("0071000001", "forged", 1_000, "2026-11-24T08:00:00+07:00");
        let mut forged = inbound(self.world.app.now(), SOURCES[0], Dialect::GenericHmac, &sale);
        forged.body.push(b' ');
        let reply = self.world.app.receive_settlement(forged).await.unwrap();
        self.refused += 1;
        if reply.status == ReplyStatus::Unauthenticated { Ok(()) } else { Err(format!("{reply:?}")) }
    }

    /// Compares a correction's outcome with the model's.
    fn corrected(
        &mut self,
        made: Result<PostingName, AppError>,
        model: impl FnOnce(&mut Model) -> Result<usize, &'static str>,
    ) -> Result<(), String> {
        let made = made.map_err(|error| error.code).map(|name| name.to_string());
        let expected = model(&mut self.model).map(|seq| format!("TAN-{seq}"));
        self.refused += usize::from(expected.is_err());
        if made == expected { Ok(()) } else { Err(format!("gave {made:?}, the model says {expected:?}")) }
    }

    async fn resolve(&mut self, nth: usize, books: bool) -> Result<(), String> {
        let held = self.model.held();
        let Some(&number) = held.get(nth % held.len().max(1)) else { return Ok(()) };
        let item =
            ItemName { market: MarketId::new(1).unwrap(), item: i64::try_from(number).unwrap(), recorded_at_ms: 0 };
        let action = if books { ResolveAction::Book } else { ResolveAction::Dismiss };
        let answer = Box::pin(self.world.app.resolve(item, "op", DECIDED, action)).await;
        let made = answer.map(|items| items[0].posting.clone()).map_err(|error| error.code);
        let expected = self.model.resolve(number, books).map(|seq| seq.map(|seq| format!("TAN-{seq}")));
        self.refused += usize::from(expected.is_err());
        if made == expected { Ok(()) } else { Err(format!("gave {made:?}, the model says {expected:?}")) }
    }

    async fn close(&mut self, day: i64) -> Result<(), String> {
        let date = "2026-11-20".parse::<BusinessDate>().unwrap().plus_days(day);
        let asked = CloseDay { market: market(), date, early: true, actor: "op".to_owned() };
        let closed = Box::pin(self.world.app.close_day(asked)).await;
        let expected = self.model.close(day);
        self.refused += usize::from(expected.is_err());
        match (closed, expected) {
            (Ok(_), Ok(())) => Ok(()),
            (Err(error), Err(code)) if error.code == code && error.kind != ErrorKind::Internal => Ok(()),
            (closed, expected) => Err(format!("closing {date} gave {closed:?}, the model says {expected:?}")),
        }
    }

    /// Compares the whole journal and inbox with the model's and counts what may never be.
    async fn compare(&self) -> Result<(), String> {
        const POSTINGS: &str = "SELECT kind || '|' || debit_account || '|' || credit_account || '|' || \
            CAST(amount AS TEXT) || '|' || business_date || '|' || event_date || '|' || CAST(late AS TEXT) || '|' || \
            COALESCE(CAST(item AS TEXT), '') || '|' || COALESCE(CAST(concerns AS TEXT), ''), seq \
            FROM postings WHERE market_id = 1 ORDER BY seq";
        const ITEMS: &str = "SELECT outcome || '|' || COALESCE(reason, '') || '|' || \
            COALESCE(CAST(posting_seq AS TEXT), '') || '|' || COALESCE(CAST(earlier_item AS TEXT), '') || '|' || \
            COALESCE(CAST(resolves AS TEXT), '') || '|' || CAST(claims_event AS TEXT) || '|' || \
            CAST(claims_reference AS TEXT) || '|' || COALESCE(CAST(memo_code AS TEXT), ''), item \
            FROM inbox WHERE market_id = 1 ORDER BY item";
        let mut reader = Reader::open(&self.world.url).await;
        let postings = self.model.postings.iter().map(super::model::Posting::row);
        same_rows("journal", &reader.texts(POSTINGS).await, postings.collect())?;
        let items = self.model.items.iter().map(super::model::Item::row);
        same_rows("inbox", &reader.texts(ITEMS).await, items.collect())?;
        let broken = broken_properties(&mut reader).await;
        if !broken.is_empty() {
            return Err(broken.join("; "));
        }
        let found = self.world.app.verify(None).await.map_err(|error| error.to_string())?;
        let differences: Vec<String> = found.into_iter().flat_map(|market| market.differences).collect();
        if differences.is_empty() { Ok(()) } else { Err(differences.join("; ")) }
    }

    /// Numbers that a refused command may not move.
    async fn marks(&self) -> Vec<(String, i64)> {
        const SQL: &str = "SELECT CAST(market_id AS TEXT) || open_date || CAST(last_seq AS TEXT) || '.' || \
            CAST(last_item AS TEXT) || '.' || CAST(last_batch AS TEXT), version FROM market_head ORDER BY 1";
        Reader::open(&self.world.url).await.texts(SQL).await
    }
}

fn same_rows(what: &str, real: &[(String, i64)], model: Vec<String>) -> Result<(), String> {
    let model: Vec<(String, i64)> = model.into_iter().zip(1..).collect();
    let differs = (0..real.len().max(model.len())).find(|&row| real.get(row) != model.get(row));
    let Some(row) = differs else { return Ok(()) };
    Err(format!("{what}: the book has {:?}, the model {:?}", real.get(row), model.get(row)))
}

/// Runs a sequence in a book of its own; the first step that differs, and how.
async fn run(engine: &str, commands: &[Command]) -> Result<Pair, (usize, String)> {
    let world = if engine == "sqlite" { World::sqlite().await } else { World::postgres().await.unwrap() };
    let mut pair = Pair::new(world).await;
    for (number, command) in commands.iter().enumerate() {
        let told = |error: String| (number, format!("{engine}, step {number}, {command:?}: {error}"));
        let (marks, refused) = (pair.marks().await, pair.refused);
        Box::pin(pair.step(command)).await.map_err(told)?;
        Box::pin(pair.compare()).await.map_err(told)?;
        if pair.refused > refused && pair.marks().await != marks {
            return Err(told("was refused and changed something".to_owned()));
        }
    }
    Ok(pair)
}

/// Leaves out of a failing sequence whatever it fails without.
async fn shortened(engine: &str, mut commands: Vec<Command>, (step, mut last): (usize, String)) -> String {
    commands.truncate(step + 1);
    for place in (0..commands.len()).rev() {
        if place >= commands.len() {
            continue;
        }
        let mut fewer = commands.clone();
        fewer.remove(place);
        if let Err((step, error)) = Box::pin(run(engine, &fewer)).await {
            fewer.truncate(step + 1);
            (commands, last) = (fewer, error);
        }
    }
    format!("{last}\nshortened to {commands:#?}")
}

/// The bytes of the journal and of the inbox that do not come from chance: delivery numbers, salts
/// and what is hashed from them are left out.
async fn journal_bytes(url: &str) -> Vec<(String, i64)> {
    const POSTINGS: &str = "SELECT CAST(market_id AS TEXT) || kind || debit_account || credit_account || \
        CAST(amount AS TEXT) || business_date || event_date || COALESCE(CAST(event_at AS TEXT), '-') || \
        CAST(recorded_at AS TEXT) || CAST(late AS TEXT) || COALESCE(CAST(stall_number AS TEXT), '-') || \
        COALESCE(CAST(item AS TEXT), '-') || COALESCE(CAST(concerns AS TEXT), '-') || COALESCE(reason, '-') || \
        COALESCE(actor, '-') || CAST(batch_no AS TEXT), seq FROM postings ORDER BY market_id, seq";
    const ITEMS: &str = "SELECT CAST(market_id AS TEXT) || CAST(source_id AS TEXT) || COALESCE(event_id, '-') || \
        direction || COALESCE(settled_account, '-') || COALESCE(CAST(amount AS TEXT), '-') || \
        COALESCE(reference, '-') || CAST(occurrence AS TEXT) || COALESCE(CAST(event_at AS TEXT), '-') || \
        event_precision || COALESCE(CAST(claimed_at AS TEXT), '-') || event_date || business_date || outcome || \
        CAST(recorded_at AS TEXT) || CAST(batch_no AS TEXT), item FROM inbox ORDER BY market_id, item";
    const BALANCES: &str = "SELECT account || CAST(credits AS TEXT), debits FROM balances ORDER BY market_id, account";
    let mut reader = Reader::open(url).await;
    let mut rows = reader.texts(POSTINGS).await;
    rows.extend(reader.texts(ITEMS).await);
    rows.extend(reader.texts(BALANCES).await);
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_commands_leave_both_engines_as_the_model_says_and_byte_for_byte_alike() {
    let mut rng = dice("oracle");
    let engines: &[&str] = if World::postgres().await.is_some() { &["sqlite", "postgres"] } else { &["sqlite"] };
    let (mut refused, mut outcomes) = (0, std::collections::BTreeMap::<String, usize>::new());
    for _ in 0..times(2) {
        let commands: Vec<Command> = (0..STEPS).map(|_| command(&mut rng)).collect();
        let mut journals = Vec::new();
        for engine in engines {
            match Box::pin(run(engine, &commands)).await {
                Ok(pair) => {
                    refused += pair.refused;
                    for item in &pair.model.items {
                        let row = item.row();
                        let kind = row.split('|').take(2).collect::<Vec<_>>().join(" ");
                        *outcomes.entry(kind).or_default() += 1;
                    }
                    journals.push(journal_bytes(&pair.world.url).await);
                }
                Err(failed) => {
                    eprintln!("{}", failed.1);
                    panic!("{}", Box::pin(shortened(engine, commands, failed)).await);
                }
            }
        }
        assert!(journals.windows(2).all(|pair| pair[0] == pair[1]), "the engines' journals differ");
    }
    eprintln!("oracle: {refused} refused, outcomes {outcomes:?}");
    assert!(refused > 0 && outcomes.len() > 4, "the commands were too tame: {refused} refused, {outcomes:?}");
}

/// Reports that wait for one batch are judged as if each had come alone: each sees what the ones
/// before it decided. A lock keeps the market's lane busy until all of a burst are queued.
async fn bursts(mut pair: Pair, rng: &mut fastrand::Rng) {
    const LARGEST: &str = "SELECT CAST(MAX(item_count) AS BIGINT) FROM batches";
    let sqlite = pair.world.url.starts_with("sqlite");
    for burst in 0..times(6) {
        let mut lock = Reader::open(&pair.world.url).await;
        let begin = if sqlite { "BEGIN IMMEDIATE" } else { "BEGIN; SELECT 1 FROM market_head FOR UPDATE" };
        lock.execute(begin).await.unwrap();
        let (mut waiting, mut seen) = (Vec::new(), pair.sent.clone());
        for _ in 0..10 {
            // Mostly about what is in the same burst.
            let nth = seen.len().saturating_sub(1 + rng.usize(..4));
            let command = match rng.u8(..10) {
                0..4 => Command::Elsewhere { nth, reference: rng.bool(), apart: rng.i64(-3..=3) },
                4..5 => Command::Conflict(nth),
                5..6 => Command::Again(nth),
                6..7 => Command::Reused(nth),
                _ => std::iter::repeat_with(|| command(rng)).find(|any| matches!(any, Command::Settle { .. })).unwrap(),
            };
            std::mem::swap(&mut pair.sent, &mut seen);
            let report = pair.report(&command);
            std::mem::swap(&mut pair.sent, &mut seen);
            let Some(report) = report else { continue };
            seen.push(report.clone());
            let (app, settlement) = (std::sync::Arc::clone(&pair.world.app), Pair::settlement(&report));
            let source = SOURCES[report.source];
            let mut sent = Box::pin(async move { send(&app, source, Dialect::GenericHmac, &settlement).await });
            // One poll brings it into the lane's queue, and no further: the order is this one.
            let queued = poll_fn(|context| Poll::Ready(sent.as_mut().poll(context).is_pending())).await;
            assert!(queued, "answered although the lane is locked");
            waiting.push((report, sent));
        }
        lock.execute("ROLLBACK").await.unwrap();
        for (report, sent) in waiting {
            let (reply, told) = (sent.await, format!("burst {burst}, {report:?}"));
            pair.answered(report, &reply).map_err(|error| format!("{told}: {error}")).unwrap();
        }
        Box::pin(pair.compare()).await.map_err(|error| format!("burst {burst}: {error}")).unwrap();
    }
    assert!(pair.world.int(LARGEST).await > 5, "nothing was judged together");
}

story!(a_burst_judged_as_one_batch_ends_as_if_each_report_had_come_alone, |world| {
    let mut rng = dice("burst");
    bursts(Pair::new(world).await, &mut rng).await;
});
