//! Strangers who are slow, many or endless: others are served, memory stays bounded.

use crate::support::wire::Wire;
use crate::support::{Server, Setup};
use std::time::{Duration, Instant};

/// Resident memory of a process in MiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// A whole delivery by somebody honest, and how long it took.
fn honest(server: &Server) -> Duration {
    let begin = Instant::now();
    let mut wire = Wire::smtp(server.ports.smtp);
    let text = "From: friend@outside.example\r\nSubject: hello\r\n\r\nhello";
    let reply = wire.message("friend@outside.example", &server.address("user"), text);
    assert!(reply.starts_with("250"), "{reply}");
    begin.elapsed()
}

#[test]
fn a_byte_a_second_and_held_connections_do_not_delay_others() {
    // Loopback counts only in the total; a stranger's address and network are stopped much earlier.
    let server = Server::start(&Setup { accounts: &["user"], ..Setup::default() });
    honest(&server);
    let before = resident(server.pid());
    let mut slow: Vec<Wire> = (0..120).map(|_| Wire::connect(server.ports.smtp)).collect();
    let held: Vec<Wire> =
        (0..350).map(|i| Wire::connect([server.ports.smtp, server.ports.imap, server.ports.pop3][i % 3])).collect();
    let mut worst = Duration::ZERO;
    for byte in b"EHLO slow.ou" {
        for wire in &mut slow {
            wire.send(&[*byte]).unwrap();
        }
        worst = worst.max(honest(&server));
    }
    assert!(worst < Duration::from_secs(1), "an honest client waited {worst:?}");
    let grown = resident(server.pid()).saturating_sub(before);
    assert!(grown < 60, "470 connections took {grown} MiB");
    drop((slow, held));
}

#[test]
fn an_endless_line_and_ten_thousand_recipients_are_cut_off() {
    let server = Server::start(&Setup { accounts: &["user"], ..Setup::default() });
    honest(&server);
    let before = resident(server.pid());
    let block = vec![b'x'; 1 << 20];
    for port in [server.ports.smtp, server.ports.imap, server.ports.pop3] {
        let mut wire = Wire::connect(port);
        wire.line();
        // 64 MiB without an end of line; the server may hang up on the way.
        let sent = (0..64).take_while(|_| wire.send(&block).is_ok()).count();
        assert!(honest(&server) < Duration::from_secs(1));
        let grown = resident(server.pid()).saturating_sub(before);
        assert!(grown < 40, "port {port}: {sent} MiB of one line took {grown} MiB");
    }
    let mut wire = Wire::smtp(server.ports.smtp);
    wire.command("MAIL FROM:<friend@outside.example>");
    let to = format!("RCPT TO:<{}>", server.address("user"));
    let mut accepted = 0;
    for _ in 0..10_000 {
        let reply = wire.command(&to);
        if reply.is_empty() {
            break;
        }
        accepted += u32::from(reply.starts_with("250"));
    }
    assert!(accepted <= 1_000, "{accepted} recipients in one message");
    assert!(honest(&server) < Duration::from_secs(1));
}

#[test]
fn a_data_line_without_end_is_refused_and_nothing_is_queued() {
    let server = Server::start(&Setup { accounts: &["user"], ..Setup::default() });
    let mut wire = Wire::smtp(server.ports.smtp);
    wire.command("MAIL FROM:<friend@outside.example>");
    wire.command(&format!("RCPT TO:<{}>", server.address("user")));
    assert!(wire.command("DATA").starts_with("354"));
    let block = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        if wire.send(&block).is_err() {
            break;
        }
    }
    let _ = wire.send(b"\r\n.\r\n");
    let reply = wire.reply();
    assert!(reply.is_empty() || reply.starts_with('5'), "{reply}");
    assert_eq!(server.queued(), 0);
}
