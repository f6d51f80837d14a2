//! Tells the guard what became of recipients, many at a time.

use std::time::Duration;

use sekisho_control::Control;
use sekisho_control::guard::{Outcome, Said};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::relay::Fate;
use crate::schedule::OutcomeEvent;

/// Outcomes that are judged together.
const MOST: usize = 500;
/// How long the first of them waits for others.
const LINGER: Duration = Duration::from_millis(500);

/// Listens for ever, until nobody can tell any more. What is missed because there is too much at once is missed: so much
/// mail of one origin says enough.
pub async fn run(control: Control, mut outcomes: Receiver<OutcomeEvent>) {
    let mut batch = Vec::new();
    loop {
        let open = gather(&mut outcomes, &mut batch).await;
        if let Err(error) = control.tell_outcomes(std::mem::take(&mut batch)).await {
            tracing::warn!(%error, "outcomes could not be judged");
        }
        if !open {
            return;
        }
    }
}

/// Gathers for a moment; false when there will be no more.
async fn gather(outcomes: &mut Receiver<OutcomeEvent>, batch: &mut Vec<Outcome>) -> bool {
    let linger = tokio::time::sleep(LINGER);
    tokio::pin!(linger);
    while batch.len() < MOST {
        tokio::select! {
            () = &mut linger => break,
            heard = outcomes.recv() => match heard {
                Ok(event) => batch.extend(read(event)),
                Err(RecvError::Lagged(missed)) => tracing::debug!(missed, "outcomes that the guard does not hear"),
                Err(RecvError::Closed) => return false,
            },
        }
    }
    true
}

/// What an outcome says about the origin; none when it says nothing.
fn read(event: OutcomeEvent) -> Option<Outcome> {
    if !event.is_final || event.forwarded || !judged(&event.origin_key) {
        return None;
    }
    let said = match event.fate {
        Fate::Relayed => Said::Taken,
        Fate::Failed => verdict(&event.status, &event.text)?,
        Fate::Deferred => return None,
    };
    let provider = organisation(&event.host).unwrap_or_else(|| domain(&event.address)).to_owned();
    Some(Outcome { origin: event.origin_key, received: event.received, address: event.address, provider, said })
}

/// Whether the guard judges this origin's mail at all: not our own notices and lists.
pub(crate) fn judged(origin: &str) -> bool {
    ["account:", "network:", "listener:"].iter().any(|kind| origin.starts_with(kind))
}

/// What a final refusal says: the recipient does not exist, or the sender is not wanted.
#[must_use]
pub fn verdict(status: &str, text: &str) -> Option<Said> {
    match status {
        "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.2.1" => return Some(Said::Dead),
        _ if status.starts_with("5.7.") => return Some(Said::Refused),
        _ => {}
    }
    let text = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["spam", "blocked", "blacklist", "block list", "blocklist", "reputation", "policy", "unsolicited"]) {
        Some(Said::Refused)
    } else if says(&[
        "user unknown",
        "unknown user",
        "no such user",
        "does not exist",
        "no mailbox",
        "invalid recipient",
    ]) {
        Some(Said::Dead)
    } else {
        None
    }
}

/// The last two labels of a host: receivers have many hosts and few names. None for an address.
fn organisation(host: &str) -> Option<&str> {
    let host = host.trim_end_matches('.');
    if host.is_empty() || host.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    match (dots.next(), dots.next()) {
        (Some(_), Some(second)) => host.get(second + 1..),
        _ => Some(host),
    }
}

/// The domain of an address.
pub(crate) fn domain(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_codes_of_receivers() {
        for (status, text, said) in [
            ("5.1.1", "no", Some(Said::Dead)),
            ("5.7.1", "go away", Some(Said::Refused)),
            ("5.0.0", "Message rejected as SPAM", Some(Said::Refused)),
            ("5.0.0", "User unknown in virtual mailbox table", Some(Said::Dead)),
            ("5.3.4", "message too big", None),
            ("4.4.7", "expired", None),
        ] {
            assert_eq!(verdict(status, text), said, "{status} {text}");
        }
    }

    #[test]
    fn hosts_of_one_receiver_count_as_one() {
        assert_eq!(organisation("mx1.mail.example.com."), Some("example.com"));
        assert_eq!(organisation("example.com"), Some("example.com"));
        assert_eq!(organisation("192.0.2.1"), None);
        assert_eq!(organisation(""), None);
    }
}
