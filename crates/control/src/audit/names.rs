//! What the name service says about our domains: MX, SPF, DKIM, DMARC, and the names of our addresses.

use std::net::IpAddr;

use sekisho_message::{Text, say};

use super::{Audit, Severity};
use crate::Control;
use crate::outside::{Mx, Outside, Silence};
use crate::reputation::is_of_the_world;
use crate::spf::{self, Spf};

/// Selectors under which keys are looked for.
const SELECTORS: [&str; 10] =
    ["sekisho", "default", "dkim", "mail", "s1", "s2", "selector1", "selector2", "key1", "k1"];
/// Domains that are looked at.
const MOST: usize = 200;

pub(super) async fn check(control: &Control, domains: &[String], audit: &mut Audit) {
    let Some(outside) = control.outside() else { return };
    let outside = outside.as_ref();
    let addresses = control.own_addresses(outside).await;
    for domain in domains.iter().take(MOST) {
        let mut found = Audit { at: audit.at, ..Audit::default() };
        let any = of_domain(outside, domain, &control.options().hostname, &addresses, &mut found).await;
        // A name that can be nobody's, and of which nobody has heard, is a test's or a first try's.
        if !any && found.skipped.is_empty() && !is_of_the_world(domain) {
            audit
                .skipped
                .push(say!(ja: "{domain} は DNS に公開されていません", en: "{domain} is not published in the DNS"));
            continue;
        }
        audit.findings.append(&mut found.findings);
        audit.skipped.append(&mut found.skipped);
        audit.done.push(say!(ja: "{domain} の MX・SPF・DKIM・DMARC", en: "MX, SPF, DKIM and DMARC of {domain}"));
    }
    for ip in addresses {
        reverse(outside, ip, &control.options().hostname, audit).await;
    }
}

/// Looks at one domain; whether anything at all is known of it.
async fn of_domain(outside: &dyn Outside, domain: &str, host: &str, own: &[IpAddr], audit: &mut Audit) -> bool {
    let mx = mx(outside, domain, host, own, audit).await;
    let spf = spf(outside, domain, own, audit).await;
    let dkim = dkim(outside, domain, audit).await;
    let dmarc = dmarc(outside, domain, audit).await;
    mx || spf || dkim || dmarc
}

async fn mx(outside: &dyn Outside, domain: &str, host: &str, own: &[IpAddr], audit: &mut Audit) -> bool {
    let record = say!(ja: "DNS に登録: {domain}. MX 10 {host}.", en: "DNS: {domain}. MX 10 {host}.");
    match outside.mx(domain).await {
        Err(Silence::Unknown(why)) => {
            audit.skipped.push(unknown(domain, "MX", &why));
            true
        }
        Err(Silence::Nothing) | Ok(Mx::Implicit) => {
            audit.find(
                "mx-missing",
                domain,
                Severity::Warning,
                say!(ja: "MX レコードがありません。", en: "it has no MX record."),
                record,
            );
            false
        }
        Ok(Mx::Null) => {
            audit.find(
                "mx-null",
                domain,
                Severity::Warning,
                say!(ja: "メールを受け取らない（Null MX）と公開されています。", en: "it says that it takes no mail (null MX)."),
                record,
            );
            true
        }
        Ok(Mx::Hosts(hosts)) => {
            let mut ours = hosts.iter().any(|one| one.eq_ignore_ascii_case(host));
            for one in &hosts {
                if !ours && let Ok(found) = outside.addresses(one).await {
                    ours = found.iter().any(|ip| own.contains(&ip.to_canonical()));
                }
            }
            if !ours {
                let hosts = hosts.join(", ");
                audit.find(
                    "mx-elsewhere",
                    domain,
                    Severity::Warning,
                    say!(ja: "MX（{hosts}）が当サーバを指していません。", en: "its MX ({hosts}) does not lead to this server."),
                    record,
                );
            }
            true
        }
    }
}

async fn spf(outside: &dyn Outside, domain: &str, own: &[IpAddr], audit: &mut Audit) -> bool {
    let wanted = match own.first() {
        Some(IpAddr::V4(v4)) => format!("v=spf1 mx ip4:{v4} -all"),
        Some(IpAddr::V6(v6)) => format!("v=spf1 mx ip6:{v6} -all"),
        None => "v=spf1 mx -all".to_owned(),
    };
    let record = say!(ja: "DNS に登録: {domain}. TXT \"{wanted}\"", en: "DNS: {domain}. TXT \"{wanted}\"");
    let texts = match spf::records(outside, domain).await {
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
        [one] => spf_record(outside, domain, one, own, record, audit).await,
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

async fn spf_record(outside: &dyn Outside, domain: &str, one: &str, own: &[IpAddr], record: Text, audit: &mut Audit) {
    let all = one.split_whitespace().rfind(|term| term.to_ascii_lowercase().ends_with("all")).unwrap_or_default();
    if matches!(all.to_ascii_lowercase().as_str(), "all" | "+all") {
        audit.find(
            "spf-open",
            domain,
            Severity::Critical,
            say!(ja: "SPF が +all で終わり、世界中の誰にでも送信を許しています。", en: "its SPF ends in +all: the whole world may send for it."),
            record.clone(),
        );
    } else if all.starts_with('?') || (all.is_empty() && !one.contains("redirect=")) {
        audit.find(
            "spf-weak",
            domain,
            Severity::Warning,
            say!(ja: "SPF に -all か ~all がなく、詐称を防ぎません。", en: "its SPF has neither -all nor ~all, so it stops no forgery."),
            record.clone(),
        );
    }
    for ip in own {
        let result = spf::evaluate(outside, *ip, domain).await;
        if matches!(result, Spf::Pass | Spf::Unknown) {
            continue;
        }
        let name = result.name();
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

async fn dkim(outside: &dyn Outside, domain: &str, audit: &mut Audit) -> bool {
    let mut last = None;
    for selector in SELECTORS {
        match outside.txt(&format!("{selector}._domainkey.{domain}")).await {
            Ok(texts) => {
                let text = texts.concat();
                let revoked = text.split(';').any(|tag| tag.trim() == "p=");
                if revoked || !text.contains("p=") {
                    audit.find(
                        "dkim-wrong",
                        format!("{selector}._domainkey.{domain}"),
                        Severity::Warning,
                        say!(ja: "DKIM の鍵が空か壊れています。", en: "its DKIM key is empty or broken."),
                        say!(ja: "DNS に正しい公開鍵を置く", en: "put the right public key into the DNS"),
                    );
                }
                return true;
            }
            Err(Silence::Nothing) => {}
            Err(Silence::Unknown(why)) => last = Some(why),
        }
    }
    if let Some(why) = last {
        audit.skipped.push(unknown(domain, "DKIM", &why));
        return true;
    }
    audit.find(
        "dkim-missing",
        domain,
        Severity::Warning,
        say!(
            ja: "よく使われる名前のどれにも DKIM の公開鍵がありません。",
            en: "there is no DKIM key under any of the usual selectors."
        ),
        say!(
            ja: "署名する経路（中継先など）の鍵を selector._domainkey.{domain} に公開する",
            en: "publish the key of whoever signs (this server or its smart host) at selector._domainkey.{domain}"
        ),
    );
    false
}

async fn dmarc(outside: &dyn Outside, domain: &str, audit: &mut Audit) -> bool {
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
    let records: Vec<&String> = texts.iter().filter(|text| text.trim_start().starts_with("v=DMARC1")).collect();
    let policy = records.first().and_then(|text| {
        text.split(';').find_map(|tag| tag.trim().strip_prefix("p=").map(|value| value.trim().to_ascii_lowercase()))
    });
    match (records.len(), policy.as_deref()) {
        (0, _) => audit.find(
            "dmarc-missing",
            domain,
            Severity::Warning,
            say!(ja: "DMARC レコードがありません。", en: "it has no DMARC record."),
            record,
        ),
        (1, Some("quarantine" | "reject")) => {}
        (1, Some("none")) => audit.find(
            "dmarc-none",
            domain,
            Severity::Note,
            say!(ja: "DMARC が p=none で、詐称を止めません。", en: "its DMARC policy is none: forgeries are only watched."),
            record,
        ),
        _ => audit.find(
            "dmarc-wrong",
            domain,
            Severity::Warning,
            say!(ja: "DMARC レコードが正しくありません。", en: "its DMARC record is wrong."),
            record,
        ),
    }
    !records.is_empty()
}

/// An address without a name, or whose name is another's, is refused by many.
async fn reverse(outside: &dyn Outside, ip: IpAddr, host: &str, audit: &mut Audit) {
    let about = ip.to_string();
    let command = say!(
        ja: "回線業者に {ip} の逆引きを {host} にしてもらう",
        en: "have the provider set the reverse name of {ip} to {host}"
    );
    let names = match outside.ptr(ip).await {
        Ok(names) => names,
        Err(Silence::Unknown(why)) => {
            audit.skipped.push(unknown(&about, "PTR", &why));
            return;
        }
        Err(Silence::Nothing) => {
            audit.find(
                "ptr-missing",
                about,
                Severity::Warning,
                say!(ja: "逆引きがありません。多くの受信側が拒否します。", en: "it has no reverse name; many receivers refuse that."),
                command,
            );
            return;
        }
    };
    for name in &names {
        if let Ok(all) = outside.addresses(name).await
            && all.iter().any(|one| one.to_canonical() == ip)
        {
            audit.done.push(say!(ja: "{ip} の逆引き", en: "the reverse name of {ip}"));
            return;
        }
    }
    let names = names.join(", ");
    audit.find(
        "ptr-wrong",
        about,
        Severity::Warning,
        say!(
            ja: "逆引き（{names}）を正引きしても {ip} になりません。",
            en: "its reverse name ({names}) does not lead back to it."
        ),
        command,
    );
}

fn unknown(about: &str, kind: &str, why: &str) -> Text {
    say!(ja: "{about} の {kind} を調べられません（{why}）", en: "the {kind} of {about} cannot be known ({why})")
}
