//! VietQR payloads and pictures, to the byte.

use proptest::prelude::*;
use serde_json::Value;
use socho::domain::money::Dong;
use socho::qr::payload::{QrRule, Service, VietQr};
use socho::qr::{decode, image};

fn samples() -> Vec<Value> {
    serde_json::from_str(include_str!("../../fixtures/vietqr.json")).unwrap()
}

#[test]
fn every_sample_encodes_parses_or_is_refused_as_it_says() {
    for sample in samples() {
        let payload = sample["payload"].as_str().unwrap();
        let parsed: Result<VietQr, _> = payload.parse();
        if sample["bad"].is_string() {
            let error = parsed.expect_err(sample["bad"].as_str().unwrap());
            assert!(error.offset <= payload.len(), "{error}");
            continue;
        }
        let parsed = parsed.unwrap_or_else(|error| panic!("{payload}: {error}"));
        assert_eq!(parsed.bin().as_str(), sample["bin"].as_str().unwrap());
        assert_eq!(parsed.account(), sample["account"].as_str().unwrap());
        assert_eq!(parsed.amount().map(Dong::whole), sample["amount"].as_i64());
        assert_eq!(parsed.memo(), sample["memo"].as_str());
        assert_eq!(parsed.service().as_str(), sample["service"].as_str().unwrap());
        if sample["tolerate"].is_null() {
            let built =
                VietQr::new(parsed.bin().clone(), parsed.account(), parsed.service(), parsed.amount(), parsed.memo());
            assert_eq!(built.unwrap().to_string(), payload);
        }
    }
}

#[test]
fn refusals_name_the_place_and_the_rule() {
    let refusals: Vec<String> = samples()
        .iter()
        .filter(|sample| sample["bad"].is_string())
        .map(|sample| {
            let error = sample["payload"].as_str().unwrap().parse::<VietQr>().unwrap_err();
            format!("{} -> {error}", sample["bad"].as_str().unwrap())
        })
        .collect();
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn a_deviating_template_is_refused_without_a_crash() {
    let wrong_service = "00020101021138570010A00000072701390006970436011300710008888880208QRIBFTTA53037045802VN6304";
    assert!(wrong_service.parse::<VietQr>().is_err());
    let bin = || "970436".parse().unwrap();
    assert!(VietQr::new(bin(), "123", Service::ToCard, None, None).is_err());
    assert!(VietQr::new(bin(), "", Service::ToAccount, None, None).is_err());
    assert!(VietQr::new(bin(), "1", Service::ToAccount, Some(Dong::ZERO), None).is_err());
    assert!(VietQr::new(bin(), "1", Service::ToAccount, None, Some("cà")).is_err());
    let error = "".parse::<VietQr>().unwrap_err();
    assert_eq!((error.offset, error.rule), (0, QrRule::Empty));
}

#[test]
fn pictures_read_back_as_what_they_were_made_of() {
    let payload = samples()[3]["payload"].as_str().unwrap().to_owned();
    for correction in [image::Correction::Screen, image::Correction::Print] {
        assert!(image::svg(&payload, correction, "Sạp <B12> & bạn").unwrap().contains("&lt;B12&gt; &amp;"));
        let png = image::png(&payload, correction).unwrap();
        assert_eq!(decode::decode(&png).unwrap(), payload);
    }
    assert!(decode::decode(b"no picture").is_err());
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        bin in "[0-9]{6}", account in "[0-9A-Z]{1,19}", memo in proptest::option::of("[ -~]{1,25}"),
        amount in proptest::option::of(1_i64..=9_999_999_999_999),
    ) {
        let amount = amount.map(Dong::new);
        let code = VietQr::new(bin.parse().unwrap(), &account, Service::ToAccount, amount, memo.as_deref()).unwrap();
        prop_assert_eq!(code.to_string().parse::<VietQr>(), Ok(code));
    }

    #[test]
    fn one_changed_character_never_reads_as_another_payment(place in 0_usize..120, with in 0x20_u8..0x7F) {
        let payload = samples()[1]["payload"].as_str().unwrap().to_owned();
        let mut changed = payload.clone().into_bytes();
        let place = place % changed.len();
        changed[place] = with;
        let changed = String::from_utf8(changed).unwrap();
        prop_assert!(changed.eq_ignore_ascii_case(&payload) || changed.parse::<VietQr>().is_err());
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "\\PC{0,200}") {
        let _ = text.parse::<VietQr>();
    }
}
