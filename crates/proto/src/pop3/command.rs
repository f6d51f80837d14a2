//! The commands of POP3 (RFC 1939 §9) and its extensions.

/// One command line, parsed. Message numbers are as the client gives them, from one.
#[derive(Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `USER name`.
    User(&'a str),
    /// `PASS password`: all that follows the space, spaces too.
    Pass(&'a str),
    /// `AUTH mechanism [initial]` (RFC 5034).
    Auth {
        /// Name of the mechanism.
        mechanism: &'a str,
        /// The initial response in base64, or `=` for an empty one.
        initial: Option<&'a str>,
    },
    /// `APOP name digest` (RFC 1939 §7).
    Apop {
        /// The login name.
        user: &'a str,
        /// 32 hexadecimal digits.
        digest: &'a str,
    },
    /// `CAPA` (RFC 2449).
    Capabilities,
    /// `STLS` (RFC 2595).
    StartTls,
    /// `UTF8` (RFC 6856).
    Utf8,
    /// `STAT`.
    Stat,
    /// `LIST [msg]`.
    List(Option<u32>),
    /// `UIDL [msg]`.
    UniqueIds(Option<u32>),
    /// `RETR msg`.
    Retrieve(u32),
    /// `TOP msg n`.
    Top(u32, u32),
    /// `DELE msg`.
    Delete(u32),
    /// `RSET`.
    Reset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
}

/// Parses one line without its CRLF.
///
/// # Errors
/// What to tell the client after `-ERR`.
pub fn parse(line: &[u8]) -> Result<Command<'_>, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "The command is not UTF-8")?;
    if text.bytes().any(|b| b.is_ascii_control()) {
        return Err("Control characters are not allowed");
    }
    let (verb, rest) = match text.split_once(' ') {
        Some((verb, rest)) => (verb, Some(rest)),
        None => (text, None),
    };
    let verb = verb.to_ascii_uppercase();
    if verb == "PASS" {
        return rest.filter(|p| !p.is_empty()).map(Command::Pass).ok_or("The command is PASS password");
    }
    let mut words = rest.unwrap_or("").split(' ').filter(|w| !w.is_empty());
    let (first, second, more) = (words.next(), words.next(), words.next().is_some());
    match (verb.as_str(), first, second) {
        _ if more => Err("Too many arguments"),
        ("USER", Some(name), None) => Ok(Command::User(name)),
        ("USER", ..) => Err("The command is USER name"),
        ("AUTH", Some(mechanism), initial) => Ok(Command::Auth { mechanism, initial }),
        ("AUTH", ..) => Err("The command is AUTH mechanism [initial-response]"),
        ("CAPA", None, None) => Ok(Command::Capabilities),
        ("STLS", None, None) => Ok(Command::StartTls),
        ("UTF8", None, None) => Ok(Command::Utf8),
        ("STAT", None, None) => Ok(Command::Stat),
        ("LIST", None, None) => Ok(Command::List(None)),
        ("LIST", Some(n), None) => Ok(Command::List(Some(number(n)?))),
        ("UIDL", None, None) => Ok(Command::UniqueIds(None)),
        ("UIDL", Some(n), None) => Ok(Command::UniqueIds(Some(number(n)?))),
        ("RETR", Some(n), None) => Ok(Command::Retrieve(number(n)?)),
        ("DELE", Some(n), None) => Ok(Command::Delete(number(n)?)),
        ("TOP", Some(n), Some(lines)) => Ok(Command::Top(number(n)?, number(lines)?)),
        ("RETR" | "DELE", ..) => Err("A message number must follow"),
        ("TOP", ..) => Err("The command is TOP message lines"),
        ("RSET", None, None) => Ok(Command::Reset),
        ("NOOP", None, None) => Ok(Command::Noop),
        ("QUIT", None, None) => Ok(Command::Quit),
        ("CAPA" | "STLS" | "UTF8" | "STAT" | "LIST" | "UIDL" | "RSET" | "NOOP" | "QUIT", ..) => {
            Err("Too many arguments")
        }
        ("APOP", Some(user), Some(digest)) => Ok(Command::Apop { user, digest }),
        ("APOP", ..) => Err("The command is APOP name digest"),
        _ => Err("Unknown command"),
    }
}

fn number(word: &str) -> Result<u32, &'static str> {
    let digits = word.len() <= 10 && word.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| word.parse().ok()).flatten().ok_or("That is not a number")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands() {
        assert_eq!(parse(b"user taro@example.jp"), Ok(Command::User("taro@example.jp")));
        assert_eq!(parse(b"PASS  two words "), Ok(Command::Pass(" two words ")));
        assert_eq!(parse("USER 太郎".as_bytes()), Ok(Command::User("太郎")));
        assert_eq!(parse(b"TOP 1 0"), Ok(Command::Top(1, 0)));
        assert_eq!(parse(b"list"), Ok(Command::List(None)));
        assert_eq!(parse(b"UIDL 4294967295"), Ok(Command::UniqueIds(Some(u32::MAX))));
        let auth = Command::Auth { mechanism: "PLAIN", initial: Some("=") };
        assert_eq!(parse(b"AUTH PLAIN ="), Ok(auth));
    }

    #[test]
    fn refusals() {
        for bad in [
            &b""[..],
            b"PASS",
            b"PASS ",
            b"USER",
            b"USER a b",
            b"RETR",
            b"RETR x",
            b"RETR -1",
            b"RETR 99999999999",
            b"TOP 1",
            b"TOP 1 -1",
            b"STAT 1",
            b"QUIT now",
            b"APOP a",
            b"STAT\t",
            b"US\0ER a",
            b"USER \xff",
            b"AUTH",
            b"AUTH A B C",
            b"GET / HTTP/1.0",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(line in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse(&line);
        }
    }
}
