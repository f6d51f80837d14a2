//! What an operator can set about the queue.

use std::time::Duration;

use crate::local::OverQuota;
use crate::srs::Signer;
use crate::{relay, retry};

use super::feedback::Limits;

/// Settings of the queue runner. The defaults suit one machine with some thousand mailboxes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When what was put off is tried again and given up.
    pub retry: retry::Schedule,
    /// Connections to one destination.
    pub concurrency: Limits,
    /// Connections to all destinations together; one origin gets at most half of them. Default 512.
    pub connections: usize,
    /// Lanes worked on at the same time; one origin gets at most half of them. Default 1,024.
    pub lanes: usize,
    /// Most recipients that one claim takes from a lane (1 to 1,000). Default 200.
    pub batch: u32,
    /// How long a claim lasts unless it is renewed. Another node may take over after that. Default 15 minutes.
    pub lease: Duration,
    /// Outcomes wait at most this long for others to be written with them. Default 3 ms.
    pub linger: Duration,
    /// How often the queue is looked at although nothing was heard of, for what other nodes put into it. Default 30 s.
    pub poll: Duration,
    /// How long transactions may go on when the server stops. Default 25 s.
    pub goodbye: Duration,
    /// What happens to mail for a full mailbox.
    pub over_quota: OverQuota,
    /// Most links of a chain of aliases that are followed. Default 10.
    pub links: usize,
    /// Local time's distance from UTC in minutes, for the Date of notifications.
    pub offset_minutes: i32,
    /// Signs the envelope senders of what accounts forward; without one the account's own address is used.
    pub signer: Option<Signer>,
    /// How mail is handed to other hosts.
    pub relay: relay::Settings,
}

impl Settings {
    /// The defaults for a server with this host name.
    #[must_use]
    pub fn new(hostname: &str) -> Self {
        Self {
            retry: retry::Schedule::default(),
            concurrency: Limits::default(),
            connections: 512,
            lanes: 1_024,
            batch: 200,
            lease: Duration::from_secs(15 * 60),
            linger: Duration::from_millis(3),
            poll: Duration::from_secs(30),
            goodbye: Duration::from_secs(25),
            over_quota: OverQuota::default(),
            links: 10,
            offset_minutes: 0,
            signer: None,
            relay: relay::Settings::new(hostname),
        }
    }
}
