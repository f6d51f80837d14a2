//! What a receiver can prove about where a message came from: the results of SPF, DKIM and DMARC, in the words of
//! RFC 8601 §2.7. Finding them out takes a name service; that is done elsewhere.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A message, and how it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// The address of the host that sent it; without one SPF is not asked.
    pub ip: Option<IpAddr>,
    /// The name that it gave in HELO or EHLO; may be empty.
    pub helo: String,
    /// The reverse-path without angle brackets; empty when it is null.
    pub mail_from: String,
    /// Header and body, with CRLF or with LF.
    pub message: Vec<u8>,
}

/// What a domain's SPF record says of an address (RFC 7208 §2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spf {
    /// There is no record.
    None,
    /// The record says nothing about the address.
    Neutral,
    /// The address may send.
    Pass,
    /// It may not.
    Fail,
    /// It probably may not.
    SoftFail,
    /// The name service failed; try again.
    TempError,
    /// The record cannot be understood, or asks too much.
    PermError,
    /// Nobody has asked.
    #[default]
    Unknown,
}

impl Spf {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Neutral => "neutral",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of a DKIM signature, or of DMARC (RFC 8601 §2.7.1, RFC 9989 §4.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proven {
    /// It holds.
    Pass,
    /// It does not: another key, or a message that was changed.
    Fail,
    /// It cannot be judged: it has run out, or is of a kind that counts no more.
    Neutral,
    /// The name service failed; try again.
    TempError,
    /// The signature or the record is broken, or the key is not published.
    PermError,
    /// There is no record.
    None,
    /// Nobody could look: the body is missing, or there is no name service.
    #[default]
    Unverified,
}

impl Proven {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Neutral => "neutral",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
            Self::None => "none",
            Self::Unverified => "unverified",
        }
    }
}

/// One DKIM signature (RFC 6376).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The domain that signed, as an A-label.
    pub domain: String,
    /// Whose key it is: `selector._domainkey.domain`.
    pub selector: String,
    /// Whether it holds.
    pub result: Proven,
    /// Why it does not, in English.
    pub detail: String,
}

/// What the author's domain asks of receivers, and whether the message meets it (RFC 9989).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dmarc {
    /// The author's domain.
    pub domain: String,
    /// Whether the message is proven to be of that domain.
    pub result: Proven,
    /// What the domain asks to do otherwise: `none`, `quarantine`, `reject`; empty without a record.
    pub policy: String,
}

/// All of it for one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// SPF of the envelope sender's domain, or of the HELO name when the reverse-path is null.
    pub spf: Spf,
    /// The domain that SPF was asked about.
    pub spf_domain: String,
    /// DKIM signatures, as they stand in the header.
    pub signatures: Vec<Signature>,
    /// DMARC of the From domain; none without a From.
    pub dmarc: Option<Dmarc>,
}

/// Whether a text is an SPF record (RFC 7208 §4.5).
#[must_use]
pub fn is_spf(text: &str) -> bool {
    text.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("v=spf1"))
        && matches!(text.as_bytes().get(6), None | Some(b' '))
}

/// A mechanism or modifier of an SPF record (RFC 7208 §4.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpfTerm<'a> {
    /// `+`, `-`, `~` or `?` before a mechanism; `+` when none is written.
    pub qualifier: char,
    /// `include`, `ip4`, `redirect`, ….
    pub name: &'a str,
    /// What follows `:` or `=`; may be empty.
    pub target: &'a str,
    /// Whether it is a modifier, with `=`.
    pub modifier: bool,
}

impl SpfTerm<'_> {
    /// Whether it is of the name, in whatever case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether it may be there: a mechanism that exists; of modifiers those that nobody knows are passed over (§6).
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.modifier || ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"].iter().any(|name| self.is(name))
    }

    /// Whether it is one of those that ask the name service, of which a record may have ten (§4.6.4).
    #[must_use]
    pub fn asks(&self) -> bool {
        let mechanism = ["include", "a", "mx", "ptr", "exists"].iter().any(|name| self.is(name));
        if self.modifier { self.is("redirect") } else { mechanism }
    }
}

/// The terms of an SPF record, in order.
pub fn spf_terms(record: &str) -> impl Iterator<Item = SpfTerm<'_>> {
    record.split_ascii_whitespace().skip(1).map(|term| {
        let (qualifier, rest) = match term.chars().next() {
            Some(sign @ ('+' | '-' | '~' | '?')) => (sign, term.get(1..).unwrap_or_default()),
            _ => ('+', term),
        };
        let end = rest.find([':', '=', '/']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let target = rest.strip_prefix([':', '=']).unwrap_or_default();
        SpfTerm { qualifier, name, target, modifier: rest.starts_with('=') }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_told_apart() {
        let record = "v=spf1 a/24 MX:example.jp//64 ~include:_spf.example redirect=x.example bogus exp=e.example -all";
        let all: Vec<_> = spf_terms(record).map(|one| (one.qualifier, one.name, one.target, one.modifier)).collect();
        let expected = [
            ('+', "a", "", false),
            ('+', "MX", "example.jp//64", false),
            ('~', "include", "_spf.example", false),
            ('+', "redirect", "x.example", true),
            ('+', "bogus", "", false),
            ('+', "exp", "e.example", true),
            ('-', "all", "", false),
        ];
        assert_eq!(all, expected);
        assert_eq!(spf_terms(record).filter(SpfTerm::asks).count(), 4);
        assert_eq!(spf_terms(record).filter(|one| !one.is_known()).map(|one| one.name).collect::<Vec<_>>(), ["bogus"]);
        assert!(is_spf("V=SPF1") && is_spf("v=spf1 -all") && !is_spf("v=spf10 -all") && !is_spf("v=spf1\u{3000}"));
        assert_eq!(spf_terms("v=spf1 \u{3042} + -").count(), 3);
    }
}
