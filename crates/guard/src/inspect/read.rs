//! From a line of any format to facts.

use sekisho_message::Time;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::stamp::Clock;
use super::{dovecot, exim, postfix, sekisho, spool};
use crate::event::Protocol;

/// Whose log it is. Postfix and Dovecot often share a file, so either of them reads both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Every line is looked at for what it is.
    #[default]
    Auto,
    /// Postfix through syslog, or its own log file.
    Postfix,
    /// Dovecot through syslog, or its own log file.
    Dovecot,
    /// Exim's mainlog.
    Exim,
    /// The seven logs of Sekisho, as text or as JSON.
    Sekisho,
    /// The logs of E-POST Mail Server.
    Epost,
}

impl Format {
    /// Every format, by the name that users write.
    pub const ALL: [(&'static str, Self); 6] = [
        ("auto", Self::Auto),
        ("postfix", Self::Postfix),
        ("dovecot", Self::Dovecot),
        ("exim", Self::Exim),
        ("sekisho", Self::Sekisho),
        ("epost", Self::Epost),
    ];

    /// The format of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, format)| (known == name).then_some(format))
    }
}

/// What became of reading a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Line<'a> {
    /// It says this.
    Fact(Fact<'a>),
    /// It says two things.
    Two(Fact<'a>, Fact<'a>),
    /// It is well, and says nothing that matters.
    Other,
    /// It is none that this format has: broken, cut off, or somebody else's.
    Bad,
}

/// Reads the lines of one file.
#[derive(Clone, Debug)]
pub struct Source {
    format: Format,
    clock: Clock,
    access: Option<Protocol>,
}

impl Source {
    /// A source whose `name` may tell what kind of log it is (`imap4log` or `pop3log`).
    #[must_use]
    pub fn new(format: Format, clock: Clock, name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let access = match (name.contains("imap"), name.contains("pop")) {
            (true, false) => Some(Protocol::Imap4),
            (false, true) => Some(Protocol::Pop3),
            _ => None,
        };
        Self { format, clock, access }
    }

    /// By how many years the file, read as it was, ends in the future (see [`Clock::years_ahead`]).
    #[must_use]
    pub fn years_ahead(&self) -> i16 {
        self.clock.years_ahead()
    }

    /// Whether the last time that was read had its year.
    #[must_use]
    pub fn writes_years(&self) -> bool {
        self.clock.writes_years()
    }

    /// The time of a line alone, to merge files by it.
    pub fn time(&mut self, line: &str) -> Option<Time> {
        match kind(self.format, line) {
            Kind::Log => self.clock.leading(priority(line)).map(|(time, _)| time),
            Kind::Json => json_time(line).and_then(|text| self.clock.iso(text)),
            Kind::Spool => spool::stamp(line, &mut self.clock).map(|(time, _)| time),
        }
    }

    /// Reads a line: its time, unless it has none, and what it says.
    pub fn read<'a>(&mut self, line: &'a str) -> (Option<Time>, Line<'a>) {
        match kind(self.format, line) {
            Kind::Log => {
                let line = priority(line);
                let Some((time, at)) = self.clock.leading(line) else { return (None, Line::Bad) };
                (Some(time), log(self.format, line.get(at..).unwrap_or_default()))
            }
            Kind::Json => sekisho::read(line, &mut self.clock),
            Kind::Spool => spool::read(line, &mut self.clock, self.access, self.format == Format::Sekisho),
        }
    }
}

enum Kind {
    Log,
    Json,
    Spool,
}

fn kind(format: Format, line: &str) -> Kind {
    match (format, line.as_bytes().first()) {
        (Format::Sekisho | Format::Auto, Some(b'{')) => Kind::Json,
        (Format::Sekisho | Format::Epost, _) => Kind::Spool,
        (Format::Auto, Some(b'<' | b'[')) if priority(line).len() == line.len() => Kind::Spool,
        (Format::Auto, Some(b'B')) if line.contains(" send fail on [") => Kind::Spool,
        _ => Kind::Log,
    }
}

/// Takes `<22>` and `<22>1 ` away, as some collectors leave them.
fn priority(line: &str) -> &str {
    let Some((number, rest)) = line.strip_prefix('<').and_then(|l| l.split_once('>')) else { return line };
    if number.is_empty() || number.len() > 3 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return line;
    }
    rest.strip_prefix("1 ").unwrap_or(rest)
}

/// The value of `"time"` where `serde_json` writes it.
fn json_time(line: &str) -> Option<&str> {
    between(line, "\"time\":\"", "\"")
}

/// A line after its time: of syslog, of Exim, or of Dovecot's own file.
fn log(format: Format, rest: &str) -> Line<'_> {
    if format == Format::Exim {
        return exim::read(rest);
    }
    let Some((first, after)) = rest.split_once(' ') else { return Line::Bad };
    if let Some(service) = first.strip_suffix(':').filter(|s| dovecot::is_service(s)) {
        return dovecot::read(service, after);
    }
    let Some((tag, text)) = after.split_once(": ").filter(|(tag, _)| !tag.contains(' ')) else {
        // A program without a colon, RFC 5424, or Exim's mainlog, which has no host and no program.
        return if let Some(line) = structured(after) {
            line
        } else if format == Format::Auto {
            exim::read(rest)
        } else {
            Line::Other
        };
    };
    let program = tag.split('[').next().unwrap_or(tag);
    tagged(program, text).unwrap_or_else(|| if format == Format::Auto { exim::read(rest) } else { Line::Other })
}

fn tagged<'a>(program: &str, text: &'a str) -> Option<Line<'a>> {
    // Some systems put `[ID 197553 mail.info] ` before.
    let text = text.strip_prefix("[ID ").and_then(|t| t.split_once("] ")).map_or(text, |(_, rest)| rest);
    if let Some(agent) = postfix::agent(program) {
        return Some(postfix::read(agent, text));
    }
    match program {
        "dovecot" => {
            let (service, text) = text.split_once(": ")?;
            Some(dovecot::read(service, text))
        }
        "exim" | "exim4" => Some(exim::read(text)),
        _ => None,
    }
}

/// `postfix/smtpd 123 - - text`, after time and host of RFC 5424.
fn structured(after: &str) -> Option<Line<'_>> {
    let mut parts = after.splitn(4, ' ');
    let (program, _, _) = (parts.next()?, parts.next()?, parts.next()?);
    let text = parts.next()?.strip_prefix("- ")?;
    tagged(program, text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// What stands between two marks.
pub(super) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = text.get(text.find(before)? + before.len()..)?;
    Some(rest.get(..rest.find(after)?).unwrap_or(rest))
}

/// The digits at the start; 0 when there are none, the most that fits when there are too many.
pub(super) fn number(text: &str) -> u32 {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold(0_u32, |n, digit| n.saturating_mul(10).saturating_add(u32::from(digit - b'0')))
}

/// Whether an address is of this machine or of a private network: mail that goes there stays in the house.
pub(super) fn house_address(address: &str) -> bool {
    match address.trim_start_matches("IPv6:").parse::<std::net::IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(std::net::IpAddr::V4(v4)) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        Ok(std::net::IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        Err(_) => false,
    }
}
