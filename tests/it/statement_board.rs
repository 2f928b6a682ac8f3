//! What a board does with a statement: at its pages and through the API, in pages of lists, and with
//! what a statement told of and the book holds back.

use socho::app::access::Role;
use socho::app::reconcile::Scope;
use socho::app::resolve::ResolveAction;
use socho::domain::account::AccountKind;
use socho::domain::inbox::Outcome;
use socho::domain::money::Dong;
use socho::domain::registration::Registration;
use socho::domain::settlement::Dialect;

use crate::reconcile::{ACCOUNT, FORM, Form, date, file, hand_in, market, reconcile, row};
use crate::visitors::{PASSWORD, Site, Visitor, user};
use crate::world::{World, registration, settlement, story};

/// The real account behind the virtual ones.
const REAL: &str = "19990000123";

pub(crate) async fn manager(world: &World) -> Visitor {
    user(world, "lan", Role::Manager, Some("TAN")).await;
    let mut visitor = Site::of(world).visitor();
    assert_eq!(visitor.log_in("lan", PASSWORD).await.status, 303);
    visitor
}

story!(a_line_on_an_account_that_is_listed_later_waits_and_is_then_booked_by_itself, |world| {
    market(&world).await;
    world.stall("TAN", "B1", "Cô Sáu", "V100").await;
    let mut sale = settlement(REAL, "1", 20_000, "2026-11-24T08:00:00+07:00");
    sale.addressed = Some("V100".parse().unwrap());
    assert_eq!(world.send("one", Dialect::GenericHmac, &sale).await.items[0].outcome, Outcome::Recorded);
    let form = Form { account: REAL, ..FORM };
    // Twenty thousand nobody reported, minutes after the twenty thousand that somebody did.
    let rows = [row("08:00:00", "FT1", 20_000, ""), row("08:05:00", "", 20_000, ""), row("09:00:00", "FT3", 7_000, "")];
    hand_in(&world.app, file(form, &rows)).await.unwrap();
    let tan = "TAN".parse().unwrap();
    let booked = world.app.book_missing(&tan, date(), "chi-hai", false).await.unwrap();
    let answers: Vec<_> = booked.lines.iter().filter_map(|line| line.answer.as_ref()).collect();
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|answer| answer.reason.as_deref() == Some("unlisted_account")), "{answers:?}");
    let item = answers[0].item.parse().unwrap();
    let early = world.app.resolve(item, "chi-hai", "đã gọi ngân hàng", ResolveAction::JudgeAgain).await.unwrap_err();
    assert_eq!(early.code, "account_not_listed");
    // Nobody books money whose stall's account the market does not know; it is listed, and offered.
    let collecting = Registration { stall: None, kind: AccountKind::Collecting, ..registration("X", "Ban", REAL) };
    world.app.register(&tan, collecting).await.unwrap();
    assert_eq!(world.int("SELECT CAST(SUM(amount) AS BIGINT) FROM postings").await, 47_000);
    let gone = world.app.resolve(item, "chi-hai", "lần nữa", ResolveAction::JudgeAgain).await.unwrap_err();
    assert_eq!(gone.code, "already_resolved");
    let found = reconcile(&world.app, date()).await;
    assert_eq!((found.sums().2, found.differences()), (Dong::ZERO, 0));
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

story!(what_is_held_for_its_identity_is_never_closed_as_a_duplicate_of_itself, |world| {
    market(&world).await;
    world.send("one", Dialect::GenericHmac, &settlement(ACCOUNT, "1", 50_000, "2026-11-24T08:00:00+07:00")).await;
    let mut other = settlement(ACCOUNT, "2", 50_000, "2026-11-24T08:01:00+07:00");
    other.reference = None;
    let possible = world.send("two", Dialect::GenericHmac, &other).await;
    let mut again = settlement(ACCOUNT, "3", 50_000, "2026-11-24T08:00:00+07:00");
    again.reference = settlement(ACCOUNT, "1", 1, "2026-11-24T08:00:00+07:00").reference;
    let reused = world.send("one", Dialect::GenericHmac, &again).await;
    let held = [("possible_duplicate", &possible), ("reused_reference", &reused)];
    for (reason, reply) in held {
        assert_eq!(reply.items[0].reason.as_deref(), Some(reason), "{reply:?}");
        let item = reply.items[0].item.parse().unwrap();
        let told = world.app.resolve(item, "chi-hai", "xem lại", ResolveAction::JudgeAgain).await.unwrap_err();
        assert_eq!(told.code, "person_decides");
    }
    let mut lan = manager(&world).await;
    let todo = lan.page("/markets/TAN/todo").await;
    assert_eq!(todo.body.matches("value=\"book\"").count(), 2, "{}", todo.body);
    assert!(!todo.body.contains("value=\"judge_again\""), "{}", todo.body);
    for (_, reply) in held {
        let item = reply.items[0].item.parse().unwrap();
        let booked = world.app.resolve(item, "chi-hai", "hai khách", ResolveAction::Book).await.unwrap();
        assert_eq!(booked[0].outcome, Outcome::Recorded);
    }
    assert_eq!(world.int("SELECT CAST(SUM(amount) AS BIGINT) FROM postings").await, 150_000);
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

story!(a_board_decides_about_doubtful_lines_at_its_page, |world| {
    market(&world).await;
    let part = Form { period: false, balances: false, ..FORM };
    hand_in(&world.app, file(part, &[row("08:00:00", "", 20_000, "a")])).await.unwrap();
    let rows = [row("08:00:00", "", 20_000, "b"), row("09:00:00", "", 20_000, "c")];
    let kept = hand_in(&world.app, file(part, &rows)).await.unwrap();
    let mut lan = manager(&world).await;
    let statement = lan.page(&format!("/markets/TAN/statements/{}", kept.id)).await;
    let page = lan.page("/markets/TAN/reconciliation/2026-11-24").await;
    for seen in [&statement, &page] {
        assert!(seen.body.contains("Dòng có thể lặp lại (2)"), "{}", seen.body);
        assert!(seen.body.contains("aria-current=\"page\">Sao kê, đối soát"), "{}", seen.body);
    }
    assert!(lan.page("/markets/TAN/statements").await.body.contains("aria-current=\"page\">Sao kê, đối soát"));
    let (csrf, path) = (page.csrf(), "/markets/TAN/statement-lines/");
    let unsaid = lan.form(&format!("{path}2"), &[("csrf", &csrf), ("action", "accept"), ("reason", " ")]).await;
    assert_eq!(unsaid.status, 422, "{}", unsaid.body);
    for (line, action) in [("2", "repeat"), ("3", "accept")] {
        let fields = [("csrf", csrf.as_str()), ("action", action), ("reason", "hỏi chị Ba")];
        let decided = lan.form(&format!("{path}{line}"), &fields).await;
        assert_eq!((decided.status, decided.location.as_str()), (303, "/markets/TAN/reconciliation/2026-11-24"));
        assert_eq!(lan.form(&format!("{path}{line}"), &fields).await.status, 409, "decided once");
    }
    assert_eq!(lan.form(&format!("{path}99"), &[("csrf", &csrf), ("reason", "x")]).await.status, 404);
    let found = reconcile(&world.app, date()).await;
    assert_eq!((found.days[0].doubtful, found.days[0].bank.count), (0, 2));
    let told =
        world.int("SELECT COUNT(*) FROM statement_lines WHERE accepted_by = 'lan' AND accepted_why = 'hỏi chị Ba'");
    assert_eq!(told.await, 2);
    assert!(!lan.page("/markets/TAN/reconciliation/2026-11-24").await.body.contains("Dòng có thể lặp lại"));
});

story!(statements_and_findings_come_in_pages_and_each_once, |world| {
    market(&world).await;
    let mut ids = Vec::new();
    for day in ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"] {
        world.set_clock(&format!("2026-11-25T08:{}:00+07:00", &day[8..]));
        let rows: Vec<_> = (0..7).map(|n| row("", &format!("{day}N{n}"), 10_000 + n, "rau")).collect();
        ids.push(hand_in(&world.app, file(Form { date: day, ..FORM }, &rows)).await.unwrap().id.to_string());
    }
    ids.reverse();
    let mut lan = manager(&world).await;
    let mut seen = Vec::new();
    let mut path = "/v1/markets/TAN/statements?limit=2".to_owned();
    loop {
        let page = lan.get(&path).await.json();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 2);
        seen.extend(data.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        assert_eq!(page["has_more"].as_bool(), Some(true));
        path = format!("/v1/markets/TAN/statements?limit=2&after={next}");
    }
    assert_eq!(seen, ids);
    for (query, code) in [("statements?after=x", "after_invalid"), ("statements?limit=0", "limit_out_of_range")] {
        let refused = lan.get(&format!("/v1/markets/TAN/{query}")).await;
        assert_eq!((refused.status, refused.json()["errors"][0]["code"].as_str()), (422, Some(code)));
    }
    world.app.book_missing(&"TAN".parse().unwrap(), date(), "chi-hai", false).await.unwrap();
    for (matched, expected) in [(false, 0), (true, 7)] {
        let base = format!("/v1/markets/TAN/reconciliation?date=2026-11-24&matched={matched}&limit=3");
        let (mut lines, mut path) = (Vec::new(), base.clone());
        loop {
            let page = lan.get(&path).await.json();
            let entries = page["entries"].as_array().unwrap();
            assert!(entries.len() <= 3 && page["buckets"]["matched"]["count"].as_i64() == Some(7), "{page}");
            lines.extend(entries.iter().map(|entry| entry["lines"][0].as_i64().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("{base}&after={next}");
        }
        assert_eq!((lines.len(), lines.is_sorted()), (expected, true), "{lines:?}");
    }
    let refused = lan.get("/v1/markets/TAN/reconciliation?date=2026-11-24&after=s5").await;
    assert_eq!(refused.json()["errors"][0]["code"].as_str(), Some("after_invalid"));
    // A statement's dates are compared one after another; the pages go on over their borders.
    let rows: Vec<_> = (0..3).map(|n| row("", &format!("Z{n}"), 30_000 + n, "")).collect();
    let text = String::from_utf8(file(Form { period: false, ..FORM }, &rows)).unwrap();
    let text =
        ["10/11/2026", "11/11/2026", "13/11/2026"].iter().fold(text, |text, date| text.replacen("24/11/2026", date, 1));
    let wide = hand_in(&world.app, text.into_bytes()).await.unwrap().id;
    let (mut dates, mut after) = (Vec::new(), String::new());
    loop {
        let page = lan.get(&format!("/v1/statements/{wide}/reconciliation?limit=1{after}")).await.json();
        dates.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["date"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(dates, ["\"2026-11-10\"", "\"2026-11-11\"", "\"2026-11-13\""]);
    assert_eq!(reconcile(&world.app, Scope::Statement(wide, None)).await.differences(), 3);
});

story!(a_close_states_bank_and_book_as_they_stood_and_who_had_signed, |world| {
    market(&world).await;
    let tan: socho::domain::ids::MarketCode = "TAN".parse().unwrap();
    for (id, day) in [("1", 22), ("2", 23), ("3", 24)] {
        let sale = settlement(ACCOUNT, id, 20_000, &format!("2026-11-{day}T08:00:00+07:00"));
        world.send("one", Dialect::GenericHmac, &sale).await;
    }
    // The twenty-second agrees and is signed for; of the twenty-third the bank has more; then nothing.
    hand_in(&world.app, file(Form { date: "2026-11-22", ..FORM }, &[row("08:00:00", "FT1", 20_000, "")]))
        .await
        .unwrap();
    let more = [row("08:00:00", "FT2", 20_000, ""), row("09:00:00", "FT9", 5_000, "")];
    hand_in(&world.app, file(Form { date: "2026-11-23", ..FORM }, &more)).await.unwrap();
    world.app.sign_reconciliation(&tan, "2026-11-22".parse().unwrap(), "lan", "", None).await.unwrap();
    let mut lan = manager(&world).await;
    let asked = |date: &str| socho::app::close_day::CloseDay {
        market: tan.clone(),
        date: date.parse().unwrap(),
        early: false,
        actor: "chi-hai".to_owned(),
    };
    let closed = world.app.close_day(asked("2026-11-24")).await.unwrap();
    let told: Vec<_> = closed
        .iter()
        .map(|day| {
            let bank = day.signed.close.bank.as_ref().unwrap();
            (bank.state.as_str(), bank.difference.whole(), bank.open, bank.signed_by.as_deref())
        })
        .collect();
    assert_eq!(told, [("signed", 0, 0, Some("lan")), ("unsigned", 5_000, 1, None), ("no_statement", 0, 0, None)]);
    for day in &closed {
        assert_eq!(socho::ledger::seal::close::read(&day.signed.statement).as_ref(), Ok(&day.signed.close));
    }
    // What comes after the close changes the report, and not what the close states.
    world.app.book_missing(&tan, Scope::Date("2026-11-23".parse().unwrap()), "chi-hai", false).await.unwrap();
    let report = lan.get("/v1/markets/TAN/days/2026-11-23").await.json();
    assert_eq!(report["reconciliation"]["difference"].as_i64(), Some(0));
    let sealed = &report["seal"]["bank"];
    assert_eq!((sealed["difference"].as_i64(), sealed["open"].as_i64()), (Some(5_000), Some(1)), "{sealed}");
    assert_eq!(lan.get("/v1/markets/TAN/days/2026-11-22/close").await.json()["bank"]["signed_by"], "lan");
    let page = lan.page("/markets/TAN/close").await;
    for words in [
        "ngân hàng = sổ = 20.000 ₫, lệch 0 ₫; lan đã ký đối soát lúc 08:00 ngày 25/11/2026",
        "ngân hàng 25.000 ₫, sổ 20.000 ₫, lệch 5.000 ₫ (1 khoản chưa khớp); chưa ai ký đối soát",
        "chưa có sao kê ngân hàng",
    ] {
        // Spaces before a unit do not break.
        assert!(page.body.replace('\u{a0}', " ").contains(words), "{words}\n{}", page.body);
    }
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bank_s_file_that_was_changed_is_named_by_verify() {
    let world = World::sqlite().await;
    market(&world).await;
    let kept = hand_in(&world.app, file(FORM, &[row("08:00:00", "FT1", 20_000, "rau")])).await.unwrap();
    let forge = "UPDATE statement_files SET raw = CAST(REPLACE(CAST(raw AS TEXT), '20000', '90000') AS BLOB)";
    assert!(world.execute(forge).await.is_err(), "the file is append-only");
    world.app.close().await;
    let verified = || crate::serve::socho(&["verify", "--db", &world.url]);
    assert_eq!(verified().0, 0);
    world.execute(&format!("DROP TRIGGER statement_files_no_update; {forge}")).await.unwrap();
    let (code, out, told) = verified();
    let name = format!("statements {}: sha256 is not the hash of its file", kept.id);
    assert!(code == 5 && out.contains(&name), "{code} {out} {told}");
    world.execute("DROP TRIGGER statement_files_no_delete; DELETE FROM statement_files").await.unwrap();
    let (code, out, _) = verified();
    assert!(code == 5 && out.contains(&format!("statements {}: its file is missing", kept.id)), "{code} {out}");
}

story!(a_board_reads_statements_and_reconciliations_in_english_too, |world| {
    market(&world).await;
    let rows = [row("08:00:00", "FT1", 20_000, ""), row("09:00:00", "FT2", -8_000, "rut tien")];
    let kept = hand_in(&world.app, file(FORM, &rows)).await.unwrap();
    let mut lan = manager(&world).await;
    let path = format!("/markets/TAN/statements/{}", kept.id);
    let pages = ["/markets/TAN/statements", path.as_str(), "/markets/TAN/reconciliation/2026-11-24"];
    let vietnamese = ["Nộp sao kê và đối soát", "Ghi sổ từ sao kê:", "Ký đối soát"];
    let english = ["Hand in and reconcile", "Book from the statement:", "Sign the reconciliation"];
    for (page, (vi, en)) in pages.iter().zip(vietnamese.iter().zip(english)) {
        let body = lan.page(page).await.body;
        assert!(body.contains("<html lang=\"vi\"") && body.contains(vi), "{page}: {body}");
        lan.headers.push(("accept-language".to_owned(), "en".to_owned()));
        let body = lan.page(page).await.body;
        assert!(body.contains("<html lang=\"en\"") && body.contains(en) && !body.contains(vi), "{page}: {body}");
        let main = body.split("<main").nth(1).unwrap();
        let marks = ["khoản", "Ngân hàng", "Lệch", "Thiếu", "Dòng", "Chưa", "Ngày"];
        assert!(marks.iter().all(|word| !main.contains(word)), "{page}: {main}");
        lan.headers.pop();
    }
});
