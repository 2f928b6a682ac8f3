//! VietQR payloads and pictures, for the command line and pages.

use super::error::{AppError, ErrorKind, Message};

pub use crate::qr::card::check_tag;
pub use crate::qr::decode::decode;
pub use crate::qr::image::{Correction, modules};
pub use crate::qr::payload::{QrError, Service, VietQr};

/// Returns a payload as SVG, decoded again before it is released.
///
/// # Errors
/// `qr_unreadable` when the picture does not read back.
pub fn svg(payload: &str, correction: Correction, title: &str) -> Result<String, AppError> {
    crate::qr::image::svg(payload, correction, title).map_err(|error| unreadable(&error))
}

/// Returns a payload as PNG, decoded again before it is released.
///
/// # Errors
/// `qr_unreadable` when the picture does not read back.
pub fn png(payload: &str, correction: Correction) -> Result<Vec<u8>, AppError> {
    crate::qr::image::png(payload, correction).map_err(|error| unreadable(&error))
}

fn unreadable(error: &crate::qr::image::ImageError) -> AppError {
    let message = Message::new(
        format!("Mã QR không được phát hành: {error}."),
        format!("The QR code was not released: {error}."),
    );
    AppError::new(ErrorKind::Invalid, "qr_unreadable", message)
}
