//! Reading trace fields.

use std::net::IpAddr;

use super::Received;
use crate::date;
use crate::header::lex::{Lexer, Token};
use crate::header::{Headers, unfold};

/// Longest clause that is kept, in octets.
const MAX_CLAUSE: usize = 512;

/// Number of Received fields in a message's header: the loop guard (RFC 5321 §6.3).
#[must_use]
pub fn count_received(message: &[u8]) -> usize {
    Headers::of(message).all("Received").count()
}

/// Reads the value of a Received field, folded or not.
///
/// Takes what the world writes: clauses in any order, missing dates, comments anywhere, qmail's
/// `(qmail 123 invoked from network)`. What is not there is `None`.
#[must_use]
pub fn parse_received(value: &[u8]) -> Received {
    let value = unfold(value);
    let (clauses, date) = split_date(&value);
    let mut received =
        Received { at: date.and_then(|d| date::parse(&String::from_utf8_lossy(d))), ..Received::default() };
    let mut keyword = Keyword::None;
    let mut after_comment = false;
    for item in items(clauses) {
        match item {
            Item::Comment(text) => {
                received.comment(keyword, text);
                after_comment = true;
            }
            Item::Word(word) => match Keyword::of(&word) {
                // The word right after a keyword is its value, even if it looks like another keyword.
                Some(next) if after_comment || !keyword.wants_value(&received) => {
                    keyword = next;
                    after_comment = false;
                }
                _ => received.word(keyword, word),
            },
        }
    }
    if received.ip.is_none() {
        received.ip = received
            .from
            .as_deref()
            .and_then(address_in)
            .or_else(|| received.from_comment.as_deref().and_then(address_in));
    }
    received
}

#[derive(Clone, Copy, PartialEq)]
enum Keyword {
    None,
    From,
    By,
    With,
    Id,
    For,
    Via,
}

impl Keyword {
    fn of(word: &str) -> Option<Self> {
        let known = [
            ("from", Self::From),
            ("by", Self::By),
            ("with", Self::With),
            ("id", Self::Id),
            ("for", Self::For),
            ("via", Self::Via),
        ];
        known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, keyword)| keyword)
    }

    fn wants_value(self, received: &Received) -> bool {
        match self {
            Self::From => received.from.is_none(),
            Self::By => received.by.is_none(),
            Self::With => received.with.is_none(),
            Self::Id => received.id.is_none(),
            Self::For => received.recipient.is_none(),
            Self::None | Self::Via => false,
        }
    }
}

impl Received {
    fn word(&mut self, keyword: Keyword, word: String) {
        let place = match keyword {
            Keyword::From => &mut self.from,
            Keyword::By => &mut self.by,
            Keyword::With => &mut self.with,
            Keyword::Id => &mut self.id,
            Keyword::For => &mut self.recipient,
            Keyword::None | Keyword::Via => return,
        };
        if place.is_none() {
            let bare = word.trim_start_matches('<').trim_end_matches('>');
            *place = Some(if matches!(keyword, Keyword::For | Keyword::Id) { bare.to_owned() } else { word });
        }
    }

    fn comment(&mut self, keyword: Keyword, text: String) {
        if self.mark.is_none()
            && let Some(mark) = text.strip_prefix("mark=")
        {
            self.mark = Some(mark.to_owned());
            return;
        }
        if keyword != Keyword::From {
            return;
        }
        if self.ip.is_none() {
            self.ip = address_in(&text);
        }
        if self.from_comment.is_none() {
            self.from_comment = Some(text);
        }
    }
}

enum Item {
    Word(String),
    Comment(String),
}

/// Words between white space, and comments.
fn items(clauses: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut word = Vec::new();
    for token in Lexer::of_addresses(clauses) {
        match token {
            Token::Atom(text) | Token::Literal(text) => word.extend_from_slice(text),
            Token::Special(b) => word.push(b),
            Token::Quoted(text) => word.extend_from_slice(&text),
            Token::Space => end_word(&mut items, &mut word),
            Token::Comment(text) => {
                end_word(&mut items, &mut word);
                items.push(Item::Comment(clause(&text)));
            }
        }
    }
    end_word(&mut items, &mut word);
    items
}

fn end_word(items: &mut Vec<Item>, word: &mut Vec<u8>) {
    if !word.is_empty() {
        items.push(Item::Word(clause(word)));
        word.clear();
    }
}

fn clause(text: &[u8]) -> String {
    String::from_utf8_lossy(text.get(..MAX_CLAUSE).unwrap_or(text)).into_owned()
}

/// Divides at the last semicolon that is followed by something that may be a date.
fn split_date(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memrchr(b';', value) {
        Some(at) => (value.get(..at).unwrap_or_default(), value.get(at + 1..)),
        None => (value, None),
    }
}

/// The first IP address in a text: `name [192.0.2.1]`, `[IPv6:2001:db8::1]`, `192.0.2.1:1234`, `HELO x) (192.0.2.1`.
fn address_in(text: &str) -> Option<IpAddr> {
    let separators = |c: char| !(c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    // `IPv6:` begins with hexadecimal digits and a colon of its own; take it out of the way.
    let text = text.replace("IPv6:", " ").replace("ipv6:", " ");
    text.split(separators).filter(|word| word.len() >= 2).find_map(|word| {
        let word = word.trim_end_matches('.');
        word.parse().ok().or_else(|| {
            let (ip, port) = word.rsplit_once(':')?;
            let ip: std::net::Ipv4Addr = ip.parse().ok()?;
            port.parse::<u16>().ok().map(|_| IpAddr::V4(ip))
        })
    })
}
