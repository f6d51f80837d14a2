#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;

/// A client of the simplest kind.
struct Client<S: Read + Write>(BufReader<S>);

impl Client<TcpStream> {
    fn connect(peer: &ScriptedPeer) -> Self {
        let stream = TcpStream::connect(peer.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        Self(BufReader::new(stream))
    }

    /// Connected and greeted.
    fn open(peer: &ScriptedPeer) -> Self {
        let mut client = Self::connect(peer);
        assert_eq!(client.reply(), "220 peer.example ESMTP");
        client.ask("EHLO client.example");
        client
    }

    fn secure(self, peer: &ScriptedPeer) -> Client<StreamOwned<ClientConnection, TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(peer.certificate().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("peer.example").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        Client(BufReader::new(StreamOwned::new(connection, self.0.into_inner())))
    }
}

impl<S: Read + Write> Client<S> {
    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// A whole reply, its lines joined by `|`; empty at the end of the connection.
    fn reply(&mut self) -> String {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no reply, and no end either"),
                Ok(0) | Err(_) => return lines.join("|"),
                Ok(_) => {}
            }
            let more = line.as_bytes().get(3) == Some(&b'-');
            lines.push(line.trim_end().to_owned());
            if !more {
                return lines.join("|");
            }
        }
    }

    fn ask(&mut self, command: &str) -> String {
        self.say(&format!("{command}\r\n"));
        self.reply()
    }

    fn send(&mut self, from: &str, to: &[&str], content: &str) -> String {
        self.ask(&format!("MAIL FROM:<{from}>"));
        for to in to {
            self.ask(&format!("RCPT TO:<{to}>"));
        }
        let go_on = self.ask("DATA");
        if !go_on.starts_with("354") {
            return go_on;
        }
        self.say(content);
        self.ask(".")
    }
}

fn start(script: Script) -> ScriptedPeer {
    ScriptedPeer::start(script).unwrap()
}

#[test]
fn a_good_peer_takes_and_keeps_messages() {
    let peer = start(Script::new());
    let mut client = Client::open(&peer);
    assert_eq!(client.ask("MAIL FROM:<a@example.jp> SIZE=10 BODY=8BITMIME"), "250 2.1.0 Ok");
    assert_eq!(client.ask("RCPT TO:<b@example.net>"), "250 2.1.5 Ok");
    assert_eq!(client.ask("DATA"), "354 Go on");
    client.say("Subject: x\r\n\r\n..stuffed\r\n");
    assert_eq!(client.ask("."), "250 2.0.0 Taken");
    assert_eq!(client.send("", &["c@example.net", "d@example.net"], "two\r\n"), "250 2.0.0 Taken");
    let messages = peer.wait_for(2, Duration::from_secs(5));
    let first = &messages[0];
    assert_eq!((first.helo.as_str(), first.reverse_path.as_str()), ("client.example", "a@example.jp"));
    assert_eq!(first.mail_parameters, "SIZE=10 BODY=8BITMIME");
    assert_eq!(first.data, b"Subject: x\r\n\r\n.stuffed\r\n");
    assert_eq!((first.tls, &first.auth), (false, &None));
    assert_eq!(messages[1].recipients, ["c@example.net", "d@example.net"]);
    assert_eq!(client.ask("QUIT"), "221 2.0.0 Bye");
    assert_eq!(client.reply(), "");
    assert_eq!((peer.connections(), peer.most_open()), (1, 1));
    assert_eq!(peer.commands()[0], "EHLO client.example");
}

#[test]
fn chunks_and_pipelines_are_understood() {
    let peer = start(Script::new());
    let mut client = Client::open(&peer);
    client.say("MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.net>\r\nBDAT 3\r\none");
    client.say("BDAT 5 LAST\r\ntwo\r\nQUIT\r\n");
    let replies: Vec<String> = (0..5).map(|_| client.reply()).collect();
    assert_eq!(replies, ["250 2.1.0 Ok", "250 2.1.5 Ok", "250 2.0.0 Ok", "250 2.0.0 Taken", "221 2.0.0 Bye"]);
    assert_eq!(peer.messages()[0].data, b"onetwo\r\n");
}

#[test]
fn tls_and_auth_are_written_down() {
    let peer = start(Script::new());
    let mut client = Client::open(&peer);
    assert!(client.ask("EHLO client.example").contains("250 STARTTLS"));
    assert_eq!(client.ask("STARTTLS"), "220 2.0.0 Go ahead");
    let mut client = client.secure(&peer);
    assert!(!client.ask("EHLO client.example").contains("STARTTLS"));
    assert_eq!(client.ask("AUTH LOGIN"), "334");
    assert_eq!(client.ask("dXNlcg=="), "334");
    assert_eq!(client.ask("cGFzcw=="), "235 2.7.0 Welcome");
    assert_eq!(client.ask("AUTH PLAIN AHVzZXIAcGFzcw=="), "235 2.7.0 Welcome");
    client.send("a@example.jp", &["b@example.net"], "x\r\n");
    let message = &peer.messages()[0];
    assert!(message.tls);
    assert_eq!(message.auth.as_deref(), Some("AUTH PLAIN AHVzZXIAcGFzcw=="));
}

#[test]
fn implicit_tls_comes_first() {
    let peer = start(Script::new().implicit_tls());
    let mut client = Client::connect(&peer).secure(&peer);
    assert_eq!(client.reply(), "220 peer.example ESMTP");
    client.ask("EHLO client.example");
    assert_eq!(client.send("a@example.jp", &["b@example.net"], "x\r\n"), "250 2.0.0 Taken");
    assert!(peer.messages()[0].tls);
}

#[test]
fn rules_apply_by_command_argument_and_count() {
    let script = Script::new()
        .on_with("RCPT", "nobody@", Act::reply(550, "5.1.1 No such user"))
        .first(1, "EOD", Act::reply(452, "4.3.1 Full\nand more"))
        .on("NOOP", Act::Raw(b"999 odd\r\n".to_vec()));
    let peer = start(script);
    let mut client = Client::open(&peer);
    client.ask("MAIL FROM:<a@example.jp>");
    assert_eq!(client.ask("RCPT TO:<nobody@example.net>"), "550 5.1.1 No such user");
    assert_eq!(client.ask("DATA"), "554 5.5.1 No valid recipients");
    assert_eq!(client.send("a@example.jp", &["b@example.net"], "x\r\n"), "452-4.3.1 Full|452 and more");
    assert_eq!(peer.count(), 0);
    assert_eq!(client.send("a@example.jp", &["b@example.net"], "x\r\n"), "250 2.0.0 Taken");
    assert_eq!(client.ask("NOOP"), "999 odd");
    peer.change(Script::new().on("MAIL", Act::reply(421, "4.7.0 Not now")));
    assert_eq!(client.ask("MAIL FROM:<a@example.jp>"), "421 4.7.0 Not now");
}

#[test]
fn greylisting_counts_each_recipient() {
    let peer = start(Script::new().greylist(2));
    let mut client = Client::open(&peer);
    client.ask("MAIL FROM:<a@example.jp>");
    for _ in 0..2 {
        assert!(client.ask("RCPT TO:<b@example.net>").starts_with("451"));
    }
    assert!(client.ask("RCPT TO:<b@example.net>").starts_with("250"));
    assert!(client.ask("RCPT TO:<c@example.net>").starts_with("451"));
}

#[test]
fn old_and_poor_peers() {
    let peer = start(Script::new().without_esmtp());
    let mut client = Client::connect(&peer);
    client.reply();
    assert!(client.ask("EHLO client.example").starts_with("500"));
    assert_eq!(client.ask("HELO client.example"), "250 peer.example");
    let peer = start(Script::new().extensions(&["SIZE 10"]).starttls(StartTls::Missing));
    let mut client = Client::open(&peer);
    assert_eq!(client.ask("EHLO client.example"), "250-peer.example|250 SIZE 10");
    assert!(client.ask("STARTTLS").starts_with("454"));
}

#[test]
fn broken_starttls_in_all_its_forms() {
    for (how, expected) in [
        (StartTls::Refused, "454 4.7.0 TLS not available"),
        (StartTls::Rubbish, "220 2.0.0 Go ahead"),
        (StartTls::Drops, "220 2.0.0 Go ahead"),
        (StartTls::Injects, "220 2.0.0 Go ahead"),
    ] {
        let peer = start(Script::new().starttls(how));
        let mut client = Client::open(&peer);
        assert!(client.ask("EHLO client.example").contains("STARTTLS"), "{how:?}");
        assert_eq!(client.ask("STARTTLS"), expected, "{how:?}");
        match how {
            StartTls::Rubbish => assert_eq!(client.reply(), "This is not TLS, and never will be."),
            StartTls::Drops => assert_eq!(client.reply(), ""),
            StartTls::Injects => assert_eq!(client.reply(), "250-injected|250 AUTH PLAIN"),
            _ => {}
        }
    }
}

#[test]
fn drops_stalls_floods_and_delays() {
    let peer = start(Script::new().on("MAIL", Act::Drop));
    assert_eq!(Client::open(&peer).ask("MAIL FROM:<a@example.jp>"), "");

    peer.change(Script::new().on("MAIL", Act::Flood(1_000_000)));
    let mut client = Client::open(&peer);
    assert!(client.ask("MAIL FROM:<a@example.jp>").len() > 900_000);

    peer.change(Script::new().on("EOD", Act::Delay(Duration::from_millis(100))));
    let started = Instant::now();
    assert_eq!(Client::open(&peer).send("a@example.jp", &["b@example.net"], "x\r\n"), "250 2.0.0 Taken");
    assert!(started.elapsed() >= Duration::from_millis(100));

    peer.change(Script::new().on("EOD", Act::LastWords));
    let mut client = Client::open(&peer);
    assert_eq!(client.send("a@example.jp", &["b@example.net"], "x\r\n"), "250 2.0.0 Taken");
    assert_eq!(client.reply(), "");
    assert_eq!(peer.count(), 2);

    peer.change(Script::new().on("CONNECT", Act::Stall));
    let mut client = Client::connect(&peer);
    client.0.get_ref().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut byte = [0; 1];
    assert_eq!(client.0.read(&mut byte).unwrap_err().kind(), ErrorKind::WouldBlock);
    peer.cut();
    assert_eq!(client.0.read(&mut byte).unwrap(), 0);
}

#[test]
fn the_content_can_be_cut_or_get_stuck() {
    let peer = start(Script::new().on("CONTENT", Act::DropAfter(10_000)));
    let lines = "0123456789\r\n".repeat(20_000);
    let mut client = Client::open(&peer);
    client.ask("MAIL FROM:<a@example.jp>");
    client.ask("RCPT TO:<b@example.net>");
    assert_eq!(client.ask("DATA"), "354 Go on");
    let _ = client.0.get_mut().write_all(lines.as_bytes());
    assert_eq!(client.reply(), "");

    peer.change(Script::new().on("CONTENT", Act::StallAfter(10_000)));
    let mut client = Client::open(&peer);
    client.ask("MAIL FROM:<a@example.jp>");
    client.ask("RCPT TO:<b@example.net>");
    assert_eq!(client.ask("DATA"), "354 Go on");
    let error = (0..1000).find_map(|_| client.0.get_mut().write_all(lines.as_bytes()).err());
    assert_eq!(error.expect("somebody reads all this").kind(), ErrorKind::WouldBlock);
    assert_eq!(peer.count(), 0);
}

#[test]
fn connections_at_a_time_are_counted() {
    let peer = start(Script::new());
    let clients: Vec<_> = (0..5).map(|_| Client::open(&peer)).collect();
    assert_eq!((peer.open(), peer.most_open()), (5, 5));
    assert_eq!(lock(&peer.shared.sockets).len(), 5);
    drop(clients);
    let until = Instant::now() + Duration::from_secs(5);
    while peer.open() > 0 {
        assert!(Instant::now() < until);
        thread::yield_now();
    }
    assert_eq!((peer.connections(), peer.most_open()), (5, 5));
    assert_eq!(lock(&peer.shared.sockets).len(), 0);
    let address = peer.address();
    drop(peer);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn several_peers_share_a_port() {
    let one = start(Script::new());
    let two = ScriptedPeer::start_on(Ipv4Addr::new(127, 0, 0, 2), one.address().port(), Script::new()).unwrap();
    assert_eq!(one.address().port(), two.address().port());
    Client::open(&two).send("a@example.jp", &["b@example.net"], "x\r\n");
    assert_eq!((one.count(), two.count()), (0, 1));
}
