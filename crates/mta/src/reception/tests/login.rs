use sekisho_net::drive::Agent as _;
use sekisho_store::journal::Kind;

use super::*;

const FAILED: &str = "535 5.7.8 Authentication credentials invalid\r\n";

#[tokio::test]
async fn every_failed_login_reads_the_same() {
    let site = Site::new().await;
    site.suspend("hanako@example.jp").await;
    let mut client = Client::connect(&site, Service::Submissions, "203.0.113.9").await;
    client.say("EHLO client.test").await;
    assert_eq!(client.auth("taro@example.jp", "wrong").await, FAILED);
    assert_eq!(client.auth("nobody@example.jp", site::PASSWORD).await, FAILED);
    assert_eq!(client.auth("hanako@example.jp", site::PASSWORD).await, FAILED, "suspended reads like wrong");
    let acting = STANDARD.encode(format!("admin@example.jp\0taro@example.jp\0{}", site::PASSWORD));
    assert_eq!(client.say(&format!("AUTH PLAIN {acting}")).await, FAILED);
    assert_eq!(client.say("MAIL FROM:<taro@example.jp>").await, "530 5.7.0 Authentication required\r\n");
    assert!(client.auth("taro@example.jp", site::PASSWORD).await.starts_with("235"));
}

#[tokio::test]
async fn suspending_ends_what_is_under_way() {
    let site = Site::new().await;
    let mut idle = Client::user(&site, "taro@example.jp").await;
    let mut sending = Client::user(&site, "taro@example.jp").await;
    let mut late = Client::user(&site, "taro@example.jp").await;
    sending.say("MAIL FROM:<taro@example.jp>").await;
    sending.say("RCPT TO:<x@elsewhere.test>").await;
    site.suspend("taro@example.jp").await;
    let news = idle.agent.wait().await;
    idle.session.as_mut().unwrap().answer(site.clock.now(), news);
    assert!(idle.pump().await.starts_with("421 4.3.2"));
    assert!(idle.closed, "the session ended by itself");
    assert!(sending.data("Subject: x\r\n\r\nx").await.starts_with("421 4.3.2"));
    assert!(late.say("MAIL FROM:<taro@example.jp>").await.starts_with("421 4.3.2"));
    assert_eq!(site.queue().await, []);
}

#[tokio::test]
async fn tls_forgets_what_was_said_in_the_clear() {
    let site = Site::with(|settings| settings.tls_for_auth = false).await;
    let mut client = Client::connect(&site, Service::Submission, "203.0.113.9").await;
    client.say("EHLO client.test").await;
    assert!(client.auth("taro@example.jp", site::PASSWORD).await.starts_with("235"));
    assert!(client.say("STARTTLS").await.starts_with("220"));
    assert!(client.agent.login.is_none() && client.agent.tls.is_some());
    client.say("EHLO client.test").await;
    assert!(client.say("MAIL FROM:<taro@example.jp>").await.starts_with("530"));
}

#[tokio::test]
async fn auth_needs_tls_and_is_offered_on_every_service() {
    let site = Site::new().await;
    let mut plain = Client::connect(&site, Service::Submission, "203.0.113.9").await;
    assert!(!plain.say("EHLO client.test").await.contains("AUTH"));
    assert!(plain.auth("taro@example.jp", site::PASSWORD).await.starts_with("538"));
    plain.say("STARTTLS").await;
    assert!(plain.say("EHLO client.test").await.contains("AUTH PLAIN LOGIN"));
    let mut exchange = Client::connect(&site, Service::Smtp, "203.0.113.9").await;
    exchange.say("EHLO client.test").await;
    exchange.say("STARTTLS").await;
    assert!(exchange.say("EHLO client.test").await.contains("AUTH PLAIN LOGIN"));
}

#[tokio::test]
async fn the_logs_know_who_came_and_how_it_ended() {
    let site = Site::new().await;
    let mut user = Client::user(&site, "taro@example.jp").await;
    let id = queued(&user.message("taro@example.jp", &["x@elsewhere.test"], "Subject: x\r\n\r\nx").await);
    user.say("RCPT TO:<y@elsewhere.test>").await;
    user.say("QUIT").await;
    let end = End { bytes_in: 0, bytes_out: 0, reason: sekisho_net::drive::Reason::Closed, tls: None };
    user.agent.finish(&end);
    let open = site.journal(Kind::AcceptOpen).await;
    assert_eq!(open[0].network.as_deref(), Some("203.0.113.9"));
    let inlog = site.journal(Kind::In).await;
    assert_eq!(inlog.len(), 1);
    assert_eq!(inlog[0].account.as_deref(), Some("taro@example.jp"));
    assert_eq!(inlog[0].message, Some(id.to_string()));
    assert_eq!(inlog[0].detail["with"], "ESMTPSA");
    assert_eq!(inlog[0].detail["origin"], "account:taro@example.jp");
    let receive = site.journal(Kind::Receive).await;
    let dialogue = receive.iter().find(|e| e.detail["line"].as_str().is_some_and(|l| l.starts_with("MAIL"))).unwrap();
    assert_eq!(dialogue.detail["line"], "MAIL FROM:<taro@example.jp> | RCPT TO:<x@elsewhere.test>");
    assert_eq!(dialogue.account.as_deref(), Some("taro@example.jp"));
    assert!(!format!("{receive:?}").contains(site::PASSWORD));
    let end = site.journal(Kind::AcceptEnd).await;
    assert_eq!(
        (end[0].detail["status"].as_str(), end[0].message.as_deref()),
        (Some("ok"), Some(id.to_string().as_str()))
    );
}

#[tokio::test]
async fn scram_fails_alike_for_everybody() {
    use sekisho_control::command::{Command, DomainCommand};
    let site = Site::new().await;
    site.run(Command::Domain(DomainCommand::Scram { name: "example.jp".into(), on: true })).await;
    let mut replies = Vec::new();
    for login in ["taro@example.jp", "nobody@example.jp"] {
        let mut client = Client::connect(&site, Service::Submissions, "203.0.113.9").await;
        assert!(client.say("EHLO client.test").await.contains("SCRAM-SHA-256"));
        let first = STANDARD.encode(format!("n,,n={login},r=0123456789abcdefghij"));
        let reply = client.say(&format!("AUTH SCRAM-SHA-256 {first}")).await;
        let challenge = STANDARD.decode(reply.trim_end().strip_prefix("334 ").unwrap()).unwrap();
        let challenge = String::from_utf8(challenge).unwrap();
        let nonce = challenge.split(',').next().unwrap();
        assert!(nonce.starts_with("r=0123456789abcdefghij") && nonce.len() > 40, "{challenge}");
        let last = STANDARD.encode(format!("c=biws,{nonce},p={}", STANDARD.encode([7; 32])));
        replies.push(client.say(&last).await);
    }
    assert_eq!(replies, [FAILED, FAILED]);
}

#[tokio::test]
async fn a_held_origin_hears_what_everybody_hears() {
    use sekisho_control::command::{Command, QueueCommand};
    use sekisho_store::queue::{Filter, Stage};
    let site = Site::new().await;
    let mut user = Client::user(&site, "taro@example.jp").await;
    let mut said = Vec::new();
    for hold in [false, true] {
        if hold {
            let filter = Filter { account: Some("taro@example.jp".into()), ..Filter::default() };
            site.run(Command::Queue(QueueCommand::Hold { filter, reason: "test".into() })).await;
        }
        let reply = user.message("taro@example.jp", &["x@elsewhere.test"], "Subject: x\r\n\r\nx").await;
        let id = queued(&reply);
        said.push(reply.replace(&id.to_string(), "ID"));
    }
    assert_eq!(said[0], said[1]);
    assert!(site.queue().await.iter().all(|listed| listed.stage == Stage::Holding));
}
