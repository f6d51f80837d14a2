//! Judges the logs of a mail server: who is or was abused, since when, how it began, and what the guard would have held.
//!
//! Pure: somebody else reads files and passes lines in the order of time. [`read::Source`] reads the lines of one file
//! (Postfix, Dovecot, Exim, Sekisho, E-POST), [`judge::Inspector`] puts messages together, makes [`crate::event::Event`]s of
//! them and lets [`crate::step::step`] judge, with nothing but what a log tells: who, when, from where, to whom, and what
//! became of it. Memory is bounded whatever the log says; a line that cannot be read is counted, shown and left out.
//!
//! - A message is judged when all of its recipients have been named (or after five minutes of log time), with the time at
//!   which it came in. Recipients whom dwell or valve would have kept waiting leave later, unless a hold comes first.
//! - A recipient is ours if the log shows a local delivery (a mailbox, or a machine with a private address), or if its
//!   domain was given. Clients that did not authenticate are origins only when they relay to the outside.
//! - After a hold the origin's mail is counted, until a day has passed and its mail is ordinary again; then it is judged afresh.

mod adjust;
mod bounded;
mod course;
mod dovecot;
mod exim;
pub mod fact;
mod flow;
mod gather;
mod houses;
pub mod judge;
mod logins;
mod mails;
mod open;
mod origins;
mod postfix;
pub mod read;
pub mod report;
mod sekisho;
mod spool;
pub mod stamp;
mod story;
#[cfg(test)]
mod tests;
mod tries;

pub use adjust::adjust;
pub use course::Excuse;
pub use judge::{Inspector, MOST_LINE, Settings};
pub use read::{Format, Source};
pub use report::{Report, Trouble};
pub use stamp::Clock;
