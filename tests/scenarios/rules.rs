//! What accounts' own rules do with mail, over the wire: forwards, automatic replies, filters, send hours, routes.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_testkit::peer::{Act, Received, Script, ScriptedPeer};

use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup, until};

const PATIENCE: Duration = Duration::from_secs(30);

/// A server whose mail for others goes to the peer.
fn site(peer: &ScriptedPeer, accounts: &[&str]) -> Server {
    let port = peer.address().port();
    let routes = format!("[{{ domain = \"*\", host = \"127.0.0.1\", port = {port}, tls = \"none\" }}]");
    Server::start(&Setup { accounts, routes: &routes, require_tls: false, ..Setup::default() })
}

fn send(server: &Server, from: &str, to: &[&str], header: &str) -> String {
    let named = to.join(">, <");
    let text = format!("From: <{from}>\r\nTo: <{named}>\r\n{header}\r\nhello");
    let mut wire = Wire::smtp(server.ports.smtp);
    assert!(wire.command(&format!("MAIL FROM:<{from}>")).starts_with("250"));
    for to in to {
        let reply = wire.command(&format!("RCPT TO:<{to}>"));
        if !reply.starts_with("250") {
            return reply;
        }
    }
    assert!(wire.command("DATA").starts_with("354"));
    wire.command(&format!("{text}\r\n."))
}

/// How many messages an account has.
fn count(server: &Server, local: &str) -> u64 {
    server.json(&["account", "show", &server.address(local)])["messages"].as_u64().unwrap()
}

fn has(server: &Server, local: &str, wanted: u64) {
    until(&format!("{local} has {wanted}"), PATIENCE, || count(server, local) == wanted);
}

/// Whether the outlog says so.
fn said(server: &Server, words: &str) -> bool {
    server
        .entries(&["outlog"])
        .iter()
        .any(|entry| entry["detail"]["reply"].as_str().unwrap_or_default().contains(words))
}

fn header(message: &Received, name: &str) -> String {
    let text = String::from_utf8_lossy(&message.data).into_owned();
    let start = format!("{}:", name.to_lowercase());
    let found = text.lines().find(|line| line.to_lowercase().starts_with(&start));
    found.map(|line| line[start.len()..].trim().to_owned()).unwrap_or_default()
}

#[test]
fn a_forward_leaves_under_our_name_and_its_bounce_goes_back() {
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    let server = site(&peer, &["taro"]);
    let taro = server.address("taro");
    server.run(&["account", "forward", &taro, "--to", "taro@home.example"]);
    assert!(send(&server, "hanako@outside.example", &[&taro], "").starts_with("250"));
    let forwarded = peer.wait_for(1, PATIENCE).remove(0);
    assert_eq!(forwarded.recipients, ["taro@home.example"]);
    let signed = forwarded.reverse_path.clone();
    assert!(signed.starts_with("SRS0=") && signed.ends_with("@example.test"), "{signed}");
    assert_eq!(header(&forwarded, "Delivered-To"), taro);
    has(&server, "taro", 1);

    // A bounce to it goes back to the sender; nothing else goes anywhere by it.
    let mut wire = Wire::smtp(server.ports.smtp);
    let reply =
        wire.message("", &signed, "From: <mailer-daemon@home.example>\r\nSubject: returned\r\n\r\nno such user");
    assert!(reply.starts_with("250"), "{reply}");
    let back = peer.wait_for(2, PATIENCE).remove(1);
    assert_eq!((back.reverse_path.as_str(), back.recipients), ("", vec!["hanako@outside.example".to_owned()]));
    let forged = signed.replace("outside.example", "victim.example");
    let refused = wire.message("", &forged, "Subject: x\r\n\r\nx");
    assert!(refused.starts_with("550 5.1.1"), "{refused}");
    let refused = wire.message("spam@outside.example", &signed, "Subject: x\r\n\r\nx");
    assert!(refused.starts_with("550 5.1.1"), "{refused}");

    // What comes round stays.
    let round = format!("Delivered-To: {taro}\r\n");
    assert!(send(&server, "hanako@outside.example", &[&taro], &round).starts_with("250"));
    has(&server, "taro", 2);
    until("the loop is noticed", PATIENCE, || said(&server, "not forwarded: it was forwarded"));

    // A suspended account forwards nothing, and a held one holds what it forwards.
    server.run(&["account", "suspend", &taro]);
    assert!(send(&server, "hanako@outside.example", &[&taro], "").starts_with("250"));
    has(&server, "taro", 3);
    until("nothing waits", PATIENCE, || server.queued() == 0);
    assert_eq!(peer.count(), 2);
    server.run(&["account", "resume", &taro]);
    server.run(&["queue", "hold", "--account", &taro]);
    assert!(send(&server, "hanako@outside.example", &[&taro], "").starts_with("250"));
    until("held", PATIENCE, || server.json(&["queue", "status"])["stages"]["holding"]["recipients"] == 1);
    assert_eq!(peer.count(), 2);
    server.run(&["queue", "release", "--account", &taro]);
    assert_eq!(peer.wait_for(3, PATIENCE).len(), 3);
}

#[test]
fn only_permitted_senders_are_forwarded_and_a_failure_is_told_to_the_owner() {
    let script = Script::new().on_with("RCPT", "gone", Act::reply(550, "5.1.1 no such user"));
    let peer = ScriptedPeer::start(script).unwrap();
    let server = site(&peer, &["taro", "jiro"]);
    let taro = server.address("taro");
    server.run(&[
        "account",
        "forward",
        &taro,
        "--to",
        "gone@home.example",
        "--no-keep",
        "--permit",
        "*@friend.example",
    ]);
    assert!(send(&server, "x@stranger.example", &[&taro], "").starts_with("250"));
    has(&server, "taro", 1);
    assert!(send(&server, "x@friend.example", &[&taro], "Subject: precious\r\n").starts_with("250"));
    // The owner gets it back whole; the sender, who may be forged, hears nothing.
    has(&server, "taro", 2);
    until("nothing waits", PATIENCE, || server.queued() == 0);
    assert_eq!(peer.count(), 0);
    // Between two accounts here mail goes round once.
    let jiro = server.address("jiro");
    server.run(&["account", "forward", &taro, "--to", &jiro, "--no-keep"]);
    server.run(&["account", "forward", &jiro, "--to", &taro, "--no-keep"]);
    assert!(send(&server, "x@outside.example", &[&taro], "").starts_with("250"));
    has(&server, "taro", 3);
    assert_eq!(count(&server, "jiro"), 0);
    until("nothing waits", PATIENCE, || server.queued() == 0);
    let refused = server.cli(&["account", "forward", &taro, "--to", &taro]);
    assert_eq!(refused.status.code(), Some(1), "an account is not forwarded to itself");
}

#[test]
fn people_are_answered_once_and_programs_never() {
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    let server = site(&peer, &["taro"]);
    let taro = server.address("taro");
    let set = server.cli_with(&["account", "reply", &taro, "--text-stdin", "--subject", "留守です"], "来週戻ります。");
    assert!(set.status.success());
    for _ in 0..3 {
        assert!(
            send(&server, "hanako@outside.example", &[&taro], "Message-ID: <7@outside.example>\r\n").starts_with("250")
        );
    }
    assert!(send(&server, "all@list.example", &[&taro], "List-Id: <all.list.example>\r\n").starts_with("250"));
    assert!(send(&server, "news@list.example", &[&taro], "Precedence: bulk\r\n").starts_with("250"));
    let mut wire = Wire::smtp(server.ports.smtp);
    assert!(wire.message("", &taro, &format!("To: {taro}\r\nSubject: bounce\r\n\r\nx")).starts_with("250"));
    has(&server, "taro", 6);
    until("nothing waits", PATIENCE, || server.queued() == 0);
    let answers = peer.messages();
    assert_eq!(answers.len(), 1);
    let answer = &answers[0];
    assert_eq!((answer.reverse_path.as_str(), &answer.recipients), ("", &vec!["hanako@outside.example".to_owned()]));
    assert_eq!(header(answer, "Auto-Submitted"), "auto-replied");
    assert_eq!(header(answer, "In-Reply-To"), "<7@outside.example>");
    assert!(header(answer, "From").contains(&taro));
    server.run(&["account", "reply", &taro, "--off"]);
    assert!(send(&server, "other@outside.example", &[&taro], "").starts_with("250"));
    has(&server, "taro", 7);
    until("nothing waits", PATIENCE, || server.queued() == 0);
    assert_eq!(peer.count(), 1);
}

const FILTER: &str = "Virus:spam[1]\r\nSubject:PILLS\r\nLevel:110\r\nVirusEnd:\r\n";

#[test]
fn filters_refuse_and_keep() {
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    let server = site(&peer, &["taro", "hana"]);
    let (taro, hana) = (server.address("taro"), server.address("hana"));
    let quarantine = |owner: &str| {
        let listed = server.json(&["queue", "list", "--origin", &format!("quarantine:{owner}")]);
        listed.as_array().unwrap().clone()
    };
    // An account's own filter keeps the message from that account alone.
    assert!(server.cli_with(&["rules", "write", "filter", "--account", &taro], FILTER).status.success());
    assert!(send(&server, "a@outside.example", &[&taro, &hana], "Subject: PILLS\r\n").starts_with("250"));
    has(&server, "hana", 1);
    assert_eq!((count(&server, "taro"), quarantine(&taro).len()), (0, 1));
    let refused = send(&server, "a@outside.example", &[&taro], "Subject: PILLS\r\n");
    assert_eq!(refused, "552 5.7.1 Requested mail action aborted: caught by the filter setting.");
    assert_eq!(quarantine(&taro).len(), 2);
    assert!(send(&server, "a@outside.example", &[&taro], "Subject: pills\r\n").starts_with("250"), "case counts");
    has(&server, "taro", 1);
    // The server's refuses it for all, as soon as the file is there.
    std::fs::write(server.data.join("mail.dat"), FILTER).unwrap();
    until("the file is read", PATIENCE, || {
        send(&server, "a@outside.example", &[&hana], "Subject: PILLS\r\n").starts_with("552")
    });
    let kept = quarantine("mail.dat");
    assert_eq!(kept.len(), 1);
    // A person lets it go.
    let before = count(&server, "hana");
    let message = kept[0]["message"].as_str().unwrap().to_owned();
    server.run(&["queue", "release", "--message", &message]);
    has(&server, "hana", before + 1);
    let lines = server.run(&["logs", "receivelog"]);
    assert!(lines.contains("block \"spam[1]\" (line 1) of the filter of mail.dat, kept in quarantine"), "{lines}");
    // A broken block is reported, and refuses nothing.
    std::fs::write(server.data.join("mail.dat"), "Virus:all\r\nLevel:100\r\nVirusEnd:\r\n").unwrap();
    let checked = server.cli(&["rules", "check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&checked.stdout).contains("mail.dat:1: error"));
}

fn submit(server: &Server, local: &str, to: &str) -> String {
    let mut wire = Wire::smtp(server.ports.submission);
    let who = server.address(local);
    let response = STANDARD.encode(format!("\0{who}\0{PASSWORD}"));
    assert!(wire.command(&format!("AUTH PLAIN {response}")).starts_with("235"));
    wire.message(&who, to, &format!("From: <{who}>\r\nSubject: report\r\n\r\nx"))
}

#[test]
fn mail_outside_the_send_hours_waits_for_the_next_opening() {
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    let server = site(&peer, &["taro", "hana"]);
    let taro = server.address("taro");
    // A day that is neither today nor yesterday nor tomorrow, wherever this machine is.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let day = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"][((now / 86_400 + 3) % 7) as usize];
    server.run(&["account", "hours", &taro, &format!("{day} 10:00-11:00")]);
    until("accepted", PATIENCE, || submit(&server, "taro", "x@outside.example").starts_with("250"));
    assert!(submit(&server, "taro", &server.address("hana")).starts_with("250"));
    has(&server, "hana", 1);
    let waiting = server.json(&["queue", "list", "--stage", "holding"]);
    assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting}");
    assert!(waiting[0]["due"].is_string(), "{waiting}");
    assert_eq!(peer.count(), 0);
    server.run(&["account", "hours", &taro, "any"]);
    server.run(&["queue", "release", "--account", &taro]);
    assert_eq!(peer.wait_for(1, PATIENCE).len(), 1);
    let refused = server.cli(&["account", "hours", &taro, "sometimes"]);
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn gateway_dat_is_heeded_as_soon_as_it_changes() {
    let (first, second) = (ScriptedPeer::start(Script::new()).unwrap(), ScriptedPeer::start(Script::new()).unwrap());
    let server = Server::start(&Setup { accounts: &["taro"], require_tls: false, ..Setup::default() });
    let row = |peer: &ScriptedPeer| format!("*.example,127.0.0.1,{}\r\n", peer.address().port());
    assert!(server.cli_with(&["rules", "write", "gateway"], &row(&first)).status.success());
    assert!(submit(&server, "taro", "x@outside.example").starts_with("250"));
    assert_eq!(first.wait_for(1, PATIENCE).len(), 1);
    std::fs::write(server.data.join("gateway.dat"), format!("# moved\r\n{}", row(&second))).unwrap();
    until("the new way is taken", PATIENCE, || {
        assert!(submit(&server, "taro", "x@outside.example").starts_with("250"));
        until("it left", PATIENCE, || server.queued() == 0);
        second.count() > 0
    });
}
