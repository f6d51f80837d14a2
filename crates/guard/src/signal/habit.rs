//! When and how it is sent (signals 16-18).

use sekisho_message::Time;

use super::{Kind, Signal};
use crate::class::Class;
use crate::event::Submission;
use crate::profile::{DAY, Profile};

/// The signals. `gap`: seconds since the message before; the profile has noted it already.
pub(crate) fn read(
    profile: &Profile,
    message: &Submission,
    gap: Option<f32>,
    home: bool,
    now: Time,
    out: &mut Vec<Signal>,
) {
    let machine = home && matches!(profile.class(), Class::Application | Class::Newsletter);
    if let Some((hour, share)) = message.hour_of_week.and_then(|hour| Some((hour, profile.hour_share(hour)?)))
        && share < 0.15
        && !machine
    {
        out.push(Signal::new(Kind::UnusualHour, (-0.25 * share.max(0.01).ln()).min(0.8), f32::from(hour), share));
    }
    if !machine && let Some(gap) = gap {
        let run = profile.gaps.fast.max(profile.gaps.regular);
        if run >= 3 {
            out.push(Signal::new(Kind::Rhythm, (0.15 * f32::from(run)).min(0.8), gap, f32::from(run)));
        }
    }
    if message.send_only == Some(true) && !home {
        // Whoever sets up a scanner elsewhere sends one message too: the first proves little.
        let llr = if sent_only(profile, now) { 0.5 } else { 0.2 };
        out.push(Signal::new(Kind::SendOnly, llr, 0.0, 0.0));
    }
}

/// Whether a strange client that only sends was seen within a day.
fn sent_only(profile: &Profile, now: Time) -> bool {
    let recent = |at: Time| now.0.saturating_sub(at.0) < DAY;
    profile.ledger.items().iter().any(|entry| entry.signal.kind == Kind::SendOnly && recent(entry.at))
}
