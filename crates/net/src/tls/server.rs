//! The server's side: one certificate for all names, exchanged while running.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sekisho_message::say;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::{from_pem, load};
use super::{TlsError, TlsInfo, provider};
use crate::clock::Clock;

/// How often [`ServerTls::watch`] looks at the files.
const LOOK: Duration = Duration::from_secs(60);

/// Accepts TLS. Clones share the certificate, so a reload reaches all listeners.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    current: RwLock<Arc<CertifiedKey>>,
    files: Option<Files>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    seen: Mutex<Option<[Mark; 2]>>,
}

/// What changes when a file is replaced or rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl ServerTls {
    /// From PEM files, which [`reload`](Self::reload) reads again when they have changed.
    ///
    /// # Errors
    /// As [`load`].
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned(), seen: Mutex::new(None) };
        // Marks first: a change between the two is seen by the next reload.
        let seen = files.marks();
        let pair = load(certificate, key)?;
        *files.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Self::new(pair, Some(files))
    }

    /// From PEM texts; it never changes.
    ///
    /// # Errors
    /// When there is no certificate or key in them, or they do not match.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::new(from_pem(certificate, key)?, None)
    }

    /// Reads the files again when they have changed; true when there is a new certificate.
    /// Connections that exist keep the one they have.
    ///
    /// # Errors
    /// When the new files cannot be used (half of the pair is written, perhaps): the old
    /// certificate stays, and the next call tries again.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Some(files) = &self.shared.files else { return Ok(false) };
        let marks = files.marks();
        if *files.seen.lock().unwrap_or_else(PoisonError::into_inner) == marks {
            return Ok(false);
        }
        let pair = load(&files.certificate, &files.key)?;
        *self.shared.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
        *files.seen.lock().unwrap_or_else(PoisonError::into_inner) = marks;
        Ok(true)
    }

    /// Reloads whenever the files change, for ever; `told` hears each outcome that is news.
    pub async fn watch(&self, clock: Clock, told: impl Fn(Result<(), TlsError>)) {
        let mut last_failure = None;
        loop {
            clock.sleep(LOOK).await;
            match self.reload() {
                Ok(true) => {
                    last_failure = None;
                    told(Ok(()));
                }
                Ok(false) => {}
                Err(error) if last_failure.as_ref() == Some(&error) => {}
                Err(error) => {
                    last_failure = Some(error.clone());
                    told(Err(error));
                }
            }
        }
    }

    /// Negotiates TLS on a stream. The caller sees to the time it may take.
    ///
    /// # Errors
    /// When the peer fails to, or goes away.
    pub async fn accept<T: AsyncRead + AsyncWrite + Unpin>(&self, stream: T) -> io::Result<(TlsStream<T>, TlsInfo)> {
        let stream = TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await?;
        let (_, connection) = stream.get_ref();
        let info = TlsInfo::of(connection, connection.server_name(), false);
        Ok((stream, info))
    }

    fn new(pair: CertifiedKey, files: Option<Files>) -> Result<Self, TlsError> {
        let shared = Arc::new(Shared { current: RwLock::new(Arc::new(pair)), files });
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shared) as Arc<dyn ResolvesServerCert>);
        // Resumption without state here: a flood of handshakes cannot grow a session table.
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| unusable(&error))?;
        config.send_tls13_tickets = 1;
        Ok(Self { config: Arc::new(config), shared })
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("files", &self.shared.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Shared {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Files {
    fn marks(&self) -> Option<[Mark; 2]> {
        Some([Mark::of(&self.certificate)?, Mark::of(&self.key)?])
    }
}

impl Mark {
    fn of(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        let changed = (meta.ctime(), meta.ctime_nsec());
        Some(Self { device: meta.dev(), inode: meta.ino(), size: meta.len(), changed })
    }
}

fn unusable(error: &rustls::Error) -> TlsError {
    TlsError(say!(ja: "TLS を使えません: {error}", en: "TLS cannot be used: {error}"))
}
