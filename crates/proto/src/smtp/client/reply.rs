//! Reads the replies of a server, within bounds (RFC 5321 §4.2).

use crate::lines::{Found, Lines};
use crate::smtp::{Enhanced, Response};

/// Longest line that is read. RFC 5321 §4.5.3.1.5 allows 512.
const LINE_MAX: usize = 4096;
/// Largest reply of many lines.
const REPLY_MAX: usize = 64 << 10;

/// The server does not speak SMTP, or says too much.
#[derive(Debug, PartialEq, Eq)]
pub struct Garbled;

/// Gathers lines until a reply is complete.
#[derive(Debug, Default)]
pub struct Reader {
    lines: Lines,
    line: Vec<u8>,
    text: String,
    enhanced: Option<Enhanced>,
    begun: bool,
}

impl Reader {
    /// Takes bytes from the server.
    pub fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// The next complete reply, if there is one.
    ///
    /// # Errors
    /// [`Garbled`] when a line is no reply line, or something is too long.
    pub fn next(&mut self) -> Result<Option<Response>, Garbled> {
        loop {
            let mut line = std::mem::take(&mut self.line);
            let found = self.lines.pop(LINE_MAX, &mut line);
            let complete = match found {
                // A server that ends its lines with LF alone harms nobody but itself.
                Found::Line | Found::BareLf => self.take_line(&line),
                Found::TooLong | Found::Endless => Err(Garbled),
                Found::Nothing => {
                    self.lines.shrink();
                    self.line = line;
                    return Ok(None);
                }
            };
            self.line = line;
            if let Some(response) = complete? {
                return Ok(Some(response));
            }
        }
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<Response>, Garbled> {
        let (code, rest) = line.split_at_checked(3).ok_or(Garbled)?;
        let code = match code {
            [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
                u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
            }
            _ => return Err(Garbled),
        };
        let last = match rest.first() {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return Err(Garbled),
        };
        let text = String::from_utf8_lossy(rest.get(1..).unwrap_or(&[]));
        let (enhanced, text) = Enhanced::split(code, &text);
        if self.begun {
            self.text.push('\n');
        }
        self.begun = true;
        self.text.extend(text.chars().map(|c| if c.is_control() { '?' } else { c }));
        self.enhanced = self.enhanced.or(enhanced);
        if self.text.len() > REPLY_MAX {
            return Err(Garbled);
        }
        if !last {
            return Ok(None);
        }
        self.begun = false;
        let text = std::mem::take(&mut self.text).into();
        Ok(Some(Response { code, enhanced: self.enhanced.take(), text }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Vec<String>, Garbled> {
        let mut reader = Reader::default();
        reader.push(bytes);
        let mut out = Vec::new();
        while let Some(response) = reader.next()? {
            out.push(response.to_string());
        }
        Ok(out)
    }

    #[test]
    fn replies() {
        let got =
            read(b"220 mx\r\n250-mx\r\n250-A\r\n250 B\r\n550-5.1.1 no\r\n550 5.1.1 user\r\n250\r\n354 go\n25").unwrap();
        assert_eq!(got, ["220 mx", "250 mx A B", "550 5.1.1 no user", "250 ", "354 go"]);
    }

    #[test]
    fn what_is_no_reply() {
        for bad in [&b"hello\r\n"[..], b"25\r\n", b"2500 x\r\n", b"199 x\r\n", b"650 x\r\n", b"\r\n", b"250_x\r\n"] {
            assert_eq!(read(bad), Err(Garbled), "{bad:?}");
        }
        assert_eq!(read(&[b"250 ".to_vec(), vec![b'a'; 200_000]].concat()), Err(Garbled));
        assert_eq!(read(&b"250-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(5000)), Err(Garbled));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }
    }
}
