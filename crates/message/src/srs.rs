//! Envelope senders of forwarded mail (SRS, the Sender Rewriting Scheme).
//!
//! Who forwards a message sends it under a name of his own domain, so that SPF (RFC 7208 §2.4) holds at the next host, and
//! a bounce finds its way back: `SRS0=tag=day=host=local@forwarder`. Only what the forwarder tagged with his own key, and
//! not long ago, leads anywhere: such an address is otherwise a way to send mail through him.
//!
//! There is no RFC for it; the form is that of the original proposal (Wong, 2003).

use crate::{Address, Time};

/// What every such local part begins with.
const PREFIX: &str = "SRS0=";
/// How long a bounce may take, in days.
const DAYS: i64 = 10;
/// Days are written modulo this: two characters of base 32.
const CYCLE: i64 = 1_024;
const DAY: i64 = 86_400_000_000;
/// Longest local part (RFC 5321 §4.5.3.1.1).
const LONGEST: usize = 64;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Whether `address` claims to be one of these.
#[must_use]
pub fn is_one(address: &Address) -> bool {
    address.local().get(..PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(PREFIX))
}

/// The address at `domain` under which mail of `sender` is forwarded; none when it would be too long, or cannot be
/// written without quotes. `tag` is the forwarder's keyed hash.
#[must_use]
pub fn write(sender: &Address, domain: &str, now: Time, tag: impl Fn(&[u8]) -> u64) -> Option<Address> {
    let day = stamp(now.0.div_euclid(DAY));
    let host = sender.domain().ascii();
    let local = sender.local();
    let tag = signature(&day, host, local, tag);
    let whole = format!("{PREFIX}{tag}={day}={host}={local}");
    if whole.len() > LONGEST || host.contains(['[', ':']) {
        return None;
    }
    Address::parse(&format!("{whole}@{domain}")).ok().filter(|address| address.local() == whole)
}

/// Whom a bounce to `address` goes back to; none unless it was written here (by whoever has the key of `tag`) within the
/// last ten days.
#[must_use]
pub fn read(address: &Address, now: Time, tag: impl Fn(&[u8]) -> u64) -> Option<Address> {
    if !is_one(address) {
        return None;
    }
    let mut parts = address.local().get(PREFIX.len()..)?.splitn(4, '=');
    let (found, day, host, local) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let age = (now.0.div_euclid(DAY) - day_of(day)?).rem_euclid(CYCLE);
    let right = signature(&day.to_ascii_uppercase(), host, local, tag);
    // Every octet is compared, whatever the first ones say.
    let differs = right.len() != found.len()
        || right.bytes().zip(found.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b.to_ascii_uppercase())) != 0;
    if differs || age > DAYS {
        return None;
    }
    Address::parse(&format!("{local}@{host}")).ok()
}

/// Forty bits over everything that leads somewhere. Others may change the case of letters on the way.
fn signature(day: &str, host: &str, local: &str, tag: impl Fn(&[u8]) -> u64) -> String {
    let signed = format!("{day}={host}={local}").to_lowercase();
    let bits = tag(signed.as_bytes());
    (0..8).map(|n| letter((bits >> (5 * n)) & 31)).collect()
}

fn stamp(day: i64) -> String {
    let day = day.rem_euclid(CYCLE).unsigned_abs();
    [letter(day >> 5), letter(day & 31)].iter().collect()
}

fn day_of(text: &str) -> Option<i64> {
    let [high, low] = text.as_bytes() else { return None };
    let digit = |byte: &u8| {
        let at = ALPHABET.iter().position(|letter| *letter == byte.to_ascii_uppercase())?;
        i64::try_from(at).ok()
    };
    Some(digit(high)? << 5 | digit(low)?)
}

fn letter(five: u64) -> char {
    usize::try_from(five & 31).ok().and_then(|at| ALPHABET.get(at)).map_or('A', |byte| char::from(*byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn tag(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    const NOW: Time = Time::from_seconds(1_790_000_000);

    #[test]
    fn a_bounce_finds_its_way_back() {
        let sender = address("Hanako.S@mail.example.com");
        let written = write(&sender, "example.jp", NOW, tag).unwrap();
        assert!(is_one(&written), "{written}");
        assert_eq!(written.domain().ascii(), "example.jp");
        assert_eq!(read(&written, NOW, tag).unwrap(), sender);
        let shouted = address(&written.to_string().to_uppercase());
        assert_eq!(read(&shouted, NOW, tag).unwrap().key(), sender.key(), "case is not kept by everybody");
    }

    #[test]
    fn nobody_else_writes_one_and_none_lasts() {
        let written = write(&address("a@example.com"), "example.jp", NOW, tag).unwrap();
        let later = |days: u64| NOW + std::time::Duration::from_secs(days * 86_400);
        assert!(read(&written, later(10), tag).is_some());
        assert!(read(&written, later(11), tag).is_none());
        assert!(read(&written, NOW - std::time::Duration::from_secs(2 * 86_400), tag).is_none(), "from the future");
        assert!(read(&written, NOW, |bytes| tag(bytes) ^ 1).is_none(), "another key");
        for forged in [
            written.to_string().replace("example.com", "victim.example"),
            "SRS0=@example.jp".to_owned(),
            "SRS0=AAAAAAAA=AA=victim.example=x@example.jp".to_owned(),
            "taro@example.jp".to_owned(),
        ] {
            assert!(read(&address(&forged), NOW, tag).is_none(), "{forged}");
        }
    }

    #[test]
    fn what_does_not_fit_is_left() {
        let long = format!("{}@mail.example.com", "x".repeat(50));
        assert_eq!(write(&address(&long), "example.jp", NOW, tag), None);
        assert_eq!(write(&address("\"a b\"@example.com"), "example.jp", NOW, tag), None);
        assert_eq!(write(&address("a@[192.0.2.1]"), "example.jp", NOW, tag), None);
    }
}
