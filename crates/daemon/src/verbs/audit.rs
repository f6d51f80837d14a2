//! `sekisho audit`.

use clap::{ArgMatches, Command};
use sekisho_control::audit::{Audit, Severity};
use sekisho_message::say;

use crate::cli::Words;
use crate::desk::Query;
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    words
        .verb(
            "audit",
            say!(
                ja: "穴を探す: 不正中継の自己試験、アカウント、effect.dat、DNS、TLS",
                en: "Look for holes: open-relay self-test, accounts, effect.dat, DNS, TLS"
            ),
        )
        .arg(
            words.switch(
                "last",
                say!(ja: "調べ直さず、前回の結果を示す", en: "Look for nothing; show what was found last"),
            ),
        )
}

pub(super) fn run(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let answer = shell.ask(Query::Audit { fresh: !m.get_flag("last") })?;
    let audit: Audit = serde_json::from_value(answer).map_err(|error| Trouble::from_io(error.into()))?;
    let exit = if audit.worst() > Some(Severity::Note) { Exit::Found } else { Exit::Well };
    if shell.json {
        shell.print_json(&audit.shape(shell.language))?;
        return Ok(exit);
    }
    let language = shell.language;
    let mut out = String::new();
    for finding in &audit.findings {
        let severity = match finding.severity {
            Severity::Critical => say!(ja: "重大", en: "CRITICAL"),
            Severity::Warning => say!(ja: "警告", en: "warning"),
            Severity::Note => say!(ja: "参考", en: "note"),
        };
        let (about, id) = (&finding.about, &finding.id);
        out.push_str(&format!("[{}] {id} {about}: {}\n", severity.get(language), finding.reason.get(language)));
        out.push_str(&format!("    → {}\n", finding.command.get(language)));
    }
    if audit.findings.is_empty() {
        let text = say!(ja: "穴は見つかりませんでした。", en: "No hole was found.");
        out.push_str(&format!("{}\n", text.get(language)));
    }
    for (texts, head) in [
        (&audit.done, say!(ja: "調べたもの", en: "looked at")),
        (&audit.skipped, say!(ja: "調べられなかったもの", en: "could not be looked at")),
    ] {
        for text in texts {
            out.push_str(&format!("  {}: {}\n", head.get(language), text.get(language)));
        }
    }
    shell.print(&out)?;
    Ok(exit)
}
