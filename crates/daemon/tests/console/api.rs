//! The interface for programs, and its document.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use sekisho_console::api::acts::{ACTS, command};
use sekisho_console::api::openapi;
use sekisho_console::api::views::VIEWS;
use sekisho_store::queue::Stage;
use serde_json::{Map, Value, json};

use crate::world::{Page, World};

fn body(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap_or_else(|error| panic!("{error}: {}", page.body))
}

#[tokio::test]
async fn every_view_answers_as_the_document_says() {
    let world = World::new().await;
    let message = world.queue("taro@example.jp", "hello", 1, Stage::Holding).await;
    let admin = world.login("admin@example.jp").await;
    for command in [
        json!({ "command": "incident", "act": "contain", "which": "taro@example.jp", "reason": "r" }),
        json!({ "command": "alias", "act": "add", "pattern": "info@example.jp", "target": "hana@example.jp" }),
        json!({ "command": "list", "act": "add", "address": "all@example.jp", "owner": "hana@example.jp", "change": {} }),
        json!({ "command": "list", "act": "member_add", "address": "all@example.jp", "members": ["a@far.example"] }),
        json!({ "command": "rules", "act": "write", "file": "effect", "account": null, "text": "# x\n" }),
    ] {
        let page = admin.post("/act", &[("command", &command.to_string()), ("sure", "1")]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{command}: {}", page.body);
    }
    let token = world.token("admin@example.jp", &["read"]).await;
    let document = openapi::document("test");
    for view in VIEWS {
        let path =
            view.path.replace("{address}", if view.name == "list" { "all@example.jp" } else { "taro@example.jp" });
        let path = format!("/api/v1{}", path.replace("{message}", &message).replace("{which}", "1"));
        let (method, sent) = match view.body {
            Some(_) if view.name == "trace" => ("POST", json!({ "base64": "U3ViamVjdDogeA0KDQo=" }).to_string()),
            Some(_) => (
                "POST",
                json!({ "from": "a@far.example", "to": "taro@example.jp", "ip": "192.0.2.1", "auth": false })
                    .to_string(),
            ),
            None => ("GET", String::new()),
        };
        let page = world.api(method, &path, &token, &sent).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        let schema = &document["paths"][format!("/api/v1{}", view.path)][method.to_lowercase()]["responses"]["200"]["content"]
            ["application/json"]["schema"];
        let answer = body(&page);
        fits(&answer, schema, &path);
        if view.list.is_some() {
            assert!(!answer["items"].as_array().unwrap().is_empty(), "{path} shows something");
        }
    }
}

/// The part of JSON Schema that the document uses; what is not declared is a mistake of the document.
fn fits(value: &Value, schema: &Value, place: &str) {
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(kinds.contains(&is), "{place}: {is} is not {kinds:?}");
    if let (Value::Object(fields), Some(properties)) = (value, schema["properties"].as_object()) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(fields.contains_key(name), "{place}: {name} is missing");
        }
        for (name, value) in fields {
            assert!(properties.contains_key(name), "{place}: {name} is not in the document");
            fits(value, &properties[name], &format!("{place}/{name}"));
        }
    }
    if let Value::Array(items) = value {
        for item in items {
            fits(item, &schema["items"], place);
        }
    }
}

#[test]
fn every_act_of_the_document_is_a_command_and_every_command_is_there() {
    let mut there = BTreeSet::new();
    for act in ACTS {
        let mut fields = Map::new();
        for (name, _, example) in act.fields {
            fields.insert((*name).into(), serde_json::from_str(example).unwrap());
        }
        let full = command(act, &Value::Object(fields.clone()).to_string());
        assert!(full.is_ok(), "{}/{}: {full:?}", act.area, act.name);
        for (name, kind, _) in act.fields {
            let mut less = fields.clone();
            less.remove(*name);
            let read = command(act, &Value::Object(less).to_string());
            assert_eq!(read.is_ok(), kind.ends_with('?'), "{}/{} without {name}", act.area, act.name);
        }
        assert!(command(act, "{\"surprise\":1}").is_err());
        there.insert(format!("{}/{}", act.area, act.name));
    }
    // What serde knows and the table does not: its words are in the error for one that it does not know.
    for area in [
        "domain",
        "account",
        "alias",
        "list",
        "queue",
        "switch",
        "rules",
        "lockout",
        "incident",
        "console",
        "personal",
        "credential",
    ] {
        let wrong = json!({ "command": area, "act": "?" });
        let error = serde_json::from_value::<sekisho_control::Command>(wrong).unwrap_err().to_string();
        let names: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert!(!names.is_empty(), "{error}");
        for name in names {
            assert!(there.contains(&format!("{area}/{name}")), "{area}/{name} is not in the table");
        }
    }
    let error = serde_json::from_value::<sekisho_control::Command>(json!({ "command": "?" })).unwrap_err().to_string();
    for area in error.split('`').skip(3).step_by(2) {
        assert!(there.iter().any(|act| act.starts_with(&format!("{area}/"))), "{area} is not in the table");
    }
}

#[tokio::test]
async fn tokens_do_what_they_were_made_for_and_no_more() {
    let world = World::new().await;
    let suspend = json!({ "address": "taro@example.jp", "reason": "r" }).to_string();
    let path = "/api/v1/acts/account/suspend";
    for bad in ["", "sek_nonsense", "x"] {
        let page = world.api("POST", path, bad, &suspend).await;
        assert_eq!((page.status, page.kind.as_str()), (StatusCode::UNAUTHORIZED, "application/problem+json"));
    }
    let read = world.token("admin@example.jp", &["read"]).await;
    assert_eq!(world.api("POST", path, &read, &suspend).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.api("GET", "/metrics", &read, "").await.status, StatusCode::FORBIDDEN);
    let people = world.token("admin@example.jp", &["people"]).await;
    assert_eq!(world.api("GET", "/api/v1/accounts", &people, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.api("POST", path, &people, &suspend).await.status, StatusCode::OK);

    let chief = world.token("chief@example.jp", &["read", "people", "queue", "metrics"]).await;
    let far = json!({ "address": "jiro@other.example", "reason": "r" }).to_string();
    assert_eq!(world.api("POST", path, &chief, &far).await.status, StatusCode::FORBIDDEN);
    let page = world.api("GET", "/api/v1/accounts?domain=other.example", &chief, "").await;
    assert!(!page.body.contains("jiro"), "{}", page.body);
    assert_eq!(world.api("GET", "/metrics", &chief, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.api("GET", "/api/v1/queue/status", &chief, "").await.status, StatusCode::FORBIDDEN);

    let gone = world.token("hana@example.jp", &["read"]).await;
    assert_eq!(world.api("GET", "/api/v1/accounts/hana@example.jp", &gone, "").await.status, StatusCode::OK);
    let end = json!({ "address": "hana@example.jp" }).to_string();
    world.api("POST", "/api/v1/acts/console/sessions_end", &people, &end).await;
    assert_eq!(world.api("GET", "/api/v1/accounts/hana@example.jp", &gone, "").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn lists_come_in_pages_and_nothing_is_seen_twice() {
    let world = World::new().await;
    for n in 0..25 {
        world.queue("taro@example.jp", "x", n, Stage::Domains).await;
    }
    let token = world.token("admin@example.jp", &["read"]).await;
    let (mut seen, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let path = format!("/api/v1/queue/recipients?limit=10{cursor}");
        let answer = body(&world.api("GET", &path, &token, "").await);
        for one in answer["items"].as_array().unwrap() {
            assert!(seen.insert(one["message"].as_str().unwrap().to_owned()));
        }
        match answer["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 25);
    for wrong in
        ["?limit=0", "?limit=x", "?stage=nowhere", "?cursor=!", "?surprise=1", "?limit=1&limit=2", "?older_than=now"]
    {
        let page = world.api("GET", &format!("/api/v1/queue/recipients{wrong}"), &token, "").await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{wrong}: {}", page.body);
    }
}

#[tokio::test]
async fn a_request_that_is_sent_twice_acts_once() {
    let world = World::new().await;
    let token = world.token("admin@example.jp", &["people", "queue"]).await;
    let ask = |key: &'static str, body: Value| {
        let request = Request::builder()
            .method("POST")
            .uri("/api/v1/acts/alias/add")
            .header("authorization", format!("Bearer {token}"))
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .unwrap();
        world.ask(request)
    };
    let add = json!({ "pattern": "info@example.jp", "target": "taro@example.jp" });
    let first = ask("one", add.clone()).await;
    let second = ask("one", add.clone()).await;
    assert_eq!((first.status, &first.body), (StatusCode::OK, &second.body));
    assert_eq!(ask("two", add).await.status, StatusCode::UNPROCESSABLE_ENTITY, "another key acts again");
    let other = json!({ "pattern": "x@example.jp", "target": "taro@example.jp" });
    assert_eq!(ask("one", other).await.status, StatusCode::UNPROCESSABLE_ENTITY, "one key, one request");
}

#[tokio::test]
async fn destroying_is_asked_about_in_numbers() {
    let world = World::new().await;
    world.queue("taro@example.jp", "x", 1, Stage::Domains).await;
    let token = world.token("admin@example.jp", &["queue"]).await;
    let purge = json!({ "filter": { "account": "taro@example.jp" } });
    let page = world.api("POST", "/api/v1/acts/queue/purge", &token, &purge.to_string()).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert_eq!(body(&page)["confirm"], true, "{}", page.body);
    let purge = json!({ "filter": { "account": "taro@example.jp" }, "confirmed": true });
    let page = world.api("POST", "/api/v1/acts/queue/purge", &token, &purge.to_string()).await;
    assert_eq!(body(&page)["data"]["recipients"], 1, "{}", page.body);
}

#[tokio::test]
async fn prometheus_reads_the_numbers() {
    let world = World::new().await;
    world.queue("taro@example.jp", "x", 1, Stage::Holding).await;
    world.contain("taro@example.jp").await;
    let outcome = sekisho_control::entry::Outcome { waited: 45, ..Default::default() };
    world.control.journal().note(sekisho_control::entry::relayed(world.clock.now(), &outcome));
    let token = world.token("admin@example.jp", &["metrics"]).await;
    let page = world.api("GET", "/metrics", &token, "").await;
    assert!(page.kind.starts_with("text/plain; version=0.0.4"));
    assert!(page.body.contains("sekisho_queue_messages{stage=\"holding\"} 1\n"), "{}", page.body);
    for line in [
        "sekisho_accounts_on_rung{rung=\"observe\"} 4\n",
        "sekisho_accounts_on_rung{rung=\"hold\"} 1\n",
        "sekisho_others_on_rung{rung=\"isolate\"} 0\n",
        "sekisho_login_seconds_bucket{le=\"+Inf\"} 1\n",
        "sekisho_login_seconds_count 1\n",
        "sekisho_accept_seconds_bucket{le=\"0.001\"} 0\n",
        "sekisho_imap_command_seconds_count 0\n",
        "sekisho_delivery_seconds_bucket{le=\"60\"} 1\n",
        "sekisho_delivery_seconds_bucket{le=\"30\"} 0\n",
        "sekisho_delivery_seconds_sum 45\n",
    ] {
        assert!(page.body.contains(line), "{line} in {}", page.body);
    }
    assert_eq!(page.body.matches("\nsekisho_sign{").count(), 10);
    for line in page.body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("sekisho_") && value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn what_is_no_text_and_no_key_is_a_problem_like_everything_else() {
    let world = World::new().await;
    let token = world.token("admin@example.jp", &["rules", "read"]).await;
    let ask = |path: &str, key: Option<&str>, sent: Vec<u8>| {
        let mut request =
            Request::builder().method("POST").uri(path).header("authorization", format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        world.ask(request.body(Body::from(sent)).unwrap())
    };
    let reload = "/api/v1/acts/rules/reload";
    for (path, key, sent, status) in [
        (reload, None, vec![0xff], StatusCode::BAD_REQUEST),
        ("/api/v1/trace", None, vec![0xff], StatusCode::BAD_REQUEST),
        (reload, None, vec![b' '; 5 << 20], StatusCode::PAYLOAD_TOO_LARGE),
        (reload, Some("N$;"), b"{}".to_vec(), StatusCode::BAD_REQUEST),
        (reload, Some("night-1.a_b"), b"{}".to_vec(), StatusCode::OK),
    ] {
        let page = ask(path, key, sent).await;
        assert_eq!(page.status, status, "{path}: {}", page.body);
        if status != StatusCode::OK {
            assert_eq!(page.kind, "application/problem+json");
            assert_eq!(body(&page)["status"], status.as_u16());
        }
    }
}
