//! Which passwords are refused, and why.
//!
//! A password that a guesser reaches within about a hundred million tries is refused, with the part that
//! gives it away. Guessers against Japanese servers know Japanese, so the estimate does too.

use std::collections::HashSet;

use sekisho_message::{Text, say};
use zxcvbn::{
    Score,
    matching::{Match, patterns::MatchPattern},
    zxcvbn,
};

mod generate;
mod kana;
mod walks;
mod words;

#[cfg(test)]
mod tests;

pub use generate::{NoRandom, app_password, as_app_password, one_time};

/// Longest password in bytes. Longer ones are refused before anything is computed.
pub const MAX_BYTES: usize = 256;

/// Tries, to the base of 10, that a password must withstand: what separates online guessing from hopeless guessing.
const ENOUGH_TRIES: f64 = 8.0;

/// What a password must satisfy beyond being hard to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Fewest characters. Default 8.
    pub min_length: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { min_length: 8 }
    }
}

/// Whose password it is: what a guesser knows about the person.
#[derive(Clone, Copy, Debug, Default)]
pub struct Person<'a> {
    /// Local part of the address.
    pub account: &'a str,
    /// Domain of the address.
    pub domain: &'a str,
    /// Full name, or empty.
    pub full_name: &'a str,
}

/// Whether `password` may be used by `person`; otherwise the reason, naming the guessable part.
///
/// Takes about a millisecond, more for long passwords: call it where blocking is allowed.
///
/// # Errors
/// The reason why the password is refused.
pub fn judge(password: &str, person: &Person<'_>, policy: Policy) -> Result<(), Text> {
    if password.len() > MAX_BYTES {
        return Err(say!(
            ja: "パスワードが長すぎます（{MAX_BYTES} バイトまで）。",
            en: "The password is too long (at most {MAX_BYTES} bytes)."
        ));
    }
    if password.chars().any(char::is_control) {
        return Err(say!(
            ja: "パスワードに制御文字（改行やタブなど）は使えません。",
            en: "The password must not contain control characters such as line ends or tabs."
        ));
    }
    let min = policy.min_length;
    if password.chars().count() < min {
        return Err(say!(
            ja: "パスワードが短すぎます（{min} 文字以上にしてください）。",
            en: "The password is too short (at least {min} characters)."
        ));
    }
    match weakness(password, person) {
        Some(parts) => Err(explain(&parts, person)),
        None => Ok(()),
    }
}

/// What was recognised in the password, in the reading that makes it easiest to guess, when it is too easy.
fn weakness(password: &str, person: &Person<'_>) -> Option<Vec<Match>> {
    let known = known_of(person);
    // The place in the list is the number of tries; the estimator lets the last mention of a word count, so each
    // word is mentioned once, where it comes first.
    let mut seen = HashSet::new();
    let inputs: Vec<&str> =
        known.iter().chain(words::all()).map(String::as_str).filter(|word| seen.insert(*word)).collect();
    let folded = kana::fold(password);
    let mut readings = vec![password.to_owned()];
    for reading in [kana::hepburn(&folded), folded] {
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    readings.iter().find_map(|reading| {
        let estimate = zxcvbn(reading, &inputs);
        let easy = estimate.score() < Score::Three || tries_in_order(estimate.sequence()) < ENOUGH_TRIES;
        easy.then(|| estimate.sequence().to_vec())
    })
}

/// Tries of a guesser who knows how the password is put together, to the base of 10.
///
/// The estimator adds ten thousand tries for every part, which makes three names of the same person look strong.
fn tries_in_order(parts: &[Match]) -> f64 {
    let orders: f64 = (1..=parts.len()).map(|n| (n as f64).log10()).sum();
    orders + parts.iter().map(|part| (part.guesses.unwrap_or(1).max(1) as f64).log10()).sum::<f64>()
}

/// Everything about the person that a guesser would try, most telling first.
fn known_of(person: &Person<'_>) -> Vec<String> {
    let mut known = vec![person.account.to_lowercase(), person.domain.to_lowercase()];
    known.push(format!("{}@{}", person.account, person.domain).to_lowercase());
    let parts = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|p| p.chars().count() > 1).map(str::to_lowercase).collect()
    };
    known.extend(parts(person.account));
    known.extend(parts(person.domain));
    for part in parts(person.full_name) {
        known.extend(kana::spellings(&kana::fold(&part)));
        known.push(part);
    }
    known.retain(|word| !word.is_empty());
    known
}

/// One sentence that names what makes the password guessable, and one of advice.
fn explain(matches: &[Match], person: &Person<'_>) -> Text {
    let known = known_of(person);
    let mut ja = Vec::new();
    let mut en = Vec::new();
    for part in matches {
        if let Some(Text { ja: j, en: e }) = describe(part, &known) {
            ja.push(j);
            en.push(e);
        }
    }
    if ja.is_empty() {
        return say!(
            ja: "推測されやすいパスワードです。もっと長くするか、関係のない単語を四つ以上つないでください。",
            en: "The password is easy to guess. Make it longer, or join four or more unrelated words."
        );
    }
    let (ja, en) = (ja.join("、"), en.join(", "));
    say!(
        ja: "推測されやすいパスワードです：{ja}。関係のない単語を四つ以上つなぐか、自動生成のパスワードを使ってください。",
        en: "The password is easy to guess: {en}. Join four or more unrelated words, or use a generated password."
    )
}

fn describe(part: &Match, known: &[String]) -> Option<Text> {
    let token = &part.token;
    Some(match &part.pattern {
        MatchPattern::Dictionary(word) if known.contains(&word.matched_word) => say!(
            ja: "「{token}」はアカウント名・ドメイン名・氏名の一部",
            en: "“{token}” is part of the account, domain or personal name"
        ),
        MatchPattern::Dictionary(word) if words::contains(&word.matched_word) => say!(
            ja: "「{token}」は日本語の辞書攻撃で試される語かキーの並び",
            en: "“{token}” is a word or key sequence that Japanese guessing lists try"
        ),
        MatchPattern::Dictionary(_) => say!(
            ja: "「{token}」はよく使われるパスワードや単語",
            en: "“{token}” is a common password or word"
        ),
        MatchPattern::Spatial(_) => say!(
            ja: "「{token}」はキーボードの並び",
            en: "“{token}” is a row of keys"
        ),
        MatchPattern::Repeat(_) => say!(
            ja: "「{token}」は繰り返し",
            en: "“{token}” is a repetition"
        ),
        MatchPattern::Sequence(_) => say!(
            ja: "「{token}」は連続した文字",
            en: "“{token}” is a sequence"
        ),
        MatchPattern::Regex(_) | MatchPattern::Date(_) => say!(
            ja: "「{token}」は年や日付",
            en: "“{token}” is a year or a date"
        ),
        MatchPattern::BruteForce => return None,
    })
}
