//! Mail by the minute: the last hour, and what is usual at this time of the day.
//!
//! Read from the journal, each entry once; whoever asks next goes on where the last one stopped.

use std::collections::VecDeque;
use std::time::Duration;

use sekisho_control::check::tally::{Counter, who};
use sekisho_control::{Control, Refusal};
use sekisho_message::Time;
use sekisho_store::journal::{self, Entry, EntryId, JournalFilter, Kind};
use tokio::sync::Mutex;

/// Minutes that are kept.
pub const MINUTES: usize = 60;
/// A minute in microseconds.
const MINUTE: i64 = 60_000_000;
/// Entries in one question.
const PAGE: u32 = 5_000;
/// Questions for one answer: a bound, should the journal grow faster than it can be read.
const PAGES: usize = 60;
/// How old the numbers may be.
const FRESH: Duration = Duration::from_secs(2);
/// How far back "usual" looks: the same half hour of yesterday, before and after.
const DAY: Duration = Duration::from_secs(86_400);

/// Bounds of how long recipients wait, in seconds.
pub const WAITS: [u64; 8] = [1, 5, 30, 60, 300, 900, 3_600, 14_400];

/// What happened in a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Messages accepted.
    pub accepted: u64,
    /// Recipients relayed or delivered.
    pub delivered: u64,
    /// Recipients that failed.
    pub failed: u64,
}

/// The last hour.
#[derive(Clone, Debug, Default)]
pub struct Hour {
    /// The oldest first.
    pub minutes: Vec<Minute>,
    /// Messages accepted.
    pub accepted: u64,
    /// Recipients relayed or delivered.
    pub delivered: u64,
    /// Recipients that failed.
    pub failed: u64,
    /// Who wrote to most recipients outside that he never wrote to before, and how many, the most first.
    pub first_contacts: Vec<(String, u64)>,
    /// Messages accepted in the same hour of yesterday; none when the journal does not go back so far.
    pub usual: Option<u64>,
}

/// How long recipients waited from acceptance until they were relayed or delivered, since somebody began to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// How many waited no longer than each of [`WAITS`] but longer than the one before; the last had to wait longer.
    pub buckets: [u64; WAITS.len() + 1],
    /// Seconds of all together.
    pub seconds: u64,
}

#[derive(Default)]
struct State {
    after: EntryId,
    read: Option<Time>,
    minutes: VecDeque<(i64, Minute)>,
    /// Recipients that their senders never wrote to before, by minute.
    first_contacts: VecDeque<(i64, Counter)>,
    waited: Waited,
    usual: Option<(i64, Option<u64>)>,
}

/// Counts mail by the minute.
#[derive(Default)]
pub struct Pulse(Mutex<State>);

impl Pulse {
    /// The last hour.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn hour(&self, control: &Control) -> Result<Hour, Refusal> {
        let mut state = self.0.lock().await;
        let now = control.now();
        if state.read.is_none_or(|read| read + FRESH <= now) {
            state.go_on(control, now).await?;
        }
        let hour = now.micros() / MINUTE / 60;
        let usual = match state.usual {
            Some((of, usual)) if of == hour => usual,
            _ => {
                let usual = yesterday(control, now).await?;
                state.usual = Some((hour, usual));
                usual
            }
        };
        Ok(state.hour(now, usual))
    }
}

impl Pulse {
    /// How long recipients waited, as of the last [`Pulse::hour`].
    pub async fn waited(&self) -> Waited {
        self.0.lock().await.waited.clone()
    }
}

impl State {
    async fn go_on(&mut self, control: &Control, now: Time) -> Result<(), Refusal> {
        control.journal().flush().await;
        let first = now.micros() / MINUTE - MINUTES as i64 + 1;
        let since = Time(first * MINUTE);
        let filter = JournalFilter { since: Some(since), ..wanted() };
        for _ in 0..PAGES {
            let (filter, after) = (filter.clone(), self.after);
            let page = control.store().read(move |tx| journal::query(tx, &filter, after, PAGE)).await?;
            for (_, entry) in &page.entries {
                self.count(entry.at, entry.kind);
                self.look_closer(entry);
            }
            self.after = page.next;
            if page.end {
                break;
            }
        }
        while self.minutes.front().is_some_and(|(minute, _)| *minute < first) {
            self.minutes.pop_front();
        }
        while self.first_contacts.front().is_some_and(|(minute, _)| *minute < first) {
            self.first_contacts.pop_front();
        }
        self.read = Some(now);
        Ok(())
    }

    fn look_closer(&mut self, entry: &Entry) {
        let number = |name: &str| entry.detail[name].as_u64().unwrap_or(0);
        match entry.kind {
            Kind::In if number("first_contacts") > 0 => {
                let minute = entry.at.micros() / MINUTE;
                let place = self.first_contacts.partition_point(|(found, _)| *found < minute);
                if self.first_contacts.get(place).is_none_or(|(found, _)| *found != minute) {
                    self.first_contacts.insert(place, (minute, Counter::default()));
                }
                if let Some((_, counter)) = self.first_contacts.get_mut(place) {
                    counter
                        .add_many(who(entry, entry.network.as_deref().unwrap_or_default()), number("first_contacts"));
                }
            }
            Kind::Out => self.waited.add(number("waited")),
            _ => {}
        }
    }

    fn count(&mut self, at: Time, kind: Kind) {
        let minute = at.micros() / MINUTE;
        let place = self.minutes.partition_point(|(found, _)| *found < minute);
        if self.minutes.get(place).is_none_or(|(found, _)| *found != minute) {
            self.minutes.insert(place, (minute, Minute::default()));
        }
        let Some((_, counts)) = self.minutes.get_mut(place) else { return };
        match kind {
            Kind::In => counts.accepted += 1,
            Kind::Out => counts.delivered += 1,
            Kind::Fail => counts.failed += 1,
            _ => {}
        }
    }

    fn hour(&self, now: Time, usual: Option<u64>) -> Hour {
        let last = now.micros() / MINUTE;
        let of = |minute: i64| {
            let found = self.minutes.binary_search_by_key(&minute, |(minute, _)| *minute).ok();
            found.and_then(|at| self.minutes.get(at)).map_or_else(Minute::default, |(_, counts)| *counts)
        };
        let minutes: Vec<Minute> = (last - MINUTES as i64 + 1..=last).map(of).collect();
        let sum = |of: fn(&Minute) -> u64| minutes.iter().map(of).sum();
        Hour {
            accepted: sum(|m| m.accepted),
            delivered: sum(|m| m.delivered),
            failed: sum(|m| m.failed),
            first_contacts: self.first_contacts(),
            minutes,
            usual,
        }
    }
}

impl State {
    fn first_contacts(&self) -> Vec<(String, u64)> {
        let mut all = Counter::default();
        self.first_contacts.iter().for_each(|(_, counter)| all.merge(counter));
        let mut found: Vec<(String, u64)> = all.top.into_iter().collect();
        found.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        found
    }
}

impl Waited {
    fn add(&mut self, seconds: u64) {
        let place = WAITS.partition_point(|bound| *bound < seconds);
        self.buckets[place] += 1;
        self.seconds += seconds;
    }
}

fn wanted() -> JournalFilter {
    JournalFilter { kinds: vec![Kind::In, Kind::Out, Kind::Fail], ..JournalFilter::default() }
}

/// Messages accepted in the hour that ended a day ago; none when there is no journal of it.
async fn yesterday(control: &Control, now: Time) -> Result<Option<u64>, Refusal> {
    let end = Time(now.micros() - DAY.as_micros() as i64);
    let begin = Time(end.micros() - MINUTE * MINUTES as i64);
    let filter =
        JournalFilter { kinds: vec![Kind::In], since: Some(begin), until: Some(end), ..JournalFilter::default() };
    let (mut after, mut count) = (0, 0_u64);
    let first = control.store().read(|tx| journal::query(tx, &JournalFilter::default(), 0, 1)).await?;
    if first.entries.first().is_none_or(|(_, entry)| entry.at > begin) {
        return Ok(None);
    }
    for _ in 0..PAGES {
        let filter = filter.clone();
        let page = control.store().read(move |tx| journal::query(tx, &filter, after, PAGE)).await?;
        count += page.entries.len() as u64;
        after = page.next;
        if page.end {
            break;
        }
    }
    Ok(Some(count))
}
