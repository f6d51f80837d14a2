//! Time goes by: a hold that nobody answers rises to suspension.

use std::time::Duration;

use sekisho_guard::event::Event;
use sekisho_store::{Result, profile};

use crate::Control;

/// Origins that are looked at together.
const PAGE: u32 = 100;
/// How often buffered logins are judged.
const LOGINS: Duration = Duration::from_secs(1);
/// Every how many rounds of it held origins are looked at.
const ROUNDS: u32 = 30;

impl Control {
    /// Judges what was buffered, and what time changes, for ever.
    pub async fn watch_origins(&self) {
        let mut round = 0;
        loop {
            tokio::time::sleep(LOGINS).await;
            if let Err(error) = self.judge_logins().await {
                tracing::warn!(%error, "logins could not be judged; trying again");
            }
            round += 1;
            if round >= ROUNDS {
                round = 0;
                if let Err(error) = self.tick().await {
                    tracing::warn!(%error, "held origins could not be looked at");
                }
            }
        }
    }

    /// Lets time pass for every origin whose mail waits for a person.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn tick(&self) -> Result<()> {
        let mut after = i64::MIN;
        loop {
            let page = self.store().read(move |tx| profile::held(tx, after, PAGE)).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = *last;
            for (_, origin) in &page {
                self.tell(origin, Event::Tick, Some("nobody answered the hold")).await?;
            }
        }
    }
}
