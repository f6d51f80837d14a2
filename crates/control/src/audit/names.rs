//! What the name service says about our domains (MX, SPF, DKIM, DMARC), our host name and our addresses.

use std::net::IpAddr;

use sekisho_message::{Text, say};

use super::{Audit, Severity, dkim, dmarc, spf};
use crate::Control;
use crate::outside::{Mx, Outside, Silence};
use crate::reputation::is_of_the_world;

/// Domains that are looked at.
const MOST: usize = 200;

pub(super) async fn check(control: &Control, domains: &[String], audit: &mut Audit) {
    let Some(outside) = control.outside() else { return };
    let outside = outside.as_ref();
    let addresses = control.own_addresses(outside).await;
    let host = control.options().hostname.as_str();
    let mut published = false;
    for domain in domains.iter().take(MOST) {
        let mut found = Audit { at: audit.at, ..Audit::default() };
        let mx = mx(outside, domain, host, &addresses, &mut found).await;
        let spf = spf::check(outside, domain, host, &addresses, &mut found).await;
        let dkim = dkim::check(outside, domain, &control.options().dkim_selectors, &mut found).await;
        let dmarc = dmarc::check(outside, domain, &mut found).await;
        // A name that can be nobody's, and of which nobody has heard, is a test's or a first try's.
        if !(mx || spf || dkim || dmarc) && found.skipped.is_empty() && !is_of_the_world(domain) {
            audit
                .skipped
                .push(say!(ja: "{domain} は DNS に公開されていません", en: "{domain} is not published in the DNS"));
            continue;
        }
        published = true;
        audit.findings.append(&mut found.findings);
        audit.skipped.append(&mut found.skipped);
        audit.done.push(say!(ja: "{domain} の MX・SPF・DKIM・DMARC", en: "MX, SPF, DKIM and DMARC of {domain}"));
    }
    if published && is_of_the_world(host) {
        own_name(outside, host, &addresses, audit).await;
    }
    for ip in addresses {
        reverse(outside, ip, host, audit).await;
    }
}

/// Looks at where mail of a domain goes; whether anything is known of it.
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
            let mut ours = false;
            for one in &hosts {
                ours |= one.eq_ignore_ascii_case(host);
                match outside.addresses(one).await {
                    Ok(found) => ours |= found.iter().any(|ip| own.contains(&ip.to_canonical())),
                    Err(Silence::Nothing) => audit.find(
                        "mx-dead",
                        domain,
                        Severity::Warning,
                        say!(ja: "MX の {one} にアドレスがありません。", en: "its MX {one} has no address."),
                        say!(ja: "DNS: {one} に A か AAAA を登録するか、MX から除く", en: "DNS: give {one} an A or AAAA record, or take it out of the MX records"),
                    ),
                    Err(Silence::Unknown(why)) => audit.skipped.push(unknown(one, "A/AAAA", &why)),
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

/// The name that we give in HELO leads to us.
async fn own_name(outside: &dyn Outside, host: &str, own: &[IpAddr], audit: &mut Audit) {
    let found = match outside.addresses(host).await {
        Ok(found) => found,
        Err(Silence::Nothing) => Vec::new(),
        Err(Silence::Unknown(why)) => {
            audit.skipped.push(unknown(host, "A/AAAA", &why));
            return;
        }
    };
    if !found.is_empty() && (own.is_empty() || found.iter().any(|ip| own.contains(&ip.to_canonical()))) {
        return;
    }
    let addresses = own.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    audit.find(
        "host-wrong",
        host,
        Severity::Warning,
        say!(
            ja: "当サーバのホスト名が DNS で当サーバのアドレスになりません。HELO を疑われ、拒否されることがあります。",
            en: "our host name does not lead to an address of this server; receivers may refuse its HELO."
        ),
        say!(ja: "DNS: {host} に A/AAAA（{addresses}）を登録", en: "DNS: give {host} an A or AAAA record ({addresses})"),
    );
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
    let mut back = false;
    for name in &names {
        let found = outside.addresses(name).await;
        back |= found.is_ok_and(|all| all.iter().any(|one| one.to_canonical() == ip));
    }
    let is_ours = names.iter().any(|name| name.eq_ignore_ascii_case(host));
    let names = names.join(", ");
    audit.done.push(say!(ja: "{ip} の逆引き", en: "the reverse name of {ip}"));
    if !back {
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
    } else if !is_ours {
        audit.find(
            "ptr-other",
            about,
            Severity::Note,
            say!(
                ja: "逆引き（{names}）が HELO で名乗る {host} と違います。疑う受信側があります。",
                en: "its reverse name ({names}) is not the {host} of our HELO; some receivers count that against us."
            ),
            command,
        );
    }
}

pub(super) fn unknown(about: &str, kind: &str, why: &str) -> Text {
    say!(ja: "{about} の {kind} を調べられません（{why}）", en: "the {kind} of {about} cannot be known ({why})")
}
