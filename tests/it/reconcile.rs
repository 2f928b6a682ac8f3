//! The bank's statement against the book: what is kept, matched, booked and signed, on both engines.

#![expect(clippy::format_push_string, reason = "files for tests are made of small pieces")]

use serde_json::Value;
use socho::app::App;
use socho::app::book_missing::Booking;
use socho::app::error::AppError;
use socho::app::keep_statement::{HandIn, HandedIn};
use socho::app::reconcile::{Reconciliation, Scope};
use socho::app::resolve::ResolveAction;
use socho::app::statement_view::LineDecision;
use socho::domain::inbox::Outcome;
use socho::domain::money::Dong;
use socho::domain::reconciliation::{Class, SignState, Why};
use socho::domain::settlement::{BankRef, Dialect, EventTime, Settlement};

use crate::world::{World, settlement, story};

pub(crate) const ACCOUNT: &str = "0071000888888";
const OTHER: &str = "0123456789";
const DAY: &str = "2026-11-24";

/// A line of a file: time or none, reference, amount (money out below zero), text.
pub(crate) type Row = (&'static str, String, i64, String);

pub(crate) fn row(time: &'static str, reference: &str, amount: i64, memo: &str) -> Row {
    (time, reference.to_owned(), amount, memo.to_owned())
}

/// How a file is written.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) account: &'static str,
    pub(crate) date: &'static str,
    pub(crate) period: bool,
    pub(crate) balances: bool,
    pub(crate) opening: i64,
}

pub(crate) const FORM: Form = Form { account: ACCOUNT, date: DAY, period: true, balances: true, opening: 1_000_000 };

pub(crate) fn file(form: Form, rows: &[Row]) -> Vec<u8> {
    let (year, rest) = form.date.split_once('-').unwrap();
    let (month, day) = rest.split_once('-').unwrap();
    let date = format!("{day}/{month}/{year}");
    let mut text = format!("NGÂN HÀNG THỬ\nSố tài khoản: {}\n", form.account);
    if form.period {
        text += &format!("Từ ngày {date} đến ngày {date}\n");
    }
    text += "Ngày giao dịch,Số tham chiếu,Ghi nợ,Ghi có";
    text += if form.balances { ",Số dư,Nội dung\n" } else { ",Nội dung\n" };
    let mut balance = form.opening;
    for (time, reference, amount, memo) in rows {
        balance += amount;
        let (debit, credit) = if *amount < 0 { (-amount).to_string().into() } else { None }
            .map_or((String::new(), amount.to_string()), |debit: String| (debit, String::new()));
        let at = if time.is_empty() { date.clone() } else { format!("{date} {time}") };
        let balance = if form.balances { format!(",{balance}") } else { String::new() };
        text += &format!("{at},{reference},{debit},{credit}{balance},{memo}\n");
    }
    text.into_bytes()
}

pub(crate) async fn hand_in(app: &App, bytes: Vec<u8>) -> Result<HandedIn, AppError> {
    let new = HandIn {
        market: "TAN".parse().unwrap(),
        bytes,
        file_name: "sao-ke.csv".to_owned(),
        map: None,
        bank: None,
        whole: false,
        actor: "chi-hai".to_owned(),
    };
    app.keep_statement(new).await
}

pub(crate) async fn reconcile(app: &App, scope: Scope) -> Reconciliation {
    app.reconcile(&"TAN".parse().unwrap(), scope).await.unwrap()
}

async fn book(app: &App, scope: Scope) -> Booking {
    app.book_missing(&"TAN".parse().unwrap(), scope, "chi-hai", false).await.unwrap()
}

pub(crate) fn date() -> Scope {
    Scope::Date(DAY.parse().unwrap())
}

/// A market with one stall on the account, two sources, the morning after.
pub(crate) async fn market(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", ACCOUNT).await;
    world.stall("TAN", "A2", "Anh Tư", OTHER).await;
    for name in ["one", "two"] {
        world.source(name, Dialect::GenericHmac, &[], Some("TAN")).await;
    }
    world.set_clock("2026-11-25T08:00:00+07:00");
}

/// A market whose account two stalls share; returns their memo codes.
pub(crate) async fn two_stalls(world: &World) -> Vec<String> {
    market(world).await;
    let mut codes = Vec::new();
    for stall in ["B1", "B2"] {
        codes.push(world.stall("TAN", stall, "Chị Ba", ACCOUNT).await.memo_code.unwrap().to_string());
    }
    codes
}

/// A payment with its own reference, told by `one` or `two`.
fn paid(id: &str, amount: i64, time: &str) -> Settlement {
    settlement(ACCOUNT, id, amount, &format!("{DAY}T{time}+07:00"))
}

fn counts(found: &Reconciliation) -> [i64; 6] {
    Class::ALL.map(|class| found.figure(class).count)
}

story!(a_line_that_nobody_reported_is_booked_once_and_its_webhook_is_then_a_duplicate, |world| {
    market(&world).await;
    world.send("one", Dialect::GenericHmac, &paid("1", 20_000, "08:00:00")).await;
    let rows =
        [row("08:00:03", "FT1", 20_000, ""), row("08:30:00", "FT2", 35_000, ""), row("09:00:00", "", 20_000, "rau")];
    let kept = hand_in(&world.app, file(FORM, &rows)).await.unwrap();
    assert!(!kept.already && hand_in(&world.app, file(FORM, &rows)).await.unwrap().already);
    let found = reconcile(&world.app, Scope::Statement(kept.id, None)).await;
    assert_eq!((counts(&found), found.sums().2), ([2, 0, 0, 1, 0, 0], Dong::new(55_000)));
    let dry = world.app.book_missing(&"TAN".parse().unwrap(), date(), "chi-hai", true).await.unwrap();
    assert_eq!((dry.booked.count, world.int("SELECT COUNT(*) FROM postings").await), (2, 1));
    let booked = book(&world.app, Scope::Statement(kept.id, None)).await;
    assert_eq!((booked.booked.count, booked.after.differences(), booked.after.sums().2), (2, 0, Dong::ZERO));
    let again = book(&world.app, date()).await;
    assert_eq!((again.lines.len(), world.int("SELECT COUNT(*) FROM postings").await), (0, 3));
    let posting: Value = world.app.posting(&"TAN-2".parse().unwrap()).await.unwrap();
    assert_eq!((posting["from_statement"].as_bool(), posting["actor"].as_str()), (Some(true), Some("chi-hai")));
    assert_eq!((posting["stall"].as_str(), posting["business_date"].as_str()), (Some("A1"), Some(DAY)));
    // Its webhook comes late, its reference spelt otherwise; and the one without a reference.
    for (id, amount, time) in [("MBVCB.77", 35_000, "08:29:58"), ("XX9", 20_000, "08:59:50")] {
        let reply = world.send("two", Dialect::GenericHmac, &paid(id, amount, time)).await;
        assert_eq!(reply.items[0].outcome, Outcome::Duplicate, "{id}: {reply:?}");
    }
    let reply = world.send("one", Dialect::GenericHmac, &paid("2", 35_000, "08:30:00")).await;
    assert_eq!(reply.items[0].reason.as_deref(), Some("same_reference"));
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 3);
    let report = world.app.daily_report(&"TAN".parse().unwrap(), DAY.parse().unwrap()).await.unwrap();
    assert_eq!((report.amount, report.reconciliation.difference), (Dong::new(75_000), Dong::ZERO));
    let json: Value = serde_json::from_str(&socho::app::daily_report::to_json(&report).unwrap()).unwrap();
    assert_eq!(json["from_statement"], serde_json::json!({"count": 2, "amount": 55_000}));
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

story!(a_report_that_may_be_several_lines_of_its_date_is_the_one_that_names_its_stall, |world| {
    let codes = two_stalls(&world).await;
    let rows = [
        row("", "", 20_000, "rau"),
        row("", "", 20_000, &codes[0]),
        row("", "", 20_000, &codes[1]),
        row("", "", 30_000, &codes[0]),
        row("", "", 30_000, ""),
    ];
    hand_in(&world.app, file(FORM, &rows)).await.unwrap();
    assert_eq!(book(&world.app, date()).await.booked.count, 5);
    for (id, amount, code, posting) in [
        ("X1", 20_000, 1, "TAN-3"),
        ("X2", 20_000, 0, "TAN-2"),
        // The line that names nobody is nearer to it than the one that names another stall.
        ("X3", 30_000, 1, "TAN-5"),
        ("X4", 30_000, 0, "TAN-4"),
    ] {
        let mut told = paid(id, amount, "08:00:00");
        told.memo.clone_from(&codes[code]);
        told.reference = BankRef::normalise(&format!("OTHER{id}"));
        let reply = world.send("one", Dialect::GenericHmac, &told).await;
        assert_eq!(reply.items[0].outcome, Outcome::Duplicate, "{id}: {reply:?}");
        assert_eq!(reply.items[0].posting.as_deref(), Some(posting), "{id}");
    }
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 5);
});

story!(each_kind_of_finding_has_its_class_and_its_reason, |world| {
    market(&world).await;
    for (id, amount, time) in [
        ("1", 20_000, "08:00:00"),
        ("2", 50_000, "08:10:00"),
        ("3", 70_000, "08:20:00"),
        ("4", 90_000, "08:30:00"),
        ("5", 15_000, "10:00:00"),
        ("6", 16_000, "10:01:00"),
        ("7", 17_000, "10:02:00"),
    ] {
        world.send("one", Dialect::GenericHmac, &paid(id, amount, time)).await;
    }
    world.send("two", Dialect::GenericHmac, &paid("1", 20_000, "08:00:00")).await;
    let rows = [
        row("08:00:00", "FT1", 20_000, ""),
        row("08:12:00", "VCB.991", 50_000, ""),
        row("08:20:00", "FT3", 71_000, ""),
        row("09:00:00", "FT9", 5_000, ""),
        row("09:30:00", "FT10", -8_000, "rut tien"),
        row("10:05:00", "LO77", 48_000, "tra theo lo"),
    ];
    hand_in(&world.app, file(FORM, &rows)).await.unwrap();
    let found = reconcile(&world.app, date()).await;
    assert_eq!(counts(&found), [1, 1, 1, 3, 1, 1]);
    let whys: Vec<(Class, Why, i64)> =
        found.entries.iter().map(|entry| (entry.class, entry.why, entry.bank.whole())).collect();
    for expected in [
        (Class::Matched, Why::Reference, 20_000),
        (Class::Matched, Why::AmountTime, 50_000),
        (Class::Matched, Why::Sum, 48_000),
        (Class::AmountDiffers, Why::Reference, 71_000),
        (Class::MissingHere, Why::NotReported, 5_000),
        (Class::MissingThere, Why::NotOnStatement, 0),
        (Class::IgnoredDebit, Why::Debit, 8_000),
        (Class::DuplicateReport, Why::Repeated, 0),
    ] {
        assert!(whys.contains(&expected), "{expected:?} of {whys:?}");
    }
    assert_eq!(found.sums().2, Dong::new(5_000 + 1_000 - 90_000));
});

story!(money_of_a_closed_date_goes_to_the_open_date_and_a_person_signs_for_the_bank, |world| {
    market(&world).await;
    let tan = "TAN".parse().unwrap();
    world.send("one", Dialect::GenericHmac, &paid("1", 20_000, "08:00:00")).await;
    let refused = world.app.sign_reconciliation(&tan, DAY.parse().unwrap(), "chi-hai", "", None).await.unwrap_err();
    assert_eq!(refused.code, "no_statement");
    let closing = socho::app::close_day::CloseDay {
        market: tan.clone(),
        date: DAY.parse().unwrap(),
        early: false,
        actor: "chi-hai".to_owned(),
    };
    world.app.close_day(closing).await.unwrap();
    hand_in(&world.app, file(FORM, &[row("08:00:00", "FT1", 20_000, ""), row("", "FT2", 30_000, "")])).await.unwrap();
    let refused = world.app.sign_reconciliation(&tan, DAY.parse().unwrap(), "chi-hai", " ", None).await.unwrap_err();
    assert_eq!(refused.fields[0].code, "note_missing");
    let day = world.app.sign_reconciliation(&tan, DAY.parse().unwrap(), "chi-hai", "mạng hỏng", None).await.unwrap();
    assert_eq!((day.state, day.difference), (SignState::Signed, Dong::new(30_000)));
    book(&world.app, date()).await;
    let posting = world.app.posting(&"TAN-2".parse().unwrap()).await.unwrap();
    assert_eq!((posting["late"].as_bool(), posting["business_date"].as_str()), (Some(true), Some("2026-11-25")));
    assert_eq!(posting["event_date"].as_str(), Some(DAY));
    let day = world.app.day_reconciliation(&tan, DAY.parse().unwrap()).await.unwrap();
    assert_eq!((day.state, day.difference, day.agrees()), (SignState::Changed, Dong::ZERO, true));
    let day = world.app.sign_reconciliation(&tan, DAY.parse().unwrap(), "chi-hai", "", None).await.unwrap();
    assert_eq!(day.signature.unwrap().note, "");
    assert_eq!(day.state, SignState::Signed);
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

story!(a_refund_pairs_a_debit_line_with_an_earlier_payment_once, |world| {
    market(&world).await;
    world.send("one", Dialect::GenericHmac, &paid("1", 50_000, "08:00:00")).await;
    world.send("one", Dialect::GenericHmac, &paid("2", 50_000, "08:01:00")).await;
    let rows = [
        row("08:00:00", "FT1", 50_000, ""),
        row("08:01:00", "FT2", 50_000, ""),
        row("09:00:00", "FT3", -20_000, "tra lai khach"),
    ];
    hand_in(&world.app, file(FORM, &rows)).await.unwrap();
    let found = reconcile(&world.app, date()).await;
    let debit = found.entries.iter().find(|entry| entry.class == Class::IgnoredDebit).unwrap().lines[0];
    let posting = "TAN-1".parse().unwrap();
    let made = world.app.refund(&posting, "chi-hai", "khách trả hàng", debit).await.unwrap();
    let shown = world.app.posting(&made).await.unwrap();
    assert_eq!((shown["kind"].as_str(), shown["amount"].as_i64()), (Some("refund"), Some(20_000)));
    assert_eq!(shown["credit"].as_str(), Some("bank:0071000888888"));
    let twice = world.app.refund(&"TAN-2".parse().unwrap(), "chi-hai", "nhầm", debit).await.unwrap_err();
    assert_eq!(twice.code, "already_refunded");
    let money_in = world.app.refund(&posting, "chi-hai", "nhầm", found.entries[0].lines[0]).await;
    assert!(money_in.is_err());
    assert_eq!(world.app.reverse(&posting, "chi-hai", "x").await.unwrap_err().code, "rested_on");
    let report = world.app.daily_report(&"TAN".parse().unwrap(), "2026-11-25".parse().unwrap()).await.unwrap();
    assert_eq!(report.stalls[0].adjusted, Dong::new(-20_000));
    // Undone, the line can be recorded of another payment.
    world.app.reverse(&made, "chi-hai", "nhầm khoản").await.unwrap();
    world.app.refund(&"TAN-2".parse().unwrap(), "chi-hai", "đúng khoản", debit).await.unwrap();
    let found = reconcile(&world.app, date()).await;
    assert!(found.entries.iter().any(|entry| entry.why == Why::Refunded));
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

story!(a_webhook_between_comparing_and_booking_is_never_booked_twice, |world| {
    market(&world).await;
    let other = world.second().await;
    let rows: Vec<Row> = (0..40).map(|n| row("", "", 10_000 + 1_000 * (n % 3), "rau")).collect();
    hand_in(&world.app, file(FORM, &rows)).await.unwrap();
    let total: i64 = rows.iter().map(|row| row.2).sum();
    let late = |n: i64| {
        let mut late = paid(&format!("late{n}"), 10_000 + 1_000 * (n % 3), "08:00:00");
        late.reference = BankRef::normalise(&format!("OTHER{n}"));
        late
    };
    let send = async {
        for n in 0..40 {
            crate::world::send(&world.app, "one", Dialect::GenericHmac, &late(n)).await;
        }
    };
    let ((), first, second) = tokio::join!(send, book(&world.app, date()), book(&other, date()));
    for n in 0..40 {
        crate::world::send(&other, "two", Dialect::GenericHmac, &late(n)).await;
    }
    book(&world.app, date()).await;
    drop((first, second));
    let amount = world.int("SELECT CAST(SUM(amount) AS BIGINT) FROM postings").await;
    assert_eq!(amount, total);
    let found = reconcile(&world.app, date()).await;
    assert_eq!((found.sums().2, found.differences()), (Dong::ZERO, 0));
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

story!(a_file_that_lies_is_refused_by_the_line_that_lies, |world| {
    market(&world).await;
    let rows =
        [row("08:00:00", "FT1", 20_000, ""), row("08:01:00", "FT2", 30_000, ""), row("08:02:00", "FT3", 40_000, "")];
    hand_in(&world.app, file(FORM, &rows)).await.unwrap();
    let lacking = file(Form { balances: false, ..FORM }, &rows[..2]);
    let refused = hand_in(&world.app, lacking).await.unwrap_err();
    assert!(refused.code == "statement_contradicts" && refused.message.en.contains("FT3"), "{refused}");
    let mut changed = rows.to_vec();
    changed[1].2 = 31_000;
    let refused = hand_in(&world.app, file(Form { balances: false, ..FORM }, &changed)).await.unwrap_err();
    assert!(refused.code == "statement_contradicts" && refused.message.en.contains("FT2"), "{refused}");
    let twice = [&rows[..], &rows[2..]].concat();
    let refused = hand_in(&world.app, file(Form { balances: false, ..FORM }, &twice)).await.unwrap_err();
    assert!(refused.code == "statement_contradicts" && refused.message.en.contains("line 8"), "{refused}");
    let stranger = file(Form { account: "99990000", ..FORM }, &rows);
    assert_eq!(hand_in(&world.app, stranger).await.unwrap_err().code, "account_not_listed");
    assert_eq!(world.int("SELECT COUNT(*) FROM statements").await, 1);
    assert_eq!(world.int("SELECT COUNT(*) FROM statement_lines").await, 3);
});

story!(unreferenced_repeats_of_a_date_that_is_covered_in_part_wait_for_a_person, |world| {
    market(&world).await;
    let tan = "TAN".parse().unwrap();
    let part = Form { period: false, balances: false, ..FORM };
    hand_in(&world.app, file(part, &[row("08:00:00", "", 20_000, "a")])).await.unwrap();
    let kept =
        hand_in(&world.app, file(part, &[row("08:00:00", "", 20_000, "b"), row("09:00:00", "", 20_000, "c")])).await;
    let shown = world.app.statement(kept.unwrap().id).await.unwrap();
    assert_eq!(shown.counts(), (0, 0, 2));
    assert_eq!(reconcile(&world.app, date()).await.figure(Class::MissingHere).count, 1);
    let line = world.int("SELECT MAX(line) FROM statement_lines").await;
    let decide = |decision, why| world.app.decide_line(&tan, line, decision, "chi-hai", why);
    decide(LineDecision::Accept, "hai khách").await.unwrap();
    let again = decide(LineDecision::Repeat, "x").await.unwrap_err();
    assert_eq!(again.code, "not_doubtful");
    assert_eq!(reconcile(&world.app, date()).await.figure(Class::MissingHere).count, 2);
    let whole = Form { balances: false, ..FORM };
    hand_in(&world.app, file(whole, &[row("", "", 20_000, ""), row("", "", 20_000, ""), row("", "", 20_000, "")]))
        .await
        .unwrap();
    let found = reconcile(&world.app, date()).await;
    assert_eq!((found.figure(Class::MissingHere).count, found.days[0].bank.count), (3, 3));
    assert_eq!(world.int("SELECT COUNT(*) FROM statement_lines WHERE standing = 'doubtful'").await, 0);
});

story!(a_later_sale_of_the_same_amount_is_no_repeat_of_a_partly_covered_day, |world| {
    market(&world).await;
    world.set_clock("2026-11-24T12:00:00+07:00");
    hand_in(&world.app, file(FORM, &[row("", "FT1", 20_000, "")])).await.unwrap();
    book(&world.app, date()).await;
    world.set_clock("2026-11-24T15:00:00+07:00");
    let later = world.send("one", Dialect::GenericHmac, &paid("77", 20_000, "14:59:00")).await;
    assert_eq!(later.items[0].outcome, Outcome::Recorded, "{later:?}");
    let mut earlier = paid("78", 20_000, "09:00:00");
    earlier.event_time = EventTime::On(DAY.parse().unwrap());
    let held = world.send("two", Dialect::GenericHmac, &earlier).await;
    assert_eq!(held.items[0].reason.as_deref(), Some("possible_duplicate"), "{held:?}");
});

story!(a_line_that_waits_for_a_person_is_booked_when_one_says_so, |world| {
    market(&world).await;
    // Two lines under one reference: the bank's batch, or its mistake.
    hand_in(&world.app, file(FORM, &[row("08:00:00", "FT1", 20_000, "a"), row("08:01:00", "FT1", 20_000, "b")]))
        .await
        .unwrap();
    let booked = book(&world.app, date()).await;
    let answers: Vec<_> = booked.lines.iter().filter_map(|line| line.answer.as_ref()).collect();
    assert_eq!(answers.len(), 2);
    let held = answers.iter().find(|answer| answer.outcome == Outcome::Quarantined).expect("one waits");
    let item = held.item.parse().unwrap();
    let again = world.app.resolve(item, "chi-hai", "hai khách", ResolveAction::Book).await.unwrap();
    assert_eq!(again[0].outcome, Outcome::Recorded, "{again:?}");
    let found = reconcile(&world.app, date()).await;
    assert_eq!((found.sums().2, found.differences()), (Dong::ZERO, 0));
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});
