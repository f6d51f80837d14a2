//! Logins as evidence, without a write for each.
//!
//! A wrong password waits for at most a second and is judged with others. A right one at a place that was judged
//! today costs nothing; at any other it is judged, with the wrong ones before it, before the session goes on: the first
//! message must find what the login showed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sekisho_guard::event::{Event, Login, LoginResult, Protocol as Door};
use sekisho_guard::place::Place;
use sekisho_guard::step::step;
use sekisho_message::Time;
use sekisho_store::{Result, Tx, account, meta};

use super::judge::About;
use super::{Aftermath, Guard};
use crate::{Control, Protocol};

/// Wrong passwords of one origin that wait; more within a second say nothing new.
const MOST_OF_ONE: usize = 256;
/// Origins whose wrong passwords wait.
const MOST_ORIGINS: usize = 10_000;
/// Places that are remembered as judged today.
const MOST_PLACES: usize = 65_536;
const DAY: i64 = 86_400_000_000;

/// A login that was tried at an account that exists.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Key of the account.
    pub account: &'a str,
    /// The door.
    pub protocol: Protocol,
    /// Address of the client.
    pub network: &'a str,
    /// None when the password was right; what was tried when it was wrong and is known (never kept).
    pub wrong: Option<Known<'a>>,
    /// Whether the mechanism is outdated: APOP, CRAM-MD5.
    pub legacy: bool,
    /// On how many other accounts the client's network failed lately.
    pub failed_on_others: u32,
    /// Sessions of the account that are open in other networks, when that is known.
    pub live_elsewhere: Option<u8>,
}

/// What is known of a wrong password.
#[derive(Clone, Copy, Debug)]
pub enum Known<'a> {
    /// The password itself: it is hashed at once.
    Password(&'a str),
    /// Only that a proof did not fit (SCRAM): all of one network count as one.
    Proof,
}

#[derive(Default)]
pub(super) struct Logins(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// By origin, in order.
    wrong: HashMap<String, Vec<(Login, Time)>>,
    /// The day on which a right password of an origin at a place was last judged.
    right: HashMap<(i64, Place), i64>,
    /// When the mail of an origin was last read from a place.
    read: HashMap<(i64, Place), Time>,
    /// Since when reading is remembered.
    began: Option<Time>,
}

impl Logins {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Whether a right password must be judged now.
    fn is_news(&mut self, origin: &str, id: i64, place: Place, day: i64) -> bool {
        self.wrong.contains_key(origin) || self.right.get(&(id, place)) != Some(&day)
    }

    fn read(&mut self, id: i64, place: Place, now: Time) {
        if self.read.len() >= MOST_PLACES {
            self.read.retain(|_, last| now.0.saturating_sub(last.0) < DAY);
            if self.read.len() >= MOST_PLACES {
                self.read.clear();
                self.began = Some(now);
            }
        }
        self.read.insert((id, place), now);
    }

    /// Whether nobody read mail there within a day, as far as that is known.
    fn only_sends(&mut self, id: i64, place: Place, now: Time) -> Option<bool> {
        let began = *self.began.get_or_insert(now);
        let recent = |since: Time| now.0.saturating_sub(since.0) < DAY;
        if self.read.get(&(id, place)).copied().is_some_and(recent) {
            return Some(false);
        }
        (!recent(began)).then_some(true)
    }

    fn judged(&mut self, id: i64, place: Place, day: i64) {
        if self.right.len() >= MOST_PLACES {
            self.right.retain(|_, known| *known == day);
            if self.right.len() >= MOST_PLACES {
                self.right.clear();
            }
        }
        self.right.insert((id, place), day);
    }
}

/// A right password that must be judged now, after the wrong ones before it.
struct News {
    origin: String,
    id: i64,
    place: Place,
    day: i64,
    events: Vec<(Login, Time)>,
}

impl Control {
    /// Takes note of a login. Comes back at once but for a right password at a place that was not judged today.
    pub async fn tell_login(&self, attempt: &Attempt<'_>) {
        if let Some(news) = self.note_attempt(attempt) {
            // Rare, and large: sessions must stay small while they are idle.
            Box::pin(self.judge_news(news)).await;
        }
    }

    /// Keeps a wrong password for later; a right one that must be judged now comes back.
    fn note_attempt(&self, attempt: &Attempt<'_>) -> Option<News> {
        let (guard, now) = (self.guard(), self.now());
        let origin = format!("account:{}", attempt.account);
        let place = Place::parse(attempt.network);
        let mut login = Login {
            protocol: door(attempt.protocol),
            place,
            legacy: attempt.legacy,
            failed_on_others: attempt.failed_on_others,
            live_elsewhere: attempt.live_elsewhere,
            autonomous_system: guard.system(attempt.network),
            country: guard.country(attempt.network),
            ..Login::default()
        };
        let day = now.0.div_euclid(DAY);
        let id = guard.origin(&origin);
        let mut waiting = guard.logins.lock();
        if let Some(wrong) = attempt.wrong {
            login.result = LoginResult::Wrong { password: guard.wrong(&origin, wrong, place) };
            if waiting.wrong.len() < MOST_ORIGINS || waiting.wrong.contains_key(&origin) {
                let known = waiting.wrong.entry(origin).or_default();
                if known.len() < MOST_OF_ONE {
                    known.push((login, now));
                }
            }
            return None;
        }
        if matches!(attempt.protocol, Protocol::Imap4 | Protocol::Pop3) {
            waiting.read(id, place, now);
        }
        if !waiting.is_news(&origin, id, place, day) {
            return None;
        }
        let mut events = waiting.wrong.remove(&origin).unwrap_or_default();
        events.push((login, now));
        Some(News { origin, id, place, day, events })
    }

    async fn judge_news(&self, news: News) {
        let News { origin, id, place, day, events } = news;
        match self.judge_events(&origin, events).await {
            Ok(()) => self.guard().logins.lock().judged(id, place, day),
            Err(error) => tracing::warn!(%error, origin, "a login could not be judged"),
        }
    }

    /// Judges the wrong passwords that wait.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn judge_logins(&self) -> Result<()> {
        let waiting = std::mem::take(&mut self.guard().logins.lock().wrong);
        for (origin, events) in waiting {
            self.judge_events(&origin, events).await?;
        }
        Ok(())
    }

    async fn judge_events(&self, origin: &str, events: Vec<(Login, Time)>) -> Result<()> {
        let (control, name) = (self.clone(), origin.to_owned());
        let told = self.store().write(move |tx| control.guard().judge_logins_of(tx, &name, &events)).await?;
        told.into_iter().for_each(|aftermath| self.after(aftermath));
        Ok(())
    }
}

impl Guard {
    fn judge_logins_of(&self, tx: &mut dyn Tx, origin: &str, events: &[(Login, Time)]) -> Result<Vec<Aftermath>> {
        let Some((_, first)) = events.first() else { return Ok(Vec::new()) };
        let mut open = self.open(tx, origin, *first)?;
        let mut told = Vec::new();
        let weak = is_weak(tx, origin)?;
        for (login, at) in events {
            let network = login.place.to_string();
            let event = Event::Login(Login { weak_password: weak, ..login.clone() });
            let verdict = step(&self.settings.policy, &mut open.profile, &mut open.site, &event, *at);
            let about = About { network: &network, why: Some("a login"), ..About::default() };
            let aftermath = self.act(tx, origin, &open, &verdict, about, *at)?;
            open.settle(&verdict);
            if aftermath != Aftermath::default() {
                told.push(aftermath);
            }
        }
        self.close(tx, origin, open)?;
        Ok(told)
    }

    /// Whether a place only sends: nobody read the origin's mail from there within a day. Not known in the first day after
    /// a start.
    #[must_use]
    pub fn only_sends(&self, origin: &str, place: Place, now: Time) -> Option<bool> {
        self.logins.lock().only_sends(self.origin(origin), place, now)
    }

    /// A wrong password as the guard counts it: keyed, and of this account alone.
    fn wrong(&self, origin: &str, wrong: Known<'_>, place: Place) -> u64 {
        let tag = match wrong {
            Known::Password(password) => self.key.tag(&[b"wrong", origin.as_bytes(), password.as_bytes()]),
            Known::Proof => self.key.tag(&[b"proof", origin.as_bytes(), place.to_string().as_bytes()]),
        };
        tag.first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head))
    }
}

/// Whether the password of an origin's account was found to be weak when it was last used.
fn is_weak(tx: &mut dyn Tx, origin: &str) -> Result<Option<bool>> {
    let account = super::account_of(origin).map(|key| account::get(tx, key)).transpose()?.flatten();
    let Some(account) = account else { return Ok(None) };
    let noted = meta::get(tx, &crate::audit::weak_name(&account))?;
    Ok(Some(noted.as_deref() == Some(account.password_changed.micros().to_string().as_str())))
}

const fn door(protocol: Protocol) -> Door {
    match protocol {
        Protocol::Smtp => Door::Smtp,
        Protocol::Pop3 => Door::Pop3,
        Protocol::Imap4 => Door::Imap4,
        Protocol::Console => Door::Console,
    }
}
