//! Argon2id with the parameters of RFC 9106 §4 cut to what a mail server can pay at every login.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::prepare;

/// Memory in KiB: 19 MiB.
const MEMORY: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Goes before a hash that was made of the prepared form of a password beyond ASCII. Hashes without it were made of the octets
/// as they came: such passwords go on working, and are renewed when they pass by.
const PREPARED: &str = "{opaque}";

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("password hash: {0}")]
pub struct HashError(String);

/// The PHC string of a new password, with a mark before it when it is not ASCII. Takes some 20 ms and 19 MiB: call it where blocking is allowed, and few at once.
///
/// # Errors
/// When the system has no random bytes.
pub fn hash(password: &str) -> Result<String, HashError> {
    let prepared = prepare::opaque(password);
    let made: PasswordHash = argon2()?.hash_password(prepared.as_bytes()).map_err(|e| HashError(e.to_string()))?;
    Ok(if password.is_ascii() { made.to_string() } else { format!("{PREPARED}{made}") })
}

/// Whether `password` is the one of `phc`; a string that is no hash fits no password.
pub(super) fn fits(password: &str, phc: &str) -> bool {
    let (password, phc) = match phc.strip_prefix(PREPARED) {
        Some(phc) => (prepare::opaque(password), phc),
        None => (password.into(), phc),
    };
    PasswordHash::new(phc).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Whether the hash of `password` was made with other parameters than today's, or not of its prepared form.
pub(super) fn outdated(password: &str, phc: &str) -> bool {
    let phc = if password.is_ascii() { phc } else { phc.strip_prefix(PREPARED).unwrap_or_default() };
    !phc.starts_with(&format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}$"))
}

/// A hash that costs as much as a real one and that no password fits, as far as anybody can find out.
pub(crate) fn nobody() -> Result<String, crate::password::NoRandom> {
    let mut bytes = [0_u8; 48];
    rand::fill(&mut bytes).map_err(|_| crate::password::NoRandom)?;
    let (salt, output) = bytes.split_at(16);
    let code = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    Ok(format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}${}${}", code(salt), code(output)))
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|e| HashError(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn hashes_fit_their_password_alone() {
        let phc = hash("w4kt-9mzx-p2qh-7cde").unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(fits("w4kt-9mzx-p2qh-7cde", &phc));
        assert!(!fits("w4kt-9mzx-p2qh-7cdf", &phc));
        assert!(!outdated("x", &phc));
        assert!(!fits("x", "not a hash"));
    }

    #[test]
    fn older_parameters_are_noticed_and_still_fit() {
        let params = Params::new(64, 1, 1, None).unwrap();
        let old: PasswordHash =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(b"old one").unwrap();
        assert!(fits("old one", &old.to_string()));
        assert!(outdated("x", &old.to_string()));
    }

    #[test]
    fn the_decoy_is_a_hash_like_any_other() {
        let decoy = nobody().unwrap();
        let real = hash("x").unwrap();
        assert_eq!(decoy.len(), real.len());
        assert!(PasswordHash::new(&decoy).is_ok());
        assert!(!fits("", &decoy) && !outdated("x", &decoy));
    }
}
