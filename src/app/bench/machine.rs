//! The machine that a run describes, and how fast its disk confirms a write.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::figures::percentile;
use crate::app::error::AppError;

/// Bytes of one confirmed write: a page, as both engines' logs write.
const PAGE: usize = 4_096;
/// Pages that are written once before any is timed, so that no write makes the file longer.
const PAGES: u64 = 256;

/// What a reader of the figures should know about the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
    /// Memory in MiB; 0 where the system does not say.
    pub memory_mib: u64,
    /// The kernel.
    pub kernel: String,
    /// The file system that holds the databases; a `tmpfs` confirms writes it never makes.
    pub file_system: String,
}

/// How the disk confirms single pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fsync {
    /// Confirmed writes a second, one after the other.
    pub per_s: u64,
    /// The median of one, in microseconds.
    pub p50_micros: u64,
}

impl Machine {
    /// Describes this machine as far as its system tells; `folder` will hold the databases.
    #[must_use]
    pub fn describe(folder: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kibibytes: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mib: kibibytes / 1_024,
            kernel: format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim()),
            file_system: file_system(&read("/proc/mounts"), folder),
        }
    }
}

/// Returns the processor time that this process has used; nothing where the system does not say.
#[must_use]
pub fn processor_time() -> Duration {
    // The fields after the command's name in parentheses; user and system time are the 12th and
    // 13th of them, in hundredths of a second on every Linux.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks.saturating_mul(10))
}

/// Returns the kind of the mount that is the longest prefix of the folder's path.
fn file_system(mounts: &str, folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mount = |line: &str| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    let holding = mounts.lines().filter_map(mount).filter(|(point, _)| folder.starts_with(point));
    holding.max_by_key(|(point, _)| point.len()).map_or_else(|| "unknown".to_owned(), |(_, kind)| kind)
}

/// Writes one page after the other into a file of `folder` for a while, each confirmed by the disk.
///
/// # Errors
/// When the folder cannot be written.
pub fn fsync_rate(folder: &Path, during: Duration) -> Result<Fsync, AppError> {
    let path = folder.join("fsync.probe");
    let measured = probe(&path, during);
    // Left behind it would be removed with the folder.
    let _ = fs::remove_file(&path);
    measured.map_err(AppError::internal)
}

fn probe(path: &Path, during: Duration) -> std::io::Result<Fsync> {
    let page = vec![0x5c_u8; PAGE];
    let mut file: File = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    for _ in 0..PAGES {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    let (began, mut micros) = (Instant::now(), Vec::new());
    for number in 0_u64.. {
        if began.elapsed() >= during {
            break;
        }
        let one = Instant::now();
        file.seek(SeekFrom::Start(number % PAGES * 4_096))?;
        file.write_all(&page)?;
        file.sync_data()?;
        micros.push(u64::try_from(one.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    let count = u64::try_from(micros.len()).unwrap_or(0);
    let per_s = super::figures::per_second(count, began.elapsed());
    micros.sort_unstable();
    Ok(Fsync { per_s, p50_micros: percentile(&micros, 500) })
}
