//! The DMARC record of a domain (RFC 9989 §4).

use sekisho_message::say;

use super::names::unknown;
use super::{Audit, Severity};
use crate::outside::{Outside, Silence};

/// Looks at the record; whether there is one.
pub(super) async fn check(outside: &dyn Outside, domain: &str, audit: &mut Audit) -> bool {
    let name = format!("_dmarc.{domain}");
    let record = say!(
        ja: "DNS に登録: {name}. TXT \"v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}\"",
        en: "DNS: {name}. TXT \"v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}\""
    );
    let texts = match outside.txt(&name).await {
        Ok(texts) => texts,
        Err(Silence::Nothing) => Vec::new(),
        Err(Silence::Unknown(why)) => {
            audit.skipped.push(unknown(domain, "DMARC", &why));
            return true;
        }
    };
    let records: Vec<&String> = texts.iter().filter(|text| is_meant(text)).collect();
    match records.as_slice() {
        [] => audit.find(
            "dmarc-missing",
            domain,
            Severity::Warning,
            say!(ja: "DMARC レコードがありません。", en: "it has no DMARC record."),
            record,
        ),
        [one] => match policy(one) {
            Ok(Policy { own: "none", .. }) => audit.find(
                "dmarc-none",
                domain,
                Severity::Note,
                say!(ja: "DMARC が p=none で、詐称を止めません。", en: "its DMARC policy is none: forgeries are only watched."),
                record,
            ),
            Ok(Policy { below: "none", .. }) => audit.find(
                "dmarc-below",
                domain,
                Severity::Note,
                say!(ja: "DMARC が下位ドメインには sp=none で、そこを名乗る詐称を止めません。", en: "its DMARC says sp=none: forgeries of names below it are only watched."),
                record,
            ),
            Ok(_) => {}
            Err(what) => audit.find(
                "dmarc-wrong",
                domain,
                Severity::Warning,
                say!(ja: "DMARC レコードの「{what}」が誤りで、受信側は従いません。", en: "\"{what}\" in its DMARC record is wrong; receivers do not follow it."),
                record,
            ),
        },
        _ => audit.find(
            "dmarc-wrong",
            domain,
            Severity::Warning,
            say!(ja: "DMARC レコードが二つ以上あり、どちらも無効です。", en: "it has more than one DMARC record, so none of them counts."),
            record,
        ),
    }
    !records.is_empty()
}

#[derive(Debug, PartialEq, Eq)]
struct Policy<'a> {
    own: &'a str,
    below: &'a str,
}

/// Whether somebody wanted to write such a record, rightly or not.
fn is_meant(text: &str) -> bool {
    text.trim_start().get(..7).is_some_and(|head| head.eq_ignore_ascii_case("v=DMARC"))
}

/// What the record asks for, or what is wrong with it.
fn policy(text: &str) -> Result<Policy<'_>, &str> {
    let mut tags = text.trim().split(';').map(str::trim).filter(|tag| !tag.is_empty());
    let version = tags.next().unwrap_or_default();
    let value = |tag: &'_ str| tag.split_once('=').map(|(name, value)| (name.trim().to_ascii_lowercase(), value.len()));
    // The version comes first and counts as it is written (§4.7).
    if version.split_once('=').map(|(name, value)| (name.trim(), value.trim())) != Some(("v", "DMARC1")) {
        return Err(version);
    }
    let (mut own, mut below) = (None, None);
    for tag in tags {
        let Some((name, length)) = value(tag) else { return Err(tag) };
        let text = tag.get(tag.len() - length..).unwrap_or_default().trim();
        let word = ["none", "quarantine", "reject"].into_iter().find(|word| text.eq_ignore_ascii_case(word));
        match name.as_str() {
            "p" => own = Some(word.ok_or(tag)?),
            "sp" => below = Some(word.ok_or(tag)?),
            "rua" | "ruf" if !text.split(',').all(|uri| uri.trim().to_ascii_lowercase().starts_with("mailto:")) => {
                return Err(tag);
            }
            _ => {}
        }
    }
    let own = own.ok_or("p=")?;
    Ok(Policy { own, below: below.unwrap_or(own) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let of = |text: &'static str| policy(text).map(|found| (found.own, found.below));
        assert_eq!(of("v=DMARC1; p=reject"), Ok(("reject", "reject")));
        assert_eq!(
            of("v=DMARC1;p=Quarantine; sp = none; rua=mailto:a@b.example,mailto:c@d.example;"),
            Ok(("quarantine", "none"))
        );
        for (bad, what) in [
            ("v=DMARC1", "p="),
            ("v=DMARC1 p=reject", "v=DMARC1 p=reject"),
            ("v=dmarc1; p=reject", "v=dmarc1"),
            ("v=DMARC1; p=rejected", "p=rejected"),
            ("v=DMARC1; p=reject; rua=postmaster@example.jp", "rua=postmaster@example.jp"),
            ("v=DMARC1; reject", "reject"),
        ] {
            assert_eq!(of(bad), Err(what), "{bad}");
        }
        assert!(is_meant("v=DMARC1; p=none") && is_meant("V=dmarc1") && !is_meant("v=spf1 -all"));
    }
}
