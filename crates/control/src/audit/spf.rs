//! The SPF record of a domain: missing, twice, broken, too long to follow, open to the world, or without us.

use std::net::IpAddr;

use sekisho_message::proof::{Spf, SpfTerm, is_spf, spf_terms};
use sekisho_message::{Text, say};

use super::names::unknown;
use super::{Audit, Severity};
use crate::outside::{Outside, Silence};

/// Terms that ask the name service, in one evaluation (RFC 7208 §4.6.4).
const LOOKUPS: usize = 10;
/// Records that are followed when they are counted.
const FOLLOWED: usize = 40;
/// An address that nobody sends from (RFC 1112 §4): who lets it send lets everybody.
const NOBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(240, 0, 0, 1));
/// Networks as wide as these are no sender's.
const WIDE: (u8, u8) = (8, 16);

/// Looks at the record; whether there is one.
pub(super) async fn check(outside: &dyn Outside, domain: &str, host: &str, own: &[IpAddr], audit: &mut Audit) -> bool {
    let wanted = match own.first() {
        Some(IpAddr::V4(v4)) => format!("v=spf1 mx ip4:{v4} -all"),
        Some(IpAddr::V6(v6)) => format!("v=spf1 mx ip6:{v6} -all"),
        None => "v=spf1 mx -all".to_owned(),
    };
    let record = say!(ja: "DNS に登録: {domain}. TXT \"{wanted}\"", en: "DNS: {domain}. TXT \"{wanted}\"");
    let texts = match records(outside, domain).await {
        Ok(texts) => texts,
        Err(why) => {
            audit.skipped.push(unknown(domain, "SPF", &why));
            return true;
        }
    };
    match texts.as_slice() {
        [] => audit.find(
            "spf-missing",
            domain,
            Severity::Warning,
            say!(ja: "SPF レコードがなく、誰でもこのドメインを名乗れます。", en: "it has no SPF record: anybody may claim to be it."),
            record,
        ),
        [one] => {
            let usable = written(outside, domain, one, &record, audit).await;
            evaluated(outside, (domain, one), host, if usable { own } else { &[] }, &record, audit).await;
        }
        _ => audit.find(
            "spf-twice",
            domain,
            Severity::Warning,
            say!(ja: "SPF レコードが二つ以上あり、どちらも無効です。", en: "it has more than one SPF record, so none of them counts."),
            record,
        ),
    }
    !texts.is_empty()
}

/// What is written in the record; whether receivers can use it.
async fn written(outside: &dyn Outside, domain: &str, one: &str, record: &Text, audit: &mut Audit) -> bool {
    let mut usable = true;
    if let Some(wrong) = spf_terms(one).find(|term| !is_sound(term)) {
        let (name, target) = (wrong.name, wrong.target);
        usable = false;
        audit.find(
            "spf-broken",
            domain,
            Severity::Warning,
            say!(
                ja: "SPF の「{name} {target}」が誤りで、レコード全体が無効です。",
                en: "\"{name} {target}\" in its SPF is an error, so the whole record does not count."
            ),
            record.clone(),
        );
    }
    let asked = lookups(outside, domain, one).await;
    if asked > LOOKUPS {
        usable = false;
        audit.find(
            "spf-lookups",
            domain,
            Severity::Warning,
            say!(
                ja: "SPF の評価に DNS への問い合わせが {asked} 回要ります。{LOOKUPS} 回を超えるものは無効です。",
                en: "its SPF takes {asked} look-ups; one that takes more than {LOOKUPS} does not count."
            ),
            say!(
                ja: "DNS: {domain} の SPF から include を減らすか、ip4: に置き換える",
                en: "DNS: take includes out of the SPF of {domain}, or write the networks with ip4:"
            ),
        );
    }
    let all = spf_terms(one).find(|term| term.is("all") && !term.modifier);
    let goes_on = spf_terms(one).any(|term| term.modifier && term.is("redirect"));
    if all.is_some_and(|term| term.qualifier == '?') || (all.is_none() && !goes_on) {
        audit.find(
            "spf-weak",
            domain,
            Severity::Warning,
            say!(ja: "SPF に -all か ~all がなく、詐称を防ぎません。", en: "its SPF has neither -all nor ~all, so it stops no forgery."),
            record.clone(),
        );
    }
    usable
}

/// What receivers make of the record.
async fn evaluated(
    outside: &dyn Outside,
    (domain, written): (&str, &str),
    host: &str,
    own: &[IpAddr],
    record: &Text,
    audit: &mut Audit,
) {
    let (v4, v6) = WIDE;
    let is_wide = |term: SpfTerm<'_>| {
        let prefix = term.target.rsplit_once('/').and_then(|(_, prefix)| prefix.parse::<u8>().ok());
        let wide = if term.is("ip6") { v6 } else { v4 };
        term.qualifier == '+' && (term.is("ip4") || term.is("ip6")) && prefix.is_some_and(|prefix| prefix <= wide)
    };
    let says_all = |term: SpfTerm<'_>| term.is("all") && !term.modifier && term.qualifier == '+';
    let open = spf_terms(written).any(|term| says_all(term) || is_wide(term))
        || outside.spf(NOBODY, host, domain).await == Spf::Pass;
    if open {
        audit.find(
            "spf-open",
            domain,
            Severity::Critical,
            say!(ja: "SPF が世界中の誰にでも送信を許しています（+all など）。", en: "its SPF lets the whole world send for it (+all, or as wide)."),
            record.clone(),
        );
    }
    for ip in own {
        let result = outside.spf(*ip, host, domain).await;
        if matches!(result, Spf::Pass | Spf::Unknown) {
            continue;
        }
        let name = result.name();
        if result == Spf::TempError {
            audit.skipped.push(unknown(domain, &format!("SPF ({ip})"), name));
            continue;
        }
        audit.find(
            "spf-wrong",
            domain,
            Severity::Warning,
            say!(
                ja: "SPF で当サーバの {ip} が {name} になります。送ったメールが拒否されます。",
                en: "its SPF says {name} of our address {ip}: mail that we send is refused."
            ),
            record.clone(),
        );
    }
}

/// Whether a term is one that exists and has what it needs (RFC 7208 §5).
fn is_sound(term: &SpfTerm<'_>) -> bool {
    let target = term.target.split('/').next().unwrap_or_default();
    if term.modifier {
        return !(term.is("redirect") && target.is_empty());
    }
    if term.is("ip4") || term.is("ip6") {
        let fits = |ip: IpAddr| ip.is_ipv4() == term.is("ip4");
        return target.parse().is_ok_and(fits)
            && term.target.rsplit_once('/').is_none_or(|(_, prefix)| {
                prefix.parse::<u8>().is_ok_and(|prefix| prefix <= if term.is("ip4") { 32 } else { 128 })
            });
    }
    term.is_known() && (!(term.is("include") || term.is("exists")) || !target.is_empty())
}

/// The terms that ask, of this record and those that it includes.
async fn lookups(outside: &dyn Outside, domain: &str, record: &str) -> usize {
    let mut seen = vec![domain.to_ascii_lowercase()];
    let mut waiting = vec![record.to_owned()];
    let mut asked = 0;
    while let Some(record) = waiting.pop() {
        for term in spf_terms(&record).filter(SpfTerm::asks) {
            asked += 1;
            let goes_on = term.is("include") || term.is("redirect");
            let target = term.target.trim_end_matches('.').to_ascii_lowercase();
            if !goes_on || target.contains('%') || seen.contains(&target) || seen.len() >= FOLLOWED {
                continue;
            }
            if let Ok(mut found) = records(outside, &target).await {
                waiting.extend(found.pop());
            }
            seen.push(target);
        }
    }
    asked
}

/// The SPF records of a domain: none, one, or too many.
async fn records(outside: &dyn Outside, domain: &str) -> Result<Vec<String>, String> {
    match outside.txt(domain).await {
        Ok(texts) => Ok(texts.into_iter().filter(|text| is_spf(text)).collect()),
        Err(Silence::Nothing) => Ok(Vec::new()),
        Err(Silence::Unknown(why)) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_have_what_they_need() {
        let sound = |record: &str| spf_terms(record).all(|term| is_sound(&term));
        for good in [
            "v=spf1 -all",
            "v=spf1 mx a:x.example/24//64 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all",
            "v=spf1 include:_spf.example exists:%{i}.x.example redirect=y.example unknown=z",
        ] {
            assert!(sound(good), "{good}");
        }
        for bad in
            ["ip4:2001:db8::1", "ip4:192.0.2.1/33", "ip4:", "ip4", "include:", "includ:x.example", "-al", "192.0.2.1"]
        {
            assert!(!sound(&format!("v=spf1 {bad} -all")), "{bad}");
        }
    }
}
