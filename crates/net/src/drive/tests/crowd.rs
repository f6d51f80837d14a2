//! Many at once, and what one costs.

use std::time::Instant;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_and_dripping_peers_do_not_keep_another_waiting() {
    let how = Drive::new(Clock::system()).server_tls(server_tls());
    let mut servers = Vec::new();
    let mut held = Vec::new();
    for _ in 0..350 {
        let (mut peer, server) = serve(how.clone()).await;
        hear(&mut peer, "hello\r\n").await;
        held.push(peer);
        servers.push(server);
    }
    let mut dripping = Vec::new();
    for _ in 0..120 {
        let (mut peer, server) = serve(how.clone()).await;
        servers.push(server);
        dripping.push(tokio::spawn(async move {
            // A byte at a time, much faster than real ones.
            while peer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }));
    }
    let started = Instant::now();
    let (mut peer, server) = serve(how).await;
    say(&mut peer, "TLS\r\n").await;
    hear(&mut peer, "hello\r\ngo\r\n").await;
    let (mut peer, _) = bounded(ClientTls::opportunistic().unwrap().connect("localhost", peer)).await.unwrap();
    say(&mut peer, "ASK served\r\nQUIT\r\n").await;
    assert_eq!(hear_all(&mut peer).await, "SERVED\r\nbye\r\n");
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::Closed);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    for peer in &mut held {
        say(peer, "QUIT\r\n").await;
        hear(peer, "bye\r\n").await;
    }
    dripping.iter().for_each(tokio::task::JoinHandle::abort);
    for server in servers {
        bounded(server).await.unwrap();
    }
}

#[tokio::test]
async fn one_idle_connection_is_small() {
    // What is idle is this, the boxes of session and socket, and a timer. TLS comes on top.
    let (_, how) = stopped();
    let (_near, far) = connection().await;
    let toy = Toy::new(how.clock.now(), false);
    let mut clerk = Clerk::default();
    let task = drive(far, toy, &mut clerk, how);
    assert!(size_of_val(&task) <= 1024, "{} bytes", size_of_val(&task));
    assert!(size_of::<Line<TcpStream>>() <= 512, "{} bytes", size_of::<Line<TcpStream>>());
}

#[tokio::test]
async fn it_keeps_up_with_a_pipelining_peer() {
    const COMMANDS: usize = 50_000;
    let (_, how) = stopped();
    let (peer, server) = serve(how).await;
    let (mut read, mut write) = peer.into_split();
    let started = Instant::now();
    let writer = tokio::spawn(async move {
        for _ in 0..COMMANDS / 100 {
            write.write_all("ASK x\r\n".repeat(100).as_bytes()).await.unwrap();
        }
        write.write_all(b"QUIT\r\n").await.unwrap();
        write
    });
    let heard = hear_all(&mut read).await;
    let took = started.elapsed();
    assert_eq!(heard.len(), "hello\r\n".len() + COMMANDS * "X\r\n".len() + "bye\r\n".len());
    bounded(writer).await.unwrap();
    let (end, _) = bounded(server).await.unwrap();
    assert_eq!(end.bytes_in, (COMMANDS * "ASK x\r\n".len() + "QUIT\r\n".len()) as u64);
    // A debug build on a busy machine does ten times as much.
    assert!(took < Duration::from_secs(10), "{took:?}");
}
