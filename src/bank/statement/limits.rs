//! What a statement's file may grow to. Beyond a limit it is refused with the limit's name, before
//! memory is taken for it.

/// Largest file, in bytes: 200,000 lines of any bank are below half of it.
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// What all parts of a workbook together may unpack to, in bytes; they are read as they unpack.
pub(super) const UNPACKED_BYTES_MAX: u64 = 512 << 20;
/// What the shared strings or the styles of a workbook may unpack to, in bytes; they are kept.
pub(super) const KEPT_PART_BYTES_MAX: u64 = 96 << 20;
/// How many times larger than packed a part may be; spreadsheets reach 30, bombs 1,000.
pub(super) const UNPACK_RATIO_MAX: u64 = 200;
/// Bytes below which the ratio says nothing.
pub(super) const RATIO_FREE_BYTES: u64 = 4 << 20;
/// Parts of a workbook.
pub(super) const PARTS_MAX: usize = 1_000;
/// Sheets of a workbook.
pub(super) const SHEETS_MAX: usize = 64;
/// Rows of a sheet or lines of a table, blank ones too.
pub(super) const ROWS_MAX: usize = 500_000;
/// Columns of a table; banks use at most twenty.
pub(super) const COLUMNS_MAX: usize = 64;
/// Characters of one cell, or of one text in a message: what a spreadsheet allows.
pub(super) const CELL_CHARS_MAX: usize = 32_767;
/// Elements inside one another in XML; camt needs fifteen.
pub(super) const DEPTH_MAX: usize = 64;
/// Movements in one file.
pub(super) const LINES_MAX: usize = 500_000;
/// Accounts, or stretches of time, in one file.
pub(super) const STATEMENTS_MAX: usize = 1_000;
/// Rows above the first header in which the account and the header are looked for.
pub(super) const TITLE_ROWS_MAX: usize = 200;
/// Bytes of a `--map` file.
pub const MAP_BYTES_MAX: usize = 64 << 10;
/// Characters of a memo that are kept; banks cut theirs at about 210.
pub(super) const MEMO_CHARS_MAX: usize = 1_000;
