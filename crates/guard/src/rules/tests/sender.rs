use crate::rules::Severity;
use crate::rules::sender::SenderRules;

#[test]
fn rows_decide_top_down_and_the_end_forbids() {
    let rules = SenderRules::parse(b"boss@rival.test,0\n*@rival.test,-1\n@other.test,-1\nplain.test,-1\n*,0\n");
    assert!(rules.findings().is_empty());
    let cases = [
        ("boss@rival.test", true, Some(1)),
        ("x@rival.test", false, Some(2)),
        ("x@other.test", false, Some(3)),
        ("x@plain.test", false, Some(4)),
        ("x@sub.plain.test", true, Some(5)),
    ];
    for (recipient, allowed, line) in cases {
        let decision = rules.decide(recipient);
        assert_eq!((decision.allowed, decision.line), (allowed, line), "{recipient}");
    }
    let open_end = SenderRules::parse(b"*@ours.test,0");
    assert!(!open_end.decide("x@elsewhere.test").allowed);
    assert_eq!(open_end.findings().iter().map(|f| f.severity).collect::<Vec<_>>(), [Severity::Warning]);
}

#[test]
fn empty_and_bad_lists_forbid_nothing_by_themselves() {
    for file in ["", "\n# x\n", "*@x.test,-l\nnonsense\n,\n*,"] {
        let rules = SenderRules::parse(file.as_bytes());
        assert!(rules.is_empty() && rules.decide("a@b.test").allowed, "{file}");
    }
    let rules = SenderRules::parse(b"*@x.test,-l\n*@y.test,-1\n*,0\n*@z.test,-1");
    assert_eq!(rules.findings().iter().map(|f| f.line).collect::<Vec<_>>(), [1, 4]);
    assert!(rules.decide("a@x.test").allowed && !rules.decide("a@y.test").allowed && rules.decide("a@z.test").allowed);
}
