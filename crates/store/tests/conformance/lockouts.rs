//! Where accounts were used, locks in force, and from where passwords may be used.

use std::time::Duration;

use sekisho_store::lockout::{self, Kept, LoginRule, Owner};
use sekisho_store::login::{self, Way, Wire};
use sekisho_store::{account, domain};

use crate::world::{NOW, World};

pub async fn places_locks_and_rules(world: &World) {
    let ids = world.people(&["hanako", "taro"]).await;
    let (hanako, taro) = (ids[0], ids[1]);
    let later = NOW + Duration::from_secs(60);
    world.store.write(move |tx| uses(tx, hanako, taro)).await.unwrap();
    world
        .store
        .write(move |tx| {
            let lock = |subject: &str, until| Kept {
                subject: subject.into(),
                name: Some("taro@example.jp".into()),
                until,
                detail: "{}".into(),
            };
            lockout::put(tx, &lock("a", later))?;
            lockout::put(tx, &lock("b", later + Duration::from_secs(60)))?;
            lockout::put(tx, &lock("a", later))?;
            assert_eq!(lockout::locks(tx, NOW)?.len(), 2);
            assert_eq!(lockout::end(tx, later)?, [lock("a", later)]);
            assert_eq!(lockout::locks(tx, NOW)?, [lock("b", later + Duration::from_secs(60))]);
            assert!(lockout::remove(tx, "b")? && !lockout::remove(tx, "b")?);
            Ok(())
        })
        .await
        .unwrap();
    world
        .store
        .write(move |tx| {
            let of = |networks: &str| LoginRule { networks: networks.into(), countries: String::new() };
            let (hanako, taro) = (account::by_id(tx, hanako)?.unwrap(), account::by_id(tx, taro)?.unwrap());
            assert_eq!(lockout::rule_for(tx, &taro)?, None);
            lockout::set_rule(tx, Owner::Domain(taro.domain), Some(&of("192.0.2.0/24")))?;
            lockout::set_rule(tx, Owner::Account(taro.id), Some(&of("*")))?;
            assert_eq!(lockout::rule_for(tx, &taro)?, Some(of("*")));
            assert_eq!(lockout::rule_for(tx, &hanako)?, Some(of("192.0.2.0/24")));
            account::remove(tx, taro.id, Duration::ZERO, NOW)?;
            while account::purge_removed(tx, NOW)? {}
            assert_eq!(lockout::rule(tx, Owner::Account(taro.id))?, None);
            assert_eq!(lockout::last_use(tx, taro.id, "192.0.2.0/24")?, None);
            assert_eq!(login::ways(tx, taro.id)?, []);
            assert!(domain::remove(tx, "example.jp").is_err());
            lockout::set_rule(tx, Owner::Domain(hanako.domain), None)?;
            assert_eq!(lockout::rule_for(tx, &hanako)?, None);
            Ok(())
        })
        .await
        .unwrap();
}

fn uses(
    tx: &mut dyn sekisho_store::Tx,
    hanako: sekisho_store::AccountId,
    taro: sekisho_store::AccountId,
) -> sekisho_store::Result<()> {
    let later = NOW + Duration::from_secs(60);
    for (who, place, at) in
        [(taro, "192.0.2.0/24", NOW), (taro, "192.0.2.0/24", later), (hanako, "198.51.100.0/24", NOW)]
    {
        lockout::note_use(tx, who, place, at)?;
    }
    assert_eq!(lockout::last_use(tx, taro, "192.0.2.0/24")?, Some(later));
    assert_eq!(lockout::last_use(tx, hanako, "192.0.2.0/24")?, None);
    assert!(lockout::is_used(tx, "192.0.2.0/24", later)?);
    assert!(!lockout::is_used(tx, "198.51.100.0/24", later)?);
    assert!(!lockout::expire_use(tx, later)?);
    assert!(!lockout::is_used(tx, "198.51.100.0/24", NOW)?);
    lockout::note_use(tx, hanako, "198.51.100.0/24", later)?;
    assert_eq!(lockout::forget_use(tx, hanako, Some("192.0.2.0/24"))?, 0);
    assert_eq!(lockout::forget_use(tx, hanako, None)?, 1);
    ways(tx, hanako, taro)
}

fn ways(
    tx: &mut dyn sekisho_store::Tx,
    hanako: sekisho_store::AccountId,
    taro: sekisho_store::AccountId,
) -> sekisho_store::Result<()> {
    let later = NOW + Duration::from_secs(60);
    let way = |door: &str, wire, last| Way { door: door.into(), proof: "password".into(), wire, last };
    for (who, way) in [
        (taro, way("smtp", Wire::Tls, NOW)),
        (taro, way("imap4", Wire::Clear, NOW)),
        (taro, way("smtp", Wire::Local, NOW)),
        (taro, way("smtp", Wire::Tls, later)),
        (hanako, way("pop3", Wire::Tls, NOW)),
    ] {
        login::note_way(tx, who, &way)?;
    }
    let (imap, local) = (way("imap4", Wire::Clear, NOW), way("smtp", Wire::Local, NOW));
    assert_eq!(login::ways(tx, taro)?, [imap, way("smtp", Wire::Tls, later), local]);
    assert!(!login::expire_ways(tx, later)?);
    assert_eq!(login::ways(tx, taro)?, [way("smtp", Wire::Tls, later)]);
    assert_eq!(login::ways(tx, hanako)?, []);
    assert_eq!(login::forget_ways(tx, taro)?, 1);
    login::note_way(tx, taro, &way("smtp", Wire::Tls, NOW))
}
