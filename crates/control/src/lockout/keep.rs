//! Locks on their way into the store, the tables and the journal, and out of them.

use std::time::Duration;

use sekisho_guard::event::Protocol;
use sekisho_guard::lockout::Lock;
use sekisho_guard::rules::reject::Row;
use sekisho_message::{Text, Time, say};
use sekisho_store::journal::{self, Entry};
use sekisho_store::lockout as kept;
use sekisho_store::login;
use serde_json::json;

use super::edit::Change;
use super::{OWNED, logins, pack, subject, unpack};
use crate::{Actor, BusEvent, Control, entry};

/// How often what is over is taken away.
const TIDY: Duration = Duration::from_secs(30);
/// How long events gather before the store is looked at.
const GATHER: Duration = Duration::from_millis(200);

impl Control {
    /// Keeps new locks: store and journal in one transaction, then the tables. They are in force already; a store or disk
    /// that fails costs no more than a restart's memory of them.
    pub(super) async fn lock_down(&self, locks: Vec<Lock>, name: Option<&str>) {
        let (now, lockout) = (self.now(), self.lockout());
        let named = |lock: &Lock| lock.row().is_none().then(|| name.map(str::to_owned)).flatten();
        let mut rows = Vec::new();
        for lock in &locks {
            tracing::warn!("{}", lock.text(name).en);
            if let Some(name) = named(lock) {
                lockout.state().names.insert(lock.subject, name);
            }
            rows.extend(pack(lock, named(lock)));
        }
        let entries: Vec<Entry> =
            locks.iter().map(|lock| self.entry("lockout.lock", lock, name, &lock.text(name), now)).collect();
        let written = self.store().write(move |tx| {
            for row in &rows {
                kept::put(tx, row)?;
            }
            journal::append(tx, &entries)
        });
        if let Err(error) = written.await {
            tracing::error!(%error, "a lock could not be kept in the store; it is in force here");
        }
        self.write_rows(&locks).await;
        for lock in &locks {
            if Self::drops_sessions(lock)
                && let Some(network) = lock.network()
            {
                self.publish(BusEvent::Locked { network });
            }
        }
        self.publish(BusEvent::LockoutChanged);
    }

    /// Takes locks that are in force no more out of store and tables.
    pub(super) async fn lifted(&self, gone: Vec<Lock>, why: &str) {
        if gone.is_empty() {
            return;
        }
        let now = self.now();
        let names: Vec<Option<String>> = {
            let mut state = self.lockout().state();
            let names = gone.iter().map(|lock| state.name(lock)).collect();
            state.drop_names(&gone);
            names
        };
        let text = say!(ja: "ロックを解除しました（{why}）。", en: "The lock was lifted ({why}).");
        let entries: Vec<Entry> = gone
            .iter()
            .zip(&names)
            .map(|(lock, name)| self.entry("lockout.unlock", lock, name.as_deref(), &text, now))
            .collect();
        let subjects: Vec<String> = gone.iter().filter_map(subject).collect();
        let written = self.store().write(move |tx| {
            for subject in &subjects {
                kept::remove(tx, subject)?;
            }
            journal::append(tx, &entries)
        });
        if let Err(error) = written.await {
            tracing::error!(%error, "a lifted lock could not be taken out of the store");
        }
        for lock in &gone {
            if let Some((protocol, row)) = lock.row() {
                self.change_tables(protocol, Change::Unlock(row.network)).await;
            }
        }
        self.publish(BusEvent::LockoutChanged);
    }

    /// Takes away what is over and hears of what other nodes locked, for ever.
    pub async fn keep_lockouts(&self) {
        let mut bus = self.bus().subscribe();
        loop {
            self.tidy_lockouts().await;
            let quiet = tokio::time::sleep(TIDY);
            tokio::pin!(quiet);
            loop {
                tokio::select! {
                    () = &mut quiet => break,
                    event = bus.next() => {
                        if matches!(event, BusEvent::Locked { .. } | BusEvent::LockoutChanged | BusEvent::Missed) {
                            tokio::time::sleep(GATHER).await;
                            while bus.try_next().is_some() {}
                            self.reload_lockouts().await;
                        }
                    }
                }
            }
        }
    }

    /// Takes away what is over: locks, their rows, and uses of networks that are too old.
    pub(crate) async fn tidy_lockouts(&self) {
        let now = self.now();
        self.change_tables(None, Change::Prune).await;
        let over = self.store().write(move |tx| {
            let old = now - OWNED - Duration::from_secs(86_400);
            kept::expire_use(tx, old)?;
            login::expire_ways(tx, old)?;
            kept::end(tx, now)
        });
        let over = match over.await {
            Ok(over) => over,
            Err(error) => return tracing::warn!(%error, "lockouts could not be tidied"),
        };
        if over.is_empty() {
            return;
        }
        let ended: Vec<(Lock, Option<String>)> = over.iter().filter_map(unpack).collect();
        let locks: Vec<Lock> = ended.iter().map(|(lock, _)| lock.clone()).collect();
        self.lockout().state().drop_names(&locks);
        let text = say!(ja: "ロックの期限が過ぎました。", en: "The lock has ended.");
        for (lock, name) in &ended {
            self.journal().note(self.entry("lockout.end", lock, name.as_deref(), &text, now));
        }
    }

    /// Takes over what the store says: other nodes lock and lift too.
    pub(super) async fn reload_lockouts(&self) {
        let now = self.now();
        let Ok(found) = self.store().read(move |tx| kept::locks(tx, now)).await else { return };
        let found: Vec<(Lock, Option<String>)> = found.iter().filter_map(unpack).collect();
        let (new, gone) = {
            let mut state = self.lockout().state();
            let known: Vec<Lock> = state.lockouts.locks(now).cloned().collect();
            let new: Vec<Lock> = found
                .iter()
                .filter(|(lock, _)| !known.iter().any(|known| known.subject == lock.subject))
                .map(|(lock, _)| lock.clone())
                .collect();
            // A lock that is younger may still be on its way into the store.
            let old = |lock: &Lock| now.since(lock.since) > Duration::from_secs(60);
            let lifted = |lock: &Lock| old(lock) && !found.iter().any(|(found, _)| found.subject == lock.subject);
            let gone: Vec<Lock> = known.into_iter().filter(lifted).collect();
            for (lock, name) in found {
                state.add(lock, name);
            }
            state.lockouts.retain(|lock| !gone.iter().any(|gone| gone.subject == lock.subject));
            state.drop_names(&gone);
            (new, gone)
        };
        self.write_rows(&new).await;
        for lock in &gone {
            if let Some((protocol, row)) = lock.row() {
                self.change_tables(protocol, Change::Unlock(row.network)).await;
            }
        }
    }

    /// Writes the rows of locks that have some.
    async fn write_rows(&self, locks: &[Lock]) {
        let mut by_table: Vec<(Option<Protocol>, Vec<Row>)> = Vec::new();
        for (protocol, row) in locks.iter().filter_map(Lock::row) {
            match by_table.iter_mut().find(|(of, _)| *of == protocol) {
                Some((_, rows)) => rows.push(row),
                None => by_table.push((protocol, vec![row])),
            }
        }
        for (protocol, rows) in by_table {
            if !self.change_tables(protocol, Change::Lock(rows)).await {
                continue;
            }
            let mut state = self.lockout().state();
            for lock in locks.iter().filter(|lock| lock.row().is_some_and(|(of, _)| of == protocol)) {
                state.rowed.insert(lock.subject, lock.clone());
            }
        }
    }

    /// Changes one table or all of them; whether anything changed.
    pub(super) async fn change_tables(&self, protocol: Option<Protocol>, change: Change) -> bool {
        match self.try_change_tables(protocol, change).await {
            Ok(changed) => changed,
            Err(error) => {
                tracing::error!(%error, "a reject table could not be written");
                false
            }
        }
    }

    /// The same for a person, who hears what is wrong.
    pub(super) async fn try_change_tables(&self, protocol: Option<Protocol>, change: Change) -> std::io::Result<bool> {
        let (control, now) = (self.clone(), self.now());
        tokio::task::spawn_blocking(move || control.lockout().tables.change(protocol, &change, now))
            .await
            .map_err(std::io::Error::other)?
    }

    /// Writes a reject table as a person wants it; what was written by hand before. Rows with an end stay.
    pub(crate) async fn write_table(&self, protocol: Protocol, text: String) -> std::io::Result<String> {
        let (control, now) = (self.clone(), self.now());
        tokio::task::spawn_blocking(move || control.lockout().tables.write(protocol, text, now))
            .await
            .map_err(std::io::Error::other)?
    }

    fn entry(&self, act: &str, lock: &Lock, name: Option<&str>, text: &Text, now: Time) -> Entry {
        let who = Actor::server("lockout").to_string();
        let about = logins::about(lock, name);
        let detail = json!({ "lock": lock, "text": text });
        let mut entry = entry::act(now, &who, act, about.as_deref(), &detail);
        entry.network = lock.network().map(|network| network.to_string());
        entry
    }
}
