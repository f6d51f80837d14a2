//! Networks and listeners that are closed, and opened again.

use std::time::Duration;

use crate::support::site::{Site, letter, one, prose};
use crate::support::wire::Wire;
use crate::support::{PASSWORD, until};

const PATIENCE: Duration = Duration::from_secs(30);
const HOME: &str = "127.10.1.2";

#[test]
fn a_network_is_closed_by_hand_with_its_live_sessions_and_people_who_log_in_go_on() {
    let mut site = Site::start(&["taro"], Some("127.80.0.0/16 true\n"), "");
    // Somebody works in that network; nobody does in its neighbour's part.
    assert!(site.reads("127.80.5.2", "taro", PASSWORD));
    let relay = |site: &Site, from: &str| {
        let mut wire = Wire::from(from, site.server.ports.smtp).unwrap();
        let greeting = wire.reply();
        if !greeting.starts_with("220") {
            return greeting;
        }
        wire.command("EHLO device.example.test");
        wire.command("MAIL FROM:<device@other.example>")
    };
    assert!(relay(&site, "127.80.1.2").starts_with("250"));
    let mut live = Wire::from("127.80.1.2", site.server.ports.smtp).unwrap();
    live.reply();
    assert!(live.command("EHLO device.example.test").starts_with("250"));
    let mut writing = site.log_in("127.80.5.2", "taro", PASSWORD).unwrap();
    let text = site.server.run(&["incident", "contain", "network:127.80.0.0/16"]);
    assert!(text.contains("network:127.80.0.0/16"), "{text}");
    assert!(live.reply().starts_with("421"), "a live session of that origin ends");
    until("new connections are refused", PATIENCE, || relay(&site, "127.80.1.2").starts_with("421"));
    // Where an account's owner was, a client may still log in; without a login nothing goes.
    let mut wire = Wire::from("127.80.5.2", site.server.ports.smtp).unwrap();
    assert!(wire.reply().starts_with("220"));
    wire.command("EHLO device.example.test");
    assert!(wire.command("MAIL FROM:<device@other.example>").starts_with("421"));
    assert!(
        letter(&one("boss@known.example"), "on", &prose(1))
            .over(&mut writing, &site.server.address("taro"))
            .starts_with("250")
    );
    assert!(
        site.send("127.80.5.2", "taro", PASSWORD, &letter(&one("boss@known.example"), "on", &prose(2)))
            .starts_with("250")
    );
    assert!(relay(&site, "127.81.1.2").starts_with("250"), "others go on");
    // It outlives the server.
    site.restart();
    assert!(relay(&site, "127.80.1.2").starts_with("421"));
    let told = site.server.json(&["incident", "show", "1"]);
    assert_eq!(told["incident"]["closed"], true);
    assert!(told["acts"].as_array().unwrap().iter().any(|act| act["what"] == "incident.contain"), "{told:#}");
    let shown = site.server.run(&["--lang", "ja", "incident", "show", "1"]);
    assert!(shown.contains("閉鎖中"), "{shown}");
    site.server.run(&["incident", "resolve", "1"]);
    until("it is open again", PATIENCE, || relay(&site, "127.80.1.2").starts_with("250"));
    assert_eq!(site.server.json(&["incident", "show", "1"])["incident"]["closed"], false);
}

#[test]
fn a_listener_is_closed_by_hand_and_opened_again() {
    let site = Site::start(&["taro"], None, "");
    let greeting = |port: u16| Wire::from(HOME, port).unwrap().reply();
    let (smtp, submission, pop3) = (site.server.ports.smtp, site.server.ports.submission, site.server.ports.pop3);
    let mut live = Wire::from(HOME, smtp).unwrap();
    assert!(live.reply().starts_with("220"));
    let refused = site.server.cli(&["incident", "contain", "listener:smpt"]);
    assert!(!refused.status.success(), "there is no such listener");
    site.server.run(&["incident", "contain", "listener:smtp"]);
    assert!(live.reply().starts_with("421"));
    until("it is closed", PATIENCE, || greeting(smtp).starts_with("421"));
    assert!(greeting(submission).starts_with("220"), "the others go on");
    site.server.run(&["incident", "contain", "listener:pop3", "--reason", "guessing"]);
    until("it is closed", PATIENCE, || Wire::from(HOME, pop3).unwrap().line().starts_with("-ERR [SYS/TEMP]"));
    let told = site.server.json(&["incident", "show", "listener:smtp"]);
    assert_eq!(told["incident"]["closed"], true);
    // A false alarm opens it as well.
    site.server.run(&["incident", "release", "listener:smtp", "--all", "--yes"]);
    until("it is open again", PATIENCE, || greeting(smtp).starts_with("220"));
    assert!(Wire::from(HOME, pop3).unwrap().line().starts_with("-ERR"), "only that one");
    site.server.run(&["incident", "resolve", "listener:pop3"]);
    until("it is open again", PATIENCE, || Wire::from(HOME, pop3).unwrap().line().starts_with("+OK"));
}
