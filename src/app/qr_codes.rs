//! VietQR payloads and pictures, for the command line and pages.

use super::error::{AppError, ErrorKind, Message};

pub use crate::qr::card::check_tag;
pub use crate::qr::decode::decode;
pub use crate::qr::image::{Correction, modules};
pub use crate::qr::payload::{QrError, Service, VietQr};

use crate::qr::payload::QrRule;

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

/// Says in both languages which rule a payload breaks, and at which byte.
#[must_use]
pub fn unread(error: &QrError) -> Message {
    let (offset, rule) = (error.offset, &error.rule);
    Message::new(
        format!("Không phải mã VietQR; ở byte {offset}: {}.", rule_in_vietnamese(rule)),
        format!("Not a VietQR payload, at byte {offset}: {rule}."),
    )
}

/// Says in both languages why no payload can be made.
#[must_use]
pub fn unmade(error: &QrError) -> Message {
    Message::new(
        format!("Không lập được mã VietQR: {}.", rule_in_vietnamese(&error.rule)),
        format!("No VietQR payload can be made: {}.", error.rule),
    )
}

fn rule_in_vietnamese(rule: &QrRule) -> String {
    match rule {
        QrRule::Empty => "không có nội dung".to_owned(),
        QrRule::TooLong => "dài hơn sức chứa của mã QR".to_owned(),
        QrRule::NotAscii => "có ký tự ngoài ASCII in được".to_owned(),
        QrRule::Truncated => "nội dung bị cắt giữa một trường".to_owned(),
        QrRule::NotAnObject => "mỗi trường bắt đầu bằng hai chữ số mã và hai chữ số độ dài".to_owned(),
        QrRule::EmptyValue => "có trường rỗng".to_owned(),
        QrRule::Overrun => "độ dài ghi trong trường vượt quá phần còn lại".to_owned(),
        QrRule::Duplicate => "một trường xuất hiện hai lần".to_owned(),
        QrRule::Format => "trường đầu phải là 000201".to_owned(),
        QrRule::NoChecksum => "trường cuối phải là mã kiểm tra, trường 63".to_owned(),
        QrRule::Checksum { found, computed } => format!("mã kiểm tra là {found}, tính ra {computed}"),
        QrRule::Missing(tag) => format!("thiếu trường {tag}"),
        QrRule::Value { tag, rule } => format!("trường {tag} phải là {}", value_in_vietnamese(tag, rule)),
    }
}

fn value_in_vietnamese(tag: &str, rule: &'static str) -> &'static str {
    match tag {
        "54" => "1 đến 9.999.999.999.999 đồng, không có phần lẻ",
        "53" => "704 (đồng)",
        "01" => "11 hoặc 12",
        "38.00" => "A000000727 (NAPAS)",
        "38.02" => "QRIBFTTA, QRIBFTTC, QRPUSH hoặc QRCASH",
        "38.01.00" => "mã BIN sáu chữ số",
        "38.01.01" if rule.contains("card") => "số thẻ 16 hoặc 19 chữ số khi dùng QRIBFTTC",
        "38.01.01" => "số tài khoản 1 đến 19 chữ số hoặc chữ cái",
        "62.08" => "nội dung 1 đến 25 ký tự ASCII in được",
        _ => rule,
    }
}

fn unreadable(error: &crate::qr::image::ImageError) -> AppError {
    let message = Message::new(
        format!("Mã QR không được phát hành: {error}."),
        format!("The QR code was not released: {error}."),
    );
    AppError::new(ErrorKind::Invalid, "qr_unreadable", message)
}
