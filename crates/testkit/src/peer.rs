//! A mail host of the outside world, as a test wants it: it takes messages and keeps them, and
//! delays, stalls, drops, refuses, greylists, lies or floods where its script says so.

mod channel;
mod dialogue;
mod script;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::ServerConfig;

pub use script::{Act, Script, StartTls};

/// A running peer. It ends, with all its connections, when dropped.
#[derive(Debug)]
pub struct ScriptedPeer {
    address: SocketAddr,
    certificate: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A message that the peer took: it has answered 250 to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What the client said that it is.
    pub helo: String,
    /// Between the brackets of MAIL FROM.
    pub reverse_path: String,
    /// What followed them.
    pub mail_parameters: String,
    /// Between the brackets of each RCPT TO that was accepted.
    pub recipients: Vec<String>,
    /// The content, without dot-stuffing and the final dot.
    pub data: Vec<u8>,
    /// It came over TLS.
    pub tls: bool,
    /// The last AUTH command and what followed, as it was sent.
    pub auth: Option<String>,
    /// Which connection it came over, from 0.
    pub connection: usize,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
    tls: Arc<ServerConfig>,
    messages: Mutex<Vec<Received>>,
    arrived: Condvar,
    commands: Mutex<Vec<String>>,
    /// Of the connections that are open, by number.
    sockets: Mutex<HashMap<usize, TcpStream>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    over: AtomicBool,
}

impl ScriptedPeer {
    /// Starts a peer on a loopback port that the kernel chooses.
    ///
    /// # Errors
    /// When a loopback socket or a certificate cannot be had.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::start_on(Ipv4Addr::LOCALHOST, 0, script)
    }

    /// Starts a peer on an address of 127.0.0.0/8, so that several can share a port.
    /// Port 0 lets the kernel choose.
    ///
    /// # Errors
    /// When the socket or a certificate cannot be had.
    pub fn start_on(address: Ipv4Addr, port: u16, script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind((address, port))?;
        let address = listener.local_addr()?;
        let (tls, certificate) = channel::server_config().map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            tls,
            messages: Mutex::default(),
            arrived: Condvar::new(),
            commands: Mutex::default(),
            sockets: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("peer".into()).spawn(move || accept(&listener, &for_thread))?;
        Ok(Self { address, certificate, shared, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate that it shows (for `localhost` and `peer.example`), as PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Behaves otherwise from the next command on, on all connections. What was counted for "the
    /// first n times" starts anew.
    pub fn change(&self, script: Script) {
        *lock(&self.shared.script) = script;
    }

    /// The messages so far.
    #[must_use]
    pub fn messages(&self) -> Vec<Received> {
        lock(&self.shared.messages).clone()
    }

    /// How many messages so far.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.shared.messages).len()
    }

    /// Waits until there are `count` messages, for at most `patience`; the messages then.
    ///
    /// # Panics
    /// When they do not come.
    #[must_use]
    pub fn wait_for(&self, count: usize, patience: Duration) -> Vec<Received> {
        let until = Instant::now() + patience;
        let mut messages = lock(&self.shared.messages);
        while messages.len() < count {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {count} messages after {patience:?}", messages.len());
            messages = self.shared.arrived.wait_timeout(messages, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        messages.clone()
    }

    /// All commands so far, of all connections, in order of arrival; secrets too.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        lock(&self.shared.commands).clone()
    }

    /// Connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Most connections at a time so far.
    #[must_use]
    pub fn most_open(&self) -> usize {
        self.shared.most_open.load(Ordering::SeqCst)
    }

    /// Cuts all connections, as a crash does. New ones are served.
    pub fn cut(&self) {
        for (_, socket) in lock(&self.shared.sockets).drain() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for ScriptedPeer {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.cut();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().map_while(Result::ok) {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(socket) = stream.try_clone() else { continue };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        let open = shared.open.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_open.fetch_max(open, Ordering::SeqCst);
        lock(&shared.sockets).insert(number, socket);
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // A connection that breaks is what tests of this kind are about.
            let _ = dialogue::serve(stream, number, &shared);
            // The connection ends with its last descriptor.
            lock(&shared.sockets).remove(&number);
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
