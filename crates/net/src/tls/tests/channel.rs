//! What ties an authentication to a connection, and certificates of clients.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::version::TLS12;
use rustls::{ClientConfig, RootCertStore};
use sekisho_testkit::{Authority, TempDir};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::TlsConnector;

use super::*;

type Shown = Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>;

fn issued(authority: &Authority) -> Shown {
    let made = authority.issue("taro@example.jp").unwrap();
    let certificate = CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap();
    Some((certificate, PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap()))
}

/// Shakes hands; what the server knows, and what the client exports.
async fn shake(server: &ServerTls, pem: &Pem, shown: Shown, only12: bool) -> std::io::Result<(TlsInfo, [u8; 32])> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.certificate.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider());
    let builder =
        if only12 { builder.with_protocol_versions(&[&TLS12]) } else { builder.with_safe_default_protocol_versions() };
    let builder = builder.unwrap().with_root_certificates(roots);
    let config = match shown {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    let (near, far) = duplex(64 * 1024);
    let connector = TlsConnector::from(Arc::new(config));
    let served = async {
        let (mut stream, info) = server.accept(far).await?;
        stream.write_all(b"hi").await?;
        stream.flush().await?;
        Ok::<_, std::io::Error>(info)
    };
    let (served, asked) = tokio::join!(served, async {
        let mut stream = connector.connect(ServerName::try_from("mx.example.jp").unwrap(), near).await?;
        let mut hi = [0; 2];
        stream.read_exact(&mut hi).await?;
        stream
            .get_ref()
            .1
            .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
            .map_err(std::io::Error::other)
    });
    Ok((served?, asked?))
}

#[tokio::test]
async fn both_ends_see_the_same_channel() {
    let pem = self_signed("mx.example.jp", Clock::system().now()).unwrap();
    let server = server(&pem);
    let der = CertificateDer::from_pem_slice(pem.certificate.as_bytes()).unwrap();
    let (info, exported) = shake(&server, &pem, None, false).await.unwrap();
    let channel = info.channel.unwrap();
    assert_eq!(channel.data("tls-exporter"), Some(&exported[..]));
    assert_eq!(channel.data("tls-server-end-point"), Some(digest(&SHA256, &der).as_ref()));
    assert!(!channel.certificate && info.client.is_none());
    let (other, _) = shake(&server, &pem, None, false).await.unwrap();
    assert_ne!(other.channel.unwrap().exporter, channel.exporter, "each connection has its own");
    let (old, _) = shake(&server, &pem, None, true).await.unwrap();
    assert_eq!((old.version, old.channel.unwrap().exporter), ("TLSv1.2", None));
}

#[tokio::test]
async fn clients_may_show_a_certificate_of_the_authority_where_they_are_asked() {
    let dir = TempDir::new("tls").unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let pem = self_signed("mx.example.jp", Clock::system().now()).unwrap();
    std::fs::write(&certificate, &pem.certificate).unwrap();
    std::fs::write(&key, &pem.key).unwrap();
    let (ours, strange) = (Authority::new().unwrap(), Authority::new().unwrap());
    let plain = ServerTls::with_clients(&certificate, &key, Some(ours.certificate().as_bytes())).unwrap();
    let asking = plain.asking();
    let (info, _) = shake(&asking, &pem, issued(&ours), false).await.unwrap();
    assert_eq!(info.client.unwrap().addresses, ["taro@example.jp"]);
    assert!(info.channel.unwrap().certificate);
    let (info, _) = shake(&asking, &pem, None, false).await.unwrap();
    assert!(info.client.is_none() && !info.channel.unwrap().certificate, "nobody must have one");
    assert!(shake(&asking, &pem, issued(&strange), false).await.is_err());
    let (info, _) = shake(&plain, &pem, issued(&ours), false).await.unwrap();
    assert!(info.client.is_none(), "where nobody asks, nobody shows");
    assert!(ServerTls::with_clients(&certificate, &key, Some(b"no certificate")).is_err());
}
