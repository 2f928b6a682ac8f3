//! Statements as other people's programs write them: other words over the columns, other dates, other signs. Each
//! gives the same three lines.

use std::fmt::Write as _;

use socho::bank::statement::read;
use socho::bank::statement::refusal::{Rule, Wanted};
use socho::domain::settlement::Direction;
use socho::domain::statement::{BookedAt, Proof};

use crate::statement_files::xlsx;

/// The columns' words: date, reference, money out, money in, balance, text.
type Words = [&'static str; 6];

const WORDS: Words = ["Ngày giao dịch", "Số tham chiếu", "Ghi nợ", "Ghi có", "Số dư", "Nội dung"];
/// The lines: date, amount with its sign, balance.
const LINES: [(&str, i64, i64); 3] = [
    ("01/06/2026 07:05:03", 35_000, 135_000),
    ("01/06/2026 08:42:03", -9_000, 126_000),
    ("02/06/2026 10:19:03", 4_430, 130_430),
];
const HEAD: &str = "SAO KÊ\nSố tài khoản: 0071000888888\n";

fn file(head: &str, words: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("{head}{}\n", words.join(";"));
    for row in rows {
        writeln!(text, "{}", row.join(";")).unwrap();
    }
    text
}

/// The rows with their dates written in some way.
fn rows(dates: [&str; 3]) -> Vec<Vec<String>> {
    let row = |((_, amount, balance), date): (&(&str, i64, i64), &str)| {
        let of = |wanted: bool| if wanted { amount.abs().to_string() } else { String::new() };
        let cells = [date.to_owned(), format!("FT{balance}"), of(*amount < 0), of(*amount > 0), balance.to_string()];
        cells.into_iter().chain(["rau".to_owned()]).collect()
    };
    LINES.iter().zip(dates).map(row).collect()
}

/// Reads a file and holds it to the lines; whether it has their times too is returned.
fn check(bytes: &[u8], told: &str) -> bool {
    let file = read(bytes, None).unwrap_or_else(|refusal| panic!("{told}: {refusal}"));
    let statement = &file.statements[0];
    assert_eq!((file.statements.len(), statement.proof), (1, Proof::RunningBalance), "{told}");
    let lines: Vec<(String, i64, i64)> = statement
        .lines
        .iter()
        .map(|line| {
            let size = line.amount.whole();
            let amount = if line.direction == Direction::Credit { size } else { -size };
            (line.booked_at.date().vietnamese(), amount, line.balance.unwrap().whole())
        })
        .collect();
    let date = |text: &str| text.split(' ').next().unwrap().to_owned();
    assert_eq!(lines, LINES.map(|(at, amount, balance)| (date(at), amount, balance)), "{told}");
    let timed = statement.lines.iter().map(|line| match line.booked_at {
        BookedAt::At(at) => Some(at),
        BookedAt::On(_) => None,
    });
    let seconds: Vec<_> = timed.flatten().collect();
    assert!(matches!(seconds.len(), 0 | 3), "{told}: {seconds:?}");
    if seconds.len() == 3 {
        let apart = seconds[1].duration_since(seconds[0]);
        assert_eq!(apart.as_secs() / 60, 97, "{told}");
    }
    seconds.len() == 3
}

#[test]
fn columns_are_found_by_what_people_call_them() {
    let others: [Words; 14] = [
        ["Ngày", "Số CT", "Chi", "Thu", "Tồn", "Nội dung"],
        ["Ngày GD", "Mã GD", "PS Nợ", "PS Có", "Số dư", "Mô tả"],
        ["Ngày hạch toán", "Số giao dịch", "Số tiền chi", "Số tiền thu", "Số dư cuối", "Nội dung"],
        ["Ngày giá trị", "Số chứng từ", "Số tiền rút", "Số tiền nộp", "Số dư hiện tại", "Diễn giải"],
        ["Ngày giá trị", "Số chứng từ", "Rút", "Gửi", "Số dư", "Diễn giải"],
        ["Thời điểm GD", "Mã tham chiếu", "Tiền ra", "Tiền vào", "Số dư sau GD", "Nội dung CK"],
        ["Ngày giờ giao dịch", "Mã bút toán", "Nợ (VND)", "Có (VND)", "Số dư (VND)", "Nội dung chuyển tiền"],
        ["Ngày giao dịch", "Mã giao dịch", "Giảm", "Tăng", "Số dư", "Nội dung"],
        ["Ngày giao dịch", "Mã giao dịch", "Phát sinh giảm", "Phát sinh tăng", "Số dư", "Nội dung"],
        ["NGAY GIAO DICH", "SO THAM CHIEU", "GHI NO (VND)", "GHI CO (VND)", "SO DU", "NOI DUNG"],
        ["Posting Date", "Transaction Ref", "Debit Amount", "Credit Amount", "Available Balance", "Narrative"],
        ["Value Date", "Reference Number", "Withdrawals (VND)", "Deposits (VND)", "Balance (VND)", "Particulars"],
        ["Transaction Date", "Transaction ID", "Dr", "Cr", "Running Balance", "Details"],
        ["Ngày GD/\tTrans date", "Số BT / Ref", "Nợ/ Debit", "Có/ Credit", "Số dư/ Balance", "Diễn giải/ Remark"],
    ];
    for words in others {
        assert!(check(file(HEAD, &words, &rows(LINES.map(|line| line.0))).as_bytes(), &format!("{words:?}")));
    }
}

#[test]
fn one_column_of_amounts_is_found_by_what_people_call_it() {
    for word in
        ["Số tiền", "Số tiền ghi nợ/ghi có", "Thay đổi", "Phát sinh", "Giá trị giao dịch", "Biến động", "Amount"]
    {
        let rows: Vec<Vec<String>> = LINES
            .iter()
            .map(|(at, amount, balance)| {
                vec![(*at).to_owned(), format!("FT{balance}"), format!("{amount:+}"), balance.to_string()]
            })
            .collect();
        check(file(HEAD, &["Ngày giao dịch", "Mã GD", word, "Số dư"], &rows).as_bytes(), word);
    }
    for (word, out, into) in [
        ("+/-", "-", "+"),
        ("C/D", "D", "C"),
        ("Nợ/Có", "Nợ", "Có"),
        ("Loại giao dịch", "Ghi nợ", "Ghi có"),
        ("Loại GD", "Tiền ra", "Tiền vào"),
        ("DR/CR", "DR", "CR"),
    ] {
        let row = |(at, amount, balance): &(&str, i64, i64)| {
            let sign = if *amount < 0 { out } else { into };
            vec![
                (*at).to_owned(),
                format!("FT{balance}"),
                amount.abs().to_string(),
                sign.to_owned(),
                balance.to_string(),
            ]
        };
        let rows: Vec<Vec<String>> = LINES.iter().map(row).collect();
        check(file(HEAD, &["Ngày giao dịch", "Mã GD", "Số tiền", word, "Số dư"], &rows).as_bytes(), word);
    }
}

#[test]
fn dates_are_read_however_programs_write_them() {
    for (dates, timed) in [
        (["01-06-2026 07:05", "01-06-2026 08:42", "02-06-2026 10:19"], true),
        (["1/6/2026 7:05", "1/6/2026 8:42", "2/6/2026 10:19"], true),
        (["01.06.2026", "01.06.2026", "02.06.2026"], false),
        (["2026-06-01T07:05:03", "2026-06-01T08:42:03", "2026-06-02T10:19:03"], true),
        (["07:05:03 01/06/2026", "08:42:03 01/06/2026", "10:19:03 02/06/2026"], true),
        (["01/06/2026 07:05:03 SA", "01/06/2026 08:42:03 SA", "02/06/2026 10:19:03 SA"], true),
        (["01/06/2026 lúc 07:05", "01/06/2026 lúc 08:42", "02/06/2026 lúc 10:19"], true),
        (["01 Jun 2026", "01 Jun 2026", "02 Jun 2026"], false),
        (["01-JUN-2026 07:05", "01-JUN-2026 08:42", "02-JUN-2026 10:19"], true),
        (["20260601", "20260601", "20260602"], false),
        (["20260601070503", "20260601084203", "20260602101903"], true),
        (["01062026", "01062026", "02062026"], false),
        (["46174.295173611", "46174.362534722", "46175.429895833"], true),
        (["46174", "46174", "46175"], false),
    ] {
        let found = check(file(HEAD, &WORDS, &rows(dates)).as_bytes(), &format!("{dates:?}"));
        assert_eq!(found, timed, "{dates:?}");
    }
}

#[test]
fn a_year_of_two_digits_is_one_where_the_period_proves_it() {
    let dates = ["01-06-26 07:05", "01-06-26 08:42", "02-06-26 10:19"];
    let head = format!("{HEAD}Từ ngày 01/06/2026 đến ngày 02/06/2026\n");
    assert!(check(file(&head, &WORDS, &rows(dates)).as_bytes(), "short years"));
    let elsewhere = format!("{HEAD}Từ ngày 01/06/2001 đến ngày 30/06/2001\n");
    for head in [HEAD, &elsewhere] {
        let refusal = read(file(head, &WORDS, &rows(dates)).as_bytes(), None).unwrap_err();
        assert!(matches!(refusal.rule, Rule::Not(Wanted::Date, _)), "{refusal}");
    }
}

#[test]
fn a_day_number_is_a_date_in_a_workbook_too() {
    let mut table: Vec<Vec<String>> =
        HEAD.lines().map(|line| vec![line.to_owned()]).chain([WORDS.map(str::to_owned).to_vec()]).collect();
    table.extend(rows(["46174", "46174", "46175"]));
    for numbers in [&[][..], &[0], &[0, 2, 3, 4]] {
        assert!(!check(&xlsx(&table, numbers), &format!("{numbers:?}")));
    }
}
