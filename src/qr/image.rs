//! A payload as a picture: pure black on white, quiet zone of four modules, no logo (ISO/IEC
//! 18004). Every picture is decoded again before it is released.

use std::fmt::Write as _;
use std::io::Cursor;

use image::{GrayImage, ImageFormat, Luma};
use qrcode::{Color, EcLevel, QrCode};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;
use thiserror::Error;

use super::decode::{self, DecodeError};
use crate::domain::drawing::{ModuleGrid, Run};

/// Modules of white around the code.
pub const QUIET_ZONE: usize = 4;
/// Pixels a module in PNG pictures, and in the raster an SVG is checked by.
const SCALE: usize = 8;

/// How much of the code may be lost. A stained, glary card decoded in 26 of 100 photographs with
/// M and in all with Q.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// 15 %: for screens.
    Screen,
    /// 25 %: for print.
    Print,
}

/// Why no picture was released.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The text does not fit a QR code.
    #[error("the payload does not fit a QR code: {0}")]
    DoesNotFit(#[from] qrcode::types::QrError),
    /// The picture could not be written.
    #[error("the picture could not be written: {0}")]
    Picture(#[from] image::ImageError),
    /// The SVG could not be drawn for its check.
    #[error("the picture could not be drawn for its check: {0}")]
    Svg(#[from] usvg::Error),
    /// The picture could not be read back.
    #[error("the picture could not be read back: {0}")]
    ReadBack(#[from] DecodeError),
    /// The picture reads as something else.
    #[error("the picture reads back as another payload")]
    Differs,
}

/// Returns the modules of a payload's code, without the quiet zone.
///
/// # Errors
/// [`ImageError::DoesNotFit`].
pub fn grid(payload: &str, correction: Correction) -> Result<ModuleGrid, ImageError> {
    let level = match correction {
        Correction::Screen => EcLevel::M,
        Correction::Print => EcLevel::Q,
    };
    let code = QrCode::with_error_correction_level(payload, level)?;
    let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
    // A code is a square.
    ModuleGrid::new(code.width(), dark).ok_or(ImageError::Differs)
}

fn outer_side(grid: &ModuleGrid) -> usize {
    grid.side() + 2 * QUIET_ZONE
}

/// Returns the number of modules on a side, quiet zone included: what a printed size is divided by.
///
/// # Errors
/// [`ImageError::DoesNotFit`].
pub fn modules(payload: &str, correction: Correction) -> Result<usize, ImageError> {
    grid(payload, correction).map(|grid| outer_side(&grid))
}

/// Returns the code as SVG: one path, in units of one module, named by `title` for those who
/// cannot see it.
///
/// # Errors
/// [`ImageError`] when the payload does not fit or the picture does not read back.
pub fn svg(payload: &str, correction: Correction, title: &str) -> Result<String, ImageError> {
    let grid = grid(payload, correction)?;
    let side = outer_side(&grid);
    let mut path = String::new();
    for Run { column, row, length } in grid.runs() {
        // Writing to a String cannot fail.
        let _ = write!(path, "M{} {}h{length}v1h-{length}z", column + QUIET_ZONE, row + QUIET_ZONE);
    }
    let title = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" \
         role=\"img\"><title>{title}</title><path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/>\
         <path d=\"{path}\"/></svg>"
    );
    check(payload, rasterise(&svg, side)?)?;
    Ok(svg)
}

/// Returns the code as PNG, eight pixels a module.
///
/// # Errors
/// [`ImageError`] when the payload does not fit or the picture does not read back.
pub fn png(payload: &str, correction: Correction) -> Result<Vec<u8>, ImageError> {
    let grid = grid(payload, correction)?;
    let side = u32::try_from(outer_side(&grid) * SCALE).unwrap_or(u32::MAX);
    let at = |pixel: u32| (usize::try_from(pixel).unwrap_or(usize::MAX) / SCALE).checked_sub(QUIET_ZONE);
    let picture = GrayImage::from_fn(side, side, |x, y| {
        let dark = at(x).zip(at(y)).is_some_and(|(x, y)| grid.is_dark(x, y));
        Luma([if dark { 0 } else { 255 }])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    let bytes = bytes.into_inner();
    if decode::decode(&bytes)? == payload { Ok(bytes) } else { Err(ImageError::Differs) }
}

/// Draws the very text that is released, by another library than the one that wrote it.
fn rasterise(svg: &str, side: usize) -> Result<GrayImage, ImageError> {
    let tree = usvg::Tree::from_str(svg, &usvg::Options::default())?;
    let pixels = u32::try_from(side * SCALE).unwrap_or(u32::MAX);
    let mut map = Pixmap::new(pixels, pixels).ok_or(ImageError::Differs)?;
    let scale = f32::from(u16::try_from(SCALE).unwrap_or(1));
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut map.as_mut());
    let gray = map.pixels().iter().map(|pixel| pixel.red()).collect();
    GrayImage::from_raw(pixels, pixels, gray).ok_or(ImageError::Differs)
}

fn check(payload: &str, picture: GrayImage) -> Result<(), ImageError> {
    if decode::decode_gray(picture)? == payload { Ok(()) } else { Err(ImageError::Differs) }
}
