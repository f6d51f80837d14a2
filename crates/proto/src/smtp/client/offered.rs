//! What a server offers in its answer to EHLO (RFC 5321 §4.1.1.1).

use crate::sasl::Mechanism;
use crate::smtp::Response;

/// The extensions that matter to us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Whether the session is protected by TLS; not said by the server but known here.
    pub secured: bool,
    /// Whether the server speaks ESMTP at all.
    pub extended: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// SIZE (RFC 1870): the largest message; `Some(0)` when no bound is stated.
    pub size: Option<u64>,
    /// 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// The mechanisms of AUTH (RFC 4954) that we speak.
    pub auth: Vec<Mechanism>,
}

impl Offered {
    /// Reads the answer to EHLO. The first line is a greeting.
    #[must_use]
    pub fn parse(response: &Response, secured: bool) -> Self {
        let mut offered = Self { secured, extended: true, ..Self::default() };
        for line in response.text.split('\n').skip(1) {
            // `AUTH=LOGIN` is an old form of `AUTH LOGIN`.
            let mut words = line.split([' ', '=']).filter(|w| !w.is_empty());
            let keyword = words.next().unwrap_or("").to_ascii_uppercase();
            match keyword.as_str() {
                "PIPELINING" => offered.pipelining = true,
                "SIZE" => offered.size = Some(words.next().and_then(|w| w.parse().ok()).unwrap_or(0)),
                "8BITMIME" => offered.eight_bit = true,
                "SMTPUTF8" => offered.smtputf8 = true,
                "DSN" => offered.dsn = true,
                "STARTTLS" => offered.starttls = true,
                "AUTH" => offered.auth.extend(words.filter_map(Mechanism::parse)),
                _ => {}
            }
        }
        offered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_recognised() {
        let text = "mx.example.jp hello\nPIPELINING\nsize 1000\n8BITMIME\nSTARTTLS\nAUTH=LOGIN\nAUTH PLAIN X-NEW\nDSN";
        let offered = Offered::parse(&Response::bare(250, text), true);
        assert!(offered.pipelining && offered.eight_bit && offered.starttls && offered.dsn && offered.secured);
        assert_eq!(offered.size, Some(1000));
        assert_eq!(offered.auth, [Mechanism::Login, Mechanism::Plain]);
        assert!(!offered.smtputf8);
        assert_eq!(Offered::parse(&Response::bare(250, "x\nSIZE"), false).size, Some(0));
    }
}
