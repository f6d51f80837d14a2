//! SCRAM-SHA-256 secrets (RFC 5802, RFC 7677), made only for domains that ask for them: whoever steals the
//! database guesses faster against PBKDF2 than against Argon2id.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_store::{DomainId, Tx, meta};

use super::keyed::Key;
use super::prepare;
use crate::password::NoRandom;

/// Rounds of PBKDF2 in new secrets.
pub const ITERATIONS: u32 = 120_000;

/// The stored form of a new secret. Takes some 50 ms.
pub(crate) fn derive(password: &str) -> Result<String, NoRandom> {
    let mut salt = [0_u8; 16];
    rand::fill(&mut salt).map_err(|_| NoRandom)?;
    Ok(with_salt(password, &salt, ITERATIONS))
}

/// A secret that is always the same for the same name, and that no password fits.
pub(crate) fn decoy(key: &Key, login: &str) -> String {
    let name = login.to_lowercase();
    let part = |label: &[u8]| key.tag(&[label, name.as_bytes()]);
    let salt = part(b"salt");
    let (salt, _) = salt.split_at(16);
    stored_form(ITERATIONS, salt, &part(b"stored"), &part(b"server"))
}

/// Whether the domain asks for SCRAM secrets.
pub(crate) fn wanted(tx: &mut dyn Tx, domain: DomainId) -> sekisho_store::Result<bool> {
    Ok(meta::get(tx, &meta_name(domain))?.is_some())
}

/// Sets whether the domain asks for SCRAM secrets.
pub(crate) fn wants(tx: &mut dyn Tx, domain: DomainId, on: bool) -> sekisho_store::Result<()> {
    meta::set(tx, &meta_name(domain), on.then_some("on"))
}

fn meta_name(domain: DomainId) -> String {
    format!("scram.{}", domain.0)
}

fn with_salt(password: &str, salt: &[u8], iterations: u32) -> String {
    let mut salted = [0_u8; 32];
    let rounds = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    let password = prepare::saslprep(password);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password.as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    stored_form(iterations, salt, stored.as_ref(), server.as_ref())
}

fn stored_form(iterations: u32, salt: &[u8], stored: &[u8], server: &[u8]) -> String {
    let code = |bytes: &[u8]| STANDARD.encode(bytes);
    format!("SCRAM-SHA-256${iterations}:{}${}:{}", code(salt), code(stored), code(server))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_example_of_rfc_7677() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let secret = with_salt("pencil", &salt, 4_096);
        assert_eq!(
            secret,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn decoys_are_stable_and_differ_by_name() {
        let key = Key::random().unwrap();
        assert_eq!(decoy(&key, "Nobody@example.jp"), decoy(&key, "nobody@example.jp"));
        assert_ne!(decoy(&key, "a@example.jp"), decoy(&key, "b@example.jp"));
        let real = derive("pencil").unwrap();
        assert_eq!(decoy(&key, "a@example.jp").len(), real.len());
    }
}
