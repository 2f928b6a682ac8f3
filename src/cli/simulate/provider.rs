//! The provider's day: its queue of attempts in the order of a clock of its own.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use jiff::{SignedDuration, Timestamp};

use super::door::{Door, Server};
use crate::app::simulate::paper::{self, Layout};
use crate::app::simulate::{self, Day, Payment, Place, schedule};
use crate::cli::output::Failure;
use crate::domain::account::AccountNumber;
use crate::domain::settlement::{Dialect, Direction};

/// Seconds by which an event may reach the provider late: later payments overtake earlier ones.
const LATE_S: i64 = 120;
/// Of a hundred acknowledged events, so many are sent again all the same.
const TWICE_PERCENT: u8 = 8;
/// Of a hundred answers, so many are lost on their way back.
const LOST_PERCENT: u8 = 2;
/// Of a hundred events that were given up, so many are sent again by hand in the end.
const BY_HAND_PERCENT: u8 = 40;

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Down,
    Up,
    /// An attempt, from 0, to deliver a payment.
    Attempt {
        payment: usize,
        attempt: usize,
    },
    /// A second delivery of what was acknowledged.
    Twice {
        payment: usize,
    },
}

/// What the bank knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Truth {
    pub(super) count: usize,
    pub(super) amount: i64,
    /// By the stall's place.
    pub(super) stalls: Vec<i64>,
    pub(super) suspense: i64,
}

/// The provider.
pub(super) struct Provider<'a> {
    door: &'a Door,
    day: Day,
    dialect: Dialect,
    source: String,
    secret: String,
    places: usize,
    payments: Vec<Payment>,
    waits: Vec<SignedDuration>,
    rng: fastrand::Rng,
    acked: BTreeSet<usize>,
    clock: Timestamp,
    pub(super) attempts: usize,
    pub(super) given_up: usize,
    pub(super) sent_twice: usize,
}

impl<'a> Provider<'a> {
    pub(super) fn new(
        door: &'a Door,
        day: Day,
        dialect: Dialect,
        source: &str,
        secret: String,
        places: &[Place],
    ) -> Self {
        Self {
            door,
            day,
            dialect,
            source: source.to_owned(),
            secret,
            places: places.len(),
            payments: simulate::payments(day, places),
            waits: schedule::waits(dialect),
            rng: fastrand::Rng::with_seed(day.seed.wrapping_add(1)),
            acked: BTreeSet::new(),
            clock: Timestamp::UNIX_EPOCH,
            attempts: 0,
            given_up: 0,
            sent_twice: 0,
        }
    }

    /// Lives through the day; the server is out of reach from eight o'clock on, for as long as said.
    pub(super) async fn sell(&mut self, server: &mut Server, outage: SignedDuration) -> Result<(), Failure> {
        let mut queue: BinaryHeap<Reverse<(Timestamp, Event)>> = BinaryHeap::new();
        for (payment, paid) in self.payments.iter().enumerate() {
            // A provider reports money in; what its bank sends of money out is another stream.
            if paid.settlement.direction == Direction::Credit {
                let late = SignedDuration::from_secs(self.rng.i64(0..LATE_S));
                queue.push(Reverse((later(paid.at, late), Event::Attempt { payment, attempt: 0 })));
            }
        }
        let eight = later(self.day.date.starts_at(), SignedDuration::from_hours(8));
        if outage > SignedDuration::ZERO {
            queue.push(Reverse((eight, Event::Down)));
            queue.push(Reverse((later(eight, outage), Event::Up)));
        }
        let mut down = false;
        while let Some(Reverse((at, event))) = queue.pop() {
            match event {
                Event::Down => {
                    down = true;
                    if server.is_ours() {
                        server.down();
                    }
                }
                Event::Up => {
                    down = false;
                    if server.is_ours() {
                        server.up()?;
                        self.door.ready().await?;
                    }
                    self.clock = Timestamp::UNIX_EPOCH;
                }
                Event::Attempt { payment, attempt } => {
                    let acked = !down && self.deliver(payment, at).await? && self.heard();
                    if down {
                        self.attempts = self.attempts.saturating_add(1);
                    }
                    self.after(&mut queue, at, (payment, attempt), acked);
                }
                Event::Twice { payment } if !down => {
                    self.sent_twice = self.sent_twice.saturating_add(1);
                    self.deliver(payment, at).await?;
                }
                Event::Twice { .. } => {}
            }
        }
        Ok(())
    }

    fn after(
        &mut self,
        queue: &mut BinaryHeap<Reverse<(Timestamp, Event)>>,
        at: Timestamp,
        (payment, attempt): (usize, usize),
        acked: bool,
    ) {
        if acked {
            self.acked.insert(payment);
            if self.rng.u8(..100) < TWICE_PERCENT {
                let pause = SignedDuration::from_secs(self.rng.i64(1..1_800));
                queue.push(Reverse((later(at, pause), Event::Twice { payment })));
            }
            return;
        }
        match self.waits.get(attempt) {
            Some(wait) => {
                let next = Event::Attempt { payment, attempt: attempt.saturating_add(1) };
                queue.push(Reverse((later(at, *wait), next)));
            }
            None => self.given_up = self.given_up.saturating_add(1),
        }
    }

    /// Tells whether the server's answer reaches the provider.
    fn heard(&mut self) -> bool {
        self.rng.u8(..100) >= LOST_PERCENT
    }

    async fn deliver(&mut self, payment: usize, at: Timestamp) -> Result<bool, Failure> {
        let Some(paid) = self.payments.get(payment) else { return Ok(true) };
        let Some(signed) = simulate::sign(self.dialect, &self.secret, paid, at) else { return Ok(false) };
        if at.duration_since(self.clock).abs() >= SignedDuration::from_secs(1) {
            if !self.door.try_clock(at).await? {
                self.attempts = self.attempts.saturating_add(1);
                return Ok(false);
            }
            self.clock = at;
        }
        self.attempts = self.attempts.saturating_add(1);
        let acked = self.door.webhook(&self.source, signed).await;
        if !acked {
            // It may have been restarted, with another clock.
            self.clock = Timestamp::UNIX_EPOCH;
        }
        Ok(acked)
    }

    /// After the statement: events that were given up come by hand, and some known ones once more.
    pub(super) async fn send_again(&mut self, now: Timestamp) -> Result<(), Failure> {
        let credits: Vec<usize> = (0..self.payments.len())
            .filter(|place| {
                self.payments.get(*place).is_some_and(|paid| paid.settlement.direction == Direction::Credit)
            })
            .collect();
        for payment in credits {
            let percent = if self.acked.contains(&payment) { TWICE_PERCENT } else { BY_HAND_PERCENT };
            if self.rng.u8(..100) < percent {
                self.sent_twice = self.sent_twice.saturating_add(1);
                self.deliver(payment, now).await?;
            }
        }
        Ok(())
    }

    /// Returns the bank's statement of each account.
    pub(super) fn statements(&self, layout: Layout) -> Vec<(AccountNumber, String)> {
        let accounts: BTreeSet<&AccountNumber> =
            self.payments.iter().map(|payment| &payment.settlement.settled).collect();
        let written = |account: &AccountNumber| paper::statement(layout, account, self.day.date, &self.payments);
        accounts.into_iter().map(|account| (account.clone(), written(account))).collect()
    }

    pub(super) fn truth(&self) -> Truth {
        let mut truth = Truth { stalls: vec![0; self.places], ..Truth::default() };
        for paid in self.payments.iter().filter(|paid| paid.settlement.direction == Direction::Credit) {
            let amount = paid.settlement.amount.whole();
            truth.count = truth.count.saturating_add(1);
            truth.amount = truth.amount.saturating_add(amount);
            match paid.stall.and_then(|stall| truth.stalls.get_mut(stall)) {
                Some(sum) => *sum = sum.saturating_add(amount),
                None => truth.suspense = truth.suspense.saturating_add(amount),
            }
        }
        truth
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}
