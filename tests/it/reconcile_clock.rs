//! A server whose clock is behind takes the day's payments for the future and books them at the time it knows.
//! Bank and book are compared by what the senders told, and money is neither missing nor booked again.

use socho::app::reconcile::{Reconciliation, Scope};
use socho::app::reconcile_view::verdict;
use socho::domain::inbox::Outcome;
use socho::domain::money::Dong;
use socho::domain::reconciliation::{Class, SignState, Why};
use socho::domain::settlement::{BankRef, Dialect, EventTime, Settlement};

use crate::reconcile::{ACCOUNT, FORM, Form, file, hand_in, market, reconcile, row, two_stalls};
use crate::world::{World, settlement, story};

const DAY: &str = "2026-11-24";

/// Three payments of the day: one under the bank's reference, one under another, one whose sender told the
/// date alone.
async fn told_meanwhile(world: &World) {
    let paid = |id: &str, amount, time: &str| settlement(ACCOUNT, id, amount, &format!("{DAY}T{time}+07:00"));
    let renamed = Settlement { reference: BankRef::normalise("OTHER-2"), ..paid("2", 35_000, "09:30:07") };
    let dated = Settlement {
        reference: None,
        event_time: EventTime::On(DAY.parse().unwrap()),
        ..paid("3", 15_000, "10:00:00")
    };
    for told in [paid("1", 20_000, "08:00:00"), renamed, dated] {
        let reply = world.send("one", Dialect::GenericHmac, &told).await;
        assert_eq!(reply.items[0].outcome, Outcome::Recorded, "{reply:?}");
    }
}

/// 20,000 đ of the day whose text names a stall.
fn naming(code: &str, id: &str, time: &str, reference: &str) -> Settlement {
    let told = settlement(ACCOUNT, id, 20_000, &format!("{DAY}T{time}+07:00"));
    Settlement { memo: code.to_owned(), reference: BankRef::normalise(reference), ..told }
}

async fn statement(world: &World, date: &'static str) {
    let rows =
        [row("08:00:00", "FT1", 20_000, ""), row("09:30:04", "FT2", 35_000, "rau"), row("10:00:00", "FT3", 15_000, "")];
    let rows = if date == DAY { &rows[..] } else { &[] };
    let text = String::from_utf8(file(Form { date, ..FORM }, rows)).unwrap();
    // A day without a line says so by its balances.
    let text = if rows.is_empty() {
        format!("{text}Số dư đầu kỳ: 1000000\nSố dư cuối kỳ: 1000000\n")
    } else {
        text
    };
    hand_in(&world.app, text.into_bytes()).await.unwrap();
}

fn whys(found: &Reconciliation) -> Vec<(Class, Why)> {
    let differing = found.entries.iter().filter(|entry| entry.class.is_difference() || entry.class == Class::Matched);
    let mut whys: Vec<(Class, Why)> = differing.map(|entry| (entry.class, entry.why)).collect();
    whys.sort_unstable();
    whys
}

async fn books_nothing(world: &World, scope: Scope) {
    let booked = world.app.book_missing(&"TAN".parse().unwrap(), scope, "chi-hai", false).await.unwrap();
    assert_eq!((booked.booked.count, world.int("SELECT COUNT(*) FROM postings").await), (0, 3));
}

fn on(date: &str) -> Scope {
    Scope::Date(date.parse().unwrap())
}

story!(payments_that_a_clock_behind_by_hours_took_for_the_future_are_the_statement_s_lines, |world| {
    market(&world).await;
    world.set_clock("2026-11-24T06:00:00+07:00");
    let early = settlement(ACCOUNT, "0", 20_000, &format!("{DAY}T05:00:00+07:00"));
    world.send("one", Dialect::GenericHmac, &early).await;
    let paid = |id: &str, time: &str| {
        let told = settlement(ACCOUNT, id, 20_000, &format!("{DAY}T{time}+07:00"));
        Settlement { reference: BankRef::normalise(&format!("OTHER-{id}")), ..told }
    };
    for (id, time) in [("1", "11:00:00"), ("2", "11:30:00")] {
        world.send("one", Dialect::GenericHmac, &paid(id, time)).await;
    }
    world.set_clock("2026-11-25T08:00:00+07:00");
    let rows = ["05:00:00", "11:00:02", "11:15:00", "11:30:01"].map(|time| row(time, "", 20_000, ""));
    hand_in(&world.app, file(FORM, &rows)).await.unwrap();
    let found = reconcile(&world.app, on(DAY)).await;
    let missing: Vec<i64> =
        found.entries.iter().filter(|entry| entry.class == Class::MissingHere).map(|entry| entry.lines[0]).collect();
    // The third line is the one that nobody told of, though the date alone would fit every one of them.
    assert_eq!((missing, found.figure(Class::MissingThere).count), (vec![3], 0), "{:?}", found.entries);
    let matched = found.entries.iter().filter(|entry| entry.why == Why::AmountClaimed);
    assert_eq!(matched.count(), 2);
    assert_eq!(found.sums().2, Dong::new(20_000));
});

story!(payments_that_a_clock_behind_booked_the_day_before_are_matched_and_the_dates_are_named, |world| {
    market(&world).await;
    world.set_clock("2026-11-23T22:30:00+07:00");
    told_meanwhile(&world).await;
    assert_eq!(world.int("SELECT COUNT(*) FROM inbox WHERE event_date = '2026-11-23'").await, 3);
    world.set_clock("2026-11-25T08:00:00+07:00");
    // The day before is whole and has none of it: nothing is missing there yet, it was told of another date.
    statement(&world, "2026-11-23").await;
    let before = reconcile(&world.app, on("2026-11-23")).await;
    assert_eq!(whys(&before), [(Class::MissingThere, Why::ClaimedElsewhere); 3]);
    statement(&world, DAY).await;
    let (found, before) = (reconcile(&world.app, on(DAY)).await, reconcile(&world.app, on("2026-11-23")).await);
    let matched = [Why::ReferenceClaimed, Why::AmountClaimed, Why::AmountClaimed].map(|why| (Class::Matched, why));
    assert_eq!((whys(&found), whys(&before)), (matched.to_vec(), vec![]));
    for (found, amount) in [(&found, 70_000), (&before, -70_000)] {
        let day = found.whole();
        assert_eq!((day.difference, day.other_date, day.beyond()), (Dong::new(amount), Dong::new(amount), Dong::ZERO));
        let told = format!("on another date at the bank than in the book ({}).", Dong::new(amount).with_unit());
        assert!(verdict(&day).1.ends_with(&told), "{:?}", verdict(&day));
    }
    books_nothing(&world, on(DAY)).await;
    // Another source tells of the same when the clock is right.
    let again = settlement(ACCOUNT, "X9", 35_000, &format!("{DAY}T09:30:05+07:00"));
    let again = Settlement { reference: BankRef::normalise("THIRD-2"), ..again };
    let reply = world.send("two", Dialect::GenericHmac, &again).await;
    assert_ne!(reply.items[0].outcome, Outcome::Recorded, "{reply:?}");
    let tan = "TAN".parse().unwrap();
    let signed = world.app.sign_reconciliation(&tan, DAY.parse().unwrap(), "chi-hai", "đồng hồ chậm", None).await;
    assert_eq!(signed.unwrap().state, SignState::Signed);
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

story!(a_clock_behind_by_days_is_told_by_what_senders_claimed_too, |world| {
    market(&world).await;
    world.set_clock("2026-11-20T23:50:00+07:00");
    told_meanwhile(&world).await;
    world.set_clock("2026-11-25T08:00:00+07:00");
    statement(&world, DAY).await;
    statement(&world, "2026-11-20").await;
    let (found, before) = (reconcile(&world.app, on(DAY)).await, reconcile(&world.app, on("2026-11-20")).await);
    let matched = [Why::ReferenceClaimed, Why::AmountClaimed, Why::AmountClaimed].map(|why| (Class::Matched, why));
    assert_eq!((whys(&found), whys(&before)), (matched.to_vec(), vec![]));
    assert_eq!((found.whole().other_date, before.whole().other_date), (Dong::new(70_000), Dong::new(-70_000)));
    books_nothing(&world, on(DAY)).await;
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

story!(another_source_s_report_of_money_that_a_clock_days_behind_booked_is_the_same_money, |world| {
    market(&world).await;
    world.set_clock("2026-11-20T23:50:00+07:00");
    told_meanwhile(&world).await;
    world.set_clock("2026-11-25T08:00:00+07:00");
    let other = |id: &str, amount, time: &str| {
        let told = settlement(ACCOUNT, id, amount, &format!("{DAY}T{time}+07:00"));
        Settlement { reference: BankRef::normalise(&format!("THIRD-{id}")), ..told }
    };
    let dated = Settlement { event_time: EventTime::On(DAY.parse().unwrap()), ..other("X3", 15_000, "10:00:00") };
    for told in [other("X1", 20_000, "08:00:03"), other("X2", 35_000, "09:30:05"), dated] {
        let reply = world.send("two", Dialect::GenericHmac, &told).await;
        assert_eq!(reply.items[0].reason.as_deref(), Some("possible_duplicate"), "{reply:?}");
    }
    // What was told of other minutes, and a second sale of the same minute, is other money.
    for told in [other("X4", 20_000, "08:30:00"), other("X5", 35_000, "09:30:06")] {
        let reply = world.send("two", Dialect::GenericHmac, &told).await;
        assert_eq!(reply.items[0].outcome, Outcome::Recorded, "{reply:?}");
    }
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 5);
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

story!(a_report_that_a_clock_set_back_by_days_does_not_believe_is_money_that_is_booked, |world| {
    market(&world).await;
    let told = settlement(ACCOUNT, "1", 20_000, &format!("{DAY}T08:00:00+07:00"));
    assert_eq!(world.send("one", Dialect::GenericHmac, &told).await.items[0].outcome, Outcome::Recorded);
    world.set_clock("2026-11-20T23:50:00+07:00");
    let told = settlement(ACCOUNT, "X1", 20_000, &format!("{DAY}T08:00:04+07:00"));
    let told = Settlement { reference: BankRef::normalise("THIRD-1"), ..told };
    let reply = world.send("two", Dialect::GenericHmac, &told).await;
    assert_eq!(reply.items[0].reason.as_deref(), Some("possible_duplicate"), "{reply:?}");
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 1);
});

story!(a_report_of_a_whole_day_that_names_another_stall_than_the_line_waits_for_a_person, |world| {
    let codes = two_stalls(&world).await;
    hand_in(&world.app, file(FORM, &[row("", "", 20_000, &codes[0])])).await.unwrap();
    world.app.book_missing(&"TAN".parse().unwrap(), on(DAY), "chi-hai", false).await.unwrap();
    let told = naming(&codes[1], "9", "09:00:00", "FT9");
    let reply = world.send("one", Dialect::GenericHmac, &told).await;
    assert_eq!(reply.items[0].reason.as_deref(), Some("possible_duplicate"), "{reply:?}");
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 1);
});

story!(two_payments_equally_near_to_a_report_are_told_apart_by_the_stalls_they_name, |world| {
    let codes = two_stalls(&world).await;
    let paid = |id: &str, code: usize, second: &str| {
        naming(&codes[code], id, &format!("08:00:{second}"), &format!("REF-OF-{id}"))
    };
    for (source, id, code, second) in [("one", "1", 0, "00"), ("one", "2", 1, "02")] {
        world.send(source, Dialect::GenericHmac, &paid(id, code, second)).await;
    }
    // The other provider's clock is a second off, this way or that.
    for (id, code, second, posting) in [("A", 1, "01", "TAN-2"), ("B", 0, "01", "TAN-1")] {
        let reply = world.send("two", Dialect::GenericHmac, &paid(id, code, second)).await;
        assert_eq!(reply.items[0].outcome, Outcome::Duplicate, "{reply:?}");
        assert_eq!(reply.items[0].posting.as_deref(), Some(posting));
    }
});

story!(a_part_that_many_references_share_is_no_evidence_of_which_payment_a_line_is, |world| {
    let codes = two_stalls(&world).await;
    for (id, time) in [("2", "09:00:00"), ("3", "09:30:00")] {
        let told = naming(&codes[1], id, time, &format!("970436.24112026.{id}"));
        world.send("one", Dialect::GenericHmac, &told).await;
    }
    let rows = [
        row("08:00:00", "970436-1", 20_000, &codes[0]),
        row("09:00:00", "970436-2", 20_000, &codes[1]),
        row("09:30:00", "970436-3", 20_000, &codes[1]),
    ];
    hand_in(&world.app, file(FORM, &rows)).await.unwrap();
    let found = reconcile(&world.app, on(DAY)).await;
    let missing: Vec<i64> =
        found.entries.iter().filter(|entry| entry.class == Class::MissingHere).map(|entry| entry.lines[0]).collect();
    assert_eq!(missing, [1], "{:?}", found.entries);
});
