//! Splits the argument of MAIL and RCPT into path and parameters (RFC 5321 §4.1.1.2, §4.1.1.3).

use sekisho_message::address::{AddressError, ForwardPath, ReversePath};

use super::response::Response;

/// Reads the reverse-path at the start of `text` and returns it with what follows it.
///
/// # Errors
/// The refusal to send, 501.
pub fn reverse(text: &str) -> Result<(ReversePath, &str), Response> {
    let (path, rest) = split(text, "FROM")?;
    let path = ReversePath::parse(path).map_err(|e| refuse((5, 1, 7), "sender", e))?;
    Ok((path, rest))
}

/// Reads the forward-path at the start of `text` and returns it with what follows it.
///
/// # Errors
/// The refusal to send, 501.
pub fn forward(text: &str) -> Result<(ForwardPath, &str), Response> {
    let (path, rest) = split(text, "TO")?;
    let path = ForwardPath::parse(path).map_err(|e| refuse((5, 1, 3), "recipient", e))?;
    Ok((path, rest))
}

/// Splits after the `>` that closes the path; one within a quoted local part does not.
fn split<'a>(text: &'a str, keyword: &str) -> Result<(&'a str, &'a str), Response> {
    if text.starts_with(' ') {
        return Err(Response::new(501, (5, 5, 4), format!("No space is allowed after {keyword}:")));
    }
    if !text.starts_with('<') {
        return Err(Response::new(501, (5, 5, 4), format!("The address after {keyword}: must stand in <>")));
    }
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Ok(text.split_at(at + 1)),
            _ => {}
        }
    }
    Err(Response::new(501, (5, 5, 4), format!("The address after {keyword}: has no closing >")))
}

fn refuse(enhanced: (u8, u16, u16), who: &str, error: AddressError) -> Response {
    Response::new(501, enhanced, format!("Bad {who} address: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn paths_and_what_follows() {
        assert_eq!(reverse("<>").unwrap(), (ReversePath::NULL, ""));
        let (path, rest) = reverse("<\"a>b\\\">\"@example.jp> SIZE=1").unwrap();
        assert_eq!(path.address().unwrap().local(), "a>b\">");
        assert_eq!(rest, " SIZE=1");
        let (path, rest) = forward("<@relay.example,@b.example:taro@example.jp>").unwrap();
        assert_eq!((path.to_string().as_str(), rest), ("<taro@example.jp>", ""));
        assert_eq!(forward("<postMaster>").unwrap().0, ForwardPath::Postmaster);
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        let text = |t: &str| reverse(t).unwrap_err().to_string();
        assert_eq!(text(" <a@b.jp>"), "501 5.5.4 No space is allowed after FROM:");
        assert_eq!(text("a@b.jp"), "501 5.5.4 The address after FROM: must stand in <>");
        assert_eq!(text("<a@b.jp"), "501 5.5.4 The address after FROM: has no closing >");
        assert!(text("<a b@b.jp>").starts_with("501 5.1.7 Bad sender address"));
        assert!(forward("<>").unwrap_err().to_string().starts_with("501 5.1.3 Bad recipient address"));
        assert!(forward("<postmaster@>").is_err());
    }
}
