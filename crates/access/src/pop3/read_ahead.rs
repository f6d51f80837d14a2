//! Reads bodies, some ahead when the client takes one message after the other: small messages cost more to ask for
//! than to read.

use std::collections::VecDeque;

use bytes::Bytes;
use sekisho_store::{ContentId, Error, Result, Store};

/// Octets that are read ahead at most.
const OCTETS: u64 = 128 * 1024;
/// Messages that are read ahead at most.
const MESSAGES: usize = 32;

/// One message of a maildrop, as far as reading needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) uid: u32,
    pub(super) content: ContentId,
    pub(super) size: u64,
}

/// What was read and not asked for yet.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    ready: VecDeque<(usize, Bytes)>,
    /// The message that an orderly client takes next.
    next: usize,
}

impl ReadAhead {
    /// The body of the message at `index`.
    pub(super) async fn get(&mut self, store: &Store, entries: &[Entry], index: usize) -> Result<Bytes> {
        let in_order = index == self.next;
        self.next = index + 1;
        while let Some((at, bytes)) = self.ready.pop_front() {
            if at == index {
                return Ok(bytes);
            }
        }
        let wanted = entries.get(index..).unwrap_or_default();
        let first = wanted.first().ok_or(Error::NotFound("message"))?;
        let count = if in_order { orderly(wanted) } else { 1 };
        if count <= 1 {
            return store.content(first.content).await;
        }
        let bodies = store.bodies();
        let contents: Vec<ContentId> = wanted.iter().take(count).map(|entry| entry.content).collect();
        let read = store
            .read(move |tx| {
                let mut read = Vec::with_capacity(contents.len());
                for content in contents {
                    let found = bodies.with(tx, content, &mut |bytes| {
                        read.push(Bytes::copy_from_slice(bytes));
                        Ok(())
                    });
                    match found {
                        // A message behind the first may be gone: it is missed when it is asked for.
                        Err(_) if !read.is_empty() => break,
                        other => other?,
                    }
                }
                Ok(read)
            })
            .await?;
        self.ready.extend(read.into_iter().enumerate().map(|(at, bytes)| (index + at, bytes)));
        self.ready.pop_front().map(|(_, bytes)| bytes).ok_or(Error::NotFound("message"))
    }

    /// Forgets what is ready: the client has paused.
    pub(super) fn clear(&mut self) {
        self.ready = VecDeque::new();
    }

    /// Whether something is ready.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }
}

/// How many of `entries` fit into one reading.
fn orderly(entries: &[Entry]) -> usize {
    let mut octets = 0;
    entries
        .iter()
        .take(MESSAGES)
        .take_while(|entry| {
            octets += entry.size;
            octets <= OCTETS
        })
        .count()
}
