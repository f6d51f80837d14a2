//! Every button: what it asks first, what it does, and who may not.

use axum::http::StatusCode;
use sekisho_store::account::State;
use sekisho_store::journal::{JournalFilter, Kind};
use sekisho_store::queue::{Filter, Stage};
use serde_json::json;

use crate::world::{Browser, OTHER, World};

async fn press(browser: &Browser<'_>, command: serde_json::Value, sure: bool) -> crate::world::Page {
    let command = command.to_string();
    let mut fields = vec![("command", command.as_str()), ("back", "/queue")];
    if sure {
        fields.push(("sure", "1"));
    }
    browser.post("/act", &fields).await
}

#[tokio::test]
async fn an_act_says_in_numbers_what_it_will_do_and_then_does_it() {
    let world = World::new().await;
    for n in 0..3 {
        world.queue("taro@example.jp", "spam", n, Stage::Domains).await;
    }
    let browser = world.login("admin@example.jp").await;
    let purge =
        json!({ "command": "queue", "act": "purge", "filter": { "account": "taro@example.jp" }, "confirmed": false });
    let asked = press(&browser, purge.clone(), false).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.body.contains("元には戻せません") && asked.body.contains("<dd>3</dd>"), "{}", asked.body);
    assert_eq!(queued(&world).await, 3, "asking does nothing");
    let mut done = browser.clone();
    let page = press(&browser, purge, true).await;
    assert_eq!(page.place, "/queue");
    done.keep(&page);
    assert!(done.get("/queue").await.body.contains("role=\"status\""), "what was done is said on the next page");
    assert_eq!(queued(&world).await, 0);
    let filter = JournalFilter { kinds: vec![Kind::Act], ..JournalFilter::default() };
    let found = world.control.store().read(move |tx| sekisho_store::journal::query(tx, &filter, 0, 100)).await.unwrap();
    let last = found.entries.last().map(|(_, entry)| entry.detail.clone()).unwrap();
    assert_eq!((&last["who"], &last["act"]), (&json!("console:admin@example.jp"), &json!("queue.purge")));
}

#[tokio::test]
async fn the_emergency_bar_pauses_and_resumes() {
    let world = World::new().await;
    let browser = world.login("admin@example.jp").await;
    let asked =
        press(&browser, json!({ "command": "switch", "act": "pause", "service": "receive", "reason": "x" }), false)
            .await;
    assert!(asked.body.contains("この 1 時間に受け付けた通数"), "{}", asked.body);
    press(&browser, json!({ "command": "switch", "act": "pause", "service": "receive", "reason": "night" }), true)
        .await;
    let now = browser.get("/now").await;
    assert!(now.body.contains("止められています（night）") && now.body.contains("受信を再開する"), "{}", now.body);
    press(&browser, json!({ "command": "switch", "act": "resume", "service": "receive" }), true).await;
    assert!(!browser.get("/now").await.body.contains("止められています"));
}

#[tokio::test]
async fn each_tier_does_what_is_its_own_and_nothing_else() {
    let world = World::new().await;
    let (user, chief) = (world.login("taro@example.jp").await, world.login("chief@example.jp").await);
    let account = |act: &str, address: &str| json!({ "command": "account", "act": act, "address": address, "reason": "r", "confirmed": true });
    for (browser, command) in [
        (&user, account("suspend", "taro@example.jp")),
        (&user, account("remove", "hana@example.jp")),
        (&user, json!({ "command": "incident", "act": "contain", "which": "hana@example.jp", "reason": "r" })),
        (&user, json!({ "command": "queue", "act": "purge", "filter": {}, "confirmed": true })),
        (&user, json!({ "command": "queue", "act": "release", "filter": { "account": "taro@example.jp" } })),
        (&chief, account("suspend", "jiro@other.example")),
        (&chief, account("suspend", "admin@example.jp")),
        (&chief, json!({ "command": "account", "act": "role", "address": "taro@example.jp", "role": "system_admin" })),
        (
            &chief,
            json!({ "command": "account", "act": "rename", "address": "taro@example.jp", "to": "taro@other.example" }),
        ),
        (&chief, json!({ "command": "domain", "act": "add", "name": "new.example" })),
        (&chief, json!({ "command": "switch", "act": "pause", "service": "receive", "reason": "r" })),
        (&chief, json!({ "command": "queue", "act": "purge", "filter": {}, "confirmed": true })),
        (
            &chief,
            json!({ "command": "queue", "act": "hold", "filter": { "account": "taro@example.jp", "origin": "account:jiro@other.example" }, "reason": "r" }),
        ),
        (&chief, json!({ "command": "incident", "act": "contain", "which": "1", "reason": "r" })),
        (&chief, json!({ "command": "incident", "act": "contain", "which": "network:192.0.2.0/24", "reason": "r" })),
        (
            &chief,
            json!({ "command": "alias", "act": "add", "pattern": "x@other.example", "target": "taro@example.jp" }),
        ),
        (&chief, json!({ "command": "rules", "act": "write", "file": "effect", "account": null, "text": "" })),
        (&chief, json!({ "command": "lockout", "act": "allow", "network": "0.0.0.0/0", "protocol": null })),
        (&chief, json!({ "command": "lockout", "act": "unlock", "what": "192.0.2.1" })),
        (&chief, json!({ "command": "console", "act": "factor_remove", "address": "admin@example.jp" })),
    ] {
        for sure in [false, true] {
            let page = press(browser, command.clone(), sure).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{command}");
        }
    }
    for command in [
        account("suspend", "taro@example.jp"),
        account("resume", "taro@example.jp"),
        json!({ "command": "alias", "act": "add", "pattern": "info@example.jp", "target": "taro@example.jp" }),
        json!({ "command": "queue", "act": "retry", "filter": { "account": "taro@example.jp" } }),
        json!({ "command": "lockout", "act": "unlock", "what": "taro@example.jp" }),
        json!({ "command": "class", "who": "taro@example.jp", "class": "newsletter" }),
    ] {
        let page = press(&chief, command.clone(), true).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{command}: {}", page.body);
    }
}

#[tokio::test]
async fn this_was_not_me_contains_at_once() {
    let world = World::new().await;
    world.queue("taro@example.jp", "spam", 1, Stage::Domains).await;
    let thief = world.login("taro@example.jp").await;
    let owner = world.login("taro@example.jp").await;
    let me = owner.get("/me").await;
    assert!(me.body.contains("これは自分ではない"), "{}", me.body);
    let page = owner.post("/me/not-me", &[("network", "203.0.113.9")]).await;
    assert_eq!(page.place, "/me", "{}", page.body);
    assert_eq!(thief.get("/me").await.status, StatusCode::SEE_OTHER, "the other browser is out");
    let state = world.control.store().read(|tx| Ok(sekisho_store::account::get(tx, "taro@example.jp")?.unwrap().state));
    assert_eq!(state.await.unwrap(), State::Suspended);
    assert!(owner.get("/me").await.body.contains("送信は止められています"));
    let fields = [("current", crate::world::PASSWORD), ("new", OTHER), ("again", OTHER)];
    let changed = owner.post("/me/password", &fields).await;
    assert_eq!(changed.status, StatusCode::FORBIDDEN, "whoever is suspended looks and does not touch");

    let admin = world.login("admin@example.jp").await;
    let list = admin.get("/incidents").await;
    assert!(list.body.contains("taro@example.jp"), "{}", list.body);
    let story = admin.get("/incidents/1").await;
    assert!(
        story.body.contains("新しいパスワードを作って解決する") && story.body.contains("203.0.113.9"),
        "{}",
        story.body
    );
    let resolve = json!({ "command": "incident", "act": "resolve", "which": "1" }).to_string();
    let once = admin.post("/act", &[("command", &resolve), ("back", "/incidents/1"), ("generate", "1")]).await;
    assert!(once.body.contains("class=\"secret\""), "{}", once.body);
    let state = world.control.store().read(|tx| Ok(sekisho_store::account::get(tx, "taro@example.jp")?.unwrap().state));
    assert_eq!(state.await.unwrap(), State::Active);
    for file in ["report.md", "recipients.csv", "incident.json"] {
        let page = admin.get(&format!("/incidents/1/{file}")).await;
        assert_eq!(page.status, StatusCode::OK, "{file}");
    }
    assert_eq!(admin.get("/incidents/1/etc").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn owners_release_their_own_where_policy_lets_them() {
    let closed = World::new().await;
    let message = closed.queue("taro@example.jp", "mine", 1, Stage::Holding).await;
    let browser = closed.login("taro@example.jp").await;
    assert_eq!(browser.post("/me/mine", &[("message", &message)]).await.status, StatusCode::FORBIDDEN);

    let open = World::with(|settings| settings.owner_release = true).await;
    let own = open.queue("taro@example.jp", "mine", 1, Stage::Holding).await;
    let others = open.queue("hana@example.jp", "hers", 2, Stage::Holding).await;
    let browser = open.login("taro@example.jp").await;
    assert!(browser.get("/me").await.body.contains("これは自分のメール"));
    browser.post("/me/mine", &[("message", &others)]).await;
    assert_eq!(stage(&open, &others).await, Stage::Holding, "hers stays");
    browser.post("/me/mine", &[("message", &own)]).await;
    assert_eq!(stage(&open, &own).await, Stage::Domains);
}

#[tokio::test]
async fn rules_are_checked_line_by_line_and_can_be_undone() {
    let world = World::new().await;
    let browser = world.login("admin@example.jp").await;
    let first = "192.0.2.0/24,true\n";
    let bad = format!("{first}no such, thing, at all\n");
    let lint = browser.post("/rules", &[("file", "effect.dat"), ("account", ""), ("text", &bad), ("do", "save")]).await;
    assert!(lint.body.contains("2 行目") && lint.body.contains("no such, thing"), "{}", lint.body);
    let ask = browser
        .post("/rules", &[("file", "effect.dat"), ("account", ""), ("text", "#,default\n"), ("do", "save")])
        .await;
    assert_eq!(ask.status, StatusCode::OK);
    for text in ["# one\n", "# two\n"] {
        let command = json!({ "command": "rules", "act": "write", "file": "effect", "account": null, "text": text });
        let page = press(&browser, command, true).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    }
    let page = browser.get("/rules").await;
    assert!(page.body.contains("この内容に戻す") && page.body.contains("# one"), "{}", page.body);
    let tried = browser.get("/rules?from=a%40far.example&to=b%40far.example&ip=192.0.2.9&auth=0").await;
    assert!(tried.body.contains("断ります"), "{}", tried.body);
}

#[tokio::test]
async fn tables_go_out_and_come_in() {
    let world = World::new().await;
    let chief = world.login("chief@example.jp").await;
    let out = chief.get("/accounts.csv").await;
    assert!(out.body.contains("\"taro@example.jp\"") && !out.body.contains("jiro"), "{}", out.body);
    let text = "address,name\nnew1@example.jp,一郎\nnew2@other.example,x\nnobody\n";
    let looked = chief.post("/accounts/import", &[("text", text), ("do", "look")]).await;
    assert!(looked.body.contains("1 件を追加します。2 件は読み飛ばします。"), "{}", looked.body);
    let done = chief.post("/accounts/import", &[("text", text), ("do", "import")]).await;
    assert!(done.body.contains("1 件を取り込みました。"), "{}", done.body);
    assert!(chief.get("/accounts").await.body.contains("new1@example.jp"));
    let again = chief.post("/accounts/import", &[("text", text), ("do", "import")]).await;
    assert!(again.body.contains("0 件を取り込みました。"), "nothing is done twice");
    let aliases = chief.post("/aliases/import", &[("text", "info@example.jp,taro@example.jp"), ("do", "import")]).await;
    assert!(aliases.body.contains("1 件を取り込みました。"), "{}", aliases.body);
    assert!(chief.get("/aliases.csv").await.body.contains("info@example.jp"));
}

async fn queued(world: &World) -> usize {
    let found = world.control.store().read(|tx| sekisho_store::queue::list(tx, &Filter::default(), None, 100));
    found.await.unwrap().0.len()
}

async fn stage(world: &World, message: &str) -> Stage {
    let filter = Filter { message: sekisho_store::MessageId::parse(message), ..Filter::default() };
    let found = world.control.store().read(move |tx| sekisho_store::queue::list(tx, &filter, None, 1)).await.unwrap();
    found.0[0].stage
}

#[tokio::test]
async fn an_owner_makes_an_app_password_that_is_shown_once_and_takes_it_away() {
    let world = World::new().await;
    let browser = world.login("taro@example.jp").await;
    let make = json!({
        "command": "credential", "act": "add_app_password", "address": "taro@example.jp", "name": "", "protocols": [],
        "networks": "", "days": null,
    })
    .to_string();
    let fields = [("command", make.as_str()), ("set:/name", "iPhone"), ("sure", "1"), ("back", "/me")];
    let page = browser.post("/act", &fields).await;
    let password = crate::world::between(&page.body, "<code class=\"secret\">", "<").to_owned();
    let login = world.control.verify("taro@example.jp", &password, sekisho_control::Protocol::Imap4, "192.0.2.1").await;
    assert!(login.is_ok(), "{:?}", login.err());
    let me = browser.get("/me").await.body;
    assert!(me.contains("iPhone") && !me.contains(&password), "{me}");
    // Nobody makes one for somebody else.
    let other = make.replace("taro@example.jp", "hana@example.jp");
    let refused = browser.post("/act", &[("command", &other), ("set:/name", "x"), ("sure", "1")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let remove = json!({
        "command": "credential", "act": "remove_app_password", "address": "taro@example.jp", "name": "iPhone",
    });
    press(&browser, remove, true).await;
    let login = world.control.verify("taro@example.jp", &password, sekisho_control::Protocol::Imap4, "192.0.2.1").await;
    assert!(login.is_err());
}

#[tokio::test]
async fn a_reject_table_is_edited_line_by_line_and_changed_back_while_locks_stay() {
    let world = World::new().await;
    let table = world.folder().join("rejectsmtpip.dat");
    std::fs::write(&table, "# office\r\n192.0.2.1\ttrue\r\n203.0.113.7\t9999999999\r\n").unwrap();
    let browser = world.login("admin@example.jp").await;
    let rules = browser.get("/rules").await.body;
    assert!(rules.contains("# office") && !rules.contains("203.0.113.7"), "a lock is not written by hand");
    let write = async |text: &str, todo: &str| {
        browser.post("/rules", &[("file", "rejectsmtpip.dat"), ("account", ""), ("text", text), ("do", todo)]).await
    };
    let wrong = write("192.0.2.1\ttrue\r\n300.0.0.1 nonsense\r\n", "save").await;
    assert!(wrong.body.contains("2 行目") && wrong.body.contains("300.0.0.1 nonsense"), "{}", wrong.body);
    let asked = write("198.51.100.0/24\t\r\n", "save").await;
    assert!(asked.body.contains("1 行"), "{}", asked.body);
    let command = json!({ "command": "rules", "act": "write", "file": "rejectsmtp", "account": null, "text": "198.51.100.0/24\t\n" });
    assert_eq!(press(&browser, command, true).await.status, StatusCode::SEE_OTHER);
    let now = || std::fs::read_to_string(&table).unwrap();
    assert_eq!(now(), "198.51.100.0/24\t\n203.0.113.7\t9999999999\r\n");
    let history = browser.get("/rules").await.body;
    assert!(history.contains("この内容に戻す") && history.contains("192.0.2.1"), "what it was can be brought back");
    let back = json!({ "command": "rules", "act": "write", "file": "rejectsmtp", "account": null, "text": "# office\n192.0.2.1\ttrue\n" });
    press(&browser, back, true).await;
    assert_eq!(now(), "# office\n192.0.2.1\ttrue\n203.0.113.7\t9999999999\r\n");
}

#[tokio::test]
async fn an_administrator_of_a_domain_purges_what_is_held_of_his_own_by_likeness() {
    let world = World::new().await;
    for n in 0..3 {
        world.queue("taro@example.jp", "spam", i64::from(n > 0), Stage::Domains).await;
    }
    world.queue("jiro@other.example", "spam", 1, Stage::Domains).await;
    world.contain("taro@example.jp").await;
    world.contain("jiro@other.example").await;
    let chief = world.login("chief@example.jp").await;
    let page = chief.get("/incidents/1").await;
    assert!(page.body.contains("保留中のメール") && page.body.contains("spam"), "{}", page.body);
    assert_eq!(chief.get("/incidents/2").await.status, StatusCode::FORBIDDEN);
    // What he follows from his search shows the same people's mail.
    let found = chief.get("/queue?account=taro%40example.jp").await.body;
    for part in ["origin=account%3A", "fingerprint="] {
        let start = format!("/queue?account=taro@example.jp&amp;{part}");
        let at = found.find(&start).unwrap_or_else(|| panic!("no {start} in {found}"));
        let link: String = found[at..].chars().take_while(|c| *c != '"').collect();
        let shown = chief.get(&link.replace("&amp;", "&")).await;
        assert!(shown.status == StatusCode::OK && shown.body.contains("spam"), "{link}: {}", shown.body);
    }
    let filter = json!({ "origin": "account:taro@example.jp", "account": "taro@example.jp", "fingerprint": 1 });
    let shown = page.body.replace("&quot;", "\"");
    assert!(shown.contains("\"fingerprint\":1") && shown.contains("\"account\":\"taro@example.jp\""), "{shown}");
    let purge = json!({ "command": "queue", "act": "purge", "filter": filter, "confirmed": false });
    let asked = press(&chief, purge.clone(), false).await;
    assert!(asked.body.contains("<dd>2</dd>"), "{}", asked.body);
    assert_eq!(press(&chief, purge, true).await.status, StatusCode::SEE_OTHER);
    assert_eq!(queued(&world).await, 2);
}
