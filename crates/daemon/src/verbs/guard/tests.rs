#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use sekisho_control::entry;
use sekisho_message::{Language, Time};
use sekisho_store::journal::{self, Entry};
use sekisho_store::{Settings as StoreSettings, Store};
use serde_json::{Value, json};

use super::super::tests::{initialised, sekisho};
use crate::trouble::Exit;

const NAME: &str = "taro@example.jp";
/// 60 days before the burst.
const START: i64 = 1_767_571_200;

fn mail(entries: &mut Vec<Entry>, at: i64, n: usize, ip: &str, to: &str) {
    let (now, message) = (Time::from_seconds(at), format!("B{n:010}"));
    entries.push(entry::accepted(
        now,
        &entry::Accepted {
            message: &message,
            client: ip,
            account: Some(NAME),
            origin: "account:taro@example.jp",
            from: NAME,
            to: &[to],
            size: 900,
            with: "ESMTPSA",
            ..entry::Accepted::default()
        },
    ));
}

/// A journal of sixty quiet days and a burst of 60 strangers, which somebody called a false alarm.
fn journal(dir: &Path) {
    let mut entries = Vec::new();
    for day in 0..60 {
        mail(&mut entries, START + day * 86_400, day as usize, "192.0.2.7", &format!("friend{}@d.example", day % 9));
    }
    for n in 0..60 {
        let at = START + 60 * 86_400 + n * 30;
        mail(&mut entries, at, 500 + n as usize, "192.0.2.7", &format!("guest{n}@party{n}.example"));
    }
    let detail = json!({ "incident": 1, "origin": "account:taro@example.jp", "false_alarm": true });
    entries.push(entry::act(
        Time::from_seconds(START + 61 * 86_400),
        "admin@example.jp",
        "incident.release",
        Some(NAME),
        &detail,
    ));
    let settings = StoreSettings {
        url: format!("sqlite:{}", dir.join("sekisho.db").display()),
        blobs: dir.join("blobs"),
        node: "test".into(),
    };
    let store = Store::open(&settings).unwrap();
    store.write_blocking(move |tx| journal::append(tx, &entries)).unwrap();
}

fn ask(dir: &Path, language: Language, args: &[&str]) -> String {
    let all: Vec<&str> = ["guard", "what-if", "--since", "2026-01-01"].iter().chain(args).copied().collect();
    let (printed, outcome) = sekisho(dir, language, &all);
    assert_eq!(outcome, Ok(Exit::Well), "{printed}");
    printed
}

#[test]
fn other_settings_are_tried_on_the_journal() {
    let dir = initialised();
    journal(dir.path());
    let told: Value = serde_json::from_str(&ask(dir.path(), Language::En, &["--json"])).unwrap();
    assert_eq!((&told["now"], &told["differences"]), (&told["then"], &json!([])));
    assert_eq!((&told["now"]["holds"], &told["now"]["false_holds"]), (&1.into(), &1.into()));

    let loose = ["--set", "person.home=200", "--set", "person.slow=400", "--json"];
    let told: Value = serde_json::from_str(&ask(dir.path(), Language::En, &loose)).unwrap();
    assert_eq!((&told["now"]["holds"], &told["then"]["holds"]), (&1.into(), &0.into()));
    let [one] = told["differences"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!((&one["origin"], &one["known"]), (&"account:taro@example.jp".into(), &"false_alarm".into()));
    assert!(one["then"].is_null() && one["now"]["held_at"].as_i64().unwrap() > START + 60 * 86_400);

    let said = ask(dir.path(), Language::Ja, &loose[..4]);
    assert!(said.contains("保留がなくなります") && said.contains("誤検知"), "{said}");
    let strict = ask(dir.path(), Language::En, &["--set", "person.home=4"]);
    assert!(strict.contains("instead of"), "{strict}");
}

#[test]
fn an_unknown_setting_is_refused() {
    let dir = initialised();
    let (_, outcome) = sekisho(dir.path(), Language::En, &["guard", "what-if", "--set", "person.mood=1"]);
    assert!(outcome.unwrap_err().text.en.contains("person.mood"));
}
