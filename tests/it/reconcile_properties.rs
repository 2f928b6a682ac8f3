//! Whatever the files of a day overlap, wherever they are cut and in whatever order they come, they
//! give the same lines; and the same book, on both engines.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use socho::app::reconcile::Scope;
use socho::domain::calendar::BusinessDate;
use socho::domain::ids::{Seq, SourceId, StallNumber};
use socho::domain::money::Dong;
use socho::domain::reconciliation::{Coverage, Standing};
use socho::domain::settlement::{BankRef, Direction};
use socho::ledger::reconcile::merge::{Extent, Fate, KnownLine, LineKey, NewLine, merge, merge_parts};
use socho::ledger::reconcile::pairing::{Credit, Line, Unsure, pair};

use crate::reconcile::{FORM, Form, Row, date, file, hand_in, market, reconcile, row};
use crate::world::{World, story};

/// A day's lines with their running balances; no two have the same identity.
fn day() -> impl Strategy<Value = Vec<NewLine>> {
    prop::collection::vec((0_i64..4, 0_u8..6, any::<bool>()), 1..14).prop_map(|parts| {
        let (mut balance, mut lines) = (1_000_000, Vec::<NewLine>::new());
        for (place, (price, kind, referenced)) in parts.into_iter().enumerate() {
            let amount = 10_000 * (price + 1);
            let direction = if kind == 0 { Direction::Debit } else { Direction::Credit };
            let reference = referenced.then(|| BankRef::normalise(&format!("FT{}", place / 2))).flatten();
            let next = balance + if direction == Direction::Credit { amount } else { -amount };
            let line = NewLine {
                key: LineKey { direction, amount: Dong::new(amount), reference },
                balance: Some(Dong::new(next)),
            };
            if !lines.contains(&line) {
                balance = next;
                lines.push(line);
            }
        }
        lines
    })
}

/// Files of the day: cuts with balances, or the whole day without; together they have all of it.
fn files(lines: usize) -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    let cut = (0..lines, 0..=lines, prop::bool::weighted(0.3));
    (prop::collection::vec(cut, 0..6), any::<bool>()).prop_shuffle_with(lines)
}

trait Shuffled {
    fn prop_shuffle_with(self, lines: usize) -> BoxedStrategy<Vec<(usize, usize, bool)>>;
}

impl<S> Shuffled for S
where
    S: Strategy<Value = (Vec<(usize, usize, bool)>, bool)> + 'static,
{
    fn prop_shuffle_with(self, lines: usize) -> BoxedStrategy<Vec<(usize, usize, bool)>> {
        let all = move |(mut cuts, whole): (Vec<(usize, usize, bool)>, bool)| {
            cuts.push((0, lines, whole));
            cuts
        };
        self.prop_map(all).prop_shuffle().boxed()
    }
}

fn take_in(known: &mut Vec<KnownLine>, new: &[NewLine], extent: Extent) {
    let fates = merge(known, new, extent).unwrap();
    for (line, fate) in new.iter().zip(fates) {
        match fate {
            Fate::Known(_) => {}
            Fate::Completes(number) => {
                known.iter_mut().find(|line| line.number == number).unwrap().balance = line.balance;
            }
            Fate::New => {
                let number = i64::try_from(known.len()).unwrap() + 1;
                let (key, balance) = (line.key.clone(), line.balance);
                known.push(KnownLine { number, key, balance, standing: Standing::Counted });
            }
            Fate::Doubtful | Fate::Repeats => panic!("nothing is doubtful here: {line:?}"),
        }
    }
}

/// A payment as bank and sender tell of it.
#[derive(Debug, Clone)]
struct Told {
    second: i64,
    amount: i64,
    stall: Option<i64>,
    /// The sender cut the memo short.
    cut: bool,
    /// The sender reported it.
    reported: bool,
}

/// Some hours of one account that stalls share, no two payments in one second, in the order of time.
fn shared_account() -> impl Strategy<Value = Vec<Told>> {
    let one = (0_i64..7_200, 1_i64..4, prop::option::weighted(0.6, 1_i64..4), prop::bool::weighted(0.1), any::<bool>());
    prop::collection::btree_map(any::<i16>(), one, 1..60).prop_map(|payments| {
        let by_second: BTreeMap<i64, Told> = payments
            .into_values()
            .map(|(second, price, stall, cut, reported)| {
                (second, Told { second, amount: 10_000 * price, stall, cut, reported })
            })
            .collect();
        by_second.into_values().collect()
    })
}

/// How exactly bank and sender tell of the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    /// Both to the second.
    Second,
    /// The bank to the minute.
    Minute,
    /// The sender to the second; our clock, so many hours behind, did not believe it.
    Claimed(i64),
    /// The sender tells a date that our clock, a day behind, did not believe; the bank tells a date.
    ClaimedDate,
    /// The sender tells none: we heard of it some seconds later.
    Heard,
    /// The bank tells the date alone.
    DateOfLine,
    /// The sender tells the date alone.
    DateOfReport,
}

/// The line and the report of a payment. They have no reference in common.
fn line_and_report(place: usize, told: &Told, how: Precision) -> (Line, Credit) {
    let date = "2026-11-24".parse().unwrap();
    let true_at = "2026-11-24T01:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(told.second);
    let code = told.stall.map(|stall| StallNumber::new(stall).unwrap());
    let number = i64::try_from(place).unwrap() + 1;
    let amount = Dong::new(told.amount);
    let at = match how {
        Precision::Minute => Some(true_at - SignedDuration::from_secs(told.second % 60)),
        Precision::DateOfLine | Precision::ClaimedDate => None,
        _ => Some(true_at),
    };
    let heard = true_at + SignedDuration::from_secs(told.second * 7 % 50);
    let unsure = match how {
        Precision::Claimed(hours) => {
            Some(Unsure { recorded: heard - SignedDuration::from_hours(hours), claimed: Some(true_at) })
        }
        Precision::ClaimedDate => Some(Unsure {
            recorded: heard - SignedDuration::from_hours(24),
            claimed: Some(BusinessDate::starts_at(date)),
        }),
        Precision::Heard => Some(Unsure { recorded: heard, claimed: None }),
        _ => None,
    };
    let (direction, standing) = (Direction::Credit, Standing::Counted);
    let line = Line { number, direction, standing, amount, reference: None, at, date, code, memo: "".into() };
    let credit = Credit {
        item: number,
        posting: Seq::new(number),
        source: SourceId::new(2 + told.second % 2),
        own_line: None,
        amount,
        reference: BankRef::normalise(&format!("MB.241126.FT{number}")),
        at: Some(true_at).filter(|_| unsure.is_none() && how != Precision::DateOfReport),
        date: unsure.map_or(date, |unsure| BusinessDate::of_calendar(unsure.recorded)),
        unsure: unsure.map(Box::new),
        code: code.filter(|_| !told.cut),
        live: true,
    };
    (line, credit)
}

/// Pairs what was told and returns the places of the payments whose lines are left, and what they should be.
fn left(payments: &[Told], how: Precision) -> (Vec<usize>, Vec<usize>) {
    let told: Vec<(Line, Credit)> =
        payments.iter().enumerate().map(|(place, told)| line_and_report(place, told, how)).collect();
    let lines: Vec<&Line> = told.iter().map(|(line, _)| line).collect();
    let reported = payments.iter().zip(&told).filter(|(told, _)| told.reported);
    let mut credits: Vec<Credit> = reported.map(|(_, (_, credit))| credit.clone()).collect();
    // They come in any order.
    fastrand::Rng::with_seed(payments.len() as u64).shuffle(&mut credits);
    let paired = pair(&lines, &credits, |_| Coverage::Day);
    assert_eq!(paired.credits, Vec::<usize>::new(), "each report has its line: {how:?}");
    (paired.lines, (0..payments.len()).filter(|place| !payments[*place].reported).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_overlap_or_order_of_files_gives_the_same_lines(
        (day, files) in day().prop_flat_map(|day| { let files = files(day.len()); (Just(day), files) })
    ) {
        let (mut known, mut whole_before) = (Vec::new(), false);
        for (from, to, whole) in &files {
            let new: Vec<NewLine> = if *whole {
                day.iter().map(|line| NewLine { balance: None, ..line.clone() }).collect()
            } else {
                day[*from.min(to)..*to].to_vec()
            };
            take_in(&mut known, &new, Extent { whole: *whole, whole_before });
            whole_before |= whole;
        }
        let mut keys: Vec<LineKey> = known.into_iter().map(|line| line.key).collect();
        let mut expected: Vec<LineKey> = day.into_iter().map(|line| line.key).collect();
        keys.sort();
        expected.sort();
        prop_assert_eq!(keys, expected);
    }

    #[test]
    fn a_file_whose_parts_overlap_gives_the_lines_of_the_day(
        (day, files) in day().prop_flat_map(|day| { let files = files(day.len()); (Just(day), files) })
    ) {
        let parts: Vec<&[NewLine]> = files.iter().map(|(from, to, _)| &day[*from.min(to)..*to]).collect();
        let fates = merge_parts(&[], &parts, Extent { whole: true, whole_before: false }).unwrap();
        let told = parts.into_iter().flatten().zip(&fates);
        let mut lines: Vec<NewLine> =
            told.filter(|(_, fate)| **fate == Fate::New).map(|(line, _)| line.clone()).collect();
        let (mut expected, by) = (day, |line: &NewLine| (line.key.clone(), line.balance));
        lines.sort_by_key(by);
        expected.sort_by_key(by);
        prop_assert_eq!(lines, expected);
        prop_assert!(fates.iter().all(|fate| matches!(fate, Fate::New | Fate::Repeats)));
    }

    /// What is missing is booked as the line says, for the stall that the line names: it has to be that line.
    #[test]
    fn where_both_sides_know_the_second_the_lines_left_over_are_those_that_nobody_reported(
        payments in shared_account(), hours in 1_i64..90
    ) {
        for how in [Precision::Second, Precision::Claimed(hours)] {
            let (left, missing) = left(&payments, how);
            prop_assert_eq!(left, missing, "{:?}", how);
        }
    }

    #[test]
    fn where_the_bank_tells_the_minute_the_lines_left_over_are_of_the_minutes_that_nobody_reported(
        payments in shared_account()
    ) {
        let (left, missing) = left(&payments, Precision::Minute);
        let sorted = |places: Vec<usize>, named: bool| {
            let of = |place: usize| &payments[place];
            let key = |told: &Told| (told.second / 60, told.amount, told.stall.filter(|_| named));
            let mut keys: Vec<_> = places.into_iter().map(|place| key(of(place))).collect();
            keys.sort_unstable();
            keys
        };
        let whole = payments.iter().all(|told| !told.cut);
        prop_assert_eq!(sorted(left, whole), sorted(missing, whole));
    }

    /// Without an hour equal payments for one stall are alike; which stall is short is known still.
    #[test]
    fn where_a_side_tells_no_hour_each_stall_is_left_with_what_nobody_reported_of_it(payments in shared_account()) {
        let payments: Vec<Told> = payments.into_iter().map(|told| Told { cut: false, ..told }).collect();
        let by_stall = |places: Vec<usize>| {
            let mut keys: Vec<_> = places.into_iter().map(|place| (payments[place].amount, payments[place].stall)).collect();
            keys.sort_unstable();
            keys
        };
        for how in [Precision::DateOfLine, Precision::DateOfReport, Precision::Heard, Precision::ClaimedDate] {
            let (left, missing) = left(&payments, how);
            prop_assert_eq!(by_stall(left), by_stall(missing), "{:?}", how);
        }
    }
}

story!(a_sheet_and_its_copy_in_one_file_are_booked_once, |world| {
    market(&world).await;
    let rows: Vec<Row> = (0..9).map(|n| row("", if n % 3 == 0 { "" } else { "FT7" }, 20_000, "rau")).collect();
    let opening = |cut: usize| FORM.opening + rows[..cut].iter().map(|row| row.2).sum::<i64>();
    let sheet = |from: usize, to: usize| file(Form { opening: opening(from), ..FORM }, &rows[from..to]);
    let kept = hand_in(&world.app, [sheet(0, 9), sheet(0, 9), sheet(4, 8)].concat()).await.unwrap();
    assert_eq!(world.app.statement(kept.id).await.unwrap().counts(), (9, 13, 0));
    assert_eq!(world.int("SELECT COUNT(*) FROM statement_lines").await, 9);
    // Without balances a person decides about what has no reference.
    let sheet = |form: Form| file(Form { balances: false, period: false, date: "2026-11-23", ..form }, &rows[..3]);
    let stated = |opening: &str| format!("Số dư đầu kỳ: {opening}\nSố dư cuối kỳ: 1060000\n").into_bytes();
    let twice = [sheet(FORM), stated("1000000"), sheet(FORM), stated("1000000")].concat();
    let kept = hand_in(&world.app, twice).await.unwrap();
    assert_eq!(world.app.statement(kept.id).await.unwrap().counts(), (3, 2, 1));
});

story!(the_same_day_in_pieces_and_in_any_order_gives_the_same_book, |world| {
    let engine = world.url.starts_with("sqlite");
    for seed in [3, 4] {
        eprintln!("seed {seed}");
        let mut rng = fastrand::Rng::with_seed(seed);
        let world = if engine { World::sqlite().await } else { World::postgres().await.unwrap() };
        market(&world).await;
        let rows: Vec<Row> = (0..30)
            .map(|n| {
                let reference = if n % 3 == 0 { String::new() } else { format!("FT{n}") };
                row("", &reference, if n % 10 == 9 { -5_000 } else { 20_000 + 5_000 * (n % 2) }, "rau")
            })
            .collect();
        let opening = |cut: usize| FORM.opening + rows[..cut].iter().map(|row| row.2).sum::<i64>();
        let mut cuts = vec![(0, 12), (8, 21), (20, 30), (5, 9)];
        rng.shuffle(&mut cuts);
        for (from, to) in cuts {
            let form = Form { period: false, opening: opening(from), ..FORM };
            hand_in(&world.app, file(form, &rows[from..to])).await.unwrap();
            if rng.bool() {
                let tan = "TAN".parse().unwrap();
                world.app.book_missing(&tan, date(), "chi-hai", false).await.unwrap();
            }
        }
        let whole = hand_in(&world.app, file(Form { balances: false, ..FORM }, &rows)).await.unwrap();
        assert_eq!(world.app.statement(whole.id).await.unwrap().counts(), (0, 30, 0), "seed {seed}");
        let scope = Scope::Statement(whole.id, None);
        world.app.book_missing(&"TAN".parse().unwrap(), scope, "chi-hai", false).await.unwrap();
        let credits: i64 = rows.iter().map(|row| row.2.max(0)).sum();
        assert_eq!(world.int("SELECT CAST(SUM(amount) AS BIGINT) FROM postings").await, credits, "seed {seed}");
        let found = reconcile(&world.app, date()).await;
        assert_eq!((found.differences(), found.sums().2), (0, Dong::ZERO), "seed {seed}");
    }
});
