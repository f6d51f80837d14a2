use super::*;

#[tokio::test]
async fn a_message_in_pieces_is_stored_as_it_came() {
    let site = Site::new().await;
    let body: String = (0..5_000).map(|n| format!("line {n} .dots\r\n")).collect();
    let message = format!("From: a@outside.test\r\nSubject: long\r\n\r\n{body}end");
    let mut client = Client::stranger(&site).await;
    client.say("MAIL FROM:<a@outside.test>").await;
    client.say("RCPT TO:<taro@example.jp>").await;
    client.say("DATA").await;
    let wire = format!("{message}\r\n.\r\n");
    let mut reply = String::new();
    for piece in wire.as_bytes().chunks(7) {
        reply = client.send(piece).await;
    }
    let (stored, _) = site.stored(queued(&reply)).await;
    assert!(stored.ends_with(&format!("{message}\r\n")));
    assert!(stored.len() > 64 << 10, "large enough for a file");
}

#[tokio::test]
async fn odd_messages_are_taken_without_damage() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    for message in ["hello\r\nno header here", "", "\r\nbody only", "Subject: no body", ": x\r\n\r\nx"] {
        let id = queued(&client.message("a@outside.test", &["taro@example.jp"], message).await);
        let (stored, offset) = site.stored(id).await;
        assert!(stored.ends_with(&format!("{message}\r\n")), "{stored}");
        assert!(stored[offset..].starts_with("Received: "));
    }
    let id = queued(&client.message("a@outside.test", &["taro@example.jp"], "hello\r\nno header").await);
    let (stored, _) = site.stored(id).await;
    assert!(stored.ends_with("+0000\r\n\r\nhello\r\nno header\r\n"), "text without a header does not become one");
}

#[tokio::test]
async fn blind_recipients_do_not_show() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    let id = queued(&client.message("a@outside.test", &["taro@example.jp", "hanako@example.jp"], PLAIN).await);
    let (stored, _) = site.stored(id).await;
    assert!(!stored.contains("for <") && !stored.contains("hanako"));
}

#[tokio::test]
async fn hostile_names_stay_inside_the_trace_line() {
    let site = Site::new().await;
    let mut client = Client::connect(&site, Service::Smtp, "203.0.113.9").await;
    client.say("EHLO [IPv6:2001:db8::1]").await;
    let id = queued(&client.message("\"a)(;\\\"<>\"@outside.test", &["taro@example.jp"], PLAIN).await);
    let (stored, _) = site.stored(id).await;
    let trace: Vec<_> = stored.split("\r\n").take_while(|line| !line.starts_with("From:")).collect();
    assert_eq!(trace.iter().filter(|line| !line.starts_with('\t')).count(), 2, "{trace:?}");
}

#[tokio::test]
async fn nothing_of_an_unfinished_message_stays() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    client.say("MAIL FROM:<a@outside.test>").await;
    client.say("RCPT TO:<taro@example.jp>").await;
    client.say("DATA").await;
    client.send(b"From: a@outside.test\r\n\r\nhalf").await;
    drop(client);
    assert_eq!(site.queue().await, []);
}

#[tokio::test]
async fn chunks_make_the_same_message_as_data() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    client.say("MAIL FROM:<a@outside.test>").await;
    client.say("RCPT TO:<taro@example.jp>").await;
    assert!(client.send(b"BDAT 8\r\nFrom: a@").await.starts_with("250"));
    let reply = client.send(b"BDAT 23 LAST\r\noutside.test\r\n\r\n.dot\r\n\n").await;
    assert!(reply.starts_with('5'), "a bare LF is refused in a chunk, too: {reply}");
    client.say("RSET").await;
    client.say("MAIL FROM:<a@outside.test>").await;
    client.say("RCPT TO:<taro@example.jp>").await;
    client.send(b"BDAT 8\r\nFrom: a@").await;
    let reply = client.send(b"BDAT 22 LAST\r\noutside.test\r\n\r\n.dot\r\n").await;
    let (stored, _) = site.stored(queued(&reply)).await;
    assert!(stored.ends_with("From: a@outside.test\r\n\r\n.dot\r\n"));
}
