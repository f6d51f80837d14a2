//! CRAM-MD5 (RFC 2195) and the digest of APOP (RFC 1939 §7): for old clients, where the server knows the password.

use super::Credential;
use super::plain::FIELD_MAX;

/// What the digest was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestKind {
    /// HMAC-MD5 of the challenge under the password.
    CramMd5,
    /// MD5 of challenge and password.
    Apop,
}

/// The client's answer to a CRAM-MD5 challenge: `user digest`.
#[must_use]
pub fn cram_md5(challenge: &str, response: &[u8]) -> Option<Credential> {
    let text = std::str::from_utf8(response).ok()?;
    let (user, digest) = text.rsplit_once(' ')?;
    of(user, digest, challenge, DigestKind::CramMd5)
}

/// The arguments of APOP.
#[must_use]
pub fn apop(challenge: &str, user: &str, digest: &str) -> Option<Credential> {
    of(user, digest, challenge, DigestKind::Apop)
}

fn of(user: &str, digest: &str, challenge: &str, kind: DigestKind) -> Option<Credential> {
    let sound = !user.is_empty() && user.len() <= FIELD_MAX && !user.contains('\0');
    let digest = unhex(digest).filter(|_| sound)?;
    Some(Credential::Digest { user: user.to_owned(), challenge: challenge.to_owned(), digest, kind })
}

/// 32 hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let [high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_rfcs() {
        // RFC 2195 §2
        let challenge = "<1896.697170952@postoffice.reston.mci.net>";
        let found = cram_md5(challenge, b"tim b913a602c7eda7a495b4e6e7334d3890").unwrap();
        let Credential::Digest { user, digest, kind, .. } = found else { panic!("{found:?}") };
        assert_eq!((user.as_str(), digest[0], digest[15], kind), ("tim", 0xB9, 0x90, DigestKind::CramMd5));
        // RFC 1939 §7
        let found = apop("<1896.697170952@dbc.mtview.ca.us>", "mrose", "c4c9334bac560ecc979e58001b3e22fb").unwrap();
        assert!(matches!(found, Credential::Digest { kind: DigestKind::Apop, .. }));
    }

    #[test]
    fn refuses_malformed_answers() {
        let good = "b913a602c7eda7a495b4e6e7334d3890";
        for bad in
            ["", "tim", good, " b913a602c7eda7a495b4e6e7334d3890", "tim b913", "tim g913a602c7eda7a495b4e6e7334d3890"]
        {
            assert_eq!(cram_md5("<c>", bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(cram_md5("<c>", b"\xff b913a602c7eda7a495b4e6e7334d3890"), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_panics(response in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = cram_md5("<c>", &response);
        }
    }
}
