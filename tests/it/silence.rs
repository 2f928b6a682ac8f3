//! A source that falls silent, by its own usual rate for that hour of the week.

use socho::domain::settlement::Dialect;

use crate::reconcile::ACCOUNT;
use crate::world::{settlement, story};

story!(a_source_that_usually_reports_at_this_hour_is_missed_and_one_that_never_does_is_not, |world| {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", ACCOUNT).await;
    for name in ["busy", "quiet"] {
        world.source(name, Dialect::GenericHmac, &[], Some("TAN")).await;
    }
    let tan = "TAN".parse().unwrap();
    for day in ["2026-11-10", "2026-11-17"] {
        for minute in 0..20 {
            let at = format!("{day}T09:{:02}:00+07:00", minute * 3);
            world.set_clock(&at);
            let sale = settlement(ACCOUNT, &format!("{day}{minute}"), 10_000 + minute, &at);
            world.send("busy", Dialect::GenericHmac, &sale).await;
        }
    }
    world.set_clock("2026-11-24T09:00:00+07:00");
    let sale = settlement(ACCOUNT, "last", 5_000, "2026-11-24T09:00:00+07:00");
    world.send("busy", Dialect::GenericHmac, &sale).await;
    let other = settlement(ACCOUNT, "only", 6_000, "2026-11-24T09:00:00+07:00");
    world.send("quiet", Dialect::GenericHmac, &other).await;
    world.set_clock("2026-11-24T09:12:00+07:00");
    assert_eq!(world.app.silent_now(Some(&tan)).await.unwrap(), []);
    world.set_clock("2026-11-24T09:30:00+07:00");
    let silent = world.app.silent_now(None).await.unwrap();
    assert_eq!(silent.len(), 1, "{silent:?}");
    assert_eq!((silent[0].source.as_str(), silent[0].minutes, silent[0].missed), ("busy", 30, 10));
    // The board's own page marks the one that is missed, the figures count its seconds, and only its.
    let mut lan = crate::statement_board::manager(&world).await;
    let overview = lan.page("/markets/TAN").await.body;
    let told = |name: &str| {
        let line = overview.lines().find(|line| line.contains(&format!("<strong>{name}</strong>")));
        line.unwrap_or_else(|| panic!("{name} is not on the page:\n{overview}")).to_owned()
    };
    assert!(
        told("busy").contains("im lâu hơn thường lệ") && told("busy").contains("class=\"bad\""),
        "{}",
        told("busy")
    );
    assert!(!told("quiet").contains("im lâu hơn thường lệ") && !told("quiet").contains("class=\"bad\""));
    let figures = world.app.metrics().await.unwrap();
    for line in ["socho_source_silent_seconds{source=\"busy\"} 1800", "socho_source_silent_seconds{source=\"quiet\"} 0"]
    {
        assert!(figures.lines().any(|found| found == line), "{line}:\n{figures}");
    }
    world.send("busy", Dialect::GenericHmac, &settlement(ACCOUNT, "back", 5_000, "2026-11-24T09:30:00+07:00")).await;
    assert_eq!(world.app.silent_now(None).await.unwrap(), []);
    world.set_clock("2026-11-24T09:31:00+07:00");
    assert!(world.app.metrics().await.unwrap().contains("socho_source_silent_seconds{source=\"busy\"} 0"));
    world.set_clock("2026-11-24T09:55:00+07:00");
    let checklist = world.app.close_checklist(&tan, "2026-11-24".parse().unwrap()).await.unwrap();
    assert!(!checklist.is_clear() && checklist.silent.len() == 1);
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});
