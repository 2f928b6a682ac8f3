//! Reports of periods and comparisons of markets: against the journal itself, in every form, and what
//! the city does not see.

use std::fmt::Write as _;

use jiff::civil::date;
use socho::app::close_day::CloseDay;
use socho::app::daily_report::PageForm;
use socho::app::journal_file::JournalForm;
use socho::app::period_report::{FileForm, Period, Standing, comparison_file, day_file, period_file};
use socho::app::print_sheet::{Layout, PrintOrder};
use socho::domain::money::Dong;
use socho::domain::settlement::Dialect;

use crate::papers::{has, kept, run};
use crate::world::{World, settlement, story};

fn market() -> socho::domain::ids::MarketCode {
    "TAN".parse().unwrap()
}

/// A year of Chợ TAN: seven stalls, a payment on every fifth day at one of them, one a month taken back.
async fn a_year(world: &World) {
    world.market("TAN", "00:00").await;
    let accounts: Vec<String> = (0..7).map(|stall| format!("00710001{stall:05}")).collect();
    for (stall, account) in accounts.iter().enumerate() {
        world.stall("TAN", &format!("A{stall}"), &format!("Nguyễn Thị {stall}a"), account).await;
    }
    world.source("one", Dialect::GenericHmac, &[], Some("TAN")).await;
    let mut day = date(2025, 11, 25);
    let mut number = 0;
    while day < date(2026, 11, 24) {
        let at = format!("{day}T09:30:00+07:00");
        world.set_clock(&at);
        let account = &accounts[number % accounts.len()];
        let amount = 10_000 + i64::try_from(number).unwrap() * 37;
        world.send("one", Dialect::GenericHmac, &settlement(account, &format!("e{number}"), amount, &at)).await;
        if number % 6 == 5 {
            let posting = world.int("SELECT MAX(seq) FROM postings").await;
            world.app.reverse(&format!("TAN-{posting}").parse().unwrap(), "hoa", "nhầm").await.unwrap();
        }
        day = day.saturating_add(jiff::ToSpan::days(5));
        number += 1;
    }
    world.set_clock("2026-11-24T08:20:00+07:00");
}

story!(twelve_months_of_reports_equal_the_journal, |world| {
    a_year(&world).await;
    let mut months = Dong::ZERO;
    let mut period = Period::month("2026-11").unwrap();
    for _ in 0..13 {
        let report = world.app.period_report(&market(), period).await.unwrap();
        let sql = |what: &str, kind: &str| {
            format!(
                "SELECT CAST(COALESCE({what}, 0) AS BIGINT) FROM postings WHERE market_id = 1 AND {kind} \
                 AND business_date >= '{}' AND business_date <= '{}'",
                period.first(),
                period.last()
            )
        };
        let settled = world.int(&sql("SUM(amount)", "kind = 'settle'")).await;
        let reversed = world.int(&sql("SUM(amount)", "kind = 'reversal'")).await;
        assert_eq!(report.total.amount.whole(), settled - reversed, "{period}");
        assert_eq!(report.total.count, world.int(&sql("COUNT(*)", "kind = 'settle'")).await, "{period}");
        let by_stall: i64 = report.stalls.iter().map(|stall| stall.amount.whole()).sum();
        let by_day: i64 = report.days.iter().map(|day| day.figure.amount.whole()).sum();
        assert_eq!((by_stall, by_day), (report.total.amount.whole(), report.total.amount.whole()));
        months = months.checked_add(report.total.amount).unwrap();
        period = period.previous();
    }
    let year = Period::range("2025-11-01".parse().unwrap(), "2026-11-30".parse().unwrap()).unwrap();
    assert_eq!(world.app.period_report(&market(), year).await.unwrap().total.amount, months);
    // The boards' month is another cut through the same days.
    let reporting = world.app.period_report(&market(), Period::reporting("2026-11").unwrap()).await.unwrap();
    assert_eq!((reporting.days.len(), reporting.previous.count > 0), (31, true));
});

story!(the_journal_of_a_period_is_sent_in_pieces_and_is_whole, |world| {
    a_year(&world).await;
    let year = Period::range("2025-11-25".parse().unwrap(), "2026-11-24".parse().unwrap()).unwrap();
    for (form, id) in [(JournalForm::Csv, "late1"), (JournalForm::JsonLines, "late2")] {
        let all = world.int("SELECT COUNT(*) FROM postings").await;
        let settled = world.int("SELECT CAST(SUM(amount) AS BIGINT) FROM postings WHERE kind = 'settle'").await;
        let mut file = world.app.journal_file(&market(), year, form).await.unwrap();
        assert_eq!(file.postings, all);
        // What is added while the file is read is not in it.
        let at = "2026-11-24T08:00:00+07:00";
        world.send("one", Dialect::GenericHmac, &settlement("0071000100000", id, 99, at)).await;
        let (mut pieces, mut text) = (0, String::new());
        while let Some(piece) = world.app.journal_piece(&mut file).await.unwrap() {
            pieces += 1;
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
        assert!(pieces > 60 && text.ends_with('\n'), "a date at a time: {pieces}");
        let rows = text.lines().count() - usize::from(form == JournalForm::Csv);
        assert_eq!(i64::try_from(rows).unwrap(), all);
        if form == JournalForm::JsonLines {
            let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let sum: i64 =
                lines.filter(|line| line["kind"] == "settle").map(|line| line["amount"].as_i64().unwrap()).sum();
            assert_eq!(sum, settled);
        }
    }
});

#[tokio::test]
async fn a_period_is_the_same_in_every_form() {
    let world = World::sqlite().await;
    a_year(&world).await;
    let report = world.app.period_report(&market(), Period::month("2026-10").unwrap()).await.unwrap();
    let json: serde_json::Value = serde_json::from_slice(&period_file(&report, FileForm::Json).unwrap()).unwrap();
    assert_eq!(json["amount"].as_i64(), Some(report.total.amount.whole()));
    let csv = String::from_utf8(period_file(&report, FileForm::Csv).unwrap()).unwrap();
    assert_eq!(csv.lines().count(), report.stalls.len() + 1);
    let xlsx = period_file(&report, FileForm::Xlsx).unwrap();
    assert_eq!(xlsx, period_file(&report, FileForm::Xlsx).unwrap(), "the same bytes");
    for form in [PageForm::House, PageForm::Official] {
        let (_folder, path) = kept(&period_file(&report, FileForm::Pdf(form)).unwrap(), "month.pdf");
        if has("pdftotext") {
            let text = run("pdftotext", &["-layout", &path, "-"]);
            for told in ["tháng 10/2026", &report.total.amount.grouped(), "TẠM TÍNH", "Bằng chữ"] {
                assert!(text.contains(told), "{told}\n{text}");
            }
        }
    }
}

#[tokio::test]
async fn libreoffice_opens_the_workbook_and_finds_the_same_totals() {
    let world = World::sqlite().await;
    a_year(&world).await;
    let report = world.app.daily_report(&market(), "2026-11-20".parse().unwrap()).await.unwrap();
    let xlsx = day_file(&report, FileForm::Xlsx).unwrap();
    let there = std::process::Command::new("libreoffice").arg("--version").output().is_ok();
    if !there {
        eprintln!("skipped: libreoffice is missing");
        return;
    }
    let (folder, path) = kept(&xlsx, "day.xlsx");
    let to = folder.0.to_str().unwrap();
    // Its own profile: another one of the machine's may be open.
    let profile = format!("-env:UserInstallation=file://{to}/profile");
    // Comma, quotes, UTF-8, every sheet; formulas as what LibreOffice computes.
    let filter = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1";
    run("libreoffice", &[&profile, "--headless", "--convert-to", filter, "--outdir", to, &path]);
    let sheet = std::fs::read_to_string(folder.0.join("day-Theo sạp.csv")).unwrap();
    let sum = sheet.lines().find(|line| line.starts_with("Cộng")).unwrap();
    let cells: Vec<&str> = sum.split(',').map(|cell| cell.trim_matches('"')).collect();
    let amount: i64 = report.stalls.iter().map(|stall| stall.amount.whole()).sum();
    assert_eq!((cells[3], cells[4]), (report.payments.to_string().as_str(), amount.to_string().as_str()), "{sheet}");
}

story!(markets_are_compared_by_closed_days_and_small_ones_are_not_told, |world| {
    a_year(&world).await;
    world.market("CKE", "00:00").await;
    for stall in 0..3 {
        world.stall("CKE", &format!("B{stall}"), "Trần Văn Ba", &format!("00720000000{stall:02}")).await;
    }
    world.source("two", Dialect::GenericHmac, &[], Some("CKE")).await;
    let at = "2026-11-20T09:00:00+07:00";
    world.set_clock(at);
    for stall in 0..3 {
        let account = format!("00720000000{stall:02}");
        world.send("two", Dialect::GenericHmac, &settlement(&account, &format!("c{stall}"), 50_000, at)).await;
    }
    world.set_clock("2026-11-24T08:20:00+07:00");
    let year = Period::range("2025-11-25".parse().unwrap(), "2026-11-23".parse().unwrap()).unwrap();
    let open = world.app.compare(year, Standing::Closed, &[]).await.unwrap();
    assert!(open.markets.iter().all(|market| market.sums.unwrap().figure.count == 0), "nothing is closed yet");
    for code in ["TAN", "CKE"] {
        let closing = CloseDay {
            market: code.parse().unwrap(),
            date: "2026-11-21".parse().unwrap(),
            early: false,
            actor: "chi-hai".to_owned(),
        };
        world.app.close_day(closing).await.unwrap();
    }
    let compared = world.app.compare(year, Standing::Closed, &[]).await.unwrap();
    let told: Vec<_> = compared.markets.iter().map(|market| (market.code.as_str(), market.sums.is_some())).collect();
    assert_eq!(told, [("CKE", false), ("TAN", true)], "three stalls are not told");
    assert_eq!(compared.total, None, "nor by the total");
    for form in [FileForm::Json, FileForm::Csv] {
        let text = String::from_utf8(comparison_file(&compared, form).unwrap()).unwrap();
        assert!(!text.contains("150000"), "{text}");
    }
    let unknown = world.app.compare(year, Standing::Closed, &["XX".parse().unwrap()]).await.unwrap_err();
    assert_eq!(unknown.code, "not_found");
    let (all, days) = (world.app.funnel().await.unwrap(), world.app.city_days(year).await.unwrap());
    assert_eq!(all.all[..3], [10, 0, 10]);
    let hidden = days.iter().find(|market| market.code.as_str() == "CKE").unwrap();
    assert!(hidden.days.iter().all(|(_, sums)| sums.is_none_or(|sums| sums.is_none())));
    let hours = world.app.weekday_hours(year).await.unwrap();
    assert!(hours.values().all(Option::is_none), "no date has five stalls");
    assert_eq!(world.app.closed_dates(Period::month("2026-11").unwrap()).await.unwrap().len(), 2);
});

story!(the_city_compares_middles_hours_delays_and_cards_of_closed_days_alone, |world| {
    world.market("TAN", "00:00").await;
    world.source("one", Dialect::GenericHmac, &[], Some("TAN")).await;
    for stall in 0..6 {
        world.stall("TAN", &format!("A{stall}"), "Nguyễn Thị Hoa", &format!("00710000000{stall:02}")).await;
    }
    // Twenty payments: nineteen are known after two seconds, one after an hour.
    for number in 0..20_i64 {
        let account = format!("00710000000{:02}", number % 6);
        let at = if number < 5 { "2026-11-20T05:10:00+07:00" } else { "2026-11-20T09:30:00+07:00" };
        let known = if number == 19 { "2026-11-20T10:30:00+07:00".to_owned() } else { at.replace(":00+", ":02+") };
        world.set_clock(&known);
        let paid = settlement(&account, &format!("p{number}"), 10_000 + number * 1_100, at);
        world.send("one", Dialect::GenericHmac, &paid).await;
    }
    world.set_clock("2026-11-21T08:00:00+07:00");
    let period = Period::month("2026-11").unwrap();
    let told = async |standing| {
        let compared = world.app.compare(period, standing, &[]).await.unwrap();
        compared.markets[0].measures
    };
    let open = told(Standing::Provisional).await.unwrap();
    assert_eq!((open.median, open.delay_s), (None, None), "counted when the day is closed");
    assert_eq!(open.peak_hour, Some(9));
    assert_eq!(told(Standing::Closed).await.unwrap().peak_hour, None, "no day is closed");
    let date = "2026-11-20".parse().unwrap();
    let closing = CloseDay { market: market(), date, early: false, actor: "chi-hai".to_owned() };
    world.app.close_day(closing).await.unwrap();
    let order = PrintOrder {
        market: market(),
        stalls: vec!["A0".to_owned(), "A1".to_owned(), "A2".to_owned()],
        layout: Layout::A7,
        actor: "lan".to_owned(),
    };
    let ready = world.app.ready_print(order).await.unwrap();
    world.app.log_print(&ready).await.unwrap();
    let closed = told(Standing::Closed).await.unwrap();
    assert_eq!(closed.median, Some(Dong::new(19_000)), "the tenth is 19.900, told by two digits");
    assert_eq!((closed.delay_s, closed.peak_hour, closed.cards), (Some(2), Some(9), 3));
    assert_eq!(told(Standing::Provisional).await.unwrap().peak_hour, None, "none of it is provisional now");

    let compared = world.app.compare(period, Standing::Closed, &[]).await.unwrap();
    let json: serde_json::Value = serde_json::from_slice(&comparison_file(&compared, FileForm::Json).unwrap()).unwrap();
    let measures = &json["markets"][0]["measures"];
    assert_eq!(measures["median_amount"], 19_000);
    assert_eq!(measures["delay_p95_s"], 2);
    let csv = String::from_utf8(comparison_file(&compared, FileForm::Csv).unwrap()).unwrap();
    assert!(csv.contains(",19000,09:00–10:00,2,3,500"), "{csv}");
    let verified = world.app.verify(None).await.unwrap();
    assert!(verified.iter().all(|market| market.differences.is_empty()), "{verified:?}");
});

story!(totals_of_markets_chosen_freely_tell_no_hidden_one, |world| {
    let at = "2026-11-20T09:00:00+07:00";
    world.set_clock(at);
    for (code, stalls) in [("AAA", 6), ("BBB", 3), ("CCC", 3)] {
        world.market(code, "00:00").await;
        world.source(&code.to_lowercase(), Dialect::GenericHmac, &[], Some(code)).await;
        for stall in 0..stalls {
            let account = format!("{}{stall:02}", 71_000_000 + i64::from(code.as_bytes()[0]));
            world.stall(code, &format!("A{stall}"), "Nguyễn Thị Hoa", &account).await;
            let paid = settlement(&account, &format!("{code}{stall}"), 10_000, at);
            world.send(&code.to_lowercase(), Dialect::GenericHmac, &paid).await;
        }
    }
    let period = Period::month("2026-11").unwrap();
    let total = async |codes: &[&str]| {
        let codes: Vec<_> = codes.iter().map(|code| code.parse().unwrap()).collect();
        world.app.compare(period, Standing::Provisional, &codes).await.unwrap().total.map(|total| total.count)
    };
    assert_eq!(total(&[]).await, Some(12), "six stalls are hidden in it together");
    // Three such pairs of hidden markets would tell each of the three.
    assert_eq!(total(&["AAA", "BBB", "CCC"]).await, None);
    assert_eq!(total(&["AAA", "BBB"]).await, None);
});

/// What the city sees of two markets' days, as text: sums of closed days and open ones, each day, hours, steps.
async fn seen_by_the_city(world: &World) -> String {
    let period = Period::month("2026-11").unwrap();
    let mut seen = String::new();
    for standing in [Standing::Closed, Standing::Provisional] {
        let compared = world.app.compare(period, standing, &[]).await.unwrap();
        for market in compared.markets {
            writeln!(seen, "{} {standing:?} {:?} before {:?}", market.code, market.sums, market.previous).unwrap();
        }
    }
    for market in world.app.city_days(period).await.unwrap() {
        let days: Vec<_> = market.days.iter().filter(|(_, sums)| sums.is_some()).collect();
        writeln!(seen, "{} {days:?}", market.code).unwrap();
    }
    writeln!(seen, "{:?}", world.app.weekday_hours(period).await.unwrap()).unwrap();
    let funnel = world.app.funnel().await.unwrap();
    writeln!(seen, "{:?} {:?}", funnel.all, funnel.categories).unwrap();
    seen
}

// A book that is older than the counts of closes has none of them, and its city sees the same by the kept totals.
story!(the_city_sees_the_same_of_dates_that_were_closed_before_closes_counted, |world| {
    for (market, accounts) in [("TAN", "0071000001"), ("CKH", "0071000002")] {
        world.market(market, "00:00").await;
        for stall in 0..6 {
            world.stall(market, &format!("A{stall}"), "Nguyễn Thị Hoa", &format!("{accounts}{stall:02}")).await;
        }
        world.source(&market.to_lowercase(), Dialect::GenericHmac, &[], Some(market)).await;
    }
    let mut number = 0;
    for (day, stalls) in [("2026-10-30", 6), ("2026-11-02", 6), ("2026-11-03", 4), ("2026-11-20", 6), ("2026-11-23", 5)]
    {
        for (market, accounts) in [("tan", "0071000001"), ("ckh", "0071000002")] {
            for stall in 0..stalls {
                for hour in [6, 7 + stall % 3] {
                    let at = format!("{day}T{hour:02}:30:00+07:00");
                    world.set_clock(&at);
                    let paid = settlement(&format!("{accounts}{stall:02}"), &format!("p{number}"), 10_000, &at);
                    world.send(market, Dialect::GenericHmac, &paid).await;
                    number += 1;
                }
            }
        }
    }
    world.set_clock("2026-11-24T08:00:00+07:00");
    for (market, date) in [("TAN", "2026-11-20"), ("CKH", "2026-11-22")] {
        let (market, date) = (market.parse().unwrap(), date.parse().unwrap());
        world.app.close_day(CloseDay { market, date, early: false, actor: "an".to_owned() }).await.unwrap();
    }
    let counted = seen_by_the_city(&world).await;
    assert!(counted.contains("active_stalls: 6") && counted.contains("active_stalls: 5"), "{counted}");
    let free = if world.url.starts_with("sqlite:") {
        "DROP TRIGGER day_spreads_no_delete"
    } else {
        "ALTER TABLE day_spreads DISABLE TRIGGER ALL"
    };
    world.execute(free).await.unwrap();
    let stalls_and_hours = "DELETE FROM day_spreads WHERE measure IN ('stall', 'hour')";
    assert!(world.execute(stalls_and_hours).await.unwrap() > 8);
    assert_eq!(seen_by_the_city(&world).await, counted);
});
