//! Feedback reports: complaints that a mail host sends back (RFC 5965, RFC 6591).

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::header::Fields;
use crate::structure::Structure;
use crate::{Address, Time, date, report};

/// Most values of a repeated field that are kept.
const MAX_VALUES: usize = 1_000;

/// A feedback report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feedback {
    /// Feedback-Type in lower case: `abuse`, `fraud`, `virus`, `not-spam`, `auth-failure`, `other` …
    pub kind: String,
    /// User-Agent of the reporter.
    pub user_agent: Option<String>,
    /// Original-Mail-From: the reverse-path, without angle brackets.
    pub mail_from: Option<String>,
    /// Original-Rcpt-To, all of them, without angle brackets.
    pub recipients: Vec<String>,
    /// Source-IP.
    pub source: Option<IpAddr>,
    /// Arrival-Date or Received-Date.
    pub arrival: Option<Time>,
    /// Reported-Domain, all of them.
    pub domains: Vec<String>,
    /// Reported-URI, all of them.
    pub uris: Vec<String>,
    /// Reporting-MTA without its type.
    pub reporting_mta: Option<String>,
    /// Incidents: how many messages this report stands for; 1 unless it says so.
    pub incidents: u32,
    /// Message-ID of the message complained of, with its angle brackets.
    pub original_message_id: Option<String>,
    /// From of the message complained of: its addresses.
    pub original_from: Vec<Address>,
    /// The header of the message complained of, or as much of it as came back.
    pub original_header: Vec<u8>,
}

/// Reads a feedback report; `None` when the message has no `message/feedback-report` part.
///
/// Everything in it is a stranger's claim: find the message by its id, envelope or a token of our own before acting.
#[must_use]
pub fn parse(message: &[u8]) -> Option<Feedback> {
    let structure = Structure::of(message);
    let own = report::own_parts(&structure);
    let part = own.iter().find(|part| part.content.media.is("message", "feedback-report"))?;
    let mut feedback = Feedback { incidents: 1, ..Feedback::default() };
    // Some reporters begin with an empty line.
    let body = structure.decoded(part);
    for field in Fields::new(body.trim_ascii_start()) {
        feedback.take(field.name(), &field.text());
    }
    let header = report::returned_header(&structure, &own);
    feedback.original_message_id = report::message_id(&header);
    feedback.original_from = report::from(&header);
    feedback.original_header = header.into_owned();
    Some(feedback)
}

impl Feedback {
    fn take(&mut self, name: &str, value: &str) {
        match name.to_ascii_lowercase().as_str() {
            "feedback-type" if self.kind.is_empty() => self.kind = value.to_ascii_lowercase(),
            "user-agent" => self.user_agent = report::some(value),
            "original-mail-from" => self.mail_from = report::some(report::address(value)),
            "original-rcpt-to" => push(&mut self.recipients, report::address(value)),
            "source-ip" => self.source = value.trim_matches(['[', ']']).trim_start_matches("IPv6:").parse().ok(),
            "arrival-date" | "received-date" => self.arrival = self.arrival.or(date::parse(value)),
            "reported-domain" => push(&mut self.domains, value.to_owned()),
            "reported-uri" => push(&mut self.uris, value.to_owned()),
            "reporting-mta" => self.reporting_mta = report::some(report::without_type(value)),
            "incidents" => self.incidents = value.parse().unwrap_or(1).max(1),
            _ => {}
        }
    }
}

fn push(list: &mut Vec<String>, value: String) {
    if !value.is_empty() && list.len() < MAX_VALUES {
        list.push(value);
    }
}
