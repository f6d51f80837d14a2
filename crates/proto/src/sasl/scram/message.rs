//! The client's messages of SCRAM (RFC 5802 §7).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest user name, authorization identity or nonce in octets.
const FIELD_MAX: usize = 1024;

/// `client-first-message`.
#[derive(Debug)]
pub struct ClientFirst {
    /// The header as it was sent, such as `n,,`: the proof covers it.
    pub gs2_header: String,
    /// The rest as it was sent.
    pub bare: String,
    /// What the client says of channel binding.
    pub binding: Binding,
    /// The identity to act as; empty means the user's own.
    pub authzid: String,
    /// The login name, decoded.
    pub user: String,
    /// The client's nonce.
    pub nonce: String,
}

/// `gs2-cbind-flag`.
#[derive(Debug, PartialEq, Eq)]
pub enum Binding {
    /// `n`: the client cannot.
    No,
    /// `y`: the client could, and was not offered it.
    NotOffered,
    /// `p=`: the client binds, by this type.
    By(String),
}

/// `client-final-message`.
pub struct ClientFinal {
    /// What the client says its `gs2-header` was, decoded.
    pub binding: Vec<u8>,
    /// Client's and server's nonce together.
    pub nonce: String,
    /// The proof, decoded.
    pub proof: [u8; 32],
    /// All before `,p=`.
    pub without_proof: String,
}

impl ClientFirst {
    /// Reads the message.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(message).ok()?;
        let mut parts = text.splitn(3, ',');
        let (flag, identity, bare) = (parts.next()?, parts.next()?, parts.next()?);
        let binding = match flag {
            "n" => Binding::No,
            "y" => Binding::NotOffered,
            _ => Binding::By(flag.strip_prefix("p=").filter(|name| is_binding_name(name))?.to_owned()),
        };
        let authzid = match identity {
            "" => String::new(),
            _ => decode_name(identity.strip_prefix("a=")?)?,
        };
        // A leading `m=` announces an extension that must be understood: it fails here.
        let mut fields = bare.split(',');
        let user = decode_name(fields.next()?.strip_prefix("n=")?)?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let sound = !user.is_empty() && !nonce.is_empty() && nonce.len() <= FIELD_MAX && is_printable(nonce);
        sound.then(|| Self {
            gs2_header: format!("{flag},{identity},"),
            bare: bare.to_owned(),
            binding,
            authzid,
            user,
            nonce: nonce.to_owned(),
        })
    }
}

impl ClientFinal {
    /// Reads the message; extensions between nonce and proof are covered by the proof and ignored.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = text.rsplit_once(",p=")?;
        let mut fields = without_proof.split(',');
        let binding = STANDARD.decode(fields.next()?.strip_prefix("c=")?).ok()?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        Some(Self {
            binding,
            nonce: nonce.to_owned(),
            proof: STANDARD.decode(proof).ok()?.try_into().ok()?,
            without_proof: without_proof.to_owned(),
        })
    }
}

/// `bytes` in base64.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Whether `text` is `printable` of the grammar: visible ASCII without a comma.
pub fn is_printable(text: &str) -> bool {
    text.bytes().all(|b| (b'!'..=b'~').contains(&b) && b != b',')
}

/// `cb-name`.
fn is_binding_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// Decodes a `saslname`: `=2C` is a comma, `=3D` an equals sign, nothing else may follow `=`.
pub fn decode_name(text: &str) -> Option<String> {
    if text.len() > FIELD_MAX || text.contains('\0') {
        return None;
    }
    let mut parts = text.split('=');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        match code {
            "2C" => out.push(','),
            "3D" => out.push('='),
            _ => return None,
        }
        out.push_str(rest);
    }
    Some(out)
}
