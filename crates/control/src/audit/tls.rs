//! The end of the certificate.

use sekisho_message::{Time, say};

use super::{Audit, Ground, Severity};

/// Days before the end from which it is worth a word, and from which it is urgent.
const SOON: u64 = 21;
const NOW: u64 = 7;

pub(super) fn check(ground: &Ground, now: Time, audit: &mut Audit) {
    let path = &ground.certificate;
    let Some(until) = ground.certificate_until else {
        if !path.is_empty() {
            audit.skipped.push(say!(ja: "証明書 {path} を読めません", en: "the certificate {path} cannot be read"));
        }
        return;
    };
    audit.done.push(say!(ja: "TLS 証明書の期限（{until}）", en: "the end of the TLS certificate ({until})"));
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
