//! Text into lines: broken between words, within a word only when it alone is too long, and cut with
//! an ellipsis where the room ends.

use unicode_normalization::char::is_combining_mark;

use super::face::{Face, Shaped};
use crate::domain::drawing::Length;

/// A face in a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Type {
    /// The face.
    pub face: Face,
    /// Its size.
    pub size: Length,
}

impl Type {
    /// Returns a face in a size of tenths of a point.
    #[must_use]
    pub const fn new(face: Face, tenths_of_point: i64) -> Self {
        Self { face, size: Length::tenths_of_point(tenths_of_point) }
    }

    /// Returns the distance of two lines: letters such as Ễ need more than Latin ones.
    #[must_use]
    pub fn leading(self) -> Length {
        self.size.scaled(135, 100)
    }

    /// Shapes one line.
    #[must_use]
    pub fn line(self, text: &str) -> Shaped {
        Shaped::of(text, self.face)
    }

    fn fits(self, text: &str, width: Length) -> bool {
        self.line(text).width(self.size) <= width
    }
}

/// Breaks a text into lines of at most `width`; at least one line.
#[must_use]
pub fn wrapped(text: &str, kind: Type, width: Length) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()) {
        let longer = if current.is_empty() { word.to_owned() } else { format!("{current} {word}") };
        if kind.fits(&longer, width) {
            current = longer;
            continue;
        }
        if !current.is_empty() {
            lines.push(std::mem::take(&mut current));
        }
        let mut pieces = pieces(word, kind, width);
        current = pieces.pop().unwrap_or_default();
        lines.append(&mut pieces);
    }
    if !current.is_empty() || lines.is_empty() {
        lines.push(current);
    }
    lines
}

/// Cuts one word into pieces that fit, never between a letter and its marks.
fn pieces(word: &str, kind: Type, width: Length) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for letter in letters(word) {
        if !piece.is_empty() && !kind.fits(&format!("{piece}{letter}"), width) {
            pieces.push(std::mem::take(&mut piece));
        }
        piece.push_str(letter);
    }
    pieces.push(piece);
    pieces
}

fn letters(word: &str) -> Vec<&str> {
    let mut starts: Vec<usize> =
        word.char_indices().filter(|(at, c)| *at == 0 || !is_combining_mark(*c)).map(|(at, _)| at).collect();
    starts.push(word.len());
    starts.windows(2).filter_map(|pair| word.get(*pair.first()?..*pair.last()?)).collect()
}

/// Breaks a text into at most `most` lines; what is left over is cut with an ellipsis.
#[must_use]
pub fn at_most(most: usize, text: &str, kind: Type, width: Length) -> Vec<String> {
    let mut lines = wrapped(text, kind, width);
    if lines.len() > most.max(1) {
        lines.truncate(most.max(1));
        if let Some(last) = lines.last_mut() {
            *last = ellipsis(last, kind, width);
        }
    }
    lines
}

fn ellipsis(line: &str, kind: Type, width: Length) -> String {
    let letters = letters(line);
    (0..=letters.len())
        .rev()
        .map(|kept| format!("{}…", letters.iter().take(kept).copied().collect::<String>().trim_end()))
        .find(|cut| kind.fits(cut, width))
        .unwrap_or_else(|| "…".to_owned())
}

/// Sets a text in as large a type as `most` lines of `width` allow, from `largest` down to
/// `smallest`, and cuts what does not fit even then.
#[must_use]
pub fn fitted(most: usize, text: &str, largest: Type, smallest: Length, width: Length) -> (Type, Vec<String>) {
    /// Sizes tried between the largest and the smallest.
    const STEPS: i64 = 8;
    for step in 0..=STEPS {
        let size = largest.size - (largest.size - smallest).scaled(step, STEPS);
        let kind = Type { size, ..largest };
        let lines = wrapped(text, kind, width);
        let whole_words = text.split_whitespace().all(|word| kind.fits(word, width));
        if lines.len() <= most && whole_words {
            return (kind, lines);
        }
    }
    let kind = Type { size: smallest, ..largest };
    (kind, at_most(most, text, kind, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Type = Type::new(Face::Sans, 100);

    #[test]
    fn lines_are_broken_between_words_and_never_wider_than_the_room() {
        let text = "Chợ Tân An, phường Ninh Kiều, thành phố Cần Thơ";
        for width in [Length::mm(20), Length::mm(35), Length::mm(200)] {
            let lines = wrapped(text, KIND, width);
            assert_eq!(lines.join(" "), text);
            assert!(lines.iter().all(|line| KIND.fits(line, width)), "{lines:?}");
        }
    }

    #[test]
    fn a_word_that_is_too_long_is_cut_between_letters() {
        let word = "Ngườiđứngtên".repeat(10);
        let lines = wrapped(&word, KIND, Length::mm(30));
        assert_eq!(lines.concat(), word);
        assert!(lines.iter().all(|line| KIND.fits(line, Length::mm(30))));
        assert_eq!(wrapped("", KIND, Length::mm(30)), [""]);
    }

    #[test]
    fn what_does_not_fit_ends_with_an_ellipsis() {
        let lines = at_most(2, &"rất dài ".repeat(40), KIND, Length::mm(30));
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| KIND.fits(line, Length::mm(30))) && lines.concat().ends_with('…'));
    }

    #[test]
    fn long_names_are_set_smaller_before_they_are_cut() {
        let fit =
            |text: &str| fitted(2, text, Type::new(Face::SansBold, 200), Length::tenths_of_point(80), Length::mm(60));
        assert_eq!(fit("LE AN").0.size, Length::tenths_of_point(200));
        let (kind, lines) = fit("NGUYEN TON NU THI HOANG ANH KIM NGOC");
        assert!(kind.size < Length::tenths_of_point(200) && lines.len() <= 2 && !lines.concat().contains('…'));
        assert!(fit(&"HOANG ".repeat(30)).1.concat().ends_with('…'));
    }
}
