//! What the signed mark in our Received field costs a message: reading its three fields, and three short keyed hashes.
//!
//! `cargo run --release -p sekisho-control --example mark_cost -- [ROUNDS]`

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use sekisho_control::trace::Bound;
use sekisho_control::{Control, Options};
use sekisho_message::Time;
use sekisho_store::{Settings, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let rounds: u32 = std::env::args().nth(1).map_or(200_000, |n| n.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("mark-cost-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let store = Store::open(&Settings {
        url: format!("sqlite:{}", folder.join("store.db").display()),
        blobs: folder.join("blobs"),
        node: "one".into(),
    })
    .unwrap();
    let control = Control::new(store, Arc::new(|| Time::from_seconds(1)), Options::default()).await.unwrap();
    let header = format!(
        "{}From: Taro Yamada <taro@example.jp>\r\nTo: hanako@example.jp\r\nSubject: =?UTF-8?B?44OG44K544OI?=\r\n\
         Date: Mon, 05 Jan 2026 09:00:00 +0900\r\nMessage-ID: <20260105090000.4711@pc.example.jp>\r\n\r\n",
        "Received: from a.example (a.example [192.0.2.1]) by b.example with ESMTPS id 1; Mon, 05 Jan 2026 09:00:00 +0900\r\n"
            .repeat(6)
    );
    let begun = Instant::now();
    for round in 0..rounds {
        let bound = Bound::of(black_box(header.as_bytes()));
        let at = Time::from_seconds(i64::from(round));
        black_box(control.marks().make("B0000000123", "account:taro@example.jp", at, &bound));
    }
    let each = begun.elapsed().as_nanos() / u128::from(rounds.max(1));
    println!("{each} ns a mark ({} octets of header)", header.len());
    std::fs::remove_dir_all(folder).unwrap();
}
