//! Bytes to text: UTF-8, UTF-16 with its mark, and Windows-1258, the Vietnamese code page of old
//! desktop programs, which writes a letter and its tone apart. All text leaves here in NFC.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1258};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::refusal::{Refusal, Rule};

/// A text and how it was written.
pub(crate) struct Decoded<'a> {
    /// The text, without its mark; the file's own bytes where they are this text already.
    pub(crate) text: Cow<'a, str>,
    /// Whether it had to be read as Windows-1258.
    pub(crate) windows_1258: bool,
}

/// Reads a file's bytes as text.
///
/// # Errors
/// When the bytes are in none of the encodings, or were typed with a font from before Unicode.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded<'_>, Refusal> {
    let wrong = || Refusal::whole(Rule::Encoding);
    let marked: Option<(&'static Encoding, &[u8])> = match bytes {
        [0xFF, 0xFE, rest @ ..] => Some((UTF_16LE, rest)),
        [0xFE, 0xFF, rest @ ..] => Some((UTF_16BE, rest)),
        _ => None,
    };
    if let Some((encoding, rest)) = marked {
        let text = encoding.decode_without_bom_handling_and_without_replacement(rest).ok_or_else(wrong)?;
        return plain(text, false);
    }
    let rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(rest) {
        return plain(Cow::Borrowed(text), false);
    }
    let text = WINDOWS_1258.decode_without_bom_handling_and_without_replacement(rest).ok_or_else(wrong)?;
    if has_old_font(&text) {
        return Err(Refusal::whole(Rule::OldFont));
    }
    // A tone that stands on no vowel shows that the bytes mean something else.
    let mut before = ' ';
    for character in text.chars() {
        if is_combining_mark(character) && !"aăâeêioôơuưyAĂÂEÊIOÔƠUƯY".contains(before) {
            return Err(wrong());
        }
        before = character;
    }
    plain(text, true)
}

/// Reads an XML file, whose declaration may name the encoding.
///
/// # Errors
/// As [`decode`], and when the declared encoding is not known or not the bytes'.
pub(crate) fn decode_xml(bytes: &[u8]) -> Result<Decoded<'_>, Refusal> {
    let head: String = bytes.iter().take(200).map(|byte| char::from(*byte)).collect();
    let declared = head.split_once("encoding=").and_then(|(_, rest)| rest.get(1..)).unwrap_or_default();
    let label: String = declared.chars().take_while(|c| !matches!(c, '"' | '\'')).collect();
    let marked = matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0xEF, 0xBB, 0xBF, ..]);
    if marked || label.is_empty() || label.eq_ignore_ascii_case("utf-8") {
        let decoded = decode(bytes)?;
        return if decoded.windows_1258 { Err(Refusal::whole(Rule::Encoding)) } else { Ok(decoded) };
    }
    let wrong = || Refusal::whole(Rule::Encoding);
    let encoding = Encoding::for_label(label.as_bytes()).ok_or_else(wrong)?;
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(wrong)?;
    plain(text, false)
}

/// NUL is no text: UTF-16 without its mark, or a file of another kind.
fn plain(text: Cow<'_, str>, windows_1258: bool) -> Result<Decoded<'_>, Refusal> {
    if text.contains('\0') {
        return Err(Refusal::whole(Rule::Encoding));
    }
    let composed = text.is_ascii() || unicode_normalization::is_nfc(&text);
    Ok(Decoded { text: if composed { text } else { Cow::Owned(text.nfc().collect()) }, windows_1258 })
}

/// Returns the text in NFC.
pub(crate) fn nfc(text: String) -> String {
    if text.is_ascii() || unicode_normalization::is_nfc(&text) { text } else { text.nfc().collect() }
}

/// Tells whether signs stand inside words as they do when TCVN3 is read as Latin: `Ngµy`, `®Çu`.
pub(crate) fn has_old_font(text: &str) -> bool {
    let sign = |c: char| matches!(c, 'µ' | '¶' | '·' | '¸' | '¹' | '®' | '¬' | '¨' | '©' | '\u{ad}' | 'ª');
    let letters: Vec<char> = text.chars().take(20_000).collect();
    let inside = letters.windows(2).filter(|pair| match pair {
        [before, after] => (before.is_ascii_alphabetic() && sign(*after)) || (sign(*before) && after.is_alphabetic()),
        _ => false,
    });
    inside.count() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "Số dư đầu kỳ; Nội dung – 5₫";
        let utf16 = |big: bool| -> Vec<u8> {
            let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
            units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        // Windows-1258 has a letter and its tone apart: S ô acute, d ư, đ â grave u, k y grave, N ô dot i.
        let old = b"S\xf4\xec d\xfd \xf0\xe2\xccu k\x79\xcc; N\xf4\xf2i dung \x96 5\xfe";
        let nfd: String = text.nfd().collect();
        for bytes in
            [text.as_bytes(), nfd.as_bytes(), &utf16(true), &utf16(false), format!("\u{feff}{text}").as_bytes()]
        {
            assert_eq!(decode(bytes).map(|decoded| decoded.text.into_owned()).as_deref(), Ok(text));
        }
        assert_eq!(decode(old).map(|decoded| decoded.text.into_owned()).as_deref(), Ok(text));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(decode(b"a\0b").is_err());
        assert!(decode(b"\xff\xfe\x00\xd8").is_err());
        assert!(
            matches!(decode(b"Ng\xb5y giao d\xdech, S\xe8 d\xad \xae\xc7u, T\xb5i kho\xb6n"), Err(refusal) if refusal.rule == Rule::OldFont)
        );
    }
}
