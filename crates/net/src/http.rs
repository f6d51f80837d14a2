//! A small HTTP/1.1 client (RFC 9112): one request, one connection, and of the answer its status alone.
//!
//! It is for telling a few services that the operator names. Redirections are not followed, and nothing of the body is kept.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::resolver::Resolver;
use crate::{ClientTls, Clock};

/// Longest status line that is read, in octets.
const STATUS_LINE: usize = 1_024;
/// Longest address that is taken.
const LONGEST: usize = 2_048;

/// An `http` or `https` address (RFC 3986 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whether TLS comes first.
    pub secure: bool,
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path and query, beginning with a slash.
    pub target: String,
}

impl Url {
    /// Reads an address. User names, fragments and control characters are not taken.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST || !text.bytes().all(|b| b.is_ascii_graphic()) || text.contains('#') {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return None;
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, port.strip_prefix(':').unwrap_or(port))
            }
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        let port = match port {
            "" if secure => 443,
            "" => 80,
            port => port.parse().ok().filter(|port| *port != 0)?,
        };
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || !host.bytes().all(known) {
            return None;
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Some(Self { secure, host: host.to_ascii_lowercase(), port, target: format!("{slash}{path}") })
    }

    /// As the Host field has it (RFC 9110 §7.2).
    fn authority(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

/// Posts `body` with more header `fields` (names and values of the caller's own) and answers with the status code.
/// Takes at most `patience`.
///
/// # Errors
/// When nobody can be reached, the certificate is not right, the peer says something else than HTTP, or it takes too long.
pub async fn post(
    url: &Url,
    fields: &[(&str, &str)],
    body: &[u8],
    resolver: &Resolver,
    clock: &Clock,
    patience: Duration,
) -> io::Result<u16> {
    let work = async {
        let stream = connect(url, resolver).await?;
        if url.secure {
            let tls = ClientTls::verified().map_err(|error| io::Error::other(error.0.en))?;
            let (stream, _) = tls.connect(&url.host, stream).await?;
            exchange(stream, url, fields, body).await
        } else {
            exchange(stream, url, fields, body).await
        }
    };
    clock.timeout(patience, work).await.unwrap_or_else(|| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

async fn connect(url: &Url, resolver: &Resolver) -> io::Result<TcpStream> {
    let addresses = match url.host.parse::<IpAddr>() {
        Ok(ip) => vec![ip],
        Err(_) if url.host == "localhost" => vec![IpAddr::from([127, 0, 0, 1])],
        Err(_) => resolver.addresses(&url.host).await.map_err(|error| io::Error::other(error.to_string()))?,
    };
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for ip in addresses {
        match TcpStream::connect(SocketAddr::new(ip, url.port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    url: &Url,
    fields: &[(&str, &str)],
    body: &[u8],
) -> io::Result<u16> {
    let mut head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
        url.target,
        url.authority(),
        body.len()
    );
    for (name, value) in fields {
        if value.bytes().any(|b| b.is_ascii_control()) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.flush().await?;
    let status = status(&mut stream).await?;
    // Goodbye is a courtesy.
    let _ = stream.shutdown().await;
    Ok(status)
}

/// Reads the first line of the answer; of it the code (RFC 9112 §4).
async fn status(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<u16> {
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
    let mut read = Vec::with_capacity(128);
    let mut piece = [0_u8; 128];
    loop {
        if let Some(end) = read.iter().position(|b| *b == b'\n') {
            let line = std::str::from_utf8(read.get(..end).unwrap_or_default()).map_err(|_| strange())?;
            let code = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).ok_or_else(strange)?;
            let code: u16 = code.parse().map_err(|_| strange())?;
            if code >= 200 {
                return Ok(code);
            }
            // An interim answer and its fields; the real one follows (RFC 9110 §15.2).
            match read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(over) => {
                    read.drain(..over + 4);
                    continue;
                }
                None if read.len() > STATUS_LINE => return Err(strange()),
                None => {}
            }
        } else if read.len() > STATUS_LINE {
            return Err(strange());
        }
        match stream.read(&mut piece).await? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            n => read.extend_from_slice(piece.get(..n).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests;
