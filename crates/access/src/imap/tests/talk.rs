//! A connection without a socket: session and agent pumped as the driver does it.

use std::time::Duration;

use sekisho_net::clock::Clock;
use sekisho_net::drive::Agent;
use sekisho_proto::imap::ImapSession;
use sekisho_proto::session::{Session, Step};

use crate::imap::ImapAgent;

pub(super) struct Talk {
    session: ImapSession,
    agent: ImapAgent,
    clock: Clock,
    out: Vec<u8>,
    pub(super) closed: bool,
}

impl Talk {
    pub(super) async fn new(session: ImapSession, agent: ImapAgent, clock: Clock) -> Self {
        let mut talk = Self { session, agent, clock, out: Vec::new(), closed: false };
        talk.pump().await;
        talk
    }

    /// Sends `text` and gives back all that was answered.
    pub(super) async fn say(&mut self, text: impl AsRef<[u8]>) -> String {
        self.send(text).await;
        self.heard()
    }

    pub(super) async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.session.receive(self.clock.now(), text.as_ref());
        self.pump().await;
    }

    /// What has been answered since the last look.
    pub(super) fn heard(&mut self) -> String {
        String::from_utf8_lossy(&self.heard_bytes()).into_owned()
    }

    pub(super) fn heard_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Lets the agent say what nobody asked for, once. `false` when it has nothing to say within `patience`.
    pub(super) async fn unasked(&mut self, patience: Duration) -> bool {
        match tokio::time::timeout(patience, self.agent.wait()).await {
            Ok(reply) => {
                self.session.answer(self.clock.now(), reply);
                self.pump().await;
                true
            }
            Err(_) => false,
        }
    }

    /// Closes the session if its deadline has passed.
    pub(super) async fn look_at_the_clock(&mut self) {
        if !self.closed && self.clock.now() >= self.session.deadline() {
            self.session.expire(self.clock.now());
            self.pump().await;
        }
    }

    async fn pump(&mut self) {
        loop {
            match self.session.next(self.clock.now()) {
                Step::Send(bytes) => self.out.extend_from_slice(&bytes),
                Step::Event(event) => {
                    let reply = self.agent.answer(event).await;
                    self.session.answer(self.clock.now(), reply);
                }
                Step::StartTls => panic!("no TLS here"),
                Step::NeedInput => return,
                Step::Close => {
                    self.closed = true;
                    return;
                }
            }
        }
    }
}
