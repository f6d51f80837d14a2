#![allow(clippy::unwrap_used, clippy::expect_used)]

mod wire;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::imap::command::Command;
use crate::sasl::Credential;
use crate::sasl::scram::Secret;

/// A session with an agent that repeats what it was asked.
struct Talk {
    session: ImapSession,
    now: Time,
    out: String,
    closed: bool,
    tls: bool,
    refused: usize,
}

impl Talk {
    fn new(settings: Settings) -> Self {
        let now = Time::from_seconds(1_000_000);
        let session = ImapSession::new(Arc::new(settings), false, now);
        let mut talk = Self { session, now, out: String::new(), closed: false, tls: false, refused: 0 };
        talk.pump();
        talk
    }

    fn open() -> Self {
        let mut talk = Self::new(Settings { login_without_tls: true, message_max: 100_000, ..Settings::default() });
        talk.out.clear();
        talk
    }

    fn logged_in() -> Self {
        let mut talk = Self::open();
        talk.say("a LOGIN taro secret\r\n");
        talk.out.clear();
        talk
    }

    fn say(&mut self, text: impl AsRef<[u8]>) -> String {
        self.session.receive(self.now, text.as_ref());
        self.pump();
        std::mem::take(&mut self.out)
    }

    fn pump(&mut self) {
        loop {
            match self.session.next(self.now) {
                Step::Send(bytes) => self.out.push_str(&String::from_utf8_lossy(&bytes)),
                Step::Event(event) => {
                    let reply = self.reply(event);
                    self.session.answer(self.now, reply);
                }
                Step::StartTls => {
                    self.tls = true;
                    return;
                }
                Step::NeedInput => return,
                Step::Close => {
                    self.closed = true;
                    return;
                }
            }
        }
    }

    fn reply(&mut self, event: Event) -> Reply {
        match event {
            Event::Credential(Credential::Plain { user, password, .. }) => {
                if user == "taro" && password.expose() == "secret" {
                    Reply::Done(Done::ok("Logged in"))
                } else {
                    Reply::Done(Done::no("No").code("AUTHENTICATIONFAILED"))
                }
            }
            Event::Credential(Credential::ScramUser { .. }) => {
                let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
                let secret = Secret::derive("pencil", &salt, 4096);
                Reply::Secret { secret, nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".into() }
            }
            Event::Credential(Credential::ScramDone { user, .. }) => Reply::Done(Done::ok(format!("Hello {user}"))),
            Event::Credential(Credential::Challenge) => Reply::Challenge("<1@h>".into()),
            Event::Credential(_) => Reply::Done(Done::no("No").code("AUTHENTICATIONFAILED")),
            Event::Command { command, .. } if *command == Command::Check => Reply::More(b"* PIECE 1\r\n".to_vec()),
            Event::Command { command, .. } => {
                Reply::Done(Done::ok("done").data(format!("* {command:?}\r\n").into_bytes()))
            }
            Event::More => Reply::Done(Done::ok("pieces").data(b"* PIECE 2\r\n".to_vec())),
            Event::Append(append) if append.mailbox == "full" => Reply::Done(Done::no("No room").code("OVERQUOTA")),
            Event::Append(append) => {
                self.out.push_str(&format!("* {append:?}\r\n"));
                Reply::Continue
            }
            Event::Chunk(bytes) => {
                self.out.push_str(&String::from_utf8_lossy(&bytes));
                Reply::Continue
            }
            Event::AppendEnd => Reply::Done(Done::ok("APPEND completed").code("APPENDUID 1 2")),
            Event::IdleDone => Reply::Done(Done::ok("IDLE completed")),
            Event::Refused { .. } => {
                self.refused += 1;
                Reply::Continue
            }
            Event::AppendUrl(url) => {
                self.out.push_str(&format!("* URL {url}\r\n"));
                Reply::Continue
            }
            Event::Connected | Event::AppendAbort | Event::Idle => Reply::Continue,
        }
    }
}

#[test]
fn greeting_says_what_a_stranger_may_do() {
    let talk = Talk::new(Settings { hostname: "mx.example.jp".into(), ..Settings::default() });
    assert_eq!(
        talk.out,
        "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL- SASL-IR ID ENABLE STARTTLS LOGINDISABLED] mx.example.jp Sekisho is ready\r\n"
    );
}

#[test]
fn passwords_need_tls_unless_configured() {
    let mut talk = Talk::new(Settings::default());
    talk.out.clear();
    assert_eq!(talk.say("a LOGIN taro secret\r\n"), "a NO [PRIVACYREQUIRED] Use TLS first\r\n");
    assert_eq!(talk.say("a AUTHENTICATE PLAIN AHRhcm8Ac2VjcmV0\r\n"), "a NO [PRIVACYREQUIRED] Use TLS first\r\n");
}

#[test]
fn nothing_crosses_starttls() {
    let mut talk = Talk::new(Settings::default());
    talk.out.clear();
    assert_eq!(talk.say("a STARTTLS\r\nb LOGIN taro secret\r\n"), "a OK Begin TLS negotiation now\r\n");
    assert!(talk.tls);
    talk.session = talk.session.into_tls(talk.now);
    talk.pump();
    assert_eq!(talk.out, "", "the injected command is gone and there is no second greeting");
    let said = talk.say("c CAPABILITY\r\n");
    assert!(said.starts_with("* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL- SASL-IR ID ENABLE AUTH=PLAIN"), "{said}");
    assert!(talk.say("d STARTTLS\r\n").starts_with("d BAD"));
    assert!(talk.say("e LOGIN taro secret\r\n").starts_with("e OK [CAPABILITY "));
}

#[test]
fn login_in_all_its_forms() {
    for text in [
        "a LOGIN taro secret\r\n",
        "a login \"taro\" \"secret\"\r\n",
        "a LOGIN {4+}\r\ntaro {6+}\r\nsecret\r\n",
        "a AUTHENTICATE PLAIN AHRhcm8Ac2VjcmV0\r\n",
    ] {
        let said = Talk::open().say(text);
        assert!(said.starts_with("a OK [CAPABILITY IMAP4rev1"), "{text}: {said}");
    }
    let mut talk = Talk::open();
    assert_eq!(talk.say("a LOGIN {4}\r\n"), "+ Ready for the literal\r\n");
    assert_eq!(talk.say("taro {6}\r\n"), "+ Ready for the literal\r\n");
    assert!(talk.say("secret\r\n").starts_with("a OK"));
    let mut talk = Talk::open();
    assert_eq!(talk.say("a AUTHENTICATE PLAIN\r\n"), "+ \r\n");
    assert!(talk.say("AHRhcm8Ac2VjcmV0\r\n").starts_with("a OK"));
    let mut talk = Talk::open();
    assert_eq!(talk.say("a AUTHENTICATE LOGIN\r\n"), "+ VXNlcm5hbWU6\r\n");
    assert_eq!(talk.say("dGFybw==\r\n"), "+ UGFzc3dvcmQ6\r\n");
    assert!(talk.say("c2VjcmV0\r\n").starts_with("a OK"));
}

/// The exchange of RFC 7677 §3.
#[test]
fn scram_as_in_the_rfc() {
    let first = STANDARD.encode("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let challenge =
        STANDARD.encode("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    let proof = |p: &str| STANDARD.encode(format!("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p={p}"));
    let verifier = STANDARD.encode("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    let mut talk = Talk::open();
    assert_eq!(talk.say(format!("a AUTHENTICATE SCRAM-SHA-256 {first}\r\n")), format!("+ {challenge}\r\n"));
    let right = proof("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    assert_eq!(talk.say(format!("{right}\r\n")), format!("+ {verifier}\r\n"));
    let said = talk.say("\r\n");
    assert!(said.starts_with("a OK [CAPABILITY ") && said.ends_with("] Hello user\r\n"), "{said}");
    let mut talk = Talk::open();
    talk.say(format!("a AUTHENTICATE SCRAM-SHA-256 {first}\r\n"));
    let wrong = proof("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVU=");
    assert_eq!(talk.say(format!("{wrong}\r\n")), "a NO [AUTHENTICATIONFAILED] No\r\n");
    assert_eq!(talk.say("b SELECT INBOX\r\n"), "b BAD Log in first\r\n");
}

#[test]
fn authenticate_can_be_cancelled_and_nonsense_is_refused() {
    let mut talk = Talk::open();
    assert_eq!(talk.say("a AUTHENTICATE PLAIN\r\n*\r\n"), "+ \r\na BAD AUTHENTICATE was cancelled\r\n");
    assert_eq!(talk.say("b AUTHENTICATE PLAIN\r\n!!\r\n"), "+ \r\nb BAD The response is not base64\r\n");
    assert_eq!(talk.say("c AUTHENTICATE GSSAPI\r\n"), "c NO [CANNOT] Unknown mechanism\r\n");
    assert!(talk.say("d AUTHENTICATE PLAIN =\r\n").starts_with("d BAD"));
}

#[test]
fn guessing_ends_the_session() {
    let mut talk = Talk::open();
    for n in 0..5 {
        let said = talk.say(format!("a{n} LOGIN taro wrong\r\n"));
        assert!(said.starts_with(&format!("a{n} NO [AUTHENTICATIONFAILED]")), "{said}");
    }
    assert!(talk.closed);
}

#[test]
fn states_are_enforced() {
    let mut talk = Talk::open();
    assert_eq!(talk.say("a SELECT INBOX\r\n"), "a BAD Log in first\r\n");
    assert_eq!(talk.say("b FETCH 1 FLAGS\r\n"), "b BAD Select a mailbox first\r\n");
    talk.say("c LOGIN taro secret\r\n");
    assert_eq!(talk.say("d FETCH 1 FLAGS\r\n"), "d BAD Select a mailbox first\r\n");
    assert_eq!(talk.say("e LOGIN taro secret\r\n"), "e BAD You are logged in already\r\n");
    assert!(talk.say("f SELECT INBOX\r\n").ends_with("f OK done\r\n"));
    assert!(talk.say("g FETCH 1 FLAGS\r\n").ends_with("g OK done\r\n"));
    assert!(talk.say("h CLOSE\r\n").ends_with("h OK done\r\n"));
    assert_eq!(talk.say("i FETCH 1 FLAGS\r\n"), "i BAD Select a mailbox first\r\n");
    assert_eq!(talk.say("j LOGOUT\r\n"), "* BYE Good-bye\r\n* Logout\r\nj OK done\r\n");
    assert!(talk.closed);
}

#[test]
fn answers_in_pieces() {
    let mut talk = Talk::logged_in();
    talk.say("a SELECT INBOX\r\n");
    assert_eq!(talk.say("b CHECK\r\n"), "* PIECE 1\r\n* PIECE 2\r\nb OK pieces\r\n");
}

#[test]
fn append_streams_its_literal() {
    let mut talk = Talk::logged_in();
    let said = talk.say("a APPEND inbox (\\Seen $x) \"17-Jul-1996 02:44:25 -0700\" {5}\r\n");
    assert!(
        said.starts_with(
            "* Append { mailbox: \"INBOX\", replaces: None, flags: [Seen, Keyword(\"$x\")], date: Some(Time(8375966"
        ),
        "{said}"
    );
    assert!(said.ends_with("size: Some(5) }\r\n+ Ready for the message\r\n"), "{said}");
    assert_eq!(talk.say("hel"), "hel");
    assert_eq!(talk.say("lo"), "lo");
    assert_eq!(talk.say("\r\n"), "a OK [APPENDUID 1 2] APPEND completed\r\n");
}

#[test]
fn append_with_a_literal_for_the_name_and_several_messages() {
    let mut talk = Talk::logged_in();
    assert_eq!(talk.say("a APPEND {4}\r\n"), "+ Ready for the literal\r\n");
    let said = talk.say("Sent {3+}\r\nabc (\\Seen) {2+}\r\nde\r\nb NOOP\r\n");
    assert!(said.contains("mailbox: \"Sent\", replaces: None, flags: []"), "{said}");
    assert!(said.contains("mailbox: \"Sent\", replaces: None, flags: [Seen]"), "{said}");
    assert!(said.ends_with("a OK [APPENDUID 1 2] APPEND completed\r\n* Noop\r\nb OK done\r\n"), "{said}");
}

#[test]
fn refused_messages_do_not_desynchronise() {
    let mut talk = Talk::logged_in();
    assert_eq!(talk.say("a APPEND full {3}\r\n"), "a NO [OVERQUOTA] No room\r\n");
    assert_eq!(
        talk.say("b APPEND full {3+}\r\nabc\r\nc NOOP\r\n"),
        "b NO [OVERQUOTA] No room\r\n* Noop\r\nc OK done\r\n"
    );
    assert_eq!(talk.say("d APPEND Sent {100001}\r\n"), "d NO [TOOBIG] The message is too large\r\n");
    assert_eq!(talk.say("e APPEND Sent {100001+}\r\n"), "");
    let body = vec![b'x'; 100_001];
    assert_eq!(talk.say(&body), "");
    assert_eq!(talk.say("\r\nf NOOP\r\n"), "e NO [TOOBIG] The message is too large\r\n* Noop\r\nf OK done\r\n");
    let said = talk.say("g APPEND Sent {1+}\r\nx nonsense {2+}\r\nyy\r\nh NOOP\r\n");
    assert!(said.ends_with("g BAD a message must be a literal\r\n* Noop\r\nh OK done\r\n"), "{said}");
}

#[test]
fn large_literals_and_lines_are_not_kept() {
    let mut talk = Talk::logged_in();
    assert_eq!(talk.say("a SELECT {70000}\r\n"), "a BAD [TOOBIG] The literal is too long\r\n");
    assert_eq!(talk.say("b SELECT {70000+}\r\n"), "");
    for _ in 0..70 {
        assert_eq!(talk.say(vec![b'y'; 1000]), "");
        assert!(talk.session.command.capacity() < 70_000);
    }
    assert_eq!(
        talk.say(" {3+}\r\nabc\r\nc NOOP\r\n"),
        "b BAD [TOOBIG] The literal is too long\r\n* Noop\r\nc OK done\r\n"
    );
    assert_eq!(talk.say("d SELECT "), "");
    for _ in 0..700 {
        talk.say(vec![b'z'; 1000]);
        assert!(talk.session.command.capacity() < 140_000);
    }
    assert_eq!(talk.say("\r\ne NOOP\r\n"), "d BAD [TOOBIG] The command is too long\r\n* Noop\r\ne OK done\r\n");
    let said = talk.say("f SELECT {99999999999999}\r\n");
    assert!(said.starts_with("* BYE [TOOBIG]"), "{said}");
    assert!(talk.closed);
}

#[test]
fn a_literal_may_hold_what_looks_like_another() {
    let mut talk = Talk::logged_in();
    let said = talk.say("a DELETE {3+}\r\n{5}\r\nb NOOP\r\n");
    assert_eq!(said, "* Delete(\"{5}\")\r\na OK done\r\n* Noop\r\nb OK done\r\n");
}

#[test]
fn wrong_commands_are_told_and_counted() {
    let mut talk = Talk::logged_in();
    assert_eq!(talk.say("nonsense\r\n"), "* BAD A command starts with a tag and a space\r\n");
    assert_eq!(talk.say("a NONSENSE\r\n"), "a BAD Unknown command\r\n");
    assert_eq!(talk.say("a SELECT &bogus\r\n"), "a NO [CANNOT] The mailbox name is not well-formed\r\n");
    assert!(talk.say("\r\n").is_empty());
    assert_eq!(talk.refused, 3);
    assert!(talk.say("b NOOP\r\n").ends_with("b OK done\r\n"));
    for _ in 0..BAD_MAX {
        talk.say("x NONSENSE\r\n");
    }
    assert!(!talk.closed);
    assert!(talk.say("x NONSENSE\r\n").ends_with("* BYE Too many wrong commands\r\n"));
    assert!(talk.closed);
}

#[test]
fn idle_hears_news_until_done() {
    let mut talk = Talk::logged_in();
    assert_eq!(talk.say("a IDLE\r\n"), "+ idling\r\n");
    assert!(talk.session.is_idle());
    talk.session.answer(talk.now, Reply::Untagged(b"* 5 EXISTS\r\n".to_vec()));
    talk.pump();
    assert_eq!(std::mem::take(&mut talk.out), "* 5 EXISTS\r\n");
    assert_eq!(talk.say("DO"), "");
    assert_eq!(talk.say("NE\r\nb NOOP\r\n"), "a OK IDLE completed\r\n* Noop\r\nb OK done\r\n");
    assert!(talk.say("c IDLE\r\n").starts_with('+'));
    assert_eq!(talk.say("d NOOP\r\n"), "c BAD Expected DONE\r\n");
}

#[test]
fn silence_ends_the_session() {
    let mut talk = Talk::open();
    assert_eq!(talk.session.deadline(), talk.now + Duration::from_secs(60));
    talk.now = talk.now + Duration::from_secs(170);
    talk.say("a NO");
    assert_eq!(talk.session.deadline(), talk.now + Duration::from_secs(10), "strangers do not stay");
    let mut talk = Talk::logged_in();
    assert_eq!(talk.session.deadline(), talk.now + Duration::from_secs(1800));
    talk.say("a APPEND Sent {100}\r\nabc");
    assert_eq!(talk.session.deadline(), talk.now + Duration::from_secs(300));
    talk.session.expire(talk.now);
    talk.pump();
    assert!(talk.closed && talk.out.contains("* BYE Autologout"), "{}", talk.out);
}

#[test]
fn a_closed_peer_still_gets_its_answers() {
    let mut talk = Talk::logged_in();
    talk.session.receive(talk.now, b"a NOOP\r\nb NOOP\r\nc NO");
    talk.session.receive_end(talk.now);
    talk.pump();
    assert!(talk.closed && talk.out.ends_with("b OK done\r\n"), "{}", talk.out);
}

#[test]
fn passwords_stay_out_of_the_log() {
    let mut session = Talk::open().session;
    let now = Time::EPOCH;
    session.receive(now, b"a LOGIN taro secret extra\r\n");
    let mut lines = Vec::new();
    loop {
        match session.next(now) {
            Step::Event(Event::Refused { line, .. }) => {
                lines.push(line);
                session.answer(now, Reply::Continue);
            }
            Step::Send(_) => {}
            _ => break,
        }
    }
    assert_eq!(lines, ["LOGIN …".into()]);
}

#[test]
fn an_idle_session_is_small() {
    let mut talk = Talk::logged_in();
    talk.say("a SELECT INBOX\r\n");
    talk.say("b IDLE\r\n");
    let heap = talk.session.command.capacity() + talk.session.out.capacity();
    assert!(size_of::<ImapSession>() + heap < 1024, "{} + {heap}", size_of::<ImapSession>());
}

/// Pieces of dialogue, good and bad, from which whole ones are drawn.
const PIECES: [&str; 22] = [
    "a NOOP\r\n",
    "b SELECT {5+}\r\nINBOX\r\n",
    "c SELECT INBOX\r\n",
    "d FETCH 1:* (FLAGS BODY[HEADER.FIELDS (From {2+}\r\nTo)])\r\n",
    "e APPEND Sent {12+}\r\nHello\r\nworld\r\n",
    "f APPEND Sent {3+}\r\nabc (\\Seen) {2+}\r\nxy\r\n",
    "g APPEND full {30+}\r\n123456789012345678901234567890 {3+}\r\nabc\r\n",
    "h IDLE\r\nDONE\r\n",
    "i IDLE\r\ni2 NOOP\r\n",
    "nonsense\r\n",
    "j CHECK\r\n",
    "k LOGIN taro secret\r\n",
    "l SEARCH CHARSET UTF-8 SUBJECT {6+}\r\n\u{6771}\u{4eac}\r\n",
    "m STORE 1 +FLAGS (\\Deleted)\n",
    "n SELECT {99999+}\r\n",
    "o CLOSE\r\n",
    "p DELETE \"x{5+}\r\n",
    "\r\n",
    "q AUTHENTICATE PLAIN\r\nAHRhcm8Ac2VjcmV0\r\n",
    "r LIST \"\" (\"a*\" %) RETURN (CHILDREN)\r\n",
    "s APPEND Sent {0+}\r\n\r\n",
    "t UID FETCH 1,3:* BODY.PEEK[1.MIME]<0.20>\r\n",
];

proptest! {
    #[test]
    fn chunking_changes_nothing(
        pieces in proptest::collection::vec(0..PIECES.len(), 1..12),
        cuts in proptest::collection::vec(1usize..40, 1..40),
        login in any::<bool>(),
    ) {
        let text: String = pieces.iter().map(|&i| PIECES[i]).collect();
        let start = || if login { Talk::logged_in() } else { Talk::open() };
        let mut whole = start();
        let expected = whole.say(&text);
        let mut cut = start();
        let mut said = String::new();
        let mut rest = text.as_bytes();
        for n in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*n).min(rest.len()));
            said.push_str(&cut.say(now));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(said, expected);
        prop_assert_eq!(cut.closed, whole.closed);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), login in any::<bool>()) {
        let mut talk = if login { Talk::logged_in() } else { Talk::open() };
        talk.say(&bytes);
        talk.session.receive_end(talk.now);
        talk.pump();
        prop_assert!(talk.closed || talk.tls);
    }
}
