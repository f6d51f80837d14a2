//! The acceptance story of the guard as a new administrator lives it, in Japanese, with nothing but a browser: a password was guessed, spam is
//! held, and mail flows again without a manual.

use std::time::Duration;

use sekisho_testkit::peer::{Act, Script};

use crate::console::{login, must_be_clean};
use crate::guard_story::{blast, guess};
use crate::support::browser::Browser;
use crate::support::site::{Site, letter, one, prose};
use crate::support::{PASSWORD, Setup, free_port, until};

const HOME: &str = "127.10.1.5";

#[test]
fn a_guessed_password_from_its_tile_to_mail_that_flows_again() {
    let port = free_port();
    let site = Site::of(Setup { accounts: &["taro", "hanako"], console: Some(port), ..Setup::default() });
    let args = ["account", "add", "boss@example.test", "--role", "system_admin", "--password-stdin"];
    assert!(site.server.cli_with(&args, PASSWORD).status.success());
    let taro = site.server.address("taro");
    site.ordinary_weeks("taro", HOME, 28);
    guess(&site, "taro");
    // The owner's own mail is under way when the hold comes.
    site.outside.change(Script::new().on_with("RCPT", "boss@known.example", Act::reply(451, "4.3.2 come back later")));
    let good = letter(&one("boss@known.example"), "minutes", "Here are the minutes of our meeting.")
        .over(&mut site.log_in(HOME, "taro", PASSWORD).unwrap(), &taro);
    assert!(good.starts_with("250"), "{good}");
    let spam = blast(&site, "taro");
    site.control(|control| async move { control.check(None).await.map(drop) }).unwrap();

    let browser = Browser::start("ja", port);
    login(&browser, "boss@example.test", PASSWORD);
    browser.see("対応が要るインシデント");
    let mut clicks = Vec::new();
    click(&browser, &mut clicks, "taro@example.test");
    // The story says what happened, to whom, and what to do next.
    for words in ["総当たり", "POP3", "127.0.0.0/24", "次にすること", "Parcel", "minutes", "見慣れない"]
    {
        browser.see(words);
    }
    click(&browser, &mut clicks, "封じ込める");
    browser.see("何も失われません");
    click(&browser, &mut clicks, "実行する");
    browser.see("封じ込め済み");
    click(&browser, &mut clicks, "新しいパスワードを作って解決する");
    browser.see("表示はこの一度だけです");
    // What the owner had written goes by itself.
    let until_flow = clicks.len();
    site.outside.change(Script::new());
    site.pass(Duration::from_secs(3_600));
    let went = || site.with_text("minutes of our meeting").len() == 1;
    until("the owner's message goes", Duration::from_secs(60), went);
    let password = browser.run("return document.querySelector('code.secret').textContent");
    let password = password.as_str().unwrap().to_owned();
    click(&browser, &mut clicks, "書き留めました");
    // The spam waits for a person, who is told how much there is.
    browser.see(&format!("残りの {spam} 通を削除する"));
    click(&browser, &mut clicks, &format!("残りの {spam} 通を削除する"));
    browser.see("元には戻せません");
    click(&browser, &mut clicks, "実行する");
    browser.see("完了");
    println!("{} clicks in all, {until_flow} until mail flows: {clicks:?}", clicks.len());
    assert!(clicks.len() <= 7, "{clicks:?}");
    assert_eq!(site.incidents()[0]["state"], "closed");
    assert_eq!(site.left(), 0);
    assert!(site.with_text("parcel").is_empty(), "not one got out");
    browser.open("/now");
    browser.see("不正利用の疑いはありません");
    must_be_clean(&browser, port);

    // Mail flows with the new password, the old one is worth nothing, and the owner sees why.
    let reply = site.send(HOME, "taro", &password, &letter(&one("partner@known.example"), "back", &prose(77)));
    assert!(reply.starts_with("250"), "{reply}");
    site.reaches_at_once("partner@known.example");
    assert!(site.log_in(HOME, "taro", PASSWORD).is_none() && !site.reads(HOME, "taro", PASSWORD));
    let owner = Browser::start("ja", port);
    login(&owner, "taro@example.test", &password);
    must_choose_if_asked(&owner);
    owner.see("最近のログイン");
    owner.see("127.10.1.5");
    must_be_clean(&owner, port);
}

fn click(browser: &Browser, clicks: &mut Vec<String>, text: &str) {
    browser.press_text(text);
    clicks.push(text.to_owned());
}

/// A password that the server made may have to be changed at once.
fn must_choose_if_asked(browser: &Browser) {
    if browser.text().contains("新しいパスワードを決める") {
        browser.fill("[name=new]", "seven-Plover-41-Saddle");
        browser.fill("[name=again]", "seven-Plover-41-Saddle");
        browser.press("main button[type=submit]");
    }
}
