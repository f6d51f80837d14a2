//! `[check]`, `[audit]` and `[reputation]`: the rounds that the server makes by itself.

use std::net::IpAddr;
use std::time::Duration;

use sekisho_control::reputation::{self, zones::Zone};
use sekisho_message::Language;
use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::values::Span;

/// `[check]`: how often the ten signs are looked at, and who gets the daily summary.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckSection {
    /// How often. Default 3 minutes, at least 10 seconds.
    pub every: Span,
    /// When the daily summary is written, local time as `HH:MM`; `off` for never. Default `07:00`.
    pub summary: Hour,
    /// Who gets it. Default: every system administrator.
    pub mail: Vec<String>,
    /// The language for the addresses in `mail` (`ja` or `en`); administrators are written to in their own. Default `en`.
    pub language: Language,
}

impl Default for CheckSection {
    fn default() -> Self {
        Self {
            every: Span(Duration::from_secs(180)),
            summary: Hour(Some((7, 0))),
            mail: Vec::new(),
            language: Language::En,
        }
    }
}

/// `[audit]`: the look for holes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSection {
    /// Selectors of our domains' DKIM keys, beside the usual ones that are tried in any case.
    pub dkim_selectors: Vec<String>,
}

/// `[reputation]`: block lists, asked about our own addresses and domains, and at the door.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReputationSection {
    /// How often we ask about ourselves; `0` for never by itself. Default 6 hours, at least 10 minutes.
    pub every: Span,
    /// The addresses that our mail comes from. Default: the public ones of this machine and of its host name.
    pub addresses: Vec<IpAddr>,
    /// The lists. Default: a few well-known ones, none of them used for reception.
    pub zones: Vec<Zone>,
    /// From which sum of weights reception refuses what lists with `reception = "score"` name. Default 3.
    pub reject_at: u32,
}

impl Default for ReputationSection {
    fn default() -> Self {
        let reputation::Settings { zones, addresses, reject_at } = reputation::Settings::default();
        Self { every: Span(Duration::from_secs(6 * 3_600)), addresses, zones, reject_at }
    }
}

impl ReputationSection {
    /// As control takes it.
    #[must_use]
    pub fn settings(&self) -> reputation::Settings {
        reputation::Settings {
            zones: self.zones.clone(),
            addresses: self.addresses.clone(),
            reject_at: self.reject_at.max(1),
        }
    }
}

/// A time of the day, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour(pub Option<(i8, i8)>);

impl Hour {
    /// Reads `HH:MM` or `off`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let wrong = || format!("`{text}` is not a time of the day such as 07:00, nor off");
        let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
        match (hour.parse(), minute.parse()) {
            (Ok(hour @ 0..=23), Ok(minute @ 0..=59)) => Ok(Self(Some((hour, minute)))),
            _ => Err(wrong()),
        }
    }
}

impl<'de> Deserialize<'de> for Hour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_day() {
        assert_eq!(Hour::parse("07:05"), Ok(Hour(Some((7, 5)))));
        assert_eq!(Hour::parse("off"), Ok(Hour(None)));
        for bad in ["7", "24:00", "12:60", "", "-1:00"] {
            assert!(Hour::parse(bad).is_err(), "{bad}");
        }
    }
}
