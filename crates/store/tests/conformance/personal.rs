//! Accounts' own rules, and marks of what was imported.

use std::time::Duration;

use sekisho_store::personal::{self, AutoReply, Forward};
use sekisho_store::{Error, account, imported};

use crate::world::{NOW, World};

pub async fn rules_are_kept_and_go_with_the_account(world: &World) {
    let taro = world.people(&["taro"]).await[0];
    let store = &world.store;
    let forward = Forward { to: vec!["a@example.com".into()], keep: true, permit: vec!["*@example.net".into()] };
    let reply = AutoReply { subject: String::new(), text: "休み".into(), days: 7, except: vec![] };
    let (wanted, said) = (forward.clone(), reply.clone());
    store
        .write(move |tx| {
            personal::set_forward(tx, taro, Some(&wanted))?;
            personal::set_reply(tx, taro, Some(&said))?;
            personal::set_filter(tx, taro, Some("Virus:x"))?;
            personal::set_hours(tx, taro, Some("08:00-19:00"))
        })
        .await
        .unwrap();
    let found = store.read(move |tx| account::by_id(tx, taro)).await.unwrap().unwrap();
    assert_eq!(found.personal.forward, Some(forward));
    assert_eq!(found.personal.reply, Some(reply));
    assert_eq!(found.personal.mail_dat.as_deref(), Some("Virus:x"));
    assert_eq!(found.personal.send_hours.as_deref(), Some("08:00-19:00"));
    assert!(personal::is_in_force(&found));
    let nobody = sekisho_store::AccountId(99_999);
    let unknown = store.write(move |tx| personal::set_forward(tx, nobody, None)).await;
    assert_eq!(unknown, Err(Error::NotFound("account")));

    store
        .write(move |tx| {
            for n in 0..1_500_u32 {
                imported::mark(tx, taro, &imported::item(&n.to_be_bytes()))?;
            }
            account::remove(tx, taro, Duration::ZERO, NOW)
        })
        .await
        .unwrap();
    let mut steps = 0;
    while store.write(|tx| account::purge_removed(tx, NOW)).await.unwrap() {
        steps += 1;
        assert!(steps < 20, "purging does not end");
    }
    assert!(store.read(move |tx| account::by_id(tx, taro)).await.unwrap().is_none());
    let left = store.read(move |tx| imported::known(tx, taro, &[imported::item(&1_u32.to_be_bytes())])).await.unwrap();
    assert!(left.is_empty());
}

pub async fn replies_go_once_and_not_without_end(world: &World) {
    let taro = world.people(&["taro"]).await[0];
    let store = &world.store;
    let day = Duration::from_secs(86_400);
    let asked = async |sender: &str, now| {
        let sender = sender.to_owned();
        store.write(move |tx| personal::may_reply(tx, taro, &sender, 7, now)).await.unwrap()
    };
    assert!(asked("a@example.com", NOW).await);
    assert!(!asked("a@example.com", NOW + day * 6).await);
    assert!(asked("b@example.com", NOW).await);
    assert!(asked("a@example.com", NOW + day * 8).await);
    let flood = store
        .write(move |tx| {
            let mut sent = 0;
            for n in 0..personal::REPLIES_A_DAY + 50 {
                sent += u64::from(personal::may_reply(tx, taro, &format!("{n}@example.com"), 7, NOW + day * 20)?);
            }
            Ok(sent)
        })
        .await
        .unwrap();
    assert_eq!(flood, personal::REPLIES_A_DAY);
    store.write(move |tx| personal::set_reply(tx, taro, None)).await.unwrap();
    assert!(asked("a@example.com", NOW + day * 8).await, "forgotten with the rule");
    assert!(!store.write(move |tx| personal::expire_replied(tx, NOW + day * 30)).await.unwrap());
    assert!(asked("a@example.com", NOW + day * 8).await, "forgotten with time");
}

pub async fn marks_are_set_once(world: &World) {
    let ids = world.people(&["hanako", "taro"]).await;
    let (hanako, taro) = (ids[0], ids[1]);
    let items: Vec<imported::Item> = (0..200_u32).map(|n| imported::item(&n.to_be_bytes())).collect();
    let half: Vec<imported::Item> = items[..100].to_vec();
    let first = world
        .store
        .write(move |tx| half.iter().map(|item| imported::mark(tx, taro, item)).collect::<Result<Vec<_>, _>>())
        .await
        .unwrap();
    assert!(first.iter().all(|new| *new));
    let again = items[0];
    assert!(!world.store.write(move |tx| imported::mark(tx, taro, &again)).await.unwrap());
    assert!(world.store.write(move |tx| imported::mark(tx, hanako, &again)).await.unwrap(), "each account has its own");
    let known = world.store.read(move |tx| imported::known(tx, taro, &items)).await.unwrap();
    assert_eq!(known.len(), 100);
}
