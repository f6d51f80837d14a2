//! Block lists: which are asked, what their answers mean, and how one gets off them.

use std::net::Ipv4Addr;

use sekisho_message::{Text, say};
use serde::{Deserialize, Serialize};

/// What a list lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lists {
    /// Addresses (RFC 5782 §2).
    #[default]
    Address,
    /// Domains (RFC 5782 §3).
    Domain,
}

/// What reception does with what stands on a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// Nothing: the list is for looking at ourselves.
    #[default]
    Off,
    /// A header field says so.
    Mark,
    /// The list's weight counts towards a refusal; below that it is marked.
    Score,
    /// It is refused.
    Reject,
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Its zone, such as `zen.spamhaus.org`.
    pub zone: String,
    /// What it lists.
    #[serde(default)]
    pub lists: Lists,
    /// What reception does with it.
    #[serde(default)]
    pub reception: Use,
    /// Its weight, for [`Use::Score`].
    #[serde(default = "one")]
    pub weight: u32,
    /// For a list of domains: a name that it always lists (RFC 5782 §5 says `test`).
    #[serde(default)]
    pub test: Option<String>,
}

const fn one() -> u32 {
    1
}

/// The lists that are asked where the operator names none. All may be asked without a contract by a server that asks about
/// itself a few times a day through a resolver of its own.
#[must_use]
pub fn usual() -> Vec<Zone> {
    let address =
        |zone: &str| Zone { zone: zone.into(), lists: Lists::Address, reception: Use::Off, weight: 1, test: None };
    let domain = |zone: &str, test: &str| Zone { lists: Lists::Domain, test: Some(test.into()), ..address(zone) };
    vec![
        address("zen.spamhaus.org"),
        address("bl.spamcop.net"),
        address("b.barracudacentral.org"),
        address("psbl.surriel.com"),
        address("bl.mailspike.net"),
        domain("dbl.spamhaus.org", "dbltest.com"),
        domain("multi.surbl.org", "test.surbl.org"),
        domain("multi.uribl.com", "test.uribl.com"),
    ]
}

/// What one answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It is listed, and as what.
    Listed(Text),
    /// The list does not answer us: not a word about the address.
    Refused(Text),
    /// No list answers so: the zone is parked, or the resolver lies.
    Nonsense,
}

/// The meaning of an answer of `zone` (RFC 5782 §2.3; the lists' own pages for their codes).
#[must_use]
pub fn meaning(zone: &str, answer: Ipv4Addr) -> Meaning {
    let [a, b, c, d] = answer.octets();
    match (a, b, c, d) {
        (127, 255, 255, 252) => Meaning::Refused(say!(
            ja: "ゾーン名が間違っています",
            en: "the name of the zone is mistyped"
        )),
        (127, 255, 255, 254) => Meaning::Refused(say!(
            ja: "公開リゾルバからの問い合わせは拒否されています。自前のリゾルバを使ってください",
            en: "it refuses queries through public resolvers; use a resolver of your own"
        )),
        (127, 255, 255, _) => Meaning::Refused(say!(
            ja: "問い合わせが多すぎるため拒否されています",
            en: "it refuses us for too many queries"
        )),
        (127, 0, 0, 1) => Meaning::Refused(say!(
            ja: "このリゾルバからの問い合わせは拒否されています",
            en: "it refuses queries through this resolver"
        )),
        (127, ..) => Meaning::Listed(code(zone, b, c, d)),
        _ => Meaning::Nonsense,
    }
}

fn code(zone: &str, b: u8, c: u8, d: u8) -> Text {
    let spamhaus = zone.ends_with("spamhaus.org") || zone.ends_with("spamhaus.net");
    match (spamhaus, b, c, d) {
        (true, 0, 0, 2) => say!(ja: "SBL: スパムの発信元として登録", en: "SBL: listed by hand as a source of spam"),
        (true, 0, 0, 3) => say!(ja: "CSS: 自動検出されたスパムの発信元", en: "CSS: spam was seen from it"),
        (true, 0, 0, 4..=7) => {
            say!(ja: "XBL: 乗っ取り・マルウェア・開いたプロキシ", en: "XBL: hijacked, infected or an open proxy")
        }
        (true, 0, 0, 9) => say!(ja: "DROP: 乗っ取られたネットワーク", en: "DROP: a hijacked network"),
        (true, 0, 0, 10 | 11) => {
            say!(ja: "PBL: メールを直接送るべきでない回線", en: "PBL: a line that should not send mail directly")
        }
        (true, 0, 1, 2) => say!(ja: "DBL: スパムのドメイン", en: "DBL: a spam domain"),
        (true, 0, 1, 4) => say!(ja: "DBL: フィッシング", en: "DBL: phishing"),
        (true, 0, 1, 5 | 6) => say!(ja: "DBL: マルウェアかボットネット", en: "DBL: malware or a botnet"),
        (true, 0, 1, 102..=106) => {
            say!(ja: "DBL: 悪用された正規のドメイン", en: "DBL: a legitimate domain that is abused")
        }
        _ => say!(ja: "掲載（127.{b}.{c}.{d}）", en: "listed (127.{b}.{c}.{d})"),
    }
}

/// How one gets off `zone`: the cause first, always.
#[must_use]
pub fn advice(zone: &str, subject: &str) -> Text {
    let first = say!(
        ja: "1. まず原因を止める: sekisho check と sekisho incident list を確かめ、踏み台になったアカウントを封じ込める。2. キューに残る不正なメールを片付ける（sekisho incident purge）。3. ",
        en: "1. Stop the cause first: look at sekisho check and sekisho incident list, and contain the account that was abused. 2. Clear what is left of it in the queue (sekisho incident purge). 3. "
    );
    let last = match zone {
        z if z.ends_with("spamhaus.org") => say!(
            ja: "https://check.spamhaus.org/ で {subject} を調べる。CSS と XBL は原因が止まれば自然に消え、SBL と PBL はそのページから申請する。原因が残ったまま申請すると再掲載される。",
            en: "Look {subject} up at https://check.spamhaus.org/. CSS and XBL lapse by themselves once the cause is gone; SBL and PBL are removed from that page. Asking before it is fixed gets you listed again."
        ),
        z if z.ends_with("spamcop.net") => say!(
            ja: "通報が止まれば 24 時間ほどで自然に外れる。申請は要らない。確認: https://www.spamcop.net/bl.shtml?{subject}",
            en: "It lapses by itself about 24 hours after the last report; there is nothing to ask for. See https://www.spamcop.net/bl.shtml?{subject}"
        ),
        z if z.ends_with("barracudacentral.org") => say!(
            ja: "https://www.barracudacentral.org/rbl/removal-request で申請する（通常 12 時間）。",
            en: "Ask at https://www.barracudacentral.org/rbl/removal-request (usually 12 hours)."
        ),
        z if z.ends_with("surriel.com") => say!(
            ja: "https://psbl.org/remove で申請する（すぐに外れる）。",
            en: "Ask at https://psbl.org/remove (at once)."
        ),
        z if z.ends_with("mailspike.net") => say!(
            ja: "https://mailspike.org/ で {subject} を調べて申請する。",
            en: "Look {subject} up at https://mailspike.org/ and ask there."
        ),
        z if z.ends_with("surbl.org") => say!(
            ja: "ウェブサイトの改ざんも確かめ、https://surbl.org/surbl-analysis から申請する。",
            en: "See that the web site is not broken into, too; then ask at https://surbl.org/surbl-analysis."
        ),
        z if z.ends_with("uribl.com") => say!(
            ja: "ウェブサイトの改ざんも確かめ、https://admin.uribl.com/ から申請する。",
            en: "See that the web site is not broken into, too; then ask at https://admin.uribl.com/."
        ),
        z => say!(
            ja: "{z} の案内ページに従って {subject} の解除を申請する。",
            en: "Ask for the removal of {subject} as the pages of {z} say."
        ),
    };
    Text::new(first.ja + &last.ja, first.en + &last.en)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_meanings() {
        let of = |zone: &str, answer: [u8; 4]| meaning(zone, Ipv4Addr::from(answer));
        assert!(matches!(of("zen.spamhaus.org", [127, 0, 0, 4]), Meaning::Listed(text) if text.en.starts_with("XBL")));
        assert!(matches!(of("bl.example", [127, 0, 0, 2]), Meaning::Listed(text) if text.en == "listed (127.0.0.2)"));
        for refused in [[127, 255, 255, 254], [127, 255, 255, 255], [127, 255, 255, 252], [127, 0, 0, 1]] {
            assert!(matches!(of("zen.spamhaus.org", refused), Meaning::Refused(_)), "{refused:?}");
        }
        assert_eq!(of("bl.example", [203, 0, 113, 80]), Meaning::Nonsense);
        for zone in usual() {
            let advice = advice(&zone.zone, "192.0.2.1");
            assert!(advice.en.starts_with("1. Stop the cause first") && advice.ja.contains("原因"), "{}", zone.zone);
        }
    }
}
