//! Without a network the stall still shows its code and makes one with an amount, and says that it
//! hears nothing.

use socho::app::qr_codes::decode;

use super::money::site;

#[test]
fn a_code_made_without_a_network_reads_back_from_the_screen() {
    let Some((site, mut browser)) = site() else { return };
    let kept = browser.path("screen.png");
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    page.until("navigator.serviceWorker.ready.then(() => true)");
    page.until("navigator.serviceWorker.controller");
    let mut site = site;
    site.kill();
    page.network(false);
    page.call("Page.reload", &serde_json::json!({}));
    page.until("document.getElementById('line') && document.getElementById('line').classList.contains('lost')");
    assert!(page.text("line-text").contains("Chưa nghe được tiền về"));
    page.click("type");
    for key in ["1", "2", "3", "000"] {
        page.ask(&format!("document.querySelector('[data-key=\"{key}\"]').click()"));
    }
    page.click("keypad-done");
    assert_eq!(page.text("ask"), "123.000\u{a0}₫");
    page.ask("document.getElementById('qr').click()");
    let picture = page.picture();
    std::fs::write(&kept, &picture).unwrap();
    let payload = decode(&picture).unwrap();
    let expected = crate::serve::socho(&[
        "qr",
        "encode",
        "--bin",
        "970436",
        "--account",
        "0071000888888",
        "--amount",
        "123000",
        "--memo",
        "SC22223Y",
    ]);
    assert_eq!(payload, expected.1.trim());
}

#[test]
fn the_first_page_weighs_less_than_fifty_kilobytes_in_all() {
    const MOST: i64 = 50 * 1024;
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.pair(&mut page);
    page.call("Network.setCacheDisabled", &serde_json::json!({ "cacheDisabled": true }));
    page.call("Network.setBypassServiceWorker", &serde_json::json!({ "bypass": true }));
    page.open(&site.url("/stall"));
    page.until("document.getElementById('line').classList.contains('good')");
    // Page, style, scripts, icon and manifest, as they crossed the wire; the voice comes when she
    // switches it on.
    let crossed = page.ask(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')] \
         .filter(one => !one.name.includes('/v1/stream')).map(one => [new URL(one.name).pathname, one.transferSize])",
    );
    let crossed = crossed.as_array().unwrap();
    let sum: i64 = crossed.iter().map(|one| one[1].as_i64().unwrap()).sum();
    for file in ["phone.js", "qr.js", "words.js", "sound.js", "hear.js", "phone.css"] {
        assert!(crossed.iter().any(|one| one[0].as_str().unwrap().ends_with(file)), "{file}: {crossed:?}");
    }
    assert!(crossed.iter().all(|one| one[1].as_i64().unwrap() > 0), "{crossed:?}");
    assert!(sum < MOST, "{sum} bytes: {crossed:?}");
    eprintln!("the first page: {sum} bytes");
}

#[test]
fn the_page_works_without_scripts() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.pair(&mut page);
    site.pay("1", 54_000, 0);
    page.call("Network.setExtraHTTPHeaders", &serde_json::json!({ "headers": { "Accept-Language": "vi" } }));
    page.open_without_scripts(&site.url("/stall?amount=70.000"));
    let said = page.ask("document.body.innerText");
    let said = said.as_str().unwrap();
    for words in ["70.000", "bảy mươi ngàn đồng", "NGUYEN THI HOA", "54.000", "Xem lại"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(page.ask("document.getElementById('amount').offsetHeight >= 56"), true);
}
