use std::net::IpAddr;

use proptest::prelude::*;

use crate::origin::{Kind, Origin};
use crate::relay::{self, Locality, Policy, Request, Standing};
use crate::rules::effect::{Action, EffectRules, Sender, Subject};
use crate::rules::reject::RejectTable;
use crate::rules::sender::SenderRules;
use crate::rules::{Severity, lint};

fn subject() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|o| IpAddr::from(o).to_string()),
        (0u8..4, 0u8..4).prop_map(|(a, b)| format!("10.{a}.{b}.*")),
        (any::<[u8; 4]>(), 0u8..=32).prop_map(|(o, n)| format!("{}/{n}", IpAddr::from(o))),
        (0u8..=128).prop_map(|n| format!("2001:db8::1/{n}")),
        Just("*.*.*.*".to_owned()),
        Just("10.*".to_owned()),
        Just("10.*.1.*".to_owned()),
        Just("#<>".to_owned()),
        Just("#blank".to_owned()),
        "(our|their|other)\\.test",
        "(a|b|\\*)@(our|their|\\*)\\.test",
    ]
}

fn action() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "true", "default", "false", "only", "norelay", "norelay,0", "norelay,1", "norelay,2"])
}

fn row() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (subject(), action()).prop_map(|(s, a)| format!("{s} {a}")),
        1 => (subject(), "[a-z,]{1,8}").prop_map(|(s, a)| format!("{s} {a}")),
        1 => "[ -~]{0,30}",
    ]
}

fn client() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        (0u8..4, 0u8..4, any::<u8>()).prop_map(|(a, b, c)| IpAddr::from([10, a, b, c])),
        any::<[u8; 16]>().prop_map(IpAddr::from),
        Just(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1u16])),
    ]
}

fn envelope() -> impl Strategy<Value = (Option<String>, bool)> {
    (prop::option::of("(a|b|c)@(our|their|other)\\.test"), any::<bool>())
}

fn standing(from: Sender<'_>, exists: bool) -> Standing {
    match from {
        Sender::Address(a) if a.ends_with("@our.test") => Standing::Local { exists },
        Sender::Address(_) => Standing::Outside,
        Sender::Null | Sender::Blank => Standing::Nobody,
    }
}

fn reaches(rules: &EffectRules, policy: Policy, ip: IpAddr, from: Sender<'_>, exists: bool) -> (bool, Origin) {
    let rule = rules.decide(ip, from);
    let sender = standing(from, exists);
    let origin = relay::unauthenticated(policy, &rule, ip, sender);
    let request = Request { origin: &origin, rule: &rule, sender, recipient: Locality::Outside, policy };
    (relay::decide(&request).accepts(), origin)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// The promise: without AUTH nothing outside is reached, unless a row that the
    /// operator wrote trusts this very network by name.
    #[test]
    fn nothing_outside_without_auth_or_an_explicit_rule(
        rows in prop::collection::vec(row(), 0..12), ip in client(), (from, exists) in envelope(), legacy in any::<bool>(),
    ) {
        let rules = EffectRules::parse(rows.join("\n").as_bytes());
        let from = from.as_deref().map_or(Sender::Null, Sender::Address);
        let policy = Policy { local_senders_need_auth: !legacy, ..Policy::default() };
        let (reached, origin) = reaches(&rules, policy, ip, from, exists);
        if reached {
            let explicit = rules.rules().iter().any(|r| {
                r.action == Some(Action::True)
                    && matches!(&r.subject, Subject::Network(n) if n.contains(ip) && n.may_be_trusted())
            });
            prop_assert!(explicit, "{rows:?} {ip} {from:?}");
            prop_assert_eq!(origin.kind(), Kind::Network);
        } else {
            prop_assert_eq!(origin.may_reach_outside() && rules.decide(ip, from).line.is_none(), false);
        }
    }

    /// The same with the dangerous switches: still nobody outside for strangers' names.
    #[test]
    fn legacy_switches_open_for_named_senders_only(
        rows in prop::collection::vec(row(), 0..12), ip in client(), (from, exists) in envelope(),
    ) {
        let rules = EffectRules::parse(rows.join("\n").as_bytes());
        let from = from.as_deref().map_or(Sender::Null, Sender::Address);
        let policy = Policy { legacy_internal_senders: true, legacy_sender_rules: true, ..Policy::default() };
        let (reached, _) = reaches(&rules, policy, ip, from, exists);
        let (strict, _) = reaches(&rules, Policy::default(), ip, from, exists);
        let by_name = standing(from, exists) == (Standing::Local { exists: true })
            || rules.rules().iter().any(|r| {
                r.action == Some(Action::True) && matches!(r.subject, Subject::Domain(_) | Subject::Address(_))
            });
        prop_assert!(!reached || strict || by_name, "{rows:?} {ip} {from:?}");
    }

    /// A row that cannot be read changes nothing for others and opens nothing for anyone.
    #[test]
    fn bad_rows_are_isolated(
        rows in prop::collection::vec((subject(), action()).prop_map(|(s, a)| format!("{s} {a}")), 0..8),
        at in any::<prop::sample::Index>(), bad_subject in subject(), unreadable in any::<bool>(),
        ip in client(), (from, exists) in envelope(),
    ) {
        let from = from.as_deref().map_or(Sender::Null, Sender::Address);
        let bad = if unreadable { "10.0.0.999 true".to_owned() } else { format!("{bad_subject} ture") };
        let mut with = rows.clone();
        with.insert(at.index(rows.len() + 1), bad);
        let clean = EffectRules::parse(rows.join("\n").as_bytes());
        let dirty = EffectRules::parse(with.join("\n").as_bytes());
        prop_assert!(dirty.findings().iter().any(|f| f.severity == Severity::Error));
        let (before, _) = reaches(&clean, Policy::default(), ip, from, exists);
        let (after, _) = reaches(&dirty, Policy::default(), ip, from, exists);
        prop_assert!(before || !after, "a bad row opened something");
        let decision = dirty.decide(ip, from);
        if unreadable || decision.shut_by.is_none() {
            prop_assert_eq!(clean.decide(ip, from).ruling, decision.ruling);
        }
    }

    /// Whatever bytes a file holds, reading, linting and deciding come back.
    #[test]
    fn parsers_take_anything(bytes in prop::collection::vec(any::<u8>(), 0..600), ip in client(), from in "\\PC{0,40}") {
        let effect = EffectRules::parse(&bytes);
        let _ = (lint::effect(&effect, Policy::default(), &|_| true), effect.decide(ip, Sender::Address(&from)));
        let _ = (effect.refuses_connection(ip), SenderRules::parse(&bytes).decide(&from));
        let table = RejectTable::parse(&bytes);
        let again = RejectTable::parse(table.render().as_bytes());
        prop_assert_eq!(table.decide(ip, sekisho_message::Time(0)) , table.decide(ip, sekisho_message::Time(0)));
        prop_assert_eq!(table.rows().len(), again.rows().len());
    }

    /// With AUTH, only rows that say so stop a sender.
    #[test]
    fn auth_relays_unless_a_row_forbids(rows in prop::collection::vec(row(), 0..8), ip in client()) {
        let rules = EffectRules::parse(rows.join("\n").as_bytes());
        let rule = rules.decide(ip, Sender::Address("a@our.test"));
        let origin = Origin::authenticated("a@our.test");
        let request = Request {
            origin: &origin, rule: &rule, sender: Standing::Local { exists: true },
            recipient: Locality::Outside, policy: Policy::default(),
        };
        use crate::rules::effect::Ruling::{NoRelay, Refuse};
        prop_assert_eq!(relay::decide(&request).accepts(), !matches!(rule.ruling, NoRelay | Refuse));
    }
}

proptest! {
    /// Whatever bytes a file has: no panic, and a block that matches was written as one.
    #[test]
    fn filters_and_gateways_of_any_bytes(
        file in prop::collection::vec(any::<u8>(), 0..2_000),
        header in "[ -~\r\n]{0,300}",
    ) {
        let filter = crate::rules::filter::MailFilter::parse(&file);
        let hit = filter.decide(header.as_bytes());
        prop_assert!(hit.is_none() || !filter.is_empty());
        for row in crate::rules::gateway::Gateways::parse(&file).rows() {
            prop_assert!(!row.domain.is_empty() && !row.host.is_empty() && row.port > 0);
        }
    }

    /// Lines in any order: no panic, and what is in force is complete.
    #[test]
    fn filters_of_any_lines(
        rows in prop::collection::vec(
            prop::sample::select(vec![
                "Virus:a[1]", "VirusEnd:", "Level:100", "Level:110", "Level:7", "From:spam", "To:", "Warning:",
                "WarningEnd:", "# note", "text",
            ]),
            0..40,
        ),
    ) {
        let file = rows.join("\n");
        let filter = crate::rules::filter::MailFilter::parse(file.as_bytes());
        prop_assert!(filter.len() <= rows.iter().filter(|row| row.starts_with("VirusEnd")).count());
        if filter.decide(b"From: nobody\r\n\r\n").is_some() {
            prop_assert!(false, "matched without its condition");
        }
    }
}
