//! Passwords beyond ASCII.

use super::*;

/// Composed, with an ordinary space; and as other keyboards write the same.
const NEW: &str = "がまんする 二十四の瞳 と 銀河鉄道";
const OTHER: &str = "か\u{3099}まんする\u{3000}二十四の瞳 と 銀河鉄道";

async fn set(world: &World, password: &str) {
    let act = AccountCommand::Password {
        address: "taro@example.jp".into(),
        password: Secret(password.into()),
        must_change: false,
    };
    world.run(account(act)).await.unwrap();
}

#[tokio::test]
async fn one_password_from_every_keyboard_for_one_hash() {
    let world = World::with_taro().await;
    for (set_as, typed) in [(NEW, OTHER), (OTHER, NEW)] {
        set(&world, set_as).await;
        for password in [set_as, typed] {
            assert!(cost(&world, "taro", password).await <= 1);
            verify(&world, "taro", password, Protocol::Imap4).await.unwrap();
        }
        assert_eq!(cost(&world, "taro", "がまんする").await, 1);
    }
}

#[tokio::test]
async fn old_hashes_of_octets_go_on_working_and_are_renewed() {
    use argon2::password_hash::phc::PasswordHash;
    use argon2::{Argon2, PasswordHasher};
    let world = World::with_taro().await;
    set(&world, NEW).await;
    let get = async || world.control.store().read(|tx| account::get(tx, "taro@example.jp")).await.unwrap().unwrap();
    let before = get().await;
    assert!(before.password.starts_with("{opaque}$argon2id$"), "{}", before.password);
    // As releases made it that took the octets as they came.
    let octets: PasswordHash = Argon2::default().hash_password(OTHER.as_bytes()).unwrap();
    let (id, old, octets) = (before.id, before.password, octets.to_string());
    assert!(world.control.store().write(move |tx| login::replace_hash(tx, id, &old, &octets)).await.unwrap());
    assert_eq!(verify(&world, "taro", NEW, Protocol::Pop3).await.unwrap_err(), Failure::WrongPassword);
    verify(&world, "taro", OTHER, Protocol::Pop3).await.unwrap();
    assert!(get().await.password.starts_with("{opaque}$argon2id$"));
    verify(&world, "taro", NEW, Protocol::Pop3).await.unwrap();
}
