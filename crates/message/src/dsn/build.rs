//! Building notifications.

use std::borrow::Cow;

use super::{Action, DsnRecipient, DsnRequest, Return, words, xtext};
use crate::header::{HeaderBuilder, HeaderError, split};
use crate::{Address, date, transfer};

/// Largest original that is returned whole, in octets; of a larger one only the header comes back.
pub const MAX_RETURNED_OCTETS: usize = 256 * 1024;

/// Longest diagnostic that is repeated, in characters.
const MAX_DIAGNOSTIC: usize = 1_000;

/// A complete notification, CRLF throughout. To be sent with the null reverse-path (RFC 3464 §2).
///
/// It is `multipart/report` with a text part in Japanese and English, `message/delivery-status`, and the header of the
/// original, or all of it when the sender asked for that, something failed, and it is not larger than
/// [`MAX_RETURNED_OCTETS`]. Use [`crate::is_eightbit`] to know whether it needs 8BITMIME.
#[must_use]
pub fn build(request: &DsnRequest<'_>) -> Vec<u8> {
    let returned = returned(request);
    let status = delivery_status(request).unwrap_or_default();
    let boundary = boundary(request, &returned.body);
    let eightbit = !status.is_ascii() || !returned.body.is_ascii();
    let kind = if status.is_ascii() { "delivery-status" } else { "global-delivery-status" };
    let mut out = header(request, &boundary, eightbit).unwrap_or_default().into_bytes();
    let mut push = |text: &str| out.extend_from_slice(text.as_bytes());
    push("\r\nThis is a delivery report in MIME format.\r\n");
    push(&format!(
        "\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
    ));
    push("Content-Description: Notification\r\n\r\n");
    push(&transfer::encode_base64_lines(words::body(request).replace('\n', "\r\n").as_bytes()));
    push(&format!("\r\n--{boundary}\r\nContent-Type: message/{kind}\r\n{}", encoding(!status.is_ascii())));
    push("Content-Description: Delivery report\r\n\r\n");
    push(&status);
    push(&format!("\r\n--{boundary}\r\n{}\r\n", returned.header));
    out.extend_from_slice(&returned.body);
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    out
}

fn header(request: &DsnRequest<'_>, boundary: &str, eightbit: bool) -> Result<String, HeaderError> {
    let DsnRequest { host, id, .. } = request;
    let mut header = HeaderBuilder::new();
    header
        .structured("Date", &date::format_rfc5322(request.now, request.offset_minutes))?
        .structured("From", &format!("Mail Delivery System <MAILER-DAEMON@{host}>"))?
        .structured("To", &format!("<{}>", request.to))?
        .text("Subject", words::subject(request))?
        .structured("Message-ID", &format!("<{id}@{host}>"))?;
    if let Some(original) = crate::report::message_id(request.original) {
        header.structured("In-Reply-To", &original)?.structured("References", &original)?;
    }
    header
        // RFC 3834 §2: responders must not answer this.
        .structured("Auto-Submitted", "auto-replied")?
        .structured("MIME-Version", "1.0")?
        .structured(
            "Content-Type",
            &format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}\""),
        )?;
    if eightbit {
        header.structured("Content-Transfer-Encoding", "8bit")?;
    }
    Ok(header.finish())
}

/// The fields about the message, and a group for each recipient (RFC 3464 §2.2, §2.3), each ended by an empty line.
fn delivery_status(request: &DsnRequest<'_>) -> Result<String, HeaderError> {
    let stamp = |time| date::format_rfc5322(time, request.offset_minutes);
    let mut fields = HeaderBuilder::new();
    fields.structured("Reporting-MTA", &format!("dns; {}", request.host))?;
    if let Some(envelope_id) = request.envelope_id {
        fields.structured("Original-Envelope-Id", &ascii(envelope_id))?;
    }
    fields
        .structured("Arrival-Date", &stamp(request.arrival))?
        .structured("X-Sekisho-Id", &ascii(request.message_id))?;
    let mut out = fields.finish();
    for recipient in request.recipients {
        out.push_str("\r\n");
        out.push_str(&recipient_fields(request, recipient)?);
    }
    Ok(out)
}

fn recipient_fields(request: &DsnRequest<'_>, recipient: &DsnRecipient<'_>) -> Result<String, HeaderError> {
    let stamp = |time| date::format_rfc5322(time, request.offset_minutes);
    let mut fields = HeaderBuilder::new();
    if let Some((kind, address)) = recipient.orcpt.split_once(';') {
        // utf-8-addr-xtext stays as it is; the others are decoded (RFC 3461 §4.2, RFC 6533 §3).
        let decoded = xtext::decode_xtext(address).filter(|_| !kind.eq_ignore_ascii_case("utf-8"));
        let address = decoded.unwrap_or_else(|| address.to_owned());
        let address = if request.smtputf8 { address } else { ascii(&address) };
        fields.structured("Original-Recipient", &format!("{}; {address}", ascii(kind)))?;
    }
    fields.structured("Final-Recipient", &typed(recipient.address, request.smtputf8))?;
    fields.structured("Action", recipient.action.name())?;
    fields.structured("Status", status_of(recipient))?;
    if let Some(host) = recipient.remote_mta {
        fields.structured("Remote-MTA", &format!("dns; {}", ascii(host)))?;
    }
    if let Some(reply) = recipient.diagnostic {
        let reply: String = reply.chars().take(MAX_DIAGNOSTIC).collect();
        // Without a remote host the words are our own, not SMTP's.
        let kind = if recipient.remote_mta.is_some() { "smtp" } else { "x-sekisho" };
        fields.structured("Diagnostic-Code", &format!("{kind}; {}", ascii(&reply)))?;
    }
    if let Some(time) = recipient.last_attempt {
        fields.structured("Last-Attempt-Date", &stamp(time))?;
    }
    if let (Some(time), Action::Delayed) = (recipient.retry_until, recipient.action) {
        fields.structured("Will-Retry-Until", &stamp(time))?;
    }
    Ok(fields.finish())
}

fn status_of<'a>(recipient: &DsnRecipient<'a>) -> &'a str {
    match recipient.action {
        _ if !recipient.status.is_empty() => recipient.status,
        Action::Failed => "5.0.0",
        Action::Delayed => "4.0.0",
        _ => "2.0.0",
    }
}

/// An address with its type: in ASCII where that can be, else as UTF-8, or escaped where only ASCII may pass (RFC 6533 §3).
fn typed(address: &Address, smtputf8: bool) -> String {
    if smtputf8 && address.needs_smtputf8() {
        return format!("utf-8; {address}");
    }
    match address.to_ascii() {
        Some(ascii) => format!("rfc822; {ascii}"),
        None => format!("utf-8; {}", xtext::encode_utf8_address(&address.to_string())),
    }
}

/// The third part: its own header, and what comes back.
struct Returned<'a> {
    header: String,
    body: Cow<'a, [u8]>,
}

fn returned<'a>(request: &DsnRequest<'a>) -> Returned<'a> {
    let failed = request.recipients.iter().any(|r| r.action == Action::Failed);
    if request.ret == Return::Full && failed && request.original.len() <= MAX_RETURNED_OCTETS {
        let body = with_crlf(request.original);
        let utf8_header = request.smtputf8 && !split(request.original).0.is_ascii();
        let kind = if utf8_header { "global" } else { "rfc822" };
        let header = format!(
            "Content-Type: message/{kind}\r\n{}Content-Description: Undelivered message\r\n",
            encoding(!body.is_ascii())
        );
        return Returned { header, body };
    }
    let fields = split(request.original).0;
    let fields = with_crlf(fields.get(..MAX_RETURNED_OCTETS).unwrap_or(fields));
    let description = "Content-Description: Message header\r\n";
    if fields.is_ascii() {
        return Returned { header: format!("Content-Type: text/rfc822-headers\r\n{description}"), body: fields };
    }
    if request.smtputf8 && std::str::from_utf8(&fields).is_ok() {
        let header = format!("Content-Type: message/global-headers\r\n{}{description}", encoding(true));
        return Returned { header, body: fields };
    }
    // Raw 8-bit text in a header that did not come by SMTPUTF8: encoded, so that the notification passes everywhere.
    let body = transfer::encode_quoted_printable(&fields).into_bytes();
    let header =
        format!("Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n{description}");
    Returned { header, body: Cow::Owned(body) }
}

fn encoding(eightbit: bool) -> &'static str {
    if eightbit { "Content-Transfer-Encoding: 8bit\r\n" } else { "" }
}

/// A boundary that stands nowhere in what comes back, even if somebody guessed it.
fn boundary(request: &DsnRequest<'_>, body: &[u8]) -> String {
    let id: String = request.id.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    loop {
        let boundary = format!("=_{id}_{hash:016x}");
        if memchr::memmem::find(body, boundary.as_bytes()).is_none() {
            return boundary;
        }
        hash = body.iter().fold(hash, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3));
    }
}

/// ASCII alone: anything else as a question mark.
fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

/// CRLF for every line end.
fn with_crlf(text: &[u8]) -> Cow<'_, [u8]> {
    let bare = memchr::memchr_iter(b'\n', text).any(|at| at == 0 || text.get(at - 1) != Some(&b'\r'));
    if !bare {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    for line in text.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(content) => {
                out.extend_from_slice(content.strip_suffix(b"\r").unwrap_or(content));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    Cow::Owned(out)
}
