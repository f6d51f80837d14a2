//! Certificates and keys as PEM files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sekisho_message::{Text, Time, say};

use super::{TlsError, provider};

/// Years that a certificate of our own making is valid. Nobody renews it on a machine
/// that is left alone, and whoever trusts it has compared its fingerprint.
const YEARS: i32 = 10;

/// Largest file that is taken for a certificate or key.
const MAX_FILE: u64 = 1024 * 1024;

/// A certificate and its key in PEM form.
pub struct Pem {
    /// The certificate, or the chain with the server's own first.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// Makes an ECDSA P-256 key and a certificate for `hostname`, `localhost`, `127.0.0.1`
/// and `::1`, valid from the day before `now`.
///
/// # Errors
/// When `hostname` cannot stand in a certificate.
pub fn self_signed(hostname: &str, now: Time) -> Result<Pem, TlsError> {
    let refuse = |error: rcgen::Error| {
        TlsError(
            say!(ja: "{hostname} の証明書を作れません: {error}", en: "cannot make a certificate for {hostname}: {error}"),
        )
    };
    let mut names = vec![hostname.to_owned()];
    names.extend(["localhost", "127.0.0.1", "::1"].iter().filter(|&&n| n != hostname).map(|n| (*n).to_owned()));
    let mut params = CertificateParams::new(names).map_err(refuse)?;
    params.distinguished_name.push(DnType::CommonName, hostname);
    params.insert_extended_key_usage(ExtendedKeyUsagePurpose::ServerAuth);
    let (year, month, day) = date_of(now);
    params.not_before = date_time_ymd(year, month, day);
    params.not_after = date_time_ymd(year + YEARS, month, 1);
    let key = KeyPair::generate().map_err(refuse)?;
    let certificate = params.self_signed(&key).map_err(refuse)?;
    Ok(Pem { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Sees to it that both files exist: when neither does, makes a
/// [self-signed](self_signed) pair. True when it made one.
///
/// Files appear whole or not at all; the key can be read by its owner only.
///
/// # Errors
/// When exactly one of them exists (a pair must not be guessed at), or writing fails.
pub fn ensure(certificate: &Path, key: &Path, hostname: &str, now: Time) -> Result<bool, TlsError> {
    match (certificate.exists(), key.exists()) {
        (true, true) => return Ok(false),
        (false, false) => {}
        (has_certificate, _) => {
            let (there, missing) = if has_certificate { (certificate, key) } else { (key, certificate) };
            let (there, missing) = (there.display(), missing.display());
            return Err(TlsError(say!(
                ja: "{there} はありますが {missing} がありません。両方を置くか、両方を削除してください",
                en: "{there} exists but {missing} does not; provide both, or remove both to have a pair made"
            )));
        }
    }
    let pem = self_signed(hostname, now)?;
    write_whole(key, &pem.key, 0o600).map_err(|error| unwritable(key, &error))?;
    write_whole(certificate, &pem.certificate, 0o644).map_err(|error| unwritable(certificate, &error))?;
    Ok(true)
}

/// Reads a certificate chain and its key and checks that they belong together.
///
/// # Errors
/// When a file cannot be read, holds no certificate or key, or they do not match.
pub fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    from_pem(&read(certificate)?, &read(key)?).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        TlsError(say!(
            ja: "証明書 {certificate} と鍵 {key} を使えません: {error}",
            en: "cannot use the certificate {certificate} with the key {key}: {error}"
        ))
    })
}

pub(super) fn from_pem(certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError(plain(&error)))?;
    if chain.is_empty() {
        return Err(TlsError(say!(ja: "証明書がありません", en: "there is no certificate in it")));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError(plain(&error)))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| TlsError(plain(&error)))
}

/// Year, month and day of the day before `now`; a day that every month has.
fn date_of(now: Time) -> (i32, u8, u8) {
    let text = Time::from_seconds(now.seconds().saturating_sub(86_400)).to_string();
    let mut parts = text.get(..10).unwrap_or_default().split('-');
    let year = parts.next().and_then(|y| y.parse().ok()).unwrap_or(1970);
    let month = parts.next().and_then(|m| m.parse().ok()).unwrap_or(1);
    let day = parts.next().and_then(|d| d.parse().ok()).unwrap_or(1);
    (year, month, day)
}

/// Writes beside the target, flushes, renames: readers see the old file or the new one.
fn write_whole(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    // A leftover of a crash may have other rights.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let size = fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > MAX_FILE {
        return Err(unreadable(path, &io::Error::from(io::ErrorKind::FileTooLarge)));
    }
    fs::read(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> TlsError {
    let path = path.display();
    TlsError(say!(ja: "{path} を読めません: {error}", en: "cannot read {path}: {error}"))
}

fn unwritable(path: &Path, error: &io::Error) -> TlsError {
    let path = path.display();
    TlsError(say!(ja: "{path} に書けません: {error}", en: "cannot write {path}: {error}"))
}

/// A library's own words, the same in both languages.
fn plain(error: &dyn std::error::Error) -> Text {
    say!(ja: "{error}", en: "{error}")
}
