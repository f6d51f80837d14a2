//! What the web console keeps.

use std::time::Duration;

use sekisho_store::console::{self, Answer, NewSession, NewToken, Stage};
use sekisho_store::{account, rules};

use crate::world::{NOW, World, later};

pub async fn sessions_factors_and_tokens(world: &World) {
    let ids = world.people(&["hanako", "taro"]).await;
    let (hanako, taro) = (ids[0], ids[1]);
    let new = move |token: &[u8], account| NewSession {
        token: token.to_vec(),
        account,
        stage: Stage::In,
        until: later(100),
        network: "192.0.2.1".into(),
        agent: "browser".into(),
    };
    world
        .store
        .write(move |tx| {
            for n in 0..25_u8 {
                console::start(tx, &new(&[n], taro), NOW + Duration::from_secs(u64::from(n)))?;
            }
            console::start(tx, &new(b"h", hanako), NOW)?;
            let whose = account::by_id(tx, taro)?.unwrap();
            assert_eq!(console::sessions(tx, &whose, NOW)?.len(), 20, "the oldest went");
            assert!(console::session(tx, &[0], NOW)?.is_none());
            let found = console::session(tx, &[24], NOW)?.unwrap();
            assert_eq!((found.account.id, found.stage, found.tries), (taro, Stage::In, 0));
            assert!(console::session(tx, &[24], later(100))?.is_none(), "over");
            console::touch(tx, &[24], later(500), later(50))?;
            assert_eq!(console::session(tx, &[24], later(100))?.unwrap().seen, later(50));
            assert_eq!((console::wrong_code(tx, &[24])?, console::wrong_code(tx, &[24])?), (1, 2));
            assert_eq!(console::wrong_code(tx, b"none")?, u32::MAX);
            account::set_password(tx, taro, "x", None, false, later(60))?;
            assert!(console::session(tx, &[24], later(100))?.is_none(), "of another password");
            assert_eq!(console::end_others(tx, taro, &[24])?, 19);
            assert!(!console::expire(tx, later(1_000))?);
            assert!(console::session(tx, b"h", NOW)?.is_none());
            Ok(())
        })
        .await
        .unwrap();
    world.store.write(move |tx| factors(tx, taro)).await.unwrap();
    world.store.write(move |tx| tokens(tx, taro)).await.unwrap();
    world
        .store
        .write(move |tx| {
            console::propose_factor(tx, taro, b"s", NOW)?;
            account::remove(tx, taro, Duration::ZERO, NOW)?;
            while account::purge_removed(tx, NOW)? {}
            assert_eq!(console::factor(tx, taro)?, None);
            assert!(console::tokens(tx, taro)?.is_empty());
            Ok(())
        })
        .await
        .unwrap();
}

fn factors(tx: &mut dyn sekisho_store::Tx, taro: sekisho_store::AccountId) -> sekisho_store::Result<()> {
    console::propose_factor(tx, taro, b"one", NOW)?;
    console::propose_factor(tx, taro, b"two", NOW)?;
    assert!(!console::factor(tx, taro)?.unwrap().confirmed);
    console::confirm_factor(tx, taro, 7, &[b"a".to_vec(), b"b".to_vec()])?;
    console::propose_factor(tx, taro, b"three", NOW)?;
    let factor = console::factor(tx, taro)?.unwrap();
    assert_eq!((factor.secret.as_slice(), factor.confirmed, factor.step), (&b"two"[..], true, 7));
    assert!(!console::use_step(tx, taro, 7)? && console::use_step(tx, taro, 8)? && !console::use_step(tx, taro, 8)?);
    assert!(console::use_recovery(tx, taro, b"a")? && !console::use_recovery(tx, taro, b"a")?);
    assert_eq!(console::recovery_left(tx, taro)?, 1);
    assert!(console::remove_factor(tx, taro)? && !console::remove_factor(tx, taro)?);
    assert_eq!(console::recovery_left(tx, taro)?, 0);
    Ok(())
}

fn tokens(tx: &mut dyn sekisho_store::Tx, taro: sekisho_store::AccountId) -> sekisho_store::Result<()> {
    let new = NewToken { account: taro, name: "backup", hash: b"hash", scopes: "read queue", until: later(100) };
    let id = console::token(tx, &new, NOW)?;
    let found = console::use_token(tx, b"hash", NOW)?.unwrap();
    assert_eq!((found.id, found.scopes.as_str(), found.used), (id, "read queue", None));
    console::note_token(tx, id, later(1))?;
    assert_eq!(console::tokens(tx, taro)?[0].used, Some(later(1)));
    assert_eq!(console::use_token(tx, b"hash", later(100))?, None);
    assert_eq!(console::begin(tx, id, "k", b"r", NOW)?, Answer::New);
    assert_eq!(console::begin(tx, id, "k", b"r", NOW)?, Answer::Pending);
    assert_eq!(console::begin(tx, id, "k", b"other", NOW)?, Answer::Other);
    console::answer(tx, id, "k", 200, "{}")?;
    assert_eq!(console::begin(tx, id, "k", b"r", NOW)?, Answer::Given(200, "{}".into()));
    console::forget_answer(tx, id, "k")?;
    assert_eq!(console::begin(tx, id, "k", b"other", NOW)?, Answer::New);
    assert!(!console::expire_answers(tx, later(1))?);
    assert_eq!(console::begin(tx, id, "k", b"other", NOW)?, Answer::New);
    assert!(console::end_token(tx, taro, id)? && !console::end_token(tx, taro, id)?);
    Ok(())
}

pub async fn rule_texts_are_kept(world: &World) {
    world
        .store
        .write(|tx| {
            for n in 0..60 {
                rules::keep(tx, "effect.dat", "", &format!("# {n}\n"), "shell:root", later(n))?;
            }
            rules::keep(tx, "effect.dat", "taro@example.jp", "his", "shell:root", NOW)?;
            let found = rules::versions(tx, "effect.dat", "")?;
            assert_eq!((found.len(), found[0].text.as_str(), found[0].at), (50, "# 59\n", later(59)));
            assert_eq!(rules::versions(tx, "effect.dat", "taro@example.jp")?[0].text, "his");
            assert!(rules::versions(tx, "sender.dat", "")?.is_empty());
            Ok(())
        })
        .await
        .unwrap();
}
