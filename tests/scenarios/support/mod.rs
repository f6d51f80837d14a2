//! A whole server as its own process in a scratch folder, and the clients that use it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub mod browser;
pub mod site;
pub mod wire;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A password that the strength check accepts.
pub const PASSWORD: &str = "quiet-Harbor-92-lantern";

/// A free port of loopback, below the range from which outgoing connections get theirs, and never
/// the same one twice in this process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id() * 97;
    loop {
        let n = start + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + u16::try_from(n % 22_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Polls until `ready` says yes, or fails after `limit`.
pub fn until(what: &str, limit: Duration, mut ready: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !ready() {
        assert!(begin.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Ports of the listeners of one server.
#[derive(Clone, Copy)]
pub struct Ports {
    pub smtp: u16,
    pub submission: u16,
    pub submissions: u16,
    pub pop3: u16,
    pub pop3s: u16,
    pub imap: u16,
    pub imaps: u16,
}

/// A server in its own folder. Dropped, it is killed and its folder removed.
pub struct Server {
    pub data: PathBuf,
    pub ports: Ports,
    pub domain: String,
    process: Option<Child>,
    keep: bool,
}

/// What a server is made from; the defaults are a closed server that delivers by MX.
pub struct Setup<'a> {
    pub domain: &'a str,
    pub accounts: &'a [&'a str],
    pub routes: &'a str,
    pub effect: Option<&'a str>,
    pub require_tls: bool,
    pub store: Option<&'a str>,
    pub more: &'a str,
    pub console: Option<u16>,
    pub data: Option<PathBuf>,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            domain: "example.test",
            accounts: &[],
            routes: "[]",
            effect: None,
            require_tls: true,
            store: None,
            more: "",
            console: None,
            data: None,
        }
    }
}

impl Server {
    /// Makes folder, configuration and accounts, and starts the server.
    pub fn start(setup: &Setup<'_>) -> Self {
        let mut server = Self::prepare(setup);
        server.launch();
        server
    }

    /// The same without starting it.
    pub fn prepare(setup: &Setup<'_>) -> Self {
        let keep = setup.data.is_some();
        let data = setup.data.clone().unwrap_or_else(scratch);
        let ports = Ports {
            smtp: free_port(),
            submission: free_port(),
            submissions: free_port(),
            pop3: free_port(),
            pop3s: free_port(),
            imap: free_port(),
            imaps: free_port(),
        };
        let server = Self { data, ports, domain: setup.domain.into(), process: None, keep };
        server.run(&["init", "--hostname", &format!("mx.{}", setup.domain), "--domain", setup.domain]);
        server.configure(setup);
        if setup.store.is_some() {
            server.run(&["domain", "add", setup.domain]);
        }
        if let Some(effect) = setup.effect {
            std::fs::write(server.data.join("effect.dat"), effect).unwrap();
        }
        for account in setup.accounts {
            server.add_account(account);
        }
        server
    }

    /// Writes the configuration anew.
    pub fn configure(&self, setup: &Setup<'_>) {
        std::fs::write(self.data.join("sekisho.toml"), configuration(setup, self.ports)).unwrap();
    }

    pub fn add_account(&self, local: &str) {
        let address = self.address(local);
        let done = self.cli_with(&["account", "add", &address, "--password-stdin"], PASSWORD);
        assert!(done.status.success(), "account add {address}: {}", text(&done));
    }

    pub fn address(&self, local: &str) -> String {
        if local.contains('@') { local.into() } else { format!("{local}@{}", self.domain) }
    }

    /// Starts the process and waits until the last listener answers.
    pub fn launch(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.data.join("test.log")).unwrap();
        let child = Command::new(binary())
            .arg("--data")
            .arg(&self.data)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(child);
        // Its own socket first: until it serves that, a command line call would take the folder for itself.
        let (data, process) = (self.data.clone(), self.process.as_mut().unwrap());
        until("server serves its socket", Duration::from_secs(20), || {
            let ended = process.try_wait().unwrap();
            let log = || std::fs::read_to_string(data.join("test.log")).unwrap_or_default();
            assert!(ended.is_none(), "server ended with {}: {}", ended.unwrap(), log());
            std::os::unix::net::UnixStream::connect(data.join("control.sock")).is_ok()
        });
        for port in [self.ports.smtp, self.ports.imap, self.ports.pop3, self.ports.submission] {
            let data = self.data.clone();
            until("server answers", Duration::from_secs(20), || {
                std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() || {
                    let log = std::fs::read_to_string(data.join("test.log")).unwrap_or_default();
                    assert!(!log.contains("panicked"), "{log}");
                    false
                }
            });
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// `SIGTERM`, and the exit that must follow.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.process.take() {
            let pid = child.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
            until("server stops", Duration::from_secs(30), || child.try_wait().unwrap().is_some());
        }
    }

    /// One command line call, whatever its exit code.
    pub fn cli(&self, args: &[&str]) -> Output {
        self.cli_with(args, "")
    }

    pub fn cli_with(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(binary())
            .env("LANG", "C.UTF-8")
            .env_remove("LC_ALL")
            .env_remove("LC_MESSAGES")
            .arg("--data")
            .arg(&self.data)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// A command line call that must succeed; its standard output.
    pub fn run(&self, args: &[&str]) -> String {
        let done = self.cli(args);
        assert!(done.status.success(), "sekisho {}: {}", args.join(" "), text(&done));
        String::from_utf8(done.stdout).unwrap()
    }

    /// The entries of a log, which are printed as one JSON value a line.
    pub fn entries(&self, args: &[&str]) -> Vec<serde_json::Value> {
        let out = self.run(&[&["logs"], args, &["--json"]].concat());
        out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{args:?}: {e}: {line}"))).collect()
    }

    /// A reading verb as JSON.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let out = self.run(&[args, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}: {out}"))
    }

    /// Messages of all stages of the queue.
    pub fn queued(&self) -> u64 {
        let status = self.json(&["queue", "status"]);
        status["stages"].as_object().unwrap().values().map(|stage| stage["recipients"].as_u64().unwrap()).sum()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.join("test.log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("server log of {}:\n{}", self.data.display(), tail(&self.log()));
        }
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

fn configuration(setup: &Setup<'_>, p: Ports) -> String {
    let Setup { domain, routes, require_tls, more, .. } = setup;
    let store = setup.store.unwrap_or("sqlite:sekisho.db");
    let console = setup.console.map_or_else(String::new, |port| format!("\"127.0.0.1:{port}\""));
    format!(
        r#"hostname = "mx.{domain}"
[listen]
smtp = ["127.0.0.1:{}"]
submission = ["127.0.0.1:{}"]
submissions = ["127.0.0.1:{}"]
pop3 = ["127.0.0.1:{}"]
pop3s = ["127.0.0.1:{}"]
imap = ["127.0.0.1:{}"]
imaps = ["127.0.0.1:{}"]
console = [{console}]
[store]
url = "{store}"
[tls]
require_for_auth = {require_tls}
[delivery]
routes = {routes}
{more}
"#,
        p.smtp, p.submission, p.submissions, p.pop3, p.pop3s, p.imap, p.imaps
    )
}

fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_sekisho")
}

/// A fresh folder for one server.
pub fn scratch() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("sekisho-test-{}-{n}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// Both outputs of a finished program, for failure messages.
pub fn text(output: &Output) -> String {
    format!("{}\n{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a client program that must succeed; its standard output.
pub fn client(program: &str, args: &[&str], folder: &Path) -> String {
    let done = client_any(program, args, folder);
    assert!(done.status.success(), "{program} {}: {}", args.join(" "), text(&done));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Runs a client program, whatever its exit code.
pub fn client_any(program: &str, args: &[&str], folder: &Path) -> Output {
    Command::new(program)
        .args(args)
        .current_dir(folder)
        .env("HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}; scripts/install-test-packages installs it"))
}
