//! OAUTHBEARER (RFC 7628) and XOAUTH2: a token instead of a password.

use super::{Credential, Password};

/// Longest token in octets.
const TOKEN_MAX: usize = 8_192;
/// Longest name in octets.
const NAME_MAX: usize = 1_024;
/// Ends every key with its value.
const SEPARATOR: char = '\u{1}';

/// Which of the two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// RFC 7628.
    OAuthBearer,
    /// What came before it, and many clients still speak.
    XOAuth2,
}

/// Reads the client's message; `None` when it is malformed.
#[must_use]
pub fn parse(form: Form, message: &[u8]) -> Option<Credential> {
    let text = std::str::from_utf8(message).ok()?;
    match form {
        Form::OAuthBearer => oauthbearer(text),
        Form::XOAuth2 => xoauth2(text),
    }
}

/// What a refused client is told as the last challenge. `discovery` says where the issuer describes itself.
#[must_use]
pub fn refusal(form: Form, discovery: Option<&str>) -> Vec<u8> {
    let scope = "openid email";
    match (form, discovery) {
        (Form::OAuthBearer, Some(url)) if plain(url) => {
            format!("{{\"status\":\"invalid_token\",\"scope\":\"{scope}\",\"openid-configuration\":\"{url}\"}}")
        }
        (Form::OAuthBearer, _) => format!("{{\"status\":\"invalid_token\",\"scope\":\"{scope}\"}}"),
        (Form::XOAuth2, _) => format!("{{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"{scope}\"}}"),
    }
    .into_bytes()
}

/// `n,a=NAME,^A` and keys with values, each ended by `^A`; one more `^A` ends all.
fn oauthbearer(text: &str) -> Option<Credential> {
    let mut parts = text.splitn(3, ',');
    let (flag, identity, rest) = (parts.next()?, parts.next()?, parts.next()?);
    // Nothing binds a token to a channel here.
    if !matches!(flag, "n" | "y") {
        return None;
    }
    let user = match identity {
        "" => String::new(),
        _ => super::scram::decode_name(identity.strip_prefix("a=")?)?,
    };
    let token = token_of(rest.strip_prefix(SEPARATOR)?, None)?;
    Some(Credential::Token { user, token })
}

/// `user=NAME^Aauth=Bearer TOKEN^A^A`.
fn xoauth2(text: &str) -> Option<Credential> {
    let (user, rest) = text.strip_prefix("user=")?.split_once(SEPARATOR)?;
    let token = token_of(rest, Some("auth"))?;
    let sound = !user.is_empty() && user.len() <= NAME_MAX && !user.contains('\0');
    sound.then(|| Credential::Token { user: user.to_owned(), token })
}

/// The token among the keys. `only`: no other key is known.
fn token_of(text: &str, only: Option<&str>) -> Option<Password> {
    let mut token = None;
    let mut rest = text;
    loop {
        if rest == "\u{1}" {
            break;
        }
        let (pair, after) = rest.split_once(SEPARATOR)?;
        rest = after;
        let (key, value) = pair.split_once('=')?;
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphabetic()) || only.is_some_and(|only| key != only) {
            return None;
        }
        if key == "auth" {
            if token.is_some() {
                return None;
            }
            token = Some(bearer(value)?);
        }
    }
    token
}

/// `Bearer TOKEN` (RFC 6750 §2.1); an empty value asks what the server wants (RFC 7628 §4.3).
fn bearer(value: &str) -> Option<Password> {
    if value.is_empty() {
        return Some(Password::new(""));
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_matches(' ');
    let body = token.trim_end_matches('=');
    let sound = scheme.eq_ignore_ascii_case("Bearer")
        && !body.is_empty()
        && token.len() <= TOKEN_MAX
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
    sound.then(|| Password::new(token))
}

/// Whether a URL can stand in JSON as it is.
fn plain(url: &str) -> bool {
    url.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn token(user: &str, token: &str) -> Option<Credential> {
        Some(Credential::Token { user: user.into(), token: Password::new(token) })
    }

    #[test]
    fn the_examples_of_rfc_7628() {
        // §4.1
        let message = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01";
        assert_eq!(
            parse(Form::OAuthBearer, message),
            token("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")
        );
        // §4.3: the client asks what is wanted.
        let asks = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=\x01\x01";
        assert_eq!(parse(Form::OAuthBearer, asks), token("user@example.com", ""));
        assert_eq!(parse(Form::OAuthBearer, b"n,,\x01auth=bearer a\x01\x01"), token("", "a"));
    }

    #[test]
    fn the_form_that_came_before() {
        let message = b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3Rlcg\x01\x01";
        assert_eq!(parse(Form::XOAuth2, message), token("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3Rlcg"));
    }

    #[test]
    fn refuses_malformed_messages() {
        for bad in [
            &b""[..],
            b"n,,",
            b"n,,\x01",
            b"n,,\x01\x01",
            b"p=tls-exporter,,\x01auth=Bearer a\x01\x01",
            b"n,user,\x01auth=Bearer a\x01\x01",
            b"n,,\x01auth=Basic a\x01\x01",
            b"n,,\x01auth=Bearer a b\x01\x01",
            b"n,,\x01auth=Bearer a\x01",
            b"n,,\x01auth=Bearer a\x01\x01x",
            b"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01",
            b"n,,\x01auth=Bearer ==\x01\x01",
            b"n,,\x01=x\x01\x01",
            b"n,,\x01auth=Bearer \xff\x01\x01",
        ] {
            assert_eq!(parse(Form::OAuthBearer, bad), None, "{bad:?}");
        }
        for bad in [
            &b""[..],
            b"user=\x01auth=Bearer a\x01\x01",
            b"user=a\x01host=b\x01auth=Bearer a\x01\x01",
            b"user=a\x01\x01",
        ] {
            assert_eq!(parse(Form::XOAuth2, bad), None, "{bad:?}");
        }
        let long = format!("n,,\u{1}auth=Bearer {}\u{1}\u{1}", "a".repeat(TOKEN_MAX + 1));
        assert_eq!(parse(Form::OAuthBearer, long.as_bytes()), None);
    }

    #[test]
    fn a_refusal_is_json() {
        let said = refusal(Form::OAuthBearer, Some("https://id.example.jp/.well-known/openid-configuration"));
        assert_eq!(
            String::from_utf8(said).unwrap(),
            "{\"status\":\"invalid_token\",\"scope\":\"openid email\",\
             \"openid-configuration\":\"https://id.example.jp/.well-known/openid-configuration\"}"
        );
        assert!(!String::from_utf8(refusal(Form::OAuthBearer, Some("https://a\"b"))).unwrap().contains("a\"b"));
        assert!(String::from_utf8(refusal(Form::XOAuth2, None)).unwrap().contains("\"status\":\"401\""));
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_panics(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(Form::OAuthBearer, &message);
            let _ = parse(Form::XOAuth2, &message);
        }

        #[test]
        fn what_is_written_is_read(user in "[a-z0-9.@]{1,30}", secret in "[A-Za-z0-9._~+/-]{1,80}") {
            let message = format!("n,a={user},\u{1}host=h\u{1}port=143\u{1}auth=Bearer {secret}\u{1}\u{1}");
            prop_assert_eq!(parse(Form::OAuthBearer, message.as_bytes()), token(&user, &secret));
            let message = format!("user={user}\u{1}auth=Bearer {secret}\u{1}\u{1}");
            prop_assert_eq!(parse(Form::XOAuth2, message.as_bytes()), token(&user, &secret));
        }
    }
}
