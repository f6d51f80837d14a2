//! What open browsers are told: server-sent events (WHATWG HTML §9.2).
//!
//! The picture of the moment is drawn once for all browsers of a language, when something happened or some seconds
//! passed, and only while somebody looks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_message::Language;
use tokio::sync::watch;

use crate::pages::now;
use crate::service::Console;

/// How often the picture is drawn when nothing happens.
const PERIOD: Duration = Duration::from_secs(5);
/// How long after a change the next one is waited for, so that a flood of changes draws few pictures.
const PAUSE: Duration = Duration::from_secs(2);

/// The pictures, by language.
#[derive(Default)]
pub struct Live(Mutex<HashMap<Language, watch::Sender<Arc<str>>>>);

impl Live {
    /// The picture in a language, from now on.
    #[must_use]
    pub fn follow(&self, console: &Console, lang: Language) -> watch::Receiver<Arc<str>> {
        let mut pictures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = pictures.get(&lang).filter(|sender| !sender.is_closed()) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(Arc::from(""));
        pictures.insert(lang, sender.clone());
        drop(pictures);
        tokio::spawn(draw(console.clone(), lang, sender));
        receiver
    }
}

/// Draws until nobody looks.
async fn draw(console: Console, lang: Language, sender: watch::Sender<Arc<str>>) {
    let mut bus = console.control().bus().subscribe();
    while !sender.is_closed() {
        match now::picture(&console, lang).await {
            Ok(picture) => {
                let picture: Arc<str> = picture.into_string().into();
                sender.send_if_modified(|last| {
                    let changed = *last != picture;
                    if changed {
                        *last = picture;
                    }
                    changed
                });
            }
            Err(refusal) => tracing::warn!(%refusal, "the picture of the moment could not be drawn"),
        }
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(PERIOD) => {}
            _ = bus.next() => tokio::time::sleep(PAUSE).await,
        }
        while bus.try_next().is_some() {}
    }
}
