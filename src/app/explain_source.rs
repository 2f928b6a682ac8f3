//! Explaining to whoever runs the installation why a sender's request is refused.

use std::borrow::Cow;

use jiff::Timestamp;

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::manage_sources::credentials;
use crate::bank::Request;
use crate::bank::explain::{Change, Explanation, explain};
use crate::domain::ids::SourceName;
use crate::store::routing::Sender;

/// Largest file that holds a request, in bytes: a body and its headers.
pub const REQUEST_MAX: u64 = 320 << 10;

/// What was found, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// A stable word: `taken`, `clock_skew`, `body_changed`, …
    pub cause: Cow<'static, str>,
    /// What it means, and what to do.
    pub message: Message,
}

impl App {
    /// Explains a request that was written down: header lines, a blank line, the body's bytes. Books
    /// and keeps nothing.
    ///
    /// # Errors
    /// `not_found` for the source, `request_unreadable` when the text is no request.
    pub async fn explain_request(&self, source: &SourceName, written: &[u8]) -> Result<Explained, AppError> {
        let sender = self.sender(source).await?;
        let (sub_path, headers, body) = parted(written).ok_or_else(|| {
            let message = Message::new(
                "Tệp cần các dòng đầu (Tên: giá trị), một dòng trống, rồi nội dung đúng từng byte.",
                "The file holds header lines (Name: value), a blank line, and then the body's very bytes.",
            );
            AppError::new(ErrorKind::Invalid, "request_unreadable", message)
        })?;
        let now = self.clock.now();
        let request = Request { sub_path: &sub_path, headers: &headers, body };
        Ok(explained(&sender, now, &self.secrets_of(&sender, now)?, &request))
    }
}

/// Explains a request of a sender with these live secrets, as it arrived.
pub(super) fn explained(sender: &Sender, now: Timestamp, secrets: &[String], request: &Request<'_>) -> Explained {
    told(&explain(sender.dialect, &credentials(sender, now, secrets), request))
}

/// Says in Vietnamese what is wrong with a header; what is not known here stays as it is.
fn header_vietnamese(why: &'static str) -> &'static str {
    match why {
        "a header that authenticates is missing" => "thiếu đầu yêu cầu dùng để xác thực",
        "a header that authenticates stands there twice" => "đầu yêu cầu dùng để xác thực xuất hiện hai lần",
        "a header is not text" => "giá trị của đầu yêu cầu không phải là chữ",
        "Authorization is not of the form Apikey KEY" => "Authorization phải có dạng Apikey KHÓA",
        "Authorization is not of the form Bearer TOKEN" => "Authorization phải có dạng Bearer MÃ",
        "X-Casso-Signature is not of the form t=…,v1=…" => "X-Casso-Signature phải có dạng t=…,v1=…",
        other => other,
    }
}

type Parted<'a> = (String, Vec<(String, Vec<u8>)>, &'a [u8]);

/// Parts a request as it is written down. A request line in front is read for its path.
fn parted(written: &[u8]) -> Option<Parted<'_>> {
    let ends = [&b"\r\n\r\n"[..], &b"\n\n"[..]].into_iter().filter_map(|mark| {
        let at = written.windows(mark.len()).position(|window| window == mark)?;
        Some((at, at.saturating_add(mark.len())))
    });
    let (head_end, body_start) = ends.min()?;
    let head = std::str::from_utf8(written.get(..head_end)?).ok()?;
    let (mut sub_path, mut headers) = (String::new(), Vec::new());
    for (number, line) in head.lines().enumerate() {
        match line.split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.as_bytes().to_vec())),
            None if number == 0 => sub_path = path_below(line)?,
            None => return None,
        }
    }
    Some((sub_path, headers, written.get(body_start..)?))
}

/// Returns what follows the source's own path in a request line.
fn path_below(line: &str) -> Option<String> {
    let target = line.split(' ').nth(1)?.split('?').next()?;
    let rest = target.strip_prefix("/v1/ingest/")?;
    Some(rest.split_once('/').map_or_else(String::new, |(_, below)| format!("/{below}")))
}

fn told(explanation: &Explanation) -> Explained {
    let (cause, vi, en) = match explanation {
        Explanation::Taken(items) => (
            "taken",
            format!("Yêu cầu đúng: chữ ký khớp, đọc được {items} mục."),
            format!("The request is right: the signature holds, {items} items can be read."),
        ),
        Explanation::Skew(seconds) => (
            "clock_skew",
            format!("Chữ ký đúng, giờ ký lệch {seconds:+} giây. Chỉnh đồng hồ hai bên (NTP), đừng gửi lại yêu cầu cũ."),
            format!(
                "The signature is right; its time is off by {seconds:+} s. Set both clocks (NTP), and sign anew for each try."
            ),
        ),
        Explanation::Unreadable(why) => (
            "body_unreadable",
            format!("Chữ ký đúng, nội dung không đọc được: {why}."),
            format!("The signature is right; the body cannot be read: {why}."),
        ),
        Explanation::NoSuchPath => (
            "no_such_path",
            "Kiểu nguồn này không có đường dẫn đó.".to_owned(),
            "The dialect has no such path.".to_owned(),
        ),
        Explanation::Header(why) => {
            let vi = header_vietnamese(why);
            ("header", format!("Đầu yêu cầu chưa đúng: {vi}."), format!("A header is not right: {why}."))
        }
        Explanation::OtherDialect(dialect) => (
            "other_dialect",
            format!(
                "Yêu cầu này đúng theo kiểu {dialect}: nguồn đang khai sai kiểu. Thêm nguồn mới với --dialect {dialect}."
            ),
            format!(
                "The request is right in dialect {dialect}: the source was added as another. Add one with --dialect {dialect}."
            ),
        ),
        Explanation::BodyChanged(change) => {
            let (vi, en) = changed(*change);
            ("body_changed", vi.to_owned(), en.to_owned())
        }
        Explanation::SecretBlanks => (
            "secret_blanks",
            "Khóa bí mật đã lưu có dấu cách thừa. Đổi khóa: socho source rotate.".to_owned(),
            "The secret kept here has blanks around it. Put it in anew: socho source rotate.".to_owned(),
        ),
        Explanation::WrongSecret => (
            "wrong_secret",
            "Đầu yêu cầu đủ và đúng dạng: hai bên dùng khóa khác nhau, hoặc bên gửi ký trên nội dung khác.".to_owned(),
            "Headers and form are right: the secrets differ, or other bytes were signed than were sent.".to_owned(),
        ),
    };
    Explained { cause: Cow::Borrowed(cause), message: Message::new(vi, en) }
}

fn changed(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::LineEndAdded => {
            ("Nội dung bị thêm xuống dòng ở cuối sau khi ký.", "A line end was added to the body after it was signed.")
        }
        Change::LineEndRemoved => {
            ("Nội dung bị mất xuống dòng ở cuối sau khi ký.", "A line end was taken from the body after it was signed.")
        }
        Change::BlanksAdded => (
            "Nội dung bị đọc rồi viết lại (thêm dấu cách) sau khi ký: hãy gửi đúng các byte đã ký.",
            "The body was parsed and written anew (blanks added) after it was signed: send the very bytes that were signed.",
        ),
        Change::BlanksRemoved => (
            "Nội dung bị đọc rồi viết lại (bỏ dấu cách) sau khi ký: hãy gửi đúng các byte đã ký.",
            "The body was parsed and written anew (blanks removed) after it was signed: send the very bytes that were signed.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_about_a_header_is_said_in_vietnamese_too() {
        // The reasons as the dialects write them.
        let dialects = [
            include_str!("../bank/signature.rs"),
            include_str!("../bank/casso.rs"),
            include_str!("../bank/pay2s.rs"),
            include_str!("../bank/sepay.rs"),
            include_str!("../bank/generic_hmac.rs"),
            include_str!("../bank/standard_webhooks.rs"),
            include_str!("../bank/vietqr_vn.rs"),
            include_str!("../bank/payos.rs"),
        ];
        let mut seen = 0;
        for source in dialects {
            for said in source.split("Unauthenticated(\"").skip(1) {
                let why = said.split('"').next().unwrap();
                if why.contains("header") || why.contains("is not of the form") {
                    assert_ne!(header_vietnamese(why), why);
                    seen += 1;
                }
            }
        }
        assert!(seen >= 6, "{seen}");
    }
}
