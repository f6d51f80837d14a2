#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::collections::HashSet;
use std::net::Ipv6Addr;
use std::time::Instant;

use sekisho_testkit::FakeDns;

use super::*;

const ONE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

fn world() -> (FakeDns, Resolver) {
    let dns = FakeDns::start().unwrap();
    let resolver = Resolver::new(&dns.setting()).unwrap();
    (dns, resolver)
}

fn names(answer: &MxAnswer) -> Vec<(u16, &str)> {
    match answer {
        MxAnswer::Hosts(hosts) => hosts.iter().map(|host| (host.preference, host.name.as_str())).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn hosts_come_by_preference() {
    let (dns, resolver) = world();
    dns.mx("example.net", 20, "b.example.net").mx("example.net", 10, "A.Example.net").mx(
        "example.net",
        30,
        "c.example.net",
    );
    for domain in ["example.net", "EXAMPLE.net", "example.net."] {
        let answer = resolver.mx(domain).await.unwrap();
        assert_eq!(names(&answer), [(10, "a.example.net"), (20, "b.example.net"), (30, "c.example.net")]);
    }
}

#[tokio::test]
async fn equals_take_turns() {
    let (dns, resolver) = world();
    for host in ["a.example", "b.example", "c.example"] {
        dns.mx("example.net", 10, host);
    }
    dns.mx("example.net", 5, "first.example");
    let mut orders = HashSet::new();
    for _ in 0..200 {
        let answer = resolver.mx("example.net").await.unwrap();
        let order: Vec<String> = names(&answer).iter().map(|(_, name)| (*name).to_owned()).collect();
        assert_eq!(order[0], "first.example");
        orders.insert(order);
    }
    assert_eq!(orders.len(), 6, "all orders of three");
}

#[tokio::test]
async fn null_and_implicit_and_missing_are_told_apart() {
    let (dns, resolver) = world();
    dns.mx("null.example", 0, ".").a("plain.example", ONE).empty("bare.example");
    dns.mx("odd.example", 0, ".").mx("odd.example", 10, "mx.example");
    assert_eq!(resolver.mx("null.example").await, Ok(MxAnswer::Null));
    assert_eq!(resolver.mx("plain.example").await, Ok(MxAnswer::Implicit));
    assert_eq!(resolver.mx("bare.example").await, Ok(MxAnswer::Implicit));
    assert_eq!(resolver.addresses("bare.example").await, Err(DnsError::NoData));
    assert_eq!(resolver.mx("absent.example").await, Err(DnsError::NoDomain));
    assert_eq!(resolver.addresses("absent.example").await, Err(DnsError::NoDomain));
    assert_eq!(names(&resolver.mx("odd.example").await.unwrap()), [(10, "mx.example")]);
}

#[tokio::test]
async fn aliases_are_followed() {
    let (dns, resolver) = world();
    dns.cname("alias.example", "real.example").mx("real.example", 10, "mx.example");
    dns.cname("mx.example", "host.example").a("host.example", ONE);
    dns.cname("lonely.example", "host.example").cname("lost.example", "nowhere.example");
    dns.cname("one.example", "two.example").cname("two.example", "one.example");
    assert_eq!(names(&resolver.mx("alias.example").await.unwrap()), [(10, "mx.example")]);
    assert_eq!(resolver.addresses("mx.example").await, Ok(vec![IpAddr::V4(ONE)]));
    assert_eq!(resolver.mx("lonely.example").await, Ok(MxAnswer::Implicit));
    assert_eq!(resolver.addresses("lonely.example").await, Ok(vec![IpAddr::V4(ONE)]));
    assert_eq!(resolver.mx("lost.example").await, Err(DnsError::NoDomain));
    assert!(resolver.mx("one.example").await.is_err() || resolver.addresses("one.example").await.is_err());
}

#[tokio::test]
async fn what_may_be_better_later_is_temporary() {
    let (dns, resolver) = world();
    dns.servfail("broken.example").refused("closed.example");
    dns.a("half.example", ONE);
    for name in ["broken.example", "closed.example"] {
        assert!(matches!(resolver.mx(name).await, Err(DnsError::Temporary(_))), "{name}");
        assert!(matches!(resolver.addresses(name).await, Err(DnsError::Temporary(_))), "{name}");
        assert!(matches!(resolver.txt(name).await, Err(DnsError::Temporary(_))), "{name}");
    }
    // And it is not remembered.
    dns.nxdomain("broken.example").mx("broken.example", 10, "mx.example");
    assert_eq!(names(&resolver.mx("broken.example").await.unwrap()), [(10, "mx.example")]);
}

#[tokio::test]
async fn silence_ends_in_time() {
    let (dns, resolver) = world();
    dns.timeout("silent.example");
    let started = Instant::now();
    assert!(matches!(resolver.mx("silent.example").await, Err(DnsError::Temporary(_))));
    assert!(started.elapsed() <= PATIENCE + Duration::from_secs(2), "{:?}", started.elapsed());
    let asked = dns.asked_for("silent.example", "MX");
    assert!((2..=6).contains(&asked), "asked {asked} times");
}

#[tokio::test]
async fn nobody_there_is_temporary() {
    let (dns, resolver) = world();
    drop(dns);
    assert!(matches!(resolver.mx("example.net").await, Err(DnsError::Temporary(_))));
}

#[tokio::test]
async fn addresses_of_both_families_alternate() {
    let (dns, resolver) = world();
    let two = Ipv4Addr::new(192, 0, 2, 2);
    dns.a("host.example", ONE).a("host.example", two).aaaa("host.example", SIX).a("four.example", ONE);
    let ask = async |family: Family, host: &str| resolver.clone().family(family).addresses(host).await.unwrap();
    let found = ask(Family::Ipv6First, "host.example").await;
    assert_eq!(found[0], IpAddr::V6(SIX));
    assert_eq!(found.len(), 3);
    let found = ask(Family::Ipv4First, "host.example").await;
    assert!(found[0].is_ipv4() && found[1].is_ipv6() && found[2].is_ipv4());
    assert_eq!(ask(Family::Ipv4Only, "host.example").await.len(), 2);
    assert_eq!(ask(Family::Ipv6First, "four.example").await, [IpAddr::V4(ONE)]);
}

#[tokio::test]
async fn one_family_that_cannot_say_does_not_hide_the_other_nor_pass_for_none() {
    let (dns, resolver) = world();
    dns.a("host.example", ONE).servfail_for("host.example", "AAAA");
    dns.empty("none.example").servfail_for("none.example", "AAAA");
    assert_eq!(resolver.addresses("host.example").await, Ok(vec![IpAddr::V4(ONE)]));
    assert!(matches!(resolver.addresses("none.example").await, Err(DnsError::Temporary(_))));
}

#[test]
fn alternating_is_bounded() {
    assert_eq!(alternate(vec![IpAddr::V6(SIX)], vec![IpAddr::V4(ONE)]), [IpAddr::V6(SIX), IpAddr::V4(ONE)]);
    let many: Vec<IpAddr> = (0..100).map(|n| IpAddr::from([192, 0, 2, n])).collect();
    assert_eq!(alternate(many.clone(), many).len(), ADDRESSES);
}

#[tokio::test]
async fn a_trap_with_many_hosts_is_cut() {
    let (dns, resolver) = world();
    for n in 0..200_u16 {
        dns.mx("trap.example", n, &format!("mx{n}.trap.example"));
        dns.a("wide.example", Ipv4Addr::from(0xc000_0200 + u32::from(n)));
    }
    let answer = resolver.mx("trap.example").await.unwrap();
    assert_eq!(names(&answer).len(), 32);
    assert_eq!(names(&answer)[31], (31, "mx31.trap.example"));
    assert_eq!(resolver.addresses("wide.example").await.unwrap().len(), 16);
}

#[tokio::test]
async fn literals_are_their_own_answer() {
    let (dns, resolver) = world();
    assert_eq!(resolver.mx("[192.0.2.1]").await, Ok(MxAnswer::Implicit));
    assert_eq!(resolver.addresses("[192.0.2.1]").await, Ok(vec![IpAddr::V4(ONE)]));
    assert_eq!(resolver.addresses("[IPv6:2001:db8::1]").await, Ok(vec![IpAddr::V6(SIX)]));
    assert_eq!(dns.asked().len(), 0);
    for wrong in ["[example]", "[]", "[2001:db8::1]", "[IPv6:192.0.2.1]", "[192.0.2.1", "", ".", "a..b"] {
        assert_eq!(resolver.addresses(wrong).await, Err(DnsError::NoDomain), "{wrong}");
        assert_eq!(resolver.mx(wrong).await, Err(DnsError::NoDomain), "{wrong}");
    }
    // An address where a host name should be is a name, and there is none such.
    dns.mx("wrong.example", 10, "192.0.2.1");
    let answer = resolver.mx("wrong.example").await.unwrap();
    assert_eq!(resolver.addresses(names(&answer)[0].1).await, Err(DnsError::NoDomain));
}

#[tokio::test]
async fn texts_and_reverse_names() {
    let (dns, resolver) = world();
    let long = format!("v=spf1 {} -all", "ip4:192.0.2.0/24 ".repeat(120));
    dns.txt("example.net", &long).txt("example.net", "other").ptr(ONE, "Host.example.net").ptr(SIX, "six.example.net");
    let mut texts = resolver.txt("example.net").await.unwrap();
    texts.sort();
    assert_eq!(texts, ["other".to_owned(), long]);
    assert!(dns.asked().iter().any(|question| question.tcp), "too long for a packet");
    assert_eq!(resolver.ptr(IpAddr::V4(ONE)).await.unwrap(), ["host.example.net"]);
    assert_eq!(resolver.ptr("::ffff:192.0.2.1".parse().unwrap()).await.unwrap(), ["host.example.net"]);
    assert_eq!(resolver.ptr(IpAddr::V6(SIX)).await.unwrap(), ["six.example.net"]);
    assert_eq!(resolver.ptr("192.0.2.9".parse().unwrap()).await, Err(DnsError::NoDomain));
}

#[tokio::test]
async fn answers_are_cached_as_long_as_they_say() {
    let (dns, resolver) = world();
    dns.ttl(300).mx("kept.example", 10, "mx.example");
    for _ in 0..5 {
        resolver.mx("kept.example").await.unwrap();
        assert_eq!(resolver.mx("gone.example").await, Err(DnsError::NoDomain));
    }
    assert_eq!(dns.asked_for("kept.example", "MX"), 1);
    assert_eq!(dns.asked_for("gone.example", "MX"), 1);
    resolver.clear_cache();
    resolver.mx("kept.example").await.unwrap();
    assert_eq!(dns.asked_for("kept.example", "MX"), 2);
}

#[tokio::test]
async fn unicode_names_are_asked_for_as_a_labels() {
    let (dns, resolver) = world();
    dns.mx("xn--wgv71a119e.example", 10, "mx.example");
    assert_eq!(names(&resolver.mx("日本語.example").await.unwrap()), [(10, "mx.example")]);
}

#[test]
fn mail_that_would_come_back_is_noticed() {
    let own = Own::new(["MX2.example.net.".to_owned()], ["192.0.2.1".parse().unwrap()]);
    assert!(own.is_name("mx2.EXAMPLE.net") && !own.is_name("mx1.example.net"));
    assert!(own.is_address("::ffff:192.0.2.1".parse().unwrap()) && !own.is_address(IpAddr::V6(SIX)));
    let hosts = |list: &[(u16, &str)]| -> Vec<MxHost> {
        list.iter().map(|(preference, name)| MxHost { preference: *preference, name: (*name).to_owned() }).collect()
    };
    let all =
        hosts(&[(10, "mx1.example.net"), (20, "mx2.example.net"), (20, "mx3.example.net"), (30, "mx4.example.net")]);
    assert_eq!(own.better(all), hosts(&[(10, "mx1.example.net")]));
    assert_eq!(own.better(hosts(&[(10, "mx2.example.net"), (20, "a.example")])), []);
    assert_eq!(own.better(hosts(&[(10, "a.example")])), hosts(&[(10, "a.example")]));
}

#[tokio::test]
async fn settings_are_checked() {
    assert!(Resolver::new("system").is_ok());
    assert!(Resolver::new("192.0.2.1").is_ok());
    assert!(Resolver::new("[2001:db8::1]:5353").is_ok());
    for wrong in ["", "System", "dns.example", "dns.example:53", "192.0.2.1:x"] {
        let error = Resolver::new(wrong).unwrap_err();
        assert!(error.0.en.contains("neither") && error.0.ja.contains("resolver"), "{wrong}");
    }
    assert!(interfaces().unwrap().iter().all(|address| !address.is_loopback()));
}
