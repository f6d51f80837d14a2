//! mailbench: one load client for any SMTP / LMTP / IMAP4rev1 / POP3 server on host:port.
//! Standard library only. Every command prints ONE JSON line on stdout.
//! CPU and memory of the server are read from /proc for the process tree under --pid.
mod connections;
mod corpus;
mod disk;
mod grouplog;
mod imap;
mod pop3;
mod smtp;
mod client;
use client::*;

fn main() {
    raise_nofile();
    let argv: Vec<String> = std::env::args().skip(1).collect();
    if argv.is_empty() {
        usage();
    }
    if argv[0] == "run" {
        // become a child subreaper, run the rest, reap all: keeps CPU accounting of daemons that double-fork
        std::process::exit(run_subreaper(&argv[1..]));
    }
    let cmd = argv[0].clone();
    let a = Args::parse(&argv[1..]);
    match cmd.as_str() {
        "smtp" => smtp::bench(&a),
        "sink" => smtp::sink_cmd(&a),
        "imap-load" => imap::load(&a),
        "imap-append" => imap::append(&a),
        "imap-ops" => imap::ops(&a),
        "imap-idle" => imap::idle_latency(&a),
        "login" => connections::login_rate(&a),
        "hold" => connections::hold(&a),
        "pop3" => pop3::bench(&a),
        "disk" => disk::bench(&a),
        "corpus" => corpus::dump(&a),
        "usage" => print_usage_of(&a),
        _ => usage(),
    }
}

fn usage() -> ! {
    eprintln!("mailbench smtp|sink|imap-load|imap-append|imap-ops|imap-idle|login|hold|pop3|disk|corpus|usage --key value ...   (see bench/README.md)\nmailbench run CMD ARGS...   run CMD under a child subreaper");
    std::process::exit(2)
}
