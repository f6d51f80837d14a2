#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Every signal once where it must speak, and once where it must be silent.

use std::collections::BTreeSet;
use std::time::Duration;

use sekisho_message::Time;

use super::*;
use crate::class::Class;
use crate::event::{
    Author, Change, Event, Login, LoginResult, Outcome, OutcomeResult, Protocol, Recipient, Report, Submission,
};
use crate::policy::Policy;
use crate::profile::Profile;
use crate::site::Site;
use crate::step::step;

const HOME: Place = Place::V4([192, 0, 2]);
const AWAY: Place = Place::V4([203, 0, 113]);
const START: Time = Time::from_seconds(1_800_000_000);

/// A sender with 150 days of one ordinary message a day behind him, always at the same hour.
struct Bench {
    policy: Policy,
    profile: Profile,
    site: Site,
    now: Time,
}

impl Bench {
    fn settled() -> Self {
        let mut bench =
            Self { policy: Policy::default(), profile: Profile::new(7, START), site: Site::default(), now: START };
        for n in 0..150_u64 {
            bench.now = START + Duration::from_secs(n * 86_400);
            let mut mail = ordinary();
            mail.simhash = Some((n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            mail.author.from = 77;
            bench.seen(Event::Submission(mail));
        }
        bench.now = bench.now + Duration::from_secs(7_200);
        bench
    }

    fn seen(&mut self, event: Event) -> Vec<Signal> {
        step(&self.policy, &mut self.profile, &mut self.site, &event, self.now).signals
    }

    /// What one message says of a kind, without being remembered.
    fn asked(&self, mail: &Submission, kind: Kind) -> Option<f32> {
        let (mut profile, mut site) = (self.profile.clone(), self.site.clone());
        let verdict = step(&self.policy, &mut profile, &mut site, &Event::Submission(mail.clone()), self.now);
        verdict.signals.iter().find(|s| s.kind == kind).map(|s| s.llr)
    }
}

fn to(count: usize, contact: bool) -> Vec<Recipient> {
    (0..count).map(|n| Recipient { contact, domain: 1 + n as u64 % 2, ..Recipient::default() }).collect()
}

fn ordinary() -> Submission {
    Submission {
        authenticated: true,
        place: HOME,
        fingerprint: Some(1),
        recipients: to(2, true),
        hour_of_week: Some(10),
        ..Submission::default()
    }
}

#[test]
fn first_contact_is_weighed_by_what_the_origin_does() {
    let bench = Bench::settled();
    let new = Submission { recipients: to(2, false), ..ordinary() };
    assert!(bench.asked(&new, Kind::FirstContact).unwrap() > 0.9);
    assert!(bench.asked(&ordinary(), Kind::FirstContact).unwrap() < -0.9);
    let mut sales = Bench::settled();
    (sales.profile.first, sales.profile.sent) = (120.0, 300.0);
    assert!(sales.asked(&new, Kind::FirstContact).unwrap() < 0.5);
    let away = Submission { place: AWAY, ..new };
    assert!(sales.asked(&away, Kind::FirstContact).unwrap() > 0.9, "not elsewhere, though");
}

#[test]
fn many_recipients_counts_strangers_not_colleagues() {
    let bench = Bench::settled();
    let fat = |contact| Submission { recipients: to(40, contact), ..ordinary() };
    assert!(bench.asked(&fat(false), Kind::ManyRecipients).unwrap() > 1.0);
    assert_eq!(bench.asked(&fat(true), Kind::ManyRecipients), None);
}

#[test]
fn domains_that_are_new_and_lists_in_order() {
    let mut bench = Bench::settled();
    let spread = |base: u64| Submission {
        recipients: (0..12).map(|n| Recipient { domain: base + n, ..Recipient::default() }).collect(),
        ..ordinary()
    };
    assert!(bench.asked(&spread(5_000), Kind::DomainSpread).unwrap() > 0.5);
    let familiar = Submission { recipients: to(12, false), ..ordinary() };
    assert_eq!(bench.asked(&familiar, Kind::DomainSpread), None);
    let list = |from: u64, step: i64| Submission {
        recipients: (0..6)
            .map(|n| Recipient { order: from.wrapping_add_signed(n * step), ..Recipient::default() })
            .collect(),
        ..ordinary()
    };
    assert_eq!(bench.asked(&list(1_000, 1), Kind::ListOrder), None, "six are chance");
    bench.seen(Event::Submission(list(1_000, 1)));
    assert!(bench.asked(&list(2_000, 1), Kind::ListOrder).unwrap() > 0.4, "twelve over two messages are not");
    assert_eq!(bench.asked(&list(2_000, -1), Kind::ListOrder), None);
}

#[test]
fn places_and_clients() {
    let bench = Bench::settled();
    let away = Submission { place: AWAY, fingerprint: Some(9), ..ordinary() };
    let own_client = Submission { fingerprint: Some(1), ..away.clone() };
    let (stranger, owner) =
        (bench.asked(&away, Kind::NewPlace).unwrap(), bench.asked(&own_client, Kind::NewPlace).unwrap());
    assert!(stranger > 1.0 && owner < 0.8, "{stranger} {owner}");
    assert_eq!(bench.asked(&ordinary(), Kind::NewPlace), None);
    assert!(bench.asked(&away, Kind::NewClient).unwrap() > 0.5);
    assert_eq!(bench.asked(&own_client, Kind::NewClient), None);
    let mut roaming = Bench::settled();
    (roaming.profile.novel, roaming.profile.visits) = (20.0, 40.0);
    assert!(roaming.asked(&away, Kind::NewPlace).unwrap() < 0.6, "whoever is always somewhere new is not remarkable");
    let mut same_provider = Bench::settled();
    same_provider.profile.places.0[0].autonomous_system = 64_500;
    let kin = Submission { autonomous_system: Some(64_500), ..away.clone() };
    assert!(same_provider.asked(&kin, Kind::NewPlace).unwrap() < 0.5);
    assert!(bench.asked(&Submission { live_elsewhere: Some(2), ..away }, Kind::TwoPlaces).unwrap() > 0.5);
    assert_eq!(bench.asked(&Submission { live_elsewhere: Some(2), ..ordinary() }, Kind::TwoPlaces), None);
}

#[test]
fn a_strangers_volume_tells_even_when_he_writes_to_known_people() {
    let mut bench = Bench::settled();
    let stranger = Submission { place: AWAY, fingerprint: None, ..ordinary() };
    for _ in 0..8 {
        assert_eq!(bench.asked(&stranger, Kind::StrangerVolume), None);
        bench.seen(Event::Submission(stranger.clone()));
    }
    (0..4).for_each(|_| drop(bench.seen(Event::Submission(stranger.clone()))));
    assert_eq!(bench.asked(&stranger, Kind::StrangerVolume), Some(1.0));
    assert_eq!(bench.asked(&Submission { fingerprint: Some(1), ..stranger }, Kind::StrangerVolume), None);
    assert_eq!(bench.asked(&ordinary(), Kind::StrangerVolume), None);
}

#[test]
fn many_places_within_a_day() {
    let mut bench = Bench::settled();
    let at = |n: u8| Submission { place: Place::V4([203, 0, n]), ..ordinary() };
    assert_eq!(bench.asked(&at(1), Kind::ManyPlaces), None);
    for n in 0..6 {
        bench.seen(Event::Submission(at(n)));
    }
    assert!(bench.asked(&at(9), Kind::ManyPlaces).unwrap() > 0.8);
}

#[test]
fn guessing_tells_only_with_a_success_and_not_on_the_owners_own_errors() {
    let wrong = |place, n: u64| {
        let result = LoginResult::Wrong { password: n.wrapping_mul(0x1234_5678_9ABC_DEF1) };
        Event::Login(Login { place, result, protocol: Protocol::Imap4, ..Login::default() })
    };
    let success = |place| Event::Login(Login { place, ..Login::default() });
    let guessed = |signals: Vec<Signal>| signals.iter().find(|s| s.kind == Kind::GuessedLogin).map(|s| s.llr);
    let mut bench = Bench::settled();
    (0..12).for_each(|n| assert!(bench.seen(wrong(AWAY, n)).is_empty()));
    let mut other = Bench {
        policy: bench.policy.clone(),
        profile: bench.profile.clone(),
        site: bench.site.clone(),
        now: bench.now,
    };
    assert_eq!(guessed(other.seen(success(HOME))), None, "the owner is not suspected for what strangers tried");
    assert_eq!(guessed(other.seen(success(Place::V4([9, 9, 9])))), Some(2.0));
    assert_eq!(guessed(bench.seen(success(AWAY))), Some(3.0), "from where the guesses came it is nearly certain");
    let mut typing = Bench::settled();
    (0..12).for_each(|n| assert!(typing.seen(wrong(HOME, n)).is_empty()));
    assert_eq!(guessed(typing.seen(success(AWAY))), None, "typing errors at home are no guesses");
    let mut retrying = Bench::settled();
    (0..500).for_each(|_| assert!(retrying.seen(wrong(AWAY, 5)).is_empty()));
    assert_eq!(guessed(retrying.seen(success(AWAY))), None, "one password five hundred times is one");
}

#[test]
fn weak_credentials_and_the_regime_only_add_to_a_strange_place() {
    let login = |place| Event::Login(Login { place, legacy: true, weak_password: Some(true), ..Login::default() });
    let mut bench = Bench::settled();
    assert!(bench.seen(login(HOME)).is_empty());
    assert!(bench.seen(login(AWAY)).iter().any(|s| s.kind == Kind::WeakCredential && s.llr > 0.0));
    let mut bench = Bench::settled();
    let now = bench.now;
    (0..200).for_each(|_| bench.site.guessing.note(true, now));
    assert!(
        bench
            .seen(Event::Login(Login { place: AWAY, ..Login::default() }))
            .iter()
            .any(|s| s.kind == Kind::GuessingRegime)
    );
}

#[test]
fn the_author_and_the_content() {
    let bench = Bench::settled();
    let author = |author| Submission { author, ..ordinary() };
    assert!(bench.asked(&author(Author { foreign: true, ..Author::default() }), Kind::ForeignAuthor).unwrap() > 1.0);
    assert!(bench.asked(&author(Author { imitates: true, ..Author::default() }), Kind::ForeignAuthor).unwrap() > 1.0);
    assert!(
        bench.asked(&author(Author { reply_elsewhere: true, ..Author::default() }), Kind::ForeignAuthor).unwrap() > 0.0
    );
    assert_eq!(bench.asked(&ordinary(), Kind::ForeignAuthor), None);
    assert_eq!(bench.asked(&Submission { content: Some(99.0), ..ordinary() }, Kind::Content), Some(3.0));
    assert_eq!(bench.asked(&Submission { content: Some(f32::NAN), ..ordinary() }, Kind::Content), None);
    assert!(bench.asked(&Submission { new_link: Some(true), ..ordinary() }, Kind::Content).unwrap() > 0.0);
    assert!(bench.asked(&Submission { listed_link: Some(true), ..ordinary() }, Kind::Content).unwrap() > 2.0);
}

#[test]
fn one_text_again_and_again() {
    let mut bench = Bench::settled();
    let copy = |bit: u32| Submission { simhash: Some(0xABCD_EF01_2345_6789 ^ (1 << bit)), ..ordinary() };
    assert_eq!(bench.asked(&copy(0), Kind::FanOut), None, "once is no fan-out");
    (0..5).for_each(|n| drop(bench.seen(Event::Submission(copy(n)))));
    let home = bench.asked(&copy(9), Kind::FanOut).unwrap();
    let away = bench.asked(&Submission { place: AWAY, ..copy(9) }, Kind::FanOut).unwrap();
    assert!(home > 0.8 && away > home, "{home} {away}");
    assert_eq!(bench.asked(&Submission { simhash: Some(0x1111), ..ordinary() }, Kind::FanOut), None);
    bench.profile.class_set = Some(Class::Application);
    assert_eq!(bench.asked(&copy(9), Kind::FanOut), None, "machines send templates");
}

#[test]
fn hours_rhythm_and_clients_that_only_send() {
    let mut bench = Bench::settled();
    assert!(bench.asked(&Submission { hour_of_week: Some(3), ..ordinary() }, Kind::UnusualHour).unwrap() > 0.3);
    assert_eq!(bench.asked(&Submission { hour_of_week: Some(10 + 48), ..ordinary() }, Kind::UnusualHour), None);
    let scanner = Submission { place: AWAY, send_only: Some(true), ..ordinary() };
    assert!(bench.asked(&scanner, Kind::SendOnly).unwrap() < 0.3, "one message proves little");
    bench.seen(Event::Submission(Submission { recipients: to(2, false), ..scanner.clone() }));
    assert!(bench.asked(&scanner, Kind::SendOnly).unwrap() > 0.4);
    assert_eq!(bench.asked(&Submission { send_only: Some(true), ..ordinary() }, Kind::SendOnly), None);
    for _ in 0..8 {
        bench.now = bench.now + Duration::from_secs(30);
        bench.seen(Event::Submission(ordinary()));
    }
    bench.now = bench.now + Duration::from_secs(30);
    assert!(bench.asked(&ordinary(), Kind::Rhythm).unwrap() > 0.5, "every 30 seconds to the second");
    bench.now = bench.now + Duration::from_secs(300);
    assert_eq!(bench.asked(&ordinary(), Kind::Rhythm), None);
}

#[test]
fn receivers_traps_complaints_persistence_and_new_authors() {
    let mut bench = Bench::settled();
    let outcome = |first_contact, result, provider| Event::Outcome(Outcome { first_contact, result, provider });
    assert!(bench.seen(outcome(false, OutcomeResult::Dead, 1)).is_empty(), "a colleague who left");
    let total: f32 = (0..5).flat_map(|_| bench.seen(outcome(true, OutcomeResult::Dead, 1))).map(|s| s.llr).sum();
    assert!((2.5..=4.1).contains(&total), "{total}");
    assert_eq!(bench.seen(outcome(true, OutcomeResult::Refused, 4)).len(), 1);
    assert!(bench.seen(outcome(true, OutcomeResult::Refused, 4)).is_empty(), "each provider once");
    let mut trap = ordinary();
    trap.recipients[0].trap = true;
    assert_eq!(bench.asked(&trap, Kind::Trap), Some(3.0));
    assert_eq!(bench.asked(&ordinary(), Kind::Trap), None);
    assert!(
        bench.seen(Event::Report(Report::Complaint))[0].llr > bench.seen(Event::Report(Report::Backscatter))[0].llr
    );
    for (change, known) in
        [(Change::Forward, true), (Change::HidingFilter, true), (Change::AppPassword, true), (Change::Password, false)]
    {
        let configuration = crate::event::Configuration { change, place: AWAY };
        assert_eq!(bench.seen(Event::Configuration(configuration)).iter().any(|s| s.llr >= 1.0), known, "{change:?}");
    }
    let machine =
        |from| Submission { authenticated: false, author: Author { from, ..Author::default() }, ..ordinary() };
    assert!(bench.asked(&machine(78), Kind::NewAuthor).is_some());
    assert_eq!(bench.asked(&machine(77), Kind::NewAuthor), None);
    let floor = Submission { recipients: to(250, false), ..ordinary() };
    assert!(bench.asked(&floor, Kind::Floor).is_some());
}

#[test]
fn a_text_of_several_origins_is_a_campaign() {
    let bench = Bench::settled();
    let (policy, mut site) = (Policy::default(), Site::default());
    let mail = Submission { simhash: Some(0xABCD_EF01), recipients: to(1, false), ..ordinary() };
    let llrs: Vec<Option<f32>> = (0..5_u64)
        .map(|origin| {
            let mut profile = Profile { origin: origin + 100, ..bench.profile.clone() };
            let verdict = step(&policy, &mut profile, &mut site, &Event::Submission(mail.clone()), bench.now);
            verdict.signals.iter().find(|s| s.kind == Kind::Campaign).map(|s| s.llr)
        })
        .collect();
    assert_eq!(llrs, [None, Some(1.0), Some(2.0), Some(3.0), Some(3.0)]);
}

#[test]
fn families_share_a_cap_and_every_kind_has_its_sentences() {
    let signals = [Signal::new(Kind::FirstContact, 3.0, 1.0, 1.0), Signal::new(Kind::ListOrder, 9.0, 1.0, 1.0)];
    assert_eq!(by_family(&signals)[Family::Recipients as usize], 3.0);
    let habit = [Signal::new(Kind::Rhythm, 0.8, 1.0, 1.0), Signal::new(Kind::UnusualHour, 0.8, 1.0, 1.0)];
    assert_eq!(by_family(&habit)[Family::Habit as usize], 1.0);
    let mut names = BTreeSet::new();
    for number in 0..26_u8 {
        let octets = [number];
        let kind = <Kind as crate::profile::wire::Wire>::take(&mut octets.as_slice()).unwrap();
        let text = Signal::new(kind, 1.0, 3.0, 4.0).at(AWAY).text();
        assert!(!text.ja.is_ascii() && text.en.ends_with('.'), "{text:?}");
        assert!(names.insert(kind.name()));
    }
    let json = serde_json::to_value(Signal::new(Kind::FirstContact, 1.0, 3.0, 4.0)).unwrap();
    assert_eq!(json["name"], "first_contact");
    assert_eq!(json["text"]["en"], "3 of 4 recipients were never written to by this sender before.");
}

#[test]
fn the_bayes_factor_uses_a_right_gamma() {
    for (x, expected) in
        [(1.0, 0.0), (2.0, 0.0), (5.0, 24.0_f32.ln()), (0.5, 0.572_364_9), (11.0, 3_628_800.0_f32.ln())]
    {
        let error = (receivers::ln_gamma(x) - expected).abs();
        assert!(error < 1e-4, "{x}: {error}");
    }
}
