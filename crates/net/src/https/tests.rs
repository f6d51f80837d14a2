#![allow(clippy::unwrap_used, clippy::expect_used)]
use tokio::net::TcpListener;

use super::*;
use crate::tls::{ServerTls, self_signed};

#[test]
fn answers() {
    let of = |text: &str, ended| read(text.as_bytes(), 10, ended);
    let ok = |text: &str| Ok(Some(text.as_bytes().to_vec()));
    assert_eq!(of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false), ok("{}"));
    assert_eq!(of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", true), Ok(None));
    assert_eq!(of("HTTP/1.1 200 OK\r\n\r\n{}", false), Ok(None));
    assert_eq!(of("HTTP/1.0 200 OK\r\n\r\n{}", true), ok("{}"));
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n";
    assert_eq!(of(chunked, false), ok("{}"));
    assert_eq!(of(&chunked[..chunked.len() - 6], true), Ok(None));
    assert_eq!(of("HTTP/1.1 302 Found\r\nLocation: https://x/\r\n\r\n", true), Err(HttpsError::Status(302)));
    for bad in [
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n12345678901",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nB\r\n12345678901\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "SSH-2.0-x\r\n\r\n",
    ] {
        assert!(matches!(of(bad, true), Err(HttpsError::Unreadable(_))), "{bad}");
    }
}

#[tokio::test]
async fn fetches_from_who_proves_its_name_and_from_nobody_else() {
    let clock = Clock::system();
    let pem = self_signed("id.example.jp", clock.now()).unwrap();
    let server = ServerTls::from_pem(pem.certificate.as_bytes(), pem.key.as_bytes()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok((mut stream, _)) = server.accept(stream).await else { continue };
            let mut request = [0; 1024];
            let count = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..count]).into_owned();
            let answer = if request.starts_with("GET /endless ") {
                format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100_000))
            } else {
                assert!(request.contains(&format!("Host: 127.0.0.1:{port}\r\n")), "{request}");
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_owned()
            };
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    let resolver = Resolver::new("127.0.0.1:1").unwrap();
    let trusting = ClientTls::verified_by(pem.certificate.as_bytes()).unwrap();
    let https = Https::new(trusting, resolver.clone(), clock.clone());
    let url = |path: &str| format!("https://127.0.0.1:{port}{path}");
    assert_eq!(https.get(&url("/keys"), 100).await.unwrap(), b"hello");
    assert_eq!(https.get(&url("/keys"), 4).await, Err(HttpsError::Unreadable("too large")));
    assert_eq!(https.get(&url("/endless"), 100).await, Err(HttpsError::Unreadable("too large")));
    let in_the_clear = format!("http://127.0.0.1:{port}/keys");
    assert!(matches!(https.get(&in_the_clear, 100).await, Err(HttpsError::Url(_))));
    let other = self_signed("id.example.jp", clock.now()).unwrap();
    let strange = Https::new(ClientTls::verified_by(other.certificate.as_bytes()).unwrap(), resolver, clock);
    assert!(matches!(strange.get(&url("/keys"), 100).await, Err(HttpsError::Connection(_))));
    serving.abort();
}
