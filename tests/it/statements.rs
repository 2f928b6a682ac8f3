//! Banks' statements: the samples and their answers, and the same movements in other words, orders,
//! encodings and formats.

use std::process::Command;

use fastrand::Rng;
use serde_json::{Value, json};
use socho::app::read_statement::{to_json, to_table};
use socho::bank::statement::read;
use socho::domain::language::Language;
use socho::domain::money::Dong;
use socho::domain::statement::{Note, Proof, StatementFile};

use crate::statement_files::{Column, ENCODINGS, Encoding, Movement, NUMBERS, Numbers, Table, csv, xlsx};

/// The samples: `fixtures/statements/README.md` says how they were made.
pub(crate) const SAMPLES: [(&str, &[u8]); 9] = [
    ("vietcombank.xlsx", include_bytes!("../../fixtures/statements/vietcombank.xlsx")),
    ("bidv.xlsx", include_bytes!("../../fixtures/statements/bidv.xlsx")),
    ("vietinbank.xlsx", include_bytes!("../../fixtures/statements/vietinbank.xlsx")),
    ("techcombank.xlsx", include_bytes!("../../fixtures/statements/techcombank.xlsx")),
    ("mb.csv", include_bytes!("../../fixtures/statements/mb.csv")),
    ("agribank.csv", include_bytes!("../../fixtures/statements/agribank.csv")),
    ("camt053.xml", include_bytes!("../../fixtures/statements/camt053.xml")),
    ("camt054.xml", include_bytes!("../../fixtures/statements/camt054.xml")),
    ("mt940.sta", include_bytes!("../../fixtures/statements/mt940.sta")),
];

fn fixture(name: &str) -> String {
    format!("{}/fixtures/statements/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn sample(name: &str) -> &'static [u8] {
    SAMPLES.iter().find(|(known, _)| *known == name).unwrap().1
}

pub(crate) fn answers(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(&format!("{name}.expected.json"))).unwrap()).unwrap()
}

/// A file's lines with the fields that the published contract names.
pub(crate) fn lines_of(shown: &Value) -> Value {
    let fields = ["bank_ref", "account", "direction", "amount", "booked_at", "memo"];
    let line = |line: &Value| fields.iter().map(|field| ((*field).to_owned(), line[field].clone())).collect::<Value>();
    shown["lines"].as_array().unwrap().iter().map(line).collect()
}

pub(crate) fn shown(file: &StatementFile) -> Value {
    serde_json::from_str(&to_json(file).unwrap()).unwrap()
}

fn check_sample(name: &str, shown: &Value) {
    let manifest: Vec<Value> = serde_json::from_slice(&std::fs::read(fixture("manifest.json")).unwrap()).unwrap();
    let expected = manifest.iter().find(|entry| entry["file"] == name).unwrap();
    assert_eq!(lines_of(shown), answers(name), "{name}");
    for field in ["account", "opening", "closing"] {
        assert_eq!(shown[field], expected[field], "{name}: {field}");
    }
    let sums = &shown["statements"][0];
    assert_eq!((&sums["credits"], &sums["debits"]), (&expected["total_credit"], &expected["total_debit"]), "{name}");
}

#[test]
fn every_sample_gives_its_answers() {
    for (name, bytes) in SAMPLES {
        let file = read(bytes, None).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        check_sample(name, &shown(&file));
        assert_eq!(read(bytes, None), Ok(file), "{name} twice");
    }
}

fn socho(arguments: &[&str], lang: &str) -> (i32, String, String) {
    let binary = env!("CARGO_BIN_EXE_socho");
    let output = Command::new(binary).args(arguments).env("SOCHO_LANG", lang).env_remove("SOCHO_DB").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_prints_the_samples_answers_and_refuses_with_exit_code_one() {
    for (name, _) in SAMPLES {
        let (code, out, err) = socho(&["statement", "parse", &fixture(name), "--json"], "en");
        assert_eq!(code, 0, "{name}: {err}");
        check_sample(name, &serde_json::from_str(&out).unwrap());
    }
    let (code, out, err) = socho(&["statement", "parse", &fixture("README.md")], "vi");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("dòng tiêu đề"), "{err}");
    assert_eq!(socho(&["statement", "parse", "/nowhere/x.csv"], "en").0, 1);
}

#[test]
fn people_see_tables_with_memos_masked() {
    let text = String::from_utf8(sample("agribank.csv").to_vec()).unwrap();
    let short: Vec<&str> = text.lines().take(13).collect();
    let file = read(short.join("\n").as_bytes(), None).unwrap();
    insta::assert_snapshot!("statement_table_vi", to_table(&file, Language::Vietnamese));
    let text = String::from_utf8(sample("mt940.sta").to_vec()).unwrap();
    let kept: Vec<&str> = text.lines().take(8).chain([":62F:C260602VND8103000,", "-"]).collect();
    let file = read(kept.join("\r\n").as_bytes(), None).unwrap();
    insta::assert_snapshot!("statement_table_en", to_table(&file, Language::English));
}

/// Movements at the end of a year, with memos that look like labels, separators and dates.
pub(crate) fn movements(rng: &mut Rng, count: usize) -> Vec<Movement> {
    let memos = [
        "NGUYEN VAN AN chuyen tien SC22EV9H",
        "Tong so tien hang hom nay 3 rổ = 125.000, tru coc 50,000",
        "Chị Sáu mua rổ rau; hành, ngò",
        "Số dư cuối kỳ hôm qua 12.000",
        "Cộng phát sinh \"tháng 12\"",
        "01/01/2026 tra no",
        "Hoàn tiền giao dịch | tab\tở giữa",
    ];
    let days = [(2025, 12, 30), (2025, 12, 31), (2026, 1, 1), (2026, 1, 2)];
    (0..count)
        .map(|number| Movement {
            date: days[number * days.len() / count],
            time: (6, rng.i8(0..60), rng.i8(0..60)),
            bank_ref: format!("FT{:08}{number:04}", rng.u32(0..100_000_000)),
            credit: rng.u8(0..4) > 0,
            amount: match rng.u8(0..3) {
                0 => rng.i64(1..100) * 1_000,
                1 => rng.i64(1..999),
                _ => rng.i64(1_000..50_000_000),
            },
            memo: memos[rng.usize(0..memos.len())].to_owned(),
        })
        .collect()
}

fn expected(account: &str, movements: &[Movement]) -> Value {
    let line = |movement: &Movement| {
        let ((year, month, day), (hour, minute, second)) = (movement.date, movement.time);
        json!({
            "bank_ref": movement.bank_ref, "account": account, "amount": movement.amount,
            "direction": if movement.credit { "credit" } else { "debit" },
            "booked_at": format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+07:00"),
            "memo": movement.memo.split_whitespace().collect::<Vec<_>>().join(" "),
        })
    };
    movements.iter().map(line).collect()
}

/// Header words as banks write them, in both languages, both at once, with and without marks.
const WORDS: [(Column, [&str; 5]); 8] = [
    (Column::Serial, ["STT", "No.", "STT/No.", "STT\nNo.", "so tt"]),
    (
        Column::Date,
        ["Ngày giao dịch", "Transaction date", "Ngày hạch toán/ Posting date", "NGAY\nGIAO DICH", "Ngày GD"],
    ),
    (Column::Reference, ["Số bút toán", "Reference No", "Mã GD/ Transaction ID", "SO\nTHAM CHIEU", "Số CT"]),
    (Column::Debit, ["Ghi nợ", "Debit", "Nợ/ Debit", "PHAT SINH NO", "Tiền rút ra"]),
    (Column::Credit, ["Ghi có", "Credit", "Có / Credit", "PHAT SINH CO", "Tiền gửi vào"]),
    (Column::Balance, ["Số dư", "Balance", "Số dư/\nBalance", "SO DU", "Running balance"]),
    (Column::Memo, ["Nội dung", "Description", "Diễn giải/ Remarks", "NOI DUNG\nCHI TIET", "Mô tả"]),
    (Column::Other, ["Tài khoản đối ứng", "Beneficiary", "Ngân hàng đối tác", "TEN TAI KHOAN DOI UNG", "Counterparty"]),
];

pub(crate) fn table(rng: &mut Rng, count: usize) -> Table {
    let mut columns: Vec<(Column, String)> = Vec::new();
    let same = rng.bool().then(|| rng.usize(0..5));
    for (column, words) in WORDS {
        columns.push((column, words[same.unwrap_or_else(|| rng.usize(0..5))].to_owned()));
    }
    rng.shuffle(&mut columns);
    let banks = ["BẢNG SAO KÊ GIAO DỊCH", "Vietcombank", "NGÂN HÀNG TMCP QUÂN ĐỘI", "BIDV", "Agribank", "SACOMBANK"];
    Table {
        bank: banks[rng.usize(0..banks.len())].to_owned(),
        account: format!("0{}", rng.u64(100_000_000..9_999_999_999)),
        opening: rng.i64(0..10_000_000),
        columns,
        numbers: NUMBERS[rng.usize(0..NUMBERS.len())],
        newest_first: rng.u8(0..4) == 0,
        swapped: rng.u8(0..5) == 0,
        state_balances: rng.bool(),
        movements: movements(rng, count),
    }
}

fn check_table(table: &Table, file: &StatementFile, told: &str) {
    let mut movements = table.movements.clone();
    if table.newest_first {
        movements.reverse();
    }
    assert_eq!(lines_of(&shown(file)), expected(&table.account, &movements), "{told}");
    let statement = &file.statements[0];
    assert_eq!(statement.opening.unwrap().whole(), table.opening, "{told}");
    assert_eq!(statement.proof, Proof::RunningBalance, "{told}");
    assert_eq!(file.notes.contains(&Note::ColumnsSwapped), table.swapped, "{told}");
    assert_eq!(file.notes.contains(&Note::NewestFirst), table.newest_first, "{told}");
}

#[test]
fn other_words_orders_separators_and_encodings_give_the_same_lines() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    for case in 0..300 {
        let table = table(&mut rng, 12);
        let (encoding, separator) = (ENCODINGS[case % ENCODINGS.len()], [',', ';', '\t'][rng.usize(0..3)]);
        let told = format!("case {case}, {encoding:?}, {separator:?}, {table:?}");
        let bytes = encoding.encode(&csv(&table.rows().0, separator));
        let file = read(&bytes, None).unwrap_or_else(|refusal| panic!("{refusal}\n{told}"));
        assert_eq!(file.notes.contains(&Note::Windows1258), encoding == Encoding::Windows1258, "{told}");
        check_table(&table, &file, &told);
    }
}

#[test]
fn a_workbook_gives_the_same_lines_from_texts_and_from_number_cells() {
    let mut rng = Rng::with_seed(7);
    for case in 0..60 {
        let mut table = table(&mut rng, 12);
        let mut numbers = Vec::new();
        if case % 2 == 0 {
            table.numbers = Numbers::Plain;
            let money = [Column::Debit, Column::Credit, Column::Balance, Column::Serial];
            numbers = (0..8).filter(|index| money.contains(&table.columns[*index].0)).collect();
            numbers.push(2);
        }
        // A reference of digits alone must stay a text.
        numbers.retain(|index| table.columns[*index].0 != Column::Reference);
        let told = format!("case {case}, {table:?}");
        let file = read(&xlsx(&table.rows().0, &numbers), None).unwrap_or_else(|refusal| panic!("{refusal}\n{told}"));
        check_table(&table, &file, &told);
    }
}

#[test]
fn accounts_under_one_another_and_on_other_sheets_are_statements_of_their_own() {
    let mut rng = Rng::with_seed(3);
    let (mut one, mut other) = (table(&mut rng, 5), table(&mut rng, 7));
    for table in [&mut one, &mut other] {
        (table.newest_first, table.swapped, table.bank) = (false, false, "Vietcombank".to_owned());
    }
    other.columns = one.columns.clone();
    let mut rows = one.rows().0;
    let (more, first) = other.rows();
    rows.extend(more.clone());
    let file = read(&xlsx(&rows, &[]), None).unwrap();
    let accounts: Vec<(&str, usize)> = file.statements.iter().map(|s| (s.account.as_str(), s.lines.len())).collect();
    assert_eq!(accounts, [(one.account.as_str(), 5), (other.account.as_str(), 7)]);
    let shown = shown(&file);
    assert_eq!((&shown["account"], shown["lines"].as_array().unwrap().len()), (&Value::Null, 12));
    // The second account without a header of its own.
    let mut rows = one.rows().0;
    rows.extend(more.into_iter().enumerate().filter(|(index, _)| *index + 2 != first).map(|(_, row)| row));
    let file = read(csv(&rows, ';').as_bytes(), None).unwrap();
    assert_eq!(file.statements.len(), 2);
    check_table(&other, &StatementFile { statements: vec![file.statements[1].clone()], ..file.clone() }, "no header");
}

#[test]
fn banks_without_a_sample_are_read_in_their_own_words() {
    let acb = "BẢNG SAO KÊ GIAO DỊCH\nNGÂN HÀNG TMCP Á CHÂU\nSố tài khoản: 123456789 - VND - NGUYEN VAN A\n\
        Ngày hiệu lực,Ngày giao dịch,Số GD,Nội dung GD,Tiền rút ra,Tiền gửi vào,Số dư\n\
        ,,,SỐ DƯ ĐẦU,,,\"1,000,000\"\n31/12/2025,31/12/2025,1234,Tổng tiền hàng,,\"50,000\",\"1,050,000\"\n\
        31/12/2025,01/01/2026,1235,x,\"20,000\",,\"1,030,000\"\n,,,Tổng cộng,\"20,000\",\"50,000\",\n,,,SỐ DƯ CUỐI,,,\"1,030,000\"\n";
    let sacombank = "\"NGÂN HÀNG TMCP SÀI GÒN THƯƠNG TÍN\"\n\"Tài khoản\";\"123456789\"\n\
        \"Ngày giao dịch\";\"Mã GD\";\"Nội dung\";\"Ghi nợ\";\"Ghi có\";\"Số dư\"\n\
        \"31-12-2025\";\"1234\";\"Tổng tiền hàng\";\"0\";\"50.000\";\"1.050.000\"\n\
        \"01-01-2026\";\"1235\";\"x\";\"20.000\";\"0\";\"1.030.000\"\n";
    for (bank, text) in [("ACB", acb), ("Sacombank", sacombank)] {
        let file = read(text.as_bytes(), None).unwrap_or_else(|refusal| panic!("{bank}: {refusal}"));
        assert_eq!((file.format.as_str(), &file.notes), (bank, &vec![]));
        let shown = shown(&file);
        assert_eq!((&shown["opening"], &shown["closing"]), (&json!(1_000_000), &json!(1_030_000)));
        let lines: Vec<(&Value, &Value, &Value)> = shown["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| (&l["bank_ref"], &l["direction"], &l["booked_at"]))
            .collect();
        let expected = [
            (&json!("1234"), &json!("credit"), &json!("2025-12-31")),
            (&json!("1235"), &json!("debit"), &json!("2026-01-01")),
        ];
        assert_eq!(lines, expected, "{bank}");
    }
}

#[test]
fn an_unknown_bank_is_read_by_a_described_layout() {
    let text = "Konto 12345678\nTag;Was;Hinaus;Herein\n31.12.2026;hoa;;144.000\n31.12.2026;cá;5.000;\n";
    let map = "name = \"Bank Neun\"\naccount = \"12345678\"\n[columns]\ndate = [\"Tag\"]\nmemo = [\"Was\"]\ndebit = [\"Hinaus\"]\ncredit = [\"Herein\"]\n";
    assert!(read(text.as_bytes(), None).is_err());
    let refusal = read(text.as_bytes(), Some(map)).unwrap_err();
    assert_eq!(refusal.code(), "statement_amount", "nothing says what the dots mean: {refusal}");
    let told = format!("thousands = \"dot\"\n{map}");
    let file = read(text.as_bytes(), Some(&told)).unwrap();
    let lines: Vec<(&str, i64)> =
        file.statements[0].lines.iter().map(|line| (line.texts.read().memo, line.signed().whole())).collect();
    assert_eq!(lines, [("hoa", 144_000), ("cá", -5_000)]);
    assert_eq!((file.format.as_str(), file.notes), ("Bank Neun", vec![Note::Unproven]));
    for bad in ["", "name = 1", "name = \"x\"\nsecret = 1", "[columns]\ndate = \"Tag\""] {
        assert_eq!(read(text.as_bytes(), Some(bad)).unwrap_err().code(), "statement_map", "{bad}");
    }
}

#[test]
fn one_column_for_both_directions_is_read_by_its_sign_or_by_the_word_beside_it() {
    let head = "Số tài khoản: 0071000888888\nNgày giao dịch;Số tham chiếu;Số tiền";
    let signed = format!("{head};Số dư\n01/06/2026;A1;+50,000;150,000\n01/06/2026;A2;-20,000;130,000\n");
    let worded = format!("{head};Nợ/Có;Số dư\n01/06/2026;A1;50,000;C;150,000\n01/06/2026;A2;20,000;Nợ;130,000\n");
    for text in [signed, worded] {
        let file = read(text.as_bytes(), None).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
        let lines: Vec<i64> = file.statements[0].lines.iter().map(|line| line.signed().whole()).collect();
        assert_eq!((lines, file.statements[0].opening.unwrap().whole()), (vec![50_000, -20_000], 100_000));
    }
}

#[test]
fn a_fee_beside_money_in_is_a_line_of_its_own() {
    let text = "Số tài khoản: 0071000888888\nNgày giao dịch;Số bút toán;Nợ;Có;Phí;Thuế;Số dư\n\
        01/06/2026;A1;;100,000;-1,000;-100;198,900\n01/06/2026;A2;-8,900;;;;190,000\n";
    let file = read(text.as_bytes(), None).unwrap();
    let lines: Vec<(i64, Option<i64>)> =
        file.statements[0].lines.iter().map(|line| (line.signed().whole(), line.balance.map(Dong::whole))).collect();
    assert_eq!(lines, [(100_000, Some(200_000)), (-1_100, Some(198_900)), (-8_900, Some(190_000))]);
}

#[test]
fn a_long_statement_is_read_in_bounded_memory() {
    let mut rng = Rng::with_seed(1);
    let mut table = table(&mut rng, 1);
    (table.newest_first, table.swapped, table.numbers) = (false, false, Numbers::Comma);
    table.movements = movements(&mut rng, 200_000);
    let bytes = csv(&table.rows().0, ',').into_bytes();
    let started = std::time::Instant::now();
    let file = read(&bytes, None).unwrap();
    eprintln!("200,000 lines, {} bytes: {:?}", bytes.len(), started.elapsed());
    assert_eq!(file.statements[0].lines.len(), 200_000);
    assert_eq!(file.statements[0].proof, Proof::RunningBalance);
}
