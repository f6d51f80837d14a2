//! When and how it is sent (signals 16-18).

use super::{Kind, Signal};
use crate::class::Class;
use crate::event::Submission;
use crate::profile::Profile;

/// The signals. `gap`: seconds since the message before; the profile has noted it already.
pub(crate) fn read(profile: &Profile, message: &Submission, gap: Option<f32>, home: bool, out: &mut Vec<Signal>) {
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
        out.push(Signal::new(Kind::SendOnly, 0.5, 0.0, 0.0));
    }
}
