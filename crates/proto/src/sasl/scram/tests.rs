#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

/// RFC 7677 §3.
const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
const CLIENT_FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const CLIENT_FINAL: &str =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

fn secret() -> Secret {
    Secret::derive("pencil", &STANDARD.decode(SALT).unwrap(), 4096)
}

fn until_final(first: &[u8], secret: Secret) -> Server {
    let mut server = Server::default();
    assert!(matches!(server.receive(first), Progress::Ask(Credential::ScramUser { .. })));
    assert!(matches!(server.secret(secret, SERVER_NONCE), Progress::Challenge(_)));
    server
}

#[test]
fn the_example_of_rfc_7677() {
    let mut server = Server::default();
    assert_eq!(server.receive(CLIENT_FIRST), Progress::Ask(Credential::ScramUser { user: "user".into() }));
    let challenge = format!("r=rOprNGfwEbeRWgbNEkqO{SERVER_NONCE},s={SALT},i=4096");
    assert_eq!(server.secret(secret(), SERVER_NONCE), Progress::Challenge(challenge.into_bytes()));
    let done = Credential::ScramDone { authzid: String::new(), user: "user".into() };
    assert_eq!(server.receive(CLIENT_FINAL.as_bytes()), Progress::Ask(done));
    let server_final = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_vec();
    assert_eq!(server.granted(), Progress::Challenge(server_final));
    assert_eq!(server.receive(b""), Progress::Done);
    assert_eq!(server.receive(b""), Progress::Malformed);
}

#[test]
fn a_wrong_password_fails_at_the_proof() {
    let other = Secret::derive("pen", &STANDARD.decode(SALT).unwrap(), 4096);
    let mut server = until_final(CLIENT_FIRST, other);
    let failed = Credential::ScramFailed { user: "user".into() };
    assert_eq!(server.receive(CLIENT_FINAL.as_bytes()), Progress::Ask(failed));
    assert_eq!(server.granted(), Progress::Malformed, "a failed proof cannot be granted");
}

#[test]
fn a_changed_header_nonce_or_order_is_malformed() {
    let change = |from: &str, to: &str| CLIENT_FINAL.replace(from, to).into_bytes();
    for bad in [
        change("c=biws", "c=eSws"),
        change("r=rOpr", "r=xOpr"),
        change("c=biws,", ""),
        change(",p=", ",q="),
        change("p=dHzb", "p=d"),
        b"\xff".to_vec(),
        Vec::new(),
    ] {
        assert_eq!(until_final(CLIENT_FIRST, secret()).receive(&bad), Progress::Malformed);
    }
    assert_eq!(Server::default().granted(), Progress::Malformed);
    assert_eq!(Server::default().secret(secret(), "x"), Progress::Malformed);
}

#[test]
fn first_messages() {
    let user = |message: &str| match Server::default().receive(message.as_bytes()) {
        Progress::Ask(Credential::ScramUser { user }) => Some(user),
        _ => None,
    };
    assert_eq!(user("y,,n=a=2Cb=3Dc,r=x").as_deref(), Some("a,b=c"));
    assert_eq!(user("n,a=boss,n=taro@example.jp,r=x,ext=1").as_deref(), Some("taro@example.jp"));
    for bad in [
        "p=tls-unique,,n=u,r=x",
        "n,,n=u",
        "n,,n=,r=x",
        "n,,n=u,r=",
        "n,,m=ext,n=u,r=x",
        "n,,n=a=2cb,r=x",
        "n,,n=a=,r=x",
        "n,boss,n=u,r=x",
        "n",
        "",
    ] {
        assert_eq!(user(bad), None, "{bad}");
    }
}

#[test]
fn the_stored_form_goes_there_and_back() {
    let text = secret().to_string();
    assert!(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
    assert_eq!(Secret::parse(&text), Some(secret()));
    for bad in ["", "SCRAM-SHA-256$4096:AA==$AA==:AA==", "SCRAM-SHA-1$4096:AA==$AA==:AA=="] {
        assert_eq!(Secret::parse(bad), None);
    }
    assert_eq!(Secret::parse(&text.replace("4096", "1")), None, "too few iterations");
    assert!(!format!("{:?}", secret()).contains("salt"));
}

#[test]
fn decoys_are_stable_and_differ_by_name() {
    let decoy = |user: &str| Secret::decoy(b"site key", user, 4096);
    assert_eq!(decoy("a@example.jp"), decoy("A@example.jp"));
    assert_ne!(decoy("a@example.jp").salt, decoy("b@example.jp").salt);
    assert_eq!(decoy("a@example.jp").salt.len(), 16);
}

#[test]
fn long_keys_are_hashed_first() {
    // RFC 2104 §2. The values are the sixth of the published test cases for HMAC-SHA-256.
    let mac = hmac(&[0xaa; 131], &[b"Test Using Larger Than Block-Size Key - ", b"Hash Key First"]);
    assert_eq!(mac[..8], [0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f]);
}
