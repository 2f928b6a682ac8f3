//! A board's day and the city's morning at a real browser: a list with bad rows, a sheet of cards, money
//! that two people give to a stall, the close; by mouse and by keyboard alone.

use std::collections::BTreeSet;

use image::GenericImageView as _;
use serde_json::json;
use socho::app::access::{Actor, Role};
use socho::app::manage_users::NewUser;
use socho::app::qr_codes::decode;
use socho::domain::account::AccountKind;
use socho::domain::registration::Registration;

use super::money::{Site, site};
use super::{Browser, Page};
use crate::board::list;
use crate::papers::{has, run};
use crate::visitors::PASSWORD;
use crate::world::registration;

/// Where money comes in of which only the text says whose it is.
const COLLECTING: &str = "0071000999999";

/// A tablet at the office's desk, and a desk of the city.
const TABLET: (u32, u32) = (768, 1024);
const DESK: (u32, u32) = (1280, 900);

/// People of the market and the city, and an account whose money needs a person.
fn people(site: &Site) {
    site.as_operator(async |app| {
        for (name, role, market) in
            [("hoa", Role::Manager, Some("TAN")), ("hai", Role::Manager, Some("TAN")), ("thu", Role::City, None)]
        {
            let new = NewUser {
                name: name.parse().unwrap(),
                full_name: format!("Người {name}").parse().unwrap(),
                role,
                market: market.map(|code| code.parse().unwrap()),
                password: Some(PASSWORD.to_owned()),
                must_change: false,
            };
            app.add_user(&Actor::operator(), new).await.unwrap();
        }
        let collecting =
            Registration {
                stall: None, kind: AccountKind::Collecting, ..registration("X", "Ban quản lý", COLLECTING)
            };
        app.register(&"TAN".parse().unwrap(), collecting).await.unwrap();
    });
}

/// Opens a page of a desk, in Vietnamese.
fn desk(browser: &mut Browser, size: (u32, u32)) -> Page<'_> {
    let mut page = browser.page();
    page.size(size);
    page.call("Network.setExtraHTTPHeaders", &json!({ "headers": { "Accept-Language": "vi" } }));
    page
}

/// Whoever is logged in goes, and another person comes.
fn log_in(site: &Site, page: &mut Page<'_>, name: &str) {
    page.call("Network.clearBrowserCookies", &json!({}));
    page.open(&site.url("/login"));
    page.ask(&format!("document.getElementById('name').value = '{name}'"));
    page.ask(&format!("document.getElementById('password').value = '{PASSWORD}'"));
    page.leave("document.querySelector('main form button').click()");
    assert!(!page.here().starts_with("/login"), "{name}: {}", page.said());
}

fn says(page: &mut Page<'_>, words: &[&str]) {
    let said = page.said();
    for told in words {
        assert!(said.contains(told), "{told}\n{said}");
    }
}

#[test]
fn a_board_imports_prints_settles_and_closes_and_the_city_reads_sums_alone() {
    let Some((site, mut browser)) = site() else { return };
    people(&site);
    let (bad, good, kept) = (browser.path("bad.csv"), browser.path("good.csv"), browser.path("downloads"));
    std::fs::write(&bad, list(true)).unwrap();
    std::fs::write(&good, list(false)).unwrap();
    std::fs::create_dir_all(&kept).unwrap();
    let mut page = desk(&mut browser, TABLET);
    log_in(&site, &mut page, "hoa");

    // Three hundred vendors, seven rows of which are wrong: nothing is written until they are mended.
    page.open(&site.url("/markets/TAN/stalls/import"));
    for (file, words) in [(&bad, "7 dòng chưa đúng trong 300 dòng"), (&good, "300 dòng, đọc được cả 300")]
    {
        page.choose("#file", file);
        page.leave("document.querySelector('form.wide-form button').click()");
        says(&mut page, &[words]);
    }
    page.leave("document.querySelector('form:not(.wide-form) button.primary').click()");
    says(&mut page, &["Đã ghi 300 dòng.", "302 sạp"]);

    // A sheet of cards, taken as a file, rendered by another program, each code read.
    page.open(&site.url("/markets/TAN/print"));
    page.ask("document.getElementById('stalls').value = 'A1, A217, B12, B13'");
    page.leave("document.querySelector('main button.primary').click()");
    page.until("document.querySelector('a[download]')");
    says(&mut page, &["Đã kiểm 4/4 mã đọc được"]);
    let sheet = page.download(&kept, "document.querySelector('a[download]').click()");
    if has("pdftoppm") {
        let pictures = kept.join("page");
        run("pdftoppm", &["-r", "150", "-gray", "-png", sheet.to_str().unwrap(), pictures.to_str().unwrap()]);
        let picture = image::open(kept.join("page-1.png")).unwrap();
        let (width, height) = (picture.width() / 2, picture.height() / 2);
        let mut accounts = BTreeSet::new();
        for place in 0..4 {
            let card = picture.view(place % 2 * width, place / 2 * height, width, height).to_image();
            let mut png = std::io::Cursor::new(Vec::new());
            card.write_to(&mut png, image::ImageFormat::Png).unwrap();
            let payload = decode(&png.into_inner()).unwrap();
            let ours = ["0071000000001", "0071000000217", "0071000888888", "0071000888889"];
            accounts.extend(ours.into_iter().find(|account| payload.contains(account)));
        }
        assert_eq!(accounts.len(), 4, "each card pays another stall");
    }

    // Three million of which only the text says whose they are: one person proposes, another confirms.
    site.pay_into(COLLECTING, "u1", 3_000_000, "tra tien sap B12 chi hoa");
    page.open(&site.url("/markets/TAN/todo"));
    says(&mut page, &["3.000.000", "nội dung có “B12”", "cần hai người"]);
    page.leave("document.querySelector('#TAN-1 button.primary').click()");
    says(&mut page, &["Đã đề nghị.", "Chờ người thứ hai xác nhận"]);
    assert_eq!(page.ask("document.querySelectorAll('#TAN-1 button.primary').length"), 0, "one person is not two");
    log_in(&site, &mut page, "hai");
    page.open(&site.url("/markets/TAN/todo"));
    says(&mut page, &["hoa đề nghị ghi cho sạp B12"]);
    page.leave("document.querySelector('#TAN-1 button.primary').click()");
    says(&mut page, &["Đã ghi vào sổ.", "Tiền chưa rõ của sạp nào (0)"]);

    // The day is closed after its list was looked at; then it has its papers.
    site.pay("s1", 54_000, 0);
    page.open(&site.url("/markets/TAN/close"));
    says(&mut page, &["3.054.000", "Bằng chữ: Ba triệu không trăm năm mươi tư ngàn đồng", "Ngày này chưa hết."]);
    page.ask("document.querySelector('main form button').click()");
    assert!(page.said().contains("Tôi đã xem"), "nobody closes what nobody looked at");
    page.ask("document.querySelector('[name=seen]').click()");
    page.leave("document.querySelector('main form button').click()");
    says(&mut page, &["Không còn ngày nào cần khóa.", "biên bản"]);

    // The city reads sums by market, none of fewer than five stalls, and is refused everything else.
    page.size(DESK);
    log_in(&site, &mut page, "thu");
    assert_eq!(page.here(), "/city");
    page.open(&site.url("/city/compare"));
    let said = page.said();
    assert!(said.contains("Chợ Tân An") && said.contains("< 5 sạp") && !said.contains("3.054.000"), "{said}");
    for path in ["/markets/TAN", "/markets/TAN/stalls", "/stall/book", "/markets/TAN/reports"] {
        page.open(&site.url(path));
        let said = page.said();
        assert!(!said.contains("B12") && !said.contains("54.000") && !said.contains("NGUYEN"), "{path}: {said}");
        assert!(said.contains("Không được phép") || page.here() == "/pair", "{path}: {said}");
    }
}

#[test]
fn three_hundred_cards_tell_how_far_they_are_without_any_script() {
    const CARDS: i64 = 300;
    let Some((site, mut browser)) = site() else { return };
    people(&site);
    site.as_operator(async |app| {
        let rows: Vec<Registration> = (1..=CARDS - 2)
            .map(|row| registration(&format!("A{row}"), &format!("Nguyễn Thị Số {row}"), &format!("0071{row:09}")))
            .collect();
        app.register_all(&"TAN".parse().unwrap(), &rows).await.unwrap();
    });
    let mut page = desk(&mut browser, TABLET);
    log_in(&site, &mut page, "hoa");
    page.open_without_scripts(&site.url("/markets/TAN/print"));
    page.ask("document.querySelector('[value=a7]').click()");
    page.ask("document.querySelector('main button.primary').click()");
    // What each state of the page said, as it looked again by itself.
    let look = "document.readyState !== 'complete' ? null : [document.querySelector('progress')?.value ?? -1, \
                document.querySelector('progress')?.max ?? -1, !!document.querySelector('a[download]')]";
    let mut seen: Vec<i64> = Vec::new();
    let end = std::time::Instant::now() + super::PATIENCE;
    loop {
        assert!(std::time::Instant::now() < end, "{seen:?}");
        let Some(told) = page.try_ask(look) else { continue };
        let (Some(done), Some(CARDS)) = (told[0].as_i64(), told[1].as_i64()) else { continue };
        if seen.last() != Some(&done) {
            seen.push(done);
        }
        if told[2] == true {
            break;
        }
    }
    assert!(seen.len() > 1 && seen.is_sorted(), "{seen:?}");
    assert_eq!(seen.last(), Some(&CARDS));
    says(&mut page, &["Đã kiểm 300/300 mã đọc được"]);
}

#[test]
fn a_stall_is_registered_and_a_day_closed_by_keyboard_alone() {
    let Some((site, mut browser)) = site() else { return };
    people(&site);
    let mut page = desk(&mut browser, TABLET);
    log_in(&site, &mut page, "hoa");
    page.open(&site.url("/markets/TAN/stalls/new"));
    assert_eq!(page.ask("document.activeElement.id"), "stall", "the first field waits for what is typed");
    page.type_in("15A");
    page.tab_to("#vendor");
    page.type_in("Lê Thị Bưởi");
    page.tab_to("#category");
    page.type_in("Trái cây");
    page.press_and_leave("Enter");
    page.tab_to("#bank");
    page.type_in("vietcombank");
    page.tab_to("#account");
    page.type_in("0071000123456");
    page.press_and_leave("Enter");
    says(&mut page, &["LE THI BUOI", "Quét thử ngay"]);
    page.tab_to("[name=name_checked]");
    page.press("Space");
    page.tab_to("button.primary");
    page.press_and_leave("Enter");
    says(&mut page, &["Đã ghi: sạp 15A, Lê Thị Bưởi"]);
    page.tab_to("a[href$='/stalls/15A/phones']");
    page.press_and_leave("Enter");
    assert_eq!(page.here(), "/markets/TAN/stalls/15A/phones");

    site.pay("s1", 54_000, 0);
    page.open(&site.url("/markets/TAN/close"));
    page.tab_to("[name=seen]");
    page.press("Space");
    page.tab_to("main button.primary");
    page.press_and_leave("Enter");
    says(&mut page, &["Không còn ngày nào cần khóa."]);
}

/// Pages of the board, the city and everybody.
const PAGES: [&str; 26] = [
    "/",
    "/markets/TAN",
    "/markets/TAN/stalls",
    "/markets/TAN/stalls?q=hoa",
    "/markets/TAN/stalls/new",
    "/markets/TAN/stalls/import",
    "/markets/TAN/stalls/B12",
    "/markets/TAN/stalls/B12/phones",
    "/markets/TAN/todo",
    "/markets/TAN/disputes",
    "/markets/TAN/close",
    "/markets/TAN/reports",
    "/markets/TAN/print",
    "/markets/TAN/days/2026-11-24",
    "/markets/TAN/statements",
    "/city",
    "/city/compare",
    "/city/funnel",
    "/city/hours",
    "/city/closes",
    "/account",
    "/account/password",
    "/users",
    "/audit",
    "/sources",
    "/problems",
];

#[test]
fn nothing_runs_off_a_small_screen_at_twice_the_type() {
    let Some((site, mut browser)) = site() else { return };
    people(&site);
    site.pay("s1", 54_000_000, 0);
    site.pay_into(COLLECTING, "u1", 3_000_000, "tra tien sap B12 chi hoa");
    let mut page = desk(&mut browser, (360, 640));
    log_in(&site, &mut page, "lan");
    for language in ["vi", "en"] {
        page.call("Network.setExtraHTTPHeaders", &json!({ "headers": { "Accept-Language": language } }));
        for path in PAGES {
            page.open(&site.url(path));
            for times in [1, 2] {
                page.ask(&format!(
                    "document.documentElement.style.fontSize = \
                     (parseFloat(getComputedStyle(document.documentElement).fontSize) * {times}) + 'px'"
                ));
                let wide = page.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth");
                assert_eq!(wide, 0, "{path} {language} at {times} times the type");
            }
        }
    }
}

#[test]
fn everything_on_every_page_is_reached_and_shown_by_the_keyboard() {
    let Some((site, mut browser)) = site() else { return };
    people(&site);
    site.pay("s1", 54_000, 0);
    site.pay_into(COLLECTING, "u1", 3_000_000, "tra tien sap B12 chi hoa");
    let mut page = desk(&mut browser, DESK);
    page.open(&site.url("/login"));
    assert_eq!(super::accessibility::missed(&mut page), serde_json::Value::Array(Vec::new()), "/login");
    log_in(&site, &mut page, "lan");
    // The list of problems is a hundred links of one kind.
    for path in PAGES.into_iter().filter(|path| *path != "/problems") {
        page.open(&site.url(path));
        assert_eq!(super::accessibility::missed(&mut page), serde_json::Value::Array(Vec::new()), "{path}");
    }
}

#[test]
fn nothing_serious_is_found_on_any_page_of_the_board_and_the_city() {
    let Some((site, mut browser)) = site() else { return };
    let Some(axe) = super::accessibility::axe() else { return };
    people(&site);
    site.pay("s1", 54_000, 0);
    site.pay_into(COLLECTING, "u1", 3_000_000, "tra tien sap B12 chi hoa");
    let mut page = desk(&mut browser, TABLET);
    page.call("Network.setExtraHTTPHeaders", &json!({ "headers": { "Accept-Language": "vi" } }));
    page.open(&site.url("/login"));
    page.ask(&axe);
    super::accessibility::check(&mut page, "/login");
    // The administrator may open all of them.
    log_in(&site, &mut page, "lan");
    for (size, language, asked) in [(TABLET, "vi", 0), (DESK, "en", 1), (DESK, "vi", 2), (TABLET, "vi", 3)] {
        page.size(size);
        page.as_asked_for(super::accessibility::ASKED_FOR[asked]);
        page.call("Network.setExtraHTTPHeaders", &json!({ "headers": { "Accept-Language": language } }));
        for path in PAGES {
            page.open(&site.url(path));
            let what = format!("{path} {language} {} {asked}", size.0);
            assert_eq!(page.here().split('?').next(), path.split('?').next(), "{what}: {}", page.said());
            page.ask(&axe);
            super::accessibility::check(&mut page, &what);
            assert_eq!(super::accessibility::faint(&mut page), serde_json::Value::Array(Vec::new()), "{what}");
            let wide = page.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(wide, 0, "{what} runs off the screen");
            let unnamed = page.ask("document.documentElement.lang");
            assert!(unnamed == language || path.starts_with("/markets/TAN/statements"), "{what}: {unnamed}");
        }
    }
    page.open(&site.url("/account"));
    page.leave("document.querySelector('form[action=\"/account/second-factor\"] button').click()");
    page.ask(&axe);
    super::accessibility::check(&mut page, "the second factor");
}
