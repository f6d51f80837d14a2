//! Who hears of an incident, and how often.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::site::Site;
use crate::support::{PASSWORD, text, until};

const HOME: &str = "127.13.1.5";

/// A web server that answers 503 the first time and 200 from then on; what was posted, head and body.
struct Hook {
    port: u16,
    posts: Arc<Mutex<Vec<(String, String)>>>,
}

impl Hook {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let posts: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let kept = Arc::clone(&posts);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let mut heard = Vec::new();
                let mut piece = [0; 4_096];
                let whole = loop {
                    let n = stream.read(&mut piece).unwrap_or(0);
                    heard.extend_from_slice(&piece[..n]);
                    let all = String::from_utf8_lossy(&heard).into_owned();
                    if let Some((head, body)) = all.split_once("\r\n\r\n") {
                        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                        if n == 0 || body.len() >= length.unwrap().parse::<usize>().unwrap() {
                            break (head.to_owned(), body.to_owned());
                        }
                    }
                };
                let mut posts = kept.lock().unwrap();
                let answer = if posts.is_empty() { "503 Busy" } else { "200 OK" };
                posts.push(whole);
                let _ = stream.write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").as_bytes());
            }
        });
        Self { port, posts }
    }

    fn posts(&self) -> Vec<(String, String)> {
        self.posts.lock().unwrap().clone()
    }
}

#[test]
fn an_incident_is_told_by_mail_webhook_command_and_to_the_owner_and_again_when_nobody_answers() {
    let hook = Hook::start();
    let folder = crate::support::scratch();
    let file = folder.join("alert.json");
    let more = format!(
        "[guard.alert]\nmail = ['night@watch.example', 'taro@example.test']\nwebhook = 'http://127.0.0.1:{}/hook'\n\
         webhook_secret = 'shared'\ncommand = ['/bin/sh', '-c', 'cat > {}']\n",
        hook.port,
        file.display()
    );
    let site = Site::start(&["taro"], None, &more);
    site.ordinary_weeks("taro", HOME, 8);
    site.server.run(&["incident", "contain", "taro@example.test", "--reason", "a complaint"]);
    site.reaches_at_once("night@watch.example");
    until("the command has run", Duration::from_secs(20), || std::fs::read(&file).is_ok_and(|bytes| !bytes.is_empty()));
    until("the webhook was called", Duration::from_secs(20), || !hook.posts().is_empty());
    // It was busy, so it is told again.
    until("the webhook is called again", Duration::from_secs(30), || {
        site.pass(Duration::from_secs(20));
        hook.posts().len() >= 2
    });
    let (head, body) = hook.posts()[1].clone();
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&told["event"], &told["incident"]["account"]), (&"incident".into(), &"taro@example.test".into()));
    assert!(told["next"][0]["ja"].as_str().unwrap().contains("本人"), "{told:#}");
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let stamp = field("X-Sekisho-Timestamp: ");
    let signed = std::process::Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", "shared", "-r"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            child.stdin.take().unwrap().write_all(format!("{stamp}.{body}").as_bytes())?;
            child.wait_with_output()
        });
    let expected = text(&signed.unwrap());
    let signature = field("X-Sekisho-Signature: sha256=");
    assert!(expected.contains(&signature), "{expected} {signature}");
    // The owner reads at home that he cannot send, and nothing that helps anybody else.
    let notice = || site.inbox(HOME, "taro", PASSWORD);
    until("the owner is told", Duration::from_secs(20), || {
        site.pass(Duration::from_secs(10));
        notice().len() == 1
    });
    assert!(notice()[0].contains("Auto-Submitted: auto-generated"));
    let mails = || site.outside.messages().iter().filter(|m| m.recipients == ["night@watch.example"]).count();
    assert_eq!(mails(), 1);
    site.hours(5);
    until("they are reminded", Duration::from_secs(20), || mails() == 2);
    let acts = site.server.json(&["incident", "show", "1"])["acts"].clone();
    let notices: Vec<_> = acts.as_array().unwrap().iter().filter(|act| act["what"] == "incident.notice").collect();
    assert_eq!(notices.len(), 2, "{acts:#}");
    assert_eq!(notices[0]["detail"]["mail"], serde_json::json!(["night@watch.example"]), "never the abused mailbox");
    // Nobody is reminded of what is resolved.
    let done = site.server.cli_with(&["incident", "resolve", "1", "--password-stdin"], "seven-Plover-41-Saddle");
    assert!(done.status.success(), "{}", text(&done));
    for _ in 0..4 {
        site.hours(24);
    }
    assert_eq!(mails(), 2);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_test_alert_says_what_came_of_it_and_administrators_are_told_where_nobody_is_named() {
    let site = Site::start(&["taro"], None, "[guard.alert]\nmail = ['taro@example.test']\ncommand = ['/bin/false']\n");
    let tried = site.server.cli(&["alert", "test", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&tried.stdout).unwrap();
    assert_eq!(tried.status.code(), Some(1), "the command failed: {told:#}");
    let of = |channel: &str| told.as_array().unwrap().iter().find(|one| one["channel"] == channel).unwrap().clone();
    assert_eq!((&of("mail")["target"], &of("mail")["ok"]), (&"taro@example.test".into(), &true.into()));
    assert_eq!(of("command")["ok"], false);
    until("the test arrives", Duration::from_secs(20), || site.inbox(HOME, "taro", PASSWORD).len() == 1);
    site.server.run(&["incident", "contain", "taro@example.test"]);
    let told = || {
        let acts = site.server.json(&["incident", "show", "1"])["acts"].clone();
        let notices = acts.as_array().unwrap().iter().find(|act| act["what"] == "incident.notice").cloned();
        notices.map(|act| act["detail"]["mail"].clone())
    };
    until("somebody is told", Duration::from_secs(20), || told().is_some());
    let mail = told().unwrap();
    assert!(mail.as_array().is_some_and(|all| all.len() == 1 && all[0] != "taro@example.test"), "{mail}");
}
