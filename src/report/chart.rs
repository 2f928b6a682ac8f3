//! Bars by hour as SVG, made by the server: no script, the same bytes for the same figures,
//! readable aloud (`<title>`, `<desc>`), on paper and in grey. Whoever shows it puts the same
//! figures beside it as a table.
//!
//! Lengths are tenths of a pixel in whole numbers, so that no two machines round differently.

use std::fmt::Write as _;

use crate::domain::daily_report::HourFigures;
use crate::domain::language::Language;
use crate::domain::money::Dong;

/// Ink of the bars: 7:1 against white, and dark enough in grey.
pub(super) const INK: &str = "#14532d";
/// Grid lines: visible on paper, not louder than the bars.
const GRID: &str = "#c8cdd0";
/// Words and figures.
pub(super) const TEXT: &str = "#1f2933";

/// The chart's width and height in pixels, as drawn; pages scale it.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 270;
/// Room for the scale on the left, the heading above, the hours below.
const LEFT: i64 = 58;
const TOP: i64 = 34;
const BOTTOM: i64 = 44;
const RIGHT: i64 = 10;
/// Most steps of the scale.
const STEPS: i64 = 5;
/// Part of an hour's room that its bar fills, in hundredths.
const BAR_SHARE: i64 = 68;
/// A small chart's width and height in pixels.
const SMALL_WIDTH: i64 = 240;
const SMALL_HEIGHT: i64 = 44;

/// Names one chart on its page.
#[derive(Debug, Clone, Copy)]
pub struct Heading<'a> {
    /// Begins the identifiers of its title and description; unique on the page.
    pub id: &'a str,
    /// What it shows, and of what day.
    pub title: &'a str,
    /// The language of its words.
    pub language: Language,
}

/// Returns the bars of a day's hours, from the first with a payment to the last, the unknown hour
/// apart on the right. Hours in which more was taken back than came are drawn hollow, downwards.
#[must_use]
pub fn hours(figures: &[HourFigures], heading: Heading<'_>) -> String {
    let columns = columns(figures);
    let scale = Scale::of(&columns);
    let mut svg = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        svg,
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"{TEXT}\">\n\
         <title id=\"{id}-title\">{title}</title>\n<desc id=\"{id}-desc\">{description}</desc>\n",
        id = escaped(heading.id),
        title = escaped(heading.title),
        description = escaped(&description(figures, heading.language)),
    );
    if columns.is_empty() {
        let (x, y) = (LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT / 2);
        let nothing = heading.language.of("Chưa có khoản nào.", "No payment yet.");
        let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{nothing}</text>\n</svg>\n");
        return svg;
    }
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"18\">{}</text>", scale.unit.caption(heading.language));
    scale.draw(&mut svg, heading.language);
    let room = (WIDTH - LEFT - RIGHT) * 10 / i64::try_from(columns.len().max(1)).unwrap_or(1);
    let mut left = LEFT * 10;
    for column in &columns {
        draw_column(&mut svg, *column, Place { left, room }, &scale, heading.language);
        left += room;
    }
    let _ = write!(
        svg,
        "<line x1=\"{LEFT}\" y1=\"{zero}\" x2=\"{end}\" y2=\"{zero}\" stroke=\"{TEXT}\" stroke-width=\"1\"/>\n\
         <text x=\"{middle}\" y=\"{base}\" text-anchor=\"middle\">{hour}</text>\n</svg>\n",
        zero = tenths(scale.y(0)),
        end = WIDTH - RIGHT,
        middle = LEFT + (WIDTH - LEFT - RIGHT) / 2,
        base = HEIGHT - 6,
        hour = heading.language.of("Giờ trong ngày (giờ Việt Nam)", "Hour of the day (Vietnam)"),
    );
    svg
}

/// Returns the bars of a day's hours without words, for a list of markets: 24 places, so that the
/// same hour stands at the same place for all. The unknown hour is only in the description.
#[must_use]
pub fn small(figures: &[HourFigures], heading: Heading<'_>) -> String {
    let largest = figures.iter().map(|hour| hour.amount.whole()).max().unwrap_or(0).max(1);
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg class=\"chart-small\" viewBox=\"0 0 {SMALL_WIDTH} {SMALL_HEIGHT}\" width=\"{SMALL_WIDTH}\" \
         height=\"{SMALL_HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n\
         <title id=\"{id}-title\">{title}</title>\n<desc id=\"{id}-desc\">{description}</desc>\n",
        id = escaped(heading.id),
        title = escaped(heading.title),
        description = escaped(&description(figures, heading.language)),
    );
    for hour in figures.iter().filter(|hour| hour.amount > Dong::ZERO) {
        let Some(place) = hour.hour else { continue };
        let height = portion((SMALL_HEIGHT - 4) * 10, hour.amount.whole(), largest).max(10);
        let _ = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"8\" height=\"{}\" fill=\"{INK}\"/>",
            place * (SMALL_WIDTH / 24) + 1,
            tenths((SMALL_HEIGHT - 2) * 10 - height),
            tenths(height),
        );
    }
    let base = SMALL_HEIGHT - 1;
    let _ = write!(svg, "<path d=\"M0 {base}H{SMALL_WIDTH}\" stroke=\"{TEXT}\"/>\n</svg>\n");
    svg
}

/// Says in words what the bars show.
pub(super) fn description(figures: &[HourFigures], language: Language) -> String {
    let Some(best) = figures.iter().filter(|h| h.hour.is_some()).max_by_key(|h| h.amount) else {
        return language.of("Không có khoản nào theo giờ.", "No payment has a known hour.").to_owned();
    };
    let hour = best.hour.unwrap_or_default();
    let (amount, payments) = (best.amount.with_unit(), best.payments);
    let mut text = match language {
        Language::Vietnamese => format!("Cao nhất lúc {hour} giờ: {amount}, {payments} lượt."),
        Language::English => format!("Most at {hour}:00: {amount}, {payments} payments."),
    };
    if let Some(unknown) = figures.iter().find(|h| h.hour.is_none()) {
        let amount = unknown.amount.with_unit();
        let _ = write!(text, " {}: {amount}.", language.of("Không rõ giờ", "Hour not known"));
    }
    text
}

/// Fills the hours between the first and the last, so that a quiet hour is seen as one.
pub(super) fn columns(figures: &[HourFigures]) -> Vec<HourFigures> {
    let known: Vec<i64> = figures.iter().filter_map(|figure| figure.hour).collect();
    let mut columns = Vec::new();
    if let (Some(first), Some(last)) = (known.iter().min(), known.iter().max()) {
        for hour in *first..=*last {
            let found = figures.iter().find(|figure| figure.hour == Some(hour));
            let nothing = HourFigures { hour: Some(hour), payments: 0, amount: Dong::ZERO };
            columns.push(found.copied().unwrap_or(nothing));
        }
    }
    columns.extend(figures.iter().filter(|figure| figure.hour.is_none()).take(1));
    columns
}

/// Where a column stands, in tenths of a pixel.
#[derive(Clone, Copy)]
struct Place {
    left: i64,
    room: i64,
}

fn draw_column(svg: &mut String, column: HourFigures, place: Place, scale: &Scale, language: Language) {
    // One bar alone must not fill the page.
    let width = (place.room * BAR_SHARE / 100).min(600);
    let middle = place.left + place.room / 2;
    let amount = column.amount.whole();
    let (top, bottom) = (scale.y(amount.max(0)), scale.y(amount.min(0)));
    let label = column.hour.map_or_else(|| "?".to_owned(), |hour| hour.to_string());
    if amount != 0 {
        let paint = if amount > 0 {
            format!("fill=\"{INK}\"")
        } else {
            format!("fill=\"#fff\" stroke=\"{INK}\" stroke-width=\"1.5\"")
        };
        let spoken = match (language, column.hour) {
            (Language::Vietnamese, Some(hour)) => format!("{hour} giờ"),
            (Language::Vietnamese, None) => "Không rõ giờ".to_owned(),
            (Language::English, Some(hour)) => format!("{hour}:00"),
            (Language::English, None) => "Hour not known".to_owned(),
        };
        let payments = language.of("lượt", "payments");
        let value_at = if amount > 0 { top - 50 } else { bottom + 140 };
        let _ = writeln!(
            svg,
            "<g><title>{spoken}: {money} · {count} {payments}</title>\
             <rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" {paint}/>\
             <text x=\"{m}\" y=\"{v}\" text-anchor=\"middle\" font-size=\"11\">{value}</text></g>",
            money = column.amount.with_unit(),
            count = column.payments,
            x = tenths(middle - width / 2),
            y = tenths(top),
            w = tenths(width),
            h = tenths((bottom - top).max(10)),
            m = tenths(middle),
            v = tenths(value_at),
            value = escaped(&scale.unit.short(amount, language)),
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
        tenths(middle),
        HEIGHT - BOTTOM + 18
    );
}

/// The unit in which a chart's figures are short enough to stand above a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Dong,
    Thousand,
    Million,
    Billion,
}

impl Unit {
    pub(super) fn of(largest: i64) -> Self {
        match largest {
            0..=9_999 => Self::Dong,
            10_000..=9_999_999 => Self::Thousand,
            10_000_000..=9_999_999_999 => Self::Million,
            _ => Self::Billion,
        }
    }

    fn size(self) -> i64 {
        match self {
            Self::Dong => 1,
            Self::Thousand => 1_000,
            Self::Million => 1_000_000,
            Self::Billion => 1_000_000_000,
        }
    }

    pub(super) fn caption(self, language: Language) -> &'static str {
        match self {
            Self::Dong => language.of("đồng", "đồng"),
            Self::Thousand => language.of("ngàn đồng", "thousand đồng"),
            Self::Million => language.of("triệu đồng", "million đồng"),
            Self::Billion => language.of("tỷ đồng", "billion đồng"),
        }
    }

    /// Writes an amount in this unit, rounded to a tenth while it is below a hundred.
    pub(super) fn short(self, amount: i64, language: Language) -> String {
        let size = self.size();
        let sign = if amount < 0 { "-" } else { "" };
        let absolute = amount.saturating_abs();
        let tenths = absolute / size * 10 + (absolute % size * 10 + size / 2) / size;
        let (comma, tenth) = (language.of(",", "."), tenths % 10);
        match tenths {
            0 if amount != 0 => format!("{sign}<0{comma}1"),
            0..1_000 if tenth != 0 => format!("{sign}{}{comma}{tenth}", tenths / 10),
            _ => format!("{sign}{}", Dong::new((tenths + 5) / 10).grouped()),
        }
    }
}

/// From amounts to heights.
struct Scale {
    /// The largest amount shown, a whole number of steps; at least one.
    high: i64,
    /// The smallest, zero or less.
    low: i64,
    step: i64,
    unit: Unit,
}

impl Scale {
    fn of(columns: &[HourFigures]) -> Self {
        let amounts = || columns.iter().map(|column| column.amount.whole());
        let (largest, smallest) = (amounts().max().unwrap_or(0).max(0), amounts().min().unwrap_or(0).min(0));
        let span = largest.saturating_sub(smallest).max(1);
        let step = round_step(span);
        let up = |amount: i64| amount.saturating_add(step - 1) / step;
        Self {
            high: up(largest).max(i64::from(smallest == 0)).saturating_mul(step),
            low: up(smallest.saturating_abs()).saturating_mul(step).saturating_neg(),
            step,
            unit: Unit::of(largest.max(smallest.saturating_abs())),
        }
    }

    /// Returns how far below the chart's top edge an amount lies, in tenths of a pixel.
    fn y(&self, amount: i64) -> i64 {
        let height = (HEIGHT - TOP - BOTTOM) * 10;
        TOP * 10 + portion(height, self.high.saturating_sub(amount), self.high.saturating_sub(self.low))
    }

    fn draw(&self, svg: &mut String, language: Language) {
        let mut amount = self.low;
        while amount <= self.high {
            let y = self.y(amount);
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{end}\" y2=\"{y}\" stroke=\"{GRID}\" stroke-width=\"1\"/>\
                 <text x=\"{x}\" y=\"{base}\" text-anchor=\"end\">{value}</text>",
                y = tenths(y),
                end = WIDTH - RIGHT,
                x = LEFT - 8,
                base = tenths(y + 45),
                value = self.unit.short(amount, language),
            );
            let Some(next) = amount.checked_add(self.step) else { break };
            amount = next;
        }
    }
}

/// Returns 1, 2 or 5 times a power of ten, so that the scale has at most [`STEPS`] steps.
fn round_step(span: i64) -> i64 {
    let mut power = 1_i64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step.saturating_mul(STEPS) >= span {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Returns `whole × part / of`, without leaving the range on the way.
pub(super) fn portion(whole: i64, part: i64, of: i64) -> i64 {
    let product = i128::from(whole) * i128::from(part) / i128::from(of.max(1));
    i64::try_from(product).unwrap_or(0)
}

/// Writes tenths of a pixel: `125` is `12.5`.
pub(super) fn tenths(length: i64) -> String {
    let sign = if length < 0 { "-" } else { "" };
    let length = length.saturating_abs();
    if length % 10 == 0 { format!("{sign}{}", length / 10) } else { format!("{sign}{}.{}", length / 10, length % 10) }
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}
