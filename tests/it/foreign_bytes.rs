//! Every parser of foreign bytes on every seed, on mutations of it, and on inputs kept because they
//! were trouble once, here or elsewhere: the fuzzer's own targets, with the ordinary tests.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[path = "../../fuzz/seeds.rs"]
mod seeds;
#[path = "../../fuzz/targets.rs"]
mod targets;

/// The nine dialects by name.
const DIALECTS: [&str; 9] = [
    "sepay-apikey",
    "sepay-hmac",
    "casso-v1",
    "casso-v2",
    "payos",
    "vietqr-vn",
    "pay2s",
    "standard-webhooks",
    "generic-hmac",
];
/// Mutations of one seed; the fuzzer makes millions.
const MUTATIONS: u64 = 12;
/// Seeds longer than this are mutated less: a workbook takes milliseconds.
const LONG: usize = 4_096;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cuts, doubles, flips and exchanges, as the number says.
fn mutated(seed: &[u8], number: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number);
    let mut bytes = seed.to_vec();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(0..=bytes.len().saturating_sub(1));
        match random.u8(0..5) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << random.u8(0..8),
            2 if !bytes.is_empty() => bytes[at] = *random.choice(b"\0\xff\"{}[]<>:;,=-+.0 9eE\n").unwrap(),
            3 => drop(bytes.splice(at..at, seed.iter().copied().take(64))),
            _ => drop(bytes.drain(at..(at + 1 + random.usize(0..8)).min(bytes.len()))),
        }
    }
    bytes
}

fn survives(target: &str, bytes: &[u8]) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| targets::run(target, bytes))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
    })
}

#[test]
fn no_parser_breaks_its_rules_on_a_seed_or_near_one() {
    let seeds = seeds::seeds(root());
    let mut broken = Vec::new();
    // For a longer look without the fuzzer: SOCHO_MUTATIONS=2000.
    let mutations = std::env::var("SOCHO_MUTATIONS").map_or(MUTATIONS, |times| times.parse().unwrap());
    for (name, _) in targets::TARGETS {
        let mine: Vec<&Vec<u8>> = seeds.iter().filter(|(of, _)| *of == name).map(|(_, bytes)| bytes).collect();
        assert!(!mine.is_empty(), "{name} has no seed");
        for (number, seed) in (0_u64..).zip(mine) {
            let times = if seed.len() > LONG { mutations / 4 } else { mutations };
            for mutation in 0..=times {
                let bytes = if mutation == 0 { seed.clone() } else { mutated(seed, number * 1_000_000 + mutation) };
                if let Err(told) = survives(name, &bytes) {
                    broken.push(format!("{name} seed {number} mutation {mutation}: {told}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn inputs_that_were_once_trouble_stay_harmless() {
    let mut tried = 0;
    for folder in fs::read_dir(root().join("fuzz/kept")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(targets::TARGETS.iter().any(|(target, _)| *target == name), "{name} is no target");
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            survives(&name, &fs::read(&path).unwrap()).unwrap_or_else(|told| panic!("{}: {told}", path.display()));
            tried += 1;
        }
    }
    assert!(tried > 0, "inputs are kept in fuzz/kept/TARGET");
}

#[test]
fn every_dialect_and_every_target_is_fuzzed() {
    for name in DIALECTS {
        name.parse::<socho::domain::settlement::Dialect>().unwrap();
        let seeds = seeds::seeds(root());
        let begins = |bytes: &[u8]| bytes.starts_with(format!("{name}\n").as_bytes());
        assert!(seeds.iter().any(|(target, bytes)| *target == "dialects" && begins(bytes)), "{name}");
    }
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for (name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no binary of the fuzzer");
        let file = fs::read_to_string(root().join(format!("fuzz/fuzz_targets/{name}.rs"))).unwrap();
        assert!(file.contains(&format!("run(\"{name}\"")), "{name}");
    }
}
