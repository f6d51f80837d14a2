//! Codes of the second factor (RFC 6238, RFC 4226): SHA-1, six digits, thirty seconds, as every authenticator takes them.

use aws_lc_rs::hmac;
use sekisho_message::Time;

use crate::secret;

/// Seconds of a time step (RFC 6238 §4.1).
const STEP: i64 = 30;
/// Steps before and after now whose code is taken as well: clocks differ (RFC 6238 §5.2).
const DRIFT: i64 = 1;
/// Octets of a secret: as many as SHA-1 gives (RFC 4226 §4, R6).
pub const SECRET: usize = 20;
/// Recovery codes that are made together.
pub const RECOVERY_CODES: usize = 10;

/// The time step whose code `code` is, if it is one of those that count at `now`.
#[must_use]
pub fn step_of(secret: &[u8], code: &str, now: Time) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let current = now.micros() / 1_000_000 / STEP;
    // All steps are compared, so that the time tells nothing.
    let mut found = None;
    for step in current - DRIFT..=current + DRIFT {
        if secret::same(&self::code(secret, step), &code) {
            found = Some(step);
        }
    }
    found
}

/// The code of a time step (RFC 4226 §5.3).
#[must_use]
pub fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag.last().copied().unwrap_or(0) & 0x0f);
    let four: [u8; 4] = tag.get(at..at + 4).and_then(|four| four.try_into().ok()).unwrap_or_default();
    format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
}

/// The address that authenticators read from a picture.
#[must_use]
pub fn uri(secret: &[u8], account: &str, host: &str) -> String {
    let (account, host) = (percent(account), percent(host));
    format!("otpauth://totp/{host}:{account}?secret={}&issuer={host}&algorithm=SHA1&digits=6&period=30", base32(secret))
}

/// Base 32 without padding (RFC 4648 §6).
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0_u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[((held >> bits) & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(LETTERS[((held << (5 - bits)) & 31) as usize]));
    }
    text
}

/// Text as it may stand in an address (RFC 3986 §2.1).
fn percent(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-._~@".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_codes_of_rfc_4226_appendix_d() {
        let secret = b"12345678901234567890";
        let codes: Vec<String> = (0..10).map(|step| code(secret, step)).collect();
        assert_eq!(
            codes,
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
        );
    }

    #[test]
    fn the_times_of_rfc_6238_appendix_b() {
        // The appendix has eight digits; six are their end.
        let secret = b"12345678901234567890";
        for (seconds, wanted) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(step_of(secret, wanted, Time::from_seconds(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn clocks_may_differ_by_a_step_and_no_more() {
        let (secret, now) = (b"12345678901234567890", Time::from_seconds(3_000));
        for (drift, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            assert_eq!(step_of(secret, &code(secret, 100 + drift), now).is_some(), taken, "{drift}");
        }
        assert_eq!(step_of(secret, "", now), None);
        assert_eq!(
            step_of(secret, &format!(" {} {}", &code(secret, 100)[..3], &code(secret, 100)[3..]), now),
            Some(100)
        );
    }

    #[test]
    fn base_32_is_that_of_rfc_4648() {
        for (plain, coded) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(plain.as_bytes()), coded);
        }
        assert!(
            uri(b"foo", "太郎@example.jp", "mx")
                .starts_with("otpauth://totp/mx:%E5%A4%AA%E9%83%8E@example.jp?secret=MZXW6&")
        );
    }
}
