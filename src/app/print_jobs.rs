//! Prints that are drawn while somebody watches: cards by the hundred take seconds, and a page tells how
//! far they are. A job lives in the memory of the process that began it, for minutes: nothing of it is
//! the book's until its file is taken, and then the print is kept in the list of prints.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::print_sheet::{DrawnPrint, PrintOrder, ReadyPrint};
use super::progress::{Listener, Progress};
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
    ready: Arc<ReadyPrint>,
    drawing: Arc<Drawing>,
    /// Set once the print is in the list of prints.
    kept: OnceCell<()>,
}

/// How far cards are drawn, and what came of it.
#[derive(Default)]
struct Drawing {
    done: AtomicUsize,
    drawn: OnceLock<Result<DrawnPrint, AppError>>,
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
        self.drawing.state()
    }

    fn is_at_work(&self) -> bool {
        self.drawing.drawn.get().is_none()
    }
}

impl Drawing {
    fn state(&self) -> PrintState<'_> {
        match (self.drawn.get(), self.done.load(Ordering::Relaxed)) {
            (Some(Ok(drawn)), _) => PrintState::Done(drawn),
            (Some(Err(error)), _) => PrintState::Refused(error),
            (None, 0) => PrintState::Waiting,
            (None, done) => PrintState::Drawing(done),
        }
    }

    fn hear(&self, progress: Progress) {
        self.done.store(usize::try_from(progress.done).unwrap_or(usize::MAX), Ordering::Relaxed);
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
        let ready = Arc::new(ready);
        let job = Arc::new(PrintJob {
            id: self.ids.uuid()?,
            market: code,
            layout,
            total: ready.len(),
            without_account: ready.without_account.clone(),
            begun: self.clock.now(),
            ready: Arc::clone(&ready),
            drawing: Arc::default(),
            kept: OnceCell::new(),
        });
        self.prints.keep(&job, self.clock.now())?;
        // It goes on by itself; whoever watches asks the job.
        drop(self.prints.draw(&job.drawing, move |progress| ready.draw(progress)));
        Ok(job)
    }

    /// Returns a market's print.
    ///
    /// # Errors
    /// `not_found` for one that is another market's, of another process or too old.
    pub fn print_job(&self, market: &MarketCode, id: Uuid) -> Result<Arc<PrintJob>, AppError> {
        let found = self.prints.find(id, self.clock.now()).filter(|job| job.market == *market);
        found.ok_or_else(|| {
            let vi = format!(
                "Máy chủ đang trả lời không giữ lần in này: máy chủ khác đang vẽ, hoặc đã quá {KEPT_MIN} phút. Hãy xem lại, \
                 hoặc in lại."
            );
            let en = format!(
                "The server that answers does not have this print: another server draws it, or {KEPT_MIN} minutes are \
                 over. Look again, or print again."
            );
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
    /// Draws when it is its turn. Whatever happens while it draws, it ends: with a file or with a reason.
    fn draw(
        &self,
        drawing: &Arc<Drawing>,
        work: impl FnOnce(Listener<'_>) -> Result<DrawnPrint, AppError> + Send + 'static,
    ) -> JoinHandle<()> {
        let (turn, drawing) = (Arc::clone(&self.drawing), Arc::clone(drawing));
        tokio::spawn(async move {
            // Nobody closes the semaphore.
            let Ok(_place) = turn.acquire_owned().await else { return };
            let hears = Arc::clone(&drawing);
            let drawn = tokio::task::spawn_blocking(move || work(&|progress| hears.hear(progress))).await;
            let drawn = drawn.unwrap_or_else(|error| {
                tracing::error!(cause = %error, "print_jobs.drawing_failed");
                Err(broke_off(error))
            });
            // Nobody else draws this one, so nothing is there yet.
            let _ = drawing.drawn.set(drawn);
        })
    }

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

/// Says that the program itself failed while it drew.
fn broke_off(cause: tokio::task::JoinError) -> AppError {
    let message = Message::new(
        "Phần mềm gặp lỗi khi vẽ nên không có tệp; chưa thẻ nào được ghi là đã in. Hãy in lại từng ít sạp; vẫn lỗi thì \
         báo người vận hành.",
        "The program met a fault while it drew, so there is no file, and no card counts as printed. Print again, a few \
         stalls at a time; if it fails again, tell the operator.",
    );
    AppError { cause: Some(Box::new(cause)), ..AppError::new(ErrorKind::Internal, "print_failed", message) }
}

fn is_young(job: &PrintJob, now: Timestamp) -> bool {
    now.duration_since(job.begun) < SignedDuration::from_mins(KEPT_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::progress::Step;

    fn drawn() -> DrawnPrint {
        DrawnPrint { pdf: b"%PDF".to_vec(), cards: 2 }
    }

    #[tokio::test]
    async fn a_drawing_that_panics_ends_its_print_with_a_reason_and_the_next_one_is_drawn() {
        let jobs = PrintJobs::default();
        let (broken, whole) = (Arc::new(Drawing::default()), Arc::new(Drawing::default()));
        let first = jobs.draw(&broken, |progress| {
            progress(Progress { step: Step::Cards, done: 1, total: 2 });
            panic!("a shape nobody thought of");
        });
        let second = jobs.draw(&whole, |_| Ok(drawn()));
        first.await.unwrap();
        let PrintState::Refused(error) = broken.state() else { panic!("it ended") };
        assert_eq!((error.code, error.kind), ("print_failed", ErrorKind::Internal));
        assert!(error.message.vi.contains("không có tệp") && !error.message.vi.contains("shape"), "{error:?}");
        second.await.unwrap();
        assert!(matches!(whole.state(), PrintState::Done(drawn) if drawn.cards == 2), "its place was given back");
    }

    #[tokio::test]
    async fn a_drawing_that_is_refused_ends_its_print_with_its_own_words() {
        let jobs = PrintJobs::default();
        let refused = Arc::new(Drawing::default());
        assert!(matches!(refused.state(), PrintState::Waiting));
        let said = Message::new("Mã không đọc lại được.", "The code was not read back.");
        let work = jobs.draw(&refused, move |_| Err(AppError::new(ErrorKind::Invalid, "qr_unreadable", said)));
        work.await.unwrap();
        let PrintState::Refused(error) = refused.state() else { panic!("it ended") };
        assert_eq!((error.code, error.message.en.as_str()), ("qr_unreadable", "The code was not read back."));
    }
}
