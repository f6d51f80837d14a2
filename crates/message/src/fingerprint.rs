//! Fingerprints: messages that say nearly the same have nearly the same 64 bits (simhash, Charikar 2002).
//!
//! Normalisation takes out what a spammer varies from copy to copy: case, width, spacing, punctuation, numbers, and words with
//! digits in them. The rest is taken as words, and as single characters where a script writes no spaces; what counts are
//! the different pairs of neighbours, since single words, of which a few make up most of any text, say little.
//! The result is stored, so the form must not change without a migration; the tests pin it.

#[cfg(test)]
mod tests;

use crate::{search, structure::Structure};

/// Most octets of text that count; what comes after hardly tells messages apart and costs time.
pub const MAX_TEXT_OCTETS: usize = 8 * 1024;

/// Longest word that counts as itself, in characters; longer ones are keys, addresses or noise.
const MAX_WORD: usize = 24;

/// The simhash of a text after normalisation. A text without a single word has 0, which is like nothing but itself.
#[must_use]
pub fn simhash(text: &str) -> u64 {
    let mut end = text.len().min(MAX_TEXT_OCTETS);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let folded = search::fold(text.get(..end).unwrap_or_default());
    let words = words(&folded);
    let mut features: Vec<u64> = words.windows(2).map(pair).collect();
    if features.is_empty() {
        return words.first().copied().unwrap_or(0);
    }
    features.sort_unstable();
    features.dedup();
    let mut sum = BitSum::default();
    features.into_iter().for_each(|feature| sum.add(feature));
    sum.majority()
}

/// The simhash of the readable text of a message: its subject and its text parts. Addresses, dates and trace do not count.
#[must_use]
pub fn of_message(message: &[u8]) -> u64 {
    of_structure(&Structure::of(message))
}

/// The same for a message that has been taken apart already.
#[must_use]
pub fn of_structure(structure: &Structure<'_>) -> u64 {
    let subject = structure.root().and_then(|root| structure.header(root).text("Subject")).unwrap_or_default();
    let body = search::body_text(structure, MAX_TEXT_OCTETS);
    simhash(&format!("{subject}\n{body}"))
}

/// In how many of the 64 bits two fingerprints differ. Unrelated texts differ in about 32, near duplicates in few.
#[must_use]
pub fn distance(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

/// The hashes of the words of a folded text, in one pass; a character of a script without spaces is a word of its own.
/// A word with a digit in it, or one that is too long, counts as `#`.
fn words(text: &str) -> Vec<u64> {
    let mut hashes = Vec::with_capacity(text.len() / 4);
    let mut word = Word::default();
    for c in text.chars() {
        if c.is_ascii_alphabetic() {
            word.push(c);
        } else if c.is_ascii() {
            if c.is_ascii_digit() { word.push_digit() } else { word.end(&mut hashes) }
        } else if is_spaceless(c) && c.is_alphanumeric() {
            word.end(&mut hashes);
            word.push(c);
            word.end(&mut hashes);
        } else if c.is_numeric() {
            word.push_digit();
        } else if c.is_alphanumeric() {
            word.push(c);
        } else {
            word.end(&mut hashes);
        }
    }
    word.end(&mut hashes);
    hashes
}

/// A word as it is read: FNV-1a of its octets.
struct Word {
    hash: u64,
    characters: usize,
    noise: bool,
}

impl Default for Word {
    fn default() -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, characters: 0, noise: false }
    }
}

impl Word {
    fn push(&mut self, c: char) {
        let mut octets = [0; 4];
        for b in c.encode_utf8(&mut octets).bytes() {
            self.hash = (self.hash ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.characters += 1;
    }

    fn push_digit(&mut self) {
        self.noise = true;
        self.characters += 1;
    }

    fn end(&mut self, hashes: &mut Vec<u64>) {
        if self.noise || self.characters > MAX_WORD {
            *self = Self::default();
            self.push('#');
        }
        if self.characters > 0 {
            // A final mix, since the high bits of FNV are weak for short words.
            hashes.push(mix(self.hash));
        }
        *self = Self::default();
    }
}

/// Kana, Han, and the scripts of South East Asia.
fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Two neighbours in their order.
fn pair(words: &[u64]) -> u64 {
    mix(words.iter().fold(0, |hash, word| hash.rotate_left(23) ^ word))
}

/// The finaliser of SplitMix64.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// 64 counters side by side, one a bit: plane `n` holds bit `n` of every counter, so that adding is a few operations.
#[derive(Default)]
struct BitSum {
    planes: [u64; 16],
    count: u32,
}

impl BitSum {
    fn add(&mut self, bits: u64) {
        let mut carry = bits;
        for plane in &mut self.planes {
            if carry == 0 {
                break;
            }
            (*plane, carry) = (*plane ^ carry, *plane & carry);
        }
        self.count += 1;
    }

    /// The bits that were set in more than half of what was added.
    fn majority(&self) -> u64 {
        (0..64).fold(0, |result, bit| {
            let ones = self.planes.iter().rev().fold(0u32, |sum, plane| sum << 1 | u32::from((plane >> bit) & 1 == 1));
            result | u64::from(ones * 2 > self.count) << bit
        })
    }
}
