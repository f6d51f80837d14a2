//! A flood of refusals does not become a flood of log lines: what one network is refused in a minute is written down so
//! many times, and then counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use sekisho_guard::place::Place;
use sekisho_message::Time;

/// Refusals of one network that are written down in a minute.
pub const MOST: u32 = 100;
/// Networks that are counted at once; what comes beside them is written down.
const NETWORKS: usize = 20_000;

/// Counts refusals by network and minute.
#[derive(Default)]
pub struct Hush(Mutex<HashMap<Place, Minute>>);

#[derive(Clone, Copy)]
struct Minute {
    minute: i64,
    refusals: u32,
    hushed: u64,
}

/// Whether to write a refusal down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Say {
    /// Whether this one is written.
    pub this: bool,
    /// So many were not written in an earlier minute; worth a line now.
    pub hushed: u64,
}

impl Hush {
    /// Counts a refusal of `ip`.
    pub fn refusal(&self, ip: IpAddr, now: Time) -> Say {
        let (place, minute) = (Place::of(ip), now.seconds().div_euclid(60));
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !minutes.contains_key(&place) && minutes.len() >= NETWORKS {
            minutes.retain(|_, known| known.minute == minute);
            if minutes.len() >= NETWORKS {
                return Say { this: true, hushed: 0 };
            }
        }
        let known = minutes.entry(place).or_insert(Minute { minute, refusals: 0, hushed: 0 });
        let mut said = Say { this: true, hushed: 0 };
        if known.minute != minute {
            said.hushed = known.hushed;
            *known = Minute { minute, refusals: 0, hushed: 0 };
        }
        known.refusals = known.refusals.saturating_add(1);
        if known.refusals > MOST {
            known.hushed += 1;
            said.this = false;
        }
        said
    }

    /// Whether so much of `ip`'s network is refused in this minute that its connections are not worth a line either.
    #[must_use]
    pub fn is_flood(&self, ip: IpAddr, now: Time) -> bool {
        let minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = minutes.get(&Place::of(ip));
        known.is_some_and(|known| known.minute == now.seconds().div_euclid(60) && known.refusals > MOST)
    }

    /// What was not written down in minutes that are over, by network; those networks are forgotten.
    pub fn sweep(&self, now: Time) -> Vec<(Place, u64)> {
        let minute = now.seconds().div_euclid(60);
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = minutes.iter().filter(|(_, known)| known.minute < minute && known.hushed > 0);
        let told = over.map(|(place, known)| (*place, known.hushed)).collect();
        minutes.retain(|_, known| known.minute >= minute);
        told
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_flood_is_written_down_a_hundred_times_a_minute_and_counted() {
        let (hush, ip) = (Hush::default(), "203.0.113.5".parse().unwrap());
        let at = |seconds: i64| Time::from_seconds(1_764_000_000 + seconds);
        let written = (0..5_000).filter(|_| hush.refusal(ip, at(1)).this).count();
        assert_eq!(written, MOST as usize);
        assert!(hush.is_flood(ip, at(2)) && !hush.is_flood("198.51.100.1".parse().unwrap(), at(2)));
        let next = hush.refusal(ip, at(61));
        assert_eq!(next, Say { this: true, hushed: 4_900 });
        assert!(!hush.is_flood(ip, at(61)));
        for _ in 0..150 {
            hush.refusal(ip, at(62));
        }
        assert_eq!(hush.sweep(at(130)), [(Place::of(ip), 51)]);
        assert_eq!(hush.sweep(at(130)), []);
    }
}
