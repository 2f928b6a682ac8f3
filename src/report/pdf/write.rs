//! A paper as PDF: PDF/A-3a and PDF/UA-1, so that it is read in ten years and read aloud today. Faces
//! are embedded as the part that is used. The same paper gives the same bytes.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use jiff::Timestamp;
use krilla::Document;
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::error::KrillaError;
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, Node as Child, SpanTag, TableHeaderScope, Tag, TagGroup, TagKind,
    TagTree,
};
use krilla::text::{Font, GlyphId, KrillaGlyph};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use thiserror::Error;

use super::face::{Face, Shaped};
use super::paper::{Drawn, Ink, Item, Kind, Node, Paper, Part};
use crate::domain::calendar::VIETNAM;
use crate::domain::drawing::{Area, Length, ModuleGrid, Spot};

/// Why a paper was not written.
#[derive(Debug, Error)]
pub enum PdfError {
    /// The archive's rules (PDF/A-3a, PDF/UA-1) are broken, or a face cannot be embedded.
    #[error("the paper cannot be written as PDF/A: {0:?}")]
    Refused(Box<KrillaError>),
    /// The two standards do not go together in this library's version.
    #[error("PDF/A-3a and PDF/UA-1 cannot be asked for together")]
    Standards,
}

impl From<KrillaError> for PdfError {
    fn from(error: KrillaError) -> Self {
        Self::Refused(Box::new(error))
    }
}

/// Returns a paper as a PDF file.
///
/// # Errors
/// [`PdfError`].
pub fn pdf(paper: &Paper) -> Result<Vec<u8>, PdfError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A3_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|_| PdfError::Standards)?;
    let settings = krilla::SerializeSettings { configuration, ..krilla::SerializeSettings::default() };
    let mut writer = Writer { document: Document::new_with(settings), fonts: BTreeMap::new(), leaves: Vec::new() };
    for page in &paper.pages {
        writer.page(paper, page);
    }
    let Writer { mut document, leaves, .. } = writer;
    document.set_tag_tree(tree(paper, leaves));
    document.set_outline(outline(paper));
    document.set_metadata(metadata(paper));
    for attachment in &paper.attachments {
        document.embed_file(EmbeddedFile {
            path: attachment.name.clone(),
            mime_type: MimeType::new(attachment.media_type),
            description: Some(attachment.description.clone()),
            association_kind: AssociationKind::Data,
            data: attachment.bytes.clone().into(),
            modification_date: Some(date_time(paper.title.drawn_up_at)),
            compress: Some(true),
            location: None,
        });
    }
    Ok(document.finish()?)
}

/// Returns `part / whole`: the one place where a whole number becomes a fraction, for the library.
fn ratio(part: i64, whole: i64) -> f32 {
    let quotient = Decimal::from(part).checked_div(Decimal::from(whole));
    quotient.and_then(|quotient| quotient.to_f32()).unwrap_or_default()
}

/// Returns a length in points.
fn points(length: Length) -> f32 {
    ratio(length.micrometres().saturating_mul(72), 25_400)
}

fn point(spot: Spot) -> Point {
    Point::from_xy(points(spot.x), points(spot.y))
}

fn rect(area: Area) -> Option<Rect> {
    Rect::from_ltrb(points(area.x), points(area.y), points(area.right()), points(area.bottom()))
}

struct Writer {
    document: Document,
    fonts: BTreeMap<Face, Font>,
    leaves: Vec<(Node, Identifier)>,
}

impl Writer {
    fn page(&mut self, paper: &Paper, items: &[Item]) {
        for face in Face::ALL {
            let used = items.iter().any(|item| matches!(&item.drawn, Drawn::Text { line, .. } if line.face == face));
            if used
                && !self.fonts.contains_key(&face)
                && let Some(font) = Font::new(face.file().into(), 0)
            {
                self.fonts.insert(face, font);
            }
        }
        let size = PageSettings::from_wh(points(paper.sheet.width), points(paper.sheet.height));
        let mut page = self.document.start_page_with(size.unwrap_or_default());
        let mut surface = page.surface();
        // What belongs together is one piece of content; a line of text is one of its own.
        for run in items.chunk_by(|one, next| one.part == next.part && !is_text(one) && !is_text(next)) {
            let Some(first) = run.first() else { continue };
            let identifier = surface.start_tagged(content_tag(first));
            for item in run {
                draw(&mut surface, item, &self.fonts);
            }
            surface.end_tagged();
            if let Part::Of(node) = first.part {
                self.leaves.push((node, identifier));
            }
        }
        surface.finish();
        page.finish();
    }
}

fn is_text(item: &Item) -> bool {
    matches!(item.drawn, Drawn::Text { .. })
}

fn content_tag(item: &Item) -> ContentTag<'static> {
    match item.part {
        Part::Of(_) if is_text(item) => ContentTag::Span(SpanTag::empty()),
        Part::Of(_) => ContentTag::Other,
        Part::PageFoot => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)),
        Part::Ornament => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
    }
}

fn draw(surface: &mut Surface<'_>, item: &Item, fonts: &BTreeMap<Face, Font>) {
    let Ink(red, green, blue) = item.ink;
    surface.set_fill(Some(Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        opacity: NormalizedF32::ONE,
        rule: krilla::paint::FillRule::NonZero,
    }));
    match &item.drawn {
        Drawn::Fill(area) => {
            let mut path = PathBuilder::new();
            if let Some(rect) = rect(*area) {
                path.push_rect(rect);
            }
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
        Drawn::Code { area, grid } => draw_code(surface, *area, grid),
        Drawn::Text { at, line, size } => {
            if let Some(font) = fonts.get(&line.face) {
                let glyphs = glyphs(line);
                surface.draw_glyphs(point(*at), &glyphs, font.clone(), &line.text, points(*size), false);
            }
        }
    }
}

/// Draws a code in units of its modules, so that all of them are of exactly one size.
fn draw_code(surface: &mut Surface<'_>, area: Area, grid: &ModuleGrid) {
    let side = i64::try_from(grid.side()).unwrap_or(i64::MAX);
    let module = ratio(area.width.micrometres().saturating_mul(72), side.saturating_mul(25_400));
    let mut path = PathBuilder::new();
    let unit = |modules: usize| u16::try_from(modules).map(f32::from).unwrap_or_default();
    for run in grid.runs() {
        let (left, right) = (unit(run.column), unit(run.column + run.length));
        if let Some(rect) = Rect::from_ltrb(left, unit(run.row), right, unit(run.row + 1)) {
            path.push_rect(rect);
        }
    }
    let Some(path) = path.finish() else { return };
    surface.push_transform(&Transform::from_row(module, 0.0, 0.0, module, points(area.x), points(area.y)));
    surface.draw_path(&path);
    surface.pop();
}

fn glyphs(line: &Shaped) -> Vec<KrillaGlyph> {
    let em = |units: i32| ratio(i64::from(units), line.units);
    let glyph = |glyph: &super::face::Glyph| KrillaGlyph {
        glyph_id: GlyphId::new(glyph.id),
        text_range: glyph.shows.clone(),
        x_advance: em(glyph.advance),
        x_offset: em(glyph.right),
        y_offset: em(glyph.up),
        y_advance: 0.0,
        location: None,
    };
    line.glyphs.iter().map(glyph).collect()
}

/// Builds the tree from its leaves up: every node's parent stands before it.
fn tree(paper: &Paper, leaves: Vec<(Node, Identifier)>) -> TagTree {
    let mut children: BTreeMap<Option<usize>, Vec<Child>> = BTreeMap::new();
    for (node, identifier) in leaves {
        children.entry(Some(node.index())).or_default().push(identifier.into());
    }
    for (node, kind, under) in paper.nodes().rev() {
        let own = children.remove(&Some(node.index())).unwrap_or_default();
        // A node without content would be an empty element.
        if !own.is_empty() {
            let group = TagGroup::with_children(tag(kind), own);
            children.entry(under.map(Node::index)).or_default().insert(0, group.into());
        }
    }
    let mut tree = TagTree::new().with_lang(Some(paper.title.language.to_owned()));
    for child in children.remove(&None).unwrap_or_default() {
        tree.push(child);
    }
    tree
}

fn tag(kind: &Kind) -> TagKind {
    match kind {
        Kind::Heading(level, text) => {
            Tag::Hn(NonZeroU16::new(u16::from(*level)).unwrap_or(NonZeroU16::MIN), Some(text.clone())).into()
        }
        Kind::Paragraph => Tag::P.into(),
        Kind::Table(summary) => Tag::Table.with_summary(Some(summary.clone())).into(),
        Kind::Row => Tag::TR.into(),
        Kind::ColumnHead => Tag::TH(TableHeaderScope::Column).into(),
        Kind::Cell => Tag::TD.into(),
        Kind::Figure(shows) => Tag::Figure(Some(shows.clone())).into(),
        Kind::Section => Tag::Section.into(),
    }
}

/// The headings as a list to jump by.
fn outline(paper: &Paper) -> Outline {
    let mut outline = Outline::new();
    for (node, kind, _) in paper.nodes() {
        let Kind::Heading(_, text) = kind else { continue };
        let place = paper.pages.iter().enumerate().find_map(|(page, items)| {
            let item = items.iter().find(|item| item.part == Part::Of(node))?;
            match &item.drawn {
                Drawn::Text { at, size, .. } => Some((page, Spot::at(Length::ZERO, at.y - *size))),
                Drawn::Fill(area) | Drawn::Code { area, .. } => Some((page, Spot::at(Length::ZERO, area.y))),
            }
        });
        if let Some((page, spot)) = place {
            outline.push_child(OutlineNode::new(text.clone(), XyzDestination::new(page, point(spot))));
        }
    }
    outline
}

fn metadata(paper: &Paper) -> Metadata {
    let title = &paper.title;
    Metadata::new()
        .title(title.title.clone())
        .description(title.subject.clone())
        .authors(vec![title.author.clone()])
        .language(title.language.to_owned())
        .creator("Sổ Chợ".to_owned())
        .producer(format!("Sổ Chợ {}", env!("CARGO_PKG_VERSION")))
        .creation_date(date_time(title.drawn_up_at))
        // The same paper is the same document, whenever it is written.
        .document_id(format!("{} {}", title.title, title.drawn_up_at))
}

fn date_time(instant: Timestamp) -> DateTime {
    let local = VIETNAM.to_datetime(instant);
    let small = |part: i8| u8::try_from(part).unwrap_or_default();
    DateTime::new(u16::try_from(local.year()).unwrap_or_default())
        .month(small(local.month()))
        .day(small(local.day()))
        .hour(small(local.hour()))
        .minute(small(local.minute()))
        .second(small(local.second()))
        .utc_offset_hour(7)
        .utc_offset_minute(0)
}
