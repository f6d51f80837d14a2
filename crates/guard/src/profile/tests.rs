#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::{
    Author, Change, Configuration, Event, Login, LoginResult, Operator, Outcome, OutcomeResult, Recipient, Report,
    Submission,
};
use crate::ladder::Action;
use crate::site::Site;
use crate::step::step;

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::Unknown),
        any::<u8>().prop_map(|c| Place::V4([192, 0, c % 40])),
        any::<[u8; 3]>().prop_map(Place::V4),
        any::<[u8; 6]>().prop_map(Place::V6),
    ]
}

fn recipient() -> impl Strategy<Value = Recipient> {
    (any::<bool>(), any::<bool>(), any::<u64>(), any::<u64>(), prop::bool::weighted(0.01))
        .prop_map(|(contact, local, domain, order, trap)| Recipient { contact, local, domain, order, trap })
}

fn submission() -> impl Strategy<Value = Event> {
    let author = (prop::bool::weighted(0.1), any::<u64>());
    let facts = (any::<Option<u64>>(), any::<Option<u8>>(), any::<Option<f32>>(), any::<Option<bool>>());
    let who = (any::<bool>(), place(), any::<Option<u64>>(), any::<Option<u32>>());
    (prop::collection::vec(recipient(), 0..80), author, facts, who).prop_map(|(recipients, author, facts, who)| {
        Event::Submission(Submission {
            recipients,
            author: Author { foreign: author.0, from: author.1, ..Author::default() },
            simhash: facts.0.map(|h| h & 0xFF),
            hour_of_week: facts.1,
            live_elsewhere: facts.1,
            content: facts.2,
            new_link: facts.3,
            listed_link: facts.3,
            send_only: facts.3,
            authenticated: who.0,
            place: who.1,
            fingerprint: who.2,
            autonomous_system: who.3,
            ..Submission::default()
        })
    })
}

fn login() -> impl Strategy<Value = Event> {
    (place(), any::<Option<u64>>(), any::<Option<u64>>(), any::<u32>(), any::<Option<u8>>()).prop_map(
        |(place, wrong, fingerprint, failed_on_others, live_elsewhere)| {
            let result = wrong.map_or(LoginResult::Right, |password| LoginResult::Wrong { password });
            Event::Login(Login { place, result, fingerprint, failed_on_others, live_elsewhere, ..Login::default() })
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let result = prop_oneof![
        Just(OutcomeResult::Relayed),
        Just(OutcomeResult::Dead),
        Just(OutcomeResult::Refused),
        Just(OutcomeResult::Failed)
    ];
    let outcome = (any::<bool>(), result, any::<u64>())
        .prop_map(|(first_contact, result, provider)| Event::Outcome(Outcome { first_contact, result, provider }));
    let change = prop_oneof![
        Just(Change::Forward),
        Just(Change::HidingFilter),
        Just(Change::AppPassword),
        Just(Change::Password)
    ];
    let other = prop_oneof![
        Just(Event::Answered),
        Just(Event::Tick),
        Just(Event::Report(Report::Complaint)),
        Just(Event::Report(Report::Listing)),
        Just(Event::Report(Report::Backscatter)),
        Just(Event::Operator(Operator::OwnerProved)),
        Just(Event::Operator(Operator::Hold)),
        Just(Event::Operator(Operator::Release)),
        Just(Event::Operator(Operator::Resolve)),
    ];
    let configuration =
        (change, place()).prop_map(|(change, place)| Event::Configuration(Configuration { change, place }));
    prop_oneof![6 => submission(), 3 => login(), 2 => outcome, 1 => other, 1 => configuration]
}

/// Gaps of all sizes, backwards and the ends of time too.
fn times() -> impl Strategy<Value = i64> {
    prop_oneof![
        10 => 0_i64..3_600_000_000,
        3 => 0_i64..100 * DAY,
        1 => -DAY..DAY,
        1 => prop_oneof![Just(i64::MAX), Just(i64::MIN), any::<i64>()],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn anything_may_happen_and_the_profile_stays_sound(events in prop::collection::vec((event(), times()), 1..60)) {
        let policy = Policy::default();
        let (mut profile, mut site) = (Profile::new(1, Time(0)), Site::default());
        let mut now = Time::from_seconds(1_700_000_000);
        for (event, gap) in &events {
            now = Time(now.0.saturating_add(*gap));
            let mut again = (profile.clone(), site.clone());
            let held = profile.held_since.is_some();
            let verdict = step(&policy, &mut profile, &mut site, event, now);
            prop_assert_eq!(&verdict, &step(&policy, &mut again.0, &mut again.1, event, now), "the same twice");
            prop_assert_eq!((&profile, &site), (&again.0, &again.1));
            prop_assert!(verdict.score.is_finite() && verdict.score >= 0.0);
            prop_assert!(verdict.signals.iter().all(|s| s.llr.abs() <= crate::signal::BOUND));
            prop_assert!(verdict.incident.is_none() || profile.held_since.is_some());
            prop_assert!(!held || verdict.incident.is_none(), "an incident is opened once");
            match (&verdict.action, event) {
                (Action::Dwell { until }, Event::Submission(message)) => {
                    prop_assert_eq!(until.len(), message.recipients.len());
                    // Local mail never waits, and nothing waits for ever.
                    for (until, recipient) in until.iter().zip(&message.recipients) {
                        prop_assert!(until.is_none() || !recipient.local);
                        prop_assert!(until.is_none_or(|at| at > now));
                    }
                }
                (Action::Dwell { .. }, _) => prop_assert!(false, "only messages dwell"),
                (Action::Hold, _) => prop_assert!(profile.held_since.is_some()),
                (Action::Pass, _) => prop_assert!(profile.held_since.is_none()),
            }
            let bytes = profile.encode();
            prop_assert!(bytes.len() <= MAX_ENCODED, "{} octets", bytes.len());
            prop_assert_eq!(&Profile::decode(&bytes).unwrap(), &profile);
            prop_assert_eq!(&Site::decode(&site.encode()).unwrap(), &site);
        }
    }

    #[test]
    fn garbage_is_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..9_000), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        prop_assert!(Profile::decode(&bytes).is_err());
        prop_assert!(Site::decode(&bytes).is_err());
        bytes = Profile::new(1, Time(0)).encode();
        let index = at.index(bytes.len());
        bytes[index] ^= flip;
        prop_assert!(Profile::decode(&bytes).is_err(), "a changed octet is noticed");
        bytes.truncate(index);
        prop_assert!(Profile::decode(&bytes).is_err());
    }

    /// Whatever stands after a right check sum.
    #[test]
    fn sealed_garbage_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..8_000)) {
        struct Raw(Vec<u8>);
        impl wire::Wire for Raw {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
            fn take(_: &mut &[u8]) -> Result<Self, DecodeError> {
                Err(DecodeError::Value)
            }
        }
        let sealed = wire::seal(VERSION, &Raw(bytes));
        if let Ok(mut profile) = Profile::decode(&sealed) {
            let _ = step(&Policy::default(), &mut profile, &mut Site::default(), &Event::Tick, Time(0));
        }
        let _ = Site::decode(&sealed);
    }
}

#[test]
fn a_full_profile_fits() {
    let policy = Policy::default();
    let (mut profile, mut site) = (Profile::new(u64::MAX, Time(0)), Site::default());
    for n in 0..3_000_u64 {
        let now = Time::from_seconds(1_700_000_000) + Duration::from_secs(n * 40_000);
        let [a, b, c, d, e, f, ..] = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
        let place = Place::V6([a, b, c, d, e, f]);
        let recipients = (0..30).map(|i| Recipient { domain: n * 31 + i, ..Recipient::default() }).collect();
        let wrong = Login { place, result: LoginResult::Wrong { password: n }, ..Login::default() };
        let mail = Submission {
            place,
            recipients,
            simhash: Some(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            fingerprint: Some(n),
            author: Author { from: n, ..Author::default() },
            ..Submission::default()
        };
        let refused = Outcome { first_contact: true, result: OutcomeResult::Refused, provider: n };
        for event in [Event::Login(wrong), Event::Submission(mail), Event::Outcome(refused)] {
            step(&policy, &mut profile, &mut site, &event, now);
        }
        if n % 50 == 0 {
            step(&policy, &mut profile, &mut site, &Event::Operator(Operator::Release), now);
        }
    }
    let size = profile.encode().len();
    assert!((4_000..=MAX_ENCODED).contains(&size), "{size}");
    println!("{size} octets");
}
