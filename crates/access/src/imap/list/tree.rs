//! All names that a client can see, with the levels above them.

use std::collections::BTreeMap;

use sekisho_store::acl::{self, Rights};
use sekisho_store::mailbox::{self, Mailbox};
use sekisho_store::{AccountId, Result, Tx};

use super::super::names::shared_name;

/// The names, in order.
pub(in crate::imap) type Tree = BTreeMap<String, Node>;

/// A name in the tree of mailboxes.
#[derive(Clone, Debug, Default)]
pub(in crate::imap) struct Node {
    /// `None` for a level that only has levels below, or a name that is only subscribed.
    pub(in crate::imap) mailbox: Option<Mailbox>,
    pub(in crate::imap) rights: Rights,
    pub(in crate::imap) subscribed: bool,
    /// Some level below is a mailbox.
    pub(in crate::imap) has_children: bool,
    /// Some level below is subscribed.
    pub(in crate::imap) subscribed_below: bool,
    /// Some level below has a special use.
    pub(in crate::imap) special_below: bool,
}

/// Reads the tree: what `account` has, what others share with it, and what it is subscribed to.
pub(in crate::imap) fn tree(tx: &mut dyn Tx, account: AccountId) -> Result<Tree> {
    let mut tree = Tree::new();
    for mailbox in mailbox::list(tx, account)? {
        add(&mut tree, mailbox.name.clone(), mailbox, Rights::ALL);
    }
    for (mut mailbox, owner, rights) in acl::shared_with(tx, account)? {
        // Uses are the owner's: nobody's client should file its sent mail elsewhere. An owner with a separator in the
        // address would look like two levels.
        mailbox.special = None;
        if rights.has(Rights::LOOKUP) && !owner.contains('/') {
            add(&mut tree, shared_name(&owner, &mailbox.name), mailbox, rights);
        }
    }
    for name in mailbox::subscriptions(tx, account)? {
        for (at, _) in name.match_indices('/') {
            tree.entry(name.get(..at).unwrap_or_default().to_owned()).or_default().subscribed_below = true;
        }
        tree.entry(name).or_default().subscribed = true;
    }
    Ok(tree)
}

fn add(tree: &mut Tree, name: String, mailbox: Mailbox, rights: Rights) {
    for (at, _) in name.match_indices('/') {
        let above = tree.entry(name.get(..at).unwrap_or_default().to_owned()).or_default();
        above.has_children = true;
        above.special_below |= mailbox.special.is_some();
    }
    let node = tree.entry(name).or_default();
    (node.mailbox, node.rights) = (Some(mailbox), rights);
}
