//! `sekisho rules`.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, value_parser};
use sekisho_control::command::{RuleFile, RulesCommand};
use sekisho_guard::relay::Policy;
use sekisho_guard::rules::effect::EffectRules;
use sekisho_guard::rules::filter::MailFilter;
use sekisho_guard::rules::gateway::Gateways;
use sekisho_guard::rules::reject::RejectTable;
use sekisho_guard::rules::sender::SenderRules;
use sekisho_guard::rules::{Finding, Severity, lint};
use sekisho_message::say;
use serde_json::{Value, json};

use super::unknown;
use crate::cli::{Words, given, text};
use crate::config::FILE;
use crate::desk::{EFFECT, Envelope, Query};
use crate::shell::Shell;
use crate::show;
use crate::trouble::{Exit, Trouble};

/// The texts that can be written, as they are named here.
const KINDS: [(&str, RuleFile); 7] = [
    ("effect", RuleFile::Effect),
    ("sender", RuleFile::Sender),
    ("filter", RuleFile::Filter),
    ("gateway", RuleFile::Gateway),
    ("reject-smtp", RuleFile::RejectSmtp),
    ("reject-pop3", RuleFile::RejectPop3),
    ("reject-imap4", RuleFile::RejectImap4),
];

pub(super) fn command(words: &Words) -> Command {
    words.group(
        "rules",
        say!(
            ja: "effect.dat、sender.dat、mail.dat、gateway.dat、拒否の表",
            en: "effect.dat, sender.dat, mail.dat, gateway.dat and the reject tables"
        ),
        [
            words
                .verb(
                    "check",
                    say!(ja: "誤りと危険な行を行番号つきで示す", en: "Report faults and risky lines with line numbers"),
                )
                .arg(
                    words
                        .place(
                            "file",
                            say!(ja: "ファイル（既定: 使用中のルール全部）", en: "File (default: all rules in use)"),
                        )
                        .value_parser(value_parser!(PathBuf)),
                ),
            words.verb("test", say!(ja: "受け付けられるかどうかを答える", en: "Would this be accepted?")).args([
                words
                    .option("from", "ADDRESS", say!(ja: "差出人（<> も可）", en: "Sender (<> is the null one)"))
                    .required(true),
                words.option("to", "ADDRESS", say!(ja: "宛先", en: "Recipient")).required(true),
                words
                    .option("ip", "ADDRESS", say!(ja: "接続元の IP アドレス", en: "Address of the client"))
                    .required(true)
                    .value_parser(value_parser!(IpAddr)),
                words.switch("auth", say!(ja: "差出人として認証したものとする", en: "It authenticated as the sender")),
            ]),
            words
                .verb("write", say!(ja: "標準入力の内容でルールを置き換える", en: "Replace rules by standard input"))
                .arg(
                    words
                        .place("kind", say!(
                            ja: "effect、sender、filter（mail.dat）、gateway、reject-smtp、reject-pop3、reject-imap4",
                            en: "effect, sender, filter (mail.dat), gateway, reject-smtp, reject-pop3 or reject-imap4"
                        ))
                        .required(true)
                        .value_parser(KINDS.map(|(kind, _)| kind)),
                )
                .arg(words.option(
                    "account",
                    "ADDRESS",
                    say!(ja: "このアカウントのルール", en: "Rules of this account"),
                )),
            words.verb("reload", say!(ja: "ルールを読み直す", en: "Read the rules again")),
        ],
    )
}

pub(super) fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    use sekisho_control::Command::Rules;
    match matches.subcommand() {
        Some(("check", m)) => match m.get_one::<PathBuf>("file") {
            Some(path) => check_file(path, shell),
            None => check_all(shell),
        },
        Some(("test", m)) => test(m, shell),
        Some(("write", m)) => {
            let named = KINDS.iter().find(|(kind, _)| *kind == text(m, "kind"));
            let (_, file) = *named.ok_or_else(|| unknown("rules"))?;
            let text = shell.input()?;
            shell.act(Rules(RulesCommand::Write { file, account: given(m, "account"), text }))
        }
        Some(("reload", _)) => shell.act(Rules(RulesCommand::Reload)),
        _ => Err(unknown("rules")),
    }
}

/// Findings of one text, and where it is.
struct Checked {
    place: String,
    findings: Vec<Finding>,
}

fn check_file(path: &Path, shell: &mut Shell) -> Result<Exit, Trouble> {
    let bytes = std::fs::read(path).map_err(|error| {
        let path = path.display();
        Trouble::could_not(say!(ja: "{path} を読めません: {error}", en: "{path} cannot be read: {error}"))
    })?;
    // The domains are known when there is a server; a file can be checked without one.
    let domains = if shell.dir.join(FILE).exists() { domains(&shell.ask(Query::Rules)?) } else { HashSet::new() };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    let findings = if name.contains("sender") {
        SenderRules::parse(&bytes).findings().to_vec()
    } else if name.contains("mail") || name.contains("virus") {
        MailFilter::parse(&bytes).findings().to_vec()
    } else if name.contains("gateway") {
        Gateways::parse(&bytes).findings().to_vec()
    } else if name.contains("reject") {
        RejectTable::parse(&bytes).findings().to_vec()
    } else {
        effect_findings(&bytes, &domains)
    };
    report(&[Checked { place: path.display().to_string(), findings }], shell)
}

fn check_all(shell: &mut Shell) -> Result<Exit, Trouble> {
    let rules = shell.ask(Query::Rules)?;
    let domains = domains(&rules);
    let mut all = Vec::new();
    if let Some(effect) = rules.get("effect").and_then(Value::as_str) {
        all.push(Checked { place: EFFECT.into(), findings: effect_findings(effect.as_bytes(), &domains) });
    }
    if let Some(filter) = rules.get("filter").and_then(Value::as_str) {
        let findings = MailFilter::parse(filter.as_bytes()).findings().to_vec();
        all.push(Checked { place: RuleFile::Filter.name().into(), findings });
    }
    if let Some(gateway) = rules.get("gateway").and_then(Value::as_str) {
        let findings = Gateways::parse(gateway.as_bytes()).findings().to_vec();
        all.push(Checked { place: RuleFile::Gateway.name().into(), findings });
    }
    for one in show::items(&rules, "rejects") {
        let findings = RejectTable::parse(show::text(one, "text").as_bytes()).findings().to_vec();
        all.push(Checked { place: show::text(one, "file").into(), findings });
    }
    for one in show::items(&rules, "accounts") {
        let address = show::text(one, "address");
        if let Some(effect) = one.get("effect_dat").and_then(Value::as_str) {
            let findings = lint::account_effect(&EffectRules::parse(effect.as_bytes()));
            all.push(Checked { place: format!("{address}/{EFFECT}"), findings });
        }
        if let Some(sender) = one.get("sender_dat").and_then(Value::as_str) {
            let findings = SenderRules::parse(sender.as_bytes()).findings().to_vec();
            all.push(Checked { place: format!("{address}/sender.dat"), findings });
        }
        if let Some(filter) = one.get("mail_dat").and_then(Value::as_str) {
            let findings = MailFilter::parse(filter.as_bytes()).findings().to_vec();
            all.push(Checked { place: format!("{address}/mail.dat"), findings });
        }
    }
    report(&all, shell)
}

fn domains(rules: &Value) -> HashSet<String> {
    show::items(rules, "domains").iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn effect_findings(bytes: &[u8], domains: &HashSet<String>) -> Vec<Finding> {
    lint::effect(&EffectRules::parse(bytes), Policy::default(), &|domain| domains.contains(domain))
}

fn report(all: &[Checked], shell: &mut Shell) -> Result<Exit, Trouble> {
    let found = all.iter().flat_map(|c| &c.findings).any(|finding| finding.severity >= Severity::Warning);
    let exit = if found { Exit::Found } else { Exit::Well };
    if shell.json {
        let rows = all.iter().flat_map(|checked| {
            checked
                .findings
                .iter()
                .map(|f| json!({ "file": checked.place, "line": f.line, "severity": f.severity, "text": f.text }))
        });
        let rows = json!(rows.collect::<Vec<_>>());
        shell.print_json(&rows)?;
        return Ok(exit);
    }
    for Checked { place, findings } in all {
        for finding in findings {
            let severity = match finding.severity {
                Severity::Note => say!(ja: "参考", en: "note"),
                Severity::Warning => say!(ja: "警告", en: "warning"),
                Severity::Error => say!(ja: "誤り", en: "error"),
            };
            let language = shell.language;
            let line =
                format!("{place}:{}: {}: {}\n", finding.line, severity.get(language), finding.text.get(language));
            shell.print(&line)?;
        }
    }
    if all.iter().all(|checked| checked.findings.is_empty()) {
        shell.say(&say!(ja: "問題は見つかりませんでした。", en: "Nothing to report."))?;
    }
    Ok(exit)
}

fn test(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let ip = *m.get_one::<IpAddr>("ip").ok_or_else(|| unknown("ip"))?;
    let envelope = Envelope { from: text(m, "from").into(), to: text(m, "to").into(), ip, auth: m.get_flag("auth") };
    let answer = shell.ask(Query::RulesTest(envelope))?;
    let accepted = answer["accepted"] == true;
    let exit = if accepted { Exit::Well } else { Exit::Found };
    if shell.json {
        shell.print_json(&answer)?;
        return Ok(exit);
    }
    let verdict = if accepted {
        say!(ja: "受け付けます", en: "accepted")
    } else {
        say!(ja: "拒否します", en: "refused")
    };
    let language = shell.language;
    let mut lines = format!("{}\n", verdict.get(language));
    let reason = match language {
        sekisho_message::Language::Ja => &answer["reason"]["ja"],
        sekisho_message::Language::En => &answer["reason"]["en"],
    };
    lines.push_str(&format!("  {}\n", reason.as_str().unwrap_or_default()));
    let rule = answer
        .get("line")
        .and_then(Value::as_u64)
        .map(|line| format!("{EFFECT}:{line}: {}", show::text(&answer, "rule")));
    let facts = [rule, given_text(&answer, "reply"), given_text(&answer, "origin").map(|o| format!("origin {o}"))];
    for fact in facts.into_iter().flatten() {
        lines.push_str(&format!("  {fact}\n"));
    }
    shell.print(&lines)?;
    Ok(exit)
}

fn given_text(answer: &Value, name: &str) -> Option<String> {
    answer.get(name).and_then(Value::as_str).map(str::to_owned)
}
