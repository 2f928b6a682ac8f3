//! When a provider tries again, and when it gives up. What each publishes; where one publishes
//! nothing, the choice is named.

use jiff::SignedDuration;

use crate::domain::settlement::Dialect;

/// Nobody tries for longer than this.
const LONGEST_S: i64 = 24 * 3_600;

/// Returns how long a provider waits after its first attempt, its second, and so on; after the last
/// it gives up.
#[must_use]
pub fn waits(dialect: Dialect) -> Vec<SignedDuration> {
    let seconds: Vec<i64> = match dialect {
        // Eight attempts in all, 33 minutes (developer.sepay.vn).
        Dialect::SepayApikey | Dialect::SepayHmac => [1, 1, 2, 3, 5, 8, 13].map(|minutes| minutes * 60).to_vec(),
        // Its sister product's: 17 more at Fibonacci steps of 30 s, within a day.
        Dialect::CassoV1 | Dialect::CassoV2 => fibonacci(17, 30),
        // Up to ten times: five in the first minute, then once a minute.
        Dialect::VietqrVn => vec![1, 2, 3, 4, 60, 60, 60, 60, 60],
        // Every minute, six times at most.
        Dialect::Pay2s => vec![60; 6],
        // It publishes none: few and soon is the harder case.
        Dialect::Payos => vec![60; 3],
        // The specification's example; our own dialect does the same.
        Dialect::StandardWebhooks | Dialect::GenericHmac => {
            vec![5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
        }
    };
    let mut sum = 0_i64;
    let within = seconds.into_iter().take_while(move |wait| {
        sum = sum.saturating_add(*wait);
        sum <= LONGEST_S
    });
    within.map(SignedDuration::from_secs).collect()
}

fn fibonacci(count: usize, unit_s: i64) -> Vec<i64> {
    let steps = std::iter::successors(Some((1_i64, 1_i64)), |(one, other)| Some((*other, one.saturating_add(*other))));
    steps.take(count).map(|(step, _)| step.saturating_mul(unit_s)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sepay_gives_up_after_thirty_three_minutes() {
        let waits = waits(Dialect::SepayHmac);
        let minutes: i64 = waits.iter().map(SignedDuration::as_mins).sum();
        assert_eq!((waits.len(), minutes), (7, 33));
        assert!(super::waits(Dialect::CassoV2).iter().map(SignedDuration::as_hours).sum::<i64>() <= 24);
    }
}
