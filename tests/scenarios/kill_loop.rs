//! `kill -9` under load, again and again: what was acknowledged is delivered or queued.

use crate::support;

use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup, client, until};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Rounds of the loop. `SEKISHO_KILLS` asks for more.
fn rounds() -> u64 {
    std::env::var("SEKISHO_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

#[test]
fn every_acknowledged_message_survives_kill_9() {
    let mut server = Server::prepare(&Setup { accounts: &["user"], ..Setup::default() });
    let user = server.address("user");
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let next = Arc::new(AtomicU64::new(0));
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..rounds() {
        server.launch();
        let stop = Arc::new(AtomicBool::new(false));
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let (port, user) = (server.ports.smtp, user.clone());
                let (stop, next, acknowledged) = (stop.clone(), next.clone(), acknowledged.clone());
                std::thread::spawn(move || send_until(port, &user, &stop, &next, &acknowledged))
            })
            .collect();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = Duration::from_micros((seed >> 33) % 60_000);
        let before = acknowledged.lock().unwrap().len();
        let begin = Instant::now();
        until("some mail gets through", Duration::from_secs(20), || {
            begin.elapsed() >= wait && (round % 4 == 3 || acknowledged.lock().unwrap().len() > before)
        });
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.join().unwrap();
        }
    }
    server.launch();
    until("queue empties", Duration::from_secs(60), || server.queued() == 0);
    let found = delivered(&server, &user);
    let acknowledged = acknowledged.lock().unwrap();
    let lost: Vec<_> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    assert!(acknowledged.len() as u64 >= rounds() / 2, "only {} messages were acknowledged", acknowledged.len());
    let check = server.cli(&["store", "check"]);
    assert!(check.status.success(), "{}", support::text(&check));
}

fn send_until(port: u16, user: &str, stop: &AtomicBool, next: &AtomicU64, acknowledged: &Mutex<BTreeSet<u64>>) {
    let mut wire: Option<Wire> = None;
    while !stop.load(Ordering::Relaxed) {
        let n = next.fetch_add(1, Ordering::Relaxed);
        // Every 16th body is large enough to lie in a file of its own.
        let size = if n.is_multiple_of(16) { 90_000 } else { 500 };
        let text = format!("From: a@outside.example\r\nSubject: key-{n}-\r\n\r\n{}", "x".repeat(70).repeat(size / 70));
        if wire.is_none() {
            let Ok(mut fresh) = Wire::try_connect(port) else { continue };
            fresh.reply();
            fresh.command("EHLO client.outside.example");
            wire = Some(fresh);
        }
        let Some(line) = wire.as_mut() else { continue };
        if line.message("a@outside.example", user, &fold(&text)).starts_with("250") {
            acknowledged.lock().unwrap().insert(n);
        } else {
            wire = None;
        }
    }
}

/// Lines of at most 70 characters in the body.
fn fold(text: &str) -> String {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let lines: Vec<&str> = body.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("{head}\r\n\r\n{}", lines.join("\r\n"))
}

/// Keys of all messages in the mailbox.
fn delivered(server: &Server, user: &str) -> BTreeSet<u64> {
    let program = r#"
import imaplib, ssl, sys, re
context = ssl._create_unverified_context()
m = imaplib.IMAP4_SSL("127.0.0.1", int(sys.argv[1]), ssl_context=context)
m.login(sys.argv[2], sys.argv[3]); m.select("INBOX", readonly=True)
kind, rows = m.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
for row in rows:
    if isinstance(row, tuple):
        print(re.search(rb"key-(\d+)-", row[1]).group(1).decode())
"#;
    let port = server.ports.imaps.to_string();
    let out = client("python3", &["-c", program, &port, user, PASSWORD], &server.data);
    out.lines().map(|line| line.parse().unwrap()).collect()
}
