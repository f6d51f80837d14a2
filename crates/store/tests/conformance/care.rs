//! Check, backup, restore, copy.

use sekisho_store::mail::{self, Flags};
use sekisho_store::{
    Settings, Store, account, alias, backup, check, contact, copy, incident, journal, list, mailbox, profile, queue,
};
use sekisho_testkit::postgres::TempPostgres;

use crate::world::{NOW, World};

/// Something of everything.
async fn furnish(world: &World) {
    let ids = world.people(&["hanako", "taro"]).await;
    let (hanako, large) = (ids[0], world.body(&[b'x'; 100_000]).await);
    let small = world.body(b"Subject: x\r\n\r\nx\r\n").await;
    world
        .store
        .write(move |tx| {
            let inbox = account::by_id(tx, hanako)?.unwrap().inbox;
            let target = sekisho_message::Address::parse("hanako@example.jp").unwrap();
            alias::add(tx, "info@example.jp", &target, NOW)?;
            let team = sekisho_message::Address::parse("team@example.jp").unwrap();
            let id = list::add(tx, &team, &list::ListSettings::default(), NOW)?;
            list::add_member(tx, id, &target, NOW)?;
            mailbox::keyword(tx, inbox, "Work")?;
            for body in [&large, &small] {
                mail::append(tx, inbox, body, Flags::SEEN, NOW, NOW)?;
            }
            mail::append(tx, inbox, &small, Flags::default(), NOW, NOW)?;
            mail::expunge(tx, inbox, &[2], false)?;
            let entry = journal::Entry {
                at: NOW,
                kind: journal::Kind::Notice,
                account: None,
                address: None,
                network: None,
                message: None,
                detail: serde_json::json!("関所"),
            };
            journal::append(tx, &vec![entry; 30])
        })
        .await
        .unwrap();
    while journal::compress_step(&world.store, NOW, 10).await.unwrap() {}
    world.accept(world.message("account:hanako@example.jp", &["c@example.com", "taro@example.jp"]).await).await;
    world.store.write(|tx| queue::hold_origin(tx, "account:hanako@example.jp", "test", NOW)).await.unwrap();
    world
        .store
        .write(|tx| {
            contact::received(tx, 1, 2, NOW)?;
            profile::put(tx, 1, "account:hanako@example.jp", true, 3, b"bytes")?;
            profile::put_site(tx, b"bytes")?;
            let new = incident::NewIncident {
                origin: "account:hanako@example.jp",
                account: None,
                reason: "operator",
                by: "test",
                epoch: None,
                notice: None,
                facts: &serde_json::Value::Null,
            };
            incident::open(tx, &new, NOW)
        })
        .await
        .unwrap();
}

/// What a reader sees of the store.
async fn picture(store: &Store) -> String {
    let report = check::run(store).await.unwrap();
    assert!(report.is_well(), "{:#?}", report.problems);
    let (status, accounts, entries) = store
        .read(|tx| {
            let accounts = account::list(tx, None, "", 10)?;
            let inbox = accounts[0].inbox;
            let mut mails = Vec::new();
            mail::entries(tx, inbox, 1, u32::MAX, &mut |mail| {
                mails.push(mail);
                Ok(())
            })?;
            Ok((queue::status(tx)?, accounts, mails))
        })
        .await
        .unwrap();
    let journal = store.read(|tx| journal::query(tx, &journal::JournalFilter::default(), 0, 100)).await.unwrap();
    let mut bodies = Vec::new();
    for mail in &entries {
        bodies.push(store.content(mail.content).await.unwrap().len());
    }
    format!("{:?} {:?} {status:?} {accounts:?} {entries:?} {bodies:?} {journal:?}", report.rows, report.hashed)
}

pub async fn check_finds_damage(world: &World) {
    furnish(world).await;
    let report = check::run(&world.store).await.unwrap();
    assert!(report.is_well(), "{:#?}", report.problems);
    assert!(report.hashed >= 3);
    let damage = [
        (
            "UPDATE content SET refs = refs + 1 WHERE id = 1",
            "UPDATE content SET refs = refs - 1 WHERE id = 1",
            "miscounted",
        ),
        ("UPDATE content SET size = size + 1", "UPDATE content SET size = size - 1", "hash"),
        ("UPDATE account SET used = used + 1", "UPDATE account SET used = used - 1", "usage"),
        ("UPDATE mailbox SET unseen = unseen + 1", "UPDATE mailbox SET unseen = unseen - 1", "counters"),
        ("UPDATE epoch SET r2 = r2 + 1", "UPDATE epoch SET r2 = r2 - 1", "counters"),
        ("UPDATE message SET p0 = p0 + 1", "UPDATE message SET p0 = p0 - 1", "miscounted"),
        ("UPDATE recipient SET lane = lane + 100", "UPDATE recipient SET lane = lane - 100", "lane"),
        ("UPDATE mail SET mailbox = mailbox + 100", "UPDATE mail SET mailbox = mailbox - 100", "folder"),
    ];
    for (break_it, mend_it, words) in damage {
        world.store.write(move |tx| tx.execute(break_it, &[])).await.unwrap();
        let report = check::run(&world.store).await.unwrap();
        let found = report.problems.iter().any(|text| text.en.contains(words));
        assert!(found, "{break_it}: {:#?}", report.problems);
        assert!(report.problems.iter().all(|text| !text.ja.is_ascii()));
        world.store.write(move |tx| tx.execute(mend_it, &[])).await.unwrap();
    }
    // A body file that somebody changed, and one that is gone.
    let name = world.store.read(|tx| {
        sekisho_store::TxExt::one(tx, "SELECT file FROM content WHERE file IS NOT NULL", &[], |row| {
            Ok(row.text(0)?.to_owned())
        })
    });
    let file = world.folder.join("blobs").join(name.await.unwrap().unwrap());
    let right = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"something else").unwrap();
    assert!(check::run(&world.store).await.unwrap().problems[0].en.contains("hash"));
    std::fs::remove_file(&file).unwrap();
    assert!(check::run(&world.store).await.unwrap().problems[0].en.contains("cannot be read"));
    std::fs::write(&file, right).unwrap();
    let stray = file.with_extension("stray");
    std::fs::write(&stray, b"a leftover").unwrap();
    let report = check::run(&world.store).await.unwrap();
    assert!(report.is_well());
    assert_eq!(report.unused_files, 1);
    std::fs::remove_file(stray).unwrap();
}

pub async fn backup_and_restore(world: &World) {
    furnish(world).await;
    let before = picture(&world.store).await;
    let folder = world.folder.join("backup");
    // The server goes on writing meanwhile.
    let store = world.store.clone();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let body = world.body(b"later").await;
    let writing = std::thread::spawn(move || {
        let mut count = 0;
        while stopped.try_recv().is_err() {
            let body = body.clone();
            store
                .write_blocking(move |tx| {
                    let (id, _) = sekisho_store::content::keep(tx, &body)?;
                    sekisho_store::content::release(tx, id, 1)
                })
                .unwrap();
            count += 1;
        }
        count
    });
    let (store, to) = (world.store.clone(), folder.clone());
    let manifest = tokio::task::spawn_blocking(move || backup::backup(&store, &to, NOW)).await.unwrap().unwrap();
    stop.send(()).unwrap();
    assert!(writing.join().unwrap() > 0);
    assert_eq!((manifest.files, manifest.made), (1, NOW));
    let again = backup::backup(&world.store, &folder, NOW);
    assert!(matches!(again, Err(sekisho_store::Error::Conflict(_))));

    let url = if world.is_postgres() {
        TempPostgres::database().unwrap()
    } else {
        format!("sqlite:{}", world.folder.join("restored/store.db").display())
    };
    let settings = Settings { url, blobs: world.folder.join("restored/blobs"), node: "one".into() };
    let (from, to) = (folder.clone(), settings.clone());
    tokio::task::spawn_blocking(move || backup::restore(&from, &to)).await.unwrap().unwrap();
    let restored = Store::open(&settings).unwrap();
    assert_eq!(picture(&restored).await, before);
    // Life goes on: the engine's counting does not collide with what was restored.
    restored
        .write(|tx| {
            let id = account::get(tx, "taro@example.jp")?.unwrap().id;
            mailbox::create(tx, id, "New", None, NOW)
        })
        .await
        .unwrap();
    let (from, to) = (folder.clone(), settings.clone());
    let twice = tokio::task::spawn_blocking(move || backup::restore(&from, &to)).await.unwrap();
    assert!(matches!(twice, Err(sekisho_store::Error::Conflict(_))), "{twice:?}");
    restored.close().await;
    std::fs::remove_file(folder.join("backup.json")).unwrap();
    let (from, to) = (folder, world.settings("one"));
    let incomplete = tokio::task::spawn_blocking(move || backup::restore(&from, &to)).await.unwrap();
    assert!(matches!(incomplete, Err(sekisho_store::Error::Conflict(_))), "{incomplete:?}");
}

pub async fn copying_to_the_other_engine(world: &World) {
    furnish(world).await;
    let before = picture(&world.store).await;
    let url = if world.is_postgres() {
        format!("sqlite:{}", world.folder.join("copy.db").display())
    } else {
        TempPostgres::database().unwrap()
    };
    let target = Store::open(&Settings { url, blobs: world.folder.join("copied"), node: "one".into() }).unwrap();
    let (from, to) = (world.store.clone(), target.clone());
    let copied = tokio::task::spawn_blocking(move || {
        let mut heard = Vec::new();
        let copied = copy::copy(&from, &to, &mut |table, rows| heard.push((table.to_owned(), rows)));
        (copied, heard)
    });
    let (copied, heard) = copied.await.unwrap();
    let copied = copied.unwrap();
    assert_eq!(copied.files, 1);
    assert!(heard.iter().any(|(table, rows)| table == "mail" && *rows == 2));
    assert_eq!(picture(&target).await, before);
    // Not into a store that has something already; and the copy is one to go on with.
    let (from, to) = (world.store.clone(), target.clone());
    let twice = tokio::task::spawn_blocking(move || copy::copy(&from, &to, &mut |_, _| {})).await.unwrap();
    assert!(matches!(twice, Err(sekisho_store::Error::Conflict(_))));
    let id = world.store.next_message_id();
    assert!(target.next_message_id() > id || id.0 > 0);
    target
        .write(|tx| {
            let person = crate::world::person("jiro@example.jp");
            account::add(tx, &person, NOW)
        })
        .await
        .unwrap();
    target.close().await;
}
