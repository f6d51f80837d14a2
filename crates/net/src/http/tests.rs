#![allow(clippy::unwrap_used, clippy::expect_used)]
use tokio::net::TcpListener;

use super::*;

#[test]
fn addresses_are_taken_apart_and_doubtful_ones_are_not_taken() {
    let url = |text: &str| Url::parse(text).map(|url| (url.secure, url.host, url.port, url.target));
    let is = |secure, host: &str, port, target: &str| Some((secure, host.to_owned(), port, target.to_owned()));
    assert_eq!(url("https://Hooks.example.jp/a/b?c=d"), is(true, "hooks.example.jp", 443, "/a/b?c=d"));
    assert_eq!(url("http://127.0.0.1:8080"), is(false, "127.0.0.1", 8080, "/"));
    assert_eq!(url("http://[::1]:81/x"), is(false, "::1", 81, "/x"));
    assert_eq!(url("https://h.example?x=1"), is(true, "h.example", 443, "/?x=1"));
    for bad in ["ftp://a/", "http://", "http:///x", "http://u:p@h/", "http://h/#f", "http://h/a b", "http://h:0/", "h"]
    {
        assert_eq!(Url::parse(bad), None, "{bad}");
    }
}

/// Posts to a server that says `answer` in pieces of three octets; what it heard, and what came back.
async fn talk(answer: &'static [u8]) -> (String, io::Result<u16>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/hook", listener.local_addr().unwrap())).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4_096];
        let mut n = 0;
        while !heard[..n].ends_with(b"{\"a\":1}") {
            n += stream.read(&mut heard[n..]).await.unwrap();
        }
        for piece in answer.chunks(3) {
            if stream.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        String::from_utf8(heard[..n].to_vec()).unwrap()
    });
    let resolver = Resolver::new("127.0.0.1:1").unwrap();
    let fields = [("Content-Type", "application/json")];
    let patience = Duration::from_secs(10);
    let said = post(&url, &fields, b"{\"a\":1}", &resolver, &Clock::system(), patience).await;
    (server.await.unwrap(), said)
}

#[tokio::test]
async fn a_post_has_its_fields_and_body_and_the_status_comes_back() {
    let (heard, status) = talk(b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n").await;
    assert!(heard.starts_with("POST /hook HTTP/1.1\r\nHost: 127.0.0.1:"), "{heard}");
    assert!(heard.contains("\r\nContent-Length: 7\r\nContent-Type: application/json\r\n\r\n{\"a\":1}"), "{heard}");
    assert_eq!(status.unwrap(), 204);
    let (_, status) = talk(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 503 Busy\r\n\r\n").await;
    assert_eq!(status.unwrap(), 503);
}

#[tokio::test]
async fn a_peer_that_babbles_or_goes_away_is_an_error() {
    for answer in [&b"SSH-2.0-x\r\n"[..], b"HTTP/1.1 abc\r\n", b"HTTP/1.1 20", &[b'x'; 5_000]] {
        assert!(talk(answer).await.1.is_err());
    }
    let url = Url::parse("http://127.0.0.1:1/").unwrap();
    let resolver = Resolver::new("127.0.0.1:1").unwrap();
    let (clock, patience) = (Clock::system(), Duration::from_secs(5));
    assert!(post(&url, &[("X", "a\r\nb")], b"", &resolver, &clock, patience).await.is_err());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let silent = post(&url, &[], b"", &resolver, &clock, Duration::from_millis(50)).await;
    assert_eq!(silent.unwrap_err().kind(), io::ErrorKind::TimedOut);
}
