//! App passwords.

use sekisho_guard::event::Protocol as Door;
use sekisho_store::app_password::{self, AppPassword};

use super::*;
use crate::command::{CredentialCommand, IncidentCommand};
use crate::{Actor, BusEvent};

fn adding(name: &str) -> CredentialCommand {
    CredentialCommand::AddAppPassword {
        address: "taro@example.jp".into(),
        name: name.into(),
        protocols: vec![],
        networks: String::new(),
        days: None,
    }
}

async fn add(world: &World, act: CredentialCommand) -> String {
    let done = world.run(Command::Credential(act)).await.unwrap();
    done.data["password"].as_str().unwrap().to_owned()
}

async fn all(world: &World) -> Vec<AppPassword> {
    let read = |tx: &mut dyn Tx| {
        let id = account::get(tx, "taro@example.jp")?.unwrap().id;
        app_password::list(tx, id)
    };
    world.control.store().read(read).await.unwrap()
}

#[tokio::test]
async fn an_app_password_opens_its_doors_without_argon2_and_shows_its_use() {
    let world = World::with_taro().await;
    let made = add(&world, adding("phone")).await;
    for typed in [made.clone(), made.replace('-', ""), made.to_uppercase()] {
        assert_eq!(cost(&world, "taro@example.jp", &typed).await, 0, "{typed}");
        let verified = verify(&world, "taro", &typed, Protocol::Smtp).await.unwrap();
        assert!(verified.origin.may_reach_outside());
        assert_eq!(verified.stamp.app_name(), Some("phone"));
    }
    let used = all(&world).await[0].used.clone().unwrap();
    assert_eq!((used.network.as_str(), used.protocol.as_str()), (HOME, "smtp"));
    let noted = world.journal(Kind::Receive).await.pop().unwrap();
    assert_eq!(noted.detail["how"], "app password phone");
    // The password goes on, a wrong app password costs what a wrong password costs, and the console wants the person.
    verify(&world, "taro", GOOD, Protocol::Imap4).await.unwrap();
    let wrong = password::app_password().unwrap();
    assert_eq!(cost(&world, "taro", &wrong).await, 1);
    assert_eq!(verify(&world, "taro", &wrong, Protocol::Imap4).await.unwrap_err(), Failure::WrongPassword);
    let console = verify(&world, "taro", &made, Protocol::Console).await.unwrap_err();
    assert_eq!(console, Failure::Restricted("not for this protocol"));
    assert_eq!(console.peer_text(), "Authentication failed");
    // It belongs to its account alone.
    world.add("hanako@example.jp").await.unwrap();
    assert_eq!(verify(&world, "hanako", &made, Protocol::Imap4).await.unwrap_err(), Failure::WrongPassword);
}

#[tokio::test]
async fn limits_hold() {
    let world = World::with_taro().await;
    let act = CredentialCommand::AddAppPassword {
        address: "taro@example.jp".into(),
        name: "copier".into(),
        protocols: vec![Protocol::Smtp],
        networks: "203.0.113.0/24".into(),
        days: Some(2),
    };
    let made = add(&world, act).await;
    verify(&world, "taro", &made, Protocol::Smtp).await.unwrap();
    assert_eq!(
        verify(&world, "taro", &made, Protocol::Imap4).await.unwrap_err(),
        Failure::Restricted("not for this protocol")
    );
    let elsewhere = world.control.verify("taro", &made, Protocol::Smtp, "198.51.100.7").await;
    assert_eq!(elsewhere.unwrap_err(), Failure::Restricted("not from this network"));
    world.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(verify(&world, "taro", &made, Protocol::Smtp).await.unwrap_err(), Failure::Restricted("expired"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::with_taro().await;
    add(&world, adding("phone")).await;
    let refused = async |act| world.run(Command::Credential(act)).await.is_err();
    assert!(refused(adding("phone")).await, "twice the same name");
    assert!(refused(adding(" ")).await && refused(adding(&"x".repeat(61))).await && refused(adding("a\nb")).await);
    let with = |protocols, networks: &str, days| CredentialCommand::AddAppPassword {
        address: "taro@example.jp".into(),
        name: "x".into(),
        protocols,
        networks: networks.into(),
        days,
    };
    assert!(refused(with(vec![Protocol::Console], "", None)).await);
    assert!(refused(with(vec![], "somewhere", None)).await && refused(with(vec![], "", Some(0))).await);
    for n in 1..app_password::MOST {
        add(&world, adding(&format!("{n}"))).await;
    }
    assert!(refused(adding("one too many")).await);
}

#[tokio::test]
async fn making_and_taking_away_is_journalled_and_told_to_the_guard() {
    let world = World::with_taro().await;
    let actor = Actor::Console { account: "taro@example.jp".into(), network: "198.51.100.66".into() };
    let done = world.control.run(Command::Credential(adding("phone")), &actor).await.unwrap();
    let made = done.data["password"].as_str().unwrap().to_owned();
    let acts = world.journal(Kind::Act).await;
    let act = acts.iter().rev().find(|entry| entry.detail["act"] == "account.app_password.add").unwrap();
    assert!(!act.detail.to_string().contains(&made) && act.detail.to_string().contains("phone"), "{}", act.detail);
    // From a network where taro was never seen it counts.
    let control = world.control.clone();
    let standing =
        world.control.store().read(move |tx| control.guard().standing(tx, "account:taro@example.jp", control.now()));
    let score = standing.await.unwrap().unwrap()["score"].as_f64().unwrap();
    assert!(score > 0.0, "{score}");
    let verified = verify(&world, "taro", &made, Protocol::Imap4).await.unwrap();
    let with_password = verify(&world, "taro", GOOD, Protocol::Imap4).await.unwrap();
    let id = verified.account.id;
    let stays = async |stamp: &Stamp| world.control.may_stay(id, stamp, HOME).await.unwrap();
    assert_eq!(stays(&verified.stamp).await, Stays::Yes);
    let mut bus = world.control.bus().subscribe();
    let remove = CredentialCommand::RemoveAppPassword { address: "taro@example.jp".into(), name: "phone".into() };
    world.run(Command::Credential(remove.clone())).await.unwrap();
    assert_eq!(bus.next().await, BusEvent::PasswordChanged { account: id });
    assert_eq!(stays(&verified.stamp).await, Stays::Revoked);
    assert_eq!(stays(&with_password.stamp).await, Stays::Yes, "only its own sessions end");
    assert_eq!(verify(&world, "taro", &made, Protocol::Imap4).await.unwrap_err(), Failure::WrongPassword);
    assert!(world.run(Command::Credential(remove)).await.is_err());
}

#[tokio::test]
async fn suspension_and_resolution_revoke_and_a_false_alarm_gives_back() {
    let world = World::with_taro().await;
    let made = add(&world, adding("phone")).await;
    let incident = |act| Command::Incident(act);
    let which = || "taro@example.jp".to_owned();
    world.run(incident(IncidentCommand::Contain { which: which(), reason: "test".into() })).await.unwrap();
    assert_eq!(verify(&world, "taro", &made, Protocol::Imap4).await.unwrap_err(), Failure::Restricted("revoked"));
    world.run(incident(IncidentCommand::Release { which: which(), all: true, confirmed: true })).await.unwrap();
    verify(&world, "taro", &made, Protocol::Imap4).await.unwrap();
    world.run(incident(IncidentCommand::Contain { which: which(), reason: "again".into() })).await.unwrap();
    let password = Some(Secret("gravel teapot orbit mahogany".into()));
    world.run(incident(IncidentCommand::Resolve { which: which(), password })).await.unwrap();
    assert_eq!(verify(&world, "taro", &made, Protocol::Imap4).await.unwrap_err(), Failure::Restricted("revoked"));
    // By hand, too.
    let made = add(&world, adding("desk")).await;
    let suspend = AccountCommand::Suspend { address: which(), reason: "test".into() };
    world.run(account(suspend)).await.unwrap();
    assert!(world.run(Command::Credential(adding("third"))).await.is_err(), "not while it is suspended");
    world.run(account(AccountCommand::Resume { address: which() })).await.unwrap();
    assert_eq!(verify(&world, "taro", &made, Protocol::Smtp).await.unwrap_err(), Failure::Restricted("revoked"));
    assert!(all(&world).await.iter().all(|one| one.revoked.is_some()));
}

#[tokio::test]
async fn a_stolen_one_used_elsewhere_counts_as_a_guess() {
    let world = World::with_taro().await;
    let act = CredentialCommand::AddAppPassword {
        address: "taro@example.jp".into(),
        name: "copier".into(),
        protocols: vec![Protocol::Smtp],
        networks: String::new(),
        days: None,
    };
    let made = add(&world, act).await;
    for n in 0..10 {
        let thief = format!("192.0.2.{n}");
        assert!(world.control.verify("taro", &made, Protocol::Imap4, thief.as_str()).await.is_err());
    }
    // The same wrong thing counts once, so nobody is locked out by a program that is set up wrongly.
    verify(&world, "taro", GOOD, Protocol::Imap4).await.unwrap();
    assert_eq!(Protocol::Imap4.guarded(), Door::Imap4);
}
