//! The DKIM keys of a domain: missing, empty, broken, or too short.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_message::say;

use super::names::unknown;
use super::{Audit, Severity};
use crate::outside::{Outside, Silence};

/// Selectors under which keys are looked for, beside those of the configuration: those that mail servers and senders use.
const SELECTORS: [&str; 24] = [
    "sekisho",
    "default",
    "dkim",
    "mail",
    "smtp",
    "email",
    "mx",
    "s1",
    "s2",
    "selector1",
    "selector2",
    "key1",
    "key2",
    "k1",
    "k2",
    "k3",
    "dkim1",
    "dkim2",
    "google",
    "rsa",
    "ed25519",
    "sig1",
    "2025",
    "2026",
];
/// Bits of an RSA key under which nobody accepts it, and under which nobody should sign (RFC 8301 §3.2).
const REFUSED: usize = 1024;
const SHORT: usize = 2048;

/// What a key record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// One that can be used.
    Good,
    /// It is taken back: `p=` is empty (RFC 6376 §3.6.1).
    Revoked,
    /// It cannot be read.
    Broken,
    /// An RSA key of so many bits.
    Short(usize),
    /// Receivers are told to treat the mail as unsigned (`t=y`).
    Testing,
}

/// Looks for keys; whether there are any.
pub(super) async fn check(outside: &dyn Outside, domain: &str, selectors: &[String], audit: &mut Audit) -> bool {
    let mut keys = Vec::new();
    let mut silent = None;
    let all = selectors.iter().map(String::as_str).chain(SELECTORS);
    for selector in all {
        let name = format!("{selector}._domainkey.{domain}");
        if keys.iter().any(|(known, _)| *known == name) {
            continue;
        }
        match outside.txt(&name).await {
            Ok(texts) => {
                let found: Vec<&String> = texts.iter().filter(|text| is_key(text)).collect();
                match found.as_slice() {
                    // A wildcard's text, such as SPF, is no key.
                    [] => {}
                    [one] => keys.push((name, read(one))),
                    _ => keys.push((name, Key::Broken)),
                }
            }
            Err(Silence::Nothing) => {}
            Err(Silence::Unknown(why)) => silent = Some(why),
        }
    }
    let good = keys.iter().any(|(_, key)| *key == Key::Good);
    for (name, key) in &keys {
        judge(name, *key, good, audit);
    }
    if !keys.is_empty() {
        return true;
    }
    if let Some(why) = silent {
        audit.skipped.push(unknown(domain, "DKIM", &why));
        return true;
    }
    audit.find(
        "dkim-missing",
        domain,
        Severity::Warning,
        say!(
            ja: "よく使われる名前のどれにも DKIM の公開鍵がありません。",
            en: "there is no DKIM key under any of the usual selectors."
        ),
        say!(
            ja: "このサーバは署名しない。署名する経路（中継先など）の鍵を selector._domainkey.{domain} に公開する。別の名前なら sekisho.toml の [audit] dkim_selectors に書く",
            en: "this server signs nothing: publish the key of the host that signs on the way (such as a smart host) at selector._domainkey.{domain}; name other selectors in [audit] dkim_selectors of sekisho.toml"
        ),
    );
    false
}

fn judge(name: &str, key: Key, good: bool, audit: &mut Audit) {
    let publish = say!(ja: "DNS: {name} に 2048 ビット以上の正しい公開鍵を置く", en: "DNS: put a right public key of 2048 bits or more at {name}");
    match key {
        Key::Good => {}
        // The usual end of an old key, when there is a new one.
        Key::Revoked if good => {}
        Key::Revoked => audit.find(
            "dkim-wrong",
            name,
            Severity::Warning,
            say!(ja: "DKIM の鍵が取り消されています（p= が空）。", en: "its DKIM key is taken back (p= is empty)."),
            publish,
        ),
        Key::Broken => audit.find(
            "dkim-wrong",
            name,
            Severity::Warning,
            say!(ja: "DKIM の鍵が壊れているか二つあり、署名は検証に失敗します。", en: "its DKIM key is broken or there twice; signatures fail."),
            publish,
        ),
        Key::Short(bits) => audit.find(
            "dkim-short",
            name,
            if bits < REFUSED { Severity::Warning } else { Severity::Note },
            say!(
                ja: "DKIM の鍵が {bits} ビットしかなく、偽造できるか受信側に無視されます。",
                en: "its DKIM key has only {bits} bits: it can be broken, or is not taken by receivers."
            ),
            publish,
        ),
        Key::Testing => audit.find(
            "dkim-testing",
            name,
            Severity::Note,
            say!(ja: "DKIM の鍵が試験中（t=y）で、受信側は署名を無視してよいことになります。", en: "its DKIM key says that it is being tested (t=y), so receivers may pass over signatures."),
            say!(ja: "DNS: {name} から t=y を除く", en: "DNS: take t=y out of {name}"),
        ),
    }
}

/// The value of a tag (RFC 6376 §3.2).
fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(';')
        .find_map(|part| part.split_once('=').filter(|(tag, _)| tag.trim() == name).map(|(_, value)| value.trim()))
}

fn is_key(text: &str) -> bool {
    tag(text, "p").is_some() || tag(text, "v").is_some_and(|version| version.eq_ignore_ascii_case("DKIM1"))
}

fn read(text: &str) -> Key {
    if tag(text, "v").is_some_and(|version| version != "DKIM1") {
        return Key::Broken;
    }
    let Some(value) = tag(text, "p") else { return Key::Broken };
    let value: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if value.is_empty() {
        return Key::Revoked;
    }
    let Ok(bytes) = STANDARD.decode(value) else { return Key::Broken };
    let key = match tag(text, "k").unwrap_or("rsa") {
        // RFC 8463 §4: the 32 octets of the key.
        "ed25519" if bytes.len() == 32 => Key::Good,
        "rsa" => match modulus_bits(&bytes) {
            Some(bits) if bits < SHORT => Key::Short(bits),
            Some(_) => Key::Good,
            None => Key::Broken,
        },
        _ => Key::Broken,
    };
    let testing = tag(text, "t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y"));
    if key == Key::Good && testing { Key::Testing } else { key }
}

/// Bits of the modulus of an RSA key: an RSAPublicKey (RFC 8017 App. A.1.1), by itself or in a SubjectPublicKeyInfo (RFC 5280 §4.1).
fn modulus_bits(der: &[u8]) -> Option<usize> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const BITS: u8 = 0x03;
    let (tag, outer, _) = element(der)?;
    let (first, content, rest) = element(outer)?;
    match (tag, first) {
        (SEQUENCE, INTEGER) => {
            let (exponent, ..) = element(rest)?;
            let start = content.iter().position(|octet| *octet != 0)?;
            let top = content.get(start).map_or(0, |octet| octet.leading_zeros() as usize);
            (exponent == INTEGER).then_some((content.len() - start) * 8 - top)
        }
        (SEQUENCE, SEQUENCE) => match element(rest)? {
            (BITS, bits, _) => modulus_bits(bits.strip_prefix(&[0])?),
            _ => None,
        },
        _ => None,
    }
}

/// Tag, content, and what follows (X.690 §8.1).
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
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
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPKI_1024: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

    fn rsa(bits: usize) -> String {
        let mut modulus = vec![0x00, 0x80];
        modulus.resize(bits / 8 + 1, 1);
        let part = |tag: u8, content: &[u8]| {
            let length = u16::try_from(content.len()).unwrap_or(0).to_be_bytes();
            [&[tag, 0x82][..], &length, content].concat()
        };
        STANDARD.encode(part(0x30, &[part(2, &modulus), part(2, &[1, 0, 1])].concat()))
    }

    #[test]
    fn keys_are_read() {
        assert_eq!(read(&format!("v=DKIM1; k=rsa; p={SPKI_1024}")), Key::Short(1024));
        assert_eq!(read(&format!("p={}", rsa(2048))), Key::Good);
        assert_eq!(read(&format!("v=DKIM1; p={}", rsa(512))), Key::Short(512));
        assert_eq!(read(&format!("v=DKIM1; t=y:s; p={}", rsa(2048))), Key::Testing);
        assert_eq!(read("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="), Key::Good);
        assert_eq!(read("v=DKIM1; k=rsa; p="), Key::Revoked);
        for broken in ["v=DKIM1; k=rsa", "v=DKIM1; p=MIIB", "v=DKIM1; p=!!", "v=DKIM2; p=11qY", "k=ed25519; p=11qY"] {
            assert_eq!(read(broken), Key::Broken, "{broken}");
        }
        assert!(!is_key("v=spf1 -all") && is_key("v=DKIM1; k=rsa"));
        let whole = STANDARD.decode(SPKI_1024).unwrap_or_default();
        for end in 0..whole.len() {
            let _ = modulus_bits(whole.get(..end).unwrap_or_default());
        }
    }
}
