//! Other ledgers beside this run: what they reach with one hot account, each payment durable before
//! its answer. Measured by others' own load clients on a machine of the same size, two cores with the
//! load beside the ledger, not in this run: only the order of magnitude compares. How fast that
//! machine's disk confirmed a write is not known, so theirs is not divided by it and ours is.

use serde_json::{Value, json};

use super::Figures;
use super::settle::Level;
use crate::app::bench::figures::{decimal, per_mille};
use crate::app::bench::load::Spread;
use crate::cli::output::{Lang, table};

/// How many connections the figures of this program are taken at, where they were measured.
const CONNECTIONS: usize = 256;

/// One ledger: its name, how payments reach it in both languages, payments a second from and to.
type Ledger = (&'static str, [&'static str; 2], u64, u64);

/// One payment a request and one durable answer each, save where it says otherwise.
const OTHERS: [Ledger; 6] = [
    ("PostgreSQL, row lock", ONE, 900, 1_400),
    ("pgledger", ONE, 1_400, 1_400),
    ("cala-ledger", ONE, 620, 840),
    ("TigerBeetle", ONE, 2_300, 3_200),
    ("TigerBeetle", ["100 mỗi yêu cầu", "100 a request"], 103_000, 125_000),
    ("TigerBeetle", ["8.189 mỗi yêu cầu, nhiều tài khoản", "8,189 a request, many accounts"], 525_000, 717_000),
];
const ONE: [&str; 2] = ["1 mỗi yêu cầu", "1 a request"];
const HTTP: [&str; 2] = ["1 mỗi yêu cầu, qua HTTP, gộp khi ghi", "1 a request, over HTTP, coalesced when written"];

/// This program's own rows: the engine and what its hot stall took in a second.
fn ours(figures: &Figures) -> Vec<(String, u64)> {
    let engines = [Some(("sqlite", &figures.sqlite)), figures.postgres.as_ref().map(|found| ("postgres", found))];
    let measured = engines.into_iter().flatten().filter_map(|(engine, found)| {
        let level: &Level = found.levels.get(&CONNECTIONS).or_else(|| found.levels.values().next_back())?;
        Some((format!("socho, {engine}"), level.settled.get(&Spread::Hot)?.per_s()))
    });
    measured.collect()
}

/// Returns what others reach, for the JSON of a run.
pub(super) fn json(figures: &Figures) -> Value {
    let per_fsync = |per_s| decimal(per_mille(per_s, figures.fsync.per_s));
    let ours = ours(figures).into_iter().map(|(name, per_s)| {
        json!({"ledger": name, "payments": HTTP[1], "per_s": per_s, "per_fsync": super::show::number(&per_fsync(per_s))})
    });
    let others = OTHERS.iter().map(|(name, payments, from, to)| {
        json!({"ledger": name, "payments": payments[1], "per_s": [from, to], "measured": "elsewhere, 2 cores"})
    });
    ours.chain(others).collect()
}

/// Returns the table for people.
pub(super) fn text(figures: &Figures, lang: Lang) -> String {
    let word = |words: [&'static str; 2]| match lang {
        Lang::Vi => words[0].to_owned(),
        Lang::En => words[1].to_owned(),
    };
    let head = match lang {
        Lang::Vi => ["Sổ cái (một tài khoản nóng)", "Khoản thu", "Mỗi giây", "Mỗi lần ghi chắc", "Đo ở đâu"],
        Lang::En => ["Ledger (one hot account)", "Payments", "Per second", "Per fsync/s", "Measured"],
    };
    let mut rows: Vec<Vec<String>> = ours(figures)
        .into_iter()
        .map(|(name, per_s)| {
            let ratio = decimal(per_mille(per_s, figures.fsync.per_s));
            vec![name, word(HTTP), per_s.to_string(), ratio, word(["lần chạy này", "in this run"])]
        })
        .collect();
    rows.extend(OTHERS.iter().map(|(name, payments, from, to)| {
        let range = if from == to { from.to_string() } else { format!("{from}–{to}") };
        vec![
            (*name).to_owned(),
            word(*payments),
            range,
            "–".to_owned(),
            word(["nơi khác, 2 nhân", "elsewhere, 2 cores"]),
        ]
    }));
    table(&head, rows)
}
