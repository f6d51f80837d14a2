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
    let mut server = Server::new(None, false);
    assert!(matches!(server.receive(first), Progress::Ask(Credential::ScramUser { .. })));
    assert!(matches!(server.secret(secret, SERVER_NONCE), Progress::Challenge(_)));
    server
}

#[test]
fn the_example_of_rfc_7677() {
    let mut server = Server::new(None, false);
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
    let failed = Credential::ScramFailed { user: "user".into(), why: Mismatch::Proof };
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
    assert_eq!(Server::new(None, false).granted(), Progress::Malformed);
    assert_eq!(Server::new(None, false).secret(secret(), "x"), Progress::Malformed);
}

#[test]
fn first_messages() {
    let user = |message: &str| match Server::new(None, false).receive(message.as_bytes()) {
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

/// A client that knows the password `pencil`; `channel` is what it sees of its connection.
fn client(server: &mut Server, header: &str, channel: &[u8]) -> Progress {
    let bare = "n=user,r=client";
    let Progress::Ask(Credential::ScramUser { .. }) = server.receive(format!("{header}{bare}").as_bytes()) else {
        return Progress::Malformed;
    };
    let Progress::Challenge(first) = server.secret(secret(), "server") else { panic!("no challenge") };
    let first = String::from_utf8(first).unwrap();
    let bound = STANDARD.encode([header.as_bytes(), channel].concat());
    let without_proof = format!("c={bound},r=clientserver");
    let salted = salted_password(b"pencil", &STANDARD.decode(SALT).unwrap(), 4096);
    let client_key = hmac(&salted, &[b"Client Key"]);
    let stored: [u8; 32] = Sha256::digest(client_key).into();
    let signature = hmac(&stored, &[format!("{bare},{first},{without_proof}").as_bytes()]);
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(k, s)| k ^ s).collect();
    server.receive(format!("{without_proof},p={}", STANDARD.encode(proof)).as_bytes())
}

fn channel() -> Option<Arc<Channel>> {
    Some(Arc::new(Channel { exporter: Some([7; 32]), end_point: Some(Box::new([9; 48])), certificate: false }))
}

fn failed(why: Mismatch) -> Progress {
    Progress::Ask(Credential::ScramFailed { user: "user".into(), why })
}

#[test]
fn a_bound_exchange_fits_its_connection_alone() {
    let done = Progress::Ask(Credential::ScramDone { authzid: String::new(), user: "user".into() });
    assert_eq!(client(&mut Server::new(channel(), true), "p=tls-exporter,,", &[7; 32]), done);
    assert_eq!(client(&mut Server::new(channel(), true), "p=tls-server-end-point,,", &[9; 48]), done);
    // Somebody in the middle has a connection of his own to each side.
    for wrong in [&[8; 32][..], &[9; 48], &[7; 31], b""] {
        let mut server = Server::new(channel(), true);
        assert_eq!(client(&mut server, "p=tls-exporter,,", wrong), failed(Mismatch::Binding));
        assert_eq!(server.granted(), Progress::Malformed);
    }
    for unknown in ["p=tls-unique,,", "p=tls-exporter2,,", "p=,,", "n,,"] {
        assert_eq!(client(&mut Server::new(channel(), true), unknown, b""), Progress::Malformed, "{unknown}");
    }
    let only = Some(Arc::new(Channel { end_point: Some(Box::new([9; 48])), ..Channel::default() }));
    assert_eq!(client(&mut Server::new(only, true), "p=tls-exporter,,", b""), Progress::Malformed, "TLS 1.2");
}

#[test]
fn a_downgrade_is_noticed() {
    // The client could bind, and was not offered it, although we do offer it.
    let mut server = Server::new(channel(), false);
    assert_eq!(server.receive(b"y,,n=user,r=x"), failed(Mismatch::Downgrade));
    assert_eq!(server.granted(), Progress::Malformed);
    // A client that cannot bind may go on, and so may one that could where we cannot.
    for (channel, header) in [(channel(), "n,,"), (None, "y,,"), (None, "n,,")] {
        let progress = client(&mut Server::new(channel, false), header, b"");
        assert!(matches!(progress, Progress::Ask(Credential::ScramDone { .. })), "{header}: {progress:?}");
    }
    // The flag is covered by the proof: it cannot be changed on the way.
    let mut server = Server::new(channel(), false);
    assert_eq!(client(&mut server, "n,,", b"more"), failed(Mismatch::Binding));
    assert_eq!(client(&mut Server::new(channel(), false), "p=tls-exporter,,", &[7; 32]), Progress::Malformed);
}
