#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::time::Duration;

use hickory_proto::op::{OpCode, Query, ResponseCode};
use hickory_proto::rr::RecordType;

use super::*;

fn question(name: &str, kind: RecordType) -> Vec<u8> {
    let mut message = Message::new(4711, hickory_proto::op::MessageType::Query, OpCode::Query);
    message.add_query(Query::query(parse(name), kind));
    message.to_vec().unwrap()
}

fn over_udp(dns: &FakeDns, name: &str, kind: RecordType) -> Option<Message> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    socket.send_to(&question(name, kind), dns.address()).unwrap();
    let mut buffer = [0; 65_535];
    let count = socket.recv(&mut buffer).ok()?;
    let message = Message::from_vec(&buffer[..count]).unwrap();
    assert_eq!(message.metadata.id, 4711);
    Some(message)
}

fn over_tcp(dns: &FakeDns, name: &str, kind: RecordType) -> Message {
    let mut stream = TcpStream::connect(dns.address()).unwrap();
    let query = question(name, kind);
    stream.write_all(&u16::try_from(query.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&query).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).unwrap();
    Message::from_vec(&answer).unwrap()
}

#[test]
fn answers_over_both_transports() {
    let dns = FakeDns::start().unwrap();
    dns.mx("Example.net", 10, "mx1.example.net").a("mx1.example.net", Ipv4Addr::new(192, 0, 2, 1));
    for message in
        [over_udp(&dns, "example.NET", RecordType::MX).unwrap(), over_tcp(&dns, "example.net", RecordType::MX)]
    {
        assert_eq!(message.metadata.response_code, ResponseCode::NoError);
        assert_eq!(message.answers.len(), 1);
        assert!(matches!(&message.answers[0].data, RData::MX(mx) if mx.exchange == parse("mx1.example.net")));
    }
    let asked = dns.asked();
    assert_eq!(asked[0], Question { name: "example.net".into(), kind: "MX".into(), tcp: false });
    assert!(asked[1].tcp);
    assert_eq!(dns.asked_for("example.net", "MX"), 2);
}

#[test]
fn nothing_and_no_domain_are_told_apart() {
    let dns = FakeDns::start().unwrap();
    dns.a("host.example.net", Ipv4Addr::LOCALHOST).empty("bare.example.com");
    let code = |name, kind| over_udp(&dns, name, kind).unwrap().metadata.response_code;
    assert_eq!(code("host.example.net", RecordType::MX), ResponseCode::NoError);
    assert_eq!(code("example.net", RecordType::MX), ResponseCode::NoError, "it has a name below it");
    assert_eq!(code("bare.example.com", RecordType::A), ResponseCode::NoError);
    assert_eq!(code("absent.example.net", RecordType::A), ResponseCode::NXDomain);
    dns.nxdomain("host.example.net");
    assert_eq!(code("host.example.net", RecordType::A), ResponseCode::NXDomain);
}

#[test]
fn aliases_are_followed_and_end() {
    let dns = FakeDns::start().unwrap();
    dns.cname("www.example.net", "host.example.net").a("host.example.net", Ipv4Addr::LOCALHOST);
    dns.cname("one.example.net", "two.example.net").cname("two.example.net", "one.example.net");
    dns.cname("lost.example.net", "nowhere.example.net");
    assert_eq!(over_udp(&dns, "www.example.net", RecordType::A).unwrap().answers.len(), 2);
    assert_eq!(over_udp(&dns, "one.example.net", RecordType::A).unwrap().answers.len(), ALIASES_IN_A_LOOP);
    let lost = over_udp(&dns, "lost.example.net", RecordType::A).unwrap();
    assert_eq!(lost.metadata.response_code, ResponseCode::NXDomain);
}

const ALIASES_IN_A_LOOP: usize = 8;

#[test]
fn failures_are_as_asked_for() {
    let dns = FakeDns::start().unwrap();
    dns.servfail("broken.example").refused("closed.example").timeout("silent.example");
    assert_eq!(over_udp(&dns, "broken.example", RecordType::A).unwrap().metadata.response_code, ResponseCode::ServFail);
    assert_eq!(over_udp(&dns, "closed.example", RecordType::A).unwrap().metadata.response_code, ResponseCode::Refused);
    assert!(over_udp(&dns, "silent.example", RecordType::A).is_none());
}

#[test]
fn what_is_too_long_for_udp_is_truncated() {
    let dns = FakeDns::start().unwrap();
    let long = "x".repeat(700);
    dns.txt("long.example", &long).txt("short.example", "short").truncate("short.example");
    for name in ["long.example", "short.example"] {
        let message = over_udp(&dns, name, RecordType::TXT).unwrap();
        assert!(message.metadata.truncation, "{name}");
        assert_eq!(message.answers.len(), 0);
        let whole = over_tcp(&dns, name, RecordType::TXT);
        assert!(!whole.metadata.truncation);
        assert_eq!(whole.answers.len(), 1);
    }
    let whole = over_tcp(&dns, "long.example", RecordType::TXT);
    assert!(matches!(&whole.answers[0].data, RData::TXT(txt) if txt.txt_data.concat() == long.as_bytes()));
}

#[test]
fn it_is_gone_when_dropped() {
    let dns = FakeDns::start().unwrap();
    let address = dns.address();
    drop(dns);
    assert!(TcpStream::connect(address).is_err());
    UdpSocket::bind(address).unwrap();
}
