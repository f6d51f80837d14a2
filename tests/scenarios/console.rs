//! The console in a real browser: first login, second factor, an incident from its tile to its end, a large queue, rules with a
//! bad line, a user who stays within his own; and looked at, in both languages, wide and narrow, by day and by night.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sekisho_console::totp;
use sekisho_message::Time;
use sekisho_store::queue::{self, Body, NewMessage, NewRecipient, Stage};
use sekisho_store::{Settings, Store};

use crate::support::browser::Browser;
use crate::support::{PASSWORD, Server, Setup, free_port, until};

/// Queued messages of one origin: 5,000, or as many as `SEKISHO_TEST_QUEUED` says (a million takes some ten minutes to put there).
fn many() -> usize {
    std::env::var("SEKISHO_TEST_QUEUED").ok().and_then(|n| n.parse().ok()).unwrap_or(5_000)
}
/// The accessibility checker, which `scripts/install-test-packages` fetches.
const AXE: &str = "/usr/local/share/sekisho-test/axe.min.js";

struct Place {
    server: Server,
    port: u16,
}

impl Place {
    fn new() -> Self {
        let port = free_port();
        let setup = Setup {
            accounts: &["taro", "hana"],
            console: Some(port),
            routes: "[{ domain = '*', host = '127.0.0.1', port = 9 }]",
            ..Setup::default()
        };
        Self { server: Server::prepare(&setup), port }
    }

    fn administrator(&self) {
        let args = ["account", "add", "boss@example.test", "--role", "system_admin", "--password-stdin"];
        assert!(self.server.cli_with(&args, PASSWORD).status.success());
    }

    /// Puts mail of one account into the queue before the server starts.
    fn queue(&self, account: &str, count: usize, stage: Stage) {
        let data = &self.server.data;
        let url = format!("sqlite:{}", data.join("sekisho.db").display());
        let store = Store::open(&Settings { url, blobs: data.join("blobs"), node: "test".into() }).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let now = Time::from_seconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64);
            for begin in (0..count).step_by(250) {
                let mut some = Vec::new();
                for n in begin..(begin + 250).min(count) {
                    let mut staging = store.stage();
                    staging
                        .write(format!("Subject: お買い得 {n}\r\n\r\nhttps://spam.example/\r\n").as_bytes())
                        .unwrap();
                    some.push(message(
                        account,
                        n,
                        stage,
                        Body::New(staging.finish().await.unwrap()),
                        store.next_message_id(),
                        now,
                    ));
                }
                store
                    .write(move |tx| some.iter().try_for_each(|new| queue::accept(tx, new, now).map(drop)))
                    .await
                    .unwrap();
            }
            store.close().await;
        });
    }
}

fn message(
    account: &str,
    n: usize,
    stage: Stage,
    content: Body,
    id: sekisho_store::MessageId,
    now: Time,
) -> NewMessage {
    let to = format!("victim{n}@far{}.example", n % 7);
    NewMessage {
        id,
        content,
        relay_offset: 0,
        reverse_path: Some(account.into()),
        origin: format!("account:{account}"),
        account: Some(account.into()),
        network: "203.0.113.7".into(),
        helo: "pc.example".into(),
        header_from: account.into(),
        message_id_header: format!("<{n}@pc.example>"),
        subject: format!("お買い得 {}", n % 5),
        fingerprint: (n % 5) as i64,
        smtputf8: false,
        eightbit: true,
        dsn_ret: None,
        dsn_envid: None,
        received: now,
        recipients: vec![NewRecipient {
            destination: to.rsplit('@').next().unwrap().to_owned(),
            address: to,
            stage,
            notify: 0,
            orcpt: None,
            due: Time(i64::MAX),
        }],
    }
}

pub fn login(browser: &Browser, name: &str, password: &str) {
    browser.open("/login");
    browser.fill("[name=name]", name);
    browser.fill("[name=password]", password);
    browser.press("main button[type=submit]");
    // The answer must be there before the browser is sent elsewhere, or it would take it back from there.
    until("the login is answered", Duration::from_secs(60), || browser.path() != "/login");
}

/// No complaint of the page, nothing asked of anybody else, no failing answer.
pub fn must_be_clean(browser: &Browser, port: u16) {
    assert_eq!(browser.complaints(), Vec::<String>::new());
    for (url, status) in browser.asked() {
        let ours = url.starts_with(&format!("https://127.0.0.1:{port}/")) || url.starts_with("data:");
        assert!(ours, "something was asked of {url}");
        assert!(status < 500, "{url} answered {status}");
    }
}

#[test]
fn from_the_first_login_to_a_resolved_incident() {
    let mut place = Place::new();
    place.administrator();
    place.queue("taro@example.test", 40, Stage::Holding);
    place.server.launch();
    place.server.run(&["account", "password", "boss@example.test", "--generate"]);
    // A password that must be changed, as the first one is.
    let once =
        place.server.cli_with(&["account", "add", "chief@example.test", "--role", "system_admin", "--generate"], "");
    let once = String::from_utf8(once.stdout).unwrap();
    let once =
        once.split_whitespace().find(|word| word.len() == 19 && word.matches('-').count() == 3).unwrap().to_owned();

    let browser = Browser::start("ja", place.port);
    login(&browser, "chief@example.test", &once);
    browser.see("新しいパスワードを決める");
    browser.fill("[name=new]", PASSWORD);
    browser.fill("[name=again]", PASSWORD);
    browser.press("main button[type=submit]");
    browser.see("今の状態");
    browser.see("不正利用の疑いはありません");

    browser.open("/me/factor");
    browser.press_text("設定を始める");
    browser.see("QR コード");
    let key = browser.run("return document.getElementById('key').textContent");
    let secret = base32(key.as_str().unwrap());
    browser.fill("[name=code]", &code_now(&secret, 0));
    browser.press_text("有効にする");
    browser.see("回復コード");
    let recovery = browser.run("return document.querySelector('#recovery code').textContent");
    browser.open("/me");
    browser.press_text("ログアウト");
    login(&browser, "chief@example.test", PASSWORD);
    browser.see("二段階認証");
    browser.fill("[name=code]", recovery.as_str().unwrap());
    browser.press("main button[type=submit]");
    browser.see("今の状態");
    must_be_clean(&browser, place.port);

    // Somebody contains an account elsewhere: the picture shows it by itself.
    place.server.run(&["incident", "contain", "taro@example.test", "--reason", "test"]);
    browser.see("封じ込め済み");
    let mut clicks = 0;
    let mut click = |text: &str| {
        browser.press_text(text);
        clicks += 1;
    };
    click("taro@example.test");
    browser.see("お買い得 0");
    click("新しいパスワードを作って解決する");
    browser.see("表示はこの一度だけです");
    click("書き留めました");
    browser.see("残りの 40 通を削除する");
    click("残りの 40 通を削除する");
    browser.see("元には戻せません");
    click("実行する");
    browser.see("完了");
    assert!(clicks <= 5, "{clicks} clicks");
    assert_eq!(place.server.queued(), 0);
    must_be_clean(&browser, place.port);
}

#[test]
fn a_large_queue_rules_with_a_bad_line_and_a_user_who_stays_within_his_own() {
    let mut place = Place::new();
    place.administrator();
    let many = many();
    place.queue("taro@example.test", many, Stage::Holding);
    place.queue("hana@example.test", 1, Stage::Holding);
    place.server.launch();
    let browser = Browser::start("en", place.port);
    login(&browser, "boss@example.test", PASSWORD);
    browser.see("No sign of abuse");
    // What it takes to show each page, for whoever runs this with a larger queue.
    let shown = |path: &str, words: &str| {
        let begun = Instant::now();
        browser.open(path);
        browser.see(words);
        println!("{path} with {many} queued: {:?}", begun.elapsed());
    };
    shown("/now", "Open incidents");
    shown("/queue?origin=account%3Ataro%40example.test", "Lanes: origin and destination");
    shown("/queue?fingerprint=0000000000000003", "Alike together");
    shown("/queue", "Go on");
    browser.fill("[name=account]", "hana@example.test");
    browser.press_text("Search");
    browser.see("That is all.");
    browser.open("/queue?account=taro%40example.test");
    browser.press_text("Purge");
    browser.see("It cannot be undone");
    browser.see(&sekisho_console::words::count(many as u64));
    browser.press_text("Do it");
    // With a million the page says that it goes on.
    until("everything is purged", Duration::from_secs(900), || place.server.queued() == 1);
    let answered = || browser.path() != "/act" || browser.text().contains("Under way");
    until("the act is answered", Duration::from_secs(60), answered);
    browser.open("/logs");
    browser.see("purged");

    browser.open("/rules");
    browser.run(
        "document.querySelector('form[action=\"/rules\"] textarea').value = '192.0.2.0/24,true\\nthis is no rule\\n'",
    );
    browser.press("button[value=save]");
    browser.see("line 2");
    browser.see("this is no rule");
    must_be_clean(&browser, place.port);

    let user = Browser::start("en", place.port);
    login(&user, "taro@example.test", PASSWORD);
    user.see("My mail account");
    for path in ["/now", "/queue", "/accounts", "/accounts/hana@example.test", "/rules", "/logs", "/lockouts"] {
        user.open(path);
        user.see("Not allowed");
    }
}

#[test]
fn a_drill_is_watched_until_its_end_and_another_is_cancelled() {
    let mut place = Place::new();
    place.administrator();
    place.server.launch();
    let browser = Browser::start("ja", place.port);
    login(&browser, "boss@example.test", PASSWORD);
    browser.open("/drill");
    // What is offered first: as fast as it goes, after guessing.
    browser.press("main button[type=submit]");
    browser.see("進み具合");
    let seen = || browser.run("return document.querySelector('progress')?.value ?? -1").as_i64().unwrap();
    until("it goes on", Duration::from_secs(120), || seen() != 0);
    // The page shows by itself that it is over.
    until("it is over", Duration::from_secs(300), || browser.text().contains("前回の予行"));
    browser.see("止まるのは");
    browser.see("攻撃者の");
    assert_eq!(place.server.queued(), 0, "no real mail");
    judge(&browser, &axe(), "/drill");
    browser.look(360, false);
    browser.picture(&pictures().join("drill-told-ja-360-light.png"));
    browser.look(1280, false);
    browser.picture(&pictures().join("drill-told-ja-1280-light.png"));

    browser.run("document.querySelector('[name=attack]').value = ''");
    browser.press("main button[type=submit]");
    browser.see("進行中の予行");
    judge(&browser, &axe(), "/drill");
    browser.press_text("中止する");
    browser.see("途中で中止されました");
    must_be_clean(&browser, place.port);
}

/// The accessibility checker.
fn axe() -> String {
    std::fs::read_to_string(AXE).unwrap_or_else(|e| panic!("{AXE}: {e}; scripts/install-test-packages fetches it"))
}

/// Where pictures are kept for whoever looks at the run.
fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("console-pictures");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn every_page_is_fit_to_be_seen() {
    let axe = axe();
    let mut place = Place::new();
    place.administrator();
    place.queue("taro@example.test", 60, Stage::Holding);
    place.queue("hana@example.test", 3, Stage::Domains);
    place.server.launch();
    place.server.run(&["incident", "contain", "taro@example.test", "--reason", "test"]);
    place.server.run(&["list", "add", "all@example.test", "--owner", "hana@example.test"]);
    let folder = pictures();
    let browser = Browser::start("ja", place.port);
    browser.open("/login");
    judge(&browser, &axe, "/login");
    login(&browser, "boss@example.test", PASSWORD);
    browser.see("今の状態");
    let pages = [
        "/now",
        "/incidents",
        "/incidents/1",
        "/queue",
        "/accounts",
        "/accounts/taro@example.test",
        "/domains",
        "/aliases",
        "/lists",
        "/lists/all@example.test",
        "/logs",
        "/rules",
        "/lockouts",
        "/audit",
        "/drill",
        "/reputation",
        "/trace",
        "/settings",
        "/health",
        "/me",
        "/me/factor",
        "/me/tokens",
        "/accounts/import",
    ];
    for language in ["ja", "en"] {
        browser.open(&format!("/language?to={language}&back=/now"));
        for path in pages {
            browser.look(1280, false);
            browser.open(path);
            judge(&browser, &axe, path);
            for (width, dark) in [(1280, false), (1280, true), (360, false), (360, true)] {
                browser.look(width, dark);
                let over =
                    browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
                assert!(over.as_i64().unwrap() <= 0, "{path} is {over} too wide at {width} in {language}");
                let name = format!(
                    "{}-{language}-{width}-{}.png",
                    path.trim_start_matches('/').replace(['/', '@'], "_"),
                    if dark { "dark" } else { "light" }
                );
                browser.picture(&folder.join(name));
            }
            browser.look(1280, true);
            judge(&browser, &axe, path);
        }
    }
    must_be_clean(&browser, place.port);
    keyboard(&browser);
}

/// What the accessibility checker finds serious.
fn judge(browser: &Browser, axe: &str, path: &str) {
    browser.run(axe);
    let found = browser.run_later(
        "const done = arguments[arguments.length - 1];
         axe.run(document, { resultTypes: ['violations'] }).then((r) => done(r.violations
           .filter((v) => v.impact === 'serious' || v.impact === 'critical')
           .map((v) => v.id + ': ' + v.nodes.map((n) => n.html + ' ' + n.failureSummary).slice(0, 3).join(' | '))))",
    );
    assert_eq!(found, serde_json::json!([]), "{path}");
}

/// The first stop of the keyboard leads past the menu, and focus can be seen.
fn keyboard(browser: &Browser) {
    browser.open("/now");
    let first = browser.run("return document.querySelector('a, button, input').className");
    assert_eq!(first, "skip");
    let reach = browser.run(
        "return [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
            .filter((e) => e.tabIndex < 0 && e.type !== 'hidden').map((e) => e.outerHTML)",
    );
    assert_eq!(reach, serde_json::json!([]), "all can be reached");
}

fn code_now(secret: &[u8], steps: i64) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    totp::code(secret, seconds / 30 + steps)
}

/// The reverse of what the page shows.
fn base32(text: &str) -> Vec<u8> {
    let (mut out, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for c in text.chars() {
        held = (held << 5) | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap() as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    out
}
