//! Bodies that no sample shows: numbers as other languages write them, forms, broken lines. The
//! signatures were made by Node and by the sender's own package, not by this program.

use std::fmt::Write as _;

use jiff::Timestamp;
use socho::bank::{self, Credentials, Delivery, Refusal, Request};
use socho::domain::memo::{Choice, choose};
use socho::domain::settlement::{Dialect, EventId, Item, Settlement};

/// The instant at which the requests arrive.
const NOW_S: i64 = 1_795_483_200;

fn receive(dialect: Dialect, secret: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Vec<Item>, Refusal> {
    let secrets = [secret.to_owned()];
    let now = Timestamp::from_second(NOW_S).unwrap();
    let credentials = Credentials { secrets: &secrets, tolerance_s: 300, local_as_utc: false, now };
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    match bank::receive(dialect, &credentials, &Request { sub_path: "", headers: &headers, body })? {
        Delivery::Items(items) => Ok(items),
        Delivery::TokenIssued { .. } => panic!("nobody asked for a token"),
    }
}

fn credit(result: &Result<Vec<Item>, Refusal>, name: &str) -> Settlement {
    match result.as_deref() {
        Ok([Item::Credit(settlement)]) => settlement.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_second_casso_webhook_is_authenticated_whatever_numbers_its_body_holds() {
    for (balance, mac) in [
        (
            "16775000.50",
            "5c8df98852fad3f384777a970c39e1d2c0a50551fc7d9b91e203052b9de2c8103028dfd5b29ea095ca2317e5bc628ceb95e82b99c9806156faa60b8dc4d96837",
        ),
        (
            "0.10",
            "596c9b34d1758ba4ea3029bf5081021c21a537b10f016fc19c4640fa4b771767fcb2e19dc073d28f84b3ffb3b46c1eb33e527c707aad3efc13bd7089df402764",
        ),
        (
            "1e21",
            "236aed3bf534516262c93a7ce2c0f87699cdf1cec4446b11c0920ba03182772e112f03c5f4af39911d5dbf0eab9d00ff0566360007d961a1d930a0614a218e66",
        ),
        (
            "123456789012345678901",
            "6af2e96c9ac05ca59657dde6c314944680bb63f00e930eb8285314cb339c5725907ee048e6b0e92d4cb13037f5b32ee4d280467e258c0e104ac58b0cebd44cfe",
        ),
        (
            "9007199254740993",
            "6aa98f46158df5685a39bcccff4838defb05da457cb87beffec77dd7422a063aa7a3bf2ab2326110090af88c78d2acf6c09e63fbd92eaf10404b1e93946573d6",
        ),
        (
            "1e-7",
            "cd740001a7c4f9650ad7122432876f9ec955ad9c99ed5bc2aa1efb8533294a76c74289e4ca0ce0c39b7170450e5f60f00b0ed2cc4c92c32de777140b6e1a8a52",
        ),
        (
            "-0.0",
            "ca28dd65f3f885d26640c5a4caa08ee737a62b52e7b3547aee65ee14a87623a5c54729e2d1ac01285cad09675b51105a8c8bf776565e00a5675e2c155ca8cead",
        ),
        (
            "1e400",
            "28e6af6c3875713048a827f14ff1584eaf1d2e1cada36472cdb8fd80fb078d4d8c3da1d9ad2dababa7079f3360fea06c7455a602f95dc81b26401a2fc4c629f6",
        ),
    ] {
        let body = format!(
            r#"{{"error":0,"data":{{"id":81,"reference":"FT81","description":"Trả tiền/cá","amount":35000,"runningBalance":{balance},"transactionDateTime":"2026-11-24 08:18:11","accountNumber":"0071000888888"}}}}"#
        );
        let signature = format!("t=1795483190123,v1={mac}");
        let headers = [("X-Casso-Signature", signature.as_str())];
        let settlement =
            credit(&receive(Dialect::CassoV2, "unseen-casso-key-0001", &headers, body.as_bytes()), balance);
        assert_eq!(settlement.amount.whole(), 35_000, "{balance}");
    }
}

#[test]
fn a_payos_body_is_authenticated_whatever_its_data_hold() {
    for (extra, mac) in [
        (r#""fee":1.50"#, "6e23def2eed91be4c5a31bb46a6809a35fd86eefd13a9a841f8dbbfccca03357"),
        (r#""fee":1e21"#, "efada303d34f4c4c54a7f61044752d75887cc83482c065da3de8aa1b3e462a1f"),
        (r#""fee":12345678901234567890"#, "d87d68d722dce94785ec2888d5023c63f548cd14e85ca78818d14bc33eaf952a"),
        (r#""fee":0.10,"flag":false"#, "6f8c5316210738814050a2f67ea1d555a1792b0dd1095ad7043e89ab8d17da61"),
        (
            r#""items":[{"z":1.50,"a":"é/x"},{"b":[2,3],"a":null}]"#,
            "60272b7608b56d6410a76693a8f51d9537cdf868cf0fe7c12ebba12d1769b982",
        ),
        (r#""nested":{"b":1,"a":2}"#, "675b080d2ced65875ee8f299fb02ea68af8b874cb9b01f37f57ac40e1ad0f996"),
        (r#""note":"null","other":"undefined""#, "5c3f6eec757c65cb5039af689f8bab5f614401463cf908b83927e92351d43ecc"),
        (r#""items":[]"#, "5688a8ee48c75583c12c651fe020a90c463acac667f8b34efbe0e019a4580950"),
    ] {
        let data = format!(
            r#"{{"orderCode":81,"amount":35000,"description":"SC22EV9H","accountNumber":"0071000888888","reference":"FT81","transactionDateTime":"2026-11-24 08:18:11","currency":"VND","code":"00",{extra}}}"#
        );
        let body = format!(r#"{{"code":"00","desc":"success","success":true,"data":{data},"signature":"{mac}"}}"#);
        let settlement = credit(&receive(Dialect::Payos, &"ab".repeat(32), &[], body.as_bytes()), extra);
        assert_eq!(settlement.amount.whole(), 35_000, "{extra}");
    }
}

#[test]
fn a_casso_call_without_a_fault_is_read_however_its_zero_is_written() {
    for (error, credits) in [("0", 1), ("0.0", 1), ("\"0\"", 1), ("null", 1), ("1", 0), ("\"1\"", 0), ("true", 0)] {
        let body = format!(
            r#"{{"error":{error},"data":[{{"id":5,"tid":"T5","amount":12000,"description":"","when":"2026-11-24","bank_sub_acc_id":"0123456789"}}]}}"#
        );
        let items = receive(Dialect::CassoV1, "a-token", &[("secure-token", "a-token")], body.as_bytes()).unwrap();
        assert_eq!(items.iter().filter(|item| matches!(item, Item::Credit(_))).count(), credits, "{error}");
    }
}

const FIELDS: [(&str, &str); 8] = [
    ("gateway", "Vietcombank"),
    ("transactionDate", "2026-11-24 08:18:11"),
    ("accountNumber", "0071000888888"),
    ("subAccount", ""),
    ("content", "SC22EV9H trả 35% & cá = ngon+"),
    ("transferType", "in"),
    ("transferAmount", "35000"),
    ("referenceCode", "FT26328100200"),
];

fn url_encoded() -> String {
    let mut body = "id=92704001".to_owned();
    for (name, value) in FIELDS {
        let written: String = value
            .bytes()
            .map(|b| {
                if b == b' ' {
                    "+".to_owned()
                } else if b.is_ascii_alphanumeric() {
                    char::from(b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect();
        write!(body, "&{name}={written}").unwrap();
    }
    body
}

fn multipart() -> String {
    let mut body = String::new();
    for (name, value) in [("id", "92704001")].into_iter().chain(FIELDS) {
        write!(body, "--XyZ--1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").unwrap();
    }
    body + "--XyZ--1--\r\n"
}

#[test]
fn sepay_may_send_its_fields_as_a_form() {
    let key = [("Authorization", "Apikey a-key-for-forms")];
    for body in [url_encoded(), multipart()] {
        let settlement = credit(&receive(Dialect::SepayApikey, "a-key-for-forms", &key, body.as_bytes()), &body);
        assert_eq!(settlement.amount.whole(), 35_000);
        assert_eq!(settlement.event_id, EventId::Given("92704001".into()));
        assert_eq!(settlement.settled.as_str(), "0071000888888");
        assert_eq!((settlement.addressed, settlement.memo.as_str()), (None, "SC22EV9H trả 35% & cá = ngon+"));
    }
    for body in ["transferAmount=35000", "id=1&transferAmount=3%5", "id", "--XyZ\r\nid=1"] {
        let refused = receive(Dialect::SepayApikey, "a-key-for-forms", &key, body.as_bytes());
        assert!(matches!(refused, Err(Refusal::Unreadable(_))), "{body}: {refused:?}");
    }
}

#[test]
fn a_code_that_a_line_break_cuts_is_found() {
    let body = r#"{"event_id":"e","account":"0123456789","direction":"in","amount":1000,"memo":"CT tu NGUYEN VAN A SC22\r\nEV9H GD 12"}"#;
    let mac = "sha256=9bcd38cc37475112d6601458777894711fba35a06a4f8d4039538264d34cf3dc";
    let headers = [("X-Signature", mac)];
    let settlement = credit(&receive(Dialect::GenericHmac, "unseen-generic-secret", &headers, body.as_bytes()), body);
    assert!(matches!(choose(&settlement.memo, |_| true), Choice::One(stall) if stall.get() == 12_345));
}

#[test]
fn half_a_character_at_the_end_of_a_memo_does_not_cost_the_payment() {
    let body = |memo: &str| {
        format!(
            r#"{{"transactions":[{{"id":"8","accountNumber":"0123456789","content":"{memo}","transferType":"IN","transferAmount":9000}}]}}"#
        )
    };
    for (memo, read) in [
        (r"SC22EV9H \ud83d", "SC22EV9H \u{fffd}"),
        (r"\ude00 SC22EV9H \ud83d\ude00", "\u{fffd} SC22EV9H \u{1f600}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
        (r"C:\\ud83d \u00e1", r"C:\ud83d á"),
    ] {
        let token = [("Authorization", "Bearer a-token-of-pay2s")];
        let items = receive(Dialect::Pay2s, "a-token-of-pay2s", &token, body(memo).as_bytes());
        assert_eq!(credit(&items, memo).memo, read, "{memo}");
    }
}
