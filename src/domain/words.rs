//! Amounts in Vietnamese words. Libraries disagree with one another on a third of all amounts and
//! misspell some, so the rules stand here, checked against a table written by hand.
//!
//! Groups of three digits from the right: (none), nghìn/ngàn, triệu, tỷ, and again above tỷ. A
//! group of 000 is silent; a group that is not spoken first is read in full, hundreds included.

use super::money::Dong;

/// How the numbers are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Voice {
    /// Northern: nghìn, linh.
    North,
    /// Southern: ngàn, lẻ. What Cần Thơ speaks.
    #[default]
    South,
}

impl Voice {
    fn thousand(self) -> &'static str {
        match self {
            Self::North => "nghìn",
            Self::South => "ngàn",
        }
    }

    fn odd(self) -> &'static str {
        match self {
            Self::North => "linh",
            Self::South => "lẻ",
        }
    }
}

const DIGITS: [&str; 10] = ["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"];

fn digit(value: u64) -> &'static str {
    usize::try_from(value).ok().and_then(|index| DIGITS.get(index)).copied().unwrap_or_default()
}

/// Returns the amount in words with its unit: `hai trăm năm mươi ngàn đồng`.
#[must_use]
pub fn in_words(amount: Dong, voice: Voice) -> String {
    let value = amount.whole();
    let mut words = Vec::new();
    if value < 0 {
        words.push("âm");
    }
    if value == 0 {
        words.push("không");
    }
    number(value.unsigned_abs(), voice, false, &mut words);
    words.push("đồng");
    words.join(" ")
}

/// Returns the amount as papers write it: the first letter is a capital.
#[must_use]
pub fn in_words_for_papers(amount: Dong, voice: Voice) -> String {
    let words = in_words(amount, voice);
    let mut characters = words.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Speaks a number below tỷ group by group, and what is above as a number of tỷ.
fn number(value: u64, voice: Voice, in_full: bool, words: &mut Vec<&'static str>) {
    const BILLION: u64 = 1_000_000_000;
    let (billions, rest) = (value / BILLION, value % BILLION);
    let mut spoken = in_full;
    if billions > 0 {
        number(billions, voice, in_full, words);
        words.push("tỷ");
        spoken = true;
    }
    for (group, name) in [(rest / 1_000_000, "triệu"), (rest / 1_000 % 1_000, voice.thousand()), (rest % 1_000, "")] {
        if group == 0 {
            continue;
        }
        three_digits(group, voice, spoken, words);
        if !name.is_empty() {
            words.push(name);
        }
        spoken = true;
    }
}

fn three_digits(group: u64, voice: Voice, in_full: bool, words: &mut Vec<&'static str>) {
    let (hundreds, tens, units) = (group / 100, group / 10 % 10, group % 10);
    let has_hundreds = hundreds > 0 || in_full;
    if has_hundreds {
        words.push(digit(hundreds));
        words.push("trăm");
    }
    match (tens, units) {
        (0, 0) => {}
        (0, _) if has_hundreds => words.extend([voice.odd(), digit(units)]),
        (0, _) => words.push(digit(units)),
        (1, 0) => words.push("mười"),
        (1, 5) => words.extend(["mười", "lăm"]),
        (1, _) => words.extend(["mười", digit(units)]),
        (_, 0) => words.extend([digit(tens), "mươi"]),
        (_, 1) => words.extend([digit(tens), "mươi", "mốt"]),
        (_, 4) => words.extend([digit(tens), "mươi", "tư"]),
        (_, 5) => words.extend([digit(tens), "mươi", "lăm"]),
        (_, _) => words.extend([digit(tens), "mươi", digit(units)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_hand_written_table_holds() {
        let table = include_str!("../../fixtures/number-words.tsv");
        let mut rows = 0;
        for line in table.lines().skip(1) {
            let columns: Vec<&str> = line.split('\t').collect();
            let amount = columns[0].parse().expect("an amount");
            assert_eq!(in_words(amount, Voice::North), columns[1]);
            assert_eq!(in_words(amount, Voice::South), columns[2]);
            rows += 1;
        }
        assert!(rows >= 30);
    }

    #[test]
    fn large_and_negative_amounts_are_spoken() {
        let south = |whole| in_words(Dong::new(whole), Voice::South);
        assert_eq!(south(1_000_000_000_000), "một ngàn tỷ đồng");
        assert_eq!(south(1_005_000_000_000), "một ngàn không trăm lẻ năm tỷ đồng");
        assert_eq!(south(1_000_000_001), "một tỷ không trăm lẻ một đồng");
        assert_eq!(south(-20_000), "âm hai mươi ngàn đồng");
        assert_eq!(in_words_for_papers(Dong::new(54_000), Voice::North), "Năm mươi tư nghìn đồng");
        assert_eq!(south(1_000_000_000_000_000_000), "một tỷ tỷ đồng");
    }
}
