//! Answers that do not fit into one piece.

use std::fmt::Write as _;
use std::time::Duration;

use sekisho_store::Engine;

use super::house::House;

/// Many parts of one message, each larger than a piece, are still one response.
#[tokio::test]
async fn parts_of_one_message_in_several_pieces() {
    let house = House::new(Engine::Sqlite).await;
    let mut talk = house.logged_in().await;
    let header = "Subject: big\r\n\r\n";
    let text = "0123456789abcdefghijklmnopqrstuvwxyz\r\n".repeat(5000);
    let message = format!("{header}{text}");
    let said = talk.say(format!("a APPEND INBOX {{{}+}}\r\n{message}\r\nb SELECT INBOX\r\n", message.len())).await;
    assert!(said.contains("a OK [APPENDUID") && said.contains("b OK"), "{said}");
    let said = talk
        .say("c FETCH 1 (BODY.PEEK[]<0.20> BODY.PEEK[TEXT] UID BODY.PEEK[HEADER] BODY.PEEK[] BODY.PEEK[TEXT]<1.999999>)\r\n")
        .await;
    let mut expected = String::from("* 1 FETCH (UID 1");
    for (name, value) in [
        ("BODY[]<0>", &message[..20]),
        ("BODY[TEXT]", &text),
        ("BODY[HEADER]", header),
        ("BODY[]", &message),
        ("BODY[TEXT]<1>", &text[1..]),
    ] {
        write!(expected, " {name} {{{}}}\r\n{value}", value.len()).unwrap();
    }
    expected.push_str(")\r\nc OK FETCH completed\r\n");
    assert!(said == expected, "{} octets instead of {}", said.len(), expected.len());
}

/// A client that waits long hears how far its search is (RFC 9585).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_search_tells_how_far_it_is() {
    let house = House::new(Engine::Sqlite).await;
    let mut talk = house.logged_in().await;
    let literals = " {17+}\r\nSubject: x\r\n\r\nabc".repeat(150);
    for _ in 0..4 {
        let said = talk.say(format!("a APPEND INBOX{literals}\r\n")).await;
        assert!(said.contains("a OK [APPENDUID"), "{said}");
    }
    talk.say("b SELECT INBOX\r\n").await;
    // Time flies while it is looked for.
    let (clock, (stop, mut stopped)) = (house.clock.clone(), tokio::sync::oneshot::channel::<()>());
    let flying = tokio::spawn(async move {
        while stopped.try_recv().is_err() {
            clock.advance(Duration::from_secs(6));
            tokio::task::yield_now().await;
        }
    });
    for (command, word, end) in [
        ("SEARCH BODY abc", "SEARCH", "SEARCH completed"),
        ("UID SORT (SUBJECT) UTF-8 BODY abc", "SORT", "SORT completed"),
        ("THREAD ORDEREDSUBJECT UTF-8 BODY abc", "THREAD", "THREAD completed"),
    ] {
        // The one who makes time fly may be kept from it for a while.
        let mut told = false;
        for _ in 0..100 {
            let said = talk.say(format!("c {command}\r\n")).await;
            assert!(said.contains(&format!("* {word} ")) && said.ends_with(&format!("c OK {end}\r\n")), "{said}");
            for line in said.lines().filter(|line| line.contains("INPROGRESS")) {
                told = true;
                let step = |done| format!("* OK [INPROGRESS (\"c\" {done} 600)] Still at it");
                assert!(line == step(250) || line == step(500), "{line}");
            }
            if told {
                break;
            }
        }
        assert!(told, "{command}: nothing was told");
    }
    stop.send(()).unwrap();
    flying.await.unwrap();
}

/// Many messages take many pieces, with bodies and without.
#[tokio::test]
async fn many_messages_in_several_pieces() {
    let house = House::new(Engine::Sqlite).await;
    let mut talk = house.logged_in().await;
    let message = format!("Subject: x\r\n\r\n{}", "z".repeat(3000));
    for _ in 0..6 {
        let literals = format!(" {{{}+}}\r\n{message}", message.len()).repeat(100);
        let said = talk.say(format!("a APPEND INBOX{literals}\r\n")).await;
        assert!(said.contains("a OK [APPENDUID"), "{said}");
    }
    talk.say("b SELECT INBOX\r\n").await;
    let said = talk.say("c FETCH 1:* (UID ENVELOPE)\r\n").await;
    assert_eq!(said.matches(" FETCH (UID ").count(), 600);
    assert!(said.contains("* 600 FETCH (UID 600 ENVELOPE (NIL \"x\" NIL"), "{}", &said[said.len() - 300..]);
    let said = talk.say("d FETCH 1:* (BODY[])\r\n").await;
    assert_eq!(said.matches(&format!("BODY[] {{3014}}\r\n{message})\r\n")).count(), 600);
    assert_eq!(said.matches("FLAGS (\\Seen").count(), 600, "all are seen now, and told so");
    assert!(said.ends_with(")\r\nd OK FETCH completed\r\n"));
    let said = talk.say("e SEARCH RETURN (COUNT) SEEN BODY zzz\r\n").await;
    assert_eq!(said, "* ESEARCH (TAG \"e\") COUNT 600\r\ne OK SEARCH completed\r\n");
    let said = talk.say("f STORE 1:* +FLAGS.SILENT (\\Deleted)\r\ng EXPUNGE\r\n").await;
    assert_eq!(said.matches(" EXPUNGE\r\n").count(), 600);
}
