//! The administrator's day: `check` before, during and after an account is abused, and `trace` on what went through.

use std::time::Duration;

use serde_json::Value;

use crate::support::site::{Site, letter, prose};
use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup, client, text, until};

const HOME: &str = "127.10.1.5";
const SPAM: &str = "Your parcel could not be delivered. Confirm your address and pay the small fee today.";

/// The ten signs by id, and the exit code.
fn check(server: &Server) -> (Vec<Value>, i32) {
    let done = server.cli(&["check", "--json"]);
    let shown: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&done)));
    (shown["signs"].as_array().unwrap().clone(), done.status.code().unwrap())
}

fn sign(server: &Server, id: &str) -> Value {
    let (signs, _) = check(server);
    signs.into_iter().find(|sign| sign["id"] == id).unwrap()
}

fn trace(server: &Server, file: &str) -> Value {
    let done = server.cli_with(&["trace", "-", "--json"], file);
    assert!(done.status.success(), "{}", text(&done));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn check_is_quiet_before_names_the_account_during_and_is_quiet_after() {
    let site = Site::start(&["taro", "hanako"], None, "");
    site.ordinary_weeks("taro", HOME, 10);
    let well = |when: &str| {
        let (signs, exit) = check(&site.server);
        let bad: Vec<&Value> = signs.iter().filter(|sign| sign["state"] != "ok").collect();
        // The clock of this server jumps on purpose, and its days are short.
        let bad: Vec<&&Value> = bad.iter().filter(|sign| sign["id"] != "strange-server").collect();
        assert!(bad.is_empty(), "{when}: {bad:#?}");
        exit
    };
    assert_eq!(well("before"), 0, "nothing at all is wrong");

    let mut held = false;
    for n in 0..20_u8 {
        let to: Vec<String> = (0..20).map(|k| format!("victim{n}-{k}@mark{k}.example")).collect();
        site.send(&format!("127.61.{n}.7"), "taro", PASSWORD, &letter(&to, "Parcel", SPAM));
        site.pass(Duration::from_secs(10));
        held = !site.incidents().is_empty();
        if held {
            break;
        }
    }
    assert!(held, "the guard holds the account");
    let (signs, exit) = check(&site.server);
    assert_eq!(exit, 2, "an alarm");
    for id in ["out-fail-growth", "spool-backlog"] {
        let sign = signs.iter().find(|sign| sign["id"] == id).unwrap();
        assert_eq!(sign["state"], "alarm", "{id}: {sign:#}");
        assert_eq!(
            sign["about"][0],
            serde_json::json!({ "kind": "account", "name": "taro@example.test", "count": sign["about"][0]["count"] })
        );
        assert!(sign["evidence"].as_str().unwrap().contains("taro@example.test"), "{sign:#}");
        assert!(sign["advice"].as_str().unwrap().contains("sekisho incident"), "{sign:#}");
    }
    let told = site.server.cli(&["--lang", "ja", "check"]);
    assert!(text(&told).contains("[警報] out-fail-growth"), "{}", text(&told));

    let done = site
        .server
        .cli_with(&["incident", "resolve", "taro@example.test", "--password-stdin"], "seven-Plover-41-Saddle");
    assert!(done.status.success(), "{}", text(&done));
    let purged = site.server.cli(&["incident", "purge", "1", "--yes"]);
    assert!(purged.status.success(), "{}", text(&purged));
    let reached = site.reached();
    site.hours(3);
    assert_eq!(site.reached(), reached, "an intruder's first networks are not the owner's, however new the account is");
    well("after");
}

#[test]
fn the_server_looks_by_itself_and_writes_a_summary_a_day() {
    let more = "[check]\nevery = \"10s\"\nsummary = \"00:00\"\nmail = [\"night@watch.example\"]\nlanguage = \"ja\"\n";
    let site = Site::start(&["taro"], None, more);
    let summaries = || site.outside.messages().iter().filter(|m| m.recipients == ["night@watch.example"]).count();
    until("a summary is written", Duration::from_secs(60), || {
        site.pass(Duration::from_secs(30));
        summaries() == 1
    });
    let mail = String::from_utf8_lossy(&site.outside.messages()[0].data).into_owned();
    assert!(mail.contains("Auto-Submitted: auto-generated") && mail.contains("postmaster@mx.example.test"), "{mail}");
    site.hours(1);
    site.all_goes(Duration::from_secs(600));
    assert_eq!(summaries(), 1, "once a day");
    site.hours(24);
    until("the next day has its own", Duration::from_secs(60), || {
        site.pass(Duration::from_secs(30));
        summaries() == 2
    });
}

#[test]
fn trace_tells_what_went_through_from_what_only_says_so() {
    let site = Site::start(&["taro", "hanako"], None, "");
    let (taro, hanako) = (site.server.address("taro"), site.server.address("hanako"));
    let words = prose(4_711);
    let reply =
        site.send(HOME, "taro", PASSWORD, &letter(&[hanako.clone(), "friend@known.example".into()], "hello", &words));
    assert!(reply.starts_with("250"), "{reply}");
    site.reaches_at_once("friend@known.example");
    let relayed = String::from_utf8(site.with_text(&words[..40])[0].data.clone()).unwrap();
    let id = reply.rsplit(' ').next().unwrap().to_owned();
    assert!(relayed.contains("(mark=1."), "{relayed}");
    let told = trace(&site.server, &relayed);
    assert_eq!((&told["verdict"], &told["account"]), (&"submitted".into(), &taro.clone().into()), "{told:#}");
    assert_eq!((&told["message_id"], &told["network"]), (&id.into(), &HOME.into()));
    assert_eq!(told["recipients"], serde_json::json!([hanako, "friend@known.example"]));
    // As the other recipient has it in her mailbox, and as she forwards it.
    until("delivered", Duration::from_secs(20), || !site.inbox("127.11.1.5", "hanako", PASSWORD).is_empty());
    let mailbox = site.inbox("127.11.1.5", "hanako", PASSWORD).remove(0);
    let forwarded = format!(
        "From: x@other.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nspam?\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{mailbox}\r\n--b--\r\n"
    );
    for file in [&mailbox, &forwarded] {
        assert_eq!(trace(&site.server, file)["verdict"], "submitted", "{file}");
    }
    // Our line on somebody else's message.
    let start = relayed.find("Received:").unwrap();
    let end = relayed[start..].find("\r\nFrom:").or_else(|| relayed[start..].find("\r\nDate:")).unwrap() + start + 2;
    let copied = format!(
        "Received: from evil.example (evil.example [192.0.2.66]) by in.other.example with ESMTP id 1; Tue, 24 Nov 2026 09:00:00 +0000\r\n\
         {}From: <{taro}>\r\nDate: Tue, 24 Nov 2026 08:59:00 +0000\r\nMessage-ID: <evil@x>\r\nSubject: Win\r\n\r\n{SPAM}\r\n",
        &relayed[start..end]
    );
    let told = trace(&site.server, &copied);
    assert_eq!((&told["verdict"], &told["source"]["ip"]), (&"forged".into(), &"192.0.2.66".into()), "{told:#}");
    // What comes from outside is received, and a complaint about ours is counted under who sent it.
    let mut wire = Wire::from("127.20.1.1", site.server.ports.smtp).unwrap();
    wire.reply();
    wire.command("EHLO out.other.example");
    assert!(
        wire.message(
            "stranger@other.example",
            &taro,
            &format!("From: stranger@other.example\r\nSubject: a\r\n\r\n{}", prose(5))
        )
        .starts_with("250")
    );
    until("it is there", Duration::from_secs(20), || !site.inbox(HOME, "taro", PASSWORD).is_empty());
    assert_eq!(trace(&site.server, &site.inbox(HOME, "taro", PASSWORD)[0])["verdict"], "received");
    let report = format!(
        "From: fbl@big.example\r\nTo: abuse@example.test\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report;\r\n\tboundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n\
         Feedback-Type: abuse\r\nUser-Agent: x\r\nVersion: 1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{relayed}\r\n--b--"
    );
    assert_eq!(trace(&site.server, &report)["verdict"], "submitted");
    assert!(wire.message("fbl@big.example", &site.server.address("postmaster"), &report).starts_with("250"));
    let complaints = sign(&site.server, "complaints");
    assert_eq!(
        (&complaints["state"], &complaints["about"][0]["name"]),
        (&"alarm".into(), &taro.into()),
        "{complaints:#}"
    );
}

#[test]
fn trace_names_the_forward_the_alias_or_the_list_that_sent_it_on() {
    let site = Site::start(&["taro", "hanako"], None, "");
    let address = |local: &str| site.server.address(local);
    site.server.run(&["account", "forward", &address("taro"), "--to", "taro@home.example"]);
    site.server.run(&["alias", "add", &address("away"), "x@alias.example"]);
    site.server.run(&["list", "add", &address("staff"), "--owner", &address("hanako"), "--posting", "anyone"]);
    site.server.run(&["list", "member", "add", &address("staff"), "member@list.example"]);
    for (local, to, origin) in [
        ("taro", "taro@home.example", "rules:taro@example.test"),
        ("away", "x@alias.example", "alias:away@example.test"),
        ("staff", "member@list.example", "list:staff@example.test"),
    ] {
        let mut wire = Wire::from("127.20.1.1", site.server.ports.smtp).unwrap();
        wire.reply();
        wire.command("EHLO out.other.example");
        let text = format!("From: spam@other.example\r\nMessage-ID: <{local}@x>\r\nSubject: a\r\n\r\n{}", prose(77));
        assert!(wire.message("spam@other.example", &address(local), &text).starts_with("250"));
        site.reaches_at_once(to);
        let sent = site.outside.messages().into_iter().find(|message| message.recipients == [to]).unwrap();
        let file = format!(
            "Received: from mx.example.test (mx.example.test [198.51.100.1]) by in.home.example with ESMTP id 1; Tue, 24 Nov 2026 09:00:00 +0000\r\n{}",
            String::from_utf8_lossy(&sent.data)
        );
        let told = trace(&site.server, &file);
        assert_eq!((&told["verdict"], &told["origin"]), (&"relayed".into(), &origin.into()), "{told:#}");
        assert_eq!(told["recipients"], serde_json::json!([to]), "{told:#}");
        assert_eq!(told["network"], "127.20.1.1");
    }
    // What a mailbox here got is only received.
    let inbox = site.inbox(HOME, "taro", PASSWORD);
    assert_eq!(trace(&site.server, &inbox[0])["verdict"], "received");
}

#[test]
fn check_and_trace_work_on_a_stopped_server_too() {
    let mut server = Server::start(&Setup { accounts: &["user"], ..Setup::default() });
    let mut wire = Wire::smtp(server.ports.smtp);
    assert!(
        wire.message("a@outside.example", &server.address("user"), "From: a@outside.example\r\n\r\nhello")
            .starts_with("250")
    );
    until("delivered", Duration::from_secs(10), || server.queued() == 0);
    let url = format!("imap://127.0.0.1:{}/INBOX;MAILINDEX=1", server.ports.imap);
    let login = format!("{}:{PASSWORD}", server.address("user"));
    let mail = client("curl", &["-sSk", "--ssl-reqd", "--url", &url, "-u", &login], &server.data);
    assert_eq!(check(&server).1, 0, "{:#?}", check(&server));
    server.stop();
    let (signs, exit) = check(&server);
    assert_eq!((exit, &signs[2]["state"]), (2, &"alarm".into()));
    let file = server.data.join("mail.eml");
    std::fs::write(&file, mail).unwrap();
    let told = server.json(&["trace", file.to_str().unwrap()]);
    assert_eq!(told["verdict"], "received", "{told:#}");
}
