//! Address lists: mailboxes and groups (RFC 5322 §3.4 and §4.4).

use std::fmt;

use super::lex::{Lexer, Token};

/// Most entries that are read from one field.
pub const MAX_ITEMS: usize = 10_000;

/// One entry of an address list, raw: quoting and comments removed, encoded words left as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressItem {
    /// A mailbox. Without an `@`, or when it cannot be read, the domain is empty.
    Mailbox {
        /// Display name, or the comment that old mailers put in its place; empty when there is none.
        name: Vec<u8>,
        /// Obsolete source route (`@a,@b`), mostly empty.
        route: Vec<u8>,
        /// Local part without quoting.
        local: Vec<u8>,
        /// Domain, or address literal with its brackets.
        domain: Vec<u8>,
    },
    /// Start of a group, with its name.
    GroupStart(Vec<u8>),
    /// End of the group.
    GroupEnd,
}

impl fmt::Display for AddressItem {
    /// Readable, for messages and logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lossy = String::from_utf8_lossy;
        match self {
            Self::Mailbox { name, local, domain, .. } if name.is_empty() => {
                write!(f, "<{}@{}>", lossy(local), lossy(domain))
            }
            Self::Mailbox { name, local, domain, .. } => {
                write!(f, "{} <{}@{}>", lossy(name), lossy(local), lossy(domain))
            }
            Self::GroupStart(name) => write!(f, "{}:", lossy(name)),
            Self::GroupEnd => f.write_str(";"),
        }
    }
}

/// Reads an unfolded address list, at most 10,000 entries of it. Never fails: what is no address comes as a mailbox
/// without a domain, so that whoever checks ownership sees that something is there.
#[must_use]
pub fn address_list(value: &[u8]) -> Vec<AddressItem> {
    let mut list =
        List { lexer: Lexer::of_addresses(value), items: Vec::new(), entry: Entry::default(), in_group: false };
    while list.items.len() < MAX_ITEMS && list.step() {}
    list.end_entry();
    list.end_group();
    list.items
}

struct List<'a> {
    lexer: Lexer<'a>,
    items: Vec<AddressItem>,
    entry: Entry,
    in_group: bool,
}

impl List<'_> {
    /// Takes one token; false at the end.
    fn step(&mut self) -> bool {
        let Some(token) = self.lexer.next() else { return false };
        match token {
            Token::Special(b',') => self.end_entry(),
            Token::Special(b';') => {
                self.end_entry();
                self.end_group();
            }
            Token::Special(b':') if !self.in_group && !self.entry.words.has_at => {
                let name = std::mem::take(&mut self.entry).words.phrase;
                self.items.push(AddressItem::GroupStart(name));
                self.in_group = true;
            }
            Token::Special(b'<') => {
                let (route, address) = angle(&mut self.lexer);
                // A second pair of brackets, or words after the first: an entry of its own, so that nothing hides.
                if self.entry.angle.is_some() {
                    self.end_entry();
                }
                self.entry.angle = Some((route, address));
            }
            Token::Special(b'>') => {}
            Token::Comment(text) => self.entry.comment = text.into_owned(),
            Token::Space => self.entry.words.space = true,
            token => {
                if self.entry.angle.is_some() {
                    self.end_entry();
                }
                self.entry.words.push(&token);
            }
        }
        true
    }

    fn end_entry(&mut self) {
        let entry = std::mem::take(&mut self.entry);
        if let Some((route, address)) = entry.angle {
            let name = if entry.words.phrase.is_empty() { entry.comment } else { entry.words.phrase };
            if !(name.is_empty() && address.is_empty()) {
                self.items.push(AddressItem::Mailbox { name, route, local: address.local, domain: address.domain });
            }
        } else if !entry.words.is_empty() {
            let Words { local, domain, .. } = entry.words;
            self.items.push(AddressItem::Mailbox { name: entry.comment, route: Vec::new(), local, domain });
        }
    }

    fn end_group(&mut self) {
        if self.in_group {
            self.items.push(AddressItem::GroupEnd);
            self.in_group = false;
        }
    }
}

/// What has been read of one entry.
#[derive(Default)]
struct Entry {
    words: Words,
    angle: Option<(Vec<u8>, Words)>,
    comment: Vec<u8>,
}

/// Words, gathered as a phrase and as an addr-spec at once, since only what follows tells which it is.
#[derive(Default)]
struct Words {
    /// Words with single spaces where there was white space.
    phrase: Vec<u8>,
    /// What stood before the last `@`; white space only between words without a dot.
    local: Vec<u8>,
    /// What stood after it.
    domain: Vec<u8>,
    has_at: bool,
    space: bool,
    after_word: bool,
}

impl Words {
    fn push(&mut self, token: &Token<'_>) {
        let special;
        let (text, is_word): (&[u8], bool) = match token {
            Token::Atom(text) | Token::Literal(text) => (text, true),
            Token::Quoted(text) => (text, true),
            Token::Special(b) => {
                special = [*b];
                (&special, false)
            }
            Token::Space | Token::Comment(_) => return,
        };
        if self.space && !self.phrase.is_empty() {
            self.phrase.push(b' ');
        }
        self.phrase.extend_from_slice(text);
        if !is_word && text == b"@" {
            self.at_sign();
        } else {
            let part = if self.has_at { &mut self.domain } else { &mut self.local };
            if self.after_word && is_word && self.space {
                part.push(b' ');
            }
            part.extend_from_slice(text);
        }
        self.after_word = is_word;
        self.space = false;
    }

    /// The last `@` divides; an earlier one belongs to the local part, where it makes the address unusable.
    fn at_sign(&mut self) {
        if self.has_at {
            self.local.push(b'@');
            let domain = std::mem::take(&mut self.domain);
            self.local.extend_from_slice(&domain);
        }
        self.has_at = true;
    }

    fn is_empty(&self) -> bool {
        self.phrase.is_empty() && !self.has_at && !self.after_word
    }
}

/// Reads up to the closing angle bracket: source route and address. Without one, up to a comma or semicolon or the end.
fn angle(lexer: &mut Lexer<'_>) -> (Vec<u8>, Words) {
    let mut route = Vec::new();
    let mut words = Words::default();
    let mut in_route = lexer.rest().trim_ascii_start().starts_with(b"@");
    loop {
        let before = lexer.clone();
        match lexer.next() {
            None | Some(Token::Special(b'>')) => break,
            Some(Token::Special(b':')) if in_route => {
                in_route = false;
                route = std::mem::take(&mut words).phrase;
            }
            Some(Token::Special(b',' | b';' | b'<')) if !in_route => {
                *lexer = before;
                break;
            }
            Some(Token::Space) => words.space = true,
            Some(Token::Comment(_)) => {}
            Some(token) => words.push(&token),
        }
    }
    (route, words)
}
