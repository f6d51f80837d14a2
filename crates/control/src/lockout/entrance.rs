//! Whether a client may connect.

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_guard::event;
use sekisho_guard::lockout::{Client, Lock, Rule};
use sekisho_guard::place::Place;
use sekisho_guard::rules::network::Network;
use sekisho_guard::rules::reject::{Decision, RejectTable};
use sekisho_message::Time;
use sekisho_store::lockout as kept;

use super::{OWNED, tables};
use crate::{Control, Protocol};

/// Why a client may not connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barred {
    /// For the journal. The client hears nothing of it.
    pub reason: String,
    /// Whether it is only for the number of its connections; it may come again soon.
    pub crowded: bool,
}

impl Control {
    /// Whether a client may connect, which is counted. `trusted`: it may relay without AUTH, so its connections are not
    /// counted, like those of this machine's own addresses.
    ///
    /// # Errors
    /// Why it may not.
    pub async fn admit(&self, protocol: Protocol, ip: IpAddr, trusted: bool) -> Result<(), Barred> {
        // Boxed: a session that is idle shall not carry the room that this takes.
        Box::pin(self.judge_client(protocol, ip, trusted)).await
    }

    /// The same without counting: for doors where a handshake would come first, which costs.
    ///
    /// # Errors
    /// Why it may not.
    pub async fn is_welcome(&self, protocol: Protocol, ip: IpAddr) -> Result<(), Barred> {
        self.look_at_client(protocol.guarded(), ip.to_canonical()).await.map(drop)
    }

    async fn judge_client(&self, protocol: Protocol, ip: IpAddr, trusted: bool) -> Result<(), Barred> {
        let (lockout, now, ip) = (self.lockout(), self.now(), ip.to_canonical());
        let protocol = protocol.guarded();
        if !self.look_at_client(protocol, ip).await? {
            return Ok(());
        }
        let client = Client {
            protocol,
            ip,
            account: 0,
            owner_here: false,
            anyone_here: false,
            exempt: trusted || lockout.is_own(ip),
        };
        match self.count_connection(client, now).await {
            None => Ok(()),
            Some(lock) => {
                let reason = lock.text(None).en;
                self.lock_down(vec![lock], None).await;
                Err(Barred { reason, crowded: true })
            }
        }
    }

    /// Notes that a client without AUTH wrote to a recipient that does not exist. Whether its address is locked now: it
    /// looks for addresses, and the session should end.
    pub async fn note_unknown(&self, ip: IpAddr, recipient: &str) -> bool {
        let (lockout, now, ip) = (self.lockout(), self.now(), ip.to_canonical());
        if !lockout.settings.enabled || lockout.is_exempt(ip) || lockout.is_own(ip) {
            return false;
        }
        let client = Client {
            protocol: event::Protocol::Smtp,
            ip,
            account: 0,
            owner_here: false,
            anyone_here: self.is_used(ip, now).await,
            exempt: false,
        };
        let hash = lockout.hash(&[b"unknown", recipient.as_bytes()]);
        let lock = lockout.state().lockouts.unknown(&lockout.settings.policy, &client, hash, now);
        match lock {
            None => false,
            Some(lock) => {
                self.lock_down(vec![lock], None).await;
                true
            }
        }
    }

    /// Whether the client may connect, and whether that is to be counted.
    async fn look_at_client(&self, protocol: event::Protocol, ip: IpAddr) -> Result<bool, Barred> {
        let lockout = self.lockout();
        let (decision, by_connections) = self.table_says(protocol, ip).await;
        match decision {
            Decision::Allowed { .. } => return Ok(false),
            Decision::Refused { line, .. } => {
                let reason = format!("line {line} of {}", tables::table_name(protocol));
                return Err(Barred { reason, crowded: by_connections });
            }
            Decision::Unknown => {}
        }
        if !lockout.settings.enabled || lockout.is_exempt(ip) {
            return Ok(false);
        }
        if !lockout.state().lockouts.may_connect(protocol, ip, self.now()) {
            let crowded = lockout.state().lockouts.is_crowded(protocol, ip, self.now());
            return Err(Barred { reason: "locked out".to_owned(), crowded });
        }
        Ok(true)
    }

    async fn count_connection(&self, mut client: Client, now: Time) -> Option<Lock> {
        let policy = &self.lockout().settings.policy;
        let near = !client.exempt && self.lockout().state().lockouts.is_near(policy, &client, now);
        if near {
            client.anyone_here = self.is_used(client.ip, now).await;
        }
        self.lockout().state().lockouts.connection(policy, &client, now)
    }

    /// Whether somebody who has an account used the network of `ip` in the last 30 days. A store that does not answer says
    /// yes: nobody is locked out on a guess.
    pub async fn is_used(&self, ip: IpAddr, now: Time) -> bool {
        if self.lockout().is_own(ip) {
            return true;
        }
        let place = Place::of(ip).to_string();
        self.store().read(move |tx| kept::is_used(tx, &place, now - OWNED)).await.unwrap_or(true)
    }

    /// What the tables say about a client, and whether it is for the number of connections. The console has no table: there
    /// a client is refused whom all of them refuse.
    pub(super) async fn table_says(&self, protocol: event::Protocol, ip: IpAddr) -> (Decision, bool) {
        let now = self.now();
        if protocol != event::Protocol::Console {
            let Some(table) = self.table(protocol).await else { return (Decision::Unknown, false) };
            let decision = table.decide(ip, now);
            return (decision, tables::is_by_connections(&table, decision));
        }
        let mut last = Decision::Unknown;
        for (protocol, _) in tables::FILES {
            let Some(table) = self.table(protocol).await else { return (Decision::Unknown, false) };
            last = table.decide(ip, now);
            if !matches!(last, Decision::Refused { .. }) {
                return (Decision::Unknown, false);
            }
        }
        (last, false)
    }

    /// A table as it is now. A row that was ours and that somebody took away lifts its lock.
    async fn table(&self, protocol: event::Protocol) -> Option<Arc<RejectTable>> {
        let (lockout, now) = (self.lockout(), self.now());
        let table = lockout.tables.of(protocol, now)?;
        if self.missing(protocol, &table, now).is_empty() {
            return Some(table);
        }
        // Perhaps the row came after the table was read.
        let table = lockout.tables.fresh(protocol, now)?;
        lockout.state().seen.remove(&protocol);
        let missing = self.missing(protocol, &table, now);
        for lock in missing {
            if let Some(network) = lock.network() {
                let gone = lockout.state().lockouts.unlock_network(&Network::Net(network));
                self.lifted(gone, "row removed by hand").await;
            }
        }
        Some(table)
    }

    /// Locks in force whose row is in the table no more, when the table is another one than last time.
    fn missing(&self, protocol: event::Protocol, table: &Arc<RejectTable>, now: Time) -> Vec<Lock> {
        let mut state = self.lockout().state();
        if state.seen.get(&protocol).is_some_and(|seen| Arc::ptr_eq(seen, table)) {
            return Vec::new();
        }
        state.seen.insert(protocol, Arc::clone(table));
        state.rowed.retain(|_, lock| now < lock.until);
        let is_missing = |lock: &&Lock| {
            let Some((of, row)) = lock.row() else { return false };
            // The last second is the housekeeping's.
            let soon = lock.until - std::time::Duration::from_secs(2) <= now;
            of.is_none_or(|of| of == protocol) && !soon && !table.rows().iter().any(|r| r.network == row.network)
        };
        state.rowed.values().filter(is_missing).cloned().collect()
    }

    /// Whether a lock is about connections: then no event drops the sessions that are open.
    pub(super) fn drops_sessions(lock: &Lock) -> bool {
        !lock.spares_owners && matches!(lock.rule, Rule::Failures | Rule::Spraying)
    }
}
