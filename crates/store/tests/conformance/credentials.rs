//! App passwords, and passwords that can be read.

use std::time::Duration;

use sekisho_store::app_password::{self, NewAppPassword, Use};
use sekisho_store::{account, recoverable};

use crate::world::{NOW, World};

pub async fn app_passwords_are_made_used_and_revoked(world: &World) {
    let ids = world.people(&["hanako", "taro"]).await;
    let (hanako, taro) = (ids[0], ids[1]);
    world
        .store
        .write(move |tx| {
            let new = |account, name, verifier| NewAppPassword {
                account,
                name,
                verifier,
                protocols: "imap4",
                networks: "",
                created_by: "shell:0",
                expires: None,
            };
            let phone = app_password::add(tx, &new(taro, "phone", b"a"), NOW)?;
            app_password::add(tx, &new(taro, "desk", b"b"), NOW)?;
            app_password::add(tx, &new(hanako, "phone", b"a"), NOW)?;
            let names: Vec<_> = app_password::list(tx, taro)?.into_iter().map(|one| one.name).collect();
            assert_eq!(names, ["desk", "phone"]);
            let found = app_password::find(tx, taro, b"a")?.unwrap();
            assert_eq!((found.id, found.created, found.used.clone()), (phone, NOW, None));
            assert_eq!(app_password::named(tx, taro, "phone")?, Some(found));
            assert_eq!(app_password::find(tx, taro, b"c")?, None);
            let used = Use { at: NOW, network: "192.0.2.1".into(), protocol: "imap4".into() };
            app_password::note_use(tx, phone, &used)?;
            assert_eq!(app_password::find(tx, taro, b"a")?.unwrap().used, Some(used));
            Ok(())
        })
        .await
        .unwrap();
    let twice = world.store.write(move |tx| {
        let new = NewAppPassword {
            account: taro,
            name: "phone",
            verifier: b"z",
            protocols: "",
            networks: "",
            created_by: "",
            expires: None,
        };
        app_password::add(tx, &new, NOW)
    });
    assert!(twice.await.is_err(), "two of one name");
    world
        .store
        .write(move |tx| {
            let later = NOW + Duration::from_secs(60);
            let desk = app_password::find(tx, taro, b"b")?.unwrap();
            assert_eq!(app_password::revoke_all(tx, taro, later)?, 2);
            assert_eq!(app_password::revoke_all(tx, taro, later)?, 0);
            assert!(!app_password::stands(tx, desk.id)?);
            assert_eq!(app_password::restore(tx, taro, later + Duration::from_secs(1))?, 0);
            assert_eq!(app_password::restore(tx, taro, later)?, 2);
            assert!(app_password::stands(tx, desk.id)?);
            app_password::remove(tx, desk.id)?;
            assert!(!app_password::stands(tx, desk.id)?);
            account::remove(tx, taro, Duration::ZERO, NOW)?;
            while account::purge_removed(tx, NOW)? {}
            assert_eq!(app_password::list(tx, taro)?, []);
            assert_eq!(app_password::list(tx, hanako)?.len(), 1);
            Ok(())
        })
        .await
        .unwrap();
}

pub async fn recoverable_passwords_belong_to_their_hash(world: &World) {
    let ids = world.people(&["hanako", "taro"]).await;
    let (hanako, taro) = (ids[0], ids[1]);
    world
        .store
        .write(move |tx| {
            assert!(!recoverable::any(tx)?);
            let hash = account::by_id(tx, taro)?.unwrap().password;
            assert!(!recoverable::seal(tx, taro, &hash, b"x")?, "without permission");
            recoverable::set(tx, taro, Some(NOW))?;
            recoverable::set(tx, taro, Some(NOW + Duration::from_secs(1)))?;
            assert!(recoverable::any(tx)?);
            assert!(!recoverable::seal(tx, taro, "another hash", b"x")?);
            assert_eq!(recoverable::accounts(tx, 10)?, [("taro@example.jp".to_owned(), NOW, false)]);
            assert!(recoverable::seal(tx, taro, &hash, b"x")?);
            assert_eq!(recoverable::accounts(tx, 10)?, [("taro@example.jp".to_owned(), NOW, true)]);
            assert_eq!(recoverable::get(tx, taro)?.unwrap().sealed.as_deref(), Some(&b"x"[..]));
            assert_eq!(recoverable::get(tx, hanako)?, None);
            account::set_password(tx, taro, "new", None, false, NOW)?;
            assert_eq!(recoverable::accounts(tx, 10)?, [("taro@example.jp".to_owned(), NOW, false)]);
            recoverable::set(tx, taro, None)?;
            assert!(!recoverable::any(tx)?);
            Ok(())
        })
        .await
        .unwrap();
}
