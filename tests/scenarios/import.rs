//! Coming from E-POST and from files, and leaving.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup, scratch, text, until};

const PATIENCE: Duration = Duration::from_secs(60);
const PEOPLE: usize = 1_000;

fn message(n: usize, id: &str) -> String {
    format!(
        "Received: from a by b\r\n with ESMTP id <{id}@mail.old.test>; Mon, 05 Jan 2026 09:00:00 +0900\r\n\
         From: <x@outside.example>\r\nTo: <user@old.test>\r\nSubject: =?UTF-8?B?44OG44K544OI?= {n}\r\n\r\nbody {n}\r\n"
    )
}

/// Shift-JIS for 山田太郎.
const NAME: &[u8] = b"\x8eR\x93c\x91\xbe\x98Y";

/// An E-POST installation: `old.test` with a folder for the domain, `common.test` in common mode.
fn installation() -> PathBuf {
    let root = scratch();
    let (programs, inbox) = (root.join("bin"), root.join("spool/inbox"));
    fs::create_dir_all(&programs).unwrap();
    let mut accounts =
        b"Account\tPass\tFullname\tDomain\tHomefolder\tSMTPAUTH\tAPOP\tMailboxLimit\tPOP3\tIMAP4\r\n".to_vec();
    for n in 0..PEOPLE {
        let (domain, folder) = match n % 2 {
            0 => ("old.test", inbox.join("old.test").join(format!("User{n}"))),
            _ => ("common.test", inbox.join(format!("user{n}"))),
        };
        let password = match n {
            7 => "user7".to_owned(),
            8 => "*****".to_owned(),
            _ => format!("Old-kettle-{n}-{}", n * 7 + 13),
        };
        let auth = u8::from(n != 9);
        accounts.extend_from_slice(format!("user{n}\t{password}\t").as_bytes());
        accounts.extend_from_slice(NAME);
        accounts.extend_from_slice(format!("\t{domain}\t\t{auth}\t0\t104857600\t1\t1\r\n").as_bytes());
        fs::create_dir_all(folder.join("INBOX")).unwrap();
        fs::write(folder.join(format!("B{n:010}.MSG")), message(n, &format!("B{n:010}"))).unwrap();
        if n < 20 {
            // The IMAP store has a copy of it, and one that is there alone.
            fs::write(folder.join("INBOX/0000000001-000010.MSG"), message(n, &format!("B{n:010}"))).unwrap();
            fs::write(folder.join("INBOX/0000000002-000000.MSG"), message(n, &format!("B{:010}", n + 5_000))).unwrap();
            fs::write(folder.join("INBOX/uid"), "3").unwrap();
            fs::write(folder.join("apop.dat"), "x").unwrap();
        }
    }
    accounts.extend_from_slice(b"a broken line\r\nuser1\tagain\t\tcommon.test\t\t1\t0\t0\t1\t1\r\n");
    fs::write(root.join("accounts.tsv"), accounts).unwrap();
    let taro = inbox.join("old.test/User0");
    fs::write(taro.join("ims.ctl"), "[AutoForward]\r\nForwardTo=away@outside.example\r\n[Delivery]\r\nDiscard=No\r\n")
        .unwrap();
    fs::write(taro.join("sender.dat"), "*@rival.example,-1\r\n*,0\r\n").unwrap();
    let hana = inbox.join("old.test/User2");
    fs::write(hana.join("ims.ctl"), "[AutoReply]\r\nSubject=\x52\r\n").unwrap();
    fs::write(hana.join("AUTORPLY.TXT"), b"\x8bx\x82\xdd\x82\xc5\x82\xb7").unwrap();
    fs::write(inbox.join("old.test/User4/B0000000900.MSG"), [0x80, 0x01, 0xFE, 0x02, 0x0A]).unwrap();
    fs::write(
        programs.join("effect.dat"),
        "#<> default\r\n#blank false\r\n10.0.0.0/8 true\r\nold.test\r\n203.0.113.7 false\r\nnot a row at all here\r\n*.*.*.* norelay,2\r\n",
    )
    .unwrap();
    fs::write(programs.join("gateway.dat"), "partner.example,relay.partner.example\r\nbroken\r\n").unwrap();
    let filter =
        [b"Virus:ad\r\nFrom:".as_slice(), NAME, b"\r\nLevel:100\r\nVirusEnd:\r\nVirus:bad\r\nLevel:9\r\nVirusEnd:\r\n"];
    fs::write(programs.join("mail.dat"), filter.concat()).unwrap();
    fs::write(programs.join("rejectsmtpip.dat"), "192.0.2.9\t\r\n192.0.2.10\ttrue\r\n").unwrap();
    fs::write(programs.join("ordb.dat"), "relays.ordb.org\r\n").unwrap();
    fs::create_dir_all(root.join("spool/incoming")).unwrap();
    fs::write(root.join("spool/incoming/B0000000001.MSG"), "waiting").unwrap();
    fs::write(root.join("aliases.txt"), "info@old.test\tuser0@old.test\r\nbad line here too many\r\n").unwrap();
    root
}

fn import(server: &Server, root: &Path, more: &[&str]) -> Value {
    let path = |name: &str| root.join(name).display().to_string();
    let (accounts, programs, spool, aliases) = (path("accounts.tsv"), path("bin"), path("spool"), path("aliases.txt"));
    let args = [
        &[
            "import",
            "epost",
            "--accounts",
            &accounts,
            "--programs",
            &programs,
            "--spool",
            &spool,
            "--aliases",
            &aliases,
            "--json",
        ],
        more,
    ]
    .concat();
    let done = server.cli(&args);
    assert_eq!(done.status.code(), Some(1), "there is something to look at: {}", text(&done));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// Whether the password is good, by POP3.
fn logs_in(server: &Server, who: &str, password: &str) -> bool {
    let mut wire = Wire::connect(server.ports.pop3);
    wire.line();
    wire.send(format!("USER {who}\r\nPASS {password}\r\n").as_bytes()).unwrap();
    wire.line();
    wire.line().starts_with("+OK")
}

fn messages(server: &Server, address: &str) -> u64 {
    server.json(&["account", "show", address])["messages"].as_u64().unwrap()
}

fn places(report: &Value, list: &str) -> Vec<String> {
    report[list]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| format!("{}:{}", note["place"].as_str().unwrap(), note["line"]))
        .collect()
}

#[test]
fn an_epost_installation_comes_in_with_one_command() {
    let root = installation();
    let server = Server::start(&Setup { require_tls: false, ..Setup::default() });
    let trial = import(&server, &root, &["--dry-run"]);
    assert_eq!(trial["accounts"]["added"], PEOPLE);
    assert_eq!(
        server.json(&["account", "list", "--domain", "example.test"]).as_array().unwrap().len(),
        server.json(&["account", "list"]).as_array().unwrap().len()
    );

    let report = import(&server, &root, &[]);
    assert_eq!(report["accounts"]["added"], PEOPLE, "{}", report["accounts"]);
    assert_eq!(report["domains"], serde_json::json!(["common.test", "old.test"]));
    // One message each, and for twenty the one that only the IMAP store has.
    assert_eq!(report["messages"]["imported"], PEOPLE + 20, "{}", report["messages"]);
    assert_eq!(messages(&server, "user0@old.test"), 2);
    assert_eq!(messages(&server, "user901@common.test"), 1);
    assert_eq!(
        (report["aliases"].as_u64(), report["forwards"].as_u64(), report["replies"].as_u64()),
        (Some(1), Some(1), Some(1))
    );

    // Old passwords, in both layouts; nobody else's.
    for n in [0, 2, 501, 998] {
        let domain = if n % 2 == 0 { "old.test" } else { "common.test" };
        let who = format!("user{n}@{domain}");
        assert!(logs_in(&server, &who, &format!("Old-kettle-{n}-{}", n * 7 + 13)), "{who}");
    }
    assert!(logs_in(&server, "user7@common.test", "user7"), "a guessable one goes on working");
    assert!(!logs_in(&server, "user8@old.test", "*****"));
    assert_eq!(server.json(&["account", "show", "user0@old.test"])["name"], "山田太郎");
    let shown = server.json(&["account", "show", "user0@old.test"]);
    assert_eq!(shown["forward"]["to"], serde_json::json!(["away@outside.example"]));
    assert_eq!(shown["quota"], 104_857_600);
    assert_eq!(server.json(&["account", "show", "user2@old.test"])["reply"]["text"], "休みです");

    // Each hole is named, and none is open.
    let holes = places(&report, "holes");
    let effect = root.join("bin/effect.dat").display().to_string();
    for hole in
        [format!("{effect}:3"), format!("{effect}:4"), "user9@common.test:11".into(), "user7@common.test:9".into()]
    {
        assert!(holes.contains(&hole), "{hole} of {holes:?}");
    }
    assert_eq!(holes.len(), 4, "{holes:?}");
    let kept = fs::read_to_string(server.data.join("effect.dat")).unwrap();
    assert!(kept.contains("; true: 10.0.0.0/8 true") && kept.contains("\r\n203.0.113.7 false"), "{kept}");
    let test =
        server.cli(&["rules", "test", "--from", "user0@old.test", "--to", "x@outside.example", "--ip", "10.1.2.3"]);
    assert_eq!(test.status.code(), Some(1), "closed: {}", text(&test));
    let faults = places(&report, "faults");
    let accounts = root.join("accounts.tsv").display().to_string();
    for line in [PEOPLE + 2, PEOPLE + 3] {
        assert!(faults.contains(&format!("{accounts}:{line}")), "{faults:?}");
    }
    assert!(
        faults.iter().any(|place| place.contains("gateway.dat:2"))
            && faults.iter().any(|place| place.contains("mail.dat:5"))
    );
    let unreadable = places(&report, "unreadable");
    assert!(
        unreadable.iter().any(|place| place.contains("User4")) && unreadable.contains(&"user8@old.test:10".to_owned()),
        "{unreadable:?}"
    );
    let unsupported = places(&report, "unsupported");
    assert!(
        unsupported.iter().any(|place| place.contains("ordb.dat"))
            && unsupported.iter().any(|place| place.contains("incoming"))
    );
    assert_eq!(server.cli(&["rules", "check"]).status.code(), Some(0));

    // A second run does nothing twice.
    let again = import(&server, &root, &[]);
    assert_eq!(
        (again["accounts"]["present"].as_u64(), again["accounts"]["added"].as_u64()),
        (Some(PEOPLE as u64), Some(0))
    );
    assert_eq!(again["messages"]["imported"], 0, "{}", again["messages"]);
    assert_eq!((messages(&server, "user0@old.test"), again["aliases"].as_u64()), (2, Some(0)));
    fs::remove_dir_all(root).unwrap();
}

fn maildir(folders: &[&str], each: usize) -> PathBuf {
    let root = scratch();
    for folder in folders {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(root.join(folder).join(part)).unwrap();
        }
        for n in 0..each {
            let flags = if n % 3 == 0 { ":2,RS" } else { ":2," };
            let path = root.join(folder).join("cur").join(format!("17{n:08}.M1P1.host{flags}"));
            fs::write(path, message(n, "x").replace("\r\n", "\n")).unwrap();
        }
    }
    root
}

#[test]
fn a_maildir_survives_kill_and_has_no_duplicates() {
    const EACH: usize = 4_000;
    let root = maildir(&["", ".Sent"], EACH);
    let mut server = Server::start(&Setup { accounts: &["taro"], require_tls: false, ..Setup::default() });
    let (taro, from) = (server.address("taro"), root.display().to_string());
    let args = ["import", "maildir", &from, "--account", &taro];
    std::thread::scope(|scope| {
        let running = scope.spawn(|| server.cli(&args));
        until("it is under way", PATIENCE, || messages(&server, &taro) > 0);
        let pid = server.pid().to_string();
        assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        assert!(!running.join().unwrap().status.success(), "the call notices");
    });
    server.kill();
    server.launch();
    let done = server.json(&args);
    let (new, old) = (done["imported"].as_u64().unwrap(), done["present"].as_u64().unwrap());
    assert_eq!(new + old, 2 * EACH as u64, "{done}");
    assert!(old > 0, "it went on where it was: {done}");
    assert_eq!(messages(&server, &taro), 2 * EACH as u64);
    let again = server.json(&args);
    assert_eq!((again["imported"].as_u64(), messages(&server, &taro)), (Some(0), 2 * EACH as u64));
    assert_eq!(server.cli(&["store", "check"]).status.code(), Some(0));
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn mail_goes_out_and_comes_back_the_same() {
    let root = maildir(&["", ".Archive.2026"], 30);
    let server = Server::start(&Setup { accounts: &["taro", "hana", "jiro"], require_tls: false, ..Setup::default() });
    let (taro, hana, jiro) = (server.address("taro"), server.address("hana"), server.address("jiro"));
    let path = |path: &Path| path.display().to_string();
    server.run(&["import", "maildir", &path(&root), "--account", &taro]);
    let (dir, boxes) = (root.join("out"), root.join("boxes"));
    let out = server.json(&["export", "maildir", "--account", &taro, "--to", &path(&dir)]);
    assert_eq!(out["written"], 60, "{out}");
    assert_eq!(server.json(&["export", "maildir", "--account", &taro, "--to", &path(&dir)])["written"], 0);
    let answered = fs::read_dir(dir.join("cur"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(":2,RS"));
    assert_eq!(answered.count(), 10);
    server.run(&["import", "maildir", &path(&dir), "--account", &hana]);
    assert_eq!(messages(&server, &hana), 60);
    server.run(&["export", "mbox", "--account", &taro, "--to", &path(&boxes)]);
    let archive = boxes.join("Archive.2026.mbox");
    let read = server.json(&["import", "mbox", &path(&archive), "--account", &jiro, "--folder", "Old/Mail"]);
    assert_eq!((read["imported"].as_u64(), messages(&server, &jiro)), (Some(30), 30), "{read}");
    assert_eq!(
        server.json(&["import", "mbox", &path(&archive), "--account", &jiro, "--folder", "Old/Mail"])["present"],
        30
    );
    let none = server.cli(&["import", "maildir", &path(&boxes), "--account", &jiro]);
    assert_eq!(none.status.code(), Some(1), "{}", text(&none));
    assert!(logs_in(&server, &taro, PASSWORD));
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn mail_comes_from_another_imap_server_with_flags_and_dates_and_each_once() {
    let root = maildir(&["", ".Archive.2026", ".&ZeVnLIqe-"], 40);
    let path = root.display().to_string();
    let old = Server::start(&Setup { accounts: &["taro"], require_tls: false, ..Setup::default() });
    old.run(&["import", "maildir", &path, "--account", &old.address("taro")]);
    let server = Server::start(&Setup { accounts: &["hana"], ..Setup::default() });
    let (user, hana) = (old.address("taro"), server.address("hana"));
    let import = |tls: &str, port: u16, password: &str, more: &[&str]| {
        let port = port.to_string();
        let args = ["import", "imap", "--host", "127.0.0.1", "--port", &port, "--tls", tls, "--user", &user];
        let done = server.cli_with(&[&args[..], &["--account", &hana, "--json"], more].concat(), password);
        let said = if done.status.success() { String::from_utf8(done.stdout).unwrap() } else { text(&done) };
        (done.status.code(), said)
    };
    // A certificate that nobody vouches for, and a wrong password.
    let (code, said) = import("implicit", old.ports.imaps, PASSWORD, &[]);
    assert!(code == Some(1) && said.contains("127.0.0.1"), "{said}");
    let (code, said) = import("implicit", old.ports.imaps, "wrong", &["--insecure"]);
    assert!(code == Some(1) && said.contains("AUTHENTICATIONFAILED"), "{said}");
    assert_eq!(messages(&server, &hana), 0);

    let counts = |(code, said): (Option<i32>, String)| {
        assert_eq!(code, Some(0), "{said}");
        let done: Value = serde_json::from_str(&said).unwrap();
        (done["imported"].as_u64().unwrap(), done["present"].as_u64().unwrap())
    };
    assert_eq!(counts(import("implicit", old.ports.imaps, PASSWORD, &["--insecure"])), (120, 0));
    assert_eq!(messages(&server, &hana), 120);
    // Over whichever way it comes again, nothing is there twice.
    assert_eq!(counts(import("starttls", old.ports.imap, PASSWORD, &["--insecure"])), (0, 120));
    assert_eq!(counts(import("none", old.ports.imap, PASSWORD, &[])), (0, 120));
    // The same names, flags and dates in what is written out.
    let (before, after) = (root.join("before"), root.join("after"));
    old.run(&["export", "maildir", "--account", &user, "--to", &before.display().to_string()]);
    server.run(&["export", "maildir", "--account", &hana, "--to", &after.display().to_string()]);
    let listed = |top: &Path| {
        let mut all: Vec<(String, String, Vec<u8>, u64)> = Vec::new();
        for folder in ["", ".Archive.2026", ".&ZeVnLIqe-"] {
            for entry in fs::read_dir(top.join(folder).join("cur")).unwrap().map(|entry| entry.unwrap()) {
                let name = entry.file_name().to_string_lossy().into_owned();
                let flags = name.split_once(":2,").map(|(_, flags)| flags.to_owned()).unwrap_or_default();
                let seconds = entry.metadata().unwrap().modified().unwrap().duration_since(std::time::UNIX_EPOCH);
                all.push((folder.into(), flags, fs::read(entry.path()).unwrap(), seconds.unwrap().as_secs()));
            }
        }
        all.sort();
        all
    };
    assert_eq!(listed(&before).len(), 120);
    assert_eq!(listed(&before), listed(&after));
    fs::remove_dir_all(root).unwrap();
}
