//! Files of vendors as offices keep them, and as attackers make them: which line is meant, which
//! encodings are read, and that no file takes more memory than it is worth.

use std::process::Command;

use serde_json::Value;

use crate::serve::{BINARY, Folder, socho};
use crate::statement_files::{workbook, xlsx, zip};
use crate::world::World;

/// The import's answer in short: each error's line, column and code, or the code of the whole file.
async fn told(world: &World, bytes: &[u8]) -> Vec<(usize, String, &'static str)> {
    match world.app.import_vendors(&"TAN".parse().unwrap(), bytes, "list", true).await {
        Ok(report) => report.errors.into_iter().map(|error| (error.line, error.column, error.code)).collect(),
        Err(error) => vec![(0, String::new(), error.code)],
    }
}

async fn market() -> World {
    let world = World::sqlite().await;
    world.market("TAN", "00:00").await;
    world
}

const HEAD: &str = "Mã sạp;Họ và tên;Ngân hàng;Số tài khoản";

fn inline(cells: &[&str]) -> String {
    let cells = cells.iter().map(|cell| format!("<c t=\"inlineStr\"><is><t>{cell}</t></is></c>"));
    format!("<row>{}</row>", cells.collect::<String>())
}

fn head() -> String {
    inline(&HEAD.split(';').collect::<Vec<_>>())
}

#[tokio::test]
async fn the_line_of_a_bad_cell_is_the_line_that_an_editor_shows() {
    let world = market().await;
    let wanted = vec![(5, "bank".to_owned(), "unknown_bank")];
    for end in ["\n", "\r\n"] {
        for text in
            ["\nHEAD\n\nA1;Lê Ấn;VCB;0071\nA2;Võ Tư;xyz;0072\n", "HEAD\n\n\nA1;Lê Ấn;VCB;0071\nA2;Võ Tư;xyz;0072"]
        {
            let text = text.replace("HEAD", HEAD).replace('\n', end);
            assert_eq!(told(&world, text.as_bytes()).await, wanted, "{text:?}");
        }
    }
    let quoted = format!("sep=;\r\n{HEAD}\r\n\r\n\"A\r\n1\";Lê Ấn;VCB;0071\r\n\r\nA2;Võ Tư;xyz;0072\r\n");
    assert_eq!(told(&world, quoted.as_bytes()).await.last().unwrap().0, 7);
}

#[tokio::test]
async fn every_encoding_of_an_office_gives_the_same_rows() {
    let world = market().await;
    let utf16 =
        |text: &str| -> Vec<u8> { format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let tabs = format!("{HEAD}\r\nA1;Lê Ấn;VCB;0071\r\nA2;Võ Tư;xyz;0072\r\n").replace(';', "\t");
    let wanted = vec![(3, "bank".to_owned(), "unknown_bank")];
    assert_eq!(told(&world, tabs.as_bytes()).await, wanted);
    assert_eq!(told(&world, &utf16(&tabs)).await, wanted);
    // Windows-1258: a letter and its tone apart.
    let old = b"M\xe3 s\x61\xf2p;H\x6f\xf2 v\x61\xcc t\xean;Ng\xe2n h\x61\xccng;S\xf4\xec t\x61\xcci kho\x61\xd2n\nA1;L\xea \xc2\xecn;VCB;0071\n";
    let report = world.app.import_vendors(&"TAN".parse().unwrap(), old, "old.csv", true).await.unwrap();
    assert_eq!(report.preview[0].vendor, "Lê Ấn");
    assert_eq!(told(&world, b"S\xe8 s\xb9p;H\xe4 t\xaan;Ng\xa9n h\xb5ng;T\xb5i kho\xb6n\n").await[0].2, "encoding");
    assert_eq!(told(&world, b"\xff\xfe\x00\xd8").await[0].2, "encoding");
}

#[tokio::test]
async fn what_is_no_table_is_told_by_name() {
    let world = market().await;
    for (bytes, code) in [
        (&b""[..], "header_missing"),
        (b"a;b;c\n1;2;3\n", "header_missing"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file_format"),
        (b"%PDF-1.7", "file_format"),
        (b"PK\x03\x04cut off", "xlsx"),
        (&zip(&[("a.txt", b"no workbook")]), "file_format"),
        (format!("{HEAD}\n{}\n", ";".repeat(99) + "x").as_bytes(), "too_many_columns"),
        (format!("{HEAD}\n{}", "A1;Lê Ấn;VCB;0071\n".repeat(20_001)).as_bytes(), "too_many_rows"),
        (&vec![b'a'; (8 << 20) + 1], "file_too_large"),
    ] {
        assert_eq!(
            told(&world, bytes).await[0].2,
            code,
            "{:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(40)])
        );
    }
}

#[tokio::test]
async fn cells_that_a_spreadsheet_changed_are_refused_one_by_one() {
    let world = market().await;
    let row = |stall: &str, account: &str| {
        let names = "<c t=\"inlineStr\"><is><t>Lê Ấn</t></is></c><c t=\"inlineStr\"><is><t>VCB</t></is></c>";
        format!("<row>{stall}{names}{account}</row>")
    };
    let text = |text: &str| format!("<c t=\"str\"><v>{text}</v></c>");
    let rows = [
        head(),
        row(&text("A1"), "<c><v>7.1E3</v></c>"),
        row(&text("A2"), "<c><v>1234567890123450</v></c>"),
        // 1-2 as typed, 1 February as kept.
        row("<c s=\"2\"><v>46054</v></c>", &text("0073")),
        row(&text("A4"), "<c><f>A1&amp;A2</f></c>"),
    ];
    // The other sheets are the office's own business.
    let own = format!("<row>{}</row>", "<c><v>1</v></c>".repeat(200));
    let file = workbook(&[("Danh sách", rows.concat()), ("Thống kê", own)], "<sst/>");
    assert_eq!(
        told(&world, &file).await,
        [
            (3, "account".to_owned(), "account_lost_digits"),
            (4, "stall".to_owned(), "cell_is_date"),
            (5, "account".to_owned(), "formula_without_value"),
        ]
    );
    let cells = |row: &str| row.split(';').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(told(&world, &xlsx(&[cells(HEAD), cells("A1;Lê Ấn;VCB;0071")], &[])).await, []);
}

/// Files that promise or hold more than they weigh, and how they are refused.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let book = |rows: &str, strings: &str| workbook(&[("A", format!("{}{rows}", head()))], strings);
    let sheet = "x".repeat(30_000);
    let shared = format!("<row>{}</row>", "<c t=\"s\"><v>0</v></c>".repeat(60)).repeat(5_000);
    // Letters without a pattern keep the archive's ratio low, so that only the count is at fault.
    let mut rng = fastrand::Rng::with_seed(7);
    let noise: String = (0..400_000).map(|_| rng.alphanumeric()).collect();
    let noise = format!("<!--{noise}-->");
    let columns: String = (0..16_384).map(|_| "<c><v>1</v></c>").collect();
    let mut bomb = head();
    bomb.push_str(&" ".repeat(300 << 20));
    vec![
        ("far", book("<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>", "<sst/>"), "more than 500000 rows"),
        (
            "wide",
            book("<row r=\"2\"><c r=\"XFD2\"><v>1</v></c></row>", "<sst/>"),
            "row 2, column XFD: beyond the limit of 64 columns",
        ),
        ("columns", book(&format!("<row>{columns}</row>"), "<sst/>"), "64 columns"),
        ("bomb", workbook(&[("A", bomb)], "<sst/>"), "200 times the packed size"),
        (
            "shared",
            book(&format!("{shared}{noise}"), &format!("<sst><si><t>{sheet}</t></si></sst>")),
            "33554432 bytes once unpacked",
        ),
        ("strings", book("", &format!("<sst>{noise}{}</sst>", "<si/>".repeat(3_000_000))), "2500000 shared strings"),
    ]
}

#[test]
fn hostile_files_are_refused_in_the_memory_of_a_small_machine() {
    let folder = Folder::new("hostile");
    let db = folder.db();
    assert_eq!(socho(&["market", "add", "--db", &db, "--code", "TAN", "--name", "Chợ Tân An"]).0, 0);
    let import = |name: &str, bytes: &[u8]| {
        let file = folder.path(&format!("{name}.xlsx"));
        std::fs::write(&file, bytes).unwrap();
        // The process may map 1 GB and is ended by its allocator when it wants more.
        let told = Command::new("sh")
            .args(["-c", "ulimit -v 1000000 && exec \"$0\" \"$@\"", BINARY])
            .args(["vendor", "import", &file, "--market", "TAN", "--db", &db, "--dry-run", "--json"])
            .output()
            .unwrap();
        (told.status.code(), String::from_utf8(told.stdout).unwrap(), String::from_utf8(told.stderr).unwrap())
    };
    for (name, bytes, words) in hostile() {
        let (exit, _, told) = import(name, &bytes);
        assert!(exit == Some(1) && told.contains(words), "{name}: {exit:?} {told}");
    }
    // What a workbook says of the number of its strings is not believed.
    let rows = format!("{}{}", head(), inline(&["A1", "Lê Ấn", "VCB", "0071"]));
    let claims = "<sst uniqueCount=\"4000000000\" count=\"4000000000\"><si><t>a</t></si></sst>";
    let (exit, out, told) = import("claims", &workbook(&[("A", rows)], claims));
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{exit:?} {told}"));
    assert_eq!((exit, report["rows"].as_i64(), &report["errors"]), (Some(0), Some(1), &serde_json::json!([])));
}
