//! Traces to a collector (OTLP over HTTP), where the program was built with the feature `otlp`. What is
//! traced is made for it where it happens, under the target `app::TRACES`: no line of the log and
//! no span of a library ever leaves the machine, and no secret, body, query, person or account is an attribute.

#[cfg(feature = "otlp")]
mod export;

#[cfg(feature = "otlp")]
pub(super) use export::{Exporting, layer};

use super::Context;
use super::output::{Exit, Failure};

/// Where an endpoint without a path takes traces (OTLP/HTTP).
const TRACES_PATH: &str = "/v1/traces";
/// Headers that one collector may want.
const HEADERS_MAX: usize = 16;

/// Where traces go, and which.
#[derive(Clone)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "they are checked, and used where OTLP is built in"))]
pub(super) struct Settings {
    pub(super) endpoint: String,
    pub(super) headers: Vec<(String, String)>,
    /// Traces of a thousand that are kept, of those that nobody decided about before us.
    pub(super) per_mille: u32,
}

impl Settings {
    /// Reads the settings; none where nobody wants traces.
    ///
    /// # Errors
    /// A [`Failure`] when one of them is wrong, or this program was built without OTLP.
    pub(super) fn of(context: &Context) -> Result<Option<Self>, Failure> {
        let given = |key: &str, filed: &Option<String>| {
            std::env::var(format!("SOCHO_{}", key.to_uppercase())).ok().or_else(|| filed.clone())
        };
        let file = &context.config;
        let Some(address) = given("otlp_endpoint", &file.otlp_endpoint) else { return Ok(None) };
        let list = given("otlp_headers", &file.otlp_headers);
        let share = given("otlp_per_mille", &file.otlp_per_mille);
        Ok(Some(Self {
            endpoint: endpoint(&address)?,
            headers: list.as_deref().map(headers).transpose()?.unwrap_or_default(),
            per_mille: share.as_deref().map_or(Ok(1_000), per_mille)?,
        }))
    }
}

fn refuse<T>(vi: impl Into<String>, en: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::new(Exit::Configuration, vi, en))
}

/// Reads a collector's address; `/v1/traces` goes behind one without a path.
///
/// # Errors
/// A [`Failure`] when it is none, or this program was built without OTLP.
pub(super) fn endpoint(text: &str) -> Result<String, Failure> {
    if !cfg!(feature = "otlp") {
        return refuse(
            "Bản này không có OTLP; dựng lại với: cargo build --release --features otlp, hoặc bỏ otlp_endpoint.",
            "This build has no OTLP; build it with: cargo build --release --features otlp, or remove otlp_endpoint.",
        );
    }
    let uri = text.parse::<hyper::Uri>().ok();
    let good = uri.filter(|uri| {
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        web && uri.query().is_none() && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    });
    match good {
        Some(uri) if uri.path() == "/" => Ok(format!("{}{TRACES_PATH}", text.trim_end_matches('/'))),
        Some(_) => Ok(text.to_owned()),
        None => refuse(
            format!("Địa chỉ OTLP {text:?} không đúng; ví dụ http://10.0.0.5:4318 hoặc https://otel.example.vn."),
            format!(
                "The OTLP endpoint {text:?} is not valid; for example http://10.0.0.5:4318 or https://otel.example.vn."
            ),
        ),
    }
}

/// Reads the headers that a collector wants: `name=value`, with commas between them.
///
/// # Errors
/// A [`Failure`] when one of them is no header; it names none of their values.
pub(super) fn headers(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let one = |part: &str| {
        let (name, value) = part.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let known =
            hyper::header::HeaderName::try_from(name).is_ok() && hyper::header::HeaderValue::from_str(value).is_ok();
        known.then(|| (name.to_owned(), value.to_owned()))
    };
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    match parts.map(one).collect::<Option<Vec<_>>>() {
        Some(headers) if headers.len() <= HEADERS_MAX => Ok(headers),
        _ => refuse(
            format!("otlp_headers không đúng; ghi tên=giá trị, cách nhau bằng dấu phẩy, nhiều nhất {HEADERS_MAX}."),
            format!("otlp_headers are not valid; write name=value with commas between them, at most {HEADERS_MAX}."),
        ),
    }
}

/// Reads how many traces of a thousand are kept.
///
/// # Errors
/// A [`Failure`] when it is no number from 0 to 1000.
pub(super) fn per_mille(text: &str) -> Result<u32, Failure> {
    match text.parse() {
        Ok(share @ 0..=1_000) => Ok(share),
        _ => refuse("otlp_per_mille là số từ 0 đến 1000.", "otlp_per_mille is a number from 0 to 1000."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_a_collector_are_read_and_a_wrong_one_is_not_repeated() {
        let read = headers("authorization=Bearer a=b, x-tenant = cho ,").unwrap();
        assert_eq!(
            read,
            [("authorization".to_owned(), "Bearer a=b".to_owned()), ("x-tenant".to_owned(), "cho".to_owned())]
        );
        for wrong in ["secret-without-a-name", "a b=secret", "a=sec\nret", &"a=secret,".repeat(17)] {
            let failure = headers(wrong).unwrap_err();
            assert!(!failure.message.en.contains("secret") && !failure.message.vi.contains("secret"), "{wrong}");
        }
        assert!(
            per_mille("0").is_ok() && per_mille("1000").is_ok() && per_mille("1001").is_err() && per_mille("").is_err()
        );
    }

    #[test]
    fn an_endpoint_is_a_web_address_and_needs_a_program_that_can_reach_it() {
        if cfg!(feature = "otlp") {
            assert_eq!(endpoint("http://c:4318").unwrap(), "http://c:4318/v1/traces");
            assert_eq!(endpoint("https://c/").unwrap(), "https://c/v1/traces");
            assert_eq!(endpoint("https://c/otlp/v1/traces").unwrap(), "https://c/otlp/v1/traces");
            for wrong in ["c:4318", "grpc://c", "https://user:word@c", "http://c/?a=b", ""] {
                assert!(endpoint(wrong).is_err(), "{wrong}");
            }
        } else {
            assert!(endpoint("http://c:4318").unwrap_err().message.en.contains("--features otlp"));
        }
    }
}
