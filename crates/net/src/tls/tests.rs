#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sekisho_message::Time;
use sekisho_testkit::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

mod channel;
use crate::clock::Clock;

const NOW: Time = Time::from_seconds(1_790_000_000);

fn server(pem: &Pem) -> ServerTls {
    ServerTls::from_pem(pem.certificate.as_bytes(), pem.key.as_bytes()).unwrap()
}

/// Shakes hands, sends a word each way, and gives what both sides know.
async fn shake(server: &ServerTls, client: &ClientTls, name: &str) -> std::io::Result<(TlsInfo, TlsInfo, Vec<u8>)> {
    let (near, far) = duplex(64 * 1024);
    let (served, asked) = tokio::join!(server.accept(far), client.connect(name, near));
    let ((mut far, server_info), (mut near, client_info)) = (served?, asked?);
    near.write_all(b"word").await?;
    near.flush().await?;
    let mut word = [0; 4];
    far.read_exact(&mut word).await?;
    assert_eq!(&word, b"word");
    let shown = near.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    Ok((server_info, client_info, shown))
}

#[tokio::test]
async fn a_certificate_of_our_own_is_good_for_all_its_names() {
    let pem = self_signed("mx.example.jp", Clock::system().now()).unwrap();
    let client = ClientTls::verified_by(pem.certificate.as_bytes()).unwrap();
    for name in ["mx.example.jp", "MX.example.JP", "mx.example.jp.", "localhost", "127.0.0.1", "::1"] {
        let (server_info, client_info, _) = shake(&server(&pem), &client, name).await.unwrap();
        assert!(client_info.verified, "{name}");
        assert_eq!((client_info.version, client_info.cipher), (server_info.version, server_info.cipher));
    }
    assert!(shake(&server(&pem), &client, "mx.example.com").await.is_err());
    assert!(shake(&server(&pem), &ClientTls::opportunistic().unwrap(), "mx.example.com").await.is_ok());
}

#[tokio::test]
async fn the_name_that_was_asked_for_is_known() {
    let pem = self_signed("mx.example.jp", NOW).unwrap();
    let (server_info, client_info, _) =
        shake(&server(&pem), &ClientTls::opportunistic().unwrap(), "mx.example.jp").await.unwrap();
    assert_eq!(server_info.server_name.as_deref(), Some("mx.example.jp"));
    assert_eq!(server_info.version, "TLSv1.3");
    assert!(!client_info.verified);
    let (server_info, ..) = shake(&server(&pem), &ClientTls::opportunistic().unwrap(), "192.0.2.1").await.unwrap();
    assert_eq!(server_info.server_name, None);
}

#[test]
fn suites_have_their_registered_names() {
    for suite in provider().cipher_suites.iter().map(|suite| suite.suite()) {
        let name = iana_name(suite);
        assert!(name.starts_with("TLS_"), "{name}");
    }
}

#[test]
fn the_first_start_makes_a_pair_and_the_second_keeps_it() {
    let dir = TempDir::new("tls").unwrap();
    let (certificate, key) = (dir.join("tls/cert.pem"), dir.join("tls/key.pem"));
    assert!(ensure(&certificate, &key, "mx.example.jp", NOW).unwrap());
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let first = fs::read(&certificate).unwrap();
    assert!(!ensure(&certificate, &key, "mx.example.jp", NOW).unwrap());
    assert_eq!(fs::read(&certificate).unwrap(), first);
    load(&certificate, &key).unwrap();
    let names: Vec<_> = fs::read_dir(dir.join("tls")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn half_a_pair_is_not_completed_by_guessing() {
    let dir = TempDir::new("tls").unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    ensure(&certificate, &key, "mx.example.jp", NOW).unwrap();
    fs::remove_file(&key).unwrap();
    let error = ensure(&certificate, &key, "mx.example.jp", NOW).unwrap_err();
    assert!(error.0.en.contains("key.pem does not"), "{error}");
    assert!(!key.exists());
}

#[test]
fn a_crash_while_writing_leaves_no_obstacle() {
    let dir = TempDir::new("tls").unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    fs::write(dir.join("key.pem.new"), "half a k").unwrap();
    assert!(ensure(&certificate, &key, "mx.example.jp", NOW).unwrap());
    load(&certificate, &key).unwrap();
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_cannot_be_used_is_explained() {
    let dir = TempDir::new("tls").unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    assert!(load(&certificate, &key).unwrap_err().0.en.starts_with("cannot read"));
    ensure(&certificate, &key, "mx.example.jp", NOW).unwrap();
    let other = self_signed("mx.example.jp", NOW).unwrap();
    for (c, k) in [
        (String::new(), other.key.clone()),
        (other.certificate.clone(), String::new()),
        (other.certificate.clone(), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned()),
        (fs::read_to_string(&certificate).unwrap(), other.key.clone()),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(), other.key.clone()),
    ] {
        fs::write(&certificate, &c).unwrap();
        fs::write(&key, &k).unwrap();
        let error = load(&certificate, &key).unwrap_err();
        assert!(error.0.en.contains("cannot use the certificate") && !error.0.en.contains(&other.key), "{error}");
        fs::write(&certificate, &other.certificate).unwrap();
    }
    assert!(self_signed("not a host name\u{7f}\0", NOW).is_err() || self_signed("名前", NOW).is_err());
}

#[tokio::test]
async fn a_new_certificate_is_taken_while_running_and_a_bad_one_is_not() {
    let dir = TempDir::new("tls").unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    ensure(&certificate, &key, "mx.example.jp", NOW).unwrap();
    let tls = ServerTls::from_files(&certificate, &key).unwrap();
    let client = ClientTls::opportunistic().unwrap();
    let clone = tls.clone();
    let shown = async || shake(&clone, &client, "mx.example.jp").await.unwrap().2;
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
    let first = der(&fs::read_to_string(&certificate).unwrap());
    assert_eq!(shown().await, first);
    assert!(!tls.reload().unwrap(), "nothing changed");

    let new = self_signed("mx.example.jp", NOW).unwrap();
    fs::write(&certificate, &new.certificate).unwrap();
    assert!(tls.reload().is_err(), "half of the pair");
    assert_eq!(shown().await, first);
    fs::write(&key, &new.key).unwrap();
    assert!(tls.reload().unwrap());
    assert_eq!(shown().await, der(&new.certificate));
    assert!(!tls.reload().unwrap());

    fs::remove_file(&certificate).unwrap();
    assert!(tls.reload().is_err());
    assert_eq!(shown().await, der(&new.certificate));
}

#[tokio::test]
async fn watching_tells_news_once() {
    let dir = TempDir::new("tls").unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    ensure(&certificate, &key, "mx.example.jp", NOW).unwrap();
    let tls = ServerTls::from_files(&certificate, &key).unwrap();
    let clock = Clock::stopped_at(NOW);
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let watching = tokio::spawn({
        let (tls, clock) = (tls.clone(), clock.clone());
        async move { tls.watch(clock, move |outcome| tell.send(outcome.is_ok()).unwrap()).await }
    });
    let minute = async || {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        clock.advance(std::time::Duration::from_secs(60));
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    };
    minute().await;
    assert!(told.try_recv().is_err());
    let new = self_signed("mx.example.jp", NOW).unwrap();
    fs::write(&certificate, &new.certificate).unwrap();
    minute().await;
    minute().await;
    assert_eq!(told.try_recv(), Ok(false));
    assert!(told.try_recv().is_err(), "the same failure is told once");
    fs::write(&key, &new.key).unwrap();
    minute().await;
    assert_eq!(told.try_recv(), Ok(true));
    watching.abort();
}

#[test]
fn this_system_has_trust_anchors() {
    assert!(ClientTls::verified().is_ok());
    assert!(ClientTls::verified_by(b"nothing").unwrap_err().0.en.contains("no certificate"));
}
