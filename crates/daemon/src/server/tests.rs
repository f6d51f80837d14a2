#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use sekisho_message::Language;
use sekisho_testkit::TempDir;

use super::*;
use crate::config::{Config, write_first};
use crate::desk::{Caller, Query};
use crate::first;

/// Every service on a port of the kernel's choice.
const ANY: &str = "hostname = 'mx.example.jp'\n[listen]\nsmtp = ['127.0.0.1:0']\nsubmission = ['127.0.0.1:0']\n\
                   submissions = ['127.0.0.1:0']\npop3 = ['127.0.0.1:0']\npop3s = []\nimap = ['127.0.0.1:0']\n\
                   imaps = ['127.0.0.1:0']\nconsole = []\n[tls]\nrequire_for_auth = false\n[logs]\nfiles = true\n";

fn settings(dir: &TempDir) -> Settings {
    write_first(dir.path(), ANY).unwrap();
    Settings { dir: dir.path().to_owned(), config: Config::parse(ANY).unwrap() }
}

async fn start(settings: &Settings) -> Running {
    let bound = bind(&settings.config.listen).unwrap();
    Server::start(settings.clone(), bound, Clock::system()).await.unwrap()
}

struct Wire(BufReader<TcpStream>);

impl Wire {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(BufReader::new(stream))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn say(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let mut last = self.line();
        while last.as_bytes().get(3) == Some(&b'-') {
            last = self.line();
        }
        last
    }
}

/// Submits one message, reads it over POP3, and says what the logs say.
fn use_it(submission: SocketAddr, pop3: SocketAddr, who: &first::Administrator) -> String {
    use base64::Engine as _;
    let mut smtp = Wire::connect(submission);
    assert!(smtp.line().starts_with("220 mx.example.jp"));
    assert!(smtp.say("EHLO client.example").starts_with("250"));
    let plain = format!("\0{}\0{}", who.address, who.password);
    let plain = base64::engine::general_purpose::STANDARD.encode(plain);
    assert!(smtp.say(&format!("AUTH PLAIN {plain}")).starts_with("235"));
    assert!(smtp.say(&format!("MAIL FROM:<{}>", who.address)).starts_with("250"));
    assert!(smtp.say(&format!("RCPT TO:<{}>", who.address)).starts_with("250"));
    assert!(smtp.say("DATA").starts_with("354"));
    let message = format!("From: <{}>\r\nSubject: =?UTF-8?B?5pyA5Yid?=\r\n\r\nhello\r\n.", who.address);
    let queued = smtp.say(&message);
    assert!(queued.starts_with("250 2.0.0"), "{queued}");
    let begin = std::time::Instant::now();
    loop {
        let mut pop = Wire::connect(pop3);
        assert!(pop.line().starts_with("+OK"));
        assert!(pop.say(&format!("USER {}", who.address)).starts_with("+OK"));
        assert!(pop.say(&format!("PASS {}", who.password)).starts_with("+OK"));
        if pop.say("RETR 1").starts_with("+OK") {
            let mut all = String::new();
            pop.0.get_mut().write_all(b"QUIT\r\n").unwrap();
            pop.0.read_to_string(&mut all).unwrap();
            assert!(all.contains("hello\r\n"), "{all}");
            return queued.rsplit(' ').next().unwrap().trim().to_owned();
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "not delivered");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_server_takes_delivers_and_logs_a_message_and_stops_cleanly() {
    let dir = TempDir::new("server").unwrap();
    let settings = settings(&dir);
    let running = start(&settings).await;
    let who = first::people(running.control(), "example.jp", Language::Ja).await.unwrap();
    let address = |service| running.address(service).unwrap();
    let (submission, pop3, imap) = (address(Service::Submission), address(Service::Pop3), address(Service::Imap));
    assert_eq!(running.address(Service::Pop3s), None, "an empty list switches a service off");
    let again = Server::start(settings.clone(), Bound::default(), Clock::system()).await;
    assert!(again.err().unwrap().text.en.contains("in use"));
    let verbs = settings.clone();
    tokio::task::spawn_blocking(move || {
        let id = use_it(submission, pop3, &who);
        assert!(Wire::connect(imap).line().starts_with("* OK"));
        let mut caller = Caller::find(&verbs).unwrap();
        assert!(matches!(caller, Caller::Server(_)));
        let filter = sekisho_store::journal::JournalFilter { message: Some(id), ..Default::default() };
        let page = caller.ask(Query::Logs { filter, after: 0, limit: 100 }).unwrap();
        let kinds: Vec<&str> =
            page["entries"].as_array().unwrap().iter().map(|e| e["entry"]["kind"].as_str().unwrap()).collect();
        assert!(kinds.contains(&"in") && kinds.contains(&"out"), "{kinds:?}");
    })
    .await
    .unwrap();
    // A session that is open when the server stops hears goodbye.
    let idle = tokio::task::spawn_blocking(move || {
        let mut wire = Wire::connect(imap);
        wire.line();
        wire
    });
    let mut idle = idle.await.unwrap();
    let begin = std::time::Instant::now();
    running.stop().await;
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(tokio::task::spawn_blocking(move || idle.line()).await.unwrap().starts_with("* BYE"));
    assert!(!settings.dir.join(SOCKET).exists());
    let caller = tokio::task::spawn_blocking(move || matches!(Caller::find(&settings).unwrap(), Caller::Here(_)));
    assert!(caller.await.unwrap(), "verbs work on the store when the server is stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seven_logs_are_mirrored_as_daily_files_when_asked_for() {
    let dir = TempDir::new("server").unwrap();
    let settings = settings(&dir);
    let running = start(&settings).await;
    let smtp = running.address(Service::Smtp).unwrap();
    let folder = settings.dir.join("logs/acceptlog");
    let logged = tokio::task::spawn_blocking(move || {
        let begin = std::time::Instant::now();
        loop {
            // The mirror begins where the journal ends when it starts, so more than one may be needed.
            let mut wire = Wire::connect(smtp);
            wire.line();
            wire.say("QUIT");
            let files: Vec<_> = std::fs::read_dir(&folder).into_iter().flatten().flatten().collect();
            let text = files.first().map(|file| std::fs::read_to_string(file.path()).unwrap()).unwrap_or_default();
            if text.contains("Client accept now.") {
                return text;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "no log file");
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let logged = logged.await.unwrap();
    assert!(logged.contains("(mx.example.jp), [127.0.0.1]:"), "{logged}");
    running.stop().await;
}

#[test]
fn routes_with_a_password_want_a_host_that_proves_its_name() {
    let row = |host: &str, password: Option<&str>, tls| RouteRow {
        domain: "*".into(),
        host: host.into(),
        port: 587,
        username: password.map(|_| "u".into()),
        password: password.map(str::to_owned),
        tls,
    };
    assert_eq!(route(&row("smart.example.jp", Some("p"), None)).tls, TlsMode::Required);
    assert_eq!(route(&row("127.0.0.1", Some("p"), None)).tls, TlsMode::Opportunistic);
    assert_eq!(route(&row("smart.example.jp", None, None)).tls, TlsMode::Opportunistic);
    assert_eq!(route(&row("smart.example.jp", Some("p"), Some(RouteTls::Implicit))).tls, TlsMode::Implicit);
}
