//! The words of alerts, in both languages.

use std::fmt::Write as _;

use sekisho_control::guard::story;
use sekisho_message::header::{HeaderBuilder, HeaderError};
use sekisho_message::transfer::encode_base64_lines;
use sekisho_message::{Text, Time, date, say};
use sekisho_store::MessageId;
use sekisho_store::incident::Incident;
use serde_json::{Value, json};

/// Networks that an alert names.
const MOST_NETWORKS: usize = 20;

/// Who writes.
pub(super) struct From<'a> {
    pub(super) hostname: &'a str,
    pub(super) offset_minutes: i32,
    pub(super) now: Time,
}

impl From<'_> {
    /// The whole message.
    pub(super) fn write(&self, id: MessageId, to: &[&str], subject: &str, text: &str) -> Result<Vec<u8>, HeaderError> {
        let host = self.hostname;
        let to = to.iter().map(|address| format!("<{address}>")).collect::<Vec<_>>().join(", ");
        let mut header = HeaderBuilder::new();
        header
            .structured("Date", &date::format_rfc5322(self.now, self.offset_minutes))?
            .structured("From", &format!("Sekisho <MAILER-DAEMON@{host}>"))?
            .structured("To", &to)?
            .text("Subject", subject)?
            .structured("Message-ID", &format!("<{id}@{host}>"))?
            // RFC 3834 §2: responders must not answer this.
            .structured("Auto-Submitted", "auto-generated")?
            .structured("MIME-Version", "1.0")?
            .structured("Content-Type", "text/plain; charset=utf-8")?
            .structured("Content-Transfer-Encoding", "base64")?;
        let body = encode_base64_lines(text.replace('\n', "\r\n").as_bytes());
        Ok(format!("{}\r\n{body}", header.finish()).into_bytes())
    }
}

/// What a webhook or command gets. Shapes are in `docs/json.md`.
pub(super) fn payload(incident: &Incident, told: &Value) -> Value {
    let networks: Vec<&Value> = told["networks"].as_array().into_iter().flatten().take(MOST_NETWORKS).collect();
    json!({
        "event": "incident",
        "notice": incident.notices + 1,
        "incident": story::head(incident),
        "how": {
            "guessed": told["how"]["guessed"], "protocol": told["how"]["protocol"],
            "network": told["how"]["network"], "first_failure": told["how"]["first_failure"],
            "success": told["how"]["success"],
        },
        "networks": networks,
        "mail": told["mail"],
        "held": told["held"],
        "reached": told["reached"].as_array().map_or(0, Vec::len),
        "next": told["next"],
    })
}

/// The subject of a mail to administrators.
pub(super) fn subject(incident: &Incident) -> String {
    let (id, origin, again) = (incident.id.0, &incident.origin, incident.notices);
    let again = if again == 0 { String::new() } else { format!(" ({})", again + 1) };
    format!("[Sekisho] 不正利用の疑い / suspected abuse: {origin} #{id}{again}")
}

/// The text of a mail to administrators.
pub(super) fn to_administrators(incident: &Incident, told: &Value) -> String {
    both(&lines(incident, told))
}

fn lines(incident: &Incident, told: &Value) -> Vec<Text> {
    let (id, origin, opened) = (incident.id.0, &incident.origin, incident.opened.to_string());
    let mut lines = vec![say!(
        ja: "インシデント {id}: {origin}（{opened}）",
        en: "Incident {id}: {origin} ({opened})"
    )];
    lines.extend(serde_json::from_value::<Text>(incident.facts["text"].clone()).ok());
    let how = &told["how"];
    if how["guessed"] == true {
        let word = |name: &str| how[name].as_str().unwrap_or("-").to_owned();
        let (protocol, network, success) = (word("protocol"), word("network"), word("success"));
        lines.push(say!(
            ja: "パスワードは総当たりで破られたと見られます（{protocol}、{success} に {network} からログイン成功）。",
            en: "The password was probably guessed ({protocol}; a login from {network} succeeded at {success})."
        ));
    }
    let count = |pile: &str, name: &str| told["held"][pile][name].as_u64().unwrap_or(0);
    let (own, rest) = (count("own", "messages"), count("rest", "messages"));
    let reached = told["reached"].as_array().map_or(0, Vec::len);
    let held = incident.epoch.is_some();
    lines.push(if held {
        say!(
            ja: "外部あてのメールを保留しています: 本人のもの {own} 通、その他 {rest} 通。不審なメールが届いた宛先: {reached} 件。何も失われていません。",
            en: "Mail to the outside is held: {own} messages of the owner, {rest} others. Recipients that suspicious mail reached: {reached}. Nothing is lost."
        )
    } else {
        say!(
            ja: "設定により保留はしていません。不審なメールが届いた宛先: {reached} 件。",
            en: "Nothing is held, as configured. Recipients that suspicious mail reached: {reached}."
        )
    });
    if incident.notices > 0 {
        let times = incident.notices + 1;
        lines.push(say!(
            ja: "まだ対応されていません（{times} 回目のお知らせ）。",
            en: "Nobody has dealt with it yet (notice {times})."
        ));
    }
    lines.push(say!(ja: "経緯: sekisho incident show {id}", en: "The story: sekisho incident show {id}"));
    let next = told["next"].as_array().into_iter().flatten();
    lines.extend(next.filter_map(|step| serde_json::from_value::<Text>(step.clone()).ok()));
    lines
}

/// What the owner reads. Nothing in it helps whoever else may read it.
pub(super) fn to_owner() -> (String, String) {
    let lines = [
        say!(
            ja: "あなたのアカウントから、ふだんと違うメールが送られました。パスワードが他人に知られた疑いがあるため、外部あてのメールを一時的に止めています。",
            en: "Mail that is not like yours was sent from your account. Somebody else may know your password, so mail to the outside is kept back for the time being."
        ),
        say!(
            ja: "あなたが送ったメールは失われていません。受信したメールは、ふだん使っている場所からこれまでどおり読めます。",
            en: "Nothing that you sent is lost. You can read your mail as before from the places that you usually use."
        ),
        say!(
            ja: "管理者に（メール以外の方法で）連絡してください。同じパスワードをほかでも使っている場合は、そちらも変更してください。",
            en: "Please call your administrator (not by mail). If you use the same password elsewhere, change it there too."
        ),
    ];
    ("[Sekisho] 送信を一時停止しています / sending is paused".to_owned(), both(&lines))
}

/// A test.
pub(super) fn test() -> (String, String) {
    let line = say!(
        ja: "これはテストです。不正利用の疑いがあるとき、この宛先にお知らせします。",
        en: "This is a test. You will be told here when abuse is suspected."
    );
    ("[Sekisho] テスト / test".to_owned(), both(&[line]))
}

/// All lines in Japanese, then all in English.
fn both(lines: &[Text]) -> String {
    let mut out = String::new();
    for line in lines {
        let _ = writeln!(out, "{}\n", line.ja);
    }
    out.push_str("----\n\n");
    for line in lines {
        let _ = writeln!(out, "{}\n", line.en);
    }
    out
}
