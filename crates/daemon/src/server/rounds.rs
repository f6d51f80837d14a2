//! The rounds that the server makes by itself: the ten signs every few minutes, the summary once a day.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil;
use jiff::tz::TimeZone;
use sekisho_control::check::{self, Check, State};
use sekisho_control::{Control, entry};
use sekisho_message::Time;
use sekisho_net::Clock;
use sekisho_store::meta;

use super::vitals::Probe;
use crate::config::Settings;

/// Which day's summary was written last.
const WRITTEN: &str = "rounds.summary";
/// The first look comes soon after the start.
const SOON: Duration = Duration::from_secs(20);
/// Block lists are not asked more often.
const LATER: Duration = Duration::from_secs(600);
const SHORTEST: Duration = Duration::from_secs(10);

/// Looks for ever.
pub(super) async fn run(control: Control, clock: Clock, settings: Arc<Settings>, probe: Probe) {
    let section = &settings.config.check;
    control.journal().note(entry::started(control.now(), env!("CARGO_PKG_VERSION")));
    let mut known = control.last_check().await.ok().flatten().unwrap_or_default();
    clock.sleep(SOON.min(section.every.0)).await;
    loop {
        let vitals = probe.measure(&control).await;
        match control.check(Some(vitals)).await {
            Ok(check) => {
                tell(&known, &check);
                if let Err(error) = summarize(&control, &settings, &check).await {
                    tracing::warn!(%error, "the daily summary could not be written");
                }
                known = check;
            }
            Err(error) => tracing::warn!(%error, "the signs could not be looked at"),
        }
        clock.sleep(section.every.0.max(SHORTEST)).await;
    }
}

/// Asks the block lists about us, for ever.
pub(super) async fn reputation(control: Control, clock: Clock, settings: Arc<Settings>) {
    let every = settings.config.reputation.every.0;
    if every.is_zero() {
        return;
    }
    clock.sleep(LATER.min(every)).await;
    loop {
        if let Err(error) = control.reputation().await {
            tracing::warn!(%error, "the block lists could not be asked");
        }
        clock.sleep(every.max(LATER)).await;
    }
}

/// What became worse is said on standard error, once.
fn tell(before: &Check, now: &Check) {
    for sign in &now.signs {
        let was = before.signs.iter().find(|one| one.id == sign.id).map_or(State::Ok, |one| one.state);
        if sign.state > was {
            tracing::warn!(sign = sign.id, state = ?sign.state, "{}", sign.evidence.en);
        }
    }
}

/// Writes the summary when its hour has come and nobody has written it today.
async fn summarize(control: &Control, settings: &Settings, check: &Check) -> sekisho_store::Result<()> {
    let section = &settings.config.check;
    let Some((hour, minute)) = section.summary.0 else { return Ok(()) };
    let (today, time) = local(check.at);
    if time < civil::time(hour, minute, 0, 0) {
        return Ok(());
    }
    // Whoever writes the day down first writes the letter: there may be several nodes, and restarts.
    let fresh = control.store().write(move |tx| {
        let known = meta::get(tx, WRITTEN)?;
        meta::set(tx, WRITTEN, Some(&today))?;
        Ok(known.as_deref() != Some(today.as_str()))
    });
    if !fresh.await? {
        return Ok(());
    }
    let (named, language, host) = (section.mail.clone(), section.language, settings.config.hostname.to_string());
    let check = check.clone();
    let read = control.store().read(move |tx| {
        Ok((check::summary_letter(tx, &check, &host)?, check::summary_recipients(tx, &named, language)?))
    });
    let (letter, to) = read.await?;
    control.post(&letter, &to, "notice:check").await?;
    Ok(())
}

/// The day and the time of the day where the server is.
fn local(at: Time) -> (String, civil::Time) {
    let stamp = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let zoned = stamp.to_zoned(TimeZone::system());
    (zoned.date().to_string(), zoned.time())
}
