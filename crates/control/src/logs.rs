//! The seven logs: views of the journal, printed in the line shapes of E-POST with the AUTH identity added.

use std::borrow::Cow;
use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sekisho_message::Time;
use sekisho_store::journal::{Entry, Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// One of the seven logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Log {
    /// Connections and how they ended.
    AcceptLog,
    /// Accepted messages.
    InLog,
    /// The SMTP dialogue: refusals with their reasons, who authenticated.
    ReceiveLog,
    /// Relays and deliveries.
    OutLog,
    /// Final failures.
    FailLog,
    /// POP3 logins and dialogue.
    Pop3Log,
    /// IMAP logins and dialogue.
    Imap4Log,
}

impl Log {
    /// Every log.
    pub const ALL: [Self; 7] =
        [Self::AcceptLog, Self::InLog, Self::ReceiveLog, Self::OutLog, Self::FailLog, Self::Pop3Log, Self::Imap4Log];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AcceptLog => "acceptlog",
            Self::InLog => "inlog",
            Self::ReceiveLog => "receivelog",
            Self::OutLog => "outlog",
            Self::FailLog => "faillog",
            Self::Pop3Log => "pop3log",
            Self::Imap4Log => "imap4log",
        }
    }

    /// The log of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|log| log.as_str() == name)
    }

    /// The kinds of journal entries that it shows.
    #[must_use]
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::AcceptLog => &[Kind::AcceptOpen, Kind::AcceptEnd],
            Self::InLog => &[Kind::In],
            Self::ReceiveLog => &[Kind::Receive],
            Self::OutLog => &[Kind::Out],
            Self::FailLog => &[Kind::Fail],
            Self::Pop3Log => &[Kind::Pop3],
            Self::Imap4Log => &[Kind::Imap4],
        }
    }

    /// The log that shows entries of `kind`, if one does.
    #[must_use]
    pub fn of(kind: Kind) -> Option<Self> {
        Self::ALL.into_iter().find(|log| log.kinds().contains(&kind))
    }
}

/// How lines are printed.
#[derive(Clone, Debug)]
pub struct Style {
    /// The host name that lines carry.
    pub host: String,
    /// The zone of their times.
    pub zone: TimeZone,
}

impl Style {
    /// The lines of `entry`, each ended with `\n`: one, except for a message with several recipients. Empty for kinds
    /// that are in none of the seven logs.
    #[must_use]
    pub fn lines(&self, entry: &Entry) -> String {
        match entry.kind {
            Kind::AcceptOpen => self.accept_open(entry),
            Kind::AcceptEnd => self.accept_end(entry),
            Kind::In => self.accepted(entry),
            Kind::Receive => self.receive(entry),
            Kind::Out => self.relayed(entry),
            Kind::Fail => self.failed(entry),
            Kind::Pop3 | Kind::Imap4 => self.access(entry),
            Kind::Defer | Kind::Act | Kind::Verdict | Kind::Notice => String::new(),
        }
    }

    /// `30/Nov/2017:08:20:44` in the style's zone.
    #[must_use]
    pub fn time(&self, time: Time) -> String {
        let Ok(stamp) = Timestamp::from_microsecond(time.micros()) else { return format!("@{}", time.seconds()) };
        stamp.to_zoned(self.zone.clone()).strftime("%d/%b/%Y:%H:%M:%S").to_string()
    }

    fn accept_open(&self, entry: &Entry) -> String {
        let (time, ip) = (self.time(entry.at), network(entry));
        let port = entry.detail.get("port").and_then(Value::as_u64).unwrap_or(0);
        format!("[{time}], ({}), [{ip}]:{port}, Client accept now.\n", self.host)
    }

    fn accept_end(&self, entry: &Entry) -> String {
        let (time, ip, name) = (self.time(entry.at), network(entry), text(entry, "name"));
        let (from, message, status) = (text(entry, "from"), message(entry), text(entry, "status"));
        let space = if name.is_empty() { "" } else { " " };
        let mut line = format!("[{time}], ({}), {name}{space}[{ip}], <{from}>,<{message}>,{status}", self.host);
        add_account(&mut line, entry);
        add_reason(&mut line, entry);
        line.push('\n');
        line
    }

    fn accepted(&self, entry: &Entry) -> String {
        let (time, ip, helo) = (self.time(entry.at), network(entry), text(entry, "helo"));
        let (from, message, host) = (text(entry, "from"), message(entry), &self.host);
        let listed: Vec<&str> = match entry.detail.get("to").and_then(Value::as_array) {
            Some(to) => to.iter().filter_map(Value::as_str).collect(),
            None => entry.address.as_deref().into_iter().collect(),
        };
        let mut lines = String::new();
        for to in &listed {
            let to = safe(to);
            let _ = write!(lines, "<{message}@{host}> [{time}] <{ip}> <{helo}> <{from}> <{to}>");
            add_account(&mut lines, entry);
            lines.push('\n');
        }
        let all = entry.detail.get("recipients").and_then(Value::as_u64).unwrap_or(0);
        let more = all.saturating_sub(listed.len() as u64);
        if more > 0 {
            let _ = writeln!(lines, "<{message}@{host}> [{time}] <{ip}> <{helo}> <{from}> ({more} more recipients)");
        }
        lines
    }

    fn receive(&self, entry: &Entry) -> String {
        let (time, ip) = (self.time(entry.at), network(entry));
        let message = entry.message.as_deref().map(|m| format!("<{}> ", safe(m))).unwrap_or_default();
        let mut line = format!("{message}[{time}] ({}) [{ip}] {}", self.host, said(entry));
        add_account(&mut line, entry);
        add_reason(&mut line, entry);
        line.push('\n');
        line
    }

    fn relayed(&self, entry: &Entry) -> String {
        let (time, message, from) = (self.time(entry.at), message(entry), text(entry, "from"));
        let (to, ip, name) = (address(entry), text(entry, "host"), text(entry, "name"));
        let host = &self.host;
        let mut line = format!("<{message}@{host}> sent on [{time}] to <{ip}> <{name}> from <{from}> to <{to}>");
        add_account(&mut line, entry);
        line.push('\n');
        line
    }

    fn failed(&self, entry: &Entry) -> String {
        let (time, message, from) = (self.time(entry.at), message(entry), text(entry, "from"));
        let (to, host) = (address(entry), &self.host);
        let reply = match text(entry, "reply") {
            Cow::Borrowed("") => Cow::Borrowed("Unable to deliver to destination domain"),
            reply => reply,
        };
        let mut line = format!("{message}@{host} send fail on [{time}] from <{from}> to <{to}> [{reply}]");
        add_account(&mut line, entry);
        line.push('\n');
        line
    }

    fn access(&self, entry: &Entry) -> String {
        let (time, ip) = (self.time(entry.at), network(entry));
        let who = entry.account.as_deref().map_or_else(|| text(entry, "login"), safe);
        let mut line = format!("<{who}> from <{ip}> {} [{time}]", said(entry));
        let reply = text(entry, "reply");
        if !reply.is_empty() {
            let _ = write!(line, " ({reply})");
        }
        add_reason(&mut line, entry);
        line.push('\n');
        line
    }
}

/// What was said: the client's line, or what became of a login.
fn said(entry: &Entry) -> String {
    if let Some(ok) = entry.detail.get("ok").and_then(Value::as_bool) {
        let how = match &*text(entry, "how") {
            "" => String::new(),
            how => format!(" by {how}"),
        };
        return format!("LOGIN {} {}{how}", text(entry, "login"), if ok { "ok" } else { "failed" });
    }
    let (line, reply) = (text(entry, "line"), text(entry, "reply"));
    if entry.kind == Kind::Receive && !reply.is_empty() {
        return format!("{line} => {reply}");
    }
    line.into_owned()
}

fn add_account(line: &mut String, entry: &Entry) {
    if let Some(account) = &entry.account {
        let _ = write!(line, " AUTH=<{}>", safe(account));
    }
}

fn add_reason(line: &mut String, entry: &Entry) {
    let reason = text(entry, "reason");
    if !reason.is_empty() {
        let _ = write!(line, " ({reason})");
    }
}

fn network(entry: &Entry) -> Cow<'_, str> {
    safe(entry.network.as_deref().unwrap_or("-"))
}

fn message(entry: &Entry) -> Cow<'_, str> {
    safe(entry.message.as_deref().unwrap_or_default())
}

fn address(entry: &Entry) -> Cow<'_, str> {
    safe(entry.address.as_deref().unwrap_or_default())
}

fn text<'a>(entry: &'a Entry, name: &str) -> Cow<'a, str> {
    safe(entry.detail.get(name).and_then(Value::as_str).unwrap_or_default())
}

/// Peers choose these texts: controls become spaces or visible, so that nobody forges a line or a terminal command.
fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hides) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().fold(String::with_capacity(text.len() + 8), |mut out, c| {
        match c {
            '\r' | '\n' | '\t' => out.push(' '),
            c if hides(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
        out
    });
    Cow::Owned(shown)
}

/// Controls, and characters that change the direction or the line of what follows.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
