//! Registering many vendors from a file that a market's office keeps: CSV or XLSX, header words in
//! Vietnamese or English, with or without marks, in any order. All rows or none.

use super::App;
use super::banks::find_bank;
use super::error::{AppError, ErrorKind, Message};
use super::labels::label;
use super::stall_view::holder;
use crate::bank::file::grid::{Cell, Row};
use crate::bank::file::refusal::{Limit, Refusal, Rule};
use crate::bank::file::workbook::{self, Sheets};
use crate::bank::file::{Kind, decode, kind, separated};
use crate::domain::account::{AccountKind, AccountNumber, BankAccount};
use crate::domain::ids::MarketCode;
use crate::domain::language::Language;
use crate::domain::registration::{Registration, StallCode};
use crate::domain::text::{self, Name};

/// Largest file, in bytes.
pub const FILE_MAX: u64 = 8 << 20;
/// Most rows.
const ROWS_MAX: usize = 20_000;
/// Most bytes of text in all rows: the cells of a workbook share one text, its rows kept do not.
const TEXT_BYTES_MAX: usize = 32 << 20;
/// Rows among which the header is looked for.
const HEADER_ROWS: usize = 30;

/// What an import found or did.
#[derive(Debug, Clone)]
pub struct ImportReport {
    /// How many rows the file has.
    pub rows: usize,
    /// The rows as understood.
    pub preview: Vec<PreviewRow>,
    /// Every bad cell; empty when the rows were (or, on a dry run, would be) registered.
    pub errors: Vec<RowError>,
}

/// A row as understood.
#[derive(Debug, Clone)]
pub struct PreviewRow {
    /// Its line in the file, from 1, the header included.
    pub line: usize,
    /// The stall's code.
    pub stall: String,
    /// The vendor's name.
    pub vendor: String,
    /// The bank's name.
    pub bank: String,
    /// The account's last four characters.
    pub account_tail: String,
}

/// A rule that one cell breaks.
#[derive(Debug, Clone)]
pub struct RowError {
    /// The line in the file, from 1.
    pub line: usize,
    /// The column's name.
    pub column: String,
    /// The rule's stable code.
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub message: Message,
}

impl RowError {
    /// Returns `line 7` or `dòng 7`.
    #[must_use]
    pub fn line_label(&self, vietnamese: bool) -> String {
        format!("{} {}", if vietnamese { "dòng" } else { "line" }, self.line)
    }
}

impl ImportReport {
    /// Returns the report as the API shows it.
    #[must_use]
    pub fn to_json(&self, dry_run: bool) -> serde_json::Value {
        let registered = if self.errors.is_empty() && !dry_run { self.rows } else { 0 };
        let errors: Vec<_> = self
            .errors
            .iter()
            .map(|error| {
                serde_json::json!({"line": error.line, "column": error.column, "code": error.code,
                    "message": error.message.en, "message_vi": error.message.vi})
            })
            .collect();
        serde_json::json!({"rows": self.rows, "dry_run": dry_run, "registered": registered, "errors": errors})
    }
}

/// A column of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Stall,
    Name,
    Bank,
    Account,
    Holder,
    Category,
    Kind,
}

impl Column {
    /// Reads a header cell by its words.
    fn of(header: &str) -> Option<Self> {
        let words = text::search_term(header);
        let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
        if has(&["chu tai khoan", "ten tai khoan", "holder", "account name"]) {
            Some(Self::Holder)
        } else if has(&["loai tai khoan", "kind"]) {
            Some(Self::Kind)
        } else if has(&["ngan hang", "bank", "bin"]) {
            Some(Self::Bank)
        } else if has(&["tai khoan", "stk", "account"]) {
            Some(Self::Account)
        } else if has(&["nganh hang", "mat hang", "category", "goods"]) {
            Some(Self::Category)
        } else if has(&["sap", "quay", "ki ot", "kiot", "kios", "lo so", "ma lo", "stall"]) {
            Some(Self::Stall)
        } else if has(&["ho ten", "ho va ten", "tieu thuong", "nguoi ban", "ten", "name", "vendor"]) {
            Some(Self::Name)
        } else {
            None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Stall => "stall",
            Self::Name => "name",
            Self::Bank => "bank",
            Self::Account => "account",
            Self::Holder => "holder",
            Self::Category => "category",
            Self::Kind => "kind",
        }
    }
}

impl App {
    /// Registers the vendors of a file, or with `dry_run` only says what would happen.
    ///
    /// # Errors
    /// When the file as a whole cannot be read; bad rows are in the report.
    pub async fn import_vendors(
        &self,
        market: &MarketCode,
        bytes: &[u8],
        file_name: &str,
        dry_run: bool,
    ) -> Result<ImportReport, AppError> {
        self.market(market).await?;
        let Understood { mut report, registrations, lines } = understand(bytes, file_name)?;
        let judged = if report.errors.is_empty() && !dry_run {
            self.register_all(market, &registrations).await.map(|_| ())
        } else {
            self.check_registrations(market, &registrations).await
        };
        if let Err(error) = judged {
            if error.fields.is_empty() {
                return Err(error);
            }
            report.errors.extend(error.fields.into_iter().map(|field| {
                let mut path = field.field.split('/').skip(1);
                let row = path.next().and_then(|row| row.parse::<usize>().ok()).unwrap_or(0);
                RowError {
                    line: lines.get(row).copied().unwrap_or(0),
                    column: path.next().unwrap_or_default().to_owned(),
                    code: field.code,
                    message: field.message,
                }
            }));
        }
        report.errors.sort_by_key(|error| error.line);
        Ok(report)
    }
}

/// A file as understood, before it meets a book.
#[derive(Debug, Clone)]
pub struct Understood {
    /// What the rows say, and which of them break a rule.
    pub report: ImportReport,
    /// The rows that can be registered.
    pub registrations: Vec<Registration>,
    /// The line of each of them.
    pub lines: Vec<usize>,
}

/// Reads a file without a book.
///
/// # Errors
/// When the file as a whole cannot be read; bad rows are in the report.
pub fn understand(bytes: &[u8], file_name: &str) -> Result<Understood, AppError> {
    let table = read_table(bytes, file_name)?;
    let (columns, rows) = header(&table, file_name)?;
    let mut report = ImportReport { rows: rows.len(), preview: Vec::new(), errors: Vec::new() };
    let (mut registrations, mut lines) = (Vec::new(), Vec::new());
    for row in rows {
        let line = row.place.line;
        match registration(&columns, row) {
            Ok((registration, bank)) => {
                report.preview.push(PreviewRow {
                    line,
                    stall: registration.stall.as_ref().map(ToString::to_string).unwrap_or_default(),
                    vendor: registration.vendor.to_string(),
                    bank: bank.to_owned(),
                    account_tail: format!("…{}", registration.account.number.last_four()),
                });
                registrations.push(registration);
                lines.push(line);
            }
            Err(errors) => report.errors.extend(errors.into_iter().map(|error| RowError { line, ..error })),
        }
    }
    Ok(Understood { report, registrations, lines })
}

fn refuse(code: &'static str, vi: impl Into<String>, en: impl Into<String>) -> AppError {
    AppError::new(ErrorKind::Invalid, code, Message::new(vi, en))
}

/// Reads the rows that hold anything, each with its line.
fn read_table(bytes: &[u8], file_name: &str) -> Result<Vec<Row>, AppError> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_MAX) {
        return Err(refuse("file_too_large", "Tệp lớn hơn 8 MB.", "The file is larger than 8 MB."));
    }
    let (mut rows, mut text_bytes) = (Vec::new(), 0_usize);
    let mut push = |row: Row| {
        if row.is_blank() {
            return Ok(());
        }
        let limit = |limit: Limit, most: usize| {
            Err(Refusal::at(&row.place, Rule::Limit(limit, u64::try_from(most).unwrap_or(u64::MAX))))
        };
        text_bytes = row.cells.iter().map(|cell| cell.as_text().len()).fold(text_bytes, usize::saturating_add);
        if text_bytes > TEXT_BYTES_MAX {
            return limit(Limit::UnpackedBytes, TEXT_BYTES_MAX);
        }
        if rows.len() > ROWS_MAX {
            return limit(Limit::Rows, ROWS_MAX);
        }
        rows.push(row);
        Ok(())
    };
    let read = kind(bytes).and_then(|kind| match kind {
        Kind::Workbook => workbook::read(bytes, Sheets::First, &mut push),
        Kind::Text => {
            let text = decode::decode(bytes)?.text;
            separated::read(&text, &|row| columns_of(row).len(), &mut push)
        }
    });
    match read {
        Ok(()) => Ok(rows),
        Err(refusal) => Err(refused(&refusal, file_name, bytes.starts_with(b"PK"))),
    }
}

/// Says in the import's own codes and words why a file cannot be read.
fn refused(refusal: &Refusal, file_name: &str, workbook: bool) -> AppError {
    let own = |code| refuse(code, refusal.in_words(Language::Vietnamese), refusal.in_words(Language::English));
    match &refusal.rule {
        Rule::Empty => header_missing(),
        Rule::Limit(Limit::Rows, most) => refuse(
            "too_many_rows",
            format!("Tệp có hơn {most} dòng. Hãy xóa các dòng thừa ở cuối hoặc chia thành nhiều tệp."),
            format!("The file has more than {most} rows. Delete left-over rows at its end, or split it."),
        ),
        Rule::Limit(Limit::Columns, _) => own("too_many_columns"),
        Rule::Limit(..) => own("file_too_large"),
        Rule::OldWorkbook => {
            let vi = "Tệp .xls cũ hoặc có mật khẩu. Hãy lưu lại dạng .xlsx không mật khẩu hoặc .csv.";
            let en = "An old .xls file, or one with a password. Save it as .xlsx without a password, or as .csv.";
            refuse("file_format", vi, en)
        }
        Rule::NotAStatement => refuse(
            "file_format",
            format!("{file_name} không phải tệp CSV hay XLSX."),
            format!("{file_name} is neither CSV nor XLSX."),
        ),
        Rule::Encoding => refuse(
            "encoding",
            format!(
                "{file_name} không phải UTF-8, UTF-16 hay Windows-1258. Trong Excel hãy chọn lưu dạng \"CSV UTF-8\"."
            ),
            format!("{file_name} is not UTF-8, UTF-16 or Windows-1258. In Excel choose \"CSV UTF-8\"."),
        ),
        Rule::OldFont => own("encoding"),
        Rule::Doctype
        | Rule::HeaderMissing
        | Rule::AccountMissing
        | Rule::AmountMissing
        | Rule::FormulaWithoutValue
        | Rule::DateMissing
        | Rule::Overflow
        | Rule::Not(..)
        | Rule::Sum(_) => own(if workbook { "xlsx" } else { "csv" }),
    }
}

fn header_missing() -> AppError {
    refuse(
        "header_missing",
        "Không thấy dòng tiêu đề. Cần các cột: Sạp, Họ tên, Ngân hàng, Số tài khoản (tùy chọn: Chủ tài khoản, Ngành hàng, Loại tài khoản).",
        "No header line was found. Needed: stall, name, bank, account (optional: holder, category, kind).",
    )
}

type Header = Vec<(Column, usize)>;

/// Reads the columns that a row names, each once.
fn columns_of(row: &Row) -> Header {
    let mut columns: Header = Vec::new();
    for (index, cell) in row.cells.iter().enumerate() {
        if let Some(column) = Column::of(cell.as_text())
            && !columns.iter().any(|(known, _)| *known == column)
        {
            columns.push((column, index));
        }
    }
    columns
}

/// Finds the header, the first row that names a vendor and an account, and the rows behind it.
fn header<'a>(rows: &'a [Row], file_name: &str) -> Result<(Header, &'a [Row]), AppError> {
    for (place, row) in rows.iter().enumerate().take(HEADER_ROWS) {
        let columns = columns_of(row);
        let has = |column| columns.iter().any(|(known, _)| *known == column);
        if has(Column::Name) && has(Column::Account) && has(Column::Bank) && has(Column::Stall) {
            return Ok((columns, rows.get(place + 1..).unwrap_or_default()));
        }
    }
    // A header whose words cannot be read was not missing.
    let head: Vec<&str> = rows.iter().take(HEADER_ROWS).flat_map(|row| &row.cells).map(Cell::as_text).collect();
    if decode::has_old_font(&head.join(" ")) {
        return Err(refused(&Refusal::whole(Rule::OldFont), file_name, false));
    }
    Err(header_missing())
}

/// Finds the cells whose value a spreadsheet turned into a date or does not hold.
fn unreadable(columns: &Header, row: &Row) -> Vec<RowError> {
    let error = |column: Column, code, vi: &str, en: &str| RowError {
        line: row.place.line,
        column: column.name().to_owned(),
        code,
        message: Message::new(vi, en),
    };
    let found = columns.iter().filter_map(|(column, index)| match row.cell(*index) {
        Cell::Moment { .. } => Some(error(
            *column,
            "cell_is_date",
            "Bảng tính đã đổi ô này thành ngày. Hãy định dạng cột là Văn bản (Text) rồi nhập lại.",
            "The spreadsheet made a date of this cell. Format the column as text and type it again.",
        )),
        Cell::Formula => Some(error(
            *column,
            "formula_without_value",
            "Ô là công thức mà tệp không lưu kết quả. Hãy mở bằng Excel và lưu lại.",
            "The cell is a formula whose value the file does not hold. Open and save it in Excel.",
        )),
        Cell::Empty | Cell::Text(_) | Cell::Number(_) => None,
    });
    found.collect()
}

fn registration(columns: &Header, row: &Row) -> Result<(Registration, &'static str), Vec<RowError>> {
    let mut errors = unreadable(columns, row);
    let cell = |column: Column| {
        let index = columns.iter().find(|(known, _)| *known == column).map(|(_, index)| *index);
        index.map_or(&Cell::Empty, |index| row.cell(index))
    };
    let get = |column: Column| cell(column).as_text();
    let mut bad = |column: Column, code: &'static str, message: Message| {
        // What cannot be read is told once, not again as what it is not.
        if !errors.iter().any(|known| known.column == column.name()) {
            errors.push(RowError { line: row.place.line, column: column.name().to_owned(), code, message });
        }
    };
    let stall: Result<StallCode, _> = get(Column::Stall).parse();
    if let Err(error) = &stall {
        bad(Column::Stall, "stall_invalid", Message::new("Mã sạp trống hoặc không hợp lệ.", error.to_string()));
    }
    let vendor = Name::new(get(Column::Name));
    if let Err(error) = &vendor {
        bad(Column::Name, "name_invalid", Message::new("Tên trống, quá dài hoặc có ký tự lạ.", error.to_string()));
    }
    let bank = find_bank(get(Column::Bank));
    if let Err(error) = &bank {
        bad(Column::Bank, "unknown_bank", error.message.clone());
    }
    let number = account_number(cell(Column::Account));
    if let Err((code, message)) = &number {
        bad(Column::Account, code, message.clone());
    }
    let kind = account_kind(get(Column::Kind));
    if kind.is_none() {
        let en = "The kind is direct, virtual or collecting.";
        bad(Column::Kind, "kind_invalid", Message::new("Loại tài khoản là trực tiếp, ảo hoặc gom.", en));
    }
    let category = label("category", get(Column::Category)).unwrap_or_else(|error| {
        bad(Column::Category, "category_invalid", error.message);
        String::new()
    });
    match (stall, vendor, bank, number, kind) {
        (Ok(stall), Ok(vendor), Ok((bin, bank)), Ok(number), Some(kind)) if errors.is_empty() => {
            let holder = holder(Some(get(Column::Holder)), &vendor);
            let account = BankAccount { bin, number };
            Ok((Registration { stall: Some(stall), vendor, category, account, kind, holder }, bank.short_name))
        }
        _ => Err(errors),
    }
}

fn account_number(cell: &Cell) -> Result<AccountNumber, (&'static str, Message)> {
    let number: AccountNumber = cell.as_text().split_whitespace().collect::<String>().parse().map_err(
        |error: crate::domain::ids::IdError| {
            let vi = "Số tài khoản chỉ gồm 1 đến 19 chữ số hoặc chữ cái.";
            ("account_invalid", Message::new(vi, error.to_string()))
        },
    )?;
    // A number cell has lost its leading zeros, and beyond 15 digits more than those.
    if matches!(cell, Cell::Number(_)) && number.as_str().len() > 15 {
        let vi = "Ô số tài khoản đang là kiểu số và đã mất chữ số. Hãy định dạng cột là Văn bản (Text) rồi nhập lại.";
        let en = "The account cell is a number and has lost digits. Format the column as text and type it again.";
        return Err(("account_lost_digits", Message::new(vi, en)));
    }
    Ok(number)
}

fn account_kind(typed: &str) -> Option<AccountKind> {
    match text::search_term(typed).as_str() {
        "" | "direct" | "truc tiep" | "ca nhan" => Some(AccountKind::Direct),
        "virtual" | "ao" | "tai khoan ao" => Some(AccountKind::Virtual),
        "collecting" | "gom" | "thu ho" => Some(AccountKind::Collecting),
        _ => None,
    }
}
