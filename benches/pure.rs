//! The pure parts, one call each: `cargo bench`. What they cost together with the book and the
//! network is `socho bench`.
#![expect(clippy::unwrap_used, reason = "a bench whose input is wrong must not be timed")]

use std::hint::black_box;

use divan::Bencher;
use jiff::Timestamp;
use socho::bank::{self, Credentials, Request};
use socho::domain::account::SettledAccount;
use socho::domain::calendar::BusinessDate;
use socho::domain::ids::{MarketId, Seq, StallNumber};
use socho::domain::ledger_account::LedgerAccount;
use socho::domain::memo;
use socho::domain::money::Dong;
use socho::domain::posting::{PostingKind, Transfer};
use socho::domain::settlement::{BankRef, Dialect, Direction, EventId, EventTime, Settlement};
use socho::ledger::batch::{Batch, ItemText, Posting};
use socho::ledger::chain;
use socho::ledger::facts::Head;
use socho::ledger::totals::Deltas;
use socho::qr::payload::{Service, VietQr};

fn main() {
    divan::main();
}

const NOON: &str = "2026-11-24T12:00:00+07:00";
const PAYLOAD_MEMO: &str = "SC22EV9H";
/// A memo as a bank delivers it: the code glued to other text.
const DELIVERED: &str = "MBVCB.5847362910.012345.SC22EV9H.CT tu 0071000123456 NGUYEN VAN A toi 0071000888888";

fn now() -> Timestamp {
    NOON.parse().unwrap()
}

fn secret(dialect: Dialect) -> String {
    let secret = match dialect {
        Dialect::VietqrVn => "user:pass word",
        Dialect::StandardWebhooks => "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        Dialect::SepayApikey
        | Dialect::SepayHmac
        | Dialect::CassoV1
        | Dialect::CassoV2
        | Dialect::Payos
        | Dialect::Pay2s
        | Dialect::GenericHmac => "a-secret-of-some-length",
    };
    secret.to_owned()
}

fn settlement() -> Settlement {
    Settlement {
        event_id: EventId::Given("92704000".into()),
        direction: Direction::Credit,
        amount: Dong::new(35_000),
        settled: "0071000888888".parse().unwrap(),
        addressed: None,
        bank_hint: Some("Vietcombank".into()),
        reference: BankRef::normalise("FT26329000001"),
        event_time: EventTime::At(now()),
        memo: DELIVERED.to_owned(),
        payer: "NGUYEN VAN A".to_owned(),
    }
}

fn code() -> VietQr {
    let (bin, amount) = ("970436".parse().unwrap(), Some(Dong::new(35_000)));
    VietQr::new(bin, "0071000888888", Service::ToAccount, amount, Some(PAYLOAD_MEMO)).unwrap()
}

#[divan::bench]
fn vietqr_encode(bencher: Bencher) {
    bencher.bench_local(|| black_box(code()).to_string());
}

#[divan::bench]
fn vietqr_parse(bencher: Bencher) {
    let payload = code().to_string();
    bencher.bench_local(|| black_box(&payload).parse::<VietQr>().unwrap());
}

/// Authenticating and reading one webhook.
#[divan::bench(args = Dialect::ALL)]
fn receive(bencher: Bencher, dialect: Dialect) {
    let secrets = [secret(dialect)];
    let signed = bank::sign(dialect, &secrets[0], &settlement(), now()).unwrap();
    let headers: Vec<(String, Vec<u8>)> =
        signed.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
    let request = Request { sub_path: signed.sub_path, headers: &headers, body: signed.body.as_bytes() };
    let credentials = Credentials { secrets: &secrets, tolerance_s: 300, local_as_utc: false, now: now() };
    bencher.bench_local(|| bank::receive(dialect, black_box(&credentials), black_box(&request)).unwrap());
}

#[divan::bench]
fn memo_match(bencher: Bencher) {
    bencher.bench_local(|| memo::choose(black_box(DELIVERED), |stall| stall.get() < 20_000));
}

#[divan::bench]
fn memo_without_a_code(bencher: Bencher) {
    let text = "chuyen tien mua rau cu hom nay cam on chi Hoa nhieu lam";
    bencher.bench_local(|| memo::choose(black_box(text), |stall| stall.get() < 20_000));
}

fn posting(seq: i64) -> Posting {
    let date: BusinessDate = BusinessDate::of_calendar(now());
    Posting {
        seq: Seq::new(seq),
        kind: PostingKind::Settle,
        transfer: Transfer {
            debit: LedgerAccount::Bank(SettledAccount::of_number(&"0071000888888".parse().unwrap())),
            credit: LedgerAccount::Stall(StallNumber::new(12_345).unwrap()),
            amount: Dong::new(35_000),
        },
        business_date: date,
        event_date: date,
        event_at: Some(now()),
        recorded_at: now(),
        late: false,
        stall: Some(StallNumber::new(12_345).unwrap()),
        item: Some(seq),
        concerns: None,
        reason: None,
        actor: None,
    }
}

#[divan::bench]
fn chain_posting(bencher: Bencher) {
    let posting = posting(1);
    bencher.bench_local(|| chain::posting_leaf(black_box(&posting)));
}

/// The salted commitment to a raw body of SePay's size.
#[divan::bench]
fn chain_commitment(bencher: Bencher) {
    let raw = bank::sign(Dialect::SepayHmac, "a-secret", &settlement(), now()).unwrap().body.into_bytes();
    let text = ItemText { item: 1, salt: [7; 32], raw: Some(&raw), memo: DELIVERED.into(), payer: "".into() };
    bencher.bench_local(|| chain::commitment(black_box(&text)));
}

#[divan::bench(args = [1, 16, 256])]
fn chain_batch(bencher: Bencher, postings: i64) {
    let head = Head {
        version: 1,
        last_seq: postings,
        last_item: postings,
        last_batch: 1,
        last_hash: vec![7; 32],
        open_date: BusinessDate::BEGINNING,
        reference_version: 1,
    };
    let batch = Batch {
        market: MarketId::new(1).unwrap(),
        number: 1,
        recorded_at: now(),
        postings: (1..=postings).map(posting).collect(),
        items: Vec::new(),
        texts: Vec::new(),
        pairings: Vec::new(),
        released: Vec::new(),
        refunds: Vec::new(),
        agreeing: std::collections::BTreeSet::new(),
        deltas: Deltas::default(),
        previous_hash: vec![7; 32],
        next_head: head,
    };
    bencher.bench_local(|| chain::hash(black_box(&batch)));
}
