//! Which language the person at the terminal reads.

use std::ffi::OsString;

use sekisho_message::Language;

/// The language: `--lang`, else the locale of the environment (`LC_ALL`, `LC_MESSAGES`, `LANG`, the first that is set).
///
/// `--lang` is looked for before the arguments are parsed, because help and errors must be in it already.
#[must_use]
pub fn language(args: &[OsString], environment: impl Fn(&str) -> Option<String>) -> Language {
    let mut args = args.iter().filter_map(|arg| arg.to_str());
    while let Some(arg) = args.next() {
        let asked = match arg.strip_prefix("--lang") {
            Some("") => args.next(),
            Some(rest) => rest.strip_prefix('='),
            None => continue,
        };
        if let Some(asked) = asked {
            return Language::of_locale(asked);
        }
    }
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(environment)
        .find(|value| !value.is_empty())
        .map_or(Language::En, |value| Language::of_locale(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str], set: &[(&str, &str)]) -> Language {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        language(&args, |name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn the_option_wins_over_the_environment_in_its_usual_order() {
        assert_eq!(of(&[], &[]), Language::En);
        assert_eq!(of(&[], &[("LANG", "ja_JP.UTF-8")]), Language::Ja);
        assert_eq!(of(&[], &[("LC_ALL", "C"), ("LANG", "ja_JP.UTF-8")]), Language::En);
        assert_eq!(of(&[], &[("LC_ALL", ""), ("LC_MESSAGES", "ja")]), Language::Ja);
        assert_eq!(of(&["queue", "--lang", "en"], &[("LANG", "ja_JP.UTF-8")]), Language::En);
        assert_eq!(of(&["--lang=ja"], &[]), Language::Ja);
        assert_eq!(of(&["--language"], &[]), Language::En);
    }
}
