//! Who is let in where `serve` listens: what is said at start.

use std::net::SocketAddr;

use super::Context;
use super::output::{Exit, Failure, Lang, to_stderr};
use crate::app::App;
use crate::web::Door;

/// Says at start who is let in how, where that is more than "whoever logs in".
pub(super) async fn tell(
    context: &Context,
    app: &App,
    bind: SocketAddr,
    door: &Door,
    test_mode: bool,
) -> Result<(), Failure> {
    let nobody_yet = app.is_unattended().await?;
    let tell = |vi: &str, en: &str| to_stderr(&format!("socho: {}\n", if context.lang == Lang::Vi { vi } else { en }));
    if door.loopback && test_mode {
        tell(
            "chế độ thử: yêu cầu không đăng nhập từ chính máy này được coi là của người vận hành",
            "test mode: requests without credentials from this machine are the operator's",
        );
    } else if door.loopback && nobody_yet {
        tell(
            "chưa có người dùng: ai ngồi ở máy này cũng là người vận hành, máy khác bị từ chối. Tạo người đầu tiên: socho user add --role admin --name … --full-name …",
            "no user yet: whoever sits at this machine is the operator, others are refused. Make the first one: socho user add --role admin --name … --full-name …",
        );
    } else if nobody_yet {
        tell(
            "chưa có người dùng: không ai mở được trang nào. Tạo người đầu tiên: socho user add --role admin --name … --full-name …",
            "no user yet: nobody can open a page. Make the first one: socho user add --role admin --name … --full-name …",
        );
    }
    if !door.loopback && door.public_url.as_deref().is_none_or(|url| !url.starts_with("https://")) {
        tell(
            &format!(
                "{bind} không có TLS: trình duyệt chỉ giữ đăng nhập qua https://. Hãy đặt proxy TLS phía trước và chạy với --public-url https://…"
            ),
            &format!(
                "{bind} has no TLS: browsers keep a login over https:// alone. Put a proxy with TLS in front and give --public-url https://…"
            ),
        );
    }
    Ok(())
}

/// Reads the address under which people reach the pages.
pub(super) fn public_url(url: &str) -> Result<String, Failure> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.trim_end_matches('/')).filter(|host| {
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    });
    let scheme = if url.starts_with("https://") { "https" } else { "http" };
    host.map(|host| format!("{scheme}://{host}")).ok_or_else(|| {
        let vi = format!("--public-url {url} không đúng; ví dụ https://cho.example.vn, không có đường dẫn.");
        let en = format!("--public-url {url} is not valid; for example https://cho.example.vn, without a path.");
        Failure::new(Exit::Configuration, vi, en)
    })
}
