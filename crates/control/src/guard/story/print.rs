//! The story of an incident as text (Markdown), in one language.

use std::fmt::Write as _;

use sekisho_message::{Language, Text, say};
use serde_json::Value;

use crate::value::{items, number, text};

/// Lines of each list that a terminal shows.
pub const SHORT: usize = 20;

/// The story. `most`: lines of each list; all when none.
#[must_use]
pub fn print(told: &Value, language: Language, most: Option<usize>) -> String {
    let mut page = Page { out: String::new(), language, most: most.unwrap_or(usize::MAX) };
    page.head(&told["incident"]);
    page.how(&told["how"]);
    page.firsts(told);
    page.networks(told);
    page.mail(told);
    page.people(told, "reached", &say!(ja: "届いてしまった宛先", en: "Recipients that were reached"));
    page.people(told, "failed", &say!(ja: "届かなかった宛先", en: "Recipients that refused it"));
    page.signals(told);
    page.acts(told);
    page.next(told);
    page.out
}

struct Page {
    out: String,
    language: Language,
    most: usize,
}

impl Page {
    fn line(&mut self, text: &Text) {
        self.out.push_str(text.get(self.language));
        self.out.push('\n');
    }

    fn title(&mut self, text: &Text) {
        let _ = writeln!(self.out, "\n## {}\n", text.get(self.language));
    }

    /// At most so many items, and how many more there are.
    fn list<'a>(&mut self, all: &'a [Value], mut each: impl FnMut(&mut Self, &'a Value)) {
        for one in all.iter().take(self.most) {
            each(self, one);
        }
        let more = all.len().saturating_sub(self.most);
        if more > 0 {
            self.line(&say!(
                ja: "- （ほか {more} 件。--json または report で全部）",
                en: "- ({more} more; --json or report has all)"
            ));
        }
    }

    fn head(&mut self, incident: &Value) {
        let (id, origin, state) = (number(incident, "id"), text(incident, "origin"), text(incident, "state"));
        let (opened, by) = (text(incident, "opened"), text(incident, "opened_by"));
        self.line(&say!(ja: "# インシデント {id}: {origin}\n", en: "# Incident {id}: {origin}\n"));
        if let Ok(why) = serde_json::from_value::<Text>(incident["text"].clone()) {
            self.line(&why);
        }
        self.line(&say!(
            ja: "- 状態: {state}\n- 発生: {opened}（{by}）",
            en: "- State: {state}\n- Opened: {opened} ({by})"
        ));
        if incident["closed"] == true {
            self.line(&say!(
                ja: "- 閉鎖中: ここからの認証なしの接続には 421 を返しています（resolve か release --all で開きます）",
                en: "- Closed: connections from there without a login are answered 421 (resolve or release --all opens it)"
            ));
        }
        let (changed, who) = (text(incident, "changed"), text(incident, "changed_by"));
        if changed != opened {
            self.line(&say!(ja: "- 最後の変更: {changed}（{who}）", en: "- Last change: {changed} ({who})"));
        }
    }

    fn how(&mut self, how: &Value) {
        self.title(&say!(ja: "パスワードはどう知られたか", en: "How the password was probably found"));
        let (protocol, network) = (text(how, "protocol"), text(how, "network"));
        let (first, success, distinct) = (text(how, "first_failure"), text(how, "success"), number(how, "distinct"));
        if how["guessed"] == true {
            self.line(&say!(
                ja: "総当たりで破られたと見られます。{protocol} で {first} から {distinct} 種類ほどの誤ったパスワードが試され、{success} に {network} からのログインが成功しました。",
                en: "It was probably guessed: about {distinct} different wrong passwords were tried from {first} on, first over {protocol}; a login from {network} succeeded at {success}."
            ));
        } else {
            self.line(&say!(
                ja: "総当たりの跡はありません（フィッシング、ウイルス、使い回し、または認証のない送信元）。",
                en: "There is no sign of guessing (phishing, malware, a password used elsewhere, or an origin without AUTH)."
            ));
        }
        self.list(items(how, "wrong"), |page, one| {
            let (network, protocol, count) = (text(one, "network"), text(one, "protocol"), number(one, "count"));
            let (first, last) = (text(one, "first"), text(one, "last"));
            page.line(&say!(
                ja: "- {network}: {protocol} で誤り {count} 回（{first} から {last}）",
                en: "- {network}: {count} wrong passwords over {protocol} ({first} to {last})"
            ));
        });
    }

    fn firsts(&mut self, told: &Value) {
        let login = &told["first_foreign_login"];
        if login.is_object() {
            let (at, network, protocol) = (text(login, "at"), text(login, "network"), text(login, "protocol"));
            self.line(&say!(
                ja: "- 見慣れない場所からの最初のログイン: {at} {protocol} {network}",
                en: "- First login from elsewhere: {at}, {protocol}, {network}"
            ));
        }
        let mail = &told["first_bad_message"];
        if mail.is_object() {
            let (at, message, network) = (text(mail, "at"), text(mail, "message"), text(mail, "network"));
            let recipients = number(mail, "recipients");
            self.line(&say!(
                ja: "- 最初の不審なメール: {at} {message} {network}（宛先 {recipients} 件）",
                en: "- First suspicious message: {at}, {message}, {network} ({recipients} recipients)"
            ));
        }
    }

    fn networks(&mut self, told: &Value) {
        self.title(&say!(ja: "ネットワーク", en: "Networks"));
        self.list(items(told, "networks"), |page, one| {
            let (network, messages, recipients) =
                (text(one, "network"), number(one, "messages"), number(one, "recipients"));
            let (right, wrong) = (number(one, "logins"), number(one, "wrong_passwords"));
            let (ja, en) = if one["own"] == true { ("本人", "the owner's") } else { ("見慣れない", "strange") };
            page.line(&say!(
                ja: "- {network}（{ja}）: ログイン成功 {right} 回、失敗 {wrong} 回、{messages} 通（宛先 {recipients} 件）",
                en: "- {network} ({en}): {right} logins, {wrong} wrong passwords, {messages} messages ({recipients} recipients)"
            ));
        });
    }

    fn mail(&mut self, told: &Value) {
        self.title(&say!(ja: "送られたメール", en: "What was sent"));
        let mail = &told["mail"];
        let (messages, recipients, suspicious) =
            (number(mail, "messages"), number(mail, "recipients"), number(mail, "suspicious"));
        let (relayed, failed, deferred) = (number(mail, "relayed"), number(mail, "failed"), number(mail, "deferred"));
        self.line(&say!(
            ja: "- 受け付け: {messages} 通（宛先 {recipients} 件）、うち不審 {suspicious} 通\n- 配送済み {relayed} 件、失敗 {failed} 件、延期 {deferred} 回",
            en: "- Accepted: {messages} messages ({recipients} recipients), {suspicious} of them suspicious\n- Relayed or delivered {relayed}, failed {failed}, put off {deferred} times"
        ));
        let (own, rest) = (&told["held"]["own"], &told["held"]["rest"]);
        let (own, own_to) = (number(own, "messages"), number(own, "recipients"));
        let (rest, rest_to) = (number(rest, "messages"), number(rest, "recipients"));
        self.line(&say!(
            ja: "- 保留中: 本人のもの {own} 通（宛先 {own_to} 件）、その他 {rest} 通（宛先 {rest_to} 件）",
            en: "- Waiting: {own} messages of the owner ({own_to} recipients), {rest} others ({rest_to} recipients)"
        ));
    }

    fn people(&mut self, told: &Value, list: &str, title: &Text) {
        let all = items(told, list);
        if all.is_empty() {
            return;
        }
        self.title(title);
        self.list(all, |page, one| {
            let (address, at, message) = (text(one, "address"), text(one, "at"), text(one, "message"));
            let _ = writeln!(page.out, "- {address} ({at}, {message}) {}", text(one, "reply"));
        });
    }

    fn signals(&mut self, told: &Value) {
        self.title(&say!(ja: "何が見えたか", en: "What was seen"));
        self.list(items(told, "signals"), |page, one| {
            let signal = &one["signal"];
            let Ok(sentence) = serde_json::from_value::<Text>(signal["text"].clone()) else { return };
            let _ = write!(page.out, "- {:+.1} ", signal["llr"].as_f64().unwrap_or(0.0));
            page.line(&sentence);
        });
    }

    fn acts(&mut self, told: &Value) {
        self.title(&say!(ja: "誰が何をしたか", en: "What was done by whom"));
        self.list(items(told, "acts"), |page, one| {
            let (at, who, what) = (text(one, "at"), text(one, "who"), text(one, "what"));
            let _ = writeln!(page.out, "- {at} {who}: {what}");
        });
    }

    fn next(&mut self, told: &Value) {
        self.title(&say!(ja: "次にすること", en: "What to do next"));
        for (n, step) in items(told, "next").iter().enumerate() {
            let Ok(step) = serde_json::from_value::<Text>(step.clone()) else { continue };
            let _ = write!(self.out, "{}. ", n + 1);
            self.line(&step);
        }
    }
}
