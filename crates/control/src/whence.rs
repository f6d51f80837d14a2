//! From where a password may be used: networks and countries, for an account, a domain or the whole site.

use std::net::IpAddr;

use sekisho_guard::rules::network::Network;
use sekisho_message::{Text, say};
use sekisho_store::lockout::LoginRule;

use crate::countries::{self, Countries, Country};

/// Most networks, and most countries, in one rule.
const MOST: usize = 200;

/// A rule. Without networks and countries it allows every place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whence {
    /// Passwords may be used from here,
    pub networks: Vec<Network>,
    /// or from these countries.
    pub countries: Vec<Country>,
}

impl Whence {
    /// Reads networks (`192.0.2.0/24,2001:db8::/32`, in the notations of the rule files; `*` or `any`: everywhere) and
    /// country codes (`JP,US`), both separated by commas.
    ///
    /// # Errors
    /// The first part that cannot be read.
    pub fn parse(networks: &str, countries: &str) -> Result<Self, Text> {
        let networks: Vec<Network> = parts(networks)
            .map(|part| if part.eq_ignore_ascii_case("any") { Ok(Network::Every) } else { Network::parse(part) })
            .collect::<Result<_, _>>()?;
        let countries: Vec<Country> = parts(countries)
            .map(|part| {
                countries::parse(part).ok_or_else(|| {
                    say!(
                        ja: "「{part}」は国コードではありません（例: JP）。",
                        en: "\"{part}\" is not a country code (such as JP)."
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        if networks.len() > MOST || countries.len() > MOST {
            return Err(say!(
                ja: "多すぎます（{MOST} 個まで）。",
                en: "Too many (at most {MOST})."
            ));
        }
        Ok(Self { networks, countries })
    }

    /// The rule as the store keeps it.
    #[must_use]
    pub fn stored(&self) -> LoginRule {
        let networks: Vec<String> = self.networks.iter().map(ToString::to_string).collect();
        let countries: Vec<String> = self.countries.iter().map(|c| String::from_utf8_lossy(c).into_owned()).collect();
        LoginRule { networks: networks.join(","), countries: countries.join(",") }
    }

    /// Whether a password may be used from `ip`. Countries need a database; without one they forbid nothing. Loopback and
    /// private networks are in no country, and allowed where any country is.
    #[must_use]
    pub fn permits(&self, ip: IpAddr, database: Option<&Countries>) -> bool {
        if self.networks.is_empty() && self.countries.is_empty() {
            return true;
        }
        if self.networks.iter().any(|network| network.contains(ip)) {
            return true;
        }
        match database {
            _ if self.countries.is_empty() => false,
            None => self.networks.is_empty(),
            Some(_) if is_local(ip) => true,
            Some(database) => database.of(ip).is_some_and(|country| self.countries.contains(&country)),
        }
    }
}

fn parts(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty())
}

/// Addresses that never come from the Internet (RFC 1918, RFC 4193, loopback, link-local).
fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_alone_need_no_database() {
        let rule = Whence::parse("192.0.2.0/24, 10.*, 2001:db8::/32", "").unwrap();
        for (text, allowed) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("10.9.9.9", true),
            ("2001:db8:1::1", true),
            ("192.0.3.7", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(rule.permits(ip(text), None), allowed, "{text}");
        }
        assert!(Whence::default().permits(ip("203.0.113.1"), None));
        assert!(Whence::parse("any", "").unwrap().permits(ip("203.0.113.1"), None));
        let stored = rule.stored();
        assert_eq!(Whence::parse(&stored.networks, &stored.countries).unwrap(), rule);
    }

    #[test]
    fn countries_join_networks_where_there_is_a_database() {
        let dir = sekisho_testkit::TempDir::new("whence").unwrap();
        let path = dir.path().join("country.mmdb");
        std::fs::write(&path, crate::countries::tests::database("JP", "US")).unwrap();
        let database = Countries::open(&path).unwrap();
        let rule = Whence::parse("203.0.113.0/24", "jp").unwrap();
        assert!(rule.permits(ip("27.0.0.1"), Some(&database)));
        assert!(rule.permits(ip("203.0.113.1"), Some(&database)));
        assert!(!rule.permits(ip("198.51.100.1"), Some(&database)));
        assert!(!rule.permits(ip("2001:db8::1"), Some(&database)), "of no known country");
        assert!(rule.permits(ip("fd00::1"), Some(&database)), "of the site itself");
        assert!(!rule.permits(ip("27.0.0.1"), None), "the networks still bind");
        assert!(Whence::parse("", "JP").unwrap().permits(ip("198.51.100.1"), None));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(Whence::parse("192.0.2.0/24,elsewhere", "").unwrap_err().en.contains("elsewhere"));
        assert!(Whence::parse("", "Japan").unwrap_err().en.contains("Japan"));
        assert!(Whence::parse(&"10.0.0.1,".repeat(201), "").is_err());
    }
}
