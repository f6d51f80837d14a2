//! Contacts, profiles, incidents.

use sekisho_message::Time;
use sekisho_store::incident::{self, NewIncident, State};
use sekisho_store::{contact, profile};
use serde_json::json;

use crate::world::{NOW, World, later};

const DAY: u64 = 86_400;

pub async fn contacts_are_noted_and_found(world: &World) {
    let many: Vec<i64> = (0..150).collect();
    world
        .store
        .write(move |tx| {
            assert!(contact::known(tx, 1, &many)?.is_empty());
            contact::wrote(tx, 1, &many, &Default::default(), NOW)?;
            assert!(!contact::received(tx, 1, 200, NOW)?, "who writes first answers nothing");
            assert!(contact::received(tx, 1, 7, later(5))?, "an answer");
            assert!(!contact::received(tx, 1, 7, later(6))?, "only the first one counts");
            let known = contact::known(tx, 1, &[7, 149, 200, 201, 7])?;
            assert_eq!(known.len(), 3);
            assert!(known[&149].written && !known[&149].received && known[&149].since == NOW);
            assert!(known[&7].written && known[&7].received);
            assert!(!known[&200].written && known[&200].received);
            assert!(contact::known(tx, 2, &[7])?.is_empty(), "another origin's contacts are not its own");
            assert_eq!(contact::number(tx, 1)?, 151);
            // A day later nothing is renewed; eight days later it is, and since when it is a contact stays.
            contact::wrote(tx, 1, &[7], &known, later(DAY))?;
            assert_eq!(contact::known(tx, 1, &[7])?[&7].seen, NOW);
            contact::wrote(tx, 1, &[7, 200], &known, later(8 * DAY))?;
            let known = contact::known(tx, 1, &[7, 200])?;
            assert_eq!((known[&7].since, known[&7].seen), (NOW, later(8 * DAY)));
            assert!(known[&200].written && known[&200].received);
            // Noted by another node meanwhile: not counted twice.
            contact::wrote(tx, 1, &[7], &Default::default(), later(9 * DAY))?;
            assert_eq!(contact::number(tx, 1)?, 151);
            Ok(())
        })
        .await
        .unwrap();
}

pub async fn contacts_are_bounded_and_strangers_go_first(world: &World) {
    let most = (contact::MOST + contact::SLACK) as i64;
    world
        .store
        .write(move |tx| {
            let own: Vec<i64> = (0..100).collect();
            contact::wrote(tx, 1, &own, &Default::default(), NOW)?;
            for peer in 100..most {
                contact::received(tx, 1, peer, NOW + std::time::Duration::from_secs(peer as u64))?;
            }
            assert_eq!(contact::number(tx, 1)?, contact::MOST + contact::SLACK);
            contact::received(tx, 1, most, later(DAY))?;
            assert_eq!(contact::number(tx, 1)?, contact::MOST + 1);
            assert_eq!(contact::known(tx, 1, &own)?.len(), 100, "the people that it writes to stay");
            let known = contact::known(tx, 1, &[100, 1_098, 1_200, most])?;
            assert!(known.contains_key(&1_200) && known.contains_key(&most));
            assert!(!known.contains_key(&100) && !known.contains_key(&1_098), "the oldest strangers go");
            while contact::move_step(tx, 1, 2, 1_000)? > 0 {}
            assert_eq!((contact::number(tx, 1)?, contact::number(tx, 2)?), (0, contact::MOST + 1));
            while contact::forget_step(tx, 2, 1_000)? > 0 {}
            assert!(contact::known(tx, 2, &own)?.is_empty());
            Ok(())
        })
        .await
        .unwrap();
}

pub async fn profiles_are_kept(world: &World) {
    world
        .store
        .write(|tx| {
            assert_eq!(profile::take(tx, -5)?, None);
            profile::put(tx, -5, "account:a@example.jp", false, 0, b"one")?;
            profile::put(tx, -5, "account:a@example.jp", true, 3, b"two")?;
            profile::put(tx, 9, "network:192.0.2.0/24", true, 3, b"three")?;
            profile::put(tx, 10, "account:b@example.jp", false, 1, b"four")?;
            assert_eq!(profile::take(tx, -5)?.as_deref(), Some(&b"two"[..]));
            assert_eq!(
                profile::held(tx, i64::MIN, 10)?,
                [(-5, "account:a@example.jp".to_owned()), (9, "network:192.0.2.0/24".to_owned())]
            );
            assert_eq!(profile::held(tx, -5, 10)?.len(), 1);
            profile::forget(tx, -5)?;
            assert_eq!(profile::get(tx, -5)?, None);
            assert_eq!(profile::site(tx)?, None);
            profile::put_site(tx, b"x")?;
            profile::put_site(tx, b"y")?;
            assert_eq!(profile::site(tx)?.as_deref(), Some(&b"y"[..]));
            Ok(())
        })
        .await
        .unwrap();
}

pub async fn incidents_open_once_and_close(world: &World) {
    let new = |notice: Option<Time>| {
        world.store.write(move |tx| {
            let facts = json!({ "signals": [1] });
            let new = NewIncident {
                origin: "account:a@example.jp",
                account: Some("a@example.jp"),
                reason: "fast_away",
                by: "server:guard",
                epoch: None,
                notice,
                facts: &facts,
            };
            incident::open(tx, &new, NOW)
        })
    };
    let (id, made) = new(Some(later(60))).await.unwrap();
    assert!(made);
    assert_eq!(new(None).await.unwrap(), (id, false), "an origin has one at a time");
    world
        .store
        .write(move |tx| {
            let one = incident::current(tx, "account:a@example.jp")?.unwrap();
            assert_eq!((one.id, one.state, one.notice, one.notices), (id, State::Opened, Some(later(60)), 0));
            assert!(incident::due_notices(tx, later(59), 10)?.is_empty());
            assert_eq!(incident::due_notices(tx, later(60), 10)?.len(), 1);
            assert!(incident::noticed(tx, &one, Some(later(120)))?);
            assert!(!incident::noticed(tx, &one, Some(later(120)))?, "one node tells, once");
            incident::set_facts(tx, id, &json!({ "x": 1 }))?;
            incident::set_state(tx, id, State::Contained, "shell:root", later(70))?;
            assert_eq!(incident::get(tx, id)?.unwrap().notice, Some(later(120)));
            incident::set_state(tx, id, State::Cleaned, "shell:root", later(80))?;
            let cleaned = incident::get(tx, id)?.unwrap();
            assert_eq!((cleaned.notice, cleaned.changed, cleaned.facts["x"].as_i64()), (None, later(80), Some(1)));
            incident::set_state(tx, id, State::Closed, "shell:root", later(90))?;
            assert_eq!(incident::current(tx, "account:a@example.jp")?, None);
            assert!(incident::set_state(tx, sekisho_store::IncidentId(99), State::Closed, "", NOW).is_err());
            Ok(())
        })
        .await
        .unwrap();
    let (second, made) = new(None).await.unwrap();
    assert!(made && second > id);
    let all = world.store.read(|tx| incident::list(tx, None, 10)).await.unwrap();
    assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [second, id]);
    assert_eq!(world.store.read(move |tx| incident::list(tx, Some(second), 10)).await.unwrap().len(), 1);
}
