//! What was found in a log.

use sekisho_message::{Language, Time};
use serde_json::{Value, json};

use super::course::Excuse;
use super::origins::Sent;
use crate::class::Class;
use crate::event::Protocol;
use crate::ladder::{Reason, Rung};
use crate::place::Place;
use crate::profile::Breach;
use crate::signal::Signal;

/// Networks that a report names.
const NAMED: usize = 10;

/// What was found. Times are Unix seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// First and last time in the log.
    pub period: Option<(i64, i64)>,
    /// Messages that an origin sent; what only came in from outside is not among them.
    pub messages: u64,
    /// Their recipients.
    pub recipients: u64,
    /// Origins that sent them.
    pub origins: u64,
    /// Messages that came in from outside for mailboxes of the house.
    pub received: u64,
    /// Logins that worked, other than to send.
    pub logins: u64,
    /// Logins that failed.
    pub failures: u64,
    /// Recipients or messages that were refused.
    pub refused: u64,
    /// Recipients whom the guard would have kept waiting.
    pub delayed: u64,
    /// Lines read.
    pub lines: u64,
    /// Of these, lines that could not be read.
    pub bad_lines: u64,
    /// The first of them.
    pub bad: Vec<BadLine>,
    /// Domains that are taken to be ours.
    pub local_domains: Vec<String>,
    /// Who was abused.
    pub incidents: Vec<Trouble>,
    /// What looks like it and is not, seen from the end of the log.
    pub notices: Vec<Trouble>,
}

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BadLine {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// How it begins.
    pub text: String,
}

/// One origin that was abused, as far as the guard can tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// `account:taro@example.jp`, `network:192.0.2.0/24`, `local:33`.
    pub origin: String,
    /// What kind of sender it was before.
    pub class: Class,
    /// Why it is no abuse after all.
    pub excuse: Option<Excuse>,
    /// When the evidence began.
    pub first_evidence: i64,
    /// When the guard would have held it.
    pub held_at: i64,
    /// The rung that it would have stood on.
    pub rung: Rung,
    /// The rule.
    pub reason: Reason,
    /// Whether the log began, or the origin came to be, so shortly before that a mailing to old friends looks the same.
    pub learning: bool,
    /// Messages that are part of the evidence, until the hold.
    pub messages_before_hold: u32,
    /// Their recipients outside.
    pub recipients_before_hold: u32,
    /// Of these, those whom dwell and valve would have let go before the hold.
    pub recipients_escaped: u32,
    /// Messages that would have been held.
    pub messages_after: u32,
    /// Their recipients outside.
    pub recipients_after: u32,
    /// When the last of them came.
    pub last_message: i64,
    /// Whether its mail became ordinary again, a day or more after.
    pub over: bool,
    /// What was seen, the strongest first.
    pub signals: Vec<Signal>,
    /// How the intruder probably came in.
    pub login: Option<LoginStory>,
    /// From which networks the evidence came.
    pub networks: Vec<Network>,
}

/// How the intruder came in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoginStory {
    /// Whether the password was guessed.
    pub guessed: bool,
    /// Over which door it was guessed, or the first strange login came.
    pub protocol: Protocol,
    /// The first wrong password.
    pub first_failure: Option<i64>,
    /// About how many different ones.
    pub distinct: u32,
    /// The first strange login.
    pub success: i64,
    /// From where.
    pub network: Place,
}

/// Messages of one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Which.
    pub place: Place,
    /// How many.
    pub messages: u32,
    /// Whether the origin did not use it before.
    pub strange: bool,
}

impl Network {
    pub(super) fn count(networks: &mut Vec<Self>, place: Place, strange: bool, most: usize) {
        if let Some(known) = networks.iter_mut().find(|known| known.place == place) {
            known.messages = known.messages.saturating_add(1);
        } else if networks.len() < most {
            networks.push(Self { place, messages: 1, strange });
        }
    }
}

/// An incident while the log is read.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The origin's number.
    pub(super) key: u64,
    /// Why it is no abuse after all.
    pub(super) excuse: Option<Excuse>,
    pub(super) origin: String,
    pub(super) class: Class,
    pub(super) authenticated: bool,
    pub(super) first_evidence: Time,
    pub(super) held_at: Time,
    pub(super) rung: Rung,
    pub(super) reason: Reason,
    pub(super) learning: bool,
    pub(super) messages: u32,
    pub(super) recipients: u32,
    pub(super) escaped: u32,
    pub(super) messages_after: u32,
    pub(super) recipients_after: u32,
    pub(super) last: Time,
    pub(super) signals: Vec<Signal>,
    pub(super) breach: Option<Breach>,
    pub(super) strange: Option<(Time, Place, Protocol)>,
    pub(super) networks: Vec<Network>,
    pub(super) closed: bool,
}

impl Found {
    /// A message that came after the hold.
    pub(super) fn after(&mut self, sent: Sent) {
        if sent.outside > 0 {
            self.messages_after = self.messages_after.saturating_add(1);
            self.recipients_after = self.recipients_after.saturating_add(sent.outside);
            self.last = self.last.max(sent.at);
        }
        if sent.authenticated && sent.place != Place::Unknown {
            Network::count(&mut self.networks, sent.place, false, 1_000);
        }
    }

    pub(super) fn tell(self) -> Trouble {
        let story = |(at, network, protocol): (Time, Place, Protocol)| LoginStory {
            guessed: false,
            protocol,
            first_failure: None,
            distinct: 0,
            success: at.seconds(),
            network,
        };
        let login = match self.breach {
            Some(breach) => Some(LoginStory {
                guessed: breach.guessed,
                protocol: breach.protocol,
                first_failure: breach.first_failure.map(Time::seconds),
                distinct: breach.distinct,
                success: breach.success.seconds(),
                network: breach.place,
            }),
            None => self.strange.filter(|_| self.authenticated).map(story),
        };
        let mut networks = self.networks;
        networks.sort_by_key(|n| (!n.strange, std::cmp::Reverse(n.messages), n.place));
        Trouble {
            origin: self.origin,
            class: self.class,
            excuse: self.excuse,
            first_evidence: self.first_evidence.seconds(),
            held_at: self.held_at.seconds(),
            rung: self.rung,
            reason: self.reason,
            learning: self.learning,
            messages_before_hold: self.messages,
            recipients_before_hold: self.recipients,
            recipients_escaped: self.escaped,
            messages_after: self.messages_after,
            recipients_after: self.recipients_after,
            last_message: self.last.seconds(),
            over: self.closed,
            signals: self.signals,
            login,
            networks,
        }
    }
}

impl Report {
    /// The report for programs: fields may be added, never renamed.
    #[must_use]
    pub fn json(&self, language: Language) -> Value {
        json!({
            "period": { "from": self.period.map(|p| p.0), "to": self.period.map(|p| p.1) },
            "messages": self.messages,
            "recipients": self.recipients,
            "origins": self.origins,
            "incidents": self.incidents.iter().map(|one| one.json(language)).collect::<Vec<_>>(),
            "received": self.received,
            "logins": self.logins,
            "failures": self.failures,
            "refused": self.refused,
            "delayed": self.delayed,
            "lines": self.lines,
            "bad_lines": self.bad_lines,
            "bad": self.bad,
            "local_domains": self.local_domains,
            "notices": self.notices.iter().filter_map(|one| one.notice(language)).collect::<Vec<_>>(),
        })
    }
}

impl Trouble {
    fn notice(&self, language: Language) -> Option<Value> {
        let excuse = self.excuse?;
        Some(json!({
            "origin": self.origin,
            "excuse": excuse,
            "text": excuse.text().get(language),
            "first_evidence": self.first_evidence,
            "held_at": self.held_at,
            "recipients": u64::from(self.recipients_before_hold) + u64::from(self.recipients_after),
        }))
    }

    /// The same of one incident.
    #[must_use]
    pub fn json(&self, language: Language) -> Value {
        let signals: Vec<Value> = self.signals.iter().map(|signal| signal_json(signal, language)).collect();
        let login = self.login.map(|login| {
            json!({
                "guessed": login.guessed,
                "protocol": login.protocol,
                "first_failure": login.first_failure,
                "success": login.success,
                "network": login.network,
                "distinct": login.distinct,
            })
        });
        let networks = self.networks.iter().take(NAMED);
        json!({
            "origin": self.origin,
            "class": self.class,
            "first_evidence": self.first_evidence,
            "held_at": self.held_at,
            "rung": self.rung,
            "reason": self.reason,
            "learning": self.learning,
            "messages_before_hold": self.messages_before_hold,
            "recipients_before_hold": self.recipients_before_hold,
            "recipients_escaped": self.recipients_escaped,
            "messages_after": self.messages_after,
            "recipients_after": self.recipients_after,
            "last_message": self.last_message,
            "over": self.over,
            "signals": signals,
            "login": login,
            "networks": networks.map(|n| json!({ "network": n.place, "messages": n.messages })).collect::<Vec<_>>(),
            "network_count": self.networks.len(),
        })
    }
}

/// A signal with its sentence in one language.
#[must_use]
pub fn signal_json(signal: &Signal, language: Language) -> Value {
    let llr = (f64::from(signal.llr) * 100.0).round() / 100.0;
    json!({ "name": signal.kind.name(), "llr": llr, "text": signal.text().get(language) })
}
