//! The rule files of the program folder.

use std::collections::BTreeMap;
use std::path::Path;

use sekisho_control::Refusal;
use sekisho_control::command::{Command, RuleFile, RulesCommand};
use sekisho_guard::rules::effect::{Action, EffectRules, SHIPPED};
use sekisho_guard::rules::filter::MailFilter;
use sekisho_guard::rules::gateway::Gateways;
use sekisho_guard::rules::reject::{Entry, RejectTable};
use sekisho_guard::rules::{Finding, Severity};
use sekisho_message::say;

use super::report::Kind;
use super::{Bringing, rule_text};
use crate::files::{Listing, blocking, unusable};
use crate::text;

/// The reject tables; both servers have them under these names.
const TABLES: [&str; 3] = ["rejectsmtpip.dat", "rejectpopip.dat", "rejectimapip.dat"];

/// Brings the server's own rules.
pub(super) async fn bring(bringing: &mut Bringing<'_>, programs: &Path) -> Result<(), Refusal> {
    let root = programs.to_owned();
    let failed = |error| unusable(programs, &error);
    let listing = blocking(move || Listing::of(&root)).await.map_err(failed)?;
    let place = |name: &str| listing.files.get(name).map(|path| path.display().to_string()).unwrap_or_default();
    if let Some(content) = rule_text(&listing, "effect.dat", bringing.report) {
        let kept = bringing.effect(&place("effect.dat"), &content);
        bringing.write(RuleFile::Effect, kept).await?;
    }
    if let Some(content) = rule_text(&listing, "gateway.dat", bringing.report) {
        let findings = Gateways::parse(content.as_bytes()).findings().to_vec();
        let bad = bringing.faults(&place("gateway.dat"), &findings);
        bringing.write(RuleFile::Gateway, commented(&content, &bad)).await?;
    }
    let filters: Vec<(&str, String)> = ["mail.dat", "virus.dat"]
        .into_iter()
        .filter_map(|name| Some((name, rule_text(&listing, name, bringing.report)?)))
        .collect();
    if !filters.is_empty() {
        let mut whole = String::new();
        for (name, content) in &filters {
            let findings = MailFilter::parse(content.as_bytes()).findings().to_vec();
            let bad = bringing.faults(&place(name), &findings);
            whole.push_str(&without_blocks(content, &bad));
        }
        bringing.write(RuleFile::Filter, whole).await?;
    }
    for name in TABLES {
        if let Some(content) = rule_text(&listing, name, bringing.report) {
            bringing.table(name, &place(name), &content).await?;
        }
    }
    bringing.unsupported(&listing);
    Ok(())
}

impl Bringing<'_> {
    /// `effect.dat` with every `true` row as a comment: each lets somebody relay without a password.
    fn effect(&mut self, place: &str, content: &str) -> String {
        let rules = EffectRules::parse(content.as_bytes());
        let mut bad = self.faults(place, rules.findings());
        for rule in rules.rules().iter().filter(|rule| rule.action == Some(Action::True)) {
            bad.insert(rule.line, "true");
            let source = &rule.source;
            let text = say!(
                ja: "「{source}」は認証なしの中継を許します。取り込まず、コメントにしました。本当に必要なネットワークだけ、行頭の「; true: 」を消してください。",
                en: "\"{source}\" lets mail through without AUTH. It came as a comment; take \"; true: \" away only where a network really needs it."
            );
            self.report.note(Kind::Hole, place, Some(rule.line), text, Some("sekisho rules check".to_owned()));
        }
        commented(content, &bad)
    }

    /// Reports rows that cannot be read; their lines.
    fn faults(&mut self, place: &str, findings: &[Finding]) -> BTreeMap<u32, &'static str> {
        let mut bad = BTreeMap::new();
        for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
            bad.insert(finding.line, "unreadable");
            self.report.note(Kind::Fault, place, Some(finding.line), finding.text.clone(), None);
        }
        bad
    }

    /// Writes a rule file, unless there is another one that nobody said may go.
    async fn write(&mut self, file: RuleFile, content: String) -> Result<(), Refusal> {
        let name = file.name();
        let there = self.current(name).await?;
        if there.as_deref() == Some(content.as_str()) {
            return Ok(());
        }
        let empty = there.as_deref().is_none_or(|text| text.trim().is_empty() || text == SHIPPED);
        if !empty && !self.wanted.overwrite {
            let text = say!(
                ja: "{name} はすでにあるので、そのままにしました（--overwrite で置き換えます）。",
                en: "{name} is here already and stays as it is (--overwrite replaces it)."
            );
            self.report.note(Kind::Unsupported, name, None, text, None);
            return Ok(());
        }
        self.report.rules += 1;
        if self.wanted.dry_run {
            return Ok(());
        }
        let act = RulesCommand::Write { file, account: None, text: content };
        match self.control.run(Command::Rules(act), self.actor).await {
            Ok(_) => Ok(()),
            Err(Refusal::Invalid { reason }) => {
                self.report.note(Kind::Fault, name, None, reason, None);
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    /// A reject table: permanent rows and exceptions. What time a timed row has was never published.
    async fn table(&mut self, name: &'static str, place: &str, content: &str) -> Result<(), Refusal> {
        let table = RejectTable::parse(content.as_bytes());
        let _ = self.faults(place, table.findings());
        let mut kept = String::new();
        let mut timed = 0_u64;
        for row in table.rows() {
            let network = &row.network;
            match row.entry {
                Entry::Permanent => kept.push_str(&format!("{network}\t\r\n")),
                Entry::Allowed => kept.push_str(&format!("{network}\ttrue\r\n")),
                Entry::Timed { .. } => timed += 1,
            }
        }
        if timed > 0 {
            let text = say!(
                ja: "期限つきの拒否 {timed} 件は、時刻の形式が公開されていないため取り込みませんでした。",
                en: "{timed} timed rows were left out: the form of their times is not public."
            );
            self.report.note(Kind::Unsupported, place, None, text, None);
        }
        let there = self.current(name).await?.filter(|text| !text.trim().is_empty());
        if kept.is_empty() || there.as_deref() == Some(kept.as_str()) {
            return Ok(());
        }
        if there.is_some() && !self.wanted.overwrite {
            let text = say!(ja: "{name} はすでにあるので、そのままにしました。", en: "{name} is here already and stays as it is.");
            self.report.note(Kind::Unsupported, name, None, text, None);
            return Ok(());
        }
        self.report.rules += 1;
        match (self.wanted.dry_run, self.control.options().rules.clone()) {
            (false, Some(folder)) => {
                let path = folder.join(name);
                let to = path.clone();
                blocking(move || {
                    let temporary = to.with_extension("dat.import");
                    std::fs::write(&temporary, kept)?;
                    std::fs::rename(temporary, to)
                })
                .await
                .map_err(|error| unusable(&path, &error))
            }
            _ => Ok(()),
        }
    }

    async fn current(&self, name: &'static str) -> Result<Option<String>, Refusal> {
        let Some(folder) = self.control.options().rules.clone() else { return Ok(None) };
        let path = folder.join(name);
        let from = path.clone();
        let read = blocking(move || match std::fs::read(from) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        read.await.map_err(|error| unusable(&path, &error))
    }

    fn unsupported(&mut self, listing: &Listing) {
        for (name, text) in [
            (
                "ordb.dat",
                say!(
                    ja: "DNSBL のゾーン一覧です。relays.ordb.org など消滅したゾーンが残っていることが多いため、取り込みません。",
                    en: "A list of DNSBL zones. Many are dead (relays.ordb.org), so it is not taken over."
                ),
            ),
            (
                "passfilter.dat",
                say!(ja: "フィルタの除外一覧です。対応する設定はありません。", en: "A list of exceptions to filters. There is no such setting here."),
            ),
            (
                "usetime.dat",
                say!(
                    ja: "送信時間の制限です。形式が公開されていません。sekisho account hours で設定してください。",
                    en: "Send hours. The form of the file is not public; set them with sekisho account hours."
                ),
            ),
            (
                "epstdkim.ini",
                say!(ja: "DKIM の設定です。取り込みません。", en: "Settings of DKIM. They are not taken over."),
            ),
            (
                "epstdmarc.ini",
                say!(ja: "DMARC の設定です。取り込みません。", en: "Settings of DMARC. They are not taken over."),
            ),
        ] {
            if let Some(path) = listing.files.get(name) {
                self.report.note(Kind::Unsupported, &path.display().to_string(), None, text, None);
            }
        }
    }
}

/// The text with these lines as comments that say why.
fn commented(content: &str, lines: &BTreeMap<u32, &'static str>) -> String {
    let mut out = String::with_capacity(content.len());
    for (number, line) in text::lines(content) {
        if let Some(why) = lines.get(&number) {
            out.push_str("; ");
            out.push_str(why);
            out.push_str(": ");
        }
        out.push_str(line);
        out.push_str("\r\n");
    }
    out.truncate(out.trim_end().len());
    out.push_str("\r\n");
    out
}

/// A filter file without the blocks that begin in these lines.
fn without_blocks(content: &str, bad: &BTreeMap<u32, &'static str>) -> String {
    let mut out = String::with_capacity(content.len());
    let mut dropping = false;
    for (number, line) in text::lines(content) {
        let key = line.split(':').next().unwrap_or_default().trim();
        if key.eq_ignore_ascii_case("Virus") {
            dropping = bad.contains_key(&number);
        }
        if !dropping && !line.is_empty() {
            out.push_str(line);
            out.push_str("\r\n");
        }
        if key.eq_ignore_ascii_case("VirusEnd") {
            dropping = false;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_rows_become_comments_and_bad_blocks_go() {
        let bad = BTreeMap::from([(2, "true")]);
        assert_eq!(
            commented("#<> default\r\n10.0.0.0/8 true\r\n\r\n", &bad),
            "#<> default\r\n; true: 10.0.0.0/8 true\r\n"
        );
        let bad = BTreeMap::from([(1, "unreadable")]);
        let file = "Virus:a\nLevel:9\nVirusEnd:\nVirus:b\nFrom:x\nLevel:100\nVirusEnd:\n";
        assert_eq!(without_blocks(file, &bad), "Virus:b\r\nFrom:x\r\nLevel:100\r\nVirusEnd:\r\n");
    }
}
