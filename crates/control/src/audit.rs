//! The audit: holes that somebody could use, each with its severity, its reason and the command that mends it.
//!
//! Relaying is tried over the wire, as an outsider would; the rest is read from the store, the rule files and the name
//! service. What could not be looked at is said, never passed over as well.

mod dkim;
mod dmarc;
mod forms;
mod names;
mod people;
mod relay;
mod rules;
mod settings;
mod spf;
#[cfg(test)]
mod tests;
mod tls;

use sekisho_message::{Language, Text, Time};
use sekisho_store::{Result, domain, rounds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Control;
use crate::outside::Door;
pub(crate) use people::weak_name;

/// Name of the report in the store.
const REPORT: &str = "audit";

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    #[default]
    Note,
    /// Should be mended.
    Warning,
    /// A hole that is open now.
    Critical,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing, such as `open-relay` or `spf-missing`.
    pub id: String,
    /// The account, domain, file and line, address or listener that it is about.
    pub about: String,
    /// How much it matters.
    pub severity: Severity,
    /// Why.
    pub reason: Text,
    /// The command, record or line that mends it.
    pub command: Text,
}

/// What was audited, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// When.
    pub at: Time,
    /// The worst first.
    pub findings: Vec<Finding>,
    /// What was looked at, and how much of it.
    pub done: Vec<Text>,
    /// What could not be looked at, and why.
    pub skipped: Vec<Text>,
}

/// What only the process knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// Listeners that take SMTP.
    pub doors: Vec<Door>,
    /// Whether anybody but this machine can reach a listener.
    pub public: bool,
    /// Whether passwords are taken without TLS.
    pub auth_without_tls: bool,
    /// The certificate that everybody sees.
    pub certificate: Certificate,
}

/// What is known of the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Where it is.
    pub path: String,
    /// When it ends; none when it cannot be read.
    pub until: Option<Time>,
    /// Host names that it is for; `*.example.jp` too.
    pub names: Vec<String>,
    /// Whether nobody else vouches for it.
    pub self_signed: bool,
}

impl Audit {
    /// The worst finding; none when there is none.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// `{"findings":[{"id","about","severity","reason","command"}],"done":[…],"skipped":[…]}` in one language.
    #[must_use]
    pub fn shape(&self, language: Language) -> Value {
        let one = |finding: &Finding| {
            json!({
                "id": finding.id,
                "about": finding.about,
                "severity": finding.severity,
                "reason": finding.reason.get(language),
                "command": finding.command.get(language),
            })
        };
        let texts = |all: &[Text]| all.iter().map(|text| text.get(language).to_owned()).collect::<Vec<_>>();
        json!({
            "at": self.at.to_string(),
            "findings": self.findings.iter().map(one).collect::<Vec<_>>(),
            "done": texts(&self.done),
            "skipped": texts(&self.skipped),
        })
    }

    fn find(&mut self, id: &str, about: impl Into<String>, severity: Severity, reason: Text, command: Text) {
        self.findings.push(Finding { id: id.to_owned(), about: about.into(), severity, reason, command });
    }
}

impl Control {
    /// Looks for holes, and keeps what was found.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn audit(&self, ground: &Ground) -> Result<Audit> {
        let now = self.now();
        let mut audit = Audit { at: now, ..Audit::default() };
        let domains: Vec<String> =
            self.store().read(|tx| Ok(domain::list(tx)?.into_iter().map(|one| one.name).collect())).await?;
        relay::check(self, ground, &domains, &mut audit).await;
        settings::check(self, ground, &mut audit);
        people::check(self, &domains, &mut audit).await?;
        rules::check(self, &domains, &mut audit).await?;
        names::check(self, &domains, &mut audit).await;
        tls::check(ground, &self.options().hostname, now, &mut audit);
        audit.findings.sort_by(|a, b| {
            b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)).then_with(|| a.about.cmp(&b.about))
        });
        let body = serde_json::to_string(&audit).unwrap_or_default();
        self.store().write(move |tx| rounds::set_report(tx, REPORT, now, &body)).await?;
        Ok(audit)
    }

    /// What the last audit found.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn last_audit(&self) -> Result<Option<Audit>> {
        let kept = self.store().read(|tx| rounds::report(tx, REPORT)).await?;
        Ok(kept.and_then(|report| serde_json::from_str(&report.body).ok()))
    }
}
