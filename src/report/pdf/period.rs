//! A market's period, a list of vendors, a comparison and the record of a close on paper.

use super::bars::Bar;
use super::flow::Flow;
use super::official::{Heads, PageForm, foot};
use super::paper::{Align, Attachment, Look, Paper, Title};
use super::table::{Column, Row, Table};
use crate::domain::calendar::BusinessDate;
use crate::domain::language::Language;
use crate::domain::period_report::{MarketComparison, PeriodReport};
use crate::report::chart::Unit;
use crate::report::grid::Grid;
use crate::report::period::{
    comparison, comparison_cover, comparison_json, figure_in_words, grids, json, measures, standing,
};
use crate::report::wording::{authority, moment, official_date, place};

impl Flow {
    /// Writes a table of figures, under its name.
    pub fn grid(&mut self, grid: &Grid) {
        self.heading(2, &grid.name, Align::Left);
        if grid.rows.is_empty() {
            self.paragraph("Không có.", Look::of(self.form.plain()));
            return;
        }
        let column = |(place, head): (usize, &String)| {
            let longest =
                grid.rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.shown().chars().count()).max();
            match longest {
                _ if grid.is_figures(place) => Column::figures(head),
                // Words are broken, codes are not.
                Some(longest) if longest > 9 => Column::words(head, i64::try_from(longest).unwrap_or(1)),
                _ => Column::code(head),
            }
        };
        let shown =
            |cells: &Vec<crate::report::grid::Cell>| cells.iter().map(crate::report::grid::Cell::shown).collect();
        let mut rows: Vec<Row> = grid.rows.iter().map(|cells| Row::of(shown(cells))).collect();
        rows.extend(grid.sums().map(|sums| {
            Row::sum(
                sums.iter().map(|cell| if cell.summed().is_some() { cell.shown() } else { cell.plain() }).collect(),
            )
        }));
        let columns = grid.heads.iter().enumerate().map(column).collect();
        self.table(&Table { summary: grid.name.clone(), columns, rows });
    }
}

/// Returns a market's period as a paper.
#[must_use]
pub fn period(report: &PeriodReport, form: PageForm) -> Paper {
    let (market, code) = (&report.market.name, &report.market.code);
    let authority = authority(market);
    let named = report.period.vietnamese();
    let title = Title {
        title: format!("Báo cáo {named} – {market}"),
        subject: format!("Tiền nhận qua mã QR, {market} ({code}), {named}: {}", standing(report, Language::Vietnamese)),
        author: authority.clone(),
        language: "vi",
        drawn_up_at: report.drawn_up_at,
    };
    let heads = Heads {
        authority: &authority,
        place: &place(report.market.ward.as_deref()),
        date: &official_date(BusinessDate::of_calendar(report.drawn_up_at)),
        name: "BÁO CÁO TIỀN NHẬN QUA MÃ QR",
        about: &format!("{market} ({code}) – {named}"),
    };
    let mut flow = Flow::begin(form, title, &heads);
    if report.market.demo {
        flow.demonstration();
    }
    let bold = Look::of(flow.form.bold());
    let plain = Look::of(flow.form.plain());
    flow.paragraph(&standing(report, Language::Vietnamese), bold);
    flow.note(&format!("Số liệu lấy lúc {}.", moment(report.drawn_up_at)));
    let big = super::lines::Type { size: flow.form.bold().size.scaled(22, 10), ..flow.form.bold() };
    flow.paragraph(&report.total.amount.with_unit(), Look::of(big));
    flow.paragraph(&format!("Bằng chữ: {}.", report.amount_in_words), Look::of(flow.form.italic()));
    flow.paragraph(
        &format!(
            "Cả kỳ: {}. Trong đó ngày đã khóa sổ: {}.",
            figure_in_words(report.total),
            figure_in_words(report.closed)
        ),
        plain,
    );
    let before = report.period.previous();
    flow.paragraph(&format!("Kỳ trước ({}): {}.", before.vietnamese(), figure_in_words(report.previous)), plain);
    flow.paragraph(
        &format!("Sạp có tiền vào / sạp đăng ký: {} / {}.", report.active_stalls(), report.registered_stalls),
        plain,
    );
    bars(&mut flow, report);
    for grid in grids(report) {
        flow.grid(&grid);
    }
    flow.together(&|flow| signed(flow, report));
    let root = report.last_close.map(|(_, hash)| format!("Biên bản khóa sổ cuối cùng: {hash}"));
    let mut paper = flow.finish(&foot(&standing(report, Language::Vietnamese), root));
    paper.attachments.push(Attachment {
        name: format!("{code}-{}-{}.json", report.period.first(), report.period.last()),
        media_type: "application/json",
        description: "Cùng số liệu, cho chương trình đọc".to_owned(),
        bytes: json(report).to_string().into_bytes(),
    });
    paper
}

fn signed(flow: &mut Flow, report: &PeriodReport) {
    flow.note("Đơn vị tính trong các bảng: đồng. Điều chỉnh: thối tiền mặt, khoản không phải bán hàng, hoàn tiền.");
    if let Some((date, hash)) = report.last_close {
        flow.note(&format!("Biên bản khóa sổ cuối cùng trong kỳ: ngày {}, mã {hash}.", date.vietnamese()));
    }
    flow.signatures(&[
        ("NGƯỜI LẬP BIỂU", "(Ký, ghi rõ họ tên)"),
        ("TRƯỞNG BAN QUẢN LÝ CHỢ", "(Ký, ghi rõ họ tên, đóng dấu)"),
    ]);
}

fn bars(flow: &mut Flow, report: &PeriodReport) {
    /// Days that have room beside each other on paper.
    const DAYS_MAX: usize = 31;
    if report.days.len() > DAYS_MAX {
        return;
    }
    let largest = report.days.iter().map(|day| day.figure.amount.whole()).max().unwrap_or_default();
    let unit = Unit::of(largest.max(0));
    let bar = |day: &crate::domain::period_report::PeriodDay| Bar {
        label: day.date.date().day().to_string(),
        figure: unit.short(day.figure.amount.whole(), Language::Vietnamese),
        value: day.figure.amount.whole(),
    };
    let bars: Vec<Bar> = report.days.iter().map(bar).collect();
    let best = report.days.iter().max_by_key(|day| day.figure.amount);
    let shows = best.map_or_else(String::new, |day| {
        format!("Cao nhất ngày {}: {}.", day.date.vietnamese(), figure_in_words(day.figure))
    });
    flow.bars(&bars, unit.caption(Language::Vietnamese), &shows);
}

/// Returns markets beside each other as a paper.
#[must_use]
pub fn compared(markets: &MarketComparison) -> Paper {
    let cover = comparison_cover(markets);
    let title = Title {
        title: cover.title.clone(),
        subject: cover.lines.join(" "),
        author: cover.author,
        language: "vi",
        drawn_up_at: markets.drawn_up_at,
    };
    let about = format!("{} – {}", markets.period.vietnamese(), markets.standing.vietnamese());
    let date = official_date(BusinessDate::of_calendar(markets.drawn_up_at));
    let heads =
        Heads {
            authority: "SỞ CÔNG THƯƠNG", place: "Cần Thơ", date: &date, name: "SO SÁNH CÁC CHỢ", about: &about
        };
    let mut flow = Flow::begin(PageForm::House, title, &heads);
    for line in cover.lines.iter().skip(1) {
        flow.note(line);
    }
    flow.grid(&comparison(markets));
    flow.grid(&measures(markets));
    if let Some(total) = markets.total {
        flow.paragraph(&format!("Tất cả các chợ: {}.", figure_in_words(total)), Look::of(flow.form.bold()));
    }
    let mut paper = flow.finish(&foot(markets.standing.vietnamese(), None));
    paper.attachments.push(Attachment {
        name: "compare.json".to_owned(),
        media_type: "application/json",
        description: "Cùng số liệu, cho chương trình đọc".to_owned(),
        bytes: comparison_json(markets).to_string().into_bytes(),
    });
    paper
}
