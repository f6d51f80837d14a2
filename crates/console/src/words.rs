//! Numbers, times and sizes as people read them, in both languages.

mod acts;

pub use acts::act_name;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
pub use sekisho_control::value::{items, number, text};
use sekisho_message::{Language, Time};
use serde_json::Value;

/// A text in the reader's language: `t!(lang, ja: "…", en: "…")`.
macro_rules! t {
    ($lang:expr, ja: $ja:literal, en: $en:literal $(,)?) => {
        match $lang {
            sekisho_message::Language::Ja => format!($ja),
            sekisho_message::Language::En => format!($en),
        }
    };
}
pub(crate) use t;

/// A number with its thousands set apart.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Octets in the largest unit that leaves a number of at least one.
#[must_use]
pub fn size(octets: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut n, mut unit) = (octets as f64, 0);
    while n >= 1024.0 && unit + 1 < UNITS.len() {
        n /= 1024.0;
        unit += 1;
    }
    let name = UNITS[unit];
    if unit == 0 || n >= 100.0 { format!("{n:.0} {name}") } else { format!("{n:.1} {name}") }
}

/// A span in its two largest units.
#[must_use]
pub fn span(seconds: u64, lang: Language) -> String {
    let (d, h, m, s) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match (d, h, m) {
        (0, 0, 0) => t!(lang, ja: "{s} 秒", en: "{s} s"),
        (0, 0, _) => t!(lang, ja: "{m} 分", en: "{m} min"),
        (0, ..) => t!(lang, ja: "{h} 時間 {m} 分", en: "{h} h {m} min"),
        _ => t!(lang, ja: "{d} 日 {h} 時間", en: "{d} d {h} h"),
    }
}

/// A moment in the server's time zone, readable for machines as well.
#[must_use]
pub fn moment(time: Time, lang: Language) -> Markup {
    let stamp = Timestamp::from_microsecond(time.micros()).unwrap_or(Timestamp::UNIX_EPOCH);
    let local = stamp.to_zoned(TimeZone::system());
    let form = match lang {
        Language::Ja => "%Y年%-m月%-d日 %H:%M:%S",
        Language::En => "%-d %b %Y %H:%M:%S",
    };
    let shown = local.strftime(form).to_string();
    html! { time datetime=(time.to_string()) { (shown) } }
}

/// The moment that a JSON value names: RFC 3339 text or microseconds.
#[must_use]
pub fn moment_of(value: &Value, lang: Language) -> Markup {
    match time_of(value) {
        Some(time) => moment(time, lang),
        None => html! { "—" },
    }
}

/// The time that a JSON value names.
#[must_use]
pub fn time_of(value: &Value) -> Option<Time> {
    match value {
        Value::String(text) => text.parse::<Timestamp>().ok().map(|stamp| Time(stamp.as_microsecond())),
        Value::Number(n) => n.as_i64().map(Time),
        _ => None,
    }
}

/// A field that is a text in both languages, or a plain one.
#[must_use]
pub fn said(value: &Value, lang: Language) -> String {
    let name = match lang {
        Language::Ja => "ja",
        Language::En => "en",
    };
    value[name].as_str().or_else(|| value.as_str()).unwrap_or_default().to_owned()
}

/// A door's name as people know it.
#[must_use]
pub fn door(protocol: &str) -> &str {
    match protocol {
        "smtp" | "receive" => "SMTP",
        "pop3" => "POP3",
        "imap4" => "IMAP",
        "console" | "notice" => "Web",
        other => other,
    }
}

/// A browser and its system in two words, where its long name (RFC 9110 §10.1.5) tells them; else the name itself.
#[must_use]
pub fn browser(agent: &str) -> String {
    // Whoever copies another's name adds his own: the copy goes first.
    let makers = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("Linux", "Linux"),
    ];
    let of =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (of(&makers), of(&systems)) {
        _ if !agent.starts_with("Mozilla/") => agent.to_owned(),
        (Some(maker), Some(system)) => format!("{maker} ({system})"),
        _ => agent.to_owned(),
    }
}

/// Text as a part of an address (RFC 3986 §2.1).
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~@".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// An account's state or role, an incident's state, a stage: the words of the store in the reader's language.
#[must_use]
pub fn word(name: &str, lang: Language) -> String {
    match name {
        "active" => t!(lang, ja: "使用中", en: "active"),
        "suspended" => t!(lang, ja: "送信停止", en: "suspended"),
        "revoked" => t!(lang, ja: "取り消し済み", en: "taken away"),
        "expired" => t!(lang, ja: "期限切れ", en: "ended"),
        "removed" => t!(lang, ja: "削除済み", en: "removed"),
        "user" => t!(lang, ja: "利用者", en: "user"),
        "domain_admin" => t!(lang, ja: "ドメイン管理者", en: "domain administrator"),
        "system_admin" => t!(lang, ja: "システム管理者", en: "system administrator"),
        "opened" => t!(lang, ja: "未対応", en: "open"),
        "contained" => t!(lang, ja: "封じ込め済み", en: "contained"),
        "cleaned" => t!(lang, ja: "後始末中", en: "cleaning up"),
        "closed" => t!(lang, ja: "完了", en: "closed"),
        "incoming" => t!(lang, ja: "受付", en: "incoming"),
        "lists" => t!(lang, ja: "リスト", en: "lists"),
        "domains" => t!(lang, ja: "宛先別", en: "domains"),
        "holding" => t!(lang, ja: "保留", en: "holding"),
        "receive" => t!(lang, ja: "受信", en: "receiving"),
        "delivery" => t!(lang, ja: "配送", en: "delivery"),
        "person" => t!(lang, ja: "個人", en: "person"),
        "role" => t!(lang, ja: "役割", en: "role"),
        "application" => t!(lang, ja: "アプリケーション", en: "application"),
        "newsletter" => t!(lang, ja: "ニュースレター", en: "newsletter"),
        "members" => t!(lang, ja: "会員のみ", en: "members"),
        "anyone" => t!(lang, ja: "だれでも", en: "anyone"),
        "owner" => t!(lang, ja: "所有者のみ", en: "owner"),
        "refuse" => t!(lang, ja: "断る", en: "refused"),
        "mark" => t!(lang, ja: "印を付けて受け取る", en: "taken and marked"),
        "off" => t!(lang, ja: "そのまま受け取る", en: "taken as it is"),
        "observe" => t!(lang, ja: "見守り", en: "observe"),
        "dwell" => t!(lang, ja: "待たせる", en: "dwell"),
        "drip" => t!(lang, ja: "少しずつ送る", en: "drip"),
        "hold" => t!(lang, ja: "保留", en: "hold"),
        "isolate" => t!(lang, ja: "切り離し", en: "isolate"),
        "listed" => t!(lang, ja: "登録あり", en: "listed"),
        "clean" => t!(lang, ja: "登録なし", en: "clean"),
        "unknown" => t!(lang, ja: "不明", en: "unknown"),
        "suspend" => t!(lang, ja: "送信停止", en: "suspend"),
        "ok" => t!(lang, ja: "正常", en: "ok"),
        "notice" => t!(lang, ja: "注意", en: "notice"),
        "alarm" => t!(lang, ja: "警報", en: "alarm"),
        "error" => t!(lang, ja: "誤り", en: "error"),
        "warning" => t!(lang, ja: "警告", en: "warning"),
        "critical" => t!(lang, ja: "重大", en: "critical"),
        "note" => t!(lang, ja: "参考", en: "note"),
        "password" => t!(lang, ja: "パスワード", en: "password"),
        "app password" => t!(lang, ja: "アプリパスワード", en: "app password"),
        "token" => t!(lang, ja: "トークン", en: "token"),
        "certificate" => t!(lang, ja: "証明書", en: "certificate"),
        "tls" => t!(lang, ja: "TLS", en: "TLS"),
        "clear" => t!(lang, ja: "TLS なし", en: "no TLS"),
        "local" => t!(lang, ja: "サーバ内から", en: "from this machine"),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn numbers_and_sizes_are_readable() {
        for (n, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), shown);
        }
        for (n, shown) in [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.5 KiB"), (5 << 30, "5.0 GiB")] {
            assert_eq!(size(n), shown);
        }
        assert_eq!(span(3_661, Language::Ja), "1 時間 1 分");
        assert_eq!(span(200_000, Language::En), "2 d 7 h");
    }

    #[test]
    fn what_the_store_and_the_guard_call_things_has_a_japanese_word() {
        use sekisho_control::{audit::Severity, reputation};
        use sekisho_guard::ladder::Rung;
        let names = [
            serde_json::to_value([Rung::Observe, Rung::Dwell, Rung::Drip, Rung::Hold, Rung::Suspend, Rung::Isolate]),
            serde_json::to_value([reputation::State::Clean, reputation::State::Unknown, reputation::State::Listed]),
            serde_json::to_value([Severity::Note, Severity::Warning, Severity::Critical]),
            serde_json::to_value([
                "receive", "delivery", "incoming", "lists", "domains", "holding", "ok", "notice", "alarm",
            ]),
        ];
        for name in names.into_iter().flat_map(|all| all.unwrap().as_array().unwrap().clone()) {
            let name = name.as_str().unwrap();
            assert_ne!(word(name, Language::Ja), name);
        }
    }

    #[test]
    fn moments_have_a_form_for_machines() {
        let shown = moment(Time::from_seconds(0), Language::Ja).into_string();
        assert!(shown.contains("datetime=\"1970-01-01T00:00:00"), "{shown}");
        assert!(shown.contains("年"), "{shown}");
        assert_eq!(time_of(&Value::from("1970-01-01T00:00:01Z")), Some(Time::from_seconds(1)));
    }

    #[test]
    fn browsers_are_named_in_short() {
        for (agent, short) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36",
                "Chrome (Linux)",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge (Windows)",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari (iPhone)",
            ),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox (Mac)"),
            ("Thunderbird 140.3", "Thunderbird 140.3"),
            ("Mozilla/5.0", "Mozilla/5.0"),
            ("", ""),
        ] {
            assert_eq!(browser(agent), short);
        }
    }

    #[test]
    fn parts_of_addresses_are_escaped() {
        assert_eq!(escaped("a b/ü"), "a%20b%2F%C3%BC");
    }
}
