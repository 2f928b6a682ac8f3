//! Closing, proving, exporting and checking through the binary and over HTTP.

use serde_json::Value;

use crate::serve::{Folder, Running, request, socho};

/// A market of four past days; the demonstration seals all but yesterday.
fn demonstration(db: &str) {
    let city = ["demo", "--no-serve", "--db", db, "--markets", "1", "--stalls", "10", "--days", "4", "--seed", "7"];
    let (code, out, told) = socho(&city);
    assert_eq!(code, 0, "{out}{told}");
}

fn json(arguments: &[&str]) -> Value {
    let (code, out, told) = socho(arguments);
    assert_eq!(code, 0, "{arguments:?}: {out}{told}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn a_proof_and_an_export_are_checked_with_the_public_key_alone() {
    let folder = Folder::new("evidence");
    let (db, proof) = (folder.db(), folder.path("proof.json"));
    demonstration(&db);
    let keys = json(&["key", "list", "--db", &db, "--json"]);
    let key = keys["keys"][0]["public_key"].as_str().unwrap().to_owned();
    assert_eq!(socho(&["prove", "ATH-1", "--db", &db, "-o", &proof]).0, 0);
    let pem = folder.path("key.pem");
    std::fs::write(&pem, keys["keys"][0]["pem"].as_str().unwrap()).unwrap();
    for key in [key.as_str(), pem.as_str()] {
        let shown = json(&["verify", &proof, "--key", key, "--json"]);
        assert_eq!((shown["ok"].as_bool(), shown["posting"].as_str()), (Some(true), Some("ATH-1")));
    }
    let forged = folder.path("forged.json");
    std::fs::write(&forged, std::fs::read_to_string(&proof).unwrap().replacen("amount\\\":", "amount\\\":9", 1))
        .unwrap();
    let (code, _, told) = socho(&["verify", &forged, "--key", &key]);
    assert!(code == 5 && told.contains("is NOT what was sealed"), "{told}");
    let (code, _, told) = socho(&["verify", &pem, "--key", &key]);
    assert!(code == 1 && told.contains("is no proof and no export"), "{told}");
    assert_eq!(socho(&["verify", &proof]).0, 2);
    let (code, _, told) = socho(&["verify", &proof, "--key", "no-such-file"]);
    assert!(code == 1 && told.contains("no-such-file"), "{told}");

    let close = json(&["report", "day", "--db", &db, "--market", "ATH", "--json"]);
    let today = close["business_date"].as_str().unwrap();
    // The month of the first sealed day, which is four days back.
    let (_, out, _) = socho(&["verify", &proof, "--key", &key, "--json"]);
    let sealed: Value = serde_json::from_str(&out).unwrap();
    let month = sealed["business_date"].as_str().unwrap().get(..7).unwrap();
    let zip = folder.path("month.zip");
    let exported = json(&["export", "--db", &db, "--market", "ATH", "--month", month, "-o", &zip, "--json"]);
    assert!(exported["closed_days"].as_i64().unwrap() >= 1, "{exported} {today}");
    let checked = json(&["verify", &zip, "--key", &key, "--json"]);
    assert_eq!(checked["postings"], exported["postings"]);
    assert_eq!(checked["reports"], exported["closed_days"]);
    let (code, _, told) = socho(&["export", "--db", &db, "--market", "ATH", "--month", month, "-o", &zip]);
    assert!(code == 1 && told.contains("Choose another name"), "{told}");
    let (code, _, told) = socho(&["export", "--db", &db, "--market", "ATH", "--month", "1999-01", "-o", &proof]);
    assert!(code == 1 && told.contains("Cannot create"), "{told}");
    let empty = folder.path("empty.zip");
    let (code, _, told) = socho(&["export", "--db", &db, "--market", "ATH", "--month", "1999-01", "-o", &empty]);
    assert!(code == 1 && told.contains("no posting") && !std::path::Path::new(&empty).exists(), "{told}");
}

#[test]
fn closing_asks_tells_and_is_for_ever() {
    let folder = Folder::new("close");
    let db = folder.db();
    demonstration(&db);
    let report = json(&["report", "day", "--db", &db, "--market", "ATH", "--json"]);
    let today: socho::domain::calendar::BusinessDate = report["business_date"].as_str().unwrap().parse().unwrap();
    let yesterday = today.previous().to_string();
    let close = ["close", "--db", &db, "--market", "ATH", "--date", &yesterday];
    let (code, _, told) = socho(&close);
    assert!(code == 2 && told.contains("give --yes"), "{told}");
    let (code, out, _) = socho(&[&close[..], &["--yes"]].concat());
    assert!(code == 0 && out.contains(&format!("closed ATH for {yesterday}")), "{out}");
    let (code, _, told) = socho(&[&close[..], &["--yes"]].concat());
    assert!(code == 1 && told.contains("never reopened"), "{told}");
    let (code, _, told) = socho(&["close", "--db", &db, "--market", "ATH", "--date", &today.to_string(), "--yes"]);
    assert!(code == 1 && told.contains("--early"), "{told}");
    assert_eq!(
        json(&["report", "day", "--db", &db, "--market", "ATH", "--date", &yesterday, "--json"])["status"],
        "closed"
    );

    let rotated = json(&["key", "rotate", "--db", &db, "--market", "ATH", "--json"]);
    assert_eq!(rotated["number"], 2);
    // The key that seals secrets lies beside them.
    let signing = || {
        let files = std::fs::read_dir(folder.path("book.db.keys")).unwrap().map(|file| file.unwrap().path());
        files.filter(|file| file.extension().is_some_and(|ending| ending == "pem"))
    };
    let held = signing().count();
    assert_eq!(held, 1, "the old key's file is gone");
    let (code, _, told) = socho(&["key", "init", "--db", &db, "--market", "ATH"]);
    assert!(code == 1 && told.contains("key rotate"), "{told}");
    let elsewhere = folder.path("elsewhere");
    let (code, _, told) = socho(&["key", "rotate", "--db", &db, "--market", "ATH", "--keys", &elsewhere]);
    assert!(code == 3 && told.contains("There is no signing key"), "{told}");
    let exposed = signing().next().unwrap();
    std::fs::set_permissions(&exposed, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let (code, _, told) = socho(&["key", "rotate", "--db", &db, "--market", "ATH"]);
    assert!(code == 3 && told.contains("chmod 600"), "{told}");

    let all = json(&["balances", "--db", &db, "--market", "ATH", "--json"]);
    let none = json(&["balances", "--db", &db, "--market", "ATH", "--seq", "0", "--json"]);
    assert_eq!(all["debits"], all["credits"]);
    assert_eq!((none["debits"].as_i64(), none["accounts"].as_array().map(Vec::len)), (Some(0), Some(0)));
    assert_eq!(socho(&["verify", "--db", &db]).0, 0);
}

#[test]
fn a_day_is_closed_and_proven_over_http() {
    let folder = Folder::new("http-close");
    let db = folder.db();
    demonstration(&db);
    let report = json(&["report", "day", "--db", &db, "--market", "ATH", "--json"]);
    let today: socho::domain::calendar::BusinessDate = report["business_date"].as_str().unwrap().parse().unwrap();
    let yesterday = today.previous();
    let running = Running::start(&db, &[]);
    let body = |answer: &str| serde_json::from_str::<Value>(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let path = format!("/v1/markets/ATH/days/{yesterday}/close");
    assert_eq!(running.get(&path, "Host: localhost\r\n").0, 404);
    let post = |path: &str| {
        request(
            &running.bind,
            &format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        )
    };
    let (status, answer) = post(&path);
    assert_eq!(status, 201, "{answer}");
    let closed = body(&answer)["closed"][0].clone();
    assert_eq!(closed["business_date"], yesterday.to_string());
    let (status, answer) = post(&path);
    assert_eq!((status, body(&answer)["code"].as_str()), (409, Some("day_closed")));
    let (status, answer) = running.get(&path, "Host: localhost\r\n");
    assert_eq!((status, &body(&answer)["hash"]), (200, &closed["hash"]));

    let (status, answer) = running.get("/.well-known/socho-keys.json", "Host: localhost\r\n");
    let key = body(&answer)["keys"][0].clone();
    assert_eq!((status, key["crv"].as_str()), (200, Some("Ed25519")));
    let first = closed["first_seq"].as_i64().unwrap();
    let (status, answer) = running.get(&format!("/v1/postings/ATH-{first}/proof"), "Host: localhost\r\n");
    assert_eq!(status, 200, "{answer}");
    let proof = folder.path("proof.json");
    std::fs::write(&proof, body(&answer).to_string()).unwrap();
    assert_eq!(socho(&["verify", &proof, "--key", key["public_key"].as_str().unwrap()]).0, 0);

    let (status, answer) = running.get(&format!("/v1/markets/ATH/balances?date={yesterday}"), "Host: localhost\r\n");
    let found = body(&answer);
    assert_eq!((status, found["provisional"].as_bool()), (200, Some(false)));
    assert_eq!(found["debits"], found["credits"]);
    let (status, answer) = running.get("/v1/markets/ATH/balances?seq=1&date=2026-11-24", "Host: localhost\r\n");
    assert_eq!((status, body(&answer)["errors"][0]["code"].as_str()), (422, Some("seq_and_date")));
    let (status, page) =
        running.get(&format!("/markets/ATH/days/{yesterday}"), "Host: localhost\r\nAccept: text/html\r\n");
    assert!(status == 200 && page.contains(closed["merkle_root"].as_str().unwrap()), "the page shows the root");
}
