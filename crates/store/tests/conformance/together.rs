//! Many messages in one statement: copies, moves and expunges by ranges.

use sekisho_store::mail::{self, FlagChange, Flags, Mail};
use sekisho_store::{Error, MailboxId, TxExt, account, mailbox};

use crate::world::{NOW, World};

async fn entries(world: &World, folder: MailboxId) -> Vec<Mail> {
    let read = world.store.read(move |tx| {
        let mut all = Vec::new();
        mail::entries(tx, folder, 1, u32::MAX, &mut |mail| {
            all.push(mail);
            Ok(())
        })?;
        Ok(all)
    });
    read.await.unwrap()
}

/// The INBOX with `count` messages, and another folder of the same account.
async fn folders(world: &World, count: u32) -> (MailboxId, MailboxId) {
    let account = world.people(&["hanako"]).await[0];
    let inbox = world.store.read(move |tx| Ok(account::by_id(tx, account)?.unwrap().inbox)).await.unwrap();
    let other = world.store.write(move |tx| mailbox::create(tx, account, "Other", None, NOW)).await.unwrap();
    for n in 0..count {
        let body = world.body(format!("Subject: {n}\r\n\r\nx\r\n").as_bytes()).await;
        let flags = if n % 3 == 0 { Flags::SEEN } else { Flags::default() };
        world.store.write(move |tx| mail::append(tx, inbox, &body, flags, NOW, NOW)).await.unwrap();
    }
    (inbox, other)
}

pub async fn copies_by_ranges_are_whole(world: &World) {
    let (inbox, other) = folders(world, 12).await;
    // Gaps, a keyword in the middle of a range, and one body that two of the messages share.
    world
        .store
        .write(move |tx| {
            mailbox::keyword(tx, other, "first here")?;
            let bit = mailbox::keyword(tx, inbox, "Work")?;
            mail::set_flags(tx, inbox, &[7], FlagChange::Add(Flags::keyword(bit)), None)?;
            mail::expunge(tx, inbox, &[3, 9], false)?;
            mail::copy(tx, inbox, &[1], inbox, NOW)
        })
        .await
        .unwrap();
    let source = entries(world, inbox).await;
    let all: Vec<u32> = source.iter().map(|mail| mail.uid).collect();
    assert_eq!(all, [1, 2, 4, 5, 6, 7, 8, 10, 11, 12, 13]);
    let (some, everything) = (vec![2, 4, 5, 6, 7, 8, 10], all.clone());
    let distinct = world.store.write(move |tx| mail::copy(tx, inbox, &some, other, NOW)).await.unwrap();
    assert_eq!(distinct.uids, [(2, 1), (4, 2), (5, 3), (6, 4), (7, 5), (8, 6), (10, 7)]);
    let shared = world.store.write(move |tx| mail::copy(tx, inbox, &everything, other, NOW)).await.unwrap();
    assert_eq!(shared.uids, all.iter().copied().zip(8..).collect::<Vec<_>>());
    let (work, target) = world
        .store
        .read(move |tx| Ok((mailbox::keywords(tx, other)?[1].0, mailbox::status(tx, other)?.unwrap())))
        .await
        .unwrap();
    let there = entries(world, other).await;
    for (old, new) in distinct.uids.iter().chain(&shared.uids) {
        let old = source.iter().find(|mail| mail.uid == *old).unwrap();
        let new = there.iter().find(|mail| mail.uid == *new).unwrap();
        assert_eq!((new.content, new.size, new.date), (old.content, old.size, old.date));
        let flags = if old.uid == 7 { Flags::keyword(work).with(Flags(old.flags.0 & 31)) } else { old.flags };
        assert_eq!(new.flags, flags, "{}", old.uid);
    }
    assert_eq!(there.last().unwrap().modseq, target.modseq);
    assert_eq!((target.messages, target.uidnext), (18, 19));

    let moved = world.store.write(move |tx| mail::move_(tx, other, &[1, 2, 3, 5, 18], inbox, NOW)).await.unwrap();
    assert_eq!(moved.uids, [(1, 14), (2, 15), (3, 16), (5, 17), (18, 18)]);
    assert_eq!(entries(world, other).await.len(), 13);
}

pub async fn expunged_bodies_go_when_there_is_time(world: &World) {
    let (inbox, other) = folders(world, 8).await;
    let contents: Vec<_> = entries(world, inbox).await.iter().map(|mail| mail.content).collect();
    let gone = world
        .store
        .write(move |tx| {
            mail::copy(tx, inbox, &[2], other, NOW)?;
            mail::expunge(tx, inbox, &[1, 2, 3, 5, 6], false)
        })
        .await
        .unwrap();
    assert_eq!(gone, [1, 2, 3, 5, 6]);
    let used = world.store.read(|tx| tx.one("SELECT used FROM account", &[], |row| row.int(0))).await.unwrap();
    assert_eq!(used, Some(4 * 17));
    // In steps, and no more than was let go.
    assert_eq!(world.store.collect_garbage(3).await.unwrap(), 3);
    assert_eq!(world.store.collect_garbage(3).await.unwrap(), 2);
    assert_eq!(world.store.collect_garbage(3).await.unwrap(), 0);
    for (at, content) in contents.iter().enumerate() {
        let body = world.store.content(*content).await;
        let stays = matches!(at + 1, 2 | 4 | 7 | 8);
        assert_eq!(body == Err(Error::NotFound("body")), !stays, "{at}: {body:?}");
    }
}

pub async fn what_changes_nothing_writes_nothing(world: &World) {
    let (inbox, _) = folders(world, 4).await;
    let set = |change| world.store.write(move |tx| mail::set_flags(tx, inbox, &[1, 2, 3, 4], change, None));
    let first = set(FlagChange::Add(Flags::FLAGGED)).await.unwrap();
    assert_eq!(first.modseq, first.before + 1);
    let again = set(FlagChange::Add(Flags::FLAGGED)).await.unwrap();
    assert_eq!((again.before, again.modseq), (first.modseq, first.modseq));
    assert_eq!(again.mails, first.mails);
}

pub async fn unheard_changes_are_the_same_changes(world: &World) {
    let (inbox, other) = folders(world, 30).await;
    world
        .store
        .write(move |tx| {
            mail::set_flags(tx, inbox, &[2, 5, 6, 20], FlagChange::Add(Flags::DELETED), None)?;
            mail::expunge(tx, inbox, &[4, 11, 12], false)?;
            let all: Vec<u32> = (1..=30).collect();
            mail::copy(tx, inbox, &all, other, NOW)
        })
        .await
        .unwrap();
    let state = |id| world.store.read(move |tx| Ok(mailbox::status(tx, id)?.unwrap()));
    let both = Flags::SEEN.with(Flags::DELETED);
    let changes = [
        FlagChange::Add(Flags::FLAGGED),
        FlagChange::Add(Flags::FLAGGED),
        FlagChange::Add(both),
        FlagChange::Remove(Flags::SEEN),
        FlagChange::Replace(Flags::ANSWERED),
        FlagChange::Add(Flags::SEEN),
        FlagChange::Remove(both),
    ];
    for (change, ranges) in
        changes.into_iter().zip([[(1, 8), (10, 30)], [(1, 8), (10, 30)], [(2, 2), (9, 17)]].into_iter().cycle())
    {
        // The same messages, one folder by ranges and the other one by one.
        let mapped: Vec<u32> = entries(world, inbox)
            .await
            .iter()
            .zip(entries(world, other).await)
            .filter(|(mail, _)| ranges.iter().any(|(first, last)| (*first..=*last).contains(&mail.uid)))
            .map(|(_, mail)| mail.uid)
            .collect();
        let known = state(inbox).await.unwrap().modseq;
        let set =
            world.store.write(move |tx| mail::set_flags_unheard(tx, inbox, &ranges, change, known)).await.unwrap();
        let heard = world.store.write(move |tx| mail::set_flags(tx, other, &mapped, change, None)).await.unwrap();
        let (before, after) = set.unwrap();
        assert_eq!((before, after - before), (known, heard.modseq - heard.before), "{change:?}");
        let (one, two) = (entries(world, inbox).await, entries(world, other).await);
        for (one, two) in one.iter().zip(&two) {
            assert_eq!(one.flags, two.flags, "{change:?} {}", one.uid);
            assert_eq!(one.modseq == after, two.modseq == heard.modseq, "{change:?} {}", one.uid);
        }
        let (one, two) = (state(inbox).await.unwrap(), state(other).await.unwrap());
        assert_eq!((one.unseen, one.deleted, one.modseq), (two.unseen, two.deleted, after), "{change:?}");
        let first = |mailbox: mailbox::Mailbox| world.store.read(move |tx| Ok(mail::first_unseen(tx, &mailbox)?.0));
        assert_eq!(first(one).await.unwrap().is_some(), first(two).await.unwrap().is_some(), "{change:?}");
        let changed = world.store.read(move |tx| mail::changed_since(tx, inbox, before)).await.unwrap();
        assert_eq!(changed.iter().all(|mail| mail.modseq == after), after > before || changed.is_empty());
    }
    // Somebody else was here.
    let stale = world.store.write(move |tx| mail::set_flags_unheard(tx, inbox, &[(1, 30)], changes[0], 3)).await;
    assert_eq!(stale.unwrap(), None);
    assert!(entries(world, inbox).await.iter().any(|mail| !mail.flags.has(Flags::FLAGGED)));
}
