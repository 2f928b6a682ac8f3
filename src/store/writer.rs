//! The writer: one lane for each market (one for all markets on SQLite, which has one writing
//! connection) drains a bounded queue. A batch is whatever arrived while the previous commit ran;
//! there is no timer. Lanes are a speed-up, never a safety assumption: the fence makes any number
//! of processes safe (DESIGN §4.6–8).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::engine::{self, EngineKind, binds};
use super::error::{Result, StoreError};
use super::facts::{self, Found, Kept};
use super::head::Head;
use super::meter::Meter;
use super::{Store, head, journal, pairing};
use crate::domain::calendar::Clock;
use crate::domain::ids::MarketId;
use crate::ledger::judge::{self, Judged};
use crate::ledger::work::{Done, Work};

/// Jobs that may wait in one lane before the next is refused with "try again": about a second's.
const QUEUE_LENGTH: usize = 8_192;
/// Pieces of work after which a batch is closed even though more wait; bounds a commit's latency.
const BATCH_WORKS: usize = 512;
/// Quiet time after which SQLite's write-ahead log is folded into the file.
const IDLE: Duration = Duration::from_secs(2);
/// How often a failed file is opened anew before the process gives up.
const REOPEN_ATTEMPTS: u32 = 2;

/// Hands work to the lanes and waits for what became of it.
#[derive(Debug)]
pub struct Writer {
    store: Arc<Store>,
    clock: ClockHandle,
    lanes: Mutex<HashMap<MarketId, Lane>>,
    failed: watch::Sender<bool>,
    meter: Meter,
}

struct ClockHandle(Arc<dyn Clock>);

impl std::fmt::Debug for ClockHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

#[derive(Debug)]
struct Lane {
    jobs: mpsc::Sender<Job>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Job {
    market: MarketId,
    works: Vec<Work>,
    reply: oneshot::Sender<Result<Answer>>,
}

/// What became of a job. With the first one of a batch goes the work of all of them: the lane has better to do
/// than give its memory back, which was taken by those who wait.
#[derive(Debug)]
struct Answer {
    done: Vec<Done>,
    _spent: Vec<Work>,
}

impl Writer {
    /// Returns a writer; lanes start when they are first needed.
    #[must_use]
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock: ClockHandle(clock),
            lanes: Mutex::default(),
            failed: watch::Sender::new(false),
            meter: Meter::default(),
        }
    }

    /// Judges and writes pieces of work of one market in one transaction, after which the answer
    /// may be given: it comes only after COMMIT.
    ///
    /// # Errors
    /// [`StoreError::QueueFull`] when too much waits already, and whatever the store met; nothing
    /// was half-written then.
    pub async fn submit(&self, market: MarketId, works: Vec<Work>) -> Result<Vec<Done>> {
        let (reply, answer) = oneshot::channel();
        self.lane(market).try_send(Job { market, works, reply }).map_err(|_| StoreError::QueueFull)?;
        answer.await.map_err(|_| StoreError::QueueFull)?.map(|answer| answer.done)
    }

    /// Tells when the file could not be opened anew after a failure: the process must end, so that
    /// whoever runs it learns of it.
    #[must_use]
    pub fn failure(&self) -> watch::Receiver<bool> {
        self.failed.subscribe()
    }

    /// Returns what the writer counts about itself.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Returns how many jobs wait in all lanes now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lanes().values().map(|lane| lane.jobs.max_capacity().saturating_sub(lane.jobs.capacity())).sum()
    }

    /// Finishes what waits and stops the lanes.
    pub async fn close(&self) {
        let lanes: Vec<Lane> = self.lanes().drain().map(|(_, lane)| lane).collect();
        for Lane { jobs, task } in lanes {
            drop(jobs);
            // A lane that panicked has answered nobody falsely: its callers saw their channel close.
            let _ = task.await;
        }
    }

    fn lanes(&self) -> std::sync::MutexGuard<'_, HashMap<MarketId, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lane(&self, market: MarketId) -> mpsc::Sender<Job> {
        let key = match self.store.kind() {
            EngineKind::Sqlite => MarketId::INSTALLATION,
            EngineKind::Postgres => market,
        };
        let mut lanes = self.lanes();
        if let Some(lane) = lanes.get(&key).filter(|lane| !lane.task.is_finished()) {
            return lane.jobs.clone();
        }
        let (jobs, queue) = mpsc::channel(QUEUE_LENGTH);
        let worker = Worker {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock.0),
            failed: self.failed.clone(),
            meter: self.meter.clone(),
            remembered: HashMap::new(),
            lane: engine::Lane::default(),
        };
        let task = match self.store.kind() {
            // SQLite is called directly: the lane keeps a thread of its own busy, not a shared one.
            EngineKind::Sqlite => {
                let runtime = tokio::runtime::Handle::current();
                tokio::task::spawn_blocking(move || runtime.block_on(worker.run(queue)))
            }
            EngineKind::Postgres => tokio::spawn(worker.run(queue)),
        };
        lanes.insert(key, Lane { jobs: jobs.clone(), task });
        jobs
    }
}

/// One lane's worker.
struct Worker {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    failed: watch::Sender<bool>,
    meter: Meter,
    /// What is known of each market since its last batch.
    remembered: HashMap<MarketId, Remembered>,
    /// What it keeps of the database between batches.
    lane: engine::Lane,
}

impl Worker {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut folded = true;
        loop {
            let first = match tokio::time::timeout(IDLE, queue.recv()).await {
                Ok(Some(job)) => job,
                Ok(None) => return,
                Err(_) if folded => match queue.recv().await {
                    Some(job) => job,
                    None => return,
                },
                Err(_) => {
                    self.lane.rest();
                    // Readers may keep the log from being emptied; the next quiet moment tries again.
                    folded = self.store.checkpoint().await.is_ok();
                    continue;
                }
            };
            folded = false;
            let mut groups: BTreeMap<MarketId, Vec<Job>> = BTreeMap::new();
            let mut works = first.works.len();
            groups.entry(first.market).or_default().push(first);
            while works < BATCH_WORKS {
                let Ok(job) = queue.try_recv() else { break };
                works += job.works.len();
                groups.entry(job.market).or_default().push(job);
            }
            for (market, jobs) in groups {
                self.serve(market, jobs).await;
            }
            if let Err(error) = self.store.make_room().await {
                // The next batch meets the same disk and answers for itself.
                tracing::warn!(%error, cause = ?std::error::Error::source(&error), "store.writer.make_room");
            }
        }
    }

    /// Commits the jobs of one market together; should that fail for a reason that lies in one of
    /// them, each alone, so that one bad job never fails its neighbours.
    async fn serve(&mut self, market: MarketId, jobs: Vec<Job>) {
        let (mut works, mut replies) = (Vec::new(), Vec::new());
        for job in jobs {
            replies.push((job.works.len(), job.reply));
            works.extend(job.works);
        }
        let began = Instant::now();
        let outcome = self.commit(market, &works).await;
        self.meter.batch(works.len(), began.elapsed(), outcome.is_ok());
        match outcome {
            Ok(done) => {
                let (mut done, mut spent) = (done.into_iter(), works);
                for (count, reply) in replies {
                    let done = done.by_ref().take(count).collect();
                    // Nobody may be waiting any more: the booking stands all the same.
                    let _ = reply.send(Ok(Answer { done, _spent: std::mem::take(&mut spent) }));
                }
            }
            Err(error) if error.is_temporary() || replies.len() == 1 => {
                tracing::error!(market = market.get(), %error, cause = ?std::error::Error::source(&error), "store.writer.commit");
                let mut error = Some(error);
                for (_, reply) in replies {
                    let told = error.take().unwrap_or(StoreError::Unavailable(sqlx_closed()));
                    let _ = reply.send(Err(told));
                }
            }
            Err(_) => {
                let mut rest = works.into_iter();
                for (count, reply) in replies {
                    let works: Vec<Work> = rest.by_ref().take(count).collect();
                    let answer = self.commit(market, &works).await.map(|done| Answer { done, _spent: works });
                    let _ = reply.send(answer);
                }
            }
        }
    }

    async fn commit(&mut self, market: MarketId, works: &[Work]) -> Result<Vec<Done>> {
        let mut unknown: Option<(i64, Vec<u8>, Vec<Done>)> = None;
        for _ in 0..head::FENCE_ATTEMPTS {
            if let Some((number, hash, done)) = &unknown
                && self.is_written(market, *number, hash).await?
            {
                self.store.commits().ring(market);
                return Ok(done.clone());
            }
            match self.attempt(market, works).await {
                Ok(Some(done)) => return Ok(done),
                Ok(None) => {}
                Err(Interrupted { error, unknown: written }) => {
                    if error.is_file_failure() {
                        self.reopen().await?;
                    }
                    let Some(judged) = written else { return Err(error) };
                    let batch = &judged.batch;
                    if self.is_written(market, batch.number, &batch.next_head.last_hash).await? {
                        return Ok(judged.done);
                    }
                    if self.store.kind() == EngineKind::Sqlite {
                        return Err(error);
                    }
                    // The server may still be at it: the fence decides, and the look-up above tells.
                    unknown = Some((batch.number, batch.next_head.last_hash.clone(), judged.done));
                }
            }
        }
        Err(StoreError::Contended { attempts: head::FENCE_ATTEMPTS })
    }

    /// One try: read, judge, write, commit. `None` when it must be tried again: the fence was lost, or
    /// credits had to be listed first.
    async fn attempt<'w>(
        &mut self,
        market: MarketId,
        works: &'w [Work],
    ) -> std::result::Result<Option<Vec<Done>>, Interrupted<'w>> {
        let mut transaction = self.store.begin_on(&mut self.lane).await?;
        let remembered = self.remembered.remove(&market);
        let unread = remembered.as_ref().is_some_and(|remembered| remembered.alone);
        let Remembered { head, kept, alone } = match remembered {
            Some(remembered) if unread => remembered,
            remembered => recall(&mut transaction, market, remembered).await?,
        };
        let version = head.version;
        let facts = match facts::read(&mut transaction, market, head, &kept, works, self.clock.now()).await? {
            Found::Facts(facts) => *facts,
            Found::Unlisted(dates) => {
                transaction.rollback().await?;
                let mut transaction = self.store.begin_write().await?;
                pairing::list(&mut transaction, market, &dates).await?;
                transaction.commit().await?;
                return Ok(None);
            }
        };
        let judged = judge::judge(facts, works).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
        if judged.batch.is_empty() {
            transaction.rollback().await?;
            // Nothing passes the fence here, which would tell a remembered head from the true one.
            return Ok((!unread).then_some(judged.done));
        }
        if !journal::write(&mut transaction, &judged.batch, version, &kept.listed).await? {
            transaction.rollback().await?;
            return Ok(None);
        }
        if let Err(error) = transaction.commit().await {
            return Err(Interrupted { error, unknown: Some(Box::new(judged)) });
        }
        self.store.commits().ring(market);
        let Judged { batch, done } = judged;
        let kept = Kept {
            sources: extended(kept.sources, batch.items.iter().map(|item| item.source)),
            agreeing: extended(kept.agreeing, batch.agreeing.iter().copied()),
            ..kept
        };
        let head = Head { version: version.saturating_add(1), ..batch.next_head };
        self.remembered.insert(market, Remembered { head, kept, alone });
        Ok(Some(done))
    }

    /// Tells whether a batch is in the journal: its number with its very hash.
    async fn is_written(&self, market: MarketId, number: i64, hash: &[u8]) -> Result<bool> {
        const SQL: &str = "SELECT hash FROM batches WHERE market_id = $1 AND batch_no = $2";
        let mut transaction = self.store.begin_read().await?;
        let row = transaction.row(SQL, binds![market.get(), number]).await?;
        transaction.rollback().await?;
        Ok(row.map(|row| row.bytes("hash")).transpose()?.as_deref() == Some(hash))
    }

    async fn reopen(&self) -> Result<()> {
        let mut last = StoreError::Unavailable(sqlx_closed());
        for _ in 0..REOPEN_ATTEMPTS {
            match self.store.reopen().await {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        self.failed.send_replace(true);
        tracing::error!(error = %last, cause = ?std::error::Error::source(&last), "store.writer.reopen");
        // Whatever kept the file from opening, the sender may try again elsewhere or later.
        Err(StoreError::Unavailable(sqlx_closed()))
    }
}

/// What a lane knows of a market after a batch of its own.
struct Remembered {
    /// The head that the batch left.
    head: Head,
    /// What was read that holds with that head.
    kept: Kept,
    /// Nobody else wrote between this lane's last two batches. Then the head need not be read before the next
    /// one: the fence tells when it moved after all. Where processes take turns that would lose every time.
    alone: bool,
}

/// Reads a market's head, and with it what is not known yet.
async fn recall(
    transaction: &mut engine::Transaction,
    market: MarketId,
    remembered: Option<Remembered>,
) -> Result<Remembered> {
    let head = head::read(transaction, market)
        .await?
        .ok_or_else(|| StoreError::Inconsistent(format!("market {} has no head", market.get())))?;
    Ok(match remembered.filter(|remembered| remembered.head.version == head.version) {
        Some(Remembered { kept, .. }) => Remembered { head, kept, alone: true },
        None => Remembered { kept: facts::kept(transaction, market).await?, head, alone: false },
    })
}

/// Returns a set with further members; the same set when it has them all, as it does with nearly every batch.
fn extended<T: Copy + Eq + std::hash::Hash>(
    set: Arc<HashSet<T>>,
    more: impl Iterator<Item = T> + Clone,
) -> Arc<HashSet<T>> {
    if more.clone().all(|member| set.contains(&member)) {
        return set;
    }
    Arc::new(set.iter().copied().chain(more).collect())
}

/// A try that did not end as meant.
struct Interrupted<'w> {
    error: StoreError,
    /// What may have been written: COMMIT was sent.
    unknown: Option<Box<Judged<'w>>>,
}

impl From<StoreError> for Interrupted<'_> {
    fn from(error: StoreError) -> Self {
        Self { error, unknown: None }
    }
}

fn sqlx_closed() -> sqlx::Error {
    sqlx::Error::PoolClosed
}
