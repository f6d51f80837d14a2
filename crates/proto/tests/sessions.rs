//! What must hold for every input: chunking changes nothing, nothing panics, memory is bounded.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use proptest::prelude::*;
use sekisho_message::Time;
use sekisho_proto::{Session, Step};
use support::{Agent, Feed, Play};

/// Pieces of dialogue that are likely to get somewhere, and some that are not.
fn smtp_piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        &b"EHLO client.example\r\n"[..],
        b"HELO client.example\r\n",
        b"MAIL FROM:<a@example.org>\r\n",
        b"MAIL FROM:<a@example.org> SIZE=9 BODY=8BITMIME\r\n",
        b"RCPT TO:<taro@example.jp>\r\n",
        b"RCPT TO:<nobody@example.jp>\r\n",
        b"DATA\r\n",
        b"Subject: x\r\n\r\n..text\r\n",
        b".\r\n",
        b"\r\n.\r\n",
        b"\n.\n",
        b".\r",
        b"BDAT 5\r\nab\r\nc",
        b"BDAT 7 LAST\r\nX-Full\n",
        b"BDAT 0 LAST\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"AUTH PLAIN AHRhcm9AZXhhbXBsZS5qcABoaW1pdHN1\r\n",
        b"AUTH LOGIN\r\n",
        b"dGFybw==\r\n",
        b"AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n",
        b"*\r\n",
        b"QUIT\r\n",
    ])
    .prop_map(<[u8]>::to_vec);
    prop_oneof![8 => known, 1 => prop::collection::vec(any::<u8>(), 0..20)]
}

fn pop3_piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        &b"USER taro\r\n"[..],
        b"PASS himitsu geheim\r\n",
        b"AUTH PLAIN\r\n",
        b"AHRhcm8AaGltaXRzdSBnZWhlaW0=\r\n",
        b"CAPA\r\n",
        b"LIST\r\n",
        b"UIDL\r\n",
        b"UIDL 2\r\n",
        b"RETR 1\r\n",
        b"TOP 1 1\r\n",
        b"DELE 2\r\n",
        b"RSET\r\n",
        b"STAT\r\n",
        b"QUIT\r\n",
    ])
    .prop_map(<[u8]>::to_vec);
    prop_oneof![8 => known, 1 => prop::collection::vec(any::<u8>(), 0..20)]
}

fn server_piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        &b"220 mx\r\n"[..],
        b"250-mx\r\n250-PIPELINING\r\n250 SIZE 100\r\n",
        b"250 mx\r\n",
        b"250 ok\r\n",
        b"354 go\r\n",
        b"550 5.1.1 no\r\n",
        b"421 closing\r\n",
        b"250-",
    ])
    .prop_map(<[u8]>::to_vec);
    prop_oneof![8 => known, 1 => prop::collection::vec(any::<u8>(), 0..20)]
}

/// Plays the same bytes with cuts at other places, and wants the same words and events.
fn same<S: Session, A: Agent<S>>(make: impl Fn() -> (S, A), input: &[u8], cuts: &[usize]) -> (Vec<u8>, Vec<String>) {
    let run = |cuts: &[usize]| {
        let (session, agent) = make();
        let mut play = Play::new(session, agent, Feed::Whole);
        let mut rest = input;
        for cut in cuts.iter().chain(&[input.len()]) {
            let (head, tail) = rest.split_at((*cut).min(rest.len()));
            rest = tail;
            if !head.is_empty() && !play.is_closed() {
                play.send(head);
            }
        }
        let events = play.events().iter().filter(|e| *e != "body").cloned().collect();
        (play.said(), events)
    };
    let (once, pieces) = (run(&[]), run(cuts));
    assert_eq!(String::from_utf8_lossy(&once.0), String::from_utf8_lossy(&pieces.0));
    assert_eq!(once.1, pieces.1);
    once
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..12, 0..60)
}

proptest! {
    #[test]
    fn smtp_server_by_any_cuts(pieces in prop::collection::vec(smtp_piece(), 0..14), cuts in cuts()) {
        let settings = vec![("submission".to_owned(), String::new()), ("secured".to_owned(), String::new())];
        same(|| support::smtp::make(&settings), &pieces.concat(), &cuts);
        same(|| support::smtp::make(&Vec::new()), &pieces.concat(), &cuts);
    }

    #[test]
    fn pop3_server_by_any_cuts(pieces in prop::collection::vec(pop3_piece(), 0..14), cuts in cuts()) {
        let settings = vec![("secured".to_owned(), String::new())];
        same(|| support::pop3::make(&settings), &pieces.concat(), &cuts);
    }

    #[test]
    fn smtp_client_never_panics_and_always_reports(pieces in prop::collection::vec(server_piece(), 0..14)) {
        let message = |to: &str| ("message".to_owned(), format!("{to} .x\\r\\n"));
        let settings = vec![("tls".to_owned(), "never".to_owned()), message("a@example.jp,b@example.jp"), message("c@example.jp")];
        let (session, agent) = support::smtp_client::make(&settings);
        let mut play = Play::new(session, agent, Feed::Whole);
        for piece in &pieces {
            if !play.is_closed() {
                play.send(piece);
            }
        }
        if !play.is_closed() {
            play.end_input();
        }
        prop_assert!(play.is_closed());
        let begun = play.events().iter().filter(|e| e.starts_with("ready")).count().min(2);
        let done = play.events().iter().filter(|e| e.starts_with("done")).count();
        prop_assert_eq!(begun, done, "every message that was given to the session is reported");
    }

    /// Nothing that a message holds is ever taken for a command.
    #[test]
    fn no_smuggling(body in "([.\r\na]|\r\n){0,30}") {
        let head = "HELO c.example\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<taro@example.jp>\r\nDATA\r\n";
        let body = body.replace("\r\n.\r\n", "\r\n");
        let body = body.strip_prefix(".\r\n").unwrap_or(&body);
        prop_assume!(!body.contains("\r\n.\r\n") && !body.starts_with(".\r\n"));
        // Make sure that the end that follows is the only one.
        let input = format!("{head}{body}MAIL FROM:<evil@example.org>\r\n.\r\nQUIT\r\n");
        let (_, events) = same(|| support::smtp::make(&Vec::new()), input.as_bytes(), &[7, 80, 3]);
        prop_assert!(!events.iter().any(|e| e.starts_with("mail <evil")), "{events:?}");
        prop_assert_eq!(events.last().map(String::as_str), Some("quit"));
    }
}

#[test]
fn a_line_of_64_mib_takes_no_memory() {
    let (session, agent) = support::smtp::make(&Vec::new());
    let mut play = Play::new(session, agent, Feed::Whole);
    play.said();
    let piece = vec![b'x'; 64 << 10];
    for _ in 0..1024 {
        if !play.is_closed() {
            play.send(&piece);
        }
    }
    assert!(play.is_closed());
    assert!(String::from_utf8(play.said()).unwrap().starts_with("500 5.5.6 The line is too long"));
}

#[test]
fn a_line_of_64_mib_within_a_message_is_refused() {
    let settings = vec![("message".to_owned(), (80_u64 << 20).to_string())];
    let (session, agent) = support::smtp::make(&settings);
    let mut play = Play::new(session, agent, Feed::Whole);
    play.send(b"HELO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<taro@example.jp>\r\nDATA\r\n\r\n");
    play.said();
    let piece = vec![b'x'; 64 << 10];
    for _ in 0..1024 {
        play.send(&piece);
    }
    play.send(b"\r\n.\r\nNOOP\r\n");
    let said = String::from_utf8(play.said()).unwrap();
    assert_eq!(said, "554 5.6.0 Message refused: a line is too long\r\n250 2.0.0 Ok\r\n");
    let pieces = play.events().iter().filter(|e| *e == "body").count();
    assert!(pieces < 20, "only the line's first MiB was kept: {pieces}");
}

#[test]
fn ten_thousand_recipients_are_answered_within_bounds() {
    let (session, agent) = support::smtp::make(&Vec::new());
    let mut play = Play::new(session, agent, Feed::Whole);
    play.send(b"HELO c\r\nMAIL FROM:<a@example.org>\r\n");
    play.said();
    play.send(&b"RCPT TO:<taro@example.jp>\r\n".repeat(10_000));
    let said = String::from_utf8(play.said()).unwrap();
    assert_eq!(said.matches("250 2.1.5").count(), 1000);
    assert_eq!(said.matches("452 4.5.3").count(), 9000);
    let notices = play.events().iter().filter(|e| e.starts_with("refused")).count();
    assert_eq!(notices, 1, "the log is not flooded");
}

/// Replies leave in pieces however much was asked for in one go.
#[test]
fn replies_are_not_gathered_without_bound() {
    let (mut session, mut agent) = support::pop3::make(&vec![("secured".to_owned(), String::new())]);
    let now = Time::from_seconds(1_764_000_000);
    let input = [&b"USER taro\r\nPASS himitsu geheim\r\n"[..], &b"RETR 1\r\n".repeat(5000)].concat();
    session.receive(now, &input);
    let mut largest = 0;
    loop {
        match session.next(now) {
            Step::Send(bytes) => largest = largest.max(bytes.len()),
            Step::Event(event) => {
                let (_, reply) = agent.answer(event);
                session.answer(now, reply);
            }
            Step::NeedInput => break,
            step => panic!("{step:?}"),
        }
    }
    assert!(largest < 128 << 10, "{largest}");
}

/// An account is suspended while its session waits, or is in the middle of a message.
#[test]
fn a_refusal_that_nobody_asked_for_ends_the_session() {
    use sekisho_proto::smtp::Response;
    use sekisho_proto::smtp::server::Reply;
    for input in [&b"HELO c\r\n"[..], b"HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<taro@example.jp>\r\nDATA\r\nhalf a li"] {
        let (mut session, mut agent) = support::smtp::make(&Vec::new());
        let now = Time::from_seconds(1_764_000_000);
        session.receive(now, input);
        let mut said = Vec::new();
        let mut news = Some(Reply::Refuse(Response::new(421, (4, 7, 0), "Ended by the operator")));
        loop {
            match session.next(now) {
                Step::Send(bytes) => said.extend(bytes),
                Step::Event(event) => {
                    let (_, reply) = agent.answer(event);
                    session.answer(now, reply);
                }
                Step::NeedInput => session.answer(now, news.take().expect("it closes at once")),
                Step::Close => break,
                Step::StartTls => panic!("no TLS here"),
            }
        }
        assert!(String::from_utf8(said).unwrap().ends_with("421 4.7.0 Ended by the operator\r\n"));
    }
}
