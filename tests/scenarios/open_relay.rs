//! From outside, without AUTH: nothing is relayed, and nothing comes back later as backscatter.

use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup, client, client_any, until};
use std::time::Duration;

/// The classic address forms. `%d` is our domain, `%h` our host name, `%i` our address.
const FORMS: [(&str, &str); 24] = [
    ("<stranger@outside.example>", "<victim@elsewhere.example>"),
    ("<user@%d>", "<victim@elsewhere.example>"),
    ("<nobody@%d>", "<victim@elsewhere.example>"),
    ("<>", "<victim@elsewhere.example>"),
    ("<user@localhost>", "<victim@elsewhere.example>"),
    ("<user@[%i]>", "<victim@elsewhere.example>"),
    ("<user@%h>", "<victim@elsewhere.example>"),
    ("<stranger>", "<victim@elsewhere.example>"),
    ("<user@%d>", "<victim%elsewhere.example@%d>"),
    ("<user@%d>", "<victim%elsewhere.example@[%i]>"),
    ("<user@%d>", "<\"victim@elsewhere.example\">"),
    ("<user@%d>", "<\"victim%elsewhere.example\">"),
    ("<user@%d>", "<victim@elsewhere.example@%d>"),
    ("<user@%d>", "<\"victim@elsewhere.example\"@%d>"),
    ("<user@%d>", "<victim@elsewhere.example@[%i]>"),
    ("<user@%d>", "<@%d:victim@elsewhere.example>"),
    ("<user@%d>", "<@[%i]:victim@elsewhere.example>"),
    ("<user@%d>", "<@%h,@%d:victim@elsewhere.example>"),
    ("<user@%d>", "<elsewhere.example!victim>"),
    ("<user@%d>", "<elsewhere.example!victim@%d>"),
    ("<user@%d>", "<elsewhere.example!victim@[%i]>"),
    ("<user@%d>", "<victim%elsewhere.example>"),
    ("<user@%d>", "<victim@elsewhere.example.>"),
    ("<postmaster@%d>", "<victim@elsewhere.example (%d)>"),
];

#[test]
fn no_classic_address_form_is_relayed_or_answered() {
    let server = Server::start(&Setup { accounts: &["user", "postmaster"], ..Setup::default() });
    let fill =
        |form: &str| form.replace("%d", &server.domain).replace("%h", "mx.example.test").replace("%i", "127.0.0.1");
    for port in [server.ports.smtp, server.ports.submission] {
        for (from, to) in FORMS {
            let mut wire = Wire::smtp(port);
            let mail = wire.command(&format!("MAIL FROM:{}", fill(from)));
            let rcpt = wire.command(&format!("RCPT TO:{}", fill(to)));
            assert!(rcpt.starts_with('5'), "port {port}: MAIL {from}: {mail}; RCPT {to}: {rcpt}");
            let data = wire.command("DATA");
            assert!(data.starts_with('5'), "port {port}: DATA after {to}: {data}");
            assert!(wire.command("QUIT").starts_with("221"));
        }
    }
    assert_eq!(server.queued(), 0, "nothing was queued, so nothing can bounce");
}

#[test]
fn an_outsider_delivers_to_a_user_and_an_unknown_user_is_refused_at_once() {
    let server = Server::start(&Setup { accounts: &["user"], ..Setup::default() });
    let user = server.address("user");
    let mut wire = Wire::smtp(server.ports.smtp);
    let text = "From: stranger@outside.example\r\nSubject: hello\r\n\r\nfrom outside";
    let reply = wire.message("stranger@outside.example", &user, text);
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    let reply = wire.message("stranger@outside.example", &server.address("nobody"), text);
    assert!(reply.starts_with("550 5.1.1"), "{reply}");
    until("delivered", Duration::from_secs(10), || server.queued() == 0);
    let url = format!("imap://127.0.0.1:{}/INBOX;MAILINDEX=1", server.ports.imap);
    let login = format!("{user}:{PASSWORD}");
    let mail = client("curl", &["-sSk", "--ssl-reqd", "--url", &url, "-u", &login], &server.data);
    assert!(mail.contains("from outside"), "{mail}");
    assert!(mail.starts_with("Return-Path: <stranger@outside.example>"), "{mail}");
}

#[test]
fn a_user_cannot_send_as_somebody_else() {
    let server = Server::start(&Setup { accounts: &["user", "boss"], ..Setup::default() });
    let to = server.address("boss");
    let submit = |from: &str, header: &str| {
        let server_at = format!("127.0.0.1:{}", server.ports.submission);
        let user = server.address("user");
        let args = [
            "--server", &server_at, "--tls", "-a", "PLAIN", "-au", &user, "-ap", PASSWORD, "--from", from, "--to", &to,
            "--h-From", header,
        ];
        client_any("swaks", &args, &server.data).status.success()
    };
    let (user, boss) = (server.address("user"), server.address("boss"));
    assert!(submit(&user, &user));
    assert!(!submit(&boss, &user), "reverse-path of another account");
    assert!(!submit(&user, &boss), "header From of another account");
    assert!(!submit("user@elsewhere.example", &user), "reverse-path outside");
    until("delivered", Duration::from_secs(10), || server.queued() == 0);
    assert_eq!(server.entries(&["inlog"]).len(), 1, "only one was accepted");
}

#[test]
fn auth_is_not_offered_without_tls() {
    let server = Server::start(&Setup { accounts: &["user"], ..Setup::default() });
    let mut wire = Wire::connect(server.ports.submission);
    wire.reply();
    let offered = wire.command("EHLO client.example");
    assert!(offered.contains("STARTTLS") && !offered.contains("AUTH"), "{offered}");
    let refused = wire.command("AUTH PLAIN AHVzZXIAcGFzcw==");
    assert!(refused.starts_with("5"), "{refused}");
    assert!(wire.command("MAIL FROM:<user@example.test>").starts_with("530"));
}
