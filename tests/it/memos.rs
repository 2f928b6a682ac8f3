//! Memo codes in what banks really deliver.

use serde_json::Value;
use socho::domain::memo;

#[test]
fn every_delivered_memo_gives_exactly_its_codes() {
    let samples: Vec<Value> = serde_json::from_str(include_str!("../../fixtures/memos.json")).unwrap();
    assert!(samples.len() >= 40);
    for sample in samples {
        let delivered = sample["delivered"].as_str().unwrap();
        let found: Vec<String> = memo::find_codes(delivered).iter().map(ToString::to_string).collect();
        let expected: Vec<String> =
            sample["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        assert_eq!(found, expected, "{delivered}");
    }
}

#[test]
fn a_blank_at_any_place_of_the_code_does_not_hide_it() {
    for place in 1..8 {
        let (head, tail) = "SC22EV9H".split_at(place);
        let delivered = format!("MBVCB.7636713318.{head} {tail}.CT tu 0071000123456");
        assert_eq!(memo::find_codes(&delivered).len(), 1, "{delivered}");
    }
}

#[test]
fn two_codes_are_ambiguous_unless_only_one_is_allowed() {
    let text = "SC22EV9H SC346RU9 SC22EV9H";
    assert_eq!(memo::find_codes(text).len(), 2);
    assert_eq!(memo::choose(text, |_| true), memo::Choice::Ambiguous);
    let allowed = memo::choose(text, |stall| stall.get() == 12_345);
    assert!(matches!(allowed, memo::Choice::One(stall) if stall.get() == 12_345));
    assert_eq!(memo::choose(text, |_| false), memo::Choice::None);
}
