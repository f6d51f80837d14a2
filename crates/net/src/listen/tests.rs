#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::future::pending;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const REFUSED: &[u8] = b"421 4.7.0 Too many connections\r\n";

/// Answers one byte with another.
async fn echo(mut stream: TcpStream, info: ConnectionInfo) {
    let mut byte = [0; 1];
    while stream.read_exact(&mut byte).await.is_ok() {
        if byte[0] == b'!' {
            panic!("as the test asked for");
        }
        let line = format!("{}{}", byte[0] as char, info.listener);
        if stream.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn start(limits: Limits) -> (SocketAddr, Admission, Sessions) {
    let listener = Listener::adopt("smtp", bind("127.0.0.1:0").unwrap()).unwrap();
    let address = listener.local();
    let (admission, sessions) = (Admission::new(limits), Sessions::new());
    tokio::spawn(accept(listener, admission.clone(), sessions.clone(), |_, _| REFUSED, echo));
    (address, admission, sessions)
}

async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"x").await.unwrap();
    let mut answer = [0; 5];
    bounded(stream.read_exact(&mut answer)).await.unwrap();
    String::from_utf8(answer.to_vec()).unwrap()
}

async fn bounded<F: Future>(work: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("this must not take so long")
}

/// Looks again until it is so.
async fn until(so: impl Fn() -> bool) {
    bounded(async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn connections_carry_who_and_where() {
    let listener = Listener::adopt("imaps", bind("127.0.0.1:0").unwrap()).unwrap();
    let address = listener.local();
    assert_ne!(address.port(), 0);
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = std::sync::Mutex::new(Some(tell));
    let serve = move |_, info: ConnectionInfo| {
        let tell = tell.lock().unwrap().take().unwrap();
        async move { tell.send(info).unwrap() }
    };
    tokio::spawn(accept(listener, Admission::new(Limits::default()), Sessions::new(), |_, _| b"", serve));
    let client = TcpStream::connect(address).await.unwrap();
    let info = bounded(told).await.unwrap();
    assert_eq!(info.peer, client.local_addr().unwrap());
    assert_eq!((info.local, &*info.listener), (address, "imaps"));
}

#[tokio::test]
async fn an_ipv4_peer_is_ipv4_and_both_families_stand_side_by_side() {
    let Ok(v6) = bind("[::1]:0") else { panic!("this machine has no IPv6 loopback") };
    let port = v6.local_addr().unwrap().port();
    let v4 = bind(&format!("127.0.0.1:{port}")).unwrap();
    assert_eq!(v4.local_addr().unwrap().port(), port);
    assert_eq!(canonical("[::ffff:192.0.2.1]:25".parse().unwrap()), "192.0.2.1:25".parse().unwrap());
}

#[tokio::test]
async fn too_many_are_told_and_places_come_back() {
    let (address, admission, sessions) = start(Limits { total: 2, ..Limits::default() });
    let mut one = TcpStream::connect(address).await.unwrap();
    let mut two = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut one).await, "xsmtp");
    assert_eq!(ask(&mut two).await, "xsmtp");
    let mut three = TcpStream::connect(address).await.unwrap();
    let mut told = Vec::new();
    bounded(three.read_to_end(&mut told)).await.unwrap();
    assert_eq!(told, REFUSED);
    drop(one);
    until(|| admission.total() == 1).await;
    let mut four = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut four).await, "xsmtp");
    assert_eq!(sessions.len(), 2);
}

#[tokio::test]
async fn a_panic_gives_its_place_back_and_the_next_is_served() {
    let (address, admission, sessions) = start(Limits { total: 1, ..Limits::default() });
    let mut one = TcpStream::connect(address).await.unwrap();
    one.write_all(b"!").await.unwrap();
    assert_eq!(bounded(one.read(&mut [0; 1])).await.unwrap(), 0);
    until(|| admission.total() == 0 && sessions.is_empty()).await;
    let mut two = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut two).await, "xsmtp");
}

#[tokio::test]
async fn stopping_waits_for_those_who_finish_and_accepts_no_more() {
    let (address, _, sessions) = start(Limits::default());
    let mut one = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut one).await, "xsmtp");
    let stopping = sessions.clone();
    let stop = tokio::spawn(async move { stopping.stop(Duration::from_secs(60)).await });
    bounded(sessions.stopping().cancelled()).await;
    assert_eq!(ask(&mut one).await, "xsmtp", "what is in flight goes on");
    // The listener goes with its task.
    until(|| std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err()).await;
    assert!(!stop.is_finished());
    drop(one);
    assert_eq!(bounded(stop).await.unwrap(), 0);
}

#[tokio::test]
async fn stopping_cuts_off_those_who_do_not() {
    let (address, admission, sessions) = start(Limits::default());
    let mut one = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut one).await, "xsmtp");
    sessions.spawn(pending());
    let started = Instant::now();
    assert_eq!(bounded(sessions.stop(Duration::from_millis(50))).await, 2);
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert_eq!(bounded(one.read(&mut [0; 1])).await.unwrap(), 0);
    assert_eq!((sessions.len(), admission.total()), (0, 0));
}

#[tokio::test]
async fn exhaustion_is_a_pause_and_not_an_end() {
    for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM] {
        assert!(is_exhaustion(&io::Error::from_raw_os_error(errno as i32)), "{errno}");
    }
    for errno in [Errno::ECONNABORTED, Errno::EPROTO, Errno::EINTR] {
        assert!(!is_exhaustion(&io::Error::from_raw_os_error(errno as i32)), "{errno}");
    }
}

#[tokio::test]
async fn addresses_that_cannot_be_listened_on_are_explained() {
    for text in ["", "25", "localhost:25", "192.0.2.1", "127.0.0.1:70000", "::1:25"] {
        let error = bind(text).unwrap_err();
        assert!(error.0.en.contains("address:port") && error.0.ja.contains("ポート"), "{text}: {error}");
    }
    let taken = bind("127.0.0.1:0").unwrap();
    let error = bind(&taken.local_addr().unwrap().to_string()).unwrap_err();
    assert!(error.0.en.contains("Another program uses it"), "{error}");
    let error = bind("192.0.2.77:0").unwrap_err();
    assert!(error.0.en.starts_with("cannot listen on 192.0.2.77:0"), "{error}");
}

#[tokio::test]
async fn connecting_takes_no_longer_than_allowed() {
    let (address, ..) = start(Limits::default());
    let mut stream = connect(address, Some("127.0.0.1".parse().unwrap()), Duration::from_secs(5)).await.unwrap();
    assert!(stream.nodelay().unwrap());
    assert_eq!(ask(&mut stream).await, "xsmtp");
    let nobody = bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = connect(nobody, None, Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    // A socket whose backlog is full does not answer.
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.bind(&SockAddr::from("127.0.0.1:0".parse::<SocketAddr>().unwrap())).unwrap();
    full.listen(0).unwrap();
    let full = full.local_addr().unwrap().as_socket().unwrap();
    let mut held = Vec::new();
    let error = loop {
        match connect(full, None, Duration::from_millis(200)).await {
            Ok(stream) => held.push(stream),
            Err(error) => break error,
        }
        assert!(held.len() < 10);
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn the_file_limit_becomes_the_hard_one() {
    let hard = raise_file_limit().unwrap();
    assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
}
