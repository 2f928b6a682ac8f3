//! Statement files made for tests: the same movements in any bank's words, order, encoding, format.
#![expect(clippy::format_push_string, reason = "files for tests are made of small pieces")]

use std::io::{Cursor, Write as _};

use encoding_rs::WINDOWS_1258;
use unicode_normalization::UnicodeNormalization as _;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A movement that is written into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Movement {
    pub(crate) date: (i16, i8, i8),
    pub(crate) time: (i8, i8, i8),
    pub(crate) bank_ref: String,
    pub(crate) credit: bool,
    pub(crate) amount: i64,
    pub(crate) memo: String,
}

/// How amounts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    Plain,
    Comma,
    CommaDecimals,
    Dot,
    DotDecimals,
    Spaces,
}

pub(crate) const NUMBERS: [Numbers; 6] =
    [Numbers::Plain, Numbers::Comma, Numbers::CommaDecimals, Numbers::Dot, Numbers::DotDecimals, Numbers::Spaces];

impl Numbers {
    pub(crate) fn write(self, amount: i64) -> String {
        let grouped = |separator: &str| {
            let digits = amount.unsigned_abs().to_string();
            let groups: Vec<&str> =
                digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
            format!("{}{}", if amount < 0 { "-" } else { "" }, groups.join(separator))
        };
        match self {
            Self::Plain => amount.to_string(),
            Self::Comma => grouped(","),
            Self::CommaDecimals => format!("{}.00", grouped(",")),
            Self::Dot => grouped("."),
            Self::DotDecimals => format!("{},00", grouped(".")),
            Self::Spaces => format!("{} VND", grouped("\u{a0}")),
        }
    }
}

/// What a column of a made table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Serial,
    Date,
    Reference,
    Debit,
    Credit,
    Balance,
    Memo,
    Other,
}

/// How a table is written.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) bank: String,
    pub(crate) account: String,
    pub(crate) opening: i64,
    pub(crate) columns: Vec<(Column, String)>,
    pub(crate) numbers: Numbers,
    pub(crate) newest_first: bool,
    pub(crate) swapped: bool,
    pub(crate) state_balances: bool,
    pub(crate) movements: Vec<Movement>,
}

impl Table {
    /// Returns the table's cells; movements begin at the row that is returned beside them, from 1.
    pub(crate) fn rows(&self) -> (Vec<Vec<String>>, usize) {
        let mut rows = vec![vec![self.bank.clone()], vec![format!("Số tài khoản/ Account No: {}", self.account)]];
        let mut balances = Vec::new();
        let mut balance = self.opening;
        for movement in &self.movements {
            balance += if movement.credit { movement.amount } else { -movement.amount };
            balances.push(balance);
        }
        if self.state_balances {
            rows.push(vec![
                "Số dư đầu kỳ/ Opening balance".to_owned(),
                String::new(),
                self.numbers.write(self.opening),
            ]);
        }
        rows.push(vec![String::new()]);
        rows.push(self.columns.iter().map(|(_, words)| words.clone()).collect());
        let first = rows.len() + 1;
        let mut lines: Vec<Vec<String>> = self
            .movements
            .iter()
            .zip(balances)
            .enumerate()
            .map(|(number, (movement, balance))| self.line(number + 1, movement, balance))
            .collect();
        if self.newest_first {
            lines.reverse();
        }
        rows.extend(lines);
        if self.state_balances {
            rows.push(vec!["Số dư cuối kỳ/ Closing balance".to_owned(), String::new(), self.numbers.write(balance)]);
        }
        rows.push(vec!["Chứng từ này được in từ hệ thống, không cần chữ ký.".to_owned()]);
        (rows, first)
    }

    fn line(&self, number: usize, movement: &Movement, balance: i64) -> Vec<String> {
        let (year, month, day) = movement.date;
        let (hour, minute, second) = movement.time;
        let amount = |wanted: bool| {
            if wanted { self.numbers.write(movement.amount) } else { String::new() }
        };
        let cell = |column: Column| match column {
            Column::Serial => number.to_string(),
            Column::Date => format!("{day:02}/{month:02}/{year} {hour:02}:{minute:02}:{second:02}"),
            Column::Reference => movement.bank_ref.clone(),
            Column::Debit => amount(movement.credit == self.swapped),
            Column::Credit => amount(movement.credit != self.swapped),
            Column::Balance => self.numbers.write(balance),
            Column::Memo => movement.memo.clone(),
            Column::Other => "NAPAS".to_owned(),
        };
        self.columns.iter().map(|(column, _)| cell(*column)).collect()
    }
}

/// Writes rows as separated values, quoting what needs it.
pub(crate) fn csv(rows: &[Vec<String>], separator: char) -> String {
    let cell = |cell: &String| {
        if cell.contains([separator, '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    };
    let line = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join(&separator.to_string());
    rows.iter().map(|row| line(row) + "\r\n").collect()
}

/// The encodings that banks' files come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf8Mark,
    Utf8Nfd,
    Utf16Little,
    Utf16Big,
    Windows1258,
}

pub(crate) const ENCODINGS: [Encoding; 6] = [
    Encoding::Utf8,
    Encoding::Utf8Mark,
    Encoding::Utf8Nfd,
    Encoding::Utf16Little,
    Encoding::Utf16Big,
    Encoding::Windows1258,
];

impl Encoding {
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf8Mark => format!("\u{feff}{text}").into_bytes(),
            Self::Utf8Nfd => text.nfd().collect::<String>().into_bytes(),
            Self::Utf16Little => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Big => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Windows1258 => {
                let apart: String = text.nfc().flat_map(letter_and_tone).collect();
                let (bytes, _, lost) = WINDOWS_1258.encode(&apart);
                assert!(!lost, "{text:?} is not Windows-1258");
                bytes.into_owned()
            }
        }
    }
}

/// Windows-1258 has a letter with its shape and, behind it, the tone.
fn letter_and_tone(character: char) -> Vec<char> {
    let is_tone = |c: &char| matches!(u32::from(*c), 0x300 | 0x301 | 0x303 | 0x309 | 0x323);
    let parts: Vec<char> = std::iter::once(character).nfd().collect();
    let tones: Vec<char> = parts.iter().copied().filter(is_tone).collect();
    let letter = parts.iter().copied().filter(|c| !is_tone(c)).nfc();
    letter.chain(tones).collect()
}

/// Packs files as a zip archive.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A workbook of sheets, given each sheet's XML rows.
pub(crate) fn workbook(sheets: &[(&str, String)], strings: &str) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relations = |inner: &str| {
        format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{inner}</Relationships>"
        )
    };
    let mut listed = String::new();
    let mut related = format!(
        "<Relationship Id=\"s\" Type=\"{kinds}/sharedStrings\" Target=\"sharedStrings.xml\"/><Relationship Id=\"y\" Type=\"{kinds}/styles\" Target=\"styles.xml\"/>"
    );
    let mut parts = Vec::new();
    for (number, (title, rows)) in sheets.iter().enumerate() {
        listed.push_str(&format!("<sheet name=\"{title}\" sheetId=\"{0}\" r:id=\"r{0}\"/>", number + 1));
        related.push_str(&format!(
            "<Relationship Id=\"r{0}\" Type=\"{kinds}/worksheet\" Target=\"/xl/worksheets/s{0}.xml\"/>",
            number + 1
        ));
        let sheet = format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
        parts.push((format!("xl/worksheets/s{}.xml", number + 1), sheet));
    }
    let book = format!("<workbook xmlns=\"{main}\" xmlns:r=\"{kinds}\"><sheets>{listed}</sheets></workbook>");
    let root =
        relations(&format!("<Relationship Id=\"a\" Type=\"{kinds}/officeDocument\" Target=\"xl/workbook.xml\"/>"));
    let styles = format!(
        "<styleSheet xmlns=\"{main}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"22\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
    );
    let related = relations(&related);
    let mut files: Vec<(&str, &[u8])> = vec![
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", related.as_bytes()),
        ("xl/styles.xml", styles.as_bytes()),
        ("xl/sharedStrings.xml", strings.as_bytes()),
    ];
    files.extend(parts.iter().map(|(name, sheet)| (name.as_str(), sheet.as_bytes())));
    zip(&files)
}

/// Writes rows as a workbook, texts shared; what is all digits becomes a number cell where asked.
pub(crate) fn xlsx(rows: &[Vec<String>], number_columns: &[usize]) -> Vec<u8> {
    let mut strings = String::new();
    let mut shared = 0;
    let mut xml = String::new();
    for (number, row) in rows.iter().enumerate() {
        xml.push_str(&format!("<row r=\"{}\">", number + 1));
        for (column, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let name = format!("{}{}", char::from(b'A' + u8::try_from(column).unwrap()), number + 1);
            if number_columns.contains(&column) && cell.parse::<i64>().is_ok() {
                xml.push_str(&format!("<c r=\"{name}\"><v>{cell}</v></c>"));
            } else {
                let text = cell.replace('&', "&amp;").replace('<', "&lt;");
                strings.push_str(&format!("<si><r><t>{text}</t></r></si>"));
                xml.push_str(&format!("<c r=\"{name}\" t=\"s\"><v>{shared}</v></c>"));
                shared += 1;
            }
        }
        xml.push_str("</row>");
    }
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    workbook(&[("Sao kê", xml)], &format!("<sst xmlns=\"{main}\">{strings}</sst>"))
}
