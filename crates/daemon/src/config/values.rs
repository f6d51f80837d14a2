//! Values of the configuration that are checked when they are read, not when they are used.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// A fully qualified host name in lower case, such as `mx.example.jp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// Checks a host name: letters, digits and hyphens, at least two labels (`localhost` aside), at most 253 bytes
    /// (RFC 1123 §2.1).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(format!("`{text}` is not a host name"));
        }
        if !name.contains('.') && name != "localhost" {
            return Err(format!("`{text}` is not a fully qualified host name (it has no dot)"));
        }
        Ok(Self(name))
    }

    /// `localhost`.
    #[must_use]
    pub fn localhost() -> Self {
        Self("localhost".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// A span of time: `"30s"`, `"5m"`, `"4h"`, `"5d"`, or whole seconds as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    /// Reads the text form.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let factor = match unit.trim() {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(format!("`{text}` is not a span of time such as 30s, 5m, 4h or 5d")),
        };
        let number: u64 =
            digits.parse().map_err(|_| format!("`{text}` is not a span of time such as 30s, 5m, 4h or 5d"))?;
        number
            .checked_mul(factor)
            .filter(|seconds| *seconds <= 100 * 365 * 86_400)
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(|| format!("`{text}` is too long a time"))
    }
}

/// A size in bytes: `"25 MiB"`, `"10 GiB"`, `"512 KiB"`, or a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// Reads the text form. `M` and `MB` mean the binary unit too, as administrators write them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            "t" | "tb" | "tib" => 1 << 40,
            _ => return Err(format!("`{text}` is not a size such as 25 MiB")),
        };
        let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a size such as 25 MiB"))?;
        number
            .checked_mul(factor)
            .filter(|bytes| i64::try_from(*bytes).is_ok())
            .map(Self)
            .ok_or_else(|| format!("`{text}` is too large a size"))
    }
}

struct Scaled<T> {
    expecting: &'static str,
    number: fn(u64) -> T,
    text: fn(&str) -> Result<T, String>,
}

impl<T> Visitor<'_> for Scaled<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        u64::try_from(value).map(self.number).map_err(|_| E::custom("must not be negative"))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        Ok((self.number)(value))
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<T, E> {
        (self.text)(value).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scaled {
            expecting: "a span of time such as \"30s\", \"5m\", \"4h\", \"5d\" or a number of seconds",
            number: |seconds| Self(Duration::from_secs(seconds)),
            text: Self::parse,
        })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scaled {
            expecting: "a size such as \"25 MiB\" or a number of bytes",
            number: Self,
            text: Self::parse,
        })
    }
}

/// How much the server says on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Only what stops work.
    Error,
    /// What an operator should look at.
    Warn,
    /// Starts, stops and acts.
    #[default]
    Info,
    /// Every decision.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// The name as `tracing` filters take it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn host_names_are_qualified() {
        assert_eq!(HostName::parse("MX.Example.JP.").unwrap().as_str(), "mx.example.jp");
        for bad in ["", "mx", "a..b", "-a.example", "a_b.example", "a b.example", &"x".repeat(64)] {
            assert!(HostName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_and_sizes_have_units() {
        assert_eq!(Span::parse("5m").unwrap().0, Duration::from_secs(300));
        assert_eq!(Span::parse("90").unwrap().0, Duration::from_secs(90));
        assert!(Span::parse("5 weeks").is_err());
        assert!(Span::parse("99999999999999999999d").is_err());
        assert_eq!(Size::parse("25 MiB").unwrap(), Size(25 << 20));
        assert_eq!(Size::parse("10G").unwrap(), Size(10 << 30));
        assert!(Size::parse("9999999999T").is_err());
        assert!(Size::parse("large").is_err());
    }
}
