//! No room: nothing acknowledged is lost, the caller hears [`Error::Full`], and life goes on when room returns.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sekisho_store::{Body, Error, Settings, Store, TxExt, check, content};
use sekisho_testkit::tempdir::TempDir;

/// Lets the database grow to `pages` more pages than it has. SQLite refuses the next as it does on a full disk.
fn allow(store: &Store, pages: i64) {
    let limited = store.write_blocking(move |tx| {
        let have = tx.one("PRAGMA page_count", &[], |row| row.int(0))?.unwrap();
        let most = have.saturating_add(pages).min(1_000_000_000);
        tx.one(&format!("PRAGMA max_page_count = {most}"), &[], |row| row.int(0))
    });
    limited.unwrap();
}

fn body(store: &Store, octet: u8) -> Body {
    let mut staging = store.stage();
    staging.write(&[octet; 10_000]).unwrap();
    Body::New(staging.finish_blocking().unwrap())
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let folder = TempDir::new("full").unwrap();
    let store = Store::open(&Settings {
        url: format!("sqlite:{}", folder.join("store.db").display()),
        blobs: folder.join("blobs"),
        node: "one".into(),
    })
    .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    allow(&store, 100);
    let (mut kept, mut refused) = (Vec::new(), 0);
    runtime.block_on(async {
        // Many at once, so that those that fit and those that do not share commits.
        let mut tasks = Vec::new();
        for octet in 0..200_u8 {
            let (store, body) = (store.clone(), body(&store, octet));
            tasks.push((
                octet,
                tokio::spawn(async move { store.write(move |tx| Ok(content::keep(tx, &body)?.0)).await }),
            ));
        }
        for (octet, task) in tasks {
            match task.await.unwrap() {
                Ok(id) => kept.push((octet, id)),
                Err(Error::Full) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
    });
    assert!(kept.len() > 10 && refused > 10, "{} kept, {refused} refused", kept.len());
    assert!(Error::Full.is_temporary());
    // Reading goes on.
    for (octet, id) in &kept {
        assert_eq!(store.content_blocking(*id).unwrap(), vec![*octet; 10_000]);
    }
    allow(&store, i64::MAX);
    let more = body(&store, 200);
    let id = store.write_blocking(move |tx| Ok(content::keep(tx, &more)?.0)).unwrap();
    kept.push((200, id));
    store.close_blocking();

    let store = Store::open(&Settings {
        url: format!("sqlite:{}", folder.join("store.db").display()),
        blobs: folder.join("blobs"),
        node: "one".into(),
    })
    .unwrap();
    let count = store.read_blocking(|tx| tx.one("SELECT COUNT(*) FROM content", &[], |row| row.count(0))).unwrap();
    assert_eq!(count, Some(kept.len() as u64));
    for (octet, id) in kept {
        assert_eq!(store.content_blocking(id).unwrap(), vec![octet; 10_000]);
        store.write_blocking(move |tx| content::release(tx, id, 1)).unwrap();
    }
    let report = runtime.block_on(check::run(&store)).unwrap();
    assert!(report.is_well(), "{:#?}", report.problems);
    store.close_blocking();
}

#[test]
fn a_full_disk_under_a_body_file_is_full_too() {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    assert_eq!(Error::from(full), Error::Full);
    let quota = std::io::Error::from(std::io::ErrorKind::QuotaExceeded);
    assert_eq!(Error::from(quota), Error::Full);
}
