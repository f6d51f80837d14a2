//! LIST and LSUB (RFC 9051 §6.3.9, RFC 3501 §6.3.9, LIST-EXTENDED RFC 5258, LIST-STATUS RFC 5819, SPECIAL-USE RFC 6154,
//! LIST-MYRIGHTS RFC 8440, LIST-METADATA RFC 9590).

mod tree;

use std::collections::HashSet;

use sekisho_proto::imap::Done;
use sekisho_proto::imap::list::{List, StatusItem};
use sekisho_store::acl::Rights;
use sekisho_store::{AccountId, Result, Tx};

pub(super) use self::tree::{Node, tree};
use super::agent::{Enabled, ImapAgent, Outcome};
use super::metadata::metadata_line;
use super::names::normal;
use super::pattern;
use super::status::{StatusOf, deleted_storage, status_line};

/// What LIST says of one name besides its line.
#[derive(Default)]
struct More {
    deleted_storage: u64,
    metadata: Vec<(String, Option<Vec<u8>>)>,
}

impl ImapAgent {
    pub(super) async fn list(&mut self, list: List) -> Outcome {
        let completed = if list.lsub { "LSUB completed" } else { "LIST completed" };
        let account = self.account_id()?;
        if let [only] = list.patterns.as_slice()
            && only.is_empty()
            && !list.lsub
        {
            // Only the separator is asked for.
            return Ok(Done::ok(completed).data(b"* LIST (\\Noselect) \"/\" \"\"\r\n".to_vec()));
        }
        self.enabled.condstore |= list.returns.status.contains(&StatusItem::HighestModSeq);
        let (enabled, message_max) = (self.enabled, self.service.message_max());
        let read = self.store().read(move |tx| answer(tx, account, &list, enabled, message_max)).await;
        Ok(Done::ok(completed).data(read.map_err(|error| self.refused(&error))?))
    }
}

fn answer(tx: &mut dyn Tx, account: AccountId, list: &List, enabled: Enabled, message_max: u64) -> Result<Vec<u8>> {
    let tree = tree(tx, account)?;
    let patterns: Vec<String> =
        list.patterns.iter().map(|p| normal(&format!("{}{p}", list.reference)).into_owned()).collect();
    let matching = |name: &str| patterns.iter().any(|p| pattern::matches(p, name));
    let chosen: HashSet<&str> =
        tree.iter().filter(|(name, node)| matching(name) && selected(list, node)).map(|(n, _)| n.as_str()).collect();
    let mut data = Vec::new();
    let inbox_first = tree.iter().filter(|(n, _)| *n == "INBOX").chain(tree.iter().filter(|(n, _)| *n != "INBOX"));
    for (name, node) in inbox_first {
        let is_chosen = chosen.contains(name.as_str());
        let parent_only = !is_chosen && matching(name) && parent_counts(list, node, name, &chosen, &patterns);
        if !is_chosen && !parent_only {
            continue;
        }
        line(&mut data, name, node, list, parent_only, enabled);
        let Some(mailbox) = node.mailbox.as_ref().filter(|_| node.is_open()) else { continue };
        let more = more(tx, account, node, list)?;
        if !list.returns.status.is_empty() {
            let of = StatusOf { items: &list.returns.status, message_max, enabled };
            status_line(&mut data, name, mailbox, of, more.deleted_storage);
        }
        if list.returns.my_rights {
            data.extend_from_slice(b"* MYRIGHTS ");
            enabled.name(&mut data, name);
            data.extend_from_slice(format!(" {}\r\n", node.rights).as_bytes());
        }
        if !list.returns.metadata.is_empty() {
            metadata_line(&mut data, name, &more.metadata, enabled);
        }
    }
    Ok(data)
}

fn more(tx: &mut dyn Tx, account: AccountId, node: &Node, list: &List) -> Result<More> {
    let mut more = More::default();
    let Some(mailbox) = &node.mailbox else { return Ok(more) };
    if list.returns.status.contains(&StatusItem::DeletedStorage) && mailbox.deleted > 0 {
        more.deleted_storage = deleted_storage(tx, mailbox.id)?;
    }
    for entry in &list.returns.metadata {
        more.metadata.push((entry.clone(), super::metadata::value(tx, account, mailbox.id, entry)?));
    }
    Ok(more)
}

/// Whether the selection options let the name through.
fn selected(list: &List, node: &Node) -> bool {
    let special = node.mailbox.as_ref().is_some_and(|m| m.special.is_some());
    let wanted = (!list.subscribed || node.subscribed) && (!list.special_use || special);
    // A name that is nothing but a subscription is listed where subscriptions are asked for.
    wanted && (list.subscribed || node.exists())
}

/// Whether a name that is not selected itself is listed for what is below it: with RECURSIVEMATCH (RFC 5258 §3.5), and
/// in LSUB with `%` (RFC 3501 §6.3.9), where the levels below do not match themselves.
fn parent_counts(list: &List, node: &Node, name: &str, chosen: &HashSet<&str>, patterns: &[String]) -> bool {
    if list.recursive {
        return below_counts(list, node);
    }
    let below_listed = || chosen.iter().any(|c| c.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')));
    list.lsub && node.subscribed_below && patterns.iter().any(|p| p.contains('%')) && !below_listed()
}

/// Whether something below the name meets the selection options.
fn below_counts(list: &List, node: &Node) -> bool {
    (!list.subscribed || node.subscribed_below) && (!list.special_use || node.special_below)
}

fn line(out: &mut Vec<u8>, name: &str, node: &Node, list: &List, parent_only: bool, enabled: Enabled) {
    let mut attributes: Vec<String> = Vec::new();
    if list.lsub {
        if parent_only || !node.is_open() {
            attributes.push("\\Noselect".into());
        }
    } else {
        attributes = node.attributes();
        if node.subscribed && (list.subscribed || list.returns.subscribed) {
            attributes.push("\\Subscribed".into());
        }
        attributes.extend(node.mailbox.iter().filter_map(|m| m.special.as_ref()).map(|special| format!("\\{special}")));
    }
    let verb = if list.lsub { "LSUB" } else { "LIST" };
    out.extend_from_slice(format!("* {verb} ({}) \"/\" ", attributes.join(" ")).as_bytes());
    enabled.name(out, name);
    if list.recursive && below_counts(list, node) && !list.lsub {
        let mut criteria = Vec::new();
        if list.subscribed {
            criteria.push("\"SUBSCRIBED\"");
        }
        if list.special_use {
            criteria.push("\"SPECIAL-USE\"");
        }
        out.extend_from_slice(format!(" (\"CHILDINFO\" ({}))", criteria.join(" ")).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// `* LIST (…) "/" name ("OLDNAME" (old))` (RFC 9051 §7.3.1), as changes are told.
pub(super) fn changed_line(out: &mut Vec<u8>, attributes: &str, name: &str, old: Option<&str>, enabled: Enabled) {
    out.extend_from_slice(format!("* LIST ({attributes}) \"/\" ").as_bytes());
    enabled.name(out, name);
    if let Some(old) = old {
        out.extend_from_slice(b" (\"OLDNAME\" (");
        enabled.name(out, old);
        out.extend_from_slice(b"))");
    }
    out.extend_from_slice(b"\r\n");
}

impl Node {
    /// It can be selected.
    pub(super) fn is_open(&self) -> bool {
        self.mailbox.is_some() && self.rights.has(Rights::READ)
    }

    /// There is such a mailbox, or one below.
    pub(super) fn exists(&self) -> bool {
        self.mailbox.is_some() || self.has_children
    }

    fn attributes(&self) -> Vec<String> {
        let mut attributes = Vec::new();
        if self.mailbox.is_none() {
            attributes.push("\\NonExistent".to_owned());
        }
        if !self.is_open() {
            attributes.push("\\Noselect".to_owned());
        }
        attributes.push(if self.has_children { "\\HasChildren".to_owned() } else { "\\HasNoChildren".to_owned() });
        attributes
    }
}
