//! What the administrator's rounds keep.

use std::time::Duration;

use sekisho_store::domain::{self, Claims};
use sekisho_store::{queue, rounds};

use crate::world::{NOW, World};

pub async fn hours_reports_and_listings(world: &World) {
    world.people(&["taro"]).await;
    let later = NOW + Duration::from_secs(60);
    world
        .store
        .write(move |tx| {
            assert_eq!(rounds::first_hour(tx)?, None);
            rounds::set_hour(tx, 5, "a")?;
            rounds::set_hour(tx, 6, "b")?;
            rounds::set_hour(tx, 6, "c")?;
            assert_eq!((rounds::hour(tx, 6)?.as_deref(), rounds::hour(tx, 7)?), (Some("c"), None));
            rounds::expire_hours(tx, 6)?;
            assert_eq!(rounds::first_hour(tx)?, Some(6));

            assert_eq!(rounds::cursor(tx)?, 0);
            assert!(rounds::advance(tx, 0, 9)?);
            assert!(!rounds::advance(tx, 0, 12)?, "somebody else was there");
            assert_eq!(rounds::cursor(tx)?, 9);

            assert_eq!(rounds::report(tx, "check")?, None);
            rounds::set_report(tx, "check", NOW, "{}")?;
            rounds::set_report(tx, "check", later, "[]")?;
            let kept = rounds::report(tx, "check")?.unwrap();
            assert_eq!((kept.at, kept.body.as_str()), (later, "[]"));

            assert!(rounds::listed(tx, "dnsbl.example", "192.0.2.1", "127.0.0.2", NOW)?);
            assert!(!rounds::listed(tx, "dnsbl.example", "192.0.2.1", "127.0.0.4", later)?);
            assert!(rounds::delisted(tx, "dnsbl.example", "192.0.2.1", later)?);
            assert!(!rounds::delisted(tx, "dnsbl.example", "192.0.2.1", later)?);
            assert!(rounds::listed(tx, "dnsbl.example", "192.0.2.1", "127.0.0.2", later)?);
            let all = rounds::listings(tx, 10)?;
            assert_eq!(all.iter().map(|one| one.until).collect::<Vec<_>>(), [None, Some(later)]);
            rounds::expire_listings(tx, later + Duration::from_secs(1))?;
            assert_eq!(rounds::listings(tx, 10)?.len(), 1);

            assert_eq!(domain::get(tx, "example.jp")?.unwrap().claims, Claims::Refuse);
            domain::set_claims(tx, "example.jp", Claims::Mark)?;
            assert_eq!(domain::get(tx, "example.jp")?.unwrap().claims, Claims::Mark);
            assert!(domain::set_claims(tx, "elsewhere.example", Claims::Off).is_err());

            assert!(queue::heaviest(tx, 5)?.is_empty());
            assert_eq!(queue::oldest_waiting(tx)?, None);
            Ok(())
        })
        .await
        .unwrap();
}
