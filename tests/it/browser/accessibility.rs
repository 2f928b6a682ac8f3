//! axe-core finds nothing serious on any page of the phone, and every target is large enough for a
//! wet thumb. axe-core comes from npm for the test alone; without it that half prints "skipped", and
//! in CI fails.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::money::site;

/// The version that is fetched.
const AXE: &str = "axe-core@4.14.1";
/// Smallest side of what is touched, in pixels of the page.
const TARGET: i64 = 56;

const PAGES: [&str; 8] = [
    "/stall",
    "/stall?amount=50000",
    "/stall/book",
    "/stall/book?show=week",
    "/stall/settings",
    "/stall/privacy",
    "/stall/opened",
    "/stall/dispute?posting=TAN-1",
];

/// Returns axe-core's text, fetched once into the build folder.
pub(super) fn axe() -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("axe");
    let file = folder.join("package/axe.min.js");
    if !file.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let fetched = Command::new("npm").args(["pack", AXE, "--silent"]).current_dir(&folder).output();
        let name = fetched.ok().filter(|output| output.status.success()).map(|output| output.stdout);
        let name = name.map(|name| String::from_utf8_lossy(&name).trim().to_owned());
        if let Some(name) = name {
            let _ = Command::new("tar").args(["-xzf", &name]).current_dir(&folder).status();
        }
    }
    let text = std::fs::read_to_string(file).ok();
    if text.is_none() {
        assert!(std::env::var("CI").is_err(), "CI needs npm and {AXE}");
        eprintln!("skipped: {AXE} cannot be fetched by npm");
    }
    text
}

#[test]
fn nothing_serious_is_found_on_any_page_in_either_type_or_language() {
    let Some((site, mut browser)) = site() else { return };
    let Some(axe) = axe() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    site.pay("1", 54_000, 0);
    let cookie = |look: &str| serde_json::json!({ "name": "socho_look", "value": look, "url": site.url("/stall"), "path": "/stall" });
    for look in ["nam.100.0.vi", "nam.100.1.vi", "bac.50.0.en"] {
        page.call("Network.setCookie", &cookie(look));
        for path in PAGES {
            page.open(&site.url(path));
            page.ask(&axe);
            check(&mut page, &format!("{path} {look}"));
        }
        page.open(&site.url("/stall"));
        page.until("document.getElementById('line').classList.contains('good')");
        page.ask(&axe);
        page.click("type");
        check(&mut page, &format!("keypad {look}"));
        page.click("keypad-close");
        page.click("last");
        page.until("document.getElementById('money').open");
        check(&mut page, &format!("money {look}"));
    }
}

pub(super) fn check(page: &mut super::Page<'_>, what: &str) {
    let found = page.ask(
        "axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', \
         'best-practice'] }).then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact)) \
         .map(v => [v.id, v.help, v.nodes.map(n => n.html)]))",
    );
    assert_eq!(found, Value::Array(Vec::new()), "{what}");
}

#[test]
fn what_is_touched_is_large_and_nothing_runs_off_the_screen() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    site.pay("1", 999_999_999_999, 0);
    for (size, look) in [((360, 740), "nam.100.0.vi"), ((360, 740), "nam.100.1.vi"), ((412, 900), "nam.100.1.en")] {
        page.size(size);
        let cookie =
            serde_json::json!({ "name": "socho_look", "value": look, "url": site.url("/stall"), "path": "/stall" });
        page.call("Network.setCookie", &cookie);
        for path in PAGES {
            page.open(&site.url(path));
            let small = page.ask(&format!(
                "[...document.querySelectorAll('button, summary, main a, nav a, label.choice, select, input:not([type=hidden])')] \
                 .filter(one => one.offsetParent && !one.closest('label.choice, footer')) \
                 .filter(one => one.getBoundingClientRect().height < {TARGET} - 0.5) \
                 .map(one => one.outerHTML.slice(0, 120) + ' ' + one.getBoundingClientRect().height)"
            ));
            assert_eq!(small, Value::Array(Vec::new()), "{path} {look}");
            let wide = page.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(wide, 0, "{path} {look} runs off the screen");
            page.ask(
                "document.documentElement.style.fontSize = \
                 (parseFloat(getComputedStyle(document.documentElement).fontSize) * 2) + 'px'",
            );
            let beyond = page.ask(
                "document.documentElement.scrollWidth == document.documentElement.clientWidth ? [] : \
                 [...document.querySelectorAll('*')] \
                 .filter(one => one.getBoundingClientRect().left + Math.max(one.scrollWidth, one.getBoundingClientRect().width) \
                 > document.documentElement.clientWidth).map(one => one.outerHTML.slice(0, 80))",
            );
            assert_eq!(beyond, Value::Array(Vec::new()), "{path} {look} runs off the screen at twice the type");
        }
    }
}
