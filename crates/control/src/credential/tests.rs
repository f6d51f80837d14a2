#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use sekisho_store::journal::Kind;
use sekisho_store::login::Wire;
use serde_json::json;

use super::*;

mod app;
mod other;
mod prepared;
mod token;

use crate::command::{AccountCommand, Command, DomainCommand, Secret};
use crate::tests::{GOOD, World, person};

const HOME: &str = "203.0.113.5";

async fn verify(world: &World, login: &str, password: &str, protocol: Protocol) -> Result<Verified, Failure> {
    world.control.verify(login, password, protocol, HOME).await
}

fn account(act: AccountCommand) -> Command {
    Command::Account(act)
}

#[tokio::test]
async fn the_right_password_makes_an_origin_that_may_reach_outside() {
    let world = World::with_taro().await;
    for login in ["taro@example.jp", "Taro@Example.JP", "taro"] {
        let verified = verify(&world, login, GOOD, Protocol::Smtp).await.unwrap();
        assert_eq!(verified.origin.key(), "account:taro@example.jp");
        assert!(verified.origin.may_reach_outside());
        assert_eq!(verified.account.address, "taro@example.jp");
    }
}

#[tokio::test]
async fn how_an_account_logs_in_is_known_for_a_month() {
    let world = World::with_taro().await;
    let id = verify(&world, "taro", GOOD, Protocol::Pop3).await.unwrap().account.id;
    let from = async |network: &str, tls: bool, protocol: Protocol, password: &str| {
        let peer = Peer { network, tls, program: "Thunderbird 140" };
        let _ = world.control.verify("taro", password, protocol, peer).await;
        world.journal(protocol.kind()).await.pop().unwrap().detail
    };
    let safe = from(HOME, true, Protocol::Smtp, GOOD).await;
    assert_eq!((&safe["wire"], &safe["program"]), (&json!("tls"), &json!("Thunderbird 140")));
    assert_eq!(from("127.0.0.1", false, Protocol::Imap4, GOOD).await["wire"], "local");
    assert_eq!(
        from(HOME, false, Protocol::Imap4, "wrong").await["wire"],
        "clear",
        "wrong ones are in the journal alone"
    );
    let ways = async || {
        let found = world.control.store().read(move |tx| login::ways(tx, id)).await.unwrap();
        found.into_iter().map(|way| (way.door, way.proof, way.wire)).collect::<Vec<_>>()
    };
    let of = |door: &str, wire| (door.to_owned(), "password".to_owned(), wire);
    let all = [of("imap4", Wire::Local), of("pop3", Wire::Clear), of("smtp", Wire::Tls)];
    assert_eq!(ways().await, all);
    world.advance(Duration::from_secs(20 * 86_400));
    from(HOME, true, Protocol::Smtp, GOOD).await;
    world.advance(Duration::from_secs(20 * 86_400));
    world.control.tidy_lockouts().await;
    assert_eq!(ways().await, [of("smtp", Wire::Tls)], "what nobody does any more is forgotten");
}

#[tokio::test]
async fn every_failure_says_the_same_to_the_peer_and_the_reason_to_the_operator() {
    let world = World::with_taro().await;
    let long = "x".repeat(300);
    for (login, password, reason) in [
        ("taro@example.jp", "wrong", "wrong password"),
        ("nobody@example.jp", GOOD, "unknown user"),
        ("nobody", GOOD, "unknown user"),
        ("ta ro@@", GOOD, "unknown user"),
        ("", "", "unknown user"),
        ("taro@example.jp", long.as_str(), "wrong password"),
    ] {
        let failure = verify(&world, login, password, Protocol::Imap4).await.unwrap_err();
        assert_eq!(failure.peer_text(), "Authentication failed");
        assert!(!failure.is_temporary());
        let noted = world.journal(Kind::Imap4).await.pop().unwrap();
        assert_eq!(noted.detail["reason"], reason, "{login}");
        assert_eq!(noted.network.as_deref(), Some(HOME));
        assert!(!noted.detail.to_string().contains(GOOD));
    }
}

#[tokio::test]
async fn suspension_stops_sending_and_leaves_reading() {
    let world = World::with_taro().await;
    verify(&world, "taro", GOOD, Protocol::Smtp).await.unwrap();
    let act = AccountCommand::Suspend { address: "taro@example.jp".into(), reason: "test".into() };
    world.run(account(act)).await.unwrap();
    assert_eq!(verify(&world, "taro", GOOD, Protocol::Smtp).await.unwrap_err(), Failure::Suspended);
    verify(&world, "taro", GOOD, Protocol::Pop3).await.unwrap();
    verify(&world, "taro", GOOD, Protocol::Imap4).await.unwrap();
    world.run(account(AccountCommand::Resume { address: "taro@example.jp".into() })).await.unwrap();
    verify(&world, "taro", GOOD, Protocol::Smtp).await.unwrap();
}

#[tokio::test]
async fn a_changed_password_counts_at_once_although_the_old_one_was_remembered() {
    let world = World::with_taro().await;
    verify(&world, "taro", GOOD, Protocol::Smtp).await.unwrap();
    let new = "gravel teapot orbit mahogany";
    let act = AccountCommand::Password {
        address: "taro@example.jp".into(),
        password: Secret(new.into()),
        must_change: false,
    };
    world.run(account(act)).await.unwrap();
    assert_eq!(verify(&world, "taro", GOOD, Protocol::Smtp).await.unwrap_err(), Failure::WrongPassword);
    verify(&world, "taro", new, Protocol::Smtp).await.unwrap();
}

#[tokio::test]
async fn removed_accounts_are_unknown_even_when_remembered() {
    let world = World::with_taro().await;
    verify(&world, "taro", GOOD, Protocol::Pop3).await.unwrap();
    world.run(account(AccountCommand::Remove { address: "taro@example.jp".into(), confirmed: true })).await.unwrap();
    assert_eq!(verify(&world, "taro@example.jp", GOOD, Protocol::Pop3).await.unwrap_err(), Failure::UnknownUser);
    assert_eq!(verify(&world, "taro", GOOD, Protocol::Pop3).await.unwrap_err(), Failure::UnknownUser);
}

#[tokio::test]
async fn a_bare_name_must_fit_exactly_one_account() {
    let world = World::with_taro().await;
    world.run(Command::Domain(DomainCommand::Add { name: "example.net".into() })).await.unwrap();
    verify(&world, "TARO", GOOD, Protocol::Pop3).await.unwrap();
    world.add("taro@example.net").await.unwrap();
    assert_eq!(verify(&world, "taro", GOOD, Protocol::Pop3).await.unwrap_err(), Failure::UnknownUser);
    verify(&world, "taro@example.net", GOOD, Protocol::Pop3).await.unwrap();
}

/// How many passwords a login had to hash.
async fn cost(world: &World, login: &str, password: &str) -> u64 {
    let before = world.control.passwords_hashed();
    let _ = verify(world, login, password, Protocol::Imap4).await;
    world.control.passwords_hashed() - before
}

#[tokio::test]
async fn a_remembered_password_costs_nothing_for_its_time_and_a_wrong_one_always_does() {
    let world = World::with_taro().await;
    assert_eq!(cost(&world, "taro", GOOD).await, 1);
    assert_eq!(cost(&world, "taro", GOOD).await, 0);
    assert_eq!(cost(&world, "taro@example.jp", GOOD).await, 0);
    for _ in 0..2 {
        assert_eq!(cost(&world, "taro", "wrong").await, 1, "a wrong password is never remembered as right");
    }
    world.advance(Duration::from_secs(299));
    assert_eq!(cost(&world, "taro", GOOD).await, 0);
    world.advance(Duration::from_secs(2));
    assert_eq!(cost(&world, "taro", GOOD).await, 1);
}

#[tokio::test]
async fn unknown_users_cost_what_wrong_passwords_cost() {
    let world = World::with_taro().await;
    let nobody = &world.control.keys().nobody;
    let real = world.control.store().read(|tx| account::get(tx, "taro@example.jp")).await.unwrap().unwrap().password;
    let parameters = |hash: &str| hash.rsplitn(3, '$').nth(2).unwrap().to_owned();
    assert_eq!(parameters(nobody), parameters(&real));
    for login in ["taro@example.jp", "nobody@example.jp", "nobody", "not an address@", ""] {
        assert_eq!(cost(&world, login, "some wrong password").await, 1, "{login}");
    }
}

#[tokio::test]
async fn older_hashes_are_renewed_when_the_password_passes_by() {
    use argon2::password_hash::phc::PasswordHash;
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let world = World::with_taro().await;
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
    let weak: PasswordHash = weak.hash_password(GOOD.as_bytes()).unwrap();
    let weak = weak.to_string();
    let get = async || world.control.store().read(|tx| account::get(tx, "taro@example.jp")).await.unwrap().unwrap();
    let before = get().await;
    let (id, old, planted) = (before.id, before.password.clone(), weak.clone());
    assert!(world.control.store().write(move |tx| login::replace_hash(tx, id, &old, &planted)).await.unwrap());
    verify(&world, "taro", GOOD, Protocol::Pop3).await.unwrap();
    let after = get().await;
    assert!(after.password.starts_with("$argon2id$v=19$m=19456,"), "{}", after.password);
    assert_eq!(after.password_changed, before.password_changed);
    verify(&world, "taro", GOOD, Protocol::Pop3).await.unwrap();
}

#[tokio::test]
async fn scram_secrets_exist_only_where_the_domain_asks_and_decoys_elsewhere() {
    let world = World::with_taro().await;
    assert!(!world.control.scram_offered());
    let decoy = world.control.scram_secret("taro@example.jp").await.unwrap();
    assert_eq!(decoy, world.control.scram_secret("taro@example.jp").await.unwrap());
    let failed = world.control.scram_done("taro@example.jp", true, Protocol::Smtp, HOME).await;
    assert_eq!(failed.unwrap_err(), Failure::WrongPassword, "nothing can be proved against a decoy");
    world.run(Command::Domain(DomainCommand::Scram { name: "example.jp".into(), on: true })).await.unwrap();
    assert!(world.control.scram_offered());
    // The secret is made when the password passes by.
    verify(&world, "taro", GOOD, Protocol::Imap4).await.unwrap();
    let secret = world.control.scram_secret("taro@example.jp").await.unwrap();
    assert_ne!(secret, decoy);
    assert!(secret.starts_with("SCRAM-SHA-256$120000:"), "{secret}");
    let proved = world.control.scram_done("taro@example.jp", true, Protocol::Smtp, HOME).await.unwrap();
    assert_eq!(proved.origin.key(), "account:taro@example.jp");
    let refused = world.control.scram_done("taro@example.jp", false, Protocol::Smtp, HOME).await;
    assert_eq!(refused.unwrap_err(), Failure::WrongPassword);
    world.run(account(AccountCommand::Add(person("hanako@example.jp", GOOD)))).await.unwrap();
    let hanako = world.control.scram_secret("hanako@example.jp").await.unwrap();
    assert!(hanako.starts_with("SCRAM-SHA-256$120000:") && hanako != secret);
}
