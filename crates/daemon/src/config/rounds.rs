//! `[check]`: the rounds that the server makes by itself.

use std::time::Duration;

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
