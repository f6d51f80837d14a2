//! The bus: what one part of the server tells the others.
//!
//! Events are hints, never the truth: whoever hears one looks at the store. So an event may be lost (a slow
//! listener hears [`BusEvent::Missed`] instead) without anything going wrong for longer than one poll.
//!
//! Two kinds of listeners, because they differ by orders of magnitude in number: a few tasks hear everything
//! but mailbox changes ([`Bus::subscribe`]); thousands of sessions hear only their own account
//! ([`Bus::watch`]), so that a delivery wakes the owner's sessions and nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use sekisho_guard::place::Place;
use sekisho_store::{AccountId, MailboxId};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;

mod live;

/// Events that a listener may lag behind before it is told that it missed some.
const BACKLOG: usize = 256;
/// The same for one session's watch.
const WATCH_BACKLOG: usize = 16;
/// Events that wait to be told to other nodes.
const OUTBOX: usize = 4_096;
const SHARDS: usize = 16;

/// What happened. Small and without content: a hint to look at the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum BusEvent {
    /// Messages came to, left or changed in a mailbox, or the mailbox itself changed.
    MailboxChanged {
        /// Which mailbox.
        mailbox: MailboxId,
        /// Whose it is.
        account: AccountId,
    },
    /// Something in the queue has become due.
    QueueReady,
    /// Entries of the queue, or an origin, were held or purged: whoever has claimed some and not begun with them
    /// gives them back.
    QueueHeld,
    /// The account may no longer send, or is gone: its sending sessions end.
    Suspended {
        /// Which account.
        account: AccountId,
    },
    /// The account's password changed: its sessions must log in again.
    PasswordChanged {
        /// Which account.
        account: AccountId,
    },
    /// Receiving, delivery, POP3 or IMAP was paused or resumed.
    SwitchChanged,
    /// `effect.dat` or a `sender.dat` changed.
    RulesChanged,
    /// A network was locked out; nobody who has an account here used it lately.
    Locked {
        /// Which.
        network: ipnet::IpNet,
    },
    /// A lock was set or lifted.
    LockoutChanged,
    /// Domains, accounts, aliases or lists changed.
    DirectoryChanged,
    /// An incident was opened, or came further.
    IncidentChanged,
    /// The listener was too slow and missed events: look at everything again.
    Missed,
}

impl BusEvent {
    /// The account that the event is about, if it is about one.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::MailboxChanged { account, .. } | Self::Suspended { account } | Self::PasswordChanged { account } => {
                Some(*account)
            }
            _ => None,
        }
    }
}

type Shard = Mutex<HashMap<AccountId, broadcast::Sender<BusEvent>>>;

struct Inner {
    all: broadcast::Sender<BusEvent>,
    accounts: [Shard; SHARDS],
    outbox: OnceLock<mpsc::Sender<BusEvent>>,
    live: live::Live,
}

/// The bus. Clones share it.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

impl Default for Bus {
    fn default() -> Self {
        Self::new()
    }
}

impl Bus {
    /// A bus without listeners.
    #[must_use]
    pub fn new() -> Self {
        let (all, _) = broadcast::channel(BACKLOG);
        let accounts = std::array::from_fn(|_| Mutex::default());
        Self(Arc::new(Inner { all, accounts, outbox: OnceLock::new(), live: live::Live::default() }))
    }

    /// Tells whoever listens, here and on other nodes. Never waits.
    pub fn publish(&self, event: BusEvent) {
        if let Some(outbox) = self.0.outbox.get() {
            // A full outbox drops: events are hints, and other nodes look at the store by themselves now and then.
            let _ = outbox.try_send(event);
        }
        self.publish_here(event);
    }

    /// Tells whoever listens in this process.
    pub(crate) fn publish_here(&self, event: BusEvent) {
        if let Some(account) = event.account() {
            let shard = self.shard(account);
            if let Some(sender) = shard.get(&account) {
                // An error only says that the last watcher has just gone.
                let _ = sender.send(event);
            }
        }
        if !matches!(event, BusEvent::MailboxChanged { .. }) {
            let _ = self.0.all.send(event);
        }
    }

    /// What is published from now on, for other nodes. The first call alone gets it.
    pub(crate) fn outbox(&self) -> mpsc::Receiver<BusEvent> {
        let (sender, receiver) = mpsc::channel(OUTBOX);
        let _ = self.0.outbox.set(sender);
        receiver
    }

    /// Everything except [`BusEvent::MailboxChanged`].
    #[must_use]
    pub fn subscribe(&self) -> Listener {
        Listener(self.0.all.subscribe())
    }

    /// What concerns one account, mailbox changes included.
    #[must_use]
    pub fn watch(&self, account: AccountId) -> Watch {
        let mut shard = self.shard(account);
        let sender = shard.entry(account).or_insert_with(|| broadcast::channel(WATCH_BACKLOG).0);
        Watch { listener: Some(Listener(sender.subscribe())), account, bus: self.clone(), session: None }
    }

    /// The same for a session of the account that a client at `client` (an address) has opened: while the watch lives, the
    /// session counts as open there. `reads`: mail is read in it.
    #[must_use]
    pub fn attend(&self, account: AccountId, client: &str, reads: bool) -> Watch {
        let session = live::Session { place: Place::parse(client), reads };
        self.0.live.enter(account, session);
        let mut watch = self.watch(account);
        watch.session = Some(session);
        watch
    }

    /// In how many other networks sessions of the account are open now.
    #[must_use]
    pub fn elsewhere(&self, account: AccountId, place: Place) -> u8 {
        self.0.live.elsewhere(account, place)
    }

    /// Whether a session is open in which the account's mail is read, in that network.
    #[must_use]
    pub fn reads_at(&self, account: AccountId, place: Place) -> bool {
        self.0.live.reads_at(account, place)
    }

    fn shard(&self, account: AccountId) -> MutexGuard<'_, HashMap<AccountId, broadcast::Sender<BusEvent>>> {
        let at = usize::try_from(account.0.rem_euclid(SHARDS as i64)).unwrap_or(0);
        // A panic while the map was locked cannot have left it half changed.
        self.0.accounts[at % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears events of the whole server.
pub struct Listener(broadcast::Receiver<BusEvent>);

impl Listener {
    /// The next event. Waits for ever once the bus is gone. Cancel safe.
    pub async fn next(&mut self) -> BusEvent {
        match self.0.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => BusEvent::Missed,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// The next event that is already there.
    pub fn try_next(&mut self) -> Option<BusEvent> {
        match self.0.try_recv() {
            Ok(event) => Some(event),
            Err(broadcast::error::TryRecvError::Lagged(_)) => Some(BusEvent::Missed),
            Err(_) => None,
        }
    }
}

/// Hears events of one account.
pub struct Watch {
    listener: Option<Listener>,
    account: AccountId,
    bus: Bus,
    session: Option<live::Session>,
}

impl Watch {
    /// The next event of the account. Cancel safe.
    pub async fn next(&mut self) -> BusEvent {
        match &mut self.listener {
            Some(listener) => listener.next().await,
            None => std::future::pending().await,
        }
    }

    /// The next event of the account that is already there.
    pub fn try_next(&mut self) -> Option<BusEvent> {
        self.listener.as_mut().and_then(Listener::try_next)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(session) = self.session {
            self.bus.0.live.leave(self.account, session);
        }
        let mut shard = self.bus.shard(self.account);
        self.listener = None;
        if shard.get(&self.account).is_some_and(|sender| sender.receiver_count() == 0) {
            shard.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests;
