//! The guard's settings. Every number has a default that was calibrated on real and simulated mail (`docs/guard.md`).

use serde::{Deserialize, Serialize};

/// All thresholds. Unknown keys are an error; missing ones have their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Numbers for a person.
    pub person: ClassPolicy,
    /// Numbers for a role account: sales, support, recruiting.
    pub role: ClassPolicy,
    /// Numbers for a machine that sends templates: invoices, alerts, forms.
    pub application: ClassPolicy,
    /// Numbers for a sender of newsletters.
    pub newsletter: ClassPolicy,
    /// Half-life of the fast score for what comes from places that the origin is used to, in hours. Default 6.
    pub fast_half_life_hours: f32,
    /// Half-life of the fast score for what comes from places it is not used to, in hours. Default 12.
    pub away_half_life_hours: f32,
    /// Share of the threshold above which first-contact mail dwells. Default 1/3.
    pub dwell_at: f32,
    /// Share of the threshold above which mail drips. Default 1/2.
    pub drip_at: f32,
    /// Shortest dwell, in seconds. Default 120.
    pub dwell_seconds: u32,
    /// Longest dwell, in seconds. Default 900.
    pub dwell_max_seconds: u32,
    /// How long suspicious mail waits whose text other origins send too, in seconds. Default 3600.
    pub campaign_dwell_seconds: u32,
    /// How many recipients a client that is new at a place that is new reaches freely, known to the origin or not, before
    /// they too go one by one. Default 8.
    pub stranger_burst: u16,
    /// How many of them may be first contacts (which dwell besides). Default 3.
    pub stranger_first: u16,
    /// Seconds between such recipients after that. Default 120.
    pub stranger_seconds: u32,
    /// The same between first contacts. Default 300.
    pub stranger_first_seconds: u32,
    /// Messages before an origin is known well enough to be judged fully. Default 20.
    pub learning_messages: u32,
    /// Days before it is. Default 7.
    pub learning_days: u16,
    /// By how much thresholds are higher while learning; it fades over twice that time after. Default 2.
    pub learning_factor: f32,
    /// Days for which a place counts as used. Default 30.
    pub place_days: u16,
    /// Hours after its first use, without suspicion, until a place counts as the origin's own. Default 48.
    pub place_proof_hours: u16,
    /// Most that one episode (one place, one hour) may add at full weight. Default 6.
    pub episode_cap: f32,
    /// Weight of what an episode adds beyond. Default 1/3.
    pub episode_rest: f32,
    /// Distinct wrong passwords within a week, from places that are not the owner's, that make a login that then succeeds
    /// look guessed. Default 4.
    pub guesses: u32,
    /// Near-duplicates differ in at most so many of 64 bits. Default 6.
    pub similar_bits: u32,
    /// Hours for which thresholds are halved after an incident. Default 72.
    pub tightened_hours: u16,
    /// Minutes until a hold that nobody answered becomes a suspension; 0: never by itself. Default 60.
    pub suspend_minutes: u32,
    /// Share of clean days that an origin's own threshold should let pass: `1 - alpha`. Default 0.999.
    pub calibration: f32,
    /// How far an origin's own history may raise its threshold. Default 1.6; 1 switches it off.
    pub calibration_ceiling: f32,
    /// New recipients within a day that hold any origin but newsletters and applications, whatever it has learnt: a floor
    /// that never adapts. Default 200, the number that staff never reached on real traces.
    pub floor_per_day: u32,
}

/// Numbers that depend on the class of origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassPolicy {
    /// Fast threshold for what comes from usual places.
    pub home: f32,
    /// Fast threshold for what comes from other places.
    pub away: f32,
    /// Slow threshold (no decay).
    pub slow: f32,
    /// First contacts that pass the valve at once.
    pub valve_burst: u16,
    /// Seconds between first contacts after that: two thirds of it while the score is low, three times as many in drip.
    pub valve_seconds: u32,
}

impl Policy {
    /// The numbers of a class.
    #[must_use]
    pub const fn class(&self, class: crate::class::Class) -> &ClassPolicy {
        match class {
            crate::class::Class::Person => &self.person,
            crate::class::Class::Role => &self.role,
            crate::class::Class::Application => &self.application,
            crate::class::Class::Newsletter => &self.newsletter,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        let class =
            |home, away, slow, valve_burst, valve_seconds| ClassPolicy { home, away, slow, valve_burst, valve_seconds };
        Self {
            person: class(10.0, 8.0, 22.0, 5, 60),
            role: class(14.0, 9.0, 40.0, 15, 20),
            application: class(20.0, 7.0, 60.0, 60, 6),
            newsletter: class(40.0, 7.0, 120.0, 500, 1),
            fast_half_life_hours: 6.0,
            away_half_life_hours: 12.0,
            dwell_at: 1.0 / 3.0,
            drip_at: 0.5,
            dwell_seconds: 120,
            dwell_max_seconds: 900,
            campaign_dwell_seconds: 3600,
            stranger_burst: 8,
            stranger_first: 3,
            stranger_seconds: 120,
            stranger_first_seconds: 300,
            learning_messages: 20,
            learning_days: 7,
            learning_factor: 2.0,
            place_days: 30,
            place_proof_hours: 48,
            episode_cap: 6.0,
            episode_rest: 1.0 / 3.0,
            guesses: 4,
            similar_bits: 6,
            tightened_hours: 72,
            suspend_minutes: 60,
            calibration: 0.999,
            calibration_ceiling: 1.6,
            floor_per_day: 200,
        }
    }
}

impl Default for ClassPolicy {
    fn default() -> Self {
        Policy::default().person
    }
}
