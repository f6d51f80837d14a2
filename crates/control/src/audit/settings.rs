//! Protections that the configuration switched off.

use sekisho_guard::lockout::LockoutPolicy;
use sekisho_message::say;

use super::{Audit, Ground, Severity};
use crate::Control;
use crate::guard::Mode;

const FILE: &str = "sekisho.toml";
/// Characters under which a password is short whatever it is.
const SHORT: usize = 8;

pub(super) fn check(control: &Control, ground: &Ground, audit: &mut Audit) {
    let options = control.options();
    if ground.auth_without_tls {
        audit.find(
            "auth-without-tls",
            FILE,
            Severity::Warning,
            say!(
                ja: "どのアカウントも TLS なしでパスワードを送れます。盗聴されれば踏み台になります。",
                en: "every account may send its password without TLS; whoever listens on the line has it."
            ),
            say!(ja: "設定: [tls] require_for_auth = true", en: "sekisho.toml: [tls] require_for_auth = true"),
        );
    }
    if options.credentials.digests_without_tls {
        audit.find(
            "digests-without-tls",
            FILE,
            Severity::Warning,
            say!(
                ja: "APOP と CRAM-MD5 を TLS なしで受け付けます。盗聴した者は時間をかけて弱いパスワードを割り出せます。",
                en: "APOP and CRAM-MD5 are taken without TLS; whoever listens can guess weak passwords at leisure."
            ),
            say!(ja: "設定: [auth] digests_without_tls = false", en: "sekisho.toml: [auth] digests_without_tls = false"),
        );
    }
    if !options.lockout.enabled {
        audit.find(
            "lockout-off",
            FILE,
            Severity::Warning,
            say!(
                ja: "ロックアウトが切られており、パスワードを何度でも試せます。",
                en: "the lockouts are off: passwords may be tried for ever."
            ),
            say!(ja: "設定: [lockout] enabled = true", en: "sekisho.toml: [lockout] enabled = true"),
        );
    } else {
        for name in kinds_off(&options.lockout.policy) {
            audit.find(
                "lockout-off",
                format!("{FILE}: {name}"),
                Severity::Warning,
                say!(
                    ja: "ロックアウト {name} が切られています（tries = 0）。",
                    en: "the lockout {name} is off (tries = 0)."
                ),
                say!(ja: "設定: [lockout] の {name} を消す（既定値に戻る）", en: "sekisho.toml: take {name} out of [lockout]; its default comes back"),
            );
        }
    }
    if options.guard.mode == Mode::Observe {
        audit.find(
            "guard-observes",
            FILE,
            Severity::Note,
            say!(
                ja: "乗っ取りに気づいても知らせるだけで、メールは止まりません。",
                en: "when an account is hijacked you are told, but its mail goes on."
            ),
            say!(ja: "設定: [guard] mode = \"hold\"", en: "sekisho.toml: [guard] mode = \"hold\""),
        );
    }
    let shortest = options.password.min_length;
    if shortest < SHORT {
        audit.find(
            "short-passwords",
            FILE,
            Severity::Note,
            say!(
                ja: "{shortest} 文字のパスワードを認めています。",
                en: "passwords of {shortest} characters are allowed."
            ),
            say!(ja: "設定: [password] min_length = 12", en: "sekisho.toml: [password] min_length = 12"),
        );
    }
}

/// Lockouts of guessing that are off.
fn kinds_off(policy: &LockoutPolicy) -> Vec<&'static str> {
    let kinds = [
        ("smtp", policy.smtp),
        ("pop3", policy.pop3),
        ("imap4", policy.imap4),
        ("console", policy.console),
        ("pair", policy.pair),
        ("account", policy.account),
        ("scattered", policy.scattered),
        ("spraying", policy.spraying),
        ("harvest", policy.harvest),
    ];
    kinds.into_iter().filter(|(_, limit)| limit.tries == 0).map(|(name, _)| name).collect()
}
