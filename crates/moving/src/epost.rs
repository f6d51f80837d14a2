//! An E-POST installation, in one command.
//!
//! Accounts come from the ten-column export, because it alone has the passwords; mail from the mailboxes of both layouts,
//! from the POP3 and the IMAP store, each message once; rules from the files in the mailboxes and in the program folder.
//!
//! What would be a hole here is not opened: `true` rows of `effect.dat` come as comments, and an account that could send
//! without a password cannot. The report names each, with the command that mends it. A second run does nothing twice.

pub mod accounts;
pub mod ims;
pub mod report;

mod layout;
mod mail;
mod people;
mod rules;

use std::path::{Path, PathBuf};

use sekisho_control::command::{AliasCommand, Command};
use sekisho_control::{Actor, Control, Done, Refusal};
use sekisho_message::say;
use serde::{Deserialize, Serialize};

use crate::Tell;
use crate::files::{self, Listing, blocking, unusable};
use crate::maildir::Progress;
use crate::text;

use accounts::Accounts;
use report::{Kind, Report};

/// Largest account file.
const MOST_ACCOUNTS: u64 = 64 << 20;

/// What to bring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// The account export: tab-separated, ten columns.
    pub accounts: PathBuf,
    /// The program folder, with the server's own rule files.
    pub programs: Option<PathBuf>,
    /// The spool, with the mailboxes.
    pub spool: Option<PathBuf>,
    /// Aliases: an alias and its target a line.
    pub aliases: Option<PathBuf>,
    /// Only report what would be done.
    pub dry_run: bool,
    /// Give accounts and rules that are here already what the other server has.
    pub overwrite: bool,
}

/// Brings it.
///
/// # Errors
/// When the account file cannot be read, or the store refuses.
pub async fn run(control: &Control, wanted: Wanted, actor: &Actor, tell: Tell<'_>) -> Result<Done, Refusal> {
    let path = wanted.accounts.clone();
    let bytes = blocking(move || files::bounded(&path, MOST_ACCOUNTS)).await;
    let accounts = Accounts::parse(&bytes.map_err(|error| unusable(&wanted.accounts, &error))?);
    let mut report = Report::default();
    report.dry_run = wanted.dry_run;
    for (line, text) in &accounts.faults {
        report.note(Kind::Fault, &wanted.accounts.display().to_string(), Some(*line), text.clone(), None);
    }
    let spool = match &wanted.spool {
        Some(spool) => {
            let root = spool.clone();
            let rows = accounts.rows.clone();
            let found = blocking(move || layout::Spool::look(&root, &rows)).await;
            Some(found.map_err(|error| unusable(spool, &error))?)
        }
        None => None,
    };
    let messages = spool.as_ref().map_or(0, |spool| spool.messages);
    let mut progress = Progress::new(accounts.rows.len() as u64 + messages, tell);
    let mut bringing = Bringing { control, actor, wanted: &wanted, report: &mut report };
    if let Some(programs) = &wanted.programs {
        rules::bring(&mut bringing, programs).await?;
    }
    let people = people::bring(&mut bringing, &accounts.rows, spool.as_ref(), &mut progress).await?;
    if let Some(aliases) = &wanted.aliases {
        bringing.aliases(aliases).await?;
    }
    if let Some(spool) = &spool {
        spool.waiting(&mut report);
        for person in &people {
            let mut bringing = Bringing { control, actor, wanted: &wanted, report: &mut report };
            mail::bring(&mut bringing, person, &mut progress).await?;
        }
    }
    progress.end();
    if !wanted.dry_run {
        control.record("import.epost", None, &report.summary(), actor).await?;
    }
    Ok(Done::with(report.text(), report.json()))
}

/// What all parts of an import have in hand.
struct Bringing<'a> {
    control: &'a Control,
    actor: &'a Actor,
    wanted: &'a Wanted,
    report: &'a mut Report,
}

impl Bringing<'_> {
    /// Aliases: two addresses a line, separated by a tab, comma or blank.
    async fn aliases(&mut self, path: &Path) -> Result<(), Refusal> {
        let from = path.to_owned();
        let bytes = blocking(move || files::bounded(&from, files::MOST_RULES)).await;
        let content = text::decode(&bytes.map_err(|error| unusable(path, &error))?);
        for (number, line) in text::lines(&content) {
            let words: Vec<&str> =
                line.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
            let (pattern, target) = match words.as_slice() {
                [] => continue,
                [first, ..] if first.starts_with(['#', ';']) => continue,
                [pattern, target] => ((*pattern).to_owned(), (*target).to_owned()),
                _ => {
                    let fault = say!(ja: "「別名 宛先」の 2 列ではありません。", en: "There are not two columns: alias and target.");
                    self.report.note(Kind::Fault, &path.display().to_string(), Some(number), fault, None);
                    continue;
                }
            };
            if self.wanted.dry_run {
                self.report.aliases += 1;
                continue;
            }
            let add = Command::Alias(AliasCommand::Add { pattern: pattern.clone(), target: target.clone() });
            match (self.alias_target(&pattern).await?, self.control.run(add, self.actor).await) {
                (_, Ok(_)) => self.report.aliases += 1,
                (Some(known), Err(Refusal::Invalid { .. })) if known.eq_ignore_ascii_case(&target) => {}
                (Some(known), Err(Refusal::Invalid { .. })) => {
                    let text = say!(
                        ja: "{pattern} はすでに {known} 宛てです。{target} には届きません。両方へ届けるにはメーリングリストにしてください。",
                        en: "{pattern} goes to {known} already, and not to {target}. To reach both, make a list."
                    );
                    let mend = Some(format!("sekisho list add {pattern}"));
                    self.report.note(Kind::Fault, &path.display().to_string(), Some(number), text, mend);
                }
                (None, Err(Refusal::Invalid { reason })) => {
                    self.report.note(Kind::Fault, &path.display().to_string(), Some(number), reason, None);
                }
                (_, Err(other)) => return Err(other),
            }
        }
        Ok(())
    }

    async fn alias_target(&self, pattern: &str) -> Result<Option<String>, Refusal> {
        let all = self.control.store().read(|tx| sekisho_store::alias::list(tx, None)).await?;
        Ok(all.into_iter().find(|alias| alias.pattern.eq_ignore_ascii_case(pattern)).map(|alias| alias.target))
    }
}

/// A rule file of a folder, decoded; none when it is not there. What cannot be read is reported.
fn rule_text(listing: &Listing, name: &str, report: &mut Report) -> Option<String> {
    match listing.read(name) {
        Ok(bytes) => bytes.map(|bytes| text::decode(&bytes)).filter(|text| !text.trim().is_empty()),
        Err(error) => {
            let path = listing.files.get(name).map(|path| path.display().to_string()).unwrap_or_default();
            let why = say!(ja: "読めません: {error}", en: "It cannot be read: {error}");
            report.note(Kind::Unreadable, &path, None, why, None);
            None
        }
    }
}
