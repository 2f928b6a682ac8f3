//! The daily report and the home page, told of settlements that came the usual way.

use std::sync::Arc;

use socho::app::App;
use socho::app::error::ErrorKind;
use socho::domain::account::AccountKind;
use socho::domain::calendar::BusinessDate;
use socho::domain::daily_report::{DailyReport, DayStatus, Figure};
use socho::domain::ids::{PostingName, Seq, StallNumber};
use socho::domain::money::Dong;
use socho::domain::registration::Registration;
use socho::domain::settlement::{Dialect, EventTime};
use socho::ledger::work::CorrectionAction;

use crate::world::{World, registration, settlement, story};

const A2: &str = "0071000111111";
const A10: &str = "0071000222222";
const COLLECTING: &str = "0071000999999";

fn figure(count: i64, amount: i64) -> Figure {
    Figure { count, amount: Dong::new(amount) }
}

async fn report(app: &App, date: &str) -> DailyReport {
    app.daily_report(&"TAN".parse().unwrap(), date.parse().unwrap()).await.unwrap()
}

/// Corrects posting number `posting` of TAN.
async fn correct(world: &World, posting: i64, action: impl FnOnce(Seq) -> CorrectionAction) -> Seq {
    let name = PostingName { market: "TAN".parse().unwrap(), seq: Seq::new(posting) };
    world.app.correct(&name, "hoa", "sửa cho đúng", action).await.unwrap().seq
}

/// Chợ TAN with stalls A2, A10 and B1 and a collecting account whose money needs a code; Chợ CAI,
/// whose book day breaks at 04:00.
async fn two_markets(world: &World) -> StallNumber {
    world.market("TAN", "00:00").await;
    world.market("CAI", "04:00").await;
    world.stall("TAN", "A10", "Trần Văn Đạt", A10).await;
    world.stall("TAN", "A2", "Nguyễn Thị Hoa", A2).await;
    let b1 = world.stall("TAN", "B1", "Lê Thị Cá", "0071000333333").await.stall.unwrap().number;
    let account =
        Registration { stall: None, kind: AccountKind::Collecting, ..registration("X", "Ban quản lý", COLLECTING) };
    world.app.register(&"TAN".parse().unwrap(), account).await.unwrap();
    world.source("sepay1", Dialect::SepayHmac, &[], Some("TAN")).await;
    b1
}

async fn pay(world: &World, account: &str, id: &str, amount: i64, at: &str) {
    world.set_clock(at);
    let mut settlement = settlement(account, id, amount, at);
    settlement.memo = "TRAN VAN TEO mua ca tu 0071000123456".to_owned();
    world.send("sepay1", Dialect::SepayHmac, &settlement).await;
}

/// 17/11: 10.000 to A2. 24/11: postings 2 to 8: 100.000 and 50.000 to A2, 50.000 to A10 and taken
/// back, 200.000 and 100.000 to suspense, 5.000 handed back in cash by A2. 25/11: posting 9: 5.000
/// to A2; posting 10: the 100.000 assigned to B1.
async fn three_days(world: &World) {
    let b1 = two_markets(world).await;
    pay(world, A2, "1", 10_000, "2026-11-17T08:00:00+07:00").await;
    pay(world, A2, "2", 100_000, "2026-11-24T05:59:59+07:00").await;
    pay(world, A2, "3", 50_000, "2026-11-24T08:00:00+07:00").await;
    pay(world, A10, "4", 50_000, "2026-11-24T08:01:00+07:00").await;
    pay(world, COLLECTING, "5", 200_000, "2026-11-24T08:02:00+07:00").await;
    pay(world, COLLECTING, "6", 100_000, "2026-11-24T08:03:00+07:00").await;
    pay(world, COLLECTING, "6", 100_000, "2026-11-24T08:03:00+07:00").await;
    pay(world, "0071000777777", "7", 77_000, "2026-11-24T08:04:00+07:00").await;
    world.set_clock("2026-11-24T09:30:00+07:00");
    correct(world, 4, |posting| CorrectionAction::Reverse { posting }).await;
    correct(world, 3, |posting| CorrectionAction::CashChange { posting, amount: Dong::new(5_000) }).await;
    pay(world, A2, "8", 5_000, "2026-11-25T02:00:00+07:00").await;
    correct(world, 6, |posting| CorrectionAction::Assign { posting, stall: b1 }).await;
    world.set_clock("2026-11-25T02:30:00+07:00");
}

story!(a_report_tells_of_its_date_and_nothing_else, |world| {
    three_days(&world).await;
    let report = report(&world.app, "2026-11-24").await;
    assert_eq!((report.payments, report.amount), (5, Dong::new(450_000)));
    assert_eq!(report.market.name, "Chợ TAN");
    assert_eq!((report.status, report.seal), (DayStatus::Open, None));
    let stalls: Vec<_> = report
        .stalls
        .iter()
        .map(|s| (s.code.as_str(), s.vendor.as_deref(), s.payments, s.amount.whole(), s.net.whole()))
        .collect();
    let in_the_order_of_people =
        [("A2", Some("Nguyễn Thị Hoa"), 2, 150_000, 145_000), ("A10", Some("Trần Văn Đạt"), 1, 0, 0)];
    assert_eq!(stalls, in_the_order_of_people);
    assert_eq!((report.suspense, report.reversed), (figure(2, 300_000), figure(1, -50_000)));
    let hours: Vec<_> = report.hours.iter().map(|h| (h.hour, h.payments, h.amount.whole())).collect();
    assert_eq!(hours, [(Some(5), 1, 100_000), (Some(8), 4, 400_000), (Some(9), 0, -50_000)]);
    assert_eq!((report.opening.credits, report.closing.credits), (Dong::new(10_000), Dong::new(565_000)));
    assert_eq!((report.previous.figure, report.same_weekday.figure), (figure(0, 0), figure(1, 10_000)));
    assert_eq!(report.registered_stalls, 3);
    assert_eq!((report.ledger.first_seq, report.ledger.last_seq), (Some(Seq::new(2)), Some(Seq::new(8))));
    assert_eq!(report.ledger.hash.len(), 64);
});

story!(only_what_still_lies_in_suspense_is_listed_as_unmatched, |world| {
    three_days(&world).await;
    let listed = |report: &DailyReport| -> Vec<(i64, i64, Option<String>)> {
        report.unmatched.iter().map(|u| (u.seq.get(), u.amount.whole(), u.memo_masked.clone())).collect()
    };
    let masked = || Some("TRAN V*** mua ca tu …3456".to_owned());
    let now = report(&world.app, "2026-11-24").await;
    assert_eq!(listed(&now), [(5, 200_000, masked())], "the other was assigned a day later");
    assert_eq!(now.unmatched_total, figure(1, 200_000));
    correct(&world, 10, |posting| CorrectionAction::Reverse { posting }).await;
    let reopened = report(&world.app, "2026-11-24").await;
    assert_eq!(listed(&reopened), [(5, 200_000, masked()), (6, 100_000, masked())]);
});

story!(money_assigned_later_moves_from_suspense_to_the_stall_on_that_day, |world| {
    three_days(&world).await;
    let report = report(&world.app, "2026-11-25").await;
    assert_eq!((report.payments, report.amount, report.suspense), (1, Dong::new(5_000), figure(-1, -100_000)));
    let stalls: Vec<_> = report.stalls.iter().map(|s| (s.code.as_str(), s.payments, s.amount.whole())).collect();
    assert_eq!(stalls, [("A2", 1, 5_000), ("B1", 1, 100_000)]);
    let first = report.stalls[1].first_at.map(|at| at.to_string());
    assert_eq!(first.as_deref(), Some("2026-11-24T01:03:00Z"), "when the money came, not when it was assigned");
    assert_eq!(report.previous.difference, figure(-4, -445_000));
});

story!(each_source_is_named_with_what_became_of_its_items, |world| {
    three_days(&world).await;
    let report = report(&world.app, "2026-11-24").await;
    let sources: Vec<_> = report
        .sources
        .iter()
        .map(|s| (s.source.as_str(), s.settlements, s.amount.whole(), s.duplicates, s.quarantined))
        .collect();
    assert_eq!(sources, [("sepay1", 5, 500_000, 1, 1)]);
    assert_eq!(report.quarantined, figure(1, 77_000));
});

story!(money_of_another_bank_day_is_shown_as_moved, |world| {
    two_markets(&world).await;
    world.stall("CAI", "C1", "Chị C1", "0071000444444").await;
    world.source("pay2s", Dialect::CassoV2, &[], Some("CAI")).await;
    let night = "2026-11-24T01:00:00+07:00";
    world.set_clock(night);
    world.send("pay2s", Dialect::CassoV2, &settlement("0071000444444", "1", 9_000, night)).await;
    let mut day_only = settlement("0071000444444", "2", 8_000, night);
    day_only.event_time = EventTime::On("2026-11-23".parse().unwrap());
    world.send("pay2s", Dialect::CassoV2, &day_only).await;
    let of = async |date: &str| world.app.daily_report(&"CAI".parse().unwrap(), date.parse().unwrap()).await.unwrap();
    let (booked, at_the_bank) = (of("2026-11-23").await, of("2026-11-24").await);
    assert_eq!(booked.market.cutoff.to_string(), "04:00");
    assert_eq!((booked.moved_in, booked.moved_out), (figure(1, 9_000), figure(0, 0)));
    assert_eq!((at_the_bank.payments, at_the_bank.moved_out), (0, figure(1, 9_000)));
    let hours: Vec<_> = booked.hours.iter().map(|h| (h.hour, h.amount.whole())).collect();
    assert_eq!(hours, [(Some(1), 9_000), (None, 8_000)], "a date without a time has no hour");
});

story!(an_unknown_market_is_said_to_be_unknown, |world| {
    two_markets(&world).await;
    let date: BusinessDate = "2026-11-24".parse().unwrap();
    let error = world.app.daily_report(&"XYZ".parse().unwrap(), date).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::NotFound, "not_found"));
});

story!(a_changed_total_stops_the_report_and_names_both_figures, |world| {
    three_days(&world).await;
    let faults = [
        ("daily_totals SET amount = amount + 7", "business_date = '2026-11-24' AND stall_number = 0", "amount - 7"),
        ("hourly_totals SET amount = amount + 7", "business_date = '2026-11-24' AND hour = 8", "amount - 7"),
        ("hourly_totals SET count = count + 7", "business_date = '2026-11-24' AND hour = 8", "count - 7"),
        ("date_totals SET debits = debits + 7", "business_date = '2026-11-17'", "debits - 7"),
        ("date_totals SET credits = credits + 7", "business_date = '2026-11-24' AND kind = 'settle'", "credits - 7"),
        ("balances SET debits = debits + 7", "account = 'suspense'", "debits - 7"),
    ];
    let ask = async || world.app.daily_report(&"TAN".parse().unwrap(), "2026-11-24".parse().unwrap()).await;
    for (fault, place, undone) in faults {
        world.execute(&format!("UPDATE {fault} WHERE {place}")).await.unwrap();
        let error = ask().await.expect_err(fault);
        assert_eq!((error.kind, error.code), (ErrorKind::Integrity, "report_imbalance"), "{fault}");
        let said = error.message.en;
        assert!(said.contains("difference 7") || said.contains("difference -7"), "{fault}: {said}");
        let (set, _) = fault.split_once("= ").unwrap();
        world.execute(&format!("UPDATE {set}= {undone} WHERE {place}")).await.unwrap();
        ask().await.expect(undone);
    }
    world
        .execute("UPDATE daily_totals SET amount = amount + 7 WHERE stall_number = 0 AND kind = 'settle'")
        .await
        .unwrap();
    let message = ask().await.unwrap_err().message;
    insta::assert_snapshot!("an_imbalance_in_words", format!("{}\n{}", message.vi, message.en));
});

#[tokio::test]
async fn a_posting_changed_behind_the_triggers_stops_the_report_of_its_date() {
    let world = World::sqlite().await;
    three_days(&world).await;
    world.execute("DROP TRIGGER postings_no_update").await.unwrap();
    world.execute("UPDATE postings SET business_date = '2026-11-23' WHERE seq = 3").await.unwrap();
    for date in ["2026-11-23", "2026-11-24"] {
        let error = world.app.daily_report(&"TAN".parse().unwrap(), date.parse().unwrap()).await.expect_err(date);
        assert_eq!(error.kind, ErrorKind::Integrity, "{date}");
    }
}

story!(the_home_page_shows_each_markets_own_today, |world| {
    three_days(&world).await;
    let markets = world.app.overview(None).await.unwrap();
    let shown: Vec<_> = markets
        .iter()
        .map(|m| (m.code.as_str(), m.business_date.to_string(), m.payments, m.amount.whole(), m.active_stalls))
        .collect();
    let at_half_past_two = [("CAI", "2026-11-24".to_owned(), 0, 0, 0), ("TAN", "2026-11-25".to_owned(), 1, 5_000, 2)];
    assert_eq!(shown, at_half_past_two, "the market that breaks its day at 04:00 is still on the day before");
    let markets = world.app.overview(Some("2026-11-24".parse().unwrap())).await.unwrap();
    assert_eq!((markets[1].payments, markets[1].amount.whole(), markets[1].active_stalls), (5, 450_000, 2));
    assert_eq!((markets[1].registered_stalls, markets[1].status), (3, DayStatus::Open));
    let hours: Vec<_> = markets[1].hours.iter().map(|h| (h.hour, h.payments)).collect();
    assert_eq!(hours, [(Some(5), 1), (Some(8), 4), (Some(9), 0)]);
});

story!(a_report_is_the_same_from_another_process, |world| {
    three_days(&world).await;
    let second: Arc<App> = world.second().await;
    assert_eq!(report(&world.app, "2026-11-24").await, report(&second, "2026-11-24").await);
});
