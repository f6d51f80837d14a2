//! What is read from a body when somebody first asks for it: the conversation that it belongs to, and its first words.

use crate::{ContentId, Result, Tx, TxExt};

/// Both, computed together, because the costly part is reading the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Number of the conversation (THREADID, RFC 8474); 0 for a message that names none.
    pub thread: i64,
    /// First words of the text (PREVIEW, RFC 8970).
    pub preview: String,
}

/// The digest of a body, if it was computed.
///
/// # Errors
/// What the engine reports.
pub fn get(tx: &mut dyn Tx, content: ContentId) -> Result<Option<Digest>> {
    tx.one("SELECT thread, preview FROM digest WHERE content = ?1", &[content.into()], |row| {
        Ok(Digest { thread: row.int(0)?, preview: row.text(1)?.to_owned() })
    })
}

/// Stores a digest, unless the body is gone or has one.
///
/// # Errors
/// What the engine reports.
pub fn set(tx: &mut dyn Tx, content: ContentId, digest: &Digest) -> Result<()> {
    tx.execute(
        "INSERT INTO digest (content, thread, preview)
         SELECT id, ?2, ?3 FROM content WHERE id = ?1 ON CONFLICT DO NOTHING",
        &[content.into(), digest.thread.into(), (&digest.preview).into()],
    )?;
    Ok(())
}
