// What is done with foreign bytes, target by target. The fuzzer runs these (`scripts/fuzz`), and so does
// every run of the tests, on the seeds and on what was ever found (`tests/it/foreign_bytes.rs`).
//
// A target panics when a rule of its parser is broken; not panicking is the first of the rules.

use std::io::Cursor;

use jiff::Timestamp;
use socho::app::import_vendors;
use socho::bank::statement;
use socho::bank::{self, Credentials, Request};
use socho::domain::account::{AccountNumber, BankBin};
use socho::domain::calendar::{BusinessDate, Cutoff};
use socho::domain::ids::{ItemName, MarketCode, PostingName, SourceName};
use socho::domain::ledger_account::LedgerAccount;
use socho::domain::memo;
use socho::domain::money::Dong;
use socho::domain::registration::StallCode;
use socho::domain::settlement::Dialect;
use socho::domain::text::Name;
use socho::evidence::check;
use socho::ledger::seal::key::PublicKey;
use socho::ledger::seal::proof::{self, Proof};
use socho::qr::decode;
use socho::qr::payload::VietQr;

/// The instant of the samples.
const NOW: i64 = 1_795_483_200;
/// The key of the export in the fixtures.
const KEY: &str = include_str!("../fixtures/evidence/key.txt");

/// Every target by name.
pub(crate) const TARGETS: [(&str, fn(&[u8])); 12] = [
    ("dialects", dialects),
    ("payload", payload),
    ("memo", memo_codes),
    ("statement_separated", statement_file),
    ("statement_xlsx", statement_file),
    ("statement_camt", statement_file),
    ("statement_mt940", statement_file),
    ("vendors", vendors),
    ("evidence", evidence),
    ("proof", sealed_proof),
    ("settings", settings),
    ("words", words),
];

/// Runs one target.
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    found.expect("a target of the list").1(bytes);
}

/// A request as `dialect`, `secret` and header lines, a blank line and the body.
fn dialects(bytes: &[u8]) {
    let (head, body) = split(bytes, b"\n\n");
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let name = lines.next().unwrap_or_default();
    let Ok(dialect) = name.parse::<Dialect>() else { return };
    let secret = lines.next().unwrap_or_default().to_owned();
    let sub_path = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, Vec<u8>)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .collect();
    let request = Request { sub_path: &sub_path, headers: &headers, body };
    let secrets = [secret];
    let now = Timestamp::from_second(NOW).expect("an instant");
    let credentials = Credentials { secrets: &secrets, tolerance_s: 300, local_as_utc: false, now };
    let answer = bank::receive(dialect, &credentials, &request);
    assert_eq!(answer, bank::receive(dialect, &credentials, &request), "the same request, the same answer");
    for local_as_utc in [false, true] {
        let read = bank::read(dialect, local_as_utc, &request);
        assert_eq!(read, bank::read(dialect, local_as_utc, &request));
        let items = read.map_or(0, |items| items.len());
        assert!(items <= bank::ITEMS_MAX, "{items} items in one delivery");
    }
}

fn payload(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<VietQr>() {
        Ok(read) => {
            let written = read.to_string();
            let again: VietQr = written.parse().expect("what we write can be read");
            assert_eq!(again.to_string(), written, "one form");
            assert_eq!((again.bin(), again.account(), again.amount()), (read.bin(), read.account(), read.amount()));
        }
        Err(error) => assert!(error.offset <= text.len(), "a place in the text: {}", error.offset),
    }
    // A picture is refused by its size before it is unpacked.
    let _ = decode::decode(bytes);
}

fn memo_codes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for code in memo::find_codes(&text) {
        let written = code.to_string();
        assert_eq!(memo::find_codes(&written), vec![code], "{written}");
        assert_eq!(written.parse::<memo::MemoCode>().ok().map(memo::MemoCode::stall), Some(code.stall()));
    }
}

fn statement_file(bytes: &[u8]) {
    let (map, file) = split(bytes, b"\n===\n");
    let whole = statement::read(bytes, None);
    if let Ok(read) = &whole {
        for one in &read.statements {
            assert!(one.lines.iter().all(|line| line.amount > Dong::ZERO), "an amount has its direction apart");
        }
    }
    assert_eq!(format!("{whole:?}"), format!("{:?}", statement::read(bytes, None)), "the same file, the same answer");
    if let Ok(map) = std::str::from_utf8(map) {
        let _ = statement::read(file, Some(map));
    }
}

fn vendors(bytes: &[u8]) {
    if let Ok(understood) = import_vendors::understand(bytes, "list") {
        let (good, lines) = (understood.registrations.len(), understood.lines.len());
        assert!(good == lines && good <= understood.report.rows);
        let bad = understood.report.errors.iter().map(|error| error.line).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(good + bad.len(), understood.report.rows, "every row is understood or refused");
    }
}

fn evidence(bytes: &[u8]) {
    let key: PublicKey = KEY.trim().parse().expect("the key of the fixtures");
    let open = || Ok(Cursor::new(bytes));
    if let Ok(export) = check::export(open, &key) {
        // Only what our key signed is sound; the fuzzer does not have its private half.
        assert_eq!(export.market.as_str(), "TAN");
    }
}

fn sealed_proof(bytes: &[u8]) {
    let key: PublicKey = KEY.trim().parse().expect("the key of the fixtures");
    let Ok(read) = serde_json::from_slice::<Proof>(bytes) else { return };
    if let Ok(shown) = proof::check(&read, &key) {
        // Only what our key signed is sound; the fuzzer does not have its private half.
        assert_eq!(shown.close.market.as_str(), "TAN");
    }
}

fn settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(fault) = socho::cli::settings_fault(&text) {
        assert!(!fault.vi.is_empty() && !fault.en.is_empty());
    }
}

/// Everything that a query, a path or a form hands over as text: read, written and read again.
fn words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    same::<Dong>(text);
    same::<BusinessDate>(text);
    same::<Cutoff>(text);
    same::<Name>(text);
    same::<AccountNumber>(text);
    same::<BankBin>(text);
    same::<StallCode>(text);
    same::<MarketCode>(text);
    same::<SourceName>(text);
    same::<PostingName>(text);
    same::<LedgerAccount>(text);
    // An item's name carries a time beside market and number: it is written by its maker alone.
    let _ = text.parse::<ItemName>();
    let _ = socho::domain::text::search_key(text);
    let _ = socho::domain::text::bank_form(text);
}

fn same<T: std::str::FromStr + ToString + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let written = read.to_string();
        assert!(written.parse::<T>().is_ok_and(|again| again == read), "{text:?} became {written:?}");
    }
}

fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> (&'a [u8], &'a [u8]) {
    match bytes.windows(mark.len()).position(|window| window == mark) {
        Some(at) => (&bytes[..at], &bytes[at + mark.len()..]),
        None => (bytes, &[]),
    }
}
