//! SCRAM-SHA-256 (RFC 5802, RFC 7677), server side, without channel binding.

mod message;
mod secret;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use secret::{Secret, salted_password};

use super::{Credential, Progress};
use message::{ClientFinal, ClientFirst, base64};
use secret::hmac;

/// The server's state in one exchange.
#[derive(Debug, Default)]
pub enum Server {
    /// Waits for the client's first message.
    #[default]
    First,
    /// Waits for the stored secret.
    Secret(ClientFirst),
    /// Waits for the proof.
    Final {
        /// What the client said first.
        first: ClientFirst,
        /// What the server said first.
        server_first: String,
        /// Client's and server's nonce together.
        nonce: String,
        /// The stored secret.
        secret: Secret,
    },
    /// Waits for the agent, with the server's last message ready.
    Proved(String),
    /// The server's last message is sent; an empty response must follow.
    Sent,
    /// Nothing more is valid.
    Over,
}

impl Server {
    /// Takes a message of the client.
    pub fn receive(&mut self, response: &[u8]) -> Progress {
        match std::mem::replace(self, Self::Over) {
            Self::First => self.first(response),
            Self::Final { first, server_first, nonce, secret } => {
                self.proof(response, first, &server_first, &nonce, &secret)
            }
            Self::Sent if response.is_empty() => Progress::Done,
            _ => Progress::Malformed,
        }
    }

    /// Takes the stored secret (or a decoy) and a fresh nonce.
    pub fn secret(&mut self, secret: Secret, server_nonce: &str) -> Progress {
        let Self::Secret(first) = std::mem::replace(self, Self::Over) else { return Progress::Malformed };
        if server_nonce.is_empty() || !message::is_printable(server_nonce) {
            return Progress::Malformed;
        }
        let nonce = format!("{}{server_nonce}", first.nonce);
        let server_first = format!("r={nonce},s={},i={}", base64(&secret.salt), secret.iterations);
        let challenge = server_first.clone().into_bytes();
        *self = Self::Final { first, server_first, nonce, secret };
        Progress::Challenge(challenge)
    }

    /// The agent accepted the proved credential.
    pub fn granted(&mut self) -> Progress {
        match std::mem::replace(self, Self::Over) {
            Self::Proved(server_final) => {
                *self = Self::Sent;
                Progress::Challenge(server_final.into_bytes())
            }
            _ => Progress::Malformed,
        }
    }

    fn first(&mut self, response: &[u8]) -> Progress {
        // A client may answer the empty challenge only with its first message.
        let Some(first) = ClientFirst::parse(response) else { return Progress::Malformed };
        let user = first.user.clone();
        *self = Self::Secret(first);
        Progress::Ask(Credential::ScramUser { user })
    }

    fn proof(
        &mut self,
        response: &[u8],
        first: ClientFirst,
        server_first: &str,
        nonce: &str,
        secret: &Secret,
    ) -> Progress {
        let Some(last) = ClientFinal::parse(response) else { return Progress::Malformed };
        if last.nonce != nonce || last.binding != first.gs2_header.as_bytes() {
            return Progress::Malformed;
        }
        let auth_message = format!("{},{server_first},{}", first.bare, last.without_proof);
        if !proves(secret, auth_message.as_bytes(), &last.proof) {
            return Progress::Ask(Credential::ScramFailed { user: first.user });
        }
        let signature = hmac(&secret.server_key, &[auth_message.as_bytes()]);
        *self = Self::Proved(format!("v={}", base64(&signature)));
        Progress::Ask(Credential::ScramDone { authzid: first.authzid, user: first.user })
    }
}

/// `H(ClientProof XOR HMAC(StoredKey, AuthMessage)) == StoredKey` (RFC 5802 §3).
fn proves(secret: &Secret, auth_message: &[u8], proof: &[u8; 32]) -> bool {
    let signature = hmac(&secret.stored_key, &[auth_message]);
    let mut client_key = *proof;
    for (byte, mask) in client_key.iter_mut().zip(signature) {
        *byte ^= mask;
    }
    let hashed: [u8; 32] = Sha256::digest(client_key).into();
    bool::from(hashed.ct_eq(&secret.stored_key))
}
