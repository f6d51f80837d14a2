//! The contract of every wire session: bytes in, steps out, no I/O inside.
//!
//! A driver feeds what it read with [`Session::receive`], then pumps
//! [`Session::next`] until it says [`Step::NeedInput`] or [`Step::Close`].
//! An agent answers each [`Step::Event`] with [`Session::answer`] before the
//! next call of `next`.

use std::sync::Arc;

use sekisho_message::Time;

use crate::sasl::Channel;

/// What a session wants next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<E> {
    /// Bytes to write to the peer. The driver may gather several before it writes,
    /// but it must have written all of them before it waits for input.
    Send(Vec<u8>),
    /// Something that only the agent can decide or do; answer it with [`Session::answer`].
    Event(E),
    /// Write what is pending, then negotiate TLS, then go on with [`Session::into_tls`].
    StartTls,
    /// Nothing more to do until the peer sends something or the deadline passes.
    NeedInput,
    /// Write what is pending, then close the connection.
    Close,
}

/// A wire session without I/O.
pub trait Session: Sized {
    /// What the agent is asked.
    type Event;
    /// What the agent answers.
    type Reply;

    /// Takes bytes from the peer. Buffers are bounded: a session that cannot take
    /// more answers with an error and [`Step::Close`] on the next step.
    fn receive(&mut self, now: Time, bytes: &[u8]);

    /// The peer closed its side.
    fn receive_end(&mut self, now: Time);

    /// The next step.
    fn next(&mut self, now: Time) -> Step<Self::Event>;

    /// The agent's answer to the last event.
    fn answer(&mut self, now: Time, reply: Self::Reply);

    /// When the session gives up waiting for the peer. The driver calls
    /// [`Session::expire`] then.
    fn deadline(&self) -> Time;

    /// The deadline has passed: say so to the peer and close.
    fn expire(&mut self, now: Time);

    /// The server is about to stop. The driver calls it once, while the session waits for
    /// input: say so to the peer and close, at once or after what is in flight (a
    /// message whose data is arriving). The driver grants half a minute for that.
    fn shutdown(&mut self, now: Time) {
        self.expire(now);
    }

    /// TLS is established, and this ties the session to it. Called before anything that was sent over it is received.
    fn bind(&mut self, channel: &Arc<Channel>) {
        let _ = channel;
    }

    /// Consumes the plain session after [`Step::StartTls`] and returns a new one
    /// that knows it is protected. Bytes that arrived in the clear and were not yet
    /// consumed are dropped with the old session: nothing can cross (STARTTLS
    /// command injection).
    #[must_use]
    fn into_tls(self, now: Time) -> Self;
}
