//! The maildrop of a session: its listing and which messages are marked as deleted.

use super::event::{Listed, Listing};

/// A listing with deletion marks.
#[derive(Debug, Default)]
pub(super) struct Maildrop {
    prefix: String,
    messages: Vec<Listed>,
    deleted: Vec<bool>,
}

impl Maildrop {
    pub(super) fn new(listing: Listing) -> Self {
        let deleted = vec![false; listing.messages.len()];
        Self { prefix: listing.prefix, messages: listing.messages, deleted }
    }

    /// Number and octets of the messages that are not marked.
    pub(super) fn totals(&self) -> (usize, u64) {
        let left = self.messages.iter().zip(&self.deleted).filter(|(_, deleted)| !**deleted);
        left.fold((0, 0), |(count, octets), (message, _)| (count + 1, octets + message.size))
    }

    /// How many messages there are, marked or not.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The place of the message that the client calls `number`, unless it is marked or absent.
    pub(super) fn place(&self, number: u32) -> Option<usize> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        (self.deleted.get(index) == Some(&false)).then_some(index)
    }

    /// The message at `index`, unless it is marked or absent.
    pub(super) fn get(&self, index: usize) -> Option<Listed> {
        if self.deleted.get(index) == Some(&false) { self.messages.get(index).copied() } else { None }
    }

    /// The unique-id of a message (RFC 1939 §7).
    pub(super) fn unique_id(&self, message: Listed) -> String {
        format!("{}{}", self.prefix, message.uid)
    }

    pub(super) fn delete(&mut self, index: usize) {
        if let Some(mark) = self.deleted.get_mut(index) {
            *mark = true;
        }
    }

    pub(super) fn reset(&mut self) {
        self.deleted.fill(false);
    }

    /// Places of the marked messages.
    pub(super) fn marked(&self) -> Vec<usize> {
        self.deleted.iter().enumerate().filter(|(_, deleted)| **deleted).map(|(index, _)| index).collect()
    }
}
