//! What our own certificate says: when it ends, for whom it is, and who vouches for it (RFC 5280 §4.1).

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sekisho_message::Time;

use super::der::{alternative_hosts, common_names, elements, tbs};

/// What is known of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// When it ends.
    pub until: Time,
    /// Host names that it is for; the common name where it has no others.
    pub names: Vec<String>,
    /// Whether its issuer is itself.
    pub self_signed: bool,
}

/// Of the first certificate of a PEM file; none when it cannot be read.
#[must_use]
pub fn facts(path: &Path) -> Option<Facts> {
    let pem = std::fs::read(path).ok()?;
    let certificate = CertificateDer::pem_slice_iter(&pem).next()?.ok()?;
    read(&certificate)
}

const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

fn read(der: &[u8]) -> Option<Facts> {
    let parts = tbs(der)?;
    // Version (may be missing), serial number, signature, issuer, validity, subject.
    let skip = usize::from(parts.first().is_some_and(|(tag, _)| *tag == VERSION));
    let (_, issuer) = parts.get(skip + 2)?;
    let (_, validity) = parts.get(skip + 3)?;
    let (_, subject) = parts.get(skip + 4)?;
    let mut names = alternative_hosts(&parts);
    if names.is_empty() {
        names = common_names(subject);
    }
    let until = time(*elements(validity).get(1)?)?;
    Some(Facts { until, names, self_signed: issuer == subject })
}

fn time((tag, value): (u8, &[u8])) -> Option<Time> {
    let text = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let year: i32 = text.get(..2)?.parse().ok()?;
            // RFC 5280 §4.1.2.5.1
            (if year < 50 { 2000 + year } else { 1900 + year }, text.get(2..)?)
        }
        GENERALIZED_TIME => (text.get(..4)?.parse().ok()?, text.get(4..)?),
        _ => return None,
    };
    let (month, day, hour, minute, second) =
        (rest.get(..2)?, rest.get(2..4)?, rest.get(4..6)?, rest.get(6..8)?, rest.get(8..10)?);
    sekisho_message::date::parse(&format!("{day} {} {year} {hour}:{minute}:{second} +0000", name(month)?))
}

fn name(month: &str) -> Option<&'static str> {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.get(month.parse::<usize>().ok()?.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::tls::self_signed;

    #[test]
    fn end_names_and_issuer_are_read() {
        let now = Time::from_seconds(1_764_000_000);
        let pem = self_signed("mx.example.jp", now).unwrap();
        let der = CertificateDer::pem_slice_iter(pem.certificate.as_bytes()).next().unwrap().unwrap();
        let found = read(&der).unwrap();
        assert!(found.until > now, "{found:?}");
        assert!(found.self_signed);
        assert!(found.names.contains(&"mx.example.jp".to_owned()), "{found:?}");
        // Cut or changed anywhere, it is no panic.
        for end in 0..der.len() {
            let _ = read(&der[..end]);
            let mut changed = der.to_vec();
            changed[end] ^= 0x5A;
            let _ = read(&changed);
        }
        assert_eq!(facts(Path::new("/nonexistent")), None);
    }
}
