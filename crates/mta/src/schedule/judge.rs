//! What follows from an attempt: the outcome that is recorded, and what the sender is told.
//!
//! Pure: from what was tried to a verdict. The ledger acts on it.

use sekisho_message::{Time, dsn};
use sekisho_store::queue::{Entry, Outcome};

use crate::notify;
use crate::relay::{Attempt, Fate};
use crate::retry::{Retry, Schedule};

/// Status of a message whose time is over (RFC 3463 §3.5).
const EXPIRED: &str = "4.4.7";

/// A judged attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What is recorded.
    pub outcome: Outcome,
    /// What the sender is told, if we know the sender.
    pub notice: Option<dsn::Action>,
    /// Status of it, such as `5.1.1`.
    pub status: String,
}

/// What follows from `attempt` for `entry`.
///
/// A final failure is [`Outcome::Failed`] here whoever the sender is; [`kept`] is what becomes of it when nobody
/// can be told.
#[must_use]
pub fn judge(entry: &Entry, attempt: &Attempt, schedule: &Schedule, now: Time, random: u64) -> Judged {
    let status = attempt.status.clone();
    match attempt.fate {
        Fate::Relayed => {
            let notice = (!attempt.notifies && wants(entry, notify::SUCCESS)).then_some(dsn::Action::Relayed);
            Judged { outcome: Outcome::Relayed, notice, status }
        }
        Fate::Failed => failed(entry, attempt, status),
        Fate::Deferred => {
            let age = now.since(entry.received);
            match schedule.after(entry.attempts.saturating_add(1), age, random) {
                Retry::GiveUp => failed(entry, attempt, EXPIRED.to_owned()),
                Retry::After(gap) => {
                    let until = (now + gap).max(attempt.not_before.unwrap_or(Time::EPOCH));
                    let tell = !entry.warned && schedule.is_late(age) && wants(entry, notify::DELAY);
                    let outcome = Outcome::Deferred {
                        until,
                        code: attempt.code,
                        reply: attempt.line(),
                        warned: entry.warned || tell,
                    };
                    Judged { outcome, notice: tell.then_some(dsn::Action::Delayed), status }
                }
            }
        }
    }
}

/// What a delivery into a mailbox here, or an expansion, means for the sender.
#[must_use]
pub fn success_notice(entry: &Entry, action: dsn::Action) -> Option<dsn::Action> {
    wants(entry, notify::SUCCESS).then_some(action)
}

/// Whether the sender wants to hear of any of `bits`. Who said nothing hears of failures and delays
/// (RFC 3461 §4.1); the null reverse-path hears of nothing (RFC 5321 §4.5.5).
fn wants(entry: &Entry, bits: u8) -> bool {
    let asked = if entry.notify == 0 { notify::FAILURE | notify::DELAY } else { entry.notify };
    asked & bits != 0 && entry.reverse_path.is_some()
}

/// Whether the sender said that it never wants to hear of this recipient.
#[must_use]
pub fn waived(entry: &Entry) -> bool {
    entry.reverse_path.is_some() && entry.notify != 0 && entry.notify & notify::FAILURE == 0
}

fn failed(entry: &Entry, attempt: &Attempt, status: String) -> Judged {
    let notice = wants(entry, notify::FAILURE).then_some(dsn::Action::Failed);
    Judged { outcome: Outcome::Failed { code: attempt.code, reply: attempt.line() }, notice, status }
}
