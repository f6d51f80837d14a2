//! Programs that fetch, mirror and watch mailboxes, each as its users start it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{self, PASSWORD, Server, Setup, client, client_any, text};

/// Where scripts/install-test-packages puts the libraries of Python.
const PYTHON: &str = "/usr/local/share/sekisho-test/venv/bin/python";

/// A folder whose name is Japanese, below another one.
const BELOW: &str = "仕事/東京 2026";

/// mbsync keeps names as they are on the wire (RFC 3501 §5.1.3): 仕事/東京 2026, 仕事/京都 and 下.
const TOKYO: &str = "&TtVOiw-/&Z3FOrA- 2026";
const KYOTO: &str = "&TtVOiw-/&TqyQ,Q-";
const DOWN: &str = "&Tgs-";

fn bob() -> Server {
    Server::start(&Setup { accounts: &["bob"], ..Setup::default() })
}

/// Runs a program in Python that gets ports, login and password as its first arguments.
fn python(server: &Server, program: &str, more: &[&str]) -> String {
    let head = "import sys, ssl, time\nhost, imap, pop, user, password = '127.0.0.1', int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]\n\
                more = sys.argv[5:]\ntls = ssl._create_unverified_context()\n";
    let ports = [server.ports.imaps, server.ports.pop3s].map(|port| port.to_string());
    let program = format!("{head}{program}");
    let user = server.address("bob");
    let args = [&["-c", &program, &ports[0], &ports[1], &user, PASSWORD][..], more].concat();
    client(PYTHON, &args, &server.data)
}

/// Puts messages into a folder, which is made first unless it is INBOX.
fn fill(server: &Server, folder: &str, subjects: &[&str]) {
    let program = r#"
from imapclient import IMAPClient
c = IMAPClient(host, imap, ssl_context=tls); c.login(user, password)
if not c.folder_exists(more[0]): c.create_folder(more[0])
for subject in more[1:]:
    c.append(more[0], f"From: a@b.example\r\nTo: {user}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@b.example>\r\n\r\n{subject}\r\n".encode())
c.logout()
"#;
    python(server, program, &[&[folder], subjects].concat());
}

/// `folder subject flags` of every message on the server.
fn on_server(server: &Server) -> BTreeSet<String> {
    let program = r#"
from imapclient import IMAPClient
c = IMAPClient(host, imap, ssl_context=tls); c.login(user, password)
for flags, _, name in c.list_folders():
    if b"\\Noselect" in flags: continue
    c.select_folder(name, readonly=True)
    for uid, m in c.fetch(c.search(), ["FLAGS", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"]).items():
        subject = m[b"BODY[HEADER.FIELDS (SUBJECT)]"].decode().split(":", 1)[1].strip()
        flags = " ".join(sorted(f.decode() for f in m[b"FLAGS"] if f != b"\\Recent"))
        print(f"{name} {subject} {flags}".strip())
c.logout()
"#;
    python(server, program, &[]).lines().map(str::to_owned).collect()
}

/// The messages of a Maildir.
fn maildir(folder: &Path) -> Vec<PathBuf> {
    let read = |part: &str| fs::read_dir(folder.join(part)).into_iter().flatten().map(|entry| entry.unwrap().path());
    read("new").chain(read("cur")).collect()
}

/// The message of a Maildir whose text contains `subject`.
fn message(folder: &Path, subject: &str) -> PathBuf {
    let found = maildir(folder).into_iter().find(|path| fs::read_to_string(path).unwrap().contains(subject));
    found.unwrap_or_else(|| panic!("{subject} is not in {}", folder.display()))
}

/// By which a client knows the server's certificate.
fn fingerprint(server: &Server) -> String {
    let certificate = server.data.join("tls/cert.pem");
    let args = ["x509", "-in", &certificate.to_string_lossy(), "-noout", "-fingerprint", "-sha1"];
    let said = client("openssl", &args, &server.data);
    said.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase()
}

/// Marks a message of a Maildir as a mail reader does.
fn mark(message: &Path, flags: &str) {
    let name = message.file_name().unwrap().to_string_lossy().into_owned();
    let name = name.split(":2,").next().unwrap();
    let maildir = message.parent().unwrap().parent().unwrap();
    fs::rename(message, maildir.join("cur").join(format!("{name}:2,{flags}"))).unwrap();
}

fn new_message(maildir: &Path, subject: &str) {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    let text = format!("From: a@b.example\nSubject: {subject}\nMessage-ID: <{subject}@b.example>\n\n{subject}\n");
    fs::write(maildir.join("new/1700000000.1.here"), text).unwrap();
}

#[test]
fn mbsync_mirrors_flags_folders_and_japanese_names_both_ways() {
    let server = bob();
    fill(&server, "INBOX", &["one", "two", "three"]);
    fill(&server, BELOW, &["tokyo"]);
    let folder = support::scratch();
    let rc = format!(
        "IMAPStore r\nHost 127.0.0.1\nPort {}\nUser {}\nPass {PASSWORD}\nSSLType IMAPS\nCertificateFile {}\n\n\
         MaildirStore l\nPath {d}/mail/\nInbox {d}/mail/INBOX\nSubFolders Verbatim\n\n\
         Channel c\nFar :r:\nNear :l:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\nSync All\nSyncState *\n",
        server.ports.imaps,
        server.address("bob"),
        server.data.join("tls/cert.pem").display(),
        d = folder.display()
    );
    fs::write(folder.join("mbsyncrc"), rc).unwrap();
    fs::create_dir_all(folder.join("mail")).unwrap();
    let sync = || client("mbsync", &["-c", "mbsyncrc", "c"], &folder);
    sync();
    let mail = folder.join("mail");
    let inbox = mail.join("INBOX");
    message(&mail.join(TOKYO), "tokyo");
    assert_eq!(maildir(&inbox).len(), 3);
    // Flags, a deletion, a message and a folder go up; flags, a deletion and a folder come down.
    mark(&message(&inbox, "one"), "FS");
    fs::remove_file(message(&inbox, "three")).unwrap();
    new_message(&mail.join(KYOTO), "kyoto");
    fill(&server, "下", &["down"]);
    python(
        &server,
        r#"
from imapclient import IMAPClient
c = IMAPClient(host, imap, ssl_context=tls); c.login(user, password); c.select_folder("INBOX")
c.add_flags(c.search(["SUBJECT", "two"]), [b"\\Answered"]); c.logout()
"#,
        &[],
    );
    sync();
    let expected =
        ["INBOX one \\Flagged \\Seen", "INBOX two \\Answered", "下 down", "仕事/京都 kyoto", "仕事/東京 2026 tokyo"];
    assert_eq!(on_server(&server), expected.map(str::to_owned).into());
    assert!(message(&inbox, "two").to_string_lossy().ends_with(":2,R"));
    message(&mail.join(DOWN), "down");
    // Nothing is left to do.
    let before = on_server(&server);
    sync();
    assert_eq!((on_server(&server), maildir(&inbox).len()), (before, 2));
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn offlineimap_mirrors_both_ways() {
    let server = bob();
    fill(&server, "INBOX", &["one", "two"]);
    fill(&server, BELOW, &["tokyo"]);
    let folder = support::scratch();
    let rc = format!(
        "[general]\naccounts = a\nmetadata = {d}/meta\nui = basic\n\n\
         [Account a]\nlocalrepository = l\nremoterepository = r\nutf8foldernames = yes\n\n\
         [Repository l]\ntype = Maildir\nlocalfolders = {d}/mail\nsep = /\n\n\
         [Repository r]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {}\nremoteuser = {}\nremotepass = {PASSWORD}\n\
         ssl = yes\ncert_fingerprint = {}\n",
        server.ports.imaps,
        server.address("bob"),
        fingerprint(&server),
        d = folder.display()
    );
    fs::write(folder.join("rc"), rc).unwrap();
    let sync = || {
        let done = client_any("/usr/bin/offlineimap", &["-o", "-c", "rc"], &folder);
        assert!(done.status.success(), "{}", text(&done));
        text(&done)
    };
    let said = sync();
    let mail = folder.join("mail");
    let inbox = mail.join("INBOX");
    assert_eq!(maildir(&inbox).len(), 2, "{said}");
    message(&mail.join(BELOW), "tokyo");
    mark(&message(&inbox, "one"), "FS");
    new_message(&mail.join("上"), "up");
    let said = sync();
    let expected = ["INBOX one \\Flagged \\Seen", "INBOX two", "上 up", "仕事/東京 2026 tokyo"];
    assert_eq!(on_server(&server), expected.map(str::to_owned).into(), "{said}");
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn getmail_fetches_each_message_once_over_imap_and_pop3() {
    let server = bob();
    fill(&server, "INBOX", &["one", "two"]);
    let folder = support::scratch();
    for (kind, port) in [("SimpleIMAPSSLRetriever", server.ports.imaps), ("SimplePOP3SSLRetriever", server.ports.pop3s)]
    {
        let at = folder.join(kind);
        fs::create_dir_all(&at).unwrap();
        fs::set_permissions(&at, fs::Permissions::from_mode(0o700)).unwrap();
        // It delivers to no Maildir as root, which tests may be.
        let rc = format!(
            "[retriever]\ntype = {kind}\nserver = 127.0.0.1\nport = {port}\nusername = {}\npassword = {PASSWORD}\n\
             ca_certs = {}\n\n[destination]\ntype = MDA_external\npath = /bin/sh\narguments = (\"-c\", \"cat >> {}/mbox\")\n\
             allow_root_commands = true\n\n[options]\ndelete = false\nread_all = false\n",
            server.address("bob"),
            server.data.join("tls/cert.pem").display(),
            at.display()
        );
        fs::write(at.join("rc"), rc).unwrap();
        let fetched = || {
            let done = client_any("/usr/bin/getmail", &["--getmaildir", &at.to_string_lossy(), "--rcfile", "rc"], &at);
            assert!(done.status.success(), "{kind}: {}", text(&done));
            fs::read_to_string(at.join("mbox")).unwrap_or_else(|e| panic!("{kind}: {e}: {}", text(&done)))
        };
        let mbox = fetched();
        assert!(mbox.contains("Subject: one") && mbox.contains("Subject: two"), "{kind}: {mbox}");
        // UIDs are what it remembers messages by.
        assert_eq!(fetched(), mbox, "{kind}");
    }
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn imapclient_does_what_a_mail_reader_does() {
    let server = bob();
    fill(&server, "INBOX", &["one", "two", "three"]);
    let program = r#"
from imapclient import IMAPClient
c = IMAPClient(host, imap, ssl_context=tls); c.login(user, password)
assert c.id_({"name": "test"}) == ((b"name", b"Sekisho"),)
assert c.namespace().personal == (("", "/"),), c.namespace()
assert c.find_special_folder(b"\\Sent") == "Sent"
inbox = c.select_folder("INBOX"); assert inbox[b"EXISTS"] == 3 and inbox[b"UIDNEXT"] == 4, inbox
uids = c.search(); rows = c.fetch(uids, ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "BODY[]"])
assert [rows[u][b"ENVELOPE"].subject for u in uids] == [b"one", b"two", b"three"]
assert all(len(rows[u][b"BODY[]"]) == rows[u][b"RFC822.SIZE"] for u in uids)
assert c.sort("REVERSE SUBJECT") == [2, 3, 1], c.sort("REVERSE SUBJECT")
assert c.thread() == ((1,), (2,), (3,)), c.thread()
assert c.search(["SUBJECT", "two"]) == [2] and c.search(["NOT", ["OR", "SUBJECT", "two", "SEEN"]]) == []
folder = "日本語 & フォルダ"; c.create_folder(folder); c.subscribe_folder(folder)
assert folder in [name for _, _, name in c.list_sub_folders()]
c.copy([1], folder); c.move([2], folder); assert c.search() == [1, 3]
assert c.folder_status(folder, ["MESSAGES", "UIDNEXT"]) == {b"MESSAGES": 2, b"UIDNEXT": 3}
new = "新しい/" + folder; c.rename_folder(folder, new); c.select_folder(new); assert c.search() == [1, 2]
c.set_flags([1], [b"\\Flagged", b"$Label"]); assert set(c.get_flags([1])[1]) >= {b"\\Flagged", b"$Label"}
c.remove_flags([1], [b"\\Flagged"]); c.delete_messages([1]); c.uid_expunge([1]); assert c.search() == [2]
c.unselect_folder(); c.delete_folder(new); assert not c.folder_exists(new)
assert c.get_quota_root("INBOX")[0].mailbox == "INBOX"; c.logout()
c = IMAPClient(host, imap, ssl_context=tls); c.login(user, password); assert c.enable("CONDSTORE") == [b"CONDSTORE"]
c.select_folder("INBOX"); assert c.search(["ALL"]).modseq is None; assert c.search(["MODSEQ", "1"]).modseq > 1; c.logout()
"#;
    python(&server, program, &[]);
}

#[test]
fn idle_of_imapclient_and_aioimaplib_hears_of_everything_at_once() {
    let server = bob();
    fill(&server, "INBOX", &["one"]);
    let program = r#"
from imapclient import IMAPClient
import aioimaplib, asyncio
def connect():
    c = IMAPClient(host, imap, ssl_context=tls); c.login(user, password); c.select_folder("INBOX"); return c
watcher, actor = connect(), connect()
def heard(wanted):
    end, all = time.time() + 10, []
    while not any(wanted(*line) for line in all):
        assert time.time() < end, all
        all += watcher.idle_check(timeout=1)
watcher.idle()
actor.append("INBOX", b"Subject: two\r\n\r\nx\r\n"); heard(lambda *l: l == (2, b"EXISTS"))
actor.add_flags([1], [b"\\Deleted"]); heard(lambda *l: l[:2] == (1, b"FETCH") and b"\\Deleted" in l[2][1])
actor.expunge(); heard(lambda *l: l == (1, b"EXPUNGE"))
watcher.idle_done(); assert watcher.search() == [2]; watcher.logout()
async def go():
    c = aioimaplib.IMAP4_SSL(host=host, port=imap, ssl_context=tls, timeout=15)
    await c.wait_hello_from_server(); assert (await c.login(user, password)).result == "OK"
    assert (await c.select()).result == "OK"
    task = await c.idle_start(timeout=20)
    await asyncio.get_running_loop().run_in_executor(None, lambda: actor.append("INBOX", b"Subject: three\r\n\r\nx\r\n"))
    begin = time.time(); lines = await c.wait_server_push()
    while not any(b"2 EXISTS" in line for line in lines): lines = await c.wait_server_push()
    assert time.time() - begin < 5
    c.idle_done(); await asyncio.wait_for(task, 10)
    r = await c.uid("fetch", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"); assert r.result == "OK" and any(b"three" in bytes(l) for l in r.lines), r
    await c.logout()
asyncio.run(go()); actor.logout()
"#;
    python(&server, program, &[]);
}
