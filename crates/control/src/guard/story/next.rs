//! What to do next.

use sekisho_message::{Text, say};
use sekisho_store::incident::{Incident, State};

use crate::guard::split::Split;

pub(super) fn steps(incident: &Incident, piles: &Split) -> Vec<Text> {
    let id = incident.id.0;
    let (own, rest) = (piles.own.messages.len(), piles.rest.messages.len());
    let mut steps = Vec::new();
    match incident.state {
        State::Opened => {
            steps.push(say!(
                ja: "不正利用なら、まず封じ込めます: sekisho incident contain {id}",
                en: "If it is real, contain it first: sekisho incident contain {id}"
            ));
            steps.push(say!(
                ja: "本人の送信だったなら、すべて解除します: sekisho incident release {id} --all",
                en: "If it was the owner after all, let everything go: sekisho incident release {id} --all"
            ));
            steps.push(resolve(incident));
        }
        State::Contained => {
            steps.push(say!(
                ja: "本人に連絡し、PC のウイルス検査とパスワードの使い回しを確認してもらいます。",
                en: "Call the owner: have the computer scanned, and every other place changed where the password was used."
            ));
            steps.push(resolve(incident));
        }
        State::Cleaned => {
            if rest > 0 {
                steps.push(say!(
                    ja: "残りの {rest} 通を確認し（sekisho queue list --account …）、迷惑メールなら削除します: sekisho incident purge {id}",
                    en: "Look at the {rest} messages that are left (sekisho queue list --account …), and destroy what is spam: sekisho incident purge {id}"
                ));
            }
            if own > 0 {
                steps.push(say!(
                    ja: "本人の {own} 通を送ります: sekisho incident release {id}",
                    en: "Send the {own} messages of the owner: sekisho incident release {id}"
                ));
            }
        }
        State::Closed => {}
    }
    steps.push(say!(
        ja: "届いてしまった相手の一覧と記録をまとめます: sekisho incident report {id} フォルダ",
        en: "Gather the recipients that were reached and the log: sekisho incident report {id} DIR"
    ));
    steps
}

fn resolve(incident: &Incident) -> Text {
    let id = incident.id.0;
    if incident.account.is_some() {
        say!(
            ja: "解決したら、新しいパスワードを設定して送信を再開します: sekisho incident resolve {id} --generate",
            en: "When it is over, set a new password and let the owner send: sekisho incident resolve {id} --generate"
        )
    } else {
        say!(
            ja: "原因（フォームや機器）を直したら再開します: sekisho incident resolve {id}",
            en: "When the form or device is repaired, let it send again: sekisho incident resolve {id}"
        )
    }
}
