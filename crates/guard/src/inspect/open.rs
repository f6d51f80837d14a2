//! Relaying without a login from ever new networks: the rule itself is too wide, whichever network it is today.

use sekisho_message::Time;

use super::bounded::hash;
use super::judge::Inspector;
use super::mails::MailId;
use super::origins::{Origin, Sent};
use crate::event::{Event, Submission};
use crate::ladder::Action;
use crate::place::Place;
use crate::step::step;

/// The origin that stands for all of them.
const ANYWHERE: &str = "network:0.0.0.0/0";
/// So many networks that lately began to relay make it an origin.
const ENOUGH: usize = 5;
/// Networks that are remembered for it.
const MOST: usize = 256;
const DAY: i64 = 86_400_000_000;
/// For so long a network has lately begun.
const YOUNG: i64 = 7 * DAY;

impl Inspector {
    /// Whether this network is one of several on the public net that lately began to relay.
    pub(super) fn is_open(&mut self, place: Place, at: Time) -> bool {
        let public = match place {
            Place::Unknown => false,
            Place::V4(_) | Place::V6(_) => {
                !super::read::house_address(place.to_string().split('/').next().unwrap_or_default())
            }
        };
        let known = self.origins.get(hash(&place.to_string())).map(|origin| origin.profile.created);
        if !public || known.is_some_and(|created| at.0.saturating_sub(created.0) > YOUNG) {
            return false;
        }
        self.young.retain(|(other, last)| *other != place && at.0.saturating_sub(last.0) < DAY);
        if self.young.len() >= MOST {
            self.young.remove(0);
        }
        self.young.push((place, at));
        self.young.len() >= ENOUGH
    }

    /// Judges a message on behalf of all of them, beside its own network.
    pub(super) fn anywhere(&mut self, id: MailId, message: &Submission, outside: usize, at: Time) {
        let key = hash(ANYWHERE);
        let origin = self.origins.entry(key, || Origin::new(key, ANYWHERE.to_owned(), at));
        for rcpt in self.mails.get(id).into_iter().flat_map(|mail| &mail.recipients).filter(|rcpt| !rcpt.inside) {
            origin.course.to(rcpt.domain);
        }
        if origin.is_over(&self.policy, at)
            && let Some(found) = origin.resolve(&self.policy, &mut self.site, at).and_then(|n| self.found.get_mut(n))
        {
            found.closed = true;
        }
        let event = Event::Submission(message.clone());
        let verdict = step(&self.policy, &mut origin.profile, &mut self.site, &event, at);
        let outside = u32::try_from(outside).unwrap_or(u32::MAX);
        let sent = Sent { at, place: message.place, outside, authenticated: false };
        let mark = origin.evidence.note(&origin.profile, &verdict, sent);
        if let Some(incident) = &verdict.incident {
            let found = origin.hold(incident, &verdict, self.found.len(), at);
            self.found.push(found);
        } else if let Some(found) = origin.open.and_then(|open| self.found.get_mut(open)) {
            found.after(sent);
        } else if let Some(mark) = mark {
            // Of those who wait nobody can tell when they would leave: only those who would not wait count.
            let waiting = match &verdict.action {
                Action::Dwell { until } => u32::try_from(until.iter().flatten().count()).unwrap_or(u32::MAX),
                Action::Pass | Action::Hold => 0,
            };
            origin.evidence.escaped(mark, outside.saturating_sub(waiting));
        }
    }
}
