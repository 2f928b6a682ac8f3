//! Vietnamese text: one spelling for what people type, keys to find and to sort it by.

use std::fmt::{self, Write as _};

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Longest name, in characters.
pub const NAME_MAX: usize = 120;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing in it.
    #[error("the name is empty")]
    Empty,
    /// Too long.
    #[error("the name has {0} characters; at most {NAME_MAX} fit")]
    TooLong(usize),
    /// A character that no name has: control, invisible, direction-changing, private use, or one of
    /// another script that passes for a Latin letter.
    #[error("the name holds the character U+{0:04X}, which no name has")]
    Forbidden(u32),
}

/// A name as it is kept: NFC, blanks collapsed, `Ð` (U+00D0) mended to `Đ`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Brings a name into its one spelling.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, too long, or holds characters that could deceive a reader.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let mended: String = text.nfc().map(mend_eth).collect();
        if let Some(bad) = mended.chars().find(|c| is_forbidden(*c)) {
            return Err(NameError::Forbidden(u32::from(bad)));
        }
        let name = mended.split_whitespace().collect::<Vec<_>>().join(" ");
        match name.chars().count() {
            0 => Err(NameError::Empty),
            length if length > NAME_MAX => Err(NameError::TooLong(length)),
            _ => Ok(Self(name)),
        }
    }

    /// Returns the name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

/// Real data hold the Icelandic eth where Đ is meant: 32 of 36 times in one newspaper article.
fn mend_eth(character: char) -> char {
    match character {
        'Ð' => 'Đ',
        'ð' => 'đ',
        other => other,
    }
}

fn is_forbidden(character: char) -> bool {
    let invisible = matches!(u32::from(character),
        0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF0..=0xFFFF
        | 0xE000..=0xF8FF | 0xE0000..);
    (character.is_control() && !character.is_whitespace()) || invisible || passes_for_latin(character)
}

/// Letters of other scripts, and decorated forms, that a reader takes for Latin ones: with them two
/// vendors could bear what looks like one name. Khmer, Chinese and Cham names are written as they are.
fn passes_for_latin(character: char) -> bool {
    matches!(u32::from(character),
        // Greek, Coptic, Cyrillic, Armenian
        0x370..=0x58F | 0x1C80..=0x1C8F | 0x1F00..=0x1FFF | 0x2C80..=0x2CFF | 0x2DE0..=0x2DFF | 0xA640..=0xA69F
        // Cherokee, Lisu
        | 0x13A0..=0x13FF | 0xA4D0..=0xA4FF | 0xAB70..=0xABBF
        // Small capitals, letterlike, enclosed, full-width and mathematical letters
        | 0x1D00..=0x1D7F | 0x2100..=0x214F | 0x2460..=0x24FF | 0xFF00..=0xFFEF | 0x1D400..=0x1D7FF | 0x1F100..=0x1F1FF)
}

/// Returns the text without marks: `Nguyễn Thị Đào` → `Nguyen Thi Dao`; `đ`, which Unicode does not
/// decompose, becomes `d`, and so does the eth that stands for it.
#[must_use]
pub fn without_marks(text: &str) -> String {
    // What most banks deliver: nothing to decompose.
    if text.is_ascii() {
        return text.to_owned();
    }
    text.nfd()
        .filter(|c| !is_combining_mark(*c))
        .map(|c| match mend_eth(c) {
            'Đ' => 'D',
            'đ' => 'd',
            other => other,
        })
        .collect()
}

/// Returns what a name is found by, however a person types it: without marks in lower case, then
/// the same without blanks, then its initials, each after a `|`: `ninh kieu|ninhkieu|nk`.
#[must_use]
pub fn search_key(text: &str) -> String {
    let plain = without_marks(text).to_lowercase();
    let words: Vec<&str> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let initials: String = words.iter().filter_map(|word| word.chars().next()).collect();
    format!("{}|{}|{initials}", words.join(" "), words.concat())
}

/// Returns what a person typed in the form in which [`search_key`] holds it.
#[must_use]
pub fn search_term(typed: &str) -> String {
    let plain = without_marks(typed).to_lowercase();
    plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Returns a stall code in the form that decides whether two codes are the same: upper case, no
/// marks, no blanks, dashes or dots.
#[must_use]
pub fn code_key(code: &str) -> String {
    without_marks(code).to_uppercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Returns a key that sorts stall codes as people do: `A2` before `A10`.
#[must_use]
pub fn code_sort_key(code: &str) -> String {
    let mut key = String::new();
    let mut digits = String::new();
    for character in code_key(code).chars().chain(['\0']) {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        if !digits.is_empty() {
            let plain = digits.trim_start_matches('0');
            // Writing to a String cannot fail.
            let _ = write!(key, "{:02}{plain}", plain.len());
            digits.clear();
        }
        if character != '\0' {
            key.push(character);
        }
    }
    key
}

/// Returns the text as bank apps show a holder: upper case, no marks, letters, digits and blanks.
#[must_use]
pub fn bank_form(text: &str) -> String {
    let plain = without_marks(text).to_uppercase();
    let kept: String = plain.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a key under which plain byte order is Vietnamese order: a ă â b c d đ e ê …, tones
/// (level, grave, hook, tilde, acute, dot below) deciding only between words that are otherwise
/// equal (CLDR `vi`).
#[must_use]
pub fn sort_key(text: &str) -> String {
    let (mut letters, mut tones) = (String::new(), String::new());
    let mut characters = text.nfd().map(mend_eth).flat_map(char::to_lowercase).peekable();
    while let Some(base) = characters.next() {
        let (mut shape, mut tone) = ('0', '0');
        while let Some(mark) = characters.next_if(|c| is_combining_mark(*c)) {
            match u32::from(mark) {
                0x306 => shape = '1',
                0x302 => shape = '2',
                0x31B => shape = '3',
                0x300 => tone = '1',
                0x309 => tone = '2',
                0x303 => tone = '3',
                0x301 => tone = '4',
                0x323 => tone = '5',
                _ => {}
            }
        }
        match base {
            'đ' => letters.push_str("d4"),
            letter if letter.is_alphanumeric() => {
                letters.push(letter);
                letters.push(shape);
            }
            // A blank sorts before every letter.
            _ => letters.push_str(" 0"),
        }
        tones.push(tone);
    }
    format!("{letters}!{tones}")
}

/// Returns the key by which people are listed: given name (the last word) first, then the rest.
#[must_use]
pub fn person_sort_key(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    match words.split_last() {
        Some((given, rest)) => sort_key(&format!("{given} {}", rest.join(" "))),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling_whatever_the_keyboard_sent() {
        let nfd: String = "Nguyễn Thị Đào".nfd().collect();
        assert_eq!(Name::new(&nfd), Name::new("  Nguyễn   Thị Đào "));
        assert_eq!(Name::new("Ðào").map(|n| n.to_string()), Ok("Đào".to_owned()));
        for bad in ["", "  ", "a\u{202e}b", "a\u{200b}", "a\0"] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        // Cyrillic and Greek letters, full-width, mathematical and circled ones, each beside Latin.
        for bad in ["Ho\u{430}", "\u{39d}guyen", "H\u{ff4f}a", "\u{1d407}oa", "\u{24bd}oa", "\u{13aa}o"] {
            assert!(matches!(Name::new(bad), Err(NameError::Forbidden(_))), "{bad:?}");
        }
        for own in ["Thạch \u{179f}\u{17bb}\u{1781}", "陈阿福", "Lý 李", "Sạp số 3 (cũ)", "Cà Ná – Rau & Củ"]
        {
            assert!(Name::new(own).is_ok(), "{own}");
        }
    }

    #[test]
    fn a_name_is_found_without_marks_without_blanks_and_by_initials() {
        for typed in ["ninh kieu", "NINHKIEU", "nk", "Ninh Kiều"] {
            assert!(search_key("Ninh Kiều").contains(&search_term(typed)), "{typed}");
        }
        assert!(search_key("Bến Ðò").contains("ben do"));
    }

    #[test]
    fn words_sort_as_a_vietnamese_dictionary_does() {
        let sorted = [
            "a", "à", "ả", "ã", "á", "ạ", "an", "ă", "ăn", "â", "ân", "ba", "bà", "d", "dâu", "đ", "đào", "e", "ê",
            "o", "ô", "ơ", "u", "ư", "vy", "y",
        ];
        let mut shuffled = sorted.to_vec();
        shuffled.reverse();
        shuffled.sort_by_key(|word| sort_key(word));
        assert_eq!(shuffled, sorted);
        let mut people = ["Trần Văn Đạt", "Lê An", "Nguyễn Thị Dung", "Đỗ Ánh"];
        people.sort_by_key(|name| person_sort_key(name));
        assert_eq!(people, ["Lê An", "Đỗ Ánh", "Nguyễn Thị Dung", "Trần Văn Đạt"]);
    }

    #[test]
    fn stall_codes_sort_by_their_numbers() {
        let mut codes = ["B1", "A10", "A2", "A02B", "NL1-B07", "A-1"];
        codes.sort_by_key(|code| code_sort_key(code));
        assert_eq!(codes, ["A-1", "A2", "A02B", "A10", "B1", "NL1-B07"]);
        assert_eq!(code_key("Dãy B – Sạp 07"), "DAYBSAP07");
    }
}
