#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::time::Duration;

use sekisho_message::Language;
use sekisho_store::rounds;

use super::*;
use crate::command::{Command, IncidentCommand};
use crate::entry::{self, Accepted, Outcome};
use crate::tests::World;

fn healthy(now: Time) -> Vitals {
    Vitals {
        started: now,
        files: 20,
        files_limit: 1_000,
        memory: 50 << 20,
        memory_total: 4 << 30,
        disk_free: 50 << 30,
        disk_total: 100 << 30,
        commit_micros: 300,
        ..Vitals::default()
    }
}

async fn look(world: &World) -> Check {
    world.control.check(Some(healthy(world.control.now()))).await.unwrap()
}

fn sign<'a>(check: &'a Check, id: &str) -> &'a Sign {
    check.signs.iter().find(|sign| sign.id == id).unwrap()
}

fn names(sign: &Sign) -> Vec<&str> {
    sign.about.iter().map(|one| one.name.as_str()).collect()
}

#[tokio::test]
async fn an_idle_server_is_well_and_a_stopped_one_is_not() {
    let world = World::with_taro().await;
    let check = look(&world).await;
    assert_eq!(check.signs.iter().map(|sign| sign.id.as_str()).collect::<Vec<_>>(), IDS);
    assert_eq!(check.worst(), State::Ok, "{check:?}");
    assert_eq!(world.control.last_check().await.unwrap().unwrap(), check);
    let stopped = world.control.check(None).await.unwrap();
    assert_eq!(sign(&stopped, "strange-server").state, State::Alarm);
    let shape = check.shape(Language::Ja);
    assert_eq!(shape["signs"][0]["id"], "slow-line");
    assert_eq!(shape["signs"][0]["state"], "ok");
    assert!(shape["signs"][9]["evidence"].as_str().unwrap().contains("キュー"));
}

#[tokio::test]
async fn an_account_that_sends_a_flood_is_named_by_each_sign_that_it_shows_in() {
    let world = World::with_taro().await;
    let (control, now) = (&world.control, world.control.now());
    for n in 0..800 {
        let to = format!("x{n}@elsewhere.example");
        let accepted = Accepted {
            account: Some("taro@example.jp"),
            origin: "account:taro@example.jp",
            client: "203.0.113.9",
            to: &[&to],
            size: 2_000,
            ..Accepted::default()
        };
        control.journal().note(entry::accepted(now, &accepted));
        let outcome = Outcome {
            account: Some("taro@example.jp"),
            to: &to,
            reply: "550 5.7.1 your address is listed at spamhaus",
            ..Outcome::default()
        };
        control.journal().note(entry::failed(now, &outcome));
    }
    let check = look(&world).await;
    for id in ["accept-in-growth", "out-fail-growth"] {
        assert_eq!(sign(&check, id).state, State::Alarm, "{id}");
        assert_eq!(names(sign(&check, id)), ["taro@example.jp"]);
        assert!(sign(&check, id).evidence.en.contains("taro@example.jp"), "{:?}", sign(&check, id).evidence);
    }
    let warned = sign(&check, "upstream-warning");
    assert_eq!((warned.state, names(warned)), (State::Alarm, vec!["elsewhere.example"]));
    for id in ["slow-line", "complaints", "bounce-flood", "pop-imap-growth", "spool-backlog"] {
        assert_eq!(sign(&check, id).state, State::Ok, "{id}");
    }
    // Looking again counts nothing twice, and three hours later it is over.
    assert!(look(&world).await.signs[6].evidence.en.starts_with("800 messages"));
    world.advance(Duration::from_secs(3 * 3_600));
    let check = look(&world).await;
    assert_eq!(check.worst(), State::Ok, "{check:?}");
}

#[tokio::test]
async fn what_is_usual_at_an_hour_is_learnt_from_other_days() {
    let world = World::with_taro().await;
    let hour = hour_of(world.control.now());
    let mut tally = Tally::default();
    for _ in 0..5_000 {
        tally.take(&entry::accept_open(world.control.now(), "smtp", "203.0.113.5", 1));
    }
    let text = serde_json::to_string(&tally).unwrap();
    world
        .control
        .store()
        .write(move |tx| {
            for day in 0..10 {
                rounds::set_hour(tx, hour - 24 * day, &text)?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let line = sign(&look(&world).await, "slow-line").clone();
    assert_eq!(line.state, State::Ok, "as on other days");
    assert!(line.evidence.en.contains("usually 5000"), "{}", line.evidence);
}

#[tokio::test]
async fn an_incident_and_held_mail_are_alarms_until_they_are_dealt_with() {
    let world = World::with_taro().await;
    let contain = IncidentCommand::Contain { which: "taro@example.jp".into(), reason: "test".into() };
    world.run(Command::Incident(contain)).await.unwrap();
    let check = look(&world).await;
    let out = sign(&check, "out-fail-growth");
    assert_eq!((out.state, names(out)), (State::Alarm, vec!["taro@example.jp"]));
    assert!(out.advice.en.contains("sekisho incident"));
    let password = Some(crate::command::Secret("orbit walnut thistle canoe".into()));
    let resolve = IncidentCommand::Resolve { which: "taro@example.jp".into(), password };
    world.run(Command::Incident(resolve)).await.unwrap();
    assert_eq!(sign(&look(&world).await, "out-fail-growth").state, State::Ok);
}

#[tokio::test]
async fn letters_of_others_are_told_apart() {
    let world = World::with_taro().await;
    let (control, now) = (&world.control, world.control.now());
    let letter = |letter: Value| {
        let accepted = Accepted {
            client: "198.51.100.7",
            origin: "inbound",
            to: &["admin@example.jp"],
            letter: Some(&letter),
            ..Accepted::default()
        };
        control.journal().note(entry::accepted(now, &accepted));
    };
    letter(json!({ "kind": "complaint", "by": "someone@elsewhere.example" }));
    for _ in 0..12 {
        letter(json!({ "kind": "dsn", "by": "mailer-daemon@elsewhere.example" }));
    }
    let check = look(&world).await;
    assert_eq!(sign(&check, "complaints").state, State::Notice);
    let bounces = sign(&check, "bounce-flood");
    assert_eq!(bounces.state, State::Notice);
    assert!(bounces.advice.en.starts_with("It did not leave from here"), "{}", bounces.advice);
    letter(json!({ "kind": "feedback", "about": "taro@example.jp" }));
    for _ in 0..60 {
        letter(json!({ "kind": "dsn", "about": "taro@example.jp" }));
    }
    letter(json!({ "kind": "warning", "by": "noc@provider.example" }));
    let check = look(&world).await;
    for id in ["complaints", "bounce-flood"] {
        assert_eq!((sign(&check, id).state, names(sign(&check, id))[0]), (State::Alarm, "taro@example.jp"), "{id}");
    }
    assert!(sign(&check, "bounce-flood").advice.en.starts_with("It left from here"));
    assert_eq!(sign(&check, "upstream-warning").state, State::Notice);
}

#[tokio::test]
async fn a_sick_machine_is_seen() {
    let world = World::with_taro().await;
    let well = healthy(world.control.now());
    for (sick, word) in [
        (Vitals { errors: 3, ..well }, "errors"),
        (Vitals { commit_micros: 3_000_000, ..well }, "commit"),
        (Vitals { files: 980, ..well }, "file descriptors"),
        (Vitals { memory: 4 << 30, ..well }, "memory"),
        (Vitals { disk_free: 3 << 30, ..well }, "disk"),
        (Vitals { clock_jump_micros: -90_000_000, ..well }, "clock"),
    ] {
        let check = world.control.check(Some(sick)).await.unwrap();
        let strange = sign(&check, "strange-server");
        assert!(strange.state > State::Ok && strange.evidence.en.contains(word), "{strange:?}");
    }
    for _ in 0..5 {
        world.control.journal().note(entry::started(world.control.now(), "1"));
    }
    assert!(sign(&look(&world).await, "strange-server").evidence.en.contains("started 5 times"));
}

#[tokio::test]
async fn the_daily_letter_reaches_the_administrators_in_their_language() {
    let world = World::with_taro().await;
    let check = world.control.check(None).await.unwrap();
    let (letter, to) = world
        .control
        .store()
        .read(move |tx| {
            let letter = summary_letter(tx, &check, "mx.example.jp")?;
            Ok((letter, summary_recipients(tx, &["taro@example.jp".into()], Language::Ja)?))
        })
        .await
        .unwrap();
    assert!(letter.subject.ja.contains("警報 1 件") && letter.subject.en.contains("1 alarms"));
    assert!(letter.body.en.contains("[ALARM] The server behaves strangely"), "{}", letter.body.en);
    assert_eq!(world.control.post(&letter, &to, "notice:check").await.unwrap(), 1);
    let status = world.control.store().read(queue::status).await.unwrap();
    assert_eq!(status.incoming.messages, 1);
}

/// Entries of one hour of a small office, as a real one has them.
fn office(hour: u64, weekday: u64, now: Time, take: &mut dyn FnMut(&sekisho_store::journal::Entry)) {
    let working = weekday < 5 && (8..19).contains(&hour);
    // Monday morning is the busiest hour of a week.
    let letters = match (working, weekday, hour) {
        (true, 0, 8..=10) => 180,
        (true, ..) => 60,
        (false, ..) => 3,
    };
    for n in 0..letters {
        let account = format!("user{}@example.jp", n % 20);
        let to = format!("c{}@customer{}.example", n % 30, n % 9);
        let accepted = Accepted {
            account: (n % 2 == 0).then_some(&account),
            origin: "inbound",
            client: "192.0.2.7",
            to: &[&to],
            size: 30_000,
            ..Accepted::default()
        };
        take(&entry::accepted(now, &accepted));
        let account = Some(account.as_str());
        take(&entry::relayed(now, &Outcome { account, to: &to, size: 30_000, waited: 20, ..Outcome::default() }));
        if n % 25 == 0 {
            take(&entry::failed(
                now,
                &Outcome { account, to: &to, reply: "550 5.1.1 no such user", ..Outcome::default() },
            ));
            take(&entry::deferred(
                now,
                &Outcome { account, to: &to, reply: "451 4.7.1 greylisted", ..Outcome::default() },
            ));
        }
    }
    for n in 0..letters * 4 + 40 {
        take(&entry::accept_open(now, "smtp", &format!("198.51.100.{}", n % 200), 1));
        let who = format!("user{}@example.jp", n % 20);
        // People mistype, too.
        let (account, reason) = if n % 60 == 0 { (None, "wrong password") } else { (Some(who.as_str()), "") };
        take(&entry::login(now, crate::Protocol::Imap4, "192.0.2.7", account, &who, reason));
    }
}

#[tokio::test]
async fn weeks_of_a_healthy_office_are_quiet_from_the_first_hour_on() {
    let world = World::with_taro().await;
    for passed in 0..24 * 16_u64 {
        let now = world.control.now();
        let mut tally = Tally::default();
        // It begins on a Thursday: the first Monday has only a weekend and two days before it.
        office(passed % 24, (passed / 24 + 3) % 7, now, &mut |entry| tally.take(entry));
        let text = serde_json::to_string(&tally).unwrap();
        world.control.store().write(move |tx| rounds::set_hour(tx, hour_of(now), &text)).await.unwrap();
        let check = look(&world).await;
        let loud: Vec<&Sign> = check.signs.iter().filter(|sign| sign.state != State::Ok).collect();
        assert!(loud.is_empty(), "hour {passed}: {loud:#?}");
        world.advance(Duration::from_secs(3_600));
    }
}

#[tokio::test]
async fn each_sign_becomes_an_alarm_and_names_who_is_behind_it() {
    let client = "203.0.113.9";
    let taro = Some("taro@example.jp");
    let many = |n: usize, one: fn(Time) -> sekisho_store::journal::Entry| move |now: Time| vec![one(now); n];
    type Made = Box<dyn Fn(Time) -> Vec<sekisho_store::journal::Entry>>;
    let slow = many(6_500, |now| entry::accept_open(now, "smtp", "203.0.113.9", 1));
    let late =
        many(50, |now| entry::relayed(now, &Outcome { to: "x@slow.example", waited: 4_000, ..Outcome::default() }));
    let guessed = many(600, |now| {
        entry::login(now, crate::Protocol::Pop3, "203.0.113.9", None, "taro@example.jp", "wrong password")
    });
    let accepted = many(700, |now| {
        let to: &[&str] = &["x@elsewhere.example"];
        let account = Some("taro@example.jp");
        entry::accepted(now, &Accepted { account, client: "203.0.113.9", to, ..Accepted::default() })
    });
    let failed = many(200, |now| {
        let account = Some("taro@example.jp");
        entry::failed(now, &Outcome { account, to: "x@elsewhere.example", ..Outcome::default() })
    });
    let warned = many(30, |now| {
        let reply = "550 5.7.1 blocked, see spamhaus";
        entry::deferred(now, &Outcome { to: "x@strict.example", reply, ..Outcome::default() })
    });
    let cases: [(&str, Made, Option<&str>); 6] = [
        ("slow-line", Box::new(slow), Some(client)),
        ("late-mail", Box::new(late), Some("slow.example")),
        ("pop-imap-growth", Box::new(guessed), taro),
        ("accept-in-growth", Box::new(accepted), taro),
        ("out-fail-growth", Box::new(failed), taro),
        ("upstream-warning", Box::new(warned), Some("strict.example")),
    ];
    for (id, entries, who) in cases {
        let world = World::with_taro().await;
        for entry in entries(world.control.now()) {
            world.control.journal().note(entry);
        }
        let check = look(&world).await;
        let found = sign(&check, id);
        assert_eq!(found.state, State::Alarm, "{id}: {found:?}");
        assert_eq!(names(found).first().copied(), who, "{id}: {found:?}");
        assert!(found.advice.en.contains("sekisho "), "{id}: {}", found.advice);
        world.advance(Duration::from_secs(3 * 3_600));
        assert_eq!(sign(&look(&world).await, id).state, State::Ok, "{id} is over");
    }
}
