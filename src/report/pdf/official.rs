//! What papers of a board have in common: the heads of an official paper (NĐ 30/2020/NĐ-CP, appendix
//! I) or the house's own, and what stands at the foot of every page.

use super::face::Face;
use super::flow::{Flow, Foot, Form};
use super::lines::Type;
use super::paper::{Align, Ink, Look, Title};
use crate::domain::drawing::Length;

/// Which form a paper has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PageForm {
    /// The house's own: more on a page.
    #[default]
    House,
    /// An official paper's (NĐ 30/2020/NĐ-CP).
    Official,
}

/// What a paper's heads say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads<'a> {
    /// The board, in capitals.
    pub authority: &'a str,
    /// The place of the date line.
    pub place: &'a str,
    /// Its date, `ngày 03 tháng 6 năm 2026`.
    pub date: &'a str,
    /// The paper's name, in capitals.
    pub name: &'a str,
    /// What it is about, below its name.
    pub about: &'a str,
}

impl Flow {
    /// Begins a paper in a form.
    #[must_use]
    pub fn begin(form: PageForm, title: Title, heads: &Heads<'_>) -> Self {
        match form {
            PageForm::House => {
                let mut flow = Self::new(title, Form::HOUSE);
                let quiet = Look::of(flow.form.bold()).in_ink(Ink::QUIET);
                flow.paragraph(heads.authority, quiet);
                flow.heading(1, heads.name, Align::Left);
                flow.paragraph(heads.about, Look::of(flow.form.bold()));
                flow
            }
            PageForm::Official => official(title, heads),
        }
    }

    /// Marks figures that are not real, in words that no copy loses.
    pub fn demonstration(&mut self) {
        let look = Look::of(self.form.bold());
        self.paragraph("Dữ liệu minh họa – không phải số liệu thật", look);
    }

    /// Writes what is said beside the figures.
    pub fn note(&mut self, text: &str) {
        let kind = Type::new(self.form.face(0), self.form.table_size);
        self.paragraph(text, Look::of(kind).in_ink(Ink::QUIET));
    }
}

fn official(title: Title, heads: &Heads<'_>) -> Flow {
    let mut flow = Flow::new(title, Form::OFFICIAL);
    let (bold, italic) = (Type::new(Face::SerifBold, 120), Type::new(Face::SerifItalic, 130));
    let (country, motto) = ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc");
    flow.beside(&[
        vec![(heads.authority.to_owned(), bold), ("———".to_owned(), Type::new(Face::Serif, 60))],
        vec![
            (country.to_owned(), Type::new(Face::SerifBold, 110)),
            (motto.to_owned(), Type::new(Face::SerifBold, 130)),
            ("—————————".to_owned(), Type::new(Face::Serif, 60)),
        ],
    ]);
    flow.gap(Length::mm(2));
    let date = format!("{}, {}", heads.place, heads.date);
    flow.beside(&[Vec::new(), vec![(date, italic)]]);
    flow.gap(Length::mm(5));
    flow.heading(1, heads.name, Align::Middle);
    flow.paragraph(heads.about, Look::of(Type::new(Face::SerifBold, 130)).aligned(Align::Middle));
    flow.gap(Length::mm(3));
    flow
}

/// Returns what stands at the foot: the zone and whether the figures stand, and what they hang on.
#[must_use]
pub fn foot(status: &str, hangs_on: Option<String>) -> Foot {
    let first = format!("Giờ Việt Nam (UTC+7, Asia/Ho_Chi_Minh) · {status}");
    let second = hangs_on.unwrap_or_default();
    Foot { first, second, page: "Trang" }
}
