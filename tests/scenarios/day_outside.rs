//! The administrator's day, looked at from outside: `audit`, `reputation`, forgeries of our domain, and floods.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use sekisho_testkit::FakeDns;
use serde_json::Value;

use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup, client, text, until};

fn dns_section(dns: &FakeDns) -> String {
    format!("[dns]\nresolver = \"{}\"\n", dns.address())
}

fn audit(server: &Server) -> (Vec<Value>, i32, Value) {
    let done = server.cli(&["audit", "--json"]);
    let shown: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&done)));
    (shown["findings"].as_array().unwrap().clone(), done.status.code().unwrap(), shown)
}

fn ids(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

/// A domain in good order at 192.0.2.25.
fn good_names(dns: &FakeDns) {
    dns.mx("our.jp", 10, "mx.our.jp").txt("our.jp", "v=spf1 mx -all").txt("_dmarc.our.jp", "v=DMARC1; p=reject");
    dns.txt("sekisho._domainkey.our.jp", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    dns.a("mx.our.jp", Ipv4Addr::new(192, 0, 2, 25)).ptr(Ipv4Addr::new(192, 0, 2, 25), "mx.our.jp");
}

#[test]
fn audit_finds_nothing_on_a_good_server_and_each_hole_on_a_bad_one() {
    let dns = FakeDns::start().unwrap();
    good_names(&dns);
    let more = format!("{}[reputation]\naddresses = [\"192.0.2.25\"]\nevery = 0\n", dns_section(&dns));
    let server = Server::start(&Setup { domain: "our.jp", accounts: &["user"], more: &more, ..Setup::default() });
    let (findings, exit, shown) = audit(&server);
    assert_eq!((findings.len(), exit), (0, 0), "{shown:#}");
    assert_eq!(shown["skipped"], serde_json::json!([]), "{shown:#}");
    assert_eq!(
        shown["done"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one.as_str().unwrap().contains("26 address forms"))
            .count(),
        3,
        "both ports in clear, and the one with TLS"
    );
    assert!(server.run(&["audit"]).starts_with("No hole was found."));
    assert_eq!(server.queued(), 0, "the self-test leaves nothing behind");
    drop(server);

    let dns = FakeDns::start().unwrap();
    dns.mx("our.jp", 10, "mx.elsewhere.example")
        .txt("our.jp", "v=spf1 +all")
        .a("mx.elsewhere.example", Ipv4Addr::new(203, 0, 113, 9));
    let more = format!("{}[reputation]\naddresses = [\"192.0.2.25\"]\nevery = 0\n", dns_section(&dns));
    // Loopback as a whole may relay: to this machine every stranger of the test comes from there.
    let effect = "127.0.0.0/8 true\nour.jp true\n203.0.112.0/20 true\n* default\n198.51.100.1 false\n";
    let setup = Setup {
        domain: "our.jp",
        accounts: &["user"],
        effect: Some(effect),
        require_tls: false,
        more: &more,
        ..Setup::default()
    };
    let server = Server::start(&setup);
    server.run(&["alias", "add", "info@our.jp", "friend@outside.example"]);
    let (findings, exit, shown) = audit(&server);
    assert_eq!(exit, 1);
    let found = ids(&findings);
    for id in [
        "open-relay",
        "open-network",
        "sender-true",
        "unreachable-line",
        "auth-without-tls",
        "forward-outside",
        "mx-elsewhere",
        "spf-open",
        "dkim-missing",
        "dmarc-missing",
        "ptr-missing",
    ] {
        assert!(found.contains(&id), "{id} is not among {found:?}: {shown:#}");
    }
    assert_eq!(findings[0]["severity"], "critical");
    assert!(
        findings
            .iter()
            .all(|one| !one["reason"].as_str().unwrap().is_empty() && !one["command"].as_str().unwrap().is_empty())
    );
    let again: Value = serde_json::from_slice(&server.cli(&["audit", "--last", "--json"]).stdout).unwrap();
    assert_eq!(again["findings"], shown["findings"]);
}

#[test]
fn reputation_knows_lists_for_what_they_are_and_reception_uses_those_that_can_be_believed() {
    let dns = FakeDns::start().unwrap();
    let listed = Ipv4Addr::new(127, 0, 0, 2);
    for alive in ["listed.bl", "clean.bl"] {
        dns.a(&format!("2.0.0.127.{alive}"), listed);
    }
    dns.a("25.2.0.192.listed.bl", listed).txt("25.2.0.192.listed.bl", "see https://listed.bl/");
    for name in ["25.2.0.192", "2.0.0.127", "1.0.0.127"] {
        dns.a(&format!("{name}.refusing.bl"), Ipv4Addr::new(127, 255, 255, 254));
        dns.a(&format!("{name}.lying.bl"), listed);
        dns.servfail(&format!("{name}.failing.bl"));
        dns.timeout(&format!("{name}.silent.bl"));
    }
    let zones: Vec<String> = ["listed", "clean", "dead", "refusing", "lying", "failing", "silent"]
        .iter()
        .map(|name| {
            format!(
                "{{ zone = \"{name}.bl\", reception = \"{}\" }}",
                if ["silent", "failing"].contains(name) { "off" } else { "reject" }
            )
        })
        .collect();
    let more = format!(
        "{}[reputation]\naddresses = [\"192.0.2.25\"]\nevery = 0\nzones = [{}]\n",
        dns_section(&dns),
        zones.join(", ")
    );
    let server = Server::start(&Setup { accounts: &["user"], more: &more, ..Setup::default() });
    let done = server.cli(&["reputation", "--json"]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done));
    let shown: Value = serde_json::from_slice(&done.stdout).unwrap();
    let states = |of: &str, name: &str| -> Vec<(String, String)> {
        let all = shown[of].as_array().unwrap().iter();
        all.map(|one| (one[name].as_str().unwrap().to_owned(), one["state"].as_str().unwrap().to_owned())).collect()
    };
    let pairs = |all: &[(&str, &str)]| all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    assert_eq!(
        states("zones", "zone"),
        pairs(&[
            ("listed.bl", "alive"),
            ("clean.bl", "alive"),
            ("dead.bl", "dead"),
            ("refusing.bl", "unknown"),
            ("lying.bl", "lying"),
            ("failing.bl", "unknown"),
            ("silent.bl", "unknown"),
        ])
    );
    let entries = states("entries", "zone");
    assert_eq!((entries[0].1.as_str(), entries[1].1.as_str()), ("listed", "clean"));
    assert!(entries[2..].iter().all(|(_, state)| state == "unknown"), "never clean: {entries:?}");
    assert!(shown["entries"][0]["advice"].as_str().unwrap().starts_with("1. Stop the cause first"), "{shown:#}");
    assert_eq!(shown["history"][0]["until"], Value::Null);
    let check = server.cli(&["check", "--json"]);
    assert!(text(&check).contains("listed.bl (192.0.2.25)"), "{}", text(&check));

    // At the door: a stranger who is listed, one who is not, and one whom only a liar lists.
    let user = server.address("user");
    let from = |ip: &str, to: &str| {
        let mut wire = Wire::from(ip, server.ports.smtp).unwrap();
        wire.reply();
        wire.command("EHLO out.other.example");
        wire.message("a@other.example", to, "From: a@other.example\r\n\r\nhello")
    };
    dns.a("7.1.20.127.listed.bl", listed).a("8.1.20.127.lying.bl", listed);
    let refused = from("127.20.1.7", &user);
    assert!(refused.starts_with("554 5.7.1") && refused.contains("listed.bl"), "{refused}");
    assert!(from("127.20.1.7", &server.address("postmaster")).starts_with("250"), "to say that it is a mistake");
    assert!(from("127.20.1.8", &user).starts_with("250"));
    assert!(from("127.20.1.9", &user).starts_with("250"));
    let log = server.run(&["logs", "acceptlog", "--network", "127.20.1.7"]);
    assert!(log.contains("block list listed.bl"), "{log}");
}

#[test]
fn one_switch_a_domain_says_what_becomes_of_mail_that_claims_it() {
    let server = Server::start(&Setup { accounts: &["user"], ..Setup::default() });
    let user = server.address("user");
    let forged = |subject: &str| {
        let mut wire = Wire::from("127.21.1.1", server.ports.smtp).unwrap();
        wire.reply();
        wire.command("EHLO out.other.example");
        let text = format!("From: noreply@example.test\r\nSubject: {subject}\r\n\r\nhello");
        wire.message("noreply@example.test", &user, &text)
    };
    assert!(forged("refused").starts_with("530"));
    for (what, marked) in [("mark", true), ("off", false)] {
        server.run(&["domain", "claims", "example.test", what]);
        until("the switch is known", Duration::from_secs(10), || forged(what).starts_with("250"));
        until("delivered", Duration::from_secs(10), || server.queued() == 0);
        let url = format!("imap://127.0.0.1:{}/INBOX", server.ports.imap);
        let login = format!("{user}:{PASSWORD}");
        let count = client(
            "curl",
            &["-sSk", "--ssl-reqd", "--url", &url, "-u", &login, "-X", &format!("SEARCH SUBJECT {what}")],
            &server.data,
        );
        let last = count.split_whitespace().last().unwrap().to_owned();
        let mail = client(
            "curl",
            &["-sSk", "--ssl-reqd", "--url", &format!("{url};MAILINDEX={last}"), "-u", &login],
            &server.data,
        );
        assert_eq!(mail.contains("X-Sekisho-Claim: example.test"), marked, "{mail}");
        // The claim opens nothing: not to the outside.
        let mut wire = Wire::from("127.21.1.2", server.ports.smtp).unwrap();
        wire.reply();
        wire.command("EHLO out.other.example");
        assert!(wire.message(&user, "victim@elsewhere.example", "From: a@b.example\r\n\r\nx").starts_with("550 5.7.1"));
    }
    server.run(&["domain", "claims", "example.test", "refuse"]);
    until("the switch is known", Duration::from_secs(10), || forged("again").starts_with("530"));
}

#[test]
fn mail_to_unknown_users_grows_neither_queue_nor_logs_nor_load() {
    let server = Server::start(&Setup { accounts: &["user"], ..Setup::default() });
    let user = server.address("user");
    let cpu = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
    };
    let (begun, before) = (Instant::now(), cpu());
    // A harvester: new names, session after session. It is slowed in a session and locked over sessions.
    let (mut tried, mut sessions, mut locked) = (0, 0, false);
    while begun.elapsed() < Duration::from_secs(90) && !locked {
        let Ok(mut wire) = Wire::from("127.22.1.1", server.ports.smtp) else { break };
        sessions += 1;
        if !wire.reply().starts_with("220") {
            locked = true;
            break;
        }
        wire.command("EHLO out.other.example");
        wire.command("MAIL FROM:<a@other.example>");
        for n in 0..4 {
            let reply = wire.command(&format!("RCPT TO:<guess{sessions}-{n}@example.test>"));
            assert!(!reply.starts_with('2'), "{reply}");
            tried += 1;
        }
    }
    assert!(locked, "not locked after {tried} guesses in {sessions} sessions");
    assert!(tried <= 64, "{tried} guesses");
    let again = Wire::from("127.22.1.1", server.ports.smtp).unwrap().reply();
    assert!(again.starts_with("421"), "it may come again later: {again}");
    let locks = server.json(&["lockout", "list"]);
    assert_eq!(locks["locks"][0]["rule"], "harvest", "{locks:#}");
    // A botnet floods: many networks, a thousand connections, most of them while they are put off already.
    let flood = 1_000;
    for n in 0..flood {
        if let Ok(mut wire) = Wire::from(&format!("127.22.1.{}", 1 + n % 3), server.ports.smtp) {
            let greeting = wire.reply();
            if greeting.starts_with("220") {
                wire.command("EHLO out.other.example");
                wire.command("MAIL FROM:<>");
                wire.command(&format!("RCPT TO:<flood{n}@example.test>"));
            }
        }
    }
    // Others are served meanwhile.
    let mut wire = Wire::from("127.23.1.1", server.ports.smtp).unwrap();
    let begun = Instant::now();
    wire.reply();
    wire.command("EHLO good.example");
    assert!(wire.message("b@good.example", &user, "From: b@good.example\r\n\r\nhi").starts_with("250"));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    until("delivered", Duration::from_secs(10), || server.queued() == 0);
    let spent = cpu() - before;
    let lines = server.entries(&["receivelog"]).len() + server.entries(&["acceptlog"]).len();
    println!("{tried} guesses and {flood} connections: {lines} log lines, {spent} ms of CPU");
    assert!(lines < 1_200, "{lines} lines for {flood} connections");
    assert!(spent < 20_000, "{spent} ms");
    assert_eq!(server.queued(), 0);
}
