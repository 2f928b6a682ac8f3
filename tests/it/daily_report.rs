//! The daily report as a pure matter: figures, checks, and the forms in which it is shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use socho::app::daily_report::{hours_chart, to_csv, to_json, to_table};
use socho::app::overview::hours_strip;
use socho::domain::calendar::{BusinessDate, Cutoff};
use socho::domain::daily_report::{
    DailyReport, DaySeal, DayStatus, Figure, HourFigures, LedgerRange, MarketOverview, ReportedMarket, SideSums,
    SourceFigures, Unmatched,
};
use socho::domain::hash::Hash;
use socho::domain::ids::{Seq, StallNumber};
use socho::domain::language::Language;
use socho::domain::money::Dong;
use socho::domain::posting::PostingKind;
use socho::domain::reconciliation::SignState;
use socho::domain::sealed_bank::SealedBank;
use socho::domain::words::{Voice, in_words_for_papers};
use socho::ledger::daily_report::{
    Check, DateTotal, DayTotals, ReportError, StallDayTotal, StallKind, StallOnDate, draw_up, still_in_suspense,
};
use socho::web::day_page::{self, Screen};

fn at(time: &str) -> Timestamp {
    format!("2026-11-24T{time}+07:00").parse().unwrap()
}

fn date(text: &str) -> BusinessDate {
    text.parse().unwrap()
}

fn figure(count: i64, amount: i64) -> Figure {
    Figure { count, amount: Dong::new(amount) }
}

fn both(amount: i64) -> SideSums {
    SideSums { debits: Dong::new(amount), credits: Dong::new(amount) }
}

pub(crate) fn stall_day(stall: i64, kind: StallKind, count: i64, amount: i64, times: &[&str]) -> StallDayTotal {
    StallDayTotal {
        stall: StallNumber::new(stall).ok(),
        kind,
        figure: figure(count, amount),
        first_at: times.first().map(|time| at(time)),
        last_at: times.last().map(|time| at(time)),
    }
}

pub(crate) fn stall(number: i64, code: &str, category: &str, vendor: Option<&str>) -> StallOnDate {
    StallOnDate {
        number: StallNumber::new(number).unwrap(),
        code: code.to_owned(),
        category: category.to_owned(),
        vendor: vendor.map(str::to_owned),
    }
}

fn hour(hour: Option<i64>, payments: i64, amount: i64) -> HourFigures {
    HourFigures { hour, payments, amount: Dong::new(amount) }
}

fn date_total(event_date: &str, kind: PostingKind, late: bool, count: i64, amount: i64) -> DateTotal {
    DateTotal { event_date: date(event_date), kind, late, count, sides: both(amount) }
}

/// Six payments at three stalls and in suspense, one of them late and without an hour; one
/// reversal; one assignment of yesterday's money; one cash-change.
pub(crate) fn a_day() -> DayTotals {
    DayTotals {
        market: ReportedMarket {
            code: "TAN".parse().unwrap(),
            name: "Chợ Tân An".to_owned(),
            ward: Some("Ninh Kiều".to_owned()),
            cutoff: "00:00".parse::<Cutoff>().unwrap(),
            demo: false,
        },
        business_date: date("2026-11-24"),
        open_date: date("2026-11-24"),
        seal: None,
        stall_days: vec![
            stall_day(0, StallKind::Settle, 2, 245_000, &["08:30:00"]),
            stall_day(0, StallKind::Assign, -1, -70_000, &[]),
            stall_day(1, StallKind::Settle, 2, 85_000, &["06:10:00", "06:40:00"]),
            stall_day(1, StallKind::Adjustment, 1, -5_000, &[]),
            stall_day(2, StallKind::Settle, 1, 120_000, &["08:05:00"]),
            stall_day(2, StallKind::Reversal, -1, -120_000, &[]),
            stall_day(2, StallKind::Assign, 1, 70_000, &["07:00:00"]),
            stall_day(3, StallKind::Settle, 1, 1_000_000, &["17:59:59"]),
        ],
        stalls: vec![
            stall(1, "A2", "Rau củ", Some("Nguyễn Thị Hoa")),
            stall(2, "A10", "Rau củ", Some("=HYPERLINK(\"http://x\")")),
            stall(3, "B1", "", None),
            stall(4, "B2", "Cá", Some("Trần Văn Đạt")),
        ],
        hours: vec![
            hour(None, 1, 45_000),
            hour(Some(6), 2, 85_000),
            hour(Some(8), 2, 320_000),
            hour(Some(9), 0, -120_000),
            hour(Some(10), 0, 0),
            hour(Some(17), 1, 1_000_000),
        ],
        dates: vec![
            date_total("2026-11-23", PostingKind::Settle, true, 1, 45_000),
            date_total("2026-11-24", PostingKind::Assign, false, 1, 70_000),
            date_total("2026-11-24", PostingKind::CashChange, false, 1, 5_000),
            date_total("2026-11-24", PostingKind::Reversal, false, 1, 120_000),
            date_total("2026-11-24", PostingKind::Settle, false, 5, 1_405_000),
        ],
        moved_out: figure(2, 30_000),
        before: both(10_000_000),
        up_to: both(11_645_000),
        after: both(1_000),
        balances: both(11_646_000),
        journal: Some(BTreeMap::from([
            (PostingKind::Settle, figure(6, 1_450_000)),
            (PostingKind::Assign, figure(1, 70_000)),
            (PostingKind::Reversal, figure(1, 120_000)),
            (PostingKind::CashChange, figure(1, 5_000)),
        ])),
        unmatched: vec![
            unmatched(104, 200_000, Some("08:30:00"), "2026-11-24", Some("NGUYEN V*** chuyen tien ca tu …8888")),
            unmatched(105, 45_000, None, "2026-11-23", None),
        ],
        unmatched_total: figure(2, 245_000),
        quarantined: figure(1, 99_000),
        sources: vec![SourceFigures {
            source: "sepay1".parse().unwrap(),
            settlements: 6,
            amount: Dong::new(1_450_000),
            duplicates: 3,
            quarantined: 1,
            last_at: at("18:00:02.5"),
        }],
        previous: figure(9, 2_000_000),
        same_weekday: figure(0, 0),
        ledger: LedgerRange { first_seq: Some(Seq::new(101)), last_seq: Some(Seq::new(109)), hash: "9f3a".repeat(16) },
    }
}

fn unmatched(seq: i64, amount: i64, time: Option<&str>, event_date: &str, memo: Option<&str>) -> Unmatched {
    Unmatched {
        seq: Seq::new(seq),
        amount: Dong::new(amount),
        event_at: time.map(at),
        event_date: date(event_date),
        memo_masked: memo.map(str::to_owned),
    }
}

pub(crate) fn report_of(totals: DayTotals) -> Result<DailyReport, ReportError> {
    draw_up(totals, |amount| in_words_for_papers(amount, Voice::South), at("18:30:00"))
}

#[test]
fn each_figure_counts_the_postings_that_the_contract_names() {
    let report = report_of(a_day()).unwrap();
    assert_eq!((report.payments, report.amount), (6, Dong::new(1_330_000)), "settle; settle + reversal");
    assert_eq!(report.reversed, figure(1, -120_000));
    assert_eq!(report.suspense, figure(1, 175_000), "what came less what was assigned");
    assert_eq!(report.late, figure(1, 45_000));
    assert_eq!((report.moved_in, report.moved_out), (figure(1, 45_000), figure(2, 30_000)));
    let stalls: Vec<_> = report
        .stalls
        .iter()
        .map(|s| (s.code.as_str(), s.payments, s.amount.whole(), s.adjusted.whole(), s.net.whole()))
        .collect();
    assert_eq!(
        stalls,
        [("A2", 2, 85_000, -5_000, 80_000), ("A10", 2, 70_000, 0, 70_000), ("B1", 1, 1_000_000, 0, 1_000_000)],
        "stalls without a posting are only counted"
    );
    assert_eq!((report.active_stalls(), report.registered_stalls), (3, 4));
    let hours: Vec<_> = report.hours.iter().map(|h| h.hour).collect();
    assert_eq!(hours, [Some(6), Some(8), Some(9), Some(17), None], "quiet hours are left out");
    let categories: Vec<_> =
        report.categories.iter().map(|c| (c.category.as_str(), c.stalls, c.amount.whole())).collect();
    assert_eq!(categories, [("", 1, 1_000_000), ("Rau củ", 2, 155_000)]);
    assert_eq!(report.previous.difference, figure(-3, -670_000));
    assert_eq!(report.same_weekday.business_date, date("2026-11-17"));
    assert_eq!(report.amount_in_words, "Một triệu ba trăm ba mươi ngàn đồng");
}

#[test]
fn a_day_is_closed_once_the_open_date_lies_behind_it() {
    let mut totals = a_day();
    let seal = DaySeal {
        closed_at: at("19:00:00"),
        closed_by: "chi-hai".to_owned(),
        early: false,
        hash: Hash([1; 32]),
        merkle_root: Hash([2; 32]),
        key: 1,
        bank: Some(SealedBank {
            state: SignState::Signed,
            accounts: 3,
            uncovered: 1,
            bank: Figure { count: 812, amount: Dong::new(42_350_000) },
            book: Figure { count: 811, amount: Dong::new(42_300_000) },
            difference: Dong::new(50_000),
            open: 1,
            doubtful: 2,
            signed_by: Some("lan".to_owned()),
            signed_at: "2026-11-25T06:30:00+07:00".parse().ok(),
        }),
    };
    totals.seal = Some(seal.clone());
    let open = report_of(totals.clone()).unwrap();
    assert_eq!((open.status, &open.seal), (DayStatus::Open, &None));
    totals.open_date = date("2026-11-25");
    let closed = report_of(totals).unwrap();
    assert_eq!((closed.status, &closed.seal), (DayStatus::Closed, &Some(seal)));
}

#[test]
fn a_day_without_anything_has_a_report_of_zeros() {
    let nothing = DayTotals {
        stall_days: Vec::new(),
        hours: Vec::new(),
        dates: Vec::new(),
        before: both(0),
        up_to: both(0),
        after: both(0),
        balances: both(0),
        journal: Some(BTreeMap::new()),
        ..a_day()
    };
    let report = report_of(nothing).unwrap();
    assert_eq!((report.payments, report.amount, report.stalls.len()), (0, Dong::ZERO, 0));
    assert_eq!(report.amount_in_words, "Không đồng");
    insta::assert_snapshot!("chart_of_a_day_without_payments", hours_chart(&report, "hours", Language::Vietnamese));
}

/// A fault put into one table, and the check that must find it.
type Fault = (fn(&mut DayTotals), Check, [i64; 3]);

#[test]
fn a_figure_that_any_table_contradicts_stops_the_report() {
    let faults: [Fault; 12] = [
        (|t| t.stall_days[2].figure.amount = Dong::new(84_999), Check::Stalls, [1_329_999, 1_330_000, -1]),
        (|t| t.stall_days[1].figure.amount = Dong::new(-70_001), Check::Stalls, [1_329_999, 1_330_000, -1]),
        (|t| t.stall_days[5].figure.amount = Dong::new(-119_000), Check::Hours, [1_330_000, 1_331_000, -1_000]),
        (|t| t.hours[1].amount = Dong::new(85_001), Check::Hours, [1_330_001, 1_330_000, 1]),
        (|t| t.stall_days[7].figure.count = 2, Check::PaymentsByStall, [7, 6, 1]),
        (|t| t.hours[5].payments = 0, Check::PaymentsByHour, [5, 6, -1]),
        (|t| t.dates[1].sides.debits = Dong::new(70_001), Check::Sides, [1_645_001, 1_645_000, 1]),
        (|t| t.before.debits = Dong::ZERO, Check::ClosingDebits, [1_645_000, 11_645_000, -10_000_000]),
        (|t| t.up_to.credits = Dong::ZERO, Check::ClosingCredits, [11_645_000, 0, 11_645_000]),
        (|t| t.balances.debits = Dong::ZERO, Check::BalanceDebits, [0, 11_646_000, -11_646_000]),
        (|t| t.after.credits = Dong::ZERO, Check::BalanceCredits, [11_646_000, 11_645_000, 1_000]),
        (
            |t| t.journal.as_mut().unwrap().get_mut(&PostingKind::Assign).unwrap().amount = Dong::new(70_005),
            Check::JournalAmount(PostingKind::Assign),
            [70_005, 70_000, 5],
        ),
    ];
    for (fault, check, [found, expected, difference]) in faults {
        let mut totals = a_day();
        fault(&mut totals);
        let Err(ReportError::Imbalance(imbalance)) = report_of(totals) else { panic!("{check:?} was not found") };
        assert_eq!(imbalance.check, check);
        assert_eq!([imbalance.found, imbalance.expected, imbalance.difference], [found, expected, difference]);
    }
    let mut totals = a_day();
    totals.stalls.remove(0);
    assert_eq!(report_of(totals), Err(ReportError::NoSuchStall(StallNumber::new(1).unwrap())));
}

#[test]
fn money_leaves_suspense_when_an_assignment_or_a_reversal_stands() {
    use PostingKind::{Assign, Reversal};
    let waits = |concerning: &[(i64, PostingKind, i64)]| {
        let concerning: Vec<_> = concerning.iter().map(|(s, kind, c)| (Seq::new(*s), *kind, Seq::new(*c))).collect();
        still_in_suspense(&[Seq::new(1)], &concerning).contains(&Seq::new(1))
    };
    assert!(waits(&[]));
    assert!(!waits(&[(2, Assign, 1)]));
    assert!(waits(&[(2, Assign, 1), (3, Reversal, 2)]), "the assignment was taken back");
    assert!(!waits(&[(2, Assign, 1), (3, Reversal, 2), (4, Reversal, 3)]), "and restored");
    assert!(!waits(&[(2, Assign, 1), (3, Reversal, 2), (4, Assign, 1)]), "or another made");
    assert!(!waits(&[(2, Reversal, 1)]), "the settlement itself was taken back");
    assert!(waits(&[(2, Reversal, 1), (3, Reversal, 2)]), "and restored");
}

#[test]
fn the_json_has_the_contracts_names_and_whole_numbers() {
    let json = to_json(&report_of(a_day()).unwrap()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    for name in ["debits", "credits"] {
        assert!(value["opening"][name].is_i64() && value["closing"][name].is_i64());
    }
    assert!(value["hours"][4]["hour"].is_null(), "day-precision items stand under hour null");
    insta::assert_snapshot!("daily_report_json", serde_json::to_string_pretty(&value).unwrap());
}

#[test]
fn the_csv_is_one_table_that_a_spreadsheet_reads_and_does_not_run() {
    let csv = to_csv(&report_of(a_day()).unwrap()).unwrap();
    assert!(csv.starts_with("\u{feff}record,market,business_date,"), "Excel needs the byte order mark");
    let mut reader = csv::Reader::from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
    for record in reader.records() {
        for (column, cell) in record.unwrap().iter().enumerate() {
            let number = cell.parse::<i64>().is_ok();
            assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "column {column}: {cell:?}");
        }
    }
    insta::assert_snapshot!("daily_report_csv", csv.replace('\r', ""));
}

#[test]
fn the_table_says_the_same_in_both_languages() {
    let report = report_of(a_day()).unwrap();
    insta::assert_snapshot!("daily_report_table_vi", to_table(&report, Language::Vietnamese));
    insta::assert_snapshot!("daily_report_table_en", to_table(&report, Language::English));
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let mut totals = a_day();
    totals.stalls[0].vendor = Some("Hoa\u{1b}[2J\r\n".to_owned());
    let table = to_table(&report_of(totals).unwrap(), Language::Vietnamese);
    assert!(!table.contains('\u{1b}') && !table.contains('\r'));
}

#[test]
fn the_chart_is_the_same_bytes_for_the_same_figures() {
    let report = report_of(a_day()).unwrap();
    let chart = hours_chart(&report, "hours", Language::Vietnamese);
    assert_eq!(chart, hours_chart(&report, "hours", Language::Vietnamese));
    insta::assert_snapshot!("daily_report_chart", chart);
    let market = MarketOverview {
        code: report.market.code.clone(),
        name: "Chợ <A> & \"B\"".to_owned(),
        ward: None,
        demo: false,
        business_date: report.business_date,
        status: report.status,
        payments: report.payments,
        amount: report.amount,
        active_stalls: 3,
        registered_stalls: 4,
        hours: report.hours,
    };
    insta::assert_snapshot!("overview_chart", hours_strip(&market, "tan", Language::English));
}

#[test]
fn the_page_is_a_paper_that_a_manager_can_sign() {
    let mut totals = a_day();
    totals.stalls[0].vendor = Some("<script>alert(1)</script>".to_owned());
    let page = day_page::render(&report_of(totals).unwrap(), Screen::default()).unwrap();
    assert!(!page.contains("<script>"), "names are escaped");
    for text in [
        "Ninh Kiều, ngày 24 tháng 11 năm 2026",
        "BAN QUẢN LÝ CHỢ TÂN AN",
        "Tạm tính",
        "Bằng chữ: Một triệu ba trăm ba mươi ngàn đồng.",
        "UTC+7",
        "từ 00:00 ngày 24/11/2026 đến trước 00:00 ngày 25/11/2026",
        "NGƯỜI LẬP BIỂU",
        "TRƯỞNG BAN QUẢN LÝ CHỢ",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let mut totals = a_day();
    totals.market.demo = true;
    let tried = day_page::render(
        &report_of(totals).unwrap(),
        Screen { test_now: Some("2026-11-24T18:30:00+07:00"), ..Screen::default() },
    )
    .unwrap();
    assert!(tried.contains("CHẾ ĐỘ THỬ") && tried.contains("Dữ liệu minh họa"));
    assert!(!page.contains("CHẾ ĐỘ THỬ") && !page.contains("minh họa") && !page.contains("style="));
    insta::assert_snapshot!("day_page", page);
}
