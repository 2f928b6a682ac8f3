//! Senders under load: threads that post signed settlements, try again like banks do, and remember
//! what was acknowledged, with which posting.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Result, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use socho::bank;
use socho::domain::settlement::Dialect;

use super::site::{MARKETS, SOURCE};
use crate::world::{NOON, secret_of, settlement};

/// How long a sender waits for an answer before it gives the request up as unknown.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long the load may take to reach a state that a test waits for.
const DEADLINE: Duration = Duration::from_mins(2);

/// One connection to a server that is used again and again.
pub(crate) struct Line {
    stream: BufReader<TcpStream>,
    host: String,
}

/// An answer: its status, its headers in lower case, its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Line {
    pub(crate) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), host: address.to_owned() })
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.request("GET", path, "", "")
    }

    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Result<Answer> {
        let (host, length) = (&self.host, body.len());
        let text =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
        self.stream.get_mut().write_all(text.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(Error::from(ErrorKind::UnexpectedEof));
            }
        }
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        let (Some(status), Some(length)) = (status, length) else { return Err(Error::from(ErrorKind::InvalidData)) };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// One settlement as a sender knows it.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) account: &'static str,
    pub(crate) amount: i64,
}

impl Payment {
    pub(crate) fn random(id: String, rng: &mut fastrand::Rng) -> Self {
        let (_, accounts) = MARKETS[rng.usize(..MARKETS.len())];
        Self { id, account: accounts[rng.usize(..accounts.len())], amount: rng.i64(1..=500) * 1_000 }
    }

    /// The signed request, the same bytes each time.
    pub(crate) fn signed(&self) -> (String, String) {
        let settlement = settlement(self.account, &self.id, self.amount, "2026-11-24T08:00:00+07:00");
        let secret = secret_of(Dialect::GenericHmac);
        let signed = bank::sign(Dialect::GenericHmac, secret, &settlement, NOON.parse().unwrap()).unwrap();
        let headers: Vec<String> = signed.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        (headers.concat(), signed.body)
    }

    pub(crate) fn send(&self, line: &mut Line) -> Result<Answer> {
        let (headers, body) = self.signed();
        line.request("POST", &format!("/v1/ingest/{SOURCE}"), &headers, &body)
    }
}

/// Payments by event id, each with the posting it was acknowledged as.
pub(crate) type Known = HashMap<String, (Payment, Option<String>)>;

/// What the senders know: everything sent, and what was acknowledged.
#[derive(Default)]
pub(crate) struct Sent {
    payments: Mutex<Known>,
    violations: Mutex<Vec<String>>,
    acked: AtomicU64,
    acked_in: [AtomicU64; MARKETS.len()],
    unavailable: AtomicU64,
    broken: AtomicU64,
    in_flight: AtomicU64,
}

impl Sent {
    pub(crate) fn snapshot(&self) -> Known {
        self.payments.lock().unwrap().clone()
    }

    /// Takes back what was acknowledged after a moment, and says how many that were.
    pub(crate) fn forget_acks_after(&self, moment: &Known) -> usize {
        let mut payments = self.payments.lock().unwrap();
        let owed = |id: &String| moment.get(id).is_some_and(|(_, posting)| posting.is_some());
        let later = payments.iter_mut().filter(|(id, (_, posting))| posting.is_some() && !owed(id));
        later.map(|(_, (_, posting))| posting.take()).count()
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().clone()
    }

    /// Settlements acknowledged for the first time.
    pub(crate) fn acked(&self) -> u64 {
        self.acked.load(Ordering::SeqCst)
    }

    /// As [`Self::acked`], of one market.
    pub(crate) fn acked_in(&self, market: &str) -> u64 {
        let place = MARKETS.iter().position(|(code, _)| *code == market).unwrap();
        self.acked_in[place].load(Ordering::SeqCst)
    }

    /// Answers "503, try again".
    pub(crate) fn unavailable(&self) -> u64 {
        self.unavailable.load(Ordering::SeqCst)
    }

    /// Requests whose connection broke before the answer.
    pub(crate) fn broken(&self) -> u64 {
        self.broken.load(Ordering::SeqCst)
    }

    /// Requests that are on their way at this moment.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Remembers a payment before its first byte is sent.
    pub(crate) fn begin(&self, payment: &Payment) {
        self.payments.lock().unwrap().insert(payment.id.clone(), (payment.clone(), None));
    }

    /// Takes in an answer. `true` when the payment is acknowledged now.
    pub(crate) fn answered(&self, payment: &Payment, answer: &Answer) -> bool {
        if answer.status == 503 {
            self.unavailable.fetch_add(1, Ordering::SeqCst);
            if !answer.head.contains("retry-after: ") || !answer.head.contains("application/problem+json") {
                self.violation(format!("a 503 without Retry-After or problem body: {}", answer.head));
            }
            return false;
        }
        let told: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let outcome = told["status"].as_str().unwrap_or_default();
        let posting = told["posting"].as_str().map(str::to_owned);
        let (true, Some(posting)) = (answer.status == 200 && ["recorded", "duplicate"].contains(&outcome), posting)
        else {
            self.violation(format!("{payment:?} was answered {} {}", answer.status, answer.body));
            return false;
        };
        let mut payments = self.payments.lock().unwrap();
        let known = payments.entry(payment.id.clone()).or_insert_with(|| (payment.clone(), None));
        match &known.1 {
            None => {
                known.1 = Some(posting);
                self.acked.fetch_add(1, Ordering::SeqCst);
                let place = MARKETS.iter().position(|(_, accounts)| accounts.contains(&payment.account)).unwrap();
                self.acked_in[place].fetch_add(1, Ordering::SeqCst);
            }
            // Of two copies at once the duplicate's answer may come first.
            Some(first) if *first == posting => {}
            Some(first) => {
                let what = format!("{payment:?} was acked as {first} and then as {outcome} {posting}");
                drop(payments);
                self.violation(what);
            }
        }
        true
    }

    pub(crate) fn violation(&self, what: String) {
        self.violations.lock().unwrap().push(what);
    }
}

/// The running senders.
pub(crate) struct Load {
    pub(crate) sent: Arc<Sent>,
    servers: Arc<RwLock<Vec<String>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts this many senders; they wait until [`Self::point`] names a server.
    pub(crate) fn start(senders: usize, name: &str, rng: &mut fastrand::Rng) -> Self {
        Self::carry_on(Arc::new(Sent::default()), senders, name, rng)
    }

    /// As [`Self::start`], adding to what was sent before. `name` must be new in the book.
    pub(crate) fn carry_on(sent: Arc<Sent>, senders: usize, name: &str, rng: &mut fastrand::Rng) -> Self {
        let (servers, stop) = (Arc::new(RwLock::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let sender = |number: usize| {
            let (sent, servers, stop) = (Arc::clone(&sent), Arc::clone(&servers), Arc::clone(&stop));
            let mut sender = Sender {
                sent,
                servers,
                stop,
                rng: rng.fork(),
                name: format!("{name}-{number}-"),
                line: None,
                number: 0,
                past: Vec::new(),
            };
            std::thread::spawn(move || sender.run())
        };
        let threads = (0..senders).map(sender).collect();
        Self { sent, servers, stop, threads }
    }

    /// Tells the senders where to send; nowhere when the list is empty.
    pub(crate) fn point(&self, servers: &[&str]) {
        *self.servers.write().unwrap() = servers.iter().map(|&server| server.to_owned()).collect();
    }

    /// Waits until this many more settlements were acknowledged: the load flows.
    pub(crate) fn flow(&self, more: u64) {
        let goal = self.sent.acked() + more;
        self.until("settlements acknowledged", || self.sent.acked() >= goal);
    }

    /// Waits for a state of the load.
    pub(crate) fn until(&self, what: &str, mut reached: impl FnMut() -> bool) {
        let since = Instant::now();
        while !reached() {
            assert!(since.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}; {}", self.figures());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn figures(&self) -> String {
        let sent = &self.sent;
        format!(
            "{} acked, {} unavailable, {} broken, {} in flight, {:?}",
            sent.acked(),
            sent.unavailable(),
            sent.broken(),
            sent.in_flight(),
            sent.violations()
        )
    }

    /// Stops the senders once each has an answer to what it sent last.
    pub(crate) fn stop(self) -> Arc<Sent> {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.sent
    }
}

struct Sender {
    sent: Arc<Sent>,
    servers: Arc<RwLock<Vec<String>>>,
    stop: Arc<AtomicBool>,
    rng: fastrand::Rng,
    name: String,
    line: Option<Line>,
    number: u64,
    past: Vec<Payment>,
}

impl Sender {
    fn run(&mut self) {
        while !self.stopped() {
            // Now and then an old one comes once more, acknowledged or not.
            if !self.past.is_empty() && self.rng.u8(..10) == 0 {
                let payment = self.past[self.rng.usize(..self.past.len())].clone();
                self.deliver(&payment);
                continue;
            }
            self.number += 1;
            let payment = Payment::random(format!("{}{}", self.name, self.number), &mut self.rng);
            self.sent.begin(&payment);
            self.past.push(payment.clone());
            self.deliver(&payment);
        }
    }

    /// Sends until it is acknowledged; one time in twenty a failure is never tried again.
    fn deliver(&mut self, payment: &Payment) {
        while !self.stopped() {
            let Some(answer) = self.attempt(payment) else { continue };
            match answer {
                Ok(answer) if self.sent.answered(payment, &answer) => return,
                Ok(_) => {}
                Err(_) => {
                    self.sent.broken.fetch_add(1, Ordering::SeqCst);
                    self.line = None;
                }
            }
            if self.rng.u8(..20) == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(self.rng.u64(1..20)));
        }
    }

    /// Sends once; `None` when no server could be reached.
    fn attempt(&mut self, payment: &Payment) -> Option<Result<Answer>> {
        let servers = self.servers.read().unwrap().clone();
        // A sender stays with its server for a while, then chooses again.
        let chosen_anew = self.rng.u8(..8) == 0;
        self.line = self.line.take().filter(|line| !chosen_anew && servers.contains(&line.host));
        if self.line.is_none() {
            let server = servers.get(self.rng.usize(..servers.len().max(1)));
            self.line = server.and_then(|server| Line::open(server).ok());
        }
        let Some(line) = &mut self.line else {
            std::thread::sleep(Duration::from_millis(2));
            return None;
        };
        self.sent.in_flight.fetch_add(1, Ordering::SeqCst);
        let answer = payment.send(line);
        self.sent.in_flight.fetch_sub(1, Ordering::SeqCst);
        Some(answer)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
