//! Who is connected, where sessions of a network that is locked out shall end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sekisho_control::{BusEvent, Control};
use tokio_util::sync::CancellationToken;

/// The connections. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Present(Arc<Mutex<Crowd>>);

#[derive(Default)]
struct Crowd {
    next: u64,
    sessions: HashMap<u64, (IpAddr, CancellationToken)>,
}

/// A connection's place; free again when dropped.
pub(super) struct Place {
    present: Present,
    number: u64,
}

impl Present {
    /// Notes a connection from `ip` that ends when `stop` is cancelled.
    pub(super) fn enter(&self, ip: IpAddr, stop: CancellationToken) -> Place {
        let mut crowd = self.crowd();
        crowd.next += 1;
        let number = crowd.next;
        crowd.sessions.insert(number, (ip.to_canonical(), stop));
        drop(crowd);
        Place { present: self.clone(), number }
    }

    /// Ends the sessions of networks that are locked out, for ever.
    pub(super) async fn follow(&self, control: &Control) {
        let mut bus = control.bus().subscribe();
        loop {
            if let BusEvent::Locked { network } = bus.next().await {
                for (ip, stop) in self.crowd().sessions.values() {
                    if network.contains(ip) {
                        stop.cancel();
                    }
                }
            }
        }
    }

    /// A panic elsewhere leaves the map whole.
    fn crowd(&self) -> MutexGuard<'_, Crowd> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.present.crowd().sessions.remove(&self.number);
    }
}
