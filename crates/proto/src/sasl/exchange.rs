//! The server's side of one authentication exchange, whatever the mechanism.

use std::sync::Arc;

use super::bearer::{self, Form};
use super::{Channel, Credential, Mechanism, Offer, digest, login, plain, scram};

/// What the session does next. Challenges are raw: the session encodes them in base64.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Send this challenge and pass the response to [`Exchange::receive`].
    Challenge(Vec<u8>),
    /// Ask the agent. Go on with [`Exchange::secret`] after [`Credential::ScramUser`], with [`Exchange::challenge`]
    /// after [`Credential::Challenge`], with [`Exchange::granted`] when a credential was accepted and with
    /// [`Exchange::refused`] when it was not.
    Ask(Credential),
    /// The exchange is complete and successful.
    Done,
    /// The client does not keep to the mechanism: refuse.
    Malformed,
}

/// One exchange, from the choice of the mechanism to its end.
#[derive(Debug)]
pub struct Exchange {
    state: State,
}

#[derive(Debug)]
enum State {
    Plain,
    Login(login::Server),
    Scram(Box<scram::Server>),
    Bearer {
        form: Form,
        discovery: Option<Arc<str>>,
    },
    External,
    /// CRAM-MD5 before and after its challenge.
    CramMd5(Option<String>),
    Over,
}

impl Exchange {
    /// Starts an exchange on a connection. `initial` is the initial response, if the client sent one.
    #[must_use]
    pub fn start(
        mechanism: Mechanism,
        initial: Option<&[u8]>,
        offer: &Offer,
        channel: Option<&Arc<Channel>>,
    ) -> (Self, Progress) {
        let scram = |plus| State::Scram(Box::new(scram::Server::new(channel.cloned(), plus)));
        let bearer = |form| State::Bearer { form, discovery: offer.tokens.clone() };
        let state = match mechanism {
            Mechanism::Plain => State::Plain,
            Mechanism::Login => State::Login(login::Server::default()),
            Mechanism::ScramSha256 => scram(false),
            Mechanism::ScramSha256Plus => scram(true),
            Mechanism::OAuthBearer => bearer(Form::OAuthBearer),
            Mechanism::XOAuth2 => bearer(Form::XOAuth2),
            Mechanism::External => State::External,
            Mechanism::CramMd5 => State::CramMd5(None),
        };
        let mut exchange = Self { state };
        let progress = match (initial, mechanism) {
            // Here the server speaks first (RFC 4954 §4).
            (Some(_), Mechanism::CramMd5) => {
                exchange.state = State::Over;
                Progress::Malformed
            }
            (None, Mechanism::CramMd5) => Progress::Ask(Credential::Challenge),
            (Some(response), _) => exchange.receive(response),
            (None, Mechanism::Login) => Progress::Challenge(login::ASK_USER.to_vec()),
            (None, _) => Progress::Challenge(Vec::new()),
        };
        (exchange, progress)
    }

    /// Takes a response of the client, decoded from base64.
    pub fn receive(&mut self, response: &[u8]) -> Progress {
        let progress = match &mut self.state {
            State::Plain => plain::parse(response).map_or(Progress::Malformed, Progress::Ask),
            State::Login(server) => match server.receive(response) {
                login::Next::AskPassword => Progress::Challenge(login::ASK_PASSWORD.to_vec()),
                login::Next::Done(credential) => Progress::Ask(credential),
                login::Next::Malformed => Progress::Malformed,
            },
            State::Scram(server) => server.receive(response),
            State::Bearer { form, .. } => bearer::parse(*form, response).map_or(Progress::Malformed, Progress::Ask),
            State::External => external(response).map_or(Progress::Malformed, Progress::Ask),
            State::CramMd5(Some(challenge)) => {
                digest::cram_md5(challenge, response).map_or(Progress::Malformed, Progress::Ask)
            }
            State::CramMd5(None) | State::Over => Progress::Malformed,
        };
        if matches!(progress, Progress::Malformed | Progress::Done) {
            self.state = State::Over;
        }
        progress
    }

    /// The agent's answer to [`Credential::ScramUser`]: the stored secret (or a decoy) and
    /// a fresh server nonce, printable ASCII without a comma.
    pub fn secret(&mut self, secret: scram::Secret, nonce: &str) -> Progress {
        match &mut self.state {
            State::Scram(server) => server.secret(secret, nonce),
            _ => Progress::Malformed,
        }
    }

    /// The agent's answer to [`Credential::Challenge`].
    pub fn challenge(&mut self, text: String) -> Progress {
        match &mut self.state {
            State::CramMd5(challenge @ None) => {
                let raw = text.clone().into_bytes();
                *challenge = Some(text);
                Progress::Challenge(raw)
            }
            _ => Progress::Malformed,
        }
    }

    /// The agent accepted the credential.
    pub fn granted(&mut self) -> Progress {
        match &mut self.state {
            State::Plain | State::Login(_) | State::Bearer { .. } | State::External | State::CramMd5(Some(_)) => {
                self.state = State::Over;
                Progress::Done
            }
            State::Scram(server) => server.granted(),
            State::CramMd5(None) | State::Over => Progress::Malformed,
        }
    }

    /// The agent refused the credential for good. A challenge that comes back is the last thing said before the refusal; the
    /// client's response to it does not matter (RFC 7628 §3.2.3).
    pub fn refused(&mut self) -> Option<Vec<u8>> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Bearer { form, discovery } => Some(bearer::refusal(form, discovery.as_deref())),
            _ => None,
        }
    }
}

/// EXTERNAL (RFC 4422 App. A.1): nothing, or the identity to act as.
fn external(response: &[u8]) -> Option<Credential> {
    let authzid = std::str::from_utf8(response).ok()?;
    let sound = authzid.len() <= plain::FIELD_MAX && !authzid.contains('\0');
    sound.then(|| Credential::External { authzid: authzid.to_owned() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::sasl::Password;

    fn start(mechanism: Mechanism, initial: Option<&[u8]>) -> (Exchange, Progress) {
        let offer = Offer { tokens: Some("https://id.example.jp/x".into()), ..Offer::default() };
        Exchange::start(mechanism, initial, &offer, None)
    }

    #[test]
    fn plain_with_and_without_initial_response() {
        let message = plain::initial("taro", &Password::new("p"));
        let (mut exchange, progress) = start(Mechanism::Plain, Some(&message));
        assert!(matches!(progress, Progress::Ask(Credential::Plain { .. })));
        assert_eq!(exchange.granted(), Progress::Done);
        assert_eq!(exchange.granted(), Progress::Malformed);
        let (mut exchange, progress) = start(Mechanism::Plain, None);
        assert_eq!(progress, Progress::Challenge(Vec::new()));
        assert!(matches!(exchange.receive(&message), Progress::Ask(_)));
    }

    #[test]
    fn login_with_the_name_as_initial_response() {
        let (mut exchange, progress) = start(Mechanism::Login, Some(b"taro"));
        assert_eq!(progress, Progress::Challenge(b"Password:".to_vec()));
        assert!(matches!(exchange.receive(b"p"), Progress::Ask(Credential::Plain { .. })));
    }

    #[test]
    fn nothing_goes_on_after_a_malformed_response() {
        let (mut exchange, progress) = start(Mechanism::Plain, Some(b"junk"));
        assert_eq!(progress, Progress::Malformed);
        assert_eq!(exchange.receive(b"\0u\0p"), Progress::Malformed);
        assert_eq!(exchange.granted(), Progress::Malformed);
    }

    #[test]
    fn a_refused_token_is_told_why_before_the_refusal() {
        for mechanism in [Mechanism::OAuthBearer, Mechanism::XOAuth2] {
            let (mut exchange, progress) = start(mechanism, None);
            assert_eq!(progress, Progress::Challenge(Vec::new()));
            let message: &[u8] = match mechanism {
                Mechanism::OAuthBearer => b"n,,\x01auth=Bearer abc\x01\x01",
                _ => b"user=u\x01auth=Bearer abc\x01\x01",
            };
            assert!(matches!(exchange.receive(message), Progress::Ask(Credential::Token { .. })));
            let said = String::from_utf8(exchange.refused().unwrap()).unwrap();
            assert!(said.starts_with("{\"status\":"), "{said}");
            assert_eq!(exchange.receive(b"\x01"), Progress::Malformed);
            assert_eq!(exchange.granted(), Progress::Malformed, "a refusal is final");
        }
        let (mut exchange, _) = start(Mechanism::Plain, Some(b"\0u\0p"));
        assert_eq!(exchange.refused(), None);
    }

    #[test]
    fn external_may_be_empty_and_cram_md5_begins_with_the_server() {
        let (mut exchange, progress) = start(Mechanism::External, Some(b""));
        assert_eq!(progress, Progress::Ask(Credential::External { authzid: String::new() }));
        assert_eq!(exchange.granted(), Progress::Done);
        assert_eq!(start(Mechanism::External, None).1, Progress::Challenge(Vec::new()));
        assert_eq!(start(Mechanism::External, Some(b"a\0b")).1, Progress::Malformed);
        assert_eq!(start(Mechanism::CramMd5, Some(b"x")).1, Progress::Malformed);
        let (mut exchange, progress) = start(Mechanism::CramMd5, None);
        assert_eq!(progress, Progress::Ask(Credential::Challenge));
        assert_eq!(exchange.receive(b"u b913a602c7eda7a495b4e6e7334d3890"), Progress::Malformed);
        let (mut exchange, _) = start(Mechanism::CramMd5, None);
        assert_eq!(exchange.challenge("<1@h>".into()), Progress::Challenge(b"<1@h>".to_vec()));
        assert!(matches!(
            exchange.receive(b"u b913a602c7eda7a495b4e6e7334d3890"),
            Progress::Ask(Credential::Digest { .. })
        ));
        assert_eq!(exchange.granted(), Progress::Done);
    }
}
