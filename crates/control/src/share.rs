//! The bus between nodes: what one node publishes, the others hear through the store.

use std::time::Duration;

use sekisho_store::Engine;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use crate::{BusEvent, Control};

/// Events in one notification; PostgreSQL takes less than 8,000 bytes.
const MOST: usize = 50;
/// How long events gather before they are sent on.
const GATHER: Duration = Duration::from_millis(20);

impl Control {
    /// Passes events between this node and the others, for ever. Does nothing over an embedded store, which has one
    /// node. Notifications are hints: a lost one costs a poll, never a message.
    pub async fn share_events(&self) {
        if !matches!(self.store().read(|tx| Ok(tx.engine())).await, Ok(Engine::Postgres)) {
            return std::future::pending().await;
        }
        let outgoing = self.bus().outbox();
        tokio::join!(self.send_events(outgoing), self.hear_events());
    }

    async fn send_events(&self, mut outgoing: mpsc::Receiver<BusEvent>) {
        let mut batch = Vec::with_capacity(MOST);
        while outgoing.recv_many(&mut batch, MOST).await > 0 {
            tokio::time::sleep(GATHER).await;
            while batch.len() < MOST
                && let Ok(event) = outgoing.try_recv()
            {
                batch.push(event);
            }
            let mut distinct: Vec<BusEvent> = Vec::with_capacity(batch.len());
            for event in batch.drain(..) {
                if !distinct.contains(&event) {
                    distinct.push(event);
                }
            }
            let sent = match serde_json::to_string(&distinct) {
                Ok(payload) => self.store().notify(&payload).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = sent {
                tracing::warn!(error, "other nodes could not be told of changes");
            }
        }
    }

    async fn hear_events(&self) {
        let mut incoming = self.store().notifications();
        loop {
            match incoming.recv().await {
                Ok(payload) => match serde_json::from_str::<Vec<BusEvent>>(&payload) {
                    Ok(events) => {
                        for event in events {
                            self.hear(event);
                        }
                    }
                    Err(error) => tracing::warn!(%error, "another node said something that is not understood"),
                },
                Err(RecvError::Lagged(_)) => self.hear(BusEvent::Missed),
                Err(RecvError::Closed) => return std::future::pending().await,
            }
        }
    }
}
