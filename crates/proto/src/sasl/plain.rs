//! PLAIN (RFC 4616): identity, name and password in one message.

use super::{Credential, Password};

/// Longest name or password in octets. RFC 4616 §2 allows 255 octets a field; a little
/// more does no harm.
pub(crate) const FIELD_MAX: usize = 1024;

/// Reads `authzid NUL authcid NUL passwd`; `None` when it is malformed.
#[must_use]
pub fn parse(message: &[u8]) -> Option<Credential> {
    let text = std::str::from_utf8(message).ok()?;
    let mut fields = text.split('\0');
    let (authzid, user, password) = (fields.next()?, fields.next()?, fields.next()?);
    let sound = fields.next().is_none()
        && [authzid, user, password].iter().all(|f| f.len() <= FIELD_MAX)
        && !user.is_empty()
        && !password.is_empty();
    sound.then(|| Credential::Plain {
        authzid: authzid.to_owned(),
        user: user.to_owned(),
        password: Password::new(password),
    })
}

/// What a client sends: `NUL user NUL password`, before base64.
#[must_use]
pub fn initial(user: &str, password: &Password) -> Vec<u8> {
    let mut out = Vec::with_capacity(user.len() + password.expose().len() + 2);
    out.push(0);
    out.extend_from_slice(user.as_bytes());
    out.push(0);
    out.extend_from_slice(password.expose().as_bytes());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn reads_what_the_client_writes() {
        let password = Password::new("ひみつ");
        let credential = parse(&initial("taro@example.jp", &password)).unwrap();
        let expected = Credential::Plain { authzid: String::new(), user: "taro@example.jp".into(), password };
        assert_eq!(credential, expected);
        assert!(!format!("{credential:?}").contains("ひみつ"));
    }

    #[test]
    fn refuses_malformed_messages() {
        for bad in [&b""[..], b"a", b"a\0b", b"\0u\0p\0x", b"\0\0p", b"\0u\0", b"\0u\0\xff"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        let long = [b"\0u\0".to_vec(), vec![b'p'; FIELD_MAX + 1]].concat();
        assert_eq!(parse(&long), None);
    }
}
