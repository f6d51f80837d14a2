//! Commands, replies, news and deadlines.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;

use tokio::io::ReadBuf;
use tokio::sync::{mpsc, oneshot};

use super::*;

#[tokio::test]
async fn commands_are_answered_in_order_and_counted() {
    let (_, how) = stopped();
    let (mut peer, server) = serve(how).await;
    hear(&mut peer, "hello\r\n").await;
    say(&mut peer, "ECHO one\r\nASK two\r\nECHO three\r\nQUIT\r\n").await;
    assert_eq!(hear_all(&mut peer).await, "one\r\nTWO\r\nthree\r\nbye\r\n");
    let (end, clerk) = bounded(server).await.unwrap();
    assert_eq!(end.reason, Reason::Closed);
    assert_eq!((end.bytes_in, end.bytes_out), (37, 29));
    assert_eq!(end.tls, None);
    assert_eq!(clerk.asked, ["two"]);
}

#[tokio::test]
async fn a_command_in_pieces_is_one_command() {
    let (_, how) = stopped();
    let (mut peer, server) = serve(how).await;
    for piece in ["EC", "HO o", "ne\r", "\nQU", "IT\r\n"] {
        say(&mut peer, piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(hear_all(&mut peer).await, "hello\r\none\r\nbye\r\n");
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::Closed);
}

/// Counts the calls that would be system calls.
struct Counting<T>(T, Arc<AtomicUsize>);

impl<T: AsyncRead + Unpin> AsyncRead for Counting<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counting<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn replies_of_one_batch_are_one_write() {
    let (_, how) = stopped();
    let (mut peer, server) = tokio::io::duplex(100_000);
    let writes = Arc::new(AtomicUsize::new(0));
    let stream = Counting(server, Arc::clone(&writes));
    let toy = Toy::new(how.clock.now(), false);
    let task = tokio::spawn(async move { drive(stream, toy, &mut Clerk::default(), how).await });
    hear(&mut peer, "hello\r\n").await;
    let before = writes.load(Ordering::Relaxed);
    say(&mut peer, &"ASK a\r\nECHO b\r\n".repeat(50)).await;
    hear(&mut peer, &"A\r\nb\r\n".repeat(50)).await;
    assert_eq!(writes.load(Ordering::Relaxed) - before, 1);
    say(&mut peer, "QUIT\r\n").await;
    assert_eq!(hear_all(&mut peer).await, "bye\r\n");
    assert_eq!(bounded(task).await.unwrap().reason, Reason::Closed);
}

#[tokio::test]
async fn large_replies_arrive_whole() {
    let (_, how) = stopped();
    let (mut peer, server) = serve(how).await;
    say(&mut peer, "BIG 3000000\r\nBIG 5\r\nBIG 70000\r\nECHO end\r\nQUIT\r\n").await;
    let heard = hear_all(&mut peer).await;
    assert_eq!(heard.len(), "hello\r\n".len() + 3_070_005 + "end\r\nbye\r\n".len());
    assert!(heard.ends_with("xend\r\nbye\r\n"));
    assert_eq!(bounded(server).await.unwrap().0.bytes_out, heard.len() as u64);
}

#[tokio::test]
async fn replies_do_not_wait_for_a_slow_agent() {
    let (_, how) = stopped();
    let (mut peer, server) = connection().await;
    let (answer, later) = oneshot::channel();
    let toy = Toy::new(how.clock.now(), false);
    let task = tokio::spawn(async move {
        let mut clerk = Clerk { later: Some(later), ..Clerk::default() };
        drive(server, toy, &mut clerk, how).await
    });
    say(&mut peer, "ECHO early\r\nASK later\r\nECHO after\r\n").await;
    hear(&mut peer, "hello\r\nearly\r\n").await;
    answer.send("at last".to_owned()).unwrap();
    hear(&mut peer, "at last\r\nafter\r\n").await;
    say(&mut peer, "QUIT\r\n").await;
    assert_eq!(bounded(task).await.unwrap().reason, Reason::Closed);
}

#[tokio::test]
async fn news_reach_an_idle_peer_and_do_not_disturb_a_busy_one() {
    let (_, how) = stopped();
    let (mut peer, server) = connection().await;
    let (tell, news) = mpsc::channel(10);
    let toy = Toy::new(how.clock.now(), false);
    let task = tokio::spawn(async move {
        let mut clerk = Clerk { news: Some(news), ..Clerk::default() };
        drive(server, toy, &mut clerk, how).await
    });
    hear(&mut peer, "hello\r\n").await;
    tell.send("* 1 EXISTS".to_owned()).await.unwrap();
    hear(&mut peer, "* 1 EXISTS\r\n").await;
    for n in 0..100 {
        say(&mut peer, &format!("ECHO {n}\r\n")).await;
        hear(&mut peer, &format!("{n}\r\n")).await;
    }
    tell.send("* 2 EXISTS".to_owned()).await.unwrap();
    hear(&mut peer, "* 2 EXISTS\r\n").await;
    drop(tell);
    say(&mut peer, "QUIT\r\n").await;
    assert_eq!(bounded(task).await.unwrap().reason, Reason::Closed);
}

#[tokio::test]
async fn a_silent_peer_is_told_and_closed_at_the_deadline() {
    let (clock, how) = stopped();
    let (mut peer, server) = serve(how).await;
    hear(&mut peer, "hello\r\n").await;
    clock.advance(Duration::from_secs(59));
    say(&mut peer, "ECHO still here\r\n").await;
    hear(&mut peer, "still here\r\n").await;
    // The command moved the deadline; the timer that was set first must not count.
    clock.advance(Duration::from_secs(59));
    say(&mut peer, "LATE\r\n").await;
    hear(&mut peer, "hurry\r\n").await;
    // And now it came nearer.
    clock.advance(Duration::from_secs(5));
    assert_eq!(hear_all(&mut peer).await, "too late\r\n");
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::Timeout);
}

#[tokio::test]
async fn sending_without_pause_does_not_outrun_the_deadline() {
    let (clock, how) = stopped();
    let (mut peer, server) = serve(how).await;
    hear(&mut peer, "hello\r\n").await;
    say(&mut peer, "never a whole line").await;
    clock.advance(Duration::from_secs(60));
    // Never ready to be told, always something to read.
    say(&mut peer, " and on").await;
    assert_eq!(hear_all(&mut peer).await, "too late\r\n");
    assert_eq!(bounded(server).await.unwrap().0.reason, Reason::Timeout);
}
