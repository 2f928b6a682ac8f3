//! The board's pages as people use them: at a browser, with their own logins.

use socho::app::access::Role;
use socho::domain::account::AccountKind;
use socho::domain::registration::Registration;
use socho::domain::settlement::Dialect;

use crate::visitors::{PASSWORD, Seen, Site, Visitor, user};
use crate::world::{World, registration, settlement, story};

async fn person(world: &World, site: &Site, name: &str, role: Role, market: Option<&str>) -> Visitor {
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
        "/markets/TAN/disputes",
        "/city",
        "/city/compare",
        "/city/funnel",
        "/city/hours",
        "/city/closes",
        "/account",
        "/users",
    ] {
        let seen = here.page(page).await;
        assert_eq!(seen.status, 200, "{page}: {}", seen.body);
        let text = in_english(&seen.body);
        let words: Vec<&str> = text.split([' ', '<', '>', '"']).filter(|word| word.contains(is_vietnamese)).collect();
        // Names that the story gives are theirs.
        let left: Vec<&&str> = words.iter().filter(|word| !STORY.contains(word)).collect();
        assert!(left.is_empty(), "{page}: {left:?}");
        assert!(seen.body.contains("<html lang=\"en\">"), "{page}");
        assert!(an.page(page).await.body.contains("<html lang=\"vi\">"), "{page}");
    }
    // A choice in the footer stands before what the browser speaks.
    let csrf = an.page("/markets/TAN").await.csrf();
    an.headers.push(("referer".to_owned(), "https://cho.example/markets/TAN/todo?done=posted".to_owned()));
    let chosen = an.form("/language", &[("csrf", &csrf), ("to", "en")]).await;
    assert_eq!((chosen.status, chosen.location.as_str()), (303, "/markets/TAN/todo?done=posted"));
    assert!(an.page("/markets/TAN").await.body.contains("<html lang=\"en\">"));
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
