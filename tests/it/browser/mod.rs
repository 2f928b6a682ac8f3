//! The pages in a real Chromium, driven over its pipe.
//!
//! Chromium's `DevTools` protocol is JSON with a zero byte between messages; `--remote-debugging-pipe`
//! reads it from file 3 and writes it to file 4, which a shell makes of standard input and output. So
//! neither a driver nor a socket nor another crate is needed. Every wait here is for something that
//! the page says, never for a length of time; [`PATIENCE`] only ends a test that hangs.
//!
//! Without Chromium the tests print "skipped", and in CI fail; `scripts/test` installs it.

mod accessibility;
mod board;
mod money;
mod offline;
mod same_as_rust;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

/// After this a test that waits is given up.
const PATIENCE: Duration = Duration::from_mins(2);
/// The phone of the issue: 360 pixels wide.
const SMALL: (u32, u32) = (360, 740);

/// A browser of its own, with nothing remembered.
pub(crate) struct Browser {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    last: u64,
    folder: crate::world::Folder,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.send(None, "Browser.close", &json!({}));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn chromium() -> Option<String> {
    let named = std::env::var("SOCHO_TEST_CHROMIUM").ok();
    let known = ["chromium", "chromium-browser", "google-chrome"];
    named.into_iter().chain(known.map(str::to_owned)).find(|name| {
        Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    })
}

impl Browser {
    /// Starts one; none where no Chromium is installed, which CI does not accept.
    pub(crate) fn start() -> Option<Self> {
        let Some(chromium) = chromium() else {
            assert!(std::env::var("CI").is_err(), "CI needs Chromium; run scripts/test");
            eprintln!("skipped: Chromium is not installed; run scripts/test");
            return None;
        };
        let folder = crate::world::folder();
        let flags = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --mute-audio \
            --autoplay-policy=user-gesture-required --remote-debugging-pipe";
        let line = format!(
            "exec {chromium} {flags} --user-data-dir={} about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1",
            folder.0.display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &line])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else { return };
                if sender.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        Some(Self { child, commands, answers, last: 0, folder })
    }

    fn send(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> u64 {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let _ = self.commands.write_all(format!("{message}\0").as_bytes());
        let _ = self.commands.flush();
        self.last
    }

    fn call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        self.try_call(session, method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value, Value> {
        let id = self.send(session, method, parameters);
        loop {
            let message = self.answers.recv_timeout(PATIENCE).expect("Chromium answers");
            if message["id"] == id {
                let error = &message["error"];
                return if error.is_null() { Ok(message["result"].clone()) } else { Err(error.clone()) };
            }
        }
    }

    /// Opens a page of a phone's size.
    pub(crate) fn page(&mut self) -> Page<'_> {
        let target = self.call(None, "Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call(None, "Target.attachToTarget", &attach)["sessionId"].as_str().unwrap().to_owned();
        let mut page = Page { browser: self, session };
        for domain in ["Page", "Runtime", "Network"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        page.size(SMALL);
        page
    }

    /// Returns a path that goes with the browser.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.0.join(name)
    }
}

/// An open page.
pub(crate) struct Page<'b> {
    browser: &'b mut Browser,
    session: String,
}

impl Page<'_> {
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.browser.call(Some(&self.session), method, parameters)
    }

    pub(crate) fn size(&mut self, (width, height): (u32, u32)) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Looks at pages as somebody does who has asked the system for something: dark, more contrast.
    pub(crate) fn as_asked_for(&mut self, asked: &[(&str, &str)]) {
        let features: Vec<Value> = asked.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Evaluates an expression as a touch would; waits for a promise.
    pub(crate) fn ask(&mut self, expression: &str) -> Value {
        let asked = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let result = self.call("Runtime.evaluate", &asked);
        let failed = &result["exceptionDetails"];
        assert!(failed.is_null(), "{expression}: {}", failed["exception"]["description"]);
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true. A page that is left meanwhile is looked at anew.
    pub(crate) fn until(&mut self, expression: &str) {
        let look = json!({
            "expression": format!(
                "new Promise(done => {{ let left = 25; const look = async () => {{ let now = false; \
                 try {{ now = !!(await Promise.race([{expression}, new Promise(no => setTimeout(no, 400))])); }} catch {{ }} \
                 if (now || --left < 0) done(now); else setTimeout(look, 20); }}; look(); }})"
            ),
            "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let end = std::time::Instant::now() + PATIENCE;
        while std::time::Instant::now() < end {
            let told = self.browser.try_call(Some(&self.session), "Runtime.evaluate", &look);
            if told.is_ok_and(|told| told["result"]["value"] == true) {
                return;
            }
        }
        let text = self.ask("location.href + '\\n' + document.body.innerText");
        panic!("never: {expression}\nthe page says: {text}");
    }

    /// Opens an address and waits for the page.
    pub(crate) fn open(&mut self, url: &str) {
        self.ask("window.left = true");
        self.call("Page.navigate", &json!({ "url": url }));
        self.until("!window.left && document.readyState === 'complete'");
    }

    /// Opens an address in a page whose scripts are switched off: nothing in it can wait for us.
    pub(crate) fn open_without_scripts(&mut self, url: &str) {
        self.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
        self.call("Page.navigate", &json!({ "url": url }));
        let end = std::time::Instant::now() + PATIENCE;
        let look = json!({ "expression": "document.readyState + ' ' + location.href", "returnByValue": true });
        loop {
            let told = self.browser.try_call(Some(&self.session), "Runtime.evaluate", &look).unwrap_or_default();
            if told["result"]["value"] == format!("complete {url}") {
                return;
            }
            assert!(std::time::Instant::now() < end, "{url}: {told}");
        }
    }

    /// Evaluates an expression that needs no script of the page; none where the page is being left.
    pub(crate) fn try_ask(&mut self, expression: &str) -> Option<Value> {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let told = self.browser.try_call(Some(&self.session), "Runtime.evaluate", &asked).ok()?;
        Some(told["result"]["value"].clone()).filter(|value| !value.is_null())
    }

    /// Does something that leads to another page, and waits for that.
    pub(crate) fn leave(&mut self, action: &str) {
        self.ask("window.left = true");
        self.ask(action);
        self.until("!window.left && document.readyState === 'complete'");
    }

    /// Returns the path of the open page.
    pub(crate) fn here(&mut self) -> String {
        self.ask("location.pathname + location.search").as_str().unwrap_or_default().to_owned()
    }

    /// Returns the words of the open page, with plain blanks.
    pub(crate) fn said(&mut self) -> String {
        let said = self.ask("document.body.innerText");
        said.as_str().unwrap_or_default().replace('\u{a0}', " ")
    }

    /// Chooses a file as a person does in the dialogue that a test cannot open.
    pub(crate) fn choose(&mut self, input: &str, file: &std::path::Path) {
        let asked = json!({ "expression": format!("document.querySelector('{input}')") });
        let found = self.call("Runtime.evaluate", &asked);
        let chosen = json!({ "files": [file], "objectId": found["result"]["objectId"] });
        self.call("DOM.setFileInputFiles", &chosen);
    }

    /// Does something that brings a file, waits until it is whole and returns its path.
    pub(crate) fn download(&mut self, folder: &std::path::Path, action: &str) -> std::path::PathBuf {
        let allowed = json!({ "behavior": "allowAndName", "downloadPath": folder, "eventsEnabled": true });
        self.browser.call(None, "Browser.setDownloadBehavior", &allowed);
        let asked = json!({ "expression": action, "userGesture": true });
        self.browser.send(Some(&self.session), "Runtime.evaluate", &asked);
        loop {
            let message = self.browser.answers.recv_timeout(PATIENCE).expect("the file comes");
            if message["method"] == "Browser.downloadProgress" && message["params"]["state"] == "completed" {
                return folder.join(message["params"]["guid"].as_str().unwrap());
            }
            assert_ne!(message["params"]["state"], "canceled", "{message}");
        }
    }

    /// Presses and releases a key.
    pub(crate) fn press(&mut self, key: &str) {
        let (name, code, text) = match key {
            "Enter" => ("Enter", 13, "\r"),
            "Space" => (" ", 32, " "),
            "Tab" => ("Tab", 9, ""),
            other => panic!("{other} has no code here"),
        };
        let key = json!({ "key": name, "code": key, "windowsVirtualKeyCode": code, "text": text });
        for kind in ["keyDown", "keyUp"] {
            let mut event = key.clone();
            event["type"] = kind.into();
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Presses a key that leads to another page, and waits for that.
    pub(crate) fn press_and_leave(&mut self, key: &str) {
        self.ask("window.left = true");
        self.press(key);
        self.until("!window.left && document.readyState === 'complete'");
    }

    /// Types a text where the focus is.
    pub(crate) fn type_in(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Goes on with the Tab key until something is focused.
    pub(crate) fn tab_to(&mut self, selector: &str) {
        const STEPS: usize = 60;
        for _ in 0..STEPS {
            self.press("Tab");
            if self.ask(&format!("document.activeElement.matches(\"{selector}\")")) == true {
                return;
            }
        }
        panic!("{selector} is not reached by {STEPS} steps of the Tab key");
    }

    pub(crate) fn text(&mut self, id: &str) -> String {
        let said = self.ask(&format!("document.getElementById('{id}').textContent"));
        said.as_str().unwrap_or_default().trim().to_owned()
    }

    pub(crate) fn click(&mut self, id: &str) {
        self.ask(&format!("document.getElementById('{id}').click()"));
    }

    /// Takes the network away, or gives it back.
    pub(crate) fn network(&mut self, there: bool) {
        let conditions = json!({ "offline": !there, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.call("Network.emulateNetworkConditions", &conditions);
    }

    /// Returns a picture of the page as PNG, a pixel for each of the page's.
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        let clip = json!({ "x": 0, "y": 0, "width": SMALL.0, "height": SMALL.1, "scale": 0.5 });
        let picture = self.call("Page.captureScreenshot", &json!({ "format": "png", "clip": clip }));
        base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }
}
