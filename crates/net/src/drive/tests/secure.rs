//! STARTTLS, implicit TLS, and what goes wrong with them.

use super::toy::{Caller, Ear};
use super::*;

async fn both_by_drive(how: Drive, client: Drive, implicit: bool) -> (End, Clerk, End, Ear) {
    let (near, far) = connection().await;
    let (how, client) = if implicit { (how.implicit_tls(), client.implicit_tls()) } else { (how, client) };
    let server = serve_on(far, how);
    let caller = Caller::new(client.clock.now(), implicit);
    let mut ear = Ear::default();
    let client_end = bounded(drive(near, caller, &mut ear, client)).await;
    let (server_end, clerk) = bounded(server).await.unwrap();
    (server_end, clerk, client_end, ear)
}

#[tokio::test]
async fn starttls_between_two_drivers() {
    let (clock, how) = stopped();
    let client = Drive::new(clock).client_tls(ClientTls::opportunistic().unwrap(), "mx.example.jp");
    let (server, clerk, client, ear) = both_by_drive(how.server_tls(server_tls()), client, false).await;
    assert_eq!(ear.heard, ["yes", "bye"]);
    assert_eq!(server.reason, Reason::Closed);
    assert_eq!(client.reason, Reason::PeerClosed);
    let tls = server.tls.unwrap();
    assert_eq!((tls.version, tls.server_name.as_deref()), ("TLSv1.3", Some("mx.example.jp")));
    assert!(tls.cipher.starts_with("TLS_AES_"), "{}", tls.cipher);
    assert_eq!(clerk.tls, Some(tls));
    assert!(!ear.tls.unwrap().verified);
}

#[tokio::test]
async fn implicit_tls_between_two_drivers() {
    let (clock, how) = stopped();
    let client = Drive::new(clock).client_tls(ClientTls::opportunistic().unwrap(), "mx.example.jp");
    let (server, clerk, client, ear) = both_by_drive(how.server_tls(server_tls()), client, true).await;
    assert_eq!(ear.heard, ["yes", "bye"]);
    assert!(server.tls.is_some() && client.tls.is_some() && clerk.tls.is_some());
    // Nothing but TLS was sent, and only what was in it is counted.
    assert_eq!(server.bytes_in, "SECURE\r\nQUIT\r\n".len() as u64);
}

#[tokio::test]
async fn a_name_that_cannot_be_sent_is_no_obstacle_to_encryption() {
    for name in ["192.0.2.1", "2001:db8::1", "under_score.example", "-.-", ""] {
        let (clock, how) = stopped();
        let client = Drive::new(clock).client_tls(ClientTls::opportunistic().unwrap(), name);
        let (server, _, client, _) = both_by_drive(how.server_tls(server_tls()), client, false).await;
        assert!(server.tls.is_some() && client.tls.is_some(), "{name}: {:?}", client.reason);
    }
}

#[tokio::test]
async fn a_verified_peer_must_be_who_it_should_be() {
    let pem = self_signed("mx.example.jp", Clock::system().now()).unwrap();
    let tls = ServerTls::from_pem(pem.certificate.as_bytes(), pem.key.as_bytes()).unwrap();
    let trusting = ClientTls::verified_by(pem.certificate.as_bytes()).unwrap();
    let run = async |client: ClientTls, name: &str| {
        let (clock, how) = stopped();
        both_by_drive(how.server_tls(tls.clone()), Drive::new(clock).client_tls(client, name), false).await
    };
    let (_, _, end, ear) = run(trusting.clone(), "mx.example.jp").await;
    assert!(end.tls.unwrap().verified);
    assert_eq!(ear.heard, ["yes", "bye"]);
    for (client, name) in [(trusting, "other.example.jp"), (ClientTls::verified().unwrap(), "mx.example.jp")] {
        let (server, _, end, ear) = run(client, name).await;
        assert!(matches!(end.reason, Reason::TlsFailed(_)), "{name}: {:?}", end.reason);
        assert!(matches!(server.reason, Reason::TlsFailed(_)), "{:?}", server.reason);
        assert_eq!(ear.heard.len(), 0);
        assert_eq!(end.tls, None);
    }
}

#[tokio::test]
async fn what_came_in_the_clear_with_starttls_is_dropped() {
    let (_, how) = stopped();
    let (mut peer, server) = serve(how.server_tls(server_tls())).await;
    // One packet: the command and what an attacker added to it.
    say(&mut peer, "TLS\r\nECHO injected\r\nASK injected\r\n").await;
    hear(&mut peer, "hello\r\ngo\r\n").await;
    let (mut peer, _) = bounded(ClientTls::opportunistic().unwrap().connect("localhost", peer)).await.unwrap();
    say(&mut peer, "ECHO mine\r\nQUIT\r\n").await;
    assert_eq!(hear_all(&mut peer).await, "mine\r\nbye\r\n");
    let (end, clerk) = bounded(server).await.unwrap();
    assert_eq!(end.reason, Reason::Closed);
    assert_eq!(clerk.asked.len(), 0);
}

#[tokio::test]
async fn clear_text_instead_of_a_handshake_fails() {
    let (_, how) = stopped();
    let (mut peer, server) = serve(how.server_tls(server_tls())).await;
    say(&mut peer, "TLS\r\n").await;
    hear(&mut peer, "hello\r\ngo\r\n").await;
    say(&mut peer, "ASK injected\r\n").await;
    let (end, clerk) = bounded(server).await.unwrap();
    assert!(matches!(end.reason, Reason::TlsFailed(_)), "{:?}", end.reason);
    assert_eq!(clerk.asked.len(), 0);
}

#[tokio::test]
async fn tls_without_a_certificate_and_tls_within_tls_fail() {
    let (_, how) = stopped();
    let (mut peer, server) = serve(how.clone()).await;
    say(&mut peer, "TLS\r\n").await;
    assert!(matches!(bounded(server).await.unwrap().0.reason, Reason::TlsFailed(_)));

    let (peer, server) = serve(how.server_tls(server_tls()).implicit_tls()).await;
    let (mut peer, _) = bounded(ClientTls::opportunistic().unwrap().connect("localhost", peer)).await.unwrap();
    say(&mut peer, "TLS\r\n").await;
    hear(&mut peer, "hello\r\ngo\r\n").await;
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::TlsFailed("TLS within TLS".to_owned()));
}

#[tokio::test]
async fn a_handshake_may_not_take_for_ever() {
    let (clock, how) = stopped();
    let started = clock.now();
    let (_peer, server) = serve(how.server_tls(server_tls()).implicit_tls()).await;
    let (end, _) = turn_until_finished(&clock, Duration::from_secs(1), server).await;
    assert_eq!(end.reason, Reason::TlsFailed("timeout".to_owned()));
    assert!(clock.now().since(started) >= Duration::from_secs(30));
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_a_handshake() {
    let (_, how) = stopped();
    let stop = how.cancel.clone();
    let (_peer, server) = serve(how.server_tls(server_tls()).implicit_tls()).await;
    stop.cancel();
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::Stopped);
}

#[tokio::test]
async fn a_cut_without_a_closing_alert_is_an_end() {
    let (_, how) = stopped();
    let (peer, server) = serve(how.server_tls(server_tls()).implicit_tls()).await;
    let (mut peer, _) = bounded(ClientTls::opportunistic().unwrap().connect("localhost", peer)).await.unwrap();
    hear(&mut peer, "hello\r\n").await;
    say(&mut peer, "ECHO one\r\n").await;
    hear(&mut peer, "one\r\n").await;
    let (mut bare, _) = peer.into_inner();
    bare.shutdown().await.unwrap();
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::PeerClosed);
}
