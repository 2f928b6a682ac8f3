//! A bar on standard error, on a terminal alone.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Lang;
use crate::app::progress::{Progress, Step};

/// Shows one step after another, each with its own bar.
pub(super) struct Bar {
    lang: Lang,
    shown: Mutex<Option<(Step, ProgressBar)>>,
}

impl Bar {
    pub(super) fn new(lang: Lang) -> Self {
        Self { lang, shown: Mutex::new(None) }
    }

    /// Shows how far the work is.
    pub(super) fn show(&self, progress: Progress) {
        let Ok(mut shown) = self.shown.lock() else { return };
        if shown.as_ref().is_none_or(|(step, _)| *step != progress.step)
            && let Some((_, done)) = shown.replace((progress.step, self.bar(progress.step)))
        {
            done.finish_and_clear();
        }
        if let Some((_, bar)) = shown.as_ref() {
            // What is served meanwhile adds to what was expected.
            bar.set_length(progress.total.max(progress.done));
            bar.set_position(progress.done);
        }
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        if let Ok(mut shown) = self.shown.lock()
            && let Some((_, bar)) = shown.take()
        {
            bar.finish_and_clear();
        }
    }

    fn bar(&self, step: Step) -> ProgressBar {
        let (template, vi, en) = match step {
            Step::CopyBytes => (BYTES, "Đang sao chép", "Copying"),
            Step::CopyRows => (COUNTS, "Đang sao chép (dòng)", "Copying rows"),
            Step::Hash => (BYTES, "Đang tính mã băm", "Hashing"),
            Step::Export => (COUNTS, "Đang xuất (bút toán)", "Exporting postings"),
            Step::Verify => (COUNTS, "Đang đối soát (bút toán)", "Verifying postings"),
            Step::Cards => (COUNTS, "Đang đọc lại mã (thẻ)", "Reading codes back"),
        };
        let message = match self.lang {
            Lang::Vi => vi,
            Lang::En => en,
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        // Hidden by itself where standard error is no terminal.
        ProgressBar::new(0).with_style(style).with_message(message)
    }
}

/// Of what is counted in bytes.
const BYTES: &str = "{msg:24} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
/// Of what is counted in pieces.
const COUNTS: &str = "{msg:24} {bar:30} {human_pos}/{human_len} {per_sec} {eta}";
