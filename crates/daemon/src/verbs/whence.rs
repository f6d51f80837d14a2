//! `--auth-networks` and `--auth-countries` of accounts and domains.

use clap::{Arg, ArgMatches};
use sekisho_control::command::WhenceRule;
use sekisho_message::say;

use crate::cli::{Words, given};

/// The options.
pub(super) fn options(words: &Words) -> [Arg; 2] {
    [
        words.option(
            "auth-networks",
            "NETWORKS",
            say!(
                ja: "ログインを許すネットワーク（例: 192.0.2.0/24,2001:db8::/32。any で全部、none で規則をなくす）",
                en: "Networks that may log in (192.0.2.0/24,2001:db8::/32; any: everywhere; none: no rule)"
            ),
        ),
        words.option(
            "auth-countries",
            "CODES",
            say!(
                ja: "ログインを許す国（例: JP,US。none でなくす。国のデータベースが必要）",
                en: "Countries that may log in (JP,US; none: no rule; needs a database of countries)"
            ),
        ),
    ]
}

/// What was given, if anything.
pub(super) fn rule(m: &ArgMatches) -> Option<WhenceRule> {
    let part = |name| given(m, name).map(|text| if text.trim() == "none" { String::new() } else { text });
    let rule = WhenceRule { networks: part("auth-networks"), countries: part("auth-countries") };
    (rule != WhenceRule::default()).then_some(rule)
}
