//! The one place that pumps a session over a socket, server or client.
//!
//! The session says what to send and what it wants to know; the agent knows; the
//! driver does the I/O: it gathers what is sent into few writes, holds no read
//! buffer while nothing arrives, negotiates TLS, keeps the deadlines and notices that the server
//! stops. An idle connection costs its session, its agent and, with TLS, what rustls keeps.
//!
//! A panic in a session or agent unwinds through [`drive`]: whoever spawned the task
//! loses that connection and nothing else.

mod line;
mod outbox;

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::{self, Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use sekisho_message::Time;
use sekisho_proto::session::{Session, Step};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use self::line::{Line, Received};
use crate::clock::Clock;
use crate::tls::{ClientTls, Security, ServerTls, TlsInfo};

/// Replies are gathered up to this many bytes before they are written.
const GATHER: usize = 64 * 1024;

/// Replies wait at most this long for the next one while the agent thinks.
const HOLD_BACK: Duration = Duration::from_millis(20);

/// Who decides and does what a session cannot: looks up, verifies, stores.
pub trait Agent<S: Session>: Send {
    /// Answers an event. The session stands still until then; input waits in the kernel.
    /// It is never cancelled half-way, except when the whole task is.
    fn answer(&mut self, event: S::Event) -> impl Future<Output = S::Reply> + Send;

    /// News that nobody asked for: what IDLE shows, a suspended account, the next work of
    /// a client whose connection is kept. Polled only while the session waits for input, and dropped
    /// when input comes first, so it must be cancel-safe. Never ready by default.
    fn wait(&mut self) -> impl Future<Output = S::Reply> + Send {
        future::pending()
    }

    /// TLS is established. Called before anything that was sent over it is looked at.
    fn secured(&mut self, tls: &TlsInfo) {
        let _ = tls;
    }
}

/// How to drive a connection.
#[derive(Clone)]
pub struct Drive {
    /// The time.
    pub clock: Clock,
    /// What to do when the session asks for TLS.
    pub security: Security,
    /// TLS comes before the first byte of the session (RFC 8314 §3), which must have been made as
    /// one that is protected already.
    pub implicit_tls: bool,
    /// Cancelled when the server stops. The session then says goodbye.
    pub cancel: CancellationToken,
    /// How long to wait for what the session has no deadline for.
    pub patience: Patience,
}

/// Times that the driver itself allows.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the TLS handshake. 30 s.
    pub handshake: Duration,
    /// For writing, and a second more for each KiB: a peer that reads nothing, or a byte now and
    /// then, holds memory. 2 minutes.
    pub write: Duration,
    /// For what is in flight when the server stops. 30 s.
    pub goodbye: Duration,
}

/// How a connection went.
#[derive(Clone, Debug)]
pub struct End {
    /// Bytes of the session that the peer sent, without what TLS adds.
    pub bytes_in: u64,
    /// Bytes of the session that the peer's system took, without what TLS adds.
    pub bytes_out: u64,
    /// Why it ended.
    pub reason: Reason,
    /// The protection that it had at its end.
    pub tls: Option<TlsInfo>,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The session closed it.
    Closed,
    /// The peer closed it.
    PeerClosed,
    /// The session's deadline passed.
    Timeout,
    /// The peer did not read what was written to it.
    PeerStuck,
    /// The server stops.
    Stopped,
    /// The connection broke: the system's words.
    Broken(String),
    /// TLS could not be negotiated: why.
    TlsFailed(String),
}

/// Pumps `session` over `stream` until one of them ends.
///
/// The server side of a listener with STARTTLS:
/// `drive(stream, session, &mut agent, Drive::new(clock).server_tls(tls).cancel(token)).await`.
pub fn drive<T, S, A>(stream: T, session: S, agent: &mut A, how: Drive) -> impl Future<Output = End>
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Session,
    A: Agent<S>,
{
    // On the heap, once: each async function that a value passes through would else keep room
    // for a copy of its own, in every idle connection.
    let mut line = Box::new(Line::new(stream, &how));
    let session = Box::new(session);
    let how = Box::new(how);
    async move {
        let reason = match pump(&mut line, session, agent, &how).await {
            Ok(reason) => {
                line.close().await;
                reason
            }
            Err(reason) => reason,
        };
        line.end(reason)
    }
}

/// `Ok`: both sides can still talk, so close in good order. `Err`: they cannot.
async fn pump<T, S, A>(line: &mut Line<T>, mut session: Box<S>, agent: &mut A, how: &Drive) -> Result<Reason, Reason>
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Session,
    A: Agent<S>,
{
    let clock = &how.clock;
    let cancelled = pin!(how.cancel.cancelled());
    let mut stop = Stop { cancelled, leave_by: None };
    let mut reason = Reason::Closed;
    let mut last_words = false;
    if how.implicit_tls {
        let tls = line.secure(how).await?;
        agent.secured(tls);
        if let Some(channel) = &tls.channel {
            session.bind(channel);
        }
    }
    loop {
        match session.next(clock.now()) {
            Step::Send(bytes) => {
                line.outbox.push(bytes);
                if line.outbox.len() >= GATHER {
                    line.flush().await?;
                }
            }
            Step::Event(event) => {
                let reply = ask(line, pin!(agent.answer(event))).await?;
                session.answer(clock.now(), reply);
            }
            Step::StartTls => {
                line.flush().await?;
                let tls = line.secure(how).await?;
                *session = session.into_tls(clock.now());
                agent.secured(tls);
                if let Some(channel) = &tls.channel {
                    session.bind(channel);
                }
            }
            Step::NeedInput if !last_words => {
                line.flush().await?;
                match wait(line, &mut *session, agent, &mut stop).await? {
                    Woken::Bytes => {}
                    Woken::News(reply) => session.answer(clock.now(), reply),
                    Woken::End => {
                        (reason, last_words) = (Reason::PeerClosed, true);
                        session.receive_end(clock.now());
                    }
                    Woken::Deadline => {
                        reason = if stop.leave_by.is_some() { Reason::Stopped } else { Reason::Timeout };
                        last_words = true;
                        session.expire(clock.now());
                    }
                    Woken::Cancelled => {
                        reason = Reason::Stopped;
                        stop.leave_by = Some(clock.now() + how.patience.goodbye);
                        session.shutdown(clock.now());
                    }
                }
            }
            // A session that wants more input when none is to come is closed.
            Step::NeedInput | Step::Close => {
                line.flush().await?;
                return Ok(reason);
            }
        }
    }
}

/// Why waiting for input ended.
enum Woken<R> {
    /// The session has received something.
    Bytes,
    /// The peer will send nothing more.
    End,
    /// The agent has something to say.
    News(R),
    /// The session's deadline, or the last moment before the server stops.
    Deadline,
    /// The server stops.
    Cancelled,
}

/// That the server stops, as one connection sees it.
struct Stop<'a, 'b> {
    cancelled: Pin<&'a mut WaitForCancellationFuture<'b>>,
    /// Set once the session knows.
    leave_by: Option<Time>,
}

async fn wait<T, S, A>(
    line: &mut Line<T>,
    session: &mut S,
    agent: &mut A,
    stop: &mut Stop<'_, '_>,
) -> Result<Woken<S::Reply>, Reason>
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Session,
    A: Agent<S>,
{
    let deadline = stop.leave_by.map_or(session.deadline(), |by| by.min(session.deadline()));
    // First, so that a peer that sends without a pause cannot outrun its deadline.
    if line.clock.now() >= deadline {
        return Ok(Woken::Deadline);
    }
    let mut news = pin!(agent.wait());
    poll_fn(|cx| {
        if stop.leave_by.is_none() && stop.cancelled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(Woken::Cancelled));
        }
        match line.poll_receive(cx, session) {
            Poll::Ready(Ok(Received::Bytes)) => return Poll::Ready(Ok(Woken::Bytes)),
            Poll::Ready(Ok(Received::End)) => return Poll::Ready(Ok(Woken::End)),
            Poll::Ready(Err(reason)) => return Poll::Ready(Err(reason)),
            Poll::Pending => {}
        }
        if let Poll::Ready(reply) = news.as_mut().poll(cx) {
            return Poll::Ready(Ok(Woken::News(reply)));
        }
        line.alarm.poll_at(deadline, cx).map(|()| Ok(Woken::Deadline))
    })
    .await
}

/// Waits for the agent. Replies to earlier commands of the same batch wait with it, but not for long.
async fn ask<T, F>(line: &mut Line<T>, mut answer: Pin<&mut F>) -> Result<F::Output, Reason>
where
    T: AsyncRead + AsyncWrite + Unpin,
    F: Future,
{
    if line.outbox.is_empty() {
        return Ok(answer.await);
    }
    tokio::select! {
        biased;
        reply = answer.as_mut() => return Ok(reply),
        () = tokio::time::sleep(HOLD_BACK) => {}
    }
    // The agent is never left half-way, even when the peer is gone.
    let (flushed, reply) = tokio::join!(line.flush(), answer);
    flushed.map(|()| reply)
}

impl Drive {
    /// A connection in the clear that nothing stops.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            security: Security::Off,
            implicit_tls: false,
            cancel: CancellationToken::new(),
            patience: Patience::default(),
        }
    }

    /// Offers TLS as a server.
    #[must_use]
    pub fn server_tls(mut self, tls: ServerTls) -> Self {
        self.security = Security::Server(tls);
        self
    }

    /// Can ask for TLS as a client of the server `name`.
    #[must_use]
    pub fn client_tls(mut self, tls: ClientTls, name: impl Into<String>) -> Self {
        self.security = Security::Client { tls, name: name.into() };
        self
    }

    /// Begins with TLS, in the role of [`Self::security`].
    #[must_use]
    pub fn implicit_tls(mut self) -> Self {
        self.implicit_tls = true;
        self
    }

    /// Says goodbye when `token` is cancelled.
    #[must_use]
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self { handshake: Duration::from_secs(30), write: Duration::from_secs(120), goodbye: Duration::from_secs(30) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::PeerClosed => f.write_str("closed by peer"),
            Self::Timeout => f.write_str("timeout"),
            Self::PeerStuck => f.write_str("peer does not read"),
            Self::Stopped => f.write_str("server stops"),
            Self::Broken(words) => write!(f, "broken: {words}"),
            Self::TlsFailed(words) => write!(f, "TLS failed: {words}"),
        }
    }
}
