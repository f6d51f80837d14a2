//! The drill, as the running server does it: one at a time, on a thread of its own, watched and ended from outside.
//!
//! What is rehearsed, and on what, is the business of whoever lends a [`Theatre`]: control knows neither reception nor queue. Nothing of a
//! drill touches the server's own store but its two journal entries and its report.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use sekisho_guard::drill::{Attack, From};
use sekisho_message::{Text, Time, say};
use sekisho_store::{Result, rounds};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::{Control, entry};

/// Name of the report in the store.
const REPORT: &str = "drill";

/// What is rehearsed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Which class of attack; none is all of them.
    pub attack: Option<Attack>,
    /// From where the intruder comes; none is from everywhere that the class can come from.
    pub from: Option<From>,
    /// Seed of the run that is told in detail.
    pub seed: u64,
}

/// How far a drill is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Parts that are done.
    pub done: u64,
    /// All parts.
    pub total: u64,
    /// What is being rehearsed.
    pub what: Option<Text>,
}

/// How a drill ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum End {
    /// It was played to its end; what it found, in the shape of `sekisho drill --json` with texts in both languages.
    Finished {
        /// The report.
        report: Value,
    },
    /// Somebody ended it.
    Cancelled,
    /// It could not be played.
    Failed {
        /// Why.
        why: Text,
    },
}

/// A drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drill {
    /// What is rehearsed.
    pub plan: Plan,
    /// Who began it.
    pub who: String,
    /// When.
    pub begun: Time,
    /// How far it is.
    pub progress: Progress,
    /// When and how it ended; none while it goes on.
    pub end: Option<(Time, End)>,
}

/// Where a drill is played. It blocks until it is over.
pub trait Theatre: Send + Sync {
    /// Plays `plan`; `told` hears how far it is, and says whether to go on.
    ///
    /// # Errors
    /// Why it could not be played.
    fn play(&self, plan: &Plan, told: &mut dyn FnMut(Progress) -> bool) -> std::result::Result<Option<Value>, Text>;
}

/// The drill that goes on, and the last one.
pub struct Drills {
    theatre: OnceLock<Arc<dyn Theatre>>,
    now: watch::Sender<Option<Arc<Drill>>>,
    cancelled: Arc<AtomicBool>,
}

impl Default for Drills {
    fn default() -> Self {
        Self { theatre: OnceLock::new(), now: watch::Sender::new(None), cancelled: Arc::default() }
    }
}

impl Drills {
    /// Lends a theatre. Only the first one counts.
    pub fn play_at(&self, theatre: Arc<dyn Theatre>) {
        let _ = self.theatre.set(theatre);
    }

    /// The drill of this process from now on: none until the first.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Option<Arc<Drill>>> {
        self.now.subscribe()
    }

    /// Ends the drill that goes on; whether there was one.
    pub fn cancel(&self) -> bool {
        let goes_on = self.now.borrow().as_ref().is_some_and(|drill| drill.end.is_none());
        if goes_on {
            self.cancelled.store(true, Ordering::Relaxed);
        }
        goes_on
    }

    /// Takes the place of the one drill that may go on.
    ///
    /// # Errors
    /// When there is one already, or nowhere to play it.
    pub(crate) fn take(&self, plan: Plan, who: String, begun: Time) -> std::result::Result<Arc<dyn Theatre>, Text> {
        let theatre = self.theatre.get().cloned().ok_or_else(|| {
            say!(
                ja: "予行は動いているサーバでだけ始められます（停止中は sekisho drill を使ってください）。",
                en: "A drill is begun in the running server alone; sekisho drill does it without one."
            )
        })?;
        let taken = self.now.send_if_modified(|now| {
            let free = now.as_ref().is_none_or(|drill| drill.end.is_some());
            if free {
                *now = Some(Arc::new(Drill { plan, who, begun, progress: Progress::default(), end: None }));
            }
            free
        });
        if !taken {
            return Err(say!(
                ja: "別の予行が進行中です。終わるのを待つか、中止してください。",
                en: "Another drill goes on. Wait for its end, or cancel it."
            ));
        }
        self.cancelled.store(false, Ordering::Relaxed);
        Ok(theatre)
    }

    /// Gives the place back before anything was played.
    pub(crate) fn give_up(&self) {
        self.now.send_replace(None);
    }

    fn change(&self, change: impl FnOnce(&mut Drill)) {
        self.now.send_modify(|now| {
            if let Some(drill) = now {
                change(Arc::make_mut(drill));
            }
        });
    }
}

impl Control {
    /// Plays the drill that was taken, on a thread of its own.
    pub(crate) fn play(&self, plan: Plan, theatre: Arc<dyn Theatre>) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (control, cancelled) = (self.clone(), Arc::clone(&self.drills().cancelled));
        let thread = std::thread::Builder::new().name("drill".into()).spawn(move || {
            let mut last = None;
            let mut told = |progress: Progress| {
                // Many acts are a small part of it all.
                if last.replace(progress.done) != Some(progress.done) {
                    control.drills().change(|drill| drill.progress = progress);
                }
                !cancelled.load(Ordering::Relaxed)
            };
            let played = theatre.play(&plan, &mut told);
            let _ = sender.send(match played {
                Ok(Some(report)) => End::Finished { report },
                Ok(None) => End::Cancelled,
                Err(why) => End::Failed { why },
            });
        });
        if let Err(error) = thread {
            let why = say!(ja: "スレッドを作れません: {error}", en: "No thread could be made: {error}");
            self.drills().change(|drill| drill.end = Some((drill.begun, End::Failed { why })));
            return;
        }
        let control = self.clone();
        tokio::spawn(async move {
            let lost = say!(ja: "予行が異常終了しました。", en: "The drill broke off.");
            let end = receiver.await.unwrap_or(End::Failed { why: lost });
            if let Err(error) = control.end_drill(end).await {
                tracing::warn!(%error, "the report of a drill was not kept");
            }
        });
    }

    /// Keeps what came out.
    async fn end_drill(&self, end: End) -> Result<()> {
        let now = self.now();
        let words = match &end {
            End::Finished { .. } => "a drill is over".to_owned(),
            End::Cancelled => "a drill was cancelled".to_owned(),
            End::Failed { why } => format!("a drill failed: {}", why.en),
        };
        self.journal().note(entry::notice(now, &words));
        let finished = matches!(end, End::Finished { .. });
        self.drills().change(|drill| drill.end = Some((now, end)));
        let drill = self.drills().now.borrow().clone();
        let Some(drill) = drill.filter(|_| finished) else { return Ok(()) };
        let body = serde_json::to_string(drill.as_ref()).unwrap_or_default();
        self.store().write(move |tx| rounds::set_report(tx, REPORT, now, &body)).await
    }

    /// The drill of this process, or the last one that any process finished.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn last_drill(&self) -> Result<Option<Drill>> {
        let now = self.drills().now.borrow().clone();
        if let Some(drill) = now {
            return Ok(Some(drill.as_ref().clone()));
        }
        let kept = self.store().read(|tx| rounds::report(tx, REPORT)).await?;
        Ok(kept.and_then(|report| serde_json::from_str(&report.body).ok()))
    }
}
