//! How mailboxes, subscriptions and annotations stand at one moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use sekisho_proto::imap::notify::{Events, Filter, Group};
use sekisho_store::annotation::{self, Place, Scope};
use sekisho_store::mailbox::{self, Mailbox};
use sekisho_store::{AccountId, MailboxId, Result, Tx};

use super::super::list::tree;
use super::super::names::{Named, named};

/// One mailbox.
pub(super) struct Standing {
    pub(super) mailbox: Mailbox,
    pub(super) subscribed: bool,
    /// Annotations, where they are asked about: names, and a number that changes with the value.
    pub(super) notes: Vec<(String, u64)>,
}

/// Everything that NOTIFY can tell of.
#[derive(Default)]
pub(super) struct Snapshot {
    pub(super) mailboxes: BTreeMap<String, Standing>,
    subscriptions: BTreeSet<String>,
    pub(super) server_notes: Vec<(String, u64)>,
    /// Whose mailboxes they are.
    pub(super) owners: Vec<AccountId>,
}

/// Looks at everything that `groups` may ask about.
pub(super) fn snapshot(tx: &mut dyn Tx, account: AccountId, groups: &[Group]) -> Result<Snapshot> {
    let mut snapshot = Snapshot { subscriptions: mailbox::subscriptions(tx, account)?, ..Snapshot::default() };
    let mut owners = BTreeSet::new();
    for (name, node) in tree(tx, account)? {
        let open = node.is_open();
        let Some(mailbox) = node.mailbox.filter(|_| open) else { continue };
        let wanted = events(groups, &name, node.subscribed);
        let notes = if wanted.is_some_and(|events| events.mailbox_metadata) {
            notes(tx, account, Place::Mailbox(mailbox.id))?
        } else {
            Vec::new()
        };
        owners.insert(mailbox.account);
        snapshot.mailboxes.insert(name, Standing { mailbox, subscribed: node.subscribed, notes });
    }
    if groups.iter().any(|group| group.events.server_metadata) {
        snapshot.server_notes = notes(tx, account, Place::Server)?;
    }
    snapshot.owners = owners.into_iter().collect();
    Ok(snapshot)
}

/// The events of the first group that a mailbox is in.
pub(super) fn events<'a>(groups: &'a [Group], name: &str, subscribed: bool) -> Option<&'a Events> {
    let in_group = |group: &&Group| match &group.filter {
        Filter::Inboxes => name == "INBOX",
        Filter::Personal => matches!(named(name), Named::Own(_)),
        Filter::Subscribed => subscribed,
        Filter::Subtree(tops) => tops
            .iter()
            .any(|top| name.strip_prefix(top.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))),
        Filter::Mailboxes(names) => names.iter().any(|one| one == name),
        Filter::Selected | Filter::SelectedDelayed => false,
    };
    groups.iter().find(in_group).map(|group| &group.events)
}

impl Snapshot {
    /// Names by id.
    pub(super) fn by_id(&self) -> HashMap<MailboxId, &str> {
        self.mailboxes.iter().map(|(name, standing)| (standing.mailbox.id, name.as_str())).collect()
    }

    /// Names whose subscription differs in `now`, with the attribute that tells so.
    pub(super) fn subscription_changes<'a>(
        &'a self,
        now: &'a Self,
    ) -> impl Iterator<Item = (&'a String, &'static str)> {
        let gone = self.subscriptions.difference(&now.subscriptions).map(|name| (name, ""));
        gone.chain(now.subscriptions.difference(&self.subscriptions).map(|name| (name, "\\Subscribed")))
    }
}

fn notes(tx: &mut dyn Tx, account: AccountId, place: Place) -> Result<Vec<(String, u64)>> {
    let mut notes = Vec::new();
    for (prefix, scope) in [("/private", Scope::Private(account)), ("/shared", Scope::Shared)] {
        for (entry, value) in annotation::all(tx, place, scope)? {
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            notes.push((format!("{prefix}{entry}"), hasher.finish()));
        }
    }
    Ok(notes)
}
