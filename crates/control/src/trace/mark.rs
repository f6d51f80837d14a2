//! The signed mark in our Received fields.
//!
//! It is made of three keyed tags (HMAC-SHA-256, cut): who answers for the message, as a tag that only this server can
//! compare; that id, time and that tag are ours; and that they belong to this Message-ID, From and Date. Whoever copies the
//! field onto another message is told by the last one, and nobody can read or make any of them without the key. Making one
//! costs three short hashes, whatever the size of the message.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sekisho_message::Time;
use sekisho_message::header::Headers;

use crate::credential::Key;

/// Octets of the tags, in order.
const WHO: usize = 6;
const OURS: usize = 10;
const BOUND: usize = 8;
/// What this form of the mark begins with.
const FORM: &str = "1.";
/// Octets of a field that count.
const LONGEST: usize = 512;

/// What of a header the mark belongs to, as it stands in the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// Message-ID.
    pub message_id: Vec<u8>,
    /// From.
    pub from: Vec<u8>,
    /// Date.
    pub date: Vec<u8>,
}

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Tag of who answers for the message; compare with [`Marks::who`].
    pub who: [u8; WHO],
    /// Whether it belongs to this header.
    pub bound: bool,
}

/// Makes and reads marks.
pub struct Marks(Key);

impl Marks {
    pub(crate) fn new(key: &str) -> Self {
        Self(Key::from_bytes(key.as_bytes()))
    }

    /// The mark of message `id`, which `origin` (a key such as `account:taro@example.jp`) answers for.
    #[must_use]
    pub fn make(&self, id: &str, origin: &str, at: Time, bound: &Bound) -> String {
        let who = self.who(origin);
        let mut bytes = [0; WHO + OURS + BOUND];
        let (first, rest) = bytes.split_at_mut(WHO);
        let (second, third) = rest.split_at_mut(OURS);
        first.copy_from_slice(&who);
        second.copy_from_slice(&self.ours(id, at, &who));
        third.copy_from_slice(&self.bound(id, bound));
        format!("{FORM}{}", BASE64.encode(bytes))
    }

    /// What `mark` says about the message with this id, time and header; none when it is not ours.
    #[must_use]
    pub fn read(&self, mark: &str, id: &str, at: Time, bound: &Bound) -> Option<Reading> {
        let bytes = BASE64.decode(mark.strip_prefix(FORM)?).ok()?;
        let (who, rest) = bytes.split_first_chunk::<WHO>()?;
        let (ours, tail) = rest.split_first_chunk::<OURS>()?;
        let tied: &[u8; BOUND] = tail.try_into().ok()?;
        let same = |a: &[u8], b: &[u8]| aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok();
        if !same(ours, &self.ours(id, at, who)) {
            return None;
        }
        Some(Reading { who: *who, bound: same(tied, &self.bound(id, bound)) })
    }

    /// The tag of an origin.
    #[must_use]
    pub fn who(&self, origin: &str) -> [u8; WHO] {
        cut(&self.0.tag(&[b"who", origin.as_bytes()]))
    }

    fn ours(&self, id: &str, at: Time, who: &[u8]) -> [u8; OURS] {
        cut(&self.0.tag(&[b"ours", id.as_bytes(), &at.seconds().to_be_bytes(), who]))
    }

    fn bound(&self, id: &str, bound: &Bound) -> [u8; BOUND] {
        let Bound { message_id, from, date } = bound;
        let plain = [message_id, from, date].map(|value| canonical(value));
        let [message_id, from, date] = &plain;
        cut(&self.0.tag(&[b"bound", id.as_bytes(), message_id, from, date]))
    }
}

impl Bound {
    /// From a header as it came.
    #[must_use]
    pub fn of(header: &[u8]) -> Self {
        let headers = Headers::of(header);
        let first = |name: &str| headers.first(name).map(|field| field.unfolded().into_owned()).unwrap_or_default();
        Self { message_id: first("Message-ID"), from: first("From"), date: first("Date") }
    }

    /// Whether nothing is there: a report that keeps back whose mail it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.message_id.is_empty() && self.from.is_empty() && self.date.is_empty()
    }
}

/// White space differs after folding; everything else counts.
fn canonical(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len().min(LONGEST));
    for word in value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(word);
        if out.len() >= LONGEST {
            out.truncate(LONGEST);
            break;
        }
    }
    out
}

fn cut<const N: usize>(tag: &[u8]) -> [u8; N] {
    tag.first_chunk::<N>().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_mark_is_ours_alone_and_belongs_to_its_message() {
        let (marks, other) = (Marks::new("a key"), Marks::new("another"));
        let at = Time::from_seconds(1_764_000_000);
        let bound = Bound::of(b"From: T <t@example.jp>\r\nDate: Mon, 1 Jan\r\nMessage-ID: <1@x>\r\n\r\n");
        let mark = marks.make("B0000000123", "account:t@example.jp", at, &bound);
        assert!(mark.len() < 40 && mark.is_ascii());
        let read = marks.read(&mark, "B0000000123", at, &bound).unwrap();
        assert!(read.bound && read.who == marks.who("account:t@example.jp"));
        let folded = Bound::of(b"From: T\r\n <t@example.jp>\r\nDate: Mon,  1 Jan\r\nMessage-ID: <1@x>\r\n\r\n");
        assert!(marks.read(&mark, "B0000000123", at, &folded).unwrap().bound);
        let copied = Bound { from: b"x@y.example".to_vec(), ..bound.clone() };
        assert!(!marks.read(&mark, "B0000000123", at, &copied).unwrap().bound);
        assert_eq!(marks.read(&mark, "B0000000124", at, &bound), None);
        assert_eq!(marks.read(&mark, "B0000000123", Time::from_seconds(1), &bound), None);
        assert_eq!(other.read(&mark, "B0000000123", at, &bound), None);
        for bad in ["", "1.", "2.AAAA", "1.AAAA", "1.☃"] {
            assert_eq!(marks.read(bad, "B0000000123", at, &bound), None, "{bad}");
        }
    }
}
