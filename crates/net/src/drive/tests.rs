#![allow(clippy::unwrap_used, clippy::expect_used)]

mod closing;
mod crowd;
mod pumping;
mod secure;
mod toy;

use std::time::Duration;

use sekisho_message::Time;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use self::toy::{Clerk, Toy};
use super::*;
use crate::tls::self_signed;

/// Two ends of a connection over loopback.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

/// A stopped clock and what a server needs.
fn stopped() -> (Clock, Drive) {
    let clock = Clock::stopped_at(Time::from_seconds(1_000_000));
    (clock.clone(), Drive::new(clock))
}

fn server_tls() -> ServerTls {
    let pem = self_signed("mx.example.jp", Time::from_seconds(1_790_000_000)).unwrap();
    ServerTls::from_pem(pem.certificate.as_bytes(), pem.key.as_bytes()).unwrap()
}

/// Serves one end with a toy; the other end is returned.
async fn serve(how: Drive) -> (TcpStream, tokio::task::JoinHandle<(End, Clerk)>) {
    let (client, server) = connection().await;
    (client, serve_on(server, how))
}

fn serve_on(server: TcpStream, how: Drive) -> tokio::task::JoinHandle<(End, Clerk)> {
    let toy = Toy::new(how.clock.now(), how.implicit_tls);
    tokio::spawn(async move {
        let mut clerk = Clerk::default();
        let end = drive(server, toy, &mut clerk, how).await;
        (end, clerk)
    })
}

async fn say(peer: &mut (impl AsyncWrite + Unpin), text: &str) {
    peer.write_all(text.as_bytes()).await.unwrap();
    peer.flush().await.unwrap();
}

/// Reads exactly as much as `text` has, and compares.
async fn hear(peer: &mut (impl AsyncRead + Unpin), text: &str) {
    let mut heard = vec![0; text.len()];
    bounded(peer.read_exact(&mut heard)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), text);
}

/// Reads up to the end.
async fn hear_all(peer: &mut (impl AsyncRead + Unpin)) -> String {
    let mut heard = Vec::new();
    bounded(peer.read_to_end(&mut heard)).await.unwrap();
    String::from_utf8(heard).unwrap()
}

/// What hangs fails.
async fn bounded<F: Future>(work: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("this must not take so long")
}

/// Turns the clock on until `task` is through, for what happens at an unknown time.
async fn turn_until_finished<R>(clock: &Clock, step: Duration, task: tokio::task::JoinHandle<R>) -> R {
    bounded(async {
        while !task.is_finished() {
            clock.advance(step);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        task.await.unwrap()
    })
    .await
}
