//! The acceptance story: a password is guessed over POP3, spam goes out over SMTP AUTH, and what the guard makes of it.

use std::time::{Duration, Instant};

use crate::support::site::{Site, letter, one, prose};
use crate::support::{PASSWORD, client_any, text, until};

const HOME: &str = "127.10.1.5";
/// Another address of the same office.
const PHONE_AT_HOME: &str = "127.10.1.77";
const COLLEAGUE: &str = "127.11.1.5";
const NEW_PASSWORD: &str = "seven-Plover-41-Saddle";
/// The text of the spam.
const SPAM: &str = "Your parcel could not be delivered. Confirm your address and pay the small fee today.";

/// Guesses with hydra until it says that it knows the password.
pub fn guess(site: &Site, who: &str) {
    let words = site.server.data.join("words.txt");
    let list = ["password", "Spring2026", "taro1234", "qwerty99", "sakura-2026", PASSWORD, "letmein"];
    std::fs::write(&words, list.join("\n")).unwrap();
    let port = site.server.ports.pop3.to_string();
    let address = site.server.address(who);
    let args = ["-l", &address, "-P", words.to_str().unwrap(), "-t", "1", "-I", "-s", &port, "127.0.0.1", "pop3"];
    let found = client_any("hydra", &args, &site.server.data);
    assert!(text(&found).contains("1 valid password found"), "{}", text(&found));
}

/// Sends spam from one new network after another, three recipients a message, until the account is held or nothing
/// is taken any more. Messages that were taken.
pub fn blast(site: &Site, who: &str) -> usize {
    let mut taken = 0;
    for n in 0..20_u8 {
        let to: Vec<String> = (0..3).map(|k| format!("victim{n}-{k}@mark{k}.example")).collect();
        let reply = site.send(&format!("127.61.{n}.7"), who, PASSWORD, &letter(&to, "Parcel", SPAM));
        if !reply.starts_with("250") || !site.incidents().is_empty() {
            return taken + usize::from(reply.starts_with("250"));
        }
        taken += 1;
        site.pass(Duration::from_secs(20));
    }
    panic!("not held after {taken} messages");
}

#[test]
fn a_guessed_password_is_held_explained_and_cleaned_up_and_nobody_else_waits() {
    let site = Site::start(&["taro", "hanako"], None, "");
    let taro = site.server.address("taro");
    site.ordinary_weeks("taro", HOME, 28);

    guess(&site, "taro");
    // One probe, and an hour of silence: it is all that will ever get out.
    site.pass(Duration::from_secs(600));
    let probe = one("drop@intruder.example");
    let reply = site.send("127.60.1.7", "taro", PASSWORD, &letter(&probe, "test", "test 1 2 3 is this on"));
    assert!(reply.starts_with("250"), "{reply}");
    site.all_goes(Duration::from_secs(7_200));
    assert!(site.reached().contains("drop@intruder.example"));
    site.hours(1);
    // The owner writes to somebody whose server is not ready: his message is in the queue when the hold comes.
    site.outside.change(sekisho_testkit::peer::Script::new().on_with(
        "RCPT",
        "boss@known.example",
        sekisho_testkit::peer::Act::reply(451, "4.3.2 come back later"),
    ));
    let good = letter(&one("boss@known.example"), "minutes", "Here are the minutes of our meeting.")
        .over(&mut site.log_in(HOME, "taro", PASSWORD).unwrap(), &taro);
    assert!(good.starts_with("250"), "{good}");

    let messages = blast(&site, "taro");
    assert!(messages <= 2, "held after {messages} messages more");
    // Everything takes its time, and nothing more leaves; a neighbour's mail does, at once.
    for _ in 0..20 {
        site.pass(Duration::from_secs(180));
        assert!(site.reads(HOME, "taro", PASSWORD), "the owner reads");
    }
    let begun = Instant::now();
    let reply = site.send(COLLEAGUE, "hanako", PASSWORD, &letter(&one("friend@other.example"), "hi", &prose(900)));
    assert!(reply.starts_with("250"), "{reply}");
    site.reaches_at_once("friend@other.example");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(site.with_text("parcel").is_empty(), "not one of {messages} got out");
    // The intruder neither sends nor reads any more, and hears nothing else than after a wrong password.
    assert!(site.log_in("127.61.0.7", "taro", PASSWORD).is_none());
    assert!(!site.reads("127.61.0.7", "taro", PASSWORD), "the intruder reads on");
    assert!(site.reads(PHONE_AT_HOME, "taro", PASSWORD));

    story(&site, &taro, messages);

    let done = site.server.cli_with(&["incident", "resolve", "taro@example.test", "--password-stdin"], NEW_PASSWORD);
    assert!(done.status.success(), "{}", text(&done));
    site.outside.change(sekisho_testkit::peer::Script::new());
    site.hours(1);
    let went = || site.with_text("minutes of our meeting").len() == 1;
    until("the owner's message goes", Duration::from_secs(30), went);
    let purged = site.server.cli(&["incident", "purge", "1", "--yes"]);
    assert!(purged.status.success(), "{}", text(&purged));
    assert_eq!(site.server.queued(), 0);
    assert_eq!(site.incidents()[0]["state"], "closed");
    // He sends again, and the old password is worth nothing, here or there.
    for (n, to) in ["boss@known.example", "somebody.else@fresh.example"].into_iter().enumerate() {
        let reply = site.send(HOME, "taro", NEW_PASSWORD, &letter(&one(to), "back", &prose(700 + n as u64)));
        assert!(reply.starts_with("250"), "{reply}");
    }
    site.reaches_at_once("somebody.else@fresh.example");
    until("both are there", Duration::from_secs(30), || site.with_text(&prose(700)).len() == 1);
    assert!(!site.reads(HOME, "taro", PASSWORD) && site.log_in(HOME, "taro", PASSWORD).is_none());
    // Where only the intruder was is locked like any other place: having known the password does not make it the owner's.
    for n in 0..8 {
        assert!(site.log_in("127.60.1.7", "taro", &format!("guess-{n}")).is_none());
    }
    let locks = site.server.json(&["lockout", "list"]);
    assert_eq!(locks["locks"][0]["rule"], "pair", "{locks:#}");
    for _ in 0..6 {
        site.hours(24);
    }
    assert!(site.with_text("parcel").is_empty());
    assert_eq!(site.with_text("minutes of our meeting").len(), 1, "sent once");
    assert_eq!(site.with_text("test 1 2 3").len(), 1);
}

#[test]
fn a_stolen_password_is_held_across_a_restart_and_the_intruder_hears_the_same_on_every_rung() {
    let mut site = Site::start(&["taro"], None, "");
    site.ordinary_weeks("taro", HOME, 28);
    let (mut replies, mut sent, mut held) = (Vec::new(), 0, None);
    for n in 0..12_u8 {
        let to: Vec<String> = (0..3).map(|k| format!("victim{n}-{k}@mark{k}.example")).collect();
        let reply = site.send(&format!("127.62.{n}.7"), "taro", PASSWORD, &letter(&to, "Parcel", SPAM));
        replies.push(reply.rsplit_once(' ').map_or(String::new(), |(words, _)| words.to_owned()));
        sent += 1;
        if held.is_none() && !site.incidents().is_empty() {
            held = Some(sent);
        }
        if n == 1 {
            site.restart();
        }
        site.pass(Duration::from_secs(20));
    }
    let held = held.expect("held");
    println!("held after {held} messages");
    assert!(held <= 6, "held after {held} messages");
    assert!(replies.iter().all(|reply| reply == "250 2.0.0 queued as"), "{replies:?}");
    // He makes himself a way back, if he can; an alias of the administrator's is nobody else's.
    let add = |pattern: &str, target: &str| {
        let (pattern, target) = (pattern.to_owned(), target.to_owned());
        sekisho_control::Command::Alias(sekisho_control::command::AliasCommand::Add { pattern, target })
    };
    let network = "127.62.0.7".to_owned();
    let intruder = sekisho_control::Actor::Console { account: "taro@example.test".into(), network };
    let made = add("backdoor@example.test", "drop@intruder.example");
    site.control(|control| async move { control.run(made, &intruder).await }).unwrap();
    site.server.run(&["alias", "add", "info@example.test", "taro@example.test"]);
    // What the owner sends outside waits with the rest.
    let reply = site.send(HOME, "taro", PASSWORD, &letter(&one("boss@known.example"), "late", &prose(800)));
    assert!(reply.starts_with("250"), "{reply}");
    site.hours(3);
    assert!(site.with_text("parcel").is_empty(), "what waits when the hold comes has not escaped");
    // Nobody answers: the account may not send any more.
    site.control(|control| async move { control.tick().await }).unwrap();
    assert!(site.log_in(HOME, "taro", PASSWORD).is_none());
    assert!(site.reads(HOME, "taro", PASSWORD) && !site.reads("127.62.3.7", "taro", PASSWORD));
    // It was not the owner after all? Then everything goes.
    let counts = site.server.cli(&["incident", "release", "1"]);
    assert!(text(&counts).contains("owner seems to have sent"), "{}", text(&counts));
    site.server.run(&["incident", "release", "1", "--yes"]);
    until("the owner's goes", Duration::from_secs(30), || site.with_text(&prose(800)).len() == 1);
    assert!(site.with_text("parcel").is_empty());
    let done = site.server.cli_with(&["incident", "resolve", "1", "--password-stdin"], NEW_PASSWORD);
    assert!(done.status.success(), "{}", text(&done));
    assert!(text(&done).contains("backdoor@example.test"), "{}", text(&done));
    let aliases = site.server.json(&["alias", "list"]);
    assert!(
        aliases.as_array().is_some_and(|all| all.len() == 1 && all[0]["alias"] == "info@example.test"),
        "{aliases}"
    );
    // Everything about it, in a folder.
    let folder = site.server.data.join("report");
    site.server.run(&["incident", "report", "1", folder.to_str().unwrap()]);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("report.ja.md").contains("次にすること") && read("report.en.md").contains("What to do next"));
    assert!(read("recipients.csv").starts_with("address,result,time,message,host,reply"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&read("incident.json")).unwrap()["incident"]["id"], 1);
    assert!(read("journal.jsonl").lines().count() > 10 && read("inlog.txt").contains("taro@example.test"));
    site.server.run(&["incident", "purge", "1", "--yes"]);
    assert_eq!(site.server.queued(), 0);
}

#[test]
fn a_web_form_that_is_abused_is_isolated_and_its_neighbours_mail_goes_on() {
    let site = Site::start(&[], Some("127.70.1.0/24 true\n127.70.2.0/24 true\n"), "");
    let form = |from: &str, to: &str, text: &str| {
        let mut wire = crate::support::wire::Wire::from(from, site.server.ports.smtp).unwrap();
        wire.reply();
        wire.command("EHLO www.example.test");
        letter(&one(to), "Your message", text).over(&mut wire, "form@example.test")
    };
    for day in 0..25_u64 {
        form("127.70.1.9", "office@known.example", &prose(day));
        form("127.70.2.9", "office@known.example", &prose(day + 100));
        site.hours(24);
    }
    let mut sent = 0;
    while site.incidents().is_empty() {
        assert!(sent < 60, "not held");
        assert!(form("127.70.1.9", &format!("mark{sent}@m{}.example", sent % 7), SPAM).starts_with("250"));
        sent += 1;
        site.pass(Duration::from_secs(5));
    }
    site.hours(2);
    let escaped = site.with_text("parcel").len();
    println!("held after {sent} messages, {escaped} recipients reached");
    assert!(escaped <= 8, "{escaped}");
    assert_eq!(site.incidents()[0]["origin"], "network:127.70.1.0/24");
    // It is closed, the neighbour is not.
    let greeting = |from: &str| crate::support::wire::Wire::from(from, site.server.ports.smtp).unwrap().reply();
    until("the network is closed", Duration::from_secs(30), || greeting("127.70.1.9").starts_with("421"));
    assert!(greeting("127.70.2.9").starts_with("220"));
    assert!(form("127.70.2.9", "office@known.example", &prose(999)).starts_with("250"));
    until("the neighbour's goes", Duration::from_secs(30), || site.with_text(&prose(999)).len() == 1);
    let told = site.server.json(&["incident", "show", "1"]);
    assert_eq!(told["reached"].as_array().unwrap().len(), escaped, "{told:#}");
    let acts = told["acts"].as_array().unwrap();
    assert!(acts.iter().any(|act| act["what"] == "isolate"), "{acts:?}");
    assert!(acts.iter().any(|act| act["what"] == "isolate.close"), "{acts:?}");
    assert_eq!(told["incident"]["closed"], true);
    site.server.run(&["incident", "resolve", "1"]);
    until("the network is open", Duration::from_secs(30), || greeting("127.70.1.9").starts_with("220"));
    site.server.run(&["incident", "purge", "1", "--yes"]);
    assert!(form("127.70.1.9", "office@known.example", &prose(998)).starts_with("250"));
    until("the form works again", Duration::from_secs(30), || site.with_text(&prose(998)).len() == 1);
}

/// What `incident show` tells.
fn story(site: &Site, taro: &str, messages: usize) {
    let told = site.server.json(&["incident", "show", taro]);
    assert_eq!(told["incident"]["account"], *taro);
    let how = &told["how"];
    assert_eq!((&how["guessed"], &how["protocol"]), (&true.into(), &"pop3".into()), "{how:#}");
    assert_eq!(how["network"], "127.0.0.0/24");
    assert!((4..=6).contains(&how["distinct"].as_u64().unwrap()), "{how:#}");
    let time = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    assert!(time(&how["first_failure"]) < time(&how["success"]), "{how:#}");
    assert!(!how["entries"].as_array().unwrap().is_empty());
    assert_eq!(told["first_foreign_login"]["network"], "127.0.0.1");
    assert_eq!(told["first_bad_message"]["to"][0], "drop@intruder.example");
    // Every network, each with what it did.
    let networks = told["networks"].as_array().unwrap();
    let network = |name: &str| networks.iter().find(|n| n["network"] == name).unwrap_or_else(|| panic!("{name}"));
    assert!(network("127.10.1.0/24")["own"] == true);
    assert_eq!(network("127.0.0.0/24")["wrong_passwords"], 5, "{networks:#?}");
    assert_eq!(network("127.60.1.0/24")["messages"], 1);
    for n in 0..messages {
        assert_eq!(network(&format!("127.61.{n}.0/24"))["own"], false);
    }
    // Everybody who was reached, and nobody else.
    let reached: Vec<&str> =
        told["reached"].as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap()).collect();
    assert_eq!(reached, ["drop@intruder.example"]);
    assert_eq!(told["held"]["own"]["messages"], 1, "{}", told["held"]);
    assert_eq!(told["held"]["rest"]["messages"], messages);
    let signals = told["signals"].as_array().unwrap();
    assert!(signals.iter().any(|line| line["signal"]["name"] == "guessed_login"), "{signals:#?}");
    let acts = told["acts"].as_array().unwrap();
    assert!(acts.iter().any(|act| act["what"] == "account.suspend"), "{acts:#?}");
    for (language, words) in [
        ("en", ["probably guessed", "pop3", "127.60.1.0/24", "drop@intruder.example", "What to do next"]),
        ("ja", ["総当たりで破られた", "pop3", "127.60.1.0/24", "drop@intruder.example", "次にすること"]),
    ] {
        let shown = site.server.run(&["--lang", language, "incident", "show", taro]);
        for word in words {
            assert!(shown.contains(word), "{word}: {shown}");
        }
    }
}
