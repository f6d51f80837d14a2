//! Subscriptions, rights, annotations and what is computed from bodies.

use sekisho_store::acl::{self, Rights, Who};
use sekisho_store::annotation::{self, Place, Scope};
use sekisho_store::digest::{self, Digest};
use sekisho_store::mail::{self, Flags};
use sekisho_store::{Error, account, mailbox};

use crate::world::{NOW, World, later};

pub async fn subscriptions_are_names(world: &World) {
    let account = world.people(&["hanako"]).await[0];
    let names = || async { world.store.read(move |tx| mailbox::subscriptions(tx, account)).await.unwrap() };
    let set = |name: &'static str, on| world.store.write(move |tx| mailbox::subscribe(tx, account, name, on));
    assert_eq!(names().await.into_iter().collect::<Vec<_>>(), ["Drafts", "INBOX", "Junk", "Sent", "Trash"]);
    assert!(set("inbox", false).await.unwrap() && !set("INBOX", false).await.unwrap());
    assert!(set("Nothing", true).await.unwrap() && !set("Nothing", true).await.unwrap());
    world.store.write(move |tx| mailbox::delete(tx, account, "Junk")).await.unwrap();
    assert!(names().await.contains("Junk") && names().await.contains("Nothing"));
    // A new folder is nobody's subscription yet.
    world.store.write(move |tx| mailbox::create(tx, account, "Work", None, NOW)).await.unwrap();
    assert!(!names().await.contains("Work"));
}

pub async fn rights_add_up(world: &World) {
    let people = world.people(&["hanako", "taro", "jiro"]).await;
    let [owner, taro, jiro] = [people[0], people[1], people[2]];
    let folder = world
        .store
        .write(move |tx| {
            let id = mailbox::create(tx, owner, "Plans", None, NOW)?;
            acl::set(tx, id, Who::Anyone, false, Rights::parse("lr").unwrap())?;
            acl::set(tx, id, Who::Account(taro), false, Rights::parse("swi").unwrap())?;
            acl::set(tx, id, Who::Account(jiro), true, Rights::parse("r").unwrap())?;
            Ok(id)
        })
        .await
        .unwrap();
    let rights = |account| async move {
        let found = world.store.read(move |tx| {
            let mailbox = mailbox::status(tx, folder)?.unwrap();
            acl::rights(tx, account, &mailbox)
        });
        found.await.unwrap().to_string()
    };
    assert_eq!([rights(owner).await, rights(taro).await, rights(jiro).await], ["lrswipkxtea", "lrswi", "l"]);
    let entries = world.store.read(move |tx| acl::entries(tx, folder)).await.unwrap();
    let entries: Vec<_> = entries.iter().map(|e| (e.address.as_deref(), e.negative, e.rights.to_string())).collect();
    let expected = [
        (None, false, "lr".to_owned()),
        (Some("taro@example.jp"), false, "swi".into()),
        (Some("jiro@example.jp"), true, "r".into()),
    ];
    assert_eq!(entries, expected);
    let shared = world.store.read(move |tx| acl::shared_with(tx, taro)).await.unwrap();
    assert_eq!(shared.len(), 1);
    assert_eq!((shared[0].0.name.as_str(), shared[0].1.as_str()), ("Plans", "hanako@example.jp"));
    assert!(world.store.read(move |tx| acl::shared_with(tx, owner)).await.unwrap().is_empty());
    world.store.write(move |tx| acl::set(tx, folder, Who::Anyone, false, Rights::NONE)).await.unwrap();
    assert!(world.store.read(move |tx| acl::shared_with(tx, jiro)).await.unwrap().is_empty());
    // With the folder go its rights.
    world.store.write(move |tx| mailbox::delete(tx, owner, "Plans")).await.unwrap();
    assert!(world.store.read(move |tx| acl::entries(tx, folder)).await.unwrap().is_empty());
}

pub async fn anyone_is_the_own_domain(world: &World) {
    let owner = world.people(&["hanako"]).await[0];
    let stranger = world.other_domain("eve@example.net").await;
    world
        .store
        .write(move |tx| {
            let id = mailbox::create(tx, owner, "Plans", None, NOW)?;
            acl::set(tx, id, Who::Anyone, false, Rights::ALL)
        })
        .await
        .unwrap();
    assert!(world.store.read(move |tx| acl::shared_with(tx, stranger)).await.unwrap().is_empty());
    let rights = world.store.read(move |tx| {
        let mailbox = mailbox::get(tx, owner, "Plans")?.unwrap();
        acl::rights(tx, stranger, &mailbox)
    });
    assert_eq!(rights.await.unwrap(), Rights::NONE);
}

pub async fn annotations_have_scopes(world: &World) {
    let people = world.people(&["hanako", "taro"]).await;
    let inbox = world.store.read({
        let owner = people[0];
        move |tx| Ok(account::by_id(tx, owner)?.unwrap().inbox)
    });
    let place = Place::Mailbox(inbox.await.unwrap());
    let (hanako, taro) = (Scope::Private(people[0]), Scope::Private(people[1]));
    world
        .store
        .write(move |tx| {
            annotation::set(tx, place, Scope::Shared, "/comment", Some(b"for all"))?;
            annotation::set(tx, place, hanako, "/comment", Some(b"mine"))?;
            annotation::set(tx, place, hanako, "/comment", Some(b"mine\0still"))?;
            annotation::set(tx, Place::Server, hanako, "/vendor/x", Some(b""))
        })
        .await
        .unwrap();
    let get = |place, scope, entry: &'static str| world.store.read(move |tx| annotation::get(tx, place, scope, entry));
    assert_eq!(get(place, Scope::Shared, "/comment").await.unwrap().as_deref(), Some(&b"for all"[..]));
    assert_eq!(get(place, hanako, "/comment").await.unwrap().as_deref(), Some(&b"mine\0still"[..]));
    assert_eq!(get(place, taro, "/comment").await.unwrap(), None);
    assert_eq!(get(Place::Server, hanako, "/vendor/x").await.unwrap().as_deref(), Some(&b""[..]));
    world.store.write(move |tx| annotation::set(tx, place, hanako, "/comment", None)).await.unwrap();
    assert!(world.store.read(move |tx| annotation::all(tx, place, hanako)).await.unwrap().is_empty());
    let full = world.store.write(move |tx| {
        (0..=annotation::MOST_ENTRIES).try_for_each(|n| annotation::set(tx, place, taro, &format!("/x/{n}"), Some(b"")))
    });
    assert!(matches!(full.await, Err(Error::Conflict(_))));
}

pub async fn digests_go_with_their_bodies(world: &World) {
    let account = world.people(&["hanako"]).await[0];
    let body = world.body(b"Subject: x\r\n\r\nx\r\n").await;
    let digest = Digest { thread: 7, preview: "こんにちは".into() };
    let wanted = digest.clone();
    let (inbox, content) = world
        .store
        .write(move |tx| {
            let inbox = account::by_id(tx, account)?.unwrap().inbox;
            mail::append(tx, inbox, &body, Flags::default(), NOW, later(5))?;
            let mut found = None;
            mail::entries(tx, inbox, 1, 9, &mut |mail| {
                assert_eq!((mail.date, mail.saved), (NOW, later(5)));
                found = Some(mail.content);
                Ok(())
            })?;
            digest::set(tx, found.unwrap(), &digest)?;
            Ok((inbox, found.unwrap()))
        })
        .await
        .unwrap();
    assert_eq!(world.store.read(move |tx| digest::get(tx, content)).await.unwrap(), Some(wanted));
    world.store.write(move |tx| mail::expunge(tx, inbox, &[1], false)).await.unwrap();
    world.store.collect_garbage(10).await.unwrap();
    assert_eq!(world.store.read(move |tx| digest::get(tx, content)).await.unwrap(), None);
}

pub async fn one_message_takes_the_place_of_another(world: &World) {
    let account = world.people(&["hanako"]).await[0];
    let (old, new, newer) = (world.body(b"old").await, world.body(b"new!").await, world.body(b"newer").await);
    let outcome = world
        .store
        .write(move |tx| {
            let inbox = account::by_id(tx, account)?.unwrap().inbox;
            let first = mail::append(tx, inbox, &old, Flags::SEEN, NOW, NOW)?.uid;
            account::set_limits(tx, account, Some(4), Some(1))?;
            let placed = mail::replace(tx, (inbox, first), inbox, &new, Flags::DRAFT, (NOW, later(9)))?;
            let gone = mail::replace(tx, (inbox, first), inbox, &new, Flags::DRAFT, (NOW, later(9)));
            assert_eq!(gone, Err(Error::NotFound("message")));
            Ok((inbox, first, placed.uid))
        })
        .await
        .unwrap();
    let (inbox, first, second) = outcome;
    assert!(second > first);
    // Too large: the old one stays.
    let full =
        world.store.write(move |tx| mail::replace(tx, (inbox, second), inbox, &newer, Flags::default(), (NOW, NOW)));
    assert_eq!(full.await, Err(Error::OverQuota));
    let usage = world.store.read(move |tx| account::usage(tx, account)).await.unwrap();
    assert_eq!((usage.used, usage.messages, usage.message_quota), (4, 1, Some(1)));
    world.store.write(move |tx| account::set_limits(tx, account, None, Some(1))).await.unwrap();
    let copied = world.store.write(move |tx| mail::copy(tx, inbox, &[second], inbox, NOW)).await;
    assert_eq!(copied, Err(Error::OverQuota));
}
