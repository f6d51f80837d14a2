//! NOTIFY (RFC 3461 §4.1) as the queue keeps it, and as the wire has it.

use sekisho_proto::smtp::Notify;

/// The queue's bit for NEVER.
pub const NEVER: u8 = 1;
/// The queue's bit for SUCCESS.
pub const SUCCESS: u8 = 2;
/// The queue's bit for FAILURE.
pub const FAILURE: u8 = 4;
/// The queue's bit for DELAY.
pub const DELAY: u8 = 8;

/// The queue's bits as the wire has them.
#[must_use]
pub fn to_wire(stored: u8) -> Notify {
    let bits = [(NEVER, Notify::NEVER), (SUCCESS, Notify::SUCCESS), (FAILURE, Notify::FAILURE), (DELAY, Notify::DELAY)];
    Notify(bits.iter().filter(|(bit, _)| stored & bit != 0).map(|(_, wire)| wire).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_keep_their_meaning() {
        assert_eq!(to_wire(0), Notify(0));
        assert_eq!(to_wire(NEVER).wire(), "NEVER");
        assert_eq!(to_wire(SUCCESS | DELAY).wire(), "SUCCESS,DELAY");
        assert_eq!(to_wire(FAILURE).wire(), "FAILURE");
    }
}
