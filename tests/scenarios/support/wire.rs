//! A plain line client, for what real clients are too polite to send.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One connection in clear.
pub struct Wire {
    stream: BufReader<TcpStream>,
}

impl Wire {
    pub fn connect(port: u16) -> Self {
        Self::try_connect(port).unwrap()
    }

    pub fn try_connect(port: u16) -> std::io::Result<Self> {
        Self::over(TcpStream::connect(("127.0.0.1", port))?)
    }

    /// A connection from another address of loopback: each 127.x.y.0/24 is another network to the server.
    pub fn from(source: &str, port: u16) -> std::io::Result<Self> {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.bind(&std::net::SocketAddr::new(source.parse().unwrap(), 0).into())?;
        socket.connect(&std::net::SocketAddr::from(([127, 0, 0, 1], port)).into())?;
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> std::io::Result<Self> {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_write_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// A connection whose greeting and EHLO are done.
    pub fn smtp(port: u16) -> Self {
        let mut wire = Self::connect(port);
        assert!(wire.reply().starts_with("220"));
        assert!(wire.command("EHLO client.outside.example").starts_with("250"));
        wire
    }

    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// One line, without its end; empty when the peer closed.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        let _ = self.stream.read_until(b'\n', &mut line);
        String::from_utf8_lossy(&line).trim_end().to_string()
    }

    /// A whole SMTP reply, its lines joined; empty when the peer closed.
    pub fn reply(&mut self) -> String {
        let mut whole = String::new();
        loop {
            let line = self.line();
            let last = line.len() < 4 || line.as_bytes()[3] != b'-';
            whole.push_str(&line);
            if last {
                return whole;
            }
            whole.push('\n');
        }
    }

    pub fn command(&mut self, line: &str) -> String {
        match self.send(format!("{line}\r\n").as_bytes()) {
            Ok(()) => self.reply(),
            Err(_) => String::new(),
        }
    }

    /// A whole message to one recipient; the reply that ended it.
    pub fn message(&mut self, from: &str, to: &str, text: &str) -> String {
        for line in [format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>"), "DATA".into()] {
            let reply = self.command(&line);
            if !reply.starts_with(['2', '3']) {
                self.command("RSET");
                return reply;
            }
        }
        self.command(&format!("{text}\r\n."))
    }

    /// The same with a text of any octets, whose lines end with CRLF: dots at their starts are doubled here.
    pub fn octets(&mut self, from: &str, to: &str, text: &[u8]) -> String {
        for line in [format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>"), "DATA".into()] {
            let reply = self.command(&line);
            if !reply.starts_with(['2', '3']) {
                return reply;
            }
        }
        let mut stuffed = Vec::with_capacity(text.len() + 100);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        stuffed.extend_from_slice(b".\r\n");
        match self.send(&stuffed) {
            Ok(()) => self.reply(),
            Err(_) => String::new(),
        }
    }

    /// So many octets.
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Whatever comes until the peer closes, at most `limit` bytes.
    pub fn rest(&mut self, limit: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = (&mut self.stream).take(limit).read_to_end(&mut bytes);
        bytes
    }
}
