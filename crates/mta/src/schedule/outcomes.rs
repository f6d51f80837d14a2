//! What became of recipients, as an event: dead addresses and replies that say "spam" are signs of abuse.

use sekisho_message::{Address, Time, srs};
use sekisho_store::queue::{Entry, Outcome};
use sekisho_store::{MessageId, OriginId};
use tokio::sync::broadcast;

use super::job::Flight;
use super::judge::Judged;
use crate::relay::{Attempt, Fate};

/// Events that a slow listener may lag behind. Who misses some finds the rest in the journal.
const BACKLOG: usize = 4_096;

/// One recipient's outcome outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeEvent {
    /// The origin that answers for the message.
    pub origin: OriginId,
    /// Its key.
    pub origin_key: String,
    /// The message.
    pub message: MessageId,
    /// When it was accepted.
    pub received: Time,
    /// The recipient.
    pub address: String,
    /// The host that answered, or empty.
    pub host: String,
    /// Relayed, put off or failed.
    pub fate: Fate,
    /// Whether it is over for this recipient.
    pub is_final: bool,
    /// Reply code; 0 when no host answered.
    pub code: u16,
    /// Enhanced status.
    pub status: String,
    /// The peer's words, or ours.
    pub text: String,
    /// Whether an account's rule forwarded it: then its content is somebody else's.
    pub forwarded: bool,
}

fn is_forwarded(reverse_path: &str) -> bool {
    Address::parse(reverse_path).is_ok_and(|address| srs::is_one(&address))
}

/// Tells outcomes to whoever listens.
#[derive(Clone, Debug)]
pub struct Outcomes(broadcast::Sender<OutcomeEvent>);

impl Default for Outcomes {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl Outcomes {
    /// Listens from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<OutcomeEvent> {
        self.0.subscribe()
    }

    /// Costs nothing when nobody listens.
    pub(crate) fn tell(&self, entry: &Entry, attempt: &Attempt, judged: &Judged, flight: &Flight) {
        if self.0.receiver_count() == 0 {
            return;
        }
        let _ = self.0.send(OutcomeEvent {
            origin: flight.origin,
            origin_key: entry.origin.clone(),
            message: entry.message,
            received: entry.received,
            address: entry.address.clone(),
            host: attempt.peer.as_ref().map(|peer| peer.host.clone()).unwrap_or_default(),
            fate: attempt.fate,
            is_final: !matches!(judged.outcome, Outcome::Deferred { .. }),
            code: attempt.code,
            status: attempt.status.clone(),
            text: attempt.text.clone(),
            forwarded: entry.reverse_path.as_deref().is_some_and(is_forwarded),
        });
    }
}
