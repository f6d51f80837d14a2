use super::*;

#[tokio::test]
async fn a_reverse_path_must_belong_to_the_account() {
    let site = Site::new().await;
    let mut user = Client::user(&site, "taro@example.jp").await;
    for own in ["taro@example.jp", "TARO@example.jp", "sales@example.jp"] {
        let header = format!("From: {own}\r\n\r\nx");
        queued(&user.message(own, &["x@elsewhere.test"], &header).await);
    }
    for foreign in ["hanako@example.jp", "second@example.jp", "a@outside.test", "nobody@example.jp"] {
        let reply = user.say(&format!("MAIL FROM:<{foreign}>")).await;
        assert_eq!(reply, format!("550 5.7.1 You may not send as {foreign}\r\n"));
    }
    queued(&user.message("", &["x@elsewhere.test"], "From: taro@example.jp\r\n\r\nread").await);
    let reply = user.message("", &["x@elsewhere.test"], "From: hanako@example.jp\r\n\r\nread").await;
    assert!(reply.starts_with("550 5.7.1"), "a null reverse-path is no disguise: {reply}");
}

#[tokio::test]
async fn a_wildcard_alias_is_nobodys_name() {
    let site = Site::new().await;
    site.alias("*@example.jp", "taro@example.jp").await;
    let mut user = Client::user(&site, "taro@example.jp").await;
    assert!(user.say("MAIL FROM:<anything@example.jp>").await.starts_with("550 5.7.1"));
    user.say("MAIL FROM:<taro@example.jp>").await;
    user.say("RCPT TO:<x@elsewhere.test>").await;
    assert!(user.data("From: anything@example.jp\r\n\r\nx").await.starts_with("550 5.7.1"));
}

#[tokio::test]
async fn the_header_may_claim_own_addresses_only() {
    let site = Site::new().await;
    let good = [
        "From: Taro <taro@example.jp>\r\n",
        "From: \"boss@bank.test\" <taro@example.jp>, sales@example.jp\r\nSender: taro@example.jp\r\n",
        "Subject: no From at all\r\n",
    ];
    let bad = [
        "From: boss@bank.test\r\n",
        "From: taro@example.jp, boss@bank.test\r\n",
        "From: taro@example.jp\r\nFrom: boss@bank.test\r\n",
        "from : boss@bank.test\r\n",
        "FROM: =?utf-8?q?Boss?=\r\n <boss@bank.test>\r\n",
        "From: taro@example.jp\r\nSender: boss@bank.test\r\n",
        "From: undisclosed:;\r\n",
        "From: Boss of the bank\r\n",
        "From: <taro@example.jp>, <boss@bank.test\r\n",
        "From: taro@example.jp boss@bank.test\r\n",
        "From: <taro@example.jp boss@bank.test>\r\n",
        "From: taro@example.jp (comment) ; boss@bank.test\r\n",
        "From: group: taro@example.jp, boss@bank.test;\r\n",
    ];
    let mut user = Client::user(&site, "taro@example.jp").await;
    for header in good {
        queued(&user.message("taro@example.jp", &["x@elsewhere.test"], &format!("{header}\r\nx")).await);
    }
    for header in bad {
        let reply = user.message("taro@example.jp", &["x@elsewhere.test"], &format!("{header}\r\nx")).await;
        assert!(reply.starts_with("550 5.7.1"), "{header}: {reply}");
    }
    assert_eq!(site.queue().await.len(), good.len());
}

#[tokio::test]
async fn submitted_mail_is_completed_and_mail_in_transit_is_not() {
    let site = Site::new().await;
    let mut user = Client::user(&site, "taro@example.jp").await;
    let id = queued(&user.message("taro@example.jp", &["x@elsewhere.test"], "Subject: x\r\n\r\nbody").await);
    let (stored, offset) = site.stored(id).await;
    assert!(
        stored.starts_with("Return-Path: <taro@example.jp>\r\nReceived: from client.test ([203.0.113.9])\r\n"),
        "{stored}"
    );
    assert!(stored[offset..].starts_with("Received: from client.test"));
    assert!(stored.contains(&format!("by mx.example.jp with ESMTPSA id {id}")));
    assert!(stored.contains("(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384)"));
    assert!(stored.contains("for <x@elsewhere.test>;"));
    assert!(stored.contains("\r\nDate: Mon, 24 Nov 2025 16:00:00 +0000\r\n"));
    assert!(stored.contains(&format!("\r\nMessage-ID: <{id}.")));
    assert!(stored.contains("\r\nFrom: <taro@example.jp>\r\nSubject: x\r\n\r\nbody\r\n"), "{stored}");
    let complete = "Date: Thu, 1 Jan 2026 00:00:00 +0900\r\nMessage-ID: <1@x>\r\nFrom: taro@example.jp\r\n\r\nbody";
    let id = queued(&user.message("taro@example.jp", &["x@elsewhere.test"], complete).await);
    let (stored, _) = site.stored(id).await;
    assert!(stored.ends_with(&format!("+0000\r\n{complete}\r\n")), "{stored}");
    let mut stranger = Client::stranger(&site).await;
    let id = queued(&stranger.message("a@outside.test", &["taro@example.jp"], "Subject: x\r\n\r\nbody").await);
    let (stored, _) = site.stored(id).await;
    assert!(!stored.contains("Message-ID:") && !stored.contains("\r\nDate:") && !stored.contains("\r\nFrom:"));
    assert!(stored.contains(" with ESMTP id "));
}

#[tokio::test]
async fn sender_dat_refuses_the_whole_message() {
    let site = Site::new().await;
    let rules = "*@rival.test,-1\n*,0\n";
    site.account_rules("taro@example.jp", sekisho_control::command::RuleFile::Sender, rules).await;
    let mut user = Client::user(&site, "taro@example.jp").await;
    user.say("MAIL FROM:<taro@example.jp>").await;
    assert!(user.say("RCPT TO:<x@elsewhere.test>").await.starts_with("250"));
    let refusal = "550 5.1.1 Please mail to a valid e-mail address. (RCPT TO:<x@rival.test>) approval filter. '[x@rival.test]' is entry in the blacklist.\r\n";
    assert_eq!(user.say("RCPT TO:<x@rival.test>").await, refusal);
    assert_eq!(user.say("RCPT TO:<y@elsewhere.test>").await, refusal);
    assert_eq!(user.data("Subject: x\r\n\r\nx").await, refusal);
    user.say("RSET").await;
    queued(&user.message("taro@example.jp", &["x@elsewhere.test"], "Subject: x\r\n\r\nx").await);
}
