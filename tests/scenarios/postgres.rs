//! The whole server over PostgreSQL.

use std::time::Duration;

use sekisho_testkit::postgres::TempPostgres;

use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup, client, until};

#[test]
fn mail_is_taken_delivered_and_read_over_postgresql_and_survives_kill_9() {
    let url = TempPostgres::database().unwrap();
    let mut server = Server::start(&Setup { accounts: &["user"], store: Some(&url), ..Setup::default() });
    let user = server.address("user");
    let mut acknowledged = 0;
    for round in 0..3 {
        if round > 0 {
            server.launch();
        }
        let mut wire = Wire::smtp(server.ports.smtp);
        for n in 0..20 {
            let text = format!("From: a@outside.example\r\nSubject: key-{round}-{n}\r\n\r\nbody");
            assert!(wire.message("a@outside.example", &user, &text).starts_with("250"));
            acknowledged += 1;
        }
        server.kill();
    }
    server.launch();
    until("delivered", Duration::from_secs(30), || server.queued() == 0);
    let url = format!("imaps://127.0.0.1:{}/INBOX?SUBJECT%20key", server.ports.imaps);
    let found = client("curl", &["-sSk", "--url", &url, "-u", &format!("{user}:{PASSWORD}")], &server.data);
    let found = found.split_whitespace().filter(|word| word.parse::<u32>().is_ok()).count();
    assert!(found >= acknowledged, "{acknowledged} acknowledged, {found} found");
    assert!(server.cli(&["store", "check"]).status.success());
}

#[test]
fn two_nodes_over_one_postgresql_share_mailboxes_and_news() {
    let url = TempPostgres::database().unwrap();
    let node = |name: &str| format!("{url}\"\nnode = \"{name}");
    let (first, second) = (node("first"), node("second"));
    let here = Server::start(&Setup { accounts: &["user"], store: Some(&first), ..Setup::default() });
    let mut there = Server::prepare(&Setup::default());
    there.configure(&Setup { store: Some(&second), ..Setup::default() });
    there.launch();
    let user = here.address("user");
    let program = r#"
import imaplib, smtplib, ssl, sys, time
smtp, imap, user, password = sys.argv[1:]
i = imaplib.IMAP4_SSL("127.0.0.1", int(imap), ssl_context=ssl._create_unverified_context()); i.login(user, password); i.select("INBOX")
i.send(b"x IDLE\r\n"); assert i.readline().startswith(b"+")
with smtplib.SMTP("127.0.0.1", int(smtp)) as s:
    s.sendmail("a@outside.example", [user], "From: a@outside.example\r\nSubject: now\r\n\r\nnow\r\n")
i.sock.settimeout(10)
line = i.readline()
while b"EXISTS" not in line: line = i.readline()
i.send(b"DONE\r\n")
"#;
    for (smtp, imap) in [(here.ports.smtp, there.ports.imaps), (there.ports.smtp, here.ports.imaps)] {
        client("python3", &["-c", program, &smtp.to_string(), &imap.to_string(), &user, PASSWORD], &here.data);
    }
    until("delivered", Duration::from_secs(10), || here.queued() == 0);
}

#[test]
fn idle_and_notify_push_within_a_tenth_of_a_second_from_another_node() {
    let url = TempPostgres::database().unwrap();
    let node = |name: &str| format!("{url}\"\nnode = \"{name}");
    let (first, second) = (node("first"), node("second"));
    let here = Server::start(&Setup { accounts: &["user"], store: Some(&first), ..Setup::default() });
    let mut there = Server::prepare(&Setup::default());
    there.configure(&Setup { store: Some(&second), ..Setup::default() });
    there.launch();
    // Acts through one node, and what two clients of the other hear: one waits in IDLE, one has asked for NOTIFY.
    let program = r#"
import imaplib, ssl, sys, time
here, there, user, password = sys.argv[1:]
def connect(port):
    i = imaplib.IMAP4_SSL("127.0.0.1", int(port), ssl_context=ssl._create_unverified_context()); i.login(user, password)
    i.sock.settimeout(20); return i
actor, idle, notify = connect(here), connect(there), connect(there)
idle.select("INBOX"); idle.send(b"x IDLE\r\n"); assert idle.readline().startswith(b"+")
notify.send(b"x NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName))\r\n")
while not notify.readline().startswith(b"x OK"): pass
def heard(watcher, word, begin):
    line = watcher.readline()
    while word not in line: assert line, "closed"; line = watcher.readline()
    return time.time() - begin
fastest = {}
def note(what, seconds): fastest[what] = min(seconds, fastest.get(what, 100))
actor.select("INBOX")
for n in range(1, 13):
    assert actor.append("INBOX", "", None, b"Subject: x\r\n\r\nhi\r\n")[0] == "OK"; begin = time.time()
    note("idle: arrival", heard(idle, b"%d EXISTS" % n, begin)); note("notify: arrival", heard(notify, b"MESSAGES %d" % n, begin))
    assert actor.store(str(n), "+FLAGS", "(\\Flagged)")[0] == "OK"; begin = time.time()
    note("idle: flag", heard(idle, b"%d FETCH" % n, begin)); note("notify: flag", heard(notify, b"STATUS", begin))
    assert actor.create("box%d" % n)[0] == "OK"; begin = time.time()
    note("notify: mailbox", heard(notify, b"box%d" % n, begin))
actor.store("1:*", "+FLAGS", "(\\Deleted)"); begin = time.time(); actor.expunge()
heard(idle, b"EXPUNGE", begin); heard(notify, b"MESSAGES 0", begin)
print(fastest)
assert all(seconds < 0.1 for seconds in fastest.values()), fastest
"#;
    let ports = [here.ports.imaps, there.ports.imaps].map(|port| port.to_string());
    let said = client("python3", &["-c", program, &ports[0], &ports[1], &here.address("user"), PASSWORD], &here.data);
    println!("{said}");
}
