//! `sekisho drill`: what a hijack would do to this server, rehearsed on a virtual clock.

use std::io::{IsTerminal, stderr};

use clap::{ArgAction, ArgMatches, Command, value_parser};
use sekisho_control::drill::Progress;
use sekisho_guard::drill::{Attack, From, Honest};
use sekisho_guard::inspect::adjust;
use sekisho_guard::policy::Policy;
use sekisho_message::{Language, Text, say};

use super::inspect::set_option;
use crate::cli::Words;
use crate::config::{Config, ConfigError, Settings};
use crate::drill::{Cast, RUNS};
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

#[cfg(test)]
mod tests;

/// The configuration where there is none yet.
const DEFAULTS: &str = "hostname = \"mx.drill.example\"\n";

pub(super) fn command(words: &Words) -> Command {
    let about = say!(
        ja: "乗っ取りを仮想の時計で予行し、いくつ漏れ、いつ止まるかを報告する",
        en: "Rehearse a hijack on a virtual clock: how many would be reached, and when it would be held"
    );
    words.verb("drill", about).args([
        words
            .option(
                "attack",
                "CLASS",
                say!(
                    ja: "攻撃の種類（A〜M、または blast などの名前）か、正直な送信者（person など）。繰り返せる。既定: すべて",
                    en: "A class of attack (A to M, or a name such as blast), or an honest sender (such as person); may be repeated; default: all"
                ),
            )
            .action(ArgAction::Append)
            .value_delimiter(','),
        words
            .option(
                "from",
                "WHENCE",
                say!(
                    ja: "侵入者の居場所: foreign（本人の使わないネットワーク）、guessed（POP3 で推測してから）、own（本人の場所）",
                    en: "Where the intruder sits: foreign (networks that the owner never used), guessed (the same, after guessing over POP3), own (the owner's network)"
                ),
            )
            .value_parser(From::ALL.map(From::name)),
        words
            .option("seed", "N", say!(ja: "乱数の種（既定: 1）", en: "Seed of the run that is told in detail (default: 1)"))
            .value_parser(value_parser!(u64)),
        words
            .option(
                "runs",
                "N",
                say!(ja: "統計に使う回数（既定: 40）", en: "Seeded runs of each class for the figures (default: 40)"),
            )
            .value_parser(value_parser!(u32).range(1..=10_000)),
        words.switch(
            "model",
            say!(
                ja: "詳しく報告する回も、受付を通さず模型だけで行う（速い）",
                en: "Run the model alone, not the real acceptance path, for the run that is told in detail too (fast)"
            ),
        ),
        set_option(words),
    ])
}

pub(super) fn run(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let (attacks, honest) = classes(m)?;
    let from = m.get_one::<String>("from").and_then(|name| From::parse(name));
    let server = server(shell)?;
    let policy = policy(m, &server.config.guard.policy)?;
    let seed = m.get_one::<u64>("seed").copied().unwrap_or(1);
    let runs = m.get_one::<u32>("runs").copied().unwrap_or(RUNS);
    let cast = Cast { attacks, from, honest, seed, runs, model: m.get_flag("model") };
    let language = shell.language;
    let mut told = |at: Progress| {
        progress(language, at.what.as_ref());
        true
    };
    // It is always played to its end: nobody says no.
    let Some(report) = cast.play(&server, &policy, &mut told)? else { return Ok(Exit::CouldNot) };
    progress(language, None);
    if shell.json {
        shell.print_json(&report.json(shell.language))?;
    } else {
        shell.print(&report.text(shell.language))?;
    }
    Ok(Exit::Well)
}

/// The classes that were asked for.
fn classes(m: &ArgMatches) -> Result<(Vec<Attack>, Vec<Honest>), Trouble> {
    let names: Vec<&String> = m.get_many::<String>("attack").into_iter().flatten().collect();
    if names.is_empty() {
        return Ok((Attack::ALL.to_vec(), Honest::ALL.to_vec()));
    }
    let (mut attacks, mut honest) = (Vec::new(), Vec::new());
    for name in names {
        match (Attack::parse(name), Honest::parse(name)) {
            (Some(class), _) => attacks.push(class),
            (None, Some(class)) => honest.push(class),
            (None, None) => {
                let known: Vec<&str> =
                    Attack::ALL.iter().map(|c| c.name()).chain(Honest::ALL.iter().map(|c| c.name())).collect();
                let known = known.join(", ");
                return Err(Trouble::could_not(say!(
                    ja: "「{name}」という種類はありません。A〜M か、次のどれか: {known}",
                    en: "There is no class “{name}”. Classes are A to M, or: {known}"
                )));
            }
        }
    }
    Ok((attacks, honest))
}

/// This server's configuration, or the defaults where there is none yet.
fn server(shell: &Shell) -> Result<Settings, Trouble> {
    match Settings::load(&shell.dir) {
        Err(ConfigError::Missing(path)) => {
            let config = Config::parse(DEFAULTS).map_err(|fault| ConfigError::Wrong { path, fault })?;
            Ok(Settings { dir: shell.dir.clone(), config })
        }
        loaded => Ok(loaded?),
    }
}

/// The guard's settings with what was asked for by hand.
pub(super) fn policy(m: &ArgMatches, configured: &Policy) -> Result<Policy, Trouble> {
    let mut policy = configured.clone();
    for assignment in m.get_many::<String>("set").into_iter().flatten() {
        adjust(&mut policy, assignment).map_err(Trouble::could_not)?;
    }
    Ok(policy)
}

/// Says on a terminal what is being run.
fn progress(language: Language, what: Option<&Text>) {
    if stderr().is_terminal() {
        let shown = what.map(|Text { ja, en }| say!(ja: "予行中: {ja}", en: "Rehearsing: {en}"));
        eprint!("\r\x1b[K{}", shown.as_ref().map_or("", |text| text.get(language)));
    }
}
