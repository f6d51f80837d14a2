//! One JSON value a line, with a bound.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest line in either direction. Rule texts, member lists and pages of the journal fit.
pub(super) const LONGEST: usize = 16 << 20;

/// The line of `value`, its end included.
pub(super) fn encode<T: Serialize>(value: &T) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// The value of a line.
pub(super) fn decode<T: DeserializeOwned>(line: &[u8]) -> std::io::Result<T> {
    Ok(serde_json::from_slice(line)?)
}
