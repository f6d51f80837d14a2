#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use sekisho_testkit::issuer::{Algorithm as Signing, FakeIssuer};
use serde_json::json;

use super::*;

fn keys(issuer: &FakeIssuer) -> Vec<Key> {
    Key::read_set(issuer.document("/keys").unwrap().as_bytes()).unwrap()
}

fn is_good(token: &str, keys: &[Key]) -> bool {
    Token::parse(token).is_ok_and(|token| token.candidates(keys).any(|key| token.is_signed_by(key)))
}

#[test]
fn the_three_algorithms_and_only_they() {
    let issuer = FakeIssuer::start().unwrap();
    assert_eq!(keys(&issuer).len(), 3, "the symmetric key is left out");
    let claims = json!({ "email": "taro@example.jp" });
    for algorithm in [Signing::Rs256, Signing::Es256, Signing::EdDsa] {
        let known = keys(&issuer);
        let token = issuer.token(algorithm, &claims).unwrap();
        assert!(is_good(&token, &known), "{algorithm:?}");
        assert_eq!(Token::parse(&token).unwrap().text("email"), Some("taro@example.jp"));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut broken = signature.to_owned();
        broken.replace_range(10..11, if signature.as_bytes()[10] == b'A' { "B" } else { "A" });
        assert!(!is_good(&format!("{signed}.{broken}"), &known), "{algorithm:?}: another signature");
        assert!(!is_good(&format!("{signed}."), &known), "{algorithm:?}: no signature");
        let other = URL_SAFE_NO_PAD.encode(r#"{"email":"hanako@example.jp"}"#);
        let header = token.split('.').next().unwrap();
        assert!(!is_good(&format!("{header}.{other}.{signature}"), &known), "{algorithm:?}: other claims");
        issuer.rotate().unwrap();
        assert!(!is_good(&token, &keys(&issuer)), "{algorithm:?}: a key that is gone");
        issuer.rotate().unwrap();
        let known = keys(&issuer);
        assert!(is_good(&issuer.token(algorithm, &claims).unwrap(), &known));
    }
}

#[test]
fn the_classic_forgeries() {
    let issuer = FakeIssuer::start().unwrap();
    let known = keys(&issuer);
    let claims = json!({ "email": "taro@example.jp" });
    let with = |header: &Value| issuer.token_with(Signing::Rs256, header, &claims).unwrap();
    for alg in ["none", "None", "NONE", "HS256", "HS512", "RS512", "PS256", "ES384", ""] {
        let token = with(&json!({ "alg": alg, "kid": "RS256-1" }));
        assert!(Token::parse(&token).is_err(), "{alg}");
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert!(Token::parse(&format!("{signed}.")).is_err(), "{alg} without signature");
    }
    // Signed by one algorithm, and said to be by another.
    assert!(!is_good(&with(&json!({ "alg": "ES256", "kid": "ES256-1" })), &known));
    assert!(!is_good(&with(&json!({ "alg": "EdDSA", "kid": "RS256-1" })), &known));
    assert!(!is_good(&with(&json!({ "alg": "RS256", "kid": "ES256-1" })), &known));
    assert!(!is_good(&with(&json!({ "alg": "RS256", "kid": "nobody" })), &known));
    assert!(is_good(&with(&json!({ "alg": "RS256" })), &known), "without kid each key that fits is tried");
    assert!(is_good(&with(&json!({ "alg": "RS256", "typ": "at+jwt" })), &known));
    // Keys that the token brings along are not looked at.
    assert!(is_good(&with(&json!({ "alg": "RS256", "jwk": {}, "jku": "https://evil.example/" })), &known));
    for header in [
        json!({ "alg": "RS256", "crit": ["exp"] }),
        json!({ "alg": "RS256", "typ": "logout+jwt" }),
        json!({ "kid": "RS256-1" }),
        json!({ "alg": 1 }),
        json!([]),
    ] {
        assert!(Token::parse(&with(&header)).is_err(), "{header}");
    }
}

#[test]
fn claims_are_read_as_they_may_be_written() {
    let issuer = FakeIssuer::start().unwrap();
    let claims = json!({ "aud": ["a", "b"], "exp": 1_764_000_000.5, "nbf": 1, "iat": "1", "sub": "" });
    let token = issuer.token(Signing::EdDsa, &claims).unwrap();
    let token = Token::parse(&token).unwrap();
    assert_eq!((token.seconds("exp"), token.seconds("nbf")), (Some(1_764_000_000), Some(1)));
    assert_eq!((token.seconds("iat"), token.seconds("x"), token.text("sub")), (None, None, None));
    assert!(token.is_for(&["b".into()]) && !token.is_for(&["c".into()]) && !token.is_for(&[]));
    let single = issuer.token(Signing::EdDsa, &json!({ "aud": "a" })).unwrap();
    assert!(Token::parse(&single).unwrap().is_for(&["a".into()]));
    let huge = issuer.token(Signing::EdDsa, &json!({ "exp": 1e300 })).unwrap();
    assert_eq!(Token::parse(&huge).unwrap().seconds("exp"), None);
}

#[test]
fn sets_of_keys_are_bounded_and_forgiving() {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43) });
    let many = json!({ "keys": vec![key.clone(); 100] }).to_string();
    assert_eq!(Key::read_set(many.as_bytes()).unwrap().len(), MOST_KEYS);
    let short = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" });
    let for_encryption = json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43), "use": "enc" });
    let other = json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43), "alg": "RS256" });
    let odd = json!({ "keys": [short, for_encryption, other, null, 3, {}] }).to_string();
    assert_eq!(Key::read_set(odd.as_bytes()), Ok(vec![]));
    for bad in ["", "[]", "{}", "{\"keys\":{}}"] {
        assert!(Key::read_set(bad.as_bytes()).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_nothing_panics(text in "\\PC{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Token::parse(&text);
        let _ = Token::parse(&format!("{}.{}.{}", text, URL_SAFE_NO_PAD.encode(&bytes), text));
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA"}"#);
        let _ = Token::parse(&format!("{header}.{}.AAAA", URL_SAFE_NO_PAD.encode(&bytes)));
        let _ = Key::read_set(&bytes);
    }
}
