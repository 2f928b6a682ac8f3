//! Bar charts as SVG: drawn by the server, readable in print and in grey, named for those who
//! cannot see them. Beside each stands a table with the same figures.

use crate::domain::money::Dong;

const WIDTH: i64 = 720;
const HEIGHT: i64 = 220;
const LEFT: i64 = 8;
const BASE: i64 = 190;
const TOP: i64 = 24;

/// Draws payments by hour: a bar for each hour from the first to the last that has any.
#[must_use]
pub fn hour_chart(title: &str, hours: &[(i64, Dong)]) -> String {
    let known: Vec<(i64, i64)> =
        hours.iter().filter(|(hour, _)| *hour >= 0).map(|(h, a)| (*h, a.whole().max(0))).collect();
    let title = escape(title);
    let open = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" class=\"chart\">\
         <title>{title}</title>"
    );
    let (Some(first), Some(last)) = (known.iter().map(|(h, _)| *h).min(), known.iter().map(|(h, _)| *h).max()) else {
        return format!(
            "{open}<desc>Chưa có khoản thu nào.</desc><text x=\"{LEFT}\" y=\"60\">Chưa có khoản thu nào.</text></svg>"
        );
    };
    let highest = known.iter().map(|(_, amount)| *amount).max().unwrap_or(0).max(1);
    let slots = last - first + 1;
    let step = (WIDTH - 2 * LEFT) / slots;
    let step = step.min(60);
    let mut bars = String::new();
    for hour in first..=last {
        let amount = known.iter().find(|(h, _)| *h == hour).map_or(0, |(_, amount)| *amount);
        let height = scaled(amount, highest, BASE - TOP);
        let x = LEFT + (hour - first) * step;
        let middle = x + step / 2;
        bars.push_str(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\" fill=\"#1f5f4a\"><title>{hour:02}h: {}</title></rect>",
            x + 3,
            BASE - height,
            step - 6,
            Dong::new(amount).with_unit()
        ));
        if amount > 0 {
            bars.push_str(&format!(
                "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"10\">{}</text>",
                BASE - height - 4,
                short(amount)
            ));
        }
        bars.push_str(&format!(
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\">{hour:02}h</text>",
            BASE + 16
        ));
    }
    let axis =
        format!("<line x1=\"{LEFT}\" y1=\"{BASE}\" x2=\"{}\" y2=\"{BASE}\" stroke=\"#333\"/>", LEFT + slots * step);
    let desc = format!("<desc>Từ {first:02}h đến {last:02}h, cao nhất {}.</desc>", Dong::new(highest).with_unit());
    format!("{open}{desc}{bars}{axis}</svg>")
}

/// Scales an amount to pixels without leaving whole numbers.
fn scaled(amount: i64, highest: i64, pixels: i64) -> i64 {
    let wide = i128::from(amount) * i128::from(pixels) / i128::from(highest);
    i64::try_from(wide).unwrap_or(pixels)
}

/// Writes an amount briefly: `850k`, `1,2tr`.
fn short(amount: i64) -> String {
    match amount {
        ..1_000 => amount.to_string(),
        1_000..1_000_000 => format!("{}k", amount / 1_000),
        _ => format!("{},{}tr", amount / 1_000_000, amount / 100_000 % 10),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
