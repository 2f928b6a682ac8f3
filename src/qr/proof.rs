//! A printed code is read before it is printed: rasterised as coarsely as an office printer, from the
//! geometry that goes onto the paper and not from a picture of it.

use image::{GrayImage, Luma};

use super::decode;
use super::image::ImageError;
use crate::domain::drawing::{Area, Length, ModuleGrid};

/// Dots an inch: what the worst office printer does.
const DOTS_PER_INCH: i64 = 150;
/// Micrometres of an inch.
const INCH: i64 = 25_400;
/// Most dots of a side: far above the largest card's.
const DOTS_MAX: i64 = 4_000;

/// A filled area and how light it is, 0 for black.
pub type Painted = (Area, u8);

/// Reads a code out of the part of a sheet that shows it: the modules over `code`, and whatever else
/// is `painted` there, in the order of drawing; `seen` is the part, quiet zone and all.
///
/// # Errors
/// [`ImageError`] when nothing, or another payload, is read.
pub fn reads_back(payload: &str, code: (Area, &ModuleGrid), painted: &[Painted], seen: Area) -> Result<(), ImageError> {
    let side = dots(seen.width).clamp(1, DOTS_MAX);
    let side = u32::try_from(side).map_err(|_| ImageError::Differs)?;
    let mut picture = GrayImage::from_pixel(side, side, Luma([u8::MAX]));
    for (area, light) in painted {
        fill(&mut picture, *area, seen, *light);
    }
    let (area, grid) = code;
    for run in grid.runs() {
        fill(&mut picture, module(area, grid, run.column, run.row, run.length), seen, 0);
    }
    if decode::decode_gray(picture)? == payload { Ok(()) } else { Err(ImageError::Differs) }
}

/// Returns where `length` modules from a place of the grid lie.
fn module(code: Area, grid: &ModuleGrid, column: usize, row: usize, length: usize) -> Area {
    let whole = i64::try_from(grid.side()).unwrap_or(i64::MAX);
    let at = |modules: usize| code.width.scaled(i64::try_from(modules).unwrap_or(i64::MAX), whole);
    let (x, y) = (code.x + at(column), code.y + at(row));
    Area { x, y, width: code.x + at(column + length) - x, height: code.y + at(row + 1) - y }
}

fn dots(length: Length) -> i64 {
    length.micrometres().saturating_mul(DOTS_PER_INCH).checked_div(INCH).unwrap_or_default()
}

/// Darkens the dots whose middle lies in an area.
fn fill(picture: &mut GrayImage, area: Area, seen: Area, light: u8) {
    // A dot's middle is half a dot further.
    let first = |place: Length| {
        let doubled = place.micrometres().saturating_mul(2 * DOTS_PER_INCH).checked_div(INCH).unwrap_or_default();
        u32::try_from((doubled + 1).max(0) / 2).unwrap_or_default()
    };
    let (width, height) = picture.dimensions();
    let columns = first(area.x - seen.x).min(width)..first(area.right() - seen.x).min(width);
    for row in first(area.y - seen.y).min(height)..first(area.bottom() - seen.y).min(height) {
        for column in columns.clone() {
            picture.put_pixel(column, row, Luma([light]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qr::image::{Correction, grid};

    const PAYLOAD: &str = "00020101021138570010A00000072701270006970436011300710008888880208QRIBFTTA53037045802VN62120808SC22223Y6304AE9F";

    fn square(x: i64, side: i64) -> Area {
        Area { x: Length::mm(x), y: Length::mm(x), width: Length::mm(side), height: Length::mm(side) }
    }

    #[test]
    fn what_is_drawn_is_read_and_a_blot_over_it_is_seen() {
        let grid = grid(PAYLOAD, Correction::Print).unwrap();
        let seen = square(20, 54);
        let code = seen.inset(Length::mm(4));
        assert!(reads_back(PAYLOAD, (code, &grid), &[], seen).is_ok());
        assert!(reads_back("other", (code, &grid), &[], seen).is_err());
        let quiet_zone = [(Area { width: Length::mm(4), ..seen }, 0_u8)];
        let painted = reads_back(PAYLOAD, (code, &grid), &quiet_zone, seen);
        let blank =
            reads_back(PAYLOAD, (code, &crate::domain::drawing::ModuleGrid::new(1, vec![false]).unwrap()), &[], seen);
        assert!(blank.is_err(), "an empty place is no code; a painted quiet zone gave {painted:?}");
    }
}
