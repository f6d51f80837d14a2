#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::net::Ipv4Addr;

use sekisho_testkit::FakeDns;

use super::*;

/// The example of RFC 8463 Appendix A.
const SIGNED: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r
 d=football.example.com; i=@football.example.com;\r
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r
 subject : date : message-id : from : subject : date;\r
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r
 d=football.example.com; i=@football.example.com;\r
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r
 date : message-id : from : subject : date;\r
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r
From: Joe SixPack <joe@football.example.com>\r
To: Suzie Q <suzie@shopping.example.net>\r
Subject: Is dinner ready?\r
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r
Message-ID: <20030712040037.46341.5F8J@football.example.com>\r
\r
Hi.\r
\r
We lost the game.  Are you hungry yet?\r
\r
Joe.\r
";
const ED25519: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const RSA: &str = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

const MX: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 25);

fn world() -> (FakeDns, Resolver) {
    let dns = FakeDns::start().unwrap();
    let resolver = Resolver::new(&dns.setting()).unwrap();
    (dns, resolver)
}

fn football(dns: &FakeDns) {
    dns.txt("brisbane._domainkey.football.example.com", ED25519).txt("test._domainkey.football.example.com", RSA);
    dns.txt("football.example.com", "v=spf1 ip4:192.0.2.0/28 -all");
    dns.txt("_dmarc.football.example.com", "v=DMARC1; p=reject");
}

async fn prove(resolver: &Resolver, message: &str, ip: &str) -> Proof {
    let letter = Letter {
        ip: Some(ip.parse().unwrap()),
        helo: "evil.example".into(),
        mail_from: "joe@football.example.com".into(),
        message: message.into(),
    };
    resolver.prove(letter, "mx.example.jp").await
}

fn results(proof: &Proof) -> Vec<Proven> {
    proof.signatures.iter().map(|one| one.result).collect()
}

#[tokio::test]
async fn a_signed_message_of_its_own_host_is_proven() {
    let (dns, resolver) = world();
    football(&dns);
    for text in [SIGNED.to_owned(), SIGNED.replace("\r\n", "\n"), format!("Received: from x by y\r\n{SIGNED}")] {
        let proof = prove(&resolver, &text, "192.0.2.3").await;
        assert_eq!((proof.spf, proof.spf_domain.as_str()), (Spf::Pass, "football.example.com"));
        assert_eq!(results(&proof), [Proven::Pass, Proven::Pass], "{proof:?}");
        let signers: Vec<_> = proof.signatures.iter().map(|one| (one.domain.as_str(), one.selector.as_str())).collect();
        assert_eq!(signers, [("football.example.com", "brisbane"), ("football.example.com", "test")]);
        let dmarc = proof.dmarc.unwrap();
        assert_eq!((dmarc.result, dmarc.policy.as_str()), (Proven::Pass, "reject"));
    }
}

#[tokio::test]
async fn what_was_changed_or_comes_from_elsewhere_is_not() {
    let (dns, resolver) = world();
    football(&dns);
    let elsewhere = "203.0.113.7";
    let proof = prove(&resolver, SIGNED, elsewhere).await;
    assert_eq!(proof.spf, Spf::Fail);
    assert_eq!(proof.dmarc.unwrap().result, Proven::Pass, "a signature that aligns is enough");
    for changed in [SIGNED.replace("game", "shop"), SIGNED.replace("dinner", "supper")] {
        let proof = prove(&resolver, &changed, elsewhere).await;
        assert_eq!(results(&proof), [Proven::Fail, Proven::Fail], "{proof:?}");
        assert!(proof.signatures.iter().all(|one| !one.detail.is_empty()));
        assert_eq!(proof.dmarc.unwrap().result, Proven::Fail);
    }
    // A key that is gone, and one that cannot be asked for.
    dns.nxdomain("test._domainkey.football.example.com").servfail("brisbane._domainkey.football.example.com");
    resolver.clear_cache();
    let proof = prove(&resolver, SIGNED, elsewhere).await;
    assert_eq!(results(&proof), [Proven::TempError, Proven::PermError], "{proof:?}");
    assert_ne!(proof.dmarc.unwrap().result, Proven::Pass);
}

#[tokio::test]
async fn spf_has_macros_includes_redirects_and_limits() {
    let (dns, resolver) = world();
    dns.a("mx.example.jp", MX).mx("example.jp", 10, "mx.example.jp");
    dns.txt("inc.example", "v=spf1 ip4:198.51.100.0/24 -all");
    dns.txt("loop.example", "v=spf1 include:loop.example -all");
    dns.txt("two.example", "v=spf1 -all").txt("two.example", "v=spf1 +all");
    dns.a("25.2.0.192.in-addr.x.example", Ipv4Addr::new(127, 0, 0, 2));
    dns.a("taro.example.net.y.example", Ipv4Addr::new(127, 0, 0, 2));
    dns.servfail("down.example");
    for number in 0..12 {
        dns.txt(&format!("i{number}.example"), "v=spf1 ?all");
    }
    let many = (0..12).map(|number| format!("include:i{number}.example ")).collect::<String>();
    let many = format!("v=spf1 {many}-all");
    for (record, ip, result) in [
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.25", Spf::Pass),
        ("v=spf1 ip4:192.0.2.0/24 -all", "203.0.113.1", Spf::Fail),
        ("v=spf1 ip6:2001:db8::/32 ~all", "2001:db8::1", Spf::Pass),
        ("v=spf1 ip4:192.0.2.25 -all", "::ffff:192.0.2.25", Spf::Pass),
        ("v=spf1 mx:example.jp ~all", "192.0.2.25", Spf::Pass),
        ("v=spf1 mx:example.jp ~all", "192.0.2.26", Spf::SoftFail),
        ("v=spf1 a:mx.example.jp/24 -all", "192.0.2.99", Spf::Pass),
        ("v=spf1 include:inc.example -all", "198.51.100.7", Spf::Pass),
        ("v=spf1 include:inc.example ?all", "192.0.2.1", Spf::Neutral),
        ("v=spf1 redirect=inc.example", "192.0.2.1", Spf::Fail),
        ("v=spf1 redirect=_none.example", "192.0.2.1", Spf::PermError),
        ("v=spf1 include:loop.example -all", "192.0.2.1", Spf::PermError),
        ("v=spf1 include:down.example -all", "192.0.2.1", Spf::TempError),
        ("v=spf1 exists:%{ir}.in-addr.x.example -all", "192.0.2.25", Spf::Pass),
        ("v=spf1 exists:%{ir}.in-addr.x.example -all", "192.0.2.26", Spf::Fail),
        ("v=spf1 exists:%{l}.%{d}.y.example -all", "192.0.2.26", Spf::Pass),
        ("v=spf1 bogus -all", "192.0.2.1", Spf::PermError),
        ("v=spf10 -all", "192.0.2.1", Spf::None),
        (&many, "192.0.2.1", Spf::PermError),
    ] {
        dns.nxdomain("example.net").txt("example.net", record);
        resolver.clear_cache();
        let found = resolver.spf(ip.parse().unwrap(), "h.example", "taro@example.net", "mx.example.jp").await;
        assert_eq!(found, result, "{record} of {ip}");
    }
    let ip = "192.0.2.1".parse().unwrap();
    assert_eq!(resolver.spf(ip, "", "x@two.example", "mx.example.jp").await, Spf::PermError);
    assert_eq!(resolver.spf(ip, "", "x@down.example", "mx.example.jp").await, Spf::TempError);
    assert_eq!(resolver.spf(ip, "inc.example", "", "mx.example.jp").await, Spf::Fail, "the HELO name stands in");
}

#[tokio::test]
async fn a_message_of_a_stranger_costs_a_bounded_number_of_questions() {
    let (dns, resolver) = world();
    football(&dns);
    let one = SIGNED.split("DKIM-Signature: v=1; a=rsa").next().unwrap();
    let rest = SIGNED.strip_prefix(one).unwrap();
    let many: String = (0..500).map(|number| one.replace("brisbane", &format!("s{number}"))).collect();
    let proof = prove(&resolver, &(many + rest), "203.0.113.7").await;
    assert_eq!(proof.signatures.len(), SIGNATURES);
    assert!(dns.asked().len() < 40, "{}", dns.asked().len());
    for broken in ["", "\r\n", "DKIM-Signature:", "DKIM-Signature: v=1; l=9; bh=; b=; h=", "From: <", "From: a@"] {
        let _ = prove(&resolver, broken, "203.0.113.7").await;
    }
    for end in (0..SIGNED.len()).step_by(7) {
        let _ = prove(&resolver, &SIGNED[..end], "203.0.113.7").await;
    }
}
