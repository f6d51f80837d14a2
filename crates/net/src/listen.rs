//! Listening: sockets, who is let in, and the end of it all.

mod admission;
mod sessions;

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sekisho_message::{Text, say};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

pub use admission::{Admission, Limits, Permit, Refusal};
pub use sessions::Sessions;

/// Connections that the kernel completes while we are busy.
const BACKLOG: i32 = 4096;

/// A connection that says nothing for this long is asked by the kernel whether it is
/// still there; POP3 and IMAP clients vanish behind address translators.
const KEEPALIVE: Duration = Duration::from_secs(300);

/// Pause after the system had no resources for another connection.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Why an address cannot be listened on. Only for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ListenError(pub Text);

/// A listening socket within the async runtime.
#[derive(Debug)]
pub struct Listener {
    name: Arc<str>,
    local: SocketAddr,
    socket: TcpListener,
}

/// Between whom a connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// The other side. An IPv4 peer of an IPv6 socket appears as IPv4.
    pub peer: SocketAddr,
    /// Our address that it reached.
    pub local: SocketAddr,
    /// The listener's name, such as `submission`.
    pub listener: Arc<str>,
}

/// Binds `address:port` (`192.0.2.1:25`, `[::]:25`) and listens. Needs no async runtime, so that it
/// can be done before privileges are dropped.
///
/// An IPv6 socket takes IPv6 only: `[::]:25` and `0.0.0.0:25` can stand side by side.
///
/// # Errors
/// When the text is no address, or the system refuses.
pub fn bind(address: &str) -> Result<StdListener, ListenError> {
    let parsed: SocketAddr = address.trim().parse().map_err(|_| {
        ListenError(say!(
            ja: "「{address}」は「アドレス:ポート」の形ではありません",
            en: "\"{address}\" is not of the form address:port"
        ))
    })?;
    open(parsed).map_err(|error| {
        let hint = hint(&error);
        let (ja, en) = (&hint.ja, &hint.en);
        ListenError(
            say!(ja: "{parsed} で待ち受けできません: {error}{ja}", en: "cannot listen on {parsed}: {error}{en}"),
        )
    })
}

impl Listener {
    /// Takes a socket over from [`bind`] or from the service manager (systemd socket
    /// activation). Call it within the runtime.
    ///
    /// # Errors
    /// When it is no listening TCP socket.
    pub fn adopt(name: impl Into<Arc<str>>, socket: StdListener) -> Result<Self, ListenError> {
        let name = name.into();
        let adopted = socket.set_nonblocking(true).and_then(|()| {
            let local = socket.local_addr()?;
            Ok((local, TcpListener::from_std(socket)?))
        });
        match adopted {
            Ok((local, socket)) => Ok(Self { name, local, socket }),
            Err(error) => Err(ListenError(say!(
                ja: "受け取ったソケット「{name}」を使えません: {error}",
                en: "cannot use the passed socket \"{name}\": {error}"
            ))),
        }
    }

    /// The name that connections carry.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The address, with the port that the kernel chose when port 0 was asked for.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }
}

/// Accepts connections until `sessions` stop, and runs `serve` for each as a task of `sessions`.
///
/// A peer that `admission` refuses gets what `refuse` says (one reply line; empty where TLS
/// comes first) as far as the socket takes it at once, and is closed. When the system runs out of
/// descriptors or memory, accepting pauses and goes on.
pub async fn accept<S, F, R>(listener: Listener, admission: Admission, sessions: Sessions, refuse: R, serve: S)
where
    S: Fn(TcpStream, ConnectionInfo) -> F,
    F: Future<Output = ()> + Send + 'static,
    R: Fn(&ConnectionInfo, Refusal) -> &'static [u8],
{
    let stopping = sessions.stopping();
    let mut exhausted = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            accepted = listener.socket.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_exhaustion(&error) => {
                if !std::mem::replace(&mut exhausted, true) {
                    tracing::error!(listener = %listener.name, %error, "no resources for another connection; accepting pauses");
                }
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = tokio::time::sleep(EXHAUSTED) => continue,
                }
            }
            // The peer gave up between its SYN and our accept: its affair.
            Err(_) => continue,
        };
        exhausted = false;
        let info = ConnectionInfo {
            peer: canonical(peer),
            local: canonical(stream.local_addr().unwrap_or(listener.local)),
            listener: Arc::clone(&listener.name),
        };
        match admission.admit(info.peer.ip()) {
            Ok(permit) => {
                prepare(&stream);
                let mut work = Box::pin(serve(stream, info));
                sessions.spawn(async move {
                    work.as_mut().await;
                    drop(permit);
                });
            }
            Err(refusal) => {
                // The socket's buffer is empty, so this takes a line or the peer is gone.
                let _ = stream.try_write(refuse(&info, refusal));
            }
        }
    }
}

/// Raises this process's limit of open files to the most that the system allows: every
/// connection is one. The new limit.
///
/// # Errors
/// When the system refuses.
pub fn raise_file_limit() -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

/// Connects to `peer`, from the address `source` where one is given, within `patience`.
///
/// # Errors
/// The system's, and [`io::ErrorKind::TimedOut`].
pub async fn connect(peer: SocketAddr, source: Option<IpAddr>, patience: Duration) -> io::Result<TcpStream> {
    let socket = if peer.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
    if let Some(source) = source.filter(|source| source.is_ipv4() == peer.is_ipv4()) {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = tokio::time::timeout(patience, socket.connect(peer))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    prepare(&stream);
    Ok(stream)
}

fn open(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restarted server must not wait for the last one's connections to time out.
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// No waiting for more to send; a look now and then whether the peer still lives.
/// A socket that refuses either is broken, and reading will say so.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn is_exhaustion(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| {
        matches!(Errno::from_raw(code), Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)
    })
}

fn hint(error: &io::Error) -> Text {
    match error.kind() {
        io::ErrorKind::PermissionDenied => say!(
            ja: "。1024 未満のポートには root の権限か systemd のソケットが必要です",
            en: ". Ports below 1024 need root's rights or a systemd socket"
        ),
        io::ErrorKind::AddrInUse => say!(
            ja: "。ほかのプログラムが使っています",
            en: ". Another program uses it"
        ),
        _ => Text::new("", ""),
    }
}

impl fmt::Display for ConnectionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.listener, self.peer, self.local)
    }
}
