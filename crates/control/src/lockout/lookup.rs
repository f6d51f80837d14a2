//! What is locked, and what people ask to be.

use sekisho_guard::event::Protocol;
use sekisho_guard::lockout::{Lock, Subject};
use sekisho_guard::rules::network::Network;
use sekisho_guard::rules::reject::RejectTable;
use sekisho_message::{Text, say};

use super::edit::Change;
use super::logins;
use super::tables::FILES;
use crate::{Actor, Control, Done, Refusal};

/// A lock in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The lock.
    pub lock: Lock,
    /// What it concerns: an account, a network.
    pub about: String,
    /// The protocol that it concerns; none: all.
    pub protocol: Option<Protocol>,
    /// What happened.
    pub text: Text,
}

/// Everything that keeps somebody out.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Locks in force, the newest first.
    pub locks: Vec<InForce>,
    /// The tables by file name.
    pub tables: Vec<(&'static str, RejectTable)>,
}

impl Control {
    /// What is locked now.
    #[must_use]
    pub fn lockouts(&self) -> Overview {
        let (lockout, now) = (self.lockout(), self.now());
        let mut locks: Vec<InForce> = {
            let state = lockout.state();
            state
                .lockouts
                .locks(now)
                .map(|lock| {
                    let name = state.name(lock);
                    InForce {
                        lock: lock.clone(),
                        about: logins::about(lock, name.as_deref()).unwrap_or_default(),
                        protocol: logins::protocol(lock),
                        text: lock.text(name.as_deref()),
                    }
                })
                .collect()
        };
        locks.sort_by_key(|one| std::cmp::Reverse(one.lock.since));
        let table = |(protocol, name)| Some((name, (*lockout.tables.of(protocol, now)?).clone()));
        Overview { locks, tables: FILES.into_iter().filter_map(table).collect() }
    }

    /// Lifts the locks of an address, network or account, and takes their rows away.
    pub(crate) async fn unlock(&self, what: &str, actor: &Actor) -> Result<Done, Refusal> {
        let what = what.trim();
        let (gone, network) = match Network::parse(what) {
            Ok(network) if !what.contains('@') => {
                (self.lockout().state().lockouts.unlock_network(&network), Some(network))
            }
            _ => (self.unlock_name(what).await?, None),
        };
        let locks = gone.len();
        self.lifted(gone, &format!("by {actor}")).await;
        let mut rows = false;
        if let Some(network) = network.clone() {
            rows = self.try_change_tables(None, Change::Unlock(network)).await.map_err(unwritable)?;
        }
        let mut text = match (locks, rows) {
            (0, false) => say!(ja: "{what} はロックされていませんでした。", en: "{what} was not locked."),
            (0, true) => say!(ja: "{what} の行を表から消しました。", en: "Took the rows of {what} out of the tables."),
            _ => say!(ja: "{what} のロック {locks} 件を解除しました。", en: "Lifted {locks} locks of {what}."),
        };
        if let Some((file, line)) = network.and_then(|network| self.still_refused(&network)) {
            let more = say!(
                ja: "{file} の {line} 行目がまだ拒否しています（sekisho lockout forget で消せます）。",
                en: "Line {line} of {file} still refuses it (sekisho lockout forget takes it away)."
            );
            text = Text::new(format!("{}{}", text.ja, more.ja), format!("{} {}", text.en, more.en));
        }
        let detail = serde_json::json!({ "locks": locks, "rows": rows });
        self.note_act(actor, "lockout.unlock", what, text, detail).await
    }

    async fn unlock_name(&self, what: &str) -> Result<Vec<Lock>, Refusal> {
        let found = self.account_key(what).await?;
        let name = found.unwrap_or_else(|| what.to_lowercase());
        let hash = self.lockout().name_hash(&name);
        Ok(self.lockout().state().lockouts.unlock_account(hash))
    }

    /// Writes a row that lets a network in, or refuses it, or takes all its rows away.
    pub(crate) async fn change_row(
        &self,
        act: &'static str,
        network: &str,
        protocol: Option<crate::Protocol>,
        actor: &Actor,
    ) -> Result<Done, Refusal> {
        let parsed = Network::parse(network.trim()).map_err(Refusal::invalid)?;
        let shown = parsed.to_string();
        let (change, text) = match act {
            "lockout.allow" => (
                Change::Allow(parsed.clone()),
                say!(ja: "{shown} は今後ロックされません。", en: "{shown} is never locked out from now on."),
            ),
            "lockout.deny" => (
                Change::Deny(parsed.clone()),
                say!(ja: "{shown} からの接続を拒否します。", en: "Connections from {shown} are refused."),
            ),
            _ => (
                Change::Forget(parsed.clone()),
                say!(ja: "{shown} の行を表から消しました。", en: "Took all rows of {shown} out of the tables."),
            ),
        };
        if self.options().rules.is_none() {
            return Err(Refusal::invalid(say!(
                ja: "このサーバには表のフォルダがありません。",
                en: "This server has no folder for tables."
            )));
        }
        if act == "lockout.allow" {
            let gone = self.lockout().state().lockouts.unlock_network(&parsed);
            self.lifted(gone, &format!("by {actor}")).await;
        }
        let changed =
            self.try_change_tables(protocol.map(crate::Protocol::guarded), change).await.map_err(unwritable)?;
        let detail = serde_json::json!({ "protocol": protocol, "changed": changed });
        self.note_act(actor, act, &shown, text, detail).await
    }

    /// The first table and line that still refuse what was unlocked.
    fn still_refused(&self, network: &Network) -> Option<(&'static str, u32)> {
        use sekisho_guard::rules::reject::Entry;
        FILES.iter().find_map(|(protocol, name)| {
            let table = self.lockout().tables.fresh(*protocol, self.now())?;
            let row = table.rows().iter().find(|row| row.network.covers(network))?;
            (row.entry != Entry::Allowed).then_some((*name, row.line))
        })
    }

    async fn note_act(
        &self,
        actor: &Actor,
        act: &'static str,
        about: &str,
        text: Text,
        detail: serde_json::Value,
    ) -> Result<Done, Refusal> {
        let about = about.to_owned();
        self.transact(actor, move |_| {
            Ok(crate::control::Acted {
                act,
                about: Some(about.clone()),
                detail: detail.clone(),
                done: Done::with(text.clone(), detail.clone()),
                events: vec![crate::BusEvent::LockoutChanged],
            })
        })
        .await
    }
}

impl InForce {
    /// What kind of thing is locked: `address`, `network`, `login` or `account`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.lock.subject {
            Subject::Address(..) => "address",
            Subject::Place(_) => "network",
            Subject::Login(..) => "login",
            Subject::Account(_) => "account",
        }
    }
}

fn unwritable(error: std::io::Error) -> Refusal {
    Refusal::Store {
        reason: say!(ja: "表を書けません: {error}", en: "The tables cannot be written: {error}"),
        temporary: true,
    }
}
