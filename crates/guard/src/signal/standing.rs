//! Hard evidence and its kin (signals 19-22).

use sekisho_message::Time;

use super::{Kind, Signal};
use crate::class::Class;
use crate::event::{Change, Report, Submission};
use crate::place::Place;
use crate::profile::{DAY, Profile};

/// The signals of a submission, and whether they are a hard rule by themselves.
pub(crate) fn read(
    profile: &mut Profile,
    message: &Submission,
    suspicious: bool,
    now: Time,
    out: &mut Vec<Signal>,
) -> bool {
    let mut hard = false;
    if message.recipients.iter().any(|r| r.trap) {
        new_week(profile, now);
        profile.traps = profile.traps.saturating_add(1);
        // One trap may be a slip, or a colleague's prank; with anything else beside it, or twice, it is not.
        hard = suspicious || profile.traps >= 2;
        out.push(Signal::new(Kind::Trap, 3.0, f32::from(profile.traps), 0.0));
    }
    let author = message.author.from;
    let new_author = !message.authenticated
        && author != 0
        && !profile.authors.items().is_empty()
        && profile.messages >= 10
        && !profile.authors.items().contains(&author);
    if new_author {
        out.push(Signal::new(Kind::NewAuthor, 1.0, 0.0, 0.0));
    }
    hard
}

/// The signal of a report, and whether it is a hard rule by itself.
pub(crate) fn report(profile: &mut Profile, report: Report, now: Time) -> (Signal, bool) {
    new_week(profile, now);
    let which = match report {
        Report::Complaint => 1.0,
        Report::Listing => 2.0,
        Report::Backscatter => 3.0,
    };
    if report == Report::Complaint {
        profile.complaints = profile.complaints.saturating_add(1);
    }
    let times = f32::from(profile.complaints);
    // Newsletters are complained about by people who forgot that they subscribed: one in a thousand is usual.
    let mailing = profile.class() == Class::Newsletter;
    let (llr, hard) = match report {
        Report::Complaint if mailing => (0.2, false),
        Report::Complaint if profile.complaints >= 3 => (3.0, true),
        Report::Complaint => (2.0, false),
        Report::Listing => (1.5, false),
        Report::Backscatter => (0.5, false),
    };
    (Signal::new(Kind::Complaint, llr, which, times), hard)
}

/// The signal of a change of configuration. From the owner's places it says next to nothing.
pub(crate) fn change(change: Change, place: Place, home: bool) -> Option<Signal> {
    let (which, llr) = match change {
        Change::Forward => (1.0, 2.0),
        Change::HidingFilter => (2.0, 2.0),
        Change::AppPassword => (3.0, 1.0),
        Change::Password => return None,
    };
    Some(Signal::new(Kind::Persistence, if home { 0.1 } else { llr }, which, 0.0).at(place))
}

/// Starts the weekly counters afresh when the week is over.
fn new_week(profile: &mut Profile, now: Time) {
    if now.0.saturating_sub(profile.week.0) >= 7 * DAY {
        (profile.week, profile.traps, profile.complaints) = (now, 0, 0);
    }
}
