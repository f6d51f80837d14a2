//! Passwords that nobody guesses.

use aws_lc_rs::rand;

/// Letters and digits that are not taken for one another when read aloud or from paper.
const ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
const GROUPS: usize = 4;
const GROUP: usize = 4;

/// The system's random source did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the system's random source does not answer")]
pub struct NoRandom;

/// A one-time password such as `w4kt-9mzx-p2qh-7cde`: 16 characters of 31, 79 bits.
///
/// # Errors
/// When the system has no random bytes.
pub fn one_time() -> Result<String, NoRandom> {
    let mut password = String::with_capacity(GROUPS * (GROUP + 1));
    let mut taken = 0;
    while taken < GROUPS * GROUP {
        let mut bytes = [0_u8; 32];
        rand::fill(&mut bytes).map_err(|_| NoRandom)?;
        // Bytes past the last whole multiple are thrown away: every letter is equally likely.
        for byte in bytes.into_iter().filter(|b| usize::from(*b) < 256 - 256 % ALPHABET.len()) {
            if taken == GROUPS * GROUP {
                break;
            }
            if taken > 0 && taken % GROUP == 0 {
                password.push('-');
            }
            password.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            taken += 1;
        }
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn sixteen_readable_characters_in_groups() {
        let one = one_time().unwrap();
        assert_eq!(one.len(), 19);
        assert!(one.split('-').all(|group| group.len() == 4 && group.bytes().all(|b| ALPHABET.contains(&b))));
        assert_ne!(one, one_time().unwrap());
    }
}
