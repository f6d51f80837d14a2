//! Who is connected: sessions of a network that is locked out end, and those of a listener that is closed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sekisho_control::{BusEvent, Control};
use tokio_util::sync::CancellationToken;

use super::bound::Service;

/// The connections. Clones share them.
#[derive(Clone)]
pub(super) struct Present {
    crowd: Arc<Mutex<Crowd>>,
    drops_locked: bool,
}

#[derive(Default)]
struct Crowd {
    next: u64,
    sessions: HashMap<u64, Session>,
}

struct Session {
    service: Service,
    ip: IpAddr,
    stop: CancellationToken,
}

/// A connection's place; free again when dropped.
pub(super) struct Place {
    present: Present,
    number: u64,
}

impl Present {
    /// Nobody yet. `drops_locked`: a lock of a network ends its sessions.
    pub(super) fn new(drops_locked: bool) -> Self {
        Self { crowd: Arc::default(), drops_locked }
    }

    /// Notes a connection from `ip` that ends when `stop` is cancelled.
    pub(super) fn enter(&self, service: Service, ip: IpAddr, stop: CancellationToken) -> Place {
        let mut crowd = self.crowd();
        crowd.next += 1;
        let number = crowd.next;
        crowd.sessions.insert(number, Session { service, ip: ip.to_canonical(), stop });
        drop(crowd);
        Place { present: self.clone(), number }
    }

    /// Ends the sessions of networks that are locked out, for ever.
    pub(super) async fn follow(&self, control: &Control) {
        let mut bus = control.bus().subscribe();
        loop {
            let event = bus.next().await;
            if let (BusEvent::Locked { network }, true) = (event, self.drops_locked) {
                self.end(|session| network.contains(&session.ip));
            }
        }
    }

    /// Ends the sessions of listeners that are closed, for ever.
    pub(super) async fn follow_closed(&self, control: &Control) {
        let mut closing = control.guard().closing();
        while closing.changed().await.is_ok() {
            let closed = Arc::clone(&closing.borrow_and_update());
            self.end(|session| closed.listener(session.service.as_str()).is_some());
        }
    }

    fn end(&self, which: impl Fn(&Session) -> bool) {
        self.crowd().sessions.values().filter(|session| which(session)).for_each(|session| session.stop.cancel());
    }

    /// A panic elsewhere leaves the map whole.
    fn crowd(&self) -> MutexGuard<'_, Crowd> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.present.crowd().sessions.remove(&self.number);
    }
}
