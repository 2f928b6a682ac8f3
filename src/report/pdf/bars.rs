//! Bars on paper: dark enough in grey, each with its figure; a table of the same figures stands beside
//! them.

use super::flow::Flow;
use super::lines::Type;
use super::paper::{Align, Ink, Kind, Look, Part};
use crate::domain::drawing::{Area, Length, Spot};

/// How high bars are.
const HEIGHT: Length = Length::mm(32);
/// Room for the figures above and the labels below.
const LABELS: Length = Length::mm(5);
/// Part of a bar's room that it fills, in hundredths.
const SHARE: i64 = 68;

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// What stands below it.
    pub label: String,
    /// What stands above it.
    pub figure: String,
    /// How high it is; one below zero is drawn as a line.
    pub value: i64,
}

impl Flow {
    /// Draws bars over the page's width; `shows` is what they tell to those who do not see them.
    pub fn bars(&mut self, bars: &[Bar], caption: &str, shows: &str) {
        let highest = bars.iter().map(|bar| bar.value).max().unwrap_or_default();
        if highest <= 0 {
            return;
        }
        let figure = self.paper.node(Kind::Figure(shows.to_owned()), None);
        let part = Part::Of(figure);
        let small = Type::new(self.form.face(0), 65);
        let top = self.take(HEIGHT + LABELS * 3);
        let caption_look = Look::of(small).in_ink(Ink::QUIET);
        self.paper.write(Spot::at(self.form.left, top + small.size), caption, caption_look, part);
        let ground = top + LABELS * 2 + HEIGHT;
        let count = i64::try_from(bars.len()).unwrap_or(1).max(1);
        // One bar alone must not fill the page.
        let room = self.room().scaled(1, count).min(Length::mm(30));
        let width = room.scaled(SHARE, 100);
        for (place, bar) in (0_i64..).zip(bars) {
            let middle = self.form.left + room * place + room.scaled(1, 2);
            let height = HEIGHT.scaled(bar.value.max(0), highest).max(Length::um(200));
            let area = Area { x: middle - width.scaled(1, 2), y: ground - height, width, height };
            self.paper.fill(area, Ink::BAR, part);
            let centred = Look::of(small).aligned(Align::Middle);
            if bar.value != 0 {
                self.paper.write(Spot::at(middle, ground - height - Length::um(900)), &bar.figure, centred, part);
            }
            self.paper.write(Spot::at(middle, ground + Length::um(3_200)), &bar.label, centred, part);
        }
        let line = Area { x: self.form.left, y: ground, width: room * count, height: Length::um(250) };
        self.paper.fill(line, Ink::BLACK, part);
    }
}
