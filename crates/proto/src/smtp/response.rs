//! A reply of an SMTP server: code, enhanced code and text.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;

/// Longest text in octets that goes on one reply line, so that the whole line stays
/// within 512 octets (RFC 5321 §4.5.3.1.5).
const TEXT_LINE_MAX: usize = 480;

/// An enhanced status code such as `5.7.1` (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Enhanced(pub u8, pub u16, pub u16);

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Enhanced {
    /// Reads an enhanced code from the start of a reply text and returns it with the rest.
    ///
    /// The class must be 2, 4 or 5 and agree with the class of `code` (RFC 2034 §4).
    #[must_use]
    pub fn split(code: u16, text: &str) -> (Option<Self>, &str) {
        let word = text.split(' ').next().unwrap_or("");
        let mut parts = word.split('.').map(|p| {
            let digits = !p.is_empty() && p.len() <= 3 && p.bytes().all(|b| b.is_ascii_digit());
            if digits { p.parse::<u16>().ok() } else { None }
        });
        let (Some(Some(class)), Some(Some(subject)), Some(Some(detail)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return (None, text);
        };
        if !matches!(class, 2 | 4 | 5) || class != code / 100 {
            return (None, text);
        }
        let rest = text.get(word.len()..).unwrap_or("").trim_start_matches(' ');
        (Some(Self(u8::try_from(class).unwrap_or(0), subject, detail)), rest)
    }
}

/// One reply: what goes to the peer, or what the peer said.
///
/// `\n` in the text separates the lines of a multi-line reply. Nothing in a text can
/// break out of its line: control characters are written as `?`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Response {
    /// The three-digit reply code, 200 to 599.
    pub code: u16,
    /// The enhanced status code (RFC 2034), where there is one.
    pub enhanced: Option<Enhanced>,
    /// What a person reads, in English; lines are separated by `\n`.
    pub text: Cow<'static, str>,
}

impl Response {
    /// A reply with an enhanced code, as `Response::new(550, (5, 1, 1), "No such user here")`.
    #[must_use]
    pub fn new(code: u16, enhanced: (u8, u16, u16), text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced: Some(Enhanced(enhanced.0, enhanced.1, enhanced.2)), text: text.into() }
    }

    /// A reply without an enhanced code: greeting, EHLO, 354, 334.
    #[must_use]
    pub fn bare(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced: None, text: text.into() }
    }

    /// Whether the reply is a success (2xx) or asks for more (3xx).
    #[must_use]
    pub fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// Whether a later attempt may succeed (4xx).
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// Whether the refusal is final (5xx).
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }

    /// Appends the reply as it goes over the wire, CRLF included (RFC 5321 §4.2.1).
    ///
    /// Lines longer than a reply line may be are broken, at a space where there is one.
    pub fn write(&self, out: &mut Vec<u8>) {
        let text = self.text.as_ref();
        if text.len() <= TEXT_LINE_MAX && !text.contains('\n') {
            return self.write_line(out, text, true);
        }
        let mut lines = text.split('\n').flat_map(wrap).peekable();
        while let Some(line) = lines.next() {
            self.write_line(out, line, lines.peek().is_none());
        }
    }

    fn write_line(&self, out: &mut Vec<u8>, text: &str, last: bool) {
        let code = self.code.clamp(200, 599);
        let digit = |n: u16| b'0' + u8::try_from(n % 10).unwrap_or(0);
        out.extend_from_slice(&[digit(code / 100), digit(code / 10), digit(code), if last { b' ' } else { b'-' }]);
        if let Some(enhanced) = self.enhanced {
            // Writing to memory cannot fail.
            let _ = write!(out, "{enhanced} ");
        }
        if text.bytes().any(|b| b.is_ascii_control()) {
            out.extend(text.bytes().map(|b| if b.is_ascii_control() { b'?' } else { b }));
        } else {
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

impl fmt::Display for Response {
    /// The reply on one line, as a log or a DSN wants it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        for line in self.text.split('\n') {
            write!(f, " {line}")?;
        }
        Ok(())
    }
}

/// Breaks one text line into pieces that fit a reply line.
fn wrap(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest.take()?;
        if line.len() <= TEXT_LINE_MAX {
            return Some(line);
        }
        let mut limit = TEXT_LINE_MAX;
        while !line.is_char_boundary(limit) {
            limit -= 1;
        }
        let (head, _) = line.split_at(limit);
        let at = head.rfind(' ').filter(|at| *at > 0).unwrap_or(limit);
        let (piece, tail) = line.split_at(at);
        rest = Some(tail.trim_start_matches(' '));
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn wire(response: &Response) -> String {
        let mut out = Vec::new();
        response.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_line_and_many_lines() {
        assert_eq!(wire(&Response::new(250, (2, 1, 0), "Sender ok")), "250 2.1.0 Sender ok\r\n");
        assert_eq!(wire(&Response::bare(250, "mx\nSIZE 5\nHELP")), "250-mx\r\n250-SIZE 5\r\n250 HELP\r\n");
        assert_eq!(wire(&Response::new(550, (5, 7, 1), "a\nb")), "550-5.7.1 a\r\n550 5.7.1 b\r\n");
    }

    #[test]
    fn a_text_cannot_break_out_of_its_line() {
        assert_eq!(wire(&Response::new(550, (5, 7, 1), "no\r\n250 yes")), "550-5.7.1 no?\r\n550 5.7.1 250 yes\r\n");
        assert_eq!(wire(&Response::bare(250, "a\rb\0c")), "250 a?b?c\r\n");
    }

    #[test]
    fn long_lines_are_broken() {
        let long = "word ".repeat(300);
        let text = wire(&Response::new(554, (5, 0, 0), long));
        assert!(text.lines().count() > 2);
        assert!(text.split_inclusive("\r\n").all(|l| l.len() <= 512 && l.starts_with("554")));
        let wide = wire(&Response::bare(250, "あ".repeat(400)));
        assert!(wide.split_inclusive("\r\n").all(|l| l.len() <= 512));
    }

    #[test]
    fn enhanced_codes_are_read() {
        assert_eq!(Enhanced::split(550, "5.1.1 no such user"), (Some(Enhanced(5, 1, 1)), "no such user"));
        assert_eq!(Enhanced::split(550, "2.1.1 odd"), (None, "2.1.1 odd"));
        assert_eq!(Enhanced::split(250, "192.0.2.1 pleased"), (None, "192.0.2.1 pleased"));
        assert_eq!(Enhanced::split(250, "2.0.0"), (Some(Enhanced(2, 0, 0)), ""));
        assert_eq!(Enhanced::split(451, "4.7.1"), (Some(Enhanced(4, 7, 1)), ""));
    }
}
