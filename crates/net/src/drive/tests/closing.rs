//! All the ways in which a connection ends.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn a_peer_that_closed_its_side_still_gets_its_replies() {
    let (_, how) = stopped();
    let (mut peer, server) = serve(how).await;
    say(&mut peer, "ECHO one\r\nASK two\r\n").await;
    peer.shutdown().await.unwrap();
    assert_eq!(hear_all(&mut peer).await, "hello\r\none\r\nTWO\r\n");
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::PeerClosed);
}

#[tokio::test]
async fn a_reset_is_told_apart() {
    let (_, how) = stopped();
    let (mut peer, server) = serve(how).await;
    hear(&mut peer, "hello\r\n").await;
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    assert!(matches!(bounded(server).await.unwrap().0.reason, Reason::Broken(_)));
}

#[tokio::test]
async fn last_words_survive_a_flood() {
    for _ in 0..20 {
        let (_, how) = stopped();
        let (mut peer, server) = serve(how).await;
        hear(&mut peer, "hello\r\n").await;
        let (mut read, mut write) = peer.split();
        let flood = async {
            // Until the server has had enough.
            while write.write_all(&[b'x'; 8192]).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        let mut heard = vec![0; "too long\r\n".len()];
        tokio::select! {
            biased;
            read = bounded(read.read_exact(&mut heard)) => { read.unwrap(); }
            () = flood => panic!("cut off before the last words"),
        }
        assert_eq!(heard, b"too long\r\n");
        drop(peer);
        assert_eq!(bounded(server).await.unwrap().0.reason, Reason::Closed);
    }
}

#[tokio::test]
async fn a_flood_after_the_end_is_cut() {
    let (_, how) = stopped();
    let (mut peer, server) = serve(how).await;
    let started = Instant::now();
    let mut sent = 0_u64;
    while let Ok(()) = bounded(peer.write_all(&[b'x'; 65_536])).await {
        sent += 65_536;
        assert!(sent < 64 << 20, "nobody cuts this");
    }
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::Closed);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_dropped() {
    let (clock, how) = stopped();
    let patience = how.patience.write;
    let started = clock.now();
    let (mut peer, server) = serve(how).await;
    say(&mut peer, "BIG 100000000\r\n").await;
    hear(&mut peer, "hello\r\nxxx").await;
    let (end, _) = turn_until_finished(&clock, Duration::from_secs(600), server).await;
    assert_eq!(end.reason, Reason::PeerStuck);
    assert!(clock.now().since(started) >= patience);
    assert!(end.bytes_out < 100_000_000);
}

#[tokio::test]
async fn a_peer_that_reads_a_byte_now_and_then_is_dropped_too() {
    let (clock, how) = stopped();
    let (mut peer, server) = serve(how).await;
    say(&mut peer, "BIG 20000000\r\n").await;
    let mut read = 0;
    let mut byte = [0; 1];
    let started = clock.now();
    while !server.is_finished() {
        read += bounded(peer.read(&mut byte)).await.unwrap_or(0);
        clock.advance(Duration::from_secs(30));
        tokio::task::yield_now().await;
        // 120 s and a second for each KiB of 20 MB.
        assert!(clock.now().since(started) < Duration::from_secs(40_000), "read {read}");
    }
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::PeerStuck);
}

#[tokio::test]
async fn when_the_server_stops_an_idle_peer_is_told() {
    let (_, how) = stopped();
    let stop = how.cancel.clone();
    let (mut peer, server) = serve(how).await;
    hear(&mut peer, "hello\r\n").await;
    stop.cancel();
    assert_eq!(hear_all(&mut peer).await, "going down\r\n");
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::Stopped);
}

#[tokio::test]
async fn when_the_server_stops_what_is_in_flight_is_finished() {
    let (_, how) = stopped();
    let stop = how.cancel.clone();
    let (mut peer, server) = serve(how).await;
    say(&mut peer, "FINISH\r\n").await;
    hear(&mut peer, "hello\r\ngo on\r\n").await;
    stop.cancel();
    say(&mut peer, "ECHO body\r\n").await;
    hear(&mut peer, "body\r\n").await;
    say(&mut peer, "DONE\r\n").await;
    assert_eq!(hear_all(&mut peer).await, "done\r\nbye\r\n");
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::Stopped);
}

#[tokio::test]
async fn but_not_waited_for_without_end() {
    let (clock, how) = stopped();
    let stop = how.cancel.clone();
    let goodbye = how.patience.goodbye;
    let (mut peer, server) = serve(how).await;
    say(&mut peer, "FINISH\r\n").await;
    hear(&mut peer, "hello\r\ngo on\r\n").await;
    stop.cancel();
    say(&mut peer, "ECHO body\r\n").await;
    hear(&mut peer, "body\r\n").await;
    let started = clock.now();
    let (end, _) = turn_until_finished(&clock, Duration::from_secs(1), server).await;
    assert_eq!(end.reason, Reason::Stopped);
    let took = clock.now().since(started);
    assert!(took >= goodbye - Duration::from_secs(1) && took < Duration::from_secs(59), "{took:?}");
    assert_eq!(hear_all(&mut peer).await, "too late\r\n");
}

#[tokio::test]
async fn a_panic_ends_one_connection_only() {
    let (_, how) = stopped();
    let (mut one, server_one) = serve(how.clone()).await;
    let (mut two, server_two) = serve(how).await;
    say(&mut one, "ASK panic\r\n").await;
    hear(&mut one, "hello\r\n").await;
    assert!(bounded(server_one).await.unwrap_err().is_panic());
    assert_eq!(hear_all(&mut one).await, "");
    say(&mut two, "ECHO alive\r\nQUIT\r\n").await;
    assert_eq!(hear_all(&mut two).await, "hello\r\nalive\r\nbye\r\n");
    assert_eq!(bounded(server_two).await.unwrap().0.reason, Reason::Closed);
}
