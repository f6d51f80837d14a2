//! The `sekisho` process under a service manager: readiness, passed sockets, signals, exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sekisho_testkit::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_sekisho");
const CONFIGURATION: &str = "hostname = 'mx.example.jp'\n[listen]\nsmtp = ['127.0.0.1:0']\nsubmission = []\n\
                             submissions = []\npop3 = []\npop3s = []\nimap = []\nimaps = []\n";

/// Kills what a failed test leaves behind.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }

    /// The exit code, within half a minute.
    fn exit(&mut self) -> Option<i32> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "the process does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A socket that hears what the service manager would hear.
fn manager(dir: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(dir.join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    socket
}

fn heard(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 4_096];
    let n = manager.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..n]).trim().to_owned()
}

fn sekisho(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(BINARY).env("LC_ALL", "C").arg("--data").arg(dir).args(args).output().unwrap();
    (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
}

#[test]
fn a_service_manager_hears_ready_and_stopping_and_can_pass_sockets() {
    let dir = TempDir::new("process").unwrap();
    let data = dir.join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("sekisho.toml"), CONFIGURATION).unwrap();
    let manager = manager(dir.path());
    let passed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = passed.local_addr().unwrap();
    // The shell moves the socket to descriptor 3, where systemd passes the first one.
    let script = "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=smtp; exec \"$@\"";
    let child = Command::new("sh")
        .args(["-c", script, "sh", BINARY, "--data"])
        .arg(&data)
        .arg("serve")
        .env("NOTIFY_SOCKET", dir.join("notify"))
        .env("WATCHDOG_USEC", "400000")
        .stdin(Stdio::from(OwnedFd::from(passed)))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    let mut seen = Vec::new();
    while !seen.contains(&"READY=1".to_owned()) || !seen.contains(&"WATCHDOG=1".to_owned()) {
        seen.push(heard(&manager));
        assert!(seen.len() < 100, "{seen:?}");
    }
    let mut greeting = String::new();
    BufReader::new(TcpStream::connect(address).unwrap()).read_line(&mut greeting).unwrap();
    assert!(greeting.starts_with("220 mx.example.jp"), "{greeting}");
    assert_eq!(sekisho(&data, &["domain", "add", "example.jp"]).0, Some(0), "verbs work while it runs");
    process.signal("-HUP");
    assert_eq!(sekisho(&data, &["domain", "list"]).0, Some(0), "a hang-up reloads and does not end it");
    process.signal("-TERM");
    let begin = Instant::now();
    while heard(&manager) != "STOPPING=1" {
        assert!(begin.elapsed() < Duration::from_secs(30));
    }
    assert_eq!(process.exit(), Some(0));
    let log = std::fs::read_to_string(dir.join("log")).unwrap();
    assert!(log.contains("rules will be read again") && log.contains("stopped"), "{log}");
    let (code, domains) = sekisho(&data, &["domain", "list", "--json"]);
    assert_eq!(code, Some(0), "verbs work when it is stopped");
    assert!(domains.contains("example.jp"), "{domains}");
}

#[test]
fn exit_codes_tell_found_from_could_not() {
    let dir = TempDir::new("process").unwrap();
    let data = dir.join("data");
    let code = |args: &[&str]| sekisho(&data, args).0;
    assert_eq!(code(&["version"]), Some(0));
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["explode"]), Some(2));
    assert_eq!(code(&["domain", "list"]), Some(2), "there is no folder yet");
    assert_eq!(code(&["init", "--hostname", "mx.example.jp", "--domain", "example.jp"]), Some(0));
    assert_eq!(code(&["account", "show", "nobody@example.jp"]), Some(1));
    std::fs::write(data.join("effect.dat"), "nonsense nonsense\n").unwrap();
    assert_eq!(code(&["rules", "check"]), Some(1));
    std::fs::write(data.join("sekisho.toml"), "hostname = 1\n").unwrap();
    assert_eq!(code(&["serve"]), Some(2));
}

#[test]
fn a_socket_with_an_unknown_name_is_refused() {
    let dir = TempDir::new("process").unwrap();
    std::fs::write(dir.join("sekisho.toml"), CONFIGURATION).unwrap();
    let passed = TcpListener::bind("127.0.0.1:0").unwrap();
    let script = "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=gopher; exec \"$@\"";
    let done = Command::new("sh")
        .args(["-c", script, "sh", BINARY, "--lang", "en", "--data"])
        .arg(dir.path())
        .arg("serve")
        .stdin(Stdio::from(OwnedFd::from(passed)))
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("gopher"));
}
