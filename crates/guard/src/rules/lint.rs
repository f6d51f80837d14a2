//! Advice about `effect.dat`: rows that are read without trouble and still are not
//! what an operator can want.

use std::collections::HashMap;

use sekisho_message::{Text, say};

use super::effect::{Action, EffectRules, Rule, Subject};
use super::network::Network;
use super::{Finding, Severity};
use crate::relay::Policy;

/// Most wide rows that later rows are compared with, so that linting stays fast.
const MAX_WIDE: usize = 500;

/// Everything to be said about a file: bad rows and advice, by line number.
/// `is_local` says whether a domain (lower-case A-labels) is one of ours.
#[must_use]
pub fn effect(rules: &EffectRules, policy: Policy, is_local: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = rules.findings().to_vec();
    for rule in rules.rules() {
        if rule.action == Some(Action::True) {
            findings.extend(opening(rule, policy, is_local));
        }
    }
    unreachable(rules.rules(), &mut findings);
    findings.sort_by_key(|f| f.line);
    findings
}

/// Everything to be said about an account's own file, which decides whose mail it takes: `true` rows open nothing there.
#[must_use]
pub fn account_effect(rules: &EffectRules) -> Vec<Finding> {
    let mut findings = rules.findings().to_vec();
    unreachable(rules.rules(), &mut findings);
    findings.sort_by_key(|f| f.line);
    findings
}

/// What a `true` row deserves to hear.
fn opening(rule: &Rule, policy: Policy, is_local: &dyn Fn(&str) -> bool) -> Option<Finding> {
    let (severity, text) = match &rule.subject {
        Subject::Network(network) => network_opening(network),
        Subject::Blank | Subject::Null => (
            Severity::Warning,
            say!(
                ja: "空の差出人に true を付けても中継は開きません。default と書いてください。",
                en: "\"true\" on an empty sender does not open relaying; write \"default\"."
            ),
        ),
        Subject::Domain(domain) => sender_opening(domain, policy, is_local(domain)),
        Subject::Address(address) => {
            let local = address.rsplit_once('@').is_some_and(|(_, domain)| is_local(domain));
            sender_opening(address, policy, local)
        }
    };
    Some(Finding::new(rule.line, severity, text))
}

fn network_opening(network: &Network) -> (Severity, Text) {
    if !network.may_be_trusted() {
        let text = say!(
            ja: "「{network} true」は誰にでも中継を許すことになるため、中継は開きません。default として扱います。",
            en: "\"{network} true\" would let strangers relay, so it does not open relaying; it is read as \"default\"."
        );
        return (Severity::Error, text);
    }
    if network.is_wide_public() {
        let text = say!(
            ja: "「{network}」は広すぎます。この範囲の誰でも認証なしで中継できます。範囲を狭めるか、norelay,2 にしてください。",
            en: "\"{network}\" is wide: anyone in it may relay without AUTH. Narrow it, or write norelay,2."
        );
        return (Severity::Warning, text);
    }
    let text = say!(
        ja: "「{network}」からは認証なしで、どの差出人名でも外部へ送信できます。",
        en: "Anyone at \"{network}\" may send outside without AUTH, under any sender."
    );
    (Severity::Note, text)
}

fn sender_opening(subject: &str, policy: Policy, local: bool) -> (Severity, Text) {
    match (local, policy.legacy_sender_rules) {
        (true, true) => (
            Severity::Warning,
            say!(
                ja: "自ドメインの「{subject} true」は、作成していないアカウント名でも認証なしの中継を許します。この行を削除してください。",
                en: "\"{subject} true\" names your own domain: anyone who writes such a sender relays without AUTH, whether or not the account exists. Delete the line."
            ),
        ),
        (true, false) => (
            Severity::Warning,
            say!(
                ja: "自ドメインの「{subject} true」は危険な設定です。差出人は誰でも詐称できるため、中継は開きません。この行を削除してください。",
                en: "\"{subject} true\" names your own domain. Anybody can write that sender, so the line does not open relaying. Delete it."
            ),
        ),
        (false, true) => (
            Severity::Warning,
            say!(
                ja: "差出人「{subject}」を名乗れば、誰でも認証なしで中継できます。",
                en: "Anyone who writes the sender \"{subject}\" relays without AUTH."
            ),
        ),
        (false, false) => (
            Severity::Warning,
            say!(
                ja: "差出人は誰でも詐称できるため、「{subject} true」では中継は開きません。ネットワークで指定してください。",
                en: "Anybody can write any sender, so \"{subject} true\" does not open relaying. Name a network instead."
            ),
        ),
    }
}

/// Rows that can never decide.
fn unreachable(rules: &[Rule], findings: &mut Vec<Finding>) {
    let mut seen = Seen::default();
    for rule in rules {
        let only = rule.action == Some(Action::Only);
        let verdict = match (seen.only, only) {
            (Some(line), false) => Some(say!(
                ja: "{line} 行目の only より後にあるため、この行は使われません。",
                en: "It stands after the \"only\" of line {line}, so it is never reached."
            )),
            // `only` rows accumulate, and count wherever they stand.
            _ => seen.covering(&rule.subject, only).map(|line| {
                say!(
                    ja: "{line} 行目が同じ対象に先に当てはまるため、この行は使われません。",
                    en: "Line {line} already decides for this subject, so this line is never reached."
                )
            }),
        };
        match verdict {
            Some(text) => findings.push(Finding::new(rule.line, Severity::Warning, text)),
            None if rule.action.is_some() => seen.add(rule, only),
            None => {}
        }
    }
}

#[derive(Default)]
struct Seen<'a> {
    only: Option<u32>,
    exact: HashMap<(&'a Subject, bool), u32>,
    wide: Vec<(&'a Network, bool, u32)>,
}

impl<'a> Seen<'a> {
    /// The line that decides before a row about `subject` can.
    fn covering(&self, subject: &Subject, only: bool) -> Option<u32> {
        if let Some(line) = self.exact.get(&(subject, only)) {
            return Some(*line);
        }
        let by_network = |net: &Network| self.wide.iter().find(|(w, o, _)| *o == only && w.covers(net)).map(|w| w.2);
        match subject {
            Subject::Network(network) => by_network(network),
            Subject::Address(address) => {
                let domain = address.rsplit_once('@').map(|(_, d)| Subject::Domain(d.to_owned()));
                let of_domain = domain.and_then(|d| self.exact.get(&(&d, only)).copied());
                of_domain.or_else(|| by_network(&Network::Every))
            }
            _ => by_network(&Network::Every),
        }
    }

    fn add(&mut self, rule: &'a Rule, only: bool) {
        self.exact.insert((&rule.subject, only), rule.line);
        if only {
            self.only.get_or_insert(rule.line);
        }
        if let Subject::Network(network) = &rule.subject
            && network.is_wide()
            && self.wide.len() < MAX_WIDE
        {
            self.wide.push((network, only, rule.line));
        }
    }
}
