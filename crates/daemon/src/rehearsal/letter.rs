//! Letters whose likeness is that of the model: alike where its fingerprints are, and else not.

use std::fmt::Write as _;

use sekisho_guard::drill::world::Mail;

/// Words for each of the fingerprint's bits that all letters have.
const COMMON: u64 = 7;

/// The address that a number of the model stands for; not in the order of the alphabet.
pub(super) fn address(number: u64) -> String {
    format!("r{:x}@d{}.example", number.wrapping_mul(0x9E37_79B9_7F4A_7C15), number / 10)
}

/// The message as a client hands it over, without the final dot.
pub(super) fn letter(mail: &Mail, from: &str, number: u64) -> String {
    let client = mail.fingerprint.unwrap_or(0);
    let to = mail.recipients.iter().take(1).map(|&n| address(n)).collect::<String>();
    let mut text = format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: {}\r\nMessage-ID: <{number}.{client:x}@{client:x}.example>\r\nX-Mailer: Client {client:x}\r\n\r\n",
        word(mail.simhash.unwrap_or(number), 0)
    );
    let hash = mail.simhash.unwrap_or(number);
    for bit in 0..64 {
        // What every letter has, and a word that only those of the same fingerprint have.
        for n in 1..=COMMON {
            let _ = write!(text, "{} ", word(bit, n));
        }
        text.push_str(&word(bit * 2 + ((hash >> bit) & 1), 0));
        text.push_str("\r\n");
    }
    text
}

/// A word for a number.
fn word(seed: u64, n: u64) -> String {
    let mut bits = seed.wrapping_mul(COMMON + 1).wrapping_add(n + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
    (0..6)
        .map(|_| {
            bits = bits.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            char::from(b'a' + (bits >> 58) as u8 % 26)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use sekisho_message::fingerprint::{distance, simhash};

    use super::*;

    fn like(a: u64, b: u64) -> u32 {
        let text = |hash| letter(&Mail { simhash: Some(hash), ..Mail::default() }, "a@b.example", 7);
        let body = |letter: String| letter.split_once("\r\n\r\n").map_or(0, |(_, body)| simhash(body));
        distance(body(text(a)), body(text(b)))
    }

    #[test]
    fn letters_are_as_alike_as_their_fingerprints() {
        for seed in 1..40_u64 {
            let hash = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            assert_eq!(like(hash, hash), 0);
            assert!(like(hash, hash ^ (1 << (seed % 64))) <= 6, "{seed}");
            assert!(like(hash, hash.wrapping_mul(0xD1B5_4A32_D192_ED03)) > 6, "{seed}");
        }
    }
}
