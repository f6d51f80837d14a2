#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::time::Duration;

use super::*;
use crate::event::{Change, Login, Outcome, OutcomeResult, Protocol, Recipient, Submission};
use crate::place::Place;

const HOME: Place = Place::V4([192, 0, 2]);
const AWAY: Place = Place::V4([203, 0, 113]);
const START: Time = Time::from_seconds(1_800_000_000);

/// An origin with two months of ordinary mail from home behind it.
fn settled() -> (Policy, Profile, Site, Time) {
    let (policy, mut profile, mut site) = (Policy::default(), Profile::new(7, START), Site::default());
    let mut now = START;
    for n in 0..60 {
        now = START + Duration::from_secs(n * 86_400);
        let verdict = step(&policy, &mut profile, &mut site, &mail(HOME, 1, 0, n << 20), now);
        assert_eq!((verdict.action, verdict.rung), (Action::Pass, Rung::Observe));
    }
    (policy, profile, site, now + Duration::from_secs(3_600))
}

/// A message to so many contacts and so many others.
fn mail(place: Place, contacts: usize, first: usize, text: u64) -> Event {
    let recipient = |contact| Recipient { contact, domain: 5, ..Recipient::default() };
    let recipients = (0..contacts).map(|_| recipient(true)).chain((0..first).map(|_| recipient(false))).collect();
    Event::Submission(Submission {
        message: text,
        authenticated: true,
        place,
        recipients,
        fingerprint: Some(if place == HOME { 1 } else { 2 }),
        simhash: Some(text.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        ..Submission::default()
    })
}

#[test]
fn somebody_new_from_the_usual_place_is_written_to_at_once() {
    let (policy, mut profile, mut site, now) = settled();
    let verdict = step(&policy, &mut profile, &mut site, &mail(HOME, 0, 1, 1), now);
    assert_eq!(verdict.action, Action::Pass);
    assert_eq!(verdict.signals.first().map(|s| s.kind), Some(signal::Kind::FirstContact));
}

#[test]
fn a_new_account_sends_its_first_messages_at_once_and_then_meets_the_valve() {
    let (policy, mut profile, mut site) = (Policy::default(), Profile::new(7, START), Site::default());
    let waits: Vec<bool> = (0..7)
        .map(|n| {
            let now = START + Duration::from_secs(n);
            step(&policy, &mut profile, &mut site, &mail(HOME, 0, 1, n << 20), now).action != Action::Pass
        })
        .collect();
    assert_eq!(waits, [false, false, false, false, false, true, true]);
}

#[test]
fn first_contacts_from_a_strange_place_dwell_for_minutes_and_contacts_do_not() {
    let (policy, mut profile, mut site, now) = settled();
    let verdict = step(&policy, &mut profile, &mut site, &mail(AWAY, 1, 2, 1), now);
    let Action::Dwell { until } = verdict.action else { panic!("{verdict:?}") };
    assert_eq!(until[0], None);
    let wait = until[1].unwrap().since(now).as_secs();
    assert!((120..=900).contains(&wait), "{wait}");
    assert_eq!(until[1], until[2]);
}

#[test]
fn a_campaign_is_held_suspended_when_guessed_and_explained() {
    let (policy, mut profile, mut site, now) = settled();
    for n in 0..20_u64 {
        let wrong = LoginResultOf::wrong(AWAY, n);
        step(&policy, &mut profile, &mut site, &wrong, now);
    }
    let login = Event::Login(Login { place: AWAY, protocol: Protocol::Pop3, ..Login::default() });
    let verdict = step(&policy, &mut profile, &mut site, &login, now);
    assert!(verdict.signals.iter().any(|s| s.kind == signal::Kind::GuessedLogin));
    let mut held = None;
    for n in 0..6 {
        let verdict = step(&policy, &mut profile, &mut site, &mail(Place::V4([9, 9, n as u8]), 0, 1, 42), now);
        if let Some(incident) = verdict.incident.clone() {
            held.get_or_insert((n, verdict, incident));
        }
    }
    let (messages, verdict, incident) = held.expect("held");
    assert!(messages <= 3, "{messages}");
    assert!(verdict.suspend && verdict.rung == Rung::Suspend && verdict.action == Action::Hold);
    assert_eq!(incident.reason, Reason::FastAway);
    let breach = incident.login.unwrap();
    assert_eq!((breach.place, breach.protocol, breach.first_failure), (AWAY, Protocol::Pop3, Some(now)));
    assert!((15..=20).contains(&breach.distinct), "{breach:?}");
    assert!(profile.ledger.items().iter().all(|line| !line.signal.text().ja.is_empty()));
    // It is opened once, and what comes later is held without more ado.
    let later = step(&policy, &mut profile, &mut site, &mail(HOME, 1, 0, 5), now + Duration::from_secs(9_000));
    assert_eq!((later.action, later.incident, later.suspend), (Action::Hold, None, false));
    // A person cleans up: it goes on, watched more closely.
    let clean = step(&policy, &mut profile, &mut site, &Event::Operator(Operator::Resolve), now);
    assert_eq!((clean.action, clean.rung), (Action::Pass, Rung::Observe));
    assert!(profile.tightened_until > now && !profile.is_home(&policy, AWAY, now));
}

/// Short for a wrong password.
struct LoginResultOf;

impl LoginResultOf {
    fn wrong(place: Place, password: u64) -> Event {
        let result = crate::event::LoginResult::Wrong { password: password.wrapping_mul(0x1234_5678_9ABC_DEF1) };
        Event::Login(Login { place, protocol: Protocol::Pop3, result, ..Login::default() })
    }
}

#[test]
fn guessing_alone_does_nothing_to_the_owner() {
    let (policy, mut profile, mut site, now) = settled();
    for n in 0..5_000 {
        let verdict = step(&policy, &mut profile, &mut site, &LoginResultOf::wrong(AWAY, n), now);
        assert_eq!((verdict.action, verdict.rung), (Action::Pass, Rung::Observe));
    }
    let owner = Event::Login(Login { place: HOME, ..Login::default() });
    let verdict = step(&policy, &mut profile, &mut site, &owner, now);
    assert!(verdict.signals.is_empty() && verdict.score == 0.0 && profile.breach.is_none());
}

#[test]
fn the_owners_mail_from_home_does_not_wash_the_intruder_away() {
    let (policy, mut profile, mut site, mut now) = settled();
    let mut reached = 0;
    for n in 0..20_u64 {
        now = now + Duration::from_secs(1_800);
        for _ in 0..4 {
            step(&policy, &mut profile, &mut site, &mail(HOME, 2, 0, n), now);
        }
        if profile.held_since.is_none() {
            reached += 1;
            step(&policy, &mut profile, &mut site, &mail(Place::V4([9, 1, n as u8]), 0, 1, 42), now);
        }
    }
    assert!(reached <= 6, "{reached}");
}

#[test]
fn a_hold_that_nobody_answers_becomes_a_suspension() {
    let (policy, mut profile, mut site, now) = settled();
    let verdict = step(&policy, &mut profile, &mut site, &Event::Operator(Operator::Hold), now);
    assert_eq!((verdict.rung, verdict.suspend), (Rung::Hold, false));
    assert_eq!(verdict.incident.unwrap().reason, Reason::Operator);
    let early = step(&policy, &mut profile, &mut site, &Event::Tick, now + Duration::from_secs(3_500));
    assert!(!early.suspend);
    let late = step(&policy, &mut profile, &mut site, &Event::Tick, now + Duration::from_secs(3_700));
    assert_eq!((late.rung, late.suspend), (Rung::Suspend, true));
    assert!(!step(&policy, &mut profile, &mut site, &Event::Tick, now + Duration::from_secs(3_800)).suspend);
}

#[test]
fn an_origin_without_auth_is_isolated() {
    let (policy, mut profile, mut site) = (Policy::default(), Profile::new(7, START), Site::default());
    let Event::Submission(mut message) = mail(HOME, 1, 0, 3) else { panic!() };
    message.authenticated = false;
    step(&policy, &mut profile, &mut site, &Event::Submission(message), START);
    assert_eq!(step(&policy, &mut profile, &mut site, &Event::Operator(Operator::Hold), START).rung, Rung::Isolate);
}

#[test]
fn traps_complaints_the_dead_and_refusals_raise_the_score() {
    let (policy, profile, site, now) = settled();
    let run = |events: &[Event]| {
        let (mut profile, mut site) = (profile.clone(), site.clone());
        let mut last = None;
        for event in events {
            last = Some(step(&policy, &mut profile, &mut site, event, now));
        }
        last.unwrap()
    };
    let Event::Submission(mut message) = mail(HOME, 0, 1, 3) else { panic!() };
    message.recipients[0].trap = true;
    assert_eq!(run(&[Event::Submission(message)]).incident.unwrap().reason, Reason::Trap);
    let complaint = Event::Report(Report::Complaint);
    assert!(run(std::slice::from_ref(&complaint)).incident.is_none());
    assert_eq!(run(&[complaint.clone(), complaint.clone(), complaint]).rung, Rung::Suspend);
    let outcome = |result, provider| Event::Outcome(Outcome { first_contact: true, result, provider });
    let one = run(&[outcome(OutcomeResult::Dead, 1)]).score;
    let many = run(&vec![outcome(OutcomeResult::Dead, 1); 6]).score;
    assert!(one < 0.12 && many > 0.35, "{one} {many}");
    let refused = run(&[outcome(OutcomeResult::Refused, 1), outcome(OutcomeResult::Refused, 1)]).score;
    let twice = run(&[outcome(OutcomeResult::Refused, 1), outcome(OutcomeResult::Refused, 2)]).score;
    assert!(refused < twice, "{refused} {twice}: each receiver counts once");
    let change = |place| Event::Configuration(Configuration { change: Change::Forward, place });
    assert!(run(&[change(HOME)]).score < run(&[change(AWAY)]).score);
}

#[test]
fn a_false_alarm_teaches() {
    let (policy, mut profile, mut site, now) = settled();
    for n in 0..4 {
        step(&policy, &mut profile, &mut site, &mail(AWAY, 0, 1, n << 30), now);
    }
    assert!(profile.away > 0.0);
    step(&policy, &mut profile, &mut site, &Event::Operator(Operator::Release), now);
    assert!(profile.is_home(&policy, AWAY, now));
    let verdict = step(&policy, &mut profile, &mut site, &mail(AWAY, 0, 1, 99), now);
    assert!(!matches!(verdict.action, Action::Hold) && verdict.score < 0.2, "{verdict:?}");
}

/// Two months of mail, then logins after guessing from elsewhere while the owner goes on at home.
#[test]
fn an_incident_leaves_the_owner_his_network_and_nothing_of_what_the_intruder_used_up() {
    let (policy, mut profile, mut site, now) = settled();
    // A second network of his, proven by use alone.
    let office = Place::V4([198, 51, 100]);
    let mut now = now;
    for n in 0..4_u64 {
        now = now + Duration::from_secs(86_400);
        step(&policy, &mut profile, &mut site, &mail(office, 1, 0, n << 30), now);
    }
    assert!(profile.is_home(&policy, office, now));
    for n in 0..40_u64 {
        let away = Place::V4([9, 9, (n % 5) as u8]);
        step(&policy, &mut profile, &mut site, &mail(away, 0, 3, 42), now);
        step(&policy, &mut profile, &mut site, &Event::Login(Login { place: office, ..Login::default() }), now);
        step(&policy, &mut profile, &mut site, &Event::Login(Login { place: HOME, ..Login::default() }), now);
    }
    assert!(profile.held_since.is_some());
    assert!(profile.is_home(&policy, office, now) && profile.is_home(&policy, HOME, now));
    step(&policy, &mut profile, &mut site, &Event::Operator(Operator::Resolve), now);
    assert!(profile.is_home(&policy, office, now) && profile.is_home(&policy, HOME, now));
    assert!(profile.places.items().iter().all(|p| !matches!(p.place, Place::V4([9, ..]))));
    let later = now + Duration::from_secs(60);
    let verdict = step(&policy, &mut profile, &mut site, &mail(HOME, 0, 1, 77), later);
    assert_eq!(verdict.action, Action::Pass, "somebody new is written to at once again");
}
