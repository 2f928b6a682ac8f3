//! A vendor's own book: what she sees, what she says about it, what she takes away.

use std::io::{Cursor, Read as _};

use socho::app::error::ErrorKind;
use socho::app::stall_book::{to_pdf, to_xlsx};
use socho::domain::money::Dong;
use socho::domain::settlement::Dialect;
use socho::domain::stall_book::DisputeReason;

use crate::visitors::{Site, phone};
use crate::world::{World, settlement, story};

pub(crate) const MINE: &str = "0071000888888";
pub(crate) const NEIGHBOUR: &str = "0071000888889";
pub(crate) const AT: &str = "2026-11-24T08:10:00+07:00";
const TODAY: &str = "2026-11-24";

/// Chợ TAN with two stalls and a source.
pub(crate) async fn market(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", MINE).await;
    world.stall("TAN", "B13", "Trần Văn Tư", NEIGHBOUR).await;
    world.source("g1", Dialect::GenericHmac, &[], Some("TAN")).await;
}

/// Reports a payment to a stall.
pub(crate) async fn pay(world: &World, account: &str, id: &str, amount: i64) {
    world.send("g1", Dialect::GenericHmac, &settlement(account, id, amount, AT)).await;
}

fn date(text: &str) -> socho::domain::calendar::BusinessDate {
    text.parse().unwrap()
}

story!(her_book_is_what_the_journal_says, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 50_000).await;
    pay(&world, NEIGHBOUR, "2", 9_000).await;
    pay(&world, MINE, "3", 100_000).await;
    pay(&world, MINE, "4", 70_000).await;
    let reverse = world.app.reverse(&"TAN-4".parse().unwrap(), "Trưởng ban", "chuyển nhầm").await.unwrap();
    world.app.cash_change(&"TAN-3".parse().unwrap(), "Trưởng ban", "khách chuyển dư", Dong::new(30_000)).await.unwrap();
    let market = "TAN".parse().unwrap();
    let book = world.app.stall_book(&market, "b12", (date(TODAY), date(TODAY))).await.unwrap();
    let sums = book.sums().unwrap();
    assert_eq!((sums.payments, sums.amount, sums.adjusted), (2, Dong::new(150_000), Dong::new(-30_000)));
    let listed: Vec<(String, i64)> =
        book.entries.iter().map(|entry| (entry.posting.to_string(), entry.amount.whole())).collect();
    let expected = [("TAN-6", -30_000), ("TAN-5", -70_000), ("TAN-4", 70_000), ("TAN-3", 100_000), ("TAN-1", 50_000)];
    assert_eq!(listed, expected.map(|(name, amount)| (name.to_owned(), amount)));
    assert_eq!(reverse.to_string(), "TAN-5");
    let home = world.app.phone_home(&market, "B12").await.unwrap();
    assert_eq!((home.payments, home.amount, home.cursor), (2, Dong::new(150_000), 6));
    assert_eq!(home.last.unwrap().posting.to_string(), "TAN-4");
});

story!(a_dispute_reaches_the_office_and_changes_nothing, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 50_000).await;
    pay(&world, NEIGHBOUR, "2", 9_000).await;
    let (market, hers) = ("TAN".parse().unwrap(), "TAN-1".parse().unwrap());
    let before = world.int("SELECT COUNT(*) FROM postings").await;
    let told = (DisputeReason::NotSales, "con gửi tiền chợ");
    world.app.dispute((&market, "B12"), &hers, told, "máy của Hoa").await.unwrap();
    let again = world.app.dispute((&market, "B12"), &hers, told, "máy của Hoa").await.unwrap_err();
    assert_eq!((again.kind, again.code), (ErrorKind::Conflict, "already_disputed"));
    for foreign in ["TAN-2", "TAN-9", "ATH-1"] {
        let foreign = foreign.parse().unwrap();
        let refused = world.app.dispute((&market, "B12"), &foreign, told, "máy của Hoa").await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::NotFound, "{foreign}");
    }
    let (open, next) = world.app.open_disputes(&market, None, None).await.unwrap();
    assert_eq!((open.len(), next), (1, None));
    let first = &open[0];
    assert_eq!(
        (first.posting.to_string(), first.stall.as_str(), first.amount.whole()),
        ("TAN-1".to_owned(), "B12", 50_000)
    );
    assert_eq!(first.dispute.note, "con gửi tiền chợ");
    world.app.answer_dispute(&hers, "đã loại trừ", "Trưởng ban").await.unwrap();
    assert!(world.app.open_disputes(&market, None, None).await.unwrap().0.is_empty());
    let again = world.app.answer_dispute(&hers, "lần nữa", "Trưởng ban").await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::NotFound);
    let book = world.app.stall_book(&market, "B12", (date(TODAY), date(TODAY))).await.unwrap();
    assert_eq!(book.disputes[0].answer.as_deref(), Some("đã loại trừ"));
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, before);
});

story!(cash_she_writes_down_is_kept_apart_and_never_vanishes, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 50_000).await;
    let market = "TAN".parse().unwrap();
    let (here, today) = ((&market, "B12"), date(TODAY));
    world.app.write_cash(here, (today, Dong::new(20_000)), "bán lẻ", "máy của Hoa").await.unwrap();
    world.app.write_cash(here, (today, Dong::new(5_000)), "", "máy của Hoa").await.unwrap();
    let tomorrow = world.app.write_cash(here, (today.next(), Dong::new(1)), "", "x").await.unwrap_err();
    assert_eq!(tomorrow.fields[0].code, "date_out_of_range");
    let book = world.app.stall_book(&market, "B12", (today, today)).await.unwrap();
    // Lines of one instant stand in no order.
    let line = book.cash.iter().find(|line| line.amount == Dong::new(20_000)).unwrap().id.to_string();
    let neighbour = world.app.withdraw_cash((&market, "B13"), &line, "x").await.unwrap_err();
    assert_eq!(neighbour.kind, ErrorKind::NotFound);
    world.app.withdraw_cash(here, &line, "máy của Hoa").await.unwrap();
    let book = world.app.stall_book(&market, "B12", (today, today)).await.unwrap();
    let sums = book.sums().unwrap();
    assert_eq!((sums.amount, sums.cash), (Dong::new(50_000), Dong::new(5_000)));
    assert_eq!(book.cash.len(), 2, "what was taken back stays to be seen");
    let report = world.app.daily_report(&market, today).await.unwrap();
    assert_eq!(report.amount, Dong::new(50_000), "the market's figures know no cash");
});

story!(a_new_tenant_sees_nothing_of_the_one_before, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 50_000).await;
    world.set_clock("2026-11-25T08:20:00+07:00");
    let sql = "UPDATE tenancies SET valid_from = '2026-11-25' WHERE stall_number = 1";
    world.execute(sql).await.unwrap();
    let market = "TAN".parse().unwrap();
    let book = world.app.stall_book(&market, "B12", (date("2026-11-01"), date("2026-11-30"))).await.unwrap();
    assert!(book.days.is_empty() && book.entries.is_empty());
    let refused = world.app.stall_entry((&market, "B12"), &"TAN-1".parse().unwrap()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NotFound);
});

fn texts(workbook: &[u8]) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
    let mut all = String::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        if file.name().is_ok_and(|name| name.ends_with(".xml")) {
            file.read_to_string(&mut all).unwrap();
        }
    }
    all
}

story!(the_revenue_book_says_what_it_holds_and_adds_up, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 50_000).await;
    pay(&world, MINE, "2", 107_000).await;
    world
        .app
        .cash_change(&"TAN-2".parse().unwrap(), "Trưởng ban", "khách lấy tiền mặt", Dong::new(100_000))
        .await
        .unwrap();
    let market = "TAN".parse().unwrap();
    world.app.write_cash((&market, "B12"), (date(TODAY), Dong::new(20_000)), "=1+1", "x").await.unwrap();
    let book = world.app.revenue_book(&market, "B12", (date("2026-11-01"), date("2026-11-30"))).await.unwrap();
    let workbook = to_xlsx(&book).unwrap();
    assert_eq!(workbook, to_xlsx(&book).unwrap(), "the same book gives the same bytes");
    let said = texts(&workbook);
    for words in [
        "Mẫu số S1a-HKD",
        "chỉ gồm khoản thu qua QR/chuyển khoản",
        "Doanh thu QR, chuyển khoản ngày 24/11/2026 (2 lượt) – tạm tính, chưa khóa sổ",
        "Trừ: thối tiền mặt của TAN-2 (TAN-3): khách lấy tiền mặt",
        "Tiền mặt tự ghi: =1+1",
        "<v>57000</v>",
        "<v>20000</v>",
        "<v>77000</v>",
    ] {
        assert!(said.contains(words), "{words}");
    }
    assert!(!said.contains("<f>"), "what people type is never a formula");
    let paper = to_pdf(&book).unwrap();
    assert!(paper.starts_with(b"%PDF-") && paper == to_pdf(&book).unwrap());
});

story!(a_revenue_book_whose_days_differ_from_its_entries_is_refused, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 50_000).await;
    world.execute("UPDATE daily_totals SET amount = amount + 1 WHERE stall_number = 1").await.unwrap();
    let market = "TAN".parse().unwrap();
    let book = world.app.revenue_book(&market, "B12", (date(TODAY), date(TODAY))).await.unwrap();
    let refused = to_xlsx(&book).unwrap_err();
    assert!(refused.kind == ErrorKind::Integrity && refused.message.vi.contains("50001"), "{refused}");
});

story!(who_paid_is_told_to_the_vendor_concerned_alone, |world| {
    market(&world).await;
    let mut sale = settlement(MINE, "1", 50_000, AT);
    sale.payer = "TRAN THI BUOI".to_owned();
    world.send("g1", Dialect::GenericHmac, &sale).await;
    let site = Site::of(&world);
    let mut hers = phone(&world, &site, "TAN", "B12", "Máy của Hoa").await;
    let mut neighbour = phone(&world, &site, "TAN", "B13", "Máy của Tư").await;
    assert!(hers.page("/stall/book").await.body.contains("từ TRAN THI BUOI"));
    assert!(!neighbour.page("/stall/book").await.body.contains("BUOI"));
    crate::visitors::user(&world, "lan", socho::app::access::Role::Manager, Some("TAN")).await;
    let mut lan = site.visitor();
    lan.log_in("lan", crate::visitors::PASSWORD).await;
    for page in ["/markets/TAN/todo", "/markets/TAN/days/2026-11-24", "/v1/markets/TAN/postings", "/v1/postings/TAN-1"]
    {
        let seen = lan.page(page).await;
        assert!(seen.status == 200 && !seen.body.contains("BUOI"), "{page}: {}", seen.body);
    }
});

story!(the_offices_number_stands_where_something_is_not_right, |world| {
    market(&world).await;
    pay(&world, MINE, "1", 50_000).await;
    let site = Site::of(&world);
    let mut hers = phone(&world, &site, "TAN", "B12", "Máy của Hoa").await;
    assert!(!hers.page("/stall/settings").await.body.contains("tel:"), "no number, no button");
    crate::visitors::user(&world, "an", socho::app::access::Role::Admin, None).await;
    let mut an = site.visitor();
    an.log_in("an", crate::visitors::PASSWORD).await;
    for wrong in ["chị Ba", "12", "0292 3820000 0292 3820000", "+84+292"] {
        let refused = an.json("PATCH", "/v1/markets/TAN", &format!("{{\"office_phone\": \"{wrong}\"}}")).await;
        assert_eq!((refused.status, refused.json()["errors"][0]["code"].as_str()), (422, Some("office_phone_invalid")));
    }
    let kept = an.json("PATCH", "/v1/markets/TAN", r#"{"office_phone": "0292 3820 000"}"#).await;
    assert_eq!(kept.json()["office_phone"], "0292 3820 000", "{}", kept.body);
    for page in ["/stall/settings", "/stall/dispute?posting=TAN-1"] {
        let seen = hers.page(page).await;
        assert!(seen.body.contains("href=\"tel:02923820000\"") && seen.body.contains("0292 3820 000"), "{}", seen.body);
    }
    let gone = an.json("PATCH", "/v1/markets/TAN", r#"{"office_phone": ""}"#).await;
    assert!(gone.json()["office_phone"].is_null(), "{}", gone.body);
});
