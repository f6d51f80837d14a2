//! Certificates, APOP and CRAM-MD5, and what SCRAM says of its channel.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest as _, Md5};
use sekisho_store::recoverable;

use super::*;
use crate::command::CredentialCommand;

fn permit(on: bool) -> Command {
    Command::Credential(CredentialCommand::Recoverable { address: "taro@example.jp".into(), on })
}

async fn apop(world: &World, login: &str, password: &str) -> Result<Verified, Failure> {
    let challenge = "<1@mx.example.jp>";
    let digest: [u8; 16] = Md5::new().chain_update(challenge).chain_update(password).finalize().into();
    let proof = Proof::Digest { login, challenge, digest: &digest, kind: Digest::Apop };
    world.control.prove(proof, Protocol::Pop3, HOME).await
}

async fn cram(world: &World, login: &str, password: &str) -> Result<Verified, Failure> {
    let challenge = "<2@mx.example.jp>";
    let mac = Hmac::<Md5>::new_from_slice(password.as_bytes()).unwrap().chain_update(challenge);
    let digest: [u8; 16] = mac.finalize().into_bytes().into();
    let proof = Proof::Digest { login, challenge, digest: &digest, kind: Digest::CramMd5 };
    world.control.prove(proof, Protocol::Smtp, HOME).await
}

#[tokio::test]
async fn digests_work_for_whom_an_administrator_allowed_it_and_nobody_else() {
    let world = World::with_taro().await;
    assert!(!world.control.offered().digests);
    assert_eq!(apop(&world, "taro", GOOD).await.unwrap_err(), Failure::NotRecoverable);
    world.run(permit(true)).await.unwrap();
    assert!(world.control.offered().digests);
    assert_eq!(apop(&world, "taro", GOOD).await.unwrap_err(), Failure::NotRecoverable, "not known yet");
    // Remembered passwords do not pass the place where it is kept.
    verify(&world, "taro", GOOD, Protocol::Imap4).await.unwrap();
    for login in ["taro", "Taro@Example.jp"] {
        let verified = apop(&world, login, GOOD).await.unwrap();
        assert_eq!(verified.origin.key(), "account:taro@example.jp");
        assert!(cram(&world, login, GOOD).await.unwrap().origin.may_reach_outside());
    }
    assert_eq!(world.journal(Kind::Pop3).await.pop().unwrap().detail["how"], "APOP");
    for (login, password, why) in [
        ("taro", "wrong", Failure::WrongPassword),
        ("nobody", GOOD, Failure::UnknownUser),
        ("taro", "", Failure::WrongPassword),
    ] {
        let failure = apop(&world, login, password).await.unwrap_err();
        assert_eq!((failure.peer_text(), &failure), ("Authentication failed", &why), "{login}");
    }
    assert_eq!(cram(&world, "taro", "wrong").await.unwrap_err(), Failure::WrongPassword);
    // What is kept cannot be read without the key, and changes with the password.
    let read = |tx: &mut dyn Tx| {
        let id = account::get(tx, "taro@example.jp")?.unwrap().id;
        recoverable::get(tx, id)
    };
    let kept = world.control.store().read(read).await.unwrap().unwrap().sealed.unwrap();
    assert!(!kept.windows(6).any(|window| window == &GOOD.as_bytes()[..6]));
    let new = "gravel teapot orbit mahogany";
    let act = AccountCommand::Password {
        address: "taro@example.jp".into(),
        password: Secret(new.into()),
        must_change: false,
    };
    world.run(account(act)).await.unwrap();
    assert_eq!(apop(&world, "taro", GOOD).await.unwrap_err(), Failure::WrongPassword);
    apop(&world, "taro", new).await.unwrap();
    world.run(permit(false)).await.unwrap();
    assert!(!world.control.offered().digests);
    assert_eq!(apop(&world, "taro", new).await.unwrap_err(), Failure::NotRecoverable);
    assert_eq!(world.control.store().read(read).await.unwrap(), None, "nothing is left of it");
}

#[tokio::test]
async fn guesses_at_a_digest_are_locked_out() {
    let world = World::with_taro().await;
    world.run(permit(true)).await.unwrap();
    verify(&world, "taro", GOOD, Protocol::Imap4).await.unwrap();
    let thief = async |password: &str| {
        let challenge = "<3@mx.example.jp>";
        let digest: [u8; 16] = Md5::new().chain_update(challenge).chain_update(password).finalize().into();
        let proof = Proof::Digest { login: "taro", challenge, digest: &digest, kind: Digest::Apop };
        world.control.prove(proof, Protocol::Pop3, "198.51.100.7").await
    };
    for n in 0..8 {
        assert_eq!(thief(&format!("guess {n}")).await.unwrap_err(), Failure::WrongPassword);
    }
    assert!(matches!(thief(GOOD).await.unwrap_err(), Failure::Locked(_)));
    apop(&world, "taro", GOOD).await.unwrap();
}

fn shown<'a>(addresses: &'a [String], fingerprint: &'a str) -> Shown<'a> {
    Shown { addresses, common_names: &[], fingerprint }
}

#[tokio::test]
async fn a_certificate_is_its_account_and_no_other() {
    let world = World::with(|options| {
        let names = [("f00d".to_owned(), "hanako@example.jp".to_owned())].into();
        options.credentials.certificates = Some(Certificates { by: NamedBy::Address, names });
    });
    let world = world.await.and_taro().await;
    world.add("hanako@example.jp").await.unwrap();
    let addresses = ["taro@elsewhere.example".to_owned(), "Taro@example.jp".to_owned()];
    let prove = async |authzid: &str, fingerprint: &str| {
        let proof = Proof::Certificate { authzid, shown: shown(&addresses, fingerprint) };
        world.control.prove(proof, Protocol::Imap4, HOME).await
    };
    for authzid in ["", "taro@example.jp", "taro"] {
        assert_eq!(prove(authzid, "beef").await.unwrap().account.address, "taro@example.jp", "{authzid}");
    }
    assert_eq!(prove("", "f00d").await.unwrap().account.address, "hanako@example.jp", "the list goes first");
    assert_eq!(prove("hanako", "beef").await.unwrap_err(), Failure::ActsForOther);
    assert_eq!(prove("nobody", "beef").await.unwrap_err(), Failure::ActsForOther);
    assert_eq!(world.journal(Kind::Imap4).await[0].detail["how"], "certificate beef");
    let nobody = Proof::Certificate { authzid: "", shown: shown(&addresses[..1], "beef") };
    assert_eq!(world.control.prove(nobody, Protocol::Imap4, HOME).await.unwrap_err(), Failure::Certificate);
    // Suspended accounts do not send with it either.
    let act = AccountCommand::Suspend { address: "taro@example.jp".into(), reason: "test".into() };
    world.run(account(act)).await.unwrap();
    let proof = Proof::Certificate { authzid: "", shown: shown(&addresses, "beef") };
    assert_eq!(world.control.prove(proof, Protocol::Smtp, HOME).await.unwrap_err(), Failure::Suspended);
    // Where no authority is set nobody is let in by one.
    let plain = World::with_taro().await;
    assert_eq!(plain.control.prove(proof, Protocol::Imap4, HOME).await.unwrap_err(), Failure::Certificate);
}

#[tokio::test]
async fn who_sits_in_the_middle_of_scram_is_named_to_the_operator_alone() {
    let world = World::with_taro().await;
    world.run(Command::Domain(DomainCommand::Scram { name: "example.jp".into(), on: true })).await.unwrap();
    verify(&world, "taro", GOOD, Protocol::Imap4).await.unwrap();
    for (outcome, word) in [(Scram::OtherChannel, "binding"), (Scram::Downgraded, "was not shown")] {
        let proof = Proof::Scram { authzid: "", login: "taro", outcome };
        let failure = world.control.prove(proof, Protocol::Imap4, HOME).await.unwrap_err();
        assert_eq!(failure.peer_text(), "Authentication failed");
        let reason = world.journal(Kind::Imap4).await.pop().unwrap().detail["reason"].to_string();
        assert!(reason.contains(word), "{reason}");
    }
    let other = Proof::Scram { authzid: "hanako", login: "taro", outcome: Scram::Proved };
    assert_eq!(world.control.prove(other, Protocol::Imap4, HOME).await.unwrap_err(), Failure::ActsForOther);
}
