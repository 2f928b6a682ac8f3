//! What a user can be told, in both languages, without a word of HTTP or of the command line.

use std::fmt;

use crate::store::error::{StoreError, Trouble};

/// A sentence for people, in both languages of the product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}

impl Message {
    /// Returns the sentence in both languages.
    pub fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }
}

/// What went wrong, by what the user can do about it. `web` turns it into a status, `cli` into an
/// exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input breaks a rule: correct it.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// It contradicts what is there already.
    Conflict,
    /// Authentication is missing or wrong.
    Unauthenticated,
    /// Not for this user.
    Forbidden,
    /// Asked too often.
    TooOften {
        /// Seconds to wait before trying again.
        wait_s: u32,
    },
    /// The program's own configuration is wrong.
    Configuration,
    /// The database cannot be reached now: try again.
    Unavailable,
    /// The books do not agree with themselves.
    Integrity,
    /// A fault of this program.
    Internal,
}

impl ErrorKind {
    /// Tells whether the one who asks can mend it: a form shows it beside what was typed.
    #[must_use]
    pub fn is_the_askers(self) -> bool {
        matches!(self, Self::Invalid | Self::NotFound | Self::Conflict)
    }

    /// Returns how many seconds to wait before trying again, where that is known.
    #[must_use]
    pub fn wait_s(self) -> Option<u32> {
        if let Self::TooOften { wait_s } = self { Some(wait_s) } else { None }
    }
}

/// One rule that one field of the input breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field, as the caller names it: `amount`, `stalls/3/bin`, `line 7: account`.
    pub field: String,
    /// The rule's stable code: `not_integer`, `unknown_bank`.
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub message: Message,
}

/// A designed refusal.
#[derive(Debug)]
pub struct AppError {
    /// What the user can do about it.
    pub kind: ErrorKind,
    /// A stable code: `not_found`, `account_bound_elsewhere`.
    pub code: &'static str,
    /// What happened, where, and what to do.
    pub message: Message,
    /// The single rules broken, when the input is at fault.
    pub fields: Vec<FieldError>,
    /// The cause, for the log; never sent.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl AppError {
    /// Returns a refusal of this kind.
    #[must_use]
    pub fn new(kind: ErrorKind, code: &'static str, message: Message) -> Self {
        Self { kind, code, message, fields: Vec::new(), cause: None }
    }

    /// Returns the refusal of an input of which one field breaks a rule.
    #[must_use]
    pub fn field(field: impl Into<String>, code: &'static str, message: Message) -> Self {
        let field = FieldError { field: field.into(), code, message: message.clone() };
        Self { fields: vec![field], ..Self::new(ErrorKind::Invalid, "validation_failed", message) }
    }

    /// Returns the answer that there is no such thing.
    #[must_use]
    pub fn not_found(message: Message) -> Self {
        Self::new(ErrorKind::NotFound, "not_found", message)
    }

    /// Returns a fault of this program; `cause` goes to the log alone.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let message = Message::new(
            "Phần mềm gặp lỗi bên trong. Không có gì bị ghi dở dang; hãy báo người vận hành.",
            "The program met a fault of its own. Nothing was half-written; please tell the operator.",
        );
        Self { cause: Some(cause.into()), ..Self::new(ErrorKind::Internal, "internal", message) }
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message.en)
    }
}

impl std::error::Error for AppError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as &(dyn std::error::Error + 'static))
    }
}

/// Tells what the database says of itself.
fn troubled(trouble: Trouble) -> (ErrorKind, &'static str, Message) {
    match trouble {
        Trouble::NotADatabase => (
            ErrorKind::Configuration,
            "not_a_database",
            Message::new(
                "Tệp này không phải cơ sở dữ liệu SQLite. Hãy kiểm tra đường dẫn sau --db sqlite:.",
                "This file is no SQLite database. Check the path behind --db sqlite:.",
            ),
        ),
        Trouble::Damaged => (
            ErrorKind::Integrity,
            "database_damaged",
            Message::new(
                "Tệp cơ sở dữ liệu bị hỏng. Đừng ghi thêm vào tệp này; hãy kiểm tra đĩa và phục hồi từ bản sao lưu.",
                "The database file is damaged. Write no more to it; check the disk and restore a backup.",
            ),
        ),
        Trouble::DiskFull => (
            ErrorKind::Unavailable,
            "disk_full",
            Message::new(
                "Đĩa chứa sổ đã đầy: lần ghi này không vào sổ, những gì đã ghi vẫn nguyên vẹn. Hãy dọn chỗ rồi làm lại; không cần khởi động lại.",
                "The disk that holds the book is full: this was not written, what was written before is whole. Make room and do it again; nothing has to be restarted.",
            ),
        ),
        Trouble::LoginRefused => (
            ErrorKind::Configuration,
            "database_login",
            Message::new(
                "PostgreSQL không nhận tên đăng nhập hoặc mật khẩu này. Hãy kiểm tra --db.",
                "PostgreSQL refuses this user name or password. Check --db.",
            ),
        ),
        Trouble::NoSuchDatabase => (
            ErrorKind::Configuration,
            "no_such_database",
            Message::new(
                "PostgreSQL không có cơ sở dữ liệu mang tên này. Hãy tạo nó (createdb) hoặc sửa --db.",
                "PostgreSQL has no database of this name. Create it (createdb) or correct --db.",
            ),
        ),
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        if let Some((kind, code, message)) = error.trouble().map(troubled) {
            return Self { cause: Some(Box::new(error)), ..Self::new(kind, code, message) };
        }
        let (kind, code, message) = match &error {
            temporary if temporary.is_temporary() => (
                ErrorKind::Unavailable,
                "not_ready",
                Message::new(
                    "Cơ sở dữ liệu tạm thời không dùng được. Hãy thử lại sau ít giây.",
                    "The database is not available at the moment. Try again in a few seconds.",
                ),
            ),
            StoreError::NewerSchema { found, known } => (
                ErrorKind::Configuration,
                "newer_schema",
                Message::new(
                    format!(
                        "Cơ sở dữ liệu do bản phần mềm mới hơn tạo ra (lược đồ {found}, bản này biết đến {known}). Hãy dùng bản mới hơn."
                    ),
                    format!(
                        "The database was made by a newer program (schema {found}; this one knows up to {known}). Use the newer program."
                    ),
                ),
            ),
            StoreError::BadUrl { url, rule } => (
                ErrorKind::Configuration,
                "bad_database_url",
                Message::new(
                    format!(
                        "Địa chỉ cơ sở dữ liệu {url} không đúng. Địa chỉ bắt đầu bằng sqlite: rồi đường dẫn tệp, hoặc postgres://; ví dụ sqlite:socho.db, postgres://localhost/socho."
                    ),
                    format!(
                        "Database address {url} is not valid: {rule}. Examples: sqlite:socho.db or postgres://localhost/socho."
                    ),
                ),
            ),
            StoreError::ForeignDatabase { place, tables } => {
                (ErrorKind::Configuration, "foreign_database", foreign(place, &tables.join(", ")))
            }
            StoreError::File { path, source } => (
                ErrorKind::Configuration,
                "database_file",
                Message::new(
                    format!("Không mở được tệp {path}: {source}. Hãy kiểm tra thư mục và quyền ghi."),
                    format!("Cannot open the file {path}: {source}. Check the folder and your right to write there."),
                ),
            ),
            StoreError::Inconsistent(what) => (
                ErrorKind::Integrity,
                "inconsistent",
                Message::new(format!("Sổ tự mâu thuẫn: {what}."), format!("The book contradicts itself: {what}.")),
            ),
            StoreError::Unavailable(_)
            | StoreError::CommitUnknown(_)
            | StoreError::Contended { .. }
            | StoreError::QueueFull
            | StoreError::UniqueViolation
            | StoreError::Migration(_)
            | StoreError::Statement(_) => return Self::internal(error),
        };
        Self { cause: Some(Box::new(error)), ..Self::new(kind, code, message) }
    }
}

fn foreign(place: &str, tables: &str) -> Message {
    Message::new(
        format!(
            "{place} là cơ sở dữ liệu của chương trình khác (có bảng {tables}) và được giữ nguyên. Hãy chỉ một tệp hoặc cơ sở dữ liệu khác bằng --db."
        ),
        format!(
            "{place} belongs to another program (it has tables {tables}) and was left as it is. Name another file or database with --db."
        ),
    )
}
