//! Fetching a small document over HTTPS: keys of an issuer of tokens, for instance.
//!
//! One GET on a connection of its own (RFC 9112), no redirects, no compression, nothing kept. The server proves its name, and what it
//! sends is bounded in size and time.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::clock::Clock;
use crate::http::{Url, connect};
use crate::resolver::Resolver;
use crate::tls::ClientTls;

#[cfg(test)]
mod tests;

/// Most octets of the status line and the fields.
const HEAD_MAX: usize = 16 * 1024;
/// Time for everything.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fetches documents. Clones share the TLS settings.
#[derive(Clone)]
pub struct Https {
    tls: ClientTls,
    resolver: Resolver,
    clock: Clock,
}

/// Why there is no document. Only for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpsError {
    /// The URL is not `https://host[:port]/path`.
    #[error("not an https URL: {0}")]
    Url(String),
    /// The connection, or the name, failed.
    #[error("{0}")]
    Connection(String),
    /// It took too long.
    #[error("timeout")]
    Timeout,
    /// The server answered with this status.
    #[error("status {0}")]
    Status(u16),
    /// The answer is larger than allowed, or not HTTP/1.1.
    #[error("unreadable answer: {0}")]
    Unreadable(&'static str),
}

impl Https {
    /// A client that checks servers by `tls`.
    #[must_use]
    pub const fn new(tls: ClientTls, resolver: Resolver, clock: Clock) -> Self {
        Self { tls, resolver, clock }
    }

    /// The document at `url`, of at most `most` octets.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn get(&self, url: &str, most: usize) -> Result<Vec<u8>, HttpsError> {
        let parsed = Url::parse(url).filter(|parsed| parsed.secure);
        let parsed = parsed.ok_or_else(|| HttpsError::Url(url.chars().take(200).collect()))?;
        let work = Box::pin(self.fetch(&parsed, most));
        self.clock.timeout(PATIENCE, work).await.ok_or(HttpsError::Timeout)?
    }

    async fn fetch(&self, url: &Url, most: usize) -> Result<Vec<u8>, HttpsError> {
        let stream = connect(url, &self.resolver).await.map_err(broken)?;
        let (mut stream, _) = self.tls.connect(&url.host, stream).await.map_err(broken)?;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nUser-Agent: Sekisho\r\nConnection: close\r\n\r\n",
            url.target,
            url.authority()
        );
        stream.write_all(request.as_bytes()).await.map_err(broken)?;
        stream.flush().await.map_err(broken)?;
        let (mut answer, mut piece) = (Vec::new(), vec![0; 16 * 1024]);
        // Chunks cost a few octets each.
        let limit = HEAD_MAX + most + most / 4 + 1024;
        loop {
            if let Some(done) = read(&answer, most, false)? {
                return Ok(done);
            }
            match stream.read(&mut piece).await {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(piece.get(..count).unwrap_or_default()),
                // A close without the alert of TLS: the length says whether anything is missing.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(broken(error)),
            }
            if answer.len() > limit {
                return Err(HttpsError::Unreadable("too large"));
            }
        }
        read(&answer, most, true)?.ok_or(HttpsError::Unreadable("cut off"))
    }
}

fn broken(error: io::Error) -> HttpsError {
    HttpsError::Connection(error.to_string())
}

/// The document of an answer; none while something is missing. `ended`: nothing more will come.
fn read(answer: &[u8], most: usize, ended: bool) -> Result<Option<Vec<u8>>, HttpsError> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if answer.len() > HEAD_MAX { Err(HttpsError::Unreadable("head too large")) } else { Ok(None) };
    };
    let (head, body) = (answer.get(..end).unwrap_or_default(), answer.get(end + 4..).unwrap_or_default());
    let head = std::str::from_utf8(head).map_err(|_| HttpsError::Unreadable("fields"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.get(2..5)?.parse::<u16>().ok());
    match status {
        Some(200) => {}
        Some(other) => return Err(HttpsError::Status(other)),
        None => return Err(HttpsError::Unreadable("status line")),
    }
    let fields: Vec<(&str, &str)> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
    let field = |wanted: &str| fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, v)| *v);
    if field("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return unchunk(body, most);
    }
    match field("Content-Length").map(str::parse::<usize>) {
        Some(Ok(length)) if length > most => Err(HttpsError::Unreadable("too large")),
        Some(Ok(length)) => Ok(body.get(..length).map(<[u8]>::to_vec)),
        Some(Err(_)) => Err(HttpsError::Unreadable("length")),
        None if body.len() > most => Err(HttpsError::Unreadable("too large")),
        None => Ok(ended.then(|| body.to_vec())),
    }
}

/// The chunked coding (RFC 9112 §7.1).
fn unchunk(mut body: &[u8], most: usize) -> Result<Option<Vec<u8>>, HttpsError> {
    let mut whole = Vec::new();
    loop {
        let Some(end) = body.windows(2).position(|two| two == b"\r\n") else {
            return if body.len() > 1024 { Err(HttpsError::Unreadable("chunk")) } else { Ok(None) };
        };
        let line = body.get(..end).and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| HttpsError::Unreadable("chunk"))?;
        if whole.len().saturating_add(size) > most {
            return Err(HttpsError::Unreadable("too large"));
        }
        if size == 0 {
            return Ok(Some(whole));
        }
        let (Some(piece), Some(rest)) = (body.get(end + 2..end + 2 + size), body.get(end + 4 + size..)) else {
            return Ok(None);
        };
        whole.extend_from_slice(piece);
        body = rest;
    }
}
