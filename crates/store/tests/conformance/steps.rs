//! Acts on many entries.

use sekisho_store::queue::{self, Filter, Outcome, Stage, Step};
use sekisho_store::{MessageId, RecipientId, Result, Tx};

use crate::world::{NOW, World, later};

/// Does steps until there are none left; how many there were, and what they did together.
async fn steps(
    world: &World,
    step: impl Fn(&mut dyn Tx, Option<RecipientId>) -> Result<Step> + Copy + Send + 'static,
) -> (u32, Step) {
    let (mut count, mut sum) = (0, Step::default());
    loop {
        let after = sum.next;
        let done = world.store.write(move |tx| step(tx, after)).await.unwrap();
        count += 1;
        sum.changed += done.changed;
        sum.messages += done.messages;
        sum.bytes += done.bytes;
        sum.next = done.next;
        if sum.next.is_none() {
            return (count, sum);
        }
    }
}

async fn listed(world: &World, filter: Filter) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let filter = filter.clone();
        let (page, next) = world.store.read(move |tx| queue::list(tx, &filter, after, 2)).await.unwrap();
        all.extend(page.into_iter().map(|entry| entry.address));
        after = next;
        if after.is_none() {
            return all;
        }
    }
}

async fn three_messages(world: &World) -> [MessageId; 3] {
    let mut one = world.message("account:a@example.jp", &["x@example.com", "y@example.jp"]).await;
    one.fingerprint = 99;
    let mut two = world.message("network:198.51.100.0/24", &["x@example.com", "z@sub.example.com"]).await;
    two.reverse_path = None;
    two.network = "198.51.100.9".into();
    two.received = later(100);
    let three = world.message("account:a@example.jp", &["w@lists.example.jp"]).await;
    let ids = [one.id, two.id, three.id];
    for message in [one, two, three] {
        world.accept(message).await;
    }
    ids
}

pub async fn filters(world: &World) {
    let ids = three_messages(world).await;
    found(world, ids, false).await;
    // Among so many that a step does not see them all.
    let crowd: Vec<String> = (0..5_000).map(|n| format!("v{n}@crowd.example")).collect();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let mut message = world.message("account:crowd@example.jp", &crowd).await;
    message.reverse_path = Some("crowd@example.jp".into());
    world.accept(message).await;
    found(world, ids, true).await;
}

async fn found(world: &World, ids: [MessageId; 3], crowded: bool) {
    let all = Filter::default();
    let text = |text: &str| Some(text.to_owned());
    for (name, filter, expected) in [
        ("all", all.clone(), "x@example.com y@example.jp x@example.com z@sub.example.com w@lists.example.jp"),
        (
            "account",
            Filter { account: text("A@example.jp"), ..all.clone() },
            "x@example.com y@example.jp w@lists.example.jp",
        ),
        (
            "sender",
            Filter { address: text("a@example.jp"), ..all.clone() },
            "x@example.com y@example.jp w@lists.example.jp",
        ),
        ("recipient", Filter { address: text("X@EXAMPLE.com"), ..all.clone() }, "x@example.com x@example.com"),
        ("domain", Filter { domain: text("example.com"), ..all.clone() }, "x@example.com x@example.com"),
        ("network", Filter { network: text("198.51.100.0/24"), ..all.clone() }, "x@example.com z@sub.example.com"),
        (
            "origin",
            Filter { origin: text("network:198.51.100.0/24"), ..all.clone() },
            "x@example.com z@sub.example.com",
        ),
        ("stage", Filter { stage: Some(Stage::Lists), ..all.clone() }, "w@lists.example.jp"),
        (
            "age",
            Filter { older_than: Some(later(100)), ..all.clone() },
            "x@example.com y@example.jp w@lists.example.jp",
        ),
        ("message", Filter { message: Some(ids[1]), ..all.clone() }, "x@example.com z@sub.example.com"),
        ("fingerprint", Filter { fingerprint: Some(99), ..all.clone() }, "x@example.com y@example.jp"),
        ("both", Filter { fingerprint: Some(99), domain: text("example.com"), ..all.clone() }, "x@example.com"),
        (
            "origin and domain",
            Filter { origin: text("Account:A@example.jp"), domain: text("example.jp"), ..all.clone() },
            "y@example.jp",
        ),
        ("none", Filter { account: text("b@example.jp"), ..all.clone() }, ""),
    ] {
        if crowded && ["all", "age"].contains(&name) {
            continue;
        }
        assert_eq!(listed(world, filter.clone()).await.join(" "), expected, "{name}");
        let counted = world.store.read(move |tx| queue::count_step(tx, &filter, None)).await.unwrap();
        assert_eq!(counted.changed as usize, expected.split_whitespace().count(), "{name}");
    }
    let shown = world.store.read(move |tx| queue::show(tx, ids[1])).await.unwrap().unwrap();
    assert_eq!((shown.recipients.len(), shown.helo.as_str(), shown.held), (2, "client.example.jp", None));
    let content = shown.content;
    assert_eq!(world.store.read(move |tx| queue::export(tx, ids[1])).await.unwrap(), Some(content));
}

/// One who has few is found at once behind one who has many, a page at a time.
pub async fn few_behind_many(world: &World) {
    let many = |name: &str| (0..5_000).map(|n| format!("v{n}@{name}.example")).collect::<Vec<_>>();
    for name in ["crowd", "mob"] {
        let to = many(name);
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        world.accept(world.message(&format!("account:{name}@example.jp"), &to).await).await;
    }
    world
        .accept(world.message("account:a@example.jp", &["x@example.com", "y@example.com", "z@example.net"]).await)
        .await;
    for filter in [
        Filter { account: Some("A@example.jp".into()), ..Filter::default() },
        Filter { origin: Some("account:a@example.jp".into()), ..Filter::default() },
    ] {
        let first = filter.clone();
        let (page, next) = world.store.read(move |tx| queue::list(tx, &first, None, 2)).await.unwrap();
        assert_eq!(page.iter().map(|one| one.address.as_str()).collect::<Vec<_>>(), ["x@example.com", "y@example.com"]);
        let (page, next) = world.store.read(move |tx| queue::list(tx, &filter, next, 2)).await.unwrap();
        assert_eq!((page.len(), page[0].address.as_str(), next), (1, "z@example.net", None));
    }
    let mob = || Filter { origin: Some("account:mob@example.jp".into()), ..Filter::default() };
    let (_, purged) = steps(world, move |tx, after| queue::purge_step(tx, &mob(), after, 1_000)).await;
    assert_eq!(purged.changed, 5_000);
    assert_eq!(world.status().await.domains.recipients, 5_003);
}

pub async fn hold_release_retry_purge(world: &World) {
    let ids = three_messages(world).await;
    let com = || Filter { domain: Some("example.com".into()), ..Filter::default() };
    let (_, held) = steps(world, move |tx, after| queue::hold_step(tx, &com(), after, 1_000)).await;
    assert_eq!((held.changed, held.messages), (2, 2));
    let (_, again) = steps(world, move |tx, after| queue::hold_step(tx, &com(), after, 1_000)).await;
    assert_eq!(again.changed, 0);
    let status = world.status().await;
    assert_eq!((status.holding.messages, status.holding.recipients, status.domains.recipients), (2, 2, 1));
    assert_eq!(world.due(later(1_000)).await.len(), 3);

    // Retrying does not touch what is held.
    let due = world.due(NOW).await;
    for lane in due {
        let work = world.claim("one", lane, NOW, 60).await.unwrap();
        let wait = Outcome::Deferred { until: later(900), code: 0, reply: "timeout".into(), warned: true };
        world.settle("one", &work, wait, NOW).await;
    }
    assert!(world.due(later(899)).await.is_empty());
    let (_, retried) =
        steps(world, |tx, after| queue::retry_step(tx, &Filter::default(), after, 1_000, later(10))).await;
    assert_eq!(retried.changed, 3);
    assert_eq!(world.due(later(10)).await.len(), 3);

    let (_, released) = steps(world, move |tx, after| queue::release_step(tx, &com(), after, 1_000, later(20))).await;
    assert_eq!((released.changed, released.messages), (2, 2));
    assert_eq!(world.status().await.holding.recipients, 0);
    assert_eq!(world.due(later(20)).await.len(), 5);

    let one = ids[0];
    let only = move || Filter { message: Some(one), ..Filter::default() };
    let (_, purged) = steps(world, move |tx, after| queue::purge_step(tx, &only(), after, 1_000)).await;
    assert_eq!((purged.changed, purged.messages), (2, 1));
    assert_eq!(world.store.read(move |tx| queue::show(tx, one)).await.unwrap(), None);
    let (_, purged) = steps(world, |tx, after| queue::purge_step(tx, &Filter::default(), after, 1_000)).await;
    assert_eq!((purged.changed, purged.messages), (3, 2));
    let status = world.status().await;
    assert_eq!((status.oldest, status.domains.bytes, status.lists.messages), (None, 0, 0));
}

pub async fn releasing_out_of_a_held_origin(world: &World) {
    let origin = "account:a@example.jp";
    let mine = world.accept(world.message(origin, &["friend@example.com", "v@victim.example"]).await).await;
    let spam = world.accept(world.message(origin, &["v@victim.example"]).await).await;
    world.store.write(move |tx| queue::hold_origin(tx, origin, "suspected", NOW)).await.unwrap();
    let friend = || Filter { address: Some("friend@example.com".into()), ..Filter::default() };
    let (_, released) = steps(world, move |tx, after| queue::release_step(tx, &friend(), after, 1_000, NOW)).await;
    assert_eq!((released.changed, released.messages), (1, 1));
    // The friend gets the mail, the others of the same message wait, and so does all else.
    let due = world.due(NOW).await;
    assert_eq!(due.len(), 1);
    let work = world.claim("one", due[0], NOW, 60).await.unwrap();
    assert_eq!(work.entries.iter().map(|entry| entry.address.as_str()).collect::<Vec<_>>(), ["friend@example.com"]);
    let status = world.status().await;
    assert_eq!((status.holding.messages, status.holding.recipients, status.domains.recipients), (2, 2, 1));
    assert_eq!(status.held[0].messages, 1);
    world.settle("one", &work, Outcome::Relayed, NOW).await;
    let shown = world.store.read(move |tx| queue::show(tx, mine.id)).await.unwrap().unwrap();
    assert_eq!(shown.recipients.iter().map(|one| one.stage).collect::<Vec<_>>(), [Stage::Holding]);
    assert_eq!(shown.held, None);
    let shown = world.store.read(move |tx| queue::show(tx, spam.id)).await.unwrap().unwrap();
    assert_eq!(shown.held.as_deref(), Some("suspected"));
    // New mail of the origin is held still.
    assert!(world.accept(world.message(origin, &["w@victim.example"]).await).await.held);
    // The rest is released by hand too.
    let (_, released) = steps(world, |tx, after| queue::release_step(tx, &Filter::default(), after, 1_000, NOW)).await;
    assert_eq!(released.changed, 3);
    assert_eq!(world.status().await.holding.recipients, 0);
    let work = world.claim("one", world.due(NOW).await[0], NOW, 60).await.unwrap();
    assert_eq!(work.entries.len(), 3);
}

pub async fn steps_resume(world: &World) {
    let many: Vec<String> = (0..30).map(|n| format!("v{n}@example.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for _ in 0..3 {
        world.accept(world.message("account:a@example.jp", &many).await).await;
    }
    let (count, held) = steps(world, |tx, after| queue::hold_step(tx, &Filter::default(), after, 7)).await;
    assert_eq!(held.changed, 90);
    assert!((13..=14).contains(&count), "{count}");
    // A step that was lost in a crash is simply done again.
    let (_, again) = steps(world, |tx, after| queue::hold_step(tx, &Filter::default(), after, 7)).await;
    assert_eq!(again.changed, 0);
    let (count, purged) = steps(world, |tx, after| queue::purge_step(tx, &Filter::default(), after, 1_000)).await;
    assert_eq!((count, purged.changed), (1, 90));
}
