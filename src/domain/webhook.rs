//! What is told to other programs unasked: where to, how often it is tried, what became of it.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

use super::ids::IdError;

/// Longest address, in bytes.
const URL_MAX: usize = 500;
/// How long after the first failure the next try comes.
const RETRY_FIRST_S: i64 = 5;
/// Longest pause between two tries.
const RETRY_MAX_S: i64 = 3_600;
/// For how long a delivery may fail before its subscription is said to be failing; it is tried hourly then.
pub const FAILING_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Where events are delivered: `https://host[:port]/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    text: String,
    host: String,
    port: u16,
    /// Where the path begins in the text.
    path: usize,
    is_tls: bool,
}

impl WebhookUrl {
    /// Returns the address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the host's name or address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Tells whether it is called over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Returns what stands in `Host`: the name with its port, as it was written.
    #[must_use]
    pub fn authority(&self) -> &str {
        let begins = if self.is_tls { "https://".len() } else { "http://".len() };
        self.text.get(begins..self.path).unwrap_or_default()
    }

    /// Returns path and query; `/` when there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(self.path..).filter(|path| !path.is_empty()).unwrap_or("/")
    }
}

impl FromStr for WebhookUrl {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = |rule| IdError { what: "webhook address", text: text.chars().take(80).collect(), rule };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("https://host/path"))?;
        let is_tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("https://host/path")),
        };
        if text.len() > URL_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong("at most 500 printable characters without blanks"));
        }
        if text.contains(['#', '\\', '"', '<', '>']) {
            return Err(wrong("without '#', '\\', quotes or angle brackets"));
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(wrong("no name or password before the host: the signature says who sends"));
        }
        let path = text.len().saturating_sub(rest.len()).saturating_add(authority.len());
        if text.get(path..).is_some_and(|path| path.starts_with('?')) {
            return Err(wrong("a path before the query"));
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => (host, port.strip_prefix(':')),
            Some(_) => return Err(wrong("an address of IPv6 between its brackets")),
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(named) {
            return Err(wrong("a host of letters, digits, '.' and '-' (xn--… for others)"));
        }
        let usual = if is_tls { 443 } else { 80 };
        let port = port.map_or(Ok(usual), str::parse).map_err(|_| wrong("a port of 1 to 65535"))?;
        if port == 0 {
            return Err(wrong("a port of 1 to 65535"));
        }
        Ok(Self { text: text.to_owned(), host: host.to_owned(), port, path, is_tls })
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns how long to wait after so many failures in a row: twice as long each time, up to an hour.
/// `spread` shifts it by up to a fifth either way, so that subscribers of one server that was away do
/// not all come back at once.
#[must_use]
pub fn retry_after(failures: i64, spread: u8) -> SignedDuration {
    let doublings = u32::try_from(failures.saturating_sub(1).clamp(0, 20)).unwrap_or(20);
    let seconds = RETRY_FIRST_S.saturating_mul(2_i64.saturating_pow(doublings)).min(RETRY_MAX_S);
    let pause = seconds.saturating_mul(1_000);
    let shift = pause.saturating_mul(i64::from(spread).saturating_sub(128)) / 640;
    SignedDuration::from_millis(pause.saturating_add(shift))
}

/// What became of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Answered with 2xx in time.
    Delivered,
    /// Answered with 410: nobody wants it any more.
    Gone,
    /// Answered with 3xx, which is never followed.
    Redirected,
    /// Answered with another status.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The name has no address.
    NameUnknown,
    /// The address is none that may be called.
    AddressRefused,
    /// Nobody listens there.
    Unreachable,
    /// TLS was refused on either side.
    TlsFailed,
    /// The connection broke, or what came was no HTTP.
    Broken,
}

impl Tried {
    /// All of them.
    const ALL: [Self; 10] = [
        Self::Delivered,
        Self::Gone,
        Self::Redirected,
        Self::Refused,
        Self::TimedOut,
        Self::NameUnknown,
        Self::AddressRefused,
        Self::Unreachable,
        Self::TlsFailed,
        Self::Broken,
    ];

    /// Returns the word that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Gone => "gone",
            Self::Redirected => "redirected",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::NameUnknown => "name_unknown",
            Self::AddressRefused => "address_refused",
            Self::Unreachable => "unreachable",
            Self::TlsFailed => "tls_failed",
            Self::Broken => "broken",
        }
    }
}

impl FromStr for Tried {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|tried| tried.as_str() == text).ok_or_else(|| IdError {
            what: "outcome of a delivery",
            text: text.chars().take(60).collect(),
            rule: "a word of this program's",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_as_it_is_called() {
        for (text, host, port, authority, path) in [
            ("https://a.vn", "a.vn", 443, "a.vn", "/"),
            ("https://a.vn:8443/h?k=1", "a.vn", 8443, "a.vn:8443", "/h?k=1"),
            ("http://127.0.0.1:9/x", "127.0.0.1", 9, "127.0.0.1:9", "/x"),
            ("https://[2001:db8::1]:444/", "2001:db8::1", 444, "[2001:db8::1]:444", "/"),
        ] {
            let url: WebhookUrl = text.parse().unwrap();
            assert_eq!((url.host(), url.port(), url.authority(), url.path()), (host, port, authority, path), "{text}");
        }
        for text in [
            "ftp://a.vn",
            "a.vn/x",
            "https://",
            "https:///x",
            "https://u:p@a.vn/",
            "https://a.vn:0/",
            "https://a.vn:70000/",
            "https://a.vn/#x",
            "https://a vn/",
            "https://a.vn\\@b.vn/",
            "https://a.vn?x",
            "https://[::g]/",
            "https://chợ.vn/",
            "HTTPS://a.vn/",
            "https://a.vn/\r\nx: y",
        ] {
            assert!(text.parse::<WebhookUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn pauses_double_up_to_an_hour_and_lie_a_fifth_around_it() {
        let middle: Vec<i64> = (1..=12).map(|failures| retry_after(failures, 128).as_secs()).collect();
        assert_eq!(middle, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
        assert_eq!(retry_after(1_000, 128).as_secs(), 3_600);
        for failures in 1..40 {
            let (least, most) = (retry_after(failures, 0), retry_after(failures, 255));
            let middle = retry_after(failures, 128).as_millis();
            assert!(least.as_millis() * 10 >= middle * 8 && most.as_millis() * 10 <= middle * 12 && least < most);
        }
    }
}
