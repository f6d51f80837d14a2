//! When a certificate ends: just enough of X.509 (RFC 5280 §4.1) to read one field.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sekisho_message::Time;

/// When the first certificate of a PEM file ends; none when it cannot be read.
#[must_use]
pub fn until(path: &Path) -> Option<Time> {
    let pem = std::fs::read(path).ok()?;
    let certificate = CertificateDer::pem_slice_iter(&pem).next()?.ok()?;
    not_after(&certificate)
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

fn not_after(der: &[u8]) -> Option<Time> {
    let (_, certificate, _) = element(der, SEQUENCE)?;
    let (_, mut fields, _) = element(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = skip(fields)?;
    }
    // Serial number, signature, issuer.
    for _ in 0..3 {
        fields = skip(fields)?;
    }
    let (_, validity, _) = element(fields, SEQUENCE)?;
    let (tag, value, _) = any(skip(validity)?)?;
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

fn skip(der: &[u8]) -> Option<&[u8]> {
    any(der).map(|(.., rest)| rest)
}

fn element(der: &[u8], tag: u8) -> Option<(u8, &[u8], &[u8])> {
    any(der).filter(|(found, ..)| *found == tag)
}

/// Tag, content and what follows (X.690 §8.1).
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7F => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(long & 0x0F))?;
            (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::tls::self_signed;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let now = Time::from_seconds(1_764_000_000);
        let pem = self_signed("mx.example.jp", now).unwrap();
        let der = CertificateDer::pem_slice_iter(pem.certificate.as_bytes()).next().unwrap().unwrap();
        let until = not_after(&der).unwrap();
        assert!(until > now, "{until}");
        // Cut or changed anywhere, it is no panic.
        for end in 0..der.len() {
            let _ = not_after(&der[..end]);
            let mut changed = der.to_vec();
            changed[end] ^= 0x5A;
            let _ = not_after(&changed);
        }
        assert_eq!(super::until(Path::new("/nonexistent")), None);
    }
}
