//! JSON Web Tokens (RFC 7519) signed by an issuer (RFC 7515): RS256, ES256 and EdDSA (RFC 7518, RFC 8037), nothing else.
//!
//! What a token says of its own algorithm only chooses among the keys that fit it: `none` and the symmetric ones have none.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// Longest token in octets.
const TOKEN_MAX: usize = 8_192;
/// Most keys of an issuer that are kept.
const MOST_KEYS: usize = 64;

/// The signature algorithms that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 to 8192 bits.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// A token whose signature has not been looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Token<'a> {
    /// Header and payload as they were signed.
    signed: &'a str,
    algorithm: Algorithm,
    key: Option<String>,
    signature: Vec<u8>,
    /// What it says.
    pub claims: Map<String, Value>,
}

/// A public key of an issuer (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl<'a> Token<'a> {
    /// Reads the compact form.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.len() > TOKEN_MAX {
            return Err("the token is too long");
        }
        let (signed, signature) = text.rsplit_once('.').ok_or("not a JWT")?;
        let (header, payload) = signed.split_once('.').filter(|(_, p)| !p.contains('.')).ok_or("not a JWT")?;
        let header: Header = json(header)?;
        if header.crit.is_some() {
            return Err("the token has critical extensions");
        }
        if header
            .typ
            .is_some_and(|typ| !matches!(typ.to_ascii_lowercase().as_str(), "jwt" | "at+jwt" | "application/at+jwt"))
        {
            return Err("the token is of another type");
        }
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::Rs256,
            "ES256" => Algorithm::Es256,
            "EdDSA" => Algorithm::EdDsa,
            _ => return Err("the token's algorithm is not taken"),
        };
        let claims = json(payload)?;
        Ok(Self { signed, algorithm, key: header.kid, signature: decode(signature)?, claims })
    }

    /// The keys that may have signed it, at most one where it names one.
    pub fn candidates<'k>(&self, keys: &'k [Key]) -> impl Iterator<Item = &'k Key> {
        let (wanted, algorithm) = (self.key.clone(), self.algorithm);
        keys.iter().filter(move |key| key.algorithm() == algorithm && (wanted.is_none() || key.id == wanted)).take(8)
    }

    /// Whether `key` has signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &Key) -> bool {
        let (message, signature) = (self.signed.as_bytes(), self.signature.as_slice());
        match (&key.material, self.algorithm) {
            (Material::Rsa { n, e }, Algorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            (Material::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (Material::Ed25519(point), Algorithm::EdDsa) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }

    /// A claim that is text.
    #[must_use]
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A claim that is a time, in seconds since 1970.
    #[must_use]
    pub fn seconds(&self, claim: &str) -> Option<i64> {
        let number = self.claims.get(claim)?;
        // Fractions are allowed (RFC 7519 §2).
        #[allow(clippy::cast_possible_truncation)]
        number.as_i64().or_else(|| number.as_f64().filter(|n| n.abs() < 1e15).map(|n| n as i64))
    }

    /// Whether one of `wanted` is among those that the token is for.
    #[must_use]
    pub fn is_for(&self, wanted: &[String]) -> bool {
        let is = |value: &Value| value.as_str().is_some_and(|text| wanted.iter().any(|one| one == text));
        match self.claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(is),
            Some(one) => is(one),
            None => false,
        }
    }
}

impl Key {
    /// The usable keys of a JWK Set; others are left out.
    ///
    /// # Errors
    /// When it is none.
    pub fn read_set(text: &[u8]) -> Result<Vec<Self>, &'static str> {
        let set: Value = serde_json::from_slice(text).map_err(|_| "the keys are not JSON")?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or("the keys are not a JWK set")?;
        Ok(keys.iter().filter_map(Self::read).take(MOST_KEYS).collect())
    }

    fn read(key: &Value) -> Option<Self> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let bytes = |name: &str| text(name).and_then(|text| decode(text).ok());
        if text("use").is_some_and(|usage| usage != "sig") {
            return None;
        }
        let (material, algorithm) = match (text("kty")?, text("crv")) {
            ("RSA", _) => (Material::Rsa { n: bytes("n")?, e: bytes("e")? }, "RS256"),
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes("x").filter(|x| x.len() == 32)?, bytes("y").filter(|y| y.len() == 32)?);
                (Material::P256([&[4][..], &x, &y].concat()), "ES256")
            }
            ("OKP", Some("Ed25519")) => (Material::Ed25519(bytes("x").filter(|x| x.len() == 32)?), "EdDSA"),
            _ => return None,
        };
        if text("alg").is_some_and(|alg| alg != algorithm) {
            return None;
        }
        Some(Self { id: text("kid").map(str::to_owned), material })
    }

    const fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::EdDsa,
        }
    }
}

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, &'static str> {
    serde_json::from_slice(&decode(part)?).map_err(|_| "a part of the token is not the JSON that it should be")
}

fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "a part is not base64url")
}
