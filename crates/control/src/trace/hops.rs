//! The way that a header says its message took, and our own line in it.

use std::net::IpAddr;

use sekisho_message::header::Headers;
use sekisho_message::trace::{Received, parse_received};
use sekisho_message::{Domain, Time};

use super::mark::{Bound, Marks};

/// Received fields that are read; more are noise.
const MOST: usize = 100;

/// One hop, the last one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// What the field says.
    pub received: Received,
    /// Whether our host name stands after `by`.
    pub names_us: bool,
    /// What its mark says, where it has one of ours.
    pub ours: Option<OurLine>,
}

/// A Received field that we wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurLine {
    /// Our id of the message.
    pub id: String,
    /// When we took it.
    pub at: Time,
    /// Tag of who answers for it.
    pub who: [u8; 6],
    /// Whether Message-ID, From and Date are those that it was written for.
    pub bound: bool,
}

/// The hops of a header, the last one first.
#[must_use]
pub fn hops(header: &[u8], marks: &Marks, hostname: &str) -> Vec<Hop> {
    let bound = Bound::of(header);
    let fields = Headers::of(header);
    let one = |field: sekisho_message::header::HeaderField<'_>| {
        let received = parse_received(field.value());
        let names_us = received.by.as_deref().is_some_and(|by| by.eq_ignore_ascii_case(hostname));
        let ours = our_line(&received, marks, &bound);
        Hop { received, names_us, ours }
    };
    fields.all("Received").take(MOST).map(one).collect()
}

fn our_line(received: &Received, marks: &Marks, bound: &Bound) -> Option<OurLine> {
    let (mark, id, at) = (received.mark.as_deref()?, received.id.as_deref()?, received.at?);
    let reading = marks.read(mark, id, at, bound)?;
    Some(OurLine { id: id.to_owned(), at, who: reading.who, bound: reading.bound })
}

/// The host that handed the message to the first server of somebody else's that can be believed: those who wrote the
/// upper lines are on the side of whoever complains, so the first line that saw a public address says where it came from.
/// Lines between machines of one organisation come after that; where there are no others, the last of them it is.
pub(super) fn border(hops: &[Hop]) -> Option<(&Hop, IpAddr)> {
    let mut inner = None;
    for hop in hops.iter().take_while(|hop| hop.ours.is_none()) {
        let Some(ip) = hop.received.ip.map(|ip| ip.to_canonical()).filter(|ip| is_public(*ip)) else { continue };
        if !within(&hop.received) {
            return Some((hop, ip));
        }
        inner = Some((hop, ip));
    }
    inner
}

/// Whether both ends of a hop are of one organisation: then it is no border. What the peer called itself counts only
/// where the receiver looked for no name of its own: anybody can say HELO with the receiver's name.
fn within(received: &Received) -> bool {
    let name = |text: &str| Domain::parse(text.trim_end_matches('.')).ok().filter(|name| name.literal().is_none());
    let comment = received.from_comment.as_deref().unwrap_or_default();
    let mut words = comment.split([' ', '[', '(']).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let given = received.from.as_deref().unwrap_or_default();
    let peer = if first.eq_ignore_ascii_case("unknown") || given.eq_ignore_ascii_case("unknown") {
        return false;
    } else if first.contains('.') && first.parse::<IpAddr>().is_err() && !first.contains(['=', ':', ']']) {
        first
    } else {
        // qmail writes the name that it looked for before the comment `(HELO …)`, others the one that they were told.
        given
    };
    match (name(peer), received.by.as_deref().and_then(name)) {
        (Some(from), Some(by)) => organisation(from.ascii()) == organisation(by.ascii()),
        _ => false,
    }
}

/// The last two labels of a name, or three where the last but one is short, as in `example.co.jp`.
pub(super) fn organisation(host: &str) -> &str {
    let host = host.trim_end_matches('.');
    let dots: Vec<usize> = host.rmatch_indices('.').map(|(at, _)| at).collect();
    let label = |from: usize, to: usize| host.get(from + 1..to).map_or(0, str::len);
    match dots.as_slice() {
        [last, second, rest @ ..] if host.len() - last <= 3 && label(*second, *last) <= 3 => {
            rest.first().map_or(host, |third| host.get(third + 1..).unwrap_or(host))
        }
        [_, second, ..] => host.get(second + 1..).unwrap_or(host),
        _ => host,
    }
}

pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || (a == 100 && b & 0xC0 == 64))
        }
        IpAddr::V6(v6) => {
            let first = v6.segments().first().copied().unwrap_or(0);
            !(v6.is_loopback() || v6.is_unspecified() || first & 0xFE00 == 0xFC00 || first & 0xFFC0 == 0xFE80)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(lines: &[&str]) -> Option<IpAddr> {
        let header: String =
            lines.iter().map(|line| format!("Received: {line}; Tue, 25 Nov 2025 01:00:05 +0900\r\n")).collect();
        let hops = hops(header.as_bytes(), &Marks::new("k"), "mx.example.jp");
        border(&hops).map(|(_, ip)| ip)
    }

    #[test]
    fn the_border_is_where_a_stranger_came_in() {
        let ip = |text: &str| text.parse().ok();
        let inner = "from a.google.com (a.google.com. [198.51.100.1]) by mx.google.com with ESMTPS id 1";
        let outer = "from evil.example (host.evil.example [192.0.2.66]) by a.google.com with ESMTP id 2";
        let forged = "from x.example (x.example [203.0.113.1]) by y.example with ESMTP id 3";
        assert_eq!(seen(&[inner, outer, forged]), ip("192.0.2.66"));
        // A stranger who calls himself by the receiver's name is one all the same.
        let liar = "from mx.google.com (unknown [192.0.2.67]) by mx.google.com with SMTP id 4";
        assert_eq!(seen(&[liar, forged]), ip("192.0.2.67"));
        let liar = "from mx.google.com (dsl-7.provider.example [192.0.2.68]) by mx.google.com with SMTP id 4";
        assert_eq!(seen(&[liar, forged]), ip("192.0.2.68"));
        // qmail, and those who write no name at all.
        let qmail = "from unknown (HELO in.other.example) (192.0.2.69)\r\n  by in.other.example with SMTP";
        assert_eq!(seen(&[qmail, forged]), ip("192.0.2.69"));
        let outlook = "from A.prod.outlook.com (2603:1096::1) by B.prod.outlook.com (2603:1096::2) with HTTPS";
        assert_eq!(seen(&[outlook, outer]), ip("192.0.2.66"));
        assert_eq!(seen(&[outlook]), ip("2603:1096::1"), "the last one that is known");
        assert_eq!(seen(&["from localhost (localhost [127.0.0.1]) by mx.other.example with ESMTP"]), None);
    }

    #[test]
    fn organisations_and_public_addresses() {
        assert_eq!(organisation("mx1.mail.example.com."), "example.com");
        assert_eq!(organisation("mx.example.co.jp"), "example.co.jp");
        assert_eq!(organisation("example.jp"), "example.jp");
        for (ip, public) in [
            ("203.0.113.5", true),
            ("10.1.1.1", false),
            ("100.64.0.1", false),
            ("fd00::1", false),
            ("2001:db8::1", true),
        ] {
            assert_eq!(ip.parse().map(is_public), Ok(public), "{ip}");
        }
    }
}
