//! Money on the phone: paired by the card, heard as it arrives, judged against a price, through dead
//! zones and restarts, until the phone is taken off the stall.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use socho::app::access::{Actor, Role};
use socho::app::clock::SystemClock;
use socho::app::manage_users::NewUser;
use socho::app::pair_device::CodeFor;
use socho::app::{App, OpenOptions};
use socho::bank;
use socho::domain::calendar::{Clock as _, rfc3339};
use socho::domain::settlement::{Dialect, Settlement};

use super::{Browser, Page};
use crate::serve::{BINARY, Folder, request, socho};
use crate::world::{secret_of, settlement};

const ACCOUNT: &str = "0071000888888";

/// A market with a stall and a source, served by the program itself.
pub(super) struct Site {
    folder: Folder,
    server: Option<Child>,
    address: String,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a site and a browser; none where Chromium is missing.
pub(super) fn site() -> Option<(Site, Browser)> {
    let browser = Browser::start()?;
    let folder = Folder::new(&format!("browser-{}", fastrand::u64(..)));
    let db = folder.db();
    assert_eq!(socho(&["market", "add", "--db", &db, "--code", "TAN", "--name", "Chợ Tân An"]).0, 0);
    for (stall, name, account) in [("B12", "Nguyễn Thị Hoa", ACCOUNT), ("B13", "Trần Văn Tư", "0071000888889")]
    {
        let arguments = ["vendor", "add", "--db", &db, "--market", "TAN", "--stall", stall, "--name", name];
        assert_eq!(socho(&[&arguments[..], &["--bin", "970436", "--account", account]].concat()).0, 0);
    }
    let secret = folder.path("secret");
    std::fs::write(&secret, secret_of(Dialect::GenericHmac)).unwrap();
    let source = ["source", "add", "--db", &db, "--name", "g1", "--dialect", "generic-hmac", "--secret-file", &secret];
    assert_eq!(socho(&[&source[..], &["--market", "TAN"]].concat()).0, 0);
    let mut site = Site { folder, server: None, address: "127.0.0.1:0".to_owned() };
    // Once somebody can log in, whoever sits at this machine is nobody without a login.
    site.as_operator(async |app| {
        let (name, full_name) = ("lan".parse().unwrap(), "Người Lan".parse().unwrap());
        let password = Some(crate::visitors::PASSWORD.to_owned());
        let new = NewUser { name, full_name, role: Role::Admin, market: None, password, must_change: false };
        app.add_user(&Actor::operator(), new).await.unwrap();
    });
    site.serve();
    Some((site, browser))
}

impl Site {
    /// Serves; again at the same address after [`Site::kill`].
    pub(super) fn serve(&mut self) {
        use std::io::BufRead as _;
        let mut server = Command::new(BINARY)
            .args(["serve", "--db", &self.folder.db(), "--bind", &self.address])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufReader::new(server.stdout.take().unwrap()).lines();
        self.address = lines.next().unwrap().unwrap().rsplit_once("http://").unwrap().1.to_owned();
        self.server = Some(server);
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Returns the address as a browser keeps secure cookies for it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.rsplit_once(':').unwrap().1)
    }

    /// Does something with the book as whoever holds its file, in a process beside the server's.
    pub(super) fn as_operator<T>(&self, task: impl AsyncFnOnce(App) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let options = OpenOptions { url: self.folder.db(), migrate_url: None };
            task(App::open(options, Arc::new(SystemClock)).await.unwrap()).await
        })
    }

    /// Reports a payment as the bank would, `age_s` seconds after it happened.
    pub(super) fn pay(&self, id: &str, amount: i64, age_s: i64) {
        let at = rfc3339(SystemClock.now() - jiff::SignedDuration::from_secs(age_s));
        self.report(&settlement(ACCOUNT, id, amount, &at), "recorded");
    }

    /// Reports a payment into an account where only its text says whose it is.
    pub(super) fn pay_into(&self, account: &str, id: &str, amount: i64, memo: &str) {
        let mut settled = settlement(account, id, amount, &rfc3339(SystemClock.now()));
        settled.memo = memo.to_owned();
        self.report(&settled, "suspense");
    }

    fn report(&self, settled: &Settlement, outcome: &str) {
        let now = SystemClock.now();
        let signed = bank::sign(Dialect::GenericHmac, secret_of(Dialect::GenericHmac), settled, now).unwrap();
        let headers: Vec<String> = signed.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = headers.concat();
        let asked = format!(
            "POST /v1/ingest/g1 HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{}",
            self.address,
            signed.body.len(),
            signed.body
        );
        let (status, answer) = request(&self.address, &asked);
        assert!(status == 200 && answer.contains(outcome), "{answer}");
    }

    /// Scans the stall card: opens its link and says yes.
    pub(super) fn pair(&self, page: &mut Page<'_>) {
        let path = self.as_operator(async |app| {
            let (market, card) = ("TAN".parse().unwrap(), CodeFor::Card { ends_devices: false });
            app.issue_pairing_code(&Actor::operator(), &market, "B12", card).await.unwrap().path()
        });
        page.open(&self.url(&path));
        page.ask("document.querySelector('main form button').click()");
        page.until("location.pathname === '/stall' && document.getElementById('phone')");
    }

    /// Opens a page of a paired phone.
    pub(super) fn open(&self, page: &mut Page<'_>, path: &str) {
        // A cookie, because headers that are set for a page do not reach its service worker.
        let (look, url) = ("nam.100.0.vi", self.url("/stall"));
        page.call(
            "Network.setCookie",
            &serde_json::json!({ "name": "socho_look", "value": look, "url": url, "path": "/stall" }),
        );
        self.pair(page);
        page.open(&self.url(path));
    }
}

const LISTENING: &str = "document.getElementById('line').classList.contains('good')";

fn shown(page: &mut Page<'_>, amount: &str) {
    page.until(&format!(
        "document.getElementById('money').open && document.getElementById('money-amount').textContent === '{amount}\u{a0}₫'"
    ));
}

#[test]
fn a_paired_phone_sees_the_money_of_a_signed_webhook_and_speaks_it() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    page.until(LISTENING);
    page.click("sound");
    page.until("document.getElementById('sound').getAttribute('aria-pressed') === 'true'");
    site.pay("1", 54_000, 0);
    shown(&mut page, "54.000");
    assert_eq!(page.text("money-title"), "ĐÃ NHẬN");
    assert_eq!(page.text("money-words"), "năm mươi tư ngàn đồng");
    assert!(page.text("money-from").contains("TAN\u{2011}1"));
    assert_eq!(page.text("last-amount"), "54.000\u{a0}₫");
    assert_eq!(page.text("today-sum"), "54.000\u{a0}₫");
}

#[test]
fn two_hundred_for_two_hundred_thousand_raises_the_alarm() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    page.until(LISTENING);
    type_price(&mut page, &["2", "0", "0", "000"]);
    assert_eq!(page.text("ask-words"), "hai trăm ngàn đồng");
    site.pay("1", 200, 0);
    shown(&mut page, "200");
    assert_eq!(page.ask("document.getElementById('money').className"), "alarm");
    assert_eq!(page.text("money-title"), "CHÚ Ý: CHỈ NHẬN");
    let verdict = page.text("money-verdict");
    assert!(verdict.contains("CHỈ BẰNG MỘT PHẦN NGHÌN GIÁ") && verdict.contains("THIẾU 199.800"), "{verdict}");
}

fn type_price(page: &mut Page<'_>, keys: &[&str]) {
    page.click("type");
    for key in keys {
        page.ask(&format!("document.querySelector('[data-key=\"{key}\"]').click()"));
    }
    page.click("keypad-done");
}

#[test]
fn a_keyed_price_is_told_as_short_then_as_paid_in_full_then_as_too_much() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    page.until(LISTENING);
    for (round, (keys, amount, shown_as, verdict)) in [
        (["7", "0", "000"], 50_000, "50.000", "▼ THIẾU 20.000\u{a0}₫"),
        (["7", "0", "000"], 70_000, "70.000", "✓ ĐỦ TIỀN"),
        (["7", "0", "000"], 75_000, "75.000", "▲ DƯ 5.000\u{a0}₫"),
    ]
    .into_iter()
    .enumerate()
    {
        type_price(&mut page, &keys);
        site.pay(&format!("{round}"), amount, 0);
        shown(&mut page, shown_as);
        page.until(&format!("document.getElementById('money-verdict').textContent === '{verdict}'"));
        page.click("money-close");
    }
}

#[test]
fn money_that_came_in_a_dead_zone_is_summed_up_when_the_network_returns() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    page.until(LISTENING);
    page.network(false);
    page.until("document.getElementById('line').classList.contains('lost')");
    assert!(page.text("line-text").contains("MẤT MẠNG"), "silence is never shown as no money");
    for (id, amount) in [("1", 10_000), ("2", 20_000), ("3", 30_000)] {
        site.pay(id, amount, 200);
    }
    page.network(true);
    page.until(LISTENING);
    shown(&mut page, "60.000");
    assert_eq!(page.text("money-title"), "Bù 3 khoản, tổng");
    assert_eq!(page.text("today-count"), "3");
    page.click("money-close");
    site.pay("4", 40_000, 0);
    shown(&mut page, "40.000");
    assert_eq!((page.text("today-count"), page.text("today-sum")), ("4".to_owned(), "100.000\u{a0}₫".to_owned()));
}

#[test]
fn a_server_that_was_killed_and_started_again_tells_everything_once() {
    let Some((mut site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    page.until(LISTENING);
    site.pay("1", 10_000, 0);
    shown(&mut page, "10.000");
    site.kill();
    page.until("document.getElementById('line').classList.contains('lost')");
    site.serve();
    site.pay("2", 20_000, 0);
    page.until(LISTENING);
    shown(&mut page, "20.000");
    assert_eq!((page.text("today-count"), page.text("today-sum")), ("2".to_owned(), "30.000\u{a0}₫".to_owned()));
}

#[test]
fn an_old_payment_turns_grey_and_cannot_pass_for_new() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    page.until(LISTENING);
    site.pay("1", 50_000, 80);
    shown(&mut page, "50.000");
    page.until("document.getElementById('money').classList.contains('old')");
    assert_eq!(page.text("money-title"), "KHOẢN CŨ");
    assert_eq!(page.text("money-age"), "1 phút trước");
}

#[test]
fn a_phone_that_was_taken_off_the_stall_hears_and_shows_nothing_any_more() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    page.until(LISTENING);
    let hers = page.ask(
        "fetch('/stall/settings').then(answer => answer.text()).then(async text => { \
         const form = new DOMParser().parseFromString(text, 'text/html').querySelector('form[action=\"/stall/phones/remove\"]'); \
         const answer = await fetch(form.getAttribute('action'), { method: 'POST', body: new URLSearchParams(new FormData(form)) }); \
         return answer.status; })",
    );
    assert!(hers.as_i64().is_some(), "the form of her settings was sent");
    page.until("document.getElementById('line-text').textContent.includes('đã bị gỡ')");
    assert_eq!(page.ask("document.getElementById('code').hidden"), true);
    page.until("caches.keys().then(names => names.length === 0)");
    site.pay("1", 50_000, 0);
    page.open(&site.url("/stall"));
    assert_eq!(page.ask("!document.getElementById('phone') && location.pathname"), "/pair", "her page is gone");
    assert_eq!(page.ask("document.body.innerText.includes('50.000')"), false);
}
