//! People, their addresses and lists.

use std::time::Duration;

use sekisho_message::{Address, Language};
use sekisho_store::account::{self, Role, State};
use sekisho_store::directory::{self, Resolution};
use sekisho_store::list::{ListSettings, Posting};
use sekisho_store::{Error, TxExt, alias, domain, list, mail, mailbox, meta, switch};

use crate::world::{NOW, World, later, person};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub async fn people_are_added_renamed_and_removed(world: &World) {
    let ids = world.people(&["hanako", "taro"]).await;
    let hanako = ids[0];
    let store = &world.store;
    let found = store.read(|tx| account::get(tx, "hanako@example.jp")).await.unwrap().unwrap();
    assert_eq!((found.id, found.language, found.state, found.used), (hanako, Language::Ja, State::Active, 0));
    let folders = store.read(move |tx| mailbox::list(tx, hanako)).await.unwrap();
    let names: Vec<&str> = folders.iter().map(|folder| folder.name.as_str()).collect();
    assert_eq!(names, ["INBOX", "Drafts", "Junk", "Sent", "Trash"]);
    assert_eq!(found.inbox, folders[0].id);

    let twice = store.write(|tx| account::add(tx, &person("HANAKO@example.jp"), NOW)).await;
    assert!(matches!(twice, Err(Error::Conflict(_))), "{twice:?}");
    let elsewhere = store.write(|tx| account::add(tx, &person("hanako@example.net"), NOW)).await;
    assert_eq!(elsewhere, Err(Error::NotFound("domain")));

    store
        .write(move |tx| {
            account::set_password(tx, hanako, "other", Some("scram"), true, later(5))?;
            account::set_state(tx, hanako, State::Suspended)?;
            account::set_quota(tx, hanako, Some(1_000))?;
            account::set_role(tx, hanako, Role::DomainAdmin)?;
            account::set_person(tx, hanako, "花子", Language::En)?;
            account::set_rules(tx, hanako, Some("*@example.com,true"), None)?;
            account::rename(tx, hanako, &address("Hanako.Yamada@example.jp"))
        })
        .await
        .unwrap();
    let found = store.read(move |tx| account::by_id(tx, hanako)).await.unwrap().unwrap();
    assert_eq!((found.address.as_str(), found.key.as_str()), ("Hanako.Yamada@example.jp", "hanako.yamada@example.jp"));
    assert_eq!((found.password.as_str(), found.scram.as_deref(), found.must_change), ("other", Some("scram"), true));
    assert_eq!((found.state, found.role, found.quota), (State::Suspended, Role::DomainAdmin, Some(1_000)));
    assert_eq!((found.full_name.as_str(), found.password_changed), ("花子", later(5)));
    assert_eq!(found.effect_dat.as_deref(), Some("*@example.com,true"));
    let taken = store.write(move |tx| account::rename(tx, hanako, &address("taro@example.jp"))).await;
    assert!(matches!(taken, Err(Error::Conflict(_))));

    let keys = |accounts: Vec<account::Account>| accounts.into_iter().map(|one| one.key).collect::<Vec<_>>();
    let all = store.read(|tx| account::list(tx, None, "", 10)).await.unwrap();
    let domain = all[0].domain;
    assert_eq!(keys(all), ["hanako.yamada@example.jp", "taro@example.jp"]);
    let rest = store.read(move |tx| account::list(tx, Some(domain), "hanako.yamada@example.jp", 10)).await.unwrap();
    assert_eq!(keys(rest), ["taro@example.jp"]);
    assert_eq!(store.read(account::count).await.unwrap(), 2);
    let busy = store.write(|tx| domain::remove(tx, "example.jp")).await;
    assert!(matches!(busy, Err(Error::Conflict(_))));
}

pub async fn addresses_resolve(world: &World) {
    let ids = world.people(&["hanako", "old"]).await;
    let old = ids[1];
    world
        .store
        .write(move |tx| {
            for (pattern, target) in [
                ("info@example.jp", "hanako@example.jp"),
                ("web*@example.jp", "hanako@example.jp"),
                ("web-shop*@example.jp", "shop@example.net"),
                ("*@example.jp", "rest@example.net"),
            ] {
                alias::add(tx, pattern, &address(target), NOW)?;
            }
            list::add(tx, &address("team@example.jp"), &ListSettings::default(), NOW)?;
            account::remove(tx, old, Duration::from_secs(60), NOW)
        })
        .await
        .unwrap();
    let resolve = |text: &str| {
        let wanted = address(text);
        let store = world.store.clone();
        async move {
            match store.read(move |tx| directory::resolve(tx, &wanted)).await.unwrap() {
                Resolution::Account(account) => format!("account {}", account.key),
                Resolution::Alias { target } => format!("alias {target}"),
                Resolution::List(list) => format!("list {}", list.key),
                Resolution::UnknownUser => "unknown".into(),
                Resolution::NotLocal => "elsewhere".into(),
            }
        }
    };
    for (text, expected) in [
        ("Hanako@EXAMPLE.jp", "account hanako@example.jp"),
        ("info@example.jp", "alias hanako@example.jp"),
        ("INFO@example.jp", "alias hanako@example.jp"),
        ("team@example.jp", "list team@example.jp"),
        ("webmaster@example.jp", "alias hanako@example.jp"),
        ("web-shop-1@example.jp", "alias shop@example.net"),
        ("nobody@example.jp", "alias rest@example.net"),
        ("old@example.jp", "unknown"),
        ("nobody@example.net", "elsewhere"),
    ] {
        assert_eq!(resolve(text).await, expected, "{text}");
    }
    world.store.write(|tx| alias::remove(tx, "*@example.jp")).await.unwrap();
    assert_eq!(resolve("nobody@example.jp").await, "unknown");
    // LIKE characters in a local part are only characters.
    assert_eq!(resolve("w%b@example.jp").await, "unknown");
}

pub async fn aliases_lead_to_their_owner(world: &World) {
    let ids = world.people(&["hanako", "taro"]).await;
    let (hanako, taro) = (ids[0], ids[1]);
    let owns = world
        .store
        .write(move |tx| {
            alias::add(tx, "Info@example.jp", &address("Hanako@example.jp"), NOW)?;
            alias::add(tx, "*@example.jp", &address("hanako@example.jp"), NOW)?;
            let mut owns = Vec::new();
            for text in ["hanako@example.jp", "info@example.jp", "anything@example.jp", "taro@example.jp"] {
                owns.push(directory::owns(tx, hanako, &address(text))?);
            }
            owns.push(directory::owns(tx, taro, &address("info@example.jp"))?);
            Ok(owns)
        })
        .await
        .unwrap();
    assert_eq!(owns, [true, true, false, false, false]);
    let listed = world.store.read(|tx| alias::list(tx, Some("example.jp"))).await.unwrap();
    let patterns: Vec<&str> = listed.iter().map(|one| one.pattern.as_str()).collect();
    assert_eq!(patterns, ["info@example.jp", "*@example.jp"]);
    for bad in ["", "no-at", "@example.jp", "a*b@example.jp*", "x@not.local", "taro@example.jp", "info@example.jp"] {
        let bad_pattern = bad.to_owned();
        let added = world.store.write(move |tx| alias::add(tx, &bad_pattern, &address("a@example.net"), NOW)).await;
        assert!(added.is_err(), "{bad}");
    }
}

pub async fn lists_have_members(world: &World) {
    world.people(&["hanako"]).await;
    let store = &world.store;
    let id = store
        .write(|tx| {
            let settings = ListSettings {
                owner: "hanako@example.jp".into(),
                posting: Posting::Anyone,
                subject_tag: "[team]".into(),
                description: "The team".into(),
            };
            list::add(tx, &address("Team@example.jp"), &settings, NOW)
        })
        .await
        .unwrap();
    let added = store
        .write(move |tx| {
            let mut added = Vec::new();
            for member in ["b@example.com", "A@example.com", "a@EXAMPLE.com", "c@example.com"] {
                added.push(list::add_member(tx, id, &address(member), NOW)?);
            }
            Ok(added)
        })
        .await
        .unwrap();
    assert_eq!(added, [true, true, false, true]);
    let page = store.read(move |tx| list::members(tx, id, "", 2)).await.unwrap();
    assert_eq!(page.iter().map(|one| one.address.as_str()).collect::<Vec<_>>(), ["A@example.com", "b@example.com"]);
    let page = store.read(move |tx| list::members(tx, id, "b@example.com", 2)).await.unwrap();
    assert_eq!(page.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["c@example.com"]);
    let state = store
        .write(move |tx| {
            let removed =
                (list::remove_member(tx, id, "b@example.com")?, list::remove_member(tx, id, "b@example.com")?);
            let mut settings = ListSettings { posting: Posting::Owner, ..ListSettings::default() };
            settings.owner = "hanako@example.jp".into();
            list::settings(tx, id, &settings)?;
            Ok((removed, list::is_member(tx, id, "a@example.com")?, list::get(tx, "team@example.jp")?.unwrap().posting))
        })
        .await
        .unwrap();
    assert_eq!(state, ((true, false), true, Posting::Owner));
    store.write(move |tx| list::remove(tx, id)).await.unwrap();
    assert!(store.read(list::all).await.unwrap().is_empty());
    let gone = store.write(move |tx| list::add_member(tx, id, &address("d@example.com"), NOW)).await;
    assert_eq!(gone, Err(Error::NotFound("list")));
}

pub async fn purging_goes_in_steps(world: &World) {
    let ids = world.people(&["hanako", "taro"]).await;
    let (hanako, taro) = (ids[0], ids[1]);
    let body = world.body(b"Subject: x\r\n\r\nx").await;
    let content = world
        .store
        .write(move |tx| {
            let (content, size) = sekisho_store::content::keep(tx, &body)?;
            for _ in 0..1_200 {
                mail::deliver(tx, &[hanako], content, NOW, size)?;
            }
            mail::deliver(tx, &[taro], content, NOW, size)?;
            sekisho_store::content::release(tx, content, 1)?;
            account::remove(tx, hanako, Duration::from_secs(60), NOW)?;
            Ok(content)
        })
        .await
        .unwrap();
    let purge = |at| world.store.write(move |tx| account::purge_removed(tx, at));
    assert!(!purge(later(59)).await.unwrap());
    world.store.write(move |tx| account::set_state(tx, hanako, State::Active)).await.unwrap();
    assert!(!purge(later(61)).await.unwrap());
    world.store.write(move |tx| account::remove(tx, hanako, Duration::from_secs(60), NOW)).await.unwrap();
    let mut steps = 0;
    while purge(later(60)).await.unwrap() {
        steps += 1;
        assert!(steps < 20);
    }
    assert!(steps >= 4, "{steps}");
    assert_eq!(world.store.read(move |tx| account::by_id(tx, hanako)).await.unwrap(), None);
    let left = world.store.read(|tx| tx.one("SELECT COUNT(*) FROM mail", &[], |row| row.int(0))).await.unwrap();
    assert_eq!(left, Some(1));
    assert_eq!(&world.store.content(content).await.unwrap()[..], b"Subject: x\r\n\r\nx");
}

pub async fn switches_and_settings(world: &World) {
    let store = &world.store;
    assert_eq!(store.read(|tx| switch::paused(tx, "delivery")).await.unwrap(), None);
    assert!(store.write(|tx| switch::set(tx, "delivery", true, "an incident", NOW)).await.unwrap());
    assert!(!store.write(|tx| switch::set(tx, "delivery", true, "again", later(9))).await.unwrap());
    let paused = store.read(|tx| switch::paused(tx, "delivery")).await.unwrap().unwrap();
    assert_eq!((paused.reason.as_str(), paused.since), ("an incident", NOW));
    assert_eq!(store.read(switch::list).await.unwrap(), [paused]);
    assert!(store.write(|tx| switch::set(tx, "delivery", false, "", NOW)).await.unwrap());
    assert!(!store.write(|tx| switch::set(tx, "delivery", false, "", NOW)).await.unwrap());

    store.write(|tx| meta::set(tx, "name", Some("1"))).await.unwrap();
    store.write(|tx| meta::set(tx, "name", Some("2"))).await.unwrap();
    assert_eq!(store.read(|tx| meta::get(tx, "name")).await.unwrap().as_deref(), Some("2"));
    store.write(|tx| meta::set(tx, "name", None)).await.unwrap();
    assert_eq!(store.read(|tx| meta::get(tx, "name")).await.unwrap(), None);
}
