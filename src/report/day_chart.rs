//! Bars by day as SVG: closed days filled, provisional ones hollow, days that are not told left out.
//! Stable bytes, named for those who do not see them; whoever shows it puts the figures beside it.

use std::fmt::Write as _;

use super::chart::{Heading, INK, TEXT, Unit, escaped, portion, tenths};
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::DayStatus;
use crate::domain::language::Language;
use crate::domain::money::Dong;

/// The picture's width and the bars' height, in pixels as drawn; pages scale it.
const WIDTH: i64 = 900;
const HEIGHT: i64 = 150;
/// Room above for figures, below for dates.
const TOP: i64 = 34;
const BOTTOM: i64 = 24;
/// A small picture's.
const SMALL_WIDTH: i64 = 260;
const SMALL_HEIGHT: i64 = 56;
/// Days that have room for figures and dates.
const NAMED_MAX: usize = 35;

/// A day of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayBar {
    /// The day.
    pub date: BusinessDate,
    /// Whether its figure stands.
    pub status: DayStatus,
    /// How high it is; none for a day that is not told.
    pub value: Option<i64>,
}

/// Returns amounts by day.
#[must_use]
pub fn days(bars: &[DayBar], heading: Heading<'_>) -> String {
    let largest = bars.iter().filter_map(|bar| bar.value).max().unwrap_or_default().max(0);
    let unit = Unit::of(largest);
    let (count, named) = (i64::try_from(bars.len()).unwrap_or(1).max(1), bars.len() <= NAMED_MAX);
    let height = TOP + HEIGHT + BOTTOM;
    let mut svg = open(
        heading,
        (WIDTH, height),
        "chart wide",
        &best(bars, heading.language, |value| Dong::new(value).with_unit()),
    );
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(svg, "<text x=\"0\" y=\"13\">{}</text>", unit.caption(heading.language));
    let room = WIDTH * 10 / count;
    for (place, bar) in (0_i64..).zip(bars) {
        let Some(value) = bar.value else { continue };
        let tall = portion(HEIGHT * 10, value.max(0), largest.max(1));
        let (left, top) = (room * place + room / 6, (TOP + HEIGHT) * 10 - tall);
        let spoken = format!("{}: {}", bar.date.vietnamese(), Dong::new(value).with_unit());
        bar_of(&mut svg, (bar.status, heading.language), &spoken, [left, top, room * 2 / 3, tall]);
        let middle = tenths(room * place + room / 2);
        if named && value != 0 {
            let text = unit.short(value, heading.language);
            let _ = writeln!(
                svg,
                "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"10\">{text}</text>",
                tenths(top - 40)
            );
        }
        if named {
            let (day, y) = (bar.date.date().day(), TOP + HEIGHT + 16);
            let _ = writeln!(svg, "<text x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\">{day}</text>");
        }
    }
    let base = TOP + HEIGHT;
    let _ = write!(svg, "<path d=\"M0 {base}H{WIDTH}\" stroke=\"{TEXT}\"/>\n</svg>\n");
    svg
}

/// Returns a small picture without words for a list of markets; `most` is the highest of all of them
/// when they are to be compared, or of this one alone.
#[must_use]
pub fn small(bars: &[DayBar], most: i64, heading: Heading<'_>) -> String {
    let count = i64::try_from(bars.len()).unwrap_or(1).max(1);
    let unit = heading.language.of("lượt mỗi sạp", "payments a stall");
    let shown = |value: i64| format!("{},{} {unit}", value / 10, value % 10);
    let mut svg = open(heading, (SMALL_WIDTH, SMALL_HEIGHT), "chart-small", &best(bars, heading.language, shown));
    let room = SMALL_WIDTH * 10 / count;
    for (place, bar) in (0_i64..).zip(bars) {
        let Some(value) = bar.value else { continue };
        let tall = portion((SMALL_HEIGHT - 6) * 10, value.max(0), most.max(1));
        let spoken = format!("{}: {}", bar.date.vietnamese(), shown(value));
        let place = [room * place + room / 8, (SMALL_HEIGHT - 2) * 10 - tall, room * 3 / 4, tall];
        bar_of(&mut svg, (bar.status, heading.language), &spoken, place);
    }
    let base = SMALL_HEIGHT - 1;
    let _ = write!(svg, "<path d=\"M0 {base}H{SMALL_WIDTH}\" stroke=\"{TEXT}\"/>\n</svg>\n");
    svg
}

fn open(heading: Heading<'_>, (width, height): (i64, i64), class: &str, description: &str) -> String {
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\" xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"{TEXT}\">\n<title id=\"{id}-title\">{title}</title>\n\
         <desc id=\"{id}-desc\">{description}</desc>\n",
        id = escaped(heading.id),
        title = escaped(heading.title),
        description = escaped(description),
    )
}

/// Says in words what the bars show.
fn best(bars: &[DayBar], language: Language, shown: impl Fn(i64) -> String) -> String {
    let best = bars.iter().filter_map(|bar| Some((bar.date, bar.value?))).max_by_key(|(_, value)| *value);
    match best {
        Some((date, value)) if value > 0 => {
            let most = language.of("Cao nhất ngày", "Most on");
            format!("{most} {}: {}.", date.vietnamese(), shown(value))
        }
        _ => language.of("Chưa có khoản nào.", "No payment yet.").to_owned(),
    }
}

fn bar_of(svg: &mut String, (status, language): (DayStatus, Language), spoken: &str, [x, y, width, height]: [i64; 4]) {
    if height <= 0 {
        return;
    }
    let paint = match status {
        DayStatus::Closed => format!("fill=\"{INK}\""),
        DayStatus::Open => format!("fill=\"#fff\" stroke=\"{INK}\" stroke-dasharray=\"3 2\""),
    };
    let provisional = if status == DayStatus::Open { language.of(" (tạm tính)", " (provisional)") } else { "" };
    let _ = writeln!(
        svg,
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {paint}><title>{}{provisional}</title></rect>",
        tenths(x),
        tenths(y),
        tenths(width.max(10)),
        tenths(height.max(10)),
        escaped(spoken),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provisional_days_are_hollow_and_hidden_ones_are_not_drawn() {
        let bar = |date: &str, status, value| DayBar { date: date.parse().unwrap(), status, value };
        let bars = [
            bar("2026-11-23", DayStatus::Closed, Some(1_000_000)),
            bar("2026-11-24", DayStatus::Closed, None),
            bar("2026-11-25", DayStatus::Open, Some(500_000)),
        ];
        let heading = Heading { id: "d", title: "Theo ngày <&>", language: Language::Vietnamese };
        let svg = days(&bars, heading);
        assert_eq!(svg, days(&bars, heading));
        assert_eq!((svg.matches("<rect").count(), svg.matches("stroke-dasharray").count()), (2, 1));
        assert!(svg.contains("Cao nhất ngày 23/11/2026") && svg.contains("&lt;&amp;&gt;") && !svg.contains("24/11"));
        assert!(small(&[], 0, heading).contains("Chưa có khoản nào"));
    }
}
