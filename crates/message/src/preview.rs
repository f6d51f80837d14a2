//! The first words of a message, and the conversation that it belongs to, as IMAP tells them (RFC 8970, RFC 8474).

use crate::header::Headers;
use crate::search::text_of_html;
use crate::structure::{Part, PartKind, Structure};

/// Characters of a preview (RFC 8970 §3.2 allows 256 and recommends 200).
const CHARACTERS: usize = 200;

/// The first words of what a person wrote: without quoted lines, signature, markup and runs of white space. Empty when
/// there is no text.
#[must_use]
pub fn preview(message: &[u8]) -> String {
    let structure = Structure::of(message);
    let texts = |subtype: &'static str| {
        let leaf = |part: &&Part<'_>| {
            part.kind == PartKind::Leaf && part.content.media.is("text", subtype) && !is_attachment(part)
        };
        structure.parts().iter().filter(leaf)
    };
    let plain = texts("plain").map(|part| words(&structure.text(part)));
    let html = texts("html").map(|part| words(&text_of_html(&structure.text(part))));
    plain.chain(html).find(|text| !text.is_empty()).unwrap_or_default()
}

/// A number that all messages of a conversation have: that of the message that began it, as `References` (or
/// `In-Reply-To`) name it. 0 for a message without any message-id. Never negative.
#[must_use]
pub fn thread(message: &[u8]) -> i64 {
    let headers = Headers::of(message);
    let first = |name: &str| headers.first(name).and_then(|field| first_id(&field.unfolded()).map(number));
    ["References", "In-Reply-To", "Message-ID"].into_iter().find_map(first).unwrap_or(0)
}

fn is_attachment(part: &Part<'_>) -> bool {
    part.content.disposition.as_ref().is_some_and(|disposition| disposition.kind.eq_ignore_ascii_case(b"attachment"))
}

/// The first words of a text that its author wrote now.
fn words(text: &str) -> String {
    let own = text
        .lines()
        .map(str::trim)
        .take_while(|line| *line != "--" && !line.starts_with("-----Original Message"))
        .filter(|line| !line.starts_with('>'));
    let mut out = String::new();
    let mut left = CHARACTERS;
    for word in own.flat_map(str::split_whitespace) {
        let space = usize::from(!out.is_empty());
        if left <= space {
            break;
        }
        if space > 0 {
            out.push(' ');
        }
        let visible = word.chars().filter(|c| !c.is_control() && !is_invisible(*c));
        let before = out.chars().count();
        out.extend(visible.take(left - space));
        left -= space + (out.chars().count() - before);
    }
    out.truncate(out.trim_end().len());
    out
}

/// What newsletters fill their previews with.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// The first message-id of a field, without its brackets.
fn first_id(value: &[u8]) -> Option<&[u8]> {
    let from = memchr::memchr(b'<', value)? + 1;
    let rest = value.get(from..)?;
    let id = rest.get(..memchr::memchr(b'>', rest)?)?;
    (!id.is_empty()).then_some(id)
}

/// FNV-1a in 63 bits: conversations of one account are few, and who makes two look like one gains nothing.
fn number(id: &[u8]) -> i64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in id {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    i64::try_from(hash >> 1).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn first_words_are_what_the_author_wrote() {
        let plain = b"Subject: x\r\n\r\n> said you\r\nHello   Taro,\r\n\r\nhow are you?\r\n-- \r\nHanako\r\n";
        assert_eq!(preview(plain), "Hello Taro, how are you?");
        let html =
            "Content-Type: text/html; charset=utf-8\r\n\r\n<p>こん\u{200b}にちは</p><style>p{}</style><b>太郎</b>";
        assert_eq!(preview(html.as_bytes()), "こんにちは 太郎");
        assert_eq!(preview(b"Subject: x\r\n\r\n"), "");
        assert_eq!(preview(b""), "");
        let long = format!("Subject: x\r\n\r\n{}", "あいう ".repeat(200));
        assert!(preview(long.as_bytes()).chars().count() <= CHARACTERS);
        let run = format!("Subject: x\r\n\r\n{}", "あ".repeat(5_000));
        assert_eq!(preview(run.as_bytes()).chars().count(), CHARACTERS);
    }

    #[test]
    fn text_comes_in_any_charset_and_before_html() {
        let mail = b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<i>html</i>\r\n\
            --b\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$BEl5~\x1b(B\r\n--b--\r\n";
        assert_eq!(preview(mail), "東京");
        let attached = b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nlog\r\n";
        assert_eq!(preview(attached), "");
    }

    #[test]
    fn replies_belong_to_what_they_reply_to() {
        let root = thread(b"Message-ID: <a@x>\r\n\r\n");
        assert!(root > 0);
        assert_eq!(thread(b"Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\n\r\n"), root);
        assert_eq!(thread(b"Message-ID: <c@x>\r\nIn-Reply-To: <b@x>\r\nReferences: <a@x>\r\n <b@x>\r\n\r\n"), root);
        assert_ne!(thread(b"Message-ID: <d@x>\r\n\r\n"), root);
        assert_eq!(thread(b"Subject: x\r\n\r\n"), 0);
    }
}
