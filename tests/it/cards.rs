//! Stalls' cards: printed, rendered by another program, and every code read by two decoders.

use std::collections::BTreeSet;

use image::GenericImageView as _;
use socho::app::print_sheet::{Layout, PrintOrder};
use socho::app::progress::unheard;
use socho::app::qr_codes::decode;

use crate::papers::{has, kept, run};
use crate::world::{World, registration, story};

fn order(stalls: &[&str], layout: Layout) -> PrintOrder {
    let stalls = stalls.iter().map(|stall| (*stall).to_owned()).collect();
    PrintOrder { market: "TAN".parse().unwrap(), stalls, layout, actor: "chi-hai".to_owned() }
}

/// Nine stalls, some with names that try to break a card; the longest account numbers too.
async fn nine_stalls(world: &World) -> BTreeSet<String> {
    world.market("TAN", "00:00").await;
    let names = [
        "Nguyễn Thị Hoa",
        "Công Tằng Tôn Nữ Hoàng Thị Ngọc Bích Phượng Liên Chi Mai Lan Cúc Trúc Hồng Đào Thắm Tươi Mãi Mãi",
        "W",
        "Đặng-Ðỗ ơƠưƯ ẵẫễỗỡữ",
        "Cô Ba 🥖 bánh mì",
        "أحمد ខ្មែរ",
        "Zalgo Z\u{301}\u{323}\u{301}\u{323}\u{301}a",
        "Trần Văn Đạt",
        "Lê Thị Cá",
    ];
    let mut payloads = BTreeSet::new();
    for (number, name) in (1..).zip(names) {
        let stall =
            if number == 3 { "NHÀ LỒNG 10 - DÃY BB 015A".chars().take(24).collect() } else { format!("A{number}") };
        let account = if number == 2 {
            format!("{:019}", 71_000_888_000 + i64::from(number))
        } else {
            format!("00710008880{number:02}")
        };
        payloads.insert(world.stall("TAN", &stall, name, &account).await.qr_payload);
    }
    payloads
}

#[tokio::test]
async fn every_code_of_a_sheet_is_read_from_its_pdf_by_two_decoders() {
    let world = World::sqlite().await;
    let payloads = nine_stalls(&world).await;
    assert_eq!(payloads.len(), 9);
    for layout in Layout::ALL {
        let ready = world.app.ready_print(order(&[], layout)).await.unwrap();
        let drawn = ready.draw(&unheard).unwrap();
        assert_eq!(drawn.cards, 9);
        if layout == Layout::A7 {
            assert_eq!(drawn.pdf, ready.draw(&unheard).unwrap().pdf, "the same print gives the same bytes");
        }
        let (folder, path) = kept(&drawn.pdf, "cards.pdf");
        if !has("pdftoppm") {
            return;
        }
        let pictures = folder.0.join("page");
        run("pdftoppm", &["-r", "150", "-gray", "-png", &path, pictures.to_str().unwrap()]);
        let mut pages: Vec<_> = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().path()).collect();
        pages.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
        pages.sort();
        assert_eq!(pages.len(), 9_usize.div_ceil(layout.cards()));
        let (columns, rows) = match layout {
            Layout::A4 => (1, 1),
            Layout::A5 => (1, 2),
            Layout::A6 => (2, 2),
            Layout::A7 => (2, 4),
        };
        let mut read = Vec::new();
        for page in &pages {
            let picture = image::open(page).unwrap();
            let (width, height) = (picture.width() / columns, picture.height() / rows);
            for place in 0..columns * rows {
                let card = picture.view(place % columns * width, place / columns * height, width, height).to_image();
                let mut png = std::io::Cursor::new(Vec::new());
                card.write_to(&mut png, image::ImageFormat::Png).unwrap();
                read.extend(decode(&png.into_inner()).ok());
            }
        }
        assert_eq!(read.len(), 9, "{layout:?}");
        assert_eq!(read.into_iter().collect::<BTreeSet<_>>(), payloads, "{layout:?}");
        if has("zbarimg") {
            let mut arguments = vec!["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"];
            arguments.extend(pages.iter().map(|page| page.to_str().unwrap()));
            let read: BTreeSet<String> = run("zbarimg", &arguments).lines().map(str::to_owned).collect();
            assert_eq!(read, payloads, "{layout:?}");
        }
    }
}

#[tokio::test]
async fn a_card_says_whose_account_it_is_and_how_to_check_it() {
    let world = World::sqlite().await;
    nine_stalls(&world).await;
    let drawn = world.app.ready_print(order(&["A1"], Layout::A6)).await.unwrap().draw(&unheard).unwrap();
    let (_folder, path) = kept(&drawn.pdf, "card.pdf");
    if has("qpdf") {
        run("qpdf", &["--check", &path]);
    }
    if has("pdftotext") {
        let text = run("pdftotext", &["-raw", &path, "-"]);
        for told in
            ["Chợ TAN", "SẠP A1", "NGUYEN THI HOA", "Vietcombank", "…8001", "Kiểm tra đúng tên trước khi chuyển"]
        {
            assert!(text.contains(told), "{told}\n{text}");
        }
        assert!(text.contains("QR bản 1 · in 24/11/2026") && text.contains("gấp"), "{text}");
    }
}

story!(a_reprint_is_kept_and_another_account_is_another_version, |world| {
    nine_stalls(&world).await;
    let print = async |stalls: &[&str]| {
        let ready = world.app.ready_print(order(stalls, Layout::A7)).await.unwrap();
        world.app.log_print(&ready).await.unwrap();
    };
    print(&["A1", "a 2"]).await;
    print(&["A1"]).await;
    assert_eq!(world.int("SELECT COUNT(*) FROM qr_prints").await, 2);
    assert_eq!(world.int("SELECT COUNT(*) FROM qr_print_cards WHERE version = 1").await, 3);
    let change = socho::app::change_stall::StallChange { end_tenancy: true, ..Default::default() };
    world.app.change_stall(&"TAN".parse().unwrap(), "A1", change).await.unwrap();
    let left = world.app.ready_print(order(&["A1"], Layout::A6)).await.unwrap_err();
    assert_eq!(left.fields[0].code, "no_cards");
    world.app.register(&"TAN".parse().unwrap(), registration("A1", "Phạm Văn Mới", "0071000999001")).await.unwrap();
    print(&["A1"]).await;
    assert_eq!(world.int("SELECT MAX(version) FROM qr_print_cards").await, 2);
    assert!(world.execute("DELETE FROM qr_print_cards").await.is_err());
    let unknown = world.app.ready_print(order(&["X9"], Layout::A6)).await.unwrap_err();
    assert!(unknown.message.en.contains("X9"), "{}", unknown.message.en);
});
