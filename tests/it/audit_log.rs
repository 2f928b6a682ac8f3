//! The audit log: who did, saw or took away what; that nobody changes it; who may read it; and what a
//! vendor is told of it.

use std::collections::BTreeSet;

use serde_json::Value;
use socho::app::access::{Actor, Role};
use socho::app::audit_log::{AuditQuery, CSV_HEAD, audit_csv, audit_json};
use socho::app::close_day::CloseDay;
use socho::app::error::ErrorKind;
use socho::app::machine_keys::NewKey;
use socho::app::manage_users::NewUser;
use socho::app::resolve::ResolveAction;
use socho::domain::settlement::Dialect;

use crate::visitors::{PASSWORD, Site, phone, user};
use crate::world::{World, registration, settlement, story};

const ACCOUNT: &str = "0071000888888";

async fn hall(world: &World) -> Site {
    world.market("TAN", "00:00").await;
    world.market("CKE", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.stall("TAN", "B13", "Trần Văn Ba", "0072000777777").await;
    world.stall("CKE", "B12", "Lê Tư", "0081000666666").await;
    world.source("one", Dialect::GenericHmac, &[], Some("TAN")).await;
    user(world, "lan", Role::Manager, Some("TAN")).await;
    user(world, "kim", Role::Auditor, None).await;
    user(world, "sang", Role::Admin, None).await;
    Site::of(world)
}

async fn sale(world: &World, id: &str) {
    let sale = settlement(ACCOUNT, id, 35_000, "2026-11-24T08:00:00+07:00");
    world.send("one", Dialect::GenericHmac, &sale).await;
}

/// Every entry of the log, as the file has them.
async fn entries(world: &World, query: AuditQuery) -> Vec<Value> {
    let mut rows = Vec::new();
    let take = |shown: &socho::app::audit_log::AuditShown| {
        rows.push(audit_json(shown));
        Ok(())
    };
    world.app.export_audit(&Actor::operator(), &query, take).await.unwrap();
    rows
}

async fn of_action(world: &World, action: &str) -> Vec<Value> {
    entries(world, AuditQuery { action: Some(action.to_owned()), ..AuditQuery::default() }).await
}

async fn differences(world: &World) -> Vec<String> {
    world.app.verify(None).await.unwrap().into_iter().flat_map(|market| market.differences).collect()
}

story!(what_people_do_is_written_down_with_who_what_before_after_and_why, |world| {
    let site = hall(&world).await;
    let mut lan = site.visitor();
    assert_eq!(lan.log_in("lan", "sai rồi mà").await.status, 401);
    assert_eq!(lan.log_in("khong-co-ai", PASSWORD).await.status, 401);
    assert_eq!(lan.log_in("lan", PASSWORD).await.status, 303);
    sale(&world, "a").await;
    let reversed = lan.json("POST", "/v1/postings/TAN-1/reverse", r#"{"reason":"nhầm, gọi 0912345678"}"#).await;
    assert_eq!(reversed.status, 201, "{}", reversed.body);
    let changed = lan.json("PATCH", "/v1/markets/TAN/stalls/B13", r#"{"category":"Cá"}"#).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let failed = of_action(&world, "login.failed").await;
    let told: BTreeSet<(Option<&str>, &str)> =
        failed.iter().map(|row| (row["market"].as_str(), row["object"].as_str().unwrap())).collect();
    // A name that is not there is not kept: it may be a password.
    assert_eq!(told, BTreeSet::from([(None, "-"), (Some("TAN"), "lan")]), "{failed:?}");
    let ok = &of_action(&world, "login.ok").await[0];
    assert_eq!((ok["actor"].as_str(), ok["role"].as_str()), (Some("lan"), Some("manager")), "{ok}");
    assert_eq!(ok["after"]["address"], "203.0.113.7");
    let reversal = &of_action(&world, "posting.reversed").await[0];
    assert_eq!(reversal["object"], "TAN-1");
    assert_eq!((&reversal["actor"], &reversal["actor_kind"]), (&"lan".into(), &"user".into()));
    assert_eq!(reversal["after"]["posting"], "TAN-2");
    assert_eq!(reversal["reason"], "nhầm, gọi …5678", "numbers are masked");
    assert!(reversal["stall_number"].is_i64());
    assert_eq!(reversal["request_id"].as_str().unwrap(), reversed.headers["x-request-id"].to_str().unwrap());
    let stall = &of_action(&world, "stall.changed").await[0];
    assert_eq!((&stall["before"]["category"], &stall["after"]["category"]), (&"Rau củ".into(), &"Cá".into()));
    for row in entries(&world, AuditQuery::default()).await {
        let text = row.to_string();
        assert!(!text.contains(ACCOUNT) && !text.contains(PASSWORD) && !text.contains("a-secret"), "{text}");
    }
    assert_eq!(differences(&world).await, Vec::<String>::new());
});

story!(every_deed_of_an_office_has_its_entry, |world| {
    let site = hall(&world).await;
    let (operator, tan) = (Actor::operator(), "TAN".parse().unwrap());
    for id in ["a", "b"] {
        sale(&world, id).await;
    }
    world.send("one", Dialect::GenericHmac, &settlement("0999", "u1", 5_000, "2026-11-24T08:05:00+07:00")).await;
    let held = world.app.held_items(socho::domain::inbox::Outcome::Quarantined, None, None).await.unwrap();
    let item = held.data[0]["id"].as_str().unwrap().parse().unwrap();
    world.app.resolve(item, "op", "không phải", ResolveAction::Dismiss).await.unwrap();
    world.app.exclude(&"TAN-1".parse().unwrap(), "op", "nợ", socho::domain::money::Dong::new(1_000)).await.unwrap();
    let day = CloseDay {
        market: "TAN".parse().unwrap(),
        date: "2026-11-23".parse().unwrap(),
        early: false,
        actor: "op".to_owned(),
    };
    world.app.close_day(day).await.unwrap();
    world.app.rotate_key(&tan).await.unwrap();
    let key = NewKey {
        name: "kế toán".parse().unwrap(),
        role: Role::Auditor,
        rights: Vec::new(),
        market: None,
        expires_at: None,
    };
    let (key, _) = world.app.add_machine_key(&operator, key).await.unwrap();
    world.app.end_machine_key(&operator, key.id).await.unwrap();
    let name = "one".parse().unwrap();
    world.app.rotate_source(&name, "another-secret-of-length", jiff::SignedDuration::from_hours(1)).await.unwrap();
    world.app.change_source_accounts(&name, &["0999".parse().unwrap()], &[]).await.unwrap();
    let new = NewUser {
        name: "tam".parse().unwrap(),
        full_name: "Tám".parse().unwrap(),
        role: Role::City,
        market: None,
        password: None,
        must_change: true,
    };
    world.app.add_user(&operator, new).await.unwrap();
    let tam = "tam".parse().unwrap();
    world.app.set_user_role(&operator, &tam, Role::Auditor, None).await.unwrap();
    world.app.reset_password(&operator, &tam, None).await.unwrap();
    world.app.set_user_disabled(&operator, &tam, true).await.unwrap();
    let mut hoa = phone(&world, &site, "TAN", "B12", "Máy Hoa").await;
    let csrf = hoa.page("/stall/book").await.csrf();
    let cash = [("csrf", csrf.as_str()), ("date", "2026-11-24"), ("amount", "20.000"), ("note", "bán lẻ")];
    assert_eq!(hoa.form("/stall/cash", &cash).await.status, 303);
    let dispute = [("csrf", csrf.as_str()), ("posting", "TAN-2"), ("reason", "not_mine"), ("note", "lạ")];
    assert_eq!(hoa.form("/stall/dispute", &dispute).await.status, 303);
    world.app.answer_dispute(&"TAN-2".parse().unwrap(), "đã xem", "op").await.unwrap();
    world.app.register(&tan, registration("B14", "Chị Năm", "0079000111111")).await.unwrap();
    let mut sang = site.visitor();
    sang.log_in("sang", PASSWORD).await;
    assert_eq!(sang.get("/v1/markets/TAN/days/2026-11-23/report.csv").await.status, 200);
    assert_eq!(sang.get("/v1/markets/TAN/qr-sheet.pdf?stalls=B14").await.status, 200);
    world
        .app
        .backup(
            &world.path("copy.db"),
            socho::app::backup::Overwrite::Refuse,
            socho::app::backup::Depth::Heads,
            &|_| (),
        )
        .await
        .unwrap();
    let url = "https://hooks.example.vn/T0KEN".parse().unwrap();
    let (webhook, _) = world.app.add_webhook(&tan, url, None, "op").await.unwrap();
    world.app.rotate_webhook(&tan, webhook.id, jiff::SignedDuration::from_hours(1)).await.unwrap();
    world.app.replay_webhook(&tan, webhook.id, Some("0")).await.unwrap();
    world.app.remove_webhook(&tan, webhook.id).await.unwrap();
    assert_eq!(world.app.remove_webhook(&tan, webhook.id).await.unwrap_err().code, "not_found");
    world.app.subject_access(&tan, "B12").await.unwrap();
    for (action, value) in [("webhook.added", "after"), ("webhook.removed", "before")] {
        let told = &of_action(&world, action).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0][value]["host"].as_str(), &told[0]["market"]), (Some("hooks.example.vn"), &"TAN".into()));
        assert!(!told[0].to_string().contains("T0KEN"), "what stands in an address's path may be a secret");
    }
    let replayed = &of_action(&world, "webhook.replayed").await[0];
    assert!(replayed["before"]["delivered_seq"].as_i64() > Some(0) && replayed["after"]["delivered_seq"] == 0);
    let done: BTreeSet<String> = entries(&world, AuditQuery::default())
        .await
        .iter()
        .map(|row| row["action"].as_str().unwrap().to_owned())
        .collect();
    for action in [
        "market.added",
        "stall.registered",
        "source.added",
        "user.added",
        "item.dismissed",
        "posting.excluded",
        "day.closed",
        "signing_key.made",
        "signing_key.rotated",
        "key.made",
        "key.ended",
        "source.rotated",
        "source.accounts_changed",
        "user.role_changed",
        "password.reset",
        "user.disabled",
        "pairing_code.issued",
        "device.paired",
        "cash.written",
        "dispute.raised",
        "dispute.answered",
        "login.ok",
        "report.downloaded",
        "card.printed",
        "backup.made",
        "webhook.rotated",
        "webhook.replayed",
        "subject.told",
    ] {
        assert!(done.contains(action), "{action} is missing in {done:?}");
    }
    assert_eq!(differences(&world).await, Vec::<String>::new());
});

story!(nobody_changes_removes_or_slips_in_an_entry_unseen, |world| {
    hall(&world).await;
    assert_eq!(differences(&world).await, Vec::<String>::new());
    for refused in [
        "UPDATE audit_log SET actor = 'x' WHERE seq = 1",
        "DELETE FROM audit_log",
        "INSERT INTO audit_log SELECT * FROM audit_log WHERE market_id = 1 AND seq = 1",
    ] {
        assert!(world.execute(refused).await.is_err(), "{refused}");
    }
    // Whoever takes the lock away is found by the chain.
    let (unlock, last) = if world.url.starts_with("sqlite:") {
        ("DROP TRIGGER audit_log_no_delete", "DROP TRIGGER audit_log_no_update")
    } else {
        ("DROP TRIGGER audit_log_append_only ON audit_log", "SELECT 1")
    };
    for statement in [unlock, last] {
        world.execute(statement).await.unwrap();
    }
    world.execute("UPDATE audit_log SET reason = 'khác' WHERE market_id = 1 AND seq = 2").await.unwrap();
    let told = differences(&world).await;
    assert_eq!(told, ["audit_log: row 2 does not give its hash"], "{told:?}");
    world.execute("UPDATE audit_log SET reason = NULL WHERE market_id = 1 AND seq = 2").await.unwrap();
    assert_eq!(differences(&world).await, Vec::<String>::new());
    world
        .execute(
            "INSERT INTO audit_log SELECT market_id, 900, recorded_at, actor_kind, actor, role, action, object_kind, object, \
             stall_number, value_before, value_after, reason, request_id, hash FROM audit_log WHERE market_id = 1 AND seq = 2",
        )
        .await
        .unwrap();
    let told = differences(&world).await.join("\n");
    assert!(told.contains("row 900 stands where"), "{told}");
    world.execute("DELETE FROM audit_log WHERE market_id = 1 AND seq = 900").await.unwrap();
    world.execute("DELETE FROM audit_log WHERE market_id = 1 AND seq = 1").await.unwrap();
    let told = differences(&world).await.join("\n");
    assert!(told.contains("audit_log: row 2 stands where row 1 has to"), "{told}");
});

story!(the_last_entry_cannot_be_cut_off_unseen, |world| {
    hall(&world).await;
    let trigger = if world.url.starts_with("sqlite:") {
        "DROP TRIGGER audit_log_no_delete"
    } else {
        "DROP TRIGGER audit_log_append_only ON audit_log"
    };
    world.execute(trigger).await.unwrap();
    let last = "(SELECT last_seq FROM audit_head WHERE market_id = 1)";
    world.execute(&format!("DELETE FROM audit_log WHERE market_id = 1 AND seq = {last}")).await.unwrap();
    let told = differences(&world).await.join("\n");
    assert!(told.contains("audit_head: last_seq is") && told.contains("the log has"), "{told}");
});

story!(two_processes_write_one_chain, |world| {
    hall(&world).await;
    let other = world.second().await;
    let name: socho::domain::ids::SourceName = "one".parse().unwrap();
    let before = world.int("SELECT last_seq FROM audit_head WHERE market_id = 1").await;
    let mut tasks = Vec::new();
    for round in 0..12 {
        let app = if round % 2 == 0 { std::sync::Arc::clone(&world.app) } else { std::sync::Arc::clone(&other) };
        let name = name.clone();
        tasks.push(tokio::spawn(async move {
            let account = format!("09990{round}").parse().unwrap();
            app.change_source_accounts(&name, &[account], &[]).await.map(|_| ())
        }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(world.int("SELECT last_seq FROM audit_head WHERE market_id = 1").await, before + 12);
    assert_eq!(differences(&world).await, Vec::<String>::new());
    other.close().await;
});

story!(the_log_is_read_by_auditor_and_administrator_and_a_manager_her_own_market, |world| {
    let site = hall(&world).await;
    for (name, markets) in [("kim", 3), ("sang", 3), ("lan", 1)] {
        let mut reader = site.visitor();
        reader.log_in(name, PASSWORD).await;
        let seen = reader.get("/v1/audit?limit=200").await;
        assert_eq!(seen.status, 200, "{name}: {}", seen.body);
        let rows = seen.json();
        let seen_markets: BTreeSet<String> =
            rows["data"].as_array().unwrap().iter().map(|row| row["market"].to_string()).collect();
        assert_eq!(seen_markets.len(), markets, "{name}: {seen_markets:?}");
        let page = reader.page("/audit").await;
        assert!(page.status == 200 && page.body.contains("Nhật ký kiểm toán"), "{}", page.body);
        for foreign in ["CKE", "-"] {
            let seen = reader.get(&format!("/v1/audit?market={foreign}")).await;
            assert_eq!(seen.status, if name == "lan" { 403 } else { 200 }, "{name} {foreign}");
        }
    }
    let read = of_action(&world, "audit.read").await;
    assert!(read.iter().any(|row| row["actor"] == "kim") && read.iter().any(|row| row["market"] == "TAN"), "{read:?}");
    user(&world, "thu", Role::City, None).await;
    let mut thu = site.visitor();
    thu.log_in("thu", PASSWORD).await;
    assert_eq!(thu.get("/v1/audit").await.status, 403);
    let mut hoa = phone(&world, &site, "TAN", "B12", "Máy Hoa").await;
    assert_eq!(hoa.get("/v1/audit").await.status, 403);
});

story!(the_log_is_filtered_and_read_page_by_page_without_a_gap, |world| {
    hall(&world).await;
    let query = |after: Option<String>| AuditQuery {
        market: Some("TAN".to_owned()),
        after,
        limit: Some(2),
        ..AuditQuery::default()
    };
    let auditor = Actor::operator();
    let all = entries(&world, AuditQuery { market: Some("TAN".to_owned()), ..AuditQuery::default() }).await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = world.app.audit_log(&auditor, &query(after)).await.unwrap();
        seen.extend(page.rows.iter().map(|shown| shown.row.seq));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    seen.reverse();
    assert_eq!(seen, all.iter().map(|row| row["seq"].as_i64().unwrap()).collect::<Vec<_>>());
    let only = AuditQuery { object: Some("B13".to_owned()), ..AuditQuery::default() };
    assert_eq!(entries(&world, only.clone()).await.len(), 1);
    assert_eq!(world.app.audit_log(&auditor, &only).await.unwrap().rows.len(), 1);
    for (from, to, found) in [("2026-11-24", "2026-11-24", true), ("2026-11-25", "", false), ("", "2026-11-23", false)]
    {
        let span = AuditQuery {
            object: Some("B13".to_owned()),
            from: Some(from.to_owned()),
            to: Some(to.to_owned()),
            ..AuditQuery::default()
        };
        assert_eq!(world.app.audit_log(&auditor, &span).await.unwrap().rows.len() == 1, found, "{from} {to}");
    }
    for bad in [
        AuditQuery { action: Some("no.such".to_owned()), ..AuditQuery::default() },
        AuditQuery { from: Some("gestern".to_owned()), ..AuditQuery::default() },
        AuditQuery { after: Some("s12".to_owned()), ..AuditQuery::default() },
        AuditQuery { limit: Some(201), ..AuditQuery::default() },
    ] {
        assert_eq!(world.app.audit_log(&auditor, &bad).await.unwrap_err().kind, ErrorKind::Invalid, "{bad:?}");
    }
});

story!(a_spreadsheet_runs_nothing_of_the_file_and_every_hash_in_it_can_be_checked, |world| {
    hall(&world).await;
    let mut text = CSV_HEAD.to_owned();
    let take = |shown: &socho::app::audit_log::AuditShown| {
        text.push_str(&audit_csv(shown)?);
        Ok(())
    };
    world.app.export_audit(&Actor::operator(), &AuditQuery::default(), take).await.unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(rows.len() > 5);
    for row in &rows {
        assert_eq!(row.len(), CSV_HEAD.split(',').count());
        assert!(row.iter().skip(3).all(|cell| cell == "-" || !cell.starts_with(['=', '+', '@', '\t'])), "{row:?}");
        assert_eq!(row[14].len(), 64, "{row:?}");
    }
});

story!(looking_at_a_stall_is_written_down_but_for_her_own_phone, |world| {
    let site = hall(&world).await;
    sale(&world, "a").await;
    let mut hoa = phone(&world, &site, "TAN", "B12", "Máy Hoa").await;
    for path in ["/v1/markets/TAN/postings", "/v1/postings/TAN-1", "/v1/markets/TAN/stalls/B12/devices", "/stall/book"]
    {
        assert_eq!(hoa.get(path).await.status, 200, "{path}");
    }
    let views = |rows: &[Value]| {
        let seen = |row: &&Value| row["action"].as_str().unwrap().ends_with(".viewed");
        rows.iter().filter(seen).map(|row| (row["action"].to_string(), row["object"].to_string())).collect::<Vec<_>>()
    };
    assert_eq!(views(&entries(&world, AuditQuery::default()).await), Vec::new());
    let mut lan = site.visitor();
    lan.log_in("lan", PASSWORD).await;
    for path in [
        "/v1/markets/TAN/postings?stall=b-12",
        "/v1/markets/TAN/postings",
        "/v1/postings/TAN-1",
        "/v1/markets/TAN/stalls/B12/devices",
    ] {
        assert_eq!(lan.get(path).await.status, 200, "{path}");
    }
    assert_eq!(lan.page("/markets/TAN/stalls/B12/phones").await.status, 200);
    let mut seen = views(&entries(&world, AuditQuery::default()).await);
    seen.sort();
    let expected = [
        ("\"journal.viewed\"", "\"TAN\""),
        ("\"phones.viewed\"", "\"B12\""),
        ("\"phones.viewed\"", "\"B12\""),
        ("\"posting.viewed\"", "\"TAN-1\""),
        ("\"postings.viewed\"", "\"B12\""),
    ];
    assert_eq!(seen, expected.map(|(action, object)| (action.to_owned(), object.to_owned())));
});

story!(a_vendor_reads_who_opened_her_book_and_nobody_else_does, |world| {
    let site = hall(&world).await;
    sale(&world, "a").await;
    let mut hoa = phone(&world, &site, "TAN", "B12", "Máy Hoa").await;
    let before = hoa.page("/stall/opened").await;
    assert_eq!(before.status, 200, "{}", before.body);
    assert!(before.body.contains("Ai đã mở sổ của tôi?"));
    let mut lan = site.visitor();
    lan.log_in("lan", PASSWORD).await;
    for _ in 0..2 {
        assert_eq!(lan.get("/v1/markets/TAN/postings?stall=B12").await.status, 200);
    }
    assert_eq!(lan.get("/v1/markets/TAN/postings?stall=B13").await.status, 200);
    world.set_clock("2026-11-25T09:05:00+07:00");
    let mut kim = site.visitor();
    kim.log_in("kim", PASSWORD).await;
    assert_eq!(kim.get("/v1/postings/TAN-1").await.status, 200);
    let page = hoa.page("/stall/opened").await.body;
    let (today, yesterday) = page.split_once("Hôm qua").expect("two days");
    assert!(today.contains("Hôm nay") && today.contains("Kiểm toán – kim") && today.contains("09:05"), "{page}");
    assert!(today.contains("xem một khoản tiền của sạp"), "{page}");
    assert!(yesterday.contains("Ban quản lý chợ – lan") && yesterday.contains("2 lần"), "{page}");
    assert!(!page.contains("B13"), "nothing of another stall: {page}");
    let mut neighbour = phone(&world, &site, "TAN", "B13", "Máy Ba").await;
    let page = neighbour.page("/stall/opened").await.body;
    assert!(!page.contains("– kim") && page.contains("– lan") && !page.contains("2 lần"), "{page}");
    let mut elsewhere = phone(&world, &site, "CKE", "B12", "Máy Tư").await;
    let page = elsewhere.page("/stall/opened").await.body;
    assert!(!page.contains("– lan") && !page.contains("– kim"), "{page}");
    // A day later she logs in anew.
    lan.log_in("lan", PASSWORD).await;
    // Staff have no such page, and a phone that was taken off has none any more.
    assert_eq!(lan.get("/stall/opened").await.status, 403);
    assert_eq!(site.visitor().get("/stall/opened").await.status, 401);
    let devices = hoa.get("/v1/markets/TAN/stalls/B12/devices").await.json();
    let id = devices["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(lan.json("DELETE", &format!("/v1/markets/TAN/stalls/B12/devices/{id}"), "").await.status, 204);
    assert_eq!(hoa.get("/stall/opened").await.status, 401);
});

story!(the_next_tenant_is_not_told_who_opened_the_book_before_her, |world| {
    let site = hall(&world).await;
    let mut lan = site.visitor();
    lan.log_in("lan", PASSWORD).await;
    assert_eq!(lan.get("/v1/markets/TAN/postings?stall=B12").await.status, 200);
    world.set_clock("2026-11-26T08:00:00+07:00");
    let end = socho::app::change_stall::StallChange { end_tenancy: true, ..Default::default() };
    world.app.change_stall(&"TAN".parse().unwrap(), "B12", end).await.unwrap();
    world.set_clock("2026-11-27T08:00:00+07:00");
    world.app.register(&"TAN".parse().unwrap(), registration("B12", "Chị Mới", "0075000123123")).await.unwrap();
    let mut new = phone(&world, &site, "TAN", "B12", "Máy mới").await;
    let page = new.page("/stall/opened").await.body;
    assert!(!page.contains("– lan") && page.contains("Người vận hành"), "{page}");
    assert!(!page.contains("kết thúc việc thuê sạp"), "{page}");
});
