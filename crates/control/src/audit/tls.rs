//! The certificate: its end, its names, and who vouches for it.

use sekisho_message::{Time, say};

use super::{Audit, Ground, Severity};

/// Days before the end from which it is worth a word, and from which it is urgent.
const SOON: u64 = 21;
const NOW: u64 = 7;

pub(super) fn check(ground: &Ground, host: &str, now: Time, audit: &mut Audit) {
    let path = &ground.certificate.path;
    let Some(until) = ground.certificate.until else {
        if !path.is_empty() {
            audit.skipped.push(say!(ja: "証明書 {path} を読めません", en: "the certificate {path} cannot be read"));
        }
        return;
    };
    audit.done.push(say!(
        ja: "TLS 証明書の期限（{until}）、名前、発行者",
        en: "the end ({until}), names and issuer of the TLS certificate"
    ));
    end(path, until, now, audit);
    let names = &ground.certificate.names;
    if !names.iter().any(|name| covers(name, host)) {
        let names = names.join(", ");
        audit.find(
            "tls-wrong-name",
            path,
            Severity::Warning,
            say!(
                ja: "証明書の名前（{names}）が当サーバのホスト名 {host} と違います。メールソフトは警告するか接続しません。",
                en: "the certificate is for {names}, not for our host name {host}; mail programs warn or refuse."
            ),
            say!(ja: "{host} の証明書を {path} に置く（自動で読み直される）", en: "put a certificate for {host} at {path}; it is read by itself"),
        );
    }
    // On loopback nobody else is there to be sure of us.
    if ground.certificate.self_signed && ground.public {
        audit.find(
            "tls-self-signed",
            path,
            Severity::Note,
            say!(
                ja: "証明書は自己署名で、メールソフトは警告します。利用者が警告に慣れると、偽のサーバにもパスワードを渡します。",
                en: "the certificate is signed by itself: mail programs warn, and people who are used to that give their password to a false server, too."
            ),
            say!(ja: "認証局の証明書を {path} に置く（自動で読み直される）", en: "put one of an authority at {path}; it is read by itself"),
        );
    }
}

fn end(path: &str, until: Time, now: Time, audit: &mut Audit) {
    let days = until.since(now).as_secs() / 86_400;
    let (severity, id) = match days {
        _ if until <= now => (Severity::Critical, "tls-expired"),
        d if d < NOW => (Severity::Critical, "tls-expiring"),
        d if d < SOON => (Severity::Warning, "tls-expiring"),
        _ => return,
    };
    audit.find(
        id,
        path,
        severity,
        say!(
            ja: "証明書の期限は {until}（残り {days} 日）です。切れるとメールソフトが接続できなくなります。",
            en: "the certificate ends at {until} ({days} days left); mail programs refuse to connect after that."
        ),
        say!(ja: "新しい証明書を {path} に置く（自動で読み直される）", en: "put a new one at {path}; it is read by itself"),
    );
}

/// Whether a name in a certificate is for `host` (RFC 9525 §6.3): the same, or a wildcard for its first label.
fn covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(rest) => host.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn names_cover_hosts() {
        assert!(covers("MX.example.jp", "mx.example.jp") && covers("*.example.jp", "mx.example.jp"));
        assert!(!covers("*.example.jp", "a.mx.example.jp") && !covers("*.jp", "mx.example.jp"));
        assert!(!covers("example.jp", "mx.example.jp") && !covers("*", "mx"));
    }
}
