//! The webhook clinic: what each source sent lately, why it was refused, and having it judged again; from
//! where a source may send; which of two live secrets is still in use.

use std::process::Command;

use serde_json::{Value, json};
use socho::app::access::Role;
use socho::app::clock::SystemClock;
use socho::app::receive_settlement::{Inbound, ReplyStatus};
use socho::bank::{Credentials, Delivery, Request, receive, shell, sign};
use socho::domain::calendar::Clock as _;
use socho::domain::settlement::Dialect;
use socho::web::Door;

use crate::visitors::{PASSWORD, Seen, Site, Visitor, user};
use crate::world::{World, folder, inbound, secret_of, settlement, story};

const ACCOUNT: &str = "0071000888888";

async fn a_book(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.source("bank", Dialect::GenericHmac, &[], Some("TAN")).await;
    user(world, "sang", Role::Admin, None).await;
}

async fn logged_in(site: &Site, name: &str) -> Visitor {
    let mut visitor = site.visitor();
    assert_eq!(visitor.log_in(name, PASSWORD).await.status, 303);
    visitor
}

fn sale(world: &World, source: &str, dialect: Dialect, id: &str) -> Inbound {
    inbound(world.app.now(), source, dialect, &settlement(ACCOUNT, id, 35_000, "2026-11-24T08:00:00+07:00"))
}

/// Sends a request through the door, as a sender does.
async fn post(sender: &mut Visitor, request: &Inbound) -> Seen {
    let headers: Vec<(String, String)> =
        request.headers.iter().map(|(name, value)| (name.clone(), String::from_utf8(value.clone()).unwrap())).collect();
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let path = format!("/v1/ingest/{}{}", request.source, request.sub_path);
    sender.send("POST", &path, &headers, std::str::from_utf8(&request.body).unwrap()).await
}

fn states(detail: &Value) -> Vec<String> {
    let steps = detail["steps"].as_array().unwrap().iter();
    steps.map(|step| format!("{} {}", step["step"].as_str().unwrap(), step["state"].as_str().unwrap())).collect()
}

story!(each_request_is_told_step_by_step_with_the_cause_of_its_refusal, |world| {
    a_book(&world).await;
    let site = Site::of(&world);
    let (mut sender, mut admin) = (site.visitor(), logged_in(&site, "sang").await);
    let good = sale(&world, "bank", Dialect::GenericHmac, "a");
    assert_eq!(post(&mut sender, &good).await.status, 200);
    assert_eq!(post(&mut sender, &good).await.status, 200);
    let mut written_anew = good.clone();
    written_anew.body.push(b'\n');
    let mut wrong = sale(&world, "bank", Dialect::GenericHmac, "b");
    wrong.headers = vec![("X-Signature".to_owned(), b"sha256=00".to_vec()), ("Cookie".to_owned(), b"s=1".to_vec())];
    let mut bare = wrong.clone();
    bare.headers.clear();
    let meant = sale(&world, "bank", Dialect::SepayHmac, "c");
    for (request, status) in [(&written_anew, 401), (&wrong, 401), (&bare, 401), (&meant, 401)] {
        assert_eq!(post(&mut sender, request).await.status, status);
    }
    let list = admin.get("/v1/sources/bank/deliveries").await.json();
    let rows = list["data"].as_array().unwrap();
    let told: Vec<(&str, &str, i64)> = rows
        .iter()
        .map(|row| {
            let cause = row["cause"].as_str().unwrap_or("");
            (row["outcome"].as_str().unwrap(), cause, row["status"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("unauthenticated", "other_dialect", 401),
            ("unauthenticated", "header", 401),
            ("unauthenticated", "wrong_secret", 401),
            ("unauthenticated", "body_changed", 401),
            ("duplicate", "", 200),
            ("recorded", "", 200),
        ]
    );
    assert!(rows.iter().all(|row| row["address"] == "203.0.113.7" && row["bytes"].as_i64().unwrap() > 50), "{list}");
    assert_eq!(rows[5]["items"][0]["posting"], "TAN-1");

    let mut detail = Vec::new();
    for row in rows {
        let path = format!("/v1/sources/bank/deliveries/{}", row["id"].as_str().unwrap());
        detail.push(admin.send("GET", &path, &[("accept-language", "en")], "").await.json());
    }
    let all_passed = states(&detail[5]);
    assert!(all_passed.len() == 7 && all_passed.iter().all(|step| step.ends_with(" passed")), "{all_passed:?}");
    assert_eq!(
        states(&detail[2])[3..],
        ["signature failed", "time not_reached", "body not_reached", "judged not_reached"]
    );
    assert_eq!(states(&detail[1])[2..4], ["headers failed", "signature not_reached"]);
    assert!(detail[0]["explanation"].as_str().unwrap().contains("--dialect sepay-hmac"), "{}", detail[0]);
    // Nothing that could open something was kept.
    let headers = detail[2]["headers"].to_string();
    assert!(headers.contains("cookie") && headers.contains('…') && !headers.contains("sha256="), "{headers}");
    // A taken body comes from the book, a refused one from the log.
    assert_eq!(detail[5]["body"].as_str().unwrap().as_bytes(), good.body);
    assert_eq!(detail[3]["body"].as_str().unwrap().as_bytes(), written_anew.body);
    assert!(detail[5]["curl"].as_str().unwrap().contains("https://cho.example/v1/ingest/bank"), "{}", detail[5]);
    // Nothing of a refused request lies in the book.
    assert_eq!(world.int("SELECT COUNT(*) FROM inbox").await, 2);

    let refused = admin.get("/v1/sources/bank/deliveries?outcome=refused&limit=3").await.json();
    assert!(refused["data"].as_array().unwrap().len() == 3 && refused["has_more"] == true);
    let next = refused["next"].as_str().unwrap();
    let rest = admin.get(&format!("/v1/sources/bank/deliveries?outcome=refused&limit=3&after={next}")).await.json();
    assert!(rest["data"].as_array().unwrap().len() == 1 && rest["has_more"] == false);
});

story!(a_replay_is_judged_by_the_normal_path_and_books_nothing_twice, |world| {
    a_book(&world).await;
    let site = Site::of(&world);
    let (mut sender, mut admin) = (site.visitor(), logged_in(&site, "sang").await);
    let request = sale(&world, "bank", Dialect::GenericHmac, "a");
    post(&mut sender, &request).await;
    let mut wrong = sale(&world, "bank", Dialect::GenericHmac, "b");
    wrong.headers.clear();
    post(&mut sender, &wrong).await;
    let rows = admin.get("/v1/sources/bank/deliveries").await.json()["data"].clone();
    let path = |row: &Value| format!("/v1/sources/bank/deliveries/{}/replay", row["id"].as_str().unwrap());
    let replayed = admin.json("POST", &path(&rows[1]), "").await;
    assert_eq!(replayed.status, 200, "{}", replayed.body);
    assert_eq!(replayed.json()["data"][0]["outcome"], "duplicate");
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 1);
    let list = admin.get("/v1/sources/bank/deliveries").await.json();
    let newest = &list["data"][0];
    assert_eq!((&newest["replays"], &newest["replayed_by"]), (&rows[1]["id"], &json!("sang")));
    // Money that nobody signed for is never judged because a person pressed a button.
    let refused = admin.json("POST", &path(&rows[0]), "").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "delivery_not_taken"));
    assert_eq!(world.int("SELECT COUNT(*) FROM inbox").await, 2);
    let gone = "/v1/sources/bank/deliveries/dlv_01890000-0000-7000-8000-000000000000/replay";
    assert_eq!(admin.json("POST", gone, "").await.status, 404);
});

story!(bodies_are_for_those_who_may_see_payers_and_sources_for_their_own_market, |world| {
    a_book(&world).await;
    world.market("CKE", "00:00").await;
    world.source("other", Dialect::GenericHmac, &["0999"], Some("CKE")).await;
    user(&world, "lan", Role::Manager, Some("TAN")).await;
    user(&world, "kim", Role::Auditor, None).await;
    let site = Site::of(&world);
    let mut sender = site.visitor();
    post(&mut sender, &sale(&world, "bank", Dialect::GenericHmac, "a")).await;
    let (mut manager, mut auditor) = (logged_in(&site, "lan").await, logged_in(&site, "kim").await);
    let row = manager.get("/v1/sources/bank/deliveries").await.json()["data"][0].clone();
    let path = format!("/v1/sources/bank/deliveries/{}", row["id"].as_str().unwrap());
    let seen = manager.get(&path).await.json();
    assert!(seen["body"].is_null() && seen["curl"].is_null(), "{seen}");
    assert!(auditor.get(&path).await.json()["body"].is_string());
    assert_eq!(manager.get("/v1/sources/other/deliveries").await.status, 404);
    assert_eq!(manager.page("/sources/other").await.status, 404);
    let page = manager.page("/sources").await.body;
    assert!(page.contains("/sources/bank") && !page.contains("/sources/other"), "{page}");
    for visitor in [&mut manager, &mut auditor] {
        assert_eq!(visitor.json("POST", &format!("{path}/replay"), "").await.status, 403);
    }
});

story!(a_source_is_held_to_its_networks_also_behind_a_proxy, |world| {
    a_book(&world).await;
    let site = Site::of(&world);
    let mut admin = logged_in(&site, "sang").await;
    let change = |add: Value, remove: Value| json!({"add": add, "remove": remove}).to_string();
    let path = "/v1/sources/bank/addresses";
    for bad in ["203.0.113.9/24", "sepay.vn", ""] {
        assert_eq!(admin.json("POST", path, &change(json!([bad]), json!([]))).await.status, 422, "{bad}");
    }
    let listed = admin.json("POST", path, &change(json!(["198.51.100.0/24", "2001:db8::/32"]), json!([]))).await;
    assert_eq!(listed.json()["addresses"], json!(["198.51.100.0/24", "2001:db8::/32"]), "{}", listed.body);
    let request = |id: &str| sale(&world, "bank", Dialect::GenericHmac, id);
    let mut elsewhere = site.visitor().at_address("203.0.113.7");
    let refused = post(&mut elsewhere, &request("a")).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "address_not_allowed"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("203.0.113.7"));
    // A header that anybody can write counts only from a proxy on this machine.
    let mut forged = elsewhere.clone().with_header("x-forwarded-for", "198.51.100.7");
    assert_eq!(post(&mut forged, &request("a")).await.status, 403);
    let mut proxied = site.visitor().at_address("127.0.0.1").with_header("x-forwarded-for", "10.0.0.1, 198.51.100.7");
    assert_eq!(post(&mut proxied, &request("a")).await.status, 200);
    let mut through = site.visitor().at_address("127.0.0.1").with_header("x-forwarded-for", "198.51.100.7, 10.0.0.1");
    assert_eq!(post(&mut through, &request("b")).await.status, 403);
    let mut v6 = site.visitor();
    v6.peer = "[2001:db8::7]:443".parse().unwrap();
    assert_eq!(post(&mut v6, &request("b")).await.status, 200);
    assert_eq!(world.int("SELECT COUNT(*) FROM inbox").await, 2);
    let rows = admin.get("/v1/sources/bank/deliveries?outcome=elsewhere").await.json();
    assert_eq!(rows["data"].as_array().unwrap().len(), 3);
    // Another process is told too, either way.
    let other = world.second().await;
    admin.json("POST", path, &change(json!([]), json!(["198.51.100.0/24"]))).await;
    let from = |address: &str| Inbound { address: Some(address.parse().unwrap()), ..request("c") };
    assert_eq!(world.app.receive_settlement(from("198.51.100.7")).await.unwrap().status, ReplyStatus::Elsewhere);
    other.change_source_addresses(&"bank".parse().unwrap(), &["192.0.2.0/24".parse().unwrap()], &[]).await.unwrap();
    assert_eq!(world.app.receive_settlement(from("192.0.2.1")).await.unwrap().status, ReplyStatus::Accepted);
    let figures = world.app.metrics().await.unwrap();
    assert!(figures.contains("result=\"address_refused\"} 4"), "{figures}");
});

story!(an_operator_sees_which_of_two_secrets_is_still_in_use, |world| {
    a_book(&world).await;
    let name = "bank".parse().unwrap();
    let used = |shown: &socho::app::manage_sources::SourceShown| {
        let second = jiff::Timestamp::as_second;
        (shown.secret_used_at.map(second), shown.previous_secret_used_at.map(second))
    };
    let at = |text: &str| Some(text.parse::<jiff::Timestamp>().unwrap().as_second());
    assert_eq!(used(&world.app.source(&name).await.unwrap()), (None, None));
    let sent = |id: &str| sale(&world, "bank", Dialect::GenericHmac, id);
    world.app.receive_settlement(sent("a")).await.unwrap();
    let mut forged = sent("x");
    forged.headers.clear();
    world.set_clock("2026-11-24T08:20:30+07:00");
    world.app.receive_settlement(forged).await.unwrap();
    let noon = at("2026-11-24T08:20:00+07:00");
    assert_eq!(used(&world.app.source(&name).await.unwrap()), (noon, None), "a refused request is no use");
    world.set_clock("2026-11-24T09:00:00+07:00");
    let day = jiff::SignedDuration::from_hours(24);
    world.app.rotate_source(&name, "the-secret-after-it", day).await.unwrap();
    assert_eq!(used(&world.app.source(&name).await.unwrap()), (None, noon));
    // The sender still signs with the old one, then with the new one.
    world.set_clock("2026-11-24T09:05:00+07:00");
    world.app.receive_settlement(sent("b")).await.unwrap();
    assert_eq!(used(&world.app.source(&name).await.unwrap()), (None, at("2026-11-24T09:05:00+07:00")));
    world.set_clock("2026-11-24T09:05:20+07:00");
    let new = settlement(ACCOUNT, "c", 35_000, "2026-11-24T08:00:00+07:00");
    let signed = sign(Dialect::GenericHmac, "the-secret-after-it", &new, world.app.now()).unwrap();
    let headers = signed.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
    let inbound = Inbound { headers, body: signed.body.into_bytes(), ..sent("c") };
    assert_eq!(world.app.receive_settlement(inbound).await.unwrap().status, ReplyStatus::Accepted);
    let both = (at("2026-11-24T09:05:20+07:00"), at("2026-11-24T09:05:00+07:00"));
    assert_eq!(used(&world.app.source(&name).await.unwrap()), both);
    // It is written down within the minute and at the end, and not for each request.
    world.app.close().await;
    assert_eq!(used(&world.second().await.source(&name).await.unwrap()), both);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_say_it_in_vietnamese_and_open_a_request() {
    let world = World::sqlite().await;
    a_book(&world).await;
    let site = Site::with(&world, Door { loopback: false, public_url: Some("https://cho.example".to_owned()) });
    let (mut sender, mut admin) = (site.visitor(), logged_in(&site, "sang").await);
    let good = sale(&world, "bank", Dialect::GenericHmac, "a");
    post(&mut sender, &good).await;
    let mut changed = good.clone();
    changed.body.push(b'\n');
    post(&mut sender, &changed).await;
    let list = admin.page("/sources").await;
    assert!(list.status == 200 && list.body.contains("Nguồn báo có") && list.body.contains("08:20 24/11/2026"));
    let page = admin.page("/sources/bank").await.body;
    assert!(page.contains("đã ghi sổ") && page.contains("TAN-1") && page.contains("thêm xuống dòng"), "{page}");
    let (_, rest) = page.split_once("/sources/bank/deliveries/").unwrap();
    let refused = format!("/sources/bank/deliveries/{}", rest.split('"').next().unwrap());
    let opened = admin.page(&refused).await.body;
    assert!(opened.contains("✗") && opened.contains("Chữ ký khớp với khóa") && opened.contains("$SECRET"), "{opened}");
    assert!(!opened.contains("Xét lại yêu cầu này"));
    let taken = admin.page("/sources/bank?outcome=recorded").await.body;
    let (_, rest) = taken.split_once("/sources/bank/deliveries/").unwrap();
    let taken = format!("/sources/bank/deliveries/{}", rest.split('"').next().unwrap());
    let opened = admin.page(&taken).await;
    assert!(opened.body.contains("Xét lại yêu cầu này"), "{}", opened.body);
    let csrf = opened.csrf();
    let again = admin.form(&format!("{taken}/replay"), &[("csrf", &csrf)]).await;
    assert_eq!(again.status, 303, "{}", again.body);
    let shown = admin.page(&again.location).await.body;
    assert!(shown.contains("Đã xét lại.") && shown.contains("trùng") && shown.contains("xét lại bởi sang"), "{shown}");
    assert_eq!(admin.form(&format!("{taken}/replay"), &[]).await.status, 403, "without the form's token");
}

/// Runs a command of ours with a curl that only prints what it is given; returns the headers and the body.
fn run(command: &str, secret: &str) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
    let folder = folder();
    let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}\n{command}");
    let output =
        Command::new("bash").args(["-c", &script]).current_dir(&folder.0).env("SECRET", secret).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    let headers = lines.windows(2).filter(|pair| pair[0] == "-H").filter_map(|pair| pair[1].split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    (headers, std::fs::read(folder.0.join("body.bin")).unwrap())
}

#[test]
fn the_copied_command_signs_as_the_dialect_does() {
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(std::env::var("CI").is_err(), "CI needs openssl");
        eprintln!("skipped: no openssl");
        return;
    }
    let mut sale = settlement(ACCOUNT, "a'$(x)\"", 35_000, "2026-11-24T08:00:00+07:00");
    sale.memo = "mua rau 'cô Hoa' \\ \"B12\"".to_owned();
    for dialect in Dialect::ALL {
        // Its token is asked for over the wire.
        if dialect == Dialect::VietqrVn {
            continue;
        }
        let secret = secret_of(dialect);
        let signed = sign(dialect, secret, &sale, SystemClock.now()).unwrap();
        let command =
            shell::command(dialect, "http://127.0.0.1:8080/v1/ingest/s", signed.sub_path, signed.body.as_bytes());
        assert!(!command.contains(secret), "{command}");
        let (headers, body) = run(&command, secret);
        assert_eq!(body, signed.body.as_bytes(), "{dialect}");
        let secrets = [secret.to_owned()];
        let now = SystemClock.now();
        let credentials = Credentials { secrets: &secrets, tolerance_s: 300, local_as_utc: false, now };
        let received = receive(dialect, &credentials, &Request { sub_path: "", headers: &headers, body: &body });
        // Casso's keys are signed in their order, which this body has not: the command says so.
        let said = dialect == Dialect::CassoV2 && command.contains("# Casso");
        assert!(said || matches!(received, Ok(Delivery::Items(_))), "{dialect}: {received:?}\n{command}");
    }
}

story!(a_trigger_reaches_a_source_that_is_held_to_networks_by_its_own_door, |world| {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.source("bank", Dialect::GenericHmac, &[], Some("TAN")).await;
    let held = ["198.51.100.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    world.app.change_source_addresses(&"bank".parse().unwrap(), &held, &[]).await.unwrap();
    let trigger = socho::app::trigger::Trigger {
        source: "bank".parse().unwrap(),
        account: ACCOUNT.parse().unwrap(),
        amount: socho::domain::money::Dong::new(20_000),
        memo: "SOCHO TEST".to_owned(),
        count: 1,
        duplicate: false,
        bad_signature: false,
        skew: jiff::SignedDuration::ZERO,
    };
    let attempts = world.app.prepare_trigger(&trigger, world.app.now()).await.unwrap();
    let reply = world.app.receive_settlement(attempts[0].request.clone()).await.unwrap();
    assert_eq!(reply.items[0].posting.as_deref(), Some("TAN-1"), "{}", reply.message.en);
    let elsewhere = socho::app::receive_settlement::Inbound { address: None, ..attempts[0].request.clone() };
    let reply = world.app.receive_settlement(elsewhere).await.unwrap();
    assert_eq!(reply.code, "address_not_allowed", "an address that nobody knows is in no list");
});

story!(a_page_says_what_a_senders_last_deliveries_fulfil_and_what_they_miss, |world| {
    a_book(&world).await;
    let site = Site::of(&world);
    let (mut sender, mut admin) = (site.visitor(), logged_in(&site, "sang").await);
    let rows = async |admin: &mut Visitor, words: &str| {
        let path = "/sources/bank/conformance";
        let seen = admin.send("GET", path, &[("accept-language", words)], "").await;
        assert_eq!(seen.status, 200, "{}", seen.body);
        seen.body
    };
    let fresh = rows(&mut admin, "en").await;
    assert!(fresh.contains("<strong>0/7</strong>") && fresh.matches("not seen yet").count() == 7, "{fresh}");
    let first = sale(&world, "bank", Dialect::GenericHmac, "a");
    for _ in 0..2 {
        assert_eq!(post(&mut sender, &first).await.status, 200);
    }
    let all = rows(&mut admin, "vi").await;
    assert!(all.contains("<strong>7/7</strong>") && !all.contains('✗'), "{all}");
    let mut forged = sale(&world, "bank", Dialect::GenericHmac, "b");
    forged.headers = vec![("X-Signature".to_owned(), b"sha256=00".to_vec())];
    assert_eq!(post(&mut sender, &forged).await.status, 401);
    let missed = rows(&mut admin, "vi").await;
    assert!(missed.contains("<strong>6/7</strong>") && missed.contains("bằng khóa đang có hiệu lực"), "{missed}");
});
