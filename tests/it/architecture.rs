//! The house rules as a test: which layer may use which, where foreign words may stand, how long a
//! file may be. A rule that is broken names the file, the line and the rule.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines.
const FILE_LINES: usize = 500;
/// Names that say nothing.
const BANNED: [&str; 9] = ["utils", "util", "common", "helpers", "manager", "misc", "processor", "data", "info"];

/// What each layer may use of ours.
const ARROWS: [(&str, &[&str]); 10] = [
    ("domain", &["domain"]),
    ("ledger", &["ledger", "domain"]),
    ("bank", &["bank", "domain"]),
    ("qr", &["qr", "domain"]),
    ("report", &["report", "domain"]),
    ("evidence", &["evidence", "ledger", "domain"]),
    ("store", &["store", "ledger", "domain"]),
    ("app", &["app", "store", "evidence", "ledger", "bank", "qr", "report", "domain"]),
    ("web", &["web", "app", "domain"]),
    // `serve` and `demo` start the server; nothing else of the command line knows it.
    ("cli", &["cli", "web", "app", "domain"]),
];

/// Foreign words and the places where each may stand.
const PLACES: [(&str, &[&str]); 12] = [
    ("sqlx", &["src/store/"]),
    ("rusqlite", &["src/store/engine/"]),
    ("axum", &["src/web/"]),
    ("askama", &["src/web/"]),
    ("clap", &["src/cli/"]),
    ("rxing", &["src/qr/"]),
    // Bytes of banks become values here and nowhere else; a workbook is opened with its limits.
    ("quick_xml", &["src/bank/file/", "src/bank/statement/"]),
    ("encoding_rs", &["src/bank/file/"]),
    ("utoipa", &["src/web/"]),
    ("utoipa_swagger_ui", &["src/web/docs.rs"]),
    ("prometheus_client", &["src/store/meter.rs", "src/app/meters.rs"]),
    // An export is a zip file too.
    ("zip", &["src/bank/file/", "src/evidence/"]),
];

fn check(file: &str, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let code: Vec<(usize, &str)> = (1..).zip(text.lines().map(without_comment)).collect();
    let layer = file.strip_prefix("src/").and_then(|rest| rest.split(['/', '.']).next()).unwrap_or_default();
    let mut say = |line: usize, rule: String| broken.push(format!("{file}:{line}: {rule}"));
    if text.lines().count() > FILE_LINES {
        say(FILE_LINES + 1, format!("longer than {FILE_LINES} lines"));
    }
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if BANNED.iter().any(|banned| file.split('/').any(|part| part == *banned) || stem == *banned) {
        say(1, "a name that says nothing".to_owned());
    }
    let allowed = ARROWS.iter().find(|(name, _)| *name == layer).map(|(_, allowed)| *allowed);
    for (line, code) in &code {
        for used in used_layers(code) {
            let known = ARROWS.iter().any(|(name, _)| *name == used);
            if known && allowed.is_some_and(|allowed| !allowed.contains(&used.as_str())) {
                say(*line, format!("{layer} may not use {used}"));
            }
        }
        for (word, places) in PLACES {
            if names(code, word) && !places.iter().any(|place| file.starts_with(place)) {
                say(*line, format!("{word} stands only in {}", places.join(" and ")));
            }
        }
        let pure = ["domain", "ledger", "evidence", "bank", "qr", "report"].contains(&layer);
        if pure && (code.contains("async fn") || code.contains(".await") || names(code, "tokio")) {
            say(*line, format!("{layer} does not wait"));
        }
        if layer == "domain" && names(code, "serde_json") {
            say(*line, "domain knows no JSON".to_owned());
        }
        if compares_a_secret(code) {
            say(*line, "secrets are compared in constant time (bank/signature.rs, subtle)".to_owned());
        }
        let engine = file.starts_with("src/store/engine/") || file == "src/store/error.rs";
        if layer == "store"
            && !engine
            && (code.contains("sqlx::Sqlite") || code.contains("sqlx::Postgres") || code.contains("sqlx::query"))
        {
            say(*line, "only store/engine names an engine or runs a query".to_owned());
        }
        if layer == "store" && !engine {
            for word in ["SELECT *", " now()", "datetime(", "CURRENT_TIMESTAMP", "strftime"] {
                if code.contains(word) {
                    say(*line, format!("SQL never says {word}"));
                }
            }
        }
    }
    broken
}

/// Tells whether a line compares with `==` or `!=` what an attacker could guess byte by byte.
fn compares_a_secret(code: &str) -> bool {
    const SECRET: [&str; 11] = [
        "secret",
        "signature",
        "password",
        "hmac",
        "digest",
        "token",
        "api_key",
        "apikey",
        "bearer",
        "csrf",
        "key_hash",
    ];
    let word = |side: &str, last: bool| {
        let cut = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.');
        let mut words = side.trim().split(cut).filter(|word| !word.is_empty());
        let word = if last { words.next_back() } else { words.next() };
        word.unwrap_or_default().to_ascii_lowercase()
    };
    ["==", "!="].iter().any(|sign| {
        code.split_once(sign).is_some_and(|(left, right)| {
            [word(left, true), word(right, false)].iter().any(|word| {
                let borrowed = |name: &&str| !["as_bytes", "as_str", "as_slice", "as_ref"].contains(name);
                let name = word.rsplit('.').find(borrowed).unwrap_or_default();
                SECRET.iter().any(|secret| name == *secret || name.ends_with(&format!("_{secret}")))
            })
        })
    })
}

fn without_comment(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") { "" } else { line }
}

/// Tells whether a crate is named as a path or an attribute, not inside another word.
fn names(code: &str, word: &str) -> bool {
    code.contains(&format!("{word}::")) && !code.contains(&format!("_{word}::"))
}

/// Returns the layers that a line names through `crate::`, braces included.
fn used_layers(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let list = rest.strip_prefix('{').map_or(rest, |list| list.split('}').next().unwrap_or(list));
        let items: Vec<&str> = if rest.starts_with('{') { list.split(',').collect() } else { vec![list] };
        for item in items {
            let name: String = item.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            found.push(name);
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Where what a stranger sends is held against a secret, in constant time.
const IN_CONSTANT_TIME: [(&str, &str); 3] = [
    ("src/bank/signature.rs", "signatures and keys of senders"),
    ("src/web/visitor.rs", "tokens of forms"),
    ("src/app/pair_device.rs", "keys of phones"),
];

#[test]
fn secrets_are_compared_in_constant_time_where_strangers_send_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, what) in IN_CONSTANT_TIME {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        assert!(code.contains(".ct_eq("), "{file}: {what} are compared in constant time no more");
    }
    for wrong in ["if token.as_bytes() == visitor.csrf.as_bytes() {", "found.key_hash == held", "given != self.secret"]
    {
        assert!(compares_a_secret(wrong), "{wrong}");
    }
    for right in ["token.len() == 64", "kind == Kind::Signature", "signatures == 2"] {
        assert!(!compares_a_secret(right), "{right}");
    }
}

#[test]
fn the_house_keeps_its_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    assert!(files.len() > 60);
    let mut broken = Vec::new();
    for path in files {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        broken.extend(check(&name, &fs::read_to_string(&path).unwrap()));
    }
    // The tests may use every crate; only their length and names are ruled.
    broken.retain(|line| !line.starts_with("tests/") || line.contains("longer") || line.contains("name"));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn each_rule_finds_what_breaks_it() {
    for (file, text, rule) in [
        ("src/domain/a.rs", "use crate::store::Store;", "domain may not use store"),
        ("src/web/a.rs", "use crate::{domain::money, store};", "web may not use store"),
        ("src/ledger/a.rs", "async fn f() {}", "does not wait"),
        ("src/app/a.rs", "use sqlx::Row;", "stands only in"),
        ("src/store/a.rs", "use rusqlite::Connection;", "stands only in"),
        ("src/app/a.rs", "use axum::Json;", "stands only in"),
        ("src/store/a.rs", "const S: &str = \"SELECT * FROM t\";", "SQL never says"),
        ("src/store/a.rs", "let x = sqlx::query(\"\");", "only store/engine"),
        ("src/app/utils.rs", "", "says nothing"),
        ("src/domain/a.rs", "let x = serde_json::json!(1);", "knows no JSON"),
        ("src/bank/a.rs", "if given == self.secret { }", "constant time"),
        ("src/app/a.rs", "if request_token != kept {", "constant time"),
    ] {
        let broken = check(file, text);
        assert!(broken.iter().any(|line| line.contains(rule)), "{file}: {text}: {broken:?}");
    }
    let long = "\n".repeat(FILE_LINES + 1);
    assert!(!check("src/app/a.rs", &long).is_empty());
    assert!(check("src/app/a.rs", "// use sqlx::Row;\nuse crate::domain::money::Dong;").is_empty());
}
