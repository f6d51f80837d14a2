//! The maildrop over a real store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod house;
mod large;

use std::time::Duration;

use house::{House, PASSWORD, USER};
use sekisho_control::BusEvent;
use sekisho_store::account::{self, State};
use sekisho_store::journal::{self, JournalFilter, Kind};
use sekisho_store::mail::{self, Flags};
use sekisho_store::{mailbox, switch};

use super::Pop3Settings;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_session_from_login_to_quit() {
    let house = House::new().await;
    house.deliver(b"Subject: one\r\n\r\n.first\r\n").await;
    house.deliver(b"Subject: two\r\n\r\nsecond\r\n").await;
    let (mut talk, said) = house.log_in().await;
    assert_eq!(said, "+OK 2 messages (48 octets)\r\n");
    // What comes later is for the next session.
    house.deliver(b"Subject: three\r\n\r\n").await;
    let said = talk.say("STAT\r\nRETR 1\r\nTOP 2 0\r\nDELE 2\r\n").await;
    assert_eq!(
        said,
        "+OK 2 48\r\n+OK 24 octets\r\nSubject: one\r\n\r\n..first\r\n.\r\n\
         +OK Top of message follows\r\nSubject: two\r\n\r\n.\r\n+OK Message 2 marked\r\n"
    );
    assert_eq!(talk.agent.account(), Some(USER));
    let mut watch = house.control.bus().watch(house.account);
    assert_eq!(talk.say("QUIT\r\n").await, "+OK Bye\r\n");
    assert!(talk.closed);
    assert!(matches!(watch.try_next(), Some(BusEvent::MailboxChanged { .. })));
    let inbox = house.inbox().await;
    let left: Vec<(u32, bool)> = inbox.iter().map(|mail| (mail.uid, mail.flags.has(Flags::SEEN))).collect();
    assert_eq!(left, [(1, true), (3, false)], "the second is gone, the first was read");
}

#[tokio::test]
async fn unique_ids_stay_with_their_messages() {
    let house = House::new().await;
    for subject in ["a", "b", "c"] {
        house.deliver(format!("Subject: {subject}\r\n\r\n").as_bytes()).await;
    }
    let (mut talk, _) = house.log_in().await;
    let before = talk.say("UIDL\r\n").await;
    let ids: Vec<&str> = before.lines().skip(1).filter_map(|line| line.split_once(' ')).map(|(_, id)| id).collect();
    assert_eq!(ids.len(), 3);
    talk.say("DELE 2\r\nQUIT\r\n").await;
    house.deliver(b"Subject: d\r\n\r\n").await;
    let (mut talk, _) = house.log_in().await;
    let after = talk.say("UIDL\r\n").await;
    let lines: Vec<&str> = after.lines().collect();
    assert_eq!(lines[1], format!("1 {}", ids[0]));
    assert_eq!(lines[2], format!("2 {}", ids[2]));
    assert!(!before.contains(lines[3].split_once(' ').unwrap().1), "a new message has a new id");
}

#[tokio::test]
async fn nothing_is_removed_without_quit() {
    let house = House::new().await;
    house.deliver(b"Subject: one\r\n\r\n").await;
    let (mut talk, _) = house.log_in().await;
    talk.say("DELE 1\r\n").await;
    drop(talk);
    assert_eq!(house.inbox().await.len(), 1);
    let (mut talk, said) = house.log_in().await;
    assert!(said.starts_with("+OK 1 messages"), "the lock went with the connection: {said}");
    talk.say("DELE 1\r\nRSET\r\nQUIT\r\n").await;
    assert_eq!(house.inbox().await.len(), 1);
}

#[tokio::test]
async fn one_session_at_a_time_and_silent_ones_give_way() {
    let house = House::new().await;
    house.deliver(b"Subject: one\r\n\r\n").await;
    let (mut first, _) = house.log_in().await;
    assert_eq!(first.wait(SHORT).await, None);
    let (_second, said) = house.log_in().await;
    assert_eq!(said, "-ERR [IN-USE] Another session has this maildrop\r\n");
    house.clock.advance(Duration::from_secs(31));
    let (mut third, said) = house.log_in().await;
    assert!(said.starts_with("+OK 1 messages"), "{said}");
    // The first one learns of it, and cannot remove anything any more.
    let told = first.wait(LONG).await.unwrap();
    assert!(told.starts_with("-ERR [IN-USE] Another session has taken the maildrop over"), "{told}");
    assert!(first.closed);
    drop(first);
    let (_fourth, said) = house.log_in().await;
    assert!(said.starts_with("-ERR [IN-USE]"), "the third still has it: {said}");
    assert_eq!(third.say("DELE 1\r\nQUIT\r\n").await, "+OK Message 1 marked\r\n+OK Bye\r\n");
    assert!(house.inbox().await.is_empty());
}

#[tokio::test]
async fn a_taken_over_session_removes_nothing_at_quit() {
    let house = House::new().await;
    house.deliver(b"Subject: one\r\n\r\n").await;
    let (mut first, _) = house.log_in().await;
    first.say("DELE 1\r\n").await;
    assert_eq!(first.wait(SHORT).await, None);
    house.clock.advance(Duration::from_secs(31));
    let (_second, said) = house.log_in().await;
    assert!(said.starts_with("+OK"), "{said}");
    assert!(first.say("QUIT\r\n").await.starts_with("-ERR [IN-USE]"));
    assert_eq!(house.inbox().await.len(), 1);
}

#[tokio::test]
async fn wrong_passwords_and_strangers_look_the_same() {
    let house = House::new().await;
    let mut talk = house.connect().await;
    let wrong = talk.say(&format!("USER {USER}\r\nPASS wrong\r\n")).await;
    let stranger = talk.say("USER nobody@example.jp\r\nPASS wrong\r\n").await;
    assert_eq!(wrong, stranger);
    assert!(wrong.ends_with("-ERR [AUTH] Authentication failed\r\n"), "{wrong}");
}

#[tokio::test]
async fn a_message_that_another_program_removed_is_refused_alone() {
    let house = House::new().await;
    for n in 0..3 {
        house.deliver(format!("Subject: {n}\r\n\r\n").as_bytes()).await;
    }
    let (mut talk, _) = house.log_in().await;
    let account = house.account;
    let expunge = house.control.store().write(move |tx| {
        let inbox = mailbox::get(tx, account, "INBOX")?.unwrap().id;
        mail::expunge(tx, inbox, &[2], false)
    });
    expunge.await.unwrap();
    house.control.store().collect_garbage(10).await.unwrap();
    let said = talk.say("RETR 1\r\nRETR 2\r\nRETR 3\r\nDELE 2\r\nDELE 3\r\nQUIT\r\n").await;
    assert!(said.contains("Subject: 0") && said.contains("Subject: 2"), "{said}");
    assert!(said.contains("-ERR The message was removed by another program\r\n"), "{said}");
    assert!(said.ends_with("+OK Bye\r\n"), "{said}");
    assert_eq!(house.inbox().await.len(), 1);
}

#[tokio::test]
async fn large_and_many_messages_come_whole() {
    let house = House::new().await;
    let line = "0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
    for n in 0..70 {
        let lines = if n % 10 == 0 { 2_000 } else { n };
        house.deliver(format!("Subject: {n}\r\n\r\n{}", line.repeat(lines)).as_bytes()).await;
    }
    let (mut talk, _) = house.log_in().await;
    for n in 0..70 {
        let said = talk.say(&format!("RETR {}\r\n", n + 1)).await;
        let lines = if n % 10 == 0 { 2_000 } else { n };
        let expected = format!("Subject: {n}\r\n\r\n{}.\r\n", line.repeat(lines));
        assert_eq!(said.split_once("\r\n").unwrap().1, expected);
    }
    // Out of order too.
    let said = talk.say("RETR 70\r\nRETR 3\r\nRETR 4\r\n").await;
    assert!(said.contains("Subject: 69") && said.contains("Subject: 2\r\n") && said.contains("Subject: 3\r\n"));
}

#[tokio::test]
async fn a_pause_turns_clients_away_and_ends_sessions() {
    let house = House::new().await;
    let (mut talk, _) = house.log_in().await;
    let service = house.pop3.clone();
    let follower = tokio::spawn(async move { service.follow_switch().await });
    let pause = house.control.store().write(|tx| switch::set(tx, "pop3", true, "", house::START));
    pause.await.unwrap();
    // The follower may not listen yet, so the bus says it until the session hears.
    let told = loop {
        house.control.bus().publish(BusEvent::SwitchChanged);
        if let Some(told) = talk.wait(SHORT).await {
            break told;
        }
    };
    assert_eq!(told, "-ERR [SYS/TEMP] POP3 is paused by the operator\r\n");
    assert!(talk.closed);
    follower.abort();
    let (session, mut agent) = house.pop3.connect("192.0.2.1".parse().unwrap(), true);
    drop(session);
    let reply = sekisho_net::drive::Agent::answer(&mut agent, sekisho_proto::pop3::Event::Connected).await;
    assert!(matches!(reply, sekisho_proto::pop3::Reply::Refuse(_)));
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_a_suspension_does_not() {
    let house = House::new().await;
    let account = house.account;
    let (mut talk, _) = house.log_in().await;
    house.control.store().write(move |tx| account::set_state(tx, account, State::Suspended)).await.unwrap();
    house.control.bus().publish(BusEvent::Suspended { account });
    assert_eq!(talk.wait(SHORT).await, None, "who may not send may still read");
    house.clock.advance(Duration::from_secs(1));
    let now = house.clock.now();
    let change = house.control.store().write(move |tx| account::set_password(tx, account, "x", None, false, now));
    change.await.unwrap();
    house.control.bus().publish(BusEvent::PasswordChanged { account });
    let told = talk.wait(LONG).await.unwrap();
    assert_eq!(told, "-ERR [AUTH] The password was changed; log in again\r\n");
    assert!(talk.closed);
}

#[tokio::test]
async fn logins_keep_their_distance_where_that_is_set() {
    let delay = Some(Duration::from_secs(60));
    let house = House::with(Pop3Settings { login_delay: delay, ..Pop3Settings::default() }).await;
    let (mut talk, said) = house.log_in().await;
    assert!(said.starts_with("+OK"), "{said}");
    talk.say("QUIT\r\n").await;
    assert!(house.log_in().await.1.starts_with("-ERR [LOGIN-DELAY]"));
    house.clock.advance(Duration::from_secs(60));
    assert!(house.log_in().await.1.starts_with("+OK"));
}

#[tokio::test]
async fn the_log_tells_who_took_what() {
    let house = House::new().await;
    for n in 0..4 {
        house.deliver(format!("Subject: {n}\r\n\r\n").as_bytes()).await;
    }
    let (mut talk, _) = house.log_in().await;
    talk.say("RETR 1\r\nRETR 2\r\nRETR 4\r\nDELE 1\r\nRETR 9\r\nQUIT\r\n").await;
    let (talk, _) = house.log_in().await;
    drop(talk);
    house.control.journal().flush().await;
    let filter = JournalFilter { kinds: vec![Kind::Pop3], ..JournalFilter::default() };
    let entries = house.control.store().read(move |tx| journal::query(tx, &filter, 0, 100)).await.unwrap();
    let text: Vec<String> = entries
        .entries
        .iter()
        .map(|(_, entry)| {
            assert_eq!(entry.account.as_deref(), Some(USER));
            assert_eq!(entry.network.as_deref(), Some("127.0.0.1"));
            assert!(!entry.detail.to_string().contains(PASSWORD));
            let word = |name: &str| entry.detail[name].as_str().unwrap_or("").to_owned();
            format!("{}|{}|{}", word("line"), word("reply"), word("reason"))
        })
        .collect();
    assert_eq!(
        text,
        [
            "||",
            "RETR 9|-ERR No such message|",
            "QUIT removed=1 retrieved=1:2,4 octets=42|+OK|",
            "||",
            "retrieved= octets=0||ended without QUIT",
        ]
    );
}
