//! Passwords that can be read again: APOP and CRAM-MD5 need them. Kept only for accounts that an administrator allows, encrypted
//! with AES-256-GCM under a key that is not in the store.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{constant_time, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest as _, Md5};
use sekisho_store::AccountId;

/// Octets of the nonce before what is encrypted.
const NONCE: usize = 12;

/// What a digest was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// HMAC-MD5 of the challenge under the password (RFC 2195).
    CramMd5,
    /// MD5 of challenge and password (RFC 1939 §7).
    Apop,
}

impl Digest {
    /// Whether `digest` is that of `challenge` and `password`.
    pub(crate) fn fits(self, challenge: &str, password: &str, digest: &[u8; 16]) -> bool {
        let made: [u8; 16] = match self {
            Self::Apop => Md5::new().chain_update(challenge).chain_update(password).finalize().into(),
            Self::CramMd5 => match Hmac::<Md5>::new_from_slice(password.as_bytes()) {
                Ok(mac) => mac.chain_update(challenge).finalize().into_bytes().into(),
                Err(_) => return false,
            },
        };
        constant_time::verify_slices_are_equal(&made, digest).is_ok()
    }
}

/// The key, which is read, or made, when it is first needed.
pub(crate) struct Vault {
    file: Option<PathBuf>,
    key: OnceLock<RandomizedNonceKey>,
}

impl Vault {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self { file, key: OnceLock::new() }
    }

    /// Reads the key, or makes it.
    ///
    /// # Errors
    /// When there is no place for it, or what is there is no key.
    pub(crate) fn open(&self) -> io::Result<()> {
        self.key().map(|_| ())
    }

    /// `password` of `account`, encrypted.
    pub(crate) fn seal(&self, account: AccountId, password: &str) -> io::Result<Vec<u8>> {
        let mut sealed = password.as_bytes().to_vec();
        let nonce = self.key()?.seal_in_place_append_tag(Aad::from(account.0.to_be_bytes()), &mut sealed);
        let nonce = nonce.map_err(|_| io::Error::other("nothing could be encrypted"))?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// The password of `account`; none when it was encrypted under another key or for another account.
    pub(crate) fn unseal(&self, account: AccountId, sealed: &[u8]) -> Option<String> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let mut bytes = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let key = self.key().inspect_err(|error| tracing::error!(%error, "no key for recoverable passwords")).ok()?;
        let open = key.open_in_place(nonce, Aad::from(account.0.to_be_bytes()), &mut bytes).ok()?;
        String::from_utf8(open.to_vec()).ok()
    }

    fn key(&self) -> io::Result<&RandomizedNonceKey> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let file = self.file.as_deref().ok_or_else(|| io::Error::other("there is no folder for the key"))?;
        let bytes = match read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(file)?,
            other => other?,
        };
        let key =
            RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| io::Error::other("the key is not 32 octets"))?;
        Ok(self.key.get_or_init(|| key))
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let text = std::fs::read_to_string(file)?;
    STANDARD.decode(text.trim()).map_err(|_| io::Error::other(format!("{} is no key", file.display())))
}

/// Never over an existing one: what was encrypted under it would be lost.
fn make(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 32];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("no random numbers"))?;
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    out.write_all(STANDARD.encode(&bytes).as_bytes())?;
    out.write_all(b"\n")?;
    out.sync_all()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn digest(hex: &str) -> [u8; 16] {
        let mut bytes = [0; 16];
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap();
        }
        bytes
    }

    #[test]
    fn the_examples_of_the_rfcs() {
        let challenge = "<1896.697170952@postoffice.reston.mci.net>";
        let right = digest("b913a602c7eda7a495b4e6e7334d3890");
        assert!(Digest::CramMd5.fits(challenge, "tanstaaftanstaaf", &right));
        assert!(!Digest::CramMd5.fits(challenge, "tanstaaf", &right));
        let challenge = "<1896.697170952@dbc.mtview.ca.us>";
        assert!(Digest::Apop.fits(challenge, "tanstaaf", &digest("c4c9334bac560ecc979e58001b3e22fb")));
        assert!(!Digest::Apop.fits("<1@x>", "tanstaaf", &digest("c4c9334bac560ecc979e58001b3e22fb")));
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_for_the_same_account() {
        let dir = sekisho_testkit::TempDir::new("vault").unwrap();
        let file = dir.join("recoverable.key");
        let vault = Vault::new(Some(file.clone()));
        let sealed = vault.seal(AccountId(7), "ひみつ").unwrap();
        assert!(!sealed.windows(9).any(|window| window == "ひみつ".as_bytes()));
        assert_ne!(sealed, vault.seal(AccountId(7), "ひみつ").unwrap());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Vault::new(Some(file.clone()));
        assert_eq!(again.unseal(AccountId(7), &sealed).as_deref(), Some("ひみつ"));
        assert_eq!(again.unseal(AccountId(8), &sealed), None);
        assert_eq!(again.unseal(AccountId(7), &sealed[..20]), None);
        let other = Vault::new(Some(dir.join("other.key")));
        assert_eq!(other.unseal(AccountId(7), &sealed), None);
        std::fs::write(&file, "short").unwrap();
        assert!(Vault::new(Some(file)).open().is_err(), "never made over something else");
        assert!(Vault::new(None).open().is_err());
    }
}
