//! The faces of printed papers, and text shaped in them.
//!
//! Text is shaped once; the same glyphs are measured and drawn. What a face lacks is drawn as a box,
//! but read, searched and copied as what it is: a name with an emoji breaks neither page nor file.

use std::ops::Range;
use std::sync::LazyLock;

use harfrust::{Direction, FontRef, ShapeOptions, Shaper, ShaperData, UnicodeBuffer};
use skrifa::{GlyphId, MetadataProvider as _};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::domain::drawing::Length;

/// Stands for a character that no face has.
const BOX: char = '\u{25a1}';
/// Marks drawn over one letter. Vietnamese needs two; towers of marks would run into other lines.
const MARKS_MAX: usize = 2;
/// Marks kept in the text of one letter: a file says what a glyph means in at most 512 bytes.
const MARKS_KEPT: usize = 16;
/// Longest line that is shaped, in characters: what is longer is a fault of the caller, not a text.
const CHARACTERS_MAX: usize = 2_000;

/// A face of type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Face {
    /// Noto Sans, whose digits are all of one width.
    Sans,
    /// The same, bold.
    SansBold,
    /// The same, italic.
    SansItalic,
    /// The widths of Times New Roman, which official papers ask for (NĐ 30/2020/NĐ-CP).
    Serif,
    /// The same, bold.
    SerifBold,
    /// The same, italic.
    SerifItalic,
}

impl Face {
    /// All faces.
    pub const ALL: [Self; 6] =
        [Self::Sans, Self::SansBold, Self::SansItalic, Self::Serif, Self::SerifBold, Self::SerifItalic];

    /// Returns the font file's bytes.
    #[must_use]
    pub fn file(self) -> &'static [u8] {
        match self {
            Self::Sans => include_bytes!("fonts/NotoSans-Regular.ttf"),
            Self::SansBold => include_bytes!("fonts/NotoSans-Bold.ttf"),
            Self::SansItalic => include_bytes!("fonts/NotoSans-Italic.ttf"),
            Self::Serif => include_bytes!("fonts/SochoSerif-Regular.ttf"),
            Self::SerifBold => include_bytes!("fonts/SochoSerif-Bold.ttf"),
            Self::SerifItalic => include_bytes!("fonts/SochoSerif-Italic.ttf"),
        }
    }

    /// Returns how far capital letters rise above the line, in thousandths of the size.
    #[must_use]
    pub fn capital_height(self) -> i64 {
        match self {
            Self::Sans | Self::SansBold | Self::SansItalic => 714,
            Self::Serif | Self::SerifBold | Self::SerifItalic => 655,
        }
    }

    fn outlines(self) -> Option<&'static Outlines<'static>> {
        static FACES: LazyLock<Vec<(Face, Option<Outlines<'static>>)>> =
            LazyLock::new(|| Face::ALL.into_iter().map(|face| (face, Outlines::read(face.file()))).collect());
        FACES.iter().find(|(face, _)| *face == self).and_then(|(_, outlines)| outlines.as_ref())
    }
}

/// A font file as it is read: which glyph a character has, and how text is shaped.
struct Outlines<'a> {
    font: FontRef<'a>,
    shaper: ShaperData,
}

impl<'a> Outlines<'a> {
    fn read(file: &'a [u8]) -> Option<Self> {
        let font = FontRef::new(file).ok()?;
        let shaper = ShaperData::new(&font);
        Some(Self { font, shaper })
    }

    fn glyph_index(&self, character: char) -> Option<GlyphId> {
        self.font.charmap().map(character)
    }

    fn has(&self, character: char) -> bool {
        self.glyph_index(character).is_some_and(|glyph| glyph != GlyphId::NOTDEF)
    }

    fn shaper(&self) -> Shaper<'_> {
        self.shaper.shaper(&self.font).build()
    }
}

/// One glyph, in units of its face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glyph {
    /// Its number in the face.
    pub id: u32,
    /// The bytes of the text that it shows.
    pub shows: Range<usize>,
    /// How far the next glyph stands.
    pub advance: i32,
    /// How far it is moved to the right.
    pub right: i32,
    /// How far it is raised.
    pub up: i32,
}

/// One line of text in a face, of any size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shaped {
    /// The text as it is read and copied: NFC.
    pub text: String,
    /// Its face.
    pub face: Face,
    /// Its glyphs, from left to right.
    pub glyphs: Vec<Glyph>,
    /// Units of the face to its size.
    pub units: i64,
}

impl Shaped {
    /// Shapes one line: no line breaks, no tabs; anything invisible is left out.
    #[must_use]
    pub fn of(text: &str, face: Face) -> Self {
        let clean = clean(text);
        let Some(outlines) = face.outlines() else {
            return Self { text: clean, face, glyphs: Vec::new(), units: 1_000 };
        };
        let (drawn, places) = drawable(&clean, outlines);
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(&drawn);
        buffer.set_direction(Direction::LeftToRight);
        buffer.guess_segment_properties();
        buffer.set_direction(Direction::LeftToRight);
        let shaper = outlines.shaper();
        let output = shaper.shape(buffer, ShapeOptions::new());
        let mut glyphs: Vec<Glyph> = output
            .glyph_infos()
            .iter()
            .zip(output.glyph_positions())
            .map(|(shown, place)| Glyph {
                id: shown.glyph_id,
                shows: original(&places, shown.cluster)..clean.len(),
                advance: place.x_advance,
                right: place.x_offset,
                up: place.y_offset,
            })
            .collect();
        end_clusters(&mut glyphs);
        Self { text: clean, face, glyphs, units: i64::from(shaper.units_per_em()) }
    }

    /// Returns how wide it is in a size.
    #[must_use]
    pub fn width(&self, size: Length) -> Length {
        size.scaled(self.glyphs.iter().map(|glyph| i64::from(glyph.advance)).sum(), self.units)
    }
}

fn clean(text: &str) -> String {
    let mut marks = 0;
    let kept = |character: &char| {
        marks = if is_combining_mark(*character) { marks + 1 } else { 0 };
        marks <= MARKS_KEPT && !is_invisible(*character)
    };
    text.nfc().filter(kept).take(CHARACTERS_MAX).collect()
}

/// Returns what is drawn for a text, and where each drawn byte's character began in the text.
fn drawable(text: &str, outlines: &Outlines<'_>) -> (String, Vec<(usize, usize)>) {
    let (mut drawn, mut places) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()));
    let mut marks = 0;
    for (at, character) in text.char_indices() {
        let is_mark = is_combining_mark(character);
        marks = if is_mark { marks + 1 } else { 0 };
        let has = outlines.has(character);
        if is_mark && (marks > MARKS_MAX || !has || drawn.is_empty()) {
            continue;
        }
        places.push((drawn.len(), at));
        // A letter with a mark that no face has is drawn without the mark.
        let plain = || std::iter::once(character).nfd().next().filter(|base| outlines.glyph_index(*base).is_some());
        drawn.push(if has { character } else { plain().unwrap_or(BOX) });
    }
    (drawn, places)
}

fn is_invisible(character: char) -> bool {
    let selector = matches!(u32::from(character),
        0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
        | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFF
        | 0xE000..=0xF8FF | 0xE0000..);
    character.is_control() || selector
}

fn original(places: &[(usize, usize)], cluster: u32) -> usize {
    let drawn = usize::try_from(cluster).unwrap_or(usize::MAX);
    let place = places.partition_point(|(at, _)| *at <= drawn);
    place.checked_sub(1).and_then(|place| places.get(place)).map_or(0, |(_, at)| *at)
}

/// A glyph shows the text up to where the next one's begins; glyphs of one letter show it together.
fn end_clusters(glyphs: &mut [Glyph]) {
    let mut next: Option<Range<usize>> = None;
    for glyph in glyphs.iter_mut().rev() {
        glyph.shows.end = match &next {
            Some(next) if next.start == glyph.shows.start => next.end,
            Some(next) => next.start.max(glyph.shows.start),
            None => glyph.shows.end,
        };
        next = Some(glyph.shows.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_letters_of_vietnamese_are_in_every_face() {
        let mut letters = String::from("đĐ₫");
        for vowel in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY".chars() {
            for tone in ["", "\u{300}", "\u{309}", "\u{303}", "\u{301}", "\u{323}"] {
                letters.extend(format!("{vowel}{tone}").nfc());
            }
        }
        assert_eq!(letters.chars().count(), 2 + 1 + 24 * 6);
        for face in Face::ALL {
            let outlines = face.outlines().expect("a face");
            for letter in letters.chars().chain([BOX]) {
                assert!(outlines.has(letter), "{face:?} lacks {letter}");
            }
        }
    }

    #[test]
    fn what_a_face_lacks_is_a_box_and_reads_as_itself() {
        let shaped = Shaped::of("Cá 🐟 ngon", Face::Sans);
        assert_eq!(shaped.text, "Cá 🐟 ngon");
        let fish = shaped.glyphs.iter().find(|glyph| shaped.text.get(glyph.shows.clone()) == Some("🐟"));
        assert!(fish.is_some_and(|glyph| glyph.id != 0));
        assert!(shaped.glyphs.iter().all(|glyph| glyph.id != 0));
    }

    #[test]
    fn towers_of_marks_and_marks_without_a_letter_are_cut() {
        let tower = format!("\u{301}a{}b", "\u{301}".repeat(50));
        let shaped = Shaped::of(&tower, Face::Sans);
        assert!(shaped.glyphs.len() <= 4, "{}", shaped.glyphs.len());
        assert!(Shaped::of("", Face::Serif).glyphs.is_empty());
    }

    #[test]
    fn figures_can_be_compared_in_columns() {
        for face in Face::ALL {
            let width = |text| Shaped::of(text, face).width(Length::mm(10));
            assert_eq!(width("1111"), width("8880"), "{face:?}");
        }
    }
}
