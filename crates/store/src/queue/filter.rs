//! Which queue entries an act is about, and walking through the queue in bounded steps.

use std::net::IpAddr;

use ipnet::IpNet;
use sekisho_message::Time;

use super::{Listed, Stage};
use crate::{MessageId, NEVER, RecipientId, Result, Row, Tx, TxExt};

/// Entries that one step looks at: some milliseconds of reading.
const EXAMINED: i64 = 4_000;
/// Entries of an origin that are gathered at once rather than looked for in the whole queue.
const FEW: u64 = 20_000;

/// Which entries. All conditions that are given must hold; texts compare without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Account that submitted it.
    pub account: Option<String>,
    /// Envelope sender or recipient.
    pub address: Option<String>,
    /// Client address, or a network in CIDR form that contains it.
    pub network: Option<String>,
    /// Domain of the recipient.
    pub domain: Option<String>,
    /// Key of the origin.
    pub origin: Option<String>,
    /// What the key of the origin begins with, such as `quarantine:`.
    pub origin_kind: Option<String>,
    /// Where it stands (holding includes held origins).
    pub stage: Option<Stage>,
    /// Received before this time.
    pub older_than: Option<Time>,
    /// This message alone.
    pub message: Option<MessageId>,
    /// Content with this fingerprint.
    pub fingerprint: Option<i64>,
}

impl Filter {
    fn matches(&self, entry: &Listed) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found.is_some_and(|found| equal(wanted, found)))
        };
        same(&self.account, entry.account.as_deref())
            && same(&self.origin, Some(&entry.origin))
            && self.origin_kind.as_deref().is_none_or(|kind| entry.origin.starts_with(kind))
            && same(&self.domain, entry.address.rsplit('@').next())
            && self.address.as_deref().is_none_or(|wanted| {
                equal(wanted, &entry.address)
                    || entry.reverse_path.as_deref().is_some_and(|sender| equal(wanted, sender))
            })
            && self.network.as_deref().is_none_or(|wanted| contains(wanted, &entry.network))
            && self.stage.is_none_or(|stage| stage == entry.stage)
            && self.older_than.is_none_or(|time| entry.received < time)
            && self.message.is_none_or(|message| message == entry.message)
            && self.fingerprint.is_none_or(|fingerprint| fingerprint == entry.fingerprint)
    }
}

/// One entry that a filter matches, with where it stands in the tables.
pub(super) struct Found {
    pub(super) listed: Listed,
    pub(super) lane: i64,
    /// Its own stage, whatever its epoch is.
    pub(super) stage: Stage,
    pub(super) epoch: i64,
    /// Whether its epoch is held.
    pub(super) held: bool,
    /// End of the lease of its lane, while it is leased.
    pub(super) leased_until: Option<i64>,
}

/// Up to `limit` matching entries after `after`, by id, and where to go on: of an origin that has few, all at once; else out of the
/// next [`EXAMINED`] of the whole queue.
pub(super) fn walk(
    tx: &mut dyn Tx,
    filter: &Filter,
    after: Option<RecipientId>,
    limit: u32,
) -> Result<(Vec<Found>, Option<RecipientId>)> {
    let limit = limit as usize;
    let (first, end) = match filter.message {
        Some(message) => (message.recipient(0).0 - 1, Some(MessageId(message.0 + 1).recipient(0).0 - 1)),
        None => (-1, None),
    };
    let after = after.map_or(first, |after| after.0.max(first));
    let boundary = tx.one(
        "SELECT id FROM recipient WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2",
        &[after.into(), EXAMINED.into()],
        |row| row.int(0),
    )?;
    if boundary.is_some()
        && end.is_none()
        && let Some(epochs) = few(tx, filter)?
    {
        return gather(tx, filter, &epochs, after, limit);
    }
    let last = boundary.unwrap_or(NEVER).min(end.unwrap_or(NEVER));
    let mut found: Vec<Found> = Vec::new();
    let mut cut = None;
    tx.query(
        &format!("{ENTRIES} WHERE r.id > ?1 AND r.id <= ?2 ORDER BY r.id"),
        &[after.into(), last.into()],
        &mut |row| {
            if found.len() < limit {
                let entry = read(row)?;
                if filter.matches(&entry.listed) {
                    found.push(entry);
                }
            } else if cut.is_none() {
                // There are more: the next step begins here.
                cut = found.last().map(|entry| entry.listed.recipient);
            }
            Ok(())
        },
    )?;
    let more = boundary.filter(|boundary| end.is_none_or(|end| *boundary < end)).map(RecipientId);
    Ok((found, cut.or(more)))
}

const ENTRIES: &str = "SELECT r.id, r.stage, r.due, r.address, r.attempts, r.code, r.reply, r.lane,
        m.reverse_path, m.account, m.network, m.subject, m.size, m.received, m.fingerprint,
        l.destination, l.due, l.owner, e.id, e.held, o.key
    FROM recipient r JOIN message m ON m.id = (r.id >> 20) JOIN lane l ON l.id = r.lane
        JOIN epoch e ON e.id = m.epoch JOIN origin o ON o.id = e.origin";

/// The epochs in which everything lies that an origin or an account has in the queue, where that is at most [`FEW`].
///
/// What an account sent has the account as its origin, or one that is no account: a network, a list, the quarantine.
fn few(tx: &mut dyn Tx, filter: &Filter) -> Result<Option<Vec<i64>>> {
    let (key, others) = match filter {
        Filter { origin: Some(origin), .. } => (origin.to_lowercase(), false),
        Filter { account: Some(account), .. } => (format!("account:{}", account.to_lowercase()), true),
        _ => return Ok(None),
    };
    let others = if others { " OR o.key NOT LIKE 'account:%'" } else { "" };
    let sql = format!(
        "SELECT e.id, e.r0 + e.r1 + e.r2 + e.r3 FROM epoch e JOIN origin o ON o.id = e.origin
         WHERE e.messages > 0 AND (o.key = ?1{others})"
    );
    let epochs = tx.all(&sql, &[(&key).into()], |row| Ok((row.int(0)?, row.count(1)?)))?;
    let entries: u64 = epochs.iter().map(|(_, entries)| entries).sum();
    Ok((entries <= FEW).then(|| epochs.into_iter().map(|(epoch, _)| epoch).collect()))
}

/// The matching entries of some epochs, by their lanes.
fn gather(
    tx: &mut dyn Tx,
    filter: &Filter,
    epochs: &[i64],
    after: i64,
    limit: usize,
) -> Result<(Vec<Found>, Option<RecipientId>)> {
    let sql = format!("{ENTRIES} WHERE l.epoch = ?1 AND r.id > ?2");
    let mut found: Vec<Found> = Vec::new();
    for epoch in epochs {
        tx.query(&sql, &[(*epoch).into(), after.into()], &mut |row| {
            let entry = read(row)?;
            if filter.matches(&entry.listed) {
                found.push(entry);
            }
            Ok(())
        })?;
    }
    found.sort_by_key(|entry| entry.listed.recipient);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().map(|entry| entry.listed.recipient) } else { None };
    Ok((found, next))
}

fn read(row: &dyn Row) -> Result<Found> {
    let own = |text: Option<&str>| text.map(ToOwned::to_owned);
    let recipient = RecipientId(row.int(0)?);
    let stage = Stage::stored(row.int(1)?)?;
    let held = row.flag(19)?;
    Ok(Found {
        lane: row.int(7)?,
        stage,
        epoch: row.int(18)?,
        held,
        leased_until: row.opt_text(17)?.map(|_| row.int(16)).transpose()?,
        listed: Listed {
            recipient,
            message: recipient.message(),
            stage: if held { Stage::Holding } else { stage },
            due: Some(row.int(2)?).filter(|due| *due < NEVER).map(Time),
            address: row.text(3)?.to_owned(),
            attempts: u32::try_from(row.int(4)?).unwrap_or(u32::MAX),
            code: row.opt_int(5)?.and_then(|code| u16::try_from(code).ok()),
            reply: own(row.opt_text(6)?),
            reverse_path: own(row.opt_text(8)?),
            account: own(row.opt_text(9)?),
            network: row.text(10)?.to_owned(),
            subject: row.text(11)?.to_owned(),
            size: row.count(12)?,
            received: Time(row.int(13)?),
            fingerprint: row.int(14)?,
            destination: row.text(15)?.to_owned(),
            origin: row.text(20)?.to_owned(),
        },
    })
}

fn equal(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_lowercase() == b.to_lowercase()
}

/// Whether `found`, an address or a network, is `wanted` or lies within it.
pub(crate) fn contains(wanted: &str, found: &str) -> bool {
    if equal(wanted, found) {
        return true;
    }
    let network = |text: &str| text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    network(wanted).zip(network(found)).is_some_and(|(wanted, found)| wanted.contains(&found))
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn networks_contain_addresses_and_smaller_networks() {
        for (wanted, found, expected) in [
            ("192.0.2.0/24", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.0/24", "192.0.2.0/25", true),
            ("192.0.2.0/25", "192.0.2.0/24", false),
            ("192.0.2.0/24", "198.51.100.1", false),
            ("2001:db8::/32", "2001:DB8::1", true),
            ("2001:db8::/32", "192.0.2.7", false),
            ("local", "Local", true),
            ("local", "192.0.2.7", false),
        ] {
            assert_eq!(contains(wanted, found), expected, "{wanted} {found}");
        }
    }
}
