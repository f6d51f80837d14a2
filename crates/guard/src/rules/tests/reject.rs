use sekisho_message::Time;

use crate::rules::reject::{Decision, Entry, RejectTable};

use super::ip;

const TABLE: &[u8] = b"192.168.0.10\ttrue\n203.0.113.5\t1000\n203.0.113.6\t1000\tiplock\n203.0.113.7\t1000iplock\n198.51.100.1\t\n192.168.0.*\t\n192.168.1.0/28\t\nnonsense row here\n203.0.113.8\tsoon\n";

#[test]
fn rows_in_force_decide_top_down() {
    let table = RejectTable::parse(TABLE);
    assert_eq!(table.findings().iter().map(|f| f.line).collect::<Vec<_>>(), [8, 9]);
    let until = Some(Time::from_seconds(1000));
    let early = Time::from_seconds(999);
    let cases = [
        ("192.168.0.10", Decision::Allowed { line: 1 }),
        ("203.0.113.5", Decision::Refused { line: 2, until }),
        ("203.0.113.7", Decision::Refused { line: 4, until }),
        ("198.51.100.1", Decision::Refused { line: 5, until: None }),
        ("192.168.0.11", Decision::Refused { line: 6, until: None }),
        ("192.168.1.15", Decision::Refused { line: 7, until: None }),
        ("192.168.1.16", Decision::Unknown),
        ("203.0.113.8", Decision::Unknown),
    ];
    for (address, expected) in cases {
        assert_eq!(table.decide(ip(address), early), expected, "{address}");
    }
    assert_eq!(table.decide(ip("203.0.113.5"), Time::from_seconds(1000)), Decision::Unknown);
    let tags: Vec<_> = table
        .rows()
        .iter()
        .filter_map(|r| match r.entry {
            Entry::Timed { by_connections, .. } => Some(by_connections),
            _ => None,
        })
        .collect();
    assert_eq!(tags, [false, true, true]);
}

#[test]
fn locks_are_added_shown_taken_away_and_written() {
    let mut table = RejectTable::parse(b"10.*\ttrue\n*\t\n");
    let (now, later) = (Time::from_seconds(10), Time::from_seconds(20));
    assert_eq!(table.decide(ip("192.0.2.1"), now), Decision::Refused { line: 2, until: None });
    table.lock(ip("::ffff:192.0.2.1"), later, true);
    table.lock(ip("10.0.0.1"), later, false);
    assert_eq!(table.decide(ip("192.0.2.1"), now), Decision::Refused { line: 0, until: Some(later) });
    assert_eq!(table.decide(ip("10.0.0.1"), now), Decision::Allowed { line: 1 }, "true rows protect");
    assert_eq!(table.render(), "10.0.0.0/8\ttrue\r\n192.0.2.1\t20\tiplock\r\n10.0.0.1\t20\r\n*\t\r\n");
    let again = RejectTable::parse(table.render().as_bytes());
    assert_eq!(again.render(), table.render());
    assert_eq!(table.unlock(ip("192.0.2.1")), 1);
    assert_eq!(table.prune(later), 1);
    assert_eq!(table.rows().len(), 2);
}
