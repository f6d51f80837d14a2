//! A drill is begun, watched, ended and told at the console.

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use sekisho_control::drill::{Plan, Progress, Theatre};
use sekisho_message::{Text, say};
use sekisho_store::journal::{JournalFilter, Kind};
use serde_json::{Value, json};

use crate::world::{Browser, World};

/// What the next step of a drill on this stage is.
enum Cue {
    Step(u64),
    End,
}

/// A theatre whose play waits for its cues.
struct Stage(Mutex<mpsc::Receiver<Cue>>);

impl Theatre for Stage {
    fn play(&self, plan: &Plan, told: &mut dyn FnMut(Progress) -> bool) -> Result<Option<Value>, Text> {
        let (mut done, cues) = (0, self.0.lock().unwrap());
        loop {
            let what = Some(say!(ja: "見本の攻撃", en: "a sample attack"));
            if !told(Progress { done, total: 4, what }) {
                return Ok(None);
            }
            match cues.recv_timeout(Duration::from_millis(10)) {
                Ok(Cue::Step(n)) => done = n,
                Ok(Cue::End) => break,
                Err(_) => {}
            }
        }
        let name = plan.attack.unwrap().text();
        Ok(Some(json!({ "seed": plan.seed, "runs": 40, "attacks": [{
            "attack": "blast", "letter": "A", "name": name, "from": "guessed", "sent": 300, "reached": 2,
            "held_at_message": 3, "why": say!(ja: "知らない宛先", en: "strangers"), "missed": 0,
            "recipients_escaped": { "p50": 1, "p95": 2, "max": 4 }, "messages_to_hold": { "p50": 2, "p95": 4 },
            "owner": { "recipients": 10, "delayed": 0, "wait_seconds": { "max": 0.0 } },
            "neighbour": { "recipients": 10, "delayed": 1, "wait_seconds": { "max": 61.0 } },
        }] })))
    }
}

async fn sees(browser: &Browser<'_>, wanted: &str) -> String {
    let begun = Instant::now();
    loop {
        let page = browser.get("/drill").await.body;
        if page.contains(wanted) {
            return page;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no {wanted} in {page}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_is_watched_ended_and_told() {
    let world = World::new().await;
    let (cue, cues) = mpsc::channel();
    let mut browser = world.login("admin@example.jp").await;
    let begin = [("attack", "blast"), ("from", "guessed"), ("seed", "7")];
    let refused = browser.post("/drill", &begin).await;
    assert!(refused.body.contains("動いているサーバ"), "nowhere to play it: {}", refused.body);
    world.control.drills().play_at(Arc::new(Stage(Mutex::new(cues))));

    // One at a time, and not everywhere that somebody can think of.
    let wrong = browser.post("/drill", &[("attack", "web-form"), ("from", "guessed")]).await;
    assert_eq!(wrong.status, StatusCode::CONFLICT, "{}", wrong.body);
    assert_eq!(browser.post("/drill", &begin).await.place, "/drill");
    assert_eq!(browser.post("/drill", &begin).await.status, StatusCode::CONFLICT);
    let chief = world.login("chief@example.jp").await;
    assert_eq!(chief.post("/drill/cancel", &[]).await.status, StatusCode::FORBIDDEN);
    cue.send(Cue::Step(3)).unwrap();
    let page = sees(&browser, "75 %").await;
    assert!(page.contains("見本の攻撃") && page.contains("<progress max=\"100\" value=\"75\">"), "{page}");
    let mut news = browser.stream("/drill/events").await;
    let first = news.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("75 %"));

    // Cancelled: nothing is told of it, and the next one may begin.
    assert_eq!(browser.post("/drill/cancel", &[]).await.place, "/drill");
    sees(&browser, "途中で中止されました").await;
    let mut told = String::new();
    while let Some(frame) = news.frame().await {
        told.push_str(&String::from_utf8_lossy(&frame.unwrap().into_data().unwrap()));
    }
    assert!(told.contains("event: end"), "the page is told that it is over: {told}");
    assert_eq!(browser.post("/drill/cancel", &[]).await.status, StatusCode::CONFLICT);

    assert_eq!(browser.post("/drill", &begin).await.place, "/drill");
    cue.send(Cue::End).unwrap();
    let page = sees(&browser, "前回の予行").await;
    for words in
        ["宛先 300 件のうち、届いてしまうのは 2 件、止まるのは 298 件", "3 通目で保留", "知らない宛先", "1 / 2 / 4"]
    {
        assert!(page.contains(words), "{words} in {page}");
    }
    browser.language = "en";
    assert!(browser.get("/drill").await.body.contains("2 of 300 recipients reached"));

    let filter = JournalFilter { kinds: vec![Kind::Act], ..JournalFilter::default() };
    let found = world.control.store().read(move |tx| sekisho_store::journal::query(tx, &filter, 0, 100)).await.unwrap();
    let acts: Vec<String> =
        found.entries.iter().map(|(_, entry)| entry.detail["act"].as_str().unwrap().into()).collect();
    let drills: Vec<&String> = acts.iter().filter(|act| act.starts_with("drill.")).collect();
    assert_eq!(drills, ["drill.start", "drill.cancel", "drill.start"]);

    // Programs do and see the same.
    let token = world.token("admin@example.jp", &["read", "drill"]).await;
    let seen = world.api("GET", "/api/v1/drill", &token, "").await;
    let seen: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(seen["drill"]["end"][1]["report"]["attacks"][0]["reached"], 2, "{seen:#}");
    let none = world.api("POST", "/api/v1/acts/drill/cancel", &token, "").await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", none.body);
}
