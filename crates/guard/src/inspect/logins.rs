//! Logins of a log, as the guard wants them.

use sekisho_message::Time;

use super::bounded::{folded, pair};
use super::fact::Attempt;
use super::judge::Inspector;
use super::origins::Origin;
use super::tries::hash_of;
use crate::event::{Event, Login, LoginResult, Protocol};
use crate::place::Place;
use crate::step::step;

/// A login that worked is told to the guard again after so much time, in microseconds.
const AGAIN: i64 = 3_600_000_000;
/// For so long wrong passwords make a login over SMTP worth telling, in microseconds.
const FRESH: i64 = 14 * 86_400_000_000;
/// For so long a wrong password without a name may be whose login works next, in microseconds.
const NAMELESS: i64 = 86_400_000_000;
/// Wrong passwords that are kept of somebody who never logged in.
const PARKED: usize = 64;

/// One try.
#[derive(Clone, Debug)]
pub(super) struct Try {
    pub(super) name: Box<str>,
    pub(super) account: u64,
    /// The door, if a line has told it.
    pub(super) protocol: Option<Protocol>,
    pub(super) place: Place,
    /// Which password was wrong; `None`: it was right.
    pub(super) wrong: Option<u64>,
    others: u32,
}

/// A wrong password of somebody who never logged in yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parked {
    at: Time,
    place: Place,
    protocol: Protocol,
    password: u64,
}

impl Inspector {
    /// A wrong password for a name that the log does not tell.
    pub(super) fn nameless(&mut self, at: Time, attempt: &Attempt<'_>) {
        let place = Place::parse(&attempt.ip);
        if attempt.right || place == Place::Unknown {
            return;
        }
        let password = self.tries.password(0, place, at);
        let parked = self.nameless.entry(hash_of(place), Vec::new);
        park(parked, Parked { at, place, protocol: attempt.protocol.unwrap_or_default(), password });
    }

    /// Whoever comes in where names were not told is taken to be the one who was tried.
    fn adopt_nameless(&mut self, account: u64, place: Place, at: Time) {
        let Some(parked) = self.nameless.remove(hash_of(place)) else { return };
        let Some(origin) = self.origins.get(account) else { return };
        if origin.profile.used_recently(&self.policy, place, at) {
            return; // his own mistakes
        }
        for wrong in parked.iter().filter(|wrong| at.0.saturating_sub(wrong.at.0) < NAMELESS) {
            origin.profile.guesses.note(wrong.place, wrong.protocol, wrong.password, true, wrong.at);
        }
    }

    /// The tries that a line stands for, without those that other lines have told.
    pub(super) fn tries_of(&mut self, at: Time, attempt: &Attempt<'_>) -> Vec<Try> {
        let name: Box<str> = attempt.user.to_lowercase().into();
        let (account, place) = (folded(&name), Place::parse(&attempt.ip));
        let mut one = Try { name, account, protocol: attempt.protocol, place, wrong: None, others: 0 };
        if attempt.right {
            one.others = self.tries.on_others(account, place, at);
            return vec![one];
        }
        let mut told = 0;
        if attempt.sum {
            let single = self.tries.summed(account, place);
            told = u32::try_from(single.len()).unwrap_or(u32::MAX);
            if let Some(protocol) = attempt.protocol {
                single.into_iter().for_each(|number| self.tell_door(number, protocol));
            }
            self.report.failures += u64::from(attempt.count.saturating_sub(told));
        }
        self.tries.failed(account, place, at);
        let mut tries = Vec::new();
        for n in 0..attempt.count.saturating_sub(told).min(100) {
            let password = match n {
                0 => self.tries.password(account, place, at),
                _ => self.tries.next_password(account, place),
            };
            if !attempt.sum {
                self.tries.single(account, place, self.first + self.waiting.len() as u64 + u64::from(n));
            }
            tries.push(Try { wrong: Some(password), ..one.clone() });
        }
        tries
    }

    /// Tells the guard of a try.
    pub(super) fn login(&mut self, one: &Try, at: Time) {
        let protocol = one.protocol.unwrap_or_default();
        let Some(password) = one.wrong else {
            return self.logged_in(&one.name, one.account, protocol, one.place, one.others, at);
        };
        *self.failing.entry(one.account, || at) = at;
        if self.origins.get(one.account).is_none() {
            self.site.guessing.note(true, at);
            let parked = self.parked.entry(one.account, Vec::new);
            return park(parked, Parked { at, place: one.place, protocol, password });
        }
        let result = LoginResult::Wrong { password };
        let login = Login { protocol, place: one.place, result, ..Login::default() };
        self.tell(one.account, &Event::Login(login), at);
    }

    /// Somebody logged in over SMTP to send: worth telling only while somebody guesses.
    pub(super) fn logged_in_to_send(&mut self, name: &str, account: u64, place: Place, at: Time) {
        let guessed = self.failing.get(account).is_some_and(|last| at.0.saturating_sub(last.0) < FRESH);
        let others = self.tries.on_others(account, place, at);
        if guessed || others >= 3 || self.nameless.get(hash_of(place)).is_some() {
            self.logged_in(name, account, Protocol::Smtp, place, others, at);
        }
    }

    fn logged_in(&mut self, name: &str, account: u64, protocol: Protocol, place: Place, others: u32, at: Time) {
        let key = pair(account, pair(hash_of(place), protocol as u64));
        let failed = self.failing.get(account).copied().unwrap_or(Time(i64::MIN));
        let last = self.seen.entry(key, || Time(i64::MIN));
        if *last >= failed && at.0.saturating_sub(last.0) < AGAIN && *last != Time(i64::MIN) {
            return;
        }
        *last = at;
        self.origin(account, at, || format!("account:{name}"));
        self.adopt_nameless(account, place, at);
        let login = Login { protocol, place, failed_on_others: others, ..Login::default() };
        self.tell(account, &Event::Login(login), at);
    }

    /// The origin, made and taught what was parked if it is new.
    pub(super) fn origin(&mut self, key: u64, at: Time, name: impl FnOnce() -> String) -> &mut Origin {
        let parked = match self.origins.get(key) {
            Some(_) => None,
            None => self.parked.remove(key),
        };
        let classes = &self.classes;
        let origin = self.origins.entry(key, || {
            let mut origin = Origin::new(key, name(), at);
            origin.profile.class_set = classes.get(&origin.name).copied();
            origin
        });
        for wrong in parked.into_iter().flatten() {
            origin.profile.guesses.note(wrong.place, wrong.protocol, wrong.password, true, wrong.at);
        }
        origin
    }

    /// Has the guard judge an event that is no message.
    pub(super) fn tell(&mut self, key: u64, event: &Event, at: Time) {
        let Some(origin) = self.origins.get(key) else { return };
        let verdict = step(&self.policy, &mut origin.profile, &mut self.site, event, at);
        if let Event::Login(Login { place, protocol, result: LoginResult::Right, .. }) = event {
            origin.evidence.note_login(&verdict, *place, *protocol, at);
        }
        if let Some(incident) = &verdict.incident {
            let found = origin.hold(incident, &verdict, self.found.len(), at);
            self.found.push(found);
        }
    }
}

/// The first tell how it began, the last whether it goes on.
fn park(parked: &mut Vec<Parked>, wrong: Parked) {
    if parked.len() >= PARKED {
        parked.remove(PARKED / 2);
    }
    parked.push(wrong);
}
