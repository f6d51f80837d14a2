//! What a server does when nobody asks: write the journal, forget what is old, notice changes.

use std::sync::Arc;
use std::time::Duration;

use sekisho_control::Control;
use sekisho_message::Time;
use sekisho_mta::quarantine;
use sekisho_net::{Clock, ServerTls};
use sekisho_store::{Error, account, console, index, journal, personal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{mirror, notify, rounds};
use crate::config::Settings;
use crate::desk::Desk;

/// How often the store is tidied.
const TIDY: Duration = Duration::from_secs(60);
/// How often old journal entries are compressed and forgotten, and removed accounts purged.
const AGE: Duration = Duration::from_secs(600);
/// Journal entries younger than this are not compressed.
const FRESH: Duration = Duration::from_secs(86_400);
/// Uncompressed journal entries at most.
const MOST_FRESH: u64 = 1_000_000;
/// How long answers to programs are kept, for requests that are sent again.
const ANSWERS: Duration = Duration::from_secs(86_400);
/// How often new mail is looked for, to be indexed.
const NEW_MAIL: Duration = Duration::from_secs(2);
/// How long it is remembered to whom an automatic reply went; no rule asks for more.
const REPLIED: Duration = Duration::from_secs(366 * 86_400);
/// Bodies and rows in one step.
const STEP: u32 = 1_000;
/// Pause between steps, so that sessions come first.
const BREATH: Duration = Duration::from_millis(20);
/// Writes in one such pause from which on somebody is at work that the index should not be in the way of.
const BUSY: u64 = 3;
/// Longest time that the index waits for a quiet moment, in pauses.
const PATIENCE: u32 = 50;

/// Starts every task; they end with `stop`.
pub(super) fn begin(desk: &Desk, clock: &Clock, tls: &ServerTls, tasks: &TaskTracker, stop: &CancellationToken) {
    let control = desk.control.clone();
    let journal = control.journal().clone();
    spawn(tasks, stop, async move { journal.run().await });
    let shared = control.clone();
    spawn(tasks, stop, async move { shared.share_events().await });
    let lockouts = control.clone();
    spawn(tasks, stop, async move { lockouts.keep_lockouts().await });
    let closing = control.clone();
    spawn(tasks, stop, async move { closing.follow_closed().await });
    let watching = control.clone();
    spawn(tasks, stop, async move { watching.watch_origins().await });
    let (tls, hands) = (tls.clone(), clock.clone());
    spawn(tasks, stop, async move {
        tls.watch(hands, |outcome| match outcome {
            Ok(()) => tracing::info!("new certificate"),
            Err(error) => tracing::error!(%error, "the certificate stays as it is"),
        })
        .await;
    });
    spawn(tasks, stop, tidy(control.clone(), clock.clone()));
    spawn(tasks, stop, index_mail(control.clone(), clock.clone()));
    spawn(tasks, stop, age(control.clone(), clock.clone(), Arc::clone(&desk.settings)));
    if let Some(probe) = desk.probe.clone() {
        spawn(tasks, stop, rounds::run(control.clone(), clock.clone(), Arc::clone(&desk.settings), probe));
    }
    spawn(tasks, stop, rounds::reputation(control.clone(), clock.clone(), Arc::clone(&desk.settings)));
    spawn(tasks, stop, notify::watchdog());
    if desk.settings.config.logs.files {
        spawn(tasks, stop, mirror::run(control, clock.clone(), Arc::clone(&desk.settings)));
    }
}

/// Runs `work` until it ends or the server stops.
pub(super) fn spawn(tasks: &TaskTracker, stop: &CancellationToken, work: impl Future<Output = ()> + Send + 'static) {
    let stop = stop.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = work => {}
            () = stop.cancelled() => {}
        }
    });
}

/// Deletes bodies that nothing refers to.
async fn tidy(control: Control, clock: Clock) {
    loop {
        clock.sleep(TIDY).await;
        let store = control.store();
        while report("bodies", store.collect_garbage(STEP).await) == Some(STEP) {
            clock.sleep(BREATH).await;
        }
    }
}

/// Makes signatures and summaries of mail that has come in, for searches and listings to come.
async fn index_mail(control: Control, clock: Clock) {
    loop {
        let (store, now) = (control.store().clone(), clock.now());
        let work = tokio::task::spawn_blocking(move || index::step(&store, now));
        let outcome = work.await.unwrap_or_else(|error| Err(Error::Engine(error.to_string())));
        let more = report("index", outcome) == Some(true);
        if more { quiet(&control, &clock).await } else { clock.sleep(NEW_MAIL).await }
    }
}

/// Waits for a pause in which hardly anybody writes, but not for ever.
async fn quiet(control: &Control, clock: &Clock) {
    for _ in 0..PATIENCE {
        let before = control.store().writes();
        clock.sleep(BREATH).await;
        if control.store().writes() - before < BUSY {
            return;
        }
    }
}

/// Compresses and forgets old journal entries, and destroys the mail of accounts whose grace period is over.
async fn age(control: Control, clock: Clock, settings: Arc<Settings>) {
    loop {
        let logs = &settings.config.logs;
        let (now, keep) = (clock.now(), Duration::from_secs(u64::from(logs.days) * 86_400));
        let bytes = logs.size.0;
        let (fresh, oldest) = (now - FRESH, now - keep);
        while report("journal", journal::compress_step(control.store(), fresh, MOST_FRESH).await) == Some(true) {
            clock.sleep(BREATH).await;
        }
        steps(&control, &clock, "journal", move |tx| journal::expire_step(tx, oldest, bytes)).await;
        steps(&control, &clock, "automatic replies", move |tx| personal::expire_replied(tx, now - REPLIED)).await;
        expire_quarantine(&control, &clock, now).await;
        steps(&control, &clock, "removed accounts", move |tx| account::purge_removed(tx, now)).await;
        steps(&control, &clock, "console sessions", move |tx| console::expire(tx, now)).await;
        steps(&control, &clock, "answers to programs", move |tx| console::expire_answers(tx, now - ANSWERS)).await;
        clock.sleep(AGE).await;
    }
}

/// Forgets what has been in quarantine for too long.
async fn expire_quarantine(control: &Control, clock: &Clock, now: Time) {
    let mut after = None;
    loop {
        let step = control.store().write(move |tx| quarantine::expire_step(tx, now, after)).await;
        match report("quarantine", step).flatten() {
            None => return,
            next => after = next,
        }
        clock.sleep(BREATH).await;
    }
}

/// Runs a step until it says that nothing is left.
async fn steps(
    control: &Control,
    clock: &Clock,
    what: &str,
    step: impl Fn(&mut dyn sekisho_store::Tx) -> sekisho_store::Result<bool> + Clone + Send + 'static,
) {
    while report(what, control.store().write(step.clone()).await) == Some(true) {
        clock.sleep(BREATH).await;
    }
}

fn report<T>(what: &str, outcome: Result<T, Error>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::warn!(what, %error, "housekeeping");
            None
        }
    }
}
