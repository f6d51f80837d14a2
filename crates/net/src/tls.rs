//! TLS for both roles, by rustls with aws-lc-rs: versions 1.2 and 1.3 only
//! (RFC 8996, RFC 9325 §3.1.1).

mod certificate;
mod client;
mod der;
mod facts;
mod server;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, CommonState, ProtocolVersion};
use sekisho_message::Text;
use sekisho_proto::sasl::Channel;

pub use certificate::{Pem, ensure, load, self_signed};
pub use client::ClientTls;
pub use der::Holder;
pub use facts::{Facts, facts};
pub use server::ServerTls;

/// What a driver may do when a session asks for TLS.
#[derive(Clone, Default)]
pub enum Security {
    /// There is none; a session that asks for it is closed.
    #[default]
    Off,
    /// We are the server.
    Server(ServerTls),
    /// We are the client.
    Client {
        /// How to treat the peer's certificate.
        tls: ClientTls,
        /// The name that we wanted to reach: sent as SNI, and what a verified certificate must
        /// be for. A host name, or an address in text form.
        name: String,
    },
}

/// How a connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// IANA name of the cipher suite, as the `tls` clause of Received wants it (RFC 8314 §4.3).
    pub cipher: &'static str,
    /// The name that the client asked for (SNI); we are the server.
    pub server_name: Option<String>,
    /// The server's certificate was checked against the trust anchors; we are the client.
    pub verified: bool,
    /// What ties an authentication to this connection; we are the server.
    pub channel: Option<Arc<Channel>>,
    /// Who the client is by its certificate, which was verified; we are the server.
    pub client: Option<Arc<Holder>>,
}

/// Why certificates, keys or trust anchors cannot be used. Only for the operator: it names files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub Text);

impl TlsInfo {
    fn of(state: &CommonState, server_name: Option<&str>, verified: bool) -> Self {
        Self {
            version: match state.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLS",
            },
            cipher: state.negotiated_cipher_suite().map_or("unknown", |suite| iana_name(suite.suite())),
            server_name: server_name.map(str::to_owned),
            verified,
            channel: None,
            client: None,
        }
    }
}

/// rustls names the suites of TLS 1.3 `TLS13_…`; the registry does not.
fn iana_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
