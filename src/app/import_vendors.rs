//! Registering many vendors from a file that a market's office keeps: CSV or XLSX, header words in
//! Vietnamese or English, with or without marks, in any order. All rows or none.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};

use super::App;
use super::banks::find_bank;
use super::error::{AppError, ErrorKind, Message};
use super::labels::label;
use super::stall_view::holder;
use crate::domain::account::{AccountKind, AccountNumber, BankAccount};
use crate::domain::ids::MarketCode;
use crate::domain::registration::{Registration, StallCode};
use crate::domain::text::{self, Name};

/// Largest file, in bytes.
pub const FILE_MAX: u64 = 8 << 20;
/// Largest size of an XLSX file once unpacked, in bytes: a bomb is refused before it is opened.
const UNPACKED_MAX: u64 = 64 << 20;
/// Most rows.
const ROWS_MAX: usize = 20_000;
/// Most columns.
const COLUMNS_MAX: usize = 64;

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
        let table = read_table(bytes, file_name)?;
        let (columns, rows) = header(&table)?;
        let mut report = ImportReport { rows: rows.len(), preview: Vec::new(), errors: Vec::new() };
        let mut registrations = Vec::new();
        let mut lines = Vec::new();
        for (line, cells) in rows {
            match registration(&columns, cells) {
                Ok((registration, bank)) => {
                    report.preview.push(PreviewRow {
                        line: *line,
                        stall: registration.stall.as_ref().map(ToString::to_string).unwrap_or_default(),
                        vendor: registration.vendor.to_string(),
                        bank: bank.to_owned(),
                        account_tail: format!("…{}", registration.account.number.last_four()),
                    });
                    registrations.push(registration);
                    lines.push(*line);
                }
                Err(errors) => report.errors.extend(errors.into_iter().map(|error| RowError { line: *line, ..error })),
            }
        }
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

/// Lines of the file with their numbers.
type Lines = Vec<(usize, Vec<Cell>)>;

/// A cell's text, and whether a spreadsheet kept it as a number and so may have lost digits.
#[derive(Debug, Clone, Default)]
struct Cell {
    text: String,
    number: bool,
}

fn refuse(code: &'static str, vi: impl Into<String>, en: impl Into<String>) -> AppError {
    AppError::new(ErrorKind::Invalid, code, Message::new(vi, en))
}

fn read_table(bytes: &[u8], file_name: &str) -> Result<Lines, AppError> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_MAX) {
        return Err(refuse("file_too_large", "Tệp lớn hơn 8 MB.", "The file is larger than 8 MB."));
    }
    let lines = match bytes {
        [b'P', b'K', ..] => read_xlsx(bytes)?,
        [0xD0, 0xCF, 0x11, 0xE0, ..] => {
            let vi = "Tệp .xls cũ hoặc có mật khẩu. Hãy lưu lại dạng .xlsx không mật khẩu hoặc .csv.";
            let en = "An old .xls file, or one with a password. Save it as .xlsx without a password, or as .csv.";
            return Err(refuse("file_format", vi, en));
        }
        _ => read_csv(bytes, file_name)?,
    };
    let filled = lines.into_iter().filter(|(_, cells)| cells.iter().any(|cell| !cell.text.trim().is_empty()));
    let lines: Lines = filled.take(ROWS_MAX + 2).collect();
    if lines.len() > ROWS_MAX + 1 {
        let vi = format!("Tệp có hơn {ROWS_MAX} dòng.");
        return Err(refuse("too_many_rows", vi, format!("The file has more than {ROWS_MAX} rows.")));
    }
    Ok(lines)
}

fn read_csv(bytes: &[u8], file_name: &str) -> Result<Lines, AppError> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).map_err(|_| {
        let vi = format!("{file_name} không phải UTF-8. Trong Excel hãy chọn lưu dạng \"CSV UTF-8\".");
        refuse("encoding", vi, format!("{file_name} is not UTF-8. In Excel choose \"CSV UTF-8\"."))
    })?;
    let first = text.lines().next().unwrap_or_default();
    let delimiter = [b';', b'\t', b','].into_iter().max_by_key(|d| first.bytes().filter(|b| b == d).count());
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter.unwrap_or(b','))
        .from_reader(text.as_bytes());
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            refuse("csv", format!("Tệp CSV hỏng: {error}."), format!("The CSV file is broken: {error}."))
        })?;
        let line = record.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(0));
        let cells = record.iter().take(COLUMNS_MAX).map(|cell| Cell { text: cell.to_owned(), number: false }).collect();
        lines.push((line, cells));
        if lines.len() > ROWS_MAX * 2 {
            break;
        }
    }
    Ok(lines)
}

fn read_xlsx(bytes: &[u8]) -> Result<Lines, AppError> {
    if unpacked_size(bytes) > UNPACKED_MAX {
        let vi = "Tệp XLSX phình quá lớn khi mở.";
        return Err(refuse("file_too_large", vi, "The XLSX file unpacks to too much."));
    }
    let broken = |error: calamine::XlsxError| {
        refuse("xlsx", format!("Không mở được tệp XLSX: {error}."), format!("The XLSX file cannot be opened: {error}."))
    };
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let sheet = book.worksheet_range_at(0);
    let sheet = sheet.ok_or_else(|| refuse("xlsx", "Tệp XLSX không có trang nào.", "The XLSX file has no sheet."))?;
    let range = sheet.map_err(broken)?;
    let first = range.start().map_or(0, |(row, _)| usize::try_from(row).unwrap_or(0));
    let rows = range.rows().enumerate().take(ROWS_MAX * 2);
    Ok(rows.map(|(row, cells)| (first + row + 1, cells.iter().take(COLUMNS_MAX).map(cell).collect())).collect())
}

/// Adds up what the archive's directory says its entries unpack to.
fn unpacked_size(bytes: &[u8]) -> u64 {
    const ENTRY: &[u8] = b"PK\x01\x02";
    let entries = bytes.windows(28).filter(|window| window.starts_with(ENTRY));
    let sizes = entries.filter_map(|entry| entry.get(24..28)?.try_into().ok().map(u32::from_le_bytes));
    sizes.map(u64::from).fold(0, u64::saturating_add)
}

fn cell(data: &Data) -> Cell {
    let number = matches!(data, Data::Float(_) | Data::Int(_));
    Cell { text: data.to_string(), number }
}

type Header = Vec<(Column, usize)>;

/// The lines behind the header.
type Rows<'a> = &'a [(usize, Vec<Cell>)];

/// Finds the header: the first line that names a vendor and an account.
fn header(lines: &Lines) -> Result<(Header, Rows<'_>), AppError> {
    for (place, (_, cells)) in lines.iter().enumerate().take(30) {
        let mut columns: Header = Vec::new();
        for (index, cell) in cells.iter().enumerate() {
            if let Some(column) = Column::of(&cell.text)
                && !columns.iter().any(|(known, _)| *known == column)
            {
                columns.push((column, index));
            }
        }
        let has = |column| columns.iter().any(|(known, _)| *known == column);
        if has(Column::Name) && has(Column::Account) && has(Column::Bank) && has(Column::Stall) {
            return Ok((columns, lines.get(place + 1..).unwrap_or_default()));
        }
    }
    Err(refuse(
        "header_missing",
        "Không thấy dòng tiêu đề. Cần các cột: Sạp, Họ tên, Ngân hàng, Số tài khoản (tùy chọn: Chủ tài khoản, Ngành hàng, Loại tài khoản).",
        "No header line was found. Needed: stall, name, bank, account (optional: holder, category, kind).",
    ))
}

fn registration<'b>(columns: &Header, cells: &[Cell]) -> Result<(Registration, &'b str), Vec<RowError>> {
    let mut errors = Vec::new();
    let empty = Cell::default();
    let get = |column: Column| {
        let index = columns.iter().find(|(known, _)| *known == column).map(|(_, index)| *index);
        index.and_then(|index| cells.get(index)).unwrap_or(&empty)
    };
    let mut bad = |column: Column, code: &'static str, message: Message| {
        errors.push(RowError { line: 0, column: column.name().to_owned(), code, message });
    };
    let stall: Result<StallCode, _> = get(Column::Stall).text.parse();
    if let Err(error) = &stall {
        bad(Column::Stall, "stall_invalid", Message::new("Mã sạp trống hoặc không hợp lệ.", error.to_string()));
    }
    let vendor = Name::new(&get(Column::Name).text);
    if let Err(error) = &vendor {
        bad(Column::Name, "name_invalid", Message::new("Tên trống, quá dài hoặc có ký tự lạ.", error.to_string()));
    }
    let bank = find_bank(get(Column::Bank).text.trim());
    if let Err(error) = &bank {
        bad(Column::Bank, "unknown_bank", error.message.clone());
    }
    let account = get(Column::Account);
    let number: Result<AccountNumber, _> = account.text.split_whitespace().collect::<String>().parse();
    match &number {
        Err(error) => {
            let vi = "Số tài khoản chỉ gồm 1 đến 19 chữ số hoặc chữ cái.";
            bad(Column::Account, "account_invalid", Message::new(vi, error.to_string()));
        }
        // A number cell has lost its leading zeros, and beyond 15 digits more than those.
        Ok(number) if account.number && number.as_str().len() > 15 => {
            let vi =
                "Ô số tài khoản đang là kiểu số và đã mất chữ số. Hãy định dạng cột là Văn bản (Text) rồi nhập lại.";
            let en = "The account cell is a number and has lost digits. Format the column as text and type it again.";
            bad(Column::Account, "account_lost_digits", Message::new(vi, en));
        }
        Ok(_) => {}
    }
    let kind_text = text::search_term(&get(Column::Kind).text);
    let kind = match kind_text.as_str() {
        "" | "direct" | "truc tiep" | "ca nhan" => Ok(AccountKind::Direct),
        "virtual" | "ao" | "tai khoan ao" => Ok(AccountKind::Virtual),
        "collecting" | "gom" | "thu ho" => Ok(AccountKind::Collecting),
        _ => Err(()),
    };
    if kind.is_err() {
        let en = "The kind is direct, virtual or collecting.";
        bad(Column::Kind, "kind_invalid", Message::new("Loại tài khoản là trực tiếp, ảo hoặc gom.", en));
    }
    let category = label("category", &get(Column::Category).text).unwrap_or_else(|error| {
        bad(Column::Category, "category_invalid", error.message);
        String::new()
    });
    match (stall, vendor, bank, number, kind) {
        (Ok(stall), Ok(vendor), Ok((bin, bank)), Ok(number), Ok(kind)) if errors.is_empty() => {
            let holder = holder(Some(&get(Column::Holder).text), &vendor);
            let account = BankAccount { bin, number };
            Ok((Registration { stall: Some(stall), vendor, category, account, kind, holder }, bank.short_name))
        }
        _ => Err(errors),
    }
}
