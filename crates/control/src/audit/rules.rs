//! Lines of `effect.dat` that open more than anybody can want.

use std::collections::HashSet;

use sekisho_guard::relay::Policy;
use sekisho_guard::rules::effect::{Action, EffectRules, Subject};
use sekisho_guard::rules::network::Network;
use sekisho_guard::rules::reject::{Entry, RejectTable, Row};
use sekisho_guard::rules::{self, Finding, lint};
use sekisho_message::say;
use sekisho_store::{Result, account};

use super::{Audit, Severity};
use crate::Control;
use crate::rulefile::MAX_OCTETS;

const FILE: &str = "effect.dat";
const TABLES: [&str; 3] = ["rejectsmtpip.dat", "rejectpopip.dat", "rejectimapip.dat"];
/// Accounts in one step.
const PAGE: u32 = 1_000;

pub(super) async fn check(control: &Control, domains: &[String], audit: &mut Audit) -> Result<()> {
    let domains: HashSet<&str> = domains.iter().map(String::as_str).collect();
    if let Some(folder) = &control.options().rules {
        let path = folder.join(FILE);
        let small = std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= MAX_OCTETS);
        if let (true, Ok(bytes)) = (small, std::fs::read(&path)) {
            let rules = EffectRules::parse(&bytes);
            let findings = lint::effect(&rules, Policy::default(), &|domain| domains.contains(domain));
            file(FILE, &rules, findings, audit);
            audit.done.push(say!(ja: "effect.dat の各行", en: "every line of effect.dat"));
        }
    }
    shut_doors(control, audit);
    let mut after = String::new();
    loop {
        let from = after.clone();
        let page = control.store().read(move |tx| account::list(tx, None, &from, PAGE)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.key);
        for one in &page {
            if let Some(text) = &one.effect_dat {
                let rules = EffectRules::parse(text.as_bytes());
                let findings = lint::account_effect(&rules);
                file(&format!("{}/{FILE}", one.address), &rules, findings, audit);
            }
        }
    }
}

/// A row that refuses everybody also refuses the world's mail.
fn shut_doors(control: &Control, audit: &mut Audit) {
    let Some(folder) = &control.options().rules else { return };
    for table in TABLES {
        let Ok(bytes) = std::fs::read(folder.join(table)) else { continue };
        let table_rows = RejectTable::parse(&bytes);
        let every = |row: &&Row| row.network == Network::Every && row.entry != Entry::Allowed;
        for row in table_rows.rows().iter().filter(every) {
            let line = row.line;
            audit.find(
                "refuses-everybody",
                format!("{table}:{line}"),
                Severity::Warning,
                say!(
                    ja: "true の行にある接続元のほかは、すべて接続を断られます。SMTP なら外からのメールも届きません。",
                    en: "everybody but the true rows is turned away at the door; for SMTP that is all mail from outside, too."
                ),
                say!(
                    ja: "意図したものでなければ {table} の {line} 行目を削除する（すぐ有効になる）",
                    en: "unless you mean it, delete line {line} of {table}; it works at once"
                ),
            );
        }
    }
}

fn file(name: &str, rules: &EffectRules, findings: Vec<Finding>, audit: &mut Audit) {
    for finding in findings {
        let line = finding.line;
        let opens = rules.rules().iter().find(|rule| rule.line == line && rule.action == Some(Action::True));
        let (id, severity) = match (opens.map(|rule| &rule.subject), finding.severity) {
            (Some(Subject::Network(network)), _) if network.is_wide_public() => ("open-network", Severity::Critical),
            (Some(Subject::Network(_)), rules::Severity::Note) => ("open-network", Severity::Note),
            (Some(Subject::Network(_)), rules::Severity::Error) => ("wide-true", Severity::Warning),
            (Some(Subject::Domain(_) | Subject::Address(_)), rules::Severity::Warning) => {
                ("sender-true", Severity::Warning)
            }
            (_, rules::Severity::Error) => ("bad-line", Severity::Warning),
            (_, rules::Severity::Warning) => ("unreachable-line", Severity::Warning),
            (_, rules::Severity::Note) => ("rule-note", Severity::Note),
        };
        audit.find(
            id,
            format!("{name}:{line}"),
            severity,
            finding.text,
            say!(
                ja: "{name} の {line} 行目を直すか削除し、sekisho rules check で確かめる",
                en: "change or delete line {line} of {name}, then run sekisho rules check"
            ),
        );
    }
}
