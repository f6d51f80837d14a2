//! The ladder: observe, dwell, drip, hold, suspend, isolate; and the valves, which bound what leaves before any of it.

use sekisho_message::{Text, Time, say};
use serde::{Deserialize, Serialize};

use crate::event::Submission;
use crate::policy::Policy;
use crate::profile::places::Standing;
use crate::profile::wire::wire_enum;
use crate::profile::{Breach, Profile};
use crate::signal::recipients::Counts;
use crate::signal::{Kind, Signal};

/// Recipients of a stranger that wait until their number says something.
const STRANGER_WAITING: u64 = 10;

/// The longest that a stranger's recipients queue, if no hold comes first.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(7_200);

/// A step of the ladder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// Nothing is done; the ledger is kept.
    #[default]
    Observe,
    /// Suspicious first-contact mail waits for minutes.
    Dwell,
    /// Mail goes in drops.
    Drip,
    /// Everything to the outside waits.
    Hold,
    /// And nobody can log in to send.
    Suspend,
    /// And the network or listener is closed: an origin without AUTH.
    Isolate,
}

impl Rung {
    /// All, the first one first: the number of a rung is its place here.
    pub const ALL: [Self; 6] = [Self::Observe, Self::Dwell, Self::Drip, Self::Hold, Self::Suspend, Self::Isolate];

    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Dwell => "dwell",
            Self::Drip => "drip",
            Self::Hold => "hold",
            Self::Suspend => "suspend",
            Self::Isolate => "isolate",
        }
    }
}

wire_enum!(Rung { Observe = 0, Dwell = 1, Drip = 2, Hold = 3, Suspend = 4, Isolate = 5 });

/// What the guard says about an event. It never says that mail be refused, dropped or bounced: there is no word for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The rung on which the origin stands now.
    pub rung: Rung,
    /// What happens to the message (or, for other events, to what waits).
    pub action: Action,
    /// Whether sessions must be ended and submission be blocked **now**: only with the event that decides it.
    pub suspend: bool,
    /// The incident that this event opens.
    pub incident: Option<Incident>,
    /// What was seen.
    pub signals: Vec<Signal>,
    /// The origin's share of its threshold, 1 = hold.
    pub score: f32,
    /// Whether too little is known of the origin yet.
    pub learning: bool,
}

/// What happens to mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "do")]
pub enum Action {
    /// Goes at once.
    Pass,
    /// Some recipients wait in holding and then go by themselves, unless a hold comes first.
    Dwell {
        /// For each recipient of the submission, in order: until when; `None`: goes at once.
        until: Vec<Option<Time>>,
    },
    /// All recipients outside wait until a person decides: the origin's current epoch is held. Local recipients are
    /// not kept waiting by the guard.
    Hold,
}

/// An incident that was opened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// The rule.
    pub reason: Reason,
    /// The same as a sentence.
    pub text: Text,
    /// When the evidence that led to it began.
    pub first_evidence: Time,
    /// How the intruder probably came in.
    pub login: Option<Breach>,
}

/// Why an incident was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A burst from places that the origin uses.
    FastAtHome,
    /// A burst from places that it does not use.
    FastAway,
    /// Slow, but steady.
    Slow,
    /// Traps.
    Trap,
    /// Complaints.
    Complaint,
    /// More new recipients than anybody has.
    Floor,
    /// A person's decision.
    Operator,
}

impl Reason {
    /// As a sentence.
    #[must_use]
    pub fn text(self, share: f32) -> Text {
        let percent = (share * 100.0).round() as i64;
        match self {
            Self::FastAtHome => say!(
                ja: "ふだんの場所からの送信が急に異常になりました（しきい値の {percent}%）。",
                en: "Mail from this sender's usual places turned abnormal quickly ({percent} % of the threshold)."
            ),
            Self::FastAway => say!(
                ja: "使っていない場所からの送信が異常です（しきい値の {percent}%）。パスワードが盗まれた疑いがあります。",
                en: "Mail from places that this sender does not use is abnormal ({percent} % of the threshold): the password is probably stolen."
            ),
            Self::Slow => say!(
                ja: "少しずつ続く異常な送信が積み重なりました（しきい値の {percent}%）。",
                en: "Abnormal mail came slowly but steadily ({percent} % of the threshold)."
            ),
            Self::Trap => say!(ja: "おとりのアドレスに送られました。", en: "Trap addresses were written to."),
            Self::Complaint => say!(ja: "受信者からの苦情が続きました。", en: "Recipients complained repeatedly."),
            Self::Floor => say!(
                ja: "1 日の新しい宛先が上限を超えました。",
                en: "There were more new recipients in a day than the floor allows."
            ),
            Self::Operator => say!(ja: "管理者が止めました。", en: "An administrator decided to hold it."),
        }
    }
}

/// What brought the origin over the line.
pub(crate) fn reason(profile: &Profile, policy: &Policy) -> Reason {
    let class = policy.class(profile.class());
    let (home, away, slow) = (profile.home / class.home, profile.away / class.away, profile.slow / class.slow);
    if away >= home && away >= slow {
        Reason::FastAway
    } else if home >= slow {
        Reason::FastAtHome
    } else {
        Reason::Slow
    }
}

/// The rung of a share, short of hold.
pub(crate) fn rung_of(policy: &Policy, share: f32) -> Rung {
    if share >= policy.drip_at {
        Rung::Drip
    } else if share >= policy.dwell_at {
        Rung::Dwell
    } else {
        Rung::Observe
    }
}

/// When each recipient may go; `None` when all may go at once.
#[allow(clippy::too_many_arguments)]
pub(crate) fn releases(
    policy: &Policy,
    profile: &mut Profile,
    message: &Submission,
    counts: Counts,
    standing: Standing,
    share: f32,
    campaign: bool,
    now: Time,
) -> Option<Vec<Option<Time>>> {
    let class = policy.class(if standing.home { profile.class() } else { crate::class::Class::Person }).clone();
    let rung = rung_of(policy, share);
    let strange = !standing.home;
    // In a message to many strangers the few who are known are no sign of the owner.
    let fat = counts.is_first_contact() && counts.first > usize::from(class.valve_burst);
    let dwells = strange || rung >= Rung::Dwell || campaign;
    let dwell = now
        + match (campaign, strange && fat) {
            (true, _) => campaign_dwell(policy),
            (false, true) => dwell(policy, 1.0),
            (false, false) => dwell(policy, share),
        };
    // The valve opens a little wider while nothing speaks against the origin; drops fall slowly.
    let interval = match rung {
        Rung::Observe => u64::from(class.valve_seconds) * 2 / 3,
        Rung::Dwell => u64::from(class.valve_seconds),
        _ => u64::from(class.valve_seconds) * 3,
    };
    let mut any = false;
    let mut until = Vec::with_capacity(message.recipients.len());
    for recipient in &message.recipients {
        if recipient.local {
            until.push(None);
            continue;
        }
        let guarded = !recipient.contact || fat;
        let mut at = if strange && (fat || standing.is_stranger()) {
            // What a stranger uses up is not the owner's.
            stranger_valve(policy, &mut profile.stranger_valve, guarded, now)
        } else if guarded {
            valve(&mut profile.valve, class.valve_burst, interval, now)
        } else {
            now
        };
        if (guarded && dwells) || (strange && rung >= Rung::Drip) {
            at = at.max(dwell);
        }
        any |= at > now;
        until.push((at > now).then_some(at));
    }
    any.then_some(until)
}

/// The valve of strangers: first contacts queue longer, but nobody beyond [`LONGEST`].
fn stranger_valve(policy: &Policy, full: &mut Time, first: bool, now: Time) -> Time {
    let (burst, seconds) = match first {
        true => (policy.stranger_first, policy.stranger_first_seconds),
        false => (policy.stranger_burst, policy.stranger_seconds),
    };
    let at = valve(full, burst, u64::from(seconds), now);
    at.min(now + LONGEST)
}

/// The signal of a stranger who has filled his valve well beyond what it lets through at once.
pub(crate) fn stranger_volume(
    policy: &Policy,
    profile: &Profile,
    standing: Standing,
    counts: Counts,
    now: Time,
) -> Option<Signal> {
    let (burst, seconds) = match counts.is_first_contact() {
        true => (policy.stranger_first, policy.stranger_first_seconds),
        false => (policy.stranger_burst, policy.stranger_seconds),
    };
    if !standing.is_stranger() || seconds == 0 {
        return None;
    }
    let ahead = profile.stranger_valve.since(now).as_secs() / u64::from(seconds);
    let waiting = ahead.saturating_sub(u64::from(burst));
    (waiting >= STRANGER_WAITING).then(|| Signal::new(Kind::StrangerVolume, 1.0, waiting as f32, 0.0))
}

fn campaign_dwell(policy: &Policy) -> std::time::Duration {
    std::time::Duration::from_secs(u64::from(policy.campaign_dwell_seconds.max(policy.dwell_max_seconds)))
}

/// How long suspicious mail waits: longer the nearer the hold.
fn dwell(policy: &Policy, share: f32) -> std::time::Duration {
    let (least, most) =
        (f64::from(policy.dwell_seconds), f64::from(policy.dwell_max_seconds.max(policy.dwell_seconds)));
    std::time::Duration::from_secs_f64(least + (most - least) * f64::from(share.clamp(0.0, 1.0)))
}

/// A valve: `burst` go at once, then one in `seconds`. `full` is when it will be full again.
fn valve(full: &mut Time, burst: u16, seconds: u64, now: Time) -> Time {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX / 2_000_000).min(86_400);
    let step = seconds * 1_000_000;
    let start = (*full).max(now);
    *full = Time(start.0.saturating_add(step));
    let room = step.saturating_mul(i64::from(burst.max(1)) - 1);
    Time(start.0.saturating_sub(room)).max(now)
}
