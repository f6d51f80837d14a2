//! Changes to the text of a reject table that leave everything else in it as it was: comments, blanks, bad rows, order.

use sekisho_guard::rules::network::Network;
use sekisho_guard::rules::reject::{Entry, RejectTable, Row};
use sekisho_message::Time;

/// Most timed rows in a table; a lock beyond is kept in memory only.
pub(super) const MOST_TIMED: usize = 5_000;

/// A change.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Add timed rows, after everything that was written by hand except a row that speaks of all addresses.
    Lock(Vec<Row>),
    /// Take timed rows away that are over.
    Prune,
    /// Take timed rows away that the network overlaps, and permanent ones of exactly it.
    Unlock(Network),
    /// Take every row of exactly this network away.
    Forget(Network),
    /// Let the network in, before anything else is said.
    Allow(Network),
    /// Refuse the network for good.
    Deny(Network),
    /// Put this text in the place of everything but the timed rows.
    Write(String),
}

/// The text of a reject table without its timed rows, which are the lockouts' own.
#[must_use]
pub fn by_hand(bytes: &[u8]) -> String {
    let plain = plain(bytes);
    let timed = timed(&RejectTable::parse(&plain));
    let lines =
        (1..).zip(lines(&plain)).filter(|(number, _)| timed.binary_search_by_key(number, |row| row.line).is_err());
    String::from_utf8_lossy(&lines.map(|(_, line)| line).collect::<Vec<_>>().concat()).into_owned()
}

fn timed(table: &RejectTable) -> Vec<Row> {
    table.rows().iter().filter(|row| matches!(row.entry, Entry::Timed { .. })).cloned().collect()
}

/// The text after a change; none when nothing changes.
pub(super) fn edit(bytes: &[u8], change: &Change, now: Time) -> Option<Vec<u8>> {
    let plain = plain(bytes);
    let table = RejectTable::parse(&plain);
    if let Change::Write(text) = change {
        let kept = Change::Lock(timed(&table));
        let new = edit(text.as_bytes(), &kept, now).unwrap_or_else(|| text.clone().into_bytes());
        return (new != bytes).then_some(new);
    }
    let over = |row: &Row| matches!(row.entry, Entry::Timed { until, .. } if until <= now);
    let goes = |row: &Row| match change {
        Change::Prune => over(row),
        Change::Lock(new) => over(row) || new.iter().any(|new| is_same_lock(new, row)),
        Change::Unlock(network) => match row.entry {
            Entry::Timed { .. } => network.covers(&row.network) || row.network.covers(network),
            Entry::Permanent => row.network == *network,
            Entry::Allowed => false,
        },
        Change::Forget(network) | Change::Allow(network) | Change::Deny(network) => row.network == *network,
        Change::Write(_) => false,
    };
    let gone: Vec<u32> = table.rows().iter().filter(|row| goes(row)).map(|row| row.line).collect();
    let stay = table.rows().iter().filter(|row| !gone.contains(&row.line));
    let (new, before) = additions(change, stay, now);
    if gone.is_empty() && new.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(plain.len() + new.len() * 40);
    let mut new = Some(new);
    for (number, line) in (1..).zip(lines(&plain)) {
        if before == Some(number) {
            put(&mut out, new.take().unwrap_or_default());
        }
        if gone.binary_search(&number).is_err() {
            out.extend_from_slice(line);
        }
    }
    put(&mut out, new.take().unwrap_or_default());
    Some(out)
}

/// The rows to add, and the line that they go before; none: at the end.
fn additions<'a>(change: &Change, stay: impl Iterator<Item = &'a Row>, now: Time) -> (Vec<Row>, Option<u32>) {
    let row = |network: &Network, entry| vec![Row { line: 0, network: network.clone(), entry }];
    let mut stay = stay.peekable();
    match change {
        Change::Prune | Change::Unlock(_) | Change::Forget(_) | Change::Write(_) => (Vec::new(), None),
        Change::Allow(network) => (row(network, Entry::Allowed), stay.peek().map(|row| row.line)),
        Change::Deny(network) => {
            let every = stay.find(|row| row.network == Network::Every).map(|row| row.line);
            (row(network, Entry::Permanent), every)
        }
        Change::Lock(new) => {
            let (mut timed, mut every) = (0, None);
            for row in stay {
                timed += usize::from(matches!(row.entry, Entry::Timed { .. }));
                if row.network == Network::Every {
                    every.get_or_insert(row.line);
                }
            }
            let room = MOST_TIMED.saturating_sub(timed);
            let live = |row: &&Row| !matches!(row.entry, Entry::Timed { until, .. } if until <= now);
            (new.iter().filter(live).take(room).cloned().collect(), every)
        }
    }
}

/// A newer lock of the same network takes the place of the old one.
fn is_same_lock(new: &Row, old: &Row) -> bool {
    new.network == old.network && matches!(old.entry, Entry::Timed { .. })
}

fn put(out: &mut Vec<u8>, rows: Vec<Row>) {
    if rows.is_empty() {
        return;
    }
    if out.last().is_some_and(|byte| !matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(b"\r\n");
    }
    for row in rows {
        let what = match row.entry {
            Entry::Timed { until, by_connections: false } => until.seconds().to_string(),
            Entry::Timed { until, by_connections: true } => format!("{}\tiplock", until.seconds()),
            Entry::Permanent => String::new(),
            Entry::Allowed => "true".to_owned(),
        };
        out.extend_from_slice(format!("{}\t{what}\r\n", row.network).as_bytes());
    }
}

/// Text in UTF-16 becomes UTF-8; anything else stays as it is.
fn plain(bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let decode = |rest: &[u8], join: fn([u8; 2]) -> u16| {
        let (pairs, _) = rest.as_chunks::<2>();
        String::from_utf16_lossy(&pairs.iter().map(|pair| join(*pair)).collect::<Vec<_>>()).into_bytes()
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => decode(rest, u16::from_le_bytes).into(),
        [0xFE, 0xFF, rest @ ..] => decode(rest, u16::from_be_bytes).into(),
        _ => bytes.into(),
    }
}

/// The lines with their ends, numbered as the rule files number them: CRLF, LF and CR end a line.
fn lines(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(at) if rest[at..].starts_with(b"\r\n") => at + 2,
            Some(at) => at + 1,
            None if rest.is_empty() => return None,
            None => rest.len(),
        };
        let (line, after) = rest.split_at(end);
        rest = after;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const NOW: Time = Time::from_seconds(1_800_000_000);

    fn net(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    fn lock(text: &str, seconds: i64, by_connections: bool) -> Row {
        Row {
            line: 0,
            network: net(text),
            entry: Entry::Timed { until: Time::from_seconds(1_800_000_000 + seconds), by_connections },
        }
    }

    fn after(text: &str, change: &Change) -> String {
        let out = edit(text.as_bytes(), change, NOW).unwrap_or_else(|| text.as_bytes().to_vec());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_takes_the_place_of_what_was_written_by_hand_and_locks_stay() {
        let text = "# office\r\n203.0.113.1\t1800000060\r\n203.0.113.2\t1\r\n*\t\r\n";
        assert_eq!(by_hand(text.as_bytes()), "# office\r\n*\t\r\n");
        let write = |new: &str| after(text, &Change::Write(new.into()));
        assert_eq!(write("192.0.2.1\t\n*\t\n"), "192.0.2.1\t\n203.0.113.1\t1800000060\r\n*\t\n");
        assert_eq!(write(""), "203.0.113.1\t1800000060\r\n");
        // What was read by hand and is written back changes nothing but the row that is over.
        assert_eq!(write(&by_hand(text.as_bytes())), "# office\r\n203.0.113.1\t1800000060\r\n*\t\r\n");
    }

    #[test]
    fn a_lock_goes_before_the_row_of_everything_and_nothing_else_moves() {
        let text = "# office\r\n192.168.0.10\ttrue\r\nrubbish row\r\n\r\n203.0.113.1\t1\r\n*\t\r\n";
        let locks = Change::Lock(vec![lock("198.51.100.7", 60, false), lock("2001:db8:1:2::/64", 90, true)]);
        assert_eq!(
            after(text, &locks),
            "# office\r\n192.168.0.10\ttrue\r\nrubbish row\r\n\r\n198.51.100.7\t1800000060\r\n2001:db8:1:2::/64\t1800000090\tiplock\r\n*\t\r\n"
        );
        assert_eq!(
            after("10.0.0.1\ttrue", &Change::Lock(vec![lock("198.51.100.7", 60, false)])),
            "10.0.0.1\ttrue\r\n198.51.100.7\t1800000060\r\n"
        );
        // The same lock again replaces the old one, and what is over is not written.
        let again = Change::Lock(vec![lock("198.51.100.7", 120, false), lock("198.51.100.8", -1, false)]);
        assert_eq!(after("198.51.100.7\t1800000060\r\n", &again), "198.51.100.7\t1800000120\r\n");
    }

    #[test]
    fn what_is_over_goes_and_what_people_wrote_stays() {
        let text = "; mine\n203.0.113.1\t1\n203.0.113.2\t1.iplock\n203.0.113.3\t1900000000\n203.0.113.4\t\n";
        assert_eq!(after(text, &Change::Prune), "; mine\n203.0.113.3\t1900000000\n203.0.113.4\t\n");
        assert_eq!(edit(b"203.0.113.4\t\n", &Change::Prune, NOW), None);
    }

    #[test]
    fn unlocking_allowing_denying_and_forgetting() {
        let text = "203.0.113.0/24\t1900000000\r\n203.0.113.5\t\r\n203.0.113.6\t\r\n203.0.113.5\ttrue\r\n*\t\r\n";
        assert_eq!(after(text, &Change::Unlock(net("203.0.113.5"))), "203.0.113.6\t\r\n203.0.113.5\ttrue\r\n*\t\r\n");
        assert_eq!(
            after(text, &Change::Allow(net("203.0.113.6"))),
            "203.0.113.6\ttrue\r\n203.0.113.0/24\t1900000000\r\n203.0.113.5\t\r\n203.0.113.5\ttrue\r\n*\t\r\n"
        );
        assert_eq!(
            after(text, &Change::Deny(net("203.0.113.5"))),
            "203.0.113.0/24\t1900000000\r\n203.0.113.6\t\r\n203.0.113.5\t\r\n*\t\r\n"
        );
        assert_eq!(
            after(text, &Change::Forget(net("203.0.113.5"))),
            "203.0.113.0/24\t1900000000\r\n203.0.113.6\t\r\n*\t\r\n"
        );
        assert_eq!(edit(text.as_bytes(), &Change::Forget(net("192.0.2.1")), NOW), None);
    }

    #[test]
    fn a_table_has_a_limit_and_utf_16_becomes_utf_8() {
        let locks: Vec<Row> = (0..6_000).map(|n| lock(&format!("10.0.{}.{}", n / 250, n % 250), 60, false)).collect();
        let full = after("", &Change::Lock(locks));
        assert_eq!(full.lines().count(), MOST_TIMED);
        assert_eq!(edit(full.as_bytes(), &Change::Lock(vec![lock("192.0.2.1", 60, false)]), NOW), None);
        let wide: Vec<u8> = "\u{FEFF}10.0.0.1\ttrue\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let out = edit(&wide, &Change::Deny(net("192.0.2.1")), NOW).unwrap();
        assert_eq!(out, b"10.0.0.1\ttrue\r\n192.0.2.1\t\r\n");
    }

    proptest::proptest! {
        /// Whatever stands in the file: what is added holds, and bytes that were not touched are still there.
        #[test]
        fn any_file_survives(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let row = lock("192.0.2.1", 60, false);
            if let Some(out) = edit(&bytes, &Change::Lock(vec![row]), NOW) {
                let table = RejectTable::parse(&out);
                let wanted = net("192.0.2.1");
                proptest::prop_assert!(table.rows().iter().any(|row| row.network == wanted));
            }
            let _ = edit(&bytes, &Change::Prune, NOW);
        }
    }
}
