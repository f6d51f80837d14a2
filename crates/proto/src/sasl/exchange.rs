//! The server's side of one authentication exchange, whatever the mechanism.

use super::{Credential, Mechanism, login, plain, scram};

/// What the session does next. Challenges are raw: the session encodes them in base64.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Send this challenge and pass the response to [`Exchange::receive`].
    Challenge(Vec<u8>),
    /// Ask the agent. Go on with [`Exchange::secret`] after [`Credential::ScramUser`],
    /// with [`Exchange::granted`] when a credential was accepted.
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
    Over,
}

impl Exchange {
    /// Starts an exchange. `initial` is the initial response, if the client sent one.
    #[must_use]
    pub fn start(mechanism: Mechanism, initial: Option<&[u8]>) -> (Self, Progress) {
        let state = match mechanism {
            Mechanism::Plain => State::Plain,
            Mechanism::Login => State::Login(login::Server::default()),
            Mechanism::ScramSha256 => State::Scram(Box::default()),
        };
        let mut exchange = Self { state };
        let progress = match initial {
            Some(response) => exchange.receive(response),
            None if mechanism == Mechanism::Login => Progress::Challenge(login::ASK_USER.to_vec()),
            None => Progress::Challenge(Vec::new()),
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
            State::Over => Progress::Malformed,
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

    /// The agent accepted the credential.
    pub fn granted(&mut self) -> Progress {
        match &mut self.state {
            State::Plain | State::Login(_) => {
                self.state = State::Over;
                Progress::Done
            }
            State::Scram(server) => server.granted(),
            State::Over => Progress::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::sasl::Password;

    #[test]
    fn plain_with_and_without_initial_response() {
        let message = plain::initial("taro", &Password::new("p"));
        let (mut exchange, progress) = Exchange::start(Mechanism::Plain, Some(&message));
        assert!(matches!(progress, Progress::Ask(Credential::Plain { .. })));
        assert_eq!(exchange.granted(), Progress::Done);
        assert_eq!(exchange.granted(), Progress::Malformed);
        let (mut exchange, progress) = Exchange::start(Mechanism::Plain, None);
        assert_eq!(progress, Progress::Challenge(Vec::new()));
        assert!(matches!(exchange.receive(&message), Progress::Ask(_)));
    }

    #[test]
    fn login_with_the_name_as_initial_response() {
        let (mut exchange, progress) = Exchange::start(Mechanism::Login, Some(b"taro"));
        assert_eq!(progress, Progress::Challenge(b"Password:".to_vec()));
        assert!(matches!(exchange.receive(b"p"), Progress::Ask(Credential::Plain { .. })));
    }

    #[test]
    fn nothing_goes_on_after_a_malformed_response() {
        let (mut exchange, progress) = Exchange::start(Mechanism::Plain, Some(b"junk"));
        assert_eq!(progress, Progress::Malformed);
        assert_eq!(exchange.receive(b"\0u\0p"), Progress::Malformed);
        assert_eq!(exchange.granted(), Progress::Malformed);
    }
}
