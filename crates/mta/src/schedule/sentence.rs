//! From reports to what is written: outcomes, journal lines, notifications.

use std::sync::Arc;
use std::time::Duration;

use sekisho_control::entry;
use sekisho_message::{Time, dsn};
use sekisho_store::queue::{Entry, NewMessage, Outcome};
use sekisho_store::{RecipientId, Result, journal};

use super::Context;
use super::job::{Flight, News, Report};
use super::judge::{self, Judged};
use crate::bounce::{self, Told, Writer};
use crate::relay::{Attempt, Fate};

/// How long to wait before a notification that could not be prepared is tried again.
const PATIENCE: Duration = Duration::from_secs(1);

/// What one report adds to the ledger.
pub(crate) struct Line {
    pub(crate) flight: Arc<Flight>,
    pub(crate) outcomes: Vec<(RecipientId, Outcome)>,
    pub(crate) journal: Vec<journal::Entry>,
    pub(crate) notices: Vec<NewMessage>,
    /// Entries that go back as they were.
    pub(crate) untouched: usize,
}

/// A report that is read.
pub(crate) enum Read {
    /// It can be written.
    Ready(Line),
    /// Senders are to be told, or cannot be told of a failure.
    Notices(Draft),
}

/// A report that needs [`prepare`].
pub(crate) struct Draft {
    flight: Arc<Flight>,
    judged: Vec<(Entry, Attempt, Judged, bool)>,
    untouched: usize,
    now: Time,
}

/// Judges a report.
pub(crate) fn read(ctx: &Context, report: Report, now: Time) -> Read {
    let Report { flight, news } = report;
    let mut judged = Vec::with_capacity(news.len());
    let mut untouched = 0;
    for (entry, news) in news {
        let (attempt, tried) = match news {
            News::Tried(attempt) => (attempt, true),
            News::Resting(attempt) => (attempt, false),
            News::Untouched => {
                untouched += 1;
                continue;
            }
        };
        let verdict = judge::judge(&entry, &attempt, &ctx.settings.retry, now, ctx.roll());
        ctx.outcomes.tell(&entry, &attempt, &verdict, &flight);
        judged.push((entry, attempt, verdict, tried));
    }
    let simple = judged
        .iter()
        .all(|(_, _, verdict, _)| verdict.notice.is_none() && !matches!(verdict.outcome, Outcome::Failed { .. }));
    let draft = Draft { flight, judged, untouched, now };
    if simple { Read::Ready(draft.into_line(Vec::new())) } else { Read::Notices(draft) }
}

/// Writes the notifications that a report makes necessary. Goes on until that is done, or the server breaks off.
pub(crate) async fn prepare(ctx: &Context, mut draft: Draft) -> Line {
    loop {
        match notices(ctx, &draft).await {
            Ok(Some(notice)) => return draft.into_line(vec![notice]),
            Ok(None) => {
                draft.keep_what_nobody_can_be_told();
                return draft.into_line(Vec::new());
            }
            Err(error) => {
                tracing::warn!(%error, "a notification cannot be written; trying again");
                tokio::select! {
                    () = ctx.abort.cancelled() => return draft.into_nothing(),
                    () = tokio::time::sleep(PATIENCE) => {}
                }
            }
        }
    }
}

/// The notification to the sender; none when there is no sender that we know. All entries are of one message.
async fn notices(ctx: &Context, draft: &Draft) -> Result<Option<NewMessage>> {
    let Some((first, ..)) = draft.judged.first() else { return Ok(None) };
    let (entry, links, now) = (first.clone(), ctx.settings.links, draft.now);
    let to = ctx.store.read(move |tx| bounce::sender(tx, &entry, links, now)).await?;
    let told = draft.told(ctx);
    let Some(to) = to.filter(|_| !told.is_empty()) else { return Ok(None) };
    let content = ctx.store.content(first.content).await?;
    let from = usize::try_from(first.relay_offset).unwrap_or(0).min(content.len());
    let writer = Writer {
        store: &ctx.store,
        hostname: &ctx.settings.relay.hostname,
        offset_minutes: ctx.settings.offset_minutes,
        now,
    };
    bounce::write(&writer, to, &told, &content.slice(from..)).await
}

impl Draft {
    fn told(&self, ctx: &Context) -> Vec<Told> {
        let give_up = ctx.settings.retry.give_up;
        self.judged
            .iter()
            .filter_map(|(entry, attempt, verdict, _)| {
                let action = verdict.notice?;
                Some(Told {
                    entry: entry.clone(),
                    action,
                    status: verdict.status.clone(),
                    attempt: Some(attempt.clone()),
                    retry_until: (action == dsn::Action::Delayed).then(|| entry.received + give_up),
                })
            })
            .collect()
    }

    /// A failure that nobody hears of must not vanish: it waits for a person. Unless the sender did not want to hear
    /// of it, or it is itself a notification of ours.
    fn keep_what_nobody_can_be_told(&mut self) {
        for (entry, _, verdict, _) in &mut self.judged {
            let ours = entry.reverse_path.is_none() && entry.origin.starts_with("bounce:");
            if ours || judge::waived(entry) {
                continue;
            }
            if let Outcome::Failed { code, reply } = &verdict.outcome {
                verdict.outcome = Outcome::Held { code: *code, reply: reply.clone() };
            }
        }
    }

    fn into_line(self, notices: Vec<NewMessage>) -> Line {
        let Self { flight, judged, untouched, now } = self;
        let mut line = Line {
            flight,
            outcomes: Vec::with_capacity(judged.len()),
            journal: Vec::with_capacity(judged.len()),
            notices,
            untouched,
        };
        for (entry, attempt, verdict, tried) in judged {
            line.journal.extend(journal_line(&entry, &attempt, &verdict.outcome, tried, now));
            line.outcomes.push((entry.id, verdict.outcome));
        }
        line
    }

    /// Nothing can be written any more: the entries stay as they are.
    fn into_nothing(self) -> Line {
        let untouched = self.untouched + self.judged.len();
        let (outcomes, journal, notices) = (Vec::new(), Vec::new(), Vec::new());
        Line { flight: self.flight, outcomes, journal, notices, untouched }
    }
}

/// What the logs say. What was put off without a try is not worth a line.
fn journal_line(entry: &Entry, attempt: &Attempt, outcome: &Outcome, tried: bool, now: Time) -> Option<journal::Entry> {
    let (message, reply) = (entry.message.to_string(), attempt.line());
    let ip = attempt.peer.as_ref().map(|peer| peer.ip.to_string()).unwrap_or_default();
    let told = entry::Outcome {
        message: &message,
        account: entry.account.as_deref(),
        origin: &entry.origin,
        network: &entry.network,
        from: entry.reverse_path.as_deref().unwrap_or_default(),
        to: &entry.address,
        host: &ip,
        host_name: attempt.peer.as_ref().map_or("", |peer| peer.host.as_str()),
        reply: &reply,
        size: entry.size,
        waited: now.since(entry.received).as_secs(),
    };
    match outcome {
        Outcome::Relayed | Outcome::Delivered | Outcome::Expanded => Some(entry::relayed(now, &told)),
        Outcome::Failed { .. } | Outcome::Held { .. } => Some(entry::failed(now, &told)),
        Outcome::Deferred { .. } => (tried || attempt.fate == Fate::Failed).then(|| entry::deferred(now, &told)),
    }
}
