//! The nine webhook dialects against signed samples: authentication, direction, amount, identity.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use socho::bank::{self, Credentials, Delivery, Refusal, Request};
use socho::domain::calendar::rfc3339;
use socho::domain::money::Dong;
use socho::domain::settlement::{BankRef, Dialect, Direction, EventId, EventTime, Item, Settlement};

const KNOWN: [&str; 3] = ["0071000888888", "0123456789", "V5CHO0001234567"];

fn samples() -> Vec<Value> {
    serde_json::from_str(include_str!("../../fixtures/webhooks.json")).unwrap()
}

fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn token(secret: &str, now: Timestamp) -> String {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(secret);
    let headers = vec![("Authorization".to_owned(), format!("Basic {basic}").into_bytes())];
    let request = Request { sub_path: "/api/token_generate", headers: &headers, body: b"" };
    match receive(Dialect::VietqrVn, secret, &request, now) {
        Ok(Delivery::TokenIssued { token, .. }) => token,
        other => panic!("no token: {other:?}"),
    }
}

fn receive(dialect: Dialect, secret: &str, request: &Request<'_>, now: Timestamp) -> Result<Delivery, Refusal> {
    let secrets = [secret.to_owned()];
    let credentials = Credentials { secrets: &secrets, tolerance_s: 300, local_as_utc: false, now };
    bank::receive(dialect, &credentials, request)
}

fn sample_request(sample: &Value) -> (Dialect, String, Vec<(String, Vec<u8>)>, Vec<u8>, Timestamp) {
    let dialect: Dialect = sample["provider"].as_str().unwrap().parse().unwrap();
    let now = instant(sample["now"].as_i64().unwrap());
    let secret = sample["secret"].as_str().unwrap();
    let headers = sample["headers"].as_object().unwrap().iter().map(|(name, value)| {
        let mut value = value.as_str().unwrap().to_owned();
        if value.contains("{{token}}") {
            value = value.replace("{{token}}", &token(secret, now));
        }
        (name.clone(), value.into_bytes())
    });
    let sub_path = sample["path"].as_str().unwrap_or_default().to_owned();
    (dialect, sub_path, headers.collect(), sample["body"].as_str().unwrap().as_bytes().to_vec(), now)
}

fn run(sample: &Value) -> Result<Delivery, Refusal> {
    let (dialect, sub_path, headers, body, now) = sample_request(sample);
    let request = Request { sub_path: &sub_path, headers: &headers, body: &body };
    receive(dialect, sample["secret"].as_str().unwrap(), &request, now)
}

fn is_known(settlement: &Settlement) -> bool {
    let addressed = settlement.addressed.as_ref().map(socho::domain::account::AccountNumber::as_str);
    addressed.into_iter().chain([settlement.settled.as_str()]).any(|number| KNOWN.contains(&number))
}

fn check_settlement(sample: &Value, settlement: &Settlement, name: &str) {
    assert_eq!(Some(settlement.amount.whole()), sample["amount"].as_i64().map(i64::abs), "{name}");
    if let Some(reference) = sample["bank_ref"].as_str() {
        assert_eq!(settlement.reference, BankRef::normalise(reference), "{name}");
    }
    if let Some(account) = sample["account"].as_str() {
        let addressed = settlement.addressed.as_ref().unwrap_or(&settlement.settled);
        assert_eq!(addressed.as_str(), account, "{name}");
    }
    if let Some(event_at) = sample["event_at"].as_str() {
        match settlement.event_time {
            EventTime::At(at) => assert_eq!(rfc3339(at), event_at, "{name}"),
            EventTime::On(date) => assert!(event_at.starts_with(&date.to_string()), "{name}"),
            EventTime::Missing => panic!("{name}: no time"),
        }
    }
    if let Some(memo) = sample["memo"].as_str() {
        assert!(settlement.memo.contains(memo), "{name}: {}", settlement.memo);
    }
    if let (Some(id), EventId::Given(given)) = (sample["dedupe_id"].as_str(), &settlement.event_id) {
        assert_eq!(&**given, id, "{name}");
    }
}

#[test]
fn each_of_the_signed_samples_gives_what_it_expects() {
    let samples = samples();
    assert_eq!(samples.len(), 142);
    for sample in &samples {
        let name = format!("{}/{}", sample["provider"], sample["name"]);
        let result = run(sample);
        match sample["expect"].as_str().unwrap() {
            "reject_auth" => {
                assert!(
                    matches!(result, Err(Refusal::Unauthenticated(_) | Refusal::Stale { .. })),
                    "{name}: {result:?}"
                );
            }
            "bad_request" => assert!(matches!(result, Err(Refusal::Unreadable(_))), "{name}: {result:?}"),
            "ignore" => {
                let Ok(Delivery::Items(items)) = result else { panic!("{name}: {result:?}") };
                let credited = items.iter().any(|item| matches!(item, Item::Credit(s) if is_known(s)));
                assert!(!credited, "{name}: {items:?}");
            }
            "accept" => match result {
                Ok(Delivery::TokenIssued { .. }) => assert!(name.contains("token"), "{name}"),
                Ok(Delivery::Items(items)) if sample["items"].is_array() => {
                    let expected = sample["items"].as_array().unwrap();
                    assert_eq!(items.len(), expected.len(), "{name}");
                    for (item, expected) in items.iter().zip(expected) {
                        let credited = matches!(item, Item::Credit(s) if is_known(s));
                        assert_eq!(credited, expected["expect"] == "accept", "{name}: {item:?} {expected}");
                    }
                }
                Ok(Delivery::Items(items)) => match items.as_slice() {
                    [Item::Credit(settlement)] => {
                        assert_eq!(settlement.direction, Direction::Credit);
                        assert!(is_known(settlement), "{name}");
                        check_settlement(sample, settlement, &name);
                    }
                    other => panic!("{name}: {other:?}"),
                },
                Err(refusal) => panic!("{name}: {refusal:?}"),
            },
            other => panic!("{name}: unknown expectation {other}"),
        }
    }
}

#[test]
fn cassos_and_payos_published_vectors_verify() {
    let body = br#"{"error":0,"data":{"id":0,"reference":"MA_GIAO_DICH_THU_NGHIEM","description":"giao dich thu nghiem","amount":599000,"runningBalance":25000000,"transactionDateTime":"2024-10-03 15:06:37","accountNumber":"88888888","bankName":"VPBank","bankAbbreviation":"VPB","virtualAccountNumber":"","virtualAccountName":"","counterAccountName":"NGUYEN VAN A","counterAccountNumber":"8888888888","counterAccountBankId":"970415","counterAccountBankName":"VietinBank"}}"#;
    let signature = "t=1727948258788,v1=ed0a4bd2e826d5cb69988cdb141e6c1a080e21f3b57eb72cd78192220042b9e7dde0868fc667faea8e224900fa7904e7c88dfa098032fb2d6b6996856e8b7ff3";
    let headers = vec![("x-casso-signature".to_owned(), signature.as_bytes().to_vec())];
    let request = Request { sub_path: "", headers: &headers, body };
    let secret = "mgExMrjj4i7a1p8Cs6LmFbpCd8lbw4sSX4LZXPag7TKazeIogtR90tvWYTkwQbvs";
    let casso = receive(Dialect::CassoV2, secret, &request, instant(1_727_948_300));
    assert!(matches!(casso, Ok(Delivery::Items(items)) if matches!(items[0], Item::Ignored { .. })));

    let body = r#"{"code":"00","desc":"success","success":true,"data":{"orderCode":123,"amount":3000,"description":"VQRIO123","accountNumber":"12345678","reference":"TF230204212323","transactionDateTime":"2023-02-04 18:25:00","currency":"VND","paymentLinkId":"124c33293c43417ab7879e14c8d9eb18","code":"00","desc":"Thành công","counterAccountBankId":"","counterAccountBankName":"","counterAccountName":"","counterAccountNumber":"","virtualAccountName":"","virtualAccountNumber":""},"signature":"412e915d2871504ed31be63c8f62a149a4410d34c4c42affc9006ef9917eaa03"}"#;
    let request = Request { sub_path: "", headers: &[], body: body.as_bytes() };
    let secret = "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675";
    assert!(receive(Dialect::Payos, secret, &request, instant(0)).is_ok());
}

fn settlement(amount: i64, memo: &str) -> Settlement {
    Settlement {
        event_id: EventId::Given("92704001".into()),
        direction: Direction::Credit,
        amount: Dong::new(amount),
        settled: "0071000888888".parse().unwrap(),
        addressed: None,
        bank_hint: Some("Vietcombank".into()),
        reference: BankRef::normalise("FT26335000001"),
        event_time: EventTime::At("2026-12-01T00:05:00+07:00".parse().unwrap()),
        memo: memo.to_owned(),
        payer: String::new(),
    }
}

fn secret_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::VietqrVn => "user:pass word",
        Dialect::StandardWebhooks => "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        _ => "a-secret-of-some-length",
    }
}

fn signed(dialect: Dialect, settlement: &Settlement, now: Timestamp) -> (String, Vec<(String, Vec<u8>)>, Vec<u8>) {
    let request = bank::sign(dialect, secret_of(dialect), settlement, now).unwrap();
    let headers = request.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
    (request.sub_path.to_owned(), headers, request.body.into_bytes())
}

#[test]
fn what_each_dialect_signs_it_also_reads_five_minutes_past_midnight_on_the_first() {
    let now: Timestamp = "2026-12-01T00:05:00+07:00".parse().unwrap();
    for dialect in Dialect::ALL {
        let sent = settlement(35_000, "SC22EV9H Trả tiền cá – \"cô Bảy\" A=1&B=2 /");
        let (sub_path, headers, body) = signed(dialect, &sent, now);
        let request = Request { sub_path: &sub_path, headers: &headers, body: &body };
        let Ok(Delivery::Items(items)) = receive(dialect, secret_of(dialect), &request, now) else {
            panic!("{dialect} does not read what it signed")
        };
        let Item::Credit(read) = &items[0] else { panic!("{dialect}: {items:?}") };
        assert_eq!((read.amount, &read.settled, &read.reference), (sent.amount, &sent.settled, &sent.reference));
        assert_eq!(read.event_time, sent.event_time, "{dialect}");
        assert!(read.memo.starts_with(&sent.memo), "{dialect}");
    }
}

#[test]
fn a_signed_time_is_good_for_exactly_its_window() {
    let signed_at = instant(1_795_483_200);
    for dialect in [Dialect::SepayHmac, Dialect::CassoV2, Dialect::StandardWebhooks] {
        let (sub_path, headers, body) = signed(dialect, &settlement(1, ""), signed_at);
        let request = Request { sub_path: &sub_path, headers: &headers, body: &body };
        for (now, good) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            let result = receive(dialect, secret_of(dialect), &request, instant(1_795_483_200 + now));
            assert_eq!(result.is_ok(), good, "{dialect} at {now}");
            assert!(good || matches!(result, Err(Refusal::Stale { skew_s }) if skew_s == -now), "{result:?}");
        }
    }
}

#[test]
fn two_secrets_are_live_while_one_is_rotated_and_an_empty_one_never_is() {
    let now = instant(1_795_483_200);
    for dialect in Dialect::ALL {
        let (sub_path, headers, body) = signed(dialect, &settlement(1, ""), now);
        let request = Request { sub_path: &sub_path, headers: &headers, body: &body };
        let other = if dialect == Dialect::StandardWebhooks { "whsec_AAAA" } else { "other" };
        for (secrets, good) in [
            (vec![other.to_owned(), secret_of(dialect).to_owned()], true),
            (vec![secret_of(dialect).to_owned(), other.to_owned()], true),
            (vec![other.to_owned()], false),
            (vec![String::new()], false),
            (vec![], false),
        ] {
            let credentials = Credentials { secrets: &secrets, tolerance_s: 300, local_as_utc: false, now };
            assert_eq!(bank::receive(dialect, &credentials, &request).is_ok(), good, "{dialect} {secrets:?}");
        }
    }
}

#[test]
fn one_changed_byte_of_a_signed_body_is_refused() {
    let now = instant(1_795_483_200);
    for dialect in [Dialect::SepayHmac, Dialect::CassoV2, Dialect::StandardWebhooks, Dialect::GenericHmac] {
        let (sub_path, headers, body) = signed(dialect, &settlement(35_000, "SC22EV9H"), now);
        for place in 0..body.len() {
            let mut changed = body.clone();
            changed[place] ^= 1;
            let request = Request { sub_path: &sub_path, headers: &headers, body: &changed };
            let result = receive(dialect, secret_of(dialect), &request, now);
            assert!(matches!(result, Err(Refusal::Unauthenticated(_))), "{dialect} byte {place}: {result:?}");
        }
    }
}

#[test]
fn one_bad_item_among_several_does_not_refuse_its_neighbours() {
    let body = br#"{"error":0,"data":[
        {"id":1,"tid":"A","amount":1000,"when":"2026-11-24","bank_sub_acc_id":"0071000888888","description":""},
        {"id":2,"tid":"B","amount":"1.000","when":"2026-11-24","bank_sub_acc_id":"0071000888888"},
        {"id":3,"tid":"C","amount":-5,"bank_sub_acc_id":"0071000888888"}, 7]}"#;
    let headers = vec![("secure-token".to_owned(), b"t".to_vec())];
    let request = Request { sub_path: "", headers: &headers, body };
    let Ok(Delivery::Items(items)) = receive(Dialect::CassoV1, "t", &request, instant(0)) else { panic!() };
    assert!(matches!(items[0], Item::Credit(_)) && matches!(items[1], Item::Rejected { .. }));
    assert!(matches!(items[2], Item::Ignored { .. }) && matches!(items[3], Item::Rejected { .. }));
}

#[test]
fn hostile_bodies_are_refused_with_a_reason() {
    let headers = vec![("Authorization".to_owned(), b"Apikey k".to_vec())];
    let deep = "[".repeat(100_000);
    let long = format!("{{\"id\":1,\"transferType\":\"in\",\"transferAmount\":{}}}", "9".repeat(100_000));
    for body in ["", "\0", "[]", "null", "{", "{\"id\":1e400}", "\u{feff}", &deep, &long] {
        let request = Request { sub_path: "", headers: &headers, body: body.as_bytes() };
        let result = receive(Dialect::SepayApikey, "k", &request, instant(0));
        assert!(matches!(&result, Err(Refusal::Unreadable(why)) if why.len() < 300), "{result:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_a_panic_and_twice_the_same(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        value in proptest::collection::vec(any::<u8>(), 0..80),
        dialect in 0_usize..9,
    ) {
        let dialect = Dialect::ALL[dialect];
        let names = ["Authorization", "X-SePay-Signature", "X-SePay-Timestamp", "Secure-Token", "X-Casso-Signature",
            "webhook-id", "webhook-timestamp", "webhook-signature", "X-Signature"];
        let headers: Vec<_> = names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
        let request = Request { sub_path: "", headers: &headers, body: &body };
        let once = receive(dialect, "secret", &request, instant(0));
        prop_assert_eq!(&once, &receive(dialect, "secret", &request, instant(0)));
        let _ = bank::read(dialect, false, &request);
    }
}
