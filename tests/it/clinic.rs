//! The webhook clinic: a refused request is told why, in each of the ways in which senders go wrong.

use jiff::Timestamp;
use serde_json::Value;
use socho::bank::explain::{Change, Explanation, explain};
use socho::bank::{Credentials, Request};
use socho::domain::settlement::Dialect;

use crate::serve::{Folder, socho};

struct Sample {
    dialect: Dialect,
    secret: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    now: Timestamp,
}

/// The valid sample of each dialect that has one at the source's own path.
fn samples() -> Vec<Sample> {
    let samples: Vec<Value> = serde_json::from_str(include_str!("../../fixtures/webhooks.json")).unwrap();
    let valid = samples.iter().filter(|sample| sample["name"] == "valid" && sample["provider"] != "vietqr-vn");
    let read = valid.map(|sample| Sample {
        dialect: sample["provider"].as_str().unwrap().parse().unwrap(),
        secret: sample["secret"].as_str().unwrap().to_owned(),
        headers: sample["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().as_bytes().to_vec()))
            .collect(),
        body: sample["body"].as_str().unwrap().as_bytes().to_vec(),
        now: Timestamp::from_second(sample["now"].as_i64().unwrap()).unwrap(),
    });
    read.collect()
}

impl Sample {
    fn explained(&self, dialect: Dialect, secret: &str, body: &[u8], later_s: i64) -> Explanation {
        let secrets = [secret.to_owned()];
        let now = Timestamp::from_second(self.now.as_second() + later_s).unwrap();
        let credentials = Credentials { secrets: &secrets, tolerance_s: 300, local_as_utc: false, now };
        explain(dialect, &credentials, &Request { sub_path: "", headers: &self.headers, body })
    }
}

#[test]
fn a_right_request_is_taken_and_a_wrong_secret_is_told_in_every_dialect() {
    let samples = samples();
    assert!(samples.len() >= 7, "{}", samples.len());
    for sample in &samples {
        let said = sample.explained(sample.dialect, &sample.secret, &sample.body, 0);
        assert!(matches!(said, Explanation::Taken(1..)), "{}: {said:?}", sample.dialect);
        let other = if sample.dialect == Dialect::StandardWebhooks {
            "whsec_CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg="
        } else {
            "another-secret-altogether"
        };
        let said = sample.explained(sample.dialect, other, &sample.body, 0);
        assert_eq!(said, Explanation::WrongSecret, "{}", sample.dialect);
    }
}

#[test]
fn a_body_that_was_written_anew_a_late_one_and_another_dialect_are_told_apart() {
    let samples = samples();
    let of = |dialect| samples.iter().find(|sample| sample.dialect == dialect).unwrap();
    let hmac = of(Dialect::GenericHmac);
    let told = |body: &[u8]| hmac.explained(hmac.dialect, &hmac.secret, body, 0);
    assert_eq!(told(&[&hmac.body[..], b"\n"].concat()), Explanation::BodyChanged(Change::LineEndAdded));
    let spaced = String::from_utf8(hmac.body.clone()).unwrap().replace("\":", "\" : ").replace(",\"", ",\n  \"");
    assert_eq!(told(spaced.as_bytes()), Explanation::BodyChanged(Change::BlanksAdded));
    let mut changed = hmac.body.clone();
    let digit = changed.iter().position(|byte| *byte == b'5').unwrap();
    changed[digit] = b'6';
    assert_eq!(told(&changed), Explanation::WrongSecret, "a changed figure is no spelling");

    let sepay = of(Dialect::SepayHmac);
    // The sample was signed a little before it was sent.
    let late = sepay.explained(sepay.dialect, &sepay.secret, &sepay.body, 420);
    assert!(matches!(late, Explanation::Skew(-480..=-420)), "{late:?}");
    let meant = sepay.explained(Dialect::CassoV1, &sepay.secret, &sepay.body, 0);
    assert_eq!(meant, Explanation::OtherDialect(Dialect::SepayHmac));
    let blanks = format!("{} ", hmac.secret);
    assert_eq!(hmac.explained(hmac.dialect, &blanks, &hmac.body, 0), Explanation::SecretBlanks);
    let bare = Sample { headers: Vec::new(), ..samples.into_iter().find(|s| s.dialect == Dialect::SepayHmac).unwrap() };
    let said = bare.explained(bare.dialect, &bare.secret, &bare.body, 0);
    assert!(matches!(said, Explanation::Header(_)), "{said:?}");
}

#[test]
fn the_command_explains_a_request_that_was_written_down() {
    let folder = Folder::new("clinic");
    let db = folder.db();
    socho(&["market", "add", "--db", &db, "--code", "TAN", "--name", "Chợ Tân An"]);
    let secret = folder.path("secret");
    std::fs::write(&secret, "dev-generic-secret\n").unwrap();
    let add = ["source", "add", "--db", &db, "--name", "g1", "--dialect", "generic-hmac", "--market", "TAN"];
    assert_eq!(socho(&[&add[..], &["--secret-file", &secret]].concat()).0, 0);
    let samples = samples();
    let sample = samples.iter().find(|sample| sample.dialect == Dialect::GenericHmac).unwrap();
    let headers: Vec<String> =
        sample.headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
    let file = folder.path("request.txt");
    let explain = |end: &str| {
        let head = format!("POST /v1/ingest/g1 HTTP/1.1\r\n{}\r\n\r\n", headers.join("\r\n"));
        std::fs::write(&file, [head.as_bytes(), &sample.body, end.as_bytes()].concat()).unwrap();
        let (code, out, _) = socho(&["source", "explain", "g1", &file, "--db", &db, "--json"]);
        (code, serde_json::from_str::<Value>(&out).unwrap()["cause"].as_str().unwrap().to_owned())
    };
    assert_eq!(explain(""), (0, "taken".to_owned()));
    assert_eq!(explain("\n"), (1, "body_changed".to_owned()));
    std::fs::write(&file, "no request\n").unwrap();
    let (code, _, told) = socho(&["source", "explain", "g1", &file, "--db", &db]);
    assert!(code == 1 && told.contains("header lines"), "{told}");
}
