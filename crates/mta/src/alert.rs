//! Tells people about incidents: by mail, by a webhook, by a command, and the owner in his own mailbox.
//!
//! That somebody was told is written with the mail that tells it, in one transaction. What goes to a webhook or command
//! waits in the store until somebody has taken it, and is tried again for three days. Nobody is told only in the mailbox
//! that was abused: whoever has its password would read it, and delete it.

mod give;
mod letter;
mod readers;
#[cfg(test)]
mod tests;

use std::time::Duration;

use sekisho_control::guard::story;
use sekisho_control::{Actor, BusEvent, Control, entry};
use sekisho_message::Time;
use sekisho_net::Clock;
use sekisho_net::resolver::Resolver;
use sekisho_store::incident::{self, Incident};
use sekisho_store::queue::{self, NewMessage, NewRecipient};
use sekisho_store::{Error, Result, alert, journal};
use serde_json::{Value, json};

use crate::own_mail::OwnMail;

/// How often is looked whether somebody is to be told, when no event says so.
const ROUND: Duration = Duration::from_secs(15);
/// Incidents that are looked at together.
const PAGE: u32 = 20;
/// The longest between two reminders.
const LONGEST: Duration = Duration::from_secs(86_400);
/// Key of the queue that alerts are in: behind nobody's other mail.
const ORIGIN: &str = "alert";

/// Tells people.
#[derive(Clone)]
pub struct Alerts {
    control: Control,
    clock: Clock,
    resolver: Resolver,
    hostname: String,
    offset_minutes: i32,
}

/// What came of a test at one place.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Tried {
    /// `mail`, `webhook` or `command`.
    pub channel: &'static str,
    /// Whom or what.
    pub target: String,
    /// Whether it was taken (mail: queued).
    pub ok: bool,
    /// What was said.
    pub text: String,
}

impl Alerts {
    /// Alerts as the guard's settings want them.
    #[must_use]
    pub fn new(control: Control, clock: Clock, resolver: Resolver, hostname: String, offset_minutes: i32) -> Self {
        Self { control, clock, resolver, hostname, offset_minutes }
    }

    /// Tells for ever.
    pub async fn run(self) {
        let giver = self.clone();
        tokio::join!(
            self.rounds("incidents could not be announced", || self.announce()),
            giver.rounds("alerts could not be given", || giver.give())
        );
    }

    async fn rounds<F: Future<Output = Result<()>>>(&self, failure: &'static str, mut round: impl FnMut() -> F) {
        let mut bus = self.control.bus().subscribe();
        loop {
            if let Err(error) = round().await {
                tracing::warn!(%error, "{failure}");
            }
            let until = self.clock.now() + ROUND;
            loop {
                tokio::select! {
                    () = self.clock.sleep_until(until) => break,
                    event = bus.next() => if matches!(event, BusEvent::IncidentChanged | BusEvent::Missed) { break },
                }
            }
        }
    }

    /// Tells of all incidents of which somebody is to be told by now.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn announce(&self) -> Result<()> {
        let now = self.control.now();
        let due = self.control.store().read(move |tx| incident::due_notices(tx, now, PAGE)).await?;
        for incident in due {
            self.announce_one(&incident).await?;
        }
        Ok(())
    }

    async fn announce_one(&self, incident: &Incident) -> Result<()> {
        let (now, settings) = (self.control.now(), self.control.guard().settings().clone());
        let told = story::tell(&self.control, incident).await?;
        let body = letter::payload(incident, &told).to_string();
        let (one, wanted) = (incident.clone(), settings.alert.mail.clone());
        let readers =
            self.control.store().read(move |tx| readers::of(tx, &wanted, one.account.as_deref(), now)).await?;
        let addresses: Vec<String> = readers.iter().map(|to| to.address.clone()).collect();
        let text = letter::to_administrators(incident, &told);
        let mail = match readers.is_empty() {
            true => None,
            false => Some(self.mail(&letter::subject(incident), &text, readers).await?),
        };
        let channels = give::channels(&settings.alert);
        if mail.is_none() && channels.is_empty() {
            tracing::error!(
                incident = incident.id.0,
                origin = incident.origin,
                "an incident was opened and nobody can be told of it: set guard.alert"
            );
        }
        let owner = settings.tell_owner && incident.account.is_some() && incident.notices == 0;
        let (one, next) = (incident.clone(), next_notice(settings.reminder, incident.notices, now));
        let done = self.control.store().write(move |tx| {
            if !incident::noticed(tx, &one, Some(next))? {
                // Another node was quicker.
                return Ok(false);
            }
            if let Some(mail) = &mail {
                queue::accept(tx, mail, now)?;
            }
            for channel in &channels {
                alert::add(tx, Some(one.id), channel, &body, now)?;
            }
            if owner {
                alert::add(tx, Some(one.id), give::OWNER, "", now)?;
            }
            let detail = json!({
                "incident": one.id, "origin": &one.origin, "notice": one.notices + 1, "mail": &addresses,
                "channels": &channels,
            });
            let who = Actor::server("alert").to_string();
            let about = one.account.as_deref().unwrap_or(&one.origin);
            journal::append(tx, &[entry::act(now, &who, "incident.notice", Some(about), &detail)])?;
            Ok(true)
        });
        if done.await? {
            self.control.bus().publish(BusEvent::QueueReady);
            // There is something to give.
            self.control.bus().publish(BusEvent::IncidentChanged);
        }
        Ok(())
    }

    /// A mail to `readers`, ready for the queue.
    async fn mail(&self, subject: &str, text: &str, readers: Vec<NewRecipient>) -> Result<NewMessage> {
        let (store, now) = (self.control.store(), self.control.now());
        let id = store.next_message_id();
        let from = letter::From { hostname: &self.hostname, offset_minutes: self.offset_minutes, now };
        let to: Vec<&str> = readers.iter().map(|to| to.address.as_str()).collect();
        let message = from.write(id, &to, subject, text).map_err(|error| Error::Engine(error.to_string()))?;
        let mail = OwnMail {
            id,
            message: &message,
            origin: ORIGIN.to_owned(),
            hostname: &self.hostname,
            smtputf8: false,
            now,
            recipients: readers,
        };
        mail.stage(store).await
    }

    /// Sends a test to everybody who would be told of an incident, and says what came of it.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn test(&self) -> Result<Vec<Tried>> {
        let (now, settings) = (self.control.now(), self.control.guard().settings().alert.clone());
        let wanted = settings.mail.clone();
        let readers = self.control.store().read(move |tx| readers::of(tx, &wanted, None, now)).await?;
        let mut tried: Vec<Tried> = readers
            .iter()
            .map(|to| Tried { channel: "mail", target: to.address.clone(), ok: true, text: "queued".into() })
            .collect();
        if !readers.is_empty() {
            let (subject, text) = letter::test();
            let mail = self.mail(&subject, &text, readers).await?;
            self.control.store().write(move |tx| queue::accept(tx, &mail, now).map(drop)).await?;
            self.control.bus().publish(BusEvent::QueueReady);
        }
        let body = json!({ "event": "test", "host": self.hostname, "time": now.to_string() }).to_string();
        for channel in give::channels(&settings) {
            tried.push(self.try_channel(channel, &body, None).await);
        }
        let detail: Value = json!(tried);
        let note = entry::act(now, &Actor::server("alert").to_string(), "alert.test", None, &detail);
        self.control.store().write(move |tx| journal::append(tx, std::slice::from_ref(&note))).await?;
        Ok(tried)
    }
}

/// When somebody is told again: after the reminder's time, then twice that, and so on; at least once a day.
fn next_notice(reminder: Duration, notices: u32, now: Time) -> Time {
    now + reminder.saturating_mul(1 << notices.min(10)).min(LONGEST.max(reminder))
}
