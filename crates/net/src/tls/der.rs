//! The few parts of a certificate that we read ourselves (X.690, RFC 5280). Whatever is in it was verified before, or is our own.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

/// Most names that are read from one certificate.
const MOST_NAMES: usize = 32;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const EXTENSIONS: u8 = 0xA3;
const RFC822_NAME: u8 = 0x81;
const DNS_NAME: u8 = 0x82;

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 1.2.840.113549.1.9.1
const EMAIL_ADDRESS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01];
/// 2.5.29.17
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1D, 0x11];
/// 1.2.840.113549.1.1
const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01];
/// 1.2.840.10045.4.3
const ECDSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03];
/// 2.16.840.1.101.3.4.2
const HASHES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// What a certificate says of its holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Mail addresses: of the alternative names, else of the subject.
    pub addresses: Vec<String>,
    /// Common names of the subject.
    pub common_names: Vec<String>,
    /// SHA-256 of the certificate, in lower-case hexadecimal digits.
    pub fingerprint: String,
}

/// One element: its tag and its content.
pub(super) type Element<'a> = (u8, &'a [u8]);

/// Reads the holder of a certificate; what cannot be read is left out.
pub(super) fn holder(certificate: &[u8]) -> Holder {
    let mut holder = Holder { fingerprint: hex(digest(&SHA256, certificate).as_ref()), ..Holder::default() };
    let Some(parts) = tbs(certificate) else { return holder };
    // version [0] may be missing; then serial, signature, issuer, validity, subject.
    let skip = usize::from(parts.first().is_some_and(|(tag, _)| *tag == 0xA0));
    let mut in_subject = Vec::new();
    if let Some((SEQUENCE, subject)) = parts.get(skip + 4) {
        holder.common_names = attributes(subject, COMMON_NAME);
        in_subject = attributes(subject, EMAIL_ADDRESS);
    }
    holder.addresses = alternative_names(&parts, RFC822_NAME);
    if holder.addresses.is_empty() {
        holder.addresses = in_subject;
    }
    holder.addresses.truncate(MOST_NAMES);
    holder.common_names.truncate(MOST_NAMES);
    holder
}

/// The data of `tls-server-end-point` (RFC 5929 §4.1); none where the signature has no hash of its own.
pub(super) fn end_point(certificate: &[u8]) -> Option<Box<[u8]>> {
    let whole = elements(inner(certificate)?);
    let (_, signature) = whole.get(1)?;
    let parts = elements(signature);
    let algorithm = match parts.first()? {
        (OID, oid) => by_signature(oid, parts.get(1).map(|(_, parameters)| *parameters))?,
        _ => return None,
    };
    Some(digest(algorithm, certificate).as_ref().into())
}

/// MD5 and SHA-1 stand for SHA-256 there.
fn by_signature(oid: &[u8], parameters: Option<&[u8]>) -> Option<&'static Algorithm> {
    if let Some(rest) = oid.strip_prefix(RSA) {
        return match rest {
            [4 | 5 | 11] => Some(&SHA256),
            [12] => Some(&SHA384),
            [13] => Some(&SHA512),
            // RSASSA-PSS (RFC 8017 App. A.2.3): its first parameter names the hash.
            [10] => {
                let parameters = elements(parameters.unwrap_or_default());
                let hash = parameters.first().filter(|(tag, _)| *tag == 0xA0);
                let Some((_, hash)) = hash else { return Some(&SHA256) };
                let named = elements(inner(hash)?);
                by_hash(named.first()?.1)
            }
            _ => None,
        };
    }
    match oid.strip_prefix(ECDSA)? {
        [2] => Some(&SHA256),
        [3] => Some(&SHA384),
        [4] => Some(&SHA512),
        _ => None,
    }
}

fn by_hash(oid: &[u8]) -> Option<&'static Algorithm> {
    match oid.strip_prefix(HASHES)? {
        [1] => Some(&SHA256),
        [2] => Some(&SHA384),
        [3] => Some(&SHA512),
        _ => None,
    }
}

/// Host names of the alternative names.
pub(super) fn alternative_hosts(parts: &[Element<'_>]) -> Vec<String> {
    let mut names = alternative_names(parts, DNS_NAME);
    names.truncate(MOST_NAMES);
    names
}

/// Common names of a subject.
pub(super) fn common_names(subject: &[u8]) -> Vec<String> {
    attributes(subject, COMMON_NAME)
}

fn attributes(subject: &[u8], wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for (_, set) in elements(subject).into_iter().filter(|(tag, _)| *tag == SET) {
        for (_, attribute) in elements(set) {
            if let [(OID, oid), value, ..] = elements(attribute).as_slice()
                && *oid == wanted
            {
                found.extend(text(*value));
            }
        }
    }
    found
}

fn alternative_names(parts: &[Element<'_>], kind: u8) -> Vec<String> {
    let mut found = Vec::new();
    for (_, extensions) in parts.iter().filter(|(tag, _)| *tag == EXTENSIONS) {
        for (_, extension) in elements(inner(extensions).unwrap_or_default()) {
            let parts = elements(extension);
            let (Some((OID, ALTERNATIVE_NAME)), Some((OCTETS, names))) = (parts.first(), parts.last()) else {
                continue;
            };
            let names = elements(inner(names).unwrap_or_default());
            found.extend(names.into_iter().filter(|(tag, _)| *tag == kind).filter_map(text));
        }
    }
    found
}

/// The parts of what was signed.
pub(super) fn tbs(certificate: &[u8]) -> Option<Vec<Element<'_>>> {
    let whole = elements(inner(certificate)?);
    match whole.first()? {
        (SEQUENCE, tbs) => Some(elements(tbs)),
        _ => None,
    }
}

/// The content of the one element in `bytes`.
fn inner(bytes: &[u8]) -> Option<&[u8]> {
    element(bytes).map(|((_, content), _)| content)
}

/// The elements one after the other; what follows something unreadable is left out.
pub(super) fn elements(mut bytes: &[u8]) -> Vec<Element<'_>> {
    let mut found = Vec::new();
    while let Some((one, rest)) = element(bytes) {
        found.push(one);
        bytes = rest;
    }
    found
}

fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some(((tag, content), rest))
}

/// Strings in UTF-8 or what is the same in ASCII; a name with a NUL is none.
fn text((_, content): Element<'_>) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use rcgen::{
        CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SanType,
    };

    use super::*;

    fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["host.example.jp".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "山田太郎");
        params.subject_alt_names.push(SanType::Rfc822Name("taro@example.jp".try_into().unwrap()));
        let key = KeyPair::generate_for(algorithm).unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn names_are_read() {
        let der = certificate(&PKCS_ECDSA_P256_SHA256);
        let found = holder(&der);
        assert_eq!(found.addresses, ["taro@example.jp"]);
        assert_eq!(found.common_names, ["山田太郎"]);
        assert_eq!(found.fingerprint, hex(digest(&SHA256, &der).as_ref()));
    }

    #[test]
    fn the_end_point_has_the_hash_of_the_signature() {
        for (algorithm, length) in [(&PKCS_ECDSA_P256_SHA256, 32), (&PKCS_ECDSA_P384_SHA384, 48)] {
            assert_eq!(end_point(&certificate(algorithm)).unwrap().len(), length);
        }
        assert_eq!(end_point(&certificate(&PKCS_ED25519)), None);
        let pss =
            [0xA0, 0x0F, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00];
        assert_eq!(by_signature(&[RSA, &[10]].concat(), Some(&pss)), Some(&SHA512));
        assert_eq!(by_signature(&[RSA, &[10]].concat(), None), Some(&SHA256));
        assert_eq!(by_signature(&[RSA, &[5]].concat(), None), Some(&SHA256), "SHA-1 stands for SHA-256");
    }

    #[test]
    fn whatever_is_cut_or_changed_nothing_panics() {
        let der = certificate(&PKCS_ECDSA_P256_SHA256);
        for at in 0..der.len() {
            let _ = (holder(&der[..at]), end_point(&der[..at]));
            let mut changed = der.clone();
            changed[at] ^= 0x80;
            let _ = (holder(&changed), end_point(&changed));
        }
    }
}
