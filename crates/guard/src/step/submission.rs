//! Judging a submitted message.

use sekisho_message::Time;

use super::{close, note};
use crate::class::Class;
use crate::event::Submission;
use crate::ladder::{self, Action, Reason, Verdict};
use crate::policy::Policy;
use crate::profile::Profile;
use crate::profile::places::Standing;
use crate::score;
use crate::signal::recipients::{self, Counts};
use crate::signal::{self, Family, Kind, Signal, content, habit, network, standing};
use crate::site::Site;

/// What ordinary mail from strange places may add in a day.
const ORDINARY: f32 = 2.0;

pub(super) fn judge(
    policy: &Policy,
    profile: &mut Profile,
    site: &mut Site,
    message: &Submission,
    now: Time,
) -> Verdict {
    profile.authenticated = message.authenticated;
    let counts = Counts::of(message);
    let place = profile.standing(policy, message.place, message.fingerprint, message.autonomous_system, now);
    let gap = profile.note_gap(now);
    let like = profile.like(policy, message.simhash, now);

    let mut signals = Vec::with_capacity(8);
    recipients::read(profile, message, counts, place, &mut signals);
    network::read(policy, profile, message, place, now, &mut signals);
    content::read(profile, message, place, like, &mut signals);
    habit::read(profile, message, gap, place.home, now, &mut signals);
    let pressed = ladder::stranger_volume(policy, profile, place, counts, now);
    signals.extend(pressed);
    let sums = signal::by_family(&signals);
    let contents = sums[Family::Content as usize];
    let campaign = campaign(policy, profile, site, message, counts, place, &mut signals, now);
    let suspicious = counts.is_first_contact() || contents > 0.5 || campaign || pressed.is_some();
    let trap = standing::read(profile, message, suspicious, now, &mut signals);
    let floor = floor(policy, profile, counts, now, &mut signals);

    let gain = gain(profile, &signals, suspicious);
    score::add(profile, policy, message.place, place.home, gain, now);
    let share = score::share(profile, policy, now);
    if gain > 0.0 {
        note(profile, &signals, message.message, now);
    }
    remember(policy, profile, message, counts, place, share, now);

    let hard = if trap { Some(Reason::Trap) } else { floor.then_some(Reason::Floor) };
    let mut verdict = close(policy, profile, signals, hard, now);
    if verdict.action == Action::Pass
        && let Some(until) = ladder::releases(policy, profile, message, counts, place, share, campaign, now)
    {
        verdict.action = Action::Dwell { until };
    }
    verdict
}

/// The evidence of a message: families capped. What only says "somewhere else" adds little while the mail is ordinary.
fn gain(profile: &mut Profile, signals: &[Signal], suspicious: bool) -> f32 {
    let sums = signal::by_family(signals);
    let total: f32 = sums.iter().sum();
    if suspicious || sums[Family::Standing as usize] > 0.0 {
        return total;
    }
    let circumstances = [Family::Network, Family::Credential, Family::Habit];
    let about: f32 = circumstances.iter().map(|&family| sums[family as usize].max(0.0)).sum();
    let allowed = about.min((ORDINARY - profile.ordinary).max(0.0));
    profile.ordinary += allowed;
    total - about + allowed
}

/// Links suspicious mail of several origins. Mailings from where they always come from are not suspicious.
#[allow(clippy::too_many_arguments)]
fn campaign(
    policy: &Policy,
    profile: &Profile,
    site: &mut Site,
    message: &Submission,
    counts: Counts,
    place: Standing,
    signals: &mut Vec<Signal>,
    now: Time,
) -> bool {
    let machine = matches!(profile.class(), Class::Application | Class::Newsletter);
    let Some(simhash) = message.simhash.filter(|&hash| hash != 0) else { return false };
    if (place.home && (machine || !counts.is_first_contact())) || counts.outside == 0 {
        return false;
    }
    let found = content::campaign(site.note_text(profile.origin, simhash, policy.similar_bits, now));
    signals.extend(found);
    found.is_some()
}

/// The floor that never adapts.
fn floor(policy: &Policy, profile: &mut Profile, counts: Counts, now: Time, signals: &mut Vec<Signal>) -> bool {
    profile.day_first = profile.day_first.saturating_add(u32::try_from(counts.first).unwrap_or(u32::MAX));
    let exempt = matches!(profile.class(), Class::Application | Class::Newsletter);
    let over = !exempt && policy.floor_per_day > 0 && profile.day_first >= policy.floor_per_day;
    if over && profile.held_since.is_none() {
        let signal = Signal::new(Kind::Floor, 1.0, profile.day_first as f32, policy.floor_per_day as f32);
        signals.push(signal);
    }
    let _ = now;
    over
}

/// Remembers the message: what is unusual teaches nothing.
fn remember(
    policy: &Policy,
    profile: &mut Profile,
    message: &Submission,
    counts: Counts,
    place: Standing,
    share: f32,
    now: Time,
) {
    (profile.order, profile.order_run) = recipients::order_after(profile, message);
    let reached = u32::try_from(message.recipients.len()).unwrap_or(u32::MAX);
    profile.note_text(policy, message.simhash, reached, now);
    let free = profile.held_since.is_none();
    let calm = share < policy.dwell_at && free;
    // A newcomer writes to new people from new places: that alone shall not keep his second place from him.
    let clean = calm || (place.settling && share < policy.drip_at && free);
    profile.use_place(policy, message.place, message.autonomous_system, clean, now);
    profile.use_client(policy, message.fingerprint, place.home, calm, now);
    profile.messages = profile.messages.saturating_add(1);
    if calm && place.home {
        let outside = u32::try_from(counts.outside).unwrap_or(u32::MAX);
        profile.learn_habits(message, counts.is_first_contact(), outside);
    }
}
