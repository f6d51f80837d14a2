//! The open-relay self-test, over the wire.

use std::net::SocketAddr;

use sekisho_message::say;

use super::forms::{FORMS, fill};
use super::{Audit, Ground, Severity};
use crate::Control;

pub(super) async fn check(control: &Control, ground: &Ground, domains: &[String], audit: &mut Audit) {
    let Some(outside) = control.outside() else {
        audit
            .skipped
            .push(say!(ja: "中継の自己試験: ネットワークを使えません", en: "the relay self-test: there is no network"));
        return;
    };
    let host = &control.options().hostname;
    let domain = domains.first().map_or(host.as_str(), String::as_str);
    for door in &ground.doors {
        let listener = &door.address;
        let ip =
            listener.parse::<SocketAddr>().map_or_else(|_| "127.0.0.1".to_owned(), |address| address.ip().to_string());
        let (mut tried, mut open) = (0, Vec::new());
        for (from, to) in FORMS {
            let (from, to) = (fill(from, domain, host, &ip), fill(to, domain, host, &ip));
            let commands =
                ["EHLO relay-test.example.com".to_owned(), format!("MAIL FROM:{from}"), format!("RCPT TO:{to}")];
            match outside.smtp(door, &commands).await {
                // Whoever is not greeted cannot try anything.
                Ok(codes) if codes.first() != Some(&220) => {
                    audit.skipped.push(say!(
                        ja: "中継の自己試験: {listener} は見知らぬ接続元を最初に断ります（拒否テーブルかロックアウト）",
                        en: "the relay self-test: {listener} turns strangers away before they can try (a reject table or lockout)"
                    ));
                    break;
                }
                Ok(codes) => {
                    tried += 1;
                    // Greeting, EHLO, MAIL, RCPT.
                    if codes.get(3).is_some_and(|code| (200..300).contains(code)) {
                        open.push(format!("MAIL FROM:{from} RCPT TO:{to}"));
                    }
                }
                Err(why) => {
                    audit.skipped.push(say!(
                        ja: "中継の自己試験: {listener} に接続できません（{why}）",
                        en: "the relay self-test: {listener} cannot be reached ({why})"
                    ));
                    break;
                }
            }
        }
        if tried == FORMS.len() {
            audit.done.push(say!(
                ja: "{listener}: {tried} 通りの宛先形式で中継を試しました",
                en: "{listener}: relaying was tried with {tried} address forms"
            ));
        }
        if let Some(first) = open.first() {
            let n = open.len();
            audit.find(
                "open-relay",
                listener,
                Severity::Critical,
                say!(
                    ja: "認証なしの他人が外へ中継できます（{n} 通り）: {first}",
                    en: "a stranger without AUTH may relay to the outside ({n} forms): {first}"
                ),
                say!(
                    ja: "実行: sekisho rules check（effect.dat の true 行が出る。広すぎる行を削除する）",
                    en: "sekisho rules check   (it shows the true lines of effect.dat; delete those that are too wide)"
                ),
            );
        }
    }
}
