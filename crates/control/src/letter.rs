//! Letters that the administrator should know of: complaints, returned mail, warnings. Reception notes them in inlog, and
//! [`crate::check`] counts them.

use sekisho_message::Address;
use sekisho_message::header::{HeaderField, address_list};
use sekisho_message::within::levels;
use serde_json::{Value, json};

use crate::Control;
use crate::check::words;
use crate::trace::{Bound, about, hops};

/// Octets of a report that are looked at.
pub const SAMPLE: usize = 64 << 10;

/// What a header says that its message reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// A complaint of a mail host (RFC 5965).
    Feedback,
    /// A delivery status notification (RFC 3464), or what looks like an old one.
    Dsn,
}

impl Report {
    /// From a Content-Type field, folded or not.
    #[must_use]
    pub fn of(field: &HeaderField<'_>) -> Option<Self> {
        let value = String::from_utf8_lossy(field.value().get(..1_000).unwrap_or(field.value())).to_ascii_lowercase();
        if !value.contains("multipart/report") {
            return None;
        }
        match () {
            () if value.contains("feedback-report") => Some(Self::Feedback),
            () if value.contains("delivery-status") => Some(Self::Dsn),
            () => None,
        }
    }
}

/// What is known of a letter that came from outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrival<'a> {
    /// What its header says that it reports.
    pub report: Option<Report>,
    /// It is for abuse@ or postmaster@.
    pub role: bool,
    /// It has a null reverse-path.
    pub bounce: bool,
    /// Who wrote it, by its own word.
    pub from: &'a str,
    /// Its subject.
    pub subject: &'a str,
    /// Its beginning, where it is a report.
    pub sample: &'a [u8],
}

impl Control {
    /// What inlog should say of the letter: `{"kind","by","about"}`; none when it is an ordinary one. `kind`: `feedback`,
    /// `dsn`, `complaint`, `warning`; `about`: whose mail of ours it is about, proven by our mark.
    pub async fn letter(&self, arrival: &Arrival<'_>) -> Option<Value> {
        let daemon = arrival.bounce && is_daemon(arrival.from);
        let kind = match arrival.report {
            Some(Report::Feedback) => "feedback",
            Some(Report::Dsn) => "dsn",
            None if daemon => "dsn",
            None if arrival.role && !arrival.bounce && words::is_warning(arrival.subject) => "warning",
            None if arrival.role && !arrival.bounce => "complaint",
            None => return None,
        };
        let about = if arrival.sample.is_empty() { None } else { Box::pin(self.whose(arrival.sample)).await };
        let mut letter = json!({ "kind": kind, "by": crate::entry::cut(arrival.from, 200) });
        if let Some(about) = about {
            letter["about"] = json!(about);
        }
        Some(letter)
    }

    /// Who answers for the message of ours that a report is about.
    async fn whose(&self, report: &[u8]) -> Option<String> {
        let all = levels(report);
        let inner = all.iter().skip(1).last()?;
        let hops = hops(&inner.message, self.marks(), &self.options().hostname);
        let silent = Bound::of(&inner.message).is_empty();
        let line = hops.into_iter().filter_map(|hop| hop.ours).find(|line| line.bound || silent)?;
        about(self, &line).await
    }
}

/// Whether a sender is a mail system and not a person.
fn is_daemon(from: &str) -> bool {
    let addresses = address_list(from.as_bytes());
    let first = Address::parse(from).ok().map(|address| address.local().to_ascii_lowercase());
    let local = first.or_else(|| match addresses.into_iter().next() {
        Some(sekisho_message::header::AddressItem::Mailbox { local, .. }) => {
            Some(String::from_utf8_lossy(&local).to_ascii_lowercase())
        }
        _ => None,
    });
    local.is_some_and(|local| matches!(local.as_str(), "mailer-daemon" | "postmaster" | "mail-daemon" | "maildaemon"))
}
