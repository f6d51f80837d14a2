//! Parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531),
//! AUTH (RFC 4954 §5), and RET, ENVID, NOTIFY, ORCPT (RFC 3461).

use super::{response::Response, xtext};

/// Longest ENVID value in octets (RFC 3461 §4.4).
const ENVID_MAX: usize = 100;
/// Longest ORCPT value in octets (RFC 3461 §4.2).
const ORCPT_MAX: usize = 500;
/// Longest value of `AUTH=` in octets (RFC 4954 §5).
const AUTH_MAX: usize = 500;

/// Whether the client declared octets above 127 in the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Body {
    /// `BODY=7BIT`, or nothing said.
    #[default]
    SevenBit,
    /// `BODY=8BITMIME` (RFC 6152).
    EightBitMime,
}

/// How much of the message a failure report returns (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Return {
    /// The whole message.
    Full,
    /// Its header only.
    Headers,
}

/// Parameters of MAIL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailParams {
    /// Size of the message in octets, as the client estimates it.
    pub size: Option<u64>,
    /// Declared kind of body.
    pub body: Body,
    /// Whether addresses and header may hold UTF-8.
    pub smtputf8: bool,
    /// What a failure report should return.
    pub ret: Option<Return>,
    /// Envelope identifier as xtext, at most 100 octets; decode it with [`xtext::decode`].
    pub envid: Option<String>,
    /// Who submitted the message according to the client (`AUTH=`), as xtext. Nothing may
    /// be granted on the strength of it.
    pub auth: Option<String>,
}

/// When the sender wants to be told about a recipient (RFC 3461 §4.1): a set of bits,
/// empty when the client did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Notify(pub u8);

impl Notify {
    /// On delivery.
    pub const SUCCESS: u8 = 1;
    /// On failure.
    pub const FAILURE: u8 = 2;
    /// On delay.
    pub const DELAY: u8 = 4;
    /// Under no circumstances; stands alone.
    pub const NEVER: u8 = 8;

    /// Whether any of `bits` is set.
    #[must_use]
    pub fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }

    /// Whether the client said nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The value of `NOTIFY=`; empty when the set is empty.
    #[must_use]
    pub fn wire(self) -> String {
        let names =
            [(Self::NEVER, "NEVER"), (Self::SUCCESS, "SUCCESS"), (Self::FAILURE, "FAILURE"), (Self::DELAY, "DELAY")];
        let chosen: Vec<&str> = names.iter().filter(|(bit, _)| self.has(*bit)).map(|(_, name)| *name).collect();
        chosen.join(",")
    }

    fn parse(value: &str) -> Option<Self> {
        let mut bits = 0;
        for word in value.split(',') {
            let bit = match word.to_ascii_uppercase().as_str() {
                "SUCCESS" => Self::SUCCESS,
                "FAILURE" => Self::FAILURE,
                "DELAY" => Self::DELAY,
                "NEVER" => Self::NEVER,
                _ => return None,
            };
            if bits & bit != 0 {
                return None;
            }
            bits |= bit;
        }
        let alone = bits & Self::NEVER == 0 || bits == Self::NEVER;
        alone.then_some(Self(bits))
    }
}

/// Parameters of RCPT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RcptParams {
    /// When the sender wants to be told.
    pub notify: Notify,
    /// Original recipient as `type;xtext`, at most 500 octets, to be passed on unchanged.
    pub orcpt: Option<String>,
}

/// Reads the parameters of MAIL. `text` is what follows the path.
///
/// # Errors
/// The refusal to send: 501 for a bad or repeated parameter, 555 for one that is not offered.
pub fn parse_mail(text: &str) -> Result<MailParams, Response> {
    let mut params = MailParams::default();
    let mut seen = Seen::default();
    for param in split(text)? {
        seen.once(&param)?;
        match (param.keyword.as_str(), param.value) {
            ("SIZE", Some(value)) => params.size = Some(number(value).ok_or_else(|| bad_value("SIZE"))?),
            ("BODY", Some(value)) if value.eq_ignore_ascii_case("7BIT") => params.body = Body::SevenBit,
            ("BODY", Some(value)) if value.eq_ignore_ascii_case("8BITMIME") => params.body = Body::EightBitMime,
            ("BODY", Some(value)) if value.eq_ignore_ascii_case("BINARYMIME") => {
                return Err(Response::new(555, (5, 6, 1), "BODY=BINARYMIME is not offered"));
            }
            ("SMTPUTF8", None) => params.smtputf8 = true,
            ("RET", Some(value)) if value.eq_ignore_ascii_case("FULL") => params.ret = Some(Return::Full),
            ("RET", Some(value)) if value.eq_ignore_ascii_case("HDRS") => params.ret = Some(Return::Headers),
            ("ENVID", Some(value)) => params.envid = Some(envid(value)?),
            ("AUTH", Some(value)) => params.auth = Some(auth(value)?),
            ("SIZE" | "BODY" | "SMTPUTF8" | "RET" | "ENVID" | "AUTH", _) => return Err(bad_value(&param.keyword)),
            _ => return Err(unknown(&param.keyword)),
        }
    }
    Ok(params)
}

/// Reads the parameters of RCPT. `text` is what follows the path.
///
/// # Errors
/// The refusal to send: 501 for a bad or repeated parameter, 555 for one that is not offered.
pub fn parse_rcpt(text: &str) -> Result<RcptParams, Response> {
    let mut params = RcptParams::default();
    let mut seen = Seen::default();
    for param in split(text)? {
        seen.once(&param)?;
        match (param.keyword.as_str(), param.value) {
            ("NOTIFY", Some(value)) => params.notify = Notify::parse(value).ok_or_else(|| bad_value("NOTIFY"))?,
            ("ORCPT", Some(value)) => params.orcpt = Some(orcpt(value)?),
            ("NOTIFY" | "ORCPT", None) => return Err(bad_value(&param.keyword)),
            _ => return Err(unknown(&param.keyword)),
        }
    }
    Ok(params)
}

/// Decimal digits only, at most 20 of them (RFC 1870 §3).
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    // Twenty digits may exceed the type: such a size is over every limit anyhow.
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

struct Param<'a> {
    keyword: String,
    value: Option<&'a str>,
}

#[derive(Default)]
struct Seen(Vec<String>);

impl Seen {
    fn once(&mut self, param: &Param<'_>) -> Result<(), Response> {
        if self.0.contains(&param.keyword) {
            return Err(Response::new(501, (5, 5, 4), format!("{} is given twice", param.keyword)));
        }
        self.0.push(param.keyword.clone());
        Ok(())
    }
}

/// Splits `SP esmtp-keyword ["=" esmtp-value]` (RFC 5321 §4.1.2).
fn split(text: &str) -> Result<Vec<Param<'_>>, Response> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let Some(text) = text.strip_prefix(' ') else {
        return Err(Response::new(501, (5, 5, 4), "A space must follow the address"));
    };
    text.trim_end_matches(' ').split(' ').filter(|word| !word.is_empty()).map(param).collect()
}

fn param(word: &str) -> Result<Param<'_>, Response> {
    let (keyword, value) = match word.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (word, None),
    };
    let mut bytes = keyword.bytes();
    let well_formed = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && value.is_none_or(|v| !v.is_empty());
    if !well_formed {
        return Err(Response::new(501, (5, 5, 4), "Bad parameter after the address"));
    }
    Ok(Param { keyword: keyword.to_ascii_uppercase(), value })
}

fn envid(value: &str) -> Result<String, Response> {
    let fits = value.len() <= ENVID_MAX;
    let printable = xtext::decode(value).is_some_and(|v| v.bytes().all(|b| (b' '..=b'~').contains(&b)));
    if fits && printable { Ok(value.to_owned()) } else { Err(bad_value("ENVID")) }
}

fn auth(value: &str) -> Result<String, Response> {
    let printable = xtext::decode(value).is_some_and(|v| !v.chars().any(char::is_control));
    if value.len() <= AUTH_MAX && printable { Ok(value.to_owned()) } else { Err(bad_value("AUTH")) }
}

/// `ORCPT=type;address`, the address as xtext, or as UTF-8 where the type says so
/// (RFC 3461 §4.2, RFC 6533 §3).
fn orcpt(value: &str) -> Result<String, Response> {
    let bad = || bad_value("ORCPT");
    let (kind, address) = value.split_once(';').ok_or_else(bad)?;
    let kind_ok = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    let address_ok = if kind.eq_ignore_ascii_case("utf-8") {
        !address.is_empty() && !address.chars().any(char::is_control)
    } else {
        !address.is_empty() && xtext::decode(address).is_some_and(|v| !v.chars().any(char::is_control))
    };
    if value.len() <= ORCPT_MAX && kind_ok && address_ok { Ok(value.to_owned()) } else { Err(bad()) }
}

fn bad_value(keyword: &str) -> Response {
    Response::new(501, (5, 5, 4), format!("Bad value of {keyword}"))
}

fn unknown(keyword: &str) -> Response {
    Response::new(555, (5, 5, 4), format!("{keyword} is not offered"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn mail_parameters() {
        let params =
            parse_mail(" SIZE=5000 body=8bitmime SMTPUTF8 RET=HDRS ENVID=QQ+2B314159 AUTH=e+3Dmc2@example.jp").unwrap();
        assert_eq!(params.size, Some(5000));
        assert_eq!(params.body, Body::EightBitMime);
        assert!(params.smtputf8);
        assert_eq!(params.ret, Some(Return::Headers));
        assert_eq!(params.envid.as_deref(), Some("QQ+2B314159"));
        assert_eq!(params.auth.as_deref(), Some("e+3Dmc2@example.jp"));
        assert_eq!(parse_mail("").unwrap(), MailParams::default());
    }

    #[test]
    fn bad_mail_parameters() {
        let code = |text: &str| parse_mail(text).unwrap_err().code;
        assert_eq!(code("SIZE=1"), 501);
        assert_eq!(code(" SIZE"), 501);
        assert_eq!(code(" SIZE="), 501);
        assert_eq!(code(" SIZE=-1"), 501);
        assert_eq!(code(" SIZE=1 SIZE=2"), 501);
        assert_eq!(code(" SIZE=1 size=2"), 501);
        assert_eq!(code(" BODY=BINARYMIME"), 555);
        assert_eq!(code(" BODY=HEX"), 501);
        assert_eq!(code(" SMTPUTF8=yes"), 501);
        assert_eq!(code(" RET=SOME"), 501);
        assert_eq!(code(" X-NEW=1"), 555);
        assert_eq!(code(" ="), 501);
        assert_eq!(code(" ENVID=a+0D+0Ab"), 501);
        assert_eq!(code(&format!(" ENVID={}", "a".repeat(101))), 501);
        assert_eq!(parse_mail(" SIZE=99999999999999999999").unwrap().size, Some(u64::MAX));
    }

    #[test]
    fn rcpt_parameters() {
        let params = parse_rcpt(" NOTIFY=success,DELAY ORCPT=rfc822;a+2Bb@example.jp").unwrap();
        assert_eq!(params.notify, Notify(Notify::SUCCESS | Notify::DELAY));
        assert_eq!(params.notify.wire(), "SUCCESS,DELAY");
        assert_eq!(params.orcpt.as_deref(), Some("rfc822;a+2Bb@example.jp"));
        assert!(parse_rcpt(" ORCPT=utf-8;山田@example.jp").is_ok());
        let code = |text: &str| parse_rcpt(text).unwrap_err().code;
        assert_eq!(code(" NOTIFY=NEVER,SUCCESS"), 501);
        assert_eq!(code(" NOTIFY=SUCCESS,SUCCESS"), 501);
        assert_eq!(code(" NOTIFY="), 501);
        assert_eq!(code(" ORCPT=a@example.jp"), 501);
        assert_eq!(code(" ORCPT=rfc822;a+0Ab"), 501);
        assert_eq!(code(" SIZE=4"), 555);
    }
}
