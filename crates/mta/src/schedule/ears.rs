//! Hears the bus for the dispatcher, so that a busy dispatcher misses nothing and a busy bus does not disturb it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sekisho_control::BusEvent;
use sekisho_control::bus::Listener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What was heard since the dispatcher last asked.
#[derive(Debug, Default)]
struct Heard {
    ready: AtomicBool,
    switched: AtomicBool,
    held: AtomicBool,
    news: Notify,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Ears {
    heard: Arc<Heard>,
    task: JoinHandle<()>,
}

impl Ears {
    pub(crate) fn new(mut listener: Listener) -> Self {
        let heard = Arc::new(Heard::default());
        let memory = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            loop {
                memory.take(listener.next().await);
                while let Some(event) = listener.try_next() {
                    memory.take(event);
                }
                memory.news.notify_one();
            }
        });
        Self { heard, task }
    }

    /// Returns when something was heard since the last call. Cancel-safe.
    pub(crate) async fn news(&self) {
        self.heard.news.notified().await;
    }

    /// Whether something became due.
    pub(crate) fn ready(&self) -> bool {
        self.heard.ready.swap(false, Ordering::AcqRel)
    }

    /// Whether a switch may have changed.
    pub(crate) fn switched(&self) -> bool {
        self.heard.switched.swap(false, Ordering::AcqRel)
    }

    /// Whether something that is claimed may be held now.
    pub(crate) fn held(&self) -> bool {
        self.heard.held.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Heard {
    fn take(&self, event: BusEvent) {
        let set = |flag: &AtomicBool| flag.store(true, Ordering::Release);
        match event {
            BusEvent::QueueReady => set(&self.ready),
            BusEvent::SwitchChanged => set(&self.switched),
            BusEvent::QueueHeld | BusEvent::Suspended { .. } => set(&self.held),
            BusEvent::Missed => [&self.ready, &self.switched, &self.held].into_iter().for_each(set),
            _ => {}
        }
    }
}
