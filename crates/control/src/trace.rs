//! Is a complaint about us? A message, or the one inside a report, is held against our signed marks and the journal.
//!
//! What can be believed in a stranger's file: a mark of ours (nobody else can make one), and what the journal says of the
//! message that the mark names. Everything else in it is a claim, and the answer says so.

mod hops;
mod mark;
mod onward;
mod past;
mod source;
#[cfg(test)]
mod tests;
mod verdict;

use std::net::IpAddr;

use sekisho_message::{Language, Text, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Control;

pub(crate) use hops::is_public;
pub use hops::{Hop, OurLine, hops};
pub use mark::{Bound, Marks};
pub use source::Source;

/// What a message turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// An account of ours sent it.
    Submitted,
    /// We handed it on for an origin without AUTH: a network, an alias, a list.
    Relayed,
    /// It came to us from outside, for somebody here.
    Received,
    /// It only claims to be ours.
    Forged,
    /// It cannot be known, or nothing in it is about us.
    #[default]
    Unknown,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// What it is.
    pub verdict: Verdict,
    /// The account that sent it.
    pub account: Option<String>,
    /// Who answers for it, where it is no account.
    pub origin: Option<String>,
    /// Our id of it, `B0000000123`.
    pub message_id: Option<String>,
    /// Message-ID of its header.
    pub header_message_id: Option<String>,
    /// When we took it.
    pub time: Option<Time>,
    /// Address of the client that we had it from.
    pub network: Option<String>,
    /// Its envelope recipients.
    pub recipients: Vec<String>,
    /// How the answer was found, step by step.
    pub reasons: Vec<Text>,
    /// Where it really came from, when it is forged.
    pub source: Option<Source>,
}

impl Traced {
    /// `{"verdict","account","message_id","time","network","recipients","reasons",…}` with reasons in one language.
    #[must_use]
    pub fn shape(&self, language: Language) -> Value {
        json!({
            "verdict": self.verdict,
            "account": self.account,
            "origin": self.origin,
            "message_id": self.message_id,
            "header_message_id": self.header_message_id,
            "time": self.time.map(|time| time.to_string()),
            "network": self.network,
            "recipients": self.recipients,
            "reasons": self.reasons.iter().map(|reason| reason.get(language)).collect::<Vec<_>>(),
            "source": self.source.as_ref().map(|source| source.shape(language)),
        })
    }

    fn because(&mut self, reason: Text) {
        self.reasons.push(reason);
    }
}

/// Who answers for the message that a line of ours names: the account, else the origin.
pub(crate) async fn about(control: &Control, line: &OurLine) -> Option<String> {
    let entry = past::accepted(control.store(), &line.id, line.at).await.ok().flatten();
    if let Some(entry) = entry {
        let origin = entry.detail["origin"].as_str().filter(|origin| *origin != "inbound").map(str::to_owned);
        return entry.account.or(origin);
    }
    let (hands, who) = (control.clone(), line.who);
    control.store().read(move |tx| past::account_of(tx, hands.marks(), who)).await.ok().flatten()
}

impl Control {
    /// Finds out what a message (or a report, bounce or mail with a message in it) has to do with us.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn trace(&self, file: &[u8]) -> sekisho_store::Result<Traced> {
        self.journal().flush().await;
        let mut traced = verdict::of(self, file).await?;
        if let Some(source) = &mut traced.source
            && let Some(outside) = self.outside()
        {
            source.look_up(outside.as_ref()).await;
        }
        Ok(traced)
    }

    /// Whether `ip` is an address of this machine.
    pub(crate) fn is_own_address(&self, ip: IpAddr) -> bool {
        self.options().lockout.own.contains(&ip.to_canonical())
    }
}
