//! What is shown of a transfer's text to people who need not know who paid (DESIGN §7): the words
//! stay, so that a person can see what the money was for; numbers keep their last digits and names
//! their family name and one initial: `NGUYEN V*** …4321`.
//!
//! Nobody can find every name in free text. Rather a harmless word too many is hidden than a name
//! shown whole; the full text is for the vendor concerned and the auditor alone.

use super::text::without_marks;

/// Digits without a gap from which they may be an account number.
const LONG_NUMBER: usize = 6;
/// Digits in groups from which they may be a telephone or account number: `0912 345 678`. Fewer are
/// more likely a stall's number beside a price.
const LONG_GROUPS: usize = 10;
/// Digits in a row from which four of them may be shown; shorter numbers show two.
const SHOWS_FOUR: usize = 8;
/// Most words of a name behind the family name that are hidden.
const GIVEN_WORDS: usize = 4;

/// Family names that stand for nothing else in a transfer's text. With [`SHORT_FAMILIES`] they
/// cover nearly all Vietnamese families.
const FAMILIES: [&str; 34] = [
    "BUI", "CHAU", "DANG", "DAO", "DINH", "DOAN", "DUONG", "GIANG", "HOANG", "HUA", "HUYNH", "KHUU", "KIEU", "LIEU",
    "LUONG", "LUU", "NGHIEM", "NGO", "NGUYEN", "NHAM", "ONG", "PHAM", "PHAN", "PHUNG", "QUACH", "THACH", "TRAN",
    "TRIEU", "TRINH", "TRUONG", "TU", "VU", "VUONG", "DANH",
];
/// Family names that are also everyday words; a name only before a middle name or an initial.
const SHORT_FAMILIES: [&str; 16] =
    ["AN", "CAO", "DO", "HA", "HO", "KIM", "LA", "LAM", "LE", "LY", "MAI", "TA", "THAI", "TO", "TON", "VO"];
/// Middle names that tell a short family name from the word it is spelt like.
const MIDDLES: [&str; 40] = [
    "ANH", "BA", "BAO", "BICH", "CONG", "DINH", "DUC", "GIA", "HAI", "HOAI", "HOANG", "HONG", "HUU", "KHANH", "KIM",
    "MINH", "MY", "NGOC", "NGUYEN", "NHAT", "NHU", "PHUONG", "QUANG", "QUOC", "QUYNH", "TAN", "THANH", "THI", "THIEN",
    "THU", "THUY", "TIEN", "TRONG", "TRUNG", "TUAN", "VAN", "VIET", "VINH", "XUAN", "Y",
];
/// Words of banks and payers that end a name.
const PLAIN_WORDS: [&str; 38] = [
    "CHUYEN", "CHO", "CK", "CKN", "CT", "CTY", "DEN", "DI", "FT", "GD", "GOI", "GUI", "IBFT", "KHOAN", "LAY", "MA",
    "MUA", "NAP", "NGAN", "NGAY", "NHAN", "NOP", "ND", "QR", "QUA", "SAP", "SC", "STK", "TAI", "THANH", "TIEN", "TK",
    "TOAN", "TOI", "TRA", "TT", "TU", "TRACE",
];

/// Returns a transfer's text with long numbers and names masked.
///
/// `NGUYEN VAN ANH chuyen tien ca tu 0071000888888` becomes `NGUYEN V*** chuyen tien ca tu …8888`.
#[must_use]
pub fn memo(text: &str) -> String {
    mask_names(&mask_numbers(text))
}

/// Returns the last four digits of the last number in a text that is long enough to be an account: all
/// that a screen in a loud hall shows of who paid.
#[must_use]
pub fn last_four(text: &str) -> Option<String> {
    let masked = mask_numbers(text);
    let (_, shown) = masked.rsplit_once('…')?;
    let digits: String = shown.chars().take_while(|c| c.is_numeric()).collect();
    (digits.chars().count() == 4).then_some(digits)
}

/// Masks every number long enough to be an account, a telephone or an identity number.
fn mask_numbers(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = characters.as_slice();
    while let Some((first, tail)) = rest.split_first() {
        if first.is_numeric() {
            let groups = number_length(rest, is_gap);
            let digits = rest.iter().take(groups).filter(|c| c.is_numeric()).count();
            let length = if digits >= LONG_GROUPS { groups } else { number_length(rest, |_| false) };
            let (number, after) = rest.split_at(length);
            push_number(&mut out, number);
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

fn is_gap(character: char) -> bool {
    matches!(character, ' ' | '.' | '-' | '\u{a0}')
}

/// Returns how many characters from the first digit on belong to one number, when one character
/// that `gap` accepts may stand between two digits.
fn number_length(text: &[char], gap: impl Fn(char) -> bool) -> usize {
    let mut length = 0;
    for (index, character) in text.iter().enumerate() {
        if character.is_numeric() {
            length = index.saturating_add(1);
        } else if !gap(*character) || index != length {
            break;
        }
    }
    length
}

fn push_number(out: &mut String, number: &[char]) {
    let digits: Vec<char> = number.iter().copied().filter(|c| c.is_numeric()).collect();
    // The symbols of our own memo codes may all be digits; the code names a stall, not a payer.
    if digits.len() < LONG_NUMBER || (out.ends_with("SC") && number.len() == LONG_NUMBER) {
        out.extend(number);
        return;
    }
    let shown = if digits.len() < SHOWS_FOUR { 2 } else { 4 };
    out.push('…');
    out.extend(digits.iter().skip(digits.len().saturating_sub(shown)));
}

/// Masks what stands behind a family name, up to a word that is no name.
fn mask_names(text: &str) -> String {
    let pieces: Vec<&str> = split_words(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = pieces.as_slice();
    while let Some((piece, tail)) = rest.split_first() {
        out.push_str(piece);
        rest = tail;
        let hidden = given_words(piece, tail);
        if hidden > 0 {
            let initial = tail.get(1).and_then(|word| word.chars().next());
            out.push(' ');
            out.extend(initial);
            out.push_str("***");
            rest = tail.get(hidden..).unwrap_or_default();
        }
    }
    out
}

/// Splits into words and what lies between them, in turn; nothing is lost.
fn split_words(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut run = None;
    for (index, character) in text.char_indices() {
        // Decomposed text carries its marks as characters of their own: they belong to the word.
        let letter = character.is_alphabetic() || ('\u{300}'..='\u{36f}').contains(&character);
        if run.is_some_and(|before| before != letter) {
            pieces.extend(text.get(start..index));
            start = index;
        }
        run = Some(letter);
    }
    pieces.extend(text.get(start..));
    pieces
}

/// Returns how many pieces behind a family name are a name: blank and word in turn.
fn given_words(family: &str, tail: &[&str]) -> usize {
    let plain = |word: &str| without_marks(word).to_uppercase();
    let family = plain(family);
    let pairs: Vec<(&str, String)> = tail
        .chunks(2)
        .map_while(|pair| match pair {
            [blank, word] if blank.chars().all(char::is_whitespace) => Some((*word, plain(word))),
            [_, ..] | [] => None,
        })
        .take(GIVEN_WORDS)
        .collect();
    let ends = |(_, word): &&(&str, String)| PLAIN_WORDS.contains(&word.as_str()) && !MIDDLES.contains(&word.as_str());
    let Some((_, first)) = pairs.first() else { return 0 };
    let known = FAMILIES.contains(&family.as_str());
    let told_apart =
        SHORT_FAMILIES.contains(&family.as_str()) && (MIDDLES.contains(&first.as_str()) || first.len() == 1);
    if !known && !told_apart {
        return 0;
    }
    // A word that may be either ends the name when what follows it ends one: `THANH TOAN`, `TIEN CA`.
    let mut words = 0_usize;
    for (index, pair) in pairs.iter().enumerate() {
        let next_ends = pairs.get(index.saturating_add(1)).as_ref().is_some_and(ends);
        let either = PLAIN_WORDS.contains(&pair.1.as_str());
        if ends(&pair) || (either && next_ends) {
            break;
        }
        words = index.saturating_add(1);
    }
    words.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_family_and_one_initial_and_numbers_their_last_digits() {
        let shown = [
            ("NGUYEN VAN ANH chuyen tien ca tu 0071000888888", "NGUYEN V*** chuyen tien ca tu …8888"),
            ("Nguyễn Thị Đào trả tiền rau", "Nguyễn T*** trả tiền rau"),
            ("MBVCB.7636713318.004653.SC22EV9H thanh toan rau", "MBVCB.…4653.SC22EV9H thanh toan rau"),
            (
                "CT tu 0071000123456 NGUYEN VAN A toi 104500000 TRAN THI B",
                "CT tu …3456 NGUYEN V*** toi …0000 TRAN T***",
            ),
            ("LE VAN C thanh toan sap 12", "LE V*** thanh toan sap 12"),
            ("Le anh em 3 nguoi", "Le a*** 3 nguoi"),
            ("tien le nha ba Hai", "tien le nha ba Hai"),
            ("mua do an trua 50000", "mua do an trua 50000"),
            ("sap 12 15 50000", "sap 12 15 50000"),
            ("goi 0912 345 678 nhe", "goi …5678 nhe"),
            ("SC234567 rau SC22EV 9H", "SC234567 rau SC22EV 9H"),
            ("stk 123456", "stk …56"),
            ("", ""),
        ];
        for (given, masked) in shown {
            assert_eq!(memo(given), masked, "{given:?}");
        }
    }

    #[test]
    fn no_long_number_survives_whatever_stands_around_it() {
        for text in ["x0071000888888y", "0071-000-888888", "0071.000.888888", "٠٠٧١٠٠٠٨٨٨٨٨٨", "1 2 3 4 5 6 7 8 9 0"]
        {
            let shown = memo(text);
            assert!(shown.chars().filter(|c| c.is_numeric()).count() <= 4, "{text:?} shows {shown:?}");
        }
    }
}
