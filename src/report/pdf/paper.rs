//! A paper before it is written: pages of text and filled areas, and the tree that tells a reader
//! who cannot see it what each of them is.

use jiff::Timestamp;

use super::face::Shaped;
use super::lines::Type;
use crate::domain::drawing::{Area, Length, ModuleGrid, Spot};

/// A colour, as red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ink(pub u8, pub u8, pub u8);

impl Ink {
    /// Words, and codes: pure black.
    pub const BLACK: Self = Self(0, 0, 0);
    /// What is said beside: 7:1 against white.
    pub const QUIET: Self = Self(75, 85, 80);
    /// Lines of tables, visible in print.
    pub const LINE: Self = Self(160, 168, 164);
    /// Grounds of heads and sums; light enough in grey.
    pub const GROUND: Self = Self(236, 242, 239);
    /// Bars: dark enough in grey.
    pub const BAR: Self = Self(20, 83, 45);
    /// Paper.
    pub const WHITE: Self = Self(255, 255, 255);
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drawn {
    /// A line of text from where its base line begins.
    Text {
        /// The beginning of its base line.
        at: Spot,
        /// The text.
        line: Shaped,
        /// Its size.
        size: Length,
    },
    /// A filled area.
    Fill(Area),
    /// The modules of a QR code over an area, without its quiet zone.
    Code {
        /// Where: a square.
        area: Area,
        /// The modules.
        grid: ModuleGrid,
    },
}

/// What a thing on a page is to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Content of a node of the tree.
    Of(Node),
    /// The head or foot of a page.
    PageFoot,
    /// A line or a ground without a meaning of its own, or what is repeated.
    Ornament,
}

/// A node of a paper's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node(usize);

impl Node {
    pub(super) fn index(self) -> usize {
        self.0
    }
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A heading of a level from 1; its text stands in the outline too.
    Heading(u8, String),
    /// A paragraph.
    Paragraph,
    /// A table, and what it tells.
    Table(String),
    /// A row of a table.
    Row,
    /// The head of a column.
    ColumnHead,
    /// A cell.
    Cell,
    /// A picture and what it shows.
    Figure(String),
    /// Things that belong together.
    Section,
}

/// One thing on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What is drawn.
    pub drawn: Drawn,
    /// In which colour.
    pub ink: Ink,
    /// What it is to a reader.
    pub part: Part,
}

/// A sheet's width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sheet {
    /// Its width.
    pub width: Length,
    /// Its height.
    pub height: Length,
}

impl Sheet {
    /// A4, upright.
    pub const A4: Self = Self { width: Length::mm(210), height: Length::mm(297) };
    /// A4, lying.
    pub const A4_LYING: Self = Self { width: Length::mm(297), height: Length::mm(210) };
}

/// A file that travels inside the paper: the same figures for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// What it holds.
    pub description: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What a paper says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// Its title.
    pub title: String,
    /// What it is about.
    pub subject: String,
    /// Whose it is.
    pub author: String,
    /// Its language, `vi` or `en`.
    pub language: &'static str,
    /// When it was drawn up.
    pub drawn_up_at: Timestamp,
}

/// A paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// What it says about itself.
    pub title: Title,
    /// Its sheets' size.
    pub sheet: Sheet,
    /// Its pages.
    pub pages: Vec<Vec<Item>>,
    /// Files inside it.
    pub attachments: Vec<Attachment>,
    nodes: Vec<(Kind, Option<Node>)>,
}

impl Paper {
    /// Returns a paper without a page.
    #[must_use]
    pub fn new(title: Title, sheet: Sheet) -> Self {
        Self { title, sheet, pages: Vec::new(), attachments: Vec::new(), nodes: Vec::new() }
    }

    /// Adds a node under another, or at the top.
    pub fn node(&mut self, kind: Kind, under: Option<Node>) -> Node {
        self.nodes.push((kind, under));
        Node(self.nodes.len().saturating_sub(1))
    }

    /// Returns the nodes, each with the one it is under; a node's parent stands before it.
    pub(super) fn nodes(&self) -> impl DoubleEndedIterator<Item = (Node, &Kind, Option<Node>)> {
        self.nodes.iter().enumerate().map(|(at, (kind, under))| (Node(at), kind, *under))
    }

    /// Begins a page.
    pub fn begin_page(&mut self) {
        self.pages.push(Vec::new());
    }

    /// Draws on the last page.
    pub fn draw(&mut self, drawn: Drawn, ink: Ink, part: Part) {
        if let Some(page) = self.pages.last_mut() {
            page.push(Item { drawn, ink, part });
        }
    }

    /// Fills an area of the last page.
    pub fn fill(&mut self, area: Area, ink: Ink, part: Part) {
        self.draw(Drawn::Fill(area), ink, part);
    }

    /// Writes a line on the last page, its base line from `at`; returns how wide it is.
    pub fn write(&mut self, at: Spot, text: &str, look: Look, part: Part) -> Length {
        let line = look.kind.line(text);
        let width = line.width(look.kind.size);
        let x = match look.align {
            Align::Left => at.x,
            Align::Middle => at.x - width.scaled(1, 2),
            Align::Right => at.x - width,
        };
        if !line.glyphs.is_empty() {
            let size = look.kind.size;
            self.draw(Drawn::Text { at: Spot::at(x, at.y), line, size }, look.ink, part);
        }
        width
    }
}

/// On which side of its place a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// It begins there.
    Left,
    /// Its middle is there.
    Middle,
    /// It ends there.
    Right,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its type.
    pub kind: Type,
    /// Its colour.
    pub ink: Ink,
    /// Its side.
    pub align: Align,
}

impl Look {
    /// Returns black text that begins at its place.
    #[must_use]
    pub const fn of(kind: Type) -> Self {
        Self { kind, ink: Ink::BLACK, align: Align::Left }
    }

    /// Returns the same on a side.
    #[must_use]
    pub const fn aligned(self, align: Align) -> Self {
        Self { align, ..self }
    }

    /// Returns the same in a colour.
    #[must_use]
    pub const fn in_ink(self, ink: Ink) -> Self {
        Self { ink, ..self }
    }
}
