#![allow(clippy::unwrap_used, clippy::expect_used)]

use sekisho_store::account;
use sekisho_store::journal::Kind;

use super::*;
use crate::command::{Command, RuleFile, RulesCommand};
use crate::tests::World;

const TARO: &str = "taro@example.jp";

fn forward(to: &[&str]) -> Command {
    let forward = Forward {
        to: to.iter().map(|to| (*to).to_owned()).collect(),
        keep: true,
        permit: vec!["friend.example".into()],
    };
    Command::Personal(PersonalCommand::Forward { address: TARO.into(), forward: Some(forward) })
}

fn console(network: &str) -> Actor {
    Actor::Console { account: TARO.into(), network: network.into() }
}

async fn score(world: &World) -> f64 {
    let control = world.control.clone();
    let read =
        world.control.store().read(move |tx| control.guard().standing(tx, &format!("account:{TARO}"), control.now()));
    read.await.unwrap().map_or(0.0, |standing| standing["score"].as_f64().unwrap())
}

#[tokio::test]
async fn a_forward_is_journalled_and_from_a_strange_place_it_is_evidence() {
    let world = World::with_taro().await;
    world.control.run(forward(&["a@outside.example"]), &Actor::server("test")).await.unwrap();
    let calm = score(&world).await;
    world.control.run(forward(&["b@outside.example"]), &console("203.0.113.5")).await.unwrap();
    let alarmed = score(&world).await;
    assert!(alarmed > 5.0 * calm.max(0.001), "{calm} {alarmed}");
    let acts = world.journal(Kind::Act).await;
    let last = acts.last().unwrap();
    assert_eq!((last.detail["act"].as_str(), last.account.as_deref()), (Some("account.forward"), Some(TARO)));
    assert!(
        last.detail.to_string().contains("b@outside.example") && last.detail.to_string().contains("a@outside.example"),
        "what it was before, too"
    );
    let kept =
        world.control.store().read(|tx| account::get(tx, TARO)).await.unwrap().unwrap().personal.forward.unwrap();
    assert_eq!((kept.to, kept.permit), (vec!["b@outside.example".to_owned()], vec!["*@friend.example".to_owned()]));
}

#[tokio::test]
async fn a_filter_from_a_strange_place_is_evidence_too() {
    let world = World::with_taro().await;
    let text = "Virus:hide\nFrom:bank\nLevel:100\nVirusEnd:\n".to_owned();
    let write = Command::Rules(RulesCommand::Write { file: RuleFile::Filter, account: Some(TARO.into()), text });
    world.control.run(write, &console("203.0.113.5")).await.unwrap();
    assert!(score(&world).await > 0.0);
    let broken = RulesCommand::Write {
        file: RuleFile::Filter,
        account: Some(TARO.into()),
        text: "Virus:x\nLevel:100\nVirusEnd:\n".into(),
    };
    assert!(world.control.run(Command::Rules(broken), &Actor::server("test")).await.is_err());
}

#[tokio::test]
async fn forwards_and_replies_that_cannot_be_are_refused() {
    let world = World::with_taro().await;
    let many: Vec<String> = (0..=MOST_TARGETS).map(|n| format!("a{n}@outside.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for to in [&[] as &[&str], &[TARO], &["TARO@example.jp"], &["no address"], &many] {
        assert!(world.run(forward(to)).await.is_err(), "{to:?}");
    }
    let reply = |text: &str| {
        let reply = AutoReply { text: text.into(), days: 0, ..AutoReply::default() };
        Command::Personal(PersonalCommand::Reply { address: TARO.into(), reply: Some(reply) })
    };
    assert!(world.run(reply(" \n")).await.is_err());
    world.run(reply("away")).await.unwrap();
    let kept = world.control.store().read(|tx| account::get(tx, TARO)).await.unwrap().unwrap().personal.reply.unwrap();
    assert_eq!(kept.days, 1, "once a day at most");
}

#[tokio::test]
async fn a_client_is_barred_at_the_head_of_effect_dat_and_only_when_that_is_right() {
    let folder = sekisho_testkit::TempDir::new("bar").unwrap();
    let rules = folder.path().to_owned();
    let world = World::with(|options| options.rules = Some(rules)).await;
    let path = folder.path().join("effect.dat");
    let bar = async |client: &str| world.control.bar_client(client.parse().unwrap(), "test").await.unwrap();
    assert!(bar("203.0.113.5").await);
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("203.0.113.5 false\r\n#<> default"));
    std::fs::write(&path, "192.0.2.0/24 true\r\n*.*.*.* norelay\r\n").unwrap();
    for client in ["127.0.0.1", "::1", "192.0.2.7"] {
        assert!(!bar(client).await, "{client}");
    }
    assert!(bar("2001:db8::9").await);
    assert!(!bar("2001:db8::9").await, "once");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "2001:db8::9 false\r\n192.0.2.0/24 true\r\n*.*.*.* norelay\r\n");
}
