//! A message while it comes in: the header is gathered and judged, the rest goes straight to the store.

use sekisho_control::letter;
use sekisho_message::fingerprint;
use sekisho_proto::smtp::Response;
use sekisho_store::{MessageId, Staged, Staging, Store};

use super::facts::Facts;
use super::reply;

/// Octets of a message that its fingerprint is computed from.
const SAMPLE: usize = 32 << 10;

/// What goes before the header that the client sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where relaying starts in them.
    pub relay_offset: u32,
}

/// A message on its way in.
pub struct Intake {
    id: MessageId,
    hops: usize,
    staging: Staging,
    /// The header until it is complete, then nothing.
    header: Vec<u8>,
    state: State,
    relay_offset: u32,
    /// The first octets, when a fingerprint is wanted or the message is a report.
    sample: Option<Vec<u8>>,
    wants_fingerprint: bool,
}

enum State {
    Header { searched: usize },
    Body(Box<Facts>),
}

/// A message that has come in.
pub struct Arrived {
    /// Its id.
    pub id: MessageId,
    /// Its body, with what was put before it.
    pub content: Staged,
    /// Where relaying starts.
    pub relay_offset: u32,
    /// What its header says.
    pub facts: Facts,
    /// Fingerprint; 0 when none was wanted.
    pub fingerprint: i64,
    /// The first octets of a report.
    pub sample: Vec<u8>,
}

impl Intake {
    /// A message that is about to come. `hops` is the most Received fields it may have; `fingerprint` says whether
    /// to compute one.
    #[must_use]
    pub fn new(store: &Store, hops: usize, fingerprint: bool) -> Self {
        Self {
            id: store.next_message_id(),
            hops,
            staging: store.stage(),
            header: Vec::new(),
            state: State::Header { searched: 0 },
            relay_offset: 0,
            sample: fingerprint.then(Vec::new),
            wants_fingerprint: fingerprint,
        }
    }

    /// Takes a piece. `prefix` is asked once, when the header is complete.
    ///
    /// # Errors
    /// The refusal; the rest of the message is not wanted then.
    pub fn take(&mut self, piece: &[u8], prefix: impl FnOnce(MessageId, &Facts) -> Prefix) -> Result<(), Response> {
        if let Some(sample) = &mut self.sample {
            let most = if self.wants_fingerprint { SAMPLE } else { letter::SAMPLE };
            let room = most.saturating_sub(sample.len()).min(piece.len());
            sample.extend_from_slice(piece.get(..room).unwrap_or_default());
        }
        match self.state {
            State::Body(_) => self.staging.write(piece).map_err(|error| reply::of_store(&error)),
            State::Header { searched } => {
                self.header.extend_from_slice(piece);
                match end_of_header(&self.header, searched) {
                    Some(end) => self.begin(end, prefix),
                    None => {
                        self.state = State::Header { searched: self.header.len().saturating_sub(3) };
                        Ok(())
                    }
                }
            }
        }
    }

    /// The message is complete.
    ///
    /// # Errors
    /// The refusal.
    pub async fn finish(mut self, prefix: impl FnOnce(MessageId, &Facts) -> Prefix) -> Result<Arrived, Response> {
        if matches!(self.state, State::Header { .. }) {
            // A message without a body: all of it is header.
            self.begin(self.header.len(), prefix)?;
        }
        let State::Body(facts) = self.state else { return Err(reply::out_of_step()) };
        let sample = self.sample.unwrap_or_default();
        let fingerprint = if self.wants_fingerprint { fingerprint::of_message(&sample) } else { 0 };
        let sample = if facts.report.is_some() { sample } else { Vec::new() };
        let content = self.staging.finish().await.map_err(|error| reply::of_store(&error))?;
        let fingerprint = fingerprint.cast_signed();
        Ok(Arrived { id: self.id, content, relay_offset: self.relay_offset, facts: *facts, fingerprint, sample })
    }

    /// The header is complete: judges it, and writes what goes before it and what has come.
    fn begin(&mut self, end: usize, prefix: impl FnOnce(MessageId, &Facts) -> Prefix) -> Result<(), Response> {
        let gathered = std::mem::take(&mut self.header);
        let header = gathered.get(..end).unwrap_or(&gathered);
        let facts = Facts::read(header).ok_or_else(reply::bad_header)?;
        if facts.received > self.hops {
            return Err(reply::too_many_hops());
        }
        if facts.report.is_some() && self.sample.is_none() {
            self.sample = Some(gathered.get(..letter::SAMPLE).unwrap_or(&gathered).to_vec());
        }
        let prefix = prefix(self.id, &facts);
        self.relay_offset = prefix.relay_offset;
        let written = self.staging.write(&prefix.bytes).and_then(|()| self.staging.write(&gathered));
        self.state = State::Body(Box::new(facts));
        written.map_err(|error| reply::of_store(&error))
    }
}

/// Where the header ends: after the first empty line, if that has come. Lines end in CRLF here.
fn end_of_header(gathered: &[u8], searched: usize) -> Option<usize> {
    if gathered.starts_with(b"\r\n") {
        return Some(2);
    }
    let tail = gathered.get(searched..)?;
    memchr::memmem::find(tail, b"\r\n\r\n").map(|at| searched + at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_header_is_found_however_it_is_cut() {
        let message = b"A: b\r\nC: d\r\n\r\nbody\r\n\r\nmore";
        for cut in 1..=14 {
            let (mut searched, mut gathered, mut found) = (0, Vec::new(), None);
            for piece in message.chunks(cut) {
                gathered.extend_from_slice(piece);
                found = end_of_header(&gathered, searched);
                if found.is_some() {
                    break;
                }
                searched = gathered.len().saturating_sub(3);
            }
            assert_eq!(found, Some(14), "{cut}");
        }
        assert_eq!(end_of_header(b"\r\nbody", 0), Some(2));
        assert_eq!(end_of_header(b"A: b\r\n", 0), None);
    }
}
