// Seeds for every target, made from the fixtures, so that a new sample is a new seed.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Returns (target, bytes) for every fixture that a target can take.
pub(crate) fn seeds(root: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let fixtures = root.join("fixtures");
    let json = |name: &str| -> Vec<Value> {
        serde_json::from_slice(&fs::read(fixtures.join(name)).expect(name)).expect("JSON")
    };
    let mut seeds: Vec<(&'static str, Vec<u8>)> = Vec::new();
    for sample in json("webhooks.json") {
        let text = |name: &str| sample[name].as_str().unwrap_or_default().to_owned();
        let headers = sample["headers"].as_object().expect("headers");
        let headers = headers.iter().map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default()));
        let headers = headers.collect::<Vec<_>>().join("\n");
        let path = if text("provider") == "vietqr-vn" { "/bank/api/transaction-sync" } else { "" };
        let request = format!("{}\n{}\n{path}\n{headers}\n\n{}", text("provider"), text("secret"), text("body"));
        seeds.push(("dialects", request.into_bytes()));
    }
    for sample in json("vietqr.json") {
        seeds.push(("payload", sample["payload"].as_str().unwrap_or_default().as_bytes().to_vec()));
    }
    for sample in json("memos.json") {
        for value in sample.as_object().into_iter().flat_map(|fields| fields.values()) {
            seeds.extend(value.as_str().map(|text| ("memo", text.as_bytes().to_vec())));
        }
    }
    for entry in fs::read_dir(fixtures.join("statements")).expect("statements") {
        let path = entry.expect("an entry").path();
        let target = match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => "statement_separated",
            Some("xlsx") => "statement_xlsx",
            Some("xml") => "statement_camt",
            Some("sta") => "statement_mt940",
            _ => continue,
        };
        let bytes = fs::read(&path).expect("a statement");
        // An office's table is a table too.
        if target == "statement_separated" || target == "statement_xlsx" {
            seeds.push(("vendors", bytes.clone()));
        }
        seeds.push((target, bytes));
    }
    for text in [
        "Mã sạp;Họ và tên;Ngân hàng;Số tài khoản\nA1;Lê Ấn;VCB;0071\n",
        "\u{feff}STT,Mã sạp,Họ và tên,Ngân hàng,Số tài khoản,Ngành hàng\n1,A1,\"Trần, Thị\",MB,0072,Rau\n",
    ] {
        seeds.push(("vendors", text.as_bytes().to_vec()));
    }
    seeds.push(("evidence", fs::read(fixtures.join("evidence/TAN-2026-11.zip")).expect("an export")));
    seeds.push(("proof", fs::read(fixtures.join("evidence/TAN-1.json")).expect("a proof")));
    let settings = "db = 'sqlite:book.db'\nbind = '127.0.0.1:8080'\nlog_format = 'json'\nunknown = 1\n";
    seeds.push(("settings", settings.as_bytes().to_vec()));
    for word in [
        "1000000",
        "2026-11-24",
        "23:59",
        "Nguyễn Thị Hoa",
        "0071000888888",
        "970436",
        "B12",
        "TAN",
        "sepay1",
        "TAN-123",
        "evt_01a2140d-c2da-7959-a11a-6dc8204b416d",
        "bank:0071000888888",
        "stall:12",
        "cash-change:12",
        "%2e%2e%2f",
        "'; DROP TABLE postings; --",
        "\u{202e}gnp.exe",
    ] {
        seeds.push(("words", word.as_bytes().to_vec()));
    }
    seeds
}
