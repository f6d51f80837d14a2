#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::time::Duration;

use super::*;
use crate::check::State as SignState;
use crate::outside_tests::Names;
use crate::tests::World;

fn settings() -> Settings {
    let zone = |name: &str| Zone::at_the_door(name, Use::Reject);
    Settings {
        zones: vec![
            zone("listed.bl"),
            zone("clean.bl"),
            zone("dead.bl"),
            zone("refusing.bl"),
            zone("lying.bl"),
            zone("parked.bl"),
            zone("failing.bl"),
        ],
        addresses: vec!["192.0.2.1".parse().unwrap()],
        reject_at: 3,
    }
}

fn names() -> Arc<Names> {
    let names = Names::default();
    for alive in ["listed.bl", "clean.bl"] {
        names.set(&format!("2.0.0.127.{alive}"), [127, 0, 0, 2]);
    }
    names.set("1.2.0.192.listed.bl", [127, 0, 0, 3]);
    names.txt("1.2.0.192.listed.bl", "see our page");
    for name in ["1.2.0.192", "2.0.0.127", "1.0.0.127"] {
        names.set(&format!("{name}.refusing.bl"), [127, 255, 255, 254]);
        names.set(&format!("{name}.lying.bl"), [127, 0, 0, 2]);
        names.set(&format!("{name}.parked.bl"), [203, 0, 113, 80]);
        names.fail(&format!("{name}.failing.bl"));
    }
    Arc::new(names)
}

async fn world(names: &Arc<Names>) -> World {
    let world = World::with(|options| options.reputation = settings()).await;
    world.control.look_outside(Arc::clone(names) as Arc<dyn Outside>);
    world
}

#[tokio::test]
async fn each_kind_of_list_is_known_for_what_it_is() {
    let names = names();
    let world = world(&names).await;
    let found = world.control.reputation().await.unwrap();
    let states: Vec<(&str, &str)> = found.zones.iter().map(|zone| (zone.zone.as_str(), zone.state.as_str())).collect();
    assert_eq!(
        states,
        [
            ("listed.bl", "alive"),
            ("clean.bl", "alive"),
            ("dead.bl", "dead"),
            ("refusing.bl", "unknown"),
            ("lying.bl", "lying"),
            ("parked.bl", "lying"),
            ("failing.bl", "unknown"),
        ]
    );
    let of: Vec<State> = found.entries.iter().map(|entry| entry.state).collect();
    use State::{Clean, Listed, Unknown};
    assert_eq!(of, [Listed, Clean, Unknown, Unknown, Unknown, Unknown, Unknown]);
    let listed = &found.entries[0];
    assert_eq!((listed.answers[0].as_str(), listed.words.as_str()), ("127.0.0.3", "see our page"));
    assert!(listed.advice.as_ref().unwrap().en.starts_with("1. Stop the cause first"));
    assert!(found.entries[3].meaning.as_ref().unwrap().en.contains("public resolvers"));
    assert_eq!(found.worst(), Listed);
}

#[tokio::test]
async fn when_every_list_seems_dead_the_resolver_is_doubted() {
    let names = Arc::new(Names::default());
    let world = world(&names).await;
    let found = world.control.reputation().await.unwrap();
    assert!(found.zones.iter().all(|zone| zone.state == "unknown"), "{:?}", found.zones);
    assert!(found.entries.iter().all(|entry| entry.meaning.as_ref().unwrap().en.contains("resolver")));
    assert_eq!(found.worst(), State::Unknown);
}

#[tokio::test]
async fn a_listing_is_an_alarm_until_it_is_over_and_is_remembered() {
    let names = names();
    let world = world(&names).await;
    let upstream = async || {
        let check = world.control.check(None).await.unwrap();
        check.signs.into_iter().find(|sign| sign.id == "upstream-warning").unwrap()
    };
    assert_eq!(upstream().await.state, SignState::Ok);
    // Somebody was suspected lately, somebody else was made to wait for nothing.
    let verdict = |origin: &str, score: f64| {
        crate::entry::verdict(world.control.now(), None, "", None, json!({ "origin": origin, "score": score }))
    };
    let said = [verdict("account:suspect@example.jp", 0.6), verdict("account:waited@example.jp", 0.1)];
    world.control.store().write(move |tx| sekisho_store::journal::append(tx, &said)).await.unwrap();
    world.control.reputation().await.unwrap();
    for (origin, told) in [("account:suspect@example.jp", true), ("account:waited@example.jp", false)] {
        let id = world.control.guard().origin(origin);
        let profile = world.control.store().read(move |tx| sekisho_store::profile::get(tx, id)).await.unwrap();
        assert_eq!(profile.is_some(), told, "{origin}");
    }
    let sign = upstream().await;
    assert_eq!(sign.state, SignState::Alarm);
    assert!(sign.evidence.en.contains("listed.bl (192.0.2.1)"), "{}", sign.evidence);
    // A list that stops answering proves nothing: the listing lasts.
    names.fail("1.2.0.192.listed.bl");
    world.control.reputation().await.unwrap();
    assert_eq!(upstream().await.state, SignState::Alarm);
    names.forget("1.2.0.192.listed.bl");
    world.advance(Duration::from_secs(3_600));
    world.control.reputation().await.unwrap();
    assert_eq!(upstream().await.state, SignState::Ok);
    let history = world.control.listings().await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].until, Some(world.control.now()));
    let notices = world.journal(sekisho_store::journal::Kind::Notice).await;
    let texts: Vec<&str> = notices.iter().filter_map(|entry| entry.detail["text"].as_str()).collect();
    assert!(texts.iter().any(|text| text.starts_with("192.0.2.1 is listed at listed.bl")), "{texts:?}");
    assert_eq!(texts.iter().filter(|text| text.contains("dead.bl is dropped")).count(), 1, "told once: {texts:?}");
}

#[tokio::test]
async fn at_the_door_lists_that_cannot_be_believed_refuse_nobody() {
    let names = names();
    let world = world(&names).await;
    let stranger: IpAddr = "198.51.100.7".parse().unwrap();
    for zone in ["lying.bl", "parked.bl", "refusing.bl"] {
        names.set(&format!("7.100.51.198.{zone}"), [127, 0, 0, 2]);
    }
    names.set("7.100.51.198.parked.bl", [203, 0, 113, 80]);
    names.fail("7.100.51.198.failing.bl");
    let door = world.control.door(stranger, None).await;
    assert_eq!(door, Door::default(), "nothing that answers is to be believed");
    names.set("7.100.51.198.listed.bl", [127, 0, 0, 2]);
    let door = world.control.door(stranger, None).await;
    assert_eq!(door.refused_by.as_deref(), Some("listed.bl"));
    assert_eq!(door.marks, ["listed.bl (127.0.0.2)"]);
    for _ in 0..6 {
        world.control.door(stranger, None).await;
    }
    let notices = world.journal(sekisho_store::journal::Kind::Notice).await;
    let dropped = |zone: &str| notices.iter().filter(|n| n.detail["text"].as_str().unwrap().contains(zone)).count();
    assert_eq!((dropped("lying.bl"), dropped("failing.bl"), dropped("listed.bl")), (1, 1, 0), "{notices:?}");
    // Our own addresses are asked about by nobody.
    assert_eq!(world.control.door("127.0.0.1".parse().unwrap(), None).await, Door::default());
}

#[tokio::test]
async fn weights_add_up_to_a_refusal() {
    let names = Arc::new(Names::default());
    let mut zones = Vec::new();
    for (name, weight) in [("a.bl", 1), ("b.bl", 2)] {
        names.set(&format!("2.0.0.127.{name}"), [127, 0, 0, 2]);
        names.set(&format!("7.100.51.198.{name}"), [127, 0, 0, 2]);
        zones.push(Zone { weight, ..Zone::at_the_door(name, Use::Score) });
    }
    names.set("8.100.51.198.b.bl", [127, 0, 0, 2]);
    let world =
        World::with(|options| options.reputation = Settings { zones, reject_at: 3, ..Settings::default() }).await;
    world.control.look_outside(names as Arc<dyn Outside>);
    let both = world.control.door("198.51.100.7".parse().unwrap(), None).await;
    assert!(both.refused_by.is_some() && both.score == 3, "{both:?}");
    let one = world.control.door("198.51.100.8".parse().unwrap(), None).await;
    assert!(one.refused_by.is_none() && one.score == 2 && one.marks.len() == 1, "{one:?}");
}
