//! The board's pages as people use them: at a browser, with their own logins.

use serde_json::Value;
use socho::app::access::Role;
use socho::app::close_day::CloseDay;
use socho::app::print_sheet::{Layout, PrintOrder};
use socho::domain::account::AccountKind;
use socho::domain::registration::Registration;
use socho::domain::settlement::Dialect;

use crate::visitors::{PASSWORD, Seen, Site, Visitor, user};
use crate::world::{World, registration, settlement, story};

pub(crate) async fn person(world: &World, site: &Site, name: &str, role: Role, market: Option<&str>) -> Visitor {
    user(world, name, role, market).await;
    let mut visitor = site.visitor();
    assert_eq!(visitor.log_in(name, PASSWORD).await.status, 303);
    visitor
}

/// Chợ TAN with a collecting account whose money needs a code, and three million of which nobody knows
/// whose they are.
async fn unmatched(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", "0071000111111").await;
    world.stall("TAN", "B13", "Trần Văn Ba", "0071000222222").await;
    let collecting = Registration {
        stall: None,
        kind: AccountKind::Collecting,
        ..registration("X", "Ban quản lý", "0071000999999")
    };
    world.app.register(&"TAN".parse().unwrap(), collecting).await.unwrap();
    world.source("one", Dialect::GenericHmac, &[], Some("TAN")).await;
    for (id, amount, memo) in [("1", 3_000_000, "tra tien sap B12 chi hoa"), ("2", 40_000, "cam on")] {
        let mut sale = settlement("0071000999999", id, amount, "2026-11-24T08:00:00+07:00");
        sale.memo = memo.to_owned();
        world.send("one", Dialect::GenericHmac, &sale).await;
    }
}

async fn assign(visitor: &mut Visitor, page: &Seen, posting: &str, stall: &str) -> Seen {
    let csrf = page.csrf();
    let fields = [
        ("csrf", csrf.as_str()),
        ("action", "assign"),
        ("posting", posting),
        ("stall", stall),
        ("reason", "nội dung có B12"),
    ];
    visitor.form("/markets/TAN/todo", &fields).await
}

story!(a_large_sum_is_given_to_a_stall_by_two_people, |world| {
    unmatched(&world).await;
    let site = Site::of(&world);
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let mut hai = person(&world, &site, "hai", Role::Manager, Some("TAN")).await;
    let page = lan.page("/markets/TAN/todo").await;
    for told in ["3.000.000", "Sạp <strong>B12</strong>", "nội dung có “B12”", "Không có gợi ý", "cần hai người"]
    {
        assert!(page.body.contains(told), "{told}\n{}", page.body);
    }
    let first = assign(&mut lan, &page, "TAN-1", "B12").await;
    assert_eq!((first.status, first.location.as_str()), (303, "/markets/TAN/todo?done=proposed"));
    assert_eq!(world.int("SELECT COUNT(*) FROM postings WHERE kind = 'assign'").await, 0);
    assert_eq!(assign(&mut lan, &page, "TAN-1", "B12").await.status, 409, "one person is not two");
    let page = hai.page("/markets/TAN/todo").await;
    assert!(page.body.contains("<strong>lan</strong> đề nghị") && page.body.contains("Tôi xác nhận"), "{}", page.body);
    assert_eq!(assign(&mut hai, &page, "TAN-1", "B13").await.status, 409, "the second names another stall");
    let second = assign(&mut hai, &page, "TAN-1", "B12").await;
    assert_eq!(second.location, "/markets/TAN/todo?done=posted");
    assert_eq!(world.int("SELECT COUNT(*) FROM postings WHERE kind = 'assign' AND actor = 'hai'").await, 1);
    assert_eq!(world.int("SELECT COUNT(*) FROM assignment_proposals").await, 0);
    let page = lan.page("/markets/TAN/todo").await;
    let small = assign(&mut lan, &page, "TAN-2", "B13").await;
    assert_eq!(small.location, "/markets/TAN/todo?done=posted", "40.000 need one person");
    let done = lan.page("/markets/TAN/todo").await;
    assert!(done.body.contains("Tiền chưa rõ của sạp nào (0)"), "{}", done.body);
});

#[tokio::test]
async fn a_day_is_closed_after_its_checklist_and_has_its_papers() {
    let world = World::sqlite().await;
    unmatched(&world).await;
    world.set_clock("2026-11-25T07:00:00+07:00");
    let site = Site::of(&world);
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let overview = lan.page("/markets/TAN").await;
    assert!(
        overview.body.contains("hôm nay, 25/11/2026") && overview.body.contains("Còn 2 ngày chưa khóa sổ"),
        "{}",
        overview.body
    );
    let page = lan.page("/markets/TAN/close").await;
    for told in
        ["Ngày 24/11/2026", "Chưa rõ sạp: 2 khoản", "Bằng chữ: <em lang=\"vi\">Ba triệu không trăm bốn mươi ngàn đồng"]
    {
        assert!(page.body.contains(told), "{told}\n{}", page.body);
    }
    let csrf = page.csrf();
    let unseen = lan.form("/markets/TAN/close", &[("csrf", &csrf), ("date", "2026-11-24")]).await;
    assert_eq!(unseen.status, 422, "nobody closes what nobody looked at");
    let closed = lan.form("/markets/TAN/close", &[("csrf", &csrf), ("date", "2026-11-24"), ("seen", "yes")]).await;
    assert_eq!(closed.status, 303, "{}", closed.body);
    let page = lan.page("/markets/TAN/close").await;
    assert!(page.body.contains("/v1/markets/TAN/days/2026-11-24/close.pdf"), "{}", page.body);
    let month = lan.page("/markets/TAN/reports?month=2026-11").await;
    assert!(month.body.contains("TẠM TÍNH – đã khóa sổ 24/30 ngày"), "{}", month.body);
    assert_eq!(lan.get("/v1/markets/TAN/periods/report.json?from=2026-11-24").await.json()["status"], "closed");
}

/// Returns a page's text without what it says to be Vietnamese, and without names.
fn in_english(page: &str) -> String {
    let mut text = page.to_owned();
    while let Some((before, rest)) = text.split_once(" lang=\"vi\">") {
        let (_, after) = rest.split_once("</").expect("an element ends");
        text = format!("{before}>{after}");
    }
    ["Sổ Chợ", "Chợ TAN", "Rau củ"].iter().fold(text, |text, name| text.replace(name, ""))
}

#[tokio::test]
async fn every_page_of_board_and_city_is_english_for_whoever_reads_english() {
    let world = World::sqlite().await;
    unmatched(&world).await;
    world.set_clock("2026-11-25T07:00:00+07:00");
    let site = Site::of(&world);
    let mut an = person(&world, &site, "an", Role::Admin, None).await;
    let mut here = an.clone();
    here.headers.push(("accept-language".to_owned(), "en".to_owned()));
    for page in [
        "/",
        "/markets/TAN",
        "/markets/TAN/stalls",
        "/markets/TAN/stalls?q=x&imported=3",
        "/markets/TAN/stalls/new",
        "/markets/TAN/stalls/import",
        "/markets/TAN/stalls/B12?saved=1",
        "/markets/TAN/todo?done=proposed",
        "/markets/TAN/close",
        "/markets/TAN/reports?month=2026-11",
        "/markets/TAN/reports?reporting=2026-11",
        "/markets/TAN/print",
        "/markets/TAN/days/2026-11-24",
        "/markets/TAN/disputes",
        "/city",
        "/city/compare",
        "/city/funnel",
        "/city/hours",
        "/city/closes",
        "/account",
        "/users",
    ] {
        speaks_both(&mut here, &mut an, page).await;
    }
    let (market, date) = ("TAN".parse().unwrap(), "2026-11-24".parse().unwrap());
    world.app.close_day(CloseDay { market, date, early: false, actor: "an".to_owned() }).await.unwrap();
    for page in [
        "/markets/TAN/close",
        "/markets/TAN/days/2026-11-24",
        "/markets/TAN/days/2026-11-24/close",
        "/city/compare?metric=share",
        "/city/closes?month=2026-11",
    ] {
        speaks_both(&mut here, &mut an, page).await;
    }
    // A choice in the footer stands before what the browser speaks.
    let csrf = an.page("/markets/TAN").await.csrf();
    an.headers.push(("referer".to_owned(), "https://cho.example/markets/TAN/todo?done=posted".to_owned()));
    let chosen = an.form("/language", &[("csrf", &csrf), ("to", "en")]).await;
    assert_eq!((chosen.status, chosen.location.as_str()), (303, "/markets/TAN/todo?done=posted"));
    assert!(an.page("/markets/TAN").await.body.contains("<html lang=\"en\">"));
}

/// A page is English for the one and Vietnamese for the other.
async fn speaks_both(english: &mut Visitor, vietnamese: &mut Visitor, page: &str) {
    let seen = english.page(page).await;
    assert_eq!(seen.status, 200, "{page}: {}", seen.body);
    let text = in_english(&seen.body);
    let words: Vec<&str> = text.split([' ', '<', '>', '"']).filter(|word| word.contains(is_vietnamese)).collect();
    let left: Vec<&&str> = words.iter().filter(|word| !STORY.contains(word)).collect();
    assert!(left.is_empty(), "{page}: {left:?}");
    assert!(seen.body.contains("<html lang=\"en\">"), "{page}");
    assert!(vietnamese.page(page).await.body.contains("<html lang=\"vi\">"), "{page}");
}

/// The currency, and words of names in the story of [`unmatched`].
const STORY: [&str; 10] = ["đồng", "Nguyễn", "Thị", "Hoa", "Trần", "Văn", "Ba", "Người", "người", "Tiếng"];

fn is_vietnamese(letter: char) -> bool {
    letter.is_alphabetic() && !letter.is_ascii()
}

/// A list of vendors as a board keeps it: 300 rows, seven of which are wrong when `wrong`.
pub(crate) fn list(wrong: bool) -> String {
    let row = |row: usize| {
        let bank = if wrong && row.is_multiple_of(43) { "Ngân hàng Không Có" } else { "Vietcombank" };
        format!("A{row},Nguyễn Thị Số {row},{bank},0071{row:09}")
    };
    let rows: Vec<String> = (1..=300).map(row).collect();
    let mut text = format!("Sạp,Tên,Ngân hàng,Số tài khoản\n{}\n", rows.join("\n"));
    if wrong {
        text = text.replace("A300,Nguyễn Thị Số 300,", "A300,,");
    }
    text
}

async fn upload(visitor: &mut Visitor, csrf: &str, field: &str, content: &str) -> Seen {
    let body = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"{field}\"{}\r\n\r\n{content}\r\n--edge--\r\n",
        if field == "file" { "; filename=\"ds.csv\"" } else { "" }
    );
    let headers = [("accept", "text/html"), ("content-type", "multipart/form-data; boundary=edge")];
    visitor.send("POST", &format!("/markets/TAN/stalls/import?csrf={csrf}"), &headers, &body).await
}

#[tokio::test]
async fn three_hundred_vendors_come_in_at_once_after_seven_rows_were_mended() {
    let world = World::sqlite().await;
    world.market("TAN", "00:00").await;
    let site = Site::of(&world);
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let page = lan.page("/markets/TAN/stalls/import").await;
    let (_, rest) = page.body.split_once("import?csrf=").unwrap();
    let csrf = rest.split('"').next().unwrap().to_owned();
    let bad = upload(&mut lan, &csrf, "file", &list(true)).await;
    assert!(bad.body.contains("7 dòng chưa đúng trong 300 dòng"), "{}", bad.body);
    assert_eq!(world.int("SELECT COUNT(*) FROM stalls").await, 0, "all or nothing");
    let good = upload(&mut lan, &csrf, "file", &list(false)).await;
    assert!(good.body.contains("300 dòng, đọc được cả 300"), "{}", good.body);
    let (_, rest) = good.body.split_once("name=\"kept\" value=\"").unwrap();
    let kept = rest.split('"').next().unwrap().replace("&#43;", "+").replace("&#x2b;", "+");
    let written = upload(&mut lan, &csrf, "kept", &kept).await;
    assert_eq!(written.location, "/markets/TAN/stalls?imported=300", "{}", written.body);
    assert_eq!(world.int("SELECT COUNT(*) FROM stalls").await, 300);
    let found = lan.page("/markets/TAN/stalls?q=so%20217").await;
    assert!(found.body.contains("Nguyễn Thị Số 217") && !found.body.contains("Nguyễn Thị Số 218"));
}

#[tokio::test]
async fn a_vendor_is_registered_in_three_steps_after_a_trial_scan() {
    let world = World::sqlite().await;
    world.market("TAN", "00:00").await;
    let site = Site::of(&world);
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let csrf = lan.page("/markets/TAN/stalls/new").await.csrf();
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("step", "1"),
        ("stall", "15A"),
        ("vendor", "Nguyễn Thị Hoa"),
        ("category", "Cá"),
    ];
    let second = lan.form("/markets/TAN/stalls/new", &fields).await;
    assert!(second.body.contains("name=\"account\""), "{}", second.body);
    fields[1] = ("step", "2");
    fields.extend([("bank", "khong co"), ("account", "0071000123456"), ("holder", "")]);
    let refused = lan.form("/markets/TAN/stalls/new", &fields).await;
    assert!(refused.body.contains("role=\"alert\""), "{}", refused.body);
    fields[5] = ("bank", "vietcombank");
    let scan = lan.form("/markets/TAN/stalls/new", &fields).await;
    assert!(scan.body.contains("<svg") && scan.body.contains("NGUYEN THI HOA"), "{}", scan.body);
    assert_eq!(world.int("SELECT COUNT(*) FROM stalls").await, 0, "not before the name was seen");
    fields.push(("name_checked", "yes"));
    let third = lan.form("/markets/TAN/stalls/new", &fields).await;
    assert!(third.body.contains("Đã ghi: sạp 15A") && third.body.contains("qr-sheet.pdf?layout=a6"), "{}", third.body);
}

#[tokio::test]
async fn the_city_reads_sums_and_is_refused_a_vendors_book() {
    let world = World::sqlite().await;
    unmatched(&world).await;
    let site = Site::of(&world);
    let mut thu = person(&world, &site, "thu", Role::City, None).await;
    assert_eq!(thu.page("/").await.location, "/city");
    for page in
        ["/city", "/city/compare", "/city/compare?standing=provisional", "/city/funnel", "/city/hours", "/city/closes"]
    {
        let seen = thu.page(page).await;
        assert_eq!(seen.status, 200, "{page}: {}", seen.body);
        for secret in ["Nguyễn Thị Hoa", "B12", "3.040.000", "3.000.000"] {
            assert!(!seen.body.contains(secret), "{page} tells {secret}");
        }
    }
    for page in [
        "/markets/TAN",
        "/markets/TAN/stalls",
        "/markets/TAN/days/2026-11-24",
        "/markets/TAN/reports",
        "/v1/markets/TAN/days/2026-11-24/report.pdf",
        "/v1/markets/TAN/vendors/list.pdf",
    ] {
        assert_eq!(thu.page(page).await.status, 403, "{page}");
    }
    let json = thu.get("/v1/reports/compare?from=2026-11-01&to=2026-11-24&standing=provisional").await.json();
    assert_eq!((&json["markets"][0]["suppressed"], &json["total"]), (&true.into(), &serde_json::Value::Null));
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    assert_eq!(lan.page("/city").await.status, 403);
}

story!(a_stall_is_corrected_and_given_up_at_its_page, |world| {
    unmatched(&world).await;
    let site = Site::of(&world);
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let list = lan.page("/markets/TAN/stalls").await;
    assert!(list.body.contains("href=\"/markets/TAN/stalls/B12\""), "{}", list.body);
    let page = lan.page("/markets/TAN/stalls/b12").await;
    assert!(page.body.contains("Nguyễn Thị Hoa") && page.body.contains("…1111"), "{}", page.body);
    let csrf = page.csrf();
    let fields = [("csrf", csrf.as_str()), ("category", "Cá"), ("vendor", "Nguyễn Thị Hoà")];
    assert_eq!(lan.form("/markets/TAN/stalls/B12", &fields).await.location, "/markets/TAN/stalls/B12?saved=1");
    assert!(lan.page("/markets/TAN/stalls/B12").await.body.contains("Nguyễn Thị Hoà"));
    let ends = [("csrf", csrf.as_str()), ("ends", "yes")];
    assert_eq!(lan.form("/markets/TAN/stalls/B12", &ends).await.status, 303);
    let empty = lan.page("/markets/TAN/stalls/B12").await;
    assert!(empty.body.contains("chưa có ai") && empty.body.contains("/stalls/new"), "{}", empty.body);
    assert_eq!(lan.form("/markets/TAN/stalls/B12", &ends).await.status, 409, "nobody is left to go");
    assert_eq!(lan.page("/markets/TAN/stalls/X9").await.status, 404);
});

story!(cash_handed_back_and_what_was_not_sales_are_written_down_with_a_reason, |world| {
    unmatched(&world).await;
    world
        .send("one", Dialect::GenericHmac, &settlement("0071000111111", "s1", 70_000, "2026-11-24T08:05:00+07:00"))
        .await;
    let site = Site::of(&world);
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let csrf = lan.page("/markets/TAN/todo").await.csrf();
    for (action, amount, reason, status) in [
        ("cash_change", "20.000", "khách lấy tiền thừa", 303),
        ("exclude", "", "con gửi", 422),
        ("exclude", "10 000", "con gửi", 303),
        ("exclude", "60000", "con gửi", 422),
    ] {
        let fields =
            [("csrf", csrf.as_str()), ("action", action), ("posting", "TAN-3"), ("amount", amount), ("reason", reason)];
        let seen = lan.form("/markets/TAN/todo", &fields).await;
        assert_eq!(seen.status, status, "{action} {amount}: {}", seen.body);
    }
    let left = "SELECT CAST(SUM(amount) AS BIGINT) FROM postings WHERE kind IN ('cash_change', 'exclusion')";
    assert_eq!(world.int(left).await, 30_000);
});

story!(a_stalls_page_shows_all_its_accounts_and_one_of_them_is_ended, |world| {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "15A", "Nguyễn Thị Hoa", "0071000111111").await;
    world.stall("TAN", "15B", "Nguyễn Thị Hoa", "0071000111111").await;
    world.stall("TAN", "15A", "Nguyễn Thị Hoa", "0071000222222").await;
    world.stall("TAN", "B13", "Trần Văn Ba", "0071000333333").await;
    let site = Site::of(&world);
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let page = lan.page("/markets/TAN/stalls/15a").await;
    for told in [
        "Tài khoản nhận tiền (2)",
        "…1111",
        "…2222",
        "thẻ QR trả vào đây",
        "dùng chung với sạp 15B",
        "không rõ mã thì ghi cho sạp này",
        "<a href=\"/markets/TAN/stalls/15B\">15B</a>",
        "/stalls/new?stall=15A&#38;vendor=Nguy",
    ] {
        assert!(page.body.replace("&amp;", "&#38;").contains(told), "{told}\n{}", page.body);
    }
    assert!(!page.body.contains("0071000"), "of an account its last digits are enough");
    let other = lan.page("/markets/TAN/stalls/15B").await;
    assert!(other.body.contains("Tài khoản nhận tiền (1)") && !other.body.contains("Thôi dùng"), "{}", other.body);
    let form = lan.page("/markets/TAN/stalls/new?stall=15A&vendor=Nguy%E1%BB%85n").await;
    assert!(form.body.contains("value=\"15A\"") && form.body.contains("value=\"Nguyễn\""), "{}", form.body);

    // The account that the card pays into is closed at the bank.
    let order = || PrintOrder {
        market: "TAN".parse().unwrap(),
        stalls: vec!["15A".to_owned()],
        layout: Layout::A6,
        actor: "lan".to_owned(),
    };
    world.app.ready_print(order()).await.unwrap();
    let id = |account: &str| {
        let line = page
            .body
            .split("name=\"account\" value=\"")
            .skip(1)
            .find(|rest| rest.split("</form>").next().is_some_and(|form| form.contains(account)));
        line.unwrap().split('"').next().unwrap().to_owned()
    };
    let (first, second, csrf) = (id("…1111"), id("…2222"), page.csrf());
    world.set_clock("2026-11-24T09:00:00+07:00");
    let ended = lan.form("/markets/TAN/stalls/15A", &[("csrf", &csrf), ("account", &first)]).await;
    assert_eq!(ended.location, "/markets/TAN/stalls/15A?saved=1", "{}", ended.body);
    let page = lan.page("/markets/TAN/stalls/15A").await;
    assert!(page.body.contains("Đã thôi dùng:") && page.body.contains("…1111 (24/11/2026)"), "{}", page.body);
    assert!(page.body.contains("Tài khoản nhận tiền (1)") && !page.body.contains("15B</a>\n"), "{}", page.body);
    let last = lan.form("/markets/TAN/stalls/15A", &[("csrf", &csrf), ("account", &second)]).await;
    assert_eq!(last.status, 409, "a stall keeps one: {}", last.body);
    let theirs = lan.json("PATCH", "/v1/markets/TAN/stalls/B13", "{\"end_account\":\"0071000222222\"}").await;
    assert_eq!(theirs.status, 404, "{}", theirs.body);
    world.app.ready_print(order()).await.unwrap();
    let newest = "SELECT MAX(version) FROM qr_codes WHERE number = '0071000222222'";
    assert_eq!(world.int(newest).await, 2, "the card is made anew by the account that is left");
    assert_eq!(world.int("SELECT COUNT(*) FROM audit_log WHERE action = 'account.ended'").await, 1);
    // The other stall still gets what comes into it.
    world.source("one", Dialect::GenericHmac, &[], Some("TAN")).await;
    let sale = settlement("0071000111111", "s1", 50_000, "2026-11-24T09:05:00+07:00");
    world.send("one", Dialect::GenericHmac, &sale).await;
    assert_eq!(world.int("SELECT COUNT(*) FROM postings WHERE credit_account = 'stall:2'").await, 1);
});

story!(cards_are_drawn_while_the_page_tells_how_far_they_are, |world| {
    world.market("TAN", "00:00").await;
    for number in 1..=3 {
        world.stall("TAN", &format!("A{number}"), "Nguyễn Thị Hoa", &format!("007100000000{number}")).await;
    }
    world.market("CRG", "00:00").await;
    let site = Site::of(&world);
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let csrf = lan.page("/markets/TAN/print").await.csrf();
    let none = lan.form("/markets/TAN/print", &[("csrf", &csrf), ("layout", "a9")]).await;
    assert_eq!(none.status, 422, "{}", none.body);
    let begun = lan.form("/markets/TAN/print", &[("csrf", &csrf), ("layout", "a7"), ("stalls", "A1, a3")]).await;
    assert!(begun.status == 303 && begun.location.starts_with("/markets/TAN/print/"), "{}", begun.body);
    let mut page = lan.page(&begun.location).await;
    while page.body.contains("http-equiv=\"refresh\"") {
        assert!(page.body.contains("max=\"2\"") && !page.body.contains("cards.pdf"), "{}", page.body);
        tokio::task::yield_now().await;
        page = lan.page(&begun.location).await;
    }
    assert!(page.body.contains("Đã kiểm 2/2 mã đọc được"), "{}", page.body);
    assert_eq!(world.int("SELECT COUNT(*) FROM qr_prints").await, 0, "nobody has taken it");
    for _ in 0..2 {
        let file = lan.get(&format!("{}/cards.pdf", begun.location)).await;
        assert!(file.status == 200 && file.body.starts_with("%PDF"), "{}", file.status);
    }
    assert_eq!(world.int("SELECT COUNT(*) FROM qr_prints").await, 1);
    assert_eq!(world.int("SELECT COUNT(*) FROM qr_print_cards").await, 2);
    let mut an = person(&world, &site, "an", Role::Admin, None).await;
    let elsewhere = begun.location.replace("/TAN/", "/CRG/");
    assert_eq!(an.page(&elsewhere).await.status, 404, "another market's print");
    world.set_clock("2026-11-24T08:51:00+07:00");
    assert_eq!(lan.page(&begun.location).await.status, 404, "it is kept for half an hour");
});

story!(the_boards_page_takes_the_offices_telephone_number, |world| {
    world.market("TAN", "00:00").await;
    let site = Site::of(&world);
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let csrf = lan.page("/markets/TAN").await.csrf();
    let to = "/markets/TAN/office-phone";
    let kept = lan.form(to, &[("csrf", &csrf), ("office_phone", " 0292 3 820 000 ")]).await;
    assert_eq!(kept.location, "/markets/TAN?saved=phone", "{}", kept.body);
    let page = lan.page("/markets/TAN?saved=phone").await;
    assert!(page.body.contains("value=\"0292 3 820 000\"") && page.body.contains("Đã ghi."), "{}", page.body);
    assert_eq!(lan.form(to, &[("csrf", &csrf), ("office_phone", "gọi chị Hoa")]).await.status, 422);
    assert_eq!(lan.form(to, &[("csrf", &csrf), ("office_phone", "")]).await.status, 303);
    assert_eq!(world.int("SELECT COUNT(*) FROM markets WHERE office_phone IS NOT NULL").await, 0);
    let mut xem = person(&world, &site, "xem", Role::Auditor, None).await;
    let page = xem.page("/markets/TAN").await;
    assert!(page.status == 200 && !page.body.contains("action=\"/markets/TAN/office-phone\""), "{}", page.body);
    assert_eq!(xem.form(to, &[("csrf", &page.csrf()), ("office_phone", "115")]).await.status, 403);
});

story!(a_signed_close_is_read_and_checked_by_hand_and_the_city_is_told_no_hidden_figure, |world| {
    unmatched(&world).await;
    world.set_clock("2026-11-25T07:00:00+07:00");
    let (market, date) = ("TAN".parse().unwrap(), "2026-11-24".parse().unwrap());
    world.app.close_day(CloseDay { market, date, early: false, actor: "an".to_owned() }).await.unwrap();
    let site = Site::of(&world);
    let (page, api) = ("/markets/TAN/days/2026-11-24/close", "/v1/markets/TAN/days/2026-11-24/close");
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let whole = lan.get(api).await.json();
    let seen = lan.page(page).await;
    for told in
        ["3.040.000", whole["merkle_root"].as_str().unwrap(), whole["hash"].as_str().unwrap(), "openssl pkeyutl"]
    {
        assert!(seen.body.contains(told), "{told}\n{}", seen.body);
    }
    let statement = lan.get(&format!("{page}/statement.json")).await;
    assert_eq!(statement.body, whole["statement"].as_str().unwrap(), "letter for letter");
    assert!(lan.get(&format!("{page}/key.pem")).await.body.starts_with("-----BEGIN PUBLIC KEY-----"));
    assert_eq!(lan.get(&format!("{page}/close.json")).await.json(), whole);
    assert_eq!(lan.page(&format!("{page}/other.json")).await.status, 404);
    assert_eq!(lan.page("/markets/TAN/days/2026-11-25/close").await.status, 404, "not closed yet");

    // Fewer than five stalls are behind the day; running sums would tell it by a difference.
    let mut thu = person(&world, &site, "thu", Role::City, None).await;
    let grid = thu.page("/city/closes?month=2026-11").await;
    assert!(grid.body.contains(&format!("href=\"{page}\"")), "{}", grid.body);
    let told = thu.get(api).await.json();
    assert_eq!((&told["amount"], &told["statement"], &told["suppressed"]), (&Value::Null, &Value::Null, &true.into()));
    assert_eq!(told["merkle_root"], whole["merkle_root"]);
    for file in ["", "/close.json"] {
        let seen = thu.page(&format!("{page}{file}")).await;
        assert_eq!(seen.status, 200, "{file}: {}", seen.body);
        for secret in ["3.040.000", "3040000", "\"opening\"", "Văn bản đã ký<"] {
            assert!(!seen.body.contains(secret), "{file} tells {secret}: {}", seen.body);
        }
        assert!(seen.body.contains(whole["hash"].as_str().unwrap()), "{file}: {}", seen.body);
    }
    assert_eq!(thu.page(&format!("{page}/statement.json")).await.status, 404);
});
