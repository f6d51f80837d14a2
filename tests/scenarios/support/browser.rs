//! A headless Chromium, driven over WebDriver (W3C) by the few requests that are needed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use super::{free_port, until};

/// How long a page may take on a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(60);
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The driver and its browser. Dropped, both end.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    base: String,
}

impl Browser {
    /// A browser that wants `language`, for the console at `port`.
    pub fn start(language: &str, port: u16) -> Self {
        let own = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={own}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("chromedriver: {e}; scripts/install-test-packages installs it"));
        let mut browser = Self { driver, port: own, session: String::new(), base: format!("https://127.0.0.1:{port}") };
        until("chromedriver answers", PATIENCE, || TcpStream::connect(("127.0.0.1", own)).is_ok());
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": {
                "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900",
                         "--disable-background-networking", "--disable-component-update"],
                "prefs": { "intl.accept_languages": language },
            },
        } } });
        let made = browser.call("POST", "/session", &wanted);
        browser.session = made["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {made}")).to_owned();
        browser
    }

    /// Opens a page of the console.
    pub fn open(&self, path: &str) {
        self.post("/url", &json!({ "url": format!("{}{path}", self.base) }));
    }

    /// The path that is shown.
    pub fn path(&self) -> String {
        let url = self.get("/url");
        url.as_str().unwrap().trim_start_matches(&self.base).to_owned()
    }

    /// The text that people see.
    pub fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Waits until people see a text.
    pub fn see(&self, wanted: &str) {
        let begin = Instant::now();
        while !self.text().contains(wanted) {
            assert!(begin.elapsed() < PATIENCE, "no “{wanted}” at {}:\n{}", self.path(), self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types into the field that a CSS selector finds.
    pub fn fill(&self, selector: &str, typed: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(&format!("/element/{element}/value"), &json!({ "text": typed }));
    }

    /// Presses what a CSS selector finds.
    pub fn press(&self, selector: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Presses the button or link with this text.
    pub fn press_text(&self, text: &str) {
        let script = "const t = arguments[0]; return [...document.querySelectorAll('button, a, summary')]
            .find((e) => e.innerText.trim() === t && e.checkVisibility())";
        let begin = Instant::now();
        loop {
            let found = self.post("/execute/sync", &json!({ "script": script, "args": [text] }));
            // A page that follows what happens may have drawn it anew meanwhile.
            if let Some(element) = found[ELEMENT].as_str() {
                let path = format!("/session/{}/element/{element}/click", self.session);
                match self.ask("POST", &path, &json!({}))["error"].as_str() {
                    None => return,
                    Some("stale element reference") => {}
                    Some(error) => panic!("“{text}”: {error}"),
                }
            }
            assert!(begin.elapsed() < PATIENCE, "nothing reads “{text}” at {}:\n{}", self.path(), self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a script in the page.
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Runs a script that calls its last argument when it is done.
    pub fn run_later(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// How wide the window is, and whether it is night.
    pub fn look(&self, width: u32, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        self.chrome(
            "Emulation.setDeviceMetricsOverride",
            &json!({
                "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600,
            }),
        );
        self.chrome(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        );
    }

    /// The whole page as a picture.
    pub fn picture(&self, to: &Path) {
        let shot = self.chrome("Page.captureScreenshot", &json!({ "format": "png", "captureBeyondViewport": true }));
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(to, bytes).unwrap();
    }

    /// What the page complained about since the last time.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let severe = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].to_string()).collect()
    }

    /// Every address that was asked for since the last time, with its status where there was an answer.
    pub fn asked(&self) -> Vec<(String, u64)> {
        let log = self.post("/se/log", &json!({ "type": "performance" }));
        let mut found = Vec::new();
        for entry in log.as_array().unwrap() {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let (method, params) = (&message["message"]["method"], &message["message"]["params"]);
            if method == "Network.requestWillBeSent" {
                found.push((params["request"]["url"].as_str().unwrap_or_default().to_owned(), 0));
            } else if method == "Network.responseReceived" {
                let (url, status) = (&params["response"]["url"], &params["response"]["status"]);
                found.push((url.as_str().unwrap_or_default().to_owned(), status.as_u64().unwrap_or(0)));
            }
        }
        found
    }

    fn chrome(&self, command: &str, params: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": params }))
    }

    fn element(&self, selector: &str) -> String {
        let begin = Instant::now();
        loop {
            let found = self.post("/elements", &json!({ "using": "css selector", "value": selector }));
            if let Some(element) = found[0][ELEMENT].as_str() {
                return element.to_owned();
            }
            assert!(begin.elapsed() < PATIENCE, "no {selector} at {}:\n{}", self.path(), self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn get(&self, path: &str) -> Value {
        self.call("GET", &format!("/session/{}{path}", self.session), &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}{path}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let value = self.ask(method, path, body);
        assert!(value["error"].is_null(), "{method} {path}: {value}");
        value
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        // The driver keeps the connection open, whatever it is asked.
        let mut stream = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while stream.read_line(&mut line).unwrap() > 2 {
            if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).unwrap();
        let body = String::from_utf8_lossy(&answer);
        let value: Value = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{method} {path}: {e}: {body}"));
        value["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
