use std::collections::BTreeMap;

use sekisho_control::command::{AccountCommand, Command, RuleFile};

use super::*;

#[tokio::test]
async fn aliases_are_followed_to_their_end() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    let to = ["first@example.jp", "sales@example.jp", "taro@example.jp"];
    queued(&client.message("a@outside.test", &to, PLAIN).await);
    let queue = site.queue().await;
    let mut addresses: Vec<_> = queue.iter().map(|listed| listed.address.as_str()).collect();
    addresses.sort_unstable();
    assert_eq!(addresses, ["hanako@example.jp", "taro@example.jp"], "each mailbox gets it once");
    client.say("MAIL FROM:<a@outside.test>").await;
    assert_eq!(client.say("RCPT TO:<ring@example.jp>").await, "550 5.4.6 Routing loop\r\n");
}

#[tokio::test]
async fn what_an_alias_forwards_outside_has_the_alias_for_its_origin() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    let id = queued(&client.message("a@outside.test", &["away@example.jp", "taro@example.jp"], PLAIN).await);
    let queue = site.queue().await;
    let by_origin: BTreeMap<_, _> = queue.iter().map(|l| (l.origin.as_str(), l)).collect();
    let forwarded = by_origin["alias:away@example.jp"];
    assert_eq!((forwarded.address.as_str(), forwarded.destination.as_str()), ("taro@elsewhere.test", "elsewhere.test"));
    assert_eq!(by_origin["inbound"].address, "taro@example.jp");
    assert!(queue.iter().any(|listed| listed.message == id));
    assert_ne!(forwarded.message, by_origin["inbound"].message);
    assert_eq!(site.stored(forwarded.message).await, site.stored(by_origin["inbound"].message).await);
    let mut user = Client::user(&site, "hanako@example.jp").await;
    let id = queued(&user.message("hanako@example.jp", &["away@example.jp"], "Subject: x\r\n\r\nx").await);
    let queue = site.queue().await;
    let own = queue.iter().find(|listed| listed.message == id).unwrap();
    assert_eq!(own.origin, "account:hanako@example.jp", "with AUTH the account answers");
}

#[tokio::test]
async fn lists_take_posts_of_members_only() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    let refused = "550 5.7.2 You may not post to this list\r\n";
    assert_eq!(client.message("a@outside.test", &["team@example.jp"], PLAIN).await, refused);
    client.say("RSET").await;
    assert_eq!(client.message("", &["team@example.jp"], PLAIN).await, refused);
    client.say("RSET").await;
    queued(&client.message("guest@outside.test", &["team@example.jp"], PLAIN).await);
    for (login, sender) in [("taro@example.jp", "sales@example.jp"), ("hanako@example.jp", "hanako@example.jp")] {
        let mut user = Client::user(&site, login).await;
        queued(&user.message(sender, &["team@example.jp"], "Subject: x\r\n\r\nx").await);
    }
    let mut admin = Client::user(&site, "admin@example.jp").await;
    assert_eq!(admin.message("admin@example.jp", &["team@example.jp"], PLAIN).await, refused);
    let queue = site.queue().await;
    assert_eq!(queue.len(), 3);
    assert!(queue.iter().all(|l| l.destination == "list:team@example.jp"));
}

#[tokio::test]
async fn an_account_chooses_whom_it_hears() {
    let site = Site::new().await;
    site.account_rules("taro@example.jp", RuleFile::Effect, "friend.test default\n*.*.*.* false\n").await;
    let mut client = Client::stranger(&site).await;
    client.say("MAIL FROM:<a@foe.test>").await;
    let reply = client.say("RCPT TO:<taro@example.jp>").await;
    assert_eq!(reply, "550 5.1.7 Please, mail from a valid IP or Domain address.\r\n");
    assert!(client.say("RCPT TO:<hanako@example.jp>").await.starts_with("250"), "others of the message hear it");
    queued(&client.data(PLAIN).await);
    queued(&client.message("a@friend.test", &["taro@example.jp"], PLAIN).await);
}

#[tokio::test]
async fn a_full_mailbox_is_a_matter_for_later_or_for_ever() {
    for (full_mailbox, expected) in [
        (FullMailbox::TryLater, "452 4.2.2 The mailbox is full, try again later\r\n"),
        (FullMailbox::Refuse, "552 5.2.2 The mailbox is full\r\n"),
    ] {
        let site = Site::with(|settings| settings.full_mailbox = full_mailbox).await;
        let quota = AccountCommand::Quota { address: "taro@example.jp".into(), quota: Some(1_000) };
        site.run(Command::Account(quota)).await;
        let mut client = Client::stranger(&site).await;
        client.say("MAIL FROM:<a@outside.test> SIZE=2000").await;
        assert_eq!(client.say("RCPT TO:<taro@example.jp>").await, expected);
        assert!(client.say("RCPT TO:<hanako@example.jp>").await.starts_with("250"));
        client.say("RSET").await;
        queued(&client.message("a@outside.test", &["taro@example.jp"], PLAIN).await);
    }
}

#[tokio::test]
async fn changes_of_the_directory_count_at_once() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    client.say("MAIL FROM:<a@outside.test>").await;
    assert!(client.say("RCPT TO:<new@example.jp>").await.starts_with("550 5.1.1"));
    site.alias("new@example.jp", "taro@example.jp").await;
    assert!(client.say("RCPT TO:<new@example.jp>").await.starts_with("250"));
}

#[tokio::test]
async fn dsn_parameters_reach_the_queue() {
    let site = Site::new().await;
    let mut client = Client::stranger(&site).await;
    client.say("MAIL FROM:<a@outside.test> RET=HDRS ENVID=QQ+2B1").await;
    client.say("RCPT TO:<sales@example.jp> NOTIFY=SUCCESS,DELAY").await;
    client.say("RCPT TO:<hanako@example.jp> NOTIFY=NEVER ORCPT=rfc822;old@example.jp").await;
    queued(&client.data(PLAIN).await);
    let rows = site
        .control
        .store()
        .read(|tx| {
            use sekisho_store::TxExt as _;
            tx.all("SELECT address, notify, orcpt FROM recipient ORDER BY id", &[], |row| {
                Ok((row.text(0)?.to_owned(), row.int(1)?, row.opt_text(2)?.map(str::to_owned)))
            })
        })
        .await
        .unwrap();
    let expected = [
        ("taro@example.jp".to_owned(), 10, Some("rfc822;sales@example.jp".to_owned())),
        ("hanako@example.jp".to_owned(), 1, Some("rfc822;old@example.jp".to_owned())),
    ];
    assert_eq!(rows, expected);
}
