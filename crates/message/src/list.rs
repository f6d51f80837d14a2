//! Mailing lists: List-* fields (RFC 2369, RFC 2919, RFC 8058) and subject tags.

mod rewrite;
mod subject;
#[cfg(test)]
mod tests;

use crate::Address;
use crate::header::{HeaderBuilder, HeaderError, Headers, phrase};

pub use rewrite::rewrite;
pub use subject::{strip_tag, tag_subject};

/// Who may post, for List-Post (RFC 2369 §3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Posting {
    /// Posting is by mail to the list's address.
    #[default]
    Open,
    /// The list is for announcements: `List-Post: NO`.
    Closed,
}

/// What the fields of a list are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListInfo<'a> {
    /// The address to post to.
    pub address: &'a Address,
    /// The list's name for people; may be empty.
    pub name: &'a str,
    /// The person who answers for the list.
    pub owner: Option<&'a Address>,
    /// Address to unsubscribe at by mail.
    pub unsubscribe: Option<&'a Address>,
    /// `https:` URI to unsubscribe at with one click (RFC 8058). Ignored when it is not `https:`.
    pub unsubscribe_uri: Option<&'a str>,
    /// URI of the archive.
    pub archive_uri: Option<&'a str>,
    /// Who may post.
    pub posting: Posting,
    /// Tag for subjects, with its brackets; empty for none.
    pub subject_tag: &'a str,
}

/// The list's id without angle brackets: `users.example.jp` for `users@example.jp` (RFC 2919 §2). Letters that an id
/// may not have are written by their number, so that different lists have different ids.
#[must_use]
pub fn id(address: &Address) -> String {
    let mut id = String::new();
    for c in address.local().to_lowercase().chars() {
        match c {
            c if c.is_ascii() && crate::address::is_atext(c) => id.push(c),
            '.' if !id.is_empty() && !id.ends_with('.') => id.push('.'),
            c => id.push_str(&format!("x{:x}", u32::from(c))),
        }
    }
    let domain = address.domain().ascii().trim_matches(['[', ']']);
    format!("{}.{domain}", id.trim_end_matches('.'))
}

/// The List-* fields and Precedence, each with its CRLF.
#[must_use]
pub fn headers(info: &ListInfo<'_>) -> String {
    // Names of fields are fixed here, so that there is nothing to fail.
    fields(info).unwrap_or_default()
}

/// Whether the message has been through this list already: the loop guard.
#[must_use]
pub fn has_passed(message: &[u8], address: &Address) -> bool {
    let id = id(address);
    Headers::of(message).all("List-Id").any(|field| {
        let value = field.text();
        let inner = value.rsplit_once('<').map_or(value.as_str(), |(_, rest)| rest.split('>').next().unwrap_or(rest));
        inner.trim().eq_ignore_ascii_case(&id)
    })
}

fn fields(info: &ListInfo<'_>) -> Result<String, HeaderError> {
    let mut out = HeaderBuilder::new();
    let name = phrase(info.name);
    let space = if name.is_empty() { "" } else { " " };
    out.structured("List-Id", &format!("{name}{space}<{}>", id(info.address)))?;
    match info.posting {
        Posting::Open => out.structured("List-Post", &mailto(info.address, ""))?,
        Posting::Closed => out.structured("List-Post", "NO (no posting to this list)")?,
    };
    if let Some(owner) = info.owner {
        out.structured("List-Owner", &mailto(owner, ""))?;
    }
    let https = info.unsubscribe_uri.and_then(uri).filter(|uri| uri.starts_with("<https:"));
    let by_mail = info.unsubscribe.map(|address| mailto(address, "?subject=unsubscribe"));
    // RFC 8058 §3.1: one https URI, first.
    let ways: Vec<String> = https.clone().into_iter().chain(by_mail).collect();
    if !ways.is_empty() {
        out.structured("List-Unsubscribe", &ways.join(", "))?;
    }
    if https.is_some() {
        out.structured("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?;
    }
    if let Some(archive) = info.archive_uri.and_then(uri) {
        out.structured("List-Archive", &archive)?;
    }
    // Not a standard, but what vacation responders of all ages look at.
    out.structured("Precedence", "list")?;
    Ok(out.finish())
}

/// `<mailto:users@example.jp>` (RFC 6068 §2).
fn mailto(address: &Address, query: &str) -> String {
    let text = address.to_string();
    let (local, _) = text.rsplit_once('@').unwrap_or((&text, ""));
    let mut out = String::from("<mailto:");
    for b in local.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'\'' | b'*' | b'+' => {
                out.push(char::from(b))
            }
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    format!("{out}@{}{query}>", address.domain().ascii())
}

/// A URI in angle brackets; `None` when it has characters that could end it.
fn uri(text: &str) -> Option<String> {
    let clean = !text.is_empty()
        && text.len() <= 900
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'));
    clean.then(|| format!("<{text}>"))
}
