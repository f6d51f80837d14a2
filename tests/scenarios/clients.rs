//! Real clients against the whole server, each as its users start it.

use crate::support;

use crate::support::{PASSWORD, Server, Setup, client, client_any, until};
use std::time::Duration;

fn submit(server: &Server, from: &str, to: &str, subject: &str, more: &[&str]) {
    let at = format!("127.0.0.1:{}", server.ports.submission);
    let (from, to) = (server.address(from), server.address(to));
    let subject = format!("Subject: {subject}");
    let args = [
        &["--server", &at, "--tls", "-a", "PLAIN", "-au", &from, "-ap", PASSWORD, "--from", &from, "--to", &to][..],
        &["--header", &subject, "--body", "the body"],
        more,
    ];
    client("swaks", &args.concat(), &server.data);
}

fn two_people() -> Server {
    Server::start(&Setup { accounts: &["alice", "bob"], ..Setup::default() })
}

fn arrived(server: &Server) {
    until("delivered", Duration::from_secs(15), || server.queued() == 0);
}

#[test]
fn swaks_sends_and_curl_reads_over_imap_and_pop3() {
    let server = two_people();
    submit(&server, "alice", "bob", "first message", &[]);
    let at = format!("127.0.0.1:{}", server.ports.submissions);
    let (alice, bob) = (server.address("alice"), server.address("bob"));
    let implicit =
        ["--server", &at, "--tlsc", "-a", "LOGIN", "-au", &alice, "-ap", PASSWORD, "--from", &alice, "--to", &bob];
    client("swaks", &implicit, &server.data);
    arrived(&server);
    let login = format!("{bob}:{PASSWORD}");
    let imap = format!("imaps://127.0.0.1:{}/INBOX;MAILINDEX=1", server.ports.imaps);
    let mail = client("curl", &["-sSk", "--url", &imap, "-u", &login], &server.data);
    assert!(mail.contains("Subject: first message") && mail.contains("with ESMTPSA"), "{mail}");
    let starttls = format!("imap://127.0.0.1:{}/", server.ports.imap);
    assert!(client("curl", &["-sSk", "--ssl-reqd", "--url", &starttls, "-u", &login], &server.data).contains("INBOX"));
    let list = format!("pop3s://127.0.0.1:{}/", server.ports.pop3s);
    assert_eq!(client("curl", &["-sSk", "--url", &list, "-u", &login], &server.data).lines().count(), 2);
    let stls = format!("pop3://127.0.0.1:{}/1", server.ports.pop3);
    let mail = client("curl", &["-sSk", "--ssl-reqd", "--url", &stls, "-u", &login], &server.data);
    assert!(mail.contains("Subject: first message"), "{mail}");
    let wrong = client_any("curl", &["-sSk", "--url", &list, "-u", &format!("{bob}:wrong")], &server.data);
    assert!(!wrong.status.success());
    for (log, word) in [
        ("acceptlog", "127.0.0.1"),
        ("inlog", &*alice),
        ("receivelog", &*alice),
        ("outlog", &*bob),
        ("pop3log", &*bob),
        ("imap4log", &*bob),
    ] {
        let lines = server.run(&["logs", log]);
        assert!(lines.contains(word), "{log} does not name {word}: {lines}");
    }
}

#[test]
fn mbsync_goes_both_ways() {
    let server = two_people();
    submit(&server, "alice", "bob", "to be synced", &[]);
    arrived(&server);
    let folder = support::scratch();
    std::fs::write(
        folder.join("mbsyncrc"),
        format!(
            "IMAPStore r\nHost 127.0.0.1\nPort {}\nUser {}\nPass {PASSWORD}\nSSLType IMAPS\nCertificateFile {}\n\n\
             MaildirStore l\nPath {d}/mail/\nInbox {d}/mail/INBOX\nSubFolders Verbatim\n\n\
             Channel c\nFar :r:\nNear :l:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n",
            server.ports.imaps,
            server.address("bob"),
            server.data.join("tls/cert.pem").display(),
            d = folder.display()
        ),
    )
    .unwrap();
    std::fs::create_dir_all(folder.join("mail")).unwrap();
    let sync = || client("mbsync", &["-c", "mbsyncrc", "c"], &folder);
    sync();
    let new = folder.join("mail/INBOX/new");
    let pulled = std::fs::read_dir(&new).unwrap().next().expect("mbsync pulled the message").unwrap().path();
    assert!(std::fs::read_to_string(&pulled).unwrap().contains("to be synced"));
    let name = pulled.file_name().unwrap().to_string_lossy().split(":2,").next().unwrap().to_string();
    std::fs::rename(&pulled, folder.join(format!("mail/INBOX/cur/{name}:2,FS"))).unwrap();
    std::fs::write(new.join("1.2.3"), "From: a@b.example\nSubject: pushed up\nMessage-ID: <p@b.example>\n\nup\n")
        .unwrap();
    sync();
    let login = format!("{}:{PASSWORD}", server.address("bob"));
    let search = |query: &str| {
        let url = format!("imaps://127.0.0.1:{}/INBOX?{query}", server.ports.imaps);
        client("curl", &["-sSk", "--url", &url, "-u", &login], &server.data)
    };
    assert_eq!(search("FLAGGED").trim(), "* SEARCH 1");
    assert_eq!(search("SUBJECT%20pushed").trim(), "* SEARCH 2");
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn fetchmail_takes_mail_over_imap_and_pop3() {
    let server = two_people();
    submit(&server, "alice", "bob", "to be fetched", &[]);
    arrived(&server);
    let folder = support::scratch();
    for (protocol, port) in [("IMAP", server.ports.imaps), ("POP3", server.ports.pop3s)] {
        let rc = folder.join("fetchmailrc");
        let line = format!(
            "poll 127.0.0.1 protocol {protocol} port {port} username \"{}\" password \"{PASSWORD}\" keep fetchall ssl mda \"cat >> {}/{protocol}.mbox\"\n",
            server.address("bob"),
            folder.display()
        );
        std::fs::write(&rc, line).unwrap();
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&rc, std::fs::Permissions::from_mode(0o600)).unwrap();
        let args = ["--nosslcertck", "-f", "fetchmailrc", "--pidfile", "pid", "--idfile", "ids"];
        let done = client_any("fetchmail", &args, &folder);
        let mbox = std::fs::read_to_string(folder.join(format!("{protocol}.mbox"))).unwrap_or_default();
        assert!(mbox.contains("to be fetched"), "{protocol}: {}", support::text(&done));
    }
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn python_smtplib_imaplib_and_poplib_work_together() {
    let server = two_people();
    let program = r#"
import imaplib, poplib, smtplib, ssl, sys, time
from email.message import EmailMessage
sub, imap, pop, alice, bob, password = sys.argv[1:]
tls = ssl._create_unverified_context()
m = EmailMessage(); m["From"] = alice; m["To"] = bob; m["Subject"] = "不正中継の踏み台"; m.set_content("東京の本文\n.先頭の点\n")
m.add_attachment(bytes(range(256)) * 300, maintype="application", subtype="octet-stream", filename="資料.bin")
with smtplib.SMTP("127.0.0.1", int(sub)) as s:
    s.starttls(context=tls); s.login(alice, password); assert s.send_message(m) == {}
i = imaplib.IMAP4_SSL("127.0.0.1", int(imap), ssl_context=tls); i.login(bob, password)
end = time.time() + 15
while i.select("INBOX")[1] == [b"0"]: assert time.time() < end; time.sleep(0.05)
i.literal = "踏み台".encode(); assert i.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT")[1] == [b"1"]
i.literal = "東京".encode(); assert i.uid("SEARCH", "CHARSET", "UTF-8", "BODY")[1] == [b"1"]
i.create("py"); assert i.append("py", "(\\Seen)", None, b"From: a@b.example\r\nSubject: x\r\n\r\nhi")[0] == "OK"
assert i.select("py")[1] == [b"1"]; assert i.search(None, "SEEN")[1] == [b"1"]
assert i.store("1", "+FLAGS", "\\Deleted")[0] == "OK"; assert i.expunge()[1] == [b"1"]
assert i.close()[0] == "OK"; assert i.delete("py")[0] == "OK"
i.select("INBOX"); kind, rows = i.fetch("1", "(BODY.PEEK[])"); whole = rows[0][1]
p = poplib.POP3_SSL("127.0.0.1", int(pop), context=tls); p.user(bob); p.pass_(password)
assert p.stat()[0] == 1; assert b"\r\n".join(p.retr(1)[1]) + b"\r\n" == whole
assert len(p.uidl()[1]) == 1; p.top(1, 0); p.dele(1); p.quit()
i.noop(); assert i.select("INBOX")[1] == [b"0"]; i.logout()
"#;
    let p = server.ports;
    let ports = [p.submission, p.imaps, p.pop3s].map(|port| port.to_string());
    let (alice, bob) = (server.address("alice"), server.address("bob"));
    client("python3", &["-c", program, &ports[0], &ports[1], &ports[2], &alice, &bob, PASSWORD], &server.data);
}

#[test]
fn idle_tells_of_new_mail_at_once() {
    let server = two_people();
    let program = r#"
import imaplib, smtplib, ssl, sys, time
sub, imap, alice, bob, password = sys.argv[1:]
tls = ssl._create_unverified_context()
i = imaplib.IMAP4_SSL("127.0.0.1", int(imap), ssl_context=tls); i.login(bob, password); i.select("INBOX")
i.send(b"x IDLE\r\n"); assert i.readline().startswith(b"+")
with smtplib.SMTP("127.0.0.1", int(sub)) as s:
    s.starttls(context=tls); s.login(alice, password)
    s.sendmail(alice, [bob], f"From: {alice}\r\nSubject: now\r\n\r\nnow\r\n")
    begin = time.time()
i.sock.settimeout(10)
line = i.readline()
while b"EXISTS" not in line: line = i.readline()
assert time.time() - begin < 2, time.time() - begin
i.send(b"DONE\r\n")
"#;
    let ports = [server.ports.submission, server.ports.imaps].map(|port| port.to_string());
    let (alice, bob) = (server.address("alice"), server.address("bob"));
    client("python3", &["-c", program, &ports[0], &ports[1], &alice, &bob, PASSWORD], &server.data);
}

#[test]
fn mutt_opens_the_mailbox() {
    let server = two_people();
    submit(&server, "alice", "bob", "read by mutt", &[]);
    arrived(&server);
    let box_url = format!("imaps://127.0.0.1:{}/INBOX", server.ports.imaps);
    let user =
        format!("set imap_user={} imap_pass={PASSWORD} ssl_verify_host=no ssl_verify_dates=no", server.address("bob"));
    let certificate = format!("set certificate_file={}", server.data.join("tls/cert.pem").display());
    let copy = server.data.join("mutt.mbox");
    let keys = format!(
        "set quit=yes wait_key=no confirmappend=no confirmcreate=no copy=no; push \"<tag-pattern>~s mutt<enter><tag-prefix><copy-message>{}<enter><quit>\"",
        copy.display()
    );
    let line = format!("mutt -n -F /dev/null -e '{user}' -e '{certificate}' -e '{keys}' -f {box_url}");
    let done = client_any("script", &["-qec", &line, "/dev/null"], &server.data);
    let mbox = std::fs::read_to_string(&copy).unwrap_or_default();
    assert!(mbox.contains("read by mutt"), "{}", support::text(&done));
}
