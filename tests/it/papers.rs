//! Papers, read back with other programs than the one that wrote them.

use std::process::Command;

use socho::app::daily_report::{PageForm, to_json, to_pdf};
use socho::domain::daily_report::{DailyReport, DaySeal, Figure};
use socho::domain::hash::Hash;
use socho::domain::money::Dong;
use socho::domain::reconciliation::SignState;
use socho::domain::sealed_bank::SealedBank;
use socho::ledger::daily_report::StallKind;
use socho::report::pdf::records::{self, ListedVendor};
use socho::report::pdf::write;
use unicode_normalization::UnicodeNormalization as _;

use crate::daily_report::{a_day, report_of, stall, stall_day};
use crate::world::{Folder, folder};

/// Tells whether a program is there; a laptop may lack it, CI may not.
pub(crate) fn has(program: &str) -> bool {
    let there =
        Command::new(program).arg("--version").output().is_ok() || Command::new(program).arg("-v").output().is_ok();
    assert!(there || std::env::var("CI").is_err(), "CI needs {program}; run scripts/test");
    if !there {
        eprintln!("skipped: {program} is missing; run scripts/test");
    }
    there
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {arguments:?}: {told}");
    String::from_utf8(done.stdout).unwrap()
}

/// Writes a file into a folder of its own, which goes with the test.
pub(crate) fn kept(bytes: &[u8], name: &str) -> (Folder, String) {
    let folder = folder();
    let path = folder.0.join(name);
    std::fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// A day of stalls whose vendors' names try to break a page, a cell or a font.
fn hard_names() -> DailyReport {
    let mut totals = a_day();
    let letters: String = "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
        .chars()
        .flat_map(|vowel| {
            ["", "\u{300}", "\u{309}", "\u{303}", "\u{301}", "\u{323}"].map(|tone| format!("{vowel}{tone}"))
        })
        .collect::<String>()
        .nfc()
        .collect();
    let names = [
        letters.chars().take(120).collect(),
        letters.chars().skip(120).collect::<String>() + "đĐ",
        "W".repeat(120),
        "Nguyễn Thị ".repeat(10),
        format!("Z{}algo", "\u{301}\u{323}".repeat(40)),
        "Bánh mì 🥖👩🏽‍🍳 Cô Ba".to_owned(),
        "أحمد עברית abc".to_owned(),
        "ខ្មែរ 漢字 ไทย".to_owned(),
        "\"</text>&amp;<b>%PDF-1.7 endobj".to_owned(),
    ];
    for (number, name) in (10_i64..).zip(names) {
        totals.stalls.push(stall(number, &format!("Z{number}"), "Rau củ", Some(&name)));
        totals.stall_days.push(stall_day(number, StallKind::Adjustment, 1, -1, &[]));
    }
    report_of(totals).unwrap()
}

#[test]
fn the_same_report_gives_the_same_bytes_and_carries_its_figures() {
    let report = report_of(a_day()).unwrap();
    let one = to_pdf(&report, PageForm::House).unwrap();
    assert_eq!(one, to_pdf(&report, PageForm::House).unwrap());
    assert!(one.len() < 300_000, "{} bytes", one.len());
    let text = String::from_utf8_lossy(&one);
    for mark in ["<pdfaid:part>3", "<pdfaid:conformance>A", "<pdfuaid:part>1", "/StructTreeRoot", "/Lang"] {
        assert!(text.contains(mark), "{mark}");
    }
    if has("pdfdetach") {
        let (folder, path) = kept(&one, "day.pdf");
        let json = folder.0.join("day.json");
        run("pdfdetach", &["-save", "1", "-o", json.to_str().unwrap(), &path]);
        assert_eq!(std::fs::read_to_string(json).unwrap(), to_json(&report).unwrap());
    }
}

#[test]
fn what_is_printed_is_read_back_as_the_same_vietnamese() {
    if !has("pdftotext") {
        return;
    }
    let report = report_of(a_day()).unwrap();
    for form in [PageForm::House, PageForm::Official] {
        let (_folder, path) = kept(&to_pdf(&report, form).unwrap(), "day.pdf");
        let text = run("pdftotext", &["-layout", &path, "-"]);
        assert_eq!(text, text.nfc().collect::<String>());
        for told in [
            "BÁO CÁO TIỀN NHẬN QUA MÃ QR",
            "1.330.000",
            "Bằng chữ: Một triệu ba trăm ba mươi ngàn đồng.",
            "Tạm tính – chưa khóa sổ",
            "Nguyễn Thị Hoa",
            "Giờ Việt Nam (UTC+7, Asia/Ho_Chi_Minh)",
            "NGƯỜI LẬP BIỂU",
        ] {
            assert!(text.contains(told), "{form:?}: {told}\n{text}");
        }
        let pages = text.matches('\u{c}').count();
        for page in 1..=pages {
            assert!(text.contains(&format!("Trang {page}/{pages}")), "{text}");
        }
        if form == PageForm::Official {
            assert!(
                text.contains("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM") && text.contains("Ninh Kiều, ngày 24 tháng 11")
            );
        }
    }
}

#[test]
fn no_name_breaks_a_page_a_cell_or_a_font() {
    let report = hard_names();
    for form in [PageForm::House, PageForm::Official] {
        let (_folder, path) = kept(&to_pdf(&report, form).unwrap(), "hard.pdf");
        if has("qpdf") {
            run("qpdf", &["--check", &path]);
        }
        if !has("pdftotext") || !has("pdffonts") {
            continue;
        }
        let text = run("pdftotext", &["-raw", &path, "-"]);
        for told in ["🥖", "漢字", "endobj", "Z18"] {
            assert!(text.contains(told), "{told}\n{text}");
        }
        let fonts = run("pdffonts", &[&path]);
        let fonts: Vec<&str> = fonts.lines().skip(2).collect();
        assert!(!fonts.is_empty());
        for font in fonts {
            assert!(font.contains('+') && font.contains("yes yes yes"), "embedded, a subset, with its letters: {font}");
        }
        let boxes = run("pdftotext", &["-bbox", &path, "-"]);
        for word in boxes.lines().filter(|line| line.contains("<word ")) {
            let at = |name: &str| -> f64 {
                let (_, rest) = word.split_once(&format!("{name}=\"")).unwrap();
                rest.split_once('"').unwrap().0.parse().unwrap()
            };
            assert!(at("xMin") >= 40.0 && at("xMax") <= 556.0, "outside the margins: {word}");
        }
    }
}

#[test]
fn a_day_of_a_thousand_stalls_is_a_paper_of_many_pages_with_its_head_on_each() {
    let mut totals = a_day();
    for number in 10..1_010 {
        totals.stalls.push(stall(number, &format!("C{number}"), "Gạo – lương thực", Some("Trần Thị Ngọc Bích")));
        totals.stall_days.push(stall_day(number, StallKind::Adjustment, 1, -1, &[]));
    }
    let report = report_of(totals).unwrap();
    let net: Option<Dong> = report.stalls.iter().map(|stall| stall.net).sum();
    let (_folder, path) = kept(&to_pdf(&report, PageForm::House).unwrap(), "many.pdf");
    if has("pdftotext") {
        let text = run("pdftotext", &["-layout", &path, "-"]);
        let pages: Vec<&str> = text.split('\u{c}').filter(|page| page.contains("C5")).collect();
        assert!(pages.len() > 2 && pages.iter().all(|page| page.contains("Tiểu thương")), "{}", pages.len());
        assert!(text.contains(&net.unwrap().grouped()));
    }
}

/// A closed day whose market's name takes so many words, with what the bank said or without.
fn closed(words: usize, bank: bool) -> (DailyReport, DaySeal) {
    let mut totals = a_day();
    totals.open_date = "2026-11-25".parse().unwrap();
    totals.market.name = "Chợ Trung tâm Thương mại ".repeat(words).trim().to_owned();
    let figure = Figure { count: 6, amount: Dong::new(1_450_000) };
    let sealed = SealedBank {
        state: SignState::Signed,
        accounts: 3,
        uncovered: 1,
        bank: figure,
        book: figure,
        difference: Dong::ZERO,
        open: 0,
        doubtful: 0,
        signed_by: Some("Nguyễn Thị Thanh Hà".to_owned()),
        signed_at: Some("2026-11-25T01:00:00Z".parse().unwrap()),
    };
    let seal = DaySeal {
        closed_at: "2026-11-25T02:00:00Z".parse().unwrap(),
        closed_by: "hoa".to_owned(),
        early: false,
        hash: Hash([7; 32]),
        merkle_root: Hash([9; 32]),
        key: 1,
        bank: bank.then_some(sealed),
    };
    totals.seal = Some(seal.clone());
    (report_of(totals).unwrap(), seal)
}

#[test]
fn nobody_signs_a_page_that_says_nothing_else() {
    if !has("pdftotext") {
        return;
    }
    let page_of = |pdf: &[u8], words: &[&str]| {
        let (_folder, path) = kept(pdf, "signed.pdf");
        let text = run("pdftotext", &["-layout", &path, "-"]);
        let signed = text.split('\u{c}').find(|page| page.contains("TRƯỞNG BAN QUẢN LÝ CHỢ"));
        let signed = signed.unwrap_or_else(|| panic!("{text}")).to_owned();
        assert!(words.iter().all(|word| signed.contains(word)), "{words:?} of {signed}");
        text.matches('\u{c}').count()
    };
    let mut lengths = std::collections::BTreeSet::new();
    for form in [PageForm::House, PageForm::Official] {
        for words in [1, 4, 7, 10] {
            for bank in [false, true] {
                let (report, seal) = closed(words, bank);
                let record = records::closing(&report, &seal, "{}".to_owned(), form);
                let pages =
                    page_of(&write::pdf(&record).unwrap(), &["Chứng thực", "Gốc của các bút toán", "socho verify"]);
                lengths.insert(pages);
                page_of(&to_pdf(&report, form).unwrap(), &["Người khóa sổ", "Mã chuỗi sổ khi lập biểu"]);
            }
        }
        // A list of any length has two of its vendors on the page that is signed.
        for count in [1, 2, 5].into_iter().chain(24..48) {
            let vendor = |number: i32| ListedVendor {
                stall: format!("C{number}"),
                vendor: "Trần Thị Ngọc Bích".to_owned(),
                category: "Gạo".to_owned(),
                bank: "Vietcombank".to_owned(),
                last_four: "8888".to_owned(),
                memo: "SC22223Y".to_owned(),
                version: 1,
            };
            let vendors: Vec<ListedVendor> = (1..=count).map(vendor).collect();
            let list = records::ListOf {
                market: "Chợ Tân An",
                code: "TAN",
                ward: None,
                at: "2026-11-25T02:00:00Z".parse().unwrap(),
            };
            let last = [format!("C{}", (count - 1).max(1)), format!("C{count}")];
            let paper = write::pdf(&records::vendors(&list, &vendors, form)).unwrap();
            page_of(&paper, &last.each_ref().map(String::as_str));
        }
    }
    assert!(lengths.len() > 1, "some records need a second page: {lengths:?}");
}
