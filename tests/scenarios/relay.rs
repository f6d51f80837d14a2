//! Mail that leaves: by route to another Sekisho, and under load to a sink.

use crate::support;

use crate::support::{PASSWORD, Server, Setup, client, until};
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_second_server_receives_by_relay() {
    let there = Server::start(&Setup { domain: "there.test", accounts: &["bob"], ..Setup::default() });
    let routes = format!("[{{ domain = \"there.test\", host = \"127.0.0.1\", port = {} }}]", there.ports.smtp);
    let here = Server::start(&Setup { domain: "here.test", accounts: &["alice"], routes: &routes, ..Setup::default() });
    let at = format!("127.0.0.1:{}", here.ports.submission);
    let args = [
        "--server",
        &at,
        "--tls",
        "-a",
        "PLAIN",
        "-au",
        "alice@here.test",
        "-ap",
        PASSWORD,
        "--from",
        "alice@here.test",
        "--to",
        "bob@there.test,nobody@there.test",
        "--header",
        "Subject: across",
    ];
    client("swaks", &args, &here.data);
    until("relayed and delivered", Duration::from_secs(20), || here.queued() == 0 && there.queued() == 0);
    let read = |server: &Server, login: &str, n: u32| {
        let url = format!("imaps://127.0.0.1:{}/INBOX;MAILINDEX={n}", server.ports.imaps);
        client("curl", &["-sSk", "--url", &url, "-u", &format!("{login}:{PASSWORD}")], &server.data)
    };
    let mail = read(&there, "bob@there.test", 1);
    assert!(mail.contains("Subject: across") && mail.contains("by mx.here.test"), "{mail}");
    assert_eq!(mail.matches("Return-Path:").count(), 1, "{mail}");
    // The unknown recipient comes back as a DSN to the sender, in both languages.
    let dsn = read(&here, "alice@here.test", 1);
    assert!(dsn.contains("multipart/report") && dsn.contains("nobody@there.test") && dsn.contains("5.1.1"), "{dsn}");
    let sent = here.run(&["logs", "outlog"]);
    assert!(sent.contains("bob@there.test"), "{sent}");
    let failed = here.run(&["logs", "faillog"]);
    assert!(failed.contains("nobody@there.test"), "{failed}");
}

#[test]
fn smtp_source_is_relayed_to_smtp_sink() {
    let sink_port = support::free_port();
    let mut sink = Command::new("/usr/sbin/smtp-sink")
        .args(["-u", "nobody", &format!("127.0.0.1:{sink_port}"), "200"])
        .stdin(Stdio::null())
        .spawn()
        .expect("scripts/install-test-packages installs smtp-sink");
    let routes = format!("[{{ domain = \"*\", host = \"127.0.0.1\", port = {sink_port} }}]");
    let server = Server::start(&Setup { routes: &routes, effect: Some("127.0.0.1 true\n"), ..Setup::default() });
    let to = format!("127.0.0.1:{}", server.ports.smtp);
    let args = ["-s", "20", "-m", "1000", "-l", "4096", "-f", "app@example.test", "-t", "r@elsewhere.example", &to];
    client("/usr/sbin/smtp-source", &args, &server.data);
    until("all relayed", Duration::from_secs(60), || server.queued() == 0);
    let _ = sink.kill();
    let _ = sink.wait();
    assert_eq!(server.entries(&["outlog", "--limit", "5000"]).len(), 1000);
}

#[test]
fn paused_delivery_keeps_mail_and_resumes_at_once() {
    let server = Server::start(&Setup { accounts: &["user"], ..Setup::default() });
    server.run(&["pause", "delivery"]);
    let mut wire = support::wire::Wire::smtp(server.ports.smtp);
    let reply = wire.message("a@outside.example", &server.address("user"), "Subject: kept\r\n\r\nkept");
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(server.queued(), 1);
    server.run(&["resume", "delivery"]);
    until("delivered after resume", Duration::from_secs(5), || server.queued() == 0);
    server.run(&["pause", "receive"]);
    let greeting = support::wire::Wire::connect(server.ports.smtp).reply();
    assert!(greeting.starts_with("421"), "{greeting}");
    server.run(&["resume", "receive"]);
    until("receives again", Duration::from_secs(5), || {
        support::wire::Wire::connect(server.ports.smtp).reply().starts_with("220")
    });
}
