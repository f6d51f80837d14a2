//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), server side, with the channel bindings
//! `tls-exporter` (RFC 9266) and `tls-server-end-point` (RFC 5929 §4).

mod message;
mod secret;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use secret::{Secret, salted_password};

use std::sync::Arc;

use super::{Channel, Credential, Progress};
pub(super) use message::decode_name;
use message::{Binding, ClientFinal, ClientFirst, base64};
use secret::hmac;

/// What did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The proof: a wrong password.
    Proof,
    /// The channel binding: client and server are at the ends of different connections.
    Binding,
    /// The client was told that the server cannot bind, which it can (RFC 5802 §6).
    Downgrade,
}

/// The server's side of one exchange.
#[derive(Debug)]
pub struct Server {
    state: State,
    /// The connection, where it can be bound.
    channel: Option<Arc<Channel>>,
    /// Whether the mechanism is the PLUS.
    plus: bool,
}

#[derive(Debug)]
enum State {
    /// Waits for the client's first message.
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
    /// A fresh exchange over `channel`; `plus` says which of the two mechanisms was chosen.
    #[must_use]
    pub fn new(channel: Option<Arc<Channel>>, plus: bool) -> Self {
        let channel = channel.filter(|channel| channel.can_bind());
        Self { state: State::First, channel, plus }
    }

    /// Takes a message of the client.
    pub fn receive(&mut self, response: &[u8]) -> Progress {
        match self.take() {
            State::First => self.first(response),
            State::Final { first, server_first, nonce, secret } => {
                self.proof(response, first, &server_first, &nonce, &secret)
            }
            State::Sent if response.is_empty() => Progress::Done,
            _ => Progress::Malformed,
        }
    }

    /// Takes the stored secret (or a decoy) and a fresh nonce.
    pub fn secret(&mut self, secret: Secret, server_nonce: &str) -> Progress {
        let State::Secret(first) = self.take() else { return Progress::Malformed };
        if server_nonce.is_empty() || !message::is_printable(server_nonce) {
            return Progress::Malformed;
        }
        let nonce = format!("{}{server_nonce}", first.nonce);
        let server_first = format!("r={nonce},s={},i={}", base64(&secret.salt), secret.iterations);
        let challenge = server_first.clone().into_bytes();
        self.state = State::Final { first, server_first, nonce, secret };
        Progress::Challenge(challenge)
    }

    /// The agent accepted the proved credential.
    pub fn granted(&mut self) -> Progress {
        match self.take() {
            State::Proved(server_final) => {
                self.state = State::Sent;
                Progress::Challenge(server_final.into_bytes())
            }
            _ => Progress::Malformed,
        }
    }

    fn first(&mut self, response: &[u8]) -> Progress {
        // A client may answer the empty challenge only with its first message.
        let Some(first) = ClientFirst::parse(response) else { return Progress::Malformed };
        let user = first.user.clone();
        let fits = match &first.binding {
            Binding::No => !self.plus,
            // Somebody took the PLUS out of the list that the client saw.
            Binding::NotOffered if self.channel.is_some() => {
                return Progress::Ask(Credential::ScramFailed { user, why: Mismatch::Downgrade });
            }
            Binding::NotOffered => !self.plus,
            Binding::By(name) => self.plus && self.channel.as_ref().is_some_and(|channel| channel.data(name).is_some()),
        };
        if !fits {
            return Progress::Malformed;
        }
        self.state = State::Secret(first);
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
        let Some(bound) = last.binding.strip_prefix(first.gs2_header.as_bytes()) else { return Progress::Malformed };
        if last.nonce != nonce {
            return Progress::Malformed;
        }
        let expected = match &first.binding {
            Binding::By(name) => self.channel.as_ref().and_then(|channel| channel.data(name)).unwrap_or_default(),
            Binding::No | Binding::NotOffered => &[],
        };
        if !bool::from(bound.ct_eq(expected)) {
            return Progress::Ask(Credential::ScramFailed { user: first.user, why: Mismatch::Binding });
        }
        let auth_message = format!("{},{server_first},{}", first.bare, last.without_proof);
        if !proves(secret, auth_message.as_bytes(), &last.proof) {
            return Progress::Ask(Credential::ScramFailed { user: first.user, why: Mismatch::Proof });
        }
        let signature = hmac(&secret.server_key, &[auth_message.as_bytes()]);
        self.state = State::Proved(format!("v={}", base64(&signature)));
        Progress::Ask(Credential::ScramDone { authzid: first.authzid, user: first.user })
    }

    fn take(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Over)
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
