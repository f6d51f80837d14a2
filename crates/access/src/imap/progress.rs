//! What a client hears while a long command is carried out (INPROGRESS, RFC 9585).

use std::time::Duration;

use sekisho_proto::imap::print;

/// A client that waits hears so often how far its command is.
pub(super) const PROGRESS: Duration = Duration::from_secs(5);

/// `* OK [INPROGRESS ("tag" done all)] …`.
pub(super) fn in_progress(tag: &str, done: usize, all: usize) -> Vec<u8> {
    let mut line = b"* OK [INPROGRESS (".to_vec();
    print::string(&mut line, tag.as_bytes());
    line.extend_from_slice(format!(" {done} {all})] Still at it\r\n").as_bytes());
    line
}
