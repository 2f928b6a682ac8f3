//! The API's document against the router, either way, and against real answers, field by field; the
//! catalogue of problems against the codes that the program can say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use socho::app::access::Role;
use socho::app::close_day::CloseDay;
use socho::app::problems::catalogue;
use socho::domain::settlement::Dialect;
use socho::web::access::{Entry, ROUTES};

use crate::reconcile::{FORM, file, row};
use crate::visitors::{PASSWORD, Site, Visitor, user};
use crate::world::{World, settlement};

const ACCOUNT: &str = "0071000888888";

fn document() -> Value {
    serde_json::from_str(&socho::web::openapi()).unwrap()
}

/// Tells whether a route belongs to the API: the rest are pages for people.
fn is_api(path: &str) -> bool {
    const OTHERS: [&str; 8] = [
        "/version",
        "/metrics",
        "/openapi.json",
        "/problems",
        "/problems/{code}",
        "/livez",
        "/readyz",
        "/.well-known/socho-keys.json",
    ];
    path.starts_with("/v1/") || OTHERS.contains(&path)
}

#[test]
fn every_route_is_documented_and_every_documented_route_is_there() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let shown = |path: &str| path.replace("{*", "{");
    let mut documented: BTreeSet<(String, String)> = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    for (method, path, _) in ROUTES.iter().filter(|(_, path, _)| is_api(path)) {
        let known = documented.remove(&((*method).to_owned(), shown(path)));
        assert!(known, "{method} {path} is not documented: give it a row in src/web/openapi/routes.rs");
    }
    assert!(documented.is_empty(), "documented, but no routes: {documented:?}");
}

#[test]
fn every_operation_has_a_name_of_its_own_and_every_reference_leads_somewhere() {
    let text = socho::web::openapi();
    let document = document();
    let mut ids = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} twice");
            assert!(operation["summary"].as_str().is_some_and(|says| says.len() > 5), "{id}");
            assert!(operation["responses"]["4XX"].is_object() && operation["responses"]["5XX"].is_object(), "{id}");
        }
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is not described");
    }
}

/// Holds a value against its schema. Unknown fields and unknown rules are faults too: what is not
/// described has drifted.
fn check(at: &str, value: &Value, schema: &Value, schemas: &Map<String, Value>) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return check(at, value, &schemas[name], schemas);
    }
    for many in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[many].as_array() {
            let tried: Vec<Vec<String>> = choices.iter().map(|choice| check(at, value, choice, schemas)).collect();
            let best = tried.into_iter().min_by_key(Vec::len).unwrap_or_default();
            return best;
        }
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return vec![format!("{at} is {kind}, not {kinds:?}")];
    }
    let mut faults = Vec::new();
    if let (Value::Array(values), items) = (value, &schema["items"]) {
        for (number, value) in values.iter().enumerate() {
            faults.extend(check(&format!("{at}/{number}"), value, items, schemas));
        }
    }
    if let (Value::Object(fields), Some(properties)) = (value, schema["properties"].as_object()) {
        for (name, value) in fields {
            match properties.get(name) {
                Some(schema) => faults.extend(check(&format!("{at}/{name}"), value, schema, schemas)),
                None => faults.push(format!("{at}/{name} is not described")),
            }
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        faults
            .extend(required.filter(|name| !fields.contains_key(*name)).map(|name| format!("{at}/{name} is missing")));
    }
    faults
}

/// Asks, and holds the answer against the document. Returns it.
async fn asked(admin: &mut Visitor, document: &Value, method: &str, route: &str, path: &str, body: &str) -> Value {
    let seen =
        if body.is_empty() && method == "GET" { admin.get(path).await } else { admin.json(method, path, body).await };
    let operation = &document["paths"][route][method.to_lowercase()];
    let status = seen.status.to_string();
    let range = format!("{}XX", &status[..1]);
    let response =
        [&status, &range].into_iter().map(|key| &operation["responses"][key]).find(|found| found.is_object());
    let response = response.unwrap_or_else(|| panic!("{method} {path}: {status} is not documented: {}", seen.body));
    let kind = seen.headers.get("content-type").map_or("", |kind| kind.to_str().unwrap());
    let kind = kind.split(';').next().unwrap();
    let Some(contents) = response["content"].as_object() else {
        assert!(seen.body.is_empty(), "{method} {path}: {}", seen.body);
        return Value::Null;
    };
    let media = contents.iter().find(|(media, _)| *media == kind);
    let (_, content) = media.unwrap_or_else(|| panic!("{method} {path}: {kind} is not documented: {}", seen.body));
    if !content["schema"].is_object() {
        return Value::Null;
    }
    let answer = seen.json();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let faults = check("", &answer, &content["schema"], schemas);
    assert!(faults.is_empty(), "{method} {path}: {faults:?}\n{answer}");
    answer
}

/// A day with everything in it that a report can show.
async fn a_day(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.source("bank", Dialect::GenericHmac, &[], Some("TAN")).await;
    world.set_clock("2026-11-23T10:00:00+07:00");
    let at = |id: &str, account: &str, time: &str| settlement(account, id, 35_000, &format!("2026-11-{time}+07:00"));
    world.send("bank", Dialect::GenericHmac, &at("a", ACCOUNT, "23T09:00:00")).await;
    world.set_clock("2026-11-24T08:20:00+07:00");
    let day = CloseDay {
        market: "TAN".parse().unwrap(),
        date: "2026-11-23".parse().unwrap(),
        early: false,
        actor: "op".to_owned(),
    };
    world.app.close_day(day).await.unwrap();
    for (id, account, time) in
        [("b", ACCOUNT, "24T08:00:00"), ("late", ACCOUNT, "23T20:00:00"), ("u", "0999", "24T08:10:00")]
    {
        world.send("bank", Dialect::GenericHmac, &at(id, account, time)).await;
    }
}

async fn an_admin(world: &World) -> Visitor {
    user(world, "sang", Role::Admin, None).await;
    let mut admin = Site::of(world).visitor();
    assert_eq!(admin.log_in("sang", PASSWORD).await.status, 303);
    admin
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_answers_have_the_documented_form() {
    let world = World::sqlite().await;
    a_day(&world).await;
    let (document, admin) = (document(), &mut an_admin(&world).await);
    let day = "/v1/markets/{code}/days/{date}";
    let held = asked(admin, &document, "GET", "/v1/inbox", "/v1/inbox", "").await;
    let item = held["data"][0]["id"].as_str().expect("an item waits").to_owned();
    for (method, route, path, body) in [
        ("GET", "/v1/markets", "/v1/markets?limit=1", ""),
        ("GET", "/v1/audit", "/v1/audit?limit=200", ""),
        ("GET", "/v1/audit", "/v1/audit?action=nonsense", ""),
        ("POST", "/v1/markets", "/v1/markets", r#"{"code":"CKE","name":"Chợ Cái Khế","ward":"Cái Khế"}"#),
        ("POST", "/v1/markets", "/v1/markets", r#"{"code":"CKE","name":"Chợ Cái Khế"}"#),
        ("GET", "/v1/markets/{code}", "/v1/markets/TAN", ""),
        ("GET", "/v1/markets/{code}", "/v1/markets/ZZZ", ""),
        ("PATCH", "/v1/markets/{code}", "/v1/markets/TAN", r#"{"ward":"Ninh Kiều"}"#),
        ("GET", "/v1/markets/{code}/stalls", "/v1/markets/TAN/stalls", ""),
        ("GET", "/v1/markets/{code}/stalls", "/v1/markets/TAN/stalls?limit=201", ""),
        (
            "POST",
            "/v1/markets/{code}/stalls",
            "/v1/markets/TAN/stalls",
            r#"{"stall":"B13","vendor":"Trần Văn Ba","bin":"970436","account":"0072"}"#,
        ),
        (
            "POST",
            "/v1/markets/{code}/stalls",
            "/v1/markets/TAN/stalls",
            r#"{"stall":"B13","vendor":"Trần Văn Ba","bin":"970436","account":"0072"}"#,
        ),
        ("POST", "/v1/markets/{code}/stalls", "/v1/markets/TAN/stalls", r#"{"vendor":"x","bin":"1","account":"0072"}"#),
        (
            "POST",
            "/v1/markets/{code}/stalls/import",
            "/v1/markets/TAN/stalls/import?dry_run=true",
            "Mã sạp;Họ và tên;Ngân hàng;Số tài khoản\nA1;Lê Ấn;xyz;0071\n",
        ),
        (
            "POST",
            "/v1/markets/{code}/stalls/import",
            "/v1/markets/TAN/stalls/import",
            "Mã sạp;Họ và tên;Ngân hàng;Số tài khoản\nA1;Lê Ấn;VCB;0073\n",
        ),
        ("PATCH", "/v1/markets/{code}/stalls/{stall}", "/v1/markets/TAN/stalls/B12", r#"{"category":"Rau"}"#),
        ("GET", "/v1/markets/{code}/stalls/{stall}/{file}", "/v1/markets/TAN/stalls/B12/qr.svg", ""),
        ("GET", "/v1/markets/{code}/stalls/{stall}/{file}", "/v1/markets/TAN/stalls/B12/qr.png?amount=5000", ""),
        ("GET", "/v1/markets/{code}/stalls/{stall}/devices", "/v1/markets/TAN/stalls/B12/devices", ""),
        ("POST", "/v1/markets/{code}/stalls/{stall}/pairing-codes", "/v1/markets/TAN/stalls/B12/pairing-codes", "{}"),
        ("GET", "/v1/markets/{code}/postings", "/v1/markets/TAN/postings?limit=2", ""),
        ("GET", day, "/v1/markets/TAN/days/2026-11-24", ""),
        ("GET", day, "/v1/markets/TAN/days/2026-11-23", ""),
        ("GET", "/v1/markets/{code}/days/{date}/{file}", "/v1/markets/TAN/days/2026-11-24/report.csv", ""),
        ("GET", "/v1/markets/{code}/days/{date}/{file}", "/v1/markets/TAN/days/2026-11-24/report.json", ""),
        ("GET", "/v1/markets/{code}/days/{date}/close", "/v1/markets/TAN/days/2026-11-23/close", ""),
        ("GET", "/v1/markets/{code}/balances", "/v1/markets/TAN/balances", ""),
        ("GET", "/v1/markets/{code}/balances", "/v1/markets/TAN/balances?date=2026-11-23", ""),
        ("GET", "/v1/postings/{id}", "/v1/postings/TAN-1", ""),
        ("GET", "/v1/postings/{id}/proof", "/v1/postings/TAN-1/proof", ""),
        ("GET", "/v1/postings/{id}/proof", "/v1/postings/TAN-2/proof", ""),
        ("POST", "/v1/postings/{id}/{action}", "/v1/postings/TAN-2/reverse", r#"{"reason":"thử"}"#),
        (
            "POST",
            "/v1/inbox/{id}/resolve",
            &format!("/v1/inbox/{item}/resolve"),
            r#"{"action":"dismiss","reason":"không phải"}"#,
        ),
        ("GET", "/v1/markets/{code}/disputes", "/v1/markets/TAN/disputes", ""),
        ("GET", "/v1/markets/{code}/periods/{file}", "/v1/markets/TAN/periods/report.json?month=2026-11", ""),
        ("GET", "/v1/reports/compare", "/v1/reports/compare?month=2026-11&standing=provisional", ""),
        ("POST", "/v1/postings/{id}/dispute/answer", "/v1/postings/TAN-1/dispute/answer", r#"{"answer":"đã xem"}"#),
        ("GET", "/v1/events", "/v1/events?market=TAN", ""),
        ("GET", "/v1/events", "/v1/events", ""),
        (
            "POST",
            "/v1/markets/{code}/webhooks",
            "/v1/markets/TAN/webhooks",
            r#"{"url":"https://1.1.1.1/hook","after":"0"}"#,
        ),
        ("GET", "/v1/markets/{code}/webhooks", "/v1/markets/TAN/webhooks", ""),
        ("GET", "/v1/feeds/days", "/v1/feeds/days?from=2026-11-20&to=2026-11-24", ""),
        ("GET", "/v1/feeds/days", "/v1/feeds/days?from=2026-11-20&to=2026-11-24&format=csv", ""),
        ("GET", "/v1/feeds/days", "/v1/feeds/days?after=x", ""),
        ("GET", "/v1/feeds/dictionary", "/v1/feeds/dictionary", ""),
        ("GET", "/v1/feeds/catalog", "/v1/feeds/catalog", ""),
        ("GET", "/v1/sources", "/v1/sources", ""),
        (
            "POST",
            "/v1/sources",
            "/v1/sources",
            r#"{"name":"s2","dialect":"pay2s","secret":"secretsecret","market":"TAN"}"#,
        ),
        ("POST", "/v1/sources/{name}/rotate", "/v1/sources/s2/rotate", r#"{"secret":"another-secret"}"#),
        ("POST", "/v1/markets/{code}/days/{date}/close", "/v1/markets/TAN/days/2026-11-24/close", r#"{"early":true}"#),
        ("POST", "/v1/ingest/{source}", "/v1/ingest/bank", "{}"),
        ("GET", "/version", "/version", ""),
        ("GET", "/.well-known/socho-keys.json", "/.well-known/socho-keys.json", ""),
        ("POST", "/v1/markets/{code}/stalls/import", "/v1/markets/0/stalls/import", "x"),
        ("GET", "/openapi.json", "/openapi.json", ""),
        ("GET", "/problems", "/problems", ""),
        ("GET", "/problems/{code}", "/problems/not_found", ""),
        ("GET", "/livez", "/livez", ""),
        ("GET", "/readyz", "/readyz", ""),
    ] {
        asked(admin, &document, method, route, path, body).await;
    }
    let findings = world.app.verify(None).await.unwrap();
    assert!(findings.iter().all(|found| found.differences.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_answers_about_people_keys_statements_and_deliveries_have_the_documented_form() {
    let world = World::sqlite().await;
    a_day(&world).await;
    let (document, admin) = (document(), &mut an_admin(&world).await);
    let rows = [row("08:00:00", "FTb", 35_000, "rau"), row("08:30:00", "FTNEW", 12_000, "hành")];
    let file = String::from_utf8(file(FORM, &rows)).unwrap();
    let uploads = "/v1/markets/{code}/statements";
    let kept = asked(admin, &document, "POST", uploads, "/v1/markets/TAN/statements?file_name=a.csv", &file).await;
    let id = kept["id"].as_str().unwrap();
    asked(admin, &document, "POST", uploads, "/v1/markets/TAN/statements?file_name=a.csv", &file).await;
    asked(admin, &document, "POST", uploads, "/v1/markets/TAN/statements?file_name=a.csv", "no statement").await;
    let (of, books) = ("/v1/statements/{id}/reconciliation", "/v1/statements/{id}/book");
    let dates = "/v1/markets/{code}/reconciliation";
    for (method, route, path, body) in [
        ("GET", uploads, "/v1/markets/TAN/statements".to_owned(), ""),
        ("GET", "/v1/statements/{id}", format!("/v1/statements/{id}"), ""),
        ("GET", of, format!("/v1/statements/{id}/reconciliation"), ""),
        ("POST", books, format!("/v1/statements/{id}/book"), r#"{"dry_run":true}"#),
        ("POST", books, format!("/v1/statements/{id}/book"), "{}"),
        ("GET", dates, "/v1/markets/TAN/reconciliation?date=2026-11-24&matched=true".to_owned(), ""),
        (
            "POST",
            "/v1/markets/{code}/reconciliation/{date}/book",
            "/v1/markets/TAN/reconciliation/2026-11-24/book".into(),
            "{}",
        ),
        (
            "POST",
            "/v1/markets/{code}/reconciliation/{date}/sign",
            "/v1/markets/TAN/reconciliation/2026-11-24/sign".into(),
            r#"{"note":"đã xem"}"#,
        ),
        ("GET", dates, "/v1/markets/TAN/reconciliation?date=2026-11-24".to_owned(), ""),
        (
            "POST",
            "/v1/markets/{code}/statement-lines/{line}/accept",
            "/v1/markets/TAN/statement-lines/1/accept".into(),
            r#"{"reason":"x"}"#,
        ),
        ("GET", "/v1/markets/{code}/days/{date}/checklist", "/v1/markets/TAN/days/2026-11-24/checklist".into(), ""),
        ("POST", "/v1/users", "/v1/users".into(), r#"{"name":"thu.ba","full_name":"Thu Ba","role":"city"}"#),
        ("POST", "/v1/users/{user}/{action}", "/v1/users/thu.ba/password".into(), ""),
        ("POST", "/v1/users/{user}/{action}", "/v1/users/thu.ba/disable".into(), ""),
        ("GET", "/v1/users", "/v1/users".into(), ""),
        ("POST", "/v1/keys", "/v1/keys".into(), r#"{"name":"kho dữ liệu","role":"auditor"}"#),
        ("GET", "/v1/keys", "/v1/keys".into(), ""),
        ("GET", "/v1/reports/compare", "/v1/reports/compare?month=2026-11&standing=provisional".into(), ""),
        ("POST", "/v1/sources/{name}/addresses", "/v1/sources/bank/addresses".into(), r#"{"add":["203.0.113.0/24"]}"#),
        ("POST", "/v1/ingest/{source}", "/v1/ingest/bank".into(), "{}"),
        ("GET", "/v1/sources/{name}/deliveries", "/v1/sources/bank/deliveries".into(), ""),
        ("GET", "/v1/sources/{name}/deliveries", "/v1/sources/nobody/deliveries".into(), ""),
    ] {
        asked(admin, &document, method, route, &path, body).await;
    }
    let list = asked(admin, &document, "GET", "/v1/sources/{name}/deliveries", "/v1/sources/bank/deliveries", "").await;
    let all = list["data"].as_array().unwrap();
    assert!(all.len() == 5, "{list}");
    for one in all {
        let path = format!("/v1/sources/bank/deliveries/{}", one["id"].as_str().unwrap());
        let one = "/v1/sources/{name}/deliveries/{delivery}";
        asked(admin, &document, "GET", one, &path, "").await;
        asked(admin, &document, "POST", &format!("{one}/replay"), &format!("{path}/replay"), "").await;
    }
}

#[test]
fn every_operation_says_how_to_authenticate_and_describes_what_it_takes_and_gives() {
    let document = document();
    let ways = document["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(ways.keys().map(String::as_str).collect::<Vec<_>>(), ["key", "phone", "session"]);
    for (method, path, entry) in ROUTES.iter().filter(|(_, path, _)| is_api(path)) {
        let operation = &document["paths"][path.replace("{*", "{")][method.to_lowercase()];
        let asked = operation["security"].as_array().map_or(0, Vec::len);
        assert_eq!(asked > 0, matches!(entry, Entry::With(..)), "{method} {path}");
        for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            assert!(content["schema"].is_object(), "{method} {path}: {media} is not described");
        }
        let answers = operation["responses"].as_object().unwrap().values();
        for content in answers.filter_map(|answer| answer["content"]["application/json"].as_object()) {
            let files = path.ends_with("{file}") || *path == "/openapi.json";
            assert!(files || content.contains_key("schema"), "{method} {path}: the answer is not described");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_has_not_changed_is_not_sent_again() {
    let world = World::sqlite().await;
    a_day(&world).await;
    let mut admin = an_admin(&world).await;
    for path in ["/v1/markets/TAN/days/2026-11-24", "/v1/markets/TAN/days/2026-11-24/report.csv"] {
        let first = admin.get(path).await;
        let mark = first.headers["etag"].to_str().unwrap().to_owned();
        assert!(first.status == 200 && mark.starts_with("W/\""), "{mark}");
        world.set_clock("2026-11-24T08:30:00+07:00");
        let again = admin.send("GET", path, &[("if-none-match", &format!("\"other\", {mark}"))], "").await;
        assert_eq!((again.status, again.body.as_str()), (304, ""));
        assert_eq!(again.headers["etag"].to_str().unwrap(), mark);
        let id = format!("more-{}", path.len());
        world.send("bank", Dialect::GenericHmac, &settlement(ACCOUNT, &id, 1_000, "2026-11-24T08:25:00+07:00")).await;
        let changed = admin.send("GET", path, &[("if-none-match", &mark)], "").await;
        assert!(changed.status == 200 && changed.headers["etag"].to_str().unwrap() != mark);
    }
}

/// The codes that the program can say, as its text names them.
fn codes() -> BTreeSet<String> {
    fn walk(folder: &Path, text: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push(fs::read_to_string(&path).unwrap());
            }
        }
    }
    let is_code = |word: &str| word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut files = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut found = BTreeSet::new();
    for text in &files {
        // A code stands behind its kind, or is the second text of a field's refusal.
        for rest in text.split("ErrorKind::").skip(1) {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            if let Some(word) = after.trim_start_matches([',', ' ', '\n']).strip_prefix('"') {
                found.extend(word.split('"').next().filter(|word| is_code(word)).map(str::to_owned));
            }
        }
        for rest in text.split("AppError::field(").skip(1) {
            let call: Vec<&str> = rest.split('"').skip(1).step_by(2).take(2).collect();
            found.extend(call.last().filter(|word| is_code(word)).map(|word| (*word).to_owned()));
        }
    }
    found
}

#[test]
fn every_code_that_can_be_said_has_a_page() {
    let entries = catalogue();
    let known: BTreeSet<&str> = entries.iter().map(|entry| entry.code).collect();
    assert!(known.len() == entries.len() && entries.is_sorted_by_key(|entry| entry.code), "by code, each once");
    assert!(entries.iter().all(|entry| entry.meaning.vi.len() > 8 && entry.meaning.en.len() > 8));
    let said = codes();
    assert!(said.len() > 50 && said.contains("account_not_listed") && said.contains("limit_out_of_range"), "{said:?}");
    let missing: Vec<&String> = said.iter().filter(|code| !known.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "explain in src/app/problems.tsv: {missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_type_of_a_problem_leads_to_its_page_in_both_languages() {
    let world = World::sqlite().await;
    let mut anybody = Site::of(&world).visitor();
    let refused = anybody.get("/nothing").await.json();
    let page = anybody.send("GET", refused["type"].as_str().unwrap(), &[("accept-language", "vi")], "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("lang=\"vi\"") && page.body.contains("There is no such thing"), "{}", page.body);
    for entry in catalogue() {
        assert_eq!(anybody.get(&format!("/problems/{}", entry.code)).await.status, 200, "{}", entry.code);
    }
    assert_eq!(anybody.get("/problems/no_such_code").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_page_loads_its_own_files_alone() {
    let world = World::sqlite().await;
    let mut anybody = Site::of(&world).visitor();
    let page = anybody.page("/docs").await;
    assert!(page.status == 200 && !page.body.contains("<script>"), "{}", page.body);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let loaded: Vec<&str> = page.body.split(['"']).filter(|part| part.starts_with("/docs/")).collect();
    assert_eq!(loaded.len(), 4, "two scripts, a style and the guide");
    for path in loaded {
        let file = anybody.get(path).await;
        let kind = file.headers["content-type"].to_str().unwrap();
        assert!(file.status == 200 && file.body.len() > 100 && kind.starts_with("text/"), "{path} {kind}");
    }
    for path in ["/docs/index.html", "/docs/swagger-initializer.js", "/docs/..%2fCargo.toml"] {
        assert_eq!(anybody.get(path).await.status, 404, "{path}");
    }
}
