//! What a server stores for SCRAM instead of the password (RFC 5802 §3, §9).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const PREFIX: &str = "SCRAM-SHA-256";
/// Fewest iterations that a stored secret may have (RFC 7677 §4).
const ITERATIONS_MIN: u32 = 4096;
/// Most iterations that a stored secret may have; a client must repeat them.
const ITERATIONS_MAX: u32 = 10_000_000;

/// The stored secret of one account: salt, iterations and two keys. Whoever steals it can
/// guess passwords against it, but cannot log in with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Rounds of PBKDF2.
    pub iterations: u32,
    /// The salt.
    pub salt: Vec<u8>,
    /// Verifies the client's proof.
    pub stored_key: [u8; 32],
    /// Proves the server to the client.
    pub server_key: [u8; 32],
}

impl Secret {
    /// The secret of a password. The caller normalises the password where it must, and
    /// chooses a random salt of 16 octets or more.
    #[must_use]
    pub fn derive(password: &str, salt: &[u8], iterations: u32) -> Self {
        Self::from_salted(&salted_password(password.as_bytes(), salt, iterations), salt, iterations)
    }

    /// The secret of a salted password that was derived elsewhere.
    #[must_use]
    pub fn from_salted(salted: &[u8; 32], salt: &[u8], iterations: u32) -> Self {
        let client_key = hmac(salted, &[b"Client Key"]);
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: Sha256::digest(client_key).into(),
            server_key: hmac(salted, &[b"Server Key"]),
        }
    }

    /// A secret for a user that does not exist: always the same for the same name, so that
    /// asking twice tells nothing, and without a password that fits.
    ///
    /// `site_key` is a random key of the site; `iterations` what real accounts use.
    #[must_use]
    pub fn decoy(site_key: &[u8], user: &str, iterations: u32) -> Self {
        let part = |label: &[u8]| hmac(site_key, &[label, b"\0", user.to_lowercase().as_bytes()]);
        Self {
            iterations,
            salt: part(b"salt").iter().take(16).copied().collect(),
            stored_key: part(b"stored key"),
            server_key: part(b"server key"),
        }
    }

    /// Reads the stored form, `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` with the
    /// last three in base64; `None` when it is not that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let (prefix, how, keys) = (parts.next()?, parts.next()?, parts.next()?);
        let (iterations, salt) = how.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let secret = Self {
            iterations: iterations.parse().ok()?,
            salt: STANDARD.decode(salt).ok()?,
            stored_key: STANDARD.decode(stored).ok()?.try_into().ok()?,
            server_key: STANDARD.decode(server).ok()?.try_into().ok()?,
        };
        let sound = prefix == PREFIX
            && parts.next().is_none()
            && !secret.salt.is_empty()
            && (ITERATIONS_MIN..=ITERATIONS_MAX).contains(&secret.iterations);
        sound.then_some(secret)
    }
}

impl fmt::Display for Secret {
    /// The stored form that [`Secret::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = |bytes: &[u8]| STANDARD.encode(bytes);
        let (stored, server) = (code(&self.stored_key), code(&self.server_key));
        write!(f, "{PREFIX}${}:{}${stored}:{server}", self.iterations, code(&self.salt))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// PBKDF2 with HMAC-SHA-256 and one block of output, `Hi()` of RFC 5802 §2.2. Slow by intent.
#[must_use]
pub fn salted_password(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let keyed = keyed(password);
    let run = |parts: &[&[u8]]| -> [u8; 32] {
        let mut mac = keyed.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    };
    let mut block = run(&[salt, &1_u32.to_be_bytes()]);
    let mut sum = block;
    for _ in 1..iterations {
        block = run(&[&block]);
        sum.iter_mut().zip(block).for_each(|(s, b)| *s ^= b);
    }
    sum
}

/// HMAC-SHA-256 over the concatenation of `parts`.
pub(super) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// HMAC pads a short key to a block and hashes a long one (RFC 2104 §2); doing it here
/// leaves a key of fixed length, which cannot fail.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0_u8; 64];
    let hashed: [u8; 32];
    let key = if key.len() > block.len() {
        hashed = Sha256::digest(key).into();
        &hashed[..]
    } else {
        key
    };
    block.iter_mut().zip(key).for_each(|(b, k)| *b = *k);
    Hmac::<Sha256>::new(&block.into())
}
