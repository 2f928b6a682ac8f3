//! `kill -9` at each system call of one posting, one after the other: before the first byte of the
//! write-ahead log, between its frames and its sync, before each message to PostgreSQL and before each
//! of its answers is read, between COMMIT and the sender's answer. strace counts the calls and kills.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::audit::audit;
use super::load::{Line, Payment, Sent};
use super::site::{MARKETS, Server, Site};
use super::{on_both, skipped};

/// Most calls of one kind that a posting is followed through; it makes fewer.
const CALLS_MAX: usize = 100;
/// How long a tracer may take to have hold of every thread.
const DEADLINE: Duration = Duration::from_secs(20);

/// By what a posting leaves the process, and by what the answer to it comes back; and how many of them
/// lie between two kills. strace counts each call by itself, and the sender's answer is written by another
/// than what goes to the server. Of an answer's several reads one in five is enough.
const FILE_CALLS: [(&str, usize); 5] = [("pwrite64", 1), ("fdatasync", 1), ("fsync", 1), ("sendto", 1), ("writev", 1)];
const SERVER_CALLS: [(&str, usize); 3] = [("sendto", 1), ("writev", 1), ("recvfrom", 5)];

on_both!(a_process_killed_before_each_system_call_of_a_posting_loses_nothing, |site| {
    if !Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return skipped(&site.name, "strace is not installed");
    }
    site.found();
    let calls: &[(&str, usize)] = if site.is_sqlite() { &FILE_CALLS } else { &SERVER_CALLS };
    let (sent, mut number) = (Sent::default(), 0);
    let (mut kills, mut unanswered, mut unbooked) = (0, 0, 0);
    for &(call, step) in calls {
        for nth in (1..=CALLS_MAX).step_by(step) {
            number += 1;
            let mut server = site.serve();
            // What is only done once after a start has been done before the calls are counted.
            let first = payment(number, "before");
            assert!(pay(&sent, &server, &first), "{}: {}", site.name, site.log());
            let tracer = Tracer::attach(site, &server, call, nth);
            let killed = payment(number, "during");
            let acked = pay(&sent, &server, &killed);
            let died = server.ended().is_some() || (!acked && tracer.ends());
            drop(tracer);
            server.kill();
            let seen = audit(site, &sent);
            unanswered += seen.unanswered;
            if !died {
                assert!(acked, "{}: {call} {nth}: alive and silent; {}", site.name, site.log());
                eprintln!("{}: a posting makes fewer than {nth} calls of {call}", site.name);
                break;
            }
            kills += 1;
            // The sender tries again, as senders do.
            let server = site.serve();
            unbooked += usize::from(!acked && seen.unanswered == 0);
            assert!(pay(&sent, &server, &killed), "{}: {call} {nth}: {}", site.name, site.log());
            server.kill();
            audit(site, &sent);
            assert!(nth + step <= CALLS_MAX, "{}: a posting makes more than {CALLS_MAX} calls of {call}", site.name);
        }
    }
    eprintln!("{}: {kills} kills, {unbooked} before COMMIT, {unanswered} between COMMIT and answer", site.name);
    assert!(unbooked > 2 && unanswered > 0, "{}: {unbooked} before COMMIT, {unanswered} after", site.name);
});

fn payment(number: usize, when: &str) -> Payment {
    let (_, accounts) = MARKETS[number % MARKETS.len()];
    Payment { id: format!("{when}-{number}"), account: accounts[0], amount: 1_000 }
}

/// Sends once; `true` when it was acknowledged.
fn pay(sent: &Sent, server: &Server, payment: &Payment) -> bool {
    sent.begin(payment);
    let answer = Line::open(&server.ingest).and_then(|mut line| payment.send(&mut line));
    answer.is_ok_and(|answer| sent.answered(payment, &answer))
}

/// A tracer that kills its process at the n-th call that a thread makes.
struct Tracer(Child);

impl Tracer {
    fn attach(site: &Site, server: &Server, calls: &str, nth: usize) -> Self {
        let pid = server.pid().to_string();
        let inject = format!("inject={calls}:signal=SIGKILL:when={nth}");
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject, "-p", &pid]);
        let tracer = Self(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let since = Instant::now();
        while !traced(&pid) {
            assert!(since.elapsed() < DEADLINE, "{}: strace has no hold of {pid}", site.name);
            std::thread::sleep(Duration::from_millis(2));
        }
        tracer
    }

    /// Waits for a while until it ends, as it does when its process has died.
    fn ends(&self) -> bool {
        let since = Instant::now();
        let pid = self.0.id();
        let gone = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        while !gone() {
            if since.elapsed() > DEADLINE {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Tells whether every thread of a process has a tracer.
fn traced(pid: &str) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().all(|thread| {
        std::fs::read_to_string(thread.path().join("status"))
            .is_ok_and(|status| status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0")))
    })
}
