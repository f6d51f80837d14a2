//! The client's side: encrypt with whoever is there, or insist on who it is.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sekisho_message::say;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{TlsError, TlsInfo, provider};

/// Stands for a peer whose name no certificate could carry. Reserved (RFC 2606 §2), and not sent.
const NAMELESS: &str = "nameless.invalid";

/// Asks for TLS. Clones share settings and session tickets.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    /// The same without SNI, for peers without a usable name. Only where nothing is verified.
    nameless: Option<Arc<ClientConfig>>,
}

impl ClientTls {
    /// Encrypts and does not ask who the peer is.
    ///
    /// This is for relaying to whatever host an MX record names. The name itself came over
    /// an unprotected DNS, most mail servers of the world have certificates that verify for
    /// another name or not at all, and the alternative to an unverified peer is not a verified
    /// one but clear text (RFC 7435 §3, RFC 3207 §4.1). It keeps out who only listens;
    /// it does not keep out who stands in between. Where a policy (DANE, MTA-STS, a
    /// route of our own) says who the peer must be, use [`verified`](Self::verified).
    ///
    /// # Errors
    /// When the cryptography cannot be set up.
    pub fn opportunistic() -> Result<Self, TlsError> {
        let provider = provider();
        let verifier = Arc::new(Anybody { provider: Arc::clone(&provider) });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        let mut nameless = config.clone();
        nameless.enable_sni = false;
        Ok(Self { config: Arc::new(config), nameless: Some(Arc::new(nameless)) })
    }

    /// Insists on a certificate for the peer's name by an authority that this system trusts.
    ///
    /// # Errors
    /// When the system has no trust anchors (the package `ca-certificates`).
    pub fn verified() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(found.certs);
        if usable == 0 {
            return Err(TlsError(say!(
                ja: "このシステムには信頼する認証局の証明書がありません (ca-certificates)",
                en: "this system has no certificates of authorities that it trusts (ca-certificates)"
            )));
        }
        Self::trusting(roots)
    }

    /// Insists on a certificate by one of the authorities, or one of the self-signed
    /// certificates, in `pem`.
    ///
    /// # Errors
    /// When there is none in it.
    pub fn verified_by(pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| unusable(&error))?;
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
        if roots.is_empty() {
            return Err(TlsError(say!(ja: "証明書がありません", en: "there is no certificate in it")));
        }
        Self::trusting(roots)
    }

    /// Negotiates TLS on a stream with the server `name`. The caller sees to the time it
    /// may take.
    ///
    /// # Errors
    /// When the peer fails to, is not who it should be, or goes away.
    pub async fn connect<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        name: &str,
        stream: T,
    ) -> io::Result<(TlsStream<T>, TlsInfo)> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let (config, server_name) = match (ServerName::try_from(name.to_owned()), &self.nameless) {
            (Ok(server_name), _) => (&self.config, server_name),
            (Err(_), Some(nameless)) => (
                nameless,
                ServerName::try_from(NAMELESS).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
            ),
            (Err(error), None) => return Err(io::Error::new(io::ErrorKind::InvalidInput, error)),
        };
        let stream = TlsConnector::from(Arc::clone(config)).connect(server_name, stream).await?;
        let (_, connection) = stream.get_ref();
        let info = TlsInfo::of(connection, None, self.nameless.is_none());
        Ok((stream, info))
    }

    fn trusting(roots: RootCertStore) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), nameless: None })
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("verified", &self.nameless.is_none()).finish_non_exhaustive()
    }
}

/// Takes any certificate.
///
/// Nor does it check that the peer holds the key of the certificate: who may be anybody proves
/// nothing by that, while certificates of version 1 and short RSA keys, which old hosts
/// have, would fail the check and so turn encryption into clear text.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn unusable(error: &dyn std::error::Error) -> TlsError {
    TlsError(say!(ja: "TLS を使えません: {error}", en: "TLS cannot be used: {error}"))
}
