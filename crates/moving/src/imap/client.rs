//! The client's side of IMAP (RFC 3501), as far as fetching mail needs it. What the server sends is bounded, and believed
//! only as mail.

use std::io;
use std::time::Duration;

use sekisho_net::ClientTls;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::Tls;
use crate::files::MOST_MESSAGE;

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longest line: the UIDs of a large folder come in one.
const LONGEST: u64 = 32 << 20;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open session.
pub(super) struct Client {
    stream: BufReader<Box<dyn Stream>>,
    number: u32,
}

/// A response: its text, with each literal taken out and put after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    /// The line without literals; each leaves `{}`.
    pub(super) text: Vec<u8>,
    /// The literals, in order.
    pub(super) literals: Vec<Vec<u8>>,
}

impl Client {
    /// Connects and waits for the greeting.
    pub(super) async fn open(host: &str, port: u16, tls: Tls, verify: bool) -> io::Result<Self> {
        let plain = within(TcpStream::connect((host, port))).await?;
        let wrap = if verify { ClientTls::verified() } else { ClientTls::opportunistic() };
        let secure = async |stream| {
            let tls = wrap.clone().map_err(|error| io::Error::other(error.to_string()))?;
            within(tls.connect(host, stream)).await.map(|(stream, _)| Box::new(stream) as Box<dyn Stream>)
        };
        match tls {
            Tls::Implicit => Self::greeted(secure(Box::new(plain) as Box<dyn Stream>).await?).await,
            Tls::None => Self::greeted(Box::new(plain)).await,
            Tls::Starttls => {
                let mut client = Self::greeted(Box::new(plain)).await?;
                client.command("STARTTLS").await?;
                // What came with the answer in clear is nobody's (RFC 9051 §6.2.1).
                if !client.stream.buffer().is_empty() {
                    return Err(bad("data before TLS"));
                }
                Ok(Self { stream: BufReader::new(secure(client.stream.into_inner()).await?), number: 0 })
            }
        }
    }

    async fn greeted(stream: Box<dyn Stream>) -> io::Result<Self> {
        let mut client = Self { stream: BufReader::new(stream), number: 0 };
        let greeting = client.response().await?;
        if starts(&greeting.text, "* OK") { Ok(client) } else { Err(refused(&greeting.text)) }
    }

    /// Logs in: AUTHENTICATE PLAIN where it is offered (RFC 4616), else LOGIN.
    pub(super) async fn log_in(&mut self, user: &str, password: &str) -> io::Result<()> {
        use base64::Engine as _;
        let offered = self.command("CAPABILITY").await?;
        let plain = offered.iter().any(|one| contains(&one.text.to_ascii_uppercase(), b"AUTH=PLAIN"));
        if plain {
            let proof = base64::engine::general_purpose::STANDARD.encode(format!("\0{user}\0{password}"));
            self.send("AUTHENTICATE PLAIN").await?;
            let go = self.response().await?;
            if !go.text.starts_with(b"+") {
                return Err(refused(&go.text));
            }
            self.write(&format!("{proof}\r\n")).await?;
            return self.finish().await.map(drop);
        }
        let (Some(user), Some(password)) = (quoted(user), quoted(password)) else {
            return Err(bad("the server offers no way to send a password beyond ASCII"));
        };
        self.command(&format!("LOGIN {user} {password}")).await.map(drop)
    }

    /// Sends a command, and returns the untagged responses when it is done.
    pub(super) async fn command(&mut self, text: &str) -> io::Result<Vec<Response>> {
        self.send(text).await?;
        self.finish().await
    }

    /// Sends a command; its responses are asked for one by one.
    pub(super) async fn send(&mut self, text: &str) -> io::Result<()> {
        self.number += 1;
        let line = format!("a{} {text}\r\n", self.number);
        self.write(&line).await
    }

    /// The next untagged response of the command that is under way; none when it is done.
    pub(super) async fn next(&mut self) -> io::Result<Option<Response>> {
        let response = self.response().await?;
        let tag = format!("a{} ", self.number);
        match response.text.strip_prefix(tag.as_bytes()) {
            None if starts(&response.text, "* BYE") => Err(refused(&response.text)),
            None => Ok(Some(response)),
            Some(end) if starts(end, "OK") => Ok(None),
            Some(_) => Err(refused(&response.text)),
        }
    }

    async fn finish(&mut self) -> io::Result<Vec<Response>> {
        let mut all = Vec::new();
        while let Some(response) = self.next().await? {
            all.push(response);
        }
        Ok(all)
    }

    async fn write(&mut self, text: &str) -> io::Result<()> {
        within(async {
            self.stream.get_mut().write_all(text.as_bytes()).await?;
            self.stream.get_mut().flush().await
        })
        .await
    }

    async fn response(&mut self) -> io::Result<Response> {
        let mut response = Response::default();
        let mut taken = 0;
        loop {
            let mut line = Vec::new();
            within((&mut self.stream).take(LONGEST).read_until(b'\n', &mut line)).await?;
            let Some(text) = line.strip_suffix(b"\n") else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let Some((before, length)) = literal(text) else {
                response.text.extend_from_slice(text);
                return Ok(response);
            };
            taken += length;
            if taken > MOST_MESSAGE || response.text.len() as u64 > LONGEST {
                return Err(bad("a response is too large"));
            }
            response.text.extend_from_slice(before);
            response.text.extend_from_slice(b"{}");
            let mut content = Vec::new();
            within((&mut self.stream).take(length).read_to_end(&mut content)).await?;
            if content.len() as u64 != length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            response.literals.push(content);
        }
    }
}

/// The line before a literal that follows it, and the literal's length.
fn literal(line: &[u8]) -> Option<(&[u8], u64)> {
    let inner = line.strip_suffix(b"}")?;
    let at = inner.iter().rposition(|octet| *octet == b'{')?;
    let digits = std::str::from_utf8(inner.get(at + 1..)?).ok()?.trim_end_matches('+');
    Some((inner.get(..at)?, digits.parse().ok()?))
}

/// A quoted string (RFC 3501 §4.3), which has ASCII only.
pub(super) fn quoted(text: &str) -> Option<String> {
    let plain = text.bytes().all(|octet| (0x20..0x7F).contains(&octet));
    plain.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

fn starts(text: &[u8], word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

fn refused(text: &[u8]) -> io::Error {
    let said: String = String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).take(300).collect();
    io::Error::new(io::ErrorKind::PermissionDenied, said)
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    async fn read(wire: &str) -> io::Result<Response> {
        let (mut far, near) = tokio::io::duplex(1 << 16);
        far.write_all(wire.as_bytes()).await.unwrap();
        drop(far);
        Client { stream: BufReader::new(Box::new(near)), number: 0 }.response().await
    }

    #[tokio::test]
    async fn responses_are_read_with_their_literals() {
        let found = read("* 1 FETCH (BODY[] {5}\r\na\r\nb\n UID 7)\r\n").await.unwrap();
        assert_eq!(found.text, b"* 1 FETCH (BODY[] {} UID 7)");
        assert_eq!(found.literals, [b"a\r\nb\n".to_vec()]);
        assert_eq!(read("* OK {hello}\r\n").await.unwrap().text, b"* OK {hello}");
        assert!(read("* 1 FETCH (BODY[] {5}\r\nab").await.is_err(), "cut");
        assert!(read("* 1 FETCH (BODY[] {999999999999}\r\n").await.is_err(), "too large");
        assert!(read("* OK").await.is_err());
        assert_eq!(quoted("a\"b\\c").as_deref(), Some("\"a\\\"b\\\\c\""));
        assert_eq!((quoted("あ"), quoted("a\r\nb")), (None, None));
    }
}
