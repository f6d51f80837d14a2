//! The report for people.

use std::fmt::Write;

use jiff::tz::TimeZone;
use sekisho_message::{Language, Text, say};

use super::course::Excuse;
use super::report::{LoginStory, Report, Trouble};

/// Networks that a story names.
const NETWORKS: usize = 5;
/// Signals that a story names.
const SIGNALS: usize = 6;

impl Report {
    /// Who is abused, since when, how it began, what to do.
    #[must_use]
    pub fn story(&self, language: Language, zone: &TimeZone) -> String {
        let mut out = String::new();
        let mut say = |text: Text| {
            let _ = writeln!(out, "{}", text.get(language));
        };
        say(self.summary(zone));
        if self.bad_lines > 0 {
            say(self.bad_summary());
            for bad in &self.bad {
                let line = format!("    {}:{}: {}", bad.file, bad.line, bad.text);
                say(Text::new(line.clone(), line));
            }
        }
        if self.messages == 0 {
            say(say!(
                ja: "送信の記録がありませんでした。--format を確かめ、smtpd と qmgr の行を含むログを指定してください。",
                en: "No sending was found. Check --format, and name logs that have the lines of smtpd and qmgr (or their like)."
            ));
        }
        match self.incidents.len() {
            0 if self.messages > 0 => say(say!(
                ja: "踏み台にされたと見られる送信元はありません。",
                en: "Nobody looks abused."
            )),
            0 => {}
            n => say(say!(
                ja: "踏み台にされたと見られるものが {n} 件あります。",
                en: "Found {n} that look abused."
            )),
        }
        for incident in &self.incidents {
            out.push('\n');
            out.push_str(&incident.story(language, zone));
        }
        for notice in &self.notices {
            let (Text { ja, en }, Some(excuse)) = (notice.who(), notice.excuse.map(Excuse::text)) else { continue };
            let line = Text::new(format!("- {ja}: {}", excuse.ja), format!("- {en}: {}", excuse.en));
            let _ = writeln!(out, "\n{}", line.get(language));
        }
        out
    }

    fn summary(&self, zone: &TimeZone) -> Text {
        let (messages, recipients, origins) = (count(self.messages), count(self.recipients), count(self.origins));
        let (received, failures) = (count(self.received), count(self.failures));
        let (from, to) = self.period.map_or(("-".into(), "-".into()), |(from, to)| (time(from, zone), time(to, zone)));
        say!(
            ja: "期間 {from} から {to}。送信 {messages} 通、宛先 {recipients} 件、送信元 {origins}。外部からの受信 {received} 通、ログイン失敗 {failures} 回。",
            en: "From {from} to {to}: {messages} messages to {recipients} recipients from {origins} origins; {received} received from outside; {failures} failed logins."
        )
    }

    fn bad_summary(&self) -> Text {
        let (bad, lines) = (count(self.bad_lines), count(self.lines));
        say!(
            ja: "{lines} 行のうち {bad} 行は読めず、飛ばしました。最初のもの:",
            en: "{bad} of {lines} lines could not be read and were left out. The first:"
        )
    }
}

impl Trouble {
    fn story(&self, language: Language, zone: &TimeZone) -> String {
        let mut out = String::new();
        let learning = self.learning;
        let mut line = |indent: &str, text: Text| {
            let _ = writeln!(out, "{indent}{}", text.get(language));
        };
        line("* ", self.headline(zone));
        line("  ", self.beginning(zone));
        line("  ", self.amount(zone));
        if !self.networks.is_empty() {
            line("  ", self.whence());
        }
        if learning {
            line(
                "  ",
                say!(
                    ja: "注意: この送信元の記録が始まって間もない時期です。前からの相手への一斉送信でも、同じように見えます。",
                    en: "Mind: the log knows this origin for a short time only. A mailing to people whom it has known for long looks the same."
                ),
            );
        }
        line("  ", say!(ja: "根拠:", en: "Why:"));
        for signal in self.signals.iter().take(SIGNALS) {
            let (llr, text) = (signal.llr, signal.text());
            line("    ", Text::new(format!("{llr:+.1} {}", text.ja), format!("{llr:+.1} {}", text.en)));
        }
        line("  ", say!(ja: "するべきこと:", en: "What to do:"));
        for (n, step) in self.advice().into_iter().enumerate() {
            let n = n + 1;
            line("    ", Text::new(format!("{n}. {}", step.ja), format!("{n}. {}", step.en)));
        }
        out
    }

    fn headline(&self, zone: &TimeZone) -> Text {
        let who = self.who();
        let (since, held) = (time(self.first_evidence, zone), time(self.held_at, zone));
        let Text { ja, en } = who;
        say!(
            ja: "{ja}: {since} から悪用。Sekisho なら {held} に保留していました。",
            en: "{en}: abused since {since}; Sekisho would have held it at {held}."
        )
    }

    fn who(&self) -> Text {
        let (kind, name) = self.origin.split_once(':').unwrap_or(("", &self.origin));
        match kind {
            "account" => say!(ja: "アカウント {name}", en: "Account {name}"),
            "network" => {
                say!(ja: "認証なしで中継させているネットワーク {name}", en: "Network {name}, which relays without a login")
            }
            "local" => say!(
                ja: "このサーバ上でユーザ {name} として動くプログラム",
                en: "A program on the server, running as user {name}"
            ),
            _ => say!(ja: "{name}", en: "{name}"),
        }
    }

    fn beginning(&self, zone: &TimeZone) -> Text {
        match self.login {
            Some(login) if login.guessed => guessed(&login, zone),
            Some(login) => {
                let (at, network, door) = (time(login.success, zone), login.network, login.protocol.name());
                say!(
                    ja: "始まり: {at} に、使ったことのないネットワーク {network} から {door} で入られました。推測の跡はなく、パスワードが盗まれたか漏れたと考えられます。",
                    en: "How it began: somebody came in over {door} at {at}, from {network}, which its owner does not use. There was no guessing: the password was probably phished or leaked."
                )
            }
            None if self.origin.starts_with("account:") => say!(
                ja: "始まり: いつものネットワークから送られています。本人の PC の感染か、本人自身の一斉送信かもしれません。",
                en: "How it began: it was sent from where the owner always is. His own machine may be infected, or he sent a mailing himself."
            ),
            None => say!(
                ja: "始まり: 認証なしで送られています。広すぎる中継許可、感染した機器、悪用されたフォームなどが考えられます。",
                en: "How it began: it needs no login. A relay rule that is too wide, an infected machine, or an abused form."
            ),
        }
    }

    fn amount(&self, zone: &TimeZone) -> Text {
        let (messages, recipients) =
            (count(self.messages_before_hold.into()), count(self.recipients_before_hold.into()));
        let escaped = count(self.recipients_escaped.into());
        let before = say!(
            ja: "保留までに {messages} 通、宛先 {recipients} 件。待機と弁が効いていれば、届いたのは {escaped} 件です。",
            en: "Until the hold: {messages} messages to {recipients} recipients, of whom dwell and valve would have let {escaped} go."
        );
        if self.messages_after == 0 {
            return before;
        }
        let (after, to) = (count(self.messages_after.into()), count(self.recipients_after.into()));
        let last = time(self.last_message, zone);
        let after = say!(
            ja: "その後 {last} までに {after} 通、宛先 {to} 件が送られ、これらは保留できていました。",
            en: "After it, until {last}, {after} messages to {to} recipients went out that would have been held."
        );
        Text::new(format!("{}{}", before.ja, after.ja), format!("{} {}", before.en, after.en))
    }

    fn whence(&self) -> Text {
        let all = self.networks.len();
        let named: Vec<String> =
            self.networks.iter().take(NETWORKS).map(|n| format!("{} ({})", n.place, n.messages)).collect();
        let rest = all.saturating_sub(named.len());
        let named = named.join(", ");
        if rest == 0 {
            return say!(ja: "送信元ネットワーク（通数）: {named}", en: "From (messages): {named}");
        }
        say!(ja: "送信元ネットワーク（通数）: {named} ほか {rest}", en: "From (messages): {named} and {rest} more")
    }

    fn advice(&self) -> Vec<Text> {
        let queue = say!(
            ja: "キューに残るこの送信元のメールを保留する（Postfix: postsuper -h、Exim: exim -Mf）。中身を見てから捨てる。",
            en: "Hold what is still queued of it (Postfix: postsuper -h; Exim: exim -Mf), and look before you delete."
        );
        let lists = say!(
            ja: "サーバの IP アドレスが DNSBL に載っていないか確かめる。",
            en: "Look whether the server's address is on a blocklist."
        );
        let first = match self.origin.split_once(':').map_or("", |(kind, _)| kind) {
            "account" => vec![
                say!(
                    ja: "パスワードを今すぐ変え、開いている接続を切る（Dovecot: doveadm kick）。",
                    en: "Change the password now, and end its sessions (Dovecot: doveadm kick)."
                ),
                say!(
                    ja: "転送、フィルタ、アプリパスワードが仕込まれていないか見る。本人の PC も検査する。",
                    en: "Look for forwards, filters and application passwords that the intruder left. Check the owner's machine."
                ),
            ],
            "network" => vec![say!(
                ja: "このネットワークの中継許可（mynetworks など）を外すか狭め、どの機器かを突き止める。",
                en: "Take this network out of the relay rules (mynetworks and the like) or narrow them, and find the machine."
            )],
            _ => vec![say!(
                ja: "そのユーザで動くプログラム（Web フォーム、cron など）を突き止め、止める。",
                en: "Find the program that runs as this user (a web form, a cron job), and stop it."
            )],
        };
        let known = say!(
            ja: "心当たりのある一斉送信なら誤報です。その送信元の種別を newsletter か application にしてください。",
            en: "If it was a mailing that you know of, it is a false alarm: such an origin is of class newsletter or application."
        );
        first.into_iter().chain([queue, lists, known]).collect()
    }
}

fn guessed(login: &LoginStory, zone: &TimeZone) -> Text {
    let (door, network, distinct) = (login.protocol.name(), login.network, login.distinct);
    let success = time(login.success, zone);
    let first = login.first_failure.map_or_else(|| "-".into(), |at| time(at, zone));
    say!(
        ja: "始まり: パスワードが {door} で推測されました。最初の失敗は {first}、およそ {distinct} 通りの誤りの後、{success} に {network} から成功しています。",
        en: "How it began: the password was guessed over {door}: first wrong at {first}, about {distinct} different ones, and right at {success} from {network}."
    )
}

fn time(seconds: i64, zone: &TimeZone) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| format!("@{seconds}"),
        |stamp| stamp.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// `1,234,567`.
fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
