//! Tables of figures as a workbook: numbers are numbers, dates dates, names and codes text, so that a
//! spreadsheet sums and sorts them and runs none of them. The same tables give the same bytes.

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet, XlsxError,
    column_number_to_name,
};

use super::grid::{Cell, Grid};
use crate::domain::calendar::{BusinessDate, VIETNAM};

/// Largest whole number that a spreadsheet keeps exactly; above it digits are written as text.
const EXACT_MAX: i64 = 999_999_999_999_999;
/// Widest column, in characters.
const WIDTH_MAX: usize = 48;
/// A character more than the longest cell: spreadsheets draw a margin.
const WIDTH_MARGIN: usize = 2;

/// What a workbook says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// Its title.
    pub title: String,
    /// Whose it is.
    pub author: String,
    /// What stands above every table: what, of when, whether the figures stand, the zone.
    pub lines: Vec<String>,
    /// When it was drawn up.
    pub drawn_up_at: Timestamp,
}

struct Formats {
    head: Format,
    title: Format,
    text: Format,
    number: Format,
    sum: Format,
    sum_text: Format,
    date: Format,
    time: Format,
    share: Format,
    seconds: Format,
}

impl Formats {
    fn new() -> Self {
        let number = Format::new().set_num_format("#,##0").set_align(FormatAlign::Right);
        let sum = |format: Format| format.set_bold().set_border_top(FormatBorder::Thin);
        Self {
            head: Format::new()
                .set_bold()
                .set_background_color(Color::RGB(0x00EC_F2EF))
                .set_border_bottom(FormatBorder::Thin)
                .set_text_wrap(),
            title: Format::new().set_bold(),
            text: Format::new(),
            sum: sum(number.clone()),
            sum_text: sum(Format::new()),
            number,
            date: Format::new().set_num_format("dd/mm/yyyy"),
            time: Format::new().set_num_format("hh:mm"),
            share: Format::new().set_num_format("0.0%"),
            seconds: Format::new().set_num_format("#,##0\" giây\""),
        }
    }
}

/// Returns tables as a workbook, a sheet each.
///
/// # Errors
/// Whatever the writer meets; nothing in a table of a report makes it fail.
pub fn workbook(cover: &Cover, grids: &[Grid]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let properties = DocProperties::new()
        .set_title(&cover.title)
        .set_author(&cover.author)
        .set_creation_datetime(&date_time(cover.drawn_up_at)?);
    workbook.set_properties(&properties);
    let formats = Formats::new();
    for grid in grids {
        sheet(workbook.add_worksheet(), cover, grid, &formats)?;
    }
    workbook.save_to_buffer()
}

fn sheet(sheet: &mut Worksheet, cover: &Cover, grid: &Grid, formats: &Formats) -> Result<(), XlsxError> {
    sheet.set_name(grid.name.chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(31).collect::<String>())?;
    let mut row: u32 = 0;
    for line in &cover.lines {
        sheet.write_string_with_format(row, 0, line, if row == 0 { &formats.title } else { &formats.text })?;
        row = row.saturating_add(1);
    }
    row = row.saturating_add(1);
    for (column, head) in (0_u16..).zip(&grid.heads) {
        sheet.write_string_with_format(row, column, head, &formats.head)?;
    }
    let head = row;
    for cells in &grid.rows {
        row = row.saturating_add(1);
        for (column, cell) in (0_u16..).zip(cells) {
            write(sheet, (row, column), cell, formats)?;
        }
    }
    let last = row;
    if let Some(sums) = grid.sums() {
        row = row.saturating_add(1);
        for (column, cell) in (0_u16..).zip(&sums) {
            let at = (row, column);
            match cell.summed() {
                Some(sum) => total(sheet, at, (head.saturating_add(1), last), sum, formats)?,
                None => drop(sheet.write_string_with_format(row, column, cell.plain(), &formats.sum_text)?),
            }
        }
    }
    let columns = u16::try_from(grid.heads.len().saturating_sub(1)).unwrap_or(u16::MAX);
    for (column, width) in (0_u16..).zip(widths(grid)) {
        sheet.set_column_width(column, width)?;
    }
    sheet.set_freeze_panes(head.saturating_add(1), 1)?;
    sheet.set_repeat_rows(head, head)?;
    sheet.set_print_area(0, 0, row, columns)?;
    sheet.set_paper_size(9).set_print_fit_to_pages(1, 0);
    sheet.set_footer("&LGiờ Việt Nam (UTC+7)&RTrang &P/&N");
    if grid.heads.len() > 6 {
        sheet.set_landscape();
    }
    Ok(())
}

fn write(sheet: &mut Worksheet, (row, column): (u32, u16), cell: &Cell, formats: &Formats) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) => sheet.write_string_with_format(row, column, text, &formats.text)?,
        Cell::Count(number) => return whole(sheet, (row, column), *number, &formats.number),
        Cell::Money(amount) => return whole(sheet, (row, column), amount.whole(), &formats.number),
        Cell::Date(date) => sheet.write_datetime_with_format(row, column, day(*date)?, &formats.date)?,
        Cell::Time(at) => {
            let local = VIETNAM.to_datetime(*at);
            let [hour, minute, second] = [local.hour(), local.minute(), local.second()].map(small);
            let time = ExcelDateTime::from_hms(u16::from(hour), minute, f64::from(second))?;
            sheet.write_datetime_with_format(row, column, time, &formats.time)?
        }
        Cell::Share(thousandths) => {
            let share = Decimal::new(*thousandths, 3).to_f64().unwrap_or_default();
            sheet.write_number_with_format(row, column, share, &formats.share)?
        }
        Cell::Span(seconds) => return whole(sheet, (row, column), *seconds, &formats.seconds),
        Cell::Unknown => return Ok(()),
        Cell::Hidden => sheet.write_string_with_format(row, column, cell.shown(), &formats.text)?,
    };
    Ok(())
}

fn whole(sheet: &mut Worksheet, (row, column): (u32, u16), number: i64, format: &Format) -> Result<(), XlsxError> {
    match exact(number) {
        Some(exact) => sheet.write_number_with_format(row, column, exact, format)?,
        None => sheet.write_string_with_format(row, column, number.to_string(), format)?,
    };
    Ok(())
}

/// Returns a whole number as spreadsheets keep numbers, when they keep it exactly.
fn exact(number: i64) -> Option<f64> {
    Decimal::from(number).to_f64().filter(|_| number.saturating_abs() <= EXACT_MAX)
}

/// Writes a sum that the spreadsheet can add up again.
fn total(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    (first, last): (u32, u32),
    sum: i64,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let name = column_number_to_name(column);
    let sum_of = format!("=SUM({name}{}:{name}{})", first.saturating_add(1), last.saturating_add(1));
    let formula = Formula::new(sum_of).set_result(sum.to_string());
    sheet.write_formula_with_format(row, column, formula, &formats.sum)?;
    Ok(())
}

fn widths(grid: &Grid) -> Vec<f64> {
    let width = |column: usize| {
        let cells = grid.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.shown().chars().count());
        let sums = grid.sums().and_then(|sums| sums.get(column).map(|cell| cell.shown().chars().count()));
        let word = |head: &String| head.split(' ').map(|word| word.chars().count()).max().unwrap_or_default();
        let head = grid.heads.get(column).map(word).unwrap_or_default();
        let longest = cells.chain(sums).max().unwrap_or_default().max(head).saturating_add(WIDTH_MARGIN);
        u16::try_from(longest.min(WIDTH_MAX)).map(f64::from).unwrap_or_default()
    };
    (0..grid.heads.len()).map(width).collect()
}

fn small(part: i8) -> u8 {
    u8::try_from(part).unwrap_or_default()
}

fn day(date: BusinessDate) -> Result<ExcelDateTime, XlsxError> {
    let date = date.date();
    ExcelDateTime::from_ymd(u16::try_from(date.year()).unwrap_or_default(), small(date.month()), small(date.day()))
}

fn date_time(at: Timestamp) -> Result<ExcelDateTime, XlsxError> {
    let local = VIETNAM.to_datetime(at);
    let [hour, minute, second] = [local.hour(), local.minute(), local.second()].map(small);
    day(BusinessDate::of_calendar(at))?.and_hms(u16::from(hour), minute, f64::from(second))
}
