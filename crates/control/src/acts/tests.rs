#![allow(clippy::unwrap_used, clippy::expect_used)]

use sekisho_store::account::{self, State};
use sekisho_store::journal::Kind;
use sekisho_store::queue::{self, Filter, NewMessage, NewRecipient, Stage};
use sekisho_store::{alias, list, switch};

use super::*;
use crate::bus::BusEvent;
use crate::command::*;
use crate::tests::{GOOD, World, person};

fn reason(outcome: Result<Done, Refusal>) -> String {
    match outcome {
        Err(Refusal::Invalid { reason }) => {
            assert!(!reason.ja.is_empty() && reason.ja != reason.en);
            reason.en
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_act_is_in_the_journal_with_who_did_it_and_without_secrets() {
    let world = World::with_taro().await;
    world
        .run(Command::Alias(AliasCommand::Add { pattern: "info@example.jp".into(), target: "taro@example.jp".into() }))
        .await
        .unwrap();
    let acts = world.journal(Kind::Act).await;
    let names: Vec<&str> = acts.iter().map(|entry| entry.detail["act"].as_str().unwrap()).collect();
    assert_eq!(names, ["domain.add", "account.add", "alias.add"]);
    assert!(acts.iter().all(|entry| entry.detail["who"] == "server:test"));
    let all = format!("{acts:?}");
    assert!(!all.contains(GOOD) && !all.contains("argon2"), "{all}");
    assert_eq!(acts[1].account.as_deref(), Some("taro@example.jp"));
}

#[tokio::test]
async fn refused_acts_change_nothing_and_leave_no_trace() {
    let world = World::with_taro().await;
    let before = world.journal(Kind::Act).await.len();
    let add = |address: &str| Command::Account(AccountCommand::Add(person(address, GOOD)));
    assert!(reason(world.run(add("taro@example.jp")).await).contains("already"));
    assert!(reason(world.run(add("taro@elsewhere.example")).await).contains("not a domain of this server"));
    assert!(reason(world.run(add("not an address")).await).contains("not a mail address"));
    let weak = Command::Account(AccountCommand::Add(person("hanako@example.jp", "hanako2024")));
    assert!(reason(world.run(weak).await).contains("hanako"));
    let domain = |name: &str| Command::Domain(DomainCommand::Add { name: name.into() });
    assert!(reason(world.run(domain("example.jp")).await).contains("already"));
    assert!(reason(world.run(domain("no_dots")).await).contains("not a domain name"));
    let remove = Command::Domain(DomainCommand::Remove { name: "example.jp".into() });
    assert!(reason(world.run(remove).await).contains("Remove them first"));
    assert_eq!(world.journal(Kind::Act).await.len(), before);
}

#[tokio::test]
async fn accounts_live_and_end_with_a_grace_period() {
    let world = World::with_taro().await;
    let mut bus = world.control.bus().subscribe();
    let get = async |key: &'static str| world.control.store().read(move |tx| account::get(tx, key)).await.unwrap();
    let act = |act| world.run(Command::Account(act));
    act(AccountCommand::Quota { address: "taro@example.jp".into(), quota: Some(1 << 30) }).await.unwrap();
    act(AccountCommand::MessageQuota { address: "taro@example.jp".into(), messages: Some(9) }).await.unwrap();
    act(AccountCommand::Suspend { address: "TARO@example.jp".into(), reason: "sends too much".into() }).await.unwrap();
    let taro = get("taro@example.jp").await.unwrap();
    assert_eq!((taro.quota, taro.message_quota, taro.state), (Some(1 << 30), Some(9), State::Suspended));
    assert_eq!(bus.next().await, BusEvent::Suspended { account: taro.id });
    act(AccountCommand::Resume { address: "taro@example.jp".into() }).await.unwrap();
    act(AccountCommand::Rename { address: "taro@example.jp".into(), to: "taro.yamada@example.jp".into() })
        .await
        .unwrap();
    assert!(get("taro@example.jp").await.is_none());
    let question = act(AccountCommand::Remove { address: "taro.yamada@example.jp".into(), confirmed: false }).await;
    assert!(
        matches!(question, Err(Refusal::Confirm { ref question, .. }) if question.en.contains("30 days")),
        "{question:?}"
    );
    act(AccountCommand::Remove { address: "taro.yamada@example.jp".into(), confirmed: true }).await.unwrap();
    assert_eq!(get("taro.yamada@example.jp").await.unwrap().state, State::Removed);
    act(AccountCommand::Resume { address: "taro.yamada@example.jp".into() }).await.unwrap();
    assert_eq!(get("taro.yamada@example.jp").await.unwrap().state, State::Active);
}

#[tokio::test]
async fn aliases_and_lists_share_one_name_space() {
    let world = World::with_taro().await;
    let alias = |pattern: &str, target: &str| {
        Command::Alias(AliasCommand::Add { pattern: pattern.into(), target: target.into() })
    };
    world.run(alias("Info@example.jp", "taro@example.jp")).await.unwrap();
    world.run(alias("*@example.jp", "taro@example.jp")).await.unwrap();
    let outside = world.run(alias("sales-*@example.jp", "x@elsewhere.example")).await.unwrap();
    assert!(outside.text.en.contains("wildcard"), "{outside:?}");
    assert!(reason(world.run(alias("info@example.jp", "taro@example.jp")).await).contains("already"));
    assert!(reason(world.run(alias("taro@example.jp", "x@example.jp")).await).contains("cannot be an alias"));
    assert!(reason(world.run(alias("a@example.jp", "a@example.jp")).await).contains("itself"));
    let list = |address: &str| {
        let change = ListChange { subject_tag: Some("[team]".into()), ..ListChange::default() };
        Command::List(ListCommand::Add { address: address.into(), owner: "taro@example.jp".into(), change })
    };
    assert!(reason(world.run(list("info@example.jp")).await).contains("already"));
    world.run(list("team@example.jp")).await.unwrap();
    assert!(reason(world.add("team@example.jp").await).contains("already"));
    let members = vec!["taro@example.jp".to_owned(), "b@elsewhere.example".to_owned(), "Taro@example.jp".to_owned()];
    let done =
        world.run(Command::List(ListCommand::MemberAdd { address: "team@example.jp".into(), members })).await.unwrap();
    assert_eq!(done.data["changed"], 2);
    let bad = ListChange { subject_tag: Some("a\r\nBcc: x@y.z".into()), ..ListChange::default() };
    let set = Command::List(ListCommand::Set { address: "team@example.jp".into(), change: bad });
    assert!(reason(world.run(set).await).contains("line ends"));
    let (aliases, lists) = world.control.store().read(|tx| Ok((alias::list(tx, None)?, list::all(tx)?))).await.unwrap();
    assert_eq!((aliases.len(), lists.len()), (3, 1));
    assert_eq!(lists[0].subject_tag, "[team]");
    let remove = |confirmed| Command::List(ListCommand::Remove { address: "team@example.jp".into(), confirmed });
    assert!(matches!(world.run(remove(false)).await, Err(Refusal::Confirm { .. })));
    world.run(remove(true)).await.unwrap();
}

#[tokio::test]
async fn pausing_is_heard_at_once() {
    let world = World::new().await;
    let mut bus = world.control.bus().subscribe();
    let pause = || Command::Switch(SwitchCommand::Pause { service: Service::Delivery, reason: "spam".into() });
    assert_eq!(world.run(pause()).await.unwrap().data["changed"], true);
    assert_eq!(bus.next().await, BusEvent::SwitchChanged);
    assert_eq!(world.run(pause()).await.unwrap().data["changed"], false);
    let paused = world.control.store().read(|tx| switch::paused(tx, "delivery")).await.unwrap().unwrap();
    assert_eq!(paused.reason, "spam");
    world.run(Command::Switch(SwitchCommand::Resume { service: Service::Delivery })).await.unwrap();
    assert!(world.control.store().read(|tx| switch::paused(tx, "delivery")).await.unwrap().is_none());
}

/// Queues messages with two recipients each.
async fn fill(world: &World, account: &str, count: usize) {
    for _ in 0..count {
        let store = world.control.store();
        let mut staging = store.stage();
        staging.write(b"Subject: x\r\n\r\nhello\r\n").unwrap();
        let content = staging.finish().await.unwrap();
        let now = world.control.now();
        let to = |address: &str| NewRecipient {
            address: address.into(),
            destination: "elsewhere.example".into(),
            stage: Stage::Domains,
            notify: 0,
            orcpt: None,
            due: now,
        };
        let message = NewMessage {
            id: store.next_message_id(),
            content: content.into(),
            relay_offset: 0,
            reverse_path: Some(account.into()),
            origin: format!("account:{account}"),
            account: Some(account.into()),
            network: "203.0.113.5".into(),
            helo: "pc".into(),
            header_from: account.into(),
            message_id_header: String::new(),
            subject: "x".into(),
            fingerprint: 0,
            smtputf8: false,
            eightbit: false,
            dsn_ret: None,
            dsn_envid: None,
            received: now,
            recipients: vec![to("a@elsewhere.example"), to("b@elsewhere.example")],
        };
        store.write(move |tx| queue::accept(tx, &message, now)).await.unwrap();
    }
}

fn of(account: &str) -> Filter {
    Filter { account: Some(account.into()), ..Filter::default() }
}

fn queue_act(act: QueueCommand) -> Command {
    Command::Queue(act)
}

#[tokio::test]
async fn holding_an_account_holds_its_origin_and_what_still_comes() {
    let world = World::with_taro().await;
    fill(&world, "taro@example.jp", 3).await;
    let hold = QueueCommand::Hold { filter: of("Taro@example.jp"), reason: "hijacked".into() };
    let done = world.run(queue_act(hold)).await.unwrap();
    assert_eq!((&done.data["messages"], &done.data["recipients"]), (&3.into(), &6.into()));
    fill(&world, "taro@example.jp", 1).await;
    let status = world.control.store().read(queue::status).await.unwrap();
    assert_eq!((status.holding.recipients, status.held.len()), (8, 1));
    let done = world.run(queue_act(QueueCommand::Release { filter: of("taro@example.jp") })).await.unwrap();
    assert_eq!(done.data["origin_released"], true);
    let status = world.control.store().read(queue::status).await.unwrap();
    assert_eq!((status.holding.recipients, status.domains.recipients), (0, 8));
}

#[tokio::test]
async fn a_purge_says_first_how_many_of_whose() {
    let world = World::with_taro().await;
    fill(&world, "taro@example.jp", 3).await;
    fill(&world, "hanako@example.jp", 2).await;
    let all = Filter { domain: Some("elsewhere.example".into()), ..Filter::default() };
    let ask = world.run(queue_act(QueueCommand::Purge { filter: all.clone(), confirmed: false })).await;
    let Err(Refusal::Confirm { question, detail }) = ask else { panic!("{ask:?}") };
    assert!(question.en.contains("5 messages (10 recipients"), "{question:?}");
    assert!(question.ja.contains("taro@example.jp: 3, hanako@example.jp: 2"), "{question:?}");
    assert_eq!(detail["owners"][0]["owner"], "taro@example.jp");
    let status = world.control.store().read(queue::status).await.unwrap();
    assert_eq!(status.domains.messages, 5, "asking changes nothing");
    let mut heard = 0;
    let purge = queue_act(QueueCommand::Purge { filter: of("taro@example.jp"), confirmed: true });
    let done = world.control.run_with(purge, &Actor::server("test"), &mut |n| heard = n).await.unwrap();
    assert_eq!((&done.data["recipients"], heard), (&6.into(), 6));
    let status = world.control.store().read(queue::status).await.unwrap();
    assert_eq!(status.domains.messages, 2);
    let acts = world.journal(Kind::Act).await;
    let purges: Vec<_> = acts.iter().filter(|entry| entry.detail["act"] == "queue.purge").collect();
    assert_eq!(purges.len(), 2, "begin and end");
    assert_eq!(purges[1].detail["detail"]["done"]["recipients"], 6);
}

#[tokio::test]
async fn single_messages_are_held_released_and_retried() {
    let world = World::with_taro().await;
    fill(&world, "taro@example.jp", 2).await;
    let first =
        world.control.store().read(|tx| queue::list(tx, &Filter::default(), None, 1)).await.unwrap().0[0].message;
    let one = Filter { message: Some(first), ..Filter::default() };
    let done = world.run(queue_act(QueueCommand::Hold { filter: one.clone(), reason: String::new() })).await.unwrap();
    assert_eq!(done.data["recipients"], 2);
    let status = world.control.store().read(queue::status).await.unwrap();
    assert_eq!((status.holding.recipients, status.domains.recipients), (2, 2));
    let done = world.run(queue_act(QueueCommand::Release { filter: one })).await.unwrap();
    assert_eq!((&done.data["recipients"], &done.data["origin_released"]), (&2.into(), &false.into()));
    let mut bus = world.control.bus().subscribe();
    world.run(queue_act(QueueCommand::Retry { filter: of("taro@example.jp") })).await.unwrap();
    assert_eq!(bus.next().await, BusEvent::QueueReady);
}

#[tokio::test]
async fn rules_with_faults_are_refused_with_their_line() {
    let world = World::with_taro().await;
    let write = |account: Option<&str>, file, text: &str| {
        Command::Rules(RulesCommand::Write { file, account: account.map(str::to_owned), text: text.into() })
    };
    let mut bus = world.control.bus().subscribe();
    world.run(write(None, RuleFile::Effect, "#<> default\n192.168.0.* default\n")).await.unwrap();
    assert_eq!(bus.next().await, BusEvent::RulesChanged);
    let path = world.dir.path().join("effect.dat");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "#<> default\n192.168.0.* default\n");
    let faulty = world.run(write(None, RuleFile::Effect, "#<> default\n300.1.2.3 nonsense words\n")).await;
    assert!(reason(faulty).starts_with("line 2:"));
    assert!(std::fs::read_to_string(&path).unwrap().contains("192.168"));
    world.run(write(Some("taro@example.jp"), RuleFile::Sender, "rival.example,-1\n*,0\n")).await.unwrap();
    let taro = world.control.store().read(|tx| account::get(tx, "taro@example.jp")).await.unwrap().unwrap();
    assert_eq!(taro.sender_dat.as_deref(), Some("rival.example,-1\n*,0\n"));
    assert!(reason(world.run(write(None, RuleFile::Sender, "*,0\n")).await).contains("belongs to an account"));
    world.run(write(Some("taro@example.jp"), RuleFile::Sender, "")).await.unwrap();
    let taro = world.control.store().read(|tx| account::get(tx, "taro@example.jp")).await.unwrap().unwrap();
    assert_eq!(taro.sender_dat, None);
}

#[test]
fn commands_travel_as_json_and_secrets_are_not_printed() {
    let command = Command::Account(AccountCommand::Add(person("taro@example.jp", GOOD)));
    let text = serde_json::to_string(&command).unwrap();
    assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command);
    assert!(!format!("{command:?}").contains(GOOD));
    let hold = Command::Queue(QueueCommand::Hold { filter: of("taro@example.jp"), reason: "x".into() });
    assert_eq!(serde_json::from_str::<Command>(&serde_json::to_string(&hold).unwrap()).unwrap(), hold);
}
