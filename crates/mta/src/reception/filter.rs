//! `mail.dat`: the server's, then that of each recipient, when the whole message is here.
//!
//! The server's filter refuses the message. A recipient's own refuses it for that recipient; a message has one reply, so
//! that while others take it, the copy of who does not goes to quarantine, and only when nobody takes it, it is refused.

use std::sync::Arc;

use sekisho_guard::rules::filter::{Hit, MailFilter};
use sekisho_message::{Address, Time};
use sekisho_proto::smtp::Response;
use sekisho_store::{Error, Result};

use super::agent::SmtpAgent;
use crate::accept::{Recipient, Route, Submission};
use crate::quarantine;
use crate::routing::Target;

/// A refusal by a filter.
pub(super) struct Sifted {
    pub(super) response: Response,
    pub(super) reason: String,
}

/// Whose filter it is, where it is not the server's.
type Owned = (String, Arc<MailFilter>);

impl SmtpAgent {
    /// Takes recipients away whose filters do not want the message; a refusal when nobody is left.
    pub(super) async fn sift(&self, submission: &mut Submission) -> Result<Option<Sifted>> {
        let server = self.site.filter(self.now());
        let mut own: Vec<Option<Owned>> = Vec::with_capacity(submission.recipients.len());
        for recipient in &submission.recipients {
            own.push(self.filter_of(recipient).await?);
        }
        if server.is_empty() && own.iter().all(Option::is_none) {
            return Ok(None);
        }
        let content = submission.content.clone();
        let bytes = tokio::task::spawn_blocking(move || content.read()).await;
        let bytes = bytes.map_err(|error| Error::Engine(error.to_string()))??;
        let from = usize::try_from(submission.relay_offset).unwrap_or(0).min(bytes.len());
        let message = bytes.slice(from..);
        if let Some(hit) = server.decide(&message) {
            let recipients = submission.recipients.clone();
            return self.refuse(submission, &[(quarantine::SERVER.to_owned(), hit, recipients)]).await.map(Some);
        }
        let mut refused: Vec<(String, Hit, Vec<Recipient>)> = Vec::new();
        let mut taken = Vec::with_capacity(submission.recipients.len());
        for (recipient, filter) in submission.recipients.iter().zip(&own) {
            match filter.as_ref().and_then(|(owner, filter)| Some((owner, filter.decide(&message)?))) {
                Some((owner, hit)) => refused.push((owner.clone(), hit, vec![recipient.clone()])),
                None => taken.push(recipient.clone()),
            }
        }
        if refused.is_empty() {
            return Ok(None);
        }
        if taken.is_empty() {
            return self.refuse(submission, &refused).await.map(Some);
        }
        for (owner, hit, recipients) in &refused {
            // The sender hears that it was taken: so it is kept, whatever the level.
            quarantine::keep(&self.site.control, submission, owner, hit, recipients).await?;
            self.bar(hit).await;
        }
        submission.recipients = taken;
        Ok(None)
    }

    /// When what the account submits may leave, if not at once.
    pub(super) async fn not_before(&self) -> Result<Option<Time>> {
        let Some(login) = self.login.as_deref() else { return Ok(None) };
        let target = self.site.directory.target(&login.address, self.now()).await?;
        let Target::Account(resident) = target else { return Ok(None) };
        let offset = self.site.settings.offset_minutes;
        Ok(resident.hours.as_ref().and_then(|hours| hours.opening(self.now(), offset)))
    }

    async fn filter_of(&self, recipient: &Recipient) -> Result<Option<Owned>> {
        let Route::Local(address) = &recipient.route else { return Ok(None) };
        let Ok(parsed) = Address::parse(address) else { return Ok(None) };
        Ok(match self.site.directory.target(&parsed, self.now()).await? {
            Target::Account(resident) => {
                resident.filter.as_ref().map(|filter| (resident.account.key.clone(), Arc::clone(filter)))
            }
            _ => None,
        })
    }

    async fn refuse(&self, submission: &Submission, refused: &[(String, Hit, Vec<Recipient>)]) -> Result<Sifted> {
        let mut reason = String::new();
        for (owner, hit, recipients) in refused {
            let mut kept = false;
            if hit.level.quarantine {
                kept = quarantine::keep(&self.site.control, submission, owner, hit, recipients).await?;
            }
            let barred = self.bar(hit).await;
            if reason.is_empty() {
                let (kept, barred) =
                    (if kept { ", kept in quarantine" } else { "" }, if barred { ", client barred" } else { "" });
                reason = format!("block {:?} (line {}) of the filter of {owner}{kept}{barred}", hit.name, hit.line);
            }
        }
        Ok(Sifted { response: super::reply::filtered(), reason })
    }

    /// Refuses the client from now on, if the block says so. Who authenticated, or may relay, is never barred.
    async fn bar(&self, hit: &Hit) -> bool {
        if !hit.level.bar || self.login.is_some() {
            return false;
        }
        let why = format!("block {:?} (line {}) of mail.dat", hit.name, hit.line);
        match self.site.control.bar_client(self.ip, &why).await {
            Ok(barred) => barred,
            Err(refusal) => {
                tracing::warn!(client = self.client, %refusal, "a client could not be barred");
                false
            }
        }
    }
}
