//! Automatic replies to people (RFC 3834): when to stay silent, and what a reply looks like.

use crate::header::{self, Headers};
use crate::{Address, Time, date, transfer};

/// Most octets of the subject that a reply repeats.
const SUBJECT: usize = 200;
/// Names that belong to programs (RFC 3834 §2).
const PROGRAMS: [&str; 7] =
    ["mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply", "majordomo"];
/// Fields that only list software writes (RFC 2369, RFC 2919).
const LIST: [&str; 5] = ["List-Id", "List-Post", "List-Help", "List-Unsubscribe", "List-Owner"];

/// Why `message` from `sender` (its reverse-path) to one of `own` must not be answered; none when it may be.
///
/// RFC 3834 §2 in order: no reverse-path, another automatic message, lists and bulk mail, programs, oneself, and mail that
/// does not name the recipient in To, Cc or their Resent kin.
#[must_use]
pub fn silence(message: &[u8], sender: Option<&Address>, own: &[Address]) -> Option<&'static str> {
    let Some(sender) = sender else { return Some("it has no reverse-path") };
    let headers = Headers::of(message);
    let text = |name: &str| headers.text(name).unwrap_or_default().trim().to_ascii_lowercase();
    let automatic = text("Auto-Submitted");
    if !automatic.is_empty() && !automatic.starts_with("no") {
        return Some("it was written by a program");
    }
    if matches!(text("Precedence").as_str(), "bulk" | "list" | "junk")
        || LIST.iter().any(|f| headers.first(f).is_some())
    {
        return Some("it is list or bulk mail");
    }
    if headers.first("X-Auto-Response-Suppress").is_some() || headers.first("X-Autoreply").is_some() {
        return Some("it asks for no automatic answer");
    }
    let local = sender.local().to_ascii_lowercase();
    if PROGRAMS.contains(&local.as_str())
        || local.starts_with("owner-")
        || local.ends_with("-owner")
        || local.ends_with("-request")
        || local.ends_with("-bounces")
        || local.contains("-bounces+")
        || crate::srs::is_one(sender)
    {
        return Some("its sender is a program");
    }
    let own: Vec<String> = own.iter().map(Address::key).collect();
    if own.contains(&sender.key()) {
        return Some("it is from the account itself");
    }
    let named = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"]
        .iter()
        .any(|name| header::field_addresses(message, name).iter().any(|address| own.contains(&address.key())));
    (!named).then_some("it does not name the recipient")
}

/// A reply that is about to be written.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The message that is answered.
    pub original: &'a [u8],
    /// Who answers.
    pub from: &'a Address,
    /// Name of that person, or empty.
    pub name: &'a str,
    /// To whom: the reverse-path of the original.
    pub to: &'a Address,
    /// Subject; empty means that of the original after "Auto: ".
    pub subject: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Its Message-ID, with angle brackets.
    pub message_id: &'a str,
    /// When.
    pub now: Time,
    /// Local time's distance from UTC in minutes.
    pub offset_minutes: i32,
}

/// The reply, lines ending in CRLF (RFC 3834 §3.1).
#[must_use]
pub fn build(reply: &Reply<'_>) -> Vec<u8> {
    let headers = Headers::of(reply.original);
    let subject = match reply.subject {
        "" => {
            let original: String = headers.text("Subject").unwrap_or_default().chars().take(SUBJECT).collect();
            format!("Auto: {}", original.trim())
        }
        own => own.to_owned(),
    };
    let mut head = header::HeaderBuilder::new();
    // A field that cannot be written is left out; the others still make a message.
    let _ = head.mailbox("From", reply.name, reply.from);
    let _ = head.mailbox("To", "", reply.to);
    let _ = head.text("Subject", &subject);
    let _ = head.structured("Date", &date::format_rfc5322(reply.now, reply.offset_minutes));
    let _ = head.structured("Message-ID", reply.message_id);
    let original = headers.text("Message-ID").map(|id| id.trim().to_owned());
    if let Some(id) = original.filter(|id| is_message_id(id)) {
        let _ = head.structured("In-Reply-To", &id);
        let _ = head.structured("References", &id);
    }
    let _ = head.structured("Auto-Submitted", "auto-replied");
    let _ = head.structured("MIME-Version", "1.0");
    let _ = head.structured("Content-Type", "text/plain; charset=utf-8");
    let _ = head.structured("Content-Transfer-Encoding", "base64");
    let mut out = head.finish().into_bytes();
    out.extend_from_slice(b"\r\n");
    let text = reply.text.replace("\r\n", "\n").replace('\n', "\r\n");
    out.extend_from_slice(transfer::encode_base64_lines(text.as_bytes()).as_bytes());
    out
}

fn is_message_id(text: &str) -> bool {
    text.len() <= 900
        && text.starts_with('<')
        && text.ends_with('>')
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn asked(header: &str, sender: &str) -> Option<&'static str> {
        let message = format!("To: taro@example.jp\r\n{header}\r\nhello\r\n");
        let own = [address("taro@example.jp"), address("info@example.jp")];
        silence(message.as_bytes(), Some(&address(sender)), &own)
    }

    #[test]
    fn people_are_answered_and_programs_are_not() {
        assert_eq!(asked("", "hanako@example.com"), None);
        assert_eq!(asked("Auto-Submitted: no\r\n", "hanako@example.com"), None);
        for header in [
            "Auto-Submitted: auto-replied\r\n",
            "Auto-Submitted: auto-generated (cron)\r\n",
            "Precedence: bulk\r\n",
            "List-Id: <all.example.com>\r\n",
            "X-Auto-Response-Suppress: All\r\n",
        ] {
            assert!(asked(header, "hanako@example.com").is_some(), "{header}");
        }
        for sender in
            ["MAILER-DAEMON@example.com", "all-request@example.com", "owner-all@example.com", "taro@example.jp"]
        {
            assert!(asked("", sender).is_some(), "{sender}");
        }
        let own = [address("taro@example.jp")];
        assert!(silence(b"To: taro@example.jp\r\n\r\n", None, &own).is_some(), "the null reverse-path");
        let copy = b"To: all@example.com\r\n\r\n";
        assert!(silence(copy, Some(&address("a@example.com")), &own).is_some(), "not named");
    }

    #[test]
    fn a_reply_says_what_it_is() {
        let (from, to) = (address("taro@example.jp"), address("hanako@example.com"));
        let reply = build(&Reply {
            original: b"Subject: =?UTF-8?B?44OG44K544OI?=\r\nMessage-ID: <1@example.com>\r\n\r\nx",
            from: &from,
            name: "山田太郎",
            to: &to,
            subject: "",
            text: "休暇中です。\n戻ったら返信します。",
            message_id: "<2@example.jp>",
            now: Time::from_seconds(1_790_000_000),
            offset_minutes: 540,
        });
        let headers = Headers::of(&reply);
        assert_eq!(headers.text("Subject").unwrap(), "Auto: テスト");
        assert_eq!(headers.text("In-Reply-To").unwrap(), "<1@example.com>");
        assert_eq!(headers.text("Auto-Submitted").unwrap(), "auto-replied");
        let (_, body) = header::split(&reply);
        let text = String::from_utf8(transfer::decode_base64(body)).unwrap();
        assert_eq!(text, "休暇中です。\r\n戻ったら返信します。");
        assert!(silence(&reply, Some(&from), &[to]).is_some(), "a reply is never answered");
    }
}
