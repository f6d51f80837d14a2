//! Folders and what is in them.

use sekisho_store::mail::{self, Delivery, FlagChange, Flags, Mail};
use sekisho_store::{AccountId, Error, MailboxId, TxExt, account, content, mailbox};

use crate::world::{NOW, World, later};

async fn inbox(world: &World, account: AccountId) -> MailboxId {
    world.store.read(move |tx| Ok(account::by_id(tx, account)?.unwrap().inbox)).await.unwrap()
}

async fn append(world: &World, folder: MailboxId, flags: Flags) -> u32 {
    let body = world.body(b"Subject: x\r\n\r\nx\r\n").await;
    world.store.write(move |tx| mail::append(tx, folder, &body, flags, NOW, NOW)).await.unwrap().uid
}

async fn entries(world: &World, folder: MailboxId) -> Vec<Mail> {
    world
        .store
        .read(move |tx| {
            let mut all = Vec::new();
            mail::entries(tx, folder, 1, u32::MAX, &mut |mail| {
                all.push(mail);
                Ok(())
            })?;
            Ok(all)
        })
        .await
        .unwrap()
}

fn uids(mails: &[Mail]) -> Vec<u32> {
    mails.iter().map(|mail| mail.uid).collect()
}

async fn folder(world: &World, id: MailboxId) -> mailbox::Mailbox {
    world.store.read(move |tx| mailbox::status(tx, id)).await.unwrap().unwrap()
}

async fn make(world: &World, account: AccountId, name: &'static str) -> MailboxId {
    world.store.write(move |tx| mailbox::create(tx, account, name, None, NOW)).await.unwrap()
}

pub async fn folders_are_made_renamed_and_deleted(world: &World) {
    let account = world.people(&["hanako"]).await[0];
    let names = || async {
        let all = world.store.read(move |tx| mailbox::list(tx, account)).await.unwrap();
        all.into_iter().map(|one| one.name).filter(|name| name != "Drafts" && name != "Junk").collect::<Vec<_>>()
    };
    let deep = make(world, account, "仕事/2026/一月").await;
    assert_eq!(names().await, ["INBOX", "Sent", "Trash", "仕事", "仕事/2026", "仕事/2026/一月"]);
    for bad in ["仕事/2026", "inbox", "", "/a", "a//b", "a/", "bad\u{7}"] {
        let made = world.store.write(move |tx| mailbox::create(tx, account, bad, None, NOW)).await;
        assert!(matches!(made, Err(Error::Conflict(_))), "{bad}: {made:?}");
    }
    append(world, deep, Flags::default()).await;
    world.store.write(move |tx| mailbox::rename(tx, account, "仕事", "Work/Old", NOW)).await.unwrap();
    assert_eq!(names().await, ["INBOX", "Sent", "Trash", "Work", "Work/Old", "Work/Old/2026", "Work/Old/2026/一月"]);
    let below = world.store.write(move |tx| mailbox::rename(tx, account, "Work", "Work/Old/Work", NOW)).await;
    assert!(matches!(below, Err(Error::Conflict(_))));
    let taken = world.store.write(move |tx| mailbox::rename(tx, account, "Work", "Sent", NOW)).await;
    assert!(matches!(taken, Err(Error::Conflict(_))));

    // INBOX keeps its name.
    let kept = world.store.write(move |tx| mailbox::rename(tx, account, "Inbox", "Archive", NOW)).await;
    assert!(matches!(kept, Err(Error::Conflict(_))));
    let archive = make(world, account, "Archive").await;
    append(world, archive, Flags::default()).await;
    let before = folder(world, archive).await;
    // A name that only has folders below it can be renamed too.
    world.store.write(move |tx| mailbox::delete(tx, account, "Work/Old")).await.unwrap();
    let renamed = world.store.write(move |tx| mailbox::rename(tx, account, "Work/Old", "Work/New", NOW)).await.unwrap();
    let renamed: Vec<_> = renamed.iter().map(|(folder, old)| (old.as_str(), folder.name.as_str())).collect();
    let expected = [("Work/Old/2026", "Work/New/2026"), ("Work/Old/2026/一月", "Work/New/2026/一月")];
    assert_eq!(renamed, expected);
    let nothing = world.store.write(move |tx| mailbox::rename(tx, account, "Work/Old", "X", NOW)).await;
    assert_eq!(nothing, Err(Error::NotFound("folder")));

    let used = world.store.read(move |tx| account::usage(tx, account)).await.unwrap();
    assert_eq!(used.messages, 2);
    let deleted = world.store.write(move |tx| mailbox::delete(tx, account, "Archive")).await.unwrap();
    assert_eq!(deleted, archive);
    let left = world.store.read(move |tx| account::usage(tx, account)).await.unwrap();
    assert_eq!((left.messages, left.used), (1, used.used / 2));
    let append_to_gone = world.body(b"x").await;
    let gone =
        world.store.write(move |tx| mail::append(tx, deleted, &append_to_gone, Flags::default(), NOW, NOW)).await;
    assert_eq!(gone, Err(Error::NotFound("folder")));
    let inbox_stays = world.store.write(move |tx| mailbox::delete(tx, account, "INBOX")).await;
    assert!(matches!(inbox_stays, Err(Error::Conflict(_))));
    while world.store.write(mailbox::delete_step).await.unwrap() {}
    let left = world.store.read(|tx| tx.one("SELECT COUNT(*) FROM mail", &[], |row| row.int(0))).await.unwrap();
    assert_eq!(left, Some(1));

    // A folder of the same name is another folder.
    let again = make(world, account, "Archive").await;
    assert!(folder(world, again).await.uidvalidity > before.uidvalidity);
}

pub async fn appending_and_flags(world: &World) {
    let account = world.people(&["hanako"]).await[0];
    let inbox = inbox(world, account).await;
    for n in 1..=5 {
        let flags = if n == 2 { Flags::SEEN } else { Flags::default() };
        assert_eq!(append(world, inbox, flags).await, n);
    }
    let state = folder(world, inbox).await;
    assert_eq!((state.messages, state.unseen, state.uidnext, state.size), (5, 4, 6, 5 * 17));
    assert_eq!(world.store.write(move |tx| mailbox::take_recent(tx, inbox)).await.unwrap(), 1);
    assert_eq!(world.store.write(move |tx| mailbox::take_recent(tx, inbox)).await.unwrap(), 6);

    let set = |uids: &'static [u32], change, unchanged| {
        world.store.write(move |tx| mail::set_flags(tx, inbox, uids, change, unchanged))
    };
    let done = set(&[5, 1, 2, 9], FlagChange::Add(Flags::SEEN), None).await.unwrap();
    assert_eq!(uids(&done.mails), [1, 2, 5]);
    assert_eq!(done.modseq, state.modseq + 1);
    // The one that was seen already did not change.
    let modseqs: Vec<u64> = done.mails.iter().map(|mail| mail.modseq).collect();
    assert_eq!([modseqs[0], modseqs[2]], [done.modseq; 2]);
    assert!(modseqs[1] < done.modseq);
    assert_eq!(folder(world, inbox).await.unseen, 2);
    // Nothing to do changes nothing.
    let idle = set(&[1, 2], FlagChange::Add(Flags::SEEN), None).await.unwrap();
    assert_eq!(idle.modseq, done.modseq);
    let refused = set(&[1, 3], FlagChange::Add(Flags::DELETED), Some(state.modseq)).await.unwrap();
    assert_eq!((uids(&refused.mails), refused.modified), (vec![3], vec![1]));
    set(&[1, 2, 3, 4, 5], FlagChange::Replace(Flags::FLAGGED.with(Flags::DELETED)), None).await.unwrap();
    set(&[2, 3], FlagChange::Remove(Flags::DELETED), None).await.unwrap();
    let state = folder(world, inbox).await;
    assert_eq!((state.unseen, state.deleted), (5, 3));
    let flags: Vec<i64> = entries(world, inbox).await.iter().map(|mail| mail.flags.0).collect();
    assert_eq!(flags, [12, 4, 4, 12, 12]);
}

pub async fn expunging_and_what_vanished(world: &World) {
    let account = world.people(&["hanako"]).await[0];
    let inbox = inbox(world, account).await;
    for _ in 0..10 {
        append(world, inbox, Flags::default()).await;
    }
    let start = folder(world, inbox).await.modseq;
    let gone = world.store.write(move |tx| mail::expunge(tx, inbox, &[4, 2, 3, 99], false)).await.unwrap();
    assert_eq!(gone, [2, 3, 4]);
    world
        .store
        .write(move |tx| mail::set_flags(tx, inbox, &[7, 9], FlagChange::Add(Flags::DELETED), None))
        .await
        .unwrap();
    let gone = world.store.write(move |tx| mail::expunge(tx, inbox, &[6, 7, 8, 9], true)).await.unwrap();
    assert_eq!(gone, [7, 9]);
    let vanished = |since| world.store.read(move |tx| mail::vanished_since(tx, inbox, since));
    let all = vanished(start).await.unwrap();
    assert!(all.complete);
    assert_eq!(all.ranges, [(2, 4), (7, 7), (9, 9)]);
    assert_eq!(vanished(start + 1).await.unwrap().ranges, [(7, 7), (9, 9)]);
    assert!(!vanished(0).await.unwrap().complete);
    assert_eq!(uids(&entries(world, inbox).await), [1, 5, 6, 8, 10]);
    let state = folder(world, inbox).await;
    assert_eq!((state.messages, state.deleted, state.uidnext), (5, 0, 11));
    assert_eq!(world.store.read(move |tx| account::usage(tx, account)).await.unwrap().used, 5 * 17);
    world.store.collect_garbage(10).await.unwrap();
    let bodies = world.store.read(|tx| tx.one("SELECT COUNT(*) FROM content", &[], |row| row.int(0))).await.unwrap();
    assert_eq!(bodies, Some(5));
    // Nothing to expunge is no change.
    let none = world.store.write(move |tx| mail::expunge(tx, inbox, &[1, 5], true)).await.unwrap();
    assert!(none.is_empty());
    assert_eq!(folder(world, inbox).await.modseq, state.modseq);
}

pub async fn changes_are_found_by_modseq(world: &World) {
    let account = world.people(&["hanako"]).await[0];
    let inbox = inbox(world, account).await;
    for _ in 0..40 {
        append(world, inbox, Flags::default()).await;
    }
    let since = folder(world, inbox).await.modseq;
    let changed = |since| world.store.read(move |tx| mail::changed_since(tx, inbox, since));
    assert!(changed(since).await.unwrap().is_empty());
    // Scattered flags (more ranges than the history keeps apart), a message that changes twice, and new ones.
    let odd: Vec<u32> = (1..40).step_by(2).collect();
    let odd_ones = odd.clone();
    world
        .store
        .write(move |tx| {
            mail::set_flags(tx, inbox, &odd_ones, FlagChange::Add(Flags::SEEN), None)?;
            mail::set_flags(tx, inbox, &[1], FlagChange::Add(Flags::FLAGGED), None)?;
            mail::expunge(tx, inbox, &[40], false)
        })
        .await
        .unwrap();
    append(world, inbox, Flags::default()).await;
    append(world, inbox, Flags::default()).await;
    let mut expected = odd.clone();
    expected.extend([41, 42]);
    assert_eq!(uids(&changed(since).await.unwrap()), expected);
    assert_eq!(uids(&changed(since + 1).await.unwrap()), [1, 41, 42]);
    assert_eq!(uids(&changed(since + 3).await.unwrap()), [41, 42]);
    // Asked from before the history began, the answer is the same as reading everything.
    let all = changed(0).await.unwrap();
    assert_eq!(all, entries(world, inbox).await);
    assert_eq!(changed(1).await.unwrap(), all);
}

pub async fn copying_and_moving(world: &World) {
    let ids = world.people(&["hanako", "taro"]).await;
    let inbox_of = [inbox(world, ids[0]).await, inbox(world, ids[1]).await];
    let [from, foreign] = inbox_of;
    let to = make(world, ids[0], "Archive").await;
    for _ in 0..4 {
        append(world, from, Flags::SEEN).await;
    }
    let bit = world
        .store
        .write(move |tx| {
            mailbox::keyword(tx, to, "other")?;
            let bit = mailbox::keyword(tx, from, "$Forwarded")?;
            mail::set_flags(tx, from, &[2], FlagChange::Add(Flags::keyword(bit)), None)?;
            Ok(bit)
        })
        .await
        .unwrap();
    let copied = world.store.write(move |tx| mail::copy(tx, from, &[1, 2, 9], to, NOW)).await.unwrap();
    assert_eq!(copied.uids, [(1, 1), (2, 2)]);
    assert_eq!(copied.uidvalidity, folder(world, to).await.uidvalidity);
    let there = entries(world, to).await;
    assert_ne!(there[1].flags, Flags::SEEN.with(Flags::keyword(bit)));
    let words = world.store.read(move |tx| mailbox::keywords(tx, to)).await.unwrap();
    assert_eq!(words.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["other", "$Forwarded"]);
    assert_eq!(there[1].flags, Flags::SEEN.with(Flags::keyword(words[1].0)));
    assert_eq!((there[0].flags, there[0].date), (Flags::SEEN, NOW));

    let moved = world.store.write(move |tx| mail::move_(tx, from, &[3, 4], to, NOW)).await.unwrap();
    assert_eq!(moved.uids, [(3, 3), (4, 4)]);
    assert_eq!(uids(&entries(world, from).await), [1, 2]);
    let usage = |account| world.store.read(move |tx| account::usage(tx, account));
    assert_eq!(usage(ids[0]).await.unwrap().used, 6 * 17);
    // Into somebody else's folder: the room is theirs.
    world.store.write(move |tx| mail::move_(tx, to, &[3], foreign, NOW)).await.unwrap();
    assert_eq!((usage(ids[0]).await.unwrap().used, usage(ids[1]).await.unwrap().used), (5 * 17, 17));
    // Within one folder both work too.
    let again = world.store.write(move |tx| mail::copy(tx, to, &[1], to, NOW)).await.unwrap();
    assert_eq!(again.uids, [(1, 5)]);
    let again = world.store.write(move |tx| mail::move_(tx, to, &[1], to, NOW)).await.unwrap();
    assert_eq!(again.uids, [(1, 6)]);
    assert_eq!(uids(&entries(world, to).await), [2, 4, 5, 6]);
    let nothing = world.store.write(move |tx| mail::copy(tx, to, &[77], from, NOW)).await.unwrap();
    assert!(nothing.uids.is_empty() && nothing.uidvalidity > 0);
}

pub async fn delivering_to_many(world: &World) {
    let names: Vec<String> = (0..20).map(|n| format!("user{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let accounts = world.people(&names).await;
    let body = world.body(b"Subject: all\r\n\r\nhello\r\n").await;
    let (to, removed) = (accounts.clone(), accounts[3]);
    let (content, outcomes) = world
        .store
        .write(move |tx| {
            account::remove(tx, removed, std::time::Duration::ZERO, NOW)?;
            let (content, size) = content::keep(tx, &body)?;
            let mut to: Vec<AccountId> = to.iter().rev().copied().collect();
            to.push(AccountId(999_999));
            let outcomes = mail::deliver(tx, &to, content, later(1), size)?;
            content::release(tx, content, 1)?;
            Ok((content, outcomes))
        })
        .await
        .unwrap();
    assert_eq!(outcomes.len(), 21);
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(*outcome == Delivery::Gone, n == 16 || n == 20, "{n}");
    }
    let bodies =
        world.store.read(|tx| tx.all("SELECT id, refs FROM content", &[], |row| Ok((row.int(0)?, row.int(1)?))));
    assert_eq!(bodies.await.unwrap(), [(content.0, 19)]);
    let mails = entries(world, inbox(world, accounts[0]).await).await;
    assert_eq!((mails[0].content, mails[0].date, mails[0].flags), (content, later(1), Flags::default()));
}

pub async fn quota_is_kept(world: &World) {
    let account = world.people(&["hanako"]).await[0];
    let inbox = inbox(world, account).await;
    world.store.write(move |tx| account::set_quota(tx, account, Some(40))).await.unwrap();
    append(world, inbox, Flags::default()).await;
    append(world, inbox, Flags::default()).await;
    let body = world.body(b"Subject: x\r\n\r\nx\r\n").await;
    let full = world.store.write(move |tx| mail::append(tx, inbox, &body, Flags::default(), NOW, NOW)).await;
    assert_eq!(full, Err(Error::OverQuota));
    let body = world.body(b"Subject: x\r\n\r\nx\r\n").await;
    let outcomes = world.store.write(move |tx| {
        let (content, size) = content::keep(tx, &body)?;
        let outcomes = mail::deliver(tx, &[account], content, NOW, size)?;
        content::release(tx, content, 1)?;
        Ok(outcomes)
    });
    assert_eq!(outcomes.await.unwrap(), [Delivery::OverQuota]);
    let copied = world.store.write(move |tx| mail::copy(tx, inbox, &[1], inbox, NOW)).await;
    assert_eq!(copied, Err(Error::OverQuota));
    world.store.write(move |tx| mail::expunge(tx, inbox, &[1], false)).await.unwrap();
    append(world, inbox, Flags::default()).await;
    assert_eq!(world.store.read(move |tx| account::usage(tx, account)).await.unwrap().used, 34);
}

pub async fn keywords(world: &World) {
    let account = world.people(&["hanako"]).await[0];
    let inbox = inbox(world, account).await;
    let bits = world
        .store
        .write(move |tx| {
            let mut bits = Vec::new();
            for name in ["Work", "work", "Home"] {
                bits.push(mailbox::keyword(tx, inbox, name)?);
            }
            Ok(bits)
        })
        .await
        .unwrap();
    assert_eq!(bits[0], bits[1]);
    assert_ne!(bits[0], bits[2]);
    assert!(!Flags::SYSTEM.has(Flags::keyword(bits[0])));
    let filled = world
        .store
        .write(move |tx| {
            for n in 0..mailbox::MOST_KEYWORDS - 2 {
                mailbox::keyword(tx, inbox, &format!("k{n}"))?;
            }
            Ok(mailbox::keywords(tx, inbox)?.len())
        })
        .await
        .unwrap();
    assert_eq!(filled, mailbox::MOST_KEYWORDS);
    let one_more = world.store.write(move |tx| mailbox::keyword(tx, inbox, "one more")).await;
    assert!(matches!(one_more, Err(Error::Conflict(_))));
    assert_eq!(world.store.write(move |tx| mailbox::keyword(tx, inbox, "WORK")).await.unwrap(), bits[0]);
}
