//! Reading codes back out of pictures: what people photograph, and what we are about to release.

use std::io::Cursor;

use image::{GrayImage, ImageReader, Limits};
use rxing::{BarcodeFormat, DecodeHints};
use thiserror::Error;

/// Largest side of a picture that is opened, in pixels: phones make about 4,000.
const SIDE_MAX: u32 = 12_000;
/// Memory that opening a picture may take.
const MEMORY_MAX: u64 = 256 << 20;

/// Why no code came out of a picture.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Neither PNG nor JPEG, or broken, or beyond the limits.
    #[error("the picture cannot be opened: {0}")]
    Picture(#[from] image::ImageError),
    /// The file cannot be read.
    #[error("the picture cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// No QR code was found in it.
    #[error("no QR code was found")]
    NoCode,
}

/// Returns the text of the QR code in a PNG or JPEG picture.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(picture: &[u8]) -> Result<String, DecodeError> {
    let mut reader = ImageReader::new(Cursor::new(picture)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    decode_gray(reader.decode()?.to_luma8())
}

/// Returns the text of the QR code in a grey picture.
///
/// # Errors
/// [`DecodeError::NoCode`].
pub fn decode_gray(picture: GrayImage) -> Result<String, DecodeError> {
    let (width, height) = picture.dimensions();
    let mut hints = DecodeHints { TryHarder: Some(true), ..DecodeHints::default() };
    let result = rxing::helpers::detect_in_luma_with_hints(
        picture.into_raw(),
        width,
        height,
        Some(BarcodeFormat::QR_CODE),
        &mut hints,
    );
    result.map(|found| found.getText().to_owned()).map_err(|_| DecodeError::NoCode)
}
