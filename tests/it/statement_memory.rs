//! A long statement is kept and compared in bounded memory: the process that does it is asked how much it ever had.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::serve::{BINARY, Folder, socho};
use crate::world::postgres_url;

const LINES: usize = 120_000;
/// Dates that the lines lie on.
const DATES: usize = 6;
/// Resident memory that keeping and comparing may take, of a build with everything for debugging in it, in KiB. The
/// file alone is fourteen megabytes. With a copy of it for each step, and 64 MiB of pages, it was 170,000.
const RESIDENT_MAX: u64 = 140_000;

fn statement() -> String {
    let mut text = "NGÂN HÀNG THỬ\nSố tài khoản: 0071000888888\nTừ ngày 01/11/2026 đến ngày 06/11/2026\n\
        Ngày giao dịch,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n"
        .to_owned();
    let (mut balance, each) = (5_000_000, LINES / DATES);
    for line in 0..LINES {
        let (day, second) = (1 + line / each, line % each * 4);
        let amount = 5_000 + 1_000 * (line % 90);
        balance += amount;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        writeln!(
            text,
            "{day:02}/11/2026 {hour:02}:{minute:02}:{second:02},FT26{line:09},,{amount},{balance},\
             MBVCB.{line:010}.{line:06}.SC22223Y.CT tu 0071{line:09} NGUYEN VAN A toi 0071000888888",
        )
        .unwrap();
    }
    text
}

/// Returns the most memory that a command had resident while it ran, in KiB.
fn resident(arguments: &[&str]) -> u64 {
    let mut child = Command::new(BINARY).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        let told = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = told.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        most = most.max(peak.unwrap_or(0));
        if let Some(code) = child.try_wait().unwrap() {
            assert!(code.success(), "{arguments:?}: {code}");
            return most;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn kept_and_compared(db: &str, folder: &Folder) {
    let file = folder.path("sao-ke.csv");
    std::fs::write(&file, statement()).unwrap();
    assert_eq!(socho(&["market", "add", "--db", db, "--code", "TAN", "--name", "Chợ"]).0, 0);
    let vendor =
        ["vendor", "add", "--db", db, "--market", "TAN", "--stall", "A1", "--name", "Chị Ba", "--bin", "970436"];
    assert_eq!(socho(&[&vendor[..], &["--account", "0071000888888"]].concat()).0, 0);
    // The second time the file is known, and comparing alone is left.
    for what in ["kept and compared", "compared"] {
        let most = resident(&["reconcile", "--db", db, "--market", "TAN", "--statement", &file]);
        eprintln!("{LINES} lines {what}: {most} KiB");
        assert!((10_000..RESIDENT_MAX).contains(&most), "{what}: {most} KiB");
    }
}

#[test]
fn a_long_statement_is_kept_and_compared_in_bounded_memory_on_sqlite() {
    let folder = Folder::new("statement-memory");
    kept_and_compared(&folder.db(), &folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_statement_is_kept_and_compared_in_bounded_memory_on_postgres() {
    let Some(url) = postgres_url().await else { return };
    let told = tokio::task::spawn_blocking(move || kept_and_compared(&url, &Folder::new("statement-memory-pg")));
    told.await.unwrap();
}
