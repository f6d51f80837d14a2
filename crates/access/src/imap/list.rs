//! LIST and LSUB (RFC 3501 §6.3.8-9, LIST-EXTENDED RFC 5258, LIST-STATUS RFC 5819, SPECIAL-USE RFC 6154).

use std::collections::{BTreeMap, HashSet};

use sekisho_proto::imap::list::List;
use sekisho_proto::imap::{Done, print};
use sekisho_store::mailbox::{self, Mailbox};

use super::agent::{ImapAgent, Outcome};
use super::pattern;
use super::status::status_line;

/// A name in the tree of mailboxes.
#[derive(Default)]
struct Node {
    /// `None` for a level that only has levels below.
    mailbox: Option<Mailbox>,
    has_children: bool,
    /// Some level below is subscribed.
    subscribed_below: bool,
}

impl ImapAgent {
    pub(super) async fn list(&mut self, list: List) -> Outcome {
        let verb = if list.lsub { "LSUB" } else { "LIST" };
        let completed = if list.lsub { "LSUB completed" } else { "LIST completed" };
        let account = self.account_id()?;
        if let [only] = list.patterns.as_slice()
            && only.is_empty()
            && !list.lsub
        {
            // Only the separator is asked for.
            return Ok(Done::ok(completed).data(b"* LIST (\\Noselect) \"/\" \"\"\r\n".to_vec()));
        }
        let mailboxes = self.store().read(move |tx| mailbox::list(tx, account)).await;
        let tree = tree(mailboxes.map_err(|error| self.refused(&error))?);
        let patterns: Vec<String> = list.patterns.iter().map(|p| format!("{}{p}", list.reference)).collect();
        let matching = |name: &str| patterns.iter().any(|p| pattern::matches(p, name));
        let chosen: HashSet<&str> = tree
            .iter()
            .filter(|(name, node)| matching(name) && selected(&list, node))
            .map(|(n, _)| n.as_str())
            .collect();
        let mut data = Vec::new();
        let inbox_first = tree.iter().filter(|(n, _)| *n == "INBOX").chain(tree.iter().filter(|(n, _)| *n != "INBOX"));
        for (name, node) in inbox_first {
            let is_chosen = chosen.contains(name.as_str());
            let parent_only = !is_chosen && matching(name) && parent_counts(&list, node, name, &chosen, &patterns);
            if !is_chosen && !parent_only {
                continue;
            }
            line(&mut data, verb, name, node, &list, parent_only);
            if let Some(mailbox) = node.mailbox.as_ref().filter(|_| !list.returns.status.is_empty()) {
                status_line(&mut data, mailbox, &list.returns.status, self.service.message_max());
            }
        }
        Ok(Done::ok(completed).data(data))
    }
}

/// All names with the levels above them.
fn tree(mailboxes: Vec<Mailbox>) -> BTreeMap<String, Node> {
    let mut tree: BTreeMap<String, Node> = BTreeMap::new();
    for mailbox in mailboxes {
        for (at, _) in mailbox.name.match_indices('/') {
            let above = tree.entry(mailbox.name.get(..at).unwrap_or_default().to_owned()).or_default();
            above.has_children = true;
            above.subscribed_below |= mailbox.subscribed;
        }
        let name = mailbox.name.clone();
        tree.entry(name).or_default().mailbox = Some(mailbox);
    }
    tree
}

/// Whether the selection options let the name through.
fn selected(list: &List, node: &Node) -> bool {
    let subscribed = node.mailbox.as_ref().is_some_and(|m| m.subscribed);
    let special = node.mailbox.as_ref().is_some_and(|m| m.special.is_some());
    (!list.subscribed || subscribed) && (!list.special_use || special)
}

/// Whether a name that is not selected itself is listed for what is below it: with RECURSIVEMATCH (RFC 5258 §3.5), and
/// in LSUB with `%` (RFC 3501 §6.3.9), where the levels below do not match themselves.
fn parent_counts(list: &List, node: &Node, name: &str, chosen: &HashSet<&str>, patterns: &[String]) -> bool {
    if list.recursive {
        return node.subscribed_below;
    }
    let below_listed = || chosen.iter().any(|c| c.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')));
    list.lsub && node.subscribed_below && patterns.iter().any(|p| p.contains('%')) && !below_listed()
}

fn line(out: &mut Vec<u8>, verb: &str, name: &str, node: &Node, list: &List, parent_only: bool) {
    let mut attributes: Vec<String> = Vec::new();
    if list.lsub {
        if parent_only {
            attributes.push("\\Noselect".into());
        }
    } else {
        if node.mailbox.is_none() {
            attributes.push("\\NonExistent".into());
            attributes.push("\\Noselect".into());
        }
        attributes.push(if node.has_children { "\\HasChildren".into() } else { "\\HasNoChildren".into() });
        if let Some(mailbox) = &node.mailbox {
            if mailbox.subscribed && (list.subscribed || list.returns.subscribed) {
                attributes.push("\\Subscribed".into());
            }
            attributes.extend(mailbox.special.as_ref().map(|special| format!("\\{special}")));
        }
    }
    out.extend_from_slice(format!("* {verb} ({}) \"/\" ", attributes.join(" ")).as_bytes());
    print::mailbox(out, name);
    if list.recursive && node.subscribed_below && !list.lsub {
        out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    out.extend_from_slice(b"\r\n");
}
