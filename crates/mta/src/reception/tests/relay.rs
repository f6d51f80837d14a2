use sekisho_proto::session::Session as _;

use super::*;

/// The classic forms by which relays were opened, with a local, a null and a foreign reverse-path.
fn forms() -> Vec<(&'static str, &'static str)> {
    let mut forms = Vec::new();
    let recipients = [
        "<victim@outside.test>",
        "<\"victim@outside.test\">",
        "<victim%outside.test@example.jp>",
        "<victim%outside.test@mx.example.jp>",
        "<victim%outside.test@[192.0.2.25]>",
        "<victim%outside.test@[127.0.0.1]>",
        "<\"victim%outside.test\"@example.jp>",
        "<\"victim@outside.test\"@example.jp>",
        "<\"victim@outside.test\"@mx.example.jp>",
        "<\"victim@outside.test\"@[192.0.2.25]>",
        "<victim@outside.test@example.jp>",
        "<victim@outside.test@mx.example.jp>",
        "<victim@outside.test@[192.0.2.25]>",
        "<@example.jp:victim@outside.test>",
        "<@mx.example.jp:victim@outside.test>",
        "<@[192.0.2.25]:victim@outside.test>",
        "<@example.jp,@mx.example.jp:victim@outside.test>",
        "<outside.test!victim>",
        "<outside.test!victim@example.jp>",
        "<outside.test!victim@mx.example.jp>",
        "<outside.test!victim@[192.0.2.25]>",
        "<victim@[203.0.113.77]>",
        "<victim@outside.test.>",
        "<victim@>",
        "victim@outside.test",
        "<victim>",
        "<@outside.test>",
        "<victim@outside.test%example.jp>",
        "<victim@example.jp:outside.test>",
        "<taro@example.jp@outside.test>",
    ];
    for sender in ["<spam@outside.test>", "<>", "<taro@example.jp>", "<nobody@example.jp>", "<spam@mx.example.jp>"] {
        forms.extend(recipients.iter().map(|recipient| (sender, *recipient)));
    }
    forms
}

#[tokio::test]
async fn no_classic_form_is_relayed_and_none_makes_backscatter() {
    let site = Site::with(|settings| {
        settings.harvest.most = 1_000_000;
        settings.harvest.free = 1_000_000;
        settings.limits.errors = 1_000_000;
    })
    .await;
    for (sender, recipient) in forms() {
        let mut client = Client::stranger(&site).await;
        let mail = client.say(&format!("MAIL FROM:{sender}")).await;
        assert!(mail.starts_with("250"), "{sender}: {mail}");
        let reply = client.say(&format!("RCPT TO:{recipient}")).await;
        assert!(reply.starts_with('5'), "{sender} {recipient}: {reply}");
        let data = client.say("DATA").await;
        assert!(data.starts_with('5'), "{sender} {recipient}: {data}");
    }
    assert_eq!(site.queue().await, [], "nothing was taken, so nothing can bounce");
}

#[tokio::test]
async fn a_stranger_delivers_to_local_users_and_hears_the_known_words_otherwise() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    client.say("MAIL FROM:<a@outside.test>").await;
    assert_eq!(client.say("RCPT TO:<TARO@Example.JP>").await, "250 2.1.5 Recipient ok\r\n");
    assert_eq!(client.say("RCPT TO:<nobody@example.jp>").await, "550 5.1.1 nobody@example.jp ... User unknown.\r\n");
    assert_eq!(
        client.say("RCPT TO:<x@elsewhere.test>").await,
        "550 5.7.1 Sorry [a@outside.test] , I don't allow unauthorized relaying .\r\n"
    );
    let id = queued(&client.data(PLAIN).await);
    let queue = site.queue().await;
    assert_eq!(queue.len(), 1);
    let listed = &queue[0];
    assert_eq!((listed.message, listed.destination.as_str(), listed.origin.as_str()), (id, "local", "inbound"));
    assert_eq!((listed.address.as_str(), listed.network.as_str()), ("taro@example.jp", "203.0.113.9"));
}

#[tokio::test]
async fn a_local_sender_without_auth_is_refused_whether_it_exists_or_not() {
    let site = Site::new().await;
    for sender in ["taro@example.jp", "nobody@example.jp"] {
        let mut client = Client::stranger(&site).await;
        assert_eq!(
            client.message(sender, &["hanako@example.jp"], PLAIN).await,
            "530 5.7.0 Authentication required\r\n"
        );
    }
}

#[tokio::test]
async fn a_relay_rule_for_a_network_opens_for_that_network_only() {
    let site = Site::new().await;
    site.effect("192.0.2.0/24 true\n*.*.*.* norelay,2\n");
    let mut printer = Client::connect(&site, Service::Smtp, "192.0.2.77").await;
    printer.say("EHLO printer").await;
    printer.say("EHLO printer.example.jp").await;
    queued(&printer.message("scanner@example.jp", &["x@elsewhere.test"], "Subject: scan\r\n\r\nscan").await);
    let queue = site.queue().await;
    assert_eq!(queue[0].origin, "network:192.0.2.0/24");
    assert_eq!(queue[0].destination, "elsewhere.test");
    let mut stranger = Client::stranger(&site).await;
    assert!(stranger.message("scanner@example.jp", &["x@elsewhere.test"], PLAIN).await.starts_with("550 5.7.1 Sorry"));
    let mut user = Client::user(&site, "taro@example.jp").await;
    queued(&user.message("taro@example.jp", &["x@elsewhere.test"], "Subject: x\r\n\r\nx").await);
}

#[tokio::test]
async fn effect_dat_refuses_at_the_door_and_bad_lines_open_nothing() {
    let site = Site::new().await;
    site.effect("203.0.113.9 false\n");
    let client = Client::connect(&site, Service::Smtp, "203.0.113.9").await;
    assert_eq!(client.greeting, "550 5.1.7 Please, mail from a valid IP or Domain address.\r\n");
    assert!(client.closed);
    site.effect("bad.test false\n203.0.113.9 ture\n203.0.113.* true\nexample.jp true\n*.*.*.* true\n\u{3042} true\n");
    let mut client = Client::stranger(&site).await;
    assert!(client.say("MAIL FROM:<a@bad.test>").await.starts_with("550 5.1.7 Please"));
    for sender in ["a@outside.test", "madeup@example.jp"] {
        let reply = client.message(sender, &["x@elsewhere.test"], PLAIN).await;
        assert!(reply.starts_with("550 5.7.1 Sorry"), "{reply}");
        client.say("RSET").await;
    }
    let mut neighbour = Client::connect(&site, Service::Smtp, "203.0.113.10").await;
    neighbour.say("EHLO x.test").await;
    queued(&neighbour.message("a@outside.test", &["x@elsewhere.test"], PLAIN).await);
}

#[tokio::test]
async fn a_changed_file_counts_without_a_restart() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    queued(&client.message("a@bad.test", &["taro@example.jp"], PLAIN).await);
    site.effect("bad.test false\n");
    assert!(client.message("a@bad.test", &["taro@example.jp"], PLAIN).await.starts_with("550 5.1.7"));
    std::fs::remove_file(site.data.join("effect.dat")).unwrap();
    site.clock.advance(std::time::Duration::from_secs(2));
    queued(&client.message("a@bad.test", &["taro@example.jp"], PLAIN).await);
}

#[tokio::test]
async fn the_lockout_table_refuses_until_its_time_has_passed() {
    let site = Site::new().await;
    let end = site.clock.now().seconds() + 60;
    std::fs::write(
        site.data.join("rejectsmtpip.dat"),
        format!("203.0.113.1\ttrue\n203.0.113.*\t{end}\n198.51.100.7\t{end}\tiplock\n"),
    )
    .unwrap();
    let locked = Client::connect(&site, Service::Smtp, "203.0.113.9").await;
    assert_eq!(locked.greeting, "554 5.7.1 Access denied\r\n");
    let crowded = Client::connect(&site, Service::Smtp, "198.51.100.7").await;
    assert_eq!(crowded.greeting, "421 4.7.0 mx.example.jp Too many connections, try again later\r\n");
    assert!(Client::connect(&site, Service::Smtp, "203.0.113.1").await.greeting.starts_with("220 "));
    site.clock.advance(std::time::Duration::from_secs(61));
    assert!(Client::connect(&site, Service::Smtp, "203.0.113.9").await.greeting.starts_with("220 "));
}

#[tokio::test]
async fn a_catch_all_takes_mail_and_makes_no_sender() {
    let site = Site::with(|settings| settings.policy.legacy_internal_senders = true).await;
    site.alias("*@example.jp", "taro@example.jp").await;
    let mut client = Client::stranger(&site).await;
    queued(&client.message("a@outside.test", &["victim%outside.test@example.jp"], PLAIN).await);
    assert_eq!(site.queue().await[0].address, "taro@example.jp", "taken here, not relayed");
    let reply = client.message("madeup@example.jp", &["x@elsewhere.test"], PLAIN).await;
    assert!(reply.starts_with("550 5.7.1 Sorry"), "{reply}");
    client.say("RSET").await;
    queued(&client.message("hanako@example.jp", &["x@elsewhere.test"], PLAIN).await);
}

#[tokio::test]
async fn the_address_of_a_local_user_in_another_case_is_local() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    for postmaster in ["postmaster", "Postmaster@example.jp", "postmaster@mx.example.jp", "abuse@example.jp"] {
        client.say("MAIL FROM:<>").await;
        let reply = client.say(&format!("RCPT TO:<{postmaster}>")).await;
        assert!(reply.starts_with("250"), "{postmaster}: {reply}");
        client.say("RSET").await;
    }
    client.say("MAIL FROM:<>").await;
    assert!(client.say("RCPT TO:<taro@mx.example.jp>").await.starts_with("550 5.1.1"));
    client.session.as_mut().unwrap().receive_end(site.clock.now());
}
