//! A server without free descriptors pauses, and goes on when there are some.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::env;
use std::fs::File;
use std::process::Command;
use std::time::Duration;

use sekisho_net::listen::{Admission, Limits, Listener, Sessions, accept, bind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CHILD: &str = "SEKISHO_TEST_WITHOUT_DESCRIPTORS";

/// The limit is one of the whole process, so this test runs itself again in a process of its own.
#[test]
fn accepting_pauses_without_descriptors_and_goes_on() {
    if env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(pause_and_go_on());
    }
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 64 && exec \"$0\" --exact accepting_pauses_without_descriptors_and_goes_on --nocapture",
        ])
        .arg(env::current_exe().unwrap())
        .env(CHILD, "1")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && words.contains("1 passed"),
        "{words}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn pause_and_go_on() {
    let listener = Listener::adopt("smtp", bind("127.0.0.1:0").unwrap()).unwrap();
    let address = listener.local();
    let greet = |mut stream: TcpStream, _| async move {
        stream.write_all(b"220 hello\r\n").await.unwrap();
    };
    let accepting =
        tokio::spawn(accept(listener, Admission::new(Limits::default()), Sessions::new(), |_, _| b"", greet));
    // All descriptors but one, and that one is for our end.
    let mut taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(taken.len() > 10);
    taken.pop();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut byte = [0; 1];
    let early = tokio::time::timeout(Duration::from_millis(500), stream.read(&mut byte)).await;
    assert!(early.is_err(), "nobody can have accepted this: {early:?}");
    assert!(!accepting.is_finished());
    drop(taken);
    let mut greeting = String::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut greeting)).await.unwrap().unwrap();
    assert_eq!(greeting, "220 hello\r\n");
}
