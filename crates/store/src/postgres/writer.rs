//! The threads that write.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::connection::Connector;
use crate::Result;
use crate::job::Job;

/// Transactions at the same time. More would mostly wait for the same rows.
const WRITERS: usize = 4;

pub(super) struct Writers {
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Writers {
    pub(super) fn start(connector: &Arc<Connector>, queue: mpsc::Receiver<Box<dyn Job>>) -> Result<Self> {
        let queue = Arc::new(Mutex::new(queue));
        let mut threads = Vec::new();
        for _ in 0..WRITERS {
            let (queue, connector) = (Arc::clone(&queue), Arc::clone(connector));
            threads.push(thread::Builder::new().name("store-writer".into()).spawn(move || work(&connector, &queue))?);
        }
        Ok(Self { threads: Mutex::new(threads) })
    }

    /// Waits until everything that was handed over is written. The queue must be closed.
    pub(super) fn join(&self) {
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // Closures that panic are caught, so there is nothing to learn from the thread's end.
            let _ = thread.join();
        }
    }
}

fn work(connector: &Connector, queue: &Mutex<mpsc::Receiver<Box<dyn Job>>>) {
    loop {
        let next = crate::store::wait(queue.lock().unwrap_or_else(PoisonError::into_inner).recv());
        let Some(mut job) = next else { return };
        let outcome = connector.write(&mut |tx| job.run(tx));
        job.answer(outcome);
    }
}
