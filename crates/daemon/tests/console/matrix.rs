//! Every address times every tier, from the table that the router is made of.

use axum::http::StatusCode;
use sekisho_console::gate::Who;
use sekisho_console::routes::ROUTES;
use sekisho_store::queue::Stage;

use crate::world::{Browser, World};

/// A path with something in the places of its names, of the tier's own domain.
fn filled(path: &str, message: &str) -> String {
    path.replace("{address}", "taro@example.jp")
        .replace("{id}", message)
        .replace("{which}", "1")
        .replace("{file}", "report.md")
        .replace("{name}", "console.css")
}

/// Streams never end by themselves.
fn is_stream(path: &str) -> bool {
    path.ends_with("/events")
}

#[tokio::test]
async fn every_address_times_every_tier() {
    let world = World::new().await;
    let message = world.queue("taro@example.jp", "hello", 1, Stage::Domains).await;
    let nobody = world.browser();
    let tiers = [
        ("user", world.login("taro@example.jp").await),
        ("domain", world.login("chief@example.jp").await),
        ("system", world.login("admin@example.jp").await),
    ];
    for route in ROUTES {
        let path = filled(route.path, &message);
        let outside = ask(&nobody, route.post, &path).await;
        if route.who == Who::Anyone {
            assert!(
                !outside.status.is_server_error() && outside.status != StatusCode::FORBIDDEN,
                "{path}: {}",
                outside.status
            );
            continue;
        }
        assert_eq!(outside.status, StatusCode::SEE_OTHER, "nobody at {path}");
        assert!(outside.place.starts_with("/login"), "nobody at {path}");
        for (tier, browser) in &tiers {
            let admitted = match route.who {
                Who::System => *tier == "system",
                Who::Domain => *tier != "user",
                // They are all in: the way in is behind them.
                Who::Halfway(_) => false,
                Who::Person | Who::Anyone | Who::Program => true,
            };
            // A form without its token gets nowhere, whoever sends it; that is asked first, and changes nothing.
            if route.post {
                let page = browser.raw_post(&path, &[("csrf", "guess")]).await;
                let wanted =
                    if matches!(route.who, Who::Halfway(_)) { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN };
                assert_eq!(page.status, wanted, "{tier} without a token at {path}");
                continue;
            }
            if admitted && is_stream(&path) {
                continue;
            }
            let page = browser.get(&path).await;
            assert!(!page.status.is_server_error(), "{tier} at {path}: {}", page.body);
            match (admitted, route.who) {
                (false, Who::Halfway(_)) => assert_eq!(page.place, "/", "{tier} at {path}"),
                (false, _) => assert_eq!(page.status, StatusCode::FORBIDDEN, "{tier} at {path}"),
                (true, _) => assert_ne!(page.status, StatusCode::FORBIDDEN, "{tier} at {path}: {}", page.body),
            }
        }
    }
}

#[tokio::test]
async fn forms_of_other_sites_get_nowhere_even_with_the_token() {
    let world = World::new().await;
    let browser = world.login("admin@example.jp").await;
    let csrf = browser.csrf().await;
    let jar: Vec<String> = browser.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = axum::http::Request::builder()
        .method("POST")
        .uri("/logout")
        .header("cookie", jar.join("; "))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .body(axum::body::Body::from(format!("csrf={csrf}")));
    assert_eq!(world.ask(request.unwrap()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get("/now").await.status, StatusCode::OK, "still in");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let world = World::new().await;
    let browser = world.login("admin@example.jp").await;
    assert_eq!(browser.get("/nothing").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/accounts/x@example.jp").await.status, StatusCode::CONFLICT);
    assert_eq!(browser.get("/assets/nothing.js").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/messages/B9999999999").await.status, StatusCode::NOT_FOUND);
}

/// Nobody's data but one's own: each of these is somebody else's.
#[tokio::test]
async fn a_user_reaches_nobody_elses_data() {
    let world = World::new().await;
    let other = world.queue("hana@example.jp", "secret of hana", 2, Stage::Holding).await;
    let far = world.queue("jiro@other.example", "secret of jiro", 3, Stage::Holding).await;
    let user = world.login("taro@example.jp").await;
    let chief = world.login("chief@example.jp").await;
    for (browser, path) in [
        (&user, format!("/messages/{other}")),
        (&user, format!("/messages/{far}")),
        (&chief, format!("/messages/{far}")),
        (&chief, "/accounts/jiro@other.example".into()),
        (&chief, "/accounts/jiro@other.example/rules".into()),
        (&chief, "/queue?account=jiro@other.example".into()),
        (&chief, "/queue.csv?account=jiro@other.example".into()),
        (&chief, "/logs?account=jiro@other.example".into()),
        (&chief, "/logs.txt?account=jiro@other.example".into()),
        (&chief, "/logs/events?account=jiro@other.example".into()),
    ] {
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!page.body.contains("secret of"), "{path}");
    }
    let own = chief.get(&format!("/messages/{other}")).await;
    assert!(own.body.contains("secret of hana"), "of his own domain");
    let accounts = chief.get("/accounts?domain=other.example").await;
    assert!(accounts.body.contains("taro@example.jp") && !accounts.body.contains("jiro@other.example"));
    assert!(!chief.get("/domains").await.body.contains("other.example"));
}

async fn ask(browser: &Browser<'_>, post: bool, path: &str) -> crate::world::Page {
    if post { browser.raw_post(path, &[]).await } else { browser.get(path).await }
}
