//! What became of recipients, as evidence: dead first contacts, and receivers that say "spam".

use std::collections::BTreeMap;

use sekisho_guard::event::{Event, Outcome as Step, OutcomeResult};
use sekisho_guard::step::step;
use sekisho_message::{Address, Time};
use sekisho_store::{Result, Tx, contact};

use super::judge::About;
use super::{Aftermath, Guard};
use crate::Control;

/// What became of one recipient of an origin's mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Key of the origin.
    pub origin: String,
    /// When its message was accepted.
    pub received: Time,
    /// The recipient.
    pub address: String,
    /// Who answered: the host, or the recipient's domain.
    pub provider: String,
    /// What happened.
    pub said: Said,
}

/// What the receiver said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It took the message.
    Taken,
    /// There is no such recipient.
    Dead,
    /// It refused for policy, reputation or as spam.
    Refused,
}

impl Control {
    /// Judges many outcomes in one transaction.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn tell_outcomes(&self, outcomes: Vec<Outcome>) -> Result<()> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let (control, now) = (self.clone(), self.now());
        let told = self.store().write(move |tx| control.guard().hear(tx, &outcomes, now)).await?;
        for aftermath in told {
            self.after(aftermath);
        }
        Ok(())
    }
}

impl Guard {
    fn hear(&self, tx: &mut dyn Tx, outcomes: &[Outcome], now: Time) -> Result<Vec<Aftermath>> {
        // In the order of their names, so that nodes do not wait for each other.
        let mut origins: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        for outcome in outcomes {
            origins.entry(&outcome.origin).or_default().push(outcome);
        }
        let mut told = Vec::new();
        for (origin, outcomes) in origins {
            told.extend(self.hear_of(tx, origin, &outcomes, now)?);
        }
        Ok(told)
    }

    fn hear_of(&self, tx: &mut dyn Tx, origin: &str, outcomes: &[&Outcome], now: Time) -> Result<Vec<Aftermath>> {
        let id = self.origin(origin);
        let peer = |outcome: &Outcome| Address::parse(&outcome.address).map_or(0, |address| self.peer(&address));
        let peers: Vec<i64> = outcomes.iter().map(|outcome| peer(outcome)).collect();
        let known = contact::known(tx, id, &peers)?;
        let first = |peer: &i64, outcome: &Outcome| known.get(peer).is_none_or(|c| c.since >= outcome.received);
        let events: Vec<Step> = outcomes
            .iter()
            .zip(&peers)
            .filter_map(|(outcome, peer)| {
                let first_contact = first(peer, outcome);
                let result = match outcome.said {
                    Said::Taken => OutcomeResult::Relayed,
                    Said::Dead => OutcomeResult::Dead,
                    Said::Refused => OutcomeResult::Refused,
                };
                // Most outcomes are of mail to people who are known, and say nothing.
                let says = first_contact || result == OutcomeResult::Refused;
                says.then(|| Step { first_contact, result, provider: self.domain(&outcome.provider) })
            })
            .collect();
        // What was held and then released was no contact until now.
        let taken = outcomes
            .iter()
            .zip(&peers)
            .filter(|(outcome, peer)| outcome.said == Said::Taken && **peer != 0 && !known.contains_key(peer));
        let mut new: Vec<i64> = taken.map(|(_, peer)| *peer).collect();
        new.sort_unstable();
        new.dedup();
        contact::wrote(tx, id, &new, &known, now)?;
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut open = self.open(tx, origin, now)?;
        let mut told = Vec::new();
        for event in events {
            let event = Event::Outcome(event);
            let verdict = step(&self.settings.policy, &mut open.profile, &mut open.site, &event, now);
            let about = About { why: Some("what receivers said"), ..About::default() };
            let aftermath = self.act(tx, origin, &open, &verdict, about, now)?;
            open.settle(&verdict);
            if aftermath != Aftermath::default() {
                told.push(aftermath);
            }
        }
        self.close(tx, origin, open)?;
        Ok(told)
    }
}
