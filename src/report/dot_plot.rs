//! Dots on one scale as SVG, ranked: how some figure of many stands beside each other's. Stable bytes,
//! each dot named for those who do not see it; whoever shows it puts the figures beside it as a table.

use std::fmt::Write as _;

use super::chart::{Heading, INK, TEXT, escaped, portion, tenths};

/// The picture's width, and the room of names on the left and of figures on the right, in pixels.
const WIDTH: i64 = 720;
const NAMES: i64 = 210;
const FIGURES: i64 = 90;
/// The height of one row, and the room above all.
const ROW: i64 = 28;
const TOP: i64 = 10;
/// Characters of a name that fit beside the scale.
const NAME_MAX: usize = 26;

/// One row: a name, how far to the right its dot stands, and its figure as people write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dot {
    /// What it is.
    pub name: String,
    /// Its value, of the unit that all of them share; none for one that is not told.
    pub value: Option<i64>,
    /// The value in words and figures, or why it is not told.
    pub shown: String,
}

/// Returns the dots, the highest first; what is not told stands last, without a dot.
#[must_use]
pub fn ranked(mut dots: Vec<Dot>, heading: Heading<'_>) -> String {
    // Stable: of equal ones the first stays first.
    dots.sort_by_key(|dot| (dot.value.is_none(), dot.value.map(std::ops::Neg::neg)));
    let most = dots.iter().filter_map(|dot| dot.value).max().unwrap_or_default().max(1);
    let height = TOP + ROW * i64::try_from(dots.len()).unwrap_or_default().max(1);
    let told = dots.iter().filter(|dot| dot.value.is_some()).map(|dot| format!("{}: {}", dot.name, dot.shown));
    let description =
        told.take(1).next().unwrap_or_else(|| heading.language.of("Chưa có số.", "No figure yet.").into());
    // Writing to a String cannot fail, here and below.
    let mut svg = format!(
        "<svg class=\"chart dots\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\" xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" \
         font-size=\"13\" fill=\"{TEXT}\">\n<title id=\"{id}-title\">{title}</title>\n\
         <desc id=\"{id}-desc\">{most} {description}.</desc>\n",
        id = escaped(heading.id),
        title = escaped(heading.title),
        most = heading.language.of("Cao nhất:", "Highest:"),
        description = escaped(&description),
    );
    let room = WIDTH - NAMES - FIGURES;
    for (place, dot) in (0_i64..).zip(&dots) {
        let middle = TOP + ROW * place + ROW / 2;
        let (base, right) = (middle + 5, NAMES + room);
        let name: String = if dot.name.chars().count() > NAME_MAX {
            dot.name.chars().take(NAME_MAX.saturating_sub(1)).chain(['…']).collect()
        } else {
            dot.name.clone()
        };
        let _ = writeln!(svg, "<text x=\"0\" y=\"{base}\">{}</text>", escaped(&name));
        let _ = writeln!(
            svg,
            "<path d=\"M{NAMES} {middle}H{right}\" stroke=\"#c8cdd0\"/>\n<text x=\"{WIDTH}\" y=\"{base}\" \
             text-anchor=\"end\">{}</text>",
            escaped(&dot.shown)
        );
        if let Some(value) = dot.value {
            let x = NAMES * 10 + portion(room * 10, value.max(0), most);
            let spoken = escaped(&format!("{}: {}", dot.name, dot.shown));
            let x = tenths(x);
            let _ = writeln!(
                svg,
                "<circle cx=\"{x}\" cy=\"{middle}\" r=\"7\" fill=\"{INK}\"><title>{spoken}</title></circle>"
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;

    #[test]
    fn the_highest_comes_first_and_what_is_not_told_last_without_a_dot() {
        let dot = |name: &str, value: Option<i64>| Dot {
            name: name.to_owned(),
            value,
            shown: value.map_or_else(|| "< 5 sạp".to_owned(), |value| value.to_string()),
        };
        let dots = vec![dot("Chợ <B>", Some(3)), dot("Chợ nhỏ", None), dot("Chợ A", Some(12))];
        let svg = ranked(dots.clone(), Heading { id: "d", title: "Lượt", language: Language::Vietnamese });
        assert_eq!(svg, ranked(dots, Heading { id: "d", title: "Lượt", language: Language::Vietnamese }));
        let names: Vec<usize> = ["Chợ A</text>", "Chợ &lt;B&gt;</text>", "Chợ nhỏ</text>"]
            .iter()
            .map(|name| svg.find(name).unwrap())
            .collect();
        assert!(names.is_sorted(), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("Cao nhất: Chợ A: 12."), "{svg}");
        // The highest stands at the right end of the scale, the other a quarter of the way.
        assert!(svg.contains("cx=\"630\"") && svg.contains("cx=\"315\""), "{svg}");
    }
}
