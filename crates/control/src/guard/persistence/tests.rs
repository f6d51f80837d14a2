#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use sekisho_store::account;

use super::*;
use crate::command::{AliasCommand, Command, IncidentCommand, PersonalCommand, RulesCommand, Secret};
use crate::tests::World;

const TARO: &str = "taro@example.jp";
const OWN: &str = "Virus:own\nFrom:pills\nLevel:100\nVirusEnd:\n";

fn forward(to: &str) -> Command {
    let forward = Forward { to: vec![to.into()], keep: true, permit: Vec::new() };
    Command::Personal(PersonalCommand::Forward { address: TARO.into(), forward: Some(forward) })
}

fn reply(text: &str) -> Command {
    let reply: AutoReply = serde_json::from_value(json!({ "text": text, "days": 7, "except": [] })).unwrap();
    Command::Personal(PersonalCommand::Reply { address: TARO.into(), reply: Some(reply) })
}

fn filter(text: &str) -> Command {
    Command::Rules(RulesCommand::Write { file: RuleFile::Filter, account: Some(TARO.into()), text: text.into() })
}

async fn personal(world: &World) -> sekisho_store::personal::Personal {
    world.control.store().read(|tx| account::get(tx, TARO)).await.unwrap().unwrap().personal
}

#[tokio::test]
async fn what_an_intruder_changed_is_as_it_was_once_the_incident_is_resolved() {
    let world = World::with_taro().await;
    for command in [forward("home@friend.example"), filter(OWN)] {
        world.run(command).await.unwrap();
    }
    let before = personal(&world).await;
    world.advance(Duration::from_secs(86_400));
    let contain = IncidentCommand::Contain { which: TARO.into(), reason: "test".into() };
    world.run(Command::Incident(contain)).await.unwrap();
    world.advance(Duration::from_secs(60));
    let thief = Actor::Console { account: TARO.into(), network: "203.0.113.5".into() };
    let alias = AliasCommand::Add { pattern: "billing@example.jp".into(), target: "x@evil.example".into() };
    for command in [
        forward("one@evil.example"),
        forward("two@evil.example"),
        reply("pay here"),
        filter(""),
        filter("Virus:hide\nFrom:bank\nLevel:100\nVirusEnd:\n"),
        Command::Alias(alias),
    ] {
        world.control.run(command, &thief).await.unwrap();
        world.advance(Duration::from_secs(1));
    }
    assert_ne!(personal(&world).await, before);
    let password = Some(Secret("orbit walnut thistle canoe".into()));
    let resolve = IncidentCommand::Resolve { which: TARO.into(), password };
    let done = world.run(Command::Incident(resolve)).await.unwrap();
    assert_eq!(done.data["undone"], json!(["billing@example.jp", "forward", "reply", "mail.dat"]));
    assert_eq!(personal(&world).await, before);
    assert_eq!(world.control.store().read(|tx| alias::list(tx, None)).await.unwrap(), []);
}

#[tokio::test]
async fn what_an_administrator_changed_stays() {
    let world = World::with_taro().await;
    let contain = IncidentCommand::Contain { which: TARO.into(), reason: "test".into() };
    world.run(Command::Incident(contain)).await.unwrap();
    world.run(forward("deputy@friend.example")).await.unwrap();
    let resolve =
        IncidentCommand::Resolve { which: TARO.into(), password: Some(Secret("orbit walnut thistle canoe".into())) };
    let done = world.run(Command::Incident(resolve)).await.unwrap();
    assert_eq!(done.data["undone"], json!([]));
    assert_eq!(personal(&world).await.forward.unwrap().to, ["deputy@friend.example"]);
}
