//! Why a file is no statement that can be trusted: where, by which rule, and what to do.

use std::fmt;

use crate::domain::language::Language;
use crate::domain::money::Dong;
use crate::domain::settlement::Direction;
use crate::domain::statement::Place;

/// A designed refusal of a statement's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where in the file, when it is one place.
    pub place: Option<Place>,
    /// The rule that is broken.
    pub rule: Rule,
}

/// What may look like the cause where a running balance breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// The line is the same as the one before it.
    Repeated,
    /// Only this line's balance differs; the next line goes on from what it should be.
    BalanceChanged,
    /// An amount was changed or a line is missing.
    ChangedOrMissing,
}

/// The rules a file may break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// There is nothing in it.
    Empty,
    /// More than a named limit: what, and how many are allowed.
    Limit(Limit, u64),
    /// An old `.xls`, or a workbook with a password.
    OldWorkbook,
    /// A PDF, a picture, another archive.
    NotAStatement,
    /// XML with a document type: entities can be bombs or reach for other files.
    Doctype,
    /// The text is neither UTF-8, UTF-16 with its mark, nor Windows-1258.
    Encoding,
    /// The text was typed with fonts from before Unicode (TCVN3, VNI).
    OldFont,
    /// No header with a date and amounts was found.
    HeaderMissing,
    /// No account number was found above the lines.
    AccountMissing,
    /// A line without an amount.
    AmountMissing,
    /// A formula whose value the file does not hold.
    FormulaWithoutValue,
    /// A line without a date, and none above it.
    DateMissing,
    /// A sum beyond what an amount can be.
    Overflow,
    /// A text that is not what stands in its place: what it should be, and the text.
    Not(Wanted, String),
    /// Amounts that do not add up.
    Sum(Sum),
}

/// What a text should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A whole container or text; the words say what is damaged.
    Intact,
    /// An account number.
    Account,
    /// The đồng.
    Dong,
    /// An amount of whole đồng.
    Amount,
    /// An amount whose separators can mean one thing only.
    ClearSeparator,
    /// A date.
    Date,
    /// A reference that is short and has all its digits.
    Reference,
    /// A message of booked entries.
    BookedMessage,
    /// A word that says which way money moved.
    DirectionWord,
    /// A field as its standard says; the words say which.
    Field,
    /// A `--map` file; the words say what is wrong.
    Map,
}

/// What does not add up, and by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// What does not add up.
    pub what: SumKind,
    /// What it should be.
    pub expected: Dong,
    /// What the file says.
    pub found: Dong,
}

/// The sums that are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SumKind {
    /// The running balance follows from the line before.
    Running(Suspicion),
    /// Opening balance and lines make the closing balance.
    Closing,
    /// The file's own sum is that of its lines.
    Total(Direction),
    /// The parts of a batch make the entry.
    Batch,
}

/// The named limits (see `limits.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of the file.
    FileBytes,
    /// Bytes a part or the whole unpacks to.
    UnpackedBytes,
    /// How many times larger than packed.
    UnpackRatio,
    /// Parts of a workbook.
    Parts,
    /// Sheets.
    Sheets,
    /// Shared strings of a workbook.
    Strings,
    /// Cell formats of a workbook.
    Styles,
    /// Rows.
    Rows,
    /// Columns.
    Columns,
    /// Characters of one cell or text.
    CellChars,
    /// Elements inside one another.
    Depth,
    /// Movements.
    Lines,
    /// Accounts in one file.
    Statements,
    /// Bytes of a map.
    MapBytes,
}

impl Refusal {
    /// Returns the refusal of the whole file.
    #[must_use]
    pub fn whole(rule: Rule) -> Self {
        Self { place: None, rule }
    }

    /// Returns the refusal at a place.
    #[must_use]
    pub fn at(place: &Place, rule: Rule) -> Self {
        Self { place: Some(place.clone()), rule }
    }

    /// Returns the rule's stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.rule {
            Rule::Empty => "statement_empty",
            Rule::Limit(..) => "statement_limit",
            Rule::OldWorkbook => "statement_old_workbook",
            Rule::NotAStatement | Rule::Not(Wanted::BookedMessage, _) => "statement_format",
            Rule::Doctype => "statement_doctype",
            Rule::Encoding | Rule::OldFont => "statement_encoding",
            Rule::HeaderMissing => "statement_header_missing",
            Rule::AccountMissing | Rule::Not(Wanted::Account, _) => "statement_account",
            Rule::AmountMissing | Rule::Overflow | Rule::Not(Wanted::Amount | Wanted::ClearSeparator, _) => {
                "statement_amount"
            }
            Rule::FormulaWithoutValue => "statement_formula",
            Rule::DateMissing | Rule::Not(Wanted::Date, _) => "statement_date",
            Rule::Not(Wanted::Intact, _) => "statement_broken",
            Rule::Not(Wanted::Dong, _) => "statement_currency",
            Rule::Not(Wanted::Reference, _) => "statement_reference",
            Rule::Not(Wanted::Field | Wanted::DirectionWord, _) => "statement_field",
            Rule::Not(Wanted::Map, _) => "statement_map",
            Rule::Sum(_) => "statement_sums",
        }
    }

    /// Returns the sentences for people: where, what, and what to do.
    #[must_use]
    pub fn in_words(&self, language: Language) -> String {
        let words = rule_in_words(&self.rule, language);
        match &self.place {
            Some(place) => format!("{}: {words}", capital(&place.in_words(language))),
            None => capital(&words),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(Language::English))
    }
}

impl std::error::Error for Refusal {}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let head: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{head}{}", letters.as_str())
}

fn rule_in_words(rule: &Rule, language: Language) -> String {
    let fixed = |vi: &str, en: &str| language.of(vi, en).to_owned();
    match rule {
        Rule::Limit(limit, most) => limit_in_words(*limit, *most, language),
        Rule::Sum(sum) => sum_in_words(sum, language),
        Rule::Not(wanted, text) => wanted_in_words(*wanted, text, language),
        Rule::Empty => fixed("tệp trống.", "the file is empty."),
        Rule::OldWorkbook => fixed(
            "tệp .xls cũ hoặc có mật khẩu không đọc được. Hãy mở bằng Excel và lưu lại dạng .xlsx không mật khẩu, hoặc xuất CSV từ ngân hàng.",
            "an old .xls file, or one with a password, is not read. Open it in Excel and save it as .xlsx without a password, or export CSV from the bank.",
        ),
        Rule::NotAStatement => fixed(
            "đây không phải sao kê XLSX, CSV, camt.053/054 hay MT940. PDF và ảnh không đọc được: hãy xuất lại từ ngân hàng.",
            "this is no statement in XLSX, CSV, camt.053/054 or MT940. PDFs and pictures are not read: export it again from the bank.",
        ),
        Rule::Doctype => fixed(
            "tệp XML khai báo DOCTYPE, không được phép vì có thể chứa thực thể độc hại.",
            "the XML declares a DOCTYPE, which is not allowed: entities can be bombs or reach for other files.",
        ),
        Rule::Encoding => fixed(
            "bảng mã không phải UTF-8, UTF-16 (có BOM) hay Windows-1258. Trong Excel hãy lưu dạng \"CSV UTF-8\".",
            "the encoding is not UTF-8, UTF-16 with its mark, or Windows-1258. In Excel choose \"CSV UTF-8\".",
        ),
        Rule::OldFont => fixed(
            "văn bản gõ bằng font cũ (TCVN3/VNI), không phải Unicode. Hãy chuyển sang Unicode rồi thử lại.",
            "the text was typed with an old font (TCVN3/VNI) and is not Unicode. Convert it to Unicode and try again.",
        ),
        Rule::HeaderMissing => fixed(
            "không thấy dòng tiêu đề có cột ngày và cột ghi nợ/ghi có. Nếu là mẫu lạ, hãy mô tả bằng --map profile.toml.",
            "no header with a date column and debit and credit columns was found. For an unknown layout describe it with --map profile.toml.",
        ),
        Rule::AccountMissing => fixed(
            "không thấy số tài khoản phía trên các dòng. Hãy giữ nguyên phần đầu sao kê, hoặc ghi account trong --map.",
            "no account number was found above the lines. Keep the statement's head as the bank made it, or give account in --map.",
        ),
        Rule::AmountMissing => fixed(
            "dòng có ngày và số tham chiếu nhưng không có số tiền.",
            "the line has a date and a reference but no amount.",
        ),
        Rule::FormulaWithoutValue => fixed(
            "ô là công thức mà tệp không lưu kết quả. Hãy mở bằng Excel, lưu lại, hoặc dùng tệp gốc của ngân hàng.",
            "the cell is a formula whose value the file does not hold. Open and save it in Excel, or use the bank's own file.",
        ),
        Rule::DateMissing => fixed("dòng có số tiền nhưng không có ngày.", "the line has an amount but no date."),
        Rule::Overflow => fixed("tổng số tiền vượt quá giới hạn.", "the amounts add up to more than an amount can be."),
    }
}

fn wanted_in_words(wanted: Wanted, text: &str, language: Language) -> String {
    let (vi, en) = match wanted {
        Wanted::Intact => (format!("tệp hỏng hoặc bị cắt: {text}."), format!("the file is broken or cut off: {text}.")),
        Wanted::Account => (
            format!("\"{text}\" không phải số tài khoản (1 đến 19 chữ số hoặc chữ cái)."),
            format!("\"{text}\" is no account number (1 to 19 digits or letters)."),
        ),
        Wanted::Dong => (
            format!("loại tiền {text}; chỉ đọc sao kê VND."),
            format!("the currency is {text}; only statements in VND are read."),
        ),
        Wanted::Amount => (
            format!("\"{text}\" không phải số tiền nguyên đồng."),
            format!("\"{text}\" is not an amount of whole đồng."),
        ),
        Wanted::ClearSeparator => (
            format!(
                "không rõ dấu phân cách trong \"{text}\" là hàng nghìn hay thập phân, và tệp không có số dư để kiểm chứng. Hãy ghi thousands trong --map."
            ),
            format!(
                "whether the separator in \"{text}\" groups thousands or starts decimals is not clear, and no balance proves it. Give thousands in --map."
            ),
        ),
        Wanted::Date => (
            format!("\"{text}\" không phải ngày dạng dd/mm/yyyy. Năm hai chữ số thì ghi date_order trong --map."),
            format!("\"{text}\" is not a date written dd/mm/yyyy. For years of two digits give date_order in --map."),
        ),
        Wanted::Reference => (
            format!("số tham chiếu \"{text}\" quá dài hoặc là ô số đã mất chữ số; hãy để cột dạng Văn bản (Text)."),
            format!(
                "reference \"{text}\" is too long, or a number cell that has lost digits; keep the column as text."
            ),
        ),
        Wanted::BookedMessage => (
            format!("{text} không phải sao kê đã hạch toán; hãy dùng camt.053, camt.054 hoặc MT940."),
            format!("{text} is no statement of booked entries; use camt.053, camt.054 or MT940."),
        ),
        Wanted::DirectionWord => (
            format!("\"{text}\" không nói tiền vào hay ra (C/D, CR/DR, Có/Nợ, +/-)."),
            format!("\"{text}\" does not say whether money came in or went out (C/D, CR/DR, Có/Nợ, +/-)."),
        ),
        Wanted::Field => (format!("sai chuẩn: {text}."), format!("not as the standard says: {text}.")),
        Wanted::Map => {
            (format!("tệp --map không dùng được: {text}."), format!("the --map file cannot be used: {text}."))
        }
    };
    language.of(&vi, &en).to_owned()
}

fn sum_in_words(sum: &Sum, language: Language) -> String {
    let (expected, found) = (sum.expected.grouped(), sum.found.grouped());
    let off = sum.found.checked_sub(sum.expected).map_or_else(|| "?".to_owned(), Dong::grouped);
    let (vi, en) = match sum.what {
        SumKind::Running(suspicion) => {
            let (vi, en) = match suspicion {
                Suspicion::Repeated => ("dòng này trùng dòng trước", "the line repeats the one before it"),
                Suspicion::BalanceChanged => ("chỉ số dư của dòng này bị khác", "only this line's balance differs"),
                Suspicion::ChangedOrMissing => {
                    ("một số tiền bị sửa hoặc thiếu dòng", "an amount was changed or a line is missing")
                }
            };
            (
                format!(
                    "số dư phải là {expected} nhưng tệp ghi {found}, lệch {off} đồng ({vi}). Không nhập dòng nào; hãy tải lại sao kê từ ngân hàng."
                ),
                format!(
                    "the balance should be {expected} but the file says {found}, off by {off} đồng ({en}). Nothing is read; fetch the statement again from the bank."
                ),
            )
        }
        SumKind::Closing => (
            format!(
                "số dư đầu cộng các dòng là {expected} nhưng số dư cuối ghi {found}, lệch {off} đồng. Không nhập dòng nào; hãy tải lại sao kê từ ngân hàng."
            ),
            format!(
                "opening balance and lines make {expected} but the closing balance says {found}, off by {off} đồng. Nothing is read; fetch the statement again from the bank."
            ),
        ),
        SumKind::Total(direction) => {
            let (vi, en) = match direction {
                Direction::Credit => ("ghi có", "credits"),
                Direction::Debit => ("ghi nợ", "debits"),
            };
            (
                format!("các dòng {vi} cộng lại là {expected} nhưng dòng tổng ghi {found}, lệch {off} đồng."),
                format!("the {en} add up to {expected} but the file's own sum says {found}, off by {off} đồng."),
            )
        }
        SumKind::Batch => (
            format!("bút toán là {expected} nhưng các giao dịch bên trong cộng lại là {found}, lệch {off} đồng."),
            format!("the entry is {expected} but its parts add up to {found}, off by {off} đồng."),
        ),
    };
    language.of(&vi, &en).to_owned()
}

fn limit_in_words(limit: Limit, most: u64, language: Language) -> String {
    let (vi, en) = match limit {
        Limit::FileBytes => ("byte của tệp", "bytes of the file"),
        Limit::UnpackedBytes => ("byte sau khi giải nén", "bytes once unpacked"),
        Limit::UnpackRatio => ("lần kích thước khi nén", "times the packed size"),
        Limit::Parts => ("thành phần trong tệp", "parts of the workbook"),
        Limit::Sheets => ("trang", "sheets"),
        Limit::Strings => ("chuỗi dùng chung trong tệp", "shared strings of the workbook"),
        Limit::Styles => ("kiểu ô trong tệp", "cell formats of the workbook"),
        Limit::Rows => ("hàng", "rows"),
        Limit::Columns => ("cột", "columns"),
        Limit::CellChars => ("ký tự trong một ô", "characters in one cell"),
        Limit::Depth => ("lớp XML lồng nhau", "XML elements inside one another"),
        Limit::Lines => ("dòng giao dịch", "movements"),
        Limit::Statements => ("tài khoản trong một tệp", "accounts in one file"),
        Limit::MapBytes => ("byte của tệp --map", "bytes of the --map file"),
    };
    match language {
        Language::Vietnamese => format!("vượt giới hạn {most} {vi}."),
        Language::English => format!("beyond the limit of {most} {en}."),
    }
}
