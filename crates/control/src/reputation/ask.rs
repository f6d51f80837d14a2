//! Asking a list.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use sekisho_message::{Text, say};

use super::zones::{Lists, Meaning, Zone, meaning};
use crate::outside::{Outside, Silence};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// Longest reason that is kept.
const LONGEST: usize = 300;

/// What a list says of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Not listed.
    Clean,
    /// Listed: the answers, what they mean, and the list's own words.
    Listed {
        /// The answers.
        answers: Vec<Ipv4Addr>,
        /// What they mean.
        meaning: Text,
    },
    /// It cannot be known.
    Unknown(Text),
}

/// Whether a list can be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It lists what it must and does not what it must not.
    Alive,
    /// It cannot be known now.
    Unknown(Text),
    /// It lists not even its test entry: it is no more.
    Dead(Text),
    /// It lists what must never be listed: it lists everything.
    Lying(Text),
}

/// The name to ask `zone` for an address or domain; none when it does not list such things.
#[must_use]
pub fn name(zone: &Zone, subject: &str) -> Option<String> {
    match (zone.lists, subject.parse::<IpAddr>()) {
        (Lists::Address, Ok(ip)) => Some(format!("{}.{}", reversed(ip.to_canonical()), zone.zone)),
        (Lists::Domain, Err(_)) => Some(format!("{subject}.{}", zone.zone)),
        _ => None,
    }
}

/// The octets or nibbles of an address, the last one first (RFC 5782 §2.1, §2.4).
fn reversed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            nibbles.map(|n| format!("{n:x}")).collect::<Vec<_>>().join(".")
        }
    }
}

/// Asks `zone` about `subject`.
pub async fn ask(outside: &dyn Outside, zone: &Zone, subject: &str) -> Said {
    let Some(name) = name(zone, subject) else { return Said::Clean };
    let answers = match tokio::time::timeout(PATIENCE, outside.a(&name)).await {
        Err(_) => return Said::Unknown(say!(ja: "応答がありません", en: "it does not answer")),
        Ok(Err(Silence::Nothing)) => return Said::Clean,
        Ok(Err(Silence::Unknown(why))) => {
            return Said::Unknown(say!(ja: "問い合わせに失敗しました（{why}）", en: "the query failed ({why})"));
        }
        Ok(Ok(answers)) => answers,
    };
    let mut listed: Option<Text> = None;
    for answer in &answers {
        match meaning(&zone.zone, *answer) {
            Meaning::Listed(text) => {
                listed = Some(match listed {
                    Some(known) => {
                        Text::new(format!("{}、{}", known.ja, text.ja), format!("{}; {}", known.en, text.en))
                    }
                    None => text,
                });
            }
            Meaning::Refused(text) => return Said::Unknown(text),
            Meaning::Nonsense => {
                return Said::Unknown(say!(
                    ja: "{answer} という、リストとしてありえない応答です",
                    en: "its answer {answer} is none that a list gives"
                ));
            }
        }
    }
    listed.map_or(Said::Clean, |meaning| Said::Listed { answers, meaning })
}

/// The list's own words about a subject that it lists (RFC 5782 §2.1: TXT).
pub async fn words(outside: &dyn Outside, zone: &Zone, subject: &str) -> String {
    let Some(name) = name(zone, subject) else { return String::new() };
    match tokio::time::timeout(PATIENCE, outside.txt(&name)).await {
        Ok(Ok(texts)) => {
            let text = texts.join(" ");
            crate::entry::cut(&text, LONGEST).chars().filter(|c| !c.is_control()).collect()
        }
        _ => String::new(),
    }
}

/// Whether the list can be believed: its test entry is there, and what must never be listed is not (RFC 5782 §5).
pub async fn health(outside: &dyn Outside, zone: &Zone) -> Health {
    let (never, always) = match zone.lists {
        Lists::Address => ("127.0.0.1", "127.0.0.2"),
        Lists::Domain => ("invalid", zone.test.as_deref().unwrap_or("test")),
    };
    let (never, always) = tokio::join!(raw(outside, zone, never), raw(outside, zone, always));
    match (never, always) {
        (Ok(false), Ok(true)) => Health::Alive,
        (Ok(true), _) => Health::Lying(say!(
            ja: "決して載せてはならないものまで載せています（すべてを「掲載」と答えます）",
            en: "it lists what must never be listed: it lists everything"
        )),
        (Ok(false), Ok(false)) => Health::Dead(say!(
            ja: "試験用の項目がありません。リストは廃止されたと思われます",
            en: "its test entry is missing: the list seems to be no more"
        )),
        (Err(why), _) | (_, Err(why)) => Health::Unknown(why),
    }
}

/// Whether there is any answer that could be taken for a listing.
async fn raw(outside: &dyn Outside, zone: &Zone, subject: &str) -> Result<bool, Text> {
    match zone.lists {
        Lists::Domain => {
            let asked = ask(outside, &Zone { lists: Lists::Domain, ..zone.clone() }, subject).await;
            said(asked)
        }
        Lists::Address => {
            let name = name(zone, subject).unwrap_or_default();
            match tokio::time::timeout(PATIENCE, outside.a(&name)).await {
                // A parked zone answers with an address of the world; for this question that is as good as a listing.
                Ok(Ok(all)) if all.iter().any(|one| one.octets().first() != Some(&127)) => Ok(true),
                Ok(Ok(_)) if subject == "127.0.0.1" => said(ask(outside, zone, subject).await),
                _ => said(ask(outside, zone, subject).await),
            }
        }
    }
}

fn said(said: Said) -> Result<bool, Text> {
    match said {
        Said::Clean => Ok(false),
        Said::Listed { .. } => Ok(true),
        Said::Unknown(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn names_are_reversed_as_lists_want_them() {
        let zone =
            |lists| Zone { zone: "bl.example".into(), lists, reception: Default::default(), weight: 1, test: None };
        let (address, domain) = (zone(Lists::Address), zone(Lists::Domain));
        assert_eq!(name(&address, "192.0.2.99").unwrap(), "99.2.0.192.bl.example");
        let v6 = name(&address, "2001:db8:1:2:3:4:567:89ab").unwrap();
        assert_eq!(v6, "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example");
        assert_eq!(name(&address, "example.jp"), None);
        assert_eq!(name(&domain, "example.jp").unwrap(), "example.jp.bl.example");
        assert_eq!(name(&domain, "192.0.2.1"), None);
    }
}
