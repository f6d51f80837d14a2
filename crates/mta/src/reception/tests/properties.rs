//! The promise P2 through the whole of reception: random rule files, random envelopes, a real queue.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// The client's address, and a network that is not the client's.
const CLIENT: &str = "203.0.113.9";

fn row() -> impl Strategy<Value = String> {
    let subject = prop_oneof![
        Just("203.0.113.*"),
        Just("203.0.113.9"),
        Just("192.0.2.0/24"),
        Just("*.*.*.*"),
        Just("0.0.0.0/0"),
        Just("example.jp"),
        Just("taro@example.jp"),
        Just("outside.test"),
        Just("#<>"),
        Just("#blank"),
        Just("203.0.113.999"),
    ];
    let action = prop::sample::select(vec!["", "true", "default", "false", "only", "norelay", "norelay,2", "ture"]);
    (subject, action).prop_map(|(subject, action)| format!("{subject} {action}"))
}

fn envelope() -> impl Strategy<Value = (String, String)> {
    let sender = prop::sample::select(vec!["", "taro@example.jp", "nobody@example.jp", "a@outside.test"]);
    let local = "(victim|taro|victim%outside\\.test|outside\\.test!victim|\"victim@outside\\.test\")";
    let domain =
        prop::sample::select(vec!["outside.test", "example.jp", "mx.example.jp", "[203.0.113.9]", "EXAMPLE.jp"]);
    let route = prop::sample::select(vec!["", "@example.jp:", "@outside.test,@example.jp:"]);
    (sender, local, domain, route)
        .prop_map(|(sender, local, domain, route)| (sender.to_owned(), format!("{route}{local}@{domain}")))
}

/// Whether a row that the operator wrote trusts the client's network.
fn trusts_client(rows: &[String]) -> bool {
    rows.iter().any(|row| matches!(row.trim(), "203.0.113.*" | "203.0.113.* true" | "203.0.113.9" | "203.0.113.9 true"))
}

#[test]
fn nothing_outside_is_reached_without_auth_or_an_explicit_rule() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let site = runtime.block_on(Site::with(|settings| {
        settings.harvest.free = u32::MAX;
        settings.harvest.most = u32::MAX;
    }));
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let rows = prop::collection::vec(row(), 0..6);
    let outcome = runner.run(&(rows, prop::collection::vec(envelope(), 1..4)), |(rows, envelopes)| {
        site.effect(&rows.join("\n"));
        let before = runtime.block_on(site.queue()).len();
        runtime.block_on(async {
            for (sender, recipient) in &envelopes {
                let mut client = Client::connect(&site, Service::Smtp, CLIENT).await;
                if !client.closed {
                    client.say("EHLO client.test").await;
                    client.message(sender, &[recipient], PLAIN).await;
                }
            }
        });
        let queue = runtime.block_on(site.queue());
        let new = queue.iter().skip(before).collect::<Vec<_>>();
        let outside = new.iter().find(|listed| listed.destination != "local");
        prop_assert!(outside.is_none() || trusts_client(&rows), "{rows:?} {envelopes:?} {outside:?}");
        Ok(())
    });
    outcome.unwrap();
}
