//! What the guard is told of a message.

use sekisho_control::Control;
use sekisho_control::guard::{Guard, Mail, Seed};
use sekisho_guard::event::{Author, Recipient as Fact, Submission as Event};
use sekisho_guard::origin::{Kind, Origin};
use sekisho_guard::place::Place;
use sekisho_message::{Address, Time};
use sekisho_store::MessageId;

use super::{Recipient, Route, Submission};

/// What reception saw of the client and the header, beside what is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signs {
    /// What the client program looks like, as text: EHLO form, TLS, X-Mailer, shape of its Message-ID. It is hashed.
    pub client: String,
    /// A number for the connection.
    pub session: u64,
    /// The first address of the header From.
    pub author: Option<Address>,
    /// Whether answers go to another domain than the author's.
    pub reply_elsewhere: bool,
    /// Whether the name that people read beside the author's address is another address.
    pub imitates: bool,
    /// What the content filter says, as a log-likelihood ratio above 0.
    pub content: Option<f32>,
    /// Local time's distance from UTC in minutes.
    pub offset_minutes: i32,
}

/// What one origin asks to send.
pub(super) fn mail(
    control: &Control,
    submission: &Submission,
    id: MessageId,
    origin: &Origin,
    recipients: &[&Recipient],
) -> Mail {
    let guard = control.guard();
    let facts: Vec<(Fact, i64)> = recipients.iter().map(|recipient| fact(guard, &recipient.route)).collect();
    let (recipients, peers) = facts.into_iter().unzip();
    let number = u64::try_from(id.0).unwrap_or_default();
    let mut event = Event { message: number, recipients, ..Event::default() };
    // What an alias forwards was written by somebody else, somewhere else: only to whom it goes is the alias's own.
    if origin.kind() != Kind::Alias {
        describe(&mut event, guard, submission, origin.kind() == Kind::Account);
        about_sessions(&mut event, control, submission, origin);
    }
    Mail { origin: origin.key(), id, network: submission.client.clone(), event, peers }
}

fn describe(event: &mut Event, guard: &Guard, submission: &Submission, authenticated: bool) {
    let signs = &submission.signs;
    event.authenticated = authenticated;
    event.place = Place::parse(&submission.client);
    event.autonomous_system = guard.system(&submission.client);
    event.country = guard.country(&submission.client);
    event.fingerprint = (!signs.client.is_empty()).then(|| guard.hash(b"client", signs.client.as_bytes()));
    event.session = signs.session;
    event.size = u32::try_from(submission.content.size()).unwrap_or(u32::MAX);
    event.simhash = Some(submission.fingerprint.cast_unsigned()).filter(|hash| *hash != 0);
    event.content = signs.content;
    event.hour_of_week = Some(hour_of_week(submission.received, signs.offset_minutes));
    event.author = Author {
        // Reception refuses what an account does not own.
        foreign: false,
        imitates: signs.imitates,
        reply_elsewhere: signs.reply_elsewhere,
        from: signs.author.as_ref().map_or(0, |author| guard.hash(b"author", author.key().as_bytes())),
    };
}

/// What other sessions of the account tell of this one.
fn about_sessions(event: &mut Event, control: &Control, submission: &Submission, origin: &Origin) {
    let Some(account) = submission.account.filter(|_| event.authenticated) else { return };
    let (bus, place) = (control.bus(), event.place);
    event.live_elsewhere = Some(bus.elsewhere(account, place));
    event.send_only = match bus.reads_at(account, place) {
        true => Some(false),
        false => control.guard().only_sends(&origin.key(), place, submission.received),
    };
}

/// What is known of a recipient before its contacts are looked up, and by what number the store knows it.
fn fact(guard: &Guard, route: &Route) -> (Fact, i64) {
    match route {
        Route::Local(address) => (Fact { local: true, trap: is_trap(guard, address), ..Fact::default() }, 0),
        // Members of a list may be anywhere.
        Route::List(key) => match Address::parse(key) {
            Ok(address) => outside(guard, &address),
            Err(_) => (Fact { local: true, ..Fact::default() }, 0),
        },
        Route::Outside(address) => outside(guard, address),
    }
}

fn outside(guard: &Guard, address: &Address) -> (Fact, i64) {
    let (domain, order) = (guard.domain(address.domain().ascii()), order(address));
    let fact = Fact { domain, order, trap: is_trap(guard, &address.key()), ..Fact::default() };
    (fact, guard.peer(address))
}

fn is_trap(guard: &Guard, address: &str) -> bool {
    let traps = &guard.settings().traps;
    !traps.is_empty() && traps.contains(&address.to_lowercase())
}

/// The first eight octets in lower case, big-endian.
fn order(address: &Address) -> u64 {
    let key = address.key();
    let mut octets = [0_u8; 8];
    octets.iter_mut().zip(key.bytes()).for_each(|(to, from)| *to = from);
    u64::from_be_bytes(octets)
}

/// Hour of the week at the server, Monday 0 o'clock first.
fn hour_of_week(now: Time, offset_minutes: i32) -> u8 {
    let hours = (now.0.div_euclid(60_000_000) + i64::from(offset_minutes)).div_euclid(60);
    // The epoch was a Thursday.
    u8::try_from((hours + 3 * 24).rem_euclid(168)).unwrap_or_default()
}

/// The author of mail from outside becomes a contact of the first mailbox that it is for.
pub(super) fn seed(guard: &Guard, submission: &Submission) -> Option<Seed> {
    if submission.origin.kind() != Kind::Inbound || submission.reverse_path.is_none() {
        return None;
    }
    let author = submission.signs.author.as_ref()?;
    submission.recipients.iter().find_map(|recipient| match &recipient.route {
        Route::Local(address) => guard.seed(address, author),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_week_begins_on_monday_where_the_server_is() {
        // 2026-11-23 is a Monday.
        let monday = Time::from_seconds(1_795_392_000);
        assert_eq!(hour_of_week(monday, 0), 0);
        assert_eq!(hour_of_week(monday, 540), 9);
        assert_eq!(hour_of_week(monday, -60), 167);
    }

    #[test]
    fn order_follows_the_alphabet() {
        let of = |text: &str| order(&Address::parse(text).unwrap());
        assert!(of("anna@x.test") < of("Bert@x.test") && of("bert@x.test") == of("BERT@x.test"));
    }
}
