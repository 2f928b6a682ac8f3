//! Cards for stalls: a code, whose account it is, and what tells a card from one pasted over it.
//!
//! A4 once, twice (A5), four (A6) or eight times (A7), with hairlines to cut along and, where a card
//! stands by itself, a line to fold along. Nothing but white lies behind a code or in its quiet zone.

use jiff::Timestamp;

use super::face::Face;
use super::lines::{Type, at_most, fitted};
use super::paper::{Align, Drawn, Ink, Kind, Look, Node, Paper, Part, Sheet, Title};
use crate::domain::drawing::{Area, Length, ModuleGrid, Spot};

/// White that printers need at a sheet's edge, and scissors beside a cut.
const MARGIN: Length = Length::mm(8);
/// The least size of a module: what phones read from a table away.
pub const MODULE_MIN: Length = Length::um(1_000);
/// The foot that is folded back, and on which the check tag stands.
const FOOT: Length = Length::mm(12);
/// A hairline.
const HAIR: Length = Length::um(100);

/// How many cards a sheet has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One.
    A4,
    /// Two.
    A5,
    /// Four.
    A6,
    /// Eight.
    A7,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 4] = [Self::A4, Self::A5, Self::A6, Self::A7];

    /// Returns its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A4 => "a4",
            Self::A5 => "a5",
            Self::A6 => "a6",
            Self::A7 => "a7",
        }
    }

    fn columns_and_rows(self) -> (i64, i64) {
        match self {
            Self::A4 => (1, 1),
            Self::A5 => (1, 2),
            Self::A6 => (2, 2),
            Self::A7 => (2, 4),
        }
    }

    /// Returns how many cards a sheet has.
    #[must_use]
    pub fn cards(self) -> usize {
        let (columns, rows) = self.columns_and_rows();
        usize::try_from(columns * rows).unwrap_or(1)
    }

    /// Returns the code's side with its quiet zone: a tenth of the distance it is read from.
    fn code_side(self) -> Length {
        match self {
            Self::A4 => Length::mm(160),
            Self::A5 => Length::mm(110),
            Self::A6 => Length::mm(75),
            Self::A7 => Length::mm(54),
        }
    }

    /// Words stand beside the code, not below it.
    fn is_wide(self) -> bool {
        matches!(self, Self::A5 | Self::A7)
    }

    fn folds(self) -> bool {
        self != Self::A7
    }

    /// Type for the stall, the holder, the last four, the bank, the warning, and what is said beside:
    /// tenths of a point.
    fn sizes(self) -> [i64; 6] {
        match self {
            Self::A4 => [440, 360, 520, 260, 190, 105],
            Self::A5 => [300, 240, 380, 180, 130, 90],
            Self::A6 => [190, 170, 260, 120, 100, 72],
            Self::A7 => [115, 100, 170, 75, 60, 52],
        }
    }
}

/// What one card says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The stall's code.
    pub stall: String,
    /// Who sells there.
    pub vendor: String,
    /// The account's holder as bank apps show it.
    pub holder: String,
    /// The bank.
    pub bank: String,
    /// The account's last four characters.
    pub last_four: String,
    /// The check tag.
    pub tag: String,
    /// The card's version.
    pub version: i64,
    /// The code in the transfer's text.
    pub memo: String,
    /// The modules of its code.
    pub grid: ModuleGrid,
}

/// What all cards of a print say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// The market's name.
    pub market: String,
    /// Its code.
    pub code: String,
    /// The date of the print, `24/11/2026`.
    pub date: String,
    /// When it is made.
    pub at: Timestamp,
    /// Demonstration data: no card that anybody may pay by.
    pub demo: bool,
}

/// Where a card's code lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The page, from 0.
    pub page: usize,
    /// Its modules.
    pub code: Area,
    /// The same with its quiet zone.
    pub seen: Area,
}

/// Why a card cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the code of stall {stall} needs a larger card: its modules would be below a millimetre")]
pub struct TooSmall {
    /// The stall.
    pub stall: String,
}

/// Lays cards out on sheets, in their order; returns where each one's code lies.
///
/// # Errors
/// [`TooSmall`] for a code with too many modules for the layout.
pub fn sheets(
    cards: &[Card],
    layout: Layout,
    print: &Print,
    quiet_zone: usize,
) -> Result<(Paper, Vec<Placed>), TooSmall> {
    let title = Title {
        title: format!("Thẻ mã QR – {}", print.market),
        subject: format!("{} thẻ, khổ {}, in ngày {}", cards.len(), layout.as_str().to_uppercase(), print.date),
        author: print.market.clone(),
        language: "vi",
        drawn_up_at: print.at,
    };
    let mut sheets = Sheets { paper: Paper::new(title, Sheet::A4), layout, print, quiet_zone };
    let mut placed = Vec::with_capacity(cards.len());
    for (page, of_page) in cards.chunks(layout.cards()).enumerate() {
        sheets.paper.begin_page();
        sheets.cut_marks();
        for (place, card) in (0_i64..).zip(of_page) {
            placed.push(sheets.card(page, place, card)?);
        }
    }
    Ok((sheets.paper, placed))
}

struct Sheets<'p> {
    paper: Paper,
    layout: Layout,
    print: &'p Print,
    quiet_zone: usize,
}

impl Sheets<'_> {
    fn size(&self) -> (Length, Length) {
        let (columns, rows) = self.layout.columns_and_rows();
        (Sheet::A4.width.scaled(1, columns), Sheet::A4.height.scaled(1, rows))
    }

    /// Hairlines at the edges where cuts begin and end, and crosses where they meet.
    fn cut_marks(&mut self) {
        let (columns, rows) = self.layout.columns_and_rows();
        let (width, height) = self.size();
        let mark = Length::mm(5);
        let half = HAIR.scaled(1, 2);
        for column in 1..columns {
            let x = width * column - half;
            for row in 0..=rows {
                let y = (height * row - mark.scaled(1, 2)).max(Length::ZERO).min(Sheet::A4.height - mark);
                self.paper.fill(Area { x, y, width: HAIR, height: mark }, Ink::BLACK, Part::Ornament);
            }
        }
        for row in 1..rows {
            let y = height * row - half;
            for column in 0..=columns {
                let x = (width * column - mark.scaled(1, 2)).max(Length::ZERO).min(Sheet::A4.width - mark);
                self.paper.fill(Area { x, y, width: mark, height: HAIR }, Ink::BLACK, Part::Ornament);
            }
        }
    }

    fn card(&mut self, page: usize, place: i64, card: &Card) -> Result<Placed, TooSmall> {
        let (columns, _) = self.layout.columns_and_rows();
        let (width, height) = self.size();
        let whole = Area { x: width * (place % columns), y: height * (place / columns), width, height };
        let inner = whole.inset(MARGIN);
        let section = self.paper.node(Kind::Section, None);
        let body = if self.layout.folds() { self.foot(inner, card, section) } else { inner };
        let modules = i64::try_from(card.grid.side() + self.quiet_zone * 2).unwrap_or(i64::MAX);
        let side = self.layout.code_side().max(MODULE_MIN * modules);
        let (band, seen, words) = self.places(body, side).ok_or_else(|| TooSmall { stall: card.stall.clone() })?;
        self.band(band, card, section);
        let quiet = side.scaled(i64::try_from(self.quiet_zone).unwrap_or_default(), modules);
        let code = seen.inset(quiet);
        let shows = format!("Mã VietQR của sạp {}, {}, {} …{}", card.stall, card.holder, card.bank, card.last_four);
        let figure = self.paper.node(Kind::Figure(shows), Some(section));
        self.paper.draw(Drawn::Code { area: code, grid: card.grid.clone() }, Ink::BLACK, Part::Of(figure));
        self.words(words, card, section);
        Ok(Placed { page, code, seen })
    }

    /// Returns where the band, the code with its quiet zone and the words stand: beside each other on
    /// wide cards, one below another on others; nothing when the code is too large.
    fn places(&self, body: Area, side: Length) -> Option<(Area, Area, Area)> {
        let [stall, ..] = self.layout.sizes();
        let stall = Length::tenths_of_point(stall);
        if self.layout.is_wide() {
            let x = body.x + side + Length::mm(2);
            let column = Area { x, width: body.right() - x, ..body };
            let band = Area { height: stall.scaled(270, 100), ..column };
            let words = Area { y: band.bottom(), height: column.height - band.height, ..column };
            let seen = Area { y: body.y + (body.height - side).scaled(1, 2), width: side, height: side, ..body };
            return (side <= body.height && column.width >= Length::mm(28)).then_some((band, seen, words));
        }
        let band = Area { height: stall.scaled(150, 100), ..body };
        let x = body.x + (body.width - side).scaled(1, 2);
        let seen = Area { x, y: band.bottom(), width: side, height: side };
        let words = Area { y: seen.bottom(), height: body.bottom() - seen.bottom(), ..body };
        (side <= body.width && words.height >= Length::mm(20)).then_some((band, seen, words))
    }

    /// The market's colour with its name and the stall.
    fn band(&mut self, area: Area, card: &Card, section: Node) {
        let [stall_size, ..] = self.layout.sizes();
        let stall_kind = Type::new(Face::SansBold, stall_size);
        let market_kind = Type { size: stall_kind.size.scaled(50, 100), ..stall_kind };
        self.paper.fill(area, band_ink(&self.print.code), Part::Ornament);
        let pad = stall_kind.size.scaled(30, 100);
        let stall = format!("SẠP {}", card.stall);
        let smallest = |kind: Type, share| kind.size.scaled(share, 100);
        let market_node = self.paper.node(Kind::Paragraph, Some(section));
        let stall_node = self.paper.node(Kind::Paragraph, Some(section));
        if self.layout.is_wide() {
            let room = area.width - pad * 2;
            let half = area.height.scaled(1, 2);
            let (kind, lines) = fitted(2, &self.print.market, market_kind, smallest(market_kind, 70), room);
            let look = Look::of(kind).in_ink(Ink::WHITE);
            self.stack(&lines, look, Spot::at(area.x + pad, area.y), half, market_node);
            let (kind, lines) = fitted(1, &stall, stall_kind, smallest(stall_kind, 40), room);
            let look = Look::of(kind).in_ink(Ink::WHITE);
            self.stack(&lines, look, Spot::at(area.x + pad, area.y + half), half, stall_node);
            return;
        }
        let (stall_room, market_room) = (area.width.scaled(45, 100), area.width.scaled(55, 100) - pad * 3);
        let (kind, lines) = fitted(2, &self.print.market, market_kind, smallest(market_kind, 60), market_room);
        let look = Look::of(kind).in_ink(Ink::WHITE);
        self.stack(&lines, look, Spot::at(area.x + pad, area.y), area.height, market_node);
        let (kind, lines) = fitted(1, &stall, stall_kind, smallest(stall_kind, 40), stall_room);
        let look = Look::of(kind).in_ink(Ink::WHITE).aligned(Align::Right);
        self.stack(&lines, look, Spot::at(area.right() - pad, area.y), area.height, stall_node);
    }

    /// Writes lines one under another in the middle of a height.
    fn stack(&mut self, lines: &[String], look: Look, from: Spot, height: Length, node: Node) {
        let step = look.kind.size.scaled(122, 100);
        let count = i64::try_from(lines.len()).unwrap_or(1);
        let capitals = look.kind.size.scaled(look.kind.face.capital_height(), 1_000);
        let mut y = from.y + (height - step * (count - 1) + capitals).scaled(1, 2);
        for line in lines {
            self.paper.write(Spot::at(from.x, y), line, look, Part::Of(node));
            y = y + step;
        }
    }

    /// The foot that folds back; returns what is left above it.
    fn foot(&mut self, body: Area, card: &Card, section: Node) -> Area {
        let line = body.bottom() - FOOT;
        let (dash, mut x) = (Length::mm(3), body.x);
        while x + dash <= body.right() {
            self.paper.fill(Area { x, y: line, width: dash, height: HAIR }, Ink::QUIET, Part::Ornament);
            x = x + dash * 2;
        }
        let [.., small] = self.layout.sizes();
        let kind = Type::new(Face::Sans, small);
        let hint = Type { size: kind.size.scaled(8, 10), ..kind };
        let right = Look::of(hint).in_ink(Ink::QUIET).aligned(Align::Right);
        self.paper.write(Spot::at(body.right(), line + hint.size.scaled(12, 10)), "gấp", right, Part::Ornament);
        let area = Area { y: line, height: FOOT, ..body };
        self.tag(area, card, section);
        Area { height: body.height - FOOT, ..body }
    }

    fn tag(&mut self, area: Area, card: &Card, section: Node) {
        let [.., small] = self.layout.sizes();
        let kind = Type::new(Face::Sans, small);
        let node = self.paper.node(Kind::Paragraph, Some(section));
        let told = format!("Tem {} · QR bản {} · in {}", card.tag, card.version, self.print.date);
        let demo = if self.print.demo { "MẪU – KHÔNG THANH TOÁN · " } else { "" };
        let about = format!("{demo}{} · {} · {}", card.memo, self.print.code, card.vendor);
        let room = area.width - Length::mm(8);
        let lines: Vec<String> =
            at_most(2, &told, kind, room).into_iter().chain(at_most(1, &about, kind, room)).collect();
        self.stack(&lines, Look::of(kind), Spot::at(area.x, area.y), area.height, node);
    }

    /// Whose account it is, in the order in which a payer checks it.
    fn words(&mut self, area: Area, card: &Card, section: Node) {
        let [_, holder, last_four, bank, warning, small] = self.layout.sizes();
        let width = area.width;
        let most = if self.layout.is_wide() { 4 } else { 2 };
        let holder = Type::new(Face::SansBold, holder);
        let holder = fitted(most, &card.holder, holder, holder.size.scaled(55, 100), width);
        let bank = Type::new(Face::Sans, bank);
        let bank = fitted(2, &card.bank, bank, bank.size.scaled(60, 100), width);
        let tail = Type::new(Face::SansBold, last_four);
        let warning = Type::new(Face::SansBold, warning);
        let warning = (warning, at_most(3, "Kiểm tra đúng tên trước khi chuyển", warning, width));
        let mut blocks = vec![holder, bank, (tail, vec![format!("…{}", card.last_four)]), warning];
        if !self.layout.folds() {
            let kind = Type::new(Face::Sans, small);
            let mark = if self.print.demo { "MẪU – KHÔNG THANH TOÁN · " } else { "" };
            let told =
                format!("{mark}Tem {} · QR bản {} · in {} · {}", card.tag, card.version, self.print.date, card.memo);
            blocks.push((kind, at_most(4, &told, kind, width)));
        }
        let step = |kind: &Type| kind.size.scaled(122, 100);
        let used: Length =
            blocks.iter().map(|(kind, lines)| step(kind) * i64::try_from(lines.len()).unwrap_or(1)).sum();
        let spare = (area.height - used).max(Length::ZERO);
        let mut y = if self.layout.is_wide() { area.y + spare.scaled(1, 2) } else { area.y + spare.scaled(1, 4) };
        let (x, align) =
            if self.layout.is_wide() { (area.x, Align::Left) } else { (area.x + width.scaled(1, 2), Align::Middle) };
        for (kind, lines) in blocks {
            let node = self.paper.node(Kind::Paragraph, Some(section));
            for line in lines {
                let look = Look::of(kind).aligned(align);
                self.paper.write(Spot::at(x, y + kind.size), &line, look, Part::Of(node));
                y = y + step(&kind);
            }
        }
    }
}

/// Returns a market's colour: dark, so that white words stand on it in grey too.
fn band_ink(code: &str) -> Ink {
    const INKS: [Ink; 8] = [
        Ink(13, 79, 58),
        Ink(24, 62, 120),
        Ink(120, 32, 60),
        Ink(88, 52, 12),
        Ink(74, 40, 110),
        Ink(20, 80, 92),
        Ink(98, 34, 20),
        Ink(50, 56, 66),
    ];
    let sum: usize = code.bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    INKS.get(sum % INKS.len()).copied().unwrap_or(Ink::BLACK)
}
