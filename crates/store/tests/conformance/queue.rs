//! The queue: accepting, leasing, settling, holding.

use std::time::Duration;

use sekisho_message::Time;
use sekisho_store::queue::{self, Filter, Outcome, Stage};
use sekisho_store::{Error, NEVER, TxExt};

use crate::world::{NOW, World, later, recipient};

fn deferred(seconds: u64) -> Outcome {
    Outcome::Deferred { until: later(seconds), code: 451, reply: "4.7.1 greylisted".into(), warned: false }
}

pub async fn accepting_and_settling(world: &World) {
    let message = world.message("account:a@example.jp", &["b@example.jp", "c@example.com", "d@example.com"]).await;
    let id = message.id;
    let accepted = world.accept(message).await;
    assert_eq!((accepted.id, accepted.recipients.len(), accepted.held), (id, 3, false));
    let status = world.status().await;
    assert_eq!((status.incoming.messages, status.incoming.recipients), (1, 1));
    assert_eq!((status.domains.messages, status.domains.recipients), (1, 2));
    assert_eq!((status.domains.bytes, status.oldest), (accepted.size, Some(NOW)));
    assert_eq!(world.store.read(queue::next_due).await.unwrap(), Some(NOW));

    let lanes = world.store.read(|tx| queue::due_lanes(tx, NOW, 10)).await.unwrap();
    let mut destinations: Vec<&str> = lanes.iter().map(|lane| lane.destination.as_str()).collect();
    destinations.sort_unstable();
    assert_eq!(destinations, ["example.com", "local"]);
    assert!(lanes.iter().all(|lane| lane.origin_key == "account:a@example.jp"));
    for lane in lanes {
        let work = world.claim("one", lane.lane, NOW, 60).await.unwrap();
        let entry = &work.entries[0];
        assert_eq!((entry.message, entry.content, entry.size), (id, accepted.content, accepted.size));
        assert_eq!((entry.relay_offset, entry.reverse_path.as_deref()), (29, Some("a@example.jp")));
        assert_eq!((entry.origin.as_str(), entry.account.as_deref()), ("account:a@example.jp", Some("a@example.jp")));
        assert_eq!((entry.notify, entry.eightbit, entry.smtputf8, entry.attempts), (4, true, false, 0));
        let outcome = if work.destination == "local" { Outcome::Delivered } else { Outcome::Relayed };
        let settled = world.settle("one", &work, outcome, NOW).await;
        assert_eq!(settled.applied as usize, work.entries.len());
        assert!(settled.leased);
    }
    let empty = world.status().await;
    assert_eq!((empty.domains.recipients, empty.incoming.bytes, empty.oldest), (0, 0, None));
    assert_eq!(world.store.read(queue::next_due).await.unwrap(), None);
    assert_eq!(world.store.content(accepted.content).await, Err(Error::NotFound("body")));
    assert_eq!(world.store.read(move |tx| queue::show(tx, id)).await.unwrap(), None);
    // An empty lane leaves nothing behind but that of local delivery, which is used all the time.
    let lanes = world.store.read(|tx| tx.all("SELECT destination FROM lane", &[], |row| Ok(row.text(0)?.to_owned())));
    assert_eq!(lanes.await.unwrap(), ["local"]);
}

pub async fn lanes_are_leased(world: &World) {
    world.accept(world.message("account:a@example.jp", &["c@example.com", "d@example.com"]).await).await;
    let lane = world.due(NOW).await[0];
    let work = world.claim("one", lane, NOW, 60).await.unwrap();
    assert_eq!(world.claim("two", lane, NOW, 60).await, None);
    assert_eq!(world.claim("one", lane, later(59), 60).await, None);
    assert!(world.due(later(59)).await.is_empty());
    assert_eq!(world.store.read(queue::next_due).await.unwrap(), Some(later(60)));
    // What comes in meanwhile waits for the end of the lease.
    world.accept(world.message("account:a@example.jp", &["e@example.com"]).await).await;
    assert!(world.due(NOW).await.is_empty());
    assert!(world.store.write(move |tx| queue::renew(tx, "one", lane, later(90))).await.unwrap());
    assert!(!world.store.write(move |tx| queue::renew(tx, "two", lane, later(90))).await.unwrap());
    assert!(world.due(later(89)).await.is_empty());
    // Settled one by one: the lease ends with the last.
    for (n, entry) in work.entries.iter().enumerate() {
        let outcomes = [(entry.id, Outcome::Relayed)];
        let settled = world.store.write(move |tx| queue::settle(tx, "one", lane, &outcomes, NOW)).await.unwrap();
        assert_eq!((settled.applied, settled.leased), (1, true));
        assert_eq!(settled.finished.len(), n);
    }
    assert_eq!(world.due(NOW).await, [lane]);
    // Nothing tried: the lease is given back.
    let work = world.claim("two", lane, NOW, 60).await.unwrap();
    assert_eq!(work.entries[0].address, "e@example.com");
    let settled = world.store.write(move |tx| queue::settle(tx, "two", lane, &[], NOW)).await.unwrap();
    assert!(settled.leased);
    assert_eq!(world.due(NOW).await, [lane]);
}

pub async fn deferral_and_order(world: &World) {
    let mut message = world.message("account:a@example.jp", &["c@example.com", "d@example.com"]).await;
    message.recipients[1].due = later(30);
    world.accept(message).await;
    let lane = world.due(NOW).await[0];
    let work = world.claim("one", lane, NOW, 60).await.unwrap();
    assert_eq!(work.entries.iter().map(|entry| entry.address.as_str()).collect::<Vec<_>>(), ["c@example.com"]);
    let settled = world.settle("one", &work, deferred(100), NOW).await;
    assert_eq!((settled.applied, settled.finished.len()), (1, 0));
    assert_eq!(world.store.read(queue::next_due).await.unwrap(), Some(later(30)));
    let work = world.claim("one", lane, later(100), 60).await.unwrap();
    let again: Vec<_> = work.entries.iter().map(|entry| (entry.address.as_str(), entry.attempts, entry.code)).collect();
    assert_eq!(again, [("d@example.com", 0, None), ("c@example.com", 1, Some(451))]);
    assert_eq!(work.entries[1].reply.as_deref(), Some("4.7.1 greylisted"));
    let failed = Outcome::Failed { code: 550, reply: "no such user".into() };
    let settled = world.settle("one", &work, failed.clone(), later(100)).await;
    assert_eq!((settled.applied, settled.finished.len()), (2, 1));
    let settled = world.settle("one", &work, failed, later(100)).await;
    assert_eq!((settled.applied, settled.gone, settled.leased), (0, 2, false));

    // What nobody may be told about waits for a person.
    let held = world.accept(world.message("inbound", &["e@example.com"]).await).await;
    let lane = world.due(NOW).await[0];
    let work = world.claim("one", lane, NOW, 60).await.unwrap();
    world.settle("one", &work, Outcome::Held { code: 554, reply: "refused".into() }, NOW).await;
    let status = world.status().await;
    assert_eq!((status.holding.messages, status.holding.recipients, status.domains.messages), (1, 1, 0));
    assert_eq!(world.store.read(queue::next_due).await.unwrap(), None);
    let shown = world.store.read(move |tx| queue::show(tx, held.id)).await.unwrap().unwrap();
    let waiting = &shown.recipients[0];
    assert_eq!((waiting.stage, waiting.due, waiting.code), (Stage::Holding, None, Some(554)));
}

pub async fn holding_an_origin(world: &World) {
    for _ in 0..3 {
        world.accept(world.message("account:bad@example.jp", &["v@example.com", "w@example.net"]).await).await;
    }
    world.accept(world.message("account:good@example.jp", &["c@example.com"]).await).await;
    let hold = world.store.write(|tx| queue::hold_origin(tx, "account:bad@example.jp", "stolen password", NOW));
    let hold = hold.await.unwrap();
    assert_eq!((hold.messages, hold.recipients, hold.reason.as_str()), (3, 6, "stolen password"));
    let accepted = world.accept(world.message("account:bad@example.jp", &["x@example.com"]).await).await;
    assert!(accepted.held);
    let lanes = world.store.read(|tx| queue::due_lanes(tx, NOW, 10)).await.unwrap();
    assert_eq!(lanes.iter().map(|lane| lane.origin_key.as_str()).collect::<Vec<_>>(), ["account:good@example.jp"]);
    let status = world.status().await;
    assert_eq!((status.holding.messages, status.holding.recipients, status.domains.recipients), (4, 7, 1));
    assert_eq!(status.held.len(), 1);
    assert_eq!((status.held[0].origin.as_str(), status.held[0].recipients), ("account:bad@example.jp", 7));
    let filter = Filter { stage: Some(Stage::Holding), ..Filter::default() };
    let (listed, next) = world.store.read(move |tx| queue::list(tx, &filter, None, 100)).await.unwrap();
    assert_eq!((listed.len(), next), (7, None));

    let release = || world.store.write(|tx| queue::release_origin(tx, "account:bad@example.jp"));
    assert!(release().await.unwrap());
    assert!(!release().await.unwrap());
    assert_eq!(world.due(later(5)).await.len(), 3);
    let status = world.status().await;
    assert_eq!((status.holding.recipients, status.domains.recipients, status.held.len()), (0, 8, 0));

    // An origin that has sent nothing yet can be held too.
    world.store.write(|tx| queue::hold_origin(tx, "network:203.0.113.0/24", "a bot", NOW)).await.unwrap();
    assert!(world.accept(world.message("network:203.0.113.0/24", &["v@example.com"]).await).await.held);
}

pub async fn fairness_between_origins(world: &World) {
    let many: Vec<String> = (0..50).map(|n| format!("v@victim{n}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for _ in 0..5 {
        world.accept(world.message("account:flood@example.jp", &many).await).await;
    }
    let mut late = world.message("account:quiet@example.jp", &["c@example.com"]).await;
    late.recipients[0].due = later(3);
    world.accept(late).await;
    let lanes = world.store.read(|tx| queue::due_lanes(tx, later(10), 10)).await.unwrap();
    assert_eq!(lanes.len(), 10);
    let place = lanes.iter().position(|lane| lane.origin_key == "account:quiet@example.jp");
    assert_eq!(place, Some(1));
    // Each lane is offered once.
    let all = world.store.read(|tx| queue::due_lanes(tx, later(10), 1_000)).await.unwrap();
    let mut ids: Vec<_> = all.iter().map(|lane| lane.lane).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((all.len(), ids.len()), (51, 51));
}

pub async fn holding_and_releasing_by_epoch(world: &World) {
    let origin = "account:a@example.jp";
    world.accept(world.message(origin, &["v@example.com"]).await).await;
    world.store.write(move |tx| queue::hold_origin(tx, origin, "suspected", NOW)).await.unwrap();
    world.store.write(move |tx| queue::new_epoch(tx, origin)).await.unwrap();
    // New mail flows while the old waits.
    assert!(!world.accept(world.message(origin, &["c@example.com"]).await).await.held);
    let lane = world.due(NOW).await;
    assert_eq!(lane.len(), 1);
    let work = world.claim("one", lane[0], NOW, 60).await.unwrap();
    assert_eq!(work.entries[0].address, "c@example.com");
    world.settle("one", &work, Outcome::Relayed, NOW).await;
    // Released, the old epoch is worked off and goes.
    assert!(world.store.write(move |tx| queue::release_origin(tx, origin)).await.unwrap());
    let lane = world.due(NOW).await;
    let work = world.claim("one", lane[0], NOW, 60).await.unwrap();
    assert_eq!(work.entries[0].address, "v@example.com");
    world.settle("one", &work, Outcome::Relayed, NOW).await;
    let epochs = world.store.read(|tx| tx.one("SELECT COUNT(*) FROM epoch", &[], |row| row.int(0))).await.unwrap();
    assert_eq!(epochs, Some(1));
}

pub async fn leases_run_out(world: &World) {
    world.accept(world.message("account:a@example.jp", &["c@example.com"]).await).await;
    let lane = world.due(NOW).await[0];
    let first = world.claim("one", lane, NOW, 60).await.unwrap();
    // Node one is slow; node two takes over when the lease has run out.
    let second = world.claim("two", lane, later(60), 60).await.unwrap();
    assert_eq!(first.entries, second.entries);
    // What node one did is recorded all the same: it happened.
    let settled = world.settle("one", &first, Outcome::Relayed, later(61)).await;
    assert_eq!((settled.applied, settled.leased), (1, false));
    let settled = world.settle("two", &second, Outcome::Relayed, later(62)).await;
    assert_eq!((settled.applied, settled.gone, settled.leased), (0, 1, true));

    // A node that starts again gives back what it leased when it died.
    world.accept(world.message("account:a@example.jp", &["d@example.com", "e@example.net"]).await).await;
    world.accept(world.message("account:b@example.jp", &["d@example.com"]).await).await;
    for lane in world.due(NOW).await {
        world.claim("one", lane, NOW, 3_600).await.unwrap();
    }
    assert!(world.due(later(10)).await.is_empty());
    assert_eq!(world.store.write(|tx| queue::release_leases(tx, "two")).await.unwrap(), 0);
    assert_eq!(world.store.write(|tx| queue::release_leases(tx, "one")).await.unwrap(), 3);
    assert_eq!(world.due(NOW).await.len(), 3);
}

pub async fn the_same_id_twice(world: &World) {
    let message = world.message("account:a@example.jp", &["c@example.com"]).await;
    let mut again = message.clone();
    again.content = world.body(b"another").await;
    world.accept(message).await;
    let refused = world.store.write(move |tx| queue::accept(tx, &again, NOW)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    let mut nobody = world.message("account:a@example.jp", &["c@example.com"]).await;
    nobody.recipients.clear();
    let refused = world.store.write(move |tx| queue::accept(tx, &nobody, NOW)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    assert_eq!(world.status().await.domains.messages, 1);
    // A due time in the past is now: nobody gets to the front that way.
    let mut early = world.message("account:b@example.jp", &["c@example.com"]).await;
    early.recipients = vec![recipient("c@example.org")];
    early.recipients[0].due = Time(0);
    world.accept(early).await;
    assert_eq!(world.store.read(queue::next_due).await.unwrap(), Some(NOW));
    // And one that never comes is never offered.
    let mut never = world.message("account:c@example.jp", &["c@example.com"]).await;
    never.recipients[0].due = Time(NEVER);
    never.recipients[0].stage = Stage::Holding;
    world.accept(never).await;
    assert_eq!(world.due(NOW + Duration::from_secs(1_000_000_000)).await.len(), 2);
    assert_eq!(world.status().await.holding.messages, 1);
}
