//! Accounts that are easy prey.

use std::time::Duration;

use sekisho_message::{Address, Time, say};
use sekisho_store::account::{self, Account, State};
use sekisho_store::login::{self, Way, Wire};
use sekisho_store::{Result, alias, lockout, meta, recoverable as kept};

use super::{Audit, Severity};
use crate::Control;

/// Accounts in one step.
const PAGE: u32 = 500;
/// From when on a password is old, and an account that nobody uses is worth a word.
const OLD: Duration = Duration::from_secs(2 * 365 * 86_400);
const UNUSED: Duration = Duration::from_secs(90 * 86_400);
/// How long a one-time password may stay.
const ONE_TIME: Duration = Duration::from_secs(14 * 86_400);

pub(super) async fn check(control: &Control, domains: &[String], audit: &mut Audit) -> Result<()> {
    let (mut after, mut seen, now) = (String::new(), 0, audit.at);
    loop {
        let from = after.clone();
        let page = control.store().read(move |tx| {
            let mut known = Vec::new();
            for account in account::list(tx, None, &from, PAGE)? {
                let used = lockout::uses_of(tx, account.id)?;
                let weak = meta::get(tx, &weak_name(&account))?;
                let readable = kept::get(tx, account.id)?.is_some();
                let clear: Vec<Way> =
                    login::ways(tx, account.id)?.into_iter().filter(|way| way.wire == Wire::Clear).collect();
                known.push((account, used, weak, readable, clear));
            }
            Ok(known)
        });
        let page = page.await?;
        let Some((last, ..)) = page.last() else { break };
        after.clone_from(&last.key);
        seen += page.len();
        for (account, used, weak, readable, clear) in &page {
            if account.state == State::Active {
                judge(account, *used, weak.as_deref(), now, audit);
                forward(account, domains, audit);
                for way in clear {
                    in_the_clear(account, way, audit);
                }
                if *readable {
                    recoverable(account, audit);
                }
            }
        }
    }
    audit.done.push(say!(ja: "アカウント {seen} 件", en: "{seen} accounts"));
    forwards(control, domains, audit).await
}

fn judge(account: &Account, used: u64, weak: Option<&str>, now: Time, audit: &mut Audit) {
    let address = &account.address;
    let password = say!(
        ja: "実行: sekisho account password {address} --generate",
        en: "sekisho account password {address} --generate"
    );
    if weak == Some(account.password_changed.micros().to_string().as_str()) {
        audit.find(
            "weak-password",
            address,
            Severity::Critical,
            say!(
                ja: "今のパスワードは推測されやすいものです（設定時か最後のログイン時に分かりました）。",
                en: "its password is easy to guess (as was seen when it was set or last used)."
            ),
            password.clone(),
        );
    }
    if account.must_change && now.since(account.created) > ONE_TIME {
        let days = now.since(account.password_changed).as_secs() / 86_400;
        audit.find(
            "one-time-password",
            address,
            Severity::Warning,
            say!(
                ja: "一回限りのパスワードが {days} 日間そのままです。",
                en: "its one-time password has been in force for {days} days."
            ),
            password.clone(),
        );
    }
    let age = now.since(account.password_changed);
    if age > OLD {
        let years = age.as_secs() / (365 * 86_400);
        audit.find(
            "old-password",
            address,
            Severity::Note,
            say!(ja: "パスワードが {years} 年間変わっていません。", en: "its password is {years} years old."),
            password,
        );
    }
    if used == 0 && now.since(account.created) > UNUSED {
        audit.find(
            "unused-account",
            address,
            Severity::Note,
            say!(
                ja: "30 日以上ログインがありません。使われないアカウントは乗っ取られても気づかれません。",
                en: "nobody logged in for 30 days; if it is hijacked, nobody notices."
            ),
            say!(ja: "実行: sekisho account suspend {address}", en: "sekisho account suspend {address}"),
        );
    }
}

/// A login to which anybody on the way could listen.
fn in_the_clear(account: &Account, way: &Way, audit: &mut Audit) {
    let (address, last) = (&account.address, way.last.to_string());
    let day = last.get(..10).unwrap_or_default();
    let (door, proof) = (&way.door, &way.proof);
    audit.find(
        "login-without-tls",
        address,
        Severity::Warning,
        say!(
            ja: "{day} に TLS なしでログインしました（{door}、{proof}）。通信を盗み見た者がパスワードを知ることができます。",
            en: "it logged in without TLS on {day} ({door}, {proof}); whoever listens on the way may learn its password."
        ),
        say!(
            ja: "本人のメールソフトで SSL/TLS を選び、その後でパスワードを変える",
            en: "choose SSL/TLS in its owner's mail program, then change the password"
        ),
    );
}

/// What an account sends on by its own rule.
fn forward(account: &Account, domains: &[String], audit: &mut Audit) {
    let Some(rule) = &account.personal.forward else { return };
    let address = &account.address;
    let targets: Vec<&str> = rule.to.iter().map(String::as_str).filter(|to| is_outside(to, domains)).collect();
    if targets.is_empty() {
        return;
    }
    let target = targets.join(", ");
    audit.find(
        "forward-outside",
        address,
        Severity::Note,
        say!(
            ja: "外の {target} へ転送しています。届いたスパムも当方から送られます。",
            en: "it forwards to {target} outside; spam that it gets leaves from here, too."
        ),
        say!(ja: "実行: sekisho account forward {address} --off", en: "sekisho account forward {address} --off"),
    );
}

/// A password that the server can read, for APOP and CRAM-MD5.
fn recoverable(account: &Account, audit: &mut Audit) {
    let address = &account.address;
    audit.find(
        "recoverable-password",
        address,
        Severity::Warning,
        say!(
            ja: "パスワードが元に戻せる形で保存されています（APOP と CRAM-MD5 のため）。",
            en: "its password is kept so that it can be read, for APOP and CRAM-MD5."
        ),
        say!(
            ja: "実行: sekisho account recoverable {address} off",
            en: "sekisho account recoverable {address} off"
        ),
    );
}

fn is_outside(target: &str, domains: &[String]) -> bool {
    Address::parse(target).is_ok_and(|to| !domains.iter().any(|own| own == to.domain().ascii()))
}

async fn forwards(control: &Control, domains: &[String], audit: &mut Audit) -> Result<()> {
    let all = control.store().read(|tx| alias::list(tx, None)).await?;
    for one in &all {
        let (pattern, target) = (&one.pattern, &one.target);
        let outside = is_outside(target, domains);
        if outside {
            audit.find(
                "forward-outside",
                pattern,
                Severity::Note,
                say!(
                    ja: "外の {target} へ転送しています。届いたスパムも当方から送られます。",
                    en: "it forwards to {target} outside; spam that it gets leaves from here, too."
                ),
                say!(ja: "実行: sekisho alias remove {pattern}", en: "sekisho alias remove {pattern}"),
            );
        }
        if outside && pattern.starts_with('*') {
            audit.find(
                "catch-all-outside",
                pattern,
                Severity::Warning,
                say!(
                    ja: "存在しないアドレス宛てのメールまで、すべて外へ転送しています。",
                    en: "mail for every address of the domain, known or not, is forwarded outside."
                ),
                say!(ja: "実行: sekisho alias remove {pattern}", en: "sekisho alias remove {pattern}"),
            );
        }
    }
    audit.done.push({
        let n = all.len();
        say!(ja: "別名 {n} 件", en: "{n} aliases")
    });
    Ok(())
}

/// Where it is noted that an account's password is easy to guess: the time at which that password was set.
pub(crate) fn weak_name(account: &Account) -> String {
    format!("weak.{}", account.id.0)
}
