//! What clients are told. English, and nothing that shows how the server is configured.

use sekisho_proto::smtp::Response;
use sekisho_store::Error;

/// Receiving is paused, or the session must end: try again later.
pub fn unavailable(hostname: &str) -> Response {
    Response::new(421, (4, 3, 2), format!("{hostname} Service not available, try again later"))
}

/// The operator prefers that a message be tried again to keeping it back. It could be any trouble of ours.
pub fn try_later() -> Response {
    Response::new(451, (4, 3, 0), "Temporary failure, try again later")
}

/// Too many unknown recipients.
pub fn harvesting(hostname: &str) -> Response {
    Response::new(421, (4, 7, 0), format!("{hostname} Too many errors; closing"))
}

/// The one answer to every login that failed for good (P8).
pub fn login_failed() -> Response {
    Response::new(535, (5, 7, 8), "Authentication credentials invalid")
}

/// The login could not be judged now.
pub fn login_later() -> Response {
    Response::new(454, (4, 7, 0), "Temporary authentication failure")
}

/// Too many connections in a short time.
pub fn crowded(hostname: &str) -> Response {
    Response::new(421, (4, 7, 0), format!("{hostname} Too many connections, try again later"))
}

/// A block list names the client or its sender.
pub fn listed(client: &str, zone: &str) -> Response {
    Response::new(554, (5, 7, 1), format!("Service unavailable; client [{client}] or its sender is listed by {zone}"))
}

/// The client is in the lockout table.
pub fn locked_out() -> Response {
    Response::new(554, (5, 7, 1), "Access denied")
}

/// The reverse-path or the header names somebody else.
pub fn not_yours(address: &str) -> Response {
    Response::new(550, (5, 7, 1), format!("You may not send as {address}"))
}

/// The header's From or Sender cannot be checked.
pub fn unclear_from() -> Response {
    Response::new(550, (5, 7, 1), "The From header must name addresses of yours")
}

/// `mail.dat` refuses the message, in the words that the ancestor's operators know.
pub fn filtered() -> Response {
    Response::new(552, (5, 7, 1), "Requested mail action aborted: caught by the filter setting.")
}

/// A list that the sender may not post to.
pub fn no_posting() -> Response {
    Response::new(550, (5, 7, 2), "You may not post to this list")
}

/// Aliases that lead nowhere.
pub fn alias_loop() -> Response {
    Response::new(550, (5, 4, 6), "Routing loop")
}

/// Too many Received fields.
pub fn too_many_hops() -> Response {
    Response::new(554, (5, 4, 6), "Too many hops; the message is looping")
}

/// The header exceeds the bounds.
pub fn bad_header() -> Response {
    Response::new(552, (5, 3, 4), "The message header is too large")
}

/// Something is missing that the session must have had: refuse for now.
pub fn out_of_step() -> Response {
    Response::new(451, (4, 3, 0), "Local error, try again later")
}

/// A recipient that the account's `sender.dat` forbids, in the words that the ancestor's operators know.
pub fn forbidden_recipient(address: &str) -> Response {
    let text = format!(
        "Please mail to a valid e-mail address. (RCPT TO:<{address}>) approval filter. '[{address}]' is entry in the blacklist."
    );
    Response::new(550, (5, 1, 1), text)
}

/// What a store error means to a client.
pub fn of_store(error: &Error) -> Response {
    match error {
        Error::Full => Response::new(452, (4, 3, 1), "Insufficient system storage, try again later"),
        Error::OverQuota => Response::new(452, (4, 2, 2), "The mailbox is full, try again later"),
        _ => Response::new(451, (4, 3, 0), "Local error, try again later"),
    }
}
