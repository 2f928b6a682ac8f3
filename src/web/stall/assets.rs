//! The files of the vendor's pages: embedded, named by a hash of them all, sent compressed.
//!
//! One hash names the whole set, so a page and its modules always fit each other and may be kept
//! for ever. Each file is compressed when it is first asked for, once.

use std::io::Write as _;
use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use crate::app::error::{AppError, Message};
use crate::web::problem::{Answer, told};

/// An embedded file.
struct File {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    packed: OnceLock<Vec<u8>>,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($name:literal $kind:expr;)*) => {
        [$(File {
            name: $name,
            kind: $kind,
            bytes: include_bytes!(concat!("../pages/stall/", $name)),
            packed: OnceLock::new(),
        },)*]
    };
}

static FILES: [File; 9] = files! {
    "phone.js" SCRIPT;
    "qr.js" SCRIPT;
    "words.js" SCRIPT;
    "sound.js" SCRIPT;
    "hear.js" SCRIPT;
    "settings.js" SCRIPT;
    "phone.css" "text/css; charset=utf-8";
    "icon-192.png" "image/png";
    "icon-512.png" "image/png";
};

/// A clip of both voices.
struct Clip {
    name: &'static str,
    south: &'static [u8],
    north: &'static [u8],
}

macro_rules! clips {
    ($($name:literal)*) => {
        [$(Clip {
            name: $name,
            south: include_bytes!(concat!("../pages/stall/voice/nam/", $name, ".ogg")),
            north: include_bytes!(concat!("../pages/stall/voice/bac/", $name, ".ogg")),
        },)*]
    };
}

static CLIPS: [Clip; 38] = clips! {
    "khong" "mot" "hai" "ba" "bon" "nam" "sau" "bay" "tam" "chin" "muoi" "muoi-chuc" "mot-chuc" "tu" "lam" "le" "tram"
    "ngan" "trieu" "ty" "dong" "am" "da-nhan" "du-tien" "thieu" "du" "chu-y" "chi-nhan" "bu" "khoan" "tong"
    "giay-truoc" "phut-truoc" "gio-truoc" "hom-nay" "loa-bat" "mat-mang" "co-mang"
};

/// Returns the address under which the files lie.
pub(super) fn base() -> &'static str {
    static BASE: OnceLock<String> = OnceLock::new();
    BASE.get_or_init(|| {
        let mut hash = Sha256::new();
        for file in &FILES {
            hash.update(file.bytes);
        }
        for clip in &CLIPS {
            hash.update(clip.south);
            hash.update(clip.north);
        }
        // 48 bits tell any two sets apart that one installation ever serves.
        let short = hash.finalize().iter().take(6).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("/static/phone/{short:012x}")
    })
}

/// Packs a voice into one file: each clip as the length of its name, the name, its own length in
/// two bytes, and its bytes. One request instead of forty.
fn voice(bytes: impl Fn(&Clip) -> &'static [u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    for clip in &CLIPS {
        let bytes = bytes(clip);
        packed.extend(u8::try_from(clip.name.len()).unwrap_or(0).to_be_bytes());
        packed.extend(clip.name.as_bytes());
        packed.extend(u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
        packed.extend(bytes);
    }
    packed
}

/// Compresses what is sent often.
fn gzip(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), level);
    // Writing to memory cannot fail.
    let _ = packed.write_all(bytes);
    packed.finish().unwrap_or_default()
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|one| matches!(one.split_once(';').map_or(one, |(name, _)| name).trim(), "gzip" | "*"))
}

/// Answers with a page, compressed for whoever takes that.
pub(super) fn page(headers: &HeaderMap, kind: &'static str, text: String) -> Response {
    let named = [(header::CONTENT_TYPE, kind), (header::VARY, "accept-encoding, accept-language, cookie")];
    if takes_gzip(headers) {
        let packed = gzip(text.as_bytes(), Compression::fast());
        return (named, [(header::CONTENT_ENCODING, "gzip")], packed).into_response();
    }
    (named, text).into_response()
}

/// `GET /static/phone/{hash}/{file}`: for ever under the hash of this program's own set.
pub(in crate::web) async fn file(headers: HeaderMap, Path((hash, name)): Path<(String, String)>) -> Answer {
    const VOICE: &str = "application/octet-stream";
    static SOUTH: OnceLock<Vec<u8>> = OnceLock::new();
    static NORTH: OnceLock<Vec<u8>> = OnceLock::new();
    let missing = || {
        let message = Message::new(
            "Tệp này của bản cũ. Hãy mở lại trang.",
            "This file is of an older version. Open the page again.",
        );
        told(&headers, "/static/phone")(AppError::not_found(message))
    };
    if base().rsplit('/').next() != Some(hash.as_str()) {
        return Err(missing());
    }
    let kept = (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    let named = |kind| [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), kept.clone()];
    match name.as_str() {
        "voice-nam.bin" => {
            return Ok((named(VOICE), SOUTH.get_or_init(|| voice(|clip| clip.south)).as_slice()).into_response());
        }
        "voice-bac.bin" => {
            return Ok((named(VOICE), NORTH.get_or_init(|| voice(|clip| clip.north)).as_slice()).into_response());
        }
        _ => {}
    }
    let file = FILES.iter().find(|file| file.name == name).ok_or_else(missing)?;
    if file.kind == "image/png" || !takes_gzip(&headers) {
        return Ok((named(file.kind), [(header::VARY, "accept-encoding")], file.bytes).into_response());
    }
    let packed = file.packed.get_or_init(|| gzip(file.bytes, Compression::best()));
    let said = [(header::CONTENT_ENCODING, "gzip"), (header::VARY, "accept-encoding")];
    Ok((named(file.kind), said, packed.as_slice()).into_response())
}

/// Returns the service worker's text, with the address of its files and what it says without any.
pub(super) fn worker(offline: &str) -> String {
    // As JSON writes a text, it is one of JavaScript too, whatever marks stand in it.
    let said = serde_json::Value::from(offline).to_string();
    include_str!("../pages/stall/worker.js").replace("{files}", base()).replace("'{offline_never}'", &said)
}
