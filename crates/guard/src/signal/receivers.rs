//! What receivers say (signals 4 and 5).

use sekisho_message::Time;

use super::{Kind, Signal};
use crate::event::{Outcome, OutcomeResult};
use crate::profile::{DAY, Profile, Refusing};
use crate::site::Site;

/// Most that dead recipients add in all, until the origin is judged afresh.
const DEAD_CAP: f32 = 4.0;

/// The signal of one outcome, which is noted.
pub(crate) fn read(profile: &mut Profile, site: &mut Site, outcome: &Outcome, now: Time) -> Option<Signal> {
    match outcome.result {
        OutcomeResult::Refused => refused(profile, outcome.provider, now),
        OutcomeResult::Relayed | OutcomeResult::Dead if outcome.first_contact => {
            let dead = outcome.result == OutcomeResult::Dead;
            // The site's usual share is taken before this origin, who may be the abuser, has moved it.
            let usual = site.dead_rate();
            site.note_outcome(dead);
            dead_recipients(profile, dead, usual)
        }
        _ => None,
    }
}

/// A Beta-binomial Bayes factor, so that one typing error is no alarm: only what the newest outcome adds.
fn dead_recipients(profile: &mut Profile, dead: bool, usual: f32) -> Option<Signal> {
    profile.reached = profile.reached * 0.99 + if dead { 0.0 } else { 1.0 };
    profile.dead = profile.dead * 0.99 + if dead { 1.0 } else { 0.0 };
    let (all, bad) = (profile.reached + profile.dead, profile.dead);
    let honest = (20.0 * usual, 20.0 * (1.0 - usual));
    let hostile = (2.0, 6.0);
    let ratio = beta_ratio(hostile, bad, all) - beta_ratio(honest, bad, all);
    let total = ratio.clamp(0.0, DEAD_CAP);
    // One outcome adds 1 at most; what is proven stays to be added by the next.
    let added = if dead { (total - profile.dead_added).min(1.0) } else { 0.0 };
    profile.dead_added = (profile.dead_added + added.max(0.0)).min(total);
    (added > 0.01).then(|| Signal::new(Kind::DeadRecipients, added, bad, all))
}

/// Log of the Beta-binomial likelihood of `bad` of `all`, without the binomial coefficient that cancels.
fn beta_ratio((a, b): (f32, f32), bad: f32, all: f32) -> f32 {
    ln_gamma(a + bad) + ln_gamma(b + all - bad) - ln_gamma(a + b + all) - ln_gamma(a) - ln_gamma(b) + ln_gamma(a + b)
}

/// Stirling's series after shifting the argument: exact to 1e-5 for what is used here.
pub(crate) fn ln_gamma(x: f32) -> f32 {
    let mut x = f64::from(x.max(1e-3));
    let mut shift = 0.0;
    while x < 8.0 {
        shift += x.ln();
        x += 1.0;
    }
    let series = (x - 0.5) * x.ln() - x + 0.918_938_533_204_672_7 + 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3));
    (series - shift) as f32
}

/// Each receiving organisation counts once a week.
fn refused(profile: &mut Profile, provider: u64, now: Time) -> Option<Signal> {
    profile.refusing.0.retain(|r| now.0.saturating_sub(r.at.0) < 7 * DAY);
    if profile.refusing.items().iter().any(|r| r.provider == provider) {
        return None;
    }
    profile.refusing.push(Refusing { provider, at: now });
    let providers = profile.refusing.items().len() as f32;
    // One strict receiver says little; several agree.
    let llr = if providers < 1.5 { 0.8 } else { 1.5 };
    Some(Signal::new(Kind::Refusals, llr, providers, 0.0))
}
