//! Prints that are drawn while somebody watches: cards by the hundred take seconds, and a page tells how
//! far they are. A job lives in the memory of the process that began it, for minutes: nothing of it is
//! the book's until its file is taken, and then the print is kept in the list of prints.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OnceCell, Semaphore};
use uuid::Uuid;

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::print_sheet::{DrawnPrint, PrintOrder, ReadyPrint};
use crate::domain::ids::MarketCode;

/// Jobs that are kept, at work and done: a file of 300 cards has some megabytes.
pub const JOBS_MAX: usize = 16;
/// How long a job is kept after it began, in minutes: time to find the printer.
pub const KEPT_MIN: i64 = 30;
/// Jobs that draw at once: drawing fills a processor, and webhooks need the others.
const DRAWING_MAX: usize = 1;

/// The prints of this process.
pub(super) struct PrintJobs {
    jobs: Mutex<VecDeque<Arc<PrintJob>>>,
    drawing: Arc<Semaphore>,
}

impl Default for PrintJobs {
    fn default() -> Self {
        Self { jobs: Mutex::new(VecDeque::new()), drawing: Arc::new(Semaphore::new(DRAWING_MAX)) }
    }
}

/// A print that is drawn, or was.
pub struct PrintJob {
    /// Its name in addresses.
    pub id: Uuid,
    /// The market's code.
    pub market: MarketCode,
    /// Which cards: `a6`.
    pub layout: &'static str,
    /// How many cards there are.
    pub total: usize,
    /// Stalls that were asked for and have no account.
    pub without_account: Vec<String>,
    begun: Timestamp,
    ready: ReadyPrint,
    done: AtomicUsize,
    drawn: OnceLock<Result<DrawnPrint, AppError>>,
    /// Set once the print is in the list of prints.
    kept: OnceCell<()>,
}

/// How far a print is.
#[derive(Debug, Clone, Copy)]
pub enum PrintState<'j> {
    /// Another print is drawn first.
    Waiting,
    /// So many cards are drawn and read back.
    Drawing(usize),
    /// Every card was read back.
    Done(&'j DrawnPrint),
    /// A card could not be read back, and there is no file.
    Refused(&'j AppError),
}

impl PrintJob {
    /// Tells how far it is.
    #[must_use]
    pub fn state(&self) -> PrintState<'_> {
        match (self.drawn.get(), self.done.load(Ordering::Relaxed)) {
            (Some(Ok(drawn)), _) => PrintState::Done(drawn),
            (Some(Err(error)), _) => PrintState::Refused(error),
            (None, 0) => PrintState::Waiting,
            (None, done) => PrintState::Drawing(done),
        }
    }

    fn is_at_work(&self) -> bool {
        self.drawn.get().is_none()
    }

    fn draw(&self) {
        let drawn = self.ready.draw(&|progress| {
            self.done.store(usize::try_from(progress.done).unwrap_or(usize::MAX), Ordering::Relaxed);
        });
        // Nobody else draws this job, so nothing is there yet.
        let _ = self.drawn.set(drawn);
    }
}

impl App {
    /// Begins a print and returns at once; it goes on when whoever asked has gone.
    ///
    /// # Errors
    /// As [`App::ready_print`]; `too_many_prints` while as many as are kept are still at work.
    pub async fn begin_print(&self, order: PrintOrder) -> Result<Arc<PrintJob>, AppError> {
        let (code, layout) = (order.market.clone(), order.layout.as_str());
        let ready = self.ready_print(order).await?;
        let job = Arc::new(PrintJob {
            id: self.ids.uuid()?,
            market: code,
            layout,
            total: ready.len(),
            without_account: ready.without_account.clone(),
            begun: self.clock.now(),
            ready,
            done: AtomicUsize::new(0),
            drawn: OnceLock::new(),
            kept: OnceCell::new(),
        });
        self.prints.keep(&job, self.clock.now())?;
        let (drawing, drawn, waits) = (Arc::clone(&self.prints.drawing), Arc::clone(&job), Arc::clone(&job));
        tokio::spawn(async move {
            // Nobody closes the semaphore.
            let Ok(_place) = drawing.acquire_owned().await else { return };
            let done = tokio::task::spawn_blocking(move || drawn.draw()).await;
            if let Err(error) = done {
                tracing::error!(cause = %error, "print_jobs.drawing_failed");
                // It is over, or whoever watches would wait for ever and its place stay taken.
                let _ = waits.drawn.set(Err(AppError::internal(error)));
            }
        });
        Ok(job)
    }

    /// Returns a market's print.
    ///
    /// # Errors
    /// `not_found` for one that is another market's, of another process or too old.
    pub fn print_job(&self, market: &MarketCode, id: Uuid) -> Result<Arc<PrintJob>, AppError> {
        let found = self.prints.find(id, self.clock.now()).filter(|job| job.market == *market);
        found.ok_or_else(|| {
            let vi = format!("Lần in này không còn: tệp chỉ giữ {KEPT_MIN} phút. Hãy in lại.");
            let en = format!("This print is not here any more: a file is kept {KEPT_MIN} minutes. Print again.");
            AppError::not_found(Message::new(vi, en))
        })
    }

    /// Keeps that a finished print was taken, the first time it is; its file may be taken again.
    ///
    /// # Errors
    /// `print_not_ready` while it is drawn or after it was refused; whatever the store meets.
    pub async fn take_print(&self, job: &PrintJob) -> Result<Vec<u8>, AppError> {
        let PrintState::Done(drawn) = job.state() else {
            let message = Message::new("Tệp in chưa xong.", "The print is not ready.");
            return Err(AppError::new(ErrorKind::Conflict, "print_not_ready", message));
        };
        job.kept.get_or_try_init(|| self.log_print(&job.ready)).await?;
        Ok(drawn.pdf.clone())
    }
}

impl PrintJobs {
    fn keep(&self, job: &Arc<PrintJob>, now: Timestamp) -> Result<(), AppError> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.retain(|one| one.is_at_work() || is_young(one, now));
        if jobs.len() >= JOBS_MAX {
            let oldest = jobs.iter().position(|one| !one.is_at_work());
            let Some(oldest) = oldest else {
                let message = Message::new(
                    "Đang có nhiều lần in chờ. Hãy chờ một phút rồi in lại.",
                    "Many prints wait already. Print again in a minute.",
                );
                return Err(AppError::new(ErrorKind::TooOften { wait_s: 60 }, "too_many_prints", message));
            };
            jobs.remove(oldest);
        }
        jobs.push_back(Arc::clone(job));
        Ok(())
    }

    fn find(&self, id: Uuid, now: Timestamp) -> Option<Arc<PrintJob>> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().find(|job| job.id == id && (job.is_at_work() || is_young(job, now))).cloned()
    }
}

fn is_young(job: &PrintJob, now: Timestamp) -> bool {
    now.duration_since(job.begun) < SignedDuration::from_mins(KEPT_MIN)
}
