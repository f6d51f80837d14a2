//! The commands of SMTP (RFC 5321 §4.1.1) and its extensions.

use sekisho_message::address::{ForwardPath, ReversePath};

use super::{
    params::{self, MailParams, RcptParams},
    path,
    response::Response,
};

/// One command line, parsed.
#[derive(Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `EHLO name`, or `HELO name` when not `extended`.
    Hello {
        /// The client's name as it gave it.
        name: &'a str,
        /// Whether it was EHLO.
        extended: bool,
    },
    /// `MAIL FROM:<…>`.
    Mail(ReversePath, MailParams),
    /// `RCPT TO:<…>`.
    Rcpt(ForwardPath, RcptParams),
    /// `DATA`.
    Data,
    /// `BDAT size [LAST]` (RFC 3030).
    Bdat {
        /// Octets that follow the command.
        size: u64,
        /// Whether this is the last chunk of the message.
        last: bool,
    },
    /// `RSET`.
    Reset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
    /// `HELP`.
    Help,
    /// `VRFY`.
    Verify,
    /// `EXPN`.
    Expand,
    /// `STARTTLS` (RFC 3207).
    StartTls,
    /// `AUTH mechanism [initial]` (RFC 4954).
    Auth {
        /// Name of the mechanism.
        mechanism: &'a str,
        /// The initial response in base64, or `=` for an empty one.
        initial: Option<&'a str>,
    },
    /// A verb of another protocol, as a web browser that was lured here sends it.
    Foreign,
}

/// Parses one line without its CRLF.
///
/// # Errors
/// The refusal to send: 500 for an unknown verb or a line that is not text, 501 for bad arguments.
pub fn parse(line: &[u8]) -> Result<Command<'_>, Response> {
    let text = text_of(line)?.trim_end_matches(' ');
    let (verb, argument) = match text.split_once(' ') {
        Some((verb, argument)) => (verb, argument),
        None => (text, ""),
    };
    let mut buffer = [0_u8; 8];
    match upper(verb, &mut buffer) {
        b"MAIL" => mail(argument),
        b"RCPT" => rcpt(argument),
        b"DATA" => without_argument(argument, Command::Data),
        b"BDAT" => bdat(argument),
        b"EHLO" => hello(argument, true),
        b"HELO" => hello(argument, false),
        b"RSET" => without_argument(argument, Command::Reset),
        b"NOOP" => Ok(Command::Noop),
        b"QUIT" => without_argument(argument, Command::Quit),
        b"HELP" => Ok(Command::Help),
        b"VRFY" => Ok(Command::Verify),
        b"EXPN" => Ok(Command::Expand),
        b"STARTTLS" => without_argument(argument, Command::StartTls),
        b"AUTH" => auth(argument),
        b"GET" | b"POST" | b"PUT" | b"HEAD" | b"CONNECT" | b"OPTIONS" => Ok(Command::Foreign),
        _ => Err(Response::new(500, (5, 5, 1), "Unknown command")),
    }
}

fn text_of(line: &[u8]) -> Result<&str, Response> {
    if line.contains(&b'\r') {
        return Err(Response::new(500, (5, 5, 2), "A bare CR is not allowed"));
    }
    if line.iter().any(u8::is_ascii_control) {
        return Err(Response::new(500, (5, 5, 2), "Control characters are not allowed"));
    }
    std::str::from_utf8(line).map_err(|_| Response::new(500, (5, 5, 2), "The command is not UTF-8"))
}

/// The verb in upper case; empty when it is longer than any that we know.
fn upper<'b>(verb: &str, buffer: &'b mut [u8; 8]) -> &'b [u8] {
    let Some(out) = buffer.get_mut(..verb.len()) else { return b"" };
    out.iter_mut().zip(verb.bytes()).for_each(|(o, b)| *o = b.to_ascii_uppercase());
    out
}

fn mail(argument: &str) -> Result<Command<'_>, Response> {
    let (reverse, rest) = path::reverse(after_keyword(argument, "FROM:", "MAIL FROM:<address>")?)?;
    Ok(Command::Mail(reverse, params::parse_mail(rest)?))
}

fn rcpt(argument: &str) -> Result<Command<'_>, Response> {
    let (forward, rest) = path::forward(after_keyword(argument, "TO:", "RCPT TO:<address>")?)?;
    Ok(Command::Rcpt(forward, params::parse_rcpt(rest)?))
}

fn after_keyword<'a>(argument: &'a str, keyword: &str, form: &str) -> Result<&'a str, Response> {
    argument
        .split_at_checked(keyword.len())
        .filter(|(head, _)| head.eq_ignore_ascii_case(keyword))
        .map(|(_, rest)| rest)
        .ok_or_else(|| Response::new(501, (5, 5, 4), format!("The command is {form}")))
}

fn hello(argument: &str, extended: bool) -> Result<Command<'_>, Response> {
    if argument.is_empty() {
        return Err(Response::new(501, (5, 5, 4), "Your name must follow the command"));
    }
    Ok(Command::Hello { name: argument, extended })
}

fn bdat(argument: &str) -> Result<Command<'_>, Response> {
    let bad = || Response::new(501, (5, 5, 4), "The command is BDAT size [LAST]");
    let mut words = argument.split(' ');
    let size = words.next().and_then(params::number).ok_or_else(bad)?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return Err(bad()),
    };
    if words.next().is_some() { Err(bad()) } else { Ok(Command::Bdat { size, last }) }
}

fn auth(argument: &str) -> Result<Command<'_>, Response> {
    let mut words = argument.split(' ');
    match (words.next(), words.next(), words.next()) {
        (Some(mechanism), initial, None) if !mechanism.is_empty() => Ok(Command::Auth { mechanism, initial }),
        _ => Err(Response::new(501, (5, 5, 4), "The command is AUTH mechanism [initial-response]")),
    }
}

fn without_argument<'a>(argument: &str, command: Command<'a>) -> Result<Command<'a>, Response> {
    if argument.is_empty() { Ok(command) } else { Err(Response::new(501, (5, 5, 4), "The command takes no argument")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn verbs_in_any_case_and_trailing_space() {
        assert_eq!(parse(b"quit "), Ok(Command::Quit));
        assert_eq!(parse(b"ehlo mx.example.jp"), Ok(Command::Hello { name: "mx.example.jp", extended: true }));
        assert_eq!(parse(b"BDAT 5 last"), Ok(Command::Bdat { size: 5, last: true }));
        let plain = Command::Auth { mechanism: "PLAIN", initial: Some("=") };
        assert_eq!(parse(b"AUTH PLAIN ="), Ok(plain));
        assert!(matches!(parse(b"mail from:<a@b.jp> size=1"), Ok(Command::Mail(_, p)) if p.size == Some(1)));
        assert!(matches!(parse(b"RCPT TO:<a@b.jp>"), Ok(Command::Rcpt(..))));
        assert_eq!(parse(b"GET / HTTP/1.1"), Ok(Command::Foreign));
    }

    #[test]
    fn refusals() {
        let code = |line: &[u8]| parse(line).unwrap_err().code;
        for bad in [&b"MAIL FROM <a@b.jp>"[..], b"MAIL", b"MAIL FROM: <a@b.jp>", b"RCPT <a@b.jp>", b"EHLO", b"HELO "] {
            assert_eq!(code(bad), 501, "{bad:?}");
        }
        for bad in
            [&b"DATA now"[..], b"QUIT x", b"BDAT", b"BDAT x", b"BDAT 1 2", b"BDAT 1 LAST x", b"AUTH", b"AUTH A B C"]
        {
            assert_eq!(code(bad), 501, "{bad:?}");
        }
        for bad in
            [&b""[..], b"BLAH", b"NO\0OP", b"RSET\rDATA", b"\xff\xfe", b" QUIT", b"STARTTLSSTARTTLS", b"MAIL\tFROM:<>"]
        {
            assert_eq!(code(bad), 500, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&line);
        }

        #[test]
        fn nothing_panics_near_the_grammar(line in "(MAIL FROM:|RCPT TO:)[<>@\"\\\\a-z0-9.:,\\[\\] =+;]{0,60}") {
            let _ = parse(line.as_bytes());
        }
    }
}
