//! LOGIN: the server asks for the name, then for the password.

use super::{Credential, Password, plain::FIELD_MAX};

/// First challenge of the server.
pub const ASK_USER: &[u8] = b"Username:";
/// Second challenge of the server.
pub const ASK_PASSWORD: &[u8] = b"Password:";

/// Server side: what is known so far.
#[derive(Debug, Default)]
pub struct Server {
    user: Option<String>,
}

/// What the server does with a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask for the password.
    AskPassword,
    /// Both are known.
    Done(Credential),
    /// The response is empty, too long or not UTF-8.
    Malformed,
}

impl Server {
    /// Takes a response of the client.
    pub fn receive(&mut self, response: &[u8]) -> Next {
        let text = match std::str::from_utf8(response) {
            Ok(text) if !text.is_empty() && text.len() <= FIELD_MAX && !text.contains('\0') => text.to_owned(),
            _ => return Next::Malformed,
        };
        match self.user.take() {
            None => {
                self.user = Some(text);
                Next::AskPassword
            }
            Some(user) => Next::Done(Credential::Plain { authzid: String::new(), user, password: Password::new(text) }),
        }
    }
}

/// Client side: answers the first challenge with the name, the second with the password,
/// whatever the challenges say.
#[derive(Debug)]
pub struct Client {
    user: Option<String>,
    password: Option<Password>,
}

impl Client {
    /// A client that will log in as `user`.
    #[must_use]
    pub fn new(user: &str, password: &Password) -> Self {
        Self { user: Some(user.to_owned()), password: Some(password.clone()) }
    }

    /// The response to the next challenge, before base64; `None` when the server asks too often.
    pub fn respond(&mut self) -> Option<Vec<u8>> {
        if let Some(user) = self.user.take() {
            return Some(user.into_bytes());
        }
        self.password.take().map(|p| p.expose().as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_and_client_meet() {
        let password = Password::new("pass word");
        let mut client = Client::new("taro", &password);
        let mut server = Server::default();
        assert_eq!(server.receive(&client.respond().unwrap_or_default()), Next::AskPassword);
        let done = server.receive(&client.respond().unwrap_or_default());
        let expected = Credential::Plain { authzid: String::new(), user: "taro".into(), password };
        assert_eq!(done, Next::Done(expected));
        assert_eq!(client.respond(), None);
    }

    #[test]
    fn empty_and_odd_responses_are_malformed() {
        assert_eq!(Server::default().receive(b""), Next::Malformed);
        assert_eq!(Server::default().receive(b"a\0b"), Next::Malformed);
        assert_eq!(Server::default().receive(b"\xff"), Next::Malformed);
    }
}
