//! The server's side: one certificate for all names, exchanged while running. Where an authority for them is set, clients may
//! show certificates of their own.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ProtocolVersion, RootCertStore, ServerConfig, ServerConnection};
use sekisho_message::say;
use sekisho_proto::sasl::Channel;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::{from_pem, load};
use super::{TlsError, TlsInfo, der, provider};
use crate::clock::Clock;

/// How often [`ServerTls::watch`] looks at the files.
const LOOK: Duration = Duration::from_secs(60);

/// Accepts TLS. Clones share the certificate, so a reload reaches all listeners.
#[derive(Clone)]
pub struct ServerTls {
    shared: Arc<Shared>,
    /// Whether clients are asked for a certificate.
    asks: bool,
}

struct Shared {
    current: RwLock<Arc<Current>>,
    files: Option<Files>,
    /// Verifies what clients show.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// What new connections get.
struct Current {
    config: Arc<ServerConfig>,
    /// The same that asks the client for a certificate.
    asking: Option<Arc<ServerConfig>>,
    /// `tls-server-end-point` of the certificate.
    end_point: Option<Box<[u8]>>,
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
        Self::with_clients(certificate, key, None)
    }

    /// The same; [`asking`](Self::asking) then takes certificates of clients by one of the authorities in `authorities`
    /// (PEM).
    ///
    /// # Errors
    /// As [`load`], and when there is no usable certificate in `authorities`.
    pub fn with_clients(certificate: &Path, key: &Path, authorities: Option<&[u8]>) -> Result<Self, TlsError> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned(), seen: Mutex::new(None) };
        // Marks first: a change between the two is seen by the next reload.
        let seen = files.marks();
        let pair = load(certificate, key)?;
        *files.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Self::new(pair, Some(files), authorities.map(verifier).transpose()?)
    }

    /// From PEM texts; it never changes.
    ///
    /// # Errors
    /// When there is no certificate or key in them, or they do not match.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::new(from_pem(certificate, key)?, None, None)
    }

    /// The same that asks clients for a certificate. They need not have one; a wrong one ends the handshake.
    #[must_use]
    pub fn asking(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), asks: true }
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
        let current = Current::new(pair, self.shared.clients.as_ref())?;
        *self.shared.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
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
        let current = Arc::clone(&self.shared.current.read().unwrap_or_else(PoisonError::into_inner));
        let config = current.asking.as_ref().filter(|_| self.asks).unwrap_or(&current.config);
        let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
        let (_, connection) = stream.get_ref();
        let mut info = TlsInfo::of(connection, connection.server_name(), false);
        let client = connection.peer_certificates().and_then(<[_]>::first);
        info.client = client.map(|certificate| Arc::new(der::holder(certificate)));
        info.channel = Some(Arc::new(Channel {
            exporter: exporter(connection),
            end_point: current.end_point.clone(),
            certificate: info.client.is_some(),
        }));
        Ok((stream, info))
    }

    fn new(
        pair: CertifiedKey,
        files: Option<Files>,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<Self, TlsError> {
        let current = RwLock::new(Arc::new(Current::new(pair, clients.as_ref())?));
        Ok(Self { shared: Arc::new(Shared { current, files, clients }), asks: false })
    }
}

impl Current {
    fn new(pair: CertifiedKey, clients: Option<&Arc<dyn ClientCertVerifier>>) -> Result<Self, TlsError> {
        let end_point = pair.cert.first().and_then(|certificate| der::end_point(certificate));
        let single = Arc::new(SingleCertAndKey::from(pair));
        let of = |clients: Option<&Arc<dyn ClientCertVerifier>>| {
            let builder = ServerConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .map_err(|error| unusable(&error))?;
            let builder = match clients {
                Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
                None => builder.with_no_client_auth(),
            };
            let mut config = builder.with_cert_resolver(Arc::clone(&single) as _);
            // Resumption without state here: a flood of handshakes cannot grow a session table. The keys are of this
            // certificate alone, so that no resumed connection is bound to another.
            config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| unusable(&error))?;
            config.send_tls13_tickets = 1;
            Ok(Arc::new(config))
        };
        let asking = match clients {
            Some(_) => Some(of(clients)?),
            None => None,
        };
        Ok(Self { config: of(None)?, asking, end_point })
    }
}

/// `tls-exporter` (RFC 9266 §4.2): only TLS 1.3 has it for certain.
fn exporter(connection: &ServerConnection) -> Option<[u8; 32]> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
}

fn verifier(authorities: &[u8]) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities) {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()
        .map_err(|error| unusable(&error))
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("files", &self.shared.files).finish_non_exhaustive()
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

fn unusable(error: &dyn std::error::Error) -> TlsError {
    TlsError(say!(ja: "TLS を使えません: {error}", en: "TLS cannot be used: {error}"))
}
