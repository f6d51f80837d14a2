//! A small sketch of a text that tells which texts cannot be in it.
//!
//! Every three ASCII characters in a row, every other character, and every pair with such a character in it (a *gram*)
//! set one bit of a bit string. A text can contain another only if it has all its grams, so a missing bit is a proof, and
//! a set one a reason to look. About three bits a distinct gram: an eighth of the text or less.

use std::hash::{BuildHasherDefault, Hasher};

/// Least bits of a signature.
const BITS_MIN: usize = 64;
/// Most bits of a signature, 16 KiB. A text with so many different grams that they are all set is looked through each time.
const BITS_MAX: usize = 1 << 17;
/// Version of what a gram is; the first octet of every signature.
const VERSION: u8 = 1;

/// The grams of a text that is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grams(Vec<u32>);

impl Grams {
    /// The grams of `folded`, which is in the form of [`casemap`](super::casemap()).
    #[must_use]
    pub fn of(folded: &str) -> Self {
        let mut grams = Vec::new();
        each_gram(folded, |gram| grams.push(gram));
        grams.sort_unstable();
        grams.dedup();
        Self(grams)
    }

    /// There are none: the text is too short for signatures to say anything about it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A signature as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a>(&'a [u8]);

impl<'a> Signature<'a> {
    /// Reads a stored signature; none when it is of another version or damaged.
    #[must_use]
    pub fn read(stored: &'a [u8]) -> Option<Self> {
        match stored.split_first() {
            Some((&VERSION, bits)) if (bits.len() * 8).is_power_of_two() && bits.len() * 8 >= BITS_MIN => {
                Some(Self(bits))
            }
            _ => None,
        }
    }

    /// `false` when the text certainly does not contain what `grams` are of.
    #[must_use]
    pub fn may_hold(self, grams: &Grams) -> bool {
        let mask = self.0.len() * 8 - 1;
        grams.0.iter().all(|&gram| {
            let bit = gram as usize & mask;
            self.0.get(bit / 8).is_some_and(|octet| octet & (1 << (bit % 8)) != 0)
        })
    }
}

/// Makes the signature of the texts of one message.
#[derive(Default)]
pub struct Builder {
    seen: std::collections::HashSet<u32, BuildHasherDefault<Straight>>,
}

impl Builder {
    /// Adds a text in the form of [`casemap`](super::casemap()).
    pub fn add(&mut self, folded: &str) {
        // Beyond this the largest signature is full anyway.
        if self.seen.len() < BITS_MAX * 4 {
            let seen = &mut self.seen;
            each_gram(folded, |gram| {
                seen.insert(gram);
            });
        }
    }

    /// The signature of what was added, as it is stored. The builder is empty again.
    #[must_use]
    pub fn finish(&mut self) -> Vec<u8> {
        let bits = (self.seen.len() * 2).next_power_of_two().clamp(BITS_MIN, BITS_MAX);
        let mut out = vec![0; bits / 8 + 1];
        if let Some(version) = out.first_mut() {
            *version = VERSION;
        }
        for gram in self.seen.drain() {
            let bit = gram as usize & (bits - 1);
            if let Some(octet) = out.get_mut(bit / 8 + 1) {
                *octet |= 1 << (bit % 8);
            }
        }
        out
    }

    /// The signature of a whole message: of its header lines and of its body's text.
    #[must_use]
    pub fn message(&mut self, message: &[u8], limit: usize) -> Vec<u8> {
        super::each_header_line(message, |line| {
            self.add(&super::casemap(line));
            true
        });
        self.add(&super::folded_body(message, limit));
        self.finish()
    }
}

/// Calls `each` with every gram of a text, hashed.
fn each_gram(folded: &str, mut each: impl FnMut(u32)) {
    let (mut before, mut last) = (None::<char>, None::<char>);
    for c in folded.chars() {
        if !c.is_ascii() {
            each(hash(u64::from(u32::from(c))));
        }
        if let Some(last) = last {
            match before {
                _ if !c.is_ascii() || !last.is_ascii() => {
                    each(hash(u64::from(u32::from(last)) << 32 | u64::from(u32::from(c)) | 1 << 63));
                }
                Some(before) if before.is_ascii() => {
                    let three = [before, last, c].map(|c| u64::from(u32::from(c)));
                    each(hash(three[0] << 16 | three[1] << 8 | three[2] | 1 << 62));
                }
                _ => {}
            }
        }
        (before, last) = (last, Some(c));
    }
}

fn hash(gram: u64) -> u32 {
    let mixed = (gram ^ (gram >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    u32::try_from(mixed >> 32).unwrap_or(0)
}

/// Grams are hashed already.
#[derive(Default)]
struct Straight(u64);

impl Hasher for Straight {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.0 = self.0 << 8 | u64::from(b);
        }
    }
    fn write_u32(&mut self, n: u32) {
        // The table looks at both ends of the number.
        self.0 = u64::from(n) << 32 | u64::from(n);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::super::casemap;
    use super::*;

    fn of(text: &str) -> Vec<u8> {
        let mut builder = Builder::default();
        builder.add(&casemap(text));
        builder.finish()
    }

    #[test]
    fn what_is_not_there_is_mostly_known() {
        let text: String = (0..400).map(|n| format!("word{n} 東京{n}都 ")).collect();
        let stored = of(&text);
        let signature = Signature::read(&stored).unwrap();
        assert!(stored.len() < text.len() / 4, "{} of {}", stored.len(), text.len());
        for there in ["word17", "京39", "都 word", "WORD", "wo", "", "東"] {
            assert!(signature.may_hold(&Grams::of(&casemap(there))), "{there}");
        }
        let absent = (0..1000).map(|n| format!("absent-{:x}", n * 7919));
        let wrong = absent.filter(|text| signature.may_hold(&Grams::of(&casemap(text)))).count();
        assert!(wrong < 5, "{wrong} of 1000 not known to be absent");
        assert!(!signature.may_hold(&Grams::of("大阪")));
    }

    #[test]
    fn damaged_signatures_are_not_read() {
        for stored in [&b""[..], b"\x01", b"\x02\0\0\0\0\0\0\0\0", b"\x01\0\0\0\0\0", &[1; 10]] {
            assert!(Signature::read(stored).is_none(), "{stored:?}");
        }
        assert!(Signature::read(&of("")).is_some());
        let many: String = (0..200_000u32).filter_map(|n| char::from_u32(0x3400 + n % 20_000)).collect();
        assert!(of(&many).len() <= BITS_MAX / 8 + 1);
    }

    proptest! {
        #[test]
        fn a_part_is_never_denied(before in "[a-zあ-ん東京漢字 é]{0,60}", part in "[a-cあい東é ]{0,12}", after in "\\PC{0,40}") {
            let stored = of(&format!("{before}{part}{after}"));
            let signature = Signature::read(&stored).unwrap();
            prop_assert!(signature.may_hold(&Grams::of(&casemap(&part))));
        }
    }
}
