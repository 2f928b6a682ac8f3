//! Single rules of merging, pairing and reading, each by the smallest case that shows it. What was found by
//! breaking the rules one at a time and seeing that nothing noticed.

use jiff::Timestamp;
use socho::bank::statement::read;
use socho::domain::calendar::BusinessDate;
use socho::domain::ids::{Seq, SourceId};
use socho::domain::money::Dong;
use socho::domain::reconciliation::{Coverage, Standing, Why};
use socho::domain::settlement::{BankRef, Direction};
use socho::ledger::reconcile::merge::{Extent, Fate, KnownLine, LineKey, NewLine, merge};
use socho::ledger::reconcile::pairing::{Credit, Line, Paired, evidence, pair};

fn date(day: i8) -> BusinessDate {
    format!("2026-11-{day}").parse().unwrap()
}

fn at(day: i8, time: &str) -> Timestamp {
    format!("2026-11-{day}T{time}+07:00").parse().unwrap()
}

fn line(number: i64, day: i8, amount: i64) -> Line {
    Line {
        number,
        direction: Direction::Credit,
        standing: Standing::Counted,
        amount: Dong::new(amount),
        reference: None,
        at: None,
        date: date(day),
        code: None,
        memo: "".into(),
    }
}

fn credit(item: i64, day: i8, amount: i64) -> Credit {
    Credit {
        item,
        posting: Seq::new(item),
        source: SourceId::new(2),
        own_line: None,
        amount: Dong::new(amount),
        reference: None,
        at: None,
        unsure: None,
        date: date(day),
        code: None,
        live: true,
    }
}

fn paired(lines: &[Line], credits: &[Credit], covers: impl Fn(BusinessDate) -> Coverage) -> Paired {
    pair(&lines.iter().collect::<Vec<_>>(), credits, covers)
}

fn whys(found: &Paired) -> Vec<Why> {
    found.pairs.iter().map(|pair| pair.why).collect()
}

#[test]
fn a_line_that_names_no_hour_may_be_the_evening_before_where_that_date_is_covered() {
    let evening = credit(1, 23, 20_000);
    let found = paired(&[line(1, 24, 20_000)], std::slice::from_ref(&evening), |_| Coverage::Day);
    assert_eq!(whys(&found), [Why::AmountNextDate]);
    for coverage in [Coverage::None, Coverage::Part(None)] {
        let found = paired(&[line(1, 24, 20_000)], std::slice::from_ref(&evening), |_| coverage);
        assert_eq!((found.lines, found.credits), (vec![0], vec![0]), "nobody knows that the evening lacks it");
    }
    let timed = Line { at: Some(at(24, "09:00:00")), ..line(1, 24, 20_000) };
    let found = paired(&[timed], &[evening], |_| Coverage::Day);
    assert_eq!(found.lines, [0], "the bank says when, and it was not the evening before");
}

#[test]
fn the_line_that_shows_its_balance_is_the_known_one() {
    let key = LineKey { direction: Direction::Credit, amount: Dong::new(20_000), reference: BankRef::normalise("FT7") };
    let balance = Some(Dong::new(120_000));
    let known = [KnownLine { number: 1, key: key.clone(), balance, standing: Standing::Counted }];
    let new = [NewLine { key: key.clone(), balance: None }, NewLine { key, balance }];
    let fates = merge(&known, &new, Extent { whole: false, whole_before: false }).unwrap();
    assert_eq!(fates, [Fate::New, Fate::Known(1)]);
}

#[test]
fn an_amount_below_zero_in_its_own_column_goes_the_other_way() {
    let text = "Số tài khoản: 0071000888888\nNgày giao dịch;Số bút toán;Ghi nợ;Ghi có;Số dư\n\
        01/06/2026;A1;;100,000;200,000\n01/06/2026;A1;;-100,000;100,000\n01/06/2026;A2;30,000;;70,000\n";
    let file = read(text.as_bytes(), None).unwrap();
    let lines: Vec<i64> = file.statements[0].lines.iter().map(|line| line.signed().whole()).collect();
    assert_eq!(lines, [100_000, -100_000, -30_000]);
}

#[test]
fn the_date_and_short_numbers_in_a_reference_are_no_part_that_tells_whose_money_it_is() {
    let report = |reference: &str| Credit { reference: BankRef::normalise(reference), ..credit(1, 24, 20_000) };
    let told = |memo: &str| Line { memo: evidence(memo), at: Some(at(24, "09:00:00")), ..line(1, 24, 20_000) };
    let late = |reference: &str| Credit { at: Some(at(24, "15:00:00")), ..report(reference) };
    for (memo, reference, why) in [
        ("CT FT26328100200 rau", "VCB.FT26328100200", Some(Why::ReferencePart)),
        ("CT 24112026 rau", "VCB.24112026", None),
        ("CT 20261124 rau", "VCB.20261124", None),
        ("CT 261124 rau", "VCB.261124", None),
        ("CT 12345 rau", "VCB.12345", None),
        ("CT sap1 rau", "VCB.SAP1", None),
    ] {
        let found = paired(&[told(memo)], &[late(reference)], |_| Coverage::Day);
        assert_eq!(whys(&found).first().copied(), why, "{memo}");
    }
    let other_week = Credit { date: date(14), at: Some(at(14, "15:00:00")), ..report("VCB.FT26328100200") };
    assert_eq!(whys(&paired(&[told("CT FT26328100200")], &[other_week], |_| Coverage::Day)), []);
}

#[test]
fn two_amounts_that_come_to_a_third_by_chance_are_no_sum_and_neither_is_one_run_of_two() {
    let parts = |amounts: &[i64]| -> Vec<Credit> {
        let one = |(item, amount): (i64, &i64)| Credit {
            at: Some(at(24, &format!("09:00:{item:02}"))),
            ..credit(item, 24, *amount)
        };
        (1..).zip(amounts).map(one).collect()
    };
    let sum = |amount: i64, credits: &[Credit]| whys(&paired(&[line(9, 24, amount)], credits, |_| Coverage::Day));
    assert_eq!(sum(60_000, &parts(&[10_000, 20_000, 30_000])), [Why::Sum]);
    assert_eq!(sum(50_000, &parts(&[20_000, 30_000])), []);
    assert_eq!(sum(30_000, &parts(&[10_000, 10_000, 10_000, 10_000])), [], "which three of the four?");
    // Under one reference the sum must still be the line's.
    let batch = |amounts: &[i64]| -> Vec<Credit> {
        let reference = BankRef::normalise("BATCH-1");
        parts(amounts).into_iter().map(|one| Credit { reference: reference.clone(), ..one }).collect()
    };
    let whole = |amount: i64| Line { reference: BankRef::normalise("BATCH-1"), ..line(9, 24, amount) };
    for (amount, why) in [(50_000, vec![Why::Sum]), (51_000, vec![Why::Reference])] {
        let found = paired(&[whole(amount)], &batch(&[20_000, 30_000]), |_| Coverage::Day);
        assert_eq!(whys(&found), why, "{amount}");
    }
    // And the bank's rows of one batch, of which the provider told the whole.
    let rows = [(1, 20_000), (2, 30_000)].map(|(number, amount)| Line { number, ..whole(amount) });
    let told = Credit { reference: BankRef::normalise("BATCH-1"), ..credit(1, 24, 50_000) };
    let found = paired(&rows, &[told], |_| Coverage::Day);
    assert_eq!((whys(&found), found.lines, found.credits), (vec![Why::Sum], vec![], vec![]));
}
