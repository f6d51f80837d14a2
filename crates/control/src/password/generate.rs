//! Passwords that nobody guesses.

use aws_lc_rs::rand;

/// Letters and digits that are not taken for one another when read aloud or from paper.
const ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
const GROUP: usize = 4;
/// Letters of an app password.
const APP: usize = 24;

/// The system's random source did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the system's random source does not answer")]
pub struct NoRandom;

/// A one-time password such as `w4kt-9mzx-p2qh-7cde`: 16 characters of 31, 79 bits.
///
/// # Errors
/// When the system has no random bytes.
pub fn one_time() -> Result<String, NoRandom> {
    letters(16)
}

/// An app password: 24 characters of 31, 118 bits, in groups of four.
///
/// # Errors
/// When the system has no random bytes.
pub fn app_password() -> Result<String, NoRandom> {
    letters(APP)
}

/// The letters of an app password as it was typed: without what groups them, in lower case. None when it cannot be one.
#[must_use]
pub fn as_app_password(typed: &str) -> Option<String> {
    if typed.len() > 2 * APP {
        return None;
    }
    let letters: String = typed.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect();
    (letters.len() == APP && letters.bytes().all(|b| ALPHABET.contains(&b))).then_some(letters)
}

fn letters(count: usize) -> Result<String, NoRandom> {
    let mut password = String::with_capacity(count + count / GROUP);
    let mut taken = 0;
    while taken < count {
        let mut bytes = [0_u8; 32];
        rand::fill(&mut bytes).map_err(|_| NoRandom)?;
        // Bytes past the last whole multiple are thrown away: every letter is equally likely.
        for byte in bytes.into_iter().filter(|b| usize::from(*b) < 256 - 256 % ALPHABET.len()) {
            if taken == count {
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

    #[test]
    fn app_passwords_are_known_however_they_are_typed() {
        let one = app_password().unwrap();
        assert_eq!(one.len(), 29);
        let letters = as_app_password(&one).unwrap();
        assert_eq!(letters, one.replace('-', ""));
        for typed in [letters.clone(), one.to_uppercase(), one.replace('-', " "), format!(" {letters} ")] {
            assert_eq!(as_app_password(&typed).as_ref(), Some(&letters), "{typed}");
        }
        for other in ["", "copper lantern violet sawmill", &letters[1..], &format!("{letters}2"), &"-".repeat(1_000)] {
            assert_eq!(as_app_password(other), None, "{other}");
        }
    }
}
