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
pub(super) fn border(hops: &[Hop]) -> Option<(&Hop, IpAddr)> {
    hops.iter().take_while(|hop| hop.ours.is_none()).find_map(|hop| {
        let ip = hop.received.ip?.to_canonical();
        (is_public(ip) && !within(&hop.received)).then_some((hop, ip))
    })
}

/// Whether both ends of a hop are of one organisation: then it is no border.
fn within(received: &Received) -> bool {
    let name = |text: &Option<String>| text.as_deref().and_then(|name| Domain::parse(name).ok());
    match (name(&received.from), name(&received.by)) {
        (Some(from), Some(by)) if from.literal().is_none() && by.literal().is_none() => {
            organisation(from.ascii()) == organisation(by.ascii())
        }
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
