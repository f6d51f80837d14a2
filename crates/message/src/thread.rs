//! Conversations: which message answers which (RFC 5256 §3, ORDEREDSUBJECT and REFERENCES).

mod forest;
mod ids;
mod references;
#[cfg(test)]
mod tests;

use crate::Time;
use crate::search::casemap;
use crate::subject::BaseSubject;

pub use forest::{Forest, Node};

/// What threading wants to know of a message.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// The `Message-ID` field, unfolded.
    pub message_id: &'a [u8],
    /// The `In-Reply-To` field, unfolded.
    pub in_reply_to: &'a [u8],
    /// The `References` field, unfolded.
    pub references: &'a [u8],
    /// The `Subject` field, decoded.
    pub subject: &'a str,
    /// When it was sent.
    pub sent: Time,
}

/// A message that waits to be put into a thread. Messages are named by the order in which they were added.
struct Message {
    /// Base subject in the form of [`casemap`].
    subject: String,
    /// The subject says that it is a reply or a forward.
    is_reply: bool,
    sent: Time,
}

impl Message {
    fn of(facts: &Facts<'_>) -> Self {
        let base = BaseSubject::of(facts.subject);
        Self { subject: casemap(&base.text), is_reply: base.is_reply, sent: facts.sent }
    }
}

/// Puts messages together by their subject alone: the oldest of each subject first, the others as its answers.
#[derive(Default)]
pub struct OrderedSubject {
    messages: Vec<Message>,
}

impl OrderedSubject {
    /// Adds the next message.
    pub fn add(&mut self, facts: &Facts<'_>) {
        self.messages.push(Message::of(facts));
    }

    /// The threads, by the date of their first messages.
    #[must_use]
    pub fn finish(self) -> Forest {
        let messages = self.messages;
        let mut order: Vec<usize> = (0..messages.len()).collect();
        let key = |&at: &usize| messages.get(at).map(|m| (m.subject.as_str(), m.sent, at));
        order.sort_by(|a, b| key(a).cmp(&key(b)));
        let same = |a: &usize, b: &usize| messages.get(*a).map(|m| &m.subject) == messages.get(*b).map(|m| &m.subject);
        let mut forest = Forest::default();
        let mut roots: Vec<(Option<Time>, usize, usize)> = Vec::new();
        for thread in order.chunk_by(same) {
            let Some((&first, rest)) = thread.split_first() else { continue };
            let root = forest.push(Some(first));
            for &answer in rest {
                let child = forest.push(Some(answer));
                forest.adopt(root, child);
            }
            roots.push((messages.get(first).map(|m| m.sent), first, root));
        }
        roots.sort_unstable();
        forest.roots = roots.into_iter().map(|(.., root)| root).collect();
        forest
    }
}

/// Puts messages together by the identifiers that they name.
#[derive(Default)]
pub struct References {
    messages: Vec<Message>,
    links: references::Links,
}

impl References {
    /// Adds the next message.
    pub fn add(&mut self, facts: &Facts<'_>) {
        self.links.add(self.messages.len(), facts);
        self.messages.push(Message::of(facts));
    }

    /// The threads, by the date of their first messages.
    #[must_use]
    pub fn finish(self) -> Forest {
        references::finish(&self.messages, self.links)
    }
}
