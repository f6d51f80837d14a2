//! What pages show.

use axum::http::StatusCode;
use sekisho_control::credential::Peer;
use sekisho_control::{Protocol, entry};
use sekisho_store::queue::Stage;
use serde_json::json;

use crate::world::{PASSWORD, World, between};

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
        "/audit",
        "/drill",
        "/reputation",
        "/trace",
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
async fn an_account_is_shown_with_how_it_logs_in() {
    let world = World::new().await;
    let (control, taro) = (&world.control, "taro@example.jp");
    for (network, tls, protocol, program) in [
        ("198.51.100.7", true, Protocol::Imap4, ""),
        ("192.0.2.9", true, Protocol::Smtp, "taro-pc"),
        ("192.0.2.9", false, Protocol::Pop3, ""),
    ] {
        control.verify(taro, PASSWORD, protocol, Peer { network, tls, program }).await.unwrap();
    }
    // Most programs tell their name when they are in.
    let mut said = entry::dialogue(control.now(), Protocol::Imap4, "198.51.100.7", Some(taro), "ID name=x", "OK", "");
    said.detail["program"] = "Thunderbird <140>".into();
    control.journal().note(said);
    let list = world.login("admin@example.jp").await.get("/accounts").await.body;
    let row = between(&list, "taro@example.jp</a>", "</tr>");
    assert!(row.contains("TLS なし") && row.contains("POP3") && row.contains("IMAP, SMTP"), "{row}");
    let mine = world.login(taro).await.get("/me").await.body;
    let row = |network: &str| {
        let at = mine.find(network).unwrap();
        &mine[at..at + mine[at..].find("</tr>").unwrap()]
    };
    assert!(row("198.51.100.7").contains("Thunderbird &lt;140&gt;"), "{}", row("198.51.100.7"));
    assert!(row("192.0.2.9").contains("TLS なし") && mine.contains("taro-pc"), "{mine}");
}

#[tokio::test]
async fn the_log_begins_with_what_happened_last_and_goes_back() {
    let world = World::new().await;
    for n in 0..450 {
        world.control.journal().note(sekisho_control::entry::notice(world.clock.now(), &format!("event number {n};")));
    }
    let mut browser = world.login("admin@example.jp").await;
    browser.language = "en";
    let first = browser.get("/logs?log=notices").await.body;
    assert!(first.contains("event number 449;") && !first.contains("event number 12;"), "{first}");
    let place = |n: usize| first.find(&format!("event number {n};"));
    assert!(place(449) < place(448) && place(448).is_some());
    let mut seen = first.matches("event number").count();
    let mut page = first;
    while let Some(at) = page.find("&amp;before=") {
        let before: String = page[at + 12..].chars().take_while(char::is_ascii_digit).collect();
        page = browser.get(&format!("/logs?log=notices&before={before}")).await.body;
        seen += page.matches("event number").count();
    }
    assert_eq!(seen, 450);
    assert!(page.contains("event number 0;") && page.contains("That is all."), "{page}");
    let message = browser.get("/api/v1/logs").await;
    assert_eq!(message.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn those_who_write_to_most_strangers_are_named() {
    let world = World::new().await;
    for (account, n) in [("taro@example.jp", 40), ("hana@example.jp", 3)] {
        let accepted = sekisho_control::entry::Accepted { account: Some(account), ..Default::default() };
        let mut entry = sekisho_control::entry::accepted(world.clock.now(), &accepted);
        sekisho_control::entry::new_to_origin(&mut entry, n);
        world.control.journal().note(entry);
    }
    // Most in the queue is not what counts.
    world.queue("jiro@other.example", "x", 1, Stage::Domains).await;
    let now = world.login("admin@example.jp").await.get("/now").await.body;
    let section = &now[now.find("初めての宛先に多く送った送信元").unwrap()..];
    let (taro, hana) = (section.find("taro@example.jp").unwrap(), section.find("hana@example.jp").unwrap());
    assert!(taro < hana && section[..hana].contains(">40<") && !section.contains("jiro@other.example"), "{section}");
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
async fn what_strangers_write_is_text_wherever_it_is_shown() {
    const BAD: &str = "\"><img src=x onerror=alert(1)>'</script>";
    let world = World::new().await;
    let (control, taro) = (&world.control, "taro@example.jp");
    let message = world.queue(taro, BAD, 1, Stage::Holding).await;
    for protocol in [Protocol::Smtp, Protocol::Pop3] {
        let peer = Peer { network: "192.0.2.9", tls: true, program: BAD };
        control.verify(taro, PASSWORD, protocol, peer).await.unwrap();
        control.verify(BAD, BAD, protocol, peer).await.unwrap_err();
    }
    let accepted = entry::Accepted { helo: BAD, from: BAD, to: &[BAD], message_id: BAD, ..Default::default() };
    control.journal().note(entry::accepted(control.now(), &accepted));
    control.journal().note(entry::dialogue(control.now(), Protocol::Imap4, "192.0.2.9", Some(taro), BAD, BAD, BAD));
    control.journal().note(entry::notice(control.now(), BAD));
    for command in [
        json!({ "command": "account", "act": "person", "address": taro, "full_name": BAD, "language": "ja" }),
        json!({ "command": "list", "act": "add", "address": "all@example.jp", "owner": taro, "change": { "subject_tag": BAD, "description": BAD } }),
        json!({ "command": "rules", "act": "write", "file": "rejectsmtp", "account": null, "text": format!("# {BAD}\n") }),
        json!({ "command": "switch", "act": "pause", "service": "receive", "reason": BAD }),
        json!({ "command": "incident", "act": "contain", "which": "hana@example.jp", "reason": BAD }),
    ] {
        world.run(serde_json::from_value(command).unwrap()).await;
    }
    let mut browser = world.login("admin@example.jp").await;
    browser.language = "en";
    let escaped = sekisho_console::words::escaped(BAD);
    let owner = world.login(taro).await;
    let mut shown = 0;
    for path in [
        "/now",
        "/incidents",
        "/incidents/1",
        "/queue",
        "/accounts",
        "/accounts/taro@example.jp",
        "/lists",
        "/lists/all@example.jp",
        "/logs",
        "/logs?log=notices",
        "/logs?log=inlog",
        "/logs?log=imap4log",
        "/logs?log=receivelog",
        "/rules",
        "/lockouts",
        "/me",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([format!("/messages/{message}"), format!("/accounts/{escaped}"), format!("/messages/{escaped}")])
    .chain([
        format!("/queue?account={escaped}&origin={escaped}&address={escaped}"),
        format!("/accounts?domain={escaped}&find={escaped}&after={escaped}"),
        format!("/logs?account={escaped}&network={escaped}&message={escaped}"),
        format!("/rules?from={escaped}&to={escaped}&ip={escaped}"),
        format!("/login?to={escaped}"),
        format!("/{escaped}"),
    ]) {
        let who = if path == "/me" { &owner } else { &browser };
        let page = who.get(&path).await;
        assert!(page.status.as_u16() < 500, "{path}: {}", page.body);
        assert!(!page.body.contains("<img") && !page.body.contains("'</script>"), "{path}: {}", page.body);
        shown += page.body.matches("&lt;img src=x").count();
    }
    assert!(shown > 15, "{shown}: what is looked for is shown");
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
    assert!(first.body.contains("/queue?origin=account%3Ataro@example.jp"));
    // By lane and by likeness.
    world.queue("hana@example.jp", "alike", 1, Stage::Domains).await;
    let some = browser.get("/queue?account=hana%40example.jp").await.body;
    let lane = between(&some, "&amp;origin=account%3Ahana@example.jp&amp;domain=far.example", "</tr>");
    assert!(lane.contains(">66<"), "{lane}");
    let alike = between(&some, "&amp;fingerprint=0000000000000001", "</tr>");
    assert!(alike.contains(">2<"), "{alike}");
    assert!(browser.get("/queue?fingerprint=0000000000000001").await.body.contains("alike"));
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
