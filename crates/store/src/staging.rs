//! Bodies on their way in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use sekisho_message::structure;
use sha2::{Digest, Sha256};

use crate::blob::{Blobs, Growing};
use crate::{Error, Result};

/// Largest body that is kept in the database, so that one commit makes a small message durable.
pub(crate) const INLINE: usize = 64 * 1024;

/// What IMAP wants to know about a message, ready to send; see [`structure::summarize`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// `ENVELOPE` (RFC 9051 §7.5.2).
    pub envelope: Vec<u8>,
    /// `BODY`, without extension data.
    pub body: Vec<u8>,
    /// `BODYSTRUCTURE`.
    pub bodystructure: Vec<u8>,
    /// Octets of the header, the empty line included.
    pub header_len: u32,
}

impl Summary {
    /// The summary of a message.
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        let summary = structure::summarize(message);
        Self {
            envelope: summary.envelope,
            body: summary.body,
            bodystructure: summary.bodystructure,
            header_len: summary.header_len,
        }
    }
}

/// A body under construction. Memory stays bounded: what exceeds 64 KiB goes to a file.
pub struct Staging {
    blobs: Arc<Blobs>,
    /// What is not in the file yet.
    buffer: Vec<u8>,
    file: Option<Growing>,
    hash: Sha256,
    size: u64,
}

impl Staging {
    pub(crate) fn new(blobs: Arc<Blobs>) -> Self {
        Self { blobs, buffer: Vec::new(), file: None, hash: Sha256::new(), size: 0 }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`Error::Full`] when the disk is full, and other errors of the disk.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > INLINE {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(self.blobs.create()?),
            };
            self.hash.update(&self.buffer);
            file.write(&self.buffer)?;
            self.buffer.clear();
            if bytes.len() >= INLINE {
                self.hash.update(bytes);
                return file.write(bytes);
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Octets so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Makes the body ready for a transaction; a large one is on the disk when this returns.
    ///
    /// # Errors
    /// As [`Staging::write`].
    pub async fn finish(self) -> Result<Staged> {
        if self.file.is_none() {
            return self.finish_blocking();
        }
        let syncing = tokio::task::spawn_blocking(move || self.finish_blocking());
        syncing.await.map_err(|error| Error::Engine(error.to_string()))?
    }

    /// [`Staging::finish`] for threads that may block.
    ///
    /// # Errors
    /// As [`Staging::write`].
    pub fn finish_blocking(mut self) -> Result<Staged> {
        self.hash.update(&self.buffer);
        let hash: [u8; 32] = self.hash.finalize().into();
        let place = match self.file {
            None => Place::Memory(Bytes::from(self.buffer)),
            Some(mut file) => {
                file.write(&self.buffer)?;
                let name = self.blobs.keep(file, &hash)?;
                Place::File(Arc::new(Kept { blobs: self.blobs, name, adopted: AtomicBool::new(false) }))
            }
        };
        Ok(Staged { size: self.size, hash, place, summary: None })
    }
}

/// A finished body that a transaction can store. Dropped without that, it is gone.
#[derive(Clone)]
pub struct Staged {
    size: u64,
    hash: [u8; 32],
    place: Place,
    summary: Option<Arc<Summary>>,
}

#[derive(Clone)]
enum Place {
    Memory(Bytes),
    File(Arc<Kept>),
}

/// A file that no row refers to yet.
struct Kept {
    blobs: Arc<Blobs>,
    name: String,
    adopted: AtomicBool,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !self.adopted.load(Ordering::Relaxed) {
            // What cannot be removed now is found by the sweep for leftovers.
            let _ = self.blobs.delete(&self.name);
        }
    }
}

impl Staged {
    /// Octets.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes; reads the file of a large body.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn read(&self) -> Result<Bytes> {
        match &self.place {
            Place::Memory(bytes) => Ok(bytes.clone()),
            Place::File(file) => file.blobs.read(&file.name),
        }
    }

    /// Computes the [`Summary`] now, so that it is stored with the body: for mail that goes to a mailbox.
    /// Reads a large body's file; call it where blocking is allowed then.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn summarize(&mut self) -> Result<()> {
        if self.summary.is_none() {
            self.summary = Some(Arc::new(Summary::of(&self.read()?)));
        }
        Ok(())
    }

    /// Whether the body is a file.
    #[must_use]
    pub fn is_large(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    pub(crate) fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    pub(crate) fn summary(&self) -> Option<&Summary> {
        self.summary.as_deref()
    }

    /// The bytes, when they go into the database.
    pub(crate) fn inline(&self) -> Option<&[u8]> {
        match &self.place {
            Place::Memory(bytes) => Some(bytes),
            Place::File(_) => None,
        }
    }

    /// The file's name; from now on a row refers to it, so that it stays when this is dropped.
    pub(crate) fn adopt(&self) -> Option<&str> {
        match &self.place {
            Place::Memory(_) => None,
            Place::File(file) => {
                file.adopted.store(true, Ordering::Relaxed);
                Some(&file.name)
            }
        }
    }
}

impl std::fmt::Debug for Staged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staged").field("size", &self.size).field("large", &self.is_large()).finish_non_exhaustive()
    }
}
