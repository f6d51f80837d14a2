//! What systemd is told. Without systemd all of this does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// The server answers.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The server is stopping.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says that the server lives, as often as systemd wants to hear it, for as long as the runtime runs tasks.
pub(crate) async fn watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let pause = (limit / 2).max(Duration::from_millis(100));
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(pause).await;
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
