use crate::relay::{Locality, Policy, Standing};
use crate::rules::effect::{EffectRules, Ruling, Sender};
use crate::rules::explain::{Explanation, Question, explain};
use crate::rules::{Severity, lint};

use super::ip;

fn ruling(file: &str, client: &str, sender: Sender<'_>) -> (Ruling, Option<u32>) {
    let decision = EffectRules::parse(file.as_bytes()).decide(ip(client), sender);
    (decision.ruling, decision.line)
}

fn ask(file: &str, client: &str, from: &str, locality: Locality, auth: bool) -> Explanation {
    let from = if from.is_empty() { Sender::Null } else { Sender::Address(from) };
    let standing = match from {
        Sender::Address(a) if a.ends_with("@example.jp") => Standing::Local { exists: a.starts_with("taro") },
        Sender::Address(_) => Standing::Outside,
        Sender::Null | Sender::Blank => Standing::Nobody,
    };
    let question = Question { ip: ip(client), from, standing, to: "x@y.test", locality, auth };
    explain(&EffectRules::parse(file.as_bytes()), Policy::default(), &question)
}

#[test]
fn actions_mean_what_the_table_says() {
    let stranger = Sender::Address("a@elsewhere.test");
    let cases: &[(&str, Ruling)] = &[
        ("192.0.2.1 true", Ruling::TrustNetwork("192.0.2.1".into())),
        ("192.0.2.*", Ruling::TrustNetwork("192.0.2.0/24".into())),
        ("192.0.2.1\tTRUE", Ruling::TrustNetwork("192.0.2.1".into())),
        ("192.0.2.1 default", Ruling::Base),
        ("192.0.2.1 false", Ruling::Refuse),
        ("192.0.2.1 norelay", Ruling::NoRelay),
        ("192.0.2.1 norelay,0", Ruling::NoRelay),
        ("192.0.2.1 norelay,1", Ruling::NoRelay),
        ("192.0.2.1 norelay,2", Ruling::AuthOnly),
        ("192.0.2.1 norelay, 2", Ruling::AuthOnly),
        ("elsewhere.test true", Ruling::TrustSender),
        ("a@elsewhere.test", Ruling::TrustSender),
        ("@elsewhere.test false", Ruling::Refuse),
        ("*@elsewhere.test false", Ruling::Refuse),
        ("A@Elsewhere.TEST false", Ruling::Refuse),
        ("*.test false", Ruling::Refuse),
        ("*.*.*.* true", Ruling::Base),
        ("2001:db8::/32 false\n*.*.*.* norelay", Ruling::NoRelay),
    ];
    for (file, expected) in cases {
        assert_eq!(ruling(file, "192.0.2.1", stranger).0, *expected, "{file}");
    }
    assert_eq!(ruling("elsewhere.test false", "192.0.2.1", Sender::Address("a@sub.elsewhere.test")).0, Ruling::Base);
    assert_eq!(ruling("例え.jp false", "192.0.2.1", Sender::Address("a@xn--r8jz45g.jp")).0, Ruling::Refuse);
}

#[test]
fn shipped_rules_take_bounces_and_refuse_blank_senders() {
    let rules = EffectRules::shipped();
    assert!(rules.findings().is_empty());
    assert_eq!(rules.decide(ip("192.0.2.1"), Sender::Blank).ruling, Ruling::Refuse);
    assert_eq!(rules.decide(ip("192.0.2.1"), Sender::Null).ruling, Ruling::Base);
    assert_eq!(rules.decide(ip("192.0.2.1"), Sender::Null).line, Some(1));
}

#[test]
fn first_match_decides_and_only_rows_accumulate() {
    let stranger = Sender::Address("a@elsewhere.test");
    let recipe = "xxx.example.jp default\n192.168.1.10 default\n192.168.1.* false\n";
    assert_eq!(ruling(recipe, "192.168.1.10", stranger), (Ruling::Base, Some(2)));
    assert_eq!(ruling(recipe, "192.168.1.11", stranger), (Ruling::Refuse, Some(3)));
    assert_eq!(ruling(recipe, "192.168.2.1", stranger), (Ruling::Base, None));
    let only = "10.0.0.1 false\n192.168.1.* only\n10.0.0.2 false\n192.168.2.* only\n";
    assert_eq!(ruling(only, "192.168.1.1", stranger), (Ruling::Base, Some(2)));
    assert_eq!(ruling(only, "192.168.2.1", stranger), (Ruling::Base, Some(4)));
    assert_eq!(ruling(only, "10.0.0.1", stranger), (Ruling::Refuse, Some(1)));
    assert_eq!(
        ruling(only, "10.0.0.2", stranger),
        (Ruling::NoRelay, Some(2)),
        "rows after the first only do not count"
    );
}

#[test]
fn a_connection_is_refused_only_when_no_sender_could_be_let_through() {
    let line = |file: &str| EffectRules::parse(file.as_bytes()).refuses_connection(ip("192.0.2.1"));
    assert_eq!(line("192.0.2.* false"), Some(1));
    assert_eq!(line("#blank false\nbad.test false\n192.0.2.* false"), Some(3));
    assert_eq!(line("#<> default\n192.0.2.* false"), None);
    assert_eq!(line("friend.test default\n192.0.2.* false"), None);
    assert_eq!(line("192.0.2.1 default\n192.0.2.* false"), None);
    assert_eq!(line("192.0.2.1 fasle\n192.0.2.* false"), Some(2));
    assert_eq!(line("10.* only\n192.0.2.* false"), None);
}

#[test]
fn the_recipes_of_the_manual_do_what_they_are_for() {
    use Locality::{Local, Outside};
    let reply = |file, client, from, to, auth| ask(file, client, from, to, auth).reply;
    let relay = Some("550 5.7.1 Sorry [a@elsewhere.test] , I don't allow unauthorized relaying .".to_owned());
    let stranger = "a@elsewhere.test";
    let receive_only = "192.168.*.* default\n*.*.*.* norelay\n";
    assert_eq!(reply(receive_only, "203.0.113.1", stranger, Local, false), None);
    assert_eq!(reply(receive_only, "203.0.113.1", stranger, Outside, false), relay);
    assert!(reply(receive_only, "203.0.113.1", "taro@example.jp", Outside, true).is_some(), "even with AUTH");
    assert_eq!(reply(receive_only, "192.168.0.1", "taro@example.jp", Outside, true), None);
    let auth_outside = "192.168.*.* default\n*.*.*.* norelay,2\n";
    assert_eq!(reply(auth_outside, "203.0.113.1", stranger, Local, false), None);
    assert_eq!(reply(auth_outside, "203.0.113.1", stranger, Outside, false), relay);
    assert_eq!(reply(auth_outside, "203.0.113.1", "taro@example.jp", Outside, true), None);
    let refused = ask("203.0.113.* false", "203.0.113.1", stranger, Local, false);
    assert_eq!(refused.reply.as_deref(), Some("550 5.1.7 Please, mail from a valid IP or Domain address."));
    assert_eq!((refused.line, refused.rule.as_deref()), (Some(1), Some("203.0.113.* false")));
    let unknown = ask("", "203.0.113.1", stranger, Locality::UnknownLocal, false);
    assert_eq!(unknown.reply.as_deref(), Some("550 5.1.1 x@y.test ... User unknown."));
}

#[test]
fn true_opens_for_networks_and_for_no_sender() {
    use Locality::{Local, Outside};
    let open = ask("192.0.2.0/24 true", "192.0.2.9", "anyone@anywhere.test", Outside, false);
    assert!(open.accepted);
    assert_eq!((open.origin.as_str(), open.line), ("network:192.0.2.0/24", Some(1)));
    let trap = ask("example.jp true", "203.0.113.1", "madeup@example.jp", Outside, false);
    assert!(!trap.accepted, "the known trap stays shut");
    assert_eq!(trap.origin, "inbound");
    assert!(!ask("*.*.*.* true", "203.0.113.1", "a@elsewhere.test", Outside, false).accepted);
    assert!(!ask("#<> true", "203.0.113.1", "", Outside, false).accepted);
    assert!(ask("#<> true", "203.0.113.1", "", Local, false).accepted);
}

#[test]
fn local_senders_need_auth_and_existence_does_not_show() {
    let known = ask("", "203.0.113.1", "taro@example.jp", Locality::Local, false);
    let unknown = ask("", "203.0.113.1", "nobody@example.jp", Locality::Local, false);
    assert_eq!(known.reply, unknown.reply);
    assert_eq!(known.reply.as_deref(), Some("530 5.7.0 Authentication required"));
    assert!(!ask("", "203.0.113.1", "taro@example.jp", Locality::Outside, false).accepted);
    assert!(ask("", "203.0.113.1", "taro@example.jp", Locality::Local, true).accepted);
}

#[test]
fn bad_rows_disable_themselves_and_open_nothing() {
    let file = "10.0.0.5 fasle\n10.0.0.500 true\n<> default\n10.* true\n# note\n#blnk false\n; x\nexa mple.jp true\n";
    let rules = EffectRules::parse(file.as_bytes());
    let found: Vec<_> = rules.findings().iter().map(|f| (f.line, f.severity)).collect();
    let error = Severity::Error;
    assert_eq!(found, [(1, error), (2, error), (3, error), (6, Severity::Note), (8, error)]);
    assert!(rules.findings().iter().all(|f| !f.text.ja.is_empty() && !f.text.en.is_empty()));
    let stranger = Sender::Address("a@elsewhere.test");
    assert_eq!(ruling(file, "10.0.0.6", stranger).0, Ruling::TrustNetwork("10.0.0.0/8".into()));
    let shut = rules.decide(ip("10.0.0.5"), stranger);
    assert_eq!((shut.ruling, shut.line, shut.shut_by), (Ruling::Base, Some(4), Some(1)));
}

#[test]
fn lint_names_what_no_operator_can_want() {
    let advice = |file: &str| -> Vec<(u32, Severity)> {
        let rules = EffectRules::parse(file.as_bytes());
        assert!(lint::account_effect(&rules).len() <= lint::effect(&rules, Policy::default(), &|_| false).len());
        lint::effect(&rules, Policy::default(), &|d| d == "example.jp").iter().map(|f| (f.line, f.severity)).collect()
    };
    use Severity::{Error, Note, Warning};
    assert_eq!(advice("#<> default\n#blank false\n192.168.*.* default\n*.*.*.* norelay,2\n"), []);
    assert_eq!(advice("example.jp"), [(1, Warning)]);
    assert_eq!(advice("boss@example.jp true"), [(1, Warning)]);
    assert_eq!(advice("*.*.*.* true"), [(1, Error)]);
    assert_eq!(advice("203.0.0.0/16 true"), [(1, Warning)]);
    assert_eq!(advice("192.168.1.5 true"), [(1, Note)]);
    assert_eq!(advice("*.*.*.* norelay\n10.0.0.1 false\nbad.test false"), [(2, Warning), (3, Warning)]);
    assert_eq!(advice("10.0.0.1 false\n10.0.0.1 default"), [(2, Warning)]);
    assert_eq!(advice("10.0.0.0/8 default\n10.1.*.* false"), [(2, Warning)]);
    assert_eq!(advice("bad.test false\nx@bad.test default"), [(2, Warning)]);
    assert_eq!(advice("10.* only\n11.* only\n12.* false"), [(3, Warning)]);
}

#[test]
fn the_rules_of_one_account_say_whom_it_wants_to_hear() {
    let file = "friend.test default\n*.*.*.* false\n";
    let rules = EffectRules::parse(file.as_bytes());
    assert!(rules.decide(ip("203.0.113.1"), Sender::Address("a@friend.test")).welcomes());
    assert!(!rules.decide(ip("203.0.113.1"), Sender::Address("a@foe.test")).welcomes());
}
