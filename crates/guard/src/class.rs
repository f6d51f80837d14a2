//! What kind of sender an origin is: learnt from how it sends, or set by an administrator.
//!
//! A class only ever relaxes what comes from places that the origin is used to. From anywhere else every origin is
//! judged as strictly as a person.

use serde::{Deserialize, Serialize};

use crate::profile::{Profile, wire::wire_enum};

/// The classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A human being.
    #[default]
    Person,
    /// Sales, support, recruiting: writes to new people all day.
    Role,
    /// A machine that sends templates to few at a time.
    Application,
    /// A machine or person that sends one text to many.
    Newsletter,
}

wire_enum!(Class { Person = 0, Role = 1, Application = 2, Newsletter = 3 });

/// Days with more recipients than this are bulk days.
const BULK_RECIPIENTS: u32 = 100;
/// Bulk days until an origin counts as a newsletter.
const BULK_DAYS: u16 = 3;
/// Messages and active days until a class is learnt at all.
const ENOUGH: (u32, u16) = (50, 5);
/// The same for a role, whose mark is weaker.
const ENOUGH_FOR_ROLE: (u32, u16) = (100, 10);

/// What the profile's history says. Called once a day, after a clean day only, so that one bad day teaches nothing.
#[must_use]
pub fn learn(profile: &Profile) -> Class {
    let enough = |(messages, days): (u32, u16)| profile.messages >= messages && profile.active_days >= days;
    let one_client = profile.places.items().iter().filter(|p| p.days >= 2).count() <= 2
        && profile.clients.items().iter().filter(|c| c.days >= 2).count() <= 2;
    let first_contact = profile.first_contact_rate();
    if profile.bulk_days >= BULK_DAYS && first_contact <= 0.3 {
        Class::Newsletter
    } else if enough(ENOUGH) && one_client && first_contact <= 0.3 && profile.alike >= 0.6 {
        Class::Application
    } else if enough(ENOUGH_FOR_ROLE) && first_contact >= 0.2 {
        Class::Role
    } else {
        Class::Person
    }
}

/// Whether a day with that many recipients outside was a bulk day.
#[must_use]
pub(crate) const fn is_bulk(recipients: u32, first_contacts: u32) -> bool {
    recipients >= BULK_RECIPIENTS && first_contacts <= recipients / 3
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::time::Duration;

    use sekisho_message::Time;

    use super::*;
    use crate::event::{Event, Recipient, Submission};
    use crate::place::Place;
    use crate::policy::Policy;
    use crate::site::Site;
    use crate::step::step;

    /// Forty days of so many messages a day, each to so many, of whom some are new; one text or many.
    fn live(messages: u64, recipients: usize, new: usize, one_text: bool) -> Profile {
        let (policy, start) = (Policy::default(), Time::from_seconds(1_800_000_000));
        let (mut profile, mut site) = (Profile::new(1, start), Site::default());
        profile.seeded = true;
        for n in 0..40 * messages {
            let mut now = start + Duration::from_secs(n / messages * 86_400 + n % messages * 600);
            let text = if one_text { 0xABCD } else { (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) };
            let fresh = if new == 1 { usize::from(n % 3 == 0) } else { new };
            let recipients =
                (0..recipients).map(|i| Recipient { contact: i >= fresh, domain: 3, ..Recipient::default() }).collect();
            let mail = Submission {
                authenticated: true,
                place: Place::V4([192, 0, 2]),
                fingerprint: Some(4),
                simhash: Some(text),
                recipients,
                ..Submission::default()
            };
            // The first day makes the place known.
            now = now + Duration::from_secs(1);
            step(&policy, &mut profile, &mut site, &Event::Submission(mail), now);
        }
        profile
    }

    #[test]
    fn classes_are_learnt_from_clean_days() {
        assert_eq!(live(2, 1, 0, false).class(), Class::Person);
        assert_eq!(live(4, 1, 0, true).class(), Class::Application);
        assert_eq!(live(4, 40, 0, true).class(), Class::Newsletter);
        assert_eq!(live(9, 1, 1, false).class(), Class::Role);
    }

    #[test]
    fn what_is_set_wins() {
        let mut profile = live(4, 1, 0, true);
        profile.class_set = Some(Class::Person);
        assert_eq!(profile.class(), Class::Person);
    }
}
