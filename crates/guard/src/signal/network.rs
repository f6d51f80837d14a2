//! Where a client comes from (signals 6-9) and how its login was made (10-12).

use sekisho_message::Time;

use super::{Kind, Signal};
use crate::event::{Login, Submission};
use crate::place::Place;
use crate::policy::Policy;
use crate::profile::places::Standing;
use crate::profile::{DAY, Profile};

/// Weight of a new place or client while places and clients are learnt.
const SETTLING: f32 = 0.25;

/// The signals of a submission. The network has to be strange, or the client new, for any of them.
pub(crate) fn read(
    policy: &Policy,
    profile: &Profile,
    message: &Submission,
    standing: Standing,
    now: Time,
    out: &mut Vec<Signal>,
) {
    if !standing.home {
        out.push(new_place(profile, message.place, standing));
        out.extend(many_places(policy, profile, standing, now));
    }
    if standing.client == Some(false) {
        let llr = if standing.home { 0.4 } else { 0.8 };
        let llr = if standing.settling { llr * SETTLING } else { llr };
        out.push(Signal::new(Kind::NewClient, llr, 0.0, 0.0));
    }
    if !standing.home {
        out.extend(two_places(message.live_elsewhere, message.place));
        out.extend(breached(profile, message.place, now));
    }
}

/// A network that is not among the origin's own: says less the oftener the origin turns up at new ones.
fn new_place(profile: &Profile, place: Place, standing: Standing) -> Signal {
    let rate = profile.novelty_rate();
    let mut llr = (0.6 * (0.9 / rate).ln()).clamp(0.2, 1.5);
    if standing.kin {
        llr *= 0.3; // another address of the same provider
    }
    if standing.settling {
        llr *= SETTLING; // nobody's second place is known yet
    }
    if standing.client == Some(true) {
        llr *= 0.5; // the owner's own program travels with the owner
    }
    Signal::new(Kind::NewPlace, llr, rate, 0.0).at(place)
}

/// More strange networks within a day than usual.
fn many_places(policy: &Policy, profile: &Profile, standing: Standing, now: Time) -> Option<Signal> {
    let day = profile.strange_places(policy, 24, now) as f32;
    let usual = profile.usual_places.max(if standing.settling { 2.0 } else { 1.0 });
    (day >= 3.0 && day > 2.0 * usual)
        .then(|| Signal::new(Kind::ManyPlaces, (0.5 * (day / usual).log2()).min(1.5), day, usual))
}

fn two_places(others: Option<u8>, place: Place) -> Option<Signal> {
    let others = others.filter(|&n| n > 0)?;
    Some(Signal::new(Kind::TwoPlaces, (0.4 * f32::from(others)).min(1.0), f32::from(others), 0.0).at(place))
}

/// After a login that was guessed, mail from strange places is the intruder's until the opposite is shown.
fn breached(profile: &Profile, place: Place, now: Time) -> Option<Signal> {
    let breach = profile.breach.filter(|b| b.guessed && now.0.saturating_sub(b.success.0) < 14 * DAY)?;
    Some(Signal::new(Kind::GuessedLogin, 1.0, breach.distinct as f32, 0.0).at(place))
}

/// The signals of a login that succeeded at a place that is not the origin's own yet.
pub(crate) fn read_login(
    profile: &mut Profile,
    policy: &Policy,
    login: &Login,
    standing: Standing,
    regime: bool,
    now: Time,
    out: &mut Vec<Signal>,
) {
    if let Some(distinct) = profile.is_guessed_at(policy, regime, now) {
        // From the guessing network itself it is nearly certain; from another it is a stranger in a guessed account.
        let certain = profile.guesses.failed_at(login.place) || login.failed_on_others >= 3;
        let llr = match (certain, standing.client) {
            (true, Some(true)) => 0.9,  // the owner's own client: he tried several of his passwords
            (false, Some(true)) => 0.5, // or he travels while strangers guess
            (true, _) => 3.0,
            (false, _) => 2.0,
        };
        out.push(Signal::new(Kind::GuessedLogin, llr, distinct as f32, 0.0).at(login.place));
    } else if login.failed_on_others >= 3 {
        out.push(Signal::new(Kind::GuessedLogin, 2.0, login.failed_on_others as f32, 0.0).at(login.place));
    }
    if regime {
        out.push(Signal::new(Kind::GuessingRegime, 0.3, 0.0, 0.0));
    }
    if login.weak_password == Some(true) || login.legacy {
        out.push(Signal::new(Kind::WeakCredential, 0.4, 0.0, 0.0));
    }
    out.extend(two_places(login.live_elsewhere, login.place));
}
