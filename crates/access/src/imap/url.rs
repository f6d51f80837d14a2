//! Parts of messages that a URL names (RFC 5092, as CATENATE of RFC 4469 uses it): on this server, of this client.

use bytes::Bytes;
use sekisho_proto::imap::Done;
use sekisho_proto::imap::fetch::{self, Item, Part};
use sekisho_proto::imap::lex::Cursor;
use sekisho_store::acl::Rights;
use sekisho_store::mail;

use super::agent::ImapAgent;
use super::fetch::part;

/// What a URL says.
#[derive(Debug, PartialEq)]
struct Url {
    /// None for the mailbox that is selected.
    mailbox: Option<String>,
    uid_validity: Option<u32>,
    uid: u32,
    /// The section as FETCH would name it.
    section: String,
    partial: Option<(u64, Option<u64>)>,
}

impl ImapAgent {
    /// The octets that `url` names.
    pub(super) async fn octets_of(&self, url: &str) -> Result<Bytes, Done> {
        let bad = || bad_url(url);
        let parsed = parse(url).ok_or_else(bad)?;
        let part = section(&parsed).ok_or_else(bad)?;
        let (id, uid_validity) = match &parsed.mailbox {
            Some(name) => {
                let found = self.found(name, Rights::READ, || Done::no("")).await.map_err(|_| bad())?;
                (found.mailbox.id, Some(found.mailbox.uidvalidity))
            }
            None => (self.view.as_ref().ok_or_else(bad)?.id, None),
        };
        if parsed.uid_validity.is_some_and(|wanted| uid_validity.is_some_and(|known| known != wanted)) {
            return Err(bad());
        }
        let uid = parsed.uid;
        let found = self.store().read(move |tx| {
            let mut content = None;
            mail::entries(tx, id, uid, uid, &mut |mail| {
                content = Some(mail.content);
                Ok(())
            })?;
            Ok(content)
        });
        let content = found.await.map_err(|error| self.refused(&error))?.ok_or_else(bad)?;
        let body = self.store().content(content).await.map_err(|_| bad())?;
        part::octets(&part, &body).map(|octets| Bytes::copy_from_slice(&octets)).ok_or_else(bad)
    }
}

/// `/mailbox[;UIDVALIDITY=n]/;UID=n[/;SECTION=s][/;PARTIAL=first[.count]]`, with or without the slashes before the
/// semicolons; a URL of this server need not name it.
fn parse(url: &str) -> Option<Url> {
    let path = match url.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("imap://")) {
        Some(_) => url.get(7..)?.split_once('/')?.1,
        None => url.strip_prefix('/').unwrap_or(url),
    };
    let mut pieces = path.split(';');
    let mailbox = decoded(pieces.next()?.trim_end_matches('/'))?;
    let mut parsed = Url {
        mailbox: (!mailbox.is_empty()).then_some(mailbox),
        uid_validity: None,
        uid: 0,
        section: String::new(),
        partial: None,
    };
    for piece in pieces {
        let (name, value) = piece.trim_end_matches('/').split_once('=')?;
        match name.to_ascii_uppercase().as_str() {
            "UIDVALIDITY" => parsed.uid_validity = Some(value.parse().ok()?),
            "UID" => parsed.uid = value.parse().ok().filter(|uid| *uid > 0)?,
            "SECTION" => parsed.section = decoded(value)?,
            "PARTIAL" => {
                let (first, count) = value.split_once('.').map_or((value, None), |(first, count)| (first, Some(count)));
                let count = match count {
                    Some(count) => Some(count.parse().ok()?),
                    None => None,
                };
                parsed.partial = Some((first.parse().ok()?, count));
            }
            _ => return None,
        }
    }
    (parsed.uid > 0).then_some(parsed)
}

/// The section in the words of FETCH.
fn section(url: &Url) -> Option<Part> {
    let text = format!("BODY.PEEK[{}]", url.section);
    let mut cursor = Cursor::new(text.as_bytes());
    let mut items = fetch::items(&mut cursor).ok()?;
    cursor.end().ok()?;
    match items.pop() {
        Some(Item::Part(mut part)) => {
            part.partial = url.partial.map(|(first, count)| (first, count.unwrap_or(u64::MAX)));
            Some(part)
        }
        _ => None,
    }
}

/// Without percent encoding.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            out.push(byte);
            rest = after;
        }
    }
    String::from_utf8(out).ok().filter(|text| !text.chars().any(char::is_control))
}

fn bad_url(url: &str) -> Done {
    let mut code = b"BADURL ".to_vec();
    sekisho_proto::imap::print::astring(&mut code, url.as_bytes());
    let code = String::from_utf8(code).ok().filter(|code| !code.contains(['\r', '\n']));
    Done::no("There is no such message or part").code(code.unwrap_or_else(|| "BADURL \"\"".to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn urls_name_mailbox_message_and_part() {
        let url = parse("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER").unwrap();
        assert_eq!(url.mailbox.as_deref(), Some("Drafts"));
        assert_eq!((url.uid_validity, url.uid, url.section.as_str()), (Some(385_759_045), 20, "HEADER"));
        assert!(section(&url).is_some());
        let url = parse("/%E4%BB%95%E4%BA%8B/2026/;UID=7;SECTION=1.2.MIME/;PARTIAL=5.10").unwrap();
        assert_eq!((url.mailbox.as_deref(), url.partial), (Some("仕事/2026"), Some((5, Some(10)))));
        assert_eq!(section(&url).unwrap().path, [1, 2]);
        assert_eq!(parse(";UID=3").unwrap().mailbox, None);
        assert_eq!(parse("imap://taro@mx.example.jp/INBOX/;UID=1").unwrap().mailbox.as_deref(), Some("INBOX"));
        for bad in ["", "/INBOX", "/INBOX/;UID=0", "/INBOX/;UID=x", "/INBOX/;UID=1;X=2", "/%zz/;UID=1", "/%/;UID=1"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert!(section(&parse("/a/;UID=1;SECTION=NONSENSE").unwrap()).is_none());
    }
}
