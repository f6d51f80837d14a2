//! An independent decoder reads what we say.

use imap_codec::GreetingCodec;
use imap_codec::ResponseCodec;
use imap_codec::decode::{Decoder, ResponseDecodeError};

/// Responses that the decoder does not know: it speaks IMAP4rev1 and some extensions.
const UNKNOWN_TO_IT: &[&str] = &[
    "* ESEARCH",
    "* VANISHED",
    "(\"CHILDINFO\"",
    "(\"OLDNAME\"",
    "BADCHARSET",
    "DELETED 0",
    "DELETED 1",
    "DELETED-STORAGE",
    "MAILBOXID",
    "* ACL",
    "* MYRIGHTS",
    "* LISTRIGHTS",
    "* METADATA",
    "UIDFETCH",
    "EMAILID",
    "THREADID",
    "SAVEDATE",
    "PREVIEW",
    "MESSAGE 0 2",
    "MESSAGE 2 2",
];

/// Decodes everything, response by response.
pub(super) fn check(said: &[u8]) -> Result<(), String> {
    let mut rest = said;
    while !rest.is_empty() {
        let whole = response_len(rest);
        let (response, later) = rest.split_at(whole);
        let text = String::from_utf8_lossy(response);
        // It reads mailbox names in modified UTF-7 only.
        let utf8_name = !text.is_ascii() && ["* LIST", "* STATUS"].iter().any(|word| text.starts_with(word));
        if !utf8_name && !UNKNOWN_TO_IT.iter().any(|word| text.contains(word)) {
            match ResponseCodec::default().decode(response) {
                Ok((b"", _)) => {}
                Err(ResponseDecodeError::Failed) if GreetingCodec::default().decode(response).is_ok() => {}
                other => return Err(format!("an independent decoder does not understand {text:?}: {other:?}")),
            }
        }
        rest = later;
    }
    Ok(())
}

/// Octets of the first response, with its literals.
fn response_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let Some(end) = bytes[at..].windows(2).position(|w| w == b"\r\n").map(|n| at + n + 2) else {
            return bytes.len();
        };
        let line = String::from_utf8_lossy(&bytes[at..end - 2]).into_owned();
        let literal =
            line.strip_suffix('}').and_then(|l| l.rsplit_once('{')).and_then(|(_, n)| n.parse::<usize>().ok());
        match literal {
            Some(n) => at = end + n,
            None => return end,
        }
    }
}
