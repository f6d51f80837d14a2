#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::command::{AccountCommand, AliasCommand, Command, CredentialCommand, PersonalCommand, Secret};
use crate::credential::Peer;
use sekisho_message::proof::Spf;

use crate::Protocol;
use crate::outside::{Door, Outside};
use crate::outside_tests::Names;
use crate::tests::{GOOD, World};

const IP: &str = "192.0.2.25";
const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// Names of a domain that is in order.
fn good(names: &Names) {
    names.mx("example.jp", "mx.example.jp");
    names.txt("example.jp", "v=spf1 mx -all");
    names.spf(IP, "example.jp", Spf::Pass);
    names.txt("sekisho._domainkey.example.jp", KEY);
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
        doors: vec![Door { address: "127.0.0.1:25".into(), tls: false }],
        certificate: certificate(world.control.now() + Duration::from_secs(90 * 86_400)),
        ..Ground::default()
    }
}

fn certificate(until: Time) -> Certificate {
    let names = vec!["*.example.jp".into()];
    Certificate { path: "tls/cert.pem".into(), until: Some(until), names, self_signed: false }
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
        public: true,
        certificate: Certificate {
            names: vec!["mail.example.com".into()],
            self_signed: true,
            ..certificate(world.control.now() + Duration::from_secs(3 * 86_400))
        },
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
        "tls-wrong-name",
        "tls-self-signed",
        "host-wrong",
        "mx-dead",
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
    for id in ["mx-missing", "spf-missing", "dkim-missing", "dmarc-missing", "ptr-missing", "host-wrong"] {
        assert!(ids(&audit).contains(&id), "{id}");
    }
    names.fail("example.jp");
    names.fail("_dmarc.example.jp");
    names.fail("s1._domainkey.example.jp");
    let audit = world.control.audit(&ground(&world)).await.unwrap();
    assert_eq!(ids(&audit), ["host-wrong", "ptr-missing"]);
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
    let peer = Peer { network: "192.0.2.7", tls: true, program: "" };
    world.control.verify("taro@example.jp", "taro1234", Protocol::Imap4, peer).await.unwrap();
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
async fn a_login_to_which_others_could_listen_is_noted() {
    let names = Arc::new(Names::default());
    good(&names);
    let world = world(&names).await;
    for network in ["127.0.0.1", "192.0.2.7"] {
        let peer = Peer { network, tls: false, program: "" };
        world.control.verify("taro@example.jp", GOOD, Protocol::Pop3, peer).await.unwrap();
        let audit = world.control.audit(&ground(&world)).await.unwrap();
        assert_eq!(ids(&audit).contains(&"login-without-tls"), network != "127.0.0.1");
    }
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
    let expired = Ground { certificate: certificate(world.control.now() - Duration::from_secs(1)), ..ground(&world) };
    assert_eq!(ids(&world.control.audit(&expired).await.unwrap())[0], "tls-expired");
}

/// What the audit finds when the good names are changed in one way.
async fn after(change: impl FnOnce(&Names)) -> Vec<(String, Severity)> {
    let names = Arc::new(Names::default());
    good(&names);
    change(&names);
    let world = world(&names).await;
    let audit = world.control.audit(&ground(&world)).await.unwrap();
    audit.findings.into_iter().map(|one| (one.id, one.severity)).collect()
}

#[tokio::test]
async fn each_way_to_get_a_record_wrong_has_its_finding() {
    let spf = async |record: &'static str| {
        after(move |names| {
            names.forget("example.jp");
            names.mx("example.jp", "mx.example.jp");
            names.txt("example.jp", record);
            for number in 0..12 {
                names.txt(&format!("i{number}.example.net"), "v=spf1 a -all");
            }
        })
        .await
    };
    let found = |id: &str, severity| vec![(id.to_owned(), severity)];
    let (note, warning, critical) = (Severity::Note, Severity::Warning, Severity::Critical);
    assert_eq!(spf("v=spf1 mx +all").await, found("spf-open", critical));
    assert_eq!(spf("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all").await, found("spf-open", critical));
    assert_eq!(spf("v=spf1 mx ?all").await, found("spf-weak", warning));
    assert_eq!(spf("v=spf1 include:mail.all").await, found("spf-weak", warning));
    assert_eq!(spf("v=spf1 mx includ:x.example -all").await, found("spf-broken", warning));
    let six = "v=spf1 include:i0.example.net include:i1.example.net include:i2.example.net include:i3.example.net \
               include:i4.example.net include:i5.example.net -all";
    assert_eq!(spf(six).await, found("spf-lookups", warning), "each include has a look-up of its own: 12");
    assert_eq!(spf("v=spf1 mx include:i0.example.net include:i1.example.net -all").await, []);
    let twice = after(|names| names.txt("example.jp", "v=spf1 -all")).await;
    assert_eq!(twice, found("spf-twice", warning));
    assert_eq!(after(|names| names.spf(IP, "example.jp", Spf::Fail)).await, found("spf-wrong", warning));
    // Included from elsewhere, it is as open.
    let open = after(|names| names.spf("240.0.0.1", "example.jp", Spf::Pass)).await;
    assert_eq!(open, found("spf-open", critical));

    let key = async |record: &'static str| {
        after(move |names| {
            names.forget("sekisho._domainkey.example.jp");
            names.txt("k2._domainkey.example.jp", record);
        })
        .await
    };
    let short = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";
    assert_eq!(key(short).await, found("dkim-short", note));
    assert_eq!(key("v=DKIM1; p=!").await, found("dkim-wrong", warning));
    assert_eq!(key("v=DKIM1; p=").await, found("dkim-wrong", warning));
    assert_eq!(key("v=spf1 -all").await, found("dkim-missing", warning), "a wildcard's text is no key");
    assert_eq!(after(|names| names.txt("k2._domainkey.example.jp", "v=DKIM1; p=")).await, [], "an old key, taken back");

    let dmarc = async |record: &'static str| {
        after(move |names| {
            names.forget("_dmarc.example.jp");
            names.txt("_dmarc.example.jp", record);
        })
        .await
    };
    assert_eq!(dmarc("v=DMARC1; p=none").await, found("dmarc-none", note));
    assert_eq!(dmarc("v=DMARC1; p=reject; sp=none").await, found("dmarc-below", note));
    assert_eq!(dmarc("v=DMARC1 p=reject").await, found("dmarc-wrong", warning));
    assert_eq!(dmarc("v=spf1 -all").await, found("dmarc-missing", warning));
    assert_eq!(after(|names| names.txt("_dmarc.example.jp", "v=DMARC1; p=none")).await, found("dmarc-wrong", warning));

    let other = after(|names| {
        names.ptr(IP, "host25.provider.example");
        names.set("host25.provider.example", [192, 0, 2, 25]);
    });
    assert_eq!(other.await, found("ptr-other", note));
    assert_eq!(after(|names| names.mx("example.jp", "gone.example.jp")).await, found("mx-dead", warning));
}

#[tokio::test]
async fn protections_that_are_off_are_found() {
    let names = Arc::new(Names::default());
    good(&names);
    let world = World::with(|options| {
        options.hostname = "mx.example.jp".into();
        options.reputation.addresses = vec![IP.parse().unwrap()];
        options.guard.mode = crate::guard::Mode::Observe;
        options.password.min_length = 4;
        options.credentials.digests_without_tls = true;
        options.lockout.policy.pair.tries = 0;
    })
    .await;
    world.control.look_outside(Arc::clone(&names) as Arc<dyn Outside>);
    let audit = world.control.audit(&ground(&world)).await.unwrap();
    assert_eq!(ids(&audit), ["digests-without-tls", "lockout-off", "guard-observes", "short-passwords"]);
    assert_eq!(audit.findings[1].about, "sekisho.toml: pair");
}
