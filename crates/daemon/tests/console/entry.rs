//! The way in and out.

use std::time::Duration;

use axum::http::StatusCode;
use sekisho_console::totp;
use sekisho_store::account::Role;
use sekisho_store::console;
use sekisho_store::journal::{JournalFilter, Kind};

use crate::world::{OTHER, PASSWORD, World, between};

#[tokio::test]
async fn who_is_not_logged_in_gets_a_form_and_comes_back_to_where_he_wanted() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get("/queue?stage=holding").await;
    assert_eq!((page.status, page.place.as_str()), (StatusCode::SEE_OTHER, "/login?to=%2Fqueue%3Fstage%3Dholding"));
    let form = browser.get(&page.place).await;
    assert!(form.body.contains("value=\"/queue?stage=holding\""), "{}", form.body);
    assert!(form.csp.contains("default-src 'none'") && !form.csp.contains("unsafe"), "{}", form.csp);
    let fields = [("name", "admin@example.jp"), ("password", PASSWORD), ("to", "/queue?stage=holding")];
    let page = browser.raw_post("/login", &fields).await;
    browser.keep(&page);
    assert_eq!(page.place, "/queue?stage=holding");
    let session = page.cookies.iter().find(|cookie| cookie.starts_with("__Host-sekisho=")).unwrap();
    for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(session.contains(part), "{session}");
    }
    assert_eq!(browser.get("/queue").await.status, StatusCode::OK);
    let out = browser.post("/logout", &[]).await;
    assert_eq!(out.place, "/login");
    assert_eq!(browser.get("/queue").await.status, StatusCode::SEE_OTHER, "the token itself is over");
}

#[tokio::test]
async fn wrong_names_and_passwords_read_the_same_and_are_in_the_journal() {
    let world = World::new().await;
    let mut browser = world.browser();
    let wrong = browser.enter("taro@example.jp", "not it").await;
    let nobody = browser.enter("nobody@example.jp", "not it").await;
    let text = "名前かパスワードが違います。";
    assert!(wrong.body.contains(text) && nobody.body.contains(text));
    assert_eq!(wrong.status, nobody.status);
    assert!(browser.jar.is_empty());
    world.control.journal().flush().await;
    let filter = JournalFilter { kinds: vec![Kind::Notice], ..JournalFilter::default() };
    let found = world.control.store().read(move |tx| sekisho_store::journal::query(tx, &filter, 0, 10)).await.unwrap();
    let reasons: Vec<&str> = found.entries.iter().filter_map(|(_, e)| e.detail["reason"].as_str()).collect();
    assert_eq!(reasons, ["wrong password", "unknown user"]);
}

#[tokio::test]
async fn guessing_at_the_console_is_locked_out_like_everywhere() {
    let world = World::new().await;
    let mut browser = world.browser();
    for n in 0..40 {
        browser.enter("taro@example.jp", &format!("guess number {n}")).await;
    }
    assert!(!world.control.lockouts().locks.is_empty());
    let page = browser.enter("taro@example.jp", PASSWORD).await;
    assert!(page.body.contains("名前かパスワードが違います。"), "the right password tells nothing now");
}

#[tokio::test]
async fn a_one_time_password_is_changed_before_anything_else() {
    let world = World::new().await;
    world.add("new@example.jp", Role::User, true).await;
    let mut browser = world.browser();
    assert_eq!(browser.enter("new@example.jp", PASSWORD).await.place, "/login/password");
    for path in ["/", "/me", "/me/tokens", "/login/code"] {
        assert_eq!(browser.get(path).await.place, "/login/password", "{path}");
    }
    let same = browser.post("/login/password", &[("new", PASSWORD), ("again", OTHER)]).await;
    assert!(same.body.contains("一致しません"), "{}", same.body);
    let weak = browser.post("/login/password", &[("new", "sakura123"), ("again", "sakura123")]).await;
    assert!(weak.body.contains("sakura"), "the reason names the weak part");
    let done = browser.post("/login/password", &[("new", OTHER), ("again", OTHER)]).await;
    assert_eq!(done.place, "/");
    let old = browser.clone();
    browser.keep(&done);
    assert_eq!(browser.get("/me").await.status, StatusCode::OK);
    assert_eq!(old.get("/me").await.place, "/login?to=%2Fme", "sessions of the old password are over");
}

#[tokio::test]
async fn a_second_factor_is_set_up_used_once_and_recovered() {
    let world = World::new().await;
    let browser = world.login("admin@example.jp").await;
    assert_eq!(browser.post("/me/factor/begin", &[]).await.place, "/me/factor");
    let page = browser.get("/me/factor").await;
    assert!(page.body.contains("<path fill=\"#000\""), "a picture to scan");
    let secret = secret_of(&world).await;
    assert!(page.body.contains(&totp::base32(&secret)));
    let refused = browser.post("/me/factor/confirm", &[("code", "000000")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let shown = browser.post("/me/factor/confirm", &[("code", &now(&world, &secret))]).await;
    let recovery = between(&shown.body, "<li><code>", "</code>").to_owned();
    assert_eq!(shown.body.matches("<li><code>").count(), totp::RECOVERY_CODES);

    let mut second = world.browser();
    assert_eq!(second.enter("admin@example.jp", PASSWORD).await.place, "/login/code");
    assert_eq!(second.get("/now").await.place, "/login/code", "the password alone opens nothing");
    let used = second.post("/login/code", &[("code", &now(&world, &secret))]).await;
    assert!(used.body.contains("コードが違います"), "a code works once");
    world.clock.advance(Duration::from_secs(60));
    let well = second.post("/login/code", &[("code", &now(&world, &secret))]).await;
    assert_eq!(well.place, "/");
    let before = second.clone();
    second.keep(&well);
    assert_eq!(second.get("/now").await.status, StatusCode::OK);
    assert_eq!(before.get("/now").await.place, "/login?to=%2Fnow", "the token changes with the code");

    for (round, wanted) in [("/", "first"), ("", "second")] {
        let mut lost = world.browser();
        lost.enter("admin@example.jp", PASSWORD).await;
        let page = lost.post("/login/code", &[("code", &recovery)]).await;
        assert_eq!(page.place, round, "{wanted} use of a recovery code");
    }
}

#[tokio::test]
async fn codes_cannot_be_guessed() {
    let world = World::new().await;
    let browser = world.login("admin@example.jp").await;
    browser.post("/me/factor/begin", &[]).await;
    let secret = secret_of(&world).await;
    browser.post("/me/factor/confirm", &[("code", &now(&world, &secret))]).await;
    let mut thief = world.browser();
    thief.enter("admin@example.jp", PASSWORD).await;
    let mut places = Vec::new();
    for n in 0..5 {
        places.push(thief.post("/login/code", &[("code", &format!("{n:06}"))]).await.place);
    }
    assert_eq!(places.last().map(String::as_str), Some("/login"), "{places:?}");
    assert_eq!(thief.get("/login/code").await.place, "/login?to=%2Flogin%2Fcode", "the password must be given again");
}

#[tokio::test]
async fn sessions_end_by_themselves() {
    let world = World::new().await;
    let browser = world.login("taro@example.jp").await;
    for _ in 0..6 {
        world.clock.advance(Duration::from_secs(3_600 + 1_800));
        assert_eq!(browser.get("/me").await.status, StatusCode::OK);
    }
    world.clock.advance(Duration::from_secs(3 * 3_600 + 60));
    assert_eq!(browser.get("/me").await.status, StatusCode::SEE_OTHER, "idle, or too old");
    let idle = world.login("taro@example.jp").await;
    world.clock.advance(Duration::from_secs(2 * 3_600 + 60));
    assert_eq!(idle.get("/me").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn both_languages_by_the_browser_and_by_choice() {
    let world = World::new().await;
    let mut browser = world.browser();
    assert!(browser.get("/login").await.body.contains("<html lang=\"ja\">"));
    browser.language = "en-GB";
    assert!(browser.get("/login").await.body.contains("Password"));
    let chosen = browser.get("/language?to=ja&back=//evil.example/").await;
    assert_eq!(chosen.place, "/", "never elsewhere");
    browser.keep(&chosen);
    assert!(browser.get("/login").await.body.contains("パスワード"));
}

async fn secret_of(world: &World) -> Vec<u8> {
    let found = world.control.store().read(|tx| {
        let account = sekisho_store::account::get(tx, "admin@example.jp")?.unwrap();
        console::factor(tx, account.id)
    });
    found.await.unwrap().unwrap().secret
}

fn now(world: &World, secret: &[u8]) -> String {
    totp::code(secret, world.clock.now().micros() / 30_000_000)
}
