//! What waits, in piles: by lane (an origin's mail for a destination) and by likeness.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use sekisho_control::Query;
use sekisho_store::RecipientId;
use sekisho_store::queue::Filter;

use super::queue::fingerprint_of;
use crate::gate::{Member, Oops};
use crate::service::Console;
use crate::words::{items, number, text};

/// Pages of a thousand recipients that are looked at, and how long at most.
const PAGES: usize = 20;
const PATIENCE: Duration = Duration::from_millis(400);
/// Piles that are told of each kind.
const MOST: usize = 50;

/// Messages that are alike.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Their fingerprint as it is stored.
    pub(crate) fingerprint: i64,
    /// How many.
    pub(crate) messages: u64,
    /// To how many.
    pub(crate) recipients: u64,
    /// One of them.
    pub(crate) sample: String,
    /// Its subject.
    pub(crate) subject: String,
}

/// What an origin has for a destination.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) origin: String,
    pub(crate) destination: String,
    /// Domain of one of its recipients.
    pub(crate) domain: String,
    /// To how many.
    pub(crate) recipients: u64,
    /// Age of the oldest, in seconds.
    pub(crate) oldest: u64,
    /// What the destination said last, of those seen.
    pub(crate) reply: String,
}

/// Both, the most first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Piles {
    pub(crate) groups: Vec<Group>,
    pub(crate) lanes: Vec<Lane>,
    /// Whether there is more than was looked at or is told.
    pub(crate) more: bool,
}

/// Puts what `filter` finds into piles.
///
/// # Errors
/// When the store does not answer, or the asker may not see it.
pub(crate) async fn piles(console: &Console, member: &Member, filter: &Filter) -> Result<Piles, Oops> {
    let (mut groups, mut lanes) = (HashMap::<i64, Group>::new(), HashMap::<(String, String), Lane>::new());
    let (mut seen, mut after): (HashSet<String>, Option<RecipientId>) = (HashSet::new(), None);
    let begun = Instant::now();
    for _ in 0..PAGES {
        let query = Query::Queue { filter: filter.clone(), after, limit: 1_000 };
        let page = member.look(console, query).await?;
        for one in items(&page, "recipients") {
            let field = |name: &str| text(one, name).to_owned();
            let lane = lanes.entry((field("origin"), field("destination"))).or_insert_with(|| Lane {
                origin: field("origin"),
                destination: field("destination"),
                domain: text(one, "to").rsplit('@').next().unwrap_or_default().to_owned(),
                recipients: 0,
                oldest: 0,
                reply: String::new(),
            });
            lane.recipients += 1;
            lane.oldest = lane.oldest.max(number(one, "age_seconds"));
            if !text(one, "reply").is_empty() {
                lane.reply = field("reply");
            }
            let Some(fingerprint) = fingerprint_of(text(one, "fingerprint")) else { continue };
            let group = groups.entry(fingerprint).or_insert_with(|| Group {
                fingerprint,
                messages: 0,
                recipients: 0,
                sample: field("message"),
                subject: field("subject"),
            });
            group.recipients += 1;
            group.messages += u64::from(seen.insert(field("message")));
        }
        after = page["next"].as_i64().map(RecipientId);
        if after.is_none() || begun.elapsed() > PATIENCE {
            break;
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.messages), group.fingerprint));
    let mut lanes: Vec<Lane> = lanes.into_values().collect();
    lanes.sort_by(|a, b| b.recipients.cmp(&a.recipients).then_with(|| a.destination.cmp(&b.destination)));
    let more = after.is_some() || groups.len() > MOST || lanes.len() > MOST;
    groups.truncate(MOST);
    lanes.truncate(MOST);
    Ok(Piles { groups, lanes, more })
}
