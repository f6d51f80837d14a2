use std::time::Duration;

use super::*;

#[tokio::test]
async fn harvesting_is_slowed_down_and_ended() {
    let site = Site::with(|settings| {
        settings.harvest = Harvest { free: 2, delay: Duration::from_secs(5), most: 3 };
    })
    .await;
    let mut client = Client::stranger(&site).await;
    client.say("MAIL FROM:<a@outside.test>").await;
    for name in ["a", "b"] {
        assert!(client.say(&format!("RCPT TO:<{name}@example.jp>")).await.starts_with("550 5.1.1"));
    }
    let start = site.clock.now();
    let reply = {
        let mut answer = std::pin::pin!(client.say("RCPT TO:<c@example.jp>"));
        loop {
            tokio::select! {
                reply = &mut answer => break reply,
                () = tokio::time::sleep(Duration::from_millis(1)) => site.clock.advance(Duration::from_millis(500)),
            }
        }
    };
    assert!(reply.starts_with("550 5.1.1"), "{reply}");
    assert!(site.clock.now().since(start) >= Duration::from_secs(5));
    assert!(client.say("RCPT TO:<d@example.jp>").await.starts_with("421 4.7.0"));
    assert!(client.closed);
}

#[tokio::test]
async fn a_pause_is_felt_at_once_and_says_try_later() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    site.pause().await;
    assert!(client.say("MAIL FROM:<a@outside.test>").await.starts_with("421 4.3.2"));
    assert!(client.closed);
    let other = Client::connect(&site, Service::Submission, "203.0.113.9").await;
    assert_eq!(other.greeting, "421 4.3.2 mx.example.jp Service not available, try again later\r\n");
}

#[tokio::test]
async fn a_message_that_loops_is_refused() {
    let site = Site::with(|settings| settings.hops = 3).await;
    let mut client = Client::stranger(&site).await;
    let hops = |n: usize| format!("{}From: a@outside.test\r\n\r\nx", "Received: from a by b; x\r\n".repeat(n));
    queued(&client.message("a@outside.test", &["taro@example.jp"], &hops(3)).await);
    let reply = client.message("a@outside.test", &["taro@example.jp"], &hops(4)).await;
    assert_eq!(reply, "554 5.4.6 Too many hops; the message is looping\r\n");
    queued(&client.message("a@outside.test", &["taro@example.jp"], PLAIN).await);
}

#[tokio::test]
async fn store_errors_are_temporary_to_the_client() {
    use sekisho_store::Error;
    assert_eq!(reply::of_store(&Error::Full).code, 452);
    assert_eq!(reply::of_store(&Error::Full).enhanced, Some(Enhanced(4, 3, 1)));
    for error in [
        Error::Unavailable("x".into()),
        Error::Engine("secret table".into()),
        Error::Corrupt("x".into()),
        Error::Conflict("x".into()),
        Error::NotFound("row"),
    ] {
        let response = reply::of_store(&error);
        assert_eq!((response.code, response.enhanced), (451, Some(Enhanced(4, 3, 0))));
        assert!(!response.text.contains("secret"), "the peer does not read the operator's words");
    }
}

#[tokio::test]
async fn a_store_that_is_gone_loses_nothing_that_was_promised() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    client.say("MAIL FROM:<a@outside.test>").await;
    client.say("RCPT TO:<taro@example.jp>").await;
    assert!(client.say("DATA").await.starts_with("354"));
    site.control.store().close().await;
    let reply = client.send(format!("{PLAIN}\r\n.\r\n").as_bytes()).await;
    assert!(reply.starts_with("451 4.3.0"), "{reply}");
}
