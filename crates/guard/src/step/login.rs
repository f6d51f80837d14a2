//! Judging a login.

use sekisho_message::Time;

use super::{close, note};
use crate::event::{Login, LoginResult};
use crate::ladder::Verdict;
use crate::policy::Policy;
use crate::profile::{Breach, Profile};
use crate::score;
use crate::signal::{self, Kind, network};
use crate::site::Site;

/// From here on a login after wrong passwords is taken for a guessed one.
const GUESSED: f32 = 1.0;
/// What logins and ordinary mail from strange places may add in a day.
const ORDINARY: f32 = 2.0;

pub(super) fn judge(policy: &Policy, profile: &mut Profile, site: &mut Site, login: &Login, now: Time) -> Verdict {
    let known = profile.places.items().iter().any(|p| p.place == login.place);
    let own = profile.is_home(policy, login.place, now) || profile.used_recently(policy, login.place, now);
    if !own {
        site.guessing.note(login.result != LoginResult::Right, now);
    }
    if let LoginResult::Wrong { password } = login.result {
        profile.guesses.note(login.place, login.protocol, password, !own, now);
        return close(policy, profile, Vec::new(), None, now);
    }

    let standing = profile.standing(policy, login.place, login.fingerprint, login.autonomous_system, now);
    let mut signals = Vec::new();
    if !(known && standing.home) {
        let regime = site.guessing.since(now).is_some();
        network::read_login(profile, policy, login, standing, regime, now, &mut signals);
    }
    if standing.home {
        // While an origin is learnt every place is new, and only wrong passwords tell.
        signals.retain(|s| s.kind == Kind::GuessedLogin);
    }
    let guessed = signals.iter().any(|s| s.kind == Kind::GuessedLogin && s.llr > GUESSED);
    if guessed {
        note_breach(policy, profile, login, now);
    }
    // The place is told once; what is sent from there is judged by itself.
    let gain: f32 = if known { 0.0 } else { signal::by_family(&signals).iter().sum() };
    if gain > 0.0 {
        let room = if guessed { gain } else { (ORDINARY - profile.ordinary).max(0.0) };
        let gain = gain.min(room);
        if !guessed {
            profile.ordinary += gain;
        }
        score::add(profile, policy, login.place, false, gain, now);
        note(profile, &signals, 0, now);
    }
    let clean = !guessed && score::share(profile, policy, now) < policy.dwell_at;
    profile.use_place(policy, login.place, login.autonomous_system, clean, now);
    profile.use_client(policy, login.fingerprint, standing.home, clean, now);
    close(policy, profile, signals, None, now)
}

/// Remembers how the password was found, for the story of the incident.
fn note_breach(policy: &Policy, profile: &mut Profile, login: &Login, now: Time) {
    let first = profile.guesses.first_failure(|place| profile.is_home(policy, place, now));
    let distinct = profile.guesses.distinct(now);
    profile.breach.get_or_insert(Breach {
        guessed: true,
        protocol: first.map_or(login.protocol, |f| f.protocol),
        place: login.place,
        first_failure: first.map(|f| f.first),
        success: now,
        distinct,
    });
}
