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

/// What people ask the system for, as media queries name it.
pub(super) const ASKED_FOR: [&[(&str, &str)]; 4] = [
    &[],
    &[("prefers-color-scheme", "dark")],
    &[("prefers-contrast", "more")],
    &[("forced-colors", "active"), ("prefers-color-scheme", "dark")],
];

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
    let looks = [("nam.100.0.vi", 0), ("nam.100.1.vi", 1), ("bac.50.0.en", 2), ("nam.100.1.vi", 3)];
    for (look, asked) in looks {
        page.call("Network.setCookie", &cookie(look));
        page.as_asked_for(ASKED_FOR[asked]);
        let look = &format!("{look} {:?}", ASKED_FOR[asked]);
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
    // Where the system chooses the colours, axe looks at ours, which nobody sees; [`faint`] looks at the system's.
    let found = page.ask(
        "axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', \
         'best-practice'], rules: { 'color-contrast': { enabled: !matchMedia('(forced-colors: active)').matches } } }).then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact)) \
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

/// Every text of these is money, or says what became of it.
const AMOUNTS: &str = ".sum, .huge, .amount, .words, .verdict, .age, .ask, .ask-words, #last-amount, .typed-amount, .typed-words, \
    .figures dd, .tiles dd, td.n, th.n, .facts dd, .total .sum, .line, .seal, .funnel strong, .buckets dd";

/// Returns amounts whose words stand out by less than seven to one from the ground they stand on.
pub(super) fn faint(page: &mut super::Page<'_>) -> Value {
    page.ask(&format!(
        "(() => {{ \
         const parts = colour => (colour.match(/[\\d.]+/g) || []).map(Number); \
         const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4) \
             .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0); \
         const ground = one => {{ for (let at = one; at; at = at.parentElement) {{ \
             const found = parts(getComputedStyle(at).backgroundColor); \
             if (found.length === 3 || found[3] === 1) return found; }} return [255, 255, 255]; }}; \
         return [...document.querySelectorAll(\"{AMOUNTS}\")].filter(one => one.offsetParent && one.innerText.trim()) \
             .map(one => {{ const [a, b] = [light(parts(getComputedStyle(one).color)), light(ground(one))]; \
                 return [one.outerHTML.slice(0, 100), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; }}) \
             .filter(([, ratio]) => !(ratio >= 7)); }})()"
    ))
}

#[test]
fn amounts_stand_out_seven_to_one_whatever_the_system_is_asked_for() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    site.pay("1", 54_000, 0);
    for asked in ASKED_FOR {
        page.as_asked_for(asked);
        for path in PAGES {
            page.open(&site.url(path));
            page.ask("for (const one of document.querySelectorAll('details')) one.open = true");
            assert_eq!(faint(&mut page), Value::Array(Vec::new()), "{path} {asked:?}");
        }
        page.open(&site.url("/stall"));
        page.until("document.getElementById('line').classList.contains('good')");
        page.click("last");
        page.until("document.getElementById('money').open");
        for state in ["", "short", "old", "alarm"] {
            page.ask(&format!("document.getElementById('money').className = '{state}'"));
            assert_eq!(faint(&mut page), Value::Array(Vec::new()), "{state:?} {asked:?}");
        }
    }
}

/// Goes through a page with the Tab key alone and returns what was not reached, and what did not show that
/// it was. Of radio buttons one stands for its group; a date has stops of its own.
pub(super) fn missed(page: &mut super::Page<'_>) -> Value {
    let stops = page.ask(
        "(() => { window.wanted = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, \
             summary, [tabindex=\"0\"]')].filter(one => !one.disabled && one.checkVisibility({ visibilityProperty: true })); \
         window.reached = new Set(); window.unseen = new Set(); \
         document.addEventListener('focusin', event => { reached.add(event.target); \
             const look = getComputedStyle(event.target); \
             if (look.outlineStyle === 'none' || parseFloat(look.outlineWidth) < 2) unseen.add(event.target); }); \
         const start = document.createElement('span'); start.tabIndex = -1; document.body.prepend(start); start.focus(); \
         unseen.delete(start); \
         return wanted.length + 5 * document.querySelectorAll('input[type=date], input[type=month]').length + 2; })()",
    );
    for _ in 0..stops.as_i64().unwrap() {
        page.press("Tab");
    }
    page.ask(
        "(() => { const group = one => one.type === 'radio' && wanted.some(other => other.name === one.name && reached.has(other)); \
         const named = one => one.outerHTML.slice(0, 120); \
         return [...wanted.filter(one => !reached.has(one) && !group(one)).map(one => 'not reached: ' + named(one)), \
             ...[...unseen].filter(one => wanted.includes(one)).map(one => 'not shown: ' + named(one))]; })()",
    )
}

#[test]
fn everything_on_the_phone_is_reached_and_shown_by_the_keyboard() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    site.pay("1", 54_000, 0);
    for path in PAGES {
        page.open(&site.url(path));
        assert_eq!(missed(&mut page), Value::Array(Vec::new()), "{path}");
    }
}
