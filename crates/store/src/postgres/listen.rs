//! What other nodes tell: LISTEN on a connection of its own.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::broadcast;
use tokio_postgres::{AsyncMessage, NoTls};

use super::CHANNEL;
use super::connection::Connector;

/// Pause before a lost connection is made again.
const PAUSE: Duration = Duration::from_secs(1);

/// Starts to listen; ends with `runtime`.
pub(super) fn spawn(runtime: &Runtime, connector: Arc<Connector>, heard: broadcast::Sender<String>) {
    runtime.spawn(async move {
        loop {
            if let Err(error) = listen(&connector, &heard).await {
                tracing::warn!(%error, "not listening to other nodes; trying again");
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
}

/// Listens until the connection ends.
async fn listen(connector: &Connector, heard: &broadcast::Sender<String>) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = connector.config().connect(NoTls).await?;
    let heard = heard.clone();
    let driving = tokio::spawn(async move {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            match message {
                // Nobody may be subscribed, which is well.
                Ok(AsyncMessage::Notification(told)) => drop(heard.send(told.payload().to_owned())),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    });
    client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
    // The client must live as long as the connection is to stay.
    let ended = driving.await;
    drop(client);
    ended.unwrap_or(Ok(()))
}
