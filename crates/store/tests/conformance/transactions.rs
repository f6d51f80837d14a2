//! What a transaction promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sekisho_store::{Error, NEVER, Param, Store, TxExt, Value, meta};

use crate::world::{World, until};

pub async fn a_failure_undoes_itself_alone(world: &World) {
    // Many at once, so that they share commits; every third fails after it wrote.
    let mut tasks = Vec::new();
    for n in 0..300 {
        let store = world.store.clone();
        tasks.push(tokio::spawn(async move {
            let name = format!("n{n}");
            store
                .write(move |tx| {
                    meta::set(tx, &name, Some("set"))?;
                    if n % 3 == 0 { Err(Error::Conflict("on purpose".into())) } else { Ok(n) }
                })
                .await
        }));
    }
    for (n, task) in tasks.into_iter().enumerate() {
        let result = task.await.unwrap();
        assert_eq!(result.is_err(), n % 3 == 0, "{n}: {result:?}");
    }
    for n in 0..300 {
        let name = format!("n{n}");
        let value = world.store.read(move |tx| meta::get(tx, &name)).await.unwrap();
        assert_eq!(value.is_none(), n % 3 == 0, "{n}");
    }
}

pub async fn a_panic_is_an_error(world: &World) {
    let panicked = world
        .store
        .write(|tx| -> sekisho_store::Result<()> {
            meta::set(tx, "panic", Some("half way"))?;
            panic!("on purpose")
        })
        .await;
    assert!(matches!(&panicked, Err(Error::Engine(words)) if words.contains("on purpose")), "{panicked:?}");
    world.store.write(|tx| meta::set(tx, "after", Some("well"))).await.unwrap();
    let found = world.store.read(|tx| Ok((meta::get(tx, "panic")?, meta::get(tx, "after")?))).await.unwrap();
    assert_eq!(found, (None, Some("well".into())));
}

pub async fn reads_are_snapshots(world: &World) {
    let store = world.store.clone();
    let (before, after) = world
        .store
        .read(move |tx| {
            let before = meta::get(tx, "seen")?;
            store.write_blocking(|tx| meta::set(tx, "seen", Some("new")))?;
            Ok((before, meta::get(tx, "seen")?))
        })
        .await
        .unwrap();
    assert_eq!((before, after), (None, None));
    let refused = world.store.read(|tx| meta::set(tx, "seen", Some("by a reader"))).await;
    assert!(refused.is_err());
    assert_eq!(world.store.read(|tx| meta::get(tx, "seen")).await.unwrap().as_deref(), Some("new"));
}

pub async fn values_come_back(world: &World) {
    let found = world
        .store
        .write(|tx| {
            tx.execute(
                "INSERT INTO content (id, refs, size, hash, file) VALUES (?1, ?2, ?3, ?4, ?5)",
                &[
                    1_i64.into(),
                    0_i64.into(),
                    NEVER.into(),
                    [0_u8, 255, 10].as_slice().into(),
                    "関所 \u{1f3ef}'\"".into(),
                ],
            )?;
            let found = tx.one("SELECT size, hash, file, NULL, size > 0 FROM content WHERE id = 1", &[], |row| {
                assert_eq!(row.value(1)?, Value::Blob(&[0, 255, 10]));
                assert!(row.int(1).is_err() && row.text(3).is_err() && row.value(5).is_err());
                assert_eq!(row.opt_blob(3)?, None);
                assert!(row.flag(4)?);
                Ok((row.int(0)?, row.text(2)?.to_owned(), row.opt_int(3)?))
            })?;
            tx.execute("DELETE FROM content WHERE id = ?1", &[Param::Int(1)])?;
            Ok(found.unwrap())
        })
        .await
        .unwrap();
    assert_eq!(found, (NEVER, "関所 \u{1f3ef}'\"".into(), None));
    let wrong = world.store.write(|tx| tx.execute("DELETE FROM meta WHERE name = ?1", &[])).await;
    assert!(wrong.is_err());
    let missing = world.store.read(|tx| tx.all("SELECT nothing FROM nowhere", &[], |_| Ok(()))).await;
    assert!(matches!(missing, Err(Error::Engine(_))), "{missing:?}");
}

pub async fn counters_under_contention(world: &World) {
    let other = Store::open(&world.settings("two"));
    // SQLite has one writer in one process; a second store on the same file only waits for it.
    let stores = [world.store.clone(), other.unwrap()];
    let runs = Arc::new(AtomicU32::new(0));
    let mut tasks = Vec::new();
    for n in 0..100_usize {
        let (store, runs) = (stores[n % 2].clone(), Arc::clone(&runs));
        tasks.push(tokio::spawn(async move {
            store
                .write(move |tx| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    tx.execute("UPDATE counter SET value = value + 1 WHERE name = 'message'", &[])
                })
                .await
        }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), 1);
    }
    let value =
        world.store.read(|tx| tx.one("SELECT value FROM counter WHERE name = 'message'", &[], |row| row.int(0)));
    assert_eq!(value.await.unwrap(), Some(100));
    assert!(runs.load(Ordering::Relaxed) >= 100);
    stores[1].close().await;
}

pub async fn message_ids_are_unique(world: &World) {
    let mut ids = Vec::new();
    for node in ["two", "three"] {
        let store = Store::open(&world.settings(node)).unwrap();
        ids.extend((0..10).map(|_| store.next_message_id()));
        store.close().await;
    }
    // Across several blocks of this node, from several threads at once.
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let store = world.store.clone();
            std::thread::spawn(move || (0..12_000).map(|_| store.next_message_id()).collect::<Vec<_>>())
        })
        .collect();
    for thread in threads {
        ids.extend(thread.join().unwrap());
    }
    let count = ids.len();
    assert!(ids.iter().all(|id| id.0 > 0));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

pub async fn nodes_hear_each_other(world: &World) {
    let mut heard = world.store.notifications();
    if !world.is_postgres() {
        world.store.notify("anything").await.unwrap();
        assert_eq!(heard.try_recv(), Err(tokio::sync::broadcast::error::TryRecvError::Empty));
        return;
    }
    let other = Store::open(&world.settings("two")).unwrap();
    // The first ones may be told before the other listens.
    let told = AtomicU32::new(0);
    let mut at_last = String::new();
    until(|| {
        let n = told.fetch_add(1, Ordering::Relaxed);
        let words = heard.try_recv().unwrap_or_default();
        let hit = words.starts_with("mailbox ");
        if hit {
            at_last = words;
        }
        let other = other.clone();
        async move {
            other.notify(&format!("mailbox {n}")).await.unwrap();
            hit
        }
    })
    .await;
    assert!(at_last.starts_with("mailbox "));
    other.close().await;
}

pub async fn closed_stores_say_so(world: &World) {
    let store = Store::open(&world.settings("two")).unwrap();
    store.write(|tx| meta::set(tx, "last", Some("words"))).await.unwrap();
    store.close().await;
    let write = store.write(|tx| meta::set(tx, "never", Some("written"))).await;
    assert!(matches!(write, Err(Error::Unavailable(_))), "{write:?}");
    let read = store.read(|tx| meta::get(tx, "last")).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    assert_eq!(world.store.read(|tx| meta::get(tx, "last")).await.unwrap().as_deref(), Some("words"));
}
