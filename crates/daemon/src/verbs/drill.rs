//! `sekisho drill`: what a hijack would do to this server, rehearsed on a virtual clock.

use std::collections::BTreeSet;
use std::io::{IsTerminal, stderr};

use clap::{ArgAction, ArgMatches, Command, value_parser};
use sekisho_guard::drill::{Attack, From, Honest, Run, honests, rehearse};
use sekisho_guard::inspect::adjust;
use sekisho_guard::policy::Policy;
use sekisho_message::{Language, say};

use super::inspect::set_option;
use crate::cli::Words;
use crate::config::{Config, ConfigError, Settings};
use crate::rehearsal;
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

mod report;
#[cfg(test)]
mod tests;

use report::{Drilled, Report};

/// Seeds that each class is run with when nothing is said.
const RUNS: u32 = 40;
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
    let mut report = Report::new(seed, runs, shell.language);
    let mut real_for = BTreeSet::new();
    for (attack, from) in attacks.into_iter().flat_map(|attack| pairs(attack, from)) {
        progress(shell.language, attack.name());
        // Thirty accounts weigh as much as thirty runs.
        let runs = if attack == Attack::ManyAccounts { runs.div_ceil(5) } else { runs };
        // The path itself is rehearsed once for each class; from where the intruder comes makes no difference to it.
        let real = !m.get_flag("model") && real_for.insert(attack);
        let told = match real {
            true => rehearsal::rehearse(&server, &policy, attack, from, seed)?,
            false => rehearse(&policy, attack, from, seed),
        };
        let all: Vec<Run> = (1..=u64::from(runs)).map(|seed| rehearse(&policy, attack, from, seed)).collect();
        report.attacks.push(Drilled { told, real, all });
    }
    for class in honest {
        progress(shell.language, class.name());
        report.honest.push(honests(&policy, class, runs));
    }
    progress(shell.language, "");
    if shell.json {
        shell.print_json(&report.json())?;
    } else {
        shell.print(&report.text())?;
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

/// From where a class is run: as asked where it can be, else from everywhere that it can come from.
fn pairs(attack: Attack, from: Option<From>) -> Vec<(Attack, From)> {
    let sources = attack.sources();
    let asked = from.filter(|from| sources.contains(from));
    asked.map_or_else(|| sources.to_vec(), |from| vec![from]).into_iter().map(|from| (attack, from)).collect()
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

/// Says on a terminal which class is being run.
fn progress(language: Language, name: &str) {
    if stderr().is_terminal() {
        let text = say!(ja: "予行中: {name}", en: "Rehearsing {name}");
        eprint!("\r\x1b[K{}", if name.is_empty() { "" } else { text.get(language) });
    }
}
