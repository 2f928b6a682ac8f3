//! Headings, paragraphs and signatures from page to page, and the foot of every page.

use super::face::Face;
use super::lines::{Type, wrapped};
use super::paper::{Align, Ink, Kind, Look, Node, Paper, Part, Sheet, Title};
use crate::domain::drawing::{Area, Length, Spot};

/// How a paper looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Its sheets.
    pub sheet: Sheet,
    /// White above.
    pub top: Length,
    /// White below, in which the foot stands.
    pub bottom: Length,
    /// White on the left.
    pub left: Length,
    /// White on the right.
    pub right: Length,
    /// Plain, bold and italic.
    pub faces: [Face; 3],
    /// The size of plain text, in tenths of a point.
    pub size: i64,
    /// The size of tables, in tenths of a point.
    pub table_size: i64,
    /// Whether pages from the second on have their number above, as official papers do.
    pub numbered_above: bool,
}

impl Form {
    /// The house's own.
    pub const HOUSE: Self = Self {
        sheet: Sheet::A4,
        top: Length::mm(15),
        bottom: Length::mm(18),
        left: Length::mm(15),
        right: Length::mm(15),
        faces: [Face::Sans, Face::SansBold, Face::SansItalic],
        size: 95,
        table_size: 80,
        numbered_above: false,
    };

    /// Official papers: NĐ 30/2020/NĐ-CP, appendix I: type 13, margins 20, 20, 30 and 15 mm.
    pub const OFFICIAL: Self = Self {
        sheet: Sheet::A4,
        top: Length::mm(20),
        bottom: Length::mm(20),
        left: Length::mm(30),
        right: Length::mm(15),
        faces: [Face::Serif, Face::SerifBold, Face::SerifItalic],
        size: 130,
        table_size: 110,
        numbered_above: true,
    };

    /// Returns plain text.
    #[must_use]
    pub fn plain(&self) -> Type {
        Type::new(self.face(0), self.size)
    }

    /// Returns bold text.
    #[must_use]
    pub fn bold(&self) -> Type {
        Type::new(self.face(1), self.size)
    }

    /// Returns italic text.
    #[must_use]
    pub fn italic(&self) -> Type {
        Type::new(self.face(2), self.size)
    }

    pub(super) fn face(&self, which: usize) -> Face {
        self.faces.get(which).copied().unwrap_or(Face::Sans)
    }
}

/// What stands at the foot of every page, beside its number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foot {
    /// The first line.
    pub first: String,
    /// The second line.
    pub second: String,
    /// The words around the numbers: `Trang` and `/`.
    pub page: &'static str,
}

/// A paper that is written from top to bottom.
#[derive(Debug)]
pub struct Flow {
    /// The paper so far.
    pub paper: Paper,
    /// How it looks.
    pub form: Form,
    pub(super) y: Length,
    /// What the next table's last rows leave free for the block behind it.
    pub(super) behind: Length,
}

impl Flow {
    /// Begins a paper.
    #[must_use]
    pub fn new(title: Title, form: Form) -> Self {
        let mut paper = Paper::new(title, form.sheet);
        paper.begin_page();
        Self { paper, form, y: form.top, behind: Length::ZERO }
    }

    /// Returns how wide text may be.
    #[must_use]
    pub fn room(&self) -> Length {
        self.form.sheet.width - self.form.left - self.form.right
    }

    /// Returns how high a page's text may be.
    #[must_use]
    pub fn height(&self) -> Length {
        self.form.sheet.height - self.form.top - self.form.bottom
    }

    /// Begins a page unless this much room is left on this one.
    pub fn keep(&mut self, height: Length) {
        if self.y + height > self.form.sheet.height - self.form.bottom && self.y > self.form.top {
            self.turn();
        }
    }

    /// Returns how high a block is; none for one that fills more than a page.
    fn measured(&self, block: &dyn Fn(&mut Self)) -> Option<Length> {
        let mut trial = Self::new(self.paper.title.clone(), self.form);
        block(&mut trial);
        (trial.paper.pages.len() == 1).then(|| trial.y - trial.form.top)
    }

    /// Writes a block that no page break tears, as long as a page has room for all of it: nobody signs
    /// a page that says nothing.
    pub fn together(&mut self, block: &dyn Fn(&mut Self)) {
        if let Some(height) = self.measured(block) {
            self.keep(height);
        }
        block(self);
    }

    /// Lets the next table's last rows stay with a block that is written behind it.
    pub fn leave_room_for(&mut self, block: &dyn Fn(&mut Self)) {
        self.behind = self.measured(block).unwrap_or_default();
    }

    /// Begins a page.
    pub fn turn(&mut self) {
        self.paper.begin_page();
        self.y = self.form.top;
    }

    /// Leaves white.
    pub fn gap(&mut self, height: Length) {
        self.y = self.y + height;
    }

    /// Returns where the next line begins, and moves on by `height`.
    pub fn take(&mut self, height: Length) -> Length {
        self.keep(height);
        let top = self.y;
        self.y = self.y + height;
        top
    }

    /// Writes a heading; some of what follows stays with it.
    pub fn heading(&mut self, level: u8, text: &str, align: Align) {
        let bigger = if level <= 1 { 165 } else { 118 };
        let bold = self.form.bold();
        let kind = Type { size: bold.size.scaled(bigger, 100), ..bold };
        self.gap(if level <= 1 { Length::mm(1) } else { Length::mm(4) });
        // With the head and three rows of a table, which stay together.
        self.keep(kind.leading() + Length::mm(30));
        let node = self.paper.node(Kind::Heading(level, text.to_owned()), None);
        self.lines(text, Look::of(kind).aligned(align), node);
        self.gap(Length::um(1_200));
    }

    /// Writes a paragraph over the page's width.
    pub fn paragraph(&mut self, text: &str, look: Look) {
        let node = self.paper.node(Kind::Paragraph, None);
        self.lines(text, look, node);
    }

    fn lines(&mut self, text: &str, look: Look, node: Node) {
        let room = self.room();
        for line in wrapped(text, look.kind, room) {
            let top = self.take(look.kind.leading());
            let x = match look.align {
                Align::Left => self.form.left,
                Align::Middle => self.form.left + room.scaled(1, 2),
                Align::Right => self.form.left + room,
            };
            self.paper.write(Spot::at(x, top + base(look.kind)), &line, look, Part::Of(node));
        }
    }

    /// Writes columns of lines beside each other, each centred in its share of the width: the two
    /// heads of an official paper, or signatures.
    pub fn beside(&mut self, columns: &[Vec<(String, Type)>]) {
        let (room, shares) = (self.room(), i64::try_from(columns.len()).unwrap_or(1).max(1));
        let share = room.scaled(1, shares);
        let inner = share - Length::mm(2);
        let set: Vec<Vec<(String, Type)>> = columns
            .iter()
            .map(|lines| {
                lines
                    .iter()
                    .flat_map(|(text, kind)| wrapped(text, *kind, inner).into_iter().map(|line| (line, *kind)))
                    .collect()
            })
            .collect();
        let height = |lines: &Vec<(String, Type)>| lines.iter().map(|(_, kind)| kind.leading()).sum::<Length>();
        let highest = set.iter().map(height).max().unwrap_or_default();
        let top = self.take(highest);
        for (place, lines) in (0_i64..).zip(&set) {
            let middle = self.form.left + share * place + share.scaled(1, 2);
            let mut y = top;
            for (line, kind) in lines {
                let node = self.paper.node(Kind::Paragraph, None);
                let look = Look::of(*kind).aligned(Align::Middle);
                self.paper.write(Spot::at(middle, y + base(*kind)), line, look, Part::Of(node));
                y = y + kind.leading();
            }
        }
    }

    /// Draws a line over the page's width.
    pub fn rule(&mut self) {
        let y = self.take(Length::um(1_500));
        let area = Area { x: self.form.left, y, width: self.room(), height: Length::um(250) };
        self.paper.fill(area, Ink::LINE, Part::Ornament);
    }

    /// Writes who signs, with room for the signatures; not torn from each other.
    pub fn signatures(&mut self, signers: &[(&str, &str)]) {
        const HEIGHT: Length = Length::mm(42);
        let (bold, italic) = (self.form.bold(), self.form.italic());
        self.gap(Length::mm(6));
        self.keep(HEIGHT);
        let end = self.y + HEIGHT;
        let columns: Vec<Vec<(String, Type)>> =
            signers.iter().map(|(who, how)| vec![((*who).to_owned(), bold), ((*how).to_owned(), italic)]).collect();
        self.beside(&columns);
        self.y = self.y.max(end);
    }

    /// Puts the foot on every page and returns the paper.
    #[must_use]
    pub fn finish(self, foot: &Foot) -> Paper {
        let Self { mut paper, form, .. } = self;
        let count = paper.pages.len();
        let pages = std::mem::take(&mut paper.pages);
        let look = Look::of(Type::new(form.face(0), 70)).in_ink(Ink::QUIET);
        let (right, line) = (form.sheet.width - form.right, form.sheet.height - form.bottom + Length::mm(4));
        for (number, items) in (1_usize..).zip(pages) {
            paper.pages.push(items);
            let rule = Area { x: form.left, y: line, width: right - form.left, height: Length::um(180) };
            paper.fill(rule, Ink::LINE, Part::PageFoot);
            for (row, text) in (1_i64..).zip([&foot.first, &foot.second]) {
                let spot = Spot::at(form.left, line + Length::um(3_400) * row);
                paper.write(spot, text, look, Part::PageFoot);
            }
            if form.numbered_above && number > 1 {
                let look = Look::of(form.plain()).aligned(Align::Middle);
                let middle = form.sheet.width.scaled(1, 2);
                paper.write(Spot::at(middle, Length::mm(13)), &number.to_string(), look, Part::PageFoot);
            }
            let text = format!("{} {number}/{count}", foot.page);
            paper.write(Spot::at(right, line + Length::um(3_400)), &text, look.aligned(Align::Right), Part::PageFoot);
        }
        paper
    }
}

/// Returns how far below its top a line's base lies.
#[must_use]
pub fn base(kind: Type) -> Length {
    kind.size
}
