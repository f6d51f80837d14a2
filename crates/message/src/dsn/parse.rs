//! Reading notifications.

use super::{Action, DsnReport, ReportedRecipient};
use crate::header::{Fields, HeaderField};
use crate::structure::Structure;
use crate::{date, report};

/// Most recipients that are read from one notification.
const MAX_RECIPIENTS: usize = 1_000;

/// Reads a notification; `None` when the message has no `message/delivery-status` part with a recipient.
///
/// Everything in it is a stranger's claim. Lost empty lines between recipients, stray ones, comments and missing types are tolerated.
#[must_use]
pub fn parse(message: &[u8]) -> Option<DsnReport> {
    let structure = Structure::of(message);
    let own = report::own_parts(&structure);
    let part = own.iter().find(|part| {
        let media = &part.content.media;
        media.is("message", "delivery-status") || media.is("message", "global-delivery-status")
    })?;
    let mut reading = Reading::default();
    let body = structure.decoded(part);
    let mut rest: &[u8] = &body;
    while !rest.is_empty() {
        // Each group of fields ends at an empty line, where the walk over fields stops.
        let (group, after) = crate::header::split(rest);
        for field in Fields::new(group) {
            reading.take(&field);
        }
        reading.end_group();
        rest = after;
    }
    let mut parsed = reading.finish()?;
    let header = report::returned_header(&structure, &own);
    parsed.original_message_id = report::message_id(&header);
    parsed.original_from = report::from(&header);
    parsed.original_header = header.into_owned();
    Some(parsed)
}

#[derive(Default)]
struct Reading {
    report: DsnReport,
    current: ReportedRecipient,
}

impl Reading {
    fn take(&mut self, field: &HeaderField<'_>) {
        let value = field.text();
        let typeless = || report::some(report::without_type(&value));
        match field.name().to_ascii_lowercase().as_str() {
            "reporting-mta" => self.report.reporting_mta = typeless(),
            "original-envelope-id" => self.report.envelope_id = report::some(value),
            "arrival-date" => self.report.arrival = date::parse(&value),
            "final-recipient" => {
                if !self.current.recipient.is_empty() {
                    self.end_group();
                }
                self.current.recipient = report::address(&value);
            }
            "original-recipient" => self.current.original = report::some(report::address(&value)),
            "action" => self.current.action = value.split([' ', '\t', '(', ';']).next().and_then(Action::parse),
            "status" => self.current.status = status(&value),
            "remote-mta" => self.current.remote_mta = typeless(),
            "diagnostic-code" => self.current.diagnostic = typeless(),
            _ => {}
        }
    }

    fn end_group(&mut self) {
        let mut current = std::mem::take(&mut self.current);
        if current.recipient.is_empty() {
            current.recipient = current.original.clone().unwrap_or_default();
        }
        if !current.recipient.is_empty() {
            if self.report.recipients.len() < MAX_RECIPIENTS {
                self.report.recipients.push(current);
            }
        } else if current != ReportedRecipient::default() {
            // A stray empty line within a recipient's fields: the rest belongs to what comes next, or came before.
            match self.report.recipients.last_mut() {
                Some(last) => merge(last, current),
                None => self.current = current,
            }
        }
    }

    fn finish(mut self) -> Option<DsnReport> {
        self.end_group();
        (!self.report.recipients.is_empty()).then_some(self.report)
    }
}

fn merge(recipient: &mut ReportedRecipient, more: ReportedRecipient) {
    recipient.action = recipient.action.or(more.action);
    recipient.status = recipient.status.take().or(more.status);
    recipient.remote_mta = recipient.remote_mta.take().or(more.remote_mta);
    recipient.diagnostic = recipient.diagnostic.take().or(more.diagnostic);
}

/// The first thing in a value that looks like an enhanced status code (RFC 3463 §2).
fn status(value: &str) -> Option<String> {
    value.split(|c: char| !(c.is_ascii_digit() || c == '.')).find(|word| is_status(word)).map(str::to_owned)
}

fn is_status(word: &str) -> bool {
    let mut numbers = word.split('.');
    let class = matches!(numbers.next(), Some("2" | "4" | "5"));
    let detail = |n: Option<&str>| n.is_some_and(|n| matches!(n.len(), 1..=3));
    class && detail(numbers.next()) && detail(numbers.next()) && numbers.next().is_none()
}
