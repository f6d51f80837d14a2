//! What pages show.

use axum::http::StatusCode;
use sekisho_store::queue::Stage;

use crate::world::World;

#[tokio::test]
async fn every_page_reads_in_both_languages_and_holds_nothing_in_line() {
    let world = World::new().await;
    let message = world.queue("taro@example.jp", "こんにちは <script>", 1, Stage::Holding).await;
    let mut browser = world.login("admin@example.jp").await;
    let pages = [
        "/now",
        "/incidents",
        "/queue",
        "/accounts",
        "/accounts/taro@example.jp",
        "/accounts/taro@example.jp/rules",
        "/domains",
        "/aliases",
        "/lists",
        "/logs",
        "/rules",
        "/lockouts",
        "/settings",
        "/health",
        "/health?check=1",
        "/me",
        "/me/factor",
        "/me/tokens",
        "/accounts/import",
        "/aliases/import",
    ];
    let pages = pages.iter().map(|path| (*path).to_owned()).chain([format!("/messages/{message}")]);
    for path in pages {
        for (language, lang) in [("ja", "ja"), ("en", "en")] {
            browser.language = language;
            let page = browser.get(&path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
            let body = &page.body;
            assert!(body.contains(&format!("<html lang=\"{lang}\">")), "{path}");
            assert_eq!(body.matches("<h1>").count(), 1, "{path}");
            for inline in [" style=\"", " onclick=", "<style", "javascript:", "<script>", "http://", "=\"https://"] {
                assert!(!body.contains(inline), "{path} has {inline}: {body}");
            }
            let japanese = body.chars().any(|c| ('\u{3040}'..='\u{30ff}').contains(&c));
            assert!(lang == "en" || japanese, "{path} in Japanese");
            if lang == "en" {
                // What people are called and what they wrote stays as it is.
                let rest = body.replace("日本語", "").replace("山田 太郎", "").replace("こんにちは", "");
                let kana: String = rest.chars().filter(|c| ('\u{3040}'..='\u{30ff}').contains(c)).collect();
                assert_eq!(kana, "", "{path} in English");
            }
        }
    }
}

#[tokio::test]
async fn a_message_is_shown_as_text_and_nothing_in_it_lives() {
    let world = World::new().await;
    let message = world.queue("taro@example.jp", "<img src=x>", 1, Stage::Holding).await;
    let page = world.login("admin@example.jp").await.get(&format!("/messages/{message}")).await;
    assert!(page.body.contains("https://evil.example/") && !page.body.contains("href=\"https://evil"), "{}", page.body);
    assert!(page.body.contains("&lt;b&gt;hello") && page.body.contains("&lt;img src=x&gt;"), "{}", page.body);
}

#[tokio::test]
async fn the_queue_is_searched_paged_and_exported() {
    let world = World::new().await;
    for n in 0..130 {
        let who = if n % 2 == 0 { "taro@example.jp" } else { "hana@example.jp" };
        world.queue(who, &format!("number {n}"), n, Stage::Domains).await;
    }
    let browser = world.login("admin@example.jp").await;
    let first = browser.get("/queue").await;
    assert!(first.body.contains("number 0") && !first.body.contains("number 129"));
    let next = crate::world::between(&first.body, "<p class=\"pager\"><a href=\"", "\"").replace("&amp;", "&");
    assert!(browser.get(&next).await.body.contains("number 129"), "{next}");
    let some = browser.get("/queue?account=hana%40example.jp").await;
    assert!(some.body.contains("number 1<") && !some.body.contains("number 2<"));
    let csv = browser.get("/queue.csv?account=hana%40example.jp").await;
    assert_eq!((csv.kind.as_str(), csv.body.lines().count()), ("text/csv; charset=utf-8", 66));
    let origins = browser.get("/now").await;
    assert!(origins.body.contains("account:taro@example.jp"));
}

#[tokio::test]
async fn mail_programs_find_their_settings_and_learn_nothing_else() {
    let world = World::new().await;
    let browser = world.browser();
    let known = browser.get("/mail/config-v1.1.xml?emailaddress=taro@example.jp").await;
    assert!(
        known.body.contains("<port>993</port>") && known.body.contains("<domain>example.jp</domain>"),
        "{}",
        known.body
    );
    let unknown = browser.get("/mail/config-v1.1.xml?emailaddress=nobody@example.jp").await;
    assert_eq!(known.body, unknown.body);
    let request = axum::http::Request::builder().method("POST").uri("/autodiscover/autodiscover.xml").body(
        axum::body::Body::from(
            "<Autodiscover><Request><EMailAddress>taro@example.jp</EMailAddress></Request></Autodiscover>",
        ),
    );
    let outlook = world.ask(request.unwrap()).await;
    assert!(
        outlook.body.contains("<LoginName>taro@example.jp</LoginName>") && outlook.body.contains("<Port>465</Port>"),
        "{}",
        outlook.body
    );
    let profile = world.login("taro@example.jp").await.get("/me/sekisho.mobileconfig").await;
    assert_eq!(profile.kind, "application/x-apple-aspen-config");
    assert!(profile.body.contains("<string>taro@example.jp</string>"));
}
