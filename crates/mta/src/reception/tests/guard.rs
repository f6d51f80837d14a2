use std::time::Duration;

use sekisho_control::guard::{Mode, Settings as GuardSettings};
use sekisho_message::{Address, Time};
use sekisho_store::journal::Kind;
use sekisho_store::queue::{self, Stage};
use sekisho_store::{contact, incident};

use super::*;

/// A user at some address.
async fn user_at(site: &Site, login: &str, from: &str) -> Client {
    let mut client = Client::connect(site, Service::Submissions, from).await;
    client.say("EHLO client.test").await;
    assert!(client.auth(login, site::PASSWORD).await.starts_with("235"));
    client
}

fn letter(n: usize) -> String {
    let word = ["apple", "river", "stone", "cloud", "grass"][n % 5];
    let text: String = (0..20).map(|i| format!("{word}{} ", (b'a' + ((n * 7 + i * 3) % 26) as u8) as char)).collect();
    format!("From: taro@example.jp\r\nSubject: {word}\r\n\r\n{text}\r\n")
}

/// Spam of one text to ever new strangers, until the origin is held; how many messages that took.
async fn spam(site: &Site, from: &str) -> usize {
    let mut client = user_at(site, "taro@example.jp", from).await;
    for n in 1..=60 {
        let to: Vec<String> = (0..5).map(|i| format!("victim{}@shop{n}.test", n * 10 + i)).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let reply = client
            .message("taro@example.jp", &to, "From: taro@example.jp\r\nSubject: win\r\n\r\nbuy this now please\r\n")
            .await;
        assert!(reply.starts_with("250 2.0.0 queued as "), "the reply is the same on every rung: {reply}");
        site.clock.advance(Duration::from_secs(20));
        if held(site).await {
            return n;
        }
    }
    panic!("never held");
}

async fn held(site: &Site) -> bool {
    !site.control.store().read(queue::status).await.unwrap().held.is_empty()
}

async fn guarded(change: impl FnOnce(&mut GuardSettings)) -> Site {
    let mut guard = GuardSettings::default();
    change(&mut guard);
    Site::guarded(guard).await
}

#[tokio::test]
async fn an_ordinary_letter_leaves_at_once_and_makes_a_contact() {
    let site = Site::new().await;
    let mut user = user_at(&site, "taro@example.jp", "203.0.113.9").await;
    queued(&user.message("taro@example.jp", &["friend@elsewhere.test"], &letter(1)).await);
    let waiting = site.queue().await;
    assert_eq!((waiting.len(), waiting[0].stage), (1, Stage::Domains));
    let guard = site.control.guard();
    let (origin, peer) =
        (guard.origin("account:taro@example.jp"), guard.peer(&Address::parse("friend@elsewhere.test").unwrap()));
    let known = site.control.store().read(move |tx| contact::known(tx, origin, &[peer])).await.unwrap();
    assert!(known[&peer].written);
}

#[tokio::test]
async fn who_writes_to_somebody_here_becomes_a_contact() {
    let site = Site::new().await;
    for _ in 0..2 {
        let mut stranger = Client::stranger(&site).await;
        let mail = "From: Shop <shop@outside.test>\r\n\r\nhello";
        queued(&stranger.message("bounce-77@outside.test", &["hanako@example.jp"], mail).await);
    }
    let guard = site.control.guard();
    let (origin, peer) =
        (guard.origin("account:hanako@example.jp"), guard.peer(&Address::parse("shop@outside.test").unwrap()));
    let known = site.control.store().read(move |tx| contact::known(tx, origin, &[peer])).await.unwrap();
    assert!(known[&peer].received && !known[&peer].written);
}

#[tokio::test]
async fn spam_is_held_within_a_handful_of_messages_and_its_incident_says_why() {
    let site = Site::new().await;
    let took = spam(&site, "198.51.100.7").await;
    // Of an account without history nothing is known that could be unusual: the valve bounds what leaves until then.
    assert!(took <= 24, "{took} messages");
    let now = site.clock.now();
    let left = site.queue().await.iter().filter(|one| one.due.is_some_and(|due| due <= now)).count();
    assert!(left <= 20, "{left} of {} recipients", took * 5);
    let status = site.control.store().read(queue::status).await.unwrap();
    assert_eq!(status.held[0].origin, "account:taro@example.jp");
    // Those few that the valve let go may have been on their way.
    let escaped = site.queue().await.iter().filter(|one| one.stage != Stage::Holding).count();
    assert_eq!(escaped, 0, "all that is queued waits");
    let open = site.control.store().read(|tx| incident::list(tx, None, 10)).await.unwrap();
    assert_eq!((open.len(), open[0].account.as_deref()), (1, Some("taro@example.jp")));
    assert!(!open[0].facts["ledger"].as_array().unwrap().is_empty());
    let verdicts = site.journal(Kind::Verdict).await;
    assert!(verdicts.iter().any(|entry| entry.detail["action"] == "hold" && entry.detail["incident"] == 1));
}

#[tokio::test]
async fn a_held_origin_still_writes_to_people_here_and_others_are_not_delayed() {
    let site = Site::new().await;
    spam(&site, "198.51.100.7").await;
    let mut user = user_at(&site, "taro@example.jp", "203.0.113.9").await;
    let both = ["hanako@example.jp", "postmaster@example.jp", "x@elsewhere.test"];
    queued(&user.message("taro@example.jp", &both, &letter(3)).await);
    let entries = site.queue().await;
    let stage = |address: &str| entries.iter().find(|one| one.address == address).unwrap().stage;
    assert_eq!(stage("hanako@example.jp"), Stage::Incoming);
    assert_eq!(stage("admin@example.jp"), Stage::Incoming, "postmaster can be asked for help");
    assert_eq!(stage("x@elsewhere.test"), Stage::Holding);
    let mut other = user_at(&site, "hanako@example.jp", "203.0.113.9").await;
    let mail = letter(4).replace("taro@", "hanako@");
    queued(&other.message("hanako@example.jp", &["y@elsewhere.test"], &mail).await);
    let entries = site.queue().await;
    assert_eq!(entries.iter().find(|one| one.address == "y@elsewhere.test").unwrap().stage, Stage::Domains);
    let now = site.clock.now();
    let due = site.control.store().read(move |tx| queue::due_lanes(tx, now, 1_000)).await.unwrap();
    assert!(due.iter().any(|lane| lane.origin_key == "local:account:taro@example.jp"));
    assert!(due.iter().all(|lane| lane.origin_key != "account:taro@example.jp"));
}

#[tokio::test]
async fn deferring_answers_451_keeps_nothing_and_lets_local_mail_pass() {
    let site = guarded(|guard| guard.mode = Mode::Defer).await;
    let mut client = user_at(&site, "taro@example.jp", "198.51.100.7").await;
    let mut last = String::new();
    for n in 0..60 {
        let to: Vec<String> = (0..5).map(|i| format!("v{}@shop{n}.test", n * 10 + i)).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        last = client.message("taro@example.jp", &to, "From: taro@example.jp\r\n\r\nbuy this now please").await;
        site.clock.advance(Duration::from_secs(20));
        if !last.starts_with("250") {
            break;
        }
    }
    assert_eq!(last, "451 4.3.0 Temporary failure, try again later\r\n");
    let before = site.queue().await.len();
    let again = client.message("taro@example.jp", &["v1@shop1.test"], &letter(1)).await;
    assert!(again.starts_with("451"), "{again}");
    assert_eq!(site.queue().await.len(), before);
    queued(&client.message("taro@example.jp", &["hanako@example.jp"], &letter(2)).await);
    let open = site.control.store().read(|tx| incident::list(tx, None, 10)).await.unwrap();
    assert_eq!(open.len(), 1, "people are told all the same");
}

#[tokio::test]
async fn observing_keeps_nothing_back() {
    let site = guarded(|guard| guard.mode = Mode::Observe).await;
    let mut client = user_at(&site, "taro@example.jp", "198.51.100.7").await;
    for n in 0..30 {
        let to: Vec<String> = (0..5).map(|i| format!("v{}@shop{n}.test", n * 10 + i)).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        queued(&client.message("taro@example.jp", &to, "From: taro@example.jp\r\n\r\nbuy this now please").await);
        site.clock.advance(Duration::from_secs(20));
    }
    assert!(site.queue().await.iter().all(|one| one.stage == Stage::Domains));
    let open = site.control.store().read(|tx| incident::list(tx, None, 10)).await.unwrap();
    assert_eq!(open.len(), 1);
    assert!(!held(&site).await);
}

#[tokio::test]
async fn what_dwells_goes_by_itself() {
    let site = Site::new().await;
    let mut client = user_at(&site, "taro@example.jp", "203.0.113.9").await;
    // The sixth stranger within a minute waits at the valve.
    for n in 0..7 {
        let to = format!("new{n}@place{n}.test");
        queued(&client.message("taro@example.jp", &[&to], &letter(n)).await);
        site.clock.advance(Duration::from_secs(2));
    }
    let waiting: Vec<Time> =
        site.queue().await.iter().filter(|one| one.stage == Stage::Holding).map(|one| one.due.unwrap()).collect();
    assert!(!waiting.is_empty() && waiting.len() <= 2, "{waiting:?}");
    site.clock.advance(Duration::from_secs(120));
    let now = site.clock.now();
    assert!(waiting.iter().all(|due| *due <= now));
    let due = site.control.store().read(move |tx| queue::due_lanes(tx, now, 1_000)).await.unwrap();
    assert_eq!(due.len(), 7, "all may go now");
}

#[tokio::test]
async fn networks_that_a_rule_trusts_are_guarded_and_aliases_forward_on() {
    let site = Site::new().await;
    site.effect("192.0.2.0/24 true\n*.*.*.* norelay,2\n");
    let mut form = Client::connect(&site, Service::Smtp, "192.0.2.8").await;
    form.say("EHLO web").await;
    let mut n = 0;
    while !held(&site).await {
        n += 1;
        assert!(n < 80, "never held");
        let to: Vec<String> = (0..5).map(|i| format!("v{}@shop{n}.test", n * 10 + i)).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let reply = form.message("form@outside.test", &to, "From: form@outside.test\r\n\r\nbuy this now please").await;
        assert!(reply.starts_with("250"), "{reply}");
        site.clock.advance(Duration::from_secs(20));
    }
    let open = site.control.store().read(|tx| incident::list(tx, None, 10)).await.unwrap();
    assert_eq!((open[0].origin.as_str(), open[0].account.as_deref()), ("network:192.0.2.0/24", None));
    for n in 0..40 {
        let mut stranger = Client::stranger(&site).await;
        let mail = format!("From: w{n}@outside.test\r\n\r\nhello {n}");
        queued(&stranger.message(&format!("w{n}@outside.test"), &["away@example.jp"], &mail).await);
    }
    let entries = site.queue().await;
    assert!(entries.iter().filter(|one| one.origin == "alias:away@example.jp").all(|one| one.stage == Stage::Domains));
}
