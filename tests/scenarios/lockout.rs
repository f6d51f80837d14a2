//! Passwords guessed over the wire, and the owner who comes and goes meanwhile. Each 127.x.y.0/24 is a network of its own.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup, client_any, text, until};

const HOME: &str = "127.10.1.5";
const OTHER_HOME: &str = "127.10.1.99";

#[derive(Clone, Copy, Debug)]
enum Door {
    Pop3,
    Imap,
    Submission,
}

const DOORS: [Door; 3] = [Door::Pop3, Door::Imap, Door::Submission];

fn site(accounts: &[&str], more: &str) -> Server {
    Server::start(&Setup { accounts, require_tls: false, more, ..Setup::default() })
}

/// Everything that the server says to one login, from the greeting on.
fn dialogue(server: &Server, door: Door, from: &str, who: &str, password: &str) -> Vec<String> {
    let mut said = Vec::new();
    match door {
        Door::Pop3 => {
            let mut wire = Wire::from(from, server.ports.pop3).unwrap();
            said.push(wire.line());
            for line in [format!("USER {who}\r\n"), format!("PASS {password}\r\n"), "QUIT\r\n".into()] {
                let _ = wire.send(line.as_bytes());
                said.push(wire.line());
            }
        }
        Door::Imap => {
            let mut wire = Wire::from(from, server.ports.imap).unwrap();
            said.push(wire.line());
            let _ = wire.send(format!("a LOGIN {who} {password}\r\n").as_bytes());
            said.push(wire.line());
            let _ = wire.send(b"b LOGOUT\r\n");
            said.push(String::from_utf8(wire.rest(10_000)).unwrap());
        }
        Door::Submission => {
            let mut wire = Wire::from(from, server.ports.submission).unwrap();
            said.push(wire.reply());
            said.push(wire.command("EHLO client.example"));
            let response = STANDARD.encode(format!("\0{who}\0{password}"));
            said.push(wire.command(&format!("AUTH PLAIN {response}")));
            said.push(wire.command("QUIT"));
        }
    }
    said
}

fn login(server: &Server, door: Door, from: &str, who: &str, password: &str) -> bool {
    let said = dialogue(server, door, from, who, password);
    match door {
        Door::Pop3 => said[2].starts_with("+OK"),
        Door::Imap => said[1].starts_with("a OK"),
        Door::Submission => said[2].starts_with("235"),
    }
}

fn locks(server: &Server) -> Vec<(String, String)> {
    let listed = server.json(&["lockout", "list"]);
    let text = |one: &serde_json::Value, name: &str| one[name].as_str().unwrap().to_owned();
    listed["locks"].as_array().unwrap().iter().map(|one| (text(one, "rule"), text(one, "about"))).collect()
}

#[test]
fn hydra_is_locked_out_before_it_finds_the_password_and_the_owner_is_not() {
    let server = site(&["taro"], "");
    let taro = server.address("taro");
    let words = server.data.join("words.txt");
    let mut list: Vec<String> = (0..40).map(|n| format!("guess-{n}")).collect();
    list.push(PASSWORD.into());
    std::fs::write(&words, list.join("\n")).unwrap();
    assert!(login(&server, Door::Pop3, HOME, &taro, PASSWORD));
    let port = server.ports.pop3.to_string();
    let words = words.to_str().unwrap();
    let args = ["-l", &taro, "-P", words, "-t", "4", "-I", "-s", &port, "127.0.0.1", "pop3"];
    let found = client_any("hydra", &args, &server.data);
    assert!(!text(&found).contains("1 valid password found"), "{}", text(&found));
    assert!(locks(&server).contains(&("pair".into(), taro.clone())), "{:?}", locks(&server));
    for door in DOORS {
        assert!(login(&server, door, HOME, &taro, PASSWORD), "{door:?}: the owner at home");
        assert!(!login(&server, door, "127.0.0.1", &taro, PASSWORD), "{door:?}: the guesser, even with the password");
    }
    // What an administrator sees, and does.
    let tries = server.entries(&["pop3log", "--network", "127.0.0.1"]);
    let reasons: Vec<&str> = tries.iter().filter_map(|e| e["detail"]["reason"].as_str()).collect();
    assert!(reasons.contains(&"wrong password"), "{reasons:?}");
    assert!(reasons.iter().any(|r| r.starts_with("locked out: pair until")), "{reasons:?}");
    assert!(server.run(&["lockout", "unlock", "taro"]).contains("Lifted"));
    assert!(login(&server, Door::Pop3, "127.0.0.1", &taro, PASSWORD));
}

#[test]
fn guessing_is_locked_on_every_door_with_the_same_answer_as_a_wrong_password() {
    let server = site(&["taro"], "");
    let taro = server.address("taro");
    assert!(login(&server, Door::Imap, HOME, &taro, PASSWORD));
    for (n, door) in (0_u8..).zip(DOORS) {
        let thief = format!("127.30.{n}.5");
        let guess = |word: &str| {
            let begun = Instant::now();
            let said = dialogue(&server, door, &thief, &taro, word);
            (said, begun.elapsed())
        };
        let before: Vec<_> = (0..8).map(|n| guess(&format!("guess{n}"))).collect();
        let after: Vec<_> = [PASSWORD, "guess9", PASSWORD].into_iter().map(guess).collect();
        let wrong = &before[0].0;
        for (said, _) in before.iter().chain(&after) {
            assert_eq!(said, wrong, "{door:?}");
        }
        // The times lie in one range too; a login that is not hashed at all would answer in a hundredth of it.
        let usual = before.iter().map(|(_, time)| *time).sum::<Duration>() / 8;
        let locked = after.iter().map(|(_, time)| *time).sum::<Duration>() / 3;
        assert!(locked > usual / 4 && locked < usual * 4, "{door:?}: {usual:?} and {locked:?}");
        assert!(login(&server, door, OTHER_HOME, &taro, PASSWORD), "{door:?}: the owner's network");
    }
    let rules: Vec<String> = locks(&server).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules.iter().filter(|rule| *rule == "pair").count(), 3, "{rules:?}");
}

#[test]
fn an_old_client_that_repeats_one_wrong_password_locks_nobody() {
    let server = site(&["taro"], "");
    let taro = server.address("taro");
    for n in 0..100 {
        assert!(!login(&server, DOORS[n % 3], "127.31.1.5", &taro, "the-old-password"));
    }
    assert!(locks(&server).is_empty(), "{:?}", locks(&server));
    assert!(login(&server, Door::Pop3, "127.31.1.5", &taro, PASSWORD));
}

#[test]
fn one_password_over_fifty_accounts_locks_the_network_and_unlocking_opens_it() {
    let server = site(&["taro"], "");
    let taro = server.address("taro");
    for n in 0..50 {
        let who = format!("user{n}@example.test");
        let from = format!("127.32.1.{}", 1 + n);
        if let Ok(mut wire) = Wire::from(&from, server.ports.imap)
            && wire.line().starts_with("* OK")
        {
            let _ = wire.send(format!("a LOGIN {who} Spring2026\r\n").as_bytes());
            assert!(!wire.line().starts_with("a OK"));
        }
    }
    assert_eq!(locks(&server), [("spraying".to_owned(), "127.32.1.0/24".to_owned())]);
    let mut wire = Wire::from("127.32.1.200", server.ports.pop3).unwrap();
    assert_eq!(wire.line(), "-ERR [SYS/PERM] Access denied");
    let mut wire = Wire::from("127.32.1.200", server.ports.smtp).unwrap();
    assert_eq!(wire.reply(), "554 5.7.1 Access denied");
    let mut wire = Wire::from("127.32.1.200", server.ports.imap).unwrap();
    assert_eq!(wire.line(), "* BYE Access denied");
    // Where TLS would come first there is no handshake.
    let mut wire = Wire::from("127.32.1.200", server.ports.imaps).unwrap();
    assert!(wire.rest(100).is_empty());
    let table = std::fs::read_to_string(server.data.join("rejectimapip.dat")).unwrap();
    assert!(table.starts_with("127.32.1.0/24\t1"), "{table}");
    assert!(server.run(&["lockout", "unlock", "127.32.1.200"]).contains("Lifted 1"));
    assert!(login(&server, Door::Submission, "127.32.1.200", &taro, PASSWORD));
    assert_eq!(std::fs::read_to_string(server.data.join("rejectimapip.dat")).unwrap(), "");
}

#[test]
fn one_try_from_each_of_two_hundred_addresses_does_not_lock_the_owner_out() {
    let server = site(&["taro"], "");
    let taro = server.address("taro");
    assert!(login(&server, Door::Imap, HOME, &taro, PASSWORD));
    let guess = |n: u32| login(&server, DOORS[n as usize % 3], &format!("127.{}.7.9", 40 + n), &taro, &format!("g{n}"));
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || (0..100).for_each(|n| assert!(!guess(half * 100 + n))));
        }
    });
    assert_eq!(locks(&server), [("scattered".to_owned(), taro.clone())]);
    assert!(!login(&server, Door::Imap, "127.39.0.1", &taro, PASSWORD), "only known networks, for now");
    for door in DOORS {
        assert!(login(&server, door, OTHER_HOME, &taro, PASSWORD), "{door:?}");
    }
    for name in ["rejectsmtpip.dat", "rejectpopip.dat", "rejectimapip.dat"] {
        assert!(!server.data.join(name).exists(), "no address is banned for what another did");
    }
}

#[test]
fn the_tables_are_read_in_their_old_syntax_and_again_after_an_edit() {
    let mut server = site(&["taro"], "[lockout]\nenabled = false\n");
    let taro = server.address("taro");
    let greeting = |from: &str| Wire::from(from, server.ports.pop3).unwrap().line();
    let write = |text: &str| std::fs::write(server.data.join("rejectpopip.dat"), text).unwrap();
    assert!(greeting("127.33.1.1").starts_with("+OK"));
    write(
        "127.33.1.9\ttrue\r\nnonsense\tx\r\n127.33.1.*\t\r\n127.33.2.0/28\t\r\n127.33.3.1\t1\r\n127.33.3.2\t4000000000\tiplock\r\n",
    );
    until("the table is read", Duration::from_secs(5), || greeting("127.33.1.1").starts_with("-ERR"));
    let refused = |from: &str| greeting(from).starts_with("-ERR");
    assert!(!refused("127.33.1.9") && refused("127.33.1.250"));
    assert!(refused("127.33.2.15") && !refused("127.33.2.16"));
    assert!(!refused("127.33.3.1") && refused("127.33.3.2"));
    assert!(login(&server, Door::Imap, "127.33.1.1", &taro, PASSWORD), "the other doors have their own tables");
    let check = server.cli(&["rules", "check"]);
    assert!(text(&check).contains("rejectpopip.dat:2: error"), "{}", text(&check));
    // An open session is no way round the table.
    let mut wire = Wire::from("127.33.5.1", server.ports.pop3).unwrap();
    wire.line();
    write("*\t\r\n");
    until("the table is read", Duration::from_secs(5), || greeting("127.0.0.1").starts_with("-ERR"));
    let _ = wire.send(format!("USER {taro}\r\nPASS {PASSWORD}\r\n").as_bytes());
    wire.line();
    assert!(wire.line().starts_with("-ERR [AUTH]"));
    write("");
    until("the table is read", Duration::from_secs(5), || greeting("127.0.0.1").starts_with("+OK"));
    // The command line writes the same files, whether or not the server runs.
    server.run(&["lockout", "deny", "127.33.9.0/24", "--protocol", "pop3"]);
    assert!(Wire::from("127.33.9.9", server.ports.pop3).unwrap().line().starts_with("-ERR"));
    server.stop();
    server.run(&["lockout", "allow", "127.33.9.9"]);
    server.launch();
    assert!(Wire::from("127.33.9.9", server.ports.pop3).unwrap().line().starts_with("+OK"));
    assert!(Wire::from("127.33.9.8", server.ports.pop3).unwrap().line().starts_with("-ERR"));
}

#[test]
fn too_many_connections_lock_a_stranger_but_not_this_machine_nor_a_relay_network() {
    let more = "[lockout]\nsmtp_connections = { tries = 20, window = \"5m\" }\npop3_connections = { tries = 20, window = \"5m\" }\n";
    let setup = Setup { effect: Some("127.34.2.0/24 true\ndefault\n"), require_tls: false, more, ..Setup::default() };
    let server = Server::start(&setup);
    let smtp = |from: &str| Wire::from(from, server.ports.smtp).unwrap().reply();
    for _ in 0..50 {
        assert!(smtp("127.0.0.1").starts_with("220") && smtp("127.34.2.9").starts_with("220"));
    }
    let refused = (0..25).filter(|_| smtp("127.34.1.1").starts_with("421 4.7.0")).count();
    assert_eq!(refused, 6, "from the twentieth on");
    let table = std::fs::read_to_string(server.data.join("rejectsmtpip.dat")).unwrap();
    assert!(table.starts_with("127.34.1.1\t") && table.ends_with("\tiplock\r\n"), "{table}");
    assert!(smtp("127.34.1.2").starts_with("220"));
    let pop3 = |from: &str| Wire::from(from, server.ports.pop3).unwrap().line();
    let refused = (0..25).filter(|_| pop3("127.34.1.1").starts_with("-ERR [SYS/TEMP]")).count();
    assert_eq!(refused, 6);
    // A person takes the row away, and it is lifted.
    std::fs::write(server.data.join("rejectsmtpip.dat"), "").unwrap();
    until("unlocked", Duration::from_secs(5), || smtp("127.34.1.1").starts_with("220"));
}

#[test]
fn passwords_are_bound_to_networks_for_an_account_and_a_domain() {
    let server = site(&["taro", "jiro"], "");
    let (taro, jiro) = (server.address("taro"), server.address("jiro"));
    server.run(&["domain", "set", "example.test", "--auth-networks", "127.35.1.0/24"]);
    server.run(&["account", "set", &jiro, "--auth-networks", "127.35.2.*,127.35.3.7"]);
    for door in DOORS {
        let can = |who: &str, from: &str| login(&server, door, from, who, PASSWORD);
        assert!(can(&taro, "127.35.1.9") && !can(&taro, "127.35.2.9"), "{door:?}");
        assert!(can(&jiro, "127.35.3.7") && can(&jiro, "127.35.2.9") && !can(&jiro, "127.35.1.9"), "{door:?}");
        let outside = dialogue(&server, door, "127.35.9.9", &taro, PASSWORD);
        let wrong = dialogue(&server, door, "127.35.1.9", &taro, "wrong");
        assert_eq!(outside, wrong, "{door:?}: nobody learns that the password was right");
    }
    let log = server.entries(&["receivelog", "--account", &taro]);
    assert!(log.iter().any(|e| e["detail"]["reason"].as_str().is_some_and(|r| r.contains("outside the allowed"))));
    server.run(&["domain", "set", "example.test", "--auth-networks", "none"]);
    assert!(login(&server, Door::Submission, "127.35.2.9", &taro, PASSWORD));
}

#[test]
fn locks_and_known_networks_outlive_kill_and_restart() {
    let mut server = site(&["taro"], "[lockout]\ndrop_sessions = true\n");
    let taro = server.address("taro");
    assert!(login(&server, Door::Pop3, HOME, &taro, PASSWORD));
    let mut open = Wire::from("127.36.1.77", server.ports.pop3).unwrap();
    open.line();
    for n in 0..8 {
        assert!(!login(&server, Door::Pop3, "127.36.2.5", &taro, &format!("guess{n}")));
    }
    for n in 0..5 {
        assert!(!login(&server, Door::Imap, "127.36.1.5", &format!("u{n}@example.test"), "same"));
    }
    let begun = Instant::now();
    let _ = open.rest(1_000);
    assert!(begun.elapsed() < Duration::from_secs(10), "the session of a locked network goes on");
    server.kill();
    server.launch();
    assert_eq!(locks(&server).len(), 2, "{:?}", locks(&server));
    assert!(!login(&server, Door::Pop3, "127.36.2.5", &taro, PASSWORD));
    assert!(Wire::from("127.36.1.5", server.ports.smtp).unwrap().reply().starts_with("554"));
    // He is still the owner at home: even many wrong passwords there only make him wait.
    for n in 0..10 {
        assert!(!login(&server, Door::Imap, OTHER_HOME, &taro, &format!("typo{n}")));
    }
    assert!(login(&server, Door::Imap, HOME, &taro, PASSWORD));
}
