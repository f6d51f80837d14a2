//! One event, judged and acted on within a transaction.

use sekisho_guard::event::Event;
use sekisho_guard::ladder::{Action, Rung, Verdict};
use sekisho_guard::profile::Profile;
use sekisho_guard::site::Site;
use sekisho_guard::step::step;
use sekisho_message::Time;
use sekisho_store::account::{self, State};
use sekisho_store::incident::{self, NewIncident};
use sekisho_store::{AccountId, IncidentId, Result, Tx, app_password, journal, profile, queue};
use serde_json::{Value, json};

use super::{Aftermath, Guard, Mode, closed};
use crate::entry;

/// How an act of the guard is signed.
const BY: &str = "server:guard";

/// What came of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What the guard says.
    pub verdict: Verdict,
    /// What must be told after the commit.
    pub aftermath: Aftermath,
}

/// What an event is about beside its origin, for the journal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About<'a> {
    /// The person whose act it is; the guard's own when empty.
    pub(super) by: &'a str,
    pub(super) network: &'a str,
    pub(super) message: Option<&'a str>,
    /// Why a person did it, or what the event was.
    pub(super) why: Option<&'a str>,
}

/// An origin's profile while events are judged.
pub(crate) struct Open {
    pub(crate) id: i64,
    pub(crate) profile: Profile,
    pub(super) site: Site,
    site_before: Site,
    rung: Rung,
}

impl Open {
    /// An event is dealt with; what the next one changes is compared with this one's rung.
    pub(super) fn settle(&mut self, verdict: &Verdict) {
        self.rung = verdict.rung;
    }
}

/// The address of the account that an origin's key names.
pub(crate) fn account_of(origin: &str) -> Option<&str> {
    origin.strip_prefix("account:")
}

/// The profile of an origin, or a new one; a damaged one starts afresh.
fn load(bytes: Option<Vec<u8>>, id: i64, now: Time) -> Profile {
    let read = bytes.and_then(|bytes| {
        let read = Profile::decode(&bytes);
        if let Err(error) = &read {
            tracing::error!(%error, origin = id, "a profile of the guard cannot be read; it starts afresh");
        }
        read.ok()
    });
    read.unwrap_or_else(|| Profile::new(id.cast_unsigned(), now))
}

impl Guard {
    /// Judges one event of one origin within `tx`, keeps what was learnt and does what follows.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn judge(
        &self,
        tx: &mut dyn Tx,
        origin: &str,
        event: &Event,
        by: &str,
        why: Option<&str>,
        now: Time,
    ) -> Result<Judged> {
        let mut open = self.open(tx, origin, now)?;
        let verdict = step(&self.settings.policy, &mut open.profile, &mut open.site, event, now);
        let about = About { by, why, ..About::default() };
        let aftermath = self.act(tx, origin, &open, &verdict, about, now)?;
        self.close(tx, origin, open)?;
        Ok(Judged { verdict, aftermath })
    }

    /// Reads what is needed to judge an origin's events.
    pub(crate) fn open(&self, tx: &mut dyn Tx, origin: &str, now: Time) -> Result<Open> {
        let id = self.origin(origin);
        let profile = load(profile::take(tx, id)?, id, now);
        // The site's memory may be lost without harm.
        let site = profile::site(tx)?.and_then(|bytes| Site::decode(&bytes).ok()).unwrap_or_default();
        Ok(Open { id, rung: profile.rung, profile, site_before: site.clone(), site })
    }

    /// Keeps what was learnt.
    pub(crate) fn close(&self, tx: &mut dyn Tx, origin: &str, open: Open) -> Result<()> {
        let held = open.profile.held_since.is_some();
        profile::put(tx, open.id, origin, held, open.profile.rung as u8, &open.profile.encode())?;
        if open.site != open.site_before {
            profile::put_site(tx, &open.site.encode())?;
        }
        Ok(())
    }

    /// Does what a verdict asks for: holds the origin, opens the incident, suspends the account, and says so in the journal.
    pub(super) fn act(
        &self,
        tx: &mut dyn Tx,
        origin: &str,
        open: &Open,
        verdict: &Verdict,
        about: About<'_>,
        now: Time,
    ) -> Result<Aftermath> {
        let mut aftermath = Aftermath::default();
        if verdict.incident.is_some() {
            aftermath.incident = self.open_incident(tx, origin, open, verdict, about, now)?;
            aftermath.held = self.settings.mode != Mode::Observe;
        }
        if verdict.suspend && self.settings.mode != Mode::Observe {
            aftermath.suspended = suspend(tx, origin, about.why, now)?;
        }
        let dwells = matches!(verdict.action, Action::Dwell { .. });
        if verdict.rung != open.rung || dwells || verdict.incident.is_some() || verdict.suspend {
            journal::append(tx, &[said(origin, verdict, about, aftermath.incident, now)])?;
        }
        Ok(aftermath)
    }

    fn open_incident(
        &self,
        tx: &mut dyn Tx,
        origin: &str,
        open: &Open,
        verdict: &Verdict,
        about: About<'_>,
        now: Time,
    ) -> Result<Option<IncidentId>> {
        let Some(found) = &verdict.incident else { return Ok(None) };
        let mut epoch = None;
        if self.settings.mode != Mode::Observe {
            epoch = Some(queue::hold_origin(tx, origin, &found.text.en, now)?.epoch);
        }
        let mut facts = self.facts(open, verdict, about.message, now);
        let closes = self.settings.close_isolated && epoch.is_some() && closed::can_close(origin);
        if closes {
            facts["closed"] = true.into();
            let detail = json!({ "origin": origin, "reason": &found.text.en });
            journal::append(tx, &[entry::act(now, BY, "isolate.close", Some(origin), &detail)])?;
        }
        let reason = json!(found.reason);
        let new = NewIncident {
            origin,
            account: account_of(origin),
            reason: reason.as_str().unwrap_or("unknown"),
            by: if about.by.is_empty() { BY } else { about.by },
            epoch,
            // Everybody is told at once.
            notice: Some(now),
            facts: &facts,
        };
        Ok(Some(incident::open(tx, &new, now)?.0))
    }

    /// What is known of an origin now.
    ///
    /// # Errors
    /// What the engine reports.
    pub(crate) fn facts_of(&self, tx: &mut dyn Tx, origin: &str, now: Time) -> Result<Value> {
        let open = self.open(tx, origin, now)?;
        let (score, learning) = (
            sekisho_guard::score::share(&open.profile, &self.settings.policy, now),
            open.profile.is_learning(&self.settings.policy, now),
        );
        let verdict = Verdict {
            rung: open.profile.rung,
            action: Action::Hold,
            suspend: false,
            incident: None,
            signals: Vec::new(),
            score,
            learning,
        };
        Ok(self.facts(&open, &verdict, None, now))
    }

    /// What is known at the moment that an incident is opened; the profile goes on changing.
    fn facts(&self, open: &Open, verdict: &Verdict, message: Option<&str>, now: Time) -> Value {
        let (policy, profile) = (&self.settings.policy, &open.profile);
        let own = |place| profile.is_surely_home(policy, place, now);
        let places: Vec<Value> = profile
            .places
            .items()
            .iter()
            .map(|p| json!({ "network": p.place, "first": p.first, "last": p.last, "days": p.days, "own": own(p.place) }))
            .collect();
        let failures: Vec<Value> = profile
            .guesses
            .failures
            .items()
            .iter()
            .map(|f| {
                json!({ "network": f.place, "protocol": f.protocol, "first": f.first, "last": f.last, "count": f.count })
            })
            .collect();
        let ledger: Vec<Value> = profile
            .ledger
            .items()
            .iter()
            .map(|line| json!({ "at": line.at, "message": message_name(line.message), "signal": line.signal }))
            .collect();
        let foreign = profile.places.items().iter().filter(|p| !own(p.place)).map(|p| p.first);
        let first_foreign = profile.breach.map(|breach| breach.success).or_else(|| foreign.min());
        json!({
            "mode": self.settings.mode,
            "class": profile.class(),
            "score": verdict.score,
            "learning": verdict.learning,
            "text": verdict.incident.as_ref().map(|found| &found.text),
            "message": message,
            "first_evidence": verdict.incident.as_ref().map_or(now, |found| found.first_evidence),
            "first_foreign": first_foreign,
            "login": profile.breach,
            "networks": places,
            "failures": failures,
            "ledger": ledger,
        })
    }
}

/// A message as the ledger of the guard knows it, as people know it.
fn message_name(number: u64) -> Option<String> {
    let id = i64::try_from(number).ok().filter(|id| *id > 0)?;
    Some(sekisho_store::MessageId(id).to_string())
}

/// Suspends the account of an origin; its sending sessions are ended after the commit.
fn suspend(tx: &mut dyn Tx, origin: &str, why: Option<&str>, now: Time) -> Result<Option<AccountId>> {
    let Some(found) = account_of(origin).map(|key| account::get(tx, key)).transpose()?.flatten() else {
        return Ok(None);
    };
    if found.state != State::Active {
        return Ok(None);
    }
    account::set_state(tx, found.id, State::Suspended)?;
    let apps = app_password::revoke_all(tx, found.id, now)?;
    let detail = json!({ "reason": why.unwrap_or("the guard holds its mail"), "app_passwords_revoked": apps });
    journal::append(tx, &[entry::act(now, BY, "account.suspend", Some(&found.key), &detail)])?;
    Ok(Some(found.id))
}

fn said(origin: &str, verdict: &Verdict, about: About<'_>, incident: Option<IncidentId>, now: Time) -> journal::Entry {
    let waits = match &verdict.action {
        Action::Dwell { until } => until.iter().flatten().count(),
        Action::Pass | Action::Hold => 0,
    };
    let detail = json!({
        "origin": origin,
        "rung": verdict.rung,
        "score": verdict.score,
        "learning": verdict.learning,
        "action": match &verdict.action { Action::Pass => "pass", Action::Dwell { .. } => "dwell", Action::Hold => "hold" },
        "waits": waits,
        "suspend": verdict.suspend,
        "incident": incident,
        "reason": verdict.incident.as_ref().map(|found| found.reason),
        "text": verdict.incident.as_ref().map(|found| &found.text),
        "signals": verdict.signals,
        "why": about.why,
    });
    entry::verdict(now, account_of(origin), about.network, about.message, detail)
}
