//! How a phone wants its pages: language, type, voice, volume. A cookie on the phone itself, so that
//! each phone of a stall has its own, with scripts or without.

use axum::http::HeaderMap;

use super::texts::{EN, Texts, VI};
use crate::web::problem::Tongue;

const COOKIE: &str = "socho_look";
/// How long a phone keeps it, in seconds: a year.
const KEPT_S: u32 = 31_536_000;

/// What a phone chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// `nam` or `bac`.
    pub(super) voice: &'static str,
    /// 0 to 100.
    pub(super) volume: u8,
    /// Larger type.
    pub(super) big: bool,
    /// The language.
    pub(super) texts: &'static Texts,
}

impl Look {
    /// Reads what the phone chose before; southern, loud and Vietnamese otherwise, unless the phone
    /// itself speaks English.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let texts = if Tongue::of_page(headers) == Tongue::En { &EN } else { &VI };
        let chosen = headers
            .get_all("cookie")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        let mut parts = chosen.unwrap_or_default().split('.');
        let mut next = || parts.next().unwrap_or_default();
        let (voice, volume, big, lang) = (next(), next(), next(), next());
        let texts = match lang {
            "vi" => &VI,
            "en" => &EN,
            _ => texts,
        };
        Self::chosen(voice, volume, big, texts)
    }

    /// Reads a choice as a form or the cookie says it.
    pub(super) fn chosen(voice: &str, volume: &str, big: &str, texts: &'static Texts) -> Self {
        let voice = if voice == "bac" { "bac" } else { "nam" };
        let volume = volume.parse::<u8>().map_or(100, |volume| volume.min(100));
        Self { voice, volume, big: big == "1", texts }
    }

    /// Returns the cookie that keeps it.
    pub(super) fn cookie(&self) -> String {
        let (voice, volume, big, lang) = (self.voice, self.volume, u8::from(self.big), self.texts.lang);
        format!("{COOKIE}={voice}.{volume}.{big}.{lang}; Path=/stall; Max-Age={KEPT_S}; SameSite=Lax; HttpOnly")
    }
}
