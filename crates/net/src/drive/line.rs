//! The connection below a session: reading, writing, TLS, and what they may take.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sekisho_proto::session::Session;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use super::outbox::{Outbox, PIECES};
use super::{Drive, End, Reason};
use crate::clock::{Alarm, Clock};
use crate::tls::{Security, TlsInfo};

/// Most bytes that are read at once.
const READ: usize = 16 * 1024;

/// Bytes that a peer may still send after we have closed, before the connection is cut.
const LINGER: usize = 256 * 1024;

/// How long closing may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// A peer that takes fewer bytes a second than this holds memory for nothing.
const SLOWEST: u64 = 1024;

thread_local! {
    /// One read buffer a thread: what is read goes to the session at once, so that
    /// no connection needs one of its own.
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

pub(super) struct Line<T> {
    wire: Wire<T>,
    pub(super) outbox: Outbox,
    pub(super) alarm: Alarm,
    pub(super) clock: Clock,
    write_patience: Duration,
    tls: Option<TlsInfo>,
    bytes_in: u64,
    bytes_out: u64,
}

enum Wire<T> {
    Plain(T),
    Tls(Box<TlsStream<T>>),
    /// While TLS is negotiated, and after that has failed.
    Gone,
}

pub(super) enum Received {
    Bytes,
    End,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Line<T> {
    pub(super) fn new(stream: T, how: &Drive) -> Self {
        Self {
            wire: Wire::Plain(stream),
            outbox: Outbox::default(),
            alarm: Alarm::new(how.clock.clone()),
            clock: how.clock.clone(),
            write_patience: how.patience.write,
            tls: None,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    pub(super) fn end(&mut self, reason: Reason) -> End {
        End { bytes_in: self.bytes_in, bytes_out: self.bytes_out, reason, tls: self.tls.take() }
    }

    /// Reads what is there and gives it to the session.
    pub(super) fn poll_receive<S: Session>(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut S,
    ) -> Poll<Result<Received, Reason>> {
        with_scratch(|buffer| {
            let mut read = ReadBuf::new(buffer);
            let polled = ready!(self.wire.poll_read(cx, &mut read));
            let bytes = read.filled();
            Poll::Ready(match polled {
                Ok(()) if bytes.is_empty() => Ok(Received::End),
                Ok(()) => {
                    self.bytes_in += bytes.len() as u64;
                    session.receive(self.clock.now(), bytes);
                    Ok(Received::Bytes)
                }
                // TLS without its closing alert. All protocols that run here say themselves
                // where things end, so a cut cannot pass for an end (RFC 8446 §6.1).
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Received::End),
                Err(error) => Err(Reason::Broken(error.to_string())),
            })
        })
    }

    /// Writes all that is pending.
    pub(super) async fn flush(&mut self) -> Result<(), Reason> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        let mut until = None;
        poll_fn(|cx| {
            if let Poll::Ready(done) = self.poll_write_out(cx) {
                return Poll::Ready(done.map_err(|error| Reason::Broken(error.to_string())));
            }
            // Most writes never come here, so most need no timer.
            let until = *until.get_or_insert_with(|| {
                self.clock.now() + self.write_patience + Duration::from_secs(self.outbox.len() as u64 / SLOWEST)
            });
            self.alarm.poll_at(until, cx).map(|()| Err(Reason::PeerStuck))
        })
        .await
    }

    /// Negotiates TLS in the role of `how.security`.
    pub(super) async fn secure(&mut self, how: &Drive) -> Result<&TlsInfo, Reason> {
        let stream = match std::mem::replace(&mut self.wire, Wire::Gone) {
            Wire::Plain(stream) => stream,
            other => {
                self.wire = other;
                return Err(Reason::TlsFailed("TLS within TLS".to_owned()));
            }
        };
        // On the heap: it is large, short-lived, and would else widen every idle connection.
        let handshake = Box::pin(async {
            match &how.security {
                Security::Off => Err(io::Error::other("there is no certificate")),
                Security::Server(tls) => tls.accept(stream).await.map(|(stream, info)| (TlsStream::from(stream), info)),
                Security::Client { tls, name } => {
                    tls.connect(name, stream).await.map(|(stream, info)| (TlsStream::from(stream), info))
                }
            }
        });
        tokio::select! {
            biased;
            done = handshake => match done {
                Ok((stream, info)) => {
                    self.wire = Wire::Tls(Box::new(stream));
                    Ok(self.tls.insert(info))
                }
                Err(error) => Err(Reason::TlsFailed(error.to_string())),
            },
            () = how.cancel.cancelled() => Err(Reason::Stopped),
            () = self.clock.sleep(how.patience.handshake) => Err(Reason::TlsFailed("timeout".to_owned())),
        }
    }

    /// Ends the connection in good order, so that the peer can read our last words.
    pub(super) async fn close(&mut self) {
        let clock = self.clock.clone();
        clock
            .timeout(FAREWELL, async {
                if poll_fn(|cx| self.wire.poll_shutdown(cx)).await.is_ok() {
                    self.linger().await;
                }
            })
            .await;
    }

    /// Closing a socket with input in it makes the kernel reset the connection, and a reset makes the
    /// peer's kernel throw away what its program has not read yet: our last words. So what
    /// a peer in full flow still sends is read and dropped, for a while.
    async fn linger(&mut self) {
        let mut left = LINGER;
        // A peer that has nothing under way has read us, or is about to.
        let mut quiet = true;
        poll_fn(|cx| {
            loop {
                match self.poll_discard(cx) {
                    Poll::Pending if !quiet => return Poll::Pending,
                    Poll::Ready(Ok(count)) if count > 0 && count <= left => {
                        quiet = false;
                        left -= count;
                    }
                    _ => return Poll::Ready(()),
                }
            }
        })
        .await;
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        with_scratch(|buffer| {
            let mut read = ReadBuf::new(buffer);
            ready!(self.wire.poll_read(cx, &mut read))?;
            Poll::Ready(Ok(read.filled().len()))
        })
    }

    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); PIECES];
            let count = self.outbox.slices(&mut slices);
            let written = ready!(self.wire.poll_write(cx, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbox.advance(written);
            self.bytes_out += written as u64;
        }
        self.wire.poll_flush(cx)
    }
}

/// Lends out this thread's read buffer.
fn with_scratch<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut buffer = SCRATCH.take().unwrap_or_else(|| vec![0; READ].into_boxed_slice());
    let result = work(&mut buffer);
    SCRATCH.set(Some(buffer));
    result
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, slices),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}
