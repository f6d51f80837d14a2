//! What a folder is opened by: gaps between UIDs, the first unseen message; and signatures and headers, which spare
//! reading.

use sekisho_message::Time;
use sekisho_message::search::{Grams, Signature, casemap};
use sekisho_store::mail::{self, FlagChange, Flags};
use sekisho_store::{Error, MailboxId, Store, Tx, index, mailbox};

use crate::world::{NOW, World, later};

async fn inbox(world: &World) -> MailboxId {
    let account = world.people(&["taro"]).await[0];
    world.store.read(move |tx| Ok(mailbox::get(tx, account, "INBOX")?.unwrap().id)).await.unwrap()
}

async fn append(world: &World, folder: MailboxId, text: &str, flags: Flags) -> u32 {
    let body = world.body(text.as_bytes()).await;
    world.store.write(move |tx| Ok(mail::append(tx, folder, &body, flags, NOW, NOW)?.uid)).await.unwrap()
}

async fn ranges(world: &World, folder: MailboxId) -> Vec<(u32, u32)> {
    let read = world.store.read(move |tx| {
        let mailbox = mailbox::status(tx, folder)?.unwrap();
        mailbox::uids(tx, &mailbox)
    });
    read.await.unwrap()
}

async fn expunge(world: &World, folder: MailboxId, uids: &'static [u32]) {
    world.store.write(move |tx| mail::expunge(tx, folder, uids, false)).await.unwrap();
}

pub async fn gaps_tell_what_is_there(world: &World) {
    let folder = inbox(world).await;
    assert_eq!(ranges(world, folder).await, []);
    for _ in 0..10 {
        append(world, folder, "Subject: x\r\n\r\n", Flags::default()).await;
    }
    assert_eq!(ranges(world, folder).await, [(1, 10)]);
    expunge(world, folder, &[3, 7]).await;
    assert_eq!(ranges(world, folder).await, [(1, 2), (4, 6), (8, 10)]);
    expunge(world, folder, &[4, 6]).await;
    assert_eq!(ranges(world, folder).await, [(1, 2), (5, 5), (8, 10)]);
    expunge(world, folder, &[5, 10, 99]).await;
    assert_eq!(ranges(world, folder).await, [(1, 2), (8, 9)]);
    append(world, folder, "Subject: x\r\n\r\n", Flags::default()).await;
    assert_eq!(ranges(world, folder).await, [(1, 2), (8, 9), (11, 11)]);
    expunge(world, folder, &[1, 2, 8, 9]).await;
    assert_eq!(ranges(world, folder).await, [(11, 11)]);
    expunge(world, folder, &[11]).await;
    assert_eq!(ranges(world, folder).await, []);
    append(world, folder, "Subject: x\r\n\r\n", Flags::default()).await;
    assert_eq!(ranges(world, folder).await, [(12, 12)]);
}

async fn first_unseen(world: &World, folder: MailboxId) -> (Option<u32>, u32) {
    let read = world.store.read(move |tx| {
        let mailbox = mailbox::status(tx, folder)?.unwrap();
        mail::first_unseen(tx, &mailbox)
    });
    read.await.unwrap()
}

async fn note(world: &World, folder: MailboxId, first: u32) {
    let write = world.store.write(move |tx| {
        let modseq = mailbox::status(tx, folder)?.unwrap().modseq;
        mail::note_first_unseen(tx, folder, first, modseq)
    });
    write.await.unwrap();
}

pub async fn the_first_unseen_message_is_remembered(world: &World) {
    let folder = inbox(world).await;
    for _ in 0..6 {
        append(world, folder, "Subject: x\r\n\r\n", Flags::SEEN).await;
    }
    assert_eq!(first_unseen(world, folder).await, (None, 1));
    note(world, folder, 7).await;
    append(world, folder, "Subject: x\r\n\r\n", Flags::default()).await;
    assert_eq!(first_unseen(world, folder).await, (Some(7), 7));
    let change = |uid, change| world.store.write(move |tx| mail::set_flags(tx, folder, &[uid], change, None));
    change(4, FlagChange::Remove(Flags::SEEN)).await.unwrap();
    assert_eq!(first_unseen(world, folder).await, (Some(4), 4));
    change(2, FlagChange::Replace(Flags::FLAGGED)).await.unwrap();
    assert_eq!(first_unseen(world, folder).await, (Some(2), 2));
    change(2, FlagChange::Add(Flags::SEEN)).await.unwrap();
    assert_eq!(first_unseen(world, folder).await, (Some(4), 2));
    // What was seen before something changed is not noted.
    let write = world.store.write(move |tx| mail::note_first_unseen(tx, folder, 8, 1));
    write.await.unwrap();
    assert_eq!(first_unseen(world, folder).await, (Some(4), 2));
}

async fn all_steps(store: &Store, now: Time) -> u32 {
    let store = store.clone();
    let work = move || {
        let mut steps = 0;
        while index::step(&store, now).unwrap() {
            steps += 1;
        }
        steps
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn signed(world: &World, folder: MailboxId) -> Vec<(u32, bool, bool)> {
    let read = world.store.read(move |tx: &mut dyn Tx| {
        let mut all = Vec::new();
        let grams = Grams::of(&casemap("東京タワー"));
        mail::signed(tx, folder, 1, u32::MAX, &mut |mail, signature: Option<Signature<'_>>| {
            all.push((mail.uid, signature.is_some(), signature.is_none_or(|signature| signature.may_hold(&grams))));
            Ok(())
        })?;
        Ok(all)
    });
    read.await.unwrap()
}

pub async fn signatures_are_made_in_steps(world: &World) {
    let folder = inbox(world).await;
    assert_eq!(all_steps(&world.store, NOW).await, 0);
    append(world, folder, "Subject: a\r\n\r\n東京タワー\r\n", Flags::default()).await;
    append(world, folder, "Subject: b\r\n\r\nnothing of the kind\r\n", Flags::default()).await;
    assert_eq!(signed(world, folder).await, [(1, false, true), (2, false, true)]);
    assert_eq!(all_steps(&world.store, NOW).await, 1);
    assert_eq!(signed(world, folder).await, [(1, true, true), (2, true, false)]);
    // The summaries of mail that came without are made as well.
    let content = world.store.read(move |tx| {
        let mut contents = Vec::new();
        mail::entries(tx, folder, 1, 2, &mut |mail| {
            contents.push(mail.content);
            Ok(())
        })?;
        let first = mail::summary(tx, contents[0])?;
        Ok((contents[1], first.is_some(), index::size(tx)?))
    });
    let (content, summarized, (octets, count)) = content.await.unwrap();
    assert!(summarized && octets > 0 && count == 2);
    // New mail is found; a large folder goes in several steps.
    for n in 0..300 {
        append(world, folder, &format!("Subject: {n}\r\n\r\n"), Flags::default()).await;
    }
    assert_eq!(all_steps(&world.store, NOW).await, 2);
    assert_eq!(all_steps(&world.store, NOW).await, 0);
    assert!(signed(world, folder).await.iter().all(|(_, signed, _)| *signed));
    expunge(world, folder, &[2]).await;
    world.store.collect_garbage(10).await.unwrap();
    let left = world.store.read(move |tx| index::signature(tx, content)).await.unwrap();
    assert_eq!(left, None, "the signature goes with the body");
}

pub async fn one_node_makes_signatures(world: &World) {
    let folder = inbox(world).await;
    append(world, folder, "Subject: a\r\n\r\n", Flags::default()).await;
    assert_eq!(all_steps(&world.store, NOW).await, 1);
    if !world.is_postgres() {
        return;
    }
    let other = Store::open(&world.settings("two")).unwrap();
    append(world, folder, "Subject: b\r\n\r\n", Flags::default()).await;
    assert_eq!(all_steps(&other, later(5)).await, 0, "the first node has a lease");
    assert_eq!(all_steps(&other, later(60)).await, 1, "a node that is gone is replaced");
    append(world, folder, "Subject: c\r\n\r\n", Flags::default()).await;
    assert_eq!(all_steps(&world.store, later(61)).await, 0);
    assert_eq!(all_steps(&other, later(62)).await, 1);
    other.close_blocking();
}

pub async fn headers_are_read_alone(world: &World) {
    let folder = inbox(world).await;
    let long: String = (0..3_000).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let cases = [
        ("Subject: a\r\n\r\nbody".to_owned(), "Subject: a\r\n\r\n".to_owned()),
        ("Subject: a\r\n".to_owned(), "Subject: a\r\n".to_owned()),
        ("\r\nbody".to_owned(), "\r\n".to_owned()),
        (format!("{long}\r\nbody"), format!("{long}\r\n")),
        (format!("Subject: a\r\n\r\n{}", "x".repeat(200_000)), "Subject: a\r\n\r\n".to_owned()),
        (format!("{}{long}\r\n{}", long.repeat(9), "x".repeat(90_000)), format!("{}{long}\r\n", long.repeat(9))),
        (format!("S: {}\r\n\r\n", "x".repeat(4_096 - 7)), format!("S: {}\r\n\r\n", "x".repeat(4_096 - 7))),
        (format!("S: {}\r\n\r\nb", "x".repeat(4_096 - 6)), format!("S: {}\r\n\r\n", "x".repeat(4_096 - 6))),
        (long.clone(), long.clone()),
    ];
    for (text, _) in &cases {
        append(world, folder, text, Flags::default()).await;
    }
    let bodies = world.store.bodies();
    let read = world.store.read(move |tx| {
        let mut contents = Vec::new();
        mail::entries(tx, folder, 1, u32::MAX, &mut |mail| {
            contents.push(mail.content);
            Ok(())
        })?;
        let mut headers = Vec::new();
        for content in &contents {
            bodies.header(tx, *content, &mut |header| {
                headers.push(String::from_utf8(header.to_vec()).unwrap());
                Ok(())
            })?;
        }
        let missing = bodies.header(tx, sekisho_store::ContentId(999_999), &mut |_| Ok(()));
        assert!(matches!(missing, Err(Error::NotFound(_))), "{missing:?}");
        // After a body that is not there the next one is found all the same.
        bodies.header(tx, contents[0], &mut |header| {
            assert_eq!(header, b"Subject: a\r\n\r\n");
            Ok(())
        })?;
        Ok(headers)
    });
    let headers = read.await.unwrap();
    assert_eq!(headers.len(), cases.len());
    for (at, (header, (_, expected))) in headers.iter().zip(&cases).enumerate() {
        assert!(header == expected, "{at}: {} octets for {}", header.len(), expected.len());
    }
}
