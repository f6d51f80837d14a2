#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::command::{AccountCommand, AliasCommand, Command, CredentialCommand, PersonalCommand, Secret};
use crate::outside::Outside;
use crate::outside_tests::Names;
use crate::tests::World;
use crate::{Protocol, spf};

const IP: &str = "192.0.2.25";

/// Names of a domain that is in order.
fn good(names: &Names) {
    names.mx("example.jp", "mx.example.jp");
    names.txt("example.jp", "v=spf1 mx -all");
    names.txt("sekisho._domainkey.example.jp", "v=DKIM1; k=rsa; p=MIIB");
    names.txt("_dmarc.example.jp", "v=DMARC1; p=reject");
    names.set("mx.example.jp", [192, 0, 2, 25]);
    names.ptr(IP, "mx.example.jp");
}

async fn world(names: &Arc<Names>) -> World {
    let world = World::with(|options| {
        options.hostname = "mx.example.jp".into();
        options.reputation.addresses = vec![IP.parse().unwrap()];
    })
    .await;
    world.control.look_outside(Arc::clone(names) as Arc<dyn Outside>);
    world.run(Command::Domain(crate::command::DomainCommand::Add { name: "example.jp".into() })).await.unwrap();
    world.add("taro@example.jp").await.unwrap();
    world
}

fn ground(world: &World) -> Ground {
    Ground {
        listeners: vec!["127.0.0.1:25".into()],
        certificate_until: Some(world.control.now() + Duration::from_secs(90 * 86_400)),
        certificate: "tls/cert.pem".into(),
        ..Ground::default()
    }
}

fn ids(audit: &Audit) -> Vec<&str> {
    audit.findings.iter().map(|finding| finding.id.as_str()).collect()
}

#[tokio::test]
async fn a_good_configuration_has_no_findings() {
    let names = Arc::new(Names::default());
    good(&names);
    let world = world(&names).await;
    let audit = world.control.audit(&ground(&world)).await.unwrap();
    assert_eq!(audit.findings, [], "{audit:?}");
    assert_eq!((audit.worst(), audit.skipped.len()), (None, 0), "{:?}", audit.skipped);
    assert!(audit.done.len() >= 5, "{:?}", audit.done);
    assert_eq!(world.control.last_audit().await.unwrap().unwrap(), audit);
}

#[tokio::test]
async fn every_planted_hole_is_found() {
    let names = Arc::new(Names::default());
    names.mx("example.jp", "mx.elsewhere.example");
    names.txt("example.jp", "v=spf1 +all");
    names.txt("_dmarc.example.jp", "v=DMARC1; p=none");
    names.txt("default._domainkey.example.jp", "v=DKIM1; p=");
    names.ptr(IP, "host25.provider.example");
    *names.relays.lock().unwrap() = Some("!relay-test@");
    let world = world(&names).await;
    std::fs::write(
        world.dir.path().join("effect.dat"),
        "example.jp true\n203.0.112.0/20 true\n192.0.2.10 true\n* default\n198.51.100.1 false\nnonsense nonsense\n",
    )
    .unwrap();
    let alias = |pattern: &str| AliasCommand::Add { pattern: pattern.into(), target: "x@outside.example".into() };
    world.run(Command::Alias(alias("info@example.jp"))).await.unwrap();
    world.run(Command::Alias(alias("*@example.jp"))).await.unwrap();
    let forward = serde_json::from_value(serde_json::json!({ "to": ["x@outside.example"], "keep": true })).unwrap();
    let forward = PersonalCommand::Forward { address: "taro@example.jp".into(), forward: Some(forward) };
    world.run(Command::Personal(forward)).await.unwrap();
    let readable = CredentialCommand::Recoverable { address: "taro@example.jp".into(), on: true };
    world.run(Command::Credential(readable)).await.unwrap();
    let bad = Ground {
        auth_without_tls: true,
        certificate_until: Some(world.control.now() + Duration::from_secs(3 * 86_400)),
        ..ground(&world)
    };
    let audit = world.control.audit(&bad).await.unwrap();
    let found = ids(&audit);
    for id in [
        "open-relay",
        "auth-without-tls",
        "open-network",
        "sender-true",
        "unreachable-line",
        "bad-line",
        "forward-outside",
        "catch-all-outside",
        "recoverable-password",
        "mx-elsewhere",
        "spf-open",
        "dkim-wrong",
        "dmarc-none",
        "ptr-wrong",
        "tls-expiring",
    ] {
        assert!(found.contains(&id), "{id} is not among {found:?}");
    }
    let forwarded = |about: &str| audit.findings.iter().any(|one| one.id == "forward-outside" && one.about == about);
    assert!(forwarded("info@example.jp") && forwarded("taro@example.jp"));
    assert_eq!(audit.worst(), Some(Severity::Critical));
    assert!(audit.findings.windows(2).all(|pair| pair[0].severity >= pair[1].severity), "the worst first");
    let relay = audit.findings.iter().find(|finding| finding.id == "open-relay").unwrap();
    assert_eq!((relay.about.as_str(), relay.severity), ("127.0.0.1:25", Severity::Critical));
    let wide = audit.findings.iter().find(|finding| finding.about == "effect.dat:2").unwrap();
    assert_eq!((wide.id.as_str(), wide.severity), ("open-network", Severity::Critical));
    let shape = audit.shape(Language::Ja);
    assert!(shape["findings"][0]["command"].is_string() && shape["findings"][0]["reason"].is_string());
}

#[tokio::test]
async fn names_that_are_missing_are_found_and_names_that_are_silent_are_said() {
    let names = Arc::new(Names::default());
    let world = world(&names).await;
    let audit = world.control.audit(&ground(&world)).await.unwrap();
    for id in ["mx-missing", "spf-missing", "dkim-missing", "dmarc-missing", "ptr-missing"] {
        assert!(ids(&audit).contains(&id), "{id}");
    }
    names.fail("example.jp");
    names.fail("_dmarc.example.jp");
    names.fail("s1._domainkey.example.jp");
    let audit = world.control.audit(&ground(&world)).await.unwrap();
    assert_eq!(ids(&audit), ["ptr-missing"]);
    assert_eq!(audit.skipped.len(), 4, "{:?}", audit.skipped);
}

#[tokio::test]
async fn a_guessable_password_is_noted_at_login_and_a_new_one_clears_it() {
    let names = Arc::new(Names::default());
    good(&names);
    let world = world(&names).await;
    let weak = crate::credential::hash("taro1234").unwrap();
    let set = weak.clone();
    world
        .control
        .store()
        .write(move |tx| {
            let taro = sekisho_store::account::get(tx, "taro@example.jp")?.unwrap();
            sekisho_store::account::set_password(tx, taro.id, &set, None, false, taro.password_changed)
        })
        .await
        .unwrap();
    assert_eq!(ids(&world.control.audit(&ground(&world)).await.unwrap()), Vec::<&str>::new(), "nobody knows it yet");
    world.control.verify("taro@example.jp", "taro1234", Protocol::Imap4, "192.0.2.7").await.unwrap();
    let audit = world.control.audit(&ground(&world)).await.unwrap();
    assert_eq!(ids(&audit), ["weak-password"]);
    assert_eq!(audit.findings[0].about, "taro@example.jp");
    world.advance(Duration::from_secs(60));
    let set = AccountCommand::Password {
        address: "taro@example.jp".into(),
        password: Secret("orbit walnut thistle canoe".into()),
        must_change: false,
    };
    world.run(Command::Account(set)).await.unwrap();
    assert_eq!(ids(&world.control.audit(&ground(&world)).await.unwrap()), Vec::<&str>::new());
}

#[tokio::test]
async fn age_is_noted() {
    let names = Arc::new(Names::default());
    good(&names);
    let world = world(&names).await;
    world.advance(Duration::from_secs(3 * 365 * 86_400));
    let audit = world.control.audit(&ground(&world)).await.unwrap();
    assert_eq!(ids(&audit), ["old-password", "unused-account"]);
    assert_eq!(audit.worst(), Some(Severity::Note));
    let expired = Ground { certificate_until: Some(world.control.now() - Duration::from_secs(1)), ..ground(&world) };
    assert_eq!(ids(&world.control.audit(&expired).await.unwrap())[0], "tls-expired");
}

#[tokio::test]
async fn spf_is_evaluated_as_receivers_do() {
    let names = Names::default();
    names.set("mx.example.jp", [192, 0, 2, 25]);
    names.mx("example.jp", "mx.example.jp");
    names.txt("inc.example", "v=spf1 ip4:198.51.100.0/24 -all");
    names.txt("loop.example", "v=spf1 include:loop.example -all");
    names.txt("two.example", "v=spf1 -all");
    names.txt("two.example", "v=spf1 +all");
    names.fail("down.example");
    let of = async |record: &str, ip: &str| {
        names.forget("example.net");
        names.txt("example.net", record);
        spf::evaluate(&names, ip.parse().unwrap(), "example.net").await.name()
    };
    for (record, ip, result) in [
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.25", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "203.0.113.1", "fail"),
        ("v=spf1 ip6:2001:db8::/32 ~all", "2001:db8::1", "pass"),
        ("v=spf1 mx:example.jp ~all", "192.0.2.25", "pass"),
        ("v=spf1 mx:example.jp ~all", "192.0.2.26", "softfail"),
        ("v=spf1 a:mx.example.jp/24 -all", "192.0.2.99", "pass"),
        ("v=spf1 include:inc.example -all", "198.51.100.7", "pass"),
        ("v=spf1 include:inc.example ?all", "192.0.2.1", "neutral"),
        ("v=spf1 redirect=inc.example", "192.0.2.1", "fail"),
        ("v=spf1 include:loop.example -all", "192.0.2.1", "permerror"),
        ("v=spf1 include:two.example -all", "192.0.2.1", "permerror"),
        ("v=spf1 include:down.example -all", "192.0.2.1", "unknown"),
        ("v=spf1 exists:%{i}.x.example -all", "192.0.2.1", "unknown"),
        ("v=spf1 bogus -all", "192.0.2.1", "permerror"),
        ("v=spf10 -all", "192.0.2.1", "none"),
    ] {
        assert_eq!(of(record, ip).await, result, "{record} of {ip}");
    }
}
