//! COMPRESS=DEFLATE (RFC 4978): both directions through DEFLATE, in bounded memory.
//!
//! What the peer sends is unpacked in small pieces, each used up before the next, so that a few octets that stand for many
//! cost time in proportion to what they ask for and no memory.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Octets that are unpacked at a time.
const PIECE: usize = 16 * 1024;

/// The two directions of a compressed connection.
pub(super) struct Deflate {
    inflate: Decompress,
    deflate: Compress,
    /// Received and not unpacked yet.
    packed: Vec<u8>,
    /// The unpacker may have more although all was given to it.
    more: bool,
}

/// What came is not DEFLATE.
pub(super) struct Broken;

impl Deflate {
    pub(super) fn new() -> Self {
        Self {
            inflate: Decompress::new(false),
            deflate: Compress::new(Compression::fast(), false),
            packed: Vec::new(),
            more: false,
        }
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.packed.extend_from_slice(bytes);
    }

    /// The next piece; `None` when all is unpacked.
    pub(super) fn unpack(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        while self.more || !self.packed.is_empty() {
            let mut out = Vec::with_capacity(PIECE);
            let before = self.inflate.total_in();
            let status = self.inflate.decompress_vec(&self.packed, &mut out, FlushDecompress::None);
            let used = usize::try_from(self.inflate.total_in() - before).unwrap_or(usize::MAX);
            self.packed.drain(..used.min(self.packed.len()));
            match status {
                Ok(Status::Ok | Status::BufError) => {}
                Ok(Status::StreamEnd) | Err(_) => return Err(Broken),
            }
            self.more = out.len() == out.capacity();
            if !out.is_empty() {
                return Ok(Some(out));
            }
            if used == 0 && !self.more {
                return Ok(None);
            }
        }
        self.packed = Vec::new();
        Ok(None)
    }

    /// Packs everything, so that the peer can read it to its end.
    pub(super) fn pack(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
        let mut rest = bytes;
        loop {
            let before = self.deflate.total_in();
            // The packer cannot fail: it has no preset dictionary and is never finished.
            if self.deflate.compress_vec(rest, &mut out, FlushCompress::Sync).is_err() {
                return out;
            }
            let used = usize::try_from(self.deflate.total_in() - before).unwrap_or(usize::MAX);
            rest = rest.get(used..).unwrap_or_default();
            if rest.is_empty() && out.len() < out.capacity() {
                return out;
            }
            out.reserve(rest.len() / 2 + 64);
        }
    }
}

impl std::fmt::Debug for Deflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deflate").field("packed", &self.packed.len()).finish_non_exhaustive()
    }
}
