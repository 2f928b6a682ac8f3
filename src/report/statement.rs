//! A bank's statement file as JSON for programs, whole, and as tables for the terminal, with memos
//! masked.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, Table};
use serde::Serialize;

use crate::domain::calendar::{VIETNAM, rfc3339};
use crate::domain::language::Language;
use crate::domain::masking;
use crate::domain::money::Dong;
use crate::domain::settlement::Direction;
use crate::domain::statement::{BookedAt, Note, Proof, Statement, StatementFile, StatementLine};

/// Lines that the table shows of one statement; JSON has all of them.
const TABLE_LINES_MAX: usize = 500;
/// Characters of a memo that the table shows.
const MEMO_SHOWN_CHARS: usize = 48;

#[derive(Serialize)]
struct File<'a> {
    /// None when the file holds several accounts.
    account: Option<&'a str>,
    opening: Option<i64>,
    closing: Option<i64>,
    currency: &'static str,
    format: &'a str,
    statements: Vec<Part<'a>>,
    notes: Vec<NoteJson>,
    lines: Vec<Movement<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    account: &'a str,
    opening: Option<i64>,
    closing: Option<i64>,
    from: Option<String>,
    to: Option<String>,
    proof: &'static str,
    lines: usize,
    credits: Option<i64>,
    debits: Option<i64>,
}

#[derive(Serialize)]
struct NoteJson {
    code: &'static str,
    message: String,
    message_vi: String,
}

#[derive(Serialize)]
struct Movement<'a> {
    /// None when the bank gives no reference.
    bank_ref: Option<&'a str>,
    account: &'a str,
    direction: &'static str,
    amount: i64,
    booked_at: String,
    memo: &'a str,
    balance: Option<i64>,
    line: usize,
}

/// Returns the file as JSON. `account`, `opening` and `closing` are null where the file holds more
/// than one statement; `statements` has each, and every line names its account.
///
/// # Errors
/// When serde cannot write it, which it always can.
pub fn json(file: &StatementFile) -> Result<String, serde_json::Error> {
    let single = match file.statements.as_slice() {
        [single] => Some(single),
        _ => None,
    };
    let first = file.statements.first();
    let same = first.is_some_and(|first| file.statements.iter().all(|other| other.account == first.account));
    serde_json::to_string(&File {
        account: first.filter(|_| same).map(|statement| statement.account.as_str()),
        opening: single.and_then(|single| single.opening).map(Dong::whole),
        closing: single.and_then(|single| single.closing).map(Dong::whole),
        currency: "VND",
        format: &file.format,
        statements: file.statements.iter().map(part).collect(),
        notes: file.notes.iter().map(note_json).collect(),
        lines: file
            .statements
            .iter()
            .flat_map(|statement| statement.lines.iter().map(|one| line(statement, one)))
            .collect(),
    })
}

fn part(statement: &Statement) -> Part<'_> {
    Part {
        account: statement.account.as_str(),
        opening: statement.opening.map(Dong::whole),
        closing: statement.closing.map(Dong::whole),
        from: statement.period.map(|(from, _)| from.to_string()),
        to: statement.period.map(|(_, to)| to.to_string()),
        proof: statement.proof.as_str(),
        lines: statement.lines.len(),
        credits: statement.total(Direction::Credit).map(Dong::whole),
        debits: statement.total(Direction::Debit).map(Dong::whole),
    }
}

fn line<'a>(statement: &'a Statement, line: &'a StatementLine) -> Movement<'a> {
    let texts = line.texts.read();
    Movement {
        bank_ref: Some(texts.bank_ref).filter(|reference| !reference.is_empty()),
        account: statement.account.as_str(),
        direction: line.direction.as_str(),
        amount: line.amount.whole(),
        booked_at: match line.booked_at {
            BookedAt::At(instant) => rfc3339(instant),
            BookedAt::On(date) => date.to_string(),
        },
        memo: texts.memo,
        balance: line.balance.map(Dong::whole),
        line: line.place.line,
    }
}

/// Returns what a person should know of the file, as a JSON list.
///
/// # Errors
/// When serde cannot write it, which it always can.
pub fn notes(file: &StatementFile) -> Result<String, serde_json::Error> {
    serde_json::to_string(&file.notes.iter().map(note_json).collect::<Vec<_>>())
}

fn note_json(note: &Note) -> NoteJson {
    NoteJson {
        code: code(note),
        message: in_words(note, Language::English),
        message_vi: in_words(note, Language::Vietnamese),
    }
}

fn code(note: &Note) -> &'static str {
    match note {
        Note::ColumnsSwapped => "columns_swapped",
        Note::NewestFirst => "newest_first",
        Note::Unproven => "unproven",
        Note::NotBooked { .. } => "not_booked",
        Note::UndividedBatch(_) => "undivided_batch",
        Note::Gap { .. } => "gap",
        Note::UnknownVersion(_) => "unknown_version",
        Note::AccountIsNumber(_) => "account_is_number",
        Note::GeneralLayout => "general_layout",
        Note::Windows1258 => "windows_1258",
        Note::TotalsDiffer { .. } => "totals_differ",
    }
}

/// Returns a note in words.
fn in_words(note: &Note, language: Language) -> String {
    let (vi, en) = match note {
        Note::ColumnsSwapped => (
            "Tiêu đề ghi nợ/có theo sổ của khách hàng; số dư cho thấy hướng đúng.".to_owned(),
            "The header names debit and credit by the holder's books; the balances show the true direction.".to_owned(),
        ),
        Note::NewestFirst => ("Dòng mới nhất đứng đầu.".to_owned(), "The newest line stands first.".to_owned()),
        Note::Unproven => (
            "Tệp không có số dư hay dòng tổng: không thể biết có thiếu dòng hay không.".to_owned(),
            "The file has neither balances nor sums: nothing shows that no line is missing.".to_owned(),
        ),
        Note::NotBooked { count } => (
            format!("Bỏ qua {count} bút toán chờ hoặc mới thông báo, chưa hạch toán."),
            format!("{count} pending or announced entries, not booked yet, were left out."),
        ),
        Note::UndividedBatch(place) => (
            format!(
                "{}: một lô không ghi số tiền từng giao dịch, được đọc thành một dòng.",
                place.in_words(Language::Vietnamese)
            ),
            format!("{}: a batch whose parts carry no amounts is one line.", place.in_words(Language::English)),
        ),
        Note::Gap { closing, opening } => (
            format!(
                "Hai đoạn sao kê của một tài khoản không nối nhau: cuối {} nhưng đầu {}.",
                closing.grouped(),
                opening.grouped()
            ),
            format!(
                "Two statements of one account do not join: one ends at {}, the next begins at {}.",
                closing.grouped(),
                opening.grouped()
            ),
        ),
        Note::UnknownVersion(name) => (
            format!("Phiên bản {name} chưa biết; đọc theo các phiên bản đã biết."),
            format!("Version {name} is not known; it was read by the rules of the known ones."),
        ),
        Note::AccountIsNumber(place) => (
            format!("{}: số tài khoản là ô số, có thể đã mất số 0 ở đầu.", place.in_words(Language::Vietnamese)),
            format!("{}: the account is a number cell; leading zeros may be lost.", place.in_words(Language::English)),
        ),
        Note::GeneralLayout => (
            "Không rõ sao kê của ngân hàng nào; tiêu đề được đọc theo từ ngữ chung.".to_owned(),
            "Whose statement it is, the file does not show; the header was read by words that any bank may use."
                .to_owned(),
        ),
        Note::Windows1258 => (
            "Tệp không phải UTF-8; được đọc theo Windows-1258.".to_owned(),
            "The file is not UTF-8; it was read as Windows-1258.".to_owned(),
        ),
        Note::TotalsDiffer { direction, stated, lines } => {
            let (vi, en) = match direction {
                Direction::Credit => ("ghi có", "credits"),
                Direction::Debit => ("ghi nợ", "debits"),
            };
            (
                format!(
                    "Dòng tổng {vi} ghi {} nhưng các dòng cộng lại là {}; số dư khớp với các dòng.",
                    stated.grouped(),
                    lines.grouped()
                ),
                format!(
                    "The file's own sum of {en} is {} but its lines make {}; the balances agree with the lines.",
                    stated.grouped(),
                    lines.grouped()
                ),
            )
        }
    };
    language.of(&vi, &en).to_owned()
}

/// Returns the file as tables of plain text; of a long statement the first lines only.
#[must_use]
pub fn table(file: &StatementFile, language: Language) -> String {
    let mut out = String::new();
    for statement in &file.statements {
        let account = language.of("Tài khoản", "Account");
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{account} {} · {}{}", statement.account, file.format, period(statement, language));
        let _ = writeln!(out, "{}", sums(statement, language));
        let _ = writeln!(out, "{}", lines(statement, language));
        let hidden = statement.lines.len().saturating_sub(TABLE_LINES_MAX);
        if hidden > 0 {
            let _ = match language {
                Language::Vietnamese => writeln!(out, "… và {hidden} dòng nữa; --json in tất cả"),
                Language::English => writeln!(out, "… and {hidden} lines more; --json prints all"),
            };
        }
        out.push('\n');
    }
    for note in &file.notes {
        let _ = writeln!(out, "· {}", in_words(note, language));
    }
    out
}

fn period(statement: &Statement, language: Language) -> String {
    let Some((from, to)) = statement.period else { return String::new() };
    match language {
        Language::Vietnamese => format!(" · từ {} đến {}", from.vietnamese(), to.vietnamese()),
        Language::English => format!(" · {from} to {to}"),
    }
}

fn sums(statement: &Statement, language: Language) -> Table {
    let amount = |amount: Option<Dong>| right(amount.map_or_else(|| "–".to_owned(), Dong::with_unit));
    let proof = match statement.proof {
        Proof::RunningBalance => language.of("khớp từng dòng theo số dư", "each line agrees with its balance"),
        Proof::Balances => language.of("số dư đầu + các dòng = số dư cuối", "opening + lines = closing"),
        Proof::Totals => language.of("khớp dòng tổng, tệp không có số dư", "agrees with its sums; no balances"),
        Proof::Unproven => language.of("không có gì để kiểm chứng", "nothing to prove it by"),
    };
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.add_row([Cell::new(language.of("Số dư đầu", "Opening")), amount(statement.opening)]);
    table.add_row([Cell::new(language.of("Tiền vào", "Money in")), amount(statement.total(Direction::Credit))]);
    table.add_row([Cell::new(language.of("Tiền ra", "Money out")), amount(statement.total(Direction::Debit))]);
    table.add_row([Cell::new(language.of("Số dư cuối", "Closing")), amount(statement.closing)]);
    table.add_row([Cell::new(language.of("Số dòng", "Lines")), right(statement.lines.len())]);
    table.add_row([Cell::new(language.of("Kiểm chứng", "Proof")), Cell::new(proof)]);
    table
}

fn lines(statement: &Statement, language: Language) -> Table {
    let mut table = Table::new();
    let words = match language {
        Language::Vietnamese => ["Dòng", "Lúc", "Số tham chiếu", "Tiền vào", "Tiền ra", "Số dư", "Nội dung (đã che)"],
        Language::English => ["Line", "Booked", "Reference", "In", "Out", "Balance", "Memo (masked)"],
    };
    table.load_style(UTF8_FULL_CONDENSED).set_header(words);
    for line in statement.lines.iter().take(TABLE_LINES_MAX) {
        let amount = |direction: Direction| {
            right(if line.direction == direction { line.amount.grouped() } else { String::new() })
        };
        let texts = line.texts.read();
        table.add_row([
            right(line.place.line),
            right(booked(line.booked_at)),
            Cell::new(printable(texts.bank_ref)),
            amount(Direction::Credit),
            amount(Direction::Debit),
            right(line.balance.map_or_else(String::new, Dong::grouped)),
            Cell::new(cut(&printable(&masking::memo(texts.memo)))),
        ]);
    }
    table
}

fn booked(at: BookedAt) -> String {
    match at {
        BookedAt::On(date) => date.vietnamese(),
        BookedAt::At(instant) => {
            let local = VIETNAM.to_datetime(instant);
            format!("{} {:02}:{:02}:{:02}", at.date().vietnamese(), local.hour(), local.minute(), local.second())
        }
    }
}

fn right(content: impl ToString) -> Cell {
    Cell::new(content).set_alignment(CellAlignment::Right)
}

fn cut(text: &str) -> String {
    let head: String = text.chars().take(MEMO_SHOWN_CHARS).collect();
    if head.len() < text.len() { format!("{head}…") } else { head }
}

/// What came from outside must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
